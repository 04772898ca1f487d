/* needs -- which facts of the shards an order is judged by.
 *
 * The desk asks for no more than this says. Must not judge: an order that will be refused may need
 * facts like any other. */
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/ensure.h"

static void need_cells(struct needs *needs, uint32_t period)
{
    needs->cells = true;
    needs->period = period;
}

static void need_one(struct needs *needs, const struct record_ref *ref)
{
    struct record_ref *copy = malloc(sizeof *copy);
    NEED_MEMORY(copy);
    *copy = *ref;
    needs->refs = copy;
    needs->ref_count = 1;
}

static void need_confirmed(struct needs *needs, const struct order *order)
{
    if (order->row_count == 0) {
        need_cells(needs, order->period);
        return;
    }
    struct record_ref *refs = malloc(order->row_count * sizeof *refs);
    NEED_MEMORY(refs);
    for (uint32_t i = 0; i < order->row_count; i++)
        refs[i] = order->confirms[i].ref;
    needs->refs = refs;
    needs->ref_count = order->row_count;
}

/* A cut: was any of the month's exceptions taken back since? */
static void need_exceptions(const struct cycle *cycle, struct needs *needs, uint32_t period)
{
    const uint32_t count = cycle_count(cycle, ROW_EXCEPTION);
    if (count == 0) return;
    struct record_ref *refs = malloc(count * sizeof *refs);
    NEED_MEMORY(refs);
    for (uint32_t i = 0; i < count; i++) {
        const struct exception_row *exception = cycle_row(cycle, ROW_EXCEPTION, i);
        if (exception->record.period == period) refs[needs->ref_count++] = exception->ref;
    }
    needs->refs = refs;
}

void cycle_needs(const struct cycle *cycle, const struct order *order, struct needs *ret_needs)
{
    *ret_needs = (struct needs){.payer = PROVINCE_CENTRE, .payee = PROVINCE_CENTRE};
    switch (order->type) {
    case MESSAGE_RECON_DAY:
        if (order->day == 0) {
            need_cells(ret_needs, order->period);
        } else {
            ret_needs->tallies = true;
            ret_needs->period = order->period;
            ret_needs->part = order->day;
        }
        return;
    case MESSAGE_RECON_LIST:
        ret_needs->day = true;
        ret_needs->part = order->day;
        ret_needs->payer = order->payer;
        ret_needs->payee = order->payee;
        return;
    case MESSAGE_CLR_CONFIRM:
        need_confirmed(ret_needs, order);
        return;
    case MESSAGE_RECOVERY:
    case MESSAGE_DISPUTE_OPEN:
        need_one(ret_needs, &order->ref);
        return;
    case MESSAGE_PERIOD_CUT:
        need_cells(ret_needs, order->period);
        need_exceptions(cycle, ret_needs, order->period);
        return;
    case MESSAGE_YEAR_CLOSE:
        need_cells(ret_needs, 0);
        return;
    default:
        return;
    }
}
