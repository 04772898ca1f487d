/* The disk in memory: every outcome that its model allows is reached, and no other; and what the
 * journal's files make of the ones that real disks show most rarely. */
#include <errno.h>
#include <stdio.h>

#include "tests/lib/unit.h"
#include "tests/sim/disk.h"
#include "world/linux/files.h"
#include "world/linux/segments.h"

#define TRIES         600
#define SEGMENT_BYTES (64 * 1024)

static struct prng prng;
static struct disk *disk;

static int make_disk(void **state)
{
    (void)state;
    prng.state = 7;
    disk = disk_new(&prng);
    disk_use(disk);
    return 0;
}

static int remove_disk(void **state)
{
    (void)state;
    disk_free(disk);
    return 0;
}

static void again(uint64_t seed)
{
    disk_free(disk);
    prng.state = seed;
    disk = disk_new(&prng);
    disk_use(disk);
}

/* `sectors` sectors of that letter, from the first on. */
static void write_letters(int file, char letter, uint32_t sectors)
{
    uint8_t bytes[4 * DISK_SECTOR];
    memset(bytes, letter, sizeof bytes);
    assert_int_equal(file_write(file, bytes, sectors * DISK_SECTOR, 0), sectors * DISK_SECTOR);
}

static int open_file(const char *path, enum file_use use)
{
    int file = -1;
    assert_int_equal(file_open(path, use, &file), 0);
    return file;
}

/* A file of two durable sectors "AA". */
static int make_file(void)
{
    const int file = open_file("d/f", FILE_MAKE);
    write_letters(file, 'A', 2);
    assert_int_equal(file_sync(file), 0);
    assert_int_equal(folder_sync("d"), 0);
    return file;
}

/* What the two sectors hold, as two letters; '?' where one is mixed. */
static void read_letters(char ret_letters[3])
{
    uint8_t bytes[2 * DISK_SECTOR];
    const int file = open_file("d/f", FILE_READ);
    assert_int_equal(file_read(file, bytes, sizeof bytes, 0), sizeof bytes);
    assert_int_equal(file_close(file), 0);
    for (int i = 0; i < 2; i++) {
        const uint8_t *sector = bytes + i * DISK_SECTOR;
        const bool mixed = memcmp(sector, sector + 1, DISK_SECTOR - 1) != 0;
        ret_letters[i] = mixed ? '?' : (char)sector[0];
    }
    ret_letters[2] = '\0';
}

/* A bit for each pair of letters seen after a power cut. */
static uint32_t outcomes(bool torn, bool synced, uint32_t writes)
{
    uint32_t seen = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        char letters[3];
        again(seed);
        const struct disk_faults faults = {.torn = torn ? 300000 : 0};
        disk_set_faults(disk, &faults);
        const int file = make_file();
        for (uint32_t i = 0; i < writes; i++)
            write_letters(file, (char)('B' + i), 2);
        if (synced) assert_int_equal(file_sync(file), 0);
        disk_power_cut(disk);
        read_letters(letters);
        const uint32_t first = letters[0] == '?' ? 3 : (uint32_t)(letters[0] - 'A');
        const uint32_t second = letters[1] == '?' ? 3 : (uint32_t)(letters[1] - 'A');
        assert_in_range(first, 0, 3);
        assert_in_range(second, 0, 3);
        seen |= 1u << (4 * first + second);
    }
    return seen;
}

#define SEEN(first, second) (1u << (4 * (first) + (second)))

static void unsynced_sectors_land_in_every_combination(void **state)
{
    (void)state;
    assert_int_equal(outcomes(false, false, 1), SEEN(0, 0) | SEEN(0, 1) | SEEN(1, 0) | SEEN(1, 1));
    /* Of two writes each sector may be where it was, or after the first, or after the second. */
    assert_int_equal(outcomes(false, false, 2), 0x777);
    assert_int_equal(outcomes(true, false, 1) & 0x888, 0x088); /* Some are mixed. */
}

static void synced_sectors_stay(void **state)
{
    (void)state;
    assert_int_equal(outcomes(false, true, 1), SEEN(1, 1));
    assert_int_equal(outcomes(true, true, 2), SEEN(2, 2));
}

