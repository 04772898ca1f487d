/* Prefunds: the year's setting from the fourth quarter, notices either way, the use ratio at its
 * limits, and increases from the application to the money. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/unit.h"
#include "tests/unit/cycle/row_rig.h"
#include "types/money.h"

static struct row_rig rig;

static uint16_t set(uint32_t sender, uint32_t year, uint32_t payer, uint32_t payee, int64_t amount)
{
    struct order order = row_rig_order(&rig, MESSAGE_PREFUND_SET, sender);
    order.period = year;
    if (payer != 0) order.payer = province_index(payer);
    if (payee != 0) order.payee = province_index(payee);
    order.amount = amount;
    return row_rig_give(&rig, &order);
}

static uint16_t set_year(uint32_t year)
{
    return set(0, year, 0, 0, 0);
}

static uint16_t apply_for(uint32_t sender, uint32_t period, uint32_t payer, uint32_t payee,
                          int64_t amount)
{
    struct order order = row_rig_order(&rig, MESSAGE_PREFUND_APPLY, sender);
    order.acting = province_index(payee);
    if (sender != 0) order.acting = province_index(sender);
    order.period = period;
    order.payer = province_index(payer);
    order.payee = province_index(payee);
    order.amount = amount;
    return row_rig_give(&rig, &order);
}

static uint16_t decide(uint32_t sender, uint32_t period, uint32_t payer, uint32_t payee, bool yes)
{
    struct order order = row_rig_order(&rig, MESSAGE_PREFUND_DECIDE, sender);
    order.period = period;
    order.payer = province_index(payer);
    order.payee = province_index(payee);
    order.flag = yes;
    return row_rig_give(&rig, &order);
}

static const struct prefund_row *prefund(uint32_t payer, uint32_t payee)
{
    const struct prefund_row key = {.payer = province_index(payer), .payee = province_index(payee)};
    return cycle_find(rig.cycle, ROW_PREFUND, &key);
}

static const struct notice_row *notice(const char *number)
{
    char key[NUMBER_SIZE] = "";
    (void)snprintf(key, sizeof key, "%s", number);
    const struct notice_row *found = cycle_find(rig.cycle, ROW_NOTICE, key);
    if (found == NULL) fail_msg("no notice %s", number);
    return found;
}

static int64_t balance(uint32_t payer, uint32_t payee, enum cycle_account account)
{
    return cycle_balance(rig.cycle, province_index(payer), province_index(payee), FUND_POOL,
                         account);
}

/* (K4) What the row says is what the book says; the four accounts sum to zero. */
static void assert_booked(uint32_t payer, uint32_t payee)
{
    const struct prefund_row *row = prefund(payer, payee);
    assert_int_equal(balance(payer, payee, CYCLE_PREFUND), row->amount);
    assert_int_equal(balance(payer, payee, CYCLE_PREFUND_DUE) +
                         balance(payer, payee, CYCLE_PREFUND_TRANSIT),
                     row->pending);
    assert_int_equal(balance(payer, payee, CYCLE_PREFUND_CONTRA), -row->amount - row->pending);
}

/* The payer reports the whole notice, the payee that it came. */
static void pay(const char *number)
{
    for (int step = 0; step < 2; step++) {
        struct order order =
            row_rig_order(&rig, step == 0 ? MESSAGE_PAY_REPORT : MESSAGE_RECEIPT_REPORT, 0);
        (void)snprintf(order.number, sizeof order.number, "%s", number);
        (void)snprintf(order.bank_ref, sizeof order.bank_ref, "bank 1");
        order.amount = notice(number)->amount;
        order.at_ms = rig.now_ms;
        if (row_rig_give(&rig, &order) != ERROR_OK) fail_msg("%s", rig.decision.text);
    }
}

