/* What every order must look like before its chapter reads it. */
#include "tests/lib/unit.h"
#include "types/wire.h"
#include "wallet/wallet.h"

static const uint8_t key[PSN_KEY_SIZE] = {1};
#define KEY ((struct bytes){key, sizeof key})

static struct wallet_order sound_submit(void)
{
    return (struct wallet_order){
        .type = MESSAGE_TRSF_SUBMIT,
        .msgid = bytes_of("M1"),
        .client_no = bytes_of("C1"),
        .psn_key = KEY,
        .other_key = KEY,
        .src = 1,
        .amount = 100,
    };
}

/* The only failure is this one. */
static void fails(const struct wallet_order *order, uint32_t field, enum check check)
{
    struct failures failures = {.count = 0};
    wallet_order_check(order, &failures);
    assert_int_equal(failures.count, 1);
    assert_int_equal(failures.list[0].code, ERROR_MALFORMED);
    assert_int_equal(failures.list[0].field, field);
    assert_int_equal(failures.list[0].check, check);
}

static void passes(const struct wallet_order *order)
{
    struct failures failures = {.count = 0};
    wallet_order_check(order, &failures);
    assert_int_equal(failures.count, 0);
}

static void a_sound_order_has_no_failure(void **state)
{
    struct wallet_order order = sound_submit();
    (void)state;
    passes(&order);
    order.amount = 0; /* The rules' own code. */
    passes(&order);
    order.amount = -5;
    passes(&order);
}

static void what_must_be_there_is_asked_for(void **state)
{
    struct wallet_order order = sound_submit();
    (void)state;
    order.msgid = (struct bytes){0};
    fails(&order, 1, CHECK_MISSING);
    order = sound_submit();
    order.other_key = (struct bytes){0};
    fails(&order, 11, CHECK_MISSING);
    order = sound_submit();
    order.src = 0;
    fails(&order, 5, CHECK_MISSING);
}

static void one_of_two_ways_to_name_a_person_is_enough(void **state)
{
    struct wallet_order order = sound_submit();
    (void)state;
    order.psn_key = (struct bytes){0};
    fails(&order, 2, CHECK_MISSING);
    order.wlt_id = bytes_of("W123456780123456789abcdef");
    passes(&order);

    order = (struct wallet_order){.type = MESSAGE_WLT_PAY_REVERSE,
                                  .msgid = bytes_of("M"),
                                  .client_no = bytes_of("V"),
                                  .mdtrtarea_admvs = 340100,
                                  .setl_id = bytes_of("S")};
    fails(&order, 4, CHECK_MISSING); /* A settlement's number is its person's. */
    order.psn_key = KEY;
    passes(&order);
    order.setl_id = (struct bytes){0};
    fails(&order, 2, CHECK_MISSING);
    order.psn_key = (struct bytes){0};
    order.pay_id = bytes_of("P1");
    passes(&order);
}

static void ids_and_keys_have_their_length(void **state)
{
    struct wallet_order order = sound_submit();
    (void)state;
    order.client_no = bytes_of("1234567890123456789012345678901");
    fails(&order, 3, CHECK_LENGTH);
    order.client_no = bytes_of("123456789012345678901234567890");
    passes(&order);
    order.client_no = bytes_of("a b");
    fails(&order, 3, CHECK_CHARSET);
    order = sound_submit();
    order.psn_key.size = 15;
    fails(&order, 4, CHECK_LENGTH);
}

/* At every place of ids of every length. */
static void ids_can_be_seen(void **state)
{
    static const char unseen[] = {' ', '\x7f', '\x1f', '\0', '\x80', '\xff'};
    struct wallet_order order = sound_submit();
    (void)state;
    for (size_t size = 1; size <= 30; size++) {
        char text[30];
        memset(text, '~', sizeof text);
        order.client_no = (struct bytes){(const uint8_t *)text, size};
        passes(&order);
        for (size_t i = 0; i < size * sizeof unseen; i++) {
            text[i % size] = unseen[i / size];
            fails(&order, 3, CHECK_CHARSET);
            text[i % size] = '!';
        }
    }
}

