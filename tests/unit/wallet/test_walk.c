/* Random lives of some families, lived by the engine and by the model: every answer and every
 * balance is compared (tests/model/README.md).
 *
 *   QINGFEN_SEED=FIRST_SEED QINGFEN_WALKS=COUNT test_wallet_walk
 *
 * Effects wait and come in any order that keeps each pair's. An order that would race with them is
 * not compared: the mail of its family is delivered first. A second kind of walk lets everything
 * race and only asks the invariants, which wallet_rig.h does after every step of both. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/plain_laws.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "tests/model/wallet_model.h"
#include "types/cell.h"
#include "types/civil.h"
#include "types/wire.h"

#define WALKS     150
#define STEPS     400
#define FAMILIES  5
#define PAYMENTS  512
#define PREMIUM   40000
#define MINUTE_MS INT64_C(60000)
#define PROVINCES 100
#define CODES     5000

/* What may be ordered. */
enum {
    DO_OPEN,
    DO_BIND,
    DO_UNBIND,
    DO_STATE,
    DO_GRANT,
    DO_SUBMIT,
    DO_ACCEPT,
    DO_DECLINE,
    DO_VOID,
    DO_ACK,
    DO_PAY,
    DO_REVERSE,
    DO_PREMIUM,
    DO_PREMIUM_REVERSE,
    DO_TIME,
    DO_COUNT
};

static const uint32_t areas[] = {530100, 510100, 350200, 530300, 110100, 440300};

#define AREA_COUNT (sizeof areas / sizeof areas[0])

struct walk {
    struct prng prng;
    uint64_t seed;
    uint32_t step;
    const char *doing;
    int kind;    /* Of the order, DO_… */
    bool racing; /* No model: nobody waits for mail. */
    bool online; /* Personal accounts are asked for each time. */
    struct wallet_rig *rig;
    struct wallet_model *model;
    int begin[FAMILIES + 1]; /* First person of each family. */
    bool dirty[FAMILIES];    /* Mail of it may be on its way. */
    int64_t pushes;          /* Of insured states, for their dates. */
    uint32_t transfer_count;
    char transfers[MODEL_TRANSFERS][WALLET_ID_SIZE]; /* As in the model's list. */
    int givers[MODEL_TRANSFERS];
    int receivers[MODEL_TRANSFERS];
    uint32_t payment_count;
    struct wallet_past payments[PAYMENTS];
    int64_t net[PROVINCES];    /* By the debts, */
    int64_t direct[PROVINCES]; /* and by the used lots. */
    uint64_t *seen;            /* SEEN_MAX: how often a kind of order got a code. */
};

static uint64_t below(struct walk *w, uint64_t limit)
{
    return prng_below(&w->prng, limit);
}

static bool chance(struct walk *w, uint64_t of_1000)
{
    return prng_chance(&w->prng, of_1000);
}

#define FAIL(w, ...)                                                                      \
    do {                                                                                  \
        print_error("seed %llu, step %u, %s: ", (unsigned long long)(w)->seed, (w)->step, \
                    (w)->doing);                                                          \
        fail_msg(__VA_ARGS__);                                                            \
    } while (0)

/* -- comparing ------------------------------------------------------------------------------ */

static void same(const struct walk *w, const char *what, int who, int64_t engine, int64_t model)
{
    if (engine == model) return;
    FAIL(w, "person %d: %s is %lld, by the model %lld", who, what, (long long)engine,
         (long long)model);
}

static void compare_lots(const struct walk *w, int who)
{
    const struct person *p = rig_person(w->rig, who);
    const struct model_person *m = &w->model->persons[who];
    same(w, "the number of lots", who, p->lot_count, m->lot_count);
    for (uint32_t i = 0; i < m->lot_count; i++) {
        const struct psn_key origin = rig_key(m->lots[i].origin);
        const struct psn_key from = rig_key(m->lots[i].from);
        same(w, "a lot's number", who, p->lots[i].number, m->lots[i].number);
        same(w, "a lot's amount", who, p->lots[i].amount, m->lots[i].amount);
        same(w, "a lot's area", who, p->lots[i].origin_admdvs, m->lots[i].area);
        same(w, "a lot's origin", who, p->lots[i].origin.bytes[0], origin.bytes[0]);
        same(w, "a lot's giver", who, p->lots[i].from.bytes[0], from.bytes[0]);
    }
}

