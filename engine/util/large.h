/* large -- memory that begins where a large page may begin, and ends where one may end.
 *
 * What is looked into anywhere costs more for the search of its page than for the memory; only a
 * stretch with such bounds can be laid on large pages, by whoever knows the operating system. */
#ifndef UTIL_LARGE_H
#define UTIL_LARGE_H

#include <stdlib.h>

#define LARGE_PAGE ((size_t)2 * 1024 * 1024)

/* The size that large_new() reserves for `size` bytes. */
static inline size_t large_size(size_t size)
{
    return (size + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
}

/* At least `size` bytes, not zeroed; NULL without memory. For free(). */
static inline void *large_new(size_t size)
{
    return aligned_alloc(LARGE_PAGE, large_size(size));
}

#endif
