/* account -- what of a giver's personal account stands behind the wallets of others: what the
 * province grants, and what the giver calls back (docs/rules.md, Wallet). Must not know transfers.
 */
#include "wallet/steps.h"

/* -- what may be used in all ------------------------------------------------------------------ */

static uint32_t mark_of(int64_t amount)
{
    return (uint32_t)(amount % UINT32_MAX) + 1;
}

/* What the mark leaves out of an amount; an amount is at most 10^13 fen (wallet/form.c). */
static uint32_t times_of(int64_t amount)
{
    return (uint32_t)(amount / UINT32_MAX) + 1;
}

/* What was granted is about to change without the province's word: what that was is kept, for the
 * province may say it again. It fills what was free in two rows. */
static void keep_grant(struct person *person)
{
    struct hold_row *hold = &person->hold;
    if (hold->grant_seq == 0 || hold->grant_mark != 0) return;
    hold->grant_mark = mark_of(hold->granted);
    person->limits.grant_times = times_of(hold->granted);
}

/* `granted` is what the province said, or nothing was said. */
static void forget_grant(struct person *person)
{
    person->hold.grant_mark = 0;
    person->limits.grant_times = 0;
}

static bool is_as_granted(const struct person *person, int64_t amount)
{
    const struct hold_row *hold = &person->hold;
    const uint32_t times = person->limits.grant_times;
    if (hold->grant_mark == 0) return amount == hold->granted;
    return mark_of(amount) == hold->grant_mark && (times == 0 || times_of(amount) == times);
}

void account_hold(int64_t amount, struct person *person)
{
    keep_grant(person);
    person->hold.granted += amount;
    person->hold.held += amount;
}

void account_free(const struct params *params, uint32_t area, int64_t amount, int64_t now_ms,
                  struct person *person)
{
    const struct hold_row *hold = &person->hold;
    const bool granted = hold->grant_seq != 0 && area == person->insured.insu_admdvs;
    if (granted && params_value(params, PARAM_PA_HOLD_MODE, area, now_ms) == HOLD_GRANT) return;
    keep_grant(person);
    person->hold.granted -= amount;
}

void account_leave(struct person *person)
{
    struct hold_row *hold = &person->hold;
    hold->granted = hold->held + hold->consumed;
    hold->grant_seq = 0;
    forget_grant(person);
}

/* -- grant ------------------------------------------------------------------------------------ */

void judge_grant(const struct wallet_input *input, struct person *person,
                 struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    struct hold_row *hold = &person->hold;

    if (!sender_is_of(input, order->insu_admdvs, decision)) return;
    if (person->insured.state != 0 && person->insured.insu_admdvs != order->insu_admdvs) {
        refuse(decision, ERROR_SENDER_NOT_ALLOWED, WALLET_FIELD(order->type, insu_admdvs),
               CHECK_MATCH, order->insu_admdvs, person->insured.insu_admdvs);
        return;
    }
    if (order->which == 0) {
        refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, which), CHECK_MISSING, 0, 1);
        return;
    }
    if (order->which == hold->grant_seq && !is_as_granted(person, order->amount)) {
        refuse(decision, ERROR_CLIENT_NO_REUSED, WALLET_FIELD(order->type, amount), CHECK_NONE, 0,
               0);
        return;
    }
    if (order->which <= hold->grant_seq) {
        answer_nothing("", order->which == hold->grant_seq, decision);
        return;
    }
    if (order->amount < hold->held + hold->consumed) {
        refuse(decision, ERROR_SOURCE_BALANCE, WALLET_FIELD(order->type, amount), CHECK_RANGE,
               order->amount, hold->held + hold->consumed);
        return;
    }
    hold->granted = order->amount;
    hold->grant_seq = order->which;
    forget_grant(person);
    decision->said.stas = STAS_DONE;
    decision->said.amount = order->amount;
}

/* -- reclaim ---------------------------------------------------------------------------------- */

void judge_reclaim(const struct wallet_input *input, struct person *person,
                   struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;

    if (!sender_is_app(input, decision)) return;
    if (params_value(input->params, PARAM_ALLOW_RECLAIM, person_area(person), input->now_ms) == 0) {
        refuse(decision, ERROR_NO_RECLAIM, 0, CHECK_NONE, 0, 0);
        return;
    }
    const struct relation_row *row = person_relation_by_id(person, order->rlts_id);
    if (row == NULL || row->side != SIDE_GIVER) {
        refuse(decision, ERROR_NO_RELATION, WALLET_FIELD(order->type, rlts_id), CHECK_STATE, 0, 0);
        return;
    }
    const struct holder_row *holder = person_holder(person, &row->other);
    const int64_t there = holder == NULL || holder->amount < 0 ? 0 : holder->amount;
    if (order->amount > there) {
        refuse(decision, ERROR_SOURCE_BALANCE, WALLET_FIELD(order->type, amount), CHECK_RANGE,
               order->amount, there);
        return;
    }
    struct effect *effect = decision_effect(decision, EFFECT_RECALL, &row->other);
    effect->other = person->key;
    effect->code = RECALL_RECLAIM;
    effect->amount = order->amount;
    effect->at_ms = input->now_ms;
    memcpy(effect->id, row->rlts_id, sizeof effect->id);
    memcpy(decision->said.id, row->rlts_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
    decision->said.amount = order->amount == 0 ? there : order->amount;
}
