/* check -- reads all of a backup; see backup.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tools/backup/backup.h"
#include "tools/backup/walk.h"
#include "types/ensure.h"

int backup_file_check(const char *folder, const struct backup_file *file, uint8_t **ret_text,
                      size_t *ret_size, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    uint8_t sum[SHA256_SIZE];
    uint8_t *text = NULL;
    size_t size = 0;
    const int used = snprintf(path, sizeof path, "%s/%s", folder, file->name);
    ENSURE(used > 0 && (size_t)used < sizeof path);
    int r = backup_read_file(path, &text, &size, problem);
    if (r == -ENOENT) return -EUCLEAN;
    if (r != 0) return r;
    checksum_sha256((struct bytes){text, size}, (struct bytes){NULL, 0}, sum);
    if (memcmp(sum, file->sum, sizeof sum) != 0) {
        free(text);
        return problem_set(problem, -EUCLEAN, "%s: damaged: it does not match its sum", path);
    }
    if (ret_text == NULL) {
        free(text);
        return 0;
    }
    *ret_text = text;
    *ret_size = size;
    return 0;
}

/* A check at work: all runs, in order. */
struct check {
    const char *folder;
    struct manifest *runs;
    uint32_t count;
    struct backup_progress progress;
    struct problem *problem;
    uint32_t shard; /* The one being read. */
    uint32_t at;    /* Run whose end comes next. */
    uint64_t done;
    uint64_t whole; /* Bytes, of all shards. */
    uint64_t entries;
};

static bool in_list(const struct manifest *run, const struct backup_file *file)
{
    for (uint32_t i = 0; i < run->file_count; i++) {
        if (memcmp(&run->files[i], file, sizeof *file) == 0) return true;
    }
    return false;
}

/* Each run follows the one before: its sum, the same store, and no shard that became shorter. */
static int check_run(struct check *check, uint32_t index)
{
    static const uint8_t none[SHA256_SIZE];
    const struct manifest *run = &check->runs[index];
    const struct manifest *before = index == 0 ? NULL : &check->runs[index - 1];
    const char *wrong = NULL;
    char path[LAYOUT_PATH_MAX];
    manifest_path(check->folder, index + 1, path);
    if (memcmp(run->previous, before == NULL ? none : before->sum, SHA256_SIZE) != 0)
        wrong = "it does not follow the run before it";
    if (before != NULL && (memcmp(run->store_id, before->store_id, STORE_ID_SIZE) != 0 ||
                           run->shards != before->shards))
        wrong = "it is of another store than the run before it";
    for (uint32_t s = 0; before != NULL && wrong == NULL && s < run->shards; s++) {
        if (run->shard[s].end.next_block < before->shard[s].end.next_block)
            wrong = "a shard has less than in the run before it";
    }
    if (wrong != NULL) return problem_set(check->problem, -EUCLEAN, "%s: %s", path, wrong);
    for (uint32_t i = 0; i < run->file_count; i++) {
        if (before != NULL && in_list(before, &run->files[i])) continue;
        const int r = backup_file_check(check->folder, &run->files[i], NULL, NULL, check->problem);
        if (r != 0) return r;
    }
    return 0;
}

/* At the end of each run, what it said of it. Several may end at the same block. */
static int check_ends(struct check *check, const struct journal_position *at, int64_t stamp_ms)
{
    for (; check->at < check->count; check->at++) {
        const struct backup_shard *end = &check->runs[check->at].shard[check->shard];
        if (end->end.next_block > at->next_block) return 0;
        if (end->end.next_seq == at->next_seq && end->end.offset == at->offset &&
            end->end.segment == at->segment && end->stamp_ms == stamp_ms &&
            memcmp(end->end.previous, at->previous, BLOCK_HASH_SIZE) == 0)
            continue;
        char path[LAYOUT_PATH_MAX];
        manifest_path(check->folder, check->at + 1, path);
        return problem_set(check->problem, -EUCLEAN,
                           "%s: what it says of shard %" PRIu32 " is not what stands there", path,
                           check->shard);
    }
    return 0;
}

static int check_block(void *context, const struct found_block *found,
                       const struct journal_position *after)
{
    struct check *check = context;
    check->done += found->bytes.size;
    check->entries += found->block.entry_count;
    if (check->progress.tell != NULL)
        check->progress.tell(check->progress.context, check->done, check->whole, check->entries);
    return check_ends(check, after, found->stamp_ms);
}

static int check_shard(struct check *check, uint32_t shard)
{
    const struct manifest *newest = &check->runs[check->count - 1];
    struct journal_folder folder = {.path = check->folder, .shard = shard};
    struct journal_position start;
    memcpy(folder.store_id, newest->store_id, STORE_ID_SIZE);
    journal_start(&folder, &start);
    check->shard = shard;
    check->at = 0;
    int r = check_ends(check, &start, INT64_MIN);
    if (r == 0) r = walk_shard(check->folder, newest, shard, check_block, check, check->problem);
    return r;
}

int backup_check(const char *folder, struct backup_progress progress, struct manifest *ret_newest,
                 struct problem *problem)
{
    struct check check = {.folder = folder, .progress = progress, .problem = problem};
    int r = manifest_newest(folder, ret_newest, problem);
    if (r != 0) return r;
    check.count = ret_newest->run;
    check.runs = calloc(check.count, sizeof *check.runs);
    if (check.runs == NULL) return problem_set(problem, -ENOMEM, "not enough memory");
    for (uint32_t i = 0; i < check.count && r == 0; i++) {
        r = manifest_read(folder, i + 1, &check.runs[i], problem);
        if (r == -ENOENT) r = -EUCLEAN; /* A run is missing among the others. */
        if (r == 0) r = check_run(&check, i);
    }
    for (uint32_t s = 0; s < ret_newest->shards && r == 0; s++) {
        const struct journal_position *end = &ret_newest->shard[s].end;
        check.whole += (uint64_t)(end->segment - 1) * SEGMENT_SIZE + end->offset;
    }
    for (uint32_t s = 0; s < ret_newest->shards && r == 0; s++)
        r = check_shard(&check, s);
    free(check.runs);
    return r;
}
