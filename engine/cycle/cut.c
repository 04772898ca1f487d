/* cut -- the handover of a month to the cycle's book, and the batch that is made of it.
 *
 * What goes into a batch: the month's eligible cells, cells and single records of earlier months
 * that had to wait, recoveries and negative totals that were carried (docs/rules.md, Batches). All
 * of it costs as much as there are cells and exceptions. Must not know how a cell becomes eligible
 * (states.c) nor what a batch goes through afterwards (batch.c). */
#include <stdio.h>
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/le.h"

/* -- rows of the decision itself ----------------------------------------------------------------
 */

bool row_so_far(const struct judgement *j, enum row_kind kind, const void *key, void *out)
{
    const struct row_info *info = &row_infos[kind];
    const uint8_t *last = NULL;
    for (size_t at = 0; at < j->decision->size;) {
        const uint8_t *head = j->decision->data + at;
        const uint16_t size = le_load16(head + 2);
        if (le_load16(head) == kind && memcmp(head + 4, key, info->key_size) == 0) last = head + 4;
        at += 4 + ((size + 3u) & ~3u);
    }
    if (last == NULL) last = cycle_find(j->cycle, kind, key);
    if (last == NULL) return false;
    memcpy(out, last, info->size);
    return true;
}

/* -- the book of a cut: postings added up by pair, fund and the two accounts --------------------
 */

struct move {
    struct move *next;
    enum cycle_account debit;
    enum cycle_account credit;
    int64_t amount[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT];
};

/* A cell at work. Sums are over its exceptions. */
struct work_cell {
    struct frozen_row row; /* As it will be put. */
    bool fresh;            /* Handed over by this cut. */
    bool eligible;
    bool ready;            /* Reconciled as far as required. */
    uint64_t carved_count; /* Of those that go on alone … */
    uint64_t carved_sum;   /* … content hashes, */
    int64_t carved_medfee; /* medfee */
    int64_t carved[FUND_COUNT];
    int64_t deducted[FUND_COUNT]; /* Of those that stay in the cell: all, */
    int64_t posted[FUND_COUNT];   /* and what was posted before this cut. */
};

struct cut {
    struct judgement *j;
    struct batch_row batch;
    struct work_cell *cells; /* Ascending by key. */
    uint64_t *keys;          /* Of these: a search stays in the processor's cache. */
    size_t cell_count;
    uint32_t *places;     /* Facts of records by shard and number: their index + 1, 0 is free. */
    uint32_t place_count; /* A power of two. */
    struct exception_row *singles; /* Carved records of this batch, as they will be put. */
    size_t single_count;
    size_t single_room;
    struct move *moves;
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    int64_t absolute;    /* Sum of what the lines clear, all signs taken as plus. */
    uint32_t line_count; /* Numbers given. */
    uint64_t left_out;   /* Records of the month that wait, */
    int64_t left_amount; /* and their money. */
    bool overflow;
    const char *broken; /* Facts and rows do not fit together. */
};

static void add(struct cut *cut, int64_t *sum, int64_t amount)
{
    if (__builtin_add_overflow(*sum, amount, sum)) cut->overflow = true;
}

static void add_funds(struct cut *cut, int64_t sum[FUND_COUNT], const int64_t funds[FUND_COUNT])
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        add(cut, &sum[fund], funds[fund]);
}

static void take_funds(struct cut *cut, int64_t sum[FUND_COUNT], const int64_t funds[FUND_COUNT])
{
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (__builtin_sub_overflow(sum[fund], funds[fund], &sum[fund])) cut->overflow = true;
    }
}

static void move_funds(struct cut *cut, uint8_t payer, uint8_t payee, enum cycle_account debit,
                       enum cycle_account credit, const int64_t funds[FUND_COUNT])
{
    struct move *move = cut->moves;
    if (debit == credit) return;
    while (move != NULL && (move->debit != debit || move->credit != credit))
        move = move->next;
    if (move == NULL) {
        move = calloc(1, sizeof *move);
        NEED_MEMORY(move);
        move->debit = debit;
        move->credit = credit;
        move->next = cut->moves;
        cut->moves = move;
    }
    add_funds(cut, move->amount[payer][payee], funds);
}

static void put_moves(struct cut *cut)
{
    for (const struct move *move = cut->moves; move != NULL; move = move->next) {
        for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
            for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++)
                post_funds(cut->j, payer, payee, move->debit, move->credit,
                           move->amount[payer][payee], cut->batch.id, cut->batch.period);
        }
    }
}

