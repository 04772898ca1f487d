/* wallet_check -- the wallets of all shards, replayed from their journals and put to the proof.
 *
 * Each shard's entries go into a lane of their own (lanes may be on different threads); what is
 * between shards is looked at when all are in. It applies the ops by code of its own
 * (wallet_rows.h), knows of the engine's wallet only the forms of rows and messages, and works out
 * again what an entry claims.
 *
 * INVARIANTS (docs/rules.md, Wallet)
 *   (I1)  every entry is balanced: what leaves a lot, a transfer, a holder or a hold arrives in
 *         another row, in an effect that leaves or in what was spent
 *   (I3)  no lot, holder, hold or transfer is overdrawn
 *   (I4)  held = own transfers under way + holders, and what a giver counts at a holder is what the
 *         holder has of it; effects on their way count as arrived
 *   (I5)  granted = free + held + consumed, and consumed is what payments used, less reversals
 *   (I9)  the net of every province is the same from the debts as they are, DIRECT and VIA_USE_LOC
 *   (I10) reversals stay within their payment, lot by lot, last used first
 *   (I11) count, sum, amount and hours of transfers; (I12) none under way past its end
 *   (I13) one under way per pair; (I14) a credit's relation stood
 *   mail  each effect and message taken once, in order, byte by byte as it was sent; outboxes dense
 *   debts each payment's are what its used lots and its place imply. Cells: recount.h. */
#ifndef VERIFY_WALLET_CHECK_H
#define VERIFY_WALLET_CHECK_H

#include "journal/entry.h"
#include "tools/verify/finding.h"
#include "wallet/params.h"
#include "world/store.h"

struct wallet_check;

/* NULL without memory. */
struct wallet_check *wallet_check_new(uint32_t shards);
void wallet_check_free(struct wallet_check *check); /* NULL is fine. */

/* A provincial rule the store began with, for all lanes; before any entry. False without memory. */
bool wallet_check_rule(struct wallet_check *check, const struct rule_row *row);

/* Takes a shard's next entry, of any kind. Its body must stay where it is until the check is freed.
 * False with a finding. */
bool wallet_check_add(struct wallet_check *check, uint32_t shard, const struct entry *entry,
                      struct finding *finding);

/* Compares the store's shelf with the lane as it is now: the store stands at the latest entry. */
bool wallet_check_store(const struct wallet_check *check, uint32_t shard, struct store *store,
                        struct finding *finding);

/* When all entries of all shards are in: mail, what is on its way, sums. */
bool wallet_check_finish(struct wallet_check *check, struct finding *finding);

/* An id that an ENTRY_WALLET leaves in the directory. */
struct wallet_id_op {
    char domain;
    bool scoped; /* Its person belongs to it. */
    uint32_t scope;
    struct bytes text;
};

/* The next id among the ops, and in *person the psn_key it stands under; false when there is none.
 * Borrowed from the ops. */
bool wallet_check_next_id(struct bytes *ops, struct bytes *person, struct wallet_id_op *ret_id);

struct wallet_counts {
    uint64_t persons;
    uint64_t entries;
    uint64_t payments;
    uint64_t debts;
    uint64_t mail;   /* Taken. */
    uint64_t on_way; /* Sent and not yet taken. */
};

struct wallet_counts wallet_check_counts(const struct wallet_check *check);

#endif
