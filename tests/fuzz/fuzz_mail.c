/* Fuzz: any bytes as a batch of mail between shards. What is taken holds as many items as it says,
 * each inside the batch, and is the same bytes when it is written again. */
#include "codec/mail.h"
#include "types/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[1 << 16];
    const struct bytes body = {data, size};
    struct mail_batch batch;
    struct bytes item;
    uint16_t op;
    uint32_t count = 0;

    if (size > sizeof out || !mail_decode(body, &batch)) return 0;
    mail_write_head(&batch, out);
    size_t used = MAIL_HEAD_SIZE;
    struct bytes rest = batch.items;
    while (mail_next(&rest, &op, &item)) {
        ENSURE(item.data >= body.data && item.data + item.size <= body.data + body.size);
        const size_t wrote = mail_write_item(op, item, out + used, sizeof out - used);
        ENSURE(wrote > item.size);
        ENSURE(mail_write_item(op, item, out + used, wrote - 1) == 0);
        used += wrote;
        count++;
    }
    ENSURE(count == batch.count);
    ENSURE(used == size && memcmp(out, data, size) == 0);
    return 0;
}
