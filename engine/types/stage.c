#include "types/stage.h"

#define NS_PER_US 1000
#define NS_PER_MS 1000000

const char *stage_name(enum stage stage)
{
#define STAGE_TEXT(name, text) text,
    static const char *const names[STAGE_COUNT] = {STAGES(STAGE_TEXT)};
#undef STAGE_TEXT
    return names[stage];
}

static unsigned bucket_of(uint64_t ns)
{
    const uint64_t us = ns / NS_PER_US;
    if (us == 0) return 0;
    const unsigned bucket = 64 - (unsigned)__builtin_clzll(us);
    return bucket < STAGE_BUCKETS ? bucket : STAGE_BUCKETS - 1;
}

void stage_add(struct stage_timing *timing, uint64_t ns, uint64_t cpu_ns)
{
    timing->count++;
    timing->total_ns += ns;
    if (ns > timing->max_ns) timing->max_ns = ns;
    timing->histogram[bucket_of(ns)]++;
    if (ns < NS_PER_MS) return;
    timing->above_1ms++;
    timing->above_5ms += ns >= 5 * (uint64_t)NS_PER_MS;
    if (cpu_ns > ns) cpu_ns = ns;
    if (cpu_ns > timing->max_cpu_ns) timing->max_cpu_ns = cpu_ns;
}
