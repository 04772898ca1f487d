/* recon -- reconciliation (对账): a side's totals, and its list of records, against the centre's.
 *
 * Equal totals make a cell's day reconciled by that side. A list is compared record by record in
 * one pass; what differs becomes a difference of that side and holds the centre's record back until
 * a corrected list comes (docs/rules.md, Reconciliation). Must not know batches: exceptions.c does.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"
#include "types/ensure.h"

/* -- both orders ------------------------------------------------------------------------------ */

/* Which side of the pair the order speaks for. The centre has no list of its own to compare. */
static bool side_of(struct judgement *j, uint8_t payer, uint8_t payee, enum side *ret_side)
{
    const uint8_t acting = j->order->acting;
    if (acting >= PROVINCE_COUNT) {
        return refuse(j, ERROR_NOT_YOURS, "name the province whose side this is");
    }
    if (acting != payer && acting != payee) {
        return refuse(j, ERROR_NOT_YOURS, "%02u is no side of %02u to %02u", province_of(acting),
                      province_of(payer), province_of(payee));
    }
    *ret_side = acting == payer ? SIDE_PAYER : SIDE_PAYEE;
    return true;
}

static bool day_valid(uint32_t day)
{
    return civil_month_valid(day / 100) && day % 100 >= 1 &&
           day % 100 <= (uint32_t)civil_month_days(day / 100);
}

static void put_recon(struct judgement *j, const struct cell_key *cell, uint32_t day,
                      enum side side, uint64_t count, uint64_t checksum)
{
    const struct recon_row row = {
        .cell = *cell,
        .day = day,
        .side = (uint8_t)side,
        .count = count,
        .checksum = checksum,
        .at_ms = j->now_ms,
    };
    /* A row that says "nothing" is only of use where an older one says something. */
    if (count == 0 && cycle_find(j->cycle, ROW_RECON, &row) == NULL) return;
    decision_put(j->decision, ROW_RECON, &row);
}

/* Fund money without the personal account, as fund_pay_sumamt. */
static int64_t fund_of(const int64_t *funds)
{
    return funds_sum(funds) - funds[FUND_ACCOUNT];
}

/* -- totals (对总账) --------------------------------------------------------------------------- */

/* The centre's figures of a cell, or of one of its days. */
struct figures {
    uint64_t count;
    uint64_t checksum;
    int64_t medfee;
    int64_t fund;
    int64_t acct;
};

static int compare_tallies(const void *left, const void *right)
{
    const struct tally *a = left;
    const struct tally *b = right;
    if (a->key.period != b->key.period) return a->key.period < b->key.period ? -1 : 1;
    if (a->key.part != b->key.part) return a->key.part < b->key.part ? -1 : 1;
    return memcmp(&a->key.payer, &b->key.payer, sizeof a->key - offsetof(struct tally_key, payer));
}

static int compare_cells(const void *left, const void *right)
{
    return cell_key_compare(&((const struct cell *)left)->key, &((const struct cell *)right)->key);
}

static struct figures of_day(const struct judgement *j, const struct cell_key *cell)
{
    const struct facts *facts = j->facts;
    const struct tally wanted = {
        .key =
            {
                .kind = TALLY_DAY,
                .period = cell->period,
                .part = j->order->day,
                .payer = cell->payer,
                .payee = cell->payee,
                .line = cell->line,
                .insurance = cell->insurance,
            },
    };
    if (facts->tally_count == 0) return (struct figures){0};
    const struct tally *tally =
        bsearch(&wanted, facts->tallies, facts->tally_count, sizeof *tally, compare_tallies);
    if (tally == NULL) return (struct figures){0};
    return (struct figures){tally->count, tally->checksum, tally->medfee, fund_of(tally->funds),
                            tally->funds[FUND_ACCOUNT]};
}

/* A month that was handed over is as it was then. */
static struct figures of_month(const struct judgement *j, const struct cell_key *key)
{
    const struct facts *facts = j->facts;
    const struct frozen_row *frozen = cycle_find(j->cycle, ROW_FROZEN, key);
    if (frozen != NULL) {
        return (struct figures){frozen->count, frozen->checksum, frozen->medfee,
                                fund_of(frozen->funds), frozen->funds[FUND_ACCOUNT]};
    }
    const struct cell wanted = {.key = *key};
    if (facts->cell_count == 0) return (struct figures){0};
    const struct cell *cell =
        bsearch(&wanted, facts->cells, facts->cell_count, sizeof *cell, compare_cells);
    if (cell == NULL) return (struct figures){0};
    const int64_t *cost = cell->balance[ACCOUNT_COST];
    return (struct figures){cell->count, cell->checksum, cell->medfee_sum, fund_of(cost),
                            cost[FUND_ACCOUNT]};
}

