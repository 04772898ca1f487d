#include "codec/cycle.h"

#include <stdlib.h>

#include "centre.pb-c.h"
#include "codec/packing.h"
#include "cycle.pb-c.h"
#include "types/cell.h"
#include "types/ensure.h"
#include "types/province.h"
#include "util/checksum.h"
#include "util/text.h"

#define ID_MAX         30 /* Bytes of msgid, setl_id, dispute_no, recovery_no. */
#define NOTE_MAX       90 /* Bytes of a reason or note. */
#define RECON_PART_MAX 4000

/* What is being decoded: the order as it grows, and the first field that is not right. */
struct decoding {
    struct order *order;
    const char *field; /* NULL: all well. */
};

static void wrong(struct decoding *d, const char *field)
{
    if (d->field == NULL) d->field = field;
}

/* -- texts ----------------------------------------------------------------------------------- */

/* Visible ASCII, at most `most` bytes, into a field that is filled up with zeros. */
static void take_id(struct decoding *d, const char *field, const char *text, char *out, size_t most)
{
    const size_t size = strlen(text);
    if (size > most) {
        wrong(d, field);
        return;
    }
    for (size_t i = 0; i < size; i++) {
        if (text[i] <= ' ' || text[i] > '~') wrong(d, field);
    }
    memcpy(out, text, size);
}

static void take_needed_id(struct decoding *d, const char *field, const char *text, char *out,
                           size_t most)
{
    if (text[0] == '\0') wrong(d, field);
    take_id(d, field, text, out, most);
}

static void take_msgid(struct decoding *d, const char *text)
{
    take_needed_id(d, "msgid", text, d->order->msgid, ID_MAX);
}

/* Bytes of the UTF-8 sequence at the front, shortest form and no surrogate; 0 when it is none or a
 * control character. The end mark ends every sequence. */
static size_t sequence(const uint8_t *at)
{
    const uint8_t first = at[0];
    if (first >= 0x20 && first < 0x7f) return 1;
    if (first < 0xc2 || (at[1] & 0xc0) != 0x80) return 0;
    if (first < 0xe0) return first == 0xc2 && at[1] < 0xa0 ? 0 : 2;
    if ((at[2] & 0xc0) != 0x80) return 0;
    if (first < 0xf0) {
        if (first == 0xe0 && at[1] < 0xa0) return 0;
        return first == 0xed && at[1] >= 0xa0 ? 0 : 3;
    }
    if ((at[3] & 0xc0) != 0x80 || first > 0xf4) return 0;
    if (first == 0xf0 && at[1] < 0x90) return 0;
    return first == 0xf4 && at[1] >= 0x90 ? 0 : 4;
}

static void take_note(struct decoding *d, const char *field, const char *text)
{
    const size_t size = strlen(text);
    if (size > NOTE_MAX) {
        wrong(d, field);
        return;
    }
    for (const uint8_t *at = (const uint8_t *)text; *at != '\0';) {
        const size_t step = sequence(at);
        if (step == 0) {
            wrong(d, field);
            return;
        }
        at += step;
    }
    memcpy(d->order->text, text, size);
}

/* -- codes ----------------------------------------------------------------------------------- */

static uint8_t province_or_any(uint32_t code)
{
    if (code == 0) return PROVINCE_CENTRE;
    const uint8_t index = province_index(code);
    return index == PROVINCE_NONE ? PROVINCE_UNKNOWN : index;
}

/* Whom the message acts for: the province it names, or else its sender. */
static void take_acting(struct decoding *d, uint32_t province)
{
    d->order->acting = province_or_any(province != 0 ? province : d->order->sender);
}

static void take_pair(struct decoding *d, uint32_t payer, uint32_t payee)
{
    d->order->payer = province_or_any(payer);
    d->order->payee = province_or_any(payee);
}

