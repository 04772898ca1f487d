#include "ledger/shelf.h"

#include <stdlib.h>

#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

#define SLOTS_PER_ROW 2 /* At least: so that a free slot is near. */
/* So many slots are cleared in a row in about the time that one takes by itself. */
#define SLOTS_PER_CLEARED 256
#define CACHE_LINE        64
#define AHEAD_BYTES       (16 * CACHE_LINE) /* Of a value: what lies behind, the processor foresees. */

struct row {
    uint32_t value_at; /* Place of the value in `memory`. */
    uint32_t size;     /* Of the value now. */
    uint32_t room;     /* Of its place: the largest it was there. */
    uint8_t key_size;
    bool dropped;
    bool fresh;                 /* The store has no such row. */
    uint8_t key[SHELF_KEY_MAX]; /* Zeros behind it. */
};

/* A row in the order of keys. Keys that begin alike are few: what they begin with is compared here,
 * and rows, which lie anywhere, are hardly looked at. */
struct place {
    uint64_t front; /* The first 8 bytes of the key, as a number in their order. */
    const struct row *row;
};

/* Rows grow from the front of one piece of memory and values from its back. They cannot meet: a row
 * is smaller than what it is counted as. */
struct shelf {
    uint8_t *memory;
    size_t bytes_max;
    size_t values; /* Bytes of places for values, those lost included. */
    uint32_t count;
    uint32_t rows_max;
    uint64_t slot_mask;
    uint32_t *slots;     /* Open addressing by key: number of the row plus 1; 0 is empty. */
    struct place *order; /* Rows by key, once they are sorted. */
    uint32_t ordered;    /* How many they are. */
    bool sorted;
};

_Static_assert(sizeof(struct row) < SHELF_ROW_COST, "rows and values cannot meet");

struct shelf *shelf_new(size_t bytes_max)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf == NULL) return NULL;
    ENSURE(bytes_max <= UINT32_MAX);
    shelf->bytes_max = bytes_max;
    shelf->rows_max = (uint32_t)(bytes_max / SHELF_ROW_COST);
    uint64_t slots = 1;
    while (slots < (uint64_t)shelf->rows_max * SLOTS_PER_ROW)
        slots *= 2;
    shelf->slot_mask = slots - 1;
    shelf->memory = malloc(bytes_max);
    shelf->slots = calloc(slots, sizeof *shelf->slots);
    shelf->order = malloc(((size_t)shelf->rows_max + 1) * sizeof(struct place));
    if (shelf->memory == NULL || shelf->slots == NULL || shelf->order == NULL) {
        shelf_free(shelf);
        return NULL;
    }
    return shelf;
}

void shelf_free(struct shelf *shelf)
{
    if (shelf == NULL) return;
    free(shelf->memory);
    free(shelf->slots);
    free(shelf->order);
    free(shelf);
}

bool shelf_has_room(const struct shelf *shelf, uint32_t rows, size_t bytes)
{
    const size_t left = shelf->bytes_max - shelf_used(shelf);
    return bytes <= left && (uint64_t)rows * SHELF_ROW_COST <= left - bytes;
}

static struct row *row_at(const struct shelf *shelf, uint32_t number)
{
    return (struct row *)(void *)shelf->memory + number;
}

/* Of keys that are mostly keyed hashes themselves; those of 8 bytes and more are read as three
 * words that may overlap. Lives no longer than the shelf. */
