/* Fuzz: any bytes as a stream of frames. A whole frame lies inside the stream and is written again
 * as the same bytes, but for flags that this version does not know; a partial one asks for more
 * than is there. */
#include "admit/frame.h"
#include "types/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t at = 0;
    for (;;) {
        struct frame frame = {0};
        size_t used = 0;
        const enum frame_state state =
            frame_read((struct bytes){data + at, size - at}, &frame, &used);
        if (state == FRAME_PARTIAL) {
            ENSURE(used > size - at);
            ENSURE(used <= FRAME_HEAD_SIZE + FRAME_PAYLOAD_MAX);
        }
        if (state != FRAME_WHOLE) return 0;
        ENSURE(used == FRAME_HEAD_SIZE + frame.payload.size);
        ENSURE(used <= size - at);
        ENSURE(frame.payload.data == data + at + FRAME_HEAD_SIZE);

        uint8_t head[FRAME_HEAD_SIZE];
        frame_write_head(head, frame.type, frame.request_id, frame.payload);
        if (data[at + 19] == 0) ENSURE(memcmp(head, data + at, sizeof head) == 0);
        at += used;
    }
}
