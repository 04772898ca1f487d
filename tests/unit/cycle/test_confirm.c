/* Confirmation: cells and single records, held, released and deducted, withdrawals, and recoveries
 * after clearing; each before the handover, while a cell waits, and in a batch.
 * Anhui (34) pays, Shanghai (31) is paid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define DAY   20260305
#define MONTH 202603

static struct cycle_rig rig;

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260410);
    cycle_rig_record(&rig, 34, 31, "A", DAY, 1000)->funds[FUND_ACCOUNT] = 200;
    cycle_rig_record(&rig, 34, 31, "B", DAY, 2000);
    cycle_rig_record(&rig, 34, 31, "P", DAY, 96)->line = LINE_PHARMACY;
    cycle_rig_record(&rig, 33, 31, "A", DAY, 500);
    cycle_rig_record(&rig, 34, 32, "J", DAY, 700);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

/* -- helpers ----------------------------------------------------------------------------------- */

static struct order confirm_order(uint32_t sender)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_CLR_CONFIRM, sender);
    order.period = MONTH;
    return order;
}

static uint16_t confirm_cells(uint32_t sender, uint32_t payer, uint8_t line)
{
    struct order order = confirm_order(sender);
    if (payer != 0) order.payer = province_index(payer);
    order.line = line;
    return cycle_rig_give(&rig, &order);
}

/* One row about a record of 34's. */
static uint16_t give_row(uint32_t sender, const char *setl_id, uint8_t cnfm_flag, int64_t deduct,
                         uint8_t det_type)
{
    struct confirm_item item = {
        .ref = cycle_rig_ref(34, setl_id),
        .cnfm_flag = cnfm_flag,
        .det_type = det_type,
        .deduct = deduct,
    };
    struct order order = confirm_order(sender);
    order.confirms = &item;
    order.row_count = 1;
    return cycle_rig_give(&rig, &order);
}

static uint16_t withdraw(uint32_t sender, const char *msgid)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_CLR_WITHDRAW, sender);
    order.period = MONTH;
    (void)snprintf(order.number, sizeof order.number, "%s", msgid);
    return cycle_rig_give(&rig, &order);
}

static uint16_t recover(uint32_t sender, const char *number, const char *setl_id, int64_t amount,
                        uint32_t det_type)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_RECOVERY, sender);
    order.ref = cycle_rig_ref(34, setl_id);
    order.amount = amount;
    order.reason = det_type;
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    return cycle_rig_give(&rig, &order);
}

static struct cell_state state_of(uint32_t payer, uint32_t payee, uint8_t line)
{
    struct cell cell = {.key = {MONTH, province_index(payer), province_index(payee), line, 0}};
    for (size_t i = 0; i < rig.record_count; i++) {
        const struct record_facts *record = &rig.records[i];
        const struct cell_key key = record_cell(record);
        if (cell_key_compare(&key, &cell.key) != 0) continue;
        cell.count++;
        cell.checksum += record->content_hash;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            cell.balance[ACCOUNT_COST][fund] += record->funds[fund];
    }
    size_t count;
    struct cell_state *states = cycle_cell_states(rig.cycle, MONTH, &cell, 1, &count);
    struct cell_state state = {0};
    for (size_t i = 0; i < count; i++)
        if (cell_key_compare(&states[i].cell, &cell.key) == 0) state = states[i];
    free(states);
    return state;
}

static const struct exception_row *exception(const char *setl_id)
{
    const struct record_ref ref = cycle_rig_ref(34, setl_id);
    return cycle_rig_exception(&rig, &ref);
}

static uint32_t flags_of(const char *setl_id)
{
    return exception(setl_id) == NULL ? 0 : exception(setl_id)->flags;
}

/* The month's cells wait for confirmation. */
static void cut_waiting(void)
{
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_RECONCILED), 3296);
}

/* -- cells ------------------------------------------------------------------------------------- */

