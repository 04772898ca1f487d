/* chapters -- the judges of each message, one file a chapter; only engine/wallet includes it.
 *
 * Each has the form of wallet_judge() (wallet.h). */
#ifndef WALLET_CHAPTERS_H
#define WALLET_CHAPTERS_H

#include "wallet/wallet.h"

typedef void wallet_judge_fn(const struct wallet_input *input, struct person *person,
                             struct wallet_decision *decision);

/* open.c */
wallet_judge_fn judge_open;
wallet_judge_fn judge_use_loc_chg;
wallet_judge_fn judge_close;
wallet_judge_fn judge_freeze; /* WLT_FREEZE and WLT_UNFREEZE */

/* relation.c */
wallet_judge_fn judge_bind;
wallet_judge_fn judge_unbind;
wallet_judge_fn judge_state_push;
wallet_judge_fn judge_switch_push;
wallet_judge_fn judge_filing_push;

/* transfer.c */
wallet_judge_fn judge_submit;
wallet_judge_fn judge_accept;
wallet_judge_fn judge_decline;
wallet_judge_fn judge_void;
wallet_judge_fn judge_hold_ack;

/* account.c */
wallet_judge_fn judge_grant;
wallet_judge_fn judge_reclaim;

/* spend.c */
wallet_judge_fn judge_pay_pre;
wallet_judge_fn judge_pay;
wallet_judge_fn judge_pay_reverse;

/* premium.c */
wallet_judge_fn judge_prem_quote;
wallet_judge_fn judge_prem_due;
wallet_judge_fn judge_prem_pay;
wallet_judge_fn judge_prem_reverse;

/* places.c */
wallet_judge_fn judge_institution;
wallet_judge_fn judge_rule;

/* premium.c: the first stop of PREM_PAY, at the insured person's: checks and claims. */
void premium_fact(const struct wallet_input *input, struct person *person,
                  struct wallet_fact *ret_fact, struct wallet_decision *ret_decision);

/* premium.c: EFFECT_PREMIUM arrived at the insured person. */
void premium_receive(const struct effect *effect, int64_t now_ms, struct person *person,
                     struct wallet_decision *ret_decision);

#endif
