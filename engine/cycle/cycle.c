/* cycle -- the state: applies what was decided, and is read; with what every chapter needs.
 *
 * Must not know the rules: they stand in the chapters. */
#include "cycle/cycle.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/ensure.h"
#include "util/le.h"
#include "util/text.h"

struct cycle *cycle_new(const struct calendar *calendar, const struct setting_values *first)
{
    struct cycle *cycle = calloc(1, sizeof *cycle);
    if (cycle == NULL) return NULL;
    cycle->calendar = calendar;
    cycle->first = *first;
    return cycle;
}

void cycle_free(struct cycle *cycle)
{
    if (cycle == NULL) return;
    for (int i = 0; i < ROW_KIND_END; i++)
        rows_free(&cycle->sets[i]);
    rows_free(&cycle->recon_sums);
    rows_free(&cycle->recon_months);
    rows_free(&cycle->line_sums);
    rows_free(&cycle->difference_lists);
    rows_free(&cycle->difference_links);
    free(cycle);
}

/* -- decisions ------------------------------------------------------------------------------- */

#define ROW_HEAD 4

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

void decision_init(struct decision *decision)
{
    *decision = (struct decision){0};
}

void decision_free(struct decision *decision)
{
    free(decision->data);
    *decision = (struct decision){0};
}

void decision_put(struct decision *decision, enum row_kind kind, const void *row)
{
    const size_t size = row_infos[kind].size;
    const size_t need = ROW_HEAD + padded(size);
    if (decision->room - decision->size < need) {
        const size_t room = 2 * (decision->room + need);
        uint8_t *more = realloc(decision->data, room);
        NEED_MEMORY(more);
        decision->data = more;
        decision->room = room;
    }
    uint8_t *at = decision->data + decision->size;
    le_store16(at, (uint16_t)kind);
    le_store16(at + 2, (uint16_t)size);
    memcpy(at + ROW_HEAD, row, size);
    memset(at + ROW_HEAD + size, 0, padded(size) - size);
    decision->size += need;
    decision->rows++;
}

static int64_t *balance_of(struct cycle *cycle, const struct posting_row *posting, uint8_t account)
{
    return &cycle->balance[posting->payer][posting->payee][posting->fund][account];
}

static bool apply_posting(struct cycle *cycle, const struct posting_row *posting)
{
    int64_t *debit = balance_of(cycle, posting, posting->debit);
    int64_t *credit = balance_of(cycle, posting, posting->credit);
    return !__builtin_add_overflow(*debit, posting->amount, debit) &&
           !__builtin_sub_overflow(*credit, posting->amount, credit);
}

/* What is kept beside the rows of a kind; before the row itself is put. False without memory. */
static bool put_beside(struct cycle *cycle, uint16_t kind, const void *row)
{
    switch (kind) {
    case ROW_RECON:
        return recon_sum_put(cycle, row);
    case ROW_LINE:
        return line_sum_put(cycle, row);
    case ROW_DIFFERENCE:
        return difference_link_put(cycle, row);
    default:
        return true;
    }
}

int cycle_apply(struct cycle *cycle, struct bytes rows)
{
    const uint8_t *at = rows.data;
    const uint8_t *end = at + rows.size;
    while (at < end) {
        if (end - at < ROW_HEAD) return -EUCLEAN;
        const uint16_t kind = le_load16(at);
        const uint16_t size = le_load16(at + 2);
        at += ROW_HEAD;
        if (kind == 0 || kind >= ROW_KIND_END || size != row_infos[kind].size ||
            (size_t)(end - at) < padded(size)) {
            return -EUCLEAN;
        }
        /* Rows are put where their fields are aligned. */
        _Alignas(8) uint8_t row[ROW_SIZE_MAX];
        memcpy(row, at, size);
        at += padded(size);
        if (!row_sound(cycle, (enum row_kind)kind, row)) return -EUCLEAN;
        if (kind == ROW_POSTING) {
            if (!apply_posting(cycle, (const struct posting_row *)row)) return -EUCLEAN;
        } else {
            NEED(put_beside(cycle, kind, row), "memory left");
            NEED(rows_put(&cycle->sets[kind], &row_infos[kind], row), "memory left");
        }
    }
    return 0;
}

