/* What changes a settlement after it: refunds, reversals, adjustments, corrections. */
#include "codec/messages.h"
#include "tests/lib/record_rig.h"
#include "tests/lib/unit.h"

/* -- refunds, reversals, adjustments ----------------------------------------------------------- */

static void refunds_find_their_original_wherever_it_is(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    static const char *const ids[] = {"r1", "r2", "r3", "r4", "r5"};
    (void)state;
    record_accepted(record_post(&s), 1, false);
    for (int round = 0; round < 4; round++) { /* Active, frozen, stored, after a restart. */
        if (round == 1) rig_checkpoint(&record_rig);
        if (round == 2) rig_settle(&record_rig);
        if (round == 3) rig_crash(&record_rig, false);
        const struct settlement back = rig_refund(ids[round], ids[round], &s, 4);
        record_accepted(record_post(&back), (uint64_t)round + 2, false);
    }
    record_cleared(0, 5);
    const struct settlement more = rig_refund("r5", "r5", &s, 4);
    record_refused(record_post(&more), ERROR_ALREADY_REVERSED);
}

static void a_refund_beyond_what_is_left_names_the_sums(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    struct settlement back = rig_refund("m2", "r1", &s, 2);
    record_post(&back);
    back = rig_refund("m3", "r2", &s, 1);
    const struct rig_result got = record_post(&back);
    record_refused(got, ERROR_ABOVE_ORIGINAL);
    assert_int_equal(got.failures[0].field, 12);
    assert_int_equal(got.failures[0].got, 63000);
    assert_int_equal(got.failures[0].want, 42000);
    back = rig_refund("m4", "r3", &s, 2); /* A refund is nobody's original. */
    back.orig_setl_id = bytes_of("r1");
    record_refused(record_post(&back), ERROR_ORIGINAL_NOT_FOUND);
    back.psn_key = bytes_of(PERSON2);
    back.orig_setl_id = bytes_of("s1");
    record_refused(record_post(&back), ERROR_ORIGINAL_NOT_FOUND);
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
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    struct reversal r = reversal("m2", "r1");
    record_accepted(record_reverse(&r), 2, false);
    record_cleared(0, 2);
    record_clock(MANUAL_CLOCK_START_MS + HOUR); /* Its time was the stamp; that has moved on. */
    record_accepted(record_reverse(&r), 2, true);
    r.msgid = bytes_of("m3");
    record_accepted(record_reverse(&r), 2, true);
    r = reversal("m4", "r2");
    const struct rig_result got = record_reverse(&r);
    record_refused(got, ERROR_ALREADY_REVERSED);
    assert_string_equal(message_field_name(MESSAGE_SETL_REVERSE, got.failures[0].field), "setl_id");
}

static void a_partial_reversal_takes_what_it_names(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    struct reversal r = reversal("m2", "r1");
    r.full = false;
    r.amounts[AMOUNT_MEDFEE] = r.amounts[AMOUNT_FUND_SUM] = r.amounts[AMOUNT_HIFP] = -8000;
    r.setl_time = s.setl_time;
    record_accepted(record_reverse(&r), 2, false);
    record_cleared(30000, 2);
    r = reversal("m3", "r2");
    record_refused(record_reverse(&r), ERROR_ABOVE_ORIGINAL);
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
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    struct adjustment a = adjustment("m2", "a1", -8000);
    record_accepted(record_adjust(&a), 2, false);
    record_cleared(30000, 2);
    a.msgid = bytes_of("m3");
    record_accepted(record_adjust(&a), 2, true);
    a.amounts[AMOUNT_HIFP] = -1;
    record_refused(record_adjust(&a), ERROR_SETL_ID_REUSED);
    a = adjustment("m4", "a2", -20001);
    record_refused(record_adjust(&a), ERROR_ABOVE_ORIGINAL);
    a.approval_no.size = 0;
    record_refused(record_adjust(&a), ERROR_ADJUST_NOT_AGREED);
    s = record_visit("m5", "s2"); /* A number belongs to its record. */
    record_post(&s);
    a = adjustment("m6", "a1", -1);
    a.setl_id = bytes_of("s2");
    record_accepted(record_adjust(&a), 4, false);
}

