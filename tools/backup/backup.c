#include "tools/backup/backup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/backup/append.h"
#include "tools/backup/blocks.h"
#include "types/ensure.h"
#include "world/linux/files.h"

#define TELL_BYTES (UINT64_C(4) << 20)

static void path_of(const char *folder, const char *name, char ret_path[LAYOUT_PATH_MAX])
{
    const int size = snprintf(ret_path, LAYOUT_PATH_MAX, "%s/%s", folder, name);
    ENSURE(size > 0 && size < LAYOUT_PATH_MAX); /* By LAYOUT_FOLDER_MAX and BACKUP_NAME_MAX. */
}

/* A run at work. */
struct run {
    const struct layout *layout;
    const struct backup_engine *engine;
    const char *folder;
    struct backup_progress progress;
    struct backup_result *result;
    struct problem *problem;
    uint64_t told;
};

/* ---- files beside the journal --------------------------------------------------------------- */

/* True for "tables/NAME" and "tables/NAME@12". */
static bool is_of_table(const char *file, const char *name)
{
    const size_t size = strlen(name);
    return strncmp(file, name, size) == 0 && (file[size] == '\0' || file[size] == '@');
}

static const struct backup_file *had_before(const struct manifest *before, const char *name,
                                            const uint8_t sum[SHA256_SIZE])
{
    for (uint32_t i = 0; i < before->file_count; i++) {
        const struct backup_file *file = &before->files[i];
        if (is_of_table(file->name, name) && memcmp(file->sum, sum, SHA256_SIZE) == 0) return file;
    }
    return NULL;
}

