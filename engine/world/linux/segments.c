/* segments -- see segments.h. Here the scan: it follows the chain block by block, from segment to
 * segment, and judges what stands behind its end. Making a segment is segment_prepare.c's, mending
 * a journal segment_mend.c's. */
#include "world/linux/segments.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"
#include "world/linux/segment_search.h"

void segment_path(const char *folder, uint32_t number, char ret_path[SEGMENT_PATH_MAX])
{
    int size = snprintf(ret_path, SEGMENT_PATH_MAX, "%s/%08" PRIu32 ".qfj", folder, number);
    ENSURE(size > 0);
    ENSURE(size < SEGMENT_PATH_MAX);
}

/* ---- judging blocks -------------------------------------------------------------------------- */

/* What is wrong with bytes that block_open() did not call sound, in words. */
static const char *what_is_wrong(struct bytes source)
{
    if (bytes_all_zero(source.data, BLOCK_ALIGN))
        return "there are zeros, and other bytes behind them";
    if (!block_begins(source.data)) return "this is not the beginning of a block";
    uint32_t head_crc = le_load32(source.data + BLOCK_HEAD_SIZE - 4);
    if (head_crc != checksum_crc32c(0, source.data, BLOCK_HEAD_SIZE - 4))
        return "the block's head does not match its checksum";
    return "the block's payload does not match its checksum, or its padding is not zero";
}

/* What stands at a place. */
enum found {
    FOUND_NEXT,  /* The sound expected block. */
    FOUND_EMPTY, /* A page of zeros. */
    FOUND_OTHER, /* Something else that may be a torn write or a remnant. */
};

/* Compares a sound block with the position; damage when it cannot be explained by a torn write. */
static int judge_block(struct walk *walk, const struct journal_position *at, uint64_t offset,
                       const struct block *block, enum found *ret_found)
{
    if (!segment_is_ours(walk->folder, block->store_id, block->shard))
        return DAMAGE(walk, offset, "this block belongs to another store or shard");
    if (block->number < at->next_block) {
        *ret_found = FOUND_OTHER; /* A remnant of what was cut before. */
        return 0;
    }
    if (block->number > at->next_block)
        return DAMAGE(walk, offset, "block %" PRIu64 " should stand here, but it is block %" PRIu64,
                      at->next_block, block->number);
    if (memcmp(block->previous, at->previous, BLOCK_HASH_SIZE) != 0)
        return DAMAGE(walk, offset,
                      "block %" PRIu64 " does not follow the block before it: the hash chain is "
                      "broken",
                      block->number);
    if (block->first_seq != at->next_seq)
        return DAMAGE(walk, offset,
                      "block %" PRIu64 " begins with entry %" PRIu64 ", but %" PRIu64 " comes next",
                      block->number, block->first_seq, at->next_seq);
    *ret_found = FOUND_NEXT;
    return 0;
}

/* Looks at `offset` of the open segment for the block that `at` expects. The block is borrowed
 * until the next walk_look(); `ret_found` FOUND_NEXT means that it and its hash are set. */
static int find_block(struct walk *walk, const struct journal_position *at, uint64_t offset,
                      enum found *ret_found, struct block *ret_block,
                      uint8_t ret_hash[BLOCK_HASH_SIZE])
{
    struct bytes source;
    int r = walk_look_block(walk, offset, &source);
    if (r != 0) return r;
    switch (block_open(source, ret_block, ret_hash)) {
    case BLOCK_SOUND:
        return judge_block(walk, at, offset, ret_block, ret_found);
    case BLOCK_EMPTY:
        *ret_found = FOUND_EMPTY;
        return 0;
    case BLOCK_BROKEN:
        break;
    }
    *ret_found = FOUND_OTHER;
    return 0;
}

/* ---- the scan ------------------------------------------------------------------------------ */

