/* Care from the wallet: every check and their order, reservations, lots and debts on both paths,
 * reversals against a simple model, dead lots, settlements that pay, switches and filings. */
#include <stdio.h>

#include "journal/entry.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/wallet/pay_rig.h"
#include "types/cell.h"
#include "types/wire.h"

#define CITY 510700 /* Another area of the usage location's province. */

static struct pay_rig pay;

static int begin(void **state)
{
    (void)state;
    pay_rig_begin(&pay);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pay_rig_end(&pay);
    return 0;
}

static int64_t balance(void)
{
    return person_balance(rig_person(pay.rig, PATIENT));
}

static uint16_t pay_now(int64_t amount)
{
    const struct wallet_order order = pay_rig_order(&pay, amount);
    return pay_rig_pay(&pay, &order);
}

/* -- lots and debts --------------------------------------------------------------------------- */

static void first_in_first_out(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 10000);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 50000);
    assert_int_equal(pay_now(30000), 0);

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
    assert_int_equal(pay_now(1110), 0);
    assert_int_equal(pay.rig->decision.used_count, 3);
    assert_int_equal(pay.rig->decision.debt_count, 1);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_WALLET_CARE, 110);
    assert_int_equal(balance(), 0);

    pay_rig_lot(&pay, GIVER_SICHUAN, 500);
    assert_int_equal(pay_now(500), 0);
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
        struct wallet_order order =
            pay_rig_order(&pay, (int64_t)(1 + prng_below(&prng, (uint64_t)balance() / 3 + 1)));
        order.mdtrtarea_admvs = places[prng_below(&prng, 4)];
        if (balance() < order.amount || pay_rig_pay(&pay, &order) != 0) break;
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
    assert_int_equal(pay_now(100 * PAY_LOTS_MAX + 1), ERROR_TOO_MANY);
    assert_int_equal(balance(), 100 * (PAY_LOTS_MAX + 1));
    assert_int_equal(pay_now(100 * PAY_LOTS_MAX), 0);
    assert_int_equal(pay.rig->decision.used_count, PAY_LOTS_MAX);
    assert_int_equal(pay_rig_reverse(&pay, 0), 0);
    assert_int_equal(pay.rig->decision.used_count, PAY_LOTS_MAX);
}

/* With the longest message there is, and every part of another giver and lot gone. */
static void reversal_fits_an_entry(void **state)
{
    static uint8_t body[ENTRY_BODY_MAX];
    static uint8_t message[1024];
    static struct person before;
    static struct person after;
    struct wallet_decision *d = &pay.rig->decision;
    struct ops_writer writer;
    struct wallet_order order = pay_rig_reversal(&pay, 0);
    (void)state;

    person_copy(&before, rig_person(pay.rig, PATIENT));
    pay.past = (struct wallet_past){.found = true, .type = MESSAGE_WLT_PAY, .place = CHENGDU};
    pay.past.person = before.key;
    pay.past.used_count = PAY_LOTS_MAX;
    pay.past.amount = 100 * PAY_LOTS_MAX;
    for (uint32_t i = 0; i < PAY_LOTS_MAX; i++) {
        pay.past.used[i] = (struct lot){.number = i + 1, .origin_admdvs = 530100, .amount = 100};
        pay.past.used[i].origin = pay.past.used[i].from = rig_key(GIVER_YUNNAN);
    }
    order.mdtrtarea_admvs = CHENGDU;
    const struct wallet_input input = {
        .order = &order, .params = &pay.rig->params, .past = &pay.past, .now_ms = pay.rig->now_ms};
    person_copy(&after, &before);
    wallet_judge(&input, &after, d);
    assert_int_equal(d->failures.count, 0);

    ops_begin(&writer, body, sizeof body, order.type, (struct bytes){message, sizeof message},
              (struct bytes){NULL, 0});
    ops_put_person(&writer, &before, &after, true);
    ops_put(&writer, OP_PUT, PERSON_WALLET, &after.wallet, sizeof after.wallet);
    ops_put(&writer, OP_SAID, 0, &d->said, sizeof d->said);
    decision_write(d, &writer);
    static const char longest[] = "123456789012345678901234567890";
    ops_put_id(&writer, ID_MSGID, 51, bytes_of(longest));
    ops_put_id(&writer, ID_REVERSAL, 51, bytes_of(longest));
    assert_int_equal(d->effect_count, PAY_LOTS_MAX);
    assert_false(writer.full);
    assert_true(writer.size > ENTRY_BODY_MAX / 2);
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
    assert_int_equal(pay_now(101), ERROR_WALLET_BALANCE);
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
        assert_int_equal(pay_now(1), cases[i].code);
    }
    pay.rig->institution = NULL;
    assert_int_equal(pay_now(1), ERROR_INSTITUTION_WALLET);
    /* The place's rule, not the person's. */
    rig_rule(pay.rig, PARAM_INSTITUTION_CHECK, 530000, 0);
    assert_int_equal(pay_now(1), ERROR_INSTITUTION_WALLET);
    rig_rule(pay.rig, PARAM_INSTITUTION_CHECK, CHENGDU, 0);
    assert_int_equal(pay_now(1), 0);
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
    assert_int_equal(pay_now(1), ERROR_WALLET_BALANCE);

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
    assert_int_equal(pay_now(100), 0);
    assert_int_equal(pay_now(1), ERROR_WALLET_BALANCE);
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
    assert_int_equal(pay_now(1), ERROR_WALLET_BALANCE);
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
    assert_int_equal(pay_now(921), ERROR_WALLET_BALANCE);
    rig_time(pay.rig, "2026-03-02T12:14:59.999");
    assert_int_equal(pay_now(921), ERROR_WALLET_BALANCE);
    rig_time(pay.rig, "2026-03-02T12:15:00");
    assert_int_equal(reserve(&order), 0);
    assert_int_equal(rig_person(pay.rig, PATIENT)->reserve_count, 1);
    assert_int_equal(pay_now(921), 0);
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

