#include "tests/model/cycle_model.h"

int64_t model_amount(const struct model_record *record)
{
    int64_t sum = 0;
    for (int i = 0; i < FUND_COUNT; i++)
        sum += record->facts.funds[i];
    return sum;
}

bool model_blocked(const struct model_record *record)
{
    return record->differs[0] || record->differs[1] || record->held || record->disputed ||
           record->voided;
}

/* What it brings into a batch. */
static int64_t clears(const struct model_record *record)
{
    return model_amount(record) - record->deducted;
}

void model_cut(struct cycle_model *model, uint32_t period, uint32_t id)
{
    if (period > model->cut_through) model->cut_through = period;
    model->batches[id] = (struct model_batch){.period = period, .state = BATCH_CUT};
    model->batch_count = id;
    for (uint32_t i = 0; i < model->record_count; i++) {
        struct model_record *record = &model->records[i];
        if (record->facts.period > period || record->batch != 0 || model_blocked(record)) continue;
        record->batch = id;
        if (record->deducted != 0) record->deduct_posted = true;
    }
    for (uint32_t i = 0; i < model->extra_count; i++) {
        if (model->extras[i].batch == 0) model->extras[i].batch = id;
    }
}

void model_take_out(struct model_record *record)
{
    record->batch = 0;
}

void model_abort(struct cycle_model *model, uint32_t id)
{
    model->batches[id].state = BATCH_ABORTED;
    for (uint32_t i = 0; i < model->record_count; i++) {
        if (model->records[i].batch == id) model->records[i].batch = 0;
    }
    for (uint32_t i = 0; i < model->extra_count; i++) {
        if (model->extras[i].batch == id) model->extras[i].batch = 0;
    }
}

void model_unwind(struct cycle_model *model, uint32_t id, uint8_t province)
{
    for (uint32_t i = 0; i < model->record_count; i++) {
        struct model_record *record = &model->records[i];
        if (record->batch != id) continue;
        if (record->facts.payer != province && record->facts.payee != province) continue;
        record->batch = 0;
        record->noticed = false;
    }
    for (uint32_t i = 0; i < model->extra_count; i++) {
        struct model_extra *extra = &model->extras[i];
        if (extra->batch != id) continue;
        if (extra->payer != province && extra->payee != province) continue;
        extra->batch = 0;
        extra->noticed = false;
    }
}

int64_t model_pair(const struct cycle_model *model, uint32_t id, uint8_t payer, uint8_t payee)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *record = &model->records[i];
        if (record->batch == id && record->facts.payer == payer && record->facts.payee == payee)
            sum += clears(record);
    }
    for (uint32_t i = 0; i < model->extra_count; i++) {
        const struct model_extra *extra = &model->extras[i];
        if (extra->batch == id && extra->payer == payer && extra->payee == payee)
            sum += extra->amount;
    }
    return sum;
}

void model_notice(struct cycle_model *model, uint32_t id)
{
    const uint32_t extras = model->extra_count;
    model->batches[id].noticed = true;
    for (uint8_t payer = 0; model->gross && payer < 32; payer++) {
        for (uint8_t payee = 0; payee < 32; payee++) {
            const int64_t total = model_pair(model, id, payer, payee);
            if (total >= 0 || model->batches[id].period % 100 == 12) continue;
            model->extras[model->extra_count++] =
                (struct model_extra){.payer = payer, .payee = payee, .amount = total};
        }
    }
    for (uint32_t i = 0; i < model->record_count; i++) {
        if (model->records[i].batch == id) model->records[i].noticed = true;
    }
    for (uint32_t i = 0; i < extras; i++) {
        if (model->extras[i].batch == id) model->extras[i].noticed = true;
    }
}

/* Where a record's money stands, as one of the accounts that model_balance() knows. */
static enum cycle_account account_of(const struct cycle_model *model,
                                     const struct model_record *record)
{
    if (record->batch != 0)
        return model->batches[record->batch].noticed ? CYCLE_DUE : CYCLE_CLEARING;
    if (record->voided) return CYCLE_COST;
    if (record->differs[0] || record->differs[1]) return CYCLE_MISMATCHED;
    if (record->disputed) return CYCLE_DISPUTED;
    if (record->held) return CYCLE_HELD;
    return CYCLE_CONFIRMED;
}

int64_t model_balance(const struct cycle_model *model, uint8_t payer, uint8_t payee,
                      enum cycle_account account)
{
    int64_t sum = 0;
    for (uint32_t i = 0; i < model->record_count; i++) {
        const struct model_record *record = &model->records[i];
        if (record->facts.payer != payer || record->facts.payee != payee) continue;
        if (record->facts.period > model->cut_through) continue;
        if (account_of(model, record) != account) continue;
        sum += model_amount(record) - (record->deduct_posted ? record->deducted : 0);
    }
    for (uint32_t i = 0; i < model->extra_count; i++) {
        const struct model_extra *extra = &model->extras[i];
        if (extra->payer != payer || extra->payee != payee) continue;
        const enum cycle_account its = extra->batch == 0                      ? CYCLE_CONFIRMED
                                       : model->batches[extra->batch].noticed ? CYCLE_DUE
                                                                              : CYCLE_CLEARING;
        if (its == account) sum += extra->amount;
    }
    /* What was carried on has left its batch's pair; it stands among the extras. */
    if (account == CYCLE_DUE && model->gross) {
        for (uint32_t id = 1; id <= model->batch_count; id++) {
            if (!model->batches[id].noticed || model->batches[id].period % 100 == 12) continue;
            const int64_t total = model_pair(model, id, payer, payee);
            if (total < 0) sum -= total;
        }
    }
    return -sum;
}
