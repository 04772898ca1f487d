#include "codec/mail.h"

#include "util/le.h"

#define ITEM_HEAD_SIZE 4

bool mail_next(struct bytes *items, uint16_t *ret_op, struct bytes *ret_data)
{
    if (items->size < ITEM_HEAD_SIZE) return false;
    const size_t size = le_load16(items->data);
    if (items->size - ITEM_HEAD_SIZE < size) return false;
    *ret_op = le_load16(items->data + 2);
    *ret_data = (struct bytes){items->data + ITEM_HEAD_SIZE, size};
    items->data += ITEM_HEAD_SIZE + size;
    items->size -= ITEM_HEAD_SIZE + size;
    return true;
}

bool mail_read_head(struct bytes body, struct mail_batch *ret_batch)
{
    if (body.size < MAIL_HEAD_SIZE) return false;
    *ret_batch = (struct mail_batch){
        .from = le_load32(body.data),
        .count = le_load32(body.data + 4),
        .first = le_load64(body.data + 8),
        .has = le_load64(body.data + 16),
        .items = {body.data + MAIL_HEAD_SIZE, body.size - MAIL_HEAD_SIZE},
    };
    return true;
}

bool mail_decode(struct bytes body, struct mail_batch *ret_batch)
{
    struct bytes data;
    uint16_t op;

    if (!mail_read_head(body, ret_batch)) return false;
    struct bytes rest = ret_batch->items;
    for (uint32_t i = 0; i < ret_batch->count; i++) {
        if (!mail_next(&rest, &op, &data)) return false;
    }
    return rest.size == 0;
}

void mail_write_head(const struct mail_batch *batch, uint8_t out[MAIL_HEAD_SIZE])
{
    le_store32(out, batch->from);
    le_store32(out + 4, batch->count);
    le_store64(out + 8, batch->first);
    le_store64(out + 16, batch->has);
}

size_t mail_write_item(uint16_t op, struct bytes data, uint8_t *out, size_t room)
{
    const size_t size = ITEM_HEAD_SIZE + data.size;
    if (data.size > UINT16_MAX || size > room) return 0;
    le_store16(out, (uint16_t)data.size);
    le_store16(out + 2, op);
    memcpy(out + ITEM_HEAD_SIZE, data.data, data.size);
    return size;
}
