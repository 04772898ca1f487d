/* spend -- care and pharmacies from the wallet: keep, pay, take back (docs/rules.md, Spending).
 *
 * ORDER OF CHECKS  sender 1004; wallet 3001, 3003; institution 3021; use 3027; place 3026; pharmacy
 * switch 2031; amount 2005; person's part 3028; balance 3025; lots 3034. The first that fails
 * answers alone. */
#include "types/cell.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/wire.h"
#include "wallet/payment.h"

/* Field number of a member of the order. */
#define FIELD(member) WALLET_FIELD(input->order->type, member)

#define USE_CARE         1
#define USE_PHARMACY     2
#define MS_PER_MINUTE    INT64_C(60000)
#define SWITCH_PHARMACY  1 /* switch_row.which */
#define LEVEL_WALLET_OK  1 /* businessLvWlt: open, … */
#define LEVEL_WALLET_LAG 2 /* … and open without data lately. */

static uint32_t province_code(uint32_t admdvs)
{
    return admdvs / 10000;
}

static bool day_within(uint32_t day, uint32_t from, uint32_t to)
{
    return day >= from && (to == 0 || day <= to);
}

/* -- the person's switch and filings ---------------------------------------------------------- */

/* 1 on, 0 off, -1 never said: the latest row in force. */
static int switch_state(const struct person *person, uint32_t which, int64_t at_ms)
{
    const struct switch_row *latest = NULL;
    for (uint32_t i = 0; i < person->switch_count; i++) {
        const struct switch_row *row = &person->switches[i];
        if (row->which != which || row->eff_ms > at_ms) continue;
        if (latest == NULL || row->eff_ms >= latest->eff_ms) latest = row;
    }
    if (latest == NULL) return -1;
    return latest->on != 0;
}

static bool has_switch(const struct params *params, uint32_t insu_admdvs, uint32_t mdtrtarea_admvs,
                       int64_t at_ms)
{
    return province_code(insu_admdvs) != province_code(mdtrtarea_admvs) &&
           params_value(params, PARAM_PHARMACY_SWITCH, insu_admdvs, at_ms) != SWITCH_NONE;
}

bool wallet_pharmacy_blocked(const struct params *params, const struct person *person,
                             uint32_t insu_admdvs, uint32_t mdtrtarea_admvs, int64_t at_ms)
{
    if (!has_switch(params, insu_admdvs, mdtrtarea_admvs, at_ms)) return false;
    const int said = switch_state(person, SWITCH_PHARMACY, at_ms);
    if (said >= 0) return said == 0;
    return params_value(params, PARAM_PHARMACY_SWITCH, insu_admdvs, at_ms) == SWITCH_DEFAULT_OFF;
}

/* Does the insured area want a filing for that place, and is it the engine that looks? */
static bool needs_filing(const struct params *params, uint32_t insu_admdvs,
                         uint32_t mdtrtarea_admvs, int64_t at_ms)
{
    if (province_code(insu_admdvs) == province_code(mdtrtarea_admvs)) return false;
    if (params_value(params, PARAM_FILING_CHECK, insu_admdvs, at_ms) == 0) return false;
    if (params_value(params, PARAM_FILING_REQUIRED, insu_admdvs, at_ms) == 0) return false;
    if (params_value(params, PARAM_AUTO_FILING, insu_admdvs, at_ms) != 0) return false;
    const int64_t group = params_value(params, PARAM_FILING_GROUP, insu_admdvs, at_ms);
    return group == 0 || group != params_value(params, PARAM_FILING_GROUP, mdtrtarea_admvs, at_ms);
}

bool wallet_checks_settlement(const struct params *params, uint32_t insu_admdvs,
                              uint32_t mdtrtarea_admvs, bool pharmacy, int64_t at_ms)
{
    return (pharmacy && has_switch(params, insu_admdvs, mdtrtarea_admvs, at_ms)) ||
           needs_filing(params, insu_admdvs, mdtrtarea_admvs, at_ms);
}

