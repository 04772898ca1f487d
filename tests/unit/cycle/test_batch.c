/* A batch from its cut to the archive: steps, versions, signatures, and the end of a year. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "tests/lib/cycle_rig.h"
#include "tests/lib/unit.h"

#define AH    34
#define SH    31
#define JS    32
#define MARCH 202603

static struct cycle_rig rig;

/* 34 owes 31 1500 and 32 40; 31 owes 34 70. */
static int setup(void **state)
{
    (void)state;
    cycle_rig_open(&rig, 20260420);
    (void)cycle_rig_record(&rig, AH, SH, "a", 20260302, 1000);
    (void)cycle_rig_record(&rig, AH, SH, "b", 20260303, 500);
    (void)cycle_rig_record(&rig, SH, AH, "c", 20260304, 70);
    (void)cycle_rig_record(&rig, AH, JS, "d", 20260304, 40);
    cycle_rig_cut(&rig, MARCH);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    const char *broken = cycle_check(rig.cycle);
    if (broken != NULL) fail_msg("%s", broken);
    cycle_rig_close(&rig);
    return 0;
}

static const struct batch_row *batch_now(void)
{
    return cycle_batch(rig.cycle, MARCH);
}

static uint16_t step(enum batch_step step)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = MARCH;
    order.step = step;
    return cycle_rig_give(&rig, &order);
}

static uint16_t sign_as(uint32_t sender, uint32_t province, bool objection)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_SIGN, sender);
    order.acting = province_index(province);
    order.period = MARCH;
    order.flag = objection;
    if (objection) (void)snprintf(order.text, sizeof order.text, "a is not ours");
    order.has_digest = true;
    memcpy(order.digest, batch_now()->digest, sizeof order.digest);
    return cycle_rig_give(&rig, &order);
}

static uint16_t sign(uint32_t province)
{
    return sign_as(province, province, false);
}

/* The payer of a record disputes it. */
static uint16_t dispute(uint32_t payer, const char *setl_id)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_OPEN, payer);
    (void)snprintf(order.number, sizeof order.number, "D-%s", setl_id);
    order.ref = cycle_rig_ref(payer, setl_id);
    order.reason = 1;
    return cycle_rig_give(&rig, &order);
}

static uint8_t sign_state(uint32_t province)
{
    const struct sign_row key = {.batch = batch_now()->id, .province = province_index(province)};
    const struct sign_row *row = cycle_find(rig.cycle, ROW_SIGN, &key);
    return row == NULL ? SIGN_NONE : row->state;
}

static void publish(void)
{
    assert_int_equal(step(STEP_COMPUTE), ERROR_OK);
    assert_int_equal(step(STEP_PUBLISH), ERROR_OK);
}

static void test_steps_in_their_order(void **state)
{
    (void)state;
    assert_int_equal(step(STEP_PUBLISH), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_CLOSE_SIGNING), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_NOTICE), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_UNWIND), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_ARCHIVE), ERROR_WRONG_STATE);
    assert_int_equal(sign(AH), ERROR_WRONG_STATE);
    publish();
    assert_int_equal(batch_now()->state, BATCH_PUBLISHED);
    assert_int_equal(batch_now()->published_version, 1);
    assert_int_equal(step(STEP_COMPUTE), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_PUBLISH), ERROR_WRONG_STATE);
    assert_non_null(strstr(rig.decision.text, "PUBLISHED"));
    assert_int_equal(sign(AH), ERROR_OK);
    assert_int_equal(sign(SH), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_PUBLISHED);
    assert_int_equal(sign(JS), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_SIGNED);
    assert_int_equal(step(STEP_ABORT), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_NOTICE), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_NOTICED);
    assert_int_equal(step(STEP_ARCHIVE), ERROR_WRONG_STATE);
}

static void test_who_may(void **state)
{
    (void)state;
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, AH);
    order.period = MARCH;
    order.step = STEP_COMPUTE;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_SENDER_NOT_ALLOWED);
    order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = 202604;
    order.step = STEP_COMPUTE;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_NOT_FOUND);
    order.period = MARCH;
    order.step = 99;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_MALFORMED);
    publish();
    assert_int_equal(sign(11), ERROR_NOT_YOURS);
    order = cycle_rig_order(&rig, MESSAGE_BATCH_SIGN, 0);
    order.period = MARCH;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_NOT_YOURS);
    rig.closed_year = 2026;
    assert_int_equal(sign(AH), ERROR_PERIOD_CLOSED);
    assert_int_equal(step(STEP_ABORT), ERROR_PERIOD_CLOSED);
}

