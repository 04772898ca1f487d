/* wallet_model -- the rules of wallets once more, in one place and at once: no shards, no entries,
 * nothing on its way. Slow and plain, to be read beside docs/rules.md, part Wallet. It shares with
 * the engine the nouns and the codes, and no code. Personal accounts are granted (pa_hold_mode
 * GRANT). */
#ifndef MODEL_WALLET_MODEL_H
#define MODEL_WALLET_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#define MODEL_PERSONS   20
#define MODEL_LOTS      128
#define MODEL_TRANSFERS 4096
#define MODEL_PAYMENTS  4096
#define MODEL_PAY_LOTS  10 /* Lots that a payment may use. */
#define MODEL_YEARS     8  /* Premium years kept, by year % MODEL_YEARS. */

/* What differs by province; the same everywhere where a walk does not care. */
struct model_rules {
    int64_t max_each;
    int64_t max_sum;
    uint32_t max_count;
    bool pending_by_giver; /* pending_block_scope GIVER instead of PAIR */
    bool returned_count;   /* count_returned */
    uint32_t relatives;    /* Bits. */
    bool source_wallet;
    bool spend_anywhere; /* wallet_spend_scope NATION instead of USE_LOC_ONLY */
    bool via_use_loc;    /* wallet_clear_path */
    bool enabled[100];   /* wallet_enabled, by province code. */
    int64_t premium;     /* Due for every year. */
    int64_t claim_ms;    /* How long a payer's claim of a premium stands. */
};

/* A part of a wallet; also of a transfer and of a payment. */
struct model_lot {
    int origin;
    int from;
    uint32_t area; /* Of the origin. */
    uint32_t number;
    int64_t amount;
    int64_t accepted_ms;
};

struct model_person {
    bool open;
    uint32_t state; /* enum insured_state, 0: not known. */
    uint32_t insutype;
    uint32_t area;
    uint32_t use_loc;
    uint32_t eff_date;
    bool has_grant; /* Of the area that keeps the account now. */
    int64_t granted;
    int64_t consumed;
    uint32_t next_lot;
    uint32_t lot_count;
    struct model_lot lots[MODEL_LOTS];
    uint32_t day;
    uint32_t count;
    int64_t sum;
    struct {
        uint32_t year; /* 0: nothing known. */
        bool paid;
        int payment;
        int claimed_by;
        int64_t claimed_ms; /* Until then. */
    } premiums[MODEL_YEARS];
};

enum model_end {
    MODEL_PENDING,
    MODEL_ACCEPTED,
    MODEL_RETURNED, /* Declined or voided. */
    MODEL_EXPIRED,
};

struct model_transfer {
    enum model_end end;
    int giver;
    int receiver;
    uint32_t src;
    int64_t amount;
    int64_t submitted_ms;
    int64_t exp_ms;
    uint32_t lot_count;
    struct model_lot lots[8];
};

struct model_payment {
    bool premium;
    int person;
    int insured;
    uint32_t year;
    uint32_t place;
    uint32_t use_loc;
    bool via;
    int64_t amount;
    int64_t reversed;
    uint32_t used_count;
    struct model_lot used[MODEL_PAY_LOTS];
};

struct wallet_model {
    struct model_rules rules;
    struct model_person persons[MODEL_PERSONS];
    uint32_t relations[MODEL_PERSONS][MODEL_PERSONS]; /* [giver][receiver]: kind, 0: none. */
    int64_t bound_ms[MODEL_PERSONS][MODEL_PERSONS];
    uint32_t transfer_count;
    struct model_transfer transfers[MODEL_TRANSFERS];
    uint32_t payment_count;
    struct model_payment payments[MODEL_PAYMENTS];
    int64_t owed[100][100]; /* FUND: [payer][payee], province codes, fen. */
};

/* The nation's rules, everywhere enabled. */
void model_init(struct wallet_model *model);

/* Each answers the code the engine must answer; 0: done, or answered before. */
uint16_t model_open(struct wallet_model *m, int who, uint32_t area, uint32_t use_loc,
                    uint32_t insutype);
uint16_t model_bind(struct wallet_model *m, int giver, int receiver, uint32_t kind, int64_t now_ms);
uint16_t model_unbind(struct wallet_model *m, int giver, int receiver);
uint16_t model_state(struct wallet_model *m, int who, uint32_t state, uint32_t area,
                     uint32_t insutype);
uint16_t model_grant(struct wallet_model *m, int who, int64_t amount);
uint16_t model_submit(struct wallet_model *m, int giver, int receiver, uint32_t src, int64_t amount,
                      int64_t now_ms); /* The transfer is the last of the list then. */
uint16_t model_accept(struct wallet_model *m, int transfer, int receiver, int64_t now_ms);
uint16_t model_decline(struct wallet_model *m, int transfer, int receiver, int64_t now_ms);
uint16_t model_void(struct wallet_model *m, int transfer, int64_t now_ms);
uint16_t model_pay(struct wallet_model *m, int who, uint32_t place, int64_t amount, int64_t part,
                   int64_t account); /* part 0: not said. The payment is the last then. */
uint16_t model_reverse(struct wallet_model *m, int payment, uint32_t place, int64_t amount);
uint16_t model_premium(struct wallet_model *m, int payer, int insured, uint32_t area, uint32_t year,
                       int64_t amount, bool commit, int64_t now_ms);
uint16_t model_premium_reverse(struct wallet_model *m, int payment, int64_t amount);

/* Moves the time: what has ended by then goes back. */
void model_time(struct wallet_model *m, int64_t now_ms);

/* Sums of MEMO: a wallet's balance; what of the giver's money is frozen; what of it the holder has,
 * in the wallet and under way. */
int64_t model_balance(const struct wallet_model *m, int who);
int64_t model_held(const struct wallet_model *m, int giver);
int64_t model_held_at(const struct wallet_model *m, int giver, int holder);

/* FUND: what a province gets less what it owes. */
int64_t model_net(const struct wallet_model *m, uint32_t province);

#endif