static inline uint64_t hash_of(struct bytes key)
{
    if (key.size < 8) return checksum_hash64(0, key.data, key.size);
    const uint64_t front = le_load64(key.data);
    const uint64_t middle = le_load64(key.data + (key.size - 8) / 2);
    const uint64_t back = le_load64(key.data + key.size - 8);
    const unsigned __int128 product =
        (unsigned __int128)(front ^ UINT64_C(0x9e3779b97f4a7c15)) *
        ((back + middle * UINT64_C(0xbf58476d1ce4e5b9)) ^ UINT64_C(0x94d049bb133111eb));
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Empties the slot of a row; those it may have been put behind may be empty already. */
static void clear_slot(struct shelf *shelf, uint32_t number)
{
    const struct row *row = row_at(shelf, number);
    uint64_t slot = hash_of((struct bytes){row->key, row->key_size}) & shelf->slot_mask;
    while (shelf->slots[slot] != number + 1)
        slot = (slot + 1) & shelf->slot_mask;
    shelf->slots[slot] = 0;
}

void shelf_reset(struct shelf *shelf)
{
    if (shelf->count < (shelf->slot_mask + 1) / SLOTS_PER_CLEARED) {
        for (uint32_t i = 0; i < shelf->count; i++)
            clear_slot(shelf, i);
    } else {
        memset(shelf->slots, 0, (shelf->slot_mask + 1) * sizeof *shelf->slots);
    }
    shelf->count = 0;
    shelf->values = 0;
    shelf->sorted = false;
}

/* Word by word, and the last one may overlap: no call for a few bytes. */
static inline bool key_is(const struct row *row, struct bytes key)
{
    if (row->key_size != key.size) return false;
    if (key.size < 8) return memcmp(row->key, key.data, key.size) == 0;
    const size_t last = key.size - 8;
    uint64_t other = le_load64(row->key + last) ^ le_load64(key.data + last);
    for (size_t at = 0; at < last; at += 8)
        other |= le_load64(row->key + at) ^ le_load64(key.data + at);
    return other == 0;
}

/* The slot of the row with that key, or the empty one where it would go. */
static uint32_t *slot_of(const struct shelf *shelf, struct bytes key)
{
    uint64_t slot = hash_of(key) & shelf->slot_mask;
    for (;; slot = (slot + 1) & shelf->slot_mask) {
        if (shelf->slots[slot] == 0) return &shelf->slots[slot];
        if (key_is(row_at(shelf, shelf->slots[slot] - 1), key)) return &shelf->slots[slot];
    }
}

/* The row with that key; a new one without a value when there is none. */
static struct row *row_for(struct shelf *shelf, struct bytes key)
{
    ENSURE(key.size != 0 && key.size <= SHELF_KEY_MAX);
    uint32_t *slot = slot_of(shelf, key);
    if (*slot != 0) return row_at(shelf, *slot - 1);

    ENSURE(shelf_has_room(shelf, 1, 0));
    struct row *row = row_at(shelf, shelf->count++);
    *slot = shelf->count;
    *row = (struct row){.key_size = (uint8_t)key.size};
    memcpy(row->key, key.data, key.size);
    shelf->sorted = false;
    return row;
}

void shelf_put(struct shelf *shelf, struct bytes key, struct bytes value)
{
    struct row *row = row_for(shelf, key);
    if (value.size > row->room) {
        ENSURE(shelf_has_room(shelf, 0, value.size));
        shelf->values += value.size;
        row->value_at = (uint32_t)(shelf->bytes_max - shelf->values);
        row->room = (uint32_t)value.size;
    }
    row->size = (uint32_t)value.size;
    if (row->dropped) shelf->sorted = false;
    row->dropped = false;
    /* It may be what shelf_get() lent out. */
    if (value.size != 0) memmove(shelf->memory + row->value_at, value.data, value.size);
}

void shelf_put_new(struct shelf *shelf, struct bytes key, struct bytes value)
{
    const uint32_t count = shelf->count;
    shelf_put(shelf, key, value);
    if (shelf->count != count) row_at(shelf, count)->fresh = true;
}

void shelf_drop(struct shelf *shelf, struct bytes key)
{
    struct row *row = row_for(shelf, key);
    row->size = 0;
    row->dropped = true;
}

static struct bytes value_of(const struct shelf *shelf, const struct row *row)
{
    return (struct bytes){shelf->memory + row->value_at, row->size};
}

enum shelf_found shelf_get(const struct shelf *shelf, struct bytes key, struct bytes *ret_value)
{
    if (shelf->count == 0) return SHELF_NOT_HERE;
    const uint32_t number = *slot_of(shelf, key);
    if (number == 0) return SHELF_NOT_HERE;
    const struct row *row = row_at(shelf, number - 1);
    if (row->dropped) return SHELF_DROPPED;
    *ret_value = value_of(shelf, row);
    return SHELF_VALUE;
}

/* The row that is looked at first; NULL: none is. */
static const struct row *first_row(const struct shelf *shelf, uint64_t hash)
{
    const uint32_t number = shelf->slots[hash & shelf->slot_mask];
    return number == 0 ? NULL : row_at(shelf, number - 1);
}

uint64_t shelf_ahead(const struct shelf *shelf, struct bytes key)
{
    const uint64_t hash = hash_of(key);
    if (shelf->count != 0) __builtin_prefetch(&shelf->slots[hash & shelf->slot_mask]);
    return hash;
}

void shelf_ahead_row(const struct shelf *shelf, uint64_t hash)
{
    const struct row *row = shelf->count == 0 ? NULL : first_row(shelf, hash);
    if (row == NULL) return;
    __builtin_prefetch(row);
    __builtin_prefetch((const uint8_t *)(row + 1) - 1);
}

void shelf_ahead_value(const struct shelf *shelf, uint64_t hash)
{
    const struct row *row = shelf->count == 0 ? NULL : first_row(shelf, hash);
    if (row == NULL) return;
    const uint8_t *value = shelf->memory + row->value_at;
    const uint32_t size = row->size < AHEAD_BYTES ? row->size : AHEAD_BYTES;
    for (uint32_t at = 0; at < size; at += CACHE_LINE)
        __builtin_prefetch(value + at);
}

uint32_t shelf_count(const struct shelf *shelf)
{
    return shelf->count;
}

size_t shelf_used(const struct shelf *shelf)
{
    return (size_t)shelf->count * SHELF_ROW_COST + shelf->values;
}

size_t shelf_bytes(const struct shelf *shelf)
{
    return sizeof *shelf + shelf->bytes_max + (shelf->slot_mask + 1) * sizeof *shelf->slots +
           ((size_t)shelf->rows_max + 1) * sizeof(struct place);
}

/* As the store compares: byte by byte, a beginning before what goes on. */
static int by_key(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    if (a->front != b->front) return a->front < b->front ? -1 : 1;
    const int order = memcmp(a->row->key, b->row->key, SHELF_KEY_MAX);
    return order != 0 ? order : (int)a->row->key_size - (int)b->row->key_size;
}

/* Beside the index, which others may be reading. */
static void sort_rows(struct shelf *shelf)
{
    shelf->ordered = 0;
    for (uint32_t i = 0; i < shelf->count; i++) {
        const struct row *row = row_at(shelf, i);
        if (row->dropped && row->fresh) continue;
        shelf->order[shelf->ordered++] = (struct place){be_load64(row->key), row};
    }
    qsort(shelf->order, shelf->ordered, sizeof(struct place), by_key);
    shelf->sorted = true;
}

bool shelf_next(struct shelf *shelf, uint32_t *cursor, struct bytes *ret_key,
                struct bytes *ret_value, bool *ret_dropped)
{
    if (!shelf->sorted) sort_rows(shelf);
    if (*cursor == shelf->ordered) return false;
    const struct row *row = shelf->order[(*cursor)++].row;
    *ret_key = (struct bytes){row->key, row->key_size};
    *ret_value = value_of(shelf, row);
    *ret_dropped = row->dropped;
    return true;
}