/* A msgid that was used says that message and no other one. */
static void test_used_msgid(void **state)
{
    (void)state;
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = MARCH;
    order.step = STEP_COMPUTE;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    order.step = STEP_PUBLISH;
    order.hash++;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_MSGID_REUSED);
    assert_int_equal(batch_now()->state, BATCH_COMPUTED);
    order.sender = AH; /* Another one's msgids are not ours: it hears why it may not. */
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_SENDER_NOT_ALLOWED);
}

static void test_computed_twice(void **state)
{
    uint8_t digest[32];
    (void)state;
    assert_int_equal(step(STEP_COMPUTE), ERROR_OK);
    memcpy(digest, batch_now()->digest, sizeof digest);
    assert_int_equal(step(STEP_COMPUTE), ERROR_OK);
    assert_memory_equal(digest, batch_now()->digest, sizeof digest);
    assert_int_equal(batch_now()->gross, 1610);
    assert_int_equal(batch_now()->bilateral, 1470);
    assert_int_equal(batch_now()->multilateral, 1470);
    assert_int_equal(batch_now()->count, 4);
}

/* What the provinces sign, as docs/formats.md has it: made there by hand with another language's
 * SHA-256, every field of a line with a value of its own. */
static void test_digest_as_documented(void **state)
{
    static const uint8_t documented[32] = {
        0x02, 0x5d, 0x90, 0x0b, 0xab, 0x68, 0xd1, 0xb5, 0xc4, 0x8a, 0xa7,
        0x8d, 0x4d, 0x14, 0xbf, 0x65, 0xe1, 0x6c, 0xa0, 0x4e, 0x24, 0x93,
        0xd3, 0xd5, 0x09, 0x9c, 0xff, 0x46, 0x56, 0xec, 0xe9, 0xc2,
    };
    (void)state;
    const struct batch_row batch = {.id = 7, .period = MARCH, .number = 2, .version = 1};
    const struct line_row line = {
        .batch = 7,
        .number = 1,
        .version = 1,
        .cell = {.period = 202602,
                 .payer = province_index(AH),
                 .payee = province_index(SH),
                 .line = LINE_OUTPATIENT,
                 .insurance = INSURANCE_RESIDENT},
        .kind = LINE_CARRIED_RECORD,
        .ref = {.insu_admdvs = 340100, .size = 3, .setl_id = "S-7"},
        .count = 5,
        .checksum = UINT64_C(0x0102030405060708),
        .medfee = -9,
        .deducted = 10,
        .funds = {11, -12, 13, -14, 15},
    };
    const struct line_row empty = {
        .batch = 7, .number = 2, .version = 1, .cell = line.cell, .kind = LINE_OF_CELL};
    struct cycle_rig other;
    uint8_t digest[32];
    cycle_rig_open(&other, 20260420);
    cycle_rig_put(&other, ROW_LINE, &line);
    cycle_rig_put(&other, ROW_LINE, &empty);
    batch_digest(other.cycle, &batch, 1, digest);
    cycle_rig_close(&other);
    assert_memory_equal(digest, documented, sizeof digest);
}

static void test_signatures(void **state)
{
    (void)state;
    publish();
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_SIGN, AH);
    order.period = MARCH;
    order.has_digest = true;
    order.digest[3] = 1;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_DIGEST_DIFFERS);
    assert_int_equal(sign(AH), ERROR_OK);
    assert_false(rig.decision.dup);
    assert_int_equal(sign(AH), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(sign_as(AH, AH, true), ERROR_WRONG_STATE);
    /* An objection may be taken back by signing. */
    assert_int_equal(sign_as(SH, SH, true), ERROR_OK);
    assert_int_equal(sign_state(SH), SIGN_OBJECTED);
    assert_int_equal(sign(JS), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_PUBLISHED);
    assert_int_equal(sign(SH), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_SIGNED);
    assert_int_equal(sign(SH), ERROR_OK);
    assert_true(rig.decision.dup);
}

