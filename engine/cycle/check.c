/* check -- the whole state of the cycle against the promises (docs/rules.md, Invariants).
 *
 * What every account should hold is added up anew from the rows and compared with what the postings
 * have left there; lines are made again from cells and records. It shares no sums with the
 * chapters. One pass over every kind of row: it may run after each step of a test. */
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "netting/netting.h"
#include "types/ensure.h"

/* Of a handed-over cell: sums over its exceptions. */
struct cell_sums {
    uint64_t count; /* Carved out: */
    uint64_t checksum;
    int64_t medfee;
    int64_t carved[FUND_COUNT];
    int64_t deducted[FUND_COUNT]; /* Still in the cell: all, */
    int64_t posted[FUND_COUNT];   /* posted. */
    bool seen;                    /* It has its line. */
};

struct audit {
    const struct cycle *cycle;
    struct cell_sums *cells; /* By number of the frozen row. */
    uint8_t *records_seen;   /* By number of the exception row. */
    /* What the accounts should hold, debit positive. Of notices that are paid in full amounts DUE,
     * TRANSIT and SETTLED are known as sums over the funds only (`paid`, by account), and fund by
     * fund as the four together (`noticed`). */
    int64_t expected[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT][CYCLE_ACCOUNT_COUNT];
    int64_t noticed[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT];
    int64_t paid[PROVINCE_COUNT][PROVINCE_COUNT][CYCLE_ACCOUNT_COUNT];
    int64_t prefund[PROVINCE_COUNT][PROVINCE_COUNT]; /* What settled notices have brought, */
    int64_t pending[PROVINCE_COUNT][PROVINCE_COUNT]; /* and what the others will. */
};

/* Sums of damaged rows may leave 64 bits: they wrap, and differ. */
static void add(int64_t *sum, int64_t amount)
{
    (void)__builtin_add_overflow(*sum, amount, sum);
}

static void take(int64_t *sum, int64_t amount)
{
    (void)__builtin_sub_overflow(*sum, amount, sum);
}

static void add_funds(int64_t sum[FUND_COUNT], const int64_t funds[FUND_COUNT])
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        add(&sum[fund], funds[fund]);
}

static void take_funds(int64_t sum[FUND_COUNT], const int64_t funds[FUND_COUNT])
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        take(&sum[fund], funds[fund]);
}

static void expect(struct audit *audit, uint8_t payer, uint8_t payee, enum cycle_account account,
                   const int64_t funds[FUND_COUNT], int sign)
{
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        int64_t *sum = &audit->expected[payer][payee][fund][account];
        if (sign < 0) {
            take(sum, funds[fund]);
        } else {
            add(sum, funds[fund]);
        }
    }
}

static bool pair_fits(uint8_t payer, uint8_t payee)
{
    return payer < PROVINCE_COUNT && payee < PROVINCE_COUNT && payer != payee;
}

/* -- exceptions and cells -----------------------------------------------------------------------
 */

static bool is_live(const struct cycle *cycle, uint32_t id)
{
    const struct batch_row *batch = cycle_batch_by_id(cycle, id);
    return batch != NULL && batch->state != BATCH_ABORTED;
}

static struct cell_sums *sums_of(struct audit *audit, const struct exception_row *exception)
{
    const struct cell_key key = record_cell(&exception->record);
    const struct frozen_row *frozen = cycle_find(audit->cycle, ROW_FROZEN, &key);
    if (frozen == NULL) return NULL;
    return &audit
                ->cells[frozen - (const struct frozen_row *)cycle_row(audit->cycle, ROW_FROZEN, 0)];
}

static bool deduction_fits(const struct exception_row *exception)
{
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        const int64_t off = exception->deducted[fund];
        if (off != 0 && (off < 0 || off > exception->record.funds[fund])) return false;
    }
    return true;
}

