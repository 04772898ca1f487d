/* The store keeps what was committed, forgets what was aborted, and grows when asked. */
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <pthread.h>
#include <sys/stat.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "world/linux/lmdb_pages.h"
#include "world/linux/lmdb_store.h"

static char folder[TEMP_FOLDER_SIZE];

static int make_folder(void **state)
{
    (void)state;
    temp_folder_make(folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    temp_folder_remove(folder);
    return 0;
}

static struct store *open_store(uint64_t map_bytes)
{
    struct store *store = NULL;
    assert_int_equal(store_open_sized(folder, false, false, map_bytes, &store), 0);
    return store;
}

static struct store_txn *begin(struct store *store)
{
    struct store_txn *txn = NULL;
    assert_int_equal(store_begin(store, &txn), 0);
    return txn;
}

static void put(struct store *store, const char *key, const char *value)
{
    struct store_txn *txn = begin(store);
    assert_int_equal(store_put(txn, STORE_META, bytes_of(key), bytes_of(value)), 0);
    assert_int_equal(store_commit(txn), 0);
}

static void assert_text(struct bytes bytes, const char *text)
{
    assert_true(bytes_equal(bytes, bytes_of(text)));
}

static void a_commit_is_seen_after_refresh_and_after_reopening(void **state) /* (B1) */
{
    (void)state;
    struct store *store = NULL;
    struct bytes value;
    assert_int_equal(store_open(folder, false, true, &store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), -ENOENT);
    put(store, "a", "one");
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), -ENOENT);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_text(value, "one");
    assert_int_equal(store_get(store, STORE_CELL, bytes_of("a"), &value), -ENOENT);
    store_close(store);

    assert_int_equal(store_open(folder, true, true, &store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_text(value, "one");
    assert_true(store_bytes(store) >= 4096);
    struct store_txn *txn;
    assert_int_equal(store_begin(store, &txn), -EACCES);
    store_close(store);
    store_close(NULL);
}

static void borrowed_values_stay_until_refresh(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    struct bytes value;
    put(store, "a", "one");
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    for (int i = 0; i < 50; i++) /* Enough to use every free page again. */
        put(store, "a", i % 2 == 0 ? "two" : "three");
    assert_text(value, "one");
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_text(value, "one");
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_text(value, "three");
    store_close(store);
}

static void an_abort_leaves_nothing(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    struct bytes value;
    put(store, "kept", "1");
    struct store_txn *txn = begin(store);
    assert_int_equal(store_put(txn, STORE_META, bytes_of("gone"), bytes_of("2")), 0);
    assert_int_equal(store_delete(txn, STORE_META, bytes_of("kept")), 0);
    store_abort(txn);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("gone"), &value), -ENOENT);
    assert_int_equal(store_get(store, STORE_META, bytes_of("kept"), &value), 0);
    txn = begin(store);
    assert_int_equal(store_delete(txn, STORE_META, bytes_of("kept")), 0);
    assert_int_equal(store_delete(txn, STORE_META, bytes_of("kept")), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("kept"), &value), -ENOENT);
    store_close(store);
}

/* "-": there is none. */
static void assert_neighbours(struct store *store, const char *key, const char *floor,
                              const char *ceiling)
{
    struct bytes k, v;
    int r = store_floor(store, STORE_RECORD, bytes_of(key), &k, &v);
    assert_int_equal(r, *floor == '-' ? -ENOENT : 0);
    if (r == 0) {
        assert_text(k, floor);
        assert_text(v, floor);
    }
    r = store_ceiling(store, STORE_RECORD, bytes_of(key), &k, &v);
    assert_int_equal(r, *ceiling == '-' ? -ENOENT : 0);
    if (r == 0) {
        assert_text(k, ceiling);
        assert_text(v, ceiling);
    }
}

