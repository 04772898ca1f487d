/* Random walks through the clearing cycle against the record-by-record model, with crashes.
 *
 * Every step is an order, sensible or not, by the right party or another, again, or in the wrong
 * state. What the engine accepts is told to the model; then every balance must be the model's, the
 * engine's own invariants must hold, and what was refused must have changed nothing. Now and then
 * the engine is lost and made again from the decisions that were durable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cycle/calendar.h"
#include "cycle/cycle.h"
#include "cycle/settings.h"
#include "netting/netting.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/model/cycle_model.h"
#include "util/checksum.h"

#define WALKS 60
#define STEPS 500

static const uint8_t provinces[MODEL_PROVINCES] = {0, 8, 9, 11};
static const uint32_t codes[MODEL_PROVINCES] = {11, 31, 32, 34};

#define DAY_MS INT64_C(86400000)

struct walk {
    struct prng prng;
    struct cycle *cycle;
    struct calendar calendar;
    struct setting_values settings;
    struct cycle_model model;
    int64_t now_ms;
    uint32_t serial;
    uint8_t *log; /* Durable decisions: size (4), rows. */
    size_t log_size;
    size_t log_room;
    uint32_t accepted[0x500];
    uint32_t refused[0x500];
    uint32_t unwound; /* Provinces that left a batch. */
};

static uint32_t pick(struct walk *walk, uint32_t limit)
{
    return (uint32_t)prng_below(&walk->prng, limit);
}

/* -- the world ------------------------------------------------------------------------------- */

static uint32_t open_month(const struct walk *walk)
{
    return calendar_month_add(walk->model.cut_through, 1);
}

static void add_record(struct walk *walk)
{
    struct cycle_model *model = &walk->model;
    if (model->record_count == MODEL_RECORDS_MAX) return;
    struct model_record *record = &model->records[model->record_count++];
    const uint32_t payer = pick(walk, MODEL_PROVINCES);
    const uint32_t payee = (payer + 1 + pick(walk, MODEL_PROVINCES - 1)) % MODEL_PROVINCES;
    const bool refund = prng_chance(&walk->prng, 120);

    memset(record, 0, sizeof *record);
    struct record_facts *facts = &record->facts;
    facts->seq = model->record_count;
    facts->period = open_month(walk);
    facts->day = facts->period * 100 + 1 + pick(walk, 3);
    facts->mdtrtarea_admvs = codes[payee] * 10000 + 100;
    facts->ref.insu_admdvs = codes[payer] * 10000 + 100;
    facts->ref.size = (uint8_t)snprintf(facts->ref.setl_id, sizeof facts->ref.setl_id, "R%06u",
                                        model->record_count);
    facts->payer = provinces[payer];
    facts->payee = provinces[payee];
    facts->line = (uint8_t)(1 + pick(walk, 2));
    facts->insurance = (uint8_t)pick(walk, 2);
    facts->kind = refund ? RECORD_REFUND : RECORD_SETTLEMENT;
    facts->medfee = 5000000;
    for (int i = 0; i < FUND_COUNT; i++)
        facts->funds[i] = (refund ? -1 : 1) * (int64_t)pick(walk, i == 0 ? 100000 : 3000);
    facts->content_hash = prng_u64(&walk->prng);
}

static int by_cell(const void *a, const void *b)
{
    const struct cell *one = a;
    const struct cell *other = b;
    const uint8_t x[] = {(uint8_t)(one->key.period % 100), one->key.payer, one->key.payee,
                         one->key.line, one->key.insurance};
    const uint8_t y[] = {(uint8_t)(other->key.period % 100), other->key.payer, other->key.payee,
                         other->key.line, other->key.insurance};
    if (one->key.period != other->key.period) return one->key.period < other->key.period ? -1 : 1;
    return memcmp(x, y, sizeof x);
}

