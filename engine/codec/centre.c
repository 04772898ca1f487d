#include "codec/centre.h"

#include <stdlib.h>

#include "centre.pb-c.h"
#include "codec/packing.h"
#include "session.pb-c.h"
#include "types/cell.h"
#include "types/error.h"
#include "types/province.h"
#include "types/wire.h"

bool hello_decode(struct bytes body, struct hello *ret_hello)
{
    Qingfen__V1__Hello *m = qingfen__v1__hello__unpack(pb_memory(), body.size, body.data);
    if (m == NULL) return false;
    *ret_hello =
        (struct hello){.version = m->version, .province = m->province, .home_shard = m->home_shard};
    qingfen__v1__hello__free_unpacked(m, NULL);
    return true;
}

uint8_t *hello_reply_encode(const struct hello_reply *reply, size_t *ret_size)
{
    Qingfen__V1__HelloReply m = QINGFEN__V1__HELLO_REPLY__INIT;
    m.code = reply->code;
    if (reply->code != 0) m.text = pb_text(error_text(reply->code));
    m.version = FRAME_VERSION;
    m.shards = reply->shards;
    m.home_shard = reply->home_shard;
    m.store_id.data = (uint8_t *)(uintptr_t)reply->store_id.data;
    m.store_id.len = reply->store_id.size;
    m.frame_payload_max = FRAME_PAYLOAD_MAX;
    m.batch_records_max = BATCH_RECORDS_MAX;
    m.now = reply->now_ms;
    m.manual_clock = reply->manual_clock;
    m.cut_through = reply->cut_through;
    return pb_pack(&m.base, ret_size);
}

static bool copy_text(char *out, size_t room, const char *text)
{
    const size_t size = strlen(text);
    if (size >= room) return false;
    memcpy(out, text, size + 1);
    return true;
}

#define OPEN(TYPE, type)                                                                       \
    Qingfen__V1__##TYPE *m = qingfen__v1__##type##__unpack(pb_memory(), body.size, body.data); \
    if (m == NULL) return false
#define CLOSE(type) qingfen__v1__##type##__free_unpacked(m, NULL)

static bool decode_net_report(struct bytes body, struct centre_request *request)
{
    OPEN(NetReport, net_report);
    request->period = m->period;
    const bool fits = copy_text(request->mode, sizeof request->mode, m->mode);
    CLOSE(net_report);
    return fits;
}

static bool decode_settlement_get(struct bytes body, struct centre_request *request)
{
    OPEN(SettlementGet, settlement_get);
    request->area = m->insu_admdvs;
    const size_t size = strlen(m->setl_id);
    const bool fits =
        size <= 30 && copy_text(request->setl_id, sizeof request->setl_id, m->setl_id);
    request->setl_id_size = (uint32_t)size;
    CLOSE(settlement_get);
    return fits;
}

static bool decode_position_report(struct bytes body, struct centre_request *request)
{
    OPEN(PositionReport, position_report);
    request->period = m->period;
    CLOSE(position_report);
    return true;
}

static bool decode_clock_set(struct bytes body, struct centre_request *request)
{
    OPEN(ClockSet, clock_set);
    request->to_ms = m->to;
    CLOSE(clock_set);
    return true;
}

static bool decode_empty(const ProtobufCMessageDescriptor *descriptor, struct bytes body)
{
    ProtobufCMessage *m = protobuf_c_message_unpack(descriptor, pb_memory(), body.size, body.data);
    if (m == NULL) return false;
    protobuf_c_message_free_unpacked(m, NULL);
    return true;
}

bool centre_request_decode(uint16_t type, struct bytes body, struct centre_request *ret_request)
{
    memset(ret_request, 0, sizeof *ret_request);
    switch (type) {
    case MESSAGE_PERIOD_LIST:
        return decode_empty(&qingfen__v1__period_list__descriptor, body);
    case MESSAGE_NET_REPORT:
        return decode_net_report(body, ret_request);
    case MESSAGE_POSITION_REPORT:
        return decode_position_report(body, ret_request);
    case MESSAGE_SETTLEMENT_GET:
        return decode_settlement_get(body, ret_request);
    case MESSAGE_CLOCK_SET:
        return decode_clock_set(body, ret_request);
    case MESSAGE_STATUS_GET:
        return decode_empty(&qingfen__v1__status_get__descriptor, body);
    default:
        return false;
    }
}

