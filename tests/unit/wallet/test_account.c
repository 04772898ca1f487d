/* What stands behind a wallet: grants in their order, and limit that the giver calls back. */
#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "types/wire.h"

enum {
    GIVER,
    RECEIVER,
    SECOND,
};
#define YUNNAN     530100
#define SICHUAN    510100
#define EMPLOYEE   310
#define ACCOUNT    1
#define FAILURE(n) (rig->decision.failures.list[n])

static struct wallet_rig *rig;

/* Persons with wallets, GIVER related to both others; money by grant. */
static int begin(void **state)
{
    (void)state;
    rig = rig_new();
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    assert_int_equal(rig_open(rig, GIVER, YUNNAN, EMPLOYEE), 0);
    assert_int_equal(rig_grant(rig, GIVER, 10000000), 0);
    for (int who = RECEIVER; who <= SECOND; who++) {
        assert_int_equal(rig_open(rig, who, SICHUAN, EMPLOYEE), 0);
        assert_int_equal(rig_bind(rig, GIVER, who), 0);
    }
    rig_deliver(rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_free(rig);
    return 0;
}

/* -- grant ------------------------------------------------------------------------------------ */

static void test_grant(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    struct wallet_order order = rig_order(rig, MESSAGE_PA_GRANT);
    order.psn_key = rig_key_bytes(GIVER);
    order.insu_admdvs = YUNNAN;
    order.amount = 500;
    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    order.which = 2;
    rig->province = 51;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    order.insu_admdvs = SICHUAN; /* Another area, but not this person's. */
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    order.insu_admdvs = YUNNAN;
    rig->province = 0;
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, ACCOUNT, 501), 0);
    assert_int_equal(give(rig, &order), ERROR_SOURCE_BALANCE);
    assert_int_equal(FAILURE(0).want, 501);
    rig_person(rig, GIVER)->hold.consumed = 99; /* Spent is out, too. */
    rig_touch(rig, GIVER);
    order.amount = 599;
    assert_int_equal(give(rig, &order), ERROR_SOURCE_BALANCE);
    assert_int_equal(FAILURE(0).want, 600);
    rig_person(rig, GIVER)->hold.consumed = 0;
    rig_touch(rig, GIVER);
    order.amount = 501;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(giver->hold.granted, 501);
    assert_int_equal(rig_submit(rig, GIVER, SECOND, ACCOUNT, 1), ERROR_SOURCE_BALANCE);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    order.amount = 502;
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
    order.which = 1;
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && !rig->decision.dup);
    assert_int_equal(giver->hold.granted, 501);
}

/* The province holds 40 for it, or its receiver declines. */
static uint16_t end_transfer(uint16_t type, const char *trsf_id)
{
    struct wallet_order order = rig_order(rig, type);
    order.trsf_id = bytes_of(trsf_id);
    order.other_key = rig_key_bytes(RECEIVER);
    if (type == MESSAGE_PA_HOLD_ACK) order.amount = 40;
    const uint16_t code = give(rig, &order);
    rig_deliver(rig);
    return code;
}

/* What the province froze online since, or got back, is not what its grant said: that it may say
 * again, and another amount under its number stays another one. */
