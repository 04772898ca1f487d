#include "tests/lib/fake_uring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib/unit.h"

#define WAKE_FD    1000000
#define SOCKET_FD  1100000 /* And the connection's number. */
#define FILE_FD    1200000 /* And the segment's. */
#define OPS_MAX    8192
#define OP_NONE    UINT32_MAX
#define STEPS_MAX  10000000 /* A driver that never comes to rest is stuck. */
#define POISON     0xdb
#define BUFFER_MAX 64

/* An operation with the kernel. */
struct op {
    bool used;
    bool started;
    struct io_uring_sqe sqe;
    uint32_t number;
    uint32_t next;       /* Behind a link; OP_NONE: nothing. */
    uint32_t steps_left; /* Others go first. */
    int64_t due_us;      /* Of a timeout. */
    uint8_t *bytes;      /* Of a write or send, as they were; the log's. */
};

struct fake fake;

static struct op ops[OPS_MAX];
static uint32_t active[OPS_MAX];
static uint32_t active_count;
static uint32_t op_numbers;
static struct io_uring *the_ring;
static struct io_uring_buf_ring *buffers;
static uint32_t buffer_count;
static uint16_t buffer_head;
static uint16_t buffer_seen; /* Up to here what was given back has been spoilt. */

/* -- the log ---------------------------------------------------------------------------------- */

static struct fake_event *log_add(enum fake_kind kind)
{
    if (fake.log_size == fake.log_room) {
        fake.log_room = fake.log_room * 2 + 1024;
        fake.log = realloc(fake.log, fake.log_room * sizeof *fake.log);
        assert_non_null(fake.log);
    }
    struct fake_event *event = &fake.log[fake.log_size++];
    *event = (struct fake_event){.kind = kind, .socket = UINT32_MAX};
    return event;
}

static uint32_t segment_of(int fd)
{
    return fd > FILE_FD && fd < FILE_FD + FAKE_SEGMENTS_MAX ? (uint32_t)(fd - FILE_FD) : 0;
}

static uint32_t socket_of(int fd)
{
    const bool is = fd >= SOCKET_FD && fd < SOCKET_FD + FAKE_SOCKETS_MAX;
    return is ? (uint32_t)(fd - SOCKET_FD) : UINT32_MAX;
}

static struct fake_event *log_op(enum fake_kind kind, const struct op *op)
{
    struct fake_event *event = log_add(kind);
    event->opcode = op->sqe.opcode;
    event->op = op->number;
    event->at_us = fake.now_us;
    event->segment = segment_of(op->sqe.fd);
    event->socket = socket_of(op->sqe.fd);
    event->rw_flags = op->sqe.opcode == IORING_OP_WRITE ? (uint32_t)op->sqe.rw_flags : 0;
    event->offset = op->sqe.off;
    event->size = op->sqe.len;
    return event;
}

/* -- beginning and end ------------------------------------------------------------------------ */

static void free_ring(struct io_uring *ring)
{
    free(ring->sq.sqes);
    free(ring->sq.khead);
    free(ring->cq.cqes);
    free(ring->cq.khead);
    memset(ring, 0, sizeof *ring);
    the_ring = NULL;
}

void fake_free(void)
{
    if (the_ring != NULL) free_ring(the_ring);
    for (uint32_t i = 0; i < fake.socket_count; i++) {
        free(fake.sockets[i].said);
        free(fake.sockets[i].heard);
    }
    for (size_t i = 0; i < fake.log_size; i++)
        free(fake.log[i].bytes);
    free(fake.log);
    memset(&fake, 0, sizeof fake);
}

void fake_begin(uint64_t seed)
{
    fake_free();
    memset(ops, 0, sizeof ops);
    active_count = op_numbers = 0;
    buffers = NULL;
    fake.prng.state = seed;
    fake.now_us = INT64_C(1735660800000000);
}

