/* desk_agenda -- what falls due in a month, and who must act: docs/rules.md, Agenda, once more. */
#include <stdio.h>

#include "tests/model/desk_internal.h"
#include "tests/model/desk_tables.h"

struct agenda {
    const struct desk_model *m;
    const struct desk_months *months;
    uint32_t month;
    uint32_t today;
    int64_t now_ms;
    bool current; /* The month of now: what is late is told, too. */
    desk_items *items;
};

/* What somebody has still to do. */
struct open {
    uint64_t count;
    int64_t amount;
};

static int64_t value_of(const struct agenda *a, enum setting setting)
{
    return desk_setting(a->m, setting, a->now_ms);
}

static uint32_t month_later(uint32_t month, int64_t count)
{
    const int64_t months = (int64_t)(month / 100) * 12 + month % 100 - 1 + count;
    return (uint32_t)(months / 12 * 100 + months % 12 + 1);
}

/* That day of a month, or its last one. */
static uint32_t day_in(uint32_t month, int64_t day)
{
    const uint32_t last = desk_days_later(month_later(month, 1) * 100 + 1, -1);
    return month * 100 + day < last ? (uint32_t)(month * 100 + day) : last;
}

static void tell(struct agenda *a, enum desk_severity severity, uint32_t day, const char *what,
                 uint32_t period, uint8_t who, const char *ref, struct open open)
{
    struct desk_item *item = DESK_ADD(*a->items);
    *item = (struct desk_item){
        .day = day,
        .period = period,
        .who = who < PROVINCE_COUNT ? who : PROVINCE_CENTRE,
        .severity = (uint8_t)severity,
        .count = open.count,
        .amount = open.amount,
    };
    (void)snprintf(item->what, sizeof item->what, "%s", what);
    (void)snprintf(item->ref, sizeof item->ref, "%s", ref);
}

/* Told when its day is in the month, or when it is late now. */
static void tell_day(struct agenda *a, bool done, uint32_t day, const char *what, uint32_t period,
                     uint8_t who, const char *ref, struct open open)
{
    const bool late = !done && day < a->today;
    if (day / 100 == a->month || (late && a->current && day / 100 < a->month)) {
        tell(a,
             done              ? DESK_DONE
             : late            ? DESK_LATE
             : day == a->today ? DESK_TODAY
                               : DESK_COMING,
             day, what, period, who, ref, open);
    }
}

/* Each that has something open; or, once, that it is done. */
static void tell_each(struct agenda *a, uint32_t day, const char *what, uint32_t period,
                      const char *ref, const struct open open[PROVINCE_COUNT])
{
    bool done = true;
    for (uint8_t who = 0; who < PROVINCE_COUNT; who++) {
        if (open[who].count == 0) continue;
        tell_day(a, false, day, what, period, who, ref, open[who]);
        done = false;
    }
    if (done) tell_day(a, true, day, what, period, PROVINCE_CENTRE, ref, (struct open){0});
}

/* -- the steps of a month ------------------------------------------------------------------------
 */

static const struct desk_batch *live_batch(const struct desk_model *m, uint32_t period)
{
    const struct desk_batch *batch = desk_batch_of(m, period);
    return batch == NULL || batch->row.state == BATCH_ABORTED ? NULL : batch;
}

static void tell_signing(struct agenda *a, const struct desk_batch *batch, const char *name)
{
    struct open open[PROVINCE_COUNT] = {0};
    const struct batch_row *row = &batch->row;
    for (uint8_t who = 0; who < PROVINCE_COUNT && row->state == BATCH_PUBLISHED; who++) {
        const struct sign_row *sign = desk_sign_of(a->m, row->id, who);
        if ((batch->shown_lines >> who & 1) == 0) continue;
        if (sign == NULL || sign->state == SIGN_NONE || sign->version != row->published_version) {
            open[who].count = 1;
        } else if (sign->state == SIGN_OBJECTED && a->current) {
            tell(a, DESK_ALARM, desk_day(sign->at_ms), "objection", row->period, PROVINCE_CENTRE,
                 name, (struct open){.count = 1});
        }
    }
    tell_each(a, desk_sign_due(a->m, batch), "sign", row->period, name, open);
}

