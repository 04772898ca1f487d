/* desk_single -- reconciliation, confirmation, recovery and disputes: docs/rules.md once more. */
#include <stdio.h>

#include "tests/model/desk_internal.h"

static bool is_day(uint32_t day)
{
    return desk_month_valid(day / 100) && day % 100 != 0 && desk_days_later(day, 0) == day;
}

static int64_t fund_money(const int64_t *funds)
{
    return desk_sum(funds) - funds[FUND_ACCOUNT];
}

/* -- reconciliation: totals ---------------------------------------------------------------------
 */

static bool find_side(struct desk_model *m, uint8_t payer, uint8_t payee, uint8_t *ret_side)
{
    const uint8_t acting = m->order->acting;
    if (acting >= PROVINCE_COUNT || (acting != payer && acting != payee))
        return desk_denied(m, ERROR_NOT_YOURS);
    *ret_side = acting == payer ? SIDE_PAYER : SIDE_PAYEE;
    return true;
}

static struct recon_row *recon_of(const struct desk_model *m, const struct recon_row *key)
{
    for (uint32_t i = 0; i < m->recons.count; i++) {
        struct recon_row *row = &m->recons.list[i];
        if (memcmp(&row->cell, &key->cell, sizeof row->cell) == 0 && row->day == key->day &&
            row->side == key->side) {
            return row;
        }
    }
    return NULL;
}

/* To have agreed to nothing says something only where there was something before. */
static void put_recon(struct desk_model *m, struct recon_row row)
{
    struct recon_row *before = recon_of(m, &row);
    row.at_ms = m->view->now_ms;
    if (before == NULL && row.count == 0) return;
    *(before != NULL ? before : DESK_ADD(m->recons)) = row;
}

struct figures {
    uint64_t count;
    uint64_t checksum;
    int64_t medfee;
    int64_t fund;
    int64_t acct;
};

/* Of a cell, or of one of its days. A month in the book is as it was handed over. */
static struct figures figures_of(const struct desk_model *m, const struct cell_key *cell,
                                 uint32_t day)
{
    struct figures sum = {0};
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        const struct cell_key its = desk_cell(&record->facts);
        if (memcmp(&its, cell, sizeof its) != 0 || (day != 0 && record->facts.day != day)) continue;
        if (!desk_stands(m->view, record)) continue;
        sum.count++;
        sum.checksum += record->facts.content_hash;
        sum.medfee += record->facts.medfee;
        sum.fund += fund_money(record->facts.funds);
        sum.acct += record->facts.funds[FUND_ACCOUNT];
    }
    return sum;
}

static bool is_equal(const struct desk_model *m, const struct recon_total *total,
                     struct figures *ret_ours)
{
    struct cell_key cell = total->cell;
    cell.period = m->order->period;
    *ret_ours = figures_of(m, &cell, m->order->day);
    return ret_ours->count == total->count && ret_ours->medfee == total->medfee &&
           ret_ours->fund == total->fund && ret_ours->acct == total->acct;
}

void desk_compare_totals(struct desk_model *m)
{
    struct figures ours;
    m->answer.counts[0] = m->answer.counts[1] = 0;
    for (uint32_t i = 0; i < m->order->row_count; i++)
        m->answer.counts[is_equal(m, &m->order->totals[i], &ours) ? 0 : 1]++;
    if (m->answer.counts[1] != 0) m->answer.code = ERROR_TOTALS_DIFFER;
}

bool desk_recon_day(struct desk_model *m)
{
    const struct order *order = m->order;
    uint8_t side = SIDE_PAYER;
    for (uint32_t i = 0; i < order->row_count; i++) {
        const struct cell_key *cell = &order->totals[i].cell;
        if (!find_side(m, cell->payer, cell->payee, &side)) return false;
    }
    if (!desk_month_valid(order->period) || (order->day != 0 && !is_day(order->day)))
        return desk_denied(m, ERROR_MALFORMED);
    if (order->row_count == 0) return true; /* A question. */
    if (!desk_must_be_open(m, order->period)) return false;
    for (uint32_t i = 0; m->decide && i < order->row_count; i++) {
        const struct recon_total *total = &order->totals[i];
        struct figures ours;
        if (!is_equal(m, total, &ours)) continue;
        struct recon_row row = {
            .cell = total->cell, .day = order->day, .count = ours.count, .checksum = ours.checksum};
        row.cell.period = order->period;
        (void)find_side(m, row.cell.payer, row.cell.payee, &row.side);
        put_recon(m, row);
    }
    (void)desk_done(m, "");
    desk_compare_totals(m);
    return true;
}

