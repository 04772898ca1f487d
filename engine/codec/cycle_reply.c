#include "codec/cycle_reply.h"

#include <stdlib.h>

#include "centre.pb-c.h"
#include "codec/packing.h"
#include "cycle.pb-c.h"
#include "types/cell.h"
#include "types/province.h"

/* -- names ----------------------------------------------------------------------------------- */

#define NAME_OF(list, number) \
    ((number) < sizeof(list) / sizeof((list)[0]) && (list)[number] != NULL ? (list)[number] : "")

static const char *difference_name(uint32_t kind)
{
    static const char *const names[] = {
        [DIFF_ONLY_PAYEE] = "ONLY_PAYEE", [DIFF_ONLY_PAYER] = "ONLY_PAYER",
        [DIFF_AMOUNT] = "AMOUNT",         [DIFF_FLAG] = "FLAG",
        [DIFF_DUPLICATE] = "DUPLICATE",
    };
    return NAME_OF(names, kind);
}

const char *dispute_state_name(uint32_t state)
{
    static const char *const names[] = {
        [DISPUTE_OPEN] = "OPEN",
        [DISPUTE_ACCEPTED] = "ACCEPTED",
        [DISPUTE_CONTESTED] = "CONTESTED",
        [DISPUTE_RESOLVED] = "RESOLVED",
    };
    return NAME_OF(names, state);
}

const char *notice_kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [NOTICE_CLEARING] = "CLEARING",         [NOTICE_PREFUND_OPENING] = "PREFUND_OPENING",
        [NOTICE_PREFUND_YEAR] = "PREFUND_YEAR", [NOTICE_PREFUND_EMERGENCY] = "PREFUND_EMERGENCY",
        [NOTICE_REVERSE] = "REVERSE",           [NOTICE_RETURN] = "RETURN",
    };
    return NAME_OF(names, kind);
}

const char *notice_state_name(uint32_t state)
{
    static const char *const names[] = {
        [NOTICE_DUE] = "DUE",
        [NOTICE_PAID] = "PAID",
        [NOTICE_SETTLED] = "SETTLED",
        [NOTICE_CANCELLED] = "CANCELLED",
    };
    return NAME_OF(names, state);
}

static const char *cycle_account_name(uint32_t account)
{
    static const char *const names[] = {
        [CYCLE_COST] = "COST",
        [CYCLE_ACCRUED] = "ACCRUED",
        [CYCLE_MISMATCHED] = "MISMATCHED",
        [CYCLE_RECONCILED] = "RECONCILED",
        [CYCLE_HELD] = "HELD",
        [CYCLE_DISPUTED] = "DISPUTED",
        [CYCLE_CONFIRMED] = "CONFIRMED",
        [CYCLE_CLEARING] = "CLEARING",
        [CYCLE_DUE] = "DUE",
        [CYCLE_NETTED] = "NETTED",
        [CYCLE_TRANSIT] = "TRANSIT",
        [CYCLE_SETTLED] = "SETTLED",
        [CYCLE_PREFUND_DUE] = "PREFUND_DUE",
        [CYCLE_PREFUND_TRANSIT] = "PREFUND_TRANSIT",
        [CYCLE_PREFUND] = "PREFUND",
        [CYCLE_PREFUND_CONTRA] = "PREFUND_CONTRA",
    };
    return NAME_OF(names, account);
}

static const char *fund_name(uint32_t fund)
{
    static const char *const names[FUND_COUNT] = {"POOL", "ACCOUNT", "SUPPLEMENT", "ASSISTANCE",
                                                  "OTHER"};
    return NAME_OF(names, fund);
}

static const char *outcome_name(uint32_t outcome)
{
    static const char *const names[] = {"", "pay", "part", "void"};
    return NAME_OF(names, outcome);
}

