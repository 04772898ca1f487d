/* prefund -- the deposits (预付金) of payers at payees: opened, set once a year, increased in an
 * emergency; and how much of them a month's clearing is.
 *
 * A deposit belongs to a pair: the insured province (its payer) and the place of treatment (its
 * payee), whoever pays a notice. It changes only when a notice is settled (K4); until then the
 * change is pending. docs/rules.md, Prefund. Must not know how money moves: payment.c. */
#include <stdio.h>
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/money.h"

#define QUARTER_MONTHS 3
#define QUARTER_FIRST  10 /* October. */
#define YEAR_FIRST     2000
#define YEAR_LAST      2999
#define BASIS_POINTS   10000

/* 128 bits: products of amounts with settings do not fit 64. */
__extension__ typedef __int128 wide;

typedef struct pair_total totals_table[PROVINCE_COUNT][PROVINCE_COUNT];

/* -- the deposit ------------------------------------------------------------------------------- */

static struct prefund_row prefund_of(const struct cycle *cycle, uint8_t payer, uint8_t payee)
{
    const struct prefund_row none = {.payer = payer, .payee = payee};
    const struct prefund_row *found = cycle_find(cycle, ROW_PREFUND, &none);
    return found != NULL ? *found : none;
}

/* A notice with less after it than before is paid back by the place of treatment. */
static bool paid_back(const struct notice_row *notice)
{
    return notice->new_amount < notice->old_amount;
}

static void post_pool(struct judgement *j, const struct prefund_row *prefund, uint32_t period,
                      enum cycle_account debit, enum cycle_account credit, int64_t amount)
{
    post(j, prefund->payer, prefund->payee, FUND_POOL, debit, credit, amount, 0, period);
}

/* A notice for the change of a deposit by `delta`, not 0; the row is changed and not put. */
static struct notice_row notify(struct judgement *j, struct prefund_row *prefund,
                                enum notice_kind kind, uint32_t period, int64_t delta)
{
    const int64_t before = prefund->amount + prefund->pending;
    struct notice_row notice = {
        .kind = (uint8_t)kind,
        .state = NOTICE_DUE,
        .payer = delta > 0 ? prefund->payer : prefund->payee,
        .payee = delta > 0 ? prefund->payee : prefund->payer,
        .period = period,
        .amount = delta > 0 ? delta : -delta,
        .old_amount = before,
        .new_amount = before + delta,
    };
    issue_notice(j, &notice, NULL);
    prefund->pending += delta;
    post_pool(j, prefund, period, CYCLE_PREFUND_DUE, CYCLE_PREFUND_CONTRA, delta);
    return notice;
}

/* What was pending of a notice is there. */
static void settle(struct judgement *j, struct prefund_row *prefund,
                   const struct notice_row *notice)
{
    const int64_t delta = paid_back(notice) ? -notice->amount : notice->amount;
    prefund->pending -= delta;
    prefund->amount += delta;
    prefund->changed_ms = j->now_ms;
    decision_put(j->decision, ROW_PREFUND, prefund);
    post_pool(j, prefund, notice->period, CYCLE_PREFUND, CYCLE_PREFUND_TRANSIT, delta);
}

void prefund_settled(struct judgement *j, const struct notice_row *notice)
{
    struct prefund_row prefund = paid_back(notice)
                                     ? prefund_of(j->cycle, notice->payee, notice->payer)
                                     : prefund_of(j->cycle, notice->payer, notice->payee);
    settle(j, &prefund, notice);
}

/* -- the month's clearing ---------------------------------------------------------------------- */

/* What of a batch counts for prefunds: they were made for the cost of care, so what wallets paid is
 * left out unless prefund.wallet says otherwise. */
static void prefund_totals(const struct cycle *cycle, const struct batch_row *batch, int64_t now_ms,
                           totals_table totals)
{
    if (setting_at(cycle, SETTING_PREFUND_WALLET, now_ms) == 1) {
        batch_totals(cycle, batch, batch->version, totals);
    } else {
        batch_care_totals(cycle, batch, batch->version, totals);
    }
}

/* The totals of a month's live batch, once it has been computed; all zero when there is none. */
static bool cleared_totals(const struct cycle *cycle, uint32_t period, int64_t now_ms,
                           totals_table totals)
{
    const struct batch_row *batch = cycle_batch(cycle, period);
    if (batch == NULL || batch->state < BATCH_COMPUTED || batch->state == BATCH_ABORTED) {
        memset(totals, 0, sizeof(totals_table));
        return false;
    }
    prefund_totals(cycle, batch, now_ms, totals);
    return true;
}

