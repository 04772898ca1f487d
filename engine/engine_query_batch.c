/* engine_query_batch -- the desk's questions about a month's tables: a batch with its lines and
 * payments, the areas of its second level, its cells. Changes nothing; must not know who may ask,
 * which engine_query.c has looked at. */
#include <stdlib.h>

#include "codec/cycle_reply.h"
#include "engine_query.h"
#include "statement/tables.h"
#include "types/ensure.h"

/* -- batches ----------------------------------------------------------------------------------- */

static const struct batch_row *asked_batch(const struct home *home)
{
    const struct query *query = query_of(home);
    const struct batch_row key = {.period = query->period, .number = query->number_of};
    if (query->number_of == 0) return cycle_batch(home->desk.cycle, query->period);
    return cycle_find(home->desk.cycle, ROW_BATCH, &key);
}

/* All lines of a batch in a version; malloc'ed. */
static struct line_row *lines_of(const struct cycle *cycle, uint32_t batch, uint32_t version,
                                 uint32_t *ret_count)
{
    const uint32_t count = cycle_lines(cycle, batch, version, NULL, 0);
    struct line_row *lines = calloc(count + 1, sizeof *lines);
    NEED_MEMORY(lines);
    *ret_count = cycle_lines(cycle, batch, version, lines, count);
    return lines;
}

static bool add_line(struct netting *netting, const struct line_row *line)
{
    int64_t amount = 0;
    for (int i = 0; i < FUND_COUNT; i++) {
        if (__builtin_add_overflow(amount, line->funds[i], &amount)) return false;
    }
    return netting_add(netting, line->cell.payer, line->cell.payee, amount, line->count);
}

/* Keeps the lines of the page at the front; gives their number. */
static uint32_t pick_lines(const struct query *query, uint8_t subject, struct line_row *lines,
                           uint32_t count, bool *ret_more)
{
    struct page page = page_of(query);
    if (query->limit == 0) return 0;
    for (uint32_t i = 0; i < count && !page.more; i++) {
        if (!is_subject(subject, lines[i].cell.payer, lines[i].cell.payee)) continue;
        if (page_takes(&page)) lines[page.count - 1] = lines[i];
    }
    *ret_more = page.more;
    return page.count;
}

static uint32_t pick_payments(uint32_t province, struct net_row *rows, size_t count)
{
    uint32_t picked = 0;
    for (size_t i = 0; i < count; i++) {
        if (province == 0 || rows[i].payer == province || rows[i].payee == province) {
            rows[picked++] = rows[i];
        }
    }
    return picked;
}

static void fill_signatures(const struct home *home, const struct batch_row *batch, uint8_t subject,
                            struct sign_row out[PROVINCE_COUNT])
{
    memset(out, 0, PROVINCE_COUNT * sizeof *out);
    for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
        const struct sign_row key = {.batch = batch->id, .province = i};
        const struct sign_row *row = cycle_find(home->desk.cycle, ROW_SIGN, &key);
        if (row != NULL && is_subject(subject, i, i)) out[i] = *row;
    }
}

/* A province sees its own row of the national tables. */
static void hide_positions(uint8_t subject, struct province_row rows[PROVINCE_COUNT])
{
    for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
        if (is_subject(subject, i, i)) continue;
        rows[i] = (struct province_row){.province = rows[i].province};
    }
}

static void answer_batch_lines(struct home *home, const struct batch_row *batch,
                               struct line_row *lines, uint32_t count)
{
    const struct query *query = query_of(home);
    const uint8_t subject = subject_of(home);
    struct netting netting;
    struct payments payments;
    struct net_row rows[PAYMENTS_MAX];
    struct province_row provinces[PROVINCE_COUNT];
    struct sign_row signatures[PROVINCE_COUNT];
    struct batch_report report = {
        .batch = batch,
        .mode = netting_mode_name(batch->mode),
        .lines = lines,
        .signatures = signatures,
        .payments = rows,
        .positions = provinces,
    };
    bool fits = true;

