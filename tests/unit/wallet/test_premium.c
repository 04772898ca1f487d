/* Premiums: what is due, the claim, who may pay, once a year, the window's edges, refunds and
 * refusals. The patient of pay_rig pays, for the child of Jiangxi most of the time. */
#include <stdio.h>

#include "tests/lib/unit.h"
#include "tests/unit/wallet/pay_rig.h"
#include "types/cell.h"
#include "types/province.h"
#include "types/wire.h"

#define NANCHANG 360100
#define DUE      40000
#define CARE     410 /* 长护 */

static struct pay_rig pay;

static int begin(void **state)
{
    (void)state;
    pay_rig_begin(&pay);
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, DUE);
    pay_rig_lot(&pay, GIVER_YUNNAN, 30000);
    pay_rig_lot(&pay, GIVER_GUIZHOU, 70000);
    rig_time(pay.rig, "2026-10-01T10:00:00");
    return 0;
}

static int end(void **state)
{
    (void)state;
    pay_rig_end(&pay);
    return 0;
}

static struct premium_row *row_of(int who)
{
    return person_premium(rig_person(pay.rig, who), 390, 2027);
}

static struct wallet_order premium_order(uint16_t type, int insured)
{
    struct wallet_order order = rig_order(pay.rig, type);
    order.psn_key = rig_key_bytes(insured);
    order.insu_admdvs = NANCHANG;
    order.insutype = 390;
    order.year = 2027;
    order.client_no = (struct bytes){NULL, 0};
    return order;
}

static struct wallet_order quote_order(int insured)
{
    return premium_order(MESSAGE_PREM_QUOTE, insured);
}

static struct wallet_order due_order(int insured, int64_t due)
{
    struct wallet_order order = premium_order(MESSAGE_PREM_DUE, insured);
    order.order_no = bytes_of("ORDER-1");
    order.amount = due;
    return order;
}

static struct wallet_order pay_order(int payer, int insured, int64_t amount)
{
    struct wallet_order order = premium_order(MESSAGE_PREM_PAY, insured);
    order.psn_key = rig_key_bytes(payer);
    order.other_key = rig_key_bytes(insured);
    order.amount = amount;
    order.flag = true;
    return order;
}

static uint16_t pay_premium(const struct wallet_order *order)
{
    const uint16_t code = give(pay.rig, order);
    if (code == 0) {
        const uint32_t line = order->insutype == 390 ? LINE_PREMIUM_RESIDENT : LINE_PREMIUM_CARE;
        pay_rig_keep(&pay, order, PATIENT, line);
    }
    return code;
}

static uint16_t pay_for(int insured)
{
    const struct wallet_order order = pay_order(PATIENT, insured, DUE);
    return pay_premium(&order);
}

static uint16_t reverse(uint32_t reason, int64_t amount)
{
    struct wallet_order order = rig_order(pay.rig, MESSAGE_PREM_REVERSE);
    order.psn_key = rig_key_bytes(PATIENT);
    order.pay_id = bytes_of(pay.past.id);
    order.reason = reason;
    order.amount = amount;
    pay.rig->past = &pay.past;
    pay.rig->province = 36;
    const uint16_t code = give(pay.rig, &order);
    pay.rig->past = NULL;
    pay.rig->province = 0;
    if (code == 0) pay.past.reversed += pay.rig->decision.said.amount;
    return code;
}

/* -- quote and due ---------------------------------------------------------------------------- */

static void quote_by_rule(void **state)
{
    const struct wallet_order order = quote_order(CHILD);
    (void)state;
    assert_int_equal(give(pay.rig, &order), 0);
    assert_true(pay.rig->decision.nothing);
    assert_int_equal(pay.rig->decision.said.stas, STAS_DONE);
    assert_int_equal(pay.rig->decision.said.amount, DUE);
    assert_int_equal(pay.rig->decision.said.year, 2027);
}

