#include "ledger/rules.h"

#include "types/civil.h"
#include "types/money.h"
#include "util/eight.h"
#include "util/le.h"
#include "util/table_text.h"

static const uint8_t amount_fields[AMOUNT_COUNT] = {
#define X(symbol, name, field) [AMOUNT_##symbol] = field,
    SETTLEMENT_AMOUNTS(X)
#undef X
};

uint32_t settlement_amount_field(enum settlement_amount amount)
{
    return amount_fields[amount];
}

/* -- form ----------------------------------------------------------------------------------- */

/* A third of a message is ids: sixteen characters at a time. Zero stands for one that is visible.
 */
typedef uint8_t sixteen __attribute__((vector_size(16)));

static inline sixteen unseen(sixteen characters)
{
    return (sixteen)(characters - 0x21 > 0x7e - 0x21);
}

static inline sixteen load_sixteen(const uint8_t *at)
{
    sixteen characters;
    memcpy(&characters, at, sizeof characters);
    return characters;
}

/* Up to fifteen, and for the rest ones that can be seen. */
static inline sixteen load_few(struct bytes view)
{
    uint64_t words[2] = {EACH_BYTE(0x21), EACH_BYTE(0x21)};
    if (view.size >= 8) { /* Some of them for the second time. */
        words[0] = le_load64(view.data);
        words[1] = le_load64(view.data + view.size - 8);
    } else {
        for (size_t i = 0; i < view.size; i++)
            words[0] = words[0] << 8 | view.data[i];
    }
    sixteen characters;
    memcpy(&characters, words, sizeof characters);
    return characters;
}

/* Of a view of up to 32 characters. */
static inline sixteen unseen_in(struct bytes view)
{
    if (view.size < 16) return unseen(load_few(view));
    return unseen(load_sixteen(view.data)) | unseen(load_sixteen(view.data + view.size - 16));
}

static inline bool any(sixteen wrong)
{
    uint64_t words[2];
    memcpy(words, &wrong, sizeof words);
    return (words[0] | words[1]) != 0;
}

_Static_assert(ID_SIZE_MAX <= 32, "two times sixteen are all characters of an id");

static void check_id(struct bytes view, uint32_t field, size_t size_max, bool needed,
                     struct failures *failures)
{
    if (view.size == 0) {
        if (needed) failures_add(failures, ERROR_MALFORMED, field, CHECK_MISSING, 0, 0);
    } else if (view.size > size_max) {
        failures_add(failures, ERROR_MALFORMED, field, CHECK_LENGTH, (int64_t)view.size,
                     (int64_t)size_max);
    } else if (any(unseen_in(view))) {
        failures_add(failures, ERROR_MALFORMED, field, CHECK_CHARSET, (int64_t)visible_front(view),
                     0);
    }
}

static void check_psn_key(struct bytes psn_key, uint32_t field, struct failures *failures)
{
    if (psn_key.size == PSN_KEY_SIZE) return;
    failures_add(failures, ERROR_MALFORMED, field, psn_key.size == 0 ? CHECK_MISSING : CHECK_LENGTH,
                 (int64_t)psn_key.size, PSN_KEY_SIZE);
}

static void check_reason(struct bytes reason, uint32_t field, struct failures *failures)
{
    if (reason.size > REASON_SIZE_MAX) {
        failures_add(failures, ERROR_MALFORMED, field, CHECK_LENGTH, (int64_t)reason.size,
                     REASON_SIZE_MAX);
    } else if (!table_text_sound(reason)) {
        failures_add(failures, ERROR_MALFORMED, field, CHECK_CHARSET, CHARSET_TEXT, 0);
    }
}

/* True when there is nothing to say about the form: all in one, for nearly every settlement. */
static bool form_plain(const struct settlement *s)
{
    const bool too_long = (s->msgid.size > ID_SIZE_MAX) | (s->setl_id.size > ID_SIZE_MAX) |
                          (s->mdtrt_id.size > ID_SIZE_MAX) | (s->orig_setl_id.size > ID_SIZE_MAX) |
                          (s->dise_codg.size > ID_SIZE_MAX) |
                          (s->medins_setl_id.size > ID_SIZE_MAX) |
                          (s->fixmedins_code.size > INSTITUTION_SIZE_MAX);
    if (too_long) return false;
    if (s->msgid.size == 0 || s->setl_id.size == 0 || s->psn_key.size != PSN_KEY_SIZE) return false;
    if (s->refd_setl_flag != (s->orig_setl_id.size != 0)) return false;
    if (s->detail_digest.size != 0 && s->detail_digest.size != 32) return false;
    sixteen wrong = unseen_in(s->msgid) | unseen_in(s->setl_id) | unseen_in(s->fixmedins_code);
    if (s->mdtrt_id.size != 0) wrong |= unseen_in(s->mdtrt_id);
    if (s->dise_codg.size != 0) wrong |= unseen_in(s->dise_codg);
    if (s->orig_setl_id.size != 0) wrong |= unseen_in(s->orig_setl_id);
    if (s->medins_setl_id.size != 0) wrong |= unseen_in(s->medins_setl_id);
    return !any(wrong);
}

