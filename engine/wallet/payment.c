#include "wallet/payment.h"

#include "types/cell.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/text.h"

#define INSUTYPE_EMPLOYEE 310 /* Whose personal accounts stand behind every lot. */

/* -- before ----------------------------------------------------------------------------------- */

uint32_t payment_via(const struct wallet_input *input, const struct person *person)
{
    const int64_t path =
        params_value(input->params, PARAM_CLEAR_PATH, person->wallet.insu_admdvs, input->now_ms);
    return path == PATH_VIA_USE_LOC ? person->wallet.use_loc_admdvs : 0;
}

void payment_id(struct person *person, char letter, char ret_id[WALLET_ID_SIZE])
{
    wallet_id_make(letter, &person->key, person->limits.next_id++, ret_id);
}

/* -- debts ------------------------------------------------------------------------------------ */

/* What of some lots came from givers of one area. */
struct share {
    uint32_t area;
    int64_t amount;
};

/* In the order in which the areas come first. */
static uint32_t shares_of(const struct lot *used, uint32_t count, struct share *out)
{
    uint32_t shares = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = 0;
        while (at < shares && out[at].area != used[i].origin_admdvs)
            at++;
        if (at == shares) out[shares++] = (struct share){.area = used[i].origin_admdvs};
        out[at].amount += used[i].amount;
    }
    return shares;
}

/* One debt of a share: who owes whom. */
struct leg {
    uint32_t payer;
    uint32_t payee;
};

static bool same_province(uint32_t a, uint32_t b)
{
    return a / 10000 == b / 10000;
}

/* None inside a province; two through a third one. */
static uint32_t legs_of(uint32_t area, uint32_t via, uint32_t place, struct leg legs[2])
{
    if (same_province(area, place)) return 0;
    if (via == 0 || same_province(via, area) || same_province(via, place)) {
        legs[0] = (struct leg){area, place};
        return 1;
    }
    legs[0] = (struct leg){area, via};
    legs[1] = (struct leg){via, place};
    return 2;
}

static void debt_number(const char *id, uint32_t n, char out[CLIENT_NO_SIZE])
{
    struct text text = text_begin(out, CLIENT_NO_SIZE);
    text_add(&text, id);
    text_add(&text, "-");
    text_add_int(&text, n);
}

static struct wallet_debt *add_debt(struct wallet_decision *decision, struct leg leg, uint32_t line,
                                    int64_t amount)
{
    struct wallet_debt *debt = decision_debt(decision);
    debt_number(decision->said.id, decision->debt_count, debt->number);
    debt->payer_admdvs = leg.payer;
    debt->payee_admdvs = leg.payee;
    debt->line = line;
    debt->insutype = INSUTYPE_EMPLOYEE;
    debt->amount = amount;
    return debt;
}

static void owe(const struct payment *payment, struct wallet_decision *decision)
{
    struct share shares[PAY_LOTS_MAX];
    const uint32_t count = shares_of(decision->used, decision->used_count, shares);
    for (uint32_t i = 0; i < count; i++) {
        struct leg legs[2];
        const uint32_t leg_count = legs_of(shares[i].area, payment->via, payment->place, legs);
        for (uint32_t l = 0; l < leg_count; l++)
            add_debt(decision, legs[l], payment->line, shares[i].amount);
    }
}

/* The part of an area in what is taken back now. */
static int64_t back_of_area(const struct wallet_decision *decision, uint32_t area)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < decision->used_count; i++) {
        if (decision->used[i].origin_admdvs == area) sum += decision->used[i].amount;
    }
    return sum;
}

static void owe_back(const struct wallet_past *past, struct wallet_decision *decision)
{
    struct share shares[PAY_LOTS_MAX];
    const uint32_t count = shares_of(past->used, past->used_count, shares);
    uint32_t number = 0; /* Of the payment's debts. */
    for (uint32_t i = 0; i < count; i++) {
        struct leg legs[2];
        const int64_t back = back_of_area(decision, shares[i].area);
        const uint32_t leg_count = legs_of(shares[i].area, past->via, past->place, legs);
        for (uint32_t l = 0; l < leg_count; l++) {
            number++;
            if (back == 0) continue;
            debt_number(past->id, number,
                        add_debt(decision, legs[l], past->line, -back)->orig_number);
        }
    }
}

