#include "tools/backup/append.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/backup/manifest.h"
#include "types/ensure.h"

#define BUFFER_BYTES (2u << 20)
#define SYNC_BYTES   (UINT64_C(16) << 20)

_Static_assert(BUFFER_BYTES >= SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX,
               "a head and any block fit");

static const char *segment_name(const struct append *append)
{
    static _Thread_local char path[SEGMENT_PATH_MAX];
    segment_path(append->path, append->segment, path);
    return path;
}

/* In portions: a device with much to write at once would keep the engine's syncs waiting. What is
 * written is of no more use in memory. */
static int sync_written(struct append *append, struct problem *problem)
{
    if (fdatasync(append->fd) != 0)
        return problem_of_system(problem, errno, segment_name(append), "cannot sync the segment");
    posix_fadvise(append->fd, 0, 0, POSIX_FADV_DONTNEED);
    append->unsynced = 0;
    return 0;
}

static int flush(struct append *append, struct problem *problem)
{
    size_t done = 0;
    while (done < append->used) {
        const ssize_t written = pwrite(append->fd, append->buffer + done, append->used - done,
                                       (off_t)(append->end + done));
        if (written < 0 && errno == EINTR) continue;
        if (written < 0)
            return problem_of_system(problem, errno, segment_name(append),
                                     "cannot write the segment");
        done += (size_t)written;
    }
    append->end += append->used;
    append->unsynced += append->used;
    append->used = 0;
    return append->unsynced < SYNC_BYTES ? 0 : sync_written(append, problem);
}

/* A store's segment has its whole size. What no block stands in yet is reserved and reads as zeros:
 * it costs the engine some latency until this segment is full, and the restore half its time. */
static int fill_up(struct append *append, struct problem *problem)
{
    const off_t size = (off_t)append->folder.segment_bytes;
    if (fallocate(append->fd, 0, 0, size) == 0) return 0;
    if (errno == EOPNOTSUPP && ftruncate(append->fd, size) == 0) return 0;
    return problem_of_system(problem, errno, segment_name(append), "cannot reserve the segment");
}

static int end_segment(struct append *append, struct problem *problem)
{
    if (append->fd < 0) return 0;
    int r = flush(append, problem);
    if (r == 0 && append->whole) r = fill_up(append, problem);
    if (r == 0) r = sync_written(append, problem);
    if (close(append->fd) != 0 && r == 0)
        r = problem_of_system(problem, errno, segment_name(append), "cannot close the segment");
    append->fd = -1;
    return r;
}

static int begin_segment(struct append *append, uint32_t segment, uint64_t number,
                         struct problem *problem)
{
    int r = end_segment(append, problem);
    if (r != 0) return r;
    append->segment = segment;
    append->fd =
        open(segment_name(append), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, BACKUP_FILE_MODE);
    if (append->fd < 0)
        return problem_of_system(problem, errno, segment_name(append), "cannot make the segment");
    append->end = 0;
    struct segment_head head = {
        .shard = append->folder.shard,
        .segment = segment,
        .first_block = number,
    };
    memcpy(head.store_id, append->folder.store_id, STORE_ID_SIZE);
    segment_head_encode(&head, append->buffer);
    append->used = SEGMENT_HEAD_SIZE;
    return 0;
}

int append_open(struct append *append, const char *path, const struct journal_folder *folder,
                const struct journal_position *from, struct problem *problem)
{
    *append = (struct append){
        .path = path,
        .folder = *folder,
        .segment = from->segment,
        .end = from->offset,
        .fd = -1,
        .buffer = malloc(BUFFER_BYTES),
    };
    if (append->buffer == NULL) return problem_set(problem, -ENOMEM, "not enough memory");
    if (from->offset == 0) return 0;
    append->fd = open(segment_name(append), O_WRONLY | O_CLOEXEC);
    if (append->fd >= 0) return 0;
    free(append->buffer);
    append->buffer = NULL;
    return problem_of_system(problem, errno, segment_name(append), "cannot open the segment");
}

int append_block(struct append *append, uint32_t segment, uint64_t offset, uint64_t number,
                 struct bytes bytes, struct problem *problem)
{
    int r = 0;
    if (append->fd < 0 || segment != append->segment) {
        r = begin_segment(append, segment, number, problem);
    } else if (append->used + bytes.size > BUFFER_BYTES) {
        r = flush(append, problem);
    }
    if (r != 0) return r;
    ENSURE(append->end + append->used == offset); /* The walk leaves no gap inside a segment. */
    memcpy(append->buffer + append->used, bytes.data, bytes.size);
    append->used += bytes.size;
    return 0;
}

int append_close(struct append *append, bool good, struct problem *problem)
{
    int r = 0;
    if (good) {
        r = end_segment(append, problem);
    } else if (append->fd >= 0) {
        close(append->fd);
    }
    free(append->buffer);
    *append = (struct append){.fd = -1};
    return r;
}

/* ---- cutting -------------------------------------------------------------------------------- */

/* One segment of a backup: kept, cut, or taken away. */
static int cut_segment(const char *path, uint32_t number, const struct journal_position *end,
                       struct problem *problem)
{
    struct stat status;
    if (number > end->segment || (number == end->segment && end->offset == 0)) {
        if (unlink(path) != 0)
            return problem_of_system(problem, errno, path, "cannot remove the segment");
        return 0;
    }
    if (number < end->segment) return 0;
    if (stat(path, &status) != 0)
        return problem_of_system(problem, errno, path, "cannot read the segment");
    if ((uint64_t)status.st_size == end->offset) return 0;
    if ((uint64_t)status.st_size > end->offset) {
        if (truncate(path, (off_t)end->offset) != 0)
            return problem_of_system(problem, errno, path, "cannot cut the segment");
        return 0;
    }
    return problem_set(problem, -EUCLEAN,
                       "%s: damaged: it ends at offset %" PRIu64 ", the newest run has %" PRIu64
                       " bytes of it",
                       path, (uint64_t)status.st_size, end->offset);
}

int append_cut(const char *path, const struct journal_position *end, struct problem *problem)
{
    DIR *stream = opendir(path);
    struct dirent *entry;
    int r = 0;
    if (stream == NULL) return problem_of_system(problem, errno, path, "cannot read the folder");
    while (r == 0 && (entry = readdir(stream)) != NULL) {
        const char *name = entry->d_name;
        char file[SEGMENT_PATH_MAX];
        if (strspn(name, "0123456789") != 8 || strcmp(name + 8, ".qfj") != 0) continue;
        const uint32_t number = (uint32_t)strtoul(name, NULL, 10);
        if (number == 0) continue;
        segment_path(path, number, file);
        r = cut_segment(file, number, end, problem);
    }
    closedir(stream);
    return r;
}
