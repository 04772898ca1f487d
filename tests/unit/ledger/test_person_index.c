/* The index of persons against a list: every record of a person is given once, in order, up and
 * down, from any number on and whatever checkpoints come between two slices. */
#include <errno.h>
#include <stdlib.h>

#include "ledger/person_index.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "util/le.h"
#include "world/linux/lmdb_store.h"

#define PERSONS     40
#define RECORDS_MAX 400000
#define RUN_MAX     200000 /* Records of one checkpoint here. */
#define ROOM        (RUN_MAX + PERSON_RUN_SEAL)

static char folder[TEMP_FOLDER_SIZE];
static struct store *store;
static struct id *records;
static struct id *scratch;

/* What the index should hold: whose record each entry is; PERSONS: not a record. */
static uint8_t *owners; /* By seq. */
static uint64_t last_seq;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    assert_int_equal(store_open(folder, false, false, &store), 0);
    records = malloc(ROOM * sizeof *records);
    scratch = malloc(ROOM * sizeof *scratch);
    owners = calloc(RECORDS_MAX + 1, 1);
    assert_non_null(records);
    assert_non_null(scratch);
    assert_non_null(owners);
    last_seq = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(store);
    temp_folder_remove(folder);
    free(records);
    free(scratch);
    free(owners);
    return 0;
}

/* One is the first in the index there can be, one the last; one differs from that in the first byte
 * that is in the index, and the others in the last. */
static struct bytes psn_key(uint32_t person, uint8_t out[PSN_KEY_SIZE])
{
    memset(out, 0xff, PSN_KEY_SIZE);
    out[8] = (uint8_t)(person == 0 ? 0 : 0x100 - person);
    if (person == 0) memset(out + 4, 0, 4);
    if (person == 2) out[4] = 1;
    out[0] = out[15] = (uint8_t)person;
    return (struct bytes){out, PSN_KEY_SIZE};
}

