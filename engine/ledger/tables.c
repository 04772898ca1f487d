#include "ledger/tables.h"

#include "types/civil.h"
#include "util/table_text.h"

#define ADMDVS_MIN        110000
#define ADMDVS_MAX        999999
#define CODE_MAX          999999 /* Six digits, C6 in the national interface. */
#define COLUMNS_MAX       16
#define SETTING_DAYS_MAX  366
#define CHRONIC_CODE_SIZE 6
#define CHRONIC_KEY_SIZE  4 /* Characters that say which condition a code belongs to. */
#define DISE_CODG_MAX     30

const char *const table_file_names[TABLE_FILE_COUNT] = {
    [TABLE_PROVINCES] = "provinces.csv",         [TABLE_AREAS] = "areas.csv",
    [TABLE_INSUTYPES] = "insutypes.csv",         [TABLE_MED_TYPES] = "med_types.csv",
    [TABLE_CHRONICS] = "chronic_conditions.csv", [TABLE_CLR_TYPES] = "clr_types.csv",
    [TABLE_SETTINGS] = "settings.csv",
};

static const char *const strictness_words[] = {"hard", "soft", "off"};
static const char *const class_words[INSURANCE_COUNT] = {"employee", "resident", "retired",
                                                         "other"};
static const char *const line_words[] = {"inpatient", "outpatient", "chronic", "pharmacy"};
static const char *const mode_words[] = {"gross", "bilateral", "multilateral",
                                         "multilateral-direct"};

#define WORD_COUNT(words) ((int)(sizeof(words) / sizeof((words)[0])))

/* Reads one row; cells in the order of the file's columns below. NULL, or what is wrong. */
typedef const char *row_reader(struct tables *tables, const struct bytes *cell);

static bool bit_get(const uint64_t *bits, uint32_t at)
{
    return (bits[at / 64] >> (at % 64) & 1) != 0;
}

static void bit_set(uint64_t *bits, uint32_t at)
{
    bits[at / 64] |= UINT64_C(1) << (at % 64);
}

static bool read_flag(struct bytes cell, bool *ret_flag)
{
    int64_t value;
    if (!table_number(cell, 0, 1, &value)) return false;
    *ret_flag = value == 1;
    return true;
}

static const char *read_province(struct tables *tables, const struct bytes *cell)
{
    int64_t code;
    struct province_rules rules = {0};

    if (!table_number(cell[0], 10, 99, &code)) return "code: not a two-digit number";
    const uint8_t index = province_index((uint32_t)code);
    if (index == PROVINCE_NONE) return "code: not one of the 32 participants";
    if ((tables->province_bits >> index & 1) != 0) return "code: doubled";
    for (int identity = 1; identity <= 5; identity++) {
        const int word = table_word(cell[identity], strictness_words, WORD_COUNT(strictness_words));
        if (word < 0) return "e1..e5: neither hard, soft nor off";
        rules.identity[identity] = (uint8_t)word;
    }
    if (!read_flag(cell[6], &rules.acct_pay_includes_mulaid)) {
        return "acct_pay_includes_mulaid: neither 0 nor 1";
    }
    if (!read_flag(cell[7], &rules.fund_sum_includes_acct)) {
        return "fund_sum_includes_acct: neither 0 nor 1";
    }
    if (!read_flag(cell[8], &rules.clear_mulaid)) return "clear_mulaid: neither 0 nor 1";

    tables->provinces[index] = rules;
    tables->province_bits |= UINT32_C(1) << index;
    return NULL;
}

static const char *read_area(struct tables *tables, const struct bytes *cell)
{
    int64_t admdvs;
    uint32_t at = tables->area_count;

    if (!table_number(cell[0], ADMDVS_MIN, ADMDVS_MAX, &admdvs)) {
        return "admdvs: not a six-digit area code";
    }
    if (province_of_area((uint32_t)admdvs) == PROVINCE_NONE) {
        return "admdvs: its province is not one of the 32 participants";
    }
    while (at > 0 && tables->areas[at - 1].admdvs > admdvs)
        at--;
    if (at > 0 && tables->areas[at - 1].admdvs == admdvs) return "admdvs: doubled";
    if (tables->area_count == AREAS_MAX) return "too many areas";
    memmove(&tables->areas[at + 1], &tables->areas[at],
            (tables->area_count - at) * sizeof tables->areas[0]);
    tables->areas[at].admdvs = (uint32_t)admdvs;
    tables->area_count++;
    if (admdvs % 100 == 0) bit_set(tables->index.prefecture_bits, (uint32_t)admdvs / 100);
    return NULL;
}