static const char *line_kind_name(uint32_t kind)
{
    static const char *const names[] = {
        [LINE_OF_CELL] = "CELL",
        [LINE_CARRIED_CELL] = "CARRIED_CELL",
        [LINE_CARRIED_RECORD] = "CARRIED_RECORD",
        [LINE_RECOVERY] = "RECOVERY",
        [LINE_NEGATIVE_CARRY] = "NEGATIVE_CARRY",
    };
    return NAME_OF(names, kind);
}

static const char *sign_name(uint32_t state)
{
    static const char *const names[] = {
        [SIGN_SIGNED] = "SIGNED",
        [SIGN_OBJECTED] = "OBJECTED",
        [SIGN_SILENT] = "SILENT",
    };
    return NAME_OF(names, state);
}

static const char *payment_name(uint32_t state)
{
    static const char *const names[] = {
        [PAYMENT_REPORTED] = "REPORTED",
        [PAYMENT_RECEIVED] = "RECEIVED",
        [PAYMENT_REJECTED] = "REJECTED",
    };
    return NAME_OF(names, state);
}

static const char *application_name(uint32_t state)
{
    static const char *const names[] = {
        [APPLICATION_OPEN] = "OPEN",
        [APPLICATION_APPROVED] = "APPROVED",
        [APPLICATION_REFUSED] = "REFUSED",
    };
    return NAME_OF(names, state);
}

static const char *severity_name(uint32_t severity)
{
    static const char *const names[] = {"DONE", "COMING", "TODAY", "LATE", "ALARM"};
    return NAME_OF(names, severity);
}

/* -- small helpers --------------------------------------------------------------------------- */

static uint32_t code_of(uint8_t province)
{
    return province < PROVINCE_COUNT ? province_codes[province] : 0;
}

static uint32_t insutype_of(uint8_t insurance)
{
    static const uint32_t codes[INSURANCE_COUNT] = {310, 390, 340, 999};
    return insurance < INSURANCE_COUNT ? codes[insurance] : 0;
}

static int64_t sum_of(const int64_t funds[FUND_COUNT])
{
    uint64_t sum = 0; /* The cycle has checked that it fits. */
    for (int i = 0; i < FUND_COUNT; i++)
        sum += (uint64_t)funds[i];
    return (int64_t)sum;
}

/* -- answers to orders ------------------------------------------------------------------------- */

uint8_t *order_reply_encode(const struct order_answer *answer, size_t *ret_size)
{
    Qingfen__V1__OrderReply m = QINGFEN__V1__ORDER_REPLY__INIT;
    m.code = answer->code;
    m.text = pb_text(answer->text);
    m.msgid = pb_text(answer->msgid);
    m.dup = answer->dup;
    m.ref = pb_text(answer->ref);
    m.engine_seq = answer->seq;
    m.decided_at = answer->decided_ms;
    m.rows = answer->rows;
    return pb_pack(&m.base, ret_size);
}

static void fill_total(const struct recon_total *total, Qingfen__V1__ReconTotal *m)
{
    qingfen__v1__recon_total__init(m);
    m->payer = code_of(total->cell.payer);
    m->payee = code_of(total->cell.payee);
    m->line = total->cell.line;
    m->insutype = insutype_of(total->cell.insurance);
    m->count = total->count;
    m->medfee_sumamt = total->medfee;
    m->fund_pay_sumamt = total->fund;
    m->acct_pay = total->acct;
}

struct recon_cell_message {
    Qingfen__V1__ReconCell cell;
    Qingfen__V1__ReconTotal centre;
    Qingfen__V1__ReconTotal sent;
};

static void fill_recon_cell(const struct recon_cell *from, struct recon_cell_message *to)
{
    Qingfen__V1__ReconCell *m = &to->cell;
    qingfen__v1__recon_cell__init(m);
    fill_total(&from->centre, &to->centre);
    m->centre = &to->centre;
    if (from->was_sent) {
        fill_total(&from->sent, &to->sent);
        m->sent = &to->sent;
    }
    m->equal = from->equal;
    m->payer_reconciled = from->reconciled[SIDE_PAYER];
    m->payee_reconciled = from->reconciled[SIDE_PAYEE];
}

