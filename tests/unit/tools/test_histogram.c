#include <math.h>
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

static void a_value_is_never_flattered_and_off_by_less_than_a_thousandth(void **state)
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
        assert_true(said - least <= least / 1000);
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
        assert_true(said - want <= want / 1000);
    }
}

/* Reads the text again: lines of four columns, but for the last, between a head and a foot. */
static void expect_hgrm(const char *text, uint64_t total)
{
    double value;
    double share;
    unsigned long long count;
    double inverse;
    double value_before = 0;
    double share_before = -1;
    int lines = 0;
    assert_non_null(strstr(text, "Value     Percentile TotalCount 1/(1-Percentile)"));
    const char *line = strstr(text, "\n\n") + 2;
    while (sscanf(line, "%lf %lf %llu %lf\n", &value, &share, &count, &inverse) == 4 &&
           *line != '#') {
        /* The value is the quantile of that share, by the histogram's own account. */
        const uint64_t quantile = histogram_quantile(&histogram, (uint32_t)(share * 1e6));
        assert_true(value * 1000 >= (double)quantile * 0.9999);
        assert_true(value >= value_before && share > share_before && count <= total);
        assert_true(fabs(inverse - 1 / (1 - share)) < 0.01 + inverse / 1000);
        value_before = value;
        share_before = share;
        lines++;
        line = strchr(line, '\n') + 1;
        if (share >= 1) break;
    }
    assert_true(lines >= 5);
    assert_int_equal(sscanf(line, "%lf %lf %llu", &value, &share, &count), 3);
    assert_true(share == 1 && count == total);
    assert_true(fabs(value * 1000 - (double)histogram.max) < 1);
}

static void the_text_for_plotters_says_the_same(void **state)
{
    (void)state;
    struct prng prng = {9};
    for (int i = 0; i < 100000; i++)
        histogram_add(&histogram, 100000 + prng_below(&prng, 1u << (8 + i % 14)), 1);

    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_true(histogram_write_hgrm(&histogram, 1000, out));
    fclose(out);
    expect_hgrm(text, 100000);

    double mean;
    double deviation;
    const char *foot = strstr(text, "#[Mean");
    assert_non_null(foot);
    assert_int_equal(sscanf(foot, "#[Mean = %lf, StdDeviation = %lf]", &mean, &deviation), 2);
    assert_true(mean > 100 && mean < 1000 && deviation > 0);
    assert_non_null(strstr(foot, "Total count    =       100000]"));
    free(text);
}

static void the_text_of_an_empty_one_has_no_lines(void **state)
{
    (void)state;
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    assert_true(histogram_write_hgrm(&histogram, 1, out));
    fclose(out);
    assert_non_null(strstr(text, "1/(1-Percentile)\n\n#[Mean    =        0.000"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_empty_one_says_nothing, empty),
        cmocka_unit_test_setup(small_values_are_exact, empty),
        cmocka_unit_test_setup(a_value_is_never_flattered_and_off_by_less_than_a_thousandth, empty),
        cmocka_unit_test_setup(what_is_too_large_is_kept_as_the_maximum, empty),
        cmocka_unit_test_setup(quantiles_agree_with_a_sorted_list, empty),
        cmocka_unit_test_setup(the_text_for_plotters_says_the_same, empty),
        cmocka_unit_test_setup(the_text_of_an_empty_one_has_no_lines, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