/* Cells of a month (0: of all), as the shards would have them. */
static struct cell *cells_of(const struct walk *walk, uint32_t period, size_t *ret_count)
{
    struct cell *cells = calloc(walk->model.record_count + 1, sizeof *cells);
    size_t count = 0;
    assert_non_null(cells);
    for (uint32_t i = 0; i < walk->model.record_count; i++) {
        const struct record_facts *facts = &walk->model.records[i].facts;
        if (period != 0 && facts->period != period) continue;
        const struct cell_key key = {facts->period, facts->payer, facts->payee, facts->line,
                                     facts->insurance};
        struct cell *cell = cells;
        while (cell < cells + count && memcmp(&cell->key, &key, sizeof key) != 0)
            cell++;
        if (cell == cells + count) {
            cell->key = key;
            count++;
        }
        cell->count++;
        cell->refund_count += facts->kind == RECORD_REFUND;
        cell->medfee_sum += facts->medfee;
        cell->checksum += facts->content_hash;
        const bool cut = facts->period <= walk->model.cut_through;
        cell->cut = cut;
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            cell->balance[ACCOUNT_COST][fund] += facts->funds[fund];
            cell->balance[cut ? ACCOUNT_CLEARING : ACCOUNT_ACCRUED][fund] -= facts->funds[fund];
        }
    }
    qsort(cells, count, sizeof *cells, by_cell);
    *ret_count = count;
    return cells;
}

static bool wanted(const struct needs *needs, const struct record_facts *facts)
{
    for (uint32_t i = 0; i < needs->ref_count; i++) {
        if (memcmp(&needs->refs[i], &facts->ref, sizeof facts->ref) == 0) return true;
    }
    return needs->day && facts->day == needs->part &&
           (needs->payer >= PROVINCE_COUNT || needs->payer == facts->payer) &&
           (needs->payee >= PROVINCE_COUNT || needs->payee == facts->payee);
}

static int by_ref(const void *a, const void *b)
{
    const struct record_facts *one = a;
    const struct record_facts *other = b;
    if (one->ref.insu_admdvs != other->ref.insu_admdvs)
        return one->ref.insu_admdvs < other->ref.insu_admdvs ? -1 : 1;
    return memcmp(&one->ref.size, &other->ref.size, sizeof one->ref - 4);
}

/* -- orders ---------------------------------------------------------------------------------- */

static struct order order_of(struct walk *walk, uint16_t type, uint8_t acting)
{
    struct order order = {
        .type = type,
        .acting = acting,
        .payer = PROVINCE_CENTRE,
        .payee = PROVINCE_CENTRE,
        .insurance = 0xff,
        .hash = ++walk->serial,
    };
    if (acting < PROVINCE_COUNT) order.sender = province_codes[acting];
    (void)snprintf(order.msgid, sizeof order.msgid, "M%08u", walk->serial);
    return order;
}

static void remember(struct walk *walk, const struct decision *decision)
{
    const uint32_t size = (uint32_t)decision->size;
    if (walk->log_room - walk->log_size < size + 4u) {
        walk->log_room = 2 * (walk->log_room + size + 4u);
        walk->log = realloc(walk->log, walk->log_room);
        assert_non_null(walk->log);
    }
    memcpy(walk->log + walk->log_size, &size, 4);
    memcpy(walk->log + walk->log_size + 4, decision->data, size);
    walk->log_size += size + 4u;
}

/* All rows and balances, as one number. */
static uint64_t fingerprint(const struct cycle *cycle)
{
    uint64_t sum = 0;
    for (int kind = 1; kind < ROW_POSTING; kind++) {
        const uint32_t count = cycle_count(cycle, (enum row_kind)kind);
        sum = checksum_hash64(sum, &count, sizeof count);
        if (count == 0) continue;
        const char *first = cycle_row(cycle, (enum row_kind)kind, 0);
        const size_t size =
            count == 1 ? 40
                       : (size_t)((const char *)cycle_row(cycle, (enum row_kind)kind, 1) - first);
        sum = checksum_hash64(sum, first, size * count);
    }
    for (int i = 0; i < MODEL_PROVINCES; i++) {
        for (int j = 0; j < MODEL_PROVINCES; j++) {
            for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
                for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
                    const int64_t balance = cycle_balance(cycle, provinces[i], provinces[j], fund,
                                                          (enum cycle_account)account);
                    sum = checksum_hash64(sum, &balance, sizeof balance);
                }
            }
        }
    }
    return sum;
}

