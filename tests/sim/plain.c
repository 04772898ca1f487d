#include "tests/sim/plain.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "dispatch/route.h"
#include "settlement.pb-c.h"
#include "types/ensure.h"

#define PATIENCE_US 3000000
#define PERSONS     500
#define BATCH_MAX   256
#define DAY_MS      INT64_C(86400000)

/* What was said of a message. */
struct told {
    uint64_t seq; /* 0: nothing yet. */
    uint32_t shard;
};

struct plain_line {
    int connection; /* -1: none. */
    uint32_t shard;
    uint32_t first; /* Of the messages under way … */
    uint32_t count; /* … so many, numbered in steps of the shards. */
    uint64_t sent_us;
    uint8_t *in;
    size_t in_size;
    size_t in_room;
};

struct plain {
    struct sim_world *world;
    uint32_t shards;
    uint32_t messages;
    uint32_t batch;
    struct told *told;
    uint32_t *next; /* By shard: its next message to be sent. */
    bool again;     /* Everything is known already. */
    struct plain_line *lines;
    uint32_t line_count;
    uint32_t open;   /* Messages without an answer. */
    uint32_t unread; /* Those whose record is not readable any more. */
    char wrong[256];
};

/* Message n is of a person of shard n % shards. */
static uint32_t shard_of(const struct plain *plain, uint32_t message)
{
    return message % plain->shards;
}

struct plain *plain_new(struct sim_world *world, uint32_t messages, uint32_t lines, uint32_t batch)
{
    struct plain *plain = calloc(1, sizeof *plain);
    ENSURE(plain != NULL);
    plain->world = world;
    plain->shards = sim_shards(world);
    plain->messages = plain->open = messages;
    plain->batch = batch < BATCH_MAX ? batch : BATCH_MAX;
    plain->told = calloc(messages, sizeof *plain->told);
    plain->next = calloc(plain->shards, sizeof *plain->next);
    plain->lines = calloc(lines, sizeof *plain->lines);
    ENSURE(plain->told != NULL);
    ENSURE(plain->next != NULL);
    ENSURE(plain->lines != NULL);
    plain->line_count = lines;
    for (uint32_t i = 0; i < plain->shards; i++)
        plain->next[i] = i;
    for (uint32_t i = 0; i < lines; i++) {
        plain->lines[i].connection = -1;
        plain->lines[i].shard = i % plain->shards;
    }
    return plain;
}

void plain_free(struct plain *plain)
{
    for (uint32_t i = 0; i < plain->line_count; i++)
        free(plain->lines[i].in);
    free(plain->lines);
    free(plain->next);
    free(plain->told);
    free(plain);
}

void plain_again(struct plain *plain)
{
    plain->again = true;
    plain->open = plain->messages;
    for (uint32_t i = 0; i < plain->shards; i++)
        plain->next[i] = i;
}

const char *plain_wrong(const struct plain *plain)
{
    return plain->wrong;
}

/* ---- sending ------------------------------------------------------------------------------- */

/* A person of that shard. */
static void person_of(const struct plain *plain, uint32_t message, uint8_t key[PSN_KEY_SIZE])
{
    struct prng prng = {message % (PERSONS * plain->shards) * UINT64_C(0x9e3779b97f4a7c15) + 1};
    do {
        for (int i = 0; i < PSN_KEY_SIZE; i++)
            key[i] = (uint8_t)prng_u64(&prng);
    } while (route_shard(key, plain->shards) != shard_of(plain, message));
}

static size_t settlement_of(const struct plain *plain, uint32_t message, uint8_t *out)
{
    char id[24];
    uint8_t key[PSN_KEY_SIZE];
    const int64_t fen = 100 + message % 9000;
    snprintf(id, sizeof id, "plain-%u", message);
    person_of(plain, message, key);
    struct settlement s = {
        .msgid = bytes_of(id),
        .setl_id = bytes_of(id),
        .psn_key = {key, PSN_KEY_SIZE},
        .insu_admdvs = message % 3 == 0 ? 320100 : 330100,
        .mdtrtarea_admvs = 310000,
        .insutype = 310,
        .med_type = 11,
        .setl_time = INT64_C(1772380800000) + message % 2 * DAY_MS / 3,
    };
    s.amounts[AMOUNT_HIFP] = fen;
    s.amounts[AMOUNT_CASH] = 23;
    s.amounts[AMOUNT_FUND_SUM] = fen;
    s.amounts[AMOUNT_PSN_PART] = 23;
    s.amounts[AMOUNT_MEDFEE] = fen + 23;
    return settlement_encode(&s, out);
}

static uint8_t *put_varint(uint8_t *at, uint64_t value)
{
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at++ = (uint8_t)value;
    return at;
}

static void send_some(struct plain *plain, struct plain_line *line)
{
    static uint8_t frame[FRAME_HEAD_SIZE + BATCH_MAX * (SETTLEMENT_ENCODED_MAX + 8)];
    uint8_t *at = frame + FRAME_HEAD_SIZE;
    const bool single = plain->batch == 1;
    for (uint32_t i = 0; i < line->count; i++) {
        uint8_t body[SETTLEMENT_ENCODED_MAX];
        const size_t size = settlement_of(plain, line->first + i * plain->shards, body);
        if (!single) {
            *at++ = 1 << 3 | 2;
            at = put_varint(at, size);
        }
        memcpy(at, body, size);
        at += size;
    }
    const struct bytes payload = {frame + FRAME_HEAD_SIZE, (size_t)(at - frame) - FRAME_HEAD_SIZE};
    frame_write_head(frame, single ? MESSAGE_SETL_POST : MESSAGE_SETL_BATCH, line->first, payload);
    sim_send(plain->world, line->connection, (struct bytes){frame, FRAME_HEAD_SIZE + payload.size});
    line->sent_us = sim_now_us(plain->world);
    sim_wake_after(plain->world, PATIENCE_US + 1);
}