static void quote_asks_the_province(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    (void)state;
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 0);
    const struct wallet_order quote = quote_order(STRANGER);
    assert_int_equal(give(pay.rig, &quote), 0);
    assert_int_equal(d->said.stas, STAS_ASKED);
    assert_int_equal(d->out_count, 1);
    assert_int_equal(d->out[0].type, OUT_PREM_ASK);
    assert_int_equal(d->out[0].dest, province_index(36));
    assert_int_equal(d->out[0].admdvs, NANCHANG);
    assert_int_equal(d->out[0].year, 2027);
    assert_int_equal(d->out[0].insutype, 390);
    assert_int_equal(row_of(STRANGER)->state, PREMIUM_ASKED);
    char first[CLIENT_NO_SIZE];
    memcpy(first, d->out[0].id, sizeof first);

    assert_int_equal(give(pay.rig, &quote), 0); /* Asked a moment ago. */
    assert_int_equal(d->said.stas, STAS_ASKED);
    assert_int_equal(d->out_count, 0);
    const struct wallet_order early = pay_order(PATIENT, STRANGER, DUE);
    assert_int_equal(give(pay.rig, &early), ERROR_NO_PREMIUM_DUE);
    rig_time(pay.rig, "2026-10-01T10:15:00");
    assert_int_equal(give(pay.rig, &quote), 0);
    assert_int_equal(d->out_count, 1);
    assert_string_not_equal(d->out[0].id, first);

    pay.rig->province = 36;
    struct wallet_order due = due_order(STRANGER, 38000);
    assert_int_equal(give(pay.rig, &due), 0);
    pay.rig->province = 0;
    assert_int_equal(give(pay.rig, &quote), 0);
    assert_int_equal(d->said.stas, STAS_DONE);
    assert_int_equal(d->said.amount, 38000);
    assert_string_equal(d->said.order_no, "ORDER-1");

    struct wallet_order elsewhere = quote_order(STRANGER);
    elsewhere.insu_admdvs = 430100; /* What one area said is not another's word. */
    assert_int_equal(give(pay.rig, &elsewhere), 0);
    assert_int_equal(d->said.stas, STAS_ASKED);

    due = due_order(STRANGER, 0);
    assert_int_equal(give(pay.rig, &due), 0);
    assert_int_equal(give(pay.rig, &quote), ERROR_NO_PREMIUM_DUE);
}

static void due_refused(void **state)
{
    (void)state;
    struct wallet_order due = due_order(CHILD, DUE);
    pay.rig->province = 51;
    assert_int_equal(give(pay.rig, &due), ERROR_SENDER_NOT_ALLOWED);
    pay.rig->province = 36;
    due.insutype = 310;
    assert_int_equal(give(pay.rig, &due), ERROR_PREMIUM_INSUTYPE);
    due.insutype = CARE;
    assert_int_equal(give(pay.rig, &due), ERROR_PREMIUM_NOT_CONNECTED);
    pay.rig->province = 0;
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    due = due_order(CHILD, DUE);
    assert_int_equal(give(pay.rig, &due), ERROR_PREMIUM_PAID);
}

static void quote_refused(void **state)
{
    struct wallet_order quote = quote_order(CHILD);
    (void)state;
    pay.rig->province = 36;
    assert_int_equal(give(pay.rig, &quote), ERROR_SENDER_NOT_ALLOWED);
    pay.rig->province = 0;
    quote.insutype = 310;
    assert_int_equal(give(pay.rig, &quote), ERROR_PREMIUM_INSUTYPE);
    quote.insutype = CARE;
    assert_int_equal(give(pay.rig, &quote), ERROR_PREMIUM_NOT_CONNECTED);
    quote.insutype = 390;
    quote.year = 2026;
    assert_int_equal(give(pay.rig, &quote), ERROR_PREMIUM_WINDOW);
    quote.year = 2027;
    rig_rule(pay.rig, PARAM_PREM_RESIDENT, NANCHANG, 0);
    assert_int_equal(give(pay.rig, &quote), ERROR_PREMIUM_NOT_CONNECTED);
    rig_rule(pay.rig, PARAM_PREM_RESIDENT, NANCHANG, 1);
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    assert_int_equal(give(pay.rig, &quote), ERROR_PREMIUM_PAID);
}

static uint16_t quote_at(const char *time, uint32_t year)
{
    struct wallet_order quote = quote_order(CHILD);
    quote.year = year;
    pay.rig->now_ms = shanghai_ms(time);
    return give(pay.rig, &quote);
}

