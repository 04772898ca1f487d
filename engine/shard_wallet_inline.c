/* shard_wallet_inline -- what settlements do to the wallet of their person, and what they have to
 * ask about person and institution before they may pass. */
#include "codec/messages.h"
#include "shard_wallet_work.h"
#include "types/civil.h"

/* -- settlements that pay from a wallet ------------------------------------------------------- */

/* Care is 1, medicine 2. A pharmacy sells: medicine for a chronic illness as well. Nobody stays in
 * one. */
static uint32_t use_of(const struct settlement *s, uint8_t line)
{
    const bool sold = is_pharmacy(s->fixmedins_code) && line != LINE_INPATIENT;
    return line == LINE_PHARMACY || sold ? 2 : 1;
}

static void order_of(const struct settlement *s, uint8_t line, struct wallet_order *ret_order)
{
    *ret_order = (struct wallet_order){
        .type = MESSAGE_SETL_POST,
        .msgid = s->msgid,
        .psn_key = s->psn_key,
        .setl_id = s->refd_setl_flag ? s->orig_setl_id : s->setl_id,
        .client_no = s->refd_setl_flag ? s->setl_id : (struct bytes){0},
        .medins_setl_id = s->medins_setl_id,
        .fixmedins_code = s->fixmedins_code,
        .sender_admdvs = s->sender_admdvs,
        .insu_admdvs = s->insu_admdvs,
        .mdtrtarea_admvs = s->mdtrtarea_admvs,
        .insutype = s->insutype,
        .use = use_of(s, line),
        .amount = s->amounts[AMOUNT_WLT],
        .amount2 = s->amounts[AMOUNT_PSN_PART],
        .amount3 = s->amounts[AMOUNT_ACCT],
        .inf_time = s->inf_time,
    };
}

/* The entry that paid or gave back under that number at the settlement's place. */
static bool find_number(const struct shard *shard, char domain, const struct wallet_order *order,
                        struct bytes number, struct entry *ret_entry, struct wallet_entry *ret_its)
{
    const struct wallet_id id = wallet_id_of(domain, order->mdtrtarea_admvs / 10000, number);
    const struct psn_key person = psn_key_of(order->psn_key);
    return wallet_find_id(shard, &person, &id, ret_entry, ret_its);
}

static bool find_paid(const struct shard *shard, const struct wallet_order *order,
                      struct bytes number, struct wallet_past *ret_past)
{
    struct entry entry;
    struct wallet_entry its;
    if (!find_number(shard, ID_PAID, order, number, &entry, &its)) return false;
    wallet_past_of(shard, &entry, &its, ret_past);
    return true;
}

/* What was given back under that number; 0: nothing. */
static int64_t given_back(const struct shard *shard, const struct wallet_order *order,
                          struct bytes number, uint16_t *ret_type)
{
    struct entry entry;
    struct wallet_entry its;
    struct found_said found;
    int64_t sum = 0;

    if (!find_number(shard, ID_REVERSAL, order, number, &entry, &its)) return 0;
    entry_read_said(&its, &found);
    for (uint32_t i = 0; i < found.used_count; i++)
        sum += found.used[i].amount;
    *ret_type = its.type;
    return sum;
}

/* What of a settlement the refusal is about; `field`: what of it asks the wallet. */
static uint32_t field_of(uint32_t code, uint32_t field)
{
    switch (code) {
    case ERROR_NO_WALLET:
    case ERROR_WALLET_CLOSED:
        return SETL_FIELD_PSN_KEY;
    case ERROR_INSTITUTION_WALLET:
        return SETL_FIELD_FIXMEDINS_CODE;
    case ERROR_USE_NOT_ALLOWED:
        return SETL_FIELD_MED_TYPE;
    case ERROR_OUTSIDE_USE_LOC:
    case ERROR_PHARMACY_SWITCH:
        return SETL_FIELD_MDTRTAREA_ADMVS;
    default:
        return field;
    }
}

/* Copies what stands in the way. The use is the engine's own word for a kind of care: its number
 * means nothing to who sent a settlement. */