static void test_cells(void **state)
{
    (void)state;
    assert_int_equal(confirm_cells(31, 34, LINE_INPATIENT), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 1);
    assert_true(state_of(34, 31, LINE_INPATIENT).confirmed);
    assert_false(state_of(34, 31, LINE_PHARMACY).confirmed);
    assert_false(state_of(33, 31, LINE_INPATIENT).confirmed);
    /* Everything that is its own, and nobody else's. */
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 2);
    assert_true(state_of(33, 31, LINE_INPATIENT).confirmed);
    assert_false(state_of(34, 32, LINE_INPATIENT).confirmed);
    /* One more record: stale until it is confirmed again. */
    cycle_rig_record(&rig, 34, 31, "C", DAY, 1);
    assert_false(state_of(34, 31, LINE_INPATIENT).confirmed);
    assert_true(state_of(34, 31, LINE_INPATIENT).stale);
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 1);
    assert_true(state_of(34, 31, LINE_INPATIENT).confirmed);
    assert_false(state_of(34, 31, LINE_INPATIENT).stale);
    /* As many records, but one of them is another. */
    rig.records[rig.record_count - 1].content_hash++;
    assert_false(state_of(34, 31, LINE_INPATIENT).confirmed);
    assert_true(state_of(34, 31, LINE_INPATIENT).stale);
}

static void test_cells_refused(void **state)
{
    (void)state;
    assert_int_equal(confirm_cells(34, 34, 0), ERROR_NOT_FOUND); /* It is payee of nothing. */
    assert_int_equal(confirm_cells(31, 11, 0), ERROR_NOT_FOUND);
    struct order order = confirm_order(34);
    order.payee = province_index(31);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_NOT_YOURS);
    order = confirm_order(31);
    order.period = 202613;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_MALFORMED);
    rig.closed_year = 2026;
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_WRONG_STATE);
    assert_int_equal(cycle_count(rig.cycle, ROW_CONFIRM), 0);
}

/* The centre speaks for a payee, or for all. */
static void test_cells_by_the_centre(void **state)
{
    (void)state;
    struct order order = confirm_order(0);
    order.acting = province_index(31);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 3);
    assert_int_equal(confirm_cells(0, 0, 0), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 1);
}

/* A waiting cell can still be confirmed, and goes with the next month's cut. */
static void test_waiting_cells(void **state)
{
    (void)state;
    cut_waiting();
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 3);
    cycle_rig_record(&rig, 34, 31, "N", 20260401, 10);
    cycle_rig_day(&rig, 20260520);
    cycle_rig_cut(&rig, 202604);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 3296);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_RECONCILED), 10);
    assert_int_equal(cycle_rig_stands(&rig, 34, 32, CYCLE_RECONCILED), 700);
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_WRONG_STATE);
}

/* -- withdrawal -------------------------------------------------------------------------------- */

static void test_withdrawal(void **state)
{
    (void)state;
    struct order order = confirm_order(31);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_int_equal(withdraw(34, order.msgid), ERROR_NOT_YOURS);
    assert_int_equal(withdraw(31, "never"), ERROR_NOT_FOUND);
    rig.closed_year = 2026;
    assert_int_equal(withdraw(31, order.msgid), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    assert_int_equal(withdraw(31, order.msgid), ERROR_OK);
    assert_false(state_of(34, 31, LINE_INPATIENT).confirmed);
    assert_false(state_of(34, 31, LINE_INPATIENT).stale);
    assert_int_equal(withdraw(31, order.msgid), ERROR_WRONG_STATE); /* Nothing stands. */
    assert_int_equal(confirm_cells(31, 0, 0), ERROR_OK);
    assert_true(state_of(34, 31, LINE_INPATIENT).confirmed);
}

/* All its cells or none: one that is in a batch keeps the others. */
static void test_withdrawal_too_late(void **state)
{
    (void)state;
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    struct order order = confirm_order(31);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    cycle_rig_record(&rig, 34, 31, "C", DAY, 1); /* This cell will wait. */
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(withdraw(31, order.msgid), ERROR_WRONG_STATE);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_RECONCILED), 3201);
}

/* An abort leaves a cell confirmed; what is withdrawn then moves at the next cut. */
static void test_withdrawal_after_abort(void **state)
{
    (void)state;
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    struct order order = confirm_order(31);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    cycle_rig_cut(&rig, MONTH);
    const int64_t cleared = cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING);
    assert_int_not_equal(cleared, 0);
    struct order abort = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    abort.period = MONTH;
    abort.step = STEP_ABORT;
    assert_int_equal(cycle_rig_give(&rig, &abort), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), cleared);
    assert_int_equal(withdraw(31, order.msgid), ERROR_OK);
    assert_null(cycle_check(rig.cycle));
    assert_int_equal(withdraw(31, order.msgid), ERROR_WRONG_STATE);
    assert_non_null(strstr(rig.decision.text, "was withdrawn before"));

    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), 0);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 0);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_RECONCILED), cleared);
    assert_null(cycle_check(rig.cycle));
}

