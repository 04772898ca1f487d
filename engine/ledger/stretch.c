#include "ledger/stretch.h"

#include "types/ensure.h"
#include "util/le.h"

bool stretch_read(uint64_t first_seq, struct bytes value, struct stretch *ret_stretch)
{
    if (value.size <= STRETCH_HEAD_SIZE || value.size > STRETCH_SIZE_MAX || value.size % 2 != 0)
        return false;
    *ret_stretch = (struct stretch){
        .first_seq = first_seq,
        .segment = le_load32(value.data),
        .offset = le_load32(value.data + 4),
        .count = (uint32_t)((value.size - STRETCH_HEAD_SIZE) / 2),
        .distances = value.data + STRETCH_HEAD_SIZE,
    };
    return ret_stretch->segment != 0 && ret_stretch->offset % STRETCH_UNIT == 0 &&
           le_load16(ret_stretch->distances) == 0;
}

bool stretch_find(const struct stretch *stretch, uint64_t seq, uint32_t *ret_offset)
{
    if (seq < stretch->first_seq || seq - stretch->first_seq >= stretch->count) return false;
    const uint8_t *distance = stretch->distances + 2 * (seq - stretch->first_seq);
    return !__builtin_add_overflow(stretch->offset, STRETCH_UNIT * (uint32_t)le_load16(distance),
                                   ret_offset);
}

void stretch_begin(struct stretch_draft *draft, uint32_t segment, uint32_t offset)
{
    ENSURE(segment != 0);
    ENSURE(offset % STRETCH_UNIT == 0);
    draft->offset = offset;
    draft->count = 1;
    le_store32(draft->value, segment);
    le_store32(draft->value + 4, offset);
    le_store16(draft->value + STRETCH_HEAD_SIZE, 0);
}

bool stretch_add(struct stretch_draft *draft, uint32_t offset)
{
    ENSURE(offset > draft->offset);
    const uint32_t distance = offset - draft->offset;
    ENSURE(distance % STRETCH_UNIT == 0);
    if (draft->count == STRETCH_ENTRIES_MAX || distance > STRETCH_SPAN) return false;
    le_store16(draft->value + STRETCH_HEAD_SIZE + 2 * (size_t)draft->count,
               (uint16_t)(distance / STRETCH_UNIT));
    draft->count++;
    return true;
}

struct bytes stretch_value(const struct stretch_draft *draft)
{
    return (struct bytes){draft->value, STRETCH_HEAD_SIZE + 2 * (size_t)draft->count};
}