static void cut_free(struct cut *cut)
{
    while (cut->moves != NULL) {
        struct move *next = cut->moves->next;
        free(cut->moves);
        cut->moves = next;
    }
    free(cut->cells);
    free(cut->keys);
    free(cut->places);
    free(cut->singles);
}

/* -- cells --------------------------------------------------------------------------------------
 */

static int compare_work(const void *a, const void *b)
{
    return cell_key_compare(&((const struct work_cell *)a)->row.cell,
                            &((const struct work_cell *)b)->row.cell);
}

/* A key as one number, in the order of keys. */
static uint64_t packed_key(const struct cell_key *key)
{
    return (uint64_t)key->period << 32 | (uint64_t)key->payer << 24 | (uint64_t)key->payee << 16 |
           (uint64_t)key->line << 8 | key->insurance;
}

static struct work_cell *find_work(const struct cut *cut, const struct cell_key *key)
{
    const uint64_t wanted = packed_key(key);
    size_t low = 0;
    size_t high = cut->cell_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (cut->keys[middle] < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cut->cell_count && cut->keys[low] == wanted ? &cut->cells[low] : NULL;
}

/* The money of a month enters the cycle's book once: at its first cut that is not provisional. */
static bool handed_over(const struct cycle *cycle, uint32_t period)
{
    return cycle_batch(cycle, period) != NULL;
}

static struct frozen_row frozen_of(const struct cell *cell)
{
    struct frozen_row row = {
        .cell = cell->key,
        .count = cell->count,
        .refund_count = cell->refund_count,
        .late_count = cell->late_count,
        .checksum = cell->checksum,
        .medfee = cell->medfee_sum,
    };
    for (int fund = 0; fund < FUND_COUNT; fund++)
        row.funds[fund] = cell->balance[ACCOUNT_COST][fund];
    return row;
}

static void gather_cells(struct cut *cut)
{
    struct judgement *j = cut->j;
    const bool fresh = !handed_over(j->cycle, cut->batch.period);
    const uint32_t frozen_count = cycle_count(j->cycle, ROW_FROZEN);

    cut->cells = calloc(j->facts->cell_count + frozen_count + 1, sizeof *cut->cells);
    NEED_MEMORY(cut->cells);
    for (size_t i = 0; fresh && i < j->facts->cell_count; i++) {
        const struct cell *cell = &j->facts->cells[i];
        if (cell->key.period != cut->batch.period) continue;
        cut->cells[cut->cell_count++] = (struct work_cell){.row = frozen_of(cell), .fresh = true};
    }
    for (uint32_t i = 0; i < frozen_count; i++) {
        const struct frozen_row *row = cycle_row(j->cycle, ROW_FROZEN, i);
        if (row->batch != 0 || row->cell.period > cut->batch.period) continue;
        cut->cells[cut->cell_count++] = (struct work_cell){.row = *row};
    }
    qsort(cut->cells, cut->cell_count, sizeof *cut->cells, compare_work);
    cut->keys = malloc((cut->cell_count + 1) * sizeof *cut->keys);
    NEED_MEMORY(cut->keys);
    for (size_t i = 0; i < cut->cell_count; i++) {
        struct work_cell *cell = &cut->cells[i];
        const struct frozen_row *row = &cell->row;
        cut->keys[i] = packed_key(&row->cell);
        cell->eligible = cell_eligible(j->cycle, &row->cell, row->count, row->checksum, j->now_ms);
        cell->ready =
            cell_reconciled_enough(j->cycle, &row->cell, row->count, row->checksum, j->now_ms);
    }
}

/* -- exceptions ---------------------------------------------------------------------------------
 */

static int compare_singles(const void *a, const void *b)
{
    const struct exception_row *first = a;
    const struct exception_row *second = b;
    const struct cell_key first_cell = record_cell(&first->record);
    const struct cell_key second_cell = record_cell(&second->record);
    const int order = cell_key_compare(&first_cell, &second_cell);
    return order != 0 ? order : record_ref_compare(&first->ref, &second->ref);
}

static void keep_single(struct cut *cut, const struct exception_row *exception)
{
    if (cut->single_count == cut->single_room) {
        cut->single_room = cut->single_room == 0 ? 256 : 2 * cut->single_room;
        struct exception_row *more = realloc(cut->singles, cut->single_room * sizeof *cut->singles);
        NEED_MEMORY(more);
        cut->singles = more;
    }
    cut->singles[cut->single_count++] = *exception;
}

/* The place of a record's facts, or the free one where they would go. A record is known by its
 * shard and number: a ref may stand for several. */
static uint32_t *place_of(const struct cut *cut, const struct record_facts *record)
{
    const uint64_t spread = (record->seq ^ (uint64_t)record->shard << 56) * 0x9e3779b97f4a7c15u;
    uint32_t place = (uint32_t)(spread >> 32) & (cut->place_count - 1);
    while (cut->places[place] != 0) {
        const struct record_facts *there = &cut->j->facts->records[cut->places[place] - 1];
        if (there->seq == record->seq && there->shard == record->shard) break;
        place = (place + 1) & (cut->place_count - 1);
    }
    return &cut->places[place];
}

static void index_records(struct cut *cut)
{
    const struct facts *facts = cut->j->facts;
    cut->place_count = 2;
    while (cut->place_count < 2 * facts->record_count)
        cut->place_count *= 2;
    cut->places = calloc(cut->place_count, sizeof *cut->places);
    NEED_MEMORY(cut->places);
    for (size_t i = 0; i < facts->record_count; i++)
        *place_of(cut, &facts->records[i]) = (uint32_t)i + 1;
}

/* What the shards say of the record today; a month's cut is the last time that it may have been
 * taken back. True when something changed. */
static bool refresh(const struct cut *cut, struct exception_row *exception)
{
    const uint32_t place = *place_of(cut, &exception->record);
    if (place == 0) return false;
    const struct record_facts *record = &cut->j->facts->records[place - 1];
    if (memcmp(record, &exception->record, sizeof *record) == 0) return false;
    exception->record = *record;
    if ((record->flags & RECORD_REVERSED) != 0 && (exception->flags & EXCEPTION_REVERSED) == 0) {
        exception->flags |= EXCEPTION_REVERSED;
        exception->since_ms = cut->j->now_ms;
    }
    return true;
}

static void note_carved(struct cut *cut, struct work_cell *cell,
                        const struct exception_row *exception)
{
    cell->carved_count++;
    cell->carved_sum += exception->record.content_hash;
    add(cut, &cell->carved_medfee, exception->record.medfee);
    add_funds(cut, cell->carved, exception->record.funds);
}

/* Counts a record of the month that waits by itself; a void one waits for nothing. */
static void leave_out(struct cut *cut, const struct exception_row *exception)
{
    int64_t money[FUND_COUNT];
    if ((exception->flags & EXCEPTION_VOID) != 0) return;
    exception_money(exception, money);
    cut->left_out++;
    add(cut, &cut->left_amount, funds_sum(money));
}

/* A record of the month that differs leaves its cell at the handover. */
static void carve(struct cut *cut, struct work_cell *cell, struct exception_row *exception)
{
    const struct record_facts *record = &exception->record;
    const enum cycle_account to = account_of(exception);

    exception->carved = 1;
    note_carved(cut, cell, exception);
    if (to == CYCLE_COST) {
        /* Void: it was handed over and clears nothing. */
        move_funds(cut, record->payer, record->payee, CYCLE_COST, CYCLE_CONFIRMED, record->funds);
        move_funds(cut, record->payer, record->payee, CYCLE_CONFIRMED, CYCLE_COST, record->funds);
    } else {
        move_funds(cut, record->payer, record->payee, CYCLE_COST, to, record->funds);
        leave_out(cut, exception);
    }
}

static void post_deduction(struct cut *cut, struct exception_row *exception)
{
    move_funds(cut, exception->record.payer, exception->record.payee, CYCLE_CONFIRMED, CYCLE_COST,
               exception->deducted);
    exception->deduct_posted = 1;
}

static bool has_deduction(const struct exception_row *exception)
{
    return funds_sum(exception->deducted) != 0;
}

/* One exception of the month or before. */
static void look_at(struct cut *cut, const struct exception_row *stored, bool fresh)
{
    struct exception_row exception = *stored;
    const struct cell_key key = record_cell(&exception.record);
    bool changed = fresh && refresh(cut, &exception);
    struct work_cell *cell = find_work(cut, &key);
    const bool blocking = (exception.flags & EXCEPTION_BLOCKING) != 0;

    if ((exception.flags & EXCEPTION_REVERSED) != 0) {
        /* Its money is not in the cell any more. */
    } else if (exception.carved) {
        if (cell != NULL) note_carved(cut, cell, &exception);
        if (!blocking && exception.batch == 0) {
            keep_single(cut, &exception);
            return;
        }
        if (exception.record.period == cut->batch.period) leave_out(cut, &exception);
    } else if (cell == NULL) {
        /* In a batch already, unless the month is handed over only now. */
        if (fresh) cut->broken = "a record's cell is not there";
    } else if (blocking) {
        if (!cell->fresh) {
            cut->broken = "a record that is open is still in its cell";
            return;
        }
        carve(cut, cell, &exception);
        changed = true;
    } else if (has_deduction(&exception)) {
        add_funds(cut, cell->deducted, exception.deducted);
        if (exception.deduct_posted) add_funds(cut, cell->posted, exception.deducted);
        if (cell->eligible && !exception.deduct_posted) {
            post_deduction(cut, &exception);
            changed = true;
        }
    }
    if (changed) decision_put(cut->j->decision, ROW_EXCEPTION, &exception);
}

static void gather_exceptions(struct cut *cut)
{
    const struct cycle *cycle = cut->j->cycle;
    const bool first = !handed_over(cycle, cut->batch.period);
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *exception = cycle_row(cycle, ROW_EXCEPTION, i);
        if (exception->record.period > cut->batch.period) continue;
        look_at(cut, exception, first && exception->record.period == cut->batch.period);
    }
    if (cut->single_count > 1)
        qsort(cut->singles, cut->single_count, sizeof *cut->singles, compare_singles);
}

