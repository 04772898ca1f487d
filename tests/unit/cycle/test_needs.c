/* Which facts each order asks the shards for: those, and nothing beside them. */
#include <stdlib.h>
#include <string.h>

#include "tests/lib/cycle_rig.h"
#include "tests/lib/unit.h"
#include "types/province.h"

#define DAY   20260305
#define MONTH 202603

static struct cycle_rig rig;
static struct needs needs;

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260410);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    free((void *)needs.refs);
    needs.refs = NULL;
    cycle_rig_close(&rig);
    return 0;
}

static void ask(struct order order)
{
    free((void *)needs.refs);
    cycle_needs(rig.cycle, &order, &needs);
}

/* How many kinds of facts are asked for. */
static int kinds(void)
{
    return needs.cells + needs.tallies + needs.day + (needs.ref_count != 0);
}

static void test_reconciliation(void **state)
{
    (void)state;
    ask((struct order){.type = MESSAGE_RECON_DAY, .period = MONTH, .day = DAY});
    assert_int_equal(kinds(), 1);
    assert_true(needs.tallies);
    assert_int_equal(needs.period, MONTH);
    assert_int_equal(needs.part, DAY);
    ask((struct order){.type = MESSAGE_RECON_DAY, .period = MONTH});
    assert_int_equal(kinds(), 1);
    assert_true(needs.cells);
    assert_int_equal(needs.period, MONTH);
    ask((struct order){.type = MESSAGE_RECON_LIST, .day = DAY, .payer = 11, .payee = 8});
    assert_int_equal(kinds(), 1);
    assert_true(needs.day);
    assert_int_equal(needs.part, DAY);
    assert_int_equal(needs.payer, 11);
    assert_int_equal(needs.payee, 8);
}

static void test_confirmation(void **state)
{
    (void)state;
    ask((struct order){.type = MESSAGE_CLR_CONFIRM, .period = MONTH});
    assert_int_equal(kinds(), 1);
    assert_true(needs.cells);
    assert_int_equal(needs.period, MONTH);
    struct confirm_item items[2] = {{.ref = cycle_rig_ref(34, "A")},
                                    {.ref = cycle_rig_ref(34, "B")}};
    ask((struct order){
        .type = MESSAGE_CLR_CONFIRM, .period = MONTH, .confirms = items, .row_count = 2});
    assert_int_equal(kinds(), 1);
    assert_int_equal(needs.ref_count, 2);
    assert_memory_equal(&needs.refs[1], &items[1].ref, sizeof items[1].ref);
}

static void test_single_record(void **state)
{
    (void)state;
    const uint16_t types[] = {MESSAGE_DISPUTE_OPEN, MESSAGE_RECOVERY};
    for (int i = 0; i < 2; i++) {
        const struct record_ref ref = cycle_rig_ref(34, "A");
        ask((struct order){.type = types[i], .ref = ref});
        assert_int_equal(kinds(), 1);
        assert_int_equal(needs.ref_count, 1);
        assert_memory_equal(needs.refs, &ref, sizeof ref);
    }
}

/* A cut asks for its month's exceptions, and for no other month's. */
static void test_cut(void **state)
{
    (void)state;
    ask((struct order){.type = MESSAGE_PERIOD_CUT, .period = MONTH});
    assert_int_equal(kinds(), 1);
    assert_true(needs.cells);
    const char *const ids[] = {"A", "B", "C"};
    for (uint32_t i = 0; i < 3; i++) {
        struct exception_row row = {.ref = cycle_rig_ref(34, ids[i]), .flags = EXCEPTION_HELD};
        row.record.ref = row.ref;
        row.record.period = i == 1 ? 202602 : MONTH;
        cycle_rig_put(&rig, ROW_EXCEPTION, &row);
    }
    ask((struct order){.type = MESSAGE_PERIOD_CUT, .period = MONTH});
    assert_int_equal(kinds(), 2);
    assert_int_equal(needs.period, MONTH);
    assert_int_equal(needs.ref_count, 2);
    assert_string_equal(needs.refs[0].setl_id, "A");
    assert_string_equal(needs.refs[1].setl_id, "C");
    ask((struct order){.type = MESSAGE_YEAR_CLOSE, .period = 2026});
    assert_int_equal(kinds(), 1);
    assert_true(needs.cells);
    assert_int_equal(needs.period, 0);
}

static void test_nothing(void **state)
{
    (void)state;
    const uint16_t types[] = {
        MESSAGE_CLR_WITHDRAW,  MESSAGE_DISPUTE_REPLY,  MESSAGE_DISPUTE_RESOLVE,
        MESSAGE_BATCH_STEP,    MESSAGE_BATCH_SIGN,     MESSAGE_NOTICE_REISSUE,
        MESSAGE_PAY_REPORT,    MESSAGE_RECEIPT_REPORT, MESSAGE_PREFUND_SET,
        MESSAGE_PREFUND_APPLY, MESSAGE_PREFUND_DECIDE, MESSAGE_SETTING_SET,
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        ask((struct order){.type = types[i], .period = MONTH, .day = DAY});
        assert_int_equal(kinds(), 0);
        assert_null(needs.refs);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reconciliation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_confirmation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_single_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
