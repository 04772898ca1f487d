/* journal_ring -- how a block of the journal gets to the device, and what happens when it does not.
 *
 * All of the writer that knows io_uring; the simulator has another one (tests/sim), and the rest of
 * the writer in common with the engine. */
#ifndef WORLD_LINUX_JOURNAL_RING_H
#define WORLD_LINUX_JOURNAL_RING_H

#include "world/linux/journal_writer.h"

/* Puts the write of writer->data and its sync on their way: one operation with `in_one`, which
 * completes with write_tag; else two that are linked, the sync with sync_tag. When the write is
 * short or fails, the sync is cancelled (-ECANCELED). */
void journal_ring_submit(struct journal_writer *writer);

/* To be called after every submission of the ring that journal_ring_submit() did not make itself.
 * The kernel may take a part of the queue only, and a link ends where the submission does. */
void journal_ring_submitted(struct journal_writer *writer);

/* The promise cannot be kept: says why and ends the process, before anything can be answered. */
_Noreturn void journal_ring_give_up(const struct journal_writer *writer, const char *what,
                                    int error);

/* True when the device of this folder needs no flush of its own after a DSYNC write. */
bool journal_device_has_fua(const char *folder);

#endif
