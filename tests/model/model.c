#include "tests/model/model.h"

#include <time.h>

#include "codec/messages.h"
#include "types/error.h"

#define N16_MAX INT64_C(9999999999999999)

/* -- small things --------------------------------------------------------------------------- */

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

static void refuse(struct model_answer *answer, uint32_t code)
{
    answer->codes |= model_code_bit(code);
}

uint32_t model_month_of(int64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000 + 8 * 3600);
    struct tm tm;
    if (ms <= 0 || gmtime_r(&seconds, &tm) == NULL) return 0;
    return (uint32_t)((tm.tm_year + 1900) * 100 + tm.tm_mon + 1);
}

static uint32_t month_after(uint32_t month)
{
    return month % 100 == 12 ? (month / 100 + 1) * 100 + 1 : month + 1;
}

static bool takes_part(uint32_t province)
{
    static const uint8_t codes[32] = {11, 12, 13, 14, 15, 21, 22, 23, 31, 32, 33,
                                      34, 35, 36, 37, 41, 42, 43, 44, 45, 46, 50,
                                      51, 52, 53, 54, 61, 62, 63, 64, 65, 66};
    for (int i = 0; i < 32; i++) {
        if (codes[i] == province) return true;
    }
    return false;
}

static uint8_t index_of(uint32_t province)
{
    uint8_t index = 0;
    for (uint32_t code = 11; code < province; code++)
        index = (uint8_t)(index + takes_part(code));
    return index;
}

static bool same_bytes(struct bytes a, struct bytes b)
{
    if (a.size != b.size) return false;
    for (size_t i = 0; i < a.size; i++) {
        if (a.data[i] != b.data[i]) return false;
    }
    return true;
}

/* -- codes ---------------------------------------------------------------------------------- */

/* -1: unknown. */
static int line_of(uint32_t med_type)
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

static int insurance_of(uint32_t insutype)
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
        if (same_bytes(start, bytes_of(first[i]))) return 202109;
        if (same_bytes(start, bytes_of(later[i]))) return 202412;
    }
    return 0;
}

/* -- questions to the list ------------------------------------------------------------------ */

static bool is_record(const struct model_item *item)
{
    return item->kind == MODEL_SETTLEMENT || item->kind == MODEL_REFUND;
}

bool model_is_cancelled(const struct model *model, int i)
{
    for (int k = 0; k < model->count; k++) {
        const struct model_item *item = &model->items[k];
        if (item->kind == MODEL_CORRECTION && item->target == i) return true;
    }
    return false;
}

int64_t model_clock(const struct model *model)
{
    return model->count == 0 ? model->first_stamp_ms : model->items[model->count - 1].stamp_ms;
}

uint32_t model_cut_through(const struct model *model)
{
    uint32_t through = 0;
    for (int i = 0; i < model->count; i++) {
        if (model->items[i].kind == MODEL_CUT) through = model->items[i].period;
    }
    return through;
}

uint32_t model_closed_year(const struct model *model)
{
    uint32_t year = 0;
    for (int i = 0; i < model->count; i++) {
        if (model->items[i].kind == MODEL_YEAR_CLOSE) year = model->items[i].period / 100;
    }
    return year;
}

static struct bytes psn_of(const struct model_item *item)
{
    return item->kind == MODEL_ADJUSTMENT   ? item->a.psn_key
           : item->kind == MODEL_CORRECTION ? item->c.psn_key
                                            : item->s.psn_key;
}

static struct bytes msgid_of(const struct model_item *item)
{
    return item->kind == MODEL_ADJUSTMENT   ? item->a.msgid
           : item->kind == MODEL_CORRECTION ? item->c.msgid
                                            : item->s.msgid;
}

static int find_msgid(const struct model *model, uint32_t sender, struct bytes msgid,
                      struct bytes psn)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind >= MODEL_CUT) continue;
        if (item->sender == sender && same_bytes(msgid_of(item), msgid) &&
            same_bytes(psn_of(item), psn)) {
            return i;
        }
    }
    return -1;
}