static uint32_t pending(const struct walk *w, int who)
{
    uint32_t count = 0;
    for (uint32_t t = 0; t < w->model->transfer_count; t++) {
        const struct model_transfer *row = &w->model->transfers[t];
        count += row->giver == who && row->end == MODEL_PENDING;
    }
    return count;
}

/* What counts for the day of the clock. */
static void compare_counts(const struct walk *w, int who)
{
    const struct limits_row *limits = &rig_person(w->rig, who)->limits;
    const struct model_person *m = &w->model->persons[who];
    const uint32_t today = civil_day(w->rig->now_ms);
    const int64_t days = (w->rig->now_ms + 8 * 60 * MINUTE_MS) / MS_PER_DAY;
    const bool engine = limits->day == today;
    const bool model = m->day == days;
    same(w, "the day's count", who, engine ? limits->count : 0, model ? m->count : 0);
    same(w, "the day's sum", who, engine ? limits->sum : 0, model ? m->sum : 0);
}

static void compare_person(const struct walk *w, int who)
{
    struct person *p = rig_person(w->rig, who);
    const struct model_person *m = &w->model->persons[who];
    same(w, "the wallet", who, p->wallet.state == WALLET_OPEN, m->open);
    same(w, "the balance", who, person_balance(p), model_balance(w->model, who));
    compare_lots(w, who);
    same(w, "granted", who, p->hold.granted, m->granted);
    same(w, "consumed", who, p->hold.consumed, m->consumed);
    same(w, "held", who, p->hold.held, model_held(w->model, who));
    compare_counts(w, who);
    same(w, "transfers under way", who, p->transfer_count, pending(w, who));
    for (int other = 0; other < RIG_PERSONS; other++) {
        const struct psn_key key = rig_key(other);
        const struct holder_row *holder = person_holder(p, &key);
        same(w, "what a holder has", who, holder == NULL ? 0 : holder->amount,
             model_held_at(w->model, who, other));
        same(w, "a relation", who, person_relation(p, &key, SIDE_GIVER) != NULL,
             w->model->relations[who][other] != 0);
        same(w, "a relation as receiver", who, person_relation(p, &key, SIDE_RECEIVER) != NULL,
             w->model->relations[other][who] != 0);
    }
}

/* Debts since the last step, into the nets. */
static void collect_debts(struct walk *w)
{
    for (uint32_t i = 0; i < w->rig->debt_count; i++) {
        const struct wallet_debt *debt = &w->rig->debts[i];
        if (debt->payer_admdvs / 10000 == debt->payee_admdvs / 10000)
            FAIL(w, "a debt inside province %u", debt->payer_admdvs / 10000);
        w->net[debt->payer_admdvs / 10000] -= debt->amount;
        w->net[debt->payee_admdvs / 10000] += debt->amount;
    }
    w->rig->debt_count = 0;
    w->rig->out_count = 0;
}

static void compare_family(struct walk *w, int family)
{
    for (int who = w->begin[family]; who < w->begin[family + 1]; who++)
        compare_person(w, who);
}

static void compare_nets(struct walk *w)
{
    int64_t all = 0;
    for (uint32_t p = 0; p < PROVINCES; p++) {
        same(w, "the net by the used lots of province", (int)p, w->net[p], w->direct[p]);
        if (!w->racing) same(w, "the net of province", (int)p, w->net[p], model_net(w->model, p));
        all += w->net[p];
    }
    same(w, "the sum of all nets, also", 0, all, 0);
}

/* -- mail ----------------------------------------------------------------------------------- */

/* All mail of a family, its pairs in any order. */
static void deliver_family(struct walk *w, int family)
{
    const int first = w->begin[family];
    const int size = w->begin[family + 1] - first;
    bool more = true;
    while (more) {
        more = false;
        const int turn = (int)below(w, (uint64_t)(size * size));
        for (int i = 0; i < size * size; i++) {
            const int pair = (turn + i) % (size * size);
            while (rig_deliver_from(w->rig, first + pair / size, first + pair % size)) {
                more = true;
                if (chance(w, 300)) break;
            }
        }
    }
    w->dirty[family] = false;
    collect_debts(w);
    compare_family(w, family);
}

static void deliver_all(struct walk *w)
{
    for (int family = 0; family < FAMILIES && !w->racing; family++) {
        if (w->dirty[family]) deliver_family(w, family);
    }
}

