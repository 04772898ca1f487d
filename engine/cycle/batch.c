/* batch -- what a batch goes through: computed, published, signed, and in the end archived.
 *
 *   CUT -compute-> COMPUTED -publish-> PUBLISHED -signatures-> SIGNED -notice-> NOTICED ...
 *
 * and back to nothing by an abort, up to PUBLISHED. A change of a published batch makes a new
 * version that is computed and published again (docs/rules.md, Batches). Must not know how lines
 * come about (cut.c) nor how notices are paid. */
#include <stdio.h>

#include "cycle/cycle_internal.h"
#include "types/civil.h"

/* What may be done with a batch, for refusals. */
static const char *possible_now(const struct batch_row *batch)
{
    switch (batch->state) {
    case BATCH_CUT:
        return "compute, abort";
    case BATCH_COMPUTED:
        return batch->stale ? "compute, abort" : "compute, publish, abort";
    case BATCH_PUBLISHED:
        return batch->stale ? "compute, abort" : "signatures, close-signing, abort";
    case BATCH_SIGNED:
        return "notice";
    case BATCH_NOTICED:
    case BATCH_PAYING:
        return "payments, unwind";
    case BATCH_SETTLED:
        return "archive";
    case BATCH_ABORTED:
        return "a new cut of the month";
    default:
        return "nothing";
    }
}

static bool wrong_state(struct judgement *j, const struct batch_row *batch, const char *what)
{
    char name[NUMBER_SIZE];
    batch_name(batch, name);
    return refuse(j, ERROR_WRONG_STATE, "%s is not possible: batch %s is %s%s; possible: %s", what,
                  name, batch_state_name(batch->state),
                  batch->stale ? ", changed since it was computed" : "", possible_now(batch));
}

static void come_into(struct judgement *j, struct batch_row *batch, enum batch_state state)
{
    batch->state = (uint8_t)state;
    batch->at_ms[state] = j->now_ms;
}

/* Ends a step: the batch's row, its name, and what was done in words. */
static bool done_with(struct judgement *j, const struct batch_row *batch)
{
    char name[NUMBER_SIZE];
    batch_name(batch, name);
    decision_put(j->decision, ROW_BATCH, batch);
    (void)snprintf(j->decision->text, sizeof j->decision->text, "batch %s is %s, version %u", name,
                   batch_state_name(batch->state), batch->version);
    return done(j, name);
}

/* -- compute, publish ----------------------------------------------------------------------------
 */

static const struct sign_row *sign_of(const struct cycle *cycle, uint32_t batch, uint8_t province)
{
    const struct sign_row key = {.batch = batch, .province = province};
    return cycle_find(cycle, ROW_SIGN, &key);
}

static uint8_t sign_state_of(const struct cycle *cycle, uint32_t batch, uint8_t province)
{
    const struct sign_row *row = sign_of(cycle, batch, province);
    return row != NULL ? row->state : SIGN_NONE;
}

/* An objection to the published version is answered with another one, be it the same. */
static bool objected(const struct cycle *cycle, const struct batch_row *batch)
{
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        if (sign_state_of(cycle, batch->id, province) == SIGN_OBJECTED) return true;
    }
    return false;
}

static bool compute(struct judgement *j, const struct batch_row *before)
{
    struct batch_row batch = *before;
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];

    if (batch.state == BATCH_PUBLISHED && !batch.stale && objected(j->cycle, before)) {
        batch.version++;
    } else if (batch.state != BATCH_CUT && batch.state != BATCH_COMPUTED &&
               !(batch.state == BATCH_PUBLISHED && batch.stale)) {
        return wrong_state(j, before, "compute");
    }
    batch_totals(j->cycle, &batch, batch.version, totals);
    const char *broken = batch_net(&batch, totals);
    if (broken != NULL)
        return refuse(j, ERROR_LEDGER, "batch %06u-%u: %s", batch.period, batch.number, broken);
    batch_digest(j->cycle, &batch, batch.version, batch.digest);
    batch.mode = (uint8_t)setting_at(j->cycle, SETTING_PAYABLE_MODE, j->now_ms);
    batch.stale = 0;
    come_into(j, &batch, BATCH_COMPUTED);
    return done_with(j, &batch);
}