static void test_withdrawal_of_records(void **state)
{
    (void)state;
    struct confirm_item item = {.ref = cycle_rig_ref(34, "A")};
    struct order order = confirm_order(31);
    order.confirms = &item;
    order.row_count = 1;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_int_equal(withdraw(31, order.msgid), ERROR_WRONG_STATE);
    assert_int_equal(flags_of("A"), EXCEPTION_HELD);
}

/* -- single records ---------------------------------------------------------------------------- */

static void test_hold_and_release(void **state)
{
    (void)state;
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK);
    assert_int_equal(rig.decision.counts[1], 1);
    assert_int_equal(flags_of("A"), EXCEPTION_HELD);
    assert_int_equal(exception("A")->held_since, MONTH);
    assert_int_equal(state_of(34, 31, LINE_INPATIENT).blocked, 1200);
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK); /* Twice is once. */
    assert_int_equal(rig.decision.counts[1], 0);
    assert_int_equal(rig.decision.rows, 1);
    assert_int_equal(give_row(31, "A", 1, 0, 0), ERROR_OK);
    assert_int_equal(rig.decision.counts[2], 1);
    assert_int_equal(flags_of("A"), 0);
    assert_int_equal(exception("A")->held_since, MONTH);
    assert_int_equal(state_of(34, 31, LINE_INPATIENT).blocked, 0);
    assert_int_equal(state_of(34, 31, LINE_INPATIENT).exceptions, 0);
    assert_int_equal(give_row(31, "B", 1, 0, 0), ERROR_OK); /* As it stands anyway. */
    assert_null(exception("B"));
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_COST), 0);
}

static void test_rows_refused(void **state)
{
    (void)state;
    assert_int_equal(give_row(34, "A", 0, 0, 0), ERROR_NOT_YOURS);
    assert_int_equal(give_row(32, "A", 0, 0, 0), ERROR_NOT_YOURS);
    assert_int_equal(give_row(31, "none", 0, 0, 0), ERROR_NOT_FOUND);
    assert_non_null(strstr(rig.decision.text, "row 1"));
    assert_int_equal(give_row(31, "A", 2, 0, 0), ERROR_MALFORMED);
    assert_int_equal(give_row(31, "A", 0, 1, 10), ERROR_DEDUCTION);

    /* All or nothing, each record once, no more than a page. */
    struct confirm_item items[3] = {{.ref = cycle_rig_ref(34, "A")},
                                    {.ref = cycle_rig_ref(34, "B")},
                                    {.ref = cycle_rig_ref(34, "J")}};
    struct order order = confirm_order(31);
    order.confirms = items;
    order.row_count = 3;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_NOT_YOURS);
    items[2] = items[0];
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_MALFORMED);
    order.row_count = 2;
    order.period = 202604;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_NOT_FOUND);
    order.period = MONTH;
    cycle_rig_set(&rig, SETTING_CONFIRM_PAGE_ROWS, 1);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_RANGE_TOO_WIDE);
    rig.closed_year = 2026;
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    rig.records[0].flags |= RECORD_REVERSED;
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_WRONG_STATE);
    rig.records[0].flags = 0;
    cycle_rig_record(&rig, 34, 31, "A", DAY + 1, 5);
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_AMBIGUOUS);
    assert_int_equal(cycle_count(rig.cycle, ROW_EXCEPTION), 0);
}

/* A bill may be held until the year's cut; released, at any time. */
static void test_hold_too_late(void **state)
{
    (void)state;
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK);
    cycle_rig_day(&rig, 20270331);
    assert_int_equal(give_row(31, "B", 0, 0, 0), ERROR_OK);
    cycle_rig_day(&rig, 20270401);
    assert_int_equal(give_row(31, "P", 0, 0, 0), ERROR_DEADLINE);
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK); /* It is held already. */
    assert_int_equal(give_row(31, "A", 1, 0, 0), ERROR_OK);
}

