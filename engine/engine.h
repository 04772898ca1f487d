/* engine -- several shards, the rings between them, and the desk where the centre's own work is
 * done.
 *
 * Each shard's thread has a home: it takes the frames of the connections it owns, sends each record
 * to the shard where its person is at home, gathers the results and answers. The desk, on shard 0,
 * does what concerns all shards at once: cut, clock, year, reports. Knows no socket, file or clock:
 * the driver gives frames and time, and carries out the operations in home_ops. */
#ifndef ENGINE_H
#define ENGINE_H

#include "admit/frame.h"
#include "shard.h"
#include "types/stage.h"

struct calendar;
struct setting_values;
struct engine; /* What all homes share. */
struct home;   /* One thread's part. */

struct engine_config {
    uint32_t shards;
    uint8_t store_id[STORE_ID_SIZE];
    const struct tables *tables;           /* Borrowed, as the two below. */
    const struct calendar *calendar;       /* Working days; cycle/calendar.h */
    const struct setting_values *settings; /* Of the cycle, at the very start. */
    bool manual_clock;
    uint32_t sessions_max; /* Of one home. */
};

/* NULL without memory. */
struct engine *engine_new(const struct engine_config *config);
void engine_free(struct engine *engine); /* NULL is fine; after all homes. */

/* What a home asks of its driver. All are called on the home's own thread, from inside home_…(). */
struct home_ops {
    void *context;
    /* Write and sync the block, then home_written(). `before` it SEGMENT_HEAD_SIZE bytes are free.
     */
    void (*append)(void *context, struct bytes block, uint64_t number);
    /* Run merge_run() elsewhere, then home_merged(). */
    void (*merge)(void *context, struct merge *merge);
    /* Queue a whole frame for the session; copies it. */
    void (*send)(void *context, uint32_t session, struct bytes frame);
    /* After everything queued was sent, close the session. */
    void (*close)(void *context, uint32_t session);
    /* See to it that the home of `shard` takes a turn soon. */
    void (*wake)(void *context, uint32_t shard);
    /* Of the driver's account of time; NULL: it keeps none. What went on since the last call was
     * `was`, or STAGE_SAME: what that call said; from here on it is `next`. Gives what that call
     * said. */
    enum stage (*stage)(void *context, enum stage was, enum stage next);
    /* Copies that account, STAGE_COUNT rows; not called when `stage` is NULL. */
    void (*timings)(void *context, struct stage_timing *ret_timings);
};

/* The home of config's shard number `index`; takes `shard`. NULL without memory. */
struct home *home_new(struct engine *engine, uint32_t index, struct shard *shard,
                      const struct home_ops *ops);
void home_free(struct home *home); /* Frees the shard too; NULL is fine. */

/* A connection begins or has ended; `session` is the driver's number, below sessions_max. What is
 * still under way for an ended one is done, and its answers are dropped. */
void home_session_opened(struct home *home, uint32_t session);
void home_session_closed(struct home *home, uint32_t session);

/* True while frames of the session are under way: their answers are still to come. */
bool home_session_busy(const struct home *home, uint32_t session);

/* The province a session speaks for, two digits; 0: all, or it has not said yet. */
uint32_t home_session_province(const struct home *home, uint32_t session);

enum home_taken {
    HOME_TAKEN,   /* The frame is dealt with or on its way; its bytes may go after home_submit(). */
    HOME_BLOCKED, /* No room now: give the same frame again after a later home_turn(). Frames of
                   * other sessions may find room; see home_ready(). */
};

/* Takes one frame of a session. */
enum home_taken home_frame(struct home *home, uint32_t session, const struct frame *frame,
                           int64_t now_ms);

/* Answers a stream that cannot be read any further (see frame.h), and closes the session. */
void home_bad_stream(struct home *home, uint32_t session, enum frame_state state,
                     uint64_t request_id);

/* Judges what home_frame() has gathered; afterwards no frame's bytes are needed any more. */
void home_submit(struct home *home, int64_t now_ms);

/* One turn: what other shards sent, what was stalled, the desk, the journal. True when something
 * was done, so that another turn may find more. */
bool home_turn(struct home *home, int64_t now_ms, uint64_t now_us);

/* The driver's outcomes. */
void home_written(struct home *home, struct block_place place, int64_t now_ms);
void home_merged(struct home *home, int status, int64_t now_ms);

/* Asks for a checkpoint when anything changed since the last one. */
void home_checkpoint(struct home *home, int64_t now_ms);

/* Carries no mail between persons any more: the engine stops. What is left goes on at the next
 * start. */
void home_stop_mail(struct home *home);

/* True when the home takes frames now. */
bool home_ready(const struct home *home);

/* True when nothing the home took is still under way anywhere. */
bool home_quiet(const struct home *home);

/* True when its shard has nothing unwritten and no merge running. */
bool home_settled(const struct home *home);

/* Reads the clearing cycle from shard 0's journal, puts shards that differ after a crash in the
 * middle of a cut, a clock change or a year's close level again, and makes the batch of a month
 * whose cut was not finished. To be called once on home 0 before connections are accepted;
 * home_aligned() says when it is done. */
void home_align(struct home *home);
bool home_aligned(const struct home *home);

/* The home's shard, for the driver's boot and end. */
struct shard *home_shard(struct home *home);

#endif