static void test_deadline(void **state)
{
    (void)state;
    cycle_rig_day(&rig, 20260421);
    publish();
    assert_int_equal(batch_sign_due(rig.cycle, batch_now()), 20260425);
    cycle_rig_day(&rig, 20260425);
    assert_int_equal(sign(AH), ERROR_OK);
    cycle_rig_day(&rig, 20260426);
    assert_int_equal(sign(SH), ERROR_DEADLINE);
    /* The centre may still sign for one. */
    assert_int_equal(sign_as(0, SH, false), ERROR_OK);
}

static void test_published_late(void **state)
{
    (void)state;
    cycle_rig_day(&rig, 20260429);
    publish();
    assert_int_equal(batch_sign_due(rig.cycle, batch_now()), 20260503);
    cycle_rig_day(&rig, 20260503);
    assert_int_equal(sign(SH), ERROR_OK);
}

static void test_close_signing(void **state)
{
    (void)state;
    cycle_rig_day(&rig, 20260421);
    publish();
    assert_int_equal(sign(AH), ERROR_OK);
    assert_int_equal(sign_as(SH, SH, true), ERROR_OK);
    cycle_rig_day(&rig, 20260426);
    cycle_rig_set(&rig, SETTING_TIMEOUT_IS_CONSENT, 1);
    assert_int_equal(step(STEP_CLOSE_SIGNING), ERROR_WRONG_STATE);
    assert_non_null(strstr(rig.decision.text, "31 objects"));
    assert_int_equal(sign_as(0, SH, false), ERROR_OK);
    cycle_rig_day(&rig, 20260425);
    assert_int_equal(step(STEP_CLOSE_SIGNING), ERROR_WRONG_STATE);
    cycle_rig_day(&rig, 20260426);
    cycle_rig_set(&rig, SETTING_TIMEOUT_IS_CONSENT, 0);
    assert_int_equal(step(STEP_CLOSE_SIGNING), ERROR_WRONG_STATE);
    cycle_rig_day(&rig, 20260427);
    cycle_rig_set(&rig, SETTING_TIMEOUT_IS_CONSENT, 1);
    assert_int_equal(step(STEP_CLOSE_SIGNING), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_SIGNED);
    assert_int_equal(sign_state(JS), SIGN_SILENT);
    assert_int_equal(sign_state(AH), SIGN_SIGNED);
    assert_int_equal(sign(JS), ERROR_WRONG_STATE);
}

/* A published table never changes: the correction is a second version, and only those whose lines
 * it changed sign again. */
static void test_a_new_version(void **state)
{
    struct line_row lines[8];
    (void)state;
    publish();
    assert_int_equal(sign(JS), ERROR_OK);
    assert_int_equal(sign(SH), ERROR_OK);
    assert_int_equal(dispute(AH, "b"), ERROR_OK);
    assert_int_equal(batch_now()->version, 2);
    assert_int_equal(batch_now()->published_version, 1);
    assert_int_equal(batch_now()->stale, 1);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CLEARING), 1000);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_DISPUTED), 500);
    assert_null(cycle_check(rig.cycle));
    assert_int_equal(sign(AH), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_CLOSE_SIGNING), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_PUBLISH), ERROR_WRONG_STATE);
    publish();
    assert_int_equal(batch_now()->published_version, 2);
    assert_int_equal(batch_now()->gross, 1110);
    assert_int_equal(batch_now()->count, 3);
    assert_int_equal(sign_state(JS), SIGN_SIGNED);
    assert_int_equal(sign_state(SH), SIGN_NONE);
    assert_int_equal(batch_now()->state, BATCH_PUBLISHED);

    assert_int_equal(cycle_lines(rig.cycle, 1, 1, lines, 8), 3);
    assert_int_equal(lines[2].funds[FUND_POOL] + lines[1].funds[FUND_POOL], 1540);
    assert_int_equal(cycle_lines(rig.cycle, 1, 2, lines, 8), 3);
    assert_int_equal(lines[2].funds[FUND_POOL] + lines[1].funds[FUND_POOL], 1040);
    assert_int_equal(sign(SH), ERROR_OK);
    assert_int_equal(sign(AH), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_SIGNED);
}

