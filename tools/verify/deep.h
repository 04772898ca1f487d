/* deep -- the second half of verify: replays every journal from empty through the engine's own
 * shard code and compares what comes out with what is stored. Lives beside that code. */
#ifndef VERIFY_DEEP_H
#define VERIFY_DEEP_H

#include <stdio.h>

/* Replays the store in `dir`, prints its summary to `out` and the first difference, if any, to
 * stderr. 0: everything agrees; 1: something does not, or the store could not be read. The caller
 * holds the store's lock. */
int verify_deep(const char *dir, FILE *out);

#endif