static uint8_t line_of(struct decoding *d, const char *field, uint32_t line)
{
    if (line >= LINE_END) {
        wrong(d, field);
        return 0;
    }
    return (uint8_t)line;
}

static uint8_t insurance_of(struct decoding *d, const char *field, uint32_t code)
{
    switch (code) {
    case 310:
        return INSURANCE_EMPLOYEE;
    case 390:
        return INSURANCE_RESIDENT;
    case 340:
        return INSURANCE_RETIRED;
    case 999:
        return INSURANCE_OTHER;
    default:
        wrong(d, field);
        return 0;
    }
}

static struct record_ref ref_of(struct decoding *d, const char *field, uint32_t area,
                                const char *setl_id)
{
    struct record_ref ref = {.insu_admdvs = area};
    take_needed_id(d, field, setl_id, ref.setl_id, ID_MAX);
    if (d->field == NULL) ref.size = (uint8_t)strlen(setl_id);
    return ref;
}

static uint8_t det_type_of(struct decoding *d, const char *field, uint32_t type)
{
    if (type > UINT8_MAX) {
        wrong(d, field);
        return 0;
    }
    return (uint8_t)type;
}

/* Place of a word in a list, from 1; 0, and wrong, when it is none of them. */
static uint32_t word_of(struct decoding *d, const char *field, const char *word,
                        const char *const *words, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) return i + 1;
    }
    wrong(d, field);
    return 0;
}

/* -- lists ----------------------------------------------------------------------------------- */

/* Room for the order's rows; false when there are none or too many of them. */
static bool make_rows(struct decoding *d, const char *field, size_t count, size_t most, size_t size)
{
    if (count == 0 || d->field != NULL) return false;
    if (count > most) {
        wrong(d, field);
        return false;
    }
    d->order->rows = calloc(count, size);
    NEED_MEMORY(d->order->rows);
    d->order->row_count = (uint32_t)count;
    return true;
}

static void take_total(struct decoding *d, const Qingfen__V1__ReconTotal *m,
                       struct recon_total *total)
{
    total->cell = (struct cell_key){
        .period = d->order->period,
        .payer = province_index(m->payer),
        .payee = province_index(m->payee),
        .line = line_of(d, "totals.line", m->line),
        .insurance = insurance_of(d, "totals.insutype", m->insutype),
    };
    if (total->cell.payer == PROVINCE_NONE) wrong(d, "totals.payer");
    if (total->cell.payee == PROVINCE_NONE) wrong(d, "totals.payee");
    if (total->cell.line == 0) wrong(d, "totals.line");
    total->count = m->count;
    total->medfee = m->medfee_sumamt;
    total->fund = m->fund_pay_sumamt;
    total->acct = m->acct_pay;
}

static void take_item(struct decoding *d, const Qingfen__V1__ReconItem *m, struct recon_item *item)
{
    item->ref = ref_of(d, "items.setl_id", m->insu_admdvs, m->setl_id);
    if (m->refd_setl_flag > 1) wrong(d, "items.refd_setl_flag");
    item->refund = m->refd_setl_flag != 0;
    item->medfee = m->medfee_sumamt;
    item->fund = m->fund_pay_sumamt;
    item->acct = m->acct_pay;
}

static void take_confirm(struct decoding *d, const Qingfen__V1__ConfirmItem *m,
                         struct confirm_item *item)
{
    item->ref = ref_of(d, "items.setl_id", m->insu_admdvs, m->setl_id);
    if (m->cnfm_flag > 1) wrong(d, "items.cnfm_flag");
    item->cnfm_flag = m->cnfm_flag != 0;
    item->det_type = det_type_of(d, "items.det_type", m->det_type);
    item->deduct = m->deduct_amt;
}

/* -- orders, one by one ---------------------------------------------------------------------- */

#define OPEN(TYPE, type)                                                                       \
    Qingfen__V1__##TYPE *m = qingfen__v1__##type##__unpack(pb_memory(), body.size, body.data); \
    if (m == NULL) {                                                                           \
        wrong(d, "");                                                                          \
        return;                                                                                \
    }                                                                                          \
    struct order *order = d->order
