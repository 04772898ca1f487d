/* The journal after every kind of stop: torn writes are cut, damage stops, nothing else is touched.
 *
 * A small writer here does what the engine does (head and first block in one write), on segments
 * of 64 KiB. The entries are only bytes: this room does not look into blocks. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "world/linux/segments.h"

#define SEGMENT_BYTES (64 * 1024)
#define SECTOR        512

static char path[TEMP_FOLDER_SIZE];
static struct journal_folder folder;
static struct problem problem;

/* What the engine would have in hand: where the next block goes, and the last write it made. */
static struct journal_position writer;
static uint8_t buffer[SEGMENT_BYTES]; /* The last write. */
static uint64_t buffer_size, buffer_offset;

static int make_folder(void **state)
{
    (void)state;
    temp_folder_make(path);
    folder = (struct journal_folder){.path = path, .segment_bytes = SEGMENT_BYTES, .shard = 2};
    memcpy(folder.store_id, "0123456789abcdef", STORE_ID_SIZE);
    memset(&problem, 0, sizeof problem);
    journal_start(&folder, &writer);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    temp_folder_remove(path);
    return 0;
}

static void transfer(uint32_t segment, uint64_t offset, void *data, uint64_t size, bool write)
{
    char name[SEGMENT_PATH_MAX];
    segment_path(path, segment, name);
    int fd = open(name, write ? O_WRONLY : O_RDONLY);
    assert_true(fd >= 0);
    ssize_t n =
        write ? pwrite(fd, data, size, (off_t)offset) : pread(fd, data, size, (off_t)offset);
    assert_int_equal(n, size);
    close(fd);
}

static bool segment_there(uint32_t segment)
{
    char name[SEGMENT_PATH_MAX];
    segment_path(path, segment, name);
    return access(name, F_OK) == 0;
}

static void prepare(uint32_t segment)
{
    assert_int_equal(segment_prepare(path, segment, SEGMENT_BYTES,
                                     segment % 2 == 0 ? SEGMENT_ZEROED : SEGMENT_RESERVED, NULL),
                     0);
}

/* Makes the next write in `buffer`, with `entries` entries and so many bytes of payload, and moves
 * the writer behind it; the file is not touched. */
static void build(uint32_t entries, size_t payload_size)
{
    uint64_t size = block_size_on_disk(payload_size);
    if (!journal_fits(&folder, &writer, size)) {
        writer.segment++;
        writer.offset = 0;
    }
    memset(buffer, 0, sizeof buffer);
    uint8_t *out = buffer;
    buffer_offset = writer.offset;
    if (writer.offset == 0) {
        struct segment_head head = {
            .shard = folder.shard, .segment = writer.segment, .first_block = writer.next_block};
        memcpy(head.store_id, folder.store_id, STORE_ID_SIZE);
        segment_head_encode(&head, out);
        out += SEGMENT_HEAD_SIZE;
        writer.offset = SEGMENT_HEAD_SIZE;
    }
    for (size_t i = 0; i < payload_size; i++)
        out[BLOCK_HEAD_SIZE + i] = (uint8_t)(1 + (i * 31 + writer.next_block) % 255);
    struct block block = {
        .shard = folder.shard,
        .epoch = 1,
        .number = writer.next_block,
        .first_seq = writer.next_seq,
        .entry_count = entries,
        .payload = {out + BLOCK_HEAD_SIZE, payload_size},
        .whole = writer.next_block % 3 == 0, /* Old and new ones stand in one chain. */
    };
    memcpy(block.store_id, folder.store_id, STORE_ID_SIZE);
    memcpy(block.previous, writer.previous, BLOCK_HASH_SIZE);
    block_seal(&block, out, writer.previous);
    buffer_size = (uint64_t)(out - buffer) + size;
    writer.offset += size;
    writer.next_block++;
    writer.next_seq += entries;
}

static void append(uint32_t entries, size_t payload_size)
{
    build(entries, payload_size);
    if (!segment_there(writer.segment)) prepare(writer.segment);
    transfer(writer.segment, buffer_offset, buffer, buffer_size, true);
}

