/* Premiums: quoted, due, claimed, paid and taken back. */
#include "tests/model/wallet_steps_parts.h"
#include "types/cell.h"
#include "types/error.h"
#include "types/wire.h"

#define MINUTE_MS INT64_C(60000)

/* -- premiums --------------------------------------------------------------------------------- */

static uint32_t premium_line(const struct steps_ask *ask, uint32_t area)
{
    if (ask->order->insutype == 390) return LINE_PREMIUM_RESIDENT;
    return ask->order->insutype == (uint32_t)rule_at(ask, PARAM_PREM_LTC_INSUTYPE, area)
               ? LINE_PREMIUM_CARE
               : 0;
}

static uint16_t connected(const struct steps_ask *ask, uint32_t area)
{
    const uint32_t line = premium_line(ask, area);
    if (line == 0) return ERROR_PREMIUM_INSUTYPE;
    const enum param param = line == LINE_PREMIUM_CARE ? PARAM_PREM_LTC : PARAM_PREM_RESIDENT;
    return rule_at(ask, param, area) != 0 ? 0 : ERROR_PREMIUM_NOT_CONNECTED;
}

static bool in_window(const struct steps_ask *ask, uint32_t area)
{
    const int64_t from = rule_at(ask, PARAM_PREM_FROM, area),
                  to = rule_at(ask, PARAM_PREM_TO, area);
    const int64_t year = ask->order->year, today = steps_day(ask->now_ms);
    return today >= (year - 1) * 10000 + from &&
           today <= (to < from ? year : year - 1) * 10000 + to;
}

/* -1: nobody has said. */
static int64_t due(const struct steps_ask *ask, uint32_t area, const struct premium_row *row)
{
    const int64_t fixed = rule_at(ask, PARAM_PREM_DUE, area);
    if (fixed > 0) return fixed;
    const bool said = row != NULL && row->insu_admdvs == area &&
                      (row->state == PREMIUM_DUE || row->state == PREMIUM_CLAIMED);
    return said ? row->due : -1;
}

static bool is_claimed(const struct steps_ask *ask, const struct premium_row *row)
{
    return row->state == PREMIUM_CLAIMED && row->exp_ms > ask->now_ms;
}

static struct premium_row *premium_for(const struct steps_ask *ask, struct steps_person *p)
{
    const struct wallet_order *o = ask->order;
    struct premium_row *row = premium_row(p, o->insutype, o->year);
    if (row != NULL || p->premium_count == STEPS_PREMIUMS) return row;
    row = &p->premiums[p->premium_count++];
    memset(row, 0, sizeof *row);
    row->insutype = o->insutype;
    row->year = o->year;
    return row;
}

static void premium_anew(struct premium_row *row, enum premium_state state)
{
    const uint32_t insutype = row->insutype, year = row->year;
    memset(row, 0, sizeof *row);
    row->insutype = insutype;
    row->year = year;
    row->state = state;
}

static void say_premium(const struct steps_ask *ask, enum wallet_stas stas, int64_t amount,
                        struct steps_answer *a)
{
    a->said.stas = stas;
    a->said.amount = amount;
    a->said.year = ask->order->year;
}

