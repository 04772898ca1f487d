#include "ledger/delta.h"

#include <stdlib.h>

#include "types/ensure.h"
#include "util/cache_line.h"
#include "util/large.h"

#define IDS_PER_ENTRY  3
#define PREFETCH_MAX   512 /* Bytes of an entry: few are longer. */
#define MARKS_TOGETHER 16  /* Slots of a cache line, for entries that follow each other. */

struct delta {
    uint64_t first_seq;
    uint32_t count;
    uint32_t entries_max;
    uint32_t run;
    uint32_t ids_used;
    uint32_t note_count;
    uint32_t block_count;
    uint64_t chain_mask;
    uint32_t mark_count;
    uint64_t mark_mask;
    size_t used;
    size_t bytes_max;
    uint8_t *bytes;      /* Entries, one after the other. */
    size_t kept;         /* So many bytes of them lie there; … */
    const uint8_t *open; /* … the others here, until they are kept. */
    struct delta_block *blocks;
    struct mark *marks;   /* In order of arrival. */
    uint32_t *mark_slots; /* Open addressing by seq: index into `marks` plus 1. */

    void *memory;   /* Of the following, side by side for large pages, as the heap gave it. */
    struct id *ids; /* In order of arrival, as the merge wants them. */
    struct record_note *notes;
    uint64_t *offsets; /* Of each entry in `bytes`. */
    uint32_t *chains;  /* By hash: the newest id of a chain, its place in `ids` plus 1; 0: none. */
    uint32_t *links;   /* Of each id: the one before it in its chain, said in the same way. */
};

static uint64_t power_of_two(uint64_t least)
{
    uint64_t value = 1;
    while (value < least)
        value *= 2;
    return value;
}

static uint64_t ids_max(const struct delta *delta)
{
    return (uint64_t)delta->entries_max * IDS_PER_ENTRY;
}

static size_t tables_size(const struct delta *delta)
{
    return ids_max(delta) * (sizeof *delta->ids + sizeof *delta->links) +
           delta->entries_max * (sizeof *delta->notes + sizeof *delta->offsets) +
           (delta->chain_mask + 1) * sizeof *delta->chains;
}

/* What holds words of eight bytes comes first. */
static bool make_tables(struct delta *delta)
{
    /* Zeros from the kernel, untouched. */
    delta->memory = calloc(1, large_size(tables_size(delta)) + LARGE_PAGE);
    if (delta->memory == NULL) return false;
    const uintptr_t start = (uintptr_t)delta->memory;
    delta->ids = (struct id *)((uint8_t *)delta->memory + (LARGE_PAGE - start % LARGE_PAGE));
    delta->notes = (struct record_note *)(delta->ids + ids_max(delta));
    delta->offsets = (uint64_t *)(delta->notes + delta->entries_max);
    delta->chains = (uint32_t *)(delta->offsets + delta->entries_max);
    delta->links = delta->chains + delta->chain_mask + 1;
    return true;
}

struct delta *delta_new(uint32_t entries_max, size_t bytes_max)
{
    struct delta *delta = calloc(1, sizeof *delta);
    if (delta == NULL) return NULL;
    ENSURE(entries_max != 0);
    delta->entries_max = entries_max;
    delta->bytes_max = bytes_max;
    delta->chain_mask = power_of_two(entries_max) - 1;
    delta->mark_mask = power_of_two((uint64_t)entries_max * 2) - 1;
    delta->bytes = large_new(bytes_max);
    delta->blocks = malloc(entries_max * sizeof *delta->blocks);
    delta->marks = calloc(entries_max, sizeof *delta->marks);
    delta->mark_slots = calloc(delta->mark_mask + 1, sizeof *delta->mark_slots);
    if (delta->bytes == NULL || delta->blocks == NULL || delta->marks == NULL ||
        delta->mark_slots == NULL || !make_tables(delta)) {
        delta_free(delta);
        return NULL;
    }
    delta_reset(delta, 1, 1);
    return delta;
}

