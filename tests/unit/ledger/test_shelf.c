/* The shelf against a list: what was put last is found and listed, in the store's order, and what
 * shelf_has_room() promises fits. */
#include <stdlib.h>

#include "ledger/shelf.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "util/le.h"

#define KEYS       512
#define VALUE_MAX  300
#define SHELF_SIZE (1024 * 1024)

/* What the shelf should say of a key. */
struct model_row {
    uint8_t key[SHELF_KEY_MAX];
    uint8_t key_size;
    bool used;
    bool dropped;
    uint32_t size;
    uint8_t value[VALUE_MAX];
};

static struct bytes key_of(const struct model_row *row)
{
    return (struct bytes){row->key, row->key_size};
}

static struct bytes value_of(const struct model_row *row)
{
    return (struct bytes){row->value, row->size};
}

/* Keys that are beginnings of each other, and with zeros at their ends, are among them. */
static void make_keys(struct model_row *rows, struct prng *prng)
{
    memset(rows, 0, KEYS * sizeof *rows);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct model_row *row = &rows[i];
        bool again;
        do {
            row->key_size = (uint8_t)(1 + prng_below(prng, SHELF_KEY_MAX));
            for (uint32_t k = 0; k < row->key_size; k++)
                row->key[k] = (uint8_t)prng_below(prng, 2);
            again = false;
            for (uint32_t other = 0; other < i; other++)
                again = again || bytes_equal(key_of(row), key_of(&rows[other]));
        } while (again);
    }
}

/* The value where it stands, if it stands there. */
static void change_in_place(struct shelf *shelf, struct model_row *row, struct prng *prng)
{
    uint8_t *value = shelf_value(shelf, key_of(row));
    assert_int_equal(value != NULL, row->used && !row->dropped);
    if (value == NULL) return;
    memset(row->value, (int)prng_below(prng, 256), row->size);
    memcpy(value, row->value, row->size);
}

static void change(struct shelf *shelf, struct model_row *row, struct prng *prng)
{
    if (prng_chance(prng, 200)) {
        change_in_place(shelf, row, prng);
        return;
    }
    row->used = true;
    row->dropped = prng_chance(prng, 200);
    if (row->dropped) {
        shelf_drop(shelf, key_of(row));
        return;
    }
    row->size = (uint32_t)prng_below(prng, VALUE_MAX + 1);
    memset(row->value, (int)prng_below(prng, 256), row->size);
    shelf_put(shelf, key_of(row), value_of(row));
}

static void assert_row(const struct shelf *shelf, const struct model_row *row)
{
    struct bytes value;
    const enum shelf_found found = shelf_get(shelf, key_of(row), &value);
    if (!row->used) {
        assert_int_equal(found, SHELF_NOT_HERE);
    } else if (row->dropped) {
        assert_int_equal(found, SHELF_DROPPED);
    } else {
        assert_int_equal(found, SHELF_VALUE);
        assert_true(bytes_equal(value, value_of(row)));
    }
}

/* As LMDB compares. */
static int compare(struct bytes a, struct bytes b)
{
    const int order = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return order != 0 ? order : (int)a.size - (int)b.size;
}

static void assert_listed(struct shelf *shelf, const struct model_row *rows)
{
    uint32_t cursor = 0;
    uint32_t listed = 0;
    struct bytes key;
    struct bytes value;
    struct bytes before = {0};
    bool dropped;

    while (shelf_next(shelf, &cursor, &key, &value, &dropped)) {
        if (before.size != 0) assert_true(compare(before, key) < 0);
        before = key;
        uint32_t i = 0;
        while (!bytes_equal(key_of(&rows[i]), key))
            i++;
        assert_true(rows[i].used);
        assert_int_equal(dropped, rows[i].dropped);
        if (!dropped) assert_true(bytes_equal(value, value_of(&rows[i])));
        listed++;
    }
    for (uint32_t i = 0; i < KEYS; i++)
        listed -= rows[i].used;
    assert_int_equal(listed, 0);
}

