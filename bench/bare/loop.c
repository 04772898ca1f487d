/* loop -- a shard's thread of the bare loop: one ring, its connections, one file. */
#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "admit/frame.h"
#include "bench/bare/bare.h"
#include "bench/bare/group.h"
#include "codec/batch.h"
#include "codec/reply.h"
#include "types/ensure.h"

#define CONNECTIONS_MAX 256
#define RING_ENTRIES    1024 /* Above what one turn submits: two a connection, group, inbox. */
#define RECEIVE_BYTES   (256u << 10)
#define IN_ROOM         (FRAME_HEAD_SIZE + FRAME_PAYLOAD_MAX + RECEIVE_BYTES)
#define OUT_THROTTLE    (4u << 20) /* Unread answers above which a connection is not read. */
#define RESULT_ROOM     8          /* Beside reply_size_max(), see codec/reply.h. */

_Static_assert(2 * CONNECTIONS_MAX + GROUP_COMPLETIONS + 1 <= RING_ENTRIES, "a turn fits");
_Static_assert(FRAME_HEAD_SIZE + FRAME_PAYLOAD_MAX + GROUP_HEAD_SIZE <= GROUP_BYTES,
               "a frame fits");

enum op {
    OP_INBOX = 1,
    OP_RECEIVE,
    OP_SEND,
    OP_WRITE,
    OP_SYNC
};
#define TAG(op, index) ((uint64_t)(op) << 32 | (index))

struct buffer {
    uint8_t *data;
    size_t size;
    size_t room;
};

struct connection {
    int fd; /* -1: the place is free. */
    uint32_t generation;
    bool receiving; /* A receive is with the kernel; */
    bool sending;   /* so is a send. */
    bool ended;     /* Closed as soon as neither is. */
    bool blocked;   /* Frames of it wait for room in a group. */
    uint8_t *in;    /* IN_ROOM bytes. */
    size_t in_size;
    struct buffer out;    /* Queued. */
    struct buffer flight; /* Being sent. */
    size_t flight_done;
};

struct loop {
    struct bare_shard *shard;
    struct io_uring ring;
    struct group_writer writer;
    struct connection connections[CONNECTIONS_MAX];
    struct batch batch; /* Of the frame being looked at. */
    int handed;         /* What the inbox gave. */
    uint32_t period;    /* yyyymm */
    bool stopping;
};

static struct io_uring_sqe *need_sqe(struct loop *loop)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    ENSURE(sqe != NULL);
    return sqe;
}

static void arm_inbox(struct loop *loop)
{
    struct io_uring_sqe *sqe = need_sqe(loop);
    io_uring_prep_read(sqe, loop->shard->inbox[0], &loop->handed, sizeof loop->handed, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_INBOX, 0));
}

/* -- connections ----------------------------------------------------------------------------- */

static void release_if_ended(struct connection *connection)
{
    if (!connection->ended || connection->receiving || connection->sending) return;
    close(connection->fd);
    free(connection->in);
    free(connection->out.data);
    free(connection->flight.data);
    *connection = (struct connection){.fd = -1, .generation = connection->generation + 1};
}

static void end_connection(struct connection *connection)
{
    connection->ended = true;
    shutdown(connection->fd, SHUT_RDWR); /* Ends what the kernel holds. */
    release_if_ended(connection);
}

/* Reads on, unless frames wait for room or the client does not read its answers. */
static void receive_more(struct loop *loop, uint32_t index)
{
    struct connection *connection = &loop->connections[index];
    if (connection->fd < 0 || connection->ended) return;
    if (connection->receiving || connection->blocked) return;
    if (connection->out.size + connection->flight.size > OUT_THROTTLE) return;
    const size_t room = IN_ROOM - connection->in_size;
    struct io_uring_sqe *sqe = need_sqe(loop);
    io_uring_prep_recv(sqe, connection->fd, connection->in + connection->in_size,
                       room < RECEIVE_BYTES ? room : RECEIVE_BYTES, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_RECEIVE, index));
    connection->receiving = true;
}

static void take_connection(struct loop *loop, int fd)
{
    const int on = 1;
    uint32_t index = 0;
    while (index < CONNECTIONS_MAX && loop->connections[index].fd >= 0)
        index++;
    if (index == CONNECTIONS_MAX) {
        fprintf(stderr, "bare: a connection too many is closed\n");
        close(fd);
        return;
    }
    struct connection *connection = &loop->connections[index];
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    connection->fd = fd;
    connection->in = malloc(IN_ROOM);
    NEED_MEMORY(connection->in);
    receive_more(loop, index);
}

/* -- frames ---------------------------------------------------------------------------------- */

/* Records of a frame that can be taken, 0: it cannot. */
static uint32_t count_records(struct loop *loop, const struct frame *frame)
{
    struct failure failure;
    if (frame->type == MESSAGE_SETL_POST) return 1;
    if (frame->type != MESSAGE_SETL_BATCH) return 0;
    return batch_open(frame->payload, &loop->batch, &failure) ? loop->batch.count : 0;
}

