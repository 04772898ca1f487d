/* Rows that would lead others astray are refused, each for one wrong field; beside it the same row
 * without it is taken. */
#include <errno.h>
#include <string.h>

#include "cycle/cycle.h"
#include "netting/netting.h"
#include "tests/lib/unit.h"

static const struct setting_values settings;

static int put_to(struct cycle *cycle, enum row_kind kind, const void *row)
{
    struct decision decision;
    decision_init(&decision);
    decision_put(&decision, kind, row);
    const int error = cycle_apply(cycle, (struct bytes){decision.data, decision.size});
    decision_free(&decision);
    return error;
}

/* Into an empty cycle. */
static int put(enum row_kind kind, const void *row)
{
    struct cycle *cycle = cycle_new(NULL, &settings);
    assert_non_null(cycle);
    const int error = put_to(cycle, kind, row);
    cycle_free(cycle);
    return error;
}

/* The row is taken, and refused with one byte at `field` changed to `value`. */
static void refuses(enum row_kind kind, const void *row, size_t field, uint8_t value)
{
    uint8_t bad[ROW_SIZE_MAX];
    assert_int_equal(put(kind, row), 0);
    memcpy(bad, row, sizeof bad);
    bad[field] = value;
    if (put(kind, bad) != -EUCLEAN) fail_msg("kind %d, byte %zu: taken", (int)kind, field);
}

/* Room behind, so that a row of any kind may be copied whole. */
#define ROW(type, name)             \
    union {                         \
        struct type row;            \
        uint8_t room[ROW_SIZE_MAX]; \
    } name = {0}

static void test_provinces(void **state)
{
    ROW(exception_row, exception);
    ROW(line_row, line);
    ROW(notice_row, notice);
    ROW(sign_row, sign);
    ROW(recovery_row, recovery);
    (void)state;
    refuses(ROW_EXCEPTION, &exception, offsetof(struct exception_row, record.payee), 32);
    refuses(ROW_LINE, &line, offsetof(struct line_row, cell.payer), 32);
    refuses(ROW_SIGN, &sign, offsetof(struct sign_row, province), PROVINCE_CENTRE);
    refuses(ROW_RECOVERY, &recovery, offsetof(struct recovery_row, cell.payee), 0xff);
    notice.row.kind = NOTICE_CLEARING;
    notice.row.payee = PROVINCE_ACCOUNT; /* Pays and is paid, too. */
    refuses(ROW_NOTICE, &notice, offsetof(struct notice_row, payer), PROVINCE_CENTRE);
    refuses(ROW_NOTICE, &notice, offsetof(struct notice_row, kind), NOTICE_RETURN + 1);
}

static void test_enums(void **state)
{
    ROW(recon_row, recon);
    ROW(frozen_row, frozen);
    ROW(batch_row, batch);
    ROW(posting_row, posting);
    (void)state;
    refuses(ROW_RECON, &recon, offsetof(struct recon_row, side), 2);
    refuses(ROW_FROZEN, &frozen, offsetof(struct frozen_row, account), CYCLE_ACCOUNT_COUNT);
    refuses(ROW_POSTING, &posting, offsetof(struct posting_row, fund), FUND_COUNT);
    refuses(ROW_POSTING, &posting, offsetof(struct posting_row, debit), CYCLE_ACCOUNT_COUNT);
    batch.row.id = 1;
    refuses(ROW_BATCH, &batch, offsetof(struct batch_row, state), BATCH_ABORTED + 1);
    refuses(ROW_BATCH, &batch, offsetof(struct batch_row, mode), NETTING_MULTILATERAL_DIRECT + 1);
}

static void test_texts(void **state)
{
    ROW(setting_row, setting);
    ROW(order_row, order);
    ROW(payment_row, payment);
    ROW(difference_row, difference);
    (void)state;
    memset(setting.row.name, 'x', sizeof setting.row.name - 1);
    refuses(ROW_SETTING, &setting, sizeof setting.row.name - 1, 'x');
    memset(order.row.msgid, 'x', sizeof order.row.msgid - 1);
    refuses(ROW_ORDER, &order, offsetof(struct order_row, msgid) + MSGID_SIZE - 1, 'x');
    memset(payment.row.bank_ref, 'x', NUMBER_SIZE - 1);
    refuses(ROW_PAYMENT, &payment, offsetof(struct payment_row, bank_ref) + NUMBER_SIZE - 1, 'x');
    refuses(ROW_DIFFERENCE, &difference, offsetof(struct difference_row, ref.size), 31);
}

/* Lines are looked for version by version: such a row would keep the engine busy for ever. */
static void test_versions(void **state)
{
    ROW(batch_row, batch);
    ROW(line_row, line);
    (void)state;
    batch.row.id = 1;
    refuses(ROW_BATCH, &batch, offsetof(struct batch_row, version) + 3, 1);
    refuses(ROW_BATCH, &batch, offsetof(struct batch_row, published_version) + 2, 2);
    refuses(ROW_LINE, &line, offsetof(struct line_row, version) + 3, 1);
}

/* Ids are places: dense, and a batch keeps its own. */
static void test_ids(void **state)
{
    struct cycle *cycle = cycle_new(NULL, &settings);
    struct batch_row batch = {.period = 202603, .number = 1, .id = 2};
    (void)state;
    assert_non_null(cycle);
    assert_int_equal(put_to(cycle, ROW_BATCH, &batch), -EUCLEAN);
    batch.id = 1;
    assert_int_equal(put_to(cycle, ROW_BATCH, &batch), 0);
    assert_int_equal(put_to(cycle, ROW_BATCH, &batch), 0); /* Changed, the same. */
    batch.id = 2;
    assert_int_equal(put_to(cycle, ROW_BATCH, &batch), -EUCLEAN);
    batch.number = 2;
    assert_int_equal(put_to(cycle, ROW_BATCH, &batch), 0);
    assert_int_equal(cycle_count(cycle, ROW_BATCH), 2);
    cycle_free(cycle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_provinces), cmocka_unit_test(test_enums),
        cmocka_unit_test(test_texts),     cmocka_unit_test(test_versions),
        cmocka_unit_test(test_ids),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