/* -- reconciliation: lists ----------------------------------------------------------------------
 */

/* A record as either list has it. */
struct listed {
    struct record_ref ref;
    int64_t medfee;
    int64_t fund;
    int64_t acct;
    uint32_t kind;
    uint32_t record; /* The centre's: its place. Of equal ones the first is meant. */
};

struct lists {
    struct listed *ours;
    uint32_t our_count;
    struct listed *theirs;
    uint32_t their_count;
};

static int by_ref(const void *left, const void *right)
{
    const struct listed *a = left, *b = right;
    const struct {
        int64_t a, b;
    } keys[] = {
        {a->ref.insu_admdvs, b->ref.insu_admdvs},
        {a->ref.size, b->ref.size},
        {memcmp(a->ref.setl_id, b->ref.setl_id, sizeof a->ref.setl_id), 0},
        {a->medfee, b->medfee},
        {a->fund, b->fund},
        {a->acct, b->acct},
        {a->kind, b->kind},
        {a->record, b->record},
    };
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (keys[i].a != keys[i].b) return keys[i].a < keys[i].b ? -1 : 1;
    }
    return 0;
}

static struct lists make_lists(const struct desk_model *m)
{
    const struct order *order = m->order;
    struct lists lists = {
        .ours = calloc(m->records.count + 1, sizeof *lists.ours),
        .theirs = calloc(order->row_count + 1, sizeof *lists.theirs),
    };
    ENSURE(lists.ours != NULL && lists.theirs != NULL);
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        const struct record_facts *facts = &record->facts;
        if (facts->day != order->day || facts->payer != order->payer ||
            facts->payee != order->payee || !desk_stands(m->view, record)) {
            continue;
        }
        lists.ours[lists.our_count++] = (struct listed){facts->ref,
                                                        facts->medfee,
                                                        fund_money(facts->funds),
                                                        facts->funds[FUND_ACCOUNT],
                                                        facts->kind,
                                                        i};
    }
    for (uint32_t i = 0; i < order->row_count; i++) {
        const struct recon_item *item = &order->items[i];
        lists.theirs[lists.their_count++] =
            (struct listed){item->ref, item->medfee, item->fund, item->acct, item->refund, 0};
    }
    qsort(lists.ours, lists.our_count, sizeof *lists.ours, by_ref);
    qsort(lists.theirs, lists.their_count, sizeof *lists.theirs, by_ref);
    return lists;
}

static uint8_t differs(const struct listed *ours, const struct listed *theirs)
{
    if (ours->medfee != theirs->medfee || ours->fund != theirs->fund || ours->acct != theirs->acct)
        return DIFF_AMOUNT;
    return (ours->kind == RECORD_REFUND) != (theirs->kind != 0) ? DIFF_FLAG : DIFF_NONE;
}

/* What is different under one id; NULL: that list has it not. */
struct found {
    uint8_t kind;
    const struct listed *ours;
    const struct listed *theirs;
};

static struct found compare_id(uint8_t side, const struct listed *ours, uint32_t our_count,
                               const struct listed *theirs, uint32_t their_count)
{
    const uint8_t lacks = side == SIDE_PAYER ? DIFF_ONLY_PAYEE : DIFF_ONLY_PAYER;
    const uint8_t has = side == SIDE_PAYER ? DIFF_ONLY_PAYER : DIFF_ONLY_PAYEE;
    uint32_t same = 0;
    while (same < our_count && same < their_count && differs(&ours[same], &theirs[same]) == 0)
        same++;
    if (same == our_count && same == their_count) return (struct found){DIFF_NONE, NULL, NULL};
    if (their_count > our_count && their_count > 1) {
        return (struct found){DIFF_DUPLICATE, our_count == 0 ? NULL : ours,
                              &theirs[their_count - 1]};
    }
    if (our_count == 0) return (struct found){has, NULL, theirs};
    if (their_count < our_count) return (struct found){lacks, &ours[same], NULL};
    return (struct found){differs(&ours[same], &theirs[same]), &ours[same], &theirs[same]};
}