int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *p)
{
    assert_null(the_ring);
    memset(ring, 0, sizeof *ring);
    if (fake.sq_entries != 0) entries = fake.sq_entries;
    ring->sq.ring_entries = entries;
    ring->sq.ring_mask = entries - 1;
    ring->sq.sqes = calloc(entries, sizeof *ring->sq.sqes);
    ring->sq.khead = calloc(2, sizeof(unsigned));
    ring->cq.ring_entries = p->cq_entries != 0 ? p->cq_entries : 2 * entries;
    ring->cq.ring_mask = ring->cq.ring_entries - 1;
    ring->cq.cqes = calloc(ring->cq.ring_entries, sizeof *ring->cq.cqes);
    ring->cq.khead = calloc(2, sizeof(unsigned));
    assert_non_null(ring->sq.sqes);
    assert_non_null(ring->sq.khead);
    assert_non_null(ring->cq.cqes);
    assert_non_null(ring->cq.khead);
    ring->sq.ktail = ring->sq.khead + 1;
    ring->cq.ktail = ring->cq.khead + 1;
    the_ring = ring;
    return 0;
}

void io_uring_queue_exit(struct io_uring *ring)
{
    assert_ptr_equal(ring, the_ring);
    free_ring(ring);
    memset(ops, 0, sizeof ops); /* The kernel gives up whatever it still had. */
    active_count = 0;
}

int io_uring_register_ring_fd(struct io_uring *ring)
{
    (void)ring;
    return 0;
}

int io_uring_register_buf_ring(struct io_uring *ring, struct io_uring_buf_reg *reg,
                               unsigned int flags)
{
    (void)ring;
    (void)flags;
    buffers = (struct io_uring_buf_ring *)(uintptr_t)reg->ring_addr;
    buffer_count = reg->ring_entries;
    assert_in_range(buffer_count, 1, BUFFER_MAX);
    buffer_head = buffer_seen = 0;
    return 0;
}

/* -- operations ------------------------------------------------------------------------------- */

static bool carries_bytes(const struct op *op)
{
    return op->sqe.opcode == IORING_OP_WRITE || op->sqe.opcode == IORING_OP_SEND;
}

static void start(struct op *op)
{
    op->started = true;
    const uint32_t steps = fake.chances.delay_steps;
    op->steps_left = steps == 0 ? 0 : (uint32_t)prng_below(&fake.prng, steps + 1);
    if (op->sqe.opcode == IORING_OP_TIMEOUT) {
        const struct __kernel_timespec *wait =
            (const struct __kernel_timespec *)(uintptr_t)op->sqe.addr;
        op->due_us = fake.now_us + wait->tv_sec * 1000000 + wait->tv_nsec / 1000;
    }
    struct fake_event *event = log_op(FAKE_START, op);
    if (event->segment != 0 && !fake.prepared[event->segment])
        fail_msg("segment %u is used before it was prepared", event->segment);
    if (event->socket != UINT32_MAX && fake.sockets[event->socket].closed)
        fail_msg("connection %u is used after its close", event->socket);
    if (!carries_bytes(op)) return;
    event->bytes = malloc(op->sqe.len);
    assert_non_null(event->bytes);
    memcpy(event->bytes, (const void *)(uintptr_t)op->sqe.addr, op->sqe.len);
    op->bytes = event->bytes;
}

static void complete(const struct op *op, int result, uint32_t flags)
{
    struct io_uring_cq *cq = &the_ring->cq;
    assert_in_range(*cq->ktail - *cq->khead, 0, cq->ring_entries - 1);
    cq->cqes[*cq->ktail & cq->ring_mask] =
        (struct io_uring_cqe){.user_data = op->sqe.user_data, .res = result, .flags = flags};
    (*cq->ktail)++;
    log_op(FAKE_END, op)->result = result;
}

static void drop(struct op *op)
{
    for (uint32_t i = 0; i < active_count; i++) {
        if (&ops[active[i]] != op) continue;
        active[i] = active[--active_count];
        break;
    }
    op->used = false;
}

