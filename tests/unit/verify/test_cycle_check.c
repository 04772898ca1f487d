/* Decisions of the clearing cycle as verify reads them: whole ones pass, and what does not fit each
 * other, or the records of the shards, is named. */
#include <stdlib.h>
#include <string.h>

#include "cycle/parts.h"
#include "tests/lib/unit.h"
#include "tools/verify/cycle_check.h"

static const struct cell_key key = {.period = 202503, .payer = 11, .payee = 8, .line = 1};

struct trial {
    struct cycle_check *check;
    struct decision decision;
    struct cell cell;
    struct months months;
    struct month month;
    struct finding finding;
};

/* A month with one cell of 500 fen, and the decision that takes it over. */
static void begin(struct trial *t)
{
    *t = (struct trial){.check = cycle_check_new()};
    assert_non_null(t->check);
    t->cell = (struct cell){.key = key, .count = 3, .medfee_sum = 900, .checksum = 77, .cut = 1};
    t->cell.balance[ACCOUNT_COST][FUND_POOL] = 500;
    t->cell.balance[ACCOUNT_CLEARING][FUND_POOL] = -500;
    t->month = (struct month){.period = 202503, .cut = true};
    t->months = (struct months){.list = &t->month, .count = 1, .cells = &t->cell, .cell_count = 1};
    decision_init(&t->decision);
}

static struct frozen_row handed_over(void)
{
    struct frozen_row row = {
        .cell = key, .count = 3, .medfee = 900, .checksum = 77, .account = CYCLE_ACCRUED};
    row.funds[FUND_POOL] = 500;
    return row;
}

static struct posting_row posting(int64_t amount)
{
    return (struct posting_row){.payer = 11,
                                .payee = 8,
                                .fund = FUND_POOL,
                                .debit = CYCLE_COST,
                                .credit = CYCLE_ACCRUED,
                                .amount = amount};
}

static bool take(struct trial *t, uint64_t number, uint32_t part)
{
    uint8_t body[PART_HEAD + PART_ROWS_MAX];
    const size_t size =
        part_write(number, part, (struct bytes){t->decision.data, t->decision.size}, body);
    return cycle_check_add(t->check, (struct bytes){body, size}, 5, &t->finding);
}

static void end(struct trial *t, const char *wanted)
{
    if (!t->finding.found) (void)cycle_check_finish(t->check, &t->months, &t->finding);
    if (wanted == NULL && t->finding.found) fail_msg("found '%s'", t->finding.text);
    if (wanted != NULL && strstr(t->finding.text, wanted) == NULL)
        fail_msg("wanted '%s', found '%s'", wanted, t->finding.text);
    decision_free(&t->decision);
    cycle_check_free(t->check);
}

static void decide(struct trial *t, struct frozen_row row, struct posting_row line)
{
    decision_put(&t->decision, ROW_FROZEN, &row);
    decision_put(&t->decision, ROW_POSTING, &line);
    (void)take(t, 1, 1);
}

static void a_handover_that_fits(void **state)
{
    struct trial t;
    (void)state;
    begin(&t);
    decide(&t, handed_over(), posting(500));
    end(&t, NULL);

    begin(&t); /* A cell whose records were all taken back before the cut was not handed over. */
    struct cell cells[2] = {t.cell, {.key = key, .cut = 1}};
    cells[1].key.line = 3;
    t.months.cells = cells;
    t.months.cell_count = 2;
    decide(&t, handed_over(), posting(500));
    end(&t, NULL);

    begin(&t); /* Cut, and stopped before the cycle took it over: it goes on at the next start. */
    end(&t, NULL);
}

static void a_handover_that_does_not(void **state)
{
    struct trial t;
    struct frozen_row row;
    (void)state;
    for (int i = 0; i < 4; i++) {
        row = handed_over();
        if (i == 0) row.funds[FUND_POOL]++;
        if (i == 1) row.count++;
        if (i == 2) row.checksum++;
        if (i == 3) row.cell.line = 2;
        begin(&t);
        decide(&t, row, posting(500));
        end(&t, "not what the shards handed over");
    }
    begin(&t);
    decide(&t, handed_over(), posting(500));
    t.months.count = 0;
    end(&t, "it holds 1 cells of cut months, the shards 0");
}

static void a_book_that_does_not_fit(void **state)
{
    struct trial t;
    (void)state;
    begin(&t);
    decide(&t, handed_over(), posting(499));
    end(&t, "cycle: ");

    struct posting_row line = posting(500);
    line.credit = line.debit;
    begin(&t);
    decide(&t, handed_over(), line);
    end(&t, "makes no sense");

    line = posting(500);
    line.payee = line.payer;
    begin(&t);
    decide(&t, handed_over(), line);
    end(&t, "makes no sense");
}

static void parts_out_of_place(void **state)
{
    struct trial t;
    const struct posting_row line = posting(1);
    (void)state;
    begin(&t);
    assert_false(cycle_check_add(t.check, bytes_of("rows"), 5, &t.finding));
    end(&t, "a part of 4 bytes");

    begin(&t);
    for (int i = 0; i < 300; i++)
        decision_put(&t.decision, ROW_POSTING, &line);
    assert_true(take(&t, 1, 1));
    assert_false(take(&t, 1, 3));
    end(&t, "part 3 of 3 of decision 1 is out of place");

    begin(&t); /* The tail of one that was never finished is nobody's. */
    for (int i = 0; i < 300; i++)
        decision_put(&t.decision, ROW_POSTING, &line);
    assert_true(take(&t, 1, 1));
    decision_free(&t.decision);
    decide(&t, handed_over(), posting(500));
    end(&t, NULL);

    begin(&t);
    for (int i = 0; i < 300; i++)
        decision_put(&t.decision, ROW_POSTING, &line);
    assert_false(take(&t, 1, 2));
    end(&t, "out of place");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handover_that_fits),
        cmocka_unit_test(a_handover_that_does_not),
        cmocka_unit_test(a_book_that_does_not_fit),
        cmocka_unit_test(parts_out_of_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
