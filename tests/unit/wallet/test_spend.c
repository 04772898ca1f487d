/* Care from the wallet: every check and their order, reservations, lots and the debts that come of
 * them on both paths. */
#include <stdio.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/wallet/pay_rig.h"
#include "types/cell.h"
#include "types/wire.h"

static struct pay_rig pay;

#define RIGGED(test) \
    cmocka_unit_test_prestate_setup_teardown(test, pay_rig_set_up, pay_rig_tear_down, &pay)

/* -- lots and debts --------------------------------------------------------------------------- */

static void first_in_first_out(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 10000);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 50000);
    assert_int_equal(pay_rig_now(&pay, 30000), 0);

    assert_int_equal(d->said.id[0], 'P');
    assert_int_equal(d->said.stas, STAS_DONE);
    assert_int_equal(d->said.amount, 30000);
    assert_int_equal(d->said.balc, 30000);
    assert_int_equal(d->said.period, 202603);
    assert_int_equal(d->said.lot_count, 2);
    assert_int_equal(d->used[0].origin_admdvs, 530100);
    assert_int_equal(d->used[0].amount, 10000);
    assert_int_equal(d->used[1].origin_admdvs, 520100);
    assert_int_equal(d->used[1].amount, 20000);
    assert_int_equal(d->debt_count, 2);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_WALLET_CARE, 10000);
    expect_debt(&pay, 1, 520100, CHENGDU, LINE_WALLET_CARE, 20000);
    char number[CLIENT_NO_SIZE];
    snprintf(number, sizeof number, "%s-2", d->said.id);
    assert_string_equal(d->debts[1].number, number);
    assert_string_equal(d->debts[1].orig_number, "");

    rig_deliver(pay.rig);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.consumed, 10000);
    assert_int_equal(rig_person(pay.rig, GIVER_GUIZHOU)->hold.consumed, 20000);
    assert_int_equal(rig_person(pay.rig, GIVER_GUIZHOU)->hold.held, 30000);
}

/* Lots of one area are one debt, whoever they come from; inside a province there is none. */
static void one_debt_an_area(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    pay_rig_lot(&pay, GIVER_SICHUAN, 1000);
    pay_rig_lot(&pay, GIVER_YUNNAN, 10);
    assert_int_equal(pay_rig_now(&pay, 1110), 0);
    assert_int_equal(pay.rig->decision.used_count, 3);
    assert_int_equal(pay.rig->decision.debt_count, 1);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_WALLET_CARE, 110);
    assert_int_equal(pay_rig_balance(&pay), 0);

    pay_rig_lot(&pay, GIVER_SICHUAN, 500);
    assert_int_equal(pay_rig_now(&pay, 500), 0);
    assert_int_equal(pay.rig->decision.debt_count, 0);
    assert_int_equal(pay.rig->decision.said.period, 0);
}

static void through_the_usage_location(void **state)
{
    (void)state;
    rig_rule(pay.rig, PARAM_SPEND_SCOPE, 0, SCOPE_NATION);
    rig_rule(pay.rig, PARAM_CLEAR_PATH, CHENGDU, PATH_VIA_USE_LOC);
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    pay_rig_lot(&pay, GIVER_SICHUAN, 1000);
    struct wallet_order order = pay_rig_order(&pay, 1100);
    order.mdtrtarea_admvs = 360100;
    assert_int_equal(pay_rig_pay(&pay, &order), 0);
    /* Yunnan by way of Sichuan; Sichuan's own part goes straight. */
    assert_int_equal(pay.rig->decision.debt_count, 3);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_WALLET_CARE, 100);
    expect_debt(&pay, 1, CHENGDU, 360100, LINE_WALLET_CARE, 100);
    expect_debt(&pay, 2, 510700, 360100, LINE_WALLET_CARE, 1000);
}

static void add_net(int64_t net[100], const struct wallet_decision *d)
{
    for (uint32_t i = 0; i < d->debt_count; i++) {
        net[d->debts[i].payer_admdvs / 10000] -= d->debts[i].amount;
        net[d->debts[i].payee_admdvs / 10000] += d->debts[i].amount;
    }
}