/* The fourth quarter of 2025 of 34 at 31, and more pairs beside it. */
static void quarter(int64_t october, int64_t november, int64_t december)
{
    const int64_t amounts[] = {october, november, december};
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t batch = row_rig_batch(&rig, 202510 + i, BATCH_NOTICED);
        row_rig_line(&rig, batch, 34, 31, amounts[i]);
    }
}

static void month(uint32_t period, int64_t amount)
{
    row_rig_line(&rig, row_rig_batch(&rig, period, BATCH_COMPUTED), 34, 31, amount);
}

/* The use of a pair (payer 0: all payers) in the month. */
static struct prefund_use use_of(uint32_t period, uint32_t payer, uint32_t payee)
{
    size_t pairs;
    size_t payees;
    struct prefund_use found = {0};
    bool there = false;
    struct prefund_use *uses = cycle_prefund_uses(rig.cycle, &period, rig.now_ms, &pairs, &payees);
    for (size_t i = 0; i < pairs + payees; i++) {
        assert_int_equal(uses[i].payer == PROVINCE_CENTRE, i >= pairs);
        if (province_of(uses[i].payer) != payer || province_of(uses[i].payee) != payee) continue;
        found = uses[i];
        there = true;
    }
    free(uses);
    assert_true(there);
    return found;
}

/* -- the worked example of docs/rules.md --------------------------------------------------------
 */

static void the_worked_example(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260112);
    quarter(460 * MILLION, 480 * MILLION, 500 * MILLION);
    assert_int_equal(set(0, 2025, 34, 31, 880 * MILLION), ERROR_OK);
    assert_string_equal(rig.decision.ref, "PFO-2025-34-31-1");
    assert_int_equal(prefund(34, 31)->amount, 880 * MILLION);
    assert_int_equal(prefund(34, 31)->pending, 0);
    assert_int_equal(notice("PFO-2025-34-31-1")->state, NOTICE_SETTLED);
    assert_booked(34, 31);

    assert_int_equal(set_year(2026), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 1);
    const struct notice_row *change = notice("PFY-2026-34-31-1");
    assert_int_equal(change->amount, 80 * MILLION);
    assert_int_equal(change->old_amount, 880 * MILLION);
    assert_int_equal(change->new_amount, 960 * MILLION);
    assert_int_equal(province_of(change->payer), 34);
    assert_int_equal(province_of(change->payee), 31);
    assert_int_equal(change->state, NOTICE_DUE);
    assert_int_equal(prefund(34, 31)->amount, 880 * MILLION); /* (K4) */
    assert_int_equal(prefund(34, 31)->pending, 80 * MILLION);
    assert_booked(34, 31);

    pay("PFY-2026-34-31-1");
    assert_int_equal(prefund(34, 31)->amount, 960 * MILLION);
    assert_int_equal(prefund(34, 31)->pending, 0);
    assert_int_equal(balance(34, 31, CYCLE_PREFUND_TRANSIT), 0);
    assert_booked(34, 31);

    month(202603, 690 * MILLION);
    struct prefund_use use = use_of(202603, 34, 31);
    assert_int_equal(use.cleared, 690 * MILLION);
    assert_int_equal(use.use_bp, 7187);
    assert_int_equal(use.alert, PREFUND_YELLOW);
    month(202604, 870 * MILLION);
    use = use_of(0, 34, 31); /* The latest month. */
    assert_int_equal(use.use_bp, 9062);
    assert_int_equal(use.alert, PREFUND_RED);
    row_rig_close(&rig);
}

