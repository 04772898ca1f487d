/* test_backup -- copies of a store's journal: only what is durable and follows, every flipped bit
 * found, every failure of the disk harmless; and stores out of copies. The journals are written by
 * hand here, so that each lie can be told. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codec/mail.h"
#include "journal/entry.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "tools/backup/consistent.h"
#include "tools/backup/restore.h"
#include "types/wire.h"
#include "util/le.h"
#include "wallet/ops.h"
#include "world/world.h"

#define SHARDS       2
#define SEGMENT_PART (64 * 1024) /* Bytes of a segment file here. */
#define NINE         INT64_C(1743814800000)

/* -- the disk, as the code under test sees it ---------------------------------------------------
 */

#define DIRTY_MAX 64

static struct {
    ino_t dirty[DIRTY_MAX]; /* Files written and not synced. */
    size_t dirty_count;
    bool named_unsynced; /* A run got its name while something was not synced. */
    uint64_t calls;      /* Writes and syncs so far; */
    uint64_t fail_at;    /* this one fails; 0: none. */
    int error;
} disk;

static bool fails(void)
{
    return ++disk.calls == disk.fail_at;
}

static ino_t file_of(int fd)
{
    struct stat status;
    return syscall(SYS_fstat, fd, &status) == 0 ? status.st_ino : 0;
}

static void wrote(int fd)
{
    const ino_t file = file_of(fd);
    for (size_t i = 0; i < disk.dirty_count; i++) {
        if (disk.dirty[i] == file) return;
    }
    if (disk.dirty_count < DIRTY_MAX) disk.dirty[disk.dirty_count++] = file;
}

static void synced(int fd)
{
    const ino_t file = file_of(fd);
    for (size_t i = 0; i < disk.dirty_count; i++) {
        if (disk.dirty[i] == file) disk.dirty[i--] = disk.dirty[--disk.dirty_count];
    }
}

static int failed(void)
{
    errno = disk.error;
    return -1;
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (fails()) return failed();
    wrote(fd);
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (fd > 2 && fails()) return failed();
    if (fd > 2) wrote(fd);
    return syscall(SYS_write, fd, data, size);
}

int fdatasync(int fd)
{
    if (fails()) return failed();
    synced(fd);
    return 0;
}

int fsync(int fd)
{
    if (fails()) return failed();
    synced(fd);
    return 0;
}

int rename(const char *from, const char *to)
{
    if (fails()) return failed();
    if (strstr(to, "/run-") != NULL && disk.dirty_count != 0) disk.named_unsynced = true;
    return (int)syscall(SYS_rename, from, to);
}

static void disk_reset(void)
{
    memset(&disk, 0, sizeof disk);
}

/* -- a store, written by hand -------------------------------------------------------------------
 */

struct journal {
    uint32_t shard;
    struct journal_position at;
    uint32_t body; /* Bytes of an entry's body. */
    int64_t stamp_ms;
};

struct town {
    char root[TEMP_FOLDER_SIZE];
    char data[128], backup[128], restored[128];
    struct layout layout;
    struct journal journals[SHARDS];
};

static uint8_t block_bytes[BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX];

static void put_bytes(const char *path, const void *data, size_t size, uint64_t offset)
{
    const int fd = open(path, O_WRONLY | O_CREAT, 0640);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SEGMENT_PART), 0);
    assert_int_equal(syscall(SYS_pwrite64, fd, data, size, offset), size);
    close(fd);
}

