#include "tests/model/wallet_model.h"

#include <string.h>

#include "tests/model/wallet_rules.h"

#define DAY_MS    INT64_C(86400000)
#define HOUR_MS   INT64_C(3600000)
#define NIGHT_END 6 /* Hours; it begins at 22. */

void model_init(struct wallet_model *model)
{
    memset(model, 0, sizeof *model);
    model->rules = (struct model_rules){
        .max_each = 200000,
        .max_sum = 600000,
        .max_count = 3,
        .returned_count = true,
        .relatives = 255,
        .source_wallet = true,
        .claim_ms = 15 * 60 * 1000,
    };
    memset(model->rules.enabled, true, sizeof model->rules.enabled);
    for (int i = 0; i < MODEL_PERSONS; i++)
        model->persons[i].next_lot = 1;
}

/* -- the clock ------------------------------------------------------------------------------ */

static int64_t days(int64_t ms)
{
    return rules_midnight(ms) / DAY_MS;
}

static bool at_night(int64_t ms)
{
    return rules_minute(ms) < NIGHT_END * 60 || rules_minute(ms) >= 22 * 60;
}

static bool enabled(const struct wallet_model *m, uint32_t area)
{
    return m->rules.enabled[area / 10000];
}

/* -- lots ----------------------------------------------------------------------------------- */

int64_t model_balance(const struct wallet_model *m, int who)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < m->persons[who].lot_count; i++)
        sum += m->persons[who].lots[i].amount;
    return sum;
}

static void drop_lot(struct model_person *p, uint32_t place)
{
    memmove(&p->lots[place], &p->lots[place + 1], (p->lot_count - place - 1) * sizeof p->lots[0]);
    p->lot_count--;
}

/* By number; to the lot of that number when it is still there. */
static void put_lot(struct model_person *p, const struct model_lot *lot)
{
    uint32_t at = 0;
    while (at < p->lot_count && p->lots[at].number < lot->number)
        at++;
    if (at < p->lot_count && p->lots[at].number == lot->number) {
        p->lots[at].amount += lot->amount;
        return;
    }
    memmove(&p->lots[at + 1], &p->lots[at], (p->lot_count - at) * sizeof p->lots[0]);
    p->lots[at] = *lot;
    p->lot_count++;
}

/* A lot may only be where the relation it came by is; one that the two began later is another. */
static bool alive(const struct wallet_model *m, int who, const struct model_lot *lot)
{
    return m->persons[who].open && m->relations[lot->from][who] != 0 &&
           m->bound_ms[lot->from][who] <= lot->accepted_ms;
}

/* Takes from the front. Returns how many lots it took, 0 when that is more than `most`. */
static uint32_t take(struct model_person *p, int64_t amount, struct model_lot *out, uint32_t most)
{
    uint32_t need = 0;
    int64_t sum = 0;
    while (sum < amount)
        sum += p->lots[need++].amount;
    if (need > most) return 0;
    for (uint32_t i = 0; i < need; i++) {
        out[i] = p->lots[0];
        if (out[i].amount > amount) out[i].amount = amount;
        amount -= out[i].amount;
        p->lots[0].amount -= out[i].amount;
        if (p->lots[0].amount == 0) drop_lot(p, 0);
    }
    return need;
}

/* -- MEMO ----------------------------------------------------------------------------------- */

int64_t model_held_at(const struct wallet_model *m, int giver, int holder)
{
    int64_t sum = 0;
    const struct model_person *p = &m->persons[holder];
    for (uint32_t i = 0; i < p->lot_count; i++) {
        if (p->lots[i].origin == giver) sum += p->lots[i].amount;
    }
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        const struct model_transfer *row = &m->transfers[t];
        if (row->end != MODEL_PENDING || row->giver != holder) continue;
        for (uint32_t i = 0; i < row->lot_count; i++) {
            if (row->lots[i].origin == giver) sum += row->lots[i].amount;
        }
    }
    return sum;
}

