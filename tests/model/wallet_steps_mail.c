/* What reaches a person by mail and by the hour, and what both files need. */
#include <stdlib.h>
#include <time.h>

#include "tests/model/wallet_steps_parts.h"
#include "types/ensure.h"
#include "types/error.h"

#define SHANGHAI_MS INT64_C(28800000)
#define DAY_MS      INT64_C(86400000)
#define ASK_MS      INT64_C(600000)

/* -- rules and times -------------------------------------------------------------------------- */

const struct rule_row *steps_rule_row(const struct steps *steps, uint32_t shard, uint64_t asof,
                                      enum param param, uint32_t area, int64_t at_ms)
{
    const struct steps_shard *its = &steps->shards[shard];
    const struct rule_row *best = NULL;
    const uint32_t areas[3] = {area, area / 10000 * 10000, 0};
    for (int k = 0; k < 3 && best == NULL; k++) {
        for (int i = 0; i < its->rule_count; i++) {
            const struct rule_row *row = &its->rules[i].row;
            if (row->param != (uint32_t)param || row->admdvs != areas[k]) continue;
            if (its->rules[i].seq > asof || row->eff_ms > at_ms) continue;
            if (best == NULL || row->eff_ms >= best->eff_ms) best = row;
        }
    }
    /* The nation's row of wallet_enabled began one day; before it nobody has one. */
    ENSURE(best != NULL || param == PARAM_WALLET_ENABLED);
    return best;
}

int64_t rule_at(const struct steps_ask *ask, enum param param, uint32_t area)
{
    const struct rule_row *row =
        steps_rule_row(ask->steps, ask->shard, ask->asof, param, area, ask->now_ms);
    return row == NULL ? 0 : row->value;
}

int64_t steps_rule(const struct steps *steps, uint32_t shard, uint64_t asof, enum param param,
                   int64_t at_ms)
{
    const struct steps_ask ask = {.steps = steps, .shard = shard, .asof = asof, .now_ms = at_ms};
    return rule_at(&ask, param, 0);
}

uint32_t steps_day(int64_t ms)
{
    const time_t seconds = (time_t)((ms + SHANGHAI_MS) / 1000);
    struct tm tm;
    ENSURE(gmtime_r(&seconds, &tm) != NULL);
    return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

/* A time of day in milliseconds, of a rule that says hhmm. */
static int64_t clock_rule(const struct steps_ask *ask, enum param param, uint32_t area)
{
    const int64_t hhmm = rule_at(ask, param, area);
    return (hhmm / 100 * 60 + hhmm % 100) * 60000;
}

/* -- lists ------------------------------------------------------------------------------------ */

bool same_person(const struct psn_key *a, const struct psn_key *b)
{
    return memcmp(a->bytes, b->bytes, PSN_KEY_SIZE) == 0;
}

void take_out(void *list, uint32_t *count, size_t size, uint32_t place)
{
    uint8_t *at = (uint8_t *)list + place * size;
    memmove(at, at + size, (*count - place - 1) * size);
    --*count;
}

struct relation_row *relation_with(struct steps_person *p, const struct psn_key *other,
                                   enum relation_side side)
{
    for (uint32_t i = 0; i < p->relation_count; i++) {
        if (p->relations[i].side == (uint32_t)side && same_person(&p->relations[i].other, other))
            return &p->relations[i];
    }
    return NULL;
}

struct transfer_row *transfer_named(struct steps_person *p, const char *id)
{
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        if (strcmp(p->transfers[i].trsf_id, id) == 0) return &p->transfers[i];
    }
    return NULL;
}

struct premium_row *premium_row(struct steps_person *p, uint32_t insutype, uint32_t year)
{
    for (uint32_t i = 0; i < p->premium_count; i++) {
        if (p->premiums[i].insutype == insutype && p->premiums[i].year == year)
            return &p->premiums[i];
    }
    return NULL;
}

uint32_t area_of(const struct steps_person *p)
{
    return p->wallet.state != WALLET_NONE ? p->wallet.insu_admdvs : p->insured.insu_admdvs;
}

