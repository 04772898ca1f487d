/* shard_control -- what the desk asks of its shards: cuts, years, the clock, parts of its decisions
 * to keep, and what it wants to know.
 *
 * Nothing is decided here that concerns more than this shard. Answers have a queue of their own,
 * because they pass what a cut holds back. */
#include <stdlib.h>

#include "codec/failure_text.h"
#include "codec/messages.h"
#include "shard_internal.h"
#include "types/civil.h"
#include "types/ensure.h"

/* -- what becomes an entry --------------------------------------------------------------------- */

static void append_control(struct shard *shard, enum entry_kind kind, uint32_t period,
                           int64_t now_ms, struct bytes body)
{
    struct entry entry = {
        .stamp_ms = now_ms,
        .kind = (uint16_t)kind,
        .period = period,
        .orig_period = period,
        .body = body,
    };
    append(shard, &entry, NULL);
}

/* A part of what the desk decided; the shard only keeps it. */
static void take_cycle(struct shard *shard, const struct request *request, int64_t now_ms)
{
    ENSURE(shard->config.shard == 0);
    if (request->body.size > ENTRY_BODY_MAX) {
        put_control(shard, request, ERROR_MALFORMED);
        return;
    }
    struct entry entry = {
        .stamp_ms = now_ms,
        .kind = ENTRY_CYCLE,
        .period = request->period,
        .orig_period = request->period,
        .sender = request->province,
        .body = request->body,
    };
    append(shard, &entry, NULL);
    put_control(shard, request, ERROR_OK);
}

static uint32_t check_cut(const struct shard *shard, uint32_t period, uint32_t *ret_blocking)
{
    *ret_blocking = 0;
    if (!civil_month_valid(period)) return ERROR_MALFORMED;
    if (period <= shard->cut_through) return ERROR_OK; /* Again: the same answer. */
    return book_open_before(shard->book, period, ret_blocking) ? ERROR_PERIOD_ORDER : ERROR_OK;
}

/* Between the check and the cut other shards are asked, and the cycle: meanwhile a record of an
 * earlier month may have come, the first of it. Behind a later month's cut it would be in no batch.
 */
static void take_cut_check(struct shard *shard, const struct request *request)
{
    uint32_t blocking;
    const uint32_t code = check_cut(shard, request->period, &blocking);
    const bool closes = request->type == REQUEST_CUT_CLOSE && code == ERROR_OK;
    struct result *result = put_control(shard, request, code);
    shard->closing = closes ? request->period : 0;
    result->period = blocking;
    result->orig_period = shard->cut_through;
}

static void take_cut(struct shard *shard, const struct request *request, int64_t now_ms)
{
    shard->closing = 0;
    if (request->period > shard->cut_through) {
        append_control(shard, ENTRY_CUT, request->period, now_ms, request->body);
    }
    /* From here on nobody hears of a later record before every shard has cut: so no answer can
     * make somebody send a record that another shard still puts into the old month. */
    if (!shard->holding) shard->hold_from = shard->waiting_tail;
    shard->holding = true;
    put_control(shard, request, ERROR_OK);
}

static void take_clock(struct shard *shard, const struct request *request)
{
    uint32_t code = ERROR_OK;
    if (request->type == REQUEST_CLOCK_LEVEL) {
        if (request->instant_ms > shard->stamp_ms && shard->config.manual_clock) {
            append_control(shard, ENTRY_CLOCK, 0, request->instant_ms, request->body);
        }
    } else if (!shard->config.manual_clock || request->instant_ms < shard->stamp_ms) {
        code = ERROR_CLOCK;
    } else {
        append_control(shard, ENTRY_CLOCK, 0, request->instant_ms, request->body);
    }
    put_control(shard, request, code);
}

static void take_year_close(struct shard *shard, const struct request *request, int64_t now_ms)
{
    uint32_t code = ERROR_OK;
    if (request->period / 100 > shard->closed_year) {
        if (shard->cut_through < request->period) {
            code = ERROR_PERIOD_ORDER;
        } else if (request->type == REQUEST_YEAR_CLOSE) {
            append_control(shard, ENTRY_YEAR_CLOSE, request->period, now_ms, request->body);
        }
    }
    put_control(shard, request, code)->period = shard->cut_through;
}

/* -- what is only looked up -------------------------------------------------------------------- */

static void take_cells(struct shard *shard, const struct request *request)
{
    uint32_t count;
    uint32_t wanted = 0;
    const struct cell *cells = book_cells(shard->book, &count);
    struct cell *copy = malloc(sizeof *copy * (count + 1));
    NEED_MEMORY(copy); /* A report without one shard's cells would be a wrong one. */

    struct result *result = put_control(shard, request, ERROR_OK);
    result->period = shard->cut_through;
    result->orig_period = shard->closed_year;
    for (uint32_t i = 0; i < count; i++) {
        if (request->period == 0 || cells[i].key.period == request->period)
            copy[wanted++] = cells[i];
    }
    result->data = copy;
    result->data_size = wanted * sizeof *copy;
}

/* A growing answer; `data` is NULL while nothing was found. */
struct found {
    uint8_t *data;
    size_t size;
    size_t room;
};

