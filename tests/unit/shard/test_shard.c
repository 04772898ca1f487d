/* One shard, step by step: what is answered and when, what a crash takes, what a cut holds back. */
#include <stdlib.h>

#include "codec/messages.h"
#include "journal/entry.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"

#define HOUR INT64_C(3600000)

static struct tables tables;
static struct rig rig;
static uint8_t body[1200];

static void open_rig(uint32_t delta_entries)
{
    const struct rig_options options = {.tables = &tables, .delta_entries = delta_entries};
    rig_load_tables(&tables);
    rig_open(&rig, &options);
}

static int set_up(void **state)
{
    (void)state;
    open_rig(0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* -- messages -------------------------------------------------------------------------------- */

#define PERSON  "person0000000001"
#define PERSON2 "person0000000002"

/* Of a whole day later, 2 January 2025, unless said otherwise; in parts of several funds. */
static struct settlement visit(const char *msgid, const char *setl_id)
{
    struct settlement s = rig_visit(msgid, setl_id, PERSON, 42000);
    s.setl_time = MANUAL_CLOCK_START_MS + 24 * HOUR;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 28000;
    s.amounts[AMOUNT_PSN_PART] = 14000;
    s.amounts[AMOUNT_ACCT] = 10000;
    s.amounts[AMOUNT_CASH] = 4000;
    return s;
}

/* Takes one part of `parts` back. */
static struct settlement refund(const char *msgid, const char *setl_id,
                                const struct settlement *original, int64_t parts)
{
    struct settlement s = *original;
    s.msgid = bytes_of(msgid);
    s.setl_id = bytes_of(setl_id);
    s.orig_setl_id = original->setl_id;
    s.refd_setl_flag = true;
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = -s.amounts[i] / parts;
    return s;
}

static struct correction correction(const char *msgid, const char *omsgid)
{
    return (struct correction){
        .msgid = bytes_of(msgid), .omsgid = bytes_of(omsgid), .psn_key = bytes_of(PERSON)};
}

static struct bytes encoded(const struct settlement *s)
{
    return (struct bytes){body, settlement_encode(s, body)};
}

static struct rig_result post(const struct settlement *s)
{
    return rig_ask(&rig, MESSAGE_SETL_POST, 13, encoded(s));
}

static struct rig_result correct(struct correction c)
{
    return rig_ask(&rig, MESSAGE_CORRECTION, 13, (struct bytes){body, correction_encode(&c, body)});
}

static struct rig_result reverse(const struct reversal *r)
{
    return rig_ask(&rig, MESSAGE_SETL_REVERSE, 13,
                   (struct bytes){body, rig_encode_reversal(r, body)});
}

static struct rig_result adjust(const struct adjustment *a)
{
    return rig_ask(&rig, MESSAGE_SETL_ADJUST, 13,
                   (struct bytes){body, rig_encode_adjustment(a, body)});
}

static void accepted(struct rig_result got, uint64_t seq, bool dup)
{
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.seq, seq);
    assert_int_equal(got.result.dup, dup);
}

static void refused(struct rig_result got, uint32_t code)
{
    assert_int_equal(got.result.code, code);
    assert_int_equal(got.failures[0].code, code);
    assert_int_equal(got.result.seq, 0);
}

static void set_clock(int64_t to_ms)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    request.instant_ms = to_ms;
    assert_int_equal(rig_order(&rig, request).result.code, ERROR_OK);
}

static void cut(uint32_t period)
{
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CHECK, period)).result.code, 0);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT, period)).result.code, 0);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_RELEASE, 0)).result.code, 0);
}

/* What the shard's cells clear in all, and how many records they hold. */
static int64_t cleared(uint64_t *ret_records)
{
    uint32_t count;
    int64_t sum = 0;
    const struct cell *cells = shard_cells(rig.shard, &count);
    *ret_records = 0;
    for (uint32_t i = 0; i < count; i++) {
        *ret_records += cells[i].count;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            sum += cells[i].balance[ACCOUNT_COST][fund];
    }
    return sum;
}

static void assert_cleared(int64_t fen, uint64_t records)
{
    uint64_t there;
    assert_int_equal(cleared(&there), fen);
    assert_int_equal(there, records);
}

/* -- durability ------------------------------------------------------------------------------ */