static uint32_t latest_computed(const struct cycle *cycle)
{
    uint32_t latest = 0;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_BATCH); i++) {
        const struct batch_row *batch = cycle_row(cycle, ROW_BATCH, i);
        if (batch->state < BATCH_COMPUTED || batch->state == BATCH_ABORTED) continue;
        if (batch->period > latest) latest = batch->period;
    }
    return latest;
}

/* -- the use ratio ----------------------------------------------------------------------------- */

static uint32_t use_bp(int64_t cleared, int64_t amount)
{
    if (amount <= 0) return PREFUND_USE_NONE;
    if (cleared <= 0) return 0;
    const wide bp = (wide)BASIS_POINTS * cleared / amount;
    return bp >= PREFUND_USE_NONE ? PREFUND_USE_NONE - 1 : (uint32_t)bp;
}

/* By products, so that no rounding decides: 10000 * cleared >= limit * amount. */
static bool reaches(int64_t cleared, int64_t amount, int64_t limit_bp)
{
    return amount > 0 && (wide)BASIS_POINTS * cleared >= (wide)limit_bp * amount;
}

static void judge_use(const struct cycle *cycle, struct prefund_use *use, int64_t now_ms)
{
    use->use_bp = use_bp(use->cleared, use->amount);
    use->alert = PREFUND_CALM;
    if (reaches(use->cleared, use->amount, setting_at(cycle, SETTING_PREFUND_YELLOW_BP, now_ms)))
        use->alert = PREFUND_YELLOW;
    if (reaches(use->cleared, use->amount, setting_at(cycle, SETTING_PREFUND_RED_BP, now_ms)))
        use->alert = PREFUND_RED;
}

static struct prefund_use pair_use(const struct cycle *cycle, uint32_t period,
                                   const totals_table totals, uint8_t payer, uint8_t payee)
{
    const struct prefund_row prefund = prefund_of(cycle, payer, payee);
    const struct application_row key = {.period = period, .payer = payer, .payee = payee};
    const struct application_row *application = cycle_find(cycle, ROW_APPLICATION, &key);
    struct prefund_use use = {
        .payer = payer,
        .payee = payee,
        .amount = prefund.amount,
        .pending = prefund.pending,
        .cleared = funds_sum(totals[payer][payee].funds),
    };
    if (application != NULL) {
        use.application = application->state;
        use.applied = application->amount;
    }
    return use;
}

/* Fen of all amounts that are no more than N(16,2) a pair: 31 of them stay within 64 bits. */
static void add_use(struct prefund_use *sum, const struct prefund_use *use)
{
    sum->amount += use->amount;
    sum->pending += use->pending;
    sum->cleared += use->cleared;
}

/* The pair's use, or that of all payers at its payee, as alerts are raised by prefund.alert_scope
 * (0: the payee may use all its prefunds together). */
static struct prefund_use alert_use(const struct cycle *cycle, uint32_t period,
                                    const totals_table totals, uint8_t payer, uint8_t payee,
                                    int64_t now_ms)
{
    struct prefund_use sum = {.payer = PROVINCE_CENTRE, .payee = payee};
    if (setting_at(cycle, SETTING_PREFUND_ALERT_SCOPE, now_ms) == 1) {
        sum = pair_use(cycle, period, totals, payer, payee);
    } else {
        for (uint8_t other = 0; other < PROVINCE_COUNT; other++) {
            const struct prefund_use use = pair_use(cycle, period, totals, other, payee);
            add_use(&sum, &use);
        }
    }
    judge_use(cycle, &sum, now_ms);
    return sum;
}

struct prefund_use *cycle_prefund_uses(const struct cycle *cycle, uint32_t *period, int64_t now_ms,
                                       size_t *ret_pairs, size_t *ret_payees)
{
    totals_table totals;
    size_t count = 0;
    struct prefund_use sums[PROVINCE_COUNT];
    struct prefund_use *uses =
        malloc((PROVINCE_COUNT * PROVINCE_COUNT + PROVINCE_COUNT) * sizeof *uses);
    *ret_pairs = 0;
    *ret_payees = 0;
    if (uses == NULL) return NULL;
    if (*period == 0) *period = latest_computed(cycle);
    (void)cleared_totals(cycle, *period, now_ms, totals);
    for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++)
        sums[payee] = (struct prefund_use){.payer = PROVINCE_CENTRE, .payee = payee};
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            struct prefund_use use = pair_use(cycle, *period, totals, payer, payee);
            if (use.amount == 0 && use.pending == 0 && use.cleared == 0) continue;
            add_use(&sums[payee], &use);
            judge_use(cycle, &use, now_ms);
            uses[count++] = use;
        }
    }
    *ret_pairs = count;
    for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
        struct prefund_use *sum = &sums[payee];
        if (sum->amount == 0 && sum->pending == 0 && sum->cleared == 0) continue;
        judge_use(cycle, sum, now_ms);
        uses[count++] = *sum;
    }
    *ret_payees = count - *ret_pairs;
    return uses;
}

