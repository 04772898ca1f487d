/* agenda -- what falls due in a month, what is late now, and who must act (docs/rules.md, Agenda).
 *
 * Only looks: every item follows from rows, the settings in force now and the calendar, so nothing
 * here can be forgotten or go stale. Must not know how an order is judged. */
#include <stdio.h>
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"

enum severity {
    DONE = 0,
    COMING = 1,
    TODAY = 2,
    LATE = 3,
    ALARM = 4
};

#define NO_BATCH_NAME ""
#define FIRST_ROOM    64

struct agenda {
    const struct cycle *cycle;
    const struct facts *facts;
    uint32_t month;
    int64_t now_ms;
    uint32_t today;
    bool current; /* The month is now's: what is late is told, too. */
    bool no_memory;
    struct agenda_item *items;
    size_t count;
    size_t room;
};

/* What is open at each province. */
struct open_at {
    uint64_t count;
    int64_t amount;
};

static int64_t value_of(const struct agenda *a, enum setting setting)
{
    return setting_at(a->cycle, setting, a->now_ms);
}

static void append(struct agenda *a, const struct agenda_item *item)
{
    if (a->count == a->room) {
        const size_t room = a->room == 0 ? FIRST_ROOM : 2 * a->room;
        struct agenda_item *more = realloc(a->items, room * sizeof *more);
        a->no_memory |= more == NULL;
        if (more == NULL) return;
        a->items = more;
        a->room = room;
    }
    a->items[a->count++] = *item;
}

/* An item as it stands, whatever its day; the clearing account's part is the centre's. */
static void add_as(struct agenda *a, enum severity severity, uint32_t day, const char *what,
                   uint32_t period, uint8_t who, const char *ref, struct open_at open)
{
    struct agenda_item item = {
        .day = day,
        .period = period,
        .who = who < PROVINCE_COUNT ? who : PROVINCE_CENTRE,
        .severity = (uint8_t)severity,
        .count = open.count,
        .amount = open.amount,
    };
    (void)snprintf(item.what, sizeof item.what, "%s", what);
    (void)snprintf(item.ref, sizeof item.ref, "%s", ref);
    append(a, &item);
}

/* An item with a day: told when its day is in the month, or when it is late now. */
static void add(struct agenda *a, bool is_done, uint32_t day, const char *what, uint32_t period,
                uint8_t who, const char *ref, struct open_at open)
{
    const bool late = !is_done && day < a->today;
    if (day / 100 != a->month && !(late && a->current && day / 100 < a->month)) return;
    const enum severity severity = is_done ? DONE : late ? LATE : day == a->today ? TODAY : COMING;
    add_as(a, severity, day, what, period, who, ref, open);
}

/* A step of all provinces: those that have something open, or that it is done. */
static void add_provinces(struct agenda *a, uint32_t day, const char *what, uint32_t period,
                          const char *ref, const struct open_at open[PROVINCE_COUNT])
{
    bool is_done = true;
    for (uint8_t who = 0; who < PROVINCE_COUNT; who++) {
        if (open[who].count == 0) continue;
        is_done = false;
        add(a, false, day, what, period, who, ref, open[who]);
    }
    if (is_done) add(a, true, day, what, period, PROVINCE_CENTRE, ref, (struct open_at){0});
}

/* -- the steps of a period --------------------------------------------------------------------- */

/* Its live batch; NULL when it has none. */
static const struct batch_row *live_batch(const struct cycle *cycle, uint32_t period)
{
    const struct batch_row *batch = cycle_batch(cycle, period);
    return batch == NULL || batch->state == BATCH_ABORTED ? NULL : batch;
}

static uint32_t step_day(const struct agenda *a, uint32_t period, enum setting setting)
{
    return calendar_month_day(calendar_month_add(period, 1), (uint32_t)value_of(a, setting));
}

