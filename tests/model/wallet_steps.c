#include "tests/model/wallet_steps.h"

#include <stdlib.h>

#include "tests/model/wallet_rules.h"
#include "tests/model/wallet_steps_parts.h"
#include "types/cell.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

#define RESIDENT 390

/* -- the list of everything ------------------------------------------------------------------- */

void steps_free(struct steps *steps)
{
    free(steps->messages.list);
    free(steps->relations.list);
    free(steps->transfers.list);
    free(steps->payments.list);
    free(steps->reversals.list);
    memset(steps, 0, sizeof *steps);
}

void steps_clear(struct steps *steps)
{
    steps->person_count = 0;
    steps->messages.count = steps->relations.count = steps->transfers.count = 0;
    steps->payments.count = steps->reversals.count = 0;
    for (int i = 0; i < STEPS_SHARDS; i++)
        steps->shards[i].rule_count = steps->shards[i].institution_count = 0;
}

void steps_begin(struct steps_answer *a)
{
    memset(a, 0, offsetof(struct steps_answer, effects));
    a->first = a->reversed = -1;
}

/* Most of a person is empty, and there are many copies of each. */
void steps_copy(struct steps_person *to, const struct steps_person *from)
{
    memcpy(to, from, offsetof(struct steps_person, relations));
#define COPY(rows, count) memcpy(to->rows, from->rows, from->count * sizeof from->rows[0])
    COPY(relations, relation_count);
    COPY(transfers, transfer_count);
    COPY(offers, offer_count);
    COPY(holders, holder_count);
    COPY(reserves, reserve_count);
    COPY(premiums, premium_count);
    COPY(switches, switch_count);
    COPY(filings, filing_count);
    COPY(lots, lot_count);
#undef COPY
}

int steps_who(struct steps *steps, const struct psn_key *key)
{
    for (int i = 0; i < steps->person_count; i++) {
        if (same_person(&steps->persons[i].key, key)) return i;
    }
    ENSURE(steps->person_count < STEPS_PERSONS);
    memset(&steps->persons[steps->person_count], 0, sizeof steps->persons[0]);
    steps->persons[steps->person_count].key = *key;
    return steps->person_count++;
}

bool text_is(const char *text, struct bytes view)
{
    return strlen(text) == view.size && view.size != 0 && memcmp(text, view.data, view.size) == 0;
}

bool key_of(struct bytes view, struct psn_key *ret_key)
{
    if (view.size == PSN_KEY_SIZE) memcpy(ret_key->bytes, view.data, PSN_KEY_SIZE);
    return view.size == PSN_KEY_SIZE;
}

int64_t reversed_so_far(const struct steps_ask *ask, int payment)
{
    const struct steps *s = ask->steps;
    int64_t sum = 0;
    for (int i = 0; i < s->reversals.count; i++) {
        const struct steps_reversal *r = &s->reversals.list[i];
        if (r->payment == payment && r->seq <= ask->asof) sum += r->amount;
    }
    return sum;
}

/* Did the latest reversal say that the insured area refused the premium? */
bool refused_at_home(const struct steps_ask *ask, int payment)
{
    const struct steps *s = ask->steps;
    bool refused = false;
    for (int i = 0; i < s->reversals.count; i++) {
        const struct steps_reversal *r = &s->reversals.list[i];
        if (r->payment == payment && r->seq <= ask->asof) refused = r->refused;
    }
    return refused;
}

int payment_named(const struct steps_ask *ask, struct bytes id)
{
    const struct steps *s = ask->steps;
    for (int i = 0; i < s->payments.count; i++) {
        if (text_is(s->payments.list[i].id, id)) {
            return s->payments.list[i].seq <= ask->asof ? i : -1;
        }
    }
    return -1;
}

const struct steps_transfer *past_transfer(const struct steps_ask *ask, struct bytes id)
{
    const struct steps *s = ask->steps;
    for (int i = 0; i < s->transfers.count; i++) {
        const struct steps_transfer *t = &s->transfers.list[i];
        if (text_is(t->id, id)) return t->seq <= ask->asof ? t : NULL;
    }
    return NULL;
}