/* In every reply of the desk, as in Reply, field 1 is the code and field 2 the text. */
uint8_t *centre_refusal_encode(uint32_t code, const char *text, size_t *ret_size)
{
    Qingfen__V1__Reply m = QINGFEN__V1__REPLY__INIT;
    m.code = code;
    m.text = pb_text(text != NULL ? text : error_text(code));
    return pb_pack(&m.base, ret_size);
}

static void fill_summary(const struct period_row *row, Qingfen__V1__PeriodSummary *m)
{
    qingfen__v1__period_summary__init(m);
    m->period = row->period;
    m->state = pb_text(row->cut ? "CUT" : "OPEN");
    m->count = row->count;
    m->refund_count = row->refund_count;
    m->late_count = row->late_count;
    m->medfee_sumamt = row->medfee;
    m->fund = row->fund;
    m->account = row->account;
    m->gross = row->gross;
    m->bilateral = row->bilateral;
    m->multilateral = row->multilateral;
    m->digest.data = (uint8_t *)(uintptr_t)row->digest;
    m->digest.len = sizeof row->digest;
}

uint8_t *period_cut_reply_encode(const struct period_cut_report *report, size_t *ret_size)
{
    Qingfen__V1__PeriodSummary summary;
    Qingfen__V1__PeriodCutReply m = QINGFEN__V1__PERIOD_CUT_REPLY__INIT;
    fill_summary(report->row, &summary);
    m.dup = report->dup;
    m.period = &summary;
    m.cut_at = report->cut_at_ms;
    m.cut_us = report->cut_us;
    m.batch = pb_text(report->batch);
    m.batch_count = report->batch_count;
    m.batch_amount = report->batch_amount;
    m.left_out = report->left_out;
    m.left_out_amount = report->left_out_amount;
    m.provisional = report->provisional;
    return pb_pack(&m.base, ret_size);
}

uint8_t *period_list_reply_encode(const struct period_row *rows, size_t count, uint32_t closed_year,
                                  size_t *ret_size)
{
    Qingfen__V1__PeriodListReply m = QINGFEN__V1__PERIOD_LIST_REPLY__INIT;
    void **list = pb_repeated(count, sizeof(Qingfen__V1__PeriodSummary));
    if (list == NULL) return NULL;
    for (size_t i = 0; i < count; i++)
        fill_summary(&rows[i], list[i]);
    m.n_periods = count;
    m.periods = (Qingfen__V1__PeriodSummary **)list;
    m.closed_year = closed_year;
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(list);
    return out;
}

uint8_t *net_report_reply_encode(const struct net_report *report, size_t *ret_size)
{
    Qingfen__V1__NetReportReply m = QINGFEN__V1__NET_REPORT_REPLY__INIT;
    Qingfen__V1__NetPosition positions[PROVINCE_COUNT];
    Qingfen__V1__NetPosition *position_list[PROVINCE_COUNT];
    void **list = pb_repeated(report->row_count, sizeof(Qingfen__V1__NetPayment));
    if (list == NULL) return NULL;
    for (size_t i = 0; i < report->row_count; i++)
        pb_net_payment(&report->rows[i], list[i]);
    for (size_t i = 0; i < PROVINCE_COUNT; i++) {
        pb_net_position(&report->provinces[i], &positions[i]);
        position_list[i] = &positions[i];
    }
    m.period = report->period;
    m.state = pb_text(report->cut ? "CUT" : "OPEN");
    m.mode = pb_text(report->mode);
    m.payable_mode = pb_text(report->payable_mode);
    m.n_payments = report->row_count;
    m.payments = (Qingfen__V1__NetPayment **)list;
    m.n_positions = PROVINCE_COUNT;
    m.positions = position_list;
    m.gross_total = report->gross_total;
    m.bilateral_total = report->bilateral_total;
    m.multilateral_total = report->multilateral_total;
    m.saved_bp = report->saved_bp;
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(list);
    return out;
}

