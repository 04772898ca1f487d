/* The delta gives back every entry, id and mark that was put in, and nothing after a reset. */
#include <stdlib.h>

#include "ledger/delta.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define ENTRIES 3000

/* Entries of one block stand one behind the other; then the next one takes its place. */
static void append(struct delta *delta, int value, size_t size)
{
    static uint8_t block[4096];
    static size_t used;
    if (used + size > sizeof block) {
        delta_keep(delta);
        used = 0;
    }
    memset(block + used, value, size);
    delta_append(delta, (struct bytes){block + used, size});
    used += size;
}

static void fill(struct delta *delta, uint64_t first_seq, struct prng *prng)
{
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const size_t size = 1 + prng_below(prng, 90);
        const uint64_t seq = first_seq + i;
        assert_true(delta_has_room(delta, size));
        append(delta, (int)(seq & 0xff), size);
        for (int k = 0; k < 3; k++)
            delta_add_id(delta, k == 2 ? 5 : prng_u64(prng), seq);
    }
}

static uint32_t count_ids(const struct delta *delta, uint64_t hash, uint64_t seq)
{
    uint64_t cursor = 0;
    uint64_t found;
    uint32_t times = 0;
    while ((found = delta_find_id(delta, hash, &cursor)) != 0)
        times += found == seq;
    return times;
}

static uint32_t all_ids(const struct delta *delta, uint64_t hash)
{
    uint64_t cursor = 0;
    uint32_t count = 0;
    while (delta_find_id(delta, hash, &cursor) != 0)
        count++;
    return count;
}

static void what_goes_in_comes_out(void **state)
{
    struct delta *delta = delta_new(ENTRIES, 90 * ENTRIES);
    (void)state;
    for (uint64_t round = 0; round < 3; round++) {
        const uint64_t first_seq = 1 + round * 100000;
        struct prng prng = {round};
        delta_reset(delta, first_seq, (uint32_t)(round + 9));
        fill(delta, first_seq, &prng);
        assert_false(delta_has_room(delta, 1));
        assert_false(delta_is_kept(delta)); /* The last ones still stand in their block. */
        assert_int_equal(delta_count(delta), ENTRIES);
        assert_int_equal(delta_ids(delta), 3 * ENTRIES);
        assert_int_equal(delta_run(delta), round + 9);
        assert_int_equal(all_ids(delta, 5), ENTRIES); /* And none of the round before. */
        assert_int_equal(delta_entry(delta, first_seq - 1).size, 0);
        assert_int_equal(delta_entry(delta, first_seq + ENTRIES).size, 0);
        prng.state = round;
        for (uint64_t seq = first_seq; seq < first_seq + ENTRIES; seq++) {
            const struct bytes entry = delta_entry(delta, seq);
            assert_int_equal(entry.size, 1 + prng_below(&prng, 90));
            assert_int_equal(entry.data[0], seq & 0xff);
            assert_int_equal(entry.data[entry.size - 1], seq & 0xff);
            assert_int_equal(count_ids(delta, prng_u64(&prng), seq), 1);
            assert_int_equal(count_ids(delta, prng_u64(&prng), seq), 1);
        }
    }
    delta_free(delta);
}

static void many_equal_hashes_are_all_given_once(void **state)
{
    struct delta *delta = delta_new(ENTRIES, 90 * ENTRIES);
    struct prng prng = {3};
    static bool seen[ENTRIES + 1];
    uint64_t cursor = 0;
    uint64_t seq;
    uint32_t count = 0;
    (void)state;
    fill(delta, 1, &prng); /* A third of all ids have the hash 5. */
    while ((seq = delta_find_id(delta, 5, &cursor)) != 0) {
        assert_false(seen[seq]);
        seen[seq] = true;
        count++;
    }
    assert_int_equal(count, ENTRIES);
    delta_free(delta);
}

static void reset_forgets(uint64_t next_seq)
{
    struct delta *delta = delta_new(ENTRIES, 90 * ENTRIES);
    struct prng prng = {4};
    fill(delta, 1, &prng);
    delta_put_mark(delta, &(struct mark){.seq = 3});
    delta_reset(delta, next_seq, 1);
    assert_int_equal(all_ids(delta, 5), 0);
    assert_null(delta_mark(delta, 3));
    assert_int_equal(delta_entry(delta, 1).size, 0);
    assert_int_equal(delta_used(delta), 0);
    delta_free(delta);
}

static void a_reset_forgets_everything(void **state)
{
    (void)state;
    reset_forgets(1);           /* The same numbers again, … */
    reset_forgets(1 + ENTRIES); /* … or those behind. */
}

static void a_mark_takes_the_place_of_the_one_before(void **state)
{
    struct delta *delta = delta_new(ENTRIES, 90 * ENTRIES);
    uint32_t count;
    (void)state;
    assert_null(delta_mark(delta, 1));
    for (uint32_t round = 0; round < 2; round++) {
        for (uint64_t i = 0; i < ENTRIES; i++) {
            const struct mark mark = {.seq = 1 + i * i * 977, .refunds = round, .last_seq = i};
            delta_put_mark(delta, &mark);
        }
    }
    for (uint64_t i = 0; i < ENTRIES; i++) {
        const struct mark *mark = delta_mark(delta, 1 + i * i * 977);
        assert_non_null(mark);
        assert_int_equal(mark->last_seq, i);
        assert_int_equal(mark->refunds, 1);
    }
    assert_null(delta_mark(delta, 2));
    assert_non_null(delta_marks(delta, &count));
    assert_int_equal(count, ENTRIES);
    delta_free(delta);
}

static void list_ids(bool far)
{
    struct delta *delta = delta_new(8, 800);
    uint64_t sum = 0;
    delta_reset(delta, 1, 1);
    append(delta, 0, 8);
    delta_add_id(delta, 7, 1); /* It is forgotten, whatever numbers follow. */
    delta_reset(delta, far ? 1000 : 1, 1);
    for (uint64_t seq = delta_first_seq(delta); seq < delta_first_seq(delta) + 2; seq++) {
        append(delta, 0, 8);
        for (uint64_t k = 0; k < 3; k++)
            delta_add_id(delta, UINT64_MAX - k, seq);
    }
    assert_int_equal(delta_ids(delta), 6);
    const struct id *ids = delta_id_list(delta);
    for (int i = 0; i < 6; i++)
        sum += (ids[i].seq - delta_first_seq(delta) + 1) * 1000 + (UINT64_MAX - ids[i].hash);
    assert_int_equal(sum, 3 * 3000 + 2 * (0 + 1 + 2));
    delta_free(delta);
}

static void ids_are_listed_for_the_merge(void **state)
{
    (void)state;
    list_ids(false);
    list_ids(true);
}

static void what_does_not_fit_is_a_bug(void **state)
{
    struct delta *delta = delta_new(8, 100);
    (void)state;
    assert_true(delta_has_room(delta, 100));
    assert_false(delta_has_room(delta, 101));
    expect_assert_failure(append(delta, 0, 101));
    append(delta, 0, 100);
    assert_false(delta_has_room(delta, 1));
    delta_free(delta);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_forgets_everything),
        cmocka_unit_test(what_goes_in_comes_out),
        cmocka_unit_test(many_equal_hashes_are_all_given_once),
        cmocka_unit_test(a_mark_takes_the_place_of_the_one_before),
        cmocka_unit_test(ids_are_listed_for_the_merge),
        cmocka_unit_test(what_does_not_fit_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