/* The engine is lost; another is made of what was durable. */
static void crash(struct walk *walk)
{
    struct cycle *again = cycle_new(&walk->calendar, &walk->settings);
    assert_non_null(again);
    for (size_t at = 0; at < walk->log_size;) {
        uint32_t size;
        memcpy(&size, walk->log + at, 4);
        assert_int_equal(cycle_apply(again, (struct bytes){walk->log + at + 4, size}), 0);
        at += size + 4u;
    }
    assert_true(fingerprint(again) == fingerprint(walk->cycle));
    cycle_free(walk->cycle);
    walk->cycle = again;
}

/* Gathers facts, judges and applies. Gives the code; *ret_ref what was named. */
static uint32_t carry_out(struct walk *walk, const struct order *order, char ret_ref[NUMBER_SIZE])
{
    struct needs needs = {0};
    cycle_needs(walk->cycle, order, &needs);
    struct facts facts = {.cut_through = walk->model.cut_through};
    if (order->type == MESSAGE_PERIOD_CUT && order->period > facts.cut_through) {
        facts.cut_through = walk->model.cut_through = order->period; /* The shards cut first. */
    }
    struct cell *cells = NULL;
    if (needs.cells) {
        cells = cells_of(walk, needs.period, &facts.cell_count);
        facts.cells = cells;
    }
    struct record_facts *records = calloc(walk->model.record_count + 1, sizeof *records);
    assert_non_null(records);
    for (uint32_t i = 0; i < walk->model.record_count; i++) {
        if (wanted(&needs, &walk->model.records[i].facts))
            records[facts.record_count++] = walk->model.records[i].facts;
    }
    qsort(records, facts.record_count, sizeof *records, by_ref);
    facts.records = records;

    struct decision decision;
    decision_init(&decision);
    const uint64_t before = fingerprint(walk->cycle);
    cycle_judge(walk->cycle, order, &facts, walk->now_ms, &decision);
    assert_true(fingerprint(walk->cycle) == before); /* Judging changes nothing. */
    const uint32_t code = decision.code;
    if (getenv("QINGFEN_TRACE") != NULL) {
        print_message("%s 0x%04x acting %u period %u step %u flag %d %s %s amount %lld: %u %s\n",
                      order->msgid, order->type, order->acting, order->period, order->step,
                      order->flag, order->number, order->ref.setl_id, (long long)order->amount,
                      code, decision.text);
    }
    if (code != ERROR_OK) {
        assert_int_equal(decision.size, 0);
        assert_int_not_equal(decision.text[0], 0);
        walk->refused[order->type]++;
    } else if (!decision.dup) {
        if (prng_chance(&walk->prng, 15)) crash(walk); /* Before it is durable: nothing of it. */
        remember(walk, &decision);
        assert_int_equal(cycle_apply(walk->cycle, (struct bytes){decision.data, decision.size}), 0);
        walk->accepted[order->type]++;
        if (ret_ref != NULL) memcpy(ret_ref, decision.ref, NUMBER_SIZE);
        /* The same once more is answered the same and changes nothing. */
        struct decision again;
        decision_init(&again);
        cycle_judge(walk->cycle, order, &facts, walk->now_ms, &again);
        assert_int_equal(again.code, ERROR_OK);
        assert_true(again.dup);
        assert_int_equal(again.size, 0);
        assert_string_equal(again.ref, decision.ref);
        decision_free(&again);
    }
    decision_free(&decision);
    free(records);
    free(cells);
    free((void *)needs.refs);
    return code;
}

