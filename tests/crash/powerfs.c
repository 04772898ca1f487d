/* powerfs -- a file system that keeps only what was synced, for power cuts in tests.
 *
 *   powerfs BACKING MOUNTPOINT     serves BACKING/tree; commands come on stdin, a line each:
 *     slow MS           every sync takes that long before it takes effect (0: none)
 *     cut SEED SECTOR   the power fails now; prints what became of what was not synced, and ends
 *     quit              syncs everything, unmounts and ends; so does the end of stdin, unsynced
 *   It prints "powerfs ready" when it serves. What it keeps and loses: power_disk.h.
 *
 * Of files the store's programs need everything works: O_DIRECT, io_uring, shared maps, locks (the
 * kernel's own). Renames between folders and renames of folders are refused: nobody does that
 * here. */
#define FUSE_USE_VERSION 31

#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "tests/crash/power_disk.h"

static struct {
    pthread_mutex_t mutex; /* Over everything here; every operation holds it, but not asleep. */
    unsigned slow_ms;
    struct fuse *fuse;
} fs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The kernel follows each write to a file opened with O_DSYNC by a sync of the whole file, which is
 * more than was asked for (P2): such handles are marked, in a bit that no address has. */
#define HANDLE_DSYNC UINT64_C(1)

static struct node *node_of(const struct fuse_file_info *info)
{
    return (struct node *)(uintptr_t)(info->fh & ~HANDLE_DSYNC);
}

/* The open file's node, else the path's. */
static int look(const char *path, const struct fuse_file_info *info, struct node **ret_node)
{
    struct node *folder;
    char name[NAME_SIZE];
    if (info != NULL && info->fh != 0) {
        *ret_node = node_of(info);
        return 0;
    }
    const int r = disk_find(path, &folder, name, ret_node);
    if (r != 0) return r;
    return *ret_node == NULL ? -ENOENT : 0;
}

/* Ends the process; with the mutex held, so that nothing is answered any more (P4). */
static _Noreturn void leave(void)
{
    /* The library's other threads complain that their device is gone. */
    if (freopen("/dev/null", "w", stderr) != NULL) fuse_unmount(fs.fuse);
    _exit(0);
}

/* Commands. */
static _Noreturn void *obey(void *context)
{
    (void)context;
    char line[128];
    bool orderly = false;
    while (!orderly && fgets(line, sizeof line, stdin) != NULL) {
        uint64_t seed;
        size_t sector;
        unsigned slow_ms;
        if (sscanf(line, "slow %u", &slow_ms) == 1) {
            pthread_mutex_lock(&fs.mutex);
            fs.slow_ms = slow_ms;
            pthread_mutex_unlock(&fs.mutex);
            printf("slow: %u ms\n", slow_ms);
            fflush(stdout);
        } else if (sscanf(line, "cut %" SCNu64 " %zu", &seed, &sector) == 2 && sector > 0) {
            pthread_mutex_lock(&fs.mutex);
            cut_power(seed, sector);
            leave();
        } else if (strcmp(line, "quit\n") == 0) {
            orderly = true;
        } else {
            fprintf(stderr, "powerfs: not a command: %s", line);
        }
    }
    pthread_mutex_lock(&fs.mutex);
    if (orderly) sync_everything();
    leave();
}

/* ---- the operations ------------------------------------------------------------------------ */

static void *on_init(struct fuse_conn_info *conn, struct fuse_config *config)
{
    (void)conn;
    config->hard_remove = 1;
    config->nullpath_ok = 1;
    config->use_ino = 0;
    return NULL;
}

static int on_getattr(const char *path, struct stat *status, struct fuse_file_info *info)
{
    struct node *node;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, info, &node);
    if (r == 0) {
        memset(status, 0, sizeof *status);
        status->st_mode = (node->is_folder ? S_IFDIR : S_IFREG) | node->mode;
        status->st_nlink = node->is_folder ? 2 : node->links;
        status->st_size = (off_t)node->size;
        status->st_blocks = (blkcnt_t)(node->size / 512);
        status->st_uid = getuid();
        status->st_gid = getgid();
    }
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *info, enum fuse_readdir_flags flags)
{
    (void)offset;
    (void)flags;
    struct node *node;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, info, &node);
    if (r == 0) {
        fill(buffer, ".", NULL, 0, 0);
        fill(buffer, "..", NULL, 0, 0);
        for (const struct entry *entry = node->entries; entry != NULL; entry = entry->next)
            fill(buffer, entry->name, NULL, 0, 0);
    }
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int make(const char *path, bool is_folder, mode_t mode, struct node **ret_node)
{
    struct node *folder, *node;
    char name[NAME_SIZE];
    int r = disk_find(path, &folder, name, &node);
    if (r != 0) return r;
    if (folder == NULL || node != NULL) return -EEXIST;
    node = node_make(is_folder, mode & 07777);
    entry_set(folder, name, node);
    naming_add(folder, "", name, node);
    *ret_node = node;
    return 0;
}

