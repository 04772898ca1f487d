/* Entries are bytes for ever: every field comes back, and no spoilt byte gets through. */
#include <stdlib.h>

#include "journal/entry.h"
#include "tests/lib/unit.h"
#include "types/cell.h"
#include "util/checksum.h"
#include "util/le.h"

static const uint8_t sample_body[] = "\x0a\x05hello and some more";

static struct entry sample(size_t body_size)
{
    return (struct entry){
        .seq = 0x0102030405060708,
        .stamp_ms = -5,
        .orig_seq = 77,
        .prev_seq = UINT64_MAX,
        .period = 202603,
        .orig_period = 202602,
        .kind = ENTRY_REFUND,
        .flags = ENTRY_LATE,
        .sender = 34,
        .body = {sample_body, body_size},
    };
}

static void assert_same(const struct entry *a, const struct entry *b)
{
    assert_true(a->seq == b->seq);
    assert_true(a->stamp_ms == b->stamp_ms);
    assert_true(a->orig_seq == b->orig_seq);
    assert_true(a->prev_seq == b->prev_seq);
    assert_int_equal(a->period, b->period);
    assert_int_equal(a->orig_period, b->orig_period);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->flags, b->flags);
    assert_int_equal(a->sender, b->sender);
    assert_true(bytes_equal(a->body, b->body));
}

/* Makes the sum right again after a change, so that only the other checks can refuse it. */
static void mend(uint8_t *bytes, size_t size)
{
    uint32_t crc = checksum_crc32c(0, bytes, 60);
    le_store32(bytes + 60, checksum_crc32c(crc, bytes + 64, size - 64));
}

static bool refused(const uint8_t *bytes, size_t size)
{
    struct entry entry;
    struct bytes source = {bytes, size};
    return entry_decode(source, &entry) == 0 && entry_decode_trusted(source, &entry) == 0;
}

static void what_goes_in_comes_out(void **state) /* (J3) */
{
    (void)state;
    for (size_t body_size = 0; body_size <= sizeof sample_body; body_size++) {
        uint8_t out[128], again[128];
        memset(out, 0xaa, sizeof out);
        struct entry entry = sample(body_size), decoded, trusted;
        size_t size = entry_size(body_size);
        entry_encode(&entry, out);
        assert_int_equal(size % 8, 0);
        assert_int_equal(out[size], 0xaa);
        assert_int_equal(entry_decode((struct bytes){out, sizeof out}, &decoded), size);
        assert_same(&entry, &decoded);
        assert_ptr_equal(decoded.body.data, out + ENTRY_HEAD_SIZE);
        assert_int_equal(entry_decode_trusted((struct bytes){out, size}, &trusted), size);
        assert_same(&entry, &trusted);
        entry_encode(&decoded, again);
        assert_memory_equal(out, again, size);
    }
}

static void it_is_no_entry_before_its_sum_is_made(void **state)
{
    (void)state;
    uint8_t whole[128] = {0}, parts[128] = {0};
    struct entry entry = sample(sizeof sample_body), decoded;
    const size_t size = entry_size(sizeof sample_body);
    entry_encode(&entry, whole);
    entry_write(&entry, parts);
    assert_int_equal(entry_decode((struct bytes){parts, size}, &decoded), 0);
    assert_int_equal(entry_decode_trusted((struct bytes){parts, size}, &decoded), size);
    entry_seal(parts);
    assert_memory_equal(parts, whole, size);
}

static void bytes_stand_where_the_table_says(void **state)
{
    (void)state;
    static const uint8_t golden[] = {
        72, 0,    0,    0,    2,    0,    0,    0,    8,    7,    6,    5, 4, 3,    2,
        1,  0xfb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2,    0,    1, 0, 0x6b, 0x17,
        3,  0,    0x6a, 0x17, 3,    0,    34,   0,    0,    0,    77,   0, 0, 0,    0,
        0,  0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0,    0};
    uint8_t out[72];
    struct entry entry = sample(2);
    entry_encode(&entry, out);
    assert_memory_equal(out, golden, sizeof golden);
    assert_memory_equal(out + 64, "\x0a\x05\0\0\0\0\0\0", 8);
}

