/* Unwinding: the month afterwards is the month without the province, with and without earlier
 * payments; several debtors in any order; what waits again; refusals. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/cycle_rig.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/cycle/batch_rig.h"

#define MILLION   INT64_C(100000000) /* Yuan, in fen. */
#define PROVINCES 7                  /* Of a small random month: indexes 0..6. */

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
    assert_int_equal(rig_notice(&rig), ERROR_OK);
}

/* -- random months ------------------------------------------------------------------------------
 */

/* The month of a seed without the provinces of `without` (bit by index), noticed. */
static void month(struct batch_rig *of, uint64_t seed, enum netting_mode mode, uint32_t without)
{
    struct prng prng = {seed};
    rig_open(of);
    rig_batch(of, mode, 202603);
    for (uint8_t payer = 0; payer < PROVINCES; payer++) {
        for (uint8_t payee = 0; payee < PROVINCES; payee++) {
            int64_t funds[FUND_COUNT] = {0};
            const bool there = payer != payee && prng_chance(&prng, 700);
            for (int fund = 0; fund < FUND_COUNT; fund++)
                funds[fund] = (int64_t)prng_below(&prng, 1000) - 100;
            const uint64_t count = 1 + prng_below(&prng, 9);
            if (!there || ((UINT32_C(1) << payer | UINT32_C(1) << payee) & without) != 0) continue;
            rig_line(of, payer, payee, funds, count);
        }
    }
    assert_int_equal(rig_notice(of), ERROR_OK);
}

/* Random payments, all of them received; in the multilateral mode only into the clearing account,
 * for what it has paid out cannot be unwound. */
static void pay_some(struct batch_rig *of, uint64_t seed)
{
    struct prng prng = {seed * 977};
    const uint32_t count = cycle_count(of->cycle, ROW_NOTICE);
    for (uint32_t i = 0; i < count; i++) {
        const struct notice_row notice =
            *(const struct notice_row *)cycle_row(of->cycle, ROW_NOTICE, i);
        if (notice.state != NOTICE_DUE || !prng_chance(&prng, 600)) continue;
        if (notice.payer == PROVINCE_ACCOUNT && notice.kind == NOTICE_CLEARING) continue;
        const int64_t left = notice.amount - notice.received;
        const int64_t amount =
            prng_chance(&prng, 300) ? left : 1 + (int64_t)prng_below(&prng, (uint64_t)left);
        char bank_ref[NUMBER_SIZE];
        (void)snprintf(bank_ref, sizeof bank_ref, "s%llu", (unsigned long long)seed);
        assert_int_equal(rig_pay(of, 0, notice.number, bank_ref, amount, of->now_ms), 0);
        assert_int_equal(rig_receive(of, 0, notice.number, bank_ref, amount, false), 0);
    }
}

/* What each has got so far (below zero: has paid), and will have when all open notices are paid;
 * the clearing account last. */
struct position {
    int64_t cash[PROVINCE_COUNT + 1];
    int64_t end[PROVINCE_COUNT + 1];
};

