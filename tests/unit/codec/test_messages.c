/* The hot messages against protobuf-c, on random, damaged and truncated bytes, and the texts. */
#include <stdlib.h>

#include "codec/failure_text.h"
#include "codec/messages.h"
#include "proto/settlement.pb-c.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "types/wallet.h"
#include "types/wire.h"

#define ROUNDS 20000

static struct prng prng = {11};

/* -- random settlements ---------------------------------------------------------------------- */

static uint8_t pool[16][40];

/* Visible text without NUL, for protobuf-c's strings end at one. */
static struct bytes random_text(int slot, size_t size_max)
{
    const size_t size = prng_chance(&prng, 300) ? 0 : prng_below(&prng, size_max + 1);
    for (size_t i = 0; i < size; i++)
        pool[slot][i] = (uint8_t)(1 + prng_below(&prng, 255));
    return (struct bytes){pool[slot], size};
}

/* Numbers of every length on the wire. */
static uint64_t random_number(unsigned bits_max)
{
    return prng_u64(&prng) >> (64 - 1 - prng_below(&prng, bits_max)) & -prng_below(&prng, 2);
}

static int64_t random_signed(void)
{
    const int64_t value = (int64_t)random_number(64);
    return prng_chance(&prng, 300) ? ~value : value;
}

static struct settlement random_settlement(void)
{
    struct settlement s = {0};
    uint32_t *const codes[] = {&s.insu_admdvs, &s.mdtrtarea_admvs, &s.insutype,
                               &s.med_type,    &s.clr_type,        &s.clr_way,
                               &s.clr_optins,  &s.mdtrt_cert_type, &s.filing_type,
                               &s.psn_type,    &s.sender_admdvs};
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = random_signed();
    for (unsigned i = 0; i < sizeof codes / sizeof codes[0]; i++)
        *codes[i] = (uint32_t)random_number(32);
    s.setl_time = random_signed();
    s.begndate = random_signed();
    s.enddate = random_signed();
    s.inf_time = random_signed();
    s.clr_amt_present = prng_chance(&prng, 500);
    s.clr_amt = s.clr_amt_present ? random_signed() : 0;
    s.refd_setl_flag = prng_chance(&prng, 500);
    s.msgid = random_text(0, 30);
    s.setl_id = random_text(1, 30);
    s.mdtrt_id = random_text(2, 30);
    s.psn_key = random_text(3, 16);
    s.fixmedins_code = random_text(4, 12);
    s.orig_setl_id = random_text(5, 30);
    s.dise_codg = random_text(6, 30);
    s.medins_setl_id = random_text(7, 30);
    s.detail_digest = random_text(8, 32);
    return s;
}

/* clang-format off */
/* X(member) for the fields that have one name on both sides. */
#define NUMBERS(X)                                                                          \
    X(insu_admdvs)                                                                          \
    X(mdtrtarea_admvs)                                                                      \
    X(insutype)                                                                             \
    X(med_type)                                                                             \
    X(clr_type)                                                                             \
    X(clr_way)                                                                              \
    X(clr_optins)                                                                           \
    X(mdtrt_cert_type) X(filing_type) X(psn_type) X(sender_admdvs) X(setl_time) X(begndate) \
        X(enddate) X(inf_time) X(refd_setl_flag)
#define TEXTS(X) \
    X(msgid) X(setl_id) X(mdtrt_id) X(fixmedins_code) X(orig_setl_id) X(dise_codg) X(medins_setl_id)
#define BINARIES(X) X(psn_key) X(detail_digest)
/* clang-format on */

static char *text_of(struct bytes view, char *out)
{
    if (view.size != 0) memcpy(out, view.data, view.size);
    out[view.size] = '\0';
    return out;
}