static void a_failed_sync_is_final(void **state)
{
    (void)state;
    uint32_t lost = 0, lost_rewritten = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        char letters[3];
        for (int rewritten = 0; rewritten < 2; rewritten++) {
            again(seed);
            const int file = make_file();
            write_letters(file, 'B', 2);
            disk_set_faults(disk, &(struct disk_faults){.sync_error = 1000000});
            assert_int_equal(file_sync(file), -EIO);
            disk_set_faults(disk, &(struct disk_faults){0});
            read_letters(letters); /* It looks as if nothing had happened … */
            assert_string_equal(letters, "BB");
            if (rewritten != 0) write_letters(file, 'B', 2);
            assert_int_equal(file_sync(file), 0); /* … and so does the next sync. */
            disk_power_cut(disk);
            read_letters(letters);
            if (strcmp(letters, "BB") != 0) *(rewritten != 0 ? &lost_rewritten : &lost) += 1;
        }
    }
    assert_true(lost > TRIES / 4);
    assert_int_equal(lost_rewritten, 0);
}

static void the_end_of_a_process_loses_nothing(void **state)
{
    (void)state;
    char letters[3];
    const int file = make_file();
    write_letters(file, 'B', 2);
    disk_stop_after(disk, 1);
    assert_int_equal(file_sync(file), -EIO);
    assert_true(disk_gone(disk));
    disk_kill(disk);
    assert_int_equal(file_write(file, "x", 1, 0), -EBADF);
    read_letters(letters);
    assert_string_equal(letters, "BB");
}

/* Names: which of "d/new" and "d/f" are there after a cut, as bits. */
static uint32_t names_after(uint64_t seed, bool any_order, bool synced)
{
    again(seed);
    const struct disk_faults faults = {.any_name_order = any_order};
    disk_set_faults(disk, &faults);
    const int file = open_file("d/new", FILE_MAKE);
    write_letters(file, 'A', 2);
    assert_int_equal(file_sync(file), 0);
    assert_int_equal(file_rename("d/new", "d/f"), 0);
    assert_int_equal(folder_sync(synced ? "d" : "other"), 0);
    disk_power_cut(disk);
    const uint32_t seen = (uint32_t)file_exists("d/new") + 2 * (uint32_t)file_exists("d/f");
    if (seen == 2) {
        char letters[3];
        read_letters(letters);
        assert_string_equal(letters, "AA");
    }
    return 1u << seen;
}

static void names_are_durable_with_their_folder(void **state)
{
    (void)state;
    uint32_t synced = 0, in_order = 0, any_order = 0;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        synced |= names_after(seed, true, true);
        in_order |= names_after(seed, false, false);
        any_order |= names_after(seed, true, false);
    }
    assert_int_equal(synced, 1u << 2);
    assert_int_equal(in_order, 1u << 0 | 1u << 1 | 1u << 2); /* Never both. */
    assert_int_equal(any_order, 1u << 0 | 1u << 1 | 1u << 2);
}

static void calls_fail_as_they_are_told_to(void **state)
{
    (void)state;
    struct disk_counts counts;
    uint8_t bytes[4 * DISK_SECTOR];
    const int file = make_file();
    disk_set_faults(disk, &(struct disk_faults){.read_error = 1000000});
    assert_int_equal(file_read(file, bytes, 10, 0), -EIO);
    disk_set_faults(disk, &(struct disk_faults){.short_read = 1000000});
    assert_in_range(file_read(file, bytes, 1000, 0), 1, 999);
    disk_set_faults(disk, &(struct disk_faults){.write_error = 1000000});
    assert_int_equal(file_write(file, bytes, 10, 0), -EIO);
    disk_set_faults(disk, &(struct disk_faults){.short_write = 1000000});
    assert_in_range(file_write(file, bytes, sizeof bytes, 0), DISK_SECTOR, 3 * DISK_SECTOR);
    disk_set_faults(disk, &(struct disk_faults){0});
    disk_set_full(disk, true);
    assert_int_equal(file_write(file, bytes, sizeof bytes, 2 * DISK_SECTOR), -ENOSPC);
    assert_int_equal(file_write(file, bytes, DISK_SECTOR, 0), DISK_SECTOR);
    disk_get_counts(disk, &counts);
    assert_int_equal(counts.faults, 4);
    assert_int_equal(counts.damages, 0);
    assert_true(disk_rot(disk, "d/f", 0, 100));
    assert_false(disk_rot(disk, "d/g", 0, 100));
    disk_get_counts(disk, &counts);
    assert_int_equal(counts.damages, 1);
}

