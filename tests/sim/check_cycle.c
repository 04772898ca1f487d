#include "tests/sim/check_cycle.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/cycle.h"
#include "cycle/calendar.h"
#include "cycle/parts.h"
#include "deploy/embedded_tables.h"
#include "shard.h"
#include "tests/model/desk_model.h"
#include "tests/sim/check_lists.h"
#include "tests/sim/check_settlements.h"
#include "tests/sim/cycle_rows.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"
#include "util/le.h"

#define PLACES_MAX 64 /* Of one shard that make a difference to an order. */
#define TRIES_MAX  20000

/* The places of a shard's journal at which what an order asks for may have been looked at. */
struct places {
    uint64_t at[EVIDENCE_SHARDS_MAX][PLACES_MAX];
    uint32_t count[EVIDENCE_SHARDS_MAX];
    bool too_many;
};

/* One order as it was sent. */
struct asked {
    const struct sim_said *said;
    struct order order;
    bool formed;     /* It could be read. */
    bool open;       /* Its answer is still to be judged, at some place of shard 0: */
    uint64_t after;  /* behind that one, */
    uint64_t before; /* before that one. */
    uint32_t code;   /* What it was answered, */
    bool dup;
    struct bytes ref;
    struct places *places;   /* Of orders that look at records; malloc'ed. */
    struct desk_answer last; /* The model's latest word, for the finding. */
};

/* A decision of the journal. */
struct decided {
    struct bytes rows;
    uint64_t seq;      /* Its last entry. */
    uint64_t answered; /* When it was answered, UINT64_MAX: nobody knows. */
    struct order_row order;
};

static struct {
    const struct asks *asks;
    const struct evidence *evidence;
    bool manual_clock;
    struct desk_model *model;
    struct cycle *cycle; /* The engine's rows, as far as the walk has come. */
    struct asked *list;
    uint32_t count;
    uint32_t cut_through;
    uint32_t closed_year;
    uint64_t from;    /* The state is that behind this entry of shard 0, … */
    int64_t from_ms;  /* … which has this stamp. */
    int64_t clock_ms; /* Latest time on shard 0. */
    int64_t shut_ms;  /* When the shard last cut a month or closed a year. */
    bool ended;       /* A list named what wallets owe, which the model does not know by days. */
} c;

/* -- who asked ----------------------------------------------------------------------------------
 */

static bool is_order(uint16_t type)
{
    return order_type(type);
}

/* A list in parts is the desk's until the last of them has come: nothing of it is in the journal.
 */
static bool in_parts(const struct asked *asked)
{
    return asked->said->type == MESSAGE_RECON_LIST && asked->order.parts > 1;
}

static void read_answer(struct asked *asked)
{
    const struct sim_said *said = asked->said;
    asked->code = (uint32_t)pb_get(said->answer, 1);
    if (said->type == MESSAGE_PERIOD_CUT) {
        asked->dup = pb_get(said->answer, 3) != 0;
        asked->ref = pb_get_bytes(said->answer, 7);
    } else if (said->type != MESSAGE_YEAR_CLOSE) {
        asked->dup = pb_get(said->answer, 4) != 0;
        asked->ref = pb_get_bytes(said->answer, 5);
    }
}

/* Was accepted and has its decision: judged there. */
static bool has_decision(const struct asked *asked)
{
    const uint16_t type = asked->said->type;
    const bool accepted = asked->code == ERROR_OK ||
                          (type == MESSAGE_RECON_DAY && asked->code == ERROR_TOTALS_DIFFER);
    if (!accepted || asked->dup) return false;
    if (type == MESSAGE_PERIOD_CUT || type == MESSAGE_YEAR_CLOSE) return false;
    return type != MESSAGE_RECON_DAY || asked->order.row_count != 0;
}

static bool is_judged(const struct asked *asked)
{
    if (asked->code == ERROR_OVERLOAD || asked->code == ERROR_INTERNAL) return false;
    /* What the desk says of parts hangs on those it has at hand. */
    return !in_parts(asked) || (asked->code != ERROR_OK && asked->code != ERROR_WRONG_STATE);
}

