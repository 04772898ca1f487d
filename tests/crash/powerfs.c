/* powerfs -- a file system that keeps only what was synced, for power cuts in tests.
 *
 *   powerfs BACKING MOUNTPOINT     serves BACKING/tree; commands come on stdin, a line each:
 *     slow MS           every sync takes that long before it takes effect (0: none)
 *     cut SEED SECTOR   the power fails now; prints what became of what was not synced, and ends
 *     quit              syncs everything, unmounts and ends; so does the end of stdin, unsynced
 *   It prints "powerfs ready" when it serves.
 *
 * THE MODEL
 *   (P1) BACKING/tree holds at every moment exactly what is durable. What was written and not
 *        synced is a list of changes in memory, in order, file by file; who reads sees both.
 *   (P2) fsync() and fdatasync() of a file make all its changes durable, a write with O_DSYNC or
 *        RWF_DSYNC itself and what it lies over. A file's name is its folder's: it is durable
 *        after an fsync() of the folder, not before. A rename is one change: old or new name.
 *   (P3) A cut keeps by seed any subset of what is not durable: changes of files whole, or sector
 *        by sector, names each by itself. Of two writes to one sector either may be left, so a
 *        subset is also every order. What nobody keeps reads as it was, or as zeros behind the
 *        end.
 *   (P4) After the cut nothing is answered any more: no sync that is under way may still succeed.
 *
 * Of files the store's programs need everything works: O_DIRECT, io_uring, shared maps, locks (the
 * kernel's own). Renames between folders and renames of folders are refused: nobody does that
 * here. */
#define FUSE_USE_VERSION 31

#include <dirent.h>
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

#include "tests/lib/prng.h"

#define NAME_SIZE 256

static _Noreturn void broken(const char *what)
{
    fprintf(stderr, "powerfs: %s: %s\n", what, strerror(errno));
    _exit(3);
}

/* For calls on the backing folder that cannot fail on a sound machine. */
#define MUST(call)                     \
    do {                               \
        if ((call) < 0) broken(#call); \
    } while (0)

/* One change of a file's bytes that is not durable. */
struct change {
    struct change *next;
    bool truncates;  /* To `offset`; else a write. */
    uint64_t offset; /* Bytes. */
    size_t size;
    uint8_t *data; /* Heap; NULL: zeros. */
};

/* One change of a folder's names: `gone` disappears, `name` leads to `to`. "" says: none. */
struct naming {
    struct naming *next;
    char gone[NAME_SIZE];
    char name[NAME_SIZE];
    struct node *to;
};

struct entry {
    struct entry *next;
    char name[NAME_SIZE];
    struct node *node;
};

/* A file or a folder. Nodes live as long as the process. */
struct node {
    struct node *next;
    uint64_t id; /* Its own name in BACKING/inodes, from where durable names are linked. */
    int fd;      /* Of the durable one. */
    bool is_folder;
    mode_t mode;
    unsigned links; /* Names it has now. */
    uint64_t size;  /* A file's, as its users see it. */
    struct change *changes, **changes_end;
    struct entry *entries; /* A folder's names, as its users see them. */
    struct naming *namings, **namings_end;
};

static struct {
    pthread_mutex_t mutex; /* Over everything here; every operation holds it, but not asleep. */
    int inodes;            /* BACKING/inodes. */
    struct node *root;
    struct node *nodes;
    uint64_t last_id;
    unsigned slow_ms;
    struct fuse *fuse;
} fs = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- nodes and names ----------------------------------------------------------------------- */

static void id_text(uint64_t id, char ret_text[24])
{
    snprintf(ret_text, 24, "%" PRIu64, id);
}

static struct node *node_new(bool is_folder, mode_t mode)
{
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) broken("memory");
    node->id = ++fs.last_id;
    node->fd = -1;
    node->is_folder = is_folder;
    node->mode = mode;
    node->changes_end = &node->changes;
    node->namings_end = &node->namings;
    node->next = fs.nodes;
    fs.nodes = node;
    return node;
}