uint8_t *recon_day_reply_encode(const struct order_answer *answer, uint32_t equal,
                                uint32_t different, const struct recon_cell *cells, size_t count,
                                size_t *ret_size)
{
    Qingfen__V1__ReconDayReply m = QINGFEN__V1__RECON_DAY_REPLY__INIT;
    void **list = pb_repeated(count, sizeof(struct recon_cell_message));
    if (list == NULL) return NULL;
    for (size_t i = 0; i < count; i++)
        fill_recon_cell(&cells[i], list[i]);
    m.code = answer->code;
    m.text = pb_text(answer->text);
    m.msgid = pb_text(answer->msgid);
    m.dup = answer->dup;
    m.equal = equal;
    m.different = different;
    m.n_cells = count;
    m.cells = (Qingfen__V1__ReconCell **)list;
    uint8_t *out = pb_pack(&m.base, ret_size);
    free(list);
    return out;
}

uint8_t *recon_list_reply_encode(const struct order_answer *answer,
                                 const struct recon_result *result, size_t *ret_size)
{
    Qingfen__V1__ReconListReply m = QINGFEN__V1__RECON_LIST_REPLY__INIT;
    m.code = answer->code;
    m.text = pb_text(answer->text);
    m.msgid = pb_text(answer->msgid);
    m.dup = answer->dup;
    m.matched = result->matched;
    m.only_payee = result->only_payee;
    m.only_payer = result->only_payer;
    m.amount = result->amount;
    m.flag = result->flag;
    m.duplicate = result->duplicate;
    m.complete = result->complete;
    m.engine_seq = answer->seq;
    return pb_pack(&m.base, ret_size);
}

/* -- lists ------------------------------------------------------------------------------------- */

