/* confirm -- the payee's confirmation (确认) of cells and of single records, its withdrawal, and
 * what is taken back after clearing.
 *
 * A cell is confirmed with its count and checksum, so that a record which comes later makes the
 * confirmation stale by itself. A single record is held, released, or cleared less a deduction
 * (docs/rules.md, Confirmation). Must not know how a batch is made of it. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"

/* What an answer counts: decision.counts of a ClrConfirm. */
enum confirm_count {
    CONFIRMED_CELLS = 0,
    HELD_RECORDS,
    RELEASED_RECORDS,
    DEDUCTED_RECORDS,
};

/* -- cells ------------------------------------------------------------------------------------ */

/* What a confirmation of cells has met. */
struct met {
    uint32_t cells;   /* That it names. */
    uint32_t batched; /* Of these, in a batch. */
    uint32_t same;    /* Of these, confirmed before as they are. */
};

/* Whose cells: those of the province that is acted for; the centre by itself may mean everybody's.
 */
static bool cell_named(const struct order *order, const struct cell_key *cell)
{
    const uint8_t payee = order->acting != PROVINCE_CENTRE ? order->acting : order->payee;
    return cell->period == order->period && (payee == PROVINCE_CENTRE || cell->payee == payee) &&
           (order->payer == PROVINCE_CENTRE || cell->payer == order->payer) &&
           (order->line == 0 || cell->line == order->line) &&
           (order->insurance == 0xff || cell->insurance == order->insurance);
}

static void confirm_cell(struct judgement *j, const struct cell_key *cell, uint64_t count,
                         uint64_t checksum, struct met *met)
{
    if (cell_confirmed(j->cycle, cell, count, checksum)) {
        met->same++;
        return;
    }
    struct confirm_row row = {
        .cell = *cell,
        .count = count,
        .checksum = checksum,
        .at_ms = j->now_ms,
    };
    memcpy(row.msgid, j->order->msgid, sizeof row.msgid);
    decision_put(j->decision, ROW_CONFIRM, &row);
    j->decision->counts[CONFIRMED_CELLS]++;
}

/* Cells of a month that was handed over: those still waiting. */
static bool confirm_frozen(struct judgement *j, struct met *met)
{
    bool handed_over = false;
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_FROZEN); i++) {
        const struct frozen_row *frozen = cycle_row(j->cycle, ROW_FROZEN, i);
        if (frozen->cell.period == j->order->period) handed_over = true;
        if (!cell_named(j->order, &frozen->cell)) continue;
        met->cells++;
        if (frozen->batch != 0) {
            met->batched++;
        } else {
            confirm_cell(j, &frozen->cell, frozen->count, frozen->checksum, met);
        }
    }
    return handed_over;
}

static bool confirm_cells(struct judgement *j)
{
    const uint32_t period = j->order->period;
    struct met met = {0};
    if (!confirm_frozen(j, &met)) {
        for (size_t i = 0; i < j->facts->cell_count; i++) {
            const struct cell *cell = &j->facts->cells[i];
            if (!cell_named(j->order, &cell->key)) continue;
            met.cells++;
            confirm_cell(j, &cell->key, cell->count, cell->checksum, &met);
        }
    }
    if (met.cells == 0) return refuse(j, ERROR_NOT_FOUND, "no such cells in %u", period);
    if (met.batched == met.cells) {
        return refuse(j, ERROR_WRONG_STATE, "all %u cells are in a batch already", met.cells);
    }
    (void)snprintf(j->decision->text, sizeof j->decision->text,
                   "%u cells confirmed, %u were, %u are in a batch",
                   j->decision->counts[CONFIRMED_CELLS], met.same, met.batched);
    return done(j, "");
}

/* -- single records --------------------------------------------------------------------------- */

static int64_t year_cut_day(const struct judgement *j, uint32_t period)
{
    return (period / 100 + 1) * INT64_C(10000) + setting_at(j->cycle, SETTING_YEAR_CUT, j->now_ms);
}

/* The record of a row, alone under its name and standing. */
static const struct record_facts *record_of_row(struct judgement *j, uint32_t row)
{
    const struct record_ref *ref = &j->order->confirms[row].ref;
    const struct record_facts *record = one_record(j, ref);
    if (record == NULL) {
        const enum error_code code = (enum error_code)j->decision->code;
        (void)refuse(j, code, "row %u: %s %06u %s", row + 1,
                     code == ERROR_AMBIGUOUS ? "several records" : "no record", ref->insu_admdvs,
                     ref->setl_id);
    }
    return record;
}