static void floor_and_ceiling_know_the_edges(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    assert_neighbours(store, "", "-", "-");
    assert_neighbours(store, "b", "-", "-");
    struct store_txn *txn = begin(store);
    assert_int_equal(store_append(txn, STORE_RECORD, bytes_of("b"), bytes_of("b")), 0);
    assert_int_equal(store_append(txn, STORE_RECORD, bytes_of("d"), bytes_of("d")), 0);
    assert_int_equal(store_append(txn, STORE_RECORD, bytes_of("dd"), bytes_of("dd")), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
    assert_neighbours(store, "", "-", "b");
    assert_neighbours(store, "a", "-", "b");
    assert_neighbours(store, "b", "b", "b");
    assert_neighbours(store, "c", "b", "d");
    assert_neighbours(store, "d", "d", "d");
    assert_neighbours(store, "da", "d", "dd");
    assert_neighbours(store, "dd", "dd", "dd");
    assert_neighbours(store, "e", "dd", "-");
    assert_neighbours(store, "b", "b", "b"); /* Also after the cursor stood at the end. */
    store_close(store);
}

static void keys_have_a_size_and_appends_an_order(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    uint8_t key[512] = {1};
    struct bytes largest = {key, 511}, too_large = {key, 512}, value;
    struct store_txn *txn = begin(store);
    assert_int_equal(store_put(txn, STORE_ID, largest, bytes_of("v")), 0);
    assert_int_equal(store_put(txn, STORE_ID, too_large, bytes_of("v")), -EINVAL);
    assert_int_equal(store_put(txn, STORE_ID, bytes_of(""), bytes_of("v")), -EINVAL);
    assert_int_equal(store_put(txn, STORE_ID, largest, bytes_of("")), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_ID, largest, &value), 0);
    assert_int_equal(value.size, 0);
    assert_int_equal(store_get(store, STORE_ID, too_large, &value), -EINVAL);
    assert_int_equal(store_get(store, STORE_ID, bytes_of(""), &value), -EINVAL);

    txn = begin(store);
    assert_int_equal(store_append(txn, STORE_MARK, bytes_of("2"), bytes_of("v")), 0);
    assert_int_equal(store_append(txn, STORE_MARK, bytes_of("1"), bytes_of("v")), -EEXIST);
    assert_int_equal(store_commit(txn), -EEXIST); /* Nothing of it. */
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_MARK, bytes_of("2"), &value), -ENOENT);
    store_close(store);
}

/* Writes `count` rows of 1000 bytes; 0 or the first error, with the transaction ended. */
static int write_rows(struct store *store, uint32_t first, uint32_t count)
{
    static uint8_t row[1000];
    struct store_txn *txn = begin(store);
    for (uint32_t i = first; i < first + count; i++) {
        uint32_t number = __builtin_bswap32(i);
        struct bytes key = {(uint8_t *)&number, sizeof number};
        memcpy(row, &number, sizeof number);
        int r = store_append(txn, STORE_RECORD, key, (struct bytes){row, sizeof row});
        if (r != 0) {
            assert_int_equal(store_append(txn, STORE_RECORD, key, bytes_of("x")), r);
            store_abort(txn);
            return r;
        }
    }
    return store_commit(txn);
}

static void the_map_grows_when_asked(void **state)
{
    (void)state;
    struct store *store = open_store(256 * 1024);
    uint32_t rows = 0, full = 0;
    while (rows < 20000) {
        int r = write_rows(store, rows, 1000);
        if (r == -ENOSPC) {
            full++;
            assert_int_equal(store_reserve(store, 1000 * 1000), 0);
            continue;
        }
        assert_int_equal(r, 0);
        rows += 1000;
    }
    assert_in_range(full, 3, 12);
    assert_int_equal(store_refresh(store), 0);
    struct bytes value;
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t number = __builtin_bswap32(i);
        struct bytes key = {(uint8_t *)&number, sizeof number};
        assert_int_equal(store_get(store, STORE_RECORD, key, &value), 0);
        assert_memory_equal(value.data, &number, sizeof number);
    }
    assert_true(store_bytes(store) > 20 * 1000 * 1000);
    store_close(store);

    store = open_store(0); /* The file's own size wins over the first map's. */
    assert_int_equal(write_rows(store, rows, 1000), 0);
    store_close(store);
}

static void asking_for_the_same_again_still_grows(void **state)
{
    (void)state;
    struct store *store = open_store(128 * 1024);
    int r, tries = 0;
    while ((r = write_rows(store, 0, 4000)) == -ENOSPC && tries < 20) {
        tries++;
        assert_int_equal(store_reserve(store, 1), 0);
    }
    assert_int_equal(r, 0);
    assert_in_range(tries, 1, 10);
    store_close(store);
}