static void hand_on(const struct wallet_work *w, struct failures *failures, uint32_t field)
{
    for (uint32_t i = 0; i < w->decision.failures.count; i++) {
        const struct failure *f = &w->decision.failures.list[i];
        const bool is_use = f->code == ERROR_USE_NOT_ALLOWED;
        failures_add(failures, f->code, field_of(f->code, field),
                     is_use ? CHECK_NONE : (enum check)f->check, f->got, f->want);
    }
}

static void begin_inline(const struct shard *shard, struct wallet_work *w,
                         const struct entry *record, int64_t setl_time)
{
    const struct psn_key person = psn_key_of(w->order.psn_key);
    work_begin(w);
    work_load(shard, w, &person);
    w->entry.stamp_ms = record->stamp_ms;
    w->entry.sender = record->sender;
    w->entry.period = record->period;
    w->entry.orig_period = record->orig_period;
    w->entry.flags = record->flags & ENTRY_LATE;
    w->debt_ms = setl_time;
    w->inline_of = true;
}

static bool judge_amount(const struct shard *shard, struct wallet_work *w, int64_t amount,
                         struct bytes message, uint32_t field, struct failures *failures)
{
    struct wallet_input input = work_input(shard, w);
    if (institution_load(shard, w->order.fixmedins_code, &w->institution)) {
        input.institution = &w->institution;
    }
    wallet_judge_settlement(&input, amount, &w->after, &w->decision);
    work_finish(shard, w, w->order.type, message);
    hand_on(w, failures, field);
    return w->writes;
}

static bool judge_inline_pay(const struct shard *shard, const struct settlement *s,
                             const struct entry *record, struct failures *failures)
{
    struct wallet_work *w = shard->work;
    struct wallet_past paid;

    if (params_value(shard->params, PARAM_WALLET_INLINE, s->insu_admdvs, record->stamp_ms) == 0) {
        return false;
    }
    order_of(s, record->line, &w->order);
    if (find_paid(shard, &w->order, s->setl_id, &paid)) {
        const int64_t left = paid.amount - paid.reversed;
        if (left != s->amounts[AMOUNT_WLT]) {
            failures_add(failures, ERROR_SETL_ID_REUSED, SETL_FIELD_WLT, CHECK_MATCH,
                         s->amounts[AMOUNT_WLT], left);
        }
        return false; /* Paid by a message of its own: that is the payment. */
    }
    begin_inline(shard, w, record, s->setl_time);
    const struct wallet_id key = wallet_id_of(ID_PAID, s->mdtrtarea_admvs / 10000, s->setl_id);
    work_note_id(w, &key, hash_wallet_id(shard, &w->after.key, &key));
    return judge_amount(shard, w, s->amounts[AMOUNT_WLT], record->body, SETL_FIELD_WLT, failures);
}

/* Gives `amount` (< 0) back to the payment in work->past. */
static bool judge_inline_back(const struct shard *shard, int64_t amount, struct bytes number,
                              const struct entry *record, int64_t setl_time, uint32_t field,
                              struct failures *failures)
{
    struct wallet_work *w = shard->work;
    const struct wallet_past paid = w->past;

    begin_inline(shard, w, record, setl_time);
    w->past = paid;
    work_refer(shard, w, paid.seq);
    const struct wallet_id key =
        wallet_id_of(ID_REVERSAL, w->order.mdtrtarea_admvs / 10000, number);
    work_note_id(w, &key, hash_wallet_id(shard, &w->after.key, &key));
    return judge_amount(shard, w, amount, record->body, field, failures);
}

static bool judge_inline_refund(const struct shard *shard, const struct settlement *s,
                                const struct entry *record, struct failures *failures)
{
    struct wallet_work *w = shard->work;
    uint16_t type;

    order_of(s, record->line, &w->order);
    if (!find_paid(shard, &w->order, s->orig_setl_id, &w->past)) return false;
    if (w->past.type != MESSAGE_SETL_POST &&
        params_value(shard->params, PARAM_WALLET_INLINE, s->insu_admdvs, record->stamp_ms) == 0) {
        return false;
    }
    const int64_t back = given_back(shard, &w->order, s->setl_id, &type);
    if (back != 0) {
        if (back != -s->amounts[AMOUNT_WLT]) {
            failures_add(failures, ERROR_SETL_ID_REUSED, SETL_FIELD_WLT, CHECK_MATCH,
                         s->amounts[AMOUNT_WLT], -back);
        }
        return false; /* Taken back by a message of its own. */
    }
    return judge_inline_back(shard, s->amounts[AMOUNT_WLT], s->setl_id, record, s->setl_time,
                             SETL_FIELD_WLT, failures);
}

