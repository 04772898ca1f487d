/* files -- what the journal asks of a file system, and nothing more.
 *
 * Plain functions, chosen when the program is linked: files.c asks Linux; the simulator links a
 * disk in memory in its place, that loses, tears and reorders what was not synced (tests/sim).
 *
 * Every function gives 0 (or a count) or a negative errno. Interrupted calls are repeated inside.
 * A file is a small number, as a descriptor is; -1 is none. */
#ifndef WORLD_LINUX_FILES_H
#define WORLD_LINUX_FILES_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum file_use {
    FILE_READ,
    FILE_READ_DIRECT,  /* The same past the page cache, where the file system lets us. */
    FILE_WRITE,        /* There already. */
    FILE_WRITE_DIRECT, /* Past the page cache as above. */
    FILE_MAKE,         /* New and empty, whatever stood there; past the page cache as above. */
};

int file_open(const char *path, enum file_use use, int *ret_file);
int file_close(int file);

int file_size(int file, uint64_t *ret_bytes);

/* Up to `size` bytes; fewer are possible, 0 of a read is the file's end. */
int64_t file_read(int file, void *out, size_t size, uint64_t offset);
int64_t file_write(int file, const void *data, size_t size, uint64_t offset);

/* All of it; -EIO when nothing more can be written. */
static inline int file_write_all(int file, const void *data, size_t size, uint64_t offset)
{
    const uint8_t *at = (const uint8_t *)data;
    while (size > 0) {
        const int64_t written = file_write(file, at, size, offset);
        if (written <= 0) return written < 0 ? (int)written : -EIO;
        at += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
    return 0;
}

/* Gives the file room for its first `bytes` and makes it at least so long; what was not there reads
 * as zeros. -ENOSPC, and -EOPNOTSUPP with nothing changed where the file system cannot. */
int file_reserve(int file, uint64_t bytes);

/* The file goes through the page cache from here on: after a write past it was -EINVAL. */
int file_cached(int file);

/* A read on its way while its caller does something else; one at a time. Zeroed before the first.
 */
struct file_reading {
    struct io_uring *ring; /* Heap; made by the first read, NULL where the system gives none. */
    int file;
    void *out; /* The caller's, who leaves it alone until the read has ended. */
    size_t size;
    uint64_t offset;
    bool works; /* The ring has it. */
};

/* Frees what it holds. None is on its way. */
void file_reading_done(struct file_reading *reading);

/* Begins to read. Never fails: what could not be begun is read when it is to end. */
void file_read_begin(struct file_reading *reading, int file, void *out, size_t size,
                     uint64_t offset);

/* Waits for it. As file_read(). */
int64_t file_read_end(struct file_reading *reading);

/* Makes the file's bytes and its size durable. A failure is final: what was not durable before may
 * be lost even if the next call gives 0. */
int file_sync(int file);

/* Names. They are durable after folder_sync(). */
bool file_exists(const char *path);
int file_rename(const char *path, const char *new_path);
int file_remove(const char *path);

/* Calls `visit` for each name in the folder, in any order. */
typedef void folder_visit_fn(void *context, const char *name);
int folder_list(const char *path, folder_visit_fn *visit, void *context);

/* Makes the folder's entries durable: fsync() of the folder itself. */
int folder_sync(const char *path);

#endif
