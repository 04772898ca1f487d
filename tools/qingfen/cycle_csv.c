#include "tools/qingfen/cycle_csv.h"

#include <stdio.h>
#include <string.h>

#include "tools/client/yuan.h"
#include "types/province.h"

/* -- fields -------------------------------------------------------------------------------------
 */

static bool complain(struct csv_pick *pick, const char *column, const char *why)
{
    snprintf(pick->text, sizeof(pick->text), "%s: %s", column, why);
    return false;
}

/* A whole number up to `most`; an empty field is 0. */
static bool read_number(struct csv_pick *pick, const char *column, size_t field, uint64_t most,
                        uint64_t *ret_number)
{
    uint64_t number = 0;
    for (const char *at = pick->fields[field]; *at != '\0'; at++) {
        if (*at < '0' || *at > '9') return complain(pick, column, "not a whole number");
        if (__builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*at - '0'), &number) || number > most) {
            return complain(pick, column, "too large");
        }
    }
    *ret_number = number;
    return true;
}

static bool read_code(struct csv_pick *pick, const char *column, size_t field, uint64_t most,
                      uint32_t *ret_code)
{
    uint64_t number;
    if (!read_number(pick, column, field, most, &number)) return false;
    *ret_code = (uint32_t)number;
    return true;
}

static bool read_province(struct csv_pick *pick, const char *column, size_t field,
                          uint32_t *ret_code)
{
    if (!read_code(pick, column, field, 99, ret_code)) return false;
    if (province_index(*ret_code) != PROVINCE_NONE) return true;
    return complain(pick, column, "not the two digits of a province");
}

static bool read_area(struct csv_pick *pick, const char *column, size_t field, uint32_t *ret_area)
{
    if (!read_code(pick, column, field, 999999, ret_area)) return false;
    if (*ret_area >= 100000 && province_of_area(*ret_area) != PROVINCE_NONE) return true;
    return complain(pick, column, "not the six digits of an area");
}

/* Yuan; an empty field is 0. */
static bool read_yuan(struct csv_pick *pick, const char *column, size_t field, int64_t *ret_fen)
{
    *ret_fen = 0;
    if (pick->fields[field][0] == '\0' || yuan_parse(pick->fields[field], ret_fen)) return true;
    return complain(pick, column, "not an amount in yuan with at most two decimals");
}

static bool read_setl_id(struct csv_pick *pick, size_t field, char ret_id[SETL_ID_SIZE])
{
    const size_t size = strlen(pick->fields[field]);
    if (size == 0) return complain(pick, "setl_id", "missing");
    if (size >= SETL_ID_SIZE) return complain(pick, "setl_id", "longer than 30 bytes");
    memcpy(ret_id, pick->fields[field], size + 1);
    return true;
}

/* -- totals -------------------------------------------------------------------------------------
 */

enum {
    TOTAL_PAYER,
    TOTAL_PAYEE,
    TOTAL_LINE,
    TOTAL_INSUTYPE,
    TOTAL_NUMBER,
    TOTAL_MEDFEE,
    TOTAL_FUND,
    TOTAL_ACCT,
    TOTAL_COLUMNS
};

bool totals_begin(struct csv_pick *pick, struct bytes text)
{
    static const char *const names[TOTAL_COLUMNS] = {"payer",           "payee",   "line",
                                                     "insutype",        "count",   "medfee_sumamt",
                                                     "fund_pay_sumamt", "acct_pay"};
    return csv_pick_begin(pick, text, names, TOTAL_COLUMNS, TOTAL_COLUMNS);
}

static bool read_total(struct csv_pick *pick, struct total_row *row)
{
    return read_province(pick, "payer", TOTAL_PAYER, &row->payer) &&
           read_province(pick, "payee", TOTAL_PAYEE, &row->payee) &&
           read_code(pick, "line", TOTAL_LINE, 99, &row->line) &&
           read_code(pick, "insutype", TOTAL_INSUTYPE, 999, &row->insutype) &&
           read_number(pick, "count", TOTAL_NUMBER, INT64_MAX, &row->count) &&
           read_yuan(pick, "medfee_sumamt", TOTAL_MEDFEE, &row->medfee) &&
           read_yuan(pick, "fund_pay_sumamt", TOTAL_FUND, &row->fund) &&
           read_yuan(pick, "acct_pay", TOTAL_ACCT, &row->acct);
}

enum csv_pick_status totals_next(struct csv_pick *pick, struct total_row *ret_row)
{
    const enum csv_pick_status status = csv_pick_next(pick);
    if (status != CSV_PICK_ROW) return status;
    return read_total(pick, ret_row) ? CSV_PICK_ROW : CSV_PICK_BAD;
}

/* -- records ------------------------------------------------------------------------------------
 */

enum {
    ITEM_INSU,
    ITEM_SETL_ID,
    ITEM_MEDFEE,
    ITEM_FUND,
    ITEM_ACCT,
    ITEM_REQUIRED,
    ITEM_REFUND = ITEM_REQUIRED,
    ITEM_MDTRT,
    ITEM_TIME,
    ITEM_INFNO,
    ITEM_COLUMNS
};

