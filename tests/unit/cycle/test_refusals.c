/* Orders that no chapter takes: months that are none, provinces that are none, and what keeps a
 * year open. Nothing is put by any of them: the rig asks. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/unit.h"

#define AH 34
#define SH 31

static struct cycle_rig rig;

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260501);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

static void assert_refused(const struct order *order, uint16_t code, const char *why)
{
    assert_int_equal(cycle_rig_give(&rig, order), code);
    if (strstr(rig.decision.text, why) == NULL) fail_msg("said '%s'", rig.decision.text);
}

static void what_is_no_month(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        uint16_t sender;
        uint16_t code;
    } orders[] = {
        {MESSAGE_PERIOD_CUT, 0, ERROR_PERIOD_ORDER},
        {MESSAGE_BATCH_STEP, 0, ERROR_PERIOD_ORDER},
        {MESSAGE_BATCH_SIGN, AH, ERROR_PERIOD_ORDER},
        {MESSAGE_RECON_DAY, AH, ERROR_MALFORMED},
    };
    static const uint32_t months[] = {0, 2026, 202600, 202613};
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        for (size_t k = 0; k < sizeof months / sizeof months[0]; k++) {
            struct order order = cycle_rig_order(&rig, orders[i].type, orders[i].sender);
            order.period = months[k];
            order.step = STEP_COMPUTE;
            assert_refused(&order, orders[i].code, "is no month");
        }
    }
}

static void what_is_no_order_and_no_province(void **state)
{
    (void)state;
    struct order order = cycle_rig_order(&rig, MESSAGE_STATUS_GET, 0);
    assert_refused(&order, ERROR_UNKNOWN_TYPE, "no order of the clearing cycle");
    order = cycle_rig_order(&rig, MESSAGE_CLR_CONFIRM, AH);
    order.payer = PROVINCE_UNKNOWN;
    assert_refused(&order, ERROR_UNKNOWN_AREA, "no such province");
}

/* Of two months that are cut on the shards and have no batch the earlier one is finished first. */
static void a_month_that_was_passed_over(void **state)
{
    (void)state;
    const struct cell cells[] = {
        {.key = {.period = 202603, .payer = 1, .payee = 2}, .cut = true},
        {.key = {.period = 202604, .payer = 1, .payee = 2}, .cut = true},
    };
    const struct facts facts = {.cells = cells, .cell_count = 2, .cut_through = 202604};
    assert_int_equal(cycle_unfinished_cut(rig.cycle, &facts), 202603);
}

static void close_refused(uint32_t others, const char *first)
{
    char count[32];
    struct order order = cycle_rig_order(&rig, MESSAGE_YEAR_CLOSE, 0);
    order.period = 2026;
    (void)snprintf(count, sizeof count, "and %u recoveries", others);
    assert_refused(&order, ERROR_RECON_OPEN, count);
    assert_refused(&order, ERROR_RECON_OPEN, first);
}

/* Money on its way into a later batch keeps its own year open, and no other one. */
static void what_waits_for_a_batch_keeps_its_year_open(void **state)
{
    (void)state;
    const uint8_t payer = province_index(AH), payee = province_index(SH);
    struct carry_row carry = {
        .batch = 7, .payer = payer, .payee = payee, .funds = {-5}, .period = 202603};
    struct recovery_row recovery = {.recovery_no = "R1",
                                    .ref = cycle_rig_ref(AH, "back"),
                                    .cell = {.period = 202602, .payer = payer, .payee = payee},
                                    .funds = {9}};
    cycle_rig_put(&rig, ROW_CARRY, &carry);
    close_refused(1, "first: negative total of 34-31 of 202603");
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    close_refused(2, "first: recovery R1");
    carry.into = recovery.batch = 8;
    cycle_rig_put(&rig, ROW_CARRY, &carry);
    close_refused(1, "first: recovery R1");
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    struct order order = cycle_rig_order(&rig, MESSAGE_YEAR_CLOSE, 0);
    order.period = 2026;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    carry.into = 0;
    carry.period = 202503;
    cycle_rig_put(&rig, ROW_CARRY, &carry);
    order = cycle_rig_order(&rig, MESSAGE_YEAR_CLOSE, 0);
    order.period = 2026;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_month),
        TEST(what_is_no_order_and_no_province),
        TEST(a_month_that_was_passed_over),
        TEST(what_waits_for_a_batch_keeps_its_year_open),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
