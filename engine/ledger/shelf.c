#include "ledger/shelf.h"

#include <stddef.h>
#include <stdlib.h>

#include "ledger/radix.h"
#include "types/ensure.h"
#include "util/cache_line.h"
#include "util/le.h"

#define SLOTS_PER_ROW 2 /* At least: so that a free slot is near. */
/* So many slots are cleared in a row in about the time that one takes by itself. */
#define SLOTS_PER_CLEARED 256
#define AHEAD_FIRST       (2 * CACHE_LINE)  /* Of a row, before its size is known. */
#define AHEAD_BYTES       (18 * CACHE_LINE) /* Of a row: what lies behind, the processor foresees. */
#define LISTED_AHEAD      16                /* Rows asked of memory before their turn. */
#define ROW_ALIGN         16u
#define HASHED_BYTES      16 /* Of a key, from its end. */
#define NEIGHBOURS        16 /* Slots of a cache line; a power of two. */
#define PLACE_BITS_MAX    29
#define KEY_WORDS         ((SHELF_KEY_MAX + 7) / 8)
#define FIRST_PART        8    /* By such a part a value's first place is larger than it is, … */
#define FIRST_MAX         1024 /* … if it has no more bytes: larger ones do not grow; … */
#define GROWTH_PART       4    /* … and by such a part the place of one that grew. */

/* A row in memory: this, its key, its value, behind each what fills up eight bytes. */
struct row {
    uint32_t size; /* Of the value now. */
    uint32_t room; /* Of its place: the largest it was there. */
    uint8_t key_size;
    bool dropped;
    bool fresh; /* The store has no such row. */
    bool left;  /* For a larger place: counts no more. */
    uint8_t key[];
};

/* Rows lie one behind the other in one piece of memory. There are no more bytes of them than are
 * counted: what a row takes beside its value is less than what it costs.
 *
 * A slot holds where its row begins and, above that, bits of the key's hash: a row that only came
 * to lie in the way is passed over without a look at it. Keys that differ in the last bits alone,
 * numbers that count up, have neighbouring slots; and those that end alike, a person and what is
 * due of it, begin at the same one. */
struct shelf {
    uint8_t *memory;
    size_t bytes_max;
    size_t end;    /* Of the rows in `memory`. */
    size_t values; /* Bytes of places for values, and what rows cost that were left. */
    uint32_t count;
    uint32_t rows_max;
    uint32_t place_bits;
    uint64_t slot_mask;
    uint32_t *slots;    /* Open addressing by key; 0 is empty. */
    uint32_t *starts;   /* Of all rows in `memory`, in units of ROW_ALIGN. */
    uint32_t started;   /* How many they are. */
    struct id *order;   /* Rows by key, once they are sorted: a word of it, and where the row is. */
    struct id *scratch; /* As many, for sorting. */
    uint32_t ordered;   /* How many they are. */
    bool sorted;
};

static size_t value_offset(size_t key_size)
{
    return (offsetof(struct row, key) + key_size + 7) & ~(size_t)7;
}

static size_t row_size(size_t key_size, size_t room)
{
    return (value_offset(key_size) + room + ROW_ALIGN - 1) & ~(size_t)(ROW_ALIGN - 1);
}

_Static_assert(offsetof(struct row, key) + SHELF_KEY_MAX + 7 + ROW_ALIGN - 1 <= SHELF_ROW_COST,
               "rows take no more than they cost");

