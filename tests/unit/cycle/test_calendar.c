/* Working days: the shipped table's make-up days and long holidays, year ends, years without a
 * table, and tables that must be refused. Expected days are counted by hand from a calendar. */
#include <stdio.h>

#include "cycle/calendar.h"
#include "deploy/embedded_tables.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "types/civil.h"

static struct calendar calendar;

static void load_shipped(void)
{
    char why[128] = "";
    for (size_t i = 0; i < embedded_table_count; i++) {
        const struct embedded_file *file = &embedded_tables[i];
        if (strcmp(file->name, "calendar.csv") != 0) continue;
        if (!calendar_load(&calendar, (struct bytes){file->data, file->size}, why, sizeof why))
            fail_msg("%s", why);
        return;
    }
    fail_msg("no calendar.csv");
}

static void load(const char *text)
{
    char why[128] = "";
    if (!calendar_load(&calendar, bytes_of(text), why, sizeof why)) fail_msg("%s", why);
}

static void holidays_and_make_up_days(void **state)
{
    static const struct {
        uint32_t day;
        bool working;
    } cases[] = {
        {20240204, true}, /* A Sunday before the Spring Festival. */
        {20240209, true}, /* New Year's Eve 2024 was no holiday. */
        {20240212, false},   {20240218, true},  {20240219, true},
        {20250127, true},    {20250128, false}, {20250204, false},
        {20250205, true},    {20250208, true},  {20250209, false},
        {20250928, true},    {20251001, false}, {20251008, false},
        {20251009, true},    {20251010, true},  {20251011, true},
        {20251012, false},   {20260102, false}, {20260104, true},
        {20260105, true},    {20260214, true},  {20260223, false},
        {20260228, true},    {20261010, true},  {20260301, false}, /* An ordinary Sunday, */
        {20260302, true},                                          /* and Monday. */
        {20270101, true}, /* Not announced: a Friday like any other. */
        {20260230, false},   {20261301, false}, {0, false},
        {UINT32_MAX, false},
    };
    (void)state;
    load_shipped();
    assert_int_equal(calendar.first_year, 2024);
    assert_int_equal(calendar.last_year, 2026);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (calendar_is_working(&calendar, cases[i].day) != cases[i].working)
            fail_msg("%u", cases[i].day);
    }
}

/* The statutory days off: what the holidays take from the week less what make-up days give back. */
static void shipped_years_add_up(void **state)
{
    static const int days_off[] = {11, 13, 13}; /* Two more since 2025. */
    int found[3] = {0};
    (void)state;
    load_shipped();
    for (uint32_t i = 0; i < calendar.count; i++) {
        const uint32_t day = calendar.list[i].day;
        const struct civil civil = {.year = (int32_t)(day / 10000),
                                    .month = (int32_t)(day / 100 % 100),
                                    .day = (int32_t)(day % 100)};
        int64_t ms;
        assert_true(civil_to_ms(&civil, &ms));
        const bool week = civil_weekday(ms) < 5;
        if (calendar.list[i].working == 1) {
            found[day / 10000 - 2024]--;
        } else if (week) {
            found[day / 10000 - 2024]++;
        }
    }
    assert_memory_equal(found, days_off, sizeof found);
}

static void adding(void **state)
{
    static const struct {
        uint32_t day;
        uint32_t count;
        uint32_t sum;
    } cases[] = {
        {20250930, 0, 20250930},  {20250930, 1, 20251009}, /* Over National Day. */
        {20250930, 3, 20251011},                           /* A Saturday that is worked. */
        {20250930, 4, 20251013},  {20251001, 0, 20251009}, {20251004, 1, 20251009},
        {20251231, 1, 20260104}, /* Year's end: a worked Sunday. */
        {20261231, 1, 20270101}, /* Behind the table: weekends alone. */
        {20261231, 2, 20270104},  {20240229, 1, 20240301}, {20240228, 1, 20240229},
        {20260331, 5, 20260408}, /* Qingming between. */
        {20260331, 15, 20260422}, {20260230, 1, 0},        {0, 0, 0},
    };
    (void)state;
    load_shipped();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint32_t sum = calendar_add(&calendar, cases[i].day, cases[i].count);
        if (sum != cases[i].sum)
            fail_msg("%u + %u: %u, not %u", cases[i].day, cases[i].count, sum, cases[i].sum);
    }
}

/* Adding and counting are each other's reverse, from any day. */
static void between_undoes_adding(void **state)
{
    struct prng prng = {7};
    (void)state;
    load_shipped();
    for (int i = 0; i < 2000; i++) {
        const uint32_t month = calendar_month_add(202401, (int32_t)prng_below(&prng, 40));
        const uint32_t day = calendar_month_day(month, (uint32_t)prng_below(&prng, 31) + 1);
        const uint32_t count = (uint32_t)prng_below(&prng, 60) + 1;
        const uint32_t later = calendar_add(&calendar, day, count);
        assert_true(later > day);
        assert_true(calendar_is_working(&calendar, later));
        assert_int_equal(calendar_between(&calendar, day, later), count);
    }
    assert_int_equal(calendar_between(&calendar, 20260302, 20260302), 0);
    assert_int_equal(calendar_between(&calendar, 20260303, 20260302), 0);
    assert_int_equal(calendar_between(&calendar, 20260229, 20260302), 0);
}

