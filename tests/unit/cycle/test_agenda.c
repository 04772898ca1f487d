/* The agenda: the steps of a month with their days and who must act, what is late, notices and
 * disputes by working days, what waited too long, and the prefunds' alerts. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/lib/unit.h"
#include "tests/unit/cycle/row_rig.h"

enum {
    DONE,
    COMING,
    TODAY,
    LATE,
    ALARM
};

static struct row_rig rig;
static struct agenda_item *items;
static size_t item_count;

static void look(uint32_t month)
{
    free(items);
    items = cycle_agenda(rig.cycle, month, rig.now_ms, &rig.facts, &item_count);
    assert_non_null(items);
    for (size_t i = 1; i < item_count; i++)
        assert_true(items[i - 1].day <= items[i].day);
}

static void start(uint32_t day)
{
    row_rig_open(&rig, day);
}

static void end(void)
{
    row_rig_close(&rig);
    free(items);
    items = NULL;
}

/* The nth item of that key, or NULL. */
static const struct agenda_item *nth(const char *what, uint32_t n)
{
    for (size_t i = 0; i < item_count; i++) {
        if (strcmp(items[i].what, what) == 0 && n-- == 0) return &items[i];
    }
    return NULL;
}

static uint32_t count_of(const char *what)
{
    uint32_t count = 0;
    while (nth(what, count) != NULL)
        count++;
    return count;
}

/* The only item of that key. */
static const struct agenda_item *one(const char *what)
{
    if (count_of(what) != 1) fail_msg("%u items of %s", count_of(what), what);
    return nth(what, 0);
}

static void assert_item(const struct agenda_item *item, uint32_t day, uint8_t severity,
                        uint32_t who)
{
    assert_int_equal(item->day, day);
    assert_int_equal(item->severity, severity);
    assert_int_equal(province_of(item->who), who);
}

/* -- the steps of a month ---------------------------------------------------------------------- */

static void a_month_before_its_steps(void **state)
{
    (void)state;
    start(20260401);
    row_rig_line(&rig, row_rig_batch(&rig, 202603, BATCH_CUT), 34, 31, 500);
    look(202604);
    assert_item(one("recon"), 20260403, DONE, 0); /* Nobody has found a difference. */
    assert_item(one("confirm"), 20260420, DONE, 0);
    assert_item(one("compute"), 20260421, COMING, 0);
    assert_string_equal(one("compute")->ref, "202603-1");
    assert_item(one("sign"), 20260425, COMING, 0);
    assert_item(one("notice"), 20260430, COMING, 0);
    assert_int_equal(one("notice")->period, 202603);
    row_rig_day(&rig, 20260421);
    look(202604);
    assert_item(one("compute"), 20260421, TODAY, 0);
    row_rig_day(&rig, 20260422);
    look(202604);
    assert_item(one("compute"), 20260421, LATE, 0);
    row_rig_day(&rig, 20260502); /* Late in the month after, too; not in one that is not now's. */
    look(202605);
    assert_item(nth("compute", 0), 20260421, LATE, 0);
    assert_int_equal(count_of("compute"), 2);
    look(202606);
    assert_int_equal(one("compute")->period, 202605);
    end();
}

