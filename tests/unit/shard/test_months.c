/* Months, years, the clock: where a record goes, what a cut holds back and what a close ends. */
#include <stdio.h>

#include "codec/messages.h"
#include "tests/lib/record_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"

/* -- months ------------------------------------------------------------------------------------ */

static void late_records_go_into_the_open_month(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    uint32_t count;
    (void)state;
    record_post(&s);
    record_cut(202501);
    static struct cell frozen;
    frozen = *shard_cells(record_rig.shard, &count);
    assert_int_equal(frozen.cut, 1);
    s = record_visit("m2", "s2");
    const struct rig_result got = record_post(&s);
    assert_int_equal(got.result.period, 202502);
    assert_int_equal(got.result.orig_period, 202501);
    const struct cell *cells = shard_cells(record_rig.shard, &count);
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
    struct settlement s = record_visit("first", "S1");
    (void)state;
    record_open(0, 1);
    record_accepted(record_post(&s), 1, false);
    s = record_visit("other-pair", "S2");
    s.mdtrtarea_admvs = 310000;
    const struct rig_result got = rig_ask(&record_rig, MESSAGE_SETL_POST, 31, record_encoded(&s));
    record_refused(got, ERROR_TOO_MANY); /* The amount is as good as any. */
    assert_int_equal(got.failures[0].want, 1);
    s = record_visit("same-cell", "S3");
    record_accepted(record_post(&s), 2, false);
    rig_close(&record_rig);
}

/* -- sums -------------------------------------------------------------------------------------- */

#define WHOLE_FEN (INT64_C(10000000000000000) - 1)    /* The most a record may be. */
#define WHOLE_MAX ((uint64_t)(INT64_MAX / WHOLE_FEN)) /* So many of them fit into a cell. */

static struct settlement whole(char id[16], uint64_t number)
{
    snprintf(id, 16, "W%llu", (unsigned long long)number);
    return rig_visit(id, id, PERSON, WHOLE_FEN);
}

static void fill_cell(void)
{
    char id[16];
    for (uint64_t i = 1; i <= WHOLE_MAX; i++) {
        const struct settlement s = whole(id, i);
        record_accepted(record_post(&s), i, false);
    }
}

static void a_sum_that_does_not_fit_is_refused(void **state)
{
    char id[16];
    char first[16];
    (void)state;
    fill_cell();
    const struct settlement s = whole(id, WHOLE_MAX + 1);
    const struct rig_result got = record_post(&s);
    record_refused(got, ERROR_AMOUNT_RANGE);
    assert_int_equal(got.failures[0].got, WHOLE_FEN);
    assert_true(got.failures[0].want == INT64_MAX);
    record_cleared((int64_t)WHOLE_MAX * WHOLE_FEN, WHOLE_MAX);

    /* With room it is taken, under the same ids: nothing of it was kept. */
    const struct settlement original = whole(first, 1);
    const struct settlement refund = rig_refund("R", "R", &original, 1);
    record_accepted(record_post(&refund), WHOLE_MAX + 1, false);
    record_accepted(record_post(&s), WHOLE_MAX + 2, false);
    record_refused(record_correct(record_correction("C", "R")), ERROR_AMOUNT_RANGE);
    record_cleared((int64_t)WHOLE_MAX * WHOLE_FEN, WHOLE_MAX + 2);
}

/* What is adjusted is itself far below what a record may be. */
static void an_adjustment_that_does_not_fit_is_refused(void **state)
{
    (void)state;
    fill_cell();
    const struct settlement s = rig_visit("small", "small", PERSON, 1);
    record_accepted(record_post(&s), WHOLE_MAX + 1, false);
    struct adjustment a = {.msgid = bytes_of("A"),
                           .adj_no = bytes_of("A"),
                           .setl_id = bytes_of("small"),
                           .psn_key = bytes_of(PERSON),
                           .insu_admdvs = 110000,
                           .mdtrtarea_admvs = 131000,
                           .approved_by = 110000,
                           .approval_no = bytes_of("yes")};
    a.amounts[AMOUNT_HIFP] = WHOLE_FEN - 1;
    record_refused(record_adjust(&a), ERROR_AMOUNT_RANGE);
    a.amounts[AMOUNT_HIFP] = 1;
    record_accepted(record_adjust(&a), WHOLE_MAX + 2, false);
    record_cleared((int64_t)WHOLE_MAX * WHOLE_FEN + 2, WHOLE_MAX + 2);
}

