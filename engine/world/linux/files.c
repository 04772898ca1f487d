/* files -- see files.h. */
#include "world/linux/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "types/ensure.h"

#define FILE_MODE 0640

static int flags_of(enum file_use use)
{
    switch (use) {
    case FILE_READ:
        return O_RDONLY | O_CLOEXEC;
    case FILE_READ_DIRECT:
        return O_RDONLY | O_DIRECT | O_CLOEXEC;
    case FILE_WRITE:
        return O_WRONLY | O_CLOEXEC;
    case FILE_WRITE_DIRECT:
        return O_WRONLY | O_DIRECT | O_CLOEXEC;
    case FILE_MAKE:
        break;
    }
    return O_WRONLY | O_DIRECT | O_CREAT | O_TRUNC | O_CLOEXEC;
}

int file_open(const char *path, enum file_use use, int *ret_file)
{
    const int flags = flags_of(use);
    int fd = open(path, flags, FILE_MODE);
    if (fd < 0 && errno == EINVAL && (flags & O_DIRECT) != 0) /* No O_DIRECT here. */
        fd = open(path, flags & ~O_DIRECT, FILE_MODE);
    if (fd < 0) return -errno;
    *ret_file = fd;
    return 0;
}

int file_close(int file)
{
    return close(file) == 0 ? 0 : -errno;
}

int file_size(int file, uint64_t *ret_bytes)
{
    struct stat status;
    if (fstat(file, &status) != 0) return -errno;
    *ret_bytes = (uint64_t)status.st_size;
    return 0;
}

static int64_t read_some(int file, void *out, size_t size, uint64_t offset)
{
    ssize_t n;
    do {
        n = pread(file, out, size, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int64_t file_read(int file, void *out, size_t size, uint64_t offset)
{
    const int64_t n = read_some(file, out, size, offset);
    if (n != -EINVAL || file_cached(file) != 0) return n;
    return read_some(file, out, size, offset); /* The device wanted other bounds. */
}

int64_t file_write(int file, const void *data, size_t size, uint64_t offset)
{
    ssize_t n;
    do {
        n = pwrite(file, data, size, (off_t)offset);
    } while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : n;
}

int file_reserve(int file, uint64_t bytes)
{
    if (fallocate(file, 0, 0, (off_t)bytes) == 0) return 0;
    return errno == ENOSPC ? -ENOSPC : -EOPNOTSUPP;
}

int file_cached(int file)
{
    return fcntl(file, F_SETFL, 0) == 0 ? 0 : -errno;
}

/* The kernel may give the memory of a ring that one thread closed to the next one that another
 * opens. Only the kernel knows that the one came after the other; the lock says it to whoever
 * looks for races. It is taken twice for all the reads of a file. */
static pthread_mutex_t ring_memory = PTHREAD_MUTEX_INITIALIZER;

/* NULL where the system gives none. */
static struct io_uring *ring_made(void)
{
    struct io_uring *ring = malloc(sizeof *ring);
    if (ring == NULL) return NULL;
    pthread_mutex_lock(&ring_memory);
    const int r = io_uring_queue_init(1, ring, 0);
    pthread_mutex_unlock(&ring_memory);
    if (r == 0) return ring;
    free(ring);
    return NULL;
}

static void ring_done(struct io_uring *ring)
{
    pthread_mutex_lock(&ring_memory);
    io_uring_queue_exit(ring);
    pthread_mutex_unlock(&ring_memory);
    free(ring);
}

void file_reading_done(struct file_reading *reading)
{
    if (reading->ring != NULL) ring_done(reading->ring);
    reading->ring = NULL;
}

static int64_t read_plainly(const struct file_reading *reading)
{
    return file_read(reading->file, reading->out, reading->size, reading->offset);
}

void file_read_begin(struct file_reading *reading, int file, void *out, size_t size,
                     uint64_t offset)
{
    struct io_uring *ring = reading->ring != NULL ? reading->ring : ring_made();
    *reading = (struct file_reading){ring, file, out, size, offset, .works = false};
    if (ring == NULL || size > UINT32_MAX) return;
    io_uring_prep_read(io_uring_get_sqe(ring), file, out, (unsigned)size, offset);
    int r;
    while ((r = io_uring_submit(ring)) == -EINTR)
        continue;
    reading->works = r == 1;
    if (!reading->works) file_reading_done(reading); /* Or it would go with the next one. */
}

int64_t file_read_end(struct file_reading *reading)
{
    if (!reading->works) return read_plainly(reading);
    struct io_uring_cqe *cqe;
    int r;
    while ((r = io_uring_wait_cqe(reading->ring, &cqe)) == -EINTR)
        continue;
    ENSURE(r == 0);
    const int n = cqe->res;
    io_uring_cqe_seen(reading->ring, cqe);
    reading->works = false;
    return n < 0 ? read_plainly(reading) : n; /* A kernel may know rings and not this of them. */
}

int file_sync(int file)
{
    return fdatasync(file) == 0 ? 0 : -errno;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

int file_rename(const char *path, const char *new_path)
{
    return rename(path, new_path) == 0 ? 0 : -errno;
}

int file_remove(const char *path)
{
    return unlink(path) == 0 ? 0 : -errno;
}

int folder_list(const char *path, folder_visit_fn *visit, void *context)
{
    DIR *stream = opendir(path);
    if (stream == NULL) return -errno;
    struct dirent *entry;
    while (errno = 0, (entry = readdir(stream)) != NULL)
        visit(context, entry->d_name);
    const int error = errno;
    closedir(stream);
    return -error;
}

int folder_sync(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) return -errno;
    int r = fsync(fd) == 0 ? 0 : -errno;
    close(fd);
    return r;
}