int64_t model_held(const struct wallet_model *m, int giver)
{
    int64_t sum = 0;
    for (int holder = 0; holder < MODEL_PERSONS; holder++)
        sum += model_held_at(m, giver, holder);
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        const struct model_transfer *row = &m->transfers[t];
        if (row->end == MODEL_PENDING && row->giver == giver && row->src == 1) sum += row->amount;
    }
    return sum;
}

/* -- ends ----------------------------------------------------------------------------------- */

/* Own money is free again by itself; lots go back, or home when their relation has ended: then they
 * are in nobody's hands, which is the same as free. */
static void give_back(struct wallet_model *m, int transfer, enum model_end end)
{
    struct model_transfer *row = &m->transfers[transfer];
    struct model_person *p = &m->persons[row->giver];
    row->end = end;
    for (uint32_t i = 0; i < row->lot_count; i++) {
        if (alive(m, row->giver, &row->lots[i])) put_lot(p, &row->lots[i]);
    }
    if (!m->rules.returned_count && p->day == (uint32_t)days(row->submitted_ms) && p->count != 0) {
        p->count--;
        p->sum -= row->amount;
    }
}

static void end_relation(struct wallet_model *m, int giver, int receiver)
{
    struct model_person *p = &m->persons[receiver];
    m->relations[giver][receiver] = 0;
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        const struct model_transfer *row = &m->transfers[t];
        if (row->end == MODEL_PENDING && row->giver == giver && row->receiver == receiver)
            give_back(m, (int)t, MODEL_RETURNED);
    }
    for (uint32_t i = p->lot_count; i != 0; i--) {
        if (p->lots[i - 1].from == giver) drop_lot(p, i - 1);
    }
}

static bool is_of(const struct model_lot *lot, int giver, uint32_t area)
{
    return lot->origin == giver && (area == 0 || lot->area == area);
}

/* Money of a giver goes home, wherever it is: all of it, or what came from the account of `area`.
 */
static void recall(struct wallet_model *m, int giver, uint32_t area)
{
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        const struct model_transfer *row = &m->transfers[t];
        for (uint32_t i = 0; i < row->lot_count; i++) {
            if (row->end == MODEL_PENDING && is_of(&row->lots[i], giver, area))
                give_back(m, (int)t, MODEL_RETURNED);
        }
    }
    for (int who = 0; who < MODEL_PERSONS; who++) {
        struct model_person *p = &m->persons[who];
        for (uint32_t i = p->lot_count; i != 0; i--) {
            if (is_of(&p->lots[i - 1], giver, area)) drop_lot(p, i - 1);
        }
    }
}

void model_time(struct wallet_model *m, int64_t now_ms)
{
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        const struct model_transfer *row = &m->transfers[t];
        if (row->end == MODEL_PENDING && row->exp_ms <= now_ms) give_back(m, (int)t, MODEL_EXPIRED);
    }
}

/* -- persons and relations ------------------------------------------------------------------- */

uint16_t model_open(struct wallet_model *m, int who, uint32_t area, uint32_t use_loc,
                    uint32_t insutype)
{
    struct model_person *p = &m->persons[who];
    if (p->open) {
        return p->area == area && p->use_loc == use_loc && p->insutype == insutype ? 0 : 3002;
    }
    if (!rules_is_basic(insutype)) return 2006;
    if (p->state != 0 && (p->state != 1 || p->area != area || p->insutype != insutype)) return 3004;
    if (!enabled(m, use_loc)) return 3006;
    p->open = true;
    p->state = 1;
    p->area = area;
    p->use_loc = use_loc;
    p->insutype = insutype;
    return 0;
}

uint16_t model_bind(struct wallet_model *m, int giver, int receiver, uint32_t kind, int64_t now_ms)
{
    const struct model_person *g = &m->persons[giver];
    const struct model_person *r = &m->persons[receiver];
    if (giver == receiver) return 1001;
    if (m->relations[giver][receiver] != 0) return m->relations[giver][receiver] == kind ? 0 : 3016;
    const struct bind_facts facts = {
        .kind = kind,
        .relatives = m->rules.relatives,
        .source_wallet = m->rules.source_wallet,
        .may_give = g->state == INSURED_NORMAL,
        .giver_insutype = g->insutype,
        .receiver_state = r->state,
        .receiver_insutype = r->insutype,
    };
    const uint16_t code = rules_may_bind(&facts);
    if (code != 0) return code;
    m->relations[giver][receiver] = kind;
    m->bound_ms[giver][receiver] = now_ms;
    return 0;
}