static const char *read_insutype(struct tables *tables, const struct bytes *cell)
{
    int64_t code;
    uint32_t at = tables->insutype_count;

    if (!table_number(cell[0], 1, CODE_MAX, &code)) return "insutype: not 1 to 6 digits";
    const int class = table_word(cell[1], class_words, WORD_COUNT(class_words));
    if (class < 0) return "class: neither employee, resident, retired nor other";
    while (at > 0 && tables->insutypes[at - 1].code > code)
        at--;
    if (at > 0 && tables->insutypes[at - 1].code == code) return "insutype: doubled";
    if (tables->insutype_count == INSUTYPES_MAX) return "too many insutypes";
    memmove(&tables->insutypes[at + 1], &tables->insutypes[at],
            (tables->insutype_count - at) * sizeof tables->insutypes[0]);
    tables->insutypes[at] = (struct insutype_row){(uint32_t)code, (uint8_t) class};
    tables->insutype_count++;
    if (code < TABLES_DIRECT_CODES) tables->index.insurance[code] = (uint8_t)(class + 1);
    return NULL;
}

static const char *read_med_type(struct tables *tables, const struct bytes *cell)
{
    int64_t prefix;
    uint32_t at = tables->med_type_count;

    if (!table_number(cell[0], 1, CODE_MAX, &prefix)) return "prefix: not 1 to 6 digits";
    const int word = table_word(cell[1], line_words, WORD_COUNT(line_words));
    if (word < 0) return "line: neither inpatient, outpatient, chronic nor pharmacy";
    while (at > 0 && tables->med_types[at - 1].prefix > prefix)
        at--;
    if (at > 0 && tables->med_types[at - 1].prefix == prefix) return "prefix: doubled";
    if (tables->med_type_count == MED_TYPES_MAX) return "too many med_types";
    memmove(&tables->med_types[at + 1], &tables->med_types[at],
            (tables->med_type_count - at) * sizeof tables->med_types[0]);
    tables->med_types[at] =
        (struct med_type_row){(uint32_t)prefix, (uint8_t)(LINE_INPATIENT + word)};
    tables->med_type_count++;
    return NULL;
}

/* The condition a code belongs to, as a number that compares at once. */
static uint32_t chronic_key(const uint8_t *code)
{
    uint32_t key;
    memcpy(&key, code, sizeof key);
    return key;
}

static const char *read_chronic(struct tables *tables, const struct bytes *cell)
{
    const struct bytes code = cell[0];
    int64_t since;
    struct chronic_row row = {0};

    if (code.size != CHRONIC_CODE_SIZE || code.data[0] < 'A' || code.data[0] > 'Z') {
        return "dise_codg: not a letter and five digits";
    }
    for (size_t i = 1; i < code.size; i++) {
        if (code.data[i] < '0' || code.data[i] > '9') {
            return "dise_codg: not a letter and five digits";
        }
    }
    if (!table_number(cell[1], 0, 299912, &since) ||
        (since != 0 && !civil_month_valid((uint32_t)since))) {
        return "since: neither 0 nor a month yyyymm";
    }
    for (uint32_t i = 0; i < tables->chronic_count; i++) {
        if (tables->index.chronic[i] == chronic_key(code.data)) {
            return "dise_codg: doubled (the first four characters are the condition)";
        }
    }
    if (tables->chronic_count == CHRONICS_MAX) return "too many chronic conditions";
    memcpy(row.code, code.data, code.size);
    row.since_month = (uint32_t)since;
    tables->chronics[tables->chronic_count] = row;
    tables->index.chronic[tables->chronic_count] = chronic_key(code.data);
    tables->index.chronic_since[tables->chronic_count] = row.since_month;
    tables->chronic_count++;
    return NULL;
}

static const char *read_clr_type(struct tables *tables, const struct bytes *cell)
{
    int64_t code;
    uint32_t at = tables->clr_type_count;

    if (!table_number(cell[0], 1, CODE_MAX, &code)) return "clr_type: not 1 to 6 digits";
    while (at > 0 && tables->clr_types[at - 1] > code)
        at--;
    if (at > 0 && tables->clr_types[at - 1] == code) return "clr_type: doubled";
    if (tables->clr_type_count == CLR_TYPES_MAX) return "too many clr_types";
    memmove(&tables->clr_types[at + 1], &tables->clr_types[at],
            (tables->clr_type_count - at) * sizeof tables->clr_types[0]);
    tables->clr_types[at] = (uint32_t)code;
    tables->clr_type_count++;
    if (code < TABLES_DIRECT_CODES) bit_set(tables->index.clr_type_bits, (uint32_t)code);
    return NULL;
}