static struct position position_of(const struct batch_rig *of)
{
    struct position position = {0};
    for (uint32_t i = 0; i < cycle_count(of->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(of->cycle, ROW_NOTICE, i);
        const int payer = notice->payer == PROVINCE_ACCOUNT ? PROVINCE_COUNT : notice->payer;
        const int payee = notice->payee == PROVINCE_ACCOUNT ? PROVINCE_COUNT : notice->payee;
        int64_t end = notice->received;
        if (notice->state == NOTICE_DUE || notice->state == NOTICE_PAID) end = notice->amount;
        position.cash[payer] -= notice->received;
        position.cash[payee] += notice->received;
        position.end[payer] -= end;
        position.end[payee] += end;
    }
    return position;
}

/* The open notices as one text, in an order of their own: number without its version, and what is
 * left to pay. */
static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void open_notices(const struct batch_rig *of, char *out, size_t room)
{
    static char list[128][80];
    uint32_t count = 0;
    for (uint32_t i = 0; i < cycle_count(of->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(of->cycle, ROW_NOTICE, i);
        if (notice->state != NOTICE_DUE && notice->state != NOTICE_PAID) continue;
        const char *version = strrchr(notice->number, '-');
        (void)snprintf(list[count++], sizeof list[0], "%.*s %lld\n",
                       (int)(version - notice->number), notice->number,
                       (long long)(notice->amount - notice->received));
    }
    qsort(list, count, sizeof list[0], compare_texts);
    size_t size = 0;
    out[0] = 0;
    for (uint32_t i = 0; i < count; i++)
        size += (size_t)snprintf(out + size, room - size, "%s", list[i]);
}

static void assert_same_notices(const struct batch_rig *a, const struct batch_rig *b)
{
    char text_a[8192];
    char text_b[8192];
    open_notices(a, text_a, sizeof text_a);
    open_notices(b, text_b, sizeof text_b);
    assert_string_equal(text_a, text_b);
}

/* The pairs that are left stand as in the other month; those of `without` are confirmed again. */
static void assert_month_without(const struct batch_rig *of, const struct batch_rig *other,
                                 uint32_t without)
{
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            const bool left = ((UINT32_C(1) << payer | UINT32_C(1) << payee) & without) == 0;
            for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
                const int64_t cost = cycle_balance(of->cycle, payer, payee, fund, CYCLE_COST);
                const int64_t confirmed =
                    cycle_balance(of->cycle, payer, payee, fund, CYCLE_CONFIRMED);
                assert_int_equal(confirmed, left ? 0 : -cost);
                for (int account = CYCLE_CLEARING; account < CYCLE_ACCOUNT_COUNT; account++) {
                    assert_int_equal(
                        cycle_balance(of->cycle, payer, payee, fund, (enum cycle_account)account),
                        cycle_balance(other->cycle, payer, payee, fund,
                                      (enum cycle_account)account));
                }
            }
        }
    }
    const struct position ours = position_of(of);
    const struct position theirs = position_of(other);
    assert_memory_equal(ours.end, theirs.end, sizeof ours.end);

    const struct batch_row *batch = rig_the_batch(of);
    const struct batch_row *fresh = rig_the_batch(other);
    assert_int_equal(batch->count, fresh->count);
    assert_int_equal(batch->gross, -rig_sum(other, CYCLE_NETTED) - rig_sum(other, CYCLE_SETTLED));
    assert_int_equal(batch->unwound, without);
    assert_int_equal(batch->published_version, batch->version);
    uint8_t digest[32];
    batch_digest(of->cycle, batch, batch->version, digest);
    assert_memory_equal(batch->digest, digest, sizeof digest);
}

static void pay_everything(struct batch_rig *of)
{
    for (uint32_t i = 0; i < cycle_count(of->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(of->cycle, ROW_NOTICE, i);
        if (notice->state == NOTICE_DUE) rig_pay_all(of, notice->number, "the end");
    }
    assert_int_equal(rig_the_batch(of)->state, BATCH_SETTLED);
    assert_int_equal(rig_sum(of, CYCLE_NETTED), 0);
    assert_int_equal(rig_sum(of, CYCLE_SETTLED), -rig_the_batch(of)->gross);
    const struct position position = position_of(of);
    assert_memory_equal(position.cash, position.end, sizeof position.cash);
    assert_int_equal(position.cash[PROVINCE_COUNT], 0);
    rig_assert_balanced(of);
}

static void without_payments(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        for (int mode = NETTING_MULTILATERAL; mode < NETTING_MODE_COUNT; mode++) {
            const uint8_t province = (uint8_t)(seed % PROVINCES);
            struct batch_rig fresh;
            struct batch_rig whole;
            month(&whole, seed, (enum netting_mode)mode, 0);
            month(&fresh, seed, (enum netting_mode)mode, UINT32_C(1) << province);
            assert_int_equal(rig_unwind(&whole, province), ERROR_OK);
            assert_same_notices(&whole, &fresh);
            assert_month_without(&whole, &fresh, UINT32_C(1) << province);
            assert_null(rig_open_notice(&whole, province, PROVINCE_ACCOUNT));
            pay_everything(&whole);
            rig_close(&whole);
            rig_close(&fresh);
        }
    }
}