/* An operation has ended for good: what is linked to it begins, or is cancelled. */
static void end(struct op *op, int result, bool whole)
{
    if (carries_bytes(op) && result != -ECANCELED &&
        memcmp(op->bytes, (const void *)(uintptr_t)op->sqe.addr, op->sqe.len) != 0)
        fail_msg("bytes were changed while the kernel had them");
    complete(op, result, 0);
    struct op *next = op->next == OP_NONE ? NULL : &ops[op->next];
    drop(op);
    if (next == NULL) return;
    if (whole) {
        start(next);
    } else {
        end(next, -ECANCELED, false);
    }
}

static void do_write(struct op *op)
{
    fake.writes++;
    if (fake.writes == fake.fail_write) {
        end(op, fake.fail_error, false);
        return;
    }
    uint32_t size = op->sqe.len;
    if (prng_chance(&fake.prng, fake.chances.short_write))
        size = 1 + (uint32_t)prng_below(&fake.prng, size);
    end(op, (int)size, size == op->sqe.len);
}

static void do_sync(struct op *op)
{
    fake.syncs++;
    const bool fails = fake.syncs == fake.fail_sync;
    end(op, fails ? fake.fail_error : 0, !fails);
}

static void do_accept(struct op *op)
{
    if (fake.accept_fails != 0) {
        fake.accept_fails--;
        end(op, -EMFILE, false);
        return;
    }
    uint32_t i = 0;
    while (!fake.sockets[i].used || fake.sockets[i].accepted)
        i++;
    fake.sockets[i].accepted = true;
    complete(op, SOCKET_FD + (int)i, IORING_CQE_F_MORE);
}

static void spoil_given_buffers(void)
{
    if (buffers == NULL) return;
    for (; buffer_seen != buffers->tail; buffer_seen++) {
        const struct io_uring_buf *buffer = &buffers->bufs[buffer_seen & (buffer_count - 1)];
        memset((void *)(uintptr_t)buffer->addr, POISON, buffer->len);
    }
}

static size_t receive_size(size_t there, size_t room)
{
    size_t size = there < room ? there : room;
    if (size > 1 && prng_chance(&fake.prng, fake.chances.small_receive))
        size = 1 + prng_below(&fake.prng, size < 100 ? size : 100);
    return size;
}

static void do_receive(struct op *op)
{
    struct fake_socket *socket = &fake.sockets[socket_of(op->sqe.fd)];
    const size_t there = socket->said_size - socket->taken;
    const bool selects = (op->sqe.flags & IOSQE_BUFFER_SELECT) != 0;
    if (socket->broken) {
        end(op, -ECONNRESET, false);
        return;
    }
    if (socket->shut || there == 0) {
        end(op, 0, false);
        return;
    }
    if (!selects) {
        const size_t size = receive_size(there, op->sqe.len);
        memcpy((void *)(uintptr_t)op->sqe.addr, socket->said + socket->taken, size);
        socket->taken += size;
        end(op, (int)size, true);
        return;
    }
    if (buffer_head == buffers->tail) {
        end(op, -ENOBUFS, false);
        return;
    }
    const struct io_uring_buf *buffer = &buffers->bufs[buffer_head++ & (buffer_count - 1)];
    const size_t size = receive_size(there, buffer->len);
    memcpy((void *)(uintptr_t)buffer->addr, socket->said + socket->taken, size);
    socket->taken += size;
    const uint32_t flags = IORING_CQE_F_BUFFER | (uint32_t)buffer->bid << IORING_CQE_BUFFER_SHIFT;
    if ((op->sqe.ioprio & IORING_RECV_MULTISHOT) != 0) {
        complete(op, (int)size, flags | IORING_CQE_F_MORE);
    } else {
        complete(op, (int)size, flags);
        drop(op);
    }
}

/* The client gets so many bytes. */
static void hear(struct fake_socket *socket, const void *bytes, size_t size)
{
    if (socket->heard_size + size > socket->heard_room) {
        socket->heard_room = 2 * (socket->heard_size + size);
        socket->heard = realloc(socket->heard, socket->heard_room);
        assert_non_null(socket->heard);
    }
    memcpy(socket->heard + socket->heard_size, bytes, size);
    socket->heard_size += size;
    if (socket->window != SIZE_MAX) socket->window -= size;
}