static struct model_record *some_record(struct walk *walk)
{
    struct cycle_model *model = &walk->model;
    return model->record_count == 0 ? NULL : &model->records[pick(walk, model->record_count)];
}

static bool in_live_batch(const struct walk *walk, const struct model_record *record)
{
    return record->batch != 0 && !walk->model.batches[record->batch].noticed;
}

static uint8_t maybe_another(struct walk *walk, uint8_t right)
{
    return prng_chance(&walk->prng, 100) ? provinces[pick(walk, MODEL_PROVINCES)] : right;
}

static void confirm_item(struct walk *walk)
{
    struct model_record *record = some_record(walk);
    if (record == NULL) return;
    const uint8_t acting = maybe_another(walk, record->facts.payee);
    struct order order = order_of(walk, MESSAGE_CLR_CONFIRM, acting);
    struct confirm_item item = {.ref = record->facts.ref};
    const int64_t amount = model_amount(record);
    item.cnfm_flag = (uint8_t)pick(walk, 2);
    if (item.cnfm_flag == 1 && prng_chance(&walk->prng, 400)) {
        item.deduct = (int64_t)prng_below(&walk->prng, (uint64_t)(amount > 0 ? amount + 1 : 2));
        if (prng_chance(&walk->prng, 100)) item.deduct = amount + 1;
        item.det_type = 10;
    }
    order.period = record->facts.period;
    order.row_count = 1;
    order.confirms = &item;
    const uint32_t code = carry_out(walk, &order, NULL);
    if (acting != record->facts.payee) assert_int_equal(code, ERROR_NOT_YOURS);
    if (record->noticed && (item.cnfm_flag == 0 || item.deduct > 0))
        assert_int_not_equal(code, ERROR_OK);
    if (item.deduct > 0 && item.deduct > amount) assert_int_not_equal(code, ERROR_OK);
    if (code != ERROR_OK) return;
    if (item.cnfm_flag == 0) {
        if (in_live_batch(walk, record)) model_take_out(record);
        record->held = true;
    } else {
        record->held = false;
        if (item.det_type != 0) record->deducted = item.deduct;
    }
}

static void recon_list(struct walk *walk)
{
    const struct model_record *some = some_record(walk);
    if (some == NULL) return;
    const uint8_t side = (uint8_t)pick(walk, 2);
    const uint32_t day = some->facts.day;
    const uint8_t payer = some->facts.payer;
    const uint8_t payee = some->facts.payee;
    struct recon_item *items = calloc(walk->model.record_count + 2, sizeof *items);
    uint8_t *differs = calloc(walk->model.record_count + 1, 1);
    assert_non_null(items);
    assert_non_null(differs);
    struct order order = order_of(walk, MESSAGE_RECON_LIST, side == SIDE_PAYER ? payer : payee);
    uint32_t count = 0;
    const bool sound = prng_chance(&walk->prng, 500);
    for (uint32_t i = 0; i < walk->model.record_count; i++) {
        const struct record_facts *facts = &walk->model.records[i].facts;
        if (facts->day != day || facts->payer != payer || facts->payee != payee) continue;
        struct recon_item item = {.ref = facts->ref,
                                  .refund = facts->kind == RECORD_REFUND,
                                  .medfee = facts->medfee,
                                  .acct = facts->funds[FUND_ACCOUNT]};
        for (int fund = 0; fund < FUND_COUNT; fund++)
            item.fund += fund == FUND_ACCOUNT ? 0 : facts->funds[fund];
        const uint32_t fault = sound ? 9 : pick(walk, 12);
        differs[i] = fault < 4;
        if (fault == 0) continue;
        if (fault == 1) item.fund++;
        if (fault == 2) item.refund ^= 1;
        items[count++] = item;
        if (fault == 3) items[count++] = item;
        if (count + 2 > walk->model.record_count) break;
    }
    order.side = side;
    order.day = day;
    order.payer = payer;
    order.payee = payee;
    order.part = order.parts = 1;
    order.row_count = count;
    order.items = items;
    if (carry_out(walk, &order, NULL) == ERROR_OK) {
        for (uint32_t i = 0; i < walk->model.record_count; i++) {
            struct model_record *record = &walk->model.records[i];
            const struct record_facts *facts = &record->facts;
            if (facts->day != day || facts->payer != payer || facts->payee != payee) continue;
            if (record->noticed || record->voided) continue;
            if (differs[i] && in_live_batch(walk, record)) model_take_out(record);
            record->differs[side] = differs[i];
        }
    }
    free(items);
    free(differs);
}