/* -- reversals -------------------------------------------------------------------------------- */

static void back_last_used_first(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    char number[CLIENT_NO_SIZE];
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 500);
    assert_int_equal(pay_now(300), 0);
    assert_int_equal(pay_rig_reverse(&pay, 250), 0);
    assert_int_equal(d->said.id[0], 'V');
    assert_int_equal(d->said.amount, 250);
    assert_int_equal(d->said.balc, 550);
    assert_int_equal(d->used_count, 2);
    assert_int_equal(d->used[0].number, 2);
    assert_int_equal(d->used[0].amount, 200);
    assert_int_equal(d->used[1].number, 1);
    assert_int_equal(d->used[1].amount, 50);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_WALLET_CARE, -50);
    expect_debt(&pay, 1, 520100, CHENGDU, LINE_WALLET_CARE, -200);
    snprintf(number, sizeof number, "%s-1", pay.past.id);
    assert_string_equal(d->debts[0].orig_number, number);
    snprintf(number, sizeof number, "%s-2", d->said.id);
    assert_string_equal(d->debts[1].number, number);
    assert_int_equal(rig_person(pay.rig, PATIENT)->lots[0].number, 1);

    assert_int_equal(pay_rig_reverse(&pay, 51), ERROR_ABOVE_PAYMENT);
    rig_time(pay.rig, "2026-03-02T23:30:00"); /* Night is for transfers alone. */
    assert_int_equal(pay_rig_reverse(&pay, 0), 0);
    assert_int_equal(d->said.amount, 50);
    assert_int_equal(d->debt_count, 1);
    assert_int_equal(pay_rig_reverse(&pay, 0), ERROR_ABOVE_PAYMENT);
    rig_deliver(pay.rig);
    assert_int_equal(rig_person(pay.rig, GIVER_GUIZHOU)->hold.consumed, 0);
    assert_int_equal(balance(), 600);
}

static uint16_t reverse_as(const struct wallet_order *order, uint16_t province)
{
    pay.rig->past = &pay.past;
    pay.rig->province = province;
    const uint16_t code = give(pay.rig, order);
    pay.rig->past = NULL;
    pay.rig->province = 0;
    return code;
}

static void reversal_refused(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_now(100), 0);
    struct wallet_order order = pay_rig_reversal(&pay, 0);
    assert_int_equal(reverse_as(&order, 36), ERROR_SENDER_NOT_ALLOWED);
    order.mdtrtarea_admvs = 360100;
    assert_int_equal(reverse_as(&order, 36), ERROR_WRONG_PROVINCE);
    order.mdtrtarea_admvs = CITY; /* Of the same province. */
    pay.past.type = MESSAGE_SETL_POST;
    assert_int_equal(reverse_as(&order, 51), ERROR_NO_PAYMENT);
    pay.past.type = MESSAGE_PREM_PAY;
    assert_int_equal(reverse_as(&order, 51), ERROR_NO_PAYMENT);
    pay.past.type = MESSAGE_WLT_PAY;
    pay.past.person = rig_key(STRANGER);
    assert_int_equal(reverse_as(&order, 51), ERROR_NO_PAYMENT);
    pay.past.person = rig_key(PATIENT);
    pay.past.found = false;
    assert_int_equal(reverse_as(&order, 51), ERROR_NO_PAYMENT);
    pay.past.found = true;
    assert_int_equal(reverse_as(&order, 0), 0);
}