bool judge_inline(const struct shard *shard, const struct settlement *s, const struct entry *record,
                  struct failures *failures)
{
    return s->refd_setl_flag ? judge_inline_refund(shard, s, record, failures)
                             : judge_inline_pay(shard, s, record, failures);
}

bool judge_inline_correction(const struct shard *shard, const struct settlement *s,
                             const struct entry *original, const struct entry *record,
                             struct bytes msgid, uint32_t field, struct failures *failures)
{
    struct wallet_work *w = shard->work;
    struct wallet_past paid;
    uint16_t type;

    order_of(s, original->line, &w->order);
    if (s->refd_setl_flag) {
        /* What went back to the wallet may be spent again by now. */
        const int64_t back = given_back(shard, &w->order, s->setl_id, &type);
        if (back != 0 && type == MESSAGE_SETL_POST) {
            failures_add(failures, ERROR_ALREADY_REVERSED, field, CHECK_REFUND, back, 0);
        }
        return false;
    }
    if (!find_paid(shard, &w->order, s->setl_id, &paid) || paid.seq != original->seq + 1 ||
        paid.amount == paid.reversed) {
        return false;
    }
    w->past = paid;
    w->order.type = MESSAGE_CORRECTION;
    w->order.msgid = w->order.client_no = msgid;
    return judge_inline_back(shard, paid.reversed - paid.amount, msgid, record, s->setl_time, field,
                             failures);
}

/* -- what a settlement's person and institution have to be asked for ----------------------------
 */

/* 2007: where the insured area wants it, the directory has the institution in that province and on
 * that day. */
static void judge_directory(const struct shard *shard, const struct settlement *s,
                            struct failures *failures)
{
    if (params_value(shard->params, PARAM_DIRECTORY_CHECK, s->insu_admdvs, s->setl_time) == 0) {
        return;
    }
    const uint32_t date = civil_day(s->setl_time);
    struct institution row;
    if (!institution_load(shard, s->fixmedins_code, &row)) {
        failures_add(failures, ERROR_INSTITUTION, SETL_FIELD_FIXMEDINS_CODE, CHECK_STATE, 0, 0);
    } else if (row.admdvs / 10000 != s->mdtrtarea_admvs / 10000) {
        failures_add(failures, ERROR_INSTITUTION, SETL_FIELD_FIXMEDINS_CODE, CHECK_MATCH,
                     s->mdtrtarea_admvs / 10000, row.admdvs / 10000);
    } else if (date < row.from || (row.to != 0 && date > row.to)) {
        failures_add(failures, ERROR_INSTITUTION, SETL_FIELD_FIXMEDINS_CODE, CHECK_RANGE, date,
                     date < row.from ? row.from : row.to);
    }
}

void judge_switches(const struct shard *shard, const struct settlement *s, uint8_t line,
                    struct failures *failures)
{
    struct person *person = &shard->work->before;
    judge_directory(shard, s, failures);
    if (!wallet_checks_settlement(shard->params, s->insu_admdvs, s->mdtrtarea_admvs,
                                  line == LINE_PHARMACY, s->setl_time)) {
        return;
    }
    const struct psn_key key = psn_key_of(s->psn_key);
    person_load(shard, &key, person);
    if (line == LINE_PHARMACY && wallet_pharmacy_blocked(shard->params, person, s->insu_admdvs,
                                                         s->mdtrtarea_admvs, s->setl_time)) {
        failures_add(failures, ERROR_PHARMACY_SWITCH, SETL_FIELD_MDTRTAREA_ADMVS, CHECK_NONE, 0, 0);
    }
    if (wallet_filing_missing(shard->params, person, s->insu_admdvs, s->mdtrtarea_admvs,
                              s->setl_time)) {
        failures_add(failures, ERROR_FILING_MISSING, SETL_FIELD_MDTRTAREA_ADMVS, CHECK_NONE, 0, 0);
    }
}
