/* Payments: whole and in parts, in any split; rejected ones; the same report again; refusals; when
 * a notice, a pair and a batch are final, mode by mode; deposits. */
#include <stdio.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/cycle/batch_rig.h"

#define DAY_MS INT64_C(86400000)
#define NUMBER "CLR-202603-1-31-32-1"

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

/* 31 owes 32 1000 fen, a notice of its own in every mode. */
static void one_pair(enum netting_mode mode)
{
    rig_batch(&rig, mode, 202603);
    rig_pool(&rig, p(31), p(32), 1000);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
}

static int64_t balance(enum cycle_account account)
{
    return rig_balance(&rig, p(31), p(32), account);
}

/* -- gross ---------------------------------------------------------------------------------------
 */

static void a_payment_and_its_receipt(void **state)
{
    (void)state;
    one_pair(NETTING_GROSS);
    rig.now_ms += DAY_MS;
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 1000, rig.now_ms - 5), ERROR_OK);
    assert_string_equal(rig.decision.ref, NUMBER);
    assert_int_equal(balance(CYCLE_DUE), 0);
    assert_int_equal(balance(CYCLE_TRANSIT), -1000);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->state, NOTICE_PAID);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->settled_ms, 0);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    assert_int_equal(rig_the_batch(&rig)->at_ms[BATCH_PAYING], rig.now_ms);

    rig.now_ms += DAY_MS;
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 1000, false), ERROR_OK);
    assert_int_equal(balance(CYCLE_TRANSIT), 0);
    assert_int_equal(balance(CYCLE_SETTLED), -1000);
    const struct notice_row *notice = rig_the_notice(&rig, NUMBER);
    assert_int_equal(notice->state, NOTICE_SETTLED);
    assert_int_equal(notice->settled_ms, rig.now_ms);
    assert_int_equal(notice->received, 1000);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    assert_int_equal(rig_the_batch(&rig)->at_ms[BATCH_SETTLED], rig.now_ms);

    const struct payment_row *payment = cycle_row(rig.cycle, ROW_PAYMENT, 0);
    assert_int_equal(payment->state, PAYMENT_RECEIVED);
    assert_int_equal(payment->paid_at_ms, rig.now_ms - DAY_MS - 5);
    assert_int_equal(payment->reported_ms, rig.now_ms - DAY_MS);
    assert_int_equal(payment->confirmed_ms, rig.now_ms);
}

static void parts_fill_the_funds_in_order(void **state)
{
    (void)state;
    const int64_t funds[FUND_COUNT] = {[FUND_POOL] = 500,
                                       [FUND_ACCOUNT] = 300,
                                       [FUND_SUPPLEMENT] = -100,
                                       [FUND_ASSISTANCE] = 200,
                                       [FUND_OTHER] = 50};
    /* What is in transit or settled after so much was paid: pool, account, supplement, assistance,
     * other. */
    static const int64_t steps[][1 + FUND_COUNT] = {
        {1, 1, 0, 0, 0, 0},
        {500, 500, 0, 0, 0, 0},
        {501, 500, 1, 0, 0, 0},
        {800, 500, 300, 0, 0, 0},
        {900, 500, 300, 0, 100, 0},
        {949, 500, 300, 0, 149, 0},
        {950, 500, 300, -100, 200, 50},
    };
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_line(&rig, p(31), p(32), funds, 9);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    int64_t paid = 0;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        char bank_ref[NUMBER_SIZE];
        (void)snprintf(bank_ref, sizeof bank_ref, "b%zu", i);
        assert_int_equal(rig_pay(&rig, 31, NUMBER, bank_ref, steps[i][0] - paid, rig.now_ms), 0);
        paid = steps[i][0];
        for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
            const int64_t part = steps[i][1 + fund];
            assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), fund, CYCLE_TRANSIT), -part);
            assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), fund, CYCLE_DUE),
                             part - funds[fund]);
        }
        assert_int_equal(rig_the_notice(&rig, NUMBER)->state,
                         paid == 950 ? NOTICE_PAID : NOTICE_DUE);
    }
}

/* Any split, with rejections and receipts in between: every step keeps the sums, and the end is
 * that of one whole payment. `sign` -1: a negative pair, paid back by the payee. */
