/* params -- rows by param, area and time: looked up by bisection, read from the table. See
 * params.h. */
#include "wallet/params.h"

#include "types/civil.h"
#include "types/ensure.h"
#include "types/province.h"
#include "util/table_text.h"
#include "util/text.h"

/* -- what each param is ----------------------------------------------------------------------- */

enum kind {
    KIND_NUMBER,
    KIND_FEN,
    KIND_DAY,   /* mmdd, written mm-dd */
    KIND_CLOCK, /* hhmm, written hh:mm */
    /* Words: the value is the place in the list. */
    KIND_SWITCH,
    KIND_WORDS_SCOPE,
    KIND_WORDS_PENDING,
    KIND_WORDS_FLOOR,
    KIND_WORDS_FLOOR_SCOPE,
    KIND_WORDS_HOLD,
    KIND_WORDS_ORDER,
    KIND_WORDS_SWITCH,
    KIND_WORDS_MODE,
    KIND_WORDS_PATH,
    KIND_WORDS_MONTH,
    KIND_COUNT
};

#define WORDS_MAX 3

/* In the order of the enums of params.h. */
static const char *const words_of[KIND_COUNT][WORDS_MAX] = {
    [KIND_SWITCH] = {"off", "on"},
    [KIND_WORDS_SCOPE] = {"use_loc", "insured_prov", "nation"},
    [KIND_WORDS_PENDING] = {"pair", "giver", "none"},
    [KIND_WORDS_FLOOR] = {"gate", "reserve"},
    [KIND_WORDS_FLOOR_SCOPE] = {"in_province", "wallet"},
    [KIND_WORDS_HOLD] = {"online", "grant"},
    [KIND_WORDS_ORDER] = {"own_family_wallet_cash", "own_wallet_family_cash"},
    [KIND_WORDS_SWITCH] = {"none", "default_off", "default_on"},
    [KIND_WORDS_MODE] = {"virtual_limit"},
    [KIND_WORDS_PATH] = {"direct", "via_use_loc"},
    [KIND_WORDS_MONTH] = {"original", "own"},
};

struct about {
    const char *name;
    enum kind kind;
    int64_t value;
    int64_t least;
    int64_t greatest;
};

static const struct about abouts[PARAM_COUNT] = {
#define X(symbol, name, kind, value, least, greatest) {name, KIND_##kind, value, least, greatest},
#include "wallet/params.def"
#undef X
};

uint32_t params_by_name(struct bytes name)
{
    for (uint32_t i = 0; i < PARAM_COUNT; i++) {
        if (bytes_equal(name, bytes_of(abouts[i].name))) return i;
    }
    return PARAM_COUNT;
}

const char *param_name(uint32_t param)
{
    return param < PARAM_COUNT ? abouts[param].name : "unknown";
}

bool param_is_national(uint32_t param)
{
    return param == PARAM_DEDUCT_FROM || param == PARAM_DEDUCT_MAX;
}

/* -- values as text --------------------------------------------------------------------------- */

/* Two numbers of two digits around `mark`: "22:00" is 2200. */
static bool parse_pair(struct bytes text, char mark, int64_t *ret_value)
{
    if (text.size != 5 || text.data[2] != (uint8_t)mark) return false;
    int64_t value = 0;
    for (size_t i = 0; i < text.size; i++) {
        if (i == 2) continue;
        if (text.data[i] < '0' || text.data[i] > '9') return false;
        value = value * 10 + (text.data[i] - '0');
    }
    *ret_value = value;
    return true;
}

static bool is_day(int64_t mmdd)
{
    /* A window of a year: a day that only leap years have is none. */
    const uint32_t common_year = 202500;
    const uint32_t month = common_year + (uint32_t)(mmdd / 100);
    return civil_month_valid(month) && mmdd % 100 >= 1 && mmdd % 100 <= civil_month_days(month);
}

static bool parse_words(enum kind kind, struct bytes text, int64_t *ret_value)
{
    for (int i = 0; i < WORDS_MAX && words_of[kind][i] != NULL; i++) {
        if (!bytes_equal(text, bytes_of(words_of[kind][i]))) continue;
        *ret_value = i;
        return true;
    }
    return kind == KIND_SWITCH && table_number(text, 0, 1, ret_value);
}