/* -- PrefundSet: the opening of a pair --------------------------------------------------------- */

static bool must_be_pair(struct judgement *j, uint8_t payer, uint8_t payee)
{
    if (payer >= PROVINCE_COUNT || payee >= PROVINCE_COUNT) {
        return refuse(j, ERROR_PREFUND_RULE, "a prefund needs its payer and its payee");
    }
    if (payer != payee) return true;
    return refuse(j, ERROR_SAME_PROVINCE, "%02u leaves no prefund with itself", province_of(payer));
}

static const struct notice_row *opening_of(const struct cycle *cycle, uint8_t payer, uint8_t payee)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(cycle, ROW_NOTICE, i);
        if (notice->kind == NOTICE_PREFUND_OPENING && notice->payer == payer &&
            notice->payee == payee) {
            return notice;
        }
    }
    return NULL;
}

/* What was deposited before the engine. It came through no notice of ours, so one is issued that is
 * settled at once: every amount can be explained by notices alone. */
static bool set_opening(struct judgement *j)
{
    const struct order *order = j->order;
    if (!must_be_pair(j, order->payer, order->payee)) return false;
    const struct notice_row *opening = opening_of(j->cycle, order->payer, order->payee);
    if (opening != NULL && opening->amount == order->amount && opening->period == order->period) {
        j->decision->dup = true;
        memcpy(j->decision->ref, opening->number, sizeof opening->number);
        return true;
    }
    struct prefund_row prefund = prefund_of(j->cycle, order->payer, order->payee);
    if (opening != NULL || prefund.amount != 0 || prefund.pending != 0 || prefund.year != 0) {
        return refuse(j, ERROR_WRONG_STATE, "the prefund of %02u at %02u is already opened",
                      province_of(order->payer), province_of(order->payee));
    }
    if (order->amount <= 0 || order->amount > FEN_AMOUNT_MAX) {
        return refuse(j, ERROR_AMOUNT_RANGE, "%s yuan is no deposit", yuan_of(order->amount).text);
    }
    struct notice_row notice =
        notify(j, &prefund, NOTICE_PREFUND_OPENING, order->period, order->amount);
    notice.state = NOTICE_SETTLED;
    notice.reported = notice.amount;
    notice.received = notice.amount;
    notice.settled_ms = j->now_ms;
    decision_put(j->decision, ROW_NOTICE, &notice);
    post_pool(j, &prefund, order->period, CYCLE_PREFUND_TRANSIT, CYCLE_PREFUND_DUE, notice.amount);
    settle(j, &prefund, &notice);
    return done(j, notice.number);
}

/* -- PrefundSet: the year ---------------------------------------------------------------------- */

static bool must_be_unset(struct judgement *j, uint32_t year)
{
    for (uint32_t i = 0; i < cycle_count(j->cycle, ROW_PREFUND); i++) {
        const struct prefund_row *prefund = cycle_row(j->cycle, ROW_PREFUND, i);
        if (prefund->year < year) continue;
        return refuse(j, ERROR_WRONG_STATE, "the year's amounts were set: %u", prefund->year);
    }
    return true;
}

/* What every pair cleared in the fourth quarter of the year before. */
static bool quarter_totals(struct judgement *j, uint32_t year, wide sums[][PROVINCE_COUNT])
{
    memset(sums, 0, PROVINCE_COUNT * sizeof sums[0]);
    for (uint32_t i = 0; i < QUARTER_MONTHS; i++) {
        const uint32_t month = (year - 1) * 100 + QUARTER_FIRST + i;
        const struct batch_row *batch = cycle_batch(j->cycle, month);
        totals_table totals;
        if (batch == NULL || batch->state < BATCH_NOTICED || batch->state == BATCH_ABORTED) {
            return refuse(j, ERROR_PREFUND_RULE,
                          "the year %u is set by %06u to %06u, and %06u has no notices yet", year,
                          (year - 1) * 100 + QUARTER_FIRST,
                          (year - 1) * 100 + QUARTER_FIRST + QUARTER_MONTHS - 1, month);
        }
        prefund_totals(j->cycle, batch, j->now_ms, totals);
        for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
            for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++)
                sums[payer][payee] += funds_sum(totals[payer][payee].funds);
        }
    }
    return true;
}