static void who_has_not_signed(void **state)
{
    (void)state;
    start(20260421);
    const uint32_t batch = row_rig_batch(&rig, 202603, BATCH_PUBLISHED);
    row_rig_line(&rig, batch, 34, 31, 500);
    row_rig_line(&rig, batch, 32, 31, 500);
    row_rig_sign(&rig, batch, 31, SIGN_SIGNED);
    look(202604);
    assert_int_equal(count_of("sign"), 2);
    assert_item(nth("sign", 0), 20260425, COMING, 32);
    assert_item(nth("sign", 1), 20260425, COMING, 34);
    assert_item(one("compute"), 20260421, DONE, 0);
    row_rig_sign(&rig, batch, 34, SIGN_OBJECTED);
    row_rig_day(&rig, 20260426);
    look(202604);
    assert_item(one("sign"), 20260425, LATE, 32);
    assert_item(one("objection"), 20260421, ALARM, 0);
    struct batch_row again = *cycle_batch(rig.cycle, 202603);
    again.version = 2;
    again.published_version = 2;
    row_rig_put(&rig, ROW_BATCH, &again); /* Signatures of version 1 do not count any more. */
    for (uint32_t i = 0; i < 2; i++) {
        struct line_row line = *(const struct line_row *)cycle_row(rig.cycle, ROW_LINE, i);
        line.version = 2;
        row_rig_put(&rig, ROW_LINE, &line);
    }
    look(202604);
    assert_int_equal(count_of("sign"), 3);
    assert_int_equal(count_of("objection"), 0);
    again.state = BATCH_NOTICED;
    row_rig_put(&rig, ROW_BATCH, &again);
    look(202604);
    assert_int_equal(one("sign")->severity, DONE);
    assert_item(one("notice"), 20260430, DONE, 0);
    end();
}

static void reconciliation_and_confirmation(void **state)
{
    struct cell cells[2] = {{.key = {202603, province_index(32), province_index(31), LINE_INPATIENT,
                                     INSURANCE_EMPLOYEE},
                             .count = 3,
                             .checksum = 9},
                            {.key = {202603, province_index(34), province_index(31), LINE_INPATIENT,
                                     INSURANCE_EMPLOYEE},
                             .count = 5,
                             .checksum = 7}};
    (void)state;
    start(20260402);
    cells[0].balance[ACCOUNT_COST][FUND_POOL] = 300;
    cells[1].balance[ACCOUNT_COST][FUND_POOL] = 500;
    rig.facts.cells = cells;
    rig.facts.cell_count = 2;
    struct difference_row difference = {.day = 20260315,
                                        .payer = province_index(34),
                                        .payee = province_index(31),
                                        .side = SIDE_PAYEE,
                                        .period = 202603,
                                        .open = 1,
                                        .at_centre = 1,
                                        .our_medfee = 70};
    row_rig_put(&rig, ROW_DIFFERENCE, &difference);
    look(202604); /* Not required: what was found different. */
    assert_item(one("recon"), 20260403, COMING, 31);
    assert_int_equal(one("recon")->amount, 70);
    assert_int_equal(one("confirm")->severity, DONE);
    difference.open = 0;
    row_rig_put(&rig, ROW_DIFFERENCE, &difference);
    look(202604);
    assert_item(one("recon"), 20260403, DONE, 0);

    row_rig_set(&rig, SETTING_RECON_REQUIRED, 1);
    row_rig_set(&rig, SETTING_CONFIRM_REQUIRED, 1);
    look(202604);
    assert_int_equal(count_of("recon"), 2);
    assert_item(nth("recon", 0), 20260403, COMING, 32);
    assert_int_equal(nth("recon", 1)->amount, 500);
    assert_item(one("confirm"), 20260420, COMING, 31);
    assert_int_equal(one("confirm")->count, 2);
    assert_int_equal(one("confirm")->amount, 800);
    const struct recon_row agreed = {.cell = cells[0].key, .count = 3, .checksum = 9};
    row_rig_put(&rig, ROW_RECON, &agreed);
    const struct confirm_row confirmed = {.cell = cells[1].key, .count = 5, .checksum = 7};
    row_rig_put(&rig, ROW_CONFIRM, &confirmed);
    row_rig_day(&rig, 20260404);
    look(202604);
    assert_item(one("recon"), 20260403, LATE, 34);
    assert_int_equal(one("confirm")->amount, 300);
    row_rig_set(&rig, SETTING_RECON_REQUIRED, 2);
    look(202604);
    assert_int_equal(count_of("recon"), 2); /* 31, both cells, and 34. */
    assert_item(nth("recon", 0), 20260403, LATE, 31);
    assert_int_equal(nth("recon", 0)->count, 2);
    row_rig_batch(&rig, 202603, BATCH_NOTICED);
    look(202604);
    assert_item(one("recon"), 20260403, DONE, 0);
    end();
}

