/* engine_desk -- what the centre does and asks, over all shards: one job at a time.
 *
 * A job is a few phases. In each, every shard is asked the same question and the answers are
 * gathered; what the last phase brings becomes the reply. All of it is O(cells).
 *
 * A CUT  CHECK on all shards: may the month be cut? CUT on all: each writes its entry; from it on
 *        the shard judges into the next month but keeps those answers back. When every shard's
 *        entry is durable, RELEASE. So the cut is one point: a record whose answer anybody has seen
 *        before the cut is in the month on its shard, and nobody can have sent a record because of
 *        an answer from after the cut while some shard still had the month open. Load goes on. */
#include <stdlib.h>

#include "codec/wire_table.h"
#include "engine_internal.h"
#include "journal/entry.h"
#include "shard_internal.h"
#include "statement/tables.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/text.h"

#define JOB_ALIGN   0
#define PERIODS_MAX 512
#define HISTORY_MAX 1024

/* -- asking all shards ----------------------------------------------------------------------- */

/* A canonical body for the entries of the desk: one varint field. */
static struct bytes number_body(struct desk *desk, uint64_t value)
{
    desk->question_body[0] = 1 << 3;
    const uint8_t *end = wire_put_varint(desk->question_body + 1, value);
    return (struct bytes){desk->question_body, (size_t)(end - desk->question_body)};
}

static void drop_answers(struct home *home)
{
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        free(home->desk.answers[i].data);
        home->desk.answers[i].data = NULL;
    }
}

static void ask_all(struct home *home, uint16_t type, uint32_t period, struct bytes body)
{
    struct desk *desk = &home->desk;
    const uint32_t shards = home->engine->config.shards;

    desk->question = (struct request){
        .ticket = TICKET_DESK | ticket_make(home->index, 0),
        .type = type,
        .period = period,
        .area = desk->job.request.area,
        .instant_ms = desk->job.request.to_ms,
        .body = body,
    };
    drop_answers(home);
    desk->answers_due = shards;
    desk->unsent = shards == 64 ? UINT64_MAX : (UINT64_C(1) << shards) - 1;
}

static bool send_unsent(struct home *home, int64_t now_ms)
{
    struct desk *desk = &home->desk;
    bool any = false;
    for (uint32_t shard = 0; shard < home->engine->config.shards; shard++) {
        const uint64_t bit = UINT64_C(1) << shard;
        if ((desk->unsent & bit) == 0) continue;
        /* The bit goes first: the own shard may answer inside the step. */
        desk->unsent &= ~bit;
        bool sent;
        if (shard == home->index) {
            struct event event = {.now_ms = now_ms, .kind = EVENT_REQUESTS};
            event.requests.list = &desk->question;
            event.requests.count = 1;
            sent = home_step(home, &event) == 1;
        } else {
            sent = home_ask(home, shard, &desk->question);
        }
        if (!sent) desk->unsent |= bit;
        any |= sent;
    }
    return any;
}

void desk_result(struct home *home, uint32_t shard, const struct result *result)
{
    struct desk *desk = &home->desk;
    ENSURE(desk->answers_due > 0);
    desk->answers[shard] = *result;
    desk->answers_due--;
}

static uint32_t first_refusal(const struct home *home)
{
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        if (home->desk.answers[i].code != ERROR_OK) return home->desk.answers[i].code;
    }
    return ERROR_OK;
}

/* -- the answer ------------------------------------------------------------------------------ */

/* Ends the job; `payload` is malloc'ed and changes its owner. */
static void finish(struct home *home, uint8_t *payload, size_t size)
{
    struct desk *desk = &home->desk;
    ENSURE(payload != NULL);
    drop_answers(home);
    desk->busy = false;
    if (ticket_shard(desk->job.ticket) == home->index) {
        home_answer(home, desk->job.ticket, (struct bytes){payload, size});
        free(payload);
        return;
    }
    const struct result result = {
        .ticket = desk->job.ticket,
        .type = desk->job.type,
        .data = payload,
        .data_size = size,
    };
    home_return(home, &result);
}

static void refuse(struct home *home, uint32_t code, const char *text)
{
    size_t size;
    uint8_t *payload = centre_refusal_encode(code, text, &size);
    finish(home, payload, size);
}

