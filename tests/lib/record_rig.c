#include "tests/lib/record_rig.h"

#include "codec/messages.h"
#include "tests/lib/unit.h"

struct rig record_rig;

static struct tables tables;
static uint8_t body[1200];

void record_open(uint32_t delta_entries, uint32_t cells)
{
    const struct rig_options options = {
        .tables = &tables, .delta_entries = delta_entries, .cells = cells};
    rig_load_tables(&tables);
    rig_open(&record_rig, &options);
}

int record_set_up(void **state)
{
    (void)state;
    record_open(0, 0);
    return 0;
}

int record_tear_down(void **state)
{
    (void)state;
    rig_close(&record_rig);
    return 0;
}

/* -- messages ---------------------------------------------------------------------------------- */

struct settlement record_visit(const char *msgid, const char *setl_id)
{
    struct settlement s = rig_visit(msgid, setl_id, PERSON, 42000);
    s.setl_time = MANUAL_CLOCK_START_MS + 24 * HOUR;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 28000;
    s.amounts[AMOUNT_PSN_PART] = 14000;
    s.amounts[AMOUNT_ACCT] = 10000;
    s.amounts[AMOUNT_CASH] = 4000;
    return s;
}

struct correction record_correction(const char *msgid, const char *omsgid)
{
    return (struct correction){
        .msgid = bytes_of(msgid), .omsgid = bytes_of(omsgid), .psn_key = bytes_of(PERSON)};
}

struct bytes record_encoded(const struct settlement *s)
{
    return (struct bytes){body, settlement_encode(s, body)};
}

struct rig_result record_post(const struct settlement *s)
{
    return rig_ask(&record_rig, MESSAGE_SETL_POST, 13, record_encoded(s));
}

struct rig_result record_correct(struct correction c)
{
    return rig_ask(&record_rig, MESSAGE_CORRECTION, 13,
                   (struct bytes){body, correction_encode(&c, body)});
}

struct rig_result record_reverse(const struct reversal *r)
{
    return rig_ask(&record_rig, MESSAGE_SETL_REVERSE, 13,
                   (struct bytes){body, rig_encode_reversal(r, body)});
}

struct rig_result record_adjust(const struct adjustment *a)
{
    return rig_ask(&record_rig, MESSAGE_SETL_ADJUST, 13,
                   (struct bytes){body, rig_encode_adjustment(a, body)});
}

void record_clock(int64_t to_ms)
{
    rig_clock(&record_rig, to_ms);
}

void record_cut(uint32_t period)
{
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_CHECK, period)).result.code, 0);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT, period)).result.code, 0);
    assert_int_equal(rig_order(&record_rig, rig_control(REQUEST_CUT_RELEASE, 0)).result.code, 0);
}

/* -- what came of them ------------------------------------------------------------------------- */

void record_accepted(struct rig_result got, uint64_t seq, bool dup)
{
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.seq, seq);
    assert_int_equal(got.result.dup, dup);
}

void record_refused(struct rig_result got, uint32_t code)
{
    assert_int_equal(got.result.code, code);
    assert_int_equal(got.failures[0].code, code);
    assert_int_equal(got.result.seq, 0);
}

/* What the shard's cells clear in all, and how many records they hold. */
static int64_t cleared(uint64_t *ret_records)
{
    uint32_t count;
    int64_t sum = 0;
    const struct cell *cells = shard_cells(record_rig.shard, &count);
    *ret_records = 0;
    for (uint32_t i = 0; i < count; i++) {
        *ret_records += cells[i].count;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            sum += cells[i].balance[ACCOUNT_COST][fund];
    }
    return sum;
}

void record_cleared(int64_t fen, uint64_t records)
{
    uint64_t there;
    assert_int_equal(cleared(&there), fen);
    assert_int_equal(there, records);
}
