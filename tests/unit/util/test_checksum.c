/* CRC32C as its definition has it, bit by bit: of every length up to some blocks of the library's,
 * in one piece and in two. */
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "util/checksum.h"

#define LENGTH_MAX 1200

static uint32_t crc32c_by_bits(uint32_t crc, const uint8_t *data, size_t size)
{
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ ((crc & 1) != 0 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void the_sum_of_the_standard(void **state)
{
    (void)state;
    assert_int_equal(checksum_crc32c(0, "123456789", 9), 0xe3069283);
    assert_int_equal(checksum_crc32c(0, "", 0), 0);
}

static void every_length(void **state)
{
    (void)state;
    struct prng prng = {.state = 7};
    uint8_t data[LENGTH_MAX];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)prng_u64(&prng);
    for (size_t size = 0; size < sizeof data; size++) {
        const uint32_t sum = crc32c_by_bits(0, data + 1, size);
        const size_t part = prng_below(&prng, size + 1);
        const uint32_t front = checksum_crc32c(0, data + 1, part);
        assert_int_equal(checksum_crc32c(0, data + 1, size), sum);
        assert_int_equal(checksum_crc32c(front, data + 1 + part, size - part), sum);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sum_of_the_standard),
        cmocka_unit_test(every_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
