#include "codec/csv.h"

#include <string.h>

#include "types/civil.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/money.h"

enum kind {
    KIND_TEXT,            /* A view in the settlement. */
    KIND_TEXT_CORRECTION, /* A view in the correction. */
    KIND_NUMBER,          /* uint32 in the settlement. */
    KIND_AMOUNT,
    KIND_TIME,
    KIND_FLAG,
    KIND_PSN_NO,
    KIND_INFNO,
};

struct column {
    const char *name;
    uint8_t kind;
    uint16_t offset; /* In struct settlement, or in struct correction for KIND_TEXT_CORRECTION. */
};

#define COLUMN(symbol, name, kind, field) \
    [CSV_##symbol] = {#name, kind, offsetof(struct settlement, field)},
#define COLUMN_TEXT(symbol, name)   COLUMN(symbol, name, KIND_TEXT, name)
#define COLUMN_NUMBER(symbol, name) COLUMN(symbol, name, KIND_NUMBER, name)
#define COLUMN_AMOUNT(symbol, name) COLUMN(symbol, name, KIND_AMOUNT, amounts[AMOUNT_##symbol])

/* clang-format off -- a table is read as a table */
static const struct column columns[CSV_COLUMN_COUNT] = {
    COLUMN_TEXT(MSGID, msgid) COLUMN_TEXT(SETL_ID, setl_id)
        COLUMN_TEXT(MDTRT_ID, mdtrt_id)[CSV_PSN_NO] = {"psn_no", KIND_PSN_NO, 0},
    COLUMN_NUMBER(INSUTYPE, insutype) COLUMN_NUMBER(MED_TYPE, med_type)
        COLUMN_NUMBER(CLR_TYPE, clr_type) COLUMN_NUMBER(INSU_ADMDVS, insu_admdvs) COLUMN_NUMBER(
            MDTRTAREA_ADMVS, mdtrtarea_admvs) COLUMN_TEXT(FIXMEDINS_CODE, fixmedins_code)
            COLUMN(SETL_TIME, setl_time, KIND_TIME, setl_time) COLUMN_AMOUNT(MEDFEE, medfee_sumamt)
                COLUMN_AMOUNT(FUND_SUM, fund_pay_sumamt) COLUMN_AMOUNT(
                    HIFP, hifp_pay) COLUMN_AMOUNT(CVLSERV, cvlserv_pay)
                    COLUMN_AMOUNT(HIFES, hifes_pay) COLUMN_AMOUNT(HIFMI, hifmi_pay) COLUMN_AMOUNT(
                        HIFOB, hifob_pay) COLUMN_AMOUNT(MAF, maf_pay) COLUMN_AMOUNT(OTH, oth_pay)
                        COLUMN_AMOUNT(PSN_PART, psn_part_amt) COLUMN_AMOUNT(ACCT, acct_pay)
                            COLUMN_AMOUNT(MULAID, acct_mulaid_pay) COLUMN_AMOUNT(WLT, wlt_pay)
                                COLUMN_AMOUNT(CASH, psn_cash_pay) COLUMN_AMOUNT(
                                    HOSP_PART, hosp_part_amt) COLUMN(REFD_SETL_FLAG, refd_setl_flag,
                                                                     KIND_FLAG, refd_setl_flag)
                                    COLUMN_TEXT(ORIG_SETL_ID, orig_setl_id) COLUMN_TEXT(
                                        DISE_CODG, dise_codg)[CSV_INFNO] = {"infno", KIND_INFNO, 0},
    [CSV_OMSGID] = {"omsgid", KIND_TEXT_CORRECTION, offsetof(struct correction, omsgid)},
    [CSV_OINFNO] = {"oinfno", KIND_TEXT_CORRECTION, offsetof(struct correction, oinfno)},
    COLUMN_AMOUNT(HIFDM, hifdm_pay) COLUMN_AMOUNT(FULAMT_OWNPAY, fulamt_ownpay_amt)
        COLUMN_AMOUNT(OVERLMT, overlmt_selfpay) COLUMN_AMOUNT(PRESELFPAY, preselfpay_amt)
            COLUMN_AMOUNT(INSCP_SCP, inscp_scp_amt) COLUMN_AMOUNT(ACT_PAY_DEDC, act_pay_dedc)};
/* clang-format on */

const char *csv_column_name(enum csv_column column)
{
    ENSURE(column < CSV_COLUMN_COUNT);
    return columns[column].name;
}

/* ---- Lines into fields ---- */

static void next_line(struct csv_reader *reader)
{
    const char *from = reader->at;
    if (from == reader->end) return;
    const char *newline = memchr(from, '\n', (size_t)(reader->end - from));
    reader->at = newline == NULL ? reader->end : newline + 1;
    reader->line++;
}

static bool at_field_end(const struct csv_reader *reader, const char *at)
{
    if (at == reader->end || *at == ',' || *at == '\n') return true;
    return *at == '\r' && (at + 1 == reader->end || at[1] == '\n');
}

/* A field in quotes, reader->at on the first of them. Where quotes are doubled the text is unfolded
 * into the column's scratch. NULL, or what is wrong with it. */
static const char *read_quoted(struct csv_reader *reader, uint32_t index, struct bytes *ret_field)
{
    const char *start = ++reader->at;
    char *unfolded = NULL;
    size_t size = 0;

    for (;; reader->at++) {
        if (reader->at == reader->end) return "a quote is not closed";
        char c = *reader->at;
        if (c == '"') {
            const char *after = reader->at + 1;
            if (after == reader->end || *after != '"') break;
            if (unfolded == NULL) {
                unfolded = reader->scratch[index < CSV_FIELDS_MAX ? index : 0];
                memcpy(unfolded, start, size);
            }
            reader->at = after;
        }
        if (size == CSV_FIELD_MAX) return "field longer than 255 bytes";
        reader->line += c == '\n';
        if (unfolded != NULL) unfolded[size] = c;
        size++;
    }
    reader->at++;
    if (!at_field_end(reader, reader->at)) return "text behind a closing quote";

    const char *data = unfolded != NULL ? unfolded : start;
    *ret_field = (struct bytes){(const uint8_t *)data, size};
    return NULL;
}

static const char *read_plain(struct csv_reader *reader, struct bytes *ret_field)
{
    const char *start = reader->at;
    const char *at = start;

    while (at != reader->end && *at != ',' && *at != '\n' && *at != '"')
        at++;
    reader->at = at;
    if (at != reader->end && *at == '"') return "a quote inside a field that is not quoted";

    size_t size = (size_t)(at - start);
    if (size != 0 && at[-1] == '\r' && (at == reader->end || *at == '\n')) size--;
    if (size > CSV_FIELD_MAX) return "field longer than 255 bytes";
    *ret_field = (struct bytes){(const uint8_t *)start, size};
    return NULL;
}

/* Splits the line at reader->at and stands behind it. Fields beyond the array are counted only.
 * NULL, or what is wrong; the reader then stands on the next line it can trust. */
static const char *split_line(struct csv_reader *reader, struct bytes fields[CSV_FIELDS_MAX],
                              uint32_t *ret_count)
{
    uint32_t count = 0;
    for (;;) {
        struct bytes field = {NULL, 0};
        const char *wrong = reader->at != reader->end && *reader->at == '"'
                                ? read_quoted(reader, count, &field)
                                : read_plain(reader, &field);
        if (wrong != NULL) {
            next_line(reader);
            return wrong;
        }
        if (count < CSV_FIELDS_MAX) fields[count] = field;
        count++;
        if (reader->at == reader->end || *reader->at != ',') break;
        reader->at++;
    }
    next_line(reader);
    *ret_count = count;
    return NULL;
}

static void skip_empty_lines(struct csv_reader *reader)
{
    while (reader->at != reader->end) {
        size_t left = (size_t)(reader->end - reader->at);
        if (*reader->at != '\n' && !(left >= 2 && memcmp(reader->at, "\r\n", 2) == 0)) return;
        next_line(reader);
    }
}

/* ---- The header ---- */

static int find_column(struct bytes name)
{
    for (int i = 0; i < CSV_COLUMN_COUNT; i++)
        if (bytes_equal(name, bytes_of(columns[i].name))) return i;
    return CSV_COLUMN_COUNT;
}

static const char *read_header(struct csv_reader *reader, struct csv_error *ret_error)
{
    struct bytes names[CSV_FIELDS_MAX];
    bool seen[CSV_COLUMN_COUNT] = {false};
    uint32_t count;

    const char *wrong = split_line(reader, names, &count);
    if (wrong != NULL) return wrong;

    /* One more than there are names for: the last of so many is unknown or doubled. */
    if (count > CSV_FIELDS_MAX) count = CSV_FIELDS_MAX;
    reader->column_count = count;
    for (uint32_t i = 0; i < count; i++) {
        int column = find_column(names[i]);
        ret_error->column = names[i];
        if (column == CSV_COLUMN_COUNT) return "unknown column";
        ret_error->field = columns[column].name;
        if (seen[column]) return "column stands there twice";
        seen[column] = true;
        reader->columns[i] = (uint8_t)column;
    }
    return NULL;
}

bool csv_begin(struct csv_reader *reader, struct bytes text, struct csv_error *ret_error)
{
    const char *start = text.size == 0 ? "" : (const char *)text.data;

    reader->text = start;
    reader->end = start + text.size;
    reader->at = start;
    reader->line = 1;
    reader->column_count = 0;
    reader->day_known = false;
    if (text.size >= 3 && memcmp(start, "\xef\xbb\xbf", 3) == 0) reader->at += 3;
    skip_empty_lines(reader);

    struct csv_error error = {.line = reader->line, .code = ERROR_MALFORMED};
    error.text = reader->at == reader->end ? "no header line" : read_header(reader, &error);
    if (error.text == NULL) return true;
    *ret_error = error;
    return false;
}

size_t csv_offset(const struct csv_reader *reader)
{
    return (size_t)(reader->at - reader->text);
}

/* ---- Fields into values: each gives NULL or what is wrong ---- */

#define YUAN_DIGITS_MAX 14 /* N(16,2) */

static const char *parse_amount(struct bytes field, int64_t *ret_fen, uint32_t *ret_code)
{
    static const char *const not_one = "not an amount in yuan with at most two decimals";
    const uint8_t *at = field.data;
    const uint8_t *end = at + field.size;
    bool negative = false;
    int64_t fen = 0;
    int digits = 0;

    if (field.size == 0) {
        *ret_fen = 0;
        return NULL;
    }
    if (*at == '-' || *at == '+') negative = *at++ == '-';
    if (at == end || *at < '0' || *at > '9') return not_one;
    while (at != end && *at == '0')
        at++;
    for (; at != end && *at >= '0' && *at <= '9'; at++)
        if (++digits <= YUAN_DIGITS_MAX) fen = fen * 10 + (*at - '0');
    fen *= FEN_PER_YUAN;
    if (at != end) {
        size_t decimals = (size_t)(end - at) - 1;
        if (*at++ != '.' || decimals < 1 || decimals > 2) return not_one;
        if (*at < '0' || *at > '9') return not_one;
        fen += (*at++ - '0') * 10;
        if (decimals == 2) {
            if (*at < '0' || *at > '9') return not_one;
            fen += *at - '0';
        }
    }
    if (digits > YUAN_DIGITS_MAX) {
        *ret_code = ERROR_AMOUNT_RANGE;
        return "amount outside N(16,2)";
    }
    *ret_fen = negative ? -fen : fen;
    return NULL;
}

static const char *parse_number(struct bytes field, uint32_t *ret_number)
{
    uint32_t number = 0;
    if (field.size > 9) return "not a number of at most nine digits";
    for (size_t i = 0; i < field.size; i++) {
        if (field.data[i] < '0' || field.data[i] > '9')
            return "not a number of at most nine digits";
        number = number * 10 + (uint32_t)(field.data[i] - '0');
    }
    *ret_number = number;
    return NULL;
}

/* Two digits, or something above 99. */
static uint32_t two_digits(const char *text)
{
    uint32_t tens = (uint32_t)(uint8_t)text[0] - '0';
    uint32_t ones = (uint32_t)(uint8_t)text[1] - '0';
    return tens > 9 || ones > 9 ? 100 : tens * 10 + ones;
}

/* Rows that stand together share their day, so its arithmetic is done once per day. */
static const char *parse_time(struct csv_reader *reader, struct bytes field, int64_t *ret_ms)
{
    const char *text = (const char *)field.data;

    if (field.size == 0) {
        *ret_ms = 0;
        return NULL;
    }
    if (field.size != 19) return "not a time yyyy-MM-dd HH:mm:ss";
    if (!reader->day_known || memcmp(text, reader->day_text, sizeof(reader->day_text)) != 0) {
        char midnight[20] = "yyyy-MM-dd 00:00:00";
        memcpy(midnight, text, sizeof(reader->day_text));
        if (!civil_parse_datetime(midnight, 19, &reader->day_ms)) {
            reader->day_known = false;
            return "not a time yyyy-MM-dd HH:mm:ss";
        }
        memcpy(reader->day_text, text, sizeof(reader->day_text));
        reader->day_known = true;
    }
    uint32_t hour = two_digits(text + 11);
    uint32_t minute = two_digits(text + 14);
    uint32_t second = two_digits(text + 17);
    if (text[10] != ' ' || text[13] != ':' || text[16] != ':' || hour > 23 || minute > 59 ||
        second > 59)
        return "not a time yyyy-MM-dd HH:mm:ss";
    *ret_ms = reader->day_ms + (int64_t)(hour * 3600 + minute * 60 + second) * MS_PER_SECOND;
    return NULL;
}

static const char *parse_flag(struct bytes field, bool *ret_flag)
{
    if (field.size > 1 || (field.size == 1 && field.data[0] != '0' && field.data[0] != '1'))
        return "not 0 or 1";
    *ret_flag = field.size == 1 && field.data[0] == '1';
    return NULL;
}

/* Which transaction the row was: a settlement of 2102, 2207 or 2304, its taking back of 2103, 2208
 * or 2305, or the correction 2601. */
static const char *parse_infno(struct bytes field, bool *ret_is_correction)
{
    static const char known[][5] = {"2102", "2207", "2304", "2103", "2208", "2305"};

    *ret_is_correction = field.size == 4 && memcmp(field.data, "2601", 4) == 0;
    if (field.size == 0 || *ret_is_correction) return NULL;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (field.size == 4 && memcmp(field.data, known[i], 4) == 0) return NULL;
    return "not a transaction this file can carry";
}

static const char *parse_field(struct csv_reader *reader, const struct column *column,
                               struct bytes field, struct csv_row *row, uint32_t *ret_code)
{
    uint8_t *place = (uint8_t *)&row->settlement + column->offset;

    switch ((enum kind)column->kind) {
    case KIND_TEXT:
        *(struct bytes *)(void *)place = field;
        return NULL;
    case KIND_TEXT_CORRECTION:
        place = (uint8_t *)&row->correction + column->offset;
        *(struct bytes *)(void *)place = field;
        return NULL;
    case KIND_NUMBER:
        return parse_number(field, (uint32_t *)(void *)place);
    case KIND_AMOUNT:
        return parse_amount(field, (int64_t *)(void *)place, ret_code);
    case KIND_TIME:
        return parse_time(reader, field, &row->settlement.setl_time);
    case KIND_FLAG:
        return parse_flag(field, &row->settlement.refd_setl_flag);
    case KIND_PSN_NO:
        row->psn_no = field;
        return NULL;
    case KIND_INFNO:
        return parse_infno(field, &row->is_correction);
    }
    return "unknown kind of column";
}

enum csv_status csv_next(struct csv_reader *reader, struct csv_row *ret_row,
                         struct csv_error *ret_error)
{
    struct bytes fields[CSV_FIELDS_MAX];
    uint32_t count;

    skip_empty_lines(reader);
    if (reader->at == reader->end) return CSV_END;

    struct csv_error error = {.line = reader->line, .code = ERROR_MALFORMED};
    memset(ret_row, 0, sizeof(*ret_row));
    ret_row->line = reader->line;
    error.text = split_line(reader, fields, &count);
    if (error.text == NULL && count != reader->column_count)
        error.text = count < reader->column_count ? "fewer fields than the header has columns"
                                                  : "more fields than the header has columns";
    for (uint32_t i = 0; error.text == NULL && i < reader->column_count; i++) {
        const struct column *column = &columns[reader->columns[i]];
        error.text = parse_field(reader, column, fields[i], ret_row, &error.code);
        if (error.text != NULL) error.field = column->name;
    }
    if (error.text != NULL) {
        *ret_error = error;
        return CSV_ERROR;
    }
    if (ret_row->is_correction) {
        ret_row->correction.msgid = ret_row->settlement.msgid;
        ret_row->correction.inf_time = ret_row->settlement.setl_time;
        ret_row->correction.sender_admdvs = ret_row->settlement.mdtrtarea_admvs;
    }
    return CSV_ROW;
}

/* ---- Writing ---- */

static char *put_text(char *out, struct bytes text)
{
    bool quoted = false;

    ENSURE(text.size <= CSV_FIELD_MAX);
    for (size_t i = 0; i < text.size; i++) {
        uint8_t c = text.data[i];
        quoted |= (c == '"') | (c == ',') | (c == '\n') | (c == '\r');
        out[i] = (char)c;
    }
    if (!quoted) return out + text.size;

    *out++ = '"';
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == '"') *out++ = '"';
        *out++ = (char)text.data[i];
    }
    *out++ = '"';
    return out;
}