/* A node with nothing in it, durable under its number only. */
static struct node *node_make(bool is_folder, mode_t mode)
{
    struct node *node = node_new(is_folder, mode);
    char text[24];
    id_text(node->id, text);
    if (is_folder) {
        MUST(mkdirat(fs.inodes, text, 0700));
        MUST(node->fd = openat(fs.inodes, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    } else {
        MUST(node->fd = openat(fs.inodes, text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    }
    return node;
}

static struct entry **entry_find(struct node *folder, const char *name)
{
    struct entry **at = &folder->entries;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

static void entry_set(struct node *folder, const char *name, struct node *to)
{
    struct entry **at = entry_find(folder, name);
    if (*at == NULL) {
        *at = calloc(1, sizeof **at);
        if (*at == NULL) broken("memory");
        snprintf((*at)->name, NAME_SIZE, "%s", name);
    } else {
        (*at)->node->links--;
    }
    (*at)->node = to;
    to->links++;
}

static void entry_drop(struct node *folder, const char *name)
{
    struct entry **at = entry_find(folder, name);
    struct entry *entry = *at;
    entry->node->links--;
    *at = entry->next;
    free(entry);
}

static void naming_add(struct node *folder, const char *gone, const char *name, struct node *to)
{
    struct naming *naming = calloc(1, sizeof *naming);
    if (naming == NULL) broken("memory");
    snprintf(naming->gone, NAME_SIZE, "%s", gone);
    snprintf(naming->name, NAME_SIZE, "%s", name);
    naming->to = to;
    *folder->namings_end = naming;
    folder->namings_end = &naming->next;
}

/* The node of a path, and for the last name also the folder it is or would be in. */
static int find(const char *path, struct node **ret_folder, char ret_name[NAME_SIZE],
                struct node **ret_node)
{
    struct node *folder = NULL, *node = fs.root;
    ret_name[0] = '\0';
    while (*path == '/')
        path++;
    while (*path != '\0') {
        const size_t size = strcspn(path, "/");
        if (size >= NAME_SIZE) return -ENAMETOOLONG;
        if (node == NULL) return -ENOENT;
        if (!node->is_folder) return -ENOTDIR;
        memcpy(ret_name, path, size);
        ret_name[size] = '\0';
        folder = node;
        const struct entry *entry = *entry_find(folder, ret_name);
        node = entry != NULL ? entry->node : NULL;
        path += size;
        while (*path == '/')
            path++;
    }
    *ret_folder = folder;
    *ret_node = node;
    return 0;
}

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
    const int r = find(path, &folder, name, ret_node);
    if (r != 0) return r;
    return *ret_node == NULL ? -ENOENT : 0;
}

/* ---- what is durable ----------------------------------------------------------------------- */

static void write_durable(const struct node *node, uint64_t offset, const uint8_t *data,
                          size_t size)
{
    struct stat status;
    if (data == NULL) { /* Zeros need no room. */
        MUST(fallocate(node->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset,
                       (off_t)size));
        MUST(fstat(node->fd, &status));
        if ((uint64_t)status.st_size < offset + size)
            MUST(ftruncate(node->fd, (off_t)(offset + size)));
        return;
    }
    while (size > 0) {
        const ssize_t written = pwrite(node->fd, data, size, (off_t)offset);
        MUST(written);
        data += written;
        offset += (uint64_t)written;
        size -= (size_t)written;
    }
}

static void change_apply(const struct node *node, const struct change *change)
{
    if (change->truncates)
        MUST(ftruncate(node->fd, (off_t)change->offset));
    else
        write_durable(node, change->offset, change->data, change->size);
}

static void change_add(struct node *node, bool truncates, uint64_t offset, const void *data,
                       size_t size)
{
    const uint8_t *bytes = data;
    struct change *change = calloc(1, sizeof *change);
    if (change == NULL) broken("memory");
    change->truncates = truncates;
    change->offset = offset;
    change->size = size;
    if (size > 0 && (bytes[0] != 0 || memcmp(bytes, bytes + 1, size - 1) != 0)) {
        change->data = malloc(size);
        if (change->data == NULL) broken("memory");
        memcpy(change->data, bytes, size);
    }
    *node->changes_end = change;
    node->changes_end = &change->next;
}

/* Takes changes off the list and makes them durable: all, or those that a range touches. */
static void sync_range(struct node *node, uint64_t from, uint64_t to)
{
    struct change **at = &node->changes;
    while (*at != NULL) {
        struct change *change = *at;
        if (!change->truncates && (change->offset >= to || change->offset + change->size <= from)) {
            at = &change->next;
            continue;
        }
        change_apply(node, change);
        *at = change->next;
        free(change->data);
        free(change);
    }
    node->changes_end = at;
}

static void remove_durable(const struct node *folder, const char *name)
{
    if (unlinkat(folder->fd, name, 0) == 0 || errno == ENOENT) return;
    if (errno != EISDIR && errno != EPERM) broken("unlink");
    MUST(unlinkat(folder->fd, name, AT_REMOVEDIR)); /* Empty: its users saw it so, and synced. */
}

static void naming_apply(const struct node *folder, const struct naming *naming)
{
    char text[24];
    if (naming->gone[0] != '\0') remove_durable(folder, naming->gone);
    if (naming->to == NULL) return;
    id_text(naming->to->id, text);
    if (naming->to->is_folder) {
        MUST(renameat(fs.inodes, text, folder->fd, naming->name));
    } else {
        remove_durable(folder, naming->name);
        MUST(linkat(fs.inodes, text, folder->fd, naming->name, 0));
    }
}

static void sync_names(struct node *folder)
{
    while (folder->namings != NULL) {
        struct naming *naming = folder->namings;
        naming_apply(folder, naming);
        folder->namings = naming->next;
        free(naming);
    }
    folder->namings_end = &folder->namings;
}

/* Reads BACKING/tree, where everything is durable. */
static void load(struct node *folder)
{
    const int fd = dup(folder->fd);
    DIR *stream = fd < 0 ? NULL : fdopendir(fd);
    if (stream == NULL) broken("reading a folder");
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        struct stat status;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        MUST(fstatat(folder->fd, entry->d_name, &status, AT_SYMLINK_NOFOLLOW));
        struct node *node = node_new(S_ISDIR(status.st_mode), status.st_mode & 07777);
        char text[24];
        id_text(node->id, text);
        if (node->is_folder) {
            MUST(node->fd = openat(folder->fd, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
            load(node);
        } else {
            MUST(node->fd = openat(folder->fd, entry->d_name, O_RDWR | O_CLOEXEC));
            MUST(linkat(folder->fd, entry->d_name, fs.inodes, text, 0));
            node->size = (uint64_t)status.st_size;
        }
        entry_set(folder, entry->d_name, node);
    }
    closedir(stream);
}

/* ---- the power cut ------------------------------------------------------------------------- */

/* What a cut leaves of what was not synced. */
enum policy {
    LOSE_ALL,
    KEEP_ALL,
    KEEP_SOME,    /* Each change and each name by itself. */
    KEEP_SECTORS, /* Each sector by itself, each name by itself. */
    KEEP_FIRST,   /* The oldest of each file. */
    KEEP_LAST,    /* The youngest of each file: what was reordered furthest. */
    KEEP_NAMES,   /* Names without bytes. */
    KEEP_BYTES,   /* Bytes without names. */
    POLICY_COUNT,
};

static const char *const policy_names[POLICY_COUNT] = {
    "lose-all", "keep-all", "some", "sectors", "first", "last", "names-only", "bytes-only",
};

struct cut {
    struct prng prng;
    enum policy policy;
    size_t sector; /* Bytes. */
    unsigned kept, lost, torn;
};

static bool coin(struct cut *cut)
{
    return prng_below(&cut->prng, 2) == 0;
}

static void cut_write(struct cut *cut, const struct node *node, const struct change *change)
{
    unsigned kept = 0, lost = 0;
    uint64_t offset = change->offset, end = change->offset + change->size;
    while (offset < end) {
        uint64_t next = (offset / cut->sector + 1) * cut->sector;
        if (next > end) next = end;
        if (coin(cut)) {
            const uint8_t *data = change->data;
            write_durable(node, offset, data == NULL ? NULL : data + (offset - change->offset),
                          next - offset);
            kept++;
        } else {
            lost++;
        }
        offset = next;
    }
    cut->torn += kept != 0 && lost != 0;
    cut->kept += kept != 0 && lost == 0;
    cut->lost += kept == 0;
}

static void cut_file(struct cut *cut, struct node *node)
{
    uint32_t count = 0, place = 0;
    for (const struct change *change = node->changes; change != NULL; change = change->next)
        count++;
    const uint32_t border = count == 0 ? 0 : (uint32_t)prng_below(&cut->prng, count + 1);
    for (const struct change *change = node->changes; change != NULL; change = change->next) {
        bool keep = cut->policy == KEEP_ALL || cut->policy == KEEP_BYTES;
        if (cut->policy == KEEP_SOME || cut->policy == KEEP_SECTORS) keep = coin(cut);
        if (cut->policy == KEEP_FIRST) keep = place < border;
        if (cut->policy == KEEP_LAST) keep = place >= border;
        place++;
        if (cut->policy == KEEP_SECTORS && !change->truncates) {
            cut_write(cut, node, change);
            continue;
        }
        if (keep) change_apply(node, change);
        cut->kept += keep;
        cut->lost += !keep;
    }
    /* A file's length is a change of its own: it may have arrived without the bytes. */
    struct stat status;
    MUST(fstat(node->fd, &status));
    if (count > 0 && cut->policy == KEEP_SECTORS && (uint64_t)status.st_size < node->size &&
        coin(cut))
        MUST(ftruncate(node->fd, (off_t)node->size));
}

static void cut_folder(struct cut *cut, struct node *folder)
{
    for (const struct naming *naming = folder->namings; naming != NULL; naming = naming->next) {
        bool keep = cut->policy == KEEP_ALL || cut->policy == KEEP_NAMES;
        if (cut->policy != LOSE_ALL && cut->policy != KEEP_BYTES && !keep) keep = coin(cut);
        if (keep) naming_apply(folder, naming);
        cut->kept += keep;
        cut->lost += !keep;
    }
}

/* Leaves in BACKING/tree what the power cut leaves. */
static void cut_power(uint64_t seed, size_t sector)
{
    struct cut cut = {.prng = {seed}, .sector = sector};
    cut.policy = (enum policy)(seed % POLICY_COUNT);
    for (struct node *node = fs.nodes; node != NULL; node = node->next) {
        if (node->is_folder)
            cut_folder(&cut, node);
        else
            cut_file(&cut, node);
    }
    printf("cut: %s: %u changes kept, %u lost, %u torn\n", policy_names[cut.policy], cut.kept,
           cut.lost, cut.torn);
    fflush(stdout);
}

static void sync_everything(void)
{
    for (struct node *node = fs.nodes; node != NULL; node = node->next) {
        sync_range(node, 0, UINT64_MAX);
        sync_names(node);
    }
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
    int r = find(path, &folder, name, &node);
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
    const int r = find(path, &folder, name, &node);
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
    int r = find(from, &folder, name, &node);
    if (r == 0) r = find(to, &other_folder, other_name, &other);
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

/* What the users see: the durable bytes with the changes over them. */
static void read_over(const struct node *node, uint8_t *buffer, size_t size, uint64_t offset)
{
    memset(buffer, 0, size);
    MUST(pread(node->fd, buffer, size, (off_t)offset));
    const uint64_t end = offset + size;
    for (const struct change *change = node->changes; change != NULL; change = change->next) {
        uint64_t from = change->offset > offset ? change->offset : offset;
        uint64_t to = change->truncates ? end : change->offset + change->size;
        if (to > end) to = end;
        if (from >= to) continue;
        if (change->data == NULL)
            memset(buffer + (from - offset), 0, to - from);
        else
            memcpy(buffer + (from - offset), change->data + (from - change->offset), to - from);
    }
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
    if (size > 0) read_over(node, (uint8_t *)buffer, size, from);
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
    return fstatvfs(fs.inodes, status) == 0 ? 0 : -errno;
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
    .chmod = on_chmod,
    .utimens = on_utimens,
    .read = on_read,
    .write = on_write,
    .fsync = on_fsync,
    .fsyncdir = on_fsyncdir,
    .statfs = on_statfs,
};

/* ---- the program --------------------------------------------------------------------------- */

/* Numbers lead to nothing after a restart: names are all that is left. */
static void forget_inodes(void)
{
    DIR *stream = fdopendir(dup(fs.inodes));
    if (stream == NULL) broken("reading inodes");
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        if (unlinkat(fs.inodes, entry->d_name, 0) == 0) continue;
        /* A folder that nobody named: what is in it is lost with it. */
        char command[64];
        MUST(fchdir(fs.inodes));
        snprintf(command, sizeof command, "rm -r -- %.40s", entry->d_name);
        if (system(command) != 0) broken(command);
    }
    closedir(stream);
}

static void open_backing(const char *backing)
{
    int fd;
    MUST(fd = open(backing, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (mkdirat(fd, "tree", 0700) != 0 && errno != EEXIST) broken("tree");
    if (mkdirat(fd, "inodes", 0700) != 0 && errno != EEXIST) broken("inodes");
    MUST(fs.inodes = openat(fd, "inodes", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    forget_inodes();
    fs.root = node_new(true, 0755);
    MUST(fs.root->fd = openat(fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    fs.root->links = 1;
    load(fs.root);
    close(fd);
}

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
    open_backing(argv[1]);
    fs.fuse = fuse_new(&arguments, &operations, sizeof operations, NULL);
    if (fs.fuse == NULL || fuse_mount(fs.fuse, argv[2]) != 0) {
        fprintf(stderr, "powerfs: FUSE cannot be mounted here\n");
        return 77; /* Says "skipped" to a test. */
    }
    pthread_t thread;
    if (pthread_create(&thread, NULL, obey, NULL) != 0) broken("thread");
    printf("powerfs ready\n");
    fflush(stdout);
    (void)fuse_loop_mt(fs.fuse, 0);
    pthread_mutex_lock(&fs.mutex); /* Unmounted: by leave(), or by somebody else. */
    leave();
}