/* -- lines --------------------------------------------------------------------------------------
 */

static void put_line(struct cut *cut, struct line_row *line)
{
    struct pair_total *total = &cut->totals[line->cell.payer][line->cell.payee];

    line->batch = cut->batch.id;
    line->version = 1;
    line->number = ++cut->line_count;
    decision_put(cut->j->decision, ROW_LINE, line);
    total->count += line->count;
    add_funds(cut, total->funds, line->funds);
    /* With this sum inside 64 bits, so is every other one of these lines, in every version. */
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (line->funds[fund] == INT64_MIN)
            cut->overflow = true;
        else
            add(cut, &cut->absolute,
                line->funds[fund] < 0 ? -line->funds[fund] : line->funds[fund]);
    }
    move_funds(cut, line->cell.payer, line->cell.payee, CYCLE_CONFIRMED, CYCLE_CLEARING,
               line->funds);
}

static void put_cell_line(struct cut *cut, const struct work_cell *cell, enum line_kind kind)
{
    const struct frozen_row *row = &cell->row;
    struct line_row line = {
        .cell = row->cell,
        .kind = (uint8_t)kind,
        .count = row->count - cell->carved_count,
        .checksum = row->checksum - cell->carved_sum,
        .medfee = row->medfee,
        .deducted = funds_sum(cell->deducted),
    };
    if (cell->carved_count > row->count) cut->broken = "a cell has more exceptions than records";
    memcpy(line.funds, row->funds, sizeof line.funds);
    take_funds(cut, line.funds, cell->carved);
    take_funds(cut, line.funds, cell->deducted);
    if (__builtin_sub_overflow(line.medfee, cell->carved_medfee, &line.medfee))
        cut->overflow = true;
    put_line(cut, &line);
}

