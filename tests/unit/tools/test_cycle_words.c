/* Pure parts of the cycle's commands: ageing, the agenda's groups, what is next, what to do. */
#include <string.h>

#include "tests/lib/unit.h"
#include "tools/client/table.h"
#include "tools/qingfen/advice.h"
#include "tools/qingfen/ageing.h"
#include "tools/qingfen/agenda.h"
#include "types/error.h"

static void ages_change_at_their_bounds(void **state)
{
    (void)state;
    static const struct {
        uint32_t late_wd;
        enum age age;
    } bounds[] = {
        {0, AGE_NOT_DUE}, {1, AGE_1_5},    {5, AGE_1_5},    {6, AGE_6_10},           {10, AGE_6_10},
        {11, AGE_11_20},  {20, AGE_11_20}, {21, AGE_OLDER}, {UINT32_MAX, AGE_OLDER},
    };
    for (size_t i = 0; i < sizeof(bounds) / sizeof(bounds[0]); i++) {
        assert_int_equal(age_of(bounds[i].late_wd), bounds[i].age);
    }
}

static void open_money_is_summed_by_payer_and_age(void **state)
{
    (void)state;
    struct ageing ageing = {0};
    ageing_add(&ageing, 34, 0, 100);
    ageing_add(&ageing, 34, 3, 20);
    ageing_add(&ageing, 34, 5, 3);
    ageing_add(&ageing, 31, 4, 1000);
    ageing_add(&ageing, 34, 4, 0);    /* Nothing left of it. */
    ageing_add(&ageing, 34, 4, -5);   /* Nor here. */
    ageing_add(&ageing, 0, 30, 7);    /* The clearing account, */
    ageing_add(&ageing, 9999, 30, 2); /* and what is no province. */
    const struct ageing_cell *cell = &ageing.cells[province_index(34)][AGE_1_5];
    assert_int_equal(cell->notices, 2);
    assert_int_equal(cell->amount, 23);
    assert_int_equal(ageing.cells[PROVINCE_COUNT][AGE_OLDER].amount, 9);
    assert_int_equal(ageing_total(&ageing, AGE_NOT_DUE).amount, 100);
    assert_int_equal(ageing_total(&ageing, AGE_1_5).notices, 3);
    assert_int_equal(ageing_total(&ageing, AGE_1_5).amount, 1023);
    assert_int_equal(ageing_total(&ageing, AGE_6_10).notices, 0);
}

static void the_agenda_has_its_groups(void **state)
{
    (void)state;
    assert_int_equal(agenda_group_of("TODAY"), AGENDA_TODAY);
    assert_int_equal(agenda_group_of("LATE"), AGENDA_LATE);
    assert_int_equal(agenda_group_of("ALARM"), AGENDA_ALARM);
    assert_int_equal(agenda_group_of("COMING"), AGENDA_COMING);
    assert_int_equal(agenda_group_of("DONE"), AGENDA_DONE);
    assert_int_equal(agenda_group_of("of a newer engine"), AGENDA_ALARM);
}

static void every_key_of_the_agenda_has_its_text(void **state)
{
    (void)state;
    static const char *const keys[] = {
        "recon",        "confirm",      "compute",         "sign",          "notice",
        "file",         "transfer",     "feedback",        "dispute-reply", "dispute-resolve",
        "hold-overage", "prefund-year", "prefund-yellow",  "prefund-red",   "emergency",
        "year-cut",     "objection",    "emergency-window"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        const char *text = agenda_text(keys[i]);
        assert_string_not_equal(text, keys[i]);
        /* With its Chinese term, and short enough for a line of the calendar. */
        assert_true(text_columns(text) < strlen(text));
        assert_in_range(text_columns(text), 1, 30);
    }
    assert_string_equal(agenda_text("something else"), "something else");
}

static void refusals_say_what_to_do(void **state)
{
    (void)state;
    static const uint32_t codes[] = {
        ERROR_SENDER_NOT_ALLOWED, ERROR_MSGID_REUSED,   ERROR_TOTALS_DIFFER,   ERROR_PERIOD_ORDER,
        ERROR_RECON_OPEN,         ERROR_DIGEST_DIFFERS, ERROR_DEADLINE,        ERROR_NOT_YOURS,
        ERROR_NOTICE_UNKNOWN,     ERROR_PAID_AMOUNT,    ERROR_BANK_REF_REUSED, ERROR_PREFUND_RULE,
        ERROR_WRONG_STATE,        ERROR_DEDUCTION,      ERROR_NUMBER_REUSED,   ERROR_SETTING,
        ERROR_AMBIGUOUS,          ERROR_LEDGER,         ERROR_NOT_FOUND};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_non_null(advice_for(codes[i]));
        assert_in_range(text_columns(advice_for(codes[i])), 1, 86);
    }
    /* Everything that wallets and premiums may be answered. */
    for (uint32_t code = ERROR_PHARMACY_SWITCH; code <= ERROR_COVERAGE_BEGAN; code++) {
        if (strcmp(error_text(code), "unknown code") == 0) continue;
        if (advice_for(code) == NULL) fail_msg("%u", code);
        assert_in_range(text_columns(advice_for(code)), 1, 86);
    }
    assert_null(advice_for(ERROR_OK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ages_change_at_their_bounds),
        cmocka_unit_test(open_money_is_summed_by_payer_and_age),
        cmocka_unit_test(the_agenda_has_its_groups),
        cmocka_unit_test(every_key_of_the_agenda_has_its_text),
        cmocka_unit_test(refusals_say_what_to_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