/* What the callbacks saw. */
struct seen {
    uint64_t blocks, last_number;
    uint64_t done, total;
    uint64_t stop_at; /* Block number to fail at, 0: none. */
    struct journal_position after;
};

static int see_block(void *context, const struct block *block, uint32_t segment, uint64_t offset,
                     const struct journal_position *after)
{
    struct seen *seen = context;
    assert_true(seen->last_number == 0 || block->number == seen->last_number + 1);
    assert_int_equal(after->segment, segment);
    assert_true(after->offset == offset + block_size_on_disk(block->payload.size));
    assert_true(after->next_seq == block->first_seq + block->entry_count);
    for (size_t i = 0; i < block->payload.size; i++)
        assert_int_equal(block->payload.data[i], 1 + (i * 31 + block->number) % 255);
    seen->blocks++;
    seen->last_number = block->number;
    seen->after = *after;
    return block->number == seen->stop_at ? -ECANCELED : 0;
}

static void see_progress(void *context, uint64_t done, uint64_t total)
{
    struct seen *seen = context;
    assert_true(done >= seen->done);
    assert_true(done <= total);
    assert_true(seen->total == 0 || seen->total == total);
    seen->done = done;
    seen->total = total;
}

static int scan_from(const struct journal_position *start, uint64_t must_reach,
                     struct journal_scan *scan, struct seen *seen)
{
    memset(seen, 0, sizeof *seen);
    struct journal_reader reader = {see_block, see_progress, seen, must_reach};
    return journal_scan(&folder, start, &reader, scan, &problem);
}

static int scan_all(struct journal_scan *scan)
{
    struct journal_position start;
    struct seen seen;
    journal_start(&folder, &start);
    return scan_from(&start, 0, scan, &seen);
}

static void assert_position(const struct journal_position *a, const struct journal_position *b)
{
    assert_int_equal(a->segment, b->segment);
    assert_true(a->offset == b->offset);
    assert_true(a->next_block == b->next_block);
    assert_true(a->next_seq == b->next_seq);
    assert_memory_equal(a->previous, b->previous, BLOCK_HASH_SIZE);
}

static void assert_ends_at(const struct journal_position *position)
{
    struct journal_scan scan;
    if (scan_all(&scan) != 0) fail_msg("%s", problem.text);
    assert_int_equal(scan.end, JOURNAL_END);
    assert_int_equal(scan.torn_bytes, 0);
    assert_position(&scan.tail, position);
}

/* Damage, and the sentence has these words. */
static void assert_damage(const char *file, uint64_t offset, const char *words)
{
    struct journal_scan scan;
    char place[64];
    assert_int_equal(scan_all(&scan), -EUCLEAN);
    snprintf(place, sizeof place, "/%s, offset %llu: ", file, (unsigned long long)offset);
    if (strstr(problem.text, place) == NULL || strstr(problem.text, words) == NULL)
        fail_msg("not \"%s…%s\": %s", place, words, problem.text);
}

static void is_zero_and_whole(uint32_t number, enum segment_fill fill)
{
    static uint8_t bytes[3 << 20];
    char name[SEGMENT_PATH_MAX];
    assert_int_equal(segment_prepare(path, number, sizeof bytes, fill, NULL), 0);
    segment_path(path, number, name);
    memset(bytes, 1, sizeof bytes);
    transfer(number, 0, bytes, sizeof bytes, false);
    for (size_t i = 0; i < sizeof bytes; i++)
        assert_int_equal(bytes[i], 0);
    assert_int_equal(segment_prepare(path, number, SEGMENT_BYTES, fill, NULL), -EEXIST);

    /* All its room is taken: no later write finds the disk full. */
    struct stat status;
    assert_int_equal(stat(name, &status), 0);
    assert_int_equal(status.st_size, sizeof bytes);
    assert_true((size_t)status.st_blocks * 512 >= sizeof bytes);
}

