#include "tests/model/model_questions.h"

static bool sees(uint32_t session, uint32_t area)
{
    return session == 0 || area / 10000 == session;
}

bool model_is_shown(const struct model *model, int item, uint32_t session, int64_t from_ms,
                    int64_t to_ms)
{
    const struct model_item *its = &model->items[item];
    if (its->kind != MODEL_SETTLEMENT && its->kind != MODEL_REFUND) return false;
    return its->s.setl_time >= from_ms && (to_ms == 0 || its->s.setl_time <= to_ms) &&
           (sees(session, its->s.insu_admdvs) || sees(session, its->s.mdtrtarea_admvs)) &&
           !model_is_cancelled(model, item);
}

/* -- a year ----------------------------------------------------------------------------------- */

uint32_t model_year_of(const struct model *model, int item)
{
    const struct model_item *its = &model->items[item];
    return its->kind == MODEL_SETTLEMENT ? model_month_of(its->s.setl_time) / 100 : 0;
}

static bool was_refunded(const struct model *model, int item)
{
    for (int i = 0; i < model->count; i++) {
        const struct model_item *its = &model->items[i];
        if (its->kind == MODEL_REFUND && its->target == item && !model_is_cancelled(model, i))
            return true;
    }
    return false;
}

struct model_year model_year_part(const struct model *model, int item)
{
    if (model_is_cancelled(model, item)) return (struct model_year){0};
    const int64_t part = model_left_of(model, item, AMOUNT_PSN_PART);
    struct model_year year = {
        .medfee = model_left_of(model, item, AMOUNT_MEDFEE),
        .fund = model_left_of(model, item, AMOUNT_FUND_SUM),
        .full = model_left_of(model, item, AMOUNT_FULAMT_OWNPAY),
    };
    year.count = year.medfee != 0 || !was_refunded(model, item);
    year.in_scope = part > year.full ? part - year.full : 0;
    return year;
}

/* -- a statement ------------------------------------------------------------------------------ */

static struct model_sums sums_of(const struct model_item *item, int sign)
{
    const bool adjusts = item->kind == MODEL_ADJUSTMENT;
    const int64_t *a = adjusts ? item->a.amounts : item->s.amounts;
    int64_t fund = a[AMOUNT_FUND_SUM];
    for (int i = AMOUNT_FUND_FIRST; adjusts && i <= AMOUNT_FUND_LAST; i++)
        fund += a[i];
    return (struct model_sums){
        .medfee = sign * a[AMOUNT_MEDFEE],
        .fund = sign * fund,
        .acct = sign * a[AMOUNT_ACCT],
        .wlt = sign * a[AMOUNT_WLT],
        .cash = sign * a[AMOUNT_CASH],
    };
}

static struct bytes id_of(const struct model_item *item)
{
    return item->kind == MODEL_ADJUSTMENT ? item->a.adj_no : item->s.setl_id;
}

/* Of a settlement that was taken back the correction alone is told. */
uint32_t model_chain(const struct model *model, int item, struct model_step out[MODEL_STEPS_MAX])
{
    const bool gone = model_is_cancelled(model, item);
    uint32_t count = 0;
    for (int i = 0; i < model->count && count < MODEL_STEPS_MAX; i++) {
        const struct model_item *its = &model->items[i];
        if (its->kind == MODEL_CORRECTION && its->target >= 0) {
            const struct model_item *back = &model->items[its->target];
            if (gone ? its->target != item : back->target != item) continue;
            out[count++] = (struct model_step){i, id_of(back), "correction", sums_of(back, -1)};
        } else if (!gone && its->target == item &&
                   (its->kind == MODEL_REFUND || its->kind == MODEL_ADJUSTMENT)) {
            out[count++] = (struct model_step){i, id_of(its),
                                               its->kind == MODEL_REFUND ? "refund" : "adjustment",
                                               sums_of(its, 1)};
        }
    }
    return count;
}

struct model_sums model_left(const struct model *model, int item)
{
    if (model_is_cancelled(model, item)) return (struct model_sums){0};
    return (struct model_sums){
        .medfee = model_left_of(model, item, AMOUNT_MEDFEE),
        .fund = model_left_of(model, item, AMOUNT_FUND_SUM),
        .acct = model_left_of(model, item, AMOUNT_ACCT),
        .wlt = model_left_of(model, item, AMOUNT_WLT),
        .cash = model_left_of(model, item, AMOUNT_CASH),
    };
}
