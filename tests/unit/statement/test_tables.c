/* Tables of the centre: however a month is split over shards, the sums, the digest and the rows
 * are those of the month in one piece (docs/rules.md, Invariants 12); against plain sums. */
#include <stdlib.h>
#include <string.h>

#include "statement/tables.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

#define MONTH     202503
#define KEYS      200
#define PARTS_MAX 8

static struct cell whole[KEYS];
static struct cell parts[KEYS * PARTS_MAX];

static int64_t money(struct prng *prng)
{
    return (int64_t)prng_below(prng, 2000000000) - 500000000;
}

/* Keys in no order; two months, so that each table has something to leave out. */
static struct cell random_cell(struct prng *prng, uint32_t number)
{
    struct cell cell = {
        .key = {.period = number % 3 == 0 ? MONTH - 1 : MONTH,
                .payer = (uint8_t)(number * 7 % PROVINCE_COUNT),
                .line = (uint8_t)(LINE_INPATIENT + number % 4),
                .insurance = (uint8_t)(number / 4 % INSURANCE_COUNT)},
        .count = 1 + prng_below(prng, 100000),
        .refund_count = prng_below(prng, 1000),
        .late_count = prng_below(prng, 1000),
        .medfee_sum = money(prng),
        .checksum = prng_u64(prng),
        .cut = prng_below(prng, 5),
    };
    cell.key.payee = (uint8_t)((cell.key.payer + 1 + number / 32 % 31) % PROVINCE_COUNT);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        cell.balance[ACCOUNT_COST][fund] = money(prng);
        cell.balance[ACCOUNT_ACCRUED][fund] = -cell.balance[ACCOUNT_COST][fund];
    }
    return cell;
}

static void make_whole(struct prng *prng)
{
    for (uint32_t i = 0; i < KEYS; i++)
        whole[i] = random_cell(prng, i);
}

static void take_from(struct cell *rest, struct cell *part, struct prng *prng)
{
    *part = (struct cell){.key = rest->key, .cut = prng_below(prng, rest->cut + 1)};
    part->count = prng_below(prng, rest->count + 1);
    part->refund_count = prng_below(prng, rest->refund_count + 1);
    part->late_count = prng_below(prng, rest->late_count + 1);
    part->medfee_sum = money(prng);
    part->checksum = prng_u64(prng);
    rest->count -= part->count;
    rest->refund_count -= part->refund_count;
    rest->late_count -= part->late_count;
    rest->medfee_sum -= part->medfee_sum;
    rest->checksum -= part->checksum;
    for (int account = 0; account < ACCOUNT_SLOTS; account++) {
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            part->balance[account][fund] = money(prng);
            rest->balance[account][fund] -= part->balance[account][fund];
        }
    }
}

/* Splits each cell of the whole into `shards` that add up to it, and shuffles them. */
static size_t split(struct prng *prng, uint32_t shards)
{
    size_t count = 0;
    for (uint32_t i = 0; i < KEYS; i++) {
        struct cell rest = whole[i];
        for (uint32_t shard = 1; shard < shards; shard++)
            take_from(&rest, &parts[count++], prng);
        parts[count++] = rest;
    }
    for (size_t i = count; i > 1; i--) {
        const size_t j = prng_below(prng, i);
        const struct cell swap = parts[i - 1];
        parts[i - 1] = parts[j];
        parts[j] = swap;
    }
    return count;
}

static size_t merge(struct cell *cells, size_t count)
{
    bool overflow = true;
    const size_t left = tables_merge_cells(cells, count, &overflow);
    assert_false(overflow);
    return left;
}

static void any_split_merges_to_the_same(void **state)
{
    struct prng prng = {1};
    (void)state;
    for (int round = 0; round < 50; round++) {
        make_whole(&prng);
        uint8_t digest[REPORT_DIGEST_SIZE];
        uint8_t split_digest[REPORT_DIGEST_SIZE];
        const uint32_t shards = 1 + (uint32_t)prng_below(&prng, PARTS_MAX);
        const size_t left = merge(parts, split(&prng, shards));
        assert_int_equal(merge(whole, KEYS), KEYS);
        assert_int_equal(left, KEYS);
        for (size_t i = 0; i < KEYS; i++) /* The highest of the parts' cut numbers stays. */
            assert_memory_equal(&parts[i], &whole[i], sizeof whole[i]);
        tables_digest(whole, KEYS, MONTH, digest);
        tables_digest(parts, left, MONTH, split_digest);
        assert_memory_equal(split_digest, digest, sizeof digest);
    }
}

