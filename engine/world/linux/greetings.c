/* greetings -- connections before they have a loop: who is let in, and where a connection belongs
 * by its first frame. Knows no home and takes no frame; then the connection is a session of its
 * loop. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "codec/centre.h"
#include "types/ensure.h"
#include "types/error.h"
#include "world/linux/crash_point.h"
#include "world/linux/loop_internal.h"

void sessions_accept(struct loop *loop)
{
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_multishot_accept(sqe, loop->loops->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    io_uring_sqe_set_data64(sqe, TAG(OP_ACCEPT, 0));
    loop->accepting = true;
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

static void greet(struct loop *loop, int fd)
{
    struct loops *loops = loop->loops;
    const bool full = atomic_fetch_add(&loops->connections, 1) >= loops->connections_max;
    const int64_t index = full ? -1 : session_new(loop, fd);
    if (index < 0) {
        tell_client(fd, ERROR_OVERLOAD, "too many connections; close some, or try again later");
        atomic_fetch_sub(&loops->connections, 1);
        close(fd);
        return;
    }
    struct session_io *session = &loop->sessions[index];
    session->state = SESSION_GREETING;
    session->begun_ms = loop->steady_ms;
    session->in.data = malloc(GREETING_SIZE);
    NEED_MEMORY(session->in.data);
    session->in.room = GREETING_SIZE;
    loop->buffer_bytes += GREETING_SIZE;
    arm_greeting(loop, (uint32_t)index);
}

static bool is_shortage(int result)
{
    return result == -EMFILE || result == -ENFILE || result == -ENOMEM || result == -ENOBUFS;
}

/* Who knocks stays in the kernel's queue: asking again at once would be a busy loop. */
static void accept_later(struct loop *loop, int error)
{
    loop->accept_ms = loop->steady_ms + TICK_MS;
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
        greet(loop, cqe->res);
        loop->accept_told = false;
    }
    if (is_shortage(cqe->res)) {
        accept_later(loop, -cqe->res);
    } else if (!loop->accepting && !loop_stopping(loop)) {
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
    buffer_free(loop, &session->in);
    crash_point("handover");
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
        struct buffer in = session->in;
        session->in = (struct buffer){0};
        session_open(loop, index, (struct bytes){in.data, in.size});
        buffer_free(loop, &in);
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
        crash_point("handed-over");
        const int64_t index = session_new(loop, list->fd);
        if (index < 0) {
            tell_client(list->fd, ERROR_OVERLOAD, "too many connections to this shard");
            close(list->fd);
            atomic_fetch_sub(&loop->loops->connections, 1);
        } else {
            session_open(loop, (uint32_t)index, (struct bytes){list->bytes, list->size});
        }
        free(list);
        list = next;
    }
}
