/* centre -- the simulated machine: homes and shards, the writer, the keeper, starts and ends.
 *
 * Everything between a home and its disk is the engine's own: replay.c, segments.c and
 * journal_writer.c over the disk in memory. Only what gives the writer its completions
 * (journal_ring.h) and the keeper's thread are events here. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cycle/calendar.h"
#include "deploy/embedded_tables.h"
#include "ledger/tables.h"
#include "shard_wallet.h"
#include "tests/sim/journal_view.h"
#include "tests/sim/world_internal.h"
#include "types/ensure.h"
#include "wallet/params.h"
#include "world/linux/journal_ring.h"
#include "world/linux/replay.h"

#define SLOW          100 /* Times, on a slow disk. */
#define TICK_US       1000000
#define RETRY_US      200000 /* As the keeper's, after a full disk. */
#define CHECKPOINT_MS 60000
#define WRITE_TAG     1
#define SYNC_TAG      2

/* ---- what a store is given at its making --------------------------------------------------- */

static struct {
    bool loaded;
    struct tables tables;
    struct calendar calendar;
    struct params params;
} made;

static struct bytes built_in(const char *name)
{
    size_t i = 0;
    while (strcmp(embedded_tables[i].name, name) != 0)
        i++;
    return (struct bytes){embedded_tables[i].data, embedded_tables[i].size};
}

static void load_made(void)
{
    if (made.loaded) return;
    struct table_error error = {0};
    char why[256];
    tables_init(&made.tables);
    for (int i = 0; i < TABLE_FILE_COUNT; i++)
        ENSURE(
            tables_load(&made.tables, (enum table_file)i, built_in(table_file_names[i]), &error));
    ENSURE(tables_complete(&made.tables, &error));
    ENSURE(calendar_load(&made.calendar, built_in("calendar.csv"), why, sizeof why));
    params_init(&made.params);
    ENSURE(params_load(&made.params, built_in("provincial_rules.csv"), why, sizeof why));
    made.loaded = true;
}

/* ---- the end of the process ---------------------------------------------------------------- */

/* What a process held when it died is gone in the world, and a leak here. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}

/* A broken invariant is what the simulator looks for: unless it is the engine's way to stop after a
 * fault that leaves it nothing else, it is told and the whole program ends. */
_Noreturn void ensure_failed(const char *condition, const char *file, int line,
                             const char *function)
{
    struct sim_world *world = sim_current;
    if (world != NULL && world->in_event && centre_may_stop(world)) longjmp(world->stop, 1);
    fprintf(stderr, "qingfen: broken invariant: %s (%s:%d, %s)\n", condition, file, line, function);
    if (world != NULL) {
        fprintf(stderr, "sim: seed %llu, event %llu, %llu us\n",
                (unsigned long long)world->config.seed, (unsigned long long)world->counts.events,
                (unsigned long long)world->now_us);
    }
    abort();
}

/* The engine's other way to stop: right after an error that this world makes, and as a broken
 * invariant after any other. */
_Noreturn void need_failed(const char *what, int error, const char *file, int line)
{
    struct sim_world *world = sim_current;
    if (world != NULL && world->in_event) {
        const struct sim_faults *faults = &world->config.faults;
        if (error == -EIO && (faults->read_error != 0 || faults->write_error != 0))
            longjmp(world->stop, 1);
        if (error == -ENOSPC && faults->full != 0) longjmp(world->stop, 1);
    }
    ensure_failed(what, file, line, "need_failed");
}

bool centre_may_stop(const struct sim_world *world)
{
    for (uint32_t i = 0; i < world->config.shards; i++) {
        const struct sim_shard *shard = &world->shards[i];
        if (sim_store_commit_errors(shard->store) != shard->commit_errors) return true;
    }
    return disk_gone(world->disk);
}

_Noreturn void journal_ring_give_up(const struct journal_writer *writer, const char *what,
                                    int error)
{
    (void)writer, (void)what, (void)error;
    ENSURE(sim_current->in_event);
    longjmp(sim_current->stop, 1);
}

/* ---- the writer's ring --------------------------------------------------------------------- */

static struct sim_shard *shard_of_writer(struct journal_writer *writer)
{
    return (struct sim_shard *)((char *)writer - offsetof(struct sim_shard, writer));
}

static uint64_t disk_us(struct sim_world *world, uint64_t least, uint64_t spread)
{
    const uint64_t takes = sim_between(world, least, spread);
    return sim_happens(world, world->config.faults.slow_disk) ? SLOW * takes : takes;
}