/* Of another province: one reason, the same whether there is such a record or not. */
static void told_nothing(uint16_t type, struct bytes message)
{
    const struct rig_result got = rig_ask(&record_rig, type, 44, message);
    record_refused(got, ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(got.result.failure_count, 1);
}

static void a_stranger_hears_nothing_of_what_there_is(void **state)
{
    static uint8_t body[ENTRY_BODY_MAX];
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    const struct adjustment agreed = adjustment("m2", "a1", -8000);
    record_accepted(record_adjust(&agreed), 2, false);
    told_nothing(MESSAGE_SETL_ADJUST, (struct bytes){body, rig_encode_adjustment(&agreed, body)});
    for (int there = 0; there < 2; there++) {
        struct adjustment a = adjustment("m3", there ? "a1" : "a2", -100000);
        struct reversal r = reversal("m4", "r1");
        a.setl_id = r.setl_id = bytes_of(there ? "s1" : "s9");
        r.mdtrtarea_admvs = 131000;
        told_nothing(MESSAGE_SETL_ADJUST, (struct bytes){body, rig_encode_adjustment(&a, body)});
        told_nothing(MESSAGE_SETL_REVERSE, (struct bytes){body, rig_encode_reversal(&r, body)});
    }
}

static void an_adjustment_that_refunds_used_cannot_be_taken_back(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    const struct adjustment a = adjustment("m2", "a1", 1000);
    record_accepted(record_adjust(&a), 2, false);
    struct settlement back = rig_refund("m3", "r1", &s, 1);
    back.amounts[AMOUNT_HIFP] -= 1000;
    back.amounts[AMOUNT_FUND_SUM] -= 1000;
    back.amounts[AMOUNT_PSN_PART] += 1000;
    back.amounts[AMOUNT_CASH] += 1000;
    record_accepted(record_post(&back), 3, false);
    record_refused(record_correct(record_correction("c1", "m2")), ERROR_ABOVE_ORIGINAL);
    record_accepted(record_correct(record_correction("c2", "m3")), 4, false);
    record_accepted(record_correct(record_correction("c3", "m2")), 5, false);
    record_cleared(38000, 1);
}

static void the_history_keeps_what_came_after_a_correction(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    uint32_t seen = 0;
    (void)state;
    record_post(&s);
    const struct adjustment a = adjustment("m2", "a1", -1);
    const struct adjustment b = adjustment("m3", "a2", -2);
    record_adjust(&a);
    record_adjust(&b);
    record_correct(record_correction("c1", "m2"));
    struct request request = rig_control(REQUEST_FIND, 0);
    request.area = 110000;
    request.body = bytes_of("s1");
    const struct rig_result got = rig_order(&record_rig, request);
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

/* -- corrections ------------------------------------------------------------------------------- */

static void a_correction_takes_back_as_if_it_had_never_been(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    record_accepted(record_correct(record_correction("c1", "m1")), 2, false);
    record_cleared(0, 0);
    record_accepted(record_correct(record_correction("c1", "m1")), 2, true);
    record_accepted(record_correct(record_correction("c2", "m1")), 2, true);
    record_refused(record_correct(record_correction("c1", "m7")), ERROR_MSGID_REUSED);
    record_refused(record_correct(record_correction("c3", "c1")), ERROR_ORIGINAL_NOT_FOUND);
    record_refused(record_post(&s), ERROR_ALREADY_REVERSED);
    const struct settlement back = rig_refund("m2", "r1", &s, 1);
    record_refused(record_post(&back), ERROR_ALREADY_REVERSED);
}

static void a_corrected_refund_gives_its_room_back(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    struct settlement back = rig_refund("m2", "r1", &s, 1);
    record_accepted(record_post(&back), 2, false);
    record_refused(record_correct(record_correction("c1", "m1")),
                   ERROR_ALREADY_REVERSED); /* A refund stands on it. */
    record_accepted(record_correct(record_correction("c2", "m2")), 3, false);
    record_cleared(38000, 1);
    back = rig_refund("m3", "r2", &s, 1);
    record_accepted(record_post(&back), 4, false);
    record_accepted(record_correct(record_correction("c3", "m3")), 5, false);
    record_accepted(record_correct(record_correction("c1", "m1")), 6, false);
    record_cleared(0, 0);
}

static void what_sums_to_nothing_stands_on_a_record_as_well(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    const struct adjustment up = adjustment("m2", "a1", 100);
    const struct adjustment down = adjustment("m3", "a2", -100);
    record_accepted(record_adjust(&up), 2, false);
    record_accepted(record_adjust(&down), 3, false);
    record_cleared(38000, 3);
    record_refused(record_correct(record_correction("c1", "m1")), ERROR_ALREADY_REVERSED);
    rig_checkpoint(&record_rig);
    rig_settle(&record_rig);
    record_refused(record_correct(record_correction("c1", "m1")), ERROR_ALREADY_REVERSED);
    record_accepted(record_correct(record_correction("c2", "m3")), 4, false);
    record_refused(record_correct(record_correction("c1", "m1")), ERROR_ALREADY_REVERSED);
    record_accepted(record_correct(record_correction("c3", "m2")), 5, false);
    record_accepted(record_correct(record_correction("c1", "m1")), 6, false);
    record_cleared(0, 0);
}

static void a_correction_that_comes_first_waits_72_hours(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    const struct rig_result first = record_correct(record_correction("c1", "m1"));
    record_accepted(first, 1, false);
    assert_int_equal(first.result.state, STATE_TOMBSTONE);
    record_refused(record_post(&s), ERROR_TOMBSTONED);
    record_accepted(record_correct(record_correction("c2", "m1")), 1, true);
    rig_checkpoint(&record_rig);
    rig_settle(&record_rig);
    record_clock(MANUAL_CLOCK_START_MS + 72 * HOUR - 1);
    record_refused(record_post(&s), ERROR_TOMBSTONED);
    record_clock(MANUAL_CLOCK_START_MS + 72 * HOUR);
    record_accepted(record_post(&s), 4, false);
}

/* Others use the same numbers, and their messages are not the one that was cancelled. */
static void a_tombstone_is_its_senders_and_persons(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_accepted(record_correct(record_correction("c1", "m1")), 1, false);
    record_refused(record_post(&s), ERROR_TOMBSTONED);
    s.mdtrtarea_admvs = 310000;
    record_accepted(rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s)), 2, false);
    s = record_visit("m1", "s1");
    s.psn_key = bytes_of(PERSON2);
    record_accepted(record_post(&s), 3, false);
}

