/* receive -- what other persons' shards tell this person, and what this person's shard says to
 * theirs before they decide. An effect cannot be refused. */
#include "types/civil.h"
#include "types/ensure.h"
#include "types/province.h"
#include "types/wire.h"
#include "wallet/steps.h"

/* -- the fact --------------------------------------------------------------------------------- */

void wallet_fact_of(const struct wallet_input *input, struct person *person,
                    struct wallet_fact *ret_fact, struct wallet_decision *ret_decision)
{
    wallet_decision_begin(ret_decision);
    ret_decision->nothing = true;
    *ret_fact = (struct wallet_fact){
        .psn_key = person->key,
        .wallet_state = person->wallet.state,
        .insured_state = person->insured.state,
        .insutype = person->insured.insutype,
        .insu_admdvs = person->insured.insu_admdvs,
        .use_loc_admdvs = person->wallet.use_loc_admdvs,
        .lots = person->lot_count,
        .relations = person->relation_count,
        .offers = person->offer_count,
    };
    if (input->order->type == MESSAGE_PREM_PAY) {
        premium_fact(input, person, ret_fact, ret_decision);
    }
}

/* -- offers and credit ------------------------------------------------------------------------ */

/* False when there is none. */
static bool drop_offer(struct person *person, const char *trsf_id)
{
    const struct offer_row *row = person_offer(person, bytes_of(trsf_id));
    if (row != NULL) person_drop_offer(person, (uint32_t)(row - person->offers));
    return row != NULL;
}

static void receive_offer(const struct effect *effect, struct person *person,
                          struct wallet_decision *decision)
{
    if (person->wallet.state != WALLET_OPEN || person->offer_count == OFFERS_MAX) {
        struct effect *answer = decision_effect(decision, EFFECT_OFFER_REFUSED, &effect->other);
        answer->other = person->key;
        memcpy(answer->id, effect->id, sizeof answer->id);
        return;
    }
    struct offer_row *row = &person->offers[person->offer_count++];
    memset(row, 0, sizeof *row);
    memcpy(row->trsf_id, effect->id, sizeof row->trsf_id);
    row->giver_admdvs = effect->admdvs;
    row->giver = effect->other;
    row->amount = effect->amount;
    row->exp_ms = effect->at_ms;
    decision->plain = PLAIN_OFFERED;
}

static void receive_offer_refused(const struct effect *effect, const struct params *params,
                                  int64_t now_ms, struct person *person,
                                  struct wallet_decision *decision)
{
    const struct transfer_row *row = person_transfer(person, bytes_of(effect->id));
    if (row == NULL) return;
    transfer_return(params, person, (uint32_t)(row - person->transfers), STAS_VOIDED, now_ms,
                    decision);
}

/* Lots get the next numbers, so that they are spent in the order they came. */
static void receive_credit(const struct effect *effect, struct person *person,
                           struct wallet_decision *decision)
{
    const bool offered = drop_offer(person, effect->id);
    for (uint32_t i = 0; i < effect->lot_count; i++) {
        struct lot lot = effect->lots[i];
        if (lot_alive(person, &lot)) lot.number = person->wallet.next_lot++;
        lot_keep(person, &lot, decision);
    }
    /* Of a lot that went home its origin is told. */
    if (offered && effect->lot_count == 1 && decision->effect_count == 0) {
        decision->plain = PLAIN_CREDITED;
    }
}

/* -- relations -------------------------------------------------------------------------------- */

static void receive_relation(const struct effect *effect, struct person *person,
                             struct wallet_decision *decision)
{
    if (person->relation_count == RELATIONS_MAX) {
        struct effect *answer = decision_effect(decision, EFFECT_RELATION_END, &effect->other);
        answer->other = person->key;
        answer->code = RELATION_NOT_KEPT;
        memcpy(answer->id, effect->id, sizeof answer->id);
        return;
    }
    struct relation_row *row = &person->relations[person->relation_count++];
    memset(row, 0, sizeof *row);
    row->other = effect->other;
    memcpy(row->rlts_id, effect->id, sizeof row->rlts_id);
    row->side = SIDE_RECEIVER;
    row->rlts_code = effect->code;
    row->since_ms = effect->at_ms;
}