/* The cell's own money: handed over, or to where it belongs by now; into the batch, if it may. */
static void settle_cell(struct cut *cut, struct work_cell *cell)
{
    struct frozen_row *row = &cell->row;
    const struct frozen_row before = *row;
    const enum cycle_account to = cell->eligible ? CYCLE_CONFIRMED
                                  : cell->ready  ? CYCLE_RECONCILED
                                                 : CYCLE_ACCRUED;
    int64_t rest[FUND_COUNT];

    memcpy(rest, row->funds, sizeof rest);
    take_funds(cut, rest, cell->carved);
    take_funds(cut, rest, cell->posted);
    move_funds(cut, row->cell.payer, row->cell.payee,
               cell->fresh ? CYCLE_COST : (enum cycle_account)row->account, to, rest);
    row->account = to;
    if (cell->eligible) {
        row->batch = cut->batch.id;
    } else if (row->cell.period == cut->batch.period) {
        cut->left_out += row->count - cell->carved_count;
        add(cut, &cut->left_amount, funds_sum(rest));
    }
    if (cell->fresh || memcmp(&before, row, sizeof *row) != 0)
        decision_put(cut->j->decision, ROW_FROZEN, row);
}

static void settle_cells(struct cut *cut)
{
    for (size_t i = 0; i < cut->cell_count; i++)
        settle_cell(cut, &cut->cells[i]);
    /* The month's own cells come first, whatever had to wait behind them. */
    for (int carried = 0; carried < 2; carried++) {
        for (size_t i = 0; i < cut->cell_count; i++) {
            const struct work_cell *cell = &cut->cells[i];
            if (!cell->eligible || (cell->row.cell.period < cut->batch.period) != (carried == 1))
                continue;
            put_cell_line(cut, cell, carried == 1 ? LINE_CARRIED_CELL : LINE_OF_CELL);
        }
    }
}

