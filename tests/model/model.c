/* Judges: what is answered to a message, and what it adds to the list. */
#include "codec/messages.h"
#include "tests/model/model_internal.h"

static uint32_t month_after(uint32_t month)
{
    return month % 100 == 12 ? (month / 100 + 1) * 100 + 1 : month + 1;
}

/* -- the same content -------------------------------------------------------------------------- */

static bool same_settlement(const struct settlement *a, const struct settlement *b)
{
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (a->amounts[i] != b->amounts[i]) return false;
    }
    return a->setl_time == b->setl_time && a->begndate == b->begndate && a->enddate == b->enddate &&
           model_same_bytes(a->setl_id, b->setl_id) && model_same_bytes(a->mdtrt_id, b->mdtrt_id) &&
           model_same_bytes(a->psn_key, b->psn_key) &&
           model_same_bytes(a->fixmedins_code, b->fixmedins_code) &&
           model_same_bytes(a->orig_setl_id, b->orig_setl_id) &&
           model_same_bytes(a->dise_codg, b->dise_codg) &&
           model_same_bytes(a->medins_setl_id, b->medins_setl_id) &&
           model_same_bytes(a->detail_digest, b->detail_digest) &&
           a->insu_admdvs == b->insu_admdvs && a->mdtrtarea_admvs == b->mdtrtarea_admvs &&
           a->insutype == b->insutype && a->med_type == b->med_type && a->clr_type == b->clr_type &&
           a->clr_way == b->clr_way && a->clr_optins == b->clr_optins &&
           a->mdtrt_cert_type == b->mdtrt_cert_type && a->filing_type == b->filing_type &&
           a->psn_type == b->psn_type && a->refd_setl_flag == b->refd_setl_flag;
}

static bool same_adjustment(const struct adjustment *a, const struct adjustment *b)
{
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (a->amounts[i] != b->amounts[i]) return false;
    }
    return model_same_bytes(a->adj_no, b->adj_no) && model_same_bytes(a->setl_id, b->setl_id) &&
           model_same_bytes(a->psn_key, b->psn_key) && model_same_bytes(a->reason, b->reason) &&
           model_same_bytes(a->approval_no, b->approval_no) && a->insu_admdvs == b->insu_admdvs &&
           a->mdtrtarea_admvs == b->mdtrtarea_admvs && a->approved_by == b->approved_by;
}

/* -- against the original ---------------------------------------------------------------------- */

static void check_refund(const struct model *model, const struct settlement *s, int original,
                         struct model_answer *answer)
{
    const struct settlement *its = &model->items[original].s;
    bool gone = model_changed(model, original, AMOUNT_MEDFEE) != 0;

    if (s->mdtrtarea_admvs / 10000 != its->mdtrtarea_admvs / 10000)
        model_refuse(answer, ERROR_WRONG_PROVINCE);
    if (model_insurance_of(s->insutype) != model_insurance_of(its->insutype) ||
        model_line_of(s->med_type) != model_line_of(its->med_type)) {
        model_refuse(answer, ERROR_LINE_MISMATCH);
    }
    for (int i = AMOUNT_MEDFEE; i <= AMOUNT_HOSP_PART; i++)
        gone = gone && model_left_of(model, original, i) == 0;
    if (gone) {
        model_refuse(answer, ERROR_ALREADY_REVERSED);
        return;
    }
    for (int i = AMOUNT_MEDFEE; i <= AMOUNT_HOSP_PART; i++) {
        const int64_t left = model_left_of(model, original, i) + s->amounts[i];
        if (left < 0 || (!model->rules.partial_refunds && left != 0))
            model_refuse(answer, ERROR_ABOVE_ORIGINAL);
    }
}

