/* What the list of accepted items says: who is there, what became of it, and its cells. */
#include "codec/messages.h"
#include "tests/model/model_internal.h"

bool model_is_record(const struct model_item *item)
{
    return item->kind == MODEL_SETTLEMENT || item->kind == MODEL_REFUND;
}

bool model_is_cancelled(const struct model *model, int i)
{
    for (int k = 0; k < model->count; k++) {
        const struct model_item *item = &model->items[k];
        if (item->kind == MODEL_CORRECTION && item->target == i) return true;
    }
    return false;
}

int64_t model_clock(const struct model *model)
{
    return model->count == 0 ? model->first_stamp_ms : model->items[model->count - 1].stamp_ms;
}

uint32_t model_cut_through(const struct model *model)
{
    uint32_t through = 0;
    for (int i = 0; i < model->count; i++) {
        if (model->items[i].kind == MODEL_CUT) through = model->items[i].period;
    }
    return through;
}

uint32_t model_closed_year(const struct model *model)
{
    uint32_t year = 0;
    for (int i = 0; i < model->count; i++) {
        if (model->items[i].kind == MODEL_YEAR_CLOSE) year = model->items[i].period / 100;
    }
    return year;
}

static struct bytes psn_of(const struct model_item *item)
{
    return item->kind == MODEL_ADJUSTMENT   ? item->a.psn_key
           : item->kind == MODEL_CORRECTION ? item->c.psn_key
                                            : item->s.psn_key;
}

static struct bytes msgid_of(const struct model_item *item)
{
    return item->kind == MODEL_ADJUSTMENT   ? item->a.msgid
           : item->kind == MODEL_CORRECTION ? item->c.msgid
                                            : item->s.msgid;
}

int model_find_msgid(const struct model *model, uint32_t sender, struct bytes msgid,
                     struct bytes psn)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind >= MODEL_CUT) continue;
        if (item->sender == sender && model_same_bytes(msgid_of(item), msgid) &&
            model_same_bytes(psn_of(item), psn)) {
            return i;
        }
    }
    return -1;
}

int model_find_setl_id(const struct model *model, uint32_t insu_admdvs, struct bytes setl_id,
                       struct bytes psn)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (model_is_record(item) && item->s.insu_admdvs == insu_admdvs &&
            model_same_bytes(item->s.setl_id, setl_id) && model_same_bytes(item->s.psn_key, psn)) {
            return i;
        }
    }
    return -1;
}

int model_find_adj_no(const struct model *model, const struct adjustment *a)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind == MODEL_ADJUSTMENT && item->a.insu_admdvs == a->insu_admdvs &&
            model_same_bytes(item->a.setl_id, a->setl_id) &&
            model_same_bytes(item->a.adj_no, a->adj_no) &&
            model_same_bytes(item->a.psn_key, a->psn_key)) {
            return i;
        }
    }
    return -1;
}

int model_find_tombstone(const struct model *model, uint32_t sender, struct bytes msgid,
                         struct bytes psn, int64_t now_ms)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind == MODEL_CORRECTION && item->target < 0 && item->sender == sender &&
            model_same_bytes(item->c.omsgid, msgid) && model_same_bytes(item->c.psn_key, psn) &&
            now_ms - item->stamp_ms < model->rules.tombstone_ttl_ms) {
            return i;
        }
    }
    return -1;
}

int64_t model_change_by(const struct model_item *item, int amount)
{
    if (item->kind == MODEL_REFUND) return item->s.amounts[amount];
    if (amount != AMOUNT_FUND_SUM) return item->a.amounts[amount];
    int64_t parts = item->a.amounts[AMOUNT_FUND_SUM];
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        parts += item->a.amounts[i];
    return parts;
}

int64_t model_changed(const struct model *model, int record, int amount)
{
    int64_t sum = 0;
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        if (item->kind != MODEL_REFUND && item->kind != MODEL_ADJUSTMENT) continue;
        if (item->target == record && !model_is_cancelled(model, i))
            sum += model_change_by(item, amount);
    }
    return sum;
}

int64_t model_left_of(const struct model *model, int record, int amount)
{
    return model->items[record].s.amounts[amount] + model_changed(model, record, amount);
}

/* -- cells ------------------------------------------------------------------------------------- */

static uint8_t index_of(uint32_t province)
{
    uint8_t index = 0;
    for (uint32_t code = 11; code < province; code++)
        index = (uint8_t)(index + model_takes_part(code));
    return index;
}

struct cell_key model_key(const struct model_item *item)
{
    const bool adjusts = item->kind == MODEL_ADJUSTMENT;
    return (struct cell_key){
        .period = item->period,
        .payer = index_of((adjusts ? item->a.insu_admdvs : item->s.insu_admdvs) / 10000),
        .payee = index_of((adjusts ? item->a.mdtrtarea_admvs : item->s.mdtrtarea_admvs) / 10000),
        .line = (uint8_t)item->line,
        .insurance = (uint8_t)item->insurance,
    };
}