int model_find_setl_id(const struct model *model, uint32_t insu_admdvs, struct bytes setl_id,
                       struct bytes psn)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (is_record(item) && item->s.insu_admdvs == insu_admdvs &&
            same_bytes(item->s.setl_id, setl_id) && same_bytes(item->s.psn_key, psn)) {
            return i;
        }
    }
    return -1;
}

static int find_adj_no(const struct model *model, const struct adjustment *a)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind == MODEL_ADJUSTMENT && item->a.insu_admdvs == a->insu_admdvs &&
            same_bytes(item->a.setl_id, a->setl_id) && same_bytes(item->a.adj_no, a->adj_no) &&
            same_bytes(item->a.psn_key, a->psn_key)) {
            return i;
        }
    }
    return -1;
}

static int find_tombstone(const struct model *model, uint32_t sender, struct bytes msgid,
                          struct bytes psn, int64_t now_ms)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind == MODEL_CORRECTION && item->target < 0 && item->sender == sender &&
            same_bytes(item->c.omsgid, msgid) && same_bytes(item->c.psn_key, psn) &&
            now_ms - item->stamp_ms < model->rules.tombstone_ttl_ms) {
            return i;
        }
    }
    return -1;
}

/* What an item changes of the record it refers to. */
static int64_t change_by(const struct model_item *item, int amount)
{
    if (item->kind == MODEL_REFUND) return item->s.amounts[amount];
    if (amount != AMOUNT_FUND_SUM) return item->a.amounts[amount];
    int64_t parts = item->a.amounts[AMOUNT_FUND_SUM];
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        parts += item->a.amounts[i];
    return parts;
}

/* What refunds and adjustments that stand have made of one amount of a record. */
static int64_t changed(const struct model *model, int record, int amount)
{
    int64_t sum = 0;
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind != MODEL_REFUND && item->kind != MODEL_ADJUSTMENT) continue;
        if (item->target == record && !model_is_cancelled(model, i)) sum += change_by(item, amount);
    }
    return sum;
}

int64_t model_left_of(const struct model *model, int record, int amount)
{
    return model->items[record].s.amounts[amount] + changed(model, record, amount);
}

/* -- the same content ------------------------------------------------------------------------ */

static bool same_settlement(const struct settlement *a, const struct settlement *b)
{
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (a->amounts[i] != b->amounts[i]) return false;
    }
    return a->setl_time == b->setl_time && a->begndate == b->begndate && a->enddate == b->enddate &&
           same_bytes(a->setl_id, b->setl_id) && same_bytes(a->mdtrt_id, b->mdtrt_id) &&
           same_bytes(a->psn_key, b->psn_key) && same_bytes(a->fixmedins_code, b->fixmedins_code) &&
           same_bytes(a->orig_setl_id, b->orig_setl_id) && same_bytes(a->dise_codg, b->dise_codg) &&
           same_bytes(a->medins_setl_id, b->medins_setl_id) &&
           same_bytes(a->detail_digest, b->detail_digest) && a->insu_admdvs == b->insu_admdvs &&
           a->mdtrtarea_admvs == b->mdtrtarea_admvs && a->insutype == b->insutype &&
           a->med_type == b->med_type && a->clr_type == b->clr_type && a->clr_way == b->clr_way &&
           a->clr_optins == b->clr_optins && a->mdtrt_cert_type == b->mdtrt_cert_type &&
           a->filing_type == b->filing_type && a->psn_type == b->psn_type &&
           a->refd_setl_flag == b->refd_setl_flag;
}

static bool same_adjustment(const struct adjustment *a, const struct adjustment *b)
{
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (a->amounts[i] != b->amounts[i]) return false;
    }
    return same_bytes(a->adj_no, b->adj_no) && same_bytes(a->setl_id, b->setl_id) &&
           same_bytes(a->psn_key, b->psn_key) && same_bytes(a->reason, b->reason) &&
           same_bytes(a->approval_no, b->approval_no) && a->insu_admdvs == b->insu_admdvs &&
           a->mdtrtarea_admvs == b->mdtrtarea_admvs && a->approved_by == b->approved_by;
}

/* -- who sends ------------------------------------------------------------------------------ */

