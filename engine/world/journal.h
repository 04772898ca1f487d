/* journal -- the third opening of the door: a shard reads again what it has written.
 *
 * The state keeps no copy of records, only where each stands (ledger/stretch.h); the bytes are the
 * journal's. Only durable blocks are asked for: what is still on its way is in memory (J1). One
 * thread reads. */
#ifndef WORLD_JOURNAL_H
#define WORLD_JOURNAL_H

#include "types/bytes.h"

struct journal_view; /* One shard's journal, to be read. */

/* The bytes of a segment from `offset` on: `size` of them, or as many as there are before its end.
 * Borrowed until the view is closed. 0 or a negative errno: -ENOENT for a segment that is missing,
 * -ERANGE for an offset behind its end, -EIO where the disk does not give them. Whether the bytes
 * are what they were the caller asks them. */
int journal_bytes(struct journal_view *view, uint32_t segment, uint32_t offset, size_t size,
                  struct bytes *ret_bytes);

/* What stands there is not entry `seq`, or cannot be read (`error`, a negative errno; -EUCLEAN for
 * the former): tells the operator, with shard, segment, offset and entry; once of a place, and of
 * many places no more than that there are more. Who needed it is refused. */
void journal_unread(struct journal_view *view, uint32_t segment, uint32_t offset, uint64_t seq,
                    int error);

/* The same where nobody can be refused: ends the process. */
_Noreturn void journal_lost(const struct journal_view *view, uint32_t segment, uint32_t offset,
                            uint64_t seq, int error);

#endif
