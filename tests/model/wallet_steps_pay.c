/* Payments, premiums and pushes; and each message to its step. */
#include <stdlib.h>

#include "tests/model/wallet_rules.h"
#include "tests/model/wallet_steps_parts.h"
#include "types/cell.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

#define MINUTE_MS INT64_C(60000)
#define PHARMACY  2

/* -- where the wallet may be used ------------------------------------------------------------- */

const struct institution *steps_institution_of(const struct steps *steps, uint32_t shard,
                                               uint64_t asof, struct bytes code)
{
    const struct steps_shard *its = &steps->shards[shard];
    const struct institution *found = NULL;
    for (int i = 0; i < its->institution_count; i++) {
        const struct steps_institution *one = &its->institutions[i];
        if (one->seq <= asof && text_is(one->row.fixmedins_code, code)) found = &one->row;
    }
    return found;
}

bool steps_takes_wallet(const struct institution *institution, int64_t now_ms)
{
    const uint32_t today = steps_day(now_ms);
    return (institution->level_wallet == 1 || institution->level_wallet == 2) &&
           today >= institution->from && (institution->to == 0 || today <= institution->to);
}

static const struct institution *institution(const struct steps_ask *ask, struct bytes code)
{
    return steps_institution_of(ask->steps, ask->shard, ask->asof, code);
}

static bool takes_wallet(const struct steps_ask *ask)
{
    const struct wallet_order *o = ask->order;
    const struct institution *i = institution(ask, o->fixmedins_code);
    if (rule_at(ask, PARAM_INSTITUTION_CHECK, o->mdtrtarea_admvs) == 0) return true;
    return i != NULL && steps_takes_wallet(i, ask->now_ms);
}

static bool in_scope(const struct steps_ask *ask, const struct steps_person *p)
{
    const uint32_t place = ask->order->mdtrtarea_admvs / 10000;
    const int64_t scope = rule_at(ask, PARAM_SPEND_SCOPE, p->wallet.insu_admdvs);
    return scope == SCOPE_NATION || place == p->wallet.use_loc_admdvs / 10000 ||
           (scope == SCOPE_INSURED_PROV && place == p->wallet.insu_admdvs / 10000);
}

/* The switch for pharmacies elsewhere: the latest in force, else what the area says. */
static bool switched_off(const struct steps_ask *ask, const struct steps_person *p)
{
    const uint32_t area = p->wallet.insu_admdvs;
    const int64_t mode = rule_at(ask, PARAM_PHARMACY_SWITCH, area);
    const struct switch_row *latest = NULL;
    if (area / 10000 == ask->order->mdtrtarea_admvs / 10000 || mode == SWITCH_NONE) return false;
    for (uint32_t i = 0; i < p->switch_count; i++) {
        const struct switch_row *row = &p->switches[i];
        if (row->eff_ms > ask->now_ms) continue;
        if (latest == NULL || row->eff_ms >= latest->eff_ms) latest = row;
    }
    return latest != NULL ? latest->on == 0 : mode == SWITCH_DEFAULT_OFF;
}

static bool may_spend(const struct steps_ask *ask, const struct steps_person *p,
                      struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const bool pharmacy = o->fixmedins_code.size != 0 && o->fixmedins_code.data[0] == 'P';
    if (!is_open(p, a)) return false;
    if (!takes_wallet(ask)) return say_no(a, ERROR_INSTITUTION_WALLET);
    if (o->use != PHARMACY && (o->use != 1 || pharmacy)) return say_no(a, ERROR_USE_NOT_ALLOWED);
    if (!in_scope(ask, p)) return say_no(a, ERROR_OUTSIDE_USE_LOC);
    if (o->use == PHARMACY && switched_off(ask, p)) return say_no(a, ERROR_PHARMACY_SWITCH);
    return true;
}

/* -- reservations ----------------------------------------------------------------------------- */

