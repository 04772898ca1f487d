/* shard_replay -- the journal back into the state, and checkpoints off the loop.
 *
 * Nothing is judged again: entries are applied as they were decided. Records are decoded a stretch
 * ahead of that, so that memory is asked for in time, as for messages that come. */
#include <errno.h>

#include "shard_internal.h"
#include "types/ensure.h"
#include "util/le.h"

/* The map at least doubles each time it was too small; what is still full then is the disk. */
#define MERGE_ATTEMPTS 8

static int merge_now(struct shard *shard)
{
    int r = merge_run(&shard->merge);
    for (int attempt = 1; r == -ENOSPC && attempt < MERGE_ATTEMPTS; attempt++) {
        r = store_reserve(shard->store, 2 * merge_estimate(&shard->merge));
        if (r == 0) r = merge_run(&shard->merge);
    }
    if (r == 0) state_merged(shard);
    return r;
}

int shard_checkpoint(struct shard *shard)
{
    ENSURE(!shard->writing);
    ENSURE(!shard->frozen_used);
    ENSURE(shard->groups[shard->filling].entries == 0);
    if (delta_count(shard->active) == 0) return 0;
    state_freeze(shard);
    const int r = store_reserve(shard->store, merge_estimate(&shard->merge));
    return r != 0 ? r : merge_now(shard);
}

/* -- room -------------------------------------------------------------------------------------- */

/* How many entries of wallets there are: those may take more ids and marks than others. */
static uint32_t count_wallets(const struct block *block)
{
    struct bytes rest = block->payload;
    uint32_t count = 0;
    while (rest.size >= ENTRY_HEAD_SIZE) {
        const size_t size = le_load32(rest.data);
        if (size < ENTRY_HEAD_SIZE || size > rest.size) break; /* The replay itself will say so. */
        if (le_load16(rest.data + 24) == ENTRY_WALLET) count++;
        rest.data += size;
        rest.size -= size;
    }
    return count;
}

/* Nobody waits for a checkpoint here and none is quicker for being small, so the delta is filled;
 * but for an eighth, which what comes before the first checkpoint of a run finds free. */
static uint64_t entries_most(const struct shard *shard)
{
    return shard->config.delta_entries - shard->config.delta_entries / 8;
}

/* True when the delta takes the ids and marks of a block in which so many entries are wallets'. */
static bool takes_ids(const struct shard *shard, const struct block *block, uint64_t wallets)
{
    const uint64_t most = entries_most(shard);
    uint32_t marks;
    (void)delta_marks(shard->active, &marks);
    return marks + 2 * block->entry_count + wallets * WALLET_MARKS_MAX <= most &&
           delta_ids(shard->active) + block->entry_count * IDS_PER_ENTRY +
                   wallets * WALLET_ENTRY_IDS_MAX <=
               most * IDS_PER_ENTRY;
}

/* True when the delta takes the block, whatever is in it. */
static bool delta_takes(const struct shard *shard, const struct block *block)
{
    return delta_count(shard->active) + block->entry_count <= entries_most(shard) &&
           delta_has_room(shard->active, block->payload.size) &&
           (takes_ids(shard, block, block->entry_count) ||
            takes_ids(shard, block, count_wallets(block)));
}

/* -- entries ----------------------------------------------------------------------------------- */

struct decoded {
    struct entry entry;
    struct bytes bytes;
    struct record record;
};

/* Decodes the next `count` entries and takes them from `rest`. False when they do not follow those
 * that were applied. */
static bool decode_stretch(const struct shard *shard, struct bytes *rest, uint32_t count,
                           struct decoded *ret_stretch)
{
    int64_t stamp_ms = shard->stamp_ms;
    for (uint32_t i = 0; i < count; i++) {
        struct decoded *next = &ret_stretch[i];
        const size_t size = entry_decode_trusted(*rest, &next->entry);
        if (size == 0 || next->entry.seq != shard->last_seq + 1 + i ||
            next->entry.stamp_ms < stamp_ms)
            return false;
        stamp_ms = next->entry.stamp_ms;
        next->bytes = (struct bytes){rest->data, size};
        *rest = (struct bytes){rest->data + size, rest->size - size};
        record_ahead(shard, &next->entry, &shard->scratch[i].settlement, &next->record);
    }
    return true;
}

static void apply_stretch(struct shard *shard, const struct decoded *stretch, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct decoded *next = &stretch[i];
        if (shard->watch != NULL) shard->watch(shard->watch_context, shard, &next->entry);
        state_apply(shard, &next->entry, &next->record, next->bytes);
    }
}

int shard_replay(struct shard *shard, const struct block *block,
                 const uint8_t hash[BLOCK_HASH_SIZE], uint32_t segment, uint32_t offset,
                 uint32_t end)
{
    struct bytes rest = block->payload;
    struct decoded stretch[STRETCH];

    if (!delta_takes(shard, block) ||
        !shelf_has_room(shard->shelf, 0, shelf_replay_max(shard) + shard->mail_unshelved)) {
        const int r = shard_checkpoint(shard);
        if (r != 0) return r;
    }
    for (uint32_t done = 0; done < block->entry_count;) {
        const uint32_t left = block->entry_count - done;
        const uint32_t count = left < STRETCH ? left : STRETCH;
        if (!decode_stretch(shard, &rest, count, stretch)) return -EUCLEAN;
        apply_stretch(shard, stretch, count);
        done += count;
    }
    if (rest.size != 0) return -EUCLEAN;
    delta_keep(shard->active);
    shelf_spend_anew(shard);
    if (block->entry_count != 0) note_block(shard, block->first_seq, segment, offset);
    shard->durable_seq = shard->last_seq;
    mail_seal(shard);
    mail_durable(shard);
    shard->next_block = block->number + 1;
    memcpy(shard->hash, hash, sizeof shard->hash);
    shard->segment = segment;
    shard->offset = end;
    shard->journal_bytes += end - offset;
    return 0;
}

void shard_watch(struct shard *shard, shard_watch_fn *watch, void *context)
{
    shard->watch = watch;
    shard->watch_context = context;
}
