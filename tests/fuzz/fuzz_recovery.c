/* Fuzz: a journal of several segments and blocks, with bytes changed, sectors lost and files cut
 * short as the input says, five bytes a change. Laws of the scan and the mending:
 *   - what is kept is a prefix of the blocks that were written, each byte by byte;
 *   - a journal with nothing changed before its last block keeps every block before it;
 *   - a scan that says damage changes nothing; after a mending the next scan ends where this one
 *     did, with nothing left to mend;
 *   - one wrong bit in any block is never taken for a torn write. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/unit/world/temp_folder.h"
#include "types/ensure.h"
#include "util/le.h"
#include "world/linux/segments.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SEGMENT_BYTES (5u * BLOCK_ALIGN)
#define SEGMENTS      3u
#define BLOCKS        7u
#define SECTOR        512u
#define CHANGES       16u

static char dir[TEMP_FOLDER_SIZE];
static struct journal_folder folder;
static uint8_t sound[SEGMENTS][SEGMENT_BYTES];
static struct block_place {
    uint32_t segment, offset, size;
} places[BLOCKS];

static void remove_dir(void)
{
    temp_folder_remove(dir);
}

static void seal(uint32_t number, uint32_t segment, uint32_t offset, size_t payload,
                 uint8_t previous[BLOCK_HASH_SIZE])
{
    uint8_t *out = &sound[segment][offset];
    memset(out + BLOCK_HEAD_SIZE, (int)(0x11 * number), payload);
    struct block block = {.shard = folder.shard,
                          .epoch = 1,
                          .number = number,
                          .first_seq = number,
                          .entry_count = 1,
                          .payload = {out + BLOCK_HEAD_SIZE, payload}};
    memcpy(block.store_id, folder.store_id, STORE_ID_SIZE);
    memcpy(block.previous, previous, BLOCK_HASH_SIZE);
    block_seal(&block, out, previous);
    places[number - 1] =
        (struct block_place){segment, offset, (uint32_t)block_size_on_disk(payload)};
}

/* Segment 1 is full, 2 has a page to spare, 3 is prepared or has the last block. */
static void make_journal(void)
{
    static const size_t payloads[BLOCKS] = {64, 3000, 5000, 4000, 700, 6000, 100};
    uint8_t previous[BLOCK_HASH_SIZE];
    if (dir[0] != '\0') return;
    temp_folder_make(dir);
    atexit(remove_dir);
    folder = (struct journal_folder){.path = dir, .segment_bytes = SEGMENT_BYTES, .shard = 3};
    memcpy(folder.store_id, "0123456789abcdef", STORE_ID_SIZE);
    block_chain_start(folder.store_id, folder.shard, previous);
    uint32_t segment = 0, offset = 0;
    for (uint32_t number = 1; number <= BLOCKS; number++) {
        const uint32_t size = (uint32_t)block_size_on_disk(payloads[number - 1]);
        if (offset + size > SEGMENT_BYTES) {
            segment++;
            offset = 0;
        }
        if (offset == 0) {
            struct segment_head head = {
                .shard = folder.shard, .segment = segment + 1, .first_block = number};
            memcpy(head.store_id, folder.store_id, STORE_ID_SIZE);
            segment_head_encode(&head, sound[segment]);
            offset = SEGMENT_HEAD_SIZE;
        }
        seal(number, segment, offset, payloads[number - 1], previous);
        offset += size;
    }
    ENSURE(segment < SEGMENTS);
}