/* -- answered before -------------------------------------------------------------------------- */

/* The table of docs/rules.md, Repeats. */
struct matter matter_of(const struct wallet_order *o, uint32_t sender)
{
    const uint32_t place = o->mdtrtarea_admvs / 10000;
    switch (o->type) {
    case MESSAGE_WLT_USE_LOC_CHG:
    case MESSAGE_WLT_CLOSE:
    case MESSAGE_WLT_FREEZE:
    case MESSAGE_WLT_UNFREEZE:
    case MESSAGE_TRSF_SUBMIT:
    case MESSAGE_TRSF_VOID:
    case MESSAGE_LMT_RECLAIM:
        return (struct matter){'c', o->type, o->client_no, ERROR_CLIENT_NO_REUSED};
    case MESSAGE_TRSF_ACCEPT:
    case MESSAGE_TRSF_DECLINE:
        return (struct matter){'c', o->type, o->trsf_id, ERROR_TRANSFER_ENDED};
    case MESSAGE_WLT_PAY:
        return (struct matter){'q', place, o->setl_id, ERROR_SETL_ID_REUSED};
    case MESSAGE_WLT_PAY_REVERSE:
        return (struct matter){'v', place, o->client_no, ERROR_CLIENT_NO_REUSED};
    case MESSAGE_PREM_REVERSE:
        return (struct matter){'v', o->sender_admdvs >= 10000 ? o->sender_admdvs / 10000 : sender,
                               o->client_no, ERROR_CLIENT_NO_REUSED};
    case MESSAGE_PREM_PAY:
        return (struct matter){'c', o->insutype * 10000 + o->year, o->other_key,
                               ERROR_PREMIUM_PAID};
    case MESSAGE_PA_HOLD_ACK:
        return (struct matter){'h', 0, o->trsf_id, ERROR_CLIENT_NO_REUSED};
    case MESSAGE_FILING_PUSH:
        return (struct matter){'f', 0, o->name, ERROR_FILING_INVALID};
    default:
        return (struct matter){0};
    }
}

struct bytes steps_number(const struct wallet_order *order)
{
    return matter_of(order, 0).text;
}

static bool same_matter(const struct steps_message *m, const struct matter *matter)
{
    return matter->domain != 0 && m->key_domain == matter->domain &&
           m->key_scope == matter->scope && bytes_equal(m->key_text, matter->text);
}

static bool says_the_same(const struct steps_ask *ask, const struct steps_message *m, bool by_msgid)
{
    const uint16_t type = ask->order->type;
    if (m->type != type) return false;
    if (!by_msgid && (type == MESSAGE_TRSF_ACCEPT || type == MESSAGE_TRSF_DECLINE))
        return bytes_equal(m->order.other_key, ask->order->other_key);
    if (!by_msgid && type == MESSAGE_PA_HOLD_ACK) /* What is left of the account may differ. */
        return m->order.amount == ask->order->amount && m->order.code == ask->order->code;
    return bytes_equal(m->content, ask->content);
}

/* What another province has sent is nobody's business. */
static bool may_ask_again(const struct steps_ask *ask, const struct steps_message *m)
{
    const struct wallet_order *o = ask->order;
    const struct steps *s = ask->steps;
    uint32_t area = o->mdtrtarea_admvs != 0 ? o->mdtrtarea_admvs : o->insu_admdvs;
    if (ask->sender == 0 || m->sender == ask->sender) return true;
    if (area == 0 && o->pay_id.size != 0) {
        const int payment = payment_named(ask, o->pay_id);
        if (payment >= 0) area = s->payments.list[payment].place;
    }
    if (area == 0) area = area_of(&s->persons[m->person]);
    return area / 10000 == ask->sender;
}

