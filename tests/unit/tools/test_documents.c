/* Documents from hand-made figures: totals, refusals by one fen, files that are whole or not there.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/documents/sample_month.h"
#include "tests/lib/unit.h"
#include "tools/documents/names.h"
#include "tools/documents/replies.h"
#include "tools/documents/save.h"

#define ANHUI 11

/* Asked by a leak checker, where there is one: what fontconfig keeps of the fonts it has seen is
 * the process's for good. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libfontconfig\n";
}

static void a_sound_month_is_tied(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    month_free(&month);
}

/* Each of these numbers, off by one fen, stops every document. */
static void one_fen_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        size_t offset;
    } numbers[] = {
        {"the batch's row", offsetof(struct month, gross)},
        {"bilateral total", offsetof(struct month, bilateral)},
        {"multilateral total", offsetof(struct month, multilateral)},
        {"net position", offsetof(struct month, positions[3].net)},
        {"the batch's row", offsetof(struct month, count)},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct month month;
        struct document_fault fault;
        sample_month(&month);
        int64_t number;
        memcpy(&number, (char *)&month + numbers[i].offset, sizeof number);
        number++;
        memcpy((char *)&month + numbers[i].offset, &number, sizeof number);
        assert_false(tie_month(&month, &fault));
        assert_non_null(strstr(fault.text, numbers[i].says));
        month_free(&month);
    }
}

static void a_line_and_a_payment_are_held_to_the_sums(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    sample_month(&month);
    month.lines[100].amount++;
    assert_false(tie_month(&month, &fault));
    assert_non_null(strstr(fault.text, "the funds"));
    month.lines[100].funds[FUND_POOL]++;
    assert_false(tie_month(&month, &fault));
    assert_non_null(strstr(fault.text, "the batch's row"));
    month_free(&month);

    sample_month(&month);
    month.payments[7].amount++;
    assert_false(tie_month(&month, &fault));
    assert_non_null(strstr(fault.text, "the payment"));
    month_free(&month);
}

static void unfinished_batches_give_no_documents(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    sample_month(&month);
    strcpy(month.state, "CUT");
    assert_false(tie_month(&month, &fault));
    strcpy(month.state, "ABORTED");
    assert_false(tie_month(&month, &fault));
    strcpy(month.state, "PUBLISHED");
    month.is_stale = true;
    assert_false(tie_month(&month, &fault));
    month_free(&month);
}

static void areas_are_held_to_the_lines(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    size_t count;
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    for (int is_receivable = 0; is_receivable < 2; is_receivable++) {
        struct month_area *areas = sample_areas(&month, ANHUI, is_receivable, &count);
        assert_true(tie_areas(&month, ANHUI, is_receivable, areas, count, &fault));
        areas[5].funds[FUND_POOL]++;
        assert_false(tie_areas(&month, ANHUI, is_receivable, areas, count, &fault));
        assert_non_null(strstr(fault.text, "its amount"));
        areas[5].amount++;
        assert_false(tie_areas(&month, ANHUI, is_receivable, areas, count, &fault));
        assert_non_null(strstr(fault.text, "pool of the areas is 0.01 yuan more"));
        areas[5].funds[FUND_POOL]--;
        areas[5].amount--;
        areas[6].count++;
        assert_false(tie_areas(&month, ANHUI, is_receivable, areas, count, &fault));
        assert_non_null(strstr(fault.text, "1 more records"));
        free(areas);
    }
    month_free(&month);
}

static void notices_are_held_to_the_payments(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    size_t count;
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    struct month_notice *notices = sample_notices(&month, &count);
    assert_true(tie_notices(&month, notices, count, &fault));
    notices[3].amount--;
    assert_false(tie_notices(&month, notices, count, &fault));
    assert_non_null(strstr(fault.text, notices[3].number));
    notices[3].amount++;
    assert_false(tie_notices(&month, notices, count - 1, &fault));
    assert_non_null(strstr(fault.text, "no notice"));
    strcpy(notices[0].state, "CANCELLED");
    assert_false(tie_notices(&month, notices, count, &fault));
    free(notices);
    month_free(&month);
}

