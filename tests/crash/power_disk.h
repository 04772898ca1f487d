/* power_disk -- what powerfs keeps: files and folders as their users see them, what of them is
 * durable, and what a power cut makes of the difference.
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
 */
#ifndef TESTS_CRASH_POWER_DISK_H
#define TESTS_CRASH_POWER_DISK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define NAME_SIZE 256

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

/* Opens BACKING, made if it is new, and reads what is durable. Its root; ends the process when the
 * machine fails, as every function here does. */
struct node *disk_open(const char *backing);

/* A descriptor on the file system that holds everything. */
int disk_fd(void);

/* The node of a path, NULL when there is none, and for the last name also the folder that it is or
 * would be in; both NULL and "" for the root. -ENOENT, -ENOTDIR, -ENAMETOOLONG on the way. */
int disk_find(const char *path, struct node **ret_folder, char ret_name[NAME_SIZE],
              struct node **ret_node);

/* A node with nothing in it and no name. */
struct node *node_make(bool is_folder, mode_t mode);

/* The link that holds the name's entry, or where it would be. */
struct entry **entry_find(struct node *folder, const char *name);

/* Names as users see them at once; naming_add() remembers the change for the folder's sync. */
void entry_set(struct node *folder, const char *name, struct node *to);
void entry_drop(struct node *folder, const char *name);
void naming_add(struct node *folder, const char *gone, const char *name, struct node *to);

/* Remembers a write of `size` bytes, or a truncation to `offset`. The bytes are copied. */
void change_add(struct node *node, bool truncates, uint64_t offset, const void *data, size_t size);

/* What the users see: the durable bytes with the changes over them. */
void node_read(const struct node *node, uint8_t *buffer, size_t size, uint64_t offset);

/* Makes the changes durable that touch [from, to), and truncations (P2). */
void sync_range(struct node *node, uint64_t from, uint64_t to);

/* Makes the folder's names durable. */
void sync_names(struct node *folder);

void sync_everything(void);

/* Leaves in BACKING/tree what a power cut leaves (P3), and says so on stdout. `sector` in bytes. */
void cut_power(uint64_t seed, size_t sector);

#endif