static bool parse_kind(enum kind kind, struct bytes text, int64_t *ret_value)
{
    switch (kind) {
    case KIND_NUMBER:
    case KIND_FEN:
        return table_number(text, 0, INT64_MAX, ret_value);
    case KIND_DAY:
        return parse_pair(text, '-', ret_value) && is_day(*ret_value);
    case KIND_CLOCK:
        return parse_pair(text, ':', ret_value) && *ret_value % 100 < 60;
    default:
        return parse_words(kind, text, ret_value);
    }
}

bool param_parse(uint32_t param, struct bytes text, int64_t *ret_value)
{
    int64_t value = 0;
    if (param >= PARAM_COUNT || !parse_kind(abouts[param].kind, text, &value)) return false;
    if (value < abouts[param].least || value > abouts[param].greatest) return false;
    *ret_value = value;
    return true;
}

static void print_pair(int64_t value, const char *mark, struct text *out)
{
    const int64_t parts[2] = {value / 100, value % 100};
    for (int i = 0; i < 2; i++) {
        if (i == 1) text_add(out, mark);
        if (parts[i] < 10) text_add(out, "0");
        text_add_int(out, parts[i]);
    }
}

void param_print(uint32_t param, int64_t value, char *out)
{
    struct text text = text_begin(out, 32);
    const enum kind kind = param < PARAM_COUNT ? abouts[param].kind : KIND_NUMBER;
    if (kind == KIND_DAY) {
        print_pair(value, "-", &text);
    } else if (kind == KIND_CLOCK) {
        print_pair(value, ":", &text);
    } else if (kind >= KIND_SWITCH && value >= 0 && value < WORDS_MAX &&
               words_of[kind][value] != NULL) {
        text_add(&text, words_of[kind][value]);
    } else {
        text_add_int(&text, value);
    }
}

/* -- rows ------------------------------------------------------------------------------------- */

/* Whether the row stands behind that area and time, among rows of one param. */
static bool is_behind(const struct rule_row *row, uint32_t admdvs, int64_t eff_ms)
{
    return row->admdvs > admdvs || (row->admdvs == admdvs && row->eff_ms > eff_ms);
}

/* How many rows stand before the first one behind that area and time: the row before it is the
 * latest that holds there, if it is of that area at all. */