static bool came_from(const struct lot *lot, const struct psn_key *other, int64_t at_ms)
{
    return psn_same(&lot->from, other) && lot->accepted_ms <= at_ms;
}

void from_step(const struct psn_key *other, int64_t at_ms, struct person *person,
               struct wallet_decision *decision)
{
    int released = 0;
    for (uint32_t i = 0; i < person->lot_count;) {
        if (!came_from(&person->lots[i], other, at_ms)) {
            i++;
            continue;
        }
        if (released == STEP_ROWS) {
            struct effect *effect = go_on(person, STEP_FROM, decision);
            effect->other = *other;
            effect->at_ms = at_ms;
            return;
        }
        const struct lot lot = person->lots[i];
        person_drop_lot(person, i);
        lot_release(person, &lot, decision);
        released++;
    }
}

static void receive_relation_end(const struct effect *effect, const struct params *params,
                                 int64_t now_ms, struct person *person,
                                 struct wallet_decision *decision)
{
    const struct relation_row *row = person_relation_by_id(person, bytes_of(effect->id));
    if (row != NULL) person_drop_relation(person, (uint32_t)(row - person->relations));
    if (effect->code == RELATION_NOT_KEPT) {
        pair_step(params, &effect->other, now_ms, person, decision);
    } else {
        from_step(&effect->other, effect->at_ms, person, decision);
    }
}

/* -- recall ----------------------------------------------------------------------------------- */

/* Of that giver; where it is an account that was left, what came from that one. */
static bool is_recalled(const struct lot *lot, const struct effect *effect)
{
    return psn_same(&lot->origin, &effect->other) &&
           (effect->admdvs == 0 || effect->admdvs == lot->origin_admdvs);
}

static const struct transfer_row *carrier_of(const struct person *person,
                                             const struct effect *effect)
{
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        const struct transfer_row *row = &person->transfers[i];
        for (uint32_t k = 0; k < row->lot_count; k++) {
            if (is_recalled(&row->lots[k], effect)) return row;
        }
    }
    return NULL;
}

/* Place behind that of the last lot that a recall means; 0: there is none. */
static uint32_t last_of(const struct person *person, const struct effect *effect)
{
    for (uint32_t i = person->lot_count; i != 0; i--) {
        const struct lot *lot = &person->lots[i - 1];
        if (!is_recalled(lot, effect)) continue;
        if (effect->code == RECALL_ALL || came_from(lot, &effect->other, effect->at_ms)) return i;
    }
    return 0;
}

/* Sends at most `most` of a lot home; gives how much. */
static int64_t send_home(struct person *person, uint32_t place, int64_t most,
                         struct wallet_decision *decision)
{
    struct lot lot = person->lots[place];
    if (lot.amount > most) {
        person->lots[place].amount -= most;
        lot.amount = most;
    } else {
        person_drop_lot(person, place);
    }
    lot_release(person, &lot, decision);
    return lot.amount;
}

static void recall_on(const struct person *person, const struct effect *effect, int64_t left,
                      struct wallet_decision *decision)
{
    struct effect *next = go_on(person, STEP_RECALL, decision);
    next->other = effect->other;
    next->admdvs = effect->admdvs;
    next->at_ms = effect->at_ms;
    next->amount = left;
    next->why = effect->code; /* `code` is the step's. */
}

/* The origin hears that all it knew of is done: what it then still counts here is on its way. */
static void recall_done(const struct person *person, const struct effect *effect,
                        struct wallet_decision *decision)
{
    struct effect *answer = decision_effect(decision, EFFECT_HELD, &effect->other);
    answer->why = HELD_RELEASED;
    answer->other = person->key;
}

/* `amount` 0 is all there is; the latest lots go first, they would be spent last. */
void recall_step(const struct effect *effect, const struct params *params, int64_t now_ms,
                 struct person *person, struct wallet_decision *decision)
{
    const bool all = effect->amount == 0;
    int64_t left = all ? INT64_MAX : effect->amount;
    if (effect->code == RECALL_ALL) {
        const struct transfer_row *row = carrier_of(person, effect);
        if (row != NULL) {
            transfer_return(params, person, (uint32_t)(row - person->transfers), STAS_VOIDED,
                            now_ms, decision);
            recall_on(person, effect, 0, decision);
            return;
        }
    }
    for (int i = 0; i < STEP_ROWS && left != 0; i++) {
        const uint32_t place = last_of(person, effect);
        if (place == 0) break;
        left -= send_home(person, place - 1, left, decision);
    }
    if (left != 0 && last_of(person, effect) != 0) {
        recall_on(person, effect, all ? 0 : left, decision);
    } else if (effect->code == RECALL_ALL) {
        recall_done(person, effect, decision);
    }
}