static void prefunds_are_held_to_their_change(void **state)
{
    (void)state;
    struct document_fault fault;
    struct month_notice notices[2] = {
        {.number = "PFY-1",
         .kind = "PREFUND_YEAR",
         .state = "DUE",
         .payer = 1,
         .payee = 2,
         .amount = 30,
         .old_amount = 70,
         .new_amount = 100},
        /* Paid back: the deposit of 4 at 3. */
        {.number = "PFY-2",
         .kind = "PREFUND_YEAR",
         .state = "DUE",
         .payer = 3,
         .payee = 4,
         .amount = 5,
         .old_amount = 10,
         .new_amount = 5},
    };
    const struct month_prefund prefunds[] = {{.payer = 1, .payee = 2, .pending = 30},
                                             {.payer = 4, .payee = 3, .pending = -5}};
    assert_true(tie_prefunds(notices, 2, prefunds, 2, &fault));
    notices[0].amount++;
    assert_false(tie_prefunds(notices, 2, prefunds, 2, &fault));
    assert_non_null(strstr(fault.text, "PFY-1"));
    notices[0].amount--;
    strcpy(notices[1].state, "SETTLED");
    assert_false(tie_prefunds(notices, 2, prefunds, 2, &fault));
    assert_non_null(strstr(fault.text, "pending"));
}

/* Every document of the sample sums to the ledger's own numbers. */
static void documents_say_the_ledgers_totals(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    int64_t payable = 0;
    int64_t receivable = 0;
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    struct document *national = build_national(&month, &fault);
    assert_non_null(national);
    assert_int_equal(national->controls.sum, month.gross);
    assert_int_equal(national->controls.count, month.count);
    document_free(national);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        struct document *owes = build_summary(&month, DOCUMENT_CLR_PAYABLE, p, &fault);
        struct document *owed = build_summary(&month, DOCUMENT_CLR_RECEIVABLE, p, &fault);
        assert_non_null(owes);
        assert_non_null(owed);
        assert_int_equal(owes->controls.sum, month.positions[p].payable);
        assert_int_equal(owed->controls.sum, month.positions[p].receivable);
        payable += owes->controls.sum;
        receivable += owed->controls.sum;
        document_free(owes);
        document_free(owed);
    }
    assert_int_equal(payable, month.gross);
    assert_int_equal(receivable, month.gross);
    month_free(&month);
}

static void details_are_the_summary(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    struct area_list payable;
    struct area_list receivable;
    struct month_area *owes = sample_areas(&month, ANHUI, false, &payable.count);
    struct month_area *owed = sample_areas(&month, ANHUI, true, &receivable.count);
    payable.rows = owes;
    receivable.rows = owed;
    struct document *employees =
        build_detail(&month, DOCUMENT_CLR_DETAIL_EMP, ANHUI, payable, receivable, &fault);
    struct document *residents =
        build_detail(&month, DOCUMENT_CLR_DETAIL_RES, ANHUI, payable, receivable, &fault);
    assert_non_null(employees);
    assert_non_null(residents);
    assert_int_equal(employees->controls.sum + residents->controls.sum,
                     month.positions[ANHUI].payable);
    document_free(employees);
    document_free(residents);

    owes[0].amount++; /* No document with another sum than the ledger's. */
    assert_null(build_detail(&month, DOCUMENT_CLR_DETAIL_EMP, ANHUI, payable, receivable, &fault));
    assert_non_null(strstr(fault.text, "the ledger"));
    free(owes);
    free(owed);
    month_free(&month);
}