/* Reads a page as often as it fails; gives how often that was. */
static uint32_t errors_of_page(int file, uint64_t page)
{
    uint8_t bytes[10];
    uint32_t errors = 0;
    while (file_read(file, bytes, sizeof bytes, page * 4096 + 100) == -EIO)
        errors++;
    return errors;
}

/* A whole file of pages, with the worst disk there is. */
static int make_weak_file(uint32_t pages)
{
    static const uint8_t page[4096] = {1};
    const int file = make_file();
    for (uint32_t i = 0; i < pages; i++)
        assert_int_equal(file_write(file, page, sizeof page, i * sizeof page), sizeof page);
    disk_set_faults(disk, &(struct disk_faults){.read_error = 1000000});
    return file;
}

static void what_cannot_be_read_can_some_time(void **state)
{
    (void)state;
    struct disk_counts counts;
    uint32_t all = 0, most = 0;
    const int file = make_weak_file(100);
    for (uint32_t page = 0; page < 100; page++) {
        const uint32_t errors = errors_of_page(file, page);
        assert_int_equal(errors != 0, page < DISK_WEAK_PLACES_MAX);
        all += errors;
        if (errors > most) most = errors;
    }
    assert_int_equal(most, DISK_WEAK_READS_MAX);
    disk_get_counts(disk, &counts);
    assert_int_equal(counts.read_errors, all);
    assert_int_equal(counts.faults, all);
    for (uint32_t page = 0; page < 100; page++)
        assert_int_equal(errors_of_page(file, page), 0);
}

/* The same error at the same place, whoever asks and from where; not beside it, not once the world
 * is calm, and not where it was written over. */
static void a_place_stays_as_it_is_for_a_while(void **state)
{
    (void)state;
    uint8_t bytes[3 * 4096];
    uint32_t failed_twice = 0;
    for (uint64_t seed = 0; seed < 20; seed++) {
        again(seed);
        const int file = make_weak_file(3);
        assert_int_equal(file_read(file, bytes, 10, 4096), -EIO);
        disk_set_faults(disk, &(struct disk_faults){0});
        assert_int_equal(file_read(file, bytes, 10, 4096), 10);
        disk_set_faults(disk, &(struct disk_faults){.read_error = 1}); /* No new ones. */
        assert_int_equal(file_read(file, bytes, 4096, 0), 4096);
        assert_int_equal(file_read(file, bytes, 4096, 8192), 4096);
        failed_twice += file_read(file, bytes, sizeof bytes, 0) == -EIO;
        assert_int_equal(file_write(file, bytes, 1, 4096 + 600), 1);
        assert_int_equal(file_read(file, bytes, sizeof bytes, 0), sizeof bytes);
    }
    assert_in_range(failed_twice, 10, 19);
}

/* ---- the journal's files over it ------------------------------------------------------------- */

static struct journal_folder folder = {.path = "j", .segment_bytes = SEGMENT_BYTES, .shard = 1};
static struct problem problem;

/* Writes block `number` (1 or 2), with the segment's head when it is the first. */
static void write_block(uint64_t number, uint8_t hash[BLOCK_HASH_SIZE], int *ret_file)
{
    static uint8_t bytes[SEGMENT_HEAD_SIZE + BLOCK_ALIGN];
    uint8_t *place = bytes + SEGMENT_HEAD_SIZE;
    struct block block = {
        .shard = folder.shard,
        .epoch = 1,
        .number = number,
        .first_seq = number,
        .entry_count = 1,
        .payload = {place + BLOCK_HEAD_SIZE, 100},
    };
    memset(place, 'x', BLOCK_HEAD_SIZE + 100);
    memcpy(block.previous, hash, BLOCK_HASH_SIZE);
    block_seal(&block, place, hash);
    const struct segment_head head = {.shard = folder.shard, .segment = 1, .first_block = 1};
    segment_head_encode(&head, bytes);
    *ret_file = open_file("j/00000001.qfj", FILE_WRITE_DIRECT);
    if (number == 1) {
        assert_int_equal(file_write(*ret_file, bytes, sizeof bytes, 0), sizeof bytes);
    } else {
        assert_int_equal(file_write(*ret_file, place, BLOCK_ALIGN, number * BLOCK_ALIGN),
                         BLOCK_ALIGN);
    }
}

