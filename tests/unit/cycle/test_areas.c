/* A province's second level: the areas together are its lines of the batch, on both sides, whatever
 * was carved out, deducted, carried or taken back. */
#include <stdio.h>
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define AH    34
#define SH    31
#define MARCH 202603
#define APRIL 202604
#define ROOM  1000

static struct cycle_rig rig;
static struct tally tallies[2 * ROOM];

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260401);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

static void put_exception(const struct record_facts *record, uint32_t flags, int64_t deducted)
{
    const struct exception_row row = {
        .ref = record->ref, .record = *record, .flags = flags, .deducted = {deducted}};
    cycle_rig_put(&rig, ROW_EXCEPTION, &row);
}

/* A tally a record and side: as fine as can be, and the same when added up. */
static size_t make_tallies(void)
{
    size_t count = 0;
    for (size_t i = 0; i < rig.record_count; i++) {
        const struct record_facts *r = &rig.records[i];
        if ((r->flags & RECORD_REVERSED) != 0) continue;
        for (uint32_t kind = TALLY_PAYER_AREA; kind <= TALLY_PAYEE_AREA; kind++) {
            struct tally *tally = &tallies[count++];
            *tally = (struct tally){
                .key = {kind, r->period,
                        kind == TALLY_PAYER_AREA ? r->ref.insu_admdvs : r->mdtrtarea_admvs,
                        r->payer, r->payee, r->line, r->insurance},
                .count = 1,
                .medfee = r->medfee,
                .checksum = r->content_hash,
            };
            memcpy(tally->funds, r->funds, sizeof tally->funds);
        }
    }
    return count;
}

static struct tally *areas(uint32_t period, uint32_t province, enum side side, size_t *ret_count)
{
    struct tally *rows =
        cycle_area_rows(rig.cycle, cycle_batch(rig.cycle, period), province_index(province), side,
                        tallies, make_tallies(), ret_count);
    assert_non_null(rows);
    return rows;
}

static struct record_facts *record_in(const char *setl_id, uint32_t day, int64_t pool,
                                      uint32_t insured, uint32_t treated)
{
    struct record_facts *record = cycle_rig_record(&rig, AH, SH, setl_id, day, pool);
    record->ref.insu_admdvs = insured;
    record->mdtrtarea_admvs = treated;
    return record;
}

static void test_by_both_sides(void **state)
{
    size_t count;
    (void)state;
    (void)record_in("a", 20260302, 100, 340100, 310101);
    (void)record_in("b", 20260302, 200, 340200, 310101);
    put_exception(record_in("held", 20260302, 50, 340200, 310105), EXCEPTION_HELD, 0);
    put_exception(record_in("less", 20260302, 30, 340200, 310105), 0, 4);
    cycle_rig_cut(&rig, MARCH);

    struct tally *rows = areas(MARCH, AH, SIDE_PAYER, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].key.part, 340100);
    assert_int_equal(rows[0].key.kind, TALLY_PAYER_AREA);
    assert_int_equal(rows[0].funds[FUND_POOL], 100);
    assert_int_equal(rows[1].key.part, 340200);
    assert_int_equal(rows[1].funds[FUND_POOL], 226);
    assert_int_equal(rows[1].count, 2);
    assert_int_equal(rows[1].medfee, 430);
    free(rows);
    rows = areas(MARCH, SH, SIDE_PAYEE, &count);
    assert_int_equal(count, 2);
    assert_int_equal(rows[0].key.part, 310101);
    assert_int_equal(rows[0].funds[FUND_POOL], 300);
    assert_int_equal(rows[1].funds[FUND_POOL], 26);
    free(rows);
    rows = areas(MARCH, SH, SIDE_PAYER, &count);
    assert_int_equal(count, 0);
    free(rows);
}

/* A released record and a recovery fall on their own areas in the month that clears them. */
static void test_carried_and_recovered(void **state)
{
    size_t count;
    (void)state;
    (void)record_in("a", 20260302, 100, 340100, 310101);
    const struct record_facts *held = record_in("held", 20260302, 50, 340200, 310105);
    put_exception(held, EXCEPTION_HELD, 0);
    struct exception_row row = {.ref = held->ref, .record = *held, .carved = 1};
    cycle_rig_cut(&rig, MARCH);
    cycle_rig_put(&rig, ROW_EXCEPTION, &row);
    const struct recovery_row recovery = {
        .recovery_no = "R1",
        .ref = rig.records[0].ref,
        .cell = {MARCH, province_index(AH), province_index(SH), LINE_INPATIENT, INSURANCE_EMPLOYEE},
        .funds = {8}};
    cycle_rig_put(&rig, ROW_RECOVERY, &recovery);
    const struct carry_row carry = {.batch = 1,
                                    .payer = province_index(AH),
                                    .payee = province_index(SH),
                                    .funds = {-3},
                                    .period = MARCH};
    cycle_rig_put(&rig, ROW_CARRY, &carry);
    (void)record_in("april", 20260402, 1000, 340200, 310105);
    cycle_rig_cut(&rig, APRIL);

    struct tally *rows = areas(APRIL, AH, SIDE_PAYER, &count);
    assert_int_equal(count, 3);
    assert_int_equal(rows[0].key.part, 0); /* The negative total is of no area. */
    assert_int_equal(rows[0].funds[FUND_POOL], -3);
    assert_int_equal(rows[1].key.part, 340100);
    assert_int_equal(rows[1].funds[FUND_POOL], -8);
    assert_int_equal(rows[2].key.part, 340200);
    assert_int_equal(rows[2].funds[FUND_POOL], 1050);
    assert_int_equal(rows[2].count, 2);
    assert_int_equal(rows[2].key.period, APRIL);
    free(rows);
    rows = areas(MARCH, AH, SIDE_PAYER, &count);
    assert_int_equal(count, 1);
    assert_int_equal(rows[0].funds[FUND_POOL], 100);
    free(rows);
}

