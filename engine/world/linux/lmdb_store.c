/* lmdb_store -- see lmdb_store.h.
 *
 * The reader keeps one read transaction, renewed by store_refresh(), and one cursor a table on it:
 * a look-up opens nothing. MDB_NOTLS ties that transaction to this struct and not to a thread.
 *
 * Between reader's and writer's thread only LMDB's own structures and two atomics are shared. */
#include "world/linux/lmdb_store.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "types/ensure.h"
#include "world/linux/crash_point.h"
#include "world/linux/files.h"
#include "world/linux/layout.h"
#include "world/linux/timings.h"

#define STORE_KEY_MAX 511
/* Address space only. When the map grows the kernel takes all of its pages away at once and gives
 * them back one by one, in the loop's time: it begins so large that this is seldom. */
#define STORE_MAP_FIRST (UINT64_C(16) << 30)
#define STORE_FILE_MODE 0640

static const char *const table_names[STORE_TABLE_COUNT] = {
    [STORE_META] = "meta",   [STORE_RECORD] = "record", [STORE_ID] = "id",
    [STORE_MARK] = "mark",   [STORE_CELL] = "cell",     [STORE_TALLY] = "tally",
    [STORE_CYCLE] = "cycle", [STORE_SHELF] = "shelf",   [STORE_PERSON] = "person",
};

struct store_txn {
    struct store *store;
    MDB_txn *txn;
    MDB_cursor *cursors[STORE_TABLE_COUNT]; /* Opened when asked for; LMDB's after the end. */
    int failed; /* 0, or the first error: LMDB cannot go on after it, and neither may we. */
};

struct store {
    MDB_env *env;
    MDB_dbi tables[STORE_TABLE_COUNT];
    bool missing[STORE_TABLE_COUNT]; /* An older store, opened to read, has not got it: empty. */
    MDB_txn *read;
    MDB_cursor *cursors[STORE_TABLE_COUNT]; /* NULL: the table is missing. */
    bool reading;                           /* `read` is live; false after a refresh that failed. */
    uint64_t map_bytes;
    int at_once;     /* Two ways to the file, store_write_calmly(); -1: there is only LMDB's own. */
    int by_portions; /* Each write is synced by itself. */
    struct store_txn write; /* There is at most one. */
    uint64_t commit_ns;     /* Of the last one, the writer's. */
    atomic_bool writing;
    atomic_bool filled; /* A write met the end of the map: the next reserve must grow it. */
};

static int error_of(int code)
{
    switch (code) {
    case MDB_SUCCESS:
        return 0;
    case MDB_NOTFOUND:
        return -ENOENT;
    case MDB_MAP_FULL:
        return -ENOSPC;
    case MDB_KEYEXIST:
        return -EEXIST;
    case MDB_BAD_VALSIZE:
        return -EINVAL;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
        return -EUCLEAN;
    default:
        return code > 0 ? -code : -EIO;
    }
}

static MDB_val val_of(struct bytes bytes)
{
    return (MDB_val){.mv_size = bytes.size, .mv_data = (void *)(uintptr_t)bytes.data};
}

static struct bytes bytes_of_val(const MDB_val *val)
{
    return (struct bytes){val->mv_data, val->mv_size};
}

/* ---- before opening ------------------------------------------------------------------------ */

#define STORE_PATH_MAX (LAYOUT_PATH_MAX + 32)

/* As LMDB names the file. */
static void data_path(const char *folder, char ret_path[STORE_PATH_MAX])
{
    snprintf(ret_path, STORE_PATH_MAX, "%s/data.mdb", folder);
}

int store_check(const char *folder, struct lmdb_pages *ret_pages, struct problem *problem)
{
    char path[STORE_PATH_MAX];
    data_path(folder, path);
    return lmdb_pages_check(path, table_names, STORE_TABLE_COUNT, ret_pages, problem);
}

int store_set_aside(const char *folder)
{
    char path[STORE_PATH_MAX], aside[STORE_PATH_MAX];
    data_path(folder, path);
    snprintf(aside, sizeof aside, "%s/data.mdb.damaged", folder);
    return rename(path, aside) != 0 ? -errno : folder_sync(folder);
}

/* ---- opening ------------------------------------------------------------------------------- */

static uint64_t used_bytes(MDB_env *env)
{
    MDB_envinfo info;
    MDB_stat stat;
    ENSURE(mdb_env_info(env, &info) == 0);
    ENSURE(mdb_env_stat(env, &stat) == 0);
    return (uint64_t)(info.me_last_pgno + 1) * stat.ms_psize;
}