static const char *check_exception(struct audit *audit, const struct exception_row *exception)
{
    const struct record_facts *record = &exception->record;
    const bool blocking = (exception->flags & EXCEPTION_BLOCKING) != 0;
    const bool is_void = (exception->flags & EXCEPTION_VOID) != 0;
    struct cell_sums *sums = sums_of(audit, exception);
    int64_t money[FUND_COUNT];

    if (!pair_fits(record->payer, record->payee)) return "4: a record without a pair";
    if (!deduction_fits(exception)) return "10: a deduction is not within its record's amount";
    if (exception->batch != 0) {
        if (!exception->carved || blocking) return "7: an open record is in a batch";
        if (!is_live(audit->cycle, exception->batch))
            return "7: a record is in a batch that is not there";
    }
    if (sums == NULL) {
        return exception->carved || exception->deduct_posted
                   ? "4: a record has left a cell that was not handed over"
                   : NULL;
    }
    if ((exception->flags & EXCEPTION_REVERSED) != 0)
        return exception->carved ? "4: a record taken back has left its cell" : NULL;
    exception_money(exception, money);
    if (exception->carved) {
        sums->count++;
        sums->checksum += record->content_hash;
        add(&sums->medfee, record->medfee);
        add_funds(sums->carved, record->funds);
        if (exception->batch == 0 && !is_void)
            expect(audit, record->payer, record->payee, account_of(exception), money, -1);
    } else if (blocking) {
        return "7: an open record is still in its cell";
    } else {
        add_funds(sums->deducted, exception->deducted);
        if (exception->deduct_posted) add_funds(sums->posted, exception->deducted);
    }
    /* What a void record was to cost has gone back whole. */
    if (is_void) {
        expect(audit, record->payer, record->payee, CYCLE_COST, record->funds, -1);
    } else if (exception->deduct_posted) {
        expect(audit, record->payer, record->payee, CYCLE_COST, exception->deducted, -1);
    }
    return NULL;
}

static const char *check_exceptions(struct audit *audit)
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < cycle_count(audit->cycle, ROW_EXCEPTION) && broken == NULL; i++)
        broken = check_exception(audit, cycle_row(audit->cycle, ROW_EXCEPTION, i));
    return broken;
}

static const char *check_frozen(struct audit *audit)
{
    for (uint32_t i = 0; i < cycle_count(audit->cycle, ROW_FROZEN); i++) {
        const struct frozen_row *row = cycle_row(audit->cycle, ROW_FROZEN, i);
        const struct cell_sums *sums = &audit->cells[i];
        int64_t rest[FUND_COUNT];

        if (!pair_fits(row->cell.payer, row->cell.payee)) return "4: a cell without a pair";
        if (sums->count > row->count) return "4: a cell has more exceptions than records";
        expect(audit, row->cell.payer, row->cell.payee, CYCLE_COST, row->funds, 1);
        if (row->batch != 0) {
            if (!is_live(audit->cycle, row->batch))
                return "7: a cell is in a batch that is not there";
            continue;
        }
        if (row->account != CYCLE_ACCRUED && row->account != CYCLE_RECONCILED &&
            row->account != CYCLE_CONFIRMED) {
            return "7: a cell waits where no cell waits";
        }
        memcpy(rest, row->funds, sizeof rest);
        take_funds(rest, sums->carved);
        take_funds(rest, sums->posted);
        expect(audit, row->cell.payer, row->cell.payee, (enum cycle_account)row->account, rest, -1);
    }
    return NULL;
}

/* -- batches ------------------------------------------------------------------------------------
 */

static const char *check_cell_line(struct audit *audit, const struct batch_row *batch,
                                   const struct line_row *line)
{
    const struct frozen_row *frozen = cycle_find(audit->cycle, ROW_FROZEN, &line->cell);
    int64_t funds[FUND_COUNT];

    if (frozen == NULL) return "4: a line of a cell that was not handed over";
    if (frozen->batch != batch->id)
        return line_is_empty(line) ? NULL : "7: a line of a cell that is in another batch";
    struct cell_sums *sums =
        &audit->cells[frozen - (const struct frozen_row *)cycle_row(audit->cycle, ROW_FROZEN, 0)];
    if (sums->seen) return "7: a cell is in a batch twice";
    sums->seen = true;
    if ((line->kind == LINE_OF_CELL) != (line->cell.period == batch->period))
        return "4: a line's kind does not fit its month";
    if (line->count != frozen->count - sums->count ||
        line->checksum != frozen->checksum - sums->checksum ||
        (uint64_t)line->medfee != (uint64_t)frozen->medfee - (uint64_t)sums->medfee) {
        return "4: a line's count, checksum or medfee is not its cell's";
    }
    memcpy(funds, frozen->funds, sizeof funds);
    take_funds(funds, sums->carved);
    take_funds(funds, sums->deducted);
    if (memcmp(funds, line->funds, sizeof funds) != 0 ||
        line->deducted != funds_sum(sums->deducted)) {
        return "4: a line's amount is not its cell's less what was taken off";
    }
    return NULL;
}

