#include "tests/sim/life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/check.h"
#include "tests/sim/look.h"
#include "tests/sim/reader.h"
#include "tests/sim/workload.h"
#include "types/ensure.h"

#define CALM_US          UINT64_C(900000000) /* Of simulated time: by then everybody has an answer. */
#define EVENTS_LEAST     60000
#define EVENTS_A_MESSAGE 80
#define BIT(fault)       (UINT32_C(1) << (fault))
#define QUIET_US         UINT64_C(4000000) /* Nothing was asked so long: nothing is under way. */

/* One history as it goes on. */
struct life {
    const struct sim_plan *plan;
    uint32_t shards;
    bool manual_clock;
    struct sim_world *world;
    struct sim_history *history;
    struct sim_workload *workload;
    struct evidence evidence;
    struct finding finding;
    struct sim_outcome *outcome;
};

/* -- what goes wrong -------------------------------------------------------------------------- */

static uint32_t some(struct prng *prng, uint32_t of_1000, uint32_t least, uint32_t most)
{
    const bool there = prng_chance(prng, of_1000);
    const uint32_t rate = least + (uint32_t)prng_below(prng, most - least + 1);
    return there ? rate : 0;
}

/* Each history has faults of its own, so that some have few and many kinds meet. The rates are
 * drawn for all of them, so that those that are left do not change. */
static struct sim_faults faults_of(struct prng *prng, uint32_t faults)
{
    struct sim_faults f = {
        .crash = some(prng, 800, 100, 3000),
        .torn_write = some(prng, 700, 1000, 900000),
        .cut = some(prng, 500, 100, 20000),
        .stall = some(prng, 500, 100, 20000),
        .split = some(prng, 700, 1000, 200000),
        .slow_disk = some(prng, 500, 100, 20000),
        .short_write = some(prng, 400, 100, 3000),
        .short_read = some(prng, 400, 100, 20000),
        .read_error = some(prng, 300, 100, 20000),
        .write_error = some(prng, 300, 100, 10000),
        .sync_error = some(prng, 500, 1000, 20000),
        .full = some(prng, 300, 50, 1000),
        .rot = some(prng, 80, 10, 1000),
        .misdirected = some(prng, 80, 100, 10000),
        .clock_forward = some(prng, 300, 50, 2000),
        .clock_back = some(prng, 300, 50, 2000),
        .clock_stop = some(prng, 300, 50, 2000),
    };
    const struct {
        uint32_t *rate;
        uint32_t of; /* Bits: it stays when one of them is there. */
    } rates[] = {
        {&f.crash, BIT(SIM_POWER) | BIT(SIM_KILL) | BIT(SIM_INSIDE)},
        {&f.torn_write, BIT(SIM_TORN)},
        {&f.cut, BIT(SIM_CUT)},
        {&f.stall, BIT(SIM_STALL)},
        {&f.split, BIT(SIM_SPLIT)},
        {&f.slow_disk, BIT(SIM_SLOW_DISK)},
        {&f.short_write, BIT(SIM_SHORT_WRITE)},
        {&f.short_read, BIT(SIM_SHORT_READ)},
        {&f.read_error, BIT(SIM_READ_ERROR)},
        {&f.write_error, BIT(SIM_WRITE_ERROR)},
        {&f.sync_error, BIT(SIM_SYNC_ERROR)},
        {&f.full, BIT(SIM_FULL)},
        {&f.rot, BIT(SIM_FLIP)},
        {&f.misdirected, BIT(SIM_ASTRAY)},
        {&f.clock_forward, BIT(SIM_FORWARD)},
        {&f.clock_back, BIT(SIM_BACK)},
        {&f.clock_stop, BIT(SIM_STAND)},
    };
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++) {
        if ((faults & rates[i].of) == 0) *rates[i].rate = 0;
    }
    f.no_power = (faults & BIT(SIM_POWER)) == 0;
    f.no_kill = (faults & BIT(SIM_KILL)) == 0;
    f.no_inside = (faults & BIT(SIM_INSIDE)) == 0;
    return f;
}

