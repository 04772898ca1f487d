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
#include "types/ensure.h"
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

void decision_begin(struct home *home)
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

void decision_apply(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct bytes rows = {desk->decision.data, desk->decision.size};
    ENSURE(cycle_apply(desk->cycle, rows) == 0);
    desk->parts = desk->parts_sent = 0;
}

/* -- judging ----------------------------------------------------------------------------------- */

void order_gather(struct home *home, const struct order *order)
{
    struct needs needs = {0};
    cycle_needs(home->desk.cycle, order, &needs);
    gather_begin(home, &needs, TALLY_DAY);
}

bool order_judge(struct home *home, const struct order *order)
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

const char *decision_text(const struct decision *decision)
{
    if (decision->code != ERROR_OK && decision->text[0] == '\0') return error_text(decision->code);
    return decision->text;
}

const struct order_row *order_before(const struct home *home, const struct order *order)
{
    struct order_row key = {.province = order->sender};
    memcpy(key.msgid, order->msgid, sizeof key.msgid);
    return cycle_find(home->desk.cycle, ROW_ORDER, &key);
}

/* -- lists in parts ---------------------------------------------------------------------------- */

static void drop_list(struct recon_parts *list)
{
    free(list->items);
    free(list->seen);
    *list = (struct recon_parts){0};
}

/* Of a list that is whole only the names of its parts are left, and its sender has his answer: it
 * goes before one that is under way. Else the older one goes. */
static bool goes_before(const struct recon_parts *a, const struct recon_parts *b)
{
    if ((a->taken == 0) != (b->taken == 0)) return a->taken == 0;
    return a->used < b->used;
}

/* Lets lists go until there is room for one more part with `rows` beside `kept`. */
static void bound_lists(struct home *home, const struct recon_parts *kept, uint32_t rows)
{
    struct desk *desk = &home->desk;
    for (;;) {
        struct recon_parts *first = NULL;
        uint64_t sum = UINT64_C(1) + rows;
        for (uint32_t i = 0; i < 2 * PROVINCE_COUNT; i++) {
            struct recon_parts *list = &desk->lists[i / 2][i % 2];
            sum += list->count + list->seen_count;
            if (list == kept || list->seen_count == 0) continue;
            if (first == NULL || goes_before(list, first)) first = list;
        }
        if (sum <= RECON_PARTS_ROWS || first == NULL) return;
        drop_list(first);
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

/* By name: a name is of one part, whatever its number. NULL: it is new. */
static const struct recon_part *part_seen(const struct recon_parts *list, const char *msgid)
{
    for (uint32_t i = 0; i < list->seen_count; i++) {
        if (memcmp(list->seen[i].msgid, msgid, MSGID_SIZE) == 0) return &list->seen[i];
    }
    return NULL;
}

/* A part that was taken is answered as it was, and nothing happens. */
static void answer_seen(struct home *home, const struct recon_part *seen)
{
    const struct order *order = &home->desk.job.order;
    char line[128];
    struct text text = text_begin(line, sizeof line);
    if (seen->hash == order->hash) {
        answer_part(home, true);
        return;
    }
    text_add(&text, "msgid ");
    text_add(&text, order->msgid);
    text_add(&text, " was used with other content");
    desk_refuse(home, ERROR_MSGID_REUSED, line);
}

static void keep_seen(struct recon_parts *list, const struct order *order)
{
    struct recon_part *seen = realloc(list->seen, (list->seen_count + 1) * sizeof *seen);
    NEED_MEMORY(seen);
    list->seen = seen;
    seen += list->seen_count++;
    seen->hash = order->hash;
    memcpy(seen->msgid, order->msgid, sizeof seen->msgid);
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
    keep_seen(list, order);
}

/* The list has been handed over; what its parts were is still known. */
static void list_is_whole(struct recon_parts *list)
{
    list->items = NULL;
    list->count = list->taken = 0;
}

static struct recon_parts *list_of(struct home *home, const struct order *order)
{
    return &home->desk.lists[order->acting][order->sender == 0];
}

/* Of a list that was refused nothing is remembered: it may come again under the same names. */
static void forget_refused(struct home *home)
{
    const struct order *order = &home->desk.job.order;
    if (order->acting >= PROVINCE_COUNT) return;
    struct recon_parts *list = list_of(home, order);
    const struct recon_part *last = part_seen(list, order->msgid);
    if (last != NULL && last->hash == order->hash) drop_list(list);
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
    struct recon_parts *list = list_of(home, order);
    const struct recon_part *seen = part_seen(list, order->msgid);
    if (seen != NULL) {
        answer_seen(home, seen);
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
    list_is_whole(list);
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
        const struct order_row *row = order_before(home, &desk->job.order);
        if (row != NULL) answer.decided_ms = row->at_ms;
    }
    return answer;
}

static void finish_recon_list(struct home *home, const struct order_answer *answer)
{
    const uint32_t *counts = home->desk.decision.counts;
    if (answer->code != ERROR_OK) forget_refused(home);
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
    const bool again = order_before(home, order) != NULL;

    if (!may_act(home)) return;
    if (order->type == MESSAGE_RECON_LIST && !again && !take_part(home)) return;
    desk->phase = ORDER_GATHER;
    if (again && order->type != MESSAGE_RECON_DAY) {
        gather_begin(home, &(const struct needs){0}, TALLY_DAY); /* No facts change that answer. */
    } else {
        order_gather(home, order);
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
        if (order_judge(home, &home->desk.job.order)) {
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

/* -- the year's close -------------------------------------------------------------------------- */

enum year_phase {
    YEAR_BEGIN = 0,
    YEAR_CHECKED,
    YEAR_GATHER,
    YEAR_CLOSED,
    YEAR_DECIDED,
};

static void refuse_decision(struct home *home)
{
    const struct decision *decision = &home->desk.decision;
    desk_refuse(home, decision->code, decision_text(decision));
}

static void close_year(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t year = desk->job.order.period;
    (void)order_judge(home, &desk->job.order);
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
        order_gather(home, &desk->job.order);
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
