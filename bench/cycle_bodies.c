/* cycle_bodies -- what the clearing cycle costs at national size: the cut of a month with very many
 * records that differ, and a payment when a year of batches is kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bodies.h"
#include "cycle/calendar.h"
#include "cycle/cycle.h"
#include "types/ensure.h"
#include "types/province.h"
#include "types/wire.h"

#define MONTH      202603
#define LATER_MS   INT64_C(1776000000000) /* In April 2026. */
#define LINES      4
#define INSURANCES 3
#define PAIRS      (PROVINCE_COUNT * (PROVINCE_COUNT - 1))
#define CELLS      ((size_t)PAIRS * LINES * INSURANCES)
#define ORDINARY   2000 /* Records of a cell that do not differ. */
#define KEPT       12   /* Months. */

struct cycle_bench {
    struct calendar calendar;
    struct cycle *cycle;
    struct cell *cells;
    struct record_facts *records; /* Ascending by ref. */
    size_t record_count;
    uint32_t orders;
    int64_t now_ms;
    uint64_t sum; /* Over everything decided. */
};

static uint64_t mixed(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

/* -- orders -------------------------------------------------------------------------------------
 */

static struct order new_order(struct cycle_bench *bench, enum message_type type, uint32_t period)
{
    struct order order = {
        .type = (uint16_t)type,
        .acting = PROVINCE_CENTRE,
        .payer = PROVINCE_CENTRE,
        .payee = PROVINCE_CENTRE,
        .insurance = 0xff,
        .period = period,
        .hash = ++bench->orders,
    };
    (void)snprintf(order.msgid, sizeof order.msgid, "bench-%u", bench->orders);
    return order;
}

static void carry_out(struct cycle_bench *bench, const struct order *order,
                      const struct facts *facts)
{
    struct decision decision;
    decision_init(&decision);
    cycle_judge(bench->cycle, order, facts, bench->now_ms, &decision);
    ENSURE(decision.code == ERROR_OK);
    ENSURE(!decision.dup);
    ENSURE(cycle_apply(bench->cycle, (struct bytes){decision.data, decision.size}) == 0);
    bench->sum = mixed(bench->sum ^ (decision.size + decision.rows));
    decision_free(&decision);
}

static void step(struct cycle_bench *bench, uint32_t period, enum batch_step what)
{
    struct order order = new_order(bench, MESSAGE_BATCH_STEP, period);
    order.step = what;
    carry_out(bench, &order, &(const struct facts){0});
}

static void cut(struct cycle_bench *bench, uint32_t period)
{
    const struct order order = new_order(bench, MESSAGE_PERIOD_CUT, period);
    const struct facts facts = {
        .cells = bench->cells,
        .cell_count = CELLS,
        .cut_through = period,
        .records = bench->records,
        .record_count = bench->record_count,
    };
    carry_out(bench, &order, &facts);
}

/* -- what there is ------------------------------------------------------------------------------
 */

/* The nth cell of a month, in the order of their keys. */
static struct cell_key nth_key(uint32_t period, size_t n)
{
    const size_t pair = n / (LINES * INSURANCES);
    const size_t kind = n % (LINES * INSURANCES);
    const size_t payer = pair / (PROVINCE_COUNT - 1);
    const size_t payee = pair % (PROVINCE_COUNT - 1);
    return (struct cell_key){
        .period = period,
        .payer = (uint8_t)payer,
        .payee = (uint8_t)(payee + (payee >= payer)),
        .line = (uint8_t)(LINE_INPATIENT + kind / INSURANCES),
        .insurance = (uint8_t)(kind % INSURANCES),
    };
}

static void fill_cells(struct cycle_bench *bench, uint32_t period)
{
    for (size_t i = 0; i < CELLS; i++) {
        struct cell *cell = &bench->cells[i];
        *cell = (struct cell){
            .key = nth_key(period, i), .count = ORDINARY, .checksum = mixed(i), .cut = 1};
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            cell->balance[ACCOUNT_COST][fund] = (int64_t)(mixed(i * FUND_COUNT) % 100000000);
            cell->medfee_sum += cell->balance[ACCOUNT_COST][fund];
        }
    }
}

static struct cycle_bench *bench_new(void)
{
    struct cycle_bench *bench = calloc(1, sizeof *bench);
    struct setting_values first;
    ENSURE(bench != NULL);
    settings_init(&first);
    first.value[SETTING_PAYABLE_MODE] = 0; /* Gross: a notice for every pair. */
    bench->cycle = cycle_new(&bench->calendar, &first);
    bench->cells = calloc(CELLS, sizeof *bench->cells);
    ENSURE(bench->cycle != NULL);
    ENSURE(bench->cells != NULL);
    bench->now_ms = LATER_MS;
    return bench;
}

void bench_cycle_finish(void *prepared)
{
    struct cycle_bench *bench = prepared;
    cycle_free(bench->cycle);
    free(bench->cells);
    free(bench->records);
    free(bench);
}