static void disputed(void **state)
{
    static struct person after;
    const struct wallet_fact fact = {.disputed = 1};
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_now(100), 0);
    const struct wallet_order order = pay_rig_reversal(&pay, 0);
    const struct wallet_input input = {.order = &order,
                                       .fact = &fact,
                                       .params = &pay.rig->params,
                                       .past = &pay.past,
                                       .now_ms = pay.rig->now_ms};
    person_copy(&after, rig_person(pay.rig, PATIENT));
    wallet_judge(&input, &after, &pay.rig->decision);
    assert_int_equal(pay.rig->decision.failures.list[0].code, ERROR_PAYMENT_DISPUTED);
}

/* Two givers, one spend, two debts, reversed after one relation ended. */
static void dead_lot_goes_home(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 200);
    assert_int_equal(pay_now(300), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_unbind(pay.rig, GIVER_GUIZHOU, PATIENT), 0);
    rig_deliver(pay.rig);
    assert_int_equal(pay_rig_reverse(&pay, 0), 0);
    assert_int_equal(d->debt_count, 2);
    assert_int_equal(d->said.balc, 100);
    assert_int_equal(d->effects[0].why, HELD_RETURNED_SPENT);
    assert_int_equal(d->effects[1].why, HELD_RESTORED);
    rig_deliver(pay.rig);
    assert_int_equal(rig_person(pay.rig, GIVER_GUIZHOU)->hold.consumed, 0);
    assert_int_equal(rig_person(pay.rig, GIVER_GUIZHOU)->hold.held, 0);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.held, 100);
}

static void closed_wallet_gives_all_home(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_now(100), 0);
    rig_deliver(pay.rig);
    struct wallet_order close = rig_order(pay.rig, MESSAGE_WLT_CLOSE);
    close.psn_key = rig_key_bytes(PATIENT);
    close.wlt_id = bytes_of(rig_person(pay.rig, PATIENT)->wallet.wlt_id);
    close.reason = 1;
    assert_int_equal(give(pay.rig, &close), 0);
    rig_deliver(pay.rig);
    assert_int_equal(pay_rig_reverse(&pay, 60), 0);
    assert_int_equal(pay.rig->decision.effects[0].why, HELD_RETURNED_SPENT);
    assert_int_equal(balance(), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.consumed, 40);
}

static void frozen_wallet_takes_it_back(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_now(100), 0);
    rig_person(pay.rig, PATIENT)->wallet.state = WALLET_FROZEN;
    const struct wallet_order order = pay_rig_reversal(&pay, 0);
    static struct person after;
    const struct wallet_input input = {
        .order = &order, .params = &pay.rig->params, .past = &pay.past, .now_ms = pay.rig->now_ms};
    person_copy(&after, rig_person(pay.rig, PATIENT));
    wallet_judge(&input, &after, &pay.rig->decision);
    assert_int_equal(pay.rig->decision.failures.count, 0);
    assert_int_equal(person_balance(&after), 100);
}

/* A full list of lots does not stand in the way: then the part goes home as well. */
static void no_room_for_the_lot(void **state)
{
    static struct person after;
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_now(100), 0);
    const struct wallet_order order = pay_rig_reversal(&pay, 0);
    const struct wallet_input input = {
        .order = &order, .params = &pay.rig->params, .past = &pay.past, .now_ms = pay.rig->now_ms};
    person_copy(&after, rig_person(pay.rig, PATIENT));
    for (uint32_t i = 0; i < LOTS_MAX; i++) {
        const struct lot lot = {.number = 100 + i, .amount = 1};
        assert_true(person_put_lot(&after, &lot));
    }
    wallet_judge(&input, &after, &pay.rig->decision);
    assert_int_equal(pay.rig->decision.failures.count, 0);
    assert_int_equal(pay.rig->decision.effects[0].why, HELD_RETURNED_SPENT);
}

/* -- reversals in random sizes, against a model that moves fen by fen ---------------------------
 */

struct model {
    int64_t paid[PAY_LOTS_MAX]; /* By part of the payment. */
    uint32_t number[PAY_LOTS_MAX];
    uint32_t area[PAY_LOTS_MAX];
    uint32_t parts;
};