static void play(uint64_t seed, int64_t sign)
{
    struct prng prng = {seed};
    int64_t funds[FUND_COUNT];
    do {
        for (int fund = 0; fund < FUND_COUNT; fund++)
            funds[fund] = sign * ((int64_t)prng_below(&prng, 2000) - 500);
    } while (sign * funds_sum(funds) <= 0);

    rig_open(&rig);
    rig.loose = true; /* The whole state is looked at in the end; here is no time for more. */
    if (sign < 0) rig_set(&rig, SETTING_NEGATIVE_PAIR, 1);
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_line(&rig, p(31), p(32), funds, 5);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    char number[NUMBER_SIZE];
    memcpy(number, ((const struct notice_row *)cycle_row(rig.cycle, ROW_NOTICE, 0))->number,
           sizeof number);
    const uint32_t payer = sign < 0 ? 32 : 31;
    const uint32_t payee = sign < 0 ? 31 : 32;

    for (uint32_t turn = 0;; turn++) {
        assert_in_range(turn, 0, 9999);
        const struct notice_row *notice = rig_the_notice(&rig, number);
        if (notice->state == NOTICE_SETTLED) break;
        const int64_t left = notice->amount - notice->reported;
        const uint32_t known = cycle_count(rig.cycle, ROW_PAYMENT);
        if (left > 0 && prng_chance(&prng, 500)) {
            char bank_ref[NUMBER_SIZE];
            (void)snprintf(bank_ref, sizeof bank_ref, "b%u", turn);
            const int64_t amount = 1 + (int64_t)prng_below(&prng, (uint64_t)left);
            assert_int_equal(rig_pay(&rig, payer, number, bank_ref, amount, rig.now_ms), 0);
        } else if (known > 0) {
            const struct payment_row payment = *(const struct payment_row *)cycle_row(
                rig.cycle, ROW_PAYMENT, (uint32_t)prng_below(&prng, known));
            const bool rejected = prng_chance(&prng, 300);
            const uint16_t code = rig_receive(&rig, rejected && turn % 2 ? payer : payee, number,
                                              payment.bank_ref, payment.amount, rejected);
            const bool again = (payment.state == PAYMENT_REJECTED) == rejected;
            assert_int_equal(code, payment.state == PAYMENT_REPORTED || again ? ERROR_OK
                                                                              : ERROR_WRONG_STATE);
        }
        notice = rig_the_notice(&rig, number);
        assert_int_equal(balance(CYCLE_SETTLED), -sign * notice->received);
        assert_int_equal(balance(CYCLE_TRANSIT), -sign * (notice->reported - notice->received));
        assert_int_equal(balance(CYCLE_DUE), -sign * (notice->amount - notice->reported));
    }
    for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
        assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), fund, CYCLE_SETTLED), -funds[fund]);
        assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), fund, CYCLE_TRANSIT), 0);
        assert_int_equal(cycle_balance(rig.cycle, p(31), p(32), fund, CYCLE_DUE), 0);
    }
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    assert_null(cycle_check(rig.cycle));
    rig_close(&rig);
}

static void any_split_ends_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 100; seed++) {
        play(seed, 1);
        play(seed, -1);
    }
}

static void a_rejected_payment_is_due_again(void **state)
{
    (void)state;
    one_pair(NETTING_GROSS);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 1000, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 31, NUMBER, "b1", 1000, true), ERROR_OK);
    assert_int_equal(balance(CYCLE_DUE), -1000);
    assert_int_equal(balance(CYCLE_TRANSIT), 0);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->state, NOTICE_DUE);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->reported, 0);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    /* Said again, it is the first answer; the money may not arrive any more. */
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 1000, true), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 1000, false), ERROR_WRONG_STATE);
    rig_pay_all(&rig, NUMBER, "b2");
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b2", 1000, true), ERROR_WRONG_STATE);
}

/* -- the same again, and refusals
 * ------------------------------------------------------------------
 */

