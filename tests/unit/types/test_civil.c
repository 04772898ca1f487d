/* The calendar by arithmetic: edges of days, months and leap years in Shanghai, text both ways,
 * and libc's calendar as a second opinion. */
#include <string.h>
#include <time.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "types/civil.h"

static int64_t at(const char *iso)
{
    int64_t ms = -1;
    if (!civil_parse_iso(iso, &ms)) fail_msg("not taken: %s", iso);
    return ms;
}

static void known_instants(void **state)
{
    (void)state;
    assert_int_equal(at("1970-01-01T08:00:00+08:00"), 0);
    assert_int_equal(at("1970-01-01T00:00:00Z"), 0);
    assert_int_equal(at("2025-01-01T00:00:00+08:00"), INT64_C(1735660800000));
    assert_int_equal(at("2026-03-02T21:59:00+08:00"), INT64_C(1772459940000));
    assert_int_equal(at("2026-03-02T21:59:00.007+08:00"), INT64_C(1772459940007));
    /* Any offset is honoured. */
    assert_int_equal(at("2026-03-02T13:59:00Z"), INT64_C(1772459940000));
    assert_int_equal(at("2026-03-02T08:29:00-05:30"), INT64_C(1772459940000));
    assert_int_equal(at("2026-03-02T13:59:00-00:00"), INT64_C(1772459940000));
    assert_int_equal(at("2026-03-03T03:59:00+14:00"), INT64_C(1772459940000));
}

static void days_and_months_turn_at_shanghais_midnight(void **state)
{
    static const struct {
        const char *instant;
        uint32_t month;
    } cases[] = {
        {"2026-02-28T23:59:59.999+08:00", 202602}, {"2026-03-01T00:00:00+08:00", 202603},
        {"2024-02-29T23:59:59.999+08:00", 202402}, {"2024-03-01T00:00:00+08:00", 202403},
        {"2025-12-31T23:59:59.999+08:00", 202512}, {"2026-01-01T00:00:00+08:00", 202601},
        {"2025-12-31T15:59:59.999Z", 202512},      {"2025-12-31T16:00:00Z", 202601},
        {"2026-04-30T23:59:59+08:00", 202604},     {"2026-05-01T00:00:00.000+08:00", 202605},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(civil_month(at(cases[i].instant)), cases[i].month);
    }
    const struct civil last = civil_from_ms(at("2024-02-29T23:59:59.999+08:00"));
    assert_int_equal(last.year, 2024);
    assert_int_equal(last.month, 2);
    assert_int_equal(last.day, 29);
    assert_int_equal(last.hour, 23);
    assert_int_equal(last.minute, 59);
    assert_int_equal(last.second, 59);
    assert_int_equal(last.millisecond, 999);
}

static void months(void **state)
{
    (void)state;
    assert_int_equal(civil_month_next(202412), 202501);
    assert_int_equal(civil_month_next(202401), 202402);
    assert_int_equal(civil_month_next(202411), 202412);
    assert_int_equal(civil_month_days(202402), 29);
    assert_int_equal(civil_month_days(202302), 28);
    assert_int_equal(civil_month_days(200002), 29);
    assert_int_equal(civil_month_days(210002), 28);
    assert_int_equal(civil_month_days(202604), 30);
    assert_int_equal(civil_month_days(202612), 31);
    assert_true(civil_month_valid(200001));
    assert_true(civil_month_valid(299912));
    assert_false(civil_month_valid(199912));
    assert_false(civil_month_valid(300001));
    assert_false(civil_month_valid(202600));
    assert_false(civil_month_valid(202613));
    assert_false(civil_month_valid(0));
    for (uint32_t month = 200001; month < 210001; month = civil_month_next(month)) {
        const int64_t start = civil_month_start_ms(month);
        assert_int_equal(civil_month(start), month);
        assert_int_not_equal(civil_month(start - 1), month);
        assert_int_equal(civil_month_start_ms(civil_month_next(month)),
                         start + civil_month_days(month) * MS_PER_DAY);
    }
}

static void weekdays(void **state)
{
    (void)state;
    assert_int_equal(civil_weekday(at("1970-01-01T00:00:00+08:00")), 3);
    assert_int_equal(civil_weekday(at("2026-03-01T23:59:59.999+08:00")), 6); /* A Sunday. */
    assert_int_equal(civil_weekday(at("2026-03-02T00:00:00+08:00")), 0);
    assert_int_equal(civil_weekday(at("2024-02-29T12:00:00+08:00")), 3);
    assert_int_equal(civil_weekday(-5 * MS_PER_DAY), 5); /* 1969-12-27 */
}

