/* A wallet is opened, moves, is frozen and closes. */
#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "types/wire.h"

enum {
    GIVER,
    RECEIVER,
    OTHER,
};
#define YUNNAN   530100
#define SICHUAN  510100
#define GUIZHOU  520100
#define EMPLOYEE 310
#define RESIDENT 390

static struct wallet_rig *rig;

static int begin(void **state)
{
    (void)state;
    rig = rig_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_free(rig);
    return 0;
}

static struct wallet_order open_order(int who)
{
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_OPEN);
    order.psn_key = rig_key_bytes(who);
    order.insu_admdvs = YUNNAN;
    order.use_loc_admdvs = SICHUAN;
    order.insutype = EMPLOYEE;
    return order;
}

static void test_open(void **state)
{
    (void)state;
    const struct wallet_order order = open_order(GIVER);
    assert_int_equal(give(rig, &order), 0);
    const struct person *person = rig_person(rig, GIVER);
    assert_int_equal(person->wallet.state, WALLET_OPEN);
    assert_int_equal(person->wallet.use_loc_admdvs, SICHUAN);
    assert_int_equal(person->insured.state, INSURED_NORMAL);
    assert_int_equal(person->insured.insu_admdvs, YUNNAN);
    assert_string_equal(rig->decision.said.id, person->wallet.wlt_id);
    assert_int_equal(rig->decision.said.stas, STAS_DONE);
    assert_int_equal(rig->decision.id_count, 1);
    assert_int_equal(rig->decision.ids[0].domain, ID_WALLET);
    assert_string_equal(rig->decision.ids[0].text, person->wallet.wlt_id);
}

static void test_open_again(void **state)
{
    (void)state;
    struct wallet_order order = open_order(GIVER);
    assert_int_equal(give(rig, &order), 0);
    order.msgid = bytes_of("another");
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing);
    assert_true(rig->decision.dup);
    assert_string_equal(rig->decision.said.id, rig_person(rig, GIVER)->wallet.wlt_id);

    struct wallet_order other = order;
    other.use_loc_admdvs = GUIZHOU;
    assert_int_equal(give(rig, &other), ERROR_WALLET_EXISTS);
    other = order;
    other.insutype = RESIDENT;
    assert_int_equal(give(rig, &other), ERROR_WALLET_EXISTS);
    other = order;
    other.insu_admdvs = GUIZHOU;
    assert_int_equal(give(rig, &other), ERROR_WALLET_EXISTS);
}

static void test_open_refused(void **state)
{
    (void)state;
    struct wallet_order order = open_order(GIVER);
    rig->province = 53;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;

    order.insutype = 340;
    assert_int_equal(give(rig, &order), ERROR_UNKNOWN_CODE);
    order = open_order(GIVER);
    order.insu_admdvs = 710000;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);

    order = open_order(GIVER);
    rig_rule(rig, PARAM_WALLET_ENABLED, SICHUAN, 0);
    assert_int_equal(give(rig, &order), ERROR_AREA_NOT_ENABLED);
    assert_int_equal(rig->decision.failures.list[0].field, 7);
    rig_rule(rig, PARAM_WALLET_ENABLED, SICHUAN, 1);

    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_PAUSED, 20260101), 0);
    assert_int_equal(give(rig, &order), ERROR_INSURED_STATE);
    assert_int_equal(rig_state(rig, GIVER, GUIZHOU, EMPLOYEE, INSURED_NORMAL, 20260102), 0);
    order = open_order(GIVER);
    assert_int_equal(give(rig, &order), ERROR_INSURED_STATE);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, RESIDENT, INSURED_NORMAL, 20260103), 0);
    order = open_order(GIVER);
    assert_int_equal(give(rig, &order), ERROR_INSURED_STATE);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_NORMAL, 20260104), 0);
    order = open_order(GIVER);
    assert_int_equal(give(rig, &order), 0);
}

/* 代开通 */
static void test_open_by_relative(void **state)
{
    (void)state;
    struct wallet_order order = open_order(GIVER);
    order.rlts_code = 2;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    order.other_key = rig_key_bytes(GIVER);
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    order.other_key = rig_key_bytes(OTHER);
    order.rlts_code = 9;
    assert_int_equal(give(rig, &order), ERROR_RELATION_KIND);
    order.rlts_code = 4;
    rig_rule(rig, PARAM_RELATIVES, YUNNAN, 0xff & ~(1 << 3));
    assert_int_equal(give(rig, &order), ERROR_RELATION_KIND);
    order.rlts_code = 3;
    assert_int_equal(give(rig, &order), 0);
}