/* Puts the found block behind the tail and tells the caller. */
static int take_block(struct walk *walk, const struct block *block, uint64_t offset,
                      const uint8_t hash[BLOCK_HASH_SIZE])
{
    if (walk->scan.headless != 0) {
        segment_path(walk->folder->path, walk->scan.headless, walk->path);
        return DAMAGE(walk, 0,
                      "the segment's head was not written whole, but block %" PRIu64
                      " was written after its first one",
                      block->number);
    }
    struct journal_position *tail = &walk->scan.tail;
    uint64_t size = block_size_on_disk(block->payload.size);
    tail->segment = walk->segment;
    tail->offset = offset + size;
    tail->next_block = block->number + 1;
    tail->next_seq = block->first_seq + block->entry_count;
    memcpy(tail->previous, hash, BLOCK_HASH_SIZE);
    walk->scan.last_offset = offset;
    walk->scan.block_count++;
    walk->scan.entry_count += block->entry_count;
    walk->done_bytes += size;
    if (walk->reader->block == NULL) return 0;
    return walk->reader->block(walk->reader->context, block, walk->segment, offset, tail);
}

/* Follows the chain in the open segment from the tail on, until something else stands there. */
static int follow_segment(struct walk *walk)
{
    struct journal_position *tail = &walk->scan.tail;
    while (tail->offset < walk->folder->segment_bytes) {
        enum found found = FOUND_OTHER;
        struct block block;
        uint8_t hash[BLOCK_HASH_SIZE];
        int r = find_block(walk, tail, tail->offset, &found, &block, hash);
        if (r != 0) return r;
        if (found != FOUND_NEXT) return 0;
        r = take_block(walk, &block, tail->offset, hash);
        if (r != 0) return r;
    }
    return 0;
}

/* True when the page is zero or has only the first bytes of the head that belongs there: the write
 * of head and block was cut off before the head's sector or inside it. Any other byte is damage. */
static bool head_cut_off(const struct walk *walk, uint32_t number, struct bytes page)
{
    uint8_t whole[SEGMENT_HEAD_SIZE];
    segment_head_of(walk->folder, number, walk->scan.tail.next_block, whole);
    size_t written = 0;
    while (written < page.size && page.data[written] == whole[written])
        written++;
    return written < page.size && bytes_all_zero(page.data + written, page.size - written);
}

/* Enters the segment after the tail's, when it goes on there: takes its first block and sets
 * *ret_entered. Leaves the tail alone when it does not. */
static int enter_segment(struct walk *walk, uint32_t number, bool *ret_entered)
{
    *ret_entered = false;
    if (!walk_has(walk, number)) return 0;
    int r = walk_open(walk, number);
    if (r != 0) return r;
    struct journal_position *tail = &walk->scan.tail;
    struct segment_head head;
    struct bytes page;
    r = walk_look(walk, 0, SEGMENT_HEAD_SIZE, &page);
    if (r != 0) return r;
    bool headless = head_cut_off(walk, number, page);
    if (!headless && !segment_head_decode(page, &head)) return 0; /* The search will judge. */
    if (!headless) {
        r = segment_judge_head(walk, &head);
        if (r != 0) return r;
        if (head.first_block != tail->next_block)
            return DAMAGE(walk, 0,
                          "the segment begins with block %" PRIu64 ", but %" PRIu64 " comes next",
                          head.first_block, tail->next_block);
    }
    enum found found = FOUND_OTHER;
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    r = find_block(walk, tail, SEGMENT_HEAD_SIZE, &found, &block, hash);
    if (r != 0 || found != FOUND_NEXT) return r;
    walk->done_bytes += SEGMENT_HEAD_SIZE;
    r = take_block(walk, &block, SEGMENT_HEAD_SIZE, hash);
    if (r != 0) return r;
    if (headless) walk->scan.headless = number;
    *ret_entered = true;
    return 0;
}

/* Where the first page that is not zero stands behind the tail in its segment, which is open; its
 * size when there is none, as it is when a block did not fit. */
static int find_used(struct walk *walk, uint64_t *ret_offset)
{
    uint64_t offset = walk->scan.tail.offset;
    for (; offset < walk->folder->segment_bytes; offset += BLOCK_ALIGN) {
        struct bytes page;
        int r = walk_look(walk, offset, BLOCK_ALIGN, &page);
        if (r != 0) return r;
        if (!bytes_all_zero(page.data, BLOCK_ALIGN)) break;
    }
    *ret_offset = offset;
    return 0;
}