/* -- orders ---------------------------------------------------------------------------------- */

/* What the engine said against what the model says. */
static bool answered(struct walk *w, uint16_t engine, uint16_t model)
{
    if (!w->racing && engine != model)
        FAIL(w, "the engine answers %u, the model %u", engine, model);
    w->seen[w->kind * CODES + engine]++;
    return engine == 0;
}

static int member(struct walk *w, int family)
{
    return w->begin[family] + (int)below(w, (uint64_t)(w->begin[family + 1] - w->begin[family]));
}

static uint32_t insutype_of(int who)
{
    return who % 5 == 4 ? 390 : 310;
}

static bool gives(const struct walk *w, int giver, int receiver)
{
    const struct psn_key key = rig_key(receiver);
    return person_relation(rig_person(w->rig, giver), &key, SIDE_GIVER) != NULL;
}

/* Two of a family, mostly such that one gives to the other; false when that is one and the same. */
static bool some_pair(struct walk *w, int family, int *ret_giver, int *ret_receiver)
{
    for (int tries = 0; tries < 12; tries++) {
        *ret_giver = member(w, family);
        *ret_receiver = member(w, family);
        if (gives(w, *ret_giver, *ret_receiver) || chance(w, 20)) break;
    }
    return *ret_giver != *ret_receiver;
}

static uint32_t any_area(struct walk *w)
{
    return areas[below(w, AREA_COUNT)];
}

static void order_open(struct walk *w, int who)
{
    struct wallet_order order = rig_order(w->rig, MESSAGE_WLT_OPEN);
    order.psn_key = rig_key_bytes(who);
    order.insu_admdvs = areas[(uint32_t)who % AREA_COUNT];
    order.use_loc_admdvs = chance(w, 600) ? order.insu_admdvs : any_area(w);
    order.insutype = insutype_of(who);
    if (chance(w, 30)) order.insutype = 320;
    const uint16_t code = give(w->rig, &order);
    answered(w, code,
             w->racing ? 0
                       : model_open(w->model, who, order.insu_admdvs, order.use_loc_admdvs,
                                    order.insutype));
}

static void order_bind(struct walk *w, int giver, int receiver)
{
    struct wallet_order order = rig_order(w->rig, MESSAGE_RLTS_BIND);
    order.psn_key = rig_key_bytes(giver);
    order.other_key = rig_key_bytes(receiver);
    order.rlts_code = chance(w, 900) ? 2 : (uint32_t)below(w, 9) + 1;
    order.flag = order.flag2 = true;
    const uint16_t code = give(w->rig, &order);
    answered(w, code,
             w->racing ? 0
                       : model_bind(w->model, giver, receiver, order.rlts_code, w->rig->now_ms));
}

static void order_unbind(struct walk *w, int giver, int receiver)
{
    const uint16_t code = rig_unbind(w->rig, giver, receiver);
    answered(w, code, w->racing ? 0 : model_unbind(w->model, giver, receiver));
}

static void order_state(struct walk *w, int who)
{
    const uint32_t date = civil_day(w->rig->now_ms - 60 * MS_PER_DAY + w->pushes++ * MS_PER_DAY);
    const uint32_t state = chance(w, 600) ? INSURED_NORMAL : (uint32_t)below(w, 2) + 2;
    const uint32_t area = chance(w, 800) ? areas[(uint32_t)who % AREA_COUNT] : any_area(w);
    const uint32_t insutype = chance(w, 800) ? (insutype_of(who)) : 390;
    const uint16_t code = rig_state(w->rig, who, area, insutype, state, date);
    answered(w, code, w->racing ? 0 : model_state(w->model, who, state, area, insutype));
}

static void order_grant(struct walk *w, int who)
{
    const int64_t amount = 200000 + (int64_t)below(w, 3000000);
    if (rig_person(w->rig, who)->insured.state == 0) return;
    const uint16_t code = rig_grant(w->rig, who, amount);
    answered(w, code, w->racing ? 0 : model_grant(w->model, who, amount));
}

static int64_t some_amount(struct walk *w)
{
    switch (below(w, 12)) {
    case 0:
        return 200000;
    case 1:
        return 200001;
    case 2:
        return 0;
    case 3:
        return -1;
    default:
        return (int64_t)below(w, 60000) + 1;
    }
}