static void tell_month(struct agenda *a, uint32_t period)
{
    const struct desk_batch *batch = live_batch(a->m, period);
    const uint8_t state = batch == NULL ? BATCH_OPEN : batch->row.state;
    const uint32_t next = month_later(period, 1);
    struct open recon[PROVINCE_COUNT] = {0}, nobody[PROVINCE_COUNT] = {0}, total = {0};
    char name[NUMBER_SIZE] = "";
    if (batch != NULL) {
        desk_batch_name(batch, name);
        total = (struct open){batch->row.count, batch->row.gross};
    }
    for (uint32_t i = 0; i < a->m->differences.count && state < BATCH_NOTICED; i++) {
        const struct difference_row *row = &a->m->differences.list[i];
        struct open *open = &recon[row->side == SIDE_PAYER ? row->payer : row->payee];
        if (!row->open || row->period != period) continue;
        open->count++;
        open->amount += row->at_centre ? row->our_medfee : row->their_medfee;
    }
    tell_each(a, day_in(next, value_of(a, SETTING_RECON_DONE_DAY)), "recon", period, name, recon);
    tell_each(a, day_in(next, value_of(a, SETTING_DECLARE_DAY)), "confirm", period, name, nobody);
    tell_day(a, state >= BATCH_COMPUTED, day_in(next, value_of(a, SETTING_COMPUTE_DAY)), "compute",
             period, PROVINCE_CENTRE, name, total);
    if (state >= BATCH_PUBLISHED) {
        tell_signing(a, batch, name);
    } else {
        tell_day(a, false, day_in(next, value_of(a, SETTING_SIGN_DAY)), "sign", period,
                 PROVINCE_CENTRE, name, (struct open){0});
    }
    tell_day(a, state >= BATCH_NOTICED, day_in(next, value_of(a, SETTING_NOTICE_DAY)), "notice",
             period, PROVINCE_CENTRE, name, total);
}

static bool holds_something(const struct agenda *a, uint32_t period)
{
    for (uint32_t i = 0; i < a->months->count; i++) {
        if (a->months->list[i] == period) return true;
    }
    return false;
}

/* It is cut with nothing in it, or long over. */
static bool owes_nothing(const struct agenda *a, uint32_t period)
{
    return desk_batch_of(a->m, period) == NULL && !holds_something(a, period) &&
           (period <= a->months->cut_through || period < month_later(a->month, -1));
}

/* From the first month that anything is known of. */
static uint32_t first_month(const struct agenda *a)
{
    uint32_t first = month_later(a->month, -1);
    for (uint32_t i = 0; i < a->m->batches.count; i++) {
        const uint32_t period = a->m->batches.list[i].row.period;
        if (period < first) first = period;
    }
    for (uint32_t i = 0; i < a->months->count; i++) {
        if (a->months->list[i] < first) first = a->months->list[i];
    }
    return first;
}

/* -- notices and disputes ------------------------------------------------------------------------
 */

static void tell_notice(struct agenda *a, const struct notice_row *n)
{
    if (n->state == NOTICE_CANCELLED) return;
    if (n->reported > 0 || a->today <= n->file_due) {
        tell_day(a, n->reported > 0, n->file_due, "file", n->period, n->payer, n->number,
                 (struct open){1, n->amount});
    }
    tell_day(a, n->reported >= n->amount, n->transfer_due, "transfer", n->period, n->payer,
             n->number, (struct open){1, n->amount - n->reported});
    tell_day(a, n->state == NOTICE_SETTLED, n->feedback_due, "feedback", n->period,
             n->reported > n->received ? n->payee : n->payer, n->number,
             (struct open){1, n->amount - n->received});
}