static void fill_position(const struct position_row *row, Qingfen__V1__Position *m)
{
    qingfen__v1__position__init(m);
    m->payer = row->payer;
    m->payee = row->payee;
    m->line = row->line;
    m->insutype = row->insutype;
    m->count = row->count;
    m->fund = row->fund;
    m->account = row->account;
    m->amount = row->amount;
    m->pool = row->pool;
    m->supplement = row->supplement;
    m->assistance = row->assistance;
    m->other = row->other;
}

uint8_t *position_report_reply_encode(uint32_t period, bool cut, const struct position_row *rows,
                                      size_t count, size_t *ret_size)
{
    Qingfen__V1__PositionReportReply m = QINGFEN__V1__POSITION_REPORT_REPLY__INIT;
    void **list = pb_repeated(count, sizeof(Qingfen__V1__Position));
    if (list == NULL) return NULL;
    for (size_t i = 0; i < count; i++)
        fill_position(&rows[i], list[i]);
    m.period = period;
    m.state = pb_text(cut ? "CUT" : "OPEN");
    m.n_positions = count;
    m.positions = (Qingfen__V1__Position **)list;
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(list);
    return out;
}

static void fill_timings(const struct stage_timing *timings, Qingfen__V1__StageTiming **list)
{
    for (int i = 0; i < STAGE_COUNT; i++) {
        Qingfen__V1__StageTiming *m = list[i];
        qingfen__v1__stage_timing__init(m);
        m->stage = pb_text(stage_name((enum stage)i));
        m->count = timings[i].count;
        m->total_ns = timings[i].total_ns;
        m->max_ns = timings[i].max_ns;
        m->max_cpu_ns = timings[i].max_cpu_ns;
        m->above_1ms = timings[i].above_1ms;
        m->above_5ms = timings[i].above_5ms;
        m->n_histogram = STAGE_BUCKETS;
        m->histogram = (uint64_t *)(uintptr_t)timings[i].histogram;
    }
}

static void fill_status(const struct status_shard *shard, Qingfen__V1__StageTiming **timings,
                        Qingfen__V1__ShardStatus *m)
{
    qingfen__v1__shard_status__init(m);
    m->shard = shard->shard;
    m->last_seq = shard->last_seq;
    m->durable_seq = shard->durable_seq;
    m->checkpoint_seq = shard->checkpoint_seq;
    m->journal_bytes = shard->journal_bytes;
    m->accepted = shard->accepted;
    m->duplicate = shard->duplicate;
    m->rejected = shard->rejected;
    m->blocks = shard->blocks;
    m->checkpoints = shard->checkpoints;
    m->sessions = shard->sessions;
    m->soft_failures = shard->soft_failures;
    m->unreadable = shard->unreadable;
    m->memory_bytes = shard->memory_bytes;
    fill_timings(shard->timings, timings);
    m->n_timings = STAGE_COUNT;
    m->timings = timings;
}

uint8_t *status_reply_encode(const struct status_report *report, size_t *ret_size)
{
    Qingfen__V1__StatusReply m = QINGFEN__V1__STATUS_REPLY__INIT;
    void **list = pb_repeated(report->shard_count, sizeof(Qingfen__V1__ShardStatus));
    void **timings =
        pb_repeated(report->shard_count * STAGE_COUNT, sizeof(Qingfen__V1__StageTiming));
    if (list == NULL || timings == NULL) {
        free(list);
        free(timings);
        return NULL;
    }
    for (size_t i = 0; i < report->shard_count; i++) {
        fill_status(&report->shards[i], (Qingfen__V1__StageTiming **)timings + i * STAGE_COUNT,
                    list[i]);
    }
    m.now = report->now_ms;
    m.manual_clock = report->manual_clock;
    m.shards = (uint32_t)report->shard_count;
    m.store_id.data = (uint8_t *)(uintptr_t)report->store_id.data;
    m.store_id.len = report->store_id.size;
    m.n_shard = report->shard_count;
    m.shard = (Qingfen__V1__ShardStatus **)list;
    m.cut_through = report->cut_through;
    m.closed_year = report->closed_year;
    m.version = pb_text(QINGFEN_VERSION);
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(list);
    free(timings);
    return out;
}

static const char *const fund_names[FUND_COUNT] = {"POOL", "ACCOUNT", "SUPPLEMENT", "ASSISTANCE",
                                                   "OTHER"};

