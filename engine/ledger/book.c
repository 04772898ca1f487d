#include "ledger/book.h"

#include <stdlib.h>

#include "types/ensure.h"
#include "util/large.h"
#include "util/le.h"

/* Where a cell stands within its period: dense, so that finding it is one load. */
#define SLOTS_PER_PERIOD (PROVINCE_COUNT * PROVINCE_COUNT * LINE_END * INSURANCE_COUNT)
#define PERIODS_MAX      512 /* Months a book may hold: over forty years. */

struct period_map {
    uint32_t period;
    uint32_t *slots; /* Index of the cell plus 1, 0: none. */
};

struct book {
    struct cell *cells;
    uint32_t cell_count;
    uint32_t cells_max;
    uint32_t *changed; /* Indices of cells changed since the last take. */
    uint32_t changed_count;
    uint8_t *is_changed;
    struct period_map periods[PERIODS_MAX];
    uint32_t period_count;
    uint32_t last_period; /* Index into periods: most records fall into the same month. */
};

struct book *book_new(uint32_t cells_max)
{
    struct book *book = calloc(1, sizeof *book);
    if (book == NULL) return NULL;
    book->cells_max = cells_max;
    /* Untouched pages cost nothing: the bound is an address range, not memory. */
    book->cells = large_new(sizeof(struct cell) * cells_max);
    book->changed = calloc(cells_max, sizeof *book->changed);
    book->is_changed = calloc(cells_max, 1);
    if (book->cells == NULL || book->changed == NULL || book->is_changed == NULL) {
        book_free(book);
        return NULL;
    }
    return book;
}

void book_free(struct book *book)
{
    if (book == NULL) return;
    for (uint32_t i = 0; i < book->period_count; i++)
        free(book->periods[i].slots);
    free(book->cells);
    free(book->changed);
    free(book->is_changed);
    free(book);
}

struct bytes book_memory(const struct book *book)
{
    return (struct bytes){(const uint8_t *)book->cells,
                          large_size(sizeof(struct cell) * book->cells_max)};
}

static uint32_t slot_of(struct cell_key key)
{
    const uint32_t pair = (uint32_t)key.payer * PROVINCE_COUNT + key.payee;
    return (pair * LINE_END + key.line) * INSURANCE_COUNT + key.insurance;
}

static const struct period_map *find_period(const struct book *book, uint32_t period)
{
    const struct period_map *last = &book->periods[book->last_period];
    if (last->period == period) return last;
    for (uint32_t i = 0; i < book->period_count; i++) {
        if (book->periods[i].period == period) return &book->periods[i];
    }
    return NULL;
}

const struct cell *book_find(const struct book *book, struct cell_key key)
{
    const struct period_map *map = find_period(book, key.period);
    if (map == NULL) return NULL;
    const uint32_t index = map->slots[slot_of(key)];
    return index == 0 ? NULL : &book->cells[index - 1];
}

void book_prefetch_place(const struct book *book, struct cell_key key)
{
    const struct period_map *map = &book->periods[book->last_period];
    if (map->slots != NULL) __builtin_prefetch(&map->slots[slot_of(key)]);
}

void book_prefetch(const struct book *book, struct cell_key key)
{
    const struct period_map *map = &book->periods[book->last_period];
    if (map->slots == NULL) return;
    const uint32_t index = map->slots[slot_of(key)];
    if (index == 0) return;
    const struct cell *cell = &book->cells[index - 1];
    __builtin_prefetch(cell, 1);
    __builtin_prefetch(cell->balance[ACCOUNT_COST], 1);
    __builtin_prefetch(cell->balance[ACCOUNT_ACCRUED], 1);
}

/* Finds or makes; NULL when there is no room. */
static struct cell *cell_of(struct book *book, struct cell_key key)
{
    struct period_map *map = (struct period_map *)find_period(book, key.period);
    if (map == NULL) {
        if (book->period_count == PERIODS_MAX) return NULL;
        map = &book->periods[book->period_count];
        map->slots = calloc(SLOTS_PER_PERIOD, sizeof *map->slots);
        NEED_MEMORY(map->slots);
        map->period = key.period;
        book->period_count++;
    }
    book->last_period = (uint32_t)(map - book->periods);

    uint32_t *slot = &map->slots[slot_of(key)];
    if (*slot == 0) {
        if (book->cell_count == book->cells_max) return NULL;
        struct cell *cell = &book->cells[book->cell_count++];
        memset(cell, 0, sizeof *cell);
        cell->key = key;
        *slot = book->cell_count;
    }
    return &book->cells[*slot - 1];
}

static void note_change(struct book *book, const struct cell *cell)
{
    const uint32_t index = (uint32_t)(cell - book->cells);
    if (book->is_changed[index] != 0) return;
    book->is_changed[index] = 1;
    book->changed[book->changed_count++] = index;
}

static bool adds(int64_t a, int64_t b)
{
    int64_t sum;
    return !__builtin_add_overflow(a, b, &sum);
}

bool book_fits(const struct book *book, const struct posting *posting)
{
    const struct cell *cell = book_find(book, posting->key);
    if (cell == NULL) {
        return book->cell_count < book->cells_max && book->period_count < PERIODS_MAX;
    }
    if (!adds(cell->medfee_sum, posting->medfee)) return false;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        const int64_t amount = posting->funds[fund];
        if (!adds(cell->balance[ACCOUNT_COST][fund], amount)) return false;
        if (!adds(cell->balance[ACCOUNT_ACCRUED][fund], -amount)) return false;
    }
    return true;
}

