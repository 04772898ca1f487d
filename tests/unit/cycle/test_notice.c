/* Notices: the worked example of docs/rules.md in every mode with its postings, numbers and due
 * days; pairs below zero; nothing to pay at all; reissuing; refusals. */
#include "tests/lib/unit.h"
#include "tests/unit/cycle/batch_rig.h"

#define MILLION INT64_C(100000000) /* Yuan, in fen. */

static struct batch_rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_open(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* Shanghai, Jiangsu, Anhui: docs/rules.md, Netting modes. */
static void example(enum netting_mode mode)
{
    rig_batch(&rig, mode, 202603);
    rig_pool(&rig, p(31), p(32), 57 * MILLION);
    rig_pool(&rig, p(31), p(34), 8 * MILLION);
    rig_pool(&rig, p(32), p(31), 437 * MILLION);
    rig_pool(&rig, p(32), p(34), 56 * MILLION);
    rig_pool(&rig, p(34), p(31), 476 * MILLION);
    rig_pool(&rig, p(34), p(32), 455 * MILLION);
}

struct expected {
    const char *number;
    int64_t amount;
};

static void assert_notices(const struct expected *list, uint32_t count)
{
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), count);
    for (uint32_t i = 0; i < count; i++) {
        const struct notice_row *notice = cycle_row(rig.cycle, ROW_NOTICE, i);
        assert_string_equal(notice->number, list[i].number);
        assert_int_equal(notice->amount, list[i].amount);
        assert_int_equal(notice->id, i + 1);
        assert_int_equal(notice->kind, NOTICE_CLEARING);
        assert_int_equal(notice->state, NOTICE_DUE);
        assert_int_equal(notice->mode, rig_the_batch(&rig)->mode);
        assert_int_equal(notice->batch, 1);
        assert_int_equal(notice->period, 202603);
        assert_int_equal(notice->version, 1);
        assert_int_equal(notice->reported, 0);
        assert_int_equal(notice->issued_ms, rig.now_ms);
        assert_string_equal(notice->replaces, "");
    }
    rig_assert_balanced(&rig);
    assert_int_equal(rig_sum(&rig, CYCLE_CLEARING), 0);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_NOTICED);
    assert_int_equal(rig_the_batch(&rig)->at_ms[BATCH_NOTICED], rig.now_ms);
    assert_int_equal(rig_the_batch(&rig)->at_ms[BATCH_SETTLED], 0);
    assert_string_equal(rig.decision.ref, "202603-1");
}

static void gross(void **state)
{
    (void)state;
    const struct expected list[] = {
        {"CLR-202603-1-31-32-1", 57 * MILLION},  {"CLR-202603-1-31-34-1", 8 * MILLION},
        {"CLR-202603-1-32-31-1", 437 * MILLION}, {"CLR-202603-1-32-34-1", 56 * MILLION},
        {"CLR-202603-1-34-31-1", 476 * MILLION}, {"CLR-202603-1-34-32-1", 455 * MILLION},
    };
    example(NETTING_GROSS);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_notices(list, 6);
    assert_int_equal(rig_sum(&rig, CYCLE_DUE), -1489 * MILLION);
    assert_int_equal(rig_balance(&rig, p(34), p(32), CYCLE_DUE), -455 * MILLION);
}

static void bilateral(void **state)
{
    (void)state;
    const struct expected list[] = {
        {"CLR-202603-1-32-31-1", 380 * MILLION},
        {"CLR-202603-1-34-31-1", 468 * MILLION},
        {"CLR-202603-1-34-32-1", 399 * MILLION},
    };
    example(NETTING_BILATERAL);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_notices(list, 3);
    assert_int_equal(rig_sum(&rig, CYCLE_NETTED), -1489 * MILLION);
    assert_int_equal(rig_sum(&rig, CYCLE_DUE), 0);
}

static void multilateral(void **state)
{
    (void)state;
    const struct expected list[] = {
        {"CLR-202603-1-34-00-1", 867 * MILLION},
        {"CLR-202603-1-00-31-1", 848 * MILLION},
        {"CLR-202603-1-00-32-1", 19 * MILLION},
    };
    example(NETTING_MULTILATERAL);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_notices(list, 3);
    assert_int_equal(rig_sum(&rig, CYCLE_NETTED), -1489 * MILLION);
}

