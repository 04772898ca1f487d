/* Fuzz: any bytes as what a hostile or broken server sends to the client library: a stream of
 * frames, each cut out, its payload unpacked as the reply of the message it names, and shown as
 * JSON. The first byte says in which portions the socket gives them; when it is odd, heads with the
 * right sums are put before pieces of the rest, for nobody guesses a CRC32C. */
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tools/client/client.h"
#include "tools/client/json_map.h"
#include "types/ensure.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const ProtobufCMessageDescriptor *descriptor, struct bytes payload)
{
    ProtobufCMessage *message =
        protobuf_c_message_unpack(descriptor, NULL, payload.size, payload.data);
    if (message == NULL) return;
    json_t *object = json_map_write(message);
    if (object != NULL) { /* A text that is no UTF-8 cannot be shown. */
        char *text = json_dumps(object, JSON_COMPACT);
        free(text);
        json_decref(object);
    }
    protobuf_c_message_free_unpacked(message, NULL);
}

static void take_frames(struct client *client)
{
    struct frame frame;
    size_t count;
    const struct json_message *list = json_message_list(&count);
    int r;
    while ((r = client_next(client, &frame)) == 1) {
        ENSURE(frame.payload.size <= client->in_room);
        if (count > 0) show(list[frame.type % count].reply, frame.payload);
    }
    if (r < 0) ENSURE(client->text[0] != '\0');
}

#define STREAM_MAX 65536u

/* A head for each piece: type (2), size (1, times 4), then the payload. */
static size_t make_stream(const uint8_t *data, size_t size, uint8_t out[STREAM_MAX])
{
    size_t made = 0;
    for (uint64_t number = 1; size >= 3; number++) {
        size_t piece = (size_t)data[2] * 4;
        if (piece > size - 3) piece = size - 3;
        if (made + FRAME_HEAD_SIZE + piece > STREAM_MAX) break;
        const struct bytes payload = {out + made + FRAME_HEAD_SIZE, piece};
        memcpy(out + made + FRAME_HEAD_SIZE, data + 3, piece);
        frame_write_head(out + made, (uint16_t)(data[0] | data[1] << 8), number, payload);
        made += FRAME_HEAD_SIZE + piece;
        data += 3 + piece;
        size -= 3 + piece;
    }
    return made;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t stream[STREAM_MAX];
    int pair[2];
    struct client client;
    const struct client_address address = {.host = "nowhere", .port = "1"};
    if (size < 2 || size > 16384) return 0;
    client_init(&client, &address);
    ENSURE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0);
    client.fd = pair[0];
    const size_t portion = (size_t)data[0] * 64 + 1;
    const bool made = data[0] % 2 != 0;
    const size_t length = made ? make_stream(data + 1, size - 1, stream) : size - 1;
    const uint8_t *bytes = made ? stream : data + 1;
    for (size_t at = 0; at < length; at += portion) {
        const size_t rest = length - at < portion ? length - at : portion;
        ENSURE(send(pair[1], bytes + at, rest, 0) == (ssize_t)rest);
        if (client_receive(&client) < 0) break;
        take_frames(&client);
    }
    close(pair[1]);
    client_done(&client);
    return 0;
}