/* The tail's segment, when the scan begins inside it. */
static int check_start(struct walk *walk)
{
    const struct journal_position *tail = &walk->scan.tail;
    if (tail->offset == 0) return 0;
    segment_path(walk->folder->path, tail->segment, walk->path);
    if (!walk_has(walk, tail->segment))
        return problem_set(walk->problem, -EUCLEAN,
                           "%s: the segment is missing; block %" PRIu64 " is expected at offset "
                           "%" PRIu64 " of it",
                           walk->path, tail->next_block, tail->offset);
    int r = walk_open(walk, tail->segment);
    if (r != 0) return r;
    struct segment_head head;
    struct bytes page;
    r = walk_look(walk, 0, SEGMENT_HEAD_SIZE, &page);
    if (r != 0) return r;
    if (!segment_head_decode(page, &head))
        return DAMAGE(walk, 0, "%s", "the segment's head does not match its checksum");
    r = segment_judge_head(walk, &head);
    if (r != 0) return r;
    bool first = tail->offset == SEGMENT_HEAD_SIZE;
    if (first ? head.first_block != tail->next_block : head.first_block >= tail->next_block)
        return DAMAGE(walk, 0,
                      "the segment begins with block %" PRIu64 ", which does not fit block %" PRIu64
                      " at offset %" PRIu64,
                      head.first_block, tail->next_block, tail->offset);
    return 0;
}

/* Follows the chain from segment to segment until it ends. */
static int follow(struct walk *walk)
{
    const struct journal_position *tail = &walk->scan.tail;
    bool entered = true;
    int r = check_start(walk);
    if (r == 0 && tail->offset == 0) r = enter_segment(walk, tail->segment, &entered);
    while (r == 0 && entered) {
        r = follow_segment(walk);
        if (r != 0) return r;
        uint64_t used, end = walk->folder->segment_bytes;
        r = find_used(walk, &used);
        if (r != 0 || used != end) return r;
        uint64_t rest = end - tail->offset;
        r = enter_segment(walk, tail->segment + 1, &entered);
        if (entered) walk->done_bytes += rest;
    }
    return r;
}

/* Sets the place of damage and what is wrong there, when something sound stands behind it. */
static int find_damage(struct walk *walk, const struct search *search, uint64_t *ret_offset,
                       const char **ret_wrong)
{
    const struct journal_position *tail = &walk->scan.tail;
    uint32_t number = tail->segment;
    uint64_t offset = tail->offset, used = offset, end = walk->folder->segment_bytes;
    struct bytes source;
    int r = 0;
    if (offset != 0) {
        r = walk_open(walk, number);
        if (r == 0) r = find_used(walk, &used);
        if (r != 0) return r;
    }
    if (used == end && search->segment > number) { /* It ends as it should: the next one is bad. */
        number++;
        offset = 0;
    }
    *ret_offset = offset;
    if (!walk_has(walk, number)) {
        segment_path(walk->folder->path, number, walk->path);
        *ret_wrong = "the segment is missing";
        return 0;
    }
    r = walk_open(walk, number);
    if (r != 0) return r;
    if (offset == 0) {
        *ret_wrong = "the segment's head or its first block is damaged";
        return 0;
    }
    r = walk_look_block(walk, offset, &source);
    if (r != 0) return r;
    *ret_wrong = what_is_wrong(source);
    return 0;
}

/* Says where the chain ends and what must not be behind it. */
static int evidence_problem(struct walk *walk, const struct search *search)
{
    uint64_t offset = 0;
    const char *wrong = NULL;
    int r = find_damage(walk, search, &offset, &wrong);
    if (r != 0) return r;
    char behind[SEGMENT_PATH_MAX];
    segment_path(walk->folder->path, search->segment, behind);
    return DAMAGE(walk, offset,
                  "block %" PRIu64 " should stand here, but %s; block %" PRIu64
                  " stands behind it (%s, offset %" PRIu64 "), so this is no torn write",
                  walk->scan.tail.next_block, wrong, search->number, behind, search->offset);
}

/* Damage when the block that comes next stands at {number, offset} but for one bit: it was written
 * whole, so it may have been acknowledged, and must not be cut off as a torn write. */