static int on_mkdir(const char *path, mode_t mode)
{
    struct node *node;
    pthread_mutex_lock(&fs.mutex);
    const int r = make(path, true, mode, &node);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static void truncate_to(struct node *node, uint64_t size)
{
    if (node->size == size) return;
    change_add(node, true, size, NULL, 0);
    node->size = size;
}

/* The kernel keeps its cache right by itself: every change comes through this mount, and what is
 * written with O_DIRECT goes past the cache and throws out what it lies over. `direct_io` would
 * forbid the maps by which verify reads segments. */
static void opened(struct node *node, struct fuse_file_info *info)
{
    info->fh = (uintptr_t)node | ((info->flags & O_DSYNC) != 0 ? HANDLE_DSYNC : 0);
    info->keep_cache = 1;
    if ((info->flags & O_TRUNC) != 0) truncate_to(node, 0);
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *info)
{
    struct node *node;
    pthread_mutex_lock(&fs.mutex);
    const int r = make(path, false, mode, &node);
    if (r == 0) opened(node, info);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_open(const char *path, struct fuse_file_info *info)
{
    struct node *node;
    info->fh = 0;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, NULL, &node);
    if (r == 0) opened(node, info);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_opendir(const char *path, struct fuse_file_info *info)
{
    struct node *node;
    info->fh = 0;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, NULL, &node);
    if (r == 0) info->fh = (uintptr_t)node;
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int remove_name(const char *path, bool is_folder)
{
    struct node *folder, *node;
    char name[NAME_SIZE];
    const int r = disk_find(path, &folder, name, &node);
    if (r != 0) return r;
    if (node == NULL) return -ENOENT;
    if (folder == NULL || node->is_folder != is_folder) return is_folder ? -ENOTDIR : -EISDIR;
    if (node->entries != NULL) return -ENOTEMPTY;
    if (is_folder) sync_names(node); /* Nothing is left in it that could come back. */
    entry_drop(folder, name);
    naming_add(folder, name, "", NULL);
    return 0;
}

static int on_unlink(const char *path)
{
    pthread_mutex_lock(&fs.mutex);
    const int r = remove_name(path, false);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_rmdir(const char *path)
{
    pthread_mutex_lock(&fs.mutex);
    const int r = remove_name(path, true);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int rename_node(const char *from, const char *to, unsigned flags)
{
    struct node *folder, *node, *other_folder, *other;
    char name[NAME_SIZE], other_name[NAME_SIZE];
    int r = disk_find(from, &folder, name, &node);
    if (r == 0) r = disk_find(to, &other_folder, other_name, &other);
    if (r != 0) return r;
    if (node == NULL) return -ENOENT;
    if (flags != 0) return -EINVAL;
    if (folder != other_folder || node->is_folder) return -EXDEV;
    if (other != NULL && other->is_folder) return -EISDIR;
    if (node == other) return 0;
    entry_set(folder, other_name, node);
    entry_drop(folder, name);
    naming_add(folder, name, other_name, node);
    return 0;
}

static int on_rename(const char *from, const char *to, unsigned flags)
{
    pthread_mutex_lock(&fs.mutex);
    const int r = rename_node(from, to, flags);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *info)
{
    struct node *node;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, info, &node);
    if (r == 0) truncate_to(node, (uint64_t)size);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

/* Room is never short here: what it gives is length, and that only grows. */
static int on_fallocate(const char *path, int mode, off_t offset, off_t size,
                        struct fuse_file_info *info)
{
    struct node *node;
    if (mode != 0) return -EOPNOTSUPP;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, info, &node);
    const uint64_t end = (uint64_t)offset + (uint64_t)size;
    if (r == 0 && end > node->size) truncate_to(node, end);
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *info)
{
    struct node *node;
    pthread_mutex_lock(&fs.mutex);
    const int r = look(path, info, &node);
    if (r == 0) node->mode = mode & 07777;
    pthread_mutex_unlock(&fs.mutex);
    return r;
}

static int on_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *info)
{
    (void)path;
    (void)times;
    (void)info;
    return 0; /* No time of a file says anything to anybody here. */
}

static int on_read(const char *path, char *buffer, size_t size, off_t offset,
                   struct fuse_file_info *info)
{
    (void)path;
    const struct node *node = node_of(info);
    const uint64_t from = (uint64_t)offset;
    pthread_mutex_lock(&fs.mutex);
    if (from >= node->size) size = 0;
    if (size > node->size - from) size = node->size - from;
    if (size > 0) node_read(node, (uint8_t *)buffer, size, from);
    pthread_mutex_unlock(&fs.mutex);
    return (int)size;
}

/* A slow device: the sync has not happened while this sleeps. False when its caller died. */
static bool wait_slowly(unsigned ms)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (; ms > 0; ms--) {
        if (fuse_interrupted()) return false;
        nanosleep(&pause, NULL);
    }
    return !fuse_interrupted();
}

static unsigned slowness(void)
{
    pthread_mutex_lock(&fs.mutex);
    const unsigned ms = fs.slow_ms;
    pthread_mutex_unlock(&fs.mutex);
    return ms;
}

static int on_write(const char *path, const char *data, size_t size, off_t offset,
                    struct fuse_file_info *info)
{
    (void)path;
    struct node *node = node_of(info);
    const uint64_t end = (uint64_t)offset + size;
    const bool durable = (info->flags & O_DSYNC) != 0;
    pthread_mutex_lock(&fs.mutex);
    change_add(node, false, (uint64_t)offset, data, size);
    if (node->size < end) node->size = end;
    pthread_mutex_unlock(&fs.mutex);
    if (!durable) return (int)size;
    if (!wait_slowly(slowness())) return -EINTR;
    pthread_mutex_lock(&fs.mutex);
    sync_range(node, (uint64_t)offset, end);
    pthread_mutex_unlock(&fs.mutex);
    return (int)size;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)path;
    (void)data_only;
    if ((info->fh & HANDLE_DSYNC) != 0) return 0; /* on_write() did it. */
    if (!wait_slowly(slowness())) return -EINTR;
    pthread_mutex_lock(&fs.mutex);
    sync_range(node_of(info), 0, UINT64_MAX);
    pthread_mutex_unlock(&fs.mutex);
    return 0;
}

