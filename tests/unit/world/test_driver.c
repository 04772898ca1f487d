/* The driver as a whole: no answer leaves before what it answers could survive a loss of power
 * (J1), and no connection, however it behaves, gets anything but its own answers, each once.
 *
 * A real home and shard behind the real loop, on a ring without a kernel (lib/fake_uring.h).
 * Clients send settlements, alone and in batches, duplicates, wrong ones and questions; some read
 * slowly, some break off. The proof is read from the log alone: a send that carries the answer of
 * an entry begins when a block with that entry stands in what durable.h says a recovery would find.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admit/frame.h"
#include "codec/messages.h"
#include "common.pb-c.h"
#include "settlement.pb-c.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/driver_rig.h"
#include "tests/unit/world/durable.h"
#include "types/error.h"

#define CLIENTS_MAX 48
#define ASKS_MAX    64
#define SCHEDULES   200
#define BATCH_ROWS  12
#define FRAME_ROOM  (64 * 1024)
#define NOON_MS     INT64_C(1735790400000) /* 2025-01-02 12:00 in Shanghai. */

struct client {
    uint32_t socket;
    uint32_t asks;                /* Frames to say. */
    uint32_t said;                /* Of them, so many are. */
    bool slow;                    /* Takes its answers bit by bit. */
    bool breaks;                  /* Goes away in the middle. */
    bool ends;                    /* Says that it is done, and goes on listening. */
    uint32_t heard[ASKS_MAX + 1]; /* By request id: answers. */
};

static struct client clients[CLIENTS_MAX];
static uint32_t client_count;
static uint32_t settlements; /* Made so far: numbers their ids. */
static uint32_t idle;        /* Calls of around() with nothing left to do … */
static uint32_t idle_max;    /* … and so many are the end. */
static uint32_t accepted_answers;
static uint32_t duplicate_answers;
static uint64_t stages_seen[STAGE_COUNT];
static size_t unread_max; /* Bytes one session held, at most. */
static size_t unsent_max;

/* -- what clients say ------------------------------------------------------------------------- */

static size_t put_settlement(uint32_t number, uint8_t *out)
{
    char msgid[31];
    char setl_id[31];
    char person[17];
    snprintf(msgid, sizeof msgid, "M%u", number);
    snprintf(setl_id, sizeof setl_id, "S%u", number);
    snprintf(person, sizeof person, "person%010u", number % 50);
    struct settlement s = {
        .msgid = bytes_of(msgid),
        .setl_id = bytes_of(setl_id),
        .psn_key = bytes_of(person),
        .insutype = 310,
        .insu_admdvs = 110000,
        .mdtrtarea_admvs = 131000,
        .med_type = 11,
        .setl_time = NOON_MS,
    };
    s.amounts[AMOUNT_MEDFEE] = 42000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 28000;
    s.amounts[AMOUNT_PSN_PART] = 14000;
    s.amounts[AMOUNT_ACCT] = 10000;
    s.amounts[AMOUNT_CASH] = 4000;
    return settlement_encode(&s, out);
}

static size_t put_batch(uint8_t *out)
{
    uint8_t *at = out;
    for (uint64_t rows = 1 + prng_below(&fake.prng, BATCH_ROWS); rows > 0; rows--) {
        uint8_t record[SETTLEMENT_ENCODED_MAX];
        const size_t size = put_settlement(++settlements, record);
        *at++ = 1 << 3 | 2; /* SetlBatch.records */
        *at++ = (uint8_t)(size | 0x80);
        *at++ = (uint8_t)(size >> 7);
        memcpy(at, record, size);
        at += size;
    }
    return (size_t)(at - out);
}

