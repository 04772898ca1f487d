#include "world/linux/large_pages.h"

#include <stdint.h>
#include <sys/mman.h>

#include "util/large.h"

#define SMALL_PAGE ((uintptr_t)4096)

void large_pages_lay(struct bytes memory, bool whole)
{
    const uintptr_t begin = (uintptr_t)memory.data;
    const uintptr_t end = begin + memory.size;
    const uintptr_t first = (begin + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    const uintptr_t last = end & ~(LARGE_PAGE - 1);
    if (last > first) (void)madvise((void *)first, last - first, MADV_HUGEPAGE);
    if (!whole) return;
    const uintptr_t page = begin & ~(SMALL_PAGE - 1);
    (void)madvise((void *)page, end - page, MADV_POPULATE_WRITE);
}