/* -- what holders do with a giver's money ----------------------------------------------------- */

/* False when money of an account in that area has to come home wherever it turns up. */
static bool giver_stands(const struct person *person, uint32_t admdvs)
{
    return person_may_give(person) && (admdvs == 0 || admdvs == person_area(person));
}

/* Everything, or what came from the account of one area. */
static void recall_from(const struct person *person, const struct psn_key *holder, uint32_t admdvs,
                        struct wallet_decision *decision)
{
    struct effect *effect = decision_effect(decision, EFFECT_RECALL, holder);
    effect->other = person->key;
    effect->admdvs = admdvs;
    effect->code = RECALL_ALL;
}

/* The area whose account stands behind it: its giver may be insured elsewhere by now. 0 in mail of
 * journals that did not say it yet. */
static uint32_t account_behind(const struct person *person, const struct effect *effect)
{
    const uint32_t said = effect->lot_count != 0         ? effect->lots[0].origin_admdvs
                          : effect->why == HELD_RELEASED ? effect->admdvs
                                                         : 0;
    return said != 0 ? said : person_area(person);
}

/* To the province of the giver's account; `letter` makes the id: L given back, C consumed. */
static struct outgoing *tell_account(struct person *person, const struct effect *effect,
                                     enum outgoing_type type, uint32_t area, int64_t now_ms,
                                     struct wallet_decision *decision)
{
    struct outgoing *out = decision_out(decision, type, province_of_area(area));
    char id[WALLET_ID_SIZE];
    wallet_id_make(type == OUT_PA_CONSUME ? 'C' : 'L', &person->key, person->limits.next_id++, id);
    memcpy(out->id, id, sizeof id);
    memcpy(out->ref, effect->id, sizeof effect->id);
    out->at_ms = now_ms;
    out->psn_key = person->key;
    out->amount = effect->amount;
    out->why = effect->why;
    return out;
}

static void tell_consumed(struct person *person, const struct effect *effect, int64_t amount,
                          int64_t now_ms, struct wallet_decision *decision)
{
    const uint32_t area = account_behind(person, effect);
    struct outgoing *out = tell_account(person, effect, OUT_PA_CONSUME, area, now_ms, decision);
    out->amount = amount;
    out->admdvs = effect->admdvs;
    out->insutype = effect->code;
    out->year = effect->year;
    out->line = effect->line;
    out->period = civil_month(effect->at_ms); /* Of the payment, as its debts. */
}

static void give_back(struct person *person, const struct effect *effect,
                      const struct params *params, int64_t now_ms, struct wallet_decision *decision)
{
    const uint32_t area = account_behind(person, effect);
    account_free(params, area, effect->amount, now_ms, person);
    tell_account(person, effect, OUT_PA_RELEASE, area, now_ms, decision);
}

/* What `holder` has is more. Without a row of its own it would not be found again when this giver's
 * standing ends: then it goes home at once, as it does where the giver has none any more. */
static void hold_more(struct person *person, const struct psn_key *holder, int64_t amount,
                      uint32_t admdvs, struct wallet_decision *decision)
{
    const bool fits = person_holder_fits(person, holder);
    person_hold(person, holder, amount);
    if (!fits || !giver_stands(person, 0)) {
        recall_from(person, holder, 0, decision);
    } else if (!giver_stands(person, admdvs)) {
        recall_from(person, holder, admdvs, decision);
    }
}

/* True when a holder that has done all it could still is, or may be, counted here: news of it is on
 * the way, and it is asked again. That ends when all that is out is home, for whoever has a part of
 * it is asked; a row that is only out of step with another one asks for nothing. */
static bool still_counted(struct person *person, const struct psn_key *holder)
{
    const struct holder_row *row = person_holder(person, holder);
    int64_t out = 0;
    for (uint32_t i = 0; i < person->holder_count; i++)
        out += person->holders[i].amount;
    if (out <= 0) return false;
    if (row != NULL) return row->amount > 0 && !giver_stands(person, 0);
    row = person_other_holders(person);
    return row != NULL && row->amount > 0;
}

