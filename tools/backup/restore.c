#include "tools/backup/restore.h"

#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/backup/append.h"
#include "tools/backup/consistent.h"
#include "tools/backup/walk.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "world/linux/files.h"

#define PARTIAL    ".restoring"
#define TEXT_MAX   (32 * 1024)
#define OPEN_FILES 8 /* While a folder that failed is taken away. */

/* A restore at work. */
struct restore {
    const struct restore_order *order;
    struct backup_progress progress;
    struct restore_result *result;
    struct problem *problem;
    struct consistent *consistent;
    int64_t limit_ms;                    /* No entry stamped later, */
    uint64_t through[LAYOUT_SHARDS_MAX]; /* and none behind these. */
    int64_t left_ms;                     /* Of the earliest entry left out for these. */
    uint64_t ends[LAYOUT_SHARDS_MAX];
    uint64_t done; /* Bytes of blocks read, of all passes. */
    uint64_t whole;
    uint64_t entries;
    char folder[LAYOUT_FOLDER_MAX]; /* DIR.restoring */
    struct layout layout;           /* Of what stands there. */
};

static int failed(struct restore *restore, int error, const char *path, const char *what)
{
    return problem_of_system(restore->problem, error, path, what);
}

static void tell(struct restore *restore, const struct found_block *found)
{
    restore->done += found->bytes.size;
    if (restore->progress.tell != NULL)
        restore->progress.tell(restore->progress.context, restore->done, restore->whole,
                               restore->entries);
}

/* ---- first pass: how far -------------------------------------------------------------------- */

/* One shard's share of it. */
struct measure {
    struct restore *restore;
    uint32_t shard;
    bool closed; /* The first entry that is left out has come. */
};

static int measure_entry(struct measure *measure, const struct entry *entry)
{
    struct restore *restore = measure->restore;
    uint64_t *end = &restore->ends[measure->shard];
    if (!consistent_add(restore->consistent, measure->shard, entry))
        return problem_set(restore->problem, -EUCLEAN,
                           "shard %" PRIu32 ", entry %" PRIu64 ": its body makes no sense",
                           measure->shard, entry->seq);
    const uint64_t group = consistent_group(restore->consistent, measure->shard);
    const bool in_time = entry->stamp_ms <= restore->limit_ms;
    const bool wanted = entry->seq <= restore->through[measure->shard];
    if (!measure->closed && in_time && wanted) {
        *end = entry->seq;
        return 0;
    }
    if (!measure->closed && in_time && entry->stamp_ms < restore->left_ms)
        restore->left_ms = entry->stamp_ms;
    measure->closed = true;
    if (group <= *end) *end = group - 1; /* Half a judgement is none. */
    return 0;
}

static int measure_block(void *context, const struct found_block *found,
                         const struct journal_position *after)
{
    struct measure *measure = context;
    struct bytes rest = found->block.payload;
    (void)after;
    for (uint32_t i = 0; i < found->block.entry_count; i++) {
        struct entry entry;
        const size_t size = entry_decode_trusted(rest, &entry);
        ENSURE(size != 0); /* The walk has checked it. */
        const int r = measure_entry(measure, &entry);
        if (r != 0) return r;
        rest.data += size;
        rest.size -= size;
    }
    measure->restore->entries += found->block.entry_count;
    tell(measure->restore, found);
    return 0;
}

/* One pass: the ends by time and number, then the greatest consistent ones within them. */
static int measure_once(struct restore *restore, bool *ret_moved)
{
    const struct manifest *run = &restore->result->run;
    uint64_t before[LAYOUT_SHARDS_MAX];
    int r = 0;
    consistent_free(restore->consistent);
    restore->consistent = consistent_new(run->shards);
    if (restore->consistent == NULL)
        return problem_set(restore->problem, -ENOMEM, "not enough memory");
    restore->left_ms = INT64_MAX;
    restore->done = 0;
    for (uint32_t s = 0; s < run->shards && r == 0; s++) {
        struct measure measure = {.restore = restore, .shard = s};
        restore->ends[s] = 0;
        r = walk_shard(restore->order->from, run, s, measure_block, &measure, restore->problem);
    }
    if (r != 0) return r;
    memcpy(before, restore->ends, sizeof before);
    for (uint32_t s = 0; s < run->shards; s++) {
        struct restore_shard *shard = &restore->result->shard[s];
        shard->in_backup = run->shard[s].end.next_seq - 1;
        if (shard->not_asked == UINT64_MAX) shard->not_asked = shard->in_backup - before[s];
    }
    consistent_cut(restore->consistent, restore->ends);
    *ret_moved = memcmp(before, restore->ends, sizeof before) != 0;
    return 0;
}

