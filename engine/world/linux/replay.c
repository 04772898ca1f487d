/* replay -- see replay.h. */
#include "world/linux/replay.h"

#include <errno.h>

#include "world/linux/crash_point.h"

/* What the callbacks know. */
struct replay {
    struct shard *shard;
    struct problem *problem;
    journal_progress_fn *progress;
    void *context;
};

static int replay_block(void *context, const struct block *block, uint32_t segment, uint64_t offset,
                        const struct journal_position *after)
{
    struct replay *replay = context;
    /* A block may stand alone at the front of the next segment: `after` knows where it ends. */
    const int r = shard_replay(replay->shard, block, after->previous, after->segment,
                               (uint32_t)offset, (uint32_t)after->offset);
    if (r == 0) return 0;
    return problem_set(replay->problem, r,
                       "shard %u: block %llu at %08u.qfj:%llu cannot be applied: %s", block->shard,
                       (unsigned long long)block->number, segment, (unsigned long long)offset,
                       r == -EUCLEAN ? "its entries make no sense" : strerror(-r));
}

static void tell_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    const struct replay *replay = context;
    if (replay->progress != NULL) replay->progress(replay->context, done_bytes, total_bytes);
}

int replay_journal(struct shard *shard, const struct journal_folder *folder,
                   const struct replay_start *from, journal_progress_fn *progress, void *context,
                   struct journal_scan *ret_scan, struct problem *problem)
{
    struct replay replay = {shard, problem, progress, context};
    struct journal_position start;
    const struct journal_reader reader = {
        .block = replay_block,
        .progress = tell_progress,
        .context = &replay,
        .must_reach_seq = from->next_seq - 1,
    };
    if (from->segment == 0) {
        journal_start(folder, &start);
    } else {
        start = (struct journal_position){
            .segment = from->segment,
            .offset = from->offset,
            .next_block = from->next_block,
            .next_seq = from->next_seq,
        };
        memcpy(start.previous, from->hash, sizeof start.previous);
    }
    const int r = journal_scan(folder, &start, &reader, ret_scan, problem);
    crash_point("boot-scanned");
    return r != 0 ? r : journal_mend(folder, ret_scan, problem);
}