static void what_was_put_last_is_there(void **state)
{
    static struct model_row rows[KEYS];
    struct shelf *shelf = shelf_new(SHELF_SIZE);
    struct prng prng = {1};
    (void)state;
    for (uint32_t round = 0; round < 3; round++) {
        make_keys(rows, &prng);
        for (uint32_t i = 0; i < 2000; i++) {
            struct model_row *row = &rows[prng_below(&prng, KEYS * 3 / 4)];
            if (!shelf_has_room(shelf, 1, VALUE_MAX)) break;
            change(shelf, row, &prng);
            if (i % 500 == 499) assert_listed(shelf, rows); /* Sorted again after changes. */
        }
        for (uint32_t i = 0; i < KEYS; i++)
            assert_row(shelf, &rows[i]);
        assert_listed(shelf, rows);
        shelf_reset(shelf);
        assert_int_equal(shelf_count(shelf), 0);
        assert_int_equal(shelf_used(shelf), 0);
        memset(rows, 0, sizeof rows);
        rows[0].key_size = 1;
        assert_row(shelf, &rows[0]);
    }
    shelf_free(shelf);
}

/* Ten by ten they end alike, so that all but the first find their place taken. */
static struct bytes crowded_key(uint32_t number, uint8_t out[SHELF_KEY_MAX])
{
    memset(out, 'D', SHELF_KEY_MAX);
    be_store64(out + 1, number % 10);
    be_store64(out + SHELF_KEY_MAX - 8, number / 10);
    return (struct bytes){out, SHELF_KEY_MAX};
}

/* Of a large shelf only the slots of its few rows are emptied: none may be left, not even of those
 * that found their place taken. */
static void a_reset_forgets_few_rows_of_many(void **state)
{
    struct shelf *shelf = shelf_new(1u << 20);
    uint8_t key[SHELF_KEY_MAX];
    (void)state;
    for (uint32_t round = 0; round < 200; round++) {
        struct bytes value;
        for (uint32_t i = 0; i < 100; i++)
            shelf_put(shelf, crowded_key(round * 100 + i, key), bytes_of("value"));
        shelf_reset(shelf);
        /* A row that nobody asks for, so that the shelf is not empty. */
        shelf_put(shelf, bytes_of("other"), bytes_of("value"));
        for (uint32_t i = 0; i < 100; i++) {
            assert_int_equal(shelf_get(shelf, crowded_key(round * 100 + i, key), &value),
                             SHELF_NOT_HERE);
        }
        shelf_reset(shelf);
    }
    shelf_free(shelf);
}

static void a_smaller_value_takes_the_same_place(void **state)
{
    const uint8_t bytes[100] = {7};
    struct shelf *shelf = shelf_new(4096);
    struct bytes value;
    (void)state;
    shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, 100});
    const size_t used = shelf_used(shelf);
    assert_in_range(used, SHELF_ROW_COST + 100, SHELF_ROW_COST + 100 + 100 / 8);
    for (uint32_t i = 0; i < 1000; i++) {
        shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, i % 101});
        if (i % 3 == 0) shelf_drop(shelf, bytes_of("P1"));
    }
    assert_int_equal(shelf_used(shelf), used);
    assert_int_equal(shelf_count(shelf), 1);

    shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, 40});
    shelf_put(shelf, bytes_of("P2"), (struct bytes){bytes, 0});
    assert_int_equal(shelf_get(shelf, bytes_of("P1"), &value), SHELF_VALUE);
    assert_int_equal(value.size, 40);
    assert_int_equal(shelf_get(shelf, bytes_of("P2"), &value), SHELF_VALUE);
    assert_int_equal(value.size, 0);
    shelf_free(shelf);
}

static void what_was_lent_out_can_be_put(void **state)
{
    struct shelf *shelf = shelf_new(4096);
    struct bytes value;
    (void)state;
    shelf_put(shelf, bytes_of("a"), bytes_of("0123456789"));
    assert_int_equal(shelf_get(shelf, bytes_of("a"), &value), SHELF_VALUE);
    shelf_put(shelf, bytes_of("a"), (struct bytes){value.data + 1, 9});
    assert_int_equal(shelf_get(shelf, bytes_of("a"), &value), SHELF_VALUE);
    assert_true(bytes_equal(value, bytes_of("123456789")));
    shelf_free(shelf);
}