/* The next frame of a client: mostly settlements, new or said before. */
static void say_next(struct client *client)
{
    static uint8_t frame[FRAME_HEAD_SIZE + FRAME_ROOM];
    uint8_t *payload = frame + FRAME_HEAD_SIZE;
    uint16_t type = MESSAGE_SETL_POST;
    size_t size = 0;
    const uint64_t kind = prng_below(&fake.prng, 100);
    if (kind < 50) {
        size = put_settlement(++settlements, payload);
    } else if (kind < 70 && settlements != 0) {
        size = put_settlement(1 + (uint32_t)prng_below(&fake.prng, settlements), payload);
    } else if (kind < 90) {
        type = MESSAGE_SETL_BATCH;
        size = put_batch(payload);
    } else if (kind < 95) {
        type = MESSAGE_STATUS_GET;
    } /* Else an empty settlement, which is refused. */
    frame_write_head(frame, type, ++client->said, (struct bytes){payload, size});
    fake_say(client->socket, frame, FRAME_HEAD_SIZE + size);
}

/* -- the world around ------------------------------------------------------------------------- */

static void watch_memory(void)
{
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX && i < FAKE_SOCKETS_MAX; i++) {
        const uint32_t index = LOOP_SESSIONS_MAX - 1 - i;
        for (int end = 0; end < 2; end++) {
            const struct session_io *session = &driver.loop->sessions[end == 0 ? i : index];
            const size_t unsent = session->out.size + session->flight.size;
            if (session->in.size > unread_max) unread_max = session->in.size;
            if (unsent > unsent_max) unsent_max = unsent;
        }
    }
}

static bool client_acts(struct client *client)
{
    struct fake_socket *socket = &fake.sockets[client->socket];
    if (socket->closed || socket->broken) return false;
    if (client->said < client->asks) {
        say_next(client);
        if (client->breaks && client->said > client->asks / 2) socket->broken = true;
        return true;
    }
    if (client->ends && !socket->ended) {
        socket->ended = true;
        return true;
    }
    if (client->slow && socket->window < 100) {
        socket->window += 1 + prng_below(&fake.prng, 400);
        return true;
    }
    return false;
}

static bool around(void *context)
{
    (void)context;
    watch_memory();
    if (prng_chance(&fake.prng, 500) && driver_keep()) return true;
    const uint32_t first = (uint32_t)prng_below(&fake.prng, client_count);
    for (uint32_t i = 0; i < client_count; i++) {
        if (client_acts(&clients[(first + i) % client_count])) return true;
    }
    if (driver_keep()) return true;
    if (++idle == idle_max) driver_stop();
    return idle >= idle_max ? false : prng_chance(&fake.prng, 500);
}

static bool stops_when_closed(void *context)
{
    (void)context;
    watch_memory();
    if (driver_keep()) return true;
    if (fake.sockets[0].closed && !atomic_load(&driver.loops.stopping)) driver_stop();
    return false;
}

/* -- the proof -------------------------------------------------------------------------------- */

/* What a connection was sent, put together from the log. */
struct stream {
    uint8_t *bytes;
    size_t room;
    size_t accepted; /* The kernel took them. */
    size_t size;     /* And these it was given. */
    size_t checked;  /* Up to here, whole frames. */
};

static void check_reply(const Qingfen__V1__Reply *reply, const struct durable *durable,
                        uint64_t seed)
{
    if (reply->code != ERROR_OK) return;
    accepted_answers++;
    duplicate_answers += reply->dup != 0;
    assert_int_not_equal(reply->engine_seq, 0);
    if (reply->engine_seq > durable->seq)
        fail_msg("seed %llu: the answer of entry %llu leaves, %llu are durable",
                 (unsigned long long)seed, (unsigned long long)reply->engine_seq,
                 (unsigned long long)durable->seq);
}

static void check_frame(const struct frame *frame, const struct durable *durable, uint64_t seed)
{
    if (frame->type == (MESSAGE_SETL_POST | MESSAGE_REPLY_BIT)) {
        Qingfen__V1__Reply *reply =
            qingfen__v1__reply__unpack(NULL, frame->payload.size, frame->payload.data);
        assert_non_null(reply);
        check_reply(reply, durable, seed);
        qingfen__v1__reply__free_unpacked(reply, NULL);
    } else if (frame->type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        Qingfen__V1__SetlBatchReply *reply =
            qingfen__v1__setl_batch_reply__unpack(NULL, frame->payload.size, frame->payload.data);
        assert_non_null(reply);
        for (size_t i = 0; i < reply->n_results; i++)
            check_reply(reply->results[i], durable, seed);
        qingfen__v1__setl_batch_reply__free_unpacked(reply, NULL);
    }
}

