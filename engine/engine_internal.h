/* engine_internal -- what the files of a home share, engine.c, engine_calls.c and engine_frames.c,
 * with the files of the desk: engine_jobs.c, engine_desk.c, engine_facts.c, engine_centre.c,
 * engine_cycle.c, engine_cut.c, engine_query.c, engine_query_batch.c, engine_recon_day.c, and what
 * the wallet adds: engine_errand.c, engine_mail.c. Nobody else includes it. */
#ifndef ENGINE_INTERNAL_H
#define ENGINE_INTERNAL_H

#include "codec/centre.h"
#include "codec/cycle.h"
#include "codec/cycle_query.h"
#include "codec/mail.h"
#include "codec/messages.h"
#include "codec/reply.h"
#include "cycle/cycle.h"
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

/* How a ticket is made: bits 61..63 for whom the result is, if for no call; bits 32..60 the asking
 * shard, below the call or the errand. */
#define TICKET_DESK   (UINT64_C(1) << 63)
#define TICKET_ERRAND (UINT64_C(1) << 62)
#define TICKET_MAIL   (UINT64_C(1) << 61)

static inline uint64_t ticket_make(uint32_t shard, uint32_t call)
{
    return (uint64_t)shard << 32 | call;
}

static inline uint32_t ticket_shard(uint64_t ticket)
{
    return (uint32_t)(ticket >> 32) & 0x1fffffff;
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

#define CALLS_MAX        16384 /* Frames under way in one home. */
#define BATCH_CALLS_MAX  256   /* Of these, batches: their answers need memory. */
#define CALL_NONE        UINT32_MAX
#define GATHERED_MAX     1024
#define STALLED_BYTES    (GATHERED_MAX * 4096)
#define DESK_QUEUE_MAX   256
#define DESK_QUEUE_LOCAL (DESK_QUEUE_MAX / 2) /* Of these, from home 0's own sessions. */
#define DESK_QUEUE_BYTES (8u * 1024 * 1024)   /* Of the messages in it. */
#define DESK_JOBS_TURN   8                    /* Begun in a turn: frames come between them. */

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
    uint64_t ticket;   /* Who asked; its answer is a result with data. */
    uint16_t type;     /* enum message_type; 0: levelling the shards at the start. */
    uint16_t province; /* Two-digit code the session speaks for; 0: the centre. */
    bool formed;       /* The bytes were such a message. */
    const char *field; /* Of an order that was not: the field that is wrong; static. */
    uint32_t size;     /* Of the message, bytes. */
    struct centre_request request;
    union {
        struct order order; /* By type, see order_type(): the desk frees it. */
        struct query query;
    };
};

/* What is being gathered from the shards for an order or a query; engine_facts.c. */
enum gather_stage {
    GATHER_CELLS,
    GATHER_TALLIES,
    GATHER_CHANGES, /* Tallies are as old as a checkpoint: what came after it. */
    GATHER_RANGES,  /* Which entries hold the day's records. */
    GATHER_DAY,
    GATHER_REFS,
    GATHER_DONE,
};

/* Entries of a shard that may be a day's records. */
struct entry_range {
    uint32_t shard;
    uint64_t first;
    uint64_t last;
};

struct gathering {
    struct needs needs;
    enum tally_kind kind;
    enum gather_stage stage;
    bool asked;             /* The stage's question is out, or its answers are here. */
    bool scanned;           /* A shard was asked to look at thousands of entries: others first. */
    uint16_t code;          /* Why it failed, ERROR_OK: it did not. */
    uint32_t shard;         /* Being scanned. */
    uint32_t month;         /* Of needs.months, being asked for its tallies. */
    size_t range;           /* Of `ranges`, being scanned. */
    uint64_t cursor;        /* Entry the scan goes on from; 0: not begun. */
    uint32_t ref;           /* First not asked. */
    struct tally_key after; /* Last tally the shard being asked has given; kind 0: none. */
    uint32_t tally_rows;    /* Of a slice of tallies. */
    bool bounded;           /* The stage knows `until`. */
    uint64_t tallied[SHARDS_MAX]; /* By shard: last entry the tallies hold. */
    uint64_t until[SHARDS_MAX];   /* By shard: last entry that is looked at. */
    struct cell *cells;           /* malloc'ed, as the following. */
    size_t cell_count;
    struct tally *tallies;
    size_t tally_count;
    size_t tally_room;
    size_t tally_sorted; /* Of these, the first so many are sorted and added up. */
    struct record_facts *records;
    size_t record_count;
    size_t record_room;
    struct entry_range *ranges; /* Of the day. */
    size_t range_count;
    struct facts facts; /* The result. */
};

