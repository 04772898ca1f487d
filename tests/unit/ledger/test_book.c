/* The book: what one account gains another loses, and nothing moves that does not fit. */
#include <stdlib.h>

#include "ledger/book.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define CELLS 64

static struct posting posting(uint32_t period, uint8_t payer, int64_t pool, int64_t account)
{
    return (struct posting){
        .key = {period, payer, 8, LINE_INPATIENT, INSURANCE_RESIDENT},
        .funds = {[FUND_POOL] = pool, [FUND_ACCOUNT] = account},
        .medfee = pool + account + 1,
    };
}

static void post(struct book *book, struct posting p, struct posting_kind kind)
{
    assert_true(book_fits(book, &p));
    book_post(book, &p, kind);
}

static void a_record_is_cost_and_accrued(void **state)
{
    struct book *book = book_new(CELLS);
    const struct posting p = posting(202603, 11, 3030000, 5);
    (void)state;
    assert_null(book_find(book, p.key));
    post(book, p, (struct posting_kind){.content_hash = 77});
    const struct cell *cell = book_find(book, p.key);
    assert_int_equal(cell->balance[ACCOUNT_COST][FUND_POOL], 3030000);
    assert_int_equal(cell->balance[ACCOUNT_ACCRUED][FUND_POOL], -3030000);
    assert_int_equal(cell->balance[ACCOUNT_COST][FUND_ACCOUNT], 5);
    assert_int_equal(cell->balance[ACCOUNT_ACCRUED][FUND_ACCOUNT], -5);
    assert_int_equal(cell->count, 1);
    assert_int_equal(cell->medfee_sum, 3030006);
    assert_int_equal(cell->checksum, 77);
    assert_true(cell_balanced(cell));
    book_free(book);
}

static void post_and_unpost_are_each_others_inverse(void **state)
{
    struct book *book = book_new(CELLS);
    struct prng prng = {5};
    struct posting postings[200];
    struct posting_kind kinds[200];
    (void)state;
    post(book, posting(202603, 3, 10, 20), (struct posting_kind){.late = true});
    const struct cell before = *book_find(book, posting(202603, 3, 0, 0).key);
    for (int i = 0; i < 200; i++) {
        postings[i] = posting(202603, 3, (int64_t)prng_below(&prng, 1000) - 500,
                              (int64_t)prng_below(&prng, 1000) - 500);
        kinds[i] = (struct posting_kind){prng_chance(&prng, 500), prng_chance(&prng, 500),
                                         prng_u64(&prng)};
        post(book, postings[i], kinds[i]);
        assert_true(cell_balanced(book_find(book, postings[i].key)));
    }
    for (int i = 0; i < 200; i++) { /* Another order than they came in. */
        const int k = i * 77 % 200;
        book_unpost(book, &postings[k], kinds[k]);
    }
    assert_memory_equal(book_find(book, before.key), &before, sizeof before);
    book_free(book);
}

static void order_does_not_matter(void **state)
{
    struct book *one = book_new(CELLS);
    struct book *other = book_new(CELLS);
    (void)state;
    for (int i = 0; i < 97; i++) {
        const int k = i * 31 % 97;
        post(one, posting(202603, 3, i * 7, -i), (struct posting_kind){.content_hash = i * 0x9e37});
        post(other, posting(202603, 3, k * 7, -k),
             (struct posting_kind){.content_hash = k * 0x9e37});
    }
    const struct cell_key key = posting(202603, 3, 0, 0).key;
    assert_memory_equal(book_find(one, key), book_find(other, key), sizeof(struct cell));
    book_free(one);
    book_free(other);
}

/* `more` on top of `full` does not fit, and leaves no trace. */
static void assert_overflow(const struct posting *full, const struct posting *more)
{
    struct book *book = book_new(CELLS);
    post(book, *full, (struct posting_kind){0});
    const struct cell before = *book_find(book, more->key);
    assert_false(book_fits(book, more));
    assert_memory_equal(book_find(book, more->key), &before, sizeof before);
    expect_assert_failure(book_post(book, more, (struct posting_kind){0}));
    book_free(book);
}

/* Each sum at its end, both ways. */
static void an_overflow_is_seen_before_and_changes_nothing(void **state)
{
    const struct cell_key key = {202603, 1, 2, 1, 0};
    (void)state;
    for (int round = 0; round < 2; round++) {
        const int64_t end = round == 0 ? INT64_MAX : -INT64_MAX;
        const int64_t step = round == 0 ? 2 : -2;
        const struct posting medfee = {.key = key, .medfee = end};
        const struct posting more_medfee = {.key = key, .medfee = step};
        assert_overflow(&medfee, &more_medfee);
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            struct posting full = {.key = key};
            struct posting more = {.key = key};
            full.funds[fund] = end;
            more.funds[fund] = step;
            assert_overflow(&full, &more);
        }
    }
}