static void no_result_before_its_block_is_written(void **state) /* (J1) */
{
    const struct settlement s = visit("m1", "s1");
    const struct request request = rig_message(MESSAGE_SETL_POST, 13, encoded(&s));
    (void)state;
    assert_int_equal(rig_give(&rig, &request, 1), 1);
    assert_int_equal(rig.result_count, 0);
    rig_flush(&rig);
    assert_int_equal(rig.result_count, 0);
    assert_int_equal(rig_give(&rig, &request, 1), 1); /* Its repeat waits for the same block. */
    rig_flush(&rig);
    assert_int_equal(rig.result_count, 0);
    rig_written(&rig);
    assert_int_equal(rig.result_count, 2);
    accepted(rig.results[0], 1, false);
    accepted(rig.results[1], 1, true);
}

static void a_refusal_waits_for_what_it_knew_of(void **state) /* (J1) */
{
    const struct settlement s = visit("m1", "s1");
    struct settlement other = s;
    uint8_t second[1200];
    (void)state;
    other.amounts[AMOUNT_CASH] += 1;
    const struct request requests[] = {
        rig_message(MESSAGE_SETL_POST, 13, encoded(&s)),
        rig_message(MESSAGE_SETL_POST, 13,
                    (struct bytes){second, settlement_encode(&other, second)}),
    };
    assert_int_equal(rig_give(&rig, requests, 2), 2);
    rig_flush(&rig);
    assert_int_equal(rig.result_count, 0);
    rig_written(&rig);
    assert_int_equal(rig.result_count, 2);
    refused(rig.results[1], ERROR_MSGID_REUSED);
}

static void a_crash_loses_only_what_had_no_result(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    accepted(post(&s), 1, false);
    s = visit("m2", "s2");
    const struct request request = rig_message(MESSAGE_SETL_POST, 13, encoded(&s));
    rig_give(&rig, &request, 1);
    rig_crash(&rig, true); /* Still in the group: nothing was on its way. */
    assert_cleared(38000, 1);
    rig_give(&rig, &request, 1);
    rig_flush(&rig);
    rig_crash(&rig, false); /* The block on its way is torn. */
    assert_cleared(38000, 1);
    rig_give(&rig, &request, 1);
    rig_flush(&rig);
    rig_crash(&rig, true); /* It landed, nobody was told: the sender asks again. */
    assert_cleared(76000, 2);
    accepted(post(&s), 2, true);
    s = visit("m1", "s1");
    accepted(post(&s), 1, true);
}

static void a_crash_in_each_part_of_a_checkpoint(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    if (rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    for (int part = 0; part < 4; part++) {
        char msgid[3] = {'m', (char)('1' + part), '\0'};
        char setl_id[3] = {'s', (char)('1' + part), '\0'};
        s = visit(msgid, setl_id);
        accepted(post(&s), (uint64_t)part + 1, false);
        rig_checkpoint(&rig);
        if (part == 1) rig_merge_run(&rig); /* In the store, the shard does not know. */
        if (part == 2) rig_merged(&rig);
        rig_crash(&rig, false);
        assert_cleared(38000 * (part + 1), (uint64_t)part + 1);
        accepted(post(&s), (uint64_t)part + 1, true);
    }
}

static void replay_gives_the_same_cells(void **state)
{
    static struct cell before[64];
    uint32_t count;
    (void)state;
    const struct settlement s = visit("m1", "s1");
    const struct settlement back = refund("m2", "r1", &s, 2);
    const struct settlement other = visit("m3", "s3");
    post(&s);
    post(&back);
    post(&other);
    correct(correction("c1", "m3"));
    cut(202501);
    const struct cell *cells = shard_cells(rig.shard, &count);
    memcpy(before, cells, count * sizeof *cells);
    for (int round = 0; round < 3; round++) {
        uint32_t again;
        rig_crash(&rig, false);
        cells = shard_cells(rig.shard, &again);
        assert_int_equal(again, count);
        assert_memory_equal(cells, before, count * sizeof *cells);
        if (round == 1) assert_int_equal(shard_checkpoint(rig.shard), 0);
    }
}

/* -- ids ------------------------------------------------------------------------------------- */

static void a_repeat_is_answered_as_the_first_time(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    const struct rig_result first = post(&s);
    set_clock(MANUAL_CLOCK_START_MS + 48 * HOUR);
    cut(202501);
    for (int round = 0; round < 4; round++) { /* Active, frozen, stored, after a restart. */
        if (round == 1) rig_checkpoint(&rig);
        if (round == 2) rig_settle(&rig);
        if (round == 3) rig_crash(&rig, false);
        s.msgid = bytes_of(round % 2 == 0 ? "m1" : "m9"); /* Transport and business key. */
        s.inf_time = round;
        const struct rig_result again = post(&s);
        accepted(again, first.result.seq, true);
        assert_int_equal(again.result.stamp_ms, first.result.stamp_ms);
        assert_int_equal(again.result.period, 202501);
        assert_int_equal(again.result.orig_period, 202501);
    }
    assert_cleared(38000, 1);
}

static void other_content_under_a_known_id_is_a_conflict(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    s.setl_id = bytes_of("s2");
    refused(post(&s), ERROR_MSGID_REUSED);
    s = visit("m2", "s1");
    s.amounts[AMOUNT_MEDFEE] += 1;
    s.amounts[AMOUNT_HOSP_PART] += 1;
    refused(post(&s), ERROR_SETL_ID_REUSED);
    s.setl_id = bytes_of("s2"); /* Nothing of the refused one was remembered. */
    accepted(post(&s), 2, false);
    refused(correct(correction("m1", "mx")), ERROR_MSGID_REUSED);
}

static void persons_and_senders_have_ids_of_their_own(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    accepted(post(&s), 1, false);
    s.psn_key = bytes_of(PERSON2);
    accepted(post(&s), 2, false);
    s = visit("m1", "s1");
    s.mdtrtarea_admvs = 310000; /* Another sender: its msgid is its own, the setl_id is not. */
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), ERROR_SETL_ID_REUSED);
    s.setl_id = bytes_of("s2");
    accepted(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), 3, false);
    s.insu_admdvs = 340100; /* Another insured area: the setl_id is free again. */
    s.msgid = bytes_of("m2");
    s.setl_id = bytes_of("s1");
    accepted(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), 4, false);
}