static void do_send(struct op *op)
{
    struct fake_socket *socket = &fake.sockets[socket_of(op->sqe.fd)];
    if (socket->shut || socket->broken) {
        end(op, -EPIPE, false);
        return;
    }
    size_t size = op->sqe.len < socket->window ? op->sqe.len : socket->window;
    if (prng_chance(&fake.prng, fake.chances.short_send)) size = 1 + prng_below(&fake.prng, size);
    hear(socket, (const void *)(uintptr_t)op->sqe.addr, size);
    end(op, (int)size, size == op->sqe.len);
}

static void do_cancel(struct op *op)
{
    struct op *found = NULL;
    for (uint32_t i = 0; i < active_count && found == NULL; i++) {
        struct op *other = &ops[active[i]];
        if (other != op && other->started && other->sqe.user_data == op->sqe.addr) found = other;
    }
    const int result = found != NULL ? 0 : -ENOENT;
    end(op, result, false);
    if (found != NULL) end(found, -ECANCELED, false);
}

static bool ready(const struct op *op)
{
    if (!op->started || op->steps_left != 0) return false;
    const uint32_t number = socket_of(op->sqe.fd);
    const struct fake_socket *socket = number == UINT32_MAX ? NULL : &fake.sockets[number];
    switch (op->sqe.opcode) {
    case IORING_OP_WRITE:
        return !fake.writes_held;
    case IORING_OP_READ:
        return fake.wakes != 0;
    case IORING_OP_TIMEOUT:
        return fake.now_us >= op->due_us;
    case IORING_OP_ACCEPT:
        for (uint32_t i = 0; i < fake.socket_count; i++) {
            if (fake.sockets[i].used && !fake.sockets[i].accepted) return true;
        }
        return false;
    case IORING_OP_RECV:
        return socket->taken < socket->said_size || socket->ended || socket->shut || socket->broken;
    case IORING_OP_SEND:
        return socket->window != 0 || socket->shut || socket->broken;
    default:
        return true;
    }
}

static void carry_out(struct op *op)
{
    switch (op->sqe.opcode) {
    case IORING_OP_WRITE:
        do_write(op);
        return;
    case IORING_OP_FSYNC:
        do_sync(op);
        return;
    case IORING_OP_READ:
        memcpy((void *)(uintptr_t)op->sqe.addr, &fake.wakes, sizeof fake.wakes);
        fake.wakes = 0;
        end(op, sizeof fake.wakes, true);
        return;
    case IORING_OP_TIMEOUT:
        end(op, -ETIME, false);
        return;
    case IORING_OP_ACCEPT:
        do_accept(op);
        return;
    case IORING_OP_RECV:
        do_receive(op);
        return;
    case IORING_OP_SEND:
        do_send(op);
        return;
    case IORING_OP_ASYNC_CANCEL:
        do_cancel(op);
        return;
    default:
        fail_msg("operation %u is not one that the driver has", op->sqe.opcode);
    }
}

/* One operation goes on. False when none can. */
static bool step(void)
{
    static uint32_t list[OPS_MAX];
    uint32_t count = 0;
    bool waits = false;
    spoil_given_buffers();
    for (uint32_t i = 0; i < active_count; i++) {
        struct op *op = &ops[active[i]];
        if (ready(op)) list[count++] = active[i];
        if (op->started && op->steps_left != 0) {
            op->steps_left--;
            waits = true;
        }
    }
    if (count == 0) return waits;
    carry_out(&ops[list[prng_below(&fake.prng, count)]]);
    return true;
}

/* Nothing can go on: the next timeout is what happens next. */
static bool leap(void)
{
    int64_t first = INT64_MAX;
    for (uint32_t i = 0; i < active_count; i++) {
        const struct op *op = &ops[active[i]];
        if (op->sqe.opcode == IORING_OP_TIMEOUT && op->due_us < first) first = op->due_us;
    }
    if (first == INT64_MAX) return false;
    if (first > fake.now_us) fake.now_us = first;
    return true;
}