/* One checkpoint of `count` entries; of 1000, `of_1000` are records. */
static void checkpoint(uint32_t count, uint32_t persons, uint32_t of_1000, struct prng *prng)
{
    const uint64_t first = last_seq + 1;
    struct store_txn *txn;
    uint32_t found = 0;
    uint8_t key[PSN_KEY_SIZE];

    for (uint32_t i = 0; i < count; i++) {
        last_seq++;
        owners[last_seq] = PERSONS;
        if (!prng_chance(prng, of_1000)) continue;
        const uint32_t person = (uint32_t)prng_below(prng, persons);
        owners[last_seq] = (uint8_t)person;
        records[found++] = (struct id){.hash = person_bits(psn_key(person, key)), .seq = last_seq};
    }
    assert_true(last_seq <= RECORDS_MAX);
    assert_int_equal(store_reserve(store, (size_t)64 << 20), 0);
    assert_int_equal(store_begin(store, &txn), 0);
    assert_int_equal(person_index_put(txn, first, last_seq, records, scratch, found, ROOM), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
}

/* Number of runs; every chunk is full but the last of its run, and in order. */
static uint32_t count_runs(void)
{
    uint8_t at[16] = {0};
    struct bytes key;
    struct bytes value;
    uint64_t run = 0;
    uint64_t number = 0;
    bool full = true;
    uint32_t runs = 0;

    while (store_ceiling(store, STORE_PERSON, (struct bytes){at, sizeof at}, &key, &value) == 0) {
        assert_int_equal(key.size, sizeof at);
        if (be_load64(key.data) != run) {
            runs++;
            number = 0;
        } else {
            assert_true(full);
        }
        run = be_load64(key.data);
        full = value.size == PERSON_CHUNK_COUNT * sizeof number;
        assert_int_equal(be_load64(key.data + 8), le_load64(value.data));
        for (size_t i = 0; i < value.size; i += sizeof number) {
            assert_true(number == 0 || le_load64(value.data + i) > number);
            number = le_load64(value.data + i);
        }
        memcpy(at, key.data, sizeof at);
        be_store64(at + 8, be_load64(at + 8) + 1);
    }
    return runs;
}

/* The next record of the person by the list; 0: none. */
static uint64_t expected(uint32_t person, uint64_t seq, bool descending)
{
    while (seq != 0 && seq <= last_seq && owners[seq] != person)
        seq += descending ? (uint64_t)-1 : 1;
    return seq > last_seq ? 0 : seq;
}

/* Reads at most `max` of the person's records and compares; true when that was all. */
static bool compare(struct person_cursor *cursor, uint32_t person, uint64_t *from, uint32_t max)
{
    const bool descending = cursor->descending != 0;
    for (uint32_t i = 0; i < max; i++) {
        uint64_t seq;
        enum person_found found;
        do {
            found = person_index_next(store, cursor, &seq);
        } while (found == PERSON_NOT_HERE);
        const uint64_t wanted = expected(person, *from, descending);
        if (found == PERSON_END) {
            assert_int_equal(wanted, 0);
            return true;
        }
        assert_int_equal(seq, wanted);
        *from = descending ? seq - 1 : seq + 1;
    }
    return false;
}

static void compare_all(struct prng *prng)
{
    uint8_t key[PSN_KEY_SIZE];
    for (uint32_t person = 0; person < PERSONS; person++) {
        for (int way = 0; way < 4; way++) {
            const bool descending = way % 2 != 0;
            uint64_t from = way < 2 ? (descending ? last_seq : 1) : 1 + prng_below(prng, last_seq);
            struct person_cursor cursor =
                person_cursor_from(psn_key(person, key), from, descending);
            assert_true(compare(&cursor, person, &from, UINT32_MAX));
        }
    }
}

static void an_empty_index_has_nothing(void **state)
{
    (void)state;
    uint8_t key[PSN_KEY_SIZE];
    uint64_t seq;
    struct prng prng = {1};
    for (int way = 0; way < 2; way++) {
        struct person_cursor cursor = person_cursor_from(psn_key(3, key), 7, way != 0);
        assert_int_equal(person_index_next(store, &cursor, &seq), PERSON_END);
    }
    checkpoint(100, 1, 0, &prng); /* Nothing but entries that are no records. */
    assert_int_equal(count_runs(), 0);
}

static void every_record_is_given_once_and_in_order(void **state)
{
    (void)state;
    struct prng prng = {2};
    for (uint32_t i = 0; i < 12; i++) {
        checkpoint(1 + (uint32_t)prng_below(&prng, 3000), 1 + (uint32_t)prng_below(&prng, PERSONS),
                   (uint32_t)prng_below(&prng, 1001), &prng);
        assert_true(count_runs() <= 1);
        compare_all(&prng);
    }
}

/* The first run is full at once, the second takes what comes until it is. */
static void a_short_run_takes_the_next_checkpoint(void **state)
{
    (void)state;
    struct prng prng = {3};
    checkpoint(PERSON_RUN_SEAL, PERSONS, 1001, &prng);
    assert_int_equal(count_runs(), 1);
    checkpoint(1, PERSONS, 1001, &prng);
    assert_int_equal(count_runs(), 2);
    checkpoint(1000, PERSONS, 0, &prng);
    checkpoint(PERSON_RUN_SEAL - 2, PERSONS, 1001, &prng);
    assert_int_equal(count_runs(), 2);
    checkpoint(PERSON_CHUNK_COUNT, PERSONS, 1001, &prng);
    assert_int_equal(count_runs(), 2);
    checkpoint(3, PERSONS, 1001, &prng);
    assert_int_equal(count_runs(), 3);
    compare_all(&prng);
}

/* What a run can say of an entry is how far it is from its first. */
static void a_run_ends_where_its_numbers_do(void **state)
{
    (void)state;
    uint8_t key[PSN_KEY_SIZE];
    const struct bytes psn = psn_key(1, key);
    const uint64_t seqs[] = {1, 1u << 24, (1u << 24) + 1};
    const uint32_t runs[] = {1, 1, 2};
    for (int i = 0; i < 3; i++) {
        struct store_txn *txn;
        records[0] = (struct id){.hash = person_bits(psn), .seq = seqs[i]};
        assert_int_equal(store_begin(store, &txn), 0);
        assert_int_equal(person_index_put(txn, seqs[i], seqs[i], records, scratch, 1, ROOM), 0);
        assert_int_equal(store_commit(txn), 0);
        assert_int_equal(store_refresh(store), 0);
        assert_int_equal(count_runs(), runs[i]);
    }
    struct person_cursor up = person_cursor_from(psn, 0, false);
    struct person_cursor down = person_cursor_from(psn, UINT64_MAX, true);
    for (int i = 0; i < 3; i++) {
        uint64_t seq;
        while (person_index_next(store, &up, &seq) == PERSON_NOT_HERE)
            ;
        assert_int_equal(seq, seqs[i]);
        while (person_index_next(store, &down, &seq) == PERSON_NOT_HERE)
            ;
        assert_int_equal(seq, seqs[2 - i]);
    }
}

static void a_cursor_outlives_checkpoints(void **state)
{
    (void)state;
    struct prng prng = {4};
    uint8_t key[PSN_KEY_SIZE];
    struct person_cursor up[PERSONS];
    struct person_cursor down[PERSONS];
    uint64_t up_from[PERSONS];
    uint64_t down_from[PERSONS];

    checkpoint(60000, PERSONS, 900, &prng);
    for (uint32_t person = 0; person < PERSONS; person++) {
        up_from[person] = 1;
        down_from[person] = last_seq;
        up[person] = person_cursor_from(psn_key(person, key), 1, false);
        down[person] = person_cursor_from(psn_key(person, key), last_seq, true);
    }
    for (uint32_t round = 0; round < 6; round++) {
        for (uint32_t person = 0; person < PERSONS; person++) {
            (void)compare(&up[person], person, &up_from[person], 300);
            (void)compare(&down[person], person, &down_from[person], 300);
        }
        checkpoint(30000, PERSONS, 900, &prng); /* The run they stand in is written again. */
    }
    assert_int_equal(count_runs(), 2);
    for (uint32_t person = 0; person < PERSONS; person++) {
        assert_true(compare(&up[person], person, &up_from[person], UINT32_MAX));
        assert_true(compare(&down[person], person, &down_from[person], UINT32_MAX));
    }
}

/* A call looks into one run and stands before the next, up and down. */
static void a_look_is_one_run(void **state)
{
    (void)state;
    struct prng prng = {5};
    uint8_t key[PSN_KEY_SIZE];
    uint64_t seq;
    checkpoint(PERSON_RUN_SEAL, 3, 1001, &prng);
    checkpoint(PERSON_RUN_SEAL, 3, 1001, &prng);
    checkpoint(10, 3, 1001, &prng);
    for (int way = 0; way < 2; way++) {
        struct person_cursor cursor =
            person_cursor_from(psn_key(9, key), way != 0 ? last_seq : 1, way != 0);
        assert_int_equal(person_index_next(store, &cursor, &seq), PERSON_NOT_HERE);
        assert_int_equal(cursor.seq, way != 0 ? 2 * PERSON_RUN_SEAL : PERSON_RUN_SEAL + 1);
        assert_int_equal(person_index_next(store, &cursor, &seq), PERSON_NOT_HERE);
        assert_int_equal(cursor.seq, way != 0 ? PERSON_RUN_SEAL : 2 * PERSON_RUN_SEAL + 1);
        if (way != 0) {
            assert_int_equal(person_index_next(store, &cursor, &seq), PERSON_NOT_HERE);
        }
        assert_int_equal(person_index_next(store, &cursor, &seq), PERSON_END);
    }
}

static void a_broken_table_is_said(void **state)
{
    (void)state;
    struct prng prng = {6};
    struct store_txn *txn;
    uint8_t key[16] = {0};
    be_store64(key, 5);
    checkpoint(4, PERSONS, 0, &prng);
    assert_int_equal(store_begin(store, &txn), 0);
    assert_int_equal(
        store_put(txn, STORE_PERSON, (struct bytes){key, sizeof key}, bytes_of("12345")), 0);
    records[0] = (struct id){.seq = 6};
    assert_int_equal(person_index_put(txn, 6, 6, records, scratch, 1, ROOM), -EUCLEAN);
    assert_int_equal(person_index_put(txn, 5, 5, records, scratch, 1, ROOM), -EUCLEAN);
    store_abort(txn);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_empty_index_has_nothing),
        CASE(every_record_is_given_once_and_in_order),
        CASE(a_short_run_takes_the_next_checkpoint),
        CASE(a_run_ends_where_its_numbers_do),
        CASE(a_cursor_outlives_checkpoints),
        CASE(a_look_is_one_run),
        CASE(a_broken_table_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
