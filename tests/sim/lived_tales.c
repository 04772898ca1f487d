#include "tests/sim/lived_tales.h"

#include "types/settlement.h"
#include "types/wire.h"

static void put_text(char out[TALE_TEXT_SIZE], struct bytes text)
{
    const size_t size = text.size < TALE_TEXT_SIZE ? text.size : TALE_TEXT_SIZE - 1;
    memset(out, 0, TALE_TEXT_SIZE);
    if (size != 0) memcpy(out, text.data, size);
}

static const char *why_ended(uint32_t stas)
{
    switch (stas) {
    case STAS_DECLINED:
        return "declined";
    case STAS_EXPIRED:
        return "expired";
    case STAS_VOIDED:
        return "voided";
    case STAS_REFUSED:
        return "refused";
    default:
        return "";
    }
}

/* -- messages --------------------------------------------------------------------------------- */

static const struct word {
    uint16_t type;
    const char *kind;
    const char *what;
} words[] = {
    {MESSAGE_WLT_OPEN, "wallet", "opened"},
    {MESSAGE_WLT_USE_LOC_CHG, "usage", "changed"},
    {MESSAGE_WLT_CLOSE, "wallet", "closed"},
    {MESSAGE_WLT_FREEZE, "wallet", "frozen"},
    {MESSAGE_WLT_UNFREEZE, "wallet", "unfrozen"},
    {MESSAGE_RLTS_BIND, "relation", "bound"},
    {MESSAGE_RLTS_UNBIND, "relation", "unbound"},
    {MESSAGE_PSN_STATE_PUSH, "wallet", "insured"},
    {MESSAGE_TRSF_SUBMIT, "transfer", "submitted"},
    {MESSAGE_TRSF_ACCEPT, "transfer", "accepted"},
    {MESSAGE_PA_HOLD_ACK, "transfer", "held"},
    {MESSAGE_PA_GRANT, "wallet", "granted"},
    {MESSAGE_WLT_PAY_PRE, "payment", "reserved"},
    {MESSAGE_WLT_PAY, "payment", "paid"},
    {MESSAGE_WLT_PAY_REVERSE, "payment", "reversed"},
    {MESSAGE_LMT_RECLAIM, "relation", "reclaimed"},
    {MESSAGE_PREM_QUOTE, "premium", "asked"},
    {MESSAGE_PREM_DUE, "premium", "due"},
    {MESSAGE_PREM_PAY, "premium", "paid"},
    {MESSAGE_PREM_REVERSE, "premium", "reversed"},
    {MESSAGE_AUTH_SWITCH_PUSH, "wallet", "switched"},
    {MESSAGE_FILING_PUSH, "wallet", "filed"},
};

static const struct word *word_of(uint16_t type)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].type == type) return &words[i];
    }
    return NULL;
}

/* Where it happened, or where the person is insured. */
static uint32_t area_in(const struct wallet_order *o)
{
    switch (o->type) {
    case MESSAGE_WLT_OPEN:
    case MESSAGE_WLT_USE_LOC_CHG:
        return o->use_loc_admdvs;
    case MESSAGE_WLT_PAY_PRE:
    case MESSAGE_WLT_PAY:
    case MESSAGE_WLT_PAY_REVERSE:
        return o->mdtrtarea_admvs;
    case MESSAGE_FILING_PUSH:
        return o->place;
    case MESSAGE_PSN_STATE_PUSH:
    case MESSAGE_PA_GRANT:
    case MESSAGE_PREM_QUOTE:
    case MESSAGE_PREM_DUE:
    case MESSAGE_PREM_PAY:
    case MESSAGE_AUTH_SWITCH_PUSH:
        return o->insu_admdvs;
    default:
        return 0;
    }
}

/* The sender's own number for it, or what was said. */
static struct bytes number_in(const struct wallet_order *o, const struct steps_answer *made)
{
    static const char *const states[] = {"", "normal", "paused", "ended"};
    switch (o->type) {
    case MESSAGE_PSN_STATE_PUSH:
        return bytes_of(o->use < 4 ? states[o->use] : "");
    case MESSAGE_AUTH_SWITCH_PUSH:
        return bytes_of(o->flag ? "on" : "off");
    case MESSAGE_PREM_PAY:
        return bytes_of(made->said.order_no);
    case MESSAGE_PA_HOLD_ACK: /* Only the transfer's. */
        return (struct bytes){0};
    default:
        return steps_number(o);
    }
}

