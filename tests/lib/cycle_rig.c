#include "tests/lib/cycle_rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/lib/unit.h"
#include "types/civil.h"
#include "types/province.h"

void cycle_rig_open(struct cycle_rig *rig, uint32_t day)
{
    memset(rig, 0, sizeof *rig);
    struct setting_values first;
    settings_init(&first);
    rig->cycle = cycle_new(&rig->calendar, &first);
    assert_non_null(rig->cycle);
    decision_init(&rig->decision);
    cycle_rig_day(rig, day);
}

void cycle_rig_close(struct cycle_rig *rig)
{
    cycle_free(rig->cycle);
    decision_free(&rig->decision);
    free(rig->records);
}

void cycle_rig_day(struct cycle_rig *rig, uint32_t day)
{
    const struct civil civil = {
        .year = (int32_t)(day / 10000),
        .month = (int32_t)(day / 100 % 100),
        .day = (int32_t)(day % 100),
        .hour = 12,
    };
    assert_true(civil_to_ms(&civil, &rig->now_ms));
}

void cycle_rig_put(struct cycle_rig *rig, enum row_kind kind, const void *row)
{
    struct decision decision;
    decision_init(&decision);
    decision_put(&decision, kind, row);
    assert_int_equal(cycle_apply(rig->cycle, (struct bytes){decision.data, decision.size}), 0);
    decision_free(&decision);
}

void cycle_rig_set(struct cycle_rig *rig, enum setting setting, int64_t value)
{
    struct setting_row row = {.effective_ms = rig->now_ms, .value = value, .set_ms = rig->now_ms};
    (void)snprintf(row.name, sizeof row.name, "%s", setting_info(setting)->name);
    cycle_rig_put(rig, ROW_SETTING, &row);
}

/* -- records ----------------------------------------------------------------------------------- */

struct record_ref cycle_rig_ref(uint32_t payer, const char *setl_id)
{
    struct record_ref ref = {.insu_admdvs = payer * 10000 + 100};
    ref.size = (uint8_t)strlen(setl_id);
    memcpy(ref.setl_id, setl_id, ref.size);
    return ref;
}

struct record_facts *cycle_rig_record(struct cycle_rig *rig, uint32_t payer, uint32_t payee,
                                      const char *setl_id, uint32_t day, int64_t pool)
{
    if (rig->record_count == rig->record_room) {
        rig->record_room = 2 * rig->record_room + 64;
        rig->records = realloc(rig->records, rig->record_room * sizeof *rig->records);
        assert_non_null(rig->records);
    }
    struct record_facts *record = &rig->records[rig->record_count++];
    *record = (struct record_facts){
        .seq = rig->record_count,
        .period = day / 100,
        .day = day,
        .mdtrtarea_admvs = payee * 10000 + 100,
        .ref = cycle_rig_ref(payer, setl_id),
        .payer = province_index(payer),
        .payee = province_index(payee),
        .line = LINE_INPATIENT,
        .insurance = INSURANCE_EMPLOYEE,
        .kind = RECORD_SETTLEMENT,
        .medfee = pool + 100,
        .funds = {pool},
        .content_hash = rig->record_count * 0x9e3779b97f4a7c15u,
    };
    return record;
}

static int compare_refs(const void *left, const void *right)
{
    const struct record_facts *a = left;
    const struct record_facts *b = right;
    if (a->ref.insu_admdvs != b->ref.insu_admdvs)
        return a->ref.insu_admdvs < b->ref.insu_admdvs ? -1 : 1;
    return memcmp(&a->ref.size, &b->ref.size, sizeof a->ref - offsetof(struct record_ref, size));
}

static int compare_of_cell(uint32_t a_period, const uint8_t *a, uint32_t b_period, const uint8_t *b)
{
    if (a_period != b_period) return a_period < b_period ? -1 : 1;
    return memcmp(a, b, 4);
}

static int compare_cells(const void *left, const void *right)
{
    const struct cell_key *a = &((const struct cell *)left)->key;
    const struct cell_key *b = &((const struct cell *)right)->key;
    return compare_of_cell(a->period, &a->payer, b->period, &b->payer);
}

static int compare_tallies(const void *left, const void *right)
{
    const struct tally_key *a = &((const struct tally *)left)->key;
    const struct tally_key *b = &((const struct tally *)right)->key;
    if (a->part != b->part) return a->part < b->part ? -1 : 1;
    return compare_of_cell(a->period, &a->payer, b->period, &b->payer);
}

