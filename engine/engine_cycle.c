/* engine_cycle -- the desk's orders: facts, judgement, journal, answer.
 *
 *   order -> who may send it -> facts from all shards -> cycle_judge() -> the decision as entries
 * of shard 0 -> durable -> cycle_apply() -> answered
 *
 * Jobs are one at a time, so nothing changes between the judgement and the rows being put. An
 * engine that dies before the last entry is durable has not decided and has not answered. */
#include <stdlib.h>

#include "codec/cycle_reply.h"
#include "cycle/parts.h"
#include "engine_internal.h"
#include "journal/entry.h"
#include "statement/tables.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/le.h"
#include "util/text.h"

#define PARTS_IN_FLIGHT 32

_Static_assert(PART_HEAD + PART_ROWS_MAX == ENTRY_BODY_MAX, "a part is the body of an entry");

/* -- decisions in the journal ------------------------------------------------------------------ */

struct restoring {
    struct cycle *cycle;
    struct parts_reader reader;
};

static bool restore_part(void *context, struct bytes body, uint64_t seq)
{
    struct restoring *r = context;
    struct bytes rows;
    (void)seq;
    const int taken = parts_take(&r->reader, body, &rows);
    return taken == 0 || (taken == 1 && cycle_apply(r->cycle, rows) == 0);
}

void cycle_restore(struct home *home)
{
    const struct engine_config *config = &home->engine->config;
    struct desk *desk = &home->desk;
    struct restoring r = {.cycle = cycle_new(config->calendar, config->settings)};
    NEED_MEMORY(r.cycle);
    parts_reader_init(&r.reader);
    ENSURE(shard_each_cycle(home->shard, restore_part, &r));
    desk->cycle = r.cycle;
    desk->decision_number = r.reader.number;
    parts_reader_free(&r.reader);
}

/* From here on the parts go to shard 0; the job goes on when all of them are durable. */
static void decision_begin(struct home *home)
{
    struct desk *desk = &home->desk;
    desk->decision_number++;
    desk->parts = parts_needed(desk->decision.size);
    desk->parts_sent = 0;
    desk->decided_seq = 0;
}

bool decision_send(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct bytes rows = {desk->decision.data, desk->decision.size};
    uint8_t body[PART_HEAD + PART_ROWS_MAX];
    bool any = false;

    while (desk->parts_sent < desk->parts && desk->answers_due < PARTS_IN_FLIGHT) {
        const size_t size = part_write(desk->decision_number, desk->parts_sent + 1, rows, body);
        const struct request request = {
            .ticket = TICKET_DESK | ticket_make(home->index, 0),
            .type = REQUEST_CYCLE,
            .province = desk->job.province,
            .body = {body, size},
        };
        struct event event = {.now_ms = desk->now_ms, .kind = EVENT_REQUESTS};
        event.requests.list = &request;
        event.requests.count = 1;
        desk->answers_due++; /* First: the answer may come inside the step. */
        if (home_step(home, &event) == 0) {
            desk->answers_due--;
            break;
        }
        desk->parts_sent++;
        any = true;
    }
    return any;
}

static void decision_apply(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct bytes rows = {desk->decision.data, desk->decision.size};
    ENSURE(cycle_apply(desk->cycle, rows) == 0);
    desk->parts = desk->parts_sent = 0;
}

/* -- judging ----------------------------------------------------------------------------------- */

static void gather_for(struct home *home, const struct order *order)
{
    struct needs needs = {0};
    cycle_needs(home->desk.cycle, order, &needs);
    gather_begin(home, &needs, TALLY_DAY);
}

/* Fills the job's decision; false when it has nothing to journal. */
static bool judge(struct home *home, const struct order *order)
{
    struct desk *desk = &home->desk;
    struct decision *decision = &desk->decision;
    decision_free(decision);
    decision_init(decision);
    if (desk->gathering.code != ERROR_OK) {
        const char *why = desk_refusal_text(home);
        struct text text = text_begin(decision->text, sizeof decision->text);
        if (why != NULL) text_add(&text, why);
        decision->code = desk->gathering.code;
        return false;
    }
    cycle_judge(desk->cycle, order, &desk->gathering.facts, desk_clock(home), decision);
    return decision->code == ERROR_OK && !decision->dup && decision->rows != 0;
}

static const char *decision_text(const struct decision *decision)
{
    if (decision->code != ERROR_OK && decision->text[0] == '\0') return error_text(decision->code);
    return decision->text;
}

/* What was answered to the same msgid of the same sender before; NULL: nothing. */
static const struct order_row *answered_before(const struct home *home, const struct order *order)
{
    struct order_row key = {.province = order->sender};
    memcpy(key.msgid, order->msgid, sizeof key.msgid);
    return cycle_find(home->desk.cycle, ROW_ORDER, &key);
}

/* -- lists in parts ---------------------------------------------------------------------------- */

static void drop_list(struct recon_parts *list)
{
    free(list->items);
    *list = (struct recon_parts){0};
}

