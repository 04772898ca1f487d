/* loop -- one shard's thread: its ring, its connections, its journal.
 *
 * Everything nondeterministic enters here and goes through the home's door (engine.h). A turn is
 * always the same: completions, frames, the home's turn, sends. What has arrived is one batch;
 * there is no timer on the way of a message. */
#ifndef WORLD_LINUX_LOOP_H
#define WORLD_LINUX_LOOP_H

#include <stdatomic.h>

#include "engine.h"
#include "world/linux/segments.h"

struct loop;

/* What all loops share. */
struct loops {
    uint32_t count;
    struct loop *list[64];
    struct engine *engine;
    int listen_fd; /* Accepted by loop 0; -1: not yet. */
    bool manual_clock;
    uint32_t checkpoint_seconds; /* A checkpoint at least this often while anything changes. */
    uint32_t connections_max;    /* Of all loops; more are refused. */
    int64_t stall_ms;            /* A client that does not go on for so long is closed. */
    uint64_t buffer_bytes_max;   /* Unread and unsent bytes of one loop's connections. */
    _Atomic uint32_t connections;
    _Atomic bool stopping;  /* SIGTERM: drain. */
    _Atomic uint32_t ready; /* Loops that run and, for 0, are level. */
    _Atomic uint32_t quiet; /* Loops with nothing under way, while draining. */
};

#define LOOP_SESSIONS_MAX 12288 /* Connections a loop owns. */

/* Makes a loop for shard `index`, which has replayed its journal up to `scan`. Takes the shard.
 * NULL without memory or handles, with the reason on stderr. */
struct loop *loop_new(struct loops *loops, uint32_t index, struct shard *shard,
                      const struct journal_folder *folder, const struct journal_scan *scan);

/* The thread's function: runs the loop in `context` until drained. */
void *loop_run(void *context);

/* Makes a sleeping loop take a turn. Any thread. */
void loop_wake(struct loop *loop);

/* After its thread has ended: the last checkpoint, then frees everything. 0 or a negative errno. */
int loop_finish(struct loop *loop);

#endif
