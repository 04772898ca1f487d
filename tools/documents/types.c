#include "tools/documents/types.h"

#include <ctype.h>

/* A table is read as a table. */
/* clang-format off */
const struct document_type document_types[DOCUMENT_KIND_COUNT] = {
    {DOCUMENT_CLR_NATIONAL, "CLR_NATIONAL", "全国跨省异地就医费用清算表", "month", true, false, false},
    {DOCUMENT_CLR_PAYABLE, "CLR_PAYABLE", "跨省异地就医应付医疗费用清算表", "payer, month", false, false, false},
    {DOCUMENT_CLR_RECEIVABLE, "CLR_RECEIVABLE", "跨省异地就医应收医疗费用清算表", "payee, month", false, false, false},
    {DOCUMENT_CLR_DETAIL_EMP, "CLR_DETAIL_EMP", "跨省异地就医职工医保基金应付（应收）明细表", "province, month", false, false, false},
    {DOCUMENT_CLR_DETAIL_RES, "CLR_DETAIL_RES", "跨省异地就医居民医保基金应付（应收）明细表", "province, month", false, false, false},
    {DOCUMENT_NOTICE_PAY, "NOTICE_PAY", "跨省异地就医费用付款通知书", "payer, month; or one notice", false, true, true},
    {DOCUMENT_NOTICE_RECV, "NOTICE_RECV", "跨省异地就医费用收款通知书", "payee, month; or one notice", false, true, false},
    {DOCUMENT_PREFUND_PAY, "PREFUND_PAY", "跨省异地就医预付金付款通知书", "who pays, year; or one notice", false, true, true},
    {DOCUMENT_PREFUND_RECV, "PREFUND_RECV", "跨省异地就医预付金收款通知书", "who is paid, year; or one notice", false, true, false},
    {DOCUMENT_PREFUND_EMG_PAY, "PREFUND_EMG_PAY", "跨省异地就医预付金额度紧急调增付款通知书", "payer, month; or one notice", false, true, true},
    {DOCUMENT_PREFUND_EMG_RECV, "PREFUND_EMG_RECV", "跨省异地就医预付金额度紧急调增收款通知书", "payee, month; or one notice", false, true, false},
    {DOCUMENT_RECON_DAILY, "RECON_DAILY", "跨省异地就医费用日对账表", "province, day; or month", false, false, false},
};
/* clang-format on */

static bool is_same(const char *a, const char *b)
{
    for (; *a != '\0' && *b != '\0'; a++, b++) {
        const char letter = *a == '-' ? '_' : (char)toupper((unsigned char)*a);
        if (letter != *b) return false;
    }
    return *a == *b;
}

const struct document_type *document_type_find(const char *id)
{
    for (size_t i = 0; i < DOCUMENT_KIND_COUNT; i++) {
        if (is_same(id, document_types[i].id)) return &document_types[i];
    }
    return NULL;
}
