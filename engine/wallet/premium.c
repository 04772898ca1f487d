/* premium -- premiums from a wallet, once per person, insurance and year (docs/rules.md, Premium).
 *
 * The insured person's shard keeps the row of each year: what is due, who is about to pay, who has
 * paid. A payment stops there first, where the row is claimed for its payer, and is then judged at
 * the payer's, whose lots pay; EFFECT_PREMIUM tells the row how it went. A refused payment writes
 * nothing anywhere: its claim lapses.
 *
 * ORDER OF CHECKS  sender 1004; then what the insured person's stop found: insurance 4007,
 * connected 4002, window 4003, paid or claimed 4008, due 4001, amount 4004; then commitment 4005;
 * payer 4006; wallet 3001, 3003; balance 3025; lots 3034. */
#include "types/cell.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/province.h"
#include "types/wire.h"
#include "wallet/payment.h"

/* Field number of a member of the order. */
#define FIELD(member) WALLET_FIELD(input->order->type, member)

#define INSUTYPE_RESIDENT 390
#define MS_PER_MINUTE     INT64_C(60000)

enum premium_reason {
    REASON_PAID_TWICE = 1,
    REASON_DEATH = 2,
    REASON_EMPLOYEE = 3,
    REASON_REFUSED = 4, /* The insured area never took it. */
};

static int64_t rule(const struct wallet_input *input, uint32_t area, enum param param)
{
    return params_value(input->params, param, area, input->now_ms);
}

/* -- which premium, and when ------------------------------------------------------------------ */

/* Line of an insurance that a wallet may pay, 0: none of them. */
static uint32_t line_of(const struct wallet_input *input, uint32_t area)
{
    if (input->order->insutype == INSUTYPE_RESIDENT) return LINE_PREMIUM_RESIDENT;
    if ((int64_t)input->order->insutype == rule(input, area, PARAM_PREM_LTC_INSUTYPE)) {
        return LINE_PREMIUM_CARE;
    }
    return 0;
}

static enum error_code insurance_code(const struct wallet_input *input, uint32_t area)
{
    switch (line_of(input, area)) {
    case LINE_PREMIUM_RESIDENT:
        return rule(input, area, PARAM_PREM_RESIDENT) != 0 ? ERROR_OK : ERROR_PREMIUM_NOT_CONNECTED;
    case LINE_PREMIUM_CARE:
        return rule(input, area, PARAM_PREM_LTC) != 0 ? ERROR_OK : ERROR_PREMIUM_NOT_CONNECTED;
    default:
        return ERROR_PREMIUM_INSUTYPE;
    }
}

/* The premium of a year is paid in the year before, from prem_window_from to the end of
 * prem_window_to; where the end lies before the beginning, it is meant in the year itself. */
static bool in_window(const struct wallet_input *input, uint32_t area)
{
    const int64_t from = rule(input, area, PARAM_PREM_FROM);
    const int64_t to = rule(input, area, PARAM_PREM_TO);
    const int64_t year = input->order->year;
    const struct civil now = civil_from_ms(input->now_ms);
    const int64_t today = now.year * INT64_C(10000) + now.month * 100 + now.day;

    return today >= (year - 1) * 10000 + from &&
           today <= (to < from ? year : year - 1) * 10000 + to;
}

/* A claim that has lapsed is as good as none. */
static bool claimed(const struct premium_row *row, int64_t now_ms)
{
    return row->state == PREMIUM_CLAIMED && row->exp_ms > now_ms;
}

/* Fen that are due, 0: nothing is, -1: nobody has said yet. What the province said is of one
 * insured area: of another one nothing is known. */
static int64_t due_of(const struct wallet_input *input, uint32_t area,
                      const struct premium_row *row)
{
    const int64_t fixed = rule(input, area, PARAM_PREM_DUE);
    if (fixed > 0) return fixed;
    if (row == NULL || row->insu_admdvs != area) return -1;
    return row->state == PREMIUM_DUE || row->state == PREMIUM_CLAIMED ? row->due : -1;
}

/* The row of the order's insurance and year; a new one when there is none, NULL when there are too
 * many. */
static struct premium_row *row_for(struct person *person, uint32_t insutype, uint32_t year)
{
    struct premium_row *row = person_premium(person, insutype, year);
    if (row != NULL || person->premium_count == PREMIUMS_MAX) return row;
    row = &person->premiums[person->premium_count++];
    memset(row, 0, sizeof *row);
    row->insutype = insutype;
    row->year = year;
    return row;
}

