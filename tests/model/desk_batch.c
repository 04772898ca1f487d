/* desk_batch -- months, their batches, and the end of a year: docs/rules.md once more. */
#include <stdio.h>

#include "tests/model/desk_internal.h"

/* -- what a batch is ----------------------------------------------------------------------------
 */

const struct desk_batch *desk_batch_of(const struct desk_model *m, uint32_t period)
{
    const struct desk_batch *latest = NULL;
    for (uint32_t i = 0; i < m->batches.count; i++) {
        if (m->batches.list[i].row.period == period) latest = &m->batches.list[i];
    }
    return latest;
}

struct desk_batch *desk_batch_by_id(const struct desk_model *m, uint32_t id)
{
    return id == 0 ? NULL : &m->batches.list[id - 1];
}

void desk_batch_name(const struct desk_batch *batch, char out[NUMBER_SIZE])
{
    (void)snprintf(out, NUMBER_SIZE, "%06u-%u", batch->row.period, batch->row.number);
}

void desk_totals(const struct desk_model *m, uint32_t batch, bool wallets,
                 struct desk_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    memset(totals, 0, PROVINCE_COUNT * sizeof totals[0]);
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        struct desk_total *total = &totals[record->facts.payer][record->facts.payee];
        if (record->batch != batch || (!wallets && record->facts.line >= LINE_WALLET_CARE))
            continue;
        total->count += record->count;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            total->funds[fund] += record->facts.funds[fund];
    }
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        const struct desk_exception *exception = &m->exceptions.list[i];
        const struct desk_record *record = &m->records.list[exception->record];
        struct desk_total *total = &totals[record->facts.payer][record->facts.payee];
        for (int fund = 0; fund < FUND_COUNT && record->batch == batch; fund++)
            total->funds[fund] -= exception->deducted[fund];
    }
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        const struct recovery_row *row = &m->recoveries.list[i];
        for (int fund = 0; fund < FUND_COUNT && row->batch == batch; fund++)
            totals[row->cell.payer][row->cell.payee].funds[fund] -= row->funds[fund];
    }
    for (uint32_t i = 0; i < m->carries.count; i++) {
        const struct carry_row *row = &m->carries.list[i];
        for (int fund = 0; fund < FUND_COUNT && row->into == batch; fund++)
            totals[row->payer][row->payee].funds[fund] += row->funds[fund];
    }
}

static uint32_t bits_of(uint8_t payer, uint8_t payee)
{
    return UINT32_C(1) << payer | UINT32_C(1) << payee;
}

uint32_t desk_provinces(const struct desk_model *m, uint32_t batch)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        if (record->batch == batch) bits |= bits_of(record->facts.payer, record->facts.payee);
    }
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        const struct recovery_row *row = &m->recoveries.list[i];
        if (row->batch == batch) bits |= bits_of(row->cell.payer, row->cell.payee);
    }
    for (uint32_t i = 0; i < m->carries.count; i++) {
        const struct carry_row *row = &m->carries.list[i];
        if (row->into == batch) bits |= bits_of(row->payer, row->payee);
    }
    return bits;
}

void desk_add_up(const struct desk_model *m, struct desk_batch *batch)
{
    struct desk_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    struct batch_row *row = &batch->row;
    row->count = 0;
    row->gross = row->bilateral = row->multilateral = 0;
    desk_totals(m, row->id, true, totals);
    for (int a = 0; a < PROVINCE_COUNT; a++) {
        int64_t net = 0;
        for (int b = 0; b < PROVINCE_COUNT; b++) {
            const int64_t owes = desk_sum(totals[a][b].funds);
            const int64_t owed = desk_sum(totals[b][a].funds);
            row->count += totals[a][b].count;
            row->gross += owes;
            if (owes > owed) row->bilateral += owes - owed;
            net += owes - owed;
        }
        if (net > 0) row->multilateral += net;
    }
}

void desk_keep_shown(const struct desk_model *m, struct desk_batch *batch)
{
    if (batch->shown == NULL) batch->shown = malloc(PROVINCE_COUNT * sizeof *batch->shown);
    ENSURE(batch->shown != NULL);
    desk_totals(m, batch->row.id, true, batch->shown);
    batch->shown_lines = desk_provinces(m, batch->row.id);
}

static void come_into(struct desk_model *m, struct desk_batch *batch, enum batch_state state)
{
    batch->row.state = (uint8_t)state;
    batch->row.at_ms[state] = m->view->now_ms;
}

static bool done_with(struct desk_model *m, const struct desk_batch *batch)
{
    char name[NUMBER_SIZE];
    desk_batch_name(batch, name);
    return desk_done(m, name);
}

