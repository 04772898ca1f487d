/* Transfers, grants and reclaims: what the giver's rows become. */
#include "tests/model/wallet_rules.h"
#include "tests/model/wallet_steps_parts.h"
#include "types/ensure.h"
#include "types/error.h"

#define MINUTE_MS INT64_C(60000)

static bool key_is(const struct psn_key *key, struct bytes view)
{
    return view.size == PSN_KEY_SIZE && memcmp(key->bytes, view.data, PSN_KEY_SIZE) == 0;
}

/* -- transfers -------------------------------------------------------------------------------- */

static bool at_night(const struct steps_ask *ask, uint32_t area)
{
    const int64_t minute = rules_minute(ask->now_ms);
    const int64_t hhmm = minute / 60 * 100 + minute % 60;
    const int64_t from = rule_at(ask, PARAM_NIGHT_FROM, area),
                  to = rule_at(ask, PARAM_NIGHT_TO, area);
    return from > to ? hhmm >= from || hhmm < to : hhmm >= from && hhmm < to;
}

static bool is_waiting(const struct steps_ask *ask, const struct steps_person *p, uint32_t area)
{
    const int64_t scope = rule_at(ask, PARAM_PENDING_SCOPE, area);
    for (uint32_t i = 0; i < p->transfer_count; i++) {
        if (scope == PENDING_GIVER ||
            (scope == PENDING_PAIR &&
             same_person(&p->transfers[i].receiver, &ask->fact->psn_key))) {
            return true;
        }
    }
    return false;
}

static uint16_t may_submit(const struct steps_ask *ask, struct steps_person *p)
{
    const struct wallet_order *o = ask->order;
    const struct wallet_fact *f = ask->fact;
    const uint32_t area = area_of(p);
    const struct relation_row *row = relation_with(p, &f->psn_key, SIDE_GIVER);
    const bool today = p->limits.day == steps_day(ask->now_ms);
    const bool named = row != NULL && (o->rlts_id.size == 0 || text_is(row->rlts_id, o->rlts_id));
    const struct transfer_facts facts = {
        .giver_state = p->wallet.state,
        .receiver_state = f->wallet_state,
        .giver_enabled = rule_at(ask, PARAM_WALLET_ENABLED, p->wallet.use_loc_admdvs) != 0,
        .receiver_enabled = rule_at(ask, PARAM_WALLET_ENABLED, f->use_loc_admdvs) != 0,
        .kind = named ? row->rlts_code : 0,
        .relatives = (uint32_t)rule_at(ask, PARAM_RELATIVES, area),
        .may_give = may_give(p),
        .source_wallet = rule_at(ask, PARAM_SOURCE_WALLET, area) != 0,
        .night = ask->time_known && at_night(ask, area),
        .pending = is_waiting(ask, p, area),
        .giver_insutype = p->insured.insutype,
        .src = o->src,
        .amount = o->amount,
        .max_each = rule_at(ask, PARAM_TRSF_MAX_EACH, area),
        .max_sum = rule_at(ask, PARAM_TRSF_MAX_SUM, area),
        .max_count = rule_at(ask, PARAM_TRSF_MAX_COUNT, area),
        .sum = today ? p->limits.sum : 0,
        .count = today ? p->limits.count : 0,
    };
    return rules_may_transfer(&facts);
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
    const int64_t midnight = rules_midnight(ask->now_ms);
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
    if (row->src != 1) effect->admdvs = area_of(p);
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
        keep_grant(p);
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
        a->returned = STAS_REFUSED;
        a->returned_amount = ended.amount;
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
    } else if (o->which == h->grant_seq &&
               (h->grant_mark != 0 ? steps_grant_mark(o->amount) != h->grant_mark ||
                                         steps_grant_times(o->amount) != p->limits.grant_times
                                   : o->amount != h->granted)) {
        a->code = ERROR_CLIENT_NO_REUSED;
    } else if (o->which <= h->grant_seq) {
        say_nothing(a, "", o->which == h->grant_seq);
    } else if (o->amount < h->held + h->consumed) {
        a->code = ERROR_SOURCE_BALANCE;
    } else {
        h->granted = o->amount;
        h->grant_seq = o->which;
        h->grant_mark = 0;
        p->limits.grant_times = 0;
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
    const struct relation_row *row = relation_given_as(p, o->rlts_id);
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