/* When an entry is left out for another reason than its time, what came later elsewhere may rest on
 * it by a fact (consistent.h): so its time becomes the limit for all. Mostly one pass is enough. */
static int measure_shards(struct restore *restore)
{
    struct restore_result *result = restore->result;
    bool moved = true;
    for (uint32_t s = 0; s < result->run.shards; s++) {
        restore->through[s] = restore->order->through_set ? restore->order->through[s] : UINT64_MAX;
        result->shard[s].not_asked = UINT64_MAX; /* Until the first pass has said. */
    }
    restore->limit_ms = result->to_ms;
    while (moved) {
        const int r = measure_once(restore, &moved);
        if (r != 0) return r;
        if (moved) memcpy(restore->through, restore->ends, sizeof restore->through);
        if (restore->left_ms < restore->limit_ms) {
            restore->limit_ms = restore->left_ms;
            moved = true;
        }
    }
    for (uint32_t s = 0; s < result->run.shards; s++) {
        struct restore_shard *shard = &result->shard[s];
        shard->entries = restore->ends[s];
        shard->inconsistent = shard->in_backup - shard->not_asked - shard->entries;
        shard->stamp_ms = INT64_MIN;
    }
    return 0;
}

/* ---- second pass: the new journals ---------------------------------------------------------- */

/* One shard's new journal. */
struct copy {
    struct restore *restore;
    struct restore_shard *shard;
    struct append append;
    uint64_t end; /* Last entry. */
    uint8_t previous[BLOCK_HASH_SIZE];
    uint8_t *block; /* One block's bytes; owned. */
    uint32_t number;
};

/* What of the block is restored: all of it, or its first entries. */
static void take_entries(struct copy *copy, const struct block *source, struct block *ret_block)
{
    struct bytes rest = source->payload;
    *ret_block = *source;
    ret_block->entry_count = 0;
    while (rest.size != 0) {
        struct entry entry;
        const size_t size = entry_decode_trusted(rest, &entry);
        ENSURE(size != 0);
        if (entry.seq > copy->end) break;
        copy->shard->stamp_ms = entry.stamp_ms;
        ret_block->entry_count++;
        rest.data += size;
        rest.size -= size;
    }
    ret_block->payload.size = source->payload.size - rest.size;
}

static int copy_block(void *context, const struct found_block *found,
                      const struct journal_position *after)
{
    struct copy *copy = context;
    struct restore *restore = copy->restore;
    struct block block;
    (void)after;
    if (found->block.first_seq > copy->end) return WALK_STOP;
    take_entries(copy, &found->block, &block);
    memcpy(block.store_id, restore->layout.store_id, STORE_ID_SIZE);
    memcpy(block.previous, copy->previous, BLOCK_HASH_SIZE);
    memcpy(copy->block + BLOCK_HEAD_SIZE, block.payload.data, block.payload.size);
    block.payload.data = copy->block + BLOCK_HEAD_SIZE;
    block_seal(&block, copy->block, copy->previous);
    const struct bytes bytes = {copy->block, block_size_on_disk(block.payload.size)};
    copy->shard->blocks++;
    restore->entries += block.entry_count;
    tell(restore, found);
    return append_block(&copy->append, found->segment, found->offset, block.number, bytes,
                        restore->problem);
}

