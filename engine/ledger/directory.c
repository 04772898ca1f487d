#include "ledger/directory.h"

#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"

#define SLOTS_PER_BUCKET 16 /* 16 x 4 bytes: one cache line. */
#define TABLES_MAX       24
#define PROBES_MAX       4 /* Buckets an id may spill over before its table counts as full. */

/* A slot: fingerprint in the upper half, run in the lower; 0 is empty, for runs begin at 1. */
struct bucket {
    uint32_t slots[SLOTS_PER_BUCKET];
};

_Static_assert(sizeof(struct bucket) == 64, "a bucket is a cache line");

struct table {
    struct bucket *buckets;
    uint64_t mask; /* Buckets - 1. */
    uint64_t used;
    uint64_t room; /* Ids it may hold. */
};

struct directory {
    struct table tables[TABLES_MAX]; /* The last one takes new ids. */
    uint32_t count;
};

static bool table_open(struct table *table, uint64_t ids)
{
    uint64_t buckets = 1;
    while (buckets * SLOTS_PER_BUCKET * 3 / 4 < ids)
        buckets *= 2;
    table->buckets = aligned_alloc(sizeof(struct bucket), buckets * sizeof(struct bucket));
    if (table->buckets == NULL) return false;
    memset(table->buckets, 0, buckets * sizeof(struct bucket));
    table->mask = buckets - 1;
    table->used = 0;
    table->room = buckets * SLOTS_PER_BUCKET * 3 / 4;
    return true;
}

struct directory *directory_new(uint64_t ids_first)
{
    struct directory *directory = calloc(1, sizeof *directory);
    if (directory == NULL) return NULL;
    if (!table_open(&directory->tables[0], ids_first)) {
        free(directory);
        return NULL;
    }
    directory->count = 1;
    return directory;
}

void directory_free(struct directory *directory)
{
    if (directory == NULL) return;
    for (uint32_t i = 0; i < directory->count; i++)
        free(directory->tables[i].buckets);
    free(directory);
}

static uint32_t fingerprint(uint64_t hash)
{
    return (uint32_t)(hash & 0xffff);
}

/* The bucket comes from bits that the fingerprint does not hold. */
static uint64_t bucket_index(const struct table *table, uint64_t hash)
{
    return hash >> 16 & table->mask;
}

/* Slots are filled in order and never emptied. */
static bool is_full(const struct bucket *bucket)
{
    return bucket->slots[SLOTS_PER_BUCKET - 1] != 0;
}

static uint32_t filled(const struct bucket *bucket)
{
    uint32_t count = 0;
    for (int i = 0; i < SLOTS_PER_BUCKET; i++)
        count += bucket->slots[i] != 0;
    return count;
}

static bool holds(const struct bucket *bucket, uint32_t slot)
{
    uint32_t equal = 0;
    for (int i = 0; i < SLOTS_PER_BUCKET; i++)
        equal |= bucket->slots[i] == slot;
    return equal != 0;
}

static bool table_add(struct table *table, uint64_t hash, uint32_t run)
{
    const uint32_t slot = fingerprint(hash) << 16 | run;

    if (table->used == table->room) return false;
    for (uint64_t probe = 0; probe < PROBES_MAX; probe++) {
        struct bucket *bucket = &table->buckets[(bucket_index(table, hash) + probe) & table->mask];
        if (holds(bucket, slot)) return true; /* One says it for all equal ones. */
        if (is_full(bucket)) continue;
        bucket->slots[filled(bucket)] = slot;
        table->used++;
        return true;
    }
    return false;
}

bool directory_add(struct directory *directory, uint64_t hash, uint32_t run)
{
    ENSURE(run >= 1 && run <= DIRECTORY_RUN_MAX);
    struct table *last = &directory->tables[directory->count - 1];
    if (table_add(last, hash, run)) return true;
    if (directory->count == TABLES_MAX) return false;
    if (!table_open(&directory->tables[directory->count], last->room * 2)) return false;
    directory->count++;
    return table_add(&directory->tables[directory->count - 1], hash, run);
}

static uint32_t add_hit(uint16_t *runs, uint32_t count, uint16_t run)
{
    for (uint32_t i = 0; i < count; i++) {
        if (runs[i] == run) return count;
    }
    if (count == DIRECTORY_HITS_MAX) return DIRECTORY_MANY;
    runs[count] = run;
    return count + 1;
}

/* True when a slot may have that fingerprint; an empty one looks like fingerprint 0. Without
 * branches, so that the compiler compares eight slots at a time: nearly always nothing is found. */
static bool may_match(const struct bucket *bucket, uint32_t wanted)
{
    uint32_t equal = 0;
    for (int i = 0; i < SLOTS_PER_BUCKET; i++)
        equal |= (uint32_t)(bucket->slots[i] >> 16 == wanted);
    return equal != 0;
}

static uint32_t add_matches(const struct bucket *bucket, uint32_t wanted, uint16_t *runs,
                            uint32_t count)
{
    for (int i = 0; i < SLOTS_PER_BUCKET && count != DIRECTORY_MANY; i++) {
        const uint32_t slot = bucket->slots[i];
        if (slot != 0 && slot >> 16 == wanted) count = add_hit(runs, count, (uint16_t)slot);
    }
    return count;
}

uint32_t directory_find(const struct directory *directory, uint64_t hash,
                        uint16_t ret_runs[DIRECTORY_HITS_MAX])
{
    const uint32_t wanted = fingerprint(hash);
    uint32_t count = 0;
    for (uint32_t t = directory->count; t-- > 0;) {
        const struct table *table = &directory->tables[t];
        for (uint64_t probe = 0; probe < PROBES_MAX; probe++) {
            const struct bucket *bucket =
                &table->buckets[(bucket_index(table, hash) + probe) & table->mask];
            if (may_match(bucket, wanted)) count = add_matches(bucket, wanted, ret_runs, count);
            if (count == DIRECTORY_MANY) return count;
            if (!is_full(bucket)) break;
        }
    }
    return count;
}

void directory_prefetch(const struct directory *directory, uint64_t hash)
{
    for (uint32_t t = 0; t < directory->count; t++) {
        const struct table *table = &directory->tables[t];
        __builtin_prefetch(&table->buckets[bucket_index(table, hash)]);
    }
}

size_t directory_bytes(const struct directory *directory)
{
    size_t bytes = sizeof *directory;
    for (uint32_t t = 0; t < directory->count; t++)
        bytes += (directory->tables[t].mask + 1) * sizeof(struct bucket);
    return bytes;
}