static void notices_are_chosen_by_party_and_number(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    size_t count;
    sample_month(&month);
    struct month_notice *notices = sample_notices(&month, &count);
    const struct notice_list all = {notices, count};
    struct notice_choice choice = {.period = month.period, .province = ANHUI};
    struct document *document = build_notice(DOCUMENT_NOTICE_PAY, &choice, all, &fault);
    assert_non_null(document);
    uint64_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        rows += notices[i].payer == ANHUI;
    }
    assert_int_equal(document->controls.rows, rows);
    document_free(document);

    choice.number = notices[2].number;
    choice.province = notices[2].payer;
    document = build_notice(DOCUMENT_NOTICE_RECV, &choice, all, &fault);
    assert_non_null(document);
    assert_int_equal(document->controls.rows, 1);
    assert_string_equal(document->number, notices[2].number);
    document_free(document);

    choice.province = notices[2].payee;
    document = build_notice(DOCUMENT_NOTICE_RECV, &choice, all, &fault);
    assert_non_null(document);
    document_free(document);
    for (uint8_t other = 0; other < PROVINCE_COUNT; other++) { /* Nobody else has a copy of it. */
        if (other == notices[2].payer || other == notices[2].payee) continue;
        choice.province = other;
        assert_null(build_notice(DOCUMENT_NOTICE_RECV, &choice, all, &fault));
        assert_string_equal(fault.text, "");
    }

    choice.province = ANHUI;
    choice.number = "CLR-0";
    assert_null(build_notice(DOCUMENT_NOTICE_RECV, &choice, all, &fault));
    assert_string_equal(fault.text, "");
    free(notices);
    month_free(&month);
}

/* One number of the paper is another one: so is the digest. */
static void change_number(struct document *document, int64_t *number, const char *sealed)
{
    struct document_fault fault;
    char after[2 * SHA256_SIZE + 1];
    *number += 1;
    assert_true(document_seal(document, &fault));
    assert_string_not_equal(document_digest_text(document, after), sealed);
    *number -= 1;
}

static void the_digest_follows_every_number(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    char before[2 * SHA256_SIZE + 1];
    char after[2 * SHA256_SIZE + 1];
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    struct document *document = build_summary(&month, DOCUMENT_CLR_PAYABLE, ANHUI, &fault);
    document_digest_text(document, before);
    assert_true(document_seal(document, &fault));
    assert_string_equal(document_digest_text(document, after), before);
    for (uint32_t s = 0; s < document->section_count; s++) {
        const struct document_section *section = &document->sections[s];
        for (uint32_t i = 0; i < section->row_count * section->column_count; i++) {
            const struct document_column *column = &section->columns[i % section->column_count];
            struct document_value *value =
                &section->rows[i / section->column_count].values[i % section->column_count];
            if (value->is_set && (column->kind == VALUE_COUNT || column->kind == VALUE_MONEY))
                change_number(document, &value->number, before);
        }
    }
    document_free(document);
    month_free(&month);
}