static int set_map(struct store *store, uint64_t bytes)
{
    bytes = (bytes + 0xffff) & ~UINT64_C(0xffff); /* Whole pages on every machine. */
    int r = mdb_env_set_mapsize(store->env, bytes);
    if (r != 0) return error_of(r);
    store->map_bytes = bytes;
    return 0;
}

/* Without them commits are as LMDB makes them. */
static void open_ways(struct store *store, const char *folder)
{
    char path[STORE_PATH_MAX];
    int file = -1;
    if (mdb_env_get_fd(store->env, &file) != 0) return;
    data_path(folder, path);
    store->at_once = fcntl(file, F_DUPFD_CLOEXEC, 0);
    store->by_portions = open(path, O_RDWR | O_DSYNC | O_CLOEXEC);
}

static void close_ways(const struct store *store)
{
    if (store->at_once >= 0) (void)close(store->at_once);
    if (store->by_portions >= 0) (void)close(store->by_portions);
}

static int open_tables(struct store *store, bool read_only)
{
    MDB_txn *txn;
    int r = mdb_txn_begin(store->env, NULL, read_only ? MDB_RDONLY : 0, &txn);
    if (r != 0) return error_of(r);
    for (int i = 0; i < STORE_TABLE_COUNT && r == 0; i++) {
        r = mdb_dbi_open(txn, table_names[i], read_only ? 0 : MDB_CREATE, &store->tables[i]);
        store->missing[i] = read_only && r == MDB_NOTFOUND;
        if (store->missing[i]) r = 0;
    }
    if (r != 0) {
        mdb_txn_abort(txn);
        return error_of(r);
    }
    return error_of(mdb_txn_commit(txn)); /* Also keeps the handles of a reading one. */
}

static int open_reads(struct store *store)
{
    int r = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->read);
    if (r != 0) return error_of(r);
    store->reading = true;
    for (int i = 0; i < STORE_TABLE_COUNT && r == 0; i++) {
        if (store->missing[i]) continue;
        r = mdb_cursor_open(store->read, store->tables[i], &store->cursors[i]);
    }
    return error_of(r); /* What was opened is store_close()'s. */
}

static int open_env(struct store *store, const char *folder, bool read_only, bool sync,
                    uint64_t map_bytes)
{
    int r = mdb_env_create(&store->env);
    if (r != 0) return error_of(r);
    r = mdb_env_set_maxdbs(store->env, STORE_TABLE_COUNT);
    if (r != 0) return error_of(r);
    r = set_map(store, map_bytes == 0 ? STORE_MAP_FIRST : map_bytes);
    if (r != 0) return r;
    unsigned flags = MDB_NOTLS;
    if (read_only) flags |= MDB_RDONLY;
    if (!sync) flags |= MDB_NOSYNC;
    r = mdb_env_open(store->env, folder, flags, STORE_FILE_MODE);
    if (r != 0) return error_of(r);

    uint64_t wanted = 4 * used_bytes(store->env);
    if (map_bytes == 0 && wanted > store->map_bytes) return set_map(store, wanted);
    return 0;
}

int store_open_sized(const char *folder, bool read_only, bool sync, uint64_t map_bytes,
                     struct store **ret_store)
{
    struct store *store = calloc(1, sizeof *store);
    if (store == NULL) return -ENOMEM;
    store->at_once = store->by_portions = -1;
    int r = open_env(store, folder, read_only, sync, map_bytes);
    if (r != 0) goto close;
    if (sync && !read_only) open_ways(store, folder);
    r = open_tables(store, read_only);
    if (r != 0) goto close;
    r = open_reads(store);
    if (r != 0) goto close;
    *ret_store = store;
    return 0;

close:
    store_close(store);
    return r;
}

int store_open(const char *folder, bool read_only, bool sync, struct store **ret_store)
{
    return store_open_sized(folder, read_only, sync, 0, ret_store);
}

void store_close(struct store *store)
{
    if (store == NULL) return;
    ENSURE(!atomic_load(&store->writing));
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        if (store->cursors[i] != NULL) mdb_cursor_close(store->cursors[i]);
    }
    if (store->read != NULL) mdb_txn_abort(store->read);
    if (store->env != NULL) mdb_env_close(store->env);
    close_ways(store);
    free(store);
}

uint64_t store_bytes(struct store *store)
{
    return used_bytes(store->env);
}

/* ---- reading ------------------------------------------------------------------------------- */

static void stop_reads(struct store *store)
{
    if (!store->reading) return;
    mdb_txn_reset(store->read);
    store->reading = false;
}

