/* fake_shard -- three homes on one thread over shards that only remember what they were asked and
 * answer as a test says: for the ways of messages, not for what is decided about them. */
#ifndef TESTS_UNIT_ENGINE_FAKE_SHARD_H
#define TESTS_UNIT_ENGINE_FAKE_SHARD_H

#include "codec/mail.h"
#include "cycle/cycle.h"
#include "engine.h"
#include "shard_wallet.h"

#define RIG_SHARDS    3
#define SEEN_MAX      8192
#define FRAMES_MAX    4096
#define SEEN_BODY_MAX 4096

/* A request that a shard was given. */
struct seen {
    uint32_t shard;
    uint16_t type;
    uint16_t province;
    uint32_t period;
    uint32_t area;
    uint32_t size;
    uint8_t body[SEEN_BODY_MAX];
};

/* A frame that a home sent. */
struct sent {
    uint32_t home;
    uint32_t session;
    uint16_t type;
    uint64_t request_id;
    uint32_t size;
    uint8_t payload[SEEN_BODY_MAX];
};

/* Says what the shard answers; *result has the ticket, type and code 0. `data` malloc'ed. */
typedef void rig_answer_fn(const struct seen *seen, struct result *result);

struct rig {
    struct home *homes[RIG_SHARDS];
    struct seen seen[SEEN_MAX];
    uint32_t seen_count;
    struct sent sent[FRAMES_MAX];
    uint32_t sent_count;
    bool full[RIG_SHARDS];                 /* The shard takes nothing. */
    bool silent[RIG_SHARDS];               /* It takes, and keeps its answers until it is not. */
    uint32_t mail[RIG_SHARDS][RIG_SHARDS]; /* Batches that wait, from and to. */
    uint32_t mail_taken[RIG_SHARDS][RIG_SHARDS];
    uint32_t cut_through; /* As every shard's status says, */
    int64_t stamp_ms;     /* and this. */
    rig_answer_fn *answer;
};

extern struct rig rig;

/* Three homes with one open session each, number 0; and their end. cmocka's forms. */
int rig_setup(void **state);
int rig_teardown(void **state);

/* One frame of session 0 of a home; request ids are given by the test. */
enum home_taken rig_frame(uint32_t home, uint16_t type, uint64_t request_id, const void *message);

/* Turns until nothing happens any more; one turn of each home. */
void rig_run(void);
void rig_turn(void);

/* The frame that answers a request, NULL: there is none. */
const struct sent *rig_answer_of(uint64_t request_id);

/* malloc'ed text as an answer's data. */
void rig_say(struct result *result, const char *text);

/* The one dispute there is in the cycle: about that record, under way or not any more. */
void rig_dispute(const char *setl_id, bool resolved);

/* Puts a row into the cycle; and the cycle, borrowed. */
void rig_put(enum row_kind kind, const void *row);
const struct cycle *rig_cycle(void);

#endif
