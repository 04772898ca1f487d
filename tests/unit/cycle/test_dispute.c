/* Disputes: opened by the payer, replied to by the payee, decided by the centre; what each does to
 * the money before the handover, while a cell waits, and in a batch.
 * Anhui (34) pays, Shanghai (31) is paid. */
#include <stdio.h>
#include <string.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/unit.h"

#define DAY   20260305
#define MONTH 202603

static struct cycle_rig rig;

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260410); /* A Friday. */
    cycle_rig_record(&rig, 34, 31, "A", DAY, 1000)->funds[FUND_ACCOUNT] = 200;
    cycle_rig_record(&rig, 34, 31, "B", DAY, 3000000);
    cycle_rig_record(&rig, 34, 31, "R", DAY, -300)->kind = RECORD_REFUND;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

/* -- helpers ----------------------------------------------------------------------------------- */

static uint16_t open_dispute(uint32_t sender, const char *number, const char *setl_id,
                             uint32_t reason)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_OPEN, sender);
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    order.ref = cycle_rig_ref(34, setl_id);
    order.reason = reason;
    return cycle_rig_give(&rig, &order);
}

static uint16_t reply(uint32_t sender, const char *number, bool contest)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_REPLY, sender);
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    order.flag = contest;
    return cycle_rig_give(&rig, &order);
}

static uint16_t resolve(uint32_t sender, const char *number, uint32_t outcome, int64_t amount)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_RESOLVE, sender);
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    order.step = outcome;
    order.amount = amount;
    return cycle_rig_give(&rig, &order);
}

/* The payee deducts from A, or holds it with a deduction below zero. */
static uint16_t deduct(int64_t amount)
{
    struct confirm_item item = {
        .ref = cycle_rig_ref(34, "A"),
        .cnfm_flag = amount >= 0,
        .det_type = amount >= 0 ? 10 : 0,
        .deduct = amount >= 0 ? amount : 0,
    };
    struct order order = cycle_rig_order(&rig, MESSAGE_CLR_CONFIRM, 31);
    order.period = MONTH;
    order.confirms = &item;
    order.row_count = 1;
    return cycle_rig_give(&rig, &order);
}

static const struct dispute_row *dispute(const char *number)
{
    struct dispute_row key = {0};
    (void)snprintf(key.dispute_no, sizeof key.dispute_no, "%s", number);
    return cycle_find(rig.cycle, ROW_DISPUTE, &key);
}

static const struct exception_row *exception(const char *setl_id)
{
    const struct record_ref ref = cycle_rig_ref(34, setl_id);
    return cycle_rig_exception(&rig, &ref);
}

static int64_t stands(enum cycle_account account)
{
    return cycle_rig_stands(&rig, 34, 31, account);
}

#define ALL (1200 + 3000000 - 300)

static void cut(void)
{
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
}

/* -- opening ----------------------------------------------------------------------------------- */

static void test_open(void **state)
{
    (void)state;
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_string_equal(rig.decision.ref, "D-1");
    const struct dispute_row *row = dispute("D-1");
    assert_int_equal(row->state, DISPUTE_OPEN);
    assert_int_equal(row->amount, 1200);
    assert_int_equal(row->period, MONTH);
    assert_int_equal(row->reason, 2);
    assert_int_equal(row->reply_due, 20260417);   /* 5 working days. */
    assert_int_equal(row->resolve_due, 20260508); /* 20 */
    assert_int_equal(exception("A")->flags, EXCEPTION_DISPUTED);
    assert_string_equal(exception("A")->dispute_no, "D-1");
    assert_int_equal(stands(CYCLE_DISPUTED), 0); /* Not handed over. */
    /* Under another msgid it is the same dispute; the number is not free for another. */
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(open_dispute(34, "D-1", "A", 3), ERROR_NUMBER_REUSED);
    assert_int_equal(open_dispute(34, "D-1", "B", 2), ERROR_NUMBER_REUSED);
    assert_int_equal(open_dispute(34, "D-2", "A", 2), ERROR_WRONG_STATE);
}

