/* build_clearing -- 全国清算表, 应付 and 应收医疗费用清算表. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/yuan.h"
#include "tools/documents/build.h"
#include "tools/documents/names.h"
#include "types/ensure.h"

struct document *build_of_month(const struct month *month, enum document_kind kind,
                                uint8_t province)
{
    const struct document_type *type = &document_types[kind];
    struct document *document = document_new(type);
    char text[NAMES_SIZE];
    /* Nothing that changes when the batch goes on: what was published stays the same paper. */
    const bool is_published = month->version <= month->published_version;
    document->period = month->period;
    document->version = month->version;
    document->as_of_ms = month->as_of_ms;
    if (province < PROVINCE_COUNT) {
        document->province = province_codes[province];
        document->title = document_text(document, "%s%s", names_province(province), type->title);
        document->number = document_text(document, "%s-%u-%02u-V%u", type->id, month->period,
                                         document->province, month->version);
    } else {
        document->number =
            document_text(document, "%s-%u-V%u", type->id, month->period, month->version);
    }
    document_fact(document, "清算期",
                  document_text(document, "%s", names_period(month->period, text)));
    document_fact(document, "清算批次",
                  document_text(document, "%u-%u（第%u版，%s）", month->period, month->number,
                                month->version, is_published ? "已公布" : "试算，未公布"));
    document_fact(document, "清算方式", names_mode(month->mode));
    document_fact(document, "清分日期",
                  document_text(document, "%s", names_day_of(month->as_of_ms, text)));
    return document;
}

void build_note_red(struct document *document)
{
    document_note(document,
                  "红字金额为冲减数：应付栏红字即应退，应收栏红字即应退回对方；表内不使用负号。");
}

struct document *build_finish(struct document *document, uint64_t count, int64_t sum,
                              struct document_fault *fault)
{
    char first[YUAN_SIZE];
    char second[YUAN_SIZE];
    if (!document_seal(document, fault)) {
        document_free(document);
        return NULL;
    }
    if (document->controls.count == count && document->controls.sum == sum) return document;
    document_fail(fault,
                  "%s: the document has %" PRIu64 " records and %s yuan, the ledger %" PRIu64
                  " and %s",
                  document->number, document->controls.count,
                  yuan_format(document->controls.sum, first), count, yuan_format(sum, second));
    document_free(document);
    return NULL;
}

/* -- the national table ------------------------------------------------------------------------
 */

#define MATRIX_COLUMNS (PROVINCE_COUNT + 3) /* Code and name before, the total behind. */

static const char *const province_keys[PROVINCE_COUNT] = {
    "p11", "p12", "p13", "p14", "p15", "p21", "p22", "p23", "p31", "p32", "p33",
    "p34", "p35", "p36", "p37", "p41", "p42", "p43", "p44", "p45", "p46", "p50",
    "p51", "p52", "p53", "p54", "p61", "p62", "p63", "p64", "p65", "p66",
};

static void matrix_columns(enum value_kind kind, struct document_column columns[MATRIX_COLUMNS])
{
    columns[0] = (struct document_column){"payer_code", "代码", NULL, VALUE_TEXT, false};
    columns[1] = (struct document_column){"payer", "参保省＼就医省", NULL, VALUE_TEXT, false};
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        columns[2 + p] =
            (struct document_column){province_keys[p], names_province(p), NULL, kind, false};
    }
    columns[MATRIX_COLUMNS - 1] = (struct document_column){"total", "应付合计", NULL, kind, false};
    if (kind == VALUE_COUNT) columns[MATRIX_COLUMNS - 1].title = "合计";
}

static void put_matrix(struct document *document, const struct month *month, const char *title,
                       const struct document_column *columns, bool is_count)
{
    struct document_section *section =
        document_section(document, title, columns, MATRIX_COLUMNS, 2);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        struct document_value *row = document_row(document, section);
        int64_t total = 0;
        row[0] = value_text(document_text(document, "%02u", province_codes[p]));
        row[1] = value_text(names_province(p));
        for (uint8_t q = 0; q < PROVINCE_COUNT; q++) {
            const int64_t number = is_count ? (int64_t)month->records[p][q] : month->amount[p][q];
            total += number;
            if (p != q) row[2 + q] = value_number(number);
        }
        row[MATRIX_COLUMNS - 1] = value_number(total);
    }
    document_total(document, section, is_count ? "合计" : "应收合计");
}

/* What one mode lets a province pay and receive. */
struct mode_sums {
    int64_t pays;
    int64_t gets;
};

