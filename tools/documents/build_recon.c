/* build_recon -- 日对账: the centre's figures of a day by counterpart, and what differs. */
#include "tools/documents/build.h"
#include "tools/documents/names.h"

static const struct document_column cell_columns[] = {
    {"side", "方向", NULL, VALUE_TEXT, false},
    {"other", "对方省份", NULL, VALUE_TEXT, false},
    {"insutype", "险种", NULL, VALUE_TEXT, false},
    {"line", "就医类别", NULL, VALUE_TEXT, false},
    {"count", "结算笔数", NULL, VALUE_COUNT, false},
    {"medfee_sumamt", "医疗费总额", NULL, VALUE_MONEY, false},
    {"fund_pay_sumamt", "基金支付", NULL, VALUE_MONEY, false},
    {"acct_pay", "个人账户支付", NULL, VALUE_MONEY, false},
    {"payer_reconciled", "参保地", "对账状态", VALUE_TEXT, false},
    {"payee_reconciled", "就医地", "对账状态", VALUE_TEXT, false},
};

static const struct document_column difference_columns[] = {
    {"date", "结算日期", NULL, VALUE_DATE, false},
    {"payer", "参保省", NULL, VALUE_TEXT, false},
    {"payee", "就医省", NULL, VALUE_TEXT, false},
    {"list", "对账方", NULL, VALUE_TEXT, false},
    {"insu_admdvs", "参保区划", NULL, VALUE_TEXT, false},
    {"setl_id", "结算流水号", NULL, VALUE_TEXT, false},
    {"kind", "差异类型", NULL, VALUE_TEXT, false},
    {"state", "处理状态", NULL, VALUE_TEXT, false},
    {"their_medfee", "医疗费总额", "对账方", VALUE_MONEY, false},
    {"their_fund", "基金支付", "对账方", VALUE_MONEY, false},
    {"their_acct", "个人账户", "对账方", VALUE_MONEY, false},
    {"our_medfee", "医疗费总额", "中心", VALUE_MONEY, false},
    {"our_fund", "基金支付", "中心", VALUE_MONEY, false},
    {"our_acct", "个人账户", "中心", VALUE_MONEY, false},
};

static const char *state_text(bool is_reconciled)
{
    return is_reconciled ? "已对账" : "未对账";
}

static void put_cells(struct document *document, const struct recon_report *report)
{
    struct document_section *section = document_section(
        document, "对账汇总", cell_columns, sizeof cell_columns / sizeof cell_columns[0], 4);
    /* First what the province owes, then what it is owed. */
    for (int is_receivable = 0; is_receivable < 2; is_receivable++) {
        bool is_any = false;
        for (size_t i = 0; i < report->cell_count; i++) {
            const struct recon_cell *cell = &report->cells[i];
            if ((is_receivable ? cell->payee : cell->payer) != report->province) continue;
            struct document_value *row = document_row(document, section);
            row[0] = value_text(is_receivable ? "应收（本省就医）" : "应付（本省参保）");
            row[1] = value_text(names_province(is_receivable ? cell->payer : cell->payee));
            row[2] = value_text(names_insutype(cell->insutype));
            row[3] = value_text(names_line(cell->line));
            row[4] = value_number((int64_t)cell->centre.count);
            row[5] = value_number(cell->centre.medfee);
            row[6] = value_number(cell->centre.fund);
            row[7] = value_number(cell->centre.acct);
            row[8] = value_text(state_text(cell->payer_reconciled));
            row[9] = value_text(state_text(cell->payee_reconciled));
            is_any = true;
        }
        if (is_any) document_subtotal(document, section, is_receivable ? "应收小计" : "应付小计");
    }
    document_total(document, section, "合计");
}

static void put_side(struct document_value row[3], const struct recon_side *side)
{
    if (side->count == 0) return; /* That side has no such record: empty is not zero. */
    row[0] = value_number(side->medfee);
    row[1] = value_number(side->fund);
    row[2] = value_number(side->acct);
}

static uint32_t put_differences(struct document *document, const struct recon_report *report)
{
    struct document_section *section =
        document_section(document, "差异明细", difference_columns,
                         sizeof difference_columns / sizeof difference_columns[0], 3);
    uint32_t open = 0;
    for (size_t i = 0; i < report->difference_count; i++) {
        const struct recon_difference *d = &report->differences[i];
        struct document_value *row = document_row(document, section);
        row[0] = value_number(d->date);
        row[1] = value_text(names_province(d->payer));
        row[2] = value_text(names_province(d->payee));
        row[3] = value_text(d->is_payers ? "参保地" : "就医地");
        row[4] = value_text(document_text(document, "%06u", d->insu_admdvs));
        row[5] = value_text(document_text(document, "%s", d->setl_id));
        row[6] = value_text(document_text(document, "%s", names_difference(d->kind)));
        row[7] = value_text(d->is_open ? "未处理" : "已处理");
        put_side(row + 8, &d->theirs);
        put_side(row + 11, &d->ours);
        open += d->is_open;
    }
    document_total(document, section, "合计");
    return open;
}

struct document *build_recon(const struct recon_report *report, struct document_fault *fault)
{
    const struct document_type *type = &document_types[DOCUMENT_RECON_DAILY];
    struct document *document = document_new(type);
    char text[NAMES_SIZE];
    uint64_t count = 0;
    int64_t sum = 0;
    for (size_t i = 0; i < report->cell_count; i++) {
        const struct recon_cell *cell = &report->cells[i];
        if (cell->payer != report->province && cell->payee != report->province) {
            document_fail(fault, "reconciliation of %s: a cell of %s->%s among its own",
                          names_province(report->province), names_province(cell->payer),
                          names_province(cell->payee));
            document_free(document);
            return NULL;
        }
        count += cell->centre.count;
        sum += cell->centre.medfee;
    }
    document->period = report->period;
    document->date = report->date;
    document->province = province_codes[report->province];
    document->version = 1;
    document->as_of_ms = report->as_of_ms;
    document->title = document_text(document, "%s%s%s", names_province(report->province),
                                    type->title, report->date == 0 ? "（全月）" : "");
    document->number =
        document_text(document, "%s-%u-%02u", type->id,
                      report->date == 0 ? report->period : report->date, document->province);
    document_fact(document, "清算期",
                  document_text(document, "%s", names_period(report->period, text)));
    document_fact(document, "对账日期",
                  report->date == 0 ? "全月"
                                    : document_text(document, "%s", names_day(report->date, text)));
    put_cells(document, report);
    const uint32_t open = put_differences(document, report);
    document_fact(
        document, "差异",
        document_text(document, "%zu 笔，其中未处理 %u 笔", report->difference_count, open));
    document_note(document, "笔数和金额为中心数据；对账状态为参保地、就医地、中心三方对账结果。");
    document_note(document, "控制数为对账汇总的笔数和医疗费总额。差异明细中空白表示该方无此记录。");
    build_note_red(document);
    document->control_count_column = 4;
    document->control_sum_column = 5;
    return build_finish(document, count, sum, fault);
}