static void check_form(const struct settlement *s, struct failures *failures)
{
    if (form_plain(s)) return;
    check_id(s->msgid, SETL_FIELD_MSGID, ID_SIZE_MAX, true, failures);
    check_id(s->setl_id, SETL_FIELD_SETL_ID, ID_SIZE_MAX, true, failures);
    check_id(s->mdtrt_id, SETL_FIELD_MDTRT_ID, ID_SIZE_MAX, false, failures);
    check_psn_key(s->psn_key, SETL_FIELD_PSN_KEY, failures);
    check_id(s->fixmedins_code, SETL_FIELD_FIXMEDINS_CODE, INSTITUTION_SIZE_MAX, false, failures);
    check_id(s->orig_setl_id, SETL_FIELD_ORIG_SETL_ID, ID_SIZE_MAX, s->refd_setl_flag, failures);
    check_id(s->dise_codg, SETL_FIELD_DISE_CODG, ID_SIZE_MAX, false, failures);
    check_id(s->medins_setl_id, SETL_FIELD_MEDINS_SETL_ID, ID_SIZE_MAX, false, failures);
    if (s->detail_digest.size != 0 && s->detail_digest.size != 32) {
        failures_add(failures, ERROR_MALFORMED, SETL_FIELD_DETAIL_DIGEST, CHECK_LENGTH,
                     (int64_t)s->detail_digest.size, 32);
    }
    /* An original named on what is no refund is a flag forgotten: better asked than guessed. */
    if (!s->refd_setl_flag && s->orig_setl_id.size != 0) {
        failures_add(failures, ERROR_MALFORMED, SETL_FIELD_REFD_SETL_FLAG, CHECK_MATCH, 0, 1);
    }
}

/* -- codes ---------------------------------------------------------------------------------- */

static void check_areas(const struct tables *tables, uint32_t insu_admdvs, uint32_t insu_field,
                        uint32_t mdtrtarea_admvs, uint32_t mdtrt_field, struct failures *failures)
{
    const bool insu_known = tables_area_known(tables, insu_admdvs);
    const bool mdtrt_known = tables_area_known(tables, mdtrtarea_admvs);
    if (!insu_known) {
        failures_add(failures, ERROR_UNKNOWN_AREA, insu_field, CHECK_KNOWN, insu_admdvs, 0);
    }
    if (!mdtrt_known) {
        failures_add(failures, ERROR_UNKNOWN_AREA, mdtrt_field, CHECK_KNOWN, mdtrtarea_admvs, 0);
    }
    if (insu_known && mdtrt_known && insu_admdvs / 10000 == mdtrtarea_admvs / 10000) {
        failures_add(failures, ERROR_SAME_PROVINCE, mdtrt_field, CHECK_NONE,
                     mdtrtarea_admvs / 10000, insu_admdvs / 10000);
    }
}

static void check_codes(const struct tables *tables, const struct settlement *s,
                        struct failures *failures)
{
    check_areas(tables, s->insu_admdvs, SETL_FIELD_INSU_ADMDVS, s->mdtrtarea_admvs,
                SETL_FIELD_MDTRTAREA_ADMVS, failures);
    if (tables_insurance(tables, s->insutype) < 0) {
        failures_add(failures, ERROR_UNKNOWN_CODE, SETL_FIELD_INSUTYPE, CHECK_KNOWN, s->insutype,
                     0);
    }
    const int line = tables_line(tables, s->med_type);
    if (line < 0) {
        failures_add(failures, ERROR_UNKNOWN_CODE, SETL_FIELD_MED_TYPE, CHECK_KNOWN, s->med_type,
                     0);
    }
    if (s->clr_type != 0 && !tables_clr_type_known(tables, s->clr_type)) {
        failures_add(failures, ERROR_UNKNOWN_CODE, SETL_FIELD_CLR_TYPE, CHECK_KNOWN, s->clr_type,
                     0);
    }
    const bool timed = s->setl_time > 0 && s->setl_time <= SETL_TIME_MAX;
    if (line == LINE_CHRONIC && (s->dise_codg.size != 0 || tables->chronic_code_required) &&
        !tables_chronic_known(tables, s->dise_codg, timed ? civil_month(s->setl_time) : 0)) {
        failures_add(failures, ERROR_UNKNOWN_CODE, SETL_FIELD_DISE_CODG,
                     s->dise_codg.size == 0 ? CHECK_MISSING : CHECK_NONE, 0, 0);
    }
}

