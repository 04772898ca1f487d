/* The account of a stage: nothing is lost between its buckets, and 1 ms and 5 ms are what they say.
 */
#include "tests/lib/unit.h"
#include "types/stage.h"

#define US UINT64_C(1000)
#define MS (1000 * US)

static void a_time_is_in_the_bucket_that_holds_it(void **state)
{
    (void)state;
    const struct {
        uint64_t ns;
        unsigned bucket;
    } cases[] = {
        {0, 0},          {US - 1, 0},           {US, 1},
        {2 * US - 1, 1}, {2 * US, 2},           {4 * US - 1, 2},
        {4 * US, 3},     {1024 * US, 11},       {(1u << 20) * US - 1, 20},
        {1000 * MS, 20}, {(1u << 20) * US, 21}, {UINT64_MAX, STAGE_BUCKETS - 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct stage_timing timing = {0};
        stage_add(&timing, cases[i].ns, 0);
        for (unsigned bucket = 0; bucket < STAGE_BUCKETS; bucket++)
            assert_int_equal(timing.histogram[bucket], bucket == cases[i].bucket);
    }
}

static void sums_and_limits(void **state)
{
    (void)state;
    struct stage_timing timing = {0};
    stage_add(&timing, MS - 1, 400 * US); /* Too short for its processor time to count. */
    assert_int_equal(timing.above_1ms, 0);
    assert_int_equal(timing.max_cpu_ns, 0);
    stage_add(&timing, MS, 300 * US);
    assert_int_equal(timing.above_1ms, 1);
    stage_add(&timing, 5 * MS - 1, 200 * US);
    assert_int_equal(timing.above_5ms, 0);
    stage_add(&timing, 5 * MS, 100 * US);
    assert_int_equal(timing.above_1ms, 3);
    assert_int_equal(timing.above_5ms, 1);
    assert_int_equal(timing.count, 4);
    assert_int_equal(timing.total_ns, 12 * MS - 2);
    assert_int_equal(timing.max_ns, 5 * MS);
    assert_int_equal(timing.max_cpu_ns, 300 * US);
}

static void no_more_processor_time_than_time(void **state)
{
    (void)state;
    struct stage_timing timing = {0};
    stage_add(&timing, 2 * MS, 9 * MS);
    assert_int_equal(timing.max_cpu_ns, 2 * MS);
}

static void every_stage_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int i = 0; i < STAGE_COUNT; i++) {
        for (int j = 0; j < i; j++)
            assert_string_not_equal(stage_name((enum stage)i), stage_name((enum stage)j));
    }
    assert_string_equal(stage_name(STAGE_WAIT), "wait");
    assert_string_equal(stage_name(STAGE_PREPARE), "prepare");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_time_is_in_the_bucket_that_holds_it),
        cmocka_unit_test(sums_and_limits),
        cmocka_unit_test(no_more_processor_time_than_time),
        cmocka_unit_test(every_stage_has_a_name_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
