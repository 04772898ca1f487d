/* The whole-state checks name every damage that is planted in a sound state. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/unit.h"

#define AH    34
#define SH    31
#define JS    32
#define MARCH 202603
#define APRIL 202604

static struct cycle_rig rig;

static void expect_broken(const char *number)
{
    const char *broken = cycle_check(rig.cycle);
    if (broken == NULL) fail_msg("the damage was not found: %s", number);
    if (strncmp(broken, number, strlen(number)) != 0) fail_msg("%s, not %s", broken, number);
}

static uint16_t step(uint32_t period, enum batch_step step)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = period;
    order.step = step;
    return cycle_rig_give(&rig, &order);
}

static void put_exception(const struct record_facts *record, uint32_t flags, int64_t deducted)
{
    const struct exception_row row = {
        .ref = record->ref, .record = *record, .flags = flags, .deducted = {deducted}};
    cycle_rig_put(&rig, ROW_EXCEPTION, &row);
}

/* March is noticed in full amounts and paid in part; April is published and holds March's record
 * that was held, a recovery and a deduction; another record of April is held. */
static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260401);
    cycle_rig_set(&rig, SETTING_PAYABLE_MODE, 0);
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260302, 1000);
    put_exception(cycle_rig_record(&rig, AH, SH, "held", 20260303, 500), EXCEPTION_HELD, 0);
    (void)cycle_rig_record(&rig, SH, AH, "c", 20260304, 70);
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(step(MARCH, STEP_COMPUTE), ERROR_OK);
    assert_int_equal(step(MARCH, STEP_PUBLISH), ERROR_OK);
    for (int i = 0; i < 2; i++) {
        struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_SIGN, i == 0 ? AH : SH);
        order.period = MARCH;
        assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    }
    assert_int_equal(step(MARCH, STEP_NOTICE), ERROR_OK);
    const struct notice_row *notice = cycle_row(rig.cycle, ROW_NOTICE, 0);
    struct order pay = cycle_rig_order(&rig, MESSAGE_PAY_REPORT, 0);
    memcpy(pay.number, notice->number, sizeof pay.number);
    (void)snprintf(pay.bank_ref, sizeof pay.bank_ref, "B1");
    pay.amount = 30;
    pay.at_ms = rig.now_ms;
    assert_int_equal(cycle_rig_give(&rig, &pay), ERROR_OK);

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
    struct confirm_item item = {.ref = cycle_rig_ref(AH, "held"), .cnfm_flag = 1};
    struct order release = cycle_rig_order(&rig, MESSAGE_CLR_CONFIRM, SH);
    release.period = MARCH;
    release.confirms = &item;
    release.row_count = 1;
    assert_int_equal(cycle_rig_give(&rig, &release), ERROR_OK);

    cycle_rig_day(&rig, 20260504);
    put_exception(cycle_rig_record(&rig, AH, SH, "less", 20260403, 800), 0, 60);
    put_exception(cycle_rig_record(&rig, AH, JS, "waits", 20260403, 9), EXCEPTION_HELD, 0);
    (void)cycle_rig_record(&rig, AH, JS, "d", 20260403, 41);
    cycle_rig_cut(&rig, APRIL);
    assert_int_equal(step(APRIL, STEP_COMPUTE), ERROR_OK);
    assert_int_equal(step(APRIL, STEP_PUBLISH), ERROR_OK);
    const char *broken = cycle_check(rig.cycle);
    if (broken != NULL) fail_msg("%s", broken);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

static struct exception_row exception_now(uint32_t payer, const char *setl_id)
{
    const struct record_ref ref = cycle_rig_ref(payer, setl_id);
    return *cycle_rig_exception(&rig, &ref);
}

/* The nth line of April's batch as it is. */
static struct line_row line_now(uint32_t number)
{
    struct line_row lines[8];
    assert_true(cycle_lines(rig.cycle, 2, 1, lines, 8) >= number);
    return lines[number - 1];
}