static void dispute(struct walk *walk)
{
    struct model_record *record = some_record(walk);
    if (record == NULL) return;
    const uint8_t acting = maybe_another(walk, record->facts.payer);
    struct order order = order_of(walk, MESSAGE_DISPUTE_OPEN, acting);
    order.ref = record->facts.ref;
    order.reason = 2;
    (void)snprintf(order.number, sizeof order.number, "D%06u",
                   record->facts.ref.size != 0 ? walk->serial : 0);
    const uint32_t code = carry_out(walk, &order, NULL);
    if (acting != record->facts.payer) assert_int_equal(code, ERROR_NOT_YOURS);
    if (record->noticed) assert_int_not_equal(code, ERROR_OK);
    if (code != ERROR_OK) return;
    if (in_live_batch(walk, record)) model_take_out(record);
    record->disputed = true;
}

static struct model_record *record_of(struct walk *walk, const struct record_ref *ref)
{
    for (uint32_t i = 0; i < walk->model.record_count; i++) {
        if (memcmp(&walk->model.records[i].facts.ref, ref, sizeof *ref) == 0)
            return &walk->model.records[i];
    }
    return NULL;
}

static void answer_dispute(struct walk *walk)
{
    const uint32_t count = cycle_count(walk->cycle, ROW_DISPUTE);
    if (count == 0) return;
    const struct dispute_row row =
        *(const struct dispute_row *)cycle_row(walk->cycle, ROW_DISPUTE, pick(walk, count));
    struct model_record *record = record_of(walk, &row.ref);
    assert_non_null(record);
    const bool resolve = prng_chance(&walk->prng, 600);
    struct order order =
        resolve ? order_of(walk, MESSAGE_DISPUTE_RESOLVE, PROVINCE_CENTRE)
                : order_of(walk, MESSAGE_DISPUTE_REPLY, maybe_another(walk, row.payee));
    memcpy(order.number, row.dispute_no, sizeof row.dispute_no);
    order.flag = prng_chance(&walk->prng, 500);
    order.step = 1 + pick(walk, 3);
    const int64_t amount = model_amount(record);
    if (order.step == OUTCOME_PART) order.amount = amount / 2;
    const uint32_t code = carry_out(walk, &order, NULL);
    if (row.state == DISPUTE_RESOLVED) assert_int_not_equal(code, ERROR_OK);
    if (code != ERROR_OK || !resolve) return;
    assert_true(record->disputed);
    record->disputed = false;
    if (order.step == OUTCOME_VOID) record->voided = true;
    if (order.step == OUTCOME_PART) {
        record->deducted = amount - order.amount;
        record->deduct_posted = record->facts.period <= walk->model.cut_through;
    }
}

static void recover(struct walk *walk)
{
    struct model_record *record = some_record(walk);
    if (record == NULL || walk->model.extra_count + 40 > MODEL_EXTRAS_MAX) return;
    struct order order = order_of(walk, MESSAGE_RECOVERY, record->facts.payee);
    order.ref = record->facts.ref;
    order.amount = 1 + pick(walk, 2000);
    order.reason = 20;
    (void)snprintf(order.number, sizeof order.number, "V%06u", walk->serial);
    const uint32_t code = carry_out(walk, &order, NULL);
    if (!record->noticed ||
        record->deducted + record->recovered + order.amount > model_amount(record)) {
        assert_int_not_equal(code, ERROR_OK);
    }
    if (code != ERROR_OK) return;
    record->recovered += order.amount;
    walk->model.extras[walk->model.extra_count++] = (struct model_extra){
        .payer = record->facts.payer, .payee = record->facts.payee, .amount = -order.amount};
}

