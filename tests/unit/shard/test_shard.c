/* One shard, step by step: what is answered and when, what a crash takes, when there is no room. */
#include "codec/messages.h"
#include "tests/lib/record_rig.h"
#include "tests/lib/unit.h"

/* -- durability -------------------------------------------------------------------------------- */

static void no_result_before_its_block_is_written(void **state) /* (J1) */
{
    const struct settlement s = record_visit("m1", "s1");
    const struct request request = rig_message(MESSAGE_SETL_POST, 13, record_encoded(&s));
    (void)state;
    assert_int_equal(rig_give(&record_rig, &request, 1), 1);
    assert_int_equal(record_rig.result_count, 0);
    rig_flush(&record_rig);
    assert_int_equal(record_rig.result_count, 0);
    assert_int_equal(rig_give(&record_rig, &request, 1),
                     1); /* Its repeat waits for the same block. */
    rig_flush(&record_rig);
    assert_int_equal(record_rig.result_count, 0);
    rig_written(&record_rig);
    assert_int_equal(record_rig.result_count, 2);
    record_accepted(record_rig.results[0], 1, false);
    record_accepted(record_rig.results[1], 1, true);
}

static void a_refusal_waits_for_what_it_knew_of(void **state) /* (J1) */
{
    const struct settlement s = record_visit("m1", "s1");
    struct settlement other = s;
    uint8_t second[1200];
    (void)state;
    other.amounts[AMOUNT_CASH] += 1;
    const struct request requests[] = {
        rig_message(MESSAGE_SETL_POST, 13, record_encoded(&s)),
        rig_message(MESSAGE_SETL_POST, 13,
                    (struct bytes){second, settlement_encode(&other, second)}),
    };
    assert_int_equal(rig_give(&record_rig, requests, 2), 2);
    rig_flush(&record_rig);
    assert_int_equal(record_rig.result_count, 0);
    rig_written(&record_rig);
    assert_int_equal(record_rig.result_count, 2);
    record_refused(record_rig.results[1], ERROR_MSGID_REUSED);
}

static void a_crash_loses_only_what_had_no_result(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_accepted(record_post(&s), 1, false);
    s = record_visit("m2", "s2");
    const struct request request = rig_message(MESSAGE_SETL_POST, 13, record_encoded(&s));
    rig_give(&record_rig, &request, 1);
    rig_crash(&record_rig, true); /* Still in the group: nothing was on its way. */
    record_cleared(38000, 1);
    rig_give(&record_rig, &request, 1);
    rig_flush(&record_rig);
    rig_crash(&record_rig, false); /* The block on its way is torn. */
    record_cleared(38000, 1);
    rig_give(&record_rig, &request, 1);
    rig_flush(&record_rig);
    rig_crash(&record_rig, true); /* It landed, nobody was told: the sender asks again. */
    record_cleared(76000, 2);
    record_accepted(record_post(&s), 2, true);
    s = record_visit("m1", "s1");
    record_accepted(record_post(&s), 1, true);
}