static uint64_t scan_and_mend(void)
{
    struct journal_position start;
    struct journal_scan scan;
    const struct journal_reader reader = {0};
    journal_start(&folder, &start);
    if (journal_scan(&folder, &start, &reader, &scan, &problem) != 0) fail_msg("%s", problem.text);
    if (journal_mend(&folder, &scan, &problem) != 0) fail_msg("%s", problem.text);
    return scan.block_count;
}

/* (J1) A block that was read back counts as durable from then on, also when the sync of it had
 * failed and the process ended over that. */
static void mending_makes_the_last_block_durable(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        uint8_t hash[BLOCK_HASH_SIZE];
        int file;
        again(seed);
        block_chain_start(folder.store_id, folder.shard, hash);
        assert_int_equal(segment_prepare("j", 1, SEGMENT_BYTES, SEGMENT_ZEROED, NULL), 0);
        const uint64_t blocks = 1 + seed % 2;
        for (uint64_t number = 1; number <= blocks; number++) {
            write_block(number, hash, &file);
            if (number == blocks)
                disk_set_faults(disk, &(struct disk_faults){.sync_error = 1000000});
            assert_int_equal(file_sync(file), number == blocks ? -EIO : 0);
        }
        disk_set_faults(disk, &(struct disk_faults){0});
        disk_kill(disk);
        assert_int_equal(scan_and_mend(), blocks);
        disk_power_cut(disk);
        assert_int_equal(scan_and_mend(), blocks);
    }
}

/* A segment got its name from a process that died before it could sync the folder. */
static void mending_makes_names_durable(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        uint8_t hash[BLOCK_HASH_SIZE];
        int file;
        again(seed);
        block_chain_start(folder.store_id, folder.shard, hash);
        const int made = open_file("j/00000001.qfj.new", FILE_MAKE);
        static const uint8_t zeros[SEGMENT_BYTES];
        assert_int_equal(file_write(made, zeros, sizeof zeros, 0), sizeof zeros);
        assert_int_equal(file_sync(made), 0);
        assert_int_equal(file_rename("j/00000001.qfj.new", "j/00000001.qfj"), 0);
        disk_kill(disk);
        assert_int_equal(scan_and_mend(), 0);
        write_block(1, hash, &file);
        assert_int_equal(file_sync(file), 0);
        disk_power_cut(disk);
        assert_int_equal(scan_and_mend(), 1);
    }
}

/* As the keeper does it: until it is there. */
static void a_prepared_segment_has_a_durable_name(void **state)
{
    (void)state;
    for (uint64_t seed = 0; seed < TRIES; seed++) {
        int r;
        again(seed);
        disk_set_faults(disk, &(struct disk_faults){.sync_error = 500000});
        do {
            r = segment_prepare("j", 1, SEGMENT_BYTES, SEGMENT_ZEROED, NULL);
        } while (r != 0 && r != -EEXIST);
        disk_power_cut(disk);
        assert_true(file_exists("j/00000001.qfj"));
    }
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_disk, remove_disk)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(unsynced_sectors_land_in_every_combination),
        CASE(synced_sectors_stay),
        CASE(a_failed_sync_is_final),
        CASE(the_end_of_a_process_loses_nothing),
        CASE(names_are_durable_with_their_folder),
        CASE(calls_fail_as_they_are_told_to),
        CASE(what_cannot_be_read_can_some_time),
        CASE(a_place_stays_as_it_is_for_a_while),
        CASE(mending_makes_the_last_block_durable),
        CASE(mending_makes_names_durable),
        CASE(a_prepared_segment_has_a_durable_name),
    };
    return cmocka_run_group_tests_name("sim/disk", tests, NULL, NULL);
}