int store_refresh(struct store *store)
{
    stop_reads(store);
    int r = mdb_txn_renew(store->read);
    if (r != 0) return error_of(r);
    store->reading = true;
    for (int i = 0; i < STORE_TABLE_COUNT; i++) {
        if (store->cursors[i] == NULL) continue;
        r = mdb_cursor_renew(store->read, store->cursors[i]);
        if (r != 0) {
            stop_reads(store);
            return error_of(r);
        }
    }
    return 0;
}

static int get(MDB_cursor *cursor, struct bytes key, struct bytes *ret_value)
{
    if (key.size == 0 || key.size > STORE_KEY_MAX) return -EINVAL;
    MDB_val k = val_of(key), v;
    int r = mdb_cursor_get(cursor, &k, &v, MDB_SET);
    if (r != 0) return error_of(r);
    *ret_value = bytes_of_val(&v);
    return 0;
}

int store_get(struct store *store, enum store_table table, struct bytes key,
              struct bytes *ret_value)
{
    if (!store->reading) return -EIO;
    if (store->cursors[table] == NULL) return -ENOENT;
    return get(store->cursors[table], key, ret_value);
}

static int find_floor(MDB_cursor *cursor, struct bytes key, struct bytes *ret_key,
                      struct bytes *ret_value)
{
    if (key.size == 0) return -ENOENT; /* Less than every key there can be. */
    MDB_val k = val_of(key), v;
    int r = mdb_cursor_get(cursor, &k, &v, MDB_SET_RANGE);
    if (r == 0 && !bytes_equal(bytes_of_val(&k), key))
        r = mdb_cursor_get(cursor, &k, &v, MDB_PREV);
    else if (r == MDB_NOTFOUND)
        r = mdb_cursor_get(cursor, &k, &v, MDB_LAST);
    if (r != 0) return error_of(r);
    *ret_key = bytes_of_val(&k);
    *ret_value = bytes_of_val(&v);
    return 0;
}

int store_floor(struct store *store, enum store_table table, struct bytes key,
                struct bytes *ret_key, struct bytes *ret_value)
{
    if (!store->reading) return -EIO;
    if (store->cursors[table] == NULL) return -ENOENT;
    return find_floor(store->cursors[table], key, ret_key, ret_value);
}

static int find_ceiling(MDB_cursor *cursor, struct bytes key, struct bytes *ret_key,
                        struct bytes *ret_value)
{
    MDB_val k = val_of(key), v;
    int r = mdb_cursor_get(cursor, &k, &v, key.size == 0 ? MDB_FIRST : MDB_SET_RANGE);
    if (r != 0) return error_of(r);
    *ret_key = bytes_of_val(&k);
    *ret_value = bytes_of_val(&v);
    return 0;
}

int store_ceiling(struct store *store, enum store_table table, struct bytes key,
                  struct bytes *ret_key, struct bytes *ret_value)
{
    if (!store->reading) return -EIO;
    if (store->cursors[table] == NULL) return -ENOENT;
    return find_ceiling(store->cursors[table], key, ret_key, ret_value);
}

int store_reserve(struct store *store, size_t bytes)
{
    ENSURE(!atomic_load(&store->writing));
    /* Copy-on-write pages and splits: a merge can touch several times what it adds. Address space
     * costs nothing, so the map at least doubles when it grows. */
    uint64_t used = used_bytes(store->env);
    uint64_t wanted;
    if (__builtin_mul_overflow((uint64_t)bytes, 3, &wanted)) return -ENOMEM;
    if (__builtin_add_overflow(wanted, used, &wanted)) return -ENOMEM;
    if (wanted > UINT64_MAX / 4) return -ENOMEM;
    bool filled = atomic_load(&store->filled);
    if (wanted <= store->map_bytes && !filled) return 0;
    if (wanted < 2 * store->map_bytes) wanted = 2 * store->map_bytes;

    /* LMDB moves the map: nobody may look into it meanwhile. */
    stop_reads(store);
    int r = set_map(store, wanted);
    if (r == 0) atomic_store(&store->filled, false);
    int renewed = store_refresh(store);
    return r != 0 ? r : renewed;
}

/* ---- writing ------------------------------------------------------------------------------- */

int store_begin(struct store *store, struct store_txn **ret_txn)
{
    ENSURE(!atomic_load(&store->writing));
    MDB_txn *txn;
    int r = mdb_txn_begin(store->env, NULL, 0, &txn);
    if (r != 0) return error_of(r);
    store->write = (struct store_txn){.store = store, .txn = txn};
    store->commit_ns = 0;
    atomic_store(&store->writing, true);
    *ret_txn = &store->write;
    return 0;
}

