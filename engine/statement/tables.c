#include "statement/tables.h"

#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"

static int compare_keys(const struct cell_key *a, const struct cell_key *b)
{
    if (a->period != b->period) return a->period < b->period ? -1 : 1;
    if (a->payer != b->payer) return a->payer < b->payer ? -1 : 1;
    if (a->payee != b->payee) return a->payee < b->payee ? -1 : 1;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    return (a->insurance > b->insurance) - (a->insurance < b->insurance);
}

/* A cell by its key, one number in the order of compare_keys(), and where it stands. */
struct place {
    uint64_t key;
    size_t at;
};

static int compare_places(const void *left, const void *right)
{
    const struct place *a = left;
    const struct place *b = right;
    if (a->key != b->key) return a->key < b->key ? -1 : 1;
    return (a->at > b->at) - (a->at < b->at);
}

static uint64_t key_number(const struct cell_key *key)
{
    _Static_assert(sizeof *key == 8, "a key fits into a number");
    return (uint64_t)key->period << 32 | (uint64_t)key->payer << 24 | (uint64_t)key->payee << 16 |
           (uint64_t)key->line << 8 | key->insurance;
}

/* By their keys. A cell is 320 bytes: each is moved once, and only places are sorted. */
static void sort_cells(struct cell *cells, size_t count)
{
    struct place *places = malloc((count + 1) * sizeof *places);
    NEED_MEMORY(places);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct place){key_number(&cells[i].key), i};
    qsort(places, count, sizeof *places, compare_places);
    for (size_t start = 0; start < count; start++) {
        /* What comes here stands there, what comes there elsewhere …: around until it is `first`.
         */
        const struct cell first = cells[start];
        size_t to = start;
        for (size_t from = places[to].at; from != start; from = places[to].at) {
            cells[to] = cells[from];
            places[to].at = to;
            to = from;
        }
        cells[to] = first;
        places[to].at = to;
    }
    free(places);
}

static bool add_cell(struct cell *sum, const struct cell *cell)
{
    bool fits = !__builtin_add_overflow(sum->medfee_sum, cell->medfee_sum, &sum->medfee_sum);
    sum->count += cell->count;
    sum->refund_count += cell->refund_count;
    sum->late_count += cell->late_count;
    sum->checksum += cell->checksum;
    if (cell->cut > sum->cut) sum->cut = cell->cut;
    for (int account = 0; account < ACCOUNT_SLOTS; account++) {
        for (int fund = 0; fund < FUND_SLOTS; fund++) {
            fits &=
                !__builtin_add_overflow(sum->balance[account][fund], cell->balance[account][fund],
                                        &sum->balance[account][fund]);
        }
    }
    return fits;
}

static bool is_empty(const struct cell *cell)
{
    if (cell->count != 0 || cell->checksum != 0) return false;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (cell->balance[ACCOUNT_COST][fund] != 0) return false;
    }
    return true;
}

size_t tables_merge_cells(struct cell *cells, size_t count, bool *ret_overflow)
{
    size_t left = 0;
    *ret_overflow = false;
    sort_cells(cells, count);
    for (size_t i = 0; i < count; i++) {
        if (left != 0 && compare_keys(&cells[left - 1].key, &cells[i].key) == 0) {
            if (!add_cell(&cells[left - 1], &cells[i])) *ret_overflow = true;
        } else {
            if (left != 0 && is_empty(&cells[left - 1])) left--;
            cells[left++] = cells[i];
        }
    }
    if (left != 0 && is_empty(&cells[left - 1])) left--;
    return left;
}

static int64_t fund_money(const struct cell *cell)
{
    int64_t sum = 0;
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (fund != FUND_ACCOUNT) sum += cell->balance[ACCOUNT_COST][fund];
    }
    return sum;
}

static int64_t account_money(const struct cell *cell)
{
    return cell->balance[ACCOUNT_COST][FUND_ACCOUNT];
}

bool tables_netting(const struct cell *cells, size_t count, uint32_t period,
                    struct netting *ret_netting)
{
    netting_init(ret_netting);
    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &cells[i];
        if (cell->key.period != period) continue;
        if (!netting_add(ret_netting, cell->key.payer, cell->key.payee,
                         fund_money(cell) + account_money(cell), cell->count)) {
            return false;
        }
    }
    return true;
}

/* A cell as the digest sees it; little-endian. The shards' own cut numbers are not in it. */
#define DIGEST_CELL_SIZE (8 + 5 * 8 + FUND_COUNT * 8)

static void digest_cell(const struct cell *cell, uint8_t out[DIGEST_CELL_SIZE])
{
    le_store32(out, cell->key.period);
    out[4] = province_codes[cell->key.payer];
    out[5] = province_codes[cell->key.payee];
    out[6] = cell->key.line;
    out[7] = cell->key.insurance;
    le_store64(out + 8, cell->count);
    le_store64(out + 16, cell->refund_count);
    le_store64(out + 24, cell->late_count);
    le_store64(out + 32, (uint64_t)cell->medfee_sum);
    le_store64(out + 40, cell->checksum);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        le_store64(out + 48 + 8 * fund, (uint64_t)cell->balance[ACCOUNT_COST][fund]);
}

