/* shard_bodies -- the shard without network and disk, its replay, and its merge into the store.
 *
 * The driver here is the shortest there can be: it hands over pre-encoded messages, takes every
 * block as written at once, and runs merges on the same thread. */
#include <stdlib.h>

#include "bench/bodies.h"
#include "bench/corpus.h"
#include "codec/messages.h"
#include "journal/block.h"
#include "journal/entry.h"
#include "ledger/merge.h"
#include "ledger/person_index.h"
#include "shard.h"
#include "shard_facts.h"
#include "tests/lib/journal_memory.h"
#include "tests/unit/world/temp_folder.h"
#include "types/ensure.h"
#include "util/le.h"
#include "world/linux/large_pages.h"
#include "world/linux/lmdb_store.h"

#define STEP_REQUESTS 512 /* Messages of one step, and about so many entries of a block. */
#define HASH_SEED     UINT64_C(0x51ce11a7)
#define BLOCK_PLACE   92 /* head_crc: covers the head, and with it payload and chain. */

static const struct bench_clock no_clock;

struct shard_bench {
    struct corpus *corpus;
    uint64_t done; /* Messages of it that were given to the shard. */
    struct tables tables;
    char folder[TEMP_FOLDER_SIZE];
    struct store *store;
    struct shard *shard;
    struct replay_start start;
    struct journal_view journal;    /* In memory: there is no disk. */
    const struct bench_clock *disk; /* Stops while a block is copied there. */
    uint64_t sum;
};

static void open_shard(struct shard_bench *bench)
{
    struct shard_config config;
    const char *why;

    temp_folder_make(bench->folder);
    ENSURE(store_open(bench->folder, false, false, &bench->store) == 0);
    shard_config_init(&config);
    memset(config.store_id, 0x5a, sizeof config.store_id);
    config.hash_seed = HASH_SEED;
    config.tables = &bench->tables;
    config.store = bench->store;
    config.journal = &bench->journal;
    config.memory_made = large_pages_lay;
    ENSURE(shard_open(&config, &bench->shard, &bench->start, &why) == 0);
}

static void close_shard(struct shard_bench *bench)
{
    shard_free(bench->shard);
    store_close(bench->store);
    temp_folder_remove(bench->folder);
}

void bench_shard_finish(void *prepared)
{
    struct shard_bench *bench = prepared;
    close_shard(bench);
    corpus_free(bench->corpus);
    journal_memory_free(&bench->journal);
    free(bench);
}

/* -- the driver ----------------------------------------------------------------------------- */

static void take_span(struct shard_bench *bench, struct result_span span)
{
    for (uint32_t i = 0; i < span.count; i++) {
        const struct result *result = &span.list[i];
        bench->sum += result->seq ^ (uint64_t)result->code << 32 ^ (uint64_t)result->dup << 63 ^
                      (uint64_t)result->state << 56 ^ result->period ^ result->ticket << 40;
    }
}

static void take_results(struct shard_bench *bench, const struct effects *effects)
{
    take_span(bench, effects->results[0]);
    take_span(bench, effects->results[1]); /* Where the shard's ring begins again. */
}

static void merge_inline(struct shard_bench *bench, struct merge *merge,
                         const struct bench_clock *clock)
{
    struct effects effects;
    while (merge != NULL) {
        if (clock->pause != NULL) clock->pause(clock->context);
        const int status = merge_run(merge);
        if (clock->resume != NULL) clock->resume(clock->context);
        const struct event event = {
            .now_ms = CORPUS_NOW_MS, .kind = EVENT_MERGED, .status = status};
        shard_step(bench->shard, &event, &effects);
        take_results(bench, &effects);
        merge = effects.merge;
    }
}

/* The block stands on the disk at once. */
static void write_block(struct shard_bench *bench, struct bytes block, struct effects *effects)
{
    const struct bench_clock *disk = bench->disk;
    bench->sum = bench->sum * 31 + le_load32(block.data + BLOCK_PLACE);
    if (disk->pause != NULL) disk->pause(disk->context);
    const struct memory_block *copy = journal_memory_add(&bench->journal, block, SEGMENT_SIZE);
    if (disk->resume != NULL) disk->resume(disk->context);
    const struct event event = {
        .now_ms = CORPUS_NOW_MS, .kind = EVENT_WRITTEN, .written = copy->place};
    shard_step(bench->shard, &event, effects);
    take_results(bench, effects);
}