/* months * sum / 3, rounded down to a multiple; nothing for a pair below zero. */
static wide target_of(wide quarter, int64_t months, int64_t multiple)
{
    if (quarter <= 0) return 0;
    const wide target = quarter * months / QUARTER_MONTHS;
    return target - target % multiple;
}

static bool set_pair(struct judgement *j, uint8_t payer, uint8_t payee, wide quarter,
                     uint32_t *notices)
{
    const uint32_t year = j->order->period;
    const wide target = target_of(quarter, setting_at(j->cycle, SETTING_PREFUND_MONTHS, j->now_ms),
                                  setting_at(j->cycle, SETTING_PREFUND_ROUND_FEN, j->now_ms));
    struct prefund_row prefund = prefund_of(j->cycle, payer, payee);
    if (target > FEN_AMOUNT_MAX) {
        return refuse(j, ERROR_AMOUNT_RANGE, "the prefund of %02u at %02u would not fit",
                      province_of(payer), province_of(payee));
    }
    const int64_t delta = (int64_t)target - prefund.amount - prefund.pending;
    if (delta == 0 && target == 0) return true; /* Nothing there and nothing to come. */
    if (delta != 0) {
        (void)notify(j, &prefund, NOTICE_PREFUND_YEAR, year, delta);
        ++*notices;
    }
    prefund.year = year;
    decision_put(j->decision, ROW_PREFUND, &prefund);
    return true;
}

static bool set_year(struct judgement *j)
{
    wide sums[PROVINCE_COUNT][PROVINCE_COUNT];
    const uint32_t year = j->order->period;
    uint32_t notices = 0;
    if (!must_be_unset(j, year) || !quarter_totals(j, year, sums)) return false;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            if (payer == payee) continue;
            if (!set_pair(j, payer, payee, sums[payer][payee], &notices)) return false;
        }
    }
    char ref[NUMBER_SIZE];
    (void)snprintf(ref, sizeof ref, "prefund %u", year);
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%u notices", notices);
    j->decision->counts[0] = notices;
    return done(j, ref);
}

bool judge_prefund_set(struct judgement *j)
{
    const struct order *order = j->order;
    if (!must_be_centre(j)) return false;
    if (order->period < YEAR_FIRST || order->period > YEAR_LAST) {
        return refuse(j, ERROR_MALFORMED, "%u is no year", order->period);
    }
    if (!must_be_open_year(j, order->period * 100)) return false;
    if (order->payer == PROVINCE_CENTRE && order->payee == PROVINCE_CENTRE) return set_year(j);
    return set_opening(j);
}

/* -- 紧急调增 ---------------------------------------------------------------------------------- */

static void application_name(const struct application_row *application, char out[NUMBER_SIZE])
{
    memset(out, 0, NUMBER_SIZE);
    (void)snprintf(out, NUMBER_SIZE, "%06u-%02u-%02u", application->period,
                   province_of(application->payer), province_of(application->payee));
}

static bool must_be_month(struct judgement *j, uint32_t period)
{
    if (!civil_month_valid(period)) return refuse(j, ERROR_MALFORMED, "%u is no month", period);
    return must_be_open_year(j, period);
}

uint32_t prefund_apply_due(const struct cycle *cycle, const struct batch_row *batch, uint8_t payee,
                           int64_t now_ms)
{
    const struct sign_row key = {.batch = batch->id, .province = payee};
    const struct sign_row *sign = cycle_find(cycle, ROW_SIGN, &key);
    if (sign == NULL || sign->state != SIGN_SIGNED || sign->version != batch->published_version)
        return 0;
    return calendar_add(cycle->calendar, civil_day(sign->at_ms),
                        (uint32_t)setting_at(cycle, SETTING_PREFUND_EMERGENCY_WD, now_ms));
}

/* In time after its signature (当期清算签章之日起); silence is no signature. */
static bool must_be_in_time(struct judgement *j, uint32_t period, uint8_t payee)
{
    const struct batch_row *batch = cycle_batch(j->cycle, period);
    if (batch == NULL || batch->state == BATCH_ABORTED) {
        return refuse(j, ERROR_WRONG_STATE, "%06u has no batch", period);
    }
    const uint32_t due = prefund_apply_due(j->cycle, batch, payee, j->now_ms);
    if (due == 0) {
        return refuse(j, ERROR_WRONG_STATE, "%02u has not signed the batch of %06u",
                      province_of(payee), period);
    }
    if (j->today <= due) return true;
    return refuse(j, ERROR_DEADLINE, "an increase for %06u was to be asked for by %08u", period,
                  due);
}

