/* frame -- a byte stream into whole frames, and payloads into frames. Format: types/wire.h.
 *
 * Must not know protobuf, money or sockets. */
#ifndef ADMIT_FRAME_H
#define ADMIT_FRAME_H

#include "types/bytes.h"
#include "types/wire.h"

struct frame {
    uint64_t request_id;
    uint16_t type;
    uint8_t version;
    struct bytes payload; /* Borrowed from the stream. */
};

enum frame_state {
    FRAME_WHOLE,       /* ret_frame is set, ret_size bytes are used up. */
    FRAME_PARTIAL,     /* Sound so far; ret_size bytes are needed in all. */
    FRAME_BAD_MAGIC,   /* This and what follows mean that the stream cannot be read any further. */
    FRAME_BAD_VERSION, /* Head readable, ret_frame->request_id is set; so for the next two. */
    FRAME_TOO_LONG,    /* ret_size is the length it claims. */
    FRAME_BAD_CRC,
};

/* Looks for one frame at the front of `stream`. A bad magic is seen in the first four bytes, a bad
 * version or length as soon as the head is there: nobody waits for 2^31 bytes. */
enum frame_state frame_read(struct bytes stream, struct frame *ret_frame, size_t *ret_size);

/* Writes the head for a payload that stands, or will stand unchanged, behind it. */
void frame_write_head(uint8_t out[FRAME_HEAD_SIZE], uint16_t type, uint64_t request_id,
                      struct bytes payload);

#endif