/* Every number of rows of every size, up to the last byte: rows and values never meet. */
static void what_has_room_fits(void **state)
{
    static const uint8_t bytes[4096] = {1};
    (void)state;
    for (size_t size = 0; size <= 1000; size += 50) {
        struct shelf *shelf = shelf_new(8192);
        uint32_t rows = 0;
        struct bytes value;
        while (shelf_has_room(shelf, 1, size)) {
            const uint8_t key[2] = {(uint8_t)rows, (uint8_t)(rows >> 8)};
            shelf_put(shelf, (struct bytes){key, 2}, (struct bytes){bytes, size});
            rows++;
        }
        const size_t used = shelf_used(shelf);
        const size_t most = rows * (SHELF_ROW_COST + size + size / 8);
        assert_in_range(used, rows * (SHELF_ROW_COST + size), most < 8192 ? most : 8192);
        assert_true(8192 - used < SHELF_ROW_COST + size); /* Filled up. */
        for (uint32_t i = 0; i < rows; i++) {
            const uint8_t key[2] = {(uint8_t)i, (uint8_t)(i >> 8)};
            assert_int_equal(shelf_get(shelf, (struct bytes){key, 2}, &value), SHELF_VALUE);
            assert_true(bytes_equal(value, (struct bytes){bytes, size}));
        }
        shelf_free(shelf);
    }
}

/* A wallet grows by a lot of 16 bytes with each transfer that comes in, and while one waits by its
 * offer: a few of those find room where the person stands. */
static void what_grows_a_little_stays_where_it_is(void **state)
{
    static const uint8_t bytes[4096] = {1};
    struct shelf *shelf = shelf_new(64 * 1024);
    (void)state;
    shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, 400});
    const size_t used = shelf_used(shelf);
    for (size_t size = 400; size <= 448; size += 16)
        shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, size});
    assert_int_equal(shelf_used(shelf), used);
    shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, 464});
    assert_true(shelf_used(shelf) > used);

    /* A page of an outbox is as large as it will be. */
    const size_t before = shelf_used(shelf);
    shelf_put(shelf, bytes_of("O1"), (struct bytes){bytes, sizeof bytes});
    assert_int_equal(shelf_used(shelf), before + SHELF_ROW_COST + sizeof bytes);
    shelf_free(shelf);
}

static void what_grows_is_seldom_moved(void **state)
{
    static const uint8_t bytes[1024] = {1};
    struct shelf *shelf = shelf_new(64 * 1024);
    struct bytes value;
    (void)state;
    for (size_t size = 64; size <= 1024; size += 8) {
        shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, size});
        assert_int_equal(shelf_get(shelf, bytes_of("P1"), &value), SHELF_VALUE);
        assert_true(bytes_equal(value, (struct bytes){bytes, size}));
    }
    assert_int_equal(shelf_count(shelf), 1);
    /* A place for each of the 121 sizes would take 73,000. */
    assert_in_range(shelf_used(shelf), 1024 + SHELF_ROW_COST, 8 * (1024 + SHELF_ROW_COST));
    shelf_free(shelf);
}

/* However full the shelf is, what was promised for several rows that grow is kept. */
static void what_grows_takes_nobodys_room(void **state)
{
    static const uint8_t bytes[8192] = {1};
    (void)state;
    for (size_t step = 8; step <= 1024; step += 8) {
        struct shelf *shelf = shelf_new(8192);
        for (size_t size = 0; 2 * (SHELF_ROW_COST + size) <= 8192 / 2; size += step) {
            if (!shelf_has_room(shelf, 2, 2 * size)) break;
            shelf_put(shelf, bytes_of("P1"), (struct bytes){bytes, size});
            shelf_put(shelf, bytes_of("P2"), (struct bytes){bytes, size});
        }
        shelf_free(shelf);
    }
}

static void what_does_not_fit_is_a_bug(void **state)
{
    static const uint8_t bytes[SHELF_KEY_MAX + 1024] = {1};
    struct shelf *shelf = shelf_new(1024);
    (void)state;
    assert_true(shelf_has_room(shelf, 1, 1024 - SHELF_ROW_COST));
    assert_false(shelf_has_room(shelf, 1, 1025 - SHELF_ROW_COST));
    assert_false(shelf_has_room(shelf, UINT32_MAX, 0));
    expect_assert_failure(shelf_put(shelf, bytes_of("a"), (struct bytes){bytes, 1024}));
    expect_assert_failure(shelf_put(shelf, (struct bytes){bytes, 0}, bytes_of("")));
    expect_assert_failure(shelf_put(shelf, (struct bytes){bytes, SHELF_KEY_MAX + 1}, bytes_of("")));
    shelf_free(shelf);
}

#define PEOPLE    500
#define POSITIONS 3000

/* What is due of a person has a key that ends like the person's own, whatever the time, and
 * positions count up: such keys begin their search at the same place or side by side. */
