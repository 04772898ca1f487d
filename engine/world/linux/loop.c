#include "world/linux/loop.h"

#include <errno.h>
#include <liburing.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "codec/centre.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "world/linux/journal_writer.h"
#include "world/linux/keeper.h"

#define RING_ENTRIES     4096
#define RECV_BUFFERS     16 /* 16 x 64 KiB: one shared pool that stays in the second-level cache. */
#define RECV_BUFFER_SIZE 65536
#define RECV_GROUP       0
#define GREETING_SIZE    4096 /* A Hello is shorter; what else comes first is not waited for. */
#define OUT_THROTTLE     (1u << 20) /* A session with more unsent bytes is not read. */
#define OUT_RESUME       (256u << 10)
#define SEND_STALL_MS    60000 /* A client that takes nothing for so long is gone. */
#define DRAIN_MS         5000  /* After the last decision, unsent answers get this long. */
#define TICK_MS          1000

/* What a completion is about: the kind above, a session's number below. */
enum op {
    OP_ACCEPT = 1,
    OP_GREETING,
    OP_RECV,
    OP_SEND,
    OP_WRITE,
    OP_SYNC,
    OP_WAKE,
    OP_TICK,
    OP_CANCEL,
};
#define TAG(op, index) ((uint64_t)(op) << 32 | (index))

enum session_state {
    SESSION_FREE = 0,
    SESSION_GREETING, /* Loop 0 waits for its first frame, to see where it belongs. */
    SESSION_OPEN,
    SESSION_CLOSING, /* Nothing is read any more; closed when everything has come back. */
};

struct buffer {
    uint8_t *data;
    size_t size;
    size_t room;
};

struct session_io {
    int fd;
    uint8_t state;
    bool receiving;       /* A receive is with the kernel. */
    bool sending;         /* So is a send. */
    bool ended;           /* The client sends no more. */
    bool close_after;     /* Close when everything queued is sent. */
    bool waiting;         /* In the list of sessions with frames the home could not take yet. */
    bool dirty;           /* In the list of sessions with something to send. */
    struct buffer in;     /* Received, not yet taken. */
    struct buffer out;    /* Queued. */
    struct buffer flight; /* Being sent. */
    size_t flight_done;
    int64_t progress_ms; /* Last time the client took something. */
};

/* A connection on its way from loop 0 to the loop it belongs to. */
struct handover {
    struct handover *next;
    int fd;
    size_t size;
    uint8_t bytes[GREETING_SIZE];
};

struct loop {
    struct loops *loops;
    uint32_t index;
    struct home *home;
    struct io_uring ring;
    struct io_uring_buf_ring *recv_ring;
    uint8_t *recv_memory;
    struct keeper keeper;
    struct journal_writer writer;
    int wake_fd;
    uint64_t wake_value;
    _Atomic bool sleeping;
    pthread_mutex_t handover_mutex;
    struct handover *handovers; /* Newest first. */
    _Atomic bool handover_waits;

    struct session_io *sessions;
    uint32_t *free_sessions;
    uint32_t free_count;
    uint32_t *waiting; /* Sessions with frames left, in order of arrival. */
    uint32_t waiting_count;
    uint32_t *dirty;
    uint32_t dirty_count;
    uint32_t next_home; /* Round robin for connections without a wish. */

    struct __kernel_timespec tick;
    int64_t now_ms;
    uint64_t now_us;
    int64_t checkpoint_ms; /* When one was last asked for. */
    int64_t drain_ms;      /* When everything was decided, while stopping; 0: not yet. */
    bool accepting;
    bool counted_quiet;
    bool ready;
};

/* -- time ----------------------------------------------------------------------------------- */

static void read_clock(struct loop *loop)
{
    struct timespec wall;
    struct timespec steady;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    loop->now_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    loop->now_us = (uint64_t)steady.tv_sec * 1000000 + (uint64_t)steady.tv_nsec / 1000;
}

/* -- submitting ------------------------------------------------------------------------------ */

