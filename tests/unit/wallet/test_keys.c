/* Business keys: of which messages, in which domain and scope, with which conflict. */
#include "tests/lib/unit.h"
#include "types/wire.h"
#include "wallet/wallet.h"

static struct wallet_order order_of(uint16_t type)
{
    return (struct wallet_order){
        .type = type,
        .msgid = bytes_of("MSG"),
        .client_no = bytes_of("NUMBER"),
        .trsf_id = bytes_of("TRANSFER"),
        .setl_id = bytes_of("SETL"),
        .name = bytes_of("FILING"),
        .order_no = bytes_of("ORDER"),
        .sender_admdvs = 360100,
        .mdtrtarea_admvs = 510104,
        .insutype = 390,
        .year = 2027,
    };
}

static void each_message(void **state)
{
    static const struct {
        uint16_t type;
        char domain;
        uint32_t scope;
        const char *text;
        uint16_t conflict;
    } cases[] = {
        {MESSAGE_WLT_USE_LOC_CHG, ID_CLIENT, MESSAGE_WLT_USE_LOC_CHG, "NUMBER", 3016},
        {MESSAGE_WLT_CLOSE, ID_CLIENT, MESSAGE_WLT_CLOSE, "NUMBER", 3016},
        {MESSAGE_WLT_FREEZE, ID_CLIENT, MESSAGE_WLT_FREEZE, "NUMBER", 3016},
        {MESSAGE_WLT_UNFREEZE, ID_CLIENT, MESSAGE_WLT_UNFREEZE, "NUMBER", 3016},
        {MESSAGE_TRSF_SUBMIT, ID_CLIENT, MESSAGE_TRSF_SUBMIT, "NUMBER", 3016},
        {MESSAGE_TRSF_ACCEPT, ID_CLIENT, MESSAGE_TRSF_ACCEPT, "TRANSFER", 3023},
        {MESSAGE_TRSF_DECLINE, ID_CLIENT, MESSAGE_TRSF_DECLINE, "TRANSFER", 3023},
        {MESSAGE_TRSF_VOID, ID_CLIENT, MESSAGE_TRSF_VOID, "NUMBER", 3016},
        {MESSAGE_LMT_RECLAIM, ID_CLIENT, MESSAGE_LMT_RECLAIM, "NUMBER", 3016},
        {MESSAGE_WLT_PAY, ID_PAID, 51, "SETL", 2011},
        {MESSAGE_WLT_PAY_REVERSE, ID_REVERSAL, 51, "NUMBER", 3016},
        {MESSAGE_PREM_REVERSE, ID_REVERSAL, 36, "NUMBER", 3016},
        {MESSAGE_FILING_PUSH, ID_FILING, 0, "FILING", 6007},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct wallet_order order = order_of(cases[i].type);
        struct wallet_id key;
        uint16_t conflict = 0;
        assert_true(wallet_business_key(&order, &key, &conflict));
        assert_int_equal(key.domain, cases[i].domain);
        assert_int_equal(key.scope, cases[i].scope);
        assert_string_equal(key.text, cases[i].text);
        assert_int_equal(conflict, cases[i].conflict);
    }
}

static void premiums(void **state)
{
    struct wallet_order order = order_of(MESSAGE_PREM_PAY);
    uint8_t insured[PSN_KEY_SIZE];
    struct wallet_id key;
    struct wallet_id other;
    uint16_t conflict = 0;
    (void)state;
    for (int i = 0; i < PSN_KEY_SIZE; i++)
        insured[i] = (uint8_t)(0xf0 - 0x0f * i);
    assert_false(wallet_business_key(&order, &key, &conflict));
    order.other_key = (struct bytes){insured, PSN_KEY_SIZE};
    assert_true(wallet_business_key(&order, &key, &conflict));
    assert_int_equal(key.domain, ID_CLIENT);
    assert_int_equal(key.scope, MESSAGE_PREM_PAY);
    assert_string_equal(key.text, "390/2027/f0e1d2c3b4a5968778695a4b3c2d1e0f");
    assert_int_equal(conflict, ERROR_PREMIUM_PAID);
    order.order_no = bytes_of("ANOTHER"); /* Whatever it is called, it is that year's. */
    assert_true(wallet_business_key(&order, &other, &conflict));
    assert_memory_equal(&key, &other, sizeof key);
    order.year = 2028;
    assert_true(wallet_business_key(&order, &other, &conflict));
    assert_string_not_equal(key.text, other.text);
}

static void none(void **state)
{
    static const uint16_t types[] = {
        MESSAGE_WLT_OPEN,       MESSAGE_RLTS_BIND,        MESSAGE_RLTS_UNBIND,
        MESSAGE_PSN_STATE_PUSH, MESSAGE_PA_HOLD_ACK,      MESSAGE_PA_GRANT,
        MESSAGE_WLT_PAY_PRE,    MESSAGE_PREM_QUOTE,       MESSAGE_PREM_DUE,
        MESSAGE_INST_DIR_PUSH,  MESSAGE_AUTH_SWITCH_PUSH, MESSAGE_RULE_PUSH,
        MESSAGE_OUTBOX_ACK,
    };
    struct wallet_id key;
    uint16_t conflict;
    (void)state;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        const struct wallet_order order = order_of(types[i]);
        assert_false(wallet_business_key(&order, &key, &conflict));
    }
}

/* A number that is missing or too long is refused by its form; no key is made of it. */
static void unsound_numbers(void **state)
{
    struct wallet_order order = order_of(MESSAGE_WLT_CLOSE);
    struct wallet_id key;
    uint16_t conflict;
    (void)state;
    order.client_no = (struct bytes){NULL, 0};
    assert_false(wallet_business_key(&order, &key, &conflict));
    order.client_no = bytes_of("12345678901234567890123456789012");
    assert_false(wallet_business_key(&order, &key, &conflict));
    order.client_no = bytes_of("123456789012345678901234567890");
    assert_true(wallet_business_key(&order, &key, &conflict));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message),
        cmocka_unit_test(premiums),
        cmocka_unit_test(none),
        cmocka_unit_test(unsound_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