/* A month nobody had anything in, cut: nothing is due. */
static void empty_months_owe_nothing(void **state)
{
    (void)state;
    start(20260402);
    row_rig_batch(&rig, 202512, BATCH_SETTLED);
    rig.facts.cut_through = 202602;
    look(202604);
    assert_int_equal(count_of("compute"), 1);
    assert_int_equal(one("compute")->period, 202603);
    look(202608); /* Nobody waits for March any more: nothing came. */
    assert_int_equal(count_of("compute"), 1);
    assert_int_equal(one("compute")->period, 202607);
    rig.facts.cut_through = 202603;
    look(202604);
    assert_int_equal(count_of("compute"), 0);
    end();
}

/* -- notices and disputes ---------------------------------------------------------------------- */

static struct notice_row some_notice(void)
{
    return (struct notice_row){.number = "CLR-202603-1-34-31-1",
                               .id = 1,
                               .version = 1,
                               .kind = NOTICE_CLEARING,
                               .state = NOTICE_DUE,
                               .payer = province_index(34),
                               .payee = province_index(31),
                               .batch = 1,
                               .period = 202603,
                               .amount = 500,
                               .file_due = 20260507,
                               .transfer_due = 20260521,
                               .feedback_due = 20260528};
}

static void notices_by_working_days(void **state)
{
    (void)state;
    start(20260506);
    struct notice_row notice = some_notice();
    row_rig_batch(&rig, 202603, BATCH_NOTICED);
    row_rig_put(&rig, ROW_NOTICE, &notice);
    look(202605);
    assert_item(one("file"), 20260507, COMING, 34);
    assert_item(one("transfer"), 20260521, COMING, 34);
    assert_item(one("feedback"), 20260528, COMING, 34);
    assert_string_equal(one("transfer")->ref, "CLR-202603-1-34-31-1");
    row_rig_day(&rig, 20260508);
    look(202605);
    assert_int_equal(count_of("file"), 0); /* Nobody reports filings: no telling. */
    notice.reported = 200;
    row_rig_put(&rig, ROW_NOTICE, &notice);
    row_rig_day(&rig, 20260522);
    look(202605);
    assert_item(one("file"), 20260507, DONE, 34);
    assert_item(one("transfer"), 20260521, LATE, 34);
    assert_int_equal(one("transfer")->amount, 300);
    assert_item(one("feedback"), 20260528, COMING, 31); /* It has 200 on the way. */
    assert_int_equal(one("feedback")->amount, 500);
    row_rig_day(&rig, 20260601);
    look(202606);
    assert_item(one("feedback"), 20260528, LATE, 31);
    notice.reported = notice.received = 500;
    notice.state = NOTICE_SETTLED;
    row_rig_put(&rig, ROW_NOTICE, &notice);
    look(202606);
    assert_int_equal(count_of("feedback"), 0);
    look(202605);
    assert_item(one("transfer"), 20260521, DONE, 34);
    notice.state = NOTICE_CANCELLED;
    row_rig_put(&rig, ROW_NOTICE, &notice);
    look(202605);
    assert_int_equal(count_of("transfer"), 0);
    end();
}

static void the_clearing_account_is_the_centres(void **state)
{
    (void)state;
    start(20260506);
    struct notice_row notice = some_notice();
    notice.payer = PROVINCE_ACCOUNT;
    row_rig_batch(&rig, 202603, BATCH_NOTICED);
    row_rig_put(&rig, ROW_NOTICE, &notice);
    look(202605);
    assert_int_equal(one("transfer")->who, PROVINCE_CENTRE);
    end();
}

