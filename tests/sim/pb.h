/* pb -- protobuf by hand: what a client needs to write a message and to look into an answer.
 *
 * The simulated clients are to have nothing in common with the engine's codec, and to cost little:
 * a message is a row of calls, an answer is looked through for the one field that is wanted. */
#ifndef TESTS_SIM_PB_H
#define TESTS_SIM_PB_H

#include <stdbool.h>

#include "types/bytes.h"

/* A message as it grows. The room is the caller's and always enough; a test of its own would be
 * wrong otherwise. */
struct pb {
    uint8_t *data;
    size_t size;
    size_t room;
};

static inline void pb_raw_varint(struct pb *pb, uint64_t value)
{
    while (value >= 0x80 && pb->size < pb->room) {
        pb->data[pb->size++] = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    if (pb->size < pb->room) pb->data[pb->size++] = (uint8_t)value;
}

/* uint32, uint64, int64 and bool; zero is left out, as proto3 does. */
static inline void pb_put(struct pb *pb, uint32_t field, uint64_t value)
{
    if (value == 0) return;
    pb_raw_varint(pb, field << 3);
    pb_raw_varint(pb, value);
}

/* sint64: amounts in fen. */
static inline void pb_fen(struct pb *pb, uint32_t field, int64_t value)
{
    pb_put(pb, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

/* string, bytes and messages; empty ones are left out. */
static inline void pb_bytes(struct pb *pb, uint32_t field, struct bytes value)
{
    if (value.size == 0) return;
    pb_raw_varint(pb, field << 3 | 2);
    pb_raw_varint(pb, value.size);
    if (value.size > pb->room - pb->size) return;
    memcpy(pb->data + pb->size, value.data, value.size);
    pb->size += value.size;
}

static inline void pb_text(struct pb *pb, uint32_t field, const char *value)
{
    pb_bytes(pb, field, bytes_of(value));
}

/* One field of a message being read. */
struct pb_field {
    uint32_t number;
    uint64_t value;     /* Of a varint or fixed64. */
    struct bytes bytes; /* Of the rest. */
};

static inline bool pb_take_varint(struct bytes *from, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && from->size != 0; shift += 7) {
        const uint8_t byte = *from->data++;
        from->size--;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return true;
        }
    }
    return false;
}

/* Takes the next field off the front. False at the end, or at what is no message. */
static inline bool pb_next(struct bytes *message, struct pb_field *ret_field)
{
    uint64_t tag;
    if (!pb_take_varint(message, &tag)) return false;
    *ret_field = (struct pb_field){.number = (uint32_t)(tag >> 3)};
    switch (tag & 7) {
    case 0:
        return pb_take_varint(message, &ret_field->value);
    case 1:
        if (message->size < 8) return false;
        memcpy(&ret_field->value, message->data, 8);
        message->data += 8;
        message->size -= 8;
        return true;
    case 2: {
        uint64_t size;
        if (!pb_take_varint(message, &size) || size > message->size) return false;
        ret_field->bytes = (struct bytes){message->data, (size_t)size};
        message->data += size;
        message->size -= (size_t)size;
        return true;
    }
    default:
        return false;
    }
}

/* The last field of that number; zeros when there is none. */
static inline struct pb_field pb_field(struct bytes message, uint32_t number)
{
    struct pb_field field, found = {0};
    while (pb_next(&message, &field)) {
        if (field.number == number) found = field;
    }
    return found;
}

static inline uint64_t pb_get(struct bytes message, uint32_t number)
{
    return pb_field(message, number).value;
}

static inline struct bytes pb_get_bytes(struct bytes message, uint32_t number)
{
    return pb_field(message, number).bytes;
}

static inline int64_t pb_zigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

static inline int64_t pb_get_fen(struct bytes message, uint32_t number)
{
    return pb_zigzag(pb_get(message, number));
}

#endif