static const char *check_record_line(struct audit *audit, const struct batch_row *batch,
                                     const struct line_row *line)
{
    const struct exception_row key = {.ref = line->ref};
    const struct exception_row *exception = cycle_find(audit->cycle, ROW_EXCEPTION, &key);
    int64_t funds[FUND_COUNT];

    if (exception == NULL) return "4: a line of a record that is not there";
    if (exception->batch != batch->id)
        return line_is_empty(line) ? NULL : "7: a line of a record that is in another batch";
    uint8_t *seen = &audit->records_seen[exception - (const struct exception_row *)cycle_row(
                                                         audit->cycle, ROW_EXCEPTION, 0)];
    if (*seen) return "7: a record is in a batch twice";
    *seen = 1;
    const struct cell_key cell = record_cell(&exception->record);
    memcpy(funds, exception->record.funds, sizeof funds);
    take_funds(funds, exception->deducted);
    if (memcmp(&cell, &line->cell, sizeof cell) != 0 || line->count != 1 ||
        line->checksum != exception->record.content_hash ||
        line->medfee != exception->record.medfee || memcmp(funds, line->funds, sizeof funds) != 0 ||
        line->deducted != funds_sum(exception->deducted)) {
        return "4: a line is not its record less what was taken off";
    }
    return NULL;
}

typedef int64_t pair_funds[PROVINCE_COUNT][PROVINCE_COUNT][FUND_COUNT];

/* Recoveries and negative totals have no name in their lines: all of a pair together. */
static const char *check_other_lines(const struct audit *audit, const struct batch_row *batch,
                                     pair_funds recovered, pair_funds carried)
{
    const struct cycle *cycle = audit->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        const struct recovery_row *row = cycle_row(cycle, ROW_RECOVERY, i);
        if (row->batch == batch->id)
            add_funds(recovered[row->cell.payer][row->cell.payee], row->funds);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_CARRY); i++) {
        const struct carry_row *row = cycle_row(cycle, ROW_CARRY, i);
        if (row->into == batch->id) take_funds(carried[row->payer][row->payee], row->funds);
    }
    for (int payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (int payee = 0; payee < PROVINCE_COUNT; payee++) {
            for (int fund = 0; fund < FUND_COUNT; fund++) {
                if (recovered[payer][payee][fund] != 0)
                    return "4: the recoveries of a batch are not its lines";
                if (carried[payer][payee][fund] != 0)
                    return "4: the negative totals of a batch are not its lines";
            }
        }
    }
    return NULL;
}

static const char *check_lines(struct audit *audit, const struct batch_row *batch)
{
    struct line_walk walk = {.cycle = audit->cycle, .batch = batch->id, .version = batch->version};
    const struct line_row *line;
    const char *broken = NULL;
    pair_funds *others = calloc(2, sizeof *others);
    NEED_MEMORY(others);
    while (broken == NULL && (line = line_next(&walk)) != NULL) {
        if (!pair_fits(line->cell.payer, line->cell.payee)) {
            broken = "4: a line without a pair";
        } else if (line->kind == LINE_OF_CELL || line->kind == LINE_CARRIED_CELL) {
            broken = check_cell_line(audit, batch, line);
        } else if (line->kind == LINE_CARRIED_RECORD) {
            broken = check_record_line(audit, batch, line);
        } else {
            if (line->count != 0) broken = "4: a line without records counts some";
            add_funds(others[line->kind != LINE_RECOVERY][line->cell.payer][line->cell.payee],
                      line->funds);
        }
    }
    if (broken == NULL) broken = check_other_lines(audit, batch, others[0], others[1]);
    free(others);
    return broken;
}