static void assert_areas_are_the_lines(uint32_t period)
{
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];
    const struct batch_row *batch = cycle_batch(rig.cycle, period);
    batch_totals(rig.cycle, batch, batch->version, totals);
    for (int side = 0; side < 2; side++) {
        int64_t funds[FUND_COUNT] = {0};
        uint64_t records = 0;
        size_t count;
        struct tally *rows =
            areas(period, side == 0 ? AH : SH, side == 0 ? SIDE_PAYER : SIDE_PAYEE, &count);
        for (size_t i = 0; i < count; i++) {
            records += rows[i].count;
            for (int fund = 0; fund < FUND_COUNT; fund++)
                funds[fund] += rows[i].funds[fund];
            if (i > 0) assert_true(rows[i - 1].key.part <= rows[i].key.part);
        }
        free(rows);
        const struct pair_total *total = &totals[province_index(AH)][province_index(SH)];
        assert_int_equal(records, total->count);
        assert_memory_equal(funds, total->funds, sizeof funds);
    }
}

static void test_sums_are_the_lines(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct prng prng = {seed};
        for (uint32_t period = MARCH; period <= APRIL; period++) {
            for (int i = 0; i < 100; i++) {
                char setl_id[24];
                (void)snprintf(setl_id, sizeof setl_id, "%u-%d", period, i);
                struct record_facts *record =
                    record_in(setl_id, period * 100 + 3, (int64_t)prng_below(&prng, 900),
                              340000 + 100 * (uint32_t)prng_below(&prng, 5),
                              310101 + (uint32_t)prng_below(&prng, 5));
                record->line = (uint8_t)(1 + prng_below(&prng, 3));
                if (prng_chance(&prng, 100)) {
                    put_exception(record, EXCEPTION_HELD, 0);
                } else if (prng_chance(&prng, 100)) {
                    put_exception(record, 0,
                                  (int64_t)prng_below(&prng, (uint64_t)record->funds[0] + 1));
                }
                if (prng_chance(&prng, 30)) record->flags |= RECORD_REVERSED;
            }
            cycle_rig_cut(&rig, period);
            assert_areas_are_the_lines(period);
            for (uint32_t i = 0; i < cycle_count(rig.cycle, ROW_EXCEPTION); i++) {
                struct exception_row row =
                    *(const struct exception_row *)cycle_row(rig.cycle, ROW_EXCEPTION, i);
                if (row.flags != EXCEPTION_HELD || !prng_chance(&prng, 500)) continue;
                row.flags = 0;
                cycle_rig_put(&rig, ROW_EXCEPTION, &row);
            }
        }
        cycle_rig_close(&rig);
        cycle_rig_open(&rig, 20260401);
    }
}

/* A batch of carried records alone: there is no tally, and a row for each of them. */
static void test_nothing_but_carried(void **state)
{
    size_t count;
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        char setl_id[8];
        (void)snprintf(setl_id, sizeof setl_id, "h%u", i);
        put_exception(record_in(setl_id, 20260302, 10 + i, 340100 + i, 310101), EXCEPTION_HELD, 0);
    }
    cycle_rig_cut(&rig, MARCH);
    for (uint32_t i = 0; i < 40; i++) {
        struct exception_row row =
            *(const struct exception_row *)cycle_row(rig.cycle, ROW_EXCEPTION, i);
        row.flags = 0;
        cycle_rig_put(&rig, ROW_EXCEPTION, &row);
    }
    cycle_rig_day(&rig, 20260504);
    cycle_rig_cut(&rig, APRIL);
    struct tally *rows = cycle_area_rows(rig.cycle, cycle_batch(rig.cycle, APRIL),
                                         province_index(AH), SIDE_PAYER, NULL, 0, &count);
    assert_non_null(rows);
    assert_int_equal(count, 40);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(rows[i].key.part, 340100 + i);
        assert_int_equal(rows[i].count, 1);
        assert_int_equal(rows[i].funds[FUND_POOL], 10 + i);
    }
    free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_by_both_sides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_carried_and_recovered, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_but_carried, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sums_are_the_lines, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
