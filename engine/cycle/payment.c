/* payment -- what the payers say they have paid, and the payees that it came.
 *
 * The money itself goes from treasury to treasury; here stands what both sides report.
 * Must not know how a notice came about. docs/rules.md, Payments. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"
#include "types/ensure.h"

/* -- what a payment moves in the book ---------------------------------------------------------- */

/* Which part of a pair's funds a sum paid so far stands for: funds above zero are filled in this
 * order, and when all is paid every fund is there exactly, those below zero included. A function of
 * the sum alone, so any split of the payments ends the same. */
static void alloc(const int64_t funds[FUND_COUNT], int64_t paid, int64_t ret_part[FUND_COUNT])
{
    static const enum fund order[FUND_COUNT] = {FUND_POOL, FUND_ACCOUNT, FUND_SUPPLEMENT,
                                                FUND_ASSISTANCE, FUND_OTHER};
    memset(ret_part, 0, FUND_COUNT * sizeof *ret_part);
    if (paid == funds_sum(funds)) {
        memcpy(ret_part, funds, FUND_COUNT * sizeof *ret_part);
        return;
    }
    for (int i = 0; i < FUND_COUNT; i++) {
        const int64_t fund = funds[order[i]];
        const int64_t part = fund <= 0 ? 0 : fund < paid ? fund : paid;
        ret_part[order[i]] = part;
        paid -= part;
    }
    ENSURE(paid == 0);
}

/* Moves what lies between two sums paid of a gross notice. */
static void post_gross(struct judgement *j, const struct notice_row *notice, int64_t before,
                       int64_t after, enum cycle_account debit, enum cycle_account credit)
{
    const bool reverse = notice->kind == NOTICE_REVERSE;
    const uint8_t payer = reverse ? notice->payee : notice->payer;
    const uint8_t payee = reverse ? notice->payer : notice->payee;
    const struct pair_total total = batch_pair_total(j->cycle, notice->batch, payer, payee);
    int64_t funds[FUND_COUNT];
    int64_t old[FUND_COUNT];
    int64_t new[FUND_COUNT];
    for (int fund = 0; fund < FUND_COUNT; fund++)
        funds[fund] = total.funds[fund] * (reverse ? -1 : 1);
    ENSURE(funds_sum(funds) == notice->amount);
    alloc(funds, before, old);
    alloc(funds, after, new);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        post(j, payer, payee, (uint8_t)fund, debit, credit,
             (new[fund] - old[fund]) * (reverse ? -1 : 1), notice->batch, notice->period);
    }
}

/* A deposit that shrinks is paid back: its notice's payer is the pair's payee. What arrives becomes
 * the deposit when the whole notice is settled: prefund_settled(). */
static void post_prefund(struct judgement *j, const struct notice_row *notice, int64_t amount)
{
    const bool back = notice->new_amount < notice->old_amount;
    post(j, back ? notice->payee : notice->payer, back ? notice->payer : notice->payee, FUND_POOL,
         CYCLE_PREFUND_TRANSIT, CYCLE_PREFUND_DUE, back ? -amount : amount, 0, notice->period);
}

/* The reported sum of a notice changes to `reported`. Net modes move nothing before the end. */
static void post_reported(struct judgement *j, const struct notice_row *notice, int64_t reported)
{
    if (is_prefund(notice)) {
        post_prefund(j, notice, reported - notice->reported);
    } else if (notice->mode == NETTING_GROSS) {
        post_gross(j, notice, notice->reported, reported, CYCLE_DUE, CYCLE_TRANSIT);
    }
}

/* -- the end of a notice and of its batch ------------------------------------------------------ */

static bool others_settled(const struct cycle *cycle, const struct notice_row *notice)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE); i++) {
        const struct notice_row *other = cycle_row(cycle, ROW_NOTICE, i);
        if (other->batch != notice->batch || other->id == notice->id) continue;
        if (other->state != NOTICE_SETTLED && other->state != NOTICE_CANCELLED) return false;
    }
    return true;
}