static void flush(struct shard_bench *bench, const struct bench_clock *clock)
{
    struct event event = {.now_ms = CORPUS_NOW_MS, .kind = EVENT_FLUSH};
    struct effects effects;
    shard_step(bench->shard, &event, &effects);
    take_results(bench, &effects);
    if (effects.append.size != 0) write_block(bench, effects.append, &effects);
    merge_inline(bench, effects.merge, clock);
}

/* The next `count` messages. */
static uint64_t drive(struct shard_bench *bench, uint64_t count, const struct bench_clock *clock)
{
    const uint64_t end = bench->done + count;
    while (bench->done < end) {
        const uint64_t left = end - bench->done;
        struct event event = {.now_ms = CORPUS_NOW_MS, .kind = EVENT_REQUESTS};
        struct effects effects;
        event.requests.list = bench->corpus->list + bench->done;
        event.requests.count = (uint32_t)(left < STEP_REQUESTS ? left : STEP_REQUESTS);
        shard_step(bench->shard, &event, &effects);
        take_results(bench, &effects);
        bench->done += effects.taken;
        flush(bench, clock);
    }
    return bench->sum;
}

static struct shard_bench *shard_bench_new(uint64_t messages)
{
    struct shard_bench *bench = calloc(1, sizeof *bench);
    ENSURE(bench != NULL);
    bench->disk = &no_clock;
    corpus_tables(&bench->tables);
    bench->corpus = corpus_new(messages, true);
    open_shard(bench);
    return bench;
}

/* A shard that has been at work: half as many messages as will be measured went through it, so
 * that at full size both deltas were filled once and their memory is there. */
void *bench_shard_prepare(uint64_t count)
{
    struct shard_bench *bench = shard_bench_new(count + count / 2);
    (void)drive(bench, count / 2, &no_clock);
    return bench;
}

uint64_t bench_shard_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct shard_bench *bench = prepared;
    bench->disk = clock;
    return drive(bench, count, clock);
}

uint64_t bench_shard_merge_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct shard_bench *bench = prepared;
    bench->disk = clock;
    return drive(bench, count, &no_clock);
}

/* -- replay --------------------------------------------------------------------------------- */

void *bench_replay_prepare(uint64_t count)
{
    struct shard_bench *bench = shard_bench_new(count);
    (void)drive(bench, count, &no_clock);
    close_shard(bench);
    open_shard(bench);
    return bench;
}

/* Every sum is checked, as at a start; checkpoints fall as they do there. */
uint64_t bench_replay_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct shard_bench *bench = prepared;
    uint8_t hash[BLOCK_HASH_SIZE] = {0};
    (void)count, (void)clock;

    for (uint32_t i = 0; i < bench->journal.count; i++) {
        const struct memory_block *stored = &bench->journal.blocks[i];
        const struct block_place place = stored->place;
        struct block block;
        ENSURE(block_open((struct bytes){stored->bytes, stored->size}, &block, hash) ==
               BLOCK_SOUND);
        ENSURE(shard_replay(bench->shard, &block, hash, place.segment, place.offset, place.end) ==
               0);
    }
    struct shard_status status;
    shard_get_status(bench->shard, &status);
    return le_load64(hash) + status.last_seq;
}

/* -- merge ---------------------------------------------------------------------------------- */

#define MERGE_IDS_PER_ENTRY 2
#define MERGE_CELLS         2048
#define MERGE_MARK_EVERY    98 /* As refunds are in the workload. */

struct merge_bench {
    struct merge merge;
    struct delta *delta;
    struct shelf *shelf; /* Empty. */
    struct cell *cells;
    char folder[TEMP_FOLDER_SIZE];
};

static uint64_t scattered(uint64_t number)
{
    uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return x ^ x >> 27;
}

/* As the shard leaves it. */
static void add_note(struct delta *delta, const struct entry *entry)
{
    struct settlement s;
    uint32_t field;
    ENSURE(settlement_decode(entry->body, &s, &field));
    const struct posting posting = posting_of(entry, &s);
    struct record_note note = {
        .seq = entry->seq,
        .person = person_bits(s.psn_key),
        .at_ms = s.setl_time,
        .key = posting.key,
        .insu_admdvs = s.insu_admdvs,
        .mdtrtarea_admvs = s.mdtrtarea_admvs,
        .kind = NOTE_RECORD,
        .medfee = posting.medfee,
        .content_hash = settlement_content_hash(&s),
    };
    memcpy(note.funds, posting.funds, sizeof note.funds);
    delta_add_note(delta, &note);
}

