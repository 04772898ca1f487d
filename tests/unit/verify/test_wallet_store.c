/* What verify says of the shelf of a store: rows that the journal does not make, in any other form
 * than the one they have, missing or too many. The store is a table here. */
#include <errno.h>
#include <stdlib.h>

#include "shard_wallet.h"
#include "tests/lib/unit.h"
#include "tools/verify/wallet_lane.h"
#include "util/le.h"
#include "world/store.h"

#define ROWS_MAX 16
#define DEST     6
#define IN_ROW   510
#define MESSAGES 700
#define HEAD     16
#define RUN      (4 + 40) /* In front of a run of lots. */
#define PART     16

struct table_row {
    uint8_t key[32];
    size_t key_size;
    uint8_t value[4096];
    size_t size;
};

struct store {
    struct table_row rows[ROWS_MAX]; /* In no order. */
    uint32_t count;
};

static struct store store;
static struct wallet_check *check;
static struct lane *lane;
static const struct psn_key person = {{9, 8, 7}};

/* -- the store -------------------------------------------------------------------------------- */

static int order(struct bytes a, struct bytes b)
{
    const int r = memcmp(a.data, b.data, a.size < b.size ? a.size : b.size);
    return r != 0 ? r : (int)a.size - (int)b.size;
}

static struct bytes key_of(const struct table_row *row)
{
    return (struct bytes){row->key, row->key_size};
}

int store_ceiling(struct store *its, enum store_table table, struct bytes key,
                  struct bytes *ret_key, struct bytes *ret_value)
{
    const struct table_row *best = NULL;
    assert_int_equal(table, STORE_SHELF);
    for (uint32_t i = 0; i < its->count; i++) {
        const struct table_row *row = &its->rows[i];
        if (order(key_of(row), key) < 0) continue;
        if (best == NULL || order(key_of(row), key_of(best)) < 0) best = row;
    }
    if (best == NULL) return -ENOENT;
    *ret_key = key_of(best);
    *ret_value = (struct bytes){best->value, best->size};
    return 0;
}

int store_get(struct store *its, enum store_table table, struct bytes key, struct bytes *ret_value)
{
    struct bytes found;
    const int r = store_ceiling(its, table, key, &found, ret_value);
    return r == 0 && order(found, key) != 0 ? -ENOENT : r;
}

static struct table_row *row_put(const void *key, size_t key_size, const void *value, size_t size)
{
    struct table_row *row = &store.rows[store.count++];
    assert_true(store.count <= ROWS_MAX && key_size <= sizeof row->key);
    assert_true(size <= sizeof row->value);
    memcpy(row->key, key, key_size);
    row->key_size = key_size;
    memcpy(row->value, value, size);
    row->size = size;
    return row;
}

static struct table_row *outbox_put(uint64_t first, uint64_t upto)
{
    uint8_t key[10] = {'O', DEST};
    uint8_t value[8 * IN_ROW] = {0};
    be_store64(key + 2, first);
    for (uint64_t i = 0; i < IN_ROW && first + i <= upto; i++)
        le_store64(value + 8 * i, 1000 + first + i);
    return row_put(key, sizeof key, value, sizeof value);
}

static struct table_row *person_put(void)
{
    uint8_t key[17] = {'P'};
    memcpy(key + 1, person.bytes, PSN_KEY_SIZE);
    return row_put(key, sizeof key, "", 0);
}

/* -- the journal's ---------------------------------------------------------------------------- */

static int set_up(void **state)
{
    (void)state;
    memset(&store, 0, sizeof store);
    check = wallet_check_new(1);
    assert_non_null(check);
    lane = &check->lanes[0];
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    wallet_check_free(check);
    return 0;
}

/* Row C is written last: what the lane holds by then. */
static bool stands(const char *what)
{
    struct shelf_counters counters = {0};
    struct finding finding = {0};
    for (uint32_t s = 0; s < SHARDS_MAX; s++)
        counters.mail_next[s] = 1;
    for (uint32_t dest = 0; dest < OUTBOX_COUNT; dest++) {
        counters.out_next[dest] = lane->out[dest].count + 1;
        counters.out_acked[dest] = lane->out_acked[dest];
    }
    const uint32_t count = store.count;
    row_put("C", 1, &counters, sizeof counters);
    const bool good = wallet_check_store(check, 0, &store, &finding);
    store.count = count;
    if (what == NULL) assert_string_equal(finding.text, "");
    if (what != NULL) assert_non_null(strstr(finding.text, what));
    return good;
}

static void outbox_has(uint64_t messages, uint64_t acked)
{
    static uint64_t seqs[MESSAGES];
    for (uint64_t i = 0; i < messages; i++)
        seqs[i] = 1001 + i;
    lane->out[DEST] = (struct numbers){.list = seqs, .count = messages};
    lane->out_acked[DEST] = acked;
}

static void outbox_done(void)
{
    lane->out[DEST] = (struct numbers){0}; /* Its list is not the heap's. */
}

