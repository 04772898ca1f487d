/* replay -- a shard's journal read back into it: from the checkpoint to the last sound block, and
 * made ready to go on there. Every start of a shard goes this way, the simulated ones too. */
#ifndef WORLD_LINUX_REPLAY_H
#define WORLD_LINUX_REPLAY_H

#include "shard.h"
#include "world/linux/segments.h"

/* Applies what stands in the journal from `from` on, mends it, and says how it ended. `progress`
 * may be NULL. 0, or a negative errno with a sentence; the shard is then of no use. */
int replay_journal(struct shard *shard, const struct journal_folder *folder,
                   const struct replay_start *from, journal_progress_fn *progress, void *context,
                   struct journal_scan *ret_scan, struct problem *problem);

#endif