static void make_alike(uint32_t i, uint8_t key[SHELF_KEY_MAX], size_t *ret_size)
{
    const uint32_t kind = i % 4;
    memset(key, 0, SHELF_KEY_MAX);
    if (kind == 0) {
        key[0] = 'O';
        be_store64(key + 2, i / 4);
        *ret_size = 10;
        return;
    }
    *ret_size = kind == 1 ? 17 : 25;
    key[0] = kind == 1 ? 'P' : 'D';
    if (kind != 1) be_store64(key + 1, kind);
    be_store64(key + *ret_size - 8, (uint64_t)(i / 4 % PEOPLE) * UINT64_C(0x9e3779b97f4a7c15));
}

static void keys_that_end_alike_are_told_apart(void **state)
{
    struct shelf *shelf = shelf_new(SHELF_SIZE);
    uint8_t key[SHELF_KEY_MAX];
    uint8_t before[SHELF_KEY_MAX];
    struct bytes value;
    size_t size;
    (void)state;
    for (uint32_t i = 0; i < POSITIONS; i++) {
        make_alike(i, key, &size);
        memset(before, (int)(i % 4), sizeof before);
        before[0] = (uint8_t)(i % 251);
        if (i % 4 != 0 && i / 4 >= PEOPLE) continue; /* It stands there. */
        assert_int_equal(shelf_get(shelf, (struct bytes){key, size}, &value), SHELF_NOT_HERE);
        shelf_put(shelf, (struct bytes){key, size}, (struct bytes){before, 1 + i % 20});
    }
    for (uint32_t i = 0; i < POSITIONS; i++) {
        make_alike(i, key, &size);
        if (i % 4 != 0 && i / 4 >= PEOPLE) continue;
        assert_int_equal(shelf_get(shelf, (struct bytes){key, size}, &value), SHELF_VALUE);
        assert_int_equal(value.size, 1 + i % 20);
        assert_int_equal(value.data[0], i % 251);
        if (value.size > 1) assert_int_equal(value.data[1], i % 4);
    }
    shelf_free(shelf);
}

/* What came and went between two merges the store never hears of; what it may have it does. */
static void the_store_hears_of_what_stays(void **state)
{
    (void)state;
    struct shelf *shelf = shelf_new(SHELF_SIZE);
    uint32_t cursor = 0;
    struct bytes key;
    struct bytes value;
    bool dropped;
    shelf_put_new(shelf, bytes_of("gone"), bytes_of("1"));
    shelf_put_new(shelf, bytes_of("back"), bytes_of("2"));
    shelf_put(shelf, bytes_of("known"), bytes_of("3"));
    shelf_drop(shelf, bytes_of("gone"));
    shelf_drop(shelf, bytes_of("back"));
    shelf_drop(shelf, bytes_of("known"));
    assert_int_equal(shelf_get(shelf, bytes_of("gone"), &value), SHELF_DROPPED);
    assert_true(shelf_next(shelf, &cursor, &key, &value, &dropped));
    assert_true(bytes_equal(key, bytes_of("known")) && dropped);
    assert_false(shelf_next(shelf, &cursor, &key, &value, &dropped));

    shelf_put_new(shelf, bytes_of("back"), bytes_of("4"));
    cursor = 0;
    assert_true(shelf_next(shelf, &cursor, &key, &value, &dropped));
    assert_true(bytes_equal(key, bytes_of("back")) && !dropped);
    assert_true(bytes_equal(value, bytes_of("4")));
    assert_true(shelf_next(shelf, &cursor, &key, &value, &dropped));
    assert_false(shelf_next(shelf, &cursor, &key, &value, &dropped));
    shelf_free(shelf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_last_is_there),
        cmocka_unit_test(a_reset_forgets_few_rows_of_many),
        cmocka_unit_test(a_smaller_value_takes_the_same_place),
        cmocka_unit_test(what_was_lent_out_can_be_put),
        cmocka_unit_test(keys_that_end_alike_are_told_apart),
        cmocka_unit_test(the_store_hears_of_what_stays),
        cmocka_unit_test(what_has_room_fits),
        cmocka_unit_test(what_grows_a_little_stays_where_it_is),
        cmocka_unit_test(what_grows_is_seldom_moved),
        cmocka_unit_test(what_grows_takes_nobodys_room),
        cmocka_unit_test(what_does_not_fit_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