static const char digit_pairs[201] = "00010203040506070809101112131415161718192021222324"
                                     "25262728293031323334353637383940414243444546474849"
                                     "50515253545556575859606162636465666768697071727374"
                                     "75767778798081828384858687888990919293949596979899";

static char *put_number(char *out, uint64_t number)
{
    char digits[20];
    size_t at = sizeof(digits);

    while (number >= 100) {
        at -= 2;
        memcpy(digits + at, digit_pairs + number % 100 * 2, 2);
        number /= 100;
    }
    if (number >= 10) {
        at -= 2;
        memcpy(digits + at, digit_pairs + number * 2, 2);
    } else {
        digits[--at] = (char)('0' + number);
    }
    memcpy(out, digits + at, sizeof(digits) - at);
    return out + (sizeof(digits) - at);
}

static char *put_amount(char *out, int64_t fen)
{
    if (fen == 0) {
        memcpy(out, "0.00", 4);
        return out + 4;
    }
    uint64_t absolute = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    if (fen < 0) *out++ = '-';
    out = put_number(out, absolute / FEN_PER_YUAN);
    *out++ = '.';
    memcpy(out, digit_pairs + absolute % FEN_PER_YUAN * 2, 2);
    return out + 2;
}

static char *put_pair(char *out, int32_t value, char then)
{
    memcpy(out, digit_pairs + (value % 100) * 2, 2);
    out[2] = then;
    return out + 3;
}