static void a_session_speaks_for_its_province_alone(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), ERROR_SENDER_NOT_ALLOWED);
    accepted(rig_ask(&rig, MESSAGE_SETL_POST, 0, encoded(&s)), 1, false); /* The centre. */
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), ERROR_SENDER_NOT_ALLOWED);
    s.sender_admdvs = 310000;
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 13, encoded(&s)), ERROR_SENDER_NOT_ALLOWED);
}

/* -- refunds, reversals, adjustments --------------------------------------------------------- */

static void refunds_find_their_original_wherever_it_is(void **state)
{
    const struct settlement s = visit("m1", "s1");
    static const char *const ids[] = {"r1", "r2", "r3", "r4", "r5"};
    (void)state;
    accepted(post(&s), 1, false);
    for (int round = 0; round < 4; round++) { /* Active, frozen, stored, after a restart. */
        if (round == 1) rig_checkpoint(&rig);
        if (round == 2) rig_settle(&rig);
        if (round == 3) rig_crash(&rig, false);
        const struct settlement back = refund(ids[round], ids[round], &s, 4);
        accepted(post(&back), (uint64_t)round + 2, false);
    }
    assert_cleared(0, 5);
    const struct settlement more = refund("r5", "r5", &s, 4);
    refused(post(&more), ERROR_ALREADY_REVERSED);
}

static void a_refund_beyond_what_is_left_names_the_sums(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    struct settlement back = refund("m2", "r1", &s, 2);
    post(&back);
    back = refund("m3", "r2", &s, 1);
    const struct rig_result got = post(&back);
    refused(got, ERROR_ABOVE_ORIGINAL);
    assert_int_equal(got.failures[0].field, 12);
    assert_int_equal(got.failures[0].got, 63000);
    assert_int_equal(got.failures[0].want, 42000);
    back = refund("m4", "r3", &s, 2); /* A refund is nobody's original. */
    back.orig_setl_id = bytes_of("r1");
    refused(post(&back), ERROR_ORIGINAL_NOT_FOUND);
    back.psn_key = bytes_of(PERSON2);
    back.orig_setl_id = bytes_of("s1");
    refused(post(&back), ERROR_ORIGINAL_NOT_FOUND);
}

static struct reversal reversal(const char *msgid, const char *rev_setl_id)
{
    return (struct reversal){.msgid = bytes_of(msgid),
                             .rev_setl_id = bytes_of(rev_setl_id),
                             .setl_id = bytes_of("s1"),
                             .psn_key = bytes_of(PERSON),
                             .insu_admdvs = 110000,
                             .full = true};
}