static void with_payments(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        for (int mode = NETTING_MULTILATERAL; mode < NETTING_MODE_COUNT; mode++) {
            const uint8_t province = (uint8_t)(seed % PROVINCES);
            struct batch_rig fresh;
            struct batch_rig whole;
            month(&whole, seed, (enum netting_mode)mode, 0);
            month(&fresh, seed, (enum netting_mode)mode, UINT32_C(1) << province);
            pay_some(&whole, seed);
            const struct position before = position_of(&whole);
            assert_int_equal(rig_unwind(&whole, province), ERROR_OK);
            assert_month_without(&whole, &fresh, UINT32_C(1) << province);
            const struct position after = position_of(&whole);
            assert_memory_equal(before.cash, after.cash, sizeof before.cash);
            pay_everything(&whole);
            rig_close(&whole);
            rig_close(&fresh);
        }
    }
}

/* Three that cannot pay, in all six orders. */
static void several_in_any_order(void **state)
{
    (void)state;
    static const uint8_t orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                         {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    for (uint64_t seed = 1; seed <= 30; seed++) {
        for (int mode = NETTING_MULTILATERAL; mode < NETTING_MODE_COUNT; mode++) {
            struct batch_rig first;
            struct batch_rig fresh;
            month(&fresh, seed, (enum netting_mode)mode, 7);
            for (int i = 0; i < 6; i++) {
                struct batch_rig next;
                struct batch_rig *of = i == 0 ? &first : &next;
                month(of, seed, (enum netting_mode)mode, 0);
                if (seed % 2 == 0) pay_some(of, seed);
                for (int turn = 0; turn < 3; turn++)
                    assert_int_equal(rig_unwind(of, orders[i][turn]), ERROR_OK);
                assert_month_without(of, &fresh, 7);
                if (seed % 2 != 0) assert_same_notices(of, &fresh);
                if (i == 0) continue;
                assert_same_notices(of, &first);
                assert_memory_equal(rig_the_batch(of), rig_the_batch(&first),
                                    sizeof(struct batch_row));
                rig_close(of);
            }
            pay_everything(&first);
            rig_close(&first);
            rig_close(&fresh);
        }
    }
}

/* -- one by one ----------------------------------------------------------------------------------
 */

static void the_example_without_anhui(void **state)
{
    (void)state;
    example(NETTING_MULTILATERAL);
    rig.now_ms += INT64_C(86400000);
    assert_int_equal(rig_unwind(&rig, p(34)), ERROR_OK);
    assert_string_equal(rig.decision.ref, "202603-1");
    const struct notice_row *in = rig_the_notice(&rig, "CLR-202603-1-32-00-1");
    const struct notice_row *out = rig_the_notice(&rig, "CLR-202603-1-00-31-2");
    assert_int_equal(in->amount, 380 * MILLION);
    assert_int_equal(in->issued_ms, rig.now_ms);
    assert_int_equal(out->amount, 380 * MILLION);
    assert_string_equal(out->replaces, "CLR-202603-1-00-31-1");
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-00-31-1")->state, NOTICE_CANCELLED);
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-00-32-1")->state, NOTICE_CANCELLED);
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-34-00-1")->state, NOTICE_CANCELLED);
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), 5);

    const struct batch_row *batch = rig_the_batch(&rig);
    assert_int_equal(batch->state, BATCH_NOTICED);
    assert_int_equal(batch->version, 2);
    assert_int_equal(batch->gross, 494 * MILLION);
    assert_int_equal(batch->bilateral, 380 * MILLION);
    assert_int_equal(batch->multilateral, 380 * MILLION);
    assert_int_equal(rig_balance(&rig, p(34), p(31), CYCLE_CONFIRMED), -476 * MILLION);
    assert_int_equal(rig_balance(&rig, p(31), p(34), CYCLE_CONFIRMED), -8 * MILLION);
    assert_int_equal(rig_sum(&rig, CYCLE_NETTED), -494 * MILLION);
    /* (K3) What was published stays. */
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    batch_totals(rig.cycle, batch, 1, totals);
    assert_int_equal(totals[p(34)][p(31)].funds[FUND_POOL], 476 * MILLION);
    batch_totals(rig.cycle, batch, 2, totals);
    assert_int_equal(totals[p(34)][p(31)].funds[FUND_POOL], 0);
}

