/* Who is due, against a plain list that is looked through. */
#include <string.h>

#include "ledger/dues.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "util/le.h"

#define PERSONS 24
#define TIMES   3
#define MANY    200000

/* What stands in the list: by person, and of few times. */
static bool stands[PERSONS][TIMES];

static struct due due_of(uint32_t person, uint32_t time, uint64_t spread)
{
    struct due due = {.due_ms = 1000 + time};
    le_store64(due.person.bytes + 8, person * spread);
    return due;
}

static bool comes_before(const struct due *a, const struct due *b)
{
    if (a->due_ms != b->due_ms) return a->due_ms < b->due_ms;
    return memcmp(a->person.bytes, b->person.bytes, PSN_KEY_SIZE) < 0;
}

/* The earliest of the list, by looking at all. */
static void check_first(const struct dues *dues, uint64_t spread)
{
    const struct due *first = dues_first(dues);
    struct due least;
    uint32_t count = 0;
    for (uint32_t i = 0; i < PERSONS; i++) {
        for (uint32_t t = 0; t < TIMES; t++) {
            if (!stands[i][t]) continue;
            const struct due due = due_of(i, t, spread);
            if (count++ == 0 || comes_before(&due, &least)) least = due;
        }
    }
    assert_int_equal(dues_count(dues), count);
    assert_int_equal(first == NULL, count == 0);
    if (count == 0) return;
    assert_int_equal(first->due_ms, least.due_ms);
    assert_memory_equal(first->person.bytes, least.person.bytes, PSN_KEY_SIZE);
}

/* `spread` puts the persons' keys apart, or so near that their slots are neighbours. */
static void goes_as_the_list(uint64_t seed, uint64_t spread)
{
    struct prng prng = {seed};
    struct dues *dues = dues_new(DUES_LEAST);
    assert_non_null(dues);
    memset(stands, 0, sizeof stands);
    for (int step = 0; step < 3000; step++) {
        const uint32_t person = (uint32_t)prng_below(&prng, PERSONS);
        const uint32_t time = (uint32_t)prng_below(&prng, TIMES);
        const struct due due = due_of(person, time, spread);
        bool *there = &stands[person][time];
        if (*there) {
            dues_drop(dues, &due);
            *there = false;
        } else if (!dues_full(dues)) {
            dues_put(dues, &due);
            *there = true;
        } else {
            assert_int_equal(dues_count(dues), DUES_LEAST);
        }
        check_first(dues, spread);
    }
    dues_free(dues);
}

static void the_earliest_is_at_hand(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 40; seed++) {
        goes_as_the_list(seed, UINT64_C(0x9e3779b97f4a7c15));
        goes_as_the_list(seed, 1);
        goes_as_the_list(seed, UINT64_C(1) << 32);
    }
}

/* More of them than there are slots for at first; they come out in order. */
static void many_come_and_go(void **state)
{
    (void)state;
    struct dues *dues = dues_new(1u << 18);
    struct due before = {0};
    assert_non_null(dues);
    for (uint32_t i = 0; i < MANY; i++) {
        const struct due due = due_of(i * 7919u % MANY, i % TIMES, 1);
        dues_put(dues, &due);
    }
    assert_int_equal(dues_count(dues), MANY);
    for (uint32_t i = 0; i < MANY; i += 2) { /* Every second one, from anywhere. */
        const struct due due = due_of(i * 7919u % MANY, i % TIMES, 1);
        dues_drop(dues, &due);
    }
    for (uint32_t i = 0; i < MANY / 2; i++) {
        const struct due first = *dues_first(dues);
        assert_true(i == 0 || comes_before(&before, &first));
        before = first;
        dues_drop(dues, &first);
    }
    assert_null(dues_first(dues));
    dues_free(dues);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_earliest_is_at_hand),
        cmocka_unit_test(many_come_and_go),
    };
    return cmocka_run_group_tests_name("ledger/dues", tests, NULL, NULL);
}