static void drop_lapsed(const struct steps_ask *ask, struct steps_person *p)
{
    for (uint32_t i = p->reserve_count; i-- != 0;) {
        if (p->reserves[i].exp_ms <= ask->now_ms)
            take_out(p->reserves, &p->reserve_count, sizeof p->reserves[0], i);
    }
}

static const struct reserve_row *own_reserve(const struct steps_ask *ask,
                                             const struct steps_person *p)
{
    for (uint32_t i = 0; i < p->reserve_count; i++) {
        const struct reserve_row *row = &p->reserves[i];
        if (row->exp_ms <= ask->now_ms) continue;
        if (!text_is(row->fixmedins_code, ask->order->fixmedins_code)) continue;
        if (text_is(row->reserve_id, ask->order->reserve_id) ||
            text_is(row->medins_setl_id, ask->order->medins_setl_id)) {
            return row;
        }
    }
    return NULL;
}

static void say_reserve(const struct steps_person *p, const struct reserve_row *row,
                        struct steps_answer *a)
{
    say_done(a, row->reserve_id);
    a->said.amount = row->amount;
    a->said.balc = steps_balance(p);
    a->said.exp_ms = row->exp_ms;
}

static void reserve(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!sender_of(ask, o->mdtrtarea_admvs, a) || !may_spend(ask, p, a)) return;
    if (o->amount <= 0) {
        a->code = ERROR_AMOUNT_RANGE;
        return;
    }
    const struct reserve_row *known = own_reserve(ask, p);
    if (known != NULL) {
        say_reserve(p, known, a);
        a->nothing = a->dup = true;
        return;
    }
    drop_lapsed(ask, p);
    const int64_t free = steps_free_balance(p, ask->now_ms);
    if (free <= 0 || p->reserve_count == RESERVES_MAX) {
        a->code = free <= 0 ? ERROR_WALLET_BALANCE : ERROR_TOO_MANY;
        return;
    }
    struct reserve_row *row = &p->reserves[p->reserve_count++];
    memset(row, 0, sizeof *row);
    take_name(ask, row->reserve_id);
    memcpy(row->medins_setl_id, o->medins_setl_id.data, o->medins_setl_id.size);
    memcpy(row->fixmedins_code, o->fixmedins_code.data, o->fixmedins_code.size);
    row->amount = o->amount < free ? o->amount : free;
    row->exp_ms =
        ask->now_ms + rule_at(ask, PARAM_RESERVE_MINUTES, p->wallet.insu_admdvs) * MINUTE_MS;
    say_reserve(p, row, a);
}

/* -- debts ------------------------------------------------------------------------------------ */

static void owe(struct steps_answer *a, uint32_t payer, uint32_t payee, uint32_t line,
                int64_t amount)
{
    if (amount != 0) a->debts[a->debt_count++] = (struct steps_debt){payer, payee, line, amount};
}

/* A giver's area owes the place for all of its lots together, straight or by a third province; in
 * the order in which the areas come first in the payment. `sign` -1: what is taken back. */
static void owe_all(struct steps_answer *a, const struct steps_payment *payment, int sign)
{
    for (uint32_t i = 0; i < payment->used_count; i++) {
        const uint32_t area = payment->used[i].origin_admdvs;
        struct rules_debt debts[2];
        int64_t sum = 0;
        bool first = true;
        for (uint32_t k = 0; k < i; k++)
            first = first && payment->used[k].origin_admdvs != area;
        for (uint32_t k = 0; k < a->used_count; k++) {
            if (a->used[k].origin_admdvs == area) sum += sign * a->used[k].amount;
        }
        const uint32_t count = first ? rules_debts(area, payment->place, payment->via, debts) : 0;
        for (uint32_t k = 0; k < count; k++)
            owe(a, debts[k].payer, debts[k].payee, payment->line, sum);
    }
}

/* -- paying and taking back ------------------------------------------------------------------- */