static bool check_deduction(struct judgement *j, uint32_t row, const struct record_facts *record,
                            const struct exception_row *exception)
{
    const struct confirm_item *item = &j->order->confirms[row];
    const int64_t amount = funds_sum(record->funds);
    if (exception->deduct_posted || batch_of_record(j->cycle, exception) != NULL) {
        return refuse(j, ERROR_WRONG_STATE, "row %u: the record is cleared already", row + 1);
    }
    if ((exception->flags & EXCEPTION_DISPUTED) != 0) {
        return refuse(j, ERROR_WRONG_STATE, "row %u: the record is disputed", row + 1);
    }
    if (!deduction_known(item->det_type)) {
        return refuse(j, ERROR_DEDUCTION, "row %u: there is no kind of deduction %u", row + 1,
                      item->det_type);
    }
    if (record->kind != RECORD_SETTLEMENT) {
        return refuse(j, ERROR_DEDUCTION, "row %u: only a settlement can have a deduction",
                      row + 1);
    }
    if (item->deduct < 0 || item->deduct > amount) {
        return refuse(j, ERROR_DEDUCTION, "row %u: deduct_amt: %s, not within 0.00 and %s", row + 1,
                      yuan_of(item->deduct).text, yuan_of(amount).text);
    }
    /* What a dispute has taken off stays off. */
    const struct dispute_row *dispute = cycle_find(j->cycle, ROW_DISPUTE, exception->dispute_no);
    if (dispute != NULL && dispute->outcome == OUTCOME_PART &&
        item->deduct < funds_sum(exception->deducted)) {
        return refuse(j, ERROR_DEDUCTION, "row %u: dispute %s has decided on a deduction of %s",
                      row + 1, dispute->dispute_no, yuan_of(funds_sum(exception->deducted)).text);
    }
    return true;
}

/* Holds, releases or deducts; a row that changes nothing puts nothing. */
static bool confirm_record(struct judgement *j, uint32_t row, const struct record_facts *record)
{
    const struct confirm_item *item = &j->order->confirms[row];
    const struct exception_row before = exception_of(j->cycle, record);
    struct exception_row after = before;
    const bool deducts = item->det_type != 0 || item->deduct != 0;
    if ((record->flags & RECORD_REVERSED) != 0 ||
        (before.flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) {
        return refuse(j, ERROR_WRONG_STATE, "row %u: the record clears nothing", row + 1);
    }
    if (item->cnfm_flag > 1) {
        return refuse(j, ERROR_MALFORMED, "row %u: cnfm_flag %u", row + 1, item->cnfm_flag);
    }
    if (item->cnfm_flag == 0) {
        const bool held = (before.flags & EXCEPTION_HELD) != 0;
        const int64_t last = year_cut_day(j, record->period);
        if (!held && (int64_t)j->today > last) {
            return refuse(j, ERROR_DEADLINE, "row %u: %u could be held until %lld", row + 1,
                          record->period, (long long)last);
        }
        if (deducts) {
            return refuse(j, ERROR_DEDUCTION, "row %u: held, so there is nothing to deduct from",
                          row + 1);
        }
        after.flags |= EXCEPTION_HELD;
        after.held_since = record->period;
        if (!held) j->decision->counts[HELD_RECORDS]++;
    } else {
        if (deducts && !check_deduction(j, row, record, &before)) return false;
        if ((before.flags & EXCEPTION_HELD) != 0) j->decision->counts[RELEASED_RECORDS]++;
        after.flags &= ~EXCEPTION_HELD;
        if (deducts) {
            split_deduction(record->funds, item->deduct, after.deducted);
            after.det_type = item->deduct == 0 ? 0 : item->det_type;
            j->decision->counts[DEDUCTED_RECORDS]++;
        }
    }
    if (memcmp(&after, &before, sizeof after) == 0) return true;
    return change_exception(j, &after);
}

/* Each record once: a row is judged against the state before the message. */
static bool rows_differ(struct judgement *j)
{
    const struct confirm_item *rows = j->order->confirms;
    for (uint32_t i = 0; i < j->order->row_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (record_ref_compare(&rows[i].ref, &rows[k].ref) != 0) continue;
            return refuse(j, ERROR_MALFORMED, "row %u names the record of row %u", i + 1, k + 1);
        }
    }
    return true;
}