/* -- the cut ------------------------------------------------------------------------------------
 */

/* A record of an earlier month that is open on some shard. */
static bool has_open_before(const struct desk_model *m, uint32_t period)
{
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        if (record->facts.period > m->view->cut_through && record->facts.period < period &&
            desk_stands(m->view, record)) {
            return true;
        }
    }
    return false;
}

/* The latest month that the shards have cut holds records, and its batch was refused behind it. */
static bool is_unfinished(const struct desk_model *m)
{
    const uint32_t period = m->view->cut_through;
    if (desk_batch_of(m, period) != NULL) return false;
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        if (record->facts.period == period && desk_stands(m->view, record)) return true;
    }
    return false;
}

static bool has_later_batch(const struct desk_model *m, uint32_t period)
{
    for (uint32_t i = 0; i < m->batches.count; i++) {
        if (m->batches.list[i].row.period > period) return true;
    }
    return false;
}

/* What the shards hand over: each cell with its sums, as it will be for ever. */
static void hand_over(struct desk_model *m, uint32_t period)
{
    const uint32_t first = m->cells.count;
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        const struct record_facts *facts = &record->facts;
        const struct cell_key key = desk_cell(facts);
        if (facts->period != period || record->taken_back != 0) continue;
        uint32_t c = first;
        while (c < m->cells.count && memcmp(&m->cells.list[c].cell, &key, sizeof key) != 0)
            c++;
        struct frozen_row *cell = c < m->cells.count ? &m->cells.list[c] : DESK_ADD(m->cells);
        cell->cell = key;
        cell->count += record->count;
        cell->refund_count += facts->kind == RECORD_REFUND;
        cell->late_count += (facts->flags & RECORD_LATE) != 0;
        cell->checksum += facts->content_hash;
        cell->medfee += facts->medfee;
        cell->account = CYCLE_CONFIRMED;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            cell->funds[fund] += facts->funds[fund];
    }
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        struct desk_exception *exception = &m->exceptions.list[i];
        const struct desk_record *record = &m->records.list[exception->record];
        if (record->facts.period != period) continue;
        if (record->taken_back != 0) {
            if ((exception->flags & EXCEPTION_REVERSED) == 0) exception->since_ms = m->view->now_ms;
            exception->flags |= EXCEPTION_REVERSED;
        } else if ((exception->flags & EXCEPTION_BLOCKING) != 0) {
            exception->carved = true;
        }
    }
}

/* Everything up to that month that nothing holds back, and what was left of earlier batches. */
static void take_in(struct desk_model *m, struct desk_batch *batch)
{
    const uint32_t id = batch->row.id;
    const uint32_t period = batch->row.period;
    for (uint32_t i = 0; i < m->records.count; i++) {
        struct desk_record *record = &m->records.list[i];
        if (record->facts.period > period || record->batch != 0 || record->taken_back != 0)
            continue;
        record->batch = id;
    }
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        struct desk_exception *exception = &m->exceptions.list[i];
        struct desk_record *record = &m->records.list[exception->record];
        if (record->batch != id) continue;
        if ((exception->flags & EXCEPTION_BLOCKING) != 0) {
            record->batch = 0;
        } else if (desk_sum(exception->deducted) != 0) {
            exception->posted = true;
        }
    }
    for (uint32_t i = 0; i < m->cells.count; i++) {
        struct frozen_row *cell = &m->cells.list[i];
        if (cell->batch == 0 && cell->cell.period <= period) cell->batch = id;
    }
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        if (m->recoveries.list[i].batch == 0) m->recoveries.list[i].batch = id;
    }
    for (uint32_t i = 0; i < m->carries.count; i++) {
        if (m->carries.list[i].into == 0) m->carries.list[i].into = id;
    }
}

static void make_batch(struct desk_model *m)
{
    const uint32_t period = m->order->period;
    const struct desk_batch *before = desk_batch_of(m, period);
    const uint32_t number = before == NULL ? 1 : before->row.number + 1;
    if (before == NULL) hand_over(m, period);
    struct desk_batch *batch = DESK_ADD(m->batches);
    batch->row = (struct batch_row){
        .period = period,
        .number = number,
        .id = m->batches.count,
        .version = 1,
        .mode = (uint8_t)desk_setting(m, SETTING_PAYABLE_MODE, m->view->now_ms),
    };
    come_into(m, batch, BATCH_CUT);
    take_in(m, batch);
    desk_add_up(m, batch);
}