/* Texts of rows are compared as bytes: what is behind the end is zero. */
static void set_text(char *out, size_t size, struct bytes text)
{
    ENSURE(text.size < size);
    memset(out, 0, size);
    if (text.size != 0) memcpy(out, text.data, text.size);
}

/* -- quote and due ---------------------------------------------------------------------------- */

/* 4007, 4002, 4003, 4008 for a quote, in this order. */
static bool may_be_paid(const struct wallet_input *input, const struct premium_row *row,
                        struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const uint32_t area = order->insu_admdvs;
    const enum error_code code = insurance_code(input, area);
    if (code != ERROR_OK) {
        return refuse(decision, code, FIELD(insutype), CHECK_STATE, order->insutype, 0);
    }
    if (!in_window(input, area)) {
        return refuse(decision, ERROR_PREMIUM_WINDOW, FIELD(year), CHECK_RANGE, order->year,
                      civil_from_ms(input->now_ms).year + 1);
    }
    if (row != NULL && row->state == PREMIUM_PAID) {
        return refuse(decision, ERROR_PREMIUM_PAID, FIELD(year), CHECK_NONE, 0, 0);
    }
    return true;
}

static void say_premium(const struct wallet_order *order, enum wallet_stas stas, int64_t due,
                        struct wallet_decision *decision)
{
    decision->said.stas = stas;
    decision->said.amount = due;
    decision->said.year = order->year;
}

/* Asks the insured area, not more often than a reservation lasts: an answer takes its time, and the
 * outbox repeats what was not taken. */
static void ask_due(const struct wallet_input *input, struct person *person,
                    struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const uint32_t area = order->insu_admdvs;
    struct premium_row *row = row_for(person, order->insutype, order->year);

    if (row == NULL) {
        refuse(decision, ERROR_TOO_MANY, FIELD(year), CHECK_RANGE, PREMIUMS_MAX + 1, PREMIUMS_MAX);
        return;
    }
    say_premium(order, STAS_ASKED, 0, decision);
    if (row->state == PREMIUM_ASKED && row->insu_admdvs == area && row->exp_ms > input->now_ms) {
        decision->nothing = true;
        return;
    }
    *row = (struct premium_row){.insutype = order->insutype, .year = order->year};
    row->state = PREMIUM_ASKED;
    row->insu_admdvs = area;
    row->exp_ms = input->now_ms + rule(input, area, PARAM_RESERVE_MINUTES) * MS_PER_MINUTE;

    char id[WALLET_ID_SIZE];
    struct outgoing *out = decision_out(decision, OUT_PREM_ASK, province_of_area(area));
    payment_id(person, 'Q', id);
    memcpy(out->id, id, sizeof id);
    out->at_ms = input->now_ms;
    out->psn_key = person->key;
    out->admdvs = area;
    out->insutype = order->insutype;
    out->year = order->year;
    out->line = line_of(input, area);
}

void judge_prem_quote(const struct wallet_input *input, struct person *person,
                      struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (!sender_is_app(input, decision)) return;

    const struct premium_row *row = person_premium(person, order->insutype, order->year);
    if (!may_be_paid(input, row, decision)) return;
    const int64_t due = due_of(input, order->insu_admdvs, row);
    if (due < 0) {
        ask_due(input, person, decision);
    } else if (due == 0) {
        refuse(decision, ERROR_NO_PREMIUM_DUE, FIELD(year), CHECK_NONE, 0, 0);
    } else {
        decision->nothing = true;
        say_premium(order, STAS_DONE, due, decision);
        if (row != NULL && row->insu_admdvs == order->insu_admdvs) {
            memcpy(decision->said.order_no, row->order_no, sizeof row->order_no);
        }
    }
}

/* The province's word replaces its earlier one. Not what is paid; and a payer who is about to pay
 * keeps the claim and the amount that was due when it began. */