/* 31 owes 100 and has paid 60; without 33, which owes it 50, it owes 150. */
static void a_debtor_owes_more_than_it_has_paid(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_MULTILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 150);
    rig_pool(&rig, p(33), p(31), 50);
    rig_pool(&rig, p(33), p(32), 5);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    const char *old = "CLR-202603-1-31-00-1";
    assert_int_equal(rig_pay(&rig, 31, old, "b1", 60, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 0, old, "b1", 60, false), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(33)), ERROR_OK);

    const struct notice_row *closed = rig_the_notice(&rig, old);
    assert_int_equal(closed->state, NOTICE_SETTLED);
    assert_int_equal(closed->amount, 60);
    assert_int_equal(closed->received, 60);
    assert_int_equal(closed->old_amount, 100);
    assert_int_equal(closed->settled_ms, rig.now_ms);
    const struct notice_row *rest = rig_the_notice(&rig, "CLR-202603-1-31-00-2");
    assert_int_equal(rest->amount, 90);
    assert_string_equal(rest->replaces, old);
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-00-32-2")->amount, 150);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_PAYING);
    pay_everything(&rig);
}

/* 31 has paid all its 100; without 32, to which it owes 80, it owes 20 and gets 80 back. */
static void a_debtor_has_paid_too_much(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_MULTILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 80);
    rig_pool(&rig, p(31), p(33), 20);
    rig_pool(&rig, p(32), p(33), 500);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    rig_pay_all(&rig, "CLR-202603-1-31-00-1", "b1");
    assert_int_equal(rig_unwind(&rig, p(32)), ERROR_OK);

    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-31-00-1")->state, NOTICE_SETTLED);
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-31-00-1")->amount, 100);
    const struct notice_row *back = rig_the_notice(&rig, "RET-202603-1-00-31-1");
    assert_int_equal(back->kind, NOTICE_RETURN);
    assert_int_equal(back->payer, PROVINCE_ACCOUNT);
    assert_int_equal(back->amount, 80);
    assert_null(rig_open_notice(&rig, p(31), PROVINCE_ACCOUNT));
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-00-33-2")->amount, 20);

    /* What was given back counts: another step asks for it again where it is owed. */
    rig_pay_all(&rig, back->number, "b2");
    assert_int_equal(rig_unwind(&rig, p(33)), ERROR_OK);
    assert_int_equal(rig_the_notice(&rig, "RET-202603-1-00-31-2")->amount, 20);
    pay_everything(&rig);
    assert_int_equal(rig_sum(&rig, CYCLE_SETTLED), 0);
}

/* Directly, the creditor itself gives back what came from one that is left out. */
static void a_creditor_gives_back(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_MULTILATERAL_DIRECT, 202603);
    rig_pool(&rig, p(31), p(32), 100);
    rig_pool(&rig, p(33), p(34), 10);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    rig_pay_all(&rig, "CLR-202603-1-31-32-1", "b1");
    assert_int_equal(rig_unwind(&rig, p(31)), ERROR_OK);
    const struct notice_row *back = rig_the_notice(&rig, "RET-202603-1-32-31-1");
    assert_int_equal(back->kind, NOTICE_RETURN);
    assert_int_equal(back->amount, 100);
    assert_int_equal(rig_open_notice(&rig, p(33), p(34))->amount, 10);
    pay_everything(&rig);
}