static struct io_uring_sqe *next_sqe(struct loop *loop)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&loop->ring);
    if (sqe == NULL) {
        io_uring_submit(&loop->ring);
        sqe = io_uring_get_sqe(&loop->ring);
    }
    ENSURE(sqe != NULL);
    return sqe;
}

static void arm_accept(struct loop *loop)
{
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_multishot_accept(sqe, loop->loops->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, TAG(OP_ACCEPT, 0));
    loop->accepting = true;
}

static void arm_wake(struct loop *loop)
{
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_read(sqe, loop->wake_fd, &loop->wake_value, sizeof loop->wake_value, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_WAKE, 0));
}

static void arm_tick(struct loop *loop)
{
    loop->tick = (struct __kernel_timespec){.tv_nsec = (long long)TICK_MS % 1000 * 1000000,
                                            .tv_sec = TICK_MS / 1000};
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_timeout(sqe, &loop->tick, 0, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_TICK, 0));
}

static void arm_recv(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_recv_multishot(sqe, session->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = RECV_GROUP;
    io_uring_sqe_set_data64(sqe, TAG(OP_RECV, index));
    session->receiving = true;
}

static void arm_greeting(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_recv(sqe, session->fd, session->in.data + session->in.size,
                       GREETING_SIZE - session->in.size, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_GREETING, index));
    session->receiving = true;
}

static void cancel(struct loop *loop, uint64_t tag)
{
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_cancel64(sqe, tag, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_CANCEL, 0));
}

/* -- buffers --------------------------------------------------------------------------------- */

static void buffer_add(struct buffer *buffer, const uint8_t *data, size_t size)
{
    if (size == 0) return;
    if (buffer->size + size > buffer->room) {
        size_t room = buffer->room < 4096 ? 4096 : buffer->room;
        while (room < buffer->size + size)
            room *= 2;
        uint8_t *more = realloc(buffer->data, room);
        ENSURE(more != NULL);
        buffer->data = more;
        buffer->room = room;
    }
    memcpy(buffer->data + buffer->size, data, size);
    buffer->size += size;
}

static void buffer_take(struct buffer *buffer, size_t size)
{
    if (size == 0) return;
    memmove(buffer->data, buffer->data + size, buffer->size - size);
    buffer->size -= size;
}

static void buffer_free(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){0};
}

/* -- sessions -------------------------------------------------------------------------------- */

static void session_release(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    /* In a list, or with an operation at the kernel, the number must not be given away yet. */
    if (session->receiving || session->sending || session->waiting || session->dirty) return;
    close(session->fd);
    buffer_free(&session->in);
    buffer_free(&session->out);
    buffer_free(&session->flight);
    *session = (struct session_io){.fd = -1};
    loop->free_sessions[loop->free_count++] = index;
}

static void session_close(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    if (session->state == SESSION_FREE) return;
    if (session->state == SESSION_OPEN) home_session_closed(loop->home, index);
    if (session->state != SESSION_CLOSING) {
        session->state = SESSION_CLOSING;
        shutdown(session->fd, SHUT_RDWR); /* Ends what the kernel holds. */
    }
    session_release(loop, index);
}

/* -1 when there are too many. */
static int64_t session_new(struct loop *loop, int fd)
{
    if (loop->free_count == 0) return -1;
    const uint32_t index = loop->free_sessions[--loop->free_count];
    const int on = 1;
    loop->sessions[index].fd = fd;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return index;
}

static void note_dirty(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    if (session->dirty) return;
    session->dirty = true;
    loop->dirty[loop->dirty_count++] = index;
}

static void note_waiting(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    if (session->waiting) return;
    session->waiting = true;
    loop->waiting[loop->waiting_count++] = index;
}

