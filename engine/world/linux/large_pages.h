/* large_pages -- memory on pages of 2 MiB, where the kernel has them. */
#ifndef WORLD_LINUX_LARGE_PAGES_H
#define WORLD_LINUX_LARGE_PAGES_H

#include <stdbool.h>

#include "types/bytes.h"

/* Lays memory that nobody has touched yet on large pages, as far as it has room for them
 * (util/large.h): a table that is looked into anywhere costs more for the search of its page than
 * for the memory, in a virtual machine above all. `whole`: all of it will be used, and is touched
 * now; no message waits later while the kernel clears a page. Neither has to succeed. */
void large_pages_lay(struct bytes memory, bool whole);

#endif