/* The settlement an id names; -1 and a refusal when there is none to refer to. */
static int original_of(const struct model *model, uint32_t insu, struct bytes setl_id,
                       struct bytes psn, struct model_answer *answer)
{
    const int i = model_find_setl_id(model, insu, setl_id, psn);
    if (i < 0 || model->items[i].kind != MODEL_SETTLEMENT) {
        model_refuse(answer, ERROR_ORIGINAL_NOT_FOUND);
        return -1;
    }
    if (model_is_cancelled(model, i)) {
        model_refuse(answer, ERROR_ALREADY_REVERSED);
        return -1;
    }
    return i;
}

/* -- accepting --------------------------------------------------------------------------------- */

static struct model_item *add(struct model *model, enum model_kind kind, int64_t stamp_ms)
{
    struct model_item *item = &model->items[model->count++];
    *item = (struct model_item){.kind = kind, .stamp_ms = stamp_ms, .target = -1};
    return item;
}

static void set_period(const struct model *model, struct model_item *item, uint32_t month)
{
    const uint32_t through = model_cut_through(model);
    item->orig_period = month;
    item->period = month > through ? month : month_after(through);
}

static struct model_answer again(struct model_answer answer, int item)
{
    answer.dup = true;
    answer.item = item;
    return answer;
}

/* -- settlement and refund --------------------------------------------------------------------- */

/* 1: answered before, *ret_item says by which. 0: go on. */
static bool seen_before(const struct model *model, const struct settlement *s, uint32_t sender,
                        int64_t now_ms, int *ret_item, struct model_answer *answer)
{
    uint32_t conflict = ERROR_MSGID_REUSED;
    int i = model_find_msgid(model, sender, s->msgid, s->psn_key);
    if (i < 0) {
        if (model_find_tombstone(model, sender, s->msgid, s->psn_key, now_ms) >= 0)
            model_refuse(answer, ERROR_TOMBSTONED);
        conflict = ERROR_SETL_ID_REUSED;
        i = model_find_setl_id(model, s->insu_admdvs, s->setl_id, s->psn_key);
    }
    if (i < 0) return false;
    if (!model_is_record(&model->items[i]) || !same_settlement(s, &model->items[i].s)) {
        model_refuse(answer, conflict);
    } else if (model_is_cancelled(model, i)) {
        model_refuse(answer, ERROR_ALREADY_REVERSED);
    } else if (answer->codes == 0) {
        *ret_item = i;
        return true;
    }
    return false;
}

static struct model_answer judge_record(struct model *model, uint32_t sender,
                                        const struct settlement *s, int64_t now_ms,
                                        struct model_answer answer)
{
    int first;
    int original = -1;
    const bool may_speak = answer.codes == 0; /* Else it hears nothing of earlier records. */
    if (may_speak && s->msgid.size <= 30 && s->setl_id.size <= 30 &&
        seen_before(model, s, sender, now_ms, &first, &answer)) {
        return again(answer, first);
    }
    const uint32_t payer = s->insu_admdvs / 10000;
    model_check_form(s, &answer);
    model_check_areas(s->insu_admdvs, s->mdtrtarea_admvs, &answer);
    model_check_codes(model, s, &answer);
    model_check_time(model, s, now_ms, &answer);
    if (model_takes_part(payer)) model_check_amounts(s, &model->rules.of[payer], &answer);
    if (may_speak && s->refd_setl_flag && s->orig_setl_id.size != 0) {
        original = original_of(model, s->insu_admdvs, s->orig_setl_id, s->psn_key, &answer);
        if (original >= 0) check_refund(model, s, original, &answer);
    }
    const uint32_t month = model_month_of(s->setl_time);
    if (month != 0 && month / 100 <= model_closed_year(model))
        model_refuse(&answer, ERROR_PERIOD_CLOSED);
    if (answer.codes != 0) return answer;

    answer.item = model->count;
    struct model_item *item =
        add(model, s->refd_setl_flag ? MODEL_REFUND : MODEL_SETTLEMENT, now_ms);
    item->sender = sender;
    item->s = *s;
    item->target = original;
    item->switches = original >= 0 ? model->items[original].switches : model->rules.of[payer];
    item->line = (enum line)model_line_of(s->med_type);
    item->insurance = (enum insurance)model_insurance_of(s->insutype);
    set_period(model, item, month);
    return answer;
}