static void order_submit(struct walk *w, int giver, int receiver)
{
    const uint32_t src = chance(w, 600) ? 1 : 2;
    const int64_t amount = some_amount(w);
    const uint16_t code = rig_submit(w->rig, giver, receiver, src, amount);
    const uint16_t want =
        w->racing ? 0 : model_submit(w->model, giver, receiver, src, amount, w->rig->now_ms);
    if (!answered(w, code, want)) return;
    memcpy(w->transfers[w->transfer_count], w->rig->decision.said.id, WALLET_ID_SIZE);
    w->givers[w->transfer_count] = giver;
    w->receivers[w->transfer_count++] = receiver;
}

/* One of the latest transfers of a family, -1: none. */
static int some_transfer(struct walk *w, int family)
{
    for (int tries = 0; tries < 20 && w->transfer_count != 0; tries++) {
        const uint32_t back = (uint32_t)below(w, w->transfer_count < 24 ? w->transfer_count : 24);
        const int t = (int)(w->transfer_count - 1 - back);
        if (w->givers[t] < w->begin[family] || w->givers[t] >= w->begin[family + 1]) continue;
        const struct person *giver = rig_person(w->rig, w->givers[t]);
        if (giver->transfer_count != 0 && chance(w, 900) &&
            person_transfer(rig_person(w->rig, w->givers[t]), bytes_of(w->transfers[t])) == NULL) {
            continue;
        }
        return t;
    }
    return -1;
}

static void order_end(struct walk *w, int family, uint16_t type)
{
    char unknown[WALLET_ID_SIZE];
    const int t = some_transfer(w, family);
    const bool wrong = chance(w, 60);
    const struct psn_key somebody = rig_key(w->begin[family]);
    struct wallet_order order = rig_order(w->rig, type);
    wallet_id_make('T', &somebody, 1000000, unknown);
    order.trsf_id = bytes_of(t < 0 ? unknown : w->transfers[t]);
    const int receiver = t < 0 || wrong ? member(w, family) : w->receivers[t];
    if (type != MESSAGE_TRSF_VOID) order.other_key = rig_key_bytes(receiver);
    const uint16_t code = give(w->rig, &order);
    uint16_t want = 0;
    const int64_t now = w->rig->now_ms;
    if (w->racing) {
        want = code;
    } else if (type == MESSAGE_TRSF_ACCEPT) {
        want = model_accept(w->model, t, receiver, now);
    } else if (type == MESSAGE_TRSF_DECLINE) {
        want = model_decline(w->model, t, receiver, now);
    } else {
        want = model_void(w->model, t, now);
    }
    answered(w, code, want);
}

static void order_ack(struct walk *w, int family)
{
    const int t = some_transfer(w, family);
    if (t < 0) return;
    const struct transfer_row *row =
        person_transfer(rig_person(w->rig, w->givers[t]), bytes_of(w->transfers[t]));
    struct wallet_order order = rig_order(w->rig, MESSAGE_PA_HOLD_ACK);
    order.trsf_id = bytes_of(w->transfers[t]);
    order.amount = row == NULL ? 1 : row->amount - chance(w, 100);
    order.code = chance(w, 100);
    answered(w, give(w->rig, &order), 0);
}

/* Remembers a payment as a shard finds it later, and what it does to the net. */
static void note_payment(struct walk *w, const struct wallet_order *order, int who, uint32_t place)
{
    const struct wallet_decision *d = &w->rig->decision;
    assert_true(w->payment_count < PAYMENTS);
    struct wallet_past *past = &w->payments[w->payment_count++];
    memset(past, 0, sizeof *past);
    past->found = true;
    past->type = order->type;
    past->person = rig_key(who);
    if (order->other_key.size != 0) memcpy(past->other.bytes, order->other_key.data, PSN_KEY_SIZE);
    memcpy(past->id, d->said.id, sizeof past->id);
    past->amount = d->said.amount;
    past->place = place;
    past->line = order->type == MESSAGE_PREM_PAY ? LINE_PREMIUM_RESIDENT : LINE_WALLET_CARE;
    past->insutype = order->insutype;
    past->year = order->year;
    for (uint32_t i = 0; i < d->debt_count; i++) {
        if (d->debts[i].payee_admdvs != place) past->via = d->debts[i].payee_admdvs;
    }
    past->used_count = d->used_count;
    memcpy(past->used, d->used, d->used_count * sizeof d->used[0]);
}