static void open_differences(const struct agenda *a, uint32_t period,
                             struct open_at open[PROVINCE_COUNT])
{
    for (uint32_t i = 0; i < cycle_count(a->cycle, ROW_DIFFERENCE); i++) {
        const struct difference_row *row = cycle_row(a->cycle, ROW_DIFFERENCE, i);
        if (!row->open || row->period != period) continue;
        struct open_at *at = &open[row->side == SIDE_PAYER ? row->payer : row->payee];
        at->count++;
        at->amount += row->at_centre ? row->our_medfee : row->their_medfee;
    }
}

static void open_cells(const struct agenda *a, uint32_t period, int64_t recon_required,
                       struct open_at recon[PROVINCE_COUNT], struct open_at confirm[PROVINCE_COUNT])
{
    size_t count;
    struct cell_state *states =
        cycle_cell_states(a->cycle, period, a->facts->cells, a->facts->cell_count, &count);
    for (size_t i = 0; i < count; i++) {
        const struct cell_state *state = &states[i];
        const struct open_at cell = {.count = 1, .amount = state->amount};
        struct open_at *at[3] = {NULL, NULL, NULL};
        if (recon_required >= 1 && !state->reconciled[SIDE_PAYER])
            at[0] = &recon[state->cell.payer];
        if (recon_required == 2 && !state->reconciled[SIDE_PAYEE])
            at[1] = &recon[state->cell.payee];
        if (!state->confirmed) at[2] = &confirm[state->cell.payee];
        for (int k = 0; k < 3; k++) {
            if (at[k] == NULL) continue;
            at[k]->count += cell.count;
            at[k]->amount += cell.amount;
        }
    }
    free(states);
}

/* Reconciled by the 3rd, confirmed and declared by the 20th. Once the notices are out what is still
 * open goes on by itself and is told where it is held. */
static void add_cells(struct agenda *a, uint32_t period, bool noticed, const char *name)
{
    struct open_at recon[PROVINCE_COUNT] = {0};
    struct open_at confirm[PROVINCE_COUNT] = {0};
    const int64_t recon_required = value_of(a, SETTING_RECON_REQUIRED);
    const bool confirm_required = value_of(a, SETTING_CONFIRM_REQUIRED) != 0;
    if (!noticed) {
        if (recon_required != 0 || confirm_required)
            open_cells(a, period, recon_required, recon, confirm);
        if (recon_required == 0) open_differences(a, period, recon);
        if (!confirm_required) memset(confirm, 0, sizeof confirm);
    }
    add_provinces(a, step_day(a, period, SETTING_RECON_DONE_DAY), "recon", period, name, recon);
    add_provinces(a, step_day(a, period, SETTING_DECLARE_DAY), "confirm", period, name, confirm);
}

static void add_signatures(struct agenda *a, const struct batch_row *batch, const char *name)
{
    struct open_at open[PROVINCE_COUNT] = {0};
    const uint32_t due = batch_sign_due(a->cycle, batch);
    const uint32_t asked = batch_provinces(a->cycle, batch, batch->published_version);
    for (uint8_t who = 0; who < PROVINCE_COUNT && batch->state == BATCH_PUBLISHED; who++) {
        const struct sign_row key = {.batch = batch->id, .province = who};
        const struct sign_row *sign = cycle_find(a->cycle, ROW_SIGN, &key);
        if ((asked >> who & 1) == 0) continue;
        if (sign == NULL || sign->state == SIGN_NONE || sign->version != batch->published_version) {
            open[who].count = 1;
        } else if (sign->state == SIGN_OBJECTED && a->current) {
            add_as(a, ALARM, civil_day(sign->at_ms), "objection", batch->period, PROVINCE_CENTRE,
                   name, (struct open_at){.count = 1});
        }
    }
    add_provinces(a, due, "sign", batch->period, name, open);
}

/* A month with nothing in it gets no batch once it is cut, and needs none; nobody waits for one
 * that is long over. */
static bool needs_no_batch(const struct agenda *a, uint32_t period)
{
    if (cycle_batch(a->cycle, period) != NULL) return false;
    for (size_t i = 0; i < a->facts->cell_count; i++) {
        if (a->facts->cells[i].key.period == period) return false;
    }
    return period <= a->facts->cut_through || period < calendar_month_add(a->month, -1);
}

