/* shard_open -- a shard is made, learns what its store knows, and is freed.
 *
 * What the journal has beyond the store's position is brought back by shard_replay.c. Nothing here
 * knows what a step does: it comes before the first one and after the last. */
#include <errno.h>
#include <stdlib.h>

#include "shard_internal.h"
#include "util/large.h"
#include "util/le.h"

#define GROUP_SIZE    (SEGMENT_HEAD_SIZE + 1024 * 1024) /* A multiple of BLOCK_ALIGN. */
#define RUN_IDS_ROOM  (2 * 65536)
#define CELL_SCAN_KEY 8

_Static_assert(RUN_IDS_ROOM >= PERSON_RUN_SEAL, "either run fits into the merge's scratch");

void shard_config_init(struct shard_config *config)
{
    memset(config, 0, sizeof *config);
    config->shards = 1;
    config->delta_entries = 393216;
    config->delta_bytes = 144u * 1024 * 1024;
    config->shelf_bytes = 128u * 1024 * 1024;
    config->directory_ids = 4u * 1024 * 1024;
    config->cells = SHARD_CELLS_MONTH * 48;
}

/* -- memory --------------------------------------------------------------------------------- */

void shard_free(struct shard *shard)
{
    if (shard == NULL) return;
    for (uint32_t i = 0; i < shard->control_count; i++)
        free(shard->controls[i].result.data); /* Nobody received it. */
    for (uint64_t i = shard->waiting_head; i < shard->waiting_tail; i++)
        free(shard->results[i % RESULTS_MAX].data);
    free(shard->params);
    dues_free(shard->dues);
    free(shard->applied);
    free(shard->work);
    free(shard->mail_ring);
    free(shard->recent);
    book_free(shard->book);
    directory_free(shard->directory);
    delta_free(shard->active);
    delta_free(shard->frozen);
    shelf_free(shard->shelf);
    shelf_free(shard->shelf_frozen);
    free(shard->groups[0].buffer);
    free(shard->merge_cells);
    free(shard->merge.ids);
    free(shard->merge.ids_sorted);
    free(shard->merge.tallies);
    free(shard->results);
    free(shard->waits);
    free(shard->failures);
    free(shard->scratch);
    free(shard->opened);
    free(shard->unread);
    free(shard);
}

static struct shard *shard_new(const struct shard_config *config)
{
    struct shard *shard = calloc(1, sizeof *shard);
    if (shard == NULL) return NULL;
    shard->config = *config;
    shard->tables = config->tables;
    shard->store = config->store;
    shard->journal = config->journal;
    shard->book = book_new(config->cells);
    shard->directory = directory_new(config->directory_ids);
    shard->active = delta_new(config->delta_entries, config->delta_bytes);
    shard->frozen = delta_new(config->delta_entries, config->delta_bytes);
    shard->shelf = shelf_new(config->shelf_bytes);
    shard->shelf_frozen = shelf_new(config->shelf_bytes);
    shard->groups[0].buffer = large_new(2 * GROUP_SIZE);
    shard->merge_cells = malloc(sizeof *shard->merge_cells * config->cells);
    shard->merge.ids_room = config->delta_entries * IDS_PER_ENTRY + RUN_IDS_ROOM;
    shard->merge.ids = malloc(sizeof *shard->merge.ids * shard->merge.ids_room);
    shard->merge.ids_sorted = malloc(sizeof *shard->merge.ids * shard->merge.ids_room);
    shard->merge.tallies = malloc(sizeof *shard->merge.tallies);
    shard->merge.store = config->store;
    shard->results = calloc(RESULTS_MAX, sizeof *shard->results);
    shard->waits = calloc(RESULTS_MAX, sizeof *shard->waits);
    shard->failures = malloc(sizeof *shard->failures * FAILURES_RING);
    shard->scratch = malloc(sizeof *shard->scratch * STRETCH);
    shard->opened = malloc(sizeof *shard->opened * STRETCH);
    shard->params = malloc(sizeof *shard->params);
    shard->dues = dues_new(DUES_MAX);
    shard->applied = malloc(sizeof *shard->applied);
    shard->work = malloc(sizeof *shard->work);
    shard->mail_ring = mail_ring_new(config->shards);
    shard->recent = recent_new();
    shard->unread = calloc(1, sizeof *shard->unread);
    if (shard->book == NULL || shard->directory == NULL || shard->active == NULL ||
        shard->frozen == NULL || shard->shelf == NULL || shard->shelf_frozen == NULL ||
        shard->groups[0].buffer == NULL || shard->merge_cells == NULL || shard->merge.ids == NULL ||
        shard->merge.ids_sorted == NULL || shard->merge.tallies == NULL || shard->results == NULL ||
        shard->waits == NULL || shard->failures == NULL || shard->scratch == NULL ||
        shard->params == NULL || shard->dues == NULL || shard->applied == NULL ||
        shard->work == NULL || shard->opened == NULL || shard->mail_ring == NULL ||
        shard->recent == NULL || shard->unread == NULL) {
        shard_free(shard);
        return NULL;
    }
    shard->groups[1].buffer = shard->groups[0].buffer + GROUP_SIZE;
    return shard;
}