/* Provinces with a line that came or changed after `version`. */
static uint32_t touched_since(const struct cycle *cycle, const struct batch_row *batch,
                              uint32_t version)
{
    struct line_walk walk = {.cycle = cycle, .batch = batch->id, .version = batch->version};
    const struct line_row *line;
    uint32_t bits = 0;
    while ((line = line_next(&walk)) != NULL) {
        if (line->version > version)
            bits |= UINT32_C(1) << line->cell.payer | UINT32_C(1) << line->cell.payee;
    }
    return bits;
}

static uint32_t signed_bits(const struct cycle *cycle, uint32_t batch)
{
    uint32_t bits = 0;
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        const uint8_t state = sign_state_of(cycle, batch, province);
        if (state == SIGN_SIGNED || state == SIGN_SILENT) bits |= UINT32_C(1) << province;
    }
    return bits;
}

/* What a new version makes void: signatures of provinces whose lines it changed, and every
 * objection. Gives the signatures that stand. */
static uint32_t void_signs(struct judgement *j, const struct batch_row *batch)
{
    uint32_t standing = signed_bits(j->cycle, batch->id);
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        const uint32_t bit = UINT32_C(1) << province;
        const struct sign_row *row = sign_of(j->cycle, batch->id, province);
        if (row == NULL || row->state == SIGN_NONE || row->version == batch->version) continue;
        if (row->state != SIGN_OBJECTED &&
            (touched_since(j->cycle, batch, row->version) & bit) == 0)
            continue;
        const struct sign_row none = {
            .batch = batch->id, .province = province, .version = batch->version};
        decision_put(j->decision, ROW_SIGN, &none);
        standing &= ~bit;
    }
    return standing;
}

static bool publish(struct judgement *j, const struct batch_row *before)
{
    struct batch_row batch = *before;
    if (batch.state != BATCH_COMPUTED || batch.stale) return wrong_state(j, before, "publish");
    if (batch.version > BATCH_PUBLISHED_MAX) {
        char name[NUMBER_SIZE];
        batch_name(before, name);
        return refuse(j, ERROR_TOO_MANY, "batch %s has had %u versions: more are not kept", name,
                      batch.version);
    }
    batch.published_version = batch.version;
    come_into(j, &batch, BATCH_PUBLISHED);
    const uint32_t missing =
        batch_provinces(j->cycle, &batch, batch.version) & ~void_signs(j, &batch);
    /* Every signature there must be may stand from before; of nothing there is nothing to sign. */
    if (missing == 0) come_into(j, &batch, BATCH_SIGNED);
    return done_with(j, &batch);
}

/* -- signatures ---------------------------------------------------------------------------------
 */

static uint32_t day_after(uint32_t day, int64_t days)
{
    const struct civil civil = {
        .year = (int32_t)(day / 10000),
        .month = (int32_t)(day / 100 % 100),
        .day = (int32_t)(day % 100),
    };
    int64_t ms;
    return civil_to_ms(&civil, &ms) ? civil_day(ms + days * MS_PER_DAY) : day;
}

uint32_t batch_sign_due(const struct cycle *cycle, const struct batch_row *batch)
{
    const int64_t published = batch->at_ms[BATCH_PUBLISHED];
    if (published == 0) return 0;
    const int64_t sign_day = setting_at(cycle, SETTING_SIGN_DAY, published);
    const int64_t compute_day = setting_at(cycle, SETTING_COMPUTE_DAY, published);
    const uint32_t by_month =
        calendar_month_day(calendar_month_add(batch->period, 1), (uint32_t)sign_day);
    /* Published late, or again: as many days as there would have been. */
    const uint32_t by_publishing =
        day_after(civil_day(published), sign_day > compute_day ? sign_day - compute_day : 0);
    return by_month > by_publishing ? by_month : by_publishing;
}