static struct model model_of(const struct wallet_past *past)
{
    struct model model = {.parts = past->used_count};
    for (uint32_t i = 0; i < past->used_count; i++) {
        model.paid[i] = past->used[i].amount;
        model.number[i] = past->used[i].number;
        model.area[i] = past->used[i].origin_admdvs;
    }
    return model;
}

/* Takes one fen after the other from the end; by area and by lot number. */
static void model_back(struct model *model, int64_t amount, int64_t by_number[64],
                       int64_t by_province[100])
{
    while (amount-- != 0) {
        uint32_t i = model->parts;
        while (model->paid[i - 1] == 0)
            i--;
        model->paid[i - 1]--;
        by_number[model->number[i - 1]]++;
        by_province[model->area[i - 1] / 10000]++;
    }
}

static void compare(const struct wallet_decision *d, const int64_t by_number[64],
                    const int64_t by_province[100])
{
    int64_t number[64] = {0};
    int64_t province[100] = {0};
    for (uint32_t i = 0; i < d->used_count; i++)
        number[d->used[i].number] += d->used[i].amount;
    for (uint32_t i = 0; i < d->debt_count; i++) {
        assert_true(d->debts[i].amount < 0);
        province[d->debts[i].payer_admdvs / 10000] -= d->debts[i].amount;
    }
    province[51] = by_province[51]; /* May be none, and what goes through: take_debts(). */
    assert_memory_equal(number, by_number, sizeof number);
    assert_memory_equal(province, by_province, sizeof province);
}

/* Each debt taken back is one of the payment's, between the same two, under its number. */
static void take_debts(struct wallet_debt *debts, uint32_t count, const struct wallet_decision *d)
{
    for (uint32_t i = 0; i < d->debt_count; i++) {
        const struct wallet_debt *back = &d->debts[i];
        uint32_t at = 0;
        while (at < count && strcmp(debts[at].number, back->orig_number) != 0)
            at++;
        assert_true(at < count);
        assert_int_equal(back->payer_admdvs, debts[at].payer_admdvs);
        assert_int_equal(back->payee_admdvs, debts[at].payee_admdvs);
        assert_int_equal(back->line, debts[at].line);
        debts[at].amount += back->amount;
        assert_true(debts[at].amount >= 0);
    }
}

static void random_reversals(void **state)
{
    static struct wallet_debt debts[DEBTS_MAX];
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) {
        struct prng prng = {seed};
        pay_rig_begin(&pay);
        const int lots = (int)(1 + prng_below(&prng, PAY_LOTS_MAX));
        for (int i = 0; i < lots; i++)
            pay_rig_lot(&pay, (int)(1 + prng_below(&prng, 3)),
                        (int64_t)(1 + prng_below(&prng, 90)));
        const int64_t before = balance();
        const int64_t amount = (int64_t)(1 + prng_below(&prng, (uint64_t)before));
        rig_rule(pay.rig, PARAM_SPEND_SCOPE, 0, SCOPE_NATION);
        rig_rule(pay.rig, PARAM_CLEAR_PATH, 0, seed % 2 == 0 ? PATH_VIA_USE_LOC : PATH_DIRECT);
        struct wallet_order order = pay_rig_order(&pay, amount);
        if (seed % 4 < 2) order.mdtrtarea_admvs = 360100;
        assert_int_equal(pay_rig_pay(&pay, &order), 0);
        struct model model = model_of(&pay.past);
        const uint32_t debt_count = pay.rig->decision.debt_count;
        memcpy(debts, pay.rig->decision.debts, debt_count * sizeof debts[0]);
        int64_t left = amount;
        while (left != 0) {
            const int64_t back = (int64_t)(1 + prng_below(&prng, (uint64_t)left + 20));
            if (back > left) {
                assert_int_equal(pay_rig_reverse(&pay, back), ERROR_ABOVE_PAYMENT); /* (I10) */
                continue;
            }
            int64_t by_number[64] = {0};
            int64_t by_province[100] = {0};
            assert_int_equal(pay_rig_reverse(&pay, back), 0);
            model_back(&model, back, by_number, by_province);
            compare(&pay.rig->decision, by_number, by_province);
            take_debts(debts, debt_count, &pay.rig->decision);
            left -= back;
            if (prng_chance(&prng, 500)) rig_deliver(pay.rig);
        }
        assert_int_equal(balance(), before);
        for (uint32_t i = 0; i < debt_count; i++)
            assert_int_equal(debts[i].amount, 0);
        rig_deliver(pay.rig);
        for (int giver = GIVER_YUNNAN; giver <= GIVER_SICHUAN; giver++)
            assert_int_equal(rig_person(pay.rig, giver)->hold.consumed, 0);
        pay_rig_end(&pay);
    }
}

