/* crash_point -- named places at which a test may have the process die.
 *
 * In the programs that we ship crash_point() is nothing: no call, no branch, no name in the binary
 * (tests/crash/test_shipped.py asks them). The test's own build of the same sources defines
 * QINGFEN_CRASH_POINTS: there the process ends by SIGKILL when it passes the place that the
 * environment names, QINGFEN_CRASH_AT=NAME, or passes it for the n-th time, NAME:n. The campaign
 * in tests/crash/ takes the names from the sources: each stands exactly once. */
#ifndef WORLD_LINUX_CRASH_POINT_H
#define WORLD_LINUX_CRASH_POINT_H

#ifdef QINGFEN_CRASH_POINTS
#include <stdbool.h>

void crash_point(const char *name);

/* True when the environment has QINGFEN_CRASH_FUA: the journal is to be written as on a disk with
 * FUA, which no file system of a test can look like. */
bool crash_like_fua(void);
#else
#define crash_point(name) ((void)0)
#define crash_like_fua()  false
#endif

#endif