uint32_t fake_under_way(uint8_t opcode)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < active_count; i++)
        count += ops[active[i]].sqe.opcode == opcode;
    return count;
}

static bool has_completions(void)
{
    return *the_ring->cq.khead != *the_ring->cq.ktail;
}

void fake_run(void)
{
    while (!has_completions() && step()) {
    }
}

/* -- submissions ------------------------------------------------------------------------------ */

static struct op *op_new(const struct io_uring_sqe *sqe)
{
    for (uint32_t i = 0; i < OPS_MAX; i++) {
        if (ops[i].used) continue;
        ops[i] = (struct op){.used = true, .sqe = *sqe, .number = ++op_numbers, .next = OP_NONE};
        active[active_count++] = i;
        return &ops[i];
    }
    fail_msg("too many operations with the kernel");
    return NULL;
}

/* Takes so many entries; a chain ends where the submission does. */
static void take(struct io_uring *ring, uint32_t count)
{
    struct op *before = NULL;
    for (uint32_t i = 0; i < count; i++) {
        const struct io_uring_sqe *sqe = &ring->sq.sqes[(*ring->sq.khead)++ & ring->sq.ring_mask];
        struct op *op = op_new(sqe);
        if (before != NULL) {
            before->next = (uint32_t)(op - ops);
        } else {
            start(op);
        }
        before = (sqe->flags & IOSQE_IO_LINK) != 0 ? op : NULL;
    }
}

int io_uring_submit(struct io_uring *ring)
{
    const uint32_t there = io_uring_sq_ready(ring);
    uint32_t count = there;
    spoil_given_buffers();
    if (there == 0) return 0;
    if (prng_chance(&fake.prng, fake.chances.submit_fails))
        return prng_chance(&fake.prng, 500) ? -EAGAIN : -EBUSY;
    if (prng_chance(&fake.prng, fake.chances.submit_partial))
        count = 1 + (uint32_t)prng_below(&fake.prng, there);
    take(ring, count);
    return (int)count;
}

int io_uring_submit_and_get_events(struct io_uring *ring)
{
    const int r = io_uring_submit(ring);
    fake.now_us += 1 + (int64_t)prng_below(&fake.prng, 50);
    for (uint64_t steps = prng_below(&fake.prng, 4); steps > 0; steps--)
        (void)step();
    if (fake.around != NULL && prng_chance(&fake.prng, 300)) (void)fake.around(fake.context);
    return r;
}

int io_uring_submit_and_wait(struct io_uring *ring, unsigned wait_nr)
{
    const uint32_t there = io_uring_sq_ready(ring);
    const int r = io_uring_submit(ring);
    assert_int_equal(wait_nr, 1);
    if (r != (int)there) return r; /* What is left over is not waited behind. */
    if (r == 0 && prng_chance(&fake.prng, fake.chances.interrupted)) return -EINTR;
    /* More than one completion may be there. */
    uint64_t steps = prng_below(&fake.prng, prng_chance(&fake.prng, fake.chances.burst) ? 200 : 4);
    for (uint32_t tries = 0; !has_completions() || steps-- > 0; tries++) {
        fake.now_us += 1 + (int64_t)prng_below(&fake.prng, 50);
        bool any = fake.around != NULL && prng_chance(&fake.prng, 300) && fake.around(fake.context);
        any |= step();
        if (any) continue;
        if (has_completions()) break;
        if (fake.around != NULL && fake.around(fake.context)) continue;
        if (!leap()) fail_msg("the driver waits and nothing can come");
        if (tries > STEPS_MAX) fail_msg("the driver waits for ever");
    }
    return r;
}

/* -- plain calls ------------------------------------------------------------------------------ */

int __real_open64(const char *path, int flags, ...);
int __wrap_open64(const char *path, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __wrap_shutdown(int fd, int how);
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags);
int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size);
int __wrap_eventfd(unsigned count, int flags);
ssize_t __real_write(int fd, const void *bytes, size_t size);
ssize_t __wrap_write(int fd, const void *bytes, size_t size);
int __real_clock_gettime(clockid_t clock, struct timespec *ret_time);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time);
_Noreturn void __wrap__exit(int code);