static void done(struct home *home)
{
    refuse(home, ERROR_OK, "");
}

/* -- cells of all shards --------------------------------------------------------------------- */

struct merged {
    struct cell *cells; /* malloc'ed */
    size_t count;
    uint32_t cut_through;
    uint32_t closed_year;
    bool overflow;
};

static struct merged merge_answers(const struct home *home)
{
    struct merged merged = {0};
    const uint32_t shards = home->engine->config.shards;
    size_t bytes = 0;

    for (uint32_t i = 0; i < shards; i++)
        bytes += home->desk.answers[i].data_size;
    merged.cells = malloc(bytes + 1);
    ENSURE(merged.cells != NULL);
    for (uint32_t i = 0; i < shards; i++) {
        const struct result *answer = &home->desk.answers[i];
        if (answer->data_size != 0) {
            memcpy(merged.cells + merged.count, answer->data, answer->data_size);
        }
        merged.count += answer->data_size / sizeof(struct cell);
        merged.cut_through = answer->period;
        merged.closed_year = answer->orig_period;
    }
    merged.count = tables_merge_cells(merged.cells, merged.count, &merged.overflow);
    return merged;
}

static void reply_overflow(struct home *home)
{
    refuse(home, ERROR_AMOUNT_RANGE, "a sum over all shards does not fit into 64 bits");
}

/* -- jobs ------------------------------------------------------------------------------------ */

static void text_month(struct text *text, uint32_t yyyymm)
{
    text_add_int(text, yyyymm / 100);
    text_add(text, yyyymm % 100 < 10 ? "-0" : "-");
    text_add_int(text, yyyymm % 100);
}

static void reply_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    struct merged merged = merge_answers(home);
    struct period_row row;
    if (merged.overflow ||
        !tables_period(merged.cells, merged.count, desk->job.request.period, true, &row)) {
        reply_overflow(home);
    } else {
        size_t size;
        uint8_t *payload =
            period_cut_reply_encode(desk->dup, &row, desk->cut_at_ms, desk->cut_us, &size);
        finish(home, payload, size);
    }
    free(merged.cells);
}

static void refuse_cut(struct home *home, uint32_t code)
{
    char line[128];
    struct text text = text_begin(line, sizeof line);
    uint32_t earliest = 0;
    if (code == ERROR_MALFORMED) {
        refuse(home, code, "period is no month yyyymm of 200001..299912");
        return;
    }
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        const struct result *answer = &home->desk.answers[i];
        if (answer->code == ERROR_OK) continue;
        if (earliest == 0 || answer->period < earliest) earliest = answer->period;
    }
    text_month(&text, earliest);
    text_add(&text, " is still open and holds records: cut it first");
    refuse(home, code, line);
}

static void step_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t period = desk->job.request.period;
    switch (desk->phase++) {
    case 0:
        ask_all(home, REQUEST_CUT_CHECK, period, (struct bytes){0});
        return;
    case 1: {
        const uint32_t code = first_refusal(home);
        if (code != ERROR_OK) {
            refuse_cut(home, code);
            return;
        }
        desk->dup = desk->answers[0].orig_period >= period;
        desk->started_us = home->now_us;
        ask_all(home, REQUEST_CUT, period, number_body(desk, period));
        return;
    }
    case 2:
        desk->cut_us = home->now_us - desk->started_us;
        desk->cut_at_ms = desk->answers[0].stamp_ms;
        ask_all(home, REQUEST_CUT_RELEASE, period, (struct bytes){0});
        return;
    case 3:
        ask_all(home, REQUEST_CELLS, period, (struct bytes){0});
        return;
    default:
        reply_cut(home);
    }
}

static size_t list_periods(const struct merged *merged, uint32_t *periods)
{
    size_t count = 0;
    for (size_t i = 0; i < merged->count && count < PERIODS_MAX; i++) {
        const uint32_t period = merged->cells[i].key.period;
        if (count == 0 || periods[count - 1] != period) periods[count++] = period;
    }
    return count;
}