static void fill_delta(struct delta *delta, const struct corpus *corpus, uint64_t count)
{
    uint8_t place[ENTRY_SIZE_MAX];
    for (uint64_t i = 0; i < count; i++) {
        const struct entry entry = {
            .seq = i + 1,
            .stamp_ms = CORPUS_NOW_MS,
            .kind = ENTRY_SETTLEMENT,
            .period = CORPUS_MONTH,
            .body = corpus->list[i % corpus->count].body,
        };
        entry_encode(&entry, place);
        delta_append(delta, (struct bytes){place, entry_size(entry.body.size)});
        delta_keep(delta);
        if (i % STEP_REQUESTS == 0) delta_add_block(delta, i + 1, 1 + (uint32_t)(i >> 18), 0);
        add_note(delta, &entry);
        for (uint64_t id = 0; id < MERGE_IDS_PER_ENTRY; id++)
            delta_add_id(delta, scattered(MERGE_IDS_PER_ENTRY * i + id), i + 1);
        if (i % MERGE_MARK_EVERY == 0) delta_put_mark(delta, &(struct mark){.seq = i + 1});
    }
}

void *bench_merge_prepare(uint64_t count)
{
    struct merge_bench *bench = calloc(1, sizeof *bench);
    struct corpus *corpus = corpus_new(1024, false);
    ENSURE(bench != NULL);
    temp_folder_make(bench->folder);
    struct merge *merge = &bench->merge;
    ENSURE(store_open(bench->folder, false, false, &merge->store) == 0);
    bench->delta = delta_new((uint32_t)count + 1, count * 512);
    ENSURE(bench->delta != NULL);
    delta_reset(bench->delta, 1, 1);
    fill_delta(bench->delta, corpus, count);
    corpus_free(corpus);

    bench->cells = calloc(MERGE_CELLS, sizeof *bench->cells);
    bench->shelf = shelf_new(4096);
    ENSURE(bench->shelf != NULL);
    merge->delta = bench->delta;
    merge->shelf = bench->shelf;
    merge->meta = (struct shard_meta){.format = SHARD_META_FORMAT, .seq = count};
    merge->ids_room = (uint32_t)count * MERGE_IDS_PER_ENTRY + PERSON_RUN_SEAL;
    merge->ids = malloc(sizeof *merge->ids * merge->ids_room);
    merge->ids_sorted = malloc(sizeof *merge->ids * merge->ids_room);
    ENSURE(bench->cells != NULL);
    ENSURE(merge->ids != NULL);
    ENSURE(merge->ids_sorted != NULL);
    merge->tallies = malloc(sizeof *merge->tallies);
    ENSURE(merge->tallies != NULL);
    for (uint32_t i = 0; i < MERGE_CELLS; i++)
        bench->cells[i].key = (struct cell_key){.period = i};
    merge->cells = bench->cells;
    merge->cell_count = MERGE_CELLS;
    ENSURE(store_reserve(merge->store, merge_estimate(merge)) == 0);
    return bench;
}

uint64_t bench_merge_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct merge_bench *bench = prepared;
    (void)clock;
    ENSURE(merge_run(&bench->merge) == 0);

    struct bytes key;
    struct bytes value;
    uint8_t last[8];
    be_store64(last, count);
    ENSURE(store_refresh(bench->merge.store) == 0);
    ENSURE(store_floor(bench->merge.store, STORE_RECORD, (struct bytes){last, sizeof last}, &key,
                       &value) == 0);
    return be_load64(key.data) + value.size;
}

void bench_merge_finish(void *prepared)
{
    struct merge_bench *bench = prepared;
    store_close(bench->merge.store);
    temp_folder_remove(bench->folder);
    delta_free(bench->delta);
    shelf_free(bench->shelf);
    free(bench->cells);
    free(bench->merge.ids);
    free(bench->merge.ids_sorted);
    free(bench->merge.tallies);
    free(bench);
}
