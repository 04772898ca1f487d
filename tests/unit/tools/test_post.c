#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/messages.h"
#include "common.pb-c.h"
#include "settlement.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/client/post.h"
#include "types/ensure.h"
#include "types/error.h"

#define MESSAGES_MAX 8

/* An engine that knows settlements by their setl_id and nothing else. In a thread of its own, for
 * post_open() waits for its answers. */
struct engine {
    int listener;
    uint32_t looked_at; /* Settlements that it looks at; of those behind them */
    uint32_t put_off;   /* so many are put off. */
    uint32_t gather;    /* Messages that must be there before it says a word. */
    char known[MESSAGES_MAX][8];
    uint32_t known_count;
    uint32_t seen; /* Messages, as often as each came. */
    pthread_t thread;
};

static void say(int fd, uint16_t type, uint64_t id, const ProtobufCMessage *said)
{
    uint8_t bytes[FRAME_HEAD_SIZE + 512];
    const size_t size = protobuf_c_message_pack(said, bytes + FRAME_HEAD_SIZE);
    frame_write_head(bytes, type, id, (struct bytes){bytes + FRAME_HEAD_SIZE, size});
    ENSURE(send(fd, bytes, FRAME_HEAD_SIZE + size, MSG_NOSIGNAL) > 0);
}

static bool knows(const struct engine *engine, struct bytes setl_id)
{
    for (uint32_t i = 0; i < engine->known_count; i++)
        if (bytes_equal(bytes_of(engine->known[i]), setl_id)) return true;
    return false;
}

static uint32_t judge(struct engine *engine, struct bytes body)
{
    struct settlement s;
    uint32_t field;
    ENSURE(settlement_decode(body, &s, &field));
    if (s.setl_time == 0) return ERROR_SETL_TIME;
    if (s.refd_setl_flag && !knows(engine, s.orig_setl_id)) return ERROR_ORIGINAL_NOT_FOUND;
    if (!s.refd_setl_flag && engine->looked_at > 0) {
        engine->looked_at--;
    } else if (!s.refd_setl_flag && engine->put_off > 0) {
        engine->put_off--;
        return ERROR_OVERLOAD;
    }
    if (knows(engine, s.setl_id)) return 0;
    ENSURE(engine->known_count < MESSAGES_MAX);
    memcpy(engine->known[engine->known_count++], s.setl_id.data, s.setl_id.size);
    return 0;
}

static void answer_batch(struct engine *engine, int fd, const struct frame *frame)
{
    Qingfen__V1__SetlBatch *batch =
        qingfen__v1__setl_batch__unpack(NULL, frame->payload.size, frame->payload.data);
    Qingfen__V1__SetlBatchReply reply = QINGFEN__V1__SETL_BATCH_REPLY__INIT;
    Qingfen__V1__Reply results[MESSAGES_MAX];
    Qingfen__V1__Reply *list[MESSAGES_MAX];
    ENSURE(batch != NULL && batch->n_records <= MESSAGES_MAX);
    for (uint32_t i = 0; i < batch->n_records; i++) {
        uint8_t body[SETTLEMENT_ENCODED_MAX];
        const size_t size = qingfen__v1__setl_post__pack(batch->records[i], body);
        qingfen__v1__reply__init(&results[i]);
        results[i].index = i;
        results[i].code = judge(engine, (struct bytes){body, size});
        if (results[i].code == 0) reply.accepted++;
        if (results[i].code != 0) reply.rejected++;
        list[i] = &results[i];
    }
    reply.n_results = batch->n_records;
    reply.results = list;
    engine->seen += (uint32_t)batch->n_records;
    say(fd, MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT, frame->request_id, &reply.base);
    qingfen__v1__setl_batch__free_unpacked(batch, NULL);
}

static void answer(struct engine *engine, int fd, const struct frame *frame)
{
    uint8_t store_id[16] = {1};
    if (frame->type == MESSAGE_HELLO) {
        Qingfen__V1__HelloReply hello = QINGFEN__V1__HELLO_REPLY__INIT;
        hello.shards = 1;
        hello.store_id = (ProtobufCBinaryData){sizeof(store_id), store_id};
        say(fd, MESSAGE_HELLO | MESSAGE_REPLY_BIT, frame->request_id, &hello.base);
    } else if (frame->type == MESSAGE_SETL_BATCH) {
        answer_batch(engine, fd, frame);
    } else {
        Qingfen__V1__Reply reply = QINGFEN__V1__REPLY__INIT;
        reply.code = judge(engine, frame->payload);
        engine->seen++;
        say(fd, MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, frame->request_id, &reply.base);
    }
}

/* Whole frames at the front of what was received; none is counted while something is missing. */
static uint32_t count_frames(struct bytes in)
{
    uint32_t count = 0;
    while (in.size > 0) {
        struct frame frame;
        size_t size;
        if (frame_read(in, &frame, &size) != FRAME_WHOLE) break;
        in = (struct bytes){in.data + size, in.size - size};
        count += frame.type != MESSAGE_HELLO;
    }
    return count;
}

static void serve_one(struct engine *engine, int fd)
{
    static uint8_t bytes[1 << 16];
    size_t end = 0;
    ssize_t n;
    while ((n = recv(fd, bytes + end, sizeof(bytes) - end, 0)) > 0) {
        struct frame frame;
        size_t size;
        size_t at = 0;
        end += (size_t)n;
        const uint32_t count = count_frames((struct bytes){bytes, end});
        if (count > 0 && count < engine->gather) continue;
        if (count > 0) engine->gather = 0;
        while (at < end &&
               frame_read((struct bytes){bytes + at, end - at}, &frame, &size) == FRAME_WHOLE) {
            answer(engine, fd, &frame);
            at += size;
        }
        memmove(bytes, bytes + at, end - at);
        end -= at;
    }
}

