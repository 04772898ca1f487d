/* Fuzz: the bytes drive a small world of persons (tests/lib/wallet_rig.h): orders, mail in any
 * order that keeps each pair's, the clock, rules that change. The rig asks its invariants after
 * every step, and replays every entry. The first bytes are the rules; then each step is a byte for
 * what, and the bytes it takes. At the end all mail is delivered and asked again. */
#include <stdio.h>

#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define STEPS     300
#define PERSONS   6
#define KEPT      64 /* Transfers and payments that may be named again. */
#define MINUTE_MS INT64_C(60000)

static const uint32_t areas[] = {530100, 510100, 350200, 530300};

struct story {
    const uint8_t *data;
    size_t size;
    struct wallet_rig *rig;
    uint32_t transfer_count;
    char transfers[KEPT][WALLET_ID_SIZE];
    int receivers[KEPT];
    uint32_t payment_count;
    char payments[KEPT][WALLET_ID_SIZE];
    uint16_t payment_types[KEPT];
    uint32_t payment_places[KEPT];
    uint32_t days; /* Of insured states, for their dates. */
};

/* 0 when the bytes are used up. */
static uint32_t byte(struct story *s)
{
    if (s->size == 0) return 0;
    s->size--;
    return *s->data++;
}

static int somebody(struct story *s)
{
    return (int)(byte(s) % PERSONS);
}

/* Small ones, around what a lot holds, and the bounds. */
static int64_t some_amount(struct story *s)
{
    const uint32_t one = byte(s);
    if (one < 200) return (int64_t)one * 100 + 1;
    const int64_t others[] = {0, 200000, 200001, 1, 50000, 99999};
    return others[one % 6];
}

static uint32_t some_area(struct story *s)
{
    return areas[byte(s) % 4];
}

/* -- orders ---------------------------------------------------------------------------------- */

static void order_open(struct story *s)
{
    const int who = somebody(s);
    struct wallet_order order = rig_order(s->rig, MESSAGE_WLT_OPEN);
    order.psn_key = rig_key_bytes(who);
    order.insu_admdvs = areas[who % 4];
    order.use_loc_admdvs = some_area(s);
    order.insutype = who == 5 ? 390 : 310;
    give(s->rig, &order);
}

static void order_wallet(struct story *s, uint16_t type)
{
    struct wallet_order order = rig_order(s->rig, type);
    order.psn_key = rig_key_bytes(somebody(s));
    order.reason = 1;
    order.use_loc_admdvs = some_area(s);
    give(s->rig, &order);
}

static void order_state(struct story *s)
{
    const int who = somebody(s);
    const uint32_t how = byte(s);
    const uint32_t day =
        civil_day(s->rig->now_ms - 300 * MS_PER_DAY + s->days++ % 300 * MS_PER_DAY);
    rig_state(s->rig, who, how & 4 ? some_area(s) : areas[who % 4], how & 8 ? 390 : 310,
              how % 4 == 0 ? INSURED_NORMAL : how % 4, day);
}

static void order_submit(struct story *s)
{
    const int giver = somebody(s);
    const int receiver = somebody(s);
    const uint32_t src = 1 + byte(s) % 2;
    if (giver == receiver || rig_submit(s->rig, giver, receiver, src, some_amount(s)) != 0) return;
    const uint32_t at = s->transfer_count++ % KEPT;
    memcpy(s->transfers[at], s->rig->decision.said.id, WALLET_ID_SIZE);
    s->receivers[at] = receiver;
}

/* An order about a transfer that was; false when there was none. */
static bool some_transfer(struct story *s, struct wallet_order *order)
{
    const uint32_t kept = s->transfer_count < KEPT ? s->transfer_count : KEPT;
    const uint32_t choice = byte(s);
    if (kept == 0) return false;
    const uint32_t at = (s->transfer_count - 1 - choice % kept) % KEPT;
    order->trsf_id = bytes_of(s->transfers[at]);
    order->other_key = rig_key_bytes(choice > 240 ? somebody(s) : s->receivers[at]);
    return true;
}

static void order_transfer(struct story *s, uint16_t type)
{
    struct wallet_order order = rig_order(s->rig, type);
    if (!some_transfer(s, &order)) return;
    if (type == MESSAGE_PA_HOLD_ACK) {
        order.other_key = (struct bytes){NULL, 0};
        order.code = byte(s) % 8 == 7;
        order.amount = some_amount(s);
        for (int who = 0; who < PERSONS; who++) {
            const struct transfer_row *row =
                person_transfer(rig_person(s->rig, who), order.trsf_id);
            if (row != NULL && order.amount % 4 != 0) order.amount = row->amount;
        }
    }
    give(s->rig, &order);
}

