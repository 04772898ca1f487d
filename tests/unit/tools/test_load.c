/* Thresholds of `qingfen load`: what they mean, and what is said of one that means nothing. */
#include <string.h>

#include "tests/lib/unit.h"
#include "tools/qingfen/load_threshold.h"

#define US UINT64_C(1000)
#define MS (1000 * US)

static struct load_result result = {
    .settlements_per_s = 400000,
    .errors = 2,
    .latency_ns = {[LOAD_P50] = 1 * MS,
                   [LOAD_P90] = 2 * MS,
                   [LOAD_P99] = 5 * MS,
                   [LOAD_P999] = 9 * MS,
                   [LOAD_P9999] = 20 * MS,
                   [LOAD_MAX] = 1500 * MS},
};

static bool holds(const char *text)
{
    struct threshold threshold;
    char why[THRESHOLD_WHY_SIZE] = "";
    if (!threshold_parse(text, &threshold, why)) fail_msg("%s: %s", text, why);
    return threshold_holds(&threshold, &result);
}

static void each_operator_on_both_sides_of_its_limit(void **state)
{
    (void)state;
    assert_false(holds("p99<5ms"));
    assert_true(holds("p99<5.001ms"));
    assert_true(holds("p99<=5ms"));
    assert_false(holds("p99<=4.999ms"));
    assert_false(holds("p99>5ms"));
    assert_true(holds("p99>4.999ms"));
    assert_true(holds("p99>=5ms"));
    assert_false(holds("p99>=5.001ms"));
}

static void each_quantity(void **state)
{
    (void)state;
    assert_true(holds("p50>=1ms") && holds("p50<=1ms"));
    assert_true(holds("p90>=2ms") && holds("p90<=2ms"));
    assert_true(holds("p99>=5ms") && holds("p99<=5ms"));
    assert_true(holds("p999>=9ms") && holds("p999<=9ms"));
    assert_true(holds("p9999>=20ms") && holds("p9999<=20ms"));
    assert_true(holds("max>=1.5s") && holds("max<=1.5s"));
    assert_true(holds("settlements_per_s>=400000") && holds("settlements_per_s<=400000"));
    assert_true(holds("errors>=2") && holds("errors<3") && holds("errors<2.5"));
    assert_false(holds("errors<2"));
}

static void each_unit(void **state)
{
    (void)state;
    assert_true(holds("p50<=1000us") && holds("p50>=1000us"));
    assert_true(holds("p50<=1000") && holds("p50>=1000"));
    assert_true(holds("p50<=0.001s") && holds("p50>=0.001s"));
    assert_true(holds(" p50 <= 1 ms ") && holds("p50\t>=\t1ms"));
    assert_true(holds("p50<1000.001us"));
}

static void expect_refused(const char *text, const char *says)
{
    struct threshold threshold;
    char why[THRESHOLD_WHY_SIZE] = "";
    assert_false(threshold_parse(text, &threshold, why));
    if (strstr(why, says) == NULL) fail_msg("'%s': '%s' does not say '%s'", text, why, says);
}

static void what_means_nothing_is_named(void **state)
{
    (void)state;
    expect_refused("", "'' is none of p50");
    expect_refused("p98<5ms", "'p98' is none of p50");
    expect_refused("<5ms", "'<5ms' is none of p50");
    expect_refused("p99", "behind 'p99' there must be");
    expect_refused("p99=5ms", "behind 'p99' there must be");
    expect_refused("p99==5ms", "behind 'p99' there must be");
    expect_refused("p99!5ms", "behind 'p99' there must be");
    expect_refused("p99<", "the number is missing");
    expect_refused("p99<ms", "the number is missing before ms");
    expect_refused("p99<-5ms", "the number is missing before -5ms");
    expect_refused("p99<5min", "'min' is no unit");
    expect_refused("p99<5ms 6", "'ms 6' is no unit");
    expect_refused("p99<5msec", "'msec' is no unit");
    expect_refused("errors<5ms", "errors has no unit, 'ms' is too much");
    expect_refused("settlements_per_s>1k", "settlements_per_s has no unit, 'k' is too much");
    expect_refused("p99<99999999999999999999ms", "too large");
    expect_refused("p99<18446744073709551ms", "too large");
}

static void what_was_found_is_told(void **state)
{
    (void)state;
    struct threshold threshold;
    char text[THRESHOLD_WHY_SIZE];
    assert_true(threshold_parse("max<1s", &threshold, text));
    threshold_found(&threshold, &result, text);
    assert_string_equal(text, "max was 1500.000 ms");
    assert_true(threshold_parse("errors<1", &threshold, text));
    threshold_found(&threshold, &result, text);
    assert_string_equal(text, "errors was 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_operator_on_both_sides_of_its_limit),
        cmocka_unit_test(each_quantity),
        cmocka_unit_test(each_unit),
        cmocka_unit_test(what_means_nothing_is_named),
        cmocka_unit_test(what_was_found_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