/* `usual` is the area whose province must be the sender, 0: anybody's. */
static uint32_t check_sender(uint32_t session, uint32_t said_admdvs, uint32_t usual,
                             struct model_answer *answer)
{
    const uint32_t said = said_admdvs / 10000;
    const uint32_t sender = session != 0 ? session : said != 0 ? said : usual / 10000;
    if (sender == 0) {
        refuse(answer, ERROR_MALFORMED);
        return 0;
    }
    /* An unknown place of treatment is refused for its area, not for its sender. */
    if (session == 0 && said == 0 && !takes_part(sender)) return sender;
    if (!takes_part(sender) || (said != 0 && said != sender) ||
        (usual != 0 && usual / 10000 != sender)) {
        refuse(answer, ERROR_SENDER_NOT_ALLOWED);
    }
    return sender;
}

/* -- the rules of one settlement ------------------------------------------------------------ */

static void check_text(struct bytes text, size_t most, bool needed, struct model_answer *answer)
{
    if (text.size > most || (needed && text.size == 0)) refuse(answer, ERROR_MALFORMED);
    for (size_t i = 0; i < text.size && text.size <= most; i++) {
        if (text.data[i] < 33 || text.data[i] > 126) refuse(answer, ERROR_MALFORMED);
    }
}

static void check_form(const struct settlement *s, struct model_answer *answer)
{
    check_text(s->msgid, 30, true, answer);
    check_text(s->setl_id, 30, true, answer);
    check_text(s->mdtrt_id, 30, false, answer);
    check_text(s->fixmedins_code, 12, false, answer);
    check_text(s->dise_codg, 30, false, answer);
    check_text(s->medins_setl_id, 30, false, answer);
    check_text(s->orig_setl_id, 30, s->refd_setl_flag, answer);
    if (s->orig_setl_id.size != 0 && !s->refd_setl_flag) refuse(answer, ERROR_MALFORMED);
    if (s->psn_key.size != 16) refuse(answer, ERROR_MALFORMED);
    if (s->detail_digest.size != 0 && s->detail_digest.size != 32) refuse(answer, ERROR_MALFORMED);
}

static void check_areas(uint32_t insu, uint32_t mdtrt, struct model_answer *answer)
{
    if (!takes_part(insu / 10000) || !takes_part(mdtrt / 10000)) {
        refuse(answer, ERROR_UNKNOWN_AREA);
    } else if (insu / 10000 == mdtrt / 10000) {
        refuse(answer, ERROR_SAME_PROVINCE);
    }
}

static void check_codes(const struct model *model, const struct settlement *s,
                        struct model_answer *answer)
{
    static const uint32_t clr_types[] = {0,    11,   21,   41,   51,   99,   9902,
                                         9903, 9907, 9908, 9909, 9910, 9921, 9936};
    bool clr_known = false;
    for (unsigned i = 0; i < sizeof clr_types / sizeof clr_types[0]; i++)
        clr_known = clr_known || clr_types[i] == s->clr_type;
    if (!clr_known || insurance_of(s->insutype) < 0 || line_of(s->med_type) < 0)
        refuse(answer, ERROR_UNKNOWN_CODE);
    if (line_of(s->med_type) != LINE_CHRONIC) return;
    if (s->dise_codg.size == 0) {
        if (model->rules.chronic_code_required) refuse(answer, ERROR_UNKNOWN_CODE);
    } else {
        const uint32_t since = chronic_since(s->dise_codg);
        if (since == 0 || model_month_of(s->setl_time) < since) refuse(answer, ERROR_UNKNOWN_CODE);
    }
}

static void check_time(const struct model *model, const struct settlement *s, int64_t now_ms,
                       struct model_answer *answer)
{
    const bool never_set = model->manual_clock && now_ms == model->first_stamp_ms;
    if (s->setl_time <= 0 || model_month_of(s->setl_time) < model->rules.first_month)
        refuse(answer, ERROR_SETL_TIME);
    if (!never_set && s->setl_time > now_ms + model->rules.future_ms)
        refuse(answer, ERROR_SETL_TIME);
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

static int64_t account_part(const int64_t *a, const struct model_switches *w)
{
    const bool beside = w->clear_mulaid && !w->mulaid_in_acct;
    return a[AMOUNT_ACCT] + (beside ? shared(a, false) - a[AMOUNT_WLT] : 0);
}

static int64_t fund_part(const int64_t *a, const struct model_switches *w)
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
        if (broken[i] && w->identity[i] == MODEL_HARD) refuse(answer, ERROR_ARITHMETIC);
    }
    if (s->clr_amt_present && s->clr_amt != fund_part(a, w) + account_part(a, w))
        refuse(answer, ERROR_ARITHMETIC);
}

