/* Writes sample documents of fixed figures into a folder, each in every format; read_back.py reads
 * them again. Usage: write_samples FOLDER */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/documents/sample_month.h"
#include "tools/documents/save.h"
#include "tools/documents/statement.h"

#define ANHUI 11 /* Index of 34. */

static int save(struct document *document, const char *folder, struct document_fault *fault)
{
    if (document == NULL) {
        fprintf(stderr, "write_samples: %s\n", fault->text);
        return 1;
    }
    int status = 0;
    for (int format = 0; format < DOCUMENT_FORMAT_COUNT && status == 0; format++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s.%s", folder, document->type->id,
                 document_format_name((enum document_format)format));
        if (save_document(document, (enum document_format)format, path, fault)) continue;
        fprintf(stderr, "write_samples: %s\n", fault->text);
        status = 1;
    }
    document_free(document);
    return status;
}

static const struct month_notice prefunds[] = {
    {.number = "PREFUND_YEAR-2026-34-31-V1",
     .kind = "PREFUND_YEAR",
     .state = "DUE",
     .version = 1,
     .payer = ANHUI,
     .payee = 8,
     .period = 2026,
     .amount = 10001000050,
     .old_amount = 90000000000,
     .new_amount = 100001000050,
     .file_due = 20260206,
     .transfer_due = 20260227,
     .feedback_due = 20260306,
     .issued_ms = INT64_C(1769493600000)},
    {.number = "PREFUND_YEAR-2026-34-32-V1",
     .kind = "PREFUND_YEAR",
     .state = "DUE",
     .version = 1,
     .payer = ANHUI,
     .payee = 9,
     .period = 2026,
     .amount = 1,
     .old_amount = 7,
     .new_amount = 6,
     .file_due = 20260206,
     .transfer_due = 20260227,
     .feedback_due = 20260306,
     .issued_ms = INT64_C(1769493600000)},
    {.number = "PREFUND_EMERGENCY-202603-34-31-V1",
     .kind = "PREFUND_EMERGENCY",
     .state = "DUE",
     .version = 1,
     .payer = ANHUI,
     .payee = 8,
     .period = 202603,
     .amount = 500000000,
     .old_amount = 100001000050,
     .new_amount = 100501000050,
     .file_due = 20260506,
     .transfer_due = 20260520,
     .feedback_due = 20260527,
     .issued_ms = INT64_C(1777600800000)},
};

static struct document *sample_recon(struct document_fault *fault)
{
    static const struct recon_cell cells[] = {
        {ANHUI, 8, 1, 310, {12, 123456, 100000, 2000}, true, true},
        {ANHUI, 9, 2, 390, {3, -500, -400, 0}, true, false},
        {0, ANHUI, 1, 390, {7, 998877, 776655, 0}, false, false},
    };
    static const struct recon_difference differences[] = {
        {20260305,
         ANHUI,
         8,
         true,
         340100,
         "S-1",
         "AMOUNT",
         true,
         {1, 200, 100, 0},
         {1, 200, 101, 0}},
        {20260305, 0, ANHUI, false, 110101, "=S-2", "ONLY_PAYER", false, {0}, {1, 300, 200, 0}},
    };
    const struct recon_report report = {
        .period = 202603,
        .date = 20260305,
        .province = ANHUI,
        .as_of_ms = INT64_C(1772726400000),
        .cells = cells,
        .cell_count = 3,
        .differences = differences,
        .difference_count = 2,
    };
    return build_recon(&report, fault);
}