    netting_init(&netting);
    for (uint32_t i = 0; i < count; i++)
        fits &= add_line(&netting, &lines[i]);
    fits = fits && netting_payments(&netting, batch->mode, &payments) &&
           tables_provinces(&netting, provinces);
    if (!fits) {
        desk_refuse(home, ERROR_AMOUNT_RANGE, "a sum of the batch does not fit into 64 bits");
        return;
    }
    report.payment_count = pick_payments(query->province, rows, tables_net_rows(&payments, rows));
    report.line_count = pick_lines(query, subject, lines, count, &report.more);
    fill_signatures(home, batch, subject, signatures);
    hide_positions(subject, provinces);
    size_t size;
    uint8_t *payload = batch_get_reply_encode(&report, &size);
    desk_finish(home, payload, size);
}

void query_batch(struct home *home)
{
    const struct query *query = query_of(home);
    const struct batch_row *batch = asked_batch(home);
    uint32_t count;

    if (batch == NULL || query->version > batch->version) {
        desk_refuse(home, ERROR_NOT_FOUND,
                    batch != NULL           ? "the batch has no such version"
                    : query->number_of != 0 ? "the month has no batch of this number"
                                            : "the month has no batch: it is not cut");
        return;
    }
    const uint32_t latest =
        batch->published_version != 0 ? batch->published_version : batch->version;
    const uint32_t version = query->version != 0 ? query->version : latest;
    struct line_row *lines = lines_of(home->desk.cycle, batch->id, version, &count);
    /* Who does not ask for a version is told how far the batch has come. */
    const struct batch_row head =
        query->version != 0 ? cycle_batch_at(home->desk.cycle, batch, version) : *batch;
    answer_batch_lines(home, &head, lines, count);
    free(lines);
}

/* -- second level and cells -------------------------------------------------------------------- */

void query_areas(struct home *home)
{
    const struct query *query = query_of(home);
    const struct facts *facts = &home->desk.gathering.facts;
    const struct cycle *cycle = home->desk.cycle;
    const struct batch_row *batch = cycle_batch(cycle, query->period);
    struct page page = page_of(query);
    size_t count;

    if (refused_facts(home)) return;
    if (batch == NULL) {
        desk_refuse(home, ERROR_NOT_FOUND, "the month has no batch yet");
        return;
    }
    struct tally *rows =
        cycle_area_rows(cycle, batch, subject_of(home), query->flag ? SIDE_PAYEE : SIDE_PAYER,
                        facts->tallies, facts->tally_count, &count);
    NEED_MEMORY(rows);
    for (size_t i = 0; i < count && !page.more; i++) {
        if (page_takes(&page)) rows[page.count - 1] = rows[i];
    }
    size_t size;
    uint8_t *payload = area_report_reply_encode(rows, page.count, query->flag, page.more, &size);
    free(rows);
    desk_finish(home, payload, size);
}

void query_cells(struct home *home)
{
    const struct query *query = query_of(home);
    const struct facts *facts = &home->desk.gathering.facts;
    const uint8_t subject = subject_of(home);
    struct cell_item items[PAGE_MAX];
    struct page page = page_of(query);
    size_t count;

    if (refused_facts(home)) return;
    struct cell_state *states =
        cycle_cell_states(home->desk.cycle, query->period, facts->cells, facts->cell_count, &count);
    NEED_MEMORY(states);
    for (size_t i = 0; i < count && !page.more; i++) {
        const struct cell_state *s = &states[i];
        if (!is_subject(subject, s->cell.payer, s->cell.payee)) continue;
        if (!page_takes(&page)) continue;
        items[page.count - 1] = (struct cell_item){
            .cell = s->cell,
            .count = s->count,
            .amount = s->amount,
            .reconciled = {s->reconciled[0], s->reconciled[1]},
            .confirmed = s->confirmed,
            .stale = s->stale,
            .exceptions = s->exceptions,
            .blocked = s->blocked,
            .deducted = s->deducted,
            .batch_state = s->batch_state,
        };
    }
    free(states);
    size_t size;
    uint8_t *payload = cell_list_reply_encode(items, page.count, page.more, &size);
    desk_finish(home, payload, size);
}