static void cut(struct walk *walk)
{
    struct order order = order_of(walk, MESSAGE_PERIOD_CUT, PROVINCE_CENTRE);
    const bool again = walk->model.batch_count != 0 && prng_chance(&walk->prng, 300);
    order.period = again ? walk->model.batches[1 + pick(walk, walk->model.batch_count)].period
                         : open_month(walk);
    if (!again && walk->model.record_count == 0) return;
    if (walk->model.batch_count + 1 >= MODEL_BATCHES_MAX) return;
    const uint32_t batches = cycle_count(walk->cycle, ROW_BATCH);
    const uint32_t code = carry_out(walk, &order, NULL);
    assert_int_equal(code, ERROR_OK);
    if (cycle_count(walk->cycle, ROW_BATCH) != batches)
        model_cut(&walk->model, order.period, batches + 1);
}

/* Which step may come when, and what it leads to. */
static bool step_allowed(enum batch_step step, enum batch_state from)
{
    switch (step) {
    case STEP_COMPUTE:
        return from == BATCH_CUT || from == BATCH_COMPUTED || from == BATCH_PUBLISHED;
    case STEP_PUBLISH:
        return from == BATCH_COMPUTED;
    case STEP_CLOSE_SIGNING:
        return from == BATCH_PUBLISHED;
    case STEP_NOTICE:
        return from == BATCH_SIGNED;
    case STEP_ABORT:
        return from >= BATCH_CUT && from <= BATCH_PUBLISHED;
    case STEP_ARCHIVE:
        return from == BATCH_SETTLED;
    case STEP_UNWIND:
        return from == BATCH_NOTICED || from == BATCH_PAYING;
    }
    return false;
}

static void step(struct walk *walk, enum batch_step step)
{
    struct cycle_model *model = &walk->model;
    if (model->batch_count == 0) return;
    const uint32_t id =
        prng_chance(&walk->prng, 700) ? model->batch_count : 1 + pick(walk, model->batch_count);
    const struct batch_row batch = *cycle_batch_by_id(walk->cycle, id);
    if (cycle_batch(walk->cycle, batch.period)->id != id) return; /* Not its month's live one. */
    struct order order = order_of(walk, MESSAGE_BATCH_STEP, PROVINCE_CENTRE);
    order.period = batch.period;
    order.step = step;
    if (step == STEP_UNWIND) order.payer = provinces[pick(walk, MODEL_PROVINCES)];
    if (prng_chance(&walk->prng, 50)) { /* A province may not. */
        order.sender = 31;
        order.acting = 8;
    }
    const uint32_t code = carry_out(walk, &order, NULL);
    if (order.sender != 0) assert_int_equal(code, ERROR_SENDER_NOT_ALLOWED);
    if (!step_allowed(step, batch.state)) {
        if (order.sender == 0) assert_int_equal(code, ERROR_WRONG_STATE);
        return;
    }
    if (code != ERROR_OK) return;
    model->batches[id].state = cycle_batch_by_id(walk->cycle, id)->state;
    if (step == STEP_ABORT) model_abort(model, id);
    if (step == STEP_NOTICE) model_notice(model, id);
    if (step == STEP_UNWIND) {
        assert_true(batch.mode >= NETTING_MULTILATERAL);
        model_unwind(model, id, order.payer);
        walk->unwound++;
    }
}