bool tale_of_order(const struct wallet_order *order, const struct steps_answer *made,
                   struct tale *ret_tale)
{
    const struct word *word = word_of(order->type);
    /* That a province refused to hold is told as the end of the transfer. */
    if (word == NULL || (order->type == MESSAGE_PA_HOLD_ACK && made->returned != STAS_NONE))
        return false;
    *ret_tale = (struct tale){
        .kind = word->kind,
        .what = word->what,
        .amount = made->said.amount != 0 ? made->said.amount : order->amount,
        .admdvs = area_in(order),
    };
    put_text(ret_tale->id, bytes_of(made->said.id));
    put_text(ret_tale->ref, number_in(order, made));
    return true;
}

void tale_of_inline(const struct settlement *settlement, bool corrects,
                    const struct steps_answer *made, struct tale *ret_tale)
{
    *ret_tale = (struct tale){
        .kind = "payment",
        .what = made->reversed >= 0 ? "reversed" : "paid",
        .amount = made->said.amount,
        .admdvs = settlement->mdtrtarea_admvs,
    };
    put_text(ret_tale->id, bytes_of(made->said.id));
    if (!corrects) put_text(ret_tale->ref, settlement->setl_id);
}

/* -- mail ------------------------------------------------------------------------------------- */

static const char *of_held(uint32_t why)
{
    switch (why) {
    case HELD_MOVED:
        return "passed_on";
    case HELD_SPENT:
        return "consumed";
    case HELD_RESTORED:
        return "restored";
    case HELD_RELEASED:
    case HELD_RETURNED_SPENT:
        return "released";
    default:
        return NULL;
    }
}

static const char *of_premium(uint32_t state)
{
    return state == PREMIUM_PAID       ? "covered"
           : state == PREMIUM_REVERSED ? "reversed"
           : state == PREMIUM_DUE      ? "not_paid"
                                       : NULL;
}

bool tale_of_effect(const struct effect *effect, struct tale *ret_tale)
{
    *ret_tale =
        (struct tale){.kind = "transfer", .amount = effect->amount, .admdvs = effect->admdvs};
    put_text(ret_tale->id, bytes_of(effect->id));
    switch (effect->kind) {
    case EFFECT_OFFER:
        ret_tale->what = "offered";
        return true;
    case EFFECT_OFFER_END:
        ret_tale->what = "returned";
        put_text(ret_tale->ref, bytes_of(why_ended(effect->why)));
        return effect->why != STAS_ACCEPTED; /* "received" tells that. */
    case EFFECT_CREDIT:
        ret_tale->what = "received";
        if (effect->admdvs == 0) ret_tale->admdvs = effect->lots[0].origin_admdvs;
        return true;
    case EFFECT_HELD:
        ret_tale->what = of_held(effect->why);
        return ret_tale->what != NULL;
    case EFFECT_PREMIUM:
        ret_tale->kind = "premium";
        ret_tale->what = of_premium(effect->why);
        return ret_tale->what != NULL;
    case EFFECT_RELATION:
    case EFFECT_RELATION_END:
    case EFFECT_RECALL:
        ret_tale->kind = "relation";
        ret_tale->what = effect->kind == EFFECT_RELATION       ? "bound"
                         : effect->kind == EFFECT_RELATION_END ? "unbound"
                                                               : "recalled";
        return true;
    default:
        return false;
    }
}

bool tale_of_end(const struct steps_answer *made, struct tale *ret_tale)
{
    if (made->returned == STAS_NONE) return false;
    *ret_tale =
        (struct tale){.kind = "transfer", .what = "returned", .amount = made->returned_amount};
    put_text(ret_tale->id, bytes_of(made->ended));
    put_text(ret_tale->ref, bytes_of(why_ended(made->returned)));
    return true;
}