static void multilateral_direct(void **state)
{
    (void)state;
    const struct expected list[] = {
        {"CLR-202603-1-34-31-1", 848 * MILLION},
        {"CLR-202603-1-34-32-1", 19 * MILLION},
    };
    example(NETTING_MULTILATERAL_DIRECT);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_notices(list, 2);
}

/* 5 working days after Tuesday 2026-03-24, 2 more and 1 more; the rig's calendar has no holidays.
 */
static void due_days(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_pool(&rig, p(31), p(32), 100);
    rig_set(&rig, SETTING_TRANSFER_WD, 2);
    rig_set(&rig, SETTING_FEEDBACK_WD, 1);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    const struct notice_row *notice = cycle_row(rig.cycle, ROW_NOTICE, 0);
    assert_int_equal(notice->file_due, 20260331);
    assert_int_equal(notice->transfer_due, 20260402);
    assert_int_equal(notice->feedback_due, 20260403);
}

static void only_a_signed_batch(void **state)
{
    (void)state;
    example(NETTING_GROSS);
    rig.loose = true;
    struct batch_row batch = *rig_the_batch(&rig);
    for (int i = BATCH_OPEN; i <= BATCH_ABORTED; i++) {
        if (i == BATCH_SIGNED) continue;
        batch.state = (uint8_t)i;
        rig_put(&rig, ROW_BATCH, &batch);
        assert_int_equal(rig_notice(&rig), ERROR_WRONG_STATE);
    }
    batch.state = BATCH_SIGNED;
    batch.stale = 1;
    rig_put(&rig, ROW_BATCH, &batch);
    assert_int_equal(rig_notice(&rig), ERROR_WRONG_STATE);
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), 0);
}

static void a_sum_that_does_not_fit(void **state)
{
    (void)state;
    const int64_t funds[FUND_COUNT] = {[FUND_POOL] = INT64_MAX, [FUND_OTHER] = 1};
    for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
        struct batch_rig other;
        rig_open(&other);
        other.loose = true;
        rig_batch(&other, (enum netting_mode)mode, 202603);
        rig_line(&other, p(31), p(32), funds, 1);
        assert_int_equal(rig_notice(&other), ERROR_AMOUNT_RANGE);
        rig_close(&other);
    }
}

/* -- pairs below zero ---------------------------------------------------------------------------
 */

static const int64_t negative[FUND_COUNT] = {[FUND_POOL] = -700, [FUND_ACCOUNT] = 200};

static void a_negative_pair_is_carried(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_line(&rig, p(31), p(32), negative, 3);
    rig_pool(&rig, p(32), p(31), 900);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), 1);
    assert_non_null(rig_open_notice(&rig, p(32), p(31)));
    assert_int_equal(cycle_count(rig.cycle, ROW_CARRY), 1);
    const struct carry_row *carry = cycle_row(rig.cycle, ROW_CARRY, 0);
    assert_int_equal(carry->batch, 1);
    assert_int_equal(carry->payer, p(31));
    assert_int_equal(carry->payee, p(32));
    assert_int_equal(carry->into, 0);
    assert_int_equal(carry->period, 202603);
    assert_memory_equal(carry->funds, negative, sizeof negative);
    assert_int_equal(rig_balance(&rig, p(31), p(32), CYCLE_CONFIRMED), 500);
    assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), FUND_ACCOUNT, CYCLE_CONFIRMED), -200);
    assert_int_equal(rig_balance(&rig, p(31), p(32), CYCLE_CLEARING), 0);
    rig_assert_balanced(&rig);
}

static void assert_reverse(const char *number)
{
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_CARRY), 0);
    const struct notice_row *notice = rig_the_notice(&rig, number);
    assert_int_equal(notice->kind, NOTICE_REVERSE);
    assert_int_equal(notice->payer, p(32));
    assert_int_equal(notice->payee, p(31));
    assert_int_equal(notice->amount, 500);
    assert_int_equal(rig_balance(&rig, p(31), p(32), CYCLE_DUE), 500);
    rig_assert_balanced(&rig);
}

static void by_setting_it_is_paid_back(void **state)
{
    (void)state;
    rig_set(&rig, SETTING_NEGATIVE_PAIR, 1);
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_line(&rig, p(31), p(32), negative, 3);
    assert_reverse("REV-202603-1-32-31-1");
}