static uint32_t flag_of(uint8_t side)
{
    return side == SIDE_PAYER ? EXCEPTION_DIFF_PAYER : EXCEPTION_DIFF_PAYEE;
}

static bool same_list(const struct desk_model *m, const struct difference_row *row, uint8_t side)
{
    return row->day == m->order->day && row->payer == m->order->payer &&
           row->payee == m->order->payee && row->side == side;
}

/* Listed; and what can still be held back is. */
static void put_difference(struct desk_model *m, uint8_t side, const struct found *found)
{
    const struct listed *either = found->ours != NULL ? found->ours : found->theirs;
    struct difference_row row = {
        .day = m->order->day,
        .payer = m->order->payer,
        .payee = m->order->payee,
        .side = side,
        .ref = either->ref,
        .period = m->order->day / 100,
        .kind = found->kind,
        .open = 1,
        .at_ms = m->view->now_ms,
    };
    if (found->ours != NULL) {
        row.at_centre = 1;
        row.period = m->records.list[found->ours->record].facts.period;
        row.our_medfee = found->ours->medfee;
        row.our_fund = found->ours->fund;
        row.our_acct = found->ours->acct;
    }
    if (found->theirs != NULL) {
        row.their_medfee = found->theirs->medfee;
        row.their_fund = found->theirs->fund;
        row.their_acct = found->theirs->acct;
    }
    struct difference_row *before = NULL;
    for (uint32_t i = 0; i < m->differences.count; i++) {
        struct difference_row *other = &m->differences.list[i];
        if (same_list(m, other, side) && desk_same_ref(&other->ref, &row.ref)) before = other;
    }
    *(before != NULL ? before : DESK_ADD(m->differences)) = row;
    if (found->ours == NULL) return;
    struct desk_exception after = desk_exception_for(m, &m->records.list[found->ours->record]);
    const struct desk_batch *batch = desk_batch_by_id(m, m->records.list[after.record].batch);
    if (batch != NULL && batch->row.state >= BATCH_NOTICED) return;
    if ((after.flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) return;
    after.flags |= flag_of(side);
    after.diff_kind = found->kind;
    desk_change(m, &after);
}

/* What an earlier list had shown and this one does not. */
static void close_others(struct desk_model *m, uint8_t side, const struct found *found,
                         uint32_t count)
{
    for (uint32_t i = 0; i < m->differences.count; i++) {
        struct difference_row *row = &m->differences.list[i];
        bool shown = !row->open || !same_list(m, row, side);
        for (uint32_t k = 0; k < count && !shown; k++) {
            const struct listed *its = found[k].ours != NULL ? found[k].ours : found[k].theirs;
            shown = desk_same_ref(&its->ref, &row->ref);
        }
        if (shown) continue;
        row->open = 0;
        row->at_ms = m->view->now_ms;
        const struct desk_exception *exception = desk_exception_of(m, &row->ref);
        if (exception == NULL || (exception->flags & flag_of(side)) == 0) continue;
        struct desk_exception after = *exception;
        after.flags &= ~flag_of(side);
        desk_change(m, &after);
    }
}

/* Every cell with records of the day is reconciled as it is; one that has lost them, with nothing.
 */
static void reconcile(struct desk_model *m, uint8_t side, const struct lists *lists)
{
    const uint32_t day = m->order->day;
    for (uint32_t i = 0; i < lists->our_count; i++) {
        struct recon_row row = {.day = day, .side = side};
        row.cell = desk_cell(&m->records.list[lists->ours[i].record].facts);
        const struct figures figures = figures_of(m, &row.cell, day);
        row.count = figures.count;
        row.checksum = figures.checksum;
        put_recon(m, row);
    }
    for (uint32_t i = 0; i < m->recons.count; i++) {
        struct recon_row row = m->recons.list[i];
        if (row.day != day || row.side != side || row.cell.payer != m->order->payer ||
            row.cell.payee != m->order->payee || figures_of(m, &row.cell, day).count != 0) {
            continue;
        }
        row.count = row.checksum = 0;
        put_recon(m, row);
    }
}

static uint32_t compare_lists(struct desk_model *m, uint8_t side, const struct lists *lists,
                              struct found *found)
{
    uint32_t count = 0;
    for (uint32_t o = 0, t = 0; o < lists->our_count || t < lists->their_count;) {
        const struct listed *ours = &lists->ours[o], *theirs = &lists->theirs[t];
        struct listed a = *ours, b = *theirs;
        a.medfee = b.medfee = a.fund = b.fund = a.acct = b.acct = 0;
        a.kind = b.kind = a.record = b.record = 0;
        const bool ours_first =
            t == lists->their_count || (o < lists->our_count && by_ref(&a, &b) <= 0);
        const struct record_ref *ref = ours_first ? &ours->ref : &theirs->ref;
        uint32_t our_count = 0, their_count = 0;
        while (o + our_count < lists->our_count && desk_same_ref(&ours[our_count].ref, ref))
            our_count++;
        while (t + their_count < lists->their_count && desk_same_ref(&theirs[their_count].ref, ref))
            their_count++;
        found[count] = compare_id(side, ours, our_count, theirs, their_count);
        if (found[count].kind == DIFF_NONE) {
            m->answer.counts[0] += our_count;
        } else {
            m->answer.counts[found[count++].kind]++;
        }
        o += our_count;
        t += their_count;
    }
    return count;
}

bool desk_recon_list(struct desk_model *m)
{
    const struct order *order = m->order;
    uint8_t side = SIDE_PAYER;
    if (order->payer >= PROVINCE_COUNT || order->payee >= PROVINCE_COUNT)
        return desk_denied(m, ERROR_UNKNOWN_AREA);
    if (!find_side(m, order->payer, order->payee, &side)) return false;
    if (order->payer == order->payee) return desk_denied(m, ERROR_SAME_PROVINCE);
    if (!is_day(order->day)) return desk_denied(m, ERROR_MALFORMED);
    if (!desk_must_be_open(m, order->day / 100)) return false;

    struct lists lists = make_lists(m);
    struct found *found = calloc(lists.our_count + lists.their_count + 1, sizeof *found);
    ENSURE(found != NULL);
    const uint32_t count = compare_lists(m, side, &lists, found);
    const int64_t most = desk_setting(m, SETTING_RECON_DIFFERENCES_MAX, m->view->now_ms);
    const bool fits = count <= (uint64_t)most || desk_denied(m, ERROR_TOO_MANY_DIFFERENCES);
    if (fits && m->decide) {
        for (uint32_t i = 0; i < count; i++)
            put_difference(m, side, &found[i]);
        close_others(m, side, found, count);
        reconcile(m, side, &lists);
    }
    free(found);
    free(lists.ours);
    free(lists.theirs);
    char kept[96];
    (void)snprintf(kept, sizeof kept, "%u/%u/%u/%u/%u/%u", m->answer.counts[0], m->answer.counts[1],
                   m->answer.counts[2], m->answer.counts[3], m->answer.counts[4],
                   m->answer.counts[5]);
    return fits && desk_done(m, kept);
}

/* -- confirmation -------------------------------------------------------------------------------
 */

bool desk_names(const struct order *order, const struct cell_key *cell)
{
    const uint8_t payee = order->acting != PROVINCE_CENTRE ? order->acting : order->payee;
    return cell->period == order->period && (payee == PROVINCE_CENTRE || cell->payee == payee) &&
           (order->payer == PROVINCE_CENTRE || cell->payer == order->payer) &&
           (order->line == 0 || cell->line == order->line) &&
           (order->insurance == 0xff || cell->insurance == order->insurance);
}

static struct confirm_row *confirm_of(const struct desk_model *m, const struct cell_key *cell)
{
    for (uint32_t i = 0; i < m->confirms.count; i++) {
        if (memcmp(&m->confirms.list[i].cell, cell, sizeof *cell) == 0) return &m->confirms.list[i];
    }
    return NULL;
}

static void confirm_cell(struct desk_model *m, const struct cell_key *cell, uint64_t count,
                         uint64_t checksum)
{
    struct confirm_row *before = confirm_of(m, cell);
    if (!m->decide || (before != NULL && !before->withdrawn && before->count == count &&
                       before->checksum == checksum)) {
        return;
    }
    struct confirm_row row = {
        .cell = *cell, .count = count, .checksum = checksum, .at_ms = m->view->now_ms};
    memcpy(row.msgid, m->order->msgid, sizeof row.msgid);
    *(before != NULL ? before : DESK_ADD(m->confirms)) = row;
}

static bool confirm_cells(struct desk_model *m)
{
    uint32_t named = 0, waiting = 0;
    if (desk_handed_over(m, m->order->period)) {
        for (uint32_t i = 0; i < m->cells.count; i++) {
            const struct frozen_row *cell = &m->cells.list[i];
            if (!desk_names(m->order, &cell->cell)) continue;
            named++;
            if (cell->batch != 0) continue;
            waiting++;
            confirm_cell(m, &cell->cell, cell->count, cell->checksum);
        }
    } else if (m->view->confirms != NULL) {
        for (uint32_t i = 0; i < m->view->confirm_count; i++) {
            const struct confirm_row *row = &m->view->confirms[i];
            ENSURE(desk_names(m->order, &row->cell));
            confirm_cell(m, &row->cell, row->count, row->checksum);
        }
        named = waiting = 1;
    } else {
        for (uint32_t i = 0; i < m->records.count; i++) {
            const struct desk_record *record = &m->records.list[i];
            const struct cell_key cell = desk_cell(&record->facts);
            if (desk_names(m->order, &cell) && desk_stands(m->view, record)) named++, waiting++;
        }
    }
    if (named == 0) return desk_denied(m, ERROR_NOT_FOUND);
    if (waiting == 0) return desk_denied(m, ERROR_WRONG_STATE);
    return desk_done(m, "");
}

static bool kind_known(uint32_t det_type)
{
    return det_type == 10 || det_type == 20 || det_type == 30 || det_type == 40 || det_type == 99;
}

static const struct dispute_row *dispute_of(const struct desk_model *m, const char *number)
{
    for (uint32_t i = 0; i < m->disputes.count; i++) {
        if (strncmp(m->disputes.list[i].dispute_no, number, MSGID_SIZE - 1) == 0)
            return &m->disputes.list[i];
    }
    return NULL;
}

static bool may_deduct(struct desk_model *m, const struct confirm_item *item,
                       const struct desk_record *record, const struct desk_exception *before)
{
    if (before->posted || record->batch != 0 || (before->flags & EXCEPTION_DISPUTED) != 0)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (!kind_known(item->det_type) || record->facts.kind != RECORD_SETTLEMENT ||
        item->deduct < 0 || item->deduct > desk_sum(record->facts.funds)) {
        return desk_denied(m, ERROR_DEDUCTION);
    }
    const struct dispute_row *dispute =
        before->dispute_no[0] == '\0' ? NULL : dispute_of(m, before->dispute_no);
    if (dispute != NULL && dispute->outcome == OUTCOME_PART &&
        item->deduct < desk_sum(before->deducted)) {
        return desk_denied(m, ERROR_DEDUCTION);
    }
    return true;
}

static bool confirm_record(struct desk_model *m, const struct confirm_item *item,
                           const struct desk_record *record, bool change)
{
    struct desk_exception after = desk_exception_for(m, record);
    const struct desk_exception before = after;
    const bool deducts = item->det_type != 0 || item->deduct != 0;
    const bool held = (before.flags & EXCEPTION_HELD) != 0;
    if (!desk_stands(m->view, record) ||
        (before.flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0)
        return desk_denied(m, ERROR_WRONG_STATE);
    if (item->cnfm_flag == 0) {
        const int64_t last = (record->facts.period / 100 + 1) * INT64_C(10000) +
                             desk_setting(m, SETTING_YEAR_CUT, m->view->now_ms);
        if (!held && m->today > last) return desk_denied(m, ERROR_DEADLINE);
        if (deducts) return desk_denied(m, ERROR_DEDUCTION);
        after.flags |= EXCEPTION_HELD;
        after.held_since = record->facts.period;
    } else {
        if (deducts && !may_deduct(m, item, record, &before)) return false;
        after.flags &= ~EXCEPTION_HELD;
        if (deducts) {
            desk_split(record->facts.funds, item->deduct, after.deducted);
            after.det_type = item->deduct == 0 ? 0 : item->det_type;
        }
    }
    if (memcmp(&after, &before, sizeof after) == 0) return true;
    if (!desk_may_change(m, &after)) return false;
    if (change) desk_change(m, &after);
    return true;
}

static bool confirm_records(struct desk_model *m)
{
    const struct order *order = m->order;
    if (order->row_count > desk_setting(m, SETTING_CONFIRM_PAGE_ROWS, m->view->now_ms))
        return desk_denied(m, ERROR_RANGE_TOO_WIDE);
    for (uint32_t i = 0; i < order->row_count; i++) {
        for (uint32_t k = 0; k < i; k++) {
            if (desk_same_ref(&order->confirms[i].ref, &order->confirms[k].ref))
                return desk_denied(m, ERROR_MALFORMED);
        }
    }
    /* All rows or none. */
    for (int change = 0; change < (m->decide ? 2 : 1); change++) {
        for (uint32_t i = 0; i < order->row_count; i++) {
            const struct confirm_item *item = &order->confirms[i];
            const struct desk_record *record = desk_one(m, &item->ref);
            if (record == NULL || !desk_must_be(m, record->facts.payee)) return false;
            if (order->period != 0 && order->period != record->facts.period)
                return desk_denied(m, ERROR_NOT_FOUND);
            if (!desk_must_be_open(m, record->facts.period)) return false;
            if (!confirm_record(m, item, record, change == 1)) return false;
        }
    }
    return desk_done(m, "");
}

bool desk_confirm(struct desk_model *m)
{
    const struct order *order = m->order;
    if (order->payee < PROVINCE_COUNT && !desk_must_be(m, order->payee)) return false;
    if ((order->period != 0 || order->row_count == 0) && !desk_month_valid(order->period))
        return desk_denied(m, ERROR_MALFORMED);
    if (order->period != 0 && !desk_must_be_open(m, order->period)) return false;
    return order->row_count == 0 ? confirm_cells(m) : confirm_records(m);
}

/* -- withdrawal ---------------------------------------------------------------------------------
 */

static bool is_sent_by(const struct desk_model *m, const char *msgid)
{
    for (uint32_t i = 0; i < m->orders.count; i++) {
        const struct order_row *row = &m->orders.list[i];
        if (row->province == m->order->sender && strncmp(row->msgid, msgid, MSGID_SIZE) == 0)
            return true;
    }
    return false;
}

bool desk_withdraw(struct desk_model *m)
{
    const struct order *order = m->order;
    bool any = false, others = false, before = false;
    for (int change = 0; change < (m->decide ? 2 : 1); change++) {
        for (uint32_t i = 0; i < m->confirms.count; i++) {
            struct confirm_row *row = &m->confirms.list[i];
            const bool mine = order->acting == PROVINCE_CENTRE || row->cell.payee == order->acting;
            if (strncmp(row->msgid, order->number, sizeof row->msgid) != 0) continue;
            if (row->withdrawn) {
                before = before || mine;
                continue;
            }
            if (order->period != 0 && row->cell.period != order->period) continue;
            if (!mine) {
                others = true;
                continue;
            }
            if (!desk_must_be_open(m, row->cell.period)) return false;
            for (uint32_t k = 0; k < m->cells.count; k++) {
                const struct frozen_row *cell = &m->cells.list[k];
                if (memcmp(&cell->cell, &row->cell, sizeof cell->cell) == 0 && cell->batch != 0)
                    return desk_denied(m, ERROR_WRONG_STATE);
            }
            any = true;
            if (change == 0) continue;
            row->withdrawn = 1;
            row->at_ms = m->view->now_ms;
        }
    }
    if (any) return desk_done(m, order->number);
    if (others) return desk_denied(m, ERROR_NOT_YOURS);
    return desk_denied(m, before || is_sent_by(m, order->number) ? ERROR_WRONG_STATE
                                                                 : ERROR_NOT_FOUND);
}

/* -- recovery -----------------------------------------------------------------------------------
 */

bool desk_recovery(struct desk_model *m)
{
    const struct order *order = m->order;
    const struct desk_record *record = desk_one(m, &order->ref);
    if (record == NULL || !desk_must_be(m, record->facts.payee)) return false;
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        const struct recovery_row *row = &m->recoveries.list[i];
        if (strncmp(row->recovery_no, order->number, sizeof row->recovery_no - 1) != 0) continue;
        if (desk_same_ref(&row->ref, &order->ref) && desk_sum(row->funds) == order->amount &&
            row->det_type == order->reason) {
            return desk_again(m, row->recovery_no);
        }
        return desk_denied(m, ERROR_NUMBER_REUSED);
    }
    if (!desk_must_be_open(m, record->facts.period)) return false;
    const struct desk_batch *batch = desk_batch_by_id(m, record->batch);
    if (batch == NULL || batch->row.state < BATCH_NOTICED) return desk_denied(m, ERROR_WRONG_STATE);
    if (!kind_known(order->reason) || record->facts.kind != RECORD_SETTLEMENT)
        return desk_denied(m, ERROR_DEDUCTION);

    const struct desk_exception exception = desk_exception_for(m, record);
    int64_t left[FUND_COUNT];
    for (int fund = 0; fund < FUND_COUNT; fund++)
        left[fund] = record->facts.funds[fund] - exception.deducted[fund];
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        const struct recovery_row *row = &m->recoveries.list[i];
        for (int fund = 0; fund < FUND_COUNT && desk_same_ref(&row->ref, &order->ref); fund++)
            left[fund] -= row->funds[fund];
    }
    if (order->amount <= 0 || order->amount > desk_sum(left))
        return desk_denied(m, ERROR_DEDUCTION);
    if (m->decide) {
        struct recovery_row row = {
            .ref = order->ref,
            .cell = desk_cell(&record->facts),
            .det_type = (uint8_t)order->reason,
            .at_ms = m->view->now_ms,
        };
        (void)snprintf(row.recovery_no, sizeof row.recovery_no, "%.31s", order->number);
        desk_split(left, order->amount, row.funds);
        *DESK_ADD(m->recoveries) = row;
    }
    return desk_done(m, order->number);
}