/* The same message as protobuf-c has it. */
static void to_generated(const struct settlement *s, Qingfen__V1__SetlPost *g)
{
    static char texts[8][40];
    int slot = 0;
    qingfen__v1__setl_post__init(g);
#define X(member) g->member = s->member;
    NUMBERS(X)
#undef X
#define X(member) g->member = text_of(s->member, texts[slot++]);
    TEXTS(X)
#undef X
#define X(member) g->member = (ProtobufCBinaryData){s->member.size, (uint8_t *)s->member.data};
    BINARIES(X)
#undef X
#define X(symbol, name, field) g->name = s->amounts[AMOUNT_##symbol];
    SETTLEMENT_AMOUNTS(X)
#undef X
    if (s->clr_amt_present) {
        g->clr_amt_check_case = QINGFEN__V1__SETL_POST__CLR_AMT_CHECK_CLR_AMT;
        g->clr_amt = s->clr_amt;
    }
}

static void assert_generated(const struct settlement *s, const Qingfen__V1__SetlPost *g)
{
#define X(member) assert_true(g->member == s->member);
    NUMBERS(X)
#undef X
#define X(member) assert_true(bytes_equal(bytes_of(g->member), s->member));
    TEXTS(X)
#undef X
#define X(member) \
    assert_true(bytes_equal((struct bytes){g->member.data, g->member.len}, s->member));
    BINARIES(X)
#undef X
#define X(symbol, name, field) assert_true(g->name == s->amounts[AMOUNT_##symbol]);
    SETTLEMENT_AMOUNTS(X)
#undef X
    const bool sent = g->clr_amt_check_case == QINGFEN__V1__SETL_POST__CLR_AMT_CHECK_CLR_AMT;
    assert_int_equal(sent, s->clr_amt_present);
    if (sent) assert_true(g->clr_amt == s->clr_amt);
}

static bool decode_exact(const uint8_t *data, size_t size, struct settlement *ret_settlement,
                         uint8_t **ret_copy)
{
    uint32_t field;
    *ret_copy = malloc(size + (size == 0)); /* Ends where the message does. */
    assert_non_null(*ret_copy);
    memcpy(*ret_copy, data, size);
    return settlement_decode((struct bytes){*ret_copy, size}, ret_settlement, &field);
}

static void random_settlements_are_protobufs_own_bytes(void **state)
{
    static uint8_t ours[SETTLEMENT_ENCODED_MAX];
    static uint8_t theirs[2 * SETTLEMENT_ENCODED_MAX];
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        const struct settlement s = random_settlement();
        Qingfen__V1__SetlPost generated;
        struct settlement back;
        uint8_t *copy;
        to_generated(&s, &generated);
        const size_t size = settlement_encode(&s, ours);
        assert_int_equal(qingfen__v1__setl_post__pack(&generated, theirs), size);
        assert_memory_equal(ours, theirs, size);

        assert_true(decode_exact(theirs, size, &back, &copy));
        assert_generated(&back, &generated);
        free(copy);
        Qingfen__V1__SetlPost *unpacked = qingfen__v1__setl_post__unpack(NULL, size, ours);
        assert_non_null(unpacked);
        assert_generated(&s, unpacked);
        qingfen__v1__setl_post__free_unpacked(unpacked, NULL);
    }
}

static void the_largest_settlement_fits_its_bound(void **state)
{
    static uint8_t out[2 * SETTLEMENT_ENCODED_MAX];
    static const uint8_t full[40] = {'x'};
    struct settlement s;
    struct bytes *const ids[] = {&s.msgid,        &s.setl_id,   &s.mdtrt_id,
                                 &s.orig_setl_id, &s.dise_codg, &s.medins_setl_id};
    (void)state;
    memset(&s, 0xff, sizeof s);
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = INT64_MIN;
    s.clr_amt = INT64_MIN;
    s.refd_setl_flag = s.clr_amt_present = true;
    for (int i = 0; i < 6; i++)
        *ids[i] = (struct bytes){full, 30};
    s.psn_key = (struct bytes){full, 16};
    s.fixmedins_code = (struct bytes){full, 12};
    s.detail_digest = (struct bytes){full, 32};
    assert_in_range(settlement_encode(&s, out), 600, SETTLEMENT_ENCODED_MAX);
}