/* One settlement with two provinces' money in its wallet part, and all that may come after it. */
static struct document *sample_statement(struct document_fault *fault)
{
    static const struct paper_lot lots[] = {{24, 30000}, {23, 10000}}; /* 53, 52 */
    static const struct paper_step steps[] = {
        {"R-1", "refund", INT64_C(1772800000000), 202603, {-12345, -2345, 0, -10000, 0}},
        {"ADJ-7", "adjustment", INT64_C(1775400000000), 202604, {0, -100, 0, 0, 0}},
        {"V-1", "wallet", INT64_C(1775500000000), 202604, {0, 0, 0, -5000, 5000}},
    };
    struct statement_paper paper = {
        .setl_id = "34010020260305000017",
        .mdtrt_id = "V20260301",
        .fixmedins_code = "H31010000001",
        .fixmedins_name = "上海市第一人民医院",
        .dise_codg = "",
        .state = "CLEARING",
        .remark = "",
        .insu_admdvs = 340100,
        .mdtrtarea_admvs = 310000,
        .insutype = 310,
        .med_type = 21,
        .period = 202603,
        .setl_ms = INT64_C(1772680000000),
        .begin_ms = INT64_C(1772300000000),
        .end_ms = INT64_C(1772680000000),
        .posted_ms = INT64_C(1772680001000),
        .lots = lots,
        .lot_count = 2,
        .steps = steps,
        .step_count = 3,
        .left = {1234567 - 12345, 900000 - 2445, 50000, 25000, 249567},
    };
    paper.amounts[AMOUNT_MEDFEE] = 1234567;
    paper.amounts[AMOUNT_FUND_SUM] = 900000;
    paper.amounts[AMOUNT_HIFP] = 850000;
    paper.amounts[AMOUNT_HIFOB] = 50000;
    paper.amounts[AMOUNT_PSN_PART] = 334567;
    paper.amounts[AMOUNT_ACCT] = 50000;
    paper.amounts[AMOUNT_WLT] = 40000;
    paper.amounts[AMOUNT_CASH] = 244567;
    paper.amounts[AMOUNT_FULAMT_OWNPAY] = 34567;
    paper.amounts[AMOUNT_INSCP_SCP] = 1200000;
    struct document *document = build_statement(&paper, fault);
    if (document == NULL) return NULL;

    /* One fen that is not accounted for: there must be no paper. */
    struct document_fault refused = {""};
    paper.left.cash++;
    if (build_statement(&paper, &refused) == NULL && refused.text[0] != '\0') return document;
    document_free(document);
    document_fail(fault, "a statement that does not add up was made");
    return NULL;
}

int main(int argc, char **argv)
{
    if (argc != 2) return 2;
    struct document_fault fault;
    struct month month;
    size_t payable_count;
    size_t receivable_count;
    size_t notice_count;
    sample_month(&month);
    if (!tie_month(&month, &fault)) {
        fprintf(stderr, "write_samples: %s\n", fault.text);
        return 1;
    }
    struct month_area *payable = sample_areas(&month, ANHUI, false, &payable_count);
    struct month_area *receivable = sample_areas(&month, ANHUI, true, &receivable_count);
    struct month_notice *notices = sample_notices(&month, &notice_count);
    const struct area_list owes = {payable, payable_count};
    const struct area_list owed = {receivable, receivable_count};
    const struct notice_choice choice = {.period = month.period, .province = ANHUI};
    const struct notice_list all = {notices, notice_count};
    const struct notice_list deposits = {prefunds, 3};

    int failed = save(build_national(&month, &fault), argv[1], &fault);
    for (int kind = DOCUMENT_CLR_PAYABLE; kind <= DOCUMENT_CLR_RECEIVABLE; kind++) {
        failed +=
            save(build_summary(&month, (enum document_kind)kind, ANHUI, &fault), argv[1], &fault);
    }
    for (int kind = DOCUMENT_CLR_DETAIL_EMP; kind <= DOCUMENT_CLR_DETAIL_RES; kind++) {
        failed += save(build_detail(&month, (enum document_kind)kind, ANHUI, owes, owed, &fault),
                       argv[1], &fault);
    }
    for (int kind = DOCUMENT_NOTICE_PAY; kind <= DOCUMENT_NOTICE_RECV; kind++) {
        failed +=
            save(build_notice((enum document_kind)kind, &choice, all, &fault), argv[1], &fault);
    }
    failed += save(build_notice(DOCUMENT_PREFUND_PAY, &choice, deposits, &fault), argv[1], &fault);
    failed +=
        save(build_notice(DOCUMENT_PREFUND_EMG_PAY, &choice, deposits, &fault), argv[1], &fault);
    const struct notice_choice shanghai = {.period = month.period, .province = 8};
    failed +=
        save(build_notice(DOCUMENT_PREFUND_RECV, &shanghai, deposits, &fault), argv[1], &fault);
    failed +=
        save(build_notice(DOCUMENT_PREFUND_EMG_RECV, &shanghai, deposits, &fault), argv[1], &fault);
    failed += save(sample_recon(&fault), argv[1], &fault);
    failed += save(sample_statement(&fault), argv[1], &fault);
    free(payable);
    free(receivable);
    free(notices);
    month_free(&month);
    return failed == 0 ? 0 : 1;
}