static void a_full_reversal_and_its_repeats(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    struct reversal r = reversal("m2", "r1");
    accepted(reverse(&r), 2, false);
    assert_cleared(0, 2);
    set_clock(MANUAL_CLOCK_START_MS + HOUR); /* Its time was the stamp; that has moved on. */
    accepted(reverse(&r), 2, true);
    r.msgid = bytes_of("m3");
    accepted(reverse(&r), 2, true);
    r = reversal("m4", "r2");
    refused(reverse(&r), ERROR_ALREADY_REVERSED);
}

static void a_partial_reversal_takes_what_it_names(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    struct reversal r = reversal("m2", "r1");
    r.full = false;
    r.amounts[AMOUNT_MEDFEE] = r.amounts[AMOUNT_FUND_SUM] = r.amounts[AMOUNT_HIFP] = -8000;
    r.setl_time = s.setl_time;
    accepted(reverse(&r), 2, false);
    assert_cleared(30000, 2);
    r = reversal("m3", "r2");
    refused(reverse(&r), ERROR_ABOVE_ORIGINAL);
}

static struct adjustment adjustment(const char *msgid, const char *adj_no, int64_t hifp)
{
    struct adjustment a = {.msgid = bytes_of(msgid),
                           .adj_no = bytes_of(adj_no),
                           .setl_id = bytes_of("s1"),
                           .psn_key = bytes_of(PERSON),
                           .insu_admdvs = 110000,
                           .mdtrtarea_admvs = 131000,
                           .approved_by = 110000,
                           .approval_no = bytes_of("yes")};
    a.amounts[AMOUNT_HIFP] = hifp;
    return a;
}

static void adjustments_move_what_is_cleared(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    struct adjustment a = adjustment("m2", "a1", -8000);
    accepted(adjust(&a), 2, false);
    assert_cleared(30000, 2);
    a.msgid = bytes_of("m3");
    accepted(adjust(&a), 2, true);
    a.amounts[AMOUNT_HIFP] = -1;
    refused(adjust(&a), ERROR_SETL_ID_REUSED);
    a = adjustment("m4", "a2", -20001);
    refused(adjust(&a), ERROR_ABOVE_ORIGINAL);
    a.approval_no.size = 0;
    refused(adjust(&a), ERROR_ADJUST_NOT_AGREED);
    s = visit("m5", "s2"); /* A number belongs to its record. */
    post(&s);
    a = adjustment("m6", "a1", -1);
    a.setl_id = bytes_of("s2");
    accepted(adjust(&a), 4, false);
}

static void an_adjustment_that_refunds_used_cannot_be_taken_back(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    const struct adjustment a = adjustment("m2", "a1", 1000);
    accepted(adjust(&a), 2, false);
    struct settlement back = refund("m3", "r1", &s, 1);
    back.amounts[AMOUNT_HIFP] -= 1000;
    back.amounts[AMOUNT_FUND_SUM] -= 1000;
    back.amounts[AMOUNT_PSN_PART] += 1000;
    back.amounts[AMOUNT_CASH] += 1000;
    accepted(post(&back), 3, false);
    refused(correct(correction("c1", "m2")), ERROR_ABOVE_ORIGINAL);
    accepted(correct(correction("c2", "m3")), 4, false);
    accepted(correct(correction("c3", "m2")), 5, false);
    assert_cleared(38000, 1);
}

static void the_history_keeps_what_came_after_a_correction(void **state)
{
    const struct settlement s = visit("m1", "s1");
    uint32_t seen = 0;
    (void)state;
    post(&s);
    const struct adjustment a = adjustment("m2", "a1", -1);
    const struct adjustment b = adjustment("m3", "a2", -2);
    adjust(&a);
    adjust(&b);
    correct(correction("c1", "m2"));
    struct request request = rig_control(REQUEST_FIND, 0);
    request.area = 110000;
    request.body = bytes_of("s1");
    const struct rig_result got = rig_order(&rig, request);
    const uint8_t *data = got.result.data;
    for (size_t at = 0; at < got.result.data_size;) {
        struct found_entry head;
        struct entry entry;
        memcpy(&head, data + at, sizeof head);
        at += sizeof head;
        assert_int_equal(entry_decode((struct bytes){data + at, head.size}, &entry), head.size);
        assert_int_equal(head.reversed, entry.seq == 2);
        seen |= 1u << entry.seq;
        at += head.size;
    }
    assert_int_equal(seen, 1u << 1 | 1u << 2 | 1u << 3);
}

/* -- corrections ----------------------------------------------------------------------------- */