static void keep_payment(struct story *s, uint16_t type, uint32_t place)
{
    const uint32_t at = s->payment_count++ % KEPT;
    memcpy(s->payments[at], s->rig->decision.said.id, WALLET_ID_SIZE);
    s->payment_types[at] = type;
    s->payment_places[at] = place;
}

static void order_pay(struct story *s)
{
    struct wallet_order order = rig_order(s->rig, MESSAGE_WLT_PAY);
    order.psn_key = rig_key_bytes(somebody(s));
    order.setl_id = order.client_no;
    order.client_no = (struct bytes){NULL, 0};
    order.fixmedins_code = bytes_of("H1");
    order.mdtrtarea_admvs = some_area(s);
    order.use = 1 + byte(s) % 2;
    order.amount = some_amount(s);
    if (order.amount > 0 && give(s->rig, &order) == 0)
        keep_payment(s, MESSAGE_WLT_PAY, order.mdtrtarea_admvs);
}

static void order_reserve(struct story *s)
{
    struct wallet_order order = rig_order(s->rig, MESSAGE_WLT_PAY_PRE);
    order.psn_key = rig_key_bytes(somebody(s));
    order.medins_setl_id = order.client_no;
    order.client_no = (struct bytes){NULL, 0};
    order.fixmedins_code = bytes_of("H1");
    order.mdtrtarea_admvs = some_area(s);
    order.use = 1;
    order.amount = some_amount(s);
    give(s->rig, &order);
}

static void order_premium(struct story *s)
{
    struct wallet_order order = rig_order(s->rig, MESSAGE_PREM_PAY);
    const int insured = somebody(s);
    order.psn_key = rig_key_bytes(somebody(s));
    order.other_key = rig_key_bytes(insured);
    order.insu_admdvs = areas[insured % 4];
    order.insutype = 390;
    order.year = (uint32_t)civil_from_ms(s->rig->now_ms).year + 1;
    order.amount = 5001;
    order.flag = byte(s) % 8 != 7;
    if (give(s->rig, &order) == 0) keep_payment(s, MESSAGE_PREM_PAY, order.insu_admdvs);
}

static void order_reverse(struct story *s)
{
    const uint32_t kept = s->payment_count < KEPT ? s->payment_count : KEPT;
    const uint32_t choice = byte(s);
    if (kept == 0) return;
    const uint32_t at = (s->payment_count - 1 - choice % kept) % KEPT;
    const bool care = s->payment_types[at] == MESSAGE_WLT_PAY;
    struct wallet_order order =
        rig_order(s->rig, care ? MESSAGE_WLT_PAY_REVERSE : MESSAGE_PREM_REVERSE);
    order.pay_id = bytes_of(s->payments[at]);
    order.mdtrtarea_admvs = care ? s->payment_places[at] : 0;
    order.reason = 1;
    order.amount = choice % 2 == 0 ? 0 : some_amount(s);
    give(s->rig, &order);
}

static void order_reclaim(struct story *s)
{
    const int giver = somebody(s);
    const struct psn_key receiver = rig_key(somebody(s));
    char id[WALLET_ID_SIZE];
    const struct relation_row *row =
        person_relation(rig_person(s->rig, giver), &receiver, SIDE_GIVER);
    if (row == NULL) return;
    memcpy(id, row->rlts_id, sizeof id);
    struct wallet_order order = rig_order(s->rig, MESSAGE_LMT_RECLAIM);
    order.rlts_id = bytes_of(id);
    order.psn_key = rig_key_bytes(byte(s) % 2 == 0 ? giver : receiver.bytes[0] - 0x10);
    order.amount = some_amount(s);
    give(s->rig, &order);
}

/* -- time and rules -------------------------------------------------------------------------- */

static void pass_time(struct story *s)
{
    static const int64_t steps[] = {
        1, MINUTE_MS, 11 * MINUTE_MS, 60 * MINUTE_MS, 10 * 60 * MINUTE_MS, MS_PER_DAY};
    char text[40];
    const struct civil c = civil_from_ms(s->rig->now_ms + steps[byte(s) % 6]);
    snprintf(text, sizeof text, "%04u-%02u-%02uT%02u:%02u:%02u.%03u", (unsigned)c.year % 10000,
             (unsigned)c.month % 100, (unsigned)c.day % 100, (unsigned)c.hour % 100,
             (unsigned)c.minute % 100, (unsigned)c.second % 100, (unsigned)c.millisecond % 1000);
    rig_time(s->rig, text);
}