static void the_same_report_again(void **state)
{
    (void)state;
    one_pair(NETTING_GROSS);
    const int64_t at = rig.now_ms;
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 400, at), ERROR_OK);
    assert_false(rig.decision.dup);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 400, at), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_string_equal(rig.decision.ref, NUMBER);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 401, at), ERROR_BANK_REF_REUSED);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 400, at - 1), ERROR_BANK_REF_REUSED);
    assert_int_equal(rig_pay(&rig, 32, NUMBER, "b1", 400, at), ERROR_NOT_YOURS);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 400, false), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 400, false), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_string_equal(rig.decision.ref, NUMBER);
    /* Even when all is over, and in a closed year. */
    rig_pay_all(&rig, NUMBER, "b2");
    rig.facts.closed_year = 2026;
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 400, at), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->received, 1000);
}

static void payments_refused(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_pool(&rig, p(31), p(32), 1000);
    rig_pool(&rig, p(34), p(32), 1000);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    const int64_t at = rig.now_ms;

    assert_int_equal(rig_pay(&rig, 31, "CLR-202603-1-31-32-2", "b", 1, at), ERROR_NOTICE_UNKNOWN);
    assert_int_equal(rig_pay(&rig, 32, NUMBER, "b", 1, at), ERROR_NOT_YOURS);
    assert_int_equal(rig_pay(&rig, 34, NUMBER, "b", 1, at), ERROR_NOT_YOURS);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "", 1, at), ERROR_MALFORMED);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", 0, at), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", -1, at), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", 1001, at), ERROR_PAID_AMOUNT);
    assert_string_equal(rig.decision.text,
                        "10.01 yuan do not fit: notice " NUMBER " has 10.00 left");
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", INT64_MAX, at), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", INT64_MIN, at), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", 1, at + 1), ERROR_CLOCK);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", 1, at - DAY_MS), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", 1, INT64_MIN), ERROR_PAID_AMOUNT);
    /* Midnight of the day it was issued: the bank told the day alone. */
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b0", 1, at - 9 * INT64_C(3600000)), ERROR_OK);
    rig.facts.closed_year = 2026;
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b", 1, at), ERROR_PERIOD_CLOSED);
    rig.facts.closed_year = 2025;

    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 600, at), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b2", 400, at), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b2", 399, at), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b3", 1, at), ERROR_PAID_AMOUNT);

    assert_int_equal(rig_reissue(&rig, 0, "CLR-202603-1-34-32-1"), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 34, "CLR-202603-1-34-32-1", "b", 1, at), ERROR_WRONG_STATE);
    assert_int_equal(rig_pay(&rig, 34, "CLR-202603-1-34-32-2", "b", 1, at), ERROR_OK);
}

static void part_payments_may_be_forbidden(void **state)
{
    (void)state;
    one_pair(NETTING_GROSS);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 300, rig.now_ms), ERROR_OK);
    rig_set(&rig, SETTING_PAYMENT_PARTIAL, 0);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b2", 699, rig.now_ms), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b2", 700, rig.now_ms), ERROR_OK);
}

static void receipts_refused(void **state)
{
    (void)state;
    one_pair(NETTING_GROSS);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 600, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 32, "x", "b1", 600, false), ERROR_NOTICE_UNKNOWN);
    assert_int_equal(rig_receive(&rig, 31, NUMBER, "b1", 600, false), ERROR_NOT_YOURS);
    assert_int_equal(rig_receive(&rig, 34, NUMBER, "b1", 600, false), ERROR_NOT_YOURS);
    assert_int_equal(rig_receive(&rig, 34, NUMBER, "b1", 600, true), ERROR_NOT_YOURS);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b2", 600, false), ERROR_NOT_FOUND);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 599, false), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 601, false), ERROR_PAID_AMOUNT);
    assert_int_equal(rig_receive(&rig, 31, NUMBER, "b1", 599, true), ERROR_PAID_AMOUNT);
    rig.facts.closed_year = 2026;
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 600, false), ERROR_PERIOD_CLOSED);
    rig.facts.closed_year = 2025;
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 600, false), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 500, false), ERROR_WRONG_STATE);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->received, 600);
    assert_int_equal(rig_the_notice(&rig, NUMBER)->state, NOTICE_DUE);
}

/* -- finality of the net modes -------------------------------------------------------------------
 */

