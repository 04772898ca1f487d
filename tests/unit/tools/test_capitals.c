#include <string.h>

#include "tests/lib/unit.h"
#include "tools/documents/capitals.h"

static void amounts_are_spelt(void **state)
{
    (void)state;
    static const struct {
        int64_t fen;
        const char *text;
    } rows[] = {
        {0, "零圆整"},
        {1, "壹分"},
        {5, "伍分"},
        {10, "壹角整"},
        {11, "壹角壹分"},
        {99, "玖角玖分"},
        {100, "壹圆整"},
        {101, "壹圆零壹分"},
        {110, "壹圆壹角整"},
        {1000, "壹拾圆整"},
        {1005, "壹拾圆零伍分"},
        {1050, "壹拾圆伍角整"},
        {10000, "壹佰圆整"},
        {10100, "壹佰零壹圆整"},
        {11000, "壹佰壹拾圆整"},
        {12345, "壹佰贰拾叁圆肆角伍分"},
        {32504, "叁佰贰拾伍圆零肆分"},
        {100100, "壹仟零壹圆整"},
        {101000, "壹仟零壹拾圆整"},
        {140950, "壹仟肆佰零玖圆伍角整"},
        {168032, "壹仟陆佰捌拾圆叁角贰分"},
        {600714, "陆仟零柒圆壹角肆分"},
        {1000000, "壹万圆整"},
        {1000100, "壹万零壹圆整"},
        {1640902, "壹万陆仟肆佰零玖圆零贰分"},
        {10000000, "壹拾万圆整"},
        {10700053, "壹拾万柒仟圆伍角叁分"},
        {12345600, "壹拾贰万叁仟肆佰伍拾陆圆整"},
        {100000001, "壹佰万圆零壹分"},
        {1000000000, "壹仟万圆整"},
        {1000000100, "壹仟万零壹圆整"},
        {10000000000, "壹亿圆整"},
        {10000000100, "壹亿零壹圆整"},
        {10001000000, "壹亿零壹万圆整"},
        {10001000050, "壹亿零壹万圆伍角整"},
        {10001000100, "壹亿零壹万零壹圆整"},
        {10100000000, "壹亿零壹佰万圆整"},
        {11000000000, "壹亿壹仟万圆整"},
        {100000000000000, "壹万亿圆整"},
        {100000000000001, "壹万亿圆零壹分"},
        {100010000000000, "壹万零壹亿圆整"},
        {99999999999999, "玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖圆玖角玖分"},
        {-12345, "红字壹佰贰拾叁圆肆角伍分"},
        {-1, "红字壹分"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[CAPITALS_SIZE];
        assert_string_equal(capitals_format(rows[i].fen, text), rows[i].text);
    }
}

/* No amount writes two zeros in a row, a zero before 圆 or 整, or leaves its room. */
static void every_amount_keeps_the_rules(void **state)
{
    (void)state;
    uint64_t number = 88172645463325252;
    for (int i = 0; i < 200000; i++) {
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        /* All lengths, and many zeros. */
        uint64_t fen = number >> (number % 63);
        if (number % 3 == 0) fen = fen / 10000 * 10000;
        char text[CAPITALS_SIZE];
        capitals_format((int64_t)(fen & INT64_MAX), text);
        assert_null(strstr(text, "零零"));
        assert_null(strstr(text, "零整"));
        assert_null(strstr(text, "零万"));
        assert_null(strstr(text, "零亿"));
        if (fen != 0) assert_null(strstr(text, "零圆"));
    }
    char text[CAPITALS_SIZE];
    capitals_format(INT64_MAX, text);
    capitals_format(INT64_MIN, text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(amounts_are_spelt),
        cmocka_unit_test(every_amount_keeps_the_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