static size_t make_cells(const struct cycle_rig *rig, uint32_t period, struct cell *out)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->record_count; i++) {
        const struct record_facts *r = &rig->records[i];
        if ((period != 0 && r->period != period) || (r->flags & RECORD_REVERSED) != 0) continue;
        struct cell *cell = &out[count++];
        *cell = (struct cell){
            .key = {r->period, r->payer, r->payee, r->line, r->insurance},
            .count = 1,
            .refund_count = r->kind == RECORD_REFUND,
            .late_count = (r->flags & RECORD_LATE) != 0,
            .medfee_sum = r->medfee,
            .checksum = r->content_hash,
            .cut = r->period <= rig->cut_through,
        };
        const enum account account = cell->cut ? ACCOUNT_CLEARING : ACCOUNT_ACCRUED;
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            cell->balance[ACCOUNT_COST][fund] = r->funds[fund];
            cell->balance[account][fund] = -r->funds[fund];
        }
    }
    qsort(out, count, sizeof *out, compare_cells);
    size_t cells = 0;
    for (size_t i = 0; i < count; i++) {
        if (cells == 0 || compare_cells(&out[cells - 1], &out[i]) != 0) {
            out[cells++] = out[i];
            continue;
        }
        struct cell *cell = &out[cells - 1];
        cell->count++;
        cell->refund_count += out[i].refund_count;
        cell->late_count += out[i].late_count;
        cell->medfee_sum += out[i].medfee_sum;
        cell->checksum += out[i].checksum;
        for (int account = 0; account < ACCOUNT_COUNT; account++)
            for (int fund = 0; fund < FUND_COUNT; fund++)
                cell->balance[account][fund] += out[i].balance[account][fund];
    }
    return cells;
}

static size_t make_tallies(const struct cycle_rig *rig, const struct needs *needs,
                           struct tally *out)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->record_count; i++) {
        const struct record_facts *r = &rig->records[i];
        if (r->period != needs->period || (needs->part != 0 && r->day != needs->part)) continue;
        if ((r->flags & RECORD_REVERSED) != 0) continue;
        out[count++] = (struct tally){
            .key = {TALLY_DAY, r->period, r->day, r->payer, r->payee, r->line, r->insurance},
            .count = 1,
            .refund_count = r->kind == RECORD_REFUND,
            .medfee = r->medfee,
            .funds = {r->funds[0], r->funds[1], r->funds[2], r->funds[3], r->funds[4]},
            .checksum = r->content_hash,
        };
    }
    qsort(out, count, sizeof *out, compare_tallies);
    size_t tallies = 0;
    for (size_t i = 0; i < count; i++) {
        if (tallies == 0 || compare_tallies(&out[tallies - 1], &out[i]) != 0) {
            out[tallies++] = out[i];
            continue;
        }
        struct tally *tally = &out[tallies - 1];
        tally->count++;
        tally->refund_count += out[i].refund_count;
        tally->medfee += out[i].medfee;
        tally->checksum += out[i].checksum;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            tally->funds[fund] += out[i].funds[fund];
    }
    return tallies;
}

static bool is_wanted(const struct needs *needs, const struct record_facts *record)
{
    if (needs->day && record->day == needs->part && record->payer == needs->payer &&
        record->payee == needs->payee)
        return true;
    for (uint32_t i = 0; i < needs->ref_count; i++)
        if (memcmp(&needs->refs[i], &record->ref, sizeof record->ref) == 0) return true;
    return false;
}

static size_t make_records(const struct cycle_rig *rig, const struct needs *needs,
                           struct record_facts *out)
{
    size_t count = 0;
    for (size_t i = 0; i < rig->record_count; i++)
        if (is_wanted(needs, &rig->records[i])) out[count++] = rig->records[i];
    qsort(out, count, sizeof *out, compare_refs);
    return count;
}

/* -- orders ------------------------------------------------------------------------------------ */

struct order cycle_rig_order(struct cycle_rig *rig, uint16_t type, uint32_t sender)
{
    struct order order = {
        .type = type,
        .sender = (uint16_t)sender,
        .acting = sender == 0 ? PROVINCE_CENTRE : province_index(sender),
        .payer = PROVINCE_CENTRE,
        .payee = PROVINCE_CENTRE,
        .insurance = 0xff,
        .hash = ++rig->orders,
    };
    (void)snprintf(order.msgid, sizeof order.msgid, "msg-%u", rig->orders);
    return order;
}

