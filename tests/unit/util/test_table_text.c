/* Lines, cells, UTF-8 and numbers of a table file: what is taken and what is refused. */
#include <stdio.h>

#include "tests/lib/unit.h"
#include "util/table_text.h"

static void cells_of_good_lines(void **state)
{
    static const struct {
        const char *line;
        uint32_t count;
        const char *cells[4];
    } cases[] = {
        {"a", 1, {"a"}},
        {"a,b", 2, {"a", "b"}},
        {",", 2, {"", ""}},
        {"a,,c", 3, {"a", "", "c"}},
        {"\"a,b\",c", 2, {"a,b", "c"}},
        {"\"\",x", 2, {"", "x"}},
        {"\"say \"\"no\"\"\"", 1, {"say \"\"no\"\""}},
        {" a ,b", 2, {" a ", "b"}},
        {"安徽,34\r", 2, {"安徽", "34"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table_text text;
        struct table_cells cells;
        const char *what = NULL;
        char line[64];
        snprintf(line, sizeof line, "%s\n", cases[i].line);
        table_text_init(&text, bytes_of(line));
        assert_int_equal(table_text_next(&text, &cells, &what), 1);
        assert_int_equal(cells.count, cases[i].count);
        for (uint32_t c = 0; c < cells.count; c++) {
            assert_true(bytes_equal(cells.list[c], bytes_of(cases[i].cells[c])));
        }
        assert_int_equal(table_text_next(&text, &cells, &what), 0);
    }
}

static void lines_are_counted_and_comments_skipped(void **state)
{
    struct table_text text;
    struct table_cells cells;
    const char *what = NULL;
    (void)state;
    table_text_init(&text, bytes_of("\xef\xbb\xbf# one\n\n\r\nfour\n# five\nsix"));
    assert_int_equal(table_text_next(&text, &cells, &what), 1);
    assert_int_equal(text.line, 4);
    assert_int_equal(table_text_next(&text, &cells, &what), 1);
    assert_int_equal(text.line, 6);
    assert_true(bytes_equal(cells.list[0], bytes_of("six")));
    assert_int_equal(table_text_next(&text, &cells, &what), 0);
    table_text_init(&text, (struct bytes){0});
    assert_int_equal(table_text_next(&text, &cells, &what), 0);
}

static void bad_lines_are_refused(void **state)
{
    static const char *const lines[] = {
        "\"a",
        "a\"b",
        "\"a\"b,c",
        "a,\"",
        "\xff",
        "a\tb",
        "a\rb\n",
        "\x7f",
        "\xc0\x80",
        "\xe0\x80\x80",
        "\xed\xa0\x80",
        "\xf0\x80\x80\x80",
        "\xe5\xae",
        "# \xe5\xae",
        "\x80",
        "\xf4\x90\x80\x80",
        "\xf5\x80\x80\x80",
        "\xc3",
        ",,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct table_text text;
        struct table_cells cells;
        const char *what = NULL;
        table_text_init(&text, bytes_of(lines[i]));
        assert_int_equal(table_text_next(&text, &cells, &what), -1);
        assert_non_null(what);
        assert_int_equal(text.line, 1);
    }
}

static void zero_bytes_are_refused(void **state)
{
    (void)state;
    assert_false(table_text_sound((struct bytes){(const uint8_t *)"a\0b", 3}));
    assert_true(table_text_sound((struct bytes){(const uint8_t *)"a b", 3}));
    /* What follows a line in memory does not mend it. */
    assert_false(table_text_sound((struct bytes){(const uint8_t *)"\xe5\xae\x89", 2}));
}

static void utf8_bounds(void **state)
{
    (void)state;
    assert_true(table_text_sound(bytes_of("\xc2\x80")));         /* U+0080 */
    assert_true(table_text_sound(bytes_of("\xdf\xbf")));         /* U+07FF */
    assert_true(table_text_sound(bytes_of("\xe0\xa0\x80")));     /* U+0800 */
    assert_true(table_text_sound(bytes_of("\xed\x9f\xbf")));     /* U+D7FF */
    assert_true(table_text_sound(bytes_of("\xee\x80\x80")));     /* U+E000 */
    assert_true(table_text_sound(bytes_of("\xf0\x90\x80\x80"))); /* U+10000 */
    assert_true(table_text_sound(bytes_of("\xf4\x8f\xbf\xbf"))); /* U+10FFFF */
}

/* Every byte of a character but its first is one that cannot begin another. */
static void utf8_followers(void **state)
{
    static const char *const bad[] = {"\xc3(",         "\xc3\xc3",     "\xe5(\x89",
                                      "\xe5\xae(",     "\xe5\xae\xe5", "\xf0(\x98\x80",
                                      "\xf0\x9f(\x80", "\xf0\x9f\x98("};
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(table_text_sound(bytes_of(bad[i])));
}

static void numbers(void **state)
{
    static const char *const bad[] = {
        "", "+1", "-1", " 1", "1 ", "01", "00", "1.0", "0x1", "x", "1000000000000000000"};
    int64_t value = -7;
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_false(table_number(bytes_of(bad[i]), 0, INT64_MAX, &value));
    }
    assert_false(table_number(bytes_of("9"), 10, 20, &value));
    assert_false(table_number(bytes_of("21"), 10, 20, &value));
    assert_int_equal(value, -7); /* Untouched by every refusal. */
    assert_true(table_number(bytes_of("10"), 10, 20, &value));
    assert_int_equal(value, 10);
    assert_true(table_number(bytes_of("20"), 10, 20, &value));
    assert_true(table_number(bytes_of("0"), 0, 1, &value));
    assert_int_equal(value, 0);
    assert_true(table_number(bytes_of("999999999999999999"), 0, INT64_MAX, &value));
    assert_true(value == INT64_C(999999999999999999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells_of_good_lines),
        cmocka_unit_test(lines_are_counted_and_comments_skipped),
        cmocka_unit_test(bad_lines_are_refused),
        cmocka_unit_test(zero_bytes_are_refused),
        cmocka_unit_test(utf8_bounds),
        cmocka_unit_test(utf8_followers),
        cmocka_unit_test(numbers),
    };
    return cmocka_run_group_tests_name("ledger/table_text", tests, NULL, NULL);
}