bool book_has_room(const struct book *book, uint32_t cells)
{
    return cells <= book->cells_max - book->cell_count;
}

/* One balanced entry per fund class: what one account gains the other loses. Overflow was ruled out
 * before, so it is a bug here. */
static void transfer(struct cell *cell, enum account debit, enum account credit, int fund,
                     int64_t amount)
{
    int64_t *dr = &cell->balance[debit][fund];
    int64_t *cr = &cell->balance[credit][fund];
    ENSURE(!__builtin_add_overflow(*dr, amount, dr));
    ENSURE(!__builtin_sub_overflow(*cr, amount, cr));
}

void book_post(struct book *book, const struct posting *posting, struct posting_kind kind)
{
    struct cell *cell = cell_of(book, posting->key);
    ENSURE(cell != NULL);
    ENSURE(cell->cut == 0);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (posting->funds[fund] == 0) continue;
        transfer(cell, ACCOUNT_COST, ACCOUNT_ACCRUED, fund, posting->funds[fund]);
    }
    ENSURE(!__builtin_add_overflow(cell->medfee_sum, posting->medfee, &cell->medfee_sum));
    cell->count += 1;
    cell->refund_count += kind.refund;
    cell->late_count += kind.late;
    cell->checksum += kind.content_hash;
    note_change(book, cell);
}

void book_unpost(struct book *book, const struct posting *posting, struct posting_kind kind)
{
    struct cell *cell = cell_of(book, posting->key);
    ENSURE(cell != NULL);
    ENSURE(cell->cut == 0);
    ENSURE(cell->count > 0);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (posting->funds[fund] == 0) continue;
        transfer(cell, ACCOUNT_ACCRUED, ACCOUNT_COST, fund, posting->funds[fund]);
    }
    ENSURE(!__builtin_sub_overflow(cell->medfee_sum, posting->medfee, &cell->medfee_sum));
    cell->count -= 1;
    cell->refund_count -= kind.refund;
    cell->late_count -= kind.late;
    cell->checksum -= kind.content_hash;
    note_change(book, cell);
}

uint32_t book_cut(struct book *book, uint32_t period, uint64_t cut)
{
    uint32_t cells = 0;
    for (uint32_t i = 0; i < book->cell_count; i++) {
        struct cell *cell = &book->cells[i];
        if (cell->cut != 0 || cell->key.period > period) continue;
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            /* ACCRUED is a credit balance: what stands there moves on to CLEARING. */
            transfer(cell, ACCOUNT_ACCRUED, ACCOUNT_CLEARING, fund,
                     -cell->balance[ACCOUNT_ACCRUED][fund]);
        }
        cell->cut = cut;
        note_change(book, cell);
        cells++;
    }
    return cells;
}

bool book_open_before(const struct book *book, uint32_t period, uint32_t *ret_period)
{
    bool found = false;
    for (uint32_t i = 0; i < book->cell_count; i++) {
        const struct cell *cell = &book->cells[i];
        if (cell->cut != 0 || cell->count == 0 || cell->key.period >= period) continue;
        if (!found || cell->key.period < *ret_period) *ret_period = cell->key.period;
        found = true;
    }
    return found;
}

bool cell_balanced(const struct cell *cell)
{
    for (int fund = 0; fund < FUND_SLOTS; fund++) {
        int64_t sum = 0;
        for (int account = 0; account < ACCOUNT_SLOTS; account++) {
            if (__builtin_add_overflow(sum, cell->balance[account][fund], &sum)) return false;
        }
        if (sum != 0) return false;
    }
    return true;
}

bool book_restore(struct book *book, const struct cell *cell)
{
    const struct cell_key key = cell->key;
    if (key.payer >= PROVINCE_COUNT || key.payee >= PROVINCE_COUNT || key.line >= LINE_END ||
        key.insurance >= INSURANCE_COUNT || !cell_balanced(cell)) {
        return false;
    }
    struct cell *place = cell_of(book, key);
    if (place == NULL) return false;
    *place = *cell;
    return true;
}

const struct cell *book_cells(const struct book *book, uint32_t *ret_count)
{
    *ret_count = book->cell_count;
    return book->cells;
}

uint32_t book_changed(const struct book *book)
{
    return book->changed_count;
}

uint32_t book_take_changed(struct book *book, struct cell *out)
{
    const uint32_t count = book->changed_count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = book->changed[i];
        ENSURE(cell_balanced(&book->cells[index])); /* (C1) */
        out[i] = book->cells[index];
        book->is_changed[index] = 0;
    }
    book->changed_count = 0;
    return count;
}

void cell_key_encode(struct cell_key key, uint8_t out[CELL_KEY_SIZE])
{
    be_store32(out, key.period);
    out[4] = key.payer;
    out[5] = key.payee;
    out[6] = key.line;
    out[7] = key.insurance;
}

size_t cell_pack(const struct cell *cell, uint8_t out[CELL_SIZE_MAX])
{
    return numbers_pack(&cell->count, CELL_NUMBERS, out);
}

bool cell_read(struct bytes key, struct bytes value, struct cell *ret_cell)
{
    if (key.size != CELL_KEY_SIZE) return false;
    ret_cell->key = (struct cell_key){
        .period = be_load32(key.data),
        .payer = key.data[4],
        .payee = key.data[5],
        .line = key.data[6],
        .insurance = key.data[7],
    };
    return numbers_read(value, CELL_NUMBERS, &ret_cell->count);
}