static void test_open_refused(void **state)
{
    (void)state;
    assert_int_equal(open_dispute(31, "D-1", "A", 2), ERROR_NOT_YOURS);
    assert_int_equal(open_dispute(33, "D-1", "A", 2), ERROR_NOT_YOURS);
    assert_int_equal(open_dispute(34, "D-1", "none", 2), ERROR_NOT_FOUND);
    assert_int_equal(open_dispute(34, "", "A", 2), ERROR_MALFORMED);
    assert_int_equal(open_dispute(34, "D-1", "A", 0), ERROR_MALFORMED);
    assert_int_equal(open_dispute(34, "D-1", "A", 6), ERROR_MALFORMED);
    rig.closed_year = 2026;
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    rig.records[0].flags = RECORD_REVERSED;
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_WRONG_STATE);
    rig.records[0].flags = 0;
    /* Suspicion is for large bills. */
    assert_int_equal(open_dispute(34, "D-1", "A", 5), ERROR_WRONG_STATE);
    assert_int_equal(cycle_count(rig.cycle, ROW_DISPUTE), 0);
    assert_int_equal(cycle_count(rig.cycle, ROW_EXCEPTION), 0);
    assert_int_equal(open_dispute(34, "D-1", "B", 5), ERROR_OK);
    assert_int_equal(open_dispute(0, "D-2", "R", 9), ERROR_OK); /* The centre for anybody. */
}

/* Out of the batch until its notices, or until the payer has signed what was published. */
static void test_open_in_a_batch(void **state)
{
    (void)state;
    cut();
    cycle_rig_batch(&rig, MONTH, BATCH_PUBLISHED);
    const struct batch_row *batch = cycle_batch(rig.cycle, MONTH);
    struct sign_row sign = {
        .batch = batch->id,
        .province = province_index(34),
        .version = batch->published_version,
        .state = SIGN_SIGNED,
    };
    cycle_rig_put(&rig, ROW_SIGN, &sign);
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_WRONG_STATE);
    sign.state = SIGN_SILENT;
    cycle_rig_put(&rig, ROW_SIGN, &sign);
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_WRONG_STATE);
    sign.state = SIGN_OBJECTED;
    cycle_rig_put(&rig, ROW_SIGN, &sign);
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_int_equal(stands(CYCLE_DISPUTED), 1200);
    assert_int_equal(stands(CYCLE_CLEARING), ALL - 1200);
    assert_int_equal(exception("A")->carved, 1);
    assert_true(cycle_batch(rig.cycle, MONTH)->stale);
    for (enum batch_state s = BATCH_NOTICED; s <= BATCH_ARCHIVED; s++) {
        cycle_rig_batch(&rig, MONTH, s);
        assert_int_equal(open_dispute(34, "D-2", "B", 2), ERROR_WRONG_STATE);
    }
    assert_int_equal(stands(CYCLE_DISPUTED), 1200);
}

/* A signature under an earlier version binds nobody to this one. */
static void test_open_after_an_old_signature(void **state)
{
    (void)state;
    cut();
    cycle_rig_batch(&rig, MONTH, BATCH_PUBLISHED);
    const struct sign_row sign = {
        .batch = cycle_batch(rig.cycle, MONTH)->id,
        .province = province_index(34),
        .version = cycle_batch(rig.cycle, MONTH)->published_version - 1,
        .state = SIGN_SIGNED,
    };
    cycle_rig_put(&rig, ROW_SIGN, &sign);
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
}

/* -- reply ------------------------------------------------------------------------------------- */

