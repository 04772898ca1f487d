#include "tests/sim/shrink.h"

#include <ctype.h>
#include <string.h>
#include <sys/resource.h>

#include "tests/sim/apart.h"
#include "tests/sim/workload.h"

#define TRY_SECONDS_MAX 60 /* Of processor time. */
#define THINGS_MAX      20000
#define MORE_LUCK       3

struct shrinking {
    struct sim_shrunk *best;
    double until;         /* Of processor time, in seconds. */
    uint32_t try_seconds; /* Of processor time, for one history. */
    bool went;            /* Something could go, in this round. */
    char way[FINDING_SIZE];
};

/* Processor time of the histories that were lived apart. */
static double now(void)
{
    struct rusage used;
    (void)getrusage(RUSAGE_CHILDREN, &used);
    return (double)used.ru_utime.tv_sec + (double)used.ru_stime.tv_sec +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* -- one try ---------------------------------------------------------------------------------- */

/* The sentence without the words that have figures in them: numbers, ids, amounts, places. */
static void way_of(const char *what, char ret_way[FINDING_SIZE])
{
    size_t used = 0;
    while (*what != '\0' && used + 1 < FINDING_SIZE) {
        const size_t word = strcspn(what, " ");
        const size_t size = word + strspn(what + word, " ");
        const size_t figures = strcspn(what, "0123456789");
        if (figures >= word && used + size < FINDING_SIZE) {
            memcpy(ret_way + used, what, size);
            used += size;
        }
        what += size;
    }
    ret_way[used] = '\0';
}

static bool time_is_up(struct shrinking *s)
{
    if (now() >= s->until) s->best->late = true;
    return s->best->late;
}

/* Keeps the plan when it fails in the same way. */
static bool fails_once(struct shrinking *s, const struct sim_plan *plan)
{
    static struct sim_outcome outcome;
    char way[FINDING_SIZE];
    if (time_is_up(s)) return false;
    s->best->tries++;
    sim_live_apart(plan, s->try_seconds, &outcome);
    if (!outcome.failed) return false;
    way_of(outcome.what, way);
    if (strcmp(way, s->way) != 0) return false;
    if (plan->only != NULL) s->best->only = *plan->only;
    s->best->plan = *plan;
    s->best->plan.only = plan->only == NULL ? NULL : &s->best->only;
    s->best->outcome = outcome;
    s->went = true;
    return true;
}

/* The same with other luck, if it has to be. */
static bool still_fails(struct shrinking *s, const struct sim_plan *plan)
{
    if (fails_once(s, plan)) return true;
    for (uint32_t i = 0; i < MORE_LUCK && plan->faults != 0; i++) {
        struct sim_plan other = *plan;
        other.luck = s->best->tries; /* Never the same. */
        if (fails_once(s, &other)) return true;
    }
    return false;
}

/* -- things that can be left out ----------------------------------------------------------------
 */

/* Takes one thing, by its number, out of a plan; `only` is the plan's own. */
typedef void leave_out(struct sim_plan *plan, struct town_picks *only, uint32_t thing);

static void leave_fault(struct sim_plan *plan, struct town_picks *only, uint32_t thing)
{
    (void)only;
    plan->faults &= ~(UINT32_C(1) << thing);
}

static void leave_client(struct sim_plan *plan, struct town_picks *only, uint32_t thing)
{
    (void)only;
    plan->absent |= UINT32_C(1) << thing;
}

static void leave_type(struct sim_plan *plan, struct town_picks *only, uint32_t thing)
{
    (void)only;
    plan->mute[thing / 64] |= UINT64_C(1) << thing % 64;
}

static void leave_message(struct sim_plan *plan, struct town_picks *only, uint32_t thing)
{
    town_pick(only, thing / TOWN_PICKS_ROW, thing % TOWN_PICKS_ROW, false);
    plan->only = only;
}

/* Leaves out what can be left out of so many things: all, halves, …, single ones. The last ones
 * first, for what was done late needs what was done early. */
static void leave(struct shrinking *s, uint32_t *things, uint32_t count, leave_out *take)
{
    static struct town_picks only;
    for (uint32_t piece = count; piece != 0; piece = piece == 1 ? 0 : (piece + 1) / 2) {
        for (uint32_t end = count; end != 0 && !time_is_up(s);) {
            const uint32_t first = end > piece ? end - piece : 0;
            struct sim_plan plan = s->best->plan;
            only = s->best->only;
            if (plan.only != NULL) plan.only = &only;
            for (uint32_t i = first; i < end; i++)
                take(&plan, &only, things[i]);
            if (still_fails(s, &plan)) {
                memmove(things + first, things + end, (count - end) * sizeof *things);
                count -= end - first;
            }
            end = first;
        }
        if (piece > count) piece = count;
    }
}

static void fewer_faults(struct shrinking *s)
{
    uint32_t things[SIM_FAULTS], count = 0;
    for (uint32_t i = 0; i < SIM_FAULTS; i++) {
        if ((s->best->plan.faults >> i & 1) != 0) things[count++] = i;
    }
    leave(s, things, count, leave_fault);
}

/* The operator, 0, is never absent. */
static void fewer_clients(struct shrinking *s)
{
    uint32_t things[TOWN_CLIENTS_MAX], count = 0;
    for (uint32_t i = 1; i < sim_workload_clients(); i++) {
        if ((s->best->plan.absent >> i & 1) == 0) things[count++] = i;
    }
    leave(s, things, count, leave_client);
}

/* Only types that were sent, if that is known: of the others there is nothing to leave out. */
static void fewer_types(struct shrinking *s)
{
    uint32_t things[TOWN_TYPES], count = 0;
    const struct sim_outcome *outcome = &s->best->outcome;
    if (s->best->plan.only != NULL) return; /* Single messages are named by then. */
    for (uint32_t i = 0; town_type(i) != 0; i++) {
        if (town_type(i) == MESSAGE_HELLO) continue;
        if (outcome->types[i] != 0 || outcome->messages == 0) things[count++] = i;
    }
    leave(s, things, count, leave_type);
}

/* Messages that were sent, one by one. From here on the plan names them, instead of types. */
static void single_messages(struct shrinking *s)
{
    static uint32_t things[THINGS_MAX];
    const struct town_picks said = s->best->outcome.said;
    struct sim_plan plan = s->best->plan;
    uint32_t count = 0;
    for (uint32_t i = 0; i < TOWN_CLIENTS_MAX * TOWN_PICKS_ROW && count < THINGS_MAX; i++) {
        if (town_picked(&said, i / TOWN_PICKS_ROW, i % TOWN_PICKS_ROW)) things[count++] = i;
    }
    if (plan.only == NULL) {
        const bool went = s->went;
        memset(plan.mute, 0, sizeof plan.mute);
        plan.only = &said;
        if (!fails_once(s, &plan)) return; /* Some are too late to be named. */
        s->went = went;                    /* It is the same history. */
    }
    leave(s, things, count, leave_message);
}

/* -- numbers that can be lower -------------------------------------------------------------------
 */

static void set_messages(struct sim_plan *plan, uint64_t value)
{
    plan->messages = (uint32_t)value;
}

static void set_persons(struct sim_plan *plan, uint64_t value)
{
    plan->persons = (uint32_t)value;
}

static void set_shards(struct sim_plan *plan, uint64_t value)
{
    plan->shards = (uint32_t)value;
}

static void set_calm_after(struct sim_plan *plan, uint64_t value)
{
    plan->calm_after = value;
}

/* The least value first, then ever smaller steps down from the one that is known to fail. */
static void lower(struct shrinking *s, uint64_t value, uint64_t least,
                  void (*set)(struct sim_plan *plan, uint64_t value))
{
    uint64_t step = value > least ? value - least : 0;
    for (; step != 0; step /= 2) {
        while (value - least >= step) {
            struct sim_plan plan = s->best->plan;
            set(&plan, value - step);
            if (!still_fails(s, &plan)) break;
            value -= step;
        }
    }
}

static void fewer_messages(struct shrinking *s)
{
    lower(s, s->best->plan.messages, 1, set_messages);
}

static void fewer_persons_and_shards(struct shrinking *s)
{
    lower(s, s->best->plan.persons, sim_workload_persons(0), set_persons);
    lower(s, s->best->outcome.shards, 1, set_shards);
}

static void fewer_events_with_faults(struct shrinking *s)
{
    const uint64_t after = s->best->plan.calm_after;
    if (s->best->plan.faults == 0) return;
    lower(s, after != 0 ? after : s->best->outcome.counts.events, 1, set_calm_after);
}

/* -- all of it -----------------------------------------------------------------------------------
 */

void sim_shrink(const struct sim_plan *plan, const struct sim_outcome *outcome, double seconds,
                struct sim_shrunk *ret_shrunk)
{
    struct shrinking s = {
        .best = ret_shrunk, .until = now() + seconds, .try_seconds = TRY_SECONDS_MAX};
    *ret_shrunk = (struct sim_shrunk){.plan = *plan, .outcome = *outcome};
    way_of(outcome->what, s.way);
    if (plan->only != NULL) {
        ret_shrunk->only = *plan->only;
        ret_shrunk->plan.only = &ret_shrunk->only;
    }
    /* Fewer messages shall not mean other persons. */
    struct sim_plan named = ret_shrunk->plan;
    named.persons = outcome->persons != 0 ? outcome->persons : plan->persons;
    const double began = now();
    if (!fails_once(&s, &named)) return; /* It is not this history that fails, or no time. */
    s.try_seconds = 2 + (uint32_t)(4 * (now() - began));
    if (s.try_seconds > TRY_SECONDS_MAX) s.try_seconds = TRY_SECONDS_MAX;
    do {
        s.went = false;
        fewer_messages(&s);
        fewer_faults(&s);
        fewer_clients(&s);
        fewer_types(&s);
        fewer_messages(&s);
        single_messages(&s);
        fewer_messages(&s);
        fewer_events_with_faults(&s);
        fewer_persons_and_shards(&s);
    } while (s.went && !ret_shrunk->late);
}