/* The bytes are on their way from here on, whether or not anybody hears of it. */
void journal_ring_submit(struct journal_writer *writer)
{
    struct sim_shard *shard = shard_of_writer(writer);
    struct sim_world *world = shard->world;
    const int64_t result = file_write(writer->fd, writer->data, writer->size, writer->at);
    sim_note(world, checksum_hash64(writer->at, writer->data, writer->size));
    sim_schedule(world, disk_us(world, 30, 60), SIM_WRITTEN, shard->index, world->life, result);
}

static void take_completion(struct sim_shard *shard, uint64_t tag, int result)
{
    const uint64_t offset = shard->writer.at;
    if (!journal_writer_completed(&shard->writer, tag, result)) return;
    shard->last_segment = shard->writer.segment;
    shard->last_block = offset;
    shard->world->counts.blocks++;
    home_written(shard->home, shard->writer.durable, sim_clock_ms(shard->world));
    centre_wake(shard);
}

static void on_written(struct sim_shard *shard, int64_t result)
{
    struct sim_world *world = shard->world;
    struct journal_writer *writer = &shard->writer;
    const bool whole = result == (int64_t)writer->size;
    if (whole && writer->in_one) {
        const int r = file_sync(writer->fd);
        take_completion(shard, WRITE_TAG, r != 0 ? r : (int)result);
        return;
    }
    take_completion(shard, WRITE_TAG, (int)result);
    if (writer->in_one) return;
    if (whole) {
        sim_schedule(world, disk_us(world, 80, 200), SIM_SYNCED, shard->index, world->life, 0);
    } else {
        take_completion(shard, SYNC_TAG, -ECANCELED);
    }
}

/* ---- the keeper ---------------------------------------------------------------------------- */

static struct sim_shard *shard_of_keeper(struct keeper *keeper)
{
    return (struct sim_shard *)((char *)keeper - offsetof(struct sim_shard, keeper));
}

void keeper_ask_segment(struct keeper *keeper, uint32_t number)
{
    struct sim_shard *shard = shard_of_keeper(keeper);
    sim_schedule(shard->world, sim_between(shard->world, 500, 20000), SIM_PREPARE, shard->index,
                 shard->world->life, number);
}

void keeper_hurry(struct keeper *keeper)
{
    (void)keeper; /* Nothing here waits on purpose. */
}

/* The machine may stop in the middle of what is done next. */
static void may_stop_inside(struct sim_world *world, uint32_t calls)
{
    const uint32_t crash = world->config.faults.no_inside ? 0 : world->config.faults.crash;
    const uint32_t chance = crash > MILLION / 1000 ? MILLION / 4 : crash * 250;
    if (sim_happens(world, chance))
        disk_stop_after(world->disk, 1 + prng_below(&world->prng, calls));
}

static void on_prepare(struct sim_shard *shard, uint32_t number)
{
    struct sim_world *world = shard->world;
    may_stop_inside(world, 8);
    const enum segment_fill fill = number % 2 == 0 ? SEGMENT_ZEROED : SEGMENT_RESERVED;
    int status = segment_prepare(shard->path, number, shard->folder.segment_bytes, fill, NULL);
    if (status == -EEXIST) status = 0; /* As keeper.c. */
    sim_schedule(world, status == 0 ? sim_between(world, 10, 100) : RETRY_US, SIM_PREPARED,
                 shard->index, world->life, status);
}

static void on_merge(struct sim_shard *shard)
{
    struct sim_world *world = shard->world;
    may_stop_inside(world, 2);
    const int status = merge_run(shard->merge);
    disk_stop_after(world->disk, 0);
    sim_schedule(world, status == 0 ? sim_between(world, 10, 2000) : RETRY_US, SIM_MERGED,
                 shard->index, world->life, status);
}

/* ---- what a home asks for ------------------------------------------------------------------ */

static void on_append(void *context, struct bytes block, uint64_t number)
{
    struct sim_shard *shard = context;
    journal_writer_append(&shard->writer, block, number);
}

static void on_merge_asked(void *context, struct merge *merge)
{
    struct sim_shard *shard = context;
    shard->merge = merge;
    shard->checkpoint_ms = sim_clock_ms(shard->world);
    sim_schedule(shard->world, sim_between(shard->world, 100, 20000), SIM_MERGE, shard->index,
                 shard->world->life, 0);
}

static void on_send(void *context, uint32_t session, struct bytes frame)
{
    wire_queue(context, session, frame);
}

static void on_close(void *context, uint32_t session)
{
    wire_close_after(context, session);
}

