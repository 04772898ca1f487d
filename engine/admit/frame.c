#include "admit/frame.h"

#include "util/checksum.h"
#include "util/le.h"

#define CRC_OFFSET 20 /* The sum covers what stands before it, then the payload. */

static const uint8_t magic[4] = {'Q', 'F', '0', '1'};

enum frame_state frame_read(struct bytes stream, struct frame *ret_frame, size_t *ret_size)
{
    const uint8_t *head = stream.data;
    const size_t magic_there = stream.size < sizeof magic ? stream.size : sizeof magic;

    if (magic_there != 0 && memcmp(head, magic, magic_there) != 0) return FRAME_BAD_MAGIC;
    if (stream.size < FRAME_HEAD_SIZE) {
        *ret_size = FRAME_HEAD_SIZE;
        return FRAME_PARTIAL;
    }
    const size_t length = le_load32(head + 4);
    ret_frame->request_id = le_load64(head + 8);
    ret_frame->type = le_load16(head + 16);
    ret_frame->version = head[18];
    if (ret_frame->version != FRAME_VERSION) return FRAME_BAD_VERSION;
    *ret_size = length;
    if (length > FRAME_PAYLOAD_MAX) return FRAME_TOO_LONG;
    *ret_size = FRAME_HEAD_SIZE + length;
    if (stream.size < *ret_size) return FRAME_PARTIAL;

    ret_frame->payload = (struct bytes){head + FRAME_HEAD_SIZE, length};
    uint32_t crc = checksum_crc32c(0, head, CRC_OFFSET);
    crc = checksum_crc32c(crc, ret_frame->payload.data, length);
    return crc == le_load32(head + CRC_OFFSET) ? FRAME_WHOLE : FRAME_BAD_CRC;
}

void frame_write_head(uint8_t out[FRAME_HEAD_SIZE], uint16_t type, uint64_t request_id,
                      struct bytes payload)
{
    memcpy(out, magic, sizeof magic);
    le_store32(out + 4, (uint32_t)payload.size);
    le_store64(out + 8, request_id);
    le_store16(out + 16, type);
    out[18] = FRAME_VERSION;
    out[19] = 0;
    const uint32_t crc = checksum_crc32c(0, out, CRC_OFFSET);
    le_store32(out + CRC_OFFSET, checksum_crc32c(crc, payload.data, payload.size));
}
