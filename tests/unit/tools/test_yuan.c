#include "tests/lib/unit.h"
#include "tools/client/yuan.h"

struct line {
    int64_t fen;
    const char *plain;
    const char *grouped;
};

static void amounts_are_written_to_the_fen(void **state)
{
    (void)state;
    static const struct line lines[] = {
        {0, "0.00", "0.00"},
        {1, "0.01", "0.01"},
        {-1, "-0.01", "-0.01"},
        {99, "0.99", "0.99"},
        {100, "1.00", "1.00"},
        {-12345, "-123.45", "-123.45"},
        {99999, "999.99", "999.99"},
        {100000, "1000.00", "1,000.00"},
        {123456789, "1234567.89", "1,234,567.89"},
        {9999999999999999, "99999999999999.99", "99,999,999,999,999.99"},
        {INT64_MAX, "92233720368547758.07", "92,233,720,368,547,758.07"},
        {INT64_MIN, "-92233720368547758.08", "-92,233,720,368,547,758.08"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[YUAN_SIZE];
        assert_string_equal(yuan_format(lines[i].fen, text), lines[i].plain);
        assert_string_equal(yuan_format_grouped(lines[i].fen, text), lines[i].grouped);
    }
}

static void counts_are_grouped(void **state)
{
    (void)state;
    char text[YUAN_SIZE];
    assert_string_equal(count_format_grouped(0, text), "0");
    assert_string_equal(count_format_grouped(999, text), "999");
    assert_string_equal(count_format_grouped(1000, text), "1,000");
    assert_string_equal(count_format_grouped(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static void yuan_are_read_as_they_are_written(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t fen;
    } good[] = {{"0", 0},      {"1", 100},      {"1.5", 150},
                {"-0.01", -1}, {"007.10", 710}, {"99999999999999.99", 9999999999999999}};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        int64_t fen = 7;
        assert_true(yuan_parse(good[i].text, &fen));
        assert_true(fen == good[i].fen);
    }
    static const char *const bad[] = {"",      "-",   ".5",    "1.",  "1.001",
                                      "1,000", "+1",  " 1",    "1 ",  "1e3",
                                      "--1",   "0x1", "1.2.3", "NaN", "100000000000000"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        int64_t fen = 7;
        assert_false(yuan_parse(bad[i], &fen));
        assert_int_equal(fen, 7);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_written_to_the_fen),
        cmocka_unit_test(counts_are_grouped),
        cmocka_unit_test(yuan_are_read_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