static void begin(struct life *life)
{
    const struct sim_plan *plan = life->plan;
    struct prng prng = {plan->seed * UINT64_C(0x9e3779b97f4a7c15) + 5};
    const uint32_t shards = 1 + (uint32_t)prng_below(&prng, 4);
    life->shards = plan->shards != 0 ? plan->shards : shards;
    life->manual_clock = prng_chance(&prng, 750);
    const struct sim_config config = {
        .seed = prng_u64(&prng) ^ plan->luck * UINT64_C(0x9e3779b97f4a7c15),
        .shards = life->shards,
        .manual_clock = life->manual_clock,
        .faults = faults_of(&prng, plan->faults),
    };
    const struct sim_load load = {
        .seed = prng_u64(&prng),
        .messages = plan->messages,
        .shards = life->shards,
        .manual_clock = life->manual_clock,
        .heavy = plan->heavy,
        .absent = plan->absent,
        .persons = plan->persons,
        .mute = {plan->mute[0], plan->mute[1]},
        .only = plan->only,
        .said = &life->outcome->said,
    };
    life->world = sim_world_new(&config);
    life->history = sim_history_new();
    life->workload = sim_workload_new(life->world, life->history, &load);
    life->outcome->shards = life->shards;
    life->outcome->persons = sim_workload_town(life->workload)->persons;
}

/* -- the way of a history --------------------------------------------------------------------- */

/* True when the centre is down and nothing will start it again. */
static bool gave_up(const struct life *life, bool idle)
{
    return idle && sim_shard(life->world, 0) == NULL && sim_refusal(life->world)[0] != '\0';
}

/* Many times what a history takes, whatever goes wrong in it: more only where somebody asks again
 * and again for what can never be given. */
static uint64_t events_max(const struct sim_plan *plan)
{
    return plan->events_max != 0 ? plan->events_max
                                 : EVENTS_LEAST + EVENTS_A_MESSAGE * (uint64_t)plan->messages;
}

/* Lets the clients have their way until they are done; false when the centre is down for good. */
static bool let_live(struct life *life, uint64_t until_us)
{
    const uint64_t calm_after = life->plan->calm_after;
    struct sim_counts *counts = &life->outcome->counts;
    bool idle = false;
    while (sim_workload_turn(life->workload, idle)) {
        sim_get_counts(life->world, counts);
        if (calm_after != 0 && counts->events == calm_after) sim_calm(life->world);
        idle = !sim_turn(life->world);
        if (gave_up(life, idle)) return false;
        if (sim_complaint(life->history) != NULL) return true;
        if (counts->events >= events_max(life->plan)) {
            finding_set(&life->finding, "the history does not end: after %" PRIu64 " events %s",
                        counts->events, sim_workload_waiting(life->workload));
            return true;
        }
        if (sim_now_us(life->world) < until_us) continue;
        finding_set(&life->finding, "somebody waits for an answer that does not come: %s",
                    sim_workload_waiting(life->workload));
        return true;
    }
    return true;
}

/* Until nothing is under way any more, mail between shards included. */
static bool let_rest(struct life *life)
{
    const uint64_t until_us = sim_now_us(life->world) + QUIET_US;
    bool idle = false;
    while (sim_now_us(life->world) < until_us || sim_shard(life->world, 0) == NULL) {
        idle = !sim_turn(life->world);
        if (gave_up(life, idle)) return false;
    }
    return true;
}

/* A refusal is right when the disk was damaged, and has to name what is wrong. */
static void judge_refusal(struct life *life)
{
    const char *said = sim_refusal(life->world);
    if (!sim_damaged(life->world)) {
        finding_set(&life->finding, "the centre refuses to start, and its disk is sound: %s", said);
    } else if (strstr(said, ".qfj") == NULL && strstr(said, "shard") == NULL) {
        finding_set(&life->finding, "the centre refuses to start without saying where: %s", said);
    }
    life->outcome->refused = true;
    snprintf(life->outcome->refusal, sizeof life->outcome->refusal, "%s", said);
}

/* -- the end
 * ------------------------------------------------------------------------------------------------
 */

