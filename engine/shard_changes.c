/* shard_changes -- what is decided about messages that change records: adjustments, and corrections
 * that take a message back.
 *
 * Changes nothing and remembers nothing, as shard_judge.c. Must not know how a settlement comes to
 * be accepted. */
#include "shard_judge.h"

/* -- adjustment ----------------------------------------------------------------------------- */

/* The adjustment of this person's record with that number. */
static bool find_adj_no(const struct shard *shard, const struct adjustment *a,
                        struct entry *ret_entry)
{
    struct lookup lookup;
    lookup_begin(shard, hash_adj_no(shard, a->insu_admdvs, a->adj_no, a->psn_key), &lookup);
    while (lookup_next(shard, &lookup, ret_entry)) {
        if (ret_entry->kind != ENTRY_ADJUSTMENT) continue;
        const struct adjustment its = adjustment_of(ret_entry);
        if (its.insu_admdvs == a->insu_admdvs && bytes_equal(its.adj_no, a->adj_no) &&
            bytes_equal(its.setl_id, a->setl_id) && bytes_equal(its.psn_key, a->psn_key)) {
            return true;
        }
    }
    return false;
}

static bool judge_adjustment_ids(const struct shard *shard, const struct adjustment *a,
                                 uint16_t sender, int64_t now_ms, struct verdict *verdict)
{
    const uint64_t hash = hash_msgid(shard, sender, a->msgid, a->psn_key);
    struct entry first;
    uint32_t conflict = ERROR_MSGID_REUSED;

    if (!find_msgid(shard, hash, sender, a->msgid, a->psn_key, &first)) {
        if (find_tombstone(shard, hash, sender, a->msgid, a->psn_key, now_ms, &first)) {
            refuse(verdict, ERROR_TOMBSTONED, 1, CHECK_NONE, 0, 0);
        }
        conflict = ERROR_SETL_ID_REUSED;
        if (!find_adj_no(shard, a, &first)) return false;
    }
    const uint32_t field = conflict == ERROR_MSGID_REUSED ? 1 : 2;
    if (first.kind == ENTRY_ADJUSTMENT) {
        const struct adjustment its = adjustment_of(&first);
        if (adjustment_same(a, &its)) {
            if (is_reversed(shard, first.seq)) {
                refuse(verdict, ERROR_ALREADY_REVERSED, field, CHECK_NONE, 0, 0);
            }
            if (refused(verdict)) return false;
            answer_again(verdict, &first, STATE_ACCRUED);
            return true;
        }
    }
    refuse(verdict, conflict, field, CHECK_NONE, 0, 0);
    return false;
}

/* The province that speaks, and the other side's; refuses one that is neither. */
static uint16_t judge_side(const struct message *message, uint32_t *ret_other,
                           struct verdict *verdict)
{
    const struct adjustment *a = &message->adjustment;
    const uint32_t payer = a->insu_admdvs / 10000;
    const uint32_t payee = a->mdtrtarea_admvs / 10000;
    const uint32_t usual = message->province == 0 && a->sender_admdvs == 0 ? a->mdtrtarea_admvs : 0;
    const uint16_t sender = judge_sender(message, a->sender_admdvs, usual, 7, verdict);

    if (!refused(verdict) && sender != payer && sender != payee) {
        refuse(verdict, ERROR_SENDER_NOT_ALLOWED, 46, CHECK_MATCH, sender, payee);
    }
    *ret_other = sender == payer ? payee : payer;
    return sender;
}

/* Agreed means: one of the two provinces sends it, and it names the other one's approval. */
static void judge_agreement(const struct adjustment *a, uint32_t other, struct verdict *verdict)
{
    if (a->approved_by / 10000 != other || a->approval_no.size == 0) {
        refuse(verdict, ERROR_ADJUST_NOT_AGREED, 30, CHECK_MATCH, a->approved_by, other * 10000);
    }
}

void judge_adjustment(const struct shard *shard, const struct message *message, int64_t now_ms,
                      struct verdict *verdict)
{
    const struct adjustment *a = &message->adjustment;
    struct entry *entry = &verdict->entry;
    struct entry original;
    struct settlement its;