/* A send begins: from here on the client may have every byte of it. */
static void send_begins(struct stream *stream, const struct fake_event *event,
                        const struct durable *durable, uint64_t seed)
{
    const size_t end = stream->accepted + event->size;
    if (end > stream->room) {
        stream->room = 2 * end;
        stream->bytes = realloc(stream->bytes, stream->room);
        assert_non_null(stream->bytes);
    }
    /* What was offered before and not taken is offered again, byte for byte. */
    const size_t again = stream->size - stream->accepted;
    assert_true(again <= event->size);
    if (again != 0) assert_memory_equal(stream->bytes + stream->accepted, event->bytes, again);
    memcpy(stream->bytes + stream->accepted, event->bytes, event->size);
    stream->size = end;
    while (stream->checked < stream->size) {
        const struct bytes rest = {stream->bytes + stream->checked, stream->size - stream->checked};
        struct frame frame;
        size_t size;
        assert_int_equal(frame_read(rest, &frame, &size), FRAME_WHOLE);
        check_frame(&frame, durable, seed);
        stream->checked += size;
    }
}

static void check_log(uint64_t seed)
{
    struct stream streams[FAKE_SOCKETS_MAX] = {0};
    struct durable durable;
    durable_begin(&durable);
    for (size_t i = 0; i < fake.log_size; i++) {
        const struct fake_event *event = &fake.log[i];
        durable_event(&durable, event);
        if (event->opcode != IORING_OP_SEND || event->socket == UINT32_MAX) continue;
        struct stream *stream = &streams[event->socket];
        if (event->kind == FAKE_START) send_begins(stream, event, &durable, seed);
        if (event->kind == FAKE_END && event->result > 0) stream->accepted += (size_t)event->result;
    }
    for (uint32_t i = 0; i < FAKE_SOCKETS_MAX; i++)
        free(streams[i].bytes);
    durable_end(&durable);
}

/* Who stayed has heard each of its questions answered, once. */
static void check_clients(uint64_t seed)
{
    for (uint32_t c = 0; c < client_count; c++) {
        struct client *client = &clients[c];
        const struct fake_socket *socket = &fake.sockets[client->socket];
        size_t at = 0;
        while (at < socket->heard_size) {
            struct frame frame;
            size_t size;
            const struct bytes rest = {socket->heard + at, socket->heard_size - at};
            const enum frame_state state = frame_read(rest, &frame, &size);
            if (state == FRAME_PARTIAL && socket->broken) break;
            assert_int_equal(state, FRAME_WHOLE);
            assert_in_range(frame.request_id, 1, client->said);
            assert_int_equal(client->heard[frame.request_id]++, 0);
            at += size;
        }
        for (uint32_t ask = 1; !socket->broken && ask <= client->asks; ask++) {
            if (client->heard[ask] != 1)
                fail_msg("seed %llu: client %u has no answer to its frame %u",
                         (unsigned long long)seed, c, ask);
        }
    }
}

/* -- schedules -------------------------------------------------------------------------------- */

/* Clients of all kinds, `count` of them. */
static void begin(uint64_t seed, bool dsync, uint32_t count)
{
    fake_begin(seed);
    memset(clients, 0, sizeof clients);
    settlements = idle = 0;
    idle_max = 200;
    client_count = count;
    unread_max = unsent_max = 0;
    fake.around = around;
    fake.sq_entries = prng_chance(&fake.prng, 500) ? 8 : 64;
    fake.chances = (struct fake_chances){
        .short_write = (uint32_t)prng_below(&fake.prng, 300),
        .short_send = (uint32_t)prng_below(&fake.prng, 500),
        .submit_fails = (uint32_t)prng_below(&fake.prng, 60),
        .submit_partial = (uint32_t)prng_below(&fake.prng, 300),
        .interrupted = 50,
        .delay_steps = (uint32_t)prng_below(&fake.prng, 30),
        .small_receive = (uint32_t)prng_below(&fake.prng, 800),
    };
    for (uint32_t i = 0; i < client_count; i++) {
        struct client *client = &clients[i];
        client->socket = fake_connect();
        client->asks = 1 + (uint32_t)prng_below(&fake.prng, ASKS_MAX);
        client->slow = prng_chance(&fake.prng, 300);
        client->breaks = prng_chance(&fake.prng, 200);
        client->ends = prng_chance(&fake.prng, 300);
        if (client->slow) fake.sockets[client->socket].window = 200;
    }
    driver_open(dsync);
}