static void note_used(struct walk *w, uint32_t place, int64_t sign)
{
    const struct wallet_decision *d = &w->rig->decision;
    int64_t sum = 0;
    for (uint32_t i = 0; i < d->used_count; i++) {
        w->direct[d->used[i].origin_admdvs / 10000] -= sign * d->used[i].amount;
        w->direct[place / 10000] += sign * d->used[i].amount;
        sum += d->used[i].amount;
    }
    if (sum != d->said.amount) FAIL(w, "used lots are not what was paid");
}

static void order_pay(struct walk *w, int who)
{
    struct wallet_order order = rig_order(w->rig, MESSAGE_WLT_PAY);
    order.psn_key = rig_key_bytes(who);
    order.setl_id = order.client_no;
    order.fixmedins_code = bytes_of("H1");
    order.mdtrtarea_admvs = any_area(w);
    order.use = 1;
    order.amount = (int64_t)below(w, 50000) + 1;
    const int64_t balance = person_balance(rig_person(w->rig, who));
    if (balance == 0 && chance(w, 900)) return;
    if (balance != 0 && chance(w, 600)) order.amount = (int64_t)below(w, (uint64_t)balance) + 1;
    if (balance != 0 && chance(w, 150)) order.amount = balance + chance(w, 300);
    if (chance(w, 300)) {
        order.amount2 = order.amount + (int64_t)below(w, 1000);
        order.amount3 = (int64_t)below(w, 600);
    }
    const uint16_t code = give(w->rig, &order);
    const uint16_t want = w->racing ? 0
                                    : model_pay(w->model, who, order.mdtrtarea_admvs, order.amount,
                                                order.amount2, order.amount3);
    if (!answered(w, code, want)) return;
    note_payment(w, &order, who, order.mdtrtarea_admvs);
    note_used(w, order.mdtrtarea_admvs, 1);
}

/* One of the latest payments of a family and kind, -1: none. */
static int some_payment(struct walk *w, int family, uint16_t type)
{
    for (int tries = 0; tries < 20 && w->payment_count != 0; tries++) {
        const uint32_t back = (uint32_t)below(w, w->payment_count < 24 ? w->payment_count : 24);
        const int p = (int)(w->payment_count - 1 - back);
        const int who = w->payments[p].person.bytes[0] - 0x10;
        if (who >= w->begin[family] && who < w->begin[family + 1] && w->payments[p].type == type)
            return p;
    }
    return -1;
}

static int64_t part_of(struct walk *w, const struct wallet_past *past)
{
    const int64_t left = past->amount - past->reversed;
    if (chance(w, 300)) return 0;
    if (chance(w, 100)) return left + 1;
    return (int64_t)below(w, (uint64_t)past->amount) + 1;
}

static void took_back(struct walk *w, struct wallet_past *past)
{
    past->reversed += w->rig->decision.said.amount;
    note_used(w, past->place, -1);
}

static void order_reverse(struct walk *w, int family)
{
    const int p = some_payment(w, family, MESSAGE_WLT_PAY);
    if (p < 0) return;
    struct wallet_past *past = &w->payments[p];
    struct wallet_order order = rig_order(w->rig, MESSAGE_WLT_PAY_REVERSE);
    order.pay_id = bytes_of(past->id);
    order.mdtrtarea_admvs = chance(w, 950) ? past->place : any_area(w);
    order.amount = part_of(w, past);
    w->rig->past = past;
    const uint16_t code = give(w->rig, &order);
    w->rig->past = NULL;
    const uint16_t want =
        w->racing ? 0 : model_reverse(w->model, p, order.mdtrtarea_admvs, order.amount);
    if (answered(w, code, want)) took_back(w, past);
}

static void order_premium(struct walk *w, int payer, int insured)
{
    struct wallet_order order = rig_order(w->rig, MESSAGE_PREM_PAY);
    order.psn_key = rig_key_bytes(payer);
    order.other_key = rig_key_bytes(insured);
    order.insu_admdvs = areas[(uint32_t)insured % AREA_COUNT];
    order.insutype = 390;
    order.year = (uint32_t)civil_from_ms(w->rig->now_ms).year + 1;
    order.amount = PREMIUM - chance(w, 50);
    order.flag = !chance(w, 50);
    const uint16_t code = give(w->rig, &order);
    const uint16_t want = w->racing
                              ? 0
                              : model_premium(w->model, payer, insured, order.insu_admdvs,
                                              order.year, order.amount, order.flag, w->rig->now_ms);
    if (!answered(w, code, want)) return;
    note_payment(w, &order, payer, order.insu_admdvs);
    note_used(w, order.insu_admdvs, 1);
}

