/* Results of a batch: what they have in common is encoded once, and no byte of them differs for it.
 */
#include "codec/reply.h"
#include "tests/lib/unit.h"

#define RESULT_TAG  (6 << 3 | 2)
#define RESULT_ROOM 1024

static struct reply accepted(void)
{
    return (struct reply){
        .type = 0x0101,
        .msgid = {(const uint8_t *)"", 0},
        .seq = 3000000,
        .stamp_ms = 1743469200000,
        .period = 202503,
        .orig_period = 202503,
        .shard = 1,
        .state = "ACCRUED",
    };
}

/* As an element by itself: tag, length below 128 or with two bytes, and the reply. */
static void check_result(const struct reply *reply, struct reply_common *common)
{
    uint8_t whole[RESULT_ROOM], result[RESULT_ROOM];
    const size_t size = reply_encode(reply, whole);
    const size_t head = size < 128 ? 2 : 3;
    assert_true(reply_size_max(reply) + 8 <= sizeof result);
    assert_int_equal(reply_encode_result(reply, common, result), head + size);
    assert_int_equal(result[0], RESULT_TAG);
    assert_int_equal(result[1] & 0x7f, size % 128);
    assert_memory_equal(result + head, whole, size);
}

/* Each of the common fields changes by itself, between results that are alike. */
static void every_change_is_seen(void **state)
{
    (void)state;
    struct reply_common common = {0};
    struct reply replies[9];
    for (size_t i = 0; i < 9; i++)
        replies[i] = accepted();
    replies[1].stamp_ms++;
    replies[2].period = 202504;
    replies[3].orig_period = 202502;
    replies[4].shard = 0;
    replies[5].dup = true;
    replies[6].state = "TOMBSTONE";
    replies[7].seq = UINT64_MAX;
    replies[8].index = 511;
    for (size_t i = 0; i < 9; i++) {
        check_result(&replies[i], &common);
        check_result(&replies[i], &common);
        check_result(&replies[0], &common);
    }
}

/* One with all that there may be, and a refusal between accepted ones. */
static void the_longest_and_a_refusal(void **state)
{
    (void)state;
    struct reply_common common = {0};
    const struct failure failure = {.code = 42, .field = 12, .check = CHECK_RANGE, .got = -1};
    struct reply longest = accepted();
    longest.seq = UINT64_MAX;
    longest.stamp_ms = -1;
    longest.dup = true;
    longest.period = longest.orig_period = longest.shard = UINT32_MAX;
    longest.orig_period--;
    longest.index = UINT32_MAX;
    longest.state = "TOMBSTONE";
    struct reply refused = accepted();
    refused.code = ERROR_MALFORMED;
    refused.seq = 0;
    refused.state = "";
    refused.failures = &failure;
    refused.failure_count = 1;
    const struct reply plain = accepted();
    check_result(&plain, &common);
    check_result(&refused, &common);
    check_result(&plain, &common);
    check_result(&longest, &common);
    check_result(&plain, &common);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_change_is_seen),
        cmocka_unit_test(the_longest_and_a_refusal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