bool wallet_filing_missing(const struct params *params, const struct person *person,
                           uint32_t insu_admdvs, uint32_t mdtrtarea_admvs, int64_t at_ms)
{
    if (!needs_filing(params, insu_admdvs, mdtrtarea_admvs, at_ms)) return false;
    const uint32_t day = civil_day(at_ms);
    for (uint32_t i = 0; i < person->filing_count; i++) {
        const struct filing_row *row = &person->filings[i];
        if (province_code(row->place) == province_code(mdtrtarea_admvs) &&
            day_within(day, row->from, row->to)) {
            return false;
        }
    }
    return true;
}

/* -- may the wallet be used here? ------------------------------------------------------------- */

static bool institution_takes(const struct wallet_input *input, struct wallet_decision *decision)
{
    const struct institution *institution = input->institution;
    const uint32_t field = FIELD(fixmedins_code);
    const uint32_t today = civil_day(input->now_ms);

    if (params_value(input->params, PARAM_INSTITUTION_CHECK, input->order->mdtrtarea_admvs,
                     input->now_ms) == 0) {
        return true;
    }
    if (institution == NULL) {
        return refuse(decision, ERROR_INSTITUTION_WALLET, field, CHECK_STATE, 0, 0);
    }
    if (institution->level_wallet != LEVEL_WALLET_OK &&
        institution->level_wallet != LEVEL_WALLET_LAG) {
        return refuse(decision, ERROR_INSTITUTION_WALLET, field, CHECK_MATCH,
                      institution->level_wallet, LEVEL_WALLET_OK);
    }
    if (!day_within(today, institution->from, institution->to)) {
        return refuse(decision, ERROR_INSTITUTION_WALLET, field, CHECK_RANGE, today,
                      today < institution->from ? institution->from : institution->to);
    }
    return true;
}

/* 就医 or 购药; a pharmacy only sells. */
static bool use_fits(const struct wallet_input *input, struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (order->use == USE_PHARMACY) return true;
    if (order->use == USE_CARE && !is_pharmacy(order->fixmedins_code)) return true;
    return refuse(decision, ERROR_USE_NOT_ALLOWED, FIELD(use), CHECK_MATCH, order->use,
                  USE_PHARMACY);
}

/* wallet_spend_scope of the insured area; provinces are compared, so that a hospital of a
 * province's own and one of a city next to the usage location both do. */
static bool place_in_scope(const struct wallet_input *input, const struct person *person,
                           struct wallet_decision *decision)
{
    const struct wallet_row *wallet = &person->wallet;
    const uint32_t place = province_code(input->order->mdtrtarea_admvs);
    const int64_t scope =
        params_value(input->params, PARAM_SPEND_SCOPE, wallet->insu_admdvs, input->now_ms);

    if (scope == SCOPE_NATION || place == province_code(wallet->use_loc_admdvs) ||
        (scope == SCOPE_INSURED_PROV && place == province_code(wallet->insu_admdvs))) {
        return true;
    }
    return refuse(decision, ERROR_OUTSIDE_USE_LOC, FIELD(mdtrtarea_admvs), CHECK_MATCH,
                  input->order->mdtrtarea_admvs, wallet->use_loc_admdvs);
}

static bool may_spend_here(const struct wallet_input *input, const struct person *person,
                           struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;

    if (!wallet_is_open(input, person, decision)) return false;
    if (!institution_takes(input, decision)) return false;
    if (!use_fits(input, decision)) return false;
    if (!place_in_scope(input, person, decision)) return false;
    if (order->use == USE_PHARMACY &&
        wallet_pharmacy_blocked(input->params, person, person->wallet.insu_admdvs,
                                order->mdtrtarea_admvs, input->now_ms)) {
        return refuse(decision, ERROR_PHARMACY_SWITCH, FIELD(fixmedins_code), CHECK_NONE, 0, 0);
    }
    return true;
}

/* -- reservations ----------------------------------------------------------------------------- */

static void drop_lapsed(struct person *person, int64_t now_ms)
{
    for (uint32_t i = person->reserve_count; i != 0; i--) {
        if (person->reserves[i - 1].exp_ms <= now_ms) person_drop_reserve(person, i - 1);
    }
}

static bool text_is(const char *text, struct bytes view)
{
    return bytes_equal(bytes_of(text), view);
}

