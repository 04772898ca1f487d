/* Hexadecimal digits as this program writes them: bytes there and back, and what is refused. */
#include "tests/lib/unit.h"
#include "util/text.h"

static void bytes_there_and_back(void **state)
{
    (void)state;
    const uint8_t bytes[] = {0x00, 0x09, 0xa0, 0xff};
    char text[2 * sizeof bytes + 1];
    uint8_t again[sizeof bytes];
    text_put_bytes(text, bytes, sizeof bytes);
    assert_string_equal(text, "0009a0ff");
    assert_true(text_take_bytes(text, sizeof bytes, again));
    assert_memory_equal(again, bytes, sizeof bytes);
}

static void small_letters_only(void **state)
{
    (void)state;
    uint8_t out[2];
    assert_int_equal(text_hex_digit('0'), 0);
    assert_int_equal(text_hex_digit('9'), 9);
    assert_int_equal(text_hex_digit('a'), 10);
    assert_int_equal(text_hex_digit('f'), 15);
    const char others[] = "/:`gAF \0";
    for (size_t i = 0; i < sizeof others; i++)
        assert_int_equal(text_hex_digit(others[i]), -1);
    assert_false(text_take_bytes("00A0", 2, out));
    assert_false(text_take_bytes("000", 2, out)); /* Its end mark is no digit. */
    assert_false(text_take_bytes("", 1, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_there_and_back),
        cmocka_unit_test(small_letters_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