/* After a move the wallet knows the old area until all that hangs on it is on its way home. */
bool may_give(const struct steps_person *p)
{
    return p->insured.state == INSURED_NORMAL && p->insured.insu_admdvs == area_of(p);
}

struct effect *tell(struct steps_answer *a, enum effect_kind kind, const struct psn_key *to)
{
    ENSURE(a->effect_count < STEPS_EFFECTS);
    struct effect *effect = &a->effects[a->effect_count++];
    memset(effect, 0, sizeof *effect);
    effect->kind = kind;
    effect->to = *to;
    return effect;
}

struct effect *go_on_with(struct steps_answer *a, const struct steps_person *p, uint32_t step)
{
    struct effect *effect = tell(a, EFFECT_CONTINUE, &p->key);
    effect->code = step;
    return effect;
}

/* -- lots and holders ------------------------------------------------------------------------- */

static struct holder_row *holder_row(struct steps_person *p, const struct psn_key *holder)
{
    for (uint32_t i = 0; i < p->holder_count; i++) {
        if (same_person(&p->holders[i].holder, holder)) return &p->holders[i];
    }
    return NULL;
}

/* May be below zero for a while: a holder's news can overtake the news that it became one. */
void count_at_holder(struct steps_person *p, const struct psn_key *holder, int64_t amount)
{
    struct holder_row *row = holder_row(p, holder);
    if (row == NULL) {
        ENSURE(p->holder_count < STEPS_ROWS);
        row = &p->holders[p->holder_count++];
        *row = (struct holder_row){.holder = *holder};
    }
    row->amount += amount;
    if (row->amount == 0) {
        take_out(p->holders, &p->holder_count, sizeof *row, (uint32_t)(row - p->holders));
    }
}

bool lot_lives(struct steps_person *p, const struct lot *lot)
{
    const bool open = p->wallet.state == WALLET_OPEN || p->wallet.state == WALLET_FROZEN;
    const struct relation_row *row = relation_with(p, &lot->from, SIDE_RECEIVER);
    return open && row != NULL && row->since_ms <= lot->accepted_ms;
}

bool add_lot(struct steps_person *p, const struct lot *lot)
{
    uint32_t at = 0;
    while (at < p->lot_count && p->lots[at].number < lot->number)
        at++;
    if (at < p->lot_count && p->lots[at].number == lot->number) {
        p->lots[at].amount += lot->amount;
        return true;
    }
    if (p->lot_count == STEPS_LOTS) return false;
    memmove(&p->lots[at + 1], &p->lots[at], (p->lot_count - at) * sizeof p->lots[0]);
    p->lots[at] = *lot;
    p->lot_count++;
    return true;
}

void lot_home(const struct steps_person *p, const struct lot *lot, struct steps_answer *a)
{
    struct effect *effect = tell(a, EFFECT_HELD, &lot->origin);
    effect->why = HELD_RELEASED;
    effect->other = p->key;
    effect->amount = lot->amount;
    effect->admdvs = lot->origin_admdvs;
}

void keep_lot(struct steps_person *p, const struct lot *lot, struct steps_answer *a)
{
    if (!lot_lives(p, lot) || !add_lot(p, lot)) lot_home(p, lot, a);
}

static void lot_out(struct steps_person *p, uint32_t place, struct steps_answer *a)
{
    const struct lot lot = p->lots[place];
    take_out(p->lots, &p->lot_count, sizeof lot, place);
    lot_home(p, &lot, a);
}

/* -- the end of a transfer -------------------------------------------------------------------- */

uint32_t steps_grant_mark(int64_t amount)
{
    return (uint32_t)(1 + amount % INT64_C(4294967295));
}

uint32_t steps_grant_times(int64_t amount)
{
    return (uint32_t)(1 + amount / INT64_C(4294967295));
}

