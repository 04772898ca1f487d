#include "tools/verify/cycle_check.h"

#include <stdlib.h>
#include <string.h>

#include "cycle/calendar.h"
#include "cycle/settings.h"
#include "util/le.h"

#define PART_HEAD 16
#define ROW_HEAD  4

/* Nothing here counts working days: an empty table will do. */
static const struct calendar no_calendar;

struct cycle_check *cycle_check_new(void)
{
    struct setting_values values;
    struct cycle_check *check = calloc(1, sizeof *check);
    if (check == NULL) return NULL;
    settings_init(&values);
    check->cycle = cycle_new(&no_calendar, &values);
    if (check->cycle != NULL) return check;
    free(check);
    return NULL;
}

void cycle_check_free(struct cycle_check *check)
{
    if (check == NULL) return;
    cycle_free(check->cycle);
    free(check->rows);
    free(check);
}

/* -- postings -------------------------------------------------------------------------------- */

static bool add_posting(struct cycle_check *check, const struct posting_row *posting)
{
    if (posting->payer >= PROVINCE_COUNT || posting->payee >= PROVINCE_COUNT ||
        posting->payer == posting->payee || posting->fund >= FUND_COUNT ||
        posting->debit >= CYCLE_ACCOUNT_COUNT || posting->credit >= CYCLE_ACCOUNT_COUNT ||
        posting->debit == posting->credit) {
        return false;
    }
    int64_t *accounts = check->balance[posting->payer][posting->payee][posting->fund];
    check->postings++;
    return !__builtin_add_overflow(accounts[posting->debit], posting->amount,
                                   &accounts[posting->debit]) &&
           !__builtin_sub_overflow(accounts[posting->credit], posting->amount,
                                   &accounts[posting->credit]);
}

static bool add_postings(struct cycle_check *check)
{
    for (size_t at = 0; at + ROW_HEAD <= check->size;) {
        const uint16_t kind = le_load16(check->rows + at);
        const uint16_t size = le_load16(check->rows + at + 2);
        struct posting_row posting;
        if (kind == ROW_POSTING) {
            if (size != sizeof posting || check->size - at - ROW_HEAD < size) return false;
            memcpy(&posting, check->rows + at + ROW_HEAD, sizeof posting);
            if (!add_posting(check, &posting)) return false;
        }
        at += ROW_HEAD + ((size + 3u) & ~3u);
    }
    return true;
}

/* -- decisions ------------------------------------------------------------------------------- */

static bool append(struct cycle_check *check, struct bytes rows)
{
    if (check->room - check->size < rows.size) {
        const size_t room = 2 * (check->room + rows.size);
        uint8_t *more = realloc(check->rows, room);
        if (more == NULL) return false;
        check->rows = more;
        check->room = room;
    }
    memcpy(check->rows + check->size, rows.data, rows.size);
    check->size += rows.size;
    return true;
}

bool cycle_check_add(struct cycle_check *check, struct bytes body, uint64_t seq,
                     struct finding *finding)
{
    const unsigned long long at = (unsigned long long)seq;
    if (body.size < PART_HEAD)
        return finding_set(finding, "shard 0, seq %llu: a part of %zu bytes", at, body.size);
    const uint64_t number = le_load64(body.data);
    const uint32_t part = le_load32(body.data + 8);
    const uint32_t parts = le_load32(body.data + 12);
    if (part == 1 && parts >= 1) { /* What was not finished before was never decided. */
        check->number = number;
        check->parts = parts;
        check->part = 0;
        check->size = 0;
    }
    if (number != check->number || parts != check->parts || part != check->part + 1) {
        return finding_set(finding,
                           "shard 0, seq %llu: part %u of %u of decision %llu is out of place", at,
                           part, parts, (unsigned long long)number);
    }
    check->part = part;
    if (!append(check, (struct bytes){body.data + PART_HEAD, body.size - PART_HEAD}))
        return finding_set(finding, "out of memory");
    if (part != parts) return true;
    check->decisions++;
    if (!add_postings(check) ||
        cycle_apply(check->cycle, (struct bytes){check->rows, check->size}) != 0) {
        return finding_set(finding, "shard 0, seq %llu: decision %llu makes no sense", at,
                           (unsigned long long)number);
    }
    check->size = 0;
    return true;
}

/* -- the end --------------------------------------------------------------------------------- */

static bool check_balances(const struct cycle_check *check, struct finding *finding)
{
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            for (int fund = 0; fund < FUND_COUNT; fund++) {
                int64_t sum = 0;
                for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
                    const int64_t balance = check->balance[payer][payee][fund][account];
                    sum += balance;
                    if (balance == cycle_balance(check->cycle, payer, payee, (uint8_t)fund,
                                                 (enum cycle_account)account))
                        continue;
                    return finding_set(finding,
                                       "cycle: account %d of %02u->%02u, fund %d, is not "
                                       "the sum of its postings",
                                       account, province_codes[payer], province_codes[payee], fund);
                }
                if (sum == 0) continue;
                return finding_set(finding,
                                   "cycle: the accounts of %02u->%02u, fund %d, do not "
                                   "sum to zero",
                                   province_codes[payer], province_codes[payee], fund);
            }
        }
    }
    return true;
}

static bool knows_month(const struct cycle *cycle, uint32_t period)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
        const struct frozen_row *row = cycle_row(cycle, ROW_FROZEN, i);
        if (row->cell.period == period) return true;
    }
    return false;
}

static bool same(const struct cell *cell, const struct frozen_row *row)
{
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (row->funds[fund] != cell->balance[ACCOUNT_COST][fund]) return false;
    }
    return row->count == cell->count && row->refund_count == cell->refund_count &&
           row->late_count == cell->late_count && row->checksum == cell->checksum &&
           row->medfee == cell->medfee_sum;
}

/* What the cycle took over at the cuts is what the shards handed over. */
static bool check_handover(const struct cycle_check *check, const struct months *months,
                           struct finding *finding)
{
    uint32_t found = 0;
    for (uint32_t m = 0; m < months->count; m++) {
        const uint32_t period = months->list[m].period;
        if (!knows_month(check->cycle, period)) continue;
        for (uint32_t i = 0; i < months->cell_count; i++) {
            const struct cell *cell = &months->cells[i];
            if (cell->key.period != period || months_cell_empty(cell)) continue;
            const struct frozen_row *row = cycle_find(check->cycle, ROW_FROZEN, &cell->key);
            if (row != NULL && same(cell, row)) {
                found++;
                continue;
            }
            return finding_set(finding, "cycle: cell %s is not what the shards handed over",
                               cell_key_text(cell->key));
        }
    }
    if (found == cycle_count(check->cycle, ROW_FROZEN)) return true;
    return finding_set(finding, "cycle: it holds %u cells of cut months, the shards %u",
                       cycle_count(check->cycle, ROW_FROZEN), found);
}

bool cycle_check_finish(const struct cycle_check *check, const struct months *months,
                        struct finding *finding)
{
    if (!check_balances(check, finding) || !check_handover(check, months, finding)) return false;
    const char *broken = cycle_check(check->cycle);
    return broken == NULL || finding_set(finding, "cycle: %s", broken);
}