static uint32_t place_of(const struct params *params, uint32_t param, uint32_t admdvs,
                         int64_t eff_ms)
{
    uint32_t low = params->begin[param];
    uint32_t high = params->begin[param + 1];
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (is_behind(&params->rows[middle], admdvs, eff_ms)) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* The row of that area that holds at the time, or NULL. */
static const struct rule_row *row_at(const struct params *params, uint32_t param, uint32_t admdvs,
                                     int64_t at_ms)
{
    const uint32_t place = place_of(params, param, admdvs, at_ms);
    if (place == params->begin[param] || params->rows[place - 1].admdvs != admdvs) return NULL;
    return &params->rows[place - 1];
}

/* -- what is settled -------------------------------------------------------------------------- */

/* Of a province's own rows the latest, else the nation's, else the default. */
static void settle(struct params *params, uint32_t param, uint32_t province)
{
    const uint32_t area = province_codes[province] * UINT32_C(10000);
    const struct rule_row *row = row_at(params, param, area, INT64_MAX);
    if (row == NULL) row = row_at(params, param, 0, INT64_MAX);
    params->settled[province][param] = (struct settled_value){
        .known = place_of(params, param, area, INT64_MAX) ==
                 place_of(params, param, area + 9999, INT64_MAX),
        .from_ms = row == NULL ? INT64_MIN : row->eff_ms,
        .value = row == NULL ? abouts[param].value : row->value,
    };
}

/* After a change of that area's rows. */
static void settle_again(struct params *params, uint32_t param, uint32_t admdvs)
{
    for (uint32_t i = 0; i < PROVINCE_COUNT; i++) {
        if (admdvs == 0 || province_of_area(admdvs) == i) settle(params, param, i);
    }
}

void params_init(struct params *params)
{
    params->count = 0;
    memset(params->begin, 0, sizeof params->begin);
    for (uint32_t i = 0; i < PARAM_COUNT; i++)
        settle_again(params, i, 0);
}

const struct rule_row *params_find(const struct params *params, uint32_t admdvs, uint32_t param,
                                   int64_t eff_ms)
{
    if (param >= PARAM_COUNT) return NULL;
    const struct rule_row *row = row_at(params, param, admdvs, eff_ms);
    return row != NULL && row->eff_ms == eff_ms ? row : NULL;
}

int64_t params_latest(const struct params *params, uint32_t admdvs, uint32_t param)
{
    if (param >= PARAM_COUNT) return -1;
    const struct rule_row *row = row_at(params, param, admdvs, INT64_MAX);
    return row == NULL ? -1 : row->eff_ms;
}

bool params_put(struct params *params, const struct rule_row *row)
{
    if (row->param >= PARAM_COUNT) return false;
    const uint32_t place = place_of(params, row->param, row->admdvs, row->eff_ms);
    if (params_find(params, row->admdvs, row->param, row->eff_ms) != NULL) {
        params->rows[place - 1] = *row;
        settle_again(params, row->param, row->admdvs);
        return true;
    }
    if (params->count == RULE_ROWS_MAX) return false;
    memmove(&params->rows[place + 1], &params->rows[place],
            (params->count - place) * sizeof params->rows[0]);
    params->rows[place] = *row;
    params->count++;
    for (uint32_t i = row->param + 1; i <= PARAM_COUNT; i++)
        params->begin[i]++;
    settle_again(params, row->param, row->admdvs);
    return true;
}

/* By the rows. Not inlined: it would be in the way of what is settled. */
static __attribute__((noinline)) int64_t
value_by_rows(const struct params *params, enum param param, uint32_t admdvs, int64_t at_ms)
{
    if (params->begin[param] == params->begin[param + 1]) return abouts[param].value;
    const uint32_t areas[3] = {admdvs, admdvs / 10000 * 10000, 0};
    for (int i = 0; i < 3; i++) {
        if (i > 0 && areas[i] == areas[i - 1]) continue;
        const struct rule_row *row = row_at(params, (uint32_t)param, areas[i], at_ms);
        if (row != NULL) return row->value;
    }
    return abouts[param].value;
}

int64_t params_value(const struct params *params, enum param param, uint32_t admdvs, int64_t at_ms)
{
    ENSURE((uint32_t)param < PARAM_COUNT);
    const uint8_t province = province_of_area(admdvs);
    if (province != PROVINCE_NONE) {
        const struct settled_value *settled = &params->settled[province][param];
        if (settled->known && at_ms >= settled->from_ms) return settled->value;
    }
    return value_by_rows(params, param, admdvs, at_ms);
}

/* -- the table -------------------------------------------------------------------------------- */

enum column {
    COLUMN_ADMDVS,
    COLUMN_PARAM,
    COLUMN_VALUE,
    COLUMN_EFF_FROM,
    COLUMN_COUNT
};
static const char *const column_words[COLUMN_COUNT] = {"admdvs", "param", "value", "eff_from"};

#define NO_CELL TABLE_CELLS_MAX

/* What is wrong with a line: a field, and why. */
struct wrong {
    const char *field;
    const char *what; /* NULL: nothing. */
};

static const struct wrong fine = {NULL, NULL};

/* Which cell of a line is which column. */
static struct wrong read_header(const struct table_cells *header, uint32_t ret_cell[COLUMN_COUNT])
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        ret_cell[i] = NO_CELL;
    for (uint32_t i = 0; i < header->count; i++) {
        const int column = table_word(header->list[i], column_words, COLUMN_COUNT);
        if (column < 0) return (struct wrong){"header", "unknown column"};
        if (ret_cell[column] != NO_CELL) return (struct wrong){"header", "doubled column"};
        ret_cell[column] = i;
    }
    for (int i = 0; i < COLUMN_COUNT; i++) {
        if (ret_cell[i] == NO_CELL) return (struct wrong){column_words[i], "the column is missing"};
    }
    return fine;
}

/* "2025-09-22" into the first instant of that day in Shanghai; empty is 0, always. */
static bool read_day(struct bytes cell, int64_t *ret_ms)
{
    static const char midnight[] = " 00:00:00";
    char text[CIVIL_DATETIME_SIZE];
    *ret_ms = 0;
    if (cell.size == 0) return true;
    if (cell.size + sizeof midnight != sizeof text) return false;
    memcpy(text, cell.data, cell.size);
    memcpy(text + cell.size, midnight, sizeof midnight);
    return civil_parse_datetime(text, sizeof text - 1, ret_ms) && *ret_ms > 0;
}