static void order_premium_reverse(struct walk *w, int family)
{
    const int p = some_payment(w, family, MESSAGE_PREM_PAY);
    if (p < 0) return;
    struct wallet_past *past = &w->payments[p];
    struct wallet_order order = rig_order(w->rig, MESSAGE_PREM_REVERSE);
    order.pay_id = bytes_of(past->id);
    order.reason = 1;
    order.amount = part_of(w, past);
    w->rig->past = past;
    const uint16_t code = give(w->rig, &order);
    w->rig->past = NULL;
    const uint16_t want = w->racing ? 0 : model_premium_reverse(w->model, p, order.amount);
    if (answered(w, code, want)) took_back(w, past);
}

/* -- time ------------------------------------------------------------------------------------ */

static void set_time(struct walk *w, int64_t ms)
{
    char text[32];
    const struct civil c = civil_from_ms(ms);
    snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%03d", c.year % 10000, c.month % 100,
             c.day % 100, c.hour % 100, c.minute % 100, c.second % 100, c.millisecond % 1000);
    rig_time(w->rig, text);
    if (w->racing) return;
    model_time(w->model, ms);
    for (int family = 0; family < FAMILIES; family++)
        w->dirty[family] = true;
}

/* Some minutes, to an edge of the night, or to another day. */
static void pass_time(struct walk *w)
{
    const int64_t now = w->rig->now_ms;
    const int64_t midnight = now - (now + 8 * 60 * MINUTE_MS) % MS_PER_DAY;
    const int64_t edges[] = {6 * 60 * MINUTE_MS - 1, 6 * 60 * MINUTE_MS, 22 * 60 * MINUTE_MS - 1,
                             22 * 60 * MINUTE_MS, MS_PER_DAY + 8 * 60 * MINUTE_MS};
    int64_t to = now + (int64_t)below(w, 40) * MINUTE_MS;
    if (chance(w, 400)) to = midnight + edges[below(w, 5)];
    if (now >= midnight + edges[3] && chance(w, 700)) to = midnight + edges[4];
    if (now < midnight + edges[1] && chance(w, 700)) to = midnight + edges[1];
    deliver_all(w);
    if (to > now) set_time(w, to);
}

/* -- walks ----------------------------------------------------------------------------------- */

struct choice {
    const char *name;
    uint32_t weight;
};

static const struct choice choices[DO_COUNT] = {
    [DO_OPEN] = {"open", 60},       [DO_BIND] = {"bind", 60},
    [DO_UNBIND] = {"unbind", 20},   [DO_STATE] = {"state", 25},
    [DO_GRANT] = {"grant", 40},     [DO_SUBMIT] = {"submit", 240},
    [DO_ACCEPT] = {"accept", 220},  [DO_DECLINE] = {"decline", 20},
    [DO_VOID] = {"void", 20},       [DO_ACK] = {"hold ack", 0},
    [DO_PAY] = {"pay", 160},        [DO_REVERSE] = {"reverse", 90},
    [DO_PREMIUM] = {"premium", 40}, [DO_PREMIUM_REVERSE] = {"premium reverse", 30},
    [DO_TIME] = {"time", 70},
};

static int choose(struct walk *w)
{
    uint32_t all = w->online ? 200 : 0;
    for (int i = 0; i < DO_COUNT; i++)
        all += choices[i].weight;
    uint32_t at = (uint32_t)below(w, all);
    for (int i = 0; i < DO_COUNT; i++) {
        if (at < choices[i].weight) return i;
        at -= choices[i].weight;
    }
    return DO_ACK;
}

