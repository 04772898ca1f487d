/* packing -- what every encoder through protobuf-c needs: codec/centre.c, codec/cycle_reply.c and
 * codec/person.c, and what the readers there and in codec/cycle.c need. Nobody else includes it. */
#ifndef CODEC_PACKING_H
#define CODEC_PACKING_H

#include <stddef.h>
#include <stdint.h>

#include "centre.pb-c.h"
#include "common.pb-c.h"

struct net_row;
struct province_row;

/* The message's bytes, malloc'ed: the caller frees them. NULL without memory. */
uint8_t *pb_pack(const ProtobufCMessage *message, size_t *ret_size);

/* The array of pointers that protobuf-c wants over `count` structs of `size` bytes, in one
 * malloc'ed block: the pointers, then the structs, which the caller fills in. NULL without memory.
 */
void **pb_repeated(size_t count, size_t size);

/* What protobuf-c reads messages into. Without memory the process ends: protobuf-c would say NULL
 * as it does to a malformed message, and a sender be told that a good one is bad. */
ProtobufCAllocator *pb_memory(void);

/* What the report and the batch both have: a payment and a province's position (types/report.h). */
void pb_net_payment(const struct net_row *row, Qingfen__V1__NetPayment *ret_message);
void pb_net_position(const struct province_row *row, Qingfen__V1__NetPosition *ret_message);

/* protobuf-c's structs are not const; packing does not write. */
static inline char *pb_text(const char *text)
{
    return (char *)(uintptr_t)text;
}

#endif