static void a_crash_in_each_part_of_a_checkpoint(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    if (record_rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    for (int part = 0; part < 4; part++) {
        char msgid[3] = {'m', (char)('1' + part), '\0'};
        char setl_id[3] = {'s', (char)('1' + part), '\0'};
        s = record_visit(msgid, setl_id);
        record_accepted(record_post(&s), (uint64_t)part + 1, false);
        rig_checkpoint(&record_rig);
        if (part == 1) rig_merge_run(&record_rig); /* In the store, the shard does not know. */
        if (part == 2) rig_merged(&record_rig);
        rig_crash(&record_rig, false);
        record_cleared(38000 * (part + 1), (uint64_t)part + 1);
        record_accepted(record_post(&s), (uint64_t)part + 1, true);
    }
}

static void replay_gives_the_same_cells(void **state)
{
    static struct cell before[64];
    uint32_t count;
    (void)state;
    const struct settlement s = record_visit("m1", "s1");
    const struct settlement back = rig_refund("m2", "r1", &s, 2);
    const struct settlement other = record_visit("m3", "s3");
    record_post(&s);
    record_post(&back);
    record_post(&other);
    record_correct(record_correction("c1", "m3"));
    record_cut(202501);
    const struct cell *cells = shard_cells(record_rig.shard, &count);
    memcpy(before, cells, count * sizeof *cells);
    for (int round = 0; round < 3; round++) {
        uint32_t again;
        rig_crash(&record_rig, false);
        cells = shard_cells(record_rig.shard, &again);
        assert_int_equal(again, count);
        assert_memory_equal(cells, before, count * sizeof *cells);
        if (round == 1) assert_int_equal(shard_checkpoint(record_rig.shard), 0);
    }
}

/* -- ids --------------------------------------------------------------------------------------- */

static void a_repeat_is_answered_as_the_first_time(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    const struct rig_result first = record_post(&s);
    record_clock(MANUAL_CLOCK_START_MS + 48 * HOUR);
    record_cut(202501);
    for (int round = 0; round < 4; round++) { /* Active, frozen, stored, after a restart. */
        if (round == 1) rig_checkpoint(&record_rig);
        if (round == 2) rig_settle(&record_rig);
        if (round == 3) rig_crash(&record_rig, false);
        s.msgid = bytes_of(round % 2 == 0 ? "m1" : "m9"); /* Transport and business key. */
        s.inf_time = round;
        const struct rig_result again = record_post(&s);
        record_accepted(again, first.result.seq, true);
        assert_int_equal(again.result.stamp_ms, first.result.stamp_ms);
        assert_int_equal(again.result.period, 202501);
        assert_int_equal(again.result.orig_period, 202501);
    }
    record_cleared(38000, 1);
}

static void other_content_under_a_known_id_is_a_conflict(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    s.setl_id = bytes_of("s2");
    record_refused(record_post(&s), ERROR_MSGID_REUSED);
    s = record_visit("m2", "s1");
    s.amounts[AMOUNT_MEDFEE] += 1;
    s.amounts[AMOUNT_HOSP_PART] += 1;
    record_refused(record_post(&s), ERROR_SETL_ID_REUSED);
    s.setl_id = bytes_of("s2"); /* Nothing of the refused one was remembered. */
    record_accepted(record_post(&s), 2, false);
    record_refused(record_correct(record_correction("m1", "mx")), ERROR_MSGID_REUSED);
}

static void persons_and_senders_have_ids_of_their_own(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_accepted(record_post(&s), 1, false);
    s.psn_key = bytes_of(PERSON2);
    record_accepted(record_post(&s), 2, false);
    s = record_visit("m1", "s1");
    s.mdtrtarea_admvs = 310000; /* Another sender: its msgid is its own, the setl_id is not. */
    record_refused(rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s)),
                   ERROR_SETL_ID_REUSED);
    s.setl_id = bytes_of("s2");
    record_accepted(rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s)), 3, false);
    s.insu_admdvs = 340100; /* Another insured area: the setl_id is free again. */
    s.msgid = bytes_of("m2");
    s.setl_id = bytes_of("s1");
    record_accepted(rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s)), 4, false);
}

static void a_session_speaks_for_its_province_alone(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_refused(rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s)),
                   ERROR_SENDER_NOT_ALLOWED);
    record_accepted(rig_ask(&record_rig, MESSAGE_SETL_POST, 0, record_encoded(&s)), 1,
                    false); /* The centre. */
    record_refused(rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s)),
                   ERROR_SENDER_NOT_ALLOWED);
    s.sender_admdvs = 310000;
    record_refused(rig_ask(&record_rig, MESSAGE_SETL_POST, 13, record_encoded(&s)),
                   ERROR_SENDER_NOT_ALLOWED);
}

/* -- back-pressure ----------------------------------------------------------------------------- */

static uint32_t give_visits(uint32_t first, uint32_t count)
{
    static uint8_t bodies[64][1200];
    static char ids[64][8];
    struct request requests[64];
    for (uint32_t i = 0; i < count; i++) {
        memcpy(ids[i], "v00000", 7);
        for (uint32_t k = 6, rest = first + i; k-- > 1; rest /= 10)
            ids[i][k] = (char)('0' + rest % 10);
        const struct settlement s = record_visit(ids[i], ids[i]);
        requests[i] = rig_message(MESSAGE_SETL_POST, 13,
                                  (struct bytes){bodies[i], settlement_encode(&s, bodies[i])});
    }
    return rig_give(&record_rig, requests, count);
}

