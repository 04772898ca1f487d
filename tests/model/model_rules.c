/* What one message must be by itself, whatever was accepted before: its sender, its form, areas,
 * codes, time and amounts. */
#include <time.h>

#include "codec/messages.h"
#include "tests/model/model_internal.h"

/* Wallets' codes (3xxx, 4xxx) are none of this model's: with them there would be more than bits. */
uint64_t model_code_bit(uint32_t code)
{
    static const uint32_t codes[] = {
#define X(number, symbol, english, chinese) number,
#include "types/error.def"
#undef X
    };
    unsigned bit = 0;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        if (codes[i] / 1000 == 3 || codes[i] / 1000 == 4) continue;
        if (codes[i] == code) return UINT64_C(1) << bit;
        bit = bit < 63 ? bit + 1 : 63;
    }
    return UINT64_C(1) << 63;
}

void model_refuse(struct model_answer *answer, uint32_t code)
{
    answer->codes |= model_code_bit(code);
}

bool model_takes_part(uint32_t province)
{
    static const uint8_t codes[32] = {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33,
                                      34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50,
                                      51, 52, 53, 54, 61, 62, 63, 64, 65, 66};
    for (int i = 0; i < 32; i++) {
        if (codes[i] == province) return true;
    }
    return false;
}

bool model_same_bytes(struct bytes a, struct bytes b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i] != b.data[i]) return false;
    }
    return true;
}

uint32_t model_day_of(int64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000 + 8 * 3600);
    struct tm tm;
    if (ms <= 0 || gmtime_r(&seconds, &tm) == NULL) return 0;
    return (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
}

uint32_t model_month_of(int64_t ms)
{
    return model_day_of(ms) / 100;
}

/* -- codes ------------------------------------------------------------------------------------- */

int model_line_of(uint32_t med_type)
{
    uint32_t first_four = med_type;
    if (med_type < 10 || med_type > 999999) return -1;
    while (first_four > 9999)
        first_four /= 10;
    uint32_t first_two = first_four;
    while (first_two > 99)
        first_two /= 10;
    if (first_four == 9929 || first_two == 41) return LINE_PHARMACY;
    if (first_two == 14) return LINE_CHRONIC;
    if (first_two / 10 == 2 || first_two == 52) return LINE_INPATIENT;
    return LINE_OUTPATIENT;
}

int model_insurance_of(uint32_t insutype)
{
    switch (insutype) {
    case 310:
    case 320:
        return INSURANCE_EMPLOYEE;
    case 390:
        return INSURANCE_RESIDENT;
    case 340:
        return INSURANCE_RETIRED;
    case 350:
        return INSURANCE_OTHER;
    default:
        return -1;
    }
}

/* Since which month a condition is settled across provinces; 0: it is not. */
static uint32_t chronic_since(struct bytes dise_codg)
{
    static const char *const first[] = {"M039", "M016", "M005", "M078", "M083"};
    static const char *const later[] = {"M053", "M069", "M046", "M002", "M072"};
    const struct bytes start = {dise_codg.data, 4};
    if (dise_codg.size < 4) return 0;
    for (int i = 0; i < 5; i++) {
        if (model_same_bytes(start, bytes_of(first[i]))) return 202109;
        if (model_same_bytes(start, bytes_of(later[i]))) return 202412;
    }
    return 0;
}

/* -- who sends --------------------------------------------------------------------------------- */

uint32_t model_check_sender(uint32_t session, uint32_t said_admdvs, uint32_t usual,
                            struct model_answer *answer)
{
    const uint32_t said = said_admdvs / 10000;
    const uint32_t sender = session != 0 ? session : said != 0 ? said : usual / 10000;
    if (sender == 0) {
        model_refuse(answer, ERROR_MALFORMED);
        return 0;
    }
    /* An unknown place of treatment is refused for its area, not for its sender. */
    if (session == 0 && said == 0 && !model_takes_part(sender)) return sender;
    if (!model_takes_part(sender) || (said != 0 && said != sender) ||
        (usual != 0 && usual / 10000 != sender)) {
        model_refuse(answer, ERROR_SENDER_NOT_ALLOWED);
    }
    return sender;
}

/* -- the rules of one settlement --------------------------------------------------------------- */

void model_check_text(struct bytes text, size_t most, bool needed, struct model_answer *answer)
{
    if (text.size > most || (needed && text.size == 0)) model_refuse(answer, ERROR_MALFORMED);
    for (size_t i = 0; i < text.size && text.size <= most; i++) {
        if (text.data[i] < 33 || text.data[i] > 126) model_refuse(answer, ERROR_MALFORMED);
    }
}

void model_check_form(const struct settlement *s, struct model_answer *answer)
{
    model_check_text(s->msgid, 30, true, answer);
    model_check_text(s->setl_id, 30, true, answer);
    model_check_text(s->mdtrt_id, 30, false, answer);
    model_check_text(s->fixmedins_code, 12, false, answer);
    model_check_text(s->dise_codg, 30, false, answer);
    model_check_text(s->medins_setl_id, 30, false, answer);
    model_check_text(s->orig_setl_id, 30, s->refd_setl_flag, answer);
    if (s->orig_setl_id.size != 0 && !s->refd_setl_flag) model_refuse(answer, ERROR_MALFORMED);
    if (s->psn_key.size != 16) model_refuse(answer, ERROR_MALFORMED);
    if (s->detail_digest.size != 0 && s->detail_digest.size != 32)
        model_refuse(answer, ERROR_MALFORMED);
}