/* A loop is in one stage at a time: what they took is what its turns and waits took. */
static void check_timings(void)
{
    const enum stage seen[] = {STAGE_WAIT,    STAGE_RECEIVE, STAGE_JUDGE,  STAGE_SEAL,
                               STAGE_RELEASE, STAGE_JOURNAL, STAGE_ANSWER, STAGE_LANES,
                               STAGE_SEND,    STAGE_KERNEL,  STAGE_DEVICE, STAGE_TURN};
    const struct stage_timing *of = driver.loop->timings.of;
    uint64_t spent_ns = 0;
    for (size_t i = 0; i < sizeof seen / sizeof seen[0]; i++)
        assert_int_not_equal(of[seen[i]].count, 0);
    for (int i = 0; i < STAGE_LOOP_END; i++)
        spent_ns += of[i].total_ns;
    assert_int_not_equal(spent_ns, 0);
    assert_int_equal(spent_ns, of[STAGE_TURN].total_ns + of[STAGE_WAIT].total_ns);
    for (int i = 0; i < STAGE_COUNT; i++)
        stages_seen[i] += of[i].count;
}

/* A block may wait for its segment. What is frozen is handed over in the same step, or when the
 * block before it is written. */
static void check_stages(uint32_t segments)
{
    assert_int_equal(stages_seen[STAGE_SEGMENT], segments);
    assert_in_range(stages_seen[STAGE_DEVICE], segments,
                    stages_seen[STAGE_JOURNAL] + stages_seen[STAGE_SEGMENT]);
    assert_in_range(stages_seen[STAGE_FREEZE], SCHEDULES, UINT32_MAX);
    assert_int_equal(stages_seen[STAGE_INSTALL], stages_seen[STAGE_FREEZE]);
    assert_in_range(stages_seen[STAGE_HAND], 1, stages_seen[STAGE_FREEZE]);
    assert_in_range(stages_seen[STAGE_QUESTION], SCHEDULES, UINT32_MAX);
    assert_in_range(stages_seen[STAGE_DESK], SCHEDULES, UINT32_MAX);
}

static void random_schedules(bool dsync)
{
    memset(stages_seen, 0, sizeof stages_seen);
    uint32_t segments = 0;
    accepted_answers = duplicate_answers = 0;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        begin(seed, dsync, 6);
        driver.disk_full = (uint32_t)prng_below(&fake.prng, 20);
        assert_true(driver_run());
        segments += driver.loop->writer.segment - 1;
        check_log(seed);
        check_clients(seed);
        check_timings();
        driver_close();
    }
    check_stages(segments);
    assert_in_range(accepted_answers, 20 * SCHEDULES, UINT32_MAX); /* It was about something. */
    assert_in_range(duplicate_answers, SCHEDULES, UINT32_MAX);
    assert_in_range(segments, SCHEDULES / 10, UINT32_MAX);
}

static void every_answer_comes_after_a_sync_that_covers_it(void **state) /* (J1) */
{
    (void)state;
    random_schedules(false);
}

static void so_it_does_when_writes_sync_themselves(void **state) /* (J1) */
{
    (void)state;
    random_schedules(true);
}