static void order_of_keys(void **state)
{
    struct cell cells[] = {
        {.key = {202504, 0, 1, 1, 0}, .count = 6}, {.key = {202503, 1, 0, 1, 0}, .count = 5},
        {.key = {202503, 0, 2, 1, 0}, .count = 4}, {.key = {202503, 0, 1, 2, 0}, .count = 3},
        {.key = {202503, 0, 1, 1, 1}, .count = 2}, {.key = {202503, 0, 1, 1, 0}, .count = 1},
    };
    (void)state;
    assert_int_equal(merge(cells, 6), 6);
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(cells[i].count, i + 1);
}

/* Empty: no record and no money, also when only the parts together are. */
static void empty_cells_are_dropped(void **state)
{
    struct cell cells[] = {
        {.key = {MONTH, 0, 1, 1, 0}},
        {.key = {MONTH, 0, 2, 1, 0}, .balance[ACCOUNT_COST][FUND_POOL] = 5},
        {.key = {MONTH, 0, 2, 1, 0}, .balance[ACCOUNT_COST][FUND_POOL] = -5},
        {.key = {MONTH, 0, 3, 1, 0}, .count = 2}, /* A settlement and its refund: records. */
        {.key = {MONTH, 0, 4, 1, 0}, .balance[ACCOUNT_COST][FUND_OTHER] = -1},
        {.key = {MONTH, 0, 5, 1, 0}, .cut = 3},
    };
    (void)state;
    assert_int_equal(merge(cells, 6), 2);
    assert_int_equal(cells[0].key.payee, 3);
    assert_int_equal(cells[1].key.payee, 4);
    assert_int_equal(merge(cells, 0), 0);
}

static void overflow_is_told(void **state)
{
    const struct cell_key key = {MONTH, 0, 1, 1, 0};
    struct cell balance[] = {
        {.key = key, .count = 1, .balance[ACCOUNT_ACCRUED][FUND_POOL] = INT64_MIN},
        {.key = key, .count = 1, .balance[ACCOUNT_ACCRUED][FUND_POOL] = -1},
    };
    struct cell medfee[] = {{.key = key, .count = 1, .medfee_sum = INT64_MAX},
                            {.key = key, .count = 1, .medfee_sum = 1}};
    struct cell apart[] = {{.key = key, .count = 1, .medfee_sum = INT64_MAX},
                           {.key = {MONTH, 0, 2, 1, 0}, .count = 1, .medfee_sum = 1}};
    struct period_row row;
    bool overflow = false;
    (void)state;
    tables_merge_cells(balance, 2, &overflow);
    assert_true(overflow);
    overflow = false;
    tables_merge_cells(medfee, 2, &overflow);
    assert_true(overflow);
    assert_int_equal(merge(apart, 2), 2);
    assert_false(tables_period(apart, 2, MONTH, true, &row)); /* The month's sum does not fit. */
    assert_true(tables_period(apart, 1, MONTH, true, &row));
}

static void assert_digest_differs(size_t at)
{
    uint8_t before[REPORT_DIGEST_SIZE];
    uint8_t after[REPORT_DIGEST_SIZE];
    const struct cell kept = whole[at];
    tables_digest(whole, KEYS, MONTH, before);
#define DIFFERS(change)                                        \
    do {                                                       \
        change;                                                \
        tables_digest(whole, KEYS, MONTH, after);              \
        assert_memory_not_equal(after, before, sizeof before); \
        whole[at] = kept;                                      \
    } while (0)
    DIFFERS(whole[at].count++);
    DIFFERS(whole[at].refund_count++);
    DIFFERS(whole[at].late_count++);
    DIFFERS(whole[at].medfee_sum++);
    DIFFERS(whole[at].checksum++);
    DIFFERS(whole[at].key.payee = (uint8_t)((whole[at].key.payee + 1) % PROVINCE_COUNT));
    DIFFERS(whole[at].key.line++);
    DIFFERS(whole[at].key.insurance++);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        DIFFERS(whole[at].balance[ACCOUNT_COST][fund]++);
#undef DIFFERS
    /* Which cut it was is the shard's own business. */
    whole[at].cut++;
    tables_digest(whole, KEYS, MONTH, after);
    assert_memory_equal(after, before, sizeof before);
    whole[at] = kept;
}

static void digest_sees_one_fen(void **state)
{
    struct prng prng = {2};
    uint8_t before[REPORT_DIGEST_SIZE];
    uint8_t after[REPORT_DIGEST_SIZE];
    const uint8_t none[REPORT_DIGEST_SIZE] = {0};
    (void)state;
    make_whole(&prng);
    merge(whole, KEYS);
    tables_digest(whole, KEYS, MONTH, before);
    assert_int_equal(whole[0].key.period, MONTH - 1);
    whole[0].medfee_sum++; /* Another month's fen changes nothing. */
    tables_digest(whole, KEYS, MONTH, after);
    assert_memory_equal(after, before, sizeof before);
    assert_int_equal(whole[KEYS - 1].key.period, MONTH);
    assert_digest_differs(KEYS - 1);
    assert_digest_differs(KEYS / 2);
    tables_digest(whole, KEYS, MONTH + 1, after);
    assert_memory_equal(after, none, sizeof none);
}

