/* journal_view -- what a shard of the simulated centre reads its old entries from. */
#ifndef TESTS_SIM_JOURNAL_VIEW_H
#define TESTS_SIM_JOURNAL_VIEW_H

#include "world/linux/segments.h"

/* `folder` is borrowed. Reads whichever disk is in use (disk.h). */
struct journal_view *sim_view_new(const struct journal_folder *folder);
void sim_view_free(struct journal_view *view); /* NULL is fine. */

#endif
