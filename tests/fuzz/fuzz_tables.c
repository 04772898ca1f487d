/* Fuzz: any text as settings.csv or calendar.csv; the first byte says which. What is refused names
 * its reason; what is taken keeps every value within its limits and every day a day. */
#include <stdlib.h>

#include "cycle/calendar.h"
#include "cycle/settings.h"
#include "ledger/tables.h"
#include "types/ensure.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) return 0;
    const struct bytes text = {data + 1, size - 1};
    if (data[0] % 2 == 0) {
        settings_laws(text);
    } else {
        calendar_laws(text);
    }
    return 0;
}