static void a_prepared_segment_is_zero_and_whole(void **state)
{
    (void)state;
    char name[SEGMENT_PATH_MAX];
    is_zero_and_whole(12345678, SEGMENT_ZEROED);
    is_zero_and_whole(12345679, SEGMENT_RESERVED);
    segment_path(path, 12345678, name);
    assert_non_null(strstr(name, "/12345678.qfj"));
    segment_path(path, 1, name);
    assert_non_null(strstr(name, "/00000001.qfj"));

    /* A half-made one from before is no segment, and in nobody's way. */
    strcat(name, ".new");
    FILE *file = fopen(name, "w");
    fputs("half", file);
    fclose(file);
    prepare(1);
    assert_int_not_equal(access(name, F_OK), 0);
    assert_int_equal(segment_prepare("/nonexistent", 1, SEGMENT_BYTES, SEGMENT_ZEROED, NULL),
                     -ENOENT);
}

static void count_pause(void *context)
{
    ++*(uint32_t *)context;
}

static void zeros_are_written_with_pauses(void **state)
{
    (void)state;
    uint32_t pauses = 0;
    const struct segment_pause pause = {count_pause, &pauses};
    assert_int_equal(segment_prepare(path, 1, 3 << 20, SEGMENT_ZEROED, &pause), 0);
    assert_int_equal(pauses, 3);
    assert_int_equal(segment_prepare(path, 1, 3 << 20, SEGMENT_ZEROED, &pause), -EEXIST);
    assert_int_equal(pauses, 3);
}

static void an_empty_journal_ends_where_it_starts(void **state)
{
    (void)state;
    struct journal_scan scan;
    assert_int_equal(scan_all(&scan), 0);
    assert_int_equal(scan.end, JOURNAL_END);
    assert_position(&scan.tail, &writer);
    assert_false(scan.tail_exists);
    assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
    prepare(1);
    prepare(2);
    assert_int_equal(scan_all(&scan), 0);
    assert_position(&scan.tail, &writer);
    assert_true(scan.tail_exists);
    assert_true(scan.next_prepared);
    assert_int_equal(scan.block_count, 0);
    assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
    folder.path = "/nonexistent";
    assert_int_equal(scan_all(&scan), -ENOENT);
}

/* Blocks of many sizes over several segments; returns how many. */
static uint64_t write_some(void)
{
    static const size_t sizes[] = {64, 4000, 4001, 20000, 61344, 1000, 30000, 40000, 128};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        append((uint32_t)(sizes[i] / 64), sizes[i]);
    return sizeof sizes / sizeof sizes[0];
}

static void every_block_is_read_from_any_start(void **state)
{
    (void)state;
    uint64_t count = write_some();
    struct journal_position start, after[16];
    struct journal_scan scan;
    struct seen seen;
    journal_start(&folder, &start);
    for (uint64_t i = 0; i <= count; i++) {
        after[i] = start;
        assert_int_equal(scan_from(&start, writer.next_seq - 1, &scan, &seen), 0);
        assert_int_equal(seen.blocks, count - i);
        assert_int_equal(scan.block_count, count - i);
        assert_int_equal(scan.entry_count, writer.next_seq - start.next_seq);
        assert_int_equal(scan.end, JOURNAL_END);
        assert_position(&scan.tail, &writer);
        assert_int_equal(seen.done, seen.total);
        if (i == count) break;
        struct journal_reader reader = {see_block, NULL, &seen, 0};
        seen = (struct seen){.stop_at = start.next_block};
        assert_int_equal(journal_scan(&folder, &start, &reader, &scan, &problem), -ECANCELED);
        start = seen.after;
    }
    assert_true(writer.segment >= 4);
    /* A position that is not the journal's own. */
    start = after[2];
    start.previous[0] ^= 1;
    assert_int_equal(scan_from(&start, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "hash chain is broken"));
    start = after[2];
    start.next_seq++;
    assert_int_equal(scan_from(&start, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "comes next"));
    start = after[2];
    start.next_block--;
    assert_int_equal(scan_from(&start, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "should stand here, but it is block"));
}