static void test_reply(void **state)
{
    (void)state;
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_int_equal(open_dispute(34, "D-2", "B", 2), ERROR_OK);
    assert_int_equal(open_dispute(34, "D-3", "R", 2), ERROR_OK);
    assert_int_equal(reply(34, "D-1", true), ERROR_NOT_YOURS);
    assert_int_equal(reply(31, "D-9", true), ERROR_NOT_FOUND);
    rig.closed_year = 2026;
    assert_int_equal(reply(31, "D-1", true), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    assert_int_equal(reply(31, "D-1", true), ERROR_OK);
    assert_int_equal(dispute("D-1")->state, DISPUTE_CONTESTED);
    assert_int_equal(dispute("D-1")->replied_ms, rig.now_ms);
    assert_int_equal(reply(31, "D-1", false), ERROR_WRONG_STATE);
    cycle_rig_day(&rig, 20260417); /* The last day counts. */
    assert_int_equal(reply(31, "D-2", false), ERROR_OK);
    assert_int_equal(dispute("D-2")->state, DISPUTE_ACCEPTED);
    cycle_rig_day(&rig, 20260418);
    assert_int_equal(reply(31, "D-3", false), ERROR_DEADLINE);
    assert_int_equal(dispute("D-3")->state, DISPUTE_OPEN);
    assert_int_equal(resolve(0, "D-3", OUTCOME_PAY, 0), ERROR_OK); /* Silence decides nothing. */
    assert_int_equal(reply(31, "D-3", false), ERROR_WRONG_STATE);
}

/* -- decision ---------------------------------------------------------------------------------- */

static void test_resolve_refused(void **state)
{
    (void)state;
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_int_equal(resolve(31, "D-1", OUTCOME_PAY, 0), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(resolve(34, "D-1", OUTCOME_PART, 5), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(resolve(34, "D-1", OUTCOME_VOID, 0), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(resolve(0, "D-9", OUTCOME_PAY, 0), ERROR_NOT_FOUND);
    assert_int_equal(resolve(0, "D-1", OUTCOME_NONE, 0), ERROR_MALFORMED);
    assert_int_equal(resolve(0, "D-1", 4, 0), ERROR_MALFORMED);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, 0), ERROR_DEDUCTION);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, 1200), ERROR_DEDUCTION);
    rig.closed_year = 2026;
    assert_int_equal(resolve(0, "D-1", OUTCOME_PAY, 0), ERROR_PERIOD_CLOSED);
    rig.closed_year = 0;
    assert_int_equal(exception("A")->flags, EXCEPTION_DISPUTED);
    assert_int_equal(resolve(34, "D-1", OUTCOME_PAY, 0), ERROR_OK); /* Dropped. */
    assert_int_equal(exception("A")->flags, 0);
    assert_int_equal(resolve(0, "D-1", OUTCOME_VOID, 0), ERROR_WRONG_STATE);
    /* And it may be taken up again, under another number. */
    assert_int_equal(open_dispute(34, "D-2", "A", 2), ERROR_OK);
}

/* Before the handover an outcome is flags and a deduction; the cut posts them. */
static void test_resolve_before_the_cut(void **state)
{
    (void)state;
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_int_equal(open_dispute(34, "D-2", "B", 2), ERROR_OK);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, 150), ERROR_OK);
    assert_int_equal(dispute("D-1")->resolved, 150);
    assert_int_equal(dispute("D-1")->outcome, OUTCOME_PART);
    assert_int_equal(exception("A")->deducted[FUND_POOL], 1000);
    assert_int_equal(exception("A")->deducted[FUND_ACCOUNT], 50);
    assert_int_equal(exception("A")->deduct_posted, 0);
    assert_int_equal(resolve(0, "D-2", OUTCOME_VOID, 0), ERROR_OK);
    assert_int_equal(exception("B")->flags, EXCEPTION_VOID);
    /* The payee may deduct more, but give nothing of it back. */
    assert_int_equal(deduct(1049), ERROR_DEDUCTION);
    assert_int_equal(deduct(1051), ERROR_OK);
    assert_int_equal(open_dispute(34, "D-3", "B", 2), ERROR_WRONG_STATE);
    cut();
    assert_int_equal(stands(CYCLE_CLEARING), 1200 - 1051 - 300);
    assert_int_equal(stands(CYCLE_COST), -(1200 - 1051 - 300));
}