static void act(struct walk *w, int what, int family)
{
    int a = member(w, family);
    int b = member(w, family);
    switch (what) {
    case DO_OPEN:
        order_open(w, a);
        break;
    case DO_BIND:
        order_bind(w, a, b);
        break;
    case DO_UNBIND:
        if (some_pair(w, family, &a, &b)) order_unbind(w, a, b);
        break;
    case DO_STATE:
        order_state(w, a);
        break;
    case DO_GRANT:
        order_grant(w, a);
        break;
    case DO_SUBMIT:
        if (some_pair(w, family, &a, &b)) order_submit(w, a, b);
        break;
    case DO_ACCEPT:
        order_end(w, family, MESSAGE_TRSF_ACCEPT);
        break;
    case DO_DECLINE:
        order_end(w, family, MESSAGE_TRSF_DECLINE);
        break;
    case DO_VOID:
        order_end(w, family, MESSAGE_TRSF_VOID);
        break;
    case DO_ACK:
        order_ack(w, family);
        break;
    case DO_PAY:
        order_pay(w, a);
        break;
    case DO_REVERSE:
        order_reverse(w, family);
        break;
    case DO_PREMIUM:
        order_premium(w, a, b);
        break;
    case DO_PREMIUM_REVERSE:
        order_premium_reverse(w, family);
        break;
    default:
        pass_time(w);
        break;
    }
}

static void step(struct walk *w)
{
    const int family = (int)below(w, FAMILIES);
    const int what = choose(w);
    w->doing = "mail";
    while (chance(w, w->racing ? 600 : 300) && rig_deliver_any(w->rig, prng_u64(&w->prng)))
        collect_debts(w);
    if (!w->racing && w->dirty[family]) deliver_family(w, family);
    w->doing = choices[what].name;
    w->kind = what;
    act(w, what, family);
    collect_debts(w);
    w->dirty[family] = true;
}

/* Rules that a seed lives under; the same for both clearing paths. */
static void set_rules(struct walk *w, bool via)
{
    struct model_rules *rules = &w->model->rules;
    rules->via_use_loc = via;
    rules->spend_anywhere = chance(w, 800);
    rules->pending_by_giver = chance(w, 200);
    rules->returned_count = !chance(w, 300);
    rules->source_wallet = !chance(w, 100);
    if (chance(w, 200)) rules->relatives = 0x0f;
    if (chance(w, 500)) rules->max_count = 10;
    rules->enabled[44] = false;
    rules->premium = PREMIUM;

    struct wallet_rig *rig = w->rig;
    rig_rule(rig, PARAM_CLEAR_PATH, 0, via ? PATH_VIA_USE_LOC : PATH_DIRECT);
    rig_rule(rig, PARAM_SPEND_SCOPE, 0, rules->spend_anywhere ? SCOPE_NATION : SCOPE_USE_LOC_ONLY);
    rig_rule(rig, PARAM_PENDING_SCOPE, 0, rules->pending_by_giver ? PENDING_GIVER : PENDING_PAIR);
    rig_rule(rig, PARAM_COUNT_RETURNED, 0, rules->returned_count);
    rig_rule(rig, PARAM_SOURCE_WALLET, 0, rules->source_wallet);
    rig_rule(rig, PARAM_RELATIVES, 0, rules->relatives);
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, rules->max_count);
    rig_rule(rig, PARAM_WALLET_ENABLED, 440000, 0);
    rig_rule(rig, PARAM_PREM_FROM, 0, 101);
    rig_rule(rig, PARAM_PREM_DUE, 0, PREMIUM);
    rig_rule(rig, PARAM_INSTITUTION_CHECK, 0, 0);
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, w->online ? HOLD_ONLINE : HOLD_GRANT);
}

/* Persons 0.. in families of two to five. */
static void found_families(struct walk *w)
{
    for (int family = 0; family < FAMILIES; family++) {
        const int size = 2 + (int)below(w, 3);
        w->begin[family + 1] = w->begin[family] + size;
    }
    assert_true(w->begin[FAMILIES] <= RIG_PERSONS);
}

/* Most wallets are opened, and some given something, so that a walk need not wait for it. */
static void start(struct walk *w)
{
    w->doing = "start";
    for (int family = 0; family < FAMILIES; family++) {
        for (int who = w->begin[family]; who < w->begin[family + 1]; who++) {
            if (chance(w, 900)) order_open(w, who);
            if (chance(w, 800)) order_grant(w, who);
        }
        for (int a = w->begin[family]; a < w->begin[family + 1]; a++) {
            for (int b = w->begin[family]; b < w->begin[family + 1]; b++) {
                if (a != b && chance(w, 600)) order_bind(w, a, b);
            }
        }
        w->dirty[family] = true;
    }
}