static void window(void **state)
{
    (void)state;
    assert_int_equal(quote_at("2026-08-31T23:59:59.999", 2027), ERROR_PREMIUM_WINDOW);
    assert_int_equal(quote_at("2026-09-01T00:00:00", 2027), 0);
    assert_int_equal(quote_at("2026-09-01T00:00:00", 2028), ERROR_PREMIUM_WINDOW);
    assert_int_equal(quote_at("2026-12-31T23:59:59.999", 2027), 0);
    assert_int_equal(quote_at("2027-01-01T00:00:00", 2027), ERROR_PREMIUM_WINDOW);
    rig_rule(pay.rig, PARAM_PREM_TO, 360000, 228); /* Into the year itself. */
    assert_int_equal(quote_at("2027-01-01T00:00:00", 2027), 0);
    assert_int_equal(quote_at("2027-02-28T23:59:59.999", 2027), 0);
    assert_int_equal(quote_at("2027-03-01T00:00:00", 2027), ERROR_PREMIUM_WINDOW);
    assert_int_equal(quote_at("2026-08-31T23:59:59.999", 2027), ERROR_PREMIUM_WINDOW);
}

/* -- pay -------------------------------------------------------------------------------------- */

static void pays_for_a_relative(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    struct wallet_order order = pay_order(PATIENT, CHILD, DUE);
    (void)state;
    order.order_no = bytes_of("ORDER-1");
    assert_int_equal(pay_premium(&order), 0);
    assert_int_equal(d->said.id[0], 'P');
    assert_int_equal(d->said.amount, DUE);
    assert_int_equal(d->said.balc, 60000);
    assert_int_equal(d->said.year, 2027);
    assert_int_equal(d->said.period, 202610);
    assert_string_equal(d->said.order_no, "ORDER-1");
    assert_int_equal(d->debt_count, 2);
    expect_debt(&pay, 0, 530100, NANCHANG, LINE_PREMIUM_RESIDENT, 30000);
    expect_debt(&pay, 1, 520100, NANCHANG, LINE_PREMIUM_RESIDENT, 10000);
    assert_int_equal(d->ids[0].domain, ID_PAYMENT);

    assert_int_equal(d->out_count, 1);
    const struct outgoing *out = &d->out[0];
    assert_int_equal(out->type, OUT_PREM_ADVICE);
    assert_int_equal(out->dest, province_index(36));
    assert_string_equal(out->id, d->said.id);
    assert_string_equal(out->ref, "ORDER-1");
    assert_int_equal(out->amount, DUE);
    assert_int_equal(out->insutype, 390);
    assert_int_equal(out->year, 2027);
    assert_int_equal(out->line, LINE_PREMIUM_RESIDENT);
    assert_memory_equal(out->psn_key.bytes, rig_key_bytes(CHILD).data, PSN_KEY_SIZE);

    assert_int_equal(row_of(CHILD)->state, PREMIUM_CLAIMED);
    rig_deliver(pay.rig);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_PAID);
    assert_string_equal(row_of(CHILD)->pay_id, pay.past.id);
    assert_int_equal(row_of(CHILD)->due, DUE);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.consumed, 30000);
    const struct outgoing *consume = &pay.rig->out[pay.rig->out_count - 1];
    assert_int_equal(consume->type, OUT_PA_CONSUME);
    assert_int_equal(consume->insutype, 390);
    assert_int_equal(consume->year, 2027);
    assert_int_equal(pay_for(CHILD), ERROR_PREMIUM_PAID);
}

static void pays_for_oneself(void **state)
{
    (void)state;
    struct wallet_order order = pay_order(PATIENT, PATIENT, 18000);
    order.insu_admdvs = CHENGDU;
    order.insutype = CARE;
    rig_rule(pay.rig, PARAM_PREM_LTC, 510000, 1);
    rig_rule(pay.rig, PARAM_PREM_DUE, 510000, 18000);
    order.psn_key = (struct bytes){NULL, 0}; /* The wallet says who pays. */
    order.wlt_id = bytes_of(rig_person(pay.rig, PATIENT)->wallet.wlt_id);
    assert_int_equal(pay_premium(&order), 0);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_PREMIUM_CARE, 18000);
    rig_deliver(pay.rig);
    assert_int_equal(person_premium(rig_person(pay.rig, PATIENT), CARE, 2027)->state, PREMIUM_PAID);
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_PAID);
}

