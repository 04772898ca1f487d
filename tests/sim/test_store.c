/* The store in memory answers as LMDB does, operation for operation. */
#include <errno.h>

#include "tests/lib/unit.h"
#include "tests/sim/memory_ops.h"
#include "tests/sim/store.h"
#include "tests/unit/world/temp_folder.h"
#include "world/linux/lmdb_store.h"

#define ROUNDS 400

static struct prng prng;
static char folder[TEMP_FOLDER_SIZE];
static struct store *real;
static struct store *memory;

static int open_both(void **state)
{
    (void)state;
    prng.state = 11;
    temp_folder_make(folder);
    assert_int_equal(store_open_sized(folder, false, false, 1 << 20, &real), 0);
    memory = sim_store_new(&prng, NULL, NULL);
    return 0;
}

static int close_both(void **state)
{
    (void)state;
    store_close(real);
    sim_store_free(memory);
    temp_folder_remove(folder);
    return 0;
}

static uint64_t below(uint64_t limit)
{
    return prng_below(&prng, limit);
}

/* Few letters, so that keys meet; sometimes one that no store takes. */
static struct bytes random_key(uint8_t out[600])
{
    const uint64_t kind = below(60);
    const size_t size = kind == 0 ? 0 : kind == 1 ? 512 : kind == 2 ? 511 : 1 + below(5);
    for (size_t i = 0; i < size; i++)
        out[i] = (uint8_t)("\0abcdef\xff"[below(8)]);
    return (struct bytes){out, size};
}

static struct bytes random_value(uint8_t out[9000])
{
    const size_t size = below(20) == 0 ? below(9000) : below(40);
    memset(out, (int)below(256), size);
    return (struct bytes){out, size};
}

static void assert_same(int r, int r2, struct bytes a, struct bytes b)
{
    assert_int_equal(r, r2);
    if (r != 0) return;
    assert_int_equal(a.size, b.size);
    if (a.size != 0) assert_memory_equal(a.data, b.data, a.size);
}

static void ask_both(struct store_txn *txn, struct store_txn *txn2, enum store_table table)
{
    uint8_t room[600];
    struct bytes k, v, k2, v2;
    const struct bytes key = random_key(room);
    int r = store_get(real, table, key, &v);
    assert_same(r, memory_ops.get(memory, table, key, &v2), v, v2);
    if (txn != NULL) {
        r = store_txn_get(txn, table, key, &v);
        assert_same(r, memory_ops.txn_get(txn2, table, key, &v2), v, v2);
    }
    if (key.size > 511) return; /* LMDB does not look at a key it could not hold. */
    r = store_floor(real, table, key, &k, &v);
    int r2 = memory_ops.floor(memory, table, key, &k2, &v2);
    assert_same(r, r2, k, k2);
    assert_same(r, r2, v, v2);
    r = store_ceiling(real, table, key, &k, &v);
    r2 = memory_ops.ceiling(memory, table, key, &k2, &v2);
    assert_same(r, r2, k, k2);
    assert_same(r, r2, v, v2);
    if (txn == NULL) return;
    r = store_txn_floor(txn, table, key, &k, &v);
    r2 = memory_ops.txn_floor(txn2, table, key, &k2, &v2);
    assert_same(r, r2, k, k2);
    assert_same(r, r2, v, v2);
    r = store_txn_ceiling(txn, table, key, &k, &v);
    r2 = memory_ops.txn_ceiling(txn2, table, key, &k2, &v2);
    assert_same(r, r2, k, k2);
    assert_same(r, r2, v, v2);
}

/* False when the transaction can only be ended. */
static bool change_both(struct store_txn *txn, struct store_txn *txn2, enum store_table table)
{
    uint8_t room[600], value_room[9000];
    const struct bytes key = random_key(room);
    const struct bytes value = random_value(value_room);
    int r, r2;
    switch (below(4)) {
    case 0:
        r = store_delete(txn, table, key);
        r2 = memory_ops.erase(txn2, table, key);
        break;
    case 1:
        if (below(10) != 0) return true;
        r = store_append(txn, table, key, value);
        r2 = memory_ops.append(txn2, table, key, value);
        break;
    default:
        r = store_put(txn, table, key, value);
        r2 = memory_ops.put(txn2, table, key, value);
    }
    assert_int_equal(r, r2);
    return r != -EEXIST;
}

static void transaction(void)
{
    struct store_txn *txn = NULL, *txn2 = NULL;
    assert_int_equal(store_reserve(real, 1 << 20), 0);
    assert_int_equal(memory_ops.reserve(memory, 1 << 20), 0);
    assert_int_equal(store_begin(real, &txn), 0);
    assert_int_equal(memory_ops.begin(memory, &txn2), 0);
    const uint64_t changes = below(120);
    bool going = true;
    for (uint64_t i = 0; i < changes && going; i++) {
        const enum store_table table = (enum store_table)below(STORE_TABLE_COUNT);
        going = change_both(txn, txn2, table);
        if (going) ask_both(txn, txn2, table);
    }
    if (below(5) == 0) {
        store_abort(txn);
        memory_ops.abort(txn2);
    } else {
        assert_int_equal(store_commit(txn), memory_ops.commit(txn2));
    }
}

