#include "tests/model/wallet_steps.h"

#include <stdlib.h>

#include "tests/model/wallet_steps_parts.h"
#include "types/cell.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

#define SHANGHAI_MS INT64_C(28800000)
#define DAY_MS      INT64_C(86400000)
#define MINUTE_MS   INT64_C(60000)
#define EMPLOYEE    310
#define RESIDENT    390
#define FROM_WALLET 2

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

static bool key_is(const struct psn_key *key, struct bytes view)
{
    return view.size == PSN_KEY_SIZE && memcmp(key->bytes, view.data, PSN_KEY_SIZE) == 0;
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

static const struct steps_transfer *past_transfer(const struct steps_ask *ask, struct bytes id)
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
struct matter matter_of(const struct wallet_order *o)
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
        return (struct matter){'v', o->sender_admdvs / 10000, o->client_no, ERROR_CLIENT_NO_REUSED};
    case MESSAGE_PREM_PAY:
        return (struct matter){'c', o->insutype * 10000 + o->year, o->other_key,
                               ERROR_PREMIUM_PAID};
    case MESSAGE_FILING_PUSH:
        return (struct matter){'f', 0, o->name, ERROR_FILING_INVALID};
    default:
        return (struct matter){0};
    }
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
    return bytes_equal(m->content, ask->content);
}