void model_check_areas(uint32_t insu, uint32_t mdtrt, struct model_answer *answer)
{
    if (!model_takes_part(insu / 10000) || !model_takes_part(mdtrt / 10000)) {
        model_refuse(answer, ERROR_UNKNOWN_AREA);
    } else if (insu / 10000 == mdtrt / 10000) {
        model_refuse(answer, ERROR_SAME_PROVINCE);
    }
}

void model_check_codes(const struct model *model, const struct settlement *s,
                       struct model_answer *answer)
{
    static const uint32_t clr_types[] = {0,    11,   21,   41,   51,   99,   9902,
                                         9903, 9907, 9908, 9909, 9910, 9921, 9936};
    bool clr_known = false;
    for (unsigned i = 0; i < sizeof clr_types / sizeof clr_types[0]; i++)
        clr_known = clr_known || clr_types[i] == s->clr_type;
    if (!clr_known || model_insurance_of(s->insutype) < 0 || model_line_of(s->med_type) < 0)
        model_refuse(answer, ERROR_UNKNOWN_CODE);
    if (model_line_of(s->med_type) != LINE_CHRONIC) return;
    if (s->dise_codg.size == 0) {
        if (model->rules.chronic_code_required) model_refuse(answer, ERROR_UNKNOWN_CODE);
    } else {
        const uint32_t since = chronic_since(s->dise_codg);
        if (since == 0 || model_month_of(s->setl_time) < since)
            model_refuse(answer, ERROR_UNKNOWN_CODE);
    }
}

void model_check_time(const struct model *model, const struct settlement *s, int64_t now_ms,
                      struct model_answer *answer)
{
    const bool never_set = model->manual_clock && now_ms == model->first_stamp_ms;
    if (s->setl_time <= 0 || model_month_of(s->setl_time) < model->rules.first_month)
        model_refuse(answer, ERROR_SETL_TIME);
    if (!never_set && s->setl_time > now_ms + model->rules.future_ms)
        model_refuse(answer, ERROR_SETL_TIME);
}

/* Shared account money beside acct_pay. Signs are those of the record. */
static int64_t shared(const int64_t *a, bool mulaid_in_acct)
{
    const int64_t mulaid = a[AMOUNT_MULAID];
    const int64_t wallet = a[AMOUNT_WLT];
    if (mulaid_in_acct) return wallet;
    if (mulaid < 0 || wallet < 0) return wallet < mulaid ? wallet : mulaid;
    return wallet > mulaid ? wallet : mulaid;
}

int64_t model_account_part(const int64_t *a, const struct model_switches *w)
{
    const bool beside = w->clear_mulaid && !w->mulaid_in_acct;
    return a[AMOUNT_ACCT] + (beside ? shared(a, false) - a[AMOUNT_WLT] : 0);
}

int64_t model_fund_part(const int64_t *a, const struct model_switches *w)
{
    return a[AMOUNT_FUND_SUM] - (w->acct_in_fund ? a[AMOUNT_ACCT] : 0);
}

static void check_identities(const struct settlement *s, const struct model_switches *w,
                             struct model_answer *answer)
{
    const int64_t *a = s->amounts;
    const int64_t acct_in_fund = w->acct_in_fund ? a[AMOUNT_ACCT] : 0;
    const int64_t parts = a[AMOUNT_HIFP] + a[AMOUNT_CVLSERV] + a[AMOUNT_HIFES] + a[AMOUNT_HIFMI] +
                          a[AMOUNT_HIFOB] + a[AMOUNT_HIFDM] + a[AMOUNT_MAF] + a[AMOUNT_OTH];
    const int64_t four =
        a[AMOUNT_FULAMT_OWNPAY] + a[AMOUNT_OVERLMT] + a[AMOUNT_PRESELFPAY] + a[AMOUNT_INSCP_SCP];
    const bool broken[5] = {
        [1] = a[AMOUNT_FUND_SUM] != parts + acct_in_fund,
        [2] = a[AMOUNT_MEDFEE] !=
              a[AMOUNT_FUND_SUM] - acct_in_fund + a[AMOUNT_PSN_PART] + a[AMOUNT_HOSP_PART],
        [3] = a[AMOUNT_PSN_PART] != a[AMOUNT_ACCT] + shared(a, w->mulaid_in_acct) + a[AMOUNT_CASH],
        [4] = four != 0 && a[AMOUNT_MEDFEE] != four,
    };
    for (int i = 1; i <= 4; i++) {
        if (broken[i] && w->identity[i] == MODEL_HARD) model_refuse(answer, ERROR_ARITHMETIC);
    }
    if (s->clr_amt_present && s->clr_amt != model_fund_part(a, w) + model_account_part(a, w))
        model_refuse(answer, ERROR_ARITHMETIC);
}

void model_check_amounts(const struct settlement *s, const struct model_switches *w,
                         struct model_answer *answer)
{
    bool fits = true;
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        const int64_t fen = s->amounts[i];
        const bool wrong_sign = s->refd_setl_flag ? fen > 0 : fen < 0;
        if (fen > N16_MAX || fen < -N16_MAX) {
            model_refuse(answer, ERROR_AMOUNT_RANGE);
            fits = false;
        } else if (wrong_sign && w->identity[5] == MODEL_HARD) {
            model_refuse(answer, ERROR_AMOUNT_RANGE);
        }
    }
    if (fits) check_identities(s, w, answer);
}