static void on_wake(void *context, uint32_t index)
{
    struct sim_shard *shard = context;
    centre_wake(&shard->world->shards[index]);
}

/* ---- turns --------------------------------------------------------------------------------- */

void centre_wake(struct sim_shard *shard)
{
    if (shard->turning || shard->home == NULL) return;
    shard->turning = true;
    sim_schedule(shard->world, sim_between(shard->world, 1, 12), SIM_TURN, shard->index,
                 shard->world->life, 0);
}

static int64_t next_due(const struct sim_shard *shard)
{
    return shard->world->config.manual_clock ? INT64_MAX : shard_next_due(home_shard(shard->home));
}

static void become_ready(struct sim_shard *shard)
{
    struct sim_world *world = shard->world;
    if (shard->ready || (shard->index == 0 && !home_aligned(shard->home))) return;
    if (next_due(shard) <= sim_clock_ms(world)) return; /* What was missed while it was down. */
    shard->ready = true;
    world->accepting = true;
    for (uint32_t i = 0; i < world->config.shards; i++)
        world->accepting = world->accepting && world->shards[i].ready;
}

static void on_turn(struct sim_shard *shard)
{
    struct sim_world *world = shard->world;
    shard->turning = false;
    bool more = wire_take_waiting(shard);
    more |= home_turn(shard->home, sim_clock_ms(world), world->now_us);
    become_ready(shard);
    if (more) centre_wake(shard);
}

/* As loop.c: a second, or sooner when something is due. */
static void arm_tick(struct sim_shard *shard)
{
    struct sim_world *world = shard->world;
    const int64_t wait_ms = next_due(shard) - sim_clock_ms(world);
    const uint64_t wait_us =
        wait_ms > 0 && wait_ms < TICK_US / 1000 ? (uint64_t)wait_ms * 1000 : TICK_US;
    sim_schedule(world, wait_us, SIM_TICK, shard->index, world->life, 0);
}

static void on_tick(struct sim_shard *shard)
{
    const int64_t now_ms = sim_clock_ms(shard->world);
    if (now_ms - shard->checkpoint_ms >= CHECKPOINT_MS) {
        shard->checkpoint_ms = now_ms;
        home_checkpoint(shard->home, now_ms);
    }
    arm_tick(shard);
    centre_wake(shard);
}

void centre_event(struct sim_world *world, const struct sim_event *event)
{
    struct sim_shard *shard = &world->shards[event->index];
    switch (event->kind) {
    case SIM_TURN:
        on_turn(shard);
        return;
    case SIM_TICK:
        on_tick(shard);
        return;
    case SIM_WRITTEN:
        on_written(shard, event->value);
        return;
    case SIM_SYNCED:
        take_completion(shard, SYNC_TAG, file_sync(shard->writer.fd));
        return;
    case SIM_PREPARE:
        on_prepare(shard, (uint32_t)event->value);
        return;
    case SIM_PREPARED:
        journal_writer_prepared(&shard->writer, (int)event->value);
        centre_wake(shard);
        return;
    case SIM_MERGE:
        on_merge(shard);
        return;
    case SIM_MERGED:
        home_merged(shard->home, (int)event->value, sim_clock_ms(world));
        centre_wake(shard);
        return;
    default:
        ENSURE(false);
    }
}

/* ---- starting ------------------------------------------------------------------------------ */

/* The machine stops at a commit, too. */
static bool stops_at_commit(void *context)
{
    struct sim_world *world = context;
    return disk_call(world->disk);
}

void centre_init(struct sim_world *world)
{
    load_made();
    world->disk = disk_new(&world->prng);
    for (uint32_t i = 0; i < world->config.shards; i++) {
        struct sim_shard *shard = &world->shards[i];
        shard->world = world;
        shard->index = i;
        snprintf(shard->path, sizeof shard->path, "shard-%04u/journal", i);
        shard->store = sim_store_new(&world->prng, stops_at_commit, world);
        shard->folder = (struct journal_folder){
            .path = shard->path,
            .segment_bytes = world->segment_bytes,
            .shard = i,
        };
        memcpy(shard->folder.store_id, world->store_id, STORE_ID_SIZE);
    }
}

static void let_go(struct sim_world *world)
{
    world->life++;
    world->accepting = false;
    for (uint32_t i = 0; i < world->config.shards; i++) {
        struct sim_shard *shard = &world->shards[i];
        home_free(shard->home);
        shard->home = NULL;
        sim_view_free(shard->view);
        shard->view = NULL;
        shard->merge = NULL;
        shard->turning = shard->ready = false;
        sim_store_crash(shard->store);
    }
    engine_free(world->engine);
    world->engine = NULL;
}

