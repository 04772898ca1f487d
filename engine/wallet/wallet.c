/* wallet -- hands each order to its chapter, and what several chapters need. See wallet.h. */
#include "wallet/wallet.h"

#include "types/civil.h"
#include "types/ensure.h"
#include "types/province.h"
#include "wallet/steps.h"

void wallet_decision_begin(struct wallet_decision *decision)
{
    struct wallet_decision *d = decision;
    d->failures.count = 0;
    d->nothing = d->dup = false;
    d->plain = PLAIN_NONE;
    memset(&d->said, 0, sizeof d->said);
    d->used_count = d->debt_count = d->effect_count = d->out_count = d->id_count = 0;
    d->put_institution = d->put_rule = false;
}

struct effect *decision_effect(struct wallet_decision *decision, enum effect_kind kind,
                               const struct psn_key *to)
{
    ENSURE(decision->effect_count < EFFECTS_MAX);
    struct effect *effect = &decision->effects[decision->effect_count++];
    memset(effect, 0, offsetof(struct effect, lots));
    effect->kind = kind;
    effect->to = *to;
    return effect;
}

struct outgoing *decision_out(struct wallet_decision *decision, enum outgoing_type type,
                              uint32_t dest)
{
    ENSURE(decision->out_count < OUTGOING_MAX);
    struct outgoing *out = &decision->out[decision->out_count++];
    memset(out, 0, sizeof *out);
    out->type = type;
    out->dest = dest;
    return out;
}

struct wallet_debt *decision_debt(struct wallet_decision *decision)
{
    ENSURE(decision->debt_count < DEBTS_MAX);
    struct wallet_debt *debt = &decision->debts[decision->debt_count++];
    memset(debt, 0, sizeof *debt);
    return debt;
}

void decision_id(struct wallet_decision *decision, enum id_domain domain, uint32_t scope,
                 struct bytes text)
{
    ENSURE(decision->id_count < WALLET_IDS_MAX);
    struct wallet_id *id = &decision->ids[decision->id_count++];
    ENSURE(text.size < sizeof id->text);
    memset(id, 0, sizeof *id);
    id->domain = (char)domain;
    id->scope = scope;
    if (text.size != 0) memcpy(id->text, text.data, text.size);
}

void decision_write(const struct wallet_decision *decision, struct ops_writer *writer)
{
    const struct wallet_decision *d = decision;
    for (uint32_t i = 0; i < d->used_count; i++)
        ops_put(writer, OP_USED, 0, &d->used[i], sizeof d->used[i]);
    for (uint32_t i = 0; i < d->effect_count; i++)
        ops_put_effect(writer, &d->effects[i]);
    for (uint32_t i = 0; i < d->out_count; i++)
        ops_put(writer, OP_OUT, 0, &d->out[i], sizeof d->out[i]);
    if (d->put_institution) {
        ops_put(writer, OP_INSTITUTION, 0, &d->institution, sizeof d->institution);
    }
    if (d->put_rule) ops_put(writer, OP_RULE, 0, &d->rule, sizeof d->rule);
}

/* -- lots ------------------------------------------------------------------------------------- */

/* How many lots from the front hold `amount`; 0 when they all do not. */
static uint32_t lots_needed(const struct person *person, int64_t amount)
{
    for (uint32_t i = 0; i < person->lot_count; i++) {
        amount -= person->lots[i].amount;
        if (amount <= 0) return i + 1;
    }
    return 0;
}

bool lots_take(struct person *person, int64_t amount, struct wallet_decision *decision)
{
    ENSURE(amount > 0);
    const uint32_t needed = lots_needed(person, amount);
    if (needed == 0 || needed > PAY_LOTS_MAX - decision->used_count) return false;
    while (amount != 0) {
        struct lot *front = &person->lots[0];
        struct lot *used = &decision->used[decision->used_count++];
        *used = *front;
        if (used->amount > amount) used->amount = amount;
        amount -= used->amount;
        front->amount -= used->amount;
        if (front->amount == 0) person_drop_lot(person, 0);
    }
    return true;
}

