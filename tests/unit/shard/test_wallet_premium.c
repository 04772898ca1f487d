/* Premiums through two shards: paid, refused by the insured area, taken back, with and without a
 * crash on the way. */
#include "tests/lib/story_rig.h"
#include "tests/lib/unit.h"

static struct wallet_order premium_order(int payer, int insured, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_PREM_PAY);
    o.psn_key = story_key_bytes(payer);
    o.other_key = story_key_bytes(insured);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = amount;
    o.flag = true;
    return o;
}

static struct story_answer pay_premium(int payer, int insured, int64_t amount)
{
    const struct wallet_order o = premium_order(payer, insured, amount);
    return story_send(payer, &o, 0);
}

static struct story_answer reverse_premium(const char *pay_id, uint32_t reason)
{
    struct wallet_order o = order_new(MESSAGE_PREM_REVERSE);
    o.pay_id = bytes_of(pay_id);
    o.client_no = bytes_of(order_number("V"));
    o.reason = reason;
    o.sender_admdvs = SICHUAN;
    return story_send(RECEIVER, &o, 51);
}

static void premium_due(void)
{
    struct wallet_order o = order_new(MESSAGE_PREM_DUE);
    o.psn_key = story_key_bytes(RECEIVER);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = 40000;
    story_done(story_send(RECEIVER, &o, 51));
}

static void premium(void)
{
    uint64_t count;
    story_fill();
    premium_due();
    assert_int_equal(pay_premium(RECEIVER, RECEIVER, 30000).code, ERROR_PREMIUM_AMOUNT);
    const struct story_answer paid = story_done(pay_premium(RECEIVER, RECEIVER, 40000));
    assert_int_equal(story_cell_sum(LINE_PREMIUM_RESIDENT, &count), 40000);
    story_check_giver(110000, 40000);
    story_done(reverse_premium(paid.id, 1));
    assert_int_equal(story_cell_sum(LINE_PREMIUM_RESIDENT, &count), 0);
    story_check_giver(150000, 0);
    premium_due();
    const struct story_answer again = story_done(pay_premium(RECEIVER, RECEIVER, 40000));
    assert_string_not_equal(again.id, paid.id); /* The year is free again. */
    story_check_giver(110000, 40000);
    story_replay();
}

static void premium_paid_and_taken_back(void **state)
{
    (void)state;
    premium();
}

/* The insured area did not want the money: who asks again hears so, and may pay anew. */
static void premium_the_area_refused(void **state)
{
    (void)state;
    story_fill();
    premium_due();
    const struct wallet_order o = premium_order(RECEIVER, RECEIVER, 40000);
    const struct story_answer paid = story_done(story_send(RECEIVER, &o, 0));
    assert_true(story_send(RECEIVER, &o, 0).dup);
    story_done(reverse_premium(paid.id, 4));
    assert_int_equal(story_send(RECEIVER, &o, 0).code, ERROR_PREMIUM_REFUSED);
    premium_due();
    story_done(pay_premium(RECEIVER, RECEIVER, 40000));
    story_replay();
}

static void premium_lost(void **state)
{
    (void)state;
    story_mishap = MISHAP_LOST;
    premium();
}

static void premium_landed(void **state)
{
    (void)state;
    story_mishap = MISHAP_LANDED;
    premium();
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, story_set_up, story_tear_down)
    const struct CMUnitTest tests[] = {
        T(premium_paid_and_taken_back),
        T(premium_the_area_refused),
        T(premium_lost),
        T(premium_landed),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
