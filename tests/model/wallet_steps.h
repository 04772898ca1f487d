/* wallet_steps -- the rules of wallets once more, step by step: what one person's rows become by a
 * message, by mail of other persons, and by the hour. A history is lived again entry by entry.
 *
 * wallet_model.h says the rules as if everything happened at once; this model has mail between
 * persons, and so can be asked at any place of a journal. It keeps rows as plain lists and a list
 * of everything that was ever accepted, each with the number of its entry: asked about the past, it
 * leaves out what came later. With the engine it shares the nouns (types/wallet.h, the names of
 * provincial rules) and the codes, and no code. What the engine makes up, the names of things, is
 * told to it. Slow and plain, to be read beside docs/rules.md, part Wallet.
 *
 * NOT IN IT  what provinces are told (outboxes), the month of a debt, opening by a relative, orders
 *            that name a wallet or a payment otherwise than the simulated clients do, and bounds
 *            that only a crowd could reach (relations, offers, holders). */
#ifndef MODEL_WALLET_STEPS_H
#define MODEL_WALLET_STEPS_H

#include <stdbool.h>

#include "types/wallet.h"
#include "wallet/params.h"

#define STEPS_PERSONS      32
#define STEPS_SHARDS       8
#define STEPS_LOTS         128 /* What a wallet holds at most: a rule, not the model's bound. */
#define STEPS_ROWS         32
#define STEPS_PREMIUMS     64
#define STEPS_EFFECTS      40
#define STEPS_RULES        512
#define STEPS_INSTITUTIONS 64

/* One person's rows. Left empty are next_id and a transfer's seq; while a premium is claimed its
 * row has no pay_id: `payer` says whose claim it is. */
struct steps_person {
    struct psn_key key;
    struct wallet_row wallet;
    struct insured_row insured;
    struct limits_row limits;
    struct hold_row hold;
    uint32_t lot_count;
    uint32_t relation_count;
    uint32_t transfer_count;
    uint32_t offer_count;
    uint32_t holder_count;
    uint32_t reserve_count;
    uint32_t premium_count;
    uint32_t switch_count;
    uint32_t filing_count;
    struct relation_row relations[STEPS_ROWS];
    struct transfer_row transfers[STEPS_ROWS / 2];
    struct offer_row offers[STEPS_ROWS];
    struct holder_row holders[STEPS_ROWS];
    struct reserve_row reserves[RESERVES_MAX];
    struct premium_row premiums[STEPS_PREMIUMS];
    struct switch_row switches[SWITCHES_MAX];
    struct filing_row filings[FILINGS_MAX];
    struct lot lots[STEPS_LOTS];
};

/* Everything that was accepted, in the order of its list; `seq` is of the person's shard. */
struct steps_message {
    int person; /* -1: concerns nobody. */
    uint32_t shard;
    uint64_t seq;
    uint32_t sender;
    uint16_t type;
    bool has_msgid;
    struct wallet_order order; /* Views into memory of the caller's, for good. */
    struct bytes content;
    struct wallet_said said;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
    int payment; /* Of a PremPay. */
    char key_domain;
    uint32_t key_scope;
    struct bytes key_text;
};

struct steps_relation {
    char id[WALLET_ID_SIZE];
    int person;
    uint64_t seq;
};

enum steps_end {
    STEPS_UNDER_WAY,
    STEPS_EXPIRED,
    STEPS_GIVEN_UP, /* The province was silent. */
    STEPS_ENDED,
};

struct steps_transfer {
    char id[WALLET_ID_SIZE];
    int person;
    uint64_t seq;
    enum steps_end end;
    uint64_t end_seq;
};

struct steps_payment {
    char id[WALLET_ID_SIZE];
    uint16_t type;
    int person;
    struct psn_key insured; /* Of a premium. */
    uint64_t seq;
    int64_t amount;
    uint32_t place;
    uint32_t via;
    uint32_t line;
    uint32_t insutype;
    uint32_t year;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
};

struct steps_reversal {
    int payment;
    uint64_t seq;
    int64_t amount;
    bool refused; /* The insured area never took it. */
};

struct steps_rule {
    struct rule_row row;
    uint64_t seq;
};

struct steps_institution {
    struct institution row;
    uint64_t seq;
};

/* A list that grows; its elements are found by place. */
#define STEPS_LIST(type) \
    struct {             \
        type *list;      \
        int count;       \
        int room;        \
    }

