/* Netting: the worked example of docs/rules.md in every mode, the laws (N1)-(N3), refunds that
 * outweigh settlements, sums that do not fit, and random months against a naive model. */
#include <string.h>

#include "netting/netting.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define MILLION_YUAN INT64_C(100000000) /* Fen. */
#define CLEARING     NETTING_CLEARING_ACCOUNT

static struct netting netting;
static struct payments payments;

static uint8_t p(uint32_t code)
{
    return province_index(code);
}

static void add(uint32_t payer, uint32_t payee, int64_t amount, uint64_t count)
{
    assert_true(netting_add(&netting, p(payer), p(payee), amount, count));
}

/* Shanghai, Jiangsu, Anhui: docs/rules.md, Netting modes. */
static void example(void)
{
    netting_init(&netting);
    add(31, 32, 57 * MILLION_YUAN, 1);
    add(31, 34, 8 * MILLION_YUAN, 2);
    add(32, 31, 437 * MILLION_YUAN, 4);
    add(32, 34, 56 * MILLION_YUAN, 8);
    add(34, 31, 476 * MILLION_YUAN, 16);
    add(34, 32, 455 * MILLION_YUAN, 32);
}

static void assert_payments(enum netting_mode mode, int64_t total, const struct payment *expected,
                            uint32_t count)
{
    assert_true(netting_payments(&netting, mode, &payments));
    assert_int_equal(payments.mode, mode);
    assert_int_equal(payments.total, total);
    assert_int_equal(payments.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(payments.list[i].payer, expected[i].payer);
        assert_int_equal(payments.list[i].payee, expected[i].payee);
        assert_int_equal(payments.list[i].count, expected[i].count);
        assert_int_equal(payments.list[i].amount, expected[i].amount);
    }
}

static void example_gross(void **state)
{
    const struct payment expected[] = {
        {p(31), p(32), 1, 57 * MILLION_YUAN},   {p(31), p(34), 2, 8 * MILLION_YUAN},
        {p(32), p(31), 4, 437 * MILLION_YUAN},  {p(32), p(34), 8, 56 * MILLION_YUAN},
        {p(34), p(31), 16, 476 * MILLION_YUAN}, {p(34), p(32), 32, 455 * MILLION_YUAN},
    };
    (void)state;
    example();
    assert_payments(NETTING_GROSS, 1489 * MILLION_YUAN, expected, 6);
}

static void example_bilateral(void **state)
{
    const struct payment expected[] = {
        {p(32), p(31), 5, 380 * MILLION_YUAN},
        {p(34), p(31), 18, 468 * MILLION_YUAN},
        {p(34), p(32), 40, 399 * MILLION_YUAN},
    };
    (void)state;
    example();
    assert_payments(NETTING_BILATERAL, 1247 * MILLION_YUAN, expected, 3);
}

static void example_multilateral(void **state)
{
    const struct payment expected[] = {
        {p(34), CLEARING, 58, 867 * MILLION_YUAN},
        {CLEARING, p(31), 23, 848 * MILLION_YUAN},
        {CLEARING, p(32), 45, 19 * MILLION_YUAN},
    };
    (void)state;
    example();
    assert_payments(NETTING_MULTILATERAL, 867 * MILLION_YUAN, expected, 3);
}

static void example_multilateral_direct(void **state)
{
    const struct payment expected[] = {
        {p(34), p(31), 58, 848 * MILLION_YUAN},
        {p(34), p(32), 58, 19 * MILLION_YUAN},
    };
    (void)state;
    example();
    assert_payments(NETTING_MULTILATERAL_DIRECT, 867 * MILLION_YUAN, expected, 2);
}

static void example_holds_the_laws(void **state)
{
    int64_t net[PROVINCE_COUNT];
    (void)state;
    example();
    assert_true(netting_positions(&netting, net));
    assert_int_equal(net[p(31)], 848 * MILLION_YUAN);
    assert_int_equal(net[p(32)], 19 * MILLION_YUAN);
    assert_int_equal(net[p(34)], -867 * MILLION_YUAN);
    assert_int_equal(net[p(11)], 0);
    assert_null(netting_check(&netting));
}

static void nothing_owed_is_nothing_paid(void **state)
{
    (void)state;
    netting_init(&netting);
    for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
        assert_payments((enum netting_mode)mode, 0, NULL, 0);
    }
    assert_null(netting_check(&netting));
    assert_false(netting_payments(&netting, NETTING_MODE_COUNT, &payments));
}

static void pairs_that_cancel_are_listed_only_in_gross(void **state)
{
    const struct payment expected[] = {{p(11), p(12), 3, 500}, {p(12), p(11), 4, 500}};
    (void)state;
    netting_init(&netting);
    add(11, 12, 500, 3);
    add(12, 11, 500, 4);
    assert_payments(NETTING_GROSS, 1000, expected, 2);
    assert_payments(NETTING_BILATERAL, 0, NULL, 0);
    assert_payments(NETTING_MULTILATERAL, 0, NULL, 0);
    assert_payments(NETTING_MULTILATERAL_DIRECT, 0, NULL, 0);
    assert_null(netting_check(&netting));
}

