/* calendar -- working days (工作日) from a table: weekends, holidays, make-up working days.
 *
 * The table is deploy/tables/calendar.csv; days that it does not list are working days from Monday
 * to Friday. Pure: it is given the text. Days are yyyymmdd, months yyyymm (docs/rules.md,
 * Calendar).
 */
#ifndef CYCLE_CALENDAR_H
#define CYCLE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

#include "types/bytes.h"

#define CALENDAR_EXCEPTIONS_MAX 2048

struct calendar {
    uint32_t count;
    uint32_t first_year; /* Years the table covers; outside of them weekends alone count. */
    uint32_t last_year;  /* Both 0: the table lists no day. */
    struct calendar_exception {
        uint32_t day;                /* yyyymmdd */
        uint8_t working;             /* 1: a make-up working day, 0: a holiday */
    } list[CALENDAR_EXCEPTIONS_MAX]; /* Ascending. */
};

/* Reads the table: columns day, kind (holiday or workday) and name, in any order, the name may be
 * missing; UTF-8, '#' begins a comment line. False with a text in `why` (line, column, what) when
 * it is not sound: a day that is none or stands there twice, an unknown kind, a make-up working
 * day from Monday to Friday, more than CALENDAR_EXCEPTIONS_MAX days. */
bool calendar_load(struct calendar *calendar, struct bytes text, char *why, uint32_t why_room);

/* True for a day somebody works on; false also for what is no day at all. */
bool calendar_is_working(const struct calendar *calendar, uint32_t day);

/* The day `count` working days after `day` (0: the day itself if it is one, else the next). `day`
 * must be a day; 0 when it is none. */
uint32_t calendar_add(const struct calendar *calendar, uint32_t day, uint32_t count);

/* Working days after `from` up to and with `to`; 0 when to <= from or one is no day. */
uint32_t calendar_between(const struct calendar *calendar, uint32_t from, uint32_t to);

/* A day of a month, where a later day than it has means its last; the month `count` months later.
 */
uint32_t calendar_month_day(uint32_t month, uint32_t day);
uint32_t calendar_month_add(uint32_t month, int32_t count);

#endif