static void check_time(const struct tables *tables, const struct settlement *s,
                       struct rule_time time, struct failures *failures)
{
    if (s->setl_time <= 0 || s->setl_time > SETL_TIME_MAX) {
        failures_add(failures, ERROR_SETL_TIME, SETL_FIELD_SETL_TIME,
                     s->setl_time == 0 ? CHECK_MISSING : CHECK_RANGE, s->setl_time, 0);
        return;
    }
    if (time.known && s->setl_time > time.now_ms + tables->setl_time_future_ms) {
        failures_add(failures, ERROR_SETL_TIME, SETL_FIELD_SETL_TIME, CHECK_RANGE, s->setl_time,
                     time.now_ms + tables->setl_time_future_ms);
    }
    if (s->setl_time < tables->setl_time_first_ms) {
        failures_add(failures, ERROR_SETL_TIME, SETL_FIELD_SETL_TIME, CHECK_RANGE, s->setl_time,
                     tables->setl_time_first_ms);
    }
}

/* -- amounts -------------------------------------------------------------------------------- */

/* True when there is nothing to say about any amount. Without branches, several at a time. */
static bool amounts_plain(const struct settlement *s)
{
    const int64_t least = s->refd_setl_flag ? -FEN_AMOUNT_MAX : 0;
    const int64_t most = s->refd_setl_flag ? 0 : FEN_AMOUNT_MAX;
    uint64_t outside = 0;
    for (int i = 0; i < AMOUNT_COUNT; i++)
        outside |= (uint64_t)(s->amounts[i] < least) | (uint64_t)(s->amounts[i] > most);
    return outside == 0;
}

/* False when an amount is outside N(16,2): then no identity is computed from it. */
static bool check_amounts(const struct settlement *s, const struct province_rules *rules,
                          struct failures *failures, uint64_t *soft)
{
    if (amounts_plain(s)) return true;
    bool in_range = true;
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        const int64_t amount = s->amounts[i];
        if (amount > FEN_AMOUNT_MAX || amount < -FEN_AMOUNT_MAX) {
            failures_add(failures, ERROR_AMOUNT_RANGE, amount_fields[i], CHECK_RANGE, amount,
                         amount > 0 ? FEN_AMOUNT_MAX : -FEN_AMOUNT_MAX);
            in_range = false;
        } else if (s->refd_setl_flag ? amount > 0 : amount < 0) {
            if (rules->identity[5] == STRICT_HARD) {
                failures_add(failures, ERROR_AMOUNT_RANGE, amount_fields[i], CHECK_E5, amount, 0);
            } else if (rules->identity[5] == STRICT_SOFT) {
                *soft += 1;
            }
        }
    }
    return in_range;
}

static void hold(int number, enum settlement_amount amount, int64_t got, int64_t want,
                 const struct province_rules *rules, struct failures *failures, uint64_t *soft)
{
    if (got == want || rules->identity[number] == STRICT_OFF) return;
    if (rules->identity[number] == STRICT_SOFT) {
        *soft += 1;
        return;
    }
    failures_add(failures, ERROR_ARITHMETIC, amount_fields[amount],
                 (enum check)(CHECK_E1 + number - 1), got, want);
}

/* Mutual-aid money that stands beside acct_pay. The wallet is a part of it where a sender reports
 * both, and stands for itself where it reports the wallet alone. */
static int64_t shared_beside(const int64_t *a, bool acct_pay_includes_mulaid)
{
    if (acct_pay_includes_mulaid) return a[AMOUNT_WLT];
    const int64_t mulaid = a[AMOUNT_MULAID];
    const int64_t wallet = a[AMOUNT_WLT];
    const bool wallet_larger = mulaid >= 0 && wallet >= 0 ? wallet > mulaid : wallet < mulaid;
    return wallet_larger ? wallet : mulaid;
}

