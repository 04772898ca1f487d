/* wallet -- hands each order to its chapter, and what several chapters need. See wallet.h. */
#include "wallet/wallet.h"

#include "types/ensure.h"

void wallet_decision_begin(struct wallet_decision *decision)
{
    struct wallet_decision *d = decision;
    d->failures.count = 0;
    d->nothing = d->dup = false;
    memset(&d->said, 0, sizeof d->said);
    d->used_count = d->debt_count = d->effect_count = d->out_count = d->id_count = 0;
    d->put_institution = d->put_rule = false;
}

struct effect *decision_effect(struct wallet_decision *decision, enum effect_kind kind,
                               const struct psn_key *to)
{
    ENSURE(decision->effect_count < EFFECTS_MAX);
    struct effect *effect = &decision->effects[decision->effect_count++];
    memset(effect, 0, sizeof *effect);
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
