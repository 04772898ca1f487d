#include <inttypes.h>
#include <stdlib.h>

#include "shard.h"
#include "tests/sim/cycle_rows.h"
#include "tests/sim/cycle_walk.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"
#include "util/le.h"

/* -- decisions ----------------------------------------------------------------------------------
 */

/* The row of that kind in a decision, the n-th; NULL behind the last. */
static const void *row_in(struct bytes rows, enum row_kind kind, uint32_t n, void *out)
{
    for (size_t at = 0; at + 4 <= rows.size;) {
        const uint16_t size = le_load16(rows.data + at + 2);
        if (le_load16(rows.data + at) == kind && n-- == 0)
            return memcpy(out, rows.data + at + 4, size);
        at += 4 + ((size + 3u) & ~3u);
    }
    return NULL;
}

/* Is each exception's record the only one under its id, as they are looked at? One with the same id
 * may come to another shard at that time: the answer hangs on which of them is there. */
static bool exceptions_fit(struct bytes rows, const struct desk_view *view)
{
    struct exception_row row;
    for (uint32_t n = 0; row_in(rows, ROW_EXCEPTION, n, &row) != NULL; n++) {
        for (uint32_t i = 0; i < walk.model->records.count; i++) {
            const struct record_facts *facts = &walk.model->records.list[i].facts;
            const bool meant = facts->seq == row.record.seq && facts->shard == row.record.shard;
            const bool there = facts->seq <= view->upto[facts->shard];
            if (desk_same_ref(&facts->ref, &row.ref) && there != meant) return false;
        }
    }
    return true;
}

/* Has each total that is equal, as the records are looked at, its row? That of nothing may have
 * none, and what wallets owe is not known here. */
static bool totals_fit(const struct order *order, struct bytes rows, const struct desk_view *view)
{
    struct order question = *order;
    question.row_count = 1;
    for (uint32_t i = 0; i < order->row_count; i++) {
        struct cell_key cell = order->totals[i].cell;
        struct recon_row row;
        bool put = false;
        if (order->totals[i].count == 0 || cell.line >= LINE_WALLET_CARE) continue;
        cell.period = order->period;
        for (uint32_t n = 0; !put && row_in(rows, ROW_RECON, n, &row) != NULL; n++)
            put = memcmp(&row.cell, &cell, sizeof cell) == 0;
        question.totals = &order->totals[i];
        if (!put && desk_ask(walk.model, &question, view, false).code == ERROR_OK) return false;
    }
    return true;
}

/* Do the rows say what the records come to as they are looked at? */
static bool rows_fit(const struct order *order, struct bytes rows, const struct desk_view *view)
{
    struct recon_row row;
    uint64_t listed = 0, there = 0;
    if (order->type == MESSAGE_CLR_CONFIRM || order->type == MESSAGE_DISPUTE_OPEN)
        return exceptions_fit(rows, view);
    if (order->type != MESSAGE_RECON_DAY && order->type != MESSAGE_RECON_LIST) return true;
    if (order->type == MESSAGE_RECON_DAY && !totals_fit(order, rows, view)) return false;
    for (uint32_t n = 0; row_in(rows, ROW_RECON, n, &row) != NULL; n++) {
        uint64_t count = 0, checksum = 0;
        if (row.cell.line >= LINE_WALLET_CARE) continue; /* The model knows their sums alone. */
        for (uint32_t i = 0; i < walk.model->records.count; i++) {
            const struct desk_record *record = &walk.model->records.list[i];
            const struct cell_key cell = desk_cell(&record->facts);
            if (memcmp(&cell, &row.cell, sizeof cell) != 0 || !desk_stands(view, record) ||
                (row.day != 0 && record->facts.day != row.day)) {
                continue;
            }
            count++;
            checksum += record->facts.content_hash;
        }
        if (row.count != count || row.checksum != checksum) return false;
        listed += count;
    }
    for (uint32_t i = 0; order->type == MESSAGE_RECON_LIST && i < walk.model->records.count; i++) {
        const struct desk_record *record = &walk.model->records.list[i];
        there += places_look_at(order, &record->facts) && desk_stands(view, record);
    }
    return order->type != MESSAGE_RECON_LIST || listed == there;
}