static void reply_period_list(struct home *home)
{
    struct merged merged = merge_answers(home);
    uint32_t periods[PERIODS_MAX];
    const size_t count = list_periods(&merged, periods);
    struct period_row *rows = calloc(count + 1, sizeof *rows);
    bool fits = rows != NULL && !merged.overflow;
    for (size_t i = 0; fits && i < count; i++) {
        fits = tables_period(merged.cells, merged.count, periods[i],
                             periods[i] <= merged.cut_through, &rows[i]);
    }
    if (fits) {
        size_t size;
        uint8_t *payload = period_list_reply_encode(rows, count, merged.closed_year, &size);
        finish(home, payload, size);
    } else {
        reply_overflow(home);
    }
    free(rows);
    free(merged.cells);
}

static int64_t total_of(const struct netting *netting, enum netting_mode mode)
{
    struct payments payments;
    return netting_payments(netting, mode, &payments) ? payments.total : 0;
}

static void encode_net_report(struct home *home, const struct merged *merged,
                              const struct netting *netting, enum netting_mode mode)
{
    const uint32_t period = home->desk.job.request.period;
    struct payments payments;
    struct net_row rows[PAYMENTS_MAX];
    struct province_row provinces[PROVINCE_COUNT];

    if (!netting_payments(netting, mode, &payments) || !tables_provinces(netting, provinces)) {
        reply_overflow(home);
        return;
    }
    const char *broken = netting_check(netting);
    if (broken != NULL) {
        refuse(home, ERROR_INTERNAL, broken);
        return;
    }
    struct net_report report = {
        .period = period,
        .cut = period <= merged->cut_through,
        .mode = netting_mode_name(mode),
        .payable_mode =
            netting_mode_name((enum netting_mode)home->engine->config.tables->payable_mode),
        .rows = rows,
        .row_count = tables_net_rows(&payments, rows),
        .provinces = provinces,
        .gross_total = total_of(netting, NETTING_GROSS),
        .bilateral_total = total_of(netting, NETTING_BILATERAL),
        .multilateral_total = total_of(netting, NETTING_MULTILATERAL),
    };
    report.saved_bp = netting_saved_bp(report.gross_total, payments.total);
    size_t size;
    uint8_t *payload = net_report_reply_encode(&report, &size);
    finish(home, payload, size);
}

static void reply_net_report(struct home *home)
{
    const struct centre_request *request = &home->desk.job.request;
    enum netting_mode mode = (enum netting_mode)home->engine->config.tables->payable_mode;
    struct netting netting;

    if (request->mode[0] != '\0' && !netting_mode_parse(request->mode, &mode)) {
        refuse(home, ERROR_MALFORMED,
               "mode is none of gross, bilateral, multilateral, multilateral-direct");
        return;
    }
    struct merged merged = merge_answers(home);
    if (merged.overflow || !tables_netting(merged.cells, merged.count, request->period, &netting)) {
        reply_overflow(home);
    } else {
        encode_net_report(home, &merged, &netting, mode);
    }
    free(merged.cells);
}

static void reply_position_report(struct home *home)
{
    const uint32_t period = home->desk.job.request.period;
    struct merged merged = merge_answers(home);
    struct position_row *rows = calloc(merged.count + 1, sizeof *rows);
    if (merged.overflow || rows == NULL) {
        reply_overflow(home);
    } else {
        const size_t count =
            tables_positions(merged.cells, merged.count, period, rows, merged.count);
        size_t size;
        uint8_t *payload =
            position_report_reply_encode(period, period <= merged.cut_through, rows, count, &size);
        if (payload != NULL && size > FRAME_PAYLOAD_MAX) {
            free(payload);
            refuse(home, ERROR_RANGE_TOO_WIDE, NULL);
        } else {
            finish(home, payload, size);
        }
    }
    free(rows);
    free(merged.cells);
}

/* The three reports: check the month, ask for its cells, reply. */
static void step_report(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t period = desk->job.request.period;
    if (desk->phase++ == 0) {
        if (desk->job.type != MESSAGE_PERIOD_LIST && !civil_month_valid(period)) {
            refuse(home, ERROR_MALFORMED, "period is no month yyyymm of 200001..299912");
            return;
        }
        ask_all(home, REQUEST_CELLS, period, (struct bytes){0});
    } else if (desk->job.type == MESSAGE_PERIOD_LIST) {
        reply_period_list(home);
    } else if (desk->job.type == MESSAGE_NET_REPORT) {
        reply_net_report(home);
    } else {
        reply_position_report(home);
    }
}

