#include "types/civil.h"

#include <string.h>

#define SHANGHAI_OFFSET_MS (INT64_C(8) * 3600 * MS_PER_SECOND)
#define DAYS_TO_1970       719468 /* From 0000-03-01, the era the day arithmetic below counts in. */
#define DAYS_PER_ERA       146097 /* 400 years. */

/* Days since 1970-01-01 of a proleptic Gregorian date. Years begin in March, so that the leap day
 * is the last of its year and month lengths follow one linear rule. */
static int64_t days_from_date(int64_t year, int64_t month, int64_t day)
{
    year -= month <= 2;
    const int64_t era = year / 400;
    const int64_t year_of_era = year - era * 400;
    const int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - DAYS_TO_1970;
}

/* The way back, for days from 0000-03-01 on: divisions as multiplications by a rounded reciprocal
 * whose lower half is what is left, after Neri and Schneider, "Euclidean affine functions and their
 * application to calendar algorithms" (2023). Every settlement asks for its month. */
static void date_from_days(int64_t days, struct civil *ret_civil)
{
    const uint64_t quarters = 4 * (uint64_t)(days + DAYS_TO_1970) + 3;
    const uint64_t century = quarters / DAYS_PER_ERA;
    const uint64_t left = UINT64_C(2939745) * (quarters % DAYS_PER_ERA | 3); /* 2^32 / 1461. */
    const uint32_t year_of_century = (uint32_t)(left >> 32);
    const uint32_t day_of_year = (uint32_t)left / 2939745 / 4;
    const uint32_t months = 2141 * day_of_year + 197913; /* 2^16 / 30.6, from March on. */
    const bool next_year = day_of_year >= 306;           /* January and February. */
    ret_civil->day = (int32_t)((months & 0xffff) / 2141 + 1);
    ret_civil->month = (int32_t)(months >> 16) - (next_year ? 12 : 0);
    ret_civil->year = (int32_t)(100 * century + year_of_century + next_year);
}

