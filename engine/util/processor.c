#include "util/processor.h"

#if defined(__x86_64__) && defined(__AVX2__)

/* By instructions that every one has: this is what runs on a processor that is too old. */
__attribute__((target("arch=x86-64"))) bool processor_suffices(void)
{
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi2") &&
           __builtin_cpu_supports("fma");
}

#else

bool processor_suffices(void)
{
    return true; /* Built for any. */
}

#endif