static void step_year_close(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t year = desk->job.request.period;
    const uint32_t last_month = year * 100 + 12;
    if (desk->phase != 0 && first_refusal(home) != ERROR_OK) {
        refuse(home, first_refusal(home), "the year's months are not all cut");
        return;
    }
    switch (desk->phase++) {
    case 0:
        if (year < 2000 || year > 2999) {
            refuse(home, ERROR_MALFORMED, "year is not in 2000..2999");
        } else {
            ask_all(home, REQUEST_YEAR_CHECK, last_month, (struct bytes){0});
        }
        return;
    case 1:
        ask_all(home, REQUEST_YEAR_CLOSE, last_month, number_body(desk, year));
        return;
    default:
        done(home);
    }
}

static void step_clock(struct home *home)
{
    struct desk *desk = &home->desk;
    const int64_t to_ms = desk->job.request.to_ms;
    if (desk->phase++ == 0) {
        if (!home->engine->config.manual_clock) {
            refuse(home, ERROR_CLOCK, "the engine runs on the system's clock, not a manual one");
        } else if (to_ms < MANUAL_CLOCK_START_MS / 2 || to_ms > INT64_C(253402271999999)) {
            refuse(home, ERROR_CLOCK, "the time is outside the years this engine knows");
        } else {
            ask_all(home, REQUEST_CLOCK, 0, number_body(desk, (uint64_t)to_ms));
        }
        return;
    }
    if (first_refusal(home) != ERROR_OK) {
        char line[128];
        char now[CIVIL_ISO_SIZE];
        struct text text = text_begin(line, sizeof line);
        civil_format_iso(desk->answers[0].stamp_ms, now);
        text_add(&text, "a clock is never moved back; it stands at ");
        text_add(&text, now);
        refuse(home, ERROR_CLOCK, line);
        return;
    }
    done(home);
}

/* -- one record ------------------------------------------------------------------------------ */

struct found_list {
    struct found_record records[FOUND_RECORDS_MAX];
    size_t record_count;
    struct found_history history[HISTORY_MAX];
    size_t history_count;
};

static void read_record(struct found_list *list, const struct found_entry *head,
                        const struct entry *entry, uint32_t shard)
{
    struct settlement s;
    uint32_t field;
    if (list->record_count == FOUND_RECORDS_MAX) return;
    if (!settlement_decode(entry->body, &s, &field)) return;
    const struct posting posting = posting_of(entry, &s);
    struct found_record *record = &list->records[list->record_count++];
    *record = (struct found_record){
        .body = entry->body,
        .state = head->reversed != 0 ? "REVERSED"
                 : head->cut != 0    ? "CLEARING"
                                     : "ACCRUED",
        .kind = entry->kind,
        .period = entry->period,
        .orig_period = entry->orig_period,
        .seq = entry->seq,
        .shard = shard,
        .posted_at_ms = entry->stamp_ms,
        .clr_amt = posting_total(&posting),
        .line = entry->line,
        .refunded = head->refunded_fen,
        .cut = head->cut != 0,
        .history = &list->history[list->history_count],
    };
    memcpy(record->funds, posting.funds, sizeof posting.funds);
    if (list->history_count == HISTORY_MAX) return;
    list->history[list->history_count++] = (struct found_history){
        .seq = entry->seq,
        .at_ms = entry->stamp_ms,
        .what = "accepted",
        .ref = s.setl_id,
        .clr_amt = record->clr_amt,
        .period = entry->period,
    };
    record->history_count = 1;
}