/* Everything was answered and sent: then a session that is to end does. */
static void end_if_done(struct loop *loop, uint32_t index)
{
    const struct session_io *session = &loop->sessions[index];
    if (session->state != SESSION_OPEN || session->sending || session->out.size != 0) return;
    if (home_session_busy(loop->home, index)) return; /* Its answers are still to come. */
    if (session->close_after || (session->ended && !session->waiting)) session_close(loop, index);
}

/* -- frames ---------------------------------------------------------------------------------- */

static bool is_throttled(const struct session_io *session)
{
    return session->out.size + session->flight.size > OUT_THROTTLE;
}

/* Takes whole frames off the front of `bytes`; gives the bytes used up. The rest is a part of a
 * frame, or the home takes no more now (*ret_blocked). */
static size_t take_frames(struct loop *loop, uint32_t index, struct bytes bytes, bool *ret_blocked)
{
    struct session_io *session = &loop->sessions[index];
    size_t used = 0;
    *ret_blocked = false;
    while (used < bytes.size && session->state == SESSION_OPEN && !session->close_after) {
        const struct bytes rest = {bytes.data + used, bytes.size - used};
        struct frame frame = {0};
        size_t size = 0;
        const enum frame_state state = frame_read(rest, &frame, &size);
        if (state == FRAME_PARTIAL) break;
        if (state != FRAME_WHOLE) {
            home_submit(loop->home, loop->now_ms);
            home_bad_stream(loop->home, index, state, frame.request_id, size);
            return bytes.size;
        }
        if (is_throttled(session) ||
            home_frame(loop->home, index, &frame, loop->now_ms) == HOME_BLOCKED) {
            *ret_blocked = true;
            break;
        }
        used += size;
    }
    home_submit(loop->home, loop->now_ms); /* From here on the bytes may go. */
    return session->close_after ? bytes.size : used;
}

/* Takes what stands in session->in. */
static void take_input(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    bool blocked;
    const size_t used =
        take_frames(loop, index, (struct bytes){session->in.data, session->in.size}, &blocked);
    buffer_take(&session->in, used);
    if (blocked) note_waiting(loop, index);
    if (session->ended && !blocked && session->state == SESSION_OPEN && session->in.size != 0) {
        home_bad_stream(loop->home, index, FRAME_PARTIAL, 0, session->in.size);
        session->in.size = 0;
    }
}

static void take_received(struct loop *loop, uint32_t index, struct bytes bytes)
{
    struct session_io *session = &loop->sessions[index];
    if (session->state != SESSION_OPEN) return;
    if (session->in.size == 0 && !session->waiting) { /* Straight from the kernel's buffer. */
        bool blocked;
        const size_t used = take_frames(loop, index, bytes, &blocked);
        buffer_add(&session->in, bytes.data + used, bytes.size - used);
        if (blocked) note_waiting(loop, index);
        return;
    }
    buffer_add(&session->in, bytes.data, bytes.size);
    if (!session->waiting) take_input(loop, index);
}

/* Goes on with sessions whose frames had to wait, each in its turn. */
static bool take_waiting(struct loop *loop)
{
    const uint32_t count = loop->waiting_count;
    uint32_t kept = 0;
    bool any = false;
    if (count == 0 || !home_ready(loop->home)) return false;
    loop->waiting_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = loop->waiting[i];
        struct session_io *session = &loop->sessions[index];
        session->waiting = false;
        if (session->state != SESSION_OPEN) {
            session_release(loop, index);
            continue;
        }
        if (is_throttled(session) || !home_ready(loop->home)) {
            session->waiting = true;
            loop->waiting[kept++] = index;
            loop->waiting_count = kept;
            continue;
        }
        const size_t before = session->in.size;
        loop->waiting_count = kept;
        take_input(loop, index); /* May put it back at loop->waiting[kept]. */
        kept = loop->waiting_count;
        any |= session->in.size != before;
        if (!session->receiving && !session->ended && !session->waiting) arm_recv(loop, index);
        end_if_done(loop, index);
    }
    return any;
}

/* -- what the home asks for ------------------------------------------------------------------ */

