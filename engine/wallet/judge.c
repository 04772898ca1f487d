/* judge -- which chapter an order belongs to. */
#include "types/ensure.h"
#include "types/wire.h"
#include "wallet/chapters.h"

static wallet_judge_fn *chapter_of(uint16_t type)
{
    switch (type) {
    case MESSAGE_WLT_OPEN:
        return judge_open;
    case MESSAGE_WLT_USE_LOC_CHG:
        return judge_use_loc_chg;
    case MESSAGE_WLT_CLOSE:
        return judge_close;
    case MESSAGE_WLT_FREEZE:
    case MESSAGE_WLT_UNFREEZE:
        return judge_freeze;
    case MESSAGE_RLTS_BIND:
        return judge_bind;
    case MESSAGE_RLTS_UNBIND:
        return judge_unbind;
    case MESSAGE_PSN_STATE_PUSH:
        return judge_state_push;
    case MESSAGE_AUTH_SWITCH_PUSH:
        return judge_switch_push;
    case MESSAGE_FILING_PUSH:
        return judge_filing_push;
    case MESSAGE_TRSF_SUBMIT:
        return judge_submit;
    case MESSAGE_TRSF_ACCEPT:
        return judge_accept;
    case MESSAGE_TRSF_DECLINE:
        return judge_decline;
    case MESSAGE_TRSF_VOID:
        return judge_void;
    case MESSAGE_PA_HOLD_ACK:
        return judge_hold_ack;
    case MESSAGE_PA_GRANT:
        return judge_grant;
    case MESSAGE_LMT_RECLAIM:
        return judge_reclaim;
    case MESSAGE_WLT_PAY_PRE:
        return judge_pay_pre;
    case MESSAGE_WLT_PAY:
        return judge_pay;
    case MESSAGE_WLT_PAY_REVERSE:
        return judge_pay_reverse;
    case MESSAGE_PREM_QUOTE:
        return judge_prem_quote;
    case MESSAGE_PREM_DUE:
        return judge_prem_due;
    case MESSAGE_PREM_PAY:
        return judge_prem_pay;
    case MESSAGE_PREM_REVERSE:
        return judge_prem_reverse;
    case MESSAGE_INST_DIR_PUSH:
        return judge_institution;
    case MESSAGE_RULE_PUSH:
        return judge_rule;
    default:
        return NULL;
    }
}

void wallet_judge(const struct wallet_input *input, struct person *person,
                  struct wallet_decision *ret_decision)
{
    wallet_judge_fn *chapter = chapter_of(input->order->type);
    ENSURE(chapter != NULL);
    wallet_decision_begin(ret_decision);
    chapter(input, person, ret_decision);
}
