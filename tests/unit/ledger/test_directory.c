/* The directory never forgets an id, and says of few that it may have seen them when it has not. */
#include "ledger/directory.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define ROOM 200000

static bool holds(const struct directory *directory, uint64_t hash, uint32_t run)
{
    uint16_t runs[DIRECTORY_HITS_MAX];
    const uint32_t count = directory_find(directory, hash, runs);
    if (count == DIRECTORY_MANY) return true;
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i] == run) return true;
    }
    return false;
}

static uint32_t run_of(uint32_t i)
{
    return 1 + i / 4000;
}

/* Adds `ids` ids to a directory with room for ROOM; all must be found. */
static struct directory *filled(uint32_t ids)
{
    struct directory *directory = directory_new(ROOM);
    struct prng prng = {1};
    assert_non_null(directory);
    for (uint32_t i = 0; i < ids; i++)
        directory_add(directory, prng_u64(&prng), run_of(i));
    prng.state = 1;
    for (uint32_t i = 0; i < ids; i++)
        assert_true(holds(directory, prng_u64(&prng), run_of(i)));
    return directory;
}

/* Of a million ids that were never added, how many look as if they had been: in one run or a few,
 * and as if they had faded. */
struct strangers {
    uint32_t known;
    uint32_t faded;
};

static struct strangers ask_strangers(const struct directory *directory)
{
    struct strangers strangers = {0};
    struct prng prng = {2};
    for (uint32_t i = 0; i < 1000000; i++) {
        uint16_t runs[DIRECTORY_HITS_MAX];
        const uint32_t count = directory_find(directory, prng_u64(&prng), runs);
        strangers.faded += count == DIRECTORY_MANY;
        strangers.known += count != DIRECTORY_MANY && count != 0;
    }
    return strangers;
}

static void as_many_as_there_is_room_for(void **state)
{
    (void)state;
    struct directory *directory = filled(ROOM);
    const struct strangers strangers = ask_strangers(directory);
    assert_true(directory_bytes(directory) < 7 * ROOM);
    assert_true(directory_faded(directory) < ROOM / 40);
    assert_true(strangers.known < 1000); /* 16 bits of hash in a dozen places. */
    assert_true(strangers.faded < 100);
    directory_free(directory);
}

static void more_fade_and_are_found_all_the_same(void **state)
{
    static const struct {
        uint32_t ids;
        uint32_t faded_most; /* Strangers of a million. */
    } cases[] = {{ROOM + ROOM / 2, 400}, {2 * ROOM, 5000}, {3 * ROOM, 70000}};
    struct directory *directory = directory_new(ROOM);
    const size_t bytes = directory_bytes(directory);
    (void)state;
    directory_free(directory);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        directory = filled(cases[i].ids);
        assert_int_equal(directory_bytes(directory), bytes);
        const struct strangers strangers = ask_strangers(directory);
        assert_true(strangers.faded < cases[i].faded_most);
        directory_free(directory);
    }
}

/* What is asked for most is what came last: it keeps its place. */
static void the_oldest_fade(void **state)
{
    (void)state;
    struct directory *directory = filled(2 * ROOM);
    struct prng prng = {1};
    uint32_t faded[2] = {0};
    for (uint32_t i = 0; i < 2 * ROOM; i++) {
        uint16_t runs[DIRECTORY_HITS_MAX];
        faded[i >= ROOM] += directory_find(directory, prng_u64(&prng), runs) == DIRECTORY_MANY;
    }
    assert_true(faded[0] > ROOM / 2);
    assert_true(faded[1] < ROOM / 20);
    directory_free(directory);
}

static void an_older_id_fades_before_a_newer_one(void **state)
{
    struct directory *directory = directory_new(1);
    uint16_t runs[DIRECTORY_HITS_MAX];
    (void)state;
    for (uint32_t i = 0; i < DIRECTORY_HITS_MAX; i++)
        directory_add(directory, i, 7);
    directory_add(directory, 100, 6);
    assert_int_equal(directory_find(directory, 100, runs), DIRECTORY_MANY);
    for (uint32_t i = 0; i < DIRECTORY_HITS_MAX; i++)
        assert_int_equal(directory_find(directory, i, runs), 1);
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
    directory_add(directory, 0, 1);
    directory_add(directory, UINT64_MAX, DIRECTORY_RUN_MAX);
    assert_true(holds(directory, 0, 1));
    assert_true(holds(directory, UINT64_MAX, DIRECTORY_RUN_MAX));
    assert_false(holds(directory, 0, 2));
    directory_free(directory);
}

static void equal_hashes_of_one_run_take_one_place(void **state)
{
    struct directory *directory = directory_new(64);
    uint16_t runs[DIRECTORY_HITS_MAX];
    (void)state;
    for (int i = 0; i < 100000; i++)
        directory_add(directory, 42, 7);
    assert_int_equal(directory_find(directory, 42, runs), 1);
    assert_int_equal(directory_faded(directory), 0);
    directory_free(directory);
}

static void equal_hashes_of_several_runs_are_all_given_once(void **state)
{
    struct directory *directory = directory_new(64);
    uint16_t runs[DIRECTORY_HITS_MAX];
    (void)state;
    for (int times = 0; times < 3; times++) {
        for (uint32_t run = 1; run <= DIRECTORY_HITS_MAX; run++)
            directory_add(directory, 42, run);
    }
    assert_int_equal(directory_find(directory, 42, runs), DIRECTORY_HITS_MAX);
    for (uint32_t run = 1; run <= DIRECTORY_HITS_MAX; run++)
        assert_true(holds(directory, 42, run));
    directory_add(directory, 42, DIRECTORY_HITS_MAX + 1);
    assert_int_equal(directory_find(directory, 42, runs), DIRECTORY_MANY);
    directory_free(directory);
}

static void more_than_can_be_addressed_is_no_memory(void **state)
{
    (void)state;
    assert_null(directory_new(UINT64_MAX));
    assert_null(directory_new(UINT64_C(1) << 40));
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
        cmocka_unit_test(as_many_as_there_is_room_for),
        cmocka_unit_test(more_fade_and_are_found_all_the_same),
        cmocka_unit_test(the_oldest_fade),
        cmocka_unit_test(an_older_id_fades_before_a_newer_one),
        cmocka_unit_test(an_empty_one_knows_nothing),
        cmocka_unit_test(odd_hashes_and_the_last_run),
        cmocka_unit_test(equal_hashes_of_one_run_take_one_place),
        cmocka_unit_test(equal_hashes_of_several_runs_are_all_given_once),
        cmocka_unit_test(more_than_can_be_addressed_is_no_memory),
        cmocka_unit_test(runs_outside_their_numbers_are_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