/* Moves whole frames from the front of the connection's bytes into the group. */
static void take_frames(struct loop *loop, uint32_t index)
{
    struct connection *connection = &loop->connections[index];
    size_t used = 0;
    connection->blocked = false;
    while (used < connection->in_size) {
        const struct bytes rest = {connection->in + used, connection->in_size - used};
        struct frame frame;
        size_t size;
        const enum frame_state state = frame_read(rest, &frame, &size);
        if (state == FRAME_PARTIAL) break;
        const uint32_t records = state == FRAME_WHOLE ? count_records(loop, &frame) : 0;
        if (records == 0) {
            fprintf(stderr, "bare: a frame that is damaged or holds no settlement\n");
            end_connection(connection);
            return;
        }
        if (!group_has_room(&loop->writer, size)) {
            connection->blocked = true;
            break;
        }
        const struct answer answer = {
            .request_id = frame.request_id,
            .connection = index,
            .generation = connection->generation,
            .records = records,
            .type = frame.type,
        };
        group_add(&loop->writer, (struct bytes){rest.data, size}, &answer);
        loop->shard->frames++;
        loop->shard->frame_bytes += size;
        used += size;
    }
    connection->in_size -= used;
    if (used > 0) memmove(connection->in, connection->in + used, connection->in_size);
}

static void on_received(struct loop *loop, uint32_t index, int result)
{
    struct connection *connection = &loop->connections[index];
    connection->receiving = false;
    if (result <= 0 || connection->ended) {
        end_connection(connection);
        return;
    }
    connection->in_size += (size_t)result;
    take_frames(loop, index);
    receive_more(loop, index);
}

/* -- answers --------------------------------------------------------------------------------- */

static uint8_t *room_behind(struct buffer *buffer, size_t size)
{
    if (buffer->room - buffer->size < size) {
        buffer->room = 2 * (buffer->size + size);
        buffer->data = realloc(buffer->data, buffer->room);
        NEED_MEMORY(buffer->data);
    }
    return buffer->data + buffer->size;
}

/* Writes the answer to one frame behind what is queued: every record of it is accepted. */
static void queue_answer(struct loop *loop, struct buffer *out, const struct answer *answer,
                         int64_t now_ms)
{
    const bool terse = loop->shard->options->terse;
    struct reply reply = {
        .type = answer->type,
        .msgid = {(const uint8_t *)"", 0},
        .stamp_ms = now_ms,
        .period = loop->period,
        .shard = loop->shard->index,
        .state = "ACCRUED",
    };
    const size_t most = reply_size_max(&reply) + RESULT_ROOM;
    uint8_t *frame =
        room_behind(out, FRAME_HEAD_SIZE + BATCH_HEAD_SIZE_MAX + answer->records * most);
    uint8_t *at = frame + FRAME_HEAD_SIZE;

    struct reply_common common = {0};
    reply.seq = loop->shard->records + 1;
    if (answer->type == MESSAGE_SETL_POST) {
        at += reply_encode(&reply, at);
    } else {
        at += batch_reply_encode_head(answer->records, 0, 0, at);
        for (uint32_t i = 0; i < answer->records && !terse; i++) {
            reply.index = i;
            at += reply_encode_result(&reply, &common, at);
            reply.seq++;
        }
    }
    loop->shard->records += answer->records;
    const struct bytes payload = {frame + FRAME_HEAD_SIZE, (size_t)(at - frame) - FRAME_HEAD_SIZE};
    frame_write_head(frame, answer->type | MESSAGE_REPLY_BIT, answer->request_id, payload);
    out->size += FRAME_HEAD_SIZE + payload.size;
}

static void send_more(struct loop *loop, uint32_t index)
{
    struct connection *connection = &loop->connections[index];
    if (connection->ended || connection->sending) return;
    if (connection->flight_done == connection->flight.size) {
        const struct buffer empty = {connection->flight.data, 0, connection->flight.room};
        connection->flight = connection->out;
        connection->out = empty;
        connection->flight_done = 0;
    }
    if (connection->flight.size == 0) return;
    struct io_uring_sqe *sqe = need_sqe(loop);
    io_uring_prep_send(sqe, connection->fd, connection->flight.data + connection->flight_done,
                       connection->flight.size - connection->flight_done, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, TAG(OP_SEND, index));
    connection->sending = true;
}

static void on_sent(struct loop *loop, uint32_t index, int result)
{
    struct connection *connection = &loop->connections[index];
    connection->sending = false;
    if (result < 0 || connection->ended) {
        end_connection(connection);
        return;
    }
    connection->flight_done += (size_t)result;
    send_more(loop, index);
    receive_more(loop, index);
}

