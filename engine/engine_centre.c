/* engine_centre -- the desk's jobs for the operator: cut, reports, clock, single records,
 * levelling. All of it is O(cells).
 *
 * A CUT  CHECK on all shards: may the month be cut? Then the cycle is asked. CLOSE on all: the same
 *        question, and from the answer on no earlier month gets a first record; who brings one is
 *        sent away for a moment (1007). CUT on all: each writes its entry; from it on
 *        the shard judges into the next month but keeps those answers back. When every shard's
 *        entry is durable, RELEASE. So the cut is one point: a record whose answer anybody has seen
 *        before the cut is in the month on its shard, and nobody can have sent a record because of
 *        an answer from after the cut while some shard still had the month open. Load goes on.
 *        Then the month's cells go into a batch of the clearing cycle: engine_cycle.c. If that is
 *        refused now, the month waits for the same order, and every later month for this one. */
#include <stdlib.h>

#include "engine_internal.h"
#include "journal/entry.h"
#include "shard_internal.h"
#include "statement/tables.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/text.h"

#define ALIGN_CYCLE 5 /* Phase of levelling from which the cycle is looked at. */
#define PERIODS_MAX 512
#define HISTORY_MAX 1024

static void done(struct home *home)
{
    desk_refuse(home, ERROR_OK, "");
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
    NEED_MEMORY(merged.cells);
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
    desk_refuse(home, ERROR_AMOUNT_RANGE, "a sum over all shards does not fit into 64 bits");
}

/* -- jobs ------------------------------------------------------------------------------------ */

static void text_month(struct text *text, uint32_t yyyymm)
{
    text_add_int(text, yyyymm / 100);
    text_add(text, yyyymm % 100 < 10 ? "-0" : "-");
    text_add_int(text, yyyymm % 100);
}

static void refuse_cut(struct home *home, uint32_t code)
{
    char line[128];
    struct text text = text_begin(line, sizeof line);
    uint32_t earliest = 0;
    if (code == ERROR_MALFORMED) {
        desk_refuse(home, code, "period is no month yyyymm of 200001..299912");
        return;
    }
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        const struct result *answer = &home->desk.answers[i];
        if (answer->code == ERROR_OK) continue;
        if (earliest == 0 || answer->period < earliest) earliest = answer->period;
    }
    text_month(&text, earliest);
    text_add(&text, " is still open and holds records: cut it first");
    desk_refuse(home, code, line);
}

/* A slip in the year would make every record late that comes until then, and no cut is taken back.
 * What nobody has set knows no months, as with `setl_time`. */
static bool has_begun(const struct home *home, uint32_t period)
{
    const int64_t now_ms = desk_clock(home);
    const bool never_set = home->engine->config.manual_clock && now_ms == MANUAL_CLOCK_START_MS;
    return never_set || period <= civil_month(now_ms);
}

static void refuse_future(struct home *home, uint32_t period)
{
    char line[128];
    char now[CIVIL_ISO_SIZE];
    struct text text = text_begin(line, sizeof line);
    civil_format_iso(desk_clock(home), now);
    text_month(&text, period);
    text_add(&text, " has not begun: the engine's clock stands at ");
    text_add(&text, now);
    desk_refuse(home, ERROR_PERIOD_ORDER, line);
}

