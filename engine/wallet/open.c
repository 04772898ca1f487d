/* open -- a wallet is opened, moves, is frozen, closes (docs/rules.md, Wallet). */
#include "types/civil.h"
#include "types/wire.h"
#include "wallet/steps.h"

#define INSUTYPE_EMPLOYEE 310
#define INSUTYPE_RESIDENT 390
#define RELATION_KINDS    8

/* -- open ------------------------------------------------------------------------------------- */

static bool same_wallet(const struct wallet_order *order, const struct wallet_row *wallet)
{
    return order->insu_admdvs == wallet->insu_admdvs && order->insutype == wallet->insutype &&
           order->use_loc_admdvs == wallet->use_loc_admdvs;
}

/* A wallet is there: opening it again is answered, or contradicts it. True: it was. */
static bool answered_before(const struct wallet_input *input, const struct person *person,
                            struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const uint32_t state = person->wallet.state;
    if (state == WALLET_NONE || state == WALLET_CLOSED) return false;
    if (state == WALLET_CLOSING) {
        refuse(decision, ERROR_WALLET_CLOSED, WALLET_FIELD(order->type, psn_key), CHECK_STATE,
               state, WALLET_CLOSED);
    } else if (!same_wallet(order, &person->wallet)) {
        refuse(decision, ERROR_WALLET_EXISTS, WALLET_FIELD(order->type, use_loc_admdvs),
               CHECK_MATCH, order->use_loc_admdvs, person->wallet.use_loc_admdvs);
    } else {
        answer_nothing(person->wallet.wlt_id, true, decision);
        decision->said.balc = person_balance(person);
    }
    return true;
}

/* What the insured area has pushed is worth more than what the App believes. */
static bool agrees_with_state(const struct wallet_order *order, const struct insured_row *insured,
                              struct wallet_decision *decision)
{
    const uint16_t type = order->type;
    if (insured->state == 0) return true;
    if (insured->state != INSURED_NORMAL) {
        return refuse(decision, ERROR_INSURED_STATE, WALLET_FIELD(type, psn_key), CHECK_STATE,
                      insured->state, INSURED_NORMAL);
    }
    if (insured->insu_admdvs != order->insu_admdvs) {
        return refuse(decision, ERROR_INSURED_STATE, WALLET_FIELD(type, insu_admdvs), CHECK_MATCH,
                      order->insu_admdvs, insured->insu_admdvs);
    }
    if (insured->insutype != order->insutype) {
        return refuse(decision, ERROR_INSURED_STATE, WALLET_FIELD(type, insutype), CHECK_MATCH,
                      order->insutype, insured->insutype);
    }
    return true;
}

/* 代开通: by a relative of a kind that may share at all. */
static bool agent_allowed(const struct wallet_input *input, const struct person *person,
                          struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const uint32_t kind = order->rlts_code;
    if (order->other_key.size == 0) {
        if (kind == 0) return true;
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, other_key),
                      CHECK_MISSING, 0, 0);
    }
    if (memcmp(order->other_key.data, person->key.bytes, PSN_KEY_SIZE) == 0) {
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, other_key), CHECK_MATCH,
                      0, 0);
    }
    const int64_t kinds =
        params_value(input->params, PARAM_RELATIVES, order->insu_admdvs, input->now_ms);
    if (kind == 0 || kind > RELATION_KINDS || (kinds >> (kind - 1) & 1) == 0) {
        return refuse(decision, ERROR_RELATION_KIND, WALLET_FIELD(order->type, rlts_code),
                      CHECK_STATE, kind, kinds);
    }
    return true;
}

static bool may_open(const struct wallet_input *input, const struct person *person,
                     struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (order->insutype != INSUTYPE_EMPLOYEE && order->insutype != INSUTYPE_RESIDENT) {
        return refuse(decision, ERROR_UNKNOWN_CODE, WALLET_FIELD(order->type, insutype),
                      CHECK_KNOWN, order->insutype, 0);
    }
    if (!agrees_with_state(order, &person->insured, decision)) return false;
    if (params_value(input->params, PARAM_WALLET_ENABLED, order->use_loc_admdvs, input->now_ms) ==
        0) {
        return refuse(decision, ERROR_AREA_NOT_ENABLED, WALLET_FIELD(order->type, use_loc_admdvs),
                      CHECK_STATE, order->use_loc_admdvs, 0);
    }
    return agent_allowed(input, person, decision);
}