/* A cell of an open month may have had that number and checksum. */
static bool could_be(const struct asked *asked, const struct decided *at,
                     const struct confirm_row *row)
{
    struct recon_total total = {.cell = row->cell};
    const struct asked question = {
        .said = asked->said,
        .order = {.type = MESSAGE_RECON_DAY,
                  .period = row->cell.period,
                  .row_count = 1,
                  .totals = &total},
    };
    struct places *places = places_find(&question, at->answered, at->seq);
    uint64_t upto[EVIDENCE_SHARDS_MAX] = {0};
    bool more = true, good = false;
    for (uint32_t n = 0; !good && n < TRIES_MAX; n++) {
        uint64_t count = 0, checksum = 0;
        more = places_take(places, n, upto);
        if (!more) break;
        const struct desk_view view = places_view(upto, 0);
        for (uint32_t i = 0; i < walk.model->records.count; i++) {
            const struct desk_record *record = &walk.model->records.list[i];
            const struct cell_key cell = desk_cell(&record->facts);
            if (memcmp(&cell, &row->cell, sizeof cell) != 0 || !desk_stands(&view, record))
                continue;
            count++;
            checksum += record->facts.content_hash;
        }
        good = count == row->count && checksum == row->checksum;
    }
    good = good || more || places->too_many;
    free(places);
    return good;
}

/* The confirmed cells of a month that is open are not one picture of all shards: each is looked at
 * by itself. What wallets have left there is not known here. */
static bool read_confirms(const struct asked *asked, const struct decided *at,
                          struct desk_view *view, struct finding *finding)
{
    static struct confirm_row confirms[1024];
    if (asked->order.type != MESSAGE_CLR_CONFIRM || asked->order.row_count != 0 ||
        desk_batch_of(walk.model, asked->order.period) != NULL) {
        return true;
    }
    view->confirms = confirms;
    view->confirm_count = 0;
    while (row_in(at->rows, ROW_CONFIRM, view->confirm_count, &confirms[view->confirm_count]) !=
           NULL) {
        const struct confirm_row *row = &confirms[view->confirm_count++];
        ENSURE(view->confirm_count < 1024);
        if (!desk_names(&asked->order, &row->cell) ||
            (row->cell.line < LINE_WALLET_CARE && !could_be(asked, at, row))) {
            return finding_set(
                finding, "(H9) shard 0, seq %" PRIu64 ": cell %s was confirmed as it never was",
                at->seq, cell_key_text(row->cell));
        }
    }
    for (uint32_t i = 0; i < walk.model->records.count; i++) {
        const struct desk_record *record = &walk.model->records.list[i];
        struct confirm_row row = {.cell = desk_cell(&record->facts)};
        bool named = false;
        if (!desk_names(&asked->order, &row.cell)) continue;
        for (uint32_t k = 0; k < view->confirm_count && !named; k++)
            named = memcmp(&confirms[k].cell, &row.cell, sizeof row.cell) == 0;
        const struct confirm_row *before = cycle_find(walk.cycle, ROW_CONFIRM, &row.cell);
        if (named || could_be(asked, at, &row)) continue; /* It was not there yet. */
        if (before != NULL && !before->withdrawn && could_be(asked, at, before)) continue;
        return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": cell %s was not confirmed",
                           at->seq, cell_key_text(row.cell));
    }
    return true;
}