void keep_grant(struct steps_person *p)
{
    if (p->hold.grant_seq == 0 || p->hold.grant_mark != 0) return;
    p->hold.grant_mark = steps_grant_mark(p->hold.granted);
    p->limits.grant_times = steps_grant_times(p->hold.granted);
}

/* Only a grant of the area that keeps the account now lets it be used again. */
static void unfreeze(const struct steps_ask *ask, struct steps_person *p, int64_t amount,
                     uint32_t area)
{
    if (rule_at(ask, PARAM_PA_HOLD_MODE, area) == HOLD_ONLINE || area != p->insured.insu_admdvs ||
        p->hold.grant_seq == 0) {
        keep_grant(p);
        p->hold.granted -= amount;
    }
}

void leave_account(struct steps_person *p)
{
    p->hold.granted = p->hold.held + p->hold.consumed;
    p->hold.grant_seq = 0;
    p->hold.grant_mark = 0;
    p->limits.grant_times = 0;
}

void say_transfer(const struct transfer_row *row, enum wallet_stas stas, struct steps_answer *a)
{
    memcpy(a->said.id, row->trsf_id, sizeof a->said.id);
    a->said.stas = stas;
    a->said.amount = row->amount;
    a->said.exp_ms = row->exp_ms;
}

static void uncount(const struct steps_ask *ask, struct steps_person *p,
                    const struct transfer_row *row, enum wallet_stas why)
{
    if (why != STAS_REFUSED && rule_at(ask, PARAM_COUNT_RETURNED, area_of(p)) != 0) return;
    if (p->limits.day != steps_day(row->submitted_ms) || p->limits.count == 0) return;
    p->limits.count--;
    p->limits.sum -= row->amount;
}

void give_back(const struct steps_ask *ask, struct steps_person *p, uint32_t place,
               enum wallet_stas why, struct steps_answer *a)
{
    const struct transfer_row row = p->transfers[place];
    take_out(p->transfers, &p->transfer_count, sizeof row, place);
    if (row.src == 1 && row.state == TRANSFER_PENDING) {
        p->hold.held -= row.amount;
        unfreeze(ask, p, row.amount, area_of(p));
    }
    for (uint32_t i = 0; i < row.lot_count; i++)
        keep_lot(p, &row.lots[i], a);
    uncount(ask, p, &row, why);
    if (row.state == TRANSFER_PENDING) {
        struct effect *effect = tell(a, EFFECT_OFFER_END, &row.receiver);
        effect->why = why;
        effect->other = p->key;
        effect->amount = row.amount;
        memcpy(effect->id, row.trsf_id, sizeof effect->id);
    }
    say_transfer(&row, why, a);
    a->said.balc = steps_balance(p);
    memcpy(a->ended, row.trsf_id, sizeof a->ended);
    a->returned = why;
    a->returned_amount = row.amount;
    a->end = why == STAS_EXPIRED ? STEPS_EXPIRED : STEPS_ENDED;
}

/* A silent province is given up as the night begins after the submit. */
int64_t give_up_ms(const struct steps_ask *ask, uint32_t area, const struct transfer_row *row)
{
    const int64_t time = (row->submitted_ms + SHANGHAI_MS) % DAY_MS;
    struct steps_ask then = *ask;
    then.now_ms = row->submitted_ms;
    const int64_t night = clock_rule(&then, PARAM_NIGHT_FROM, area);
    const int64_t at = row->submitted_ms - time + night;
    return night > time && at < row->exp_ms ? at : row->exp_ms;
}

void ask_province(const struct steps_ask *ask, struct steps_person *p, struct transfer_row *row)
{
    const int64_t give_up = give_up_ms(ask, area_of(p), row);
    row->state = TRANSFER_HOLDING;
    row->next_ms = ask->now_ms + ASK_MS < give_up ? ask->now_ms + ASK_MS : give_up;
}

static int64_t due_ms(const struct transfer_row *row)
{
    const bool asks = row->state == TRANSFER_HOLDING && row->next_ms < row->exp_ms;
    return asks ? row->next_ms : row->exp_ms;
}