static void a_correction_takes_back_as_if_it_had_never_been(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    accepted(correct(correction("c1", "m1")), 2, false);
    assert_cleared(0, 0);
    accepted(correct(correction("c1", "m1")), 2, true);
    accepted(correct(correction("c2", "m1")), 2, true);
    refused(correct(correction("c1", "m7")), ERROR_MSGID_REUSED);
    refused(correct(correction("c3", "c1")), ERROR_ORIGINAL_NOT_FOUND);
    refused(post(&s), ERROR_ALREADY_REVERSED);
    const struct settlement back = refund("m2", "r1", &s, 1);
    refused(post(&back), ERROR_ALREADY_REVERSED);
}

static void a_corrected_refund_gives_its_room_back(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    struct settlement back = refund("m2", "r1", &s, 1);
    accepted(post(&back), 2, false);
    refused(correct(correction("c1", "m1")), ERROR_ALREADY_REVERSED); /* A refund stands on it. */
    accepted(correct(correction("c2", "m2")), 3, false);
    assert_cleared(38000, 1);
    back = refund("m3", "r2", &s, 1);
    accepted(post(&back), 4, false);
    accepted(correct(correction("c3", "m3")), 5, false);
    accepted(correct(correction("c1", "m1")), 6, false);
    assert_cleared(0, 0);
}

static void a_correction_that_comes_first_waits_72_hours(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    const struct rig_result first = correct(correction("c1", "m1"));
    accepted(first, 1, false);
    assert_int_equal(first.result.state, STATE_TOMBSTONE);
    refused(post(&s), ERROR_TOMBSTONED);
    accepted(correct(correction("c2", "m1")), 1, true);
    rig_checkpoint(&rig);
    rig_settle(&rig);
    set_clock(MANUAL_CLOCK_START_MS + 72 * HOUR - 1);
    refused(post(&s), ERROR_TOMBSTONED);
    set_clock(MANUAL_CLOCK_START_MS + 72 * HOUR);
    accepted(post(&s), 4, false);
}

/* Others use the same numbers, and their messages are not the one that was cancelled. */
static void a_tombstone_is_its_senders_and_persons(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    accepted(correct(correction("c1", "m1")), 1, false);
    refused(post(&s), ERROR_TOMBSTONED);
    s.mdtrtarea_admvs = 310000;
    accepted(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), 2, false);
    s = visit("m1", "s1");
    s.psn_key = bytes_of(PERSON2);
    accepted(post(&s), 3, false);
}

static void a_tombstone_holds_off_every_kind(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    correct(correction("c1", "m2"));
    correct(correction("c2", "m3"));
    const struct adjustment a = adjustment("m2", "a1", -1);
    refused(adjust(&a), ERROR_TOMBSTONED);
    const struct reversal r = reversal("m3", "r1");
    refused(reverse(&r), ERROR_TOMBSTONED);
}

static void after_the_cut_a_correction_is_refused(void **state)
{
    const struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    cut(202501);
    refused(correct(correction("c1", "m1")), ERROR_PERIOD_CLOSED);
    const struct settlement back = refund("m2", "r1", &s, 1);
    const struct rig_result got = post(&back); /* The way that is left. */
    accepted(got, 3, false);
    assert_int_equal(got.result.period, 202502);
    assert_int_equal(got.result.orig_period, 202501);
}

/* -- months, years, clock -------------------------------------------------------------------- */

static void late_records_go_into_the_open_month(void **state)
{
    struct settlement s = visit("m1", "s1");
    uint32_t count;
    (void)state;
    post(&s);
    cut(202501);
    static struct cell frozen;
    frozen = *shard_cells(rig.shard, &count);
    assert_int_equal(frozen.cut, 1);
    s = visit("m2", "s2");
    const struct rig_result got = post(&s);
    assert_int_equal(got.result.period, 202502);
    assert_int_equal(got.result.orig_period, 202501);
    const struct cell *cells = shard_cells(rig.shard, &count);
    assert_int_equal(count, 2);
    assert_memory_equal(&cells[0], &frozen, sizeof frozen);
    assert_int_equal(cells[1].late_count, 1);
}

/* Cells stay for good: an engine in service must not run out of them within its first years. */
static void cells_of_four_national_years_have_room(void **state)
{
    struct shard_config config;
    const uint32_t pairs = 32 * 31;
    const uint32_t care = pairs * 4 * 2;
    const uint32_t wallets = pairs * 3;
    (void)state;
    shard_config_init(&config);
    assert_true(config.cells >= 48 * (care + wallets));
}