/* A view of the shards under which the model accepts the order, too. */
static bool find_view(struct asked *asked, const struct decided *at, const struct desk_view *view,
                      uint64_t upto[], struct desk_answer *ret_answer)
{
    struct places *places = places_find(asked, at->answered, at->seq);
    bool good = false;
    for (uint32_t n = 0; !good && n < TRIES_MAX && places_take(places, n, upto); n++) {
        *ret_answer = desk_ask(walk.model, &asked->order, view, false);
        const bool accepted =
            ret_answer->code == ERROR_OK ||
            (asked->order.type == MESSAGE_RECON_DAY && ret_answer->code == ERROR_TOTALS_DIFFER);
        good = accepted && !ret_answer->dup && rows_fit(&asked->order, at->rows, view);
    }
    free(places);
    return good;
}

/* The answer to a list names what it found. */
static bool counts_agree(const struct asked *asked, const struct desk_answer *answer)
{
    const struct bytes said = asked->said->answer;
    if (asked->said->answered == 0 || asked->dup || !asked_has_decision(asked)) return true;
    if (asked->order.type == MESSAGE_RECON_DAY)
        return pb_get(said, 5) == answer->counts[0] && pb_get(said, 6) == answer->counts[1];
    for (uint32_t i = 0; asked->order.type == MESSAGE_RECON_LIST && i < 6; i++) {
        if (pb_get(said, 5 + i) != answer->counts[i]) return false;
    }
    return true;
}

static bool live_order(struct asked *asked, const struct decided *at, struct finding *finding)
{
    uint64_t upto[EVIDENCE_SHARDS_MAX] = {0};
    const struct order_row *row = &at->order;
    struct desk_answer answer = {0};
    struct desk_view view = places_view(upto, row->at_ms);
    if (!read_confirms(asked, at, &view, finding)) return false;
    if (!find_view(asked, at, &view, upto, &answer)) {
        return finding_set(finding,
                           "(H9) shard 0, seq %" PRIu64
                           ": type %04x, msgid %s, was taken where the model answers %u%s",
                           at->seq, row->type, row->msgid, answer.code, answer.dup ? " again" : "");
    }
    answer = desk_ask(walk.model, &asked->order, &view, true);
    if (at->answered == UINT64_MAX || counts_agree(asked, &answer)) return true;
    return finding_set(finding,
                       "(H9) shard 0, seq %" PRIu64 ": type %04x, msgid %s, was told other counts "
                       "than the model's",
                       at->seq, row->type, row->msgid);
}

/* The list that the desk has put together of two parts; the first is one of those that were sent
 * with the same head. */
static bool live_parts(const struct asked *second, const struct decided *at,
                       struct finding *finding)
{
    const struct order *order = &second->order;
    uint64_t upto[EVIDENCE_SHARDS_MAX] = {0};
    bool good = false, found = false;
    for (uint32_t i = 0; i < walk.count && !found; i++) {
        const struct order *first = &walk.list[i].order;
        struct desk_answer answer;
        if (!walk.list[i].formed || first->type != MESSAGE_RECON_LIST || first->part != 1 ||
            first->parts != order->parts || first->day != order->day ||
            first->payer != order->payer || first->payee != order->payee ||
            first->acting != order->acting || (first->sender == 0) != (order->sender == 0)) {
            continue;
        }
        struct asked whole = *second;
        const uint32_t count = first->row_count + order->row_count;
        whole.order.items = calloc(count + 1, sizeof *whole.order.items);
        ENSURE(whole.order.items != NULL);
        whole.order.row_count = count;
        for (uint32_t k = 0; k < count; k++)
            whole.order.items[k] =
                k < first->row_count ? first->items[k] : order->items[k - first->row_count];
        const struct desk_view view = places_view(upto, at->order.at_ms);
        found = find_view(&whole, at, &view, upto, &answer) &&
                (at->answered == UINT64_MAX || counts_agree(&whole, &answer));
        if (found) good = live_order(&whole, at, finding);
        free(whole.order.items);
    }
    if (found) return good;
    return finding_set(
        finding, "(H9) shard 0, seq %" PRIu64 ": a list in parts that does not begin", at->seq);
}