static void nothing_is_answered_after_a_failed_write_or_sync(void **state) /* (J1) */
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        begin(seed, seed % 4 == 0, 6);
        const uint32_t nth = 1 + (uint32_t)prng_below(&fake.prng, 6);
        fake.fail_error = prng_chance(&fake.prng, 500) ? -EIO : -ENOSPC;
        if (seed % 2 == 0) {
            fake.fail_write = nth;
        } else {
            fake.fail_sync = nth;
        }
        assert_false(driver_run());
        assert_int_equal(fake.fail_write != 0 ? fake.writes : fake.syncs, nth); /* Once only. */
        check_log(seed);
        driver_close();
    }
}

/* -- connections ------------------------------------------------------------------------------ */

static uint32_t ended_with(uint8_t opcode, int result)
{
    uint32_t count = 0;
    for (size_t i = 0; i < fake.log_size; i++) {
        const struct fake_event *event = &fake.log[i];
        count += event->kind == FAKE_END && event->opcode == opcode && event->result == result;
    }
    return count;
}

static void receives_without_a_buffer_are_armed_again(void **state)
{
    (void)state;
    uint32_t short_of_buffers = 0;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin(seed, false, CLIENTS_MAX);
        fake.chances.burst = 300;
        assert_true(driver_run());
        short_of_buffers += ended_with(IORING_OP_RECV, -ENOBUFS);
        check_log(seed);
        check_clients(seed);
        driver_close();
    }
    assert_in_range(short_of_buffers, 10, UINT32_MAX);
}

/* A client that asks and asks and reads nothing. */
static void a_client_that_does_not_read_costs_little_and_is_closed(void **state)
{
    (void)state;
    begin(3, false, 1);
    struct client *client = &clients[0];
    struct fake_socket *socket = &fake.sockets[client->socket];
    client->asks = ASKS_MAX;
    client->slow = client->breaks = client->ends = false;
    socket->window = 1000;
    for (uint32_t i = 0; i < 40000; i++) { /* Refusals: some 16 MiB of answers. */
        uint8_t frame[FRAME_HEAD_SIZE];
        frame_write_head(frame, MESSAGE_SETL_POST, i, (struct bytes){0});
        fake_say(client->socket, frame, sizeof frame);
    }
    client->asks = 0;
    const int64_t began_us = fake.now_us;
    fake.around = stops_when_closed;
    assert_true(driver_run());
    assert_true(socket->closed);
    const int64_t took_ms = (fake.now_us - began_us) / 1000;
    assert_in_range(took_ms, DRIVER_STALL_MS, DRIVER_STALL_MS + 3 * TICK_MS);
    assert_in_range(unsent_max, OUT_THROTTLE, OUT_THROTTLE + (256u << 10));
    assert_in_range(unread_max, 1, FRAME_PAYLOAD_MAX + (RECV_BUFFERS + 1) * RECV_BUFFER_SIZE);
    driver_close();
}

/* From one failed accept to the next there is a tick; the loop's clock knows whole milliseconds. */
static void check_accept_pauses(void)
{
    const struct fake_event *before = NULL;
    for (size_t i = 0; i < fake.log_size; i++) {
        const struct fake_event *event = &fake.log[i];
        if (event->kind != FAKE_END || event->opcode != IORING_OP_ACCEPT ||
            event->result != -EMFILE)
            continue;
        if (before != NULL)
            assert_in_range(event->at_us - before->at_us, (TICK_MS - 1) * 1000, INT64_MAX);
        before = event;
    }
}

/* Out of handles: nobody is lost, and nothing is tried more than once a second. */
static void accepting_goes_on_after_it_failed(void **state)
{
    (void)state;
    begin(1, false, 6);
    fake.accept_fails = 5;
    assert_true(driver_run());
    assert_int_equal(ended_with(IORING_OP_ACCEPT, -EMFILE), 5);
    check_accept_pauses();
    check_log(1);
    check_clients(1);
    driver_close();
}