static void a_tail_may_stand_at_the_very_end(void **state)
{
    (void)state;
    append(1, SEGMENT_BYTES - SEGMENT_HEAD_SIZE - BLOCK_HEAD_SIZE);
    assert_int_equal(writer.offset, SEGMENT_BYTES);
    assert_ends_at(&writer);
    prepare(2);
    struct journal_position end = writer;
    struct journal_scan scan;
    struct seen seen;
    assert_int_equal(scan_all(&scan), 0);
    assert_true(scan.next_prepared);
    append(1, 64);
    assert_int_equal(writer.segment, 2);
    assert_ends_at(&writer);
    assert_int_equal(scan_from(&end, 0, &scan, &seen), 0);
    assert_int_equal(seen.blocks, 1);
}

static void a_checkpoint_beyond_the_journal_is_damage(void **state)
{
    (void)state;
    append(3, 1000);
    struct journal_position start;
    struct journal_scan scan;
    struct seen seen;
    journal_start(&folder, &start);
    assert_int_equal(scan_from(&start, 3, &scan, &seen), 0);
    assert_int_equal(scan_from(&start, 4, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "ends here with entry 3, but the state was written with "
                                         "entry 4"));
}

/* Every subset of the sectors of the last write reaches the disk. The block counts only when all
 * of its own did; else it is cut and nothing else is (J2). */
static void tear_last_write(uint64_t first_sector, uint64_t sector_count,
                            const struct journal_position *before)
{
    uint64_t block_at = buffer_offset == 0 ? SEGMENT_HEAD_SIZE : 0;
    static uint8_t torn[SEGMENT_BYTES];
    for (uint64_t set = 0; set < UINT64_C(1) << sector_count; set++) {
        memset(torn, 0, sizeof torn);
        bool whole = true, any = false, head = buffer_offset != 0;
        for (uint64_t i = 0; i < buffer_size / SECTOR; i++) {
            bool chosen = i >= first_sector && i < first_sector + sector_count;
            bool kept = chosen ? (set >> (i - first_sector) & 1) != 0 : true;
            bool zero = true;
            for (uint64_t k = 0; k < SECTOR; k++)
                zero = zero && buffer[i * SECTOR + k] == 0;
            if (i * SECTOR < block_at && !zero && kept) head = true;
            if (i * SECTOR >= block_at && !zero && !kept) whole = false;
            if (!zero && kept) any = true;
            if (kept) memcpy(torn + i * SECTOR, buffer + i * SECTOR, SECTOR);
        }
        transfer(writer.segment, buffer_offset, torn, buffer_size, true);
        struct journal_scan scan;
        if (scan_all(&scan) != 0) fail_msg("set %llx: %s", (unsigned long long)set, problem.text);
        assert_int_equal(scan.end, any && !whole ? JOURNAL_TORN : JOURNAL_END);
        assert_position(&scan.tail, whole ? &writer : before);
        assert_int_equal(scan.headless, whole && !head ? writer.segment : 0);
        assert_true((scan.torn_bytes != 0) == (any && !whole));
        if (set % 37 != 0 && scan.headless == 0) continue;
        assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
        assert_ends_at(whole ? &writer : before);
        assert_int_equal(scan_all(&scan), 0);
        assert_int_equal(scan.headless, 0); /* It was written again. */
        if (!segment_there(writer.segment)) prepare(writer.segment);
    }
}

static void a_torn_block_is_cut(void **state) /* (J2) */
{
    (void)state;
    append(5, 3000);
    struct journal_position before = writer;
    append(10, 5500); /* 11 sectors and a bit, of 16. */
    tear_last_write(0, 12, &before);
}

