#include "tests/lib/unit.h"
#include "tools/qingfen/cycle_csv.h"

static struct bytes csv_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}

static void totals_are_read(void **state)
{
    (void)state;
    struct csv_pick pick;
    struct total_row row;
    assert_true(totals_begin(&pick, csv_text("count,payer,payee,line,insutype,medfee_sumamt,"
                                             "fund_pay_sumamt,acct_pay,note\n"
                                             "3,34,31,1,310,100.5,-60,0.01,\"a, b\"\n"
                                             "3,34,99,1,310,1,1,1,\n"
                                             "x,34,31,1,310,1,1,1,\n"
                                             "3,34,31,1,310,1.001,1,1,\n"
                                             "3,34,31,100,310,1,1,1,\n"
                                             "99999999999999999999,34,31,1,310,1,1,1,\n")));
    assert_int_equal(totals_next(&pick, &row), CSV_PICK_ROW);
    assert_int_equal(row.payer, 34);
    assert_int_equal(row.payee, 31);
    assert_int_equal(row.line, 1);
    assert_int_equal(row.insutype, 310);
    assert_int_equal(row.count, 3);
    assert_int_equal(row.medfee, 10050);
    assert_int_equal(row.fund, -6000);
    assert_int_equal(row.acct, 1);
    static const char *const columns[] = {"payee:", "count:", "medfee_sumamt:", "line:", "count:"};
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(totals_next(&pick, &row), CSV_PICK_BAD);
        assert_memory_equal(pick.text, columns[i], strlen(columns[i]));
    }
    assert_int_equal(totals_next(&pick, &row), CSV_PICK_END);
    assert_false(totals_begin(&pick, csv_text("payer,payee\n")));
}

static const struct item_filter filter = {34, 31, 20250314};

static void a_plain_list_is_taken_whole(void **state)
{
    (void)state;
    struct csv_pick pick;
    struct item_row row;
    uint64_t passed = 0;
    assert_true(items_begin(
        &pick,
        csv_text("insu_admdvs,setl_id,medfee_sumamt,fund_pay_sumamt,acct_pay,refd_setl_flag\n"
                 "340100,S1,100,60,40.10,\n"
                 "340200,S2,-1,-1,,1\n"
                 "310000,S3,1,1,0,0\n"
                 "340100,,1,1,0,0\n"
                 "340100,0123456789012345678901234567890,1,1,0,0\n"
                 "34010,S4,1,1,0,0\n"
                 "340100,S5,1,1,0,2\n")));
    assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_ROW);
    assert_int_equal(row.insu_admdvs, 340100);
    assert_string_equal(row.setl_id, "S1");
    assert_int_equal(row.medfee, 10000);
    assert_int_equal(row.fund, 6000);
    assert_int_equal(row.acct, 4010);
    assert_int_equal(row.refund, 0);
    assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_ROW);
    assert_int_equal(row.medfee, -100);
    assert_int_equal(row.acct, 0);
    assert_int_equal(row.refund, 1);
    for (int bad = 0; bad < 5; bad++) {
        assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_BAD);
    }
    assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_END);
    assert_int_equal(passed, 0);
    assert_false(items_begin(&pick, csv_text("insu_admdvs,setl_id,medfee_sumamt\n")));
}

static void a_settlements_file_gives_the_pair_and_the_day(void **state)
{
    (void)state;
    struct csv_pick pick;
    struct item_row row;
    uint64_t passed = 0;
    assert_true(items_begin(
        &pick, csv_text("msgid,setl_id,insu_admdvs,mdtrtarea_admvs,setl_time,medfee_sumamt,"
                        "fund_pay_sumamt,acct_pay,refd_setl_flag,infno\n"
                        "M1,S1,340100,310000,2025-03-14 23:59:59,1,1,0,0,\n"
                        "M2,S2,340100,310000,2025-03-15 00:00:00,1,1,0,0,\n"
                        "M3,S3,340100,320100,2025-03-14 10:00:00,1,1,0,0,\n"
                        "M4,S4,310000,340100,2025-03-14 10:00:00,1,1,0,0,\n"
                        "M5,,,310000,2025-03-14 10:00:00,,,,,2601\n"
                        "M6,S6,340299,310115,2025-03-14 00:00:00,1,1,0,1,\n")));
    assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_ROW);
    assert_string_equal(row.setl_id, "S1");
    assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_ROW);
    assert_string_equal(row.setl_id, "S6");
    assert_int_equal(row.refund, 1);
    assert_int_equal(passed, 4);
    assert_int_equal(items_next(&pick, &filter, &passed, &row), CSV_PICK_END);
}

static void confirmations_are_read(void **state)
{
    (void)state;
    struct csv_pick pick;
    struct record_row row;
    assert_true(confirms_begin(&pick, csv_text("setl_id,insu_admdvs,cnfm_flag\nS1,340100,0\n")));
    assert_int_equal(confirms_next(&pick, &row), CSV_PICK_ROW);
    assert_int_equal(row.cnfm_flag, 0);
    assert_int_equal(row.deduct, 0);
    assert_int_equal(row.det_type, 0);
    assert_true(confirms_begin(&pick, csv_text("setl_id,insu_admdvs,cnfm_flag,deduct_amt,det_type\n"
                                               "S1,340100,1,320,10\n"
                                               "S1,340100,,320,10\n"
                                               "S1,340100,2,320,10\n"
                                               "S1,340100,1,-0.01,10\n"
                                               "S1,340100,1,1,100\n")));
    assert_int_equal(confirms_next(&pick, &row), CSV_PICK_ROW);
    assert_int_equal(row.cnfm_flag, 1);
    assert_int_equal(row.deduct, 32000);
    assert_int_equal(row.det_type, 10);
    for (int bad = 0; bad < 4; bad++) {
        assert_int_equal(confirms_next(&pick, &row), CSV_PICK_BAD);
    }
    assert_int_equal(confirms_next(&pick, &row), CSV_PICK_END);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_read),
        cmocka_unit_test(a_plain_list_is_taken_whole),
        cmocka_unit_test(a_settlements_file_gives_the_pair_and_the_day),
        cmocka_unit_test(confirmations_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