static void a_cell_too_many_is_refused(void **state)
{
    const struct rig_options options = {.tables = &tables, .cells = 1};
    struct settlement s = visit("first", "S1");
    (void)state;
    rig_load_tables(&tables);
    rig_open(&rig, &options);
    accepted(post(&s), 1, false);
    s = visit("other-pair", "S2");
    s.mdtrtarea_admvs = 310000;
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 31, encoded(&s)), ERROR_AMOUNT_RANGE);
    s = visit("same-cell", "S3");
    accepted(post(&s), 2, false);
    rig_close(&rig);
}

static void months_are_cut_in_order_and_once(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    post(&s);
    const struct rig_result got = rig_order(&rig, rig_control(REQUEST_CUT_CHECK, 202502));
    assert_int_equal(got.result.code, ERROR_PERIOD_ORDER);
    assert_int_equal(got.result.period, 202501);
    cut(202501);
    const uint64_t seq = rig.durable_seq;
    cut(202501);
    assert_int_equal(rig.durable_seq, seq);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CHECK, 202513)).result.code,
                     ERROR_MALFORMED);
}

/* What the cut's check has found holds until the cut, whatever comes in between. */
static void no_earlier_month_begins_while_one_is_cut(void **state)
{
    struct settlement early = visit("m1", "s1"), late = visit("m2", "s2");
    (void)state;
    late.setl_time = civil_month_start_ms(202502);
    set_clock(late.setl_time + HOUR);
    accepted(post(&late), 2, false);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CLOSE, 202502)).result.code, 0);
    refused(post(&early), ERROR_OVERLOAD); /* January would be left behind. */
    late.msgid = late.setl_id = bytes_of("m3");
    accepted(post(&late), 3, false);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CHECK, 202502)).result.code, 0);
    const struct rig_result got = post(&early); /* Nothing is cut: it was only asked again. */
    assert_int_equal(got.result.period, 202501);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CLOSE, 202502)).result.code,
                     ERROR_PERIOD_ORDER);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CLOSE, 202501)).result.code, 0);
    cut(202501);
    cut(202502);
    early.msgid = early.setl_id = bytes_of("m4");
    assert_int_equal(post(&early).result.period, 202503);
}

static void a_closed_year_takes_nothing_of_its_own(void **state)
{
    struct settlement s = visit("m1", "s1");
    (void)state;
    s.setl_time = MANUAL_CLOCK_START_MS - 1; /* The last millisecond of 2024. */
    accepted(post(&s), 1, false);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_YEAR_CLOSE, 202412)).result.code,
                     ERROR_PERIOD_ORDER);
    cut(202412);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_YEAR_CHECK, 202412)).result.code, 0);
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_YEAR_CLOSE, 202412)).result.code, 0);
    rig_crash(&rig, false);
    struct settlement other = s;
    other.msgid = other.setl_id = bytes_of("m2");
    refused(post(&other), ERROR_PERIOD_CLOSED);
    other.setl_time += 1;
    accepted(post(&other), 4, false);
    struct settlement back = refund("m3", "r1", &s, 1);
    refused(post(&back), ERROR_PERIOD_CLOSED);
    back.setl_time = MANUAL_CLOCK_START_MS;
    accepted(post(&back), 5, false); /* A refund has a time of its own. */
    accepted(post(&s), 1, true);
}

static void a_manual_clock_never_goes_back(void **state)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    (void)state;
    set_clock(MANUAL_CLOCK_START_MS + 5);
    request.instant_ms = MANUAL_CLOCK_START_MS + 4;
    assert_int_equal(rig_order(&rig, request).result.code, ERROR_CLOCK);
    rig.now_ms = INT64_C(4000000000000); /* The machine's clock is nothing to it. */
    const struct settlement s = visit("m1", "s1");
    assert_int_equal(rig_order(&rig, rig_control(REQUEST_CUT_CHECK, 202501)).result.stamp_ms,
                     MANUAL_CLOCK_START_MS + 5);
    refused(post(&s), ERROR_SETL_TIME); /* A day ahead: judged, now that the clock was set. */
    rig_crash(&rig, false);
    set_clock(MANUAL_CLOCK_START_MS + 24 * HOUR);
    assert_int_equal(post(&s).result.stamp_ms, MANUAL_CLOCK_START_MS + 24 * HOUR);
}

