#include "codec/batch.h"
#include "codec/messages.h"
#include "codec/wire_table.h"
#include "tests/lib/unit.h"

static struct batch batch;
static struct failure failure;

/* A batch of two records with 300 fen together and, behind them, what `tail` says. */
static bool opens(const void *tail, size_t size)
{
    uint8_t bytes[4096];
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    uint8_t *at = bytes;
    for (int64_t fen = 100; fen <= 200; fen += 100) {
        const struct settlement s = {.amounts[AMOUNT_MEDFEE] = fen};
        at = wire_put_view(at, 1, (struct bytes){body, settlement_encode(&s, body)});
    }
    memcpy(at, tail, size);
    failure = (struct failure){0};
    return batch_open((struct bytes){bytes, (size_t)(at - bytes) + size}, &batch, &failure);
}

static void refused(uint32_t code, uint32_t field, const void *tail, size_t size)
{
    assert_false(opens(tail, size));
    assert_int_equal(failure.code, code);
    assert_int_equal(failure.field, field);
}

static void totals_are_held_against_the_records(void **state)
{
    (void)state;
    assert_true(opens("", 0));
    assert_int_equal(batch.count, 2);
    assert_true(opens("\x28\x02\x30\xd8\x04", 5)); /* cnt 2, sum_amt 300. */
    refused(ERROR_BATCH_TOTALS, 5, "\x28\x03", 2);
    refused(ERROR_BATCH_TOTALS, 6, "\x30\xda\x04", 3);
    refused(ERROR_BATCH_TOTALS, 5, "\x28\x00", 2); /* A zero that was sent is a zero. */
}

/* A known field of another wire type is no field that nobody knows. */
static void totals_of_another_type_are_refused(void **state)
{
    (void)state;
    static const uint32_t varints = 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6; /* Bit n: field n. */
    for (uint32_t field = 1; field <= 6; field++) {
        const bool is_varint = (varints >> field & 1) != 0;
        for (uint32_t type = 0; type <= 5; type++) {
            if (type == 3 || type == 4 || type == (is_varint ? 0 : 2)) continue;
            const uint8_t tail[] = {(uint8_t)(field << 3 | type), 0, 0, 0, 0, 0, 0, 0, 0};
            const size_t size = type == 1 ? 9 : type == 5 ? 5 : 2;
            refused(ERROR_MALFORMED, field, tail, size);
        }
    }
}

static void what_nobody_knows_is_passed_over(void **state)
{
    (void)state;
    assert_true(opens("\x12\x01Z\x18\x01\x20\x01", 7)); /* batch_id, part, parts. */
    assert_true(opens("\x3a\x01Z\x38\x01\xf8\x3f\x01", 8));
    refused(ERROR_MALFORMED, 0, "\x00\x01", 2);                         /* No number. */
    refused(ERROR_MALFORMED, 0, "\x80\x80\x80\x80\x10\x01", 6);         /* Above all numbers, */
    refused(ERROR_MALFORMED, 0, "\xa8\x80\x80\x80\x80\x80\x01\x02", 8); /* also with a 5 below. */
    refused(ERROR_MALFORMED, 7, "\x3a\x02Z", 3);                        /* Cut off. */
    refused(ERROR_MALFORMED, 7, "\x3b\x3c", 2);                         /* A group. */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(totals_are_held_against_the_records),
        cmocka_unit_test(totals_of_another_type_are_refused),
        cmocka_unit_test(what_nobody_knows_is_passed_over),
    };
    return cmocka_run_group_tests_name("codec/batch", tests, NULL, NULL);
}
