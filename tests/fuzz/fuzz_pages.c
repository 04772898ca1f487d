/* Fuzz: a store's LMDB file with bytes of it changed as the input says, three for where (a page of
 * the file and a byte in it) and one for what. The walker never leaves the file and always ends;
 * what it calls sound LMDB can read from end to end, both ways, and write to, without a crash. That
 * LMDB then finds what was put is not asked: values have no sums (docs/reliability.md). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/world/temp_folder.h"
#include "types/ensure.h"
#include "util/le.h"
#include "world/linux/lmdb_store.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PAGE      4096u
#define FILE_MAX  (256u * PAGE)
#define CHANGES   64u
#define READS_MAX 100000

static char dir[TEMP_FOLDER_SIZE];
static uint8_t *sound; /* The file as it was made. */
static size_t sound_size;

static void remove_dir(void)
{
    temp_folder_remove(dir);
    free(sound);
}

static void fill(struct store_txn *txn, enum store_table table, uint32_t rows, size_t value_size)
{
    static const uint8_t value[16000] = {1, 2, 3};
    for (uint32_t i = 0; i < rows; i++) {
        uint8_t key[8];
        be_store64(key, i * 3 + 1);
        ENSURE(store_put(txn, table, (struct bytes){key, sizeof key},
                         (struct bytes){value, value_size}) == 0);
    }
}

/* Trees of one level and of two, values with pages of their own, and pages that were freed. */
static void make_store(void)
{
    struct store *store;
    struct store_txn *txn;
    if (sound != NULL) return;
    temp_folder_make(dir);
    atexit(remove_dir);
    ENSURE(store_open(dir, false, false, &store) == 0);
    for (int round = 0; round < 3; round++) {
        ENSURE(store_begin(store, &txn) == 0);
        fill(txn, STORE_META, 1, 104);
        fill(txn, STORE_CELL, 40, 320);
        fill(txn, STORE_RECORD, 4, 16000);
        fill(txn, STORE_MARK, 300, 24);
        fill(txn, STORE_CYCLE, 5, 0);
        ENSURE(store_commit(txn) == 0);
    }
    store_close(store);
    char path[TEMP_FOLDER_SIZE + 16];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    const int fd = open(path, O_RDONLY);
    sound = malloc(FILE_MAX);
    ENSURE(fd >= 0);
    ENSURE(sound != NULL);
    sound_size = (size_t)read(fd, sound, FILE_MAX);
    ENSURE(sound_size > 2 * PAGE);
    ENSURE(sound_size < FILE_MAX);
    close(fd);
}

static void write_store(const uint8_t *bytes)
{
    char path[TEMP_FOLDER_SIZE + 16];
    snprintf(path, sizeof path, "%s/data.mdb", dir);
    const int fd = open(path, O_WRONLY | O_TRUNC);
    ENSURE(fd >= 0);
    ENSURE(write(fd, bytes, sound_size) == (ssize_t)sound_size);
    close(fd);
}

static uint64_t read_value(struct bytes value)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < value.size; i += 512)
        sum += value.data[i];
    return value.size == 0 ? sum : sum + value.data[value.size - 1];
}

static volatile uint64_t sum; /* Of what was read, so that it is read. */

static void read_table(struct store *store, enum store_table table)
{
    uint8_t room[512];
    struct bytes from = {room, 0}, key, value;
    uint32_t rows = 0;
    while (store_ceiling(store, table, from, &key, &value) == 0) {
        ENSURE(rows++ < READS_MAX); /* Keys ascend, so it ends. */
        ENSURE(key.size < sizeof room);
        sum += read_value(value);
        memcpy(room, key.data, key.size);
        room[key.size] = 0;
        from.size = key.size + 1;
    }
    if (from.size != 0 && store_floor(store, table, from, &key, &value) == 0)
        sum += read_value(value);
}

static void use_store(void)
{
    struct store *store;
    struct store_txn *txn;
    ENSURE(store_open(dir, false, false, &store) == 0);
    for (int table = 0; table < STORE_TABLE_COUNT; table++)
        read_table(store, (enum store_table)table);
    ENSURE(store_begin(store, &txn) == 0);
    fill(txn, STORE_CELL, 50, 320);
    fill(txn, STORE_RECORD, 6, 9000);
    ENSURE(store_commit(txn) == 0);
    ENSURE(store_refresh(store) == 0);
    read_table(store, STORE_CELL);
    store_close(store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct lmdb_pages pages;
    struct problem problem = {{0}};
    make_store();
    uint8_t *bytes = malloc(sound_size);
    ENSURE(bytes != NULL);
    memcpy(bytes, sound, sound_size);
    for (size_t i = 0; i + 4 <= size && i < 4 * CHANGES; i += 4) {
        const size_t page = data[i] % (sound_size / PAGE);
        bytes[page * PAGE + le_load16(data + i + 1) % PAGE] = data[i + 3];
    }
    write_store(bytes);
    const int r = store_check(dir, &pages, &problem);
    if (r == 0) {
        ENSURE(pages.pages <= sound_size / PAGE + 1024);
        use_store();
    } else {
        ENSURE(r == -EUCLEAN);
        ENSURE(strstr(problem.text, "data.mdb") != NULL);
    }
    free(bytes);
    return 0;
}