/* Of every kind of line: what is in it must be what it says. */
static void test_lines(void **state)
{
    (void)state;
    const uint32_t count = cycle_lines(rig.cycle, 2, 1, NULL, 0);
    assert_int_equal(count, 4); /* Two cells, a record, a recovery. */
    for (uint32_t number = 1; number <= count; number++) {
        const struct line_row good = line_now(number);
        struct line_row bad = good;
        bad.funds[FUND_OTHER] += 1;
        cycle_rig_put(&rig, ROW_LINE, &bad);
        expect_broken("4: ");
        bad = good;
        bad.count += 1;
        cycle_rig_put(&rig, ROW_LINE, &bad);
        expect_broken("4: ");
        if (good.kind != LINE_RECOVERY) {
            bad = good;
            bad.checksum ^= 1;
            cycle_rig_put(&rig, ROW_LINE, &bad);
            expect_broken("4: ");
            bad = good;
            bad.deducted += 1;
            cycle_rig_put(&rig, ROW_LINE, &bad);
            expect_broken("4: ");
            bad = good;
            bad.medfee -= 1;
            cycle_rig_put(&rig, ROW_LINE, &bad);
            expect_broken("4: ");
        }
        cycle_rig_put(&rig, ROW_LINE, &good);
        assert_null(cycle_check(rig.cycle));
    }
}

static void test_twice_or_never(void **state)
{
    (void)state;
    /* The same cell and the same record once more. */
    for (uint32_t number = 1; number <= 3; number++) {
        struct line_row again = line_now(number);
        again.number = 5;
        cycle_rig_put(&rig, ROW_LINE, &again);
        expect_broken("7: ");
        again.count = 0;
        memset(again.funds, 0, sizeof again.funds);
        again.kind = LINE_NEGATIVE_CARRY;
        cycle_rig_put(&rig, ROW_LINE, &again);
        assert_null(cycle_check(rig.cycle));
    }
    /* A cell that says it is in the other batch. */
    const struct line_row line = line_now(1);
    struct frozen_row frozen =
        *(const struct frozen_row *)cycle_find(rig.cycle, ROW_FROZEN, &line.cell);
    frozen.batch = 1;
    cycle_rig_put(&rig, ROW_FROZEN, &frozen);
    expect_broken("7: ");
    frozen.batch = 77;
    cycle_rig_put(&rig, ROW_FROZEN, &frozen);
    expect_broken("7: ");
    frozen.batch = 0;
    frozen.account = CYCLE_DUE;
    cycle_rig_put(&rig, ROW_FROZEN, &frozen);
    expect_broken("7: ");
}

static void test_cell_without_line(void **state)
{
    (void)state;
    const struct frozen_row frozen = {
        .cell = {APRIL, 3, 4, LINE_PHARMACY, 0}, .count = 1, .batch = 2};
    cycle_rig_put(&rig, ROW_FROZEN, &frozen);
    expect_broken("4: a cell of a batch has no line");
}

static void test_records(void **state)
{
    (void)state;
    const struct exception_row good = exception_now(AH, "held");
    assert_int_equal(good.batch, 2);
    struct exception_row bad = good;
    bad.flags = EXCEPTION_DISPUTED;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("7: ");
    bad = good;
    bad.batch = 1;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("7: ");
    bad = good;
    bad.batch = 9;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("7: ");
    cycle_rig_put(&rig, ROW_EXCEPTION, &good);

    bad = exception_now(AH, "waits");
    bad.carved = 0;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("7: an open record is still in its cell");
    bad.carved = 1;
    bad.flags = EXCEPTION_DISPUTED; /* Without a posting. */
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("3: HELD");
}

