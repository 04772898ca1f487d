/* What the clearing cycle asks a shard, one case at a time: slices and filters of a scan, facts by
 * name, tallies by part, entries of the cycle, a state made before there were tallies. That tallies
 * and scans are true at any moment is test_property's. */
#include <errno.h>
#include <stdio.h>

#include "codec/messages.h"
#include "journal/entry.h"
#include "ledger/chunk.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"
#include "types/province.h"

#define JANUARY 202501
#define SLICE   4096 /* Entries of one step of a scan (shard.h). */

static struct tables tables;
static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    const struct rig_options options = {
        .tables = &tables, .delta_entries = 16384, .delta_bytes = 16u << 20};
    rig_load_tables(&tables);
    rig_open(&rig, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* -- records ---------------------------------------------------------------------------------- */

struct name {
    char text[24];
};

/* "S12" */
static struct name name_of(char letter, uint32_t n)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%c%u", letter, n);
    return name;
}

/* Visit n of Beijing's insured in Langfang, or with an odd day in Tianjin, on that day of January.
 */
static size_t encode_visit(uint32_t n, uint32_t day, const char *person, uint8_t *out)
{
    const struct name msgid = name_of('M', n);
    const struct name setl_id = name_of('S', n);
    struct settlement s = {
        .msgid = bytes_of(msgid.text),
        .setl_id = bytes_of(setl_id.text),
        .psn_key = bytes_of(person),
        .insutype = 310,
        .insu_admdvs = 110000,
        .mdtrtarea_admvs = day % 2 == 0 ? 131000 : 120000,
        .med_type = 11,
        .setl_time = MANUAL_CLOCK_START_MS + (int64_t)(day - 1) * MS_PER_DAY + 1000,
    };
    s.amounts[AMOUNT_MEDFEE] = s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_HIFP] = 100 + n;
    return settlement_encode(&s, out);
}

#define PERSON  "person0000000001"
#define PERSON2 "person0000000002"

static void visit_of(uint32_t n, uint32_t day, const char *person)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct bytes message = {body, encode_visit(n, day, person, body)};
    assert_int_equal(rig_ask(&rig, MESSAGE_SETL_POST, 0, message).result.code, ERROR_OK);
}

/* Takes visit n, of an even day, wholly back as refund number `as`. */
static void refund(uint32_t n, uint32_t as)
{
    uint8_t body[1024];
    const struct name msgid = name_of('M', as);
    const struct name rev_setl_id = name_of('S', as);
    const struct name setl_id = name_of('S', n);
    const struct reversal reversal = {
        .msgid = bytes_of(msgid.text),
        .rev_setl_id = bytes_of(rev_setl_id.text),
        .setl_id = bytes_of(setl_id.text),
        .psn_key = bytes_of(PERSON),
        .setl_time = MANUAL_CLOCK_START_MS + MS_PER_DAY,
        .insu_admdvs = 110000,
        .mdtrtarea_admvs = 131000,
        .full = true,
    };
    const struct bytes message = {body, rig_encode_reversal(&reversal, body)};
    assert_int_equal(rig_ask(&rig, MESSAGE_SETL_REVERSE, 13, message).result.code, ERROR_OK);
}

/* Cancels message n of an even day, with message number `as`. */
static void correct(uint32_t n, uint32_t as)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct name msgid = name_of('M', as);
    const struct name omsgid = name_of('M', n);
    const struct correction correction = {.msgid = bytes_of(msgid.text),
                                          .omsgid = bytes_of(omsgid.text),
                                          .psn_key = bytes_of(PERSON)};
    const struct bytes message = {body, correction_encode(&correction, body)};
    assert_int_equal(rig_ask(&rig, MESSAGE_CORRECTION, 13, message).result.code, ERROR_OK);
}