static void a_cut_holds_back_all_later_results(void **state)
{
    const struct settlement s = visit("m1", "s1");
    const struct correction c = correction("c1", "m1");
    uint8_t other[1200];
    (void)state;
    post(&s);
    rig_order(&rig, rig_control(REQUEST_CUT, 202501));
    rig_forget(&rig);
    /* A refusal and a repeat make no entry, and could tell of the cut all the same. */
    const struct request requests[] = {
        rig_message(MESSAGE_CORRECTION, 13, (struct bytes){other, correction_encode(&c, other)}),
        rig_message(MESSAGE_SETL_POST, 13, encoded(&s)),
    };
    assert_int_equal(rig_give(&rig, requests, 2), 2);
    rig_settle(&rig);
    assert_int_equal(rig.result_count, 0);
    const struct request release = rig_control(REQUEST_CUT_RELEASE, 0);
    rig_give(&rig, &release, 1);
    assert_int_equal(rig.result_count, 2);
    refused(rig.results[0], ERROR_PERIOD_CLOSED);
    accepted(rig.results[1], 1, true);
}

static void a_cut_is_released_when_nothing_else_fits(void **state)
{
    const struct settlement s = visit("m1", "s1");
    struct request requests[64];
    uint64_t waiting = 0;
    uint32_t taken;
    (void)state;
    post(&s);
    rig_order(&rig, rig_control(REQUEST_CUT, 202501));
    rig_forget(&rig);
    for (int i = 0; i < 64; i++)
        requests[i] = rig_message(MESSAGE_SETL_POST, 13, encoded(&s));
    do {
        for (uint64_t i = 0; i < 64; i++)
            requests[i].ticket = waiting + i;
        taken = rig_give(&rig, requests, 64);
        waiting += taken;
    } while (taken != 0);
    assert_int_equal(rig.result_count, 0);
    const struct request release = rig_control(REQUEST_CUT_RELEASE, 0);
    assert_int_equal(rig_give(&rig, &release, 1), 1);
    assert_int_equal(rig.result_count, waiting); /* All of the ring, beyond its end, too. */
    for (uint64_t i = 0; i < waiting; i++)
        assert_int_equal(rig.results[i].result.ticket, i);
    rig_forget(&rig);
    assert_int_equal(rig_give(&rig, requests, 64), 64);
}

/* -- back-pressure --------------------------------------------------------------------------- */

static uint32_t give_visits(uint32_t first, uint32_t count)
{
    static uint8_t bodies[64][1200];
    static char ids[64][8];
    struct request requests[64];
    for (uint32_t i = 0; i < count; i++) {
        memcpy(ids[i], "v00000", 7);
        for (uint32_t k = 6, rest = first + i; k-- > 1; rest /= 10)
            ids[i][k] = (char)('0' + rest % 10);
        const struct settlement s = visit(ids[i], ids[i]);
        requests[i] = rig_message(MESSAGE_SETL_POST, 13,
                                  (struct bytes){bodies[i], settlement_encode(&s, bodies[i])});
    }
    return rig_give(&rig, requests, count);
}

static void a_full_delta_takes_no_more_until_it_is_merged(void **state)
{
    uint32_t given = 0;
    uint32_t taken;
    (void)state;
    open_rig(40);
    while ((taken = give_visits(given, 10)) != 0) {
        given += taken;
        rig_flush(&rig);
        if (rig.appended.size != 0) rig_written(&rig);
    }
    assert_in_range(given, 41, 80); /* Two deltas' worth, one of them frozen. */
    assert_non_null(rig.merge);
    assert_true(shard_merging(rig.shard));
    assert_int_equal(give_visits(given, 1), 0);
    rig_merged(&rig);
    rig_settle(&rig);
    assert_int_equal(give_visits(given, 1), 1);
    rig_settle(&rig);
    assert_int_equal(rig.result_count, given + 1); /* Nothing was lost. */
    for (uint32_t i = 0; i <= given; i++)
        accepted(rig.results[i], i + 1, false);
    rig_crash(&rig, false);
    assert_cleared(38000 * (int64_t)(given + 1), given + 1);
    rig_close(&rig);
}

