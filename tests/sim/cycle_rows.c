#include "tests/sim/cycle_rows.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "types/ensure.h"
#include "util/le.h"

/* -- one row -------------------------------------------------------------------------------------
 */

struct kind {
    const char *name;
    size_t size;
    size_t key_size;
};

static const struct kind kinds[ROW_KIND_END] = {
    [ROW_SETTING] = {"setting", sizeof(struct setting_row), 48},
    [ROW_RECON] = {"reconciliation", sizeof(struct recon_row), 16},
    [ROW_DIFFERENCE] = {"difference", sizeof(struct difference_row), 48},
    [ROW_EXCEPTION] = {"exception", sizeof(struct exception_row), 40},
    [ROW_CONFIRM] = {"confirmation", sizeof(struct confirm_row), 8},
    [ROW_DISPUTE] = {"dispute", sizeof(struct dispute_row), 32},
    [ROW_RECOVERY] = {"recovery", sizeof(struct recovery_row), 32},
    [ROW_FROZEN] = {"cell", sizeof(struct frozen_row), 8},
    [ROW_BATCH] = {"batch", sizeof(struct batch_row), 8},
    [ROW_SIGN] = {"signature", sizeof(struct sign_row), 8},
    [ROW_CARRY] = {"carried total", sizeof(struct carry_row), 8},
    [ROW_NOTICE] = {"notice", sizeof(struct notice_row), 40},
    [ROW_PAYMENT] = {"payment", sizeof(struct payment_row), 80},
    [ROW_PREFUND] = {"prefund", sizeof(struct prefund_row), 8},
    [ROW_APPLICATION] = {"application", sizeof(struct application_row), 8},
    [ROW_ORDER] = {"order", sizeof(struct order_row), 36},
};

#define LISTS(X)                     \
    X(ROW_SETTING, settings)         \
    X(ROW_RECON, recons)             \
    X(ROW_DIFFERENCE, differences)   \
    X(ROW_CONFIRM, confirms)         \
    X(ROW_DISPUTE, disputes)         \
    X(ROW_RECOVERY, recoveries)      \
    X(ROW_FROZEN, cells)             \
    X(ROW_SIGN, signs)               \
    X(ROW_CARRY, carries)            \
    X(ROW_NOTICE, notices)           \
    X(ROW_PAYMENT, payments)         \
    X(ROW_PREFUND, prefunds)         \
    X(ROW_APPLICATION, applications) \
    X(ROW_ORDER, orders)

/* The model's row of a key, made to `out` where it keeps it in another form; NULL: none. */
static const void *model_row(const struct desk_model *model, uint16_t kind, const void *engines,
                             uint8_t out[ROW_SIZE_MAX])
{
    const size_t key_size = kinds[kind].key_size;
    switch (kind) {
#define X(its, of)                                                                             \
    case its:                                                                                  \
        for (uint32_t i = 0; i < model->of.count; i++) {                                       \
            if (memcmp(&model->of.list[i], engines, key_size) == 0) return &model->of.list[i]; \
        }                                                                                      \
        return NULL;
        LISTS(X)
#undef X
    case ROW_EXCEPTION: {
        const struct exception_row *row = engines;
        const struct desk_exception *its = desk_exception_of(model, &row->ref);
        if (its == NULL) return NULL;
        struct exception_row made = desk_exception_row(model, its);
        const struct record_facts *facts = &model->records.list[its->record].facts;
        if (facts->seq == row->record.seq && facts->shard == row->record.shard &&
            facts->period == row->record.period &&
            memcmp(facts->funds, row->record.funds, sizeof facts->funds) == 0) {
            made.record = row->record; /* Flags are as they were when it was last looked at. */
        }
        memcpy(out, &made, sizeof made);
        return out;
    }
    default: {
        const struct batch_row *row = engines;
        struct batch_row made;
        ENSURE(kind == ROW_BATCH);
        if (row->id == 0 || row->id > model->batches.count) return NULL;
        made = model->batches.list[row->id - 1].row;
        memcpy(made.digest, row->digest, sizeof made.digest); /* cycle_check() makes it again. */
        memcpy(out, &made, sizeof made);
        return out;
    }
    }
}

/* What wallets have left in a cell is one sum to the model, and it knows none of their days. */
static bool is_wallets(uint16_t kind, const void *row)
{
    const struct frozen_row *cell = row;
    const struct recon_row *recon = row;
    return (kind == ROW_FROZEN && cell->cell.line >= LINE_WALLET_CARE) ||
           (kind == ROW_RECON && recon->cell.line >= LINE_WALLET_CARE);
}

