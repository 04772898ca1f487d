/* steps -- what the chapters of wallets, relations and transfers share: how they say no, who may
 * say what, and work that goes on over several entries. Only engine/wallet includes it.
 *
 * STEPS   A decision is one entry and so has bounds: at most STEP_ROWS lots, relations or holders,
 *         and one transfer that ends. What is left goes on with an EFFECT_CONTINUE to the same
 *         person. Each step looks at the rows there are then; doing one twice does nothing. */
#ifndef WALLET_STEPS_H
#define WALLET_STEPS_H

#include "types/wallet_fields.h"
#include "wallet/chapters.h"

/* 12 effects with what they come from fit into an entry beside a whole batch of mail, which stands
 * in it as well. */
#define STEP_ROWS 12

/* effect.code of an EFFECT_CONTINUE; in journals, so numbers stay. */
enum step {
    STEP_CLOSE = 1, /* Lots of a wallet that closes go home. */
    STEP_PAIR,      /* Transfers under way to `other` are voided: the relation has ended. */
    STEP_FROM,      /* Lots that came from `other` up to at_ms go home: the relation has ended. */
    STEP_RECALL,    /* All of the origin `other` goes home, also what is under way. */
    STEP_STATE,     /* A giver who lost the standing at at_ms: relations, transfers, holders. */
};

/* effect.code of an EFFECT_RECALL. */
enum recall {
    RECALL_ALL = 0,     /* The giver's insured state ended. */
    RECALL_RECLAIM = 1, /* The giver wants `amount` of the pair back; 0: all. */
};

/* effect.code of an EFFECT_RELATION_END sent by the receiver's side: it had no room for it. */
#define RELATION_NOT_KEPT 1

/* -- saying no -------------------------------------------------------------------------------- */

/* Adds the failure; false, so that a chain of checks ends there. */
static inline bool refuse(struct wallet_decision *decision, uint32_t code, uint32_t field,
                          enum check check, int64_t got, int64_t want)
{
    failures_add(&decision->failures, code, field, check, got, want);
    return false;
}

/* 1004 unless the session is the centre's or the APP's. */
bool sender_is_app(const struct wallet_input *input, struct wallet_decision *decision);

/* 1004 unless it is that, or that of the province of `admdvs`. */
bool sender_is_of(const struct wallet_input *input, uint32_t admdvs,
                  struct wallet_decision *decision);

/* 3001: none, or the order names another one's wallet. */
bool wallet_is_there(const struct wallet_input *input, const struct person *person,
                     struct wallet_decision *decision);

/* The same, and 3003: frozen, closing or closed. */
bool wallet_is_open(const struct wallet_input *input, const struct person *person,
                    struct wallet_decision *decision);

/* What the answer says when there is nothing to write: it was so already. */
void answer_nothing(const char *id, bool dup, struct wallet_decision *decision);

/* -- who a person is -------------------------------------------------------------------------- */

/* The area whose rules hold for a person and whose province keeps the personal account. */
uint32_t person_area(const struct person *person);

/* True while the person may give: insured normally, and in the area the wallet knows. That lags
 * behind a move until what hangs on the old area is on its way home. */
bool person_may_give(const struct person *person);

/* -- the account behind it -------------------------------------------------------------------- */

/* `amount` is back in the account of that area, and out of `held` or `consumed`: it may be used
 * again only where a grant of the area that keeps the account now stands. What a province froze for
 * this alone is no limit any more, nor what an area keeps that the person has left. */
void account_free(const struct params *params, uint32_t area, int64_t amount, int64_t now_ms,
                  struct person *person);

/* A province has frozen so much more for one transfer. */
void account_hold(int64_t amount, struct person *person);

/* Another area keeps the account from now on: what the one before granted counts no more, but for
 * what is out or was spent; and the new one's grants are numbered anew. */
void account_leave(struct person *person);

/* -- the middle of an entry ------------------------------------------------------------------- */

/* Goes on in an entry of its own. */
struct effect *go_on(const struct person *person, enum step step, struct wallet_decision *decision);

/* Ends the first transfer under way to `other` (STEP_PAIR). */
void pair_step(const struct params *params, const struct psn_key *other, int64_t now_ms,
               struct person *person, struct wallet_decision *decision);

void close_step(int64_t now_ms, struct person *person, struct wallet_decision *decision);

/* Lots that came from `other` and were accepted up to `at_ms`. */
void from_step(const struct psn_key *other, int64_t at_ms, struct person *person,
               struct wallet_decision *decision);

void recall_step(const struct effect *effect, const struct params *params, int64_t now_ms,
                 struct person *person, struct wallet_decision *decision);

/* Holders are told in the order of their keys, from the first behind `told`. */
void state_step(const struct params *params, int64_t at_ms, const struct psn_key *told,
                int64_t now_ms, struct person *person, struct wallet_decision *decision);

#endif