#define CLOSE(type) qingfen__v1__##type##__free_unpacked(m, NULL)

static void decode_recon_day(struct decoding *d, struct bytes body)
{
    OPEN(ReconDay, recon_day);
    if (m->n_totals != 0 || m->msgid[0] != '\0') take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_pair(d, m->payer, m->payee);
    order->period = m->period;
    order->day = m->date;
    order->side = order->acting == order->payee ? SIDE_PAYEE : SIDE_PAYER;
    if (make_rows(d, "totals", m->n_totals, ORDER_ROWS_MAX, sizeof *order->totals)) {
        for (size_t i = 0; i < m->n_totals; i++)
            take_total(d, m->totals[i], &order->totals[i]);
    }
    CLOSE(recon_day);
}

static void decode_recon_list(struct decoding *d, struct bytes body)
{
    OPEN(ReconList, recon_list);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_pair(d, m->payer, m->payee);
    order->day = m->date;
    order->side = order->acting == order->payee ? SIDE_PAYEE : SIDE_PAYER;
    order->part = m->part;
    order->parts = m->parts;
    if (m->part == 0 || m->part > m->parts) wrong(d, "part");
    if (m->parts > RECON_LIST_MAX) wrong(d, "parts");
    if (make_rows(d, "items", m->n_items, RECON_PART_MAX, sizeof *order->items)) {
        for (size_t i = 0; i < m->n_items; i++)
            take_item(d, m->items[i], &order->items[i]);
    }
    CLOSE(recon_list);
}

static void decode_clr_confirm(struct decoding *d, struct bytes body)
{
    OPEN(ClrConfirm, clr_confirm);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_pair(d, m->payer, 0);
    order->payee = order->acting;
    order->period = m->period;
    order->line = line_of(d, "line", m->line);
    if (m->insutype != 0) order->insurance = insurance_of(d, "insutype", m->insutype);
    if (make_rows(d, "items", m->n_items, ORDER_ROWS_MAX, sizeof *order->confirms)) {
        for (size_t i = 0; i < m->n_items; i++)
            take_confirm(d, m->items[i], &order->confirms[i]);
    }
    CLOSE(clr_confirm);
}

static void decode_clr_withdraw(struct decoding *d, struct bytes body)
{
    OPEN(ClrWithdraw, clr_withdraw);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    order->period = m->period;
    take_needed_id(d, "otransid", m->otransid, order->number, ID_MAX);
    CLOSE(clr_withdraw);
}

static void decode_recovery(struct decoding *d, struct bytes body)
{
    OPEN(Recovery, recovery);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_needed_id(d, "recovery_no", m->recovery_no, order->number, ID_MAX);
    order->ref = ref_of(d, "setl_id", m->insu_admdvs, m->setl_id);
    order->amount = m->amount;
    order->reason = det_type_of(d, "det_type", m->det_type);
    CLOSE(recovery);
}

static void decode_dispute_open(struct decoding *d, struct bytes body)
{
    OPEN(DisputeOpen, dispute_open);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_needed_id(d, "dispute_no", m->dispute_no, order->number, ID_MAX);
    order->ref = ref_of(d, "setl_id", m->insu_admdvs, m->setl_id);
    order->reason = m->reason;
    take_note(d, "note", m->note);
    CLOSE(dispute_open);
}

static void decode_dispute_reply(struct decoding *d, struct bytes body)
{
    OPEN(DisputeReply, dispute_reply);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_needed_id(d, "dispute_no", m->dispute_no, order->number, ID_MAX);
    order->flag = m->contest;
    CLOSE(dispute_reply);
}