/* Finality of the net modes: an unordered pair by itself, or the whole batch together. */
static void post_final(struct judgement *j, const struct batch_row *batch,
                       const struct notice_row *notice, bool batch_ends)
{
    const uint8_t a = notice->payer;
    const uint8_t b = notice->payee;
    if (batch->mode == NETTING_BILATERAL) {
        const struct pair_total there = batch_pair_total(j->cycle, batch->id, a, b);
        const struct pair_total back = batch_pair_total(j->cycle, batch->id, b, a);
        post_funds(j, a, b, CYCLE_NETTED, CYCLE_SETTLED, there.funds, batch->id, batch->period);
        post_funds(j, b, a, CYCLE_NETTED, CYCLE_SETTLED, back.funds, batch->id, batch->period);
    } else if (batch->mode != NETTING_GROSS && batch_ends) {
        struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
        batch_totals(j->cycle, batch, batch->version, totals);
        post_totals(j, batch, totals, CYCLE_NETTED, CYCLE_SETTLED);
    }
}

/* `notice` is settled by this decision. */
static void settled(struct judgement *j, const struct notice_row *notice)
{
    if (is_prefund(notice)) {
        prefund_settled(j, notice);
        return;
    }
    const struct batch_row *batch = cycle_batch_by_id(j->cycle, notice->batch);
    const bool ends = others_settled(j->cycle, notice);
    post_final(j, batch, notice, ends);
    if (!ends) return;
    struct batch_row after = *batch;
    after.state = BATCH_SETTLED;
    after.at_ms[BATCH_SETTLED] = j->now_ms;
    decision_put(j->decision, ROW_BATCH, &after);
}

/* -- payments ---------------------------------------------------------------------------------- */

static struct payment_row payment_key(const struct order *order)
{
    struct payment_row key = {0};
    memcpy(key.number, order->number, sizeof key.number);
    memcpy(key.bank_ref, order->bank_ref, sizeof key.bank_ref);
    return key;
}

/* Said before, perhaps under another msgid: the first answer again. */
static bool said_before(struct judgement *j, const struct notice_row *notice)
{
    j->decision->dup = true;
    memcpy(j->decision->ref, notice->number, sizeof j->decision->ref);
    return true;
}

static const struct notice_row *the_notice(struct judgement *j)
{
    const struct notice_row *notice = cycle_find(j->cycle, ROW_NOTICE, j->order->number);
    if (notice == NULL) {
        (void)refuse(j, ERROR_NOTICE_UNKNOWN, "no notice %s", j->order->number);
    }
    return notice;
}

static bool must_be_live(struct judgement *j, const struct notice_row *notice)
{
    if (notice->state != NOTICE_CANCELLED) return true;
    return refuse(j, ERROR_WRONG_STATE, "notice %s is cancelled", notice->number);
}

static bool payment_fits(struct judgement *j, const struct notice_row *notice)
{
    const struct order *order = j->order;
    const int64_t left = notice->amount - notice->reported;
    if (order->amount <= 0 || order->amount > left) {
        return refuse(j, ERROR_PAID_AMOUNT, "%s yuan do not fit: notice %s has %s left",
                      yuan_of(order->amount).text, notice->number, yuan_of(left).text);
    }
    if (order->amount < left && setting_at(j->cycle, SETTING_PAYMENT_PARTIAL, j->now_ms) == 0) {
        return refuse(j, ERROR_PAID_AMOUNT, "%s of %s yuan: part payments are not allowed",
                      yuan_of(order->amount).text, yuan_of(left).text);
    }
    if (order->at_ms > j->now_ms) {
        return refuse(j, ERROR_CLOCK, "paid_at is %lld ms in the future",
                      (long long)(order->at_ms - j->now_ms));
    }
    /* By the day: banks often tell no more of the time. */
    if (order->at_ms < 0 || civil_day(order->at_ms) < civil_day(notice->issued_ms)) {
        return refuse(j, ERROR_PAID_AMOUNT, "paid before notice %s was issued", notice->number);
    }
    return true;
}

static void start_paying(struct judgement *j, const struct notice_row *notice)
{
    const struct batch_row *batch = cycle_batch_by_id(j->cycle, notice->batch);
    if (batch == NULL || batch->state != BATCH_NOTICED) return;
    struct batch_row after = *batch;
    after.state = BATCH_PAYING;
    after.at_ms[BATCH_PAYING] = j->now_ms;
    decision_put(j->decision, ROW_BATCH, &after);
}

