/* transfer -- limit passes from a giver to a relative: asked for, frozen, offered, taken or given
 * back (docs/rules.md, Wallet). The giver's shard alone decides. */
#include "types/civil.h"
#include "types/ensure.h"
#include "types/province.h"
#include "wallet/steps.h"

#define INSUTYPE_EMPLOYEE 310
#define RELATION_KINDS    8
#define SRC_ACCOUNT       1
#define SRC_WALLET        2
#define ASK_AGAIN_MS      INT64_C(600000) /* After 10 minutes a province is asked for the state. */
#define HOLD_ASKS_AGAIN   1               /* OUT_PA_HOLD, why */
#define MS_PER_MINUTE     INT64_C(60000)

/* -- times of day ----------------------------------------------------------------------------- */

/* hhmm as milliseconds since midnight. */
static int64_t clock_ms(const struct params *params, enum param param, uint32_t area, int64_t at_ms)
{
    const int64_t hhmm = params_value(params, param, area, at_ms);
    return (hhmm / 100 * 60 + hhmm % 100) * MS_PER_MINUTE;
}

static bool is_night(const struct params *params, uint32_t area, int64_t now_ms)
{
    const int64_t from = clock_ms(params, PARAM_NIGHT_FROM, area, now_ms);
    const int64_t to = clock_ms(params, PARAM_NIGHT_TO, area, now_ms);
    const int64_t time = civil_ms_of_day(now_ms);
    if (from > to) return time >= from || time < to;
    return time >= from && time < to;
}

/* 06:00:00.000 of the day after. */
static int64_t expiry_of(const struct params *params, uint32_t area, int64_t now_ms)
{
    return now_ms - civil_ms_of_day(now_ms) + MS_PER_DAY +
           clock_ms(params, PARAM_EXPIRE_AT, area, now_ms);
}

/* When a province that is silent is given up: as the night begins after the submit. */
static int64_t give_up_at(const struct params *params, uint32_t area,
                          const struct transfer_row *row)
{
    const int64_t time = civil_ms_of_day(row->submitted_ms);
    const int64_t night = clock_ms(params, PARAM_NIGHT_FROM, area, row->submitted_ms);
    const int64_t at = row->submitted_ms - time + night;
    return night > time && at < row->exp_ms ? at : row->exp_ms;
}

/* -- the day's counters ----------------------------------------------------------------------- */

static void begin_day(struct limits_row *limits, uint32_t day)
{
    if (limits->day == day) return;
    limits->day = day;
    limits->count = 0;
    limits->sum = 0;
}

/* What a province refused was never a transfer; what came back is one, unless the rule says no. */
static void uncount(const struct params *params, struct person *person,
                    const struct transfer_row *row, enum wallet_stas why, int64_t now_ms)
{
    struct limits_row *limits = &person->limits;
    const bool counts = why != STAS_REFUSED && params_value(params, PARAM_COUNT_RETURNED,
                                                            person_area(person), now_ms) != 0;
    if (counts || limits->day != civil_day(row->submitted_ms) || limits->count == 0) return;
    limits->count--;
    limits->sum -= row->amount;
}

/* -- telling ---------------------------------------------------------------------------------- */

static struct outgoing *tell(const struct person *person, const struct transfer_row *row,
                             enum outgoing_type type, uint32_t dest, int64_t now_ms,
                             struct wallet_decision *decision)
{
    struct outgoing *out = decision_out(decision, type, dest);
    out->at_ms = now_ms;
    memcpy(out->id, row->trsf_id, sizeof row->trsf_id);
    memcpy(out->ref, row->trsf_id, sizeof row->trsf_id);
    out->psn_key = person->key;
    out->amount = row->amount;
    out->exp_ms = row->exp_ms;
    out->admdvs = person_area(person);
    return out;
}

static void tell_release(struct person *person, const struct transfer_row *row, int64_t amount,
                         enum wallet_stas why, int64_t now_ms, struct wallet_decision *decision)
{
    struct outgoing *out =
        tell(person, row, OUT_PA_RELEASE, province_of_area(person_area(person)), now_ms, decision);
    char id[WALLET_ID_SIZE];
    wallet_id_make('L', &person->key, person->limits.next_id++, id);
    memset(out->id, 0, sizeof out->id);
    memcpy(out->id, id, sizeof id);
    out->amount = amount;
    out->why = why;
}