static struct mode_sums gross_of(const struct month *month, uint8_t p)
{
    struct mode_sums sums = {0};
    for (uint8_t q = 0; q < PROVINCE_COUNT; q++) {
        sums.pays += month->amount[p][q];
        sums.gets += month->amount[q][p];
    }
    return sums;
}

static struct mode_sums bilateral_of(const struct month *month, uint8_t p)
{
    struct mode_sums sums = {0};
    for (uint8_t q = 0; q < PROVINCE_COUNT; q++) {
        const int64_t owes = month->amount[p][q] - month->amount[q][p];
        sums.pays += owes > 0 ? owes : 0;
        sums.gets += owes < 0 ? -owes : 0;
    }
    return sums;
}

static void put_positions(struct document *document, const struct month *month)
{
    static const struct document_column columns[] = {
        {"code", "代码", NULL, VALUE_TEXT, false},
        {"province", "省份", NULL, VALUE_TEXT, false},
        {"gross_pays", "应付", "全额清算", VALUE_MONEY, false},
        {"gross_gets", "应收", "全额清算", VALUE_MONEY, false},
        {"bilateral_pays", "应付", "双边轧差", VALUE_MONEY, false},
        {"bilateral_gets", "应收", "双边轧差", VALUE_MONEY, false},
        {"multilateral_pays", "应付", "多边净额", VALUE_MONEY, false},
        {"multilateral_gets", "应收", "多边净额", VALUE_MONEY, false},
        {"direction", "方向", "净额", VALUE_TEXT, false},
        {"net", "金额", "净额", VALUE_MONEY, true},
    };
    struct document_section *section =
        document_section(document, "各省净额", columns, sizeof columns / sizeof columns[0], 2);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const struct mode_sums gross = gross_of(month, p);
        const struct mode_sums bilateral = bilateral_of(month, p);
        const int64_t net = gross.gets - gross.pays;
        struct document_value *row = document_row(document, section);
        row[0] = value_text(document_text(document, "%02u", province_codes[p]));
        row[1] = value_text(names_province(p));
        row[2] = value_number(gross.pays);
        row[3] = value_number(gross.gets);
        row[4] = value_number(bilateral.pays);
        row[5] = value_number(bilateral.gets);
        row[6] = value_number(net < 0 ? -net : 0);
        row[7] = value_number(net > 0 ? net : 0);
        row[8] = value_text(net > 0 ? "应收" : net < 0 ? "应付" : "平");
        row[9] = value_number(net < 0 ? -net : net);
    }
    document_total(document, section, "合计");
}

struct document *build_national(const struct month *month, struct document_fault *fault)
{
    struct document_column amounts[MATRIX_COLUMNS];
    struct document_column counts[MATRIX_COLUMNS];
    ENSURE(month->province == MONTH_ANYBODY);
    struct document *document = build_of_month(month, DOCUMENT_CLR_NATIONAL, MONTH_ANYBODY);
    matrix_columns(VALUE_MONEY, amounts);
    matrix_columns(VALUE_COUNT, counts);

    put_matrix(document, month, "应付应收金额", document_columns(document, amounts, MATRIX_COLUMNS),
               false);
    put_matrix(document, month, "结算笔数", document_columns(document, counts, MATRIX_COLUMNS),
               true);
    put_positions(document, month);
    document_note(document, "行为参保省（付款方），列为就医省（收款方）；三种清算方式并列，实际划拨"
                            "以清算方式栏所列为准。");
    build_note_red(document);
    document->control_sum_column = MATRIX_COLUMNS - 1;
    /* The records stand on another sheet than the amounts. */
    document->extra_count = month->count;
    return build_finish(document, month->count, month->gross, fault);
}

/* -- a province's summary -----------------------------------------------------------------------
 */

struct summary_key {
    uint8_t other;
    uint32_t insutype;
    uint32_t line;
};

struct summary_row {
    struct summary_key key;
    uint64_t count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
    int64_t deducted;
    int64_t amount;
};

static int compare_rows(const void *a, const void *b)
{
    const struct summary_key *one = &((const struct summary_row *)a)->key;
    const struct summary_key *two = &((const struct summary_row *)b)->key;
    if (one->other != two->other) return one->other < two->other ? -1 : 1;
    if (one->insutype != two->insutype) return one->insutype < two->insutype ? -1 : 1;
    if (one->line != two->line) return one->line < two->line ? -1 : 1;
    return 0;
}

static bool is_of(const struct month_line *line, uint8_t province, bool is_receivable)
{
    return (is_receivable ? line->payee : line->payer) == province;
}