/* Less than before: the place of treatment pays back; the pair the other way round gets more. */
static void both_directions_at_once(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260112);
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t batch = row_rig_batch(&rig, 202510 + i, BATCH_SETTLED);
        row_rig_line(&rig, batch, 34, 31, 100);
        row_rig_line(&rig, batch, 31, 34, 300);
        row_rig_line(&rig, batch, 41, 31, -5); /* Refunds outweigh. */
    }
    assert_int_equal(set(0, 2025, 34, 31, 1000), ERROR_OK);
    assert_int_equal(set(0, 2025, 41, 31, 70), ERROR_OK);
    assert_int_equal(set(0, 2025, 32, 31, 50), ERROR_OK); /* Cleared nothing at all. */
    assert_int_equal(set_year(2026), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 4);

    const struct notice_row *less = notice("PFY-2026-34-31-1");
    assert_int_equal(less->amount, 800);
    assert_int_equal(province_of(less->payer), 31);
    assert_int_equal(province_of(less->payee), 34);
    const struct notice_row *more = notice("PFY-2026-31-34-1");
    assert_int_equal(more->amount, 600);
    assert_int_equal(province_of(more->payer), 31);
    assert_true(less->id != more->id);
    assert_int_equal(prefund(34, 31)->pending, -800);
    assert_int_equal(prefund(31, 34)->pending, 600);
    assert_int_equal(notice("PFY-2026-41-31-1")->new_amount, 0);
    assert_int_equal(notice("PFY-2026-32-31-1")->amount, 50);
    assert_booked(34, 31);
    assert_booked(31, 34);

    pay("PFY-2026-34-31-1");
    assert_int_equal(prefund(34, 31)->amount, 200);
    assert_int_equal(prefund(34, 31)->pending, 0);
    assert_int_equal(prefund(31, 34)->pending, 600);
    assert_booked(34, 31);
    pay("PFY-2026-31-34-1");
    assert_int_equal(prefund(31, 34)->amount, 600);
    assert_booked(31, 34);
    row_rig_close(&rig);
}

static void the_target_is_rounded_down(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260112);
    quarter(100, 101, 101);
    assert_int_equal(set_year(2026), ERROR_OK); /* 2 * 302 / 3 = 201.33; 2 * (302 / 3) is less. */
    assert_int_equal(notice("PFY-2026-34-31-1")->amount, 201);
    row_rig_close(&rig);

    row_rig_open(&rig, 20260112);
    quarter(100, 100, 101);
    row_rig_set(&rig, SETTING_PREFUND_ROUND_FEN, 30);
    row_rig_set(&rig, SETTING_PREFUND_MONTHS, 3);
    assert_int_equal(set_year(2026), ERROR_OK); /* 301 */
    assert_int_equal(notice("PFY-2026-34-31-1")->amount, 300);
    row_rig_close(&rig);

    /* Three months of the largest amounts times twelve do not fit 64 bits, and their sixth does. */
    row_rig_open(&rig, 20260112);
    quarter(INT64_MAX / 12, INT64_MAX / 12, INT64_MAX / 12);
    row_rig_set(&rig, SETTING_PREFUND_MONTHS, 12);
    assert_int_equal(set_year(2026), ERROR_AMOUNT_RANGE);
    row_rig_close(&rig);
    row_rig_open(&rig, 20260112);
    quarter(FEN_AMOUNT_MAX, FEN_AMOUNT_MAX, FEN_AMOUNT_MAX);
    row_rig_set(&rig, SETTING_PREFUND_MONTHS, 1);
    assert_int_equal(set_year(2026), ERROR_OK);
    assert_int_equal(notice("PFY-2026-34-31-1")->amount, FEN_AMOUNT_MAX);
    row_rig_close(&rig);
}

