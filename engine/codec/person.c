#include "codec/person.h"

#include <stdlib.h>

#include "codec/packing.h"
#include "person.pb-c.h"
#include "types/error.h"
#include "types/wire.h"
#include "util/text.h"
#include "wallet.pb-c.h"

#define OUTBOX_PAGE_MAX     1000
#define OUTBOX_PAGE_DEFAULT 100
#define REFUSAL_SIZE        256
#define SCOPE               "cross-province only"

static const char *const kind_names[RECORDS_KIND_END] = {
    [RECORDS_ALL] = "",
    [RECORDS_TRANSFER] = "transfer",
    [RECORDS_PAYMENT] = "payment",
    [RECORDS_PREMIUM] = "premium",
    [RECORDS_USAGE] = "usage",
    [RECORDS_RELATION] = "relation",
    [RECORDS_WALLET] = "wallet",
};

const char *wallet_record_kind_name(uint32_t kind)
{
    return kind < RECORDS_KIND_END ? kind_names[kind] : "";
}

/* -- questions ------------------------------------------------------------------------------ */

/* Where fields go while a message is read, and what is wrong with the first that does not fit. */
struct reading {
    struct person_question *question;
    char *why;
    bool sound;
};

static void wrong(struct reading *r, const char *field, const char *what)
{
    if (!r->sound) return;
    struct text text = text_begin(r->why, QUESTION_WHY_SIZE);
    text_add(&text, field);
    text_add(&text, ": ");
    text_add(&text, what);
    r->sound = false;
}

static void read_key(struct reading *r, ProtobufCBinaryData key)
{
    if (key.len != PSN_KEY_SIZE) {
        wrong(r, "psn_key", "16 bytes are needed");
        return;
    }
    memcpy(r->question->psn_key.bytes, key.data, PSN_KEY_SIZE);
    r->question->has_key = true;
}

/* A text of 1..`max` bytes into a room that is larger; what is behind it stays zero. */
static void read_text(struct reading *r, const char *field, const char *text, size_t max, char *out)
{
    const size_t size = strlen(text);
    if (size == 0) {
        wrong(r, field, "missing");
    } else if (size > max) {
        wrong(r, field, "too long");
    } else {
        memcpy(out, text, size);
    }
}

static void read_limit(struct reading *r, uint32_t limit, uint32_t most, uint32_t usual)
{
    if (limit > most) wrong(r, "limit", most == PERSON_PAGE_MAX ? "at most 200" : "at most 1000");
    r->question->limit = limit != 0 ? limit : usual;
}

/* What both lists of records have in common. */
static void read_page(struct reading *r, int64_t from, int64_t to, const char *token,
                      uint32_t limit)
{
    if (from < 0 || to < 0) wrong(r, from < 0 ? "from" : "to", "before 1970");
    if (to != 0 && from > to) wrong(r, "from", "behind `to`");
    r->question->from_ms = from;
    r->question->to_ms = to;
    if (token[0] != '\0') {
        read_text(r, "page_token", token, PAGE_TOKEN_SIZE - 1, r->question->page_token);
    }
    read_limit(r, limit, PERSON_PAGE_MAX, PERSON_PAGE_DEFAULT);
}

static void read_kind(struct reading *r, const char *name)
{
    for (uint32_t kind = 0; kind < RECORDS_KIND_END; kind++) {
        if (strcmp(kind_names[kind], name) != 0) continue;
        r->question->kind = kind;
        return;
    }
    wrong(r, "kind", "transfer, payment, premium, usage, relation or wallet");
}

static void read_outbox(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__OutboxGet *m = (const Qingfen__V1__OutboxGet *)message;
    r->question->dest = m->dest;
    r->question->after = m->after;
    read_limit(r, m->limit, OUTBOX_PAGE_MAX, OUTBOX_PAGE_DEFAULT);
}

static void read_statement(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__StmtGet *m = (const Qingfen__V1__StmtGet *)message;
    if (m->psn_key.len != 0) read_key(r, m->psn_key);
    read_text(r, "setl_id", m->setl_id, CLIENT_NO_SIZE - 2, r->question->setl_id);
    if (m->insu_admdvs == 0) wrong(r, "insu_admdvs", "missing");
    r->question->area = m->insu_admdvs;
}

