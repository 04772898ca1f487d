/* calendar -- the table of holidays, and counting by it.
 *
 * Must not know what the days are counted for. */
#include "cycle/calendar.h"

#include <stdio.h>

#include "types/civil.h"
#include "util/table_text.h"

#define WEEKDAYS     5 /* Monday to Friday; civil_weekday() begins with Monday. */
#define DAY_LEAST    20000101
#define DAY_GREATEST 29991231

/* Midnight of the day in Shanghai; false when it is none. */
static bool day_start_ms(uint32_t day, int64_t *ret_ms)
{
    const struct civil civil = {
        .year = (int32_t)(day / 10000),
        .month = (int32_t)(day / 100 % 100),
        .day = (int32_t)(day % 100),
    };
    return civil_to_ms(&civil, ret_ms);
}

uint32_t calendar_month_day(uint32_t month, uint32_t day)
{
    const uint32_t last = (uint32_t)civil_month_days(month);
    return month * 100 + (day > last ? last : day);
}

uint32_t calendar_month_add(uint32_t month, int32_t count)
{
    const int32_t months = (int32_t)(month / 100 * 12 + month % 100) - 1 + count;
    return (uint32_t)(months / 12 * 100 + months % 12 + 1);
}

/* -- the table --------------------------------------------------------------------------------- */

/* Where the day stands in the list, or would. */
static uint32_t place_of(const struct calendar *calendar, uint32_t day)
{
    uint32_t low = 0;
    uint32_t high = calendar->count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (calendar->list[middle].day < day) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

enum column {
    COLUMN_DAY,
    COLUMN_KIND,
    COLUMN_NAME,
    COLUMN_COUNT
};
static const char *const column_words[COLUMN_COUNT] = {"day", "kind", "name"};
static const char *const kind_words[] = {"holiday", "workday"};

#define NO_CELL TABLE_CELLS_MAX

/* Which cell of a line is which column. NULL, or what is wrong. */
static const char *read_header(const struct table_cells *header, uint32_t ret_cell[COLUMN_COUNT])
{
    for (int i = 0; i < COLUMN_COUNT; i++)
        ret_cell[i] = NO_CELL;
    for (uint32_t i = 0; i < header->count; i++) {
        const int column = table_word(header->list[i], column_words, COLUMN_COUNT);
        if (column < 0) return "header: unknown column";
        if (ret_cell[column] != NO_CELL) return "header: doubled column";
        ret_cell[column] = i;
    }
    if (ret_cell[COLUMN_DAY] == NO_CELL) return "header: the column day is missing";
    if (ret_cell[COLUMN_KIND] == NO_CELL) return "header: the column kind is missing";
    return NULL;
}

static const char *read_day(struct calendar *calendar, struct bytes day_cell,
                            struct bytes kind_cell)
{
    int64_t number;
    int64_t ms;
    if (!table_number(day_cell, DAY_LEAST, DAY_GREATEST, &number) ||
        !day_start_ms((uint32_t)number, &ms)) {
        return "day: no day yyyymmdd";
    }
    const uint32_t day = (uint32_t)number;
    const int working = table_word(kind_cell, kind_words, 2);
    if (working < 0) return "kind: neither holiday nor workday";
    /* A holiday on a Saturday is part of a longer one; a make-up day in the week is a slip. */
    if (working == 1 && civil_weekday(ms) < WEEKDAYS) {
        return "day: a make-up workday from Monday to Friday";
    }
    const uint32_t place = place_of(calendar, day);
    if (place < calendar->count && calendar->list[place].day == day) return "day: doubled";
    if (calendar->count == CALENDAR_EXCEPTIONS_MAX) return "day: too many days";
    memmove(&calendar->list[place + 1], &calendar->list[place],
            (calendar->count - place) * sizeof calendar->list[0]);
    calendar->list[place] = (struct calendar_exception){.day = day, .working = (uint8_t)working};
    calendar->count++;
    return NULL;
}

/* NULL, or what is wrong with the line that was read last. */
static const char *read_rows(struct calendar *calendar, struct table_text *text)
{
    struct table_cells cells;
    uint32_t cell_of[COLUMN_COUNT];
    const char *what = NULL;
    const int got = table_text_next(text, &cells, &what);
    if (got < 0) return what;
    if (got == 0) return "no header";
    const uint32_t width = cells.count;
    what = read_header(&cells, cell_of);
    while (what == NULL && table_text_next(text, &cells, &what) > 0) {
        if (cells.count != width) return "not as many cells as the header has";
        what =
            read_day(calendar, cells.list[cell_of[COLUMN_DAY]], cells.list[cell_of[COLUMN_KIND]]);
    }
    return what;
}

bool calendar_load(struct calendar *calendar, struct bytes text, char *why, uint32_t why_room)
{
    struct table_text lines;
    *calendar = (struct calendar){0};
    table_text_init(&lines, text);
    const char *what = read_rows(calendar, &lines);
    if (what != NULL) {
        (void)snprintf(why, why_room, "line %u: %s", lines.line, what);
        return false;
    }
    if (calendar->count != 0) {
        calendar->first_year = calendar->list[0].day / 10000;
        calendar->last_year = calendar->list[calendar->count - 1].day / 10000;
    }
    return true;
}

/* -- counting ---------------------------------------------------------------------------------- */

static bool is_working(const struct calendar *calendar, int64_t day_ms)
{
    const uint32_t day = civil_day(day_ms);
    const uint32_t place = place_of(calendar, day);
    if (place < calendar->count && calendar->list[place].day == day) {
        return calendar->list[place].working == 1;
    }
    return civil_weekday(day_ms) < WEEKDAYS;
}

bool calendar_is_working(const struct calendar *calendar, uint32_t day)
{
    int64_t ms;
    return day_start_ms(day, &ms) && is_working(calendar, ms);
}

uint32_t calendar_add(const struct calendar *calendar, uint32_t day, uint32_t count)
{
    int64_t ms;
    if (!day_start_ms(day, &ms)) return 0;
    uint32_t left = count;
    while (left > 0) {
        ms += MS_PER_DAY;
        if (is_working(calendar, ms)) left--;
    }
    while (!is_working(calendar, ms))
        ms += MS_PER_DAY; /* Only when count is 0: else it stands on one. */
    return civil_day(ms);
}

uint32_t calendar_between(const struct calendar *calendar, uint32_t from, uint32_t to)
{
    int64_t ms;
    int64_t end_ms;
    uint32_t count = 0;
    if (!day_start_ms(from, &ms) || !day_start_ms(to, &end_ms)) return 0;
    while (ms < end_ms) {
        ms += MS_PER_DAY;
        if (is_working(calendar, ms)) count++;
    }
    return count;
}