static void tell_returned(const struct person *person, const struct transfer_row *row,
                          enum wallet_stas why, int64_t now_ms, struct wallet_decision *decision)
{
    const uint32_t dests[] = {OUTBOX_APP, province_of_area(person_area(person))};
    for (int i = 0; i < 2; i++)
        tell(person, row, OUT_TRSF_RETURNED, dests[i], now_ms, decision)->why = why;
}

static void say(const struct transfer_row *row, enum wallet_stas stas,
                struct wallet_decision *decision)
{
    struct wallet_said *said = &decision->said;
    memcpy(said->id, row->trsf_id, sizeof said->id);
    said->stas = stas;
    said->amount = row->amount;
    said->exp_ms = row->exp_ms;
}

/* -- giving back ------------------------------------------------------------------------------ */

static void return_account(const struct params *params, struct person *person,
                           const struct transfer_row *row, enum wallet_stas why, int64_t now_ms,
                           struct wallet_decision *decision)
{
    if (row->state == TRANSFER_PENDING) {
        ENSURE(person->hold.held >= row->amount);
        person->hold.held -= row->amount;
        account_free(params, person_area(person), row->amount, now_ms, person);
    }
    tell_release(person, row, row->amount, why, now_ms, decision);
}

static void return_lots(struct person *person, const struct transfer_row *row,
                        struct wallet_decision *decision)
{
    for (uint32_t i = 0; i < row->lot_count; i++)
        lot_keep(person, &row->lots[i], decision);
}

/* The receiver has an offer only of what became PENDING. */
static void end_offer(const struct person *person, const struct transfer_row *row,
                      enum wallet_stas why, struct wallet_decision *decision)
{
    if (row->state != TRANSFER_PENDING) return;
    struct effect *effect = decision_effect(decision, EFFECT_OFFER_END, &row->receiver);
    effect->why = why;
    effect->other = person->key;
    effect->amount = row->amount;
    memcpy(effect->id, row->trsf_id, sizeof effect->id);
}

void transfer_return(const struct params *params, struct person *person, uint32_t place,
                     enum wallet_stas why, int64_t now_ms, struct wallet_decision *decision)
{
    const struct transfer_row row = person->transfers[place];

    person_drop_transfer(person, place);
    if (row.src == SRC_ACCOUNT) {
        return_account(params, person, &row, why, now_ms, decision);
    } else {
        return_lots(person, &row, decision);
    }
    uncount(params, person, &row, why, now_ms);
    end_offer(person, &row, why, decision);
    tell_returned(person, &row, why, now_ms, decision);
    say(&row, why, decision);
    decision->said.balc = person_balance(person);
}

/* -- submit ----------------------------------------------------------------------------------- */

static bool receiver_is_open(const struct wallet_input *input, struct wallet_decision *decision)
{
    const uint32_t state = input->fact->wallet_state;
    if (state == WALLET_OPEN) return true;
    return refuse(decision, state == WALLET_FROZEN ? ERROR_WALLET_CLOSED : ERROR_RECEIVER_NO_WALLET,
                  WALLET_FIELD(input->order->type, other_key), CHECK_STATE, state, WALLET_OPEN);
}

static bool both_enabled(const struct wallet_input *input, const struct person *person,
                         struct wallet_decision *decision)
{
    const struct params *params = input->params;
    const uint16_t type = input->order->type;
    const uint32_t theirs = input->fact->use_loc_admdvs;
    const uint32_t ours = person->wallet.use_loc_admdvs;
    if (params_value(params, PARAM_WALLET_ENABLED, theirs, input->now_ms) == 0) {
        return refuse(decision, ERROR_AREA_NOT_ENABLED, WALLET_FIELD(type, other_key), CHECK_STATE,
                      theirs, 0);
    }
    if (params_value(params, PARAM_WALLET_ENABLED, ours, input->now_ms) == 0) {
        return refuse(decision, ERROR_GIVER_AREA, WALLET_FIELD(type, wlt_id), CHECK_STATE, ours, 0);
    }
    return true;
}