static bool close_signing(struct judgement *j, const struct batch_row *before)
{
    struct batch_row batch = *before;
    const uint32_t due = batch_sign_due(j->cycle, before);
    uint32_t missing;

    if (batch.state != BATCH_PUBLISHED || batch.stale)
        return wrong_state(j, before, "close-signing");
    missing = batch_provinces(j->cycle, before, before->published_version) &
              ~signed_bits(j->cycle, before->id);
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        const struct sign_row *row = sign_of(j->cycle, before->id, province);
        if (row == NULL || row->state != SIGN_OBJECTED) continue;
        return refuse(j, ERROR_WRONG_STATE,
                      "%02u objects to version %u: %s; a new version must be published first",
                      province_of(province), row->version, row->reason);
    }
    for (uint8_t province = 0; province < PROVINCE_COUNT; province++) {
        if ((missing >> province & 1) == 0) continue;
        if (j->today <= due) {
            return refuse(j, ERROR_WRONG_STATE, "%02u has not signed and may until %08u",
                          province_of(province), due);
        }
        if (setting_at(j->cycle, SETTING_TIMEOUT_IS_CONSENT, j->now_ms) == 0) {
            return refuse(j, ERROR_WRONG_STATE,
                          "%02u has not signed, and sign.timeout_is_consent is 0",
                          province_of(province));
        }
        const struct sign_row silent = {
            .batch = before->id,
            .province = province,
            .version = before->published_version,
            .state = SIGN_SILENT,
            .at_ms = j->now_ms,
        };
        decision_put(j->decision, ROW_SIGN, &silent);
    }
    come_into(j, &batch, BATCH_SIGNED);
    return done_with(j, &batch);
}

static bool same_answer(struct judgement *j, const struct batch_row *batch)
{
    j->decision->dup = true;
    batch_name(batch, j->decision->ref);
    return true;
}

bool judge_batch_sign(struct judgement *j)
{
    const struct order *order = j->order;
    const uint8_t province = order->acting;
    const struct batch_row *before = cycle_batch(j->cycle, order->period);

    if (province >= PROVINCE_COUNT)
        return refuse(j, ERROR_NOT_YOURS, "a signature is a province's: name one");
    if (!civil_month_valid(order->period))
        return refuse(j, ERROR_PERIOD_ORDER, "%u is no month", order->period);
    if (!must_be_open_year(j, order->period)) return false;
    if (before == NULL) return refuse(j, ERROR_NOT_FOUND, "%06u has no batch yet", order->period);

    const uint32_t provinces = batch_provinces(j->cycle, before, before->version);
    if ((provinces >> province & 1) == 0) {
        return refuse(j, ERROR_NOT_YOURS, "%02u has no line in batch %06u-%u",
                      province_of(province), before->period, before->number);
    }
    if (before->state < BATCH_PUBLISHED || before->state == BATCH_ABORTED || before->stale)
        return wrong_state(j, before, order->flag ? "an objection" : "a signature");
    if (order->has_digest && memcmp(order->digest, before->digest, sizeof before->digest) != 0) {
        return refuse(j, ERROR_DIGEST_DIFFERS,
                      "the digest is not that of version %u of batch %06u-%u",
                      before->published_version, before->period, before->number);
    }
    const uint8_t wanted = order->flag ? SIGN_OBJECTED : SIGN_SIGNED;
    const struct sign_row *standing = sign_of(j->cycle, before->id, province);
    if (standing != NULL && standing->state == wanted) return same_answer(j, before);
    if (standing != NULL && standing->state == SIGN_SIGNED) {
        return refuse(j, ERROR_WRONG_STATE, "%02u has signed version %u of batch %06u-%u",
                      province_of(province), standing->version, before->period, before->number);
    }
    if (before->state != BATCH_PUBLISHED)
        return wrong_state(j, before, order->flag ? "an objection" : "a signature");
    const uint32_t due = batch_sign_due(j->cycle, before);
    if (order->sender != 0 && j->today > due) {
        return refuse(j, ERROR_DEADLINE, "batch %06u-%u was to be signed by %08u", before->period,
                      before->number, due);
    }

    struct sign_row row = {
        .batch = before->id,
        .province = province,
        .version = before->published_version,
        .state = wanted,
        .at_ms = j->now_ms,
    };
    _Static_assert(sizeof row.reason == sizeof order->text, "a reason as it came");
    if (order->flag) memcpy(row.reason, order->text, sizeof row.reason);
    decision_put(j->decision, ROW_SIGN, &row);

    struct batch_row batch = *before;
    const uint32_t missing =
        provinces & ~signed_bits(j->cycle, before->id) & ~(UINT32_C(1) << province);
    if (!order->flag && missing == 0) come_into(j, &batch, BATCH_SIGNED);
    return done_with(j, &batch);
}

