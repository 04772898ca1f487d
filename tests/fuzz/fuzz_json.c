/* Fuzz: any bytes as the body that `qingfen call` reads; the first byte says of which message. What
 * is refused is refused with a sentence; what is taken can be packed, unpacked and written again,
 * and what was written reads as the same message. */
#include <stdlib.h>

#include "tools/client/json_map.h"
#include "types/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Packs a message; the caller frees *ret_bytes. */
static size_t pack(const ProtobufCMessage *message, uint8_t **ret_bytes)
{
    const size_t size = protobuf_c_message_get_packed_size(message);
    *ret_bytes = malloc(size + 1);
    ENSURE(*ret_bytes != NULL);
    ENSURE(protobuf_c_message_pack(message, *ret_bytes) == size);
    return size;
}

static void round_trip(const ProtobufCMessageDescriptor *descriptor, ProtobufCMessage *message)
{
    struct json_map map = {.psn_key = NULL};
    uint8_t *bytes, *again;
    const size_t size = pack(message, &bytes);
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(descriptor, NULL, size, bytes);
    ENSURE(unpacked != NULL);
    json_t *object = json_map_write(unpacked);
    ENSURE(object != NULL);
    /* A SetlPost inside of another message is shown whole, and not read back like that. */
    ProtobufCMessage *back = json_map_read(&map, descriptor, object);
    if (back != NULL) {
        const size_t again_size = pack(back, &again);
        ENSURE(again_size == size);
        ENSURE(memcmp(again, bytes, size) == 0);
        free(again);
        protobuf_c_message_free_unpacked(back, NULL);
    }
    json_decref(object);
    protobuf_c_message_free_unpacked(unpacked, NULL);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t count;
    json_error_t error;
    struct json_map map = {.psn_key = NULL};
    const struct json_message *list = json_message_list(&count);
    if (size == 0 || size > 65536) return 0;
    json_t *object = json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) return 0;
    const ProtobufCMessageDescriptor *descriptor = list[data[0] % count].request;
    ProtobufCMessage *message =
        json_is_object(object) ? json_map_read(&map, descriptor, object) : NULL;
    if (message != NULL) {
        round_trip(descriptor, message);
        protobuf_c_message_free_unpacked(message, NULL);
    } else if (json_is_object(object)) {
        ENSURE(map.text[0] != '\0');
        ENSURE(memchr(map.text, '\0', sizeof map.text) != NULL);
    }
    json_decref(object);
    return 0;
}
