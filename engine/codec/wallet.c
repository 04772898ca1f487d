#include "codec/wallet.h"

#include "codec/wire_table.h"
#include "types/province.h"
#include "types/wire.h"
#include "util/eight.h"

/* -- tables --------------------------------------------------------------------------------- */

#define BIT(number) (UINT64_C(1) << (number))
/* msgid, sender_admdvs and inf_time, where a message has them. */
#define TRANSPORT (BIT(1) | BIT(46) | BIT(47))

/* clang-format off */
#define MESSAGE(symbol)                                \
    static const struct wire_table table_##symbol = {  \
        .noun_size = sizeof(struct wallet_order),      \
        .transport = MESSAGE_##symbol == MESSAGE_OUTBOX_GET ? 0 : TRANSPORT, \
        .fields = {
#define F(number, name_, kind_, member, form, need, most)       \
    [number] = {.kind = WIRE_##kind_,                           \
                .tag = WIRE_TAG(number, WIRE_##kind_),          \
                .offset = offsetof(struct wallet_order, member), \
                .name = #name_},
#define END }};
#include "types/wallet_fields.def"
#undef MESSAGE
#undef F
#undef END
/* clang-format on */

/* Of questions only whom they are about; codec/person.c reads the rest. */
static const struct wire_table question_table = {
    .noun_size = sizeof(struct wallet_order),
    .fields = {[4] = {.kind = WIRE_BYTES,
                      .tag = WIRE_TAG(4, WIRE_BYTES),
                      .offset = offsetof(struct wallet_order, psn_key),
                      .name = "psn_key"}},
};

const struct wire_table *wallet_table(uint16_t type)
{
    switch (type) {
#define MESSAGE(symbol)    \
    case MESSAGE_##symbol: \
        return &table_##symbol;
#define F(number, name, kind, member, form, need, most)
#define END
#include "types/wallet_fields.def"
#undef MESSAGE
#undef F
#undef END
    case MESSAGE_WLT_UNFREEZE:
        return &table_WLT_FREEZE;
    case MESSAGE_TRSF_DECLINE:
        return &table_TRSF_ACCEPT;
    default:
        return NULL;
    }
}

bool wallet_type(uint16_t type)
{
    return wallet_table(type) != NULL;
}

bool person_type(uint16_t type)
{
    switch (type) {
    case MESSAGE_STMT_GET:
    case MESSAGE_YEAR_SUM_GET:
    case MESSAGE_WLT_QUERY:
    case MESSAGE_WLT_RECORDS:
    case MESSAGE_SETL_RECORDS:
    case MESSAGE_REGION_QUERY:
    case MESSAGE_INST_QUERY:
    case MESSAGE_OUTBOX_GET:
        return true;
    default:
        return false;
    }
}

bool wallet_order_decode(uint16_t type, struct bytes body, struct wallet_order *ret_order,
                         uint32_t *ret_field)
{
    const bool sound = wire_decode(wallet_table(type), body, ret_order, ret_field);
    ret_order->type = type;
    return sound;
}

bool wallet_order_same(uint16_t type, struct bytes a, struct bytes b)
{
    struct wallet_order order_a;
    struct wallet_order order_b;
    uint32_t field;
    return wallet_order_decode(type, a, &order_a, &field) &&
           wallet_order_decode(type, b, &order_b, &field) &&
           wire_same(wallet_table(type), &order_a, &order_b);
}

/* -- names ------------------------------------------------------------------------------------ */

const char *wallet_stas_text(uint32_t stas)
{
    static const char *const names[] = {
        [STAS_NONE] = "",           [STAS_DONE] = "DONE",         [STAS_HOLDING] = "HOLDING",
        [STAS_PENDING] = "PENDING", [STAS_ACCEPTED] = "ACCEPTED", [STAS_DECLINED] = "DECLINED",
        [STAS_EXPIRED] = "EXPIRED", [STAS_VOIDED] = "VOIDED",     [STAS_REFUSED] = "REFUSED",
        [STAS_ASKED] = "ASKED",     [STAS_RETURNED] = "RETURNED",
    };
    return stas < sizeof names / sizeof names[0] ? names[stas] : "";
}

/* -- ways ----------------------------------------------------------------------------------- */

uint32_t outbox_dest(uint32_t code)
{
    if (code == 0) return OUTBOX_APP;
    const uint8_t index = province_index(code);
    return index == PROVINCE_NONE ? OUTBOX_COUNT : index;
}

uint32_t outbox_code(uint32_t dest)
{
    return dest < PROVINCE_COUNT ? province_codes[dest] : 0;
}

bool wallet_id_route(struct bytes id, uint8_t ret_bytes[4])
{
    uint8_t all[12];
    if (id.size != WALLET_ID_LENGTH || id.data[0] < 'A' || id.data[0] > 'Z' ||
        !digits_of_ours(id.data + 1, all)) {
        return false;
    }
    memcpy(ret_bytes, all, 4);
    return true;
}

/* Who decides: the person that is named, else the one whose id is. */
static bool route_first(const struct wallet_order *order, uint8_t ret_bytes[4])
{
    const struct bytes ids[] = {order->wlt_id, order->rlts_id, order->trsf_id, order->pay_id,
                                order->reserve_id};
    if (order->psn_key.size == PSN_KEY_SIZE) {
        memcpy(ret_bytes, order->psn_key.data, 4);
        return true;
    }
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (wallet_id_route(ids[i], ret_bytes)) return true;
    }
    return false;
}

bool wallet_asks_other(uint16_t type)
{
    return type == MESSAGE_RLTS_BIND || type == MESSAGE_TRSF_SUBMIT ||
           type == MESSAGE_TRSF_ACCEPT || type == MESSAGE_PREM_PAY;
}

static enum wallet_way way_of(const struct wallet_order *order, struct wallet_route *route)
{
    switch (order->type) {
    case MESSAGE_INST_DIR_PUSH:
    case MESSAGE_RULE_PUSH:
        return WAY_EVERYWHERE;
    case MESSAGE_OUTBOX_GET:
    case MESSAGE_OUTBOX_ACK:
        route->dest = outbox_dest(order->place);
        return route->dest == OUTBOX_COUNT ? WAY_NOWHERE : WAY_OUTBOX;
    case MESSAGE_STMT_GET:
        /* A province may ask by the settlement alone: whoever has it answers. */
        return route_first(order, route->first) ? WAY_ONE : WAY_EVERYWHERE;
    default:
        break;
    }
    if (!route_first(order, route->first)) return WAY_NOWHERE;
    if (!wallet_asks_other(order->type) || order->other_key.size != PSN_KEY_SIZE) return WAY_ONE;
    memcpy(route->other, order->other_key.data, sizeof route->other);
    return WAY_TWO;
}

void wallet_route(uint16_t type, struct bytes body, struct wallet_route *ret_route)
{
    const struct wire_table *table = wallet_table(type);
    struct wallet_order order;
    uint32_t field;

    memset(ret_route, 0, sizeof *ret_route);
    const bool sound = wire_decode(table == NULL ? &question_table : table, body, &order, &field);
    order.type = type;
    ret_route->msgid = order.msgid;
    ret_route->way = sound ? way_of(&order, ret_route) : WAY_NOWHERE;
}
