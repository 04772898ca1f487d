/* Care taken back: who may, to which lot and for whose debt, lots and wallets that are no more, and
 * random sizes against a model that moves fen by fen. */
#include <stdio.h>

#include "journal/entry.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/wallet/pay_rig.h"
#include "types/cell.h"
#include "types/wire.h"

static struct pay_rig pay;

#define RIGGED(test) \
    cmocka_unit_test_prestate_setup_teardown(test, pay_rig_set_up, pay_rig_tear_down, &pay)

/* -- reversals -------------------------------------------------------------------------------- */

static void back_last_used_first(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    char number[CLIENT_NO_SIZE];
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 500);
    assert_int_equal(pay_rig_now(&pay, 300), 0);
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
    assert_int_equal(pay_rig_balance(&pay), 600);
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
    assert_int_equal(pay_rig_now(&pay, 100), 0);
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
    assert_int_equal(pay_rig_now(&pay, 100), 0);
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
    assert_int_equal(pay_rig_now(&pay, 300), 0);
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

/* A relation that the two began anew is another one, and the lot's own has ended. */
static void lot_of_an_earlier_relation_goes_home(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_rig_now(&pay, 60), 0);
    rig_deliver(pay.rig);
    rig_time(pay.rig, "2026-03-02T13:00:00");
    assert_int_equal(rig_unbind(pay.rig, GIVER_YUNNAN, PATIENT), 0);
    rig_deliver(pay.rig);
    rig_time(pay.rig, "2026-03-02T13:00:01");
    assert_int_equal(rig_bind(pay.rig, GIVER_YUNNAN, PATIENT), 0);
    rig_deliver(pay.rig);
    assert_int_equal(pay_rig_reverse(&pay, 0), 0);
    assert_int_equal(pay.rig->decision.effects[0].why, HELD_RETURNED_SPENT);
    rig_deliver(pay.rig);
    assert_int_equal(pay_rig_balance(&pay), 0);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.held, 0);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.consumed, 0);
}

/* Everything said to provinces since then about that giver's money, with its amount. */
static int64_t told(uint32_t since, enum outgoing_type type, uint32_t dest)
{
    int64_t sum = 0;
    for (uint32_t i = since; i < pay.rig->out_count; i++) {
        if (pay.rig->out[i].type == type && pay.rig->out[i].dest == dest)
            sum += pay.rig->out[i].amount;
    }
    return sum;
}

#define OUT_OF_GUIZHOU 23
#define OUT_OF_YUNNAN  24

/* The giver has moved since: the money is of the account that was left, and its province is told.
 * What the new one granted is neither more nor less by it. */
static void of_an_account_that_was_left(void **state)
{
    const struct person *giver = rig_person(pay.rig, GIVER_YUNNAN);
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_rig_now(&pay, 60), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_state(pay.rig, GIVER_YUNNAN, 520100, 310, INSURED_NORMAL, 20260302), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_grant(pay.rig, GIVER_YUNNAN, 1060), 0);
    const uint32_t since = pay.rig->out_count;
    assert_int_equal(pay_rig_reverse(&pay, 50), 0);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_WALLET_CARE, -50);
    rig_deliver(pay.rig);
    assert_int_equal(told(since, OUT_PA_RELEASE, OUT_OF_YUNNAN), 50);
    assert_int_equal(told(since, OUT_PA_RELEASE, OUT_OF_GUIZHOU), 0);
    assert_int_equal(giver->hold.consumed, 10);
    assert_int_equal(giver->hold.granted, 1010);
}

/* The same after a hop: the relation by which the lot came stands, but its giver's account is
 * another one now. So it goes home, and what came from the new account stays. */
