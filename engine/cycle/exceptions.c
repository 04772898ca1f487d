/* exceptions -- single records that differ from their cell, and where their money stands.
 *
 * Before the handover an exception is flags only: its money is in its cell, in the shards. At the
 * handover or later it is carved out and goes on alone; from then on a change of its flags moves
 * its money between the accounts of the cycle's book (docs/rules.md, Exceptions). Must not know
 * which order asks for the change. */
#include "cycle/cycle_internal.h"

struct cell_key record_cell(const struct record_facts *record)
{
    return (struct cell_key){
        .period = record->period,
        .payer = record->payer,
        .payee = record->payee,
        .line = record->line,
        .insurance = record->insurance,
    };
}

enum cycle_account account_of(const struct exception_row *exception)
{
    const uint32_t flags = exception->flags;
    if ((flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) return CYCLE_COST;
    if ((flags & (EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE)) != 0) return CYCLE_MISMATCHED;
    if ((flags & EXCEPTION_DISPUTED) != 0) return CYCLE_DISPUTED;
    if ((flags & EXCEPTION_HELD) != 0) return CYCLE_HELD;
    return CYCLE_CONFIRMED;
}

void exception_money(const struct exception_row *exception, int64_t ret_funds[FUND_COUNT])
{
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        ret_funds[fund] = exception->record.funds[fund];
        if (exception->deduct_posted) ret_funds[fund] -= exception->deducted[fund];
    }
}

static const struct frozen_row *frozen_of(const struct cycle *cycle,
                                          const struct exception_row *exception)
{
    const struct cell_key key = record_cell(&exception->record);
    return cycle_find(cycle, ROW_FROZEN, &key);
}

const struct batch_row *batch_of_record(const struct cycle *cycle,
                                        const struct exception_row *exception)
{
    uint32_t id = exception->batch;
    /* Its cell went on without it. */
    if ((exception->flags & EXCEPTION_REVERSED) != 0 ||
        (exception->record.flags & RECORD_REVERSED) != 0) {
        return NULL;
    }
    if (id == 0 && !exception->carved) {
        const struct frozen_row *frozen = frozen_of(cycle, exception);
        if (frozen != NULL) id = frozen->batch;
    }
    const struct batch_row *batch = cycle_batch_by_id(cycle, id);
    return batch == NULL || batch->state == BATCH_ABORTED ? NULL : batch;
}

bool must_have_number(struct judgement *j)
{
    const size_t size = strnlen(j->order->number, sizeof j->order->number);
    if (size != 0 && size < MSGID_SIZE) return true;
    return refuse(j, ERROR_MALFORMED, "a number has 1 to %d bytes", MSGID_SIZE - 1);
}

bool deduction_known(uint32_t det_type)
{
    return det_type == 10 || det_type == 20 || det_type == 30 || det_type == 40 || det_type == 99;
}

void split_deduction(const int64_t funds[FUND_COUNT], int64_t amount, int64_t ret_split[FUND_COUNT])
{
    static const enum fund order[FUND_COUNT] = {
        FUND_POOL, FUND_SUPPLEMENT, FUND_ASSISTANCE, FUND_OTHER, FUND_ACCOUNT,
    };
    for (int i = 0; i < FUND_COUNT; i++) {
        const int64_t there = funds[order[i]] > 0 ? funds[order[i]] : 0;
        const int64_t taken = amount < there ? amount : there;
        ret_split[order[i]] = taken;
        amount -= taken;
    }
}

/* Moves the money of a record that goes on alone; what a newly posted deduction takes off goes back
 * to the cost. */
static void move_money(struct judgement *j, const struct exception_row *before,
                       const struct exception_row *after, enum cycle_account from)
{
    const struct record_facts *record = &after->record;
    int64_t rest[FUND_COUNT];
    int64_t off[FUND_COUNT];
    exception_money(before, off);
    exception_money(after, rest);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        off[fund] -= rest[fund];
    post_funds(j, record->payer, record->payee, from, account_of(after), rest, 0, record->period);
    post_funds(j, record->payer, record->payee, from, CYCLE_COST, off, 0, record->period);
}

bool change_exception(struct judgement *j, struct exception_row *after)
{
    const struct exception_row before = exception_of(j->cycle, &after->record);
    const bool blocked = (after->flags & EXCEPTION_BLOCKING) != 0;
    const bool gone = (before.flags & EXCEPTION_REVERSED) != 0;
    if (after->flags != before.flags) after->since_ms = j->now_ms;

    const struct batch_row *batch = batch_of_record(j->cycle, &before);
    if (gone) {
        /* Its money is nowhere any more: its flags are all that can change. */
    } else if (batch != NULL) {
        if (blocked && batch->state >= BATCH_NOTICED) {
            char name[NUMBER_SIZE];
            batch_name(batch, name);
            return refuse(j, ERROR_WRONG_STATE, "%06u %s is in batch %s, which has its notices",
                          after->ref.insu_admdvs, after->ref.setl_id, name);
        }
        if (blocked) take_out_of_batch(j, batch, after, account_of(after));
    } else if (before.carved) {
        move_money(j, &before, after, account_of(&before));
    } else if (blocked) {
        const struct frozen_row *frozen = frozen_of(j->cycle, &before);
        if (frozen != NULL) {
            after->carved = 1;
            move_money(j, &before, after, (enum cycle_account)frozen->account);
        }
    }
    decision_put(j->decision, ROW_EXCEPTION, after);
    return true;
}