static void texts_are_utf8(void **state)
{
    struct wallet_order order = {.type = MESSAGE_WLT_FREEZE,
                                 .msgid = bytes_of("M"),
                                 .client_no = bytes_of("D"),
                                 .psn_key = KEY,
                                 .reason_text = bytes_of("冻结 one")};
    (void)state;
    passes(&order);
    order.reason_text = bytes_of("\xff");
    fails(&order, 14, CHECK_CHARSET);
    order.reason_text = (struct bytes){(const uint8_t *)"", 0};
    passes(&order);
    static const char long_text[] = "0123456789012345678901234567890123456789012345678901234567890"
                                    "123456789012345678901234567890";
    order.reason_text = bytes_of(long_text);
    fails(&order, 14, CHECK_LENGTH);
}

static void numbers_have_their_bounds(void **state)
{
    struct wallet_order order = sound_submit();
    (void)state;
    order.src = 3;
    fails(&order, 5, CHECK_RANGE);
    order = sound_submit();
    order.amount = INT64_C(10000000000001);
    fails(&order, 21, CHECK_RANGE);
    order.amount = -INT64_C(10000000000001);
    fails(&order, 21, CHECK_RANGE);
    order.amount = INT64_C(10000000000000);
    passes(&order);

    order = (struct wallet_order){.type = MESSAGE_PREM_QUOTE,
                                  .msgid = bytes_of("M"),
                                  .psn_key = KEY,
                                  .insu_admdvs = 340100,
                                  .insutype = 390,
                                  .year = 2026};
    passes(&order);
    order.year = 26;
    fails(&order, 26, CHECK_RANGE);
    order.year = 2026;
    order.insu_admdvs = 3401;
    fails(&order, 6, CHECK_RANGE);
    order.insu_admdvs = 710000;
    fails(&order, 6, CHECK_KNOWN);
}

static void amounts_paid_are_not_below_zero(void **state)
{
    struct wallet_order order = {.type = MESSAGE_WLT_PAY,
                                 .msgid = bytes_of("M"),
                                 .psn_key = KEY,
                                 .setl_id = bytes_of("S"),
                                 .fixmedins_code = bytes_of("H34010000001"),
                                 .mdtrtarea_admvs = 340100,
                                 .use = 1,
                                 .amount = 1};
    (void)state;
    passes(&order);
    order.amount = -1;
    fails(&order, 21, CHECK_RANGE);
    order.amount = 0; /* The rules' own code. */
    passes(&order);
    order.amount = 1;
    order.fixmedins_code = bytes_of("H340100000012");
    fails(&order, 5, CHECK_LENGTH);
}

static void days_are_days_of_the_calendar(void **state)
{
    struct wallet_order order = {.type = MESSAGE_FILING_PUSH,
                                 .msgid = bytes_of("M"),
                                 .name = bytes_of("F"),
                                 .psn_key = KEY,
                                 .insu_admdvs = 340100,
                                 .place = 110100,
                                 .from = 20240229};
    (void)state;
    passes(&order);
    order.from = 20230229;
    fails(&order, 18, CHECK_RANGE);
    order.from = UINT32_MAX;
    fails(&order, 18, CHECK_RANGE);
    order.from = 20240229;
    order.to = 7;
    fails(&order, 19, CHECK_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_order_has_no_failure),
        cmocka_unit_test(what_must_be_there_is_asked_for),
        cmocka_unit_test(one_of_two_ways_to_name_a_person_is_enough),
        cmocka_unit_test(ids_and_keys_have_their_length),
        cmocka_unit_test(ids_can_be_seen),
        cmocka_unit_test(texts_are_utf8),
        cmocka_unit_test(numbers_have_their_bounds),
        cmocka_unit_test(amounts_paid_are_not_below_zero),
        cmocka_unit_test(days_are_days_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