/* The medical costs alone: nothing of it is cleared. */
static void costs_that_do_not_fit_are_refused(void **state)
{
    char id[16];
    (void)state;
    for (uint64_t i = 1; i <= WHOLE_MAX + 1; i++) {
        struct settlement s = whole(id, i);
        s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_HIFP] = 0;
        s.amounts[AMOUNT_PSN_PART] = s.amounts[AMOUNT_CASH] = WHOLE_FEN;
        const struct rig_result got = record_post(&s);
        if (i <= WHOLE_MAX) record_accepted(got, i, false);
        if (i > WHOLE_MAX) record_refused(got, ERROR_AMOUNT_RANGE);
    }
    record_cleared(0, WHOLE_MAX);
}

static void months_are_cut_in_order_and_once(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    record_post(&s);
    const struct rig_result got = rig_order(&record_rig, rig_control(REQUEST_CUT_CHECK, 202502));
    assert_int_equal(got.result.code, ERROR_PERIOD_ORDER);
    assert_int_equal(got.result.period, 202501);
    record_cut(202501);
    const uint64_t seq = record_rig.durable_seq;
    record_cut(202501);
    assert_int_equal(record_rig.durable_seq, seq);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CHECK, 202513)).result.code,
                     ERROR_MALFORMED);
}

/* What the cut's check has found holds until the cut, whatever comes in between. */
static void no_earlier_month_begins_while_one_is_cut(void **state)
{
    struct settlement early = record_visit("m1", "s1"), late = record_visit("m2", "s2");
    (void)state;
    late.setl_time = civil_month_start_ms(202502);
    record_clock(late.setl_time + HOUR);
    record_accepted(record_post(&late), 2, false);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CLOSE, 202502)).result.code, 0);
    record_refused(record_post(&early), ERROR_OVERLOAD); /* January would be left behind. */
    late.msgid = late.setl_id = bytes_of("m3");
    record_accepted(record_post(&late), 3, false);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CHECK, 202502)).result.code, 0);
    const struct rig_result got =
        record_post(&early); /* Nothing is cut: it was only asked again. */
    assert_int_equal(got.result.period, 202501);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CLOSE, 202502)).result.code,
                     ERROR_PERIOD_ORDER);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CLOSE, 202501)).result.code, 0);
    record_cut(202501);
    record_cut(202502);
    early.msgid = early.setl_id = bytes_of("m4");
    assert_int_equal(record_post(&early).result.period, 202503);
}

/* -- years and the clock ----------------------------------------------------------------------- */

static void a_closed_year_takes_nothing_of_its_own(void **state)
{
    struct settlement s = record_visit("m1", "s1");
    (void)state;
    s.setl_time = MANUAL_CLOCK_START_MS - 1; /* The last millisecond of 2024. */
    record_accepted(record_post(&s), 1, false);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_YEAR_CLOSE, 202412)).result.code,
                     ERROR_PERIOD_ORDER);
    record_cut(202412);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_YEAR_CHECK, 202412)).result.code,
                     0);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_YEAR_CLOSE, 202412)).result.code,
                     0);
    rig_crash(&record_rig, false);
    struct settlement other = s;
    other.msgid = other.setl_id = bytes_of("m2");
    record_refused(record_post(&other), ERROR_PERIOD_CLOSED);
    other.setl_time += 1;
    record_accepted(record_post(&other), 4, false);
    struct settlement back = rig_refund("m3", "r1", &s, 1);
    record_refused(record_post(&back), ERROR_PERIOD_CLOSED);
    back.setl_time = MANUAL_CLOCK_START_MS;
    record_accepted(record_post(&back), 5, false); /* A refund has a time of its own. */
    record_accepted(record_post(&s), 1, true);
}

