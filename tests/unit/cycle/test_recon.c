/* Reconciliation: totals and lists of both sides, every kind of difference, corrected lists, what a
 * difference does before and after the handover, and random lists against a naive comparison.
 * Anhui (34) pays, Shanghai (31) is paid. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define DAY   20260305
#define MONTH 202603

static struct cycle_rig rig;

static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260320);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    cycle_rig_close(&rig);
    return 0;
}

/* -- helpers ----------------------------------------------------------------------------------- */

static struct recon_item list[RECON_LIST_MAX];
static uint32_t listed;

static struct recon_item *add_item(const struct record_facts *record)
{
    struct recon_item *item = &list[listed++];
    *item = (struct recon_item){
        .ref = record->ref,
        .refund = record->kind == RECORD_REFUND,
        .medfee = record->medfee,
        .acct = record->funds[FUND_ACCOUNT],
        .fund = funds_sum(record->funds) - record->funds[FUND_ACCOUNT],
    };
    return item;
}

/* A list of all that stands of the day. */
static void list_all(uint32_t day)
{
    listed = 0;
    for (size_t i = 0; i < rig.record_count; i++) {
        const struct record_facts *record = &rig.records[i];
        if (record->day == day && (record->flags & RECORD_REVERSED) == 0) (void)add_item(record);
    }
}

static struct order list_order(uint32_t sender, uint32_t day)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_RECON_LIST, sender);
    order.payer = province_index(34);
    order.payee = province_index(31);
    order.day = day;
    order.items = list;
    order.row_count = listed;
    return order;
}

static uint16_t give_list(uint32_t sender, uint32_t day)
{
    const struct order order = list_order(sender, day);
    return cycle_rig_give(&rig, &order);
}

static uint16_t give_totals(uint32_t sender, uint32_t day, struct recon_total *totals,
                            uint32_t count)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_RECON_DAY, sender);
    order.period = MONTH;
    order.day = day;
    order.totals = totals;
    order.row_count = count;
    return cycle_rig_give(&rig, &order);
}

static struct recon_total total(uint64_t count, int64_t medfee, int64_t fund, int64_t acct)
{
    return (struct recon_total){
        .cell = {MONTH, province_index(34), province_index(31), LINE_INPATIENT, 0},
        .count = count,
        .medfee = medfee,
        .fund = fund,
        .acct = acct,
    };
}

/* The one cell of the tests, as the cycle sees it. */
static struct cell_state the_cell(void)
{
    struct cell cell = {.key = {MONTH, province_index(34), province_index(31), LINE_INPATIENT, 0}};
    for (size_t i = 0; i < rig.record_count; i++) {
        const struct record_facts *record = &rig.records[i];
        if (record->period != MONTH || (record->flags & RECORD_REVERSED) != 0) continue;
        cell.count++;
        cell.checksum += record->content_hash;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            cell.balance[ACCOUNT_COST][fund] += record->funds[fund];
    }
    size_t count;
    struct cell_state *states = cycle_cell_states(rig.cycle, MONTH, &cell, 1, &count);
    assert_int_equal(count, 1);
    const struct cell_state state = states[0];
    free(states);
    return state;
}

static uint32_t flags_of(const char *setl_id)
{
    const struct record_ref ref = cycle_rig_ref(34, setl_id);
    const struct exception_row *exception = cycle_rig_exception(&rig, &ref);
    return exception == NULL ? 0 : exception->flags;
}

static const struct difference_row *difference(const char *setl_id, enum side side)
{
    const struct difference_row key = {
        .day = DAY,
        .payer = province_index(34),
        .payee = province_index(31),
        .side = (uint8_t)side,
        .ref = cycle_rig_ref(34, setl_id),
    };
    return cycle_find(rig.cycle, ROW_DIFFERENCE, &key);
}

static void three_records(void)
{
    cycle_rig_record(&rig, 34, 31, "A", DAY, 1000)->funds[FUND_ACCOUNT] = 30;
    cycle_rig_record(&rig, 34, 31, "B", DAY, 2000);
    cycle_rig_record(&rig, 34, 31, "C", DAY, 4000);
}

/* -- totals ------------------------------------------------------------------------------------ */

