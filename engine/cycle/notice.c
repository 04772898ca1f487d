/* notice -- who is told to pay whom (付款/收款通知书), and until when.
 *
 * Must not know how the money moves afterwards: that is payment.c. docs/rules.md, Notices. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "types/ensure.h"
#include "util/le.h"

#define MONTH_OF_YEAR_END 12

/* -- numbers ----------------------------------------------------------------------------------- */

static const char *prefix_of(uint8_t kind)
{
    switch ((enum notice_kind)kind) {
    case NOTICE_CLEARING:
        return "CLR";
    case NOTICE_PREFUND_OPENING:
        return "PFO";
    case NOTICE_PREFUND_YEAR:
        return "PFY";
    case NOTICE_PREFUND_EMERGENCY:
        return "PFE";
    case NOTICE_REVERSE:
        return "REV";
    case NOTICE_RETURN:
        return "RET";
    }
    ENSURE(false);
    return "";
}

static void write_number(const struct cycle *cycle, struct notice_row *notice)
{
    const struct batch_row *batch = cycle_batch_by_id(cycle, notice->batch);
    /* A prefund's number names its pair, also where the place of treatment pays back: the other
     * pair of the two may get more in the same year's setting. */
    const bool back = notice->new_amount < notice->old_amount;
    char of[24];
    if (batch != NULL) {
        (void)snprintf(of, sizeof of, "%06u-%u", batch->period, batch->number);
    } else {
        (void)snprintf(of, sizeof of, "%u", notice->period);
    }
    memset(notice->number, 0, sizeof notice->number);
    const int size =
        snprintf(notice->number, sizeof notice->number, "%s-%s-%02u-%02u-%u",
                 prefix_of(notice->kind), of, province_of(back ? notice->payee : notice->payer),
                 province_of(back ? notice->payer : notice->payee), notice->version);
    ENSURE(size > 0 && (size_t)size < sizeof notice->number);
}

/* Ids are dense, and notices of this very decision are not in the cycle yet. */
static uint32_t next_id(const struct judgement *j)
{
    uint32_t last = cycle_count(j->cycle, ROW_NOTICE);
    const struct decision *decision = j->decision;
    for (size_t at = 0; at < decision->size;) {
        const uint16_t kind = le_load16(decision->data + at);
        const size_t size = le_load16(decision->data + at + 2);
        at += 4;
        if (kind == ROW_NOTICE) {
            struct notice_row notice;
            memcpy(&notice, decision->data + at, sizeof notice);
            if (notice.id > last) last = notice.id;
        }
        at += (size + 3) & ~(size_t)3;
    }
    return last + 1;
}

static uint32_t working_days(const struct judgement *j, enum setting setting)
{
    return (uint32_t)setting_at(j->cycle, setting, j->now_ms);
}

void issue_notice(struct judgement *j, struct notice_row *notice, const struct notice_row *replaces)
{
    const uint32_t file = working_days(j, SETTING_FILE_WD);
    const uint32_t transfer = file + working_days(j, SETTING_TRANSFER_WD);
    const uint32_t feedback = transfer + working_days(j, SETTING_FEEDBACK_WD);
    notice->id = next_id(j);
    notice->issued_ms = j->now_ms;
    notice->file_due = calendar_add(j->cycle->calendar, j->today, file);
    notice->transfer_due = calendar_add(j->cycle->calendar, j->today, transfer);
    notice->feedback_due = calendar_add(j->cycle->calendar, j->today, feedback);
    memset(notice->replaces, 0, sizeof notice->replaces);
    if (replaces != NULL) memcpy(notice->replaces, replaces->number, sizeof notice->replaces);

    /* A number is never used twice: an unwinding may ask the same two again, without a version of
     * theirs that it could replace. */
    notice->version = 1;
    write_number(j->cycle, notice);
    while (cycle_find(j->cycle, ROW_NOTICE, notice->number) != NULL) {
        notice->version++;
        write_number(j->cycle, notice);
    }
    decision_put(j->decision, ROW_NOTICE, notice);
}

/* -- reissuing --------------------------------------------------------------------------------- */