/* A few payments and reversals by chance; the same for the same seed, whatever the path. */
static void walk(uint64_t seed, int64_t path, int64_t net[100])
{
    static const uint32_t places[] = {CHENGDU, 360100, 530100, 110000};
    struct prng prng = {seed};
    pay_rig_begin(&pay);
    rig_rule(pay.rig, PARAM_SPEND_SCOPE, 0, SCOPE_NATION);
    rig_rule(pay.rig, PARAM_CLEAR_PATH, 0, path);
    for (int i = 0; i < 12; i++)
        pay_rig_lot(&pay, (int)(1 + prng_below(&prng, 3)), (int64_t)(1 + prng_below(&prng, 9999)));
    for (int i = 0; i < 6; i++) {
        struct wallet_order order = pay_rig_order(
            &pay, (int64_t)(1 + prng_below(&prng, (uint64_t)pay_rig_balance(&pay) / 3 + 1)));
        order.mdtrtarea_admvs = places[prng_below(&prng, 4)];
        if (pay_rig_balance(&pay) < order.amount || pay_rig_pay(&pay, &order) != 0) break;
        add_net(net, &pay.rig->decision);
        if (!prng_chance(&prng, 500)) continue;
        assert_int_equal(
            pay_rig_reverse(&pay, (int64_t)(1 + prng_below(&prng, (uint64_t)order.amount))), 0);
        add_net(net, &pay.rig->decision);
    }
    rig_deliver(pay.rig);
    pay_rig_end(&pay);
}

static void both_paths_net_the_same(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        int64_t direct[100] = {0};
        int64_t via[100] = {0};
        walk(seed, PATH_DIRECT, direct);
        walk(seed, PATH_VIA_USE_LOC, via);
        int64_t moved = 0;
        for (int i = 0; i < 100; i++) {
            if (direct[i] != via[i]) print_message("seed %llu\n", (unsigned long long)seed);
            assert_int_equal(direct[i], via[i]);
            moved += direct[i] < 0 ? -direct[i] : direct[i];
        }
        assert_true(moved != 0);
    }
}

static void lots_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < PAY_LOTS_MAX + 1; i++)
        pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_rig_now(&pay, 100 * PAY_LOTS_MAX + 1), ERROR_TOO_MANY);
    assert_int_equal(pay_rig_balance(&pay), 100 * (PAY_LOTS_MAX + 1));
    assert_int_equal(pay_rig_now(&pay, 100 * PAY_LOTS_MAX), 0);
    assert_int_equal(pay.rig->decision.used_count, PAY_LOTS_MAX);
    assert_int_equal(pay_rig_reverse(&pay, 0), 0);
    assert_int_equal(pay.rig->decision.used_count, PAY_LOTS_MAX);
}

/* -- checks ----------------------------------------------------------------------------------- */