static void tell_giver(const struct steps_ask *ask, const struct steps_person *p,
                       const struct steps_payment *payment, const struct lot *part,
                       enum held_why why, struct steps_answer *a)
{
    struct effect *effect = tell(a, EFFECT_HELD, &part->origin);
    effect->why = why;
    effect->other = p->key;
    memcpy(effect->id, a->said.id, sizeof effect->id);
    effect->code = payment->line == LINE_WALLET_CARE ? 0 : payment->insutype;
    effect->admdvs = payment->place;
    effect->year = payment->line == LINE_WALLET_CARE ? 0 : payment->year;
    effect->line = payment->line;
    effect->amount = part->amount;
    effect->at_ms = ask->now_ms;
    effect->lot_count = 1;
    effect->lots[0] = *part;
}

static void say_money(const struct steps_person *p, int64_t amount, struct steps_answer *a)
{
    a->said.stas = STAS_DONE;
    a->said.amount = amount;
    a->said.balc = steps_balance(p);
    a->said.lot_count = a->used_count;
}

/* a->payment has place, line, insurance and year. */
bool spend(const struct steps_ask *ask, struct steps_person *p, int64_t amount,
           struct steps_answer *a)
{
    struct steps_payment *payment = &a->payment;
    if (amount > steps_free_balance(p, ask->now_ms)) return say_no(a, ERROR_WALLET_BALANCE);
    if (!take_lots(p, amount, PAY_LOTS_MAX, a->used, &a->used_count))
        return say_no(a, ERROR_TOO_MANY);
    take_name(ask, a->said.id);
    memcpy(payment->id, a->said.id, sizeof payment->id);
    payment->type = ask->order->type;
    payment->amount = amount;
    payment->via = rule_at(ask, PARAM_CLEAR_PATH, p->wallet.insu_admdvs) == PATH_VIA_USE_LOC
                       ? p->wallet.use_loc_admdvs
                       : 0;
    payment->used_count = a->used_count;
    memcpy(payment->used, a->used, sizeof payment->used);
    a->pays = true;
    owe_all(a, payment, 1);
    for (uint32_t i = 0; i < a->used_count; i++)
        tell_giver(ask, p, payment, &a->used[i], HELD_SPENT, a);
    say_money(p, amount, a);
    a->said.year = payment->year;
    return true;
}

/* What is reserved for this very payment counts for it, and is used up by it. */
static void pay_care(const struct steps_ask *ask, struct steps_person *p, int64_t amount,
                     struct steps_answer *a)
{
    drop_lapsed(ask, p);
    const struct reserve_row *own = own_reserve(ask, p);
    if (own != NULL)
        take_out(p->reserves, &p->reserve_count, sizeof *own, (uint32_t)(own - p->reserves));
    a->payment =
        (struct steps_payment){.place = ask->order->mdtrtarea_admvs, .line = LINE_WALLET_CARE};
    spend(ask, p, amount, a);
}

static void pay(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!sender_of(ask, o->mdtrtarea_admvs, a) || !may_spend(ask, p, a)) return;
    if (o->amount <= 0) {
        a->code = ERROR_AMOUNT_RANGE;
    } else if (o->amount2 != 0 && o->amount > o->amount2 - o->amount3) {
        a->code = ERROR_ABOVE_PERSON_PART;
    } else {
        pay_care(ask, p, o->amount, a);
    }
}

/* Into the same lots, the last used first, behind what came back before. */
void take_back(const struct steps_ask *ask, struct steps_person *p, int place, int64_t amount,
               struct steps_answer *a)
{
    const struct steps_payment *payment = &ask->steps->payments.list[place];
    int64_t skip = reversed_so_far(ask, place), left = amount;
    for (uint32_t i = payment->used_count; i-- != 0 && left != 0;) {
        struct lot part = payment->used[i];
        part.amount = rules_goes_back(part.amount, &skip, &left);
        if (part.amount != 0) a->used[a->used_count++] = part;
    }
    take_name(ask, a->said.id);
    owe_all(a, payment, -1);
    for (uint32_t i = 0; i < a->used_count; i++) {
        const bool kept = lot_lives(p, &a->used[i]) && add_lot(p, &a->used[i]);
        tell_giver(ask, p, payment, &a->used[i], kept ? HELD_RESTORED : HELD_RETURNED_SPENT, a);
    }
    a->reversed = place;
    say_money(p, amount, a);
    a->said.year = payment->year;
}