static void put_singles(struct cut *cut)
{
    for (size_t i = 0; i < cut->single_count; i++) {
        struct exception_row *exception = &cut->singles[i];
        struct line_row line = {
            .cell = record_cell(&exception->record),
            .kind = LINE_CARRIED_RECORD,
            .ref = exception->ref,
            .count = 1,
            .checksum = exception->record.content_hash,
            .medfee = exception->record.medfee,
            .deducted = funds_sum(exception->deducted),
        };
        if (!exception->deduct_posted && has_deduction(exception)) post_deduction(cut, exception);
        exception->batch = cut->batch.id;
        memcpy(line.funds, exception->record.funds, sizeof line.funds);
        take_funds(cut, line.funds, exception->deducted);
        decision_put(cut->j->decision, ROW_EXCEPTION, exception);
        put_line(cut, &line);
    }
}

static void put_recoveries(struct cut *cut)
{
    const struct cycle *cycle = cut->j->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        struct recovery_row recovery =
            *(const struct recovery_row *)cycle_row(cycle, ROW_RECOVERY, i);
        if (recovery.batch != 0) continue;
        struct line_row line = {.cell = recovery.cell, .kind = LINE_RECOVERY, .ref = recovery.ref};
        take_funds(cut, line.funds, recovery.funds);
        recovery.batch = cut->batch.id;
        decision_put(cut->j->decision, ROW_RECOVERY, &recovery);
        put_line(cut, &line);
    }
}

static void put_carries(struct cut *cut)
{
    const struct cycle *cycle = cut->j->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_CARRY); i++) {
        struct carry_row carry = *(const struct carry_row *)cycle_row(cycle, ROW_CARRY, i);
        if (carry.into != 0) continue;
        struct line_row line = {
            .cell = {.period = carry.period, .payer = carry.payer, .payee = carry.payee},
            .kind = LINE_NEGATIVE_CARRY,
        };
        memcpy(line.funds, carry.funds, sizeof line.funds);
        carry.into = cut->batch.id;
        decision_put(cut->j->decision, ROW_CARRY, &carry);
        put_line(cut, &line);
    }
}

/* -- the order ----------------------------------------------------------------------------------
 */

static bool finish(struct cut *cut)
{
    struct judgement *j = cut->j;
    char name[NUMBER_SIZE];

    const char *broken = cut->overflow ? NULL : batch_net(&cut->batch, cut->totals);
    if (broken == NULL) broken = cut->broken;
    if (cut->overflow || (broken != NULL && strncmp(broken, "overflow", 8) == 0)) {
        return refuse(j, ERROR_AMOUNT_RANGE, "a sum of %06u does not fit 64 bits",
                      cut->batch.period);
    }
    if (broken != NULL) return refuse(j, ERROR_LEDGER, "%06u: %s", cut->batch.period, broken);
    put_moves(cut);
    decision_put(j->decision, ROW_BATCH, &cut->batch);
    j->decision->counts[0] = (uint32_t)cut->left_out;
    j->decision->counts[1] = (uint32_t)(uint64_t)cut->left_amount;
    j->decision->counts[2] = (uint32_t)((uint64_t)cut->left_amount >> 32);
    j->decision->counts[3] = cut->line_count;
    batch_name(&cut->batch, name);
    return done(j, name);
}

/* A later month that is in the book already; 0: none. */
static uint32_t month_after(const struct judgement *j)
{
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_BATCH); i++) {
        const struct batch_row *batch = cycle_row(j->cycle, ROW_BATCH, i);
        if (batch->period > j->order->period) return batch->period;
    }
    return 0;
}