void steps_sweep(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    struct transfer_row *first = NULL;
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        struct transfer_row *row = &p->transfers[i];
        if (first == NULL || due_ms(row) < due_ms(first)) first = row;
    }
    steps_begin(a);
    if (first == NULL || due_ms(first) > ask->now_ms) {
        a->nothing = true;
        return;
    }
    const uint32_t place = (uint32_t)(first - p->transfers);
    if (first->state == TRANSFER_PENDING) {
        give_back(ask, p, place, STAS_EXPIRED, a);
    } else if (ask->now_ms < give_up_ms(ask, area_of(p), first)) {
        ask_province(ask, p, first);
    } else {
        give_back(ask, p, place, STAS_REFUSED, a);
        a->said.number = ERROR_HOLD_GIVEN_UP;
        a->end = STEPS_GIVEN_UP;
    }
}

/* -- endings of many parts -------------------------------------------------------------------- */

void close_on(const struct steps_ask *ask, struct steps_person *p, struct steps_answer *a)
{
    if (p->wallet.state != WALLET_CLOSING) return;
    for (int i = 0; i < PER_ENTRY && p->lot_count != 0; i++)
        lot_out(p, 0, a);
    if (p->lot_count != 0) {
        go_on_with(a, p, GO_CLOSE);
        return;
    }
    p->wallet.state = WALLET_CLOSED;
    p->wallet.closed_ms = ask->now_ms;
}

/* Transfers of a relation that ended; one that began anew keeps its own. */
void void_pair(const struct steps_ask *ask, struct steps_person *p, const struct psn_key *other,
               struct steps_answer *a)
{
    const struct relation_row *relation = relation_with(p, other, SIDE_GIVER);
    uint32_t i = 0, left = 0;
    while (i < p->transfer_count && !same_person(&p->transfers[i].receiver, other))
        i++;
    if (i == p->transfer_count) return;
    if (relation != NULL && relation->since_ms <= p->transfers[i].submitted_ms) return;
    give_back(ask, p, i, STAS_VOIDED, a);
    for (i = 0; i < p->transfer_count; i++)
        left += same_person(&p->transfers[i].receiver, other);
    if (left != 0) go_on_with(a, p, GO_PAIR)->other = *other;
}

static const struct holder_row *holder_behind(const struct steps_person *p,
                                              const struct psn_key *told)
{
    const struct holder_row *next = NULL;
    for (uint32_t i = 0; i < p->holder_count; i++) {
        const struct holder_row *row = &p->holders[i];
        if (memcmp(&row->holder, told, sizeof *told) <= 0) continue;
        if (next == NULL || memcmp(&row->holder, &next->holder, sizeof *told) < 0) next = row;
    }
    return next;
}

static int relation_given(const struct steps_person *p, int64_t at_ms)
{
    for (uint32_t i = 0; i < p->relation_count; i++) {
        if (p->relations[i].side == SIDE_GIVER && p->relations[i].since_ms <= at_ms) return (int)i;
    }
    return -1;
}

static int transfer_begun(const struct steps_person *p, int64_t at_ms)
{
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        if (p->transfers[i].submitted_ms <= at_ms) return (int)i;
    }
    return -1;
}

/* Of one account, or 0: whatever it is. */
static void recall(struct steps_answer *a, const struct steps_person *p,
                   const struct psn_key *holder, uint32_t area)
{
    struct effect *effect = tell(a, EFFECT_RECALL, holder);
    effect->other = p->key;
    effect->admdvs = area;
}

/* The giver's standing ended at `at_ms`: transfers first, each in an entry that says nothing yet,
 * then relations and holders, some in each. */