static void disputes(void **state)
{
    (void)state;
    start(20260410);
    struct dispute_row dispute = {.dispute_no = "D1",
                                  .payer = province_index(34),
                                  .payee = province_index(31),
                                  .state = DISPUTE_OPEN,
                                  .period = 202603,
                                  .reply_due = 20260415,
                                  .resolve_due = 20260508,
                                  .amount = 40};
    row_rig_put(&rig, ROW_DISPUTE, &dispute);
    look(202604);
    assert_item(one("dispute-reply"), 20260415, COMING, 31);
    assert_int_equal(count_of("dispute-resolve"), 0);
    row_rig_day(&rig, 20260416); /* No reply in time: it is the centre's now. */
    look(202604);
    assert_int_equal(count_of("dispute-reply"), 0);
    row_rig_day(&rig, 20260511);
    look(202605);
    assert_item(one("dispute-resolve"), 20260508, LATE, 0);
    assert_int_equal(one("dispute-resolve")->amount, 40);
    dispute.state = DISPUTE_RESOLVED;
    row_rig_put(&rig, ROW_DISPUTE, &dispute);
    look(202605);
    assert_int_equal(count_of("dispute-resolve"), 0);
    end();
}

/* -- what waited too long ---------------------------------------------------------------------- */

static struct exception_row held(const char *setl_id, uint32_t since, int64_t amount)
{
    struct exception_row row = {
        .ref = {.insu_admdvs = 340100, .size = 2}, .flags = EXCEPTION_HELD, .held_since = since};
    (void)snprintf(row.ref.setl_id, sizeof row.ref.setl_id, "%s", setl_id);
    row.record = (struct record_facts){.period = since,
                                       .ref = row.ref,
                                       .payer = province_index(34),
                                       .payee = province_index(31),
                                       .funds = {[FUND_POOL] = amount}};
    return row;
}

static void held_too_long(void **state)
{
    (void)state;
    start(20260415); /* March is being cleared: January's may still wait. */
    struct exception_row first = held("S1", 202601, 30);
    struct exception_row second = held("S2", 202601, 12);
    struct exception_row later = held("S3", 202602, 100);
    row_rig_put(&rig, ROW_EXCEPTION, &first);
    row_rig_put(&rig, ROW_EXCEPTION, &second);
    row_rig_put(&rig, ROW_EXCEPTION, &later);
    look(202604);
    assert_int_equal(count_of("hold-overage"), 0);
    row_rig_day(&rig, 20260501);
    look(202605);
    assert_item(one("hold-overage"), 20260501, ALARM, 31);
    assert_int_equal(one("hold-overage")->count, 2);
    assert_int_equal(one("hold-overage")->amount, 42);
    look(202606); /* Alarms are about now. */
    assert_int_equal(count_of("hold-overage"), 0);
    first.flags = 0;
    row_rig_put(&rig, ROW_EXCEPTION, &first);
    look(202605);
    assert_int_equal(one("hold-overage")->amount, 12);
    row_rig_set(&rig, SETTING_MAX_DELAY_MONTHS, 3);
    look(202605);
    assert_int_equal(count_of("hold-overage"), 0);
    end();
}

static void the_years_cut(void **state)
{
    (void)state;
    start(20260310);
    row_rig_batch(&rig, 202512, BATCH_SETTLED);
    look(202603);
    assert_item(one("year-cut"), 20260331, DONE, 0);
    struct exception_row row = held("S1", 202511, 30);
    row_rig_put(&rig, ROW_EXCEPTION, &row);
    const struct frozen_row frozen = {.cell = {202512, province_index(34), province_index(31),
                                               LINE_INPATIENT, INSURANCE_EMPLOYEE},
                                      .count = 4,
                                      .funds = {[FUND_POOL] = 100}};
    row_rig_put(&rig, ROW_FROZEN, &frozen);
    look(202603);
    assert_item(one("year-cut"), 20260331, COMING, 0);
    assert_int_equal(one("year-cut")->count, 5);
    assert_int_equal(one("year-cut")->amount, 130);
    row_rig_day(&rig, 20260401);
    look(202604);
    assert_item(one("year-cut"), 20260331, LATE, 0);
    rig.facts.closed_year = 2025;
    look(202604);
    assert_int_equal(count_of("year-cut"), 0);
    end();
}