void centre_done(struct sim_world *world)
{
    let_go(world);
    for (uint32_t i = 0; i < world->config.shards; i++)
        sim_store_free(world->shards[i].store);
    disk_free(world->disk);
}

void centre_set_faults(struct sim_world *world)
{
    const struct sim_faults *faults = &world->config.faults;
    const bool calm = world->calm;
    const bool starting = world->starting;
    const struct disk_faults disk = {
        .short_write = calm ? 0 : faults->short_write,
        .short_read = calm ? 0 : faults->short_read,
        .read_error = calm ? 0 : faults->read_error,
        .write_error = calm ? 0 : faults->write_error,
        .sync_error = calm ? 0 : faults->sync_error,
        .misdirected = calm || starting ? 0 : faults->misdirected,
        .torn = faults->torn_write,
        .any_name_order = world->any_name_order,
    };
    const struct store_faults store = {
        .read_error = calm || !starting ? 0 : faults->read_error / 64,
        .commit_error = calm ? 0 : faults->sync_error,
        .map_full = calm ? 0 : faults->full,
    };
    disk_set_faults(world->disk, &disk);
    for (uint32_t i = 0; i < world->config.shards; i++)
        sim_store_set_faults(world->shards[i].store, &store);
}

static void config_of(const struct sim_shard *shard, struct shard_config *ret_config)
{
    const struct sim_world *world = shard->world;
    shard_config_init(ret_config);
    ret_config->shard = shard->index;
    ret_config->shards = world->config.shards;
    memcpy(ret_config->store_id, world->store_id, STORE_ID_SIZE);
    ret_config->hash_seed = world->hash_seed;
    ret_config->tables = &made.tables;
    ret_config->params = &made.params;
    ret_config->store = shard->store;
    ret_config->manual_clock = world->config.manual_clock;
    ret_config->delta_entries = world->delta_entries;
    ret_config->delta_bytes = world->delta_bytes;
    ret_config->shelf_bytes = world->shelf_bytes;
    ret_config->directory_ids = 4096;
    ret_config->cells = 65536;
}

/* As boot.c: the state, the journal behind it, the writer at its end. */
static int start_shard(struct sim_shard *shard, struct problem *problem)
{
    struct sim_world *world = shard->world;
    struct shard_config config;
    struct replay_start from;
    struct journal_scan scan;
    struct shard *opened = NULL;
    const char *why = NULL;

    config_of(shard, &config);
    shard->view = sim_view_new(&shard->folder);
    config.journal = shard->view;
    int r = shard_open(&config, &opened, &from, &why);
    if (r != 0)
        return problem_set(problem, r, "cannot read the state of shard %u: %s", shard->index,
                           why != NULL ? why : strerror(-r));
    r = replay_journal(opened, &shard->folder, &from, NULL, NULL, &scan, problem);
    if (r != 0) {
        shard_free(opened);
        return r;
    }
    const struct home_ops ops = {
        .context = shard,
        .append = on_append,
        .merge = on_merge_asked,
        .send = on_send,
        .close = on_close,
        .wake = on_wake,
    };
    shard->home = home_new(world->engine, shard->index, opened, &ops);
    ENSURE(shard->home != NULL);
    shard->writer = (struct journal_writer){
        .keeper = &shard->keeper,
        .folder = shard->folder,
        .write_tag = WRITE_TAG,
        .sync_tag = SYNC_TAG,
        .dsync = world->dsync,
    };
    wire_init_shard(shard);
    shard->commit_errors = sim_store_commit_errors(shard->store);
    shard->checkpoint_ms = sim_clock_ms(world);
    r = journal_writer_start(&shard->writer, &scan);
    if (r == 0) return 0;
    return problem_set(problem, r, "cannot begin to write the journal of shard %u: %s",
                       shard->index, strerror(-r));
}

static int start_all(struct sim_world *world, struct problem *problem)
{
    const struct engine_config config = {
        .shards = world->config.shards,
        .tables = &made.tables,
        .calendar = &made.calendar,
        .settings = &made.tables.cycle,
        .manual_clock = world->config.manual_clock,
        .sessions_max = SESSIONS_MAX,
    };
    struct engine_config named = config;
    memcpy(named.store_id, world->store_id, STORE_ID_SIZE);
    world->engine = engine_new(&named);
    ENSURE(world->engine != NULL);
    for (uint32_t i = 0; i < world->config.shards; i++) {
        const int r = start_shard(&world->shards[i], problem);
        if (r != 0) return r;
    }
    return 0;
}