static void reads_go_on_after_the_map_was_full(void **state)
{
    (void)state;
    struct store *store = open_store(256 * 1024);
    struct bytes value;
    put(store, "a", "one");
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(write_rows(store, 0, 4000), -ENOSPC);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_int_equal(store_reserve(store, 10 * 1000 * 1000), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_text(value, "one");
    assert_int_equal(write_rows(store, 0, 4000), 0);
    store_close(store);
}

static void a_transaction_sees_what_it_wrote(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    struct bytes key, value;
    struct store_txn *txn = begin(store);
    assert_int_equal(store_txn_ceiling(txn, STORE_ID, bytes_of(""), &key, &value), -ENOENT);
    for (uint32_t i = 0; i < 2000; i++) { /* Enough to split pages under the cursor. */
        char name[16];
        snprintf(name, sizeof name, "k%06u", i * 7919 % 2000);
        assert_int_equal(store_put(txn, STORE_ID, bytes_of(name), bytes_of(name)), 0);
        assert_int_equal(store_txn_ceiling(txn, STORE_ID, bytes_of(name), &key, &value), 0);
        assert_text(value, name);
    }
    /* Taken out one by one from the front, as a run is that was merged into another. */
    uint32_t count = 0;
    while (store_txn_ceiling(txn, STORE_ID, bytes_of("k0005"), &key, &value) == 0) {
        char name[16] = "";
        memcpy(name, key.data, key.size);
        assert_int_equal(store_delete(txn, STORE_ID, bytes_of(name)), 0);
        count++;
    }
    assert_int_equal(count, 1500);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_ceiling(store, STORE_ID, bytes_of(""), &key, &value), 0);
    assert_text(key, "k000000");
    assert_int_equal(store_ceiling(store, STORE_ID, bytes_of("k0005"), &key, &value), -ENOENT);
    txn = begin(store);
    assert_int_equal(store_txn_ceiling(txn, STORE_ID, bytes_of("k0004"), &key, &value), 0);
    assert_text(key, "k000400");
    store_abort(txn);
    store_close(store);
}

/* How many of our descriptors of the store's file sync each write. */
static int syncing_ways(void)
{
    char path[TEMP_FOLDER_SIZE + 16];
    struct stat wanted;
    int count = 0;
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    assert_int_equal(stat(path, &wanted), 0);
    for (int file = 0; file < 256; file++) {
        struct stat is;
        if (fstat(file, &is) != 0 || is.st_ino != wanted.st_ino) continue;
        count += (fcntl(file, F_GETFL) & O_DSYNC) != 0;
    }
    return count;
}

static void calm_or_not_a_commit_is_a_commit(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct bytes value;
    assert_int_equal(store_open(folder, false, true, &store), 0);
    const int at_once = syncing_ways();
    put(store, "a", "at first");
    store_write_calmly(store, true);
    assert_int_equal(syncing_ways(), at_once + 1);
    put(store, "b", "calmly");
    store_write_calmly(store, true);
    store_write_calmly(store, false);
    assert_int_equal(syncing_ways(), at_once);
    put(store, "c", "at once");
    store_close(store);

    assert_int_equal(store_open(folder, true, true, &store), 0);
    store_write_calmly(store, true); /* Who only reads has no ways to write. */
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &value), 0);
    assert_text(value, "at first");
    assert_int_equal(store_get(store, STORE_META, bytes_of("b"), &value), 0);
    assert_text(value, "calmly");
    assert_int_equal(store_get(store, STORE_META, bytes_of("c"), &value), 0);
    assert_text(value, "at once");
    store_close(store);
}

static void *write_many(void *argument)
{
    struct store *store = argument;
    for (uint32_t i = 0; i < 100; i++) {
        if (write_rows(store, i * 10, 10) != 0) return NULL;
    }
    return store;
}

static void one_thread_reads_while_another_writes(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    pthread_t writer;
    void *result = NULL;
    assert_int_equal(pthread_create(&writer, NULL, write_many, store), 0);
    uint32_t seen = 0;
    for (int i = 0; i < 2000 && seen < 999; i++) {
        struct bytes key, value;
        assert_int_equal(store_refresh(store), 0);
        uint8_t last[4] = {0xff, 0xff, 0xff, 0xff};
        int r = store_floor(store, STORE_RECORD, (struct bytes){last, 4}, &key, &value);
        if (r == -ENOENT) continue;
        assert_int_equal(r, 0);
        uint32_t number;
        memcpy(&number, key.data, sizeof number);
        number = __builtin_bswap32(number);
        assert_int_equal(number % 10, 9); /* Whole transactions only. */
        assert_true(number >= seen);
        seen = number;
    }
    assert_int_equal(pthread_join(writer, &result), 0);
    assert_ptr_equal(result, store);
    store_close(store);
}

#define KEYS 700

