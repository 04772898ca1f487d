#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/unit.h"
#include "tools/client/csv_pick.h"

static const char *const names[] = {"a", "b", "c"};

/* The text in a block of its own size: a sanitizer sees any read outside. */
static struct bytes text_of(const char *text, size_t size)
{
    uint8_t *data = malloc(size + (size == 0));
    assert_non_null(data);
    memcpy(data, text, size);
    return (struct bytes){data, size};
}

static bool begin(struct csv_pick *pick, const char *text, size_t required, struct bytes *ret_text)
{
    *ret_text = text_of(text, strlen(text));
    return csv_pick_begin(pick, *ret_text, names, 3, required);
}

static void release(struct bytes text)
{
    free((void *)(uintptr_t)text.data);
}

static void columns_are_found_by_name(void **state)
{
    (void)state;
    struct csv_pick pick;
    struct bytes text;
    assert_true(
        begin(&pick, "\xef\xbb\xbf\r\nx,b,\"a\"\r\n1,\"two, \"\"2\"\"\",3\r\n\n4,,\n", 2, &text));
    assert_false(pick.present[2]);
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_ROW);
    assert_string_equal(pick.fields[0], "3");
    assert_string_equal(pick.fields[1], "two, \"2\"");
    assert_string_equal(pick.fields[2], "");
    assert_int_equal(pick.line, 3);
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_ROW);
    assert_string_equal(pick.fields[0], "");
    assert_int_equal(pick.line, 5);
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_END);
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_END);
    release(text);
}

static void headers_that_will_not_do_are_refused(void **state)
{
    (void)state;
    struct csv_pick pick;
    const char *const bad[] = {"",        "\n\n",    "a,c\n1,2\n", "a,b,a\n",
                               "a,\"b\n", "a,b\"\n", "a,\"b\"x\n"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct bytes text;
        assert_false(begin(&pick, bad[i], 2, &text));
        assert_true(pick.text[0] != '\0');
        release(text);
    }
}

static void bad_lines_are_named_and_passed_over(void **state)
{
    (void)state;
    struct csv_pick pick;
    struct bytes text;
    assert_true(begin(&pick, "a,b\n1\n1,2,3\n\"1,2\n\"1\"x,2\n5,6", 2, &text));
    for (uint64_t line = 2; line <= 5; line++) {
        assert_int_equal(csv_pick_next(&pick), CSV_PICK_BAD);
        assert_int_equal(pick.line, line);
        assert_true(pick.text[0] != '\0');
    }
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_ROW);
    assert_string_equal(pick.fields[1], "6");
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_END);
    release(text);
}

/* Status of a row whose wanted field has `wanted` bytes and an unwanted one `other`. */
static enum csv_pick_status row_of_sizes(size_t wanted, size_t other, size_t *ret_size)
{
    struct csv_pick pick;
    struct bytes bytes;
    char text[1024];
    char letters[512];
    memset(letters, 'x', sizeof(letters));
    snprintf(text, sizeof(text), "x,a\n%.*s,%.*s\n", (int)other, letters, (int)wanted, letters);
    assert_true(begin(&pick, text, 1, &bytes));
    const enum csv_pick_status status = csv_pick_next(&pick);
    *ret_size = strlen(pick.fields[0]);
    release(bytes);
    return status;
}

static void fields_have_their_limit(void **state)
{
    (void)state;
    size_t size;
    assert_int_equal(row_of_sizes(CSV_PICK_FIELD_MAX, 300, &size), CSV_PICK_ROW);
    assert_int_equal(size, CSV_PICK_FIELD_MAX);
    assert_int_equal(row_of_sizes(CSV_PICK_FIELD_MAX + 1, 1, &size), CSV_PICK_BAD);
}

static void a_nul_is_no_text(void **state)
{
    (void)state;
    struct csv_pick pick;
    static const char text[] = "a,b\n1\0,2\n3,4\n";
    const struct bytes bytes = text_of(text, sizeof(text) - 1);
    assert_true(csv_pick_begin(&pick, bytes, names, 3, 2));
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_BAD);
    assert_int_equal(csv_pick_next(&pick), CSV_PICK_ROW);
    assert_string_equal(pick.fields[0], "3");
    release(bytes);
}

/* Any bytes: it ends, and each row it gives has its fields ended. */
static void rubbish_comes_to_an_end(void **state)
{
    (void)state;
    static const char letters[] = {'a', 'b', ',', '"', '\n', '\r', '\0', '1', '.', '-'};
    uint32_t chance = 12345;
    for (int round = 0; round < 5000; round++) {
        char text[128];
        memcpy(text, "a,b,c\n", 6);
        for (size_t i = 6; i < sizeof(text); i++) {
            chance = chance * 1664525 + 1013904223;
            text[i] = letters[(chance >> 16) % sizeof(letters)];
        }
        const struct bytes bytes = text_of(text, sizeof(text));
        struct csv_pick pick;
        assert_true(csv_pick_begin(&pick, bytes, names, 3, 3));
        size_t rows = 0;
        enum csv_pick_status status;
        while ((status = csv_pick_next(&pick)) != CSV_PICK_END) {
            assert_true(++rows <= sizeof(text));
            for (size_t i = 0; status == CSV_PICK_ROW && i < 3; i++) {
                assert_non_null(memchr(pick.fields[i], '\0', CSV_PICK_FIELD_MAX + 1));
            }
        }
        release(bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(columns_are_found_by_name),
        cmocka_unit_test(headers_that_will_not_do_are_refused),
        cmocka_unit_test(bad_lines_are_named_and_passed_over),
        cmocka_unit_test(fields_have_their_limit),
        cmocka_unit_test(a_nul_is_no_text),
        cmocka_unit_test(rubbish_comes_to_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
