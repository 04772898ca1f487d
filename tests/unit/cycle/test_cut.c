/* What a cut takes into a batch, what it leaves out, and where the money stands afterwards. */
#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/unit.h"

#define AH    34
#define SH    31
#define JS    32
#define MARCH 202603

static struct cycle_rig rig;

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260401);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

static void assert_sound(void)
{
    const char *broken = cycle_check(rig.cycle);
    if (broken != NULL) fail_msg("%s", broken);
}

/* An exception as its chapter would have put it before the cut. */
static struct exception_row exception_row(const struct record_facts *record, uint32_t flags,
                                          int64_t deducted)
{
    return (struct exception_row){
        .ref = record->ref, .record = *record, .flags = flags, .deducted = {deducted}};
}

static void put_exception(const struct record_facts *record, uint32_t flags, int64_t deducted)
{
    const struct exception_row row = exception_row(record, flags, deducted);
    cycle_rig_put(&rig, ROW_EXCEPTION, &row);
}

static uint16_t step(uint32_t period, enum batch_step step)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = period;
    order.step = step;
    return cycle_rig_give(&rig, &order);
}

static uint16_t cut(uint32_t period, bool provisional)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_PERIOD_CUT, 0);
    order.period = period;
    order.provisional = provisional;
    return cycle_rig_give(&rig, &order);
}

static uint32_t lines_of(uint32_t period, struct line_row *out, uint32_t room)
{
    const struct batch_row *batch = cycle_batch(rig.cycle, period);
    return cycle_lines(rig.cycle, batch->id, batch->version, out, room);
}

static void test_all_of_a_month(void **state)
{
    struct line_row lines[8];
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260302, 1000);
    (void)cycle_rig_record(&rig, AH, SH, "b", 20260303, 500);
    (void)cycle_rig_record(&rig, SH, AH, "c", 20260304, 70);
    cycle_rig_cut(&rig, MARCH);

    const struct batch_row *batch = cycle_batch(rig.cycle, MARCH);
    assert_string_equal(rig.decision.ref, "202603-1");
    assert_int_equal(batch->state, BATCH_CUT);
    assert_int_equal(batch->count, 3);
    assert_int_equal(batch->gross, 1570);
    assert_int_equal(batch->bilateral, 1430);
    assert_int_equal(batch->multilateral, 1430);
    assert_int_equal(rig.decision.counts[0], 0);
    assert_int_equal(rig.decision.counts[3], 2);
    assert_int_equal(lines_of(MARCH, lines, 8), 2);
    assert_int_equal(lines[0].kind, LINE_OF_CELL);
    assert_int_equal(lines[0].funds[FUND_POOL], 70); /* 31 before 34 */
    assert_int_equal(lines[1].funds[FUND_POOL], 1500);
    assert_int_equal(lines[1].medfee, 1700);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CLEARING), 1500);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_COST), -1500);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CONFIRMED), 0);
    assert_sound();
}

static void test_what_differs_stays_out(void **state)
{
    struct line_row lines[8];
    const struct record_facts *record;
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "plain", 20260302, 1000);
    record = cycle_rig_record(&rig, AH, SH, "held", 20260303, 500);
    put_exception(record, EXCEPTION_HELD, 0);
    record = cycle_rig_record(&rig, AH, SH, "disputed", 20260303, 300);
    put_exception(record, EXCEPTION_DISPUTED | EXCEPTION_HELD, 0);
    record = cycle_rig_record(&rig, AH, SH, "differs", 20260303, 200);
    put_exception(record, EXCEPTION_DIFF_PAYER, 0);
    record = cycle_rig_record(&rig, AH, SH, "void", 20260303, 50);
    put_exception(record, EXCEPTION_VOID, 0);
    record = cycle_rig_record(&rig, AH, SH, "less", 20260303, 90);
    put_exception(record, 0, 40);
    cycle_rig_cut(&rig, MARCH);

    assert_int_equal(lines_of(MARCH, lines, 8), 1);
    assert_int_equal(lines[0].count, 2);
    assert_int_equal(lines[0].funds[FUND_POOL], 1050);
    assert_int_equal(lines[0].deducted, 40);
    assert_int_equal(rig.decision.counts[0], 3);
    assert_int_equal(rig.decision.counts[1], 1000);
    assert_int_equal(rig.decision.counts[2], 0);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CLEARING), 1050);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_HELD), 500);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_DISPUTED), 300);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_MISMATCHED), 200);
    /* 2140 handed over, 50 void and 40 deducted. */
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_COST), -2050);
    assert_sound();
}