/* A corrected refund leaves two marks: they fill a delta before its entries are half. */
static void marks_alone_make_a_checkpoint_due(void **state)
{
    static const uint32_t pairs = 31;
    static char ids[31][2][8];
    (void)state;
    open_rig(64);
    for (uint32_t i = 0; i < pairs; i++) {
        for (int k = 0; k < 2; k++)
            memcpy(ids[i][k], (char[]){k == 0 ? 's' : 'r', (char)('A' + i), '\0'}, 3);
        const struct settlement s = visit(ids[i][0], ids[i][0]);
        const struct settlement back = refund(ids[i][1], ids[i][1], &s, 1);
        assert_int_equal(post(&s).result.code, 0);
        assert_int_equal(post(&back).result.code, 0);
    }
    rig_checkpoint(&rig);
    rig_settle(&rig);
    for (uint32_t i = 0; i < pairs; i++) {
        const char msgid[] = {'c', ids[i][0][1], '\0'};
        const struct correction c = correction(msgid, ids[i][1]);
        uint8_t bytes[200];
        const struct request request = rig_message(
            MESSAGE_CORRECTION, 13, (struct bytes){bytes, correction_encode(&c, bytes)});
        rig_forget(&rig);
        assert_int_equal(rig_give(&rig, &request, 1), 1);
        rig_flush(&rig);
        if (rig.appended.size != 0) rig_written(&rig);
    }
    const struct settlement s = visit("last", "last");
    const struct request request = rig_message(MESSAGE_SETL_POST, 13, encoded(&s));
    rig_settle(&rig);
    assert_int_equal(rig_give(&rig, &request, 1), 1);
    rig_settle(&rig);
    assert_cleared(38000 * (int64_t)(pairs + 1), pairs + 1);
    rig_close(&rig);
}

static void what_is_no_message_is_refused(void **state)
{
    static const uint8_t bad[] = {0x0a, 0x05, 'x'};
    static uint8_t large[5000];
    (void)state;
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 13, (struct bytes){bad, sizeof bad}), ERROR_MALFORMED);
    refused(rig_ask(&rig, MESSAGE_SETL_POST, 13, (struct bytes){bad, 0}), ERROR_MALFORMED);
    refused(rig_ask(&rig, MESSAGE_CORRECTION, 13, (struct bytes){bad, 0}), ERROR_MALFORMED);
    struct settlement s = visit("m1", "s1");
    const size_t size = settlement_encode(&s, large);
    const size_t rest = sizeof large - size - 4; /* One long field nobody knows. */
    memcpy(large + size, (uint8_t[]){0xa2, 0x06, (uint8_t)(rest | 0x80), (uint8_t)(rest >> 7)}, 4);
    const struct rig_result got =
        rig_ask(&rig, MESSAGE_SETL_POST, 13, (struct bytes){large, sizeof large});
    refused(got, ERROR_MALFORMED);
    assert_int_equal(got.failures[0].check, CHECK_LENGTH);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_result_before_its_block_is_written),
        TEST(a_refusal_waits_for_what_it_knew_of),
        TEST(a_crash_loses_only_what_had_no_result),
        TEST(a_crash_in_each_part_of_a_checkpoint),
        TEST(replay_gives_the_same_cells),
        TEST(a_repeat_is_answered_as_the_first_time),
        TEST(other_content_under_a_known_id_is_a_conflict),
        TEST(persons_and_senders_have_ids_of_their_own),
        TEST(a_session_speaks_for_its_province_alone),
        TEST(refunds_find_their_original_wherever_it_is),
        TEST(a_refund_beyond_what_is_left_names_the_sums),
        TEST(a_full_reversal_and_its_repeats),
        TEST(a_partial_reversal_takes_what_it_names),
        TEST(adjustments_move_what_is_cleared),
        TEST(an_adjustment_that_refunds_used_cannot_be_taken_back),
        TEST(the_history_keeps_what_came_after_a_correction),
        TEST(a_correction_takes_back_as_if_it_had_never_been),
        TEST(a_corrected_refund_gives_its_room_back),
        TEST(a_correction_that_comes_first_waits_72_hours),
        TEST(a_tombstone_is_its_senders_and_persons),
        TEST(a_tombstone_holds_off_every_kind),
        TEST(after_the_cut_a_correction_is_refused),
        TEST(late_records_go_into_the_open_month),
        TEST(months_are_cut_in_order_and_once),
        TEST(no_earlier_month_begins_while_one_is_cut),
        TEST(a_closed_year_takes_nothing_of_its_own),
        TEST(a_manual_clock_never_goes_back),
        TEST(a_cut_holds_back_all_later_results),
        TEST(a_cut_is_released_when_nothing_else_fits),
        TEST(what_is_no_message_is_refused),
        cmocka_unit_test(cells_of_four_national_years_have_room),
        cmocka_unit_test(a_cell_too_many_is_refused),
        cmocka_unit_test(a_full_delta_takes_no_more_until_it_is_merged),
        cmocka_unit_test(marks_alone_make_a_checkpoint_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
