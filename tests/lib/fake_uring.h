/* fake_uring -- liburing as far as engine/world/linux uses it, with no kernel behind it and a log
 * of everything that was asked of it.
 *
 * Linked instead of -luring, with --wrap for the few plain calls of the driver (tests/unit/world/
 * meson.build lists them). It fills the rings in plain memory, so that liburing's inline functions
 * work on them, and carries the operations out against a model: journal segments, connections, an
 * eventfd, a clock. A seed chooses what is left to the kernel: which operation goes on next, how
 * many bytes a write or a send takes, how much of a submission is accepted, when a call is
 * interrupted. Only what the kernel may do is done:
 *
 *   LINKS   An operation behind a link begins when the one before it has done all it was asked for;
 *           else it is cancelled. A submission that is accepted in part ends a chain where it ends.
 *   BYTES   Those of a write or a send are the kernel's until its completion: a change in between
 *           is a failure of the test. Received bytes are spoilt as soon as their buffer is given
 *           back.
 *   ORDER   Completions come in any order but that of a link.
 *
 * One ring at a time, one thread. A broken promise of the fake's user is fail_msg(). */
#ifndef TESTS_LIB_FAKE_URING_H
#define TESTS_LIB_FAKE_URING_H

#include <liburing.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/lib/prng.h"

#define FAKE_SEGMENTS_MAX 512
#define FAKE_SOCKETS_MAX  512
#define FAKE_LISTEN_FD    1000001

enum fake_kind {
    FAKE_START,  /* The kernel may begin with the operation from here on. */
    FAKE_END,    /* Its completion, with `result`. */
    FAKE_CLOSED, /* close() of one of the fake's handles. */
};

struct fake_event {
    enum fake_kind kind;
    uint8_t opcode; /* IORING_OP_… */
    uint32_t op;    /* The same number at start and end. */
    int64_t at_us;
    int result;        /* Of FAKE_END. */
    uint32_t segment;  /* Of a journal file, 0: it is none. */
    uint32_t socket;   /* Of a connection, UINT32_MAX: it is none. */
    uint32_t rw_flags; /* Of a write. */
    uint64_t offset;
    size_t size;
    uint8_t *bytes; /* Of writes and sends, at their start; the log's. */
};

/* A connection, as its client sees it. */
struct fake_socket {
    bool used;
    bool accepted;
    bool closed; /* By the driver. */
    bool shut;   /* Also by it: shutdown(). */
    bool ended;  /* The client says no more. */
    bool broken; /* The client is gone: a reset. */
    uint8_t *said;
    size_t said_size;
    size_t said_room;
    size_t taken; /* Bytes of `said` that the driver has. */
    uint8_t *heard;
    size_t heard_size;
    size_t heard_room;
    size_t window; /* Bytes the client still takes; SIZE_MAX: all. */
};

/* What may happen; chances of 1000. All 0: everything goes well and at once. */
struct fake_chances {
    uint32_t short_write;
    uint32_t short_send;
    uint32_t submit_fails;   /* EAGAIN or EBUSY, nothing taken. */
    uint32_t submit_partial; /* Some of the queue is taken. */
    uint32_t interrupted;    /* EINTR, while waiting. */
    uint32_t delay_steps;    /* Up to so many others go first. */
    uint32_t small_receive;  /* A receive takes a few bytes only. */
    uint32_t burst;          /* Many operations end before the driver hears of one. */
};

struct fake {
    struct prng prng;
    struct fake_chances chances;
    uint32_t sq_entries;   /* Instead of what is asked for; 0: that. */
    uint32_t fail_write;   /* This write, counted from 1, ends with `fail_error`; 0: none. */
    uint32_t fail_sync;    /* The same of a sync. */
    int fail_error;        /* A negative errno. */
    uint32_t accept_fails; /* So many accepts end with EMFILE. */
    bool writes_held;      /* The disk does not go on. */

    /* Called now and then while the driver waits: the world around it. True when it did anything.
     */
    bool (*around)(void *context);
    void *context;

    int64_t now_us;
    int64_t wall_ahead_us; /* The system's clock before the steady one. */
    uint64_t wakes;        /* In the eventfd. */
    uint32_t writes;
    uint32_t syncs;
    bool prepared[FAKE_SEGMENTS_MAX];
    struct fake_socket sockets[FAKE_SOCKETS_MAX];
    uint32_t socket_count;

    struct fake_event *log;
    size_t log_size;
    size_t log_room;

    jmp_buf *end; /* Where _exit() leads; NULL: it is a failure. */
};

extern struct fake fake;

/* Forgets everything and begins anew. */
void fake_begin(uint64_t seed);

/* Frees what the fake holds, the ring too when it was left behind. */
void fake_free(void);

/* Lets operations go on until the completion queue has something or nothing can. */
void fake_run(void);

/* A client: connects, says, ends, goes. */
uint32_t fake_connect(void);
void fake_say(uint32_t socket, const void *bytes, size_t size);

/* Operations with the kernel, by opcode. */
uint32_t fake_under_way(uint8_t opcode);

#endif