/* An emergency's application names its notice. */
static void follow_application(struct judgement *j, const struct notice_row *old,
                               const struct notice_row *notice)
{
    const struct application_row key = {
        .period = old->period, .payer = old->payer, .payee = old->payee};
    const struct application_row *found = cycle_find(j->cycle, ROW_APPLICATION, &key);
    if (found == NULL || memcmp(found->number, old->number, sizeof found->number) != 0) return;
    struct application_row application = *found;
    memcpy(application.number, notice->number, sizeof application.number);
    decision_put(j->decision, ROW_APPLICATION, &application);
}

bool judge_notice_reissue(struct judgement *j)
{
    if (!must_be_centre(j)) return false;
    const struct notice_row *found = cycle_find(j->cycle, ROW_NOTICE, j->order->number);
    if (found == NULL) {
        return refuse(j, ERROR_NOTICE_UNKNOWN, "no notice %s", j->order->number);
    }
    if (!must_be_open_year(j, notice_month(found))) return false;
    if (found->state == NOTICE_CANCELLED) {
        return refuse(j, ERROR_WRONG_STATE, "notice %s is cancelled", found->number);
    }
    if (found->reported != 0) {
        return refuse(j, ERROR_WRONG_STATE, "%s yuan were paid on notice %s",
                      yuan_of(found->reported).text, found->number);
    }

    struct notice_row old = *found;
    old.state = NOTICE_CANCELLED;
    decision_put(j->decision, ROW_NOTICE, &old);
    struct notice_row notice = *found;
    issue_notice(j, &notice, found);
    if (notice.kind == NOTICE_PREFUND_EMERGENCY) follow_application(j, found, &notice);
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%s takes the place of %s",
                   notice.number, found->number);
    return done(j, notice.number);
}

uint32_t notice_month(const struct notice_row *notice)
{
    return notice->period < 10000 ? notice->period * 100 + MONTH_OF_YEAR_END : notice->period;
}

/* -- the notices of a batch -------------------------------------------------------------------- */

static bool pair_sum(struct judgement *j, const struct pair_total *total, int64_t *ret_sum)
{
    int64_t sum = 0;
    bool fits = true;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        fits = !__builtin_add_overflow(sum, total->funds[fund], &sum) && fits;
    /* Of a reverse notice the sum is taken the other way round. */
    *ret_sum = sum;
    if (fits && sum != INT64_MIN) return true;
    return refuse(j, ERROR_AMOUNT_RANGE, "a pair's total does not fit");
}

bool net_totals(struct judgement *j, struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT],
                struct netting *ret_netting)
{
    netting_init(ret_netting);
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            int64_t sum;
            if (payer == payee) continue;
            if (!pair_sum(j, &totals[payer][payee], &sum)) return false;
            if (!netting_add(ret_netting, payer, payee, sum, totals[payer][payee].count)) {
                return refuse(j, ERROR_AMOUNT_RANGE, "a pair's total does not fit");
            }
        }
    }
    return true;
}

void post_totals(struct judgement *j, const struct batch_row *batch,
                 struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT], enum cycle_account debit,
                 enum cycle_account credit)
{
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            post_funds(j, payer, payee, debit, credit, totals[payer][payee].funds, batch->id,
                       batch->period);
        }
    }
}

static void issue(struct judgement *j, const struct batch_row *batch, enum notice_kind kind,
                  uint8_t payer, uint8_t payee, int64_t amount)
{
    struct notice_row notice = {
        .kind = (uint8_t)kind,
        .state = NOTICE_DUE,
        .mode = batch->mode,
        .payer = payer,
        .payee = payee,
        .batch = batch->id,
        .period = batch->period,
        .amount = amount,
    };
    issue_notice(j, &notice, NULL);
}

/* A pair whose refunds outweigh its settlements: it opens the pair's next batch (冲减), or the
 * payee pays it back. The last month of a year carries nothing over. Gives the notices issued. */
static uint32_t below_zero(struct judgement *j, const struct batch_row *batch, uint8_t payer,
                           uint8_t payee, const int64_t funds[FUND_COUNT], int64_t sum)
{
    if (setting_at(j->cycle, SETTING_NEGATIVE_PAIR, j->now_ms) != 0 ||
        batch->period % 100 == MONTH_OF_YEAR_END) {
        post_funds(j, payer, payee, CYCLE_CLEARING, CYCLE_DUE, funds, batch->id, batch->period);
        issue(j, batch, NOTICE_REVERSE, payee, payer, -sum);
        return 1;
    }
    struct carry_row carry = {
        .batch = batch->id, .payer = payer, .payee = payee, .period = batch->period};
    memcpy(carry.funds, funds, sizeof carry.funds);
    decision_put(j->decision, ROW_CARRY, &carry);
    post_funds(j, payer, payee, CYCLE_CLEARING, CYCLE_CONFIRMED, funds, batch->id, batch->period);
    return 0;
}