/* Each side agrees day by day; only all days together are the cell. */
static void test_totals_of_days(void **state)
{
    (void)state;
    three_records();
    cycle_rig_record(&rig, 34, 31, "D", DAY + 1, 8000);
    struct recon_total first = total(3, 7300, 7000, 30);
    struct recon_total second = total(1, 8100, 8000, 0);
    assert_int_equal(give_totals(34, DAY, &first, 1), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 1);
    assert_false(the_cell().reconciled[SIDE_PAYER]);
    assert_int_equal(give_totals(34, DAY + 1, &second, 1), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYER]);
    assert_false(the_cell().reconciled[SIDE_PAYEE]);
    /* Saying it twice adds nothing up twice. */
    assert_int_equal(give_totals(34, DAY, &first, 1), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYER]);
    /* A record that comes later makes it stale. */
    cycle_rig_record(&rig, 34, 31, "E", DAY, 1);
    assert_false(the_cell().reconciled[SIDE_PAYER]);
}

/* As many records, but one of them is another: the day has to be agreed on anew, and is then
 * counted once. */
static void test_another_record(void **state)
{
    (void)state;
    three_records();
    struct recon_total day = total(3, 7300, 7000, 30);
    assert_int_equal(give_totals(34, DAY, &day, 1), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYER]);
    rig.records[0].content_hash++;
    assert_false(the_cell().reconciled[SIDE_PAYER]);
    assert_int_equal(give_totals(34, DAY, &day, 1), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYER]);
}

static void test_totals_of_the_month(void **state)
{
    (void)state;
    three_records();
    struct recon_total whole = total(3, 7300, 7000, 30);
    assert_int_equal(give_totals(31, 0, &whole, 1), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYEE]);
    assert_false(the_cell().reconciled[SIDE_PAYER]);
    /* One more record, and the days say so: the month's old total is not in the way. */
    cycle_rig_record(&rig, 34, 31, "D", DAY, 8000);
    whole = total(4, 15400, 15000, 30);
    assert_int_equal(give_totals(31, DAY, &whole, 1), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYEE]);
}

/* Equal ones are kept, different ones are only counted. */
static void test_totals_differ(void **state)
{
    (void)state;
    three_records();
    cycle_rig_record(&rig, 34, 31, "P", DAY, 96)->line = LINE_PHARMACY;
    struct recon_total totals[2] = {total(3, 7300, 7000, 30), total(1, 196, 96, 0)};
    totals[1].cell.line = LINE_PHARMACY;
    const struct recon_total good = totals[0];
    for (int field = 0; field < 4; field++) {
        totals[0] = good;
        if (field == 0) totals[0].count++;
        if (field == 1) totals[0].medfee++;
        if (field == 2) totals[0].fund++;
        if (field == 3) totals[0].acct++;
        assert_int_equal(give_totals(34, DAY, totals, 2), ERROR_OK);
        assert_int_equal(rig.decision.counts[0], 1);
        assert_int_equal(rig.decision.counts[1], 1);
        assert_int_equal(cycle_count(rig.cycle, ROW_RECON), 1);
    }
    const struct recon_row *row = cycle_row(rig.cycle, ROW_RECON, 0);
    assert_int_equal(row->cell.line, LINE_PHARMACY);
    /* A cell the centre has not. */
    totals[0] = good;
    totals[0].cell.line = LINE_CHRONIC;
    assert_int_equal(give_totals(34, DAY, totals, 1), ERROR_OK);
    assert_int_equal(rig.decision.counts[1], 1);
}

static void test_totals_refused(void **state)
{
    (void)state;
    three_records();
    struct recon_total good = total(3, 7300, 7000, 30);
    assert_int_equal(give_totals(32, DAY, &good, 1), ERROR_NOT_YOURS);
    assert_int_equal(give_totals(0, DAY, &good, 1), ERROR_NOT_YOURS);
    struct recon_total nobody = good;
    nobody.cell.payer = PROVINCE_CENTRE;
    assert_int_equal(give_totals(0, DAY, &nobody, 1), ERROR_NOT_YOURS);
    assert_int_equal(give_totals(34, 20260332, &good, 1), ERROR_MALFORMED);
    assert_int_equal(give_totals(34, DAY, &good, 0), ERROR_OK);
    assert_int_equal(rig.decision.rows, 0);
    rig.closed_year = 2026;
    assert_int_equal(give_totals(34, DAY, &good, 1), ERROR_PERIOD_CLOSED);
    assert_int_equal(cycle_count(rig.cycle, ROW_RECON), 0);
}

