#include "tools/documents/statement.h"

#include <string.h>

#include "tools/client/yuan.h"
#include "tools/documents/build.h"
#include "tools/documents/names.h"
#include "types/civil.h"
#include "types/province.h"

/* Of a person and not of a month, so it is none of `qingfen document`'s kinds. */
static const struct document_type statement_type = {
    .kind = DOCUMENT_KIND_COUNT,
    .id = "STATEMENT",
    .title = "跨省异地就医医疗费用结算单",
    .issued = "settlement",
    .is_letter = true,
};

static const char *const amount_names[AMOUNT_COUNT] = {
    [AMOUNT_MEDFEE] = "医疗费总额",
    [AMOUNT_FUND_SUM] = "基金支付总额",
    [AMOUNT_HIFP] = "其中：统筹基金支付",
    [AMOUNT_CVLSERV] = "其中：公务员医疗补助",
    [AMOUNT_HIFES] = "其中：企业补充医疗保险",
    [AMOUNT_HIFMI] = "其中：居民大病保险",
    [AMOUNT_HIFOB] = "其中：职工大额医疗费用补助",
    [AMOUNT_HIFDM] = "其中：伤残人员医疗保障",
    [AMOUNT_MAF] = "其中：医疗救助基金",
    [AMOUNT_OTH] = "其中：其他支出",
    [AMOUNT_PSN_PART] = "个人负担总金额",
    [AMOUNT_ACCT] = "个人账户支出",
    [AMOUNT_MULAID] = "个人账户共济支付",
    [AMOUNT_WLT] = "医保钱包支付",
    [AMOUNT_CASH] = "个人现金支出",
    [AMOUNT_HOSP_PART] = "医院负担",
    [AMOUNT_FULAMT_OWNPAY] = "全自费金额",
    [AMOUNT_OVERLMT] = "超限价自费",
    [AMOUNT_PRESELFPAY] = "先行自付",
    [AMOUNT_INSCP_SCP] = "符合政策范围金额",
    [AMOUNT_ACT_PAY_DEDC] = "实际支付起付线",
};

const char *statement_amount_name(enum settlement_amount amount)
{
    return amount_names[amount];
}

static const struct {
    const char *word;
    const char *name;
} words[] = {
    {"refund", "退费"},     {"adjustment", "调整"}, {"correction", "冲正"}, {"payment", "钱包支付"},
    {"wallet", "钱包撤销"}, {"ACCRUED", "已结算"},  {"CLEARING", "清算中"}, {"REVERSED", "已冲正"},
};

const char *statement_step_name(const char *what)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i].word, what) == 0) return words[i].name;
    }
    return what;
}

/* -- the settlement and what came after it ------------------------------------------------------
 */

static const struct document_column chain_columns[] = {
    {"number", "流水号", NULL, VALUE_TEXT, false},
    {"what", "类型", NULL, VALUE_TEXT, false},
    {"at", "日期", NULL, VALUE_DATE, false},
    {"medfee_sumamt", "医疗费总额", NULL, VALUE_MONEY, false},
    {"fund_pay_sumamt", "基金支付", NULL, VALUE_MONEY, false},
    {"acct_pay", "账户", NULL, VALUE_MONEY, false},
    {"wlt_pay", "医保钱包", NULL, VALUE_MONEY, false},
    {"psn_cash_pay", "现金", NULL, VALUE_MONEY, false},
    {"clr_period", "清算期", NULL, VALUE_TEXT, false},
};

static void add_sums(struct paper_sums *sums, const struct paper_sums *more, int sign)
{
    sums->medfee += sign * more->medfee;
    sums->fund += sign * more->fund;
    sums->acct += sign * more->acct;
    sums->wlt += sign * more->wlt;
    sums->cash += sign * more->cash;
}

static void put_step(struct document *document, struct document_section *section,
                     const struct paper_step *step)
{
    char period[NAMES_SIZE];
    struct document_value *row = document_row(document, section);
    row[0] = value_text(document_text(document, "%s", step->number));
    row[1] = value_text(statement_step_name(step->what));
    if (step->at_ms != 0) row[2] = value_number(civil_day(step->at_ms));
    row[3] = value_number(step->sums.medfee);
    row[4] = value_number(step->sums.fund);
    row[5] = value_number(step->sums.acct);
    row[6] = value_number(step->sums.wlt);
    row[7] = value_number(step->sums.cash);
    if (step->period != 0) {
        row[8] = value_text(document_text(document, "%s", names_period(step->period, period)));
    }
}

static struct paper_step step_of_settlement(const struct statement_paper *paper)
{
    return (struct paper_step){
        .number = paper->setl_id,
        .what = "结算",
        .at_ms = paper->setl_ms,
        .period = paper->period,
        .sums = {.medfee = paper->amounts[AMOUNT_MEDFEE],
                 .fund = paper->amounts[AMOUNT_FUND_SUM],
                 .acct = paper->amounts[AMOUNT_ACCT],
                 .wlt = paper->amounts[AMOUNT_WLT],
                 .cash = paper->amounts[AMOUNT_CASH]},
    };
}

/* False when the rows do not give what the ledger says is left. A chain that is not whole gets a
 * row for what is not listed. */
