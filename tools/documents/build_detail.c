/* build_detail -- 职工 / 居民医保基金应付（应收）明细表: a province's own areas, its second level.
 */
#include <stdlib.h>
#include <string.h>

#include "tools/documents/build.h"
#include "tools/documents/names.h"
#include "types/ensure.h"

#define RESIDENT 390

struct detail_row {
    uint32_t admdvs;
    uint8_t other; /* MONTH_ANYBODY: all counterparts together. */
    uint32_t insutype;
    uint64_t count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
    int64_t amount;
};

static int compare_rows(const void *a, const void *b)
{
    const struct detail_row *one = a;
    const struct detail_row *two = b;
    if (one->admdvs != two->admdvs) return one->admdvs < two->admdvs ? -1 : 1;
    if (one->other != two->other) return one->other < two->other ? -1 : 1;
    if (one->insutype != two->insutype) return one->insutype < two->insutype ? -1 : 1;
    return 0;
}

/* One row an area, insurance and, where asked for, counterpart; malloc'ed. */
static struct detail_row *sum_rows(struct area_list areas, bool is_resident, bool by_counterpart,
                                   size_t *ret_count)
{
    struct detail_row *rows = calloc(areas.count + 1, sizeof *rows);
    NEED_MEMORY(rows);
    size_t count = 0;
    for (size_t i = 0; i < areas.count; i++) {
        const struct month_area *area = &areas.rows[i];
        if ((area->insutype == RESIDENT) != is_resident) continue;
        struct detail_row *row = &rows[count++];
        row->admdvs = area->admdvs;
        row->other = by_counterpart ? area->counterpart : MONTH_ANYBODY;
        row->insutype = area->insutype;
        row->count = area->count;
        row->medfee = area->medfee;
        memcpy(row->funds, area->funds, sizeof row->funds);
        row->amount = area->amount;
    }
    qsort(rows, count, sizeof *rows, compare_rows);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || compare_rows(&rows[kept - 1], &rows[i]) != 0) {
            rows[kept++] = rows[i];
            continue;
        }
        struct detail_row *into = &rows[kept - 1];
        into->count += rows[i].count;
        into->medfee += rows[i].medfee;
        into->amount += rows[i].amount;
        for (int f = 0; f < FUND_COUNT; f++) {
            into->funds[f] += rows[i].funds[f];
        }
    }
    *ret_count = kept;
    return rows;
}

#define DETAIL_COLUMNS(amount)                                          \
    {                                                                   \
        {"admdvs", "区划代码", NULL, VALUE_TEXT, false},                \
            {"area", "统筹区", NULL, VALUE_TEXT, false},                \
            {"insutype", "险种", NULL, VALUE_TEXT, false},              \
            {"count", "结算笔数", NULL, VALUE_COUNT, false},            \
            {"medfee_sumamt", "医疗费总额", NULL, VALUE_MONEY, false},  \
            {"pool", "统筹基金", "医保支付", VALUE_MONEY, false},       \
            {"account", "个人账户", "医保支付", VALUE_MONEY, false},    \
            {"supplement", "补充保险", "医保支付", VALUE_MONEY, false}, \
            {"assistance", "医疗救助", "医保支付", VALUE_MONEY, false}, \
            {"other", "其他基金", "医保支付", VALUE_MONEY, false},      \
            {"amount", amount, NULL, VALUE_MONEY, false},               \
    }

#define PAIR_COLUMNS(side, amount)                           \
    {                                                        \
        {"admdvs", "区划代码", NULL, VALUE_TEXT, false},     \
            {"area", "统筹区", NULL, VALUE_TEXT, false},     \
            {"counterpart", side, NULL, VALUE_TEXT, false},  \
            {"insutype", "险种", NULL, VALUE_TEXT, false},   \
            {"count", "结算笔数", NULL, VALUE_COUNT, false}, \
            {"amount", amount, NULL, VALUE_MONEY, false},    \
    }