static void a_manual_clock_never_goes_back(void **state)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    (void)state;
    record_clock(MANUAL_CLOCK_START_MS + 5);
    request.instant_ms = MANUAL_CLOCK_START_MS + 4;
    assert_int_equal(rig_order(&record_rig, request).result.code, ERROR_CLOCK);
    record_rig.now_ms = INT64_C(4000000000000); /* The machine's clock is nothing to it. */
    const struct settlement s = record_visit("m1", "s1");
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CHECK, 202501)).result.stamp_ms,
                     MANUAL_CLOCK_START_MS + 5);
    record_refused(record_post(&s),
                   ERROR_SETL_TIME); /* A day ahead: judged, now that the clock was set. */
    rig_crash(&record_rig, false);
    record_clock(MANUAL_CLOCK_START_MS + 24 * HOUR);
    assert_int_equal(record_post(&s).result.stamp_ms, MANUAL_CLOCK_START_MS + 24 * HOUR);
}

/* -- what a cut holds back --------------------------------------------------------------------- */

static void a_cut_holds_back_all_later_results(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    const struct correction c = record_correction("c1", "m1");
    uint8_t other[1200];
    (void)state;
    record_post(&s);
    rig_order(&record_rig, rig_control(REQUEST_CUT, 202501));
    rig_forget(&record_rig);
    /* A refusal and a repeat make no entry, and could tell of the cut all the same. */
    const struct request requests[] = {
        rig_message(MESSAGE_CORRECTION, 13, (struct bytes){other, correction_encode(&c, other)}),
        rig_message(MESSAGE_SETL_POST, 13, record_encoded(&s)),
    };
    assert_int_equal(rig_give(&record_rig, requests, 2), 2);
    rig_settle(&record_rig);
    assert_int_equal(record_rig.result_count, 0);
    const struct request release = rig_control(REQUEST_CUT_RELEASE, 0);
    rig_give(&record_rig, &release, 1);
    assert_int_equal(record_rig.result_count, 2);
    record_refused(record_rig.results[0], ERROR_PERIOD_CLOSED);
    record_accepted(record_rig.results[1], 1, true);
}

static void a_cut_is_released_when_nothing_else_fits(void **state)
{
    const struct settlement s = record_visit("m1", "s1");
    struct request requests[64];
    uint64_t waiting = 0;
    uint32_t taken;
    (void)state;
    record_post(&s);
    rig_order(&record_rig, rig_control(REQUEST_CUT, 202501));
    rig_forget(&record_rig);
    for (int i = 0; i < 64; i++)
        requests[i] = rig_message(MESSAGE_SETL_POST, 13, record_encoded(&s));
    do {
        for (uint64_t i = 0; i < 64; i++)
            requests[i].ticket = waiting + i;
        taken = rig_give(&record_rig, requests, 64);
        waiting += taken;
    } while (taken != 0);
    assert_int_equal(record_rig.result_count, 0);
    const struct request release = rig_control(REQUEST_CUT_RELEASE, 0);
    assert_int_equal(rig_give(&record_rig, &release, 1), 1);
    assert_int_equal(record_rig.result_count, waiting); /* All of the ring, beyond its end, too. */
    for (uint64_t i = 0; i < waiting; i++)
        assert_int_equal(record_rig.results[i].result.ticket, i);
    rig_forget(&record_rig);
    assert_int_equal(rig_give(&record_rig, requests, 64), 64);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, record_set_up, record_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(late_records_go_into_the_open_month),
        TEST(months_are_cut_in_order_and_once),
        TEST(no_earlier_month_begins_while_one_is_cut),
        TEST(a_closed_year_takes_nothing_of_its_own),
        TEST(a_manual_clock_never_goes_back),
        TEST(a_cut_holds_back_all_later_results),
        TEST(a_cut_is_released_when_nothing_else_fits),
        cmocka_unit_test(cells_of_four_national_years_have_room),
        cmocka_unit_test(a_cell_too_many_is_refused),
        TEST(a_sum_that_does_not_fit_is_refused),
        TEST(an_adjustment_that_does_not_fit_is_refused),
        TEST(costs_that_do_not_fit_are_refused),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