/* The province's lines, one row for each key, ascending; malloc'ed, *ret_count of them. */
static struct summary_row *sum_rows(const struct month *month, uint8_t province, bool is_receivable,
                                    size_t *ret_count)
{
    struct summary_row *rows = calloc(month->line_count + 1, sizeof *rows);
    NEED_MEMORY(rows);
    size_t count = 0;
    for (size_t i = 0; i < month->line_count; i++) {
        const struct month_line *line = &month->lines[i];
        if (!is_of(line, province, is_receivable)) continue;
        struct summary_row *row = &rows[count++];
        row->key = (struct summary_key){is_receivable ? line->payer : line->payee, line->insutype,
                                        line->line};
        row->count = line->count;
        row->medfee = line->medfee;
        memcpy(row->funds, line->funds, sizeof row->funds);
        row->deducted = line->deducted;
        row->amount = line->amount;
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_rows(&rows[kept - 1], &rows[i]) == 0) {
            struct summary_row *into = &rows[kept - 1];
            into->count += rows[i].count;
            into->medfee += rows[i].medfee;
            into->deducted += rows[i].deducted;
            into->amount += rows[i].amount;
            for (int f = 0; f < FUND_COUNT; f++) {
                into->funds[f] += rows[i].funds[f];
            }
        } else {
            rows[kept++] = rows[i];
        }
    }
    *ret_count = kept;
    return rows;
}

#define SUMMARY_COLUMNS(side, other, amount)                                                   \
    {                                                                                          \
        {other, side, NULL, VALUE_TEXT, false}, {"insutype", "险种", NULL, VALUE_TEXT, false}, \
            {"line", "就医类别", NULL, VALUE_TEXT, false},                                     \
            {"count", "结算笔数", NULL, VALUE_COUNT, false},                                   \
            {"medfee_sumamt", "医疗费总额", NULL, VALUE_MONEY, false},                         \
            {"pool", "统筹基金", "医保支付", VALUE_MONEY, false},                              \
            {"account", "个人账户", "医保支付", VALUE_MONEY, false},                           \
            {"supplement", "补充保险", "医保支付", VALUE_MONEY, false},                        \
            {"assistance", "医疗救助", "医保支付", VALUE_MONEY, false},                        \
            {"other", "其他基金", "医保支付", VALUE_MONEY, false},                             \
            {"deducted", "已扣减审核扣款", NULL, VALUE_MONEY, false},                          \
            {"amount", amount, NULL, VALUE_MONEY, false},                                      \
    }

static const struct document_column payable_columns[] =
    SUMMARY_COLUMNS("就医省", "payee", "应付金额");
static const struct document_column receivable_columns[] =
    SUMMARY_COLUMNS("参保省", "payer", "应收金额");
#define SUMMARY_COLUMN_COUNT (sizeof payable_columns / sizeof payable_columns[0])

static void put_summary(struct document *document, const struct summary_row *rows, size_t count,
                        bool is_receivable)
{
    struct document_section *section = document_section(
        document, is_receivable ? "应收清算表" : "应付清算表",
        is_receivable ? receivable_columns : payable_columns, SUMMARY_COLUMN_COUNT, 3);
    for (size_t i = 0; i < count; i++) {
        const struct summary_row *from = &rows[i];
        struct document_value *row = document_row(document, section);
        row[0] = value_text(names_province(from->key.other));
        row[1] = value_text(names_insutype(from->key.insutype));
        row[2] = value_text(names_line(from->key.line));
        row[3] = value_number((int64_t)from->count);
        row[4] = value_number(from->medfee);
        for (int f = 0; f < FUND_COUNT; f++) {
            row[5 + f] = value_number(from->funds[f]);
        }
        row[10] = value_number(from->deducted);
        row[11] = value_number(from->amount);
        if (i + 1 == count || rows[i + 1].key.other != from->key.other) {
            document_subtotal(document, section,
                              document_text(document, "%s 小计", names_province(from->key.other)));
        }
    }
    document_total(document, section, "合计");
}