/* -- abort, archive ------------------------------------------------------------------------------
 */

static bool abort_batch(struct judgement *j, const struct batch_row *before)
{
    struct batch_row batch = *before;
    struct pair_total totals[PROVINCE_COUNT][PROVINCE_COUNT];

    if (batch.state < BATCH_CUT || batch.state > BATCH_PUBLISHED)
        return wrong_state(j, before, "abort");
    batch_totals(j->cycle, before, before->version, totals);
    release_from_batch(j, before->id, PROVINCE_CENTRE);
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++)
            post_funds(j, payer, payee, CYCLE_CLEARING, CYCLE_CONFIRMED, totals[payer][payee].funds,
                       before->id, before->period);
    }
    come_into(j, &batch, BATCH_ABORTED);
    return done_with(j, &batch);
}

static bool archive(struct judgement *j, const struct batch_row *before)
{
    struct batch_row batch = *before;
    if (batch.state != BATCH_SETTLED) return wrong_state(j, before, "archive");
    come_into(j, &batch, BATCH_ARCHIVED);
    return done_with(j, &batch);
}

bool judge_batch_step(struct judgement *j)
{
    const struct order *order = j->order;
    if (!must_be_centre(j)) return false;
    if (!civil_month_valid(order->period))
        return refuse(j, ERROR_PERIOD_ORDER, "%u is no month", order->period);
    /* A year is closed when its batches are settled; they may be archived later. */
    if (order->step != STEP_ARCHIVE && !must_be_open_year(j, order->period)) return false;
    const struct batch_row *batch = cycle_batch(j->cycle, order->period);
    if (batch == NULL)
        return refuse(j, ERROR_NOT_FOUND, "%06u has no batch: it is not cut", order->period);

    switch (order->step) {
    case STEP_COMPUTE:
        return compute(j, batch);
    case STEP_PUBLISH:
        return publish(j, batch);
    case STEP_CLOSE_SIGNING:
        return close_signing(j, batch);
    case STEP_NOTICE:
        if (batch->state != BATCH_SIGNED) return wrong_state(j, batch, "notice");
        return notice_batch(j, batch);
    case STEP_ABORT:
        return abort_batch(j, batch);
    case STEP_UNWIND:
        if (batch->state != BATCH_NOTICED && batch->state != BATCH_PAYING)
            return wrong_state(j, batch, "unwind");
        return unwind_batch(j, batch, order->payer);
    case STEP_ARCHIVE:
        return archive(j, batch);
    default:
        return refuse(j, ERROR_MALFORMED, "no step of a batch");
    }
}

/* -- the end of a year ---------------------------------------------------------------------------
 */

/* What of a year is not cleared: how many of each, and the first one in words. */
struct leftovers {
    uint32_t cells;
    uint32_t records;
    uint32_t batches;
    uint32_t others; /* Recoveries and negative totals. */
    char first[72];
};

static bool nothing_before(const struct leftovers *left)
{
    return left->cells + left->records + left->batches + left->others == 0;
}