static void december_carries_nothing(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_GROSS, 202512);
    rig_line(&rig, p(31), p(32), negative, 3);
    assert_reverse("REV-202512-1-32-31-1");
}

/* -- nothing to pay ------------------------------------------------------------------------------
 */

static void funds_that_cancel_each_other(void **state)
{
    (void)state;
    const int64_t funds[FUND_COUNT] = {[FUND_POOL] = 300, [FUND_ACCOUNT] = -300};
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_line(&rig, p(31), p(32), funds, 2);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), 0);
    assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), FUND_POOL, CYCLE_SETTLED), -300);
    assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), FUND_ACCOUNT, CYCLE_SETTLED), 300);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    assert_int_equal(rig_the_batch(&rig)->at_ms[BATCH_SETTLED], rig.now_ms);
}

static void equal_pairs_are_final_at_once(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_BILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 300);
    rig_pool(&rig, p(32), p(31), 300);
    rig_pool(&rig, p(31), p(34), 100);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), 1);
    assert_int_equal(rig_balance(&rig, p(31), p(32), CYCLE_SETTLED), -300);
    assert_int_equal(rig_balance(&rig, p(32), p(31), CYCLE_SETTLED), -300);
    assert_int_equal(rig_balance(&rig, p(31), p(34), CYCLE_NETTED), -100);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_NOTICED);
}

/* A ring of three: multilaterally nobody pays anything. */
static void a_batch_without_notices_is_settled(void **state)
{
    (void)state;
    for (int mode = NETTING_BILATERAL; mode < NETTING_MODE_COUNT; mode++) {
        struct batch_rig other;
        rig_open(&other);
        rig_batch(&other, (enum netting_mode)mode, 202603);
        rig_pool(&other, p(31), p(32), 50);
        rig_pool(&other, p(32), p(31), 50);
        if (mode != NETTING_BILATERAL) {
            rig_pool(&other, p(32), p(34), 70);
            rig_pool(&other, p(34), p(33), 70);
            rig_pool(&other, p(33), p(32), 70);
        }
        const int64_t cost = rig_sum(&other, CYCLE_COST);
        assert_int_equal(rig_notice(&other), ERROR_OK);
        assert_int_equal(cycle_count(other.cycle, ROW_NOTICE), 0);
        assert_int_equal(rig_the_batch(&other)->state, BATCH_SETTLED);
        assert_int_equal(rig_sum(&other, CYCLE_SETTLED), -cost);
        rig_close(&other);
    }
}

/* -- reissuing ----------------------------------------------------------------------------------
 */

static void a_reissue_is_the_next_version(void **state)
{
    (void)state;
    example(NETTING_BILATERAL);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    rig.now_ms += 7 * INT64_C(86400000);
    assert_int_equal(rig_reissue(&rig, 0, "CLR-202603-1-34-31-1"), ERROR_OK);
    assert_string_equal(rig.decision.ref, "CLR-202603-1-34-31-2");

    const struct notice_row *old = rig_the_notice(&rig, "CLR-202603-1-34-31-1");
    const struct notice_row *new = rig_the_notice(&rig, "CLR-202603-1-34-31-2");
    assert_int_equal(old->state, NOTICE_CANCELLED);
    assert_int_equal(new->state, NOTICE_DUE);
    assert_int_equal(new->id, 4);
    assert_int_equal(new->version, 2);
    assert_int_equal(new->amount, 468 * MILLION);
    assert_string_equal(new->replaces, "CLR-202603-1-34-31-1");
    assert_int_equal(old->file_due, 20260331);
    assert_int_equal(new->file_due, 20260407);
    assert_int_equal(rig_reissue(&rig, 0, "CLR-202603-1-34-31-1"), ERROR_WRONG_STATE);
}

