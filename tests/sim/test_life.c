/* test_life -- a history comes to its end, or is said to have none. */
#include "tests/lib/unit.h"
#include "tests/sim/life.h"

#define READ_ERRORS (UINT32_C(1) << SIM_READ_ERROR)
#define HALF_WAY                                                                           \
    (UINT32_C(1) << SIM_POWER | UINT32_C(1) << SIM_SPLIT | UINT32_C(1) << SIM_SYNC_ERROR | \
     UINT32_C(1) << SIM_FORWARD | UINT32_C(1) << SIM_BACK)

static struct sim_outcome outcome;

/* Some questions need hundreds of old records, and a disk may fail each of them: the engine stops,
 * the client asks again. The disk gives up before they do, and what was met on the way is judged as
 * ever. */
static void read_errors_come_to_an_end(void **state)
{
    (void)state;
    static const uint32_t bad_disks[] = {900019, 900023, 900057};
    uint64_t at_starts = 0, at_records = 0;
    for (size_t i = 0; i < sizeof bad_disks / sizeof bad_disks[0]; i++) {
        const struct sim_plan plan = {
            .seed = bad_disks[i], .messages = 1500, .faults = READ_ERRORS};
        sim_live(&plan, &outcome);
        if (outcome.failed) fail_msg("seed %u: %s", bad_disks[i], outcome.what);
        assert_true(outcome.messages >= plan.messages);
        at_records += outcome.counts.records_unread;
        at_starts += outcome.counts.read_errors - outcome.counts.records_unread;
    }
    assert_true(at_starts > 20);
    assert_true(at_records > 20);
}

/* A manual clock is set, what falls due on the way is durable, and the power goes before the
 * clock's own entry is: so shard 0 stands at a time that nobody set, and decides there. What the
 * shrinker left of seed 900222. */
static void a_clock_that_was_set_half_way(void **state)
{
    (void)state;
    const struct sim_plan plan = {
        .seed = 900222,
        .messages = 1105,
        .faults = HALF_WAY,
        .luck = 174,
        .persons = 50,
        .absent = 0x1800,
    };
    sim_live(&plan, &outcome);
    if (outcome.failed) fail_msg("%s", outcome.what);
}

static void a_history_without_end_is_named(void **state)
{
    (void)state;
    const struct sim_plan plan = {.seed = 1, .messages = 1500, .events_max = 900};
    sim_live(&plan, &outcome);
    assert_true(outcome.failed);
    if (strstr(outcome.what, "does not end: after 900 events ") == NULL ||
        strstr(outcome.what, ", sent ") == NULL) {
        fail_msg("it said '%s'", outcome.what);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(read_errors_come_to_an_end),
        cmocka_unit_test(a_clock_that_was_set_half_way),
        cmocka_unit_test(a_history_without_end_is_named),
    };
    return cmocka_run_group_tests_name("sim/life", tests, NULL, NULL);
}
