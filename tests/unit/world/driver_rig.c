#include "tests/unit/world/driver_rig.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cycle/calendar.h"
#include "deploy/embedded_tables.h"
#include "engine.h"
#include "shard.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/durable.h"
#include "tests/unit/world/temp_folder.h"
#include "wallet/params.h"
#include "world/journal.h"
#include "world/linux/lmdb_store.h"

#define STORE_FIRST_SIZE (1u << 20)
#define SHELF_SIZE       (16u << 20)
#define DELTA_ENTRIES    64 /* Few, so that there are merges. */

struct driver_rig driver;

static struct tables tables;
static struct calendar calendar;
static struct params params;

/* -- the keeper ------------------------------------------------------------------------------- */

int keeper_start(struct keeper *keeper, const char *journal_folder, int wake_fd)
{
    *keeper = (struct keeper){.wake_fd = wake_fd, .folder = journal_folder};
    return 0;
}

void keeper_stop(struct keeper *keeper)
{
    (void)keeper;
}

void keeper_ask_merge(struct keeper *keeper, struct merge *merge)
{
    (void)keeper;
    assert_null(driver.merge);
    driver.merge = merge;
}

void keeper_ask_segment(struct keeper *keeper, uint32_t number)
{
    (void)keeper;
    assert_int_equal(driver.prepare, 0);
    driver.prepare = number;
}

void keeper_hurry(struct keeper *keeper)
{
    (void)keeper;
}

bool keeper_merged(struct keeper *keeper, int *ret_status)
{
    (void)keeper;
    const bool done = driver.merge_done;
    driver.merge_done = false;
    *ret_status = 0;
    return done;
}

bool keeper_prepared(struct keeper *keeper, int *ret_status)
{
    (void)keeper;
    const bool done = driver.prepare_done;
    driver.prepare_done = false;
    *ret_status = driver.prepare_status;
    return done;
}

void keeper_timings(struct keeper *keeper, struct stage_timing *ret_timings)
{
    (void)keeper;
    (void)ret_timings;
}

bool driver_keep(void)
{
    if (driver.loop != NULL && driver.loop->writer.waits_for_segment) driver.segments_waited++;
    if (driver.prepare != 0) {
        const uint32_t number = driver.prepare;
        driver.prepare = 0;
        driver.prepare_done = true;
        driver.prepare_status = 0;
        if (driver.disk_full > 0) {
            driver.disk_full--;
            driver.prepare_status = -ENOSPC;
        } else {
            assert_in_range(number, 1, FAKE_SEGMENTS_MAX - 1);
            fake.prepared[number] = true;
        }
    } else if (driver.merge != NULL) {
        assert_int_equal(merge_run(driver.merge), 0);
        driver.merge = NULL;
        driver.merge_done = true;
    } else {
        return false;
    }
    loop_wake(driver.loop);
    return true;
}

/* -- the journal, read again ------------------------------------------------------------------- */

/* The segments as the writes of the log have them. What is asked for is durable: so it was written.
 */
struct journal_view {
    size_t read; /* Events of the log so far. */
    uint8_t *segments[FAKE_SEGMENTS_MAX];
};

static struct journal_view journal;

static void take_writes(struct journal_view *view)
{
    for (; view->read < fake.log_size; view->read++) {
        const struct fake_event *event = &fake.log[view->read];
        if (event->kind != FAKE_START || event->segment == 0 || event->bytes == NULL) continue;
        if (view->segments[event->segment] == NULL) {
            view->segments[event->segment] = calloc(1, DURABLE_SEGMENT_BYTES);
            assert_non_null(view->segments[event->segment]);
        }
        memcpy(view->segments[event->segment] + event->offset, event->bytes, event->size);
    }
}

int journal_bytes(struct journal_view *view, uint32_t segment, uint32_t offset, size_t size,
                  struct bytes *ret_bytes)
{
    take_writes(view);
    assert_in_range(segment, 1, FAKE_SEGMENTS_MAX - 1);
    assert_in_range(offset, SEGMENT_HEAD_SIZE, DURABLE_SEGMENT_BYTES - 1);
    const size_t rest = DURABLE_SEGMENT_BYTES - offset;
    if (view->segments[segment] == NULL) return -ENOENT;
    *ret_bytes = (struct bytes){view->segments[segment] + offset, size < rest ? size : rest};
    return 0;
}

void journal_unread(struct journal_view *view, uint32_t segment, uint32_t offset, uint64_t seq,
                    int error)
{
    journal_lost(view, segment, offset, seq, error);
}

