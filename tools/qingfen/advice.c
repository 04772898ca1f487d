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
    {ERROR_PERIOD_CLOSED, "correct it in the open month; a closed year stays closed"},
    {ERROR_TOTALS_DIFFER, "send the day's list: qingfen recon list"},
    {ERROR_TOO_MANY_DIFFERENCES, "check that day, counterpart and columns of the list are right"},
    {ERROR_PERIOD_ORDER, "do the earlier month first: qingfen period list"},
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
    {ERROR_NOT_FOUND, "check the number and the month; a province sees its own rows only"},
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