static void settings_of_the_year_refused(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260112);
    assert_int_equal(set(34, 2026, 0, 0, 0), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(set_year(202), ERROR_MALFORMED);
    assert_int_equal(set_year(2026), ERROR_PREFUND_RULE); /* No batch at all. */
    row_rig_line(&rig, row_rig_batch(&rig, 202510, BATCH_NOTICED), 34, 31, 1);
    row_rig_line(&rig, row_rig_batch(&rig, 202511, BATCH_SIGNED), 34, 31, 1);
    row_rig_line(&rig, row_rig_batch(&rig, 202512, BATCH_NOTICED), 34, 31, 1);
    assert_int_equal(set_year(2026), ERROR_PREFUND_RULE);
    assert_non_null(strstr(rig.decision.text, "and 202511 has no notices yet"));
    struct batch_row november = *cycle_batch(rig.cycle, 202511);
    november.state = BATCH_ABORTED;
    row_rig_put(&rig, ROW_BATCH, &november);
    assert_int_equal(set_year(2026), ERROR_PREFUND_RULE);
    november.state = BATCH_ARCHIVED;
    row_rig_put(&rig, ROW_BATCH, &november);
    rig.facts.closed_year = 2026;
    assert_int_equal(set_year(2026), ERROR_PERIOD_CLOSED);
    rig.facts.closed_year = 2025;
    assert_int_equal(set_year(2026), ERROR_OK);
    assert_int_equal(set_year(2026), ERROR_WRONG_STATE);
    assert_non_null(strstr(rig.decision.text, "the year's amounts were set"));
    row_rig_close(&rig);
}

static void openings_refused(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260112);
    assert_int_equal(set(34, 2025, 34, 31, 10), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(set(0, 2025, 34, 0, 10), ERROR_PREFUND_RULE);
    assert_int_equal(set(0, 2025, 34, 34, 10), ERROR_SAME_PROVINCE);
    assert_int_equal(set(0, 2025, 34, 31, 0), ERROR_AMOUNT_RANGE);
    assert_int_equal(set(0, 2025, 34, 31, -1), ERROR_AMOUNT_RANGE);
    assert_int_equal(set(0, 2025, 34, 31, FEN_AMOUNT_MAX + 1), ERROR_AMOUNT_RANGE);
    assert_int_equal(set(0, 2025, 34, 31, 10), ERROR_OK);
    assert_int_equal(set(0, 2025, 34, 31, 10), ERROR_OK); /* The same again. */
    assert_true(rig.decision.dup);
    assert_string_equal(rig.decision.ref, "PFO-2025-34-31-1");
    assert_int_equal(set(0, 2025, 34, 31, 11), ERROR_WRONG_STATE);
    assert_int_equal(set(0, 2026, 34, 31, 10), ERROR_WRONG_STATE);
    assert_int_equal(set(0, 2025, 31, 34, 10), ERROR_OK); /* Another pair. */
    assert_int_equal(prefund(34, 31)->amount, 10);
    row_rig_close(&rig);
}

/* -- the use ratio ----------------------------------------------------------------------------- */

static void limits_are_reached_exactly(void **state)
{
    static const struct {
        int64_t cleared;
        uint32_t bp;
        uint8_t alert;
    } cases[] = {
        {69999, 6999, PREFUND_CALM},
        {70000, 7000, PREFUND_YELLOW},
        {89999, 8999, PREFUND_YELLOW},
        {90000, 9000, PREFUND_RED},
        {0, 0, PREFUND_CALM},
        {-500, 0, PREFUND_CALM},
        {INT64_MAX, UINT32_MAX - 1, PREFUND_RED},
    };
    (void)state;
    row_rig_open(&rig, 20260112);
    assert_int_equal(set(0, 2025, 34, 31, 100000), ERROR_OK);
    for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        month(202601 + i, cases[i].cleared);
        const struct prefund_use use = use_of(202601 + i, 34, 31);
        assert_int_equal(use.use_bp, cases[i].bp);
        assert_int_equal(use.alert, cases[i].alert);
        assert_int_equal(use.amount, 100000);
    }
    month(202608, 700);
    row_rig_line(&rig, cycle_batch(rig.cycle, 202608)->id, 41, 31, 300);
    assert_int_equal(use_of(202608, 41, 31).use_bp, PREFUND_USE_NONE); /* No prefund, no alert. */
    assert_int_equal(use_of(202608, 41, 31).alert, PREFUND_CALM);
    assert_int_equal(use_of(202608, 0, 31).cleared, 1000);
    row_rig_batch(&rig, 202609, BATCH_CUT); /* Not computed: nothing is cleared yet. */
    row_rig_line(&rig, cycle_batch(rig.cycle, 202609)->id, 34, 31, 99999);
    assert_int_equal(use_of(202609, 34, 31).cleared, 0);
    row_rig_close(&rig);
}