static int judge_flip(struct walk *walk, uint32_t number, uint64_t offset)
{
    const struct journal_position *tail = &walk->scan.tail;
    if (!walk_has(walk, number) || offset >= walk->folder->segment_bytes) return 0;
    struct bytes source;
    uint64_t bit;
    int r = walk_open(walk, number);
    if (r == 0) r = walk_look(walk, offset, BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX, &source);
    if (r != 0 || !block_find_flip(source, &bit)) return r;

    uint8_t *byte = walk->window.data + (offset - walk->window.start) + bit / 8;
    struct block block;
    uint8_t hash[BLOCK_HASH_SIZE];
    *byte ^= (uint8_t)(1u << bit % 8);
    ENSURE(block_open(source, &block, hash) == BLOCK_SOUND);
    const bool next = segment_is_ours(walk->folder, block.store_id, block.shard) &&
                      block.number == tail->next_block && block.first_seq == tail->next_seq &&
                      memcmp(block.previous, tail->previous, BLOCK_HASH_SIZE) == 0;
    *byte ^= (uint8_t)(1u << bit % 8);
    if (!next) return 0;
    return DAMAGE(walk, offset + bit / 8,
                  "bit %u of this byte is wrong, and block %" PRIu64
                  " is whole but for it, so this is no torn write",
                  (unsigned)(bit % 8), tail->next_block);
}

/* The next block stands at the tail, or first in the segment that begins there. */
static int judge_flips(struct walk *walk)
{
    const struct journal_position *tail = &walk->scan.tail;
    const uint32_t begun = tail->offset == 0 ? tail->segment : tail->segment + 1;
    const int r = tail->offset == 0 ? 0 : judge_flip(walk, tail->segment, tail->offset);
    return r != 0 ? r : judge_flip(walk, begun, SEGMENT_HEAD_SIZE);
}

/* Decides between END, TORN and DAMAGE. */
static int judge_tail(struct walk *walk)
{
    struct journal_scan *scan = &walk->scan;
    const struct journal_position *tail = &scan->tail;
    struct search search;
    int r = search_behind(walk, tail->segment, tail->offset, tail->next_block, &search);
    if (r != 0) return r;
    if (search.evidence) return evidence_problem(walk, &search);
    if (tail->next_seq <= walk->reader->must_reach_seq) {
        segment_path(walk->folder->path, tail->segment, walk->path);
        return DAMAGE(walk, tail->offset,
                      "the journal ends here with entry %" PRIu64
                      ", but the state was written with entry %" PRIu64,
                      tail->next_seq - 1, walk->reader->must_reach_seq);
    }
    if (search.used_bytes != 0) {
        r = judge_flips(walk);
        if (r != 0) return r;
    }
    scan->end = search.used_bytes == 0 ? JOURNAL_END : JOURNAL_TORN;
    scan->torn_bytes = search.used_bytes;
    scan->tail_exists = walk_has(walk, tail->segment);
    scan->next_prepared =
        walk_has(walk, tail->segment + 1) && search.used_segment != tail->segment + 1;
    return 0;
}

void journal_start(const struct journal_folder *folder, struct journal_position *ret_position)
{
    *ret_position = (struct journal_position){.segment = 1, .next_block = 1, .next_seq = 1};
    block_chain_start(folder->store_id, folder->shard, ret_position->previous);
}

bool journal_fits(const struct journal_folder *folder, const struct journal_position *position,
                  uint64_t block_bytes)
{
    uint64_t offset = position->offset == 0 ? SEGMENT_HEAD_SIZE : position->offset;
    ENSURE(offset <= folder->segment_bytes);
    return block_bytes <= folder->segment_bytes - offset;
}

int journal_scan(const struct journal_folder *folder, const struct journal_position *start,
                 const struct journal_reader *reader, struct journal_scan *ret_scan,
                 struct problem *problem)
{
    position_check(folder, start);
    struct walk walk;
    int r = walk_init(&walk, folder, problem);
    if (r != 0) return r;
    walk.reader = reader;
    walk.scan.tail = *start;
    for (size_t i = 0; i < walk.list.count; i++) {
        if (walk.list.numbers[i] >= start->segment) walk.total_bytes += folder->segment_bytes;
        if (walk.list.numbers[i] == start->segment) walk.total_bytes -= start->offset;
    }
    r = follow(&walk);
    if (r == 0) r = judge_tail(&walk);
    if (r == 0) {
        walk.done_bytes = walk.total_bytes;
        walk_report(&walk);
        *ret_scan = walk.scan;
    }
    walk_done(&walk);
    return r;
}