void delta_free(struct delta *delta)
{
    if (delta == NULL) return;
    free(delta->bytes);
    free(delta->blocks);
    free(delta->memory);
    free(delta->marks);
    free(delta->mark_slots);
    free(delta);
}

void delta_reset(struct delta *delta, uint64_t first_seq, uint32_t run)
{
    ENSURE(first_seq != 0);
    if (delta->ids_used != 0) {
        memset(delta->chains, 0, (delta->chain_mask + 1) * sizeof *delta->chains);
    }
    if (delta->mark_count != 0) {
        memset(delta->mark_slots, 0, (delta->mark_mask + 1) * sizeof *delta->mark_slots);
    }
    delta->first_seq = first_seq;
    delta->run = run;
    delta->count = 0;
    delta->ids_used = 0;
    delta->note_count = 0;
    delta->block_count = 0;
    delta->mark_count = 0;
    delta->used = 0;
    delta->kept = 0;
}

bool delta_has_room(const struct delta *delta, size_t entry_size)
{
    return delta->count < delta->entries_max && delta->bytes_max - delta->used >= entry_size &&
           delta->mark_count + 2 < delta->entries_max;
}

void delta_append(struct delta *delta, struct bytes entry)
{
    ENSURE(delta_has_room(delta, entry.size));
    if (delta->used == delta->kept) delta->open = entry.data;
    ENSURE(entry.data == delta->open + (delta->used - delta->kept));
    delta->offsets[delta->count++] = delta->used;
    delta->used += entry.size;
}

void delta_keep(struct delta *delta)
{
    if (delta->used == delta->kept) return;
    memcpy(delta->bytes + delta->kept, delta->open, delta->used - delta->kept);
    delta->kept = delta->used;
}

bool delta_is_kept(const struct delta *delta)
{
    return delta->used == delta->kept;
}

void delta_add_block(struct delta *delta, uint64_t first_seq, uint32_t segment, uint32_t offset)
{
    const uint32_t count = delta->block_count;
    ENSURE(first_seq >= delta->first_seq);
    ENSURE(first_seq < delta->first_seq + delta->count);
    ENSURE(count == 0 || first_seq > delta->blocks[count - 1].first_seq);
    delta->blocks[delta->block_count++] = (struct delta_block){first_seq, segment, offset};
}

struct record_note *delta_new_note(struct delta *delta)
{
    ENSURE(delta->note_count < delta->count);
    return &delta->notes[delta->note_count++];
}

/* -- ids ------------------------------------------------------------------------------------ */

/* Nearly none is ever looked for, so adding one touches a single place out of order. */
static uint32_t *chain_of(const struct delta *delta, uint64_t hash)
{
    return &delta->chains[hash >> 20 & delta->chain_mask];
}

void delta_add_id(struct delta *delta, uint64_t hash, uint64_t seq)
{
    ENSURE(delta->ids_used < ids_max(delta));
    ENSURE(seq - delta->first_seq < delta->count);
    uint32_t *chain = chain_of(delta, hash);
    delta->ids[delta->ids_used] = (struct id){.hash = hash, .seq = seq};
    delta->links[delta->ids_used] = *chain;
    *chain = ++delta->ids_used;
}

void delta_prefetch(const struct delta *delta, uint64_t hash)
{
    __builtin_prefetch(chain_of(delta, hash), 1);
}

#define CHAIN_BEGUN (UINT64_C(1) << 32) /* In a cursor, beside the next place of the chain. */

uint64_t delta_find_id(const struct delta *delta, uint64_t hash, uint64_t *cursor)
{
    uint32_t place = *cursor == 0 ? *chain_of(delta, hash) : (uint32_t)*cursor;
    ENSURE(place <= delta->ids_used);
    while (place != 0) {
        const struct id *id = &delta->ids[place - 1];
        const uint32_t next = delta->links[place - 1];
        ENSURE(next < place); /* So that every chain ends. */
        place = next;
        if (id->hash == hash) {
            *cursor = CHAIN_BEGUN | place;
            return id->seq;
        }
    }
    return 0;
}

