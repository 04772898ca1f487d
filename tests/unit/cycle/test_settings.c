/* Settings: names, ranges, and from when a change holds. */
#include <stdio.h>

#include "cycle/settings.h"
#include "tests/lib/unit.h"
#include "tests/unit/cycle/row_rig.h"

static struct row_rig rig;

static uint16_t give(uint32_t sender, const char *name, int64_t value, int64_t from_ms)
{
    struct order order = row_rig_order(&rig, MESSAGE_SETTING_SET, sender);
    (void)snprintf(order.bank_ref, sizeof order.bank_ref, "%s", name);
    order.amount = value;
    order.at_ms = from_ms;
    return row_rig_give(&rig, &order);
}

static void names_and_ranges(void **state)
{
    (void)state;
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = setting_info((enum setting)i);
        assert_int_equal(setting_by_name(info->name), i);
        assert_in_range(info->value, info->least, info->greatest);
        assert_true(strlen(info->name) < sizeof((struct setting_row *)0)->name);
        assert_true(setting_day_sound((enum setting)i, info->value));
    }
    assert_int_equal(setting_by_name(""), SETTING_COUNT);
    assert_int_equal(setting_by_name("prefund"), SETTING_COUNT);
}

static void a_change_holds_from_its_instant(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260302);
    const int64_t later = row_rig_noon(20260401);
    assert_int_equal(give(0, "prefund.red_bp", 8000, later), ERROR_OK);
    assert_string_equal(rig.decision.ref, "prefund.red_bp");
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_RED_BP, later - 1), 9000);
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_RED_BP, later), 8000);
    assert_int_equal(give(0, "prefund.red_bp", 8500, 0), ERROR_OK); /* Now. */
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_RED_BP, rig.now_ms - 1), 9000);
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_RED_BP, rig.now_ms), 8500);
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_RED_BP, later), 8000);
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_YELLOW_BP, later), 7000);
    /* The same instant again: another value takes its place. */
    assert_int_equal(give(0, "prefund.red_bp", 9500, later), ERROR_OK);
    assert_int_equal(setting_at(rig.cycle, SETTING_PREFUND_RED_BP, later), 9500);
    row_rig_close(&rig);
}

static void the_same_change_again(void **state)
{
    (void)state;
    row_rig_open(&rig, 20260302);
    const int64_t later = row_rig_noon(20260401);
    assert_int_equal(give(0, "sign.timeout_is_consent", 1, later), ERROR_OK);
    assert_int_equal(give(0, "sign.timeout_is_consent", 1, later), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_string_equal(rig.decision.ref, "sign.timeout_is_consent");
    row_rig_day(&rig, 20260402); /* Also when its instant has passed. */
    assert_int_equal(give(0, "sign.timeout_is_consent", 1, later), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(give(0, "sign.timeout_is_consent", 0, later), ERROR_SETTING);
    assert_int_equal(cycle_count(rig.cycle, ROW_SETTING), 1);
    row_rig_close(&rig);
}

static void refusals(void **state)
{
    static const struct {
        const char *name;
        int64_t value;
        uint16_t code;
    } cases[] = {
        {"prefund.months", 0, ERROR_OK},
        {"prefund.months", 12, ERROR_OK},
        {"prefund.months", 13, ERROR_SETTING},
        {"prefund.months", -1, ERROR_SETTING},
        {"prefund.months", INT64_MAX, ERROR_SETTING},
        {"prefund.month", 2, ERROR_SETTING},
        {"", 2, ERROR_SETTING},
        {"clearing.year_cut", 331, ERROR_OK},
        {"clearing.year_cut", 100, ERROR_SETTING},
        {"clearing.year_cut", 200, ERROR_SETTING},
        {"clearing.year_cut", 232, ERROR_SETTING},
        {"clearing.year_cut", 1231, ERROR_OK},
        {"prefund.year_day", 199, ERROR_SETTING},
    };
    (void)state;
    row_rig_open(&rig, 20260302);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (give(0, cases[i].name, cases[i].value, 0) != cases[i].code)
            fail_msg("%s %lld", cases[i].name, (long long)cases[i].value);
    }
    assert_int_equal(give(34, "prefund.months", 2, 0), ERROR_SENDER_NOT_ALLOWED);
    assert_int_equal(give(0, "prefund.months", 2, rig.now_ms - 1), ERROR_SETTING);
    assert_int_equal(give(0, "prefund.months", 2, rig.now_ms), ERROR_OK);
    assert_int_equal(give(0, "prefund.months", 2, rig.now_ms * 1000), ERROR_SETTING);
    assert_int_equal(give(0, "prefund.months", 2, INT64_MAX), ERROR_SETTING);
    assert_int_equal(give(0, "prefund.months", 2, INT64_MIN), ERROR_SETTING);
    assert_int_equal(give(0, "prefund.months", 2, INT64_C(4102416000000)), ERROR_OK); /* 2100. */
    assert_int_equal(give(0, "prefund.months", 2, INT64_C(4102416000001)), ERROR_SETTING);
    row_rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_ranges),
        cmocka_unit_test(a_change_holds_from_its_instant),
        cmocka_unit_test(the_same_change_again),
        cmocka_unit_test(refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