static const struct document_column detail_columns[2][11] = {DETAIL_COLUMNS("应付金额"),
                                                             DETAIL_COLUMNS("应收金额")};
static const struct document_column pair_columns[2][6] = {PAIR_COLUMNS("就医省", "应付金额"),
                                                          PAIR_COLUMNS("参保省", "应收金额")};

static void put_areas(struct document *document, struct area_list areas, bool is_resident,
                      bool is_receivable)
{
    size_t count;
    char name[NAMES_SIZE];
    struct detail_row *rows = sum_rows(areas, is_resident, false, &count);
    struct document_section *section =
        document_section(document, is_receivable ? "应收明细（按统筹区）" : "应付明细（按统筹区）",
                         detail_columns[is_receivable], 11, 3);
    for (size_t i = 0; i < count; i++) {
        struct document_value *row = document_row(document, section);
        row[0] = value_text(document_text(document, "%06u", rows[i].admdvs));
        row[1] = value_text(document_text(document, "%s", names_area(rows[i].admdvs, name)));
        row[2] = value_text(names_insutype(rows[i].insutype));
        row[3] = value_number((int64_t)rows[i].count);
        row[4] = value_number(rows[i].medfee);
        for (int f = 0; f < FUND_COUNT; f++) {
            row[5 + f] = value_number(rows[i].funds[f]);
        }
        row[10] = value_number(rows[i].amount);
    }
    document_total(document, section, "合计");
    free(rows);
}

static void put_pairs(struct document *document, struct area_list areas, bool is_resident,
                      bool is_receivable)
{
    size_t count;
    char name[NAMES_SIZE];
    struct detail_row *rows = sum_rows(areas, is_resident, true, &count);
    struct document_section *section =
        document_section(document, is_receivable ? "应收明细（按参保省）" : "应付明细（按就医省）",
                         pair_columns[is_receivable], 6, 3);
    for (size_t i = 0; i < count; i++) {
        struct document_value *row = document_row(document, section);
        row[0] = value_text(document_text(document, "%06u", rows[i].admdvs));
        row[1] = value_text(document_text(document, "%s", names_area(rows[i].admdvs, name)));
        row[2] = value_text(names_province(rows[i].other));
        row[3] = value_text(names_insutype(rows[i].insutype));
        row[4] = value_number((int64_t)rows[i].count);
        row[5] = value_number(rows[i].amount);
        if (i + 1 == count || rows[i + 1].admdvs != rows[i].admdvs) {
            document_subtotal(document, section,
                              document_text(document, "%06u 小计", rows[i].admdvs));
        }
    }
    document_total(document, section, "合计");
    free(rows);
}

struct document *build_detail(const struct month *month, enum document_kind kind, uint8_t province,
                              struct area_list payable, struct area_list receivable,
                              struct document_fault *fault)
{
    const bool is_resident = kind == DOCUMENT_CLR_DETAIL_RES;
    struct document *document = build_of_month(month, kind, province);
    put_areas(document, payable, is_resident, false);
    put_areas(document, receivable, is_resident, true);
    put_pairs(document, payable, is_resident, false);
    put_pairs(document, receivable, is_resident, true);
    if (!is_resident) {
        document_note(
            document,
            "离休及其他险种并入本表，以险种栏区分；本表与居民表相加等于应付（应收）清算表。");
    }
    document_note(document,
                  "控制数为应付明细的合计；无法归属统筹区的款项（如红字结转）区划代码为000000。");
    build_note_red(document);
    document->control_count_column = 3;
    document->control_sum_column = 10;

    /* What the ledger has of this insurance as payer. */
    uint64_t records = 0;
    int64_t amount = 0;
    for (size_t i = 0; i < month->line_count; i++) {
        const struct month_line *line = &month->lines[i];
        if (line->payer != province || (line->insutype == RESIDENT) != is_resident) continue;
        records += line->count;
        amount += line->amount;
    }
    return build_finish(document, records, amount, fault);
}