static void impossible_dates_are_refused(void **state)
{
    static const char *const texts[] = {
        "2026-02-29 00:00:00", "2100-02-29 00:00:00", "2026-04-31 00:00:00", "2026-00-10 00:00:00",
        "2026-13-10 00:00:00", "2026-01-00 00:00:00", "2026-01-32 00:00:00", "2026-01-01 24:00:00",
        "2026-01-01 00:60:00", "2026-01-01 00:00:60", "1969-12-31 23:59:59", "2026-1-01 00:00:000",
        "2026/01/01 00:00:00", "2026-01-01T00:00:00", "2026-01-01 00-00:00", "2026-01-01 00:00-00",
        "-026-01-01 00:00:00", "2026-01-01 0 :00:00", "2026-01-01 00:00:0x", "+026-01-01 00:00:00",
    };
    int64_t ms = -7;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (civil_parse_datetime(texts[i], 19, &ms)) fail_msg("taken: %s", texts[i]);
    }
    assert_false(civil_parse_datetime("2026-01-01 00:00:00 ", 20, &ms));
    assert_false(civil_parse_datetime("2026-01-01 00:00:0", 18, &ms));
    assert_false(civil_parse_datetime("", 0, &ms));
    assert_int_equal(ms, -7);
    assert_true(civil_parse_datetime("2024-02-29 23:59:59", 19, &ms));
    assert_int_equal(ms, at("2024-02-29T23:59:59+08:00"));
    assert_true(civil_parse_datetime("9999-12-31 23:59:59", 19, &ms));
}

static void malformed_iso_is_refused(void **state)
{
    static const char *const texts[] = {
        "",
        "2026",
        "2026-03-02T21:59:00",
        "2026-03-02T21:59:00z",
        "2026-03-02 21:59:00+08:00",
        "2026-03-02T21:59:00+0800",
        "2026-03-02T21:59:00+08",
        "2026-03-02T21:59:00+15:00",
        "2026-03-02T21:59:00+08:60",
        "2026-03-02T21:59:00+0x:00",
        "2026-03-02T21:59:00 08:00",
        "2026-03-02T21:59:00.+08:00",
        "2026-03-02T21:59:00.1+08:00",
        "2026-03-02T21:59:00.12Z",
        "2026-03-02T21:59:00.1234Z",
        "2026-03-02T21:59:00.123",
        "2026-03-02T21:59:00Zx",
        "2026-03-02T21:59:00+08:00 ",
        "2026-02-30T21:59:00Z",
        "2026-03-02T21:59:00.-12Z",
        "2026-03-02T21:59:00.12x+08:00",
    };
    int64_t ms = -7;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (civil_parse_iso(texts[i], &ms)) fail_msg("taken: %s", texts[i]);
    }
    assert_int_equal(ms, -7);
}

static void text_says_the_instant(void **state)
{
    char iso[CIVIL_ISO_SIZE];
    char datetime[CIVIL_DATETIME_SIZE];
    (void)state;
    civil_format_iso(0, iso);
    assert_string_equal(iso, "1970-01-01T08:00:00+08:00");
    civil_format_iso(1, iso);
    assert_string_equal(iso, "1970-01-01T08:00:00.001+08:00");
    civil_format_datetime(at("2025-12-31T16:00:00.999Z"), datetime);
    assert_string_equal(datetime, "2026-01-01 00:00:00");
}

static void there_and_back(void **state)
{
    struct prng prng = {20260302};
    const int64_t first = at("1970-01-01T00:00:00+08:00");
    const int64_t end = at("9999-12-31T23:59:59.999+08:00") + 1;
    (void)state;
    for (int i = 0; i < 200000; i++) {
        const int64_t ms = first + (int64_t)prng_below(&prng, (uint64_t)(end - first));
        const struct civil civil = civil_from_ms(ms);
        assert_int_equal(civil_ms_of_day(ms),
                         ((civil.hour * 60 + civil.minute) * 60 + civil.second) * 1000 +
                             civil.millisecond);
        const time_t seconds = (time_t)((ms + 8 * 3600 * 1000) / 1000); /* The second opinion. */
        struct tm tm;
        char text[CIVIL_ISO_SIZE];
        int64_t again;
        assert_true(civil_to_ms(&civil, &again));
        assert_int_equal(again, ms);
        civil_format_iso(ms, text);
        assert_int_equal(at(text), ms);
        civil_format_datetime(ms, text);
        assert_true(civil_parse_datetime(text, strlen(text), &again));
        assert_int_equal(again, ms - civil.millisecond);
        if (ms < 0) continue; /* The second opinion below divides. */
        gmtime_r(&seconds, &tm);
        assert_int_equal(civil.year, tm.tm_year + 1900);
        assert_int_equal(civil.month, tm.tm_mon + 1);
        assert_int_equal(civil.day, tm.tm_mday);
        assert_int_equal(civil.hour, tm.tm_hour);
        assert_int_equal(civil.minute, tm.tm_min);
        assert_int_equal(civil.second, tm.tm_sec);
        assert_int_equal(civil_weekday(ms), (tm.tm_wday + 6) % 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_instants),
        cmocka_unit_test(days_and_months_turn_at_shanghais_midnight),
        cmocka_unit_test(months),
        cmocka_unit_test(weekdays),
        cmocka_unit_test(impossible_dates_are_refused),
        cmocka_unit_test(malformed_iso_is_refused),
        cmocka_unit_test(text_says_the_instant),
        cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests_name("types/civil", tests, NULL, NULL);
}