static void of_an_account_that_was_left_after_a_hop(void **state)
{
    const struct person *giver = rig_person(pay.rig, GIVER_YUNNAN);
    (void)state;
    rig_rule(pay.rig, PARAM_TRSF_MAX_COUNT, 0, 100);
    assert_int_equal(rig_bind(pay.rig, GIVER_YUNNAN, GIVER_GUIZHOU), 0);
    rig_deliver(pay.rig);
    rig_pass(pay.rig, GIVER_YUNNAN, GIVER_GUIZHOU, 1, 100);
    rig_pass(pay.rig, GIVER_GUIZHOU, PATIENT, 2, 100);
    assert_int_equal(pay_rig_now(&pay, 60), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_state(pay.rig, GIVER_YUNNAN, 520100, 310, INSURED_NORMAL, 20260302), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_grant(pay.rig, GIVER_YUNNAN, 1060), 0);
    assert_int_equal(rig_bind(pay.rig, GIVER_YUNNAN, PATIENT), 0);
    rig_deliver(pay.rig);
    rig_pass(pay.rig, GIVER_YUNNAN, PATIENT, 1, 7);
    const uint32_t since = pay.rig->out_count;
    assert_int_equal(pay_rig_reverse(&pay, 0), 0);
    rig_deliver(pay.rig);
    assert_int_equal(pay_rig_balance(&pay), 7);
    assert_int_equal(told(since, OUT_PA_CONSUME, OUT_OF_YUNNAN), -60);
    assert_int_equal(told(since, OUT_PA_RELEASE, OUT_OF_YUNNAN), 60);
    assert_int_equal(told(since, OUT_PA_CONSUME, OUT_OF_GUIZHOU), 0);
    assert_int_equal(told(since, OUT_PA_RELEASE, OUT_OF_GUIZHOU), 0);
    assert_int_equal(giver->hold.held, 7);
    assert_int_equal(giver->hold.consumed, 0);
    assert_int_equal(giver->hold.granted, 1000);
}

static void closed_wallet_gives_all_home(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_rig_now(&pay, 100), 0);
    rig_deliver(pay.rig);
    struct wallet_order close = rig_order(pay.rig, MESSAGE_WLT_CLOSE);
    close.psn_key = rig_key_bytes(PATIENT);
    close.wlt_id = bytes_of(rig_person(pay.rig, PATIENT)->wallet.wlt_id);
    close.reason = 1;
    assert_int_equal(give(pay.rig, &close), 0);
    rig_deliver(pay.rig);
    assert_int_equal(pay_rig_reverse(&pay, 60), 0);
    assert_int_equal(pay.rig->decision.effects[0].why, HELD_RETURNED_SPENT);
    assert_int_equal(pay_rig_balance(&pay), 0);
    rig_deliver(pay.rig);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.consumed, 40);
}

static void frozen_wallet_takes_it_back(void **state)
{
    (void)state;
    pay_rig_lot(&pay, GIVER_YUNNAN, 100);
    assert_int_equal(pay_rig_now(&pay, 100), 0);
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
    assert_int_equal(pay_rig_now(&pay, 100), 0);
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

/* -- in random sizes, against a model that moves fen by fen ------------------------------------ */

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
        const int64_t before = pay_rig_balance(&pay);
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
        assert_int_equal(pay_rig_balance(&pay), before);
        for (uint32_t i = 0; i < debt_count; i++)
            assert_int_equal(debts[i].amount, 0);
        rig_deliver(pay.rig);
        for (int giver = GIVER_YUNNAN; giver <= GIVER_SICHUAN; giver++)
            assert_int_equal(rig_person(pay.rig, giver)->hold.consumed, 0);
        pay_rig_end(&pay);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(back_last_used_first),
        RIGGED(reversal_refused),
        RIGGED(disputed),
        RIGGED(dead_lot_goes_home),
        RIGGED(lot_of_an_earlier_relation_goes_home),
        RIGGED(of_an_account_that_was_left),
        RIGGED(of_an_account_that_was_left_after_a_hop),
        RIGGED(closed_wallet_gives_all_home),
        RIGGED(frozen_wallet_takes_it_back),
        RIGGED(no_room_for_the_lot),
        RIGGED(reversal_fits_an_entry),
        cmocka_unit_test(random_reversals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
