/* timings -- how long a thread takes for each of its stages (types/stage.h), always on.
 *
 * A loop reads the clock where it goes from one stage to the next, a few times a turn and never for
 * a single message. The processor's time tells what was the loop's own from what was taken away
 * from it; it costs a call of the kernel, so it is read after a sleep, and when 1 ms or more has
 * gone by. */
#ifndef WORLD_LINUX_TIMINGS_H
#define WORLD_LINUX_TIMINGS_H

#include <stdbool.h>

#include "types/stage.h"

struct timings {
    struct stage_timing of[STAGE_COUNT];
    enum stage now;       /* What the loop does, … */
    uint64_t since_ns;    /* … since then. */
    uint64_t turn_ns;     /* When its turn began. */
    uint64_t cpu_ns;      /* The thread's processor time when it was last read, … */
    uint64_t cpu_read_ns; /* … which was then. */
    uint64_t turn_cpu_ns; /* The processor time known when its turn began. */
    bool sleeps;          /* The kernel may have put it to sleep. */
};

/* Nanoseconds of the steady clock, and of the calling thread's processor time. */
uint64_t timings_clock(void);
uint64_t timings_cpu(void);

/* The loop's thread begins, in STAGE_RECEIVE. */
void timings_begin(struct timings *timings);

/* Goes on to `next`; what went on since the last call was `was`, or STAGE_SAME: what it said. Gives
 * the stage that it said. */
enum stage timings_go(struct timings *timings, enum stage was, enum stage next);

/* The kernel is called, and may put the thread to sleep with `sleeps`. */
void timings_kernel(struct timings *timings, bool sleeps);

/* It has come back: a turn has ended, and the next one begins in STAGE_RECEIVE. */
void timings_turn(struct timings *timings);

#endif