static void decode_dispute_resolve(struct decoding *d, struct bytes body)
{
    static const char *const outcomes[] = {"pay", "part", "void"};
    OPEN(DisputeResolve, dispute_resolve);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_needed_id(d, "dispute_no", m->dispute_no, order->number, ID_MAX);
    order->step = word_of(d, "outcome", m->outcome, outcomes, 3);
    order->amount = m->amount;
    CLOSE(dispute_resolve);
}

static void decode_batch_step(struct decoding *d, struct bytes body)
{
    static const char *const steps[] = {"compute", "publish", "close-signing", "notice",
                                        "abort",   "unwind",  "archive"};
    OPEN(BatchStep, batch_step);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_pair(d, m->province, 0);
    order->period = m->period;
    order->step = word_of(d, "step", m->step, steps, sizeof steps / sizeof steps[0]);
    take_note(d, "reason", m->reason);
    CLOSE(batch_step);
}

static void decode_batch_sign(struct decoding *d, struct bytes body)
{
    OPEN(BatchSign, batch_sign);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    order->period = m->period;
    order->flag = m->objection;
    if (m->digest.len == sizeof order->digest) {
        memcpy(order->digest, m->digest.data, sizeof order->digest);
        order->has_digest = true;
    } else if (m->digest.len != 0) {
        wrong(d, "digest");
    }
    take_note(d, "reason", m->reason);
    CLOSE(batch_sign);
}

static void decode_notice_reissue(struct decoding *d, struct bytes body)
{
    OPEN(NoticeReissue, notice_reissue);
    take_msgid(d, m->msgid);
    take_acting(d, 0);
    take_needed_id(d, "number", m->number, order->number, NUMBER_SIZE - 1);
    take_note(d, "reason", m->reason);
    CLOSE(notice_reissue);
}

static void decode_pay_report(struct decoding *d, struct bytes body)
{
    OPEN(PayReport, pay_report);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_needed_id(d, "number", m->number, order->number, NUMBER_SIZE - 1);
    take_needed_id(d, "bank_ref", m->bank_ref, order->bank_ref, NUMBER_SIZE - 1);
    order->amount = m->amount;
    order->at_ms = m->paid_at;
    CLOSE(pay_report);
}

static void decode_receipt_report(struct decoding *d, struct bytes body)
{
    OPEN(ReceiptReport, receipt_report);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_needed_id(d, "number", m->number, order->number, NUMBER_SIZE - 1);
    take_needed_id(d, "bank_ref", m->bank_ref, order->bank_ref, NUMBER_SIZE - 1);
    order->amount = m->amount;
    order->flag = m->rejected;
    CLOSE(receipt_report);
}

static void decode_prefund_set(struct decoding *d, struct bytes body)
{
    OPEN(PrefundSet, prefund_set);
    take_msgid(d, m->msgid);
    take_acting(d, 0);
    take_pair(d, m->payer, m->payee);
    order->period = m->year;
    order->amount = m->amount;
    CLOSE(prefund_set);
}

static void decode_prefund_apply(struct decoding *d, struct bytes body)
{
    OPEN(PrefundApply, prefund_apply);
    take_msgid(d, m->msgid);
    take_acting(d, m->province);
    take_pair(d, m->payer, 0);
    order->payee = order->acting;
    order->period = m->period;
    order->amount = m->amount;
    CLOSE(prefund_apply);
}

static void decode_prefund_decide(struct decoding *d, struct bytes body)
{
    OPEN(PrefundDecide, prefund_decide);
    take_msgid(d, m->msgid);
    take_acting(d, 0);
    take_pair(d, m->payer, m->payee);
    order->period = m->period;
    order->flag = m->approve;
    CLOSE(prefund_decide);
}

static void decode_setting_set(struct decoding *d, struct bytes body)
{
    OPEN(SettingSet, setting_set);
    take_msgid(d, m->msgid);
    take_acting(d, 0);
    take_needed_id(d, "name", m->name, order->bank_ref, NUMBER_SIZE - 1);
    order->amount = m->value;
    order->at_ms = m->effective_from;
    CLOSE(setting_set);
}

