/* submission -- room in a ring's submission queue, also when the kernel takes nothing for a moment.
 *
 * A submission may be refused (EAGAIN, EBUSY: short of memory or of room for completions) or taken
 * in part. Then the rest stays in the queue and goes with the next one. */
#ifndef WORLD_LINUX_SUBMISSION_H
#define WORLD_LINUX_SUBMISSION_H

#include <liburing.h>
#include <stdint.h>

/* Lets what is queued go until `places` more have room. Ends the process (ENSURE) when the kernel
 * takes nothing for about a second. */
void submission_make_room(struct io_uring *ring, uint32_t places);

#endif
