/* Messages as rows: what a table and CSV make of fields of every kind, and of hostile texts. */
#include <stdlib.h>
#include <unistd.h>

#include "cycle.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/client/table.h"
#include "tools/qingfen/batch_page.h"
#include "tools/qingfen/grid.h"

/* What a function prints on stdout; freed by the caller. */
struct caught {
    FILE *before;
    char *text;
    size_t size;
};

static void catch_begin(struct caught *caught)
{
    fflush(stdout);
    caught->before = stdout;
    stdout = open_memstream(&caught->text, &caught->size);
    assert_non_null(stdout);
}

static void catch_end(struct caught *caught)
{
    fclose(stdout);
    stdout = caught->before;
}

static const struct grid_column columns[] = {
    COLUMN("number", TEXT, "notice"),
    COLUMN_HIDDEN("state", TEXT),
    COLUMN("payer", PROVINCE, "payer"),
    COLUMN("period", PERIOD, "period"),
    COLUMN_SUMMED("amount", YUAN, "amount"),
    COLUMN("transfer_due", DAY, "pay by"),
    COLUMN("late_wd", NUMBER, "late"),
    COLUMN_HIDDEN("issued_at", TIME),
    COLUMNS_END,
};

static void tables_and_csv_come_of_one_list(void **state)
{
    (void)state;
    char numbers[2][32] = {"N-1", "x,\"y\"\n"};
    char due[] = "DUE";
    Qingfen__V1__NoticeInfo rows[2];
    ProtobufCMessage *const pointers[] = {&rows[0].base, &rows[1].base};
    for (int i = 0; i < 2; i++) {
        qingfen__v1__notice_info__init(&rows[i]);
        rows[i].number = numbers[i];
        rows[i].state = due;
    }
    rows[0].payer = 34;
    rows[0].period = 202503;
    rows[0].amount = 123456789;
    rows[0].transfer_due = 20250514;
    rows[1].period = 2026;
    rows[1].amount = -1;
    rows[1].late_wd = 7;

    struct caught caught;
    catch_begin(&caught);
    grid_print(FORMAT_CSV, columns, pointers, 2);
    catch_end(&caught);
    assert_string_equal(caught.text,
                        "number,state,payer,period,amount,transfer_due,late_wd,issued_at\n"
                        "N-1,DUE,34,2025-03,1234567.89,2025-05-14,0,\n"
                        "\"x,\"\"y\"\"\n\",DUE,--,2026,-0.01,-,7,\n");
    free(caught.text);

    numbers[1][0] = '\0';
    catch_begin(&caught);
    grid_print(FORMAT_TABLE, columns, pointers, 2);
    catch_end(&caught);
    assert_string_equal(caught.text, "notice  payer      period         amount  pay by      late\n"
                                     "------  ---------  -------  ------------  ----------  ----\n"
                                     "N-1     34 安徽    2025-03  1,234,567.89  2025-05-14     0\n"
                                     "        -- 清算户  2026            -0.01  -              7\n"
                                     "------  ---------  -------  ------------  ----------  ----\n"
                                     "total                       1,234,567.88\n");
    free(caught.text);
}

static void a_field_of_an_absent_message_is_empty(void **state)
{
    (void)state;
    static const struct grid_column cells[] = {
        COLUMN_HIDDEN("centre.payer", PROVINCE), COLUMN_HIDDEN("centre.count", COUNT),
        COLUMN_HIDDEN("sent.count", COUNT), COLUMN_HIDDEN("equal", FLAG), COLUMNS_END};
    Qingfen__V1__ReconTotal centre = QINGFEN__V1__RECON_TOTAL__INIT;
    Qingfen__V1__ReconCell cell = QINGFEN__V1__RECON_CELL__INIT;
    ProtobufCMessage *const rows[] = {&cell.base};
    centre.payer = 34;
    centre.count = 12345;
    cell.centre = &centre;
    cell.equal = true;
    struct caught caught;
    catch_begin(&caught);
    grid_print(FORMAT_CSV, cells, rows, 1);
    catch_end(&caught);
    assert_string_equal(caught.text, "centre_payer,centre_count,sent_count,equal\n34,12345,,1\n");
    free(caught.text);
}

