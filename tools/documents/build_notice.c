/* build_notice -- payment and receipt notices: of the clearing, of the year's prefunds, and of
 * emergency increases. */
#include <string.h>

#include "tools/client/yuan.h"
#include "tools/documents/build.h"
#include "tools/documents/capitals.h"
#include "tools/documents/names.h"
#include "types/civil.h"

static bool is_emergency_kind(enum document_kind kind)
{
    return kind == DOCUMENT_PREFUND_EMG_PAY || kind == DOCUMENT_PREFUND_EMG_RECV;
}

static bool is_clearing_kind(enum document_kind kind)
{
    return kind == DOCUMENT_NOTICE_PAY || kind == DOCUMENT_NOTICE_RECV;
}

static bool is_year_kind(enum document_kind kind)
{
    return kind == DOCUMENT_PREFUND_PAY || kind == DOCUMENT_PREFUND_RECV;
}

/* The kind of notice belongs to the kind of document. */
static bool is_of_kind(enum document_kind kind, const struct month_notice *notice)
{
    if (is_emergency_kind(kind)) return strcmp(notice->kind, "PREFUND_EMERGENCY") == 0;
    if (is_clearing_kind(kind)) return !notice_is_prefund(notice);
    return strcmp(notice->kind, "PREFUND_YEAR") == 0 ||
           strcmp(notice->kind, "PREFUND_OPENING") == 0;
}

static bool is_in_period(enum document_kind kind, const struct notice_choice *choice,
                         const struct month_notice *notice)
{
    const bool is_issued_in_it = civil_month(notice->issued_ms) == choice->period;
    if (is_clearing_kind(kind)) return notice->period == choice->period;
    /* A deposit that was there before has nothing to pay; its notice is made by number only. */
    if (strcmp(notice->kind, "PREFUND_OPENING") == 0) return false;
    /* An emergency follows from the clearing of its month, and is issued in the one after. */
    if (!is_year_kind(kind)) {
        return notice->period == choice->period || (is_issued_in_it && !choice->issued_in_month);
    }
    return choice->issued_in_month ? is_issued_in_it : notice->period == choice->period / 100;
}

static bool is_chosen(const struct document_type *type, const struct notice_choice *choice,
                      const struct month_notice *notice)
{
    if (!is_of_kind(type->kind, notice)) return false;
    if (choice->number != NULL) {
        /* The clearing account has no copies of its own: the other party makes them. */
        return strcmp(choice->number, notice->number) == 0 &&
               (notice->payer == choice->province || notice->payee == choice->province);
    }
    return (type->is_to_be_paid ? notice->payer : notice->payee) == choice->province &&
           notice_is_valid(notice) && is_in_period(type->kind, choice, notice);
}

#define CLEARING_COLUMNS(other)                                      \
    {                                                                \
        {"number", "通知书编号", NULL, VALUE_TEXT, false},           \
            {"other", other, NULL, VALUE_TEXT, false},               \
            {"amount", "金额", NULL, VALUE_MONEY, false},            \
            {"file_due", "申请", "截止日期", VALUE_DATE, false},     \
            {"transfer_due", "划拨", "截止日期", VALUE_DATE, false}, \
            {"feedback_due", "反馈", "截止日期", VALUE_DATE, false}, \
            {"state", "状态", NULL, VALUE_TEXT, false},              \
    }

#define PREFUND_COLUMNS(other)                                       \
    {                                                                \
        {"number", "通知书编号", NULL, VALUE_TEXT, false},           \
            {"other", other, NULL, VALUE_TEXT, false},               \
            {"old", "原额度", "预付金", VALUE_MONEY, false},         \
            {"new", "新额度", "预付金", VALUE_MONEY, false},         \
            {"direction", "调整", NULL, VALUE_TEXT, false},          \
            {"amount", "本次金额", NULL, VALUE_MONEY, false},        \
            {"transfer_due", "划拨", "截止日期", VALUE_DATE, false}, \
            {"feedback_due", "反馈", "截止日期", VALUE_DATE, false}, \
    }