/* Everything is wrong; what is put right one after the other shows the order. */
static void order_of_checks(void **state)
{
    struct person *patient = rig_person(pay.rig, PATIENT);
    struct wallet_order order = pay_rig_order(&pay, 5000);
    (void)state;
    for (int i = 0; i < PAY_LOTS_MAX + 1; i++)
        pay_rig_lot(&pay, GIVER_SICHUAN, 100);
    rig_rule(pay.rig, PARAM_PHARMACY_SWITCH, 510000, SWITCH_DEFAULT_OFF);
    const struct wallet_row row = patient->wallet;
    patient->wallet.state = WALLET_NONE;
    pay.rig->institution = NULL;
    order.fixmedins_code = bytes_of("P36010000001");
    order.mdtrtarea_admvs = 360100;
    order.amount2 = 4999;
    pay.rig->province = 51;
    assert_int_equal(give(pay.rig, &order), ERROR_SENDER_NOT_ALLOWED);
    pay.rig->province = 36;
    assert_int_equal(give(pay.rig, &order), ERROR_NO_WALLET);
    patient->wallet = row;
    order.wlt_id = bytes_of(rig_person(pay.rig, GIVER_YUNNAN)->wallet.wlt_id);
    assert_int_equal(give(pay.rig, &order), ERROR_NO_WALLET);
    order.wlt_id = bytes_of(patient->wallet.wlt_id);
    patient->wallet.state = WALLET_FROZEN;
    assert_int_equal(give(pay.rig, &order), ERROR_WALLET_CLOSED);
    patient->wallet.state = WALLET_OPEN;
    assert_int_equal(give(pay.rig, &order), ERROR_INSTITUTION_WALLET);
    pay.rig->institution = &pay.hospital;
    assert_int_equal(give(pay.rig, &order), ERROR_USE_NOT_ALLOWED);
    order.use = 2;
    assert_int_equal(give(pay.rig, &order), ERROR_OUTSIDE_USE_LOC);
    rig_rule(pay.rig, PARAM_SPEND_SCOPE, 510000, SCOPE_NATION);
    assert_int_equal(give(pay.rig, &order), ERROR_PHARMACY_SWITCH);
    rig_rule(pay.rig, PARAM_PHARMACY_SWITCH, 510000, SWITCH_NONE);
    assert_int_equal(give(pay.rig, &order), ERROR_ABOVE_PERSON_PART);
    order.amount2 = 5000;
    assert_int_equal(give(pay.rig, &order), ERROR_WALLET_BALANCE);
    order.amount = order.amount2 = 1100;
    assert_int_equal(give(pay.rig, &order), ERROR_TOO_MANY);
    order.amount = 1000;
    assert_int_equal(give(pay.rig, &order), 0);
}

static void failures_say_what(void **state)
{
    const struct failure *failure = &pay.rig->decision.failures.list[0];
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_rig_now(&pay, 101), ERROR_WALLET_BALANCE);
    assert_int_equal(pay.rig->decision.failures.count, 1);
    assert_int_equal(failure->field, 21); /* wlt_pay */
    assert_int_equal(failure->got, 101);
    assert_int_equal(failure->want, 100);

    struct wallet_order order = pay_rig_order(&pay, 61);
    order.amount2 = 100;
    order.amount3 = 40;
    assert_int_equal(pay_rig_pay(&pay, &order), ERROR_ABOVE_PERSON_PART);
    assert_int_equal(failure->want, 60);
    order.amount = 60;
    assert_int_equal(pay_rig_pay(&pay, &order), 0);
    order = pay_rig_order(&pay, -1);
    assert_int_equal(pay_rig_pay(&pay, &order), ERROR_MALFORMED);
}

static void institutions(void **state)
{
    static const struct {
        uint32_t level;
        uint32_t from;
        uint32_t to;
        uint16_t code;
    } cases[] = {
        {0, 0, 0, ERROR_INSTITUTION_WALLET},
        {1, 0, 0, 0},
        {2, 0, 0, 0},
        {3, 0, 0, ERROR_INSTITUTION_WALLET},
        {1, 20260303, 0, ERROR_INSTITUTION_WALLET},
        {1, 20260302, 20260302, 0},
        {1, 20250101, 20260301, ERROR_INSTITUTION_WALLET},
    };
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pay.hospital.level_wallet = cases[i].level;
        pay.hospital.from = cases[i].from;
        pay.hospital.to = cases[i].to;
        assert_int_equal(pay_rig_now(&pay, 1), cases[i].code);
    }
    pay.rig->institution = NULL;
    assert_int_equal(pay_rig_now(&pay, 1), ERROR_INSTITUTION_WALLET);
    /* The place's rule, not the person's. */
    rig_rule(pay.rig, PARAM_INSTITUTION_CHECK, 530000, 0);
    assert_int_equal(pay_rig_now(&pay, 1), ERROR_INSTITUTION_WALLET);
    rig_rule(pay.rig, PARAM_INSTITUTION_CHECK, CHENGDU, 0);
    assert_int_equal(pay_rig_now(&pay, 1), 0);
}