/* Copies one file unless the backup has it with this text. `name` is its name in a first run. */
static int copy_file(struct run *run, const char *source, const char *name)
{
    struct manifest *after = &run->result->after;
    if (after->file_count == BACKUP_FILES_MAX)
        return problem_set(run->problem, -E2BIG, "%s: more than %d files", source,
                           BACKUP_FILES_MAX);
    struct backup_file *file = &after->files[after->file_count];
    uint8_t *text = NULL;
    size_t size = 0;
    int r = backup_read_file(source, &text, &size, run->problem);
    if (r != 0) return r;
    checksum_sha256((struct bytes){text, size}, (struct bytes){NULL, 0}, file->sum);
    const struct backup_file *had = had_before(&run->result->before, name, file->sum);
    if (had != NULL) {
        *file = *had;
    } else {
        char path[LAYOUT_PATH_MAX];
        char folder[LAYOUT_PATH_MAX];
        int used = snprintf(file->name, sizeof file->name, "%s", name);
        if (after->run > 1)
            used = snprintf(file->name, sizeof file->name, "%s@%" PRIu32, name, after->run);
        ENSURE(used > 0 && (size_t)used < sizeof file->name); /* By LAYOUT_FILE_NAME_MAX. */
        path_of(run->folder, file->name, path);
        memcpy(folder, path, sizeof folder);
        *strrchr(folder, '/') = '\0';
        r = backup_write_file(folder, path, (struct bytes){text, size}, run->problem);
    }
    free(text);
    if (r == 0) after->file_count++;
    return r;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_table(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && strlen(entry->d_name) <= LAYOUT_FILE_NAME_MAX;
}

static int copy_tables(struct run *run)
{
    char path[LAYOUT_PATH_MAX];
    struct dirent **list;
    path_of(run->layout->folder, "tables", path);
    const int count = scandir(path, &list, is_table, by_name);
    if (count < 0) return problem_of_system(run->problem, errno, path, "cannot read the folder");
    int r = 0;
    for (int i = 0; i < count; i++) {
        char name[BACKUP_NAME_MAX];
        snprintf(name, sizeof name, "tables/%.*s", LAYOUT_FILE_NAME_MAX, list[i]->d_name);
        layout_table_path(run->layout, list[i]->d_name, path);
        if (r == 0) r = copy_file(run, path, name);
        free(list[i]);
    }
    free(list);
    return r;
}

static int copy_store_file(struct run *run)
{
    char path[LAYOUT_PATH_MAX];
    path_of(run->layout->folder, LAYOUT_STORE_FILE, path);
    int r = copy_file(run, path, BACKUP_STORE_FILE);
    const struct manifest *after = &run->result->after;
    if (r == 0 && strcmp(after->files[0].name, BACKUP_STORE_FILE) != 0)
        r = problem_set(run->problem, -EUCLEAN,
                        "%s: it is not what it was when this backup was begun", path);
    return r;
}

/* ---- the journals --------------------------------------------------------------------------- */

static void tell(struct run *run, uint64_t entries)
{
    if (run->progress.tell == NULL || run->result->new_bytes - run->told < TELL_BYTES) return;
    run->told = run->result->new_bytes;
    run->progress.tell(run->progress.context, run->result->new_bytes, 0, entries);
}

static int copy_blocks(struct run *run, struct blocks *blocks, struct append *append,
                       uint64_t until_seq)
{
    struct backup_result *result = run->result;
    while (blocks->position.next_seq <= until_seq) {
        struct found_block found;
        int r = blocks_next(blocks, &found, run->problem);
        if (r < 0) return r;
        if (r == 0) return blocks_missing(blocks, until_seq, run->problem);
        if (blocks->position.next_seq - 1 > until_seq)
            return problem_set(
                run->problem, -EUCLEAN,
                "%s, offset %" PRIu64 ": block %" PRIu64 " goes on behind entry %" PRIu64
                ", which is the last one known to be durable: is this the engine's "
                "store?",
                blocks_path(blocks, found.segment), found.offset, found.block.number, until_seq);
        r = append_block(append, found.segment, found.offset, found.block.number, found.bytes,
                         run->problem);
        if (r != 0) return r;
        result->new_blocks++;
        result->new_bytes += found.bytes.size;
        result->new_entries += found.block.entry_count;
        tell(run, result->new_entries);
    }
    return 0;
}

static int copy_shard(struct run *run, uint32_t shard)
{
    const struct manifest *before = &run->result->before;
    struct backup_shard *end = &run->result->after.shard[shard];
    char source[LAYOUT_PATH_MAX];
    char path[LAYOUT_PATH_MAX];
    const struct journal_folder folder = journal_folder_of(source, run->layout->store_id, shard);
    struct blocks blocks;
    struct append append;

    layout_journal_path(run->layout, shard, source);
    backup_shard_path(run->folder, shard, path);
    *end = (struct backup_shard){.stamp_ms = INT64_MIN};
    journal_start(&folder, &end->end);
    if (before->run != 0) *end = before->shard[shard];
    const uint64_t until_seq = run->engine->durable_seq[shard];
    if (end->end.next_seq - 1 > until_seq)
        return problem_set(run->problem, -EUCLEAN,
                           "%s: the backup has %" PRIu64 " entries of it, the store only %" PRIu64
                           ": was an older copy put in its place?",
                           source, end->end.next_seq - 1, until_seq);

    int r = append_cut(path, &end->end, run->problem);
    if (r != 0) return r;
    r = blocks_open(&blocks, &folder, &end->end, end->stamp_ms, true, run->problem);
    if (r == 0) {
        blocks.headless = run->engine->headless[shard];
        r = append_open(&append, path, &folder, &end->end, run->problem);
    }
    if (r == 0) {
        r = copy_blocks(run, &blocks, &append, until_seq);
        const int closed = append_close(&append, r == 0, run->problem);
        if (r == 0) r = closed;
    }
    if (r == 0) *end = (struct backup_shard){blocks.position, blocks.stamp_ms};
    blocks_close(&blocks);
    return r;
}

/* ---- the run -------------------------------------------------------------------------------- */

static int make_folder(const char *path, struct problem *problem)
{
    if (mkdir(path, BACKUP_FOLDER_MODE) == 0 || errno == EEXIST) return 0;
    return problem_of_system(problem, errno, path, "cannot make the folder");
}

static int make_folders(struct run *run)
{
    char path[LAYOUT_PATH_MAX];
    path_of(run->folder, "tables", path);
    int r = make_folder(path, run->problem);
    for (uint32_t s = 0; s < run->layout->shards && r == 0; s++) {
        backup_shard_path(run->folder, s, path);
        r = make_folder(path, run->problem);
    }
    return r;
}

/* A store has a lock and tables of the same names: a backup in it would be a run among its own
 * journals, and lost with them. */
static int refuse_store(const char *folder, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    path_of(folder, LAYOUT_STORE_FILE, path);
    if (access(path, F_OK) != 0) return 0;
    return problem_set(problem, -EINVAL, "%s is a store: a backup wants a folder of its own",
                       folder);
}

/* One writer at a time. */
static int lock_folder(struct run *run, int *ret_fd)
{
    char path[LAYOUT_PATH_MAX];
    path_of(run->folder, "lock", path);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, BACKUP_FILE_MODE);
    if (fd < 0) return problem_of_system(run->problem, errno, path, "cannot open the lock");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        const int error = errno;
        close(fd);
        return error == EWOULDBLOCK ? problem_set(run->problem, -EBUSY,
                                                  "%s: another backup is at work here", run->folder)
                                    : problem_of_system(run->problem, error, path, "cannot lock");
    }
    *ret_fd = fd;
    return 0;
}

