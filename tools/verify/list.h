/* list -- arrays that grow by doubling, with their count and their room kept beside them. */
#ifndef VERIFY_LIST_H
#define VERIFY_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room in *list, from malloc, for one element of `size` bytes more than `count`; *room is how
 * many fit. False without memory: nothing has changed then. */
bool list_grow(void **list, uint64_t count, uint64_t *room, size_t size);
bool list_grow32(void **list, uint32_t count, uint32_t *room, size_t size);

#endif
