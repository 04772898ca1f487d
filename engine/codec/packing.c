#include "codec/packing.h"

#include <stdlib.h>

#include "types/ensure.h"
#include "types/report.h"

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

void pb_net_payment(const struct net_row *row, Qingfen__V1__NetPayment *ret_message)
{
    qingfen__v1__net_payment__init(ret_message);
    ret_message->payer = row->payer;
    ret_message->payee = row->payee;
    ret_message->count = row->count;
    ret_message->amount = row->amount;
}

void pb_net_position(const struct province_row *row, Qingfen__V1__NetPosition *ret_message)
{
    qingfen__v1__net_position__init(ret_message);
    ret_message->province = row->province;
    ret_message->payable = row->payable;
    ret_message->receivable = row->receivable;
    ret_message->net = row->net;
}
