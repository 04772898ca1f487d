#include "tools/backup/walk.h"

#include <errno.h>
#include <inttypes.h>

static int not_the_end(const struct blocks *blocks, uint64_t offset, const char *what,
                       struct problem *problem)
{
    return problem_set(problem, -EUCLEAN, "%s, offset %" PRIu64 ": %s",
                       blocks_path(blocks, blocks->position.segment), offset, what);
}

static bool same_position(const struct journal_position *a, const struct journal_position *b)
{
    return a->segment == b->segment && a->offset == b->offset && a->next_block == b->next_block &&
           a->next_seq == b->next_seq && memcmp(a->previous, b->previous, BLOCK_HASH_SIZE) == 0;
}

/* From block to block until the run's end. A segment of a backup ends with its last block. */
static int follow(struct blocks *blocks, const struct backup_shard *until, walk_fn *each,
                  void *context, struct problem *problem)
{
    while (blocks->position.next_block < until->end.next_block) {
        const struct journal_position before = blocks->position;
        const uint64_t size = blocks->size;
        struct found_block found;
        int r = blocks_next(blocks, &found, problem);
        if (r < 0) return r;
        if (r == 0) return blocks_missing(blocks, until->end.next_seq - 1, problem);
        if (found.segment != before.segment && before.offset != 0 && before.offset != size)
            return problem_set(problem, -EUCLEAN,
                               "%s, offset %" PRIu64 ": bytes follow the last block of the segment",
                               blocks_path(blocks, before.segment), before.offset);
        r = each(context, &found, &blocks->position);
        if (r == WALK_STOP) return 0;
        if (r != 0) return r;
    }
    if (!same_position(&blocks->position, &until->end) || blocks->stamp_ms != until->stamp_ms)
        return not_the_end(blocks, blocks->position.offset,
                           "the journal does not end as the run says", problem);
    return 0;
}

int walk_shard(const char *folder, const struct manifest *manifest, uint32_t shard, walk_fn *each,
               void *context, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    const struct journal_folder journal = journal_folder_of(path, manifest->store_id, shard);
    struct journal_position start;
    struct blocks blocks;
    backup_shard_path(folder, shard, path);
    journal_start(&journal, &start);
    int r = blocks_open(&blocks, &journal, &start, INT64_MIN, false, problem);
    if (r == 0) r = follow(&blocks, &manifest->shard[shard], each, context, problem);
    blocks_close(&blocks);
    return r;
}