static void check_amounts(const struct settlement *s, const struct model_switches *w,
                          struct model_answer *answer)
{
    bool fits = true;
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        const int64_t fen = s->amounts[i];
        const bool wrong_sign = s->refd_setl_flag ? fen > 0 : fen < 0;
        if (fen > N16_MAX || fen < -N16_MAX) {
            refuse(answer, ERROR_AMOUNT_RANGE);
            fits = false;
        } else if (wrong_sign && w->identity[5] == MODEL_HARD) {
            refuse(answer, ERROR_AMOUNT_RANGE);
        }
    }
    if (fits) check_identities(s, w, answer);
}

/* -- against the original ------------------------------------------------------------------- */

static void check_refund(const struct model *model, const struct settlement *s, int original,
                         struct model_answer *answer)
{
    const struct settlement *its = &model->items[original].s;
    bool gone = changed(model, original, AMOUNT_MEDFEE) != 0;

    if (s->mdtrtarea_admvs / 10000 != its->mdtrtarea_admvs / 10000)
        refuse(answer, ERROR_WRONG_PROVINCE);
    if (insurance_of(s->insutype) != insurance_of(its->insutype) ||
        line_of(s->med_type) != line_of(its->med_type)) {
        refuse(answer, ERROR_LINE_MISMATCH);
    }
    for (int i = AMOUNT_MEDFEE; i <= AMOUNT_HOSP_PART; i++)
        gone = gone && model_left_of(model, original, i) == 0;
    if (gone) {
        refuse(answer, ERROR_ALREADY_REVERSED);
        return;
    }
    for (int i = AMOUNT_MEDFEE; i <= AMOUNT_HOSP_PART; i++) {
        const int64_t left = model_left_of(model, original, i) + s->amounts[i];
        if (left < 0 || (!model->rules.partial_refunds && left != 0))
            refuse(answer, ERROR_ABOVE_ORIGINAL);
    }
}

/* The settlement an id names; -1 and a refusal when there is none to refer to. */
static int original_of(const struct model *model, uint32_t insu, struct bytes setl_id,
                       struct bytes psn, struct model_answer *answer)
{
    const int i = model_find_setl_id(model, insu, setl_id, psn);
    if (i < 0 || model->items[i].kind != MODEL_SETTLEMENT) {
        refuse(answer, ERROR_ORIGINAL_NOT_FOUND);
        return -1;
    }
    if (model_is_cancelled(model, i)) {
        refuse(answer, ERROR_ALREADY_REVERSED);
        return -1;
    }
    return i;
}

/* -- accepting ------------------------------------------------------------------------------ */

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

/* -- settlement and refund ------------------------------------------------------------------ */

