/* shard_statement -- the one-bill statement (异地结算单) of a settlement: its figures, what the
 * wallet paid of it by province, and its chain of refunds, adjustments and corrections. Reads only:
 * it judges nothing, and prints nothing; tools/documents makes a paper of it. */
#include <stdlib.h>

#include "codec/messages.h"
#include "shard_asking.h"
#include "shard_history.h"
#include "types/ensure.h"

#define STEPS_MAX 256 /* Of a chain, as a statement lists them; the latest. */

struct statement_room {
    struct statement_step steps[STEPS_MAX]; /* Latest first while they are collected. */
    struct statement_lot lots[PROVINCE_COUNT];
    struct statement statement;
    char name[sizeof((struct institution *)0)->name];
    struct entry entry; /* The settlement. */
    struct settlement settlement;
    struct mark mark;
};

static void copy_id(struct bytes id, char out[CLIENT_NO_SIZE])
{
    const size_t size = id.size < CLIENT_NO_SIZE ? id.size : CLIENT_NO_SIZE - 1;
    memset(out, 0, CLIENT_NO_SIZE);
    if (size != 0) memcpy(out, id.data, size);
}

static struct statement_sums sums_of(const int64_t *amounts)
{
    return (struct statement_sums){
        .medfee = amounts[AMOUNT_MEDFEE],
        .fund = amounts[AMOUNT_FUND_SUM],
        .acct = amounts[AMOUNT_ACCT],
        .wlt = amounts[AMOUNT_WLT],
        .cash = amounts[AMOUNT_CASH],
    };
}

static struct statement_sums negative(struct statement_sums sums)
{
    return (struct statement_sums){-sums.medfee, -sums.fund, -sums.acct, -sums.wlt, -sums.cash};
}

static void add_sums(struct statement_sums *sums, const struct statement_sums *more)
{
    sums->medfee += more->medfee;
    sums->fund += more->fund;
    sums->acct += more->acct;
    sums->wlt += more->wlt;
    sums->cash += more->cash;
}

static struct statement_step *add_step(struct statement_room *room, const struct entry *entry,
                                       const char *what, struct bytes id)
{
    if (room->statement.step_count == STEPS_MAX) {
        room->statement.text = "the chain is longer: these are its latest steps";
        return NULL;
    }
    struct statement_step *step = &room->steps[room->statement.step_count++];
    *step = (struct statement_step){
        .seq = entry->seq, .what = what, .at_ms = entry->stamp_ms, .period = entry->period};
    copy_id(id, step->setl_id);
    return step;
}

/* The correction that took a record back, with what it took. */
static void add_correction(const struct asking *a, uint64_t taken_back, struct bytes id,
                           struct statement_sums sums, struct statement_room *room)
{
    const struct mark mark = mark_of(a->shard, taken_back);
    struct entry entry;
    if (!entry_at(a->shard, mark.last_seq, &entry)) return;
    ENSURE(entry.kind == ENTRY_CORRECTION);
    struct statement_step *step = add_step(room, &entry, "correction", id);
    if (step != NULL) step->sums = negative(sums);
}

/* A refund or adjustment; one that was taken back stands there with its correction. */
static void add_change(const struct asking *a, const struct entry *entry,
                       struct statement_room *room)
{
    struct bytes id;
    struct statement_sums sums;
    uint32_t field;
    const bool is_refund = entry->kind == ENTRY_REFUND;
    if (is_refund) {
        struct settlement s;
        ENSURE(settlement_decode(entry->body, &s, &field));
        sums = sums_of(s.amounts);
        id = s.setl_id;
    } else {
        struct adjustment adjustment;
        int64_t amounts[AMOUNT_COUNT];
        ENSURE(adjustment_decode(entry->body, &adjustment, &field));
        adjustment_amounts(&adjustment, amounts);
        sums = sums_of(amounts);
        id = adjustment.adj_no;
    }
    if (asking_taken_back(a, entry)) add_correction(a, entry->seq, id, sums, room);
    struct statement_step *step = add_step(room, entry, is_refund ? "refund" : "adjustment", id);
    if (step != NULL) step->sums = sums;
}

