/* Entries in few bytes: read again they are the same, by the engine's reader and by verify's, what
 * stood there before takes next to nothing, bytes that are no such thing are refused; and what was
 * written before there was such a form is still read. */
#include "tests/lib/unit.h"
#include "tools/verify/wallet_words.h"
#include "util/le.h"
#include "wallet/ops.h"
#include "wallet/params.h"

#define ITEMS_AT 24

static uint8_t plain[WALLET_BODY_MAX];
static uint8_t shortened[TERSE_ROOM(WALLET_BODY_MAX)];
static uint64_t seed = 1;

static uint32_t any(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % below;
}

static struct ops_writer begin(uint16_t type, struct bytes message, struct bytes fact)
{
    struct ops_writer writer;
    ops_begin(&writer, plain, sizeof plain, type, message, fact);
    return writer;
}

/* Both readers make the words of it again; gives the size of the body. */
static size_t round_trip(const struct ops_writer *writer, size_t items_at)
{
    static uint8_t again[WALLET_BODY_MAX];
    static struct wallet_entry entry;
    memset(shortened, 0xaa, sizeof shortened);
    const size_t size = ops_shorten(writer, items_at, shortened);
    assert_true(size <= writer->size);
    const struct bytes body = {shortened, size};
    assert_true(wallet_entry_decode(body, &entry));
    const size_t words = writer->size - WALLET_BODY_HEAD;
    assert_memory_equal(entry.message.data, plain + WALLET_BODY_HEAD, words);
    assert_int_equal(entry.ops.data + entry.ops.size - entry.message.data, words);
    if (shortened[3] == 0) return size;

    const struct words_form form = {le_load16(shortened + 4), shortened[3] & BODY_ITEMS_AT,
                                    shortened[2]};
    const struct bytes rest = {shortened + WALLET_BODY_HEAD, size - WALLET_BODY_HEAD};
    assert_true(words_terse(rest, &form, again, words));
    assert_memory_equal(again, plain + WALLET_BODY_HEAD, words);
    return size;
}

/* Neither reader takes it when an end of it is missing. */
static void refused_when_cut(size_t size)
{
    static uint8_t out[WALLET_BODY_MAX];
    struct wallet_entry entry;
    const struct words_form form = {le_load16(shortened + 4), shortened[3] & BODY_ITEMS_AT,
                                    shortened[2]};
    const size_t words = 4u * le_load16(shortened + 6);
    if (shortened[3] == 0) return;
    for (size_t cut = WALLET_BODY_HEAD; cut < size; cut++) {
        assert_false(wallet_entry_decode((struct bytes){shortened, cut}, &entry));
        assert_false(
            words_terse((struct bytes){shortened + WALLET_BODY_HEAD, cut - WALLET_BODY_HEAD}, &form,
                        out, words));
    }
    shortened[size] = 0;
    assert_false(wallet_entry_decode((struct bytes){shortened, size + 1}, &entry));
}

/* -- one entry, byte by byte ----------------------------------------------------------------- */