/* True when an earlier message settles it. */
bool answered_before(const struct steps_ask *ask, int who, bool by_msgid, struct steps_answer *a)
{
    const struct steps *s = ask->steps;
    const struct matter matter = matter_of(ask->order);
    for (int i = 0; i < s->messages.count; i++) {
        const struct steps_message *m = &s->messages.list[i];
        if (m->person != who || m->seq > ask->asof) continue;
        if (who < 0 && m->shard != ask->shard) continue;
        if (by_msgid ? !m->has_msgid || m->sender != ask->sender ||
                           !bytes_equal(m->order.msgid, ask->order->msgid)
                     : !same_matter(m, &matter)) {
            continue;
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
    struct steps *s = (struct steps *)(uintptr_t)ask->steps;
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

static bool basic(uint32_t insutype)
{
    return insutype == EMPLOYEE || insutype == RESIDENT;
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
    } else if (!basic(o->insutype)) {
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
    const uint32_t insutype = p->insured.insutype;
    if (!by_app(ask, a)) return;
    const struct relation_row *row = relation_with(p, &ask->fact->psn_key, SIDE_GIVER);
    if (!o->flag || !o->flag2 || bytes_equal(o->psn_key, o->other_key)) {
        a->code = ERROR_MALFORMED;
    } else if (row != NULL && row->rlts_code == o->rlts_code) {
        say_nothing(a, row->rlts_id, true);
    } else if (row != NULL) {
        a->code = ERROR_CLIENT_NO_REUSED;
    } else if (o->rlts_code == 0 || o->rlts_code > 8 ||
               (rule_at(ask, PARAM_RELATIVES, area_of(p)) >> (o->rlts_code - 1) & 1) == 0) {
        a->code = ERROR_RELATION_KIND;
    } else if (insutype != EMPLOYEE &&
               !(basic(insutype) && rule_at(ask, PARAM_SOURCE_WALLET, area_of(p)) != 0)) {
        a->code = ERROR_GIVER_INSUTYPE;
    } else if (!may_give(p)) {
        a->code = ERROR_INSURED_STATE;
    } else if (ask->fact->insured_state != INSURED_NORMAL || !basic(ask->fact->insutype)) {
        a->code = ERROR_RECEIVER_INSURANCE;
    } else {
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

static const struct relation_row *given(const struct steps_person *p, struct bytes id)
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
    const struct relation_row *found = given(p, ask->order->rlts_id);
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
        if (known && (o->use != INSURED_NORMAL || o->insutype != old.insutype ||
                      o->insu_admdvs != old.insu_admdvs)) {
            end_giving(ask, p, ask->now_ms, &nobody, a);
        }
    }
}

void step_push_switch(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!sender_of(ask, o->insu_admdvs, a)) return;
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
    if (!sender_of(ask, o->insu_admdvs, a)) return;
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

/* -- transfers -------------------------------------------------------------------------------- */

static bool at_night(const struct steps_ask *ask, uint32_t area)
{
    const int64_t minute = (ask->now_ms + SHANGHAI_MS) % DAY_MS / MINUTE_MS;
    const int64_t hhmm = minute / 60 * 100 + minute % 60;
    const int64_t from = rule_at(ask, PARAM_NIGHT_FROM, area),
                  to = rule_at(ask, PARAM_NIGHT_TO, area);
    return from > to ? hhmm >= from || hhmm < to : hhmm >= from && hhmm < to;
}

/* The table of docs/rules.md, Transfers, from 1 to 10. */
static uint16_t may_submit(const struct steps_ask *ask, struct steps_person *p)
{
    const struct wallet_order *o = ask->order;
    const struct wallet_fact *f = ask->fact;
    const uint32_t area = area_of(p);
    const struct relation_row *row = relation_with(p, &f->psn_key, SIDE_GIVER);
    const bool today = p->limits.day == steps_day(ask->now_ms);
    if (p->wallet.state == WALLET_NONE) return ERROR_NO_WALLET;
    if (p->wallet.state != WALLET_OPEN) return ERROR_WALLET_CLOSED;
    if (f->wallet_state == WALLET_FROZEN) return ERROR_WALLET_CLOSED;
    if (f->wallet_state != WALLET_OPEN) return ERROR_RECEIVER_NO_WALLET;
    if (rule_at(ask, PARAM_WALLET_ENABLED, f->use_loc_admdvs) == 0) return ERROR_AREA_NOT_ENABLED;
    if (rule_at(ask, PARAM_WALLET_ENABLED, p->wallet.use_loc_admdvs) == 0) return ERROR_GIVER_AREA;
    if (row == NULL) return ERROR_NO_RELATION;
    if (o->rlts_id.size != 0 && !text_is(row->rlts_id, o->rlts_id)) return ERROR_NO_RELATION;
    if ((rule_at(ask, PARAM_RELATIVES, area) >> (row->rlts_code - 1) & 1) == 0)
        return ERROR_RELATION_KIND;
    if (!may_give(p)) return ERROR_INSURED_STATE;
    if (o->src == 1 && p->insured.insutype != EMPLOYEE) return ERROR_GIVER_INSUTYPE;
    if (o->src == FROM_WALLET && rule_at(ask, PARAM_SOURCE_WALLET, area) == 0)
        return ERROR_GIVER_INSUTYPE;
    if (ask->time_known && at_night(ask, area)) return ERROR_NIGHT;
    if (o->amount <= 0 || o->amount > rule_at(ask, PARAM_TRSF_MAX_EACH, area))
        return ERROR_TRANSFER_AMOUNT;
    if ((today ? p->limits.count : 0) + 1 > rule_at(ask, PARAM_TRSF_MAX_COUNT, area))
        return ERROR_TRANSFER_LIMIT;
    if ((today ? p->limits.sum : 0) + o->amount > rule_at(ask, PARAM_TRSF_MAX_SUM, area))
        return ERROR_TRANSFER_LIMIT;
    const int64_t scope = rule_at(ask, PARAM_PENDING_SCOPE, area);
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        if (scope == PENDING_GIVER ||
            (scope == PENDING_PAIR && same_person(&p->transfers[i].receiver, &f->psn_key))) {
            return ERROR_TRANSFER_PENDING;
        }
    }
    return 0;
}

/* 3015: what an area keeps in a personal account, where that reaches the wallet. */
static bool above_floor(const struct steps_ask *ask, uint32_t area, int64_t balance, int64_t amount)
{
    if (rule_at(ask, PARAM_PA_FLOOR_SCOPE, area) != FLOOR_WALLET_TOO) return true;
    const int64_t floor = rule_at(ask, PARAM_PA_FLOOR, area);
    return rule_at(ask, PARAM_PA_FLOOR_MODE, area) == FLOOR_GATE ? balance > floor
                                                                 : balance - amount >= floor;
}

/* From the front. False with 3034 when they are more than `most` lots. */
bool take_lots(struct steps_person *p, int64_t amount, uint32_t most, struct lot *out,
               uint32_t *ret_count)
{
    *ret_count = 0;
    while (amount != 0) {
        if (*ret_count == most) return false;
        struct lot *front = &p->lots[0];
        struct lot *part = &out[(*ret_count)++];
        *part = *front;
        if (part->amount > amount) part->amount = amount;
        amount -= part->amount;
        front->amount -= part->amount;
        if (front->amount == 0) take_out(p->lots, &p->lot_count, sizeof *front, 0);
    }
    return true;
}

static void offer(struct steps_person *p, struct transfer_row *row, struct steps_answer *a)
{
    row->state = TRANSFER_PENDING;
    row->next_ms = 0;
    struct effect *effect = tell(a, EFFECT_OFFER, &row->receiver);
    effect->other = p->key;
    effect->admdvs = area_of(p);
    effect->amount = row->amount;
    effect->at_ms = row->exp_ms;
    memcpy(effect->id, row->trsf_id, sizeof effect->id);
    say_transfer(row, STAS_PENDING, a);
    a->said.balc = steps_balance(p);
}

void step_submit(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    const uint32_t area = area_of(p);
    if (!by_app(ask, a)) return;
    a->code = may_submit(ask, p);
    if (a->code != 0) return;
    const int64_t free = o->src == FROM_WALLET ? steps_free_balance(p, ask->now_ms)
                                               : p->hold.granted - p->hold.held - p->hold.consumed;
    const bool online = o->src == 1 && rule_at(ask, PARAM_PA_HOLD_MODE, area) == HOLD_ONLINE;
    const int64_t midnight = ask->now_ms - (ask->now_ms + SHANGHAI_MS) % DAY_MS + DAY_MS;
    const int64_t expire = rule_at(ask, PARAM_EXPIRE_AT, area);
    ENSURE(p->transfer_count < STEPS_ROWS / 2);
    struct transfer_row row;
    memset(&row, 0, sizeof row);
    row.receiver = ask->fact->psn_key;
    row.amount = o->amount;
    row.submitted_ms = ask->now_ms;
    row.exp_ms = midnight + (expire / 100 * 60 + expire % 100) * MINUTE_MS;
    row.src = o->src;
    take_name(ask, row.trsf_id);
    if (!online && free < row.amount) {
        a->code = ERROR_SOURCE_BALANCE;
        return;
    }
    if (!online && row.src == 1 && !above_floor(ask, area, free, row.amount)) {
        a->code = ERROR_SOURCE_BALANCE;
        return;
    }
    if (row.src == FROM_WALLET &&
        !take_lots(p, row.amount, TRANSFER_LOTS_MAX, row.lots, &row.lot_count)) {
        a->code = ERROR_TOO_MANY;
        return;
    }
    if (p->limits.day != steps_day(ask->now_ms)) {
        p->limits.day = steps_day(ask->now_ms);
        p->limits.count = 0;
        p->limits.sum = 0;
    }
    p->limits.count++;
    p->limits.sum += row.amount;
    if (online) {
        ask_province(ask, p, &row);
        say_transfer(&row, STAS_HOLDING, a);
        a->said.balc = steps_balance(p);
    } else {
        if (row.src == 1) p->hold.held += row.amount;
        offer(p, &row, a);
    }
    p->transfers[p->transfer_count++] = row;
}

/* The transfer of an order; NULL with why there is none under way. */
static struct transfer_row *under_way(const struct steps_ask *ask, struct steps_person *p,
                                      struct steps_answer *a)
{
    const struct steps_transfer *past = past_transfer(ask, ask->order->trsf_id);
    ENSURE(past != NULL); /* It said who decides. */
    struct transfer_row *row = transfer_named(p, past->id);
    if (row != NULL && ask->now_ms < row->exp_ms) return row;
    const enum steps_end end = past->end_seq <= ask->asof ? past->end : STEPS_UNDER_WAY;
    a->code = row != NULL || end == STEPS_EXPIRED ? ERROR_TRANSFER_EXPIRED
              : end == STEPS_GIVEN_UP             ? ERROR_HOLD_GIVEN_UP
                                                  : ERROR_TRANSFER_ENDED;
    return NULL;
}

static struct transfer_row *for_receiver(const struct steps_ask *ask, struct steps_person *p,
                                         struct steps_answer *a)
{
    struct transfer_row *row = under_way(ask, p, a);
    if (row == NULL) return NULL;
    if (!key_is(&row->receiver, ask->order->other_key)) {
        a->code = ERROR_NOT_RECEIVER;
        return NULL;
    }
    if (row->state == TRANSFER_PENDING) return row;
    a->code = ERROR_PROVINCE_SILENT;
    return NULL;
}

/* What the receiver gets, and what the givers behind it hear. */
static void credit(const struct steps_ask *ask, struct steps_person *p,
                   const struct transfer_row *row, struct steps_answer *a)
{
    struct effect *effect = tell(a, EFFECT_CREDIT, &row->receiver);
    effect->other = p->key;
    effect->amount = row->amount;
    effect->at_ms = ask->now_ms;
    memcpy(effect->id, row->trsf_id, sizeof effect->id);
    effect->lot_count = row->lot_count;
    memcpy(effect->lots, row->lots, sizeof effect->lots);
    if (row->src == 1) {
        effect->lot_count = 1;
        effect->lots[0] =
            (struct lot){.origin = p->key, .origin_admdvs = area_of(p), .amount = row->amount};
        count_at_holder(p, &row->receiver, row->amount);
    }
    for (uint32_t i = 0; i < effect->lot_count; i++) {
        effect->lots[i].number = 0;
        effect->lots[i].from = p->key;
        effect->lots[i].accepted_ms = ask->now_ms;
    }
    for (uint32_t i = 0; i < row->lot_count; i++) {
        const struct lot *lot = &row->lots[i];
        if (same_person(&lot->origin, &p->key)) {
            count_at_holder(p, &p->key, -lot->amount);
            count_at_holder(p, &row->receiver, lot->amount);
            continue;
        }
        struct effect *moved = tell(a, EFFECT_HELD, &lot->origin);
        moved->why = HELD_MOVED;
        moved->other = p->key;
        moved->third = row->receiver;
        moved->amount = lot->amount;
        moved->admdvs = lot->origin_admdvs;
        memcpy(moved->id, row->trsf_id, sizeof moved->id);
    }
}

void step_accept(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    if (!by_app(ask, a)) return;
    const struct transfer_row *found = for_receiver(ask, p, a);
    if (found == NULL) return;
    const struct transfer_row row = *found;
    const struct relation_row *relation = relation_with(p, &row.receiver, SIDE_GIVER);
    if (relation == NULL || relation->since_ms > row.submitted_ms || !may_give(p)) {
        a->code = ERROR_TRANSFER_ENDED;
    } else if (ask->fact->wallet_state != WALLET_OPEN) {
        a->code = ask->fact->wallet_state == WALLET_FROZEN ? ERROR_WALLET_CLOSED
                                                           : ERROR_RECEIVER_NO_WALLET;
    } else if (ask->fact->lots >= STEPS_LOTS - TRANSFER_LOTS_MAX) {
        a->code = ERROR_TOO_MANY;
    } else {
        take_out(p->transfers, &p->transfer_count, sizeof row, (uint32_t)(found - p->transfers));
        credit(ask, p, &row, a);
        say_transfer(&row, STAS_ACCEPTED, a);
        memcpy(a->ended, row.trsf_id, sizeof a->ended);
        a->end = STEPS_ENDED;
    }
}

void step_decline(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    if (!by_app(ask, a)) return;
    const struct transfer_row *row = for_receiver(ask, p, a);
    if (row == NULL) return;
    give_back(ask, p, (uint32_t)(row - p->transfers), STAS_DECLINED, a);
    a->said.balc = 0; /* The giver's balance is none of the receiver's business. */
}

void step_void_transfer(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    if (!by_app(ask, a)) return;
    const struct transfer_row *row = under_way(ask, p, a);
    if (row != NULL) give_back(ask, p, (uint32_t)(row - p->transfers), STAS_VOIDED, a);
}

void step_hold_answered(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    if (!sender_of(ask, area_of(p), a)) return;
    struct transfer_row *row = under_way(ask, p, a);
    if (row == NULL) return;
    const bool held = o->code == 0 && o->amount == row->amount;
    if (row->state == TRANSFER_PENDING && held && row->src == 1) {
        say_transfer(row, STAS_PENDING, a);
        a->nothing = a->dup = true;
    } else if (row->state == TRANSFER_PENDING) {
        a->code = ERROR_CLIENT_NO_REUSED;
    } else if (held && above_floor(ask, area_of(p), o->amount2 + o->amount, o->amount)) {
        p->hold.granted += row->amount;
        p->hold.held += row->amount;
        offer(p, row, a);
    } else {
        const uint32_t day = steps_day(row->submitted_ms);
        const struct transfer_row ended = *row;
        take_out(p->transfers, &p->transfer_count, sizeof ended, (uint32_t)(row - p->transfers));
        if (p->limits.day == day && p->limits.count != 0) {
            p->limits.count--;
            p->limits.sum -= ended.amount;
        }
        say_transfer(&ended, STAS_REFUSED, a);
        a->said.number = ERROR_SOURCE_BALANCE;
        memcpy(a->ended, ended.trsf_id, sizeof a->ended);
        a->end = STEPS_ENDED;
    }
}

void step_grant(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    struct hold_row *h = &p->hold;
    if (!sender_of(ask, o->insu_admdvs, a)) return;
    if (p->insured.state != 0 && p->insured.insu_admdvs != o->insu_admdvs) {
        a->code = ERROR_SENDER_NOT_ALLOWED;
    } else if (o->which == 0) {
        a->code = ERROR_MALFORMED;
    } else if (o->which == h->grant_seq && o->amount != h->granted) {
        a->code = ERROR_CLIENT_NO_REUSED;
    } else if (o->which <= h->grant_seq) {
        say_nothing(a, "", o->which == h->grant_seq);
    } else if (o->amount < h->held + h->consumed) {
        a->code = ERROR_SOURCE_BALANCE;
    } else {
        h->granted = o->amount;
        h->grant_seq = o->which;
        say_done(a, "");
        a->said.amount = o->amount;
    }
}

void step_reclaim(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    const struct wallet_order *o = ask->order;
    int64_t there = 0;
    if (!by_app(ask, a)) return;
    if (rule_at(ask, PARAM_ALLOW_RECLAIM, area_of(p)) == 0) {
        a->code = ERROR_NO_RECLAIM;
        return;
    }
    const struct relation_row *row = given(p, o->rlts_id);
    if (row == NULL) {
        a->code = ERROR_NO_RELATION;
        return;
    }
    for (uint32_t i = 0; i < p->holder_count; i++) {
        if (same_person(&p->holders[i].holder, &row->other) && p->holders[i].amount > 0)
            there = p->holders[i].amount;
    }
    if (o->amount > there) {
        a->code = ERROR_SOURCE_BALANCE;
        return;
    }
    struct effect *effect = tell(a, EFFECT_RECALL, &row->other);
    effect->other = p->key;
    effect->code = 1; /* Of what came straight from the giver. */
    effect->amount = o->amount;
    effect->at_ms = ask->now_ms;
    memcpy(effect->id, row->rlts_id, sizeof effect->id);
    say_done(a, row->rlts_id);
    a->said.amount = o->amount == 0 ? there : o->amount;
}