void step_quote(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const uint32_t area = o->insu_admdvs;
    if (!by_app(ask, a)) return;
    struct premium_row *row = premium_row(p, o->insutype, o->year);
    const int64_t amount = due(ask, area, row);
    const uint16_t code = connected(ask, area);
    if (code != 0) {
        a->code = code;
    } else if (!in_window(ask, area)) {
        a->code = ERROR_PREMIUM_WINDOW;
    } else if (row != NULL && row->state == PREMIUM_PAID) {
        a->code = ERROR_PREMIUM_PAID;
    } else if (amount == 0) {
        a->code = ERROR_NO_PREMIUM_DUE;
    } else if (amount > 0) {
        a->nothing = true;
        say_premium(ask, STAS_DONE, amount, a);
        if (row != NULL && row->insu_admdvs == area)
            memcpy(a->said.order_no, row->order_no, sizeof a->said.order_no);
    } else if ((row = premium_for(ask, p)) == NULL) {
        a->code = ERROR_TOO_MANY;
    } else {
        say_premium(ask, STAS_ASKED, 0, a);
        if (row->state == PREMIUM_ASKED && row->insu_admdvs == area && row->exp_ms > ask->now_ms) {
            a->nothing = true;
            return;
        }
        premium_anew(row, PREMIUM_ASKED);
        row->insu_admdvs = area;
        row->exp_ms = ask->now_ms + rule_at(ask, PARAM_RESERVE_MINUTES, area) * MINUTE_MS;
    }
}

void step_due(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!sender_of(ask, o->insu_admdvs, a)) return;
    a->code = connected(ask, o->insu_admdvs);
    if (a->code != 0) return;
    struct premium_row *row = premium_for(ask, p);
    if (row == NULL || row->state == PREMIUM_PAID) {
        a->code = row == NULL ? ERROR_TOO_MANY : ERROR_PREMIUM_PAID;
        return;
    }
    if (!is_claimed(ask, row)) premium_anew(row, PREMIUM_DUE);
    row->insu_admdvs = o->insu_admdvs;
    row->due = o->amount;
    memset(row->order_no, 0, sizeof row->order_no);
    if (o->order_no.size != 0) memcpy(row->order_no, o->order_no.data, o->order_no.size);
    say_premium(ask, STAS_DONE, o->amount, a);
    memcpy(a->said.order_no, row->order_no, sizeof a->said.order_no);
}

static bool claimed_by_other(const struct steps_ask *ask, const struct premium_row *row)
{
    return is_claimed(ask, row) &&
           memcmp(row->payer.bytes, ask->order->psn_key.data, PSN_KEY_SIZE) != 0;
}

static uint16_t claim(const struct steps_ask *ask, struct steps_person *p, struct wallet_fact *fact)
{
    const struct wallet_order *o = ask->order;
    const uint32_t area = o->insu_admdvs;
    struct premium_row *row = premium_row(p, o->insutype, o->year);
    const int64_t amount = due(ask, area, row);
    fact->insu_admdvs = area;
    fact->due = amount > 0 ? amount : 0;
    const uint16_t code = connected(ask, area);
    if (code == 0 && area == 0) return ERROR_PREMIUM_NOT_CONNECTED;
    if (code != 0) return code;
    if (!in_window(ask, area)) return ERROR_PREMIUM_WINDOW;
    if (row != NULL && row->state == PREMIUM_PAID) return ERROR_PREMIUM_PAID;
    if (row != NULL && claimed_by_other(ask, row)) return ERROR_PREMIUM_PAID;
    if (amount <= 0) return ERROR_NO_PREMIUM_DUE;
    if (o->amount != amount) return ERROR_PREMIUM_AMOUNT;
    row = premium_for(ask, p);
    if (row == NULL) return ERROR_TOO_MANY;
    if (row->insu_admdvs != area) memset(row->order_no, 0, sizeof row->order_no);
    row->state = PREMIUM_CLAIMED;
    row->insu_admdvs = area;
    row->due = amount;
    row->exp_ms = ask->now_ms + rule_at(ask, PARAM_RESERVE_MINUTES, area) * MINUTE_MS;
    memcpy(row->payer.bytes, o->psn_key.data, PSN_KEY_SIZE);
    memset(row->pay_id, 0, sizeof row->pay_id);
    return 0;
}