/* Lets the oldest unfinished lists go until there is room for `more` rows beside `kept`. */
static void bound_lists(struct home *home, const struct recon_parts *kept, uint32_t more)
{
    struct desk *desk = &home->desk;
    for (;;) {
        struct recon_parts *oldest = NULL;
        uint64_t rows = more;
        for (uint32_t i = 0; i < 2 * PROVINCE_COUNT; i++) {
            struct recon_parts *list = &desk->lists[i / 2][i % 2];
            rows += list->count;
            if (list == kept || list->count == 0) continue;
            if (oldest == NULL || list->used < oldest->used) oldest = list;
        }
        if (rows <= RECON_PARTS_ROWS || oldest == NULL) return;
        drop_list(oldest);
    }
}

static void answer_part(struct home *home, bool dup)
{
    const struct order *order = &home->desk.job.order;
    const struct order_answer answer = {
        .text = "",
        .msgid = order->msgid,
        .dup = dup,
        .ref = "",
    };
    const struct recon_result result = {.complete = false};
    size_t size;
    uint8_t *payload = recon_list_reply_encode(&answer, &result, &size);
    desk_finish(home, payload, size);
}

static void refuse_part(struct home *home, const struct recon_parts *list)
{
    char line[128];
    struct text text = text_begin(line, sizeof line);
    text_add(&text, "parts come in order: ");
    if (list->taken == 0) {
        text_add(&text, "part 1 has to be sent first");
    } else {
        text_add(&text, "part ");
        text_add_int(&text, list->taken + 1);
        text_add(&text, " of the list that was begun is expected, or part 1 of another");
    }
    desk_refuse(home, ERROR_WRONG_STATE, line);
}

static bool same_list(const struct recon_parts *list, const struct order *order)
{
    return list->day == order->day && list->payer == order->payer && list->payee == order->payee &&
           list->parts == order->parts;
}

static void keep_part(struct home *home, struct recon_parts *list, const struct order *order)
{
    const size_t count = list->count + order->row_count;
    bound_lists(home, list, order->row_count);
    struct recon_item *items = realloc(list->items, (count + 1) * sizeof *items);
    NEED_MEMORY(items);
    if (order->row_count != 0) {
        memcpy(items + list->count, order->items, order->row_count * sizeof *items);
    }
    list->items = items;
    list->count = (uint32_t)count;
    list->taken = order->part;
    list->used = ++home->desk.lists_used;
    list->last_hash = order->hash;
    memcpy(list->last_msgid, order->msgid, sizeof list->last_msgid);
}

/* Takes a part of a list. True when the order has all rows now and is to be judged; else it was
 * answered. */
static bool take_part(struct home *home)
{
    struct order *order = &home->desk.job.order;
    if (order->acting >= PROVINCE_COUNT) {
        desk_refuse(home, ERROR_MALFORMED, "province: a list is one province's");
        return false;
    }
    struct recon_parts *list = &home->desk.lists[order->acting][order->sender == 0];
    const bool again = order->part == list->taken && order->hash == list->last_hash &&
                       memcmp(order->msgid, list->last_msgid, MSGID_SIZE) == 0;
    if (again) {
        answer_part(home, true);
        return false;
    }
    if (order->part == 1) {
        drop_list(list);
        list->day = order->day;
        list->payer = order->payer;
        list->payee = order->payee;
        list->parts = order->parts;
    } else if (!same_list(list, order) || order->part != list->taken + 1) {
        refuse_part(home, list);
        return false;
    }
    if (list->count + order->row_count > RECON_LIST_MAX) {
        drop_list(list);
        desk_refuse(home, ERROR_RANGE_TOO_WIDE, "a list has at most 200000 rows in all its parts");
        return false;
    }
    keep_part(home, list, order);
    if (order->part < order->parts) {
        answer_part(home, false);
        return false;
    }
    order_free(order);
    order->items = list->items;
    order->row_count = list->count;
    list->items = NULL;
    drop_list(list);
    return true;
}

/* -- orders ------------------------------------------------------------------------------------ */

enum order_phase {
    ORDER_BEGIN = 0,
    ORDER_GATHER,
    ORDER_DECIDED,
};

static struct order_answer answer_of(struct home *home)
{
    const struct desk *desk = &home->desk;
    const struct decision *decision = &desk->decision;
    const bool journaled = desk->phase == ORDER_DECIDED;
    struct order_answer answer = {
        .code = decision->code,
        .text = decision_text(decision),
        .msgid = desk->job.order.msgid,
        .dup = decision->dup,
        .ref = decision->ref,
        .seq = journaled ? desk->decided_seq : 0,
        .rows = journaled ? decision->rows : 0,
    };
    /* The decision's own time, as every later answer will have it; its entries may be younger. */
    if (journaled || decision->dup) {
        const struct order_row *row = answered_before(home, &desk->job.order);
        if (row != NULL) answer.decided_ms = row->at_ms;
    }
    return answer;
}

static void finish_recon_list(struct home *home, const struct order_answer *answer)
{
    const uint32_t *counts = home->desk.decision.counts;
    const struct recon_result result = {
        .matched = counts[DIFF_NONE],
        .only_payee = counts[DIFF_ONLY_PAYEE],
        .only_payer = counts[DIFF_ONLY_PAYER],
        .amount = counts[DIFF_AMOUNT],
        .flag = counts[DIFF_FLAG],
        .duplicate = counts[DIFF_DUPLICATE],
        .complete = true,
    };
    size_t size;
    uint8_t *payload = recon_list_reply_encode(answer, &result, &size);
    desk_finish(home, payload, size);
}

