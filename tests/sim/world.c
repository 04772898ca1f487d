/* world -- see world.h. Time, chance and the order of events; what happens at one is in centre.c
 * and wire.c. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/sim/world_internal.h"
#include "types/ensure.h"

#define CLOCK_START_MS INT64_C(1772424000000) /* 2026-03-02T12:00:00+08:00 */
#define DAY_MS         INT64_C(86400000)

struct sim_world *sim_current;

/* ---- chance and digest --------------------------------------------------------------------- */

struct prng *sim_prng(struct sim_world *world)
{
    return &world->prng;
}

bool sim_happens(struct sim_world *world, uint32_t of_million)
{
    if (world->calm || of_million == 0) return false;
    if (prng_below(&world->prng, MILLION) >= of_million) return false;
    world->counts.faults++;
    return true;
}

bool sim_takes_power(struct sim_world *world, uint32_t of_1000)
{
    const struct sim_faults *faults = &world->config.faults;
    const bool power = prng_chance(&world->prng, of_1000);
    return faults->no_power == faults->no_kill ? power : faults->no_kill;
}

uint64_t sim_between(struct sim_world *world, uint64_t least, uint64_t spread)
{
    return least + prng_below(&world->prng, spread);
}

uint32_t sim_shards(const struct sim_world *world)
{
    return world->config.shards;
}

void sim_note(struct sim_world *world, uint64_t value)
{
    struct prng mix = {world->digest ^ value};
    world->digest = prng_u64(&mix);
}

void sim_note_bytes(struct sim_world *world, struct bytes bytes)
{
    world->digest = checksum_hash64(world->digest, bytes.data, bytes.size);
}

uint64_t sim_digest(const struct sim_world *world)
{
    return world->digest;
}

/* ---- time ---------------------------------------------------------------------------------- */

uint64_t sim_now_us(const struct sim_world *world)
{
    return world->now_us;
}

int64_t sim_clock_ms(const struct sim_world *world)
{
    if (world->clock_stands) return world->clock_stood_ms;
    return world->clock_ms + world->clock_off_ms + (int64_t)(world->now_us / 1000);
}

int64_t sim_clock_latest_ms(const struct sim_world *world)
{
    const int64_t now_ms = sim_clock_ms(world);
    return now_ms > world->clock_latest_ms ? now_ms : world->clock_latest_ms;
}

static void clock_goes(struct sim_world *world)
{
    if (!world->clock_stands) return;
    /* Set right by somebody, or it goes on from where it stood. */
    const int64_t stood_ms = world->clock_stood_ms;
    world->clock_stands = false;
    if (prng_chance(&world->prng, 500)) world->clock_off_ms -= sim_clock_ms(world) - stood_ms;
}

static void move_clock(struct sim_world *world)
{
    const struct sim_faults *faults = &world->config.faults;
    world->clock_latest_ms = sim_clock_latest_ms(world);
    if (sim_happens(world, faults->clock_forward))
        world->clock_off_ms += (int64_t)prng_below(&world->prng, DAY_MS);
    if (sim_happens(world, faults->clock_back))
        world->clock_off_ms -= (int64_t)prng_below(&world->prng, DAY_MS / 8);
    if (!world->clock_stands && sim_happens(world, faults->clock_stop)) {
        world->clock_stood_ms = sim_clock_ms(world);
        world->clock_stands = true;
        sim_schedule(world, sim_between(world, 1000, 3000000), SIM_CLOCK_GOES, 0, 0, 0);
    }
}

/* ---- events: a heap ------------------------------------------------------------------------ */

static bool comes_before(const struct sim_event *a, const struct sim_event *b)
{
    return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void sim_schedule(struct sim_world *world, uint64_t after_us, enum sim_event_kind kind,
                  uint32_t index, uint64_t life, int64_t value)
{
    if (world->event_count == world->event_room) {
        world->event_room = world->event_room == 0 ? 256 : 2 * world->event_room;
        world->events = realloc(world->events, world->event_room * sizeof *world->events);
        ENSURE(world->events != NULL);
    }
    const struct sim_event event = {
        .at_us = world->now_us + after_us,
        .order = world->event_order++,
        .life = life,
        .kind = kind,
        .index = index,
        .value = value,
    };
    uint32_t at = world->event_count++;
    while (at != 0 && comes_before(&event, &world->events[(at - 1) / 2])) {
        world->events[at] = world->events[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    world->events[at] = event;
    world->idle_events += kind == SIM_TICK;
}

static bool take_event(struct sim_world *world, struct sim_event *ret_event)
{
    if (world->event_count == 0) return false;
    *ret_event = world->events[0];
    const struct sim_event last = world->events[--world->event_count];
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= world->event_count) break;
        if (child + 1 < world->event_count &&
            comes_before(&world->events[child + 1], &world->events[child]))
            child++;
        if (!comes_before(&world->events[child], &last)) break;
        world->events[at] = world->events[child];
        at = child;
    }
    if (world->event_count != 0) world->events[at] = last;
    world->idle_events -= ret_event->kind == SIM_TICK;
    return true;
}

/* ---- one event ----------------------------------------------------------------------------- */

static void dispatch(struct sim_world *world, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_START:
        centre_start(world);
        return;
    case SIM_CLOCK_GOES:
        clock_goes(world);
        return;
    case SIM_FULL_END:
        centre_set_full(world, false);
        return;
    case SIM_WAKE:
        return;
    case SIM_OPEN:
    case SIM_UP:
    case SIM_UP_END:
    case SIM_DOWN:
    case SIM_DOWN_END:
        wire_event(world, event);
        return;
    default:
        centre_event(world, event);
    }
}