static void add_period(struct agenda *a, uint32_t period)
{
    if (needs_no_batch(a, period)) return;
    const struct batch_row *batch = live_batch(a->cycle, period);
    const uint8_t state = batch == NULL ? BATCH_OPEN : batch->state;
    struct open_at total = {0};
    char name[NUMBER_SIZE] = NO_BATCH_NAME;
    if (batch != NULL) {
        batch_name(batch, name);
        total = (struct open_at){.count = batch->count, .amount = batch->gross};
    }
    add_cells(a, period, state >= BATCH_NOTICED, name);
    add(a, state >= BATCH_COMPUTED, step_day(a, period, SETTING_COMPUTE_DAY), "compute", period,
        PROVINCE_CENTRE, name, total);
    if (state >= BATCH_PUBLISHED) {
        add_signatures(a, batch, name);
    } else { /* Nobody can sign before the tables are published. */
        add(a, false, step_day(a, period, SETTING_SIGN_DAY), "sign", period, PROVINCE_CENTRE, name,
            (struct open_at){0});
    }
    add(a, state >= BATCH_NOTICED, step_day(a, period, SETTING_NOTICE_DAY), "notice", period,
        PROVINCE_CENTRE, name, total);
}

/* The first month that anything is known of, or the one before the agenda's. */
static uint32_t first_period(const struct agenda *a)
{
    uint32_t first = calendar_month_add(a->month, -1);
    for (uint32_t i = 0; i < cycle_count(a->cycle, ROW_BATCH); i++) {
        const struct batch_row *batch = cycle_row(a->cycle, ROW_BATCH, i);
        if (batch->period < first) first = batch->period;
    }
    for (size_t i = 0; i < a->facts->cell_count; i++) {
        const uint32_t period = a->facts->cells[i].key.period;
        if (period < first) first = period;
    }
    return first;
}

/* -- notices and disputes ---------------------------------------------------------------------- */

/* The engine is not told of filings: that day is a reminder and never late. */
static void add_notice(struct agenda *a, const struct notice_row *notice)
{
    const bool paid = notice->reported >= notice->amount;
    const bool in_transit = notice->reported > notice->received;
    const struct open_at whole = {1, notice->amount};
    const struct open_at unpaid = {1, notice->amount - notice->reported};
    const struct open_at unsettled = {1, notice->amount - notice->received};
    if (notice->state == NOTICE_CANCELLED) return;
    if (notice->reported > 0 || a->today <= notice->file_due) {
        add(a, notice->reported > 0, notice->file_due, "file", notice->period, notice->payer,
            notice->number, whole);
    }
    add(a, paid, notice->transfer_due, "transfer", notice->period, notice->payer, notice->number,
        unpaid);
    add(a, notice->state == NOTICE_SETTLED, notice->feedback_due, "feedback", notice->period,
        in_transit ? notice->payee : notice->payer, notice->number, unsettled);
}

static void add_dispute(struct agenda *a, const struct dispute_row *dispute)
{
    const struct open_at open = {1, dispute->amount};
    if (dispute->state == DISPUTE_RESOLVED) return;
    if (dispute->state == DISPUTE_OPEN && a->today <= dispute->reply_due) {
        add(a, false, dispute->reply_due, "dispute-reply", dispute->period, dispute->payee,
            dispute->dispute_no, open);
    }
    add(a, false, dispute->resolve_due, "dispute-resolve", dispute->period, PROVINCE_CENTRE,
        dispute->dispute_no, open);
}

/* -- what has waited too long ------------------------------------------------------------------ */