/* -- reading ----------------------------------------------------------------------------------- */

uint32_t cycle_count(const struct cycle *cycle, enum row_kind kind)
{
    return cycle->sets[kind].count;
}

const void *cycle_row(const struct cycle *cycle, enum row_kind kind, uint32_t index)
{
    return cycle->sets[kind].rows + (size_t)index * row_infos[kind].size;
}

const void *cycle_find(const struct cycle *cycle, enum row_kind kind, const void *key)
{
    return rows_find(&cycle->sets[kind], &row_infos[kind], key);
}

int64_t cycle_balance(const struct cycle *cycle, uint8_t payer, uint8_t payee, uint8_t fund,
                      enum cycle_account account)
{
    return cycle->balance[payer][payee][fund][account];
}

const struct batch_row *cycle_batch(const struct cycle *cycle, uint32_t period)
{
    const struct batch_row *found = NULL;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_BATCH); i++) {
        const struct batch_row *batch = cycle_row(cycle, ROW_BATCH, i);
        if (batch->period != period) continue;
        if (found == NULL || batch->number > found->number) found = batch;
    }
    return found;
}

const struct batch_row *cycle_batch_by_id(const struct cycle *cycle, uint32_t id)
{
    /* Batches are put once in the order of their ids. */
    return id == 0 || id > cycle_count(cycle, ROW_BATCH) ? NULL
                                                         : cycle_row(cycle, ROW_BATCH, id - 1);
}

int record_ref_compare(const struct record_ref *a, const struct record_ref *b)
{
    if (a->insu_admdvs != b->insu_admdvs) return a->insu_admdvs < b->insu_admdvs ? -1 : 1;
    return memcmp(&a->size, &b->size, sizeof *a - offsetof(struct record_ref, size));
}

uint32_t province_of(uint8_t index)
{
    return index < PROVINCE_COUNT ? province_codes[index] : 0;
}

void batch_name(const struct batch_row *batch, char out[NUMBER_SIZE])
{
    memset(out, 0, NUMBER_SIZE);
    (void)snprintf(out, NUMBER_SIZE, "%06u-%u", batch->period, batch->number);
}

const char *exception_state(const struct cycle *cycle, const struct exception_row *exception)
{
    const uint32_t flags = exception->flags;
    if ((flags & EXCEPTION_REVERSED) != 0) return "REVERSED";
    if ((flags & EXCEPTION_VOID) != 0) return "VOID";
    if ((flags & (EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE)) != 0) return "MISMATCHED";
    if ((flags & EXCEPTION_DISPUTED) != 0) return "DISPUTED";
    if ((flags & EXCEPTION_HELD) != 0) return "HELD";
    if (exception->batch != 0) return "BATCHED";
    if (!exception->carved) {
        const struct cell_key key = record_cell(&exception->record);
        const struct frozen_row *frozen = cycle_find(cycle, ROW_FROZEN, &key);
        if (frozen != NULL && frozen->batch != 0) return "BATCHED";
    }
    return "CONFIRMED";
}

struct exception_row exception_of(const struct cycle *cycle, const struct record_facts *record)
{
    struct exception_row key = {.ref = record->ref};
    const struct exception_row *found = cycle_find(cycle, ROW_EXCEPTION, &key);
    if (found == NULL) {
        key.record = *record;
        return key;
    }
    return *found;
}

int64_t setting_at(const struct cycle *cycle, enum setting setting, int64_t at_ms)
{
    const struct setting_row *best = NULL;
    const char *name = setting_info(setting)->name;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_SETTING); i++) {
        const struct setting_row *row = cycle_row(cycle, ROW_SETTING, i);
        if (row->effective_ms > at_ms || strcmp(row->name, name) != 0) continue;
        if (best == NULL || row->effective_ms > best->effective_ms) best = row;
    }
    return best != NULL ? best->value : cycle->first.value[setting];
}

