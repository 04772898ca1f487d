/* payment -- what care and premium share: money out of the lots, its debts between provinces, and
 * both of it back. Only engine/wallet includes it.
 *
 * (P1) The parts of decision->used sum to the payment; the debts of a giver's area sum to its
 *      parts, and are none where that area lies in the province that is paid.
 * (P2) Debts are numbered in the order in which the areas are first used. So the numbers of a
 *      payment's debts are found again from what it used and where they went. */
#ifndef WALLET_PAYMENT_H
#define WALLET_PAYMENT_H

#include "wallet/steps.h"

struct payment {
    uint32_t place;    /* Area that is paid: of treatment, or the insured area of a premium. */
    uint32_t via;      /* Area its debts go through, 0: straight (wallet_clear_path). */
    uint32_t line;     /* enum line, 5..7 */
    uint32_t insutype; /* Of a premium, and its year; of care 0. */
    uint32_t year;
};

/* The area that debts of this person go through now. */
uint32_t payment_via(const struct wallet_input *input, const struct person *person);

/* yyyymm in which what is owed by it is cleared. */
uint32_t payment_period(const struct wallet_input *input);

/* A number no other id of this person has, as an id. */
void payment_id(struct person *person, char letter, char ret_id[WALLET_ID_SIZE]);

/* Takes `amount` out of the lots, first in first out, and says so to the givers and as debts; fills
 * in what is said and the id `p`. `free` is what may be used: above it 3025, too many lots 3034. */
bool payment_make(const struct wallet_input *input, struct person *person,
                  const struct payment *payment, int64_t amount, int64_t free,
                  struct wallet_decision *decision);

/* Takes `amount`, at most what is left, back: last used first, into the same lots, or home to the
 * giver when a lot is dead. Debts the other way with the numbers of the payment's own. */
void payment_back(const struct wallet_input *input, struct person *person, int64_t amount,
                  struct wallet_decision *decision);

/* True, with 3031, while a debt of it is disputed in the clearing cycle: what becomes of that debt
 * is not decided here. The home asked before. */
bool payment_disputed(const struct wallet_input *input, uint32_t field,
                      struct wallet_decision *decision);

#endif