uint32_t payment_period(const struct wallet_input *input)
{
    return input->debt_period != 0 ? input->debt_period : civil_month(input->now_ms);
}

/* -- givers ----------------------------------------------------------------------------------- */

/* Now, or an instant of the month where that is another one: whoever is told reads the month. */
static int64_t now_in(uint32_t month, int64_t now_ms)
{
    return month == civil_month(now_ms) ? now_ms : civil_month_start_ms(month);
}

/* Tells the giver behind part `i` what became of it. */
static void tell_giver(const struct wallet_input *input, const struct person *person,
                       const struct payment *payment, uint32_t i, enum held_why why,
                       struct wallet_decision *decision)
{
    const struct lot *part = &decision->used[i];
    struct effect *effect = decision_effect(decision, EFFECT_HELD, &part->origin);
    effect->why = why;
    effect->other = person->key;
    memcpy(effect->id, decision->said.id, WALLET_ID_SIZE);
    effect->code = payment->insutype;
    effect->admdvs = payment->place;
    effect->year = payment->year;
    effect->line = payment->line;
    effect->amount = part->amount;
    effect->at_ms = now_in(payment_period(input), input->now_ms);
    effect->lot_count = 1;
    effect->lots[0] = *part;
}

static void say(const struct wallet_input *input, const struct person *person, int64_t amount,
                struct wallet_decision *decision)
{
    struct wallet_said *said = &decision->said;
    said->stas = STAS_DONE;
    said->amount = amount;
    said->balc = person_balance(person);
    said->lot_count = decision->used_count;
    said->period = decision->debt_count == 0 ? 0 : payment_period(input);
}

/* -- both ways -------------------------------------------------------------------------------- */

bool payment_make(const struct wallet_input *input, struct person *person,
                  const struct payment *payment, int64_t amount, int64_t free,
                  struct wallet_decision *decision)
{
    const uint32_t field = WALLET_FIELD(input->order->type, amount);
    if (amount > free) {
        return refuse(decision, ERROR_WALLET_BALANCE, field, CHECK_RANGE, amount, free);
    }
    if (!lots_take(person, amount, decision)) {
        return refuse(decision, ERROR_TOO_MANY, field, CHECK_RANGE, amount, PAY_LOTS_MAX);
    }
    payment_id(person, 'P', decision->said.id);
    owe(payment, decision);
    for (uint32_t i = 0; i < decision->used_count; i++)
        tell_giver(input, person, payment, i, HELD_SPENT, decision);
    say(input, person, amount, decision);
    decision->said.year = payment->year;
    decision_id(decision, ID_PAYMENT, 0, bytes_of(decision->said.id));
    return true;
}

/* The payment's parts that come back now, last used first, behind what came back before. */
static void choose_back(const struct wallet_past *past, int64_t amount,
                        struct wallet_decision *decision)
{
    int64_t skip = past->reversed;
    for (uint32_t i = past->used_count; i != 0 && amount != 0; i--) {
        const struct lot *used = &past->used[i - 1];
        const int64_t skipped = skip < used->amount ? skip : used->amount;
        int64_t part = used->amount - skipped;
        skip -= skipped;
        if (part > amount) part = amount;
        if (part == 0) continue;
        struct lot *back = &decision->used[decision->used_count++];
        *back = *used;
        back->amount = part;
        amount -= part;
    }
    ENSURE(amount == 0);
}

void payment_back(const struct wallet_input *input, struct person *person, int64_t amount,
                  struct wallet_decision *decision)
{
    const struct wallet_past *past = input->past;
    ENSURE(amount > 0);
    ENSURE(amount <= past->amount - past->reversed);

    const struct payment payment = {
        .place = past->place,
        .via = past->via,
        .line = past->line,
        .insutype = past->line == LINE_WALLET_CARE ? 0 : past->insutype,
        .year = past->year,
    };
    choose_back(past, amount, decision);
    payment_id(person, 'V', decision->said.id);
    owe_back(past, decision);
    for (uint32_t i = 0; i < decision->used_count; i++) {
        const struct lot *part = &decision->used[i];
        const bool restored = lot_alive(person, part) && person_put_lot(person, part);
        tell_giver(input, person, &payment, i, restored ? HELD_RESTORED : HELD_RETURNED_SPENT,
                   decision);
    }
    say(input, person, amount, decision);
    decision->said.year = past->year;
}