/* True when an earlier message settles it. */
bool answered_before(const struct steps_ask *ask, int who, bool by_msgid, struct steps_answer *a)
{
    const struct steps *s = ask->steps;
    const struct matter matter = matter_of(ask->order, ask->sender);
    for (int i = 0; i < s->messages.count; i++) {
        const struct steps_message *m = &s->messages.list[i];
        if (m->person != who || m->seq > ask->asof) continue;
        if (who < 0 && m->shard != ask->shard) continue;
        if (by_msgid ? !m->has_msgid || m->sender != ask->sender ||
                           !bytes_equal(m->order.msgid, ask->order->msgid)
                     : !same_matter(m, &matter)) {
            continue;
        }
        if (!by_msgid && !may_ask_again(ask, m)) {
            a->code = ERROR_SENDER_NOT_ALLOWED;
            return true;
        }
        const bool premium = m->type == MESSAGE_PREM_PAY;
        /* A premium that was taken back altogether may be paid again. */
        if (premium && !by_msgid && reversed_so_far(ask, m->payment) == m->said.amount) continue;
        if (premium && refused_at_home(ask, m->payment)) {
            a->code = ERROR_PREMIUM_REFUSED;
        } else if (!says_the_same(ask, m, by_msgid)) {
            a->code = by_msgid ? ERROR_MSGID_REUSED : matter.conflict;
        } else {
            a->dup = a->nothing = true;
            a->first = i;
            a->said = m->said;
            a->used_count = m->used_count;
            memcpy(a->used, m->used, sizeof a->used);
        }
        return true;
    }
    return false;
}

/* -- who decides ------------------------------------------------------------------------------ */

int steps_decider(const struct steps_ask *ask, uint16_t *ret_code)
{
    struct steps *s = (struct steps *)(uintptr_t)ask->steps; /* Who is new gets a place. */
    const struct wallet_order *o = ask->order;
    struct psn_key key;
    int who = -1;
    *ret_code = 0;
    if (o->type == MESSAGE_INST_DIR_PUSH || o->type == MESSAGE_RULE_PUSH) return -1;
    if (o->trsf_id.size != 0) {
        const struct steps_transfer *t = past_transfer(ask, o->trsf_id);
        if (t == NULL) *ret_code = ERROR_NO_TRANSFER;
        return t == NULL ? -1 : t->person;
    }
    if (o->pay_id.size != 0) {
        const int payment = payment_named(ask, o->pay_id);
        const bool premium = o->type == MESSAGE_PREM_REVERSE;
        const struct steps_payment *p = payment < 0 ? NULL : &s->payments.list[payment];
        if (p == NULL || (p->type == MESSAGE_PREM_PAY) != premium) {
            *ret_code = premium ? ERROR_NO_PREMIUM : ERROR_NO_PAYMENT;
            return -1;
        }
        return p->person;
    }
    if (key_of(o->psn_key, &key)) return steps_who(s, &key);
    for (int i = 0; i < s->relations.count; i++) {
        const struct steps_relation *r = &s->relations.list[i];
        if (text_is(r->id, o->rlts_id) && r->seq <= ask->asof) who = r->person;
    }
    if (who < 0) *ret_code = ERROR_NO_RELATION;
    return who;
}

/* -- saying no -------------------------------------------------------------------------------- */

bool say_no(struct steps_answer *a, uint16_t code)
{
    a->code = code;
    return false;
}

bool by_app(const struct steps_ask *ask, struct steps_answer *a)
{
    return ask->sender == 0 || say_no(a, ERROR_SENDER_NOT_ALLOWED);
}

bool sender_of(const struct steps_ask *ask, uint32_t area, struct steps_answer *a)
{
    return ask->sender == 0 || ask->sender == area / 10000 || say_no(a, ERROR_SENDER_NOT_ALLOWED);
}

bool has_wallet(const struct steps_person *p, struct steps_answer *a)
{
    return p->wallet.state != WALLET_NONE || say_no(a, ERROR_NO_WALLET);
}

bool is_open(const struct steps_person *p, struct steps_answer *a)
{
    return has_wallet(p, a) && (p->wallet.state == WALLET_OPEN || say_no(a, ERROR_WALLET_CLOSED));
}

void take_name(const struct steps_ask *ask, char *out)
{
    memset(out, 0, WALLET_ID_SIZE);
    if (ask->id != NULL) memcpy(out, ask->id, strlen(ask->id));
}

void say_done(struct steps_answer *a, const char *id)
{
    memcpy(a->said.id, id, strlen(id));
    a->said.stas = STAS_DONE;
}