/* -- with a settlement ------------------------------------------------------------------------ */

static struct wallet_input settlement_input(const struct wallet_order *order)
{
    return (struct wallet_input){.order = order,
                                 .params = &pay.rig->params,
                                 .institution = &pay.hospital,
                                 .now_ms = pay.rig->now_ms,
                                 .province = 51};
}

static void pays_with_a_settlement(void **state)
{
    static struct person after;
    struct wallet_decision *d = &pay.rig->decision;
    struct wallet_order order = pay_rig_order(&pay, 0);
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 500);
    order.type = MESSAGE_SETL_POST;
    order.amount = order.amount2 = 300;
    const struct wallet_order given = order;
    struct wallet_input input = settlement_input(&order);
    person_copy(&after, rig_person(pay.rig, PATIENT));
    wallet_judge_settlement(&input, 300, &after, d);
    assert_int_equal(d->failures.count, 0);
    assert_memory_equal(&order, &given, sizeof order); /* (I15) */
    assert_int_equal(d->debt_count, 2);
    assert_int_equal(person_balance(&after), 300);
    assert_int_equal(d->id_count, 2);
    assert_int_equal(d->ids[0].domain, ID_PAYMENT);
    assert_string_equal(d->ids[0].text, d->said.id);
    assert_int_equal(d->ids[1].domain, ID_PAID);
    assert_int_equal(d->ids[1].scope, 51);
    assert_string_equal(d->ids[1].text, pay.setl_id);
    pay_rig_keep(&pay, &order, PATIENT, LINE_WALLET_CARE);

    input.past = &pay.past;
    wallet_judge_settlement(&input, -301, &after, d);
    assert_int_equal(d->failures.list[0].code, ERROR_ABOVE_PAYMENT);
    wallet_judge_settlement(&input, -250, &after, d);
    assert_int_equal(d->failures.count, 0);
    assert_int_equal(person_balance(&after), 550);
    input.past = NULL;
    wallet_judge_settlement(&input, -1, &after, d);
    assert_int_equal(d->failures.list[0].code, ERROR_NO_PAYMENT);
}

/* The same checks; what the person bears always counts, also when it is nothing. */
static void settlement_refused(void **state)
{
    static struct person after;
    struct wallet_decision *d = &pay.rig->decision;
    struct wallet_order order = pay_rig_order(&pay, 0);
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 1000);
    order.type = MESSAGE_SETL_POST;
    struct wallet_input input = settlement_input(&order);
    person_copy(&after, rig_person(pay.rig, PATIENT));
    wallet_judge_settlement(&input, 1, &after, d);
    assert_int_equal(d->failures.list[0].code, ERROR_ABOVE_PERSON_PART);
    order.amount2 = 900;
    order.amount3 = 100;
    wallet_judge_settlement(&input, 801, &after, d);
    assert_int_equal(d->failures.list[0].code, ERROR_ABOVE_PERSON_PART);
    input.institution = NULL;
    wallet_judge_settlement(&input, 800, &after, d);
    assert_int_equal(d->failures.list[0].code, ERROR_INSTITUTION_WALLET);
    input.institution = &pay.hospital;
    after.wallet.state = WALLET_CLOSED;
    wallet_judge_settlement(&input, 800, &after, d);
    assert_int_equal(d->failures.list[0].code, ERROR_WALLET_CLOSED);
    after.wallet.state = WALLET_OPEN;
    wallet_judge_settlement(&input, 800, &after, d);
    assert_int_equal(d->failures.count, 0);
}

/* -- switches and filings --------------------------------------------------------------------- */

static bool blocked(const struct person *person, uint32_t insured, uint32_t place)
{
    return wallet_pharmacy_blocked(&pay.rig->params, person, insured, place, 1000);
}