static bool related(const struct wallet_input *input, struct person *person,
                    struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct relation_row *row = person_relation(person, &input->fact->psn_key, SIDE_GIVER);
    if (row == NULL)
        return refuse(decision, ERROR_NO_RELATION, WALLET_FIELD(order->type, rlts_id), CHECK_STATE,
                      0, 0);
    if (order->rlts_id.size != 0 && !bytes_equal(order->rlts_id, bytes_of(row->rlts_id))) {
        return refuse(decision, ERROR_NO_RELATION, WALLET_FIELD(order->type, rlts_id), CHECK_MATCH,
                      0, 0);
    }
    const int64_t kinds =
        params_value(input->params, PARAM_RELATIVES, person_area(person), input->now_ms);
    if ((kinds >> (row->rlts_code - 1) & 1) == 0) {
        return refuse(decision, ERROR_RELATION_KIND, WALLET_FIELD(order->type, rlts_id),
                      CHECK_STATE, row->rlts_code, kinds);
    }
    return true;
}

static bool giver_fits(const struct wallet_input *input, const struct person *person,
                       struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    if (!person_may_give(person)) {
        return refuse(decision, ERROR_INSURED_STATE, WALLET_FIELD(order->type, psn_key),
                      CHECK_STATE, person->insured.state, INSURED_NORMAL);
    }
    if (order->src == SRC_ACCOUNT && person->insured.insutype != INSUTYPE_EMPLOYEE) {
        return refuse(decision, ERROR_GIVER_INSUTYPE, WALLET_FIELD(order->type, src), CHECK_STATE,
                      person->insured.insutype, INSUTYPE_EMPLOYEE);
    }
    if (order->src == SRC_WALLET &&
        params_value(input->params, PARAM_SOURCE_WALLET, person_area(person), input->now_ms) == 0) {
        return refuse(decision, ERROR_GIVER_INSUTYPE, WALLET_FIELD(order->type, src), CHECK_STATE,
                      SRC_WALLET, SRC_ACCOUNT);
    }
    return true;
}

static bool by_day(const struct wallet_input *input, const struct person *person,
                   struct wallet_decision *decision)
{
    if (!input->time_known || !is_night(input->params, person_area(person), input->now_ms)) {
        return true;
    }
    return refuse(decision, ERROR_NIGHT, 0, CHECK_NONE, 0, 0);
}

/* Begins the person's day if none is counted yet. */
static bool within_limits(const struct wallet_input *input, struct person *person,
                          struct wallet_decision *decision)
{
    const uint32_t area = person_area(person);
    const int64_t amount = input->order->amount;
    struct limits_row *limits = &person->limits;

    const int64_t each = params_value(input->params, PARAM_TRSF_MAX_EACH, area, input->now_ms);
    if (amount <= 0 || amount > each) {
        return refuse(decision, ERROR_TRANSFER_AMOUNT, WALLET_FIELD(input->order->type, amount),
                      CHECK_RANGE, amount, amount <= 0 ? 1 : each);
    }
    begin_day(limits, civil_day(input->now_ms));
    const int64_t count = params_value(input->params, PARAM_TRSF_MAX_COUNT, area, input->now_ms);
    if (limits->count >= count) {
        return refuse(decision, ERROR_TRANSFER_LIMIT, 0, CHECK_RANGE, limits->count + INT64_C(1),
                      count);
    }
    const int64_t sum = params_value(input->params, PARAM_TRSF_MAX_SUM, area, input->now_ms);
    if (limits->sum + amount > sum) {
        return refuse(decision, ERROR_TRANSFER_LIMIT, WALLET_FIELD(input->order->type, amount),
                      CHECK_RANGE, limits->sum + amount, sum);
    }
    return true;
}

static bool nothing_blocks(const struct wallet_input *input, const struct person *person,
                           struct wallet_decision *decision)
{
    const int64_t scope =
        params_value(input->params, PARAM_PENDING_SCOPE, person_area(person), input->now_ms);
    for (uint32_t i = 0; i < person->transfer_count && scope != PENDING_NONE; i++) {
        if (scope == PENDING_GIVER ||
            psn_same(&person->transfers[i].receiver, &input->fact->psn_key)) {
            return refuse(decision, ERROR_TRANSFER_PENDING,
                          WALLET_FIELD(input->order->type, other_key), CHECK_NONE, 0, 0);
        }
    }
    if (person->transfer_count == TRANSFERS_MAX) {
        return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(input->order->type, psn_key),
                      CHECK_RANGE, TRANSFERS_MAX + 1, TRANSFERS_MAX);
    }
    if (input->fact->offers >= OFFERS_MAX) {
        return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(input->order->type, other_key),
                      CHECK_RANGE, OFFERS_MAX + 1, OFFERS_MAX);
    }
    return true;
}

