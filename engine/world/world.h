/* world -- the one door through which anything nondeterministic enters a shard.
 *
 * A shard is a step function: event in, effects out. There is no clock to call: time is a field of
 * the event. There is no file and no socket: what is to be written or answered is an effect. The
 * driver (world/linux, or a simulator) carries effects out and brings their outcome back as events:
 *
 *   requests -> step -> (append) -> written and synced -> step(EVENT_WRITTEN) -> results -> send
 *
 * The order is the durability: a result never leaves before the block that holds its decision is
 * on stable storage (J1). If a write fails the driver stops the process: nothing of it was told to
 * anybody, and the state in memory dies with it. */
#ifndef WORLD_WORLD_H
#define WORLD_WORLD_H

#include "types/bytes.h"
#include "types/error.h"
#include "types/wire.h"

/* What a shard is asked. Besides the wire's messages that change something, the desk (dispatch)
 * asks every shard on behalf of the operator. */
enum request_type {
    REQUEST_CUT_CHECK = 0xe001,   /* May `period` be cut? Takes a REQUEST_CUT_CLOSE back. */
    REQUEST_CUT = 0xe002,         /* Cut it, and hold back later results until released. */
    REQUEST_CUT_RELEASE = 0xe003, /* Every shard has cut. */
    REQUEST_CLOCK = 0xe004,       /* Set the clock to `instant_ms`. */
    REQUEST_YEAR_CHECK = 0xe005,  /* May the year of `period` be closed? */
    REQUEST_YEAR_CLOSE = 0xe006,
    REQUEST_CELLS = 0xe007,  /* Copies of the cells of `period`, or of all for 0. */
    REQUEST_FIND = 0xe008,   /* Records with `area` and the setl_id in `body`. */
    REQUEST_STATUS = 0xe009, /* struct shard_status */
    REQUEST_CLOCK_LEVEL =
        0xe00a,               /* The same, never refused and on any clock: the later time wins. */
    REQUEST_TALLIES = 0xe00b, /* Tallies by the struct tally_question in `body`. */
    REQUEST_SCAN = 0xe00c,    /* Facts by the struct scan_question in `body`, a slice at a time. */
    REQUEST_FACTS = 0xe00d,   /* struct record_facts of the packed struct record_ref in `body`. */
    REQUEST_CYCLE = 0xe00e,   /* Shard 0: append `body` as a part of a decision of the cycle. */
    REQUEST_CUT_CLOSE = 0xe00f, /* As REQUEST_CUT_CHECK; from a yes on, no month before `period`
                                 * gets a first record, until it is cut or checked again. */
    REQUEST_CONTROL = 0xe000,   /* Mask: all of the above. */

    /* Between homes and shards, for wallets; docs/wire.md does not know them. */
    REQUEST_WALLET_FACT = 0xe101, /* First stop of a message of type `period`: the answer is struct
                                   * wallet_fact. `body`: the other person's key; of PremPay, which
                                   * makes a claim there, the message. Of a reversal the message,
                                   * too: the answer is the payment's id, or nothing. */
    REQUEST_MAIL = 0xe102,     /* Effects from another shard (codec/mail.h); the answer's seq is the
                                * last one this shard has. */
    REQUEST_PERSON = 0xe103,   /* A question of type `period`: `area` bytes of cursor, then the
                                * message. The answer is a payload, or with STATE_MORE the cursor to
                                * ask again with. */
    REQUEST_SWEEP = 0xe104,    /* Only in entries: what became due at a time. */
    REQUEST_DISPUTED = 0xe105, /* Of home 0, never of a shard: is a debt of the payment `body` in
                                * dispute? The answer's seq is not 0 then. */
    REQUEST_PAY_ID = 0xe106,   /* Which payment the message of type `period` in `body` takes back:
                                * the answer is its pay_id, nothing when there is none. */
};

/* Instead of a fact's bytes: the other person is at home in the same shard, which looks itself. */
#define FACT_HERE UINT32_MAX

struct request {
    uint64_t ticket;   /* The driver's; comes back in the result. */
    uint32_t index;    /* Place in its batch; comes back. */
    uint16_t type;     /* enum message_type or enum request_type */
    uint16_t province; /* Two-digit code the session speaks for; 0: all (the centre). */
    uint32_t period;   /* For requests of the desk. */
    uint32_t area;     /* Of wallet messages: bytes of struct wallet_fact before the message, or
                        * FACT_HERE. */
    int64_t instant_ms;
    struct bytes body; /* Borrowed for the step. */
};

enum result_state {
    STATE_NONE = 0,
    STATE_ACCRUED,
    STATE_REVERSED,
    STATE_TOMBSTONE,
    STATE_MORE, /* Of REQUEST_PERSON: ask again with the cursor in data. */
};

struct result {
    uint64_t ticket;
    uint32_t index;
    uint16_t type; /* Of the request. */
    uint16_t code; /* enum error_code; ERROR_OK also for a duplicate. */
    bool dup;
    uint8_t state;        /* enum result_state */
    uint32_t period;      /* yyyymm it is cleared in. */
    uint32_t orig_period; /* yyyymm of its own time. */
    uint32_t failure_count;
    uint64_t seq;
    int64_t stamp_ms;
    const struct failure *failures; /* Borrowed until the next step. */
    void *data;                     /* Answer to the desk: malloc'ed, the receiver frees it. */
    size_t data_size;               /* Bytes. */
};

enum event_kind {
    EVENT_REQUESTS,   /* Judge and post these, as many as there is room for. */
    EVENT_FLUSH,      /* All that has arrived was given: write, if nothing is being written. */
    EVENT_WRITTEN,    /* The block of the last `append` is on stable storage. */
    EVENT_CHECKPOINT, /* A checkpoint is wanted as soon as one can begin. */
    EVENT_MERGED,     /* The merge handed out has ended with `status`. */
};

/* Where a block stands in the journal. */
struct block_place {
    uint32_t segment;
    uint32_t offset;
    uint32_t end; /* The next one begins here, or at the front of the next segment. */
};

struct event {
    int64_t now_ms; /* The system's clock; a shard on a manual clock does not look at it. */
    enum event_kind kind;
    union {
        struct {
            const struct request *list;
            uint32_t count;
        } requests;
        struct block_place written;
        int status; /* 0 or a negative errno. */
    };
};

struct merge;

struct effects {
    uint32_t taken; /* Requests judged; the rest must be given again, later. */

    /* A sealed block to write and sync; size 0: none. It stays untouched until EVENT_WRITTEN. The
     * SEGMENT_HEAD_SIZE bytes before it are the driver's, for the head of a new segment. */
    struct bytes append;
    uint64_t append_number;

    /* Run merge_run() on it in the background, then EVENT_MERGED; NULL: none. */
    struct merge *merge;

    /* Results that may leave now, in this order; borrowed until the next step. The shard lends them
     * where they waited, in a ring: senders' results may come in two parts; the desk's are last. */
    struct result_span {
        const struct result *list;
        uint32_t count;
    } results[3];
};

#endif