static void pharmacy_switch(void **state)
{
    static struct person person;
    const struct params *params = &pay.rig->params;
    (void)state;
    person_clear(&person, rig_key(PATIENT));
    assert_false(blocked(&person, 350100, 360100));
    assert_false(wallet_checks_settlement(params, 350100, 360100, true, 1000));
    rig_rule(pay.rig, PARAM_PHARMACY_SWITCH, 350000, SWITCH_DEFAULT_OFF);
    assert_true(blocked(&person, 350100, 360100));
    assert_true(wallet_checks_settlement(params, 350100, 360100, true, 1000));
    assert_false(wallet_checks_settlement(params, 350100, 360100, false, 1000));
    assert_false(blocked(&person, 350100, 350200));
    assert_false(wallet_checks_settlement(params, 350100, 350200, true, 1000));
    assert_false(blocked(&person, 360100, 350100));
    rig_rule(pay.rig, PARAM_PHARMACY_SWITCH, 350200, SWITCH_DEFAULT_ON);
    assert_false(blocked(&person, 350200, 360100));

    person.switches[0] = (struct switch_row){.which = 1, .on = 1, .eff_ms = 500};
    person.switches[1] = (struct switch_row){.which = 1, .on = 0, .eff_ms = 100};
    person.switches[2] = (struct switch_row){.which = 1, .on = 0, .eff_ms = 1001};
    person.switches[3] = (struct switch_row){.which = 2, .on = 0, .eff_ms = 900};
    person.switch_count = 4;
    assert_false(blocked(&person, 350100, 360100));
    person.switches[2].eff_ms = 1000;
    assert_true(blocked(&person, 350100, 360100));
    assert_true(blocked(&person, 350200, 360100));
}

static bool filing_missing(const struct person *person, uint32_t insured, uint32_t place)
{
    const int64_t at = shanghai_ms("2026-03-02T00:00:00");
    const bool missing = wallet_filing_missing(&pay.rig->params, person, insured, place, at);
    if (missing) assert_true(wallet_checks_settlement(&pay.rig->params, insured, place, false, at));
    return missing;
}

static void filings(void **state)
{
    static struct person person;
    (void)state;
    person_clear(&person, rig_key(PATIENT));
    assert_false(filing_missing(&person, 340100, 310000)); /* Not looked at by default. */
    rig_rule(pay.rig, PARAM_FILING_CHECK, 0, 1);
    assert_true(filing_missing(&person, 340100, 310000));
    assert_false(filing_missing(&person, 340100, 340800));
    rig_rule(pay.rig, PARAM_FILING_GROUP, 110000, 1);
    rig_rule(pay.rig, PARAM_FILING_GROUP, 120000, 1);
    rig_rule(pay.rig, PARAM_FILING_GROUP, 330000, 2);
    assert_false(filing_missing(&person, 110000, 120000));
    assert_true(filing_missing(&person, 110000, 330100));
    assert_true(filing_missing(&person, 110000, 340100));
    rig_rule(pay.rig, PARAM_AUTO_FILING, 320000, 1);
    assert_false(filing_missing(&person, 320100, 340100));
    rig_rule(pay.rig, PARAM_FILING_REQUIRED, 370000, 0);
    assert_false(filing_missing(&person, 370100, 340100));

    person.filing_count = 1;
    person.filings[0] = (struct filing_row){.place = 310115, .from = 20260302, .to = 20260302};
    assert_false(filing_missing(&person, 340100, 310000));
    assert_true(filing_missing(&person, 340100, 330100));
    person.filings[0].to = 20260301;
    person.filings[0].from = 20260101;
    assert_true(filing_missing(&person, 340100, 310000));
    person.filings[0].to = 0;
    assert_false(filing_missing(&person, 340100, 310000));
    person.filings[0].from = 20260303;
    assert_true(filing_missing(&person, 340100, 310000));
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(first_in_first_out),
        RIGGED(one_debt_an_area),
        RIGGED(through_the_usage_location),
        cmocka_unit_test(both_paths_net_the_same),
        RIGGED(lots_at_most),
        RIGGED(reversal_fits_an_entry),
        RIGGED(order_of_checks),
        RIGGED(failures_say_what),
        RIGGED(institutions),
        RIGGED(uses),
        RIGGED(scopes),
        RIGGED(reserved_for_one),
        RIGGED(reserved_by_settlement),
        RIGGED(reservations_lapse),
        RIGGED(a_lapsed_reservation_is_nobodys),
        RIGGED(back_last_used_first),
        RIGGED(reversal_refused),
        RIGGED(disputed),
        RIGGED(dead_lot_goes_home),
        RIGGED(closed_wallet_gives_all_home),
        RIGGED(frozen_wallet_takes_it_back),
        RIGGED(no_room_for_the_lot),
        cmocka_unit_test(random_reversals),
        RIGGED(pays_with_a_settlement),
        RIGGED(settlement_refused),
        RIGGED(pharmacy_switch),
        RIGGED(filings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