void centre_start(struct sim_world *world)
{
    struct problem problem = {{0}};
    world->counts.starts++;
    world->starting = true;
    centre_set_faults(world);
    may_stop_inside(world, 80);
    const int r = start_all(world, &problem);
    world->starting = false;
    centre_set_faults(world);
    if (disk_gone(world->disk)) {
        centre_down(world, sim_takes_power(world, 500));
        return;
    }
    disk_stop_after(world->disk, 0);
    if (r != 0) {
        sim_note_bytes(world, bytes_of(problem.text));
        memcpy(world->refusal, problem.text, sizeof world->refusal);
        world->refused = r == -EUCLEAN; /* Anything else passes: a service is started again. */
        centre_down(world, false);
        return;
    }
    world->refusal[0] = '\0';
    for (uint32_t i = 0; i < world->config.shards; i++) {
        arm_tick(&world->shards[i]);
        centre_wake(&world->shards[i]);
    }
    home_align(world->shards[0].home);
}

void centre_down(struct sim_world *world, bool power)
{
    wire_down(world);
    let_go(world);
    if (power) {
        disk_power_cut(world->disk);
    } else {
        disk_kill(world->disk);
    }
    if (world->refused) return;
    sim_schedule(world, sim_between(world, 10000, 2000000), SIM_START, 0, world->life, 0);
}

/* ---- a journal read again ------------------------------------------------------------------ */

struct sim_replay {
    struct store *store;
    struct journal_view *view;
    struct shard *shard;
};

struct sim_replay *sim_replay_new(struct sim_world *world, uint32_t index)
{
    struct sim_shard *original = &world->shards[index];
    struct sim_replay *replay = calloc(1, sizeof *replay);
    ENSURE(replay != NULL);
    struct problem problem = {{0}};
    struct shard_config config;
    struct replay_start from;
    struct journal_scan scan;
    const char *why = NULL;

    sim_current = world;
    disk_use(world->disk);
    replay->store = sim_store_new(&world->prng, NULL, NULL);
    config_of(original, &config);
    replay->view = sim_view_new(&original->folder);
    config.store = replay->store;
    config.journal = replay->view;
    ENSURE(shard_open(&config, &replay->shard, &from, &why) == 0);
    if (replay_journal(replay->shard, &original->folder, &from, NULL, NULL, &scan, &problem) == 0)
        return replay;
    memcpy(world->refusal, problem.text, sizeof world->refusal);
    sim_replay_free(replay);
    return NULL;
}

struct shard *sim_replay_shard(struct sim_replay *replay)
{
    return replay->shard;
}

void sim_replay_free(struct sim_replay *replay)
{
    if (replay == NULL) return;
    shard_free(replay->shard);
    sim_view_free(replay->view);
    sim_store_free(replay->store);
    free(replay);
}

bool sim_quiet(const struct sim_world *world)
{
    if (!world->accepting) return false;
    for (uint32_t i = 0; i < world->config.shards; i++) {
        const struct sim_shard *shard = &world->shards[i];
        if (!home_quiet(shard->home) || !home_settled(shard->home)) return false;
        if (shard_mail_waits(home_shard(shard->home)) || shard->turning) return false;
    }
    return true;
}

/* ---- faults at rest ------------------------------------------------------------------------ */

void centre_set_full(struct sim_world *world, bool full)
{
    world->full = full;
    disk_set_full(world->disk, full);
    for (uint32_t i = 0; i < world->config.shards; i++)
        sim_store_set_full(world->shards[i].store, full);
}

/* Somewhere before the last block: nobody can tell a last block that rotted from a torn write that
 * nobody was told of (segments.h, THE TAIL). */
void centre_rot(struct sim_world *world)
{
    struct sim_shard *shard = &world->shards[prng_below(&world->prng, world->config.shards)];
    if (shard->last_segment == 0) return;
    char path[SEGMENT_PATH_MAX];
    const uint32_t segment = 1 + (uint32_t)prng_below(&world->prng, shard->last_segment);
    segment_path(shard->path, segment, path);
    uint64_t from = 0, to = SEGMENT_HEAD_SIZE + BLOCK_ALIGN;
    if (segment == shard->last_segment) {
        from = SEGMENT_HEAD_SIZE;
        to = shard->last_block;
    }
    (void)disk_rot(world->disk, path, from, to);
}