/* Everything of a pair goes: its lines are left out, and who has no line need not sign. */
static void test_an_emptied_line(void **state)
{
    struct line_row lines[8];
    (void)state;
    publish();
    assert_int_equal(sign(SH), ERROR_OK);
    assert_int_equal(dispute(AH, "d"), ERROR_OK);
    publish();
    assert_int_equal(cycle_lines(rig.cycle, 1, 2, lines, 8), 2);
    assert_int_equal(cycle_lines(rig.cycle, 1, 1, lines, 8), 3);
    assert_int_equal(sign(JS), ERROR_NOT_YOURS);
    assert_int_equal(sign(AH), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_SIGNED);
}

/* A version more than a restart would take for one of ours is not begun (cycle/sound.c). */
static void test_versions_have_an_end(void **state)
{
    (void)state;
    assert_int_equal(step(STEP_COMPUTE), ERROR_OK);
    const struct batch_row computed = *batch_now();
    struct batch_row batch = computed;
    batch.version = BATCH_PUBLISHED_MAX + 1;
    cycle_rig_put(&rig, ROW_BATCH, &batch);
    assert_int_equal(step(STEP_PUBLISH), ERROR_TOO_MANY);
    assert_non_null(strstr(rig.decision.text, "versions: more are not kept"));
    batch.version = BATCH_PUBLISHED_MAX;
    cycle_rig_put(&rig, ROW_BATCH, &batch);
    assert_int_equal(step(STEP_PUBLISH), ERROR_OK);
    cycle_rig_put(&rig, ROW_BATCH, &computed);
}

/* Two records of one line in one order: the second change sees the first. */
static void test_several_at_once(void **state)
{
    struct line_row lines[8];
    struct confirm_item items[2] = {{.ref = cycle_rig_ref(AH, "a")},
                                    {.ref = cycle_rig_ref(AH, "b")}};
    (void)state;
    publish();
    struct order order = cycle_rig_order(&rig, MESSAGE_CLR_CONFIRM, SH);
    order.period = MARCH;
    order.payee = province_index(SH);
    order.confirms = items;
    order.row_count = 2;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_int_equal(batch_now()->version, 2);
    assert_int_equal(cycle_lines(rig.cycle, 1, 2, lines, 8), 2);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_HELD), 1500);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CLEARING), 0);
}

/* Before it is published there is no version to keep. */
static void test_change_before_publishing(void **state)
{
    struct line_row lines[8];
    (void)state;
    assert_int_equal(step(STEP_COMPUTE), ERROR_OK);
    assert_int_equal(dispute(AH, "b"), ERROR_OK);
    assert_int_equal(batch_now()->version, 1);
    assert_int_equal(step(STEP_PUBLISH), ERROR_WRONG_STATE);
    publish();
    assert_int_equal(cycle_lines(rig.cycle, 1, 1, lines, 8), 3);
    assert_int_equal(batch_now()->gross, 1110);
}

static void test_objection_ends_with_a_new_version(void **state)
{
    (void)state;
    publish();
    assert_int_equal(sign_as(JS, JS, true), ERROR_OK);
    assert_int_equal(dispute(AH, "b"), ERROR_OK);
    publish();
    assert_int_equal(sign_state(JS), SIGN_NONE);
}

static void test_aborted(void **state)
{
    (void)state;
    publish();
    assert_int_equal(sign(AH), ERROR_OK);
    assert_int_equal(dispute(SH, "c"), ERROR_OK);
    assert_int_equal(step(STEP_ABORT), ERROR_OK);
    assert_int_equal(step(STEP_ABORT), ERROR_WRONG_STATE);
    assert_int_equal(step(STEP_COMPUTE), ERROR_WRONG_STATE);
    assert_int_equal(cycle_rig_stands(&rig, AH, SH, CYCLE_CONFIRMED), 1500);
    assert_null(cycle_check(rig.cycle));
    cycle_rig_cut(&rig, MARCH);
    assert_int_equal(batch_now()->number, 2);
    assert_int_equal(batch_now()->id, 2);
    publish();
    assert_int_equal(sign_state(AH), SIGN_NONE);
}

