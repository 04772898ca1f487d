/* The radix sort against the simplest stable one, by all bits and by the upper ones. */
#include "ledger/radix.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define COUNT 500

/* An insertion sort by the bits from `low` on. */
static void sort_simply(struct id *ids, uint32_t count, unsigned low)
{
    for (uint32_t i = 1; i < count; i++) {
        const struct id id = ids[i];
        uint32_t at = i;
        for (; at > 0 && ids[at - 1].hash >> low > id.hash >> low; at--)
            ids[at] = ids[at - 1];
        ids[at] = id;
    }
}

/* `mask` says which bits of the hashes differ at all. */
static void sorts(struct prng *prng, uint32_t count, unsigned low, uint64_t mask)
{
    struct id ids[COUNT];
    struct id scratch[COUNT];
    struct id expected[COUNT];
    for (uint32_t i = 0; i < count; i++)
        expected[i] = ids[i] = (struct id){.hash = prng_u64(prng) & mask, .seq = i};
    sort_simply(expected, count, low);
    const struct id *sorted = radix_sort(ids, scratch, count, low);
    assert_true(sorted == ids || sorted == scratch);
    assert_memory_equal(sorted, expected, count * sizeof *expected);
}

/* Numbers by the bits from `low` on; the others tell whether equal ones kept their order. */
static void sorts_numbers(struct prng *prng, uint32_t count, unsigned low, uint64_t mask)
{
    struct id expected[COUNT];
    uint64_t numbers[COUNT];
    uint64_t scratch[COUNT];
    for (uint32_t i = 0; i < count; i++) {
        numbers[i] = prng_u64(prng) & mask;
        expected[i] = (struct id){.hash = numbers[i], .seq = i};
    }
    sort_simply(expected, count, low);
    const uint64_t *sorted = radix_sort_numbers(numbers, scratch, count, low);
    assert_true(sorted == numbers || sorted == scratch);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(sorted[i], expected[i].hash);
}

static void sorted_stably(void **state)
{
    static const uint64_t masks[] = {
        UINT64_MAX, 0, 1, UINT64_C(1) << 63, 0x7ff, 0xff00000000, 0x8001000000000fff};
    static const unsigned lows[] = {0, 5, 31, 53, 63};
    struct prng prng = {7};
    (void)state;
    for (size_t m = 0; m < sizeof masks / sizeof masks[0]; m++) {
        for (size_t l = 0; l < sizeof lows / sizeof lows[0]; l++) {
            sorts(&prng, COUNT, lows[l], masks[m]);
            sorts(&prng, 2, lows[l], masks[m]);
            sorts(&prng, 1, lows[l], masks[m]);
            sorts(&prng, 0, lows[l], masks[m]);
            sorts_numbers(&prng, COUNT, lows[l], masks[m]);
            sorts_numbers(&prng, 1, lows[l], masks[m]);
        }
    }
}

/* Words that share the bits that passes look at, and all but the lowest ones. */
static void chosen_alike(void **state)
{
    struct prng prng = {11};
    (void)state;
    for (unsigned shared = 1; shared < 64; shared += 7) {
        const uint64_t mask = (UINT64_C(1) << 63) | ((UINT64_C(1) << shared) - 1);
        sorts(&prng, COUNT, 0, mask);
        sorts_numbers(&prng, COUNT, 0, mask);
        sorts_numbers(&prng, COUNT, shared / 2, mask);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(sorted_stably),
                                       cmocka_unit_test(chosen_alike)};
    return cmocka_run_group_tests_name("ledger/radix", tests, NULL, NULL);
}