/* Visits first..last, day after day of the month's first ten, many at a time. */
static void many_visits(uint32_t first, uint32_t last)
{
    static uint8_t bodies[256][256];
    struct request requests[256];
    for (uint32_t n = first; n <= last;) {
        uint32_t count = 0;
        for (; count < 256 && n <= last; count++, n++) {
            const size_t size = encode_visit(n, 1 + n % 10, PERSON, bodies[count]);
            requests[count] =
                rig_message(MESSAGE_SETL_POST, 0, (struct bytes){bodies[count], size});
        }
        assert_int_equal(rig_give(&rig, requests, count), count);
        rig_settle(&rig);
    }
    for (uint32_t i = 0; i < rig.result_count; i++)
        assert_int_equal(rig.results[i].result.code, ERROR_OK);
    rig_forget(&rig);
}

static void checkpoint(void)
{
    rig_checkpoint(&rig);
    rig_settle(&rig);
}

static void cut(uint32_t period)
{
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT, period)).result.code, ERROR_OK);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_RELEASE, 0)).result.code, ERROR_OK);
}

/* -- questions -------------------------------------------------------------------------------- */

static struct result ask(uint16_t type, const void *question, size_t size)
{
    struct request request = rig_control(type, 0);
    request.body = (struct bytes){question, size};
    return rig_order(&rig, request).result;
}

static const struct scan_question everything = {.payer = SCAN_ANY, .payee = SCAN_ANY};

/* One slice; *ret_list is the rig's until the next question. */
static uint32_t scan(struct scan_question question, const struct record_facts **ret_list,
                     uint64_t *ret_next)
{
    const struct result result = ask(REQUEST_SCAN, &question, sizeof question);
    assert_int_equal(result.code, ERROR_OK);
    *ret_list = result.data;
    if (ret_next != NULL) *ret_next = result.seq;
    return (uint32_t)(result.data_size / sizeof **ret_list);
}

static uint32_t scan_count(struct scan_question question)
{
    const struct record_facts *list;
    return scan(question, &list, NULL);
}

static uint32_t facts(const struct record_ref *refs, size_t count,
                      const struct record_facts **ret_list)
{
    const struct result result = ask(REQUEST_FACTS, refs, count * sizeof *refs);
    assert_int_equal(result.code, ERROR_OK);
    *ret_list = result.data;
    return (uint32_t)(result.data_size / sizeof **ret_list);
}

static struct record_ref ref_of(uint32_t n)
{
    const struct name name = name_of('S', n);
    struct record_ref ref = {.insu_admdvs = 110000, .size = (uint8_t)strlen(name.text)};
    memcpy(ref.setl_id, name.text, ref.size);
    return ref;
}

static void wrong_questions_are_refused(void **state)
{
    (void)state;
    const uint8_t bytes[64] = {0};
    struct scan_question mode = everything;
    mode.mode = SCAN_CHANGES + 1;
    assert_int_equal(ask(REQUEST_SCAN, bytes, sizeof mode - 1).code, ERROR_MALFORMED);
    assert_int_equal(ask(REQUEST_SCAN, &mode, sizeof mode).code, ERROR_MALFORMED);
    assert_int_equal(ask(REQUEST_TALLIES, bytes, 8).code, ERROR_MALFORMED);
    assert_int_equal(ask(REQUEST_FACTS, bytes, 35).code, ERROR_MALFORMED);
    assert_int_equal(ask(REQUEST_FACTS, bytes, 0).code, ERROR_OK);
}

/* -- scans ------------------------------------------------------------------------------------ */

static void a_scan_goes_in_slices(void **state)
{
    (void)state;
    const uint32_t total = 2 * SLICE + 100;
    struct scan_question question = everything;
    uint64_t seq = 0;
    uint64_t next = 0;
    int slices = 0;

    many_visits(1, SLICE + 7);
    checkpoint(); /* Half of it from the store, in chunks, half from memory. */
    many_visits(SLICE + 8, total);
    do {
        const struct record_facts *list;
        const uint32_t count = scan(question, &list, &next);
        assert_int_equal(count, slices < 2 ? SLICE : 100);
        for (uint32_t i = 0; i < count; i++) {
            assert_int_equal(list[i].seq, ++seq);
            assert_int_equal(list[i].funds[FUND_POOL], 100 + seq);
            assert_int_equal(list[i].day, 20250101 + seq % 10);
        }
        question.from_seq = next;
        slices++;
    } while (next != 0);
    assert_int_equal(seq, total);
    assert_int_equal(slices, 3);
}