static char *put_time(char *out, int64_t unix_ms)
{
    if (unix_ms == 0) return out;
    const struct civil civil = civil_from_ms(unix_ms);
    out = put_pair(out, civil.year / 100, ' ') - 1;
    out = put_pair(out, civil.year % 100, '-');
    out = put_pair(out, civil.month, '-');
    out = put_pair(out, civil.day, ' ');
    out = put_pair(out, civil.hour, ':');
    out = put_pair(out, civil.minute, ':');
    return put_pair(out, civil.second, ' ') - 1;
}

static char *put_field(char *out, enum csv_column id, const struct settlement *settlement,
                       struct bytes psn_no)
{
    const struct column *column = &columns[id];
    const uint8_t *place = (const uint8_t *)settlement + column->offset;

    switch ((enum kind)column->kind) {
    case KIND_TEXT:
        return put_text(out, *(const struct bytes *)(const void *)place);
    case KIND_NUMBER:
        return put_number(out, *(const uint32_t *)(const void *)place);
    case KIND_AMOUNT:
        return put_amount(out, *(const int64_t *)(const void *)place);
    case KIND_TIME:
        return put_time(out, settlement->setl_time);
    case KIND_FLAG:
        *out = settlement->refd_setl_flag ? '1' : '0';
        return out + 1;
    case KIND_PSN_NO:
        return put_text(out, psn_no);
    case KIND_INFNO:
    case KIND_TEXT_CORRECTION:
        break;
    }
    return out;
}

