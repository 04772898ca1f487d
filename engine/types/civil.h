/* civil -- instants into China's calendar and back, by arithmetic.
 *
 * Asia/Shanghai is UTC+8 without summer time for every date this engine accepts, so no time-zone
 * database is asked and the process's own zone never matters (docs/rules.md, Time). */
#ifndef TYPES_CIVIL_H
#define TYPES_CIVIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MS_PER_SECOND 1000
#define MS_PER_DAY    INT64_C(86400000)

/* 2100-01-01 in Shanghai. Who names a later instant has counted in another unit. */
#define CIVIL_LATEST_MS INT64_C(4102416000000)

/* Shanghai's wall clock at one instant. */
struct civil {
    int32_t year;
    int32_t month;  /* 1..12 */
    int32_t day;    /* 1..31 */
    int32_t hour;   /* 0..23 */
    int32_t minute; /* 0..59 */
    int32_t second; /* 0..59 */
    int32_t millisecond;
};

/* The wall clock in Shanghai at `unix_ms` milliseconds since the epoch (UTC). */
struct civil civil_from_ms(int64_t unix_ms);

/* The instant of that wall clock; false when a part is outside its range (31 April, hour 24) or
 * the year is outside 1970..9999. */
bool civil_to_ms(const struct civil *civil, int64_t *ret_unix_ms);

/* yyyymm of the instant: the month a settlement belongs to (docs/rules.md, Periods). */
uint32_t civil_month(int64_t unix_ms);

/* Milliseconds since midnight of that wall clock. */
int64_t civil_ms_of_day(int64_t unix_ms);

/* yyyymmdd of the instant. */
uint32_t civil_day(int64_t unix_ms);

/* The month after: 202412 gives 202501. */
uint32_t civil_month_next(uint32_t yyyymm);

/* True for yyyymm with a month of 01..12 and a year of 2000..2999. */
bool civil_month_valid(uint32_t yyyymm);

/* Midnight in Shanghai on the first day of the month. */
int64_t civil_month_start_ms(uint32_t yyyymm);

/* Days in the month, 28..31. */
int32_t civil_month_days(uint32_t yyyymm);

/* 0 = Monday .. 6 = Sunday, of that day in Shanghai. */
int32_t civil_weekday(int64_t unix_ms);

/* "yyyy-MM-dd HH:mm:ss" (19 characters, no end mark needed in `text`) to an instant. */
bool civil_parse_datetime(const char *text, size_t size, int64_t *ret_unix_ms);

/* "2026-03-02T21:59:00+08:00", also with milliseconds or 'Z'; any offset is honoured. */
bool civil_parse_iso(const char *text, int64_t *ret_unix_ms);

#define CIVIL_ISO_SIZE 30 /* "2026-03-02T21:59:00.000+08:00" and its end mark. */

/* ISO 8601 in Shanghai's offset; milliseconds only where they are not zero. */
void civil_format_iso(int64_t unix_ms, char ret_text[CIVIL_ISO_SIZE]);

#define CIVIL_DATETIME_SIZE 20

/* "yyyy-MM-dd HH:mm:ss" and its end mark. */
void civil_format_datetime(int64_t unix_ms, char ret_text[CIVIL_DATETIME_SIZE]);

#endif