struct bytes delta_entry(const struct delta *delta, uint64_t seq)
{
    if (seq < delta->first_seq || seq >= delta->first_seq + delta->count) return (struct bytes){0};
    const uint64_t i = seq - delta->first_seq;
    const uint64_t at = delta->offsets[i];
    const uint64_t end = i + 1 == delta->count ? delta->used : delta->offsets[i + 1];
    const uint8_t *data = at < delta->kept ? delta->bytes + at : delta->open + (at - delta->kept);
    return (struct bytes){data, end - at};
}

void delta_prefetch_entry(const struct delta *delta, uint64_t hash)
{
    uint64_t cursor = 0;
    const struct bytes entry = delta_entry(delta, delta_find_id(delta, hash, &cursor));
    for (size_t at = 0; at < entry.size && at < PREFETCH_MAX; at += CACHE_LINE)
        __builtin_prefetch(entry.data + at);
}

/* The slot that holds the mark of `seq`, or the empty one where it would go. */
static uint32_t *mark_slot(const struct delta *delta, uint64_t seq)
{
    const uint64_t line = (seq / MARKS_TOGETHER) * UINT64_C(0x9e3779b97f4a7c15) >> 20;
    uint64_t slot = (line * MARKS_TOGETHER + seq % MARKS_TOGETHER) & delta->mark_mask;
    while (delta->mark_slots[slot] != 0 && delta->marks[delta->mark_slots[slot] - 1].seq != seq)
        slot = (slot + 1) & delta->mark_mask;
    return &delta->mark_slots[slot];
}

const struct mark *delta_mark(const struct delta *delta, uint64_t seq)
{
    if (delta->mark_count == 0) return NULL;
    const uint32_t index = *mark_slot(delta, seq);
    return index == 0 ? NULL : &delta->marks[index - 1];
}

void delta_put_mark(struct delta *delta, const struct mark *mark)
{
    uint32_t *slot = mark_slot(delta, mark->seq);
    if (*slot == 0) {
        ENSURE(delta->mark_count < delta->entries_max);
        *slot = ++delta->mark_count;
    }
    delta->marks[*slot - 1] = *mark;
}

uint64_t delta_first_seq(const struct delta *delta)
{
    return delta->first_seq;
}

uint32_t delta_count(const struct delta *delta)
{
    return delta->count;
}

uint32_t delta_run(const struct delta *delta)
{
    return delta->run;
}

uint32_t delta_ids(const struct delta *delta)
{
    return delta->ids_used;
}

size_t delta_used(const struct delta *delta)
{
    return delta->used;
}

struct bytes delta_tables(const struct delta *delta)
{
    return (struct bytes){(const uint8_t *)delta->ids, large_size(tables_size(delta))};
}

struct bytes delta_mark_table(const struct delta *delta)
{
    return (struct bytes){(const uint8_t *)delta->mark_slots,
                          (delta->mark_mask + 1) * sizeof *delta->mark_slots};
}

struct bytes delta_room(const struct delta *delta)
{
    return (struct bytes){delta->bytes, delta->bytes_max};
}

size_t delta_bytes(const struct delta *delta)
{
    return sizeof *delta + delta->bytes_max + tables_size(delta) +
           delta->entries_max * (sizeof *delta->blocks + sizeof *delta->marks) +
           (delta->mark_mask + 1) * sizeof *delta->mark_slots;
}

const struct delta_block *delta_blocks(const struct delta *delta, uint32_t *ret_count)
{
    *ret_count = delta->block_count;
    return delta->blocks;
}

const struct id *delta_id_list(const struct delta *delta)
{
    return delta->ids;
}

const struct mark *delta_marks(const struct delta *delta, uint32_t *ret_count)
{
    *ret_count = delta->mark_count;
    return delta->marks;
}

const struct record_note *delta_notes(const struct delta *delta, uint32_t *ret_count)
{
    *ret_count = delta->note_count;
    return delta->notes;
}