static void a_scan_ends_where_it_is_told(void **state)
{
    (void)state;
    const struct record_facts *list;
    struct scan_question question = everything;
    uint64_t next;

    many_visits(1, 50);
    question.from_seq = 11;
    question.to_seq = 20;
    assert_int_equal(scan(question, &list, &next), 10);
    assert_int_equal(list[0].seq, 11);
    assert_int_equal(list[9].seq, 20);
    assert_int_equal(next, 0);
    question.to_seq = 1000; /* Beyond the last. */
    assert_int_equal(scan(question, &list, &next), 40);
    assert_int_equal(next, 0);
    question.from_seq = 51;
    assert_int_equal(scan(question, &list, &next), 0);
}

static void a_scan_filters(void **state)
{
    (void)state;
    struct scan_question question = everything;

    many_visits(1, 100);
    checkpoint();
    question.day = 20250103;
    assert_int_equal(scan_count(question), 10);
    question.period = JANUARY;
    assert_int_equal(scan_count(question), 10);
    question.period = JANUARY + 1;
    assert_int_equal(scan_count(question), 0);

    question = everything;
    question.payer = province_index(11);
    assert_int_equal(scan_count(question), 100);
    question.payee = province_index(12);
    assert_int_equal(scan_count(question), 50);
    question.payer = province_index(12);
    assert_int_equal(scan_count(question), 0);
}

/* What a correction took back is not among the records, and is twice among the changes. */
static void what_was_taken_back(void **state)
{
    (void)state;
    const struct record_facts *list;
    struct scan_question question = everything;

    visit_of(1, 2, PERSON);
    visit_of(2, 2, PERSON);
    checkpoint();
    correct(1, 3);
    assert_int_equal(scan(question, &list, NULL), 1);
    assert_int_equal(list[0].seq, 2);
    assert_int_equal(list[0].flags, 0);

    question.mode = SCAN_CHANGES;
    assert_int_equal(scan(question, &list, NULL), 3);
    assert_int_equal(list[0].flags, 0); /* What comes later is not told of it. */
    assert_int_equal(list[2].flags, RECORD_TAKEN_BACK);
    assert_int_equal(list[2].seq, 1);
    assert_int_equal(list[2].medfee, list[0].medfee);
    assert_int_equal(list[2].content_hash, list[0].content_hash);
    question.from_seq = 3; /* The correction alone: its record lies in the store. */
    assert_int_equal(scan(question, &list, NULL), 1);
}

static void flags_of_the_month(void **state)
{
    (void)state;
    const struct record_facts *list;
    visit_of(1, 2, PERSON);
    cut(JANUARY);
    visit_of(2, 2, PERSON);
    assert_int_equal(scan(everything, &list, NULL), 2);
    assert_int_equal(list[0].flags, RECORD_CUT);
    assert_int_equal(list[0].period, JANUARY);
    assert_int_equal(list[1].flags, RECORD_LATE);
    assert_int_equal(list[1].period, JANUARY + 1);
    assert_int_equal(list[1].day, 20250102);
}

/* -- facts ------------------------------------------------------------------------------------ */