/* -- lists ------------------------------------------------------------------------------------- */

static void test_equal_list(void **state)
{
    (void)state;
    three_records();
    cycle_rig_record(&rig, 34, 31, "R", DAY, -500)->kind = RECORD_REFUND;
    cycle_rig_record(&rig, 34, 31, "X", DAY, 9)->flags = RECORD_REVERSED;
    cycle_rig_record(&rig, 34, 32, "elsewhere", DAY, 9)->period = 202604;
    list_all(DAY);
    listed--; /* The other pair's. */
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 4);
    assert_int_equal(cycle_count(rig.cycle, ROW_DIFFERENCE), 0);
    assert_int_equal(cycle_count(rig.cycle, ROW_EXCEPTION), 0);
    assert_true(the_cell().reconciled[SIDE_PAYER]);
    assert_false(the_cell().reconciled[SIDE_PAYEE]);
    assert_int_equal(give_list(31, DAY), ERROR_OK);
    assert_true(the_cell().reconciled[SIDE_PAYEE]);
}

/* Every kind, as the payer's list and as the payee's. */
static void test_kinds(void **state)
{
    (void)state;
    for (enum side side = SIDE_PAYER; side <= SIDE_PAYEE; side++) {
        if (side == SIDE_PAYEE) {
            teardown(NULL);
            setup(NULL);
        }
        three_records();
        cycle_rig_record(&rig, 34, 31, "D", DAY, 8000);
        cycle_rig_record(&rig, 34, 31, "E", DAY, 16000)->funds[FUND_ACCOUNT] = 1;
        cycle_rig_record(&rig, 34, 31, "F", DAY, 32000);
        list_all(DAY);
        list[0].fund++;     /* A */
        list[1].refund = 1; /* B */
        list[2] = list[3];  /* C is missing, D is there twice */
        list[4].acct++;     /* E */
        list[5].medfee--;   /* F */
        list[listed] = list[0];
        list[listed++].ref = cycle_rig_ref(34, "Z"); /* The centre has not got it. */
        assert_int_equal(give_list(side == SIDE_PAYER ? 34 : 31, DAY), ERROR_OK);

        const enum difference theirs = side == SIDE_PAYER ? DIFF_ONLY_PAYER : DIFF_ONLY_PAYEE;
        const enum difference missing = side == SIDE_PAYER ? DIFF_ONLY_PAYEE : DIFF_ONLY_PAYER;
        assert_int_equal(difference("A", side)->kind, DIFF_AMOUNT);
        assert_int_equal(difference("B", side)->kind, DIFF_FLAG);
        assert_int_equal(difference("C", side)->kind, missing);
        assert_int_equal(difference("D", side)->kind, DIFF_DUPLICATE);
        assert_int_equal(difference("E", side)->kind, DIFF_AMOUNT);
        assert_int_equal(difference("F", side)->kind, DIFF_AMOUNT);
        assert_int_equal(difference("Z", side)->kind, theirs);
        assert_int_equal(rig.decision.counts[0], 0);
        assert_int_equal(rig.decision.counts[DIFF_AMOUNT], 3);
        assert_int_equal(rig.decision.counts[DIFF_FLAG], 1);
        assert_int_equal(rig.decision.counts[DIFF_DUPLICATE], 1);
        assert_int_equal(rig.decision.counts[theirs], 1);
        assert_int_equal(rig.decision.counts[missing], 1);

        const struct difference_row *a = difference("A", side);
        assert_int_equal(a->our_fund, 1000);
        assert_int_equal(a->their_fund, 1001);
        assert_int_equal(a->our_acct, 30);
        assert_int_equal(a->period, MONTH);
        assert_true(a->open && a->at_centre);
        assert_false(difference("Z", side)->at_centre);

        const uint32_t flag = side == SIDE_PAYER ? EXCEPTION_DIFF_PAYER : EXCEPTION_DIFF_PAYEE;
        for (const char *id = "ABCDEF"; *id != 0; id++) {
            const char name[2] = {*id, 0};
            assert_int_equal(flags_of(name), flag);
        }
        assert_int_equal(flags_of("Z"), 0);
        const struct cell_state cell = the_cell();
        assert_int_equal(cell.exceptions, 6);
        assert_int_equal(cell.blocked, 63000 + 31);
        /* Reconciled all the same: what differs is listed apart. */
        assert_true(cell.reconciled[side]);
    }
}