static void on_append(void *context, struct bytes block, uint64_t number)
{
    struct loop *loop = context;
    journal_writer_append(&loop->writer, block, number);
}

static void on_merge(void *context, struct merge *merge)
{
    struct loop *loop = context;
    loop->checkpoint_ms = loop->now_ms;
    keeper_ask_merge(&loop->keeper, merge);
}

static void on_send(void *context, uint32_t index, struct bytes frame)
{
    struct loop *loop = context;
    struct session_io *session = &loop->sessions[index];
    if (session->state != SESSION_OPEN) return;
    buffer_add(&session->out, frame.data, frame.size);
    note_dirty(loop, index);
}

static void on_close(void *context, uint32_t index)
{
    struct loop *loop = context;
    loop->sessions[index].close_after = true;
    note_dirty(loop, index);
}

void loop_wake(struct loop *loop)
{
    const uint64_t one = 1;
    ENSURE(write(loop->wake_fd, &one, sizeof one) == (ssize_t)sizeof one);
}

static void on_wake(void *context, uint32_t shard)
{
    struct loop *loop = context;
    struct loop *other = loop->loops->list[shard];
    /* Both sides exchange the flag, never just store it, so that each sees what the other did
     * before its exchange: either the sleeper finds what was published, or this finds the sleeper.
     * Who takes the flag down wakes, once for all. */
    if (atomic_exchange(&other->sleeping, false)) loop_wake(other);
}

/* -- sends ----------------------------------------------------------------------------------- */

static void start_send(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = next_sqe(loop);
    io_uring_prep_send(sqe, session->fd, session->flight.data + session->flight_done,
                       session->flight.size - session->flight_done, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, TAG(OP_SEND, index));
    session->sending = true;
}

static void send_dirty(struct loop *loop)
{
    for (uint32_t i = 0; i < loop->dirty_count; i++) {
        const uint32_t index = loop->dirty[i];
        struct session_io *session = &loop->sessions[index];
        session->dirty = false;
        if (session->state != SESSION_OPEN) {
            session_release(loop, index);
            continue;
        }
        if (!session->sending && session->out.size != 0) {
            const struct buffer empty = session->flight;
            session->flight = session->out;
            session->out = empty;
            session->out.size = 0;
            session->flight_done = 0;
            session->progress_ms = loop->now_ms;
            start_send(loop, index);
        }
        end_if_done(loop, index);
    }
    loop->dirty_count = 0;
}

static void on_sent(struct loop *loop, uint32_t index, int result)
{
    struct session_io *session = &loop->sessions[index];
    session->sending = false;
    if (result <= 0 || session->state != SESSION_OPEN) {
        session_close(loop, index);
        return;
    }
    session->progress_ms = loop->now_ms;
    session->flight_done += (size_t)result;
    if (session->flight_done < session->flight.size) {
        start_send(loop, index);
        return;
    }
    session->flight.size = 0;
    note_dirty(loop, index);
}

/* -- receives -------------------------------------------------------------------------------- */

static void give_back_buffer(struct loop *loop, uint32_t id)
{
    io_uring_buf_ring_add(loop->recv_ring, loop->recv_memory + (size_t)id * RECV_BUFFER_SIZE,
                          RECV_BUFFER_SIZE, (unsigned short)id,
                          io_uring_buf_ring_mask(RECV_BUFFERS), 0);
    io_uring_buf_ring_advance(loop->recv_ring, 1);
}