/* Of the same institution, by the id given or by the settlement it is for. */
static struct reserve_row *find_reserve(struct person *person, const struct wallet_order *order,
                                        int64_t now_ms)
{
    for (uint32_t i = 0; i < person->reserve_count; i++) {
        struct reserve_row *row = &person->reserves[i];
        if (row->exp_ms <= now_ms) continue;
        if (!text_is(row->fixmedins_code, order->fixmedins_code)) continue;
        if (order->reserve_id.size != 0 && text_is(row->reserve_id, order->reserve_id)) return row;
        if (order->medins_setl_id.size != 0 &&
            text_is(row->medins_setl_id, order->medins_setl_id)) {
            return row;
        }
    }
    return NULL;
}

static void say_reserve(const struct person *person, const struct reserve_row *row,
                        struct wallet_decision *decision)
{
    struct wallet_said *said = &decision->said;
    memcpy(said->id, row->reserve_id, WALLET_ID_SIZE);
    said->stas = STAS_DONE;
    said->amount = row->amount;
    said->balc = person_balance(person);
    said->exp_ms = row->exp_ms;
}

static void put_reserve(const struct wallet_input *input, struct person *person, int64_t amount,
                        struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const int64_t minutes = params_value(input->params, PARAM_RESERVE_MINUTES,
                                         person->wallet.insu_admdvs, input->now_ms);
    struct reserve_row *row = &person->reserves[person->reserve_count++];

    memset(row, 0, sizeof *row);
    payment_id(person, 'S', row->reserve_id);
    memcpy(row->medins_setl_id, order->medins_setl_id.data, order->medins_setl_id.size);
    memcpy(row->fixmedins_code, order->fixmedins_code.data, order->fixmedins_code.size);
    row->amount = amount;
    row->exp_ms = input->now_ms + minutes * MS_PER_MINUTE;
    say_reserve(person, row, decision);
}

void judge_pay_pre(const struct wallet_input *input, struct person *person,
                   struct wallet_decision *decision)
{
    if (!sender_is_of(input, input->order->mdtrtarea_admvs, decision)) return;
    if (!may_spend_here(input, person, decision)) return;

    const int64_t want = input->order->amount;
    if (want <= 0) {
        refuse(decision, ERROR_AMOUNT_RANGE, FIELD(amount), CHECK_RANGE, want, 1);
        return;
    }
    const struct reserve_row *known = find_reserve(person, input->order, input->now_ms);
    if (known != NULL) {
        decision->nothing = decision->dup = true;
        say_reserve(person, known, decision);
        return;
    }
    drop_lapsed(person, input->now_ms);
    const int64_t free = person_free_balance(person, input->now_ms);
    if (free <= 0) {
        refuse(decision, ERROR_WALLET_BALANCE, FIELD(amount), CHECK_RANGE, want, free);
    } else if (person->reserve_count == RESERVES_MAX) {
        refuse(decision, ERROR_TOO_MANY, FIELD(medins_setl_id), CHECK_RANGE, RESERVES_MAX + 1,
               RESERVES_MAX);
    } else {
        put_reserve(input, person, want < free ? want : free, decision);
    }
}

/* -- pay -------------------------------------------------------------------------------------- */

/* Only what the person bears after the own account (个人负担). */
static bool within_person_part(const struct wallet_input *input, int64_t amount,
                               struct wallet_decision *decision)
{
    const int64_t bears = input->order->amount2 - input->order->amount3;
    if (amount <= bears) return true;
    return refuse(decision, ERROR_ABOVE_PERSON_PART, FIELD(amount), CHECK_RANGE, amount, bears);
}

/* What is reserved for this very payment counts for it and is used up by it, however much it
 * needs. */
static void free_own_reserve(const struct wallet_input *input, struct person *person)
{
    drop_lapsed(person, input->now_ms);
    const struct reserve_row *own = find_reserve(person, input->order, input->now_ms);
    if (own != NULL) person_drop_reserve(person, (uint32_t)(own - person->reserves));
}