/* -- disputes -----------------------------------------------------------------------------------
 */

/* Who has signed the published tables has agreed to what stands there. */
static bool has_agreed(const struct desk_model *m, const struct desk_record *record)
{
    const struct desk_batch *batch = desk_batch_by_id(m, record->batch);
    if (batch == NULL) return false;
    const struct sign_row *sign = desk_sign_of(m, batch->row.id, record->facts.payer);
    return sign != NULL && sign->version == batch->row.published_version &&
           (sign->state == SIGN_SIGNED || sign->state == SIGN_SILENT);
}

bool desk_dispute_open(struct desk_model *m)
{
    const struct order *order = m->order;
    const int64_t now = m->view->now_ms;
    const struct desk_record *record = desk_one(m, &order->ref);
    if (record == NULL || !desk_must_be(m, record->facts.payer)) return false;
    const struct dispute_row *before = dispute_of(m, order->number);
    if (before != NULL) {
        if (desk_same_ref(&before->ref, &order->ref) && before->reason == order->reason)
            return desk_again(m, before->dispute_no);
        return desk_denied(m, ERROR_NUMBER_REUSED);
    }
    if (!desk_must_be_open(m, record->facts.period)) return false;
    struct desk_exception exception = desk_exception_for(m, record);
    if (!desk_stands(m->view, record) ||
        (exception.flags & (EXCEPTION_VOID | EXCEPTION_REVERSED | EXCEPTION_DISPUTED)) != 0 ||
        has_agreed(m, record) ||
        (order->reason == 5 && record->facts.medfee < desk_setting(m, SETTING_ASSIST_MIN_FEN, now)))
        return desk_denied(m, ERROR_WRONG_STATE);
    if ((order->reason < 1 || order->reason > 5) && order->reason != 9)
        return desk_denied(m, ERROR_MALFORMED);
    exception.flags |= EXCEPTION_DISPUTED;
    memset(exception.dispute_no, 0, sizeof exception.dispute_no);
    (void)snprintf(exception.dispute_no, sizeof exception.dispute_no, "%.31s", order->number);
    if (!desk_may_change(m, &exception)) return false;
    if (m->decide) {
        struct dispute_row row = {
            .ref = record->facts.ref,
            .payer = record->facts.payer,
            .payee = record->facts.payee,
            .state = DISPUTE_OPEN,
            .reason = order->reason,
            .period = record->facts.period,
            .reply_due = desk_working_days_later(m, m->today,
                                                 desk_setting(m, SETTING_DISPUTE_REPLY_WD, now)),
            .resolve_due = desk_working_days_later(
                m, m->today, desk_setting(m, SETTING_DISPUTE_RESOLVE_WD, now)),
            .amount = desk_sum(record->facts.funds) - desk_sum(exception.deducted),
            .opened_ms = now,
        };
        memcpy(row.dispute_no, exception.dispute_no, sizeof row.dispute_no);
        desk_change(m, &exception);
        *DESK_ADD(m->disputes) = row;
    }
    return desk_done(m, order->number);
}

