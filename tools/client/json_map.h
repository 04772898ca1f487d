/* json_map -- any message of the wire as JSON and back, by walking its descriptor.
 *
 * FORM    Field names as in the .proto. Amounts and numbers are JSON integers: a real is refused,
 *         because no floating point touches money. Enums by number or name, bytes as hex, times as
 *         milliseconds or as "2026-03-02T21:59:00+08:00" or "2026-03-02 21:59:00" (Shanghai).
 *         psn_no may stand for psn_key, which is made from it here, at the edge, and so
 *         recv_psn_no for recv_psn_key. A field that is not in the message is an error that names
 *         it, and so is a number out of its range.
 *
 * Must not know connections, files or what the messages mean. */
#ifndef CLIENT_JSON_MAP_H
#define CLIENT_JSON_MAP_H

#include <jansson.h>
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

#include "types/settlement.h"

/* One conversation: a message's name and number, what it is made of and what answers it. */
struct json_message {
    const char *name; /* "SetlPost" */
    uint16_t type;    /* enum message_type */
    const ProtobufCMessageDescriptor *request;
    const ProtobufCMessageDescriptor *reply;
};

/* By name in any case ("setlpost") or number ("0x0101", "257"); NULL: there is none. */
const struct json_message *json_message_find(const char *name);

/* All of them, ascending by number; *ret_count of them. Static memory. */
const struct json_message *json_message_list(size_t *ret_count);

/* Makes a person's key from the number; false when it cannot. */
typedef bool json_psn_key(void *context, struct bytes psn_no, uint8_t ret_psn_key[PSN_KEY_SIZE]);

struct json_map {
    json_psn_key *psn_key; /* NULL: psn_no is not a field. */
    void *context;
    char text[256]; /* What is wrong, with the place: "records[3].medfee_sumamt: …". */
};

/* Fills a message from a JSON object. The message, freed by the caller with
 * protobuf_c_message_free_unpacked(message, NULL); or NULL and map->text. */
ProtobufCMessage *json_map_read(struct json_map *map, const ProtobufCMessageDescriptor *descriptor,
                                const json_t *object);

/* A message as a JSON object, every field, zeros too (a oneof only when it was sent), in the order
 * of the .proto. SettlementRecord.setl_post becomes the SetlPost it holds. A new reference. */
json_t *json_map_write(const ProtobufCMessage *message);

#endif
