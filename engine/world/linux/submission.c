#include "world/linux/submission.h"

#include <errno.h>
#include <time.h>

#include "types/ensure.h"

#define TRIES_AT_ONCE 8
#define TRIES_MAX     1000

void submission_make_room(struct io_uring *ring, uint32_t places)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    for (uint32_t tries = 0; io_uring_sq_space_left(ring) < places; tries++) {
        ENSURE(tries < TRIES_MAX);
        if (tries >= TRIES_AT_ONCE) nanosleep(&pause, NULL);
        const int r = io_uring_submit(ring);
        ENSURE(r >= 0 || r == -EINTR || r == -EAGAIN || r == -EBUSY);
    }
}
