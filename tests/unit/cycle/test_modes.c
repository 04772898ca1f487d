/* Random months. In every netting mode each province ends with the same net, in the book and in
 * what was really paid; and whatever is ordered, in whatever order, the whole state stays sound. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define FIRST_MONTH 202601
#define MONTHS      3
#define RECORDS     40
#define SEEDS       12

static const uint32_t provinces[] = {11, 31, 32, 34};
#define PROVINCES 4

static struct cycle_rig rig;

static void assert_sound(void)
{
    const char *broken = cycle_check(rig.cycle);
    if (broken != NULL) fail_msg("%s (after order %u)", broken, rig.orders);
}

static uint16_t give(const struct order *order)
{
    const uint16_t code = cycle_rig_give(&rig, order);
    if (code == ERROR_OK && !rig.decision.dup) assert_sound();
    return code;
}

static uint16_t step(uint32_t period, enum batch_step step, uint8_t province)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = period;
    order.step = step;
    order.payer = province;
    return give(&order);
}

static void make_month(struct prng *prng, uint32_t period)
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        const uint32_t payer = (uint32_t)prng_below(prng, PROVINCES);
        const uint32_t payee = (payer + 1 + (uint32_t)prng_below(prng, PROVINCES - 1)) % PROVINCES;
        const bool refund = prng_chance(prng, 250);
        char setl_id[16];
        (void)snprintf(setl_id, sizeof setl_id, "%u-%02u", period, i);
        struct record_facts *record =
            cycle_rig_record(&rig, provinces[payer], provinces[payee], setl_id,
                             period * 100 + 1 + (uint32_t)prng_below(prng, 28), 0);
        record->line = (uint8_t)(1 + prng_below(prng, 4));
        record->insurance = (uint8_t)prng_below(prng, 2);
        if (refund) record->kind = RECORD_REFUND;
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            const int64_t amount = (int64_t)prng_below(prng, prng_chance(prng, 500) ? 1000 : 9);
            record->funds[fund] = refund ? -amount : amount;
        }
        record->medfee = funds_sum(record->funds);
    }
}

static struct record_facts *random_record(struct prng *prng)
{
    return &rig.records[prng_below(prng, rig.record_count)];
}

/* Held, released, or confirmed with a deduction, by the payee. */
static void confirm_something(struct prng *prng)
{
    const struct record_facts *record = random_record(prng);
    struct confirm_item item = {.ref = record->ref, .cnfm_flag = (uint8_t)prng_below(prng, 2)};
    if (item.cnfm_flag == 1 && prng_chance(prng, 600) && funds_sum(record->funds) > 0) {
        item.det_type = 10;
        item.deduct = (int64_t)prng_below(prng, (uint64_t)funds_sum(record->funds) + 1);
    }
    struct order order = cycle_rig_order(&rig, MESSAGE_CLR_CONFIRM, province_of(record->payee));
    order.period = record->period;
    order.confirms = &item;
    order.row_count = 1;
    (void)give(&order);
}

static void dispute_something(struct prng *prng)
{
    const struct record_facts *record = random_record(prng);
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_OPEN, province_of(record->payer));
    (void)snprintf(order.number, sizeof order.number, "D%u", rig.orders);
    order.ref = record->ref;
    order.reason = 1 + (uint32_t)prng_below(prng, 4);
    (void)give(&order);
}

static void resolve_something(struct prng *prng)
{
    const uint32_t count = cycle_count(rig.cycle, ROW_DISPUTE);
    if (count == 0) return;
    const struct dispute_row dispute = *(const struct dispute_row *)cycle_row(
        rig.cycle, ROW_DISPUTE, (uint32_t)prng_below(prng, count));
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_RESOLVE, 0);
    memcpy(order.number, dispute.dispute_no, sizeof dispute.dispute_no);
    order.step = 1 + (uint32_t)prng_below(prng, 3);
    if (order.step == OUTCOME_PART)
        order.amount =
            dispute.amount > 1 ? 1 + (int64_t)prng_below(prng, (uint64_t)dispute.amount) : 1;
    (void)give(&order);
}

static void recover_something(struct prng *prng)
{
    const struct record_facts *record = random_record(prng);
    struct order order = cycle_rig_order(&rig, MESSAGE_RECOVERY, province_of(record->payee));
    (void)snprintf(order.number, sizeof order.number, "R%u", rig.orders);
    order.ref = record->ref;
    order.amount = 1 + (int64_t)prng_below(prng, 300);
    order.step = 20;
    order.reason = 20;
    (void)give(&order);
}