static void set_rules(struct story *s)
{
    const uint32_t how = byte(s);
    const uint32_t more = byte(s);
    rig_rule(s->rig, PARAM_CLEAR_PATH, 0, how & 1 ? PATH_VIA_USE_LOC : PATH_DIRECT);
    rig_rule(s->rig, PARAM_SPEND_SCOPE, 0, how & 2 ? SCOPE_USE_LOC_ONLY : SCOPE_NATION);
    rig_rule(s->rig, PARAM_PENDING_SCOPE, 0,
             how & 4   ? PENDING_NONE
             : how & 8 ? PENDING_GIVER
                       : PENDING_PAIR);
    s->rig->one_a_pair = (how & 4) == 0;
    rig_rule(s->rig, PARAM_COUNT_RETURNED, 0, (how & 16) != 0);
    rig_rule(s->rig, PARAM_PA_HOLD_MODE, 0, how & 32 ? HOLD_ONLINE : HOLD_GRANT);
    rig_rule(s->rig, PARAM_PA_HOLD_MODE, 510000, how & 64 ? HOLD_ONLINE : HOLD_GRANT);
    rig_rule(s->rig, PARAM_ALLOW_RECLAIM, 0, (how & 128) != 0);
    rig_rule(s->rig, PARAM_TRSF_MAX_COUNT, 0, more & 1 ? 3 : 1000);
    rig_rule(s->rig, PARAM_TRSF_MAX_SUM, 0, 100000000);
    rig_rule(s->rig, PARAM_USE_LOC_CHANGE, 0, 1);
    rig_rule(s->rig, PARAM_USE_LOC_CHANGE_MAX, 0, 1000);
    rig_rule(s->rig, PARAM_NIGHT_FROM, 0, more & 2 ? 2200 : 0);
    rig_rule(s->rig, PARAM_NIGHT_TO, 0, more & 2 ? 600 : 0);
    rig_rule(s->rig, PARAM_INSTITUTION_CHECK, 0, 0);
    rig_rule(s->rig, PARAM_PREM_FROM, 0, 101);
    rig_rule(s->rig, PARAM_PREM_DUE, 0, 5001);
}

/* Most stories begin with wallets and some grants. */
static void begin(struct story *s)
{
    set_rules(s);
    const uint32_t how = byte(s);
    for (int who = 0; who < PERSONS && (how & 1) == 0; who++) {
        rig_open(s->rig, who, areas[who % 4], who == 5 ? 390 : 310);
        if ((how & 2) == 0) rig_grant(s->rig, who, 500000);
        for (int other = 0; other < who && (how & 4) == 0; other++) {
            rig_bind(s->rig, who, other);
            if ((how & 8) == 0) rig_bind(s->rig, other, who);
        }
    }
}

static void step(struct story *s)
{
    int who;
    switch (byte(s) % 24) {
    case 0:
        order_open(s);
        break;
    case 1:
        order_wallet(s, MESSAGE_WLT_CLOSE);
        break;
    case 2:
        order_wallet(s, byte(s) % 2 == 0 ? MESSAGE_WLT_FREEZE : MESSAGE_WLT_UNFREEZE);
        break;
    case 3:
        order_wallet(s, MESSAGE_WLT_USE_LOC_CHG);
        break;
    case 4:
        who = somebody(s);
        rig_bind(s->rig, who, somebody(s));
        break;
    case 5:
        who = somebody(s);
        rig_unbind(s->rig, who, somebody(s));
        break;
    case 6:
        order_state(s);
        break;
    case 7:
        who = somebody(s);
        if (rig_person(s->rig, who)->insured.state != 0)
            rig_grant(s->rig, who, some_amount(s) * (1 + byte(s)));
        break;
    case 8:
    case 9:
    case 10:
        order_submit(s);
        break;
    case 11:
    case 12:
    case 13:
        order_transfer(s, MESSAGE_TRSF_ACCEPT);
        break;
    case 14:
        order_transfer(s, byte(s) % 2 == 0 ? MESSAGE_TRSF_DECLINE : MESSAGE_TRSF_VOID);
        break;
    case 15:
        order_transfer(s, MESSAGE_PA_HOLD_ACK);
        break;
    case 16:
        order_pay(s);
        break;
    case 17:
        order_reverse(s);
        break;
    case 18:
        order_premium(s);
        break;
    case 19:
        order_reserve(s);
        break;
    case 20:
        pass_time(s);
        break;
    case 21:
        if (byte(s) % 8 == 0) set_rules(s);
        break;
    case 22:
        order_reclaim(s);
        break;
    default:
        break;
    }
    for (uint32_t mail = byte(s); mail % 4 != 0; mail--)
        rig_deliver_any(s->rig, mail / 4);
    /* What provinces were told and owe is other tests' question; the lists are bounded. */
    s->rig->out_count = s->rig->debt_count = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct story story = {.data = data, .size = size, .rig = rig_new()};
    begin(&story);
    for (int i = 0; i < STEPS && story.size != 0; i++)
        step(&story);
    rig_deliver(story.rig);
    rig_check(story.rig);
    rig_free(story.rig);
    return 0;
}
