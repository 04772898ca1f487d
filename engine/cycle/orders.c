/* orders -- hands an order to its chapter.
 *
 * Must not know the rules: they stand in the chapters. */
#include "cycle/cycle_internal.h"
#include "types/civil.h"

static bool judge_order(struct judgement *j)
{
    switch (j->order->type) {
    case MESSAGE_RECON_DAY:
        return judge_recon_day(j);
    case MESSAGE_RECON_LIST:
        return judge_recon_list(j);
    case MESSAGE_CLR_CONFIRM:
        return judge_confirm(j);
    case MESSAGE_CLR_WITHDRAW:
        return judge_withdraw(j);
    case MESSAGE_RECOVERY:
        return judge_recovery(j);
    case MESSAGE_DISPUTE_OPEN:
        return judge_dispute_open(j);
    case MESSAGE_DISPUTE_REPLY:
        return judge_dispute_reply(j);
    case MESSAGE_DISPUTE_RESOLVE:
        return judge_dispute_resolve(j);
    case MESSAGE_PERIOD_CUT:
        return judge_cut(j);
    case MESSAGE_BATCH_STEP:
        return judge_batch_step(j);
    case MESSAGE_BATCH_SIGN:
        return judge_batch_sign(j);
    case MESSAGE_NOTICE_REISSUE:
        return judge_notice_reissue(j);
    case MESSAGE_PAY_REPORT:
        return judge_pay_report(j);
    case MESSAGE_RECEIPT_REPORT:
        return judge_receipt_report(j);
    case MESSAGE_PREFUND_SET:
        return judge_prefund_set(j);
    case MESSAGE_PREFUND_APPLY:
        return judge_prefund_apply(j);
    case MESSAGE_PREFUND_DECIDE:
        return judge_prefund_decide(j);
    case MESSAGE_SETTING_SET:
        return judge_setting(j);
    case MESSAGE_YEAR_CLOSE:
        return judge_year_close(j);
    default:
        return refuse(j, ERROR_UNKNOWN_TYPE, "no order of the clearing cycle");
    }
}

/* Both levels of idempotency are the chapters' business but this: the same message again. */
static bool seen_before(struct judgement *j)
{
    const struct order_row key = order_key(j->order);
    const struct order_row *before = cycle_find(j->cycle, ROW_ORDER, &key);
    if (before == NULL) return false;
    if (before->type != key.type || before->hash != key.hash) {
        (void)refuse(j, ERROR_MSGID_REUSED, "msgid %s was used with other content", key.msgid);
        return true;
    }
    /* The id of a cut may be made of its month, and an aborted month is cut again: the chapter
     * knows whether it was done. */
    if (key.type == MESSAGE_PERIOD_CUT) return false;
    j->decision->dup = true;
    memcpy(j->decision->ref, before->ref, sizeof before->ref);
    if (key.type == MESSAGE_RECON_LIST) recon_list_again(j->decision);
    return true;
}

void cycle_judge(const struct cycle *cycle, const struct order *order, const struct facts *facts,
                 int64_t now_ms, struct decision *ret_decision)
{
    struct judgement j = {
        .cycle = cycle,
        .order = order,
        .facts = facts,
        .now_ms = now_ms,
        .today = civil_day(now_ms),
        .decision = ret_decision,
    };
    if (seen_before(&j)) return;
    if (order->payer == PROVINCE_UNKNOWN || order->payee == PROVINCE_UNKNOWN ||
        order->acting == PROVINCE_UNKNOWN) {
        (void)refuse(&j, ERROR_UNKNOWN_AREA, "no such province");
        return;
    }
    (void)judge_order(&j);
}