static void sign(struct walk *walk)
{
    struct cycle_model *model = &walk->model;
    if (model->batch_count == 0) return;
    const struct batch_row batch = *cycle_batch_by_id(walk->cycle, model->batch_count);
    for (int i = 0; i < MODEL_PROVINCES; i++) {
        struct order order = order_of(walk, MESSAGE_BATCH_SIGN, provinces[i]);
        order.sender = 0; /* The centre signs for it: no deadline. */
        order.period = batch.period;
        order.flag = prng_chance(&walk->prng, 30);
        (void)snprintf(order.text, sizeof order.text, "why");
        const uint32_t code = carry_out(walk, &order, NULL);
        /* Signed before, it is the same answer again, whatever came after. */
        if (batch.state < BATCH_PUBLISHED || batch.state == BATCH_ABORTED)
            assert_int_not_equal(code, ERROR_OK);
    }
}

static void pay(struct walk *walk)
{
    const uint32_t count = cycle_count(walk->cycle, ROW_NOTICE);
    for (uint32_t tries = 0; tries < 4 && count != 0; tries++) {
        const struct notice_row notice =
            *(const struct notice_row *)cycle_row(walk->cycle, ROW_NOTICE, pick(walk, count));
        const int64_t left = notice.amount - notice.reported;
        struct order order =
            order_of(walk, MESSAGE_PAY_REPORT,
                     notice.payer < PROVINCE_COUNT ? notice.payer : PROVINCE_CENTRE);
        memcpy(order.number, notice.number, sizeof order.number);
        (void)snprintf(order.bank_ref, sizeof order.bank_ref, "B%u", walk->serial);
        order.amount = prng_chance(&walk->prng, 300) ? 1 + pick(walk, 5000) : left;
        order.at_ms = walk->now_ms;
        const uint32_t code = carry_out(walk, &order, NULL);
        if (order.amount > left || notice.state == NOTICE_CANCELLED)
            assert_int_not_equal(code, ERROR_OK);
        if (code != ERROR_OK) continue;

        struct order receipt =
            order_of(walk, MESSAGE_RECEIPT_REPORT,
                     notice.payee < PROVINCE_COUNT ? notice.payee : PROVINCE_CENTRE);
        memcpy(receipt.number, order.number, sizeof order.number);
        memcpy(receipt.bank_ref, order.bank_ref, sizeof order.bank_ref);
        receipt.amount = order.amount + (prng_chance(&walk->prng, 100) ? 1 : 0);
        receipt.flag = prng_chance(&walk->prng, 100); /* The bank gives it back. */
        const uint32_t answer = carry_out(walk, &receipt, NULL);
        if (receipt.amount != order.amount) assert_int_not_equal(answer, ERROR_OK);
    }
}

/* -- what must be true --------------------------------------------------------------------------
 */

static int64_t held_by(const struct walk *walk, int i, int j, enum cycle_account account)
{
    int64_t sum = 0;
    for (uint8_t fund = 0; fund < FUND_COUNT; fund++)
        sum += cycle_balance(walk->cycle, provinces[i], provinces[j], fund, account);
    return sum;
}

static void compare(const struct walk *walk)
{
    static const enum cycle_account accounts[] = {CYCLE_MISMATCHED, CYCLE_HELD, CYCLE_DISPUTED,
                                                  CYCLE_CONFIRMED, CYCLE_CLEARING};
    const char *broken = cycle_check(walk->cycle);
    if (broken != NULL) fail_msg("%s", broken);
    for (int i = 0; i < MODEL_PROVINCES; i++) {
        for (int j = 0; j < MODEL_PROVINCES; j++) {
            for (size_t a = 0; a < sizeof accounts / sizeof accounts[0]; a++) {
                const int64_t is = held_by(walk, i, j, accounts[a]);
                const int64_t should =
                    model_balance(&walk->model, provinces[i], provinces[j], accounts[a]);
                if (is != should) {
                    fail_msg("account %d of %u->%u is %lld, not %lld", accounts[a], codes[i],
                             codes[j], (long long)is, (long long)should);
                }
            }
            const int64_t after =
                held_by(walk, i, j, CYCLE_DUE) + held_by(walk, i, j, CYCLE_NETTED) +
                held_by(walk, i, j, CYCLE_TRANSIT) + held_by(walk, i, j, CYCLE_SETTLED);
            assert_int_equal(after,
                             model_balance(&walk->model, provinces[i], provinces[j], CYCLE_DUE));
        }
    }
}