/* 3015: the floor that an area keeps in a personal account. `balance` is what is free before. */
static bool above_floor(const struct params *params, uint32_t area, int64_t now_ms, int64_t balance,
                        int64_t amount)
{
    if (params_value(params, PARAM_PA_FLOOR_SCOPE, area, now_ms) != FLOOR_WALLET_TOO) return true;
    const int64_t floor = params_value(params, PARAM_PA_FLOOR, area, now_ms);
    if (params_value(params, PARAM_PA_FLOOR_MODE, area, now_ms) == FLOOR_GATE) {
        return balance > floor;
    }
    return balance - amount >= floor;
}

static bool account_has(const struct wallet_input *input, const struct person *person,
                        struct wallet_decision *decision)
{
    const struct hold_row *hold = &person->hold;
    const int64_t amount = input->order->amount;
    const int64_t free = hold->granted - hold->held - hold->consumed;
    if (free >= amount &&
        above_floor(input->params, person_area(person), input->now_ms, free, amount)) {
        return true;
    }
    return refuse(decision, ERROR_SOURCE_BALANCE, WALLET_FIELD(input->order->type, amount),
                  CHECK_RANGE, amount, free);
}

/* Lots leave the front of the wallet into the transfer. */
static bool carry_lots(const struct wallet_input *input, struct person *person,
                       struct transfer_row *row, struct wallet_decision *decision)
{
    const uint32_t field = WALLET_FIELD(input->order->type, amount);
    const int64_t free = person_free_balance(person, input->now_ms);
    int64_t left = row->amount;
    if (free < left) {
        return refuse(decision, ERROR_SOURCE_BALANCE, field, CHECK_RANGE, left, free);
    }
    while (left != 0) {
        if (row->lot_count == TRANSFER_LOTS_MAX) {
            return refuse(decision, ERROR_TOO_MANY, field, CHECK_RANGE, row->amount,
                          row->amount - left);
        }
        struct lot *front = &person->lots[0];
        struct lot *carried = &row->lots[row->lot_count++];
        *carried = *front;
        if (carried->amount > left) carried->amount = left;
        left -= carried->amount;
        front->amount -= carried->amount;
        if (front->amount == 0) person_drop_lot(person, 0);
    }
    return true;
}

/* The receiver may take it from now on. */
static void offer(struct person *person, struct transfer_row *row, int64_t now_ms,
                  struct wallet_decision *decision)
{
    row->state = TRANSFER_PENDING;
    row->next_ms = 0;
    struct effect *effect = decision_effect(decision, EFFECT_OFFER, &row->receiver);
    effect->other = person->key;
    effect->admdvs = person_area(person);
    effect->amount = row->amount;
    effect->at_ms = row->exp_ms;
    memcpy(effect->id, row->trsf_id, sizeof effect->id);
    tell(person, row, OUT_TRSF_NOTICE, OUTBOX_APP, now_ms, decision);
    say(row, STAS_PENDING, decision);
    decision->said.balc = person_balance(person);
}

static void ask_province(struct person *person, struct transfer_row *row,
                         const struct params *params, int64_t now_ms, uint32_t why,
                         struct wallet_decision *decision)
{
    const uint32_t area = person_area(person);
    const int64_t give_up = give_up_at(params, area, row);
    row->state = TRANSFER_HOLDING;
    row->next_ms = now_ms + ASK_AGAIN_MS < give_up ? now_ms + ASK_AGAIN_MS : give_up;
    tell(person, row, OUT_PA_HOLD, province_of_area(area), now_ms, decision)->why = why;
}

/* Where the money comes from: false with 3015 or 3034. */
static bool find_source(const struct wallet_input *input, struct person *person,
                        struct transfer_row *row, bool *ret_ask, struct wallet_decision *decision)
{
    *ret_ask = false;
    if (row->src == SRC_WALLET) return carry_lots(input, person, row, decision);
    if (params_value(input->params, PARAM_PA_HOLD_MODE, person_area(person), input->now_ms) ==
        HOLD_ONLINE) {
        *ret_ask = true;
        return true;
    }
    if (!account_has(input, person, decision)) return false;
    person->hold.held += row->amount;
    return true;
}

/* 3034: own money would be in more hands than are counted. Of another origin it is that giver's
 * shard that counts. */