int __wrap_open64(const char *path, int flags, ...)
{
    const char *name = strrchr(path, '/');
    unsigned number = 0;
    int rest = 0;
    if (name == NULL || sscanf(name, "/%8u.qfj%n", &number, &rest) != 1 || name[rest] != '\0') {
        va_list list;
        va_start(list, flags);
        const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
        va_end(list);
        return __real_open64(path, flags, mode);
    }
    assert_in_range(number, 1, FAKE_SEGMENTS_MAX - 1);
    if (!fake.prepared[number]) {
        errno = ENOENT;
        return -1;
    }
    return FILE_FD + (int)number;
}

int __wrap_close(int fd)
{
    if (segment_of(fd) == 0 && socket_of(fd) == UINT32_MAX)
        return fd == WAKE_FD || fd == FAKE_LISTEN_FD ? 0 : __real_close(fd);
    for (uint32_t i = 0; i < active_count; i++) {
        if (ops[active[i]].sqe.fd == fd) fail_msg("handle %d is closed under an operation", fd);
    }
    struct fake_event *event = log_add(FAKE_CLOSED);
    event->segment = segment_of(fd);
    event->socket = socket_of(fd);
    if (event->socket != UINT32_MAX) {
        assert_false(fake.sockets[event->socket].closed);
        fake.sockets[event->socket].closed = true;
    }
    return 0;
}

/* What the driver says past the ring: as much as there is room for at once. */
ssize_t __wrap_send(int fd, const void *bytes, size_t size, int flags)
{
    assert_true((flags & MSG_DONTWAIT) != 0);
    struct fake_socket *socket = &fake.sockets[socket_of(fd)];
    if (socket->shut || socket->broken || socket->closed) return -1;
    if (size > socket->window) size = socket->window;
    hear(socket, bytes, size);
    return (ssize_t)size;
}

int __wrap_shutdown(int fd, int how)
{
    assert_int_equal(how, SHUT_RDWR);
    assert_int_not_equal(socket_of(fd), UINT32_MAX);
    fake.sockets[socket_of(fd)].shut = true;
    return 0;
}

int __wrap_setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
    (void)level;
    (void)name;
    (void)value;
    (void)size;
    assert_int_not_equal(socket_of(fd), UINT32_MAX);
    return 0;
}

int __wrap_eventfd(unsigned count, int flags)
{
    (void)flags;
    fake.wakes = count;
    return WAKE_FD;
}

ssize_t __wrap_write(int fd, const void *bytes, size_t size)
{
    if (fd != WAKE_FD) return __real_write(fd, bytes, size);
    assert_int_equal(size, sizeof(uint64_t));
    fake.wakes++;
    return (ssize_t)size;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_time)
{
    if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
        return __real_clock_gettime(clock, ret_time);
    const int64_t now_us = fake.now_us + (clock == CLOCK_REALTIME ? fake.wall_ahead_us : 0);
    *ret_time = (struct timespec){.tv_sec = now_us / 1000000, .tv_nsec = now_us % 1000000 * 1000};
    return 0;
}

_Noreturn void __wrap__exit(int code)
{
    if (fake.end == NULL) fail_msg("the process ends with %d", code);
    longjmp(*fake.end, 1);
}

/* -- clients ---------------------------------------------------------------------------------- */

uint32_t fake_connect(void)
{
    assert_in_range(fake.socket_count, 0, FAKE_SOCKETS_MAX - 1);
    fake.sockets[fake.socket_count] = (struct fake_socket){.used = true, .window = SIZE_MAX};
    return fake.socket_count++;
}

void fake_say(uint32_t socket, const void *bytes, size_t size)
{
    struct fake_socket *from = &fake.sockets[socket];
    if (from->said_size + size > from->said_room) {
        from->said_room = 2 * (from->said_size + size);
        from->said = realloc(from->said, from->said_room);
        assert_non_null(from->said);
    }
    memcpy(from->said + from->said_size, bytes, size);
    from->said_size += size;
}
