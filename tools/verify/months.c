#include "tools/verify/months.h"

#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"

bool months_add(struct months *months, const struct recount_state *state)
{
    if (state->cell_count == 0) return true;
    const size_t count = (size_t)months->cell_count + state->cell_count;
    struct cell *cells = realloc(months->cells, count * sizeof *cells);
    if (cells == NULL) return false;
    months->cells = cells;
    for (uint32_t i = 0; i < state->cell_count; i++)
        cells[months->cell_count++] = state->cells[i].cell;
    return true;
}

void months_done(struct months *months)
{
    free(months->list);
    free(months->cells);
    *months = (struct months){0};
}

static int compare_cells(const void *a, const void *b)
{
    const struct cell_key *x = &((const struct cell *)a)->key;
    const struct cell_key *y = &((const struct cell *)b)->key;
    if (x->period != y->period) return x->period < y->period ? -1 : 1;
    return memcmp(&x->payer, &y->payer, 4); /* payer, payee, line, insurance: one byte each. */
}

/* Adds `more`; false when the sum does not fit. */
static bool add(int64_t *sum, int64_t more)
{
    return !__builtin_add_overflow(*sum, more, sum);
}

/* Adds what a table shows of a cell: counts, cost and checksum. */
static bool add_cell(struct cell *sum, const struct cell *cell)
{
    bool fits = add(&sum->medfee_sum, cell->medfee_sum);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        fits = add(&sum->balance[ACCOUNT_COST][fund], cell->balance[ACCOUNT_COST][fund]) && fits;
    }
    sum->count += cell->count;
    sum->refund_count += cell->refund_count;
    sum->late_count += cell->late_count;
    sum->checksum += cell->checksum;
    if (cell->cut != 0) sum->cut = cell->cut;
    return fits;
}

/* One cell for each key. */
static bool fold(struct months *months, struct finding *finding)
{
    uint32_t left = 0;
    if (months->cell_count == 0) return true;
    qsort(months->cells, months->cell_count, sizeof *months->cells, compare_cells);
    for (uint32_t i = 1; i < months->cell_count; i++) {
        struct cell *sum = &months->cells[left];
        const struct cell *cell = &months->cells[i];
        if (compare_cells(sum, cell) != 0) {
            months->cells[++left] = *cell;
        } else if (!add_cell(sum, cell)) {
            return finding_set(finding, "cell %s: its sums over the shards do not fit",
                               cell_key_text(cell->key));
        }
    }
    months->cell_count = left + 1;
    return true;
}

bool months_cell_empty(const struct cell *cell)
{
    bool empty = cell->count == 0 && cell->checksum == 0;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        empty = empty && cell->balance[ACCOUNT_COST][fund] == 0;
    return empty;
}

static void put64(uint8_t **out, uint64_t value)
{
    for (int i = 0; i < 8; i++)
        *(*out)++ = (uint8_t)(value >> (8 * i));
}

/* The next digest: SHA-256 of the digest so far and of the cell. */
static void digest_cell(uint8_t digest[SHA256_SIZE], const struct cell *cell)
{
    uint8_t block[SHA256_SIZE + 8 + 5 * 8 + FUND_COUNT * 8];
    uint8_t *out = block + SHA256_SIZE;

    memcpy(block, digest, SHA256_SIZE);
    for (int i = 0; i < 4; i++)
        *out++ = (uint8_t)(cell->key.period >> (8 * i));
    *out++ = province_codes[cell->key.payer];
    *out++ = province_codes[cell->key.payee];
    *out++ = cell->key.line;
    *out++ = cell->key.insurance;
    put64(&out, cell->count);
    put64(&out, cell->refund_count);
    put64(&out, cell->late_count);
    put64(&out, (uint64_t)cell->medfee_sum);
    put64(&out, cell->checksum);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        put64(&out, (uint64_t)cell->balance[ACCOUNT_COST][fund]);
    checksum_sha256((struct bytes){block, sizeof block}, (struct bytes){0}, digest);
}

/* The month of a cell, the last one of the list or a new one: cells come in order. */
static struct month *month_for(struct months *months, uint32_t period)
{
    if (months->count != 0 && months->list[months->count - 1].period == period)
        return &months->list[months->count - 1];
    if (!list_grow32((void **)&months->list, months->count, &months->room, sizeof *months->list)) {
        return NULL;
    }
    months->list[months->count] = (struct month){.period = period};
    return &months->list[months->count++];
}

static bool add_to_month(struct month *month, const struct cell *cell)
{
    const int64_t account = cell->balance[ACCOUNT_COST][FUND_ACCOUNT];
    int64_t fund = 0;
    bool fits = true;

    for (int f = 0; f < FUND_COUNT; f++) {
        if (f != FUND_ACCOUNT) fits = fits && add(&fund, cell->balance[ACCOUNT_COST][f]);
    }
    int64_t amount = fund;
    fits = fits && add(&amount, account) && amount != INT64_MIN &&
           add(&month->medfee, cell->medfee_sum) && add(&month->fund, fund) &&
           add(&month->account, account) && add(&month->net[cell->key.payee], amount) &&
           add(&month->net[cell->key.payer], -amount);
    month->count += cell->count;
    month->refunds += cell->refund_count;
    month->late += cell->late_count;
    month->cut = month->cut || cell->cut != 0;
    digest_cell(month->digest, cell);
    return fits;
}

bool months_finish(struct months *months, struct finding *finding)
{
    if (!fold(months, finding)) return false;
    for (uint32_t i = 0; i < months->cell_count; i++) {
        const struct cell *cell = &months->cells[i];
        if (months_cell_empty(cell)) continue;
        struct month *month = month_for(months, cell->key.period);
        if (month == NULL) return finding_set(finding, "out of memory");
        if (!add_to_month(month, cell)) {
            return finding_set(finding, "cell %s: the month's sums do not fit",
                               cell_key_text(cell->key));
        }
    }
    for (uint32_t m = 0; m < months->count; m++) {
        int64_t sum = 0;
        for (int p = 0; p < PROVINCE_COUNT; p++) {
            if (!add(&sum, months->list[m].net[p]))
                return finding_set(finding, "period %u: net positions do not fit",
                                   months->list[m].period);
        }
        if (sum != 0) { /* (N1) */
            return finding_set(finding, "period %u: net positions sum to %s yuan",
                               months->list[m].period, finding_yuan(sum));
        }
    }
    return true;
}