static bool put_chain(struct document *document, const struct statement_paper *paper,
                      struct document_fault *fault)
{
    static const struct paper_sums nothing;
    struct document_section *section = document_section(
        document, "结算与变动", chain_columns, sizeof chain_columns / sizeof chain_columns[0], 3);
    const struct paper_step first = step_of_settlement(paper);
    struct paper_sums rest = paper->left;
    put_step(document, section, &first);
    add_sums(&rest, &first.sums, -1);
    for (size_t i = 0; i < paper->step_count; i++)
        add_sums(&rest, &paper->steps[i].sums, -1);
    if (memcmp(&rest, &nothing, sizeof rest) != 0) {
        if (paper->remark[0] == '\0') {
            return document_fail(fault, "%s: the settlement and its chain do not give what is left",
                                 paper->setl_id);
        }
        put_step(document, section,
                 &(struct paper_step){.number = "", .what = "此前变动合计", .sums = rest});
    }
    for (size_t i = 0; i < paper->step_count; i++)
        put_step(document, section, &paper->steps[i]);
    document_total(document, section, "现存金额");
    return true;
}

/* -- its figures --------------------------------------------------------------------------------
 */

/* Shown also when it is zero; parts of a sum only when there is something. */
static bool is_always_shown(enum settlement_amount amount)
{
    return amount == AMOUNT_MEDFEE || amount == AMOUNT_FUND_SUM || amount == AMOUNT_PSN_PART ||
           amount == AMOUNT_ACCT || amount == AMOUNT_WLT || amount == AMOUNT_CASH;
}

static void put_amounts(struct document *document, const struct statement_paper *paper)
{
    static const struct document_column columns[] = {
        {"item", "项目", NULL, VALUE_TEXT, false},
        {"amount", "金额", NULL, VALUE_MONEY, true},
    };
    struct document_section *section = document_section(document, "费用构成", columns, 2, 1);
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (paper->amounts[i] == 0 && !is_always_shown((enum settlement_amount)i)) continue;
        struct document_value *row = document_row(document, section);
        row[0] = value_text(amount_names[i]);
        row[1] = value_number(paper->amounts[i]);
    }
}

static void put_lots(struct document *document, const struct statement_paper *paper)
{
    static const struct document_column columns[] = {
        {"province", "共济人参保省份", NULL, VALUE_TEXT, false},
        {"amount", "金额", NULL, VALUE_MONEY, false},
    };
    if (paper->lot_count == 0) return;
    struct document_section *section = document_section(document, "医保钱包来源", columns, 2, 1);
    for (size_t i = 0; i < paper->lot_count; i++) {
        struct document_value *row = document_row(document, section);
        row[0] = value_text(names_province(paper->lots[i].province));
        row[1] = value_number(paper->lots[i].amount);
    }
    document_total(document, section, "合计");
}

/* -- the head -----------------------------------------------------------------------------------
 */

static void put_institution(struct document *document, const struct statement_paper *paper)
{
    const bool is_named = paper->fixmedins_name[0] != '\0';
    document_fact(document, "定点医药机构",
                  document_text(document, "%s%s%s%s", paper->fixmedins_name, is_named ? "（" : "",
                                paper->fixmedins_code, is_named ? "）" : ""));
}

static void put_care(struct document *document, const struct statement_paper *paper)
{
    char first[NAMES_SIZE];
    char last[NAMES_SIZE];
    if (paper->begin_ms == 0 && paper->end_ms == 0) return;
    document_fact(document, "就诊日期",
                  document_text(document, "%s 至 %s", names_day_of(paper->begin_ms, first),
                                names_day_of(paper->end_ms, last)));
}

static void put_head(struct document *document, const struct statement_paper *paper)
{
    char text[NAMES_SIZE];
    char datetime[CIVIL_DATETIME_SIZE];
    document->title = statement_type.title;
    document->number =
        document_text(document, "STATEMENT-%06u-%s", paper->insu_admdvs, paper->setl_id);
    document->period = paper->period;
    document->province = paper->insu_admdvs / 10000;
    document->version = 1;
    document_fact(document, "参保地",
                  document_text(document, "%s", names_area(paper->insu_admdvs, text)));
    document_fact(document, "就医地",
                  document_text(document, "%s", names_area(paper->mdtrtarea_admvs, text)));
    put_institution(document, paper);
    document_fact(document, "险种", names_insutype(paper->insutype));
    document_fact(document, "医疗类别",
                  document_text(document, "%u%s%s", paper->med_type,
                                paper->dise_codg[0] != '\0' ? " 病种 " : "", paper->dise_codg));
    if (paper->mdtrt_id[0] != '\0') {
        document_fact(document, "就诊流水号", document_text(document, "%s", paper->mdtrt_id));
    }
    put_care(document, paper);
    civil_format_datetime(paper->setl_ms, datetime);
    document_fact(document, "结算时间", document_text(document, "%s", datetime));
    document_fact(document, "清算期",
                  document_text(document, "%s", names_period(paper->period, text)));
    document_fact(document, "状态", statement_step_name(paper->state));
}

/* The latest of what is told: the engine's times, no clock is asked. */
static int64_t as_of(const struct statement_paper *paper)
{
    int64_t ms = paper->posted_ms;
    for (size_t i = 0; i < paper->step_count; i++) {
        if (paper->steps[i].at_ms > ms) ms = paper->steps[i].at_ms;
    }
    return ms;
}

struct document *build_statement(const struct statement_paper *paper, struct document_fault *fault)
{
    struct document *document = document_new(&statement_type);
    document->as_of_ms = as_of(paper);
    put_head(document, paper);
    if (!put_chain(document, paper, fault)) {
        document_free(document);
        return NULL;
    }
    put_amounts(document, paper);
    put_lots(document, paper);
    document_note(document,
                  "本单仅为跨省直接结算一笔费用，不含姓名和证件号码；费用构成中未列的项目为零。");
    document_note(document, "红字金额为冲减数；现存金额为本笔结算扣减退费、调整、冲正后的余额。");
    if (paper->remark[0] != '\0') document_note(document, "变动较多，仅列最近部分。");
    document->control_sum_column = 3;
    return build_finish(document, 0, paper->left.medfee, fault);
}
