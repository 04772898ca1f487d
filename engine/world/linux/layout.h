/* layout -- where a store's files are, how it is made, and who may open it.
 *
 *   DIR/qingfen.store         what the store is (below)
 *   DIR/lock                  held with flock() by whoever has the store open
 *   DIR/tables/               the code tables, as given to init
 *   DIR/shard-0000/journal/   segments, see segments.h
 *   DIR/shard-0000/state/     the LMDB folder, see lmdb_store.h
 *
 * FORMAT  qingfen.store is text: lines of name=value, '#' begins a comment line, every name
 *         exactly once, nothing else:
 *           format=1
 *           store_id=    32 hex digits; in every block and segment
 *           shards=      1..64; fixed for the life of the store
 *           hash_key=    32 hex digits; seed of the hashes of ids, fixed like the store's id
 *           created=     2026-03-02T21:59:00+08:00
 *         It is written last, so a folder with it is a whole store.
 *
 * It knows nothing of what the files mean. Every failure comes with a sentence (problem.h);
 * -EUCLEAN says that a file is there and wrong. */
#ifndef WORLD_LINUX_LAYOUT_H
#define WORLD_LINUX_LAYOUT_H

#include <limits.h>

#include "journal/block.h"
#include "types/bytes.h"
#include "world/linux/problem.h"

#define LAYOUT_FORMAT        1
#define LAYOUT_SHARDS_MAX    64
#define LAYOUT_HASH_KEY_SIZE 16
#define LAYOUT_FILE_NAME_MAX 64
#define LAYOUT_PATH_MAX      PATH_MAX
#define LAYOUT_FOLDER_MAX    (PATH_MAX - 128) /* Leaves room for every name below it. */
#define LAYOUT_STORE_FILE    "qingfen.store"  /* In the folder: what the store is. */

/* A store's folder, opened. */
struct layout {
    char folder[LAYOUT_FOLDER_MAX];
    uint8_t store_id[STORE_ID_SIZE];
    uint8_t hash_key[LAYOUT_HASH_KEY_SIZE];
    uint32_t shards;
    int64_t created_ms; /* Milliseconds since the epoch; whole seconds. */
};

/* One file for tables/: its plain name (no slash, not beginning with a dot) and its text. */
struct layout_file {
    const char *name;
    struct bytes text; /* Borrowed for the call. */
};

/* Makes a store in `dir`, which is made (its parent must exist) or must be empty; "lost+found" of
 * a fresh file system does not count. Everything is on stable storage when it returns 0. When it
 * fails it removes what it made itself and nothing else. -EEXIST, -ENOTEMPTY, -EINVAL, or what the
 * system says. */
int layout_create(const char *dir, uint32_t shards, int64_t created_ms,
                  const struct layout_file *files, size_t count, struct problem *problem);

/* Reads and checks qingfen.store and that the folders stand. -ENOENT: no store there. */
int layout_open(const char *dir, struct layout *ret_layout, struct problem *problem);

/* Takes the store's lock: exclusive for an engine, shared for readers such as verify. -EBUSY with
 * a sentence that names the process in the way. The lock lasts until layout_unlock(), or until the
 * process ends however it ends. */
int layout_lock(const char *dir, bool exclusive, int *ret_fd, struct problem *problem);

/* Gives the lock back and closes `fd`; a negative one is fine. */
void layout_unlock(int fd);

/* Paths; `shard` is less than LAYOUT_SHARDS_MAX, `name` as in struct layout_file. */
void layout_journal_path(const struct layout *layout, uint32_t shard, char ret[LAYOUT_PATH_MAX]);
void layout_state_path(const struct layout *layout, uint32_t shard, char ret[LAYOUT_PATH_MAX]);
void layout_table_path(const struct layout *layout, const char *name, char ret[LAYOUT_PATH_MAX]);

#endif