/* A month in which nothing is left to clear goes through without signatures. */
static void test_nothing_to_sign(void **state)
{
    (void)state;
    struct order order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    cycle_rig_day(&rig, 20260520);
    cycle_rig_cut(&rig, 202604);
    order.period = 202604;
    order.step = STEP_COMPUTE;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    order = cycle_rig_order(&rig, MESSAGE_BATCH_STEP, 0);
    order.period = 202604;
    order.step = STEP_PUBLISH;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    assert_int_equal(cycle_batch(rig.cycle, 202604)->state, BATCH_SIGNED);
}

static uint16_t close_year(void)
{
    struct order order = cycle_rig_order(&rig, MESSAGE_YEAR_CLOSE, 0);
    order.period = 2026;
    return cycle_rig_give(&rig, &order);
}

static void test_year_close(void **state)
{
    (void)state;
    assert_int_equal(close_year(), ERROR_RECON_OPEN);
    assert_non_null(strstr(rig.decision.text, "1 batches"));
    publish();
    assert_int_equal(dispute(AH, "b"), ERROR_OK);
    publish();
    assert_int_equal(sign(AH), ERROR_OK);
    assert_int_equal(sign(SH), ERROR_OK);
    assert_int_equal(sign(JS), ERROR_OK);
    assert_int_equal(step(STEP_NOTICE), ERROR_OK);
    for (uint32_t i = 0; i < cycle_count(rig.cycle, ROW_NOTICE); i++) {
        struct notice_row notice = *(const struct notice_row *)cycle_row(rig.cycle, ROW_NOTICE, i);
        struct order pay = cycle_rig_order(&rig, MESSAGE_PAY_REPORT, 0);
        memcpy(pay.number, notice.number, sizeof pay.number);
        (void)snprintf(pay.bank_ref, sizeof pay.bank_ref, "bank-%u", i);
        pay.amount = notice.amount;
        pay.at_ms = rig.now_ms;
        assert_int_equal(cycle_rig_give(&rig, &pay), ERROR_OK);
        struct order receipt = cycle_rig_order(&rig, MESSAGE_RECEIPT_REPORT, 0);
        memcpy(receipt.number, notice.number, sizeof receipt.number);
        (void)snprintf(receipt.bank_ref, sizeof receipt.bank_ref, "bank-%u", i);
        receipt.amount = notice.amount;
        assert_int_equal(cycle_rig_give(&rig, &receipt), ERROR_OK);
        assert_null(cycle_check(rig.cycle));
    }
    assert_int_equal(batch_now()->state, BATCH_SETTLED);
    assert_int_equal(close_year(), ERROR_RECON_OPEN);
    assert_non_null(strstr(rig.decision.text, "1 records"));
    assert_non_null(strstr(rig.decision.text, "DISPUTED"));
    struct order order = cycle_rig_order(&rig, MESSAGE_DISPUTE_RESOLVE, 0);
    (void)snprintf(order.number, sizeof order.number, "D-b");
    order.step = OUTCOME_VOID;
    assert_int_equal(cycle_rig_give(&rig, &order), ERROR_OK);
    (void)cycle_rig_record(&rig, AH, SH, "later", 20260504, 1);
    assert_int_equal(close_year(), ERROR_RECON_OPEN);
    assert_non_null(strstr(rig.decision.text, "cell 202605"));
    rig.record_count--;
    assert_int_equal(close_year(), ERROR_OK);
    rig.closed_year = 2026;
    assert_int_equal(close_year(), ERROR_OK);
    assert_true(rig.decision.dup);
    assert_int_equal(step(STEP_ARCHIVE), ERROR_OK);
    assert_int_equal(batch_now()->state, BATCH_ARCHIVED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_steps_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_who_may, setup, teardown),
        cmocka_unit_test_setup_teardown(test_used_msgid, setup, teardown),
        cmocka_unit_test_setup_teardown(test_computed_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_digest_as_documented, setup, teardown),
        cmocka_unit_test_setup_teardown(test_signatures, setup, teardown),
        cmocka_unit_test_setup_teardown(test_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(test_published_late, setup, teardown),
        cmocka_unit_test_setup_teardown(test_close_signing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_new_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_an_emptied_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_versions_have_an_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_change_before_publishing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_objection_ends_with_a_new_version, setup, teardown),
        cmocka_unit_test_setup_teardown(test_aborted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_sign, setup, teardown),
        cmocka_unit_test_setup_teardown(test_year_close, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