/* The same list again is told what was found the first time, whatever there is by now. */
static void test_list_again(void **state)
{
    (void)state;
    three_records();
    list_all(DAY);
    list[0].fund++;
    list[listed++].ref = cycle_rig_ref(34, "Z");
    const struct order order = list_order(34, DAY);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    const struct decision first = rig.decision;
    cycle_rig_record(&rig, 34, 31, "D", DAY, 8000);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(first.counts[DIFF_AMOUNT], 1);
    assert_memory_equal(rig.decision.counts, first.counts, sizeof first.counts);
}

/* A corrected list takes off the flag of its own side, and of nothing else. */
static void test_corrected_list(void **state)
{
    (void)state;
    three_records();
    list_all(DAY);
    list[0].fund++;
    list[1].fund++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(give_list(31, DAY), ERROR_OK);
    assert_int_equal(flags_of("A"), EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE);

    list[0].fund--;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(flags_of("A"), EXCEPTION_DIFF_PAYEE);
    assert_int_equal(flags_of("B"), EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE);
    assert_false(difference("A", SIDE_PAYER)->open);
    assert_true(difference("B", SIDE_PAYER)->open);
    assert_true(difference("A", SIDE_PAYEE)->open);

    /* The same day's list of another pair closes nothing of this one. */
    struct order order = cycle_rig_order(&rig, MESSAGE_RECON_LIST, 31);
    order.payer = province_index(33);
    order.payee = province_index(31);
    order.day = DAY;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_true(difference("A", SIDE_PAYEE)->open);

    list_all(DAY);
    assert_int_equal(give_list(31, DAY), ERROR_OK);
    assert_int_equal(flags_of("A"), 0);
    assert_int_equal(flags_of("B"), EXCEPTION_DIFF_PAYER);
    assert_int_equal(give_list(31, DAY), ERROR_OK);
    assert_int_equal(rig.decision.rows, 2); /* The cell's day and the order: nothing else. */
}

static void test_too_many(void **state)
{
    (void)state;
    three_records();
    cycle_rig_set(&rig, SETTING_RECON_DIFFERENCES_MAX, 2);
    listed = 0;
    assert_int_equal(give_list(34, DAY), ERROR_TOO_MANY_DIFFERENCES);
    assert_int_equal(rig.decision.counts[DIFF_ONLY_PAYEE], 0);
    assert_int_equal(cycle_count(rig.cycle, ROW_DIFFERENCE), 0);
    assert_int_equal(cycle_count(rig.cycle, ROW_RECON), 0);
    listed = 1;
    list_all(DAY);
    listed = 1;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_DIFFERENCE), 2);
}

static void test_list_refused(void **state)
{
    (void)state;
    three_records();
    list_all(DAY);
    assert_int_equal(give_list(32, DAY), ERROR_NOT_YOURS);
    assert_int_equal(give_list(0, DAY), ERROR_NOT_YOURS);
    assert_int_equal(give_list(34, 20260230), ERROR_MALFORMED);
    struct order order = cycle_rig_order(&rig, MESSAGE_RECON_LIST, 34);
    order.day = DAY;
    order.payer = province_index(34);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_UNKNOWN_AREA);
    order.payee = province_index(34);
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_SAME_PROVINCE);
    rig.closed_year = 2026;
    assert_int_equal(give_list(34, DAY), ERROR_PERIOD_CLOSED);
}