bool desk_cut(struct desk_model *m)
{
    const struct order *order = m->order;
    const uint32_t period = order->period;
    const struct desk_batch *before = desk_batch_of(m, period);
    const bool live = before != NULL && before->row.state != BATCH_ABORTED;
    const bool cut = period <= m->view->cut_through;
    char name[NUMBER_SIZE] = "";
    if (!desk_month_valid(period)) return desk_denied(m, ERROR_MALFORMED);
    if (!cut && (has_open_before(m, period) || is_unfinished(m)))
        return desk_denied(m, ERROR_PERIOD_ORDER);
    if (live) desk_batch_name(before, name);
    if (live) return desk_again(m, name);
    if (period / 100 <= m->view->closed_year || (before == NULL && has_later_batch(m, period))) {
        /* A month without a record that a later cut has passed over is cut. */
        if (cut && before == NULL) return desk_again(m, "");
        return desk_denied(m, period / 100 <= m->view->closed_year ? ERROR_PERIOD_CLOSED
                                                                   : ERROR_PERIOD_ORDER);
    }
    if (order->provisional) return true;
    if (desk_seen(m)) {
        if (m->answer.code != 0) return false;
        m->answer.dup = false;
    }
    if (m->decide) make_batch(m);
    if (m->decide) desk_batch_name(desk_batch_of(m, period), name);
    return desk_done(m, name);
}

/* -- compute, publish ---------------------------------------------------------------------------
 */

const struct sign_row *desk_sign_of(const struct desk_model *m, uint32_t batch, uint8_t province)
{
    for (uint32_t i = 0; i < m->signs.count; i++) {
        const struct sign_row *row = &m->signs.list[i];
        if (row->batch == batch && row->province == province) return row;
    }
    return NULL;
}

static void put_sign(struct desk_model *m, const struct sign_row *row)
{
    for (uint32_t i = 0; i < m->signs.count; i++) {
        struct sign_row *other = &m->signs.list[i];
        if (other->batch != row->batch || other->province != row->province) continue;
        *other = *row;
        return;
    }
    *DESK_ADD(m->signs) = *row;
}

static uint8_t sign_state(const struct desk_model *m, const struct desk_batch *batch, uint8_t who)
{
    const struct sign_row *row = desk_sign_of(m, batch->row.id, who);
    return row == NULL ? SIGN_NONE : row->state;
}

static bool has_objection(const struct desk_model *m, const struct desk_batch *batch)
{
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        if (sign_state(m, batch, p) == SIGN_OBJECTED) return true;
    }
    return false;
}

/* Provinces with a line that have not agreed. */
static uint32_t missing(const struct desk_model *m, const struct desk_batch *batch)
{
    uint32_t bits = desk_provinces(m, batch->row.id);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const uint8_t state = sign_state(m, batch, p);
        if (state == SIGN_SIGNED || state == SIGN_SILENT) bits &= ~(UINT32_C(1) << p);
    }
    return bits;
}

static bool compute(struct desk_model *m, struct desk_batch *batch)
{
    const uint8_t state = batch->row.state;
    const bool again = state == BATCH_PUBLISHED && !batch->row.stale && has_objection(m, batch);
    if (!again && state != BATCH_CUT && state != BATCH_COMPUTED &&
        !(state == BATCH_PUBLISHED && batch->row.stale)) {
        return desk_denied(m, ERROR_WRONG_STATE);
    }
    if (m->decide) {
        if (again) batch->row.version++;
        batch->row.mode = (uint8_t)desk_setting(m, SETTING_PAYABLE_MODE, m->view->now_ms);
        batch->row.stale = 0;
        desk_add_up(m, batch);
        come_into(m, batch, BATCH_COMPUTED);
    }
    return done_with(m, batch);
}

static bool publish(struct desk_model *m, struct desk_batch *batch)
{
    if (batch->row.state != BATCH_COMPUTED || batch->row.stale)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (!m->decide) return done_with(m, batch);
    batch->row.published_version = batch->row.version;
    desk_keep_shown(m, batch);
    come_into(m, batch, BATCH_PUBLISHED);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        const struct sign_row *row = desk_sign_of(m, batch->row.id, p);
        if (row == NULL || row->state == SIGN_NONE || row->version == batch->row.version) continue;
        if (row->state != SIGN_OBJECTED && batch->touched[p] <= row->version) continue;
        put_sign(m, &(struct sign_row){
                        .batch = batch->row.id, .province = p, .version = batch->row.version});
    }
    if (missing(m, batch) == 0) come_into(m, batch, BATCH_SIGNED);
    return done_with(m, batch);
}