static void a_reissue_is_refused(void **state)
{
    (void)state;
    example(NETTING_GROSS);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    const char *number = "CLR-202603-1-34-31-1";
    assert_int_equal(rig_reissue(&rig, 34, number), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(rig_reissue(&rig, 0, "CLR-202603-1-34-31-2"), ERROR_NOTICE_UNKNOWN);
    rig.facts.closed_year = 2026;
    assert_int_equal(rig_reissue(&rig, 0, number), ERROR_PERIOD_CLOSED);
    rig.facts.closed_year = 2025;

    assert_int_equal(rig_pay(&rig, 34, number, "b1", 1, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_reissue(&rig, 0, number), ERROR_WRONG_STATE);
    /* Given back by the bank: nothing was paid after all. */
    assert_int_equal(rig_receive(&rig, 31, number, "b1", 1, true), ERROR_OK);
    assert_int_equal(rig_reissue(&rig, 0, number), ERROR_OK);

    const char *other = "CLR-202603-1-34-32-1";
    rig_pay_all(&rig, other, "b2");
    assert_int_equal(rig_reissue(&rig, 0, other), ERROR_WRONG_STATE);
}

/* What is pending of a deposit of 31 at 32, and due. */
static void put_pending(int64_t amount)
{
    const struct prefund_row row = {.payer = p(31), .payee = p(32), .pending = amount};
    const struct posting_row posting = {.payer = p(31),
                                        .payee = p(32),
                                        .fund = FUND_POOL,
                                        .debit = CYCLE_PREFUND_DUE,
                                        .credit = CYCLE_PREFUND_CONTRA,
                                        .amount = amount};
    rig_put(&rig, ROW_PREFUND, &row);
    rig_put(&rig, ROW_POSTING, &posting);
}

static void an_application_follows_its_notice(void **state)
{
    (void)state;
    const struct notice_row notice = {.number = "PFE-202603-31-32-1",
                                      .id = 1,
                                      .version = 1,
                                      .kind = NOTICE_PREFUND_EMERGENCY,
                                      .state = NOTICE_DUE,
                                      .payer = p(31),
                                      .payee = p(32),
                                      .period = 202603,
                                      .amount = 10,
                                      .old_amount = 90,
                                      .new_amount = 100};
    const struct application_row application = {.period = 202603,
                                                .payer = p(31),
                                                .payee = p(32),
                                                .amount = 10,
                                                .state = APPLICATION_APPROVED,
                                                .number = "PFE-202603-31-32-1"};
    rig_put(&rig, ROW_NOTICE, &notice);
    rig_put(&rig, ROW_APPLICATION, &application);
    put_pending(10);
    assert_int_equal(rig_reissue(&rig, 0, "PFE-202603-31-32-1"), ERROR_OK);
    const struct application_row *after = cycle_row(rig.cycle, ROW_APPLICATION, 0);
    assert_string_equal(after->number, "PFE-202603-31-32-2");
    const struct notice_row *new = rig_the_notice(&rig, "PFE-202603-31-32-2");
    assert_int_equal(new->old_amount, 90);
    assert_int_equal(new->new_amount, 100);
}

/* A prefund's notice stands for a year, not a month. */
static void a_year_of_a_prefund_may_be_closed(void **state)
{
    (void)state;
    const struct notice_row notice = {.number = "PFY-2026-31-32-1",
                                      .id = 1,
                                      .version = 1,
                                      .kind = NOTICE_PREFUND_YEAR,
                                      .state = NOTICE_DUE,
                                      .payer = p(31),
                                      .payee = p(32),
                                      .period = 2026,
                                      .amount = 10,
                                      .new_amount = 10};
    rig_put(&rig, ROW_NOTICE, &notice);
    put_pending(10);
    rig.facts.closed_year = 2026;
    assert_int_equal(rig_reissue(&rig, 0, "PFY-2026-31-32-1"), ERROR_PERIOD_CLOSED);
    rig.facts.closed_year = 2025;
    assert_int_equal(rig_reissue(&rig, 0, "PFY-2026-31-32-1"), ERROR_OK);
    rig_the_notice(&rig, "PFY-2026-31-32-2");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(gross),
        TEST(bilateral),
        TEST(multilateral),
        TEST(multilateral_direct),
        TEST(due_days),
        TEST(only_a_signed_batch),
        TEST(a_sum_that_does_not_fit),
        TEST(a_negative_pair_is_carried),
        TEST(by_setting_it_is_paid_back),
        TEST(december_carries_nothing),
        TEST(funds_that_cancel_each_other),
        TEST(equal_pairs_are_final_at_once),
        TEST(a_batch_without_notices_is_settled),
        TEST(a_reissue_is_the_next_version),
        TEST(a_reissue_is_refused),
        TEST(an_application_follows_its_notice),
        TEST(a_year_of_a_prefund_may_be_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