static int on_fsyncdir(const char *path, int data_only, struct fuse_file_info *info)
{
    (void)path;
    (void)data_only;
    if (!wait_slowly(slowness())) return -EINTR;
    pthread_mutex_lock(&fs.mutex);
    sync_names(node_of(info));
    pthread_mutex_unlock(&fs.mutex);
    return 0;
}

static int on_statfs(const char *path, struct statvfs *status)
{
    (void)path;
    return fstatvfs(disk_fd(), status) == 0 ? 0 : -errno;
}

static const struct fuse_operations operations = {
    .init = on_init,
    .getattr = on_getattr,
    .readdir = on_readdir,
    .mkdir = on_mkdir,
    .create = on_create,
    .open = on_open,
    .opendir = on_opendir,
    .unlink = on_unlink,
    .rmdir = on_rmdir,
    .rename = on_rename,
    .truncate = on_truncate,
    .fallocate = on_fallocate,
    .chmod = on_chmod,
    .utimens = on_utimens,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync,
    .fsyncdir = on_fsyncdir,
    .statfs = on_statfs,
};

/* ---- the program --------------------------------------------------------------------------- */

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: powerfs BACKING MOUNTPOINT\n");
        return 2;
    }
    const struct rlimit files = {65536, 65536};
    (void)setrlimit(RLIMIT_NOFILE, &files); /* As many as there may be. */
    char program[] = "powerfs", option[] = "-ofsname=powerfs";
    char *words[] = {program, option, NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(2, words);
    disk_open(argv[1]);
    fs.fuse = fuse_new(&arguments, &operations, sizeof operations, NULL);
    if (fs.fuse == NULL || fuse_mount(fs.fuse, argv[2]) != 0) {
        fprintf(stderr, "powerfs: FUSE cannot be mounted here\n");
        return 77; /* Says "skipped" to a test. */
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, obey, NULL) != 0) return 3;
    printf("powerfs ready\n");
    fflush(stdout);
    (void)fuse_loop_mt(fs.fuse, 0);
    pthread_mutex_lock(&fs.mutex); /* Unmounted: by leave(), or by somebody else. */
    leave();
}
