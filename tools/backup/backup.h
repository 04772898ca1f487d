/* backup -- copies what is new in a store's journal into a backup, and checks a backup.
 *
 *   BACKUP/run-00000001.txt       what each run vouches for (manifest.h); the newest one counts
 *   BACKUP/lock                   held with flock() by whoever writes to it
 *   BACKUP/store.txt              the store's description, as it is
 *   BACKUP/tables/                the code tables; NAME@RUN when a later run found another text
 *   BACKUP/shard-0000/            segments as in the store, but ending with their last block
 *
 * It is no store: neither an engine nor verify opens it.
 *
 * WHAT MAY BE COPIED  Blocks the engine knows to be durable. The newest whole block on the disk may
 * still be lost in a power cut, and the engine then writes another one with the same number; a
 * backup that held it would hold something that never happened. So a running engine is asked how
 * far each journal is durable, and nothing behind that is looked at; without an engine the journals
 * are synced first, as a start would do it.
 *
 * THE HORIZON  Shards are not read at one instant. `horizon_ms` is the engine's clock before it was
 * asked how far the journals are durable: what was stamped up to then and had an effect anywhere is
 * in the backup with everything it rests on. What was stamped later may be there in part, and
 * restore leaves it out (consistent.h).
 *
 * Nothing is taken that was not checked: sums of blocks and entries, and the chain from the last
 * block the backup has. A run that ends early changes nothing: what it had appended is cut off,
 * then or by the next one. */
#ifndef BACKUP_BACKUP_H
#define BACKUP_BACKUP_H

#include "tools/backup/manifest.h"

/* What a running engine said of itself, or what its journals say when it is stopped. */
struct backup_engine {
    /* Its clock, before it was asked for the rest; stopped: the machine's. */
    int64_t now_ms;
    bool stopped; /* Nothing is under way: the horizon is behind the last entry in any case. */
    uint64_t durable_seq[LAYOUT_SHARDS_MAX];
    /* Stopped: the segment whose head a torn write left out before its first block, which counts
     * (segments.h); 0: none. */
    uint32_t headless[LAYOUT_SHARDS_MAX];
};

/* Called now and then: bytes copied or checked so far, of so many (0: nobody knows), entries. */
typedef void backup_progress_fn(void *context, uint64_t done, uint64_t whole, uint64_t entries);

struct backup_progress {
    backup_progress_fn *tell; /* May be NULL. */
    void *context;
};

/* What a run has done. */
struct backup_result {
    struct manifest before; /* run 0: there was none. */
    struct manifest after;
    uint64_t new_blocks;
    uint64_t new_bytes;
    uint64_t new_entries;
};

/* Where journals end, when no engine runs. To be called with the store's lock held, shared; sets
 * engine->durable_seq after making it true, and engine->stopped. now_ms is left to the caller. */
int backup_ends(const struct layout *layout, struct backup_engine *engine, struct problem *problem);

/* Copies what is new up to `engine->durable_seq` into `folder`, which is made when it is not there.
 * `began_ms`: the machine's clock. -EUCLEAN: store or backup are damaged, or are not of one store;
 * else what the system says. Whatever it returns but 0, the backup is what it was. */
int backup_run(const struct layout *layout, const struct backup_engine *engine, int64_t began_ms,
               const char *folder, struct backup_progress progress,
               struct backup_result *ret_result, struct problem *problem);

/* Reads all of a backup: each run, each file, each block and entry. 0 with the newest run; -ENOENT:
 * `folder` is no backup. */
int backup_check(const char *folder, struct backup_progress progress, struct manifest *ret_newest,
                 struct problem *problem);

/* Whether a file that the run names is as the run saw it; with ret_text its text, to be freed. */
int backup_file_check(const char *folder, const struct backup_file *file, uint8_t **ret_text,
                      size_t *ret_size, struct problem *problem);

#endif