static void lots_put(const uint32_t *numbers, uint32_t count)
{
    uint8_t old[sizeof(struct transfer_row)];
    struct bytes was;
    struct kept_person *its = kept_map_for(&lane->persons, &person);
    for (uint32_t i = 0; i < count; i++) {
        struct lot lot = {.number = numbers[i], .origin_admdvs = 530100, .amount = 5 + numbers[i]};
        lot.from.bytes[3] = (uint8_t)(numbers[i] / 100);
        assert_null(kept_put(its, PERSON_LOT, (struct bytes){(const uint8_t *)&lot, sizeof lot},
                             old, &was));
    }
    kept_head(its, 77);
}

/* A run of the row that person_put() made: lots `first` to `last`. */
static void run_put(struct table_row *row, uint32_t first, uint32_t last)
{
    struct lot lot = {.number = first, .origin_admdvs = 530100};
    lot.from.bytes[3] = (uint8_t)(first / 100);
    if (row->size == 0) {
        le_store64(row->value, 77);
        le_store64(row->value + 8, INT64_MAX);
        row->size = HEAD;
    }
    uint8_t *at = row->value + row->size;
    memset(at, 0, RUN + (last - first + 1) * PART);
    at[0] = PERSON_LOT;
    at[1] = (uint8_t)(last - first);
    le_store16(at + 2, PART);
    memcpy(at + 4, &lot, RUN - 4);
    for (uint32_t number = first; number <= last; number++)
        le_store64(at + RUN + (size_t)(number - first) * PART, 5 + number);
    row->size += RUN + (last - first + 1) * PART;
}

/* -- rows of outboxes -------------------------------------------------------------------------- */

static void outboxes_as_they_are(void **state)
{
    (void)state;
    assert_true(stands(NULL));
    outbox_has(1, 0);
    outbox_put(1, 1);
    assert_true(stands(NULL));
    outbox_has(1, 1); /* It has room for the next. */
    assert_true(stands(NULL));
    store.count = 0;
    outbox_has(510, 509);
    outbox_put(1, 510);
    assert_true(stands(NULL));
    store.count = 0;
    outbox_has(510, 510);
    assert_true(stands(NULL));
    outbox_has(700, 510);
    outbox_put(511, 700);
    assert_true(stands(NULL));
    outbox_has(700, 3);
    outbox_put(1, 700);
    assert_true(stands(NULL));
    outbox_done();
}

static void outboxes_otherwise(void **state)
{
    static const char row_differs[] = "shelf: row O, messages of an outbox,";
    (void)state;
    outbox_has(700, 3);
    outbox_put(1, 700);
    assert_false(stands("1 rows of outboxes, by the journal 2"));
    struct table_row *row = outbox_put(511, 700);
    row->value[8 * 189]++; /* The last message, */
    assert_false(stands(row_differs));
    row->value[8 * 189]--;
    row->value[8 * 190]++; /* one behind it, */
    assert_false(stands(row_differs));
    row->value[8 * 190]--;
    row->size -= 8;
    assert_false(stands(row_differs));
    row->size += 8;
    row->key[9]++; /* where no row begins, */
    assert_false(stands(row_differs));
    row->key[9]--;
    row->key[1] = OUTBOX_COUNT; /* nobody's, */
    assert_false(stands(row_differs));
    row->key[1] = DEST;
    row->key_size--;
    assert_false(stands(row_differs));
    row->key_size++;
    assert_true(stands(NULL));
    lane->out_acked[DEST] = 510; /* acknowledged, */
    assert_false(stands(row_differs));
    lane->out_acked[DEST] = 3;
    outbox_put(1021, 0); /* and more than there are. */
    assert_false(stands(row_differs));
    outbox_done();
}

/* -- lots -------------------------------------------------------------------------------------- */

static void lots_as_they_are(void **state)
{
    static const uint32_t numbers[] = {3, 4, 5, 8, 9, 100, 101};
    (void)state;
    lots_put(numbers, sizeof numbers / sizeof numbers[0]);
    struct table_row *row = person_put();
    run_put(row, 3, 5);
    run_put(row, 8, 9);
    run_put(row, 100, 101);
    assert_true(stands(NULL));
}

static void lots_otherwise(void **state)
{
    static const uint32_t numbers[] = {3, 4, 5, 99, 100};
    (void)state;
    lots_put(numbers, sizeof numbers / sizeof numbers[0]);
    struct table_row *row = person_put();
    run_put(row, 3, 4); /* 5 goes on there: only one form is the right one, */
    run_put(row, 5, 5);
    run_put(row, 99, 99);
    run_put(row, 100, 100);
    assert_false(stands("row P"));
    row->size = 0;
    run_put(row, 3, 5);
    run_put(row, 99, 100); /* another's, */
    assert_false(stands("row P"));
    row->size = 0;
    run_put(row, 3, 5);
    run_put(row, 99, 99);
    assert_false(stands("row P")); /* one is missing. */
    run_put(row, 100, 100);
    assert_true(stands(NULL));
    run_put(row, 101, 101);
    assert_false(stands("row P"));
    row->size -= RUN + PART;
    for (size_t at = HEAD; at < row->size; at++) { /* Every byte says something. */
        row->value[at] ^= 1;
        assert_false(stands("row P"));
        row->value[at] ^= 1;
    }
    for (size_t size = 0; size < row->size; size++) {
        const size_t whole = row->size;
        row->size = size;
        assert_false(stands("row P"));
        row->size = whole;
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(outboxes_as_they_are),
        T(outboxes_otherwise),
        T(lots_as_they_are),
        T(lots_otherwise),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