/* The head's own sector is torn: the block behind it is whole, and counts. */
static void a_head_cut_off_inside_its_sector_is_written_again(void **state) /* (J2) */
{
    (void)state;
    static uint8_t torn[SEGMENT_BYTES];
    struct journal_scan scan;
    append(10, 2000);
    for (size_t kept = 0; kept < SECTOR; kept++) {
        memcpy(torn, buffer, buffer_size);
        memset(torn + kept, 0, SEGMENT_HEAD_SIZE - kept);
        const bool whole = memcmp(torn, buffer, SEGMENT_HEAD_SIZE) == 0; /* Only zeros were lost. */
        transfer(writer.segment, 0, torn, buffer_size, true);
        if (scan_all(&scan) != 0) fail_msg("%zu bytes: %s", kept, problem.text);
        assert_position(&scan.tail, &writer);
        assert_int_equal(scan.headless, whole ? 0 : writer.segment);
        assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
        assert_ends_at(&writer);
        transfer(writer.segment, 0, torn, SEGMENT_HEAD_SIZE, false);
        assert_memory_equal(torn, buffer, SEGMENT_HEAD_SIZE);
    }
    torn[3] ^= 1; /* Its other bytes are there: no write was cut off. */
    transfer(writer.segment, 0, torn, buffer_size, true);
    assert_damage("00000001.qfj", 0, "the segment's head or its first block is damaged");
}

static void a_torn_first_write_of_a_segment_is_cut(void **state) /* (J2) */
{
    (void)state;
    struct journal_position before = writer;
    append(10, 2000); /* Head (8 sectors, one of them used) and 4 or 5 sectors of block. */
    tear_last_write(0, 13, &before);
}

static void a_torn_first_write_of_a_later_segment_is_cut(void **state) /* (J2) */
{
    (void)state;
    append(100, 50000);
    struct journal_position before = writer;
    append(10, 9000);
    assert_int_equal(writer.segment, 2);
    prepare(3);
    tear_last_write(0, 13, &before);
}

static void a_long_torn_block_is_cut(void **state)
{
    (void)state;
    append(5, 3000);
    struct journal_position before = writer;
    append(500, 40000); /* Its head is lost, or its middle. */
    tear_last_write(0, 3, &before);
    struct journal_position again = writer;
    transfer(writer.segment, buffer_offset, buffer, buffer_size, true);
    tear_last_write(40, 4, &before);
    assert_position(&again, &writer);
}

static void life_goes_on_after_a_cut(void **state)
{
    (void)state;
    append(100, 50000);
    struct journal_position before = writer;
    append(10, 9000);
    uint8_t zeros[SECTOR] = {0};
    transfer(2, SEGMENT_HEAD_SIZE + SECTOR, zeros, SECTOR, true);
    prepare(3);
    struct journal_scan scan;
    assert_int_equal(scan_all(&scan), 0);
    assert_int_equal(scan.end, JOURNAL_TORN);
    assert_false(scan.next_prepared);
    assert_int_equal(scan.torn_bytes, SEGMENT_BYTES - before.offset + SEGMENT_HEAD_SIZE + 12288);
    assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
    assert_false(segment_there(2)); /* It was used. */
    assert_true(segment_there(3));  /* It was not. */
    writer = before;
    append(1, 64); /* Smaller: it still goes into segment 1. */
    assert_int_equal(writer.segment, 1);
    append(100, 50000);
    append(100, 50000);
    assert_int_equal(writer.segment, 3);
    assert_ends_at(&writer);
}

static void any_byte_before_the_tail_is_damage_and_named(void **state)
{
    (void)state;
    write_some();
    build(1, 64); /* The last block's own bytes are the torn tail's business. */
    for (uint32_t segment = 1; segment < writer.segment; segment++) {
        for (uint64_t offset = 0; offset < SEGMENT_BYTES; offset += offset % 4096 < 128 ? 1 : 331) {
            uint8_t byte;
            transfer(segment, offset, &byte, 1, false);
            byte ^= 0x10;
            transfer(segment, offset, &byte, 1, true);
            struct journal_scan scan;
            assert_int_equal(scan_all(&scan), -EUCLEAN);
            char name[32];
            snprintf(name, sizeof name, "/%08u.qfj, offset ", segment);
            if (strstr(problem.text, name) == NULL)
                fail_msg("segment %u, offset %llu: %s", segment, (unsigned long long)offset,
                         problem.text);
            byte ^= 0x10;
            transfer(segment, offset, &byte, 1, true);
        }
    }
    struct journal_scan scan;
    assert_int_equal(scan_all(&scan), 0);
}

