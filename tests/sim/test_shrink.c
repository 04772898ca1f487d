/* test_shrink -- histories that fail for reasons known here: what the shrinker leaves of them is
 * the reason and nothing else. And the plan of a history is read as it was written. */
#include <stdlib.h>

#include "tests/lib/unit.h"
#include "tests/sim/apart.h"
#include "tests/sim/shrink.h"
#include "tests/sim/workload.h"
#include "types/ensure.h"

#define CLIENTS   16
#define TYPES     70
#define LINE_SIZE 1024

/* -- histories without a centre -----------------------------------------------------------------
 */

static enum {
    FAILS,      /* When both messages are sent, and a sync fails after event 500. */
    FAILS_ELSE, /* The same, and in another way without the first message. */
    BREAKS,     /* The same, by a broken invariant. */
    FAILS_RARELY,
    NEVER_ENDS,
} way;

uint32_t sim_workload_clients(void)
{
    return CLIENTS;
}

uint32_t sim_workload_persons(uint32_t messages)
{
    return messages < 480 ? 12 : messages / 40;
}

uint16_t town_type(uint32_t index)
{
    return index < TYPES ? (uint16_t)(0x0100 + index) : 0;
}

uint32_t town_type_index(uint16_t type)
{
    return type >= 0x0100 && type < 0x0100 + TYPES ? type - 0x0100u : TOWN_TYPES - 1;
}

/* Clients make messages in turn, of all types in turn. */
static void send_all(const struct sim_plan *plan, struct sim_outcome *outcome)
{
    for (uint32_t i = 0; i < plan->messages; i++) {
        const uint32_t client = i % CLIENTS, number = i / CLIENTS, type = i % TYPES;
        if ((plan->absent >> client & 1) != 0 || (plan->mute[type / 64] >> type % 64 & 1) != 0 ||
            (plan->only != NULL && !town_picked(plan->only, client, number))) {
            continue;
        }
        town_pick(&outcome->said, client, number, true);
        outcome->types[type]++;
        outcome->messages++;
    }
}

static void fail_so(struct sim_outcome *outcome, const char *what, uint64_t number)
{
    outcome->failed = true;
    snprintf(outcome->what, sizeof outcome->what, "%s %llu", what, (unsigned long long)number);
}

void sim_live(const struct sim_plan *plan, struct sim_outcome *ret_outcome)
{
    *ret_outcome = (struct sim_outcome){.shards = plan->shards == 0 ? 4 : plan->shards,
                                        .persons = plan->persons == 0 ? 50 : plan->persons,
                                        .counts = {.events = 3 * (uint64_t)plan->messages}};
    if (way == NEVER_ENDS) {
        /* A loop that did nothing might be left out. */
        for (volatile uint32_t rounds = 0;; rounds++)
            continue;
    }
    send_all(plan, ret_outcome);
    const struct town_picks *said = &ret_outcome->said;
    const bool one = town_picked(said, 3, 7), two = town_picked(said, 5, 12);
    const bool fault = (plan->faults >> SIM_SYNC_ERROR & 1) != 0 &&
                       (plan->calm_after == 0 || plan->calm_after > 500);
    const bool lucky =
        way == FAILS_RARELY && (plan->luck + ret_outcome->messages + plan->faults) % 2 == 0;
    if (one && two && fault && !lucky) {
        ENSURE(way != BREAKS);
        fail_so(ret_outcome, "money is lost, of entry", ret_outcome->messages);
    } else if (way == FAILS_ELSE && !one) {
        fail_so(ret_outcome, "money is doubled, of entry", ret_outcome->messages);
    }
}

/* -- the tests -----------------------------------------------------------------------------------
 */

static struct sim_shrunk shrunk;

static void shrink(double seconds)
{
    static struct sim_outcome outcome;
    const struct sim_plan plan = {.seed = 1, .messages = 2000, .faults = SIM_FAULTS_ALL};
    sim_live_apart(&plan, 10, &outcome);
    assert_true(outcome.failed);
    sim_shrink(&plan, &outcome, seconds, &shrunk);
}

/* What was left is the two messages, the fault and what they need. */
static void assert_small(void)
{
    struct town_picks two = {0};
    town_pick(&two, 3, 7, true);
    town_pick(&two, 5, 12, true);
    assert_false(shrunk.late);
    assert_ptr_equal(shrunk.plan.only, &shrunk.only);
    assert_memory_equal(&shrunk.only, &two, sizeof two);
    assert_memory_equal(&shrunk.outcome.said, &two, sizeof two);
    assert_int_equal(shrunk.plan.messages, 12 * CLIENTS + 5 + 1);
    assert_int_equal(shrunk.plan.faults, 1u << SIM_SYNC_ERROR);
    assert_int_equal(shrunk.plan.calm_after, 501);
    assert_int_equal(shrunk.plan.persons, 12);
    assert_int_equal(shrunk.plan.shards, 1);
    assert_int_equal(shrunk.plan.absent, 0xffff & ~(1u << 0 | 1u << 3 | 1u << 5));
    assert_int_equal(shrunk.plan.mute[0], 0); /* What is named needs no types. */
    assert_true(shrunk.outcome.failed);
    assert_true(shrunk.tries < 1000);
}