    rules_check_adjustment(shard->tables, a, &verdict->failures);
    if (refused(verdict)) return;
    /* Who is no side of it hears nothing of what there is, not even that it was answered before. */
    uint32_t other;
    const uint16_t sender = judge_side(message, &other, verdict);
    if (refused(verdict) || judge_adjustment_ids(shard, a, sender, now_ms, verdict)) return;
    judge_agreement(a, other, verdict);
    if (!find_setl_id(shard, hash_setl_id(shard, a->insu_admdvs, a->setl_id), a->insu_admdvs,
                      a->setl_id, a->psn_key, &original, &its) ||
        original.kind != ENTRY_SETTLEMENT) {
        refuse(verdict, ERROR_ORIGINAL_NOT_FOUND, 3, CHECK_NONE, 0, 0);
        return;
    }
    const struct mark mark = mark_of(shard, original.seq);
    if ((mark.flags & MARK_REVERSED) != 0) {
        refuse(verdict, ERROR_ALREADY_REVERSED, 3, CHECK_NONE, 0, 0);
        return;
    }
    rules_check_adjusted(a, &its, mark.changes, &verdict->failures);
    if (refused(verdict)) return;

    entry->kind = ENTRY_ADJUSTMENT;
    entry->body = message->body;
    entry->sender = sender;
    entry->orig_seq = original.seq;
    entry->prev_seq = mark.last_seq != 0 ? mark.last_seq : original.seq;
    entry->line = original.line;
    entry->insurance = original.insurance;
    entry->flags = (uint16_t)(original.flags & ~ENTRY_LATE);
    /* A difference belongs to its record's month while that is open, so that the table asks for
     * what is owed in the end; later to the open one. */
    assign_period(shard, original.orig_period, 3, verdict);
    verdict->state = STATE_ACCRUED;
    struct posting posting = rules_adjustment_posting(
        a, (struct decided){.line = original.line, .insurance = original.insurance});
    posting.key.period = entry->period;
    if (!book_fits(shard->book, &posting)) {
        refuse_unfit(shard, &posting, SETL_FIELD_HIFP, &verdict->failures);
    }
}

/* -- correction ----------------------------------------------------------------------------- */

/* An adjustment upwards may have been refunded since: without it the original must still cover what
 * refunds took. */
static void judge_uncovered(const struct shard *shard, const struct entry *adjustment,
                            struct verdict *verdict)
{
    struct entry original;
    if (!entry_at(shard, adjustment->orig_seq, &original)) return;
    const struct settlement its = settlement_of(&original);
    const struct mark mark = mark_of(shard, original.seq);
    const struct adjustment a = adjustment_of(adjustment);
    int64_t amounts[AMOUNT_COUNT];

    adjustment_amounts(&a, amounts);
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        const int64_t changes = mark.changes[i] - amounts[i];
        if (amounts[i] <= 0 || its.amounts[i] + changes >= 0) continue;
        refuse(verdict, ERROR_ABOVE_ORIGINAL, 2, CHECK_REFUND, -changes, its.amounts[i]);
        return;
    }
}

/* Sums that hold with a record must hold without it as well. */
static void judge_sums_without(const struct shard *shard, const struct entry *original,
                               struct verdict *verdict)
{
    struct posting posting;
    if (original->kind == ENTRY_ADJUSTMENT) {
        const struct adjustment a = adjustment_of(original);
        posting = rules_adjustment_posting(
            &a, (struct decided){.line = original->line, .insurance = original->insurance});
        posting.key.period = original->period;
    } else {
        const struct settlement s = settlement_of(original);
        posting = posting_of(original, &s);
    }
    posting.medfee = -posting.medfee;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        posting.funds[fund] = -posting.funds[fund];
    if (!book_fits(shard->book, &posting)) {
        refuse_unfit(shard, &posting, 2, &verdict->failures);
    }
}

/* True when a refund or an adjustment stands on `original`: sums do not tell, two may make nothing
 * together. Of one that cannot be read now nothing is known, and nothing is decided. */