/* A group is durable: answers it, and takes the frames that waited for its room. */
static void on_durable(struct loop *loop, struct group *group)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    const int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    for (uint32_t i = 0; i < group->answer_count; i++) {
        const struct answer *answer = &group->answers[i];
        struct connection *connection = &loop->connections[answer->connection];
        if (connection->fd < 0 || connection->ended) continue;
        if (connection->generation != answer->generation) continue;
        queue_answer(loop, &connection->out, answer, now_ms);
    }
    group_empty(group);
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        if (loop->connections[i].fd >= 0 && loop->connections[i].out.size > 0) send_more(loop, i);
    }
}

static void take_blocked(struct loop *loop)
{
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &loop->connections[i];
        if (connection->fd < 0 || !connection->blocked || connection->ended) continue;
        take_frames(loop, i);
        receive_more(loop, i);
    }
}

/* -- running --------------------------------------------------------------------------------- */

static void on_inbox(struct loop *loop)
{
    if (loop->handed == BARE_STOP) {
        loop->stopping = true;
        return;
    }
    take_connection(loop, loop->handed);
    arm_inbox(loop);
}

static void on_completion(struct loop *loop, uint64_t tag, int result)
{
    const uint32_t index = (uint32_t)tag;
    switch ((enum op)(tag >> 32)) {
    case OP_INBOX:
        if (result != (int)sizeof loop->handed) bare_give_up("cannot read the inbox", EIO);
        on_inbox(loop);
        return;
    case OP_RECEIVE:
        on_received(loop, index, result);
        return;
    case OP_SEND:
        on_sent(loop, index, result);
        return;
    case OP_WRITE:
    case OP_SYNC: {
        struct group *durable = group_completed(&loop->writer, tag, result);
        if (durable != NULL) on_durable(loop, durable);
        return;
    }
    }
}

static void open_ring(struct loop *loop)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 4 * RING_ENTRIES,
    };
    const int r = io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
    if (r != 0) bare_give_up("cannot open a ring", -r);
    (void)io_uring_register_ring_fd(&loop->ring);
}

/* Lets go what stands in the ring and waits for something to come back. */
static void submit_and_wait(struct loop *loop)
{
    const int r = io_uring_submit_and_wait(&loop->ring, 1);
    if (r < 0 && r != -EINTR) bare_give_up("the ring takes no more", -r);
    /* A link cut in two would sync before the write. */
    if (io_uring_sq_ready(&loop->ring) != 0 && r != -EINTR) {
        bare_give_up("the ring took a part of a turn", EAGAIN);
    }
}

static void turn(struct loop *loop)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
    submit_and_wait(loop);
    io_uring_for_each_cqe(&loop->ring, head, cqe)
    {
        on_completion(loop, cqe->user_data, cqe->res);
        count++;
    }
    io_uring_cq_advance(&loop->ring, count);
    group_start(&loop->writer);
    take_blocked(loop); /* The group that was started gave room for the next. */
}

static uint32_t month_now(void)
{
    const time_t now = time(NULL);
    struct tm day;
    localtime_r(&now, &day);
    return (uint32_t)(day.tm_year + 1900) * 100 + (uint32_t)day.tm_mon + 1;
}

static uint64_t thread_cpu_ns(void)
{
    struct timespec cpu;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
    return (uint64_t)cpu.tv_sec * 1000000000 + (uint64_t)cpu.tv_nsec;
}

void *bare_shard_run(void *context)
{
    struct bare_shard *shard = context;
    struct loop *loop = calloc(1, sizeof *loop);
    char name[16];
    char path[4096];
    NEED_MEMORY(loop);
    snprintf(name, sizeof name, "shard-%u", shard->index);
    (void)pthread_setname_np(pthread_self(), name);
    snprintf(path, sizeof path, "%s/bare-%u.dat", shard->options->folder, shard->index);
    loop->shard = shard;
    loop->period = month_now();
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++)
        loop->connections[i].fd = -1;
    open_ring(loop);
    group_writer_open(&loop->writer, path, shard->options->file_bytes, shard->options->dsync);
    loop->writer.ring = &loop->ring;
    loop->writer.write_tag = TAG(OP_WRITE, 0);
    loop->writer.sync_tag = TAG(OP_SYNC, 0);
    bare_shard_ready();

    const uint64_t begun_ns = thread_cpu_ns();
    arm_inbox(loop);
    while (!loop->stopping || loop->writer.due > 0)
        turn(loop);

    shard->cpu_ns = thread_cpu_ns() - begun_ns;
    shard->groups = loop->writer.number;
    shard->device_bytes = loop->writer.device_bytes;
    io_uring_queue_exit(&loop->ring);
    for (uint32_t i = 0; i < CONNECTIONS_MAX; i++) {
        struct connection *connection = &loop->connections[i];
        if (connection->fd < 0) continue;
        connection->receiving = connection->sending = false; /* The ring is gone. */
        end_connection(connection);
    }
    group_writer_close(&loop->writer);
    free(loop);
    return NULL;
}
