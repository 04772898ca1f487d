/* month -- what merges write while a month of one shard goes by: bytes a record, in quarters.
 *
 * A shard without network and disk takes a whole month of the workload, records made as they go,
 * and every merge runs on the same thread into a store on disk. What it wrote is what the kernel
 * was given (/proc/self/io, wchar), so it is the same on a busy machine. A shard of two has half of
 * the year's 25.7 million a month: 12,850,000.
 *
 * The journal stands in memory: some 230 bytes a record. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/corpus.h"
#include "codec/messages.h"
#include "journal/block.h"
#include "ledger/merge.h"
#include "shard.h"
#include "tests/lib/journal_memory.h"
#include "tests/unit/world/temp_folder.h"
#include "tools/workload/workload.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"
#include "world/linux/lmdb_store.h"
#include "world/linux/timings.h"

#define WRITTEN       "wchar:" /* Of /proc/self/io. */
#define STEP_REQUESTS 512
#define QUARTERS      4
#define COUNT_LEAST   1000 /* The workload's own. */
#define SCATTER       UINT64_C(0x9e3779b97f4a7c15)

struct quarter {
    uint64_t merges;
    uint64_t records;
    uint64_t bytes;
    uint64_t cpu_ns;
};

struct month {
    struct workload workload;
    bool scattered;
    uint64_t count;
    uint64_t made;
    uint64_t stride; /* From a record to the next one, when they come in no order of their days. */
    struct tables tables;
    char folder[TEMP_FOLDER_SIZE];
    struct store *store;
    struct shard *shard;
    struct journal_view journal;
    struct quarter quarters[QUARTERS];
    struct request requests[STEP_REQUESTS];
    uint8_t bodies[STEP_REQUESTS][SETTLEMENT_ENCODED_MAX];
};

/* Bytes this process has given to the kernel to write. */
static uint64_t written_bytes(void)
{
    uint64_t bytes = 0;
    char line[64];
    FILE *const file = fopen("/proc/self/io", "r");
    NEED(file != NULL, "/proc/self/io to read");
    while (fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, WRITTEN, strlen(WRITTEN)) == 0)
            bytes = strtoull(line + strlen(WRITTEN), NULL, 10);
    }
    (void)fclose(file);
    return bytes;
}

/* -- the shard's driver ---------------------------------------------------------------------- */

static void merge_counted(struct month *month, struct merge *merge)
{
    struct effects effects;
    while (merge != NULL) {
        struct quarter *const quarter =
            &month->quarters[(month->made - 1) * QUARTERS / month->count];
        const uint64_t before = written_bytes();
        const uint64_t before_ns = timings_cpu();
        const int status = merge_run(merge);
        quarter->cpu_ns += timings_cpu() - before_ns;
        quarter->bytes += written_bytes() - before;
        quarter->records += delta_count(merge->delta);
        quarter->merges++;
        const struct event event = {
            .now_ms = CORPUS_NOW_MS, .kind = EVENT_MERGED, .status = status};
        shard_step(month->shard, &event, &effects);
        merge = effects.merge;
    }
}

static void flush(struct month *month)
{
    struct event event = {.now_ms = CORPUS_NOW_MS, .kind = EVENT_FLUSH};
    struct effects effects;
    shard_step(month->shard, &event, &effects);
    if (effects.append.size != 0) {
        event.kind = EVENT_WRITTEN;
        event.written = journal_memory_add(&month->journal, effects.append, SEGMENT_SIZE)->place;
        shard_step(month->shard, &event, &effects);
    }
    merge_counted(month, effects.merge);
}

static void give(struct month *month, uint32_t count)
{
    for (uint32_t taken = 0; taken < count;) {
        struct event event = {.now_ms = CORPUS_NOW_MS, .kind = EVENT_REQUESTS};
        struct effects effects;
        event.requests.list = month->requests + taken;
        event.requests.count = count - taken;
        shard_step(month->shard, &event, &effects);
        taken += effects.taken;
        flush(month);
    }
}

/* -- the month ------------------------------------------------------------------------------- */

static const struct workload_item *next_item(struct month *month)
{
    if (!month->scattered) return workload_next(&month->workload);
    return workload_record(&month->workload, month->made * month->stride % month->count);
}