static void no_flipped_bit_gets_through(void **state) /* (J3) */
{
    (void)state;
    uint8_t out[128] = {0};
    struct entry entry = sample(13), decoded;
    size_t size = entry_size(13);
    entry_encode(&entry, out);
    for (size_t bit = 0; bit < size * 8; bit++) {
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(entry_decode((struct bytes){out, sizeof out}, &decoded), 0);
        out[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_int_equal(entry_decode((struct bytes){out, sizeof out}, &decoded), size);
}

static void its_head_says_its_size(void **state)
{
    (void)state;
    uint8_t head[ENTRY_HEAD_SIZE] = {0};
    const struct bytes whole = {head, sizeof head};
    for (size_t body = 0; body <= ENTRY_BODY_MAX; body++) {
        le_store32(head, (uint32_t)entry_size(body));
        assert_int_equal(entry_size_said(whole), entry_size(body));
    }
    assert_int_equal(entry_size_said((struct bytes){head, sizeof head - 1}), 0);
    le_store32(head, ENTRY_SIZE_MAX + 1);
    assert_int_equal(entry_size_said(whole), 0);
    le_store32(head, ENTRY_HEAD_SIZE - 1);
    assert_int_equal(entry_size_said(whole), 0);
}

static void no_shorter_source_is_enough(void **state)
{
    (void)state;
    uint8_t out[128];
    struct entry entry = sample(13);
    entry_encode(&entry, out);
    for (size_t size = 0; size < entry_size(13); size++) {
        /* Its own allocation, so that a read beyond the end is seen by the sanitizer. */
        uint8_t *exact = malloc(size + 1);
        memcpy(exact + 1, out, size);
        assert_true(refused(exact + 1, size));
        free(exact);
    }
    assert_true(refused(NULL, 0));
}

static void hostile_lengths_are_refused(void **state)
{
    (void)state;
    static const struct {
        uint32_t size, body_size;
    } cases[] = {
        {0, 0},          {0, 13},          {64, 13},         {72, 13},        {79, 13},
        {81, 13},        {88, 13},         {80, 17},         {80, 8},         {80, UINT32_MAX},
        {UINT32_MAX, 0}, {0xfffffff8, 13}, {48, 0xfffffff0}, {4168, 4097},    {4160, 4096},
        {8, 0xffffffc8}, {63, 0},          {4168, 4104},     {0x80000000, 0},
    };
    uint8_t out[128] = {0};
    struct entry entry = sample(13);
    entry_encode(&entry, out);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t spoilt[128];
        memcpy(spoilt, out, sizeof out);
        le_store32(spoilt, cases[i].size);
        le_store32(spoilt + 4, cases[i].body_size);
        mend(spoilt, 80);
        assert_true(refused(spoilt, sizeof spoilt));
    }
}

static void odd_fields_are_refused_even_with_a_right_sum(void **state)
{
    (void)state;
    static const struct {
        size_t offset;
        uint8_t value;
    } cases[] = {
        {24, 0}, {24, ENTRY_KIND_END}, {25, 1}, {26, 16}, {38, LINE_END}, {39, INSURANCE_COUNT},
        {56, 1}, {59, 0x80},           {77, 1}, {79, 9},
    };
    uint8_t out[80];
    struct entry entry = sample(13);
    entry_encode(&entry, out);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint8_t spoilt[80];
        memcpy(spoilt, out, sizeof out);
        spoilt[cases[i].offset] = cases[i].value;
        mend(spoilt, sizeof spoilt);
        assert_true(refused(spoilt, sizeof spoilt));
    }
    memset(out + 8, 0, 8); /* seq 0 */
    mend(out, sizeof out);
    assert_true(refused(out, sizeof out));
}

static void the_largest_body_fits_and_no_larger(void **state)
{
    (void)state;
    static uint8_t body[ENTRY_BODY_MAX], out[ENTRY_SIZE_MAX];
    memset(body, 0x5a, sizeof body);
    struct entry entry = sample(0), decoded;
    entry.body = (struct bytes){body, sizeof body};
    entry_encode(&entry, out);
    assert_int_equal(entry_decode((struct bytes){out, sizeof out}, &decoded), ENTRY_SIZE_MAX);
    assert_same(&entry, &decoded);
    expect_assert_failure(entry_size(ENTRY_BODY_MAX + 1));
}

static void what_could_not_be_read_is_not_written(void **state)
{
    (void)state;
    uint8_t out[128];
    struct entry entry = sample(1);
    entry.kind = 0;
    expect_assert_failure(entry_encode(&entry, out));
    entry.kind = ENTRY_KIND_END;
    expect_assert_failure(entry_encode(&entry, out));
    entry = sample(1);
    entry.seq = 0;
    expect_assert_failure(entry_encode(&entry, out));
    entry = sample(1);
    entry.flags = ENTRY_FLAGS_ALL + 1;
    expect_assert_failure(entry_encode(&entry, out));
    entry = sample(1);
    entry.line = LINE_END;
    expect_assert_failure(entry_encode(&entry, out));
    entry = sample(1);
    entry.insurance = INSURANCE_COUNT;
    expect_assert_failure(entry_encode(&entry, out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(it_is_no_entry_before_its_sum_is_made),
        cmocka_unit_test(bytes_stand_where_the_table_says),
        cmocka_unit_test(no_flipped_bit_gets_through),
        cmocka_unit_test(its_head_says_its_size),
        cmocka_unit_test(no_shorter_source_is_enough),
        cmocka_unit_test(hostile_lengths_are_refused),
        cmocka_unit_test(odd_fields_are_refused_even_with_a_right_sum),
        cmocka_unit_test(the_largest_body_fits_and_no_larger),
        cmocka_unit_test(what_could_not_be_read_is_not_written),
    };
    return cmocka_run_group_tests_name("journal/entry", tests, NULL, NULL);
}