void end_giving(const struct steps_ask *ask, struct steps_person *p, int64_t at_ms,
                const struct psn_key *told, struct steps_answer *a)
{
    struct psn_key last = *told;
    const struct holder_row *holder;
    int rows = 0, place = transfer_begun(p, at_ms);
    if (place >= 0 && a->said.stas == STAS_NONE) {
        give_back(ask, p, (uint32_t)place, STAS_VOIDED, a);
        rows = PER_ENTRY;
    }
    for (; rows < PER_ENTRY && (place = relation_given(p, at_ms)) >= 0; rows++) {
        const struct relation_row row = p->relations[place];
        struct effect *effect = tell(a, EFFECT_RELATION_END, &row.other);
        effect->other = p->key;
        effect->at_ms = ask->now_ms;
        memcpy(effect->id, row.rlts_id, sizeof effect->id);
        take_out(p->relations, &p->relation_count, sizeof row, (uint32_t)place);
    }
    for (; rows < PER_ENTRY && (holder = holder_behind(p, &last)) != NULL; rows++) {
        last = holder->holder;
        recall(a, p, &last, 0);
    }
    if (relation_given(p, at_ms) >= 0 || transfer_begun(p, at_ms) >= 0 ||
        holder_behind(p, &last) != NULL) {
        struct effect *effect = go_on_with(a, p, GO_STATE);
        effect->at_ms = at_ms;
        effect->third = last;
    } else if (p->wallet.state != WALLET_NONE) {
        p->wallet.insu_admdvs = p->insured.insu_admdvs;
        p->wallet.insutype = p->insured.insutype;
    }
}

/* Lots of a relation that ended. */
static void send_from(struct steps_person *p, const struct psn_key *other, int64_t at_ms,
                      struct steps_answer *a)
{
    int sent = 0;
    for (uint32_t i = 0; i < p->lot_count;) {
        const struct lot *lot = &p->lots[i];
        if (!same_person(&lot->from, other) || lot->accepted_ms > at_ms) {
            i++;
        } else if (sent++ < PER_ENTRY) {
            lot_out(p, i, a);
        } else {
            struct effect *effect = go_on_with(a, p, GO_FROM);
            effect->other = *other;
            effect->at_ms = at_ms;
            return;
        }
    }
}

static bool is_meant(const struct lot *lot, const struct effect *effect)
{
    return same_person(&lot->origin, &effect->other) &&
           (effect->admdvs == 0 || lot->origin_admdvs == effect->admdvs);
}

/* The last lot that a recall means, -1. A reclaim means what came straight from the giver. */
static int recalled_lot(const struct steps_person *p, const struct effect *effect)
{
    for (int i = (int)p->lot_count - 1; i >= 0; i--) {
        const struct lot *lot = &p->lots[i];
        if (!is_meant(lot, effect)) continue;
        if (effect->code == 0) return i;
        if (same_person(&lot->from, &effect->other) && lot->accepted_ms <= effect->at_ms) return i;
    }
    return -1;
}

static int carrier(const struct steps_person *p, const struct effect *effect)
{
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        for (uint32_t k = 0; k < p->transfers[i].lot_count; k++) {
            if (is_meant(&p->transfers[i].lots[k], effect)) return (int)i;
        }
    }
    return -1;
}

static void recall_on(struct steps_answer *a, const struct steps_person *p,
                      const struct effect *effect, int64_t left)
{
    struct effect *next = go_on_with(a, p, GO_RECALL);
    next->other = effect->other;
    next->admdvs = effect->admdvs;
    next->at_ms = effect->at_ms;
    next->amount = left;
    next->why = effect->code;
}

static void bring_home(const struct steps_ask *ask, const struct effect *effect,
                       struct steps_person *p, struct steps_answer *a)
{
    const bool all = effect->amount == 0;
    int64_t left = all ? INT64_MAX : effect->amount;
    int place = effect->code == 0 ? carrier(p, effect) : -1;
    if (place >= 0) {
        give_back(ask, p, (uint32_t)place, STAS_VOIDED, a);
        recall_on(a, p, effect, 0);
        return;
    }
    for (int i = 0; i < PER_ENTRY && left != 0 && (place = recalled_lot(p, effect)) >= 0; i++) {
        struct lot *lot = &p->lots[place];
        if (lot->amount <= left) {
            left -= lot->amount;
            lot_out(p, (uint32_t)place, a);
        } else {
            struct lot part = *lot;
            part.amount = left;
            lot->amount -= left;
            left = 0;
            lot_home(p, &part, a);
        }
    }
    if (left != 0 && recalled_lot(p, effect) >= 0) {
        recall_on(a, p, effect, all ? 0 : left);
    } else if (effect->code == 0) { /* All that was known of is done: the origin hears so. */
        struct effect *answer = tell(a, EFFECT_HELD, &effect->other);
        answer->why = HELD_RELEASED;
        answer->other = p->key;
    }
}