/* -- prefunds ---------------------------------------------------------------------------------- */

static void the_years_prefund(void **state)
{
    (void)state;
    start(20260112);
    look(202601);
    assert_int_equal(count_of("prefund-year"), 0); /* Nothing to make it of. */
    row_rig_batch(&rig, 202512, BATCH_NOTICED);
    look(202601);
    assert_item(one("prefund-year"), 20260131, COMING, 0);
    row_rig_day(&rig, 20260202);
    look(202602);
    assert_item(one("prefund-year"), 20260131, LATE, 0);
    const struct prefund_row row = {.payer = 1, .payee = 2, .amount = 5, .year = 2026};
    row_rig_put(&rig, ROW_PREFUND, &row);
    look(202602);
    assert_int_equal(count_of("prefund-year"), 0);
    look(202601);
    assert_item(one("prefund-year"), 20260131, DONE, 0);
    end();
}

static void alerts(void **state)
{
    (void)state;
    start(20260421);
    const struct prefund_row deposit = {
        .payer = province_index(34), .payee = province_index(31), .amount = 1000};
    row_rig_put(&rig, ROW_PREFUND, &deposit);
    const uint32_t batch = row_rig_batch(&rig, 202603, BATCH_PUBLISHED);
    row_rig_line(&rig, batch, 34, 31, 750);
    row_rig_day(&rig, 20260422);
    look(202604);
    assert_item(one("prefund-yellow"), 20260421, COMING, 31);
    assert_int_equal(one("prefund-yellow")->count, 7500);
    assert_int_equal(one("prefund-yellow")->amount, 750);
    assert_string_equal(one("prefund-yellow")->ref, "");
    row_rig_line(&rig, batch, 34, 31, 150);
    look(202604);
    assert_item(one("prefund-red"), 20260421, ALARM, 31);
    assert_int_equal(count_of("prefund-yellow"), 0);
    assert_int_equal(count_of("emergency-window"), 0); /* It has not signed. */
    row_rig_sign(&rig, batch, 31, SIGN_SIGNED);        /* On Wednesday. */
    look(202604);
    assert_item(one("emergency-window"), 20260427, COMING, 31);
    row_rig_day(&rig, 20260427);
    look(202604);
    assert_item(one("emergency-window"), 20260427, TODAY, 31);
    row_rig_day(&rig, 20260428);
    look(202604);
    assert_int_equal(count_of("emergency-window"), 0);
    row_rig_day(&rig, 20260427);
    const struct application_row application = {.period = 202603,
                                                .payer = province_index(34),
                                                .payee = province_index(31),
                                                .amount = 50,
                                                .at_ms = rig.now_ms,
                                                .state = APPLICATION_OPEN};
    row_rig_put(&rig, ROW_APPLICATION, &application);
    look(202604);
    assert_int_equal(count_of("emergency-window"), 0);
    assert_item(one("emergency"), 20260427, TODAY, 0);
    assert_string_equal(one("emergency")->ref, "202603-34-31");
    row_rig_set(&rig, SETTING_PREFUND_ALERT_SCOPE, 1);
    look(202604);
    assert_string_equal(one("prefund-red")->ref, "34-31");
    end();
}

static void nothing_known(void **state)
{
    (void)state;
    start(20260402);
    rig.facts.cut_through = 202603;
    look(202604);
    assert_int_equal(item_count, 0);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_month_before_its_steps),
        cmocka_unit_test(who_has_not_signed),
        cmocka_unit_test(reconciliation_and_confirmation),
        cmocka_unit_test(empty_months_owe_nothing),
        cmocka_unit_test(notices_by_working_days),
        cmocka_unit_test(the_clearing_account_is_the_centres),
        cmocka_unit_test(disputes),
        cmocka_unit_test(held_too_long),
        cmocka_unit_test(the_years_cut),
        cmocka_unit_test(the_years_prefund),
        cmocka_unit_test(alerts),
        cmocka_unit_test(nothing_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