/* -- a cut with `count` exceptions --------------------------------------------------------------
 */

static int compare_records(const void *left, const void *right)
{
    return record_ref_compare(&((const struct record_facts *)left)->ref,
                              &((const struct record_facts *)right)->ref);
}

static void add_record(struct cycle_bench *bench, uint64_t i)
{
    struct cell *cell = &bench->cells[mixed(i) % CELLS];
    struct record_facts *record = &bench->records[bench->record_count++];
    *record = (struct record_facts){
        .seq = i + 1,
        .period = MONTH,
        .day = MONTH * 100 + 1,
        .ref = {.insu_admdvs = province_codes[cell->key.payer] * 10000 + 100, .size = 10},
        .payer = cell->key.payer,
        .payee = cell->key.payee,
        .line = cell->key.line,
        .insurance = cell->key.insurance,
        .kind = RECORD_SETTLEMENT,
        .medfee = 20000,
        .funds = {10000, 100, 10},
        .content_hash = mixed(i + 1),
    };
    (void)snprintf(record->ref.setl_id, sizeof record->ref.setl_id, "%010llu",
                   (unsigned long long)i);
    cell->count++;
    cell->checksum += record->content_hash;
    cell->medfee_sum += record->medfee;
    for (int fund = 0; fund < FUND_COUNT; fund++)
        cell->balance[ACCOUNT_COST][fund] += record->funds[fund];
}

/* Half of them held, a quarter different at the payer's, a quarter with a deduction. */
static void put_exception(struct decision *decision, const struct record_facts *record)
{
    struct exception_row row = {.ref = record->ref, .record = *record};
    switch (record->seq % 4) {
    case 0:
        row.flags = EXCEPTION_DIFF_PAYER;
        row.diff_kind = DIFF_AMOUNT;
        break;
    case 1:
        row.det_type = 10;
        row.deducted[FUND_POOL] = 500;
        break;
    default:
        row.flags = EXCEPTION_HELD;
        row.held_since = MONTH;
    }
    decision_put(decision, ROW_EXCEPTION, &row);
}

void *bench_cut_prepare(uint64_t count)
{
    struct cycle_bench *bench = bench_new();
    struct decision decision;
    bench->records = calloc(count, sizeof *bench->records);
    ENSURE(bench->records != NULL);
    fill_cells(bench, MONTH);
    for (uint64_t i = 0; i < count; i++)
        add_record(bench, i);
    decision_init(&decision);
    for (uint64_t i = 0; i < count; i++)
        put_exception(&decision, &bench->records[i]);
    ENSURE(cycle_apply(bench->cycle, (struct bytes){decision.data, decision.size}) == 0);
    decision_free(&decision);
    qsort(bench->records, bench->record_count, sizeof *bench->records, compare_records);
    return bench;
}

uint64_t bench_cut_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct cycle_bench *bench = prepared;
    (void)count;
    (void)clock;
    cut(bench, MONTH);
    step(bench, MONTH, STEP_COMPUTE);
    const struct batch_row *batch = cycle_batch(bench->cycle, MONTH);
    return mixed(bench->sum ^ (uint64_t)batch->gross) + batch->count;
}

/* -- a payment with a year of batches kept ------------------------------------------------------
 */

static void notice_month(struct cycle_bench *bench, uint32_t period)
{
    fill_cells(bench, period);
    cut(bench, period);
    step(bench, period, STEP_COMPUTE);
    step(bench, period, STEP_PUBLISH);
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        struct order order = new_order(bench, MESSAGE_BATCH_SIGN, period);
        order.acting = province;
        carry_out(bench, &order, &(const struct facts){0});
    }
    step(bench, period, STEP_NOTICE);
}

void *bench_payment_prepare(uint64_t count)
{
    struct cycle_bench *bench = bench_new();
    (void)count;
    for (uint32_t month = 0; month < KEPT; month++)
        notice_month(bench, calendar_month_add(MONTH, (int32_t)month - (KEPT - 1)));
    return bench;
}

/* One fen each, so that no notice is ever paid. */
uint64_t bench_payment_run(void *prepared, uint64_t count, const struct bench_clock *clock)
{
    struct cycle_bench *bench = prepared;
    const uint32_t last = cycle_count(bench->cycle, ROW_NOTICE) - PAIRS;
    (void)clock;
    for (uint64_t i = 0; i < count; i++) {
        const struct notice_row *notice =
            cycle_row(bench->cycle, ROW_NOTICE, last + (uint32_t)(i % PAIRS));
        struct order order = new_order(bench, MESSAGE_PAY_REPORT, 0);
        memcpy(order.number, notice->number, sizeof order.number);
        (void)snprintf(order.bank_ref, sizeof order.bank_ref, "%llu", (unsigned long long)i);
        order.amount = 1;
        order.at_ms = bench->now_ms;
        carry_out(bench, &order, &(const struct facts){0});
    }
    return bench->sum;
}