/* One setting: its name and how its value is read. NULL, or what is wrong with the value. */
struct rule_setting {
    const char *name;
    const char *(*read)(struct tables *tables, struct bytes value);
};

static const char *flag_setting(struct bytes value, bool *ret_flag)
{
    return read_flag(value, ret_flag) ? NULL : "value: neither 0 nor 1";
}

static const char *set_payable_mode(struct tables *tables, struct bytes value)
{
    const int mode = table_word(value, mode_words, WORD_COUNT(mode_words));
    if (mode < 0) return "value: neither gross, bilateral, multilateral nor multilateral-direct";
    tables->payable_mode = mode;
    tables->cycle.value[SETTING_PAYABLE_MODE] = mode;
    return NULL;
}

static const char *set_strict_areas(struct tables *tables, struct bytes value)
{
    return flag_setting(value, &tables->strict_area_table);
}

static const char *set_strict_codes(struct tables *tables, struct bytes value)
{
    return flag_setting(value, &tables->strict_code_tables);
}

static const char *set_chronic_required(struct tables *tables, struct bytes value)
{
    return flag_setting(value, &tables->chronic_code_required);
}

static const char *set_future(struct tables *tables, struct bytes value)
{
    return table_number(value, 0, SETTING_DAYS_MAX * MS_PER_DAY, &tables->setl_time_future_ms)
               ? NULL
               : "value: not milliseconds from 0 to 366 days";
}

static const char *set_first_month(struct tables *tables, struct bytes value)
{
    int64_t month;
    if (!table_number(value, 0, 299912, &month) || !civil_month_valid((uint32_t)month)) {
        return "value: not a month yyyymm";
    }
    tables->setl_time_first_month = (uint32_t)month;
    tables->setl_time_first_ms = civil_month_start_ms((uint32_t)month);
    return NULL;
}

static const char *set_tombstone_ttl(struct tables *tables, struct bytes value)
{
    return table_number(value, 1, SETTING_DAYS_MAX * MS_PER_DAY, &tables->tombstone_ttl_ms)
               ? NULL
               : "value: not milliseconds from 1 to 366 days";
}

static const char *set_partial_refunds(struct tables *tables, struct bytes value)
{
    return flag_setting(value, &tables->partial_refunds);
}

static const struct rule_setting settings[] = {
    {"clearing.payable_mode", set_payable_mode}, {"strict_area_table", set_strict_areas},
    {"strict_code_tables", set_strict_codes},    {"chronic_code_required", set_chronic_required},
    {"setl_time_future_ms", set_future},         {"setl_time_first_month", set_first_month},
    {"tombstone_ttl_ms", set_tombstone_ttl},     {"partial_refunds", set_partial_refunds},
};

/* The cycle's settings: numbers all of them, but for the payable mode, which the list above reads
 * as a word. */
