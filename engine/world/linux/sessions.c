/* sessions -- connections of one loop: from a greeting to frames, from answers to bytes.
 *
 * BACK-PRESSURE  A session whose frames the home cannot take now, or whose client does not read its
 *         answers, keeps what has arrived and is not read any further; the kernel's buffers fill,
 * and TCP slows the sender down. Knows no shard and no disk. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/centre.h"
#include "types/ensure.h"
#include "world/linux/loop_internal.h"

/* -- submitting ------------------------------------------------------------------------------ */

void sessions_accept(struct loop *loop)
{
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_multishot_accept(sqe, loop->loops->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, TAG(OP_ACCEPT, 0));
    loop->accepting = true;
}

static void arm_recv(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_recv_multishot(sqe, session->fd, NULL, 0, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = RECV_GROUP;
    io_uring_sqe_set_data64(sqe, TAG(OP_RECV, index));
    session->receiving = true;
}

static void arm_greeting(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_recv(sqe, session->fd, session->in.data + session->in.size,
                       GREETING_SIZE - session->in.size, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_GREETING, index));
    session->receiving = true;
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
        NEED_MEMORY(more);
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
            home_bad_stream(loop->home, index, state, frame.request_id);
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
        home_bad_stream(loop->home, index, FRAME_PARTIAL, 0);
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
bool sessions_take_waiting(struct loop *loop)
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

/* -- sends ----------------------------------------------------------------------------------- */

static void start_send(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_send(sqe, session->fd, session->flight.data + session->flight_done,
                       session->flight.size - session->flight_done, MSG_NOSIGNAL);
    io_uring_sqe_set_data64(sqe, TAG(OP_SEND, index));
    session->sending = true;
}

void sessions_send(struct loop *loop)
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

void sessions_on_sent(struct loop *loop, uint32_t index, int result)
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

void sessions_queue(struct loop *loop, uint32_t index, struct bytes frame)
{
    struct session_io *session = &loop->sessions[index];
    if (session->state != SESSION_OPEN) return;
    buffer_add(&session->out, frame.data, frame.size);
    note_dirty(loop, index);
}

void sessions_end(struct loop *loop, uint32_t index)
{
    loop->sessions[index].close_after = true;
    note_dirty(loop, index);
}

/* -- receives -------------------------------------------------------------------------------- */

void sessions_give_buffer(struct loop *loop, uint32_t id)
{
    io_uring_buf_ring_add(loop->recv_ring, loop->recv_memory + (size_t)id * RECV_BUFFER_SIZE,
                          RECV_BUFFER_SIZE, (unsigned short)id,
                          io_uring_buf_ring_mask(RECV_BUFFERS), 0);
    io_uring_buf_ring_advance(loop->recv_ring, 1);
}

void sessions_on_received(struct loop *loop, uint32_t index, const struct io_uring_cqe *cqe)
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
        sessions_give_buffer(loop, id);
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
            loop_cancel(loop, TAG(OP_RECV, index));
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

static bool is_shortage(int result)
{
    return result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -ENOBUFS;
}

/* Who knocks stays in the kernel's queue: asking again at once would be a busy loop. */
static void accept_later(struct loop *loop, int error)
{
    loop->accept_ms = loop->now_ms + TICK_MS;
    if (loop->accept_told) return;
    loop->accept_told = true;
    fprintf(stderr,
            "qingfend: cannot accept connections: %s; those there are go on, and it tries again "
            "every second%s\n",
            strerror(error),
            error == EMFILE ? ". The limit of open files is too low (ulimit -n, LimitNOFILE=)"
                            : "");
}

void sessions_on_accept(struct loop *loop, const struct io_uring_cqe *cqe)
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
            NEED_MEMORY(session->in.data);
            session->in.room = GREETING_SIZE;
            arm_greeting(loop, (uint32_t)index);
        }
    }
    if (cqe->res >= 0) loop->accept_told = false;
    if (is_shortage(cqe->res)) {
        accept_later(loop, -cqe->res);
    } else if (!loop->accepting && !atomic_load(&loop->loops->stopping)) {
        sessions_accept(loop);
    }
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
    NEED_MEMORY(handover);
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

void sessions_on_greeting(struct loop *loop, uint32_t index, int result)
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

void sessions_take_handovers(struct loop *loop)
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

/* -- the end --------------------------------------------------------------------------------- */

void sessions_close_stalled(struct loop *loop)
{
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        const struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_OPEN && session->sending &&
            loop->now_ms - session->progress_ms > SEND_STALL_MS) {
            session_close(loop, i);
        }
    }
}

bool sessions_all_sent(const struct loop *loop)
{
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        const struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_OPEN && (session->sending || session->out.size != 0))
            return false;
    }
    return true;
}

void sessions_stop_reading(struct loop *loop)
{
    if (loop->accepting) loop_cancel(loop, TAG(OP_ACCEPT, 0));
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_GREETING) {
            session_close(loop, i);
        } else if (session->state == SESSION_OPEN && session->receiving) {
            loop_cancel(loop, TAG(OP_RECV, i));
        }
    }
    /* Frames that arrived and were not taken are not answered: their senders ask again. */
    for (uint32_t i = 0; i < loop->waiting_count; i++)
        loop->sessions[loop->waiting[i]].waiting = false;
    loop->waiting_count = 0;
}

void sessions_free(struct loop *loop)
{
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->fd >= 0) close(session->fd);
        buffer_free(&session->in);
        buffer_free(&session->out);
        buffer_free(&session->flight);
    }
    free(loop->sessions);
    free(loop->free_sessions);
    free(loop->waiting);
    free(loop->dirty);
}