static void a_full_delta_takes_no_more_until_it_is_merged(void **state)
{
    uint32_t given = 0;
    uint32_t taken;
    (void)state;
    record_open(40, 0);
    while ((taken = give_visits(given, 10)) != 0) {
        given += taken;
        rig_flush(&record_rig);
        if (record_rig.appended.size != 0) rig_written(&record_rig);
    }
    assert_in_range(given, 41, 80); /* Two deltas' worth, one of them frozen. */
    assert_non_null(record_rig.merge);
    assert_true(shard_merging(record_rig.shard));
    assert_int_equal(give_visits(given, 1), 0);
    rig_merged(&record_rig);
    rig_settle(&record_rig);
    assert_int_equal(give_visits(given, 1), 1);
    rig_settle(&record_rig);
    assert_int_equal(record_rig.result_count, given + 1); /* Nothing was lost. */
    for (uint32_t i = 0; i <= given; i++)
        record_accepted(record_rig.results[i], i + 1, false);
    rig_crash(&record_rig, false);
    record_cleared(38000 * (int64_t)(given + 1), given + 1);
    rig_close(&record_rig);
}

/* A corrected refund leaves two marks: they fill a delta before its entries are half. */
static void marks_alone_make_a_checkpoint_due(void **state)
{
    static const uint32_t pairs = 31;
    static char ids[31][2][8];
    (void)state;
    record_open(64, 0);
    for (uint32_t i = 0; i < pairs; i++) {
        for (int k = 0; k < 2; k++)
            memcpy(ids[i][k], (char[]){k == 0 ? 's' : 'r', (char)('A' + i), '\0'}, 3);
        const struct settlement s = record_visit(ids[i][0], ids[i][0]);
        const struct settlement back = rig_refund(ids[i][1], ids[i][1], &s, 1);
        assert_int_equal(record_post(&s).result.code, 0);
        assert_int_equal(record_post(&back).result.code, 0);
    }
    rig_checkpoint(&record_rig);
    rig_settle(&record_rig);
    for (uint32_t i = 0; i < pairs; i++) {
        const char msgid[] = {'c', ids[i][0][1], '\0'};
        const struct correction c = record_correction(msgid, ids[i][1]);
        uint8_t bytes[200];
        const struct request request = rig_message(
            MESSAGE_CORRECTION, 13, (struct bytes){bytes, correction_encode(&c, bytes)});
        rig_forget(&record_rig);
        assert_int_equal(rig_give(&record_rig, &request, 1), 1);
        rig_flush(&record_rig);
        if (record_rig.appended.size != 0) rig_written(&record_rig);
    }
    const struct settlement s = record_visit("last", "last");
    const struct request request = rig_message(MESSAGE_SETL_POST, 13, record_encoded(&s));
    rig_settle(&record_rig);
    assert_int_equal(rig_give(&record_rig, &request, 1), 1);
    rig_settle(&record_rig);
    record_cleared(38000 * (int64_t)(pairs + 1), pairs + 1);
    rig_close(&record_rig);
}

/* -- form -------------------------------------------------------------------------------------- */

static void what_is_no_message_is_refused(void **state)
{
    static const uint8_t bad[] = {0x0a, 0x05, 'x'};
    static uint8_t large[5000];
    (void)state;
    record_refused(rig_ask(&record_rig, MESSAGE_SETL_POST, 13, (struct bytes){bad, sizeof bad}),
                   ERROR_MALFORMED);
    record_refused(rig_ask(&record_rig, MESSAGE_SETL_POST, 13, (struct bytes){bad, 0}),
                   ERROR_MALFORMED);
    record_refused(rig_ask(&record_rig, MESSAGE_CORRECTION, 13, (struct bytes){bad, 0}),
                   ERROR_MALFORMED);
    struct settlement s = record_visit("m1", "s1");
    const size_t size = settlement_encode(&s, large);
    const size_t rest = sizeof large - size - 4; /* One long field nobody knows. */
    memcpy(large + size, (uint8_t[]){0xa2, 0x06, (uint8_t)(rest | 0x80), (uint8_t)(rest >> 7)}, 4);
    const struct rig_result got =
        rig_ask(&record_rig, MESSAGE_SETL_POST, 13, (struct bytes){large, sizeof large});
    record_refused(got, ERROR_MALFORMED);
    assert_int_equal(got.failures[0].check, CHECK_LENGTH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, record_set_up, record_tear_down)
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
        TEST(what_is_no_message_is_refused),
        cmocka_unit_test(a_full_delta_takes_no_more_until_it_is_merged),
        cmocka_unit_test(marks_alone_make_a_checkpoint_due),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