/* Taken back after it was held: the shards' facts tell the cut, and its money is gone. */
static void test_taken_back_before_the_cut(void **state)
{
    struct record_facts *record;
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "plain", 20260302, 1000);
    record = cycle_rig_record(&rig, AH, SH, "held", 20260303, 500);
    put_exception(record, EXCEPTION_HELD, 0);
    record->flags |= RECORD_REVERSED;
    const struct record_ref ref = record->ref;
    cycle_rig_cut(&rig, MARCH);

    const struct exception_row *exception = cycle_rig_exception(&rig, &ref);
    assert_true((exception->flags & EXCEPTION_REVERSED) != 0);
    assert_int_equal(exception->carved, 0);
    assert_int_equal(rig.decision.counts[0], 0);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_HELD), 0);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_COST), -1000);
    assert_sound();
}

/* A record that was released is a line of its own in the next batch; its deduction is taken off
 * once, there. */
static void test_carried_record(void **state)
{
    struct line_row lines[8];
    const struct record_facts *record;
    (void)state;
    record = cycle_rig_record(&rig, AH, SH, "held", 20260303, 500);
    put_exception(record, EXCEPTION_HELD, 30);
    const struct record_ref ref = record->ref;
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(lines_of(MARCH, lines, 8), 0);
    assert_sound();

    struct exception_row released = *cycle_rig_exception(&rig, &ref);
    released.flags = 0;
    cycle_rig_put(&rig, ROW_EXCEPTION, &released);
    const struct posting_row moved = {.payer = province_index(AH),
                                      .payee = province_index(SH),
                                      .debit = CYCLE_HELD,
                                      .credit = CYCLE_CONFIRMED,
                                      .amount = 500};
    cycle_rig_put(&rig, ROW_POSTING, &moved);
    assert_sound();
    (void)cycle_rig_record(&rig, AH, SH, "april", 20260402, 8);
    cycle_rig_day(&rig, 20260501);
    cycle_rig_cut(&rig, 202604);

    assert_int_equal(lines_of(202604, lines, 8), 2);
    assert_int_equal(lines[1].kind, LINE_CARRIED_RECORD);
    assert_int_equal(lines[1].funds[FUND_POOL], 470);
    assert_int_equal(lines[1].deducted, 30);
    assert_int_equal(lines[1].count, 1);
    assert_int_equal(lines[1].cell.period, MARCH);
    const struct exception_row *exception = cycle_rig_exception(&rig, &ref);
    assert_int_equal(exception->batch, 2);
    assert_int_equal(exception->deduct_posted, 1);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_COST), -478);
    assert_sound();
}

static void test_cell_waits_and_is_carried(void **state)
{
    struct line_row lines[8];
    (void)state;
    const struct record_facts *record = cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    const struct confirm_row confirm = {
        .cell = record_cell(record), .count = 1, .checksum = record->content_hash};
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(lines_of(MARCH, lines, 8), 0);
    assert_int_equal(rig.decision.counts[0], 1);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_RECONCILED), 500);
    assert_sound();

    cycle_rig_put(&rig, ROW_CONFIRM, &confirm);
    cycle_rig_day(&rig, 20260501);
    cycle_rig_cut(&rig, 202604);
    assert_int_equal(lines_of(202604, lines, 8), 1);
    assert_int_equal(lines[0].kind, LINE_CARRIED_CELL);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_RECONCILED), 0);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CLEARING), 500);
    assert_sound();
}

/* Reconciliation required and missing stands in another account than the confirmation alone. */
static void test_waiting_accounts(void **state)
{
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    cycle_rig_set(&rig, SETTING_RECON_REQUIRED, 1);
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_ACCRUED), 500);
    assert_sound();
    cycle_rig_set(&rig, SETTING_RECON_REQUIRED, 0);
    rig.now_ms += 1;
    (void)cycle_rig_record(&rig, AH, JS, "b", 20260402, 3);
    cycle_rig_cut(&rig, 202604);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_ACCRUED), 0);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_RECONCILED), 500);
    assert_sound();
}

