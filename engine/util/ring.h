/* ring -- messages from one thread to one other, in order, without locks.
 *
 * One writer, one reader. A message is a stretch of bytes, contiguous in memory; the reader looks
 * at it in place and then lets it go. Nothing is visible to the reader before ring_publish(): a
 * writer publishes once a turn, because waking a sleeping thread costs as much as a hundred
 * messages. */
#ifndef UTIL_RING_H
#define UTIL_RING_H

#include "types/bytes.h"

struct ring;

/* Room for `bytes` (a power of two, at least 4096). NULL without memory. */
struct ring *ring_new(size_t bytes);
void ring_free(struct ring *ring); /* NULL is fine. */

/* Writer: a place for a message of `size` bytes, aligned to 8, or NULL when it does not fit now. */
void *ring_reserve(struct ring *ring, size_t size);

/* Writer: shows the reader everything reserved so far. True when there was something new. */
bool ring_publish(struct ring *ring);

/* Reader: the next message it has not been given; size 0 when there is none. Borrowed until
 * ring_release(). */
struct bytes ring_next(struct ring *ring);

/* Reader: gives the memory of every message it was given back to the writer. */
void ring_release(struct ring *ring);

#endif