/* -- signatures ---------------------------------------------------------------------------------
 */

uint32_t desk_sign_due(const struct desk_model *m, const struct desk_batch *batch)
{
    const int64_t published = batch->row.at_ms[BATCH_PUBLISHED];
    const int64_t sign_day = desk_setting(m, SETTING_SIGN_DAY, published);
    const int64_t days = sign_day - desk_setting(m, SETTING_COMPUTE_DAY, published);
    const uint32_t period = batch->row.period;
    const uint32_t next = period % 100 == 12 ? (period / 100 + 1) * 100 + 1 : period + 1;
    const uint32_t by_month = next * 100 + (uint32_t)sign_day; /* 28 at most. */
    const uint32_t by_publishing = desk_days_later(desk_day(published), days > 0 ? days : 0);
    return by_month > by_publishing ? by_month : by_publishing;
}

static bool close_signing(struct desk_model *m, struct desk_batch *batch)
{
    const int64_t now = m->view->now_ms;
    if (batch->row.state != BATCH_PUBLISHED || batch->row.stale || has_objection(m, batch))
        return desk_denied(m, ERROR_WRONG_STATE);
    const uint32_t silent = missing(m, batch);
    if (silent != 0 && (m->today <= desk_sign_due(m, batch) ||
                        desk_setting(m, SETTING_TIMEOUT_IS_CONSENT, now) == 0)) {
        return desk_denied(m, ERROR_WRONG_STATE);
    }
    for (uint8_t p = 0; p < PROVINCE_COUNT && m->decide; p++) {
        if ((silent >> p & 1) == 0) continue;
        put_sign(m, &(struct sign_row){
                        .batch = batch->row.id,
                        .province = p,
                        .version = batch->row.published_version,
                        .state = SIGN_SILENT,
                        .at_ms = now,
                    });
    }
    if (m->decide) come_into(m, batch, BATCH_SIGNED);
    return done_with(m, batch);
}

bool desk_sign(struct desk_model *m)
{
    const struct order *order = m->order;
    const uint8_t province = order->acting;
    if (province >= PROVINCE_COUNT) return desk_denied(m, ERROR_NOT_YOURS);
    if (!desk_month_valid(order->period)) return desk_denied(m, ERROR_PERIOD_ORDER);
    if (!desk_must_be_open(m, order->period)) return false;
    struct desk_batch *batch = (struct desk_batch *)(uintptr_t)desk_batch_of(m, order->period);
    if (batch == NULL) return desk_denied(m, ERROR_NOT_FOUND);
    /* An aborted batch has lost its records, and its lines stay as they were. */
    const uint8_t state = batch->row.state;
    const bool aborted = state == BATCH_ABORTED;
    const uint32_t provinces = aborted ? batch->lines : desk_provinces(m, batch->row.id);
    if ((provinces >> province & 1) == 0) return desk_denied(m, ERROR_NOT_YOURS);
    if (state < BATCH_PUBLISHED || aborted || batch->row.stale)
        return desk_denied(m, ERROR_WRONG_STATE);
    const struct sign_row *standing = desk_sign_of(m, batch->row.id, province);
    const uint8_t wanted = order->flag ? SIGN_OBJECTED : SIGN_SIGNED;
    char name[NUMBER_SIZE];
    desk_batch_name(batch, name);
    if (standing != NULL && standing->state == wanted) return desk_again(m, name);
    if ((standing != NULL && standing->state == SIGN_SIGNED) || state != BATCH_PUBLISHED)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (order->sender != 0 && m->today > desk_sign_due(m, batch))
        return desk_denied(m, ERROR_DEADLINE);
    if (!m->decide) return desk_done(m, name);
    struct sign_row row = {
        .batch = batch->row.id,
        .province = province,
        .version = batch->row.published_version,
        .state = wanted,
        .at_ms = m->view->now_ms,
    };
    if (order->flag) memcpy(row.reason, order->text, sizeof row.reason);
    put_sign(m, &row);
    if (!order->flag && missing(m, batch) == 0) come_into(m, batch, BATCH_SIGNED);
    return desk_done(m, name);
}

/* -- abort, archive -----------------------------------------------------------------------------
 */

