/* sessions -- connections of one loop: from bytes to frames, from answers to bytes. How a
 * connection comes to its loop is greetings.c.
 *
 * BACK-PRESSURE  A session whose frames the home cannot take now, or whose client does not read its
 *         answers, keeps what has arrived and is not read any further; the kernel's buffers fill,
 *         and TCP slows the sender down.
 * FAIRNESS  While anybody waits, everybody does: in a line for each province, the provinces in
 * turn, in a line its sessions in turn, at a turn SHARE_BYTES of frames. However much one province
 *         sends, another one's frame has one share of each province before it.
 * BOUNDS  A client that does not finish its first frame or a later one in stall_ms, or takes no
 *         answer for so long, is closed; so is, when all buffers together pass buffer_bytes_max,
 * the session that has held most for longest. A connection too many is told so and closed.
 *
 * Knows no shard and no disk. */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/reply.h"
#include "types/ensure.h"
#include "types/error.h"
#include "util/le.h"
#include "world/linux/crash_point.h"
#include "world/linux/loop_internal.h"

/* -- receives are asked for ------------------------------------------------------------------- */

/* With buffers enough a receive goes on by itself; else it takes one and asks again. */
static void arm_recv(struct loop *loop, uint32_t index, bool once)
{
    struct session_io *session = &loop->sessions[index];
    struct io_uring_sqe *sqe = loop_sqe(loop);
    if (once) {
        io_uring_prep_recv(sqe, session->fd, NULL, 0, 0);
    } else {
        io_uring_prep_recv_multishot(sqe, session->fd, NULL, 0, 0);
    }
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = RECV_GROUP;
    io_uring_sqe_set_data64(sqe, TAG(OP_RECV, index));
    session->receiving = true;
    session->stopped = false;
}

/* -- buffers --------------------------------------------------------------------------------- */