static void number_key(uint32_t number, uint8_t key[4])
{
    for (int i = 0; i < 4; i++)
        key[i] = (uint8_t)(number >> (24 - 8 * i));
}

/* Gets, floors, puts and deletes in one transaction, in any order, against a plain array: a cursor
 * stands open all the while and must never lead a put astray. */
static void a_transaction_is_a_map(void **state)
{
    (void)state;
    struct store *store = open_store(64u << 20);
    struct prng chance = {.state = 5};
    uint16_t sizes[KEYS] = {0}; /* Of the value; 0: not there. */
    uint8_t value[3000];
    uint8_t key[4];
    struct bytes k, v;

    memset(value, 'v', sizeof value);
    for (int round = 0; round < 5; round++) {
        struct store_txn *txn = begin(store);
        for (int i = 0; i < 4000; i++) {
            const uint32_t number = (uint32_t)prng_below(&chance, KEYS);
            const uint32_t what = (uint32_t)prng_below(&chance, 10);
            number_key(number, key);
            const struct bytes the_key = {key, sizeof key};
            if (what < 3) {
                const int r = store_txn_get(txn, STORE_TALLY, the_key, &v);
                assert_int_equal(r, sizes[number] == 0 ? -ENOENT : 0);
                if (r == 0) assert_int_equal(v.size, sizes[number]);
            } else if (what < 5) {
                int at = (int)number;
                while (at >= 0 && sizes[at] == 0)
                    at--;
                const int r = store_txn_floor(txn, STORE_TALLY, the_key, &k, &v);
                assert_int_equal(r, at < 0 ? -ENOENT : 0);
                if (r != 0) continue;
                number_key((uint32_t)at, key);
                assert_memory_equal(k.data, key, sizeof key);
                assert_int_equal(v.size, sizes[at]);
            } else if (what < 8) {
                sizes[number] = (uint16_t)(1 + prng_below(&chance, i % 50 == 0 ? 3000 : 200));
                assert_int_equal(
                    store_put(txn, STORE_TALLY, the_key, (struct bytes){value, sizes[number]}), 0);
            } else {
                assert_int_equal(store_delete(txn, STORE_TALLY, the_key), 0);
                sizes[number] = 0;
            }
        }
        assert_int_equal(store_commit(txn), 0);
        assert_int_equal(store_refresh(store), 0);
        for (uint32_t number = 0; number < KEYS; number++) {
            number_key(number, key);
            const int r = store_get(store, STORE_TALLY, (struct bytes){key, sizeof key}, &v);
            assert_int_equal(r, sizes[number] == 0 ? -ENOENT : 0);
            if (r == 0) assert_int_equal(v.size, sizes[number]);
        }
    }
    store_close(store);
}

static void clearing_empties_all_tables(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    struct bytes k, v;
    struct store_txn *txn = begin(store);
    for (int table = 0; table < STORE_TABLE_COUNT; table++) {
        for (uint32_t i = 0; i < 500; i++) {
            uint8_t key[4];
            number_key(i, key);
            assert_int_equal(
                store_put(txn, (enum store_table)table, (struct bytes){key, 4}, bytes_of("v")), 0);
        }
    }
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_clear(store), 0);
    for (int reopened = 0; reopened < 2; reopened++) {
        for (int table = 0; table < STORE_TABLE_COUNT; table++) {
            assert_int_equal(store_ceiling(store, (enum store_table)table, bytes_of(""), &k, &v),
                             -ENOENT);
        }
        store_close(store);
        store = open_store(0);
    }
    put(store, "a", "one"); /* And it takes values again. */
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_META, bytes_of("a"), &v), 0);
    store_close(store);
}

/* As stores were before there were tallies: five tables. */
static void make_older_store(void)
{
    static const char *const names[] = {"meta", "record", "id", "mark", "cell"};
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi table;
    MDB_val key = {1, (void *)"a"};
    assert_int_equal(mdb_env_create(&env), 0);
    assert_int_equal(mdb_env_set_maxdbs(env, 5), 0);
    assert_int_equal(mdb_env_open(env, folder, 0, 0640), 0);
    assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(mdb_dbi_open(txn, names[i], MDB_CREATE, &table), 0);
        assert_int_equal(mdb_put(txn, table, &key, &key, 0), 0);
    }
    assert_int_equal(mdb_txn_commit(txn), 0);
    mdb_env_close(env);
}