uint16_t model_unbind(struct wallet_model *m, int giver, int receiver)
{
    if (m->relations[giver][receiver] == 0) return 3019;
    end_relation(m, giver, receiver);
    return 0;
}

uint16_t model_state(struct wallet_model *m, int who, uint32_t state, uint32_t area,
                     uint32_t insutype)
{
    struct model_person *p = &m->persons[who];
    /* An area the person has left speaks of what has ended already. */
    if (p->state == 1 && state != 1 && area != p->area) return 0;
    const bool moves = p->state != 0 && area != p->area;
    const bool ends = p->state != 0 && (state != 1 || insutype != p->insutype || area != p->area);
    p->state = state;
    p->area = area;
    p->insutype = insutype;
    if (!ends) return 0;
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        if (m->transfers[t].end == MODEL_PENDING && m->transfers[t].giver == who)
            give_back(m, (int)t, MODEL_RETURNED);
    }
    for (int receiver = 0; receiver < MODEL_PERSONS; receiver++) {
        if (m->relations[who][receiver] != 0) end_relation(m, who, receiver);
    }
    recall(m, who, 0);
    if (moves) { /* Another province keeps the account now. */
        p->granted = p->consumed;
        p->has_grant = false;
    }
    return 0;
}

uint16_t model_grant(struct wallet_model *m, int who, int64_t amount)
{
    struct model_person *p = &m->persons[who];
    if (amount < model_held(m, who) + p->consumed) return 3015;
    p->granted = amount;
    p->has_grant = true;
    return 0;
}

/* -- transfers ------------------------------------------------------------------------------- */

static uint16_t may_submit(const struct wallet_model *m, int giver, int receiver, uint32_t src,
                           int64_t amount, int64_t now_ms)
{
    const struct model_rules *rules = &m->rules;
    const struct model_person *g = &m->persons[giver];
    const struct model_person *r = &m->persons[receiver];
    const bool today = g->day == (uint32_t)days(now_ms);
    struct transfer_facts facts = {
        .giver_state = g->open ? WALLET_OPEN : WALLET_NONE,
        .receiver_state = r->open ? WALLET_OPEN : WALLET_NONE,
        .giver_enabled = enabled(m, g->use_loc),
        .receiver_enabled = enabled(m, r->use_loc),
        .kind = m->relations[giver][receiver],
        .relatives = rules->relatives,
        .may_give = g->state == INSURED_NORMAL,
        .source_wallet = rules->source_wallet,
        .night = at_night(now_ms),
        .giver_insutype = g->insutype,
        .src = src,
        .amount = amount,
        .max_each = rules->max_each,
        .max_sum = rules->max_sum,
        .max_count = rules->max_count,
        .sum = today ? g->sum : 0,
        .count = today ? g->count : 0,
    };
    for (uint32_t t = 0; t < m->transfer_count; t++) {
        const struct model_transfer *row = &m->transfers[t];
        if (row->end == MODEL_PENDING && row->giver == giver &&
            (rules->pending_by_giver || row->receiver == receiver)) {
            facts.pending = true;
        }
    }
    const uint16_t code = rules_may_transfer(&facts);
    if (code != 0) return code;
    if (src == 1 && g->granted - model_held(m, giver) - g->consumed < amount) return 3015;
    if (src == 2 && model_balance(m, giver) < amount) return 3015;
    return 0;
}