bool judge_recon_day(struct judgement *j)
{
    const struct order *order = j->order;
    enum side side = SIDE_PAYER;
    for (uint32_t i = 0; i < order->row_count; i++) {
        const struct cell_key *cell = &order->totals[i].cell;
        if (!side_of(j, cell->payer, cell->payee, &side)) return false;
    }
    if (!civil_month_valid(order->period)) {
        return refuse(j, ERROR_MALFORMED, "%u is no month", order->period);
    }
    if (order->day != 0 && !day_valid(order->day)) {
        return refuse(j, ERROR_MALFORMED, "%u is no day", order->day);
    }
    /* Without totals it is a question. */
    if (order->row_count == 0) return true;
    if (!must_be_open_year(j, order->period)) return false;

    for (uint32_t i = 0; i < order->row_count; i++) {
        const struct recon_total *total = &order->totals[i];
        struct cell_key cell = total->cell;
        cell.period = order->period;
        const struct figures ours = order->day != 0 ? of_day(j, &cell) : of_month(j, &cell);
        const bool equal = ours.count == total->count && ours.medfee == total->medfee &&
                           ours.fund == total->fund && ours.acct == total->acct;
        j->decision->counts[equal ? 0 : 1]++;
        if (!equal || !side_of(j, cell.payer, cell.payee, &side)) continue;
        put_recon(j, &cell, order->day, side, ours.count, ours.checksum);
    }
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%u totals equal, %u different",
                   j->decision->counts[0], j->decision->counts[1]);
    return done(j, "");
}

/* -- records (对明细账) ------------------------------------------------------------------------ */

/* What comparing a list needs at hand, and what it finds. */
struct comparison {
    struct judgement *j;
    enum side side;
    const struct recon_item **items; /* Ascending; see compare_items(). */
    size_t item_count;
    const struct record_facts **records; /* Those that stand, in the same order. */
    size_t record_count;
    struct difference_row *found;             /* Ascending by ref. */
    const struct record_facts **found_record; /* NULL where the centre has none. */
    size_t found_count;
    size_t found_room;
};

static bool comparison_init(struct comparison *c, struct judgement *j, enum side side)
{
    *c = (struct comparison){.j = j, .side = side};
    c->items = malloc((j->order->row_count + 1) * sizeof(const struct recon_item *));
    c->records = malloc((j->facts->record_count + 1) * sizeof(const struct record_facts *));
    c->found_room = (size_t)setting_at(j->cycle, SETTING_RECON_DIFFERENCES_MAX, j->now_ms) + 1;
    c->found = malloc(c->found_room * sizeof(*c->found));
    c->found_record = malloc(c->found_room * sizeof(const struct record_facts *));
    return c->items != NULL && c->records != NULL && c->found != NULL && c->found_record != NULL;
}

static void comparison_free(struct comparison *c)
{
    free(c->items);
    free(c->records);
    free(c->found);
    free(c->found_record);
}

static int compare_amounts(int64_t a, int64_t b)
{
    return a == b ? 0 : a < b ? -1 : 1;
}

/* By ref, then by what is compared, so that records that share a ref meet their likes. */
static int compare_items(const void *left, const void *right)
{
    const struct recon_item *a = *(const struct recon_item *const *)left;
    const struct recon_item *b = *(const struct recon_item *const *)right;
    int order = record_ref_compare(&a->ref, &b->ref);
    if (order == 0) order = compare_amounts(a->medfee, b->medfee);
    if (order == 0) order = compare_amounts(a->fund, b->fund);
    if (order == 0) order = compare_amounts(a->acct, b->acct);
    return order != 0 ? order : (int)a->refund - (int)b->refund;
}

static int compare_records(const void *left, const void *right)
{
    const struct record_facts *a = *(const struct record_facts *const *)left;
    const struct record_facts *b = *(const struct record_facts *const *)right;
    int order = record_ref_compare(&a->ref, &b->ref);
    if (order == 0) order = compare_amounts(a->medfee, b->medfee);
    if (order == 0) order = compare_amounts(fund_of(a->funds), fund_of(b->funds));
    if (order == 0) order = compare_amounts(a->funds[FUND_ACCOUNT], b->funds[FUND_ACCOUNT]);
    return order != 0 ? order : (int)a->kind - (int)b->kind;
}