struct shelf *shelf_new(size_t bytes_max)
{
    struct shelf *shelf = calloc(1, sizeof *shelf);
    if (shelf == NULL) return NULL;
    ENSURE(bytes_max <= UINT32_MAX);
    shelf->bytes_max = bytes_max;
    shelf->rows_max = (uint32_t)(bytes_max / SHELF_ROW_COST);
    while (bytes_max / ROW_ALIGN >> shelf->place_bits != 0)
        shelf->place_bits++;
    ENSURE(shelf->place_bits < PLACE_BITS_MAX);
    uint64_t slots = NEIGHBOURS;
    while (slots < (uint64_t)shelf->rows_max * SLOTS_PER_ROW)
        slots *= 2;
    shelf->slot_mask = slots - 1;
    shelf->memory = malloc(bytes_max + sizeof(uint64_t)); /* key_word() looks behind a key. */
    shelf->slots = calloc(slots, sizeof *shelf->slots);
    shelf->starts = malloc(((size_t)shelf->rows_max + 1) * sizeof *shelf->starts);
    shelf->order = malloc(((size_t)shelf->rows_max + 1) * sizeof *shelf->order);
    shelf->scratch = malloc(((size_t)shelf->rows_max + 1) * sizeof *shelf->scratch);
    if (shelf->memory == NULL || shelf->slots == NULL || shelf->starts == NULL ||
        shelf->order == NULL || shelf->scratch == NULL) {
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
    free(shelf->starts);
    free(shelf->order);
    free(shelf->scratch);
    free(shelf);
}

bool shelf_has_room(const struct shelf *shelf, uint32_t rows, size_t bytes)
{
    const size_t left = shelf->bytes_max - shelf_used(shelf);
    return bytes <= left && (uint64_t)rows * SHELF_ROW_COST <= left - bytes;
}

/* -- finding --------------------------------------------------------------------------------- */

static struct row *row_at(const struct shelf *shelf, size_t offset)
{
    return (struct row *)(void *)(shelf->memory + offset);
}

static uint32_t place_mask(const struct shelf *shelf)
{
    return (UINT32_C(1) << shelf->place_bits) - 1;
}

/* The row of a slot that is not empty. */
static struct row *row_of(const struct shelf *shelf, uint32_t slot)
{
    return row_at(shelf, (size_t)((slot & place_mask(shelf)) - 1) * ROW_ALIGN);
}

/* What stands above the place in the slot of a key with that hash. */
static uint32_t tag_of(const struct shelf *shelf, uint64_t hash)
{
    return (uint32_t)(hash >> 32) & ~place_mask(shelf);
}

/* Of keys that are mostly keyed hashes themselves: of what they end with, read as words that may
 * overlap. The first byte counts for the tag alone, and of the last one four bits say which of the
 * neighbouring slots it is, and count for the tag. Lives no longer than the shelf. */
static inline uint64_t hash_of(struct bytes key)
{
    const size_t size = key.size < HASHED_BYTES ? key.size : HASHED_BYTES;
    const uint8_t *tail = key.data + key.size - size;
    const uint8_t last = tail[size - 1];
    uint64_t front = size;
    uint64_t back = 0;
    if (size < 8) {
        memcpy(&back, tail, size);
    } else {
        front = le_load64(tail);
        back = le_load64(tail + size - 8) & ~((uint64_t)(NEIGHBOURS - 1) << 56);
        if (size == 8) front = size;
    }
    const unsigned __int128 product = (unsigned __int128)(front ^ UINT64_C(0x9e3779b97f4a7c15)) *
                                      (back ^ UINT64_C(0x94d049bb133111eb));
    const uint64_t mixed = (uint64_t)product ^ (uint64_t)(product >> 64);
    const uint64_t nth = last & (NEIGHBOURS - 1);
    const uint32_t ends = (uint32_t)(key.data[0] * NEIGHBOURS + nth) * UINT32_C(0x9e3779b1);
    return ((mixed & ~(uint64_t)(NEIGHBOURS - 1)) | nth) ^ (uint64_t)ends << 32;
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
static uint32_t *slot_of(const struct shelf *shelf, struct bytes key, uint64_t hash)
{
    const uint32_t tag = tag_of(shelf, hash);
    uint64_t at = hash & shelf->slot_mask;
    for (;; at = (at + 1) & shelf->slot_mask) {
        const uint32_t slot = shelf->slots[at];
        if (slot == 0) return &shelf->slots[at];
        if ((slot & ~place_mask(shelf)) == tag && key_is(row_of(shelf, slot), key)) {
            return &shelf->slots[at];
        }
    }
}

/* -- changing -------------------------------------------------------------------------------- */

/* Empties the slot of a row; those it may have been put behind may be empty already. */
static void clear_slot(struct shelf *shelf, const struct row *row)
{
    uint64_t at = hash_of((struct bytes){row->key, row->key_size}) & shelf->slot_mask;
    while (shelf->slots[at] == 0 || row_of(shelf, shelf->slots[at]) != row)
        at = (at + 1) & shelf->slot_mask;
    shelf->slots[at] = 0;
}

static struct row *started_row(const struct shelf *shelf, uint32_t nth)
{
    return row_at(shelf, (size_t)shelf->starts[nth] * ROW_ALIGN);
}

void shelf_reset(struct shelf *shelf)
{
    if (shelf->count < (shelf->slot_mask + 1) / SLOTS_PER_CLEARED) {
        for (uint32_t i = 0; i < shelf->started; i++) {
            const struct row *row = started_row(shelf, i);
            if (!row->left) clear_slot(shelf, row);
        }
    } else {
        memset(shelf->slots, 0, (shelf->slot_mask + 1) * sizeof *shelf->slots);
    }
    shelf->count = 0;
    shelf->started = 0;
    shelf->end = 0;
    shelf->values = 0;
    shelf->sorted = false;
}

/* Word by word, as key_is() compares. */
static inline void put_key(struct row *row, struct bytes key)
{
    row->key_size = (uint8_t)key.size;
    if (key.size < 8) {
        memcpy(row->key, key.data, key.size);
        return;
    }
    const size_t last = key.size - 8;
    for (size_t at = 0; at < last; at += 8)
        memcpy(row->key + at, key.data + at, 8);
    memcpy(row->key + last, key.data + last, 8);
}

/* A new row in that slot, with room for a value and none yet. */
static struct row *add_row(struct shelf *shelf, uint32_t *slot, uint64_t hash, struct bytes key,
                           size_t room)
{
    ENSURE(shelf_has_room(shelf, 1, room));
    struct row *row = row_at(shelf, shelf->end);
    const uint32_t start = (uint32_t)(shelf->end / ROW_ALIGN);
    shelf->starts[shelf->started++] = start;
    *slot = (start + 1) | tag_of(shelf, hash);
    *row = (struct row){.room = (uint32_t)room};
    put_key(row, key);
    shelf->end += row_size(key.size, room);
    shelf->values += room;
    shelf->count++;
    shelf->sorted = false;
    return row;
}

/* The place of a value: many grow, as a wallet does by each lot that comes in, what grew once will
 * grow again, and each larger place is another row of memory and the old one lost. Only in the
 * first half of the shelf, where nobody counts on the bytes. */
static size_t room_to_grow(const struct shelf *shelf, size_t room, uint32_t part)
{
    const size_t more = room + room / part;
    return shelf_used(shelf) + SHELF_ROW_COST + more <= shelf->bytes_max / 2 ? more : room;
}

static uint8_t *value_at(const struct row *row)
{
    return (uint8_t *)row + value_offset(row->key_size);
}

/* The row with that key and room for so much; a new one without a value when there is none. */
static struct row *row_for(struct shelf *shelf, struct bytes key, size_t room)
{
    ENSURE(key.size != 0 && key.size <= SHELF_KEY_MAX);
    const uint64_t hash = hash_of(key);
    uint32_t *slot = slot_of(shelf, key, hash);
    if (*slot == 0) {
        if (room <= FIRST_MAX) room = room_to_grow(shelf, room, FIRST_PART);
        return add_row(shelf, slot, hash, key, room);
    }

    struct row *row = row_of(shelf, *slot);
    if (room <= row->room) return row;
    struct row *larger = add_row(shelf, slot, hash, key, room_to_grow(shelf, room, GROWTH_PART));
    larger->fresh = row->fresh;
    row->left = true; /* Its place goes on costing what it did. */
    shelf->count--;
    shelf->values += SHELF_ROW_COST;
    return larger;
}

void shelf_put(struct shelf *shelf, struct bytes key, struct bytes value)
{
    struct row *row = row_for(shelf, key, value.size);
    row->size = (uint32_t)value.size;
    if (row->dropped) shelf->sorted = false;
    row->dropped = false;
    /* It may be what shelf_get() lent out. */
    if (value.size != 0) memmove(value_at(row), value.data, value.size);
}

void shelf_put_new(struct shelf *shelf, struct bytes key, struct bytes value)
{
    const uint32_t count = shelf->count;
    const size_t end = shelf->end;
    shelf_put(shelf, key, value);
    if (shelf->count != count) row_at(shelf, end)->fresh = true;
}

void shelf_drop(struct shelf *shelf, struct bytes key)
{
    struct row *row = row_for(shelf, key, 0);
    row->size = 0;
    row->dropped = true;
}

static struct bytes value_of(const struct row *row)
{
    return (struct bytes){value_at(row), row->size};
}

enum shelf_found shelf_get(const struct shelf *shelf, struct bytes key, struct bytes *ret_value)
{
    if (shelf->count == 0) return SHELF_NOT_HERE;
    const uint32_t slot = *slot_of(shelf, key, hash_of(key));
    if (slot == 0) return SHELF_NOT_HERE;
    const struct row *row = row_of(shelf, slot);
    if (row->dropped) return SHELF_DROPPED;
    *ret_value = value_of(row);
    return SHELF_VALUE;
}

uint8_t *shelf_value(struct shelf *shelf, struct bytes key)
{
    struct bytes value;
    if (shelf_get(shelf, key, &value) != SHELF_VALUE) return NULL;
    return shelf->memory + (value.data - shelf->memory);
}

/* -- ahead ----------------------------------------------------------------------------------- */

/* The first row that is looked at; NULL: none is. */
static const struct row *first_row(const struct shelf *shelf, uint64_t hash)
{
    const uint32_t tag = tag_of(shelf, hash);
    uint64_t at = hash & shelf->slot_mask;
    for (;; at = (at + 1) & shelf->slot_mask) {
        const uint32_t slot = shelf->slots[at];
        if (slot == 0) return NULL;
        if ((slot & ~place_mask(shelf)) == tag) return row_of(shelf, slot);
    }
}

uint64_t shelf_hash(struct bytes key)
{
    return hash_of(key);
}

void shelf_ahead(const struct shelf *shelf, uint64_t hash)
{
    if (shelf->count != 0) __builtin_prefetch(&shelf->slots[hash & shelf->slot_mask]);
}

static void ask(const struct row *row, size_t from, size_t to)
{
    for (size_t at = from; at < to; at += CACHE_LINE)
        __builtin_prefetch((const uint8_t *)row + at);
}

bool shelf_ahead_row(const struct shelf *shelf, uint64_t hash)
{
    const struct row *row = shelf->count == 0 ? NULL : first_row(shelf, hash);
    if (row != NULL) ask(row, 0, AHEAD_FIRST);
    return row != NULL;
}

void shelf_ahead_value(const struct shelf *shelf, uint64_t hash)
{
    const struct row *row = shelf->count == 0 ? NULL : first_row(shelf, hash);
    if (row == NULL) return;
    const size_t size = row_size(row->key_size, row->size) + ROW_ALIGN;
    ask(row, AHEAD_FIRST, size < AHEAD_BYTES ? size : AHEAD_BYTES);
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
           ((size_t)shelf->rows_max + 1) * (2 * sizeof *shelf->order + sizeof *shelf->starts);
}

struct bytes shelf_table(const struct shelf *shelf)
{
    return (struct bytes){(const uint8_t *)shelf->slots,
                          (shelf->slot_mask + 1) * sizeof *shelf->slots};
}

struct bytes shelf_rows(const struct shelf *shelf)
{
    return (struct bytes){shelf->memory, shelf->bytes_max};
}

/* -- listing --------------------------------------------------------------------------------- */

/* Keys are sorted as the store compares them, byte by byte, a beginning before what goes on: word
 * by word, as numbers in that order, with zeros behind the end; and of those that are still alike,
 * for they end with zeros, the shorter one comes first. What the last word shows of the bytes
 * behind the key is cut off. */
static uint64_t key_word(const struct row *row, uint32_t nth)
{
    const size_t at = nth * sizeof(uint64_t);
    if (nth == KEY_WORDS) return row->key_size;
    if (at >= row->key_size) return 0;
    const size_t left = row->key_size - at;
    const uint64_t word = be_load64(row->key + at);
    return left < sizeof word ? word & ~(UINT64_MAX >> 8 * left) : word;
}

static const struct row *listed_row(const struct shelf *shelf, uint32_t nth)
{
    return row_at(shelf, shelf->order[nth].seq);
}

/* Puts the `nth` word of each key beside its row, from `first` on. */
static void list_words(struct shelf *shelf, uint32_t first, uint32_t count, uint32_t nth)
{
    ENSURE(nth <= KEY_WORDS); /* No key stands here twice. */
    for (uint32_t i = first; i < first + count; i++)
        shelf->order[i].hash = key_word(listed_row(shelf, i), nth);
}

/* Rows from `first` on, by their `nth` words, which stand in the list; the words before are alike.
 * Those that begin alike are few, but for rows of one day or one list, whose second words differ.
 */
static void sort_from(struct shelf *shelf, uint32_t first, uint32_t count, uint32_t nth)
{
    struct id *list = shelf->order + first;
    const struct id *sorted = radix_sort(list, shelf->scratch, count, 0);
    if (sorted != list) memcpy(list, sorted, count * sizeof *list);
    for (uint32_t i = 0; i < count;) {
        uint32_t alike = 1;
        while (i + alike < count && list[i + alike].hash == list[i].hash)
            alike++;
        if (alike != 1) {
            list_words(shelf, first + i, alike, nth + 1);
            sort_from(shelf, first + i, alike, nth + 1);
        }
        i += alike;
    }
}

/* Beside the index, which others may be reading. */
static void sort_rows(struct shelf *shelf)
{
    shelf->ordered = 0;
    for (uint32_t i = 0; i < shelf->started; i++) {
        const struct row *row = started_row(shelf, i);
        if (shelf->started - i > LISTED_AHEAD) ask(started_row(shelf, i + LISTED_AHEAD), 0, 1);
        if (row->left || (row->dropped && row->fresh)) continue;
        shelf->order[shelf->ordered++] = (struct id){
            .hash = key_word(row, 0),
            .seq = (uint64_t)shelf->starts[i] * ROW_ALIGN,
        };
    }
    sort_from(shelf, 0, shelf->ordered, 0);
    shelf->sorted = true;
}

bool shelf_next(struct shelf *shelf, uint32_t *cursor, struct bytes *ret_key,
                struct bytes *ret_value, bool *ret_dropped)
{
    if (!shelf->sorted) sort_rows(shelf);
    if (*cursor == shelf->ordered) return false;
    if (shelf->ordered - *cursor > LISTED_AHEAD) {
        ask(listed_row(shelf, *cursor + LISTED_AHEAD), 0, AHEAD_FIRST);
    }
    const struct row *row = listed_row(shelf, (*cursor)++);
    *ret_key = (struct bytes){row->key, row->key_size};
    *ret_value = value_of(row);
    *ret_dropped = row->dropped;
    return true;
}