static const struct document_column clearing_columns[2][7] = {CLEARING_COLUMNS("付款方"),
                                                              CLEARING_COLUMNS("收款方")};
static const struct document_column prefund_columns[2][8] = {PREFUND_COLUMNS("付款方"),
                                                             PREFUND_COLUMNS("收款方")};

static void put_row(struct document *document, struct document_section *section,
                    const struct month_notice *notice)
{
    const uint8_t other = document->type->is_to_be_paid ? notice->payee : notice->payer;
    struct document_value *row = document_row(document, section);
    row[0] = value_text(document_text(document, "%s", notice->number));
    row[1] = value_text(names_province(other));
    if (is_clearing_kind(document->type->kind)) {
        row[2] = value_number(notice->amount);
        row[3] = value_number(notice->file_due);
        row[4] = value_number(notice->transfer_due);
        row[5] = value_number(notice->feedback_due);
        row[6] = value_text(document_text(document, "%s", names_notice_state(notice->state)));
        return;
    }
    row[2] = value_number(notice->old_amount);
    row[3] = value_number(notice->new_amount);
    row[4] = value_text(notice->new_amount < notice->old_amount ? "调减退回" : "调增补缴");
    row[5] = value_number(notice->amount);
    row[6] = value_number(notice->transfer_due);
    row[7] = value_number(notice->feedback_due);
}

/* Amount by amount in capitals, in the order of the table above it. */
static void put_capitals(struct document *document, const struct document_section *from,
                         uint32_t amount_column)
{
    static const struct document_column columns[2][3] = {
        {{"other", "付款方", NULL, VALUE_TEXT, false},
         {"amount", "金额（小写）", NULL, VALUE_MONEY, false},
         {"capitals", "金额（大写）", NULL, VALUE_TEXT, false}},
        {{"other", "收款方", NULL, VALUE_TEXT, false},
         {"amount", "金额（小写）", NULL, VALUE_MONEY, false},
         {"capitals", "金额（大写）", NULL, VALUE_TEXT, false}},
    };
    char capitals[CAPITALS_SIZE];
    struct document_section *section =
        document_section(document, "大写金额", columns[document->type->is_to_be_paid], 3, 1);
    int64_t total = 0;
    for (uint32_t r = 0; r < from->row_count; r++) {
        if (from->rows[r].kind != DOCUMENT_ROW) continue;
        struct document_value *row = document_row(document, section);
        row[0] = from->rows[r].values[1];
        row[1] = from->rows[r].values[amount_column];
        row[2] = value_text(
            document_text(document, "人民币%s", capitals_format(row[1].number, capitals)));
        total += row[1].number;
    }
    document_total(document, section, "合计");
    section->rows[section->row_count - 1].values[2] =
        value_text(document_text(document, "人民币%s", capitals_format(total, capitals)));
}

static void put_letter(struct document *document, const struct month_notice *first, uint32_t count,
                       int64_t total)
{
    const struct document_type *type = document->type;
    char period[NAMES_SIZE];
    char yuan[YUAN_SIZE];
    char capitals[CAPITALS_SIZE];
    const uint8_t own = type->is_to_be_paid ? first->payer : first->payee;
    const char *verb = type->is_to_be_paid ? "应付" : "应收";
    names_period(first->period, period);
    yuan_format_grouped(total, yuan);
    capitals_format(total, capitals);

    document_paragraph(document,
                       document_text(document, "%s医疗保障经办机构：", names_province(own)));
    if (is_clearing_kind(type->kind)) {
        document_paragraph(
            document,
            document_text(
                document,
                "根据基本医疗保险跨省异地就医直接结算经办规程及%s清算结果（%s），你单位%s跨省异"
                "地就医医疗费用 %u 笔款项，合计 ￥%s（人民币%s），明细见下表。",
                period, names_mode(first->mode), verb, count, yuan, capitals));
    } else {
        document_paragraph(
            document,
            document_text(
                document,
                "根据基本医疗保险跨省异地就医直接结算经办规程，%s跨省异地就医预付金%s，你单位%s"
                "预付金 %u 笔款项，合计 ￥%s（人民币%s），明细见下表。",
                period, is_year_kind(type->kind) ? "额度年度调整" : "额度紧急调增", verb, count,
                yuan, capitals));
    }
    document_paragraph(
        document,
        document_text(
            document, "%s",
            type->is_to_be_paid
                ? "请按表列期限向同级财政部门提交用款申请，由财政部门划拨至收款方省级财政专"
                  "户，并书面反馈付款情况。银行手续费、票据工本费不得在基金中列支。"
                : "请在款项到账后按表列期限核对入账，并书面反馈收款情况。"));
}

