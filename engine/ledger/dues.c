#include "ledger/dues.h"

#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"
#include "util/le.h"
#include "util/psn.h"

#define SLOTS_PER_DUE 2          /* At least: so that a free slot is near. */
#define SLOTS_FIRST   (1u << 13) /* In use at first: few are due at once, and these stay at hand. */

struct item {
    struct due due;
    uint32_t slot; /* That holds its place. */
};

struct dues {
    struct item *heap;
    uint32_t *slots; /* Open addressing: place in the heap plus 1; 0 is empty. */
    uint32_t count;
    uint32_t most;
    uint32_t slot_mask; /* Of the slots in use: more as more are due. */
};

struct dues *dues_new(uint32_t most)
{
    ENSURE(most >= DUES_LEAST && (most & (most - 1)) == 0 && most <= UINT32_MAX / SLOTS_PER_DUE);
    struct dues *dues = calloc(1, sizeof *dues);
    if (dues == NULL) return NULL;
    dues->most = most;
    dues->slot_mask = (most < SLOTS_FIRST / SLOTS_PER_DUE ? most * SLOTS_PER_DUE : SLOTS_FIRST) - 1;
    dues->heap = malloc(most * sizeof *dues->heap);
    dues->slots = calloc((size_t)most * SLOTS_PER_DUE, sizeof *dues->slots);
    if (dues->heap == NULL || dues->slots == NULL) {
        dues_free(dues);
        return NULL;
    }
    return dues;
}

void dues_free(struct dues *dues)
{
    if (dues == NULL) return;
    free(dues->heap);
    free(dues->slots);
    free(dues);
}

/* -- slots ----------------------------------------------------------------------------------- */

/* Keys are keyed hashes themselves; many persons are due at the same time. */
static uint32_t slot_first(const struct dues *dues, const struct due *due)
{
    const uint64_t mixed =
        (le_load64(due->person.bytes) ^ le_load64(due->person.bytes + 8) ^ (uint64_t)due->due_ms) *
        UINT64_C(0x9e3779b97f4a7c15);
    return (uint32_t)(mixed >> 32) & dues->slot_mask;
}

static bool is_same(const struct due *a, const struct due *b)
{
    return a->due_ms == b->due_ms && psn_same(&a->person, &b->person);
}

/* The slot of that one, or the empty one where it would go. */
static uint32_t slot_of(const struct dues *dues, const struct due *due)
{
    uint32_t slot = slot_first(dues, due);
    while (dues->slots[slot] != 0 && !is_same(&dues->heap[dues->slots[slot] - 1].due, due))
        slot = (slot + 1) & dues->slot_mask;
    return slot;
}

/* Empties a slot. What had found it full, and went on, comes back as far as it may. */
static void empty_slot(struct dues *dues, uint32_t hole)
{
    const uint32_t mask = dues->slot_mask;
    for (uint32_t at = (hole + 1) & mask; dues->slots[at] != 0; at = (at + 1) & mask) {
        struct item *item = &dues->heap[dues->slots[at] - 1];
        const uint32_t went = (at - slot_first(dues, &item->due)) & mask;
        if (went < ((at - hole) & mask)) continue;
        dues->slots[hole] = dues->slots[at];
        item->slot = hole;
        hole = at;
    }
    dues->slots[hole] = 0;
}

/* All of them in twice as many slots. */
static void spread(struct dues *dues)
{
    memset(dues->slots, 0, ((size_t)dues->slot_mask + 1) * sizeof *dues->slots);
    dues->slot_mask = 2 * dues->slot_mask + 1;
    for (uint32_t i = 0; i < dues->count; i++) {
        dues->heap[i].slot = slot_of(dues, &dues->heap[i].due);
        dues->slots[dues->heap[i].slot] = i + 1;
    }
}

/* -- the heap -------------------------------------------------------------------------------- */

static bool is_before(const struct due *a, const struct due *b)
{
    if (a->due_ms != b->due_ms) return a->due_ms < b->due_ms;
    const uint64_t front = be_load64(a->person.bytes);
    const uint64_t other = be_load64(b->person.bytes);
    if (front != other) return front < other;
    return be_load64(a->person.bytes + 8) < be_load64(b->person.bytes + 8);
}

static void set(struct dues *dues, uint32_t at, const struct item *item)
{
    dues->heap[at] = *item;
    dues->slots[item->slot] = at + 1;
}

/* Puts an item at the free place `at`, or above it where it comes before those. */
static void rise(struct dues *dues, uint32_t at, const struct item *item)
{
    for (; at != 0 && is_before(&item->due, &dues->heap[(at - 1) / 2].due); at = (at - 1) / 2)
        set(dues, at, &dues->heap[(at - 1) / 2]);
    set(dues, at, item);
}

/* The same, or below it. */
static void sink(struct dues *dues, uint32_t at, const struct item *item)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= dues->count) break;
        if (child + 1 < dues->count &&
            is_before(&dues->heap[child + 1].due, &dues->heap[child].due)) {
            child++;
        }
        if (!is_before(&dues->heap[child].due, &item->due)) break;
        set(dues, at, &dues->heap[child]);
        at = child;
    }
    set(dues, at, item);
}

void dues_put(struct dues *dues, const struct due *due)
{
    ENSURE(dues->count < dues->most);
    if (dues->count == (dues->slot_mask + 1) / SLOTS_PER_DUE) spread(dues);
    const struct item item = {*due, slot_of(dues, due)};
    ENSURE(dues->slots[item.slot] == 0);
    rise(dues, dues->count++, &item);
}

void dues_drop(struct dues *dues, const struct due *due)
{
    const uint32_t slot = slot_of(dues, due);
    ENSURE(dues->slots[slot] != 0);
    const uint32_t at = dues->slots[slot] - 1;
    empty_slot(dues, slot);
    const struct item last = dues->heap[--dues->count];
    if (at == dues->count) return;
    if (is_before(&last.due, due)) {
        rise(dues, at, &last);
    } else {
        sink(dues, at, &last);
    }
}

const struct due *dues_first(const struct dues *dues)
{
    return dues->count == 0 ? NULL : &dues->heap[0].due;
}

bool dues_full(const struct dues *dues)
{
    return dues->count == dues->most;
}

uint32_t dues_count(const struct dues *dues)
{
    return dues->count;
}

size_t dues_bytes(const struct dues *dues)
{
    return sizeof *dues + dues->most * sizeof *dues->heap +
           (size_t)dues->most * SLOTS_PER_DUE * sizeof *dues->slots;
}
