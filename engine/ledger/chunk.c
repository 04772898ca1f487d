#include "ledger/chunk.h"

size_t mark_pack(const struct mark *mark, uint8_t out[MARK_SIZE_MAX])
{
    return numbers_pack(&mark->last_seq, MARK_NUMBERS, out);
}

bool mark_read(uint64_t seq, struct bytes value, struct mark *ret_mark)
{
    ret_mark->seq = seq;
    return numbers_read(value, MARK_NUMBERS, &ret_mark->last_seq);
}
