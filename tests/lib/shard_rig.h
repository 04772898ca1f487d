/* shard_rig -- one shard in a small world of its own, for tests.
 *
 * The store is a real one in a folder of its own, the journal a list of blocks in memory. Nothing
 * happens by itself: a test says when a block counts as written, when a merge has run and when the
 * process dies. A crash throws the shard away and opens it again from the store and the blocks that
 * were written. Results are copied out in the order in which they left.
 *
 * With QINGFEN_EACH_READ_FAILS in the environment whatever a test does is done on a disk that fails
 * again and again: a request is given once for each reading of the journal that it takes, and that
 * reading fails. Each time it has to be refused for it and nothing may have happened; then it is
 * given on a disk that is well, and the test hears of that alone. What a test asks for is old then:
 * rig_ask() and rig_order() begin with rig_make_old(). */
#ifndef TESTS_LIB_SHARD_RIG_H
#define TESTS_LIB_SHARD_RIG_H

#include "shard.h"
#include "shard_wallet.h"
#include "tests/lib/journal_memory.h"
#include "types/settlement.h"
#include "wallet/params.h"

/* A result with its own copy of the failures. Data is freed when the results are forgotten. */
struct rig_result {
    struct result result;
    struct failure failures[FAILURES_MAX];
};

struct rig {
    struct params params;  /* Unless the test brought its own. */
    shard_watch_fn *watch; /* For the replay of the next crash. */
    struct shard_config config;
    struct shard *shard;
    char folder[64];
    int64_t now_ms; /* The system's clock, for a shard that looks at it. */

    struct journal_view journal; /* The blocks that were written. */
    struct bytes appended;       /* On its way to the device; size 0: none. */
    uint64_t durable_seq;        /* The last entry that is on the device. */

    bool each_read_fails;
    uint64_t refused_unread; /* Results that nobody was told of. */

    struct merge *merge; /* Handed out, not yet ended. */
    bool merge_ran;

    struct rig_result *results; /* To senders. */
    uint32_t result_count;
    struct rig_result *controls; /* To the desk. */
    uint32_t control_count;
};

/* What a test may choose; everything else is small and fixed. */
struct rig_options {
    const struct tables *tables; /* Borrowed. */
    uint32_t delta_entries;      /* 0: 256. */
    uint32_t cells;              /* 0: 65536. */
    size_t delta_bytes;          /* 0: 1 MiB. */
    bool system_clock;           /* Else manual. */
    const struct params *params; /* Borrowed. NULL: wlt_pay of a settlement is a figure only. */
    uint32_t shard;              /* One of … */
    uint32_t shards;             /* … these; 0: the only one. */
};

/* The shipped tables, as a store gets them. The result is a copy that the test may change. */
void rig_load_tables(struct tables *ret_tables);

void rig_open(struct rig *rig, const struct rig_options *options);
void rig_close(struct rig *rig);

/* One step each. rig_give() returns how many were taken. */
uint32_t rig_give(struct rig *rig, const struct request *list, uint32_t count);
void rig_flush(struct rig *rig);
void rig_written(struct rig *rig);    /* The block on its way is on stable storage. */
void rig_checkpoint(struct rig *rig); /* EVENT_CHECKPOINT and a flush. */
void rig_merge_run(struct rig *rig);  /* The background thread's work, without telling anybody. */
void rig_merged(struct rig *rig);     /* The same and EVENT_MERGED. */

/* Flushes, writes and merges until nothing is left to do. */
void rig_settle(struct rig *rig);

/* Where each reading fails: what was given before is in the journal alone from here on, and the
 * results so far are forgotten. Elsewhere nothing. */
void rig_make_old(struct rig *rig);

/* The process dies and starts again. `lands`: the block on its way made it to the device, only
 * nobody was told. */
void rig_crash(struct rig *rig, bool lands);

/* Hands the next batch of mail from one shard to another, or to itself, and settles both. False
 * when there is none. */
bool rig_mail(struct rig *from, struct rig *to);

/* Forgets the results collected so far. */
void rig_forget(struct rig *rig);

/* A settlement with those ids of somebody insured in Beijing, as an outpatient in Langfang soon
 * after a manual clock's start: `fen` of medical costs, all of it from the pool. The texts are
 * borrowed; `psn` has 16 letters. */
struct settlement rig_visit(const char *msgid, const char *setl_id, const char *psn, int64_t fen);

/* Takes one part of `parts` of it back. */
struct settlement rig_refund(const char *msgid, const char *setl_id,
                             const struct settlement *original, int64_t parts);

/* A request of a sender with an encoded body, or of the desk. */
struct request rig_message(uint16_t type, uint16_t province, struct bytes body);
struct request rig_control(uint16_t type, uint32_t period);

/* Gives one message and settles; the result is a copy. The store of results is emptied. */
struct rig_result rig_ask(struct rig *rig, uint16_t type, uint16_t province, struct bytes body);
struct rig_result rig_order(struct rig *rig, struct request request);

/* Sets the manual clock, which takes it. */
void rig_clock(struct rig *rig, int64_t instant_ms);

/* Encoders the engine itself has no use for. `out` has room for 1024 bytes. */
size_t rig_encode_reversal(const struct reversal *reversal, uint8_t *out);
size_t rig_encode_adjustment(const struct adjustment *adjustment, uint8_t *out);

#endif