static void facts_by_name(void **state)
{
    (void)state;
    const struct record_facts *list;

    visit_of(1, 2, PERSON);
    visit_of(2, 2, PERSON);
    visit_of(3, 2, PERSON);
    refund(2, 4);
    correct(3, 5);
    for (int round = 0; round < 2; round++) { /* From memory, then from the store. */
        struct record_ref refs[] = {ref_of(4), ref_of(1), ref_of(9), ref_of(3), ref_of(1)};
        refs[4].insu_admdvs = 120000; /* Another area's. */
        assert_int_equal(facts(refs, 5, &list), 3);
        assert_int_equal(list[0].kind, RECORD_REFUND);
        assert_int_equal(list[0].seq, 4);
        assert_int_equal(list[0].funds[FUND_POOL], -102);
        assert_int_equal(list[0].medfee, -102);
        assert_int_equal(list[0].payer, province_index(11));
        assert_int_equal(list[0].payee, province_index(13));
        assert_int_equal(list[0].mdtrtarea_admvs, 131000);
        assert_int_equal(list[1].kind, RECORD_SETTLEMENT);
        assert_int_equal(list[1].flags, 0);
        assert_memory_equal(&list[1].ref, &refs[1], sizeof refs[1]);
        assert_int_equal(list[2].seq, 3);
        assert_int_equal(list[2].flags, RECORD_REVERSED);
        checkpoint();
    }
    cut(JANUARY);
    const struct record_ref one = ref_of(1);
    assert_int_equal(facts(&one, 1, &list), 1);
    assert_int_equal(list[0].flags, RECORD_CUT);
}

static void facts_of_two_persons(void **state)
{
    (void)state;
    const struct record_facts *list;
    struct record_ref refs[] = {ref_of(1), ref_of(1)};
    visit_of(1, 2, PERSON);
    visit_of(1, 2, PERSON2);
    refs[1].size = 255; /* Can be nobody's. */
    assert_int_equal(facts(refs, 2, &list), 2);
    assert_int_not_equal(list[0].seq, list[1].seq);
}

/* -- tallies ---------------------------------------------------------------------------------- */

static uint32_t tallies(struct tally_question question, const struct tally **ret_list,
                        uint64_t *ret_seq)
{
    const struct result result = ask(REQUEST_TALLIES, &question, sizeof question);
    assert_int_equal(result.code, ERROR_OK);
    *ret_list = result.data;
    *ret_seq = result.seq;
    return (uint32_t)(result.data_size / sizeof **ret_list);
}

static void tallies_of_the_last_checkpoint(void **state)
{
    (void)state;
    if (rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    const struct tally *list;
    struct tally_question question = {.kind = TALLY_DAY, .period = JANUARY};
    uint64_t seq;

    many_visits(1, 20);
    assert_int_equal(tallies(question, &list, &seq), 0);
    assert_int_equal(seq, 0);
    checkpoint();
    many_visits(21, 30);
    assert_int_equal(tallies(question, &list, &seq), 10);
    assert_int_equal(seq, 20);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(list[i].key.part, 20250101 + i);
        assert_int_equal(list[i].count, 2);
    }
    checkpoint();
    question.part = 20250104;
    assert_int_equal(tallies(question, &list, &seq), 1);
    assert_int_equal(seq, 30);
    assert_int_equal(list[0].count, 3);
    assert_int_equal(list[0].first_seq, 3);
    assert_int_equal(list[0].last_seq, 23);
    assert_int_equal(list[0].medfee, 300 + 3 + 13 + 23);

    question = (struct tally_question){.kind = TALLY_PAYEE_AREA, .period = JANUARY};
    assert_int_equal(tallies(question, &list, &seq), 2);
    assert_int_equal(list[0].key.part, 120000);
    assert_int_equal(list[1].key.part, 131000);
    question.kind = TALLY_PAYER_AREA;
    assert_int_equal(tallies(question, &list, &seq), 2); /* One area, two payees. */
    question.period = JANUARY + 1;
    assert_int_equal(tallies(question, &list, &seq), 0);
}

/* Slice by slice it is the same, and a range of parts has both its ends in it. */
static void tallies_in_slices(void **state)
{
    (void)state;
    const struct tally *list;
    struct tally_question question = {.kind = TALLY_DAY, .period = JANUARY, .rows_max = 3};
    uint64_t seq;

    many_visits(1, 10);
    checkpoint();
    for (uint32_t i = 0; i < 10; i += 3) {
        const uint32_t count = tallies(question, &list, &seq);
        assert_int_equal(count, i < 9 ? 3 : 1);
        for (uint32_t k = 0; k < count; k++)
            assert_int_equal(list[k].key.part, 20250101 + i + k);
        question.after = list[count - 1].key;
    }
    assert_int_equal(tallies(question, &list, &seq), 0);

    question = (struct tally_question){
        .kind = TALLY_DAY, .period = JANUARY, .part = 20250104, .part_last = 20250106};
    assert_int_equal(tallies(question, &list, &seq), 3);
    assert_int_equal(list[0].key.part, 20250104);
    assert_int_equal(list[2].key.part, 20250106);
}