static void test_recovery_and_negative_carry(void **state)
{
    struct line_row lines[8];
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    cycle_rig_cut(&rig, MARCH);
    const struct recovery_row recovery = {
        .recovery_no = "R1",
        .ref = cycle_rig_ref(AH, "a"),
        .cell = {MARCH, province_index(AH), province_index(SH), LINE_INPATIENT, INSURANCE_EMPLOYEE},
        .funds = {120}};
    const struct posting_row back = {.payer = province_index(AH),
                                     .payee = province_index(SH),
                                     .debit = CYCLE_CONFIRMED,
                                     .credit = CYCLE_COST,
                                     .amount = 120};
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    cycle_rig_put(&rig, ROW_POSTING, &back);
    assert_sound();
    (void)cycle_rig_record(&rig, AH, SH, "b", 20260403, 1000);
    cycle_rig_cut(&rig, 202604);
    assert_int_equal(lines_of(202604, lines, 8), 2);
    assert_int_equal(lines[1].kind, LINE_RECOVERY);
    assert_int_equal(lines[1].count, 0);
    assert_int_equal(lines[1].funds[FUND_POOL], -120);
    assert_int_equal(cycle_batch(rig.cycle, 202604)->gross, 880);
    assert_sound();
}

static void test_provisional_changes_nothing(void **state)
{
    (void)state;
    const struct record_facts *record = cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    put_exception(record, EXCEPTION_HELD, 0);
    (void)cycle_rig_record(&rig, AH, SH, "b", 20260303, 900);
    struct order order = cycle_rig_order(&rig, MESSAGE_PERIOD_CUT, 0);
    order.period = MARCH;
    order.provisional = true;
    struct cell cell = {.key = record_cell(record), .count = 2, .medfee_sum = 1600};
    cell.balance[ACCOUNT_COST][FUND_POOL] = 1400;
    cell.checksum = record->content_hash + 1;
    const struct facts facts = {.cells = &cell, .cell_count = 1};
    struct decision decision;
    decision_init(&decision);
    cycle_judge(rig.cycle, &order, &facts, rig.now_ms, &decision);
    assert_int_equal(decision.code, ERROR_OK);
    assert_int_equal(decision.counts[0], 1);
    /* The would-be batch is among the rows. */
    struct judgement j = {.cycle = rig.cycle, .decision = &decision};
    const struct batch_row key = {.period = MARCH, .number = 1};
    struct batch_row batch;
    assert_true(row_so_far(&j, ROW_BATCH, &key, &batch));
    assert_int_equal(batch.gross, 900);
    assert_int_equal(batch.count, 1);
    decision_free(&decision);
    assert_int_equal(cycle_count(rig.cycle, ROW_FROZEN), 0);
    assert_null(cycle_batch(rig.cycle, MARCH));
}

/* What would refuse a cut behind the shards' is said by the trial, before they have cut anything.
 */
static void test_a_trial_refuses_what_a_cut_would(void **state)
{
    (void)state;
    const struct record_facts *record = cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    put_exception(record, EXCEPTION_HELD, 0);
    struct order order = cycle_rig_order(&rig, MESSAGE_PERIOD_CUT, 0);
    order.period = MARCH;
    const struct facts facts = {.cut_through = MARCH}; /* The record's cell is lost. */
    for (int provisional = 0; provisional < 2; provisional++) {
        struct decision decision;
        decision_init(&decision);
        order.provisional = provisional == 1;
        cycle_judge(rig.cycle, &order, &facts, rig.now_ms, &decision);
        assert_int_equal(decision.code, ERROR_LEDGER);
        decision_free(&decision);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    assert_int_equal(cut(MARCH, false), ERROR_PERIOD_ORDER);
    assert_int_equal(cut(202613, false), ERROR_PERIOD_ORDER);
    struct order order = cycle_rig_order(&rig, MESSAGE_PERIOD_CUT, AH);
    order.period = MARCH;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_SENDER_NOT_ALLOWED);
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(cut(MARCH, false), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_string_equal(rig.decision.ref, "202603-1");
    assert_int_equal(cut(202602, false), ERROR_PERIOD_ORDER);
    rig.closed_year = 2026;
    assert_int_equal(cut(202604, false), ERROR_PERIOD_CLOSED);
}

/* Everything the arithmetic could not hold is refused, and nothing is changed. */
static void test_overflow(void **state)
{
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, INT64_MAX - 200);
    (void)cycle_rig_record(&rig, SH, JS, "b", 20260303, INT64_MAX - 200);
    rig.cut_through = MARCH;
    assert_int_equal(cut(MARCH, false), ERROR_AMOUNT_RANGE);
    assert_int_equal(cycle_count(rig.cycle, ROW_FROZEN), 0);
}

/* Two cells of a pair cancel each other and every total is zero; but a later version without one of
 * them, and a sum over one side, would not fit. */
