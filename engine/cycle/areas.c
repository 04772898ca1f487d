/* areas -- a province's second level (市级清算): what of a batch falls on each of its pooling
 * areas.
 *
 * The month's tallies by area are sums over whole cells; here the records that differ are taken off
 * and those that were carried are put in. Must not change anything. */
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/ensure.h"

#define NO_AREA 0 /* What belongs to no area: negative totals, recoveries of an unknown place. */

struct area_list {
    const struct batch_row *batch;
    uint8_t province;
    enum side side;
    struct tally *rows;
    size_t count;
    size_t room;
};

static bool is_ours(const struct area_list *list, uint8_t payer, uint8_t payee)
{
    return (list->side == SIDE_PAYER ? payer : payee) == list->province;
}

/* An empty row of an area; every row is of the batch's month, whatever month its records are of. */
static struct tally *new_row(struct area_list *list, uint32_t area, const struct cell_key *cell)
{
    if (list->count == list->room) {
        list->room *= 2;
        struct tally *more = realloc(list->rows, list->room * sizeof *list->rows);
        NEED_MEMORY(more);
        list->rows = more;
    }
    struct tally *row = &list->rows[list->count++];
    *row = (struct tally){
        .key = {.kind = list->side == SIDE_PAYER ? TALLY_PAYER_AREA : TALLY_PAYEE_AREA,
                .period = list->batch->period,
                .part = area,
                .payer = cell->payer,
                .payee = cell->payee,
                .line = cell->line,
                .insurance = cell->insurance},
    };
    return row;
}

static void add(int64_t *sum, int64_t amount)
{
    /* Parts of sums that fit; in between they may wrap. */
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)amount);
}

static void add_tally(struct tally *sum, const struct tally *tally)
{
    sum->count += tally->count;
    sum->refund_count += tally->refund_count;
    add(&sum->medfee, tally->medfee);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        add(&sum->funds[fund], tally->funds[fund]);
    sum->checksum += tally->checksum;
}

static uint32_t batch_of_cell(const struct cycle *cycle, const struct cell_key *key)
{
    const struct frozen_row *frozen = cycle_find(cycle, ROW_FROZEN, key);
    return frozen != NULL ? frozen->batch : 0;
}

uint32_t *cycle_area_months(const struct cycle *cycle, const struct batch_row *batch,
                            uint32_t *ret_count)
{
    uint32_t *months = malloc((cycle_count(cycle, ROW_FROZEN) + 1) * sizeof *months);
    if (months == NULL) return NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
        const struct frozen_row *frozen = cycle_row(cycle, ROW_FROZEN, i);
        bool known = frozen->batch != batch->id;
        for (uint32_t k = 0; k < count && !known; k++)
            known = months[k] == frozen->cell.period;
        if (!known) months[count++] = frozen->cell.period;
    }
    *ret_count = count;
    return months;
}

static void put_tallies(struct area_list *list, const struct cycle *cycle,
                        const struct tally *tallies, size_t tally_count)
{
    const uint32_t kind = list->side == SIDE_PAYER ? TALLY_PAYER_AREA : TALLY_PAYEE_AREA;
    for (size_t i = 0; i < tally_count; i++) {
        const struct tally_key *key = &tallies[i].key;
        const struct cell_key cell = {key->period, key->payer, key->payee, key->line,
                                      key->insurance};
        if (key->kind != kind || !is_ours(list, key->payer, key->payee)) continue;
        if (batch_of_cell(cycle, &cell) != list->batch->id) continue;
        add_tally(new_row(list, key->part, &cell), &tallies[i]);
    }
}

static uint32_t area_of(const struct area_list *list, const struct record_facts *record)
{
    return list->side == SIDE_PAYER ? record->ref.insu_admdvs : record->mdtrtarea_admvs;
}

/* The whole record, plus (+1) or minus (-1). */
static void add_record(struct tally *row, const struct record_facts *record, int sign)
{
    const struct tally one = {
        .count = (uint64_t)(int64_t)sign,
        .refund_count = record->kind == RECORD_REFUND ? (uint64_t)(int64_t)sign : 0,
        .medfee = sign * record->medfee,
        .checksum = sign > 0 ? record->content_hash : 0 - record->content_hash,
    };
    add_tally(row, &one);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        add(&row->funds[fund], sign * record->funds[fund]);
}