static int64_t fund_parts(const int64_t *a)
{
    int64_t parts = 0;
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        parts += a[i];
    return parts;
}

/* Personal-account money that is cleared: the wallet's share has lines of its own. */
static int64_t account_cleared(const int64_t *a, struct decided decided)
{
    int64_t account = a[AMOUNT_ACCT];
    if (decided.clear_mulaid && !decided.acct_pay_includes_mulaid) {
        account += shared_beside(a, false) - a[AMOUNT_WLT];
    }
    return account;
}

/* Fund money without the personal account. */
static int64_t fund_cleared(const int64_t *a, struct decided decided)
{
    return a[AMOUNT_FUND_SUM] - (decided.fund_sum_includes_acct ? a[AMOUNT_ACCT] : 0);
}

static struct decided switches_of(const struct province_rules *rules)
{
    return (struct decided){
        .acct_pay_includes_mulaid = rules->acct_pay_includes_mulaid,
        .fund_sum_includes_acct = rules->fund_sum_includes_acct,
        .clear_mulaid = rules->clear_mulaid,
    };
}

/* E1-E4 and E6. Every amount is within 10^16, so no sum of a dozen of them can overflow. */
static void check_identities(const struct settlement *s, const struct province_rules *rules,
                             struct failures *failures, uint64_t *soft)
{
    const int64_t *a = s->amounts;
    const int64_t acct_in_fund = rules->fund_sum_includes_acct ? a[AMOUNT_ACCT] : 0;

    hold(1, AMOUNT_FUND_SUM, a[AMOUNT_FUND_SUM], fund_parts(a) + acct_in_fund, rules, failures,
         soft);
    hold(2, AMOUNT_MEDFEE, a[AMOUNT_MEDFEE],
         a[AMOUNT_FUND_SUM] - acct_in_fund + a[AMOUNT_PSN_PART] + a[AMOUNT_HOSP_PART], rules,
         failures, soft);
    hold(3, AMOUNT_PSN_PART, a[AMOUNT_PSN_PART],
         a[AMOUNT_ACCT] + shared_beside(a, rules->acct_pay_includes_mulaid) + a[AMOUNT_CASH], rules,
         failures, soft);

    const int64_t catalogue =
        a[AMOUNT_FULAMT_OWNPAY] + a[AMOUNT_OVERLMT] + a[AMOUNT_PRESELFPAY] + a[AMOUNT_INSCP_SCP];
    if (catalogue != 0) { /* Senders that do not report these four report none of them. */
        hold(4, AMOUNT_MEDFEE, a[AMOUNT_MEDFEE], catalogue, rules, failures, soft);
    }
    const struct decided decided = switches_of(rules);
    const int64_t cleared = fund_cleared(a, decided) + account_cleared(a, decided);
    if (s->clr_amt_present && s->clr_amt != cleared) {
        failures_add(failures, ERROR_ARITHMETIC, SETL_FIELD_CLR_AMT, CHECK_E6, s->clr_amt, cleared);
    }
}

void rules_check_settlement(const struct tables *tables, const struct settlement *settlement,
                            struct rule_time time, struct failures *failures, uint64_t *soft)
{
    const uint8_t payer = province_of_area(settlement->insu_admdvs);

    check_form(settlement, failures);
    check_codes(tables, settlement, failures);
    check_time(tables, settlement, time, failures);
    if (payer == PROVINCE_NONE) return; /* Whose switches? The area is refused anyway. */

    const struct province_rules *rules = &tables->provinces[payer];
    if (check_amounts(settlement, rules, failures, soft)) {
        check_identities(settlement, rules, failures, soft);
    }
}

/* -- the messages that refer to another ------------------------------------------------------ */

void rules_check_reversal(const struct reversal *reversal, struct failures *failures)
{
    check_id(reversal->msgid, 1, ID_SIZE_MAX, true, failures);
    check_id(reversal->rev_setl_id, 2, ID_SIZE_MAX, true, failures);
    check_id(reversal->setl_id, 3, ID_SIZE_MAX, true, failures);
    check_psn_key(reversal->psn_key, 4, failures);
    check_reason(reversal->reason, 29, failures);
}

