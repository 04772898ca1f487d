/* Fuzz: any bytes as each message of wallet, premium, pushes and outboxes; the first byte says
 * which, the second who sends it. What is taken points into the message and says the same a second
 * time; what passes the form is judged, against a person nothing is known of and against one with a
 * wallet, and answered. */
#include <stdlib.h>

#include "codec/wallet.h"
#include "codec/wallet_reply.h"
#include "types/ensure.h"
#include "types/province.h"
#include "types/wire.h"
#include "wallet/wallet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NOW_MS INT64_C(1772424000000) /* 2026-03-02T12:00:00+08:00 */

static const uint16_t types[] = {
    MESSAGE_WLT_OPEN,         MESSAGE_WLT_USE_LOC_CHG, MESSAGE_WLT_CLOSE,
    MESSAGE_WLT_FREEZE,       MESSAGE_WLT_UNFREEZE,    MESSAGE_RLTS_BIND,
    MESSAGE_RLTS_UNBIND,      MESSAGE_PSN_STATE_PUSH,  MESSAGE_TRSF_SUBMIT,
    MESSAGE_TRSF_ACCEPT,      MESSAGE_TRSF_DECLINE,    MESSAGE_TRSF_VOID,
    MESSAGE_PA_HOLD_ACK,      MESSAGE_PA_GRANT,        MESSAGE_WLT_PAY_PRE,
    MESSAGE_WLT_PAY,          MESSAGE_WLT_PAY_REVERSE, MESSAGE_LMT_RECLAIM,
    MESSAGE_OUTBOX_GET,       MESSAGE_OUTBOX_ACK,      MESSAGE_PREM_QUOTE,
    MESSAGE_PREM_PAY,         MESSAGE_PREM_REVERSE,    MESSAGE_PREM_DUE,
    MESSAGE_AUTH_SWITCH_PUSH, MESSAGE_FILING_PUSH,     MESSAGE_INST_DIR_PUSH,
    MESSAGE_RULE_PUSH,        MESSAGE_STMT_GET,        MESSAGE_YEAR_SUM_GET,
    MESSAGE_WLT_QUERY,        MESSAGE_WLT_RECORDS,     MESSAGE_SETL_RECORDS,
    MESSAGE_REGION_QUERY,     MESSAGE_INST_QUERY,
};

static void inside(struct bytes view, struct bytes body)
{
    ENSURE(view.size == 0 || (view.data >= body.data && view.size <= body.size &&
                              (size_t)(view.data - body.data) <= body.size - view.size));
}

static void views_laws(const struct wallet_order *order, struct bytes body)
{
    const struct bytes views[] = {
        order->msgid,          order->psn_key,  order->other_key,      order->wlt_id,
        order->rlts_id,        order->trsf_id,  order->pay_id,         order->reserve_id,
        order->client_no,      order->setl_id,  order->medins_setl_id, order->auth_ref,
        order->fixmedins_code, order->order_no, order->name,           order->value,
        order->reason_text,
    };
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        inside(views[i], body);
}

/* The shard refuses what should have made another stop and did not. */
static bool makes_two_stops(uint16_t type)
{
    return type == MESSAGE_RLTS_BIND || type == MESSAGE_TRSF_SUBMIT ||
           type == MESSAGE_TRSF_ACCEPT || type == MESSAGE_PREM_PAY;
}

static void route_laws(uint16_t type, struct bytes body)
{
    struct wallet_route route;
    wallet_route(type, body, &route);
    inside(route.msgid, body);
    ENSURE(route.way != WAY_OUTBOX || route.dest < OUTBOX_COUNT);
    ENSURE(route.way != WAY_TWO || makes_two_stops(type));
}

static void failures_laws(uint16_t type, const struct failures *failures)
{
    ENSURE(failures->count <= FAILURES_MAX);
    for (uint32_t i = 0; i < failures->count; i++) {
        ENSURE(failures->list[i].code != 0);
        ENSURE(failures->list[i].field == 0 ||
               wallet_field_name(type, failures->list[i].field)[0] != '\0');
    }
}

static void answer(const struct wallet_order *order, const struct wallet_decision *d)
{
    const bool refused = d->failures.count != 0;
    const struct wallet_reply reply = {
        .type = order->type,
        .code = refused ? d->failures.list[0].code : 0,
        .dup = d->dup,
        .msgid = order->msgid,
        .seq = UINT64_MAX,
        .stamp_ms = NOW_MS,
        .failures = d->failures.list,
        .failure_count = d->failures.count,
        .said = refused ? NULL : &d->said,
        .used = d->used,
        .used_count = refused ? 0 : d->used_count,
    };
    size_t size;
    uint8_t *bytes = wallet_reply_encode(&reply, &size);
    ENSURE(bytes != NULL);
    free(bytes);
}