static bool is_void(const struct sim_world *world, const struct sim_event *event)
{
    switch (event->kind) {
    case SIM_WAKE:
    case SIM_CLOCK_GOES:
    case SIM_FULL_END:
        return false;
    case SIM_OPEN:
    case SIM_UP:
    case SIM_UP_END:
    case SIM_DOWN:
    case SIM_DOWN_END:
        return event->life != world->connections[event->index].life;
    default:
        return event->life != world->life;
    }
}

/* The engine may end inside: then the process is gone, and nothing else was lost. */
static void run(struct sim_world *world, const struct sim_event *event)
{
    sim_current = world;
    disk_use(world->disk);
    if (setjmp(world->stop) == 0) {
        world->in_event = true;
        dispatch(world, event);
        wire_flush(world);
        world->in_event = false;
        return;
    }
    world->in_event = false;
    world->counts.crashes++;
    centre_down(world, sim_takes_power(world, 300));
}

static void go_wrong(struct sim_world *world)
{
    const struct sim_faults *faults = &world->config.faults;
    move_clock(world);
    if (!world->full && sim_happens(world, faults->full)) {
        centre_set_full(world, true);
        sim_schedule(world, sim_between(world, 1000, 2000000), SIM_FULL_END, 0, 0, 0);
    }
    if (world->engine == NULL) return;
    if (sim_happens(world, faults->rot)) centre_rot(world);
    const bool never = faults->no_power && faults->no_kill;
    if (disk_gone(world->disk) || sim_happens(world, never ? 0 : faults->crash)) {
        world->counts.crashes++;
        centre_down(world, sim_takes_power(world, 600));
    }
}

bool sim_turn(struct sim_world *world)
{
    struct sim_event event;
    do {
        if (!take_event(world, &event)) return false;
    } while (is_void(world, &event));
    world->now_us = event.at_us;
    world->counts.events++;
    sim_note(world, event.at_us ^ (uint64_t)event.kind << 56 ^ (uint64_t)event.index << 40 ^
                        (uint64_t)event.value);
    run(world, &event);
    go_wrong(world);
    return world->event_count > world->idle_events;
}

void sim_wake_after(struct sim_world *world, uint64_t us)
{
    sim_schedule(world, us, SIM_WAKE, 0, 0, 0);
}

/* ---- the whole ----------------------------------------------------------------------------- */

struct sim_world *sim_world_new(const struct sim_config *config)
{
    ENSURE(config->shards >= 1);
    ENSURE(config->shards <= SIM_SHARDS_MAX);
    /* A shard reserves much and touches little: what comes fresh from the kernel is zero already,
     * what malloc keeps has to be cleared at every start. */
    mallopt(M_MMAP_THRESHOLD, 128 * 1024);
    struct sim_world *world = calloc(1, sizeof *world);
    ENSURE(world != NULL);
    world->config = *config;
    world->prng.state = config->seed;
    world->digest = config->seed;
    world->clock_ms = CLOCK_START_MS;
    for (size_t i = 0; i < sizeof world->store_id; i++)
        world->store_id[i] = (uint8_t)prng_u64(&world->prng);
    world->hash_seed = prng_u64(&world->prng);
    static const uint64_t segments[] = {1056768, 1310720, 2097152};
    static const uint32_t entries[] = {256, 512, 1024, 4096};
    world->segment_bytes = segments[prng_below(&world->prng, 3)];
    world->delta_entries = entries[prng_below(&world->prng, 4)];
    world->delta_bytes = (size_t)1 << (20 + prng_below(&world->prng, 2));
    world->shelf_bytes = 16u << 20;
    world->dsync = prng_chance(&world->prng, 500);
    world->any_name_order = prng_chance(&world->prng, 500);
    centre_init(world);
    sim_schedule(world, 1, SIM_START, 0, world->life, 0);
    return world;
}

void sim_world_free(struct sim_world *world)
{
    if (world == NULL) return;
    sim_current = world;
    disk_use(world->disk);
    centre_done(world);
    wire_done(world);
    free(world->events);
    if (sim_current == world) sim_current = NULL;
    free(world);
}

void sim_calm(struct sim_world *world)
{
    world->calm = true;
    centre_set_full(world, false);
    centre_set_faults(world);
    disk_stop_after(world->disk, 0);
}

void sim_crash(struct sim_world *world)
{
    if (world->engine == NULL) return;
    sim_current = world;
    disk_use(world->disk);
    world->counts.crashes++;
    centre_down(world, true);
}

const char *sim_refusal(const struct sim_world *world)
{
    return world->refusal;
}

bool sim_refused(const struct sim_world *world)
{
    return world->refused;
}

void sim_fill_disk(struct sim_world *world, bool full)
{
    centre_set_full(world, full);
}

bool sim_damaged(const struct sim_world *world)
{
    struct disk_counts counts;
    disk_get_counts(world->disk, &counts);
    return counts.damages != 0;
}

struct shard *sim_shard(struct sim_world *world, uint32_t shard)
{
    struct home *home = world->shards[shard].home;
    return home == NULL ? NULL : home_shard(home);
}

void sim_get_counts(const struct sim_world *world, struct sim_counts *ret_counts)
{
    struct disk_counts disk;
    *ret_counts = world->counts;
    disk_get_counts(world->disk, &disk);
    ret_counts->faults += disk.faults;
    ret_counts->read_errors = disk.read_errors;
    for (uint32_t i = 0; i < world->config.shards; i++)
        ret_counts->faults += sim_store_faults(world->shards[i].store);
}
