#include "world/linux/schedule.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NICENESS_MOST 19

/* What sched_setattr(2) is given: <linux/sched/types.h> and <sched.h> of glibc 2.36 do not go
 * together. */
struct thread_attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t slice_ns; /* sched_runtime; of SCHED_OTHER its slice. */
    uint64_t deadline_ns;
    uint64_t period_ns;
};

_Static_assert(sizeof(struct thread_attributes) == 48, "SCHED_ATTR_SIZE_VER0");

void schedule_this_thread(int nicer)
{
    /* PRIO_PROCESS: this thread's alone. */
    const int wanted = getpriority(PRIO_PROCESS, 0) + nicer;
    const int niceness = wanted < NICENESS_MOST ? wanted : NICENESS_MOST;
    const struct thread_attributes attributes = {
        .size = sizeof attributes,
        .policy = SCHED_OTHER,
        .nice = niceness,
        .slice_ns = SCHEDULE_SLICE_NS,
    };
    if (syscall(SYS_sched_setattr, 0, &attributes, 0) == 0) return;
    (void)setpriority(PRIO_PROCESS, 0, niceness);
}

int schedule_place(const cpu_set_t *allowed, uint32_t index, uint32_t shards)
{
    const uint32_t count = (uint32_t)CPU_COUNT(allowed);
    if (count < shards || count >= 2 * shards) return -1;
    uint32_t before = 0;
    for (int processor = 0; processor < CPU_SETSIZE; processor++) {
        if (!CPU_ISSET(processor, allowed)) continue;
        if (before++ == index) return processor;
    }
    return -1;
}

void schedule_stay(uint32_t index, uint32_t shards)
{
    cpu_set_t processors;
    if (sched_getaffinity(0, sizeof processors, &processors) != 0) return;
    const int place = schedule_place(&processors, index, shards);
    if (place < 0) return;
    CPU_ZERO(&processors);
    CPU_SET(place, &processors);
    (void)sched_setaffinity(0, sizeof processors, &processors);
}