/* -- for the chapters ----------------------------------------------------------------------------
 */

struct yuan yuan_of(int64_t fen)
{
    struct yuan yuan;
    struct text text = text_begin(yuan.text, sizeof yuan.text);
    text_add_yuan(&text, fen);
    return yuan;
}

bool refuse(struct judgement *j, enum error_code code, const char *format, ...)
{
    va_list list;
    j->decision->size = 0;
    j->decision->rows = 0;
    j->decision->code = (uint16_t)code;
    va_start(list, format);
    (void)vsnprintf(j->decision->text, sizeof j->decision->text, format, list);
    va_end(list);
    return false;
}

int64_t funds_sum(const int64_t funds[FUND_COUNT])
{
    int64_t sum = 0;
    /* Amounts are within N(16,2), and cuts see to their sums; those of damaged rows wrap. */
    for (int i = 0; i < FUND_COUNT; i++)
        (void)__builtin_add_overflow(sum, funds[i], &sum);
    return sum;
}

void post(struct judgement *j, uint8_t payer, uint8_t payee, uint8_t fund, enum cycle_account debit,
          enum cycle_account credit, int64_t amount, uint32_t batch, uint32_t period)
{
    if (amount == 0 || debit == credit) return;
    const struct posting_row row = {
        .payer = payer,
        .payee = payee,
        .fund = fund,
        .debit = (uint8_t)debit,
        .credit = (uint8_t)credit,
        .batch = batch,
        .period = period,
        .amount = amount,
    };
    decision_put(j->decision, ROW_POSTING, &row);
}

void post_funds(struct judgement *j, uint8_t payer, uint8_t payee, enum cycle_account debit,
                enum cycle_account credit, const int64_t funds[FUND_COUNT], uint32_t batch,
                uint32_t period)
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        post(j, payer, payee, (uint8_t)fund, debit, credit, funds[fund], batch, period);
}

struct order_row order_key(const struct order *order)
{
    struct order_row row = {.province = order->sender, .type = order->type, .hash = order->hash};
    memcpy(row.msgid, order->msgid, sizeof row.msgid);
    return row;
}

bool done(struct judgement *j, const char *ref)
{
    struct order_row row = order_key(j->order);
    row.at_ms = j->now_ms;
    (void)snprintf(row.ref, sizeof row.ref, "%s", ref);
    memcpy(j->decision->ref, row.ref, sizeof row.ref);
    decision_put(j->decision, ROW_ORDER, &row);
    return true;
}

bool must_be(struct judgement *j, uint8_t wanted)
{
    if (j->order->acting == PROVINCE_CENTRE && j->order->sender == 0) return true;
    if (j->order->acting == wanted) return true;
    return refuse(j, ERROR_NOT_YOURS, "%02u may do this, not %02u", province_of(wanted),
                  province_of(j->order->acting));
}

bool must_be_centre(struct judgement *j)
{
    if (j->order->sender == 0) return true;
    return refuse(j, ERROR_SENDER_NOT_ALLOWED, "only the centre may do this");
}

bool must_be_open_year(struct judgement *j, uint32_t period)
{
    if (period / 100 > j->facts->closed_year) return true;
    return refuse(j, ERROR_PERIOD_CLOSED, "the year %u is closed", period / 100);
}

const struct record_facts *one_record(struct judgement *j, const struct record_ref *ref)
{
    const struct record_facts *found = NULL;
    for (size_t i = 0; i < j->facts->record_count; i++) {
        const struct record_facts *record = &j->facts->records[i];
        if (record_ref_compare(&record->ref, ref) != 0) continue;
        if (found != NULL) {
            (void)refuse(j, ERROR_AMBIGUOUS, "%06u %s stands for several records", ref->insu_admdvs,
                         ref->setl_id);
            return NULL;
        }
        found = record;
    }
    if (found == NULL) {
        (void)refuse(j, ERROR_NOT_FOUND, "no record %06u %s", ref->insu_admdvs, ref->setl_id);
    }
    return found;
}
