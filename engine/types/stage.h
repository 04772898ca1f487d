/* stage -- what a shard's threads spend their time on, stage by stage, and the account of it.
 *
 * A loop is always in exactly one of the stages of its own: their totals add up to the time the
 * thread has run, waiting included. The others lie across them or on another thread. */
#ifndef TYPES_STAGE_H
#define TYPES_STAGE_H

#include <stdint.h>

#define STAGES(X)                                                                                \
    /* Of the loop. */                                                                           \
    X(WAIT, "wait")         /* Asleep: nothing to do. */                                         \
    X(RECEIVE, "receive")   /* Completions; bytes into frames, frames into requests. */          \
    X(JUDGE, "judge")       /* Requests decided, posted and written into the block. */           \
    X(QUESTION, "question") /* The same for questions of the desk and about persons. */          \
    X(CUT, "cut")           /* The same for an order to cut a month. */                          \
    X(MAIL, "mail")         /* Effects between shards, errands of messages with two stops. */    \
    X(SWEEP, "sweep")       /* What became due by itself. */                                     \
    X(SEAL, "seal")         /* A block ended: sum and chain; or nothing was there to end. */     \
    X(FREEZE, "freeze")     /* The same, and the state frozen for a checkpoint. */               \
    X(HAND, "hand")         /* A frozen state handed to the keeper; the store's map may grow. */ \
    X(INSTALL, "install")   /* A merged checkpoint taken for the state. */                       \
    X(RELEASE, "release")   /* A block known as durable: which results may leave. */             \
    X(JOURNAL, "journal")   /* A block put on its way. */                                        \
    X(SEGMENT, "segment")   /* The same, into a new segment. */                                  \
    X(ANSWER, "answer")     /* Results into answers, answers into the buffers of sessions. */    \
    X(LANES, "lanes")       /* To and from other shards. */                                      \
    X(DESK, "desk")         /* Orders and questions over all shards, on shard 0. */              \
    X(SEND, "send")         /* Buffers handed to the kernel. */                                  \
    X(KERNEL, "kernel")     /* The kernel's part: receives and sends carried out. */             \
    X(TICK, "tick")         /* What is looked after once a second. */                            \
    /* Across them. */                                                                           \
    X(TURN, "turn")         /* A turn of the loop but for its wait. */                           \
    X(DEVICE, "write+sync") /* A block, from its order until the loop knew it as durable. */     \
    /* Of the keeper. */                                                                         \
    X(MERGE, "merge")     /* A checkpoint: sorted and put, before its commit. */                 \
    X(COMMIT, "commit")   /* Its commit: written and synced. */                                  \
    X(PREPARE, "prepare") /* A segment filled with zeros and synced. */

#define STAGE_NUMBER(name, text) STAGE_##name,
enum stage {
    STAGES(STAGE_NUMBER) STAGE_COUNT,
};
#undef STAGE_NUMBER

#define STAGE_LOOP_END STAGE_TURN  /* The loop's own are those before it. */
#define STAGE_SAME     STAGE_COUNT /* The one that was announced. */

/* Buckets by duration: 0 below 1 us, n from 2^(n-1) us up to 2^n us, the last open. */
#define STAGE_BUCKETS 22

struct stage_timing {
    uint64_t count;
    uint64_t total_ns;
    uint64_t max_ns;
    uint64_t max_cpu_ns; /* Most processor time of one of those above 1 ms, at most. */
    uint64_t above_1ms;
    uint64_t above_5ms;
    uint64_t histogram[STAGE_BUCKETS];
};

/* "receive" … Static text. */
const char *stage_name(enum stage stage);

/* Adds one that took so long; `cpu_ns` counts when it took 1 ms or more. */
void stage_add(struct stage_timing *timing, uint64_t ns, uint64_t cpu_ns);

#endif
