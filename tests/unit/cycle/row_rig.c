#include "tests/unit/cycle/row_rig.h"

#include <stdio.h>

#include "tests/lib/unit.h"
#include "types/civil.h"

int64_t row_rig_noon(uint32_t day)
{
    const struct civil civil = {.year = (int32_t)(day / 10000),
                                .month = (int32_t)(day / 100 % 100),
                                .day = (int32_t)(day % 100),
                                .hour = 12};
    int64_t ms;
    assert_true(civil_to_ms(&civil, &ms));
    return ms;
}

void row_rig_open(struct row_rig *rig, uint32_t day)
{
    struct setting_values first;
    memset(rig, 0, sizeof *rig);
    settings_init(&first);
    rig->cycle = cycle_new(&rig->calendar, &first);
    assert_non_null(rig->cycle);
    row_rig_day(rig, day);
}

void row_rig_close(struct row_rig *rig)
{
    decision_free(&rig->decision);
    cycle_free(rig->cycle);
}

void row_rig_day(struct row_rig *rig, uint32_t day)
{
    rig->now_ms = row_rig_noon(day);
}

void row_rig_put(struct row_rig *rig, enum row_kind kind, const void *row)
{
    struct decision decision;
    decision_init(&decision);
    decision_put(&decision, kind, row);
    assert_int_equal(cycle_apply(rig->cycle, (struct bytes){decision.data, decision.size}), 0);
    decision_free(&decision);
}

void row_rig_set(struct row_rig *rig, enum setting setting, int64_t value)
{
    struct setting_row row = {.value = value}; /* Effective always. */
    (void)snprintf(row.name, sizeof row.name, "%s", setting_info(setting)->name);
    row_rig_put(rig, ROW_SETTING, &row);
}

uint32_t row_rig_batch(struct row_rig *rig, uint32_t period, enum batch_state state)
{
    struct batch_row batch = {
        .period = period,
        .number = 1,
        .id = cycle_count(rig->cycle, ROW_BATCH) + 1,
        .version = 1,
        .state = (uint8_t)state,
        .published_version = state >= BATCH_PUBLISHED ? 1 : 0,
    };
    for (int i = BATCH_CUT; i <= (int)state; i++)
        batch.at_ms[i] = rig->now_ms;
    row_rig_put(rig, ROW_BATCH, &batch);
    return batch.id;
}

static void put_line(struct row_rig *rig, uint32_t batch, uint32_t payer, uint32_t payee,
                     uint8_t business, enum fund fund, int64_t amount)
{
    uint32_t number = 1; /* From 1 in every batch. */
    for (uint32_t i = 0; i < cycle_count(rig->cycle, ROW_LINE); i++)
        number += ((const struct line_row *)cycle_row(rig->cycle, ROW_LINE, i))->batch == batch;
    struct line_row line = {
        .batch = batch,
        .number = number,
        .version = 1,
        .cell = {cycle_batch_by_id(rig->cycle, batch)->period, province_index(payer),
                 province_index(payee), business, INSURANCE_EMPLOYEE},
        .kind = LINE_OF_CELL,
        .count = 1,
    };
    line.funds[fund] = amount;
    row_rig_put(rig, ROW_LINE, &line);
}

void row_rig_line(struct row_rig *rig, uint32_t batch, uint32_t payer, uint32_t payee,
                  int64_t amount)
{
    put_line(rig, batch, payer, payee, LINE_INPATIENT, FUND_POOL, amount);
}

void row_rig_wallet_line(struct row_rig *rig, uint32_t batch, uint32_t payer, uint32_t payee,
                         int64_t amount)
{
    put_line(rig, batch, payer, payee, LINE_WALLET_CARE, FUND_ACCOUNT, amount);
}

void row_rig_sign(struct row_rig *rig, uint32_t batch, uint32_t province, enum sign_state state)
{
    const struct sign_row sign = {
        .batch = batch,
        .province = province_index(province),
        .version = 1,
        .state = (uint8_t)state,
        .at_ms = rig->now_ms,
    };
    row_rig_put(rig, ROW_SIGN, &sign);
}

struct order row_rig_order(struct row_rig *rig, uint16_t type, uint32_t sender)
{
    struct order order = {
        .type = type,
        .sender = (uint16_t)sender,
        .acting = sender == 0 ? PROVINCE_CENTRE : province_index(sender),
        .payer = PROVINCE_CENTRE,
        .payee = PROVINCE_CENTRE,
        .hash = ++rig->orders,
    };
    (void)snprintf(order.msgid, sizeof order.msgid, "m%u", rig->orders);
    return order;
}

uint16_t row_rig_give(struct row_rig *rig, const struct order *order)
{
    decision_free(&rig->decision);
    cycle_judge(rig->cycle, order, &rig->facts, rig->now_ms, &rig->decision);
    const struct decision *decision = &rig->decision;
    if (decision->code != ERROR_OK || decision->dup) {
        assert_int_equal(decision->size, 0);
    } else {
        assert_true(decision->rows > 0);
        assert_int_equal(cycle_apply(rig->cycle, (struct bytes){decision->data, decision->size}),
                         0);
    }
    return decision->code;
}