static bool row_agrees(const struct cycle *cycle, const struct desk_model *model, uint16_t kind,
                       const void *key, const char *where, struct finding *finding)
{
    uint8_t made[ROW_SIZE_MAX];
    const uint8_t *engines = cycle_find(cycle, (enum row_kind)kind, key);
    ENSURE(engines != NULL);
    if (is_wallets(kind, engines)) return true;
    const uint8_t *models = model_row(model, kind, engines, made);
    if (models != NULL && memcmp(engines, models, kinds[kind].size) == 0) return true;
    if (models == NULL) {
        return finding_set(finding, "(H9) %s: the cycle has a row (%s) that the model has not",
                           where, kinds[kind].name);
    }
    size_t at = 0;
    while (engines[at] == models[at])
        at++;
    at &= ~(size_t)7;
    uint64_t engine_word = 0, model_word = 0;
    const size_t size = kinds[kind].size - at < 8 ? kinds[kind].size - at : 8;
    memcpy(&engine_word, engines + at, size);
    memcpy(&model_word, models + at, size);
    return finding_set(finding,
                       "(H9) %s: a row (%s) is not the model's, at byte %zu: %" PRIu64
                       " where the model has %" PRIu64 " (%.39s)",
                       where, kinds[kind].name, at, engine_word, model_word,
                       kind == ROW_NOTICE ? (const char *)engines : "");
}

bool rows_agree(const struct cycle *cycle, const struct desk_model *model, struct bytes decision,
                uint64_t seq, struct finding *finding)
{
    char where[40];
    snprintf(where, sizeof where, "shard 0, seq %" PRIu64, seq);
    for (size_t at = 0; at + 4 <= decision.size;) {
        const uint16_t kind = le_load16(decision.data + at);
        const uint16_t size = le_load16(decision.data + at + 2);
        uint8_t row[ROW_SIZE_MAX];
        memcpy(row, decision.data + at + 4, size);
        if (kinds[kind].size != 0 && !row_agrees(cycle, model, kind, row, where, finding))
            return false;
        at += 4 + ((size + 3u) & ~3u);
    }
    return true;
}

/* -- the end -------------------------------------------------------------------------------------
 */

static uint32_t model_count(const struct desk_model *model, uint16_t kind)
{
    switch (kind) {
#define X(its, of) \
    case its:      \
        return model->of.count;
        LISTS(X)
#undef X
    case ROW_EXCEPTION:
        return model->exceptions.count;
    default:
        return model->batches.count;
    }
}

static bool all_rows_agree(const struct cycle *cycle, const struct desk_model *model,
                           struct finding *finding)
{
    for (uint16_t kind = 1; kind < ROW_KIND_END; kind++) {
        if (kinds[kind].size == 0) continue;
        const uint32_t count = cycle_count(cycle, (enum row_kind)kind);
        uint32_t wallets = 0;
        for (uint32_t i = 0; i < count; i++) {
            if (!row_agrees(cycle, model, kind, cycle_row(cycle, (enum row_kind)kind, i),
                            "at the end", finding))
                return false;
            wallets +=
                kind == ROW_RECON && is_wallets(kind, cycle_row(cycle, (enum row_kind)kind, i));
        }
        if (count - wallets == model_count(model, kind)) continue;
        return finding_set(finding, "(H9) at the end: the cycle has %u rows (%s), the model %u",
                           count, kinds[kind].name, model_count(model, kind));
    }
    return true;
}

/* What each pair clears in a batch, as its lines have it. */
static bool lines_agree(const struct cycle *cycle, const struct desk_model *model,
                        const struct batch_row *batch, struct finding *finding)
{
    static struct desk_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    const uint32_t count = cycle_lines(cycle, batch->id, batch->version, NULL, 0);
    struct line_row *lines = calloc(count + 1, sizeof *lines);
    bool same = true;
    ENSURE(lines != NULL);
    (void)cycle_lines(cycle, batch->id, batch->version, lines, count);
    desk_totals(model, batch->id, true, totals);
    for (uint32_t i = 0; i < count; i++) {
        struct desk_total *total = &totals[lines[i].cell.payer][lines[i].cell.payee];
        total->count -= lines[i].count;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            total->funds[fund] -= lines[i].funds[fund];
    }
    free(lines);
    for (size_t i = 0; i < sizeof totals; i++)
        same = same && ((const uint8_t *)totals)[i] == 0;
    return same || finding_set(finding,
                               "(H9) at the end: batch %06u-%u does not clear what the "
                               "model's records come to",
                               batch->period, batch->number);
}

static bool batches_agree(const struct cycle *cycle, const struct desk_model *model,
                          struct finding *finding)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_BATCH); i++) {
        const struct batch_row *batch = cycle_row(cycle, ROW_BATCH, i);
        if (batch->state != BATCH_ABORTED && !lines_agree(cycle, model, batch, finding))
            return false;
    }
    return true;
}

