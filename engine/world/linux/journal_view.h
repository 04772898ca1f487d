/* journal_view -- world/journal.h over the segments of one shard's folder.
 *
 * A segment is mapped when it is first asked for, and stays so until the view is closed: what was
 * read is borrowed that long. The writer goes past the page cache (O_DIRECT); the kernel throws out
 * what such a write lies over before it says that the write is done, so a durable block is seen
 * also by a mapping that is older. A mapping needs no handle. */
#ifndef WORLD_LINUX_JOURNAL_VIEW_H
#define WORLD_LINUX_JOURNAL_VIEW_H

#include "world/journal.h"
#include "world/linux/segments.h"

/* NULL without memory. */
struct journal_view *journal_view_new(const struct journal_folder *folder);
void journal_view_free(struct journal_view *view); /* NULL is fine. */

/* Where in the journals that this process has mapped `address` is; false when it is in none. For a
 * signal's handler: takes no lock and no memory. */
bool journal_view_find(const void *address, uint32_t *ret_shard, uint32_t *ret_segment,
                       uint64_t *ret_offset);

#endif