/* 0 or a known province's: its own code pp0000, or six digits. */
static bool read_area(struct bytes cell, uint32_t *ret_admdvs)
{
    int64_t number;
    if (!table_number(cell, 0, 999999, &number)) return false;
    *ret_admdvs = (uint32_t)number;
    return number == 0 || province_of_area(*ret_admdvs) != PROVINCE_NONE;
}

static struct wrong read_row(struct params *params, const struct table_cells *cells,
                             const uint32_t cell_of[COLUMN_COUNT])
{
    struct rule_row row = {.param = params_by_name(cells->list[cell_of[COLUMN_PARAM]])};
    if (!read_area(cells->list[cell_of[COLUMN_ADMDVS]], &row.admdvs)) {
        return (struct wrong){"admdvs", "neither 0 nor six digits of a province that takes part"};
    }
    if (row.param == PARAM_COUNT) return (struct wrong){"param", "no param of that name"};
    if (row.admdvs != 0 && param_is_national(row.param)) {
        return (struct wrong){"admdvs", "that param is the nation's alone: 0"};
    }
    if (!param_parse(row.param, cells->list[cell_of[COLUMN_VALUE]], &row.value)) {
        return (struct wrong){"value", "not one of that param, or out of its range"};
    }
    if (!read_day(cells->list[cell_of[COLUMN_EFF_FROM]], &row.eff_ms)) {
        return (struct wrong){"eff_from", "neither empty nor a day yyyy-mm-dd"};
    }
    if (params_find(params, row.admdvs, row.param, row.eff_ms) != NULL) {
        return (struct wrong){"eff_from", "a second row of that area, param and day"};
    }
    if (!params_put(params, &row)) return (struct wrong){"param", "too many rows"};
    return fine;
}

static struct wrong read_rows(struct params *params, struct table_text *text)
{
    struct table_cells cells;
    uint32_t cell_of[COLUMN_COUNT];
    struct wrong wrong = {"line", NULL};
    const int got = table_text_next(text, &cells, &wrong.what);
    if (got < 0) return wrong;
    if (got == 0) return (struct wrong){"header", "there is none"};
    const uint32_t width = cells.count;
    struct wrong row_wrong = read_header(&cells, cell_of);
    while (row_wrong.what == NULL) {
        const int next = table_text_next(text, &cells, &wrong.what);
        if (next < 0) return wrong;
        if (next == 0) return fine;
        if (cells.count != width) {
            return (struct wrong){"line", "not as many cells as the header has"};
        }
        row_wrong = read_row(params, &cells, cell_of);
    }
    return row_wrong;
}

/* A province without a row of its own was forgotten, and would silently be as the nation is:
 * whoever writes the table has to say of each whether its wallets are open. */
static uint32_t province_missing(const struct params *params)
{
    for (uint32_t i = 0; i < PROVINCE_COUNT; i++) {
        const uint32_t area = province_codes[i] * UINT32_C(10000);
        if (params_latest(params, area, PARAM_WALLET_ENABLED) < 0) return area;
    }
    return 0;
}

bool params_load(struct params *params, struct bytes text, char *ret_why, size_t room)
{
    struct table_text lines;
    struct text why = text_begin(ret_why, room);
    table_text_init(&lines, text);
    const struct wrong wrong = read_rows(params, &lines);
    if (wrong.what != NULL) {
        text_add(&why, "line ");
        text_add_int(&why, lines.line);
        text_add(&why, ": ");
        text_add(&why, wrong.field);
        text_add(&why, ": ");
        text_add(&why, wrong.what);
        return false;
    }
    const uint32_t missing = province_missing(params);
    if (missing != 0) {
        text_add(&why, "line ");
        text_add_int(&why, lines.line);
        text_add(&why, ": param: no row wallet_enabled of ");
        text_add_int(&why, missing);
        text_add(&why, " ");
        text_add(&why, province_name((uint8_t)province_index(missing / 10000)));
        return false;
    }
    return true;
}