static void on_received(struct loop *loop, uint32_t index, const struct io_uring_cqe *cqe)
{
    struct session_io *session = &loop->sessions[index];
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) session->receiving = false;
    if ((cqe->flags & IORING_CQE_F_BUFFER) != 0) {
        const uint32_t id = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
        if (cqe->res > 0) {
            take_received(loop, index,
                          (struct bytes){loop->recv_memory + (size_t)id * RECV_BUFFER_SIZE,
                                         (size_t)cqe->res});
        }
        give_back_buffer(loop, id);
    }
    if (session->state == SESSION_CLOSING) {
        session_release(loop, index);
        return;
    }
    if (session->state != SESSION_OPEN) return;
    if (cqe->res == 0) { /* The client has said everything; it may still listen. */
        session->ended = true;
        if (!session->waiting) take_input(loop, index);
        note_dirty(loop, index);
    } else if (cqe->res < 0 && cqe->res != -ENOBUFS && cqe->res != -ECANCELED) {
        session_close(loop, index);
    } else if (session->waiting || atomic_load(&loop->loops->stopping)) {
        /* Back-pressure: it is read again when the home has taken what is here. */
        if (session->receiving && session->in.size > FRAME_PAYLOAD_MAX) {
            cancel(loop, TAG(OP_RECV, index));
        }
    } else if (!session->receiving) {
        arm_recv(loop, index);
    }
}

static void session_open(struct loop *loop, uint32_t index, struct bytes first)
{
    struct session_io *session = &loop->sessions[index];
    session->state = SESSION_OPEN;
    session->progress_ms = loop->now_ms;
    home_session_opened(loop->home, index);
    take_received(loop, index, first);
    if (session->state == SESSION_OPEN && !session->waiting) arm_recv(loop, index);
}

/* -- greeting: where does a connection belong? ----------------------------------------------- */

static void on_accept(struct loop *loop, const struct io_uring_cqe *cqe)
{
    if ((cqe->flags & IORING_CQE_F_MORE) == 0) loop->accepting = false;
    if (cqe->res >= 0) {
        const int64_t index = session_new(loop, cqe->res);
        if (index < 0) {
            close(cqe->res);
        } else {
            struct session_io *session = &loop->sessions[index];
            session->state = SESSION_GREETING;
            session->in.data = malloc(GREETING_SIZE);
            ENSURE(session->in.data != NULL);
            session->in.room = GREETING_SIZE;
            arm_greeting(loop, (uint32_t)index);
        }
    }
    if (!loop->accepting && !atomic_load(&loop->loops->stopping)) arm_accept(loop);
}

/* False while the first frame's wish cannot be told yet. */
static bool choose_home(struct loop *loop, struct bytes first, uint32_t *ret_home)
{
    struct frame frame = {0};
    size_t size = 0;
    struct hello hello;
    const enum frame_state state = frame_read(first, &frame, &size);
    const bool maybe_hello = state == FRAME_PARTIAL && first.size < GREETING_SIZE &&
                             (first.size < FRAME_HEAD_SIZE || frame.type == MESSAGE_HELLO) &&
                             size <= GREETING_SIZE;
    if (maybe_hello) return false;
    *ret_home = loop->next_home++ % loop->loops->count;
    if (state == FRAME_WHOLE && frame.type == MESSAGE_HELLO &&
        hello_decode(frame.payload, &hello) && hello.home_shard >= 1 &&
        hello.home_shard <= loop->loops->count) {
        *ret_home = hello.home_shard - 1;
    }
    return true;
}

static void hand_over(struct loop *loop, uint32_t index, uint32_t home)
{
    struct session_io *session = &loop->sessions[index];
    struct loop *other = loop->loops->list[home];
    struct handover *handover = malloc(sizeof *handover);
    ENSURE(handover != NULL);
    handover->fd = session->fd;
    handover->size = session->in.size;
    memcpy(handover->bytes, session->in.data, session->in.size);
    buffer_free(&session->in);
    *session = (struct session_io){.fd = -1};
    loop->free_sessions[loop->free_count++] = index;

    pthread_mutex_lock(&other->handover_mutex);
    handover->next = other->handovers;
    other->handovers = handover;
    atomic_store(&other->handover_waits, true);
    pthread_mutex_unlock(&other->handover_mutex);
    loop_wake(other);
}