/* -- damage ---------------------------------------------------------------------------------- */

/* What decodes says what protobuf-c says, but where we are stricter we may refuse. */
static void compare_damaged(const uint8_t *data, size_t size)
{
    struct settlement s;
    uint8_t again[4 * SETTLEMENT_ENCODED_MAX];
    struct bytes psn_key;
    struct bytes msgid;
    uint8_t *copy;
    if (decode_exact(data, size, &s, &copy)) {
        Qingfen__V1__SetlPost *g = qingfen__v1__setl_post__unpack(NULL, size, copy);
        assert_non_null(g);
        qingfen__v1__setl_post__free_unpacked(g, NULL);
        struct settlement back;
        uint32_t field;
        const size_t canonical = settlement_encode(&s, again);
        assert_true(settlement_decode((struct bytes){again, canonical}, &back, &field));
        assert_true(settlement_same(&s, &back));
        if (message_peek((struct bytes){copy, size}, &psn_key, &msgid)) {
            assert_true(bytes_equal(psn_key, s.psn_key));
            assert_true(bytes_equal(msgid, s.msgid));
        }
    } else {
        (void)message_peek((struct bytes){copy, size}, &psn_key, &msgid);
    }
    free(copy);
}

static void damaged_bytes_never_mislead(void **state)
{
    static uint8_t bytes[SETTLEMENT_ENCODED_MAX];
    (void)state;
    for (int i = 0; i < ROUNDS; i++) {
        const struct settlement s = random_settlement();
        size_t size = settlement_encode(&s, bytes);
        const uint64_t kind = prng_below(&prng, 3);
        if (kind == 0) size = prng_below(&prng, size + 1);
        for (uint64_t k = 0; kind != 0 && size != 0 && k < kind; k++)
            bytes[prng_below(&prng, size)] = (uint8_t)prng_u64(&prng);
        compare_damaged(bytes, size);
    }
}

static void a_message_cut_off_inside_a_field_is_refused(void **state)
{
    static uint8_t bytes[SETTLEMENT_ENCODED_MAX];
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct settlement s = random_settlement();
        s.inf_time = 5; /* The last field: tag of two bytes, value of one. */
        const size_t size = settlement_encode(&s, bytes);
        uint8_t *copy;
        assert_false(decode_exact(bytes, size - 1, &s, &copy));
        free(copy);
        assert_false(decode_exact(bytes, size - 2, &s, &copy));
        free(copy);
        assert_true(decode_exact(bytes, size - 3, &s, &copy));
        free(copy);
    }
}

static void refuses(const char *bytes, size_t size, uint32_t field)
{
    struct settlement s;
    uint32_t at = 99;
    assert_false(settlement_decode((struct bytes){(const uint8_t *)bytes, size}, &s, &at));
    assert_int_equal(at, field);
}