static const struct psn_key giver = {
    {0x11, 0x22, 0x33, 0x44, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
static const struct psn_key receiver = {
    {0xaa, 0xbb, 0xcc, 0xdd, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3}};

static struct ops_writer known_entry(void)
{
    static const char message[] = "hello";
    const struct wallet_fact fact = {.psn_key = receiver, .wallet_state = 1, .lots = 300};
    struct ops_writer writer = begin(0x0211, (struct bytes){(const uint8_t *)message, 5},
                                     (struct bytes){(const uint8_t *)&fact, sizeof fact});
    uint8_t person[PSN_KEY_SIZE + 8];
    memcpy(person, giver.bytes, PSN_KEY_SIZE);
    le_store64(person + PSN_KEY_SIZE, 77);
    ops_put(&writer, OP_PERSON, 0, person, sizeof person);
    const struct holder_row holder = {.holder = receiver, .amount = -1};
    ops_put(&writer, OP_PUT, PERSON_HOLDER, &holder, sizeof holder);
    const struct effect effect = {.kind = EFFECT_OFFER,
                                  .to = receiver,
                                  .other = giver,
                                  .id = "T0123456789abcdef01234567",
                                  .amount = 70000,
                                  .at_ms = INT64_C(1735660800000)};
    ops_put_effect(&writer, &effect);
    const struct outgoing out = {.type = OUT_TRSF_NOTICE,
                                 .dest = OUTBOX_APP,
                                 .at_ms = INT64_C(1735660800000),
                                 .id = "T0123456789abcdef01234567",
                                 .ref = "REF-1",
                                 .psn_key = giver};
    ops_put(&writer, OP_OUT, 0, &out, sizeof out);
    ops_put_id(&writer, 'm', 53, bytes_of("REF-1"));
    ops_put_id(&writer, 'c', 0x0211, bytes_of("other"));
    assert_false(writer.full);
    return writer;
}

static void byte_by_byte(void **state)
{
    static const uint8_t expected[] = {
        0x11, 0x02, 0x48, 0x80, 0x05, 0x00, 0x6e, 0x00, 0x68, 0x65, 0x6c, 0x6c, 0x6f, 0x1f, 0x00,
        0x00, 0x02, 0x00, 0x00, 0x00, 0xaa, 0xbb, 0xcc, 0xdd, 0x01, 0x01, 0x01, 0x01, 0x02, 0x02,
        0x02, 0x02, 0x03, 0x03, 0x03, 0x03, 0x01, 0x2c, 0x01, 0x01, 0x1f, 0x11, 0x22, 0x33, 0x44,
        0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x4d, 0x92, 0x81,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x16, 0x01, 0x21, 0xe0, 0x00, 0x00, 0x30,
        0x06, 0x01, 0x54, 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x01, 0x23, 0x45, 0x67,
        0x70, 0x11, 0x01, 0x00, 0x08, 0x72, 0x1d, 0x94, 0x01, 0x07, 0x12, 0xc0, 0xf1, 0x02, 0x00,
        0x00, 0x00, 0x00, 0x24, 0x02, 0x20, 0x05, 0x52, 0x45, 0x46, 0x2d, 0x31, 0x0c, 0x6d, 0x21,
        0x35, 0x0c, 0x63, 0xf2, 0x11, 0x02, 0x05, 0x6f, 0x74, 0x68, 0x65, 0x72};
    (void)state;
    const struct ops_writer writer = known_entry();
    const size_t size = round_trip(&writer, 0);
    refused_when_cut(size);
    assert_int_equal(size, sizeof expected);
    assert_memory_equal(shortened, expected, size);
}

/* The same entry from a journal that was written before entries had a form. */
static void as_it_was_squeezed(void **state)
{
    static const uint8_t old[] = {
        0x11, 0x02, 0x48, 0x00, 0x05, 0x00, 0x6e, 0x00, 0xe0, 0x68, 0x65, 0x6c, 0x6c, 0x80, 0x6f,
        0xe3, 0xaa, 0xbb, 0xcc, 0xdd, 0x01, 0x01, 0x01, 0x01, 0x02, 0x02, 0x02, 0x02, 0x03, 0x03,
        0x03, 0x03, 0x80, 0x01, 0x03, 0xa0, 0x2c, 0x01, 0x07, 0xc0, 0x01, 0x00, 0x18, 0xe3, 0x11,
        0x22, 0x33, 0x44, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10,
        0x80, 0x4d, 0x00, 0xc0, 0x02, 0x09, 0x18, 0x43, 0x1a, 0xe0, 0xff, 0xff, 0xff, 0xff, 0x40,
        0x01, 0xc0, 0x06, 0x01, 0x78, 0x80, 0x01, 0x00, 0x43, 0x09, 0x43, 0x14, 0x03, 0xe4, 0x54,
        0x30, 0x31, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x61, 0x62, 0x63, 0x64, 0x65,
        0x66, 0x30, 0x31, 0x32, 0x40, 0x04, 0x80, 0x37, 0x04, 0xc0, 0x70, 0x11, 0x01, 0x00, 0xe0,
        0x00, 0x08, 0x72, 0x1d, 0xa0, 0x94, 0x01, 0xc0, 0x07, 0x00, 0x90, 0xa0, 0x24, 0x02, 0x80,
        0x20, 0x01, 0x41, 0x07, 0x47, 0x17, 0xe0, 0x52, 0x45, 0x46, 0x2d, 0x80, 0x31, 0x05, 0x47,
        0x2f, 0x05, 0xc0, 0x0c, 0x6d, 0x09, 0x80, 0x35, 0x41, 0x18, 0xc0, 0x0c, 0x63, 0x09, 0xa0,
        0x11, 0x02, 0xe0, 0x6f, 0x74, 0x68, 0x65, 0x80, 0x72};
    static struct wallet_entry entry;
    (void)state;
    const struct ops_writer writer = known_entry();
    assert_true(wallet_entry_decode((struct bytes){old, sizeof old}, &entry));
    assert_int_equal(entry.type, 0x0211);
    assert_int_equal(entry.message.size, 5);
    assert_int_equal(entry.fact.size, sizeof(struct wallet_fact));
    assert_memory_equal(entry.message.data, plain + WALLET_BODY_HEAD,
                        writer.size - WALLET_BODY_HEAD);
    for (size_t cut = 0; cut < sizeof old; cut++)
        assert_false(wallet_entry_decode((struct bytes){old, cut}, &entry));
}

/* -- any rows -------------------------------------------------------------------------------- */

/* Bytes as rows have them: zeros, small numbers, keys and ids that stood there before, and what
 * nobody would expect. */
static void fill(uint8_t *out, size_t size)
{
    static const char *const texts[] = {"T0123456789abcdef01234567",
                                        "W0123456789abcdef01234567",
                                        "P0123456789abcdeF01234567",
                                        "X0123456789abcdeg01234567",
                                        "short",
                                        "C20250101-000000000000000000001"};
    size_t at = 0;
    memset(out, 0, size);
    while (at < size) {
        uint8_t some[32] = {0};
        size_t more = 4;
        switch (any(8)) {
        case 0:
            memset(some, (int)(1 + any(3)), 16);
            more = 16;
            break;
        case 1:
            memcpy(some, texts[any(6)], 5);
            break;
        case 2:
        case 3: {
            const char *text = texts[any(6)];
            memcpy(some, text, strlen(text));
            more = any(2) == 0 ? 28 : 32;
            break;
        }
        case 4:
            le_store32(some, any(300));
            break;
        case 5:
            le_store64(some, UINT64_C(1735660800000) + any(3));
            more = 8;
            break;
        case 6:
            le_store32(some, ~any(70000));
            break;
        default:
            break;
        }
        if (more > size - at) more = size - at;
        memcpy(out + at, some, more);
        at += more;
    }
}

static const struct {
    uint8_t op;
    uint8_t kind;
    uint16_t size;
} rows[] = {
    {OP_PERSON, 0, PSN_KEY_SIZE + 8},
    {OP_PUT, PERSON_WALLET, sizeof(struct wallet_row)},
    {OP_PUT, PERSON_INSURED, sizeof(struct insured_row)},
    {OP_PUT, PERSON_LIMITS, sizeof(struct limits_row)},
    {OP_PUT, PERSON_HOLD, sizeof(struct hold_row)},
    {OP_PUT, PERSON_LOT, sizeof(struct lot)},
    {OP_PUT, PERSON_RELATION, sizeof(struct relation_row)},
    {OP_PUT, PERSON_TRANSFER, offsetof(struct transfer_row, lots)},
    {OP_PUT, PERSON_TRANSFER, offsetof(struct transfer_row, lots) + 2 * sizeof(struct lot)},
    {OP_PUT, PERSON_OFFER, sizeof(struct offer_row)},
    {OP_PUT, PERSON_HOLDER, sizeof(struct holder_row)},
    {OP_PUT, PERSON_RESERVE, sizeof(struct reserve_row)},
    {OP_PUT, PERSON_PREMIUM, sizeof(struct premium_row)},
    {OP_PUT, PERSON_SWITCH, sizeof(struct switch_row)},
    {OP_PUT, PERSON_FILING, sizeof(struct filing_row)},
    {OP_DROP, PERSON_LOT, 4},
    {OP_DROP, PERSON_RELATION, PSN_KEY_SIZE + 4},
    {OP_DROP, PERSON_TRANSFER, WALLET_ID_SIZE},
    {OP_DROP, PERSON_OFFER, WALLET_ID_SIZE},
    {OP_DROP, PERSON_HOLDER, PSN_KEY_SIZE},
    {OP_DROP, PERSON_RESERVE, WALLET_ID_SIZE},
    {OP_DROP, PERSON_PREMIUM, 8},
    {OP_DROP, PERSON_SWITCH, 12},
    {OP_DROP, PERSON_FILING, CLIENT_NO_SIZE},
    {OP_SAID, 0, sizeof(struct wallet_said)},
    {OP_USED, 0, sizeof(struct lot)},
    {OP_EFFECT, 1, offsetof(struct effect, lots)},
    {OP_EFFECT, 9, offsetof(struct effect, lots) + 8 * sizeof(struct lot)},
    {OP_OUT, 0, sizeof(struct outgoing)},
    {OP_QUEUE, 0, sizeof(struct outgoing)},
    {OP_ACK, 0, 16},
    {OP_INSTITUTION, 0, sizeof(struct institution)},
    {OP_RULE, 0, sizeof(struct rule_row)},
    {OP_ID, 'm', 4},
    {OP_ID, 'c', 4 + 21},
    {OP_ID, 't', 4 + 25},
    {OP_ID, 'q', 4 + 32},
    {OP_ID, 'p', 4 + 47},
    {OP_DROP, 200, 3}, /* No op that anybody writes: as it is. */
    {OP_PUT, PERSON_LOT, 57},
    {OP_SAID, 3, 0},
};

#define ROWS (sizeof rows / sizeof rows[0])

static void put_any(struct ops_writer *writer, size_t row, bool lots_fit)
{
    uint8_t data[sizeof(struct effect)];
    fill(data, rows[row].size);
    if (rows[row].op == OP_EFFECT && lots_fit) {
        le_store32(
            data + offsetof(struct effect, lot_count),
            (uint32_t)((rows[row].size - offsetof(struct effect, lots)) / sizeof(struct lot)));
    }
    if (rows[row].op == OP_PUT && rows[row].kind == PERSON_TRANSFER && lots_fit) {
        le_store32(data + offsetof(struct transfer_row, lot_count),
                   (uint32_t)((rows[row].size - offsetof(struct transfer_row, lots)) /
                              sizeof(struct lot)));
    }
    ops_put(writer, (enum op_kind)rows[row].op, rows[row].kind, data, rows[row].size);
}

static void each_row(void **state)
{
    (void)state;
    for (size_t row = 0; row < ROWS; row++) {
        for (int i = 0; i < 50; i++) {
            struct ops_writer writer = begin(7, (struct bytes){0}, (struct bytes){0});
            put_any(&writer, row, i % 5 != 0);
            refused_when_cut(round_trip(&writer, 0));
        }
    }
}

static void many_rows(void **state)
{
    (void)state;
    for (int i = 0; i < 2000; i++) {
        uint8_t message[200];
        uint8_t fact[sizeof(struct wallet_fact)];
        const size_t size = any(sizeof message);
        fill(message, size);
        fill(fact, sizeof fact);
        struct ops_writer writer = begin(7, (struct bytes){message, size},
                                         (struct bytes){fact, any(2) == 0 ? sizeof fact : 0});
        for (;;) {
            const struct ops_writer before = writer;
            put_any(&writer, any(ROWS), any(8) != 0);
            if (!writer.full && any(40) != 0) continue;
            if (writer.full) {
                writer = before;
                le_store16(plain + 6, (uint16_t)((writer.size - WALLET_BODY_HEAD) / 4));
            }
            break;
        }
        round_trip(&writer, 0);
    }
}

/* -- mail ------------------------------------------------------------------------------------ */

static size_t put_item(uint8_t *out, uint16_t op, const void *data, size_t size)
{
    le_store16(out, (uint16_t)size);
    le_store16(out + 2, op);
    memcpy(out + 4, data, size);
    return 4 + size;
}

/* Items that change rows, and others that only go into an outbox. */
static void a_batch(void **state)
{
    (void)state;
    for (int i = 0; i < 500; i++) {
        uint8_t message[1400];
        struct outgoing queued[8];
        uint32_t count = 0;
        size_t size = ITEMS_AT;
        fill(message, ITEMS_AT);
        for (uint32_t n = any(8); n != 0; n--) {
            struct effect effect;
            struct outgoing out;
            fill((uint8_t *)&effect, sizeof effect);
            effect.lot_count = any(2);
            fill((uint8_t *)&out, sizeof out);
            if (any(2) == 0) {
                size += put_item(message + size, OP_EFFECT, &effect, effect_size(&effect));
            } else {
                size += put_item(message + size, OP_OUT, &out, sizeof out);
                queued[count] = out;
                queued[count++].position = any(2) == 0 ? any(9) : UINT64_MAX - any(3);
            }
        }
        struct ops_writer writer = begin(0xe102, (struct bytes){message, size}, (struct bytes){0});
        for (uint32_t n = 0; n < count; n++) {
            if (any(10) == 0) queued[n].why++; /* Not as it came. */
            if (any(10) == 0) continue;        /* Not at all. */
            ops_put(&writer, OP_QUEUE, 0, &queued[n], sizeof queued[n]);
        }
        assert_false(writer.full);
        refused_when_cut(round_trip(&writer, ITEMS_AT));
    }
}

/* What goes into an outbox as it came costs its position. */
static void queued_is_short(void **state)
{
    const struct outgoing out = {.type = OUT_PA_HOLD, .dest = 3, .id = "some", .amount = 123456};
    uint8_t message[ITEMS_AT + 4 + sizeof out] = {0};
    (void)state;
    put_item(message + ITEMS_AT, OP_OUT, &out, sizeof out);
    struct ops_writer writer =
        begin(0xe102, (struct bytes){message, sizeof message}, (struct bytes){0});
    const size_t before = round_trip(&writer, ITEMS_AT);
    struct outgoing queued = out;
    queued.position = 300;
    ops_put(&writer, OP_QUEUE, 0, &queued, sizeof queued);
    assert_int_equal(round_trip(&writer, ITEMS_AT), before + 4);
}

/* A message that is said to be a batch and is none stays as it is. */
static void no_batch(void **state)
{
    uint8_t message[ITEMS_AT + 8] = {0};
    const struct wallet_said said = {.stas = 1};
    (void)state;
    le_store16(message + ITEMS_AT, 5); /* One byte more than there is. */
    struct ops_writer writer =
        begin(0xe102, (struct bytes){message, sizeof message}, (struct bytes){0});
    ops_put(&writer, OP_SAID, 0, &said, sizeof said);
    round_trip(&writer, ITEMS_AT);
    assert_int_equal(shortened[3], BODY_TERSE);
}

/* -- what is none ---------------------------------------------------------------------------- */

/* Any bytes: taken or not, nothing beyond them is looked at, and both readers agree. */
static void any_bytes(void **state)
{
    static uint8_t out[2][WALLET_BODY_MAX];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        uint8_t bytes[64];
        const size_t size = any(sizeof bytes);
        for (size_t k = 0; k < size; k++)
            bytes[k] = (uint8_t)(any(3) == 0 ? any(256) : any(17));
        const size_t words = 4 * any(80);
        const struct terse_form form = {4 * any(20), any(2) * ITEMS_AT,
                                        any(2) * sizeof(struct wallet_fact)};
        const struct words_form same = {form.message_size, form.items_at, form.fact_size};
        const struct bytes source = {bytes, size};
        const bool taken = terse_read(source, &form, out[0], words);
        assert_int_equal(taken, words_terse(source, &same, out[1], words));
        if (taken) assert_memory_equal(out[0], out[1], words);
    }
}

static void forms_that_are_none(void **state)
{
    static struct wallet_entry entry;
    (void)state;
    const struct ops_writer writer = known_entry();
    const size_t size = round_trip(&writer, 0);
    shortened[3] = 1;
    assert_false(wallet_entry_decode((struct bytes){shortened, size}, &entry));
    shortened[3] = BODY_TERSE | 2;
    assert_false(wallet_entry_decode((struct bytes){shortened, size}, &entry));
    shortened[3] = BODY_TERSE;
    shortened[2] = 71;
    assert_false(wallet_entry_decode((struct bytes){shortened, size}, &entry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(byte_by_byte),
        cmocka_unit_test(as_it_was_squeezed),
        cmocka_unit_test(each_row),
        cmocka_unit_test(many_rows),
        cmocka_unit_test(a_batch),
        cmocka_unit_test(queued_is_short),
        cmocka_unit_test(no_batch),
        cmocka_unit_test(any_bytes),
        cmocka_unit_test(forms_that_are_none),
    };
    return cmocka_run_group_tests_name("wallet/terse", tests, NULL, NULL);
}