static void test_overflow_that_cancels(void **state)
{
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, INT64_MAX - 200);
    cycle_rig_record(&rig, AH, SH, "b", 20260303, -(INT64_MAX - 200))->insurance =
        INSURANCE_RESIDENT;
    rig.cut_through = MARCH;
    assert_int_equal(cut(MARCH, false), ERROR_AMOUNT_RANGE);
    assert_int_equal(cycle_count(rig.cycle, ROW_FROZEN), 0);
}

static void test_abort_and_cut_again(void **state)
{
    struct line_row lines[8];
    (void)state;
    const struct record_facts *record = cycle_rig_record(&rig, AH, SH, "less", 20260303, 90);
    put_exception(record, 0, 40);
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    record = cycle_rig_record(&rig, SH, AH, "held", 20260303, 11);
    put_exception(record, EXCEPTION_HELD, 0);
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(step(MARCH, STEP_ABORT), ERROR_OK);
    assert_int_equal(cycle_batch(rig.cycle, MARCH)->state, BATCH_ABORTED);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CONFIRMED), 550);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CLEARING), 0);
    assert_sound();
    assert_int_equal(cut(MARCH, false), ERROR_OK);
    assert_string_equal(rig.decision.ref, "202603-2");
    assert_int_equal(rig.decision.counts[0], 1);
    assert_int_equal(lines_of(MARCH, lines, 8), 1);
    assert_int_equal(lines[0].funds[FUND_POOL], 550);
    assert_int_equal(lines[0].kind, LINE_OF_CELL);
    /* The deduction was taken off once. */
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_COST), -550);
    assert_sound();
    /* What the aborted batch had stays to be read. */
    assert_int_equal(cycle_lines(rig.cycle, 1, 1, lines, 8), 1);
}

/* The same message cuts an aborted month again: its id may be made of the month alone. */
static void test_same_message_after_an_abort(void **state)
{
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    rig.cut_through = MARCH;
    struct order order = cycle_rig_order(&rig, MESSAGE_PERIOD_CUT, 0);
    order.period = MARCH;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(step(MARCH, STEP_ABORT), ERROR_OK);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_false(rig.decision.dup);
    assert_string_equal(rig.decision.ref, "202603-2");
    order.hash++;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_MSGID_REUSED);
    assert_sound();
}

/* An aborted month does not stop the next one, which takes its cells along; one that is not
 * eligible any more goes back to where it waits. */
static void test_next_month_after_an_abort(void **state)
{
    struct line_row lines[8];
    (void)state;
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260303, 500);
    const struct record_facts *record = cycle_rig_record(&rig, AH, JS, "b", 20260303, 20);
    const struct confirm_row confirm = {
        .cell = record_cell(record), .count = 1, .checksum = record->content_hash};
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(step(MARCH, STEP_ABORT), ERROR_OK);
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    cycle_rig_put(&rig, ROW_CONFIRM, &confirm);
    (void)cycle_rig_record(&rig, AH, SH, "c", 20260403, 7);
    cycle_rig_cut(&rig, 202604);
    assert_int_equal(lines_of(202604, lines, 8), 1);
    assert_int_equal(lines[0].cell.payee, province_index(JS));
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CONFIRMED), 0);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_RECONCILED), 507);
    assert_sound();
}

static void test_unfinished_cut(void **state)
{
    (void)state;
    const struct cell cells[] = {{.key = {202602, 1, 2, 1, 0}, .count = 1},
                                 {.key = {MARCH, 1, 2, 1, 0}, .count = 1}};
    struct facts facts = {.cells = cells, .cell_count = 2, .cut_through = 202602};
    assert_int_equal(cycle_unfinished_cut(rig.cycle, &facts), 202602);
    cycle_rig_cut(&rig, 202602);
    assert_int_equal(cycle_unfinished_cut(rig.cycle, &facts), 0);
    facts.cut_through = MARCH;
    assert_int_equal(cycle_unfinished_cut(rig.cycle, &facts), MARCH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all_of_a_month, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_differs_stays_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_back_before_the_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_carried_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cell_waits_and_is_carried, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_accounts, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recovery_and_negative_carry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_provisional_changes_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_trial_refuses_what_a_cut_would, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overflow_that_cancels, setup, teardown),
        cmocka_unit_test_setup_teardown(test_abort_and_cut_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_same_message_after_an_abort, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next_month_after_an_abort, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unfinished_cut, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