bool judge_pay_report(struct judgement *j)
{
    const struct order *order = j->order;
    const struct notice_row *found = the_notice(j);
    if (found == NULL) return false;
    if (!must_be(j, found->payer)) return false;
    if (order->bank_ref[0] == 0) return refuse(j, ERROR_MALFORMED, "no bank reference");

    struct payment_row payment = payment_key(order);
    const struct payment_row *before = cycle_find(j->cycle, ROW_PAYMENT, &payment);
    if (before != NULL) {
        if (before->amount == order->amount && before->paid_at_ms == order->at_ms) {
            return said_before(j, found);
        }
        return refuse(j, ERROR_BANK_REF_REUSED, "%s on %s was %s yuan", order->bank_ref,
                      found->number, yuan_of(before->amount).text);
    }
    if (!must_be_open_year(j, notice_month(found))) return false;
    if (!must_be_live(j, found)) return false;
    if (!payment_fits(j, found)) return false;

    payment.amount = order->amount;
    payment.paid_at_ms = order->at_ms;
    payment.reported_ms = j->now_ms;
    payment.state = PAYMENT_REPORTED;
    decision_put(j->decision, ROW_PAYMENT, &payment);

    struct notice_row notice = *found;
    notice.reported += order->amount;
    if (notice.reported == notice.amount) notice.state = NOTICE_PAID;
    decision_put(j->decision, ROW_NOTICE, &notice);
    post_reported(j, found, notice.reported);
    start_paying(j, found);
    return done(j, notice.number);
}

/* -- receipts and rejections ------------------------------------------------------------------- */

static bool party_of_receipt(struct judgement *j, const struct notice_row *notice)
{
    /* The payer's bank may tell it first that the money came back. */
    if (j->order->flag && j->order->acting == notice->payer) return true;
    return must_be(j, notice->payee);
}

static void reject(struct judgement *j, const struct notice_row *found)
{
    struct notice_row notice = *found;
    notice.reported -= j->order->amount;
    notice.state = NOTICE_DUE;
    decision_put(j->decision, ROW_NOTICE, &notice);
    post_reported(j, found, notice.reported);
}

static void receive(struct judgement *j, const struct notice_row *found)
{
    struct notice_row notice = *found;
    notice.received += j->order->amount;
    if (notice.received == notice.amount) {
        notice.state = NOTICE_SETTLED;
        notice.settled_ms = j->now_ms;
    }
    decision_put(j->decision, ROW_NOTICE, &notice);
    if (!is_prefund(found) && found->mode == NETTING_GROSS) {
        post_gross(j, found, found->received, notice.received, CYCLE_TRANSIT, CYCLE_SETTLED);
    }
    if (notice.state == NOTICE_SETTLED) settled(j, &notice);
}

bool judge_receipt_report(struct judgement *j)
{
    const struct order *order = j->order;
    const bool rejected = order->flag;
    const struct notice_row *found = the_notice(j);
    if (found == NULL) return false;
    if (!party_of_receipt(j, found)) return false;

    struct payment_row payment = payment_key(order);
    const struct payment_row *before = cycle_find(j->cycle, ROW_PAYMENT, &payment);
    if (before == NULL) {
        return refuse(j, ERROR_NOT_FOUND, "no payment %s was reported on %s", order->bank_ref,
                      found->number);
    }
    const uint8_t state = rejected ? PAYMENT_REJECTED : PAYMENT_RECEIVED;
    if (before->state == state && before->amount == order->amount) return said_before(j, found);
    if (!must_be_open_year(j, notice_month(found))) return false;
    if (!must_be_live(j, found)) return false;
    if (before->state != PAYMENT_REPORTED) {
        return refuse(j, ERROR_WRONG_STATE, "payment %s on %s was %s before", order->bank_ref,
                      found->number, before->state == PAYMENT_RECEIVED ? "received" : "rejected");
    }
    if (before->amount != order->amount) {
        return refuse(j, ERROR_PAID_AMOUNT, "%s yuan were reported under %s, not %s",
                      yuan_of(before->amount).text, order->bank_ref, yuan_of(order->amount).text);
    }

    payment = *before;
    payment.state = state;
    payment.confirmed_ms = j->now_ms;
    decision_put(j->decision, ROW_PAYMENT, &payment);
    if (rejected) {
        reject(j, found);
    } else {
        receive(j, found);
    }
    return done(j, found->number);
}