/* The operator's two old messages may come without a msgid: what they do is its own name. */
static void make_msgid(struct decoding *d, const char *prefix, uint32_t number)
{
    struct text text = text_begin(d->order->msgid, sizeof d->order->msgid);
    text_add(&text, prefix);
    text_add_int(&text, number);
}

static void decode_period_cut(struct decoding *d, struct bytes body)
{
    OPEN(PeriodCut, period_cut);
    take_acting(d, 0);
    order->period = m->period;
    order->provisional = m->provisional;
    take_id(d, "msgid", m->msgid, order->msgid, ID_MAX);
    if (m->msgid[0] == '\0') make_msgid(d, "cut-", m->period);
    CLOSE(period_cut);
}

static void decode_year_close(struct decoding *d, struct bytes body)
{
    OPEN(YearClose, year_close);
    take_acting(d, 0);
    order->period = m->year;
    take_id(d, "msgid", m->msgid, order->msgid, ID_MAX);
    if (m->msgid[0] == '\0') make_msgid(d, "year-close-", m->year);
    CLOSE(year_close);
}

typedef void decode_fn(struct decoding *d, struct bytes body);

static decode_fn *decoder_of(uint16_t type)
{
    switch (type) {
    case MESSAGE_RECON_DAY:
        return decode_recon_day;
    case MESSAGE_RECON_LIST:
        return decode_recon_list;
    case MESSAGE_PERIOD_CUT:
        return decode_period_cut;
    case MESSAGE_BATCH_STEP:
        return decode_batch_step;
    case MESSAGE_CLR_CONFIRM:
        return decode_clr_confirm;
    case MESSAGE_DISPUTE_OPEN:
        return decode_dispute_open;
    case MESSAGE_BATCH_SIGN:
        return decode_batch_sign;
    case MESSAGE_PAY_REPORT:
        return decode_pay_report;
    case MESSAGE_PREFUND_SET:
        return decode_prefund_set;
    case MESSAGE_CLR_WITHDRAW:
        return decode_clr_withdraw;
    case MESSAGE_RECOVERY:
        return decode_recovery;
    case MESSAGE_DISPUTE_REPLY:
        return decode_dispute_reply;
    case MESSAGE_DISPUTE_RESOLVE:
        return decode_dispute_resolve;
    case MESSAGE_RECEIPT_REPORT:
        return decode_receipt_report;
    case MESSAGE_NOTICE_REISSUE:
        return decode_notice_reissue;
    case MESSAGE_PREFUND_APPLY:
        return decode_prefund_apply;
    case MESSAGE_PREFUND_DECIDE:
        return decode_prefund_decide;
    case MESSAGE_YEAR_CLOSE:
        return decode_year_close;
    case MESSAGE_SETTING_SET:
        return decode_setting_set;
    default:
        return NULL;
    }
}

bool order_type(uint16_t type)
{
    return decoder_of(type) != NULL;
}

bool order_decode(uint16_t type, uint16_t sender, struct bytes body, struct order *ret_order,
                  const char **ret_field)
{
    decode_fn *decode = decoder_of(type);
    struct decoding d = {.order = ret_order};

    memset(ret_order, 0, sizeof *ret_order);
    *ret_field = "";
    if (decode == NULL) return false;
    ret_order->type = type;
    ret_order->sender = sender;
    ret_order->payer = PROVINCE_CENTRE;
    ret_order->payee = PROVINCE_CENTRE;
    ret_order->insurance = 0xff;
    ret_order->hash = checksum_hash64(type, body.data, body.size);
    decode(&d, body);
    if (d.field == NULL) return true;
    *ret_field = d.field;
    order_free(ret_order);
    return false;
}

void order_free(struct order *order)
{
    free(order->rows);
    order->rows = NULL;
    order->row_count = 0;
}