void judge_prem_due(const struct wallet_input *input, struct person *person,
                    struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (!sender_is_of(input, order->insu_admdvs, decision)) return;
    const enum error_code code = insurance_code(input, order->insu_admdvs);
    if (code != ERROR_OK) {
        refuse(decision, code, FIELD(insutype), CHECK_STATE, order->insutype, 0);
        return;
    }
    struct premium_row *row = row_for(person, order->insutype, order->year);
    if (row == NULL) {
        refuse(decision, ERROR_TOO_MANY, FIELD(year), CHECK_RANGE, PREMIUMS_MAX + 1, PREMIUMS_MAX);
        return;
    }
    if (row->state == PREMIUM_PAID) {
        refuse(decision, ERROR_PREMIUM_PAID, FIELD(year), CHECK_NONE, 0, 0);
        return;
    }
    if (!claimed(row, input->now_ms)) {
        *row = (struct premium_row){.insutype = order->insutype, .year = order->year};
        row->state = PREMIUM_DUE;
    }
    row->insu_admdvs = order->insu_admdvs;
    row->due = order->amount;
    set_text(row->order_no, sizeof row->order_no, order->order_no);
    say_premium(order, STAS_DONE, order->amount, decision);
    memcpy(decision->said.order_no, row->order_no, sizeof row->order_no);
}

/* -- the first stop of a payment: the insured person ------------------------------------------ */

/* A payer is known by the wallet: its id is a function of the person, the key may be left out.
 * False: that is no wallet's id. */
static bool payer_wallet(const struct wallet_order *order, char ret_id[WALLET_ID_SIZE])
{
    if (order->wlt_id.size >= WALLET_ID_SIZE) return false;
    if (order->wlt_id.size != 0) {
        set_text(ret_id, WALLET_ID_SIZE, order->wlt_id);
        return true;
    }
    struct psn_key payer;
    memcpy(payer.bytes, order->psn_key.data, PSN_KEY_SIZE);
    wallet_id_make('W', &payer, 0, ret_id);
    return true;
}

/* What stands against a payment by that wallet, in the order of checks; `due` as due_of(). */
static enum error_code payable(const struct wallet_input *input, uint32_t area,
                               const struct premium_row *row, const char *payer, int64_t due)
{
    const enum error_code code = insurance_code(input, area);
    if (code == ERROR_PREMIUM_INSUTYPE) return code;
    if (area == 0) return ERROR_PREMIUM_NOT_CONNECTED; /* Whose premium would it be? */
    if (code != ERROR_OK) return code;
    if (!in_window(input, area)) return ERROR_PREMIUM_WINDOW;
    if (row != NULL && row->state == PREMIUM_PAID) return ERROR_PREMIUM_PAID;
    if (row != NULL && claimed(row, input->now_ms) &&
        memcmp(row->pay_id, payer, WALLET_ID_SIZE) != 0) {
        return ERROR_PREMIUM_PAID;
    }
    if (due <= 0) return ERROR_NO_PREMIUM_DUE;
    return input->order->amount == due ? ERROR_OK : ERROR_PREMIUM_AMOUNT;
}

/* While it is claimed, a row's pay_id is the payer's wallet. */
static bool claim(const struct wallet_input *input, uint32_t area, const char *payer, int64_t due,
                  struct person *person)
{
    const struct wallet_order *order = input->order;
    struct premium_row *row = row_for(person, order->insutype, order->year);
    if (row == NULL) return false;
    if (row->insu_admdvs != area) memset(row->order_no, 0, sizeof row->order_no);
    row->state = PREMIUM_CLAIMED;
    row->insu_admdvs = area;
    row->due = due;
    row->exp_ms = input->now_ms + rule(input, area, PARAM_RESERVE_MINUTES) * MS_PER_MINUTE;
    memset(&row->payer, 0, sizeof row->payer);
    if (order->psn_key.size != 0) memcpy(row->payer.bytes, order->psn_key.data, PSN_KEY_SIZE);
    memcpy(row->pay_id, payer, sizeof row->pay_id);
    return true;
}

static enum error_code try_claim(const struct wallet_input *input, struct person *person,
                                 struct wallet_fact *fact)
{
    const struct wallet_order *order = input->order;
    struct failures failures = {.count = 0};
    char payer[WALLET_ID_SIZE];