static void a_connection_too_many_is_told_so(void **state)
{
    (void)state;
    begin(1, false, 8);
    fake.chances = (struct fake_chances){0};
    driver.loops.connections_max = 5;
    for (uint32_t i = 0; i < client_count; i++)
        clients[i] = (struct client){.socket = clients[i].socket};
    assert_true(driver_run());
    uint32_t refused = 0;
    for (uint32_t i = 0; i < client_count; i++) {
        const struct fake_socket *socket = &fake.sockets[clients[i].socket];
        struct frame frame;
        size_t size;
        if (socket->heard_size == 0) continue;
        assert_int_equal(
            frame_read((struct bytes){socket->heard, socket->heard_size}, &frame, &size),
            FRAME_WHOLE);
        assert_int_equal(frame.type, MESSAGE_ERROR);
        refused++;
    }
    assert_int_equal(refused, 3);
    driver_close();
}

/* -- a clock that is set ---------------------------------------------------------------------- */

#define HOUR_US INT64_C(3600000000)

static int64_t set_by_us;   /* What the system's clock is set by, once the clients were heard. */
static uint64_t taken_over; /* Checkpoints there were before the end. */

static bool sets_the_clock(void *context)
{
    struct shard_status status;
    shard_get_status(home_shard(driver.loop->home), &status);
    taken_over = status.checkpoints;
    if (status.accepted != 0) fake.wall_ahead_us = set_by_us;
    return stops_when_closed(context);
}

static void say_settlement(uint32_t socket, uint32_t number)
{
    uint8_t frame[FRAME_HEAD_SIZE + SETTLEMENT_ENCODED_MAX];
    const size_t size = put_settlement(number, frame + FRAME_HEAD_SIZE);
    frame_write_head(frame, MESSAGE_SETL_POST, number,
                     (struct bytes){frame + FRAME_HEAD_SIZE, size});
    fake_say(socket, frame, FRAME_HEAD_SIZE + size);
}

/* How long something lasts is not the system's clock's to say: neither how long a client may take
 * for a frame, nor when a checkpoint is due. */
static void a_clock_that_is_set_changes_no_span(int64_t by_us)
{
    begin(1, false, 2);
    fake.chances = (struct fake_chances){0};
    fake.around = sets_the_clock;
    set_by_us = by_us;
    for (uint32_t i = 0; i < client_count; i++) {
        fake.sockets[clients[i].socket].window = SIZE_MAX;
        clients[i] = (struct client){.socket = clients[i].socket};
    }
    fake_say(clients[0].socket, "QF", 2); /* A frame that is begun. */
    say_settlement(clients[1].socket, 1);
    const int64_t began_us = fake.now_us;
    assert_true(driver_run());
    assert_int_equal(fake.wall_ahead_us, by_us);
    assert_true(fake.sockets[clients[0].socket].closed);
    assert_in_range((fake.now_us - began_us) / 1000, DRIVER_STALL_MS,
                    DRIVER_STALL_MS + 3 * TICK_MS);
    assert_int_equal(taken_over, 1);
    driver_close();
}

static void a_clock_set_back_holds_nothing_up(void **state)
{
    (void)state;
    a_clock_that_is_set_changes_no_span(-HOUR_US);
}

static void a_clock_set_forward_hurries_nothing(void **state)
{
    (void)state;
    a_clock_that_is_set_changes_no_span(HOUR_US);
}

static bool plays_with_the_clock(void *context)
{
    if (prng_chance(&fake.prng, 100)) {
        fake.wall_ahead_us = (int64_t)prng_below(&fake.prng, 2 * HOUR_US) - HOUR_US;
    }
    return around(context);
}

/* While handles are missing, too, and for clients of all kinds. */
static void nobody_waits_for_the_clock(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin(seed, false, 6);
        fake.accept_fails = 5;
        fake.around = plays_with_the_clock;
        assert_true(driver_run());
        assert_int_equal(ended_with(IORING_OP_ACCEPT, -EMFILE), 5);
        check_accept_pauses();
        check_log(seed);
        check_clients(seed);
        driver_close();
    }
}

/* -- fairness --------------------------------------------------------------------------------- */

#define FLOOD_CLIENTS 20
#define FLOOD_FRAMES  20
#define QUIET_CLIENT  0 /* The flood's come after it. */

static uint64_t asked_at; /* Entries there were when the quiet client asked. */