static struct dispute_row *known_dispute(struct desk_model *m)
{
    struct dispute_row *row = (struct dispute_row *)(uintptr_t)dispute_of(m, m->order->number);
    if (row == NULL) (void)desk_denied(m, ERROR_NOT_FOUND);
    return row;
}

bool desk_dispute_reply(struct desk_model *m)
{
    struct dispute_row *row = known_dispute(m);
    if (row == NULL || !desk_must_be(m, row->payee)) return false;
    if (!desk_must_be_open(m, row->period)) return false;
    if (row->state != DISPUTE_OPEN) return desk_denied(m, ERROR_WRONG_STATE);
    if (m->today > row->reply_due) return desk_denied(m, ERROR_DEADLINE);
    if (m->decide) {
        row->state = m->order->flag ? DISPUTE_CONTESTED : DISPUTE_ACCEPTED;
        row->replied_ms = m->view->now_ms;
    }
    return desk_done(m, row->dispute_no);
}

bool desk_dispute_resolve(struct desk_model *m)
{
    const struct order *order = m->order;
    struct dispute_row *row = known_dispute(m);
    if (row == NULL) return false;
    const bool dropped = order->step == OUTCOME_PAY && order->acting == row->payer;
    if (!dropped && !desk_must_be_centre(m)) return false;
    if (!desk_must_be_open(m, row->period)) return false;
    if (row->state == DISPUTE_RESOLVED) return desk_denied(m, ERROR_WRONG_STATE);
    if (order->step == OUTCOME_PART && (order->amount <= 0 || order->amount >= row->amount))
        return desk_denied(m, ERROR_DEDUCTION);
    if (!m->decide) return desk_done(m, row->dispute_no);
    row->state = DISPUTE_RESOLVED;
    row->outcome = (uint8_t)order->step;
    row->resolved_ms = m->view->now_ms;
    row->resolved = order->step == OUTCOME_PAY    ? row->amount
                    : order->step == OUTCOME_PART ? order->amount
                                                  : 0;
    const struct desk_exception *exception = desk_exception_of(m, &row->ref);
    if (exception != NULL && (exception->flags & EXCEPTION_REVERSED) == 0) {
        struct desk_exception after = *exception;
        const int64_t *funds = m->records.list[after.record].facts.funds;
        after.flags &= ~EXCEPTION_DISPUTED;
        if (order->step == OUTCOME_VOID) after.flags |= EXCEPTION_VOID;
        if (order->step == OUTCOME_PART) {
            desk_split(funds, desk_sum(funds) - row->resolved, after.deducted);
            if (after.det_type == 0) after.det_type = 99;
            after.posted = after.posted || after.carved;
        }
        desk_change(m, &after);
    }
    return desk_done(m, row->dispute_no);
}