static void damage_is_told_with_place_and_kind(void **state)
{
    (void)state;
    append(10, 3000);
    append(10, 9000);
    append(10, 3000);
    uint8_t keep[BLOCK_ALIGN], page[BLOCK_ALIGN] = {0};
    transfer(1, 8192, keep, sizeof keep, false);
    transfer(1, 8192, page, sizeof page, true);
    assert_damage("00000001.qfj", 8192, "block 2 should stand here, but there are zeros");
    memcpy(page, keep, sizeof page);
    page[40] ^= 1;
    transfer(1, 8192, page, sizeof page, true);
    assert_damage("00000001.qfj", 8192, "head does not match its checksum; block 3 stands behind");
    memcpy(page, keep, sizeof page);
    page[4000] ^= 1;
    transfer(1, 8192, page, sizeof page, true);
    assert_damage("00000001.qfj", 8192, "payload does not match its checksum");
    page[0] ^= 1;
    transfer(1, 8192, page, sizeof page, true);
    assert_damage("00000001.qfj", 8192, "not the beginning of a block");

    /* Who asks to cut there is refused, and nothing happens. */
    struct journal_position at = writer;
    at.offset = 8192;
    at.next_block = 2;
    assert_int_equal(segment_cut_tail(&folder, &at, &problem), -EUCLEAN);
    assert_non_null(strstr(problem.text, "block 3 stands here and will not be cut away"));
    transfer(1, 8192, keep, sizeof keep, false);
    assert_memory_equal(keep, page, sizeof page);
}

static void missing_segments_are_damage(void **state)
{
    (void)state;
    write_some();
    char name[SEGMENT_PATH_MAX], aside[SEGMENT_PATH_MAX + 8];
    for (uint32_t segment = 1; segment < writer.segment; segment++) {
        segment_path(path, segment, name);
        snprintf(aside, sizeof aside, "%s.bak", name);
        assert_int_equal(rename(name, aside), 0);
        struct journal_scan scan;
        assert_int_equal(scan_all(&scan), -EUCLEAN);
        assert_non_null(strstr(problem.text, strrchr(name, '/')));
        assert_non_null(strstr(problem.text, "the segment is missing"));
        assert_int_equal(rename(aside, name), 0);
    }
    assert_ends_at(&writer);
    /* The last one is missing: only the checkpoint can know. */
    struct journal_scan scan;
    struct seen seen;
    struct journal_position end = writer, start;
    journal_start(&folder, &start);
    segment_path(path, writer.segment, name);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(scan_from(&end, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "the segment is missing"));
    assert_int_equal(scan_from(&start, end.next_seq - 1, &scan, &seen), -EUCLEAN);
}

static void foreign_and_misplaced_segments_are_damage(void **state)
{
    (void)state;
    append(100, 50000);
    append(100, 50000);
    append(100, 50000);
    uint8_t keep[SEGMENT_HEAD_SIZE], page[SEGMENT_HEAD_SIZE];
    transfer(2, 0, keep, sizeof keep, false);
    struct segment_head head;
    assert_true(segment_head_decode((struct bytes){keep, sizeof keep}, &head));
    struct segment_head other = head;
    other.store_id[3] ^= 1;
    segment_head_encode(&other, page);
    transfer(2, 0, page, sizeof page, true);
    assert_damage("00000002.qfj", 0, "belongs to another store");
    other = head;
    other.shard = 7;
    segment_head_encode(&other, page);
    transfer(2, 0, page, sizeof page, true);
    assert_damage("00000002.qfj", 0, "belongs to shard 7, not to shard 2");
    other = head;
    other.segment = 3;
    segment_head_encode(&other, page);
    transfer(2, 0, page, sizeof page, true);
    assert_damage("00000002.qfj", 0, "says that it is segment 3");
    other = head;
    other.first_block = 3;
    segment_head_encode(&other, page);
    transfer(2, 0, page, sizeof page, true);
    assert_damage("00000002.qfj", 0, "begins with block 3, but 2 comes next");
    memset(page, 0, sizeof page);
    transfer(2, 0, page, sizeof page, true);
    assert_damage("00000002.qfj", 0, "head was not written whole, but block 3 was written after");
    transfer(2, 0, keep, sizeof keep, true);
    assert_ends_at(&writer);

    /* The whole journal of somebody else, and of another shard. */
    folder.store_id[0] ^= 1;
    assert_damage("00000001.qfj", 0, "belongs to another store");
    folder.store_id[0] ^= 1;
    folder.shard = 1;
    assert_damage("00000001.qfj", 0, "belongs to shard 2, not to shard 1");
}