/* By insurance and kind of care, without the counterpart: what the office compares first. */
static void put_classes(struct document *document, const struct summary_row *rows, size_t count,
                        bool is_receivable)
{
    static const struct document_column columns[2][4] = {
        {{"insutype", "险种", NULL, VALUE_TEXT, false},
         {"line", "就医类别", NULL, VALUE_TEXT, false},
         {"count", "结算笔数", NULL, VALUE_COUNT, false},
         {"amount", "应付金额", NULL, VALUE_MONEY, false}},
        {{"insutype", "险种", NULL, VALUE_TEXT, false},
         {"line", "就医类别", NULL, VALUE_TEXT, false},
         {"count", "结算笔数", NULL, VALUE_COUNT, false},
         {"amount", "应收金额", NULL, VALUE_MONEY, false}},
    };
    static const uint32_t insutypes[] = {310, 390, 340, 999};
    struct document_section *section =
        document_section(document, "险种与就医类别汇总", columns[is_receivable], 4, 2);
    for (size_t k = 0; k < sizeof insutypes / sizeof insutypes[0]; k++) {
        bool is_any = false;
        for (uint32_t line = 0; line < LINE_END; line++) {
            uint64_t records = 0;
            int64_t amount = 0;
            bool is_found = false;
            for (size_t i = 0; i < count; i++) {
                if (rows[i].key.insutype != insutypes[k] || rows[i].key.line != line) continue;
                is_found = true;
                records += rows[i].count;
                amount += rows[i].amount;
            }
            if (!is_found) continue;
            struct document_value *row = document_row(document, section);
            row[0] = value_text(names_insutype(insutypes[k]));
            row[1] = value_text(names_line(line));
            row[2] = value_number((int64_t)records);
            row[3] = value_number(amount);
            is_any = true;
        }
        if (!is_any) continue;
        document_subtotal(document, section,
                          document_text(document, "%s 小计", names_insutype(insutypes[k])));
    }
    document_total(document, section, "合计");
}

static const char *kind_name(const char *kind)
{
    return strcmp(kind, "CARRIED_CELL") == 0     ? "上期结转"
           : strcmp(kind, "CARRIED_RECORD") == 0 ? "单笔结转"
           : strcmp(kind, "RECOVERY") == 0       ? "违规追回"
           : strcmp(kind, "NEGATIVE_CARRY") == 0 ? "红字结转"
                                                 : "当期";
}

/* What did not simply fall into the month: it is in the table above, and named here. */
static void put_exceptions(struct document *document, const struct month *month, uint8_t province,
                           bool is_receivable)
{
    static const struct document_column columns[] = {
        {"kind", "来源", NULL, VALUE_TEXT, false},
        {"period", "结算月份", NULL, VALUE_TEXT, false},
        {"other", "对方省份", NULL, VALUE_TEXT, false},
        {"insutype", "险种", NULL, VALUE_TEXT, false},
        {"line", "就医类别", NULL, VALUE_TEXT, false},
        {"setl_id", "结算流水号", NULL, VALUE_TEXT, false},
        {"count", "结算笔数", NULL, VALUE_COUNT, false},
        {"amount", "金额", NULL, VALUE_MONEY, false},
    };
    struct document_section *section = NULL;
    for (size_t i = 0; i < month->line_count; i++) {
        const struct month_line *line = &month->lines[i];
        char period[NAMES_SIZE];
        if (strcmp(line->kind, "CELL") == 0 || !is_of(line, province, is_receivable)) continue;
        if (section == NULL) {
            section = document_section(document, "结转与追回", columns,
                                       sizeof columns / sizeof columns[0], 3);
        }
        struct document_value *row = document_row(document, section);
        row[0] = value_text(kind_name(line->kind));
        row[1] = value_text(document_text(document, "%s", names_period(line->period, period)));
        row[2] = value_text(names_province(is_receivable ? line->payer : line->payee));
        row[3] = value_text(names_insutype(line->insutype));
        row[4] = value_text(names_line(line->line));
        row[5] = value_text(document_text(document, "%s", line->setl_id));
        row[6] = value_number((int64_t)line->count);
        row[7] = value_number(line->amount);
    }
    if (section != NULL) document_total(document, section, "合计");
}

struct document *build_summary(const struct month *month, enum document_kind kind, uint8_t province,
                               struct document_fault *fault)
{
    const bool is_receivable = kind == DOCUMENT_CLR_RECEIVABLE;
    struct document *document = build_of_month(month, kind, province);
    size_t count;
    struct summary_row *rows = sum_rows(month, province, is_receivable, &count);
    put_summary(document, rows, count, is_receivable);
    put_classes(document, rows, count, is_receivable);
    put_exceptions(document, month, province, is_receivable);
    free(rows);

    document_note(document,
                  is_receivable
                      ? "应收金额为参保省应付本省的医保支付金额，审核扣款已扣减。"
                      : "应付金额为本省参保人在就医省发生的医保支付金额，审核扣款已扣减。");
    build_note_red(document);
    document->control_count_column = 3;
    document->control_sum_column = 11;

    uint64_t records = 0;
    int64_t amount = 0;
    for (uint8_t other = 0; other < PROVINCE_COUNT; other++) {
        records +=
            is_receivable ? month->records[other][province] : month->records[province][other];
        amount += is_receivable ? month->amount[other][province] : month->amount[province][other];
    }
    return build_finish(document, records, amount, fault);
}
