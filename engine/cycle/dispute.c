/* dispute -- the payer's objection to a single record (争议), the payee's reply, the centre's
 * decision.
 *
 * A disputed record leaves its cell or its batch and waits until the dispute is resolved; what is
 * then to be paid goes into the next batch (docs/rules.md, Disputes). Must not know more of a batch
 * than its state and who has signed it. */
#include <stdio.h>

#include "cycle/cycle_internal.h"

/* Reason codes of DisputeOpen. */
enum dispute_reason {
    REASON_NOT_INSURED = 1,
    REASON_AMOUNT = 2,
    REASON_NOT_COVERED = 3,
    REASON_DUPLICATE = 4,
    REASON_SUSPICIOUS = 5, /* 费用协查 */
    REASON_OTHER = 9,
};

static bool reason_known(uint32_t reason)
{
    return (reason >= REASON_NOT_INSURED && reason <= REASON_SUSPICIOUS) || reason == REASON_OTHER;
}

static const struct dispute_row *find_dispute(const struct judgement *j)
{
    char key[MSGID_SIZE] = {0};
    memcpy(key, j->order->number, sizeof key - 1);
    return cycle_find(j->cycle, ROW_DISPUTE, key);
}

/* The dispute that an order refers to; NULL after refusing. */
static const struct dispute_row *known_dispute(struct judgement *j)
{
    const struct dispute_row *dispute = find_dispute(j);
    if (dispute == NULL) (void)refuse(j, ERROR_NOT_FOUND, "no dispute %.30s", j->order->number);
    return dispute;
}

/* -- opening ---------------------------------------------------------------------------------- */

static bool opened_before(struct judgement *j, const struct dispute_row *before)
{
    if (record_ref_compare(&before->ref, &j->order->ref) != 0 ||
        before->reason != j->order->reason) {
        return refuse(j, ERROR_NUMBER_REUSED, "dispute %s exists with other content",
                      before->dispute_no);
    }
    j->decision->dup = true;
    memcpy(j->decision->ref, before->dispute_no, sizeof before->dispute_no);
    return true;
}

/* A payer that has agreed to the published tables has agreed to the record. */
static bool not_agreed_yet(struct judgement *j, const struct exception_row *exception)
{
    const struct batch_row *batch = batch_of_record(j->cycle, exception);
    if (batch == NULL) return true;
    const struct sign_row key = {.batch = batch->id, .province = exception->record.payer};
    const struct sign_row *sign = cycle_find(j->cycle, ROW_SIGN, &key);
    if (sign == NULL || sign->version != batch->published_version ||
        (sign->state != SIGN_SIGNED && sign->state != SIGN_SILENT))
        return true;
    char name[NUMBER_SIZE];
    batch_name(batch, name);
    return refuse(j, ERROR_WRONG_STATE, "%02u has signed version %u of batch %s",
                  province_of(key.province), sign->version, name);
}

