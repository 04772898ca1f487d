/* What a settlement has to do with a wallet: wlt_pay in it, and the switches and filings that it is
 * held to. */
#include "tests/lib/unit.h"
#include "tests/unit/wallet/pay_rig.h"
#include "types/cell.h"
#include "types/wire.h"

static struct pay_rig pay;

#define RIGGED(test) \
    cmocka_unit_test_prestate_setup_teardown(test, pay_rig_set_up, pay_rig_tear_down, &pay)

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIGGED(pays_with_a_settlement),
        RIGGED(settlement_refused),
        RIGGED(pharmacy_switch),
        RIGGED(filings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