/* The debts go as the payer's insured area has it, through the payer's usage location. */
static void pays_through_the_usage_location(void **state)
{
    (void)state;
    rig_rule(pay.rig, PARAM_CLEAR_PATH, 510000, PATH_VIA_USE_LOC);
    assert_int_equal(pay_for(CHILD), 0);
    assert_int_equal(pay.rig->decision.debt_count, 4);
    expect_debt(&pay, 0, 530100, CHENGDU, LINE_PREMIUM_RESIDENT, 30000);
    expect_debt(&pay, 1, CHENGDU, NANCHANG, LINE_PREMIUM_RESIDENT, 30000);
    expect_debt(&pay, 3, CHENGDU, NANCHANG, LINE_PREMIUM_RESIDENT, 10000);
    rig_deliver(pay.rig);
    assert_int_equal(reverse(3, 10000), 0);
    expect_debt(&pay, 0, 520100, CHENGDU, LINE_PREMIUM_RESIDENT, -10000);
    expect_debt(&pay, 1, CHENGDU, NANCHANG, LINE_PREMIUM_RESIDENT, -10000);
}

static void first_stop_refuses(void **state)
{
    struct wallet_order order = pay_order(PATIENT, CHILD, DUE - 1);
    (void)state;
    order.flag = false; /* The insured person's side is asked before. */
    order.insutype = 310;
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_INSUTYPE);
    order.insu_admdvs = 0;
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_INSUTYPE);
    order.insu_admdvs = NANCHANG;
    order.insutype = CARE;
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_NOT_CONNECTED);
    order.insutype = 390;
    order.insu_admdvs = 0;
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_NOT_CONNECTED);
    order.insu_admdvs = NANCHANG;
    order.year = 2026;
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_WINDOW);
    order.year = 2027;
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 0);
    assert_int_equal(give(pay.rig, &order), ERROR_NO_PREMIUM_DUE);
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, DUE);
    assert_int_equal(give(pay.rig, &order), ERROR_PREMIUM_AMOUNT);
    assert_int_equal(pay.rig->decision.failures.list[0].want, DUE);
    assert_int_equal(rig_person(pay.rig, CHILD)->premium_count, 0);
    order.wlt_id = bytes_of("W12345678901234567890123456789");
    assert_int_equal(give(pay.rig, &order), ERROR_NO_WALLET);
}

static void payer_refuses(void **state)
{
    struct wallet_order order = pay_order(PATIENT, STRANGER, DUE);
    struct person *patient = rig_person(pay.rig, PATIENT);
    (void)state;
    pay.rig->province = 36;
    assert_int_equal(give(pay.rig, &order), ERROR_SENDER_NOT_ALLOWED);
    pay.rig->province = 0;
    order.flag = false;
    assert_int_equal(give(pay.rig, &order), ERROR_NO_COMMITMENT);
    order.flag = true;
    assert_int_equal(give(pay.rig, &order), ERROR_PAYER_NOT_ALLOWED);
    order = pay_order(PATIENT, CHILD, DUE);
    rig_rule(pay.rig, PARAM_PREM_FOR_RELATIVES, 510000, 0);
    assert_int_equal(give(pay.rig, &order), ERROR_PAYER_NOT_ALLOWED);
    rig_rule(pay.rig, PARAM_PREM_FOR_RELATIVES, 510000, 1);
    patient->wallet.state = WALLET_FROZEN;
    assert_int_equal(give(pay.rig, &order), ERROR_WALLET_CLOSED);
    patient->wallet.state = WALLET_OPEN;
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 100001);
    order.amount = 100001;
    assert_int_equal(give(pay.rig, &order), ERROR_WALLET_BALANCE);
    /* Nothing of it stays but the claim, which is its own. */
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, DUE);
    assert_int_equal(pay_for(CHILD), 0);
}

static void payer_without_wallet(void **state)
{
    (void)state;
    const struct wallet_order order = pay_order(STRANGER, STRANGER, DUE);
    assert_int_equal(give(pay.rig, &order), ERROR_NO_WALLET);
}