/* Number, version, facts: of one notice its own, of several the document's. */
static void put_head(struct document *document, const struct notice_choice *choice,
                     const struct month_notice *first, uint32_t version)
{
    const struct document_type *type = document->type;
    const uint8_t own = type->is_to_be_paid ? first->payer : first->payee;
    char text[NAMES_SIZE];
    document->period = first->period;
    document->version = version;
    document->province = own < PROVINCE_COUNT ? province_codes[own] : 0;
    document->title = document_text(document, "%s%s%s", names_province(own), type->title,
                                    is_year_kind(type->kind) ? "（年度调整）" : "");
    document->number = choice->number != NULL
                           ? document_text(document, "%s", first->number)
                           : document_text(document, "%s-%u-%02u-V%u", type->id, choice->period,
                                           document->province, version);
    document_fact(document, is_year_kind(type->kind) ? "年度" : "清算期",
                  document_text(document, "%s", names_period(first->period, text)));
    document_fact(document, "版本", document_text(document, "第%u版", version));
    if (is_clearing_kind(type->kind)) {
        document_fact(document, "清算方式", document_text(document, "%s", names_mode(first->mode)));
    }
    document_fact(document, type->is_to_be_paid ? "付款方" : "收款方", names_province(own));
    document_fact(document, "下达日期",
                  document_text(document, "%s", names_day_of(document->as_of_ms, text)));
    if (choice->number != NULL && first->replaces[0] != '\0') {
        document_fact(document, "替代", document_text(document, "%s", first->replaces));
    }
    if (!notice_is_valid(first)) document_fact(document, "状态", "已作废");
}

struct document *build_notice(enum document_kind kind, const struct notice_choice *choice,
                              struct notice_list notices, struct document_fault *fault)
{
    const struct document_type *type = &document_types[kind];
    const bool is_clearing = is_clearing_kind(kind);
    const uint32_t amount_column = is_clearing ? 2 : 5;
    const struct month_notice *first = NULL;
    uint32_t count = 0;
    uint32_t version = 0;
    int64_t total = 0;
    int64_t as_of_ms = 0;
    fault->text[0] = '\0';
    for (size_t i = 0; i < notices.count; i++) {
        const struct month_notice *notice = &notices.rows[i];
        if (!is_chosen(type, choice, notice)) continue;
        if (first == NULL) first = notice;
        if (notice->amount <= 0 || __builtin_add_overflow(total, notice->amount, &total)) {
            document_fail(fault, "%s: an amount that cannot be asked for", notice->number);
            return NULL;
        }
        count++;
        if (notice->version > version) version = notice->version;
        if (notice->issued_ms > as_of_ms) as_of_ms = notice->issued_ms;
    }
    if (first == NULL) return NULL;

    struct document *document = document_new(type);
    document->as_of_ms = as_of_ms;
    put_head(document, choice, first, version);
    put_letter(document, first, count, total);
    struct document_section *section =
        is_clearing
            ? document_section(document, "款项明细", clearing_columns[type->is_to_be_paid], 7, 2)
            : document_section(document, "款项明细", prefund_columns[type->is_to_be_paid], 8, 2);
    for (size_t i = 0; i < notices.count; i++) {
        if (is_chosen(type, choice, &notices.rows[i])) {
            put_row(document, section, &notices.rows[i]);
        }
    }
    document_total(document, section, "合计");
    put_capitals(document, section, amount_column);
    document->control_sum_column = (int)amount_column;
    return build_finish(document, 0, total, fault);
}
