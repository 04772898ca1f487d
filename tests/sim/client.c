#include "tests/sim/client.h"

#include <inttypes.h>
#include <stdlib.h>

#include "admit/frame.h"
#include "tests/sim/town.h"
#include "types/ensure.h"
#include "types/error.h"

#define PATIENCE_US UINT64_C(3000000) /* Without any answer; then it hangs up. */
#define AGAIN_US    UINT64_C(20000)   /* Before the next attempt to connect. */
#define HELLO_ID    UINT64_MAX

uint32_t sim_below(struct sim_client *client, uint32_t limit)
{
    return (uint32_t)prng_below(&client->prng, limit);
}

bool sim_chance(struct sim_client *client, uint32_t of_1000)
{
    return prng_chance(&client->prng, of_1000);
}

void sim_client_open(struct sim_client *client)
{
    client->connection = -1;
    client->standing = CLIENT_AWAY;
    client->stream_room = 64u << 10;
    client->stream = malloc(client->stream_room);
    ENSURE(client->stream != NULL);
}

void sim_client_done(struct sim_client *client)
{
    free(client->stream);
}

/* -- sending -------------------------------------------------------------------------------- */

static void send_frame(struct sim_client *client, uint16_t type, uint64_t id, struct bytes payload)
{
    static uint8_t frame[FRAME_HEAD_SIZE + SIM_DRAFT_MAX];
    ENSURE(payload.size <= SIM_DRAFT_MAX);
    if (payload.size != 0) memcpy(frame + FRAME_HEAD_SIZE, payload.data, payload.size);
    frame_write_head(frame, type, id, (struct bytes){frame + FRAME_HEAD_SIZE, payload.size});
    sim_send(client->world, client->connection,
             (struct bytes){frame, FRAME_HEAD_SIZE + payload.size});
}

static void leave(struct sim_client *client)
{
    if (client->connection >= 0) sim_hang_up(client->world, client->connection);
    client->connection = -1;
    client->standing = CLIENT_AWAY;
    client->stream_size = 0;
    client->wake_us = sim_now_us(client->world) + AGAIN_US;
    for (uint32_t i = 0; i < client->waiting_count; i++)
        client->waiting[i].on_way = false;
}

static void greet(struct sim_client *client)
{
    uint8_t body[64];
    struct pb pb = {body, 0, sizeof body};
    client->connection = sim_connect(client->world, client->shard);
    if (client->connection < 0) {
        client->wake_us = sim_now_us(client->world) + AGAIN_US;
        return;
    }
    client->wake_us = sim_now_us(client->world) + PATIENCE_US;
    pb_put(&pb, 1, FRAME_VERSION);
    pb_put(&pb, 2, client->province);
    pb_text(&pb, 3, client->role->name);
    pb_put(&pb, 4, client->shard + 1);
    send_frame(client, MESSAGE_HELLO, HELLO_ID, (struct bytes){body, pb.size});
    client->standing = CLIENT_GREETING;
    client->town->types_sent[town_type_index(MESSAGE_HELLO)]++;
}

static void send_again(struct sim_client *client)
{
    for (uint32_t i = 0; i < client->waiting_count; i++) {
        struct sim_waiting *waiting = &client->waiting[i];
        struct sim_said *said = sim_history_at(client->history, waiting->row);
        if (waiting->on_way) continue;
        waiting->on_way = true;
        said->attempts++;
        send_frame(client, said->type, waiting->row, said->body);
    }
}

bool sim_client_may_send(const struct sim_client *client)
{
    return client->standing == CLIENT_READY && client->waiting_count < client->window;
}

void sim_client_say(struct sim_client *client, const struct sim_draft *draft)
{
    const struct sim_said said = {
        .sent_ms = sim_clock_ms(client->world),
        .type = draft->type,
        .province = client->province,
        .client = client->number,
        .attempts = 1,
        .body = {draft->pb.data, draft->pb.size},
    };
    const uint32_t row = sim_history_ask(client->history, &said);
    if (client->waiting_count == 0) client->wake_us = sim_now_us(client->world) + PATIENCE_US;
    client->waiting[client->waiting_count++] = (struct sim_waiting){.row = row, .on_way = true};
    send_frame(client, draft->type, row, said.body);
}