/* Writes a list reply: its rows are filled from `items` one by one. */
#define LIST(REPLY, reply, ROW, field, fill, items)               \
    Qingfen__V1__##REPLY m = QINGFEN__V1__##reply##__INIT;        \
    void **list = pb_repeated(count, sizeof(Qingfen__V1__##ROW)); \
    if (list == NULL) return NULL;                                \
    for (size_t i = 0; i < count; i++)                            \
        fill((items) + i, list[i]);                               \
    m.n_##field = count;                                          \
    m.field = (Qingfen__V1__##ROW **)list
#define LISTED()                               \
    uint8_t *out = pb_pack(&m.base, ret_size); \
    free(list);                                \
    return out

static void fill_difference(const struct difference_row *const *item, Qingfen__V1__Difference *m)
{
    const struct difference_row *row = *item;
    qingfen__v1__difference__init(m);
    m->date = row->day;
    m->payer = code_of(row->payer);
    m->payee = code_of(row->payee);
    m->side = pb_text(row->side == SIDE_PAYER ? "payer" : "payee");
    m->insu_admdvs = row->ref.insu_admdvs;
    m->setl_id = pb_text(row->ref.setl_id);
    m->kind = pb_text(difference_name(row->kind));
    m->at_centre = row->at_centre;
    m->open = row->open;
    m->their_medfee = row->their_medfee;
    m->their_fund = row->their_fund;
    m->their_acct = row->their_acct;
    m->our_medfee = row->our_medfee;
    m->our_fund = row->our_fund;
    m->our_acct = row->our_acct;
    m->period = row->period;
    m->at = row->at_ms;
}

uint8_t *difference_list_reply_encode(const struct difference_row *const *rows, size_t count,
                                      bool more, size_t *ret_size)
{
    LIST(DifferenceListReply, DIFFERENCE_LIST_REPLY, Difference, differences, fill_difference,
         rows);
    m.more = more;
    LISTED();
}

static void fill_exception(const struct exception_item *item, Qingfen__V1__ExceptionRecord *m)
{
    const struct exception_row *row = item->row;
    qingfen__v1__exception_record__init(m);
    m->insu_admdvs = row->ref.insu_admdvs;
    m->setl_id = pb_text(row->ref.setl_id);
    m->payer = code_of(row->record.payer);
    m->payee = code_of(row->record.payee);
    m->period = row->record.period;
    m->line = row->record.line;
    m->insutype = insutype_of(row->record.insurance);
    m->state = pb_text(item->state);
    m->amount = sum_of(row->record.funds);
    m->deducted = sum_of(row->deducted);
    m->det_type = row->det_type;
    m->carved = row->carved;
    m->batch = pb_text(item->batch);
    m->dispute_no = pb_text(row->dispute_no);
    m->held_since = row->held_since;
    m->since = row->since_ms;
}

uint8_t *exception_list_reply_encode(const struct exception_item *items, size_t count, bool more,
                                     size_t *ret_size)
{
    LIST(ExceptionListReply, EXCEPTION_LIST_REPLY, ExceptionRecord, exceptions, fill_exception,
         items);
    m.more = more;
    LISTED();
}

static void fill_dispute(const struct dispute_row *const *item, Qingfen__V1__Dispute *m)
{
    const struct dispute_row *row = *item;
    qingfen__v1__dispute__init(m);
    m->dispute_no = pb_text(row->dispute_no);
    m->insu_admdvs = row->ref.insu_admdvs;
    m->setl_id = pb_text(row->ref.setl_id);
    m->payer = code_of(row->payer);
    m->payee = code_of(row->payee);
    m->period = row->period;
    m->reason = row->reason;
    m->state = pb_text(dispute_state_name(row->state));
    m->outcome = pb_text(outcome_name(row->outcome));
    m->amount = row->amount;
    m->resolved = row->resolved;
    m->reply_due = row->reply_due;
    m->resolve_due = row->resolve_due;
    m->opened_at = row->opened_ms;
    m->replied_at = row->replied_ms;
    m->resolved_at = row->resolved_ms;
}

uint8_t *dispute_list_reply_encode(const struct dispute_row *const *rows, size_t count, bool more,
                                   size_t *ret_size)
{
    LIST(DisputeListReply, DISPUTE_LIST_REPLY, Dispute, disputes, fill_dispute, rows);
    m.more = more;
    LISTED();
}

/* -- batches ----------------------------------------------------------------------------------- */

static void fill_batch(const struct batch_row *row, const char *mode, uint32_t *unwound,
                       Qingfen__V1__Batch *m)
{
    qingfen__v1__batch__init(m);
    m->period = row->period;
    m->number = row->number;
    m->id = row->id;
    m->version = row->version;
    m->published_version = row->published_version;
    m->state = pb_text(batch_state_name(row->state));
    m->mode = pb_text(mode);
    m->stale = row->stale;
    m->count = row->count;
    m->gross = row->gross;
    m->bilateral = row->bilateral;
    m->multilateral = row->multilateral;
    m->n_at = BATCH_ABORTED - BATCH_CUT + 1;
    m->at = (int64_t *)(uintptr_t)&row->at_ms[BATCH_CUT];
    m->digest.data = (uint8_t *)(uintptr_t)row->digest;
    m->digest.len = sizeof row->digest;
    for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
        if ((row->unwound >> i & 1) != 0) unwound[m->n_unwound++] = code_of(i);
    }
    m->unwound = unwound;
}

static void fill_line(const struct line_row *row, Qingfen__V1__BatchLine *m)
{
    qingfen__v1__batch_line__init(m);
    m->number = row->number;
    m->kind = pb_text(line_kind_name(row->kind));
    m->period = row->cell.period;
    m->payer = code_of(row->cell.payer);
    m->payee = code_of(row->cell.payee);
    m->line = row->cell.line;
    m->insutype = insutype_of(row->cell.insurance);
    m->count = row->count;
    m->medfee_sumamt = row->medfee;
    m->pool = row->funds[FUND_POOL];
    m->account = row->funds[FUND_ACCOUNT];
    m->supplement = row->funds[FUND_SUPPLEMENT];
    m->assistance = row->funds[FUND_ASSISTANCE];
    m->other = row->funds[FUND_OTHER];
    m->deducted = row->deducted;
    m->amount = sum_of(row->funds);
    m->setl_id = pb_text(row->ref.setl_id);
    m->insu_admdvs = row->ref.insu_admdvs;
    m->checksum = row->checksum;
}

static void fill_signature(const struct sign_row *row, uint8_t province, Qingfen__V1__Signature *m)
{
    qingfen__v1__signature__init(m);
    m->province = code_of(province);
    m->state = pb_text(sign_name(row->state));
    m->version = row->version;
    m->at = row->at_ms;
    m->reason = pb_text(row->reason);
}

uint8_t *batch_get_reply_encode(const struct batch_report *report, size_t *ret_size)
{
    Qingfen__V1__BatchGetReply m = QINGFEN__V1__BATCH_GET_REPLY__INIT;
    Qingfen__V1__Batch batch;
    Qingfen__V1__Signature signatures[PROVINCE_COUNT];
    Qingfen__V1__Signature *signature_list[PROVINCE_COUNT];
    Qingfen__V1__NetPosition positions[PROVINCE_COUNT];
    Qingfen__V1__NetPosition *position_list[PROVINCE_COUNT];
    uint32_t unwound[PROVINCE_COUNT];
    uint8_t *out = NULL;
    void **lines = pb_repeated(report->line_count, sizeof(Qingfen__V1__BatchLine));
    void **payments = pb_repeated(report->payment_count, sizeof(Qingfen__V1__NetPayment));

    if (lines != NULL && payments != NULL) {
        fill_batch(report->batch, report->mode, unwound, &batch);
        for (size_t i = 0; i < report->line_count; i++)
            fill_line(&report->lines[i], lines[i]);
        for (size_t i = 0; i < report->payment_count; i++)
            pb_net_payment(&report->payments[i], payments[i]);
        for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
            fill_signature(&report->signatures[i], i, &signatures[i]);
            signature_list[i] = &signatures[i];
            pb_net_position(&report->positions[i], &positions[i]);
            position_list[i] = &positions[i];
        }
        m.more = report->more;
        m.batch = &batch;
        m.n_lines = report->line_count;
        m.lines = (Qingfen__V1__BatchLine **)lines;
        m.n_signatures = PROVINCE_COUNT;
        m.signatures = signature_list;
        m.n_payments = report->payment_count;
        m.payments = (Qingfen__V1__NetPayment **)payments;
        m.n_positions = PROVINCE_COUNT;
        m.positions = position_list;
        out = pb_pack(&m.base, ret_size);
    }
    free(lines);
    free(payments);
    return out;
}

static void fill_area(const struct tally *row, bool receivable, Qingfen__V1__AreaRow *m)
{
    qingfen__v1__area_row__init(m);
    m->admdvs = row->key.part;
    m->counterpart = code_of(receivable ? row->key.payer : row->key.payee);
    m->line = row->key.line;
    m->insutype = insutype_of(row->key.insurance);
    m->count = row->count;
    m->medfee_sumamt = row->medfee;
    m->pool = row->funds[FUND_POOL];
    m->account = row->funds[FUND_ACCOUNT];
    m->supplement = row->funds[FUND_SUPPLEMENT];
    m->assistance = row->funds[FUND_ASSISTANCE];
    m->other = row->funds[FUND_OTHER];
    m->amount = sum_of(row->funds);
}

uint8_t *area_report_reply_encode(const struct tally *rows, size_t count, bool receivable,
                                  bool more, size_t *ret_size)
{
    Qingfen__V1__AreaReportReply m = QINGFEN__V1__AREA_REPORT_REPLY__INIT;
    void **list = pb_repeated(count, sizeof(Qingfen__V1__AreaRow));
    if (list == NULL) return NULL;
    for (size_t i = 0; i < count; i++)
        fill_area(&rows[i], receivable, list[i]);
    m.n_rows = count;
    m.rows = (Qingfen__V1__AreaRow **)list;
    m.more = more;
    LISTED();
}

static void fill_cell(const struct cell_item *item, Qingfen__V1__CellRow *m)
{
    qingfen__v1__cell_row__init(m);
    m->payer = code_of(item->cell.payer);
    m->payee = code_of(item->cell.payee);
    m->line = item->cell.line;
    m->insutype = insutype_of(item->cell.insurance);
    m->count = item->count;
    m->amount = item->amount;
    m->payer_reconciled = item->reconciled[SIDE_PAYER];
    m->payee_reconciled = item->reconciled[SIDE_PAYEE];
    m->confirmed = item->confirmed;
    m->stale = item->stale;
    m->exceptions = item->exceptions;
    m->blocked = item->blocked;
    m->deducted = item->deducted;
    m->batch_state = pb_text(batch_state_name(item->batch_state));
}

uint8_t *cell_list_reply_encode(const struct cell_item *items, size_t count, bool more,
                                size_t *ret_size)
{
    LIST(CellListReply, CELL_LIST_REPLY, CellRow, cells, fill_cell, items);
    m.more = more;
    LISTED();
}

/* -- notices and prefunds ---------------------------------------------------------------------- */

static void fill_payment_info(const struct payment_row *row, Qingfen__V1__PaymentInfo *m)
{
    qingfen__v1__payment_info__init(m);
    m->bank_ref = pb_text(row->bank_ref);
    m->amount = row->amount;
    m->state = pb_text(payment_name(row->state));
    m->paid_at = row->paid_at_ms;
    m->reported_at = row->reported_ms;
    m->confirmed_at = row->confirmed_ms;
}

static void fill_notice(const struct notice_item *item, Qingfen__V1__NoticeInfo *m)
{
    const struct notice_row *row = item->row;
    qingfen__v1__notice_info__init(m);
    m->number = pb_text(row->number);
    m->kind = pb_text(notice_kind_name(row->kind));
    m->state = pb_text(item->overdue ? "OVERDUE" : notice_state_name(row->state));
    m->version = row->version;
    m->mode = pb_text(item->mode);
    m->payer = code_of(row->payer);
    m->payee = code_of(row->payee);
    m->batch = pb_text(item->batch);
    m->period = row->period;
    m->amount = row->amount;
    m->reported = row->reported;
    m->received = row->received;
    m->old_amount = row->old_amount;
    m->new_amount = row->new_amount;
    m->file_due = row->file_due;
    m->transfer_due = row->transfer_due;
    m->feedback_due = row->feedback_due;
    m->issued_at = row->issued_ms;
    m->settled_at = row->settled_ms;
    m->replaces = pb_text(row->replaces);
    m->late_wd = item->late_wd;
}

/* Payments hang on the one notice that was asked for by its number. */
static void **fill_payments(const struct notice_item *item, Qingfen__V1__NoticeInfo *m)
{
    void **list = pb_repeated(item->payment_count, sizeof(Qingfen__V1__PaymentInfo));
    if (list == NULL) return NULL;
    for (size_t i = 0; i < item->payment_count; i++)
        fill_payment_info(item->payments[i], list[i]);
    m->n_payments = item->payment_count;
    m->payments = (Qingfen__V1__PaymentInfo **)list;
    return list;
}

uint8_t *notice_list_reply_encode(const struct notice_item *items, size_t count, bool more,
                                  size_t *ret_size)
{
    LIST(NoticeListReply, NOTICE_LIST_REPLY, NoticeInfo, notices, fill_notice, items);
    uint8_t *out = NULL;
    void **payments = NULL;
    m.more = more;
    if (count != 1 || (payments = fill_payments(items, list[0])) != NULL) {
        out = pb_pack(&m.base, ret_size);
    }
    free(payments);
    free(list);
    return out;
}

static void fill_prefund(const struct prefund_item *item, Qingfen__V1__PrefundInfo *m)
{
    qingfen__v1__prefund_info__init(m);
    m->payer = item->payer;
    m->payee = item->payee;
    m->amount = item->amount;
    m->pending = item->pending;
    m->cleared = item->cleared;
    m->use_bp = item->use_bp;
    m->alert = pb_text(item->alert);
    m->application = pb_text(application_name(item->application));
    m->applied = item->applied;
}

uint8_t *prefund_list_reply_encode(uint32_t period, const struct prefund_item *pairs, size_t count,
                                   const struct prefund_item *payees, size_t payee_count, bool more,
                                   size_t *ret_size)
{
    void **totals = pb_repeated(payee_count, sizeof(Qingfen__V1__PrefundInfo));
    if (totals == NULL) return NULL;
    Qingfen__V1__PrefundListReply m = QINGFEN__V1__PREFUND_LIST_REPLY__INIT;
    uint8_t *out = NULL;
    void **list = pb_repeated(count, sizeof(Qingfen__V1__PrefundInfo));
    if (list != NULL) {
        for (size_t i = 0; i < count; i++)
            fill_prefund(&pairs[i], list[i]);
        for (size_t i = 0; i < payee_count; i++)
            fill_prefund(&payees[i], totals[i]);
        m.more = more;
        m.period = period;
        m.n_pairs = count;
        m.pairs = (Qingfen__V1__PrefundInfo **)list;
        m.n_payees = payee_count;
        m.payees = (Qingfen__V1__PrefundInfo **)totals;
        out = pb_pack(&m.base, ret_size);
    }
    free(list);
    free(totals);
    return out;
}

/* -- settings, calendar, book ------------------------------------------------------------------ */

static void fill_setting(const struct setting_item *item, Qingfen__V1__SettingInfo *m)
{
    qingfen__v1__setting_info__init(m);
    m->name = pb_text(item->name);
    m->value = item->value;
    m->least = item->least;
    m->greatest = item->greatest;
    m->initial = item->initial;
    m->next = item->next;
    m->next_from = item->next_from_ms;
}

uint8_t *setting_list_reply_encode(const struct setting_item *items, size_t count, size_t *ret_size)
{
    LIST(SettingListReply, SETTING_LIST_REPLY, SettingInfo, settings, fill_setting, items);
    LISTED();
}

static void fill_agenda(const struct agenda_row *row, Qingfen__V1__AgendaItem *m)
{
    qingfen__v1__agenda_item__init(m);
    m->date = row->day;
    m->period = row->period;
    m->province = row->province;
    m->what = pb_text(row->what);
    m->severity = pb_text(severity_name(row->severity));
    m->ref = pb_text(row->ref);
    m->count = row->count;
    m->amount = row->amount;
}

uint8_t *calendar_get_reply_encode(int64_t now_ms, const struct agenda_row *rows, size_t count,
                                   size_t *ret_size)
{
    LIST(CalendarGetReply, CALENDAR_GET_REPLY, AgendaItem, items, fill_agenda, rows);
    m.now = now_ms;
    LISTED();
}

static void fill_book(const struct book_row *row, Qingfen__V1__BookRow *m)
{
    qingfen__v1__book_row__init(m);
    m->account = pb_text(cycle_account_name(row->account));
    m->fund = pb_text(fund_name(row->fund));
    m->balance = row->balance;
}

uint8_t *book_get_reply_encode(const struct book_row *rows, size_t count, const char *broken,
                               size_t *ret_size)
{
    LIST(BookGetReply, BOOK_GET_REPLY, BookRow, rows, fill_book, rows);
    m.broken = pb_text(broken);
    LISTED();
}
