/* Hexadecimal digits as this program writes them: bytes there and back, and what is refused. */
#include "tests/lib/unit.h"
#include "util/eight.h"
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

/* Each place of an id, and each byte there may be at it. */
static void twenty_four_at_once(void **state)
{
    (void)state;
    char digits[25] = "0123456789abcdef9f0a8b7c";
    uint8_t slowly[12];
    uint8_t at_once[12];
    for (size_t place = 0; place < 24; place++) {
        const char was = digits[place];
        for (int byte = 0; byte < 256; byte++) {
            digits[place] = (char)byte;
            const bool sound = text_hex_digit(digits[place]) >= 0;
            assert_int_equal(digits_of_ours((const uint8_t *)digits, at_once), sound);
            if (!sound) continue;
            assert_true(text_take_bytes(digits, sizeof slowly, slowly));
            assert_memory_equal(at_once, slowly, sizeof slowly);
        }
        digits[place] = was;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_there_and_back),
        cmocka_unit_test(small_letters_only),
        cmocka_unit_test(twenty_four_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