/* -- a giver hears of the money --------------------------------------------------------------- */

static bool stands(const struct steps_person *p, uint32_t admdvs)
{
    return may_give(p) && (admdvs == 0 || admdvs == area_of(p));
}

/* Money of one who has no standing goes home from whoever turns out to have it. */
static void hold_more(struct steps_person *p, const struct psn_key *holder, int64_t amount,
                      uint32_t admdvs, struct steps_answer *a)
{
    count_at_holder(p, holder, amount);
    if (!stands(p, admdvs)) recall(a, p, holder, stands(p, 0) ? admdvs : 0);
}

/* A holder says that it has nothing left: is something still counted there, it is asked again. */
static void ask_again(struct steps_person *p, const struct psn_key *holder, struct steps_answer *a)
{
    const struct holder_row *row = holder_row(p, holder);
    int64_t out = 0;
    for (uint32_t i = 0; i < p->holder_count; i++)
        out += p->holders[i].amount;
    if (out > 0 && row != NULL && row->amount > 0 && !stands(p, 0)) recall(a, p, holder, 0);
}

static void hear(const struct steps_ask *ask, const struct effect *effect, struct steps_person *p,
                 struct steps_answer *a)
{
    const int64_t amount = effect->amount;
    switch (effect->why) {
    case HELD_MOVED:
        count_at_holder(p, &effect->other, -amount);
        hold_more(p, &effect->third, amount, effect->admdvs, a);
        return;
    case HELD_SPENT:
        count_at_holder(p, &effect->other, -amount);
        p->hold.held -= amount;
        p->hold.consumed += amount;
        return;
    case HELD_RESTORED:
        p->hold.held += amount;
        p->hold.consumed -= amount;
        hold_more(p, &effect->other, amount, effect->lots[0].origin_admdvs, a);
        return;
    case HELD_RELEASED:
        if (amount == 0) {
            ask_again(p, &effect->other, a);
            return;
        }
        count_at_holder(p, &effect->other, -amount);
        p->hold.held -= amount;
        unfreeze(ask, p, amount, effect->admdvs != 0 ? effect->admdvs : area_of(p));
        return;
    default: /* HELD_RETURNED_SPENT */
        p->hold.consumed -= amount;
        unfreeze(ask, p, amount, effect->lots[0].origin_admdvs);
        return;
    }
}

/* -- all kinds of mail ------------------------------------------------------------------------ */

static void offered(const struct effect *effect, struct steps_person *p, struct steps_answer *a)
{
    if (p->wallet.state != WALLET_OPEN) {
        struct effect *answer = tell(a, EFFECT_OFFER_REFUSED, &effect->other);
        answer->other = p->key;
        memcpy(answer->id, effect->id, sizeof answer->id);
        return;
    }
    ENSURE(p->offer_count < STEPS_ROWS);
    struct offer_row *row = &p->offers[p->offer_count++];
    memset(row, 0, sizeof *row);
    memcpy(row->trsf_id, effect->id, sizeof row->trsf_id);
    row->giver_admdvs = effect->admdvs;
    row->giver = effect->other;
    row->amount = effect->amount;
    row->exp_ms = effect->at_ms;
}

static void drop_offer(struct steps_person *p, const char *id)
{
    for (uint32_t i = 0; i < p->offer_count; i++) {
        if (strcmp(p->offers[i].trsf_id, id) != 0) continue;
        take_out(p->offers, &p->offer_count, sizeof p->offers[0], i);
        return;
    }
}