static void hold_to_promises(struct cycle_rig *rig, const struct order *order)
{
    const struct decision *decision = &rig->decision;
    if (decision->code != ERROR_OK) {
        assert_int_equal(decision->rows, 0); /* (K5) */
        assert_int_equal(decision->size, 0);
        assert_true(decision->text[0] != 0);
        return;
    }
    if (decision->dup || decision->rows == 0) {
        assert_int_equal(decision->rows, 0);
        return;
    }
    assert_int_equal(cycle_apply(rig->cycle, (struct bytes){decision->data, decision->size}), 0);
    struct order_row key = {.province = order->sender};
    memcpy(key.msgid, order->msgid, sizeof key.msgid);
    assert_non_null(cycle_find(rig->cycle, ROW_ORDER, &key));
}

static void judge(struct cycle_rig *rig, const struct order *order, struct decision *ret_decision)
{
    struct needs needs;
    cycle_needs(rig->cycle, order, &needs);
    const size_t room = rig->record_count + 1;
    struct cell *cells = malloc((needs.cells ? room : 1) * sizeof *cells);
    struct tally *tallies = malloc((needs.tallies ? room : 1) * sizeof *tallies);
    struct record_facts *records = malloc(room * sizeof *records);
    assert_true(cells != NULL && tallies != NULL && records != NULL);
    struct facts facts = {
        .cells = cells,
        .tallies = tallies,
        .records = records,
        .cut_through = rig->cut_through,
        .closed_year = rig->closed_year,
    };
    if (needs.cells) facts.cell_count = make_cells(rig, needs.period, cells);
    if (needs.tallies) facts.tally_count = make_tallies(rig, &needs, tallies);
    facts.record_count = make_records(rig, &needs, records);

    const clock_t before = clock();
    cycle_judge(rig->cycle, order, &facts, rig->now_ms, ret_decision);
    rig->judged_us = (int64_t)(clock() - before) * 1000000 / CLOCKS_PER_SEC;
    free((void *)needs.refs);
    free(cells);
    free(tallies);
    free(records);
}

uint16_t cycle_rig_give(struct cycle_rig *rig, const struct order *order)
{
    decision_free(&rig->decision);
    decision_init(&rig->decision);
    judge(rig, order, &rig->decision);
    hold_to_promises(rig, order);
    if (rig->decision.code != ERROR_OK || rig->decision.rows == 0) return rig->decision.code;

    struct decision again;
    decision_init(&again);
    const int64_t judged_us = rig->judged_us;
    judge(rig, order, &again);
    rig->judged_us = judged_us;
    assert_true(again.dup);
    assert_int_equal(again.rows, 0);
    assert_string_equal(again.ref, rig->decision.ref);
    decision_free(&again);
    return ERROR_OK;
}

void cycle_rig_cut(struct cycle_rig *rig, uint32_t period)
{
    rig->cut_through = period;
    for (size_t i = 0; i < rig->record_count; i++)
        if (rig->records[i].period <= period) rig->records[i].flags |= RECORD_CUT;
    struct order order = cycle_rig_order(rig, MESSAGE_PERIOD_CUT, 0);
    order.period = period;
    assert_int_equal(cycle_rig_give(rig, &order), ERROR_OK);
    assert_non_null(cycle_batch(rig->cycle, period));
}

void cycle_rig_batch(struct cycle_rig *rig, uint32_t period, enum batch_state state)
{
    const struct batch_row *found = cycle_batch(rig->cycle, period);
    assert_non_null(found);
    struct batch_row batch = *found;
    batch.state = (uint8_t)state;
    if (state >= BATCH_PUBLISHED) batch.published_version = batch.version;
    batch.at_ms[state] = rig->now_ms;
    cycle_rig_put(rig, ROW_BATCH, &batch);
}

const struct exception_row *cycle_rig_exception(const struct cycle_rig *rig,
                                                const struct record_ref *ref)
{
    const struct exception_row key = {.ref = *ref};
    return cycle_find(rig->cycle, ROW_EXCEPTION, &key);
}

int64_t cycle_rig_stands(const struct cycle_rig *rig, uint32_t payer, uint32_t payee,
                         enum cycle_account account)
{
    int64_t sum = 0;
    for (uint8_t fund = 0; fund < FUND_COUNT; fund++)
        sum -=
            cycle_balance(rig->cycle, province_index(payer), province_index(payee), fund, account);
    return sum;
}