/* Netting's own promises under the numbers of this project. */
static const char *numbered(const char *broken)
{
    if (broken == NULL) return NULL;
    if (strncmp(broken, "N1", 2) == 0) return "5: the net positions of a batch do not sum to zero";
    if (strncmp(broken, "N2", 2) == 0) return "6: a province's result differs between the modes";
    if (strncmp(broken, "N3", 2) == 0)
        return "15: what is payable in a batch is not what is receivable";
    return "14: a sum of a batch does not fit";
}

static const char *check_computed(const struct audit *audit, const struct batch_row *batch,
                                  const struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    struct batch_row again = *batch;
    const char *broken = numbered(batch_net(&again, totals));
    if (broken != NULL) return broken;
    if (again.count != batch->count || again.gross != batch->gross ||
        again.bilateral != batch->bilateral || again.multilateral != batch->multilateral) {
        return "4: the totals of a batch are not those of its lines";
    }
    batch_digest(audit->cycle, batch, batch->version, again.digest);
    if (memcmp(again.digest, batch->digest, sizeof again.digest) != 0)
        return "4: the digest of a batch is not that of its lines";
    return NULL;
}

static const char *check_state(const struct audit *audit, const struct batch_row *batch)
{
    if (batch->state < BATCH_CUT || batch->state > BATCH_ABORTED)
        return "7: a batch in a state that there is not";
    if (batch->version < 1 || batch->published_version > batch->version)
        return "7: a batch has published a version it has not got";
    if (batch->state >= BATCH_PUBLISHED && batch->state < BATCH_ABORTED &&
        batch->published_version == 0)
        return "7: a batch went on without being published";
    if (batch->state < BATCH_SIGNED || batch->state == BATCH_ABORTED) return NULL;
    if (batch->stale || batch->published_version != batch->version)
        return "7: a signed batch has changed";
    const uint32_t provinces = batch_provinces(audit->cycle, batch, batch->version);
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        const struct sign_row key = {.batch = batch->id, .province = province};
        const struct sign_row *sign = cycle_find(audit->cycle, ROW_SIGN, &key);
        if ((provinces >> province & 1) != 0 &&
            (sign == NULL || (sign->state != SIGN_SIGNED && sign->state != SIGN_SILENT)))
            return "7: a batch is signed without one of its provinces";
    }
    return NULL;
}

/* -- notices ------------------------------------------------------------------------------------
 */

/* A bilateral pair is final with its notice; where nobody pays, at once. */
static bool pair_is_final(const struct cycle *cycle, const struct batch_row *batch, uint8_t a,
                          uint8_t b)
{
    if (batch->mode != NETTING_BILATERAL) return batch->state >= BATCH_SETTLED;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(cycle, ROW_NOTICE, i);
        if (notice->batch != batch->id || notice->state == NOTICE_CANCELLED) continue;
        if ((notice->payer == a && notice->payee == b) ||
            (notice->payer == b && notice->payee == a))
            return notice->state == NOTICE_SETTLED;
    }
    return true;
}

/* Where the money of a batch with notices stands. */
static void expect_noticed(struct audit *audit, const struct batch_row *batch,
                           const struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT])
{
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            const int64_t *funds = totals[payer][payee].funds;
            const struct carry_row key = {.batch = batch->id, .payer = payer, .payee = payee};
            bool any = false;
            for (int fund = 0; fund < FUND_COUNT; fund++)
                any |= funds[fund] != 0;
            /* A negative total that was carried has left the batch. */
            if (!any || cycle_find(audit->cycle, ROW_CARRY, &key) != NULL) continue;
            take_funds(audit->noticed[payer][payee], funds);
            if (batch->mode == NETTING_GROSS) {
                /* All of it due; what was paid is taken from there. */
                take(&audit->paid[payer][payee][funds_sum(funds) != 0 ? CYCLE_DUE : CYCLE_SETTLED],
                     funds_sum(funds));
            } else if (pair_is_final(audit->cycle, batch, payer, payee)) {
                take(&audit->paid[payer][payee][CYCLE_SETTLED], funds_sum(funds));
            } else {
                expect(audit, payer, payee, CYCLE_NETTED, funds, -1);
            }
        }
    }
}