/* A deposit from before, or a year's setting. */
static void set_prefund(struct prng *prng, uint32_t period)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_PREFUND_SET, 0);
    order.period = period / 100 + (uint32_t)prng_below(prng, 2);
    if (prng_chance(prng, 600)) {
        order.payer = province_index(provinces[prng_below(prng, PROVINCES)]);
        order.payee = province_index(provinces[prng_below(prng, PROVINCES)]);
        order.amount = (int64_t)prng_below(prng, 5000);
    }
    (void)give(&order);
}

static void sign_all(uint32_t period)
{
    for (int i = 0; i < PROVINCES; i++) {
        struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_SIGN, 0);
        order.acting = province_index(provinces[i]);
        order.period = period;
        (void)give(&order);
    }
}

/* Reports a part of what is left of a notice, and says that it came. */
static void pay_some(struct prng *prng, const struct notice_row *found, bool all)
{
    const struct notice_row notice = *found;
    const int64_t left = notice.amount - notice.reported;
    if (notice.state != NOTICE_DUE || left == 0) return;
    struct order order = cycle_rig_order(&rig, MESSAGE_PAY_REPORT, 0);
    memcpy(order.number, notice.number, sizeof order.number);
    (void)snprintf(order.bank_ref, sizeof order.bank_ref, "B%u", rig.orders);
    order.amount = all ? left : 1 + (int64_t)prng_below(prng, (uint64_t)left);
    order.at_ms = rig.now_ms;
    if (give(&order) != ERROR_OK) return;
    order.type = MESSAGE_RECEIPT_REPORT;
    (void)snprintf(order.msgid, sizeof order.msgid, "receipt-%u", rig.orders);
    order.hash += UINT64_C(1) << 40;
    order.flag = !all && prng_chance(prng, 200); /* Rejected by the bank. */
    (void)give(&order);
}

static void pay_all(struct prng *prng)
{
    for (uint32_t i = 0; i < cycle_count(rig.cycle, ROW_NOTICE); i++) {
        pay_some(prng, cycle_row(rig.cycle, ROW_NOTICE, i), false);
        pay_some(prng, cycle_row(rig.cycle, ROW_NOTICE, i), true);
    }
}

/* What each province has got more than it has given: by the book, and by the payments. */
static void nets(int64_t book[PROVINCES], int64_t paid[PROVINCES])
{
    for (int i = 0; i < PROVINCES; i++) {
        const uint8_t index = province_index(provinces[i]);
        book[i] = 0;
        paid[i] = 0;
        for (int other = 0; other < PROVINCES; other++) {
            if (other == i) continue;
            book[i] += cycle_rig_stands(&rig, provinces[other], provinces[i], CYCLE_SETTLED);
            book[i] -= cycle_rig_stands(&rig, provinces[i], provinces[other], CYCLE_SETTLED);
        }
        for (uint32_t n = 0; n < cycle_count(rig.cycle, ROW_NOTICE); n++) {
            const struct notice_row *notice = cycle_row(rig.cycle, ROW_NOTICE, n);
            if (notice->payee == index) paid[i] += notice->received;
            if (notice->payer == index) paid[i] -= notice->received;
        }
    }
}

static void run_months(uint64_t seed, int mode, int64_t book[PROVINCES], int64_t paid[PROVINCES])
{
    struct prng prng = {seed};
    /* What is paid in how many parts differs from mode to mode; what is cleared must not. */
    struct prng other = {seed + 1};
    cycle_rig_open(&rig, FIRST_MONTH * 100 + 1);
    cycle_rig_set(&rig, SETTING_PAYABLE_MODE, mode);
    cycle_rig_set(&rig, SETTING_NEGATIVE_PAIR, 1);
    for (uint32_t period = FIRST_MONTH; period < FIRST_MONTH + MONTHS; period++) {
        make_month(&prng, period);
        cycle_rig_day(&rig, (period + 1) * 100 + 2);
        for (int i = 0; i < 12; i++)
            confirm_something(&prng);
        cycle_rig_cut(&rig, period);
        assert_sound();
        for (int i = 0; i < 4; i++)
            dispute_something(&prng);
        assert_int_equal(step(period, STEP_COMPUTE, 0), ERROR_OK);
        assert_int_equal(step(period, STEP_PUBLISH, 0), ERROR_OK);
        resolve_something(&prng);
        sign_all(period);
        assert_int_equal(step(period, STEP_NOTICE, 0), ERROR_OK);
        pay_all(&other);
        assert_int_equal(cycle_batch(rig.cycle, period)->state, BATCH_SETTLED);
        for (int i = 0; i < 3; i++)
            recover_something(&prng);
    }
    nets(book, paid);
    cycle_rig_close(&rig);
}