/* A part of a list, as its sender may send it again. */
struct recon_part {
    char msgid[MSGID_SIZE];
    uint64_t hash; /* Of its content. */
};

/* Parts of the list that a side sends; their rows are kept until the last one comes, what they were
 * until another list is begun. */
struct recon_parts {
    uint32_t day;
    uint8_t payer;
    uint8_t payee;
    uint32_t parts;
    uint32_t taken;          /* Parts so far; 0: none is under way. */
    uint64_t used;           /* When it was last added to. */
    struct recon_part *seen; /* malloc'ed; also when the list is whole. */
    uint32_t seen_count;
    struct recon_item *items; /* malloc'ed */
    uint32_t count;
};

#define RECON_PARTS_ROWS (2 * RECON_LIST_MAX) /* Rows and parts of all lists that are kept. */

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
    size_t queue_bytes;                    /* Of the messages in the queue. */
    uint64_t begun;                        /* Jobs so far. */
    uint64_t begun_of[PROVINCE_COUNT + 1]; /* By province: number of its last one; last: centre. */

    /* The clearing cycle. */
    struct cycle *cycle;
    struct gathering gathering;
    struct decision decision; /* Of the job. */
    uint64_t decision_number; /* Latest one used. */
    uint32_t parts;           /* Of the decision being journaled; 0: none. */
    uint32_t parts_sent;
    uint64_t decided_seq;
    uint64_t lists_used;
    struct recon_parts lists[PROVINCE_COUNT][2]; /* By acting province; 1: sent by the centre. */
};

struct errands;

/* A batch that was taken from the shard and found no room yet; size 0: none. */
struct held_mail {
    uint32_t size;
    uint8_t bytes[MAIL_BATCH_MAX];
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
    uint32_t desk_asked;     /* Of these, for the desk of home 0. */

    struct errands *errands;
    struct held_mail *mail; /* By shard. */
    bool mail_stopped;

    struct batch *batch;
    struct reply_common common; /* Of the results written last. */
    struct desk desk;           /* Only home 0's is used. */
    uint64_t now_us;
};

/* -- engine.c ------------------------------------------------------------------------------- */

/* Runs one step of the own shard and carries its effects out; gives the requests taken. */
uint32_t home_step(struct home *home, const struct event *event);

/* Sends a request to the shard's home through its lane. False when there is no room now. */
bool home_lane_send(struct home *home, uint32_t shard, const struct request *request);

/* Asks the shard's home the desk's question; false when there is no room now. */
bool home_ask(struct home *home, uint32_t shard, const struct request *question);

/* Sends a finished answer of the desk back to the home that asked. */
void home_return(struct home *home, const struct result *result);

/* Routes a request of a frame to its shard, in order. `home_ready()` was asked before. */
void home_route(struct home *home, const struct request *request, uint32_t shard, int64_t now_ms);

/* Gives the own shard what it takes; gives how many. Not from inside a step. */
uint32_t home_give(struct home *home, const struct request *list, uint32_t count, int64_t now_ms);

/* -- engine_calls.c ------------------------------------------------------------------------- */

/* CALLS_MAX of them, each linked to the next; NULL without memory. */
struct call *calls_new(void);
void calls_free(struct call *calls); /* NULL is fine. */

/* Begins one for a frame, with one result expected. NULL when there are too many under way; the
 * frame then waits. */