static void a_bilateral_pair_is_final_by_itself(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_BILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 1000);
    rig_pool(&rig, p(32), p(31), 300);
    rig_pool(&rig, p(34), p(32), 50);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 31, NUMBER, "b1", 700, rig.now_ms), ERROR_OK);
    assert_int_equal(balance(CYCLE_NETTED), -1000);
    assert_int_equal(balance(CYCLE_TRANSIT), 0);
    assert_int_equal(rig_receive(&rig, 32, NUMBER, "b1", 700, false), ERROR_OK);
    assert_int_equal(balance(CYCLE_NETTED), 0);
    assert_int_equal(balance(CYCLE_SETTLED), -1000);
    assert_int_equal(rig_balance(&rig, p(32), p(31), CYCLE_SETTLED), -300);
    assert_int_equal(rig_balance(&rig, p(34), p(32), CYCLE_NETTED), -50);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    rig_pay_all(&rig, "CLR-202603-1-34-32-1", "b2");
    assert_int_equal(rig_balance(&rig, p(34), p(32), CYCLE_SETTLED), -50);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    rig_assert_balanced(&rig);
}

static void a_multilateral_batch_is_final_together(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_MULTILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 1000);
    rig_pool(&rig, p(32), p(31), 300);
    rig_pool(&rig, p(32), p(34), 50);
    assert_int_equal(rig_notice(&rig), ERROR_OK);

    const char *in = "CLR-202603-1-31-00-1";
    const char *out = "CLR-202603-1-00-32-1";
    assert_int_equal(rig_pay(&rig, 31, in, "b1", 700, rig.now_ms), ERROR_OK);
    /* The clearing account is the centre's to speak for. */
    assert_int_equal(rig_receive(&rig, 31, in, "b1", 700, false), ERROR_NOT_YOURS);
    assert_int_equal(rig_receive(&rig, 0, in, "b1", 700, false), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 32, out, "b1", 650, rig.now_ms), ERROR_NOT_YOURS);
    assert_int_equal(rig_pay(&rig, 0, out, "b1", 650, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 32, out, "b1", 650, false), ERROR_OK);
    assert_int_equal(rig_sum(&rig, CYCLE_NETTED), -1350);
    assert_int_equal(rig_sum(&rig, CYCLE_SETTLED), 0);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);

    rig_pay_all(&rig, "CLR-202603-1-00-34-1", "b1");
    assert_int_equal(rig_sum(&rig, CYCLE_NETTED), 0);
    assert_int_equal(rig_sum(&rig, CYCLE_SETTLED), -1350);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    rig_assert_balanced(&rig);
}

static void a_gross_batch_ends_with_its_last_notice(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_pool(&rig, p(31), p(32), 1000);
    rig_pool(&rig, p(32), p(31), 300);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    rig_pay_all(&rig, NUMBER, "b1");
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    /* A cancelled notice keeps nobody waiting; the one in its place does. */
    assert_int_equal(rig_reissue(&rig, 0, "CLR-202603-1-32-31-1"), ERROR_OK);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    rig_pay_all(&rig, "CLR-202603-1-32-31-2", "b1");
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
}

/* Neither what was said to be paid nor a part of it is an end: it has to arrive. */
static void money_on_its_way_keeps_a_batch_open(void **state)
{
    (void)state;
    const char *back = "CLR-202603-1-32-31-1";
    const char *third = "CLR-202603-1-34-32-1";
    rig_batch(&rig, NETTING_GROSS, 202603);
    rig_pool(&rig, p(31), p(32), 1000);
    rig_pool(&rig, p(32), p(31), 300);
    rig_pool(&rig, p(34), p(32), 50);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 32, back, "b1", 300, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 34, third, "b1", 10, rig.now_ms), ERROR_OK);
    rig_pay_all(&rig, NUMBER, "b1");
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    assert_int_equal(rig_receive(&rig, 32, third, "b1", 10, false), ERROR_OK);
    rig_pay_all(&rig, third, "b2");
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    assert_int_equal(rig_receive(&rig, 31, back, "b1", 300, false), ERROR_OK);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
}

/* -- deposits ------------------------------------------------------------------------------------
 */