static bool holder_fits(const struct wallet_input *input, struct person *person,
                        const struct transfer_row *row, struct wallet_decision *decision)
{
    bool own = row->src == SRC_ACCOUNT;
    for (uint32_t i = 0; i < row->lot_count; i++)
        own |= psn_same(&row->lots[i].origin, &person->key);
    if (!own || person_holder_fits(person, &row->receiver)) return true;
    return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(input->order->type, other_key),
                  CHECK_RANGE, HOLDERS_MAX, HOLDERS_MAX - 1);
}

static bool may_submit(const struct wallet_input *input, struct person *person,
                       struct wallet_decision *decision)
{
    return sender_is_app(input, decision) && wallet_is_open(input, person, decision) &&
           receiver_is_open(input, decision) && both_enabled(input, person, decision) &&
           related(input, person, decision) && giver_fits(input, person, decision) &&
           by_day(input, person, decision) && within_limits(input, person, decision) &&
           nothing_blocks(input, person, decision);
}

void judge_submit(const struct wallet_input *input, struct person *person,
                  struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    bool ask;

    ENSURE(input->fact != NULL);
    if (!may_submit(input, person, decision)) return;
    struct transfer_row *row = &person->transfers[person->transfer_count];
    memset(row, 0, sizeof *row);
    row->receiver = input->fact->psn_key;
    row->amount = order->amount;
    row->src = order->src;
    row->submitted_ms = input->now_ms;
    row->exp_ms = expiry_of(input->params, person_area(person), input->now_ms);
    if (!find_source(input, person, row, &ask, decision) ||
        !holder_fits(input, person, row, decision)) {
        return;
    }

    person->transfer_count++;
    wallet_id_make('T', &person->key, person->limits.next_id++, row->trsf_id);
    decision_id(decision, ID_TRANSFER, 0, bytes_of(row->trsf_id));
    person->limits.count++;
    person->limits.sum += row->amount;
    if (ask) {
        ask_province(person, row, input->params, input->now_ms, 0, decision);
        say(row, STAS_HOLDING, decision);
        decision->said.balc = person_balance(person);
    } else {
        offer(person, row, input->now_ms, decision);
        if (row->src == SRC_ACCOUNT) decision->plain = PLAIN_BEGUN;
    }
}

/* -- what became of it ------------------------------------------------------------------------ */

/* The transfer of an order, or NULL with why there is none: never was, ended, expired. */
static struct transfer_row *under_way(const struct wallet_input *input, struct person *person,
                                      struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const struct wallet_past *past = input->past;
    struct transfer_row *row = person_transfer(person, order->trsf_id);
    if (row != NULL && input->now_ms < row->exp_ms) return row;
    if (row != NULL || (past != NULL && past->found && past->stas == STAS_EXPIRED)) {
        refuse(decision, ERROR_TRANSFER_EXPIRED, WALLET_FIELD(order->type, trsf_id), CHECK_NONE, 0,
               0);
    } else if (past != NULL && past->found && past->code == ERROR_HOLD_GIVEN_UP) {
        refuse(decision, ERROR_HOLD_GIVEN_UP, WALLET_FIELD(order->type, trsf_id), CHECK_NONE, 0, 0);
    } else if (past != NULL && past->found) {
        refuse(decision, ERROR_TRANSFER_ENDED, WALLET_FIELD(order->type, trsf_id), CHECK_STATE,
               past->stas, 0);
    } else {
        refuse(decision, ERROR_NO_TRANSFER, WALLET_FIELD(order->type, trsf_id), CHECK_STATE, 0, 0);
    }
    return NULL;
}

/* The transfer, when the order is its receiver's and there is an answer of the province. */
static struct transfer_row *offered(const struct wallet_input *input, struct person *person,
                                    struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    struct transfer_row *row = under_way(input, person, decision);
    if (row == NULL) return NULL;
    if (!bytes_equal(order->other_key, (struct bytes){row->receiver.bytes, PSN_KEY_SIZE})) {
        refuse(decision, ERROR_NOT_RECEIVER, WALLET_FIELD(order->type, other_key), CHECK_MATCH, 0,
               0);
        return NULL;
    }
    if (row->state != TRANSFER_PENDING) {
        refuse(decision, ERROR_PROVINCE_SILENT, WALLET_FIELD(order->type, trsf_id), CHECK_NONE, 0,
               0);
        return NULL;
    }
    return row;
}