/* A ratio is per cent for people, and in CSV what its field's name says. */
static void ratios_are_basis_points_in_csv(void **state)
{
    (void)state;
    static const struct grid_column ratio[] = {COLUMN("use_bp", RATIO, "use %"), COLUMNS_END};
    Qingfen__V1__PrefundInfo some = QINGFEN__V1__PREFUND_INFO__INIT;
    Qingfen__V1__PrefundInfo none = QINGFEN__V1__PREFUND_INFO__INIT;
    ProtobufCMessage *const rows[] = {&some.base, &none.base};
    struct caught caught;
    some.use_bp = 9062;
    none.use_bp = UINT32_MAX;
    catch_begin(&caught);
    grid_print(FORMAT_CSV, ratio, rows, 2);
    catch_end(&caught);
    assert_string_equal(caught.text, "use_bp\n9062\n\n");
    free(caught.text);
    catch_begin(&caught);
    grid_print(FORMAT_TABLE, ratio, rows, 2);
    catch_end(&caught);
    assert_string_equal(caught.text, "use %\n-----\n90.62\n    -\n");
    free(caught.text);
}

static void every_state_says_what_is_next(void **state)
{
    (void)state;
    static const char *const states[] = {"CUT",    "COMPUTED", "PUBLISHED", "SIGNED", "NOTICED",
                                         "PAYING", "SETTLED",  "ARCHIVED",  "ABORTED"};
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        assert_null(strstr(batch_page_next(states[i], false), "not known"));
        for (size_t other = 0; other < i; other++) {
            assert_string_not_equal(batch_page_next(states[i], false),
                                    batch_page_next(states[other], false));
        }
    }
    assert_non_null(strstr(batch_page_next("PUBLISHED", true), "compute"));
    assert_non_null(strstr(batch_page_next("LATER", false), "not known"));
}

static void the_page_fits_a_terminal(void **state)
{
    (void)state;
    static const uint32_t codes[] = {15, 23, 34, 66};
    char published[] = "PUBLISHED";
    char mode[] = "bilateral";
    char signed_state[] = "SIGNED";
    char objected[] = "OBJECTED";
    char reason[] = "hospital 12 stands twice";
    char held[] = "HELD";
    int64_t at[] = {1743436800000, 1743440400000, 1743444000000};
    Qingfen__V1__Batch batch = QINGFEN__V1__BATCH__INIT;
    batch.period = 202503;
    batch.number = 1;
    batch.version = 2;
    batch.state = published;
    batch.mode = mode;
    batch.gross = 3123480245801;
    batch.at = at;
    batch.n_at = 3;
    Qingfen__V1__Signature signatures[32];
    Qingfen__V1__Signature *pointers[32];
    for (size_t i = 0; i < 32; i++) {
        qingfen__v1__signature__init(&signatures[i]);
        signatures[i].province = codes[i % 4];
        if (i % 2 == 0) signatures[i].state = signed_state;
        pointers[i] = &signatures[i];
    }
    signatures[1].state = objected;
    signatures[1].reason = reason;
    Qingfen__V1__BatchGetReply reply = QINGFEN__V1__BATCH_GET_REPLY__INIT;
    reply.batch = &batch;
    reply.signatures = pointers;
    reply.n_signatures = 32;
    Qingfen__V1__ExceptionRecord exception = QINGFEN__V1__EXCEPTION_RECORD__INIT;
    exception.state = held;
    exception.amount = 32000;
    ProtobufCMessage *const exceptions[] = {&exception.base};

    struct caught caught;
    catch_begin(&caught);
    batch_page_print(&reply, exceptions, 1);
    catch_end(&caught);
    assert_non_null(strstr(caught.text, "16 of 32"));
    assert_non_null(
        strstr(caught.text, "23 黑龙江 objects to version 0: hospital 12 stands twice"));
    assert_non_null(strstr(caught.text, "HELD           1         320.00"));
    assert_non_null(strstr(caught.text, "next: the provinces sign"));
    char *rest = NULL;
    for (char *line = strtok_r(caught.text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        assert_in_range(text_columns(line), 0, 100);
    }
    free(caught.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables_and_csv_come_of_one_list),
        cmocka_unit_test(ratios_are_basis_points_in_csv),
        cmocka_unit_test(a_field_of_an_absent_message_is_empty),
        cmocka_unit_test(every_state_says_what_is_next),
        cmocka_unit_test(the_page_fits_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
