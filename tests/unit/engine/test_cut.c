/* A cut whose decision is refused when the shards have cut already: nothing is lost, nothing is
 * passed over, and the order given again gives the batch it would have given. */
#include <stdio.h>
#include <stdlib.h>

#include "proto/centre.pb-c.h"
#include "tests/lib/unit.h"
#include "tests/unit/engine/fake_shard.h"
#include "types/civil.h"

#define MARCH   202503
#define APRIL   202504
#define POOL    9000
#define WHERE   "shard 1, entry 1"
#define RECORDS 4 /* Of the month, in each shard. */

/* What goes wrong, and from when on. */
static struct {
    bool unreadable; /* The held record cannot be read any more, once MARCH is cut. */
    bool overflow;   /* So much has come in before the cut that no sum holds it. */
} trouble;

static const struct record_ref held = {.insu_admdvs = 340100, .size = 1, .setl_id = "H"};

static struct record_facts held_record(void)
{
    return (struct record_facts){
        .seq = 1,
        .shard = 1,
        .period = MARCH,
        .day = 20250314,
        .mdtrtarea_admvs = 310000,
        .ref = held,
        .payer = province_index(34),
        .payee = province_index(31),
        .line = LINE_INPATIENT,
        .kind = RECORD_SETTLEMENT,
        .medfee = POOL,
        .funds = {[FUND_POOL] = POOL},
        .content_hash = 77,
    };
}

/* The month's only cell, as a shard has it. */
static struct cell cell_of(uint32_t shard)
{
    const struct record_facts record = held_record();
    struct cell cell = {
        .key = {.period = MARCH,
                .payer = record.payer,
                .payee = record.payee,
                .line = record.line,
                .insurance = record.insurance},
        .count = RECORDS,
        .checksum = 1000 + shard,
        .medfee_sum = RECORDS * POOL,
    };
    int64_t money = RECORDS * POOL;
    if (trouble.overflow && rig.cut_through != 0) money = INT64_MAX / 2;
    cell.balance[ACCOUNT_COST][FUND_POOL] = money;
    cell.balance[ACCOUNT_ACCRUED][FUND_POOL] = -money;
    return cell;
}

static void give(struct result *result, const void *data, size_t size)
{
    result->data = malloc(size);
    assert_non_null(result->data);
    memcpy(result->data, data, size);
    result->data_size = size;
}

static void answer(const struct seen *seen, struct result *result)
{
    const struct cell cell = cell_of(seen->shard);
    const struct record_facts record = held_record();
    switch (seen->type) {
    case REQUEST_CUT_CHECK:
    case REQUEST_CUT_CLOSE:
        result->orig_period = rig.cut_through;
        break;
    case REQUEST_CUT:
        result->stamp_ms = 1;
        if (seen->shard == RIG_SHARDS - 1) rig.cut_through = seen->period;
        break;
    case REQUEST_CELLS:
        if (seen->period == MARCH) give(result, &cell, sizeof cell);
        break;
    case REQUEST_FACTS:
        if (seen->size == 0 || seen->shard != record.shard) break;
        if (trouble.unreadable && rig.cut_through != 0) {
            result->code = ERROR_RECORD_UNREADABLE;
            give(result, WHERE, sizeof WHERE); /* With its end mark, as shards say it. */
        } else {
            give(result, &record, sizeof record);
        }
        break;
    default:
        break;
    }
}

/* Orders the cut of a month; the answer's code, *ret_text its text if asked for. */
static uint32_t order_cut(uint32_t period, char ret_text[300])
{
    static uint64_t request_id;
    Qingfen__V1__PeriodCut order = QINGFEN__V1__PERIOD_CUT__INIT;
    order.period = period;
    assert_int_equal(rig_frame(0, MESSAGE_PERIOD_CUT, ++request_id, &order), HOME_TAKEN);
    rig_run();
    const struct sent *sent = rig_answer_of(request_id);
    assert_non_null(sent);
    Qingfen__V1__PeriodCutReply *reply =
        qingfen__v1__period_cut_reply__unpack(NULL, sent->size, sent->payload);
    assert_non_null(reply);
    const uint32_t code = reply->code;
    if (ret_text != NULL) snprintf(ret_text, 300, "%s", reply->text);
    qingfen__v1__period_cut_reply__free_unpacked(reply, NULL);
    return code;
}