static bool make_request(struct month *month, uint32_t place)
{
    uint8_t psn_key[PSN_KEY_SIZE];
    if (month->made == month->count) return false;
    const struct workload_item *item = next_item(month);
    if (item == NULL) return false;
    struct settlement settlement = item->settlement;
    le_store64(psn_key, checksum_hash64(1, item->psn_no.data, item->psn_no.size));
    le_store64(psn_key + 8, checksum_hash64(2, item->psn_no.data, item->psn_no.size));
    settlement.psn_key = (struct bytes){psn_key, sizeof psn_key};
    const size_t size = settlement_encode(&settlement, month->bodies[place]);
    month->requests[place] = (struct request){
        .type = MESSAGE_SETL_POST,
        .ticket = month->made++,
        .body = {month->bodies[place], size},
    };
    return true;
}

/* No factor in common with the count, so that every record comes once. */
static uint64_t stride_for(uint64_t count)
{
    uint64_t stride = SCATTER % count | 1;
    for (;; stride += 2) {
        uint64_t a = count;
        uint64_t b = stride;
        while (b != 0) {
            const uint64_t rest = a % b;
            a = b;
            b = rest;
        }
        if (a == 1) return stride;
    }
}

static struct month *month_new(uint64_t count, bool scattered)
{
    const struct workload_config workload = {.month = CORPUS_MONTH, .seed = 7, .count = count};
    struct shard_config config;
    struct replay_start start;
    const char *why;
    struct month *month = calloc(1, sizeof *month);
    NEED_MEMORY(month);
    month->count = count;
    month->scattered = scattered;
    month->stride = stride_for(count);
    corpus_tables(&month->tables);
    workload_init(&month->workload, &workload);
    temp_folder_make(month->folder);
    ENSURE(store_open(month->folder, false, false, &month->store) == 0);
    shard_config_init(&config);
    config.tables = &month->tables;
    config.store = month->store;
    config.journal = &month->journal;
    config.directory_ids = 2 * count + count / 8;
    ENSURE(shard_open(&config, &month->shard, &start, &why) == 0);
    return month;
}

static void month_free(struct month *month)
{
    shard_free(month->shard);
    store_close(month->store);
    temp_folder_remove(month->folder);
    journal_memory_free(&month->journal);
    free(month);
}

static void tell(const struct month *month)
{
    struct quarter all = {0};
    for (int i = 0; i < QUARTERS; i++) {
        const struct quarter *quarter = &month->quarters[i];
        all.merges += quarter->merges;
        all.records += quarter->records;
        all.bytes += quarter->bytes;
        if (quarter->records == 0) continue;
        printf("quarter %d: %" PRIu64 " merges, %" PRIu64 " bytes a record, %" PRIu64
               " ns of processor\n",
               i + 1, quarter->merges, quarter->bytes / quarter->records,
               quarter->cpu_ns / quarter->records);
    }
    struct shard_status status;
    shard_get_status(month->shard, &status);
    if (all.records == 0) return;
    printf("all: %" PRIu64 " records, %" PRIu64 " bytes of state a record, written %" PRIu64
           ", journal %" PRIu64 "\n",
           all.records, store_bytes(month->store) / all.records, all.bytes / all.records,
           status.journal_bytes / status.last_seq);
}

int main(int argc, char **argv)
{
    const uint64_t count = argc >= 2 ? strtoull(argv[1], NULL, 10) : 0;
    const bool scattered = argc == 3 && strcmp(argv[2], "scattered") == 0;
    if (count < COUNT_LEAST || argc > 3 || (argc == 3 && !scattered)) {
        fprintf(stderr, "usage: bench_month COUNT [scattered]\n"
                        "COUNT records, 1000 at least; scattered: in no order of their days\n");
        return 2;
    }
    struct month *month = month_new(count, scattered);
    uint32_t filled = 0;
    while (make_request(month, filled)) {
        if (++filled < STEP_REQUESTS) continue;
        give(month, filled);
        filled = 0;
    }
    give(month, filled);
    tell(month);
    month_free(month);
    return 0;
}