/* A settled change is in the deposit; the others are due or on their way. */
static void expect_prefund(struct audit *audit, const struct notice_row *notice, bool back)
{
    const uint8_t payer = back ? notice->payee : notice->payer;
    const uint8_t payee = back ? notice->payer : notice->payee;
    const int sign = back ? -1 : 1;
    int64_t *accounts = audit->expected[payer][payee][FUND_POOL];
    if (notice->state == NOTICE_SETTLED) {
        add(&audit->prefund[payer][payee], sign * notice->amount);
        return;
    }
    add(&audit->pending[payer][payee], sign * notice->amount);
    add(&accounts[CYCLE_PREFUND_DUE], sign * (notice->amount - notice->reported));
    add(&accounts[CYCLE_PREFUND_TRANSIT], sign * notice->reported);
}

static const char *check_notice(struct audit *audit, const struct notice_row *notice)
{
    const bool reverse = notice->kind == NOTICE_REVERSE;
    const uint8_t payer = reverse ? notice->payee : notice->payer;
    const uint8_t payee = reverse ? notice->payer : notice->payee;
    const int sign = reverse ? -1 : 1;

    if (notice->state == NOTICE_CANCELLED) return NULL;
    if (notice->received < 0 || notice->reported < notice->received ||
        notice->amount < notice->reported)
        return "4: a notice is paid beyond its amount";
    if (is_prefund(notice)) {
        const bool back = notice->new_amount < notice->old_amount;
        if (!pair_fits(notice->payer, notice->payee)) return "11: a prefund without a pair";
        expect_prefund(audit, notice, back);
        return NULL;
    }
    if (!is_live(audit->cycle, notice->batch)) return "7: a notice of a batch that is not there";
    if (notice->mode != NETTING_GROSS) return NULL;
    if (!pair_fits(payer, payee)) return "4: a notice without a pair";
    add(&audit->paid[payer][payee][CYCLE_DUE], sign * notice->reported);
    take(&audit->paid[payer][payee][CYCLE_TRANSIT], sign * (notice->reported - notice->received));
    take(&audit->paid[payer][payee][CYCLE_SETTLED], sign * notice->received);
    return NULL;
}

/* Payments of all notices against what the notices say; `reported` and `received` are sums by
 * notice id. */
static const char *check_payments(const struct audit *audit)
{
    const struct cycle *cycle = audit->cycle;
    const uint32_t count = cycle_count(cycle, ROW_NOTICE);
    int64_t *sums = calloc(2 * (size_t)count + 1, sizeof *sums);
    const char *broken = NULL;
    NEED_MEMORY(sums);
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_PAYMENT) && broken == NULL; i++) {
        const struct payment_row *payment = cycle_row(cycle, ROW_PAYMENT, i);
        const struct notice_row *notice = cycle_find(cycle, ROW_NOTICE, payment->number);
        if (notice == NULL) {
            broken = "4: a payment of no notice";
        } else if (payment->state != PAYMENT_REJECTED) {
            const size_t number =
                (size_t)(notice - (const struct notice_row *)cycle_row(cycle, ROW_NOTICE, 0));
            add(&sums[2 * number], payment->amount);
            if (payment->state == PAYMENT_RECEIVED) add(&sums[2 * number + 1], payment->amount);
        }
    }
    for (uint32_t i = 0; i < count && broken == NULL; i++) {
        const struct notice_row *notice = cycle_row(cycle, ROW_NOTICE, i);
        /* A deposit from before the engine has no payments. */
        if (notice->kind == NOTICE_PREFUND_OPENING) continue;
        if (sums[2 * (size_t)i] != notice->reported || sums[2 * (size_t)i + 1] != notice->received)
            broken = "4: a notice's sums are not its payments";
    }
    free(sums);
    return broken;
}

static const char *check_notices(struct audit *audit)
{
    const char *broken = NULL;
    for (uint32_t i = 0; i < cycle_count(audit->cycle, ROW_NOTICE) && broken == NULL; i++)
        broken = check_notice(audit, cycle_row(audit->cycle, ROW_NOTICE, i));
    return broken != NULL ? broken : check_payments(audit);
}