    wallet_order_check(order, &failures); /* The payer's stop says what is wrong with it. */
    if (failures.count != 0) return ERROR_MALFORMED;
    if (!payer_wallet(order, payer)) return ERROR_NO_WALLET;
    const struct premium_row *row = person_premium(person, order->insutype, order->year);
    const uint32_t area = order->insu_admdvs;
    const int64_t due = due_of(input, area, row);
    fact->insu_admdvs = area;
    fact->due = due > 0 ? due : 0;
    const enum error_code code = payable(input, area, row, payer, due);
    if (code != ERROR_OK) return code;
    return claim(input, area, payer, due, person) ? ERROR_OK : ERROR_TOO_MANY;
}

void premium_fact(const struct wallet_input *input, struct person *person,
                  struct wallet_fact *ret_fact, struct wallet_decision *ret_decision)
{
    ret_fact->year = input->order->year;
    ret_fact->code = try_claim(input, person, ret_fact);
    ret_decision->nothing = ret_fact->code != ERROR_OK;
}

/* -- pay: the payer --------------------------------------------------------------------------- */

/* What the insured person's stop refused, with the field it is about. */
static bool fact_allows(const struct wallet_input *input, struct wallet_decision *decision)
{
    const struct wallet_fact *fact = input->fact;
    ENSURE(fact != NULL);
    switch (fact->code) {
    case ERROR_OK:
        return true;
    case ERROR_PREMIUM_INSUTYPE:
    case ERROR_PREMIUM_NOT_CONNECTED:
        return refuse(decision, fact->code, FIELD(insutype), CHECK_STATE, input->order->insutype,
                      0);
    case ERROR_PREMIUM_AMOUNT:
        return refuse(decision, fact->code, FIELD(amount), CHECK_MATCH, input->order->amount,
                      fact->due);
    case ERROR_NO_WALLET:
        return refuse(decision, fact->code, FIELD(wlt_id), CHECK_STATE, 0, 0);
    default:
        return refuse(decision, fact->code, FIELD(year), CHECK_NONE, input->order->year, 0);
    }
}

/* For oneself, or for a relative where the payer's insured area allows it. Who gives to whom does
 * not matter. */
static bool payer_may(const struct wallet_input *input, struct person *person,
                      struct wallet_decision *decision)
{
    const struct psn_key *insured = &input->fact->psn_key;
    if (psn_same(insured, &person->key)) return true;
    const bool related = person_relation(person, insured, SIDE_GIVER) != NULL ||
                         person_relation(person, insured, SIDE_RECEIVER) != NULL;
    if (related && params_value(input->params, PARAM_PREM_FOR_RELATIVES, person_area(person),
                                input->now_ms) != 0) {
        return true;
    }
    return refuse(decision, ERROR_PAYER_NOT_ALLOWED, FIELD(other_key), CHECK_NONE, 0, 0);
}

static void advise(const struct wallet_input *input, const struct person *person,
                   const struct payment *payment, struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    struct effect *effect = decision_effect(decision, EFFECT_PREMIUM, &input->fact->psn_key);
    effect->why = PREMIUM_PAID;
    effect->other = person->key;
    memcpy(effect->id, decision->said.id, WALLET_ID_SIZE);
    effect->code = order->insutype;
    effect->admdvs = payment->place;
    effect->year = payment->year;
    effect->line = payment->line;
    effect->amount = order->amount;
    effect->at_ms = input->now_ms;

    struct outgoing *out =
        decision_out(decision, OUT_PREM_ADVICE, province_of_area(payment->place));
    memcpy(out->id, decision->said.id, WALLET_ID_SIZE);
    set_text(out->ref, sizeof out->ref, order->order_no);
    out->at_ms = input->now_ms;
    out->psn_key = input->fact->psn_key;
    out->amount = order->amount;
    out->admdvs = payment->place;
    out->insutype = order->insutype;
    out->year = payment->year;
    out->period = payment_period(input);
    out->line = payment->line;
}

void judge_prem_pay(const struct wallet_input *input, struct person *person,
                    struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (!sender_is_app(input, decision)) return;
    if (!fact_allows(input, decision)) return;
    if (!order->flag) {
        refuse(decision, ERROR_NO_COMMITMENT, FIELD(flag), CHECK_MISSING, 0, 0);
        return;
    }
    if (!payer_may(input, person, decision)) return;
    if (!wallet_is_open(input, person, decision)) return;

    const struct payment payment = {
        .place = order->insu_admdvs,
        .via = payment_via(input, person),
        .line = line_of(input, order->insu_admdvs),
        .year = order->year,
        .insutype = order->insutype,
    };
    const int64_t free = person_free_balance(person, input->now_ms);
    if (!payment_make(input, person, &payment, order->amount, free, decision)) return;
    set_text(decision->said.order_no, sizeof decision->said.order_no, order->order_no);
    advise(input, person, &payment, decision);
}