bool judge_cut(struct judgement *j)
{
    const struct order *order = j->order;
    const struct batch_row *before = cycle_batch(j->cycle, order->period);

    if (!must_be_centre(j)) return false;
    if (!civil_month_valid(order->period))
        return refuse(j, ERROR_PERIOD_ORDER, "%u is no month", order->period);
    if (before != NULL && before->state != BATCH_ABORTED) {
        j->decision->dup = true;
        batch_name(before, j->decision->ref);
        return true;
    }
    if (!must_be_open_year(j, order->period)) return false;
    if (!order->provisional && j->facts->cut_through < order->period) {
        return refuse(j, ERROR_PERIOD_ORDER, "%06u is not cut on the shards; the latest is %06u",
                      order->period, j->facts->cut_through);
    }
    const uint32_t later = before == NULL ? month_after(j) : 0;
    if (later != 0) return refuse(j, ERROR_PERIOD_ORDER, "%06u has its batch already", later);

    struct cut *cut = calloc(1, sizeof *cut);
    NEED_MEMORY(cut);
    cut->j = j;
    cut->batch = (struct batch_row){
        .period = order->period,
        .number = before == NULL ? 1 : before->number + 1,
        .id = cycle_count(j->cycle, ROW_BATCH) + 1,
        .version = 1,
        .state = BATCH_CUT,
        .mode = (uint8_t)setting_at(j->cycle, SETTING_PAYABLE_MODE, j->now_ms),
    };
    cut->batch.at_ms[BATCH_CUT] = j->now_ms;
    gather_cells(cut);
    index_records(cut);
    gather_exceptions(cut);
    settle_cells(cut);
    put_singles(cut);
    put_recoveries(cut);
    put_carries(cut);
    const bool accepted = finish(cut);
    cut_free(cut);
    free(cut);
    return accepted;
}

uint32_t cycle_unfinished_cut(const struct cycle *cycle, const struct facts *facts)
{
    for (size_t i = 0; i < facts->cell_count; i++) {
        const uint32_t period = facts->cells[i].key.period;
        if (period > facts->cut_through) break;
        if (!handed_over(cycle, period)) return period;
    }
    return 0;
}

/* -- out of a batch -----------------------------------------------------------------------------
 */

/* The line that holds the record: its own, or its cell's. */
static bool find_line(const struct judgement *j, const struct batch_row *batch,
                      const struct exception_row *exception, struct line_row *ret_line)
{
    struct line_walk walk = {.cycle = j->cycle, .batch = batch->id, .version = batch->version};
    const struct cell_key key = record_cell(&exception->record);
    const bool alone = exception->batch == batch->id;
    const struct line_row *line;

    while ((line = line_next(&walk)) != NULL) {
        if (alone ? line->kind == LINE_CARRIED_RECORD &&
                        record_ref_compare(&line->ref, &exception->ref) == 0
                  : line->kind <= LINE_CARRIED_CELL && cell_key_compare(&line->cell, &key) == 0)
            break;
    }
    if (line == NULL) return false;
    /* Another record of this order may have changed it, in this version or in the one before. */
    *ret_line = *line;
    ret_line->version = batch->version;
    if (!row_so_far(j, ROW_LINE, ret_line, ret_line)) *ret_line = *line;
    return true;
}

void take_out_of_batch(struct judgement *j, const struct batch_row *batch_before,
                       struct exception_row *exception, enum cycle_account to)
{
    const struct record_facts *record = &exception->record;
    struct batch_row batch;
    struct line_row line;
    int64_t funds[FUND_COUNT];

    ENSURE(row_so_far(j, ROW_BATCH, batch_before, &batch));
    ENSURE(batch.state >= BATCH_CUT && batch.state < BATCH_NOTICED);
    ENSURE(find_line(j, &batch, exception, &line));
    if (batch.published_version == batch.version) batch.version++;
    if (batch.state >= BATCH_COMPUTED) batch.stale = 1;
    if (batch.state == BATCH_SIGNED) {
        batch.state = BATCH_PUBLISHED;
        batch.at_ms[BATCH_SIGNED] = 0;
    }

    line.version = batch.version;
    line.count -= 1;
    line.checksum -= record->content_hash;
    line.medfee -= record->medfee;
    line.deducted -= funds_sum(exception->deducted);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        funds[fund] = record->funds[fund] - exception->deducted[fund];
        line.funds[fund] -= funds[fund];
    }
    exception->carved = 1;
    exception->batch = 0;
    decision_put(j->decision, ROW_LINE, &line);
    decision_put(j->decision, ROW_BATCH, &batch);
    post_funds(j, record->payer, record->payee, CYCLE_CLEARING, to, funds, batch.id, batch.period);
}