static int copy_shard(struct restore *restore, uint32_t shard)
{
    char path[LAYOUT_PATH_MAX];
    const struct journal_folder folder = journal_folder_of(path, restore->layout.store_id, shard);
    struct journal_position start;
    struct copy copy = {
        .restore = restore,
        .shard = &restore->result->shard[shard],
        .end = restore->ends[shard],
        .block = malloc(BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX),
    };
    if (copy.block == NULL) return problem_set(restore->problem, -ENOMEM, "not enough memory");
    layout_journal_path(&restore->layout, shard, path);
    journal_start(&folder, &start);
    memcpy(copy.previous, start.previous, BLOCK_HASH_SIZE);
    int r = append_open(&copy.append, path, &folder, &start, restore->problem);
    copy.append.whole = true;
    if (r == 0) {
        r = walk_shard(restore->order->from, &restore->result->run, shard, copy_block, &copy,
                       restore->problem);
        const int closed = append_close(&copy.append, r == 0, restore->problem);
        if (r == 0) r = closed;
    }
    if (r == 0) {
        r = folder_sync(path);
        if (r != 0) failed(restore, -r, path, "cannot sync the folder");
    }
    free(copy.block);
    return r;
}

/* ---- the store's folder --------------------------------------------------------------------- */

/* A table as the run has it; its name in the store without folder and "@RUN". */
static int read_table(struct restore *restore, const struct backup_file *file,
                      struct layout_file *ret_table, char *ret_name)
{
    uint8_t *text = NULL;
    size_t size = 0;
    const int r = backup_file_check(restore->order->from, file, &text, &size, restore->problem);
    if (r != 0) return r;
    const char *name = strchr(file->name, '/');
    snprintf(ret_name, BACKUP_NAME_MAX, "%s", name == NULL ? file->name : name + 1);
    char *version = strrchr(ret_name, '@');
    if (version != NULL) *version = '\0';
    *ret_table = (struct layout_file){ret_name, {text, size}};
    return 0;
}

static int make_store(struct restore *restore)
{
    const struct manifest *run = &restore->result->run;
    struct layout_file tables[BACKUP_FILES_MAX];
    char names[BACKUP_FILES_MAX][BACKUP_NAME_MAX];
    uint32_t count = 0;
    int r = backup_file_check(restore->order->from, &run->files[0], NULL, NULL, restore->problem);
    for (uint32_t i = 1; i < run->file_count && r == 0; i++) {
        r = read_table(restore, &run->files[i], &tables[count], names[count]);
        if (r == 0) count++;
    }
    if (r == 0)
        r = layout_create(restore->folder, run->shards, restore->order->created_ms, tables, count,
                          restore->problem);
    for (uint32_t i = 0; i < count; i++)
        free((void *)(uintptr_t)tables[i].text.data);
    return r != 0 ? r : layout_open(restore->folder, &restore->layout, restore->problem);
}

/* Where the store comes from, for people. */
static int write_origin(struct restore *restore)
{
    const struct restore_result *result = restore->result;
    char *text = malloc(TEXT_MAX);
    char path[LAYOUT_PATH_MAX];
    char at[CIVIL_ISO_SIZE];
    char id[2 * STORE_ID_SIZE + 1];
    if (text == NULL) return problem_set(restore->problem, -ENOMEM, "not enough memory");
    for (size_t i = 0; i < STORE_ID_SIZE; i++)
        sprintf(id + 2 * i, "%02x", result->run.store_id[i]);
    civil_format_iso(result->to_ms, at);
    int size = snprintf(text, TEXT_MAX,
                        "# Made by qingfen restore: the entries of another store, up to a time.\n"
                        "of_store=%s\nrun=%" PRIu32 "\nto=%s\n",
                        id, result->run.run, at);
    for (uint32_t s = 0; s < result->run.shards; s++) {
        const struct restore_shard *shard = &result->shard[s];
        size += snprintf(text + size, TEXT_MAX - (size_t)size,
                         "shard=%" PRIu32 " entries=%" PRIu64 " of=%" PRIu64 "\n", s,
                         shard->entries, shard->in_backup);
    }
    const int used = snprintf(path, sizeof path, "%s/restored.txt", restore->folder);
    ENSURE(used > 0 && (size_t)used < sizeof path);
    const int r =
        backup_write_file(restore->folder, path,
                          (struct bytes){(const uint8_t *)text, (size_t)size}, restore->problem);
    free(text);
    return r;
}