/* What the runs before have; they must be of the same store. */
static int read_before(struct run *run)
{
    struct manifest *before = &run->result->before;
    const int r = manifest_newest(run->folder, before, run->problem);
    if (r == -ENOENT) {
        before->run = 0;
        before->file_count = 0;
        return 0;
    }
    if (r != 0) return r;
    if (memcmp(before->store_id, run->layout->store_id, STORE_ID_SIZE) != 0)
        return problem_set(run->problem, -EUCLEAN, "%s is a backup of another store than %s",
                           run->folder, run->layout->folder);
    if (before->shards != run->layout->shards)
        return problem_set(run->problem, -EUCLEAN, "%s has %" PRIu32 " shards, %s has %" PRIu32,
                           run->folder, before->shards, run->layout->folder, run->layout->shards);
    return 0;
}

/* Everything the new run names, durable; then the run itself. */
static int copy_all(struct run *run)
{
    struct manifest *after = &run->result->after;
    char path[LAYOUT_PATH_MAX];
    int r = make_folders(run);
    if (r == 0) r = copy_store_file(run);
    if (r == 0) r = copy_tables(run);
    for (uint32_t s = 0; s < after->shards && r == 0; s++)
        r = copy_shard(run, s);
    for (uint32_t s = 0; s < after->shards && r == 0; s++) {
        backup_shard_path(run->folder, s, path);
        r = folder_sync(path);
        if (r != 0) problem_of_system(run->problem, -r, path, "cannot sync the folder");
        if (run->engine->stopped && after->shard[s].stamp_ms > after->horizon_ms)
            after->horizon_ms = after->shard[s].stamp_ms; /* A manual clock may be ahead. */
    }
    if (r == 0 && run->result->before.run == 0) { /* The backup's own folder is new. */
        snprintf(path, sizeof path, "%s/..", run->folder);
        r = folder_sync(path);
        if (r != 0) problem_of_system(run->problem, -r, path, "cannot sync the folder");
    }
    return r != 0 ? r : manifest_write(run->folder, after, run->problem);
}

/* Takes away what a run that failed had appended; what cannot be is cut by the next one. A run that
 * has got its name counts, whatever failed then: all that it vouches for is durable. */
static void undo(const struct run *run)
{
    const struct manifest *before = &run->result->before;
    char name[LAYOUT_PATH_MAX];
    manifest_path(run->folder, run->result->after.run, name);
    if (access(name, F_OK) == 0) return;
    for (uint32_t s = 0; s < run->layout->shards; s++) {
        char path[LAYOUT_PATH_MAX];
        struct journal_position none = {.segment = 1};
        backup_shard_path(run->folder, s, path);
        (void)append_cut(path, before->run != 0 ? &before->shard[s].end : &none, NULL);
    }
}

int backup_run(const struct layout *layout, const struct backup_engine *engine, int64_t began_ms,
               const char *folder, struct backup_progress progress,
               struct backup_result *ret_result, struct problem *problem)
{
    memset(ret_result, 0, sizeof *ret_result);
    struct run run = {layout, engine, folder, progress, ret_result, problem, 0};
    struct manifest *after = &ret_result->after;
    int lock = -1;
    if (strlen(folder) >= LAYOUT_FOLDER_MAX)
        return problem_set(problem, -ENAMETOOLONG, "the name of the backup's folder is too long");
    int r = make_folder(folder, problem);
    if (r == 0) r = refuse_store(folder, problem);
    if (r == 0) r = lock_folder(&run, &lock);
    if (r == 0) r = read_before(&run);
    if (r != 0) {
        if (lock >= 0) close(lock);
        return r;
    }
    after->run = ret_result->before.run + 1;
    after->shards = layout->shards;
    after->began_ms = began_ms;
    after->horizon_ms = engine->now_ms;
    memcpy(after->store_id, layout->store_id, STORE_ID_SIZE);
    if (ret_result->before.run != 0) memcpy(after->previous, ret_result->before.sum, SHA256_SIZE);
    r = copy_all(&run);
    if (r != 0) undo(&run);
    close(lock);
    return r;
}