/* -- usage location --------------------------------------------------------------------------- */

static struct wallet_order change_order(int who, uint32_t to)
{
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_USE_LOC_CHG);
    order.psn_key = rig_key_bytes(who);
    order.use_loc_admdvs = to;
    return order;
}

static void test_use_loc_order_of_checks(void **state)
{
    (void)state;
    struct wallet_order order = change_order(GIVER, SICHUAN);
    rig_rule(rig, PARAM_USE_LOC_CHANGE_MAX, 0, 1);
    rig_rule(rig, PARAM_WALLET_ENABLED, SICHUAN, 0);
    rig->province = 53;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(give(rig, &order), ERROR_NO_WALLET);
    assert_int_equal(rig_open(rig, GIVER, YUNNAN, EMPLOYEE), 0);
    order = change_order(GIVER, SICHUAN);
    order.wlt_id = bytes_of("W101010100000000000000000");
    assert_int_equal(give(rig, &order), ERROR_NO_WALLET);
    order.wlt_id = (struct bytes){NULL, 0};

    assert_int_equal(give(rig, &order), ERROR_USE_LOC_CHANGE);
    rig_rule(rig, PARAM_USE_LOC_CHANGE, 530000, 1);
    assert_int_equal(give(rig, &order), ERROR_AREA_NOT_ENABLED);
    rig_rule(rig, PARAM_WALLET_ENABLED, SICHUAN, 1);
    order.old_use_loc_admdvs = GUIZHOU;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    order.old_use_loc_admdvs = YUNNAN;
    order.use_loc_admdvs = YUNNAN;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    order.use_loc_admdvs = SICHUAN;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(rig->decision.said.number, 1);
    assert_int_equal(rig_person(rig, GIVER)->wallet.use_loc_admdvs, SICHUAN);

    order = change_order(GIVER, GUIZHOU);
    assert_int_equal(give(rig, &order), ERROR_USE_LOC_CHANGE);
    assert_int_equal(rig->decision.failures.list[0].got, 2);
    assert_int_equal(rig->decision.failures.list[0].want, 1);
    rig_time(rig, "2026-12-31T23:59:59.999");
    assert_int_equal(give(rig, &order), ERROR_USE_LOC_CHANGE);
    rig_time(rig, "2027-01-01T00:00:00");
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(rig->decision.said.number, 2);
    assert_int_equal(rig_person(rig, GIVER)->wallet.chg_count, 1);
}

static void give_pair(void)
{
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    assert_int_equal(rig_open(rig, GIVER, YUNNAN, EMPLOYEE), 0);
    assert_int_equal(rig_open(rig, RECEIVER, SICHUAN, RESIDENT), 0);
    assert_int_equal(rig_grant(rig, GIVER, 1000000), 0);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
}

static void test_under_way_blocks(void **state)
{
    (void)state;
    give_pair();
    rig_rule(rig, PARAM_USE_LOC_CHANGE, 0, 1);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 100), 0);
    rig_deliver(rig);
    for (int who = GIVER; who <= RECEIVER; who++) {
        struct wallet_order order = change_order(who, GUIZHOU);
        assert_int_equal(give(rig, &order), ERROR_WALLET_BUSY);
        order = rig_order(rig, MESSAGE_WLT_CLOSE);
        order.psn_key = rig_key_bytes(who);
        order.reason = 1;
        assert_int_equal(give(rig, &order), ERROR_WALLET_BUSY);
    }
    rig_time(rig, "2026-03-03T06:00:00");
    rig_deliver(rig);
    for (int who = GIVER; who <= RECEIVER; who++) {
        const struct wallet_order order = change_order(who, GUIZHOU);
        assert_int_equal(give(rig, &order), 0);
    }
}

/* -- close ------------------------------------------------------------------------------------ */

static uint16_t close_wallet(int who)
{
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_CLOSE);
    order.psn_key = rig_key_bytes(who);
    order.reason = 1;
    return give(rig, &order);
}

/* 40 lots take four entries: 12, 12, 12, 4. All is home then, and the wallet may be opened again.
 */
