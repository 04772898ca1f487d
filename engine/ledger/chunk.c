#include "ledger/chunk.h"

#include "util/le.h"

struct bytes chunk_entry(struct bytes chunk, uint64_t first_seq, uint64_t seq)
{
    const uint32_t count = chunk.size < 4 ? 0 : le_load32(chunk.data);
    if (seq < first_seq || seq - first_seq >= count || (chunk.size - 4) / 4 < count) {
        return (struct bytes){0};
    }
    const uint32_t offset = le_load32(chunk.data + 4 + 4 * (seq - first_seq));
    if (offset >= chunk.size) return (struct bytes){0};
    return (struct bytes){chunk.data + offset, chunk.size - offset};
}

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