/* Remembers the first error, and that the map is too small. */
static int note(struct store_txn *txn, int code)
{
    int r = error_of(code);
    if (code == MDB_MAP_FULL) atomic_store(&txn->store->filled, true);
    if (r != 0 && txn->failed == 0) txn->failed = r;
    return r;
}

/* 0 once the table's cursor is open. */
static int open_cursor(struct store_txn *txn, enum store_table table)
{
    if (txn->failed != 0) return txn->failed;
    if (txn->cursors[table] != NULL) return 0;
    return note(txn, mdb_cursor_open(txn->txn, txn->store->tables[table], &txn->cursors[table]));
}

static int put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value,
               unsigned flags)
{
    if (key.size == 0 || key.size > STORE_KEY_MAX) return -EINVAL;
    const int r = open_cursor(txn, table); /* It is near the place, when keys ascend. */
    if (r != 0) return r;
    MDB_val k = val_of(key), v = val_of(value);
    return note(txn, mdb_cursor_put(txn->cursors[table], &k, &v, flags));
}

int store_put(struct store_txn *txn, enum store_table table, struct bytes key, struct bytes value)
{
    return put(txn, table, key, value, 0);
}

int store_append(struct store_txn *txn, enum store_table table, struct bytes key,
                 struct bytes value)
{
    return put(txn, table, key, value, MDB_APPEND);
}

int store_txn_get(struct store_txn *txn, enum store_table table, struct bytes key,
                  struct bytes *ret_value)
{
    const int r = open_cursor(txn, table);
    return r != 0 ? r : get(txn->cursors[table], key, ret_value);
}

int store_txn_floor(struct store_txn *txn, enum store_table table, struct bytes key,
                    struct bytes *ret_key, struct bytes *ret_value)
{
    const int r = open_cursor(txn, table);
    return r != 0 ? r : find_floor(txn->cursors[table], key, ret_key, ret_value);
}

int store_txn_ceiling(struct store_txn *txn, enum store_table table, struct bytes key,
                      struct bytes *ret_key, struct bytes *ret_value)
{
    const int r = open_cursor(txn, table);
    return r != 0 ? r : find_ceiling(txn->cursors[table], key, ret_key, ret_value);
}

int store_delete(struct store_txn *txn, enum store_table table, struct bytes key)
{
    if (txn->failed != 0) return txn->failed;
    if (key.size == 0 || key.size > STORE_KEY_MAX) return -EINVAL;
    if (txn->cursors[table] != NULL) { /* Its place may be gone: a put must not begin there. */
        mdb_cursor_close(txn->cursors[table]);
        txn->cursors[table] = NULL;
    }
    MDB_val k = val_of(key);
    int r = mdb_del(txn->txn, txn->store->tables[table], &k, NULL);
    return r == MDB_NOTFOUND ? 0 : note(txn, r);
}

int store_commit(struct store_txn *txn)
{
    int failed = txn->failed;
    if (failed != 0) {
        /* Half a merge must not become the state, whoever forgot to look (B1). */
        store_abort(txn);
        return failed;
    }
    crash_point("commit-begins");
    const uint64_t begun_ns = timings_clock();
    int r = note(txn, mdb_txn_commit(txn->txn)); /* Frees it even when it fails. */
    txn->store->commit_ns = timings_clock() - begun_ns;
    crash_point("committed");
    atomic_store(&txn->store->writing, false);
    return r;
}

/* Under the number that LMDB writes to. */
void store_write_calmly(struct store *store, bool calmly)
{
    int file = -1;
    ENSURE(!atomic_load(&store->writing));
    if (store->at_once < 0 || store->by_portions < 0) return;
    if (mdb_env_get_fd(store->env, &file) != 0) return;
    (void)dup3(calmly ? store->by_portions : store->at_once, file, O_CLOEXEC);
}

uint64_t store_commit_ns(const struct store *store)
{
    return store->commit_ns;
}

void store_abort(struct store_txn *txn)
{
    mdb_txn_abort(txn->txn);
    atomic_store(&txn->store->writing, false);
}

int store_clear(struct store *store)
{
    struct store_txn *txn = NULL;
    /* Freed pages are listed, 8 bytes a page. */
    int r = store_reserve(store, used_bytes(store->env) / 256 + (1u << 20));
    if (r == 0) r = store_begin(store, &txn);
    if (txn == NULL) return r;
    for (int i = 0; i < STORE_TABLE_COUNT && r == 0; i++)
        r = note(txn, mdb_drop(txn->txn, store->tables[i], 0));
    const int committed = store_commit(txn);
    if (r == 0) r = committed;
    return r != 0 ? r : store_refresh(store);
}