static void on_greeting(struct loop *loop, uint32_t index, int result)
{
    struct session_io *session = &loop->sessions[index];
    uint32_t home;
    session->receiving = false;
    if (result > 0) session->in.size += (size_t)result;
    const struct bytes first = {session->in.data, session->in.size};
    if (session->state == SESSION_CLOSING || result < 0 || (result == 0 && first.size == 0)) {
        session_close(loop, index);
        return;
    }
    if (result == 0) { /* Half a frame and an end: it is told so here. */
        session_open(loop, index, (struct bytes){0});
        return;
    }
    if (!choose_home(loop, first, &home)) {
        arm_greeting(loop, index);
    } else if (home != loop->index) {
        hand_over(loop, index, home);
    } else {
        const struct buffer in = session->in;
        session->in = (struct buffer){0};
        session_open(loop, index, (struct bytes){in.data, in.size});
        free(in.data);
    }
}

static void take_handovers(struct loop *loop)
{
    if (!atomic_load(&loop->handover_waits)) return;
    pthread_mutex_lock(&loop->handover_mutex);
    struct handover *list = loop->handovers;
    loop->handovers = NULL;
    atomic_store(&loop->handover_waits, false);
    pthread_mutex_unlock(&loop->handover_mutex);
    while (list != NULL) {
        struct handover *next = list->next;
        const int64_t index = session_new(loop, list->fd);
        if (index < 0) {
            close(list->fd);
        } else {
            session_open(loop, (uint32_t)index, (struct bytes){list->bytes, list->size});
        }
        free(list);
        list = next;
    }
}

/* -- completions ----------------------------------------------------------------------------- */

static void on_keeper(struct loop *loop)
{
    int status;
    if (keeper_merged(&loop->keeper, &status)) home_merged(loop->home, status, loop->now_ms);
    if (keeper_prepared(&loop->keeper, &status)) journal_writer_prepared(&loop->writer, status);
}

static void on_tick(struct loop *loop)
{
    const int64_t age_ms = loop->now_ms - loop->checkpoint_ms;
    if (age_ms >= (int64_t)loop->loops->checkpoint_seconds * 1000) {
        loop->checkpoint_ms = loop->now_ms;
        home_checkpoint(loop->home, loop->now_ms);
    }
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        const struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_OPEN && session->sending &&
            loop->now_ms - session->progress_ms > SEND_STALL_MS) {
            session_close(loop, i);
        }
    }
    arm_tick(loop);
}

static void on_completion(struct loop *loop, const struct io_uring_cqe *cqe)
{
    const uint32_t index = (uint32_t)cqe->user_data;
    const uint64_t tag = cqe->user_data;
    switch ((enum op)(tag >> 32)) {
    case OP_ACCEPT:
        on_accept(loop, cqe);
        return;
    case OP_GREETING:
        on_greeting(loop, index, cqe->res);
        return;
    case OP_RECV:
        on_received(loop, index, cqe);
        return;
    case OP_SEND:
        on_sent(loop, index, cqe->res);
        return;
    case OP_WRITE:
    case OP_SYNC:
        if (journal_writer_completed(&loop->writer, tag, cqe->res)) {
            home_written(loop->home, loop->writer.segment, (uint32_t)loop->writer.offset,
                         loop->now_ms);
        }
        return;
    case OP_WAKE:
        arm_wake(loop);
        on_keeper(loop);
        return;
    case OP_TICK:
        on_tick(loop);
        return;
    case OP_CANCEL:
        return;
    }
}

static bool take_completions(struct loop *loop)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
    io_uring_for_each_cqe(&loop->ring, head, cqe)
    {
        on_completion(loop, cqe);
        count++;
    }
    io_uring_cq_advance(&loop->ring, count);
    return count != 0;
}

/* -- the end --------------------------------------------------------------------------------- */

static bool all_sent(const struct loop *loop)
{
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        const struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_OPEN && (session->sending || session->out.size != 0))
            return false;
    }
    return true;
}