static void a_foreign_segment_behind_the_tail_is_damage(void **state)
{
    (void)state;
    append(1, 64);
    prepare(2);
    prepare(3);
    uint8_t page[SEGMENT_HEAD_SIZE];
    struct segment_head head = {.shard = 2, .segment = 3, .first_block = 1};
    memcpy(head.store_id, "another store!!!", STORE_ID_SIZE);
    segment_head_encode(&head, page);
    transfer(3, 0, page, sizeof page, true);
    assert_damage("00000003.qfj", 0, "belongs to another store");
    memcpy(head.store_id, folder.store_id, STORE_ID_SIZE);
    head.first_block = 9; /* Ours, and only its head is left. */
    segment_head_encode(&head, page);
    transfer(3, 0, page, sizeof page, true);
    assert_damage("00000002.qfj", 0, "block 9 stands behind it");
}

static void truncated_segments_are_damage(void **state)
{
    (void)state;
    append(100, 50000);
    append(100, 50000);
    prepare(3);
    char name[SEGMENT_PATH_MAX];
    for (uint32_t segment = 1; segment <= 3; segment++) {
        char file[32];
        snprintf(file, sizeof file, "%08u.qfj", segment);
        segment_path(path, segment, name);
        uint8_t keep[SEGMENT_BYTES];
        transfer(segment, 0, keep, sizeof keep, false);
        assert_int_equal(truncate(name, 20000), 0);
        assert_damage(file, 20000, "the file ends here; a segment has 65536 bytes");
        transfer(segment, 0, keep, sizeof keep, true);
    }
    assert_ends_at(&writer);
}

static void remnants_with_older_numbers_are_no_evidence(void **state) /* (J2) */
{
    (void)state;
    append(1, 64);
    append(1, 64);
    append(1, 64);
    uint8_t old[BLOCK_ALIGN];
    transfer(1, 8192, old, sizeof old, false); /* Block 2. */
    transfer(1, writer.offset, old, sizeof old, true);
    transfer(1, writer.offset + 3 * BLOCK_ALIGN, old, sizeof old, true);
    struct journal_scan scan;
    assert_int_equal(scan_all(&scan), 0);
    assert_int_equal(scan.end, JOURNAL_TORN);
    assert_int_equal(scan.torn_bytes, 4 * BLOCK_ALIGN);
    assert_position(&scan.tail, &writer);
    assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
    assert_ends_at(&writer);
}

static void the_expected_block_in_the_wrong_place_is_damage(void **state) /* (J2) */
{
    (void)state;
    append(1, 64);
    struct journal_position here = writer;
    build(1, 64);
    transfer(1, here.offset + 2 * BLOCK_ALIGN, buffer, buffer_size, true);
    assert_damage("00000001.qfj", here.offset, "block 2 stands behind it");
    prepare(2);
    uint8_t zeros[BLOCK_ALIGN] = {0};
    transfer(1, here.offset + 2 * BLOCK_ALIGN, zeros, sizeof zeros, true);
    assert_ends_at(&here);
    transfer(2, 5 * BLOCK_ALIGN, buffer, buffer_size, true);
    assert_damage("00000002.qfj", 0, "block 2 stands behind it");
}