static void test_hold_of_a_waiting_record(void **state)
{
    (void)state;
    assert_int_equal(give_row(31, "B", 0, 0, 0), ERROR_OK);
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_RECONCILED), 1296);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_HELD), 2000);
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK);
    assert_int_equal(exception("A")->carved, 1);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_RECONCILED), 96);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_HELD), 3200);
    assert_int_equal(give_row(31, "A", 1, 0, 0), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_HELD), 2000);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), 1200);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_COST), -3296);
}

static void test_hold_of_a_batched_record(void **state)
{
    (void)state;
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 3296);
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 2096);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_HELD), 1200);
    assert_int_equal(give_row(31, "B", 1, 50, 10), ERROR_WRONG_STATE);
    cycle_rig_batch(&rig, MONTH, BATCH_NOTICED);
    assert_int_equal(give_row(31, "B", 0, 0, 0), ERROR_WRONG_STATE);
    assert_int_equal(flags_of("B"), 0);
}

/* -- deductions -------------------------------------------------------------------------------- */

static void test_deduction(void **state)
{
    (void)state;
    assert_int_equal(give_row(31, "A", 1, 1100, 20), ERROR_OK);
    assert_int_equal(rig.decision.counts[3], 1);
    assert_int_equal(exception("A")->deducted[FUND_POOL], 1000);
    assert_int_equal(exception("A")->deducted[FUND_ACCOUNT], 100);
    assert_int_equal(exception("A")->det_type, 20);
    assert_int_equal(flags_of("A"), 0);
    assert_int_equal(state_of(34, 31, LINE_INPATIENT).deducted, 1100);
    assert_int_equal(give_row(31, "A", 1, 0, 0), ERROR_OK); /* Confirmed; the deduction stays. */
    assert_int_equal(exception("A")->deducted[FUND_POOL], 1000);
    assert_int_equal(give_row(31, "A", 1, 70, 10), ERROR_OK); /* Another takes its place. */
    assert_int_equal(funds_sum(exception("A")->deducted), 70);
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 3296 - 70);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_COST), -3296 + 70);
    assert_int_equal(exception("A")->deduct_posted, 1);
    assert_int_equal(give_row(31, "A", 1, 80, 10), ERROR_WRONG_STATE);
    /* Out of the batch goes what had gone in. */
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_HELD), 1130);
    assert_int_equal(give_row(31, "A", 1, 80, 10), ERROR_WRONG_STATE);
    assert_int_equal(give_row(31, "A", 1, 0, 0), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), 1130);
}

static void test_deduction_refused(void **state)
{
    (void)state;
    static const uint8_t known[] = {10, 20, 30, 40, 99};
    for (uint32_t type = 0; type < 256; type++) {
        const bool good = memchr(known, (int)type, sizeof known) != NULL;
        assert_int_equal(give_row(31, "A", 1, 1, (uint8_t)type), good ? ERROR_OK : ERROR_DEDUCTION);
    }
    assert_int_equal(give_row(31, "A", 1, 1200, 10), ERROR_OK);
    assert_int_equal(give_row(31, "A", 1, 1201, 10), ERROR_DEDUCTION);
    assert_int_equal(give_row(31, "A", 1, -1, 10), ERROR_DEDUCTION);
    assert_int_equal(give_row(31, "A", 1, 0, 10), ERROR_OK); /* Taken back. */
    assert_int_equal(funds_sum(exception("A")->deducted), 0);
    assert_int_equal(exception("A")->det_type, 0);
    cycle_rig_record(&rig, 34, 31, "R", DAY, -100)->kind = RECORD_REFUND;
    assert_int_equal(give_row(31, "R", 1, 0, 10), ERROR_DEDUCTION);
    cycle_rig_record(&rig, 34, 31, "Q", DAY, 100)->kind = RECORD_ADJUSTMENT;
    assert_int_equal(give_row(31, "Q", 1, 1, 10), ERROR_DEDUCTION);
}

/* The split: in order, never above a fund, all of it, and never less of a fund for more. */
static void test_split(void **state)
{
    (void)state;
    const int64_t funds[FUND_COUNT] = {[FUND_POOL] = 5,
                                       [FUND_ACCOUNT] = 4,
                                       [FUND_SUPPLEMENT] = 3,
                                       [FUND_ASSISTANCE] = 0,
                                       [FUND_OTHER] = -2};
    int64_t last[FUND_COUNT] = {0};
    for (int64_t amount = 0; amount <= 10; amount++) {
        int64_t split[FUND_COUNT];
        split_deduction(funds, amount, split);
        assert_int_equal(funds_sum(split), amount);
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            assert_true(split[fund] >= last[fund]);
            assert_true(split[fund] <= (funds[fund] > 0 ? funds[fund] : 0));
        }
        memcpy(last, split, sizeof last);
        if (amount <= 5) assert_int_equal(split[FUND_POOL], amount);
        if (amount <= 8) assert_int_equal(split[FUND_ACCOUNT], 0);
    }
}