/* The child's money pays for the patient as well: the relation counts in both directions. */
static void receiver_pays_for_giver(void **state)
{
    (void)state;
    struct wallet_order order = pay_order(CHILD, PATIENT, DUE);
    assert_int_equal(give(pay.rig, &order), ERROR_WALLET_BALANCE);
}

static void lots_at_most(void **state)
{
    (void)state;
    for (int i = 0; i < PAY_LOTS_MAX; i++)
        pay_rig_lot(&pay, GIVER_SICHUAN, 1);
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 100000 + PAY_LOTS_MAX);
    struct wallet_order order = pay_order(PATIENT, CHILD, 100000 + PAY_LOTS_MAX);
    assert_int_equal(give(pay.rig, &order), ERROR_TOO_MANY);
}

/* -- claims ----------------------------------------------------------------------------------- */

static void one_claim_at_a_time(void **state)
{
    (void)state;
    const struct wallet_order broke = pay_order(CHILD, CHILD, DUE);
    assert_int_equal(give(pay.rig, &broke), ERROR_WALLET_BALANCE);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_CLAIMED);
    assert_int_equal(pay_for(CHILD), ERROR_PREMIUM_PAID); /* Another payer has the claim. */
    assert_int_equal(give(pay.rig, &broke), ERROR_WALLET_BALANCE);
    rig_time(pay.rig, "2026-10-01T10:14:59.999");
    assert_int_equal(pay_for(CHILD), ERROR_PREMIUM_PAID);
    rig_time(pay.rig, "2026-10-01T10:15:00");
    assert_int_equal(pay_for(CHILD), 0);
}

/* The province's word during a claim: the claim stays, the next payment has the new amount. */
static void due_during_a_claim(void **state)
{
    (void)state;
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 0);
    struct wallet_order due = due_order(CHILD, DUE);
    assert_int_equal(give(pay.rig, &due), 0);
    const struct wallet_order broke = pay_order(CHILD, CHILD, DUE);
    assert_int_equal(give(pay.rig, &broke), ERROR_WALLET_BALANCE);
    due.amount = DUE + 1;
    assert_int_equal(give(pay.rig, &due), 0);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_CLAIMED);
    rig_time(pay.rig, "2026-10-01T10:15:00"); /* A lapsed claim leaves what was due. */
    assert_int_equal(pay_for(CHILD), ERROR_PREMIUM_AMOUNT);
    const struct wallet_order order = pay_order(PATIENT, CHILD, DUE + 1);
    assert_int_equal(pay_premium(&order), 0);
}

/* An order number is the word of the area that gave it. */
static void claim_in_another_area(void **state)
{
    (void)state;
    const struct wallet_order due = due_order(CHILD, DUE);
    assert_int_equal(give(pay.rig, &due), 0);
    rig_rule(pay.rig, PARAM_PREM_DUE, 430000, DUE);
    struct wallet_order broke = pay_order(CHILD, CHILD, DUE);
    broke.insu_admdvs = 430100;
    assert_int_equal(give(pay.rig, &broke), ERROR_WALLET_BALANCE);
    struct wallet_order quote = quote_order(CHILD);
    quote.insu_admdvs = 430100;
    assert_int_equal(give(pay.rig, &quote), 0);
    assert_int_equal(pay.rig->decision.said.amount, DUE);
    assert_string_equal(pay.rig->decision.said.order_no, "");
}

/* A claim lapsed while its payment was on its way, and another one paid. */
static void second_payment_does_not_count(void **state)
{
    static struct person child;
    struct effect effect = {.kind = EFFECT_PREMIUM, .why = PREMIUM_PAID, .code = 390, .year = 2027};
    (void)state;
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    person_copy(&child, rig_person(pay.rig, CHILD));
    effect.to = child.key;
    memcpy(effect.id, "Pother", 7);
    wallet_receive(&effect, &pay.rig->params, pay.rig->now_ms, &child, &pay.rig->decision);
    assert_string_equal(person_premium(&child, 390, 2027)->pay_id, pay.past.id);
    effect.why = PREMIUM_REVERSED;
    wallet_receive(&effect, &pay.rig->params, pay.rig->now_ms, &child, &pay.rig->decision);
    assert_int_equal(person_premium(&child, 390, 2027)->state, PREMIUM_PAID);
}

