/* Fuzz: any text as settings.csv, calendar.csv or provincial_rules.csv; the first byte says which.
 * What is refused names its reason; what is taken keeps every value within its limits, every day a
 * day and every rule findable. */
#include <stdlib.h>

#include "cycle/calendar.h"
#include "cycle/settings.h"
#include "ledger/tables.h"
#include "types/ensure.h"
#include "wallet/params.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void settings_laws(struct bytes text)
{
    struct tables *tables = malloc(sizeof *tables);
    struct table_error error = {0};
    ENSURE(tables != NULL);
    tables_init(tables);
    if (tables_load(tables, TABLE_SETTINGS, text, &error)) {
        for (int i = 0; i < SETTING_COUNT; i++) {
            const struct setting_info *info = setting_info((enum setting)i);
            ENSURE(tables->cycle.value[i] >= info->least);
            ENSURE(tables->cycle.value[i] <= info->greatest);
        }
    } else {
        ENSURE(error.what != NULL);
    }
    free(tables);
}

static void calendar_laws(struct bytes text)
{
    struct calendar *calendar = malloc(sizeof *calendar);
    char why[128] = "";
    ENSURE(calendar != NULL);
    if (calendar_load(calendar, text, why, sizeof why)) {
        ENSURE(calendar->count <= CALENDAR_EXCEPTIONS_MAX);
        for (uint32_t i = 0; i < calendar->count; i++) {
            const struct calendar_exception *day = &calendar->list[i];
            ENSURE(i == 0 || calendar->list[i - 1].day < day->day);
            ENSURE(calendar_is_working(calendar, day->day) == (day->working == 1));
            const uint32_t next = calendar_add(calendar, day->day, 1);
            ENSURE(next > day->day);
            ENSURE(calendar_is_working(calendar, next));
        }
    } else {
        ENSURE(why[0] != '\0');
    }
    free(calendar);
}

/* Rows taken before a line was refused are held to the same: an entry may put any of them. */
static void params_laws(struct bytes text)
{
    struct params *params = malloc(sizeof *params);
    char why[256] = "";
    ENSURE(params != NULL);
    params_init(params);
    ENSURE(params_load(params, text, why, sizeof why) == (why[0] == '\0'));
    ENSURE(params->count <= RULE_ROWS_MAX && params->begin[PARAM_COUNT] == params->count);
    for (uint32_t i = 0; i < params->count; i++) {
        const struct rule_row *row = &params->rows[i];
        char word[32];
        int64_t value;
        param_print(row->param, row->value, word);
        ENSURE(param_parse(row->param, bytes_of(word), &value) && value == row->value);
        ENSURE(params_find(params, row->admdvs, row->param, row->eff_ms) == row);
        ENSURE(params_value(params, (enum param)row->param, row->admdvs, row->eff_ms) ==
               row->value);
        ENSURE(params_latest(params, row->admdvs, row->param) >= row->eff_ms);
    }
    free(params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const struct bytes text = {data + 1, size - 1};
    switch (data[0] % 3) {
    case 2:
        settings_laws(text);
        break;
    case 1:
        calendar_laws(text);
        break;
    default:
        params_laws(text);
        break;
    }
    return 0;
}