static void a_notice_that_still_fits_stands(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_MULTILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 70);
    rig_pool(&rig, p(33), p(34), 20);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(33)), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_NOTICE), 4);
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-31-00-1")->state, NOTICE_DUE);
    assert_int_equal(rig_the_notice(&rig, "CLR-202603-1-00-32-1")->state, NOTICE_DUE);
    /* And when nobody is left, all is over. */
    assert_int_equal(rig_unwind(&rig, p(32)), ERROR_OK);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    assert_int_equal(rig_the_batch(&rig)->count, 0);
    assert_int_equal(rig_sum(&rig, CYCLE_CONFIRMED), -90);
}

/* The last notice may fall away while money of others is settled. */
static void what_is_left_may_be_final(void **state)
{
    (void)state;
    rig_batch(&rig, NETTING_MULTILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 70);
    rig_pool(&rig, p(32), p(31), 70);
    rig_pool(&rig, p(33), p(34), 20);
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(34)), ERROR_OK);
    assert_int_equal(rig_the_batch(&rig)->state, BATCH_SETTLED);
    assert_int_equal(rig_the_batch(&rig)->at_ms[BATCH_SETTLED], rig.now_ms);
    assert_int_equal(rig_sum(&rig, CYCLE_SETTLED), -140);
    assert_int_equal(rig_sum(&rig, CYCLE_NETTED), 0);
    rig_assert_balanced(&rig);
}

/* -- what waits again ----------------------------------------------------------------------------
 */

static void what_the_batch_held_waits_again(void **state)
{
    (void)state;
    rig.loose = true; /* The batch has no lines of what it holds here. */
    rig_batch(&rig, NETTING_MULTILATERAL, 202603);
    rig_pool(&rig, p(31), p(32), 700);
    rig_pool(&rig, p(33), p(32), 20);
    rig_pool(&rig, p(31), p(33), 5);
    for (uint8_t i = 0; i < 2; i++) {
        const uint8_t payer = p(i == 0 ? 31 : 33);
        struct exception_row exception = {
            .ref = {.insu_admdvs = 310000, .size = 1}, .batch = 1, .carved = 1, .deduct_posted = 1};
        exception.ref.setl_id[0] = (char)('a' + i);
        exception.record.ref = exception.ref;
        exception.record.payer = payer;
        exception.record.payee = p(34);
        rig_put(&rig, ROW_EXCEPTION, &exception);
        struct recovery_row recovery = {.batch = 1,
                                        .cell = {202601, payer, p(34), LINE_PHARMACY, 0}};
        recovery.recovery_no[0] = (char)('a' + i);
        rig_put(&rig, ROW_RECOVERY, &recovery);
        const struct carry_row carry = {.batch = 9, .payer = p(34), .payee = payer, .into = 1};
        rig_put(&rig, ROW_CARRY, &carry);
        const struct carry_row other = {.batch = 8, .payer = p(34), .payee = payer, .into = 7};
        rig_put(&rig, ROW_CARRY, &other);
    }
    assert_int_equal(rig_notice(&rig), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(31)), ERROR_OK);

    for (uint32_t i = 0; i < 2; i++) {
        const uint32_t holds = i == 0 ? 0 : 1;
        const struct exception_row *exception = cycle_row(rig.cycle, ROW_EXCEPTION, i);
        const struct recovery_row *recovery = cycle_row(rig.cycle, ROW_RECOVERY, i);
        const struct carry_row *carry = cycle_row(rig.cycle, ROW_CARRY, 2 * i);
        const struct carry_row *other = cycle_row(rig.cycle, ROW_CARRY, 2 * i + 1);
        assert_int_equal(other->into, 7);
        assert_int_equal(exception->batch, holds);
        assert_int_equal(exception->carved, 1);
        assert_int_equal(exception->deduct_posted, 1);
        assert_int_equal(recovery->batch, holds);
        assert_int_equal(carry->into, holds);
        assert_int_equal(carry->batch, 9);
    }
    for (uint32_t i = 0; i < 3; i++) {
        const struct frozen_row *frozen = cycle_row(rig.cycle, ROW_FROZEN, i);
        const bool left = frozen->cell.payer != p(31) && frozen->cell.payee != p(31);
        assert_int_equal(frozen->batch, left ? 1 : 0);
        if (!left) assert_int_equal(frozen->account, CYCLE_CONFIRMED);
    }
}