size_t shard_memory(const struct shard *shard)
{
    return 2 * delta_bytes(shard->active) + 2 * shelf_bytes(shard->shelf) +
           directory_bytes(shard->directory) + 2 * sizeof(struct cell) * shard->config.cells +
           2 * GROUP_SIZE + RESULTS_MAX * (sizeof(struct result) + sizeof(struct wait)) +
           FAILURES_RING * sizeof(struct failure) + 2 * shard->merge.ids_room * sizeof(struct id) +
           sizeof *shard->merge.tallies + dues_bytes(shard->dues) + sizeof *shard->params +
           sizeof *shard->work + sizeof *shard->applied + mail_ring_bytes(shard->config.shards) +
           recent_bytes();
}

/* What is filled from the front, and seldom to the end. */
static struct bytes front(struct bytes memory, size_t size)
{
    return (struct bytes){memory.data, size};
}

/* What is looked into anywhere, by judging and by sorting for a merge, and what is written all the
 * time: of the first no page shall have to be searched for, of none one be made while there is
 * work. Of the cells nobody knows how many will be used: all those of a month are soon.
 * Where merges keep up, no more of a delta's bytes is used than part_of_persons() says, and rows
 * take no more than half of a shelf. */
static void tell_of_memory(const struct shard *shard)
{
    const struct merge *merge = &shard->merge;
    const size_t ids_size = merge->ids_room * sizeof *merge->ids;
    const uint32_t cells = shard->config.cells;
    const size_t room_used = part_of_persons(shard->config.delta_bytes);
    const size_t rows_used = shelf_rows(shard->shelf).size / 2;
    const size_t month_size =
        (cells < SHARD_CELLS_MONTH ? cells : SHARD_CELLS_MONTH) * sizeof(struct cell);
    const struct {
        struct bytes memory;
        bool whole;
    } list[] = {
        {directory_table(shard->directory), true},
        {delta_tables(shard->active), true},
        {delta_tables(shard->frozen), true},
        {front(delta_room(shard->active), room_used), true},
        {front(delta_room(shard->frozen), room_used), true},
        {delta_mark_table(shard->active), true},
        {delta_mark_table(shard->frozen), true},
        {shelf_table(shard->shelf), true},
        {shelf_table(shard->shelf_frozen), true},
        {front(shelf_rows(shard->shelf), rows_used), true},
        {front(shelf_rows(shard->shelf_frozen), rows_used), true},
        {{(const uint8_t *)merge->ids, ids_size}, true},
        {{(const uint8_t *)merge->ids_sorted, ids_size}, true},
        {{(const uint8_t *)shard->results, RESULTS_MAX * sizeof *shard->results}, true},
        {{(const uint8_t *)shard->waits, RESULTS_MAX * sizeof *shard->waits}, true},
        {{shard->groups[0].buffer, large_size(2 * GROUP_SIZE)}, true},
        {book_memory(shard->book), false},
        {{book_memory(shard->book).data, month_size}, true},
        {{(const uint8_t *)shard->merge_cells, month_size}, true},
    };
    if (shard->config.memory_made == NULL) return;
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++)
        shard->config.memory_made(list[i].memory, list[i].whole);
}

/* -- the state ------------------------------------------------------------------------------ */

static int read_cells(struct shard *shard, const char **ret_why)
{
    uint8_t key[CELL_SCAN_KEY] = {0};
    struct bytes found;
    struct bytes value;
    int r;

    while ((r = store_ceiling(shard->store, STORE_CELL, (struct bytes){key, sizeof key}, &found,
                              &value)) == 0) {
        struct cell cell;
        if (!cell_read(found, value, &cell)) {
            *ret_why = "a cell in the store makes no sense";
            return -EUCLEAN;
        }
        if (!book_restore(shard->book, &cell)) {
            *ret_why = "a cell in the store does not balance or has no place";
            return -EUCLEAN;
        }
        /* The next possible key: count up the eight bytes. */
        be_store64(key, be_load64(found.data) + 1);
    }
    return r == -ENOENT ? 0 : r;
}