void lot_release(const struct person *person, const struct lot *lot,
                 struct wallet_decision *decision)
{
    struct effect *effect = decision_effect(decision, EFFECT_HELD, &lot->origin);
    effect->why = HELD_RELEASED;
    effect->other = person->key;
    effect->amount = lot->amount;
    effect->admdvs = lot->origin_admdvs;
}

bool lot_alive(const struct person *person, const struct lot *lot)
{
    if (person->wallet.state != WALLET_OPEN && person->wallet.state != WALLET_FROZEN) return false;
    for (uint32_t i = 0; i < person->relation_count; i++) {
        const struct relation_row *row = &person->relations[i];
        if (row->side != SIDE_RECEIVER || !psn_same(&row->other, &lot->from)) continue;
        return row->since_ms <= lot->accepted_ms; /* One that began anew is another one. */
    }
    return false;
}

void lot_keep(struct person *person, const struct lot *lot, struct wallet_decision *decision)
{
    if (lot_alive(person, lot) && person_put_lot(person, lot)) return;
    lot_release(person, lot, decision);
}

/* -- saying no -------------------------------------------------------------------------------- */

bool sender_is_app(const struct wallet_input *input, struct wallet_decision *decision)
{
    if (input->province == 0) return true;
    return refuse(decision, ERROR_SENDER_NOT_ALLOWED,
                  WALLET_FIELD(input->order->type, sender_admdvs), CHECK_MATCH, input->province, 0);
}

bool sender_is_of(const struct wallet_input *input, uint32_t admdvs,
                  struct wallet_decision *decision)
{
    const uint32_t province = admdvs / 10000;
    if (input->province == 0 || input->province == province) return true;
    return refuse(decision, ERROR_SENDER_NOT_ALLOWED,
                  WALLET_FIELD(input->order->type, sender_admdvs), CHECK_MATCH, input->province,
                  province);
}

bool wallet_is_there(const struct wallet_input *input, const struct person *person,
                     struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct wallet_row *wallet = &person->wallet;
    if (wallet->state == WALLET_NONE) {
        return refuse(decision, ERROR_NO_WALLET, WALLET_FIELD(order->type, wlt_id), CHECK_STATE, 0,
                      0);
    }
    if (order->wlt_id.size != 0 && !bytes_equal(order->wlt_id, bytes_of(wallet->wlt_id))) {
        return refuse(decision, ERROR_NO_WALLET, WALLET_FIELD(order->type, wlt_id), CHECK_MATCH, 0,
                      0);
    }
    return true;
}

bool wallet_is_open(const struct wallet_input *input, const struct person *person,
                    struct wallet_decision *decision)
{
    if (!wallet_is_there(input, person, decision)) return false;
    if (person->wallet.state == WALLET_OPEN) return true;
    return refuse(decision, ERROR_WALLET_CLOSED, WALLET_FIELD(input->order->type, wlt_id),
                  CHECK_STATE, person->wallet.state, WALLET_OPEN);
}

void answer_nothing(const char *id, bool dup, struct wallet_decision *decision)
{
    decision->nothing = true;
    decision->dup = dup;
    memcpy(decision->said.id, id, strlen(id));
    decision->said.stas = STAS_DONE;
}

/* -- who a person is -------------------------------------------------------------------------- */

uint32_t person_area(const struct person *person)
{
    return person->wallet.state != WALLET_NONE ? person->wallet.insu_admdvs
                                               : person->insured.insu_admdvs;
}

bool person_may_give(const struct person *person)
{
    const struct insured_row *insured = &person->insured;
    return insured->state == INSURED_NORMAL && insured->insu_admdvs == person_area(person);
}

struct effect *go_on(const struct person *person, enum step step, struct wallet_decision *decision)
{
    struct effect *effect = decision_effect(decision, EFFECT_CONTINUE, &person->key);
    effect->code = step;
    return effect;
}