static void finish_order(struct home *home)
{
    const struct order_answer answer = answer_of(home);
    if (home->desk.job.type == MESSAGE_RECON_LIST) {
        finish_recon_list(home, &answer);
    } else if (home->desk.job.type == MESSAGE_RECON_DAY && answer.code == ERROR_OK) {
        finish_recon_day(home, &answer);
    } else {
        size_t size;
        uint8_t *payload = order_reply_encode(&answer, &size);
        desk_finish(home, payload, size);
    }
}

/* A province acts for itself. */
static bool may_act(struct home *home)
{
    const struct order *order = &home->desk.job.order;
    if (order->sender == 0 || order->acting == province_index(order->sender)) return true;
    desk_refuse(home, ERROR_SENDER_NOT_ALLOWED,
                "province: the session speaks for another province");
    return false;
}

static void begin_order(struct home *home)
{
    struct desk *desk = &home->desk;
    struct order *order = &desk->job.order;
    const bool again = answered_before(home, order) != NULL;

    if (!may_act(home)) return;
    if (order->type == MESSAGE_RECON_LIST && !again && !take_part(home)) return;
    desk->phase = ORDER_GATHER;
    if (again && order->type != MESSAGE_RECON_DAY) {
        gather_begin(home, &(const struct needs){0}, TALLY_DAY); /* No facts change that answer. */
    } else {
        gather_for(home, order);
    }
}

void step_order(struct home *home)
{
    switch (home->desk.phase) {
    case ORDER_BEGIN:
        begin_order(home);
        return;
    case ORDER_GATHER:
        if (!gather_step(home)) return;
        if (judge(home, &home->desk.job.order)) {
            home->desk.phase = ORDER_DECIDED;
            decision_begin(home);
        } else {
            finish_order(home);
        }
        return;
    default:
        decision_apply(home);
        finish_order(home);
    }
}

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

static void refuse_decision(struct home *home)
{
    const struct decision *decision = &home->desk.decision;
    desk_refuse(home, decision->code, decision_text(decision));
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
    gather_for(home, &trial);
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
    const struct order_row *before = answered_before(home, order);
    return before != NULL && (before->type != order->type || before->hash != order->hash);
}

/* What the cycle would refuse is refused before a shard has cut anything. */
static void try_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct order trial = trial_of(&desk->job.order);
    (void)judge(home, &trial);
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
    if (judge(home, &desk->job.order)) {
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
        gather_for(home, &home->desk.job.order);
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
    for (uint32_t number = 2; answered_before(home, order) != NULL; number++)
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
        gather_for(home, &desk->job.order);
        desk->phase = UNFINISHED_ORDER;
        return false;
    }
    case UNFINISHED_ORDER:
        if (!gather_step(home)) return false;
        if (!judge(home, &desk->job.order)) return true; /* Who orders this cut hears why. */
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

/* -- the year's close -------------------------------------------------------------------------- */

enum year_phase {
    YEAR_BEGIN = 0,
    YEAR_CHECKED,
    YEAR_GATHER,
    YEAR_CLOSED,
    YEAR_DECIDED,
};

static void close_year(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t year = desk->job.order.period;
    (void)judge(home, &desk->job.order);
    if (desk->decision.code != ERROR_OK) {
        refuse_decision(home);
        return;
    }
    desk->phase = YEAR_CLOSED;
    desk_ask_all(home, REQUEST_YEAR_CLOSE, year * 100 + 12, desk_number_body(home, year));
}

static void step_year(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t year = desk->job.order.period;
    switch (desk->phase) {
    case YEAR_BEGIN:
        if (year < 2000 || year > 2999) {
            desk_refuse(home, ERROR_MALFORMED, "year is not in 2000..2999");
            return;
        }
        desk->phase = YEAR_CHECKED;
        desk_ask_all(home, REQUEST_YEAR_CHECK, year * 100 + 12, (struct bytes){0});
        return;
    case YEAR_CHECKED:
        desk->phase = YEAR_GATHER;
        gather_for(home, &desk->job.order);
        return;
    case YEAR_GATHER:
        if (gather_step(home)) close_year(home);
        return;
    case YEAR_CLOSED:
        if (desk->decision.rows != 0) {
            desk->phase = YEAR_DECIDED;
            decision_begin(home);
            return;
        }
        desk_refuse(home, ERROR_OK, "");
        return;
    default:
        decision_apply(home);
        desk_refuse(home, ERROR_OK, "");
    }
}

void step_year_close(struct home *home)
{
    const uint32_t phase = home->desk.phase;
    if ((phase == YEAR_CHECKED || phase == YEAR_CLOSED) && desk_first_refusal(home) != ERROR_OK) {
        desk_refuse(home, desk_first_refusal(home), "the year's months are not all cut");
        return;
    }
    step_year(home);
}