static void test_deductions(void **state)
{
    (void)state;
    const struct exception_row good = exception_now(AH, "less");
    struct exception_row bad = good;
    bad.deducted[FUND_POOL] = 801;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("10: ");
    bad.deducted[FUND_POOL] = -1;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("10: ");
    bad.deducted[FUND_POOL] = 61;
    cycle_rig_put(&rig, ROW_EXCEPTION, &bad);
    expect_broken("4: ");
    cycle_rig_put(&rig, ROW_EXCEPTION, &good);
    struct recovery_row recovery =
        *(const struct recovery_row *)cycle_row(rig.cycle, ROW_RECOVERY, 0);
    recovery.funds[FUND_POOL] = 119;
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    expect_broken("4: the recoveries");
    recovery.funds[FUND_POOL] = 120;
    recovery.funds[FUND_OTHER] = -1;
    recovery.batch = 0;
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    expect_broken("4: the recoveries");
}

static void test_totals_and_digest(void **state)
{
    (void)state;
    const struct batch_row good = *cycle_batch(rig.cycle, APRIL);
    struct batch_row bad = good;
    int64_t *const sums[] = {&bad.gross, &bad.bilateral, &bad.multilateral};
    for (int i = 0; i < 3; i++) {
        bad = good;
        *sums[i] += 1;
        cycle_rig_put(&rig, ROW_BATCH, &bad);
        expect_broken("4: the totals");
    }
    bad = good;
    bad.digest[31] ^= 1;
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("4: the digest");
    bad = good;
    bad.published_version = 2;
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("7: ");
    bad = good;
    bad.state = BATCH_SIGNED;
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("7: a batch is signed without");
    bad = good;
    bad.state = BATCH_ABORTED; /* Nothing was released. */
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("7: ");
}

/* A posting too much between any two accounts is found, whichever they are. */
static void test_every_account(void **state)
{
    (void)state;
    for (uint8_t debit = 0; debit < CYCLE_ACCOUNT_COUNT; debit++) {
        for (uint8_t credit = 0; credit < CYCLE_ACCOUNT_COUNT; credit++) {
            if (debit == credit) continue;
            struct posting_row posting = {.payer = province_index(AH),
                                          .payee = province_index(SH),
                                          .debit = debit,
                                          .credit = credit,
                                          .amount = 7};
            cycle_rig_put(&rig, ROW_POSTING, &posting);
            const char *broken = cycle_check(rig.cycle);
            if (broken == NULL) fail_msg("Dr %u Cr %u was not found", debit, credit);
            assert_true(strncmp(broken, "3: ", 3) == 0 || strncmp(broken, "11: ", 4) == 0);
            posting.amount = -7;
            cycle_rig_put(&rig, ROW_POSTING, &posting);
            assert_null(cycle_check(rig.cycle));
        }
    }
    rig.cycle->balance[1][2][FUND_OTHER][CYCLE_HELD] += 1;
    expect_broken("3: the accounts of a pair do not sum to zero");
}

static void test_notices_and_payments(void **state)
{
    (void)state;
    const struct notice_row good = *(const struct notice_row *)cycle_row(rig.cycle, ROW_NOTICE, 0);
    struct notice_row bad = good;
    bad.received = 31;
    cycle_rig_put(&rig, ROW_NOTICE, &bad);
    expect_broken("4: a notice is paid beyond");
    bad.received = 30;
    cycle_rig_put(&rig, ROW_NOTICE, &bad);
    expect_broken("4: a notice's sums");
    bad = good;
    bad.batch = 9;
    cycle_rig_put(&rig, ROW_NOTICE, &bad);
    expect_broken("7: a notice");
    bad = good;
    bad.state = NOTICE_CANCELLED;
    cycle_rig_put(&rig, ROW_NOTICE, &bad);
    expect_broken("3: ");
}