/* 1: answered before, *ret_item says by which. 0: go on. */
static bool seen_before(const struct model *model, const struct settlement *s, uint32_t sender,
                        int64_t now_ms, int *ret_item, struct model_answer *answer)
{
    uint32_t conflict = ERROR_MSGID_REUSED;
    int i = find_msgid(model, sender, s->msgid, s->psn_key);
    if (i < 0) {
        if (find_tombstone(model, sender, s->msgid, s->psn_key, now_ms) >= 0)
            refuse(answer, ERROR_TOMBSTONED);
        conflict = ERROR_SETL_ID_REUSED;
        i = model_find_setl_id(model, s->insu_admdvs, s->setl_id, s->psn_key);
    }
    if (i < 0) return false;
    if (!is_record(&model->items[i]) || !same_settlement(s, &model->items[i].s)) {
        refuse(answer, conflict);
    } else if (model_is_cancelled(model, i)) {
        refuse(answer, ERROR_ALREADY_REVERSED);
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
    check_form(s, &answer);
    check_areas(s->insu_admdvs, s->mdtrtarea_admvs, &answer);
    check_codes(model, s, &answer);
    check_time(model, s, now_ms, &answer);
    if (takes_part(payer)) check_amounts(s, &model->rules.of[payer], &answer);
    if (may_speak && s->refd_setl_flag && s->orig_setl_id.size != 0) {
        original = original_of(model, s->insu_admdvs, s->orig_setl_id, s->psn_key, &answer);
        if (original >= 0) check_refund(model, s, original, &answer);
    }
    const uint32_t month = model_month_of(s->setl_time);
    if (month != 0 && month / 100 <= model_closed_year(model)) refuse(&answer, ERROR_PERIOD_CLOSED);
    if (answer.codes != 0) return answer;

    answer.item = model->count;
    struct model_item *item =
        add(model, s->refd_setl_flag ? MODEL_REFUND : MODEL_SETTLEMENT, now_ms);
    item->sender = sender;
    item->s = *s;
    item->target = original;
    item->switches = original >= 0 ? model->items[original].switches : model->rules.of[payer];
    item->line = (enum line)line_of(s->med_type);
    item->insurance = (enum insurance)insurance_of(s->insutype);
    set_period(model, item, month);
    return answer;
}

struct model_answer model_post(struct model *model, uint32_t session, const struct settlement *s,
                               int64_t now_ms)
{
    struct model_answer answer = {0};
    const uint32_t sender = check_sender(session, s->sender_admdvs, s->mdtrtarea_admvs, &answer);
    return judge_record(model, sender, s, now_ms, answer);
}

/* -- reversal ------------------------------------------------------------------------------- */

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
    check_text(r->msgid, 30, true, &answer);
    check_text(r->rev_setl_id, 30, true, &answer);
    check_text(r->setl_id, 30, true, &answer);
    if (r->psn_key.size != 16) refuse(&answer, ERROR_MALFORMED);
    if (answer.codes != 0) return answer;

    const int original = model_find_setl_id(model, r->insu_admdvs, r->setl_id, r->psn_key);
    if (original < 0 || model->items[original].kind != MODEL_SETTLEMENT) {
        refuse(&answer, ERROR_ORIGINAL_NOT_FOUND);
        return answer;
    }
    struct settlement s = as_refund(model, r, original, now_ms);
    const uint32_t sender = check_sender(session, r->sender_admdvs, s.mdtrtarea_admvs, &answer);
    if (r->setl_time == 0) { /* Sent again, it means the time it got first. */
        int first = find_msgid(model, sender, s.msgid, s.psn_key);
        if (first < 0) first = model_find_setl_id(model, s.insu_admdvs, s.setl_id, s.psn_key);
        if (first >= 0) s.setl_time = model->items[first].stamp_ms;
    }
    return judge_record(model, sender, &s, now_ms, answer);
}

/* -- adjustment ----------------------------------------------------------------------------- */

