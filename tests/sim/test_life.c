/* test_life -- a history comes to its end, or is said to have none. */
#include "tests/lib/unit.h"
#include "tests/sim/life.h"

#define BIT(fault)  (UINT32_C(1) << (fault))
#define CLOCK_JUMPS (BIT(SIM_FORWARD) | BIT(SIM_BACK))
#define CONNECTIONS (BIT(SIM_CUT) | BIT(SIM_STALL) | BIT(SIM_SPLIT))

static struct sim_outcome outcome;

/* Some questions need hundreds of old records, and a disk may fail each of them: they are refused,
 * the client asks again. The disk gives up before they do, and what was met on the way is judged as
 * ever. */
static void read_errors_come_to_an_end(void **state)
{
    (void)state;
    static const uint32_t bad_disks[] = {900019, 900023, 900057};
    uint64_t at_starts = 0, at_records = 0;
    for (size_t i = 0; i < sizeof bad_disks / sizeof bad_disks[0]; i++) {
        const struct sim_plan plan = {.seed = bad_disks[i],
                                      .messages = 1500,
                                      .faults =
                                          BIT(SIM_READ_ERROR) | BIT(SIM_POWER) | BIT(SIM_KILL)};
        sim_live(&plan, &outcome);
        if (outcome.failed) fail_msg("seed %u: %s", bad_disks[i], outcome.what);
        assert_true(outcome.messages >= plan.messages);
        at_records += outcome.counts.records_unread;
        at_starts += outcome.counts.read_errors - outcome.counts.records_unread;
    }
    assert_true(at_starts > 20);
    assert_true(at_records > 20);
}

/* Histories in which all was well, and a check said otherwise; as the shrinker left them. */
static void nothing_is_called_wrong_that_is_right(void **state)
{
    (void)state;
    const struct sim_plan plans[] = {
        /* A manual clock is set, what falls due on the way is durable, and the power goes before
         * the clock's own entry is: shard 0 stands at a time that nobody set, and decides there. */
        {.seed = 900222,
         .messages = 1105,
         .faults = BIT(SIM_POWER) | BIT(SIM_SPLIT) | BIT(SIM_SYNC_ERROR) | CLOCK_JUMPS,
         .luck = 174,
         .persons = 50,
         .absent = 0x1800},
        /* The centre sends the same correction about one person for two provinces. */
        {.seed = 1400316,
         .messages = 1494,
         .faults = CONNECTIONS | BIT(SIM_SLOW_DISK) | BIT(SIM_READ_ERROR) | BIT(SIM_WRITE_ERROR) |
                   BIT(SIM_FORWARD),
         .persons = 50},
        /* A calendar tells the time, and then the system's clock goes back. */
        {.seed = 1400599, .messages = 1689, .faults = SIM_FAULTS_ALL, .persons = 50},
        /* The centre sends a change once more at the very time of the first, for the clock stands;
         * it jumps ahead before the desk decides anything else. */
        {.seed = 1700137, .messages = 2000, .faults = SIM_FAULTS_ALL},
    };
    for (size_t i = 0; i < sizeof plans / sizeof plans[0]; i++) {
        sim_live(&plans[i], &outcome);
        if (outcome.failed) fail_msg("seed %u: %s", (unsigned)plans[i].seed, outcome.what);
    }
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
        cmocka_unit_test(nothing_is_called_wrong_that_is_right),
        cmocka_unit_test(a_history_without_end_is_named),
    };
    return cmocka_run_group_tests_name("sim/life", tests, NULL, NULL);
}
