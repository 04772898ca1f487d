/* keeper -- the slow work of one shard, on a thread of its own: merging checkpoints into LMDB and
 * preparing segments. One of each at a time; the loop is woken when one is done. It gives way to
 * the loops where there are fewer cores than threads: nobody waits for it but a loop that is a
 * whole delta ahead. */
#ifndef WORLD_LINUX_KEEPER_H
#define WORLD_LINUX_KEEPER_H

#include <pthread.h>

#include "ledger/merge.h"
#include "types/stage.h"
#include "world/linux/segments.h"

struct keeper {
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t asked;
    int wake_fd;        /* eventfd of the loop, written when something is done. */
    const char *folder; /* Of the journal; borrowed. */

    struct merge *merge;     /* Asked for; NULL: none. */
    uint64_t merge_begun_ns; /* Of the one before, steady clock; the thread's own. */
    uint64_t merge_ns;       /* How long it took. */
    bool merge_done;
    int merge_status;
    uint32_t prepare; /* Segment asked for; 0: none. */
    enum segment_fill prepare_fill;
    uint64_t asked_ns; /* When the one before was, steady clock; 0: none yet. */
    bool hurry;        /* The loop waits for it. */
    bool prepare_done;
    int prepare_status;
    bool stop;
    struct stage_timing timings[STAGE_COUNT]; /* Of STAGE_MERGE, STAGE_COMMIT, STAGE_PREPARE. */
};

/* Starts the thread. 0 or a negative errno. */
int keeper_start(struct keeper *keeper, const char *journal_folder, int wake_fd);

/* Ends it; what it is doing is finished first. */
void keeper_stop(struct keeper *keeper);

void keeper_ask_merge(struct keeper *keeper, struct merge *merge);
void keeper_ask_segment(struct keeper *keeper, uint32_t number);

/* The loop can write nothing until the segment it asked for is there. */
void keeper_hurry(struct keeper *keeper);

/* What has been done since the last call; true with *ret_status set. */
bool keeper_merged(struct keeper *keeper, int *ret_status);
bool keeper_prepared(struct keeper *keeper, int *ret_status);

/* Copies its own rows of an account of STAGE_COUNT. */
void keeper_timings(struct keeper *keeper, struct stage_timing *ret_timings);

#endif