static void uses(void **state)
{
    static const struct {
        const char *code;
        uint32_t use;
        uint16_t answer;
    } cases[] = {
        {"H51010000001", 1, 0},
        {"H51010000001", 2, 0},
        {"P51010000001", 2, 0},
        {"P51010000001", 1, ERROR_USE_NOT_ALLOWED},
        {"H51010000001", 3, ERROR_USE_NOT_ALLOWED},
    };
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wallet_order order = pay_rig_order(&pay, 1);
        order.fixmedins_code = bytes_of(cases[i].code);
        order.use = cases[i].use;
        assert_int_equal(pay_rig_pay(&pay, &order), cases[i].answer);
    }
}

static uint16_t pay_at(uint32_t place)
{
    struct wallet_order order = pay_rig_order(&pay, 1);
    order.mdtrtarea_admvs = place;
    return pay_rig_pay(&pay, &order);
}

static void move_to(uint32_t use_loc)
{
    const struct wallet_row *wallet = &rig_person(pay.rig, PATIENT)->wallet;
    struct wallet_order order = rig_order(pay.rig, MESSAGE_WLT_USE_LOC_CHG);
    order.psn_key = rig_key_bytes(PATIENT);
    order.wlt_id = bytes_of(wallet->wlt_id);
    order.old_use_loc_admdvs = wallet->use_loc_admdvs;
    order.use_loc_admdvs = use_loc;
    rig_rule(pay.rig, PARAM_USE_LOC_CHANGE, 0, 1);
    assert_int_equal(give(pay.rig, &order), 0);
}

static void scopes(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    assert_int_equal(pay_at(CITY), 0);
    assert_int_equal(pay_at(510000), 0);
    assert_int_equal(pay_at(500000), ERROR_OUTSIDE_USE_LOC);
    move_to(360100);
    assert_int_equal(pay_at(CHENGDU), ERROR_OUTSIDE_USE_LOC);
    assert_int_equal(pay_at(360800), 0);
    rig_rule(pay.rig, PARAM_SPEND_SCOPE, CHENGDU, SCOPE_INSURED_PROV);
    assert_int_equal(pay_at(CHENGDU), 0);
    assert_int_equal(pay_at(360800), 0);
    assert_int_equal(pay_at(110000), ERROR_OUTSIDE_USE_LOC);
    rig_rule(pay.rig, PARAM_SPEND_SCOPE, CHENGDU, SCOPE_NATION);
    assert_int_equal(pay_at(110000), 0);
}

/* -- reservations ----------------------------------------------------------------------------- */

static struct wallet_order reservation(int64_t want)
{
    struct wallet_order order = pay_rig_order(&pay, want);
    order.type = MESSAGE_WLT_PAY_PRE;
    order.setl_id = (struct bytes){NULL, 0};
    return order;
}

static uint16_t reserve(const struct wallet_order *order)
{
    pay.rig->province = 51;
    const uint16_t code = give(pay.rig, order);
    pay.rig->province = 0;
    return code;
}

static void reserved_for_one(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    char reserve_id[WALLET_ID_SIZE];
    char medins_setl_id[16];
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    struct wallet_order first = reservation(700);
    memcpy(medins_setl_id, pay.setl_id, sizeof medins_setl_id);
    first.medins_setl_id = bytes_of(medins_setl_id);
    assert_int_equal(reserve(&first), 0);
    memcpy(reserve_id, d->said.id, sizeof reserve_id);
    assert_int_equal(reserve_id[0], 'S');
    assert_int_equal(d->said.amount, 700);
    assert_int_equal(d->said.balc, 1000);
    assert_int_equal(d->said.exp_ms, pay.rig->now_ms + 15 * 60000);

    first.amount = 300; /* The same business key is the same reservation. */
    assert_int_equal(reserve(&first), 0);
    assert_true(d->dup && d->nothing);
    assert_string_equal(d->said.id, reserve_id);
    assert_int_equal(d->said.amount, 700);

    const struct wallet_order second = reservation(700);
    assert_int_equal(reserve(&second), 0);
    assert_int_equal(d->said.amount, 300);
    const struct wallet_order third = reservation(1);
    assert_int_equal(reserve(&third), ERROR_WALLET_BALANCE);
    assert_int_equal(pay_rig_now(&pay, 1), ERROR_WALLET_BALANCE);

    struct wallet_order order = pay_rig_order(&pay, 701);
    order.medins_setl_id = (struct bytes){NULL, 0};
    order.reserve_id = bytes_of(reserve_id);
    assert_int_equal(pay_rig_pay(&pay, &order), ERROR_WALLET_BALANCE);
    order.amount = 600;
    order.fixmedins_code = bytes_of("H51010000002"); /* Not its reservation. */
    assert_int_equal(pay_rig_pay(&pay, &order), ERROR_WALLET_BALANCE);
    order.fixmedins_code = bytes_of(pay.hospital.fixmedins_code);
    assert_int_equal(pay_rig_pay(&pay, &order), 0);
    /* Used up, also what was not needed. */
    assert_int_equal(rig_person(pay.rig, PATIENT)->reserve_count, 1);
    assert_int_equal(pay_rig_now(&pay, 100), 0);
    assert_int_equal(pay_rig_now(&pay, 1), ERROR_WALLET_BALANCE);
}