void judge_open(const struct wallet_input *input, struct person *person,
                struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    struct wallet_row *wallet = &person->wallet;

    if (!sender_is_app(input, decision) || answered_before(input, person, decision) ||
        !may_open(input, person, decision)) {
        return;
    }
    if (wallet->state == WALLET_NONE) {
        wallet_id_make('W', &person->key, 0, wallet->wlt_id);
        decision_id(decision, ID_WALLET, 0, bytes_of(wallet->wlt_id));
        wallet->next_lot = 1;
    }
    wallet->state = WALLET_OPEN;
    wallet->insu_admdvs = order->insu_admdvs;
    wallet->insutype = order->insutype;
    wallet->use_loc_admdvs = order->use_loc_admdvs;
    wallet->opened_ms = input->now_ms;
    wallet->closed_ms = 0;
    if (person->insured.state == 0) {
        person->insured = (struct insured_row){.state = INSURED_NORMAL,
                                               .insutype = order->insutype,
                                               .insu_admdvs = order->insu_admdvs};
    }
    memcpy(decision->said.id, wallet->wlt_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
}

/* -- usage location --------------------------------------------------------------------------- */

static uint32_t year_of(int64_t ms)
{
    return (uint32_t)civil_from_ms(ms).year;
}

static bool change_offered(const struct wallet_input *input, const struct wallet_row *wallet,
                           struct wallet_decision *decision)
{
    const uint32_t field = WALLET_FIELD(input->order->type, use_loc_admdvs);
    const struct params *params = input->params;
    const uint32_t area = wallet->insu_admdvs;
    if (params_value(params, PARAM_USE_LOC_CHANGE, area, input->now_ms) == 0) {
        return refuse(decision, ERROR_USE_LOC_CHANGE, field, CHECK_STATE, area, 0);
    }
    const int64_t most = params_value(params, PARAM_USE_LOC_CHANGE_MAX, area, input->now_ms);
    if (most != 0 && wallet->chg_year == year_of(input->now_ms) && wallet->chg_count >= most) {
        return refuse(decision, ERROR_USE_LOC_CHANGE, field, CHECK_RANGE, wallet->chg_count + 1,
                      most);
    }
    return true;
}

static bool new_place_fits(const struct wallet_input *input, const struct wallet_row *wallet,
                           struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const uint32_t old = order->old_use_loc_admdvs;
    if (old != 0 && old != wallet->use_loc_admdvs) {
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, old_use_loc_admdvs),
                      CHECK_MATCH, old, wallet->use_loc_admdvs);
    }
    if (order->use_loc_admdvs == wallet->use_loc_admdvs) {
        return refuse(decision, ERROR_MALFORMED, WALLET_FIELD(order->type, use_loc_admdvs),
                      CHECK_MATCH, order->use_loc_admdvs, wallet->use_loc_admdvs);
    }
    if (params_value(input->params, PARAM_WALLET_ENABLED, order->use_loc_admdvs, input->now_ms) ==
        0) {
        return refuse(decision, ERROR_AREA_NOT_ENABLED, WALLET_FIELD(order->type, use_loc_admdvs),
                      CHECK_STATE, order->use_loc_admdvs, 0);
    }
    return true;
}

/* 3017: something is under way, out or in. */
static bool nothing_under_way(const struct wallet_input *input, const struct person *person,
                              struct wallet_decision *decision)
{
    const uint32_t under_way = person->transfer_count + person->offer_count;
    if (under_way == 0) return true;
    return refuse(decision, ERROR_WALLET_BUSY, WALLET_FIELD(input->order->type, wlt_id),
                  CHECK_RANGE, under_way, 0);
}

void judge_use_loc_chg(const struct wallet_input *input, struct person *person,
                       struct wallet_decision *decision)
{
    struct wallet_row *wallet = &person->wallet;

    if (!sender_is_app(input, decision) || !wallet_is_open(input, person, decision) ||
        !change_offered(input, wallet, decision) || !new_place_fits(input, wallet, decision) ||
        !nothing_under_way(input, person, decision)) {
        return;
    }
    const uint32_t year = year_of(input->now_ms);
    if (wallet->chg_year != year) wallet->chg_count = 0;
    wallet->chg_year = year;
    wallet->chg_count++;
    wallet->chg_no++;
    wallet->use_loc_admdvs = input->order->use_loc_admdvs;
    memcpy(decision->said.id, wallet->wlt_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
    decision->said.number = wallet->chg_no;
    decision->said.balc = person_balance(person);
}

/* -- close ------------------------------------------------------------------------------------ */

void close_step(int64_t now_ms, struct person *person, struct wallet_decision *decision)
{
    if (person->wallet.state != WALLET_CLOSING) return;
    for (int i = 0; i < STEP_ROWS && person->lot_count != 0; i++) {
        const struct lot lot = person->lots[0];
        person_drop_lot(person, 0);
        lot_release(person, &lot, decision);
    }
    if (person->lot_count != 0) {
        go_on(person, STEP_CLOSE, decision);
    } else {
        person->wallet.state = WALLET_CLOSED;
        person->wallet.closed_ms = now_ms;
    }
}

void judge_close(const struct wallet_input *input, struct person *person,
                 struct wallet_decision *decision)
{
    if (!wallet_is_there(input, person, decision) ||
        !sender_is_of(input, person_area(person), decision) ||
        !wallet_is_open(input, person, decision) || !nothing_under_way(input, person, decision)) {
        return;
    }
    memcpy(decision->said.id, person->wallet.wlt_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
    decision->said.amount = person_balance(person);
    person->wallet.state = WALLET_CLOSING;
    person->reserve_count = 0;
    close_step(input->now_ms, person, decision);
}

/* -- freeze ----------------------------------------------------------------------------------- */

/* Frozen again or open already: the paper is kept all the same. */
void judge_freeze(const struct wallet_input *input, struct person *person,
                  struct wallet_decision *decision)
{
    struct wallet_row *wallet = &person->wallet;
    const bool freeze = input->order->type == MESSAGE_WLT_FREEZE;

    if (!wallet_is_there(input, person, decision) ||
        !sender_is_of(input, person_area(person), decision)) {
        return;
    }
    if (wallet->state != WALLET_OPEN && wallet->state != WALLET_FROZEN) {
        refuse(decision, ERROR_WALLET_CLOSED, WALLET_FIELD(input->order->type, wlt_id), CHECK_STATE,
               wallet->state, WALLET_OPEN);
        return;
    }
    wallet->state = freeze ? WALLET_FROZEN : WALLET_OPEN;
    memcpy(decision->said.id, wallet->wlt_id, sizeof decision->said.id);
    decision->said.stas = STAS_DONE;
    decision->said.balc = person_balance(person);
}