static bool confirm_records(struct judgement *j)
{
    const struct order *order = j->order;
    const int64_t rows_max = setting_at(j->cycle, SETTING_CONFIRM_PAGE_ROWS, j->now_ms);
    if ((int64_t)order->row_count > rows_max) {
        return refuse(j, ERROR_RANGE_TOO_WIDE, "%u rows; at most %lld a message", order->row_count,
                      (long long)rows_max);
    }
    if (!rows_differ(j)) return false;
    for (uint32_t i = 0; i < order->row_count; i++) {
        const struct record_facts *record = record_of_row(j, i);
        if (record == NULL) return false;
        if (!must_be(j, record->payee)) return false;
        if (order->period != 0 && order->period != record->period) {
            return refuse(j, ERROR_NOT_FOUND, "row %u: %06u %s is cleared in %u, not in %u", i + 1,
                          record->ref.insu_admdvs, record->ref.setl_id, record->period,
                          order->period);
        }
        if (!must_be_open_year(j, record->period)) return false;
        if (!confirm_record(j, i, record)) return false;
    }
    (void)snprintf(j->decision->text, sizeof j->decision->text,
                   "%u records held, %u released, %u with a deduction",
                   j->decision->counts[HELD_RECORDS], j->decision->counts[RELEASED_RECORDS],
                   j->decision->counts[DEDUCTED_RECORDS]);
    return done(j, "");
}

bool judge_confirm(struct judgement *j)
{
    const struct order *order = j->order;
    if (order->payee < PROVINCE_COUNT && !must_be(j, order->payee)) return false;
    if ((order->period != 0 || order->row_count == 0) && !civil_month_valid(order->period)) {
        return refuse(j, ERROR_MALFORMED, "%u is no month", order->period);
    }
    if (order->period != 0 && !must_be_open_year(j, order->period)) return false;
    const bool accepted = order->row_count == 0 ? confirm_cells(j) : confirm_records(j);
    if (!accepted) memset(j->decision->counts, 0, sizeof j->decision->counts);
    return accepted;
}

/* -- withdrawal (3262) ------------------------------------------------------------------------ */

/* The confirmation was withdrawn before, all of it that stood. */
static bool withdrawn_before(const struct judgement *j)
{
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_CONFIRM); i++) {
        const struct confirm_row *row = cycle_row(j->cycle, ROW_CONFIRM, i);
        if (row->withdrawn && strncmp(row->msgid, j->order->number, sizeof row->msgid) == 0 &&
            (j->order->acting == PROVINCE_CENTRE || row->cell.payee == j->order->acting))
            return true;
    }
    return false;
}

/* A message of that name was carried out, but confirmed no cells. */
static bool known_without_cells(const struct judgement *j)
{
    struct order_row key = {.province = j->order->sender};
    memcpy(key.msgid, j->order->number, sizeof key.msgid);
    return cycle_find(j->cycle, ROW_ORDER, &key) != NULL;
}

bool judge_withdraw(struct judgement *j)
{
    const struct order *order = j->order;
    uint32_t cells = 0;
    uint8_t other = PROVINCE_CENTRE;
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_CONFIRM); i++) {
        const struct confirm_row *row = cycle_row(j->cycle, ROW_CONFIRM, i);
        if (row->withdrawn || strncmp(row->msgid, order->number, sizeof row->msgid) != 0) continue;
        if (order->period != 0 && row->cell.period != order->period) continue;
        /* A name is its sender's own: the same of another payee is another confirmation. */
        if (order->acting != PROVINCE_CENTRE && row->cell.payee != order->acting) {
            other = row->cell.payee;
            continue;
        }
        if (!must_be_open_year(j, row->cell.period)) return false;
        const struct frozen_row *frozen = cycle_find(j->cycle, ROW_FROZEN, &row->cell);
        if (frozen != NULL && frozen->batch != 0) {
            return refuse(j, ERROR_WRONG_STATE, "%u to %u, line %u, is in a batch of %u",
                          province_of(row->cell.payer), province_of(row->cell.payee),
                          row->cell.line, row->cell.period);
        }
        struct confirm_row withdrawn = *row;
        withdrawn.withdrawn = 1;
        withdrawn.at_ms = j->now_ms;
        decision_put(j->decision, ROW_CONFIRM, &withdrawn);
        cells++;
    }
    if (cells == 0 && other != PROVINCE_CENTRE) {
        return refuse(j, ERROR_NOT_YOURS, "%.30s is a confirmation of %02u", order->number,
                      province_of(other));
    }
    if (cells == 0 && withdrawn_before(j)) {
        return refuse(j, ERROR_WRONG_STATE, "%.30s was withdrawn before", order->number);
    }
    if (cells == 0 && known_without_cells(j)) {
        return refuse(j, ERROR_WRONG_STATE,
                      "no cells stand by %.30s: it was of single records, or its cells were "
                      "confirmed anew by a later message",
                      order->number);
    }
    if (cells == 0) {
        return refuse(j, ERROR_NOT_FOUND, "no confirmation %.30s that stands", order->number);
    }
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%u cells withdrawn", cells);
    return done(j, order->number);
}