/* A question is asked of the desk as an order is, and decides nothing. */
static void read_question(struct asked *asked)
{
    const struct sim_said *said = asked->said;
    asked->code = (uint32_t)pb_get(said->answer, 1);
    asked->formed = true;
    asked->open = list_is_plain(said) && said->answered != 0 &&
                  said->answer_type != MESSAGE_ERROR && is_judged(asked);
    if (asked->open)
        asks_window(c.asks, 0, said->sent, said->answered, &asked->after, &asked->before);
}

static void read_asked(struct asked *asked, const struct sim_said *said)
{
    const char *field;
    *asked = (struct asked){.said = said, .before = UINT64_MAX};
    if (is_list(said->type)) {
        read_question(asked);
        return;
    }
    asked->formed = order_decode(said->type, said->province, said->body, &asked->order, &field);
    if (said->answered == 0 || said->answer_type == MESSAGE_ERROR) return;
    read_answer(asked);
    asked->open = asked->formed && is_judged(asked) && !has_decision(asked);
    asks_window(c.asks, 0, said->sent, said->answered, &asked->after, &asked->before);
}

static void read_all(struct sim_history *history)
{
    const uint32_t rows = sim_history_count(history);
    c.list = calloc(rows + 1, sizeof *c.list);
    ENSURE(c.list != NULL);
    c.count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (is_order(said->type) || is_list(said->type)) read_asked(&c.list[c.count++], said);
    }
}

/* -- what an order may have seen of the shards ---------------------------------------------------
 */

static bool same_ref(const struct record_ref *a, const struct record_ref *b)
{
    return a->insu_admdvs == b->insu_admdvs && a->size == b->size &&
           memcmp(a->setl_id, b->setl_id, sizeof a->setl_id) == 0;
}

/* Does the order look at that record? */
static bool looks_at(const struct order *order, const struct record_facts *facts)
{
    const struct cell_key cell = desk_cell(facts);
    switch (order->type) {
    case MESSAGE_RECOVERY:
    case MESSAGE_DISPUTE_OPEN:
        return same_ref(&order->ref, &facts->ref);
    case MESSAGE_CLR_CONFIRM:
        for (uint32_t i = 0; i < order->row_count; i++) {
            if (same_ref(&order->confirms[i].ref, &facts->ref)) return true;
        }
        return false;
    case MESSAGE_RECON_DAY:
        for (uint32_t i = 0; i < order->row_count; i++) {
            struct cell_key its = order->totals[i].cell;
            its.period = order->period;
            if (memcmp(&its, &cell, sizeof cell) == 0) return true;
        }
        return false;
    case MESSAGE_RECON_LIST:
        return facts->day == order->day && facts->payer == order->payer &&
               facts->payee == order->payee;
    default:
        return false;
    }
}

static void add_place(struct places *places, uint32_t shard, uint64_t seq)
{
    uint32_t *count = &places->count[shard];
    for (uint32_t i = 0; i < *count; i++) {
        if (places->at[shard][i] == seq) return;
    }
    if (*count == PLACES_MAX)
        places->too_many = true;
    else
        places->at[shard][(*count)++] = seq;
}

/* `decided`: before that entry of shard 0; 0: not known. */
static struct places *find_places(const struct asked *asked, uint64_t answered, uint64_t decided)
{
    struct places *places = calloc(1, sizeof *places);
    uint64_t low[EVIDENCE_SHARDS_MAX], high[EVIDENCE_SHARDS_MAX];
    ENSURE(places != NULL);
    for (uint32_t s = 0; s < c.evidence->shards; s++) {
        asks_window(c.asks, s, asked->said->sent, answered, &low[s], &high[s]);
        if (s == 0 && decided != 0 && decided < high[s]) high[s] = decided;
        high[s]--;
        add_place(places, s, high[s]);
        add_place(places, s, low[s]);
    }
    for (uint32_t i = 0; i < c.model->records.count; i++) {
        const struct desk_record *record = &c.model->records.list[i];
        const uint32_t s = record->facts.shard;
        const uint64_t at[] = {record->facts.seq, record->taken_back};
        if (!looks_at(&asked->order, &record->facts)) continue;
        for (int k = 0; k < 2; k++) {
            if (at[k] > low[s] && at[k] <= high[s]) add_place(places, s, at[k]);
        }
    }
    return places;
}

/* The n-th combination of places; false behind the last. */
static bool take_places(const struct places *places, uint32_t n, uint64_t ret_upto[])
{
    for (uint32_t s = 0; s < c.evidence->shards; s++) {
        ret_upto[s] = places->at[s][n % places->count[s]];
        n /= places->count[s];
    }
    return n == 0;
}

