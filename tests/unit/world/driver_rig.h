/* driver_rig -- one whole engine of one shard in the test's own thread: loop, sessions, journal
 * writer, home and shard as they are, on the fake ring.
 *
 * The keeper's work is done in place when the world around says so; the state is a real store that
 * is not synced, in a folder of its own. rig_run() is the thread's function: it comes back when the
 * engine has drained, or when the process would have ended. */
#ifndef TESTS_UNIT_WORLD_DRIVER_RIG_H
#define TESTS_UNIT_WORLD_DRIVER_RIG_H

#include "tests/lib/fake_uring.h"
#include "world/linux/loop_internal.h"

#define DRIVER_STALL_MS     60000
#define DRIVER_BUFFER_BYTES (8u << 20)

struct driver_rig {
    struct loops loops;
    struct loop *loop;
    struct journal_folder folder;
    struct store *store;
    char path[64];
    struct merge *merge; /* Asked for. */
    bool merge_done;
    uint32_t prepare; /* Segment asked for; 0: none. */
    bool prepare_done;
    int prepare_status;
    uint32_t disk_full; /* So many segments cannot be prepared. */
    uint32_t segments_waited;
};

extern struct driver_rig driver;

/* Makes the engine; the fake has begun. */
void driver_open(bool dsync);

/* Runs until drained; false when the process ended itself. */
bool driver_run(void);

/* SIGTERM. */
void driver_stop(void);

/* One piece of the keeper's work; false when there is none. */
bool driver_keep(void);

/* Frees everything, also after the process "ended". Ends the fake's run, too. */
void driver_close(void);

#endif