/* The place of the next block; a segment's head is written with its first one. */
static void find_room(const struct town *town, struct journal *journal, size_t size)
{
    char folder[LAYOUT_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    uint8_t page[SEGMENT_HEAD_SIZE];
    layout_journal_path(&town->layout, journal->shard, folder);
    if (journal->at.offset + size > SEGMENT_PART) {
        journal->at.segment++;
        journal->at.offset = 0;
    }
    if (journal->at.offset != 0) return;
    struct segment_head head = {.shard = journal->shard,
                                .segment = journal->at.segment,
                                .first_block = journal->at.next_block};
    memcpy(head.store_id, town->layout.store_id, STORE_ID_SIZE);
    segment_head_encode(&head, page);
    segment_path(folder, journal->at.segment, path);
    put_bytes(path, page, sizeof page, 0);
    journal->at.offset = SEGMENT_HEAD_SIZE;
}

/* A block of so many adjustments, one second after the one before. */
static void add_block(const struct town *town, struct journal *journal, uint32_t count)
{
    char folder[LAYOUT_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    static uint8_t body[ENTRY_BODY_MAX];
    size_t used = BLOCK_HEAD_SIZE;
    journal->stamp_ms += 1000;
    for (uint32_t i = 0; i < count; i++) {
        memset(body, (int)(journal->at.next_seq + i), sizeof body);
        const struct entry entry = {.seq = journal->at.next_seq + i,
                                    .stamp_ms = journal->stamp_ms,
                                    .kind = ENTRY_ADJUSTMENT,
                                    .body = {body, journal->body}};
        entry_encode(&entry, block_bytes + used);
        used += entry_size(journal->body);
    }
    struct block block = {.shard = journal->shard,
                          .epoch = 1,
                          .number = journal->at.next_block,
                          .first_seq = journal->at.next_seq,
                          .entry_count = count,
                          .payload = {block_bytes + BLOCK_HEAD_SIZE, used - BLOCK_HEAD_SIZE}};
    const size_t size = block_size_on_disk(block.payload.size);
    memcpy(block.store_id, town->layout.store_id, STORE_ID_SIZE);
    find_room(town, journal, size);
    memcpy(block.previous, journal->at.previous, BLOCK_HASH_SIZE);
    block_seal(&block, block_bytes, journal->at.previous);
    layout_journal_path(&town->layout, journal->shard, folder);
    segment_path(folder, journal->at.segment, path);
    put_bytes(path, block_bytes, size, journal->at.offset);
    journal->at.offset += size;
    journal->at.next_block++;
    journal->at.next_seq += count;
}

static int setup(void **state)
{
    struct town *town = calloc(1, sizeof *town);
    const struct layout_file table = {"areas.csv", bytes_of("a,b\n1,2\n")};
    temp_folder_make(town->root);
    snprintf(town->data, sizeof town->data, "%s/data", town->root);
    snprintf(town->backup, sizeof town->backup, "%s/backup", town->root);
    snprintf(town->restored, sizeof town->restored, "%s/restored", town->root);
    disk_reset();
    assert_int_equal(layout_create(town->data, SHARDS, NINE, &table, 1, NULL), 0);
    assert_int_equal(layout_open(town->data, &town->layout, NULL), 0);
    for (uint32_t s = 0; s < SHARDS; s++) {
        struct journal_folder folder = {.shard = s};
        struct journal *journal = &town->journals[s];
        *journal = (struct journal){.shard = s, .body = 100, .stamp_ms = NINE};
        memcpy(folder.store_id, town->layout.store_id, STORE_ID_SIZE);
        journal_start(&folder, &journal->at);
    }
    *state = town;
    disk_reset();
    return 0;
}

static int teardown(void **state)
{
    struct town *town = *state;
    temp_folder_remove(town->root);
    free(town);
    return 0;
}

static struct backup_engine engine_of(const struct town *town)
{
    struct backup_engine engine = {.now_ms = NINE + 3600 * 1000};
    for (uint32_t s = 0; s < SHARDS; s++)
        engine.durable_seq[s] = town->journals[s].at.next_seq - 1;
    return engine;
}

static struct backup_result result;
static struct problem problem;

static int run_with(const struct town *town, const struct backup_engine *engine)
{
    return backup_run(&town->layout, engine, NINE, town->backup, (struct backup_progress){0},
                      &result, &problem);
}

static int run(const struct town *town)
{
    const struct backup_engine engine = engine_of(town);
    return run_with(town, &engine);
}

static int check(const struct town *town)
{
    static struct manifest newest;
    return backup_check(town->backup, (struct backup_progress){0}, &newest, &problem);
}

/* -- copying ------------------------------------------------------------------------------------
 */

static void test_only_what_is_new(void **state)
{
    struct town *town = *state;
    for (int i = 0; i < 12; i++) {
        town->journals[0].body = 1000; /* So that a segment is full after a few. */
        add_block(town, &town->journals[0], 5);
    }
    add_block(town, &town->journals[1], 3);
    assert_int_equal(run(town), 0);
    assert_int_equal(result.new_blocks, 13);
    assert_int_equal(result.new_entries, 63);
    assert_true(result.after.shard[0].end.segment > 1);
    assert_int_equal(check(town), 0);

    add_block(town, &town->journals[1], 2);
    assert_int_equal(run(town), 0);
    assert_int_equal(result.new_blocks, 1);
    assert_int_equal(result.new_entries, 2);
    assert_int_equal(result.after.run, 2);
    assert_int_equal(check(town), 0);
    assert_int_equal(run(town), 0);
    assert_int_equal(result.new_bytes, 0);
    assert_int_equal(check(town), 0);
}

/* The newest block stands on the disk and is sound; the engine does not say that it is durable. */
static void test_what_may_be_lost_is_not_taken(void **state)
{
    struct town *town = *state;
    for (int i = 0; i < 3; i++)
        add_block(town, &town->journals[0], 2);
    struct backup_engine engine = engine_of(town);
    engine.durable_seq[0] -= 2;
    assert_int_equal(run_with(town, &engine), 0);
    assert_int_equal(result.after.shard[0].end.next_seq - 1, 4);

    /* The power is cut, and another block is written under that number. */
    town->journals[0].at = result.after.shard[0].end;
    add_block(town, &town->journals[0], 5);
    assert_int_equal(run(town), 0);
    assert_int_equal(result.after.shard[0].end.next_seq - 1, 9);
    assert_int_equal(check(town), 0);
}

static void test_a_block_that_does_not_follow(void **state)
{
    struct town *town = *state;
    add_block(town, &town->journals[0], 2);
    assert_int_equal(run(town), 0);
    town->journals[0].at.previous[7] ^= 1; /* Every sum of the next block is right. */
    add_block(town, &town->journals[0], 2);
    add_block(town, &town->journals[0], 2);
    assert_int_equal(run(town), -EUCLEAN);
    assert_non_null(strstr(problem.text, "hash chain"));
    assert_int_equal(check(town), 0);
}

static void test_damage_in_the_store(void **state)
{
    struct town *town = *state;
    char folder[LAYOUT_PATH_MAX];
    char path[SEGMENT_PATH_MAX];
    for (int i = 0; i < 3; i++)
        add_block(town, &town->journals[1], 2);
    layout_journal_path(&town->layout, 1, folder);
    segment_path(folder, 1, path);
    put_bytes(path, "x", 1, SEGMENT_HEAD_SIZE + BLOCK_ALIGN + 300);
    assert_int_equal(run(town), -EUCLEAN);
    assert_non_null(strstr(problem.text, "offset 8192"));
    assert_int_equal(check(town), -ENOENT); /* There is none yet. */
}

static void test_another_or_older_store(void **state)
{
    struct town *town = *state;
    add_block(town, &town->journals[0], 2);
    assert_int_equal(run(town), 0);
    struct backup_engine engine = engine_of(town);
    engine.durable_seq[0]--;
    assert_int_equal(run_with(town, &engine), -EUCLEAN);
    assert_non_null(strstr(problem.text, "older copy"));
    town->layout.store_id[0] ^= 1;
    assert_int_equal(run(town), -EUCLEAN);
    assert_non_null(strstr(problem.text, "another store"));
}

/* -- the order of writes and syncs --------------------------------------------------------------
 */

static void test_a_run_vouches_for_what_is_synced(void **state)
{
    struct town *town = *state;
    for (int round = 0; round < 2; round++) {
        for (uint32_t s = 0; s < SHARDS; s++)
            add_block(town, &town->journals[s], 4);
        disk_reset();
        assert_int_equal(run(town), 0);
        assert_false(disk.named_unsynced);
        assert_true(disk.calls > 4);
    }
}

/* Each write, sync and rename of a run fails once; each time the backup is what it was, and the
 * next run completes it. */
static void test_every_failure_of_the_disk(void **state)
{
    struct town *town = *state;
    for (uint32_t s = 0; s < SHARDS; s++)
        add_block(town, &town->journals[s], 4);
    assert_int_equal(run(town), 0);
    const uint32_t before = result.after.run;
    town->journals[0].body = 1000;
    for (int i = 0; i < 20; i++)
        add_block(town, &town->journals[0], 5);
    add_block(town, &town->journals[1], 3);

    uint64_t n = 0;
    int r;
    do {
        disk_reset();
        disk.fail_at = ++n;
        disk.error = n % 2 == 0 ? EIO : ENOSPC;
        r = run(town);
        const bool reached = disk.calls >= n;
        disk_reset();
        if (!reached) break;
        assert_int_equal(check(town), 0);
        /* A run with its name counts, although the sync of the name failed and it said so. */
        assert_int_equal(r, n % 2 == 0 ? -EIO : -ENOSPC);
    } while (n < 1000);
    assert_true(n > 6);
    assert_int_equal(r, 0);
    assert_true(result.after.run > before);
    assert_int_equal(check(town), 0);
    assert_int_equal(result.after.shard[0].end.next_seq, town->journals[0].at.next_seq);
}

/* What a run that was killed had appended is no part of the backup. */
static void test_leftovers(void **state)
{
    struct town *town = *state;
    char path[256];
    add_block(town, &town->journals[0], 4);
    assert_int_equal(run(town), 0);
    for (int file = 1; file <= 2; file++) {
        snprintf(path, sizeof path, "%s/shard-0000/%08d.qfj", town->backup, file);
        const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
        assert_int_equal(syscall(SYS_write, fd, "half a block", 12), 12);
        close(fd);
    }
    assert_int_equal(check(town), 0);
    add_block(town, &town->journals[0], 4);
    assert_int_equal(run(town), 0);
    assert_int_equal(check(town), 0);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* -- damage in a backup -------------------------------------------------------------------------
 */

static uint64_t flips;

static void flip(const struct town *town, const char *path)
{
    const int fd = open(path, O_RDWR);
    struct stat status;
    assert_int_equal(fstat(fd, &status), 0);
    for (off_t at = 0; at < status.st_size; at++) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        const uint8_t flipped = byte ^ (uint8_t)(1u << (at % 8));
        syscall(SYS_pwrite64, fd, &flipped, 1, at);
        if (check(town) == 0) fail_msg("%s, byte %lld: not found", path, (long long)at);
        syscall(SYS_pwrite64, fd, &byte, 1, at);
        flips++;
    }
    close(fd);
}

static void flip_all(const struct town *town, const char *folder)
{
    DIR *stream = opendir(folder);
    struct dirent *entry;
    while ((entry = readdir(stream)) != NULL) {
        char path[512];
        struct stat status;
        if (entry->d_name[0] == '.' || strcmp(entry->d_name, "lock") == 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        assert_int_equal(stat(path, &status), 0);
        if (S_ISDIR(status.st_mode)) {
            flip_all(town, path);
        } else {
            flip(town, path);
        }
    }
    closedir(stream);
}

static void test_every_byte(void **state)
{
    struct town *town = *state;
    flips = 0;
    add_block(town, &town->journals[0], 4);
    assert_int_equal(run(town), 0);
    add_block(town, &town->journals[0], 2);
    assert_int_equal(run(town), 0);
    flip_all(town, town->backup);
    assert_int_equal(check(town), 0);
    assert_true(flips > 3 * BLOCK_ALIGN);
}

/* -- restoring ----------------------------------------------------------------------------------
 */

static struct restore_result restored;

static int restore(const struct town *town, int64_t to_ms, const uint64_t *through)
{
    struct restore_order order = {.from = town->backup,
                                  .data = town->restored,
                                  .to_ms = to_ms,
                                  .created_ms = NINE,
                                  .through_set = through != NULL};
    for (uint32_t s = 0; s < SHARDS && through != NULL; s++)
        order.through[s] = through[s];
    return restore_run(&order, (struct backup_progress){0}, &restored, &problem);
}

/* A shard of the restored store, by the engine's own walk; its entries are the source's. */
static uint64_t count_entries(const struct town *town, uint32_t shard)
{
    struct layout layout;
    char path[LAYOUT_PATH_MAX];
    struct journal_position start;
    struct journal_scan scan;
    const struct journal_reader reader = {0};
    struct journal_folder folder = {.path = path, .segment_bytes = SEGMENT_SIZE, .shard = shard};
    assert_int_equal(layout_open(town->restored, &layout, NULL), 0);
    assert_memory_not_equal(layout.store_id, town->layout.store_id, STORE_ID_SIZE);
    layout_journal_path(&layout, shard, path);
    memcpy(folder.store_id, layout.store_id, STORE_ID_SIZE);
    journal_start(&folder, &start);
    assert_int_equal(journal_scan(&folder, &start, &reader, &scan, &problem), 0);
    assert_int_equal(scan.end, JOURNAL_END);
    return scan.entry_count;
}

static void test_restore_to_each_entry(void **state)
{
    struct town *town = *state;
    for (int i = 0; i < 3; i++)
        add_block(town, &town->journals[0], 3);
    add_block(town, &town->journals[1], 2);
    assert_int_equal(run(town), 0);
    for (uint64_t n = 0; n <= 9; n++) {
        const uint64_t through[SHARDS] = {n, UINT64_MAX};
        assert_int_equal(restore(town, INT64_MIN, through), 0);
        assert_int_equal(restored.shard[0].entries, n);
        if (n % 3 == 1) assert_int_equal(count_entries(town, 0), n);
        assert_int_equal(restored.shard[0].not_asked, 9 - n);
        temp_folder_remove(town->restored);
    }
}

/* What another shard did later than the first entry left out may rest on it by a fact. */
static void test_what_came_later_elsewhere(void **state)
{
    struct town *town = *state;
    const uint64_t through[SHARDS] = {UINT64_MAX, 1};
    for (int i = 0; i < 3; i++)
        add_block(town, &town->journals[0], 3);
    add_block(town, &town->journals[1], 2); /* Of the time of shard 0's first block. */
    assert_int_equal(run(town), 0);
    assert_int_equal(restore(town, INT64_MIN, through), 0);
    assert_int_equal(restored.shard[0].entries, 3);
    assert_int_equal(restored.shard[0].inconsistent, 6);
    assert_int_equal(restored.shard[1].entries, 1);
    assert_int_equal(restored.shard[1].not_asked, 1);
}

static void test_restore_to_a_time(void **state)
{
    struct town *town = *state;
    for (int i = 0; i < 3; i++)
        add_block(town, &town->journals[0], 3);
    assert_int_equal(run(town), 0);
    assert_int_equal(restore(town, NINE + 2000, NULL), 0); /* At it is in, */
    assert_int_equal(restored.shard[0].entries, 6);
    assert_int_equal(restored.shard[0].stamp_ms, NINE + 2000);
    assert_int_equal(restore(town, NINE + 2000, NULL), -EEXIST);
    temp_folder_remove(town->restored);
    assert_int_equal(restore(town, NINE + 1999, NULL), 0); /* later is not. */
    assert_int_equal(restored.shard[0].entries, 3);
    temp_folder_remove(town->restored);
    assert_int_equal(restore(town, NINE, NULL), -ERANGE);
    assert_int_equal(restore(town, result.after.horizon_ms + 1, NULL), -ERANGE);
    assert_int_not_equal(access(town->restored, F_OK), 0);
}

/* The newest run is the one of the greatest number, also when its clocks stood before those of the
 * run before it: the clock was set back between the two. */
static void test_a_clock_set_back(void **state)
{
    struct town *town = *state;
    add_block(town, &town->journals[0], 3);
    struct backup_engine engine = engine_of(town);
    engine.now_ms += 3600 * 1000;
    assert_int_equal(run_with(town, &engine), 0);
    add_block(town, &town->journals[0], 2);
    assert_int_equal(run(town), 0);
    assert_true(result.after.horizon_ms < result.before.horizon_ms);
    assert_int_equal(check(town), 0);
    assert_int_equal(restore(town, result.before.horizon_ms, NULL), -ERANGE);
    assert_int_equal(restore(town, INT64_MIN, NULL), 0);
    assert_int_equal(restored.run.run, 2);
    assert_int_equal(restored.shard[0].entries, 5);
}

/* Each write, sync and rename of a restore fails once: no store, nothing left. */
static void test_restore_on_a_full_disk(void **state)
{
    struct town *town = *state;
    char partial[160];
    add_block(town, &town->journals[0], 3);
    assert_int_equal(run(town), 0);
    snprintf(partial, sizeof partial, "%s.restoring", town->restored);
    uint64_t n = 0;
    for (;;) {
        disk_reset();
        disk.fail_at = ++n;
        disk.error = ENOSPC;
        const int r = restore(town, INT64_MIN, NULL);
        if (disk.calls < n) break;
        if (access(town->restored, F_OK) == 0) {
            temp_folder_remove(town->restored); /* The sync behind the name failed, and is told. */
        }
        assert_int_equal(r, -ENOSPC);
        assert_int_not_equal(access(partial, F_OK), 0);
    }
    disk_reset();
    assert_true(n > 8);
    assert_int_equal(count_entries(town, 0), 3);
}

/* -- what shards owe to one another -------------------------------------------------------------
 */

struct story {
    struct consistent *seen;
    uint64_t seqs[SHARDS];
};

static void add_entry(struct story *story, uint32_t shard, uint16_t kind, struct bytes body)
{
    const struct entry entry = {
        .seq = ++story->seqs[shard], .stamp_ms = NINE, .kind = kind, .body = body};
    assert_true(consistent_add(story->seen, shard, &entry));
}

/* An entry about wallets that also sends so many items to `to`. */
static void add_wallet(struct story *story, uint32_t shard, uint16_t type, struct bytes message,
                       struct bytes fact, uint32_t to, uint32_t items)
{
    uint8_t body[ENTRY_BODY_MAX];
    struct ops_writer writer;
    const struct outgoing out = {.dest = to};
    ops_begin(&writer, body, sizeof body, type, message, fact);
    for (uint32_t i = 0; i < items; i++)
        ops_put(&writer, OP_OUT, 0, &out, sizeof out);
    add_entry(story, shard, ENTRY_WALLET, (struct bytes){body, writer.size});
}

/* An entry that takes items first.. first + count - 1, and hears that the sender has up to `has`.
 */
static void add_mail(struct story *story, uint32_t shard, uint32_t from, uint64_t first,
                     uint32_t count, uint64_t has)
{
    uint8_t message[MAIL_BATCH_MAX];
    size_t size = MAIL_HEAD_SIZE;
    const struct outgoing out = {.dest = shard};
    const struct mail_batch batch = {.from = from, .count = count, .first = first, .has = has};
    mail_write_head(&batch, message);
    for (uint32_t i = 0; i < count; i++)
        size += mail_write_item(OP_OUT, (struct bytes){(const uint8_t *)&out, sizeof out},
                                message + size, sizeof message - size);
    add_wallet(story, shard, REQUEST_MAIL, (struct bytes){message, size}, (struct bytes){0}, 0, 0);
}

static void assert_cut(struct story *story, uint64_t a, uint64_t b, uint64_t want_a,
                       uint64_t want_b)
{
    uint64_t ends[LAYOUT_SHARDS_MAX] = {a, b};
    consistent_cut(story->seen, ends);
    assert_int_equal(ends[0], want_a);
    assert_int_equal(ends[1], want_b);
}

static void test_mail_rests_on_its_sender(void **state)
{
    struct story story = {.seen = consistent_new(SHARDS)};
    (void)state;
    add_wallet(&story, 0, MESSAGE_WLT_OPEN, bytes_of("a"), (struct bytes){0}, 1, 2);
    add_wallet(&story, 0, MESSAGE_WLT_OPEN, bytes_of("b"), (struct bytes){0}, 1, 1);
    add_mail(&story, 1, 0, 1, 2, 0);
    add_mail(&story, 1, 0, 3, 1, 0);
    assert_cut(&story, 2, 2, 2, 2);
    assert_cut(&story, 1, 2, 1, 1);
    assert_cut(&story, 0, 2, 0, 0);
    assert_cut(&story, 2, 0, 2, 0); /* On its way. */
    consistent_free(story.seen);
}

/* Who has heard that mail arrived has forgotten it. */
static void test_what_was_forgotten_is_there(void **state)
{
    struct story story = {.seen = consistent_new(SHARDS)};
    (void)state;
    add_wallet(&story, 0, MESSAGE_WLT_OPEN, bytes_of("a"), (struct bytes){0}, 1, 1);
    add_mail(&story, 1, 0, 1, 1, 0);
    add_mail(&story, 0, 1, 1, 0, 1);
    assert_cut(&story, 2, 1, 2, 1);
    assert_cut(&story, 2, 0, 1, 0);
    consistent_free(story.seen);
}

static void test_cuts_are_one_apart_at_most(void **state)
{
    struct story story = {.seen = consistent_new(SHARDS)};
    (void)state;
    for (int i = 0; i < 2; i++) {
        add_entry(&story, 0, ENTRY_CUT, (struct bytes){0});
        add_entry(&story, 0, ENTRY_CYCLE, (struct bytes){0});
        add_entry(&story, 1, ENTRY_CUT, (struct bytes){0});
    }
    add_entry(&story, 0, ENTRY_YEAR_CLOSE, (struct bytes){0});
    add_entry(&story, 0, ENTRY_YEAR_CLOSE, (struct bytes){0});
    add_entry(&story, 1, ENTRY_YEAR_CLOSE, (struct bytes){0});
    assert_cut(&story, 6, 3, 6, 3);
    assert_cut(&story, 6, 2, 5, 2); /* The second year's close; the first is levelled. */
    assert_cut(&story, 6, 1, 3, 1); /* The batch of the second month. */
    assert_cut(&story, 6, 0, 1, 0);
    assert_cut(&story, 0, 2, 0, 1);
    consistent_free(story.seen);
}

static void test_pushes_and_claims(void **state)
{
    struct story story = {.seen = consistent_new(SHARDS)};
    struct wallet_fact fact = {.psn_key = {.bytes = {0xff, 0xff, 0xff, 0xff}}}; /* Of shard 1. */
    const struct bytes fact_bytes = {(const uint8_t *)&fact, sizeof fact};
    uint8_t claim[3] = {0, 0, 'p'};
    (void)state;
    le_store16(claim, MESSAGE_PREM_PAY);
    add_wallet(&story, 0, MESSAGE_RULE_PUSH, bytes_of("m"), (struct bytes){0}, 0, 0);
    add_wallet(&story, 1, MESSAGE_RULE_PUSH, bytes_of("m"), (struct bytes){0}, 0, 0);
    add_wallet(&story, 1, REQUEST_WALLET_FACT, (struct bytes){claim, 3}, (struct bytes){0}, 0, 0);
    add_wallet(&story, 0, MESSAGE_PREM_PAY, bytes_of("p"), fact_bytes, 0, 0);
    add_wallet(&story, 0, MESSAGE_TRSF_SUBMIT, bytes_of("t"), fact_bytes, 0, 0); /* No claim. */
    assert_cut(&story, 3, 2, 3, 2);
    assert_cut(&story, 0, 2, 0, 0);
    assert_cut(&story, 3, 1, 1, 1);
    consistent_free(story.seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_only_what_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_may_be_lost_is_not_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_block_that_does_not_follow, setup, teardown),
        cmocka_unit_test_setup_teardown(test_damage_in_the_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_or_older_store, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_run_vouches_for_what_is_synced, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_failure_of_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_leftovers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_every_byte, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restore_to_each_entry, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_came_later_elsewhere, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restore_to_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_clock_set_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restore_on_a_full_disk, setup, teardown),
        cmocka_unit_test(test_mail_rests_on_its_sender),
        cmocka_unit_test(test_what_was_forgotten_is_there),
        cmocka_unit_test(test_cuts_are_one_apart_at_most),
        cmocka_unit_test(test_pushes_and_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