static void test_close_many_lots(void **state)
{
    (void)state;
    give_pair();
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 1000);
    for (int i = 0; i < 40; i++)
        rig_pass(rig, GIVER, RECEIVER, 1, 100 + i);
    struct person *receiver = rig_person(rig, RECEIVER);
    struct person *giver = rig_person(rig, GIVER);
    assert_int_equal(receiver->lot_count, 40);
    const int64_t balance = person_balance(receiver);
    assert_int_equal(giver->hold.held, balance);

    assert_int_equal(close_wallet(RECEIVER), 0);
    assert_int_equal(rig->decision.said.amount, balance);
    assert_int_equal(receiver->lot_count, 28);
    assert_int_equal(receiver->wallet.state, WALLET_CLOSING);
    assert_int_equal(close_wallet(RECEIVER), ERROR_WALLET_CLOSED);
    assert_int_equal(rig_open(rig, RECEIVER, SICHUAN, RESIDENT), ERROR_WALLET_CLOSED);
    rig_deliver(rig);
    assert_int_equal(receiver->lot_count, 0);
    assert_int_equal(receiver->wallet.state, WALLET_CLOSED);
    assert_int_equal(receiver->wallet.closed_ms, rig->now_ms);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 1000000);
    uint32_t releases = 0;
    for (uint32_t i = 0; i < rig->out_count; i++) {
        releases += rig->out[i].type == OUT_PA_RELEASE;
        for (uint32_t k = 0; k < i; k++) {
            if (rig->out[i].type != OUT_PA_RELEASE || rig->out[k].type != OUT_PA_RELEASE) continue;
            assert_string_not_equal(rig->out[i].id, rig->out[k].id);
        }
    }
    assert_int_equal(releases, 40);

    assert_int_equal(close_wallet(RECEIVER), ERROR_WALLET_CLOSED);
    assert_int_equal(rig_open(rig, RECEIVER, GUIZHOU, RESIDENT), ERROR_INSURED_STATE);
    assert_int_equal(rig_open(rig, RECEIVER, SICHUAN, RESIDENT), 0);
    assert_int_equal(rig->decision.id_count, 0); /* It is found by the first. */
    assert_int_equal(receiver->wallet.state, WALLET_OPEN);
    rig_pass(rig, GIVER, RECEIVER, 1, 100);
    assert_int_equal(receiver->lots[0].number, 41);
}

static void test_close_refused(void **state)
{
    (void)state;
    assert_int_equal(close_wallet(GIVER), ERROR_NO_WALLET);
    give_pair();
    rig->province = 51;
    assert_int_equal(close_wallet(GIVER), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 53;
    assert_int_equal(close_wallet(GIVER), 0);
    assert_int_equal(rig_person(rig, GIVER)->wallet.state, WALLET_CLOSED);
}

/* -- freeze ----------------------------------------------------------------------------------- */

static uint16_t freeze(int who, uint16_t type)
{
    struct wallet_order order = rig_order(rig, type);
    order.psn_key = rig_key_bytes(who);
    return give(rig, &order);
}

static void test_freeze(void **state)
{
    (void)state;
    assert_int_equal(freeze(GIVER, MESSAGE_WLT_FREEZE), ERROR_NO_WALLET);
    give_pair();
    rig->province = 51;
    assert_int_equal(freeze(GIVER, MESSAGE_WLT_FREEZE), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 53;
    assert_int_equal(freeze(GIVER, MESSAGE_WLT_FREEZE), 0);
    assert_int_equal(freeze(GIVER, MESSAGE_WLT_FREEZE), 0); /* Another paper says the same. */
    rig->province = 0;
    assert_int_equal(rig_person(rig, GIVER)->wallet.state, WALLET_FROZEN);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 100), ERROR_WALLET_CLOSED);
    assert_int_equal(close_wallet(GIVER), ERROR_WALLET_CLOSED);
    const struct wallet_order order = change_order(GIVER, GUIZHOU);
    assert_int_equal(give(rig, &order), ERROR_WALLET_CLOSED);
    assert_int_equal(freeze(GIVER, MESSAGE_WLT_UNFREEZE), 0);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, 1, 100), 0);
    rig_deliver(rig);
    assert_int_equal(freeze(RECEIVER, MESSAGE_WLT_FREEZE), 0);
    assert_int_equal(freeze(RECEIVER, MESSAGE_WLT_UNFREEZE), 0);

    rig_time(rig, "2026-03-03T06:00:00");
    rig_deliver(rig);
    assert_int_equal(close_wallet(GIVER), 0);
    assert_int_equal(freeze(GIVER, MESSAGE_WLT_FREEZE), ERROR_WALLET_CLOSED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_open),
        TEST(test_open_again),
        TEST(test_open_refused),
        TEST(test_open_by_relative),
        TEST(test_use_loc_order_of_checks),
        TEST(test_under_way_blocks),
        TEST(test_close_many_lots),
        TEST(test_close_refused),
        TEST(test_freeze),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