void model_funds(const struct model_item *item, int64_t ret_funds[FUND_COUNT])
{
    const int64_t *a = item->kind == MODEL_ADJUSTMENT ? item->a.amounts : item->s.amounts;
    ret_funds[FUND_POOL] = a[AMOUNT_HIFP];
    ret_funds[FUND_SUPPLEMENT] =
        a[AMOUNT_CVLSERV] + a[AMOUNT_HIFES] + a[AMOUNT_HIFOB] + a[AMOUNT_HIFMI];
    ret_funds[FUND_ASSISTANCE] = a[AMOUNT_MAF];
    if (item->kind == MODEL_ADJUSTMENT) {
        ret_funds[FUND_ACCOUNT] = a[AMOUNT_ACCT];
        ret_funds[FUND_OTHER] = a[AMOUNT_HIFDM] + a[AMOUNT_OTH];
        return;
    }
    ret_funds[FUND_ACCOUNT] = model_account_part(a, &item->switches);
    ret_funds[FUND_OTHER] = model_fund_part(a, &item->switches) - ret_funds[FUND_POOL] -
                            ret_funds[FUND_SUPPLEMENT] - ret_funds[FUND_ASSISTANCE];
}

struct record_facts model_facts(const struct model_item *item, uint64_t seq)
{
    const bool adjusts = item->kind == MODEL_ADJUSTMENT;
    const struct bytes id = adjusts ? item->a.adj_no : item->s.setl_id;
    const struct cell_key key = model_key(item);
    struct record_facts facts = {
        .seq = seq,
        .period = key.period,
        .day = model_day_of(adjusts ? item->stamp_ms : item->s.setl_time),
        .mdtrtarea_admvs = adjusts ? item->a.mdtrtarea_admvs : item->s.mdtrtarea_admvs,
        .ref = {.insu_admdvs = adjusts ? item->a.insu_admdvs : item->s.insu_admdvs,
                .size = (uint8_t)id.size},
        .payer = key.payer,
        .payee = key.payee,
        .line = key.line,
        .insurance = key.insurance,
        .kind = adjusts                      ? RECORD_ADJUSTMENT
                : item->kind == MODEL_REFUND ? RECORD_REFUND
                                             : RECORD_SETTLEMENT,
        .flags = item->period != item->orig_period ? RECORD_LATE : 0,
        .medfee = adjusts ? 0 : item->s.amounts[AMOUNT_MEDFEE],
        .content_hash =
            adjusts ? adjustment_content_hash(&item->a) : settlement_content_hash(&item->s),
    };
    memcpy(facts.ref.setl_id, id.data, id.size);
    model_funds(item, facts.funds);
    return facts;
}

/* The number of the first cut after item `i` that takes its period; 0: none yet. */
uint64_t model_cut_after(const struct model *model, int i)
{
    uint64_t number = 0;
    for (int k = 0; k < model->count; k++) {
        if (model->items[k].kind != MODEL_CUT) continue;
        number++;
        if (k > i && model->items[k].period >= model->items[i].period) return number;
    }
    return 0;
}

static struct cell *cell_of(struct cell *cells, uint32_t *count, struct cell_key key)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (memcmp(&cells[i].key, &key, sizeof key) == 0) return &cells[i];
    }
    cells[*count] = (struct cell){.key = key};
    return &cells[(*count)++];
}

uint32_t model_cells(const struct model *model, struct cell *out)
{
    uint32_t count = 0;
    for (int i = 0; i < model->count; i++) {
        const struct model_item *item = &model->items[i];
        int64_t funds[FUND_COUNT];
        if (item->kind > MODEL_ADJUSTMENT) continue;
        struct cell *cell = cell_of(out, &count, model_key(item));
        cell->cut = model_cut_after(model, i);
        if (model_is_cancelled(model, i)) continue;
        model_funds(item, funds);
        cell->count++;
        cell->refund_count += item->kind == MODEL_REFUND;
        cell->late_count += item->period != item->orig_period;
        if (item->kind == MODEL_ADJUSTMENT) {
            cell->checksum += adjustment_content_hash(&item->a);
        } else {
            cell->checksum += settlement_content_hash(&item->s);
            cell->medfee_sum += item->s.amounts[AMOUNT_MEDFEE];
        }
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            cell->balance[ACCOUNT_COST][fund] += funds[fund];
            cell->balance[cell->cut != 0 ? ACCOUNT_CLEARING : ACCOUNT_ACCRUED][fund] -= funds[fund];
        }
    }
    return count;
}
