#include "tools/verify/list.h"

#include <stdlib.h>

#define ROOM_FIRST 64

bool list_grow(void **list, uint64_t count, uint64_t *room, size_t size)
{
    if (count < *room) return true;
    const uint64_t more = *room == 0 ? ROOM_FIRST : *room * 2;
    void *grown = realloc(*list, more * size);
    if (grown == NULL) return false;
    *list = grown;
    *room = more;
    return true;
}

bool list_grow32(void **list, uint32_t count, uint32_t *room, size_t size)
{
    uint64_t wide = *room;
    if (!list_grow(list, count, &wide, size)) return false;
    *room = (uint32_t)wide;
    return true;
}