void say_nothing(struct steps_answer *a, const char *id, bool dup)
{
    say_done(a, id);
    a->nothing = true;
    a->dup = dup;
}

int64_t steps_balance(const struct steps_person *p)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < p->lot_count; i++)
        sum += p->lots[i].amount;
    return sum;
}

int64_t steps_free_balance(const struct steps_person *p, int64_t now_ms)
{
    int64_t sum = steps_balance(p);
    for (uint32_t i = 0; i < p->reserve_count; i++) {
        if (p->reserves[i].exp_ms > now_ms) sum -= p->reserves[i].amount;
    }
    return sum;
}

/* -- wallets ---------------------------------------------------------------------------------- */

void step_open_wallet(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    struct wallet_row *w = &p->wallet;
    const struct insured_row *i = &p->insured;
    if (!by_app(ask, a)) return;
    if (w->state == WALLET_CLOSING) {
        a->code = ERROR_WALLET_CLOSED;
    } else if (w->state == WALLET_OPEN || w->state == WALLET_FROZEN) {
        if (o->insu_admdvs != w->insu_admdvs || o->insutype != w->insutype ||
            o->use_loc_admdvs != w->use_loc_admdvs) {
            a->code = ERROR_WALLET_EXISTS;
            return;
        }
        say_nothing(a, w->wlt_id, true);
        a->said.balc = steps_balance(p);
    } else if (!rules_is_basic(o->insutype)) {
        a->code = ERROR_UNKNOWN_CODE;
    } else if (i->state != 0 && (i->state != INSURED_NORMAL || i->insu_admdvs != o->insu_admdvs ||
                                 i->insutype != o->insutype)) {
        a->code = ERROR_INSURED_STATE;
    } else if (rule_at(ask, PARAM_WALLET_ENABLED, o->use_loc_admdvs) == 0) {
        a->code = ERROR_AREA_NOT_ENABLED;
    } else {
        if (w->state == WALLET_NONE) {
            take_name(ask, w->wlt_id);
            w->next_lot = 1;
        }
        w->state = WALLET_OPEN;
        w->insu_admdvs = o->insu_admdvs;
        w->insutype = o->insutype;
        w->use_loc_admdvs = o->use_loc_admdvs;
        w->opened_ms = ask->now_ms;
        w->closed_ms = 0;
        if (i->state == 0) {
            p->insured = (struct insured_row){
                .state = INSURED_NORMAL, .insutype = o->insutype, .insu_admdvs = o->insu_admdvs};
        }
        say_done(a, w->wlt_id);
    }
}

static bool calm(const struct steps_person *p, struct steps_answer *a)
{
    return p->transfer_count + p->offer_count == 0 || say_no(a, ERROR_WALLET_BUSY);
}

void step_change_use_loc(const struct steps_ask *ask, struct steps_person *p,
                         struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    struct wallet_row *w = &p->wallet;
    const uint32_t year = steps_day(ask->now_ms) / 10000;
    if (!by_app(ask, a) || !is_open(p, a)) return;
    const int64_t most = rule_at(ask, PARAM_USE_LOC_CHANGE_MAX, w->insu_admdvs);
    if (rule_at(ask, PARAM_USE_LOC_CHANGE, w->insu_admdvs) == 0 ||
        (most != 0 && w->chg_year == year && w->chg_count >= most)) {
        a->code = ERROR_USE_LOC_CHANGE;
    } else if ((o->old_use_loc_admdvs != 0 && o->old_use_loc_admdvs != w->use_loc_admdvs) ||
               o->use_loc_admdvs == w->use_loc_admdvs) {
        a->code = ERROR_MALFORMED;
    } else if (rule_at(ask, PARAM_WALLET_ENABLED, o->use_loc_admdvs) == 0) {
        a->code = ERROR_AREA_NOT_ENABLED;
    } else if (calm(p, a)) {
        w->chg_count = w->chg_year == year ? w->chg_count + 1 : 1;
        w->chg_year = year;
        w->chg_no++;
        w->use_loc_admdvs = o->use_loc_admdvs;
        say_done(a, w->wlt_id);
        a->said.number = w->chg_no;
        a->said.balc = steps_balance(p);
    }
}