struct steps {
    int person_count;
    struct steps_person persons[STEPS_PERSONS];
    STEPS_LIST(struct steps_message) messages;
    STEPS_LIST(struct steps_relation) relations;
    STEPS_LIST(struct steps_transfer) transfers;
    STEPS_LIST(struct steps_payment) payments;
    STEPS_LIST(struct steps_reversal) reversals;
    struct steps_shard {
        int rule_count;
        struct steps_rule rules[STEPS_RULES];
        int institution_count;
        struct steps_institution institutions[STEPS_INSTITUTIONS];
    } shards[STEPS_SHARDS];
};

/* What is asked, and where in the past. */
struct steps_ask {
    const struct steps *steps;
    uint32_t shard; /* That decides. */
    uint64_t asof;  /* Nothing behind that entry counts. */
    const struct wallet_order *order;
    struct bytes content; /* Of the message, without what is only its envelope. */
    uint32_t sender;      /* Province of the session, 0: the centre and the APP. */
    const struct wallet_fact *fact;
    bool disputed;
    bool follows; /* Of a push: shard 0 has taken it. */
    int64_t now_ms;
    bool time_known;
    const char *id;       /* Name of what is begun; NULL: asked only. */
    struct rule_row rule; /* Of a RulePush, read; param PARAM_COUNT: nonsense. */
};

struct steps_debt {
    uint32_t payer;
    uint32_t payee;
    uint32_t line;
    int64_t amount;
};

struct steps_answer {
    uint16_t code; /* 0: taken. */
    bool dup;
    bool nothing; /* Taken, and nothing to write. */
    int first;    /* Place of the message that answers, -1. */
    struct wallet_said said;
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX];
    uint32_t effect_count;
    uint32_t debt_count;
    struct steps_debt debts[DEBTS_MAX];
    char ended[WALLET_ID_SIZE]; /* The transfer that ended. */
    enum steps_end end;
    enum wallet_stas returned; /* Why it went back to its giver; STAS_NONE: it did not. */
    int64_t returned_amount;
    int reversed; /* Place of the payment that was taken back, -1. */
    bool pays;    /* A payment began: */
    struct steps_payment payment;
    struct effect effects[STEPS_EFFECTS]; /* Last: what is not counted is not cleared. */
};

/* An answer that says nothing yet. */
void steps_begin(struct steps_answer *a);

/* Copies what counts of a person's lists. */
void steps_copy(struct steps_person *to, const struct steps_person *from);

void steps_clear(struct steps *steps);
void steps_free(struct steps *steps);

/* Place of a person; a new one when nothing is known of it. */
int steps_who(struct steps *steps, const struct psn_key *key);

/* Who decides: a place, -1 with a code, or -1 with 0 for what concerns nobody. */
int steps_decider(const struct steps_ask *ask, uint16_t *ret_code);

/* Each changes `p` as far as it is accepted; refused, `p` is rubbish. */
void steps_order(const struct steps_ask *ask, int who, struct steps_person *p,
                 struct steps_answer *a);

/* What the other person of an order is like; a premium is claimed by it (a->nothing unset). */
void steps_fact(const struct steps_ask *ask, struct steps_person *p, struct wallet_fact *ret_fact,
                struct steps_answer *a);

/* A settlement, refund (amount < 0) or correction that uses the wallet; the order is made of it. */
void steps_inline(const struct steps_ask *ask, int who, int64_t amount, struct steps_person *p,
                  struct steps_answer *a);
void steps_effect(const struct steps_ask *ask, const struct effect *effect, struct steps_person *p,
                  struct steps_answer *a);
void steps_sweep(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a);

/* Notes what an accepted step did; the person's rows are the caller's to put back. */
void steps_note(struct steps *steps, const struct steps_ask *ask, int who,
                const struct steps_answer *a, uint64_t seq);

/* The sender's own number for what it sends, by which a repetition is known; empty: it has none. */
struct bytes steps_number(const struct wallet_order *order);

/* The row that a rule has in an area at a time, as a shard knew it behind an entry: the area's own,
 * its province's or the nation's; NULL: none. */
const struct rule_row *steps_rule_row(const struct steps *steps, uint32_t shard, uint64_t asof,
                                      enum param param, uint32_t area, int64_t at_ms);

/* An institution as a shard knew it behind an entry; NULL: it did not. Does it take the wallet on a
 * day? */
const struct institution *steps_institution_of(const struct steps *steps, uint32_t shard,
                                               uint64_t asof, struct bytes code);
bool steps_takes_wallet(const struct institution *institution, int64_t now_ms);

/* What the nation's rule says for a time, as a shard knew it behind an entry. */
int64_t steps_rule(const struct steps *steps, uint32_t shard, uint64_t asof, enum param param,
                   int64_t at_ms);

/* yyyymmdd in Shanghai. */
uint32_t steps_day(int64_t ms);

int64_t steps_balance(const struct steps_person *p);
int64_t steps_free_balance(const struct steps_person *p, int64_t now_ms);

#endif
