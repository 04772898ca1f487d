#include <stdlib.h>
#include <string.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tools/client/histogram.h"

#define MEDIAN 500000

static struct histogram histogram;

static int empty(void **state)
{
    (void)state;
    memset(&histogram, 0, sizeof(histogram));
    return 0;
}

static void an_empty_one_says_nothing(void **state)
{
    (void)state;
    assert_int_equal(histogram_quantile(&histogram, MEDIAN), 0);
}

static void small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t v = 1; v <= 100; v++) {
        histogram_add(&histogram, v, 1);
    }
    assert_int_equal(histogram_quantile(&histogram, MEDIAN), 50);
    assert_int_equal(histogram_quantile(&histogram, 990000), 99);
    assert_int_equal(histogram_quantile(&histogram, 1000000), 100);
    assert_int_equal(histogram_quantile(&histogram, 0), 1);
}

static void a_value_is_never_flattered_and_off_by_less_than_a_hundredth(void **state)
{
    (void)state;
    struct prng prng = {7};
    for (int i = 0; i < 20000; i++) {
        const uint64_t value = prng_u64(&prng) >> (24 + prng_below(&prng, 40));
        memset(&histogram, 0, sizeof(histogram));
        histogram_add(&histogram, value, 1);
        histogram_add(&histogram, UINT64_C(1) << 39, 1); /* So that the maximum does not help. */
        const uint64_t said = histogram_quantile(&histogram, MEDIAN);
        const uint64_t least = value < UINT64_C(1) << 39 ? value : UINT64_C(1) << 39;
        assert_true(said >= least);
        assert_true(said - least <= least / 100);
    }
}

static void what_is_too_large_is_kept_as_the_maximum(void **state)
{
    (void)state;
    histogram_add(&histogram, UINT64_MAX, 3);
    assert_int_equal(histogram.total, 3);
    assert_int_equal(histogram.max, UINT64_MAX);
    assert_int_equal(histogram_quantile(&histogram, MEDIAN), (UINT64_C(1) << 40) - 1);
}

static int ascending(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles_agree_with_a_sorted_list(void **state)
{
    (void)state;
    static uint64_t values[10000];
    struct histogram *other = calloc(1, sizeof(*other));
    struct prng prng = {42};
    for (int i = 0; i < 10000; i++) {
        values[i] = 1000 + prng_below(&prng, 1u << (10 + i % 16));
        histogram_add(i % 2 ? &histogram : other, values[i], 1);
    }
    histogram_merge(&histogram, other);
    free(other);
    qsort(values, 10000, sizeof(values[0]), ascending);
    const uint32_t asked[] = {1000, 100000, 500000, 900000, 990000, 999000, 999900};
    for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
        const uint64_t want = values[(uint64_t)asked[i] * 10000 / 1000000 - 1];
        const uint64_t said = histogram_quantile(&histogram, asked[i]);
        assert_true(said >= want);
        assert_true(said - want <= want / 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_says_nothing, empty),
        cmocka_unit_test_setup(small_values_are_exact, empty),
        cmocka_unit_test_setup(a_value_is_never_flattered_and_off_by_less_than_a_hundredth, empty),
        cmocka_unit_test_setup(what_is_too_large_is_kept_as_the_maximum, empty),
        cmocka_unit_test_setup(quantiles_agree_with_a_sorted_list, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