static bool adjusted_before(const struct model *model, const struct adjustment *a, uint32_t sender,
                            int64_t now_ms, int *ret_item, struct model_answer *answer)
{
    uint32_t conflict = ERROR_MSGID_REUSED;
    int i = find_msgid(model, sender, a->msgid, a->psn_key);
    if (i < 0) {
        if (find_tombstone(model, sender, a->msgid, a->psn_key, now_ms) >= 0)
            refuse(answer, ERROR_TOMBSTONED);
        conflict = ERROR_SETL_ID_REUSED;
        i = find_adj_no(model, a);
    }
    if (i < 0) return false;
    if (model->items[i].kind != MODEL_ADJUSTMENT || !same_adjustment(a, &model->items[i].a)) {
        refuse(answer, conflict);
    } else if (model_is_cancelled(model, i)) {
        refuse(answer, ERROR_ALREADY_REVERSED);
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
    if (sender != payer && sender != payee) {
        refuse(answer, ERROR_SENDER_NOT_ALLOWED);
    } else if (a->approval_no.size == 0 ||
               a->approved_by / 10000 != (sender == payer ? payee : payer)) {
        refuse(answer, ERROR_ADJUST_NOT_AGREED);
    }
}

static void check_adjusted(const struct model *model, const struct adjustment *a, int original,
                           struct model_answer *answer)
{
    bool any = false;
    if (a->mdtrtarea_admvs / 10000 != model->items[original].s.mdtrtarea_admvs / 10000)
        refuse(answer, ERROR_WRONG_PROVINCE);
    for (int i = AMOUNT_MEDFEE; i <= AMOUNT_HOSP_PART; i++) {
        const int64_t left = model_left_of(model, original, i) + a->amounts[i];
        if (a->amounts[i] == 0) continue;
        any = true;
        if (left < 0 || left > N16_MAX) refuse(answer, ERROR_ABOVE_ORIGINAL);
    }
    if (!any) refuse(answer, ERROR_MALFORMED);
}

struct model_answer model_adjust(struct model *model, uint32_t session, const struct adjustment *a,
                                 int64_t now_ms)
{
    struct model_answer answer = {0};
    int first;
    check_text(a->msgid, 30, true, &answer);
    check_text(a->adj_no, 30, true, &answer);
    check_text(a->setl_id, 30, true, &answer);
    check_text(a->approval_no, 30, false, &answer);
    if (a->psn_key.size != 16) refuse(&answer, ERROR_MALFORMED);
    check_areas(a->insu_admdvs, a->mdtrtarea_admvs, &answer);
    if (answer.codes != 0) return answer;

    const bool unsaid = session == 0 && a->sender_admdvs == 0;
    const uint32_t sender =
        check_sender(session, a->sender_admdvs, unsaid ? a->mdtrtarea_admvs : 0, &answer);
    if (answer.codes != 0) return answer;
    if (adjusted_before(model, a, sender, now_ms, &first, &answer)) return again(answer, first);
    check_agreed(a, sender, &answer);
    const int original = original_of(model, a->insu_admdvs, a->setl_id, a->psn_key, &answer);
    if (original >= 0) check_adjusted(model, a, original, &answer);
    if (answer.codes != 0) return answer;
    const uint32_t month = model->items[original].orig_period;
    if (month / 100 <= model_closed_year(model)) {
        refuse(&answer, ERROR_PERIOD_CLOSED);
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

/* -- correction ----------------------------------------------------------------------------- */

/* Taking an adjustment back must leave enough for the refunds that came after it. */
static bool still_covers(const struct model *model, int i)
{
    const struct model_item *item = &model->items[i];
    if (item->kind != MODEL_ADJUSTMENT) return true;
    for (int amount = AMOUNT_MEDFEE; amount <= AMOUNT_HOSP_PART; amount++) {
        if (model_left_of(model, item->target, amount) < change_by(item, amount) &&
            change_by(item, amount) > 0) {
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
        refuse(&answer, ERROR_ORIGINAL_NOT_FOUND);
        return answer;
    }
    if (model_is_cancelled(model, i)) return again(answer, correction_of(model, i));
    if (item->period <= model_cut_through(model)) {
        refuse(&answer, ERROR_PERIOD_CLOSED);
    } else if (!still_covers(model, i)) {
        refuse(&answer, ERROR_ABOVE_ORIGINAL);
    } else {
        for (int amount = AMOUNT_MEDFEE; amount <= AMOUNT_HOSP_PART; amount++) {
            if (changed(model, i, amount) != 0) refuse(&answer, ERROR_ALREADY_REVERSED);
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

    check_text(c->msgid, 30, true, &answer);
    check_text(c->omsgid, 30, true, &answer);
    check_text(c->oinfno, 4, false, &answer);
    if (c->psn_key.size != 16) refuse(&answer, ERROR_MALFORMED);
    if (answer.codes != 0) return answer;
    correction.sender = check_sender(session, c->sender_admdvs, 0, &answer);
    if (answer.codes != 0) return answer;

    int i = find_msgid(model, correction.sender, c->msgid, c->psn_key);
    if (i >= 0) {
        const struct model_item *first = &model->items[i];
        if (first->kind == MODEL_CORRECTION && same_bytes(first->c.omsgid, c->omsgid))
            return again(answer, i);
        refuse(&answer, ERROR_MSGID_REUSED);
        return answer;
    }
    i = find_msgid(model, correction.sender, c->omsgid, c->psn_key);
    if (i >= 0) {
        answer = cancel(model, i, &correction, answer);
    } else {
        i = find_tombstone(model, correction.sender, c->omsgid, c->psn_key, now_ms);
        if (i >= 0) return again(answer, i);
    }
    if (answer.codes != 0 || answer.dup) return answer;
    answer.item = model->count;
    correction.c = *c;
    model->items[model->count++] = correction;
    return answer;
}

/* -- the desk ------------------------------------------------------------------------------- */

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

/* -- cells ---------------------------------------------------------------------------------- */

struct cell_key model_key(const struct model_item *item)
{
    const bool adjusts = item->kind == MODEL_ADJUSTMENT;
    return (struct cell_key){
        .period = item->period,
        .payer = index_of((adjusts ? item->a.insu_admdvs : item->s.insu_admdvs) / 10000),
        .payee = index_of((adjusts ? item->a.mdtrtarea_admvs : item->s.mdtrtarea_admvs) / 10000),
        .line = (uint8_t)item->line,
        .insurance = (uint8_t)item->insurance,
    };
}

void model_funds(const struct model_item *item, int64_t ret_funds[FUND_COUNT])
{
    const int64_t *a = item->kind == MODEL_ADJUSTMENT ? item->a.amounts : item->s.amounts;
    ret_funds[FUND_POOL] = a[AMOUNT_HIFP];
    ret_funds[FUND_SUPPLEMENT] =
        a[AMOUNT_CVLSERV] + a[AMOUNT_HIFES] + a[AMOUNT_HIFOB] + a[AMOUNT_HIFMI];
    ret_funds[FUND_ASSISTANCE] = a[AMOUNT_MAF];
    if (item->kind == MODEL_ADJUSTMENT) {
        ret_funds[FUND_ACCOUNT] = a[AMOUNT_ACCT];
        ret_funds[FUND_OTHER] = a[AMOUNT_HIFDM] + a[AMOUNT_OTH];
        return;
    }
    ret_funds[FUND_ACCOUNT] = account_part(a, &item->switches);
    ret_funds[FUND_OTHER] = fund_part(a, &item->switches) - ret_funds[FUND_POOL] -
                            ret_funds[FUND_SUPPLEMENT] - ret_funds[FUND_ASSISTANCE];
}

/* The number of the first cut after item `i` that takes its period; 0: none yet. */
uint64_t model_cut_after(const struct model *model, int i)
{
    uint64_t number = 0;
    for (int k = 0; k < model->count; k++) {
        if (model->items[k].kind != MODEL_CUT) continue;
        number++;
        if (k > i && model->items[k].period >= model->items[i].period) return number;
    }
    return 0;
}

static struct cell *cell_of(struct cell *cells, uint32_t *count, struct cell_key key)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (memcmp(&cells[i].key, &key, sizeof key) == 0) return &cells[i];
    }
    cells[*count] = (struct cell){.key = key};
    return &cells[(*count)++];
}

uint32_t model_cells(const struct model *model, struct cell *out)
{
    uint32_t count = 0;
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        int64_t funds[FUND_COUNT];
        if (item->kind > MODEL_ADJUSTMENT) continue;
        struct cell *cell = cell_of(out, &count, model_key(item));
        cell->cut = model_cut_after(model, i);
        if (model_is_cancelled(model, i)) continue;
        model_funds(item, funds);
        cell->count++;
        cell->refund_count += item->kind == MODEL_REFUND;
        cell->late_count += item->period != item->orig_period;
        if (item->kind == MODEL_ADJUSTMENT) {
            cell->checksum += adjustment_content_hash(&item->a);
        } else {
            cell->checksum += settlement_content_hash(&item->s);
            cell->medfee_sum += item->s.amounts[AMOUNT_MEDFEE];
        }
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            cell->balance[ACCOUNT_COST][fund] += funds[fund];
            cell->balance[cell->cut != 0 ? ACCOUNT_CLEARING : ACCOUNT_ACCRUED][fund] -= funds[fund];
        }
    }
    return count;
}