static int64_t floor_div(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

struct civil civil_from_ms(int64_t unix_ms)
{
    const int64_t local_ms = unix_ms + SHANGHAI_OFFSET_MS;
    const int64_t days = floor_div(local_ms, MS_PER_DAY);
    const int32_t ms_of_day = (int32_t)(local_ms - days * MS_PER_DAY);
    struct civil civil = {0};

    date_from_days(days, &civil);
    civil.hour = ms_of_day / 3600000;
    civil.minute = ms_of_day / 60000 % 60;
    civil.second = ms_of_day / 1000 % 60;
    civil.millisecond = ms_of_day % 1000;
    return civil;
}

static bool is_leap(int32_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int32_t days_in_month(int32_t year, int32_t month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && is_leap(year));
}

bool civil_to_ms(const struct civil *civil, int64_t *ret_unix_ms)
{
    if (civil->year < 1970 || civil->year > 9999) return false;
    if (civil->month < 1 || civil->month > 12) return false;
    if (civil->day < 1 || civil->day > days_in_month(civil->year, civil->month)) return false;
    if (civil->hour < 0 || civil->hour > 23 || civil->minute < 0 || civil->minute > 59)
        return false;
    if (civil->second < 0 || civil->second > 59) return false;
    if (civil->millisecond < 0 || civil->millisecond > 999) return false;

    const int64_t days = days_from_date(civil->year, civil->month, civil->day);
    const int64_t seconds = days * 86400 + civil->hour * 3600 + civil->minute * 60 + civil->second;
    *ret_unix_ms = seconds * MS_PER_SECOND + civil->millisecond - SHANGHAI_OFFSET_MS;
    return true;
}

/* Year, month and day alone. */
static struct civil date_from_ms(int64_t unix_ms)
{
    struct civil date = {0};
    date_from_days(floor_div(unix_ms + SHANGHAI_OFFSET_MS, MS_PER_DAY), &date);
    return date;
}

int64_t civil_ms_of_day(int64_t unix_ms)
{
    const int64_t local_ms = unix_ms + SHANGHAI_OFFSET_MS;
    return local_ms - floor_div(local_ms, MS_PER_DAY) * MS_PER_DAY;
}

uint32_t civil_day(int64_t unix_ms)
{
    const struct civil date = date_from_ms(unix_ms);
    return (uint32_t)date.year * 10000 + (uint32_t)date.month * 100 + (uint32_t)date.day;
}

uint32_t civil_month(int64_t unix_ms)
{
    const struct civil date = date_from_ms(unix_ms);
    return (uint32_t)date.year * 100 + (uint32_t)date.month;
}

uint32_t civil_month_next(uint32_t yyyymm)
{
    return yyyymm % 100 == 12 ? yyyymm + 89 : yyyymm + 1;
}

bool civil_month_valid(uint32_t yyyymm)
{
    return yyyymm >= 200001 && yyyymm <= 299912 && yyyymm % 100 >= 1 && yyyymm % 100 <= 12;
}

int64_t civil_month_start_ms(uint32_t yyyymm)
{
    return days_from_date(yyyymm / 100, yyyymm % 100, 1) * MS_PER_DAY - SHANGHAI_OFFSET_MS;
}

int32_t civil_month_days(uint32_t yyyymm)
{
    return days_in_month((int32_t)(yyyymm / 100), (int32_t)(yyyymm % 100));
}

int32_t civil_weekday(int64_t unix_ms)
{
    /* 1970-01-01 was a Thursday: index 3. */
    const int64_t days = floor_div(unix_ms + SHANGHAI_OFFSET_MS, MS_PER_DAY);
    return (int32_t)(((days + 3) % 7 + 7) % 7);
}

/* Reads exactly `width` digits; -1 when one is none. */
static int32_t digits(const char *text, int width)
{
    int32_t value = 0;
    for (int i = 0; i < width; i++) {
        if (text[i] < '0' || text[i] > '9') return -1;
        value = value * 10 + (text[i] - '0');
    }
    return value;
}

static bool parse_to_seconds(const char *text, char separator, struct civil *ret_civil)
{
    if (text[4] != '-' || text[7] != '-' || text[10] != separator) return false;
    if (text[13] != ':' || text[16] != ':') return false;
    *ret_civil = (struct civil){
        .year = digits(text, 4),
        .month = digits(text + 5, 2),
        .day = digits(text + 8, 2),
        .hour = digits(text + 11, 2),
        .minute = digits(text + 14, 2),
        .second = digits(text + 17, 2),
    };
    return true;
}

bool civil_parse_datetime(const char *text, size_t size, int64_t *ret_unix_ms)
{
    struct civil civil;
    return size == 19 && parse_to_seconds(text, ' ', &civil) && civil_to_ms(&civil, ret_unix_ms);
}

bool civil_parse_iso(const char *text, int64_t *ret_unix_ms)
{
    struct civil civil;
    int64_t local_ms;
    if (strlen(text) < 20 || !parse_to_seconds(text, 'T', &civil)) return false;
    text += 19;
    if (*text == '.') {
        if (strlen(text) < 5) return false;
        civil.millisecond = digits(text + 1, 3);
        text += 4;
    }
    if (!civil_to_ms(&civil, &local_ms)) return false;

    int64_t offset_minutes = 0;
    if (strcmp(text, "Z") != 0) {
        if (strlen(text) != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
        const int32_t hours = digits(text + 1, 2);
        const int32_t minutes = digits(text + 4, 2);
        if (hours < 0 || hours > 14 || minutes < 0 || minutes > 59) return false;
        offset_minutes = (text[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
    }
    *ret_unix_ms = local_ms + SHANGHAI_OFFSET_MS - offset_minutes * 60 * MS_PER_SECOND;
    return true;
}

static char *put_digits(char *out, int32_t value, int width)
{
    for (int i = width - 1; i >= 0; i--) {
        out[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return out + width;
}

/* "yyyy-MM-dd" separator "HH:mm:ss": 19 characters. */
static char *put_to_seconds(char *out, const struct civil *civil, char separator)
{
    out = put_digits(out, civil->year, 4);
    *out++ = '-';
    out = put_digits(out, civil->month, 2);
    *out++ = '-';
    out = put_digits(out, civil->day, 2);
    *out++ = separator;
    out = put_digits(out, civil->hour, 2);
    *out++ = ':';
    out = put_digits(out, civil->minute, 2);
    *out++ = ':';
    return put_digits(out, civil->second, 2);
}

void civil_format_iso(int64_t unix_ms, char ret_text[CIVIL_ISO_SIZE])
{
    const struct civil civil = civil_from_ms(unix_ms);
    char *out = put_to_seconds(ret_text, &civil, 'T');
    if (civil.millisecond != 0) {
        *out++ = '.';
        out = put_digits(out, civil.millisecond, 3);
    }
    memcpy(out, "+08:00", 7);
}

void civil_format_datetime(int64_t unix_ms, char ret_text[CIVIL_DATETIME_SIZE])
{
    const struct civil civil = civil_from_ms(unix_ms);
    *put_to_seconds(ret_text, &civil, ' ') = '\0';
}