/* Two persons with one id: as many items as records, each with its likes. */
static void test_shared_ids(void **state)
{
    (void)state;
    cycle_rig_record(&rig, 34, 31, "A", DAY, 2000);
    cycle_rig_record(&rig, 34, 31, "A", DAY, 1000);
    list_all(DAY);
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], 2);
    list[listed] = list[0];
    listed++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(rig.decision.counts[DIFF_DUPLICATE], 1);
    listed = 1; /* Only the one of 2000. */
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(rig.decision.counts[DIFF_ONLY_PAYEE], 1);
}

/* A day's records may be cleared in several months, and a cell may lose all it had of a day. */
static void test_cells_of_a_day(void **state)
{
    (void)state;
    three_records();
    cycle_rig_day(&rig, 20260410);
    cycle_rig_record(&rig, 34, 31, "L", DAY, 77)->period = 202604;
    list_all(DAY);
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(cycle_count(rig.cycle, ROW_RECON), 2);
    struct cell_key april = {202604, province_index(34), province_index(31), LINE_INPATIENT, 0};
    assert_true(cell_reconciled(rig.cycle, &april, 1, rig.records[3].content_hash, SIDE_PAYER));

    rig.records[3].flags |= RECORD_REVERSED;
    cycle_rig_record(&rig, 34, 31, "M", DAY + 31, 5)->period = 202604;
    list_all(DAY);
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    list_all(DAY + 31);
    assert_int_equal(give_list(34, 20260405), ERROR_OK);
    cycle_rig_record(&rig, 34, 31, "N", 20260406, 5);
    list_all(20260406);
    assert_int_equal(give_list(34, 20260406), ERROR_OK);
    assert_true(cell_reconciled(rig.cycle, &april, 1, rig.records[5].content_hash, SIDE_PAYER));
}

/* The cell that loses what it had of a day may be of a month before the day's: an adjustment of
 * that day is of its original's month. Or of one that is still to come: this one is cut already. */
static void test_cells_of_other_months(void **state)
{
    static const uint32_t months[] = {202602, 202604};
    (void)state;
    for (uint32_t i = 0; i < 2; i++) {
        const struct cell_key cell = {months[i], province_index(34), province_index(31),
                                      LINE_INPATIENT, 0};
        const struct recon_row key = {.cell = cell, .day = DAY, .side = SIDE_PAYER};
        struct record_facts *record =
            cycle_rig_record(&rig, 34, 31, i == 0 ? "adjusted" : "late", DAY, 77);
        record->period = months[i];
        list_all(DAY);
        assert_int_equal(give_list(34, DAY), ERROR_OK);
        assert_true(cell_reconciled(rig.cycle, &cell, 1, record->content_hash, SIDE_PAYER));

        record->flags |= RECORD_REVERSED;
        list_all(DAY);
        assert_int_equal(give_list(34, DAY), ERROR_OK);
        const struct recon_row *row = cycle_find(rig.cycle, ROW_RECON, &key);
        assert_non_null(row);
        assert_int_equal(row->count, 0);
        assert_int_equal(row->checksum, 0);
        assert_true(cell_reconciled(rig.cycle, &cell, 0, 0, SIDE_PAYER));
    }
}

/* -- after the handover ------------------------------------------------------------------------ */

/* The cell waits for the payer's reconciliation; a list with a difference carves the record out. */
static void test_waiting_cell(void **state)
{
    (void)state;
    three_records();
    cycle_rig_set(&rig, SETTING_RECON_REQUIRED, 1);
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_ACCRUED), 7030);
    list_all(DAY);
    list[0].fund++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_MISMATCHED), 1030);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_ACCRUED), 6000);
    list[0].fund--;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_MISMATCHED), 0);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CONFIRMED), 1030);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_COST), -7030);
}

/* In a batch: two records of one line leave it; after the notices the list only says so. */
static void test_batched_cell(void **state)
{
    (void)state;
    three_records();
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 7030);
    list_all(DAY);
    list[0].fund++;
    list[1].fund++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_MISMATCHED), 3030);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 4000);

    cycle_rig_batch(&rig, MONTH, BATCH_NOTICED);
    list[2].fund++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_true(difference("C", SIDE_PAYER)->open);
    assert_int_equal(flags_of("C"), 0);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), 4000);
}

/* -- size and chance --------------------------------------------------------------------------- */

#define MANY 100000