static void read_history(struct found_list *list, const struct found_entry *head,
                         const struct entry *entry)
{
    uint32_t field;
    if (list->record_count == 0 || list->history_count == HISTORY_MAX) return;
    struct found_history item = {
        .seq = entry->seq, .at_ms = entry->stamp_ms, .period = entry->period};
    if (entry->kind == ENTRY_REFUND) {
        struct settlement s;
        if (!settlement_decode(entry->body, &s, &field)) return;
        const struct posting posting = posting_of(entry, &s);
        item.what = head->reversed != 0 ? "refund, reversed" : "refund";
        item.ref = s.setl_id;
        item.clr_amt = posting_total(&posting);
    } else if (entry->kind == ENTRY_ADJUSTMENT) {
        struct adjustment a;
        if (!adjustment_decode(entry->body, &a, &field)) return;
        item.what = head->reversed != 0 ? "adjustment, reversed" : "adjustment";
        item.ref = a.adj_no;
        for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
            item.clr_amt += a.amounts[i];
        item.clr_amt += a.amounts[AMOUNT_ACCT];
    } else {
        struct correction c;
        if (!correction_decode(entry->body, &c, &field)) return;
        item.what = "correction";
        item.ref = c.msgid;
    }
    list->history[list->history_count++] = item;
    list->records[list->record_count - 1].history_count++;
}

static void read_found(struct found_list *list, const struct result *answer, uint32_t shard)
{
    const uint8_t *at = answer->data;
    const uint8_t *end = at + answer->data_size;
    while (at < end) {
        struct found_entry head;
        struct entry entry;
        memcpy(&head, at, sizeof head);
        const struct bytes bytes = {at + sizeof head, head.size};
        ENSURE(entry_decode_trusted(bytes, &entry) != 0);
        if (head.history == 0) {
            read_record(list, &head, &entry, shard);
        } else {
            read_history(list, &head, &entry);
        }
        at += sizeof head + head.size;
    }
}

/* What referred to a record comes latest first; people read it the other way round. */
static void order_history(struct found_list *list)
{
    for (size_t i = 0; i < list->record_count; i++) {
        struct found_record *record = &list->records[i];
        struct found_history *history =
            &list->history[record->history - (const struct found_history *)list->history];
        for (size_t a = 1, b = record->history_count; a + 1 < b; a++, b--) {
            const struct found_history swap = history[a];
            history[a] = history[b - 1];
            history[b - 1] = swap;
        }
    }
}

static void step_settlement_get(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct centre_request *request = &desk->job.request;
    if (desk->phase++ == 0) {
        ask_all(home, REQUEST_FIND, 0,
                (struct bytes){(const uint8_t *)request->setl_id, request->setl_id_size});
        return;
    }
    struct found_list *list = calloc(1, sizeof *list);
    ENSURE(list != NULL);
    for (uint32_t i = 0; i < home->engine->config.shards; i++)
        read_found(list, &desk->answers[i], i);
    if (list->record_count == 0) {
        refuse(home, ERROR_NOT_FOUND, "no settlement with this insu_admdvs and setl_id");
    } else {
        size_t size;
        order_history(list);
        uint8_t *payload = settlement_get_reply_encode(list->records, list->record_count, &size);
        finish(home, payload, size);
    }
    free(list);
}

/* -- status and levelling --------------------------------------------------------------------- */

static const struct shard_status *status_of(const struct home *home, uint32_t shard)
{
    ENSURE(home->desk.answers[shard].data_size == sizeof(struct shard_status));
    return home->desk.answers[shard].data;
}

static void reply_status(struct home *home)
{
    const struct engine_config *config = &home->engine->config;
    struct status_shard rows[SHARDS_MAX];
    struct status_report report = {
        .manual_clock = config->manual_clock,
        .store_id = {config->store_id, STORE_ID_SIZE},
        .shards = rows,
        .shard_count = config->shards,
    };
    for (uint32_t i = 0; i < config->shards; i++) {
        const struct shard_status *s = status_of(home, i);
        rows[i] = (struct status_shard){
            .shard = i,
            .last_seq = s->last_seq,
            .durable_seq = s->durable_seq,
            .checkpoint_seq = s->checkpoint_seq,
            .journal_bytes = s->journal_bytes,
            .accepted = s->accepted,
            .duplicate = s->duplicate,
            .rejected = s->rejected,
            .blocks = s->blocks,
            .checkpoints = s->checkpoints,
            .sessions = s->sessions,
            .soft_failures = s->soft_failures,
            .memory_bytes = s->memory_bytes,
        };
        if (s->stamp_ms > report.now_ms) report.now_ms = s->stamp_ms;
        report.cut_through = s->cut_through;
        report.closed_year = s->closed_year;
    }
    if (!config->manual_clock && home->desk.now_ms > report.now_ms) {
        report.now_ms = home->desk.now_ms;
    }
    size_t size;
    uint8_t *payload = status_reply_encode(&report, &size);
    finish(home, payload, size);
}