bool items_begin(struct csv_pick *pick, struct bytes text)
{
    static const char *const names[ITEM_COLUMNS] = {
        "insu_admdvs",     "setl_id",   "medfee_sumamt",
        "fund_pay_sumamt", "acct_pay",  "refd_setl_flag",
        "mdtrtarea_admvs", "setl_time", "infno"};
    return csv_pick_begin(pick, text, names, ITEM_COLUMNS, ITEM_REQUIRED);
}

static bool read_item(struct csv_pick *pick, struct item_row *row)
{
    return read_area(pick, "insu_admdvs", ITEM_INSU, &row->insu_admdvs) &&
           read_setl_id(pick, ITEM_SETL_ID, row->setl_id) &&
           read_yuan(pick, "medfee_sumamt", ITEM_MEDFEE, &row->medfee) &&
           read_yuan(pick, "fund_pay_sumamt", ITEM_FUND, &row->fund) &&
           read_yuan(pick, "acct_pay", ITEM_ACCT, &row->acct) &&
           read_code(pick, "refd_setl_flag", ITEM_REFUND, 1, &row->refund);
}

/* Whether "yyyy-MM-dd HH:mm:ss" is of that day. */
static bool is_of_day(const char *time, uint32_t day)
{
    char text[16];
    snprintf(text, sizeof(text), "%04u-%02u-%02u", day / 10000 % 10000, day / 100 % 100, day % 100);
    return strncmp(time, text, 10) == 0;
}

/* Whether the file itself says that the record belongs to another pair or day. Areas that are none
 * are read later, where they can be complained about. */
static bool is_other(const struct csv_pick *pick, const struct item_filter *filter)
{
    if (strcmp(pick->fields[ITEM_INFNO], "2601") == 0) return true;
    if (pick->present[ITEM_TIME] && !is_of_day(pick->fields[ITEM_TIME], filter->day)) return true;
    if (!pick->present[ITEM_MDTRT]) return false;
    char payer[4];
    char payee[4];
    snprintf(payer, sizeof(payer), "%02u", filter->payer % 100);
    snprintf(payee, sizeof(payee), "%02u", filter->payee % 100);
    return strncmp(pick->fields[ITEM_INSU], payer, 2) != 0 ||
           strncmp(pick->fields[ITEM_MDTRT], payee, 2) != 0;
}

enum csv_pick_status items_next(struct csv_pick *pick, const struct item_filter *filter,
                                uint64_t *passed, struct item_row *ret_row)
{
    enum csv_pick_status status;
    while ((status = csv_pick_next(pick)) == CSV_PICK_ROW && is_other(pick, filter)) {
        ++*passed;
    }
    if (status != CSV_PICK_ROW) return status;
    if (!read_item(pick, ret_row)) return CSV_PICK_BAD;
    if (ret_row->insu_admdvs / 10000 == filter->payer) return CSV_PICK_ROW;
    complain(pick, "insu_admdvs", "not of the payer's province");
    return CSV_PICK_BAD;
}

/* -- confirmations ------------------------------------------------------------------------------
 */

enum {
    CONFIRM_INSU,
    CONFIRM_SETL_ID,
    CONFIRM_FLAG,
    CONFIRM_REQUIRED,
    CONFIRM_DEDUCT = CONFIRM_REQUIRED,
    CONFIRM_DET_TYPE,
    CONFIRM_COLUMNS
};

bool confirms_begin(struct csv_pick *pick, struct bytes text)
{
    static const char *const names[CONFIRM_COLUMNS] = {"insu_admdvs", "setl_id", "cnfm_flag",
                                                       "deduct_amt", "det_type"};
    return csv_pick_begin(pick, text, names, CONFIRM_COLUMNS, CONFIRM_REQUIRED);
}

static bool read_confirm(struct csv_pick *pick, struct record_row *row)
{
    if (pick->fields[CONFIRM_FLAG][0] == '\0') return complain(pick, "cnfm_flag", "missing");
    if (!read_area(pick, "insu_admdvs", CONFIRM_INSU, &row->insu_admdvs) ||
        !read_setl_id(pick, CONFIRM_SETL_ID, row->setl_id) ||
        !read_code(pick, "cnfm_flag", CONFIRM_FLAG, 9, &row->cnfm_flag) ||
        !read_yuan(pick, "deduct_amt", CONFIRM_DEDUCT, &row->deduct) ||
        !read_code(pick, "det_type", CONFIRM_DET_TYPE, 99, &row->det_type)) {
        return false;
    }
    if (row->cnfm_flag > 1)
        return complain(pick, "cnfm_flag", "should be 0, held, or 1, confirmed");
    if (row->deduct < 0) return complain(pick, "deduct_amt", "below 0");
    return true;
}

enum csv_pick_status confirms_next(struct csv_pick *pick, struct record_row *ret_row)
{
    const enum csv_pick_status status = csv_pick_next(pick);
    if (status != CSV_PICK_ROW) return status;
    return read_confirm(pick, ret_row) ? CSV_PICK_ROW : CSV_PICK_BAD;
}
