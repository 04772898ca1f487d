/* walk -- reads the journal of one shard out of a backup, all that its newest run vouches for. */
#ifndef BACKUP_WALK_H
#define BACKUP_WALK_H

#include "tools/backup/blocks.h"
#include "tools/backup/manifest.h"

#define WALK_STOP 1

/* Called for each block; `after` is the position behind it. 0: go on; WALK_STOP: enough; negative:
 * ends the walk with that error, told by the callee. All is borrowed for the call. */
typedef int walk_fn(void *context, const struct found_block *found,
                    const struct journal_position *after);

/* 0 when everything up to the run's end is there and sound, or the callee had enough. -EUCLEAN with
 * file and offset where it is not. */
int walk_shard(const char *folder, const struct manifest *manifest, uint32_t shard, walk_fn *each,
               void *context, struct problem *problem);

#endif
