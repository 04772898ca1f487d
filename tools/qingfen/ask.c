#include "tools/qingfen/ask.h"

#include <stdio.h>
#include <stdlib.h>

#include "common.pb-c.h"
#include "tools/client/clock.h"
#include "tools/client/json_map.h"
#include "tools/qingfen/advice.h"
#include "tools/qingfen/commands.h"
#include "types/ensure.h"
#include "types/error.h"

#define ANSWER_TIMEOUT_NS \
    (60 * NS_PER_SECOND) /* A year's close reads every cell; nothing is longer. */

ProtobufCMessage *ask_over(const char *command, struct client *client,
                           const ProtobufCMessage *request, uint16_t type,
                           const ProtobufCMessageDescriptor *reply)
{
    const size_t size = protobuf_c_message_get_packed_size(request);
    if (size > FRAME_PAYLOAD_MAX) {
        fprintf(stderr, "qingfen %s: the message has %zu bytes, %d are allowed\n", command, size,
                FRAME_PAYLOAD_MAX);
        return NULL;
    }
    uint8_t *payload = malloc(size + 1);
    NEED_MEMORY(payload);
    protobuf_c_message_pack(request, payload);

    struct frame frame;
    const int r =
        client_ask(client, type, (struct bytes){payload, size}, ANSWER_TIMEOUT_NS, &frame);
    free(payload);
    if (r != 0) {
        fprintf(stderr, "qingfen %s: %s; whether it was done is not known (asking again is safe)\n",
                command, client->text);
        return NULL;
    }
    if (frame.type != (type | MESSAGE_REPLY_BIT)) reply = &qingfen__v1__error_reply__descriptor;
    ProtobufCMessage *answer =
        protobuf_c_message_unpack(reply, NULL, frame.payload.size, frame.payload.data);
    if (answer == NULL) fprintf(stderr, "qingfen %s: the reply cannot be read\n", command);
    return answer;
}

bool talk_open(struct talk *talk, const char *command, const struct client_address *address,
               uint32_t province)
{
    Qingfen__V1__HelloReply *hello = NULL;
    talk->command = command;
    client_init(&talk->client, address);
    int r = client_connect(&talk->client, 0);
    if (r == 0) r = client_hello(&talk->client, province, 0, &hello);
    if (r == 0) {
        talk->now = hello->now;
        qingfen__v1__hello_reply__free_unpacked(hello, NULL);
        return true;
    }
    fprintf(stderr, "qingfen %s: %s\n", command, talk->client.text);
    talk_close(talk);
    return false;
}

void talk_close(struct talk *talk)
{
    client_done(&talk->client);
}

ProtobufCMessage *talk_ask(struct talk *talk, const ProtobufCMessage *request, uint16_t type,
                           const ProtobufCMessageDescriptor *reply)
{
    ProtobufCMessage *answer = ask_over(talk->command, &talk->client, request, type, reply);
    if (answer == NULL || answer->descriptor == reply) return answer;

    const Qingfen__V1__ErrorReply *error = (const Qingfen__V1__ErrorReply *)answer;
    ask_status(talk->command, error->code, error->text);
    protobuf_c_message_free_unpacked(answer, NULL);
    return NULL;
}

ProtobufCMessage *ask_once(const char *command, const struct client_address *address,
                           uint32_t province, const ProtobufCMessage *request, uint16_t type,
                           const ProtobufCMessageDescriptor *reply)
{
    struct talk talk;
    if (!talk_open(&talk, command, address, province)) return NULL;
    ProtobufCMessage *answer = talk_ask(&talk, request, type, reply);
    talk_close(&talk);
    return answer;
}

int ask_status(const char *command, uint32_t code, const char *text)
{
    if (code == 0) return EXIT_DONE;
    fprintf(stderr, "qingfen %s: %u %s", command, code,
            text != NULL && text[0] != '\0' ? text : error_text(code));
    fprintf(stderr, " (%s)\n", error_text_zh(code));
    const char *advice = advice_for(code);
    if (advice != NULL) fprintf(stderr, "  what to do: %s\n", advice);
    return EXIT_FAILED;
}

void print_json_value(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    NEED_MEMORY(text);
    puts(text);
    free(text);
}

void print_json(const ProtobufCMessage *message)
{
    json_t *json = json_map_write(message);
    print_json_value(json);
    json_decref(json);
}