static void too_many_years(void **state)
{
    static struct person child;
    struct wallet_fact fact;
    struct wallet_order order = pay_order(PATIENT, CHILD, DUE);
    const struct wallet_input input = {
        .order = &order, .params = &pay.rig->params, .now_ms = pay.rig->now_ms};
    (void)state;
    person_copy(&child, rig_person(pay.rig, CHILD));
    for (uint32_t i = 0; i < PREMIUMS_MAX; i++)
        child.premiums[i] = (struct premium_row){.insutype = CARE, .year = 2000 + i};
    child.premium_count = PREMIUMS_MAX;
    wallet_fact_of(&input, &child, &fact, &pay.rig->decision);
    assert_int_equal(fact.code, ERROR_TOO_MANY);
    assert_true(pay.rig->decision.nothing);
}

/* Nor has the province's word, or a question to it, a place then. What is there is answered. */
static void no_place_for_another_year(void **state)
{
    (void)state;
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 0);
    struct wallet_order order = due_order(CHILD, DUE);
    pay.rig->province = 36;
    for (order.year = 2100; order.year < 2100 + PREMIUMS_MAX; order.year++)
        assert_int_equal(give(pay.rig, &order), 0);
    assert_int_equal(give(pay.rig, &order), ERROR_TOO_MANY);
    order.year--;
    assert_int_equal(give(pay.rig, &order), 0);
    pay.rig->province = 0;
    order = quote_order(CHILD);
    assert_int_equal(give(pay.rig, &order), ERROR_TOO_MANY);
    assert_int_equal(pay.rig->decision.out_count, 0);
    assert_int_equal(rig_person(pay.rig, CHILD)->premium_count, PREMIUMS_MAX);
}

/* -- back ------------------------------------------------------------------------------------- */

static void refunds_in_parts(void **state)
{
    const struct wallet_decision *d = &pay.rig->decision;
    (void)state;
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    assert_int_equal(reverse(3, 15000), 0);
    assert_int_equal(d->said.id[0], 'V');
    assert_int_equal(d->said.year, 2027);
    expect_debt(&pay, 0, 530100, NANCHANG, LINE_PREMIUM_RESIDENT, -5000);
    expect_debt(&pay, 1, 520100, NANCHANG, LINE_PREMIUM_RESIDENT, -10000);
    rig_deliver(pay.rig);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_PAID);
    assert_int_equal(reverse(3, 25001), ERROR_ABOVE_PAYMENT);
    assert_int_equal(reverse(3, 0), 0);
    assert_int_equal(d->said.amount, 25000);
    rig_deliver(pay.rig);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_REVERSED);
    assert_int_equal(reverse(3, 0), ERROR_PREMIUM_REVERSED);
    assert_int_equal(person_balance(rig_person(pay.rig, PATIENT)), 100000);

    assert_int_equal(pay_for(CHILD), 0); /* The year is free again. */
    rig_deliver(pay.rig);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_PAID);
}

/* What a debt of it comes to is being disputed between provinces: it waits for that. */
static void disputed_premium_stays(void **state)
{
    static struct person after;
    struct wallet_fact fact = {.disputed = 1};
    (void)state;
    assert_int_equal(pay_for(CHILD), 0);
    struct wallet_order order = rig_order(pay.rig, MESSAGE_PREM_REVERSE);
    order.psn_key = rig_key_bytes(PATIENT);
    order.pay_id = bytes_of(pay.past.id);
    order.reason = 3;
    const struct wallet_input input = {.order = &order,
                                       .fact = &fact,
                                       .params = &pay.rig->params,
                                       .past = &pay.past,
                                       .now_ms = pay.rig->now_ms};
    person_copy(&after, rig_person(pay.rig, PATIENT));
    wallet_judge(&input, &after, &pay.rig->decision);
    assert_int_equal(pay.rig->decision.failures.count, 1);
    assert_int_equal(pay.rig->decision.failures.list[0].code, ERROR_PAYMENT_DISPUTED);
    fact.disputed = 0;
    wallet_judge(&input, &after, &pay.rig->decision);
    assert_int_equal(pay.rig->decision.failures.count, 0);
}