static int read_ids(struct shard *shard, const char **ret_why)
{
    uint8_t key[12] = {0};
    struct bytes found;
    struct bytes value;
    int r;

    while ((r = store_ceiling(shard->store, STORE_ID, (struct bytes){key, sizeof key}, &found,
                              &value)) == 0) {
        const uint32_t run = found.size == sizeof key ? be_load32(found.data) : 0;
        if (run == 0 || run > DIRECTORY_RUN_MAX || value.size % sizeof(struct id) != 0) {
            *ret_why = "a chunk of ids in the store makes no sense";
            return -EUCLEAN;
        }
        for (size_t i = 0; i < value.size; i += sizeof(struct id)) {
            directory_add(shard->directory, le_load64(value.data + i), run);
        }
        const uint64_t hash = be_load64(found.data + 4);
        be_store32(key, hash == UINT64_MAX ? run + 1 : run);
        be_store64(key + 4, hash + 1);
    }
    return r == -ENOENT ? 0 : r;
}

/* Nothing is known: the journal is read from its first block. */
static int begin_empty(struct shard *shard)
{
    shard->next_block = 1;
    block_chain_start(shard->config.store_id, shard->config.shard, shard->hash);
    if (shard->config.manual_clock) shard->stamp_ms = MANUAL_CLOCK_START_MS;
    delta_reset(shard->active, 1, 1);
    return 0;
}

/* A store without a position: it was never written to, or has lost it. Rows it may hold would be
 * counted a second time, so they go. */
static int begin_without_position(struct shard *shard)
{
    struct bytes key, value;
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        int r = store_ceiling(shard->store, (enum store_table)table, (struct bytes){NULL, 0}, &key,
                              &value);
        if (r == 0) {
            r = store_clear(shard->store);
            return r == 0 ? begin_empty(shard) : r;
        }
        if (r != -ENOENT) return r;
    }
    return begin_empty(shard);
}

static int read_state(struct shard *shard, const char **ret_why)
{
    struct bytes value;
    struct shard_meta meta;
    int r = store_refresh(shard->store);
    if (r != 0) return r;

    r = store_get(shard->store, STORE_META, bytes_of("meta"), &value);
    if (r == -ENOENT) return begin_without_position(shard);
    if (r != 0) return r;
    if (value.size != sizeof meta) {
        *ret_why = "the store's position has the wrong size";
        return -EUCLEAN;
    }
    memcpy(&meta, value.data, sizeof meta);
    if (shard_meta_is_old(meta.format) && meta.shard == shard->config.shard) {
        r = store_clear(shard->store); /* It lacks much of its records: made anew. */
        return r == 0 ? begin_empty(shard) : r;
    }
    if (meta.format != SHARD_META_FORMAT || meta.shard != shard->config.shard || meta.run == 0 ||
        meta.run > DIRECTORY_RUN_MAX) {
        *ret_why = "the store's position is of another format or shard";
        return -EUCLEAN;
    }
    shard->last_seq = shard->durable_seq = shard->checkpoint_seq = meta.seq;
    shard->stamp_ms = meta.stamp_ms;
    shard->next_block = meta.next_block;
    shard->segment = meta.segment;
    shard->offset = meta.offset;
    memcpy(shard->hash, meta.hash, sizeof shard->hash);
    shard->cut_through = meta.cut_through;
    shard->closed_year = meta.closed_year;
    shard->cuts = meta.cuts;
    shard->run_ids = meta.run_ids;
    shard->journal_bytes = meta.journal_bytes;
    delta_reset(shard->active, meta.seq + 1, meta.run);
    r = read_cells(shard, ret_why);
    return r == 0 ? read_ids(shard, ret_why) : r;
}

/* -- opening -------------------------------------------------------------------------------- */

int shard_open(const struct shard_config *config, struct shard **ret_shard,
               struct replay_start *ret_from, const char **ret_why)
{
    struct shard *shard = shard_new(config);
    *ret_why = NULL;
    if (shard == NULL) return -ENOMEM;
    tell_of_memory(shard);
    int r = read_state(shard, ret_why);
    if (r == 0) r = persons_open(shard, ret_why);
    if (r != 0) {
        shard_free(shard);
        return r;
    }
    ret_from->next_seq = shard->last_seq + 1;
    ret_from->next_block = shard->next_block;
    ret_from->segment = shard->segment;
    ret_from->offset = shard->offset;
    memcpy(ret_from->hash, shard->hash, sizeof ret_from->hash);
    *ret_shard = shard;
    return 0;
}