static uint64_t cells_sum(struct life *life)
{
    uint64_t sum = 0;
    for (uint32_t s = 0; s < life->shards; s++) {
        uint32_t count;
        const struct cell *cells = shard_cells(sim_shard(life->world, s), &count);
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *bytes = (const uint8_t *)&cells[i];
            uint64_t hash = s + 1;
            for (size_t k = 0; k < sizeof cells[i]; k++)
                hash = (hash ^ bytes[k]) * UINT64_C(0x100000001b3);
            sum += hash ^ hash >> 31;
        }
    }
    return sum;
}

static bool same_after(struct life *life, const char *after, uint64_t cells,
                       struct sim_history *before)
{
    if (!let_rest(life)) {
        judge_refusal(life);
        return false;
    }
    if (cells_sum(life) != cells)
        return finding_set(&life->finding, "the cells after %s are not those before", after);
    struct sim_history *now =
        read_back(life->world, sim_workload_town(life->workload), &life->finding);
    const bool good = now != NULL && readings_agree(before, now, after, &life->finding);
    sim_history_free(now);
    return good;
}

/* What the centre serves after a crash, and after a replay from the first block, is what it served
 * before. */
static bool check_returns(struct life *life)
{
    const uint64_t cells = cells_sum(life);
    struct sim_history *before =
        read_back(life->world, sim_workload_town(life->workload), &life->finding);
    if (before == NULL) return false;
    sim_crash(life->world);
    bool good = same_after(life, "a crash", cells, before);
    if (good) {
        sim_crash_and_forget(life->world);
        good = same_after(life, "a replay from the first block", cells, before);
    }
    sim_history_free(before);
    return good;
}

static void judge(struct life *life)
{
    const bool damaged = sim_damaged(life->world);
    if (!evidence_read(&life->evidence, life->world, life->shards, &life->finding)) {
        /* Verify names the damage: nobody was lied to yet, and an operator would know. */
        if (damaged && life->finding.found) {
            snprintf(life->outcome->refusal, sizeof life->outcome->refusal, "%s",
                     life->finding.text);
            life->outcome->refused = true;
            life->finding = (struct finding){0};
        }
        return;
    }
    for (uint32_t s = 0; s < life->shards; s++)
        life->outcome->entries += life->evidence.shard[s].count;
    if (!check_history(&life->evidence, life->history, life->manual_clock, &life->finding)) return;
    for (uint32_t s = 0; s < life->shards; s++) {
        if (!check_cells(life->world, s, &life->finding)) return;
    }
    if (!check_returns(life)) return;
}

static void tell(struct life *life)
{
    struct sim_outcome *outcome = life->outcome;
    const struct sim_town *town = sim_workload_town(life->workload);
    _Static_assert(SIM_TYPES_MAX == TOWN_TYPES, "one place a type");
    outcome->failed = life->finding.found;
    snprintf(outcome->what, sizeof outcome->what, "%s", life->finding.text);
    outcome->digest = sim_digest(life->world);
    outcome->messages = town->sent;
    outcome->accepted = town->accepted;
    memcpy(outcome->types, town->types_sent, sizeof outcome->types);
    sim_get_counts(life->world, &outcome->counts);
}

void sim_live(const struct sim_plan *plan, struct sim_outcome *ret_outcome)
{
    struct life *life = calloc(1, sizeof *life);
    ENSURE(life != NULL);
    *ret_outcome = (struct sim_outcome){0};
    life->plan = plan;
    life->outcome = ret_outcome;
    begin(life);
    bool up = let_live(life, UINT64_MAX);
    sim_calm(life->world);
    sim_workload_calm(life->workload);
    if (!life->finding.found)
        up = up && let_live(life, sim_now_us(life->world) + CALM_US) && let_rest(life);
    if (up && !life->finding.found) {
        judge(life);
    } else if (!up) {
        judge_refusal(life);
    }
    if (sim_complaint(life->history) != NULL && !life->finding.found)
        finding_set(&life->finding, "a client says: %s", sim_complaint(life->history));
    tell(life);
    evidence_done(&life->evidence);
    sim_workload_free(life->workload);
    sim_history_free(life->history);
    sim_world_free(life->world);
    free(life);
}