void tables_digest(const struct cell *cells, size_t count, uint32_t period,
                   uint8_t ret_digest[REPORT_DIGEST_SIZE])
{
    uint8_t block[REPORT_DIGEST_SIZE + DIGEST_CELL_SIZE];

    /* Each cell is hashed together with the hash so far: no buffer grows with the month. */
    memset(ret_digest, 0, REPORT_DIGEST_SIZE);
    for (size_t i = 0; i < count; i++) {
        if (cells[i].key.period != period) continue;
        memcpy(block, ret_digest, REPORT_DIGEST_SIZE);
        digest_cell(&cells[i], block + REPORT_DIGEST_SIZE);
        checksum_sha256((struct bytes){block, sizeof block}, (struct bytes){0}, ret_digest);
    }
}

static bool mode_total(const struct netting *netting, enum netting_mode mode, int64_t *ret_total)
{
    struct payments payments;
    if (!netting_payments(netting, mode, &payments)) return false;
    *ret_total = payments.total;
    return true;
}

bool tables_period(const struct cell *cells, size_t count, uint32_t period, bool cut,
                   struct period_row *ret_row)
{
    struct netting netting;
    struct period_row row = {.period = period, .cut = cut};

    for (size_t i = 0; i < count; i++) {
        const struct cell *cell = &cells[i];
        if (cell->key.period != period) continue;
        row.count += cell->count;
        row.refund_count += cell->refund_count;
        row.late_count += cell->late_count;
        if (__builtin_add_overflow(row.medfee, cell->medfee_sum, &row.medfee) ||
            __builtin_add_overflow(row.fund, fund_money(cell), &row.fund) ||
            __builtin_add_overflow(row.account, account_money(cell), &row.account)) {
            return false;
        }
    }
    if (!tables_netting(cells, count, period, &netting) ||
        !mode_total(&netting, NETTING_GROSS, &row.gross) ||
        !mode_total(&netting, NETTING_BILATERAL, &row.bilateral) ||
        !mode_total(&netting, NETTING_MULTILATERAL, &row.multilateral)) {
        return false;
    }
    tables_digest(cells, count, period, row.digest);
    *ret_row = row;
    return true;
}

uint32_t insurance_code(uint32_t insurance)
{
    static const uint32_t codes[INSURANCE_COUNT] = {310, 390, 340, 999};
    return insurance < INSURANCE_COUNT ? codes[insurance] : 999;
}

size_t tables_positions(const struct cell *cells, size_t count, uint32_t period,
                        struct position_row *rows, size_t rows_max)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < rows_max; i++) {
        const struct cell *cell = &cells[i];
        if (cell->key.period != period) continue;
        const int64_t *cost = cell->balance[ACCOUNT_COST];
        rows[used++] = (struct position_row){
            .payer = province_codes[cell->key.payer],
            .payee = province_codes[cell->key.payee],
            .line = cell->key.line,
            .insutype = insurance_code(cell->key.insurance),
            .count = cell->count,
            .fund = fund_money(cell),
            .account = account_money(cell),
            .amount = fund_money(cell) + account_money(cell),
            .pool = cost[FUND_POOL],
            .supplement = cost[FUND_SUPPLEMENT],
            .assistance = cost[FUND_ASSISTANCE],
            .other = cost[FUND_OTHER],
        };
    }
    return used;
}

static uint32_t code_of(uint8_t index)
{
    return index == NETTING_CLEARING_ACCOUNT ? 0 : province_codes[index];
}

size_t tables_net_rows(const struct payments *payments, struct net_row rows[PAYMENTS_MAX])
{
    for (uint32_t i = 0; i < payments->count; i++) {
        const struct payment *payment = &payments->list[i];
        rows[i] = (struct net_row){
            .payer = code_of(payment->payer),
            .payee = code_of(payment->payee),
            .count = payment->count,
            .amount = payment->amount,
        };
    }
    return payments->count;
}

bool tables_provinces(const struct netting *netting, struct province_row rows[PROVINCE_COUNT])
{
    int64_t net[PROVINCE_COUNT];
    if (!netting_positions(netting, net)) return false;
    for (int i = 0; i < PROVINCE_COUNT; i++) {
        struct province_row row = {.province = province_codes[i], .net = net[i]};
        for (int j = 0; j < PROVINCE_COUNT; j++) {
            if (__builtin_add_overflow(row.payable, netting->amount[i][j], &row.payable) ||
                __builtin_add_overflow(row.receivable, netting->amount[j][i], &row.receivable)) {
                return false;
            }
        }
        rows[i] = row;
    }
    return true;
}