static void malformed_bytes_name_their_field(void **state)
{
    (void)state;
    refuses("\x00\x01", 2, 0);                                      /* Field 0. */
    refuses("\x80", 1, 0);                                          /* Half a tag. */
    refuses("\x08\x01", 2, 1);                                      /* msgid as a number. */
    refuses("\x0a\x05xy", 4, 1);                                    /* Longer than what is there. */
    refuses("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 1); /* Much longer. */
    refuses("\x32\x01x", 3, 6);                                     /* insu_admdvs as text. */
    refuses("\x30\x80\x80\x80\x80\x10", 6, 6);                      /* 2^32 in a uint32. */
    refuses("\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 11, 6); /* More than 64 bits. */
    refuses("\xe0\x01\x02", 3, 28);                                 /* A bool of 2. */
    refuses("\xa3\x06", 2, 100);                                    /* A group. */
    refuses("\xa1\x06"
            "1234567",
            9, 100); /* Seven bytes of eight. */
    refuses("\xa5\x06"
            "123",
            5, 100); /* Three of four. */
}

static void unknown_fields_are_passed_over(void **state)
{
    static const char tail[] = "\xa0\x06\x7f" /* 100: a number, */
                               "\xa1\x06"
                               "12345678" /* eight bytes, */
                               "\xa2\x06\x03"
                               "abc" /* a text, */
                               "\xa5\x06"
                               "1234"                      /* four bytes. */
                               "\xf8\xff\xff\xff\x0f\x01"; /* The last number there is. */
    uint8_t bytes[2 * SETTLEMENT_ENCODED_MAX];
    (void)state;
    for (int i = 0; i < 100; i++) {
        const struct settlement s = random_settlement();
        struct settlement back;
        uint8_t *copy;
        memcpy(bytes, tail, sizeof tail - 1); /* In front and behind. */
        size_t size = sizeof tail - 1 + settlement_encode(&s, bytes + sizeof tail - 1);
        memcpy(bytes + size, tail, sizeof tail - 1);
        assert_true(decode_exact(bytes, size + sizeof tail - 1, &back, &copy));
        assert_true(settlement_same(&s, &back));
        free(copy);
    }
}

static void the_last_of_repeated_fields_counts(void **state)
{
    static const uint8_t bytes[] = "\x12\x01"
                                   "a"
                                   "\x60\x02"
                                   "\x12\x01"
                                   "b"
                                   "\x60\x04";
    struct settlement s;
    uint32_t field;
    (void)state;
    assert_true(settlement_decode((struct bytes){bytes, sizeof bytes - 1}, &s, &field));
    assert_true(bytes_equal(s.setl_id, bytes_of("b")));
    assert_int_equal(s.amounts[AMOUNT_MEDFEE], 2);
}

/* -- sameness -------------------------------------------------------------------------------- */

static void transport_fields_are_not_content(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++) {
        const struct settlement s = random_settlement();
        struct settlement other = s;
        other.msgid = bytes_of("another");
        other.sender_admdvs += 1;
        other.inf_time += 1;
        assert_true(settlement_same(&s, &other));
        assert_true(settlement_content_hash(&s) == settlement_content_hash(&other));
    }
}

/* Changes the n-th content field; false behind the last. */
static bool change(struct settlement *s, int n)
{
    int field = 0;
#define X(symbol, name, number) \
    if (n == field++) return s->amounts[AMOUNT_##symbol] ^= 1, true;
    SETTLEMENT_AMOUNTS(X)
#undef X
#define X(member) \
    if (n == field++) return s->member ^= 1, true;
    X(insu_admdvs)
    X(mdtrtarea_admvs)
    X(insutype)
    X(med_type)
    X(clr_type)
    X(clr_way)
    X(clr_optins)
    X(mdtrt_cert_type)
    X(filing_type)
    X(psn_type)
    X(setl_time)
    X(begndate)
    X(enddate)
    X(refd_setl_flag)
#undef X
#define X(member) \
    if (n == field++) return s->member = bytes_of("changed"), true;
    X(setl_id)
    X(mdtrt_id)
    X(psn_key)
    X(fixmedins_code)
    X(orig_setl_id)
    X(dise_codg)
    X(medins_setl_id)
    X(detail_digest)
#undef X
    return false;
}

static void every_other_field_is_content(void **state)
{
    int n = 0;
    (void)state;
    for (;; n++) {
        const struct settlement s = random_settlement();
        struct settlement other = s;
        if (!change(&other, n)) break;
        assert_false(settlement_same(&s, &other));
        assert_false(settlement_content_hash(&s) == settlement_content_hash(&other));
    }
    assert_int_equal(n, AMOUNT_COUNT + 14 + 8);
}

static void texts_that_move_over_a_border_differ(void **state)
{
    struct settlement a = {.setl_id = bytes_of("ab"), .mdtrt_id = bytes_of("c")};
    struct settlement b = {.setl_id = bytes_of("a"), .mdtrt_id = bytes_of("bc")};
    (void)state;
    assert_false(settlement_same(&a, &b));
    assert_false(settlement_content_hash(&a) == settlement_content_hash(&b));
    a = (struct settlement){.setl_id = bytes_of("a")};
    b = (struct settlement){.mdtrt_id = bytes_of("a")};
    assert_false(settlement_content_hash(&a) == settlement_content_hash(&b));
}

/* -- the colder three ------------------------------------------------------------------------- */

static void reversals_are_protobufs(void **state)
{
    uint8_t bytes[1024];
    Qingfen__V1__SetlReverse g;
    struct reversal r;
    uint32_t field;
    (void)state;
    qingfen__v1__setl_reverse__init(&g);
    g.msgid = (char *)"m", g.rev_setl_id = (char *)"r", g.setl_id = (char *)"s";
    g.reason = (char *)"退费";
    g.psn_key = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    g.insu_admdvs = 1, g.mdtrtarea_admvs = 2, g.setl_time = 3, g.sender_admdvs = 4, g.inf_time = 5;
    g.medfee_sumamt = -12, g.hifp_pay = -14, g.hosp_part_amt = -27, g.full = true;
    const size_t size = qingfen__v1__setl_reverse__pack(&g, bytes);
    assert_true(reversal_decode((struct bytes){bytes, size}, &r, &field));
    assert_true(bytes_equal(r.rev_setl_id, bytes_of("r")) &&
                bytes_equal(r.reason, bytes_of("退费")));
    assert_true(r.insu_admdvs == 1 && r.mdtrtarea_admvs == 2 && r.setl_time == 3 && r.full);
    assert_true(r.sender_admdvs == 4 && r.inf_time == 5 && r.amounts[AMOUNT_HOSP_PART] == -27);
    assert_true(r.amounts[AMOUNT_MEDFEE] == -12 && r.amounts[AMOUNT_HIFP] == -14);
}

static void adjustments_are_protobufs(void **state)
{
    uint8_t bytes[1024];
    Qingfen__V1__SetlAdjust g;
    struct adjustment a;
    struct adjustment b;
    uint32_t field;
    (void)state;
    qingfen__v1__setl_adjust__init(&g);
    g.msgid = (char *)"m", g.adj_no = (char *)"a", g.setl_id = (char *)"s";
    g.approval_no = (char *)"ok", g.approved_by = 7, g.acct_pay = -16, g.oth_pay = 24;
    size_t size = qingfen__v1__setl_adjust__pack(&g, bytes);
    assert_true(adjustment_decode((struct bytes){bytes, size}, &a, &field));
    assert_true(a.amounts[AMOUNT_ACCT] == -16 && a.amounts[AMOUNT_OTH] == 24 && a.approved_by == 7);
    assert_true(bytes_equal(a.adj_no, bytes_of("a")) && bytes_equal(a.approval_no, bytes_of("ok")));
    b = a;
    b.msgid = bytes_of("n"), b.inf_time = 9, b.sender_admdvs = 9;
    assert_true(adjustment_same(&a, &b));
    assert_true(adjustment_content_hash(&a) == adjustment_content_hash(&b));
    b.amounts[AMOUNT_ACCT]++;
    assert_false(adjustment_same(&a, &b));
    assert_false(adjustment_content_hash(&a) == adjustment_content_hash(&b));
}

static void corrections_are_protobufs_both_ways(void **state)
{
    uint8_t ours[1024];
    uint8_t theirs[1024];
    Qingfen__V1__Correction g;
    struct correction c;
    uint32_t field;
    (void)state;
    qingfen__v1__correction__init(&g);
    g.msgid = (char *)"m", g.omsgid = (char *)"o", g.oinfno = (char *)"2207";
    g.psn_key = (ProtobufCBinaryData){16, (uint8_t *)"0123456789abcdef"};
    g.sender_admdvs = 310000, g.inf_time = -1;
    const size_t size = qingfen__v1__correction__pack(&g, theirs);
    assert_true(correction_decode((struct bytes){theirs, size}, &c, &field));
    assert_int_equal(correction_encode(&c, ours), size);
    assert_memory_equal(ours, theirs, size);
}

static void the_person_is_found_without_the_rest(void **state)
{
    uint8_t bytes[SETTLEMENT_ENCODED_MAX];
    struct bytes psn_key;
    struct bytes msgid;
    (void)state;
    for (int i = 0; i < 1000; i++) {
        struct settlement s = random_settlement();
        const size_t size = settlement_encode(&s, bytes);
        const bool found = message_peek((struct bytes){bytes, size}, &psn_key, &msgid);
        assert_int_equal(found, s.psn_key.size == PSN_KEY_SIZE);
        if (found) assert_true(bytes_equal(psn_key, s.psn_key));
    }
    assert_false(message_peek((struct bytes){bytes, 0}, &psn_key, &msgid));
}

/* What routing goes by cannot be said twice: the shard that judges would see another person. */
static void msgid_and_person_stand_once(void **state)
{
    static const uint32_t once[] = {SETL_FIELD_MSGID, SETL_FIELD_PSN_KEY};
    uint8_t bytes[SETTLEMENT_ENCODED_MAX + 2];
    struct settlement s;
    uint32_t field;
    (void)state;
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        const struct settlement first = {.msgid = bytes_of("m"), .psn_key = bytes_of("p")};
        const size_t size = settlement_encode(&first, bytes);
        assert_true(settlement_decode((struct bytes){bytes, size}, &s, &field));
        bytes[size] = (uint8_t)(once[i] << 3 | 2);
        bytes[size + 1] = 0; /* An empty one is one, too. */
        assert_false(settlement_decode((struct bytes){bytes, size + 2}, &s, &field));
        assert_int_equal(field, once[i]);
    }
}

/* -- texts ----------------------------------------------------------------------------------- */

static void assert_text(uint16_t type, struct failure failure, const char *want)
{
    char text[200];
    failure_text(type, &failure, text, sizeof text);
    assert_string_equal(text, want);
    char small[8]; /* Cut, and ended. */
    failure_text(type, &failure, small, sizeof small);
    assert_memory_equal(small, want, 7);
    assert_int_equal(small[7], '\0');
}

static void failures_are_told_in_a_sentence(void **state)
{
    (void)state;
    assert_text(MESSAGE_SETL_POST, (struct failure){2004, 13, CHECK_E1, 3432000, 3432001},
                "E1: fund_pay_sumamt is 34320.00 but its parts make 34320.01 (off by -0.01)");
    assert_text(MESSAGE_SETL_POST, (struct failure){2004, 12, CHECK_E2, -5, 7},
                "E2: medfee_sumamt is -0.05 but its parts make 0.07 (off by -0.12)");
    assert_text(MESSAGE_SETL_POST, (struct failure){2005, 14, CHECK_E5, -100, 0},
                "E5: hifp_pay is -1.00, a settlement's amounts are zero or positive");
    assert_text(MESSAGE_SETL_POST, (struct failure){2005, 14, CHECK_E5, 100, 0},
                "E5: hifp_pay is 1.00, a refund's amounts are zero or negative");
    assert_text(MESSAGE_SETL_POST, (struct failure){1001, 1, CHECK_MISSING, 0, 0},
                "msgid is missing");
    assert_text(MESSAGE_SETL_POST, (struct failure){1001, 2, CHECK_LENGTH, 31, 30},
                "setl_id has 31 bytes, allowed are 30");
    assert_text(MESSAGE_SETL_POST, (struct failure){2006, 8, CHECK_KNOWN, 999, 0},
                "insutype 999 is not in the tables");
    assert_text(MESSAGE_SETL_POST, (struct failure){2015, 12, CHECK_REFUND, 63000, 42000},
                "medfee_sumamt: with this one refunds come to 630.00, the original has 420.00");
    assert_text(MESSAGE_SETL_POST, (struct failure){2011, 26, CHECK_MATCH, 14000, -9050},
                "wlt_pay is 140.00, it should be -90.50");
    assert_text(MESSAGE_SETL_POST, (struct failure){2016, 7, CHECK_MATCH, 310000, 510100},
                "mdtrtarea_admvs is 310000, it should be 510100");
    const int64_t place = INT64_C(63) << 56 | INT64_C(0xfffffe) << 32 | UINT32_MAX;
    assert_text(MESSAGE_WLT_PAY, (struct failure){6010, 0, CHECK_PLACE, 1234567, place},
                "an old record cannot be read: shard 63, entry 1234567, segment 16777214, "
                "offset 4294967295");
    assert_string_equal(check_name(CHECK_PLACE), "place");
    assert_text(MESSAGE_SETL_POST, (struct failure){2011, 2, CHECK_NONE, 0, 0},
                "setl_id: setl_id exists with other content");
    assert_text(MESSAGE_SETL_POST, (struct failure){1001, 1, CHECK_CHARSET, 3, 0},
                "msgid holds something else than visible ASCII at byte 3");
    assert_text(MESSAGE_INST_DIR_PUSH, (struct failure){1001, 2, CHECK_CHARSET, CHARSET_TEXT, 0},
                "fixmedins_name is not UTF-8, or holds a control character");
    static const struct {
        uint16_t type;
        uint16_t field;
        const char *want;
    } of_the_centre[] = {
        {MESSAGE_YEAR_CLOSE, 1, "year is missing"},
        {MESSAGE_YEAR_CLOSE, 2, "msgid is missing"},
        {MESSAGE_CLOCK_SET, 1, "to is missing"},
        {MESSAGE_SETTLEMENT_GET, 1, "insu_admdvs is missing"},
        {MESSAGE_SETTLEMENT_GET, 2, "setl_id is missing"},
        {MESSAGE_NET_REPORT, 2, "mode is missing"},
        {MESSAGE_PERIOD_CUT, 1, "period is missing"},
        {MESSAGE_POSITION_REPORT, 1, "period is missing"},
    };
    for (size_t i = 0; i < sizeof of_the_centre / sizeof of_the_centre[0]; i++) {
        assert_text(of_the_centre[i].type,
                    (struct failure){1001, of_the_centre[i].field, CHECK_MISSING, 0, 0},
                    of_the_centre[i].want);
    }
    /* A number is told as the field's own only where the field is one. */
    assert_text(MESSAGE_TRSF_ACCEPT, (struct failure){3023, 2, CHECK_STATE, 4, 0},
                "trsf_id: already accepted or returned (ACCEPTED)");
    assert_text(MESSAGE_TRSF_ACCEPT, (struct failure){3034, 11, CHECK_RANGE, 65, 64},
                "recv_psn_key: too many rows of this kind (65, the bound is 64)");
    assert_text(MESSAGE_TRSF_SUBMIT, (struct failure){3013, 0, CHECK_RANGE, 4, 3},
                "the day's number or sum of transfers is used up (4, the bound is 3)");
    assert_text(MESSAGE_TRSF_SUBMIT, (struct failure){3016, 3, CHECK_MATCH, 0, 0},
                "client_no: number exists with other content");
    assert_text(MESSAGE_PREM_REVERSE, (struct failure){4012, 13, CHECK_MATCH, 2, 1},
                "reason: coverage began, no refund (2, it should be 1)");
    assert_text(MESSAGE_SETL_POST, (struct failure){2004, 44, CHECK_E6, INT64_MAX, INT64_MIN},
                "E6: clr_amt is 92233720368547758.07 but its parts make -92233720368547758.08 "
                "(off by more than fits)");
}

/* What is wrong, not only which number: a state in words, money in yuan, times as times. */
static void wallet_failures_say_what_is_wrong(void **state)
{
    (void)state;
    assert_text(MESSAGE_TRSF_SUBMIT, (struct failure){3019, 6, CHECK_STATE, 0, 0},
                "rlts_id: relation not found or not active");
    assert_text(MESSAGE_TRSF_SUBMIT, (struct failure){3019, 6, CHECK_MATCH, 0, 0},
                "rlts_id: relation not found or not active");
    assert_text(MESSAGE_WLT_OPEN, (struct failure){3006, 7, CHECK_STATE, 440100, 0},
                "use_loc_admdvs: receiver's or new area not enabled (440100)");
    assert_text(MESSAGE_WLT_OPEN, (struct failure){3003, 4, CHECK_STATE, WALLET_CLOSING, 0},
                "psn_key: wallet frozen or closed (CLOSING)");
    assert_text(MESSAGE_WLT_OPEN, (struct failure){3004, 4, CHECK_STATE, INSURED_ENDED, 0},
                "psn_key: insured state not normal (ended)");
    assert_text(MESSAGE_WLT_OPEN, (struct failure){1001, 11, CHECK_MATCH, 0, 0},
                "agnter_psn_key names the same person");
    assert_text(MESSAGE_WLT_USE_LOC_CHG, (struct failure){1001, 7, CHECK_MATCH, 510100, 510100},
                "new_use_loc_admdvs is that already");
    assert_text(MESSAGE_PREM_PAY, (struct failure){4004, 21, CHECK_MATCH, 38000, 40000},
                "amt: amount is not the due one (380.00, it should be 400.00)");
}

static void fields_have_the_standards_names(void **state)
{
    const ProtobufCMessageDescriptor *const kinds[] = {
        &qingfen__v1__setl_post__descriptor, &qingfen__v1__setl_reverse__descriptor,
        &qingfen__v1__setl_adjust__descriptor, &qingfen__v1__correction__descriptor,
        &qingfen__v1__setl_batch__descriptor};
    static const uint16_t types[] = {MESSAGE_SETL_POST, MESSAGE_SETL_REVERSE, MESSAGE_SETL_ADJUST,
                                     MESSAGE_CORRECTION, MESSAGE_SETL_BATCH};
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        for (uint32_t number = 0; number < 60; number++) {
            const ProtobufCFieldDescriptor *field =
                protobuf_c_message_descriptor_get_field(kinds[kind], number);
            assert_string_equal(message_field_name(types[kind], number),
                                field == NULL ? "" : field->name);
        }
    }
    assert_string_equal(message_field_name(0x7777, 1), "");
    assert_string_equal(check_name(CHECK_E1), "E1");
    assert_string_equal(check_name(CHECK_COUNT), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_settlements_are_protobufs_own_bytes),
        cmocka_unit_test(the_largest_settlement_fits_its_bound),
        cmocka_unit_test(damaged_bytes_never_mislead),
        cmocka_unit_test(a_message_cut_off_inside_a_field_is_refused),
        cmocka_unit_test(malformed_bytes_name_their_field),
        cmocka_unit_test(unknown_fields_are_passed_over),
        cmocka_unit_test(the_last_of_repeated_fields_counts),
        cmocka_unit_test(transport_fields_are_not_content),
        cmocka_unit_test(every_other_field_is_content),
        cmocka_unit_test(texts_that_move_over_a_border_differ),
        cmocka_unit_test(reversals_are_protobufs),
        cmocka_unit_test(adjustments_are_protobufs),
        cmocka_unit_test(corrections_are_protobufs_both_ways),
        cmocka_unit_test(the_person_is_found_without_the_rest),
        cmocka_unit_test(msgid_and_person_stand_once),
        cmocka_unit_test(failures_are_told_in_a_sentence),
        cmocka_unit_test(wallet_failures_say_what_is_wrong),
        cmocka_unit_test(fields_have_the_standards_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