static void tell_dispute(struct agenda *a, const struct dispute_row *d)
{
    const struct open open = {1, d->amount};
    if (d->state == DISPUTE_RESOLVED) return;
    if (d->state == DISPUTE_OPEN && a->today <= d->reply_due)
        tell_day(a, false, d->reply_due, "dispute-reply", d->period, d->payee, d->dispute_no, open);
    tell_day(a, false, d->resolve_due, "dispute-resolve", d->period, PROVINCE_CENTRE, d->dispute_no,
             open);
}

/* -- years ---------------------------------------------------------------------------------------
 */

static struct open open_of_year(const struct desk_model *m, uint32_t year)
{
    struct open open = {0};
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        const struct desk_exception *exception = &m->exceptions.list[i];
        const struct desk_record *record = &m->records.list[exception->record];
        const bool waits = exception->carved && record->batch == 0;
        if (record->facts.period / 100 != year ||
            (exception->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0 ||
            ((exception->flags & EXCEPTION_BLOCKING) == 0 && !waits)) {
            continue;
        }
        open.count++;
        open.amount += desk_sum(record->facts.funds);
    }
    for (uint32_t i = 0; i < m->cells.count; i++) {
        const struct frozen_row *cell = &m->cells.list[i];
        if (cell->cell.period / 100 != year || cell->batch != 0) continue;
        open.count += cell->count;
        open.amount += desk_sum(cell->funds);
    }
    for (uint32_t i = 0; i < m->notices.count; i++) {
        const struct notice_row *n = &m->notices.list[i];
        if (n->batch == 0 || n->period / 100 != year || n->state == NOTICE_SETTLED ||
            n->state == NOTICE_CANCELLED) {
            continue;
        }
        open.count++;
        open.amount += n->amount - n->received;
    }
    return open;
}

static void tell_years(struct agenda *a, uint32_t first)
{
    const uint32_t year = a->month / 100, last = year - 1, december = last * 100 + 12;
    const struct desk_batch *batch = live_batch(a->m, december);
    const int64_t cut = value_of(a, SETTING_YEAR_CUT);
    const int64_t set = value_of(a, SETTING_PREFUND_YEAR_DAY);
    bool is_set = false;
    char ref[NUMBER_SIZE];
    if (first / 100 <= last) {
        const struct open open = open_of_year(a->m, last);
        const bool cleared = batch != NULL && batch->row.state >= BATCH_NOTICED && open.count == 0;
        (void)snprintf(ref, sizeof ref, "%u", last);
        tell_day(a, cleared || a->months->closed_year >= last,
                 day_in(year * 100 + (uint32_t)cut / 100, cut % 100), "year-cut", december,
                 PROVINCE_CENTRE, ref, open);
    }
    for (uint32_t i = 0; i < a->m->prefunds.count; i++)
        is_set = is_set || a->m->prefunds.list[i].year >= year;
    if (!is_set && batch == NULL) return;
    (void)snprintf(ref, sizeof ref, "%u", year);
    tell_day(a, is_set, day_in(year * 100 + (uint32_t)set / 100, set % 100), "prefund-year", year,
             PROVINCE_CENTRE, ref, (struct open){0});
}

/* -- what is about now ---------------------------------------------------------------------------
 */