static struct walk *live(uint64_t seed, bool via, bool racing, uint64_t *seen)
{
    struct walk *w = calloc(1, sizeof *w);
    assert_non_null(w);
    w->model = calloc(1, sizeof *w->model);
    assert_non_null(w->model);
    w->rig = rig_new();
    w->seed = seed;
    w->seen = seen;
    w->prng.state = seed;
    w->racing = racing;
    w->online = racing && chance(w, 500);
    model_init(w->model);
    set_rules(w, via);
    found_families(w);
    start(w);
    for (w->step = 1; w->step <= STEPS; w->step++)
        step(w);
    w->doing = "the end";
    deliver_all(w);
    rig_deliver(w->rig);
    collect_debts(w);
    rig_check(w->rig);
    compare_nets(w);
    return w;
}

static void done(struct walk *w)
{
    rig_free(w->rig);
    free(w->model);
    free(w);
}

static uint64_t number_from(const char *name, uint64_t fallback)
{
    const char *text = getenv(name);
    return text == NULL ? fallback : strtoull(text, NULL, 10);
}

/* Each seed by both paths: the gross differs, the net of every province does not (I9). */
static void live_both(uint64_t seed, bool racing, uint64_t *seen)
{
    struct walk *direct = live(seed, false, racing, seen);
    struct walk *via = live(seed, true, racing, seen);
    for (uint32_t p = 0; p < PROVINCES; p++)
        same(via, "the net by the other path of province", (int)p, via->net[p], direct->net[p]);
    done(direct);
    done(via);
}

/* What a walk must have met, or it would prove little of it. */
static const struct {
    int kind;
    uint16_t code;
} met[] = {
    {DO_OPEN, 0},
    {DO_OPEN, 3002},
    {DO_OPEN, 3004},
    {DO_BIND, 0},
    {DO_BIND, 3016},
    {DO_UNBIND, 0},
    {DO_STATE, 0},
    {DO_GRANT, 0},
    {DO_SUBMIT, 0},
    {DO_SUBMIT, 3001},
    {DO_SUBMIT, 3005},
    {DO_SUBMIT, 3009},
    {DO_SUBMIT, 3011},
    {DO_SUBMIT, 3012},
    {DO_SUBMIT, 3013},
    {DO_SUBMIT, 3014},
    {DO_SUBMIT, 3015},
    {DO_SUBMIT, 3019},
    {DO_ACCEPT, 0},
    {DO_ACCEPT, 3020},
    {DO_ACCEPT, 3022},
    {DO_ACCEPT, 3023},
    {DO_ACCEPT, 3024},
    {DO_DECLINE, 0},
    {DO_VOID, 0},
    {DO_PAY, 0},
    {DO_PAY, 3025},
    {DO_PAY, 3026},
    {DO_PAY, 3028},
    {DO_REVERSE, 0},
    {DO_REVERSE, 2016},
    {DO_REVERSE, 3030},
    {DO_PREMIUM, 0},
    {DO_PREMIUM, 4004},
    {DO_PREMIUM, 4005},
    {DO_PREMIUM, 4006},
    {DO_PREMIUM, 4008},
    {DO_PREMIUM_REVERSE, 0},
    {DO_PREMIUM_REVERSE, 4011},
};

static void all_was_met(const uint64_t *seen)
{
    for (size_t i = 0; i < sizeof met / sizeof met[0]; i++) {
        if (seen[met[i].kind * CODES + met[i].code] == 0)
            fail_msg("%s was never answered by %u", choices[met[i].kind].name, met[i].code);
    }
}

static void live_many(bool racing)
{
    const uint64_t first = number_from("QINGFEN_SEED", 1);
    const uint64_t walks = number_from("QINGFEN_WALKS", WALKS);
    uint64_t *seen = calloc(DO_COUNT * CODES, sizeof *seen);
    assert_non_null(seen);
    for (uint64_t seed = first; seed < first + walks; seed++)
        live_both(seed, racing, seen);
    if (!racing && walks >= WALKS) all_was_met(seen);
    free(seen);
}

static void the_engine_follows_the_model(void **state)
{
    (void)state;
    live_many(false);
    for (int kind = PLAIN_BEGUN; kind <= PLAIN_CREDITED; kind++)
        assert_in_range(plain_law_seen((enum plain_kind)kind), 10, UINT32_MAX);
}

static void races_leave_it_sound(void **state)
{
    (void)state;
    live_many(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_engine_follows_the_model),
        cmocka_unit_test(races_leave_it_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
