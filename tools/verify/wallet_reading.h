/* wallet_reading -- an ENTRY_WALLET while wallet_check looks at it, and what its files ask of each
 * other: the ops are put into the lane (wallet_ops.c), then transfers, payments and money are put
 * to the proof, each in a file of its own; debts and settlements stand in entries beside it.
 *
 * Whatever gives a bool gives false with a finding. Only wallet_check's own files include it. */
#ifndef VERIFY_WALLET_READING_H
#define VERIFY_WALLET_READING_H

#include "tools/verify/wallet_lane.h"
#include "wallet/wallet.h"

#define ACCOUNTS_MAX  2048
#define EMITTED_MAX   256
#define BATCH_PERSONS 64

/* A person an entry changes, as it was before. */
struct touched {
    struct psn_key key;
    uint8_t *before; /* malloc'ed: packed; NULL: nothing was known. */
    uint32_t before_size;
    bool money; /* Rows that (I3) to (I5) are about were changed. */
};

/* What verify knows of an ENTRY_WALLET while it looks at it. */
struct reading {
    struct lane *lane;
    const struct entry *entry;
    struct finding *finding;
    struct opened *its; /* Its body. */
    uint16_t type;
    struct bytes message;
    struct bytes fact;
    struct bytes ops;
    struct touched persons[BATCH_PERSONS];
    uint32_t person_count;
    struct wallet_said said;
    bool has_said;
    struct lot used[PAY_LOTS_MAX];
    uint32_t used_count;
    struct effect *emitted; /* EMITTED_MAX */
    uint32_t emitted_count;
    struct effect *arrived; /* EMITTED_MAX; of a batch of mail */
    uint32_t arrived_count;
    struct outgoing *outgoing; /* EMITTED_MAX; OP_OUT of this entry */
    uint32_t outgoing_count;
    struct items to_queue; /* OP_OUT of a batch, waiting for their OP_QUEUE. */
    uint64_t queued;
    struct standing *accounts; /* ACCOUNTS_MAX */
    uint32_t account_count;
    bool accounts_full;
    struct transfer_row accepted; /* A transfer that was dropped by this entry, the last one. */
    bool has_accepted;
    uint64_t pay_hash; /* Of OP_ID 'p' and 'q'; 0: none. */
    uint64_t setl_hash;
};

/* Sets the finding, about a person or, with NULL, the entry. False, always. */
bool reading_wrong(const struct reading *r, const struct psn_key *person, const char *what);

/* The person whose rows the ops are at, as touched last; NULL before the first. */
static inline struct touched *reading_person(struct reading *r)
{
    return r->person_count == 0 ? NULL : &r->persons[r->person_count - 1];
}

/* The person as it was before the entry; borrowed. */
static inline struct kept_person reading_before(const struct touched *touched)
{
    return (struct kept_person){
        .key = touched->key, .packed = touched->before, .size = touched->before_size};
}

/* Adds to an account of the entry's books; a put_fn with the reading as its context. The second: to
 * the giver's lots of an area. */
void reading_put(void *context, enum book book, const struct psn_key *giver,
                 const struct psn_key *holder, int64_t amount);
void reading_put_area(struct reading *r, const struct psn_key *giver, uint32_t area,
                      int64_t amount);

/* -- wallet_ops.c ----------------------------------------------------------------------------- */

/* Takes the batch that the entry's message is; puts all its ops into the lane. */
bool reading_mail(struct reading *r);
bool reading_ops(struct reading *r);

/* -- wallet_transfers.c ----------------------------------------------------------------------- */

/* (I11), (I13) and what else must hold of a transfer that is taken; counts it. */
bool reading_submitted(struct reading *r, const struct psn_key *giver,
                       const struct transfer_row *transfer);

/* A transfer that ends with a credit: in time, all of it, and under a relation that stood (I14). */
bool reading_accept(struct reading *r);

/* Takes one off its day that does not count any more. */
void reading_uncount(struct reading *r);

/* (I14) at the receiver: lots that came with a credit stand under a relation. */
bool reading_credits(struct reading *r);

/* (I12) Nothing under way ends before `limit_ms`; seq: of the entry that says so. */
bool lane_endings(struct lane *lane, int64_t limit_ms, uint64_t seq, struct finding *finding);

/* -- wallet_money.c --------------------------------------------------------------------------- */

/* (I3) to (I5) of each person whose money the entry changed. */
bool reading_persons(struct reading *r);

/* (I1) Every account of the entry's books ends at zero; of areas only if asked. */
bool reading_balance(const struct reading *r, bool areas);

/* -- wallet_payments.c ------------------------------------------------------------------------ */

/* Keeps a payment, or takes one back (I10), and expects the debts of the lots it used (I9). */
bool reading_payment(struct reading *r);
bool reading_reversal(struct reading *r);

/* The settlement before this entry wanted a payment, or one taken back: that it is. */
bool reading_wanted(struct reading *r);

/* What a payment is found by. */
uint64_t wallet_pay_hash(struct bytes pay_id);
uint64_t wallet_setl_hash(uint32_t province, const struct psn_key *person, struct bytes setl_id);

/* The payment under a hash of lane->payment_ids or lane->payment_setls, or NULL. */
struct payment *lane_payment(struct lane *lane, const struct idset *index, uint64_t hash);

/* What a payment used, from its entry; gives how many lots. */
uint32_t payment_used(const struct payment *payment, struct lot used[PAY_LOTS_MAX]);

/* Adds what one area owes another to the provinces' nets; nothing inside a province. */
void lane_add_net(int64_t *net, uint32_t payer, uint32_t payee, int64_t amount);

/* -- wallet_debts.c --------------------------------------------------------------------------- */

/* Everything that had to follow the last ENTRY_WALLET or settlement is there. */
bool lane_expected(struct lane *lane, struct finding *finding);

/* Takes an ENTRY_DEBT; a settlement or a refund. */
bool lane_add_debt(struct lane *lane, const struct entry *entry, struct finding *finding);
bool lane_add_settlement(struct lane *lane, const struct entry *entry, struct finding *finding);

/* -- wallet_check.c --------------------------------------------------------------------------- */

/* A provincial rule in place of one with the same area, param and time. False without memory. */
bool lane_put_rule(struct lane *lane, const struct rule_row *row);

#endif
