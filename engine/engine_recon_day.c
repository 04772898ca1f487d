/* engine_recon_day -- what a ReconDay is told: the centre's figures beside what was sent.
 *
 * Changes nothing: what became reconciled was decided before (engine_cycle.c). */
#include <stdlib.h>

#include "codec/cycle_reply.h"
#include "engine_internal.h"
#include "types/ensure.h"

#define RECON_CELLS_MAX 4000 /* Cells of one answer: half a frame. */

/* The centre's figures of the cells asked about; grows. */
struct recon_list {
    struct recon_cell *cells; /* Room for RECON_CELLS_MAX. */
    size_t count;
    bool full;
};

static bool wanted_pair(const struct order *order, const struct cell_key *key)
{
    return is_subject(order->acting, key->payer, key->payee) &&
           (order->payer == PROVINCE_CENTRE || order->payer == key->payer) &&
           (order->payee == PROVINCE_CENTRE || order->payee == key->payee);
}

/* True when the side has agreed to what the centre has now: to that day, or to the month, which it
 * may have done day by day. */
static bool reconciled(const struct home *home, const struct cell_key *key, enum side side,
                       uint64_t count, uint64_t checksum)
{
    if (home->desk.job.order.day == 0) {
        return cell_reconciled(home->desk.cycle, key, count, checksum, side);
    }
    const struct recon_row asked = {
        .cell = *key, .day = home->desk.job.order.day, .side = (uint8_t)side};
    const struct recon_row *row = cycle_find(home->desk.cycle, ROW_RECON, &asked);
    return row != NULL && row->count == count && row->checksum == checksum;
}

static void add_centre(struct home *home, struct recon_list *list, const struct cell_key *key,
                       uint64_t count, uint64_t checksum, int64_t medfee, const int64_t *funds)
{
    if (!wanted_pair(&home->desk.job.order, key)) return;
    if (list->count == RECON_CELLS_MAX) {
        list->full = true;
        return;
    }
    struct recon_cell *cell = &list->cells[list->count++];
    *cell = (struct recon_cell){
        .centre = {.cell = *key, .count = count, .medfee = medfee, .acct = funds[FUND_ACCOUNT]},
        .reconciled = {reconciled(home, key, SIDE_PAYER, count, checksum),
                       reconciled(home, key, SIDE_PAYEE, count, checksum)},
    };
    for (int i = 0; i < FUND_COUNT; i++)
        if (i != FUND_ACCOUNT) cell->centre.fund += funds[i];
}

/* A month that was handed over is as it was then; else the shards' cells, or a day's tallies. */
static void list_centre(struct home *home, struct recon_list *list)
{
    const struct order *order = &home->desk.job.order;
    const struct facts *facts = &home->desk.gathering.facts;
    const struct cycle *cycle = home->desk.cycle;
    if (order->day != 0) {
        for (size_t i = 0; i < facts->tally_count; i++) {
            const struct tally *t = &facts->tallies[i];
            const struct cell_key key = {t->key.period, t->key.payer, t->key.payee, t->key.line,
                                         t->key.insurance};
            if (key.period != order->period || t->key.part != order->day) continue;
            add_centre(home, list, &key, t->count, t->checksum, t->medfee, t->funds);
        }
        return;
    }
    if (cycle_batch(cycle, order->period) != NULL) {
        for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
            const struct frozen_row *f = cycle_row(cycle, ROW_FROZEN, i);
            if (f->cell.period != order->period) continue;
            add_centre(home, list, &f->cell, f->count, f->checksum, f->medfee, f->funds);
        }
        return;
    }
    for (size_t i = 0; i < facts->cell_count; i++) {
        const struct cell *c = &facts->cells[i];
        if (c->key.period != order->period) continue;
        add_centre(home, list, &c->key, c->count, c->checksum, c->medfee_sum,
                   c->balance[ACCOUNT_COST]);
    }
}

static bool same_totals(const struct recon_total *a, const struct recon_total *b)
{
    return a->count == b->count && a->medfee == b->medfee && a->fund == b->fund &&
           a->acct == b->acct;
}

static struct recon_cell *find_cell(struct recon_list *list, const struct cell_key *key)
{
    for (size_t i = 0; i < list->count; i++) {
        if (memcmp(&list->cells[i].centre.cell, key, sizeof *key) == 0) return &list->cells[i];
    }
    return NULL;
}

/* Puts what was sent beside the centre's; a cell the centre has not is there with zeros. */
static void add_sent(const struct order *order, struct recon_list *list, uint32_t *ret_equal,
                     uint32_t *ret_different)
{
    *ret_equal = *ret_different = 0;
    for (uint32_t i = 0; i < order->row_count; i++) {
        const struct recon_total *total = &order->totals[i];
        struct recon_cell *cell = find_cell(list, &total->cell);
        if (cell == NULL && list->count < RECON_CELLS_MAX) {
            cell = &list->cells[list->count++];
            *cell = (struct recon_cell){.centre = {.cell = total->cell}};
        }
        if (cell == NULL) {
            list->full = true;
            return;
        }
        cell->sent = *total;
        cell->was_sent = true;
        cell->equal = same_totals(&cell->centre, &cell->sent);
        *(cell->equal ? ret_equal : ret_different) += 1;
    }
}

void finish_recon_day(struct home *home, const struct order_answer *answer)
{
    const struct order *order = &home->desk.job.order;
    struct order_answer told = *answer;
    struct recon_list list = {.cells = calloc(RECON_CELLS_MAX, sizeof *list.cells)};
    uint32_t equal;
    uint32_t different;

    NEED_MEMORY(list.cells);
    list_centre(home, &list);
    add_sent(order, &list, &equal, &different);
    if (list.full) {
        free(list.cells);
        desk_refuse(home, ERROR_RANGE_TOO_WIDE, "too many cells: narrow by payer or payee");
        return;
    }
    if (different != 0) told.code = ERROR_TOTALS_DIFFER;
    size_t size;
    uint8_t *payload =
        recon_day_reply_encode(&told, equal, different, list.cells, list.count, &size);
    free(list.cells);
    desk_finish(home, payload, size);
}