size_t csv_write_header(bool corrections, char *out)
{
    char *at = out;
    for (int i = 0; i < (corrections ? CSV_OINFNO + 1 : CSV_CONTRACT_COUNT); i++) {
        if (i != 0) *at++ = ',';
        at = put_text(at, bytes_of(columns[i].name));
    }
    *at++ = '\n';
    return (size_t)(at - out);
}

size_t csv_write_settlement(const struct settlement *settlement, struct bytes psn_no,
                            bool corrections, char *out)
{
    char *at = out;
    for (int i = 0; i < CSV_CONTRACT_COUNT; i++) {
        at = put_field(at, (enum csv_column)i, settlement, psn_no);
        *at++ = ',';
    }
    at--;
    if (corrections) {
        memcpy(at, ",,,", 3);
        at += 3;
    }
    *at++ = '\n';
    return (size_t)(at - out);
}

size_t csv_write_correction(const struct correction *correction, struct bytes psn_no,
                            uint32_t insu_admdvs, char *out)
{
    const struct settlement line = {.msgid = correction->msgid,
                                    .insu_admdvs = insu_admdvs,
                                    .mdtrtarea_admvs = correction->sender_admdvs,
                                    .setl_time = correction->inf_time};
    char *at = out + csv_write_settlement(&line, psn_no, false, out) - 1;

    memcpy(at, ",2601,", 6);
    at = put_text(at + 6, correction->omsgid);
    *at++ = ',';
    at = put_text(at, correction->oinfno);
    *at++ = '\n';
    return (size_t)(at - out);
}