static void one_step(struct walk *walk)
{
    switch (pick(walk, 20)) {
    case 0:
    case 1:
    case 2:
        for (int i = 0; i < 5; i++)
            add_record(walk);
        return;
    case 3:
    case 4:
        confirm_item(walk);
        return;
    case 5:
        recon_list(walk);
        return;
    case 6:
        dispute(walk);
        return;
    case 7:
        answer_dispute(walk);
        return;
    case 8:
        recover(walk);
        return;
    case 9:
        cut(walk);
        return;
    case 10:
    case 11:
        step(walk, STEP_COMPUTE);
        return;
    case 12:
    case 13:
        step(walk, STEP_PUBLISH);
        return;
    case 14:
        step(walk, prng_chance(&walk->prng, 300) ? STEP_ABORT : STEP_CLOSE_SIGNING);
        return;
    case 15:
        sign(walk);
        return;
    case 16:
        step(walk, STEP_NOTICE);
        /* Mostly before somebody has got money that is final. */
        if (prng_chance(&walk->prng, 400)) step(walk, STEP_UNWIND);
        return;
    case 17:
        pay(walk);
        return;
    case 18:
        step(walk, prng_chance(&walk->prng, 300) ? STEP_ARCHIVE : STEP_UNWIND);
        return;
    default:
        walk->now_ms += DAY_MS * (1 + pick(walk, 3));
        if (prng_chance(&walk->prng, 100)) crash(walk);
    }
}

static uint32_t walk_once(uint64_t seed, uint32_t totals[2][0x500])
{
    struct walk *walk = calloc(1, sizeof *walk);
    assert_non_null(walk);
    walk->prng.state = seed;
    walk->now_ms = INT64_C(1767225600000); /* 2026-01-01 08:00 */
    walk->model.cut_through = 202512;
    settings_init(&walk->settings);
    walk->settings.value[SETTING_PAYABLE_MODE] = (int64_t)(seed % 4);
    walk->model.gross = seed % 4 == NETTING_GROSS;
    walk->cycle = cycle_new(&walk->calendar, &walk->settings);
    assert_non_null(walk->cycle);
    for (int i = 0; i < STEPS; i++) {
        one_step(walk);
        compare(walk);
    }
    crash(walk);
    for (int type = 0; type < 0x500; type++) {
        totals[0][type] += walk->accepted[type];
        totals[1][type] += walk->refused[type];
    }
    const uint32_t unwound = walk->unwound;
    cycle_free(walk->cycle);
    free(walk->log);
    free(walk);
    return unwound;
}

static void random_walks_agree_with_the_model(void **state)
{
    static uint32_t totals[2][0x500];
    const char *first = getenv("QINGFEN_SEED");
    const char *count = getenv("QINGFEN_WALKS");
    const uint64_t from = first != NULL ? strtoull(first, NULL, 10) : 1;
    const uint64_t walks = count != NULL ? strtoull(count, NULL, 10) : WALKS;
    uint32_t unwound = 0;
    (void)state;
    for (uint64_t seed = from; seed < from + walks; seed++) {
        print_message("seed %llu\n", (unsigned long long)seed);
        unwound += walk_once(seed, totals);
    }
    if (walks < WALKS) return; /* Too few to have been everywhere. */
    for (int type = 0; type < 0x500; type++) {
        if (totals[0][type] + totals[1][type] == 0) continue;
        print_message("0x%04x: %u accepted, %u refused\n", type, totals[0][type], totals[1][type]);
        /* A walk that never gets anywhere shows nothing. */
        assert_true(totals[0][type] > 20);
    }
    print_message("%u unwound\n", unwound);
    assert_true(unwound > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_walks_agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
