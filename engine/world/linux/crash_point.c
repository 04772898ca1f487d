/* crash_point -- see crash_point.h. Only the build for the crash tests has this file. */
#include "world/linux/crash_point.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool crash_like_fua(void)
{
    return getenv("QINGFEN_CRASH_FUA") != NULL;
}

void crash_point(const char *name)
{
    static atomic_ulong passes; /* Of the one place that was asked for, by all threads. */
    const char *at = getenv("QINGFEN_CRASH_AT");
    const size_t size = strlen(name);
    if (at == NULL || strncmp(at, name, size) != 0) return;
    if (at[size] != '\0' && at[size] != ':') return;
    const unsigned long wanted = at[size] == ':' ? strtoul(at + size + 1, NULL, 10) : 1;
    if (atomic_fetch_add(&passes, 1) + 1 != wanted) return;
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}