static void buffer_add(struct loop *loop, struct buffer *buffer, const uint8_t *data, size_t size)
{
    if (size == 0) return;
    if (buffer->size + size > buffer->room) {
        size_t room = buffer->room < 4096 ? 4096 : buffer->room;
        while (room < buffer->size + size)
            room *= 2;
        uint8_t *more = realloc(buffer->data, room);
        NEED_MEMORY(more);
        loop->buffer_bytes += room - buffer->room;
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

void buffer_free(struct loop *loop, struct buffer *buffer)
{
    loop->buffer_bytes -= buffer->room;
    free(buffer->data);
    *buffer = (struct buffer){0};
}

/* -- sessions -------------------------------------------------------------------------------- */

static void session_release(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    /* In a list, or with an operation at the kernel, the number must not be given away yet. */
    if (session->receiving || session->sending || session->waiting || session->starved ||
        session->dirty)
        return;
    close(session->fd);
    buffer_free(loop, &session->in);
    buffer_free(loop, &session->out);
    buffer_free(loop, &session->flight);
    *session = (struct session_io){.fd = -1};
    loop->free_sessions[loop->free_count++] = index;
    atomic_fetch_sub(&loop->loops->connections, 1);
}

void session_close(struct loop *loop, uint32_t index)
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

int64_t session_new(struct loop *loop, int fd)
{
    if (loop->free_count == 0) return -1;
    const uint32_t index = loop->free_sessions[--loop->free_count];
    if (index >= loop->sessions_end) loop->sessions_end = index + 1;
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

/* -- lines ----------------------------------------------------------------------------------- */

static void line_up(struct loop *loop, struct lines *lines, uint32_t index)
{
    const uint8_t province = province_index(home_session_province(loop->home, index));
    uint32_t line = province == PROVINCE_NONE ? LINE_CENTRE : province;
    if (!loop->sessions[index].known) line = LINE_NEW;
    loop->sessions[index].behind = SESSION_NONE;
    if (lines->of[line].first == SESSION_NONE) {
        lines->of[line].first = index;
    } else {
        loop->sessions[lines->of[line].last].behind = index;
    }
    lines->of[line].last = index;
    lines->count++;
}

/* The first of the next line that has anybody. */
static uint32_t next_in_turn(struct loop *loop, struct lines *lines)
{
    do {
        lines->turn = (lines->turn + 1) % LINES;
    } while (lines->of[lines->turn].first == SESSION_NONE);
    const uint32_t index = lines->of[lines->turn].first;
    lines->of[lines->turn].first = loop->sessions[index].behind;
    lines->count--;
    return index;
}

static void note_waiting(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    if (session->waiting) return;
    session->waiting = true;
    line_up(loop, &loop->waiting, index);
}

/* Goes on reading a session. */
static void receive_more(struct loop *loop, uint32_t index)
{
    struct session_io *session = &loop->sessions[index];
    if (session->receiving || session->starved) return;
    if (loop->steady_ms - loop->scarce_ms >= SCARCE_MS && loop->starved.count == 0) {
        arm_recv(loop, index, false);
        return;
    }
    session->starved = true;
    line_up(loop, &loop->starved, index);
}

bool sessions_receive(struct loop *loop)
{
    for (uint32_t left = TURN_RECEIVES; left > 0 && loop->starved.count != 0; left--) {
        const uint32_t index = next_in_turn(loop, &loop->starved);
        struct session_io *session = &loop->sessions[index];
        session->starved = false;
        if (session->state != SESSION_OPEN) {
            session_release(loop, index);
        } else if (!session->ended && !loop_stopping(loop)) {
            arm_recv(loop, index, true);
        }
    }
    return loop->starved.count != 0;
}

void sessions_init(struct loop *loop)
{
    loop->scarce_ms = INT64_MIN / 2;
    for (uint32_t i = 0; i < LINES; i++)
        loop->waiting.of[i].first = loop->starved.of[i].first = SESSION_NONE;
    for (uint32_t i = LOOP_SESSIONS_MAX; i-- > 0;) {
        loop->sessions[i].fd = -1;
        loop->free_sessions[loop->free_count++] = i;
    }
}

/* -- refusals -------------------------------------------------------------------------------- */

void tell_client(int fd, uint32_t code, const char *why)
{
    uint8_t frame[FRAME_HEAD_SIZE + 512];
    const size_t size = error_reply_encode(code, why, true, frame + FRAME_HEAD_SIZE);
    frame_write_head(frame, MESSAGE_ERROR, 0, (struct bytes){frame + FRAME_HEAD_SIZE, size});
    (void)send(fd, frame, FRAME_HEAD_SIZE + size, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* Closes a session and says why, unless that would stand in the middle of an answer. */
static void session_refuse(struct loop *loop, uint32_t index, uint32_t code, const char *why)
{
    struct session_io *session = &loop->sessions[index];
    if (session->state == SESSION_CLOSING) return;
    if (!session->sending && session->out.size == 0) tell_client(session->fd, code, why);
    if (session->state == SESSION_OPEN) buffer_free(loop, &session->in); /* Else the kernel's. */
    buffer_free(loop, &session->out);
    session_close(loop, index);
}

static uint64_t room_of(const struct session_io *session)
{
    return session->in.room + session->out.room + session->flight.room;
}

/* Bytes it has held, times how long without going on. */
static uint64_t weight(const struct loop *loop, const struct session_io *session)
{
    int64_t since_ms = loop->steady_ms;
    if (session->in.size != 0) since_ms = session->begun_ms;
    if (session->sending && session->progress_ms < since_ms) since_ms = session->progress_ms;
    return room_of(session) * (uint64_t)(loop->steady_ms - since_ms + 1);
}

/* Memory that a long frame or answer needed once. */
static void give_back(struct loop *loop, struct session_io *session)
{
    if (session->in.size == 0 && session->in.room > KEPT_ROOM) buffer_free(loop, &session->in);
    if (session->out.size == 0 && session->out.room > KEPT_ROOM) buffer_free(loop, &session->out);
    if (!session->sending && session->flight.room > KEPT_ROOM) buffer_free(loop, &session->flight);
}

/* Too much is held: first what nobody needs any more, then who has held most for longest goes. */
static void keep_bound(struct loop *loop)
{
    const uint64_t max = loop->loops->buffer_bytes_max;
    if (loop->buffer_bytes <= max) return;
    uint64_t leaving = 0; /* Of sessions that are closed as soon as the kernel lets go. */
    for (uint32_t i = 0; i < loop->sessions_end; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_OPEN) give_back(loop, session);
        if (session->state == SESSION_CLOSING) leaving += room_of(session);
    }
    while (loop->buffer_bytes - leaving > max) {
        uint64_t most = 0;
        uint32_t found = SESSION_NONE;
        for (uint32_t i = 0; i < loop->sessions_end; i++) {
            const struct session_io *session = &loop->sessions[i];
            if (session->state != SESSION_OPEN || weight(loop, session) <= most) continue;
            most = weight(loop, session);
            found = i;
        }
        if (found == SESSION_NONE) return;
        session_refuse(loop, found, ERROR_OVERLOAD,
                       "too many bytes wait in the engine; connect again and send less at once");
        leaving += room_of(&loop->sessions[found]);
    }
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

/* Takes whole frames off the front of `bytes`, some `share` bytes; gives the bytes used up. The
 * rest is a part of a frame, or has to wait (*ret_blocked). */
static size_t take_frames(struct loop *loop, uint32_t index, struct bytes bytes, size_t share,
                          bool *ret_blocked)
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
        if (used >= share || is_throttled(session) ||
            home_frame(loop->home, index, &frame, loop->now_ms) == HOME_BLOCKED) {
            *ret_blocked = true;
            break;
        }
        used += size;
        session->known = true;
    }
    home_submit(loop->home, loop->now_ms); /* From here on the bytes may go. */
    return session->close_after ? bytes.size : used;
}

/* Takes what stands in session->in. */
static void take_input(struct loop *loop, uint32_t index, size_t share)
{
    struct session_io *session = &loop->sessions[index];
    bool blocked;
    const size_t used = take_frames(loop, index, (struct bytes){session->in.data, session->in.size},
                                    share, &blocked);
    buffer_take(&session->in, used);
    if (used != 0) session->begun_ms = loop->steady_ms;
    if (blocked) note_waiting(loop, index);
    if (session->ended && !blocked && session->state == SESSION_OPEN && session->in.size != 0) {
        home_bad_stream(loop->home, index, FRAME_PARTIAL, 0);
        session->in.size = 0;
    }
}

/* Bytes that a frame which has begun still lacks, or as long as its head does, that; 0 when it can
 * be read. Does not look at its sum. */
static size_t frame_lacks(const struct buffer *in)
{
    if (in->size < FRAME_HEAD_SIZE) return FRAME_HEAD_SIZE - in->size;
    const uint32_t length = le_load32(in->data + 4);
    if (length > FRAME_PAYLOAD_MAX) return 0; /* That will be said when it is read. */
    return in->size - FRAME_HEAD_SIZE < length ? FRAME_HEAD_SIZE + length - in->size : 0;
}

/* Copies the end of the frame that has begun behind its beginning; gives what stands after it. */
static struct bytes complete_frame(struct loop *loop, struct buffer *in, struct bytes bytes)
{
    size_t lacks;
    while (bytes.size != 0 && (lacks = frame_lacks(in)) != 0) {
        const size_t size = lacks < bytes.size ? lacks : bytes.size;
        buffer_add(loop, in, bytes.data, size);
        bytes = (struct bytes){bytes.data + size, bytes.size - size};
    }
    return bytes;
}

/* A receive that was under way when the end began may still bring something. It is not taken: that
 * may need another loop, which has seen that all are quiet and is gone. */
static void take_received(struct loop *loop, uint32_t index, struct bytes bytes)
{
    struct session_io *session = &loop->sessions[index];
    if (session->state != SESSION_OPEN || loop_stopping(loop)) return;
    if (session->in.size == 0) {
        session->begun_ms = loop->steady_ms;
    } else if (loop->waiting.count == 0) {
        bytes = complete_frame(loop, &session->in, bytes);
        take_input(loop, index, SIZE_MAX);
    }
    if (session->in.size == 0 &&
        loop->waiting.count == 0) { /* Straight from the kernel's buffer. */
        bool blocked;
        const size_t used = take_frames(loop, index, bytes, SIZE_MAX, &blocked);
        buffer_add(loop, &session->in, bytes.data + used, bytes.size - used);
        if (blocked) note_waiting(loop, index);
    } else {
        buffer_add(loop, &session->in, bytes.data, bytes.size);
        if (session->waiting) {
            /* It has its place. */
        } else if (loop->waiting.count != 0 && frame_lacks(&session->in) == 0) {
            note_waiting(loop, index);
        }
    }
    keep_bound(loop);
}

/* Goes on with sessions whose frames had to wait, each at most once. */
bool sessions_take_waiting(struct loop *loop)
{
    size_t taken = 0;
    for (uint32_t left = loop->waiting.count;
         left > 0 && taken < TURN_BYTES && home_ready(loop->home); left--) {
        const uint32_t index = next_in_turn(loop, &loop->waiting);
        struct session_io *session = &loop->sessions[index];
        session->waiting = false;
        if (session->state != SESSION_OPEN) {
            session_release(loop, index);
            continue;
        }
        if (is_throttled(session)) {
            note_waiting(loop, index);
            continue;
        }
        const size_t before = session->in.size;
        /* May put it back at the end of its line; a new one, after one frame, in its province's. */
        take_input(loop, index, session->known ? SHARE_BYTES : 1);
        taken += before - session->in.size;
        if (!session->ended && !session->waiting) receive_more(loop, index);
        end_if_done(loop, index);
    }
    return taken != 0;
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
    crash_point("send-queued");
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
            session->progress_ms = loop->steady_ms;
            start_send(loop, index);
        }
        end_if_done(loop, index);
    }
    loop->dirty_count = 0;
    keep_bound(loop);
}

void sessions_on_sent(struct loop *loop, uint32_t index, int result)
{
    struct session_io *session = &loop->sessions[index];
    session->sending = false;
    if (result <= 0 || session->state != SESSION_OPEN) {
        session_close(loop, index);
        return;
    }
    session->progress_ms = loop->steady_ms;
    session->flight_done += (size_t)result;
    crash_point("sent");
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
    buffer_add(loop, &session->out, frame.data, frame.size);
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
    if (cqe->res == -ENOBUFS) loop->scarce_ms = loop->steady_ms;
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
        if (!session->waiting && !loop_stopping(loop)) take_input(loop, index, SIZE_MAX);
        note_dirty(loop, index);
    } else if (cqe->res < 0 && cqe->res != -ENOBUFS && cqe->res != -ECANCELED) {
        session_close(loop, index);
    } else if (session->waiting || loop_stopping(loop)) {
        /* Back-pressure: it is read again when the home has taken what is here. */
        if (session->receiving && !session->stopped && session->in.size > UNREAD_STOP) {
            session->stopped = true;
            loop_cancel(loop, TAG(OP_RECV, index));
        }
    } else {
        receive_more(loop, index);
    }
}