static bool notice_gross(struct judgement *j, const struct batch_row *batch,
                         struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT],
                         uint32_t *ret_notices)
{
    uint32_t notices = 0;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            const int64_t *funds = totals[payer][payee].funds;
            int64_t sum;
            if (!pair_sum(j, &totals[payer][payee], &sum)) return false;
            if (sum < 0) {
                notices += below_zero(j, batch, payer, payee, funds, sum);
                continue;
            }
            /* Funds that cancel each other leave nothing to pay: final at once. */
            post_funds(j, payer, payee, CYCLE_CLEARING, sum > 0 ? CYCLE_DUE : CYCLE_SETTLED, funds,
                       batch->id, batch->period);
            if (sum == 0) continue;
            issue(j, batch, NOTICE_CLEARING, payer, payee, sum);
            notices++;
        }
    }
    *ret_notices = notices;
    return true;
}

/* What two provinces owe each other is the same: nobody pays, and it is final. */
static void settle_equal_pairs(struct judgement *j, const struct batch_row *batch,
                               struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT],
                               const struct netting *netting)
{
    for (uint8_t a = 0; a < PROVINCE_COUNT; a++) {
        for (uint8_t b = 0; b < a; b++) {
            if (netting->amount[a][b] != netting->amount[b][a]) continue;
            post_funds(j, a, b, CYCLE_NETTED, CYCLE_SETTLED, totals[a][b].funds, batch->id,
                       batch->period);
            post_funds(j, b, a, CYCLE_NETTED, CYCLE_SETTLED, totals[b][a].funds, batch->id,
                       batch->period);
        }
    }
}

static bool notice_net(struct judgement *j, const struct batch_row *batch,
                       struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT],
                       uint32_t *ret_notices)
{
    struct netting netting;
    struct payments payments;
    if (!net_totals(j, totals, &netting)) return false;
    if (!netting_payments(&netting, (enum netting_mode)batch->mode, &payments)) {
        return refuse(j, ERROR_AMOUNT_RANGE, "a sum over the pairs does not fit");
    }
    post_totals(j, batch, totals, CYCLE_CLEARING, CYCLE_NETTED);
    for (uint32_t i = 0; i < payments.count; i++) {
        const struct payment *payment = &payments.list[i];
        issue(j, batch, NOTICE_CLEARING, payment->payer, payment->payee, payment->amount);
    }
    if (batch->mode == NETTING_BILATERAL) {
        settle_equal_pairs(j, batch, totals, &netting);
    } else if (payments.count == 0) {
        post_totals(j, batch, totals, CYCLE_NETTED, CYCLE_SETTLED);
    }
    *ret_notices = payments.count;
    return true;
}

bool notice_batch(struct judgement *j, const struct batch_row *batch)
{
    char name[NUMBER_SIZE];
    batch_name(batch, name);
    if (batch->state != BATCH_SIGNED) {
        return refuse(j, ERROR_WRONG_STATE, "batch %s is not signed, or has its notices", name);
    }
    if (batch->stale) {
        return refuse(j, ERROR_WRONG_STATE, "batch %s changed after it was published", name);
    }

    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    uint32_t notices = 0;
    batch_totals(j->cycle, batch, batch->version, totals);
    if (batch->mode == NETTING_GROSS ? !notice_gross(j, batch, totals, &notices)
                                     : !notice_net(j, batch, totals, &notices)) {
        return false;
    }

    struct batch_row after = *batch;
    after.state = BATCH_NOTICED;
    after.at_ms[BATCH_NOTICED] = j->now_ms;
    if (notices == 0) {
        after.state = BATCH_SETTLED;
        after.at_ms[BATCH_SETTLED] = j->now_ms;
    }
    decision_put(j->decision, ROW_BATCH, &after);
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%u notices, %s", notices,
                   netting_mode_name((enum netting_mode)batch->mode));
    return done(j, name);
}