/* What a province said before is no longer due when its premium went back: it is asked anew. */
static void asked_anew_after_a_refund(void **state)
{
    (void)state;
    rig_rule(pay.rig, PARAM_PREM_DUE, 360000, 0);
    const struct wallet_order due = due_order(CHILD, DUE);
    assert_int_equal(give(pay.rig, &due), 0);
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    assert_int_equal(reverse(3, 0), 0);
    rig_deliver(pay.rig);
    assert_int_equal(pay_for(CHILD), ERROR_NO_PREMIUM_DUE);
    const struct wallet_order quote = quote_order(CHILD);
    assert_int_equal(give(pay.rig, &quote), 0);
    assert_int_equal(pay.rig->decision.said.stas, STAS_ASKED);
}

static void refund_refused(void **state)
{
    (void)state;
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    pay.past.found = false;
    assert_int_equal(reverse(3, 0), ERROR_NO_PREMIUM);
    pay.past.found = true;
    pay.past.type = MESSAGE_WLT_PAY;
    assert_int_equal(reverse(3, 0), ERROR_NO_PREMIUM);
    pay.past.type = MESSAGE_PREM_PAY;
    pay.past.place = 430100;
    assert_int_equal(reverse(3, 0), ERROR_SENDER_NOT_ALLOWED);
    pay.past.place = NANCHANG;
    assert_int_equal(reverse(5, 0), ERROR_MALFORMED);
    pay.past.person = rig_key(STRANGER);
    assert_int_equal(reverse(3, 0), ERROR_NO_PREMIUM);
    pay.past.person = rig_key(PATIENT);
    rig_time(pay.rig, "2026-12-31T23:59:59.999");
    assert_int_equal(reverse(3, 1), 0);
    rig_time(pay.rig, "2027-01-01T00:00:00");
    assert_int_equal(reverse(2, 1), ERROR_COVERAGE_BEGAN);
    assert_int_equal(reverse(3, 1), ERROR_COVERAGE_BEGAN);
    assert_int_equal(reverse(1, 1), 0);
    assert_int_equal(reverse(4, 1), 0);
    rig_rule(pay.rig, PARAM_PREM_REFUND_STARTED, 510000, 1);
    assert_int_equal(reverse(2, 1), ERROR_COVERAGE_BEGAN); /* The insured area's rule counts. */
    rig_rule(pay.rig, PARAM_PREM_REFUND_STARTED, 360000, 1);
    assert_int_equal(reverse(2, 1), 0);
}

static void insured_area_refuses(void **state)
{
    (void)state;
    assert_int_equal(pay_for(CHILD), 0);
    rig_deliver(pay.rig);
    assert_int_equal(reverse(4, 0), 0);
    assert_int_equal(pay.rig->decision.said.stas, STAS_REFUSED);
    rig_deliver(pay.rig);
    assert_int_equal(row_of(CHILD)->state, PREMIUM_REVERSED);
    assert_int_equal(rig_person(pay.rig, GIVER_YUNNAN)->hold.consumed, 0);
}

#define RIGGED(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(quote_by_rule),
        RIGGED(quote_asks_the_province),
        RIGGED(due_refused),
        RIGGED(quote_refused),
        RIGGED(window),
        RIGGED(pays_for_a_relative),
        RIGGED(pays_for_oneself),
        RIGGED(pays_through_the_usage_location),
        RIGGED(first_stop_refuses),
        RIGGED(payer_refuses),
        RIGGED(payer_without_wallet),
        RIGGED(receiver_pays_for_giver),
        RIGGED(lots_at_most),
        RIGGED(one_claim_at_a_time),
        RIGGED(due_during_a_claim),
        RIGGED(claim_in_another_area),
        RIGGED(second_payment_does_not_count),
        RIGGED(too_many_years),
        RIGGED(no_place_for_another_year),
        RIGGED(refunds_in_parts),
        RIGGED(disputed_premium_stays),
        RIGGED(asked_anew_after_a_refund),
        RIGGED(refund_refused),
        RIGGED(insured_area_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