/* True when this loop, and every other one, has nothing left to do. */
static bool drained(struct loop *loop)
{
    const bool decided = home_quiet(loop->home) && home_settled(loop->home);
    if (decided && loop->drain_ms == 0) loop->drain_ms = loop->now_ms;
    if (!decided) return false;
    if (!all_sent(loop) && loop->now_ms - loop->drain_ms < DRAIN_MS) return false;
    if (!loop->counted_quiet) {
        loop->counted_quiet = true;
        atomic_fetch_add(&loop->loops->quiet, 1);
        for (uint32_t i = 0; i < loop->loops->count; i++)
            loop_wake(loop->loops->list[i]);
    }
    return atomic_load(&loop->loops->quiet) == loop->loops->count;
}

static void stop_reading(struct loop *loop)
{
    if (loop->accepting) cancel(loop, TAG(OP_ACCEPT, 0));
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_GREETING) {
            session_close(loop, i);
        } else if (session->state == SESSION_OPEN && session->receiving) {
            cancel(loop, TAG(OP_RECV, i));
        }
    }
    /* Frames that arrived and were not taken are not answered: their senders ask again. */
    for (uint32_t i = 0; i < loop->waiting_count; i++)
        loop->sessions[loop->waiting[i]].waiting = false;
    loop->waiting_count = 0;
}

/* -- running --------------------------------------------------------------------------------- */

static int open_ring(struct loop *loop)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 4 * RING_ENTRIES,
    };
    int r = io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
    if (r == -EINVAL) { /* A kernel before 6.1 knows neither flag. */
        params =
            (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 4 * RING_ENTRIES};
        r = io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
    }
    if (r != 0) return r;
    (void)io_uring_register_ring_fd(&loop->ring); /* Saves a little; not every kernel has it. */

    struct io_uring_buf_reg reg = {
        .ring_addr = (uint64_t)(uintptr_t)loop->recv_ring,
        .ring_entries = RECV_BUFFERS,
        .bgid = RECV_GROUP,
    };
    r = io_uring_register_buf_ring(&loop->ring, &reg, 0);
    if (r != 0) return r;
    io_uring_buf_ring_init(loop->recv_ring);
    for (uint32_t id = 0; id < RECV_BUFFERS; id++)
        give_back_buffer(loop, id);
    return 0;
}

static _Noreturn void ring_failed(int error)
{
    fprintf(stderr, "qingfend: io_uring is not available: %s\n", strerror(error));
    if (error == EPERM || error == ENOSYS) {
        fprintf(stderr, "  it may be switched off (sysctl kernel.io_uring_disabled must be 0) or\n"
                        "  blocked by a container's seccomp profile; see deploy/README.md\n");
    } else if (error == ENOMEM) {
        fprintf(stderr, "  the limit of locked memory may be too low (ulimit -l)\n");
    }
    _exit(1);
}

static void become_ready(struct loop *loop)
{
    if (loop->ready || (loop->index == 0 && !home_aligned(loop->home))) return;
    loop->ready = true;
    atomic_fetch_add(&loop->loops->ready, 1);
}

static void turn(struct loop *loop)
{
    bool more = take_completions(loop);
    read_clock(loop);
    take_handovers(loop);
    more |= take_waiting(loop);
    more |= home_turn(loop->home, loop->now_ms, loop->now_us);
    send_dirty(loop);
    become_ready(loop);
    if (more) {
        io_uring_submit_and_get_events(&loop->ring);
        return;
    }
    (void)atomic_exchange(&loop->sleeping, true); /* See on_wake(). */
    more = home_turn(loop->home, loop->now_ms, loop->now_us);
    send_dirty(loop);
    const int r = more ? io_uring_submit_and_get_events(&loop->ring)
                       : io_uring_submit_and_wait(&loop->ring, 1);
    (void)atomic_exchange(&loop->sleeping, false);
    ENSURE(r >= 0 || r == -EINTR || r == -EAGAIN || r == -EBUSY);
    read_clock(loop);
}