/* A tally whose only record was taken back stays, with nothing in it. */
static void an_empty_tally(void **state)
{
    (void)state;
    const struct tally *list;
    uint64_t seq;
    visit_of(1, 2, PERSON);
    checkpoint();
    correct(1, 2);
    checkpoint();
    assert_int_equal(
        tallies((struct tally_question){.kind = TALLY_DAY, .period = JANUARY}, &list, &seq), 1);
    const struct tally nothing = {.key = list[0].key, .first_seq = 1, .last_seq = 1};
    assert_memory_equal(&list[0], &nothing, sizeof nothing);
}

/* -- the cycle's entries ---------------------------------------------------------------------- */

static struct request decision(const char *rows)
{
    struct request request = rig_control(REQUEST_CYCLE, JANUARY);
    request.province = 34;
    request.body = bytes_of(rows);
    return request;
}

struct seen {
    uint32_t count;
    uint32_t stop_after;
    char rows[8][16];
    uint64_t seqs[8];
};

static bool see(void *context, struct bytes body, uint64_t seq)
{
    struct seen *seen = context;
    assert_in_range(seen->count, 0, 7);
    memset(seen->rows[seen->count], 0, sizeof seen->rows[0]);
    memcpy(seen->rows[seen->count], body.data, body.size);
    seen->seqs[seen->count++] = seq;
    return seen->count != seen->stop_after;
}

static void the_answer_waits_for_the_disk(void **state)
{
    (void)state;
    const struct request request = decision("rows");
    visit_of(1, 2, PERSON);
    rig_forget(&rig);
    assert_int_equal(rig_give(&rig, &request, 1), 1);
    rig_flush(&rig);
    assert_int_equal(rig.control_count, 0);
    rig_written(&rig);
    assert_int_equal(rig.control_count, 1);
    assert_int_equal(rig.controls[0].result.code, ERROR_OK);
    assert_int_equal(rig.controls[0].result.seq, 2);
    assert_int_equal(rig.controls[0].result.stamp_ms, MANUAL_CLOCK_START_MS);

    struct block block;
    struct entry entry;
    uint8_t hash[BLOCK_HASH_SIZE];
    const struct memory_block *last = &rig.journal.blocks[rig.journal.count - 1];
    assert_int_equal(block_open((struct bytes){last->bytes, last->size}, &block, hash),
                     BLOCK_SOUND);
    assert_int_not_equal(entry_decode(block.payload, &entry), 0);
    assert_int_equal(entry.kind, ENTRY_CYCLE);
    assert_int_equal(entry.period, JANUARY);
    assert_int_equal(entry.sender, 34);
}

static void a_part_has_a_limit(void **state)
{
    (void)state;
    static uint8_t rows[ENTRY_BODY_MAX + 1];
    struct request request = decision("");
    request.body = (struct bytes){rows, sizeof rows};
    assert_int_equal(rig_order(&rig, request).result.code, ERROR_MALFORMED);
    request.body.size--;
    assert_int_equal(rig_order(&rig, request).result.code, ERROR_OK);
    assert_int_equal(rig.durable_seq, 1);
}

/* A block that is full takes no decision: it comes again when the block has gone. */
static void a_decision_waits_for_room(void **state)
{
    (void)state;
    static uint8_t rows[ENTRY_BODY_MAX];
    struct request request = decision("");
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    uint32_t n = 0;
    uint32_t taken;
    do {
        const size_t size = encode_visit(++n, 2, PERSON, body);
        const struct request visit = rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, size});
        taken = rig_give(&rig, &visit, 1);
    } while (taken == 1);
    request.body = (struct bytes){rows, sizeof rows};
    assert_int_equal(rig_give(&rig, &request, 1), 0);
    rig_settle(&rig);
    assert_int_equal(rig_order(&rig, request).result.seq, n);
}