static void test_same_net_in_every_mode(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        int64_t first[PROVINCES];
        bool any = false;
        for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
            int64_t book[PROVINCES];
            int64_t paid[PROVINCES];
            run_months(seed, mode, book, paid);
            if (mode == 0) memcpy(first, book, sizeof first);
            assert_memory_equal(book, first, sizeof first);
            assert_memory_equal(paid, book, sizeof book);
            for (int i = 0; i < PROVINCES; i++)
                any |= book[i] != 0;
        }
        assert_true(any);
    }
}

static void cut_now(uint32_t period)
{
    cycle_rig_day(&rig, (period + 1) * 100 + 2);
    cycle_rig_cut(&rig, period);
    assert_sound();
}

/* What is next in the life of the month's batch. */
static void next_step(struct prng *prng, uint32_t *period)
{
    const struct batch_row *batch = cycle_batch(rig.cycle, *period);
    const uint8_t state = batch == NULL ? BATCH_ABORTED : batch->state;
    if (state == BATCH_ABORTED) {
        cut_now(*period);
    } else if (state == BATCH_CUT || batch->stale) {
        assert_int_equal(step(*period, STEP_COMPUTE, 0), ERROR_OK);
    } else if (state == BATCH_COMPUTED) {
        assert_int_equal(step(*period, STEP_PUBLISH, 0), ERROR_OK);
    } else if (state == BATCH_PUBLISHED) {
        sign_all(*period);
    } else if (state == BATCH_SIGNED) {
        assert_int_equal(step(*period, STEP_NOTICE, 0), ERROR_OK);
    } else if (state < BATCH_SETTLED) {
        pay_all(prng);
    } else {
        (void)step(*period, STEP_ARCHIVE, 0);
        *period += 1;
        make_month(prng, *period);
    }
}

/* Anything at any time: most of it is refused, nothing breaks the state. */
static void any_step(struct prng *prng, uint32_t *period)
{
    const struct batch_row *batch = cycle_batch(rig.cycle, *period);
    switch (prng_below(prng, 15)) {
    case 0:
        confirm_something(prng);
        return;
    case 1:
        if (prng_chance(prng, 400)) confirm_something(prng);
        return;
    case 2:
        if (prng_chance(prng, 400)) dispute_something(prng);
        return;
    case 3:
        resolve_something(prng);
        return;
    case 4:
        recover_something(prng);
        return;
    case 5:
        if (batch == NULL) cut_now(*period);
        return;
    case 6:
        (void)step(*period, STEP_PUBLISH, 0);
        return;
    case 7:
        sign_all(*period);
        return;
    case 8:
        (void)step(*period, STEP_NOTICE, 0);
        return;
    case 9:
        if (prng_chance(prng, 150) && step(*period, STEP_ABORT, 0) == ERROR_OK &&
            prng_chance(prng, 700)) {
            cut_now(*period);
        }
        return;
    case 10:
        if (prng_chance(prng, 300))
            (void)step(*period, STEP_UNWIND,
                       province_index(provinces[prng_below(prng, PROVINCES)]));
        return;
    case 11:
        next_step(prng, period);
        return;
    case 13:
        set_prefund(prng, *period);
        return;
    case 12: {
        const uint32_t count = cycle_count(rig.cycle, ROW_NOTICE);
        if (count != 0)
            pay_some(prng, cycle_row(rig.cycle, ROW_NOTICE, (uint32_t)prng_below(prng, count)),
                     prng_chance(prng, 300));
        return;
    }
    default:
        (void)step(*period, STEP_COMPUTE, 0);
        return;
    }
}

static void test_any_order_leaves_it_sound(void **state)
{
    uint32_t settled = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= 24; seed++) {
        struct prng prng = {seed * 77};
        uint32_t period = FIRST_MONTH;
        cycle_rig_open(&rig, FIRST_MONTH * 100 + 1);
        cycle_rig_set(&rig, SETTING_PAYABLE_MODE, (int64_t)(seed % 4));
        cycle_rig_set(&rig, SETTING_NEGATIVE_PAIR, (int64_t)(seed / 4 % 2));
        make_month(&prng, period);
        for (int i = 0; i < 700 && period < FIRST_MONTH + 10; i++)
            any_step(&prng, &period);
        settled += period - FIRST_MONTH;
        cycle_rig_close(&rig);
    }
    /* The walk does get somewhere. */
    assert_true(settled > 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_net_in_every_mode),
        cmocka_unit_test(test_any_order_leaves_it_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