/* -- answers ------------------------------------------------------------------------------------
 */

static struct desk_view view_at(const uint64_t *upto, int64_t now_ms)
{
    return (struct desk_view){
        .upto = upto,
        .cut_through = c.cut_through,
        .closed_year = c.closed_year,
        .now_ms = now_ms,
    };
}

static bool says_the_same(struct asked *asked, const struct desk_view *view)
{
    const struct desk_answer answer = desk_ask(c.model, &asked->order, view, false);
    asked->last = answer;
    if (answer.code != asked->code) return false;
    if (answer.code != ERROR_OK && !asked->dup) return true;
    if (asked->said->type == MESSAGE_YEAR_CLOSE) return true;
    /* A list or a confirmation has no name of its own in its answer. */
    return answer.dup == asked->dup &&
           (!asked->dup || bytes_equal(bytes_of(answer.ref), asked->ref));
}

/* The order's clock at this place: one of these. */
static uint32_t times_of(const struct asked *asked, int64_t until_ms, int64_t out[4])
{
    const struct sim_said *said = asked->said;
    uint32_t count = 0;
    out[count++] = c.clock_ms;
    if (c.manual_clock) return count;
    out[count++] = said->sent_ms > c.clock_ms ? said->sent_ms : c.clock_ms;
    out[count++] = said->answered_ms > c.clock_ms ? said->answered_ms : c.clock_ms;
    out[count++] = until_ms;
    return count;
}

static bool judge_here(struct asked *asked, int64_t until_ms)
{
    int64_t times[4];
    uint64_t upto[EVIDENCE_SHARDS_MAX];
    const uint32_t count = times_of(asked, until_ms, times);
    for (uint32_t t = 0; is_list(asked->said->type) && t < count; t++) {
        if (list_is(c.model, asked->said, times[t])) return true;
    }
    if (is_list(asked->said->type)) return false;
    if (asked->places == NULL) asked->places = find_places(asked, asked->said->answered, 0);
    bool more = true;
    for (uint32_t n = 0; more && n < TRIES_MAX; n++) {
        more = take_places(asked->places, n, upto);
        if (!more) break;
        for (uint32_t t = 0; t < count; t++) {
            const struct desk_view view = view_at(upto, times[t]);
            if (says_the_same(asked, &view)) return true;
        }
    }
    return more || asked->places->too_many;
}

static bool never_said(const struct asked *asked, struct finding *finding)
{
    const struct bytes msgid = pb_get_bytes(asked->said->body, 1);
    return finding_set(finding,
                       "(H9) type %04x, msgid %.*s, sent as %" PRIu64
                       ", was answered %u%s, and nowhere between seq %" PRIu64 " and %" PRIu64
                       " of shard 0 the model says so (%u%s %s)",
                       asked->said->type, (int)msgid.size, (const char *)msgid.data,
                       asked->said->sent, asked->code, asked->dup ? " again" : "", asked->after,
                       asked->before, asked->last.code, asked->last.dup ? " again" : "",
                       asked->last.ref);
}

/* Everything that may have been answered in this state, which lasts until before entry `until`. */
static void judge_open(uint64_t until, int64_t until_ms)
{
    for (uint32_t i = 0; i < c.count; i++) {
        struct asked *asked = &c.list[i];
        if (!asked->open || asked->after >= until || asked->before <= c.from) continue;
        asked->open = !judge_here(asked, until_ms);
    }
}

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

static bool asks_for(const struct asked *asked, const struct order_row *row)
{
    const struct order *order = &asked->order;
    return asked->formed && order->sender == row->province && order->type == row->type &&
           order->hash == row->hash &&
           (row->type == MESSAGE_PERIOD_CUT ||
            memcmp(order->msgid, row->msgid, sizeof row->msgid) == 0);
}

/* Who asked for it: of equal ones the one that was told so; else nobody knows which of them, and it
 * is the first one, without an end. NULL: nobody. */
static struct asked *asker_of(const struct order_row *row, uint64_t *ret_answered)
{
    struct asked *first = NULL;
    *ret_answered = UINT64_MAX;
    for (uint32_t i = 0; i < c.count; i++) {
        struct asked *asked = &c.list[i];
        if (!asks_for(asked, row)) continue;
        if (asked->said->answered != 0 && asked->said->answer_type != MESSAGE_ERROR &&
            has_decision(asked)) {
            *ret_answered = asked->said->answered;
            return asked;
        }
        if (first == NULL) first = asked;
    }
    return first;
}