uint16_t model_submit(struct wallet_model *m, int giver, int receiver, uint32_t src, int64_t amount,
                      int64_t now_ms)
{
    struct model_person *g = &m->persons[giver];
    const uint16_t code = may_submit(m, giver, receiver, src, amount, now_ms);
    if (code != 0) return code;
    struct model_transfer row = {
        .giver = giver,
        .receiver = receiver,
        .src = src,
        .amount = amount,
        .submitted_ms = now_ms,
        .exp_ms = rules_midnight(now_ms) + NIGHT_END * HOUR_MS,
    };
    if (src == 2) {
        row.lot_count = take(g, amount, row.lots, 8);
        if (row.lot_count == 0) return 3034;
    }
    m->transfers[m->transfer_count++] = row;
    if (g->day != (uint32_t)days(now_ms)) {
        g->day = (uint32_t)days(now_ms);
        g->count = 0;
        g->sum = 0;
    }
    g->count++;
    g->sum += amount;
    return 0;
}

/* What can be said of a transfer that is asked for. */
static uint16_t under_way(const struct wallet_model *m, int transfer)
{
    if (transfer < 0 || (uint32_t)transfer >= m->transfer_count) return 3022;
    switch (m->transfers[transfer].end) {
    case MODEL_PENDING:
        return 0;
    case MODEL_EXPIRED:
        return 3024;
    case MODEL_ACCEPTED:
    case MODEL_RETURNED:
        break;
    }
    return 3023;
}

uint16_t model_accept(struct wallet_model *m, int transfer, int receiver, int64_t now_ms)
{
    model_time(m, now_ms);
    const uint16_t code = under_way(m, transfer);
    if (code != 0) return code;
    struct model_transfer *row = &m->transfers[transfer];
    struct model_person *r = &m->persons[receiver];
    if (row->receiver != receiver) return 3020;
    if (!r->open) return 3005;
    row->end = MODEL_ACCEPTED;
    if (row->src == 1) {
        row->lot_count = 1;
        row->lots[0] = (struct model_lot){
            .origin = row->giver, .area = m->persons[row->giver].area, .amount = row->amount};
    }
    for (uint32_t i = 0; i < row->lot_count; i++) {
        struct model_lot lot = row->lots[i];
        lot.from = row->giver;
        lot.accepted_ms = now_ms;
        lot.number = r->next_lot++;
        put_lot(r, &lot);
    }
    return 0;
}

uint16_t model_decline(struct wallet_model *m, int transfer, int receiver, int64_t now_ms)
{
    model_time(m, now_ms);
    const uint16_t code = under_way(m, transfer);
    if (code != 0) return code;
    if (m->transfers[transfer].receiver != receiver) return 3020;
    give_back(m, transfer, MODEL_RETURNED);
    return 0;
}

uint16_t model_void(struct wallet_model *m, int transfer, int64_t now_ms)
{
    model_time(m, now_ms);
    const uint16_t code = under_way(m, transfer);
    if (code != 0) return code;
    give_back(m, transfer, MODEL_RETURNED);
    return 0;
}

/* -- payments -------------------------------------------------------------------------------- */

static void owe(struct wallet_model *m, const struct model_payment *p, const struct model_lot *lot,
                int64_t amount)
{
    struct rules_debt debts[2];
    const uint32_t count = rules_debts(lot->area, p->place, p->via ? p->use_loc : 0, debts);
    for (uint32_t i = 0; i < count; i++)
        m->owed[debts[i].payer / 10000][debts[i].payee / 10000] += amount;
}

static uint16_t use(struct wallet_model *m, struct model_payment *p)
{
    struct model_person *spender = &m->persons[p->person];
    if (p->amount > model_balance(m, p->person)) return 3025;
    p->used_count = take(spender, p->amount, p->used, MODEL_PAY_LOTS);
    if (p->used_count == 0) return 3034;
    p->use_loc = spender->use_loc;
    p->via = m->rules.via_use_loc;
    for (uint32_t i = 0; i < p->used_count; i++) {
        m->persons[p->used[i].origin].consumed += p->used[i].amount;
        owe(m, p, &p->used[i], p->used[i].amount);
    }
    m->payments[m->payment_count++] = *p;
    return 0;
}