static void test_prefunds(void **state)
{
    (void)state;
    struct prefund_row row = {.payer = 1, .payee = 2, .amount = -1};
    cycle_rig_put(&rig, ROW_PREFUND, &row);
    expect_broken("11: a prefund is below zero");
    row.amount = 5;
    cycle_rig_put(&rig, ROW_PREFUND, &row);
    expect_broken("11: a prefund is not what its notices");
    row.amount = 0;
    cycle_rig_put(&rig, ROW_PREFUND, &row);
    assert_null(cycle_check(rig.cycle));
    struct notice_row notice = {.number = "PFY-1",
                                .kind = NOTICE_PREFUND_OPENING,
                                .state = NOTICE_SETTLED,
                                .payer = 1,
                                .payee = 2,
                                .amount = 5};
    cycle_rig_put(&rig, ROW_NOTICE, &notice);
    expect_broken("11: a prefund is not what its notices");
    notice.state = NOTICE_DUE;
    cycle_rig_put(&rig, ROW_NOTICE, &notice);
    expect_broken("11: what is pending");
    notice.payee = 3;
    cycle_rig_put(&rig, ROW_NOTICE, &notice);
    expect_broken("11: notices change a prefund");
}

/* What a batch says of itself. */
static void test_states_of_batches(void **state)
{
    (void)state;
    const struct batch_row good = *cycle_batch(rig.cycle, APRIL);
    struct batch_row bad = good;
    bad.published_version = 0;
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("7: a batch went on without being published");
    bad = good;
    bad.state = BATCH_SIGNED;
    bad.stale = 1;
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("7: a signed batch has changed");
    cycle_rig_put(&rig, ROW_BATCH, &good);
    assert_null(cycle_check(rig.cycle));
    bad = good;
    bad.number++;
    bad.id = 3;
    cycle_rig_put(&rig, ROW_BATCH, &bad);
    expect_broken("7: a month has two batches");
}

static void test_lines_of_another_kind(void **state)
{
    (void)state;
    const struct line_row good = line_now(1);
    struct line_row bad = good;
    bad.kind = good.kind == LINE_OF_CELL ? LINE_CARRIED_CELL : LINE_OF_CELL;
    cycle_rig_put(&rig, ROW_LINE, &bad);
    expect_broken("4: a line's kind does not fit its month");
    bad = good;
    bad.cell.payee = bad.cell.payer;
    cycle_rig_put(&rig, ROW_LINE, &bad);
    expect_broken("4: a line without a pair");
}

/* Rows that name a batch, a notice or a line that is not there. */
static void test_rows_without_their_other_end(void **state)
{
    (void)state;
    struct carry_row carry = {.batch = 1, .payer = 1, .payee = 2, .funds = {-5}, .into = 2};
    struct recovery_row recovery = {
        .recovery_no = "R9", .cell = {MARCH, 1, 2, LINE_INPATIENT, INSURANCE_EMPLOYEE}, .batch = 9};
    cycle_rig_put(&rig, ROW_CARRY, &carry);
    expect_broken("4: the negative totals of a batch are not its lines");
    carry.into = 9;
    cycle_rig_put(&rig, ROW_CARRY, &carry);
    expect_broken("7: a negative total is in a batch that is not there");
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    expect_broken("7: a recovery is in a batch that is not there");
    struct exception_row exception = exception_now(AH, "held");
    exception.ref = exception.record.ref = cycle_rig_ref(AH, "other");
    cycle_rig_put(&rig, ROW_EXCEPTION, &exception);
    expect_broken("4: ");
}

static void test_payment_of_no_notice(void **state)
{
    (void)state;
    const struct payment_row payment = {.number = "PAY-NONE", .bank_ref = "B9", .amount = 5};
    cycle_rig_put(&rig, ROW_PAYMENT, &payment);
    expect_broken("4: a payment of no notice");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
        cmocka_unit_test_setup_teardown(test_twice_or_never, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cell_without_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_records, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deductions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_totals_and_digest, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_account, setup, teardown),
        cmocka_unit_test_setup_teardown(test_notices_and_payments, setup, teardown),
        cmocka_unit_test_setup_teardown(test_prefunds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_states_of_batches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_lines_of_another_kind, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows_without_their_other_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_payment_of_no_notice, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