/* A pair whose refunds outweigh its settlements stays visible in gross; netted, the money simply
 * goes the other way. */
static void negative_pairs(void **state)
{
    const struct payment gross[] = {
        {p(11), p(12), 5, -300}, {p(12), p(11), 2, 100}, {p(13), p(11), 2, 0}};
    const struct payment bilateral[] = {{p(12), p(11), 7, 400}};
    const struct payment multilateral[] = {{p(12), CLEARING, 7, 400}, {CLEARING, p(11), 9, 400}};
    (void)state;
    netting_init(&netting);
    add(11, 12, 200, 3);
    add(11, 12, -500, 2);
    add(12, 11, 100, 2);
    add(13, 11, 50, 1);
    add(13, 11, -50, 1);
    assert_payments(NETTING_GROSS, -200, gross, 3);
    assert_payments(NETTING_BILATERAL, 400, bilateral, 1);
    assert_payments(NETTING_MULTILATERAL, 400, multilateral, 2);
    assert_payments(NETTING_MULTILATERAL_DIRECT, 400, bilateral, 1);
    assert_null(netting_check(&netting));
}

static void equal_sizes_go_by_province_order(void **state)
{
    const struct payment expected[] = {
        {p(11), p(31), 1, 100}, {p(12), p(32), 1, 100}, {p(13), p(33), 1, 100}};
    (void)state;
    netting_init(&netting);
    add(13, 31, 100, 1);
    add(11, 33, 100, 1);
    add(12, 32, 100, 1);
    const struct payment uneven[] = {
        {p(11), p(31), 1, 100}, {p(12), p(31), 2, 50}, {p(12), p(32), 2, 50}};
    assert_payments(NETTING_MULTILATERAL_DIRECT, 300, expected, 3);

    /* 11 and 12 owe the same: 11 goes first and leaves 12 to pay two. */
    netting_init(&netting);
    add(12, 31, 50, 1);
    add(12, 32, 50, 1);
    add(11, 31, 100, 1);
    assert_payments(NETTING_MULTILATERAL_DIRECT, 200, uneven, 3);
}

static void a_refused_addition_changes_nothing(void **state)
{
    static struct netting before;
    (void)state;
    example();
    netting.amount[0][1] = INT64_MAX - 5;
    netting.amount[1][0] = INT64_MIN + 5;
    netting.count[2][3] = UINT64_MAX - 5;
    before = netting;
    assert_false(netting_add(&netting, 0, 0, 1, 1));
    assert_false(netting_add(&netting, PROVINCE_COUNT, 0, 1, 1));
    assert_false(netting_add(&netting, 0, PROVINCE_COUNT, 1, 1));
    assert_false(netting_add(&netting, PROVINCE_NONE, CLEARING, 1, 1));
    assert_false(netting_add(&netting, 0, 1, 6, 1));
    assert_false(netting_add(&netting, 1, 0, -6, 1));
    assert_false(netting_add(&netting, 2, 3, 1, 6));
    assert_memory_equal(&netting, &before, sizeof before);
    assert_true(netting_add(&netting, 0, 1, 5, 1));
    assert_true(netting_add(&netting, 1, 0, -5, 1));
    assert_true(netting_add(&netting, 2, 3, 1, 5));
}

static void results_that_do_not_fit_are_refused(void **state)
{
    int64_t net[PROVINCE_COUNT];
    (void)state;
    netting_init(&netting); /* One creditor of twice what fits. */
    assert_true(netting_add(&netting, 0, 2, INT64_MAX, 1));
    assert_true(netting_add(&netting, 1, 2, 1, 1));
    assert_false(netting_positions(&netting, net));
    assert_false(netting_payments(&netting, NETTING_GROSS, &payments));
    assert_false(netting_payments(&netting, NETTING_BILATERAL, &payments));
    assert_false(netting_payments(&netting, NETTING_MULTILATERAL, &payments));
    assert_false(netting_payments(&netting, NETTING_MULTILATERAL_DIRECT, &payments));
    assert_non_null(netting_check(&netting));

    netting_init(&netting); /* What does not fit on the way fits in the end. */
    assert_true(netting_add(&netting, 0, 2, INT64_MAX, 1));
    assert_true(netting_add(&netting, 1, 2, INT64_MAX, 1));
    assert_true(netting_add(&netting, 2, 3, INT64_MAX, 1));
    assert_true(netting_positions(&netting, net));
    assert_int_equal(net[2], INT64_MAX);

    netting_init(&netting); /* A debtor of one more than can be turned round. */
    assert_true(netting_add(&netting, 0, 1, INT64_MAX, 1));
    assert_true(netting_add(&netting, 0, 2, 1, 1));
    assert_false(netting_positions(&netting, net));

    netting_init(&netting); /* Counts too. */
    assert_true(netting_add(&netting, 0, 1, 5, UINT64_MAX));
    assert_true(netting_add(&netting, 1, 0, 3, 1));
    assert_true(netting_payments(&netting, NETTING_GROSS, &payments));
    assert_false(netting_payments(&netting, NETTING_BILATERAL, &payments));
    assert_false(netting_payments(&netting, NETTING_MULTILATERAL, &payments));
    assert_false(netting_payments(&netting, NETTING_MULTILATERAL_DIRECT, &payments));

    netting_init(&netting); /* The one value that cannot be turned round. */
    assert_true(netting_add(&netting, 0, 1, INT64_MIN, 1));
    assert_false(netting_positions(&netting, net));
    assert_false(netting_payments(&netting, NETTING_BILATERAL, &payments));
}