struct model_answer model_post(struct model *model, uint32_t session, const struct settlement *s,
                               int64_t now_ms)
{
    struct model_answer answer = {0};
    const uint32_t sender =
        model_check_sender(session, s->sender_admdvs, s->mdtrtarea_admvs, &answer);
    return judge_record(model, sender, s, now_ms, answer);
}

/* -- reversal ---------------------------------------------------------------------------------- */

static struct settlement as_refund(const struct model *model, const struct reversal *r,
                                   int original, int64_t now_ms)
{
    struct settlement s = model->items[original].s;
    s.orig_setl_id = s.setl_id;
    s.setl_id = r->rev_setl_id;
    s.msgid = r->msgid;
    s.refd_setl_flag = true;
    s.setl_time = r->setl_time != 0 ? r->setl_time : now_ms;
    s.clr_amt = 0;
    s.clr_amt_present = false;
    s.detail_digest = (struct bytes){0};
    s.sender_admdvs = r->sender_admdvs;
    if (r->mdtrtarea_admvs != 0) s.mdtrtarea_admvs = r->mdtrtarea_admvs;
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = r->full ? -s.amounts[i] : r->amounts[i];
    return s;
}

struct model_answer model_reverse(struct model *model, uint32_t session, const struct reversal *r,
                                  int64_t now_ms)
{
    struct model_answer answer = {0};
    model_check_text(r->msgid, 30, true, &answer);
    model_check_text(r->rev_setl_id, 30, true, &answer);
    model_check_text(r->setl_id, 30, true, &answer);
    if (r->psn_key.size != 16) model_refuse(&answer, ERROR_MALFORMED);
    if (r->mdtrtarea_admvs != 0)
        (void)model_check_sender(session, r->sender_admdvs, r->mdtrtarea_admvs, &answer);
    if (answer.codes != 0) return answer;

    const int original = model_find_setl_id(model, r->insu_admdvs, r->setl_id, r->psn_key);
    if (original < 0 || model->items[original].kind != MODEL_SETTLEMENT) {
        model_refuse(&answer, ERROR_ORIGINAL_NOT_FOUND);
        return answer;
    }
    struct settlement s = as_refund(model, r, original, now_ms);
    const uint32_t sender =
        model_check_sender(session, r->sender_admdvs, s.mdtrtarea_admvs, &answer);
    if (r->setl_time == 0) { /* Sent again, it means the time it got first. */
        int first = model_find_msgid(model, sender, s.msgid, s.psn_key);
        if (first < 0) first = model_find_setl_id(model, s.insu_admdvs, s.setl_id, s.psn_key);
        if (first >= 0) s.setl_time = model->items[first].stamp_ms;
    }
    return judge_record(model, sender, &s, now_ms, answer);
}

/* -- adjustment -------------------------------------------------------------------------------- */

static bool adjusted_before(const struct model *model, const struct adjustment *a, uint32_t sender,
                            int64_t now_ms, int *ret_item, struct model_answer *answer)
{
    uint32_t conflict = ERROR_MSGID_REUSED;
    int i = model_find_msgid(model, sender, a->msgid, a->psn_key);
    if (i < 0) {
        if (model_find_tombstone(model, sender, a->msgid, a->psn_key, now_ms) >= 0)
            model_refuse(answer, ERROR_TOMBSTONED);
        conflict = ERROR_SETL_ID_REUSED;
        i = model_find_adj_no(model, a);
    }
    if (i < 0) return false;
    if (model->items[i].kind != MODEL_ADJUSTMENT || !same_adjustment(a, &model->items[i].a)) {
        model_refuse(answer, conflict);
    } else if (model_is_cancelled(model, i)) {
        model_refuse(answer, ERROR_ALREADY_REVERSED);
    } else if (answer->codes == 0) {
        *ret_item = i;
        return true;
    }
    return false;
}