/* A list counts what stands, as tallies and cells do. */
static void gather(struct comparison *c)
{
    const struct facts *facts = c->j->facts;
    const struct order *order = c->j->order;
    for (size_t i = 0; i < facts->record_count; i++) {
        const struct record_facts *record = &facts->records[i];
        if ((record->flags & (RECORD_REVERSED | RECORD_TAKEN_BACK)) != 0) continue;
        if (record->day != order->day || record->payer != order->payer ||
            record->payee != order->payee)
            continue;
        c->records[c->record_count++] = record;
    }
    for (uint32_t i = 0; i < order->row_count; i++)
        c->items[c->item_count++] = &order->items[i];
    qsort(c->items, c->item_count, sizeof(const struct recon_item *), compare_items);
    qsort(c->records, c->record_count, sizeof(const struct record_facts *), compare_records);
}

static enum difference differs(const struct record_facts *record, const struct recon_item *item)
{
    if (record->medfee != item->medfee || fund_of(record->funds) != item->fund ||
        record->funds[FUND_ACCOUNT] != item->acct)
        return DIFF_AMOUNT;
    return (record->kind == RECORD_REFUND) != (item->refund != 0) ? DIFF_FLAG : DIFF_NONE;
}

/* One more difference; false when there are too many. What a side has not got is NULL. */
static bool add_difference(struct comparison *c, enum difference kind, const struct record_ref *ref,
                           const struct record_facts *record, const struct recon_item *item)
{
    struct judgement *j = c->j;
    if (c->found_count + 1 == c->found_room) {
        return refuse(j, ERROR_TOO_MANY_DIFFERENCES,
                      "more than %zu differences; is it the list of %u?", c->found_count,
                      j->order->day);
    }
    struct difference_row row = {
        .day = j->order->day,
        .payer = j->order->payer,
        .payee = j->order->payee,
        .side = (uint8_t)c->side,
        .ref = *ref,
        .period = j->order->day / 100,
        .kind = (uint8_t)kind,
        .open = 1,
        .at_ms = j->now_ms,
    };
    if (record != NULL) {
        row.period = record->period;
        row.at_centre = 1;
        row.our_medfee = record->medfee;
        row.our_fund = fund_of(record->funds);
        row.our_acct = record->funds[FUND_ACCOUNT];
    }
    if (item != NULL) {
        row.their_medfee = item->medfee;
        row.their_fund = item->fund;
        row.their_acct = item->acct;
    }
    c->found[c->found_count] = row;
    c->found_record[c->found_count++] = record;
    j->decision->counts[kind]++;
    return true;
}

/* Everything under one ref: usually one record and one item. A ref has one difference at most, so
 * that of several the first is named. */
static bool compare_group(struct comparison *c, const struct record_ref *ref,
                          const struct record_facts **records, size_t record_count,
                          const struct recon_item **items, size_t item_count)
{
    const bool payer = c->side == SIDE_PAYER;
    size_t matched = 0;
    const size_t both = record_count < item_count ? record_count : item_count;
    while (matched < both && differs(records[matched], items[matched]) == DIFF_NONE)
        matched++;
    if (matched == record_count && matched == item_count) {
        c->j->decision->counts[0] += (uint32_t)matched;
        return true;
    }

    const struct record_facts *record = record_count == 0 ? NULL : records[0];
    if (item_count > record_count && item_count > 1) {
        return add_difference(c, DIFF_DUPLICATE, ref, record, items[item_count - 1]);
    }
    if (record_count == 0) {
        return add_difference(c, payer ? DIFF_ONLY_PAYER : DIFF_ONLY_PAYEE, ref, NULL, items[0]);
    }
    if (item_count < record_count) {
        return add_difference(c, payer ? DIFF_ONLY_PAYEE : DIFF_ONLY_PAYER, ref, records[matched],
                              NULL);
    }
    return add_difference(c, differs(records[matched], items[matched]), ref, records[matched],
                          items[matched]);
}

/* One pass over both. */
static bool compare_lists(struct comparison *c)
{
    size_t r = 0;
    size_t i = 0;
    while (r < c->record_count || i < c->item_count) {
        const bool by_record =
            i == c->item_count || (r < c->record_count &&
                                   record_ref_compare(&c->records[r]->ref, &c->items[i]->ref) <= 0);
        const struct record_ref *ref = by_record ? &c->records[r]->ref : &c->items[i]->ref;
        size_t r_end = r;
        size_t i_end = i;
        while (r_end < c->record_count && record_ref_compare(&c->records[r_end]->ref, ref) == 0)
            r_end++;
        while (i_end < c->item_count && record_ref_compare(&c->items[i_end]->ref, ref) == 0)
            i_end++;
        if (!compare_group(c, ref, c->records + r, r_end - r, c->items + i, i_end - i))
            return false;
        r = r_end;
        i = i_end;
    }
    return true;
}