void *loop_run(void *context)
{
    struct loop *loop = context;
    bool stopping = false;

    const int r = open_ring(loop);
    if (r != 0) ring_failed(-r);
    read_clock(loop);
    loop->checkpoint_ms = loop->now_ms;
    arm_wake(loop);
    arm_tick(loop);
    if (loop->index == 0) home_align(loop->home);
    for (;;) {
        turn(loop);
        if (loop->index == 0 && !loop->accepting && !stopping && loop->loops->listen_fd >= 0 &&
            atomic_load(&loop->loops->ready) == loop->loops->count) {
            arm_accept(loop);
        }
        if (!stopping && atomic_load(&loop->loops->stopping)) {
            stopping = true;
            stop_reading(loop);
        }
        if (stopping && drained(loop)) break;
    }
    io_uring_queue_exit(&loop->ring);
    checksum_thread_done();
    return NULL;
}

struct loop *loop_new(struct loops *loops, uint32_t index, struct shard *shard,
                      const struct journal_folder *folder, const struct journal_scan *scan)
{
    struct loop *loop = calloc(1, sizeof *loop);
    ENSURE(loop != NULL);
    const struct home_ops ops = {
        .context = loop,
        .append = on_append,
        .merge = on_merge,
        .send = on_send,
        .close = on_close,
        .wake = on_wake,
    };
    loop->loops = loops;
    loop->index = index;
    loop->home = home_new(loops->engine, index, shard, &ops);
    loop->sessions = calloc(LOOP_SESSIONS_MAX, sizeof *loop->sessions);
    loop->free_sessions = calloc(LOOP_SESSIONS_MAX, sizeof *loop->free_sessions);
    loop->waiting = calloc(LOOP_SESSIONS_MAX, sizeof *loop->waiting);
    loop->dirty = calloc(LOOP_SESSIONS_MAX, sizeof *loop->dirty);
    loop->recv_memory = aligned_alloc(4096, (size_t)RECV_BUFFERS * RECV_BUFFER_SIZE);
    loop->recv_ring = aligned_alloc(4096, 4096);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC);
    pthread_mutex_init(&loop->handover_mutex, NULL);
    ENSURE(loop->home != NULL);
    ENSURE(loop->sessions != NULL);
    ENSURE(loop->free_sessions != NULL);
    ENSURE(loop->waiting != NULL);
    ENSURE(loop->dirty != NULL);
    ENSURE(loop->recv_memory != NULL);
    ENSURE(loop->recv_ring != NULL);
    ENSURE(loop->wake_fd >= 0);
    for (uint32_t i = LOOP_SESSIONS_MAX; i-- > 0;) {
        loop->sessions[i].fd = -1;
        loop->free_sessions[loop->free_count++] = i;
    }
    int r = keeper_start(&loop->keeper, folder->path, loop->wake_fd);
    loop->writer = (struct journal_writer){
        .ring = &loop->ring,
        .keeper = &loop->keeper,
        .folder = *folder,
        .write_tag = TAG(OP_WRITE, 0),
        .sync_tag = TAG(OP_SYNC, 0),
        .dsync = journal_device_has_fua(folder->path),
    };
    if (r == 0) r = journal_writer_start(&loop->writer, scan);
    if (r != 0) {
        fprintf(stderr, "qingfend: shard %u: cannot begin to write the journal in %s: %s\n", index,
                folder->path, strerror(-r));
        return NULL;
    }
    return loop;
}

int loop_finish(struct loop *loop)
{
    keeper_stop(&loop->keeper);
    const int r = shard_checkpoint(home_shard(loop->home));
    journal_writer_stop(&loop->writer);
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->fd >= 0) close(session->fd);
        buffer_free(&session->in);
        buffer_free(&session->out);
        buffer_free(&session->flight);
    }
    home_free(loop->home);
    free(loop->sessions);
    free(loop->free_sessions);
    free(loop->waiting);
    free(loop->dirty);
    free(loop->recv_memory);
    free(loop->recv_ring);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->handover_mutex);
    free(loop);
    return r;
}
