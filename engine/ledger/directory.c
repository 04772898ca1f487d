#include "ledger/directory.h"

#include <stdlib.h>

#include "types/ensure.h"
#include "util/cache_line.h"

#define SLOTS_PER_BUCKET  16 /* 16 x 4 bytes: one cache line. */
#define IDS_PER_BUCKET    12 /* So many on average: of 50 ids one finds its bucket full. */
#define BUCKETS_PER_GROUP 4
#define FILTER_BITS       512
#define FILTER_PROBES     4 /* Bits an id sets in the filter of its group. */

/* A slot: fingerprint in the upper half, run in the lower; 0 is empty, for runs begin at 1. */
struct bucket {
    uint32_t slots[SLOTS_PER_BUCKET];
};

/* Buckets and what faded from them, side by side: they share a page. */
struct group {
    struct bucket buckets[BUCKETS_PER_GROUP];
    uint64_t faded[FILTER_BITS / 64]; /* A Bloom filter. */
};

_Static_assert(sizeof(struct bucket) == CACHE_LINE, "a bucket is a cache line");
_Static_assert(SLOTS_PER_BUCKET == 16, "two times eight slots are all of a bucket");
_Static_assert(sizeof(struct group) % CACHE_LINE == 0, "groups keep their buckets in line");

struct directory {
    void *memory; /* Of the groups, as the heap gave it. */
    struct group *groups;
    uint64_t buckets; /* Below 2^32. */
    uint64_t faded;
};

struct directory *directory_new(uint64_t ids)
{
    const uint64_t ids_per_group = (uint64_t)IDS_PER_BUCKET * BUCKETS_PER_GROUP;
    const uint64_t count = ids / ids_per_group + 1;
    if (count > UINT32_MAX / BUCKETS_PER_GROUP) return NULL;
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) return NULL;
    /* Zeros from the kernel, untouched; one group more, to begin at a cache line. */
    directory->memory = calloc(count + 1, sizeof *directory->groups);
    if (directory->memory == NULL) {
        free(directory);
        return NULL;
    }
    const uintptr_t start = (uintptr_t)directory->memory;
    directory->groups =
        (struct group *)((uint8_t *)directory->memory + (CACHE_LINE - start % CACHE_LINE));
    directory->buckets = count * BUCKETS_PER_GROUP;
    return directory;
}

void directory_free(struct directory *directory)
{
    if (directory == NULL) return;
    free(directory->memory);
    free(directory);
}

struct bytes directory_table(const struct directory *directory)
{
    return (struct bytes){(const uint8_t *)directory->groups,
                          directory->buckets / BUCKETS_PER_GROUP * sizeof(struct group)};
}

/* -- places ---------------------------------------------------------------------------------- */

static uint32_t fingerprint(uint64_t hash)
{
    return (uint32_t)(hash & 0xffff);
}

/* The bucket comes from bits that the fingerprint does not hold, and rises with the hash: a run,
 * read in the order of its hashes, fills the directory from its beginning to its end. */
static uint64_t bucket_number(const struct directory *directory, uint64_t hash)
{
    return (hash >> 32) * directory->buckets >> 32;
}

static struct group *group_at(const struct directory *directory, uint64_t number)
{
    return &directory->groups[number / BUCKETS_PER_GROUP];
}

static struct bucket *bucket_at(const struct directory *directory, uint64_t number)
{
    return &group_at(directory, number)->buckets[number % BUCKETS_PER_GROUP];
}

/* -- buckets --------------------------------------------------------------------------------- */

/* Eight slots side by side: nearly every answer is no, and found without a branch. */
typedef uint32_t eight_slots __attribute__((vector_size(32)));
typedef float eight_signs __attribute__((vector_size(32)));

static inline eight_slots load_slots(const uint32_t *at)
{
    eight_slots slots;
    memcpy(&slots, at, sizeof slots);
    return slots;
}

/* Bit i: slot i is `wanted` when it is moved down by so many bits. */
static inline uint32_t equal_slots(const struct bucket *bucket, unsigned down, uint32_t wanted)
{
    const eight_slots low = (eight_slots)(load_slots(bucket->slots) >> down == wanted);
    const eight_slots high = (eight_slots)(load_slots(bucket->slots + 8) >> down == wanted);
    return (uint32_t)__builtin_ia32_movmskps256((eight_signs)low) |
           (uint32_t)__builtin_ia32_movmskps256((eight_signs)high) << 8;
}

/* Slots are filled in order and never emptied. */
static bool is_full(const struct bucket *bucket)
{
    return bucket->slots[SLOTS_PER_BUCKET - 1] != 0;
}

