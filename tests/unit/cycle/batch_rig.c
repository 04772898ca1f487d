#include "tests/unit/cycle/batch_rig.h"

#include <stdio.h>

#include "tests/lib/unit.h"
#include "types/civil.h"

uint8_t p(uint32_t code)
{
    return province_index(code);
}

void rig_open(struct batch_rig *rig)
{
    memset(rig, 0, sizeof *rig);
    struct setting_values first;
    for (int i = 0; i < SETTING_COUNT; i++)
        first.value[i] = setting_info((enum setting)i)->value;
    rig->cycle = cycle_new(&rig->calendar, &first);
    assert_non_null(rig->cycle);
    rig->facts.closed_year = 2024;
    rig->now_ms = RIG_START_MS;
}

void rig_close(struct batch_rig *rig)
{
    decision_free(&rig->decision);
    cycle_free(rig->cycle);
}

void rig_put(struct batch_rig *rig, enum row_kind kind, const void *row)
{
    struct decision decision;
    decision_init(&decision);
    decision_put(&decision, kind, row);
    assert_int_equal(cycle_apply(rig->cycle, (struct bytes){decision.data, decision.size}), 0);
    decision_free(&decision);
}

void rig_set(struct batch_rig *rig, enum setting setting, int64_t value)
{
    struct setting_row row = {.effective_ms = rig->now_ms, .value = value, .set_ms = rig->now_ms};
    (void)snprintf(row.name, sizeof row.name, "%s", setting_info(setting)->name);
    rig_put(rig, ROW_SETTING, &row);
}

void rig_batch(struct batch_rig *rig, enum netting_mode mode, uint32_t period)
{
    const struct batch_row batch = {
        .period = period,
        .number = 1,
        .id = 1,
        .version = 1,
        .state = BATCH_SIGNED,
        .mode = (uint8_t)mode,
        .published_version = 1,
    };
    rig_put(rig, ROW_BATCH, &batch);
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        const struct sign_row sign = {
            .batch = 1, .province = province, .version = 1, .state = SIGN_SIGNED};
        rig_put(rig, ROW_SIGN, &sign);
    }
}

const struct batch_row *rig_the_batch(const struct batch_rig *rig)
{
    return cycle_batch_by_id(rig->cycle, 1);
}

void rig_line(struct batch_rig *rig, uint8_t payer, uint8_t payee, const int64_t funds[FUND_COUNT],
              uint64_t count)
{
    const struct batch_row *batch = rig_the_batch(rig);
    struct line_row line = {.batch = batch->id, .number = ++rig->lines, .version = 1};
    line.cell = (struct cell_key){batch->period, payer, payee, LINE_INPATIENT, INSURANCE_EMPLOYEE};
    line.kind = LINE_OF_CELL;
    line.count = count;
    line.checksum = 1000 + rig->lines;
    line.medfee = (int64_t)(2 * (uint64_t)funds_sum(funds)); /* May wrap, as the sum may. */
    memcpy(line.funds, funds, sizeof line.funds);
    rig_put(rig, ROW_LINE, &line);

    struct frozen_row frozen = {.cell = line.cell,
                                .count = count,
                                .checksum = line.checksum,
                                .medfee = line.medfee,
                                .batch = batch->id};
    memcpy(frozen.funds, funds, sizeof frozen.funds);
    rig_put(rig, ROW_FROZEN, &frozen);

    for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
        const struct posting_row posting = {
            .payer = payer,
            .payee = payee,
            .fund = fund,
            .debit = CYCLE_COST,
            .credit = CYCLE_CLEARING,
            .batch = batch->id,
            .period = batch->period,
            .amount = funds[fund],
        };
        rig_put(rig, ROW_POSTING, &posting);
    }
}

void rig_pool(struct batch_rig *rig, uint8_t payer, uint8_t payee, int64_t amount)
{
    const int64_t funds[FUND_COUNT] = {[FUND_POOL] = amount};
    rig_line(rig, payer, payee, funds, 1);
}

/* -- orders ------------------------------------------------------------------------------------ */

static struct order new_order(struct batch_rig *rig, uint16_t type, uint32_t sender)
{
    struct order order = {.type = type,
                          .sender = (uint16_t)sender,
                          .acting = sender == 0 ? PROVINCE_CENTRE : p(sender),
                          .payer = PROVINCE_CENTRE,
                          .payee = PROVINCE_CENTRE,
                          .hash = ++rig->orders};
    (void)snprintf(order.msgid, sizeof order.msgid, "m%u", rig->orders);
    return order;
}

static uint16_t finish(struct batch_rig *rig)
{
    const struct decision *decision = &rig->decision;
    if (decision->code != ERROR_OK || decision->dup) {
        assert_int_equal(decision->size, 0); /* (K5) */
    } else {
        assert_int_equal(cycle_apply(rig->cycle, (struct bytes){decision->data, decision->size}),
                         0);
    }
    if (!rig->loose) {
        const char *broken = cycle_check(rig->cycle);
        if (broken != NULL) fail_msg("%s", broken);
    }
    return decision->code;
}

static uint16_t judge(struct batch_rig *rig, const struct order *order)
{
    decision_free(&rig->decision);
    decision_init(&rig->decision);
    cycle_judge(rig->cycle, order, &rig->facts, rig->now_ms, &rig->decision);
    return finish(rig);
}