static void released(const struct effect *effect, const struct params *params, int64_t now_ms,
                     struct person *person, struct wallet_decision *decision)
{
    if (effect->amount == 0) {
        if (still_counted(person, &effect->other)) recall_from(person, &effect->other, 0, decision);
        return;
    }
    person_hold(person, &effect->other, -effect->amount);
    person->hold.held -= effect->amount;
    give_back(person, effect, params, now_ms, decision);
}

static void receive_held(const struct effect *effect, const struct params *params, int64_t now_ms,
                         struct person *person, struct wallet_decision *decision)
{
    struct hold_row *hold = &person->hold;
    const int64_t amount = effect->amount;
    switch ((enum held_why)effect->why) {
    case HELD_MOVED:
        person_hold(person, &effect->other, -amount);
        hold_more(person, &effect->third, amount, effect->admdvs, decision);
        break;
    case HELD_SPENT:
        person_hold(person, &effect->other, -amount);
        hold->held -= amount;
        hold->consumed += amount;
        tell_consumed(person, effect, amount, now_ms, decision);
        break;
    case HELD_RESTORED:
        hold->held += amount;
        hold->consumed -= amount;
        tell_consumed(person, effect, -amount, now_ms, decision);
        hold_more(person, &effect->other, amount, account_behind(person, effect), decision);
        break;
    case HELD_RELEASED:
        released(effect, params, now_ms, person, decision);
        break;
    case HELD_RETURNED_SPENT:
        hold->consumed -= amount;
        give_back(person, effect, params, now_ms, decision);
        break;
    }
    ENSURE(hold->held >= 0);
    ENSURE(hold->consumed >= 0);
    ENSURE(hold->granted >= hold->held + hold->consumed);
}

/* -- going on --------------------------------------------------------------------------------- */

static void receive_continue(const struct effect *effect, const struct params *params,
                             int64_t now_ms, struct person *person,
                             struct wallet_decision *decision)
{
    struct effect recall = *effect;
    switch ((enum step)effect->code) {
    case STEP_CLOSE:
        close_step(now_ms, person, decision);
        break;
    case STEP_PAIR:
        pair_step(params, &effect->other, now_ms, person, decision);
        break;
    case STEP_FROM:
        from_step(&effect->other, effect->at_ms, person, decision);
        break;
    case STEP_RECALL:
        recall.code = effect->why;
        recall_step(&recall, params, now_ms, person, decision);
        break;
    case STEP_STATE:
        state_step(params, effect->at_ms, &effect->third, now_ms, person, decision);
        break;
    }
}

void wallet_receive(const struct effect *effect, const struct params *params, int64_t now_ms,
                    struct person *person, struct wallet_decision *ret_decision)
{
    ENSURE(psn_same(&effect->to, &person->key));
    wallet_decision_begin(ret_decision);
    switch ((enum effect_kind)effect->kind) {
    case EFFECT_OFFER:
        receive_offer(effect, person, ret_decision);
        break;
    case EFFECT_OFFER_END:
        (void)drop_offer(person, effect->id);
        break;
    case EFFECT_CREDIT:
        receive_credit(effect, person, ret_decision);
        break;
    case EFFECT_OFFER_REFUSED:
        receive_offer_refused(effect, params, now_ms, person, ret_decision);
        break;
    case EFFECT_RELATION:
        receive_relation(effect, person, ret_decision);
        break;
    case EFFECT_RELATION_END:
        receive_relation_end(effect, params, now_ms, person, ret_decision);
        break;
    case EFFECT_HELD:
        receive_held(effect, params, now_ms, person, ret_decision);
        break;
    case EFFECT_RECALL:
        recall_step(effect, params, now_ms, person, ret_decision);
        break;
    case EFFECT_PREMIUM:
        premium_receive(effect, now_ms, person, ret_decision);
        break;
    case EFFECT_CONTINUE:
        receive_continue(effect, params, now_ms, person, ret_decision);
        break;
    case EFFECT_OUT:
    case EFFECT_KIND_END:
        ENSURE(effect->kind != EFFECT_OUT);
        break;
    }
}
