#include "tests/lib/journal_memory.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "journal/block.h"
#include "types/ensure.h"

static struct block_place next_place(const struct journal_view *journal, uint32_t size,
                                     uint32_t segment_bytes)
{
    if (journal->count == 0)
        return (struct block_place){1, SEGMENT_HEAD_SIZE, SEGMENT_HEAD_SIZE + size};
    const struct block_place last = journal->blocks[journal->count - 1].place;
    if (last.end <= segment_bytes && segment_bytes - last.end >= size)
        return (struct block_place){last.segment, last.end, last.end + size};
    return (struct block_place){last.segment + 1, SEGMENT_HEAD_SIZE, SEGMENT_HEAD_SIZE + size};
}

const struct memory_block *journal_memory_add(struct journal_view *journal, struct bytes block,
                                              uint32_t segment_bytes)
{
    const struct block_place place = next_place(journal, (uint32_t)block.size, segment_bytes);
    if (journal->count == journal->room) {
        journal->room = journal->room * 2 + 16;
        journal->blocks = realloc(journal->blocks, journal->room * sizeof *journal->blocks);
        NEED_MEMORY(journal->blocks);
    }
    struct memory_block *copy = &journal->blocks[journal->count++];
    *copy = (struct memory_block){aligned_alloc(BLOCK_ALIGN, block.size), block.size, place};
    NEED_MEMORY(copy->bytes);
    memcpy(copy->bytes, block.data, block.size);
    return copy;
}

void journal_memory_free(struct journal_view *journal)
{
    for (uint32_t i = 0; i < journal->count; i++)
        free(journal->blocks[i].bytes);
    free(journal->blocks);
    free(journal->good);
    *journal = (struct journal_view){0};
}

static bool ends_before(const struct block_place *place, uint32_t segment, uint32_t offset)
{
    return place->segment != segment ? place->segment < segment : place->end <= offset;
}

static bool was_read(const struct journal_view *journal, const struct memory_read *read)
{
    for (uint32_t i = 0; i < journal->good_count; i++) {
        const struct memory_read *good = &journal->good[i];
        if (good->segment == read->segment && good->offset == read->offset &&
            good->size == read->size) {
            return true;
        }
    }
    return false;
}

/* True when the disk gives no more. */
static bool disk_fails(struct journal_view *journal, struct memory_read read)
{
    if (journal->fails_at == 0 || was_read(journal, &read)) return false;
    if (journal->good_count + 1 >= journal->fails_at) {
        journal->failed = true;
        return true;
    }
    if (journal->good_count == journal->good_room) {
        journal->good_room = journal->good_room * 2 + 16;
        journal->good = realloc(journal->good, journal->good_room * sizeof *journal->good);
        NEED_MEMORY(journal->good);
    }
    journal->good[journal->good_count++] = read;
    return false;
}

int journal_bytes(struct journal_view *journal, uint32_t segment, uint32_t offset, size_t size,
                  struct bytes *ret_bytes)
{
    uint32_t low = 0;
    uint32_t high = journal->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (ends_before(&journal->blocks[middle].place, segment, offset)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (disk_fails(journal, (struct memory_read){segment, offset, size}))
        return journal->fails_with != 0 ? journal->fails_with : -EIO;
    if (low == journal->count) return -ENOENT;
    const struct memory_block *block = &journal->blocks[low];
    if (block->place.segment != segment || offset < block->place.offset) return -ERANGE;
    const uint32_t at = offset - block->place.offset;
    const size_t rest = block->size - at;
    *ret_bytes = (struct bytes){block->bytes + at, size < rest ? size : rest};
    return 0;
}

void journal_unread(struct journal_view *journal, uint32_t segment, uint32_t offset, uint64_t seq,
                    int error)
{
    (void)segment, (void)offset, (void)seq, (void)error;
    journal->unread++;
}

_Noreturn void journal_lost(const struct journal_view *journal, uint32_t segment, uint32_t offset,
                            uint64_t seq, int error)
{
    char text[128];
    (void)journal;
    snprintf(text, sizeof text, "segment %" PRIu32 ", offset %" PRIu32 ": entry %" PRIu64 ": %d",
             segment, offset, seq, error);
    damage_found(text);
}
