/* packing -- what every encoder through protobuf-c needs: codec/centre.c, codec/cycle_reply.c and
 * codec/person.c. Nobody else includes it. */
#ifndef CODEC_PACKING_H
#define CODEC_PACKING_H

#include <stddef.h>
#include <stdint.h>

#include "common.pb-c.h"

/* The message's bytes, malloc'ed: the caller frees them. NULL without memory. */
uint8_t *pb_pack(const ProtobufCMessage *message, size_t *ret_size);

/* The array of pointers that protobuf-c wants over `count` structs of `size` bytes, in one
 * malloc'ed block: the pointers, then the structs, which the caller fills in. NULL without memory.
 */
void **pb_repeated(size_t count, size_t size);

/* protobuf-c's structs are not const; packing does not write. */
static inline char *pb_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

#endif
