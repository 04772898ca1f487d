#include "tests/unit/wallet/pay_rig.h"

#include <stdio.h>

#include "tests/lib/unit.h"
#include "types/cell.h"
#include "types/wire.h"

void pay_rig_begin(struct pay_rig *pay)
{
    memset(pay, 0, sizeof *pay);
    pay->rig = rig_new();
    rig_rule(pay->rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    rig_rule(pay->rig, PARAM_PENDING_SCOPE, 0, PENDING_NONE);
    rig_rule(pay->rig, PARAM_TRSF_MAX_COUNT, 0, 1000);
    rig_rule(pay->rig, PARAM_TRSF_MAX_SUM, 0, 1000000000);
    pay->hospital = (struct institution){
        .fixmedins_code = "H51010000001", .admdvs = CHENGDU, .version = 1, .level_wallet = 1};
    pay->rig->institution = &pay->hospital;

    static const struct {
        int who;
        uint32_t area;
        uint32_t insutype;
    } persons[] = {
        {PATIENT, CHENGDU, 310},      {GIVER_YUNNAN, 530100, 310}, {GIVER_GUIZHOU, 520100, 310},
        {GIVER_SICHUAN, 510700, 310}, {CHILD, 360100, 390},
    };
    for (size_t i = 0; i < sizeof persons / sizeof persons[0]; i++)
        assert_int_equal(rig_open(pay->rig, persons[i].who, persons[i].area, persons[i].insutype),
                         0);
    for (int giver = GIVER_YUNNAN; giver <= GIVER_SICHUAN; giver++) {
        assert_int_equal(rig_grant(pay->rig, giver, 100000000), 0);
        assert_int_equal(rig_bind(pay->rig, giver, PATIENT), 0);
    }
    assert_int_equal(rig_bind(pay->rig, PATIENT, CHILD), 0);
    rig_deliver(pay->rig);
}

void pay_rig_end(struct pay_rig *pay)
{
    rig_free(pay->rig);
}

int pay_rig_set_up(void **state)
{
    pay_rig_begin(*state);
    return 0;
}

int pay_rig_tear_down(void **state)
{
    pay_rig_end(*state);
    return 0;
}

void pay_rig_lot(struct pay_rig *pay, int giver, int64_t amount)
{
    const uint16_t province = pay->rig->province;
    pay->rig->province = 0;
    rig_pass(pay->rig, giver, PATIENT, 1, amount);
    pay->rig->province = province;
}

struct wallet_order pay_rig_order(struct pay_rig *pay, int64_t amount)
{
    struct wallet_order order = rig_order(pay->rig, MESSAGE_WLT_PAY);
    snprintf(pay->setl_id, sizeof pay->setl_id, "S%u", ++pay->next_number);
    order.psn_key = rig_key_bytes(PATIENT);
    order.setl_id = order.medins_setl_id = bytes_of(pay->setl_id);
    order.fixmedins_code = bytes_of(pay->hospital.fixmedins_code);
    order.mdtrtarea_admvs = CHENGDU;
    order.use = 1;
    order.amount = amount;
    return order;
}

void pay_rig_keep(struct pay_rig *pay, const struct wallet_order *order, int payer, uint32_t line)
{
    const struct wallet_decision *d = &pay->rig->decision;
    struct wallet_past *past = &pay->past;
    *past = (struct wallet_past){
        .found = true,
        .type = order->type,
        .person = rig_key(payer),
        .amount = d->said.amount,
        .place = line == LINE_WALLET_CARE ? order->mdtrtarea_admvs : order->insu_admdvs,
        .line = line,
        .insutype = order->insutype,
        .year = order->year,
        .used_count = d->used_count,
    };
    memcpy(past->id, d->said.id, sizeof past->id);
    memcpy(past->used, d->used, d->used_count * sizeof d->used[0]);
    if (order->other_key.size == PSN_KEY_SIZE) {
        memcpy(past->other.bytes, order->other_key.data, PSN_KEY_SIZE);
    }
    for (uint32_t i = 0; i < d->debt_count; i++) {
        if (d->debts[i].payee_admdvs != past->place) past->via = d->debts[i].payee_admdvs;
    }
}

uint16_t pay_rig_pay(struct pay_rig *pay, const struct wallet_order *order)
{
    pay->rig->province = (uint16_t)(order->mdtrtarea_admvs / 10000);
    const uint16_t code = give(pay->rig, order);
    pay->rig->province = 0;
    if (code == 0) pay_rig_keep(pay, order, PATIENT, LINE_WALLET_CARE);
    return code;
}

uint16_t pay_rig_now(struct pay_rig *pay, int64_t amount)
{
    const struct wallet_order order = pay_rig_order(pay, amount);
    return pay_rig_pay(pay, &order);
}

int64_t pay_rig_balance(const struct pay_rig *pay)
{
    return person_balance(rig_person(pay->rig, PATIENT));
}

struct wallet_order pay_rig_reversal(struct pay_rig *pay, int64_t amount)
{
    struct wallet_order order = rig_order(pay->rig, MESSAGE_WLT_PAY_REVERSE);
    order.psn_key = rig_key_bytes(PATIENT);
    order.pay_id = bytes_of(pay->past.id);
    order.mdtrtarea_admvs = pay->past.place;
    order.amount = amount;
    return order;
}

uint16_t pay_rig_reverse(struct pay_rig *pay, int64_t amount)
{
    const struct wallet_order order = pay_rig_reversal(pay, amount);
    pay->rig->past = &pay->past;
    pay->rig->province = (uint16_t)(pay->past.place / 10000);
    const uint16_t code = give(pay->rig, &order);
    pay->rig->past = NULL;
    pay->rig->province = 0;
    if (code == 0) pay->past.reversed += pay->rig->decision.said.amount;
    return code;
}

void expect_debt(const struct pay_rig *pay, uint32_t i, uint32_t payer, uint32_t payee,
                 uint32_t line, int64_t amount)
{
    const struct wallet_debt *debt = &pay->rig->decision.debts[i];
    assert_true(i < pay->rig->decision.debt_count);
    assert_int_equal(debt->payer_admdvs, payer);
    assert_int_equal(debt->payee_admdvs, payee);
    assert_int_equal(debt->line, line);
    assert_int_equal(debt->insutype, 310);
    assert_int_equal(debt->amount, amount);
}