void step_close_wallet(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    if (!has_wallet(p, a) || !sender_of(ask, area_of(p), a) || !is_open(p, a) || !calm(p, a))
        return;
    say_done(a, p->wallet.wlt_id);
    a->said.amount = steps_balance(p);
    p->wallet.state = WALLET_CLOSING;
    p->reserve_count = 0;
    close_on(ask, p, a);
}

void step_freeze(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    struct wallet_row *w = &p->wallet;
    if (!has_wallet(p, a) || !sender_of(ask, area_of(p), a)) return;
    if (w->state != WALLET_OPEN && w->state != WALLET_FROZEN) {
        a->code = ERROR_WALLET_CLOSED;
        return;
    }
    w->state = ask->order->type == MESSAGE_WLT_FREEZE ? WALLET_FROZEN : WALLET_OPEN;
    say_done(a, w->wlt_id);
    a->said.balc = steps_balance(p);
}

/* -- relations and standing ------------------------------------------------------------------- */

void step_bind(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!by_app(ask, a)) return;
    const struct relation_row *row = relation_with(p, &ask->fact->psn_key, SIDE_GIVER);
    const struct bind_facts facts = {
        .kind = o->rlts_code,
        .relatives = (uint32_t)rule_at(ask, PARAM_RELATIVES, area_of(p)),
        .source_wallet = rule_at(ask, PARAM_SOURCE_WALLET, area_of(p)) != 0,
        .may_give = may_give(p),
        .giver_insutype = p->insured.insutype,
        .receiver_state = ask->fact->insured_state,
        .receiver_insutype = ask->fact->insutype,
    };
    if (!o->flag || !o->flag2 || bytes_equal(o->psn_key, o->other_key)) {
        a->code = ERROR_MALFORMED;
    } else if (row != NULL && row->rlts_code == o->rlts_code) {
        say_nothing(a, row->rlts_id, true);
    } else if (row != NULL) {
        a->code = ERROR_CLIENT_NO_REUSED;
    } else {
        a->code = rules_may_bind(&facts);
        if (a->code != 0) return;
        ENSURE(p->relation_count < STEPS_ROWS);
        struct relation_row *added = &p->relations[p->relation_count++];
        *added = (struct relation_row){.other = ask->fact->psn_key,
                                       .side = SIDE_GIVER,
                                       .rlts_code = o->rlts_code,
                                       .since_ms = ask->now_ms};
        take_name(ask, added->rlts_id);
        struct effect *effect = tell(a, EFFECT_RELATION, &added->other);
        effect->other = p->key;
        effect->code = added->rlts_code;
        effect->admdvs = area_of(p);
        effect->at_ms = ask->now_ms;
        memcpy(effect->id, added->rlts_id, sizeof effect->id);
        say_done(a, added->rlts_id);
    }
}

const struct relation_row *relation_given_as(const struct steps_person *p, struct bytes id)
{
    for (uint32_t i = 0; i < p->relation_count; i++) {
        if (p->relations[i].side == SIDE_GIVER && text_is(p->relations[i].rlts_id, id))
            return &p->relations[i];
    }
    return NULL;
}

void step_unbind(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    if (!by_app(ask, a)) return;
    const struct relation_row *found = relation_given_as(p, ask->order->rlts_id);
    bool under_way = false;
    if (found == NULL) {
        a->code = ERROR_NO_RELATION;
        return;
    }
    const struct relation_row row = *found;
    take_out(p->relations, &p->relation_count, sizeof row, (uint32_t)(found - p->relations));
    say_done(a, row.rlts_id);
    struct effect *effect = tell(a, EFFECT_RELATION_END, &row.other);
    effect->other = p->key;
    effect->at_ms = ask->now_ms;
    memcpy(effect->id, row.rlts_id, sizeof effect->id);
    for (uint32_t i = 0; i < p->transfer_count; i++)
        under_way = under_way || same_person(&p->transfers[i].receiver, &row.other);
    if (under_way) go_on_with(a, p, GO_PAIR)->other = row.other;
}

