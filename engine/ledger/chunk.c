#include "ledger/chunk.h"

#include "util/le.h"

size_t mark_stored_size(const struct mark *mark)
{
    const uint8_t *bytes = (const uint8_t *)mark;
    size_t size = sizeof *mark;
    while (size > sizeof mark->seq && le_load64(bytes + size - sizeof(uint64_t)) == 0)
        size -= sizeof(uint64_t);
    return size;
}

bool mark_read(struct bytes value, struct mark *ret_mark)
{
    memset(ret_mark, 0, sizeof *ret_mark);
    if (value.size > sizeof *ret_mark) return false;
    memcpy(ret_mark, value.data, value.size);
    return true;
}