static void a_debt_to_oneself_is_found(void **state) /* (N3) */
{
    (void)state;
    example();
    netting.amount[4][4] = 1;
    assert_string_equal(netting_check(&netting), "N3: a province owes itself");
}

static void saved_basis_points(void **state)
{
    (void)state;
    assert_int_equal(netting_saved_bp(1489, 1247), 1625); /* 16.2525 % */
    assert_int_equal(netting_saved_bp(1489, 867), 4177);
    assert_int_equal(netting_saved_bp(100, 100), 0);
    assert_int_equal(netting_saved_bp(100, 0), 10000);
    assert_int_equal(netting_saved_bp(0, 0), 0);
    assert_int_equal(netting_saved_bp(-5, 10), 0);
    assert_int_equal(netting_saved_bp(100, 101), 0);
    assert_int_equal(netting_saved_bp(INT64_MAX, INT64_MAX / 2), 5000);
    assert_int_equal(netting_saved_bp(INT64_MAX, 0), 10000);
    assert_int_equal(netting_saved_bp(30000, 29998), 0); /* Rounded down. */
}

static void mode_names(void **state)
{
    enum netting_mode mode = NETTING_MODE_COUNT;
    (void)state;
    for (int i = 0; i < NETTING_MODE_COUNT; i++) {
        assert_true(netting_mode_parse(netting_mode_name((enum netting_mode)i), &mode));
        assert_int_equal(mode, i);
    }
    assert_false(netting_mode_parse("net", &mode));
    assert_false(netting_mode_parse("", &mode));
    assert_false(netting_mode_parse("Gross", &mode));
    assert_int_equal(mode, NETTING_MODE_COUNT - 1); /* Untouched. */
    assert_string_equal(netting_mode_name(NETTING_MODE_COUNT), "unknown");
}

/* The naive model: a list of obligations, everything worked out again from it. */
struct obligation {
    int payer;
    int payee;
    int64_t amount;
};

#define OBLIGATIONS_MAX 3000

static struct obligation obligations[OBLIGATIONS_MAX];

static int64_t naive_pair(int count, int payer, int payee)
{
    int64_t sum = 0;
    for (int i = 0; i < count; i++) {
        if (obligations[i].payer == payer && obligations[i].payee == payee) {
            sum += obligations[i].amount;
        }
    }
    return sum;
}

/* What the list of payments leaves each province with; the clearing account comes last. */
static void results(int64_t ret_result[PROVINCE_COUNT + 1])
{
    memset(ret_result, 0, (PROVINCE_COUNT + 1) * sizeof *ret_result);
    for (uint32_t i = 0; i < payments.count; i++) {
        const struct payment *payment = &payments.list[i];
        const int payer = payment->payer == CLEARING ? PROVINCE_COUNT : payment->payer;
        const int payee = payment->payee == CLEARING ? PROVINCE_COUNT : payment->payee;
        ret_result[payer] -= payment->amount;
        ret_result[payee] += payment->amount;
    }
}

static void assert_ordered(void)
{
    for (uint32_t i = 1; i < payments.count; i++) {
        const struct payment *a = &payments.list[i - 1];
        const struct payment *b = &payments.list[i];
        assert_true(a->payer < b->payer || (a->payer == b->payer && a->payee < b->payee));
    }
}