uint16_t model_pay(struct wallet_model *m, int who, uint32_t place, int64_t amount, int64_t part,
                   int64_t account)
{
    const struct model_person *p = &m->persons[who];
    struct model_payment payment = {.person = who, .place = place, .amount = amount};
    if (!p->open) return 3001;
    if (!m->rules.spend_anywhere && place / 10000 != p->use_loc / 10000) return 3026;
    if (part != 0 && amount > part - account) return 3028;
    return use(m, &payment);
}

/* What came back of one who has no standing stays nowhere; of one who has moved nothing of the
 * account that was left does. It may be used again only by a grant that still counts. */
static void take_home(struct wallet_model *m, const struct model_lot *back)
{
    struct model_person *giver = &m->persons[back->origin];
    if (giver->area != back->area || !giver->has_grant) giver->granted -= back->amount;
    if (giver->state != 1) {
        recall(m, back->origin, 0);
    } else if (giver->area != back->area) {
        recall(m, back->origin, back->area);
    }
}

/* Takes back, last used first, behind what was taken back before. */
static void unuse(struct wallet_model *m, struct model_payment *p, int64_t amount)
{
    int64_t skip = p->reversed;
    p->reversed += amount;
    for (uint32_t i = p->used_count; i != 0; i--) {
        struct model_lot back = p->used[i - 1];
        back.amount = rules_goes_back(back.amount, &skip, &amount);
        if (back.amount == 0) continue;
        m->persons[back.origin].consumed -= back.amount;
        owe(m, p, &back, -back.amount);
        if (alive(m, p->person, &back)) put_lot(&m->persons[p->person], &back);
        take_home(m, &back);
    }
}

uint16_t model_reverse(struct wallet_model *m, int payment, uint32_t place, int64_t amount)
{
    if (payment < 0 || (uint32_t)payment >= m->payment_count) return 3029;
    struct model_payment *p = &m->payments[payment];
    const int64_t left = p->amount - p->reversed;
    if (p->premium) return 3029;
    if (p->place / 10000 != place / 10000) return 2016;
    if (left == 0 || amount > left) return 3030;
    unuse(m, p, amount == 0 ? left : amount);
    return 0;
}

uint16_t model_premium(struct wallet_model *m, int payer, int insured, uint32_t area, uint32_t year,
                       int64_t amount, bool commit, int64_t now_ms)
{
    struct model_payment payment = {.premium = true,
                                    .person = payer,
                                    .insured = insured,
                                    .year = year,
                                    .place = area,
                                    .amount = amount};
    typeof(m->persons[0].premiums[0]) *row = &m->persons[insured].premiums[year % MODEL_YEARS];
    if (row->paid) return 4008;
    if (row->year != 0 && row->claimed_ms > now_ms && row->claimed_by != payer) return 4008;
    if (amount != m->rules.premium) return 4004;
    row->year = year;
    row->claimed_by = payer;
    row->claimed_ms = now_ms + m->rules.claim_ms;
    if (!commit) return 4005;
    if (payer != insured && m->relations[payer][insured] == 0 &&
        m->relations[insured][payer] == 0) {
        return 4006;
    }
    if (!m->persons[payer].open) return 3001;
    const uint16_t code = use(m, &payment);
    if (code != 0) return code;
    row->paid = true;
    row->payment = (int)m->payment_count - 1;
    return 0;
}

uint16_t model_premium_reverse(struct wallet_model *m, int payment, int64_t amount)
{
    if (payment < 0 || (uint32_t)payment >= m->payment_count) return 4010;
    struct model_payment *p = &m->payments[payment];
    const int64_t left = p->amount - p->reversed;
    if (!p->premium) return 4010;
    if (left == 0) return 4011;
    if (amount > left) return 3030;
    unuse(m, p, amount == 0 ? left : amount);
    typeof(m->persons[0].premiums[0]) *row =
        &m->persons[p->insured].premiums[p->year % MODEL_YEARS];
    if (p->reversed == p->amount && row->payment == payment) {
        row->paid = false;
        row->claimed_ms = 0;
    }
    return 0;
}

int64_t model_net(const struct wallet_model *m, uint32_t province)
{
    int64_t net = 0;
    for (int other = 0; other < 100; other++)
        net += m->owed[other][province] - m->owed[province][other];
    return net;
}