/* A cut is the operator's, or that of a start which goes on with it. */
static bool live_cut(const struct decided *at, struct finding *finding)
{
    struct sim_said nobody = {.sent = 1};
    struct batch_row batch;
    struct asked cut = {.said = &nobody};
    if (row_in(at->rows, ROW_BATCH, 0, &batch) == NULL) {
        return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": a cut without a batch",
                           at->seq);
    }
    cut.order = (struct order){
        .type = MESSAGE_PERIOD_CUT,
        .acting = PROVINCE_CENTRE,
        .payer = PROVINCE_CENTRE,
        .payee = PROVINCE_CENTRE,
        .period = batch.period,
        .hash = at->order.hash,
    };
    memcpy(cut.order.msgid, at->order.msgid, sizeof cut.order.msgid);
    return live_order(&cut, at, finding);
}

/* The shards have closed a year before its decision stands. */
static bool live_year_close(struct asked *asked, const struct decided *at, struct finding *finding)
{
    const uint32_t closed_year = walk.closed_year;
    if (asked->order.period <= closed_year) walk.closed_year = asked->order.period - 1;
    const bool good = live_order(asked, at, finding);
    walk.closed_year = closed_year;
    return good;
}

static bool live_at(struct asked *asker, const struct decided *at, struct finding *finding)
{
    switch (at->order.type) {
    case MESSAGE_PERIOD_CUT:
        return live_cut(at, finding);
    case MESSAGE_YEAR_CLOSE:
        return live_year_close(asker, at, finding);
    default:
        return asked_in_parts(asker) ? live_parts(asker, at, finding)
                                     : live_order(asker, at, finding);
    }
}

static bool names_wallets(const struct decided *at)
{
    struct recon_row row;
    for (uint32_t n = 0;
         at->order.type == MESSAGE_RECON_LIST && row_in(at->rows, ROW_RECON, n, &row) != NULL;
         n++) {
        if (row.cell.line >= LINE_WALLET_CARE) return true;
    }
    return false;
}

bool decision_live(struct bytes rows, const struct entry *entry, struct finding *finding)
{
    struct decided at = {.rows = rows, .seq = entry->seq};
    if (row_in(rows, ROW_ORDER, 0, &at.order) == NULL) {
        return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": a decision without its order",
                           at.seq);
    }
    struct asked *asker = asked_by(&at.order, at.seq, &at.answered);
    if (asker == NULL && at.order.type != MESSAGE_PERIOD_CUT) {
        return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": order %s that nobody sent",
                           at.seq, at.order.msgid);
    }
    if (at.answered == UINT64_MAX) at.answered = asked_answered_behind(at.seq);
    /* A start finishes a cut by an order of its own, which reads like any without a name: whose it
     * was is not known. */
    if (asker != NULL && at.order.type != MESSAGE_PERIOD_CUT) asked_close_behind(asker, at.seq);
    const int64_t at_ms = at.order.at_ms;
    /* On a system's clock it may have waited for room, on a full disk for long, while shard 0 went
     * on with what was due; and the shards cut a month or close a year, and go on, before its
     * decision is written. */
    const bool closes = at.order.type == MESSAGE_YEAR_CLOSE || at.order.type == MESSAGE_PERIOD_CUT;
    const int64_t since_ms = walk.manual_clock ? walk.clock_ms
                             : closes          ? walk.shut_ms
                                               : walk.from_ms;
    if (walk.manual_clock ? at_ms != since_ms : at_ms < since_ms || at_ms > entry->stamp_ms) {
        return finding_set(finding,
                           "(H9) shard 0, seq %" PRIu64 ": decided at %" PRId64
                           ", when the clock stood at %" PRId64,
                           at.seq, at_ms, since_ms);
    }
    walk.ended = names_wallets(&at);
    if (walk.ended) return true;
    if (!live_at(asker, &at, finding)) return false;
    if (cycle_apply(walk.cycle, rows) == 0)
        return rows_agree(walk.cycle, walk.model, rows, at.seq, finding);
    return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": rows that are none", at.seq);
}
