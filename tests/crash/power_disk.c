/* power_disk -- see power_disk.h. */
#include "tests/crash/power_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/prng.h"

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

static struct {
    int inodes; /* BACKING/inodes. */
    struct node *root;
    struct node *nodes;
    uint64_t last_id;
} disk;

/* ---- nodes and names ----------------------------------------------------------------------- */

static void id_text(uint64_t id, char ret_text[24])
{
    snprintf(ret_text, 24, "%" PRIu64, id);
}

static struct node *node_new(bool is_folder, mode_t mode)
{
    struct node *node = calloc(1, sizeof *node);
    if (node == NULL) broken("memory");
    node->id = ++disk.last_id;
    node->fd = -1;
    node->is_folder = is_folder;
    node->mode = mode;
    node->changes_end = &node->changes;
    node->namings_end = &node->namings;
    node->next = disk.nodes;
    disk.nodes = node;
    return node;
}

/* A node with nothing in it, durable under its number only. */
struct node *node_make(bool is_folder, mode_t mode)
{
    struct node *node = node_new(is_folder, mode);
    char text[24];
    id_text(node->id, text);
    if (is_folder) {
        MUST(mkdirat(disk.inodes, text, 0700));
        MUST(node->fd = openat(disk.inodes, text, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    } else {
        MUST(node->fd = openat(disk.inodes, text, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    }
    return node;
}

struct entry **entry_find(struct node *folder, const char *name)
{
    struct entry **at = &folder->entries;
    while (*at != NULL && strcmp((*at)->name, name) != 0)
        at = &(*at)->next;
    return at;
}

void entry_set(struct node *folder, const char *name, struct node *to)
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

void entry_drop(struct node *folder, const char *name)
{
    struct entry **at = entry_find(folder, name);
    struct entry *entry = *at;
    entry->node->links--;
    *at = entry->next;
    free(entry);
}

void naming_add(struct node *folder, const char *gone, const char *name, struct node *to)
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
int disk_find(const char *path, struct node **ret_folder, char ret_name[NAME_SIZE],
              struct node **ret_node)
{
    struct node *folder = NULL, *node = disk.root;
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

void change_add(struct node *node, bool truncates, uint64_t offset, const void *data, size_t size)
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
void sync_range(struct node *node, uint64_t from, uint64_t to)
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
        MUST(renameat(disk.inodes, text, folder->fd, naming->name));
    } else {
        remove_durable(folder, naming->name);
        MUST(linkat(disk.inodes, text, folder->fd, naming->name, 0));
    }
}

void sync_names(struct node *folder)
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
            MUST(linkat(folder->fd, entry->d_name, disk.inodes, text, 0));
            node->size = (uint64_t)status.st_size;
        }
        entry_set(folder, entry->d_name, node);
    }
    closedir(stream);
}

/* ---- reading ------------------------------------------------------------------------------- */

/* What the users see: the durable bytes with the changes over them. */
void node_read(const struct node *node, uint8_t *buffer, size_t size, uint64_t offset)
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
void cut_power(uint64_t seed, size_t sector)
{
    struct cut cut = {.prng = {seed}, .sector = sector};
    cut.policy = (enum policy)(seed % POLICY_COUNT);
    for (struct node *node = disk.nodes; node != NULL; node = node->next) {
        if (node->is_folder)
            cut_folder(&cut, node);
        else
            cut_file(&cut, node);
    }
    printf("cut: %s: %u changes kept, %u lost, %u torn\n", policy_names[cut.policy], cut.kept,
           cut.lost, cut.torn);
    fflush(stdout);
}

/* ---- everything ---------------------------------------------------------------------------- */

void sync_everything(void)
{
    for (struct node *node = disk.nodes; node != NULL; node = node->next) {
        sync_range(node, 0, UINT64_MAX);
        sync_names(node);
    }
}

/* Numbers lead to nothing after a restart: names are all that is left. */
static void forget_inodes(void)
{
    DIR *stream = fdopendir(dup(disk.inodes));
    if (stream == NULL) broken("reading inodes");
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        if (entry->d_name[0] == '.') continue;
        if (unlinkat(disk.inodes, entry->d_name, 0) == 0) continue;
        /* A folder that nobody named: what is in it is lost with it. */
        char command[64];
        MUST(fchdir(disk.inodes));
        snprintf(command, sizeof command, "rm -r -- %.40s", entry->d_name);
        if (system(command) != 0) broken(command);
    }
    closedir(stream);
}

struct node *disk_open(const char *backing)
{
    int fd;
    MUST(fd = open(backing, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (mkdirat(fd, "tree", 0700) != 0 && errno != EEXIST) broken("tree");
    if (mkdirat(fd, "inodes", 0700) != 0 && errno != EEXIST) broken("inodes");
    MUST(disk.inodes = openat(fd, "inodes", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    forget_inodes();
    disk.root = node_new(true, 0755);
    MUST(disk.root->fd = openat(fd, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    disk.root->links = 1;
    load(disk.root);
    close(fd);
    return disk.root;
}

int disk_fd(void)
{
    return disk.inodes;
}
