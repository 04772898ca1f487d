/* test_damage_journal -- a small journal, damaged in turn in every bit of every head, in every byte
 * of every payload, and in one of nine of what is zero: padding, unused ends, a prepared segment.
 * The verifier must find each one and name the place; the engine's own scan must find it too or
 * give every entry that was acknowledged. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "tools/verify/chain.h"
#include "world/linux/segments.h"

#define SEGMENT_BYTES (4 * BLOCK_ALIGN) /* A head and three pages. */
#define SEGMENTS      3
#define SHARD         1

static const uint8_t store_id[STORE_ID_SIZE] = "0123456789abcdef";

static char path[TEMP_FOLDER_SIZE];
static struct journal_folder folder;
static uint8_t *segments[SEGMENTS]; /* Mapped: a change is in the file at once. */

/* The blocks, in order: bytes of each of its entries' bodies. The last one of the first segment
 * leaves a page unused, and the very last a page behind it. */
struct planned {
    uint32_t segment;
    uint64_t offset, size;
    uint32_t bodies[4];
    uint32_t count;
};
static struct planned blocks[] = {
    {0, 4096, 0, {100, 333, 7}, 3},
    {0, 8192, 0, {1}, 1},
    {1, 4096, 0, {2000, 2500, 64}, 3}, /* Two pages, so the page above stays unused. */
    {1, 12288, 0, {40, 40, 40, 41}, 4},
};
#define BLOCKS  (sizeof blocks / sizeof blocks[0])
#define ENTRIES UINT64_C(11)

static uint32_t blocks_kept; /* How many of them stand in the files. */
static uint64_t entries_kept;

static size_t write_entries(uint8_t *out, const struct planned *block, uint64_t seq)
{
    size_t at = 0;
    for (uint32_t i = 0; i < block->count; i++) {
        uint8_t body[4096];
        for (uint32_t k = 0; k < block->bodies[i]; k++)
            body[k] = (uint8_t)(seq + i + k * 7);
        const struct entry entry = {
            .seq = seq + i,
            .stamp_ms = (int64_t)(1000 * (seq + i)),
            .kind = ENTRY_SETTLEMENT,
            .period = 202503,
            .orig_period = 202503,
            .sender = 34,
            .line = 1,
            .insurance = 1,
            .body = {body, block->bodies[i]},
        };
        entry_encode(&entry, out + at);
        at += entry_size(entry.body.size);
    }
    return at;
}

/* Fills the files with the first `count` blocks. */
static void write_journal(uint32_t count)
{
    uint8_t previous[BLOCK_HASH_SIZE];
    uint64_t seq = 1;
    block_chain_start(store_id, SHARD, previous);
    for (int i = 0; i < SEGMENTS; i++)
        memset(segments[i], 0, SEGMENT_BYTES);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *out = segments[blocks[i].segment] + blocks[i].offset;
        const size_t payload = write_entries(out + BLOCK_HEAD_SIZE, &blocks[i], seq);
        struct block block = {
            .shard = SHARD,
            .epoch = 1,
            .number = i + 1,
            .first_seq = seq,
            .entry_count = blocks[i].count,
            .payload = {out + BLOCK_HEAD_SIZE, payload},
        };
        memcpy(block.store_id, store_id, STORE_ID_SIZE);
        memcpy(block.previous, previous, BLOCK_HASH_SIZE);
        block_seal(&block, out, previous);
        blocks[i].size = block_size_on_disk(payload);
        seq += blocks[i].count;
        if (blocks[i].offset != SEGMENT_HEAD_SIZE) continue;
        struct segment_head head = {
            .shard = SHARD, .segment = blocks[i].segment + 1, .first_block = i + 1};
        memcpy(head.store_id, store_id, STORE_ID_SIZE);
        segment_head_encode(&head, segments[blocks[i].segment]);
    }
    blocks_kept = count;
    entries_kept = seq - 1;
}

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(path);
    folder = (struct journal_folder){.path = path, .segment_bytes = SEGMENT_BYTES, .shard = SHARD};
    memcpy(folder.store_id, store_id, STORE_ID_SIZE);
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        char name[SEGMENT_PATH_MAX];
        assert_int_equal(segment_prepare(path, i + 1, SEGMENT_BYTES, SEGMENT_RESERVED, NULL), 0);
        segment_path(path, i + 1, name);
        const int fd = open(name, O_RDWR);
        assert_true(fd >= 0);
        segments[i] = mmap(NULL, SEGMENT_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        assert_ptr_not_equal(segments[i], MAP_FAILED);
        close(fd);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < SEGMENTS; i++)
        munmap(segments[i], SEGMENT_BYTES);
    temp_folder_remove(path);
    return 0;
}