void step_cut(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t period = desk->job.request.period;
    switch (desk->phase) {
    case CUT_CHECK:
        desk->phase = CUT_CHECKED;
        desk_ask_all(home, REQUEST_CUT_CHECK, period, (struct bytes){0});
        return;
    case CUT_CHECKED: {
        const uint32_t code = desk_first_refusal(home);
        if (code != ERROR_OK) {
            refuse_cut(home, code);
            return;
        }
        desk->dup = desk->answers[0].orig_period >= period;
        if (!desk->dup && !has_begun(home, period)) {
            refuse_future(home, period);
            return;
        }
        step_cut_order(home);
        return;
    }
    case CUT_CLOSE:
        desk->phase = CUT_SHARDS;
        desk->started_us = home->now_us;
        desk_ask_all(home, REQUEST_CUT_CLOSE, period, (struct bytes){0});
        return;
    case CUT_SHARDS:
        if (desk_first_refusal(home) != ERROR_OK) {
            desk->phase = CUT_CHECK; /* Opens the others again, and says why not. */
            return;
        }
        desk->phase = CUT_RELEASE;
        desk_ask_all(home, REQUEST_CUT, period, desk_number_body(home, period));
        return;
    case CUT_RELEASE:
        desk->cut_us = home->now_us - desk->started_us;
        desk->cut_at_ms = desk->answers[0].stamp_ms;
        desk->phase = CUT_RELEASED;
        desk_ask_all(home, REQUEST_CUT_RELEASE, period, (struct bytes){0});
        return;
    default:
        step_cut_order(home);
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
        desk_finish(home, payload, size);
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

/* The mode that notices ask for at this moment. */
static enum netting_mode payable_mode(const struct home *home)
{
    return (enum netting_mode)setting_at(home->desk.cycle, SETTING_PAYABLE_MODE, desk_clock(home));
}

static void encode_net_report(struct home *home, const struct merged *merged,
                              const struct netting *netting, enum netting_mode mode)
{
    const uint32_t period = home->desk.job.request.period;
    const enum netting_mode payable = payable_mode(home);
    struct payments payments;
    struct net_row rows[PAYMENTS_MAX];
    struct province_row provinces[PROVINCE_COUNT];

    if (!netting_payments(netting, mode, &payments) || !tables_provinces(netting, provinces)) {
        reply_overflow(home);
        return;
    }
    const char *broken = netting_check(netting);
    if (broken != NULL) {
        desk_refuse(home, ERROR_INTERNAL, broken);
        return;
    }
    struct net_report report = {
        .period = period,
        .cut = period <= merged->cut_through,
        .mode = netting_mode_name(mode),
        .payable_mode = netting_mode_name(payable),
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
    desk_finish(home, payload, size);
}

static void reply_net_report(struct home *home)
{
    const struct centre_request *request = &home->desk.job.request;
    enum netting_mode mode = payable_mode(home);
    struct netting netting;

    if (request->mode[0] != '\0' && !netting_mode_parse(request->mode, &mode)) {
        desk_refuse(home, ERROR_MALFORMED,
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
            desk_refuse(home, ERROR_RANGE_TOO_WIDE, NULL);
        } else {
            desk_finish(home, payload, size);
        }
    }
    free(rows);
    free(merged.cells);
}

/* The three reports: check the month, ask for its cells, reply. */
void step_report(struct home *home)
{
    struct desk *desk = &home->desk;
    const uint32_t period = desk->job.request.period;
    if (desk->phase++ == 0) {
        if (desk->job.type != MESSAGE_PERIOD_LIST && !civil_month_valid(period)) {
            desk_refuse(home, ERROR_MALFORMED, "period is no month yyyymm of 200001..299912");
            return;
        }
        desk_ask_all(home, REQUEST_CELLS, period, (struct bytes){0});
    } else if (desk->job.type == MESSAGE_PERIOD_LIST) {
        reply_period_list(home);
    } else if (desk->job.type == MESSAGE_NET_REPORT) {
        reply_net_report(home);
    } else {
        reply_position_report(home);
    }
}

void step_clock(struct home *home)
{
    struct desk *desk = &home->desk;
    const int64_t to_ms = desk->job.request.to_ms;
    if (desk->phase++ == 0) {
        if (!home->engine->config.manual_clock) {
            desk_refuse(home, ERROR_CLOCK,
                        "the engine runs on the system's clock, not a manual one");
        } else if (to_ms < MANUAL_CLOCK_START_MS / 2 || to_ms > INT64_C(253402271999999)) {
            desk_refuse(home, ERROR_CLOCK, "the time is outside the years this engine knows");
        } else {
            desk_ask_all(home, REQUEST_CLOCK, 0, desk_number_body(home, (uint64_t)to_ms));
        }
        return;
    }
    if (desk_first_refusal(home) != ERROR_OK) {
        char line[128];
        char now[CIVIL_ISO_SIZE];
        struct text text = text_begin(line, sizeof line);
        civil_format_iso(desk->answers[0].stamp_ms, now);
        text_add(&text, "a clock is never moved back; it stands at ");
        text_add(&text, now);
        desk_refuse(home, ERROR_CLOCK, line);
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
    if (answer->data_size == 0) return; /* This shard has nothing of it, not even memory. */
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

void step_settlement_get(struct home *home)
{
    struct desk *desk = &home->desk;
    const struct centre_request *request = &desk->job.request;
    if (desk->phase++ == 0) {
        desk_ask_all(home, REQUEST_FIND, 0,
                     (struct bytes){(const uint8_t *)request->setl_id, request->setl_id_size});
        return;
    }
    if (desk_first_refusal(home) != ERROR_OK) {
        desk_refuse(home, desk_first_refusal(home), desk_refusal_text(home));
        return;
    }
    struct found_list *list = calloc(1, sizeof *list);
    NEED_MEMORY(list);
    for (uint32_t i = 0; i < home->engine->config.shards; i++)
        read_found(list, &desk->answers[i], i);
    if (list->record_count == 0) {
        desk_refuse(home, ERROR_NOT_FOUND, "no settlement with this insu_admdvs and setl_id");
    } else {
        size_t size;
        order_history(list);
        uint8_t *payload = settlement_get_reply_encode(list->records, list->record_count, &size);
        desk_finish(home, payload, size);
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
            .unreadable = s->unreadable,
            .memory_bytes = s->memory_bytes,
            .timings = s->timings,
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
    desk_finish(home, payload, size);
}

void step_status(struct home *home)
{
    if (home->desk.phase++ == 0) {
        desk_ask_all(home, REQUEST_STATUS, 0, (struct bytes){0});
    } else {
        reply_status(home);
    }
}

/* Brings every shard to what the farthest one has: a crash may have come between them. */
void step_align(struct home *home)
{
    struct desk *desk = &home->desk;
    struct centre_request *request = &desk->job.request;
    const uint32_t phase = desk->phase;
    if (phase < ALIGN_CYCLE) desk->phase++;
    switch (phase) {
    case 0:
        desk_ask_all(home, REQUEST_STATUS, 0, (struct bytes){0});
        return;
    case 1:
        for (uint32_t i = 0; i < home->engine->config.shards; i++) {
            const struct shard_status *s = status_of(home, i);
            if (s->cut_through > request->period) request->period = s->cut_through;
            if (s->closed_year > request->area) request->area = s->closed_year;
            if (s->stamp_ms > request->to_ms) request->to_ms = s->stamp_ms;
        }
        desk_ask_all(home, REQUEST_CUT, request->period, desk_number_body(home, request->period));
        return;
    case 2:
        desk_ask_all(home, REQUEST_CUT_RELEASE, request->period, (struct bytes){0});
        return;
    case 3:
        desk_ask_all(home, REQUEST_YEAR_CLOSE, request->area * 100 + 12,
                     desk_number_body(home, request->area));
        return;
    case 4:
        desk_ask_all(home, REQUEST_CLOCK_LEVEL, 0,
                     desk_number_body(home, (uint64_t)request->to_ms));
        return;
    default:
        if (!step_unfinished_cuts(home)) return;
        desk_end_job(home);
        desk->aligned = true;
    }
}