/* -- accept ----------------------------------------------------------------------------------- */

static bool receiver_has_room(const struct wallet_input *input, struct wallet_decision *decision)
{
    if (input->fact->lots < LOTS_MAX - TRANSFER_LOTS_MAX) return true;
    return refuse(decision, ERROR_TOO_MANY, WALLET_FIELD(input->order->type, other_key),
                  CHECK_RANGE, input->fact->lots, LOTS_MAX - TRANSFER_LOTS_MAX - 1);
}

/* The relation is there and the giver stands: else the transfer is being voided already. */
static bool still_given(const struct wallet_input *input, struct person *person,
                        const struct transfer_row *row, struct wallet_decision *decision)
{
    const struct relation_row *relation = person_relation(person, &row->receiver, SIDE_GIVER);
    if (relation != NULL && relation->since_ms <= row->submitted_ms && person_may_give(person)) {
        return true;
    }
    return refuse(decision, ERROR_TRANSFER_ENDED, WALLET_FIELD(input->order->type, trsf_id),
                  CHECK_STATE, STAS_VOIDED, 0);
}

/* The origin learns that another one holds its money; an origin that is this person knows. */
static void moved(struct person *person, const struct lot *lot, const struct transfer_row *row,
                  struct wallet_decision *decision)
{
    if (psn_same(&lot->origin, &person->key)) {
        person_hold(person, &person->key, -lot->amount);
        person_hold(person, &row->receiver, lot->amount);
        return;
    }
    struct effect *effect = decision_effect(decision, EFFECT_HELD, &lot->origin);
    effect->why = HELD_MOVED;
    effect->other = person->key;
    effect->third = row->receiver;
    effect->amount = lot->amount;
    effect->admdvs = lot->origin_admdvs;
    memcpy(effect->id, row->trsf_id, sizeof effect->id);
}

/* Lots the receiver gets: of the account one new, of the wallet those it carries. */
static void credit(struct person *person, const struct transfer_row *row, int64_t now_ms,
                   struct wallet_decision *decision)
{
    struct effect *effect = decision_effect(decision, EFFECT_CREDIT, &row->receiver);
    effect->other = person->key;
    effect->amount = row->amount;
    effect->at_ms = now_ms;
    memcpy(effect->id, row->trsf_id, sizeof effect->id);
    if (row->src == SRC_ACCOUNT) {
        effect->lot_count = 1;
        effect->lots[0] = (struct lot){
            .origin = person->key, .origin_admdvs = person_area(person), .amount = row->amount};
        person_hold(person, &row->receiver, row->amount);
    } else {
        effect->admdvs = person_area(person); /* Its lots say that of other givers. */
        effect->lot_count = row->lot_count;
        memcpy(effect->lots, row->lots, row->lot_count * sizeof row->lots[0]);
    }
    for (uint32_t i = 0; i < effect->lot_count; i++) {
        effect->lots[i].number = 0;
        effect->lots[i].from = person->key;
        effect->lots[i].accepted_ms = now_ms;
    }
}

/* Of the account, unless what the receiver holds comes to nothing: it was below it before. */
static void taken_plainly(struct person *person, const struct psn_key *receiver,
                          struct wallet_decision *decision)
{
    const struct holder_row *holder = person_holder(person, receiver);
    if (holder == NULL) return;
    decision->plain = PLAIN_TAKEN;
    decision->holder = (uint32_t)(holder - person->holders);
}

void judge_accept(const struct wallet_input *input, struct person *person,
                  struct wallet_decision *decision)
{
    ENSURE(input->fact != NULL);
    if (!sender_is_app(input, decision)) return;
    const struct transfer_row *found = offered(input, person, decision);
    if (found == NULL || !still_given(input, person, found, decision) ||
        !receiver_is_open(input, decision) || !receiver_has_room(input, decision) ||
        !holder_fits(input, person, found, decision)) {
        return;
    }
    credit(person, found, input->now_ms, decision);
    for (uint32_t i = 0; i < found->lot_count; i++)
        moved(person, &found->lots[i], found, decision);
    say(found, STAS_ACCEPTED, decision);
    if (found->src == SRC_ACCOUNT) taken_plainly(person, &found->receiver, decision);
    person_drop_transfer(person, (uint32_t)(found - person->transfers));
}

