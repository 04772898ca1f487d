/* engine_cut -- a month's cut, from what the shards said to its batch, and what a crash left of
 * one.
 *
 *   the shards may -> facts -> would the cycle? -> they cut -> facts, frozen -> decision -> answer
 *
 * engine_centre.c asks the shards; engine_cycle.c judges and journals. */
#include <stdlib.h>

#include "codec/cycle_reply.h"
#include "engine_internal.h"
#include "statement/tables.h"
#include "types/ensure.h"
#include "util/le.h"
#include "util/text.h"

/* -- the cut ----------------------------------------------------------------------------------- */

/* "cut-202503", or with a number behind it "cut-202503-2". */
static void name_cut(uint32_t period, uint32_t number, char ret_msgid[MSGID_SIZE])
{
    struct text text = text_begin(ret_msgid, MSGID_SIZE);
    memset(ret_msgid, 0, MSGID_SIZE);
    text_add(&text, "cut-");
    text_add_int(&text, period);
    if (number < 2) return;
    text_add(&text, "-");
    text_add_int(&text, number);
}

/* A month whose batch was aborted is cut into its next one: that is another order. */
static void name_next_cut(struct home *home, const struct batch_row *aborted)
{
    struct order *order = &home->desk.job.order;
    char usual[MSGID_SIZE];
    name_cut(order->period, 1, usual);
    if (memcmp(usual, order->msgid, sizeof usual) != 0) return;
    name_cut(order->period, aborted->number + 1, order->msgid);
}

/* The order as it is judged before anything is done: it must never be taken for an earlier one. */
static struct order trial_of(const struct order *order)
{
    struct order trial = *order;
    trial.provisional = true;
    memset(trial.msgid, 0, sizeof trial.msgid);
    return trial;
}

/* The batch row among the decision's rows; false: none. */
static bool find_batch(const struct decision *decision, struct batch_row *ret_batch)
{
    for (size_t at = 0; at + 4 <= decision->size;) {
        const uint8_t *head = decision->data + at;
        const uint16_t size = le_load16(head + 2);
        if (le_load16(head) == ROW_BATCH) {
            memcpy(ret_batch, head + 4, sizeof *ret_batch);
            return true;
        }
        at += 4 + ((size + 3u) & ~3u);
    }
    return false;
}

/* Records of the month that are not in its batch as it was cut, and their amount. */
static void left_out_of(const struct home *home, const struct batch_row *batch,
                        struct period_cut_report *report)
{
    const struct cycle *cycle = home->desk.cycle;
    const uint32_t count = cycle_lines(cycle, batch->id, 1, NULL, 0);
    struct line_row *lines = calloc(count + 1, sizeof *lines);
    NEED_MEMORY(lines);
    (void)cycle_lines(cycle, batch->id, 1, lines, count);
    report->left_out = report->row->count;
    report->left_out_amount = report->row->fund + report->row->account;
    for (uint32_t i = 0; i < count; i++) {
        if (lines[i].kind != LINE_OF_CELL) continue;
        report->left_out -= lines[i].count;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            report->left_out_amount -= lines[i].funds[fund];
        report->left_out_amount -= lines[i].deducted;
    }
    free(lines);
}

static void fill_batch(const struct home *home, struct period_cut_report *report)
{
    const struct desk *desk = &home->desk;
    const struct batch_row *live = cycle_batch(desk->cycle, report->row->period);
    struct batch_row made;
    if (report->provisional && find_batch(&desk->decision, &made)) {
        const uint32_t *counts = desk->decision.counts;
        batch_name(&made, report->batch);
        report->batch_count = made.count;
        report->batch_amount = made.gross;
        report->left_out = counts[0];
        report->left_out_amount = (int64_t)((uint64_t)counts[2] << 32 | counts[1]);
    } else if (live != NULL) {
        batch_name(live, report->batch);
        report->batch_count = live->count;
        report->batch_amount = live->gross;
        left_out_of(home, live, report);
    }
}