/* -- a whole cycle -------------------------------------------------------------------------------
 */

static uint16_t give_step(struct cycle_rig *whole, uint32_t period, enum batch_step step,
                          uint32_t province)
{
    struct order order = cycle_rig_order(whole, MESSAGE_BATCH_STEP, 0);
    order.period = period;
    order.step = step;
    if (province != 0) order.payer = p(province);
    return cycle_rig_give(whole, &order);
}

static void notice_month_of(struct cycle_rig *whole, uint32_t period, const uint32_t *signers,
                            uint32_t count)
{
    cycle_rig_cut(whole, period);
    assert_int_equal(give_step(whole, period, STEP_COMPUTE, 0), ERROR_OK);
    assert_int_equal(give_step(whole, period, STEP_PUBLISH, 0), ERROR_OK);
    for (uint32_t i = 0; i < count; i++) {
        struct order order = cycle_rig_order(whole, MESSAGE_BATCH_SIGN, signers[i]);
        order.period = period;
        assert_int_equal(cycle_rig_give(whole, &order), ERROR_OK);
    }
    assert_int_equal(give_step(whole, period, STEP_NOTICE, 0), ERROR_OK);
}

/* March without Anhui: its records, one of them with a deduction, are in April's batch. */
static void the_next_cut_takes_it_up(void **state)
{
    (void)state;
    const uint32_t march[] = {31, 32, 34};
    const uint32_t april[] = {31, 34};
    struct cycle_rig whole;
    cycle_rig_open(&whole, 20260420);
    cycle_rig_set(&whole, SETTING_PAYABLE_MODE, NETTING_MULTILATERAL);
    (void)cycle_rig_record(&whole, 34, 31, "a", 20260302, 1000);
    (void)cycle_rig_record(&whole, 34, 31, "b", 20260303, 500);
    (void)cycle_rig_record(&whole, 31, 34, "c", 20260304, 70);
    (void)cycle_rig_record(&whole, 31, 32, "d", 20260304, 40);
    struct confirm_item item = {
        .ref = cycle_rig_ref(34, "b"), .cnfm_flag = 1, .det_type = 10, .deduct = 100};
    struct order order = cycle_rig_order(&whole, MESSAGE_CLR_CONFIRM, 31);
    order.period = 202603;
    order.confirms = &item;
    order.row_count = 1;
    assert_int_equal(cycle_rig_give(&whole, &order), ERROR_OK);
    notice_month_of(&whole, 202603, march, 3);
    assert_int_equal(cycle_rig_stands(&whole, 34, 31, CYCLE_NETTED), 1400);

    assert_int_equal(give_step(&whole, 202603, STEP_UNWIND, 34), ERROR_OK);
    assert_null(cycle_check(whole.cycle));
    assert_int_equal(cycle_rig_stands(&whole, 34, 31, CYCLE_CONFIRMED), 1400);
    assert_int_equal(cycle_rig_stands(&whole, 31, 34, CYCLE_CONFIRMED), 70);
    assert_int_equal(cycle_rig_stands(&whole, 31, 32, CYCLE_NETTED), 40);

    (void)cycle_rig_record(&whole, 34, 31, "e", 20260404, 7);
    cycle_rig_day(&whole, 20260520);
    notice_month_of(&whole, 202604, april, 2);
    assert_null(cycle_check(whole.cycle));
    assert_int_equal(cycle_rig_stands(&whole, 34, 31, CYCLE_CONFIRMED), 0);
    assert_int_equal(cycle_rig_stands(&whole, 34, 31, CYCLE_NETTED), 1407);
    assert_int_equal(cycle_rig_stands(&whole, 31, 34, CYCLE_NETTED), 70);
    const char number[NUMBER_SIZE] = "CLR-202604-1-34-00-1";
    const struct notice_row *notice = cycle_find(whole.cycle, ROW_NOTICE, number);
    assert_non_null(notice);
    assert_int_equal(notice->amount, 1337);
    cycle_rig_close(&whole);
}