static void reverse(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const int place = payment_named(ask, o->pay_id);
    if (!sender_of(ask, o->mdtrtarea_admvs, a)) return;
    const struct steps_payment *payment = &ask->steps->payments.list[place];
    const int64_t left = payment->amount - reversed_so_far(ask, place);
    if (payment->type != MESSAGE_WLT_PAY) {
        a->code = ERROR_NO_PAYMENT;
    } else if (payment->place / 10000 != o->mdtrtarea_admvs / 10000) {
        a->code = ERROR_WRONG_PROVINCE;
    } else if (ask->disputed) {
        a->code = ERROR_PAYMENT_DISPUTED;
    } else if (left == 0 || o->amount > left) {
        a->code = ERROR_ABOVE_PAYMENT;
    } else {
        take_back(ask, p, place, o->amount == 0 ? left : o->amount, a);
    }
}

/* The payment under a settlement's number. */
static int paid_by(const struct steps_ask *ask, int who, struct bytes setl_id)
{
    const struct steps *s = ask->steps;
    for (int i = 0; i < s->messages.count; i++) {
        const struct steps_message *m = &s->messages.list[i];
        if (m->person == who && m->seq <= ask->asof && m->key_domain == 'q' &&
            m->key_scope == ask->order->mdtrtarea_admvs / 10000 &&
            bytes_equal(m->key_text, setl_id)) {
            return m->payment;
        }
    }
    return -1;
}

void steps_inline(const struct steps_ask *ask, int who, int64_t amount, struct steps_person *p,
                  struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    steps_begin(a);
    const int place = paid_by(ask, who, o->setl_id);
    const int64_t left =
        place < 0 ? 0 : ask->steps->payments.list[place].amount - reversed_so_far(ask, place);
    if (amount > 0 && place >= 0) { /* Paid by a message of its own, and nothing is written. */
        a->nothing = true;
        if (amount != left) a->code = ERROR_SETL_ID_REUSED;
        return;
    }
    if (amount > 0) {
        if (!may_spend(ask, p, a)) return;
        if (amount > o->amount2 - o->amount3) {
            a->code = ERROR_ABOVE_PERSON_PART;
        } else {
            pay_care(ask, p, amount, a);
        }
        return;
    }
    if (place < 0) {
        a->code = ERROR_NO_PAYMENT;
        return;
    }
    if (left == 0 || -amount > left) {
        a->code = ERROR_ABOVE_PAYMENT;
    } else {
        take_back(ask, p, place, -amount, a);
    }
}

/* -- the directory and the rules -------------------------------------------------------------- */

static struct institution institution_of(const struct wallet_order *o)
{
    struct institution row;
    memset(&row, 0, sizeof row);
    memcpy(row.fixmedins_code, o->fixmedins_code.data, o->fixmedins_code.size);
    if (o->name.size != 0) memcpy(row.name, o->name.data, o->name.size);
    row.admdvs = o->place;
    row.version = o->which;
    row.level_wallet = o->level_wallet;
    row.level_outpatient = o->level_outpatient;
    row.from = o->from;
    row.to = o->to;
    return row;
}

/* Forms, and whose institution it is, are left out: the centre pushes sound rows. */
static void push_institution(const struct steps_ask *ask, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const struct institution row = institution_of(o);
    const struct institution *stored = institution(ask, o->fixmedins_code);
    say_done(a, "");
    if (stored == NULL || row.version > stored->version) return;
    if (ask->follows || memcmp(stored, &row, sizeof row) == 0) {
        a->nothing = a->dup = true;
    } else {
        a->code = ERROR_INSTITUTION_INVALID;
    }
}