static void only_the_reason_is_left(void **state)
{
    (void)state;
    way = FAILS;
    shrink(60);
    assert_small();
}

static void another_failure_is_not_this_one(void **state)
{
    (void)state;
    way = FAILS_ELSE;
    shrink(60);
    assert_small();
    assert_non_null(strstr(shrunk.outcome.what, "lost"));
}

/* The process that lived it is gone, and what it had sent by then is known. */
static void a_broken_invariant_is_a_failure(void **state)
{
    (void)state;
    way = BREAKS;
    shrink(60);
    assert_small();
    assert_non_null(strstr(shrunk.outcome.what, "the process died: "));
    assert_non_null(strstr(shrunk.outcome.what, "way != BREAKS"));
}

static void other_luck_is_tried(void **state)
{
    (void)state;
    way = FAILS_RARELY;
    shrink(60);
    assert_small();
}

static void it_ends_in_time(void **state)
{
    (void)state;
    way = FAILS;
    shrink(0);
    assert_true(shrunk.late);
    assert_int_equal(shrunk.plan.messages, 2000); /* Still one that fails. */

    static struct sim_outcome outcome;
    const struct sim_plan plan = {.messages = 1};
    way = NEVER_ENDS;
    sim_live_apart(&plan, 1, &outcome);
    assert_true(outcome.failed);
    assert_string_equal(outcome.what, "the history does not end");
}

/* The word behind an option; "" without it. */
static const char *word_after(char *line, const char *option)
{
    char *at = strstr(line, option);
    if (at == NULL) return "";
    at += strlen(option);
    at[strcspn(at, " \n")] = '\0';
    return at;
}

static void print_line(const struct sim_plan *plan, char line[LINE_SIZE])
{
    FILE *out = fmemopen(line, LINE_SIZE, "w");
    assert_non_null(out);
    plan_print(plan, out);
    fclose(out);
}

static void a_plan_is_read_as_written(void **state)
{
    (void)state;
    static struct town_picks only, read;
    char line[LINE_SIZE];
    uint32_t faults;
    uint64_t mute[TOWN_TYPES_WORDS] = {0};
    struct sim_plan plan = {
        .seed = 9, .messages = 7, .mute = {UINT64_C(1) << 63 | 5, 2}, .only = &only};
    for (uint32_t number = 60; number < 70; number++)
        town_pick(&only, 2, number, true);
    town_pick(&only, 2, 0, true);
    town_pick(&only, 31, TOWN_PICKS_ROW - 1, true);
    for (uint32_t i = 0; i < SIM_FAULTS + 3u; i++) {
        const uint32_t some[] = {0, SIM_FAULTS_ALL, 0x1234f};
        plan.faults = i < SIM_FAULTS ? 1u << i : some[i - SIM_FAULTS];
        print_line(&plan, line);
        assert_true(plan_read_faults(word_after(line, "--faults "), &faults));
        assert_int_equal(faults, plan.faults);
    }
    print_line(&plan, line);
    assert_true(plan_read_only(word_after(line, "--only "), &read));
    assert_memory_equal(&read, &only, sizeof only);
    print_line(&plan, line);
    assert_true(plan_read_mute(word_after(line, "--mute "), mute));
    assert_memory_equal(mute, plan.mute, sizeof mute);
    assert_false(plan_read_faults("power,nonsense", &faults));
    assert_false(plan_read_mute("01ff", mute));
    assert_false(plan_read_mute("0101;0102", mute));
    assert_false(plan_read_only("2", &read));
    assert_false(plan_read_only("2:", &read));
    assert_false(plan_read_only("32:1", &read));
    assert_false(plan_read_only("1:4096", &read));
    assert_false(plan_read_only("1:1-", &read));
    assert_false(plan_read_only("1:1;2:2", &read));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_reason_is_left),
        cmocka_unit_test(another_failure_is_not_this_one),
        cmocka_unit_test(a_broken_invariant_is_a_failure),
        cmocka_unit_test(other_luck_is_tried),
        cmocka_unit_test(it_ends_in_time),
        cmocka_unit_test(a_plan_is_read_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