static void step_status(struct home *home)
{
    if (home->desk.phase++ == 0) {
        ask_all(home, REQUEST_STATUS, 0, (struct bytes){0});
    } else {
        reply_status(home);
    }
}

/* Brings every shard to what the farthest one has: a crash may have come between them. */
static void step_align(struct home *home)
{
    struct desk *desk = &home->desk;
    struct centre_request *request = &desk->job.request;
    switch (desk->phase++) {
    case 0:
        ask_all(home, REQUEST_STATUS, 0, (struct bytes){0});
        return;
    case 1:
        for (uint32_t i = 0; i < home->engine->config.shards; i++) {
            const struct shard_status *s = status_of(home, i);
            if (s->cut_through > request->period) request->period = s->cut_through;
            if (s->closed_year > request->area) request->area = s->closed_year;
            if (s->stamp_ms > request->to_ms) request->to_ms = s->stamp_ms;
        }
        ask_all(home, REQUEST_CUT, request->period, number_body(desk, request->period));
        return;
    case 2:
        ask_all(home, REQUEST_CUT_RELEASE, request->period, (struct bytes){0});
        return;
    case 3:
        ask_all(home, REQUEST_YEAR_CLOSE, request->area * 100 + 12,
                number_body(desk, request->area));
        return;
    case 4:
        ask_all(home, REQUEST_CLOCK_LEVEL, 0, number_body(desk, (uint64_t)request->to_ms));
        return;
    default:
        drop_answers(home);
        desk->busy = false;
        desk->aligned = true;
    }
}

/* -- the queue -------------------------------------------------------------------------------- */

static void step_job(struct home *home)
{
    switch (home->desk.job.type) {
    case JOB_ALIGN:
        step_align(home);
        return;
    case MESSAGE_PERIOD_CUT:
        step_cut(home);
        return;
    case MESSAGE_YEAR_CLOSE:
        step_year_close(home);
        return;
    case MESSAGE_CLOCK_SET:
        step_clock(home);
        return;
    case MESSAGE_SETTLEMENT_GET:
        step_settlement_get(home);
        return;
    case MESSAGE_STATUS_GET:
        step_status(home);
        return;
    default:
        step_report(home);
    }
}

bool desk_take(struct home *home, uint64_t ticket, uint16_t type, struct bytes body)
{
    struct desk *desk = &home->desk;
    if (desk->queue_count == DESK_QUEUE_MAX) return false;
    struct desk_job *job = &desk->queue[(desk->queue_head + desk->queue_count) % DESK_QUEUE_MAX];
    *job = (struct desk_job){.ticket = ticket, .type = type};
    job->formed = centre_request_decode(type, body, &job->request);
    desk->queue_count++;
    return true;
}

void home_align(struct home *home)
{
    struct desk *desk = &home->desk;
    ENSURE(!desk->busy);
    desk->job = (struct desk_job){.type = JOB_ALIGN, .formed = true};
    desk->busy = true;
    desk->phase = 0;
}

bool home_aligned(const struct home *home)
{
    return home->desk.aligned;
}

bool desk_turn(struct home *home, int64_t now_ms)
{
    struct desk *desk = &home->desk;
    bool any = false;
    desk->now_ms = now_ms;
    for (;;) {
        if (!desk->busy) {
            if (desk->queue_count == 0) return any;
            desk->job = desk->queue[desk->queue_head];
            desk->queue_head = (desk->queue_head + 1) % DESK_QUEUE_MAX;
            desk->queue_count--;
            desk->busy = true;
            desk->phase = 0;
            if (!desk->job.formed) {
                refuse(home, ERROR_MALFORMED, NULL);
                any = true;
                continue;
            }
        }
        if (desk->unsent != 0) any |= send_unsent(home, now_ms);
        if (desk->unsent != 0 || desk->answers_due != 0) return any;
        any = true;
        /* The answers of the phase before are read by the next one, then a new question drops
         * them. */
        step_job(home);
    }
}