void steps_fact(const struct steps_ask *ask, struct steps_person *p, struct wallet_fact *ret_fact,
                struct steps_answer *a)
{
    steps_begin(a);
    a->nothing = true;
    memset(ret_fact, 0, sizeof *ret_fact);
    ret_fact->psn_key = p->key;
    ret_fact->wallet_state = p->wallet.state;
    ret_fact->insured_state = p->insured.state;
    ret_fact->insutype = p->insured.insutype;
    ret_fact->insu_admdvs = p->insured.insu_admdvs;
    ret_fact->use_loc_admdvs = p->wallet.use_loc_admdvs;
    ret_fact->lots = p->lot_count;
    ret_fact->relations = p->relation_count;
    ret_fact->offers = p->offer_count;
    if (ask->order->type != MESSAGE_PREM_PAY) return;
    ret_fact->year = ask->order->year;
    ret_fact->code = claim(ask, p, ret_fact);
    a->nothing = ret_fact->code != 0;
}

void step_pay_premium(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const struct psn_key *insured = &ask->fact->psn_key;
    if (!by_app(ask, a)) return;
    const bool related = relation_with(p, insured, SIDE_GIVER) != NULL ||
                         relation_with(p, insured, SIDE_RECEIVER) != NULL;
    if (ask->fact->code != 0) {
        a->code = (uint16_t)ask->fact->code;
    } else if (!o->flag) {
        a->code = ERROR_NO_COMMITMENT;
    } else if (!same_person(insured, &p->key) &&
               !(related && rule_at(ask, PARAM_PREM_FOR_RELATIVES, area_of(p)) != 0)) {
        a->code = ERROR_PAYER_NOT_ALLOWED;
    } else if (is_open(p, a)) {
        a->payment = (struct steps_payment){.place = o->insu_admdvs,
                                            .line = premium_line(ask, o->insu_admdvs),
                                            .insutype = o->insutype,
                                            .year = o->year,
                                            .insured = *insured};
        if (!spend(ask, p, o->amount, a)) return;
        if (o->order_no.size != 0) memcpy(a->said.order_no, o->order_no.data, o->order_no.size);
        struct effect *effect = tell(a, EFFECT_PREMIUM, insured);
        effect->why = PREMIUM_PAID;
        effect->other = p->key;
        memcpy(effect->id, a->said.id, sizeof effect->id);
        effect->code = o->insutype;
        effect->admdvs = a->payment.place;
        effect->year = o->year;
        effect->line = a->payment.line;
        effect->amount = o->amount;
        effect->at_ms = ask->now_ms;
    }
}

void step_reverse_premium(const struct steps_ask *ask, struct steps_person *p,
                          struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const int place = payment_named(ask, o->pay_id);
    const struct steps_payment *payment = &ask->steps->payments.list[place];
    const int64_t left = payment->amount - reversed_so_far(ask, place);
    if (!sender_of(ask, payment->place, a)) return;
    if (ask->disputed) {
        a->code = ERROR_PAYMENT_DISPUTED;
    } else if (left == 0) {
        a->code = ERROR_PREMIUM_REVERSED;
    } else if (o->amount > left) {
        a->code = ERROR_ABOVE_PAYMENT;
    } else if (steps_day(ask->now_ms) / 10000 >= payment->year && o->reason != 1 &&
               o->reason != 4 && rule_at(ask, PARAM_PREM_REFUND_STARTED, payment->place) == 0) {
        a->code = ERROR_COVERAGE_BEGAN;
    } else {
        const int64_t amount = o->amount == 0 ? left : o->amount;
        take_back(ask, p, place, amount, a);
        if (o->reason == 4) a->said.stas = STAS_REFUSED;
        if (amount != left) return;
        struct effect *effect = tell(a, EFFECT_PREMIUM, &payment->insured);
        effect->why = PREMIUM_REVERSED;
        effect->other = p->key;
        memcpy(effect->id, payment->id, sizeof effect->id);
        effect->code = payment->insutype;
        effect->admdvs = payment->place;
        effect->year = payment->year;
        effect->line = payment->line;
        effect->amount = payment->amount;
        effect->at_ms = ask->now_ms;
    }
}