/* A record that differs is taken back before the cut. A later list that shows it no more must not
 * take it out of a batch it is not in. */
static void test_taken_back_while_it_differs(void **state)
{
    (void)state;
    three_records();
    list_all(DAY);
    list[0].medfee++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(flags_of("A"), EXCEPTION_DIFF_PAYER);
    rig.records[0].flags |= RECORD_REVERSED;
    cycle_rig_day(&rig, 20260420);
    cycle_rig_cut(&rig, MONTH);
    const int64_t cleared = cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING);
    list_all(DAY);
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(flags_of("A"), EXCEPTION_REVERSED);
    assert_int_equal(cycle_rig_stands(&rig, 34, 31, CYCLE_CLEARING), cleared);
    assert_null(cycle_check(rig.cycle));
    /* Nor may it refuse the list once the batch has its notices. */
    cycle_rig_batch(&rig, MONTH, BATCH_NOTICED);
    assert_int_equal(give_list(34, DAY), ERROR_OK);
}

static void test_large_list(void **state)
{
    (void)state;
    struct prng prng = {1};
    for (uint32_t i = 0; i < MANY; i++) {
        char id[31];
        (void)snprintf(id, sizeof id, "%016llx", (unsigned long long)prng_u64(&prng));
        struct record_facts *record =
            cycle_rig_record(&rig, 34, 31, id, DAY, (int64_t)prng_below(&prng, 100000));
        record->line = (uint8_t)(1 + prng_below(&prng, 4));
        record->insurance = (uint8_t)prng_below(&prng, 4);
    }
    list_all(DAY);
    for (uint32_t i = 0; i < MANY; i += 1000)
        list[i].medfee++;
    assert_int_equal(give_list(34, DAY), ERROR_OK);
    assert_int_equal(rig.decision.counts[0], MANY - MANY / 1000);
    print_message("%d records against %d: %lld ms\n", MANY, MANY, (long long)rig.judged_us / 1000);
}

/* Which difference a list of unique ids has for an id: the definition, one by one. */
static enum difference naive(const char *setl_id, enum side side)
{
    const struct record_ref ref = cycle_rig_ref(34, setl_id);
    const struct record_facts *record = NULL;
    for (size_t i = 0; i < rig.record_count; i++) {
        const struct record_facts *r = &rig.records[i];
        if (memcmp(&r->ref, &ref, sizeof ref) == 0 && (r->flags & RECORD_REVERSED) == 0) record = r;
    }
    const struct recon_item *item = NULL;
    uint32_t items = 0;
    for (uint32_t i = 0; i < listed; i++) {
        if (memcmp(&list[i].ref, &ref, sizeof ref) != 0) continue;
        item = &list[i];
        items++;
    }
    if (items > 1) return DIFF_DUPLICATE;
    if (record == NULL && item == NULL) return DIFF_NONE;
    if (record == NULL) return side == SIDE_PAYER ? DIFF_ONLY_PAYER : DIFF_ONLY_PAYEE;
    if (item == NULL) return side == SIDE_PAYER ? DIFF_ONLY_PAYEE : DIFF_ONLY_PAYER;
    if (record->medfee != item->medfee || record->funds[FUND_POOL] != item->fund ||
        record->funds[FUND_ACCOUNT] != item->acct)
        return DIFF_AMOUNT;
    return (record->kind == RECORD_REFUND) != (item->refund != 0) ? DIFF_FLAG : DIFF_NONE;
}

static void make_random_list(struct prng *prng)
{
    listed = 0;
    for (size_t i = 0; i < rig.record_count; i++) {
        if (prng_chance(prng, 150)) continue;
        struct recon_item *item = add_item(&rig.records[i]);
        if (prng_chance(prng, 50)) item->medfee++;
        if (prng_chance(prng, 50)) item->fund--;
        if (prng_chance(prng, 50)) item->acct += 7;
        if (prng_chance(prng, 50)) item->refund ^= 1;
        if (prng_chance(prng, 50)) (void)add_item(&rig.records[i]);
    }
    for (uint32_t i = listed; i > 1; i--) {
        const uint32_t k = (uint32_t)prng_below(prng, i);
        const struct recon_item kept = list[i - 1];
        list[i - 1] = list[k];
        list[k] = kept;
    }
}