void rules_check_adjustment(const struct tables *tables, const struct adjustment *adjustment,
                            struct failures *failures)
{
    check_id(adjustment->msgid, 1, ID_SIZE_MAX, true, failures);
    check_id(adjustment->adj_no, 2, ID_SIZE_MAX, true, failures);
    check_id(adjustment->setl_id, 3, ID_SIZE_MAX, true, failures);
    check_psn_key(adjustment->psn_key, 4, failures);
    check_areas(tables, adjustment->insu_admdvs, 6, adjustment->mdtrtarea_admvs, 7, failures);
    check_reason(adjustment->reason, 29, failures);
    check_id(adjustment->approval_no, 31, ID_SIZE_MAX, false, failures);
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        const int64_t amount = adjustment->amounts[i];
        if (amount > FEN_AMOUNT_MAX || amount < -FEN_AMOUNT_MAX) {
            failures_add(failures, ERROR_AMOUNT_RANGE, amount_fields[i], CHECK_RANGE, amount,
                         FEN_AMOUNT_MAX);
        }
    }
}

void rules_check_correction(const struct correction *correction, struct failures *failures)
{
    check_id(correction->msgid, 1, ID_SIZE_MAX, true, failures);
    check_id(correction->omsgid, 2, ID_SIZE_MAX, true, failures);
    check_id(correction->oinfno, 3, 4, false, failures);
    check_psn_key(correction->psn_key, 4, failures);
}

/* -- postings -------------------------------------------------------------------------------- */

struct decided rules_decide(const struct tables *tables, const struct settlement *settlement)
{
    struct decided decided =
        switches_of(&tables->provinces[province_of_area(settlement->insu_admdvs)]);
    decided.line = (uint8_t)tables_line(tables, settlement->med_type);
    decided.insurance = (uint8_t)tables_insurance(tables, settlement->insutype);
    return decided;
}

static struct cell_key cell_key_of(uint32_t insu_admdvs, uint32_t mdtrtarea_admvs,
                                   struct decided decided)
{
    return (struct cell_key){
        .payer = province_of_area(insu_admdvs),
        .payee = province_of_area(mdtrtarea_admvs),
        .line = decided.line,
        .insurance = decided.insurance,
    };
}

static int64_t supplements(const int64_t *a)
{
    return a[AMOUNT_CVLSERV] + a[AMOUNT_HIFES] + a[AMOUNT_HIFMI] + a[AMOUNT_HIFOB];
}

void rules_posting(const struct settlement *settlement, struct decided decided, uint32_t period,
                   struct posting *ret_posting)
{
    const int64_t *a = settlement->amounts;
    struct cell_key key =
        cell_key_of(settlement->insu_admdvs, settlement->mdtrtarea_admvs, decided);
    key.period = period;
    const int64_t supplement = supplements(a);

    ret_posting->key = key;
    ret_posting->medfee = a[AMOUNT_MEDFEE];
    ret_posting->funds[FUND_POOL] = a[AMOUNT_HIFP];
    ret_posting->funds[FUND_ACCOUNT] = account_cleared(a, decided);
    ret_posting->funds[FUND_SUPPLEMENT] = supplement;
    ret_posting->funds[FUND_ASSISTANCE] = a[AMOUNT_MAF];
    /* What is left of the fund total, so that the classes always make it whole, also where E1 is
     * soft for a province and its parts do not. */
    ret_posting->funds[FUND_OTHER] =
        fund_cleared(a, decided) - a[AMOUNT_HIFP] - supplement - a[AMOUNT_MAF];
}

struct posting rules_adjustment_posting(const struct adjustment *adjustment, struct decided decided)
{
    const int64_t *a = adjustment->amounts;
    struct posting posting = {
        .key = cell_key_of(adjustment->insu_admdvs, adjustment->mdtrtarea_admvs, decided)};

    posting.funds[FUND_POOL] = a[AMOUNT_HIFP];
    posting.funds[FUND_ACCOUNT] = a[AMOUNT_ACCT];
    posting.funds[FUND_SUPPLEMENT] = supplements(a);
    posting.funds[FUND_ASSISTANCE] = a[AMOUNT_MAF];
    posting.funds[FUND_OTHER] = a[AMOUNT_HIFDM] + a[AMOUNT_OTH];
    return posting;
}

int64_t posting_total(const struct posting *posting)
{
    int64_t total = 0;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        total += posting->funds[fund];
    return total;
}

/* -- against the original -------------------------------------------------------------------- */

