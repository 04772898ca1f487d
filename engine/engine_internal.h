/* engine_internal -- what engine.c and engine_desk.c share; nobody else includes it. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "codec/centre.h"
#include "codec/messages.h"
#include "dispatch/route.h"
#include "engine.h"
#include "ledger/rules.h"
#include "util/ring.h"

/* The rings of one ordered pair of shards. */
struct lane {
    struct ring *requests; /* From the home that asks to the shard that is asked. */
    struct ring
        *questions;       /* The desk's, which must not wait behind messages: a message may be
                           * waiting for what the desk says (a cut's release). Only from home 0. */
    struct ring *results; /* And back. */
};

struct engine {
    struct engine_config config;
    uint32_t outstanding_max; /* Requests under way in one lane: their results always fit. */
    struct lane *lanes;       /* [asking * shards + asked] */
};

/* How a ticket is made: bit 63 for the desk, bits 32..62 the asking shard, below the call. */
#define TICKET_DESK (UINT64_C(1) << 63)

static inline uint64_t ticket_make(uint32_t shard, uint32_t call)
{
    return (uint64_t)shard << 32 | call;
}

static inline uint32_t ticket_shard(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32) & 0x7fffffff;
}

/* Message in a request ring: this, then the body. Types of the desk (0x04xx and up) go to the
 * asked home's desk, all others to its shard. */
struct lane_request {
    uint64_t ticket;
    uint32_t index;
    uint16_t type;
    uint16_t province;
    uint32_t period;
    uint32_t area;
    int64_t instant_ms;
    uint32_t size; /* Of the body. */
};

/* Message in a result ring: this, then the failures. `result.data` changes its owner. */
struct lane_result {
    struct result result;
};

struct call {
    uint32_t session;
    uint32_t generation; /* Of the session: an answer to an older one is dropped. */
    uint64_t request_id;
    uint32_t expected; /* Results of its records. */
    uint32_t done;
    uint32_t accepted;
    uint32_t duplicate;
    uint32_t rejected;
    uint16_t type;
    uint8_t msgid_size;
    uint8_t msgid[30];
    uint8_t *buffer; /* Of batches: the answer as it grows. */
    size_t buffer_size;
    size_t buffer_room;
    uint32_t next_free;
};

#define CALLS_MAX       16384 /* Frames under way in one home. */
#define BATCH_CALLS_MAX 256   /* Of these, batches: their answers need memory. */
#define CALL_NONE       UINT32_MAX
#define GATHERED_MAX    1024
#define STALLED_BYTES   (GATHERED_MAX * 4096)
#define DESK_QUEUE_MAX  256

struct session {
    uint32_t generation;
    uint32_t calls;    /* Frames of it under way. */
    uint16_t province; /* Two-digit code it speaks for; 0: all. */
    bool open;
};

/* A request on its way, with the shard it goes to. */
struct routed {
    struct request request;
    uint32_t shard;
};

/* What the desk works on, one at a time. */
struct desk_job {
    uint64_t ticket; /* Who asked; its answer is a result with data. */
    uint16_t type;   /* enum message_type; 0: levelling the shards at the start. */
    bool formed;     /* The bytes were such a message. */
    struct centre_request request;
};

struct desk {
    struct desk_job queue[DESK_QUEUE_MAX];
    uint32_t queue_head;
    uint32_t queue_count;
    bool busy;
    struct desk_job job;
    uint32_t phase;
    struct request question; /* What all shards are being asked. */
    uint8_t question_body[64];
    uint64_t unsent; /* Bit by shard: it could not be given to it yet. */
    uint32_t answers_due;
    struct result answers[SHARDS_MAX]; /* By shard; `data` is the desk's to free. */
    uint64_t started_us;
    uint64_t cut_us;
    int64_t cut_at_ms;
    int64_t now_ms;
    bool dup;
    bool aligned;
};

struct home {
    struct engine *engine;
    uint32_t index;
    struct shard *shard;
    struct home_ops ops;
    struct session *sessions;
    uint32_t sessions_open;

    struct call *calls;
    uint32_t free_call;
    uint32_t calls_used;
    uint32_t batches_used;

    struct request *gathered; /* For the own shard, bodies borrowed from the frames. */
    uint32_t gathered_count;

    struct routed *stalled; /* What could not go on yet, bodies in stalled_bytes; in order. */
    uint32_t stalled_count;
    uint32_t stalled_done;
    uint8_t *stalled_bytes;
    size_t stalled_used;

    struct request *inbox; /* From one lane, bodies borrowed from the ring. */
    uint32_t inbox_count;
    uint32_t inbox_done;
    uint32_t inbox_lane;
    struct request question; /* Of the desk, not taken yet; type 0: none. */
    uint32_t *outstanding;   /* Requests under way, by asked shard. */

    struct batch *batch;
    struct desk desk; /* Only home 0's is used. */
    uint64_t now_us;
};

/* -- engine.c ------------------------------------------------------------------------------- */

/* Runs one step of the own shard and carries its effects out; gives the requests taken. */
uint32_t home_step(struct home *home, const struct event *event);

/* Sends a request to the shard's home through its lane. False when there is no room now. */
bool home_lane_send(struct home *home, uint32_t shard, const struct request *request);

/* Asks the shard's home the desk's question; false when there is no room now. */
bool home_ask(struct home *home, uint32_t shard, const struct request *question);

/* Answers the call behind a ticket of this home with a finished payload. */
void home_answer(struct home *home, uint64_t ticket, struct bytes payload);

/* Sends a finished answer of the desk back to the home that asked. */
void home_return(struct home *home, const struct result *result);

/* -- engine_desk.c -------------------------------------------------------------------------- */

/* Takes a message for the desk; false when its queue is full. Only on home 0. */
bool desk_take(struct home *home, uint64_t ticket, uint16_t type, struct bytes body);

/* A shard's answer to the desk's question. */
void desk_result(struct home *home, uint32_t shard, const struct result *result);

/* Goes on with what is to be done. True when something was. */
bool desk_turn(struct home *home, int64_t now_ms);

#endif
