/* A state whose rows make no sense: no shard is opened on it, and a sentence says why. */
#include <errno.h>

#include "codec/messages.h"
#include "shard_internal.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "util/le.h"

static struct tables tables;
static struct rig rig;

/* A shard with one settlement in its state. */
static int set_up(void **state)
{
    (void)state;
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct rig_options options = {.tables = &tables};
    const struct settlement s = rig_visit("M1", "S1", "0123456789abcdef", 100);
    rig_load_tables(&tables);
    rig_open(&rig, &options);
    const struct bytes message = {body, settlement_encode(&s, body)};
    assert_int_equal(rig_ask(&rig, MESSAGE_SETL_POST, 0, message).result.code, ERROR_OK);
    rig_checkpoint(&rig);
    rig_settle(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static void put(enum store_table table, struct bytes key, struct bytes value)
{
    struct store_txn *txn;
    assert_int_equal(store_begin(rig.config.store, &txn), 0);
    assert_int_equal(store_put(txn, table, key, value), 0);
    assert_int_equal(store_commit(txn), 0);
}

/* The first row of a table, as copies. */
static void first_row(enum store_table table, uint8_t key[16], struct bytes *ret_key,
                      uint8_t value[512], struct bytes *ret_value)
{
    assert_int_equal(
        store_ceiling(rig.config.store, table, (struct bytes){NULL, 0}, ret_key, ret_value), 0);
    assert_true(ret_key->size <= 16 && ret_value->size <= 512);
    memcpy(key, ret_key->data, ret_key->size);
    memcpy(value, ret_value->data, ret_value->size);
    ret_key->data = key;
    ret_value->data = value;
}

static void assert_opens(int want, const char *says)
{
    struct shard *shard = NULL;
    struct replay_start from;
    const char *why = NULL;
    assert_int_equal(shard_open(&rig.config, &shard, &from, &why), want);
    if (want == 0) {
        shard_free(shard);
    } else {
        assert_non_null(why);
        if (strstr(why, says) == NULL) fail_msg("said '%s'", why);
    }
}

/* A row one byte short, and with its bytes as they were again. */
static void short_rows_are_refused(void **state)
{
    (void)state;
    static const struct {
        enum store_table table;
        const char *says;
    } cases[] = {
        {STORE_META, "the store's position has the wrong size"},
        {STORE_CELL, "a cell in the store makes no sense"},
        {STORE_ID, "a chunk of ids in the store makes no sense"},
    };
    uint8_t key_room[16], value_room[512];
    struct bytes key, value;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        first_row(cases[i].table, key_room, &key, value_room, &value);
        put(cases[i].table, key, (struct bytes){value.data, value.size - 1});
        assert_opens(-EUCLEAN, cases[i].says);
        put(cases[i].table, key, value);
        assert_opens(0, "");
    }
}

static void a_cell_that_does_not_balance(void **state)
{
    (void)state;
    uint8_t key_room[16], value_room[512];
    struct bytes key, value;
    struct cell cell;
    first_row(STORE_CELL, key_room, &key, value_room, &value);
    assert_true(cell_read(key, value, &cell));
    cell.balance[FUND_POOL][0]++;
    put(STORE_CELL, key, (struct bytes){value_room, cell_pack(&cell, value_room)});
    assert_opens(-EUCLEAN, "does not balance");
}

static void ids_of_no_run(void **state)
{
    (void)state;
    const uint8_t no_run[12] = {0};
    const struct id id = {.hash = 0, .seq = 1};
    put(STORE_ID, (struct bytes){no_run, sizeof no_run},
        (struct bytes){(const uint8_t *)&id, sizeof id});
    assert_opens(-EUCLEAN, "a chunk of ids in the store makes no sense");
}

/* Rows of the shelf begin with a letter: counters, rules, due times. */
static void rows_of_the_shelf(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        const char *says;
    } cases[] = {
        {"C", "counters of mail have the wrong size"},
        {"R123", "a provincial rule in the store makes no sense"},
        {"D123", "a due time in the store makes no sense"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        put(STORE_SHELF, bytes_of(cases[i].key), bytes_of("short"));
        assert_opens(-EUCLEAN, cases[i].says);
        struct store_txn *txn;
        assert_int_equal(store_begin(rig.config.store, &txn), 0);
        assert_int_equal(store_delete(txn, STORE_SHELF, bytes_of(cases[i].key)), 0);
        assert_int_equal(store_commit(txn), 0);
    }
    assert_opens(0, "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(short_rows_are_refused),
        TEST(a_cell_that_does_not_balance),
        TEST(ids_of_no_run),
        TEST(rows_of_the_shelf),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