/* Two connections: one asks how many shards there are, the other is the lane. */
static void *serve(void *context)
{
    struct engine *engine = context;
    for (int i = 0; i < 2; i++) {
        const int fd = accept(engine->listener, NULL, NULL);
        ENSURE(fd >= 0);
        serve_one(engine, fd);
        close(fd);
    }
    return NULL;
}

static struct client_address engine_begin(struct engine *engine)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct client_address address = {.host = "127.0.0.1"};
    socklen_t size = sizeof(at);
    engine->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(engine->listener, (struct sockaddr *)&at, size), 0);
    assert_int_equal(listen(engine->listener, 4), 0);
    assert_int_equal(getsockname(engine->listener, (struct sockaddr *)&at, &size), 0);
    snprintf(address.port, sizeof(address.port), "%u", ntohs(at.sin_port));
    assert_int_equal(pthread_create(&engine->thread, NULL, serve, engine), 0);
    return address;
}

/* ---- Who sends ---- */

static struct {
    uint32_t codes[MESSAGES_MAX]; /* By tag. */
    uint32_t times[MESSAGES_MAX];
} told;

static void note(void *owner, const struct post_outcome *outcome)
{
    (void)owner;
    told.codes[outcome->tag] = outcome->code;
    told.times[outcome->tag]++;
}

static void give(struct post *post, uint64_t tag, uint8_t person, const char *setl_id,
                 const char *original, int64_t setl_time)
{
    const uint8_t psn_key[PSN_KEY_SIZE] = {person};
    const struct settlement s = {
        .msgid = bytes_of(setl_id),
        .setl_id = bytes_of(setl_id),
        .psn_key = {psn_key, PSN_KEY_SIZE},
        .refd_setl_flag = original != NULL,
        .orig_setl_id = bytes_of(original == NULL ? "" : original),
        .setl_time = setl_time,
    };
    assert_int_equal(post_settlement(post, &s, tag), 0);
}

/* A post to an engine that begins to serve. */
static void begin(struct engine *engine, struct post *post, uint32_t batch)
{
    const struct client_address address = engine_begin(engine);
    const struct fleet_options options = {.address = address, .batch = batch, .window = 8};
    memset(&told, 0, sizeof told);
    assert_int_equal(post_open(post, options, note, NULL), 0);
}

/* Of `count` messages. */
static void finish(struct engine *engine, struct post *post, uint32_t count)
{
    assert_int_equal(post_finish(post), 0);
    post_close(post);
    pthread_join(engine->thread, NULL);
    close(engine->listener);
    for (uint32_t tag = 0; tag < count; tag++)
        assert_int_equal(told.times[tag], 1); /* (T1) */
}

/* An original, its refund, another person's bad record and a refund of nothing, to an engine that
 * puts off `put_off` settlements. Gives how many messages it has seen. */
static uint32_t send_four(uint32_t batch, uint32_t put_off)
{
    struct engine engine = {.put_off = put_off, .gather = 4 / batch};
    struct post post;
    begin(&engine, &post, batch);
    give(&post, 0, 7, "S1", NULL, 1);
    give(&post, 1, 7, "R1", "S1", 1);
    give(&post, 2, 8, "S2", NULL, 0);
    give(&post, 3, 9, "R3", "S3", 1);
    finish(&engine, &post, 4);
    assert_int_equal(told.codes[2], ERROR_SETL_TIME);
    assert_int_equal(told.codes[3], ERROR_ORIGINAL_NOT_FOUND);
    return engine.seen;
}

static void a_refund_waits_for_an_original_that_was_put_off(void **state) /* (T3) */
{
    (void)state;
    for (uint32_t batch = 1; batch <= 4; batch *= 2) {
        (void)send_four(batch, 2);
        assert_int_equal(told.codes[0], 0);
        assert_int_equal(told.codes[1], 0);
    }
}

static void what_is_refused_behind_nothing_open_goes_once(void **state)
{
    (void)state;
    for (uint32_t batch = 1; batch <= 4; batch *= 2) {
        assert_int_equal(send_four(batch, 0), 4);
        assert_int_equal(told.codes[0], 0);
        assert_int_equal(told.codes[1], 0);
    }
}

/* The engine judges the whole batch again, and by then knows the original that came behind its
 * refund. */
static void a_batch_that_goes_again_has_no_refusals_yet(void **state) /* (T3) */
{
    (void)state;
    struct engine engine = {.looked_at = 1, .put_off = 1};
    struct post post;
    begin(&engine, &post, 4);
    give(&post, 0, 7, "R1", "S1", 1);
    give(&post, 1, 7, "S1", NULL, 1);
    give(&post, 2, 8, "S2", NULL, 1);
    give(&post, 3, 9, "R3", "S3", 1);
    finish(&engine, &post, 4);
    for (uint32_t tag = 0; tag < 3; tag++)
        assert_int_equal(told.codes[tag], 0);
    assert_int_equal(told.codes[3], ERROR_ORIGINAL_NOT_FOUND);
    assert_int_equal(engine.seen, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_refund_waits_for_an_original_that_was_put_off),
        cmocka_unit_test(what_is_refused_behind_nothing_open_goes_once),
        cmocka_unit_test(a_batch_that_goes_again_has_no_refusals_yet),
    };
    return cmocka_run_group_tests_name("tools/post", tests, NULL, NULL);
}