struct call *call_new(struct home *home, uint32_t session, const struct frame *frame);

/* Ends it without an answer, as nothing of its frame was taken. */
void call_done(struct home *home, struct call *call);

/* Leads a result back to the call. */
uint64_t call_ticket(const struct home *home, const struct call *call);

/* A result of shard `shard` for a call of this home; its data changes its owner. */
void call_result(struct home *home, const struct result *result, uint32_t shard);

/* Answers a frame of one record, and ends the call. Fills in the reply's msgid. */
void call_answer(struct home *home, struct call *call, struct reply *reply);

/* Adds a record's result to a batch; the last one expected sends the answer and ends the call. In a
 * long answer only the reply's first failure stays. */
void call_add(struct home *home, struct call *call, struct reply *reply);

/* Answers the call behind a ticket of this home with a finished payload, and ends it. */
void home_answer(struct home *home, uint64_t ticket, struct bytes payload);

/* -- engine_errand.c ------------------------------------------------------------------------ */

/* NULL without memory. */
struct errands *errands_new(void);
void errands_free(struct errands *errands); /* NULL is fine. */

/* True for what errand_take() takes: wallet, premium, pushes, questions of persons. */
bool errand_type(uint16_t type);

/* Takes a message whose ticket is its call's: answers it, or sends it on its way. False when too
 * many are under way. */
bool errand_take(struct home *home, const struct request *request, int64_t now_ms);

/* A result with TICKET_ERRAND. Calls no shard: it may come from inside a step. */
void errand_result(struct home *home, const struct result *result);

/* The ticket of the call that the errand behind a ticket with TICKET_ERRAND answers in the end. */
uint64_t errand_ticket(const struct home *home, uint64_t ticket);

/* Asks memory for that errand, for errand_result(). */
void errand_ahead(const struct home *home, uint64_t ticket);

/* Answers another home's REQUEST_DISPUTED; only on home 0, where the cycle is. */
void errand_disputed(struct home *home, const struct request *request);

/* Answers a call of errand_type() with the code and failures of a result without data. */
void errand_refuse(struct home *home, uint64_t ticket, uint16_t type, struct bytes msgid,
                   const struct result *result, uint32_t shard);

/* Sends what waits; true when anything went. */
bool errand_turn(struct home *home, int64_t now_ms);

/* -- engine_mail.c -------------------------------------------------------------------------- */

/* Carries mail of the own shard on; true when any went. */
bool mail_turn(struct home *home, int64_t now_ms);

/* -- engine_jobs.c -------------------------------------------------------------------------- */

/* True for what the desk answers. */
bool desk_type(uint16_t type);

/* Takes a message for the desk, of a session that speaks for `province`; false when its queue is
 * full. Only on home 0. */
bool desk_take(struct home *home, uint64_t ticket, uint16_t type, uint16_t province,
               struct bytes body);

/* Frees what the desk holds. */
void desk_free(struct home *home);

/* Goes on with what is to be done. True when something was. */
bool desk_turn(struct home *home, int64_t now_ms);

/* -- engine_desk.c -------------------------------------------------------------------------- */

/* A question's body is borrowed until every answer is there. */
void desk_ask_all(struct home *home, uint16_t type, uint32_t period, struct bytes body);
void desk_ask_one(struct home *home, uint32_t shard, uint16_t type, struct bytes body);
uint32_t desk_first_refusal(const struct home *home);

/* What a shard said beside its refusal, until the next question; NULL: nothing. */
const char *desk_refusal_text(const struct home *home);

/* A canonical body for the entries of the desk, one varint field; kept until the next one. */
struct bytes desk_number_body(struct home *home, uint64_t value);

/* End the job with an answer. `payload` is malloc'ed and changes its owner; one that is too long
 * for a frame becomes a 6004. */
void desk_finish(struct home *home, uint8_t *payload, size_t size);
void desk_refuse(struct home *home, uint32_t code, const char *text);