static void note_cell(struct leftovers *left, const struct cell_key *cell)
{
    if (nothing_before(left)) {
        (void)snprintf(left->first, sizeof left->first, "cell %06u %02u-%02u line %u class %u",
                       cell->period, province_of(cell->payer), province_of(cell->payee), cell->line,
                       cell->insurance);
    }
    left->cells++;
}

/* Cells that wait; and those of months that have no batch at all yet, as the shards know them. */
static void open_cells(const struct judgement *j, uint32_t year, struct leftovers *left)
{
    const struct cycle *cycle = j->cycle;
    for (size_t i = 0; i < j->facts->cell_count; i++) {
        const struct cell_key *cell = &j->facts->cells[i].key;
        if (cell->period / 100 == year && cycle_batch(cycle, cell->period) == NULL)
            note_cell(left, cell);
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_FROZEN); i++) {
        const struct frozen_row *row = cycle_row(cycle, ROW_FROZEN, i);
        if (row->cell.period / 100 == year && row->batch == 0) note_cell(left, &row->cell);
    }
}

static void open_records(const struct cycle *cycle, uint32_t year, struct leftovers *left)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION); i++) {
        const struct exception_row *row = cycle_row(cycle, ROW_EXCEPTION, i);
        if (row->record.period / 100 != year || !row->carved || row->batch != 0) continue;
        if ((row->flags & (EXCEPTION_VOID | EXCEPTION_REVERSED)) != 0) continue;
        if (nothing_before(left)) {
            (void)snprintf(left->first, sizeof left->first, "record %06u %.30s, %s",
                           row->ref.insu_admdvs, row->ref.setl_id, exception_state(cycle, row));
        }
        left->records++;
    }
}

static void open_batches(const struct cycle *cycle, uint32_t year, struct leftovers *left)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_BATCH); i++) {
        const struct batch_row *row = cycle_row(cycle, ROW_BATCH, i);
        if (row->period / 100 != year || row->state >= BATCH_SETTLED) continue;
        if (nothing_before(left)) {
            (void)snprintf(left->first, sizeof left->first, "batch %06u-%u, %s", row->period,
                           row->number, batch_state_name(row->state));
        }
        left->batches++;
    }
}

static void open_others(const struct cycle *cycle, uint32_t year, struct leftovers *left)
{
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_RECOVERY); i++) {
        const struct recovery_row *row = cycle_row(cycle, ROW_RECOVERY, i);
        if (row->cell.period / 100 != year || row->batch != 0) continue;
        if (nothing_before(left)) {
            (void)snprintf(left->first, sizeof left->first, "recovery %.31s", row->recovery_no);
        }
        left->others++;
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_CARRY); i++) {
        const struct carry_row *row = cycle_row(cycle, ROW_CARRY, i);
        if (row->period / 100 != year || row->into != 0) continue;
        if (nothing_before(left)) {
            (void)snprintf(left->first, sizeof left->first, "negative total of %02u-%02u of %06u",
                           province_of(row->payer), province_of(row->payee), row->period);
        }
        left->others++;
    }
}

bool judge_year_close(struct judgement *j)
{
    /* The year may come as a year or as one of its months. */
    const uint32_t year = j->order->period > 9999 ? j->order->period / 100 : j->order->period;
    struct leftovers left = {0};
    char ref[NUMBER_SIZE];

    if (!must_be_centre(j)) return false;
    (void)snprintf(ref, sizeof ref, "%u", year);
    if (year <= j->facts->closed_year) {
        j->decision->dup = true;
        memcpy(j->decision->ref, ref, sizeof ref);
        return true;
    }
    open_cells(j, year, &left);
    open_records(j->cycle, year, &left);
    open_batches(j->cycle, year, &left);
    open_others(j->cycle, year, &left);
    if (!nothing_before(&left)) {
        return refuse(j, ERROR_RECON_OPEN,
                      "%u has %u cells, %u records, %u batches and %u recoveries or negative "
                      "totals open; first: %s",
                      year, left.cells, left.records, left.batches, left.others, left.first);
    }
    return done(j, ref);
}