static void put_exceptions(struct area_list *list, const struct cycle *cycle)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *exception = cycle_row(cycle, ROW_EXCEPTION, i);
        const struct record_facts *record = &exception->record;
        const struct cell_key cell = record_cell(record);
        if (!is_ours(list, record->payer, record->payee)) continue;
        if ((exception->flags & EXCEPTION_REVERSED) != 0) continue;
        const bool in_cell = batch_of_cell(cycle, &cell) == list->batch->id;
        const bool alone = exception->batch == list->batch->id;
        if (!in_cell && !alone) continue;

        struct tally *row = new_row(list, area_of(list, record), &cell);
        if (in_cell && exception->carved) add_record(row, record, -1);
        if (alone) add_record(row, record, 1);
        if (alone || !exception->carved) {
            for (int fund = 0; fund < FUND_COUNT; fund++)
                add(&row->funds[fund], -exception->deducted[fund]);
        }
    }
}

static void put_others(struct area_list *list, const struct cycle *cycle)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        const struct recovery_row *recovery = cycle_row(cycle, ROW_RECOVERY, i);
        if (recovery->batch != list->batch->id ||
            !is_ours(list, recovery->cell.payer, recovery->cell.payee))
            continue;
        const struct exception_row key = {.ref = recovery->ref};
        const struct exception_row *exception = cycle_find(cycle, ROW_EXCEPTION, &key);
        uint32_t area = list->side == SIDE_PAYER ? recovery->ref.insu_admdvs : NO_AREA;
        if (exception != NULL) area = area_of(list, &exception->record);
        struct tally *row = new_row(list, area, &recovery->cell);
        for (int fund = 0; fund < FUND_COUNT; fund++)
            add(&row->funds[fund], -recovery->funds[fund]);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_CARRY); i++) {
        const struct carry_row *carry = cycle_row(cycle, ROW_CARRY, i);
        const struct cell_key cell = {.payer = carry->payer, .payee = carry->payee};
        if (carry->into != list->batch->id || !is_ours(list, carry->payer, carry->payee)) continue;
        struct tally *row = new_row(list, NO_AREA, &cell);
        for (int fund = 0; fund < FUND_COUNT; fund++)
            add(&row->funds[fund], carry->funds[fund]);
    }
}

static int compare_rows(const void *a, const void *b)
{
    const struct tally_key *first = &((const struct tally *)a)->key;
    const struct tally_key *second = &((const struct tally *)b)->key;
    if (first->part != second->part) return first->part < second->part ? -1 : 1;
    /* Four bytes in the order of their meaning; kind and period are the same. */
    return memcmp(&first->payer, &second->payer, 4);
}

static bool is_empty(const struct tally *row)
{
    if (row->count != 0) return false;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (row->funds[fund] != 0) return false;
    }
    return true;
}

/* Rows of one key into one; those that cancel each other go. */
static size_t merge(struct tally *rows, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        if (left != 0 && compare_rows(&rows[left - 1], &rows[i]) == 0) {
            add_tally(&rows[left - 1], &rows[i]);
            continue;
        }
        if (left != 0 && is_empty(&rows[left - 1])) left--;
        rows[left++] = rows[i];
    }
    if (left != 0 && is_empty(&rows[left - 1])) left--;
    return left;
}

struct tally *cycle_area_rows(const struct cycle *cycle, const struct batch_row *batch,
                              uint8_t province, enum side side, const struct tally *tallies,
                              size_t tally_count, size_t *ret_count)
{
    struct area_list list = {.batch = batch, .province = province, .side = side};
    /* At least one place: nothing at all is no lack of memory. */
    list.room = tally_count + 1;
    list.rows = malloc(list.room * sizeof *list.rows);
    if (list.rows == NULL) return NULL;
    put_tallies(&list, cycle, tallies, tally_count);
    put_exceptions(&list, cycle);
    put_others(&list, cycle);
    if (list.count > 1) qsort(list.rows, list.count, sizeof *list.rows, compare_rows);
    *ret_count = merge(list.rows, list.count);
    return list.rows;
}