/* 0 when nothing stands under the name but, at most, an empty folder. */
static int check_free(struct restore *restore, const char *path, bool may_be_empty)
{
    struct stat status;
    if (lstat(path, &status) != 0)
        return errno == ENOENT ? 0 : failed(restore, errno, path, "cannot look there");
    if (!may_be_empty)
        return problem_set(restore->problem, -EEXIST,
                           "%s is there, left by a restore that was cut off: remove it", path);
    if (S_ISDIR(status.st_mode) && rmdir(path) == 0) return 0;
    return problem_set(restore->problem, -EEXIST,
                       "%s is there already; a store is restored under a new name", path);
}

static int remove_one(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

/* The whole store stands under its own name, or nothing does. */
static int give_name(struct restore *restore)
{
    char parent[LAYOUT_PATH_MAX];
    if (rename(restore->folder, restore->order->data) != 0)
        return failed(restore, errno, restore->order->data, "cannot rename the folder to this");
    snprintf(parent, sizeof parent, "%s/..", restore->order->data);
    const int r = folder_sync(parent);
    return r == 0 ? 0 : failed(restore, -r, parent, "cannot sync the folder");
}

static int write_store(struct restore *restore)
{
    int r = check_free(restore, restore->folder, false);
    if (r == 0) r = check_free(restore, restore->order->data, true);
    if (r != 0) return r;
    r = make_store(restore);
    for (uint32_t s = 0; s < restore->result->run.shards && r == 0; s++)
        r = copy_shard(restore, s);
    if (r == 0) r = write_origin(restore);
    if (r == 0) r = give_name(restore);
    if (r != 0) nftw(restore->folder, remove_one, OPEN_FILES, FTW_DEPTH | FTW_PHYS);
    return r;
}

/* ---- the whole ------------------------------------------------------------------------------ */

/* A time that the backup can say something about. */
static int check_time(struct restore *restore)
{
    const struct manifest *run = &restore->result->run;
    char at[CIVIL_ISO_SIZE];
    restore->result->to_ms = run->horizon_ms;
    if (restore->order->to_ms == INT64_MIN) return 0;
    restore->result->to_ms = restore->order->to_ms;
    if (restore->order->to_ms <= run->horizon_ms) return 0;
    civil_format_iso(run->horizon_ms, at);
    return problem_set(restore->problem, -ERANGE,
                       "the backup reaches to %s and does not know what came later", at);
}

static int check_any(struct restore *restore)
{
    for (uint32_t s = 0; s < restore->result->run.shards; s++) {
        if (restore->ends[s] != 0) return 0;
    }
    return problem_set(restore->problem, -ERANGE,
                       "nothing in the backup is so early: there would be no entry in the store");
}

int restore_run(const struct restore_order *order, struct backup_progress progress,
                struct restore_result *ret_result, struct problem *problem)
{
    memset(ret_result, 0, sizeof *ret_result);
    struct restore restore = {
        .order = order,
        .progress = progress,
        .result = ret_result,
        .problem = problem,
    };
    const int size = snprintf(restore.folder, sizeof restore.folder, "%s" PARTIAL, order->data);
    if (size < 0 || (size_t)size >= sizeof restore.folder)
        return problem_set(problem, -ENAMETOOLONG, "the name of the store's folder is too long");
    int r = manifest_newest(order->from, &ret_result->run, problem);
    if (r == -ENOENT) r = -ENODATA; /* -ENOENT may come of the store's folder, too. */
    if (r == 0) r = check_time(&restore);
    for (uint32_t s = 0; s < ret_result->run.shards && r == 0; s++) {
        const struct journal_position *end = &ret_result->run.shard[s].end;
        restore.whole += 2 * ((uint64_t)(end->segment - 1) * SEGMENT_SIZE + end->offset);
    }
    if (r == 0) r = measure_shards(&restore);
    if (r == 0) r = check_any(&restore);
    if (r == 0 && !order->only_look) r = write_store(&restore);
    consistent_free(restore.consistent);
    return r;
}