static void a_full_book_takes_no_new_cell(void **state)
{
    struct book *book = book_new(2);
    (void)state;
    post(book, posting(202603, 1, 1, 0), (struct posting_kind){0});
    post(book, posting(202603, 2, 1, 0), (struct posting_kind){0});
    const struct posting third = posting(202603, 3, 1, 0);
    const struct posting again = posting(202603, 2, 1, 0);
    assert_false(book_fits(book, &third));
    assert_true(book_fits(book, &again));
    book_free(book);
}

static void a_cut_freezes_only_older_open_cells(void **state)
{
    struct book *book = book_new(CELLS);
    uint32_t period;
    (void)state;
    for (uint32_t month = 202601; month <= 202604; month++)
        post(book, posting(month, 3, (int64_t)month, 9), (struct posting_kind){0});
    assert_true(book_open_before(book, 202603, &period));
    assert_int_equal(period, 202601);
    assert_false(book_open_before(book, 202601, &period));
    assert_int_equal(book_cut(book, 202601, 1), 1);
    assert_int_equal(book_cut(book, 202603, 2), 2);
    assert_int_equal(book_cut(book, 202603, 3), 0);
    static const uint64_t cut[] = {1, 2, 2, 0};
    for (uint32_t i = 0; i < 4; i++) {
        const struct cell *cell = book_find(book, posting(202601 + i, 3, 0, 0).key);
        assert_int_equal(cell->cut, cut[i]);
        assert_int_equal(cell->balance[cut[i] != 0 ? ACCOUNT_CLEARING : ACCOUNT_ACCRUED][0],
                         -(int64_t)(202601 + i));
        assert_int_equal(cell->balance[cut[i] != 0 ? ACCOUNT_ACCRUED : ACCOUNT_CLEARING][0], 0);
        assert_int_equal(cell->balance[ACCOUNT_COST][0], 202601 + i);
        assert_true(cell_balanced(cell));
    }
    const struct posting late = posting(202603, 3, 1, 1);
    expect_assert_failure(book_post(book, &late, (struct posting_kind){0}));
    expect_assert_failure(book_unpost(book, &late, (struct posting_kind){0}));
    book_free(book);
}

static void changes_are_taken_once(void **state)
{
    struct book *book = book_new(CELLS);
    struct cell cells[CELLS];
    (void)state;
    post(book, posting(202603, 1, 1, 0), (struct posting_kind){0});
    post(book, posting(202603, 2, 1, 0), (struct posting_kind){0});
    post(book, posting(202603, 1, 1, 0), (struct posting_kind){0});
    assert_int_equal(book_changed(book), 2);
    assert_int_equal(book_take_changed(book, cells), 2);
    assert_int_equal(cells[0].balance[ACCOUNT_COST][FUND_POOL], 2);
    assert_int_equal(book_changed(book), 0);
    book_cut(book, 202603, 1);
    assert_int_equal(book_take_changed(book, cells), 2);
    assert_int_equal(cells[1].cut, 1);
    book_free(book);
}

static void a_stored_cell_comes_back_if_it_balances(void **state)
{
    struct book *book = book_new(CELLS);
    struct cell cell = {.key = {202603, 1, 2, 1, 0}, .count = 3};
    (void)state;
    cell.balance[ACCOUNT_COST][FUND_POOL] = 5;
    assert_false(book_restore(book, &cell));
    cell.balance[ACCOUNT_CLEARING][FUND_POOL] = -5;
    assert_true(book_restore(book, &cell));
    assert_memory_equal(book_find(book, cell.key), &cell, sizeof cell);
    assert_int_equal(book_changed(book), 0);
    cell.key.payee = PROVINCE_COUNT;
    assert_false(book_restore(book, &cell));
    cell.key.payee = 2;
    cell.key.line = LINE_END;
    assert_false(book_restore(book, &cell));
    book_free(book);
}

static void keys_sort_by_month_and_then_parties(void **state)
{
    uint8_t a[CELL_KEY_SIZE];
    uint8_t b[CELL_KEY_SIZE];
    (void)state;
    cell_key_encode((struct cell_key){202512, 31, 31, 4, 3}, a);
    cell_key_encode((struct cell_key){202601, 0, 0, 1, 0}, b);
    assert_true(memcmp(a, b, sizeof a) < 0);
    cell_key_encode((struct cell_key){202601, 0, 1, 1, 0}, a);
    assert_true(memcmp(a, b, sizeof a) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_cost_and_accrued),
        cmocka_unit_test(post_and_unpost_are_each_others_inverse),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(an_overflow_is_seen_before_and_changes_nothing),
        cmocka_unit_test(a_full_book_takes_no_new_cell),
        cmocka_unit_test(a_cut_freezes_only_older_open_cells),
        cmocka_unit_test(changes_are_taken_once),
        cmocka_unit_test(a_stored_cell_comes_back_if_it_balances),
        cmocka_unit_test(keys_sort_by_month_and_then_parties),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