/* -- recovery ---------------------------------------------------------------------------------- */

static void test_recovery(void **state)
{
    (void)state;
    assert_int_equal(give_row(31, "A", 1, 100, 10), ERROR_OK);
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    cycle_rig_batch(&rig, MONTH, BATCH_SETTLED);
    assert_int_equal(recover(31, "V-1", "A", 1000, 10), ERROR_OK);
    assert_string_equal(rig.decision.ref, "V-1");
    const struct recovery_row *row = cycle_row(rig.cycle, ROW_RECOVERY, 0);
    assert_int_equal(row->funds[FUND_POOL], 900);
    assert_int_equal(row->funds[FUND_ACCOUNT], 100);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), -1000);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_COST), -3196 + 1000);
    /* The same again under another msgid; the number for something else; more than is left. */
    assert_int_equal(recover(31, "V-1", "A", 1000, 10), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_string_equal(rig.decision.ref, "V-1");
    assert_int_equal(recover(31, "V-1", "A", 999, 10), ERROR_NUMBER_REUSED);
    assert_int_equal(recover(31, "V-1", "B", 1000, 10), ERROR_NUMBER_REUSED);
    assert_int_equal(recover(31, "V-2", "A", 101, 10), ERROR_DEDUCTION);
    assert_int_equal(recover(31, "V-2", "A", 0, 10), ERROR_DEDUCTION);
    assert_int_equal(recover(31, "V-2", "A", 100, 10), ERROR_OK);
    assert_int_equal(recover(31, "V-3", "A", 1, 10), ERROR_DEDUCTION);
    /* The next batch of the pair is less by it. */
    cycle_rig_record(&rig, 34, 31, "N", 20260401, 5000);
    cycle_rig_day(&rig, 20260520);
    cycle_rig_cut(&rig, 202604);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), 0);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 3196 + 5000 - 1100);
}

