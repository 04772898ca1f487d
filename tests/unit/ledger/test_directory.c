/* The directory never forgets an id, and says of few that it may have seen them when it has not. */
#include "ledger/directory.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define IDS 1000000

static bool holds(const struct directory *directory, uint64_t hash, uint32_t run)
{
    uint16_t runs[DIRECTORY_HITS_MAX];
    const uint32_t count = directory_find(directory, hash, runs);
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i] == run) return true;
    }
    return false;
}

static uint32_t run_of(uint32_t i)
{
    return 1 + i / 20000;
}

static void a_million_ids_are_all_found_through_growing_tables(void **state)
{
    struct directory *directory = directory_new(1000);
    struct prng prng = {1};
    uint32_t strangers = 0;
    (void)state;
    const size_t bytes = directory_bytes(directory);
    for (uint32_t i = 0; i < IDS; i++)
        assert_true(directory_add(directory, prng_u64(&prng), run_of(i)));
    assert_true(directory_bytes(directory) > 100 * bytes);
    assert_true(directory_bytes(directory) < 16 * IDS); /* About 4 bytes an id and its room. */
    prng.state = 1;
    for (uint32_t i = 0; i < IDS; i++)
        assert_true(holds(directory, prng_u64(&prng), run_of(i)));
    for (uint32_t i = 0; i < IDS; i++) {
        uint16_t runs[DIRECTORY_HITS_MAX];
        strangers += directory_find(directory, prng_u64(&prng), runs) != 0;
    }
    assert_true(strangers < IDS / 100); /* 16 bits of hash in some dozens of places. */
    directory_free(directory);
}

static void an_empty_one_knows_nothing(void **state)
{
    struct directory *directory = directory_new(64);
    uint16_t runs[DIRECTORY_HITS_MAX];
    (void)state;
    for (uint64_t hash = 0; hash < 1000; hash++)
        assert_int_equal(directory_find(directory, hash, runs), 0);
    assert_int_equal(directory_find(directory, UINT64_MAX, runs), 0);
    directory_free(directory);
}

static void odd_hashes_and_the_last_run(void **state)
{
    struct directory *directory = directory_new(64);
    (void)state;
    assert_true(directory_add(directory, 0, 1));
    assert_true(directory_add(directory, UINT64_MAX, DIRECTORY_RUN_MAX));
    assert_true(holds(directory, 0, 1));
    assert_true(holds(directory, UINT64_MAX, DIRECTORY_RUN_MAX));
    assert_false(holds(directory, 0, 2));
    directory_free(directory);
}

static void equal_hashes_of_one_run_cost_no_memory(void **state)
{
    struct directory *directory = directory_new(64);
    const size_t bytes = directory_bytes(directory);
    (void)state;
    for (int i = 0; i < 100000; i++)
        assert_true(directory_add(directory, 42, 7));
    assert_true(holds(directory, 42, 7));
    assert_int_equal(directory_bytes(directory), bytes);
    directory_free(directory);
}

static void equal_hashes_of_several_runs_are_all_given_once(void **state)
{
    struct directory *directory = directory_new(64);
    uint16_t runs[DIRECTORY_HITS_MAX];
    (void)state;
    for (int times = 0; times < 3; times++) {
        for (uint32_t run = 1; run <= DIRECTORY_HITS_MAX; run++)
            assert_true(directory_add(directory, 42, run));
    }
    assert_int_equal(directory_find(directory, 42, runs), DIRECTORY_HITS_MAX);
    for (uint32_t run = 1; run <= DIRECTORY_HITS_MAX; run++)
        assert_true(holds(directory, 42, run));
    directory_free(directory);
}

static void runs_outside_their_numbers_are_a_bug(void **state)
{
    struct directory *directory = directory_new(64);
    (void)state;
    expect_assert_failure(directory_add(directory, 1, 0));
    expect_assert_failure(directory_add(directory, 1, DIRECTORY_RUN_MAX + 1));
    directory_free(directory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_million_ids_are_all_found_through_growing_tables),
        cmocka_unit_test(an_empty_one_knows_nothing),
        cmocka_unit_test(odd_hashes_and_the_last_run),
        cmocka_unit_test(equal_hashes_of_one_run_cost_no_memory),
        cmocka_unit_test(equal_hashes_of_several_runs_are_all_given_once),
        cmocka_unit_test(runs_outside_their_numbers_are_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