static void found_add(struct found *found, const struct found_entry *head,
                      const struct entry *entry)
{
    const size_t size = entry_size(entry->body.size);
    if (found->data == NULL || found->room - found->size < sizeof *head + size) {
        found->room = 2 * (found->room + sizeof *head + size);
        uint8_t *more = realloc(found->data, found->room);
        NEED_MEMORY(more);
        found->data = more;
    }
    memcpy(found->data + found->size, head, sizeof *head);
    entry_encode(entry, found->data + found->size + sizeof *head);
    found->size += sizeof *head + size;
}

#define HISTORY_MAX 1000 /* Entries that refer to one record, listed at most; latest first. */

static void find_record(const struct shard *shard, const struct entry *entry,
                        const struct settlement *s, struct found *found)
{
    const struct posting posting = posting_of(entry, s);
    const struct cell *cell = book_find(shard->book, posting.key);
    const struct mark mark = mark_of(shard, entry->seq);
    struct found_entry head = {
        .size = (uint32_t)entry_size(entry->body.size),
        .reversed = (mark.flags & MARK_REVERSED) != 0,
        .cut = cell != NULL && cell->cut != 0,
        .refunded_fen = mark.refunds != 0 ? mark.changes[AMOUNT_MEDFEE] : 0,
    };
    found_add(found, &head, entry);

    uint64_t seq = mark.last_seq;
    for (int i = 0; i < HISTORY_MAX && seq != 0 && seq != entry->seq; i++) {
        struct entry item;
        if (!entry_at(shard, seq, &item)) return;
        head = (struct found_entry){
            .size = (uint32_t)entry_size(item.body.size),
            .history = 1,
            .reversed = (mark_of(shard, seq).flags & MARK_REVERSED) != 0,
        };
        found_add(found, &head, &item);
        seq = item.prev_seq;
    }
}

/* Tells the desk which record cannot be read: the data is a text. */
static void put_control_unread(struct shard *shard, const struct request *request,
                               const struct failure *failure)
{
    char text[160];
    failure_text(request->type, failure, text, sizeof text);
    struct result *result = put_control(shard, request, failure->code);
    result->data = strdup(text);
    NEED_MEMORY(result->data);
    result->data_size = strlen(text) + 1;
}

static void take_find(struct shard *shard, const struct request *request)
{
    struct found found = {0};
    struct failure failure;
    struct lookup lookup;
    struct entry entry;

    lookup_begin(shard, hash_setl_id(shard, request->area, request->body), &lookup);
    while (lookup_next(shard, &lookup, &entry)) {
        struct settlement s;
        uint32_t field;
        if (!is_settlement(&entry)) continue;
        if (!settlement_decode(entry.body, &s, &field)) continue;
        if (s.insu_admdvs == request->area && bytes_equal(s.setl_id, request->body)) {
            find_record(shard, &entry, &s, &found);
        }
    }
    if (unread_take(shard, &failure)) {
        free(found.data);
        put_control_unread(shard, request, &failure);
        return;
    }
    struct result *result = put_control(shard, request, ERROR_OK);
    result->data = found.data;
    result->data_size = found.size;
}

/* Hands on what shard_answers.c says. */
static void take_question(struct shard *shard, const struct request *request, answer_fn *answer)
{
    struct answer said = {0};
    const uint32_t code = answer(shard, request->body, &said);
    struct failure failure;
    if (unread_take(shard, &failure)) {
        free(said.data);
        put_control_unread(shard, request, &failure);
        return;
    }
    struct result *result = put_control(shard, request, code);
    if (code != ERROR_OK) return;
    result->seq = said.seq;
    result->data = said.data;
    result->data_size = said.size;
}

static void take_status(struct shard *shard, const struct request *request)
{
    struct shard_status *status = malloc(sizeof *status);
    NEED_MEMORY(status);
    struct result *result = put_control(shard, request, ERROR_OK);
    shard_get_status(shard, status);
    result->data = status;
    result->data_size = sizeof *status;
}

/* -- by type ----------------------------------------------------------------------------------- */

void take_control(struct shard *shard, const struct request *request, int64_t now_ms)
{
    switch (request->type) {
    case REQUEST_CUT_CHECK:
    case REQUEST_CUT_CLOSE:
        take_cut_check(shard, request);
        return;
    case REQUEST_CUT:
        take_cut(shard, request, now_ms);
        return;
    case REQUEST_CUT_RELEASE:
        shard->holding = false;
        put_control(shard, request, ERROR_OK);
        return;
    case REQUEST_CLOCK:
    case REQUEST_CLOCK_LEVEL:
        take_clock(shard, request);
        return;
    case REQUEST_YEAR_CHECK:
    case REQUEST_YEAR_CLOSE:
        take_year_close(shard, request, now_ms);
        return;
    case REQUEST_CELLS:
        take_cells(shard, request);
        return;
    case REQUEST_FIND:
        take_find(shard, request);
        return;
    case REQUEST_STATUS:
        take_status(shard, request);
        return;
    case REQUEST_TALLIES:
        take_question(shard, request, answer_tallies);
        return;
    case REQUEST_SCAN:
        take_question(shard, request, answer_scan);
        return;
    case REQUEST_FACTS:
        take_question(shard, request, answer_facts);
        return;
    case REQUEST_CYCLE:
        take_cycle(shard, request, now_ms);
        return;
    default:
        put_control(shard, request, ERROR_UNKNOWN_TYPE);
    }
}