static void test_grant_after_a_hold(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    struct wallet_order order = rig_order(rig, MESSAGE_PA_GRANT);
    order.psn_key = rig_key_bytes(GIVER);
    order.insu_admdvs = YUNNAN;
    order.which = 7;
    order.amount = 500;
    assert_int_equal(give(rig, &order), 0);
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_ONLINE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(rig_submit(rig, GIVER, RECEIVER, ACCOUNT, 40), 0);
        char trsf_id[WALLET_ID_SIZE];
        memcpy(trsf_id, rig->decision.said.id, sizeof trsf_id);
        assert_int_equal(end_transfer(MESSAGE_PA_HOLD_ACK, trsf_id), 0);
        assert_int_equal(giver->hold.granted, 540);
        order.amount = 500;
        assert_int_equal(give(rig, &order), 0);
        assert_true(rig->decision.nothing && rig->decision.dup);
        order.amount = 540;
        assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
        assert_int_equal(end_transfer(MESSAGE_TRSF_DECLINE, trsf_id), 0);
        assert_int_equal(giver->hold.granted, 500);
        order.amount = 500;
        assert_int_equal(give(rig, &order), 0);
        assert_true(rig->decision.nothing && rig->decision.dup);
    }
    order.amount = 500 + INT64_C(4294967295); /* The mark in the hold's row is the same. */
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
    struct limits_row *limits = &rig_person(rig, GIVER)->limits;
    const struct limits_row kept = *limits;
    limits->grant_times = 0; /* As in rows of earlier builds. */
    order.amount = 500;
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    *limits = kept;
    order.which = 8; /* A new one says what it says. */
    order.amount = 540;
    assert_int_equal(give(rig, &order), 0);
    assert_false(rig->decision.nothing);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.dup);
    order.amount = 500;
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
}

/* An amount that the mark's modulus goes into more than once is known by how often it does. */
static void test_large_grant_after_a_hold(void **state)
{
    (void)state;
    const int64_t amount = INT64_C(5000000000);
    struct wallet_order order = rig_order(rig, MESSAGE_PA_GRANT);
    order.psn_key = rig_key_bytes(GIVER);
    order.insu_admdvs = YUNNAN;
    order.which = 7;
    order.amount = amount;
    assert_int_equal(give(rig, &order), 0);
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_ONLINE);
    assert_int_equal(rig_submit(rig, GIVER, RECEIVER, ACCOUNT, 40), 0);
    char trsf_id[WALLET_ID_SIZE];
    memcpy(trsf_id, rig->decision.said.id, sizeof trsf_id);
    assert_int_equal(end_transfer(MESSAGE_PA_HOLD_ACK, trsf_id), 0);
    assert_int_equal(rig_person(rig, GIVER)->hold.granted, amount + 40);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    order.amount = amount - INT64_C(4294967295);
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
}

/* -- reclaim ---------------------------------------------------------------------------------- */

static uint16_t reclaim(const char *rlts_id, int64_t amount)
{
    struct wallet_order order = rig_order(rig, MESSAGE_LMT_RECLAIM);
    order.psn_key = rig_key_bytes(GIVER);
    order.rlts_id = bytes_of(rlts_id);
    order.amount = amount;
    return give(rig, &order);
}

static void test_reclaim(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *receiver = rig_person(rig, RECEIVER);
    const char *rlts_id = giver->relations[0].rlts_id;
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 100);
    for (int i = 1; i <= 20; i++)
        rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 100);
    assert_int_equal(reclaim("R0", 1), ERROR_NO_RECLAIM);
    rig_rule(rig, PARAM_ALLOW_RECLAIM, YUNNAN, 1);
    rig->province = 53;
    assert_int_equal(reclaim(rlts_id, 1), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(reclaim("R0", 1), ERROR_NO_RELATION);
    assert_int_equal(reclaim(rlts_id, 2001), ERROR_SOURCE_BALANCE);
    assert_int_equal(reclaim(rlts_id, 150), 0);
    assert_int_equal(rig->decision.said.amount, 150);
    rig_deliver(rig);
    assert_int_equal(person_balance(receiver), 1850);
    assert_int_equal(receiver->lot_count, 19); /* The latest first. */
    assert_int_equal(receiver->lots[0].amount, 100);
    assert_int_equal(receiver->lots[18].amount, 50);
    assert_int_equal(giver->hold.held, 1850);
    assert_int_equal(reclaim(rlts_id, 0), 0);
    assert_int_equal(rig->decision.said.amount, 1850);
    rig_deliver(rig);
    assert_int_equal(receiver->lot_count, 0);
    assert_int_equal(receiver->relation_count, 1);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 10000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_grant, begin, end),
        cmocka_unit_test_setup_teardown(test_grant_after_a_hold, begin, end),
        cmocka_unit_test_setup_teardown(test_large_grant_after_a_hold, begin, end),
        cmocka_unit_test_setup_teardown(test_reclaim, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