static void positions_are_the_cells(void **state)
{
    struct prng prng = {3};
    struct position_row rows[KEYS + 1];
    const uint32_t codes[] = {310, 390, 340, 999};
    size_t used = 0;
    (void)state;
    make_whole(&prng);
    merge(whole, KEYS);
    const size_t count = tables_positions(whole, KEYS, MONTH, rows, KEYS + 1);
    for (size_t i = 0; i < KEYS; i++) {
        const struct cell *cell = &whole[i];
        if (cell->key.period != MONTH) continue;
        const struct position_row *row = &rows[used++];
        const int64_t *cost = cell->balance[ACCOUNT_COST];
        assert_int_equal(row->payer, province_codes[cell->key.payer]);
        assert_int_equal(row->payee, province_codes[cell->key.payee]);
        assert_int_equal(row->line, cell->key.line);
        assert_int_equal(row->insutype, codes[cell->key.insurance]);
        assert_int_equal(row->count, cell->count);
        assert_int_equal(row->pool, cost[FUND_POOL]);
        assert_int_equal(row->supplement, cost[FUND_SUPPLEMENT]);
        assert_int_equal(row->assistance, cost[FUND_ASSISTANCE]);
        assert_int_equal(row->other, cost[FUND_OTHER]);
        assert_int_equal(row->account, cost[FUND_ACCOUNT]);
        assert_int_equal(row->fund, row->pool + row->supplement + row->assistance + row->other);
        assert_int_equal(row->amount, row->fund + row->account);
    }
    assert_int_equal(count, used);
    assert_int_equal(tables_positions(whole, KEYS, MONTH, rows, 3), 3);
    assert_int_equal(tables_positions(whole, KEYS, MONTH + 1, rows, KEYS), 0);
}

static void period_is_the_sum(void **state)
{
    struct prng prng = {4};
    static int64_t owes[PROVINCE_COUNT][PROVINCE_COUNT];
    int64_t net[PROVINCE_COUNT] = {0};
    struct period_row want = {.period = MONTH, .cut = true};
    struct period_row row;
    uint8_t digest[REPORT_DIGEST_SIZE];
    (void)state;
    make_whole(&prng);
    merge(whole, KEYS);
    memset(owes, 0, sizeof owes);
    for (size_t i = 0; i < KEYS; i++) {
        const struct cell *cell = &whole[i];
        if (cell->key.period != MONTH) continue;
        want.count += cell->count;
        want.refund_count += cell->refund_count;
        want.late_count += cell->late_count;
        want.medfee += cell->medfee_sum;
        want.account += cell->balance[ACCOUNT_COST][FUND_ACCOUNT];
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            if (fund != FUND_ACCOUNT) want.fund += cell->balance[ACCOUNT_COST][fund];
            owes[cell->key.payer][cell->key.payee] += cell->balance[ACCOUNT_COST][fund];
        }
    }
    for (int i = 0; i < PROVINCE_COUNT; i++) {
        for (int j = 0; j < PROVINCE_COUNT; j++) {
            net[i] -= owes[i][j];
            net[j] += owes[i][j];
            if (i < j) want.bilateral += llabs(owes[i][j] - owes[j][i]);
        }
    }
    for (int i = 0; i < PROVINCE_COUNT; i++)
        if (net[i] > 0) want.multilateral += net[i];

    assert_true(tables_period(whole, KEYS, MONTH, true, &row));
    assert_int_equal(row.period, MONTH);
    assert_true(row.cut);
    assert_int_equal(row.count, want.count);
    assert_int_equal(row.refund_count, want.refund_count);
    assert_int_equal(row.late_count, want.late_count);
    assert_int_equal(row.medfee, want.medfee);
    assert_int_equal(row.fund, want.fund);
    assert_int_equal(row.account, want.account);
    assert_int_equal(row.gross, want.fund + want.account);
    assert_int_equal(row.bilateral, want.bilateral);
    assert_int_equal(row.multilateral, want.multilateral);
    tables_digest(whole, KEYS, MONTH, digest);
    assert_memory_equal(row.digest, digest, sizeof digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_split_merges_to_the_same),
        cmocka_unit_test(order_of_keys),
        cmocka_unit_test(empty_cells_are_dropped),
        cmocka_unit_test(overflow_is_told),
        cmocka_unit_test(digest_sees_one_fen),
        cmocka_unit_test(positions_are_the_cells),
        cmocka_unit_test(period_is_the_sum),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