static void pay(const struct wallet_input *input, struct person *person, int64_t amount,
                struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct payment payment = {
        .place = order->mdtrtarea_admvs,
        .via = payment_via(input, person),
        .line = LINE_WALLET_CARE,
    };
    free_own_reserve(input, person);
    const int64_t free = person_free_balance(person, input->now_ms);
    if (!payment_make(input, person, &payment, amount, free, decision)) return;
    decision_id(decision, ID_PAID, province_code(order->mdtrtarea_admvs), order->setl_id);
}

void judge_pay(const struct wallet_input *input, struct person *person,
               struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (!sender_is_of(input, input->order->mdtrtarea_admvs, decision)) return;
    if (!may_spend_here(input, person, decision)) return;
    if (order->amount <= 0) {
        refuse(decision, ERROR_AMOUNT_RANGE, FIELD(amount), CHECK_RANGE, order->amount, 1);
        return;
    }
    if (order->amount2 != 0 && !within_person_part(input, order->amount, decision)) return;
    pay(input, person, order->amount, decision);
}

/* -- take back -------------------------------------------------------------------------------- */

bool payment_disputed(const struct wallet_input *input, uint32_t field,
                      struct wallet_decision *decision)
{
    if (input->fact == NULL || input->fact->disputed == 0) return false;
    refuse(decision, ERROR_PAYMENT_DISPUTED, field, CHECK_NONE, 0, 0);
    return true;
}

/* A payment that came with a settlement goes back with that settlement's refund, and a premium by
 * PremReverse: neither is found here. */
static bool past_found(const struct wallet_input *input, const struct person *person,
                       struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct wallet_past *past = input->past;
    const uint32_t field = order->pay_id.size != 0 ? FIELD(pay_id) : FIELD(setl_id);

    if (past == NULL || !past->found || !psn_same(&past->person, &person->key)) {
        return refuse(decision, ERROR_NO_PAYMENT, field, CHECK_NONE, 0, 0);
    }
    if (past->type != MESSAGE_WLT_PAY) {
        return refuse(decision, ERROR_NO_PAYMENT, field, CHECK_STATE, past->type, MESSAGE_WLT_PAY);
    }
    if (province_code(past->place) != province_code(order->mdtrtarea_admvs)) {
        return refuse(decision, ERROR_WRONG_PROVINCE, FIELD(mdtrtarea_admvs), CHECK_MATCH,
                      order->mdtrtarea_admvs, past->place);
    }
    return true;
}

/* Of what is left; 0: all of it. */
static void take_back(const struct wallet_input *input, struct person *person, int64_t amount,
                      struct wallet_decision *decision)
{
    const int64_t left = input->past->amount - input->past->reversed;
    if (left == 0 || amount > left) {
        refuse(decision, ERROR_ABOVE_PAYMENT, FIELD(amount), CHECK_RANGE, amount, left);
        return;
    }
    payment_back(input, person, amount == 0 ? left : amount, decision);
}

void judge_pay_reverse(const struct wallet_input *input, struct person *person,
                       struct wallet_decision *decision)
{
    if (!sender_is_of(input, input->order->mdtrtarea_admvs, decision)) return;
    if (!past_found(input, person, decision)) return;
    const uint32_t field = input->order->pay_id.size != 0 ? FIELD(pay_id) : FIELD(setl_id);
    if (payment_disputed(input, field, decision)) return;
    take_back(input, person, input->order->amount, decision);
}

/* -- with a settlement ------------------------------------------------------------------------ */

void wallet_judge_settlement(const struct wallet_input *input, int64_t amount,
                             struct person *person, struct wallet_decision *ret_decision)
{
    struct wallet_decision *decision = ret_decision;
    const struct wallet_past *past = input->past;

    wallet_decision_begin(decision);
    ENSURE(amount != 0);
    if (amount > 0) {
        if (!may_spend_here(input, person, decision)) return;
        if (!within_person_part(input, amount, decision)) return;
        pay(input, person, amount, decision);
    } else if (past == NULL || !past->found || !psn_same(&past->person, &person->key)) {
        refuse(decision, ERROR_NO_PAYMENT, FIELD(setl_id), CHECK_NONE, 0, 0);
    } else {
        take_back(input, person, -amount, decision);
    }
}