/* The record's own postings: accepted Dr COST / Cr ACCRUED, and after a cut on to CLEARING. */
static size_t fill_postings(const struct found_record *record, Qingfen__V1__PostingLine *lines,
                            Qingfen__V1__PostingLine **list)
{
    size_t count = 0;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        const int64_t amount = record->funds[fund];
        if (amount == 0) continue;
        const struct {
            const char *account;
            int64_t debit;
            bool there;
        } postings[4] = {{"COST", amount, true},
                         {"ACCRUED", -amount, true},
                         {"ACCRUED", amount, record->cut},
                         {"CLEARING", -amount, record->cut}};
        for (int i = 0; i < 4; i++) {
            if (!postings[i].there) continue;
            Qingfen__V1__PostingLine *line = &lines[count];
            qingfen__v1__posting_line__init(line);
            line->account = pb_text(postings[i].account);
            line->fund = pb_text(fund_names[fund]);
            line->debit = postings[i].debit;
            list[count++] = line;
        }
    }
    return count;
}

static char *copy_view(struct bytes view)
{
    char *text = malloc(view.size + 1);
    if (text == NULL) return NULL;
    if (view.size != 0) memcpy(text, view.data, view.size);
    text[view.size] = '\0';
    return text;
}

static bool fill_history(const struct found_record *record, void **list)
{
    for (size_t i = 0; i < record->history_count; i++) {
        Qingfen__V1__HistoryItem *item = list[i];
        const struct found_history *from = &record->history[i];
        qingfen__v1__history_item__init(item);
        item->engine_seq = from->seq;
        item->at = from->at_ms;
        item->what = pb_text(from->what);
        item->ref = copy_view(from->ref);
        item->clr_amt = from->clr_amt;
        item->clr_period = from->period;
        if (item->ref == NULL) return false;
    }
    return true;
}

/* One record packed on its own, as the bytes of SettlementGetReply.records. */
static uint8_t *pack_record(const struct found_record *record, size_t *ret_size)
{
    Qingfen__V1__SettlementRecord m = QINGFEN__V1__SETTLEMENT_RECORD__INIT;
    Qingfen__V1__PostingLine lines[4 * FUND_COUNT];
    Qingfen__V1__PostingLine *line_list[4 * FUND_COUNT];
    uint8_t *out = NULL;
    void **history = pb_repeated(record->history_count, sizeof(Qingfen__V1__HistoryItem));
    if (history == NULL) return NULL;

    m.setl_post.data = (uint8_t *)(uintptr_t)record->body.data;
    m.setl_post.len = record->body.size;
    m.state = pb_text(record->state);
    m.kind = record->kind;
    m.clr_period = record->period;
    m.orig_period = record->orig_period;
    m.engine_seq = record->seq;
    m.shard = record->shard;
    m.posted_at = record->posted_at_ms;
    m.clr_amt = record->clr_amt;
    m.line = record->line;
    m.refunded = record->refunded;
    m.n_postings = fill_postings(record, lines, line_list);
    m.postings = line_list;
    if (fill_history(record, history)) {
        m.n_history = record->history_count;
        m.history = (Qingfen__V1__HistoryItem **)history;
        out = pb_pack(&m.base, ret_size);
        for (size_t i = 0; i < record->history_count; i++)
            free(m.history[i]->ref);
    }
    free(history);
    return out;
}

uint8_t *settlement_get_reply_encode(const struct found_record *records, size_t count,
                                     size_t *ret_size)
{
    /* Built by hand from packed records: field 3, length-delimited. */
    uint8_t *out = NULL;
    size_t size = 0;
    for (size_t i = 0; i < count; i++) {
        size_t record_size;
        uint8_t *record = pack_record(&records[i], &record_size);
        uint8_t *more = record == NULL ? NULL : realloc(out, size + record_size + 16);
        if (more == NULL) {
            free(record);
            free(out);
            return NULL;
        }
        out = more;
        out[size++] = 3 << 3 | 2;
        uint64_t length = record_size;
        for (; length >= 0x80; length >>= 7)
            out[size++] = (uint8_t)(length | 0x80);
        out[size++] = (uint8_t)length;
        memcpy(out + size, record, record_size);
        size += record_size;
        free(record);
    }
    *ret_size = size;
    return out != NULL ? out : malloc(1);
}