static void test_resolve_after_the_cut(void **state)
{
    (void)state;
    static const struct {
        enum dispute_outcome outcome;
        int64_t amount;
        int64_t confirmed;
    } cases[] = {{OUTCOME_PAY, 0, 1200}, {OUTCOME_PART, 150, 150}, {OUTCOME_VOID, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        teardown(NULL);
        setup(NULL);
        assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
        assert_int_equal(deduct(0), ERROR_WRONG_STATE); /* Not while it is disputed. */
        cut();
        assert_int_equal(stands(CYCLE_DISPUTED), 1200);
        assert_int_equal(stands(CYCLE_CLEARING), ALL - 1200);
        assert_int_equal(resolve(0, "D-1", cases[i].outcome, cases[i].amount), ERROR_OK);
        assert_int_equal(stands(CYCLE_DISPUTED), 0);
        assert_int_equal(stands(CYCLE_CONFIRMED), cases[i].confirmed);
        assert_int_equal(stands(CYCLE_COST), -(ALL - 1200 + cases[i].confirmed));
        /* The next month clears what was decided. */
        cycle_rig_day(&rig, 20260520);
        cycle_rig_record(&rig, 34, 31, "N", 20260402, 10);
        cycle_rig_cut(&rig, 202604);
        assert_int_equal(stands(CYCLE_CONFIRMED), 0);
        assert_int_equal(stands(CYCLE_CLEARING), ALL - 1200 + cases[i].confirmed + 10);
        assert_null(cycle_check(rig.cycle));
    }
}

/* A deduction that was posted with the batch stays off, and a part is below what is left. */
static void test_resolve_after_a_deduction(void **state)
{
    (void)state;
    assert_int_equal(deduct(1100), ERROR_OK);
    cut();
    assert_int_equal(stands(CYCLE_COST), -(ALL - 1100));
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_int_equal(dispute("D-1")->amount, 100);
    assert_int_equal(stands(CYCLE_DISPUTED), 100);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, 100), ERROR_DEDUCTION);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, 60), ERROR_OK);
    assert_int_equal(stands(CYCLE_DISPUTED), 0);
    assert_int_equal(stands(CYCLE_CONFIRMED), 60);
    assert_int_equal(stands(CYCLE_COST), -(ALL - 1140));
    assert_null(cycle_check(rig.cycle));
    assert_int_equal(exception("A")->det_type, 10);
}

/* Held and disputed: the account is the dispute's, then the hold's. */
static void test_two_flags(void **state)
{
    (void)state;
    cut();
    assert_int_equal(deduct(-1), ERROR_OK);
    assert_int_equal(stands(CYCLE_HELD), 1200);
    assert_int_equal(open_dispute(34, "D-1", "A", 2), ERROR_OK);
    assert_int_equal(stands(CYCLE_HELD), 0);
    assert_int_equal(stands(CYCLE_DISPUTED), 1200);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, 200), ERROR_OK);
    assert_int_equal(stands(CYCLE_DISPUTED), 0);
    assert_int_equal(stands(CYCLE_HELD), 200);
    assert_int_equal(stands(CYCLE_COST), -(ALL - 1000));
    assert_string_equal(exception_state(rig.cycle, exception("A")), "HELD");
}

/* A refund takes money back: it is disputed like any record, paid whole or not at all. */
static void test_refund(void **state)
{
    (void)state;
    assert_int_equal(open_dispute(34, "D-1", "R", 1), ERROR_OK);
    cut();
    assert_int_equal(stands(CYCLE_DISPUTED), -300);
    assert_int_equal(resolve(0, "D-1", OUTCOME_PART, -100), ERROR_DEDUCTION);
    assert_int_equal(resolve(0, "D-1", OUTCOME_VOID, 0), ERROR_OK);
    assert_int_equal(stands(CYCLE_DISPUTED), 0);
    assert_int_equal(stands(CYCLE_COST), -(ALL + 300));
    assert_null(cycle_check(rig.cycle));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_open, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_in_a_batch, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_after_an_old_signature, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolve_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolve_before_the_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolve_after_the_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resolve_after_a_deduction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_two_flags, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refund, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