static void reply_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct facts *facts = &desk->gathering.facts;
    const struct order *order = &desk->job.order;
    const bool cut = facts->cut_through >= order->period;
    struct period_row row;
    struct period_cut_report report = {
        .dup = desk->dup,
        .row = &row,
        .cut_at_ms = desk->cut_at_ms,
        .cut_us = desk->cut_us,
        .provisional = order->provisional && !desk->dup,
    };
    if (desk->gathering.code != ERROR_OK) {
        desk_refuse(home, desk->gathering.code, desk_refusal_text(home));
        return;
    }
    if (!tables_period(facts->cells, facts->cell_count, order->period, cut, &row)) {
        desk_refuse(home, ERROR_AMOUNT_RANGE, "a sum over all shards does not fit into 64 bits");
        return;
    }
    fill_batch(home, &report);
    size_t size;
    uint8_t *payload = period_cut_reply_encode(&report, &size);
    desk_finish(home, payload, size);
}

/* The month's cells once more, all of them, for the answer. */
static void gather_for_answer(struct home *home)
{
    const struct needs needs = {.cells = true, .period = home->desk.job.order.period};
    gather_begin(home, &needs, TALLY_DAY);
    home->desk.phase = CUT_CELLS;
}

static void add_unbatched(struct text *text, uint32_t period)
{
    text_add_int(text, period);
    text_add(text, " is cut on the shards and has no batch");
}

/* A month that the shards have cut and that has no batch is not as if nothing had been ordered. */
static void refuse_cut_decision(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct order *order = &desk->job.order;
    char line[sizeof desk->decision.text + 64];
    struct text text = text_begin(line, sizeof line);
    text_add(&text, decision_text(&desk->decision));
    if (desk->gathering.facts.cut_through >= order->period) {
        text_add(&text, "; ");
        add_unbatched(&text, order->period);
    }
    desk_refuse(home, desk->decision.code, line);
}

static void gather_before(struct home *home)
{
    const struct order trial = trial_of(&home->desk.job.order);
    order_gather(home, &trial);
    home->desk.phase = CUT_GATHER_BEFORE;
}

static void begin_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    struct order *order = &desk->job.order;
    const struct batch_row *batch = cycle_batch(desk->cycle, order->period);
    const uint32_t latest = desk->answers[0].orig_period;
    desk->cut_us = 0;
    desk->cut_at_ms = 0;
    if (desk->dup && batch != NULL && batch->state != BATCH_ABORTED) {
        desk->cut_at_ms = batch->at_ms[BATCH_CUT];
        gather_for_answer(home);
        return;
    }
    if (batch != NULL) name_next_cut(home, batch);
    if (!desk->dup && latest != 0 && cycle_batch(desk->cycle, latest) == NULL) {
        gather_begin(home, &(const struct needs){.cells = true, .period = latest}, TALLY_DAY);
        desk->phase = CUT_LOOK_BACK;
        return;
    }
    gather_before(home);
}

/* A cut's decision may be refused when the shards have cut already: for an old record that cannot
 * be read any more, for a sum. The next month's cut would pass that month over, and its money would
 * never be cleared. Cells whose sum does not fit are cells, too. */
static void look_back(struct home *home)
{
    const struct gathering *g = &home->desk.gathering;
    char line[128];
    struct text text = text_begin(line, sizeof line);
    if (g->code == ERROR_OK && cycle_unfinished_cut(home->desk.cycle, &g->facts) == 0) {
        gather_before(home);
        return;
    }
    add_unbatched(&text, g->needs.period);
    text_add(&text, ": order its cut again first");
    desk_refuse(home, ERROR_PERIOD_ORDER, line);
}

/* The order's name was given to another one. */
static bool name_reused(const struct home *home)
{
    const struct order *order = &home->desk.job.order;
    const struct order_row *before = order_before(home, order);
    return before != NULL && (before->type != order->type || before->hash != order->hash);
}