static void credited(const struct effect *effect, struct steps_person *p, struct steps_answer *a)
{
    drop_offer(p, effect->id);
    for (uint32_t i = 0; i < effect->lot_count; i++) {
        struct lot lot = effect->lots[i];
        if (lot_lives(p, &lot)) lot.number = p->wallet.next_lot++;
        keep_lot(p, &lot, a);
    }
}

static void related(const struct effect *effect, struct steps_person *p)
{
    ENSURE(p->relation_count < STEPS_ROWS);
    struct relation_row *row = &p->relations[p->relation_count++];
    memset(row, 0, sizeof *row);
    row->other = effect->other;
    memcpy(row->rlts_id, effect->id, sizeof row->rlts_id);
    row->side = SIDE_RECEIVER;
    row->rlts_code = effect->code;
    row->since_ms = effect->at_ms;
}

static void unrelated(const struct effect *effect, struct steps_person *p, struct steps_answer *a)
{
    for (uint32_t i = 0; i < p->relation_count; i++) {
        if (strcmp(p->relations[i].rlts_id, effect->id) != 0) continue;
        take_out(p->relations, &p->relation_count, sizeof p->relations[0], i);
        break;
    }
    send_from(p, &effect->other, effect->at_ms, a);
}

/* Paid twice, by claims of which one had lapsed: the first stands. */
static void premium_heard(const struct effect *effect, struct steps_person *p)
{
    struct premium_row *row = premium_row(p, effect->code, effect->year);
    ENSURE(row != NULL);
    if (effect->why == PREMIUM_REVERSED) {
        if (row->state == PREMIUM_PAID && strcmp(row->pay_id, effect->id) == 0)
            row->state = PREMIUM_REVERSED;
        return;
    }
    if (row->state == PREMIUM_PAID) return;
    row->state = PREMIUM_PAID;
    row->insu_admdvs = effect->admdvs;
    row->due = effect->amount;
    row->exp_ms = 0;
    row->payer = effect->other;
    memcpy(row->pay_id, effect->id, sizeof row->pay_id);
}

static void went_on(const struct steps_ask *ask, const struct effect *effect,
                    struct steps_person *p, struct steps_answer *a)
{
    struct effect again = *effect;
    switch (effect->code) {
    case GO_CLOSE:
        close_on(ask, p, a);
        return;
    case GO_PAIR:
        void_pair(ask, p, &effect->other, a);
        return;
    case GO_FROM:
        send_from(p, &effect->other, effect->at_ms, a);
        return;
    case GO_RECALL:
        again.code = effect->why;
        bring_home(ask, &again, p, a);
        return;
    default: /* GO_STATE */
        end_giving(ask, p, effect->at_ms, &effect->third, a);
        return;
    }
}

void steps_effect(const struct steps_ask *ask, const struct effect *effect, struct steps_person *p,
                  struct steps_answer *a)
{
    steps_begin(a);
    switch (effect->kind) {
    case EFFECT_OFFER:
        offered(effect, p, a);
        return;
    case EFFECT_OFFER_END:
        drop_offer(p, effect->id);
        return;
    case EFFECT_CREDIT:
        credited(effect, p, a);
        return;
    case EFFECT_OFFER_REFUSED: {
        const struct transfer_row *row = transfer_named(p, effect->id);
        if (row != NULL) give_back(ask, p, (uint32_t)(row - p->transfers), STAS_VOIDED, a);
        return;
    }
    case EFFECT_RELATION:
        related(effect, p);
        return;
    case EFFECT_RELATION_END:
        unrelated(effect, p, a);
        return;
    case EFFECT_HELD:
        hear(ask, effect, p, a);
        return;
    case EFFECT_RECALL:
        bring_home(ask, effect, p, a);
        return;
    case EFFECT_PREMIUM:
        premium_heard(effect, p);
        return;
    default: /* EFFECT_CONTINUE */
        went_on(ask, effect, p, a);
        return;
    }
}