static void send_next(struct plain *plain, struct plain_line *line)
{
    uint32_t *next = &plain->next[line->shard];
    line->first = *next;
    line->count = 0;
    while (line->count < plain->batch && *next < plain->messages) {
        line->count++;
        *next += plain->shards;
    }
    if (line->count != 0) send_some(plain, line);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* True for what an error of the disk has kept back: it passes. */
static bool passes(const struct plain *plain, const Qingfen__V1__Reply *reply)
{
    return reply->code == ERROR_RECORD_UNREADABLE && !sim_damaged(plain->world);
}

static void take_reply(struct plain *plain, uint32_t message, const Qingfen__V1__Reply *reply)
{
    if (reply->code == ERROR_RECORD_UNREADABLE) { /* What was damaged does not come back. */
        plain->unread++;
        plain->open--;
        return;
    }
    struct told *told = &plain->told[message];
    const bool known = told->seq != 0;
    const bool same = told->seq == reply->engine_seq && told->shard == reply->shard;
    if (reply->code != 0 || reply->engine_seq == 0 || (known && !(same && reply->dup))) {
        snprintf(plain->wrong, sizeof plain->wrong,
                 "message %u: code %u, number %llu%s; before that it was told number %llu", message,
                 reply->code, (unsigned long long)reply->engine_seq, reply->dup ? " again" : "",
                 (unsigned long long)told->seq);
    }
    *told = (struct told){reply->engine_seq, reply->shard};
    plain->open--;
}

static void take_frame(struct plain *plain, struct plain_line *line, const struct frame *frame)
{
    const struct bytes payload = frame->payload;
    if (line->count == 0 || frame->request_id != line->first) return;
    if (frame->type == (MESSAGE_SETL_POST | MESSAGE_REPLY_BIT)) {
        Qingfen__V1__Reply *reply = qingfen__v1__reply__unpack(NULL, payload.size, payload.data);
        ENSURE(reply != NULL);
        const bool again = passes(plain, reply);
        if (!again) take_reply(plain, line->first, reply);
        qingfen__v1__reply__free_unpacked(reply, NULL);
        if (again) {
            send_some(plain, line);
            return;
        }
    } else if (frame->type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        Qingfen__V1__SetlBatchReply *reply =
            qingfen__v1__setl_batch_reply__unpack(NULL, payload.size, payload.data);
        ENSURE(reply != NULL);
        ENSURE(reply->n_results == line->count);
        bool again = false;
        for (size_t i = 0; i < reply->n_results; i++)
            again |= passes(plain, reply->results[i]);
        for (size_t i = 0; i < reply->n_results && !again; i++)
            take_reply(plain, line->first + reply->results[i]->index * plain->shards,
                       reply->results[i]);
        qingfen__v1__setl_batch_reply__free_unpacked(reply, NULL);
        if (again) {
            send_some(plain, line);
            return;
        }
    } else {
        return;
    }
    line->count = 0;
}

static void take_received(struct plain *plain, struct plain_line *line)
{
    const struct bytes bytes = sim_receive(plain->world, line->connection);
    if (bytes.size == 0) return;
    if (line->in_size + bytes.size > line->in_room) {
        line->in_room = 2 * (line->in_size + bytes.size);
        line->in = realloc(line->in, line->in_room);
        ENSURE(line->in != NULL);
    }
    if (bytes.size != 0) memcpy(line->in + line->in_size, bytes.data, bytes.size);
    line->in_size += bytes.size;
    size_t used = 0;
    for (;;) {
        struct frame frame;
        size_t size;
        if (frame_read((struct bytes){line->in + used, line->in_size - used}, &frame, &size) !=
            FRAME_WHOLE)
            break;
        take_frame(plain, line, &frame);
        used += size;
    }
    line->in_size -= used;
    memmove(line->in, line->in + used, line->in_size);
}

static void line_turn(struct plain *plain, struct plain_line *line)
{
    if (line->connection < 0) {
        line->connection = sim_connect(plain->world, line->shard);
        if (line->connection < 0) return;
        line->in_size = 0;
        if (line->count != 0) send_some(plain, line);
    }
    take_received(plain, line);
    const bool late = line->count != 0 && sim_now_us(plain->world) - line->sent_us > PATIENCE_US;
    if (late || !sim_connected(plain->world, line->connection)) {
        sim_hang_up(plain->world, line->connection);
        line->connection = -1;
    } else if (line->count == 0) {
        send_next(plain, line);
    }
}

bool plain_turn(struct plain *plain)
{
    for (uint32_t i = 0; i < plain->line_count; i++)
        line_turn(plain, &plain->lines[i]);
    return plain->open != 0;
}

uint32_t plain_unread(const struct plain *plain)
{
    return plain->unread;
}