/* What the cycle would refuse is refused before a shard has cut anything. */
static void try_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct order trial = trial_of(&desk->job.order);
    (void)order_judge(home, &trial);
    if (desk->dup && desk->decision.code != ERROR_OK && desk->gathering.code == ERROR_OK &&
        desk->gathering.facts.cell_count == 0) {
        gather_for_answer(home); /* An empty month, passed over by a later cut: it is cut. */
    } else if (desk->decision.code != ERROR_OK) {
        refuse_cut_decision(home);
    } else if (desk->job.order.provisional) {
        desk->dup = false;
        gather_for_answer(home);
    } else if (name_reused(home)) {
        desk_refuse(home, ERROR_MSGID_REUSED, NULL);
    } else if (desk->dup) {
        desk->dup = false; /* Cut, but without a batch: this makes one. */
        desk->cut_at_ms = desk_clock(home);
        desk->phase = CUT_RELEASED;
    } else {
        desk->phase = CUT_CLOSE;
    }
}

static void decide_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    if (order_judge(home, &desk->job.order)) {
        desk->phase = CUT_DECIDED;
        decision_begin(home);
    } else if (desk->decision.code != ERROR_OK) {
        refuse_cut_decision(home);
    } else {
        desk->dup = desk->decision.dup;
        gather_for_answer(home);
    }
}

void step_cut_order(struct home *home)
{
    switch (home->desk.phase) {
    case CUT_CHECKED:
        begin_cut(home);
        return;
    case CUT_LOOK_BACK:
        if (gather_step(home)) look_back(home);
        return;
    case CUT_GATHER_BEFORE:
        if (gather_step(home)) home->desk.phase = CUT_TRY;
        return;
    case CUT_TRY:
        try_cut(home);
        return;
    case CUT_RELEASED:
        order_gather(home, &home->desk.job.order);
        home->desk.phase = CUT_GATHER;
        return;
    case CUT_GATHER:
        if (gather_step(home)) home->desk.phase = CUT_DECIDE;
        return;
    case CUT_DECIDE:
        decide_cut(home);
        return;
    case CUT_DECIDED:
        decision_apply(home);
        gather_for_answer(home);
        return;
    default:
        if (gather_step(home)) reply_cut(home);
    }
}

/* -- after a crash ----------------------------------------------------------------------------- */

enum unfinished_phase {
    UNFINISHED_DECIDED = 100, /* Behind the phases of levelling. */
    UNFINISHED_ORDER,
    UNFINISHED_LOOK,
};

/* The order that cuts a month, as the operator would have sent it, under a name that no other order
 * has: one that was refused for its name would leave the month without a batch, and with the next
 * month's cut for ever. */
static void make_cut_order(struct home *home, uint32_t period)
{
    const char *field;
    const struct bytes body = desk_number_body(home, period);
    struct order *order = &home->desk.job.order;
    ENSURE(order_decode(MESSAGE_PERIOD_CUT, 0, body, order, &field));
    for (uint32_t number = 2; order_before(home, order) != NULL; number++)
        name_cut(period, number, order->msgid);
}

bool step_unfinished_cuts(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct needs cells = {.cells = true};
    switch (desk->phase) {
    case UNFINISHED_LOOK: {
        if (!gather_step(home)) return false;
        const uint32_t period = cycle_unfinished_cut(desk->cycle, &desk->gathering.facts);
        if (period == 0) return true;
        make_cut_order(home, period);
        order_gather(home, &desk->job.order);
        desk->phase = UNFINISHED_ORDER;
        return false;
    }
    case UNFINISHED_ORDER:
        if (!gather_step(home)) return false;
        if (!order_judge(home, &desk->job.order)) return true; /* Who orders this cut hears why. */
        decision_begin(home);
        desk->phase = UNFINISHED_DECIDED;
        return false;
    case UNFINISHED_DECIDED:
        decision_apply(home);
        break;
    default:
        break;
    }
    gather_begin(home, &cells, TALLY_DAY);
    desk->phase = UNFINISHED_LOOK;
    return false;
}