/* Reads the journal as `qingfen verify` does. True when it says that something is wrong. */
static bool verify_finds(struct finding *finding, uint64_t *ret_entries, bool *ret_torn)
{
    struct chain chain;
    struct entry entry;
    place_t place;
    *finding = (struct finding){.found = false};
    if (chain_open(&chain, path, store_id, SHARD, finding)) {
        while (chain_next(&chain, &entry, &place, finding) == CHAIN_ENTRY)
            continue;
    }
    *ret_entries = chain.entries;
    *ret_torn = chain.torn;
    chain_close(&chain);
    return finding->found;
}

static int engine_scan(struct journal_scan *scan, struct problem *problem)
{
    struct journal_position start;
    const struct journal_reader reader = {.must_reach_seq = 0};
    journal_start(&folder, &start);
    return journal_scan(&folder, &start, &reader, scan, problem);
}

/* Where the thing that stands at a place begins and ends: a head, a block, unused pages. */
static void extent_of(uint32_t segment, uint64_t offset, uint64_t *ret_from, uint64_t *ret_to)
{
    *ret_from = 0;
    *ret_to = SEGMENT_HEAD_SIZE;
    for (uint32_t i = 0; i < blocks_kept && offset >= SEGMENT_HEAD_SIZE; i++) {
        if (blocks[i].segment != segment || offset < blocks[i].offset) continue;
        *ret_from = blocks[i].offset;
        *ret_to = blocks[i].offset + blocks[i].size;
    }
    if (offset < *ret_to) return;
    *ret_from = offset; /* Unused: the very byte. */
    *ret_to = offset + 1;
}

static void assert_place(const char *text, uint32_t segment, uint64_t offset)
{
    unsigned file = 0, byte = 0;
    uint64_t from, to;
    const char *place = strstr(text, "journal/");
    if (place == NULL || sscanf(place, "journal/%u.qfj, byte %u", &file, &byte) != 2)
        fail_msg("segment %u byte %llu: no place in \"%s\"", segment + 1,
                 (unsigned long long)offset, text);
    extent_of(segment, offset, &from, &to);
    if (file != segment + 1 || byte < from || byte >= to)
        fail_msg("segment %u byte %llu: \"%s\"", segment + 1, (unsigned long long)offset, text);
}

/* One byte is wrong in these bits: the verifier says where, the engine loses nothing. `single`: one
 * bit; of more in the last block no reader can tell rot from a write that was cut off. */
static void damage(uint32_t segment, uint64_t offset, uint8_t bits)
{
    struct finding finding;
    struct journal_scan scan;
    struct problem problem = {{0}};
    uint64_t entries;
    bool torn;
    const bool single = (bits & (bits - 1)) == 0;
    const struct planned *last = &blocks[blocks_kept - 1];
    const bool in_last = segment == last->segment && offset >= last->offset;
    const bool behind = segment > last->segment || (in_last && offset >= last->offset + last->size);

    segments[segment][offset] ^= bits;
    const bool found = verify_finds(&finding, &entries, &torn);
    if (found) {
        assert_place(finding.text, segment, offset);
    } else {
        assert_false(single);
        assert_true(in_last || behind);
        assert_true(torn);
    }
    const int r = engine_scan(&scan, &problem);
    if (r != 0) {
        char file[32];
        assert_int_equal(r, -EUCLEAN);
        snprintf(file, sizeof file, "%08u.qfj, offset", segment + 1);
        if (strstr(problem.text, file) == NULL) fail_msg("not in %s: %s", file, problem.text);
    } else if (single || behind || !in_last) {
        /* It goes on: then everything that was acknowledged must be there. */
        assert_int_equal(scan.tail.next_seq, entries_kept + 1);
        assert_true(behind);
    }
    segments[segment][offset] ^= bits;
}