static void add(book sums, uint8_t payer, uint8_t payee, enum cycle_account account,
                const int64_t *funds, int64_t sign)
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        sums[payer][payee][fund][account] += sign * funds[fund];
}

/* DUE stands for all accounts behind the notices. */
static enum cycle_account account_in(const struct desk_model *model, uint32_t batch)
{
    return model->batches.list[batch - 1].row.state >= BATCH_NOTICED ? CYCLE_DUE : CYCLE_CLEARING;
}

static enum cycle_account account_alone(uint32_t flags)
{
    if ((flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) return CYCLE_COST;
    if ((flags & (EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE)) != 0) return CYCLE_MISMATCHED;
    if ((flags & EXCEPTION_DISPUTED) != 0) return CYCLE_DISPUTED;
    return (flags & EXCEPTION_HELD) != 0 ? CYCLE_HELD : CYCLE_CONFIRMED;
}

void book_make(const struct desk_model *model, book sums)
{
    memset(sums, 0, sizeof(book));
    for (uint32_t i = 0; i < model->records.count; i++) {
        const struct desk_record *record = &model->records.list[i];
        const struct record_facts *facts = &record->facts;
        const struct desk_exception *exception =
            facts->ref.size == 0 ? NULL : desk_exception_of(model, &facts->ref);
        enum cycle_account account = CYCLE_CONFIRMED;
        if (record->taken_back != 0 || desk_batch_of(model, facts->period) == NULL) continue;
        if (exception != NULL && &model->records.list[exception->record] == record) {
            account = account_alone(exception->flags);
        } else {
            exception = NULL;
        }
        if (account == CYCLE_COST) continue; /* Void: it went there and back. */
        if (record->batch != 0) account = account_in(model, record->batch);
        add(sums, facts->payer, facts->payee, account, facts->funds, -1);
        if (exception != NULL && exception->posted)
            add(sums, facts->payer, facts->payee, account, exception->deducted, 1);
    }
    for (uint32_t i = 0; i < model->recoveries.count; i++) {
        const struct recovery_row *row = &model->recoveries.list[i];
        add(sums, row->cell.payer, row->cell.payee,
            row->batch == 0 ? CYCLE_CONFIRMED : account_in(model, row->batch), row->funds, 1);
    }
    for (uint32_t i = 0; i < model->carries.count; i++) {
        const struct carry_row *row = &model->carries.list[i];
        add(sums, row->payer, row->payee, CYCLE_DUE, row->funds, 1); /* It has left its batch. */
        add(sums, row->payer, row->payee,
            row->into == 0 ? CYCLE_CONFIRMED : account_in(model, row->into), row->funds, -1);
    }
    for (uint32_t i = 0; i < model->prefunds.count; i++) {
        const struct prefund_row *row = &model->prefunds.list[i];
        sums[row->payer][row->payee][FUND_POOL][CYCLE_PREFUND] += row->amount;
        sums[row->payer][row->payee][FUND_POOL][CYCLE_PREFUND_DUE] += row->pending;
    }
}

static bool book_agrees(const struct cycle *cycle, const struct desk_model *model,
                        struct finding *finding)
{
    static const enum cycle_account accounts[] = {
        CYCLE_MISMATCHED, CYCLE_HELD, CYCLE_DISPUTED, CYCLE_CONFIRMED,
        CYCLE_CLEARING,   CYCLE_DUE,  CYCLE_PREFUND,  CYCLE_PREFUND_DUE,
    };
    static book sums;
    book_make(model, sums);
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            for (uint8_t i = 0; i < FUND_COUNT * 8; i++) {
                const uint8_t fund = i / 8;
                const enum cycle_account account = accounts[i % 8];
                int64_t its = cycle_balance(cycle, payer, payee, fund, account);
                if (account == CYCLE_DUE)
                    its += cycle_balance(cycle, payer, payee, fund, CYCLE_NETTED) +
                           cycle_balance(cycle, payer, payee, fund, CYCLE_TRANSIT) +
                           cycle_balance(cycle, payer, payee, fund, CYCLE_SETTLED);
                if (account == CYCLE_PREFUND_DUE)
                    its += cycle_balance(cycle, payer, payee, fund, CYCLE_PREFUND_TRANSIT);
                if (its == sums[payer][payee][fund][account]) continue;
                return finding_set(finding,
                                   "(H9) at the end: account %u of %u to %u, fund %u, holds "
                                   "%" PRId64 " where the model has %" PRId64,
                                   account, province_codes[payer], province_codes[payee], fund, its,
                                   sums[payer][payee][fund][account]);
            }
        }
    }
    return true;
}

bool ends_agree(const struct cycle *cycle, const struct desk_model *model, struct finding *finding)
{
    return all_rows_agree(cycle, model, finding) && batches_agree(cycle, model, finding) &&
           book_agrees(cycle, model, finding);
}