static const struct {
    const char *name;
    int64_t least;
    int64_t greatest;
    const char *what; /* What a value is told that is none. */
} cycle_settings[SETTING_COUNT] = {
#define X(symbol, text, first, low, high) \
    [SETTING_##                           \
        symbol] = {(text), (low), (high), "value: not a whole number from " #low " to " #high},
#include "types/settings.def"
#undef X
};

_Static_assert(WORD_COUNT(settings) + SETTING_COUNT <= 64, "a bit for each setting");

static const char *read_cycle_setting(struct tables *tables, enum setting setting,
                                      struct bytes value)
{
    int64_t number;
    if (!table_number(value, cycle_settings[setting].least, cycle_settings[setting].greatest,
                      &number)) {
        return cycle_settings[setting].what;
    }
    if (!setting_day_sound(setting, number)) return "value: no day of a year (mmdd)";
    tables->cycle.value[setting] = number;
    return NULL;
}

/* Marks a setting as read; false when it was before. */
static bool first_time(struct tables *tables, int number)
{
    const uint64_t bit = UINT64_C(1) << number;
    if ((tables->setting_bits & bit) != 0) return false;
    tables->setting_bits |= bit;
    return true;
}

/* An unknown name is refused: a misspelt one would leave its default in force unnoticed. */
static const char *read_setting(struct tables *tables, const struct bytes *cell)
{
    for (int i = 0; i < WORD_COUNT(settings); i++) {
        if (!bytes_equal(cell[0], bytes_of(settings[i].name))) continue;
        return first_time(tables, i) ? settings[i].read(tables, cell[1]) : "name: doubled";
    }
    for (int i = 0; i < SETTING_COUNT; i++) {
        if (!bytes_equal(cell[0], bytes_of(cycle_settings[i].name))) continue;
        return first_time(tables, WORD_COUNT(settings) + i)
                   ? read_cycle_setting(tables, (enum setting)i, cell[1])
                   : "name: doubled";
    }
    return "name: no such setting";
}

/* Columns of a file: those that are judged first and required, in the order the row reader gets
 * them; then those for people, which may be missing. */
struct file_form {
    row_reader *read;
    int required;
    const char *columns[COLUMNS_MAX];
};

/* clang-format off -- a table is read as a table */
static const struct file_form forms[TABLE_FILE_COUNT] = {
    [TABLE_PROVINCES] = {read_province,
                         9,
                         {"code", "e1", "e2", "e3", "e4", "e5", "acct_pay_includes_mulaid",
                          "fund_sum_includes_acct", "clear_mulaid", "name"}},
    [TABLE_AREAS] = {read_area, 1, {"admdvs", "name"}},
    [TABLE_INSUTYPES] = {read_insutype, 2, {"insutype", "class", "name"}},
    [TABLE_MED_TYPES] = {read_med_type, 2, {"prefix", "line", "name"}},
    [TABLE_CHRONICS] = {read_chronic, 2, {"dise_codg", "since", "name"}},
    [TABLE_CLR_TYPES] = {read_clr_type, 1, {"clr_type", "name"}},
    [TABLE_SETTINGS] = {read_setting, 2, {"name", "value", "meaning"}},
};
/* clang-format on */

/* Which cell of a line belongs to each column; -1 where the file has none. */
static const char *read_header(const struct file_form *form, const struct table_cells *header,
                               int ret_cell_of[COLUMNS_MAX])
{
    int column_count = 0;
    while (column_count < COLUMNS_MAX && form->columns[column_count] != NULL)
        column_count++;
    for (int i = 0; i < COLUMNS_MAX; i++)
        ret_cell_of[i] = -1;
    for (uint32_t i = 0; i < header->count; i++) {
        const int column = table_word(header->list[i], form->columns, column_count);
        if (column < 0) return "header: unknown column";
        if (ret_cell_of[column] >= 0) return "header: doubled column";
        ret_cell_of[column] = (int)i;
    }
    for (int i = 0; i < form->required; i++) {
        if (ret_cell_of[i] < 0) return "header: a required column is missing";
    }
    return NULL;
}

/* Every code of up to four digits gets the line of its longest prefix: rows ascend, so a longer
 * prefix comes after all of its own prefixes and overwrites what they said. */
static void index_lines(struct tables *tables)
{
    memset(tables->index.line, 0, sizeof tables->index.line);
    for (uint32_t i = 0; i < tables->med_type_count; i++) {
        uint32_t first = tables->med_types[i].prefix;
        uint32_t count = 1;
        while (first < TABLES_DIRECT_CODES) {
            memset(&tables->index.line[first], tables->med_types[i].line, count);
            first *= 10;
            count *= 10;
        }
    }
}

void tables_init(struct tables *tables)
{
    memset(tables, 0, sizeof *tables);
    tables->setl_time_future_ms = 300000;
    tables->setl_time_first_month = 201401;
    tables->setl_time_first_ms = civil_month_start_ms(201401);
    tables->tombstone_ttl_ms = 3 * MS_PER_DAY;
    tables->partial_refunds = true;
#define X(symbol, name, first, least, greatest) tables->cycle.value[SETTING_##symbol] = (first);
#include "types/settings.def"
#undef X
    tables->payable_mode = (int)tables->cycle.value[SETTING_PAYABLE_MODE];
}

static const char *read_rows(struct tables *tables, const struct file_form *form,
                             struct table_text *text)
{
    struct table_cells cells;
    struct bytes ordered[COLUMNS_MAX];
    int cell_of[COLUMNS_MAX];
    const char *what = NULL;
    const int got = table_text_next(text, &cells, &what);

    if (got < 0) return what;
    if (got == 0) return "no header";
    const uint32_t column_count = cells.count;
    what = read_header(form, &cells, cell_of);
    while (what == NULL && table_text_next(text, &cells, &what) > 0) {
        if (cells.count != column_count) return "not as many cells as the header has";
        for (int i = 0; i < form->required; i++)
            ordered[i] = cells.list[cell_of[i]];
        what = form->read(tables, ordered);
    }
    return what;
}

bool tables_load(struct tables *tables, enum table_file file, struct bytes source,
                 struct table_error *ret_error)
{
    struct table_text text;
    table_text_init(&text, source);
    const char *what = read_rows(tables, &forms[file], &text);
    if (what != NULL) {
        *ret_error = (struct table_error){text.line, what};
        return false;
    }
    if (file == TABLE_MED_TYPES) index_lines(tables);
    return true;
}

bool tables_complete(const struct tables *tables, struct table_error *ret_error)
{
    const char *what = NULL;
    if (tables->province_bits != UINT32_MAX) {
        what = "provinces.csv: not all of the 32 participants are there";
    } else if (tables->insutype_count == 0) {
        what = "insutypes.csv: no insutype";
    } else if (tables->strict_area_table && tables->area_count == 0) {
        what = "areas.csv: empty, and strict_area_table is 1";
    } else if (tables->strict_code_tables && tables->med_type_count == 0) {
        what = "med_types.csv: empty, and strict_code_tables is 1";
    } else if (tables->chronic_code_required && tables->chronic_count == 0) {
        what = "chronic_conditions.csv: empty, and chronic_code_required is 1";
    }
    if (what == NULL) return true;
    *ret_error = (struct table_error){0, what};
    return false;
}

bool tables_area_known(const struct tables *tables, uint32_t admdvs)
{
    if (province_of_area(admdvs) == PROVINCE_NONE) return false;
    if (!tables->strict_area_table) return true;
    if (bit_get(tables->index.prefecture_bits, admdvs / 100)) return true;

    uint32_t low = 0;
    uint32_t high = tables->area_count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (tables->areas[middle].admdvs == admdvs) return true;
        if (tables->areas[middle].admdvs < admdvs) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return false;
}

int tables_insurance(const struct tables *tables, uint32_t insutype)
{
    if (insutype < TABLES_DIRECT_CODES) return tables->index.insurance[insutype] - 1;
    for (uint32_t i = tables->insutype_count; i-- > 0;) {
        if (tables->insutypes[i].code == insutype) return tables->insutypes[i].insurance;
        if (tables->insutypes[i].code < insutype) break;
    }
    return -1;
}

/* Line of the row with exactly that prefix of five or six digits, 0 when there is none. */
static int long_prefix_line(const struct tables *tables, uint32_t prefix)
{
    for (uint32_t i = tables->med_type_count; i-- > 0;) {
        if (tables->med_types[i].prefix == prefix) return tables->med_types[i].line;
        if (tables->med_types[i].prefix < prefix) break;
    }
    return 0;
}

int tables_line(const struct tables *tables, uint32_t med_type)
{
    int line = 0;
    if (med_type < 10 || med_type > CODE_MAX) return -1;
    while (med_type >= TABLES_DIRECT_CODES && line == 0) {
        line = long_prefix_line(tables, med_type);
        med_type /= 10;
    }
    if (line == 0) line = tables->index.line[med_type];
    if (line != 0) return line;
    return tables->strict_code_tables ? -1 : LINE_OUTPATIENT;
}

bool tables_clr_type_known(const struct tables *tables, uint32_t clr_type)
{
    if (clr_type < TABLES_DIRECT_CODES) return bit_get(tables->index.clr_type_bits, clr_type);
    for (uint32_t i = tables->clr_type_count; i-- > 0;) {
        if (tables->clr_types[i] == clr_type) return true;
        if (tables->clr_types[i] < clr_type) break;
    }
    return false;
}

bool tables_chronic_known(const struct tables *tables, struct bytes dise_codg, uint32_t month)
{
    if (dise_codg.size < CHRONIC_KEY_SIZE || dise_codg.size > DISE_CODG_MAX) return false;
    const uint32_t key = chronic_key(dise_codg.data);
    for (uint32_t i = 0; i < tables->chronic_count; i++) {
        if (tables->index.chronic[i] == key) return tables->index.chronic_since[i] <= month;
    }
    return false;
}