/* Lists one after another: what is open is always what the latest list of each side shows. */
static void test_random_lists(void **state)
{
    (void)state;
    struct prng prng = {7};
    for (uint32_t world = 0; world < 20; world++) {
        teardown(NULL);
        setup(NULL);
        char id[8];
        for (uint32_t i = 0; i < 60; i++) {
            (void)snprintf(id, sizeof id, "S%u", i);
            struct record_facts *record =
                cycle_rig_record(&rig, 34, 31, id, DAY, (int64_t)prng_below(&prng, 1000));
            record->funds[FUND_ACCOUNT] = (int64_t)prng_below(&prng, 100);
            if (prng_chance(&prng, 100)) record->kind = RECORD_REFUND;
            if (prng_chance(&prng, 100)) record->flags = RECORD_REVERSED;
            record->line = (uint8_t)(1 + prng_below(&prng, 4));
        }
        uint8_t expected[2][60] = {{0}};
        for (uint32_t round = 0; round < 10; round++) {
            const enum side side = (enum side)prng_below(&prng, 2);
            make_random_list(&prng);
            if (world % 2 == 1 && round == 5) {
                cycle_rig_day(&rig, 20260420);
                cycle_rig_cut(&rig, MONTH);
            }
            assert_int_equal(give_list(side == SIDE_PAYER ? 34 : 31, DAY), ERROR_OK);
            assert_null(cycle_check(rig.cycle));
            for (uint32_t i = 0; i < 60; i++) {
                (void)snprintf(id, sizeof id, "S%u", i);
                expected[side][i] = (uint8_t)naive(id, side);
                uint32_t flags = 0;
                for (enum side s = SIDE_PAYER; s <= SIDE_PAYEE; s++) {
                    const struct difference_row *row = difference(id, s);
                    const uint8_t open = row != NULL && row->open ? row->kind : DIFF_NONE;
                    assert_int_equal(open, expected[s][i]);
                    const bool stands = (rig.records[i].flags & RECORD_REVERSED) == 0;
                    if (open != DIFF_NONE && stands)
                        flags |= s == SIDE_PAYER ? EXCEPTION_DIFF_PAYER : EXCEPTION_DIFF_PAYEE;
                }
                assert_int_equal(flags_of(id), flags);
            }
        }
    }
}

/* Facts may hold more than the day and the pair of the list: only what is theirs is compared. */
static void test_facts_of_more(void **state)
{
    (void)state;
    struct decision decision;
    three_records();
    cycle_rig_record(&rig, 34, 31, "D", DAY + 1, 8000);
    cycle_rig_record(&rig, 34, 32, "E", DAY, 8000);
    cycle_rig_record(&rig, 36, 31, "F", DAY, 8000);
    listed = 0;
    for (size_t i = 0; i < 3; i++)
        (void)add_item(&rig.records[i]);
    const struct order order = list_order(31, DAY);
    const struct facts facts = {.records = rig.records, .record_count = rig.record_count};
    decision_init(&decision);
    cycle_judge(rig.cycle, &order, &facts, rig.now_ms, &decision);
    assert_int_equal(decision.code, ERROR_OK);
    assert_int_equal(decision.counts[DIFF_NONE], 3);
    for (int kind = DIFF_NONE + 1; kind <= DIFF_DUPLICATE; kind++)
        assert_int_equal(decision.counts[kind], 0);
    decision_free(&decision);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_totals_of_days, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_record, setup, teardown),
        cmocka_unit_test_setup_teardown(test_totals_of_the_month, setup, teardown),
        cmocka_unit_test_setup_teardown(test_totals_differ, setup, teardown),
        cmocka_unit_test_setup_teardown(test_totals_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_equal_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_kinds, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_corrected_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_list_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shared_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cells_of_a_day, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cells_of_other_months, setup, teardown),
        cmocka_unit_test_setup_teardown(test_waiting_cell, setup, teardown),
        cmocka_unit_test_setup_teardown(test_batched_cell, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_back_while_it_differs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_facts_of_more, setup, teardown),
        cmocka_unit_test_setup_teardown(test_large_list, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_lists, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