static void a_foreign_block_behind_the_tail_is_no_evidence(void **state)
{
    (void)state;
    append(1, 64);
    struct journal_folder mine = folder;
    struct journal_position here = writer;
    folder.store_id[5] ^= 1;
    build(1, 64);
    transfer(1, here.offset + 2 * BLOCK_ALIGN, buffer, buffer_size, true);
    folder = mine;
    struct journal_scan scan;
    assert_int_equal(scan_all(&scan), 0);
    assert_int_equal(scan.end, JOURNAL_TORN);
    assert_int_equal(journal_mend(&folder, &scan, &problem), 0);
    assert_ends_at(&here);
}

static void a_start_that_does_not_fit_its_segment_is_damage(void **state)
{
    (void)state;
    append(100, 50000);
    append(1, 64);
    append(100, 50000);
    assert_int_equal(writer.segment, 2);
    struct journal_scan scan;
    struct seen seen;
    struct journal_position start = writer;
    start.next_block = 3; /* The segment begins with it: it cannot stand behind its first. */
    assert_int_equal(scan_from(&start, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "begins with block 3, which does not fit block 3"));
    start.offset = SEGMENT_HEAD_SIZE;
    start.next_block = 4;
    assert_int_equal(scan_from(&start, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "begins with block 3, which does not fit block 4"));
    uint8_t byte = 1;
    transfer(2, 50, &byte, 1, true);
    assert_int_equal(scan_from(&writer, 0, &scan, &seen), -EUCLEAN);
    assert_non_null(strstr(problem.text, "head does not match its checksum"));
}

static void a_foreign_block_at_the_tail_is_damage(void **state)
{
    (void)state;
    append(1, 64);
    struct journal_folder mine = folder;
    struct journal_position here = writer;
    folder.store_id[5] ^= 1;
    append(1, 64);
    folder = mine;
    assert_damage("00000001.qfj", here.offset, "belongs to another store or shard");
}

static void a_cut_leaves_everything_before_it(void **state)
{
    (void)state;
    append(10, 3000);
    append(10, 3000);
    uint8_t before[12288], after[12288];
    transfer(1, 0, before, sizeof before, false);
    assert_int_equal(segment_cut_tail(&folder, &writer, &problem), 0);
    uint8_t junk[100];
    memset(junk, 7, sizeof junk);
    transfer(1, SEGMENT_BYTES - 100, junk, sizeof junk, true);
    transfer(1, 20000, junk, sizeof junk, true);
    assert_int_equal(segment_cut_tail(&folder, &writer, &problem), 0);
    transfer(1, 0, after, sizeof after, false);
    assert_memory_equal(before, after, sizeof before);
    assert_ends_at(&writer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_prepared_segment_is_zero_and_whole),
        TEST(zeros_are_written_with_pauses),
        TEST(an_empty_journal_ends_where_it_starts),
        TEST(every_block_is_read_from_any_start),
        TEST(a_tail_may_stand_at_the_very_end),
        TEST(a_checkpoint_beyond_the_journal_is_damage),
        TEST(a_torn_block_is_cut),
        TEST(a_torn_first_write_of_a_segment_is_cut),
        TEST(a_head_cut_off_inside_its_sector_is_written_again),
        TEST(a_torn_first_write_of_a_later_segment_is_cut),
        TEST(a_long_torn_block_is_cut),
        TEST(life_goes_on_after_a_cut),
        TEST(any_byte_before_the_tail_is_damage_and_named),
        TEST(damage_is_told_with_place_and_kind),
        TEST(missing_segments_are_damage),
        TEST(foreign_and_misplaced_segments_are_damage),
        TEST(a_foreign_segment_behind_the_tail_is_damage),
        TEST(truncated_segments_are_damage),
        TEST(remnants_with_older_numbers_are_no_evidence),
        TEST(the_expected_block_in_the_wrong_place_is_damage),
        TEST(a_foreign_block_behind_the_tail_is_no_evidence),
        TEST(a_start_that_does_not_fit_its_segment_is_damage),
        TEST(a_foreign_block_at_the_tail_is_damage),
        TEST(a_cut_leaves_everything_before_it),
    };
    return cmocka_run_group_tests_name("world/segments", tests, NULL, NULL);
}