static void read_year(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__YearSumGet *m = (const Qingfen__V1__YearSumGet *)message;
    read_key(r, m->psn_key);
    if (m->year < 2000 || m->year > 2999) wrong(r, "year", "within 2000..2999");
    r->question->year = m->year;
}

static void read_wallet(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__WltQuery *m = (const Qingfen__V1__WltQuery *)message;
    read_key(r, m->psn_key);
}

static void read_wallet_records(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__WltRecords *m = (const Qingfen__V1__WltRecords *)message;
    read_key(r, m->psn_key);
    read_kind(r, m->kind);
    read_page(r, m->from, m->to, m->page_token, m->limit);
}

static void read_settlements(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__SetlRecords *m = (const Qingfen__V1__SetlRecords *)message;
    read_key(r, m->psn_key);
    read_page(r, m->from, m->to, m->page_token, m->limit);
}

static void read_region(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__RegionQuery *m = (const Qingfen__V1__RegionQuery *)message;
    if (m->at < 0) wrong(r, "at", "before 1970");
    r->question->area = m->admdvs;
    r->question->from_ms = m->at;
}

static void read_institution(struct reading *r, const ProtobufCMessage *message)
{
    const Qingfen__V1__InstQuery *m = (const Qingfen__V1__InstQuery *)message;
    read_text(r, "fixmedins_code", m->fixmedins_code, 12, r->question->fixmedins_code);
}

/* Each question: how it is unpacked, and who reads it. */
typedef void read_fn(struct reading *r, const ProtobufCMessage *message);

/* clang-format off -- a table is read as a table */
static const struct {
    uint16_t type;
    const ProtobufCMessageDescriptor *descriptor;
    read_fn *read;
} questions[] = {
    {MESSAGE_OUTBOX_GET, &qingfen__v1__outbox_get__descriptor, read_outbox},
    {MESSAGE_STMT_GET, &qingfen__v1__stmt_get__descriptor, read_statement},
    {MESSAGE_YEAR_SUM_GET, &qingfen__v1__year_sum_get__descriptor, read_year},
    {MESSAGE_WLT_QUERY, &qingfen__v1__wlt_query__descriptor, read_wallet},
    {MESSAGE_WLT_RECORDS, &qingfen__v1__wlt_records__descriptor, read_wallet_records},
    {MESSAGE_SETL_RECORDS, &qingfen__v1__setl_records__descriptor, read_settlements},
    {MESSAGE_REGION_QUERY, &qingfen__v1__region_query__descriptor, read_region},
    {MESSAGE_INST_QUERY, &qingfen__v1__inst_query__descriptor, read_institution},
};
/* clang-format on */

bool person_question_decode(uint16_t type, struct bytes body, struct person_question *ret_question,
                            char ret_why[QUESTION_WHY_SIZE])
{
    struct reading reading = {.question = ret_question, .why = ret_why, .sound = true};
    memset(ret_question, 0, sizeof *ret_question);
    ret_question->type = type;
    for (size_t i = 0; i < sizeof questions / sizeof questions[0]; i++) {
        if (questions[i].type != type) continue;
        ProtobufCMessage *message =
            protobuf_c_message_unpack(questions[i].descriptor, pb_memory(), body.size, body.data);
        if (message == NULL) break;
        questions[i].read(&reading, message);
        protobuf_c_message_free_unpacked(message, NULL);
        return reading.sound;
    }
    wrong(&reading, "message", "not of its type");
    return false;
}

/* -- answers -------------------------------------------------------------------------------- */

/* Code and text are fields 1 and 2 of every reply. */
uint8_t *person_refusal_encode(uint32_t code, const char *why, size_t *ret_size)
{
    char line[REFUSAL_SIZE];
    struct text text = text_begin(line, sizeof line);
    text_add(&text, error_text(code));
    if (why != NULL) {
        text_add(&text, ": ");
        text_add(&text, why);
    }
    Qingfen__V1__InstQueryReply m = QINGFEN__V1__INST_QUERY_REPLY__INIT;
    m.code = code;
    m.text = line;
    return pb_pack(&m.base, ret_size);
}

