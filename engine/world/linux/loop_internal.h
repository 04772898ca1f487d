/* loop_internal -- what loop.c and sessions.c share; nobody else includes it. */
#ifndef WORLD_LINUX_LOOP_INTERNAL_H
#define WORLD_LINUX_LOOP_INTERNAL_H

#include <liburing.h>
#include <pthread.h>

#include "types/province.h"
#include "world/linux/journal_writer.h"
#include "world/linux/keeper.h"
#include "world/linux/loop.h"
#include "world/linux/timings.h"

#define RING_ENTRIES        4096
#define RECV_BUFFERS        16 /* 16 x 64 KiB: one shared pool that stays in the second-level cache. */
#define RECV_BUFFER_SIZE    65536
#define RECV_GROUP          0
#define GREETING_SIZE       4096 /* A Hello is shorter; what else comes first is not waited for. */
#define OUT_THROTTLE        (1u << 20) /* A session with more unsent bytes is not read. */
#define OUT_RESUME          (256u << 10)
#define UNREAD_STOP         (128u << 10) /* Nor is one that waits its turn with so much. */
#define SHARE_BYTES         (64u << 10)  /* Of frames, at a session's turn; one frame at least. */
#define TURN_BYTES          (128u << 10) /* Of frames that waited, in a turn of the loop. */
#define TURN_RECEIVES       8    /* Begun in a turn while buffers are scarce: half of them. */
#define SCARCE_MS           1000 /* So long after one was missing, buffers are scarce. */
#define KEPT_ROOM           (64u << 10) /* Of an empty buffer. */
#define DRAIN_MS            5000        /* After the last decision, unsent answers get this long. */
#define TICK_MS             1000
#define MERGE_FAILURES_TOLD 5 /* In a row: a second. */

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

#define LINES       (PROVINCE_COUNT + 2)
#define LINE_CENTRE PROVINCE_COUNT       /* Sessions that speak for all. */
#define LINE_NEW    (PROVINCE_COUNT + 1) /* Of whom no frame was taken yet: Hello may be in it. */

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
    bool waiting;         /* In a line of sessions whose frames have to wait their turn. */
    bool known;           /* A frame of it was taken. */
    bool starved;         /* In a line of sessions that wait for a receive buffer. */
    bool stopped;         /* The kernel was asked to give up the receive. */
    bool dirty;           /* In the list of sessions with something to send. */
    struct buffer in;     /* Received, not yet taken. */
    struct buffer out;    /* Queued. */
    struct buffer flight; /* Being sent. */
    size_t flight_done;
    int64_t progress_ms; /* Last time the client took something, steady clock. */
    int64_t begun_ms;    /* When the first byte of `in` came; of a greeting, the connection. */
    uint32_t behind;     /* The session behind it in its line; SESSION_NONE: none. */
};

#define SESSION_NONE UINT32_MAX

/* Sessions that wait: for each province a line, in order of arrival. */
struct lines {
    struct {
        uint32_t first; /* SESSION_NONE: nobody. */
        uint32_t last;
    } of[LINES];
    uint32_t turn;  /* The line whose turn it was. */
    uint32_t count; /* Sessions in all of them. */
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
    struct timings timings;
    uint64_t append_ns; /* When the block on its way was ordered, by timings_clock(). */
    int wake_fd;
    uint64_t wake_value;
    _Atomic bool sleeping;
    pthread_mutex_t handover_mutex;
    struct handover *handovers; /* Newest first. */
    _Atomic bool handover_waits;

    struct session_io *sessions;
    uint32_t *free_sessions; /* The lowest is given away first. */
    uint32_t free_count;
    uint32_t sessions_end; /* No session from here on was ever used. */
    struct lines waiting;  /* With frames that have to wait their turn. */
    struct lines starved;  /* To be read, when there is a buffer for them. */
    int64_t scarce_ms;     /* When a receive last found no buffer. */
    uint64_t buffer_bytes; /* Of all sessions' buffers. */
    uint32_t *dirty;
    uint32_t dirty_count;
    uint32_t next_home; /* Round robin for connections without a wish. */

    struct __kernel_timespec tick;
    int64_t now_ms;  /* The system's clock, which may be set: for the home, and what is due when. */
    uint64_t now_us; /* The steady clock, and … */
    int64_t steady_ms;       /* … the same; all times below and of sessions are by it. */
    int64_t checkpoint_ms;   /* When one was last asked for. */
    int64_t drain_ms;        /* When everything was decided, while stopping; 0: not yet. */
    int64_t stop_ms;         /* When it was told to stop; 0: it was not. */
    int64_t accept_ms;       /* No new connection is accepted before, for want of handles. */
    uint32_t merge_failures; /* In a row. */
    bool accepting;
    bool accept_told; /* That there are no handles for connections; until there are. */
    bool counted_quiet;
    bool ready;
};

/* True from SIGTERM on: what is here is finished, and nothing more is taken. */
static inline bool loop_stopping(const struct loop *loop)
{
    return atomic_load(&loop->loops->stopping);
}

/* -- loop.c --------------------------------------------------------------------------------- */

/* A place in the submission queue; what waits there is let go when it is full. */
struct io_uring_sqe *loop_sqe(struct loop *loop);

/* Asks the kernel to give up the operation with that tag. */
void loop_cancel(struct loop *loop, uint64_t tag);

/* -- sessions.c ----------------------------------------------------------------------------- */

/* Gives a receive buffer to the kernel (again). */
void sessions_give_buffer(struct loop *loop, uint32_t id);

/* Queues a frame for a session; ends one when everything queued is sent. */
void sessions_queue(struct loop *loop, uint32_t index, struct bytes frame);
void sessions_end(struct loop *loop, uint32_t index);

/* Completions, by kind. */
void sessions_on_received(struct loop *loop, uint32_t index, const struct io_uring_cqe *cqe);
void sessions_on_sent(struct loop *loop, uint32_t index, int result);

/* Parts of a turn: receives that had to wait for buffers, frames that had to wait (true when one
 * went on), what is to be sent. */
bool sessions_receive(struct loop *loop);
bool sessions_take_waiting(struct loop *loop);
void sessions_send(struct loop *loop);

/* Once a tick: closes the sessions whose clients do not finish what they began, or take nothing any
 * more; gives back memory; accepts again after it could not. */
void sessions_tick(struct loop *loop);

/* No session waits. */
void sessions_init(struct loop *loop);

/* While draining: nothing is read any more; true when nothing is left to be sent. */
void sessions_stop_reading(struct loop *loop);
bool sessions_all_sent(const struct loop *loop);

/* Frees what the sessions hold, at the very end. */
void sessions_free(struct loop *loop);

/* For greetings.c: a session for a connection, -1 when there are too many; it is the loop's own
 * from here on, with the bytes that came first; it is closed as soon as the kernel holds nothing of
 * it. */
int64_t session_new(struct loop *loop, int fd);
void session_open(struct loop *loop, uint32_t index, struct bytes first);
void session_close(struct loop *loop, uint32_t index);
void buffer_free(struct loop *loop, struct buffer *buffer);

/* Tells a client why it is closed, as far as its socket takes it at once. */
void tell_client(int fd, uint32_t code, const char *why);

/* -- greetings.c ---------------------------------------------------------------------------- */

/* Begins to accept connections. */
void sessions_accept(struct loop *loop);

/* Completions, by kind. */
void sessions_on_accept(struct loop *loop, const struct io_uring_cqe *cqe);
void sessions_on_greeting(struct loop *loop, uint32_t index, int result);

/* Part of a turn: connections from loop 0. */
void sessions_take_handovers(struct loop *loop);

#endif