/* -- increases --------------------------------------------------------------------------------- */

/* A prefund of 960 of 34 at 31; the month cleared `cleared`; 31 has signed on Wednesday. */
static void signed_month(int64_t cleared)
{
    row_rig_open(&rig, 20260422);
    assert_int_equal(set(0, 2025, 34, 31, 960), ERROR_OK);
    const uint32_t batch = row_rig_batch(&rig, 202603, BATCH_PUBLISHED);
    row_rig_line(&rig, batch, 34, 31, cleared);
    row_rig_sign(&rig, batch, 31, SIGN_SIGNED);
}

static void an_increase_from_end_to_end(void **state)
{
    (void)state;
    signed_month(870);
    assert_int_equal(apply_for(31, 202603, 34, 31, 200), ERROR_OK);
    assert_string_equal(rig.decision.ref, "202603-34-31");
    assert_int_equal(use_of(202603, 34, 31).application, APPLICATION_OPEN);
    assert_int_equal(use_of(202603, 34, 31).applied, 200);
    assert_int_equal(apply_for(31, 202603, 34, 31, 200), ERROR_WRONG_STATE); /* One is open. */
    assert_int_equal(decide(31, 202603, 34, 31, true), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(decide(0, 202602, 34, 31, true), ERROR_NOT_FOUND);
    assert_int_equal(decide(0, 202603, 34, 31, false), ERROR_OK);
    assert_int_equal(prefund(34, 31)->pending, 0);
    assert_int_equal(decide(0, 202603, 34, 31, true), ERROR_WRONG_STATE);

    assert_int_equal(apply_for(31, 202603, 34, 31, 150), ERROR_OK); /* Refused: once more. */
    assert_int_equal(decide(0, 202603, 34, 31, true), ERROR_OK);
    assert_string_equal(rig.decision.ref, "PFE-202603-34-31-1");
    const struct notice_row *increase = notice("PFE-202603-34-31-1");
    assert_int_equal(increase->old_amount, 960);
    assert_int_equal(increase->new_amount, 1110);
    assert_int_equal(province_of(increase->payer), 34);
    assert_int_equal(prefund(34, 31)->amount, 960);
    assert_int_equal(prefund(34, 31)->pending, 150);
    assert_booked(34, 31);
    assert_int_equal(apply_for(31, 202603, 34, 31, 1), ERROR_WRONG_STATE);
    pay("PFE-202603-34-31-1");
    assert_int_equal(prefund(34, 31)->amount, 1110);
    assert_booked(34, 31);
    row_rig_close(&rig);
}

static void applications_refused(void **state)
{
    (void)state;
    signed_month(863); /* 8989 basis points. */
    assert_int_equal(apply_for(31, 202603, 34, 31, 200), ERROR_PREFUND_RULE);
    row_rig_close(&rig);

    signed_month(864); /* 9000 */
    assert_int_equal(apply_for(34, 202603, 34, 31, 200), ERROR_NOT_YOURS);
    assert_int_equal(apply_for(31, 202603, 31, 31, 200), ERROR_SAME_PROVINCE);
    assert_int_equal(apply_for(31, 202613, 34, 31, 200), ERROR_MALFORMED);
    assert_int_equal(apply_for(31, 202604, 34, 31, 200), ERROR_WRONG_STATE); /* No batch. */
    assert_int_equal(apply_for(31, 202603, 34, 31, 0), ERROR_PREFUND_RULE);
    assert_int_equal(apply_for(31, 202603, 34, 31, -1), ERROR_PREFUND_RULE);
    assert_int_equal(apply_for(31, 202603, 34, 31, FEN_AMOUNT_MAX), ERROR_AMOUNT_RANGE);
    assert_int_equal(apply_for(31, 202603, 41, 31, 10), ERROR_PREFUND_RULE); /* No prefund. */
    rig.facts.closed_year = 2026;
    assert_int_equal(apply_for(31, 202603, 34, 31, 10), ERROR_PERIOD_CLOSED);
    rig.facts.closed_year = 0;
    row_rig_day(&rig, 20260428); /* Wednesday and three working days is Monday. */
    assert_int_equal(apply_for(31, 202603, 34, 31, 10), ERROR_DEADLINE);
    row_rig_day(&rig, 20260427);
    assert_int_equal(apply_for(0, 202603, 34, 31, 10), ERROR_OK); /* The centre for 31. */
    row_rig_close(&rig);
}

static void silence_is_no_signature(void **state)
{
    (void)state;
    signed_month(870);
    const uint32_t batch = cycle_batch(rig.cycle, 202603)->id;
    row_rig_sign(&rig, batch, 31, SIGN_SILENT);
    assert_int_equal(apply_for(31, 202603, 34, 31, 10), ERROR_WRONG_STATE);
    row_rig_sign(&rig, batch, 31, SIGN_SIGNED);
    struct batch_row again = *cycle_batch(rig.cycle, 202603);
    again.version = 2;
    again.published_version = 2;
    row_rig_put(&rig, ROW_BATCH, &again); /* Published anew: signed is only the old. */
    assert_int_equal(apply_for(31, 202603, 34, 31, 10), ERROR_WRONG_STATE);
    row_rig_close(&rig);
}

/* 34's use is red and 41's is low: together they are not. */
static void alerts_by_payee_or_pair(void **state)
{
    (void)state;
    signed_month(900);
    assert_int_equal(set(0, 2025, 41, 31, 960), ERROR_OK);
    assert_int_equal(use_of(202603, 34, 31).alert, PREFUND_RED);
    assert_int_equal(use_of(202603, 0, 31).use_bp, 4687);
    assert_int_equal(apply_for(31, 202603, 34, 31, 10), ERROR_PREFUND_RULE);
    row_rig_set(&rig, SETTING_PREFUND_ALERT_SCOPE, 1);
    assert_int_equal(apply_for(31, 202603, 41, 31, 10), ERROR_PREFUND_RULE);
    assert_int_equal(apply_for(31, 202603, 34, 31, 10), ERROR_OK);
    row_rig_close(&rig);
}

/* Prefunds were made for the cost of care: what wallets paid counts by setting only. */
static void wallets_do_not_count(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260112);
    assert_int_equal(set(0, 2025, 34, 31, 100000), ERROR_OK);
    month(202601, 69999);
    row_rig_wallet_line(&rig, cycle_batch(rig.cycle, 202601)->id, 34, 31, 20001);
    assert_int_equal(use_of(202601, 34, 31).cleared, 69999);
    assert_int_equal(use_of(202601, 34, 31).alert, PREFUND_CALM);
    row_rig_set(&rig, SETTING_PREFUND_WALLET, 1);
    assert_int_equal(use_of(202601, 34, 31).cleared, 90000);
    assert_int_equal(use_of(202601, 34, 31).alert, PREFUND_RED);
    row_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_example),
        cmocka_unit_test(both_directions_at_once),
        cmocka_unit_test(the_target_is_rounded_down),
        cmocka_unit_test(settings_of_the_year_refused),
        cmocka_unit_test(openings_refused),
        cmocka_unit_test(limits_are_reached_exactly),
        cmocka_unit_test(an_increase_from_end_to_end),
        cmocka_unit_test(applications_refused),
        cmocka_unit_test(silence_is_no_signature),
        cmocka_unit_test(alerts_by_payee_or_pair),
        cmocka_unit_test(wallets_do_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