/* -- refusals ------------------------------------------------------------------------------------
 */

static void only_multilateral_batches(void **state)
{
    (void)state;
    for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
        struct batch_rig other;
        month(&other, 5, (enum netting_mode)mode, 0);
        const bool may = mode >= NETTING_MULTILATERAL;
        assert_int_equal(rig_unwind(&other, 1), may ? ERROR_OK : ERROR_WRONG_STATE);
        assert_int_equal(rig_unwind(&other, 1), ERROR_WRONG_STATE); /* Not twice. */
        if (may) assert_non_null(strstr(other.decision.text, "left out of the batch before"));
        rig_close(&other);
    }
}

static void refused(void **state)
{
    (void)state;
    example(NETTING_MULTILATERAL);
    rig.loose = true;
    const struct batch_row noticed = *rig_the_batch(&rig);
    struct batch_row batch = noticed;
    for (int i = BATCH_OPEN; i <= BATCH_ABORTED; i++) {
        if (i == BATCH_NOTICED || i == BATCH_PAYING) continue;
        batch.state = (uint8_t)i;
        rig_put(&rig, ROW_BATCH, &batch);
        assert_int_equal(rig_unwind(&rig, p(34)), ERROR_WRONG_STATE);
    }
    rig_put(&rig, ROW_BATCH, &noticed);
    rig.loose = false;
    assert_int_equal(rig_unwind(&rig, PROVINCE_CENTRE), ERROR_UNKNOWN_AREA);
    assert_int_equal(rig_unwind(&rig, p(66)), ERROR_WRONG_STATE); /* Nothing in it. */

    const char *in = "CLR-202603-1-34-00-1";
    assert_int_equal(rig_pay(&rig, 34, in, "b1", 1, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(34)), ERROR_WRONG_STATE); /* On its way. */
    assert_int_equal(rig_receive(&rig, 0, in, "b1", 1, false), ERROR_OK);

    const char *out = "CLR-202603-1-00-31-1";
    assert_int_equal(rig_pay(&rig, 0, out, "b1", 1, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(34)), ERROR_WRONG_STATE);
    assert_int_equal(rig_receive(&rig, 31, out, "b1", 1, true), ERROR_OK);
    assert_int_equal(rig_pay(&rig, 0, out, "b2", 1, rig.now_ms), ERROR_OK);
    assert_int_equal(rig_receive(&rig, 31, out, "b2", 1, false), ERROR_OK);
    assert_int_equal(rig_unwind(&rig, p(34)), ERROR_WRONG_STATE); /* A creditor was paid. */
    assert_int_equal(rig_the_batch(&rig)->version, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_payments),
        cmocka_unit_test(with_payments),
        cmocka_unit_test(several_in_any_order),
        TEST(the_example_without_anhui),
        TEST(a_debtor_owes_more_than_it_has_paid),
        TEST(a_debtor_has_paid_too_much),
        TEST(a_creditor_gives_back),
        TEST(a_notice_that_still_fits_stands),
        TEST(what_is_left_may_be_final),
        TEST(what_the_batch_held_waits_again),
        cmocka_unit_test(the_next_cut_takes_it_up),
        cmocka_unit_test(only_multilateral_batches),
        TEST(refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