_Noreturn void journal_lost(const struct journal_view *view, uint32_t segment, uint32_t offset,
                            uint64_t seq, int error)
{
    (void)view;
    fail_msg("segment %u, offset %u: entry %llu: %d", segment, offset, (unsigned long long)seq,
             error);
    abort();
}

static void forget_journal(void)
{
    for (uint32_t i = 0; i < FAKE_SEGMENTS_MAX; i++)
        free(journal.segments[i]);
    journal = (struct journal_view){0};
}

/* -- the engine ------------------------------------------------------------------------------- */

static void load_tables(void)
{
    struct table_error error = {0, ""};
    if (tables_complete(&tables, &error)) return;
    tables_init(&tables);
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct bytes text = {embedded_tables[file].data, embedded_tables[file].size};
        assert_true(tables_load(&tables, (enum table_file)file, text, &error));
    }
    assert_true(tables_complete(&tables, &error));
    params_init(&params);
}

static struct shard *open_shard(void)
{
    struct shard_config config;
    struct replay_start from;
    struct shard *shard;
    const char *why = NULL;
    shard_config_init(&config);
    config.shards = 1;
    memcpy(config.store_id, driver.folder.store_id, STORE_ID_SIZE);
    config.tables = &tables;
    config.params = &params;
    config.store = driver.store;
    config.journal = &journal;
    config.manual_clock = true;
    config.delta_entries = DELTA_ENTRIES;
    config.delta_bytes = 1u << 20;
    config.shelf_bytes = SHELF_SIZE;
    config.directory_ids = 64;
    const int r = shard_open(&config, &shard, &from, &why);
    if (r != 0) fail_msg("shard_open: %d %s", r, why == NULL ? "" : why);
    return shard;
}

void driver_open(bool dsync)
{
    memset(&driver, 0, sizeof driver);
    load_tables();
    temp_folder_make(driver.path);
    assert_int_equal(store_open_sized(driver.path, false, false, STORE_FIRST_SIZE, &driver.store),
                     0);
    driver.folder =
        (struct journal_folder){.path = driver.path, .segment_bytes = DURABLE_SEGMENT_BYTES};
    memcpy(driver.folder.store_id, "0123456789abcdef", STORE_ID_SIZE);
    fake.prepared[1] = true;

    struct engine_config config = {
        .shards = 1,
        .tables = &tables,
        .calendar = &calendar,
        .settings = &tables.cycle,
        .manual_clock = true,
        .sessions_max = LOOP_SESSIONS_MAX,
    };
    memcpy(config.store_id, driver.folder.store_id, STORE_ID_SIZE);
    driver.loops.count = 1;
    driver.loops.listen_fd = FAKE_LISTEN_FD;
    driver.loops.manual_clock = true;
    driver.loops.checkpoint_seconds = 60;
    driver.loops.connections_max = FAKE_SOCKETS_MAX;
    driver.loops.stall_ms = DRIVER_STALL_MS;
    driver.loops.buffer_bytes_max = DRIVER_BUFFER_BYTES;
    driver.loops.engine = engine_new(&config);
    assert_non_null(driver.loops.engine);
    const struct journal_scan scan = {.tail = {.segment = 1}, .tail_exists = true};
    driver.loop = loop_new(&driver.loops, 0, open_shard(), &driver.folder, &scan);
    assert_non_null(driver.loop);
    driver.loops.list[0] = driver.loop;
    driver.loop->writer.dsync = dsync;
}

bool driver_run(void)
{
    jmp_buf end;
    fake.end = &end;
    const bool ended = setjmp(end) != 0;
    if (!ended) loop_run(driver.loop);
    fake.end = NULL;
    if (ended) io_uring_queue_exit(&driver.loop->ring);
    return !ended;
}

void driver_stop(void)
{
    atomic_store(&driver.loops.stopping, true);
    loop_wake(driver.loop);
}

void driver_close(void)
{
    struct loop *loop = driver.loop;
    journal_writer_stop(&loop->writer);
    home_free(loop->home);
    sessions_free(loop);
    free(loop->recv_memory);
    free(loop->recv_ring);
    pthread_mutex_destroy(&loop->handover_mutex);
    free(loop);
    engine_free(driver.loops.engine);
    store_close(driver.store);
    forget_journal();
    temp_folder_remove(driver.path);
    memset(&driver, 0, sizeof driver);
    fake_free();
}