static void say_hello(uint32_t socket, uint8_t province)
{
    uint8_t frame[FRAME_HEAD_SIZE + 4];
    const uint8_t hello[4] = {1 << 3, 1, 2 << 3, province};
    memcpy(frame + FRAME_HEAD_SIZE, hello, sizeof hello);
    frame_write_head(frame, MESSAGE_HELLO, 1000,
                     (struct bytes){frame + FRAME_HEAD_SIZE, sizeof hello});
    fake_say(socket, frame, sizeof frame);
}

static void say_batch_of_one(uint32_t socket, uint32_t request)
{
    uint8_t frame[FRAME_HEAD_SIZE + 3 + SETTLEMENT_ENCODED_MAX];
    uint8_t *at = frame + FRAME_HEAD_SIZE;
    const size_t size = put_settlement(++settlements, at + 3);
    *at++ = 1 << 3 | 2;
    *at++ = (uint8_t)(size | 0x80);
    *at++ = (uint8_t)(size >> 7);
    frame_write_head(frame, MESSAGE_SETL_BATCH, request,
                     (struct bytes){frame + FRAME_HEAD_SIZE, 3 + size});
    fake_say(socket, frame, FRAME_HEAD_SIZE + 3 + size);
}

static bool quiet_one_asks(void *context)
{
    (void)context;
    if (driver_keep()) return true;
    if (asked_at == 0 && driver.loop->waiting.count <= 3) return false; /* Not flooded yet. */
    if (asked_at == 0) {
        struct shard_status status;
        shard_get_status(home_shard(driver.loop->home), &status);
        asked_at = status.last_seq;
        say_batch_of_one(clients[QUIET_CLIENT].socket, 1);
        return true;
    }
    if (++idle == 20) fake.writes_held = false;
    if (idle == 200) driver_stop();
    return idle < 200 && idle % 2 == 0;
}

/* One province has more under way than the home takes; another one's frame comes next all the same.
 */
static void provinces_take_turns(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 10; seed++) {
        begin(seed, false, FLOOD_CLIENTS + 1);
        fake.chances = (struct fake_chances){.delay_steps = 4};
        fake.writes_held = true;
        fake.sq_entries = 256;
        fake.around = quiet_one_asks;
        driver.loop->writer.folder.segment_bytes = SEGMENT_SIZE;
        asked_at = 0;
        for (uint32_t c = 1; c <= FLOOD_CLIENTS; c++) {
            fake.sockets[clients[c].socket].window = SIZE_MAX;
            say_hello(clients[c].socket, 13); /* Where its records are treated. */
            for (uint32_t i = 0; i < FLOOD_FRAMES; i++)
                say_batch_of_one(clients[c].socket, i);
        }
        fake.sockets[clients[QUIET_CLIENT].socket].window = SIZE_MAX;
        say_hello(clients[QUIET_CLIENT].socket, 0);
        assert_true(driver_run());
        assert_int_not_equal(asked_at, 0);

        const struct fake_socket *quiet = &fake.sockets[clients[QUIET_CLIENT].socket];
        struct frame frame;
        size_t size;
        struct bytes heard = {quiet->heard, quiet->heard_size};
        assert_int_equal(frame_read(heard, &frame, &size), FRAME_WHOLE); /* The Hello's answer. */
        heard = (struct bytes){heard.data + size, heard.size - size};
        assert_int_equal(frame_read(heard, &frame, &size), FRAME_WHOLE);
        Qingfen__V1__SetlBatchReply *reply =
            qingfen__v1__setl_batch_reply__unpack(NULL, frame.payload.size, frame.payload.data);
        assert_non_null(reply);
        assert_int_equal(reply->n_results, 1);
        assert_in_range(reply->results[0]->engine_seq, 1, asked_at + 5 * FLOOD_FRAMES);
        qingfen__v1__setl_batch_reply__free_unpacked(reply, NULL);
        driver_close();
    }
}

/* -- the end ---------------------------------------------------------------------------------- */

#define SAID_BEFORE 40

static uint32_t said_at_the_end;

