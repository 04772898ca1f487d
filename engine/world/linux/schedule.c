#include "world/linux/schedule.h"

#include <sched.h>
#include <stdint.h>
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