/* The pair's deposit is to change from `old` to `new`, as prefund.c leaves it at the notice. */
static void prefund(const char *number, int64_t old, int64_t new)
{
    const bool back = new < old;
    const struct notice_row opening = {.number = "PFO-2025-31-32-1",
                                       .id = 1,
                                       .version = 1,
                                       .kind = NOTICE_PREFUND_OPENING,
                                       .state = NOTICE_SETTLED,
                                       .payer = p(31),
                                       .payee = p(32),
                                       .period = 2025,
                                       .amount = old,
                                       .reported = old,
                                       .received = old,
                                       .new_amount = old};
    struct notice_row notice = {.id = 2,
                                .version = 1,
                                .kind = NOTICE_PREFUND_YEAR,
                                .state = NOTICE_DUE,
                                .payer = back ? p(32) : p(31),
                                .payee = back ? p(31) : p(32),
                                .period = 2026,
                                .amount = back ? old - new : new - old,
                                .old_amount = old,
                                .new_amount = new,
                                .issued_ms = rig.now_ms};
    (void)snprintf(notice.number, sizeof notice.number, "%s", number);
    const struct prefund_row row = {
        .payer = p(31), .payee = p(32), .amount = old, .pending = new - old, .year = 2026};
    struct posting_row posting = {.payer = p(31),
                                  .payee = p(32),
                                  .fund = FUND_POOL,
                                  .debit = CYCLE_PREFUND,
                                  .credit = CYCLE_PREFUND_CONTRA,
                                  .amount = old};
    rig_put(&rig, ROW_NOTICE, &opening);
    rig_put(&rig, ROW_NOTICE, &notice);
    rig_put(&rig, ROW_PREFUND, &row);
    rig_put(&rig, ROW_POSTING, &posting);
    posting.debit = CYCLE_PREFUND_DUE;
    posting.amount = new - old;
    rig_put(&rig, ROW_POSTING, &posting);
}

static void assert_prefund(int64_t due, int64_t transit, int64_t there)
{
    assert_int_equal(balance(CYCLE_PREFUND_DUE), due);
    assert_int_equal(balance(CYCLE_PREFUND_TRANSIT), transit);
    assert_int_equal(balance(CYCLE_PREFUND), there);
    assert_int_equal(((const struct prefund_row *)cycle_row(rig.cycle, ROW_PREFUND, 0))->amount,
                     there);
    rig_assert_balanced(&rig);
}

static void a_deposit_that_grows(void **state)
{
    (void)state;
    const char *number = "PFY-2026-31-32-1";
    prefund(number, 880, 960);
    assert_int_equal(rig_pay(&rig, 31, number, "b1", 30, rig.now_ms), ERROR_OK);
    assert_prefund(50, 30, 880);
    assert_int_equal(rig_receive(&rig, 32, number, "b1", 30, false), ERROR_OK);
    assert_prefund(50, 30, 880);
    assert_int_equal(rig_pay(&rig, 31, number, "b2", 50, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 32, number, "b2", 50, true), ERROR_OK);
    assert_prefund(50, 30, 880);
    rig_pay_all(&rig, number, "b3");
    assert_prefund(0, 0, 960);
    assert_int_equal(((const struct prefund_row *)cycle_row(rig.cycle, ROW_PREFUND, 0))->pending,
                     0);
}

static void a_deposit_that_shrinks(void **state)
{
    (void)state;
    const char *number = "PFY-2026-32-31-1";
    prefund(number, 960, 880);
    assert_int_equal(rig_pay(&rig, 31, number, "b1", 80, rig.now_ms), ERROR_NOT_YOURS);
    assert_int_equal(rig_pay(&rig, 32, number, "b1", 80, rig.now_ms), ERROR_OK);
    assert_prefund(0, -80, 960);
    assert_int_equal(rig_receive(&rig, 31, number, "b1", 80, false), ERROR_OK);
    assert_prefund(0, 0, 880);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_payment_and_its_receipt),
        TEST(parts_fill_the_funds_in_order),
        cmocka_unit_test(any_split_ends_the_same),
        TEST(a_rejected_payment_is_due_again),
        TEST(the_same_report_again),
        TEST(payments_refused),
        TEST(part_payments_may_be_forbidden),
        TEST(receipts_refused),
        TEST(a_bilateral_pair_is_final_by_itself),
        TEST(a_multilateral_batch_is_final_together),
        TEST(a_gross_batch_ends_with_its_last_notice),
        TEST(money_on_its_way_keeps_a_batch_open),
        TEST(a_deposit_that_grows),
        TEST(a_deposit_that_shrinks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