static bool may_be_disputed(struct judgement *j, const struct record_facts *record,
                            const struct exception_row *exception)
{
    if ((record->flags & RECORD_REVERSED) != 0 ||
        (exception->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) {
        return refuse(j, ERROR_WRONG_STATE, "%06u %s clears nothing", record->ref.insu_admdvs,
                      record->ref.setl_id);
    }
    if ((exception->flags & EXCEPTION_DISPUTED) != 0) {
        return refuse(j, ERROR_WRONG_STATE, "%06u %s is disputed already, under %s",
                      record->ref.insu_admdvs, record->ref.setl_id, exception->dispute_no);
    }
    if (!not_agreed_yet(j, exception)) return false;
    const int64_t least = setting_at(j->cycle, SETTING_ASSIST_MIN_FEN, j->now_ms);
    if (j->order->reason == REASON_SUSPICIOUS && record->medfee < least) {
        return refuse(j, ERROR_WRONG_STATE,
                      "a check for suspicion is for bills from %s yuan on, not %s",
                      yuan_of(least).text, yuan_of(record->medfee).text);
    }
    return true;
}

bool judge_dispute_open(struct judgement *j)
{
    const struct order *order = j->order;
    const struct record_facts *record = one_record(j, &order->ref);
    if (record == NULL) return false;
    if (!must_be(j, record->payer) || !must_have_number(j)) return false;
    const struct dispute_row *before = find_dispute(j);
    if (before != NULL) return opened_before(j, before);
    if (!must_be_open_year(j, record->period)) return false;
    struct exception_row exception = exception_of(j->cycle, record);
    if (!may_be_disputed(j, record, &exception)) return false;
    if (!reason_known(order->reason)) {
        return refuse(j, ERROR_MALFORMED, "there is no reason %u", order->reason);
    }

    const uint32_t reply_wd = (uint32_t)setting_at(j->cycle, SETTING_DISPUTE_REPLY_WD, j->now_ms);
    const uint32_t resolve_wd =
        (uint32_t)setting_at(j->cycle, SETTING_DISPUTE_RESOLVE_WD, j->now_ms);
    struct dispute_row dispute = {
        .ref = record->ref,
        .payer = record->payer,
        .payee = record->payee,
        .state = DISPUTE_OPEN,
        .reason = order->reason,
        .period = record->period,
        .reply_due = calendar_add(j->cycle->calendar, j->today, reply_wd),
        .resolve_due = calendar_add(j->cycle->calendar, j->today, resolve_wd),
        .amount = funds_sum(record->funds) - funds_sum(exception.deducted),
        .opened_ms = j->now_ms,
    };
    memcpy(dispute.dispute_no, order->number, sizeof dispute.dispute_no - 1);
    memcpy(exception.dispute_no, dispute.dispute_no, sizeof exception.dispute_no);
    exception.flags |= EXCEPTION_DISPUTED;
    if (!change_exception(j, &exception)) return false;
    decision_put(j->decision, ROW_DISPUTE, &dispute);
    return done(j, dispute.dispute_no);
}

/* -- reply ------------------------------------------------------------------------------------ */

bool judge_dispute_reply(struct judgement *j)
{
    const struct dispute_row *found = known_dispute(j);
    if (found == NULL) return false;
    if (!must_be(j, found->payee)) return false;
    if (!must_be_open_year(j, found->period)) return false;
    if (found->state != DISPUTE_OPEN) {
        return refuse(j, ERROR_WRONG_STATE, "dispute %s was %s", found->dispute_no,
                      found->state == DISPUTE_RESOLVED ? "resolved" : "replied to");
    }
    if (j->today > found->reply_due) {
        return refuse(j, ERROR_DEADLINE, "the reply to %s was due on %u", found->dispute_no,
                      found->reply_due);
    }
    struct dispute_row dispute = *found;
    dispute.state = j->order->flag ? DISPUTE_CONTESTED : DISPUTE_ACCEPTED;
    dispute.replied_ms = j->now_ms;
    decision_put(j->decision, ROW_DISPUTE, &dispute);
    return done(j, dispute.dispute_no);
}

/* -- decision --------------------------------------------------------------------------------- */

/* What is to be paid after all, by the outcome; false after refusing. */
static bool resolved_amount(struct judgement *j, const struct dispute_row *dispute,
                            int64_t *ret_amount)
{
    const struct order *order = j->order;
    switch (order->step) {
    case OUTCOME_PAY:
        *ret_amount = dispute->amount;
        return true;
    case OUTCOME_VOID:
        *ret_amount = 0;
        return true;
    case OUTCOME_PART:
        if (order->amount <= 0 || order->amount >= dispute->amount) {
            return refuse(j, ERROR_DEDUCTION, "a part of %s is between 0 and it, not %s",
                          yuan_of(dispute->amount).text, yuan_of(order->amount).text);
        }
        *ret_amount = order->amount;
        return true;
    default:
        return refuse(j, ERROR_MALFORMED, "there is no outcome %u", order->step);
    }
}

/* The exception as the outcome leaves it. */
static struct exception_row resolved_exception(const struct exception_row *before, uint32_t outcome,
                                               int64_t resolved)
{
    struct exception_row after = *before;
    after.flags &= ~EXCEPTION_DISPUTED;
    if (outcome == OUTCOME_VOID) after.flags |= EXCEPTION_VOID;
    if (outcome != OUTCOME_PART) return after;
    /* On top of an earlier deduction: the split never takes less of a fund for a larger sum. */
    split_deduction(before->record.funds, funds_sum(before->record.funds) - resolved,
                    after.deducted);
    if (after.det_type == 0) after.det_type = 99;
    /* After the handover it is posted at once; before it, with the batch. */
    if (before->carved) after.deduct_posted = 1;
    return after;
}

bool judge_dispute_resolve(struct judgement *j)
{
    const struct dispute_row *found = known_dispute(j);
    if (found == NULL) return false;
    /* The payer may drop its own case. */
    const bool dropped = j->order->step == OUTCOME_PAY && j->order->acting == found->payer;
    if (!dropped && !must_be_centre(j)) return false;
    if (!must_be_open_year(j, found->period)) return false;
    if (found->state == DISPUTE_RESOLVED) {
        return refuse(j, ERROR_WRONG_STATE, "dispute %s was resolved", found->dispute_no);
    }
    struct dispute_row dispute = *found;
    if (!resolved_amount(j, found, &dispute.resolved)) return false;
    dispute.state = DISPUTE_RESOLVED;
    dispute.outcome = (uint8_t)j->order->step;
    dispute.resolved_ms = j->now_ms;

    const struct exception_row key = {.ref = found->ref};
    const struct exception_row *exception = cycle_find(j->cycle, ROW_EXCEPTION, &key);
    if (exception != NULL && (exception->flags & EXCEPTION_REVERSED) == 0) {
        struct exception_row after =
            resolved_exception(exception, dispute.outcome, dispute.resolved);
        if (!change_exception(j, &after)) return false;
    }
    decision_put(j->decision, ROW_DISPUTE, &dispute);
    return done(j, dispute.dispute_no);
}