static void a_tombstone_holds_off_every_kind(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    record_correct(record_correction("c1", "m2"));
    record_correct(record_correction("c2", "m3"));
    const struct adjustment a = adjustment("m2", "a1", -1);
    record_refused(record_adjust(&a), ERROR_TOMBSTONED);
    const struct reversal r = reversal("m3", "r1");
    record_refused(record_reverse(&r), ERROR_TOMBSTONED);
}

static void after_the_cut_a_correction_is_refused(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    record_cut(202501);
    record_refused(record_correct(record_correction("c1", "m1")), ERROR_PERIOD_CLOSED);
    const struct settlement back = rig_refund("m2", "r1", &s, 1);
    const struct rig_result got = record_post(&back); /* The way that is left. */
    record_accepted(got, 3, false);
    assert_int_equal(got.result.period, 202502);
    assert_int_equal(got.result.orig_period, 202501);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, record_set_up, record_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(refunds_find_their_original_wherever_it_is),
        TEST(a_refund_beyond_what_is_left_names_the_sums),
        TEST(a_full_reversal_and_its_repeats),
        TEST(a_partial_reversal_takes_what_it_names),
        TEST(a_stranger_hears_nothing_of_what_there_is),
        TEST(adjustments_move_what_is_cleared),
        TEST(an_adjustment_that_refunds_used_cannot_be_taken_back),
        TEST(the_history_keeps_what_came_after_a_correction),
        TEST(a_correction_takes_back_as_if_it_had_never_been),
        TEST(a_corrected_refund_gives_its_room_back),
        TEST(what_sums_to_nothing_stands_on_a_record_as_well),
        TEST(a_correction_that_comes_first_waits_72_hours),
        TEST(a_tombstone_is_its_senders_and_persons),
        TEST(a_tombstone_holds_off_every_kind),
        TEST(after_the_cut_a_correction_is_refused),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