/* -- take back -------------------------------------------------------------------------------- */

/* From 1 January of its year on a premium stays, unless it was paid twice or never taken. */
static bool coverage_allows(const struct wallet_input *input, struct wallet_decision *decision)
{
    const struct wallet_past *past = input->past;
    const uint32_t reason = input->order->reason;
    const int64_t began = civil_month_start_ms(past->year * 100 + 1);

    if (input->now_ms < began || reason == REASON_PAID_TWICE || reason == REASON_REFUSED ||
        params_value(input->params, PARAM_PREM_REFUND_STARTED, past->place, input->now_ms) != 0) {
        return true;
    }
    return refuse(decision, ERROR_COVERAGE_BEGAN, FIELD(reason), CHECK_MATCH, reason,
                  REASON_PAID_TWICE);
}

static bool may_go_back(const struct wallet_input *input, const struct person *person,
                        struct wallet_decision *decision)
{
    const struct wallet_past *past = input->past;
    const int64_t amount = input->order->amount;

    if (past == NULL || !past->found || past->type != MESSAGE_PREM_PAY ||
        !psn_same(&past->person, &person->key)) {
        return refuse(decision, ERROR_NO_PREMIUM, FIELD(pay_id), CHECK_NONE, 0, 0);
    }
    if (!sender_is_of(input, past->place, decision)) return false;
    if (payment_disputed(input, FIELD(pay_id), decision)) return false;
    const int64_t left = past->amount - past->reversed;
    if (left == 0) {
        return refuse(decision, ERROR_PREMIUM_REVERSED, FIELD(pay_id), CHECK_NONE, 0, 0);
    }
    if (amount > left) {
        return refuse(decision, ERROR_ABOVE_PAYMENT, FIELD(amount), CHECK_RANGE, amount, left);
    }
    return coverage_allows(input, decision);
}

/* The year is free again only when all of it is back. */
static void free_year(const struct wallet_input *input, struct wallet_decision *decision)
{
    const struct wallet_past *past = input->past;
    struct effect *effect = decision_effect(decision, EFFECT_PREMIUM, &past->other);
    effect->why = PREMIUM_REVERSED;
    effect->other = past->person;
    memcpy(effect->id, past->id, WALLET_ID_SIZE);
    effect->code = past->insutype;
    effect->admdvs = past->place;
    effect->year = past->year;
    effect->line = past->line;
    effect->amount = past->amount;
    effect->at_ms = input->now_ms;
}

void judge_prem_reverse(const struct wallet_input *input, struct person *person,
                        struct wallet_decision *decision)
{
    if (!may_go_back(input, person, decision)) return;

    const int64_t left = input->past->amount - input->past->reversed;
    const int64_t amount = input->order->amount == 0 ? left : input->order->amount;
    payment_back(input, person, amount, decision);
    if (input->order->reason == REASON_REFUSED) decision->said.stas = STAS_REFUSED;
    if (amount == left) free_year(input, decision);
}

/* -- the insured person is told --------------------------------------------------------------- */

void premium_receive(const struct effect *effect, int64_t now_ms, struct person *person,
                     struct wallet_decision *ret_decision)
{
    struct premium_row *row = row_for(person, effect->code, effect->year);
    (void)now_ms;
    (void)ret_decision;
    ENSURE(row != NULL); /* It was claimed, and rows stay. */

    const bool its = memcmp(row->pay_id, effect->id, sizeof row->pay_id) == 0;
    if (effect->why == PREMIUM_REVERSED) {
        if (row->state == PREMIUM_PAID && its) row->state = PREMIUM_REVERSED;
        return;
    }
    /* Paid twice, by a payer whose claim had lapsed: the first stands, and the insured area sends
     * the second back. */
    if (row->state == PREMIUM_PAID) return;
    row->state = PREMIUM_PAID;
    row->insu_admdvs = effect->admdvs;
    row->due = effect->amount;
    row->exp_ms = 0;
    row->payer = effect->other;
    memcpy(row->pay_id, effect->id, sizeof row->pay_id);
}