static void reserved_by_settlement(void **state)
{
    char medins_setl_id[16];
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    struct wallet_order first = reservation(1000);
    memcpy(medins_setl_id, pay.setl_id, sizeof medins_setl_id);
    first.medins_setl_id = bytes_of(medins_setl_id);
    assert_int_equal(reserve(&first), 0);
    assert_int_equal(pay_rig_now(&pay, 1), ERROR_WALLET_BALANCE);
    struct wallet_order order = pay_rig_order(&pay, 1000);
    order.medins_setl_id = bytes_of(medins_setl_id);
    assert_int_equal(pay_rig_pay(&pay, &order), 0);
}

static void reservations_lapse(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    for (int i = 0; i < RESERVES_MAX; i++) {
        const struct wallet_order order = reservation(10);
        assert_int_equal(reserve(&order), 0);
    }
    struct wallet_order order = reservation(10);
    assert_int_equal(reserve(&order), ERROR_TOO_MANY);
    assert_int_equal(pay_rig_now(&pay, 921), ERROR_WALLET_BALANCE);
    rig_time(pay.rig, "2026-03-02T12:14:59.999");
    assert_int_equal(pay_rig_now(&pay, 921), ERROR_WALLET_BALANCE);
    rig_time(pay.rig, "2026-03-02T12:15:00");
    assert_int_equal(reserve(&order), 0);
    assert_int_equal(rig_person(pay.rig, PATIENT)->reserve_count, 1);
    assert_int_equal(pay_rig_now(&pay, 921), 0);
    order = reservation(0);
    assert_int_equal(reserve(&order), ERROR_AMOUNT_RANGE);
}

/* Who asks again when it is over gets another one, and not what lapsed. */
static void a_lapsed_reservation_is_nobodys(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    char reserve_id[WALLET_ID_SIZE];
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    const struct wallet_order order = reservation(700);
    assert_int_equal(reserve(&order), 0);
    memcpy(reserve_id, d->said.id, sizeof reserve_id);
    rig_time(pay.rig, "2026-03-02T12:14:59.999");
    assert_int_equal(reserve(&order), 0);
    assert_true(d->dup);
    assert_string_equal(d->said.id, reserve_id);
    rig_time(pay.rig, "2026-03-02T12:15:00");
    assert_int_equal(reserve(&order), 0);
    assert_false(d->dup);
    assert_string_not_equal(d->said.id, reserve_id);
    assert_int_equal(rig_person(pay.rig, PATIENT)->reserve_count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(first_in_first_out),
        RIGGED(one_debt_an_area),
        RIGGED(through_the_usage_location),
        cmocka_unit_test(both_paths_net_the_same),
        RIGGED(lots_at_most),
        RIGGED(order_of_checks),
        RIGGED(failures_say_what),
        RIGGED(institutions),
        RIGGED(uses),
        RIGGED(scopes),
        RIGGED(reserved_for_one),
        RIGGED(reserved_by_settlement),
        RIGGED(reservations_lapse),
        RIGGED(a_lapsed_reservation_is_nobodys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
