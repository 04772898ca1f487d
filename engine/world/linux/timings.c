#include "world/linux/timings.h"

#include <time.h>

#define LONG_NS 1000000 /* From here on the processor's time is worth a reading. */

static uint64_t read_ns(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t timings_clock(void)
{
    return read_ns(CLOCK_MONOTONIC);
}

uint64_t timings_cpu(void)
{
    return read_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void read_cpu(struct timings *timings, uint64_t now_ns)
{
    timings->cpu_ns = timings_cpu();
    timings->cpu_read_ns = now_ns;
}

void timings_begin(struct timings *timings)
{
    timings->now = STAGE_RECEIVE;
    timings->since_ns = timings->turn_ns = timings_clock();
    read_cpu(timings, timings->turn_ns);
    timings->turn_cpu_ns = timings->cpu_ns;
}

/* Processor time since it was last read: of what took `ns` until now, and of what came before it;
 * so it is never too little. */
static uint64_t cpu_spent(struct timings *timings, uint64_t ns, uint64_t now_ns)
{
    if (ns < LONG_NS) return 0;
    const uint64_t before_ns = timings->cpu_ns;
    read_cpu(timings, now_ns);
    return timings->cpu_ns - before_ns;
}

enum stage timings_go(struct timings *timings, enum stage was, enum stage next)
{
    const enum stage announced = timings->now;
    if (was == STAGE_SAME) was = announced;
    const uint64_t now_ns = timings_clock();
    const uint64_t ns = now_ns - timings->since_ns;
    stage_add(&timings->of[was], ns, cpu_spent(timings, ns, now_ns));
    timings->now = next;
    timings->since_ns = now_ns;
    return announced;
}

void timings_kernel(struct timings *timings, bool sleeps)
{
    (void)timings_go(timings, STAGE_SAME, STAGE_KERNEL);
    timings->sleeps = sleeps;
}

/* Work takes the processor's time and sleep does not: of the time since it was last read, so much
 * went by before the kernel was called, and what is more than that is the kernel's. */
static uint64_t worked_in_kernel(const struct timings *timings, uint64_t read_ns, uint64_t cpu_ns)
{
    const uint64_t before_ns = timings->since_ns - read_ns;
    const uint64_t spent_ns = timings->cpu_ns - cpu_ns;
    return spent_ns > before_ns ? spent_ns - before_ns : 0;
}

void timings_turn(struct timings *timings)
{
    const uint64_t now_ns = timings_clock();
    const uint64_t read_ns = timings->cpu_read_ns;
    const uint64_t cpu_ns = timings->cpu_ns;
    uint64_t kernel_ns = now_ns - timings->since_ns;
    uint64_t slept_ns = 0;
    if (timings->sleeps || now_ns - read_ns >= LONG_NS || now_ns - timings->turn_ns >= LONG_NS)
        read_cpu(timings, now_ns);
    if (timings->sleeps) {
        const uint64_t worked_ns = worked_in_kernel(timings, read_ns, cpu_ns);
        if (worked_ns < kernel_ns) {
            slept_ns = kernel_ns - worked_ns;
            kernel_ns = worked_ns;
        }
        stage_add(&timings->of[STAGE_WAIT], slept_ns, 0);
    }
    stage_add(&timings->of[STAGE_KERNEL], kernel_ns, timings->cpu_ns - cpu_ns);
    stage_add(&timings->of[STAGE_TURN], now_ns - timings->turn_ns - slept_ns,
              timings->cpu_ns - timings->turn_cpu_ns);
    timings->now = STAGE_RECEIVE;
    timings->since_ns = timings->turn_ns = now_ns;
    timings->turn_cpu_ns = timings->cpu_ns;
}