static void fill_step(const struct statement_step *step, Qingfen__V1__StmtStep *m)
{
    qingfen__v1__stmt_step__init(m);
    m->setl_id = pb_text(step->setl_id);
    m->what = pb_text(step->what);
    m->at = step->at_ms;
    m->medfee_sumamt = step->sums.medfee;
    m->fund_pay_sumamt = step->sums.fund;
    m->acct_pay = step->sums.acct;
    m->wlt_pay = step->sums.wlt;
    m->psn_cash_pay = step->sums.cash;
    m->clr_period = step->period;
}

static void fill_left(const struct statement_sums *left, Qingfen__V1__StmtGetReply *m)
{
    m->left_medfee = left->medfee;
    m->left_fund = left->fund;
    m->left_acct = left->acct;
    m->left_wlt = left->wlt;
    m->left_cash = left->cash;
}

uint8_t *statement_reply_encode(const struct statement *statement, size_t *ret_size)
{
    const struct statement *s = statement;
    Qingfen__V1__StmtGetReply m = QINGFEN__V1__STMT_GET_REPLY__INIT;
    void **lots = pb_repeated(s->lot_count, sizeof(Qingfen__V1__StmtLot));
    void **steps = pb_repeated(s->step_count, sizeof(Qingfen__V1__StmtStep));
    uint8_t *out = NULL;

    m.settlement =
        qingfen__v1__setl_post__unpack(pb_memory(), s->settlement.size, s->settlement.data);
    if (lots != NULL && steps != NULL && m.settlement != NULL) {
        for (uint32_t i = 0; i < s->lot_count; i++) {
            Qingfen__V1__StmtLot *lot = lots[i];
            qingfen__v1__stmt_lot__init(lot);
            lot->province = s->lots[i].province;
            lot->amt = s->lots[i].amount;
        }
        for (uint32_t i = 0; i < s->step_count; i++)
            fill_step(&s->steps[i], steps[i]);
        m.state = pb_text(s->state);
        if (s->text != NULL) m.text = pb_text(s->text);
        if (s->name != NULL) m.fixmedins_name = pb_text(s->name);
        m.clr_period = s->period;
        m.posted_at = s->posted_ms;
        m.n_wallet = s->lot_count;
        m.wallet = (Qingfen__V1__StmtLot **)lots;
        m.n_chain = s->step_count;
        m.chain = (Qingfen__V1__StmtStep **)steps;
        fill_left(&s->left, &m);
        out = pb_pack(&m.base, ret_size);
    }
    if (m.settlement != NULL) qingfen__v1__setl_post__free_unpacked(m.settlement, NULL);
    free(lots);
    free(steps);
    return out;
}

uint8_t *year_reply_encode(const struct year_sum *sum, size_t *ret_size)
{
    Qingfen__V1__YearSumGetReply m = QINGFEN__V1__YEAR_SUM_GET_REPLY__INIT;
    if (!sum->complete) {
        m.code = ERROR_YEAR_INCOMPLETE;
        m.text = pb_text(error_text(ERROR_YEAR_INCOMPLETE));
    }
    m.count = sum->count;
    m.medfee_sumamt = sum->medfee;
    m.fund_pay_sumamt = sum->fund;
    m.in_scope_selfpay = sum->in_scope_selfpay;
    m.full_selfpay = sum->full_selfpay;
    m.deductible = sum->deductible;
    m.deduct_from = sum->deduct_from;
    m.deduct_max = sum->deduct_max;
    m.complete = sum->complete;
    m.scope = pb_text(SCOPE);
    return pb_pack(&m.base, ret_size);
}

/* -- a wallet ------------------------------------------------------------------------------- */

static const char *const wallet_states[] = {
    [WALLET_NONE] = "",           [WALLET_OPEN] = "OPEN",     [WALLET_FROZEN] = "FROZEN",
    [WALLET_CLOSING] = "CLOSING", [WALLET_CLOSED] = "CLOSED",
};

static const char *wallet_state_name(uint32_t state)
{
    return state <= WALLET_CLOSED ? wallet_states[state] : "";
}