/* -- recovery (追回) --------------------------------------------------------------------------- */

/* What of the record was not taken back yet, by fund. */
static void left_of(const struct cycle *cycle, const struct exception_row *exception,
                    int64_t ret_funds[FUND_COUNT])
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        ret_funds[fund] = exception->record.funds[fund] - exception->deducted[fund];
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        const struct recovery_row *row = cycle_row(cycle, ROW_RECOVERY, i);
        if (record_ref_compare(&row->ref, &exception->ref) != 0) continue;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            ret_funds[fund] -= row->funds[fund];
    }
}

/* The number was used: the same again is a repetition, anything else is refused. */
static bool recovery_repeated(struct judgement *j, const struct recovery_row *before)
{
    const struct order *order = j->order;
    if (record_ref_compare(&before->ref, &order->ref) != 0 ||
        funds_sum(before->funds) != order->amount || before->det_type != order->reason) {
        return refuse(j, ERROR_NUMBER_REUSED, "recovery %s exists with other content",
                      before->recovery_no);
    }
    j->decision->dup = true;
    memcpy(j->decision->ref, before->recovery_no, sizeof before->recovery_no);
    return true;
}

static bool put_recovery(struct judgement *j, const struct exception_row *exception)
{
    const struct order *order = j->order;
    const struct record_facts *record = &exception->record;
    struct recovery_row row = {
        .ref = order->ref,
        .cell = record_cell(record),
        .det_type = (uint8_t)order->reason,
        .at_ms = j->now_ms,
    };
    memcpy(row.recovery_no, order->number, sizeof row.recovery_no - 1);
    int64_t left[FUND_COUNT];
    left_of(j->cycle, exception, left);
    const int64_t sum = funds_sum(left);
    if (order->amount <= 0 || order->amount > sum) {
        return refuse(j, ERROR_DEDUCTION, "amount: %s, not within 0.01 and the %s that are left",
                      yuan_of(order->amount).text, yuan_of(sum).text);
    }
    split_deduction(left, order->amount, row.funds);
    decision_put(j->decision, ROW_RECOVERY, &row);
    post_funds(j, record->payer, record->payee, CYCLE_CONFIRMED, CYCLE_COST, row.funds, 0,
               record->period);
    return done(j, row.recovery_no);
}

bool judge_recovery(struct judgement *j)
{
    const struct order *order = j->order;
    const struct record_facts *record = one_record(j, &order->ref);
    if (record == NULL) return false;
    if (!must_be(j, record->payee) || !must_have_number(j)) return false;
    struct recovery_row key = {0};
    memcpy(key.recovery_no, order->number, sizeof key.recovery_no - 1);
    const struct recovery_row *before = cycle_find(j->cycle, ROW_RECOVERY, &key);
    if (before != NULL) return recovery_repeated(j, before);
    if (!must_be_open_year(j, record->period)) return false;

    const struct exception_row exception = exception_of(j->cycle, record);
    const struct batch_row *batch = batch_of_record(j->cycle, &exception);
    if (batch == NULL || batch->state < BATCH_NOTICED) {
        return refuse(j, ERROR_WRONG_STATE,
                      "%06u %s is not cleared yet; hold it, or deduct from it",
                      record->ref.insu_admdvs, record->ref.setl_id);
    }
    if (!deduction_known(order->reason)) {
        return refuse(j, ERROR_DEDUCTION, "there is no kind of deduction %u", order->reason);
    }
    if (record->kind != RECORD_SETTLEMENT) {
        return refuse(j, ERROR_DEDUCTION, "only of a settlement can something be taken back");
    }
    return put_recovery(j, &exception);
}