static int setup(void **state)
{
    const struct exception_row exception = {
        .ref = held, .record = held_record(), .flags = EXCEPTION_HELD, .held_since = MARCH};
    memset(&trouble, 0, sizeof trouble);
    if (rig_setup(state) != 0) return -1;
    rig.answer = answer;
    rig.stamp_ms = civil_month_start_ms(APRIL);
    rig_put(ROW_EXCEPTION, &exception);
    return 0;
}

/* The batch as a cut makes it that nothing happens to: all but the held record. */
static void assert_marchs_batch(uint32_t batches)
{
    struct line_row line;
    const struct batch_row *batch = cycle_batch(rig_cycle(), MARCH);
    assert_non_null(batch);
    assert_int_equal(cycle_count(rig_cycle(), ROW_BATCH), batches);
    assert_int_equal(batch->number, 1);
    assert_int_equal(cycle_lines(rig_cycle(), batch->id, 1, &line, 1), 1);
    assert_int_equal(line.count, RIG_SHARDS * RECORDS - 1);
    assert_int_equal(line.funds[FUND_POOL], (RIG_SHARDS * RECORDS - 1) * POOL);
    assert_int_equal(line.checksum, 3003 - 77);
}

static void assert_shards_cut(uint32_t period, uint32_t times)
{
    uint32_t seen = 0;
    for (uint32_t i = 0; i < rig.seen_count; i++)
        seen += rig.seen[i].type == REQUEST_CUT && rig.seen[i].period == period;
    assert_int_equal(seen, times * RIG_SHARDS);
}

static void a_cut_that_nothing_happens_to(void **state)
{
    (void)state;
    assert_int_equal(order_cut(MARCH, NULL), ERROR_OK);
    assert_marchs_batch(1);
    assert_int_equal(order_cut(APRIL, NULL), ERROR_OK);
    assert_int_equal(order_cut(MARCH, NULL), ERROR_OK);
    assert_marchs_batch(2);
    assert_shards_cut(MARCH, 1);
}

/* However often it is refused; and the month behind it waits, also as a trial. */
static void assert_waits_for_march(uint32_t code, const char *why)
{
    char text[300];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(order_cut(MARCH, text), code);
        assert_non_null(strstr(text, why));
        assert_non_null(strstr(text, "202503 is cut on the shards and has no batch"));
        assert_int_equal(order_cut(APRIL, text), ERROR_PERIOD_ORDER);
        assert_non_null(strstr(text, "202503 is cut on the shards and has no batch"));
    }
    assert_shards_cut(MARCH, 1);
    assert_shards_cut(APRIL, 0);
    assert_int_equal(cycle_count(rig_cycle(), ROW_BATCH), 0);
}

static void a_record_that_cannot_be_read_behind_the_shards_cut(void **state)
{
    (void)state;
    trouble.unreadable = true;
    assert_waits_for_march(ERROR_RECORD_UNREADABLE, WHERE);
    trouble.unreadable = false;
    assert_int_equal(order_cut(MARCH, NULL), ERROR_OK);
    assert_marchs_batch(1);
    assert_int_equal(order_cut(APRIL, NULL), ERROR_OK);
    assert_shards_cut(MARCH, 1);
    assert_shards_cut(APRIL, 1);
}

static void a_sum_that_does_not_fit_behind_the_shards_cut(void **state)
{
    (void)state;
    trouble.overflow = true;
    assert_waits_for_march(ERROR_AMOUNT_RANGE, "");
}

/* A month with nothing in it may be passed over: nothing of it waits. */
static void an_empty_month_keeps_nobody(void **state)
{
    (void)state;
    rig.cut_through = 202502;
    assert_int_equal(order_cut(MARCH, NULL), ERROR_OK);
    assert_marchs_batch(1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_cut_that_nothing_happens_to, setup, rig_teardown),
        cmocka_unit_test_setup_teardown(a_record_that_cannot_be_read_behind_the_shards_cut, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(a_sum_that_does_not_fit_behind_the_shards_cut, setup,
                                        rig_teardown),
        cmocka_unit_test_setup_teardown(an_empty_month_keeps_nobody, setup, rig_teardown),
    };
    return cmocka_run_group_tests_name("engine/cut", tests, NULL, NULL);
}