static const char *check_batch(struct audit *audit, const struct batch_row *batch)
{
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    const char *broken = check_state(audit, batch);
    if (broken != NULL || batch->state == BATCH_ABORTED) return broken;
    broken = check_lines(audit, batch);
    if (broken != NULL) return broken;
    batch_totals(audit->cycle, batch, batch->version, totals);
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            const struct pair_total kept = batch_pair_total(audit->cycle, batch->id, payer, payee);
            if (memcmp(&kept, &totals[payer][payee], sizeof kept) != 0)
                return "4: the kept total of a pair is not that of its lines";
        }
    }
    if (batch->state != BATCH_CUT && !batch->stale) broken = check_computed(audit, batch, totals);
    if (batch->state >= BATCH_NOTICED) {
        expect_noticed(audit, batch, totals);
        return broken;
    }
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++)
            expect(audit, payer, payee, CYCLE_CLEARING, totals[payer][payee].funds, -1);
    }
    return broken;
}

static const char *check_batches(struct audit *audit)
{
    const struct cycle *cycle = audit->cycle;
    const char *broken = NULL;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_BATCH) && broken == NULL; i++) {
        const struct batch_row *batch = cycle_row(cycle, ROW_BATCH, i);
        if (batch->id != i + 1) return "7: the numbers of the batches are not dense";
        if (cycle_batch(cycle, batch->period) != batch && batch->state != BATCH_ABORTED)
            return "7: a month has two batches";
        broken = check_batch(audit, batch);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN) && broken == NULL; i++) {
        const struct frozen_row *row = cycle_row(cycle, ROW_FROZEN, i);
        if (row->batch != 0 && !audit->cells[i].seen) broken = "4: a cell of a batch has no line";
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION) && broken == NULL; i++) {
        const struct exception_row *row = cycle_row(cycle, ROW_EXCEPTION, i);
        if (row->batch != 0 && !audit->records_seen[i])
            broken = "4: a record of a batch has no line";
    }
    return broken;
}

/* -- recoveries, negative totals, prefunds ------------------------------------------------------
 */

static const char *check_recoveries(struct audit *audit)
{
    const struct cycle *cycle = audit->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        const struct recovery_row *row = cycle_row(cycle, ROW_RECOVERY, i);
        if (!pair_fits(row->cell.payer, row->cell.payee)) return "4: a recovery without a pair";
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            if (row->funds[fund] < 0) return "10: a recovery below zero";
        }
        if (row->batch != 0 && !is_live(cycle, row->batch))
            return "7: a recovery is in a batch that is not there";
        expect(audit, row->cell.payer, row->cell.payee, CYCLE_COST, row->funds, -1);
        if (row->batch == 0)
            expect(audit, row->cell.payer, row->cell.payee, CYCLE_CONFIRMED, row->funds, 1);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_CARRY); i++) {
        const struct carry_row *row = cycle_row(cycle, ROW_CARRY, i);
        if (!pair_fits(row->payer, row->payee)) return "4: a negative total without a pair";
        if (row->into != 0 && !is_live(cycle, row->into))
            return "7: a negative total is in a batch that is not there";
        if (row->into == 0) expect(audit, row->payer, row->payee, CYCLE_CONFIRMED, row->funds, -1);
    }
    return NULL;
}

static const char *check_prefunds(struct audit *audit)
{
    const struct cycle *cycle = audit->cycle;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_PREFUND); i++) {
        const struct prefund_row *row = cycle_row(cycle, ROW_PREFUND, i);
        if (!pair_fits(row->payer, row->payee)) return "11: a prefund without a pair";
        if (row->amount < 0) return "11: a prefund is below zero";
        int64_t *brought = &audit->prefund[row->payer][row->payee];
        int64_t *pending = &audit->pending[row->payer][row->payee];
        if (row->amount != *brought) return "11: a prefund is not what its notices have brought";
        if (row->pending != *pending) return "11: what is pending of a prefund is not its notices";
        *brought = 0;
        *pending = 0;
        int64_t *accounts = audit->expected[row->payer][row->payee][FUND_POOL];
        add(&accounts[CYCLE_PREFUND], row->amount);
        take(&accounts[CYCLE_PREFUND_CONTRA], row->amount);
        take(&accounts[CYCLE_PREFUND_CONTRA], row->pending);
    }
    for (int payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (int payee = 0; payee < PROVINCE_COUNT; payee++) {
            if (audit->prefund[payer][payee] != 0 || audit->pending[payer][payee] != 0)
                return "11: notices change a prefund that is not there";
        }
    }
    return NULL;
}

/* -- the book -----------------------------------------------------------------------------------
 */