static void decisions_survive(void **state)
{
    (void)state;
    static const char *const rows[] = {"first", "second", "third", "fourth"};
    struct seen seen;
    for (uint32_t i = 0; i < 4; i++) {
        visit_of(i + 1, 2, PERSON);
        assert_int_equal(rig_order(&rig, decision(rows[i])).result.code, ERROR_OK);
        if (i < 2) checkpoint(); /* Two are listed in the store, two stand only in the journal. */
    }
    for (int round = 0; round < 2; round++) {
        rig_crash(&rig, true);
        seen = (struct seen){0};
        assert_true(shard_each_cycle(rig.shard, see, &seen));
        assert_int_equal(seen.count, 4);
        for (uint32_t i = 0; i < 4; i++) {
            assert_string_equal(seen.rows[i], rows[i]);
            assert_int_equal(seen.seqs[i], 2 * i + 2);
        }
        for (uint32_t stop = 1; stop <= 4; stop++) {
            seen = (struct seen){.stop_after = stop};
            assert_false(shard_each_cycle(rig.shard, see, &seen));
            assert_int_equal(seen.count, stop);
        }
        checkpoint();
    }
}

/* -- a state made before there were tallies --------------------------------------------------- */

static void set_format(uint32_t format)
{
    struct store_txn *txn;
    struct shard_meta meta;
    struct bytes value;
    assert_int_equal(store_begin(rig.config.store, &txn), 0);
    assert_int_equal(store_txn_get(txn, STORE_META, bytes_of("meta"), &value), 0);
    memcpy(&meta, value.data, sizeof meta);
    meta.format = format;
    assert_int_equal(store_put(txn, STORE_META, bytes_of("meta"),
                               (struct bytes){(const uint8_t *)&meta, sizeof meta}),
                     0);
    assert_int_equal(store_commit(txn), 0);
}

static void an_older_state_is_made_anew(void **state)
{
    (void)state;
    const struct tally *list;
    uint64_t seq;
    many_visits(1, 30);
    checkpoint();
    assert_int_equal(rig_order(&rig, decision("rows")).result.code, ERROR_OK);
    checkpoint();
    set_format(SHARD_META_FORMAT_OLD);
    rig_crash(&rig, true); /* Replays every block: the records must not be there already. */
    checkpoint();
    assert_int_equal(
        tallies((struct tally_question){.kind = TALLY_DAY, .period = JANUARY}, &list, &seq), 10);
    assert_int_equal(seq, 31);
    for (uint32_t i = 0; i < 10; i++)
        assert_int_equal(list[i].count, 3);
    assert_int_equal(scan_count(everything), 30);
    struct seen seen = {0};
    assert_true(shard_each_cycle(rig.shard, see, &seen));
    assert_int_equal(seen.count, 1);
}

static void a_newer_state_is_refused(void **state)
{
    (void)state;
    struct shard *shard = NULL;
    struct replay_start from;
    const char *why = NULL;
    visit_of(1, 2, PERSON);
    checkpoint();
    set_format(SHARD_META_FORMAT + 1);
    assert_int_equal(shard_open(&rig.config, &shard, &from, &why), -EUCLEAN);
    assert_non_null(why);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(wrong_questions_are_refused),
        CASE(a_scan_goes_in_slices),
        CASE(a_scan_ends_where_it_is_told),
        CASE(a_scan_filters),
        CASE(what_was_taken_back),
        CASE(flags_of_the_month),
        CASE(facts_by_name),
        CASE(facts_of_two_persons),
        CASE(tallies_of_the_last_checkpoint),
        CASE(tallies_in_slices),
        CASE(an_empty_tally),
        CASE(the_answer_waits_for_the_disk),
        CASE(a_part_has_a_limit),
        CASE(a_decision_waits_for_room),
        CASE(decisions_survive),
        CASE(an_older_state_is_made_anew),
        CASE(a_newer_state_is_refused),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