/* Id of the relation that a lot hangs on; "" when it has ended. */
static const char *relation_of(const struct wallet_view *view, const struct lot *lot)
{
    for (uint32_t i = 0; i < view->relation_count; i++) {
        const struct relation_row *r = &view->relations[i];
        if (r->side == SIDE_RECEIVER && memcmp(&r->other, &lot->from, sizeof r->other) == 0) {
            return r->rlts_id;
        }
    }
    return "";
}

static void fill_lots(const struct wallet_view *view, void **list)
{
    for (uint32_t i = 0; i < view->lot_count; i++) {
        Qingfen__V1__WltLot *m = list[i];
        const struct lot *lot = &view->lots[i];
        qingfen__v1__wlt_lot__init(m);
        m->number = lot->number;
        m->admdvs = lot->origin_admdvs;
        m->amt = lot->amount;
        m->accepted_at = lot->accepted_ms;
        m->rlts_id = pb_text(relation_of(view, lot));
    }
}

static void fill_transfers(const struct wallet_view *view, void **list)
{
    for (uint32_t i = 0; i < view->transfer_count; i++) {
        Qingfen__V1__WltTransfer *m = *list++;
        const struct transfer_row *row = &view->transfers[i];
        qingfen__v1__wlt_transfer__init(m);
        m->trsf_id = pb_text(row->trsf_id);
        m->stas = pb_text(row->state == TRANSFER_HOLDING ? "HOLDING" : "PENDING");
        m->amt = row->amount;
        m->exp_at = row->exp_ms;
    }
    for (uint32_t i = 0; i < view->offer_count; i++) {
        Qingfen__V1__WltTransfer *m = *list++;
        const struct offer_row *row = &view->offers[i];
        qingfen__v1__wlt_transfer__init(m);
        m->trsf_id = pb_text(row->trsf_id);
        m->stas = pb_text("PENDING");
        m->incoming = true;
        m->amt = row->amount;
        m->exp_at = row->exp_ms;
        m->admdvs = row->giver_admdvs;
    }
}

static void fill_relations(const struct wallet_view *view, void **list)
{
    for (uint32_t i = 0; i < view->relation_count; i++) {
        Qingfen__V1__WltRelation *m = list[i];
        const struct relation_row *row = &view->relations[i];
        qingfen__v1__wlt_relation__init(m);
        m->rlts_id = pb_text(row->rlts_id);
        m->side = row->side;
        m->rlts_code = row->rlts_code;
        m->since = row->since_ms;
    }
}

static void fill_view(const struct wallet_view *view, Qingfen__V1__WltQueryReply *m)
{
    m->wlt_id = pb_text(view->wallet->wlt_id);
    m->state = pb_text(wallet_state_name(view->wallet->state));
    m->insu_admdvs = view->insu_admdvs;
    m->insutype = view->insutype;
    m->use_loc_admdvs = view->wallet->use_loc_admdvs;
    m->balc = view->balance;
    m->free_balc = view->free_balance;
    m->held = view->hold->held;
    m->consumed = view->hold->consumed;
    m->granted = view->hold->granted;
    m->day_count = view->day_count;
    m->day_sum = view->day_sum;
}

uint8_t *wallet_view_encode(const struct wallet_view *view, size_t *ret_size)
{
    Qingfen__V1__WltQueryReply m = QINGFEN__V1__WLT_QUERY_REPLY__INIT;
    const uint32_t transfers = view->transfer_count + view->offer_count;
    void **lot_list = pb_repeated(view->lot_count, sizeof(Qingfen__V1__WltLot));
    void **transfer_list = pb_repeated(transfers, sizeof(Qingfen__V1__WltTransfer));
    void **relation_list = pb_repeated(view->relation_count, sizeof(Qingfen__V1__WltRelation));
    uint8_t *out = NULL;

    if (lot_list != NULL && transfer_list != NULL && relation_list != NULL) {
        fill_view(view, &m);
        fill_lots(view, lot_list);
        fill_transfers(view, transfer_list);
        fill_relations(view, relation_list);
        m.n_lots = view->lot_count;
        m.lots = (Qingfen__V1__WltLot **)lot_list;
        m.n_transfers = transfers;
        m.transfers = (Qingfen__V1__WltTransfer **)transfer_list;
        m.n_relations = view->relation_count;
        m.relations = (Qingfen__V1__WltRelation **)relation_list;
        out = pb_pack(&m.base, ret_size);
    }
    free(lot_list);
    free(transfer_list);
    free(relation_list);
    return out;
}