void rules_check_refund(const struct tables *tables, const struct settlement *refund,
                        const struct settlement *original,
                        const int64_t changes[AMOUNT_REFUNDABLE_COUNT], struct failures *failures)
{
    if (refund->insu_admdvs != original->insu_admdvs) {
        failures_add(failures, ERROR_WRONG_PROVINCE, SETL_FIELD_INSU_ADMDVS, CHECK_MATCH,
                     refund->insu_admdvs, original->insu_admdvs);
    }
    if (refund->mdtrtarea_admvs / 10000 != original->mdtrtarea_admvs / 10000) {
        failures_add(failures, ERROR_WRONG_PROVINCE, SETL_FIELD_MDTRTAREA_ADMVS, CHECK_MATCH,
                     refund->mdtrtarea_admvs, original->mdtrtarea_admvs);
    }
    if (tables_insurance(tables, refund->insutype) !=
        tables_insurance(tables, original->insutype)) {
        failures_add(failures, ERROR_LINE_MISMATCH, SETL_FIELD_INSUTYPE, CHECK_MATCH,
                     refund->insutype, original->insutype);
    }
    if (tables_line(tables, refund->med_type) != tables_line(tables, original->med_type)) {
        failures_add(failures, ERROR_LINE_MISMATCH, SETL_FIELD_MED_TYPE, CHECK_MATCH,
                     refund->med_type, original->med_type);
    }
    bool whole_gone = changes[AMOUNT_MEDFEE] != 0;
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
        whole_gone = whole_gone && original->amounts[i] + changes[i] == 0;
    if (whole_gone) {
        failures_add(failures, ERROR_ALREADY_REVERSED, SETL_FIELD_ORIG_SETL_ID, CHECK_NONE, 0, 0);
        return;
    }
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        const int64_t left = original->amounts[i] + changes[i] + refund->amounts[i];
        const bool partial = !tables->partial_refunds && left != 0;
        if (left < 0 || partial) {
            failures_add(failures, ERROR_ABOVE_ORIGINAL, amount_fields[i], CHECK_REFUND,
                         -(changes[i] + refund->amounts[i]), original->amounts[i]);
        }
    }
}

void rules_check_adjusted(const struct adjustment *adjustment, const struct settlement *original,
                          const int64_t changes[AMOUNT_REFUNDABLE_COUNT], struct failures *failures)
{
    if (adjustment->insu_admdvs != original->insu_admdvs) {
        failures_add(failures, ERROR_WRONG_PROVINCE, 6, CHECK_MATCH, adjustment->insu_admdvs,
                     original->insu_admdvs);
    }
    if (adjustment->mdtrtarea_admvs / 10000 != original->mdtrtarea_admvs / 10000) {
        failures_add(failures, ERROR_WRONG_PROVINCE, 7, CHECK_MATCH, adjustment->mdtrtarea_admvs,
                     original->mdtrtarea_admvs);
    }
    bool any = false;
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        if (adjustment->amounts[i] == 0) continue;
        any = true;
        int64_t left;
        if (__builtin_add_overflow(original->amounts[i] + changes[i], adjustment->amounts[i],
                                   &left) ||
            left < 0 || left > FEN_AMOUNT_MAX) {
            failures_add(failures, ERROR_ABOVE_ORIGINAL, amount_fields[i], CHECK_REFUND,
                         -(changes[i] + adjustment->amounts[i]), original->amounts[i]);
        }
    }
    if (!any) failures_add(failures, ERROR_MALFORMED, SETL_FIELD_HIFP, CHECK_MISSING, 0, 0);
}

struct settlement rules_reversal_as_refund(const struct reversal *reversal,
                                           const struct settlement *original, int64_t now_ms)
{
    struct settlement refund = *original;

    refund.msgid = reversal->msgid;
    refund.setl_id = reversal->rev_setl_id;
    refund.orig_setl_id = original->setl_id;
    refund.refd_setl_flag = true;
    refund.setl_time = reversal->setl_time != 0 ? reversal->setl_time : now_ms;
    refund.inf_time = reversal->inf_time;
    refund.sender_admdvs = reversal->sender_admdvs;
    refund.clr_amt_present = false;
    refund.detail_digest = (struct bytes){0};
    if (reversal->insu_admdvs != 0) refund.insu_admdvs = reversal->insu_admdvs;
    if (reversal->mdtrtarea_admvs != 0) refund.mdtrtarea_admvs = reversal->mdtrtarea_admvs;
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        refund.amounts[i] = reversal->full ? -original->amounts[i] : reversal->amounts[i];
    }
    return refund;
}