/* Everything that refers to the settlement, latest first. */
static void add_chain(const struct asking *a, struct statement_room *room)
{
    const uint64_t original = room->entry.seq;
    uint64_t seq = room->mark.last_seq;
    if ((room->mark.flags & MARK_REVERSED) != 0) {
        add_correction(a, original, room->settlement.setl_id, sums_of(room->settlement.amounts),
                       room);
        seq = 0; /* Nothing may stand beside a correction. */
    }
    while (seq != 0 && seq != original && room->statement.step_count < STEPS_MAX) {
        struct entry entry;
        if (!entry_at(a->shard, seq, &entry)) return;
        if (entry.kind == ENTRY_REFUND || entry.kind == ENTRY_ADJUSTMENT) {
            add_change(a, &entry, room);
        }
        seq = entry.prev_seq;
    }
    if (seq != 0 && seq != original) {
        room->statement.text = "the chain is longer: these are its latest steps";
    }
}

static void add_lot(struct statement_room *room, const struct lot *lot)
{
    struct statement *statement = &room->statement;
    const uint32_t province = lot->origin_admdvs / 10000;
    uint32_t i = 0;
    if (lot->amount == 0) return; /* It went back before the settlement came. */
    while (i < statement->lot_count && room->lots[i].province != province)
        i++;
    if (i == PROVINCE_COUNT) return; /* There are no more. */
    if (i == statement->lot_count) {
        statement->lot_count++;
        room->lots[i] = (struct statement_lot){.province = province};
    }
    room->lots[i].amount += lot->amount;
}

/* True when a refund of the same number stands in the chain: one taking back, sent twice. */
static bool is_refunds(const struct statement_room *room, const struct payment_reversal *reversal)
{
    for (uint32_t i = 0; i < room->statement.step_count; i++) {
        const struct statement_step *step = &room->steps[i];
        if (step->sums.wlt != 0 && strcmp(step->setl_id, reversal->number) == 0) return true;
    }
    return false;
}

/* What a message about the wallet alone moved: the wallet pays so much more, the person so much
 * less in cash. It stands in the statement's sums whether there is a place for the step or not. */
static void add_wallet_step(const struct asking *a, uint64_t seq, const char *what, const char *id,
                            uint32_t period, int64_t amount, struct statement_room *room)
{
    struct entry entry;
    room->statement.left.wlt += amount;
    room->statement.left.cash -= amount;
    if (!entry_at(a->shard, seq, &entry)) return;
    struct statement_step *step = add_step(room, &entry, what, bytes_of(id));
    if (step == NULL) return;
    step->sums = (struct statement_sums){.wlt = amount, .cash = -amount};
    step->period = period;
}

/* The wallet's part: what was paid by whose province, reversals that are not of a refund, and of a
 * payment beside the settlement what neither these nor the records say. So in the end the wallet
 * has paid what it has paid, whatever came first. */
static void add_wallet(const struct asking *a, struct statement_room *room)
{
    struct payment payment;
    if (!payment_of(a->shard, room->entry.seq, &room->settlement, &payment)) return;
    for (uint32_t i = 0; i < payment.used_count; i++)
        add_lot(room, &payment.used[i]);
    for (uint32_t i = 0; i < payment.reversal_count; i++) {
        const struct payment_reversal *reversal = &payment.reversals[i];
        if (is_refunds(room, reversal)) continue;
        add_wallet_step(a, reversal->seq, "wallet", reversal->number, reversal->period,
                        -reversal->amount, room);
    }
    const int64_t unsaid = payment.left - room->statement.left.wlt;
    if (unsaid != 0) {
        add_wallet_step(a, payment.seq, "payment", payment.id, payment.period, unsaid, room);
    }
}

/* Oldest first. */
static void order_steps(struct statement_room *room)
{
    struct statement_step *steps = room->steps;
    for (uint32_t i = 1; i < room->statement.step_count; i++) {
        const struct statement_step step = steps[i];
        uint32_t place = i;
        for (; place > 0 && steps[place - 1].seq > step.seq; place--)
            steps[place] = steps[place - 1];
        steps[place] = step;
    }
}

