/* wallet_lane -- what wallet_check keeps of one shard; only its own files include it. */
#ifndef VERIFY_WALLET_LANE_H
#define VERIFY_WALLET_LANE_H

#include "dispatch/route.h"
#include "tools/verify/bodies.h"
#include "tools/verify/wallet_check.h"
#include "tools/verify/wallet_rows.h"
#include "types/province.h"

#define OUTBOXES OUTBOX_COUNT

#define BODY_MAX 4096 /* Bytes of an entry's body, with its words as they were. */

/* The body of an ENTRY_WALLET, read: views into the entry or into `room`. */
struct opened {
    const uint8_t *body; /* What was opened; NULL: nothing. */
    const uint8_t *words;
    uint16_t type;
    struct bytes message;
    struct bytes fact;
    struct bytes ops;
    uint8_t room[BODY_MAX];
};

/* NULL when it is one, else what is wrong, as static text. */
const char *body_open(struct bytes body, struct opened *ret_opened);

/* Where something stands in an entry: the data of an op, or of an item of a batch. */
struct place {
    const uint8_t *body; /* Borrowed from the journal. */
    uint32_t body_size;
    uint32_t at; /* Of the words that were opened. */
};

struct place place_in(const struct opened *opened, size_t body_size, const uint8_t *data);

/* What stands there; borrowed from `opened`, which is left as it is when it has that body open. */
const uint8_t *place_open(const struct place *place, struct opened *opened);

/* Places in their order. */
struct items {
    struct place *list;
    uint64_t count;
    uint64_t room;
};

/* Numbers of entries in their order. */
struct numbers {
    uint64_t *list;
    uint64_t count;
    uint64_t room;
};

/* A payment, found by its id or its settlement: hashes of 64 bits, the entry has the rest. */
struct payment {
    struct bytes body; /* Of its entry. */
    uint64_t seq;
    int64_t amount;
    int64_t reversed;
    uint32_t place;      /* Area that is paid. */
    uint32_t use_loc;    /* Of the spender then. */
    uint32_t first_debt; /* In the lane's debts. */
    uint32_t debt_count;
    uint32_t line;
    struct psn_key person;
};

/* One debt between two areas; what reversals left of it. */
struct debt {
    uint32_t payer;
    uint32_t payee;
    int64_t left;
};

#define EXPECTED_MAX 128

/* What must follow the entry just read. */
struct expected {
    uint64_t seq;     /* The ENTRY_WALLET whose debts come; 0: none. */
    uint32_t payment; /* Index + 1 */
    bool negative;
    uint32_t line;
    uint32_t count;
    struct debt debts[EXPECTED_MAX];
    uint64_t settlement; /* A settlement or refund that wants a wallet entry; 0: none. */
    int64_t amount;      /* Of it, < 0: taken back. */
    uint32_t place;      /* Of treatment. */
    uint64_t setl_hash;  /* Of the settlement, or of a refund's original: leads to the payment. */
};

/* The end of a transfer, in a heap: the earliest first. */
struct ending {
    int64_t exp_ms;
    struct psn_key giver;
    char trsf_id[WALLET_ID_SIZE];
};

struct lane {
    uint32_t shard;
    uint32_t shards;
    struct kept_map persons;
    struct items sent[SHARDS_MAX];
    struct items taken[SHARDS_MAX];
    uint64_t acked[SHARDS_MAX];   /* That shard says it has. */
    struct numbers out[OUTBOXES]; /* Entries that have the messages, by position less 1. */
    uint64_t out_acked[OUTBOXES];
    struct rule_row *rules;
    uint32_t rule_count;
    uint32_t rule_room;
    uint32_t rules_given; /* The first ones stood in the file. */
    struct institution *institutions;
    uint32_t institution_count;
    uint32_t institution_room;
    struct payment *payments;
    uint32_t payment_count;
    uint32_t payment_room;
    struct idset payment_ids;   /* Hash of pay_id -> index + 1 */
    struct idset payment_setls; /* Hash of province, person, setl_id -> index + 1 */
    struct idset reversals;     /* Hash of province, person and a reversal's number -> 1 */
    struct debt *debts;
    uint32_t debt_count;
    uint32_t debt_room;
    struct ending *endings;
    uint32_t ending_count;
    uint32_t ending_room;
    struct expected expected;
    uint64_t last_correction; /* seq of what the correction just read took back. */
    struct arena arena;
    uint64_t entries;
    bool clock_set;
    int64_t net_debts[PROVINCE_COUNT];
    int64_t net_direct[PROVINCE_COUNT];
    int64_t net_via[PROVINCE_COUNT];
};

struct wallet_check {
    uint32_t shards;
    struct lane lanes[];
};

/* An op of an entry, read by the bytes that engine/wallet/ops.h documents. */
struct read_op {
    uint8_t op;
    uint8_t kind;
    struct bytes data;
};

/* The next op; false at the end, with *ret_bad at bytes that are none. */
bool read_op(struct bytes *ops, struct read_op *ret_op, bool *ret_bad);

/* An effect with its lots; false when it is none. */
bool read_effect(struct bytes data, struct effect *ret_effect);

/* "psn 0011…ff"; static memory of the thread, four in turn. */
const char *person_text(const struct psn_key *key);

/* The value in force for an area at a time. */
int64_t lane_value(const struct lane *lane, enum param param, uint32_t area, int64_t at_ms);

/* Two books whose every account must be zero (I1, I4, I5), and a third for the areas of lots. */
enum book {
    BOOK_HOLDER, /* giver, holder: what the giver counts there less what the holder has */
    BOOK_SPENT,  /* giver: consumed less what payments used */
    BOOK_AREA,   /* giver, area: lots by the area of their giver; of one entry alone */
};

struct standing {
    uint32_t book;
    struct psn_key giver;
    struct psn_key holder;
    int64_t amount;
};

/* A row's, an effect's share in the books; `put` is called for each. */
typedef void put_fn(void *context, enum book book, const struct psn_key *giver,
                    const struct psn_key *holder, int64_t amount);
void books_row(enum person_row kind, struct bytes row, const struct psn_key *person, int64_t sign,
               put_fn *put, void *context);
void books_effect(const struct effect *effect, int64_t sign, put_fn *put, void *context);

#endif