static uint32_t side_flag(enum side side)
{
    return side == SIDE_PAYER ? EXCEPTION_DIFF_PAYER : EXCEPTION_DIFF_PAYEE;
}

/* The difference is known in any case; the record is held back while that can still be. */
static bool put_difference(struct comparison *c, const struct difference_row *row,
                           const struct record_facts *record)
{
    struct judgement *j = c->j;
    decision_put(j->decision, ROW_DIFFERENCE, row);
    if (record == NULL) return true;
    struct exception_row exception = exception_of(j->cycle, record);
    const struct batch_row *batch = batch_of_record(j->cycle, &exception);
    if (batch != NULL && batch->state >= BATCH_NOTICED) return true;
    /* What clears nothing cannot be held back. */
    if ((exception.flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) return true;
    exception.flags |= side_flag(c->side);
    exception.diff_kind = row->kind;
    return change_exception(j, &exception);
}

static int compare_found(const void *key, const void *element)
{
    return record_ref_compare(key, &((const struct difference_row *)element)->ref);
}

static const struct row_info list_info = {
    .size = sizeof(struct difference_list),
    .key_size = offsetof(struct difference_list, latest),
};

static const struct row_info link_info = {
    .size = sizeof(struct difference_link),
    .key_size = offsetof(struct difference_link, before),
};

bool difference_link_put(struct cycle *cycle, const struct difference_row *row)
{
    struct difference_list list = {
        .day = row->day, .payer = row->payer, .payee = row->payee, .side = row->side};
    struct difference_link link = {.number = cycle_count(cycle, ROW_DIFFERENCE)};
    if (cycle_find(cycle, ROW_DIFFERENCE, row) != NULL) return true;
    const struct difference_list *before = rows_find(&cycle->difference_lists, &list_info, &list);
    if (before != NULL) link.before = before->latest;
    list.latest = link.number + 1;
    return rows_put(&cycle->difference_links, &link_info, &link) &&
           rows_put(&cycle->difference_lists, &list_info, &list);
}

/* The difference before row `number` of the same day, pair and side, both as number + 1. */
static uint32_t difference_before(const struct cycle *cycle, uint32_t number)
{
    const struct difference_link key = {.number = number - 1};
    const struct difference_link *link = rows_find(&cycle->difference_links, &link_info, &key);
    return link->before;
}

/* Closes what an earlier list of this side for this day had shown and this one does not. */
static bool close_differences(struct comparison *c)
{
    struct judgement *j = c->j;
    const struct difference_list wanted = {
        .day = j->order->day,
        .payer = j->order->payer,
        .payee = j->order->payee,
        .side = (uint8_t)c->side,
    };
    const struct difference_list *list =
        rows_find(&j->cycle->difference_lists, &list_info, &wanted);
    for (uint32_t n = list == NULL ? 0 : list->latest; n != 0; n = difference_before(j->cycle, n)) {
        const struct difference_row *old = cycle_row(j->cycle, ROW_DIFFERENCE, n - 1);
        if (!old->open) continue;
        if (bsearch(&old->ref, c->found, c->found_count, sizeof *c->found, compare_found) != NULL)
            continue;
        struct difference_row closed = *old;
        closed.open = 0;
        closed.at_ms = j->now_ms;
        decision_put(j->decision, ROW_DIFFERENCE, &closed);
        const struct exception_row key = {.ref = old->ref};
        const struct exception_row *exception = cycle_find(j->cycle, ROW_EXCEPTION, &key);
        if (exception == NULL || (exception->flags & side_flag(c->side)) == 0) continue;
        struct exception_row after = *exception;
        after.flags &= ~side_flag(c->side);
        if (!change_exception(j, &after)) return false;
    }
    return true;
}

/* A cell's part of the day. */
struct part {
    struct cell_key cell;
    uint64_t count;
    uint64_t checksum;
};

static int compare_parts(const void *left, const void *right)
{
    return memcmp(left, right, sizeof(struct cell_key));
}

/* Puts the recon rows of the day, each cell as the centre has it now. A cell of an earlier list
 * that has nothing left of this day is put, too, with nothing: else its old sum would stand for
 * ever. It may be of any month: what is adjusted on the day is of the original's, as long as that
 * is open, and what comes late is of the one after the latest cut, which may be still to come. */
static void reconcile_cells(struct comparison *c)
{
    struct judgement *j = c->j;
    struct part *parts = malloc((c->record_count + 1) * sizeof *parts);
    NEED_MEMORY(parts);
    size_t count = 0;
    for (size_t i = 0; i < c->record_count; i++)
        parts[count++] = (struct part){record_cell(c->records[i]), 1, c->records[i]->content_hash};
    qsort(parts, count, sizeof *parts, compare_parts);
    size_t cells = 0;
    for (size_t i = 0; i < count; i++) {
        if (cells != 0 && compare_parts(&parts[cells - 1], &parts[i]) == 0) {
            parts[cells - 1].count++;
            parts[cells - 1].checksum += parts[i].checksum;
        } else {
            parts[cells++] = parts[i];
        }
    }
    for (size_t i = 0; i < cells; i++)
        put_recon(j, &parts[i].cell, j->order->day, c->side, parts[i].count, parts[i].checksum);

    const struct row_set *months = &j->cycle->recon_months;
    const struct recon_month *month = (const struct recon_month *)(const void *)months->rows;
    for (uint32_t i = 0; i < months->count; i++) {
        for (uint32_t kind = 0; kind < LINE_END * INSURANCE_COUNT; kind++) {
            const struct cell_key cell = {month[i].period, j->order->payer, j->order->payee,
                                          (uint8_t)(kind / INSURANCE_COUNT),
                                          (uint8_t)(kind % INSURANCE_COUNT)};
            if (bsearch(&cell, parts, cells, sizeof *parts, compare_parts) != NULL) continue;
            put_recon(j, &cell, j->order->day, c->side, 0, 0);
        }
    }
    free(parts);
}

/* What the answer says, kept with the order as "matched/1/…/5", the differences by their kind: at
 * most 200,000 of either, so that it always fits. */
static bool done_list(struct judgement *j)
{
    const uint32_t *counts = j->decision->counts;
    char kept[6 * sizeof "4294967295"];
    const int size = snprintf(kept, sizeof kept, "%u/%u/%u/%u/%u/%u", counts[DIFF_NONE],
                              counts[DIFF_ONLY_PAYEE], counts[DIFF_ONLY_PAYER], counts[DIFF_AMOUNT],
                              counts[DIFF_FLAG], counts[DIFF_DUPLICATE]);
    ENSURE(size > 0 && size < NUMBER_SIZE);
    return done(j, kept);
}

void recon_list_again(struct decision *decision)
{
    const char *at = decision->ref;
    for (uint32_t kind = DIFF_NONE; kind <= DIFF_DUPLICATE; kind++) {
        for (; *at >= '0' && *at <= '9'; at++)
            decision->counts[kind] = decision->counts[kind] * 10 + (uint32_t)(*at - '0');
        if (*at == '/') at++;
    }
}

static bool judge_comparison(struct comparison *c)
{
    struct judgement *j = c->j;
    gather(c);
    if (!compare_lists(c)) return false;
    for (size_t i = 0; i < c->found_count; i++)
        if (!put_difference(c, &c->found[i], c->found_record[i])) return false;
    if (!close_differences(c)) return false;
    reconcile_cells(c);
    (void)snprintf(j->decision->text, sizeof j->decision->text, "%u matched, %zu different",
                   j->decision->counts[0], c->found_count);
    return done_list(j);
}

bool judge_recon_list(struct judgement *j)
{
    const struct order *order = j->order;
    if (order->payer >= PROVINCE_COUNT || order->payee >= PROVINCE_COUNT) {
        return refuse(j, ERROR_UNKNOWN_AREA, "a list is of one payer and one payee");
    }
    enum side side = SIDE_PAYER;
    if (!side_of(j, order->payer, order->payee, &side)) return false;
    if (order->payer == order->payee) {
        return refuse(j, ERROR_SAME_PROVINCE, "%02u is on both sides", province_of(order->payer));
    }
    if (!day_valid(order->day)) return refuse(j, ERROR_MALFORMED, "%u is no day", order->day);
    if (!must_be_open_year(j, order->day / 100)) return false;

    struct comparison c;
    ENSURE(comparison_init(&c, j, side));
    const bool accepted = judge_comparison(&c);
    if (!accepted) memset(j->decision->counts, 0, sizeof j->decision->counts);
    comparison_free(&c);
    return accepted;
}