static const char *state_of(const struct asking *a, const struct statement_room *room)
{
    if ((room->mark.flags & MARK_REVERSED) != 0) return "REVERSED";
    const struct posting posting = posting_of(&room->entry, &room->settlement);
    const struct cell *cell = book_find(a->shard->book, posting.key);
    return cell != NULL && cell->cut != 0 ? "CLEARING" : "ACCRUED";
}

static void fill_statement(const struct asking *a, struct statement_room *room)
{
    struct statement *statement = &room->statement;
    struct institution institution;
    room->mark = mark_of(a->shard, room->entry.seq);
    *statement = (struct statement){
        .settlement = room->entry.body,
        .state = state_of(a, room),
        .period = room->entry.period,
        .posted_ms = room->entry.stamp_ms,
        .lots = room->lots,
        .steps = room->steps,
    };
    if (institution_load(a->shard, room->settlement.fixmedins_code, &institution)) {
        memcpy(room->name, institution.name, sizeof room->name);
        statement->name = room->name;
    }
    if ((room->mark.flags & MARK_REVERSED) == 0) {
        const struct statement_sums changes = sums_of(room->mark.changes);
        statement->left = sums_of(room->settlement.amounts);
        add_sums(&statement->left, &changes);
    }
    add_chain(a, room);
    add_wallet(a, room);
    order_steps(room);
}

/* Makes the settlement the refund's original, of which it is a part. False: it cannot be read. */
static bool go_to_original(const struct asking *a, struct statement_room *room)
{
    uint32_t field;
    if (room->entry.kind != ENTRY_REFUND) return true;
    if (!entry_at(a->shard, room->entry.orig_seq, &room->entry)) return false;
    ENSURE(settlement_decode(room->entry.body, &room->settlement, &field));
    return true;
}

/* The person's settlement with that id; a province that has a part in it need not say whose it is.
 * A refund's id leads to its original. An error code. What is another person's is not found: that
 * person may be at home in another shard, and nobody is to learn which ids there are. */
static uint32_t find_settlement(const struct asking *a, struct statement_room *room)
{
    const struct person_question *q = a->question;
    const struct bytes setl_id = bytes_of(q->setl_id);
    struct lookup lookup;
    uint32_t field;
    uint32_t code = ERROR_NOT_FOUND;

    lookup_begin(a->shard, hash_setl_id(a->shard, q->area, setl_id), &lookup);
    while (lookup_next(a->shard, &lookup, &room->entry)) {
        if (room->entry.kind != ENTRY_SETTLEMENT && room->entry.kind != ENTRY_REFUND) continue;
        ENSURE(settlement_decode(room->entry.body, &room->settlement, &field));
        if (room->settlement.insu_admdvs != q->area ||
            !bytes_equal(room->settlement.setl_id, setl_id)) {
            continue;
        }
        if (q->has_key && !bytes_equal(room->settlement.psn_key, asking_key(a))) continue;
        if (!go_to_original(a, room)) break;
        if (asking_sees(a, room->settlement.insu_admdvs) ||
            asking_sees(a, room->settlement.mdtrtarea_admvs)) {
            return ERROR_OK;
        }
        code = ERROR_NOT_PERMITTED;
    }
    return code;
}

uint32_t answer_statement(const struct asking *a)
{
    if (!a->question->has_key && a->province == 0) {
        return asking_refuse(a, ERROR_MALFORMED, "psn_key: 16 bytes are needed");
    }
    struct statement_room *room = malloc(sizeof *room);
    if (room == NULL) return ERROR_OVERLOAD;
    uint32_t code = find_settlement(a, room);
    if (code != ERROR_OK) {
        code = asking_refuse(a, code, NULL);
    } else {
        size_t size;
        fill_statement(a, room);
        uint8_t *data = statement_reply_encode(&room->statement, &size);
        code = asking_give(a, data, size);
    }
    free(room);
    return code;
}