static void both_answer_alike(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        transaction();
        for (int i = 0; i < 20; i++) /* Not yet seen … */
            ask_both(NULL, NULL, (enum store_table)below(STORE_TABLE_COUNT));
        if (below(3) != 0) {
            assert_int_equal(store_refresh(real), 0);
            assert_int_equal(memory_ops.refresh(memory), 0);
        }
        for (int i = 0; i < 40; i++) /* … and now seen. */
            ask_both(NULL, NULL, (enum store_table)below(STORE_TABLE_COUNT));
        if (below(100) == 0) {
            assert_int_equal(store_clear(real), 0);
            assert_int_equal(memory_ops.clear(memory), 0);
        }
    }
}

/* Keys that come before all that are there, so that the first node is split again and again. */
static void what_was_put_is_found_in_whatever_order(void **state)
{
    (void)state;
    struct store_txn *txn = NULL;
    struct bytes value;
    assert_int_equal(memory_ops.reserve(memory, 4 << 20), 0);
    assert_int_equal(memory_ops.begin(memory, &txn), 0);
    for (uint32_t i = 30000; i-- > 0;) {
        const uint8_t key[4] = {0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        const struct bytes bytes = {key, sizeof key};
        assert_int_equal(memory_ops.put(txn, STORE_RECORD, bytes, bytes), 0);
    }
    for (uint32_t i = 0; i < 30000; i++) {
        const uint8_t key[4] = {0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        const struct bytes bytes = {key, sizeof key};
        if (memory_ops.txn_get(txn, STORE_RECORD, bytes, &value) != 0) fail_msg("%u is lost", i);
    }
    memory_ops.abort(txn);
}

/* Ascending keys, many of them: chunks of records and ids come so. */
static void long_tables_are_alike(void **state)
{
    (void)state;
    struct store_txn *txn = NULL, *txn2 = NULL;
    assert_int_equal(store_reserve(real, 4 << 20), 0);
    assert_int_equal(memory_ops.reserve(memory, 4 << 20), 0);
    assert_int_equal(store_begin(real, &txn), 0);
    assert_int_equal(memory_ops.begin(memory, &txn2), 0);
    for (uint32_t i = 0; i < 30000; i++) {
        const uint8_t key[4] = {0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        const struct bytes bytes = {key, sizeof key};
        assert_int_equal(store_append(txn, STORE_RECORD, bytes, bytes), 0);
        assert_int_equal(memory_ops.append(txn2, STORE_RECORD, bytes, bytes), 0);
    }
    for (uint32_t i = 0; i < 20000; i++) { /* Whole nodes become empty. */
        const uint32_t at = i < 10000 ? 5000 + i : (uint32_t)below(30000);
        const uint8_t key[4] = {0, (uint8_t)(at >> 16), (uint8_t)(at >> 8), (uint8_t)at};
        const struct bytes bytes = {key, sizeof key};
        assert_int_equal(store_delete(txn, STORE_RECORD, bytes), 0);
        assert_int_equal(memory_ops.erase(txn2, STORE_RECORD, bytes), 0);
    }
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(memory_ops.commit(txn2), 0);
    assert_int_equal(store_refresh(real), 0);
    assert_int_equal(memory_ops.refresh(memory), 0);
    for (uint32_t i = 0; i < 30000; i++) {
        const uint8_t key[4] = {0, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        const struct bytes bytes = {key, sizeof key};
        struct bytes k, v, k2, v2;
        int r = store_floor(real, STORE_RECORD, bytes, &k, &v);
        assert_same(r, memory_ops.floor(memory, STORE_RECORD, bytes, &k2, &v2), k, k2);
        r = store_ceiling(real, STORE_RECORD, bytes, &k, &v);
        assert_same(r, memory_ops.ceiling(memory, STORE_RECORD, bytes, &k2, &v2), k, k2);
    }
}

/* (B1) What was committed is there after the end of the process, what was not is not; a commit that
 * failed may be either, and nothing between the two. */
static void a_crash_keeps_whole_commits(void **state)
{
    (void)state;
    uint32_t landed = 0;
    sim_store_set_faults(memory, &(struct store_faults){.commit_error = 1000000});
    for (uint32_t i = 0; i < 100; i++) {
        struct store_txn *txn = NULL;
        struct bytes first, second;
        const uint8_t number = (uint8_t)i;
        const struct bytes value = {&number, 1};
        assert_int_equal(memory_ops.begin(memory, &txn), 0);
        assert_int_equal(memory_ops.put(txn, STORE_META, bytes_of("a"), value), 0);
        assert_int_equal(memory_ops.put(txn, STORE_CELL, bytes_of("b"), value), 0);
        if (i % 2 == 0) assert_int_equal(memory_ops.commit(txn), -EIO);
        sim_store_crash(memory);
        assert_int_equal(memory_ops.get(memory, STORE_META, bytes_of("a"), &first), -EIO);
        assert_int_equal(memory_ops.refresh(memory), 0);
        const int r = memory_ops.get(memory, STORE_META, bytes_of("a"), &first);
        assert_same(r, memory_ops.get(memory, STORE_CELL, bytes_of("b"), &second), first, second);
        const bool new_one = r == 0 && first.data[0] == number;
        landed += new_one;
        if (i % 2 != 0) assert_false(new_one);
    }
    assert_in_range(landed, 10, 40);
    assert_int_equal(sim_store_commit_errors(memory), 50);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, open_both, close_both)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(both_answer_alike),
        CASE(what_was_put_is_found_in_whatever_order),
        CASE(long_tables_are_alike),
        CASE(a_crash_keeps_whole_commits),
    };
    return cmocka_run_group_tests_name("sim/store", tests, NULL, NULL);
}