static bool goes_on_into_the_end(void *context)
{
    (void)context;
    if (driver_keep()) return true;
    if (settlements == said_at_the_end + SAID_BEFORE) return false;
    say_batch_of_one(clients[0].socket, settlements + 1);
    if (settlements == SAID_BEFORE) {
        said_at_the_end = settlements;
        driver_stop();
    }
    return true;
}

/* What arrives once the loop knows of its end is another run's: taking it may need a loop that has
 * ended. What it had before is answered. */
static void what_comes_after_the_end_is_not_taken(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        begin(seed, false, 1);
        fake.chances = (struct fake_chances){.delay_steps = (uint32_t)(seed % 8)};
        fake.around = goes_on_into_the_end;
        said_at_the_end = UINT32_MAX / 2;
        fake.sockets[clients[0].socket].window = SIZE_MAX;
        assert_true(driver_run());
        struct shard_status status;
        shard_get_status(home_shard(driver.loop->home), &status);
        assert_in_range(status.last_seq, 1, said_at_the_end);
        driver_close();
    }
}

/* -- bounds ----------------------------------------------------------------------------------- */

static uint64_t buffers_max;

static bool watch_buffers(void *context)
{
    if (driver.loop->buffer_bytes > buffers_max) buffers_max = driver.loop->buffer_bytes;
    return around(context);
}

/* Long frames that never end, and a client that goes on working. */
static void frames_that_never_end_cost_no_more_than_the_bound(void **state)
{
    (void)state;
    static uint8_t part[FRAME_HEAD_SIZE + FRAME_PAYLOAD_MAX - 100];
    begin(1, false, 31);
    fake.chances = (struct fake_chances){0};
    fake.around = watch_buffers;
    buffers_max = 0;
    frame_write_head(part, MESSAGE_SETL_BATCH, 1,
                     (struct bytes){part, FRAME_PAYLOAD_MAX}); /* The sum does not matter. */
    for (uint32_t c = 1; c < client_count; c++) {
        fake.sockets[clients[c].socket].window = SIZE_MAX;
        clients[c] = (struct client){.socket = clients[c].socket};
        if (c % 10 != 0) fake_say(clients[c].socket, part, sizeof part); /* Some say nothing. */
    }
    fake.sockets[clients[0].socket].window = SIZE_MAX;
    clients[0] = (struct client){.socket = clients[0].socket, .asks = ASKS_MAX};
    idle_max = 400; /* Long enough for all to stall. */
    assert_true(driver_run());
    assert_in_range(buffers_max, DRIVER_BUFFER_BYTES / 2, DRIVER_BUFFER_BYTES + (4u << 20));
    for (uint32_t c = 1; c < client_count; c++) {
        const struct fake_socket *socket = &fake.sockets[clients[c].socket];
        struct frame frame;
        size_t size;
        const struct bytes heard = {socket->heard, socket->heard_size};
        assert_true(socket->closed); /* For their bytes, or because they did not go on. */
        assert_int_equal(frame_read(heard, &frame, &size), FRAME_WHOLE);
        assert_int_equal(frame.type, MESSAGE_ERROR);
    }
    client_count = 1;
    check_clients(1);
    driver_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_answer_comes_after_a_sync_that_covers_it),
        cmocka_unit_test(so_it_does_when_writes_sync_themselves),
        cmocka_unit_test(nothing_is_answered_after_a_failed_write_or_sync),
        cmocka_unit_test(receives_without_a_buffer_are_armed_again),
        cmocka_unit_test(a_client_that_does_not_read_costs_little_and_is_closed),
        cmocka_unit_test(accepting_goes_on_after_it_failed),
        cmocka_unit_test(a_connection_too_many_is_told_so),
        cmocka_unit_test(a_clock_set_back_holds_nothing_up),
        cmocka_unit_test(a_clock_set_forward_hurries_nothing),
        cmocka_unit_test(nobody_waits_for_the_clock),
        cmocka_unit_test(provinces_take_turns),
        cmocka_unit_test(what_comes_after_the_end_is_not_taken),
        cmocka_unit_test(frames_that_never_end_cost_no_more_than_the_bound),
    };
    return cmocka_run_group_tests_name("world/driver", tests, NULL, NULL);
}
