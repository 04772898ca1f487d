#include "tools/qingfen/advice.h"

#include <stddef.h>

#include "types/error.h"

struct advice {
    uint32_t code;
    const char *text;
};

/* clang-format off -- a table is read as a table */
static const struct advice advices[] = {
    {ERROR_MALFORMED, "mend the field named; --help says what it may be"},
    {ERROR_UNKNOWN_TYPE, "the engine is older than this command: update it"},
    {ERROR_SENDER_NOT_ALLOWED, "leave --as out to speak as the centre, or name your own province"},
    {ERROR_MSGID_REUSED, "give another --msgid, or repeat the first order word for word"},
    {ERROR_OVERLOAD, "wait a moment and give the same order again"},
    {ERROR_SAME_PROVINCE, "payer and payee are two provinces: check --payer and --payee"},
    {ERROR_AMOUNT_RANGE, "check the amount: above 0, and not more than 14 digits of yuan"},
    {ERROR_UNKNOWN_CODE, "310 is employee, 390 resident; all codes: docs/rules.md, insutypes.csv"},
    {ERROR_INSTITUTION, "push its row, or mend its days: qingfen wallet institution"},
    {ERROR_FILING_MISSING, "push the filing, then send it again: qingfen wallet filing"},
    {ERROR_SETL_ID_REUSED, "the first one stays; correct it by a refund or another setl_id"},
    {ERROR_ALREADY_REVERSED, "nothing is left of it; pay or settle anew under another setl_id"},
    {ERROR_PHARMACY_SWITCH, "the person switches it on at home (异地购药开关), then send it again"},
    {ERROR_NO_WALLET, "open a wallet for the giver or payer: qingfen wallet open"},
    {ERROR_WALLET_EXISTS, "use the one there is; another usage location: qingfen wallet move"},
    {ERROR_WALLET_CLOSED, "ask why; a frozen one goes on by qingfen wallet unfreeze"},
    {ERROR_INSURED_STATE, "the insured province must say normal again: qingfen wallet state"},
    {ERROR_RECEIVER_NO_WALLET, "open a wallet for the receiver first: qingfen wallet open"},
    {ERROR_AREA_NOT_ENABLED, "see where wallets are open: qingfen wallet rule list --area ADMDVS"},
    {ERROR_GIVER_AREA, "see where wallets are open: qingfen wallet rule list --area ADMDVS"},
    {ERROR_RELATION_KIND, "near relatives alone: eight kinds, see qingfen wallet bind --help"},
    {ERROR_GIVER_INSUTYPE,
     "only employee insurance (310) has an account; or --source wallet, where that is on"},
    {ERROR_RECEIVER_INSURANCE, "the receiver needs basic insurance, 310 or 390"},
    {ERROR_NIGHT, "come again after 06:00; nothing was counted"},
    {ERROR_TRANSFER_AMOUNT, "above 0, at most trsf_max_each (2000.00) each; split it"},
    {ERROR_TRANSFER_LIMIT, "come again tomorrow; what was refused did not count"},
    {ERROR_TRANSFER_PENDING, "have the earlier one accepted or declined first"},
    {ERROR_SOURCE_BALANCE, "transfer less; what a wallet holds: qingfen person wallet"},
    {ERROR_CLIENT_NO_REUSED, "give another number, or repeat the first order word for word"},
    {ERROR_WALLET_BUSY, "wait until what is under way is accepted or returned (06:00)"},
    {ERROR_USE_LOC_CHANGE, "not offered there, see use_loc_change: qingfen wallet rule list"},
    {ERROR_NO_RELATION, "begin the relation first: qingfen wallet bind"},
    {ERROR_NOT_RECEIVER, "only the person it was sent to may accept or decline"},
    {ERROR_INSTITUTION_WALLET, "pay otherwise; what its row says: qingfen person institution CODE"},
    {ERROR_NO_TRANSFER, "check the trsf_id"},
    {ERROR_TRANSFER_ENDED, "nothing is left to do; see the state in the answer to the submit"},
    {ERROR_TRANSFER_EXPIRED, "the money went back at 06:00; transfer again"},
    {ERROR_WALLET_BALANCE, "pay less from the wallet; the rest in cash"},
    {ERROR_OUTSIDE_USE_LOC, "pay otherwise; where it is good: wallet_spend_scope, usage location"},
    {ERROR_USE_NOT_ALLOWED, "care, medicine and premiums alone may be paid from it"},
    {ERROR_ABOVE_PERSON_PART, "pay at most psn_part_amt less acct_pay"},
    {ERROR_NO_PAYMENT, "check pay_id; or setl_id and the person"},
    {ERROR_ABOVE_PAYMENT, "take back at most what is left of it; amount 0 takes all of that"},
    {ERROR_PAYMENT_DISPUTED, "wait for the dispute's end: qingfen dispute list"},
    {ERROR_NO_RECLAIM, "end the relation instead: qingfen wallet unbind"},
    {ERROR_TOO_MANY, "use up or end some of what there is first"},
    {ERROR_PROVINCE_SILENT, "ask again later; the province is asked again by itself"},
    {ERROR_HOLD_GIVEN_UP, "the money was let go; transfer again"},
    {ERROR_NO_PREMIUM_DUE, "ask the insured province: qingfen premium quote"},
    {ERROR_PREMIUM_NOT_CONNECTED, "not connected there, see prem_…: qingfen wallet rule list"},
    {ERROR_PREMIUM_WINDOW, "pay within the season, see prem_window_…: qingfen wallet rule list"},
    {ERROR_PREMIUM_AMOUNT, "pay exactly what is due: qingfen premium quote"},
    {ERROR_NO_COMMITMENT, "read the commitment (缴费承诺) and say so: --commitment"},
    {ERROR_PAYER_NOT_ALLOWED, "oneself or a bound relative pays, see prem_for_relatives"},
    {ERROR_PREMIUM_INSUTYPE, "390, and long-term care where prem_ltc is on"},
    {ERROR_PREMIUM_PAID, "nothing is left to pay for that year"},
    {ERROR_PREMIUM_REFUSED, "ask the insured province; the wallet has its money back"},
    {ERROR_NO_PREMIUM, "check the pay_id"},
    {ERROR_PREMIUM_REVERSED, "nothing is left to take back"},
    {ERROR_COVERAGE_BEGAN, "no refund from then on, see prem_refund_after_start"},
    {ERROR_PERIOD_CLOSED, "correct it in the open month; a closed year stays closed"},
    {ERROR_TOTALS_DIFFER, "send the day's list: qingfen recon list"},
    {ERROR_TOO_MANY_DIFFERENCES, "check that day, counterpart and columns of the list are right"},
    {ERROR_PERIOD_ORDER,
     "do the earlier month first, and none that has not begun: qingfen period list"},
    {ERROR_RECON_OPEN, "see what is open: qingfen recon cells, qingfen exception list"},
    {ERROR_DIGEST_DIFFERS, "look at the published version again: qingfen period show"},
    {ERROR_DEADLINE, "ask the centre; the days are in qingfen calendar and qingfen setting list"},
    {ERROR_NOT_YOURS, "only the province concerned, or the centre, may do this: check --as"},
    {ERROR_NOTICE_UNKNOWN, "see the numbers there are: qingfen notice list"},
    {ERROR_PAID_AMOUNT, "see what is left to pay or receive: qingfen notice show NUMBER"},
    {ERROR_BANK_REF_REUSED, "check the bank reference; each transfer has its own"},
    {ERROR_PREFUND_RULE, "see the deposit and its use: qingfen prefund list"},
    {ERROR_WRONG_STATE, "see where it stands and what comes next: qingfen period show YYYY-MM"},
    {ERROR_DEDUCTION, "deduct at most what is left; kinds are 10, 20, 30, 40 and 99"},
    {ERROR_NUMBER_REUSED, "give another number, or repeat the first order word for word"},
    {ERROR_SETTING, "see names and bounds: qingfen setting list"},
    {ERROR_AMBIGUOUS, "name the record by its insured area too; two persons share the id"},
    {ERROR_LEDGER, "stop, and check the store: qingfen book, qingfen verify"},
    {ERROR_NOT_FOUND, "check number, person and month; a province sees its own rows only"},
    {ERROR_NOT_PERMITTED, "only the person's own provinces, or the centre, may see it"},
    {ERROR_YEAR_INCOMPLETE, "ask again when the year is over"},
    {ERROR_AREA_UNKNOWN, "six digits of a province that takes part; see areas.csv"},
    {ERROR_SWITCH_INVALID, "a later instant must be named: --from"},
    {ERROR_FILING_INVALID, "check place and days; another filing needs another number"},
    {ERROR_INSTITUTION_INVALID, "raise --version, and mend the field named"},
    {ERROR_RULE_INVALID,
     "names and values: qingfen wallet rule list; it begins now or later: --from"},
    {ERROR_RANGE_TOO_WIDE, "ask for less: one month, one province"},
    {ERROR_INTERNAL, "give the same order again when the engine is back"},
};
/* clang-format on */

const char *advice_for(uint32_t code)
{
    for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++) {
        if (advices[i].code == code) return advices[i].text;
    }
    return NULL;
}