void session_open(struct loop *loop, uint32_t index, struct bytes first)
{
    struct session_io *session = &loop->sessions[index];
    session->state = SESSION_OPEN;
    session->progress_ms = loop->steady_ms;
    home_session_opened(loop->home, index);
    take_received(loop, index, first);
    if (session->state == SESSION_OPEN && !session->waiting) receive_more(loop, index);
}

/* -- the end --------------------------------------------------------------------------------- */

void sessions_tick(struct loop *loop)
{
    const int64_t before_ms = loop->steady_ms - loop->loops->stall_ms;
    for (uint32_t i = 0; i < loop->sessions_end; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_GREETING && session->begun_ms < before_ms) {
            session_refuse(loop, i, ERROR_MALFORMED, "no whole frame came; closing");
        } else if (session->state != SESSION_OPEN) {
            continue;
        } else if (session->sending && session->progress_ms < before_ms) {
            session_refuse(loop, i, ERROR_OVERLOAD, "");
        } else if (session->in.size != 0 && !session->waiting && session->begun_ms < before_ms) {
            session_refuse(loop, i, ERROR_MALFORMED, "a frame was begun and not ended; closing");
        } else {
            give_back(loop, session);
        }
    }
}

bool sessions_all_sent(const struct loop *loop)
{
    for (uint32_t i = 0; i < loop->sessions_end; i++) {
        const struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_OPEN && (session->sending || session->out.size != 0))
            return false;
    }
    return true;
}

void sessions_stop_reading(struct loop *loop)
{
    if (loop->accepting) loop_cancel(loop, TAG(OP_ACCEPT, 0));
    for (uint32_t i = 0; i < loop->sessions_end; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->state == SESSION_GREETING) {
            session_close(loop, i);
        } else if (session->state == SESSION_OPEN && session->receiving) {
            loop_cancel(loop, TAG(OP_RECV, i));
        }
    }
    /* Frames that arrived and were not taken are not answered: their senders ask again. */
    while (loop->waiting.count != 0)
        loop->sessions[next_in_turn(loop, &loop->waiting)].waiting = false;
    while (loop->starved.count != 0)
        loop->sessions[next_in_turn(loop, &loop->starved)].starved = false;
}

void sessions_free(struct loop *loop)
{
    for (uint32_t i = 0; i < LOOP_SESSIONS_MAX; i++) {
        struct session_io *session = &loop->sessions[i];
        if (session->fd >= 0) close(session->fd);
        buffer_free(loop, &session->in);
        buffer_free(loop, &session->out);
        buffer_free(loop, &session->flight);
    }
    free(loop->sessions);
    free(loop->free_sessions);
    free(loop->dirty);
}