static void push_rule(const struct steps_ask *ask, struct steps_answer *a)
{
    const struct steps_shard *shard = &ask->steps->shards[ask->shard];
    const struct rule_row *row = &ask->rule;
    if (!by_app(ask, a)) return;
    const bool of_tax = row->param == PARAM_DEDUCT_FROM || row->param == PARAM_DEDUCT_MAX;
    if (row->param == PARAM_COUNT || (of_tax && row->admdvs != 0)) {
        a->code = ERROR_RULE_INVALID;
        return;
    }
    say_done(a, "");
    for (int i = 0; i < shard->rule_count; i++) {
        const struct rule_row *stored = &shard->rules[i].row;
        if (shard->rules[i].seq > ask->asof || stored->param != row->param ||
            stored->admdvs != row->admdvs || stored->eff_ms != row->eff_ms) {
            continue;
        }
        a->nothing = a->dup = stored->value == row->value;
        if (!a->dup) a->code = ERROR_RULE_INVALID;
        return;
    }
    /* What was decided up to now was decided by the rules of its time. */
    if (!ask->follows && ask->time_known && row->eff_ms < ask->now_ms) a->code = ERROR_RULE_INVALID;
}

/* -- each message to its step ----------------------------------------------------------------- */

static step_fn *step_of(uint16_t type)
{
    switch (type) {
    case MESSAGE_WLT_OPEN:
        return step_open_wallet;
    case MESSAGE_WLT_USE_LOC_CHG:
        return step_change_use_loc;
    case MESSAGE_WLT_CLOSE:
        return step_close_wallet;
    case MESSAGE_WLT_FREEZE:
    case MESSAGE_WLT_UNFREEZE:
        return step_freeze;
    case MESSAGE_RLTS_BIND:
        return step_bind;
    case MESSAGE_RLTS_UNBIND:
        return step_unbind;
    case MESSAGE_PSN_STATE_PUSH:
        return step_push_state;
    case MESSAGE_AUTH_SWITCH_PUSH:
        return step_push_switch;
    case MESSAGE_FILING_PUSH:
        return step_push_filing;
    case MESSAGE_TRSF_SUBMIT:
        return step_submit;
    case MESSAGE_TRSF_ACCEPT:
        return step_accept;
    case MESSAGE_TRSF_DECLINE:
        return step_decline;
    case MESSAGE_TRSF_VOID:
        return step_void_transfer;
    case MESSAGE_PA_HOLD_ACK:
        return step_hold_answered;
    case MESSAGE_PA_GRANT:
        return step_grant;
    case MESSAGE_LMT_RECLAIM:
        return step_reclaim;
    case MESSAGE_WLT_PAY_PRE:
        return reserve;
    case MESSAGE_WLT_PAY:
        return pay;
    case MESSAGE_WLT_PAY_REVERSE:
        return reverse;
    case MESSAGE_PREM_QUOTE:
        return step_quote;
    case MESSAGE_PREM_DUE:
        return step_due;
    case MESSAGE_PREM_PAY:
        return step_pay_premium;
    case MESSAGE_PREM_REVERSE:
        return step_reverse_premium;
    default:
        return NULL;
    }
}

void steps_order(const struct steps_ask *ask, int who, struct steps_person *p,
                 struct steps_answer *a)
{
    steps_begin(a);
    if (answered_before(ask, who, true, a) || answered_before(ask, who, false, a)) return;
    if (ask->order->type == MESSAGE_INST_DIR_PUSH) {
        push_institution(ask, a);
    } else if (ask->order->type == MESSAGE_RULE_PUSH) {
        push_rule(ask, a);
    } else {
        step_fn *step = step_of(ask->order->type);
        ENSURE(step != NULL);
        step(ask, p, a);
    }
}

/* -- what is remembered ----------------------------------------------------------------------- */