void step_push_state(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    static const struct psn_key nobody;
    const struct wallet_order *o = ask->order;
    const struct insured_row old = p->insured;
    if (!sender_of(ask, o->insu_admdvs, a)) return;
    if (o->insutype > 999) {
        a->code = ERROR_UNKNOWN_CODE;
        return;
    }
    const bool known = old.state != 0;
    const bool same_time = known && o->from == old.eff_date && o->which == old.seq;
    const bool same =
        o->use == old.state && o->insutype == old.insutype && o->insu_admdvs == old.insu_admdvs;
    const bool older = o->from != old.eff_date ? o->from < old.eff_date : o->which < old.seq;
    const bool left = o->use != INSURED_NORMAL && old.state == INSURED_NORMAL &&
                      o->insu_admdvs != old.insu_admdvs;
    if (same_time && !same) {
        a->code = ERROR_CLIENT_NO_REUSED;
    } else if (known && (same_time || left || older)) {
        say_nothing(a, "", same_time);
    } else {
        p->insured = (struct insured_row){.state = o->use,
                                          .insutype = o->insutype,
                                          .insu_admdvs = o->insu_admdvs,
                                          .eff_date = o->from,
                                          .seq = o->which};
        say_done(a, "");
        if (known && o->insu_admdvs != old.insu_admdvs) leave_account(p);
        if (known && (o->use != INSURED_NORMAL || o->insutype != old.insutype ||
                      o->insu_admdvs != old.insu_admdvs)) {
            end_giving(ask, p, ask->now_ms, &nobody, a);
        }
    }
}

/* Of those an area insures; of others nothing. */
static bool insures(const struct steps_ask *ask, const struct steps_person *p,
                    struct steps_answer *a)
{
    const uint32_t area = ask->order->insu_admdvs;
    const bool elsewhere = p->insured.state != 0 && p->insured.insu_admdvs / 10000 != area / 10000;
    return sender_of(ask, area, a) && (!elsewhere || say_no(a, ERROR_SENDER_NOT_ALLOWED));
}

void step_push_switch(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!insures(ask, p, a)) return;
    if (o->which != 1) {
        a->code = ERROR_SWITCH_INVALID;
        return;
    }
    for (uint32_t i = 0; i < p->switch_count; i++) {
        const struct switch_row *row = &p->switches[i];
        if (row->eff_ms < o->eff_ms) continue;
        if (row->eff_ms == o->eff_ms && (row->on != 0) == o->flag) {
            say_nothing(a, "", true);
        } else {
            a->code = ERROR_SWITCH_INVALID;
        }
        return;
    }
    if (p->switch_count == SWITCHES_MAX)
        take_out(p->switches, &p->switch_count, sizeof p->switches[0], 0);
    p->switches[p->switch_count++] =
        (struct switch_row){.which = 1, .on = o->flag, .eff_ms = o->eff_ms};
    say_done(a, "");
}

void step_push_filing(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    struct filing_row filing;
    if (!insures(ask, p, a)) return;
    if (o->to != 0 && o->to < o->from) {
        a->code = ERROR_FILING_INVALID;
        return;
    }
    memset(&filing, 0, sizeof filing);
    memcpy(filing.filing_no, o->name.data, o->name.size);
    filing.place = o->place;
    filing.from = o->from;
    filing.to = o->to;
    filing.filing_kind = o->use;
    for (uint32_t i = 0; i < p->filing_count; i++) {
        if (strcmp(p->filings[i].filing_no, filing.filing_no) != 0) continue;
        if (memcmp(&p->filings[i], &filing, sizeof filing) == 0) {
            say_nothing(a, "", true);
        } else {
            a->code = ERROR_FILING_INVALID;
        }
        return;
    }
    for (uint32_t i = 0; i < p->filing_count && p->filing_count == FILINGS_MAX; i++) {
        if (p->filings[i].to == 0 || p->filings[i].to >= steps_day(ask->now_ms)) continue;
        take_out(p->filings, &p->filing_count, sizeof filing, i);
    }
    if (p->filing_count == FILINGS_MAX) {
        a->code = ERROR_TOO_MANY;
        return;
    }
    p->filings[p->filing_count++] = filing;
    say_done(a, "");
}
