/* shard_history -- what the entries of a wallet say in words a person can read, and what became of
 * a payment. Reads entries and nothing else: it judges nothing and knows no rule. */
#ifndef SHARD_HISTORY_H
#define SHARD_HISTORY_H

#include "codec/person.h"
#include "shard_internal.h"

#define HISTORY_RECORDS_MAX 32 /* Of one entry: as many as a batch of mail or its effects hold. */

struct history {
    uint64_t before; /* The entry of this person before it; 0: it is the first. */
    uint32_t count;
    struct wallet_record list[HISTORY_RECORDS_MAX];
};

/* What an ENTRY_WALLET did to a person whom it concerns; nothing when that is nobody's business,
 * such as the second step of a closing. */
void history_of(const struct entry *entry, const struct psn_key *person,
                struct history *ret_history);

#define REVERSALS_MAX 64 /* Of one payment, as a statement lists them. */

struct payment_reversal {
    uint64_t seq;
    char number[CLIENT_NO_SIZE]; /* rev_setl_id */
    int64_t amount;              /* Fen, > 0. */
    uint32_t period;             /* yyyymm */
};

struct payment {
    uint64_t seq;
    char id[WALLET_ID_SIZE]; /* pay_id */
    uint32_t period;         /* yyyymm; 0: nobody owes for it. */
    int64_t left;            /* Fen: what was paid and did not go back, by whatever message. */
    uint32_t used_count;
    struct lot used[PAY_LOTS_MAX]; /* Without what went back before the settlement came. */
    uint32_t reversal_count;       /* By WltPayReverse; those of refunds are the refunds'. */
    struct payment_reversal reversals[REVERSALS_MAX]; /* Latest first. */
};

/* The wallet's payment of the settlement of entry `settled`, within it or sent beside it. False:
 * there is none. */
bool payment_of(const struct shard *shard, uint64_t settled, const struct settlement *settlement,
                struct payment *ret_payment);

#endif