/* A record of month M is cleared in M + 1, and carried over at most to M + 1 + the limit. */
static void add_held(struct agenda *a)
{
    struct open_at open[PROVINCE_COUNT] = {0};
    const int32_t limit = (int32_t)value_of(a, SETTING_MAX_DELAY_MONTHS);
    for (uint32_t i = 0; i < cycle_count(a->cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *row = cycle_row(a->cycle, ROW_EXCEPTION, i);
        if ((row->flags & EXCEPTION_HELD) == 0) continue;
        if ((row->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) continue;
        if (calendar_month_add(row->held_since, 1 + limit) >= a->today / 100) continue;
        open[row->record.payee].count++;
        open[row->record.payee].amount += funds_sum(row->record.funds);
    }
    for (uint8_t who = 0; who < PROVINCE_COUNT; who++) {
        if (open[who].count == 0) continue;
        add_as(a, ALARM, a->today, "hold-overage", calendar_month_add(a->month, -1), who, "",
               open[who]);
    }
}

/* What of a year has not come to its end: cells and records that wait, notices that run. */
static struct open_at open_of_year(const struct cycle *cycle, uint32_t year)
{
    struct open_at open = {0};
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *row = cycle_row(cycle, ROW_EXCEPTION, i);
        if (row->record.period / 100 != year) continue;
        if ((row->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) continue;
        const bool waits = row->carved && row->batch == 0;
        if ((row->flags & EXCEPTION_BLOCKING) == 0 && !waits) continue;
        open.count++;
        open.amount += funds_sum(row->record.funds);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
        const struct frozen_row *row = cycle_row(cycle, ROW_FROZEN, i);
        if (row->cell.period / 100 != year || row->batch != 0) continue;
        open.count += row->count;
        open.amount += funds_sum(row->funds);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE); i++) {
        const struct notice_row *row = cycle_row(cycle, ROW_NOTICE, i);
        if (row->batch == 0 || row->period / 100 != year) continue;
        if (row->state == NOTICE_SETTLED || row->state == NOTICE_CANCELLED) continue;
        open.count++;
        open.amount += row->amount - row->received;
    }
    return open;
}

static void add_year_cut(struct agenda *a, uint32_t first)
{
    const uint32_t year = a->month / 100;
    const uint32_t last = year - 1;
    const uint32_t cut = (uint32_t)value_of(a, SETTING_YEAR_CUT);
    const uint32_t day = calendar_month_day(year * 100 + cut / 100, cut % 100);
    if (first / 100 > last) return; /* Nothing is known of last year. */
    const struct open_at open = open_of_year(a->cycle, last);
    const struct batch_row *december = live_batch(a->cycle, last * 100 + 12);
    const bool cleared = december != NULL && december->state >= BATCH_NOTICED && open.count == 0;
    char ref[NUMBER_SIZE];
    (void)snprintf(ref, sizeof ref, "%u", last);
    add(a, cleared || a->facts->closed_year >= last, day, "year-cut", last * 100 + 12,
        PROVINCE_CENTRE, ref, open);
}

/* -- prefunds ---------------------------------------------------------------------------------- */

static void add_prefund_year(struct agenda *a)
{
    const uint32_t year = a->month / 100;
    const uint32_t value = (uint32_t)value_of(a, SETTING_PREFUND_YEAR_DAY);
    const uint32_t day = calendar_month_day(year * 100 + value / 100, value % 100);
    bool is_set = false;
    char ref[NUMBER_SIZE];
    for (uint32_t i = 0; i < cycle_count(a->cycle, ROW_PREFUND); i++) {
        const struct prefund_row *row = cycle_row(a->cycle, ROW_PREFUND, i);
        is_set |= row->year >= year;
    }
    /* It is made of the last quarter: without that there is nothing to be set. */
    if (!is_set && live_batch(a->cycle, (year - 1) * 100 + 12) == NULL) return;
    (void)snprintf(ref, sizeof ref, "%u", year);
    add(a, is_set, day, "prefund-year", year, PROVINCE_CENTRE, ref, (struct open_at){0});
}

static bool asked_already(const struct agenda *a, uint32_t period, const struct prefund_use *use)
{
    for (uint32_t i = 0; i < cycle_count(a->cycle, ROW_APPLICATION); i++) {
        const struct application_row *row = cycle_row(a->cycle, ROW_APPLICATION, i);
        if (row->period != period || row->payee != use->payee) continue;
        if (use->payer == PROVINCE_CENTRE || row->payer == use->payer) return true;
    }
    return false;
}

/* count: basis points; amount: what the month cleared. */
static void add_alert(struct agenda *a, uint32_t period, const struct prefund_use *use)
{
    const struct batch_row *batch = live_batch(a->cycle, period);
    const struct open_at open = {use->use_bp, use->cleared};
    char ref[NUMBER_SIZE] = "";
    if (use->alert == PREFUND_CALM) return;
    if (use->payer != PROVINCE_CENTRE) {
        (void)snprintf(ref, sizeof ref, "%02u-%02u", province_of(use->payer),
                       province_of(use->payee));
    }
    const bool red = use->alert == PREFUND_RED;
    add_as(a, red ? ALARM : COMING, civil_day(batch->at_ms[BATCH_COMPUTED]),
           red ? "prefund-red" : "prefund-yellow", period, use->payee, ref, open);
    if (!red || asked_already(a, period, use)) return;
    const uint32_t due = prefund_apply_due(a->cycle, batch, use->payee, a->now_ms);
    if (due < a->today) return; /* Not signed yet, or over. */
    add_as(a, due == a->today ? TODAY : COMING, due, "emergency-window", period, use->payee, ref,
           open);
}

static void add_alerts(struct agenda *a)
{
    uint32_t period = 0;
    size_t pairs;
    size_t payees;
    struct prefund_use *uses = cycle_prefund_uses(a->cycle, &period, a->now_ms, &pairs, &payees);
    const bool by_pair = value_of(a, SETTING_PREFUND_ALERT_SCOPE) == 1;
    if (uses == NULL) {
        a->no_memory = true;
        return;
    }
    for (size_t i = by_pair ? 0 : pairs; i < (by_pair ? pairs : pairs + payees); i++)
        add_alert(a, period, &uses[i]);
    free(uses);
}

/* The regulation sets the centre no day for its decision: from the day it is asked it is due. */
static void add_applications(struct agenda *a)
{
    for (uint32_t i = 0; i < cycle_count(a->cycle, ROW_APPLICATION); i++) {
        const struct application_row *row = cycle_row(a->cycle, ROW_APPLICATION, i);
        char ref[NUMBER_SIZE];
        if (row->state != APPLICATION_OPEN) continue;
        (void)snprintf(ref, sizeof ref, "%06u-%02u-%02u", row->period, province_of(row->payer),
                       province_of(row->payee));
        add_as(a, TODAY, civil_day(row->at_ms), "emergency", row->period, PROVINCE_CENTRE, ref,
               (struct open_at){1, row->amount});
    }
}

/* -- all of it --------------------------------------------------------------------------------- */

static int compare_items(const void *left, const void *right)
{
    const struct agenda_item *a = left;
    const struct agenda_item *b = right;
    if (a->day != b->day) return a->day < b->day ? -1 : 1;
    const int what = strcmp(a->what, b->what);
    if (what != 0) return what;
    if (a->who != b->who) return a->who < b->who ? -1 : 1;
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    return strcmp(a->ref, b->ref);
}

struct agenda_item *cycle_agenda(const struct cycle *cycle, uint32_t month, int64_t now_ms,
                                 const struct facts *facts, size_t *ret_count)
{
    struct agenda a = {
        .cycle = cycle,
        .facts = facts,
        .month = month,
        .now_ms = now_ms,
        .today = civil_day(now_ms),
        .current = month == civil_day(now_ms) / 100,
    };
    const uint32_t first = first_period(&a);
    for (uint32_t period = first; period < month; period = calendar_month_add(period, 1))
        add_period(&a, period);
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE); i++)
        add_notice(&a, cycle_row(cycle, ROW_NOTICE, i));
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_DISPUTE); i++)
        add_dispute(&a, cycle_row(cycle, ROW_DISPUTE, i));
    add_year_cut(&a, first);
    add_prefund_year(&a);
    if (a.current) { /* These are about now, not about a month. */
        add_held(&a);
        add_alerts(&a);
        add_applications(&a);
    }
    *ret_count = 0;
    if (a.no_memory) {
        free(a.items);
        return NULL;
    }
    if (a.items == NULL) return calloc(1, sizeof *a.items);
    qsort(a.items, a.count, sizeof *a.items, compare_items);
    *ret_count = a.count;
    return a.items;
}