static uint32_t filled(const struct bucket *bucket)
{
    return SLOTS_PER_BUCKET - (uint32_t)__builtin_popcount(equal_slots(bucket, 0, 0));
}

static bool holds(const struct bucket *bucket, uint32_t slot)
{
    return equal_slots(bucket, 0, slot) != 0;
}

/* True when a slot may have that fingerprint; an empty one looks like fingerprint 0. */
static bool may_match(const struct bucket *bucket, uint32_t wanted)
{
    return equal_slots(bucket, 16, wanted) != 0;
}

static uint32_t collect(const struct bucket *bucket, uint32_t wanted, uint16_t *ret_runs)
{
    uint32_t count = 0;
    for (int i = 0; i < SLOTS_PER_BUCKET; i++) {
        const uint32_t slot = bucket->slots[i];
        if (slot != 0 && slot >> 16 == wanted) ret_runs[count++] = (uint16_t)slot;
    }
    return count;
}

/* Takes the new slot into a full bucket; gives the one of the lowest run, old or new, that has to
 * go. */
static uint32_t exchange(struct bucket *bucket, uint32_t slot)
{
    uint32_t lowest = 0;
    for (uint32_t i = 1; i < SLOTS_PER_BUCKET; i++) {
        if ((uint16_t)bucket->slots[i] < (uint16_t)bucket->slots[lowest]) lowest = i;
    }
    if ((uint16_t)slot < (uint16_t)bucket->slots[lowest]) return slot;
    const uint32_t gone = bucket->slots[lowest];
    bucket->slots[lowest] = slot;
    return gone;
}

/* -- what faded ------------------------------------------------------------------------------ */

/* Which bits stand for a fingerprint of one bucket of the group: nine bits of this number each. */
static uint64_t filter_places(uint64_t bucket, uint32_t wanted)
{
    const uint64_t what = bucket % BUCKETS_PER_GROUP << 16 | wanted;
    return (what + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 28;
}

static void fade(struct directory *directory, uint64_t bucket, uint32_t wanted)
{
    uint64_t *filter = group_at(directory, bucket)->faded;
    uint64_t places = filter_places(bucket, wanted);
    for (int i = 0; i < FILTER_PROBES; i++, places /= FILTER_BITS)
        filter[places % FILTER_BITS / 64] |= UINT64_C(1) << places % 64;
    directory->faded++;
}

static bool may_have_faded(const struct directory *directory, uint64_t bucket, uint32_t wanted)
{
    const uint64_t *filter = group_at(directory, bucket)->faded;
    uint64_t places = filter_places(bucket, wanted);
    uint64_t all = 1;
    for (int i = 0; i < FILTER_PROBES; i++, places /= FILTER_BITS)
        all &= filter[places % FILTER_BITS / 64] >> places % 64;
    return all != 0;
}

/* -- the directory --------------------------------------------------------------------------- */

void directory_add(struct directory *directory, uint64_t hash, uint32_t run)
{
    ENSURE(run >= 1 && run <= DIRECTORY_RUN_MAX);
    const uint64_t number = bucket_number(directory, hash);
    struct bucket *bucket = bucket_at(directory, number);
    const uint32_t slot = fingerprint(hash) << 16 | run;

    if (holds(bucket, slot)) return; /* One says it for all equal ones. */
    if (!is_full(bucket)) {
        bucket->slots[filled(bucket)] = slot;
        return;
    }
    fade(directory, number, exchange(bucket, slot) >> 16);
}

uint32_t directory_find(const struct directory *directory, uint64_t hash,
                        uint16_t ret_runs[DIRECTORY_HITS_MAX])
{
    const uint32_t wanted = fingerprint(hash);
    const uint64_t number = bucket_number(directory, hash);
    const struct bucket *bucket = bucket_at(directory, number);

    if (is_full(bucket) && may_have_faded(directory, number, wanted)) return DIRECTORY_MANY;
    return may_match(bucket, wanted) ? collect(bucket, wanted, ret_runs) : 0;
}

void directory_prefetch(const struct directory *directory, uint64_t hash)
{
    __builtin_prefetch(bucket_at(directory, bucket_number(directory, hash)));
}

uint64_t directory_faded(const struct directory *directory)
{
    return directory->faded;
}

size_t directory_bytes(const struct directory *directory)
{
    const uint64_t groups = directory->buckets / BUCKETS_PER_GROUP;
    return sizeof *directory + (groups + 1) * sizeof(struct group);
}