void sim_client_babble(struct sim_client *client)
{
    uint8_t frame[FRAME_HEAD_SIZE + 16] = {0};
    const struct bytes payload = {frame + FRAME_HEAD_SIZE, 16};
    frame_write_head(frame, MESSAGE_SETL_POST, 1, payload);
    frame[sim_below(client, sizeof frame)] ^= (uint8_t)(1u << sim_below(client, 8));
    const size_t size = sim_chance(client, 500) ? sizeof frame : 1 + sim_below(client, 39);
    sim_send(client->world, client->connection, (struct bytes){frame, size});
    leave(client);
}

/* -- hearing -------------------------------------------------------------------------------- */

/* So often an old record is asked for: more often than a sound disk fails (disk.h). */
#define ASKED_MOST 128

/* True for what says "not now": the same again, a little later. */
static bool later(const struct sim_said *said, uint32_t code)
{
    return code == ERROR_OVERLOAD || code == ERROR_INTERNAL ||
           (code == ERROR_RECORD_UNREADABLE && said->attempts < ASKED_MOST);
}

static void hear(struct sim_client *client, const struct frame *frame)
{
    if (frame->request_id == HELLO_ID) {
        if (client->standing != CLIENT_GREETING ||
            frame->type != (MESSAGE_HELLO | MESSAGE_REPLY_BIT) || pb_get(frame->payload, 1) != 0) {
            sim_complain(client->history, "a Hello was answered by type %04x, code %" PRIu64,
                         frame->type, pb_get(frame->payload, 1));
        }
        client->standing = CLIENT_READY;
        client->town->shards = (uint32_t)pb_get(frame->payload, 4);
        return;
    }
    for (uint32_t i = 0; i < client->waiting_count; i++) {
        const struct sim_waiting waiting = client->waiting[i];
        if (waiting.row != frame->request_id) continue;
        const struct sim_said *said = sim_history_at(client->history, waiting.row);
        if (frame->type != (said->type | MESSAGE_REPLY_BIT) && frame->type != MESSAGE_ERROR) {
            sim_complain(client->history, "type %04x was answered by type %04x", said->type,
                         frame->type);
        }
        if (frame->type != MESSAGE_ERROR && later(said, (uint32_t)pb_get(frame->payload, 1))) {
            client->waiting[i].on_way = false;
            return;
        }
        memmove(&client->waiting[i], &client->waiting[i + 1],
                (client->waiting_count - i - 1) * sizeof waiting);
        client->waiting_count--;
        sim_history_answer(client->history, waiting.row, frame->type, frame->payload,
                           sim_clock_ms(client->world));
        struct sim_said *heard = sim_history_at(client->history, waiting.row);
        heard->latest_ms = sim_clock_latest_ms(client->world);
        town_hears(client->town, client, heard);
        return;
    }
    sim_complain(client->history, "an answer of type %04x to request %" PRIu64 " that nobody sent",
                 frame->type, frame->request_id);
}

static void read_stream(struct sim_client *client)
{
    size_t used = 0;
    for (;;) {
        const struct bytes rest = {client->stream + used, client->stream_size - used};
        struct frame frame;
        size_t size;
        const enum frame_state state = frame_read(rest, &frame, &size);
        if (state == FRAME_PARTIAL) break;
        if (state != FRAME_WHOLE) {
            sim_complain(client->history, "the centre sent what is no frame");
            used = client->stream_size;
            break;
        }
        used += size;
        hear(client, &frame);
    }
    memmove(client->stream, client->stream + used, client->stream_size - used);
    client->stream_size -= used;
}

void sim_client_turn(struct sim_client *client, bool idle)
{
    const uint64_t now_us = sim_now_us(client->world);
    if (client->connection >= 0) {
        const struct bytes came = sim_receive(client->world, client->connection);
        if (came.size != 0) {
            if (client->stream_room - client->stream_size < came.size) {
                client->stream_room = 2 * (client->stream_size + came.size);
                client->stream = realloc(client->stream, client->stream_room);
                ENSURE(client->stream != NULL);
            }
            if (came.size != 0) memcpy(client->stream + client->stream_size, came.data, came.size);
            client->stream_size += came.size;
            client->wake_us = now_us + PATIENCE_US;
            read_stream(client);
        }
        const bool waits = client->waiting_count != 0 || client->standing == CLIENT_GREETING;
        const bool bored = waits && now_us >= client->wake_us;
        if (!sim_connected(client->world, client->connection) || (bored && came.size == 0))
            leave(client);
    }
    if (client->standing == CLIENT_AWAY && (idle || now_us >= client->wake_us)) greet(client);
    if (client->standing == CLIENT_READY) send_again(client);
}