static void test_recovery_refused(void **state)
{
    (void)state;
    cycle_rig_record(&rig, 34, 31, "R", DAY, 10)->kind = RECORD_ADJUSTMENT;
    assert_int_equal(recover(31, "V-1", "A", 1, 10), ERROR_WRONG_STATE);
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    for (enum batch_state s = BATCH_CUT; s <= BATCH_SIGNED; s++) {
        cycle_rig_batch(&rig, MONTH, s);
        assert_int_equal(recover(31, "V-1", "A", 1, 10), ERROR_WRONG_STATE);
    }
    cycle_rig_batch(&rig, MONTH, BATCH_NOTICED);
    assert_int_equal(recover(34, "V-1", "A", 1, 10), ERROR_NOT_YOURS);
    assert_int_equal(recover(31, "V-1", "none", 1, 10), ERROR_NOT_FOUND);
    assert_int_equal(recover(31, "V-1", "A", 1, 11), ERROR_DEDUCTION);
    assert_int_equal(recover(31, "V-1", "R", 1, 10), ERROR_DEDUCTION);
    assert_int_equal(recover(31, "", "A", 1, 10), ERROR_MALFORMED);
    assert_int_equal(recover(31, "a-number-of-thirty-two-characters", "A", 1, 10), ERROR_MALFORMED);
    rig.closed_year = 2026;
    assert_int_equal(recover(31, "V-1", "A", 1, 10), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    assert_int_equal(cycle_count(rig.cycle, ROW_RECOVERY), 0);
    assert_int_equal(recover(31, "V-1", "A", 1, 10), ERROR_OK);
}

/* A correction has taken it back before the cut: the batch has nothing of it, so nothing of it can
 * be taken back from the batch, noted as an exception or not. */
static void test_recovery_of_nothing(void **state)
{
    (void)state;
    cycle_rig_record(&rig, 34, 31, "C", DAY, 4000);
    assert_int_equal(give_row(31, "A", 0, 0, 0), ERROR_OK);
    rig.records[0].flags |= RECORD_REVERSED;
    rig.records[1].flags |= RECORD_REVERSED;
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    cycle_rig_batch(&rig, MONTH, BATCH_NOTICED);
    assert_int_equal(recover(31, "V-1", "A", 1, 10), ERROR_WRONG_STATE);
    assert_int_equal(recover(31, "V-1", "B", 1, 10), ERROR_WRONG_STATE);
    assert_int_equal(cycle_count(rig.cycle, ROW_RECOVERY), 0);
}

/* -- a cell that may be cleared ---------------------------------------------------------------- */

static void test_eligible(void **state)
{
    (void)state;
    const struct cell_key key = {MONTH, province_index(34), province_index(31), LINE_INPATIENT, 0};
    const uint64_t count = 2;
    const uint64_t sum = rig.records[0].content_hash + rig.records[1].content_hash;
    assert_true(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    cycle_rig_set(&rig, SETTING_RECON_REQUIRED, 1);
    assert_false(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    assert_true(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms - 1)); /* Not in force yet. */
    struct recon_row recon = {.cell = key, .count = count, .checksum = sum};
    cycle_rig_put(&rig, ROW_RECON, &recon);
    assert_true(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    assert_false(cell_eligible(rig.cycle, &key, count + 1, sum, rig.now_ms));
    assert_false(cell_eligible(rig.cycle, &key, count, sum + 1, rig.now_ms));
    cycle_rig_set(&rig, SETTING_RECON_REQUIRED, 2);
    assert_false(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    recon.side = SIDE_PAYEE;
    cycle_rig_put(&rig, ROW_RECON, &recon);
    assert_true(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    assert_false(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    struct confirm_row confirm = {.cell = key, .count = count, .checksum = sum};
    cycle_rig_put(&rig, ROW_CONFIRM, &confirm);
    assert_true(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
    confirm.withdrawn = 1;
    cycle_rig_put(&rig, ROW_CONFIRM, &confirm);
    assert_false(cell_eligible(rig.cycle, &key, count, sum, rig.now_ms));
}

/* What a record has stood in, all accounts of the pair together, is always what it brought in. */
static void test_random_changes(void **state)
{
    (void)state;
    struct prng prng = {11};
    for (uint32_t world = 0; world < 50; world++) {
        teardown(NULL);
        setup(NULL);
        if (world % 2 == 1) cycle_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
        const char *const ids[] = {"A", "B", "P"};
        bool cut = false;
        for (uint32_t round = 0; round < 60; round++) {
            const char *id = ids[prng_below(&prng, 3)];
            const uint8_t flag = (uint8_t)prng_below(&prng, 2);
            const int64_t deduct = flag == 1 ? (int64_t)prng_below(&prng, 120) : 0;
            (void)give_row(31, id, flag, deduct, deduct == 0 ? 0 : 10);
            if (round == 20) {
                cycle_rig_day(&rig, 20260420);
                cycle_rig_cut(&rig, MONTH);
                cut = true;
            }
            int64_t sum = 0;
            int64_t held = 0;
            int64_t posted = 0;
            for (enum cycle_account a = CYCLE_COST; a <= CYCLE_SETTLED; a++) {
                const int64_t stands = cycle_rig_stands(&rig, 34, 31, a);
                sum += stands;
                assert_true(a == CYCLE_COST || stands >= 0);
            }
            assert_int_equal(sum, 0);
            for (int i = 0; i < 3; i++) {
                const struct exception_row *e = exception(ids[i]);
                if (e == NULL) continue;
                int64_t money[FUND_COUNT];
                exception_money(e, money);
                if ((e->flags & EXCEPTION_HELD) != 0) held += funds_sum(money);
                if (e->deduct_posted) posted += funds_sum(e->deducted);
            }
            assert_null(cycle_check(rig.cycle));
            if (!cut) continue;
            assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_HELD), held);
            assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_COST), posted - 3296);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cells_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cells_by_the_centre, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_cells, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withdrawal, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withdrawal_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withdrawal_after_abort, setup, teardown),
        cmocka_unit_test_setup_teardown(test_withdrawal_of_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_and_release, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_too_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_of_a_waiting_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_of_a_batched_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deduction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deduction_refused, setup, teardown),
        cmocka_unit_test(test_split),
        cmocka_unit_test_setup_teardown(test_recovery, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recovery_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_recovery_of_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_eligible, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_changes, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