static void values_are_written_without_a_minus(void **state)
{
    (void)state;
    static const struct {
        enum value_kind kind;
        int64_t number;
        const char *grouped;
        const char *plain;
    } rows[] = {
        {VALUE_MONEY, 0, "0.00", "0.00"},
        {VALUE_MONEY, 123456789, "1,234,567.89", "1234567.89"},
        {VALUE_MONEY, -123456, "红字1,234.56", "红字1234.56"},
        {VALUE_MONEY, INT64_MIN, "红字92,233,720,368,547,758.08", "红字92233720368547758.08"},
        {VALUE_COUNT, 1234, "1,234", "1234"},
        {VALUE_COUNT, -2, "红字2", "红字2"},
        {VALUE_DATE, 20260305, "2026-03-05", "2026-03-05"},
        {VALUE_DATE, 0, "", ""},
        {VALUE_RATE, 7005, "70.05%", "70.05%"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[VALUE_SIZE];
        const struct document_value value = value_number(rows[i].number);
        assert_string_equal(value_format(rows[i].kind, &value, true, text), rows[i].grouped);
        assert_string_equal(value_format(rows[i].kind, &value, false, text), rows[i].plain);
    }
}

static void areas_have_whole_names(void **state)
{
    (void)state;
    static const struct {
        uint32_t admdvs;
        const char *name;
    } areas[] = {
        {340100, "安徽省合肥市"},
        {340000, "安徽省"},
        {139900, "河北省省本级"},
        {110100, "北京市市辖区"},
        {660100, "新疆生产建设兵团第一师"},
        {340122, "安徽省合肥市（340122）"},
        {349822, "349822"},
        {0, "无统筹区归属"},
    };
    for (size_t i = 0; i < sizeof areas / sizeof areas[0]; i++) {
        char name[NAMES_SIZE];
        assert_string_equal(names_area(areas[i].admdvs, name), areas[i].name);
    }
    assert_string_equal(names_province(4), "内蒙古自治区");
    assert_string_equal(names_province(31), "新疆生产建设兵团");
}

static void replies_are_read(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    Qingfen__V1__BatchGetReply reply = QINGFEN__V1__BATCH_GET_REPLY__INIT;
    Qingfen__V1__Batch batch = QINGFEN__V1__BATCH__INIT;
    Qingfen__V1__BatchLine line = QINGFEN__V1__BATCH_LINE__INIT;
    Qingfen__V1__BatchLine *lines[] = {&line};
    char state_text[] = "PUBLISHED";
    char mode[] = "multilateral";
    char kind[] = "CELL";
    month_init(&month);
    assert_false(replies_batch(&month, &reply, &fault));
    batch.period = 202603;
    batch.version = 4;
    batch.state = state_text;
    batch.mode = mode;
    reply.batch = &batch;
    assert_true(replies_batch(&month, &reply, &fault));
    assert_int_equal(month.version, 4);

    line.kind = kind;
    line.payer = 34;
    line.payee = 66;
    line.account = 7;
    reply.lines = lines;
    reply.n_lines = 1;
    assert_true(replies_lines(&month, &reply, &fault));
    assert_int_equal(month.lines[0].payer, ANHUI);
    assert_int_equal(month.lines[0].payee, 31);
    assert_int_equal(month.lines[0].funds[FUND_ACCOUNT], 7);
    line.payee = 71;
    assert_false(replies_lines(&month, &reply, &fault));
    line.payee = 66;
    batch.version = 5; /* Published again in between. */
    assert_false(replies_lines(&month, &reply, &fault));
    assert_non_null(strstr(fault.text, "changed while it was read"));
    month_free(&month);
}

/* A name for each number, and none that leads out of the folder. */
static void each_number_has_a_file_of_its_own(void **state)
{
    static const struct {
        const char *number;
        const char *path;
    } cases[] = {
        {"STATEMENT-340100-S1", "out/STATEMENT-340100-S1.pdf"},
        {"a_b", "out/a_b.pdf"},
        {"a/b", "out/a%2Fb.pdf"},
        {"a%2Fb", "out/a%252Fb.pdf"},
        {"a\\b:c*d?e\"f<g>h|i", "out/a%5Cb%3Ac%2Ad%3Fe%22f%3Cg%3Eh%7Ci.pdf"},
        {"../x", "out/..%2Fx.pdf"},
    };
    char path[64];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_true(save_path("out", cases[i].number, "pdf", path, sizeof path));
        assert_string_equal(path, cases[i].path);
        for (size_t size = 1; size <= strlen(path); size++) {
            char less[64];
            assert_false(save_path("out", cases[i].number, "pdf", less, size));
        }
    }
}