static const char *const account_breaks[CYCLE_ACCOUNT_COUNT] = {
    [CYCLE_COST] = "3: COST is not what was handed over less what was taken off",
    [CYCLE_ACCRUED] = "3: ACCRUED is not what waits for reconciliation",
    [CYCLE_MISMATCHED] = "3: MISMATCHED is not the sum of its records",
    [CYCLE_RECONCILED] = "3: RECONCILED is not what waits for confirmation",
    [CYCLE_HELD] = "3: HELD is not the sum of its records",
    [CYCLE_DISPUTED] = "3: DISPUTED is not the sum of its records",
    [CYCLE_CONFIRMED] = "3: CONFIRMED is not what waits for a batch",
    [CYCLE_CLEARING] = "3: CLEARING is not what the batches before their notices clear",
    [CYCLE_DUE] = "3: DUE is not what is still to be paid",
    [CYCLE_NETTED] = "3: NETTED is not what waits for the net payments",
    [CYCLE_TRANSIT] = "3: TRANSIT is not what is paid and not received",
    [CYCLE_SETTLED] = "3: SETTLED is not what is final",
    [CYCLE_PREFUND_DUE] = "11: PREFUND_DUE is not what is still to be paid",
    [CYCLE_PREFUND_TRANSIT] = "11: PREFUND_TRANSIT is not what is paid and not settled",
    [CYCLE_PREFUND] = "11: PREFUND is not the deposit",
    [CYCLE_PREFUND_CONTRA] = "11: PREFUND_CONTRA is not the deposit and what is pending",
};

static bool is_payment_account(int account)
{
    return account == CYCLE_DUE || account == CYCLE_TRANSIT || account == CYCLE_SETTLED;
}

/* One pair. DUE, TRANSIT and SETTLED by their sums over the funds; with NETTED fund by fund. */
static const char *check_pair(const struct audit *audit, uint8_t payer, uint8_t payee)
{
    int64_t paid[CYCLE_ACCOUNT_COUNT] = {0};
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        const int64_t *balance = audit->cycle->balance[payer][payee][fund];
        int64_t main_sum = 0;
        int64_t prefund_sum = 0;
        int64_t noticed = 0;
        for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
            add(account < CYCLE_PREFUND_DUE ? &main_sum : &prefund_sum, balance[account]);
            if (is_payment_account(account) || account == CYCLE_NETTED)
                add(&noticed, balance[account]);
            if (is_payment_account(account)) add(&paid[account], balance[account]);
        }
        if (main_sum != 0) return "3: the accounts of a pair do not sum to zero";
        if (prefund_sum != 0) return "3: the accounts of a prefund do not sum to zero";
        for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
            if (is_payment_account(account)) continue;
            if (balance[account] != audit->expected[payer][payee][fund][account])
                return account_breaks[account];
        }
        if (noticed != audit->noticed[payer][payee][fund])
            return "3: a fund's money behind the notices is not what was cleared";
    }
    for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
        if (is_payment_account(account) && paid[account] != audit->paid[payer][payee][account])
            return account_breaks[account];
    }
    return NULL;
}

static const char *check_book(const struct audit *audit)
{
    const char *broken = NULL;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT && broken == NULL; payee++)
            broken = check_pair(audit, payer, payee);
    }
    return broken;
}

const char *cycle_check(const struct cycle *cycle)
{
    struct audit *audit = calloc(1, sizeof *audit);
    NEED_MEMORY(audit);
    audit->cycle = cycle;
    audit->cells = calloc((size_t)cycle_count(cycle, ROW_FROZEN) + 1, sizeof *audit->cells);
    audit->records_seen = calloc((size_t)cycle_count(cycle, ROW_EXCEPTION) + 1, 1);
    NEED_MEMORY(audit->cells);
    NEED_MEMORY(audit->records_seen);

    const char *broken = check_exceptions(audit);
    if (broken == NULL) broken = check_frozen(audit);
    if (broken == NULL) broken = check_batches(audit);
    if (broken == NULL) broken = check_recoveries(audit);
    if (broken == NULL) broken = check_notices(audit);
    if (broken == NULL) broken = check_prefunds(audit);
    if (broken == NULL) broken = check_book(audit);
    free(audit->cells);
    free(audit->records_seen);
    free(audit);
    return broken;
}
