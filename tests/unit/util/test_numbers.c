/* Rows of numbers in few bytes: read again they are the same, each has one form only, and bytes
 * that are no such row are refused. */
#include "tests/lib/unit.h"
#include "util/numbers.h"

#define COUNT_MAX 40

/* The forms that the header promises, byte by byte. */
static void bytes_as_documented(void **state)
{
    (void)state;
    const uint64_t row[] = {1, 0, (uint64_t)-1, 200, 0, UINT64_C(1) << 63, 0, 0, 0};
    const uint8_t want[] = {0x01, 0x02, 0x21, 0x01, 0x90, 0x01, 0x80, 0xff,
                            0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint8_t out[NUMBERS_SIZE_MAX(9)];
    assert_int_equal(numbers_pack(row, 9, out), sizeof want);
    assert_memory_equal(out, want, sizeof want);
    assert_int_equal(numbers_pack(row + 6, 3, out), 0);
    assert_int_equal(numbers_pack(row, 1, out), 2);
}

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return *state ^ *state >> 29;
}

/* Of all lengths, both signs, with zeros between and behind. */
static void fill(uint64_t *row, uint32_t count, uint64_t *random)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t number = next_random(random);
        const uint32_t bits = (uint32_t)(next_random(random) >> 40) % 65;
        row[i] = bits == 0 ? 0 : number >> (64 - bits);
        if (next_random(random) >> 63 != 0) row[i] = 0 - row[i];
        if (next_random(random) >> 62 == 0) row[i] = 0;
    }
}

static void read_as_packed(void **state)
{
    (void)state;
    uint64_t random = 5;
    for (int round = 0; round < 2000; round++) {
        const uint32_t count = 1 + (uint32_t)round % COUNT_MAX;
        uint64_t row[COUNT_MAX] = {0};
        uint64_t again[COUNT_MAX];
        uint8_t packed[NUMBERS_SIZE_MAX(COUNT_MAX)];
        fill(row, count, &random);
        const size_t size = numbers_pack(row, count, packed);
        assert_true(size <= NUMBERS_SIZE_MAX(count));
        memset(again, 0xa5, sizeof again);
        assert_true(numbers_read((struct bytes){packed, size}, count, again));
        assert_memory_equal(again, row, count * sizeof *row);
    }
}

/* Every other sequence of bytes is refused, or is another row's: no bit can change unnoticed. */
static void a_row_has_one_form(void **state)
{
    (void)state;
    uint64_t random = 9;
    for (int round = 0; round < 300; round++) {
        const uint32_t count = 1 + (uint32_t)round % 7;
        uint64_t row[COUNT_MAX];
        uint64_t other[COUNT_MAX];
        uint8_t bytes[NUMBERS_SIZE_MAX(COUNT_MAX) + 1];
        fill(row, count, &random);
        const size_t size = numbers_pack(row, count, bytes);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            if (numbers_read((struct bytes){bytes, size}, count, other))
                assert_memory_not_equal(other, row, count * sizeof *row);
            bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t less = 0; less < size; less++) {
            if (numbers_read((struct bytes){bytes, less}, count, other))
                assert_memory_not_equal(other, row, count * sizeof *row);
        }
        bytes[size] = 0;
        assert_false(numbers_read((struct bytes){bytes, size + 1}, count, other));
    }
}

static void refused(uint32_t count, struct bytes bytes)
{
    uint64_t row[COUNT_MAX];
    if (numbers_read(bytes, count, row)) fail_msg("%u numbers of %zu bytes", count, bytes.size);
}

static void what_is_no_row(void **state)
{
    (void)state;
    static const uint8_t nine[] = {0x09, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    static const uint8_t padded[] = {0x02, 1, 0};
    static const uint8_t cut[] = {0x12, 1, 2};
    static const uint8_t zeros[] = {0x01, 2, 0x00};
    static const uint8_t two[] = {0x11, 2, 2};
    static const uint8_t more[] = {0x01, 2, 0x01, 2};
    refused(2, (struct bytes){nine, sizeof nine});
    refused(2, (struct bytes){padded, sizeof padded});
    refused(2, (struct bytes){cut, sizeof cut});
    refused(4, (struct bytes){zeros, sizeof zeros});
    refused(1, (struct bytes){two, sizeof two});
    refused(2, (struct bytes){more, sizeof more});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_as_documented),
        cmocka_unit_test(read_as_packed),
        cmocka_unit_test(a_row_has_one_form),
        cmocka_unit_test(what_is_no_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