static void assert_month(int count) /* (N1) (N2) */
{
    static const uint32_t bounds[NETTING_MODE_COUNT] = {992, 496, 32, 31};
    int64_t naive[PROVINCE_COUNT + 1] = {0};
    int64_t net[PROVINCE_COUNT];
    int64_t result[PROVINCE_COUNT + 1];
    int64_t total[NETTING_MODE_COUNT];
    int64_t sum = 0;

    for (int i = 0; i < count; i++) {
        naive[obligations[i].payer] -= obligations[i].amount;
        naive[obligations[i].payee] += obligations[i].amount;
    }
    assert_true(netting_positions(&netting, net));
    assert_memory_equal(net, naive, sizeof net);
    for (int i = 0; i < PROVINCE_COUNT; i++)
        sum += net[i];
    assert_int_equal(sum, 0);
    for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
        assert_true(netting_payments(&netting, (enum netting_mode)mode, &payments));
        assert_true(payments.count <= bounds[mode]);
        assert_ordered();
        results(result);
        assert_memory_equal(result, naive, sizeof result);
        total[mode] = payments.total;
        for (uint32_t i = 0; i < payments.count; i++) {
            const struct payment *payment = &payments.list[i];
            if (mode != NETTING_GROSS) assert_true(payment->amount > 0);
            if (mode == NETTING_GROSS) {
                assert_int_equal(payment->amount,
                                 naive_pair(count, payment->payer, payment->payee));
            } else if (mode == NETTING_BILATERAL) {
                assert_int_equal(payment->amount,
                                 naive_pair(count, payment->payer, payment->payee) -
                                     naive_pair(count, payment->payee, payment->payer));
            }
        }
    }
    assert_int_equal(total[NETTING_MULTILATERAL], total[NETTING_MULTILATERAL_DIRECT]);
    assert_true(total[NETTING_BILATERAL] >= total[NETTING_MULTILATERAL]);
    assert_null(netting_check(&netting));
}

static void random_months_agree_with_the_model(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct prng prng = {seed};
        /* Each seed draws how many provinces take part, how much, and how often refunds come. */
        const uint64_t provinces = 2 + prng_below(&prng, PROVINCE_COUNT - 1);
        const uint64_t refunds = prng_below(&prng, 600);
        const uint64_t amount_max = prng_chance(&prng, 500) ? 3 : 1 + (prng_u64(&prng) >> 14);
        const int count = (int)prng_below(&prng, prng_chance(&prng, 300) ? 20 : OBLIGATIONS_MAX);
        netting_init(&netting);
        for (int i = 0; i < count; i++) {
            const int payer = (int)prng_below(&prng, provinces);
            const int payee = (payer + 1 + (int)prng_below(&prng, provinces - 1)) % (int)provinces;
            int64_t amount = (int64_t)prng_below(&prng, amount_max);
            if (prng_chance(&prng, refunds)) amount = -amount;
            obligations[i] = (struct obligation){payer, payee, amount};
            assert_true(netting_add(&netting, (uint8_t)payer, (uint8_t)payee, amount, 1));
        }
        assert_month(count);
    }
}

/* Partial sums of shards may be added in any order. */
static void order_does_not_matter(void **state)
{
    static struct netting forward;
    struct prng prng = {99};
    (void)state;
    for (int i = 0; i < OBLIGATIONS_MAX; i++) {
        const int payer = (int)prng_below(&prng, PROVINCE_COUNT);
        obligations[i] = (struct obligation){
            payer, (payer + 1 + (int)prng_below(&prng, PROVINCE_COUNT - 1)) % PROVINCE_COUNT,
            (int64_t)prng_below(&prng, 1000000) - 200000};
    }
    netting_init(&forward);
    netting_init(&netting);
    for (int i = 0; i < OBLIGATIONS_MAX; i++) {
        const struct obligation *a = &obligations[i];
        const struct obligation *b = &obligations[OBLIGATIONS_MAX - 1 - i];
        assert_true(netting_add(&forward, (uint8_t)a->payer, (uint8_t)a->payee, a->amount, 1));
        assert_true(netting_add(&netting, (uint8_t)b->payer, (uint8_t)b->payee, b->amount, 1));
    }
    assert_memory_equal(&forward, &netting, sizeof netting);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_gross),
        cmocka_unit_test(example_bilateral),
        cmocka_unit_test(example_multilateral),
        cmocka_unit_test(example_multilateral_direct),
        cmocka_unit_test(example_holds_the_laws),
        cmocka_unit_test(nothing_owed_is_nothing_paid),
        cmocka_unit_test(pairs_that_cancel_are_listed_only_in_gross),
        cmocka_unit_test(negative_pairs),
        cmocka_unit_test(equal_sizes_go_by_province_order),
        cmocka_unit_test(a_refused_addition_changes_nothing),
        cmocka_unit_test(results_that_do_not_fit_are_refused),
        cmocka_unit_test(a_debt_to_oneself_is_found),
        cmocka_unit_test(saved_basis_points),
        cmocka_unit_test(mode_names),
        cmocka_unit_test(random_months_agree_with_the_model),
        cmocka_unit_test(order_does_not_matter),
    };
    return cmocka_run_group_tests_name("netting", tests, NULL, NULL);
}