static void damage_everything(uint32_t from_segment)
{
    struct finding finding;
    struct journal_scan scan;
    struct problem problem = {{0}};
    uint64_t entries;
    bool torn;
    assert_false(verify_finds(&finding, &entries, &torn));
    assert_int_equal(entries, entries_kept);
    assert_int_equal(engine_scan(&scan, &problem), 0);
    assert_int_equal(scan.tail.next_seq, entries_kept + 1);

    for (uint32_t segment = from_segment; segment < SEGMENTS; segment++) {
        for (uint64_t offset = 0; offset < SEGMENT_BYTES; offset++) {
            const uint64_t in_page = offset % BLOCK_ALIGN;
            const bool zero = segments[segment][offset] == 0;
            const bool field = in_page < BLOCK_HEAD_SIZE + ENTRY_HEAD_SIZE &&
                               segments[segment][offset - in_page] != 0;
            for (uint32_t bit = 0; bit < 8; bit++) {
                if (field || (bit == offset % 8 && (!zero || offset % 9 == 0)))
                    damage(segment, offset, (uint8_t)(1u << bit));
            }
            if (offset % 61 == 0) damage(segment, offset, 0xff);
        }
    }
    assert_false(verify_finds(&finding, &entries, &torn)); /* Everything is as it was. */
}

static void every_byte_of_a_journal(void **state)
{
    (void)state;
    write_journal(BLOCKS);
    assert_int_equal(entries_kept, ENTRIES);
    damage_everything(0);
}

/* The last block is the first of its segment: head and block were one write. */
static void every_byte_when_a_segment_was_just_begun(void **state)
{
    (void)state;
    write_journal(3);
    damage_everything(1);
}

/* A missing file between two others is no end. */
static void a_missing_segment(void **state)
{
    (void)state;
    struct finding finding;
    uint64_t entries;
    bool torn;
    char name[SEGMENT_PATH_MAX];
    write_journal(BLOCKS);
    segment_path(path, 2, name);
    assert_int_equal(unlink(name), 0);
    assert_true(verify_finds(&finding, &entries, &torn));
    assert_non_null(strstr(finding.text, "00000002.qfj: the segment is missing"));
}

/* Sectors of the last block that never arrived are a torn write to both readers, whichever. */
static void torn_writes_are_no_damage(void **state)
{
    (void)state;
    struct finding finding;
    struct journal_scan scan;
    struct problem problem = {{0}};
    uint64_t entries;
    bool torn;
    for (uint32_t lost = 1; lost < 1u << 8; lost++) {
        write_journal(3); /* Its block has 4816 bytes in 16 sectors. */
        uint8_t *block = segments[1] + blocks[2].offset;
        bool any = false;
        for (uint32_t sector = 0; sector < 8; sector++) {
            if ((lost >> sector & 1) == 0) continue;
            memset(block + 512 * sector, 0, 512);
            any = true;
        }
        assert_true(any);
        assert_false(verify_finds(&finding, &entries, &torn));
        assert_true(torn);
        assert_int_equal(entries, 4);
        if (engine_scan(&scan, &problem) != 0) fail_msg("%x: %s", lost, problem.text);
        assert_int_equal(scan.end, JOURNAL_TORN);
        assert_int_equal(scan.tail.next_seq, 5);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_byte_of_a_journal),
        TEST(every_byte_when_a_segment_was_just_begun),
        TEST(a_missing_segment),
        TEST(torn_writes_are_no_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
