#include "tests/sim/evidence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "deploy/embedded_tables.h"
#include "tests/sim/look.h"
#include "tools/verify/compare.h"
#include "types/ensure.h"
#include "world/linux/files.h"
#include "world/linux/segments.h"

/* -- the disk ------------------------------------------------------------------------------------
 */

/* The whole file, malloc'ed. False when there is none. */
static bool read_file(const char *path, struct segment_map *ret_map)
{
    int file;
    uint64_t size = 0, got = 0;
    if (file_open(path, FILE_READ, &file) != 0) return false;
    ENSURE(file_size(file, &size) == 0);
    uint8_t *data = malloc((size_t)size);
    ENSURE(data != NULL);
    while (got < size) {
        const int64_t more = file_read(file, data + got, (size_t)(size - got), got);
        ENSURE(more > 0);
        got += (uint64_t)more;
    }
    file_close(file);
    *ret_map = (struct segment_map){data, (size_t)size};
    return true;
}

/* What chain_open() does, from the world's disk. */
static void open_chain(struct chain *chain, struct sim_world *world, uint32_t shard)
{
    char path[SEGMENT_PATH_MAX];
    struct segment_map map;
    *chain = (struct chain){
        .shard = shard,
        .offset = SEGMENT_HEAD_SIZE,
        .next_block = 1,
        .next_seq = 1,
        .stamp_ms = INT64_MIN,
    };
    memcpy(chain->store_id, sim_store_id(world), STORE_ID_SIZE);
    block_chain_start(chain->store_id, shard, chain->previous);
    for (;;) {
        segment_path(sim_journal_folder(world, shard), chain->segment_count + 1, path);
        if (!read_file(path, &map)) return;
        chain->segments =
            realloc(chain->segments, (chain->segment_count + 1) * sizeof *chain->segments);
        ENSURE(chain->segments != NULL);
        chain->segments[chain->segment_count++] = map;
    }
}

/* -- one shard -------------------------------------------------------------------------------- */

static void keep(struct evidence_shard *shard, const struct entry *entry)
{
    if (shard->count == shard->room) {
        shard->room = shard->room == 0 ? 1024 : 2 * shard->room;
        shard->entries = realloc(shard->entries, shard->room * sizeof *shard->entries);
        ENSURE(shard->entries != NULL);
    }
    shard->entries[shard->count++] = *entry;
}

static bool take(struct evidence *evidence, uint32_t index, const struct entry *entry,
                 place_t place, struct finding *finding)
{
    struct evidence_shard *shard = &evidence->shard[index];
    keep(shard, entry);
    return recount_add(&shard->recount, entry, place, finding) &&
           (entry->kind != ENTRY_CYCLE ||
            cycle_check_add(evidence->cycle, entry->body, entry->seq, finding)) &&
           wallet_check_add(evidence->wallets, index, entry, finding);
}

/* The journal to its end, and what the store holds where it stands. */
static bool read_shard(struct evidence *evidence, struct sim_world *world, uint32_t index,
                       struct finding *finding)
{
    struct evidence_shard *shard = &evidence->shard[index];
    struct store *store = sim_store(world, index);
    struct recount_state at = {0};
    struct shard_meta meta = {0};
    bool reached = false, good = true;

    open_chain(&shard->chain, world, index);
    ENSURE(recount_init(&shard->recount, &shard->chain, evidence->shards));
    ENSURE(store_refresh(store) == 0);
    const int there = compare_meta(store, index, &meta, finding);
    if (there < 0) return false;
    while (good) {
        struct entry entry;
        place_t place;
        const enum chain_step step = chain_next(&shard->chain, &entry, &place, finding);
        if (step == CHAIN_BROKEN) return false;
        if (step == CHAIN_END) break;
        good = take(evidence, index, &entry, place, finding);
        if (!good || there != 1 || entry.seq != meta.seq) continue;
        reached = true;
        good = compare_position(&meta, &shard->recount, finding) &&
               recount_copy(&shard->recount.state, &at) &&
               wallet_check_store(evidence->wallets, index, store, finding);
    }
    if (good && there == 1 && meta.seq != 0) {
        good = reached ? compare_store(store, &meta, &shard->recount, &at, sim_hash_seed(world),
                                       finding)
                       : finding_set(finding,
                                     "shard %u: the state has seen seq %" PRIu64
                                     ", and the journal ends before it",
                                     index, meta.seq);
    }
    recount_state_done(&at);
    return good && recount_check_cells(&shard->recount, finding);
}

/* -- all of them ------------------------------------------------------------------------------ */

const struct params *evidence_rules(void)
{
    static struct params params;
    char why[256];
    if (params.count != 0) return &params;
    params_init(&params);
    for (size_t i = 0; i < embedded_table_count; i++) {
        const struct bytes text = {embedded_tables[i].data, embedded_tables[i].size};
        if (strcmp(embedded_tables[i].name, "provincial_rules.csv") == 0)
            ENSURE(params_load(&params, text, why, sizeof why));
    }
    return &params;
}

static void load_rules(struct wallet_check *wallets)
{
    const struct params *params = evidence_rules();
    for (uint32_t i = 0; i < params->count; i++)
        ENSURE(wallet_check_rule(wallets, &params->rows[i]));
}

bool evidence_read(struct evidence *evidence, struct sim_world *world, uint32_t shards,
                   struct finding *finding)
{
    ENSURE(shards <= EVIDENCE_SHARDS_MAX);
    sim_use_disk(world);
    *evidence = (struct evidence){
        .shards = shards,
        .cycle = cycle_check_new(),
        .wallets = wallet_check_new(shards),
    };
    ENSURE(evidence->cycle != NULL && evidence->wallets != NULL);
    load_rules(evidence->wallets);
    for (uint32_t i = 0; i < shards; i++) {
        if (!read_shard(evidence, world, i, finding)) return false;
    }
    for (uint32_t i = 0; i < shards; i++)
        ENSURE(months_add(&evidence->months, &evidence->shard[i].recount.state));
    return months_finish(&evidence->months, finding) &&
           cycle_check_finish(evidence->cycle, &evidence->months, finding) &&
           wallet_check_finish(evidence->wallets, finding);
}

void evidence_done(struct evidence *evidence)
{
    for (uint32_t i = 0; i < evidence->shards; i++) {
        struct evidence_shard *shard = &evidence->shard[i];
        for (uint32_t s = 0; s < shard->chain.segment_count; s++)
            free((void *)(uintptr_t)shard->chain.segments[s].data);
        free(shard->chain.segments);
        if (shard->recount.chain != NULL) recount_done(&shard->recount);
        free(shard->entries);
    }
    months_done(&evidence->months);
    cycle_check_free(evidence->cycle);
    wallet_check_free(evidence->wallets);
}
