#include "tests/lib/wallet_orders.h"

#include <stdio.h>

#include "codec/wire_table.h"
#include "tests/lib/unit.h"
#include "types/wire.h"

static uint32_t numbers;

void order_rule(struct params *params, enum param param, uint32_t area, int64_t value)
{
    const struct rule_row row = {.param = param, .admdvs = area, .value = value};
    assert_true(params_put(params, &row));
}

void order_begin(struct params *ret_params)
{
    params_init(ret_params);
    order_rule(ret_params, PARAM_WALLET_ENABLED, 0, 1);
    order_rule(ret_params, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    order_rule(ret_params, PARAM_INSTITUTION_CHECK, 0, 0);
    order_rule(ret_params, PARAM_PREM_FROM, 0, 101);
    numbers = 0;
}

const char *order_number(const char *letter)
{
    static char texts[64][CLIENT_NO_SIZE];
    char *text = texts[numbers % 64];
    snprintf(text, sizeof texts[0], "%s%06u", letter, ++numbers);
    return text;
}

struct wallet_order order_new(uint16_t type)
{
    return (struct wallet_order){.type = type, .msgid = bytes_of(order_number("M"))};
}

struct wallet_order order_open(struct bytes person, uint32_t insu, uint32_t use_loc)
{
    struct wallet_order o = order_new(MESSAGE_WLT_OPEN);
    o.psn_key = person;
    o.insu_admdvs = insu;
    o.use_loc_admdvs = use_loc;
    o.insutype = 310;
    return o;
}

struct wallet_order order_bind(struct bytes giver, struct bytes receiver)
{
    struct wallet_order o = order_new(MESSAGE_RLTS_BIND);
    o.psn_key = giver;
    o.other_key = receiver;
    o.rlts_code = 3;
    o.flag = o.flag2 = true;
    return o;
}

struct wallet_order order_grant(struct bytes giver, uint32_t insu, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_PA_GRANT);
    o.psn_key = giver;
    o.insu_admdvs = insu;
    o.amount = amount;
    o.which = 1;
    return o;
}

struct wallet_order order_submit(struct bytes giver, struct bytes receiver, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_TRSF_SUBMIT);
    o.psn_key = giver;
    o.other_key = receiver;
    o.client_no = bytes_of(order_number("C"));
    o.src = 1;
    o.amount = amount;
    return o;
}

struct wallet_order order_end(uint16_t type, struct bytes receiver, const char *trsf_id)
{
    struct wallet_order o = order_new(type);
    o.trsf_id = bytes_of(trsf_id);
    o.other_key = receiver;
    return o;
}

size_t order_encode(const struct wallet_order *order, uint8_t *ret_message)
{
    return wire_encode(wallet_table(order->type), order, ret_message);
}
