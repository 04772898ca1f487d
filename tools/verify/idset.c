#include "tools/verify/idset.h"

#include <sys/mman.h>

/* A small store is verified in a fraction of a millisecond: what it begins with is little, and of
 * small pages. */
#define SLOTS_FIRST (UINT64_C(1) << 8)
#define LARGE_FROM  (UINT64_C(1) << 21) /* Bytes. */

/* Zeroed slots. Random looks into gigabytes: large pages spare most of the misses in the page
 * tables. */
static struct idset_slot *slots_new(uint64_t slot_count)
{
    const size_t size = slot_count * sizeof(struct idset_slot);
    void *slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (slots == MAP_FAILED) return NULL;
    if (size >= LARGE_FROM) (void)madvise(slots, size, MADV_HUGEPAGE);
    return slots;
}

static void slots_free(struct idset_slot *slots, uint64_t slot_count)
{
    if (slots != NULL) munmap(slots, slot_count * sizeof *slots);
}

bool idset_init(struct idset *set)
{
    set->slots = slots_new(SLOTS_FIRST);
    set->slot_count = SLOTS_FIRST;
    set->count = 0;
    return set->slots != NULL;
}

void idset_done(struct idset *set)
{
    slots_free(set->slots, set->slot_count);
    set->slots = NULL;
}

static void put(struct idset_slot *slots, uint64_t slot_count, uint64_t hash, uint64_t value)
{
    uint64_t index = hash & (slot_count - 1);
    while (slots[index].value != 0)
        index = (index + 1) & (slot_count - 1);
    slots[index] = (struct idset_slot){hash, value};
}

static bool grow(struct idset *set)
{
    const uint64_t slot_count = set->slot_count * 2;
    struct idset_slot *slots = slots_new(slot_count);
    if (slots == NULL) return false;
    for (uint64_t i = 0; i < set->slot_count; i++) {
        if (set->slots[i].value == 0) continue;
        put(slots, slot_count, set->slots[i].hash, set->slots[i].value);
    }
    slots_free(set->slots, set->slot_count);
    set->slots = slots;
    set->slot_count = slot_count;
    return true;
}

bool idset_add(struct idset *set, uint64_t hash, uint64_t value)
{
    if (set->count * 3 >= set->slot_count * 2 && !grow(set)) return false;
    put(set->slots, set->slot_count, hash, value);
    set->count++;
    return true;
}

uint64_t idset_find(const struct idset *set, uint64_t hash, uint64_t *cursor)
{
    /* The cursor counts the slots passed; the first free one ends the search. */
    for (;;) {
        const struct idset_slot *slot = &set->slots[(hash + *cursor) & (set->slot_count - 1)];
        if (slot->value == 0) return 0;
        *cursor += 1;
        if (slot->hash == hash) return slot->value;
    }
}