static void tell_held(struct agenda *a)
{
    struct open open[PROVINCE_COUNT] = {0};
    for (uint32_t i = 0; i < a->m->exceptions.count; i++) {
        const struct desk_exception *exception = &a->m->exceptions.list[i];
        const struct record_facts *facts = &a->m->records.list[exception->record].facts;
        const uint32_t until =
            month_later(exception->held_since, 1 + value_of(a, SETTING_MAX_DELAY_MONTHS));
        if ((exception->flags & EXCEPTION_HELD) == 0 || until >= a->today / 100 ||
            (exception->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) {
            continue;
        }
        open[facts->payee].count++;
        open[facts->payee].amount += desk_sum(facts->funds);
    }
    for (uint8_t who = 0; who < PROVINCE_COUNT; who++) {
        if (open[who].count != 0)
            tell(a, DESK_ALARM, a->today, "hold-overage", month_later(a->month, -1), who, "",
                 open[who]);
    }
}

static bool has_asked(const struct desk_model *m, uint32_t period, const struct desk_use *use)
{
    for (uint32_t i = 0; i < m->applications.count; i++) {
        const struct application_row *row = &m->applications.list[i];
        if (row->period == period && row->payee == use->payee &&
            (use->payer == PROVINCE_CENTRE || use->payer == row->payer)) {
            return true;
        }
    }
    return false;
}

static void tell_use(struct agenda *a, uint32_t period, const struct desk_use *use)
{
    const struct desk_batch *batch = desk_batch_of(a->m, period);
    const struct open open = {use->use_bp, use->cleared};
    const bool red = use->alert == DESK_RED;
    char ref[NUMBER_SIZE] = "";
    if (use->alert == DESK_CALM) return;
    if (use->payer != PROVINCE_CENTRE)
        (void)snprintf(ref, sizeof ref, "%02u-%02u", province_codes[use->payer],
                       province_codes[use->payee]);
    tell(a, red ? DESK_ALARM : DESK_COMING, desk_day(batch->row.at_ms[BATCH_COMPUTED]),
         red ? "prefund-red" : "prefund-yellow", period, use->payee, ref, open);
    const uint32_t due = desk_apply_due(a->m, batch, use->payee, a->now_ms);
    if (red && !has_asked(a->m, period, use) && due >= a->today)
        tell(a, due == a->today ? DESK_TODAY : DESK_COMING, due, "emergency-window", period,
             use->payee, ref, open);
}

static void tell_deposits(struct agenda *a)
{
    static struct desk_use uses[DESK_USES_MAX];
    uint32_t period = 0, count;
    const uint32_t pairs = desk_uses(a->m, &period, a->now_ms, uses, &count);
    const bool by_pair = value_of(a, SETTING_PREFUND_ALERT_SCOPE) == 1;
    for (uint32_t i = by_pair ? 0 : pairs; i < (by_pair ? pairs : count); i++)
        tell_use(a, period, &uses[i]);
    for (uint32_t i = 0; i < a->m->applications.count; i++) {
        const struct application_row *row = &a->m->applications.list[i];
        char ref[NUMBER_SIZE];
        if (row->state != APPLICATION_OPEN) continue;
        (void)snprintf(ref, sizeof ref, "%06u-%02u-%02u", row->period, province_codes[row->payer],
                       province_codes[row->payee]);
        tell(a, DESK_TODAY, desk_day(row->at_ms), "emergency", row->period, PROVINCE_CENTRE, ref,
             (struct open){1, row->amount});
    }
}

/* -- all of it -----------------------------------------------------------------------------------
 */

static int by_day(const void *left, const void *right)
{
    const struct desk_item *a = left, *b = right;
    const int what = strcmp(a->what, b->what);
    if (a->day != b->day) return a->day < b->day ? -1 : 1;
    if (what != 0) return what;
    if (a->who != b->who) return a->who < b->who ? -1 : 1;
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    return strcmp(a->ref, b->ref);
}

void desk_agenda(const struct desk_model *m, uint32_t month, int64_t now_ms,
                 const struct desk_months *months, desk_items *ret_items)
{
    const uint32_t today = desk_day(now_ms);
    struct agenda a = {
        .m = m,
        .months = months,
        .month = month,
        .today = today,
        .now_ms = now_ms,
        .current = month == today / 100,
        .items = ret_items,
    };
    memset(ret_items, 0, sizeof *ret_items);
    const uint32_t first = first_month(&a);
    for (uint32_t period = first; period < month; period = month_later(period, 1)) {
        if (!owes_nothing(&a, period)) tell_month(&a, period);
    }
    for (uint32_t i = 0; i < m->notices.count; i++)
        tell_notice(&a, &m->notices.list[i]);
    for (uint32_t i = 0; i < m->disputes.count; i++)
        tell_dispute(&a, &m->disputes.list[i]);
    tell_years(&a, first);
    if (a.current) {
        tell_held(&a);
        tell_deposits(&a);
    }
    if (ret_items->count > 1)
        qsort(ret_items->list, ret_items->count, sizeof *ret_items->list, by_day);
}