/* A place at the end of a list, zeroed. */
#define ADD(of)                                                             \
    (grow((void **)&(of).list, &(of).count, &(of).room, sizeof *(of).list), \
     &(of).list[(of).count - 1])

static void grow(void **list, int *count, int *room, size_t size)
{
    if (*count == *room) {
        *room = 2 * *room + 64;
        *list = realloc(*list, (size_t)*room * size);
        ENSURE(*list != NULL);
    }
    memset((uint8_t *)*list + (size_t)*count * size, 0, size);
    ++*count;
}

static int note_payment(struct steps *steps, int who, const struct steps_answer *a, uint64_t seq)
{
    if (!a->pays) return -1;
    struct steps_payment *payment = ADD(steps->payments);
    *payment = a->payment;
    payment->person = who;
    payment->seq = seq;
    return steps->payments.count - 1;
}

static void note_message(struct steps *steps, const struct steps_ask *ask, int who,
                         const struct steps_answer *a, uint64_t seq, int payment)
{
    const struct wallet_order *o = ask->order;
    const bool settles = o->type == MESSAGE_SETL_POST || o->type == MESSAGE_CORRECTION;
    struct matter matter = matter_of(o, ask->sender);
    if (settles) {
        matter = (struct matter){.domain = payment >= 0 ? 'q' : 'v',
                                 .scope = o->mdtrtarea_admvs / 10000,
                                 .text = payment >= 0 ? o->setl_id : o->client_no};
    }
    struct steps_message *m = ADD(steps->messages);
    m->person = who;
    m->shard = ask->shard;
    m->seq = seq;
    m->sender = ask->sender;
    m->type = o->type;
    m->has_msgid = !settles;
    m->order = *o;
    m->content = ask->content;
    m->said = a->said;
    m->used_count = a->used_count;
    memcpy(m->used, a->used, sizeof m->used);
    m->payment = payment;
    m->key_domain = matter.domain;
    m->key_scope = matter.scope;
    m->key_text = matter.text;
}

static void note_push(struct steps *steps, const struct steps_ask *ask, uint64_t seq)
{
    struct steps_shard *shard = &steps->shards[ask->shard];
    if (ask->order->type == MESSAGE_INST_DIR_PUSH) {
        ENSURE(shard->institution_count < STEPS_INSTITUTIONS);
        shard->institutions[shard->institution_count++] =
            (struct steps_institution){institution_of(ask->order), seq};
    } else if (ask->order->type == MESSAGE_RULE_PUSH) {
        ENSURE(shard->rule_count < STEPS_RULES);
        shard->rules[shard->rule_count++] = (struct steps_rule){ask->rule, seq};
    }
}

void steps_note(struct steps *steps, const struct steps_ask *ask, int who,
                const struct steps_answer *a, uint64_t seq)
{
    for (int i = 0; a->ended[0] != '\0' && i < steps->transfers.count; i++) {
        struct steps_transfer *t = &steps->transfers.list[i];
        if (strcmp(t->id, a->ended) != 0) continue;
        t->end = a->end;
        t->end_seq = seq;
    }
    if (a->reversed >= 0) {
        struct steps_reversal *r = ADD(steps->reversals);
        *r =
            (struct steps_reversal){a->reversed, seq, a->said.amount, a->said.stas == STAS_REFUSED};
    }
    const int payment = note_payment(steps, who, a, seq);
    if (ask->order == NULL) return;
    note_message(steps, ask, who, a, seq, payment);
    note_push(steps, ask, seq);
    if (ask->order->type == MESSAGE_RLTS_BIND) {
        struct steps_relation *r = ADD(steps->relations);
        memcpy(r->id, a->said.id, sizeof r->id);
        r->person = who;
        r->seq = seq;
    } else if (ask->order->type == MESSAGE_TRSF_SUBMIT) {
        struct steps_transfer *t = ADD(steps->transfers);
        memcpy(t->id, a->said.id, sizeof t->id);
        t->person = who;
        t->seq = seq;
    }
}
