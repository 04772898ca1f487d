/* restore -- makes a store out of a backup: all of it, or what was stamped up to a time.
 *
 * The new store is not the old one's continuation and cannot be taken for it: it has an id of its
 * own, in every block and in what the engine says of itself, so no file of the two fits the other.
 * The entries are the backup's, byte for byte; the blocks are sealed anew. The state is left empty:
 * the first start replays the journals. DIR/restored.txt says where the store comes from.
 *
 * It is made under DIR.restoring and gets its name when everything is on stable storage. */
#ifndef BACKUP_RESTORE_H
#define BACKUP_RESTORE_H

#include "tools/backup/backup.h"

struct restore_order {
    const char *from;   /* The backup. */
    const char *data;   /* The new store: is not there, or an empty folder. */
    int64_t to_ms;      /* Engine's time; INT64_MIN: the horizon of the newest run. */
    int64_t created_ms; /* The machine's clock. */
    bool only_look;     /* Finds out what would be restored, and makes nothing. */
    bool through_set;
    uint64_t through[LAYOUT_SHARDS_MAX]; /* Then no shard goes further than this entry. */
};

struct restore_shard {
    uint64_t entries; /* Restored. */
    uint64_t blocks;
    uint64_t in_backup;    /* Entries. */
    uint64_t not_asked;    /* Of these, later than was asked for. */
    uint64_t inconsistent; /* And of these, resting on something that is not there. */
    int64_t stamp_ms;      /* Of the last one restored; INT64_MIN: none. */
};

struct restore_result {
    struct manifest run;
    int64_t to_ms;
    struct restore_shard shard[LAYOUT_SHARDS_MAX];
};

/* 0, -EEXIST and -ENOTEMPTY as layout_create(), -ENODATA when `from` is no backup, -ERANGE when the
 * backup does not reach that far or has nothing so early, -EUCLEAN when it is damaged, or what the
 * system says. When it fails there is no store. */
int restore_run(const struct restore_order *order, struct backup_progress progress,
                struct restore_result *ret_result, struct problem *problem);

#endif