static void check_agreed(const struct adjustment *a, uint32_t sender, struct model_answer *answer)
{
    const uint32_t payer = a->insu_admdvs / 10000;
    const uint32_t payee = a->mdtrtarea_admvs / 10000;
    if (a->approval_no.size == 0 || a->approved_by / 10000 != (sender == payer ? payee : payer))
        model_refuse(answer, ERROR_ADJUST_NOT_AGREED);
}

static void check_adjusted(const struct model *model, const struct adjustment *a, int original,
                           struct model_answer *answer)
{
    bool any = false;
    if (a->mdtrtarea_admvs / 10000 != model->items[original].s.mdtrtarea_admvs / 10000)
        model_refuse(answer, ERROR_WRONG_PROVINCE);
    for (int i = AMOUNT_MEDFEE; i <= AMOUNT_HOSP_PART; i++) {
        const int64_t left = model_left_of(model, original, i) + a->amounts[i];
        if (a->amounts[i] == 0) continue;
        any = true;
        if (left < 0 || left > N16_MAX) model_refuse(answer, ERROR_ABOVE_ORIGINAL);
    }
    if (!any) model_refuse(answer, ERROR_MALFORMED);
}

struct model_answer model_adjust(struct model *model, uint32_t session, const struct adjustment *a,
                                 int64_t now_ms)
{
    struct model_answer answer = {0};
    int first;
    model_check_text(a->msgid, 30, true, &answer);
    model_check_text(a->adj_no, 30, true, &answer);
    model_check_text(a->setl_id, 30, true, &answer);
    model_check_text(a->approval_no, 30, false, &answer);
    if (a->psn_key.size != 16) model_refuse(&answer, ERROR_MALFORMED);
    model_check_areas(a->insu_admdvs, a->mdtrtarea_admvs, &answer);
    if (answer.codes != 0) return answer;

    const bool unsaid = session == 0 && a->sender_admdvs == 0;
    const uint32_t sender =
        model_check_sender(session, a->sender_admdvs, unsaid ? a->mdtrtarea_admvs : 0, &answer);
    if (answer.codes != 0) return answer;
    if (sender != a->insu_admdvs / 10000 && sender != a->mdtrtarea_admvs / 10000) {
        model_refuse(&answer, ERROR_SENDER_NOT_ALLOWED);
        return answer;
    }
    if (adjusted_before(model, a, sender, now_ms, &first, &answer)) return again(answer, first);
    check_agreed(a, sender, &answer);
    const int original = original_of(model, a->insu_admdvs, a->setl_id, a->psn_key, &answer);
    if (original >= 0) check_adjusted(model, a, original, &answer);
    if (answer.codes != 0) return answer;
    const uint32_t month = model->items[original].orig_period;
    if (month / 100 <= model_closed_year(model)) {
        model_refuse(&answer, ERROR_PERIOD_CLOSED);
        return answer;
    }
    answer.item = model->count;
    struct model_item *item = add(model, MODEL_ADJUSTMENT, now_ms);
    item->sender = sender;
    item->a = *a;
    item->target = original;
    item->line = model->items[original].line;
    item->insurance = model->items[original].insurance;
    set_period(model, item, month);
    return answer;
}

/* -- correction -------------------------------------------------------------------------------- */

/* Taking an adjustment back must leave enough for the refunds that came after it. */
static bool still_covers(const struct model *model, int i)
{
    const struct model_item *item = &model->items[i];
    if (item->kind != MODEL_ADJUSTMENT) return true;
    for (int amount = AMOUNT_MEDFEE; amount <= AMOUNT_HOSP_PART; amount++) {
        if (model_left_of(model, item->target, amount) < model_change_by(item, amount) &&
            model_change_by(item, amount) > 0) {
            return false;
        }
    }
    return true;
}

static int correction_of(const struct model *model, int i)
{
    for (int k = 0; k < model->count; k++) {
        const struct model_item *item = &model->items[k];
        if (item->kind == MODEL_CORRECTION && item->target == i) return k;
    }
    return -1;
}