static void months(void **state)
{
    (void)state;
    assert_int_equal(calendar_month_add(202512, 1), 202601);
    assert_int_equal(calendar_month_add(202601, -1), 202512);
    assert_int_equal(calendar_month_add(202601, -13), 202412);
    assert_int_equal(calendar_month_add(202603, 0), 202603);
    assert_int_equal(calendar_month_day(202602, 31), 20260228);
    assert_int_equal(calendar_month_day(202402, 31), 20240229);
    assert_int_equal(calendar_month_day(202604, 31), 20260430);
    assert_int_equal(calendar_month_day(202604, 3), 20260403);
    /* Midnight is Shanghai's: 16:00 of the day before in UTC. */
    assert_int_equal(civil_day(INT64_C(1767196799999)), 20251231);
    assert_int_equal(civil_day(INT64_C(1767196800000)), 20260101);
}

static void tables_without_days(void **state)
{
    (void)state;
    load("day,kind\n");
    assert_int_equal(calendar.count, 0);
    assert_int_equal(calendar.first_year, 0);
    assert_int_equal(calendar_add(&calendar, 20260306, 1), 20260309);
    load("# a comment\nname,kind,day\r\n\"x, y\",workday,20260307\r\n,holiday,20260305\r\n");
    assert_int_equal(calendar.count, 2);
    assert_int_equal(calendar.list[0].day, 20260305); /* Ascending, whatever the file's order. */
    assert_int_equal(calendar_add(&calendar, 20260304, 2), 20260307);
}

static void hostile_tables(void **state)
{
    static const char *const cases[][2] = {
        {"", "line 0: no header"},
        {"kind,name\n", "line 1: header: the column day is missing"},
        {"day,name\n", "line 1: header: the column kind is missing"},
        {"day,kind,day\n", "line 1: header: doubled column"},
        {"day,kind,who\n", "line 1: header: unknown column"},
        {"day,kind\n20260101\n", "line 2: not as many cells as the header has"},
        {"day,kind\n20260229,holiday\n", "line 2: day: no day yyyymmdd"},
        {"day,kind\n20261301,holiday\n", "line 2: day: no day yyyymmdd"},
        {"day,kind\n2026-01-01,holiday\n", "line 2: day: no day yyyymmdd"},
        {"day,kind\n19991231,holiday\n", "line 2: day: no day yyyymmdd"},
        {"day,kind\n99999999999,holiday\n", "line 2: day: no day yyyymmdd"},
        {"day,kind\n20260101,Holiday\n", "line 2: kind: neither holiday nor workday"},
        {"day,kind\n20260102,workday\n", "line 2: day: a make-up workday from Monday to Friday"},
        {"day,kind\n20260101,holiday\n20260101,holiday\n", "line 3: day: doubled"},
        {"day,kind\n20260104,holiday\n20260104,workday\n", "line 3: day: doubled"},
        {"day,kind\n2026\xff,holiday\n", "line 2: not UTF-8, or a control character"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char why[128] = "";
        assert_false(calendar_load(&calendar, bytes_of(cases[i][0]), why, sizeof why));
        assert_string_equal(why, cases[i][1]);
    }
}

static void too_many_days(void **state)
{
    static char text[CALENDAR_EXCEPTIONS_MAX * 20 + 100];
    char why[128] = "";
    size_t size = (size_t)snprintf(text, sizeof text, "day,kind\n");
    int64_t ms = 0;
    (void)state;
    for (int i = 0; i <= CALENDAR_EXCEPTIONS_MAX; i++) {
        if (i == CALENDAR_EXCEPTIONS_MAX) {
            assert_true(calendar_load(&calendar, (struct bytes){(uint8_t *)text, size}, why, 128));
            assert_int_equal(calendar.count, CALENDAR_EXCEPTIONS_MAX);
            /* Seven years without a working day end, too. */
            assert_true(calendar_add(&calendar, 20260101, 1) > 20310000);
        }
        ms = civil_month_start_ms(202601) + i * MS_PER_DAY;
        size += (size_t)snprintf(text + size, sizeof text - size, "%u,holiday\n", civil_day(ms));
    }
    assert_false(calendar_load(&calendar, (struct bytes){(uint8_t *)text, size}, why, 128));
    assert_string_equal(why, "line 2050: day: too many days");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(holidays_and_make_up_days),
        cmocka_unit_test(shipped_years_add_up),
        cmocka_unit_test(adding),
        cmocka_unit_test(between_undoes_adding),
        cmocka_unit_test(months),
        cmocka_unit_test(tables_without_days),
        cmocka_unit_test(hostile_tables),
        cmocka_unit_test(too_many_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
