#include "codec/packing.h"

#include <stdlib.h>

#include "types/ensure.h"

uint8_t *pb_pack(const ProtobufCMessage *message, size_t *ret_size)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    uint8_t *out = malloc(size + 1);
    if (out == NULL) return NULL;
    *ret_size = protobuf_c_message_pack(message, out);
    return out;
}

static void *take(void *context, size_t size)
{
    (void)context;
    void *memory = malloc(size + 1);
    NEED_MEMORY(memory);
    return memory;
}

static void give_back(void *context, void *memory)
{
    (void)context;
    free(memory);
}

ProtobufCAllocator *pb_memory(void)
{
    static ProtobufCAllocator memory = {.alloc = take, .free = give_back};
    return &memory;
}

void **pb_repeated(size_t count, size_t size)
{
    void **pointers = malloc(count * (sizeof(void *) + size) + 1);
    if (pointers == NULL) return NULL;
    uint8_t *structs = (uint8_t *)(pointers + count);
    for (size_t i = 0; i < count; i++)
        pointers[i] = structs + i * size;
    return pointers;
}