/* -- decline, void ---------------------------------------------------------------------------- */

void judge_decline(const struct wallet_input *input, struct person *person,
                   struct wallet_decision *decision)
{
    if (!sender_is_app(input, decision)) return;
    const struct transfer_row *row = offered(input, person, decision);
    if (row == NULL) return;
    transfer_return(input->params, person, (uint32_t)(row - person->transfers), STAS_DECLINED,
                    input->now_ms, decision);
    decision->said.balc = 0; /* The giver's balance is none of the receiver's business. */
}

void judge_void(const struct wallet_input *input, struct person *person,
                struct wallet_decision *decision)
{
    if (!sender_is_app(input, decision)) return;
    const struct transfer_row *row = under_way(input, person, decision);
    if (row == NULL) return;
    transfer_return(input->params, person, (uint32_t)(row - person->transfers), STAS_VOIDED,
                    input->now_ms, decision);
}

/* -- hold ------------------------------------------------------------------------------------- */

/* The province refused, froze something else, or left too little: what it did freeze goes back. */
static void refuse_hold(const struct wallet_input *input, struct person *person,
                        struct transfer_row *row, int64_t held, struct wallet_decision *decision)
{
    const struct transfer_row ended = *row;
    person_drop_transfer(person, (uint32_t)(row - person->transfers));
    if (held != 0) tell_release(person, &ended, held, STAS_REFUSED, input->now_ms, decision);
    uncount(input->params, person, &ended, STAS_REFUSED, input->now_ms);
    tell_returned(person, &ended, STAS_REFUSED, input->now_ms, decision);
    say(&ended, STAS_REFUSED, decision);
    decision->said.number = ERROR_SOURCE_BALANCE;
}

void judge_hold_ack(const struct wallet_input *input, struct person *person,
                    struct wallet_decision *decision)
{
    const struct wallet_order *order = input->order;
    const uint32_t area = person_area(person);

    if (!sender_is_of(input, area, decision)) return;
    struct transfer_row *row = under_way(input, person, decision);
    if (row == NULL) return;
    const bool held = order->code == 0 && order->amount == row->amount;
    if (row->state == TRANSFER_PENDING) {
        if (held && row->src == SRC_ACCOUNT) {
            say(row, STAS_PENDING, decision);
            decision->nothing = decision->dup = true;
        } else {
            refuse(decision, ERROR_CLIENT_NO_REUSED, WALLET_FIELD(order->type, amount), CHECK_MATCH,
                   order->amount, row->amount);
        }
        return;
    }
    if (!held || !above_floor(input->params, area, input->now_ms, order->amount2 + order->amount,
                              order->amount)) {
        refuse_hold(input, person, row, order->amount, decision);
        return;
    }
    account_hold(row->amount, person);
    offer(person, row, input->now_ms, decision);
}

/* -- what became due -------------------------------------------------------------------------- */

static int64_t due_of(const struct transfer_row *row)
{
    return row->state == TRANSFER_HOLDING && row->next_ms < row->exp_ms ? row->next_ms
                                                                        : row->exp_ms;
}

static struct transfer_row *first_due(struct person *person, int64_t now_ms)
{
    struct transfer_row *first = NULL;
    for (uint32_t i = 0; i < person->transfer_count; i++) {
        struct transfer_row *row = &person->transfers[i];
        if (due_of(row) > now_ms) continue;
        if (first == NULL || due_of(row) < due_of(first)) first = row;
    }
    return first;
}

/* One transfer an entry: the answer of an entry says what became of one. */
void wallet_sweep(const struct params *params, int64_t now_ms, struct person *person,
                  struct wallet_decision *ret_decision)
{
    wallet_decision_begin(ret_decision);
    struct transfer_row *row = first_due(person, now_ms);
    ENSURE(row != NULL);
    const uint32_t place = (uint32_t)(row - person->transfers);
    if (row->state == TRANSFER_PENDING) {
        transfer_return(params, person, place, STAS_EXPIRED, now_ms, ret_decision);
    } else if (now_ms < give_up_at(params, person_area(person), row)) {
        ask_province(person, row, params, now_ms, HOLD_ASKS_AGAIN, ret_decision);
    } else {
        transfer_return(params, person, place, STAS_REFUSED, now_ms, ret_decision);
        ret_decision->said.number = ERROR_HOLD_GIVEN_UP;
    }
}