static bool is_stood_on(const struct shard *shard, uint64_t original, const struct mark *mark)
{
    struct entry entry;
    for (uint64_t seq = mark->last_seq; seq != 0 && seq != original; seq = entry.prev_seq) {
        if (!entry_at(shard, seq, &entry)) return false;
        if (entry.kind != ENTRY_REFUND && entry.kind != ENTRY_ADJUSTMENT) continue;
        if (!is_reversed(shard, seq)) return true;
    }
    return false;
}

/* What stands in the way of taking `original` back. */
static void judge_taking_back(const struct shard *shard, const struct entry *original,
                              const struct mark *mark, struct verdict *verdict)
{
    if (original->period <= shard->cut_through) {
        refuse(verdict, ERROR_PERIOD_CLOSED, 2, CHECK_RANGE, original->period, shard->cut_through);
        return;
    }
    judge_sums_without(shard, original, verdict);
    if (original->kind == ENTRY_ADJUSTMENT) judge_uncovered(shard, original, verdict);
    if (!is_stood_on(shard, original->seq, mark)) return;
    int i = 0;
    while (i < AMOUNT_REFUNDABLE_COUNT - 1 && mark->changes[i] == 0)
        i++;
    refuse(verdict, ERROR_ALREADY_REVERSED, 2, CHECK_REFUND, mark->changes[i], 0);
}

void judge_correction(const struct shard *shard, const struct message *message, int64_t now_ms,
                      struct verdict *verdict)
{
    const struct correction *c = &message->correction;
    struct entry *entry = &verdict->entry;
    struct entry first;

    rules_check_correction(c, &verdict->failures);
    if (refused(verdict)) return;
    const uint16_t sender = judge_sender(message, c->sender_admdvs, 0, 46, verdict);
    if (refused(verdict)) return;

    if (find_msgid(shard, hash_msgid(shard, sender, c->msgid, c->psn_key), sender, c->msgid,
                   c->psn_key, &first)) {
        const bool same =
            first.kind == ENTRY_CORRECTION && bytes_equal(correction_of(&first).omsgid, c->omsgid);
        if (same) {
            answer_again(verdict, &first, first.orig_seq != 0 ? STATE_REVERSED : STATE_TOMBSTONE);
        } else {
            refuse(verdict, ERROR_MSGID_REUSED, 1, CHECK_NONE, 0, 0);
        }
        return;
    }
    entry->kind = ENTRY_CORRECTION;
    entry->body = message->body;
    entry->sender = sender;
    const uint64_t hash = hash_msgid(shard, sender, c->omsgid, c->psn_key);
    if (find_msgid(shard, hash, sender, c->omsgid, c->psn_key, &first)) {
        if (first.kind == ENTRY_CORRECTION) {
            refuse(verdict, ERROR_ORIGINAL_NOT_FOUND, 2, CHECK_NONE, 0, 0);
            return;
        }
        const struct mark mark = mark_of(shard, first.seq);
        if ((mark.flags & MARK_REVERSED) != 0) { /* Its last entry is the one that cancelled it. */
            struct entry cancelled;
            if (!entry_at(shard, mark.last_seq, &cancelled)) return;
            answer_again(verdict, &cancelled, STATE_REVERSED);
            return;
        }
        judge_taking_back(shard, &first, &mark, verdict);
        entry->orig_seq = first.seq;
        entry->prev_seq = first.seq;
        entry->period = first.period;
        entry->orig_period = first.orig_period;
        verdict->state = STATE_REVERSED;
        if (!refused(verdict) && is_record(&first)) {
            const struct settlement its = settlement_of(&first);
            if (its.amounts[AMOUNT_WLT] == 0) return;
            verdict->wallet = judge_inline_correction(shard, &its, &first, entry, c->msgid, 2,
                                                      &verdict->failures);
        }
        return;
    }
    if (find_tombstone(shard, hash, sender, c->omsgid, c->psn_key, now_ms, &first)) {
        answer_again(verdict, &first, STATE_TOMBSTONE); /* Corrected before, under another msgid. */
        return;
    }
    verdict->state = STATE_TOMBSTONE;
}