static bool must_be_red(struct judgement *j, uint32_t period, uint8_t payer, uint8_t payee)
{
    totals_table totals;
    (void)cleared_totals(j->cycle, period, j->now_ms, totals);
    const struct prefund_use use = alert_use(j->cycle, period, totals, payer, payee, j->now_ms);
    if (use.alert == PREFUND_RED) return true;
    return refuse(j, ERROR_PREFUND_RULE,
                  "the use of %s at %02u is not red: %s yuan cleared, %s prefund",
                  use.payer == PROVINCE_CENTRE ? "all prefunds" : "the prefund", province_of(payee),
                  yuan_of(use.cleared).text, yuan_of(use.amount).text);
}

static bool increase_fits(struct judgement *j, const struct prefund_row *prefund, int64_t amount)
{
    if (amount <= 0) {
        return refuse(j, ERROR_PREFUND_RULE, "%s yuan is no increase", yuan_of(amount).text);
    }
    if (prefund->amount + prefund->pending <= 0) {
        return refuse(j, ERROR_PREFUND_RULE, "%02u has no prefund at %02u to increase",
                      province_of(prefund->payer), province_of(prefund->payee));
    }
    if (amount <= FEN_AMOUNT_MAX - prefund->amount - prefund->pending) return true;
    return refuse(j, ERROR_AMOUNT_RANGE, "a prefund of %s yuan more would not fit",
                  yuan_of(amount).text);
}

bool judge_prefund_apply(struct judgement *j)
{
    const struct order *order = j->order;
    const uint8_t payee = order->payee;
    struct application_row application = {
        .period = order->period, .payer = order->payer, .payee = payee};
    char name[NUMBER_SIZE];
    if (!must_be(j, payee)) return false;
    if (!must_be_pair(j, order->payer, payee)) return false;
    if (!must_be_month(j, order->period)) return false;
    application_name(&application, name);

    const struct application_row *before = cycle_find(j->cycle, ROW_APPLICATION, &application);
    if (before != NULL && before->state != APPLICATION_REFUSED) {
        return refuse(j, ERROR_WRONG_STATE, "an increase of %s yuan is %s for %s",
                      yuan_of(before->amount).text,
                      before->state == APPLICATION_OPEN ? "already asked" : "already granted",
                      name);
    }
    const struct prefund_row prefund = prefund_of(j->cycle, order->payer, payee);
    if (!must_be_in_time(j, order->period, payee)) return false;
    if (!must_be_red(j, order->period, order->payer, payee)) return false;
    if (!increase_fits(j, &prefund, order->amount)) return false;

    application.amount = order->amount;
    application.at_ms = j->now_ms;
    application.state = APPLICATION_OPEN;
    decision_put(j->decision, ROW_APPLICATION, &application);
    return done(j, name);
}

bool judge_prefund_decide(struct judgement *j)
{
    const struct order *order = j->order;
    struct application_row application = {
        .period = order->period, .payer = order->payer, .payee = order->payee};
    char name[NUMBER_SIZE];
    if (!must_be_centre(j)) return false;
    if (!must_be_pair(j, order->payer, order->payee)) return false;
    if (!must_be_month(j, order->period)) return false;
    application_name(&application, name);

    const struct application_row *before = cycle_find(j->cycle, ROW_APPLICATION, &application);
    if (before == NULL) return refuse(j, ERROR_NOT_FOUND, "nobody asked for %s", name);
    if (before->state != APPLICATION_OPEN) {
        return refuse(j, ERROR_WRONG_STATE, "%s is decided: %s", name,
                      before->state == APPLICATION_APPROVED ? "approved" : "refused");
    }
    application = *before;
    application.decided_ms = j->now_ms;
    application.state = APPLICATION_REFUSED;
    if (order->flag) {
        struct prefund_row prefund = prefund_of(j->cycle, order->payer, order->payee);
        if (!increase_fits(j, &prefund, application.amount)) return false;
        const struct notice_row notice =
            notify(j, &prefund, NOTICE_PREFUND_EMERGENCY, order->period, application.amount);
        decision_put(j->decision, ROW_PREFUND, &prefund);
        application.state = APPLICATION_APPROVED;
        memcpy(application.number, notice.number, sizeof application.number);
        memcpy(name, notice.number, sizeof name);
    }
    decision_put(j->decision, ROW_APPLICATION, &application);
    return done(j, name);
}