void desk_release(struct desk_model *m, uint32_t batch, uint8_t province)
{
#define CONCERNS(payer, payee) \
    (province == PROVINCE_CENTRE || province == (payer) || province == (payee))
    for (uint32_t i = 0; i < m->records.count; i++) {
        struct desk_record *record = &m->records.list[i];
        if (record->batch == batch && CONCERNS(record->facts.payer, record->facts.payee))
            record->batch = 0;
    }
    for (uint32_t i = 0; i < m->cells.count; i++) {
        struct frozen_row *cell = &m->cells.list[i];
        if (cell->batch == batch && CONCERNS(cell->cell.payer, cell->cell.payee)) cell->batch = 0;
    }
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        struct recovery_row *row = &m->recoveries.list[i];
        if (row->batch == batch && CONCERNS(row->cell.payer, row->cell.payee)) row->batch = 0;
    }
    for (uint32_t i = 0; i < m->carries.count; i++) {
        struct carry_row *row = &m->carries.list[i];
        if (row->into == batch && CONCERNS(row->payer, row->payee)) row->into = 0;
    }
#undef CONCERNS
}

static bool abort_batch(struct desk_model *m, struct desk_batch *batch)
{
    if (batch->row.state < BATCH_CUT || batch->row.state > BATCH_PUBLISHED)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (m->decide) {
        batch->lines = desk_provinces(m, batch->row.id);
        if (batch->shown == NULL) desk_keep_shown(m, batch);
        desk_release(m, batch->row.id, PROVINCE_CENTRE);
        come_into(m, batch, BATCH_ABORTED);
    }
    return done_with(m, batch);
}

static bool archive(struct desk_model *m, struct desk_batch *batch)
{
    if (batch->row.state != BATCH_SETTLED) return desk_denied(m, ERROR_WRONG_STATE);
    if (m->decide) come_into(m, batch, BATCH_ARCHIVED);
    return done_with(m, batch);
}

bool desk_step(struct desk_model *m)
{
    const struct order *order = m->order;
    if (!desk_must_be_centre(m)) return false;
    if (!desk_month_valid(order->period)) return desk_denied(m, ERROR_PERIOD_ORDER);
    if (order->step != STEP_ARCHIVE && !desk_must_be_open(m, order->period)) return false;
    struct desk_batch *batch = (struct desk_batch *)(uintptr_t)desk_batch_of(m, order->period);
    if (batch == NULL) return desk_denied(m, ERROR_NOT_FOUND);
    switch (order->step) {
    case STEP_COMPUTE:
        return compute(m, batch);
    case STEP_PUBLISH:
        return publish(m, batch);
    case STEP_CLOSE_SIGNING:
        return close_signing(m, batch);
    case STEP_NOTICE:
        return desk_notices(m, batch);
    case STEP_ABORT:
        return abort_batch(m, batch);
    case STEP_UNWIND:
        return desk_unwind(m, batch, order->payer);
    default:
        return archive(m, batch);
    }
}

/* -- the end of a year --------------------------------------------------------------------------
 */

/* Something of the year is not cleared, or is not paid. */
static bool has_open(const struct desk_model *m, uint32_t year)
{
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        if (record->facts.period / 100 == year && !desk_handed_over(m, record->facts.period) &&
            desk_stands(m->view, record)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < m->cells.count; i++) {
        if (m->cells.list[i].cell.period / 100 == year && m->cells.list[i].batch == 0) return true;
    }
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        const struct desk_exception *exception = &m->exceptions.list[i];
        const struct desk_record *record = &m->records.list[exception->record];
        if (record->facts.period / 100 == year && exception->carved && record->batch == 0 &&
            (exception->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) == 0) {
            return true;
        }
    }
    for (uint32_t i = 0; i < m->batches.count; i++) {
        const struct batch_row *row = &m->batches.list[i].row;
        if (row->period / 100 == year && row->state < BATCH_SETTLED) return true;
    }
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        const struct recovery_row *row = &m->recoveries.list[i];
        if (row->cell.period / 100 == year && row->batch == 0) return true;
    }
    for (uint32_t i = 0; i < m->carries.count; i++) {
        const struct carry_row *row = &m->carries.list[i];
        if (row->period / 100 == year && row->into == 0) return true;
    }
    return false;
}

bool desk_year_close(struct desk_model *m)
{
    const uint32_t year = m->order->period;
    char ref[NUMBER_SIZE];
    (void)snprintf(ref, sizeof ref, "%u", year);
    if (year < 2000 || year > 2999) return desk_denied(m, ERROR_MALFORMED);
    if (year > m->view->closed_year && m->view->cut_through < year * 100 + 12)
        return desk_denied(m, ERROR_PERIOD_ORDER);
    if (desk_seen(m)) return m->answer.code == 0;
    if (year <= m->view->closed_year) return desk_again(m, ref);
    if (has_open(m, year)) return desk_denied(m, ERROR_RECON_OPEN);
    return desk_done(m, ref);
}