/* The desk's time: shard 0's, or a system clock that is ahead of it. */
int64_t desk_clock(const struct home *home);

/* Latest month cut and year closed on all shards, while nothing cuts or closes. */
void desk_limits(const struct home *home, uint32_t *ret_cut_through, uint32_t *ret_closed_year);

/* A shard's answer to the desk's question. */
void desk_result(struct home *home, uint32_t shard, const struct result *result);

/* Sends what of the question could not be sent yet. True when any was. */
bool desk_send_unsent(struct home *home, int64_t now_ms);

/* Frees the answers of the last question. */
void desk_drop_answers(struct home *home);

/* Gives back what the job held. */
void desk_end_job(struct home *home);

/* -- engine_centre.c ------------------------------------------------------------------------ */

/* Phases of a cut. What stands between them belongs to engine_cut.c. */
enum cut_phase {
    CUT_CHECK = 0, /* May the month be cut? */
    CUT_CHECKED,
    CUT_LOOK_BACK,     /* Has the latest month that was cut its batch? */
    CUT_GATHER_BEFORE, /* What the cycle would say, before anything is done. */
    CUT_TRY,
    CUT_CLOSE, /* No earlier month may begin any more. */
    CUT_SHARDS,
    CUT_RELEASE,
    CUT_RELEASED,
    CUT_GATHER, /* The frozen cells. */
    CUT_DECIDE,
    CUT_DECIDED,
    CUT_CELLS, /* For the answer. */
};

/* Steps of the jobs. */
void step_cut(struct home *home);
void step_clock(struct home *home);
void step_report(struct home *home);
void step_settlement_get(struct home *home);
void step_status(struct home *home);
void step_align(struct home *home);

/* -- engine_facts.c ------------------------------------------------------------------------- */

/* Begins to gather what `needs` says; takes its refs over. Tallies are of `kind`; those by area of
 * a province, if needs.part is one (two digits). */
void gather_begin(struct home *home, const struct needs *needs, enum tally_kind kind);

/* Goes on; true when all is there: gathering.code says whether it went well, gathering.facts what
 * there is, until gather_free(). Else a question was asked. */
bool gather_step(struct home *home);
void gather_free(struct home *home);

/* -- engine_cycle.c ------------------------------------------------------------------------- */

/* Reads the decisions of shard 0's journal into a new cycle. */
void cycle_restore(struct home *home);

/* Steps of the jobs. */
void step_order(struct home *home);
void step_year_close(struct home *home);

/* Sends parts of the decision that is being journaled to shard 0. True when any was taken. */
bool decision_send(struct home *home);

/* What jobs do with an order: gather what its judgement needs; fill the job's decision, false when
 * it has nothing to journal; begin to journal it, its parts go to shard 0 and the job goes on when
 * all of them are durable; and then put its rows. */
void order_gather(struct home *home, const struct order *order);
bool order_judge(struct home *home, const struct order *order);
void decision_begin(struct home *home);
void decision_apply(struct home *home);

/* Why it was refused; borrowed. */
const char *decision_text(const struct decision *decision);

/* What was answered to the same msgid of the same sender before; NULL: nothing. */
const struct order_row *order_before(const struct home *home, const struct order *order);

/* -- engine_cut.c --------------------------------------------------------------------------- */

/* Of a cut, after the shards said that it may be: what the cycle says before, and after them. */
void step_cut_order(struct home *home);

/* Gives the cycle a batch for each month that was cut and has none. True when that is done. */
bool step_unfinished_cuts(struct home *home);

/* -- engine_query.c ------------------------------------------------------------------------- */

void step_query(struct home *home);

/* True when the pair is the subject's own, or the subject is the centre. */
bool is_subject(uint8_t subject, uint8_t payer, uint8_t payee);

/* -- engine_recon_day.c --------------------------------------------------------------------- */

/* The cells a ReconDay asks about, with what was sent; desk_finish()es. */
struct order_answer;
void finish_recon_day(struct home *home, const struct order_answer *answer);

#endif