/* What was answered before this was sent was decided before it. */
static void close_behind(const struct asked *decided, uint64_t seq)
{
    for (uint32_t i = 0; i < c.count; i++) {
        struct asked *asked = &c.list[i];
        if (asked->open && asked->said->answered < decided->said->sent && asked->before > seq)
            asked->before = seq;
    }
}

/* Is each exception's record the only one under its id, as they are looked at? One with the same id
 * may come to another shard at that time: the answer hangs on which of them is there. */
static bool exceptions_fit(struct bytes rows, const struct desk_view *view)
{
    struct exception_row row;
    for (uint32_t n = 0; row_in(rows, ROW_EXCEPTION, n, &row) != NULL; n++) {
        for (uint32_t i = 0; i < c.model->records.count; i++) {
            const struct record_facts *facts = &c.model->records.list[i].facts;
            const bool meant = facts->seq == row.record.seq && facts->shard == row.record.shard;
            const bool there = facts->seq <= view->upto[facts->shard];
            if (same_ref(&facts->ref, &row.ref) && there != meant) return false;
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
        if (!put && desk_ask(c.model, &question, view, false).code == ERROR_OK) return false;
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
        for (uint32_t i = 0; i < c.model->records.count; i++) {
            const struct desk_record *record = &c.model->records.list[i];
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
    for (uint32_t i = 0; order->type == MESSAGE_RECON_LIST && i < c.model->records.count; i++) {
        const struct desk_record *record = &c.model->records.list[i];
        there += looks_at(order, &record->facts) && desk_stands(view, record);
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
    struct places *places = find_places(&question, at->answered, at->seq);
    uint64_t upto[EVIDENCE_SHARDS_MAX];
    bool more = true, good = false;
    for (uint32_t n = 0; !good && n < TRIES_MAX; n++) {
        uint64_t count = 0, checksum = 0;
        more = take_places(places, n, upto);
        if (!more) break;
        const struct desk_view view = view_at(upto, 0);
        for (uint32_t i = 0; i < c.model->records.count; i++) {
            const struct desk_record *record = &c.model->records.list[i];
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
        desk_batch_of(c.model, asked->order.period) != NULL) {
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
    for (uint32_t i = 0; i < c.model->records.count; i++) {
        const struct desk_record *record = &c.model->records.list[i];
        struct confirm_row row = {.cell = desk_cell(&record->facts)};
        bool named = false;
        if (!desk_names(&asked->order, &row.cell)) continue;
        for (uint32_t k = 0; k < view->confirm_count && !named; k++)
            named = memcmp(&confirms[k].cell, &row.cell, sizeof row.cell) == 0;
        const struct confirm_row *before = cycle_find(c.cycle, ROW_CONFIRM, &row.cell);
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
    struct places *places = find_places(asked, at->answered, at->seq);
    bool good = false;
    for (uint32_t n = 0; !good && n < TRIES_MAX && take_places(places, n, upto); n++) {
        *ret_answer = desk_ask(c.model, &asked->order, view, false);
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
    if (asked->said->answered == 0 || asked->dup || !has_decision(asked)) return true;
    if (asked->order.type == MESSAGE_RECON_DAY)
        return pb_get(said, 5) == answer->counts[0] && pb_get(said, 6) == answer->counts[1];
    for (uint32_t i = 0; asked->order.type == MESSAGE_RECON_LIST && i < 6; i++) {
        if (pb_get(said, 5 + i) != answer->counts[i]) return false;
    }
    return true;
}

static bool live_order(struct asked *asked, const struct decided *at, struct finding *finding)
{
    uint64_t upto[EVIDENCE_SHARDS_MAX];
    const struct order_row *row = &at->order;
    struct desk_answer answer = {0};
    struct desk_view view = view_at(upto, row->at_ms);
    if (!read_confirms(asked, at, &view, finding)) return false;
    if (!find_view(asked, at, &view, upto, &answer)) {
        return finding_set(finding,
                           "(H9) shard 0, seq %" PRIu64
                           ": type %04x, msgid %s, was taken where the model answers %u%s",
                           at->seq, row->type, row->msgid, answer.code, answer.dup ? " again" : "");
    }
    answer = desk_ask(c.model, &asked->order, &view, true);
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
    uint64_t upto[EVIDENCE_SHARDS_MAX];
    bool good = false, found = false;
    for (uint32_t i = 0; i < c.count && !found; i++) {
        const struct order *first = &c.list[i].order;
        struct desk_answer answer;
        if (!c.list[i].formed || first->type != MESSAGE_RECON_LIST || first->part != 1 ||
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
        const struct desk_view view = view_at(upto, at->order.at_ms);
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
    const uint32_t closed_year = c.closed_year;
    if (asked->order.period <= closed_year) c.closed_year = asked->order.period - 1;
    const bool good = live_order(asked, at, finding);
    c.closed_year = closed_year;
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
        return in_parts(asker) ? live_parts(asker, at, finding) : live_order(asker, at, finding);
    }
}

/* The desk does one after the other: whatever it had decided behind that entry and answered, it had
 * decided this before. UINT64_MAX: nothing. */
static uint64_t answered_behind(uint64_t seq)
{
    uint64_t earliest = UINT64_MAX;
    for (uint32_t i = 0; i < c.count; i++) {
        const struct sim_said *said = c.list[i].said;
        if (said->type >> 8 != 4 || said->type == MESSAGE_PERIOD_CUT ||
            said->type == MESSAGE_YEAR_CLOSE || said->answered == 0 ||
            said->answer_type == MESSAGE_ERROR || c.list[i].code != ERROR_OK) {
            continue;
        }
        if (pb_get(said->answer, 6) > seq && said->answered < earliest) earliest = said->answered;
    }
    return earliest;
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

/* A decision that is whole: whose, and does the model come to the same? */
static bool live_decision(struct bytes rows, const struct entry *entry, struct finding *finding)
{
    struct decided at = {.rows = rows, .seq = entry->seq};
    if (row_in(rows, ROW_ORDER, 0, &at.order) == NULL) {
        return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": a decision without its order",
                           at.seq);
    }
    struct asked *asker = asker_of(&at.order, &at.answered);
    if (asker == NULL && at.order.type != MESSAGE_PERIOD_CUT) {
        return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": order %s that nobody sent",
                           at.seq, at.order.msgid);
    }
    if (at.answered == UINT64_MAX) at.answered = answered_behind(at.seq);
    if (asker != NULL) close_behind(asker, at.seq);
    const int64_t at_ms = at.order.at_ms;
    /* On a system's clock it may have waited for room, on a full disk for long, while shard 0 went
     * on with what was due; and the shards cut a month or close a year, and go on, before its
     * decision is written. */
    const bool closes = at.order.type == MESSAGE_YEAR_CLOSE || at.order.type == MESSAGE_PERIOD_CUT;
    const int64_t since_ms = c.manual_clock ? c.clock_ms : closes ? c.shut_ms : c.from_ms;
    if (c.manual_clock ? at_ms != since_ms : at_ms < since_ms || at_ms > entry->stamp_ms) {
        return finding_set(finding,
                           "(H9) shard 0, seq %" PRIu64 ": decided at %" PRId64
                           ", when the clock stood at %" PRId64,
                           at.seq, at_ms, since_ms);
    }
    c.ended = names_wallets(&at);
    if (c.ended) return true;
    if (!live_at(asker, &at, finding)) return false;
    if (cycle_apply(c.cycle, rows) == 0) return rows_agree(c.cycle, c.model, rows, at.seq, finding);
    return finding_set(finding, "(H9) shard 0, seq %" PRIu64 ": rows that are none", at.seq);
}

/* -- the walk -----------------------------------------------------------------------------------
 */

static bool live(struct finding *finding)
{
    const struct evidence_shard *shard = &c.evidence->shard[0];
    struct parts_reader reader;
    bool good = true;
    parts_reader_init(&reader);
    for (uint64_t i = 0; i < shard->count && good && !c.ended; i++) {
        const struct entry *entry = &shard->entries[i];
        struct bytes rows;
        if (entry->kind == ENTRY_CYCLE) {
            const int taken = parts_take(&reader, entry->body, &rows);
            ENSURE(taken >= 0);
            if (taken == 0) continue;
        } else if (entry->kind < ENTRY_CUT || entry->kind > ENTRY_YEAR_CLOSE) {
            if (!c.manual_clock) c.clock_ms = entry->stamp_ms;
            continue;
        }
        judge_open(entry->seq, entry->stamp_ms);
        if (entry->kind == ENTRY_CYCLE) good = live_decision(rows, entry, finding);
        if (entry->kind != ENTRY_CYCLE) c.shut_ms = entry->stamp_ms;
        if (entry->kind == ENTRY_CUT) c.cut_through = entry->period;
        if (entry->kind == ENTRY_YEAR_CLOSE) c.closed_year = entry->period / 100;
        c.from = entry->seq;
        c.clock_ms = c.from_ms = entry->stamp_ms;
    }
    parts_reader_free(&reader);
    if (good && !c.ended) judge_open(UINT64_MAX, c.clock_ms);
    return good;
}

static bool judge_rest(struct finding *finding)
{
    for (uint32_t i = 0; i < c.count; i++) {
        struct asked *asked = &c.list[i];
        const bool answered =
            asked->said->answered != 0 && asked->said->answer_type != MESSAGE_ERROR;
        if (asked->open) return never_said(asked, finding);
        if (!answered || !is_judged(asked)) continue;
        /* Some are the centre's alone: who else sends them is told so before they are read. */
        if (asked->formed || asked->code == ERROR_MALFORMED ||
            (asked->said->province != 0 && asked->code == ERROR_SENDER_NOT_ALLOWED)) {
            continue;
        }
        return finding_set(finding, "(H9) what is no message of type %04x was answered %u",
                           asked->said->type, asked->code);
    }
    return true;
}

/* -- everything ---------------------------------------------------------------------------------
 */

static void begin(struct sim_history *history)
{
    static struct calendar calendar;
    char why[256];
    uint32_t count;
    struct setting_values first;
    c.model = desk_model_new();
    for (size_t i = 0; i < embedded_table_count; i++) {
        const struct bytes text = {embedded_tables[i].data, embedded_tables[i].size};
        if (strcmp(embedded_tables[i].name, "calendar.csv") == 0)
            ENSURE(calendar_load(&calendar, text, why, sizeof why));
    }
    for (uint32_t i = 0; i < calendar.count; i++)
        desk_add_day(c.model, calendar.list[i].day, calendar.list[i].working != 0);
    const struct desk_record *records = settlement_records(&count);
    for (uint32_t i = 0; i < count; i++)
        desk_add_record(c.model, &records[i]);
    for (uint32_t i = 0; i < c.evidence->months.cell_count; i++) {
        const struct cell *cell = &c.evidence->months.cells[i];
        if (cell->key.line < LINE_WALLET_CARE || months_cell_empty(cell)) continue;
        struct desk_record wallets = {
            .facts = {.period = cell->key.period,
                      .payer = cell->key.payer,
                      .payee = cell->key.payee,
                      .line = cell->key.line,
                      .insurance = cell->key.insurance,
                      .medfee = cell->medfee_sum,
                      .content_hash = cell->checksum},
            .count = cell->count,
        };
        memcpy(wallets.facts.funds, cell->balance[ACCOUNT_COST], sizeof wallets.facts.funds);
        desk_add_record(c.model, &wallets);
    }
    settings_init(&first);
    c.cycle = cycle_new(&calendar, &first);
    ENSURE(c.cycle != NULL);
    c.cut_through = c.closed_year = 0;
    c.from = 0;
    c.from_ms = 0;
    c.shut_ms = 0;
    c.ended = false;
    c.clock_ms = c.manual_clock ? MANUAL_CLOCK_START_MS : 0;
    read_all(history);
}

static void end(void)
{
    for (uint32_t i = 0; i < c.count; i++) {
        if (c.list[i].formed) order_free(&c.list[i].order);
        free(c.list[i].places);
    }
    free(c.list);
    cycle_free(c.cycle);
    desk_model_free(c.model);
}

bool judge_cycle(const struct asks *asks, const struct evidence *evidence,
                 struct sim_history *history, bool manual_clock, struct finding *finding)
{
    c.asks = asks;
    c.evidence = evidence;
    c.manual_clock = manual_clock;
    begin(history);
    const bool good = live(finding) &&
                      (c.ended || (judge_rest(finding) && ends_agree(c.cycle, c.model, finding)));
    end();
    return good;
}