static void a_failing_write_leaves_nothing(void **state)
{
    (void)state;
    struct month month;
    struct document_fault fault;
    char folder[] = "/tmp/qingfen-documents-XXXXXX";
    char path[64];
    assert_non_null(mkdtemp(folder));
    sample_month(&month);
    assert_true(tie_month(&month, &fault));
    struct document *document = build_national(&month, &fault);
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    for (int format = 0; format < DOCUMENT_FORMAT_COUNT; format++) {
        const struct rlimit small = {512, before.rlim_max};
        snprintf(path, sizeof path, "%s/x.%s", folder,
                 document_format_name((enum document_format)format));
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
        const bool is_saved = save_document(document, (enum document_format)format, path, &fault);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
        assert_false(is_saved);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    assert_int_equal(rmdir(folder), 0); /* No temporary name is left either. */
    document_free(document);
    month_free(&month);
}

/* The bytes of docs/formats.md, "The batch digest", by another hand (Python's hashlib). */
static void the_digest_is_that_of_the_lines(void **state)
{
    (void)state;
    static const uint8_t wanted[SHA256_SIZE] = {
        0x1e, 0x06, 0x65, 0xf2, 0x63, 0xc5, 0xd5, 0x6f, 0x6d, 0x02, 0xe2,
        0xba, 0xbb, 0x62, 0xaf, 0x97, 0xaf, 0x3f, 0xec, 0x86, 0x31, 0xbc,
        0x03, 0x93, 0x2b, 0xa9, 0xa0, 0x8d, 0x65, 0xc3, 0xb4, 0xf7,
    };
    struct month month;
    struct document_fault fault;
    month_init(&month);
    month.period = 202603;
    month.number = 1;
    month.version = 2;
    struct month_line *line = month_line_add(&month);
    *line = (struct month_line){
        .kind = "CARRIED_RECORD",
        .number = 7,
        .period = 202602,
        .payer = ANHUI,
        .payee = 8,
        .line = LINE_INPATIENT,
        .insutype = 340,
        .count = 1,
        .medfee = 5000,
        .funds = {3000, 20, 0, 0, -1},
        .deducted = 11,
        .amount = 3019,
        .checksum = UINT64_C(0x8000000000000001),
        .insu_admdvs = 340100,
        .setl_id = "S202602-7",
    };
    memcpy(month.digest, wanted, sizeof wanted);
    assert_true(tie_digest(&month, &fault));
    line->checksum++;
    assert_false(tie_digest(&month, &fault));
    assert_non_null(strstr(fault.text, "digest of version 2"));
    line->checksum--;
    strcpy(line->kind, "CELLS");
    assert_false(tie_digest(&month, &fault));
    assert_non_null(strstr(fault.text, "unknown kind"));
    month.province = ANHUI; /* It has not all the lines. */
    assert_true(tie_digest(&month, &fault));
    month_free(&month);
}

static void figures_of_a_month_are_the_cells(void **state)
{
    (void)state;
    struct document_fault fault;
    const struct recon_cell cell = {.payer = ANHUI,
                                    .payee = 8,
                                    .line = LINE_INPATIENT,
                                    .insutype = 390,
                                    .centre = {4, 900, 700, 50},
                                    .payer_reconciled = true};
    struct recon_state ledger[2] = {
        {ANHUI, 8, LINE_INPATIENT, 390, 4, 750, true, false},
        {ANHUI, 9, LINE_INPATIENT, 390, 0, 0, true, true}, /* Its records were all taken back. */
    };
    assert_true(tie_recon_ledger(true, &cell, 1, ledger, 2, &fault));
    ledger[0].amount++;
    assert_false(tie_recon_ledger(true, &cell, 1, ledger, 2, &fault));
    ledger[0].amount--;
    ledger[0].payee_reconciled = true;
    assert_false(tie_recon_ledger(true, &cell, 1, ledger, 2, &fault));
    ledger[0].count++;
    assert_false(tie_recon_ledger(true, &cell, 1, ledger, 2, &fault));
    assert_true(tie_recon_ledger(false, &cell, 1, ledger, 2, &fault)); /* A day has some of them. */
    assert_false(tie_recon_ledger(false, &cell, 1, NULL, 0, &fault));
    assert_false(tie_recon_ledger(true, NULL, 0, ledger, 2, &fault));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_month_is_tied),
        cmocka_unit_test(one_fen_is_noticed),
        cmocka_unit_test(a_line_and_a_payment_are_held_to_the_sums),
        cmocka_unit_test(unfinished_batches_give_no_documents),
        cmocka_unit_test(areas_are_held_to_the_lines),
        cmocka_unit_test(notices_are_held_to_the_payments),
        cmocka_unit_test(prefunds_are_held_to_their_change),
        cmocka_unit_test(documents_say_the_ledgers_totals),
        cmocka_unit_test(details_are_the_summary),
        cmocka_unit_test(notices_are_chosen_by_party_and_number),
        cmocka_unit_test(the_digest_follows_every_number),
        cmocka_unit_test(values_are_written_without_a_minus),
        cmocka_unit_test(areas_have_whole_names),
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(the_digest_is_that_of_the_lines),
        cmocka_unit_test(figures_of_a_month_are_the_cells),
        cmocka_unit_test(a_failing_write_leaves_nothing),
        cmocka_unit_test(each_number_has_a_file_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