/* Somebody with a wallet, money of another's and a relation. */
static void make_known(struct person *person, struct psn_key key)
{
    struct psn_key giver;
    memset(giver.bytes, 'g', sizeof giver.bytes);
    person_clear(person, key);
    wallet_id_make('W', &key, 0, person->wallet.wlt_id);
    person->wallet.state = WALLET_OPEN;
    person->wallet.insu_admdvs = person->wallet.use_loc_admdvs = 530100;
    person->wallet.insutype = 310;
    person->wallet.next_lot = 2;
    person->insured = (struct insured_row){
        .state = INSURED_NORMAL, .insutype = 310, .insu_admdvs = 530100, .eff_date = 20260101};
    person->hold = (struct hold_row){.granted = 100000};
    person->relation_count = 1;
    person->relations[0] = (struct relation_row){
        .other = giver, .side = SIDE_RECEIVER, .rlts_code = 2, .since_ms = NOW_MS - 1};
    wallet_id_make('R', &giver, 0, person->relations[0].rlts_id);
    person->lot_count = 1;
    person->lots[0] = (struct lot){.number = 1,
                                   .origin_admdvs = 510100,
                                   .origin = giver,
                                   .from = giver,
                                   .amount = 5000,
                                   .accepted_ms = NOW_MS - 1};
}

static struct wallet_fact fact_of(const struct wallet_order *order)
{
    struct wallet_fact fact = {
        .wallet_state = WALLET_OPEN,
        .insured_state = INSURED_NORMAL,
        .insutype = 310,
        .insu_admdvs = 510100,
        .use_loc_admdvs = 510100,
        .due = 5000,
        .year = 2026,
    };
    if (order->other_key.size == PSN_KEY_SIZE)
        memcpy(fact.psn_key.bytes, order->other_key.data, PSN_KEY_SIZE);
    return fact;
}

static void judge(const struct wallet_order *order, uint16_t province, bool known)
{
    static struct person person;
    static struct params params;
    static struct wallet_decision decision;
    const struct rule_row everywhere = {.param = PARAM_WALLET_ENABLED, .value = 1};
    const struct wallet_fact fact = fact_of(order);
    struct psn_key key;

    memset(key.bytes, 'k', sizeof key.bytes);
    if (order->psn_key.size == PSN_KEY_SIZE) memcpy(key.bytes, order->psn_key.data, PSN_KEY_SIZE);
    person_clear(&person, key);
    if (known) make_known(&person, key);
    params_init(&params);
    ENSURE(params_put(&params, &everywhere));
    const struct wallet_input input = {
        .order = order,
        .fact = order->other_key.size == PSN_KEY_SIZE ? &fact : NULL,
        .params = &params,
        .now_ms = NOW_MS,
        .time_known = true,
        .province = province,
    };
    wallet_judge(&input, &person, &decision);
    failures_laws(order->type, &decision.failures);
    answer(order, &decision);
    for (uint32_t i = 0; i < person.lot_count && decision.failures.count == 0; i++)
        ENSURE(person.lots[i].amount > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wallet_decision decision;
    struct wallet_order order;
    struct wallet_id key;
    uint32_t field = 0;
    uint16_t conflict;

    if (size < 2) return 0;
    const uint16_t type = types[data[0] % (sizeof types / sizeof types[0])];
    const uint16_t province = data[1] < 32 ? (uint16_t)province_codes[data[1] % PROVINCE_COUNT] : 0;
    const struct bytes body = {data + 2, size - 2};
    ENSURE(wallet_type(type) || person_type(type));
    route_laws(type, body);
    if (!wallet_type(type) || !wallet_order_decode(type, body, &order, &field)) return 0;
    views_laws(&order, body);
    ENSURE(wallet_order_same(type, body, body));

    wallet_decision_begin(&decision);
    wallet_order_check(&order, &decision.failures);
    failures_laws(type, &decision.failures);
    if (decision.failures.count != 0) {
        answer(&order, &decision);
        return 0;
    }
    if (wallet_business_key(&order, &key, &conflict))
        ENSURE(memchr(key.text, 0, sizeof key.text) != NULL);
    if (type == MESSAGE_OUTBOX_GET || type == MESSAGE_OUTBOX_ACK) return 0;
    if (makes_two_stops(type) && order.other_key.size != PSN_KEY_SIZE) return 0;
    judge(&order, province, false);
    judge(&order, province, true);
    return 0;
}