static void put_file(uint32_t segment, const uint8_t *bytes, size_t size)
{
    char path[SEGMENT_PATH_MAX];
    segment_path(dir, segment + 1, path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ENSURE(fd >= 0);
    ENSURE(write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

/* The callback of a scan: the block is the one that was written. */
static int see_block(void *context, const struct block *block, uint32_t segment, uint64_t offset,
                     const struct journal_position *after)
{
    uint64_t *seen = context;
    ENSURE(block->number == ++*seen);
    ENSURE(*seen <= BLOCKS);
    const struct block_place *place = &places[*seen - 1];
    ENSURE(place->segment + 1 == segment);
    ENSURE(place->offset == offset);
    ENSURE(after->offset == offset + place->size);
    ENSURE(memcmp(block->payload.data, &sound[place->segment][offset + BLOCK_HEAD_SIZE],
                  block->payload.size) == 0);
    return 0;
}

static int scan(struct journal_scan *ret_scan, uint64_t *ret_seen, struct problem *problem)
{
    struct journal_position start;
    *ret_seen = 0;
    const struct journal_reader reader = {.block = see_block, .context = ret_seen};
    journal_start(&folder, &start);
    return journal_scan(&folder, &start, &reader, ret_scan, problem);
}

/* One change: kind, segment, offset (2, in units of 4 bytes) and a value. */
static void change(uint8_t files[SEGMENTS][SEGMENT_BYTES], size_t sizes[SEGMENTS],
                   const uint8_t *in)
{
    const uint32_t segment = in[1] % SEGMENTS;
    const uint32_t offset = le_load16(in + 2) * 4u % SEGMENT_BYTES + in[0] / 64;
    switch (in[0] % 8) {
    case 0: /* A sector that never arrived. */
        memset(&files[segment][offset / SECTOR * SECTOR], 0, SECTOR);
        break;
    case 1: /* Another one's bytes. */
        memcpy(&files[segment][offset / SECTOR * SECTOR],
               &sound[in[4] % SEGMENTS][(in[4] / 4 * SECTOR) % SEGMENT_BYTES], SECTOR);
        break;
    case 2:
        sizes[segment] = offset;
        break;
    case 3: /* From there on nothing was written. */
        memset(&files[segment][offset], 0, SEGMENT_BYTES - offset);
        break;
    case 4:
        files[segment][offset] ^= (uint8_t)(1u << in[4] % 8);
        break;
    default:
        files[segment][offset] = in[4];
    }
}

/* The files differ from the sound ones in one bit of a block: which block, or 0. */
static uint32_t flipped_block(uint8_t files[SEGMENTS][SEGMENT_BYTES])
{
    uint32_t bits = 0, block = 0;
    for (uint32_t segment = 0; segment < SEGMENTS; segment++) {
        for (uint32_t i = 0; i < SEGMENT_BYTES; i++) {
            const uint8_t difference = files[segment][i] ^ sound[segment][i];
            if (difference == 0) continue;
            bits += (uint32_t)__builtin_popcount(difference);
            for (uint32_t b = 0; b < BLOCKS; b++) {
                if (places[b].segment == segment && i >= places[b].offset &&
                    i < places[b].offset + places[b].size)
                    block = b + 1;
            }
        }
    }
    return bits == 1 ? block : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t files[SEGMENTS][SEGMENT_BYTES];
    size_t sizes[SEGMENTS] = {SEGMENT_BYTES, SEGMENT_BYTES, SEGMENT_BYTES};
    struct journal_scan first, again;
    struct problem problem = {{0}};
    uint64_t kept, kept_again;
    make_journal();
    memcpy(files, sound, sizeof files);
    for (size_t i = 0; i + 5 <= size && i < 5 * CHANGES; i += 5)
        change(files, sizes, data + i);
    bool whole = true;
    for (uint32_t i = 0; i < SEGMENTS; i++) {
        put_file(i, files[i], sizes[i]);
        whole = whole && sizes[i] == SEGMENT_BYTES;
    }
    const int r = scan(&first, &kept, &problem);
    ENSURE(r == 0 || r == -EUCLEAN);
    if (r != 0) {
        ENSURE(strstr(problem.text, ".qfj, offset ") != NULL ||
               strstr(problem.text, "missing") != NULL);
        return 0;
    }
    ENSURE(whole);
    ENSURE(flipped_block(files) == 0);
    ENSURE(first.tail.next_block == kept + 1);
    ENSURE(journal_mend(&folder, &first, &problem) == 0);
    ENSURE(scan(&again, &kept_again, &problem) == 0);
    ENSURE(kept_again == kept);
    ENSURE(again.end == JOURNAL_END);
    ENSURE(again.headless == 0);
    return 0;
}
