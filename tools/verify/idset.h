/* idset -- which entry used an id: open addressing over 64-bit hashes, grown by doubling.
 *
 * A hash may be shared by two ids, so the set can hold one more than once; the caller looks at the
 * entry behind each hit. 16 bytes a slot, at most two thirds full. */
#ifndef VERIFY_IDSET_H
#define VERIFY_IDSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct idset_slot {
    uint64_t hash;
    uint64_t value; /* 0: the slot is free. */
};

struct idset {
    struct idset_slot *slots;
    uint64_t slot_count; /* A power of two. */
    uint64_t count;
};

/* An empty set with room to begin with. False without memory. */
bool idset_init(struct idset *set);
void idset_done(struct idset *set);

/* Adds a value above 0, whatever is there already. False without memory. */
bool idset_add(struct idset *set, uint64_t hash, uint64_t value);

/* The next value under the hash after *cursor (0 to begin); 0 when there is none. */
uint64_t idset_find(const struct idset *set, uint64_t hash, uint64_t *cursor);

/* A hash of a number, for keys that are none. */
static inline uint64_t idset_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    return x;
}

/* Asks the processor for the place of a hash: it will be looked for soon. */
static inline void idset_prefetch(const struct idset *set, uint64_t hash)
{
    __builtin_prefetch(&set->slots[hash & (set->slot_count - 1)]);
}

#endif