static void an_older_store_lacks_tables(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct bytes k, v;
    make_older_store();
    assert_int_equal(store_open(folder, true, true, &store), 0); /* To read: they are empty. */
    assert_int_equal(store_get(store, STORE_CELL, bytes_of("a"), &v), 0);
    assert_int_equal(store_get(store, STORE_TALLY, bytes_of("a"), &v), -ENOENT);
    assert_int_equal(store_floor(store, STORE_TALLY, bytes_of("a"), &k, &v), -ENOENT);
    assert_int_equal(store_ceiling(store, STORE_CYCLE, bytes_of("a"), &k, &v), -ENOENT);
    assert_int_equal(store_refresh(store), 0);
    store_close(store);

    store = open_store(0); /* To write: they are made. */
    struct store_txn *txn = begin(store);
    assert_int_equal(store_put(txn, STORE_TALLY, bytes_of("a"), bytes_of("one")), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(store), 0);
    assert_int_equal(store_get(store, STORE_TALLY, bytes_of("a"), &v), 0);
    assert_int_equal(store_get(store, STORE_CELL, bytes_of("a"), &v), 0);
    store_close(store);
}

static void what_is_not_there_or_not_a_store_is_refused(void **state)
{
    (void)state;
    struct store *store = NULL;
    char path[TEMP_FOLDER_SIZE + 16];
    assert_int_equal(store_open(folder, true, true, &store), -ENOENT);
    snprintf(path, sizeof path, "%s/none", folder);
    assert_int_equal(store_open(path, false, true, &store), -ENOENT);
    snprintf(path, sizeof path, "%s/data.mdb", folder);
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 10000; i++)
        fputs("not a store ", file);
    fclose(file);
    assert_int_equal(store_open(folder, false, true, &store), -EUCLEAN);
    assert_null(store);
}

/* More free pages than a list within a page can name: it has pages of its own, and is walked. */
static void a_long_list_of_free_pages_is_walked(void **state)
{
    (void)state;
    struct store *store = open_store(0);
    assert_int_equal(write_rows(store, 0, 8000), 0);
    assert_int_equal(store_clear(store), 0);
    store_close(store);
    struct lmdb_pages pages;
    struct problem problem;
    assert_int_equal(store_check(folder, &pages, &problem), 0);
    assert_in_range(pages.free, 2000, pages.pages); /* Three rows to a page. */
    assert_in_range(pages.trees, 1, 100);
}

/* What the system says about reading the pages is told with the file's name. */
static void pages_that_cannot_be_read(void **state)
{
    (void)state;
    struct lmdb_pages pages;
    struct problem problem;
    char path[TEMP_FOLDER_SIZE + 32];
    store_close(open_store(0));
    snprintf(path, sizeof path, "%s/data.mdb/under-a-file", folder);
    assert_int_equal(lmdb_pages_check(path, NULL, 0, &pages, &problem), -ENOTDIR);
    assert_non_null(strstr(problem.text, "under-a-file: cannot open: Not a directory"));
    snprintf(path, sizeof path, "%s/lmdb", folder);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 100; i++) { /* A folder that is as long as a file on any file system. */
        snprintf(path, sizeof path, "%s/lmdb/%d", folder, i);
        assert_int_equal(mkdir(path, 0700), 0);
    }
    snprintf(path, sizeof path, "%s/lmdb", folder);
    assert_int_equal(lmdb_pages_check(path, NULL, 0, &pages, &problem), -EISDIR);
    assert_non_null(strstr(problem.text, "/lmdb, offset 0: cannot read: Is a directory"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_commit_is_seen_after_refresh_and_after_reopening),
        TEST(borrowed_values_stay_until_refresh),
        TEST(an_abort_leaves_nothing),
        TEST(floor_and_ceiling_know_the_edges),
        TEST(keys_have_a_size_and_appends_an_order),
        TEST(the_map_grows_when_asked),
        TEST(asking_for_the_same_again_still_grows),
        TEST(reads_go_on_after_the_map_was_full),
        TEST(a_transaction_sees_what_it_wrote),
        TEST(a_transaction_is_a_map),
        TEST(clearing_empties_all_tables),
        TEST(an_older_store_lacks_tables),
        TEST(calm_or_not_a_commit_is_a_commit),
        TEST(one_thread_reads_while_another_writes),
        TEST(what_is_not_there_or_not_a_store_is_refused),
        TEST(a_long_list_of_free_pages_is_walked),
        TEST(pages_that_cannot_be_read),
    };
    return cmocka_run_group_tests_name("world/lmdb_store", tests, NULL, NULL);
}
