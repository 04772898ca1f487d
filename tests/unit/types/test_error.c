/* The list of verdicts is the same on the wire as in the engine, word for word and both ways. */
#include <string.h>

#include "common.pb-c.h"
#include "tests/lib/unit.h"
#include "types/error.h"

static void wire_and_engine_hold_the_same_codes(void **state)
{
    const ProtobufCEnumDescriptor *wire = &qingfen__v1__error_code__descriptor;
    unsigned count = 0;
    (void)state;
#define X(number, symbol, english, chinese)                              \
    do {                                                                 \
        const ProtobufCEnumValue *value =                                \
            protobuf_c_enum_descriptor_get_value_by_name(wire, #symbol); \
        assert_non_null(value);                                          \
        assert_int_equal(value->value, number);                          \
        count++;                                                         \
    } while (0);
#include "types/error.def"
#undef X
    assert_int_equal(count, wire->n_values);
}

static void every_code_has_its_texts(void **state)
{
    (void)state;
#define X(number, symbol, english, chinese)                     \
    assert_string_equal(error_symbol(ERROR_##symbol), #symbol); \
    assert_string_equal(error_text(number), english);           \
    assert_string_equal(error_text_zh(number), chinese);        \
    assert_true(strlen(english) > 0 && strlen(chinese) > 0);
#include "types/error.def"
#undef X
}

static void unknown_codes_have_a_text_too(void **state)
{
    static const uint32_t unknown[] = {1, 999, 1003, 2000, 9999, UINT32_MAX};
    (void)state;
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++) {
        assert_string_equal(error_text(unknown[i]), "unknown code");
        assert_string_equal(error_text_zh(unknown[i]), "未知代码");
        assert_string_equal(error_symbol(unknown[i]), "UNKNOWN");
    }
}

static void failures_stop_at_their_bound(void **state)
{
    struct failures failures = {0};
    (void)state;
    for (uint32_t i = 0; i < FAILURES_MAX + 5; i++) {
        failures_add(&failures, ERROR_ARITHMETIC, i, CHECK_E1, i, -1);
    }
    assert_int_equal(failures.count, FAILURES_MAX);
    assert_int_equal(failures.list[FAILURES_MAX - 1].field, FAILURES_MAX - 1);
    assert_int_equal(failures.list[0].code, 2004);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wire_and_engine_hold_the_same_codes),
        cmocka_unit_test(every_code_has_its_texts),
        cmocka_unit_test(unknown_codes_have_a_text_too),
        cmocka_unit_test(failures_stop_at_their_bound),
    };
    return cmocka_run_group_tests_name("types/error", tests, NULL, NULL);
}