static struct judgement step(struct batch_rig *rig, const struct order *order)
{
    decision_free(&rig->decision);
    decision_init(&rig->decision);
    return (struct judgement){.cycle = rig->cycle,
                              .order = order,
                              .facts = &rig->facts,
                              .now_ms = rig->now_ms,
                              .today = civil_day(rig->now_ms),
                              .decision = &rig->decision};
}

/* As computing and publishing leave it. */
static void seal(struct batch_rig *rig)
{
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    struct batch_row batch = *rig_the_batch(rig);
    if (batch.state != BATCH_SIGNED) return;
    batch_totals(rig->cycle, &batch, batch.version, totals);
    if (batch_net(&batch, totals) != NULL) return; /* It does not fit: the notices will say so. */
    batch_digest(rig->cycle, &batch, batch.version, batch.digest);
    rig_put(rig, ROW_BATCH, &batch);
}

uint16_t rig_notice(struct batch_rig *rig)
{
    seal(rig);
    const struct order order = new_order(rig, MESSAGE_BATCH_STEP, 0);
    struct judgement j = step(rig, &order);
    const bool accepted = notice_batch(&j, rig_the_batch(rig));
    assert_int_equal(accepted, rig->decision.code == ERROR_OK);
    return finish(rig);
}

uint16_t rig_unwind(struct batch_rig *rig, uint8_t province)
{
    const struct order order = new_order(rig, MESSAGE_BATCH_STEP, 0);
    struct judgement j = step(rig, &order);
    const bool accepted = unwind_batch(&j, rig_the_batch(rig), province);
    assert_int_equal(accepted, rig->decision.code == ERROR_OK);
    return finish(rig);
}

uint16_t rig_reissue(struct batch_rig *rig, uint32_t sender, const char *number)
{
    struct order order = new_order(rig, MESSAGE_NOTICE_REISSUE, sender);
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    return judge(rig, &order);
}

uint16_t rig_pay(struct batch_rig *rig, uint32_t sender, const char *number, const char *bank_ref,
                 int64_t amount, int64_t paid_at_ms)
{
    struct order order = new_order(rig, MESSAGE_PAY_REPORT, sender);
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    (void)snprintf(order.bank_ref, sizeof order.bank_ref, "%s", bank_ref);
    order.amount = amount;
    order.at_ms = paid_at_ms;
    return judge(rig, &order);
}

uint16_t rig_receive(struct batch_rig *rig, uint32_t sender, const char *number,
                     const char *bank_ref, int64_t amount, bool rejected)
{
    struct order order = new_order(rig, MESSAGE_RECEIPT_REPORT, sender);
    (void)snprintf(order.number, sizeof order.number, "%s", number);
    (void)snprintf(order.bank_ref, sizeof order.bank_ref, "%s", bank_ref);
    order.amount = amount;
    order.flag = rejected;
    return judge(rig, &order);
}

void rig_pay_all(struct batch_rig *rig, const char *number, const char *bank_ref)
{
    char copy[NUMBER_SIZE]; /* The number may be a row's, and rows move. */
    (void)snprintf(copy, sizeof copy, "%s", number);
    const struct notice_row *notice = rig_the_notice(rig, copy);
    const int64_t left = notice->amount - notice->reported;
    assert_int_equal(rig_pay(rig, 0, copy, bank_ref, left, rig->now_ms), 0);
    assert_int_equal(rig_receive(rig, 0, copy, bank_ref, left, false), 0);
}

/* -- looking ----------------------------------------------------------------------------------- */

const struct notice_row *rig_open_notice(const struct batch_rig *rig, uint8_t payer, uint8_t payee)
{
    const struct notice_row *found = NULL;
    for (uint32_t i = 0; i < cycle_count(rig->cycle, ROW_NOTICE); i++) {
        const struct notice_row *notice = cycle_row(rig->cycle, ROW_NOTICE, i);
        if (notice->payer != payer || notice->payee != payee) continue;
        if (notice->state == NOTICE_CANCELLED || notice->state == NOTICE_SETTLED) continue;
        assert_null(found);
        found = notice;
    }
    return found;
}

const struct notice_row *rig_the_notice(const struct batch_rig *rig, const char *number)
{
    char key[NUMBER_SIZE] = {0};
    (void)snprintf(key, sizeof key, "%s", number);
    const struct notice_row *notice = cycle_find(rig->cycle, ROW_NOTICE, key);
    assert_non_null(notice);
    return notice;
}

int64_t rig_balance(const struct batch_rig *rig, uint8_t payer, uint8_t payee,
                    enum cycle_account account)
{
    int64_t sum = 0;
    for (uint8_t fund = 0; fund < FUND_COUNT; fund++)
        sum += cycle_balance(rig->cycle, payer, payee, fund, account);
    return sum;
}

int64_t rig_sum(const struct batch_rig *rig, enum cycle_account account)
{
    int64_t sum = 0;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++)
            sum += rig_balance(rig, payer, payee, account);
    }
    return sum;
}

void rig_assert_balanced(const struct batch_rig *rig)
{
    for (int pair = 0; pair < PROVINCE_COUNT * PROVINCE_COUNT; pair++) {
        const uint8_t payer = (uint8_t)(pair / PROVINCE_COUNT);
        const uint8_t payee = (uint8_t)(pair % PROVINCE_COUNT);
        for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
            int64_t sum = 0;
            for (int i = 0; i < CYCLE_ACCOUNT_COUNT; i++)
                sum += cycle_balance(rig->cycle, payer, payee, fund, (enum cycle_account)i);
            if (sum != 0) fail_msg("%u to %u, fund %u: %lld", payer, payee, fund, (long long)sum);
        }
    }
}
