/* states -- what is known of a cell: reconciled, confirmed, in a batch, and what of it is held
 * back.
 *
 * A cell's state is never stored. It follows from rows that say "this side agreed to this count and
 * checksum" and from the cell's figures as they are: a record that comes later makes the row stale
 * without anybody having to find it. Only looks; must not know how an order is judged. */
#include <stdlib.h>

#include "cycle/cycle_internal.h"

/* -- reconciled and confirmed ----------------------------------------------------------------- */

static const struct row_info sum_info = {
    .size = sizeof(struct recon_sum),
    .key_size = offsetof(struct recon_sum, count),
};

static const struct row_info month_info = {
    .size = sizeof(struct recon_month),
    .key_size = sizeof(struct recon_month),
};

static struct recon_sum recon_sum_of(const struct cycle *cycle, const struct cell_key *key,
                                     uint8_t side)
{
    const struct recon_sum none = {.cell = *key, .side = side};
    const struct recon_sum *found = rows_find(&cycle->recon_sums, &sum_info, &none);
    return found != NULL ? *found : none;
}

bool recon_sum_put(struct cycle *cycle, const struct recon_row *row)
{
    if (row->day == 0) return true;
    const struct recon_month month = {row->cell.period};
    struct recon_sum sum = recon_sum_of(cycle, &row->cell, row->side);
    const struct recon_row *old = cycle_find(cycle, ROW_RECON, row);
    if (old != NULL) {
        sum.count -= old->count;
        sum.checksum -= old->checksum;
    }
    sum.count += row->count;
    sum.checksum += row->checksum;
    return rows_put(&cycle->recon_months, &month_info, &month) &&
           rows_put(&cycle->recon_sums, &sum_info, &sum);
}

bool cell_reconciled(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                     uint64_t checksum, enum side side)
{
    const struct recon_row whole = {.cell = *key, .side = (uint8_t)side};
    const struct recon_row *row = cycle_find(cycle, ROW_RECON, &whole);
    if (row != NULL && row->count == count && row->checksum == checksum) return true;
    const struct recon_sum sum = recon_sum_of(cycle, key, (uint8_t)side);
    return sum.count == count && sum.checksum == checksum;
}

static const struct confirm_row *confirm_of(const struct cycle *cycle, const struct cell_key *key)
{
    const struct confirm_row *row = cycle_find(cycle, ROW_CONFIRM, key);
    return row != NULL && !row->withdrawn ? row : NULL;
}

bool cell_confirmed(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                    uint64_t checksum)
{
    const struct confirm_row *row = confirm_of(cycle, key);
    return row != NULL && row->count == count && row->checksum == checksum;
}

bool cell_reconciled_enough(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                            uint64_t checksum, int64_t now_ms)
{
    const int64_t required = setting_at(cycle, SETTING_RECON_REQUIRED, now_ms);
    if (required >= 1 && !cell_reconciled(cycle, key, count, checksum, SIDE_PAYER)) return false;
    return required < 2 || cell_reconciled(cycle, key, count, checksum, SIDE_PAYEE);
}

bool cell_eligible(const struct cycle *cycle, const struct cell_key *key, uint64_t count,
                   uint64_t checksum, int64_t now_ms)
{
    if (!cell_reconciled_enough(cycle, key, count, checksum, now_ms)) return false;
    return setting_at(cycle, SETTING_CONFIRM_REQUIRED, now_ms) == 0 ||
           cell_confirmed(cycle, key, count, checksum);
}

/* -- states of a month's cells ---------------------------------------------------------------- */

int cell_key_compare(const struct cell_key *a, const struct cell_key *b)
{
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    return memcmp(&a->payer, &b->payer, sizeof *a - offsetof(struct cell_key, payer));
}

static int compare_states(const void *left, const void *right)
{
    return cell_key_compare(&((const struct cell_state *)left)->cell,
                            &((const struct cell_state *)right)->cell);
}

static struct cell_state *find_state(const struct cell_key *key, struct cell_state *states,
                                     size_t count)
{
    const struct cell_state wanted = {.cell = *key};
    return bsearch(&wanted, states, count, sizeof *states, compare_states);
}

static void fill_state(const struct cycle *cycle, struct cell_state *state, uint64_t checksum)
{
    const struct cell_key *key = &state->cell;
    for (int side = SIDE_PAYER; side <= SIDE_PAYEE; side++)
        state->reconciled[side] = cell_reconciled(cycle, key, state->count, checksum, side);
    state->confirmed = cell_confirmed(cycle, key, state->count, checksum);
    state->stale = !state->confirmed && confirm_of(cycle, key) != NULL;
}

/* The frozen rows of a month; 0 while it is not handed over. */
static size_t states_of_frozen(const struct cycle *cycle, uint32_t period, struct cell_state *out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
        const struct frozen_row *frozen = cycle_row(cycle, ROW_FROZEN, i);
        if (frozen->cell.period != period) continue;
        struct cell_state *state = &out[count++];
        *state = (struct cell_state){.cell = frozen->cell, .count = frozen->count};
        state->amount = funds_sum(frozen->funds);
        state->batch = frozen->batch;
        const struct batch_row *batch = cycle_batch_by_id(cycle, frozen->batch);
        if (batch != NULL) state->batch_state = batch->state;
        fill_state(cycle, state, frozen->checksum);
    }
    return count;
}

static void state_of_cell(const struct cycle *cycle, const struct cell *cell,
                          struct cell_state *state)
{
    *state = (struct cell_state){.cell = cell->key, .count = cell->count};
    state->amount = funds_sum(cell->balance[ACCOUNT_COST]);
    fill_state(cycle, state, cell->checksum);
}

/* What is held back of the cells. A reversed record's money is in no cell any more. */
static void add_exceptions(const struct cycle *cycle, uint32_t period, struct cell_state *states,
                           size_t count)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *exception = cycle_row(cycle, ROW_EXCEPTION, i);
        if (exception->record.period != period) continue;
        if ((exception->flags & EXCEPTION_REVERSED) != 0) continue;
        const struct cell_key key = record_cell(&exception->record);
        struct cell_state *state = find_state(&key, states, count);
        if (state == NULL) continue;
        state->deducted += funds_sum(exception->deducted);
        if ((exception->flags & EXCEPTION_BLOCKING) == 0) continue;
        state->exceptions++;
        state->blocked += funds_sum(exception->record.funds);
    }
}

struct cell_state *cycle_cell_states(const struct cycle *cycle, uint32_t period,
                                     const struct cell *cells, size_t cell_count, size_t *ret_count)
{
    const size_t frozen = cycle_count(cycle, ROW_FROZEN);
    const size_t room = 1 + (frozen > cell_count ? frozen : cell_count);
    struct cell_state *states = malloc(room * sizeof *states);
    *ret_count = 0;
    if (states == NULL) return NULL;
    size_t count = states_of_frozen(cycle, period, states);
    if (count == 0) {
        for (size_t i = 0; i < cell_count; i++)
            if (cells[i].key.period == period) state_of_cell(cycle, &cells[i], &states[count++]);
    }
    qsort(states, count, sizeof *states, compare_states);
    add_exceptions(cycle, period, states, count);
    *ret_count = count;
    return states;
}