static struct model_answer cancel(struct model *model, int i, struct model_item *correction,
                                  struct model_answer answer)
{
    const struct model_item *item = &model->items[i];
    if (item->kind == MODEL_CORRECTION) {
        model_refuse(&answer, ERROR_ORIGINAL_NOT_FOUND);
        return answer;
    }
    if (model_is_cancelled(model, i)) return again(answer, correction_of(model, i));
    if (item->period <= model_cut_through(model)) {
        model_refuse(&answer, ERROR_PERIOD_CLOSED);
    } else if (!still_covers(model, i)) {
        model_refuse(&answer, ERROR_ABOVE_ORIGINAL);
    } else {
        for (int k = i + 1; k < model->count; k++) {
            const int kind = model->items[k].kind;
            if (kind != MODEL_REFUND && kind != MODEL_ADJUSTMENT) continue;
            if (model->items[k].target == i && !model_is_cancelled(model, k))
                model_refuse(&answer, ERROR_ALREADY_REVERSED);
        }
    }
    correction->target = i;
    correction->period = item->period;
    correction->orig_period = item->orig_period;
    return answer;
}

struct model_answer model_correct(struct model *model, uint32_t session, const struct correction *c,
                                  int64_t now_ms)
{
    struct model_answer answer = {0};
    struct model_item correction = {.kind = MODEL_CORRECTION, .stamp_ms = now_ms, .target = -1};

    model_check_text(c->msgid, 30, true, &answer);
    model_check_text(c->omsgid, 30, true, &answer);
    model_check_text(c->oinfno, 4, false, &answer);
    if (c->psn_key.size != 16) model_refuse(&answer, ERROR_MALFORMED);
    if (answer.codes != 0) return answer;
    correction.sender = model_check_sender(session, c->sender_admdvs, 0, &answer);
    if (answer.codes != 0) return answer;

    int i = model_find_msgid(model, correction.sender, c->msgid, c->psn_key);
    if (i >= 0) {
        const struct model_item *first = &model->items[i];
        if (first->kind == MODEL_CORRECTION && model_same_bytes(first->c.omsgid, c->omsgid))
            return again(answer, i);
        model_refuse(&answer, ERROR_MSGID_REUSED);
        return answer;
    }
    i = model_find_msgid(model, correction.sender, c->omsgid, c->psn_key);
    if (i >= 0) {
        answer = cancel(model, i, &correction, answer);
    } else {
        i = model_find_tombstone(model, correction.sender, c->omsgid, c->psn_key, now_ms);
        if (i >= 0) return again(answer, i);
    }
    if (answer.codes != 0 || answer.dup) return answer;
    answer.item = model->count;
    correction.c = *c;
    model->items[model->count++] = correction;
    return answer;
}

/* -- the desk ---------------------------------------------------------------------------------- */

bool model_may_cut(const struct model *model, uint32_t period)
{
    const uint32_t through = model_cut_through(model);
    if (period <= through) return true;
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind > MODEL_ADJUSTMENT || model_is_cancelled(model, i)) continue;
        if (item->period > through && item->period < period) return false;
    }
    return true;
}

void model_cut(struct model *model, uint32_t period, int64_t now_ms)
{
    if (period <= model_cut_through(model)) return;
    add(model, MODEL_CUT, now_ms)->period = period;
}

bool model_set_clock(struct model *model, int64_t to_ms)
{
    if (!model->manual_clock || to_ms < model_clock(model)) return false;
    add(model, MODEL_CLOCK, to_ms);
    return true;
}

bool model_close_year(struct model *model, uint32_t year, int64_t now_ms)
{
    if (year <= model_closed_year(model)) return true;
    if (model_cut_through(model) < year * 100 + 12) return false;
    add(model, MODEL_YEAR_CLOSE, now_ms)->period = year * 100 + 12;
    return true;
}

void model_decide(struct model *model, uint32_t period, int64_t now_ms)
{
    add(model, MODEL_DECISION, now_ms)->period = period;
}