/* -- records -------------------------------------------------------------------------------- */

uint8_t *wallet_records_encode(const struct wallet_record *list, uint32_t count, const char *token,
                               size_t *ret_size)
{
    Qingfen__V1__WltRecordsReply m = QINGFEN__V1__WLT_RECORDS_REPLY__INIT;
    void **records = pb_repeated(count, sizeof(Qingfen__V1__WltRecord));
    if (records == NULL) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        Qingfen__V1__WltRecord *record = records[i];
        qingfen__v1__wlt_record__init(record);
        record->seq = list[i].seq;
        record->at = list[i].at_ms;
        record->kind = pb_text(wallet_record_kind_name(list[i].kind));
        record->what = pb_text(list[i].what);
        record->id = pb_text(list[i].id);
        record->ref = pb_text(list[i].ref);
        record->amt = list[i].amount;
        record->admdvs = list[i].admdvs;
        record->old_admdvs = list[i].old_admdvs;
    }
    m.n_records = count;
    m.records = (Qingfen__V1__WltRecord **)records;
    m.page_token = pb_text(token);
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(records);
    return out;
}

uint8_t *settlement_records_encode(const struct bytes *list, uint32_t count, const char *token,
                                   size_t *ret_size)
{
    Qingfen__V1__SetlRecordsReply m = QINGFEN__V1__SETL_RECORDS_REPLY__INIT;
    uint8_t *out = NULL;
    void **records = calloc(count + 1, sizeof(void *));
    if (records == NULL) return NULL;
    m.records = (Qingfen__V1__SetlPost **)records;
    for (; m.n_records < count; m.n_records++) {
        const struct bytes bytes = list[m.n_records];
        records[m.n_records] = qingfen__v1__setl_post__unpack(pb_memory(), bytes.size, bytes.data);
        if (records[m.n_records] == NULL) break;
    }
    m.page_token = pb_text(token);
    if (m.n_records == count) out = pb_pack(&m.base, ret_size);
    for (size_t i = 0; i < m.n_records; i++)
        qingfen__v1__setl_post__free_unpacked(m.records[i], NULL);
    free(records);
    return out;
}

/* -- places --------------------------------------------------------------------------------- */

uint8_t *region_reply_encode(bool wallet_enabled, const struct region_param *params, uint32_t count,
                             size_t *ret_size)
{
    Qingfen__V1__RegionQueryReply m = QINGFEN__V1__REGION_QUERY_REPLY__INIT;
    void **list = pb_repeated(count, sizeof(Qingfen__V1__RegionParam));
    if (list == NULL) return NULL;
    for (uint32_t i = 0; i < count; i++) {
        Qingfen__V1__RegionParam *param = list[i];
        qingfen__v1__region_param__init(param);
        param->param = pb_text(params[i].name);
        param->value = pb_text(params[i].value);
        param->admdvs = params[i].admdvs;
    }
    m.wallet_enabled = wallet_enabled;
    m.n_params = count;
    m.params = (Qingfen__V1__RegionParam **)list;
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(list);
    return out;
}

uint8_t *institution_reply_encode(const struct institution *institution, bool takes_wallet,
                                  size_t *ret_size)
{
    Qingfen__V1__InstQueryReply m = QINGFEN__V1__INST_QUERY_REPLY__INIT;
    Qingfen__V1__InstDirPush row = QINGFEN__V1__INST_DIR_PUSH__INIT;
    row.fixmedins_code = pb_text(institution->fixmedins_code);
    row.fixmedins_name = pb_text(institution->name);
    row.admdvs = institution->admdvs;
    row.version = institution->version;
    row.business_lv_wlt = institution->level_wallet;
    row.business_lv_out_med_otp = institution->level_outpatient;
    row.from = institution->from;
    row.to = institution->to;
    m.institution = &row;
    m.wallet = takes_wallet;
    return pb_pack(&m.base, ret_size);
}
