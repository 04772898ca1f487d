/* answers_months -- what is told of months: their sums, who owes whom in them, their cells, and
 * what falls due. What shards add to an answer is searched for among the places at which they may
 * have been looked at (lived_months.h). */
#include <stdlib.h>

#include "tests/sim/cycle_walk.h"
#include "tests/sim/desk_questions.h"
#include "tests/sim/lived_months.h"
#include "tools/verify/months.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

#define ANSWER_MAX (1u << 20)
#define MONTHS_MAX 64
#define DOUBTS_MAX \
    6 /* Months of which nobody knows whether they were seen, looked at in all ways. */

/* The question at hand and the time it is judged at. */
struct asking {
    const struct desk_question *q;
    int64_t now_ms;
};

static struct pb begin(void)
{
    static uint8_t room[ANSWER_MAX];
    return (struct pb){room, 0, sizeof room};
}

static bool is_answer(const struct asking *a, const struct pb *pb)
{
    return bytes_equal(a->q->said->answer, (struct bytes){pb->data, pb->size});
}

static bool search(const struct asking *a, uint32_t period,
                   uint64_t (*mark)(const struct month_cell *, const void *), uint64_t want,
                   bool (*is)(const struct month_cell *, uint32_t, const void *))
{
    const struct month_search all = {
        .asks = walk.asks,
        .said = a->q->said,
        .period = period,
        .mark = mark,
        .want = want,
        .is = is,
        .of = a,
    };
    return months_search(&all);
}

static int64_t fund_money(const int64_t *funds)
{
    return desk_sum(funds) - funds[FUND_ACCOUNT];
}

/* The mark of figures under one name. */
static uint64_t mark_of(uint64_t name, const int64_t *figures, uint32_t count)
{
    uint64_t mark = 0;
    for (uint32_t i = 0; i < count; i++)
        mark += (uint64_t)figures[i] * months_weight(name, i);
    return mark;
}

static const char *month_state(uint32_t period)
{
    return period <= walk.cut_through ? "CUT" : "OPEN";
}

/* What each pair has in a month. */
static void add_totals(const struct month_cell *cells, uint32_t count, uint32_t period,
                       desk_pairs totals)
{
    memset(totals, 0, sizeof(desk_pairs));
    for (uint32_t i = 0; i < count; i++) {
        struct desk_total *total = &totals[cells[i].key.payer][cells[i].key.payee];
        if (cells[i].key.period != period) continue;
        total->count += (uint64_t)cells[i].count;
        for (int fund = 0; fund < FUND_COUNT; fund++)
            total->funds[fund] += cells[i].funds[fund];
    }
}

static int64_t total_in(desk_pairs totals, enum desk_mode mode)
{
    static struct desk_payments payments;
    desk_pay_out(totals, mode, &payments);
    return payments.total;
}

/* -- PeriodList ----------------------------------------------------------------------------------
 */

static uint64_t period_mark(const struct month_cell *cell, const void *of)
{
    const int64_t figures[] = {cell->count,  cell->refunds,           cell->late,
                               cell->medfee, fund_money(cell->funds), cell->funds[FUND_ACCOUNT]};
    (void)of;
    return mark_of(cell->key.period, figures, 6);
}

static uint64_t periods_told(struct bytes answer)
{
    struct pb_field field;
    uint64_t mark = 0;
    while (pb_next(&answer, &field)) {
        if (field.number != 3) continue;
        const struct bytes row = field.bytes;
        const int64_t figures[] = {(int64_t)pb_get(row, 3), (int64_t)pb_get(row, 4),
                                   (int64_t)pb_get(row, 5), pb_get_fen(row, 6),
                                   pb_get_fen(row, 7),      pb_get_fen(row, 8)};
        mark += mark_of(pb_get(row, 1), figures, 6);
    }
    return mark;
}

static void write_period(struct pb *pb, const struct month *month, desk_pairs totals)
{
    struct pb row = answer_row();
    pb_put(&row, 1, month->period);
    pb_text(&row, 2, month_state(month->period));
    pb_put(&row, 3, month->count);
    pb_put(&row, 4, month->refunds);
    pb_put(&row, 5, month->late);
    pb_fen(&row, 6, month->medfee);
    pb_fen(&row, 7, month->fund);
    pb_fen(&row, 8, month->account);
    pb_fen(&row, 9, total_in(totals, DESK_GROSS));
    pb_fen(&row, 10, total_in(totals, DESK_BILATERAL));
    pb_fen(&row, 11, total_in(totals, DESK_MULTILATERAL));
    pb_bytes(&row, 12, (struct bytes){month->digest, sizeof month->digest});
    pb_bytes(pb, 3, (struct bytes){row.data, row.size});
}

/* The digests are verify's, which makes them by a hand of its own. */
static bool is_period_list(const struct month_cell *cells, uint32_t count, const void *of)
{
    static desk_pairs totals;
    struct months months = {.cells = calloc(count + 1, sizeof *months.cells), .cell_count = count};
    struct finding finding = {0};
    struct pb pb = begin();
    ENSURE(months.cells != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct cell *cell = &months.cells[i];
        cell->key = cells[i].key;
        cell->count = (uint64_t)cells[i].count;
        cell->refund_count = (uint64_t)cells[i].refunds;
        cell->late_count = (uint64_t)cells[i].late;
        cell->medfee_sum = cells[i].medfee;
        cell->checksum = cells[i].checksum;
        memcpy(cell->balance[ACCOUNT_COST], cells[i].funds, sizeof cells[i].funds);
    }
    ENSURE(months_finish(&months, &finding));
    for (uint32_t i = 0; i < months.count; i++) {
        add_totals(cells, count, months.list[i].period, totals);
        write_period(&pb, &months.list[i], totals);
    }
    months_done(&months);
    pb_put(&pb, 4, walk.closed_year);
    return is_answer(of, &pb);
}

bool judge_periods(const struct desk_question *q, int64_t now_ms)
{
    const struct asking asking = {q, now_ms};
    return search(&asking, 0, period_mark, periods_told(q->said->answer), is_period_list);
}

/* -- NetReport -----------------------------------------------------------------------------------
 */

#define OWES 0 /* The figures of a province. */
#define GETS 1

static uint64_t net_mark(const struct month_cell *cell, const void *of)
{
    const uint64_t amount = (uint64_t)desk_sum(cell->funds);
    (void)of;
    return amount * months_weight(answer_province(cell->key.payer), OWES) +
           amount * months_weight(answer_province(cell->key.payee), GETS);
}

static uint64_t net_told(struct bytes answer)
{
    struct pb_field field;
    uint64_t mark = 0;
    while (pb_next(&answer, &field)) {
        if (field.number != 12) continue;
        const int64_t figures[] = {pb_get_fen(field.bytes, 2), pb_get_fen(field.bytes, 3)};
        mark += mark_of(pb_get(field.bytes, 1), figures, 2);
    }
    return mark;
}

static const char *const modes[] = {"gross", "bilateral", "multilateral", "multilateral-direct"};

/* The mode that is asked for; the one that is payable, when none is; -1: no mode. */
static int mode_asked(const struct asking *a)
{
    const char *name = a->q->request.mode;
    int mode = 0;
    if (name[0] == '\0') return (int)desk_setting(walk.model, SETTING_PAYABLE_MODE, a->now_ms);
    while (mode < 4 && strcmp(modes[mode], name) != 0)
        mode++;
    return mode < 4 ? mode : -1;
}

/* What the mode saves against paying everything, in basis points. */
static uint64_t saved_bp(int64_t gross, int64_t total)
{
    if (gross <= 0 || total >= gross) return 0;
    return total <= 0 ? 10000 : (uint64_t)((gross - total) * 10000 / gross);
}

static bool is_net_report(const struct month_cell *cells, uint32_t count, const void *of)
{
    static desk_pairs totals;
    static struct desk_payments payments;
    const struct asking *a = of;
    const uint32_t period = a->q->request.period;
    const enum desk_mode mode = (enum desk_mode)mode_asked(a);
    struct pb pb = begin();
    add_totals(cells, count, period, totals);
    desk_pay_out(totals, mode, &payments);
    pb_put(&pb, 3, period);
    pb_text(&pb, 4, month_state(period));
    pb_text(&pb, 5, modes[mode]);
    for (uint32_t i = 0; i < payments.count; i++) {
        struct pb row = answer_row();
        answer_payment(&row, &payments.list[i]);
        pb_bytes(&pb, 6, (struct bytes){row.data, row.size});
    }
    const int64_t gross = total_in(totals, DESK_GROSS);
    pb_fen(&pb, 7, gross);
    pb_fen(&pb, 8, total_in(totals, DESK_BILATERAL));
    pb_fen(&pb, 9, total_in(totals, DESK_MULTILATERAL));
    pb_put(&pb, 10, saved_bp(gross, payments.total));
    pb_text(&pb, 11, modes[desk_setting(walk.model, SETTING_PAYABLE_MODE, a->now_ms)]);
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        struct pb row = answer_row();
        answer_position(&row, totals, p);
        pb_bytes(&pb, 12, (struct bytes){row.data, row.size});
    }
    return is_answer(a, &pb);
}

bool judge_net(const struct desk_question *q, int64_t now_ms)
{
    const struct asking asking = {q, now_ms};
    if (mode_asked(&asking) < 0) return reply_code(q->said->answer) == ERROR_MALFORMED;
    return search(&asking, q->request.period, net_mark, net_told(q->said->answer), is_net_report);
}

/* -- PositionReport ------------------------------------------------------------------------------
 */

static uint64_t position_mark(const struct month_cell *cell, const void *of)
{
    const int64_t figures[] = {cell->count,
                               cell->funds[FUND_POOL],
                               cell->funds[FUND_ACCOUNT],
                               cell->funds[FUND_SUPPLEMENT],
                               cell->funds[FUND_ASSISTANCE],
                               cell->funds[FUND_OTHER]};
    const struct cell_key key = {0, (uint8_t)answer_province(cell->key.payer),
                                 (uint8_t)answer_province(cell->key.payee), cell->key.line, 0};
    (void)of;
    return mark_of(months_name(&key) ^ (uint64_t)answer_insutype(cell->key.insurance) << 32,
                   figures, 6);
}

static uint64_t positions_told(struct bytes answer)
{
    struct pb_field field;
    uint64_t mark = 0;
    while (pb_next(&answer, &field)) {
        if (field.number != 5) continue;
        const struct bytes row = field.bytes;
        const struct cell_key key = {0, (uint8_t)pb_get(row, 1), (uint8_t)pb_get(row, 2),
                                     (uint8_t)pb_get(row, 3), 0};
        const int64_t figures[] = {(int64_t)pb_get(row, 5), pb_get_fen(row, 9),
                                   pb_get_fen(row, 7),      pb_get_fen(row, 10),
                                   pb_get_fen(row, 11),     pb_get_fen(row, 12)};
        mark += mark_of(months_name(&key) ^ pb_get(row, 4) << 32, figures, 6);
    }
    return mark;
}

static bool is_position_report(const struct month_cell *cells, uint32_t count, const void *of)
{
    const struct asking *a = of;
    const uint32_t period = a->q->request.period;
    struct pb pb = begin();
    pb_put(&pb, 3, period);
    pb_text(&pb, 4, month_state(period));
    for (uint32_t i = 0; i < count; i++) {
        const struct month_cell *cell = &cells[i];
        struct pb row = answer_row();
        pb_put(&row, 1, answer_province(cell->key.payer));
        pb_put(&row, 2, answer_province(cell->key.payee));
        pb_put(&row, 3, cell->key.line);
        pb_put(&row, 4, answer_insutype(cell->key.insurance));
        pb_put(&row, 5, (uint64_t)cell->count);
        pb_fen(&row, 6, fund_money(cell->funds));
        pb_fen(&row, 7, cell->funds[FUND_ACCOUNT]);
        pb_fen(&row, 8, desk_sum(cell->funds));
        pb_fen(&row, 9, cell->funds[FUND_POOL]);
        pb_fen(&row, 10, cell->funds[FUND_SUPPLEMENT]);
        pb_fen(&row, 11, cell->funds[FUND_ASSISTANCE]);
        pb_fen(&row, 12, cell->funds[FUND_OTHER]);
        pb_bytes(&pb, 5, (struct bytes){row.data, row.size});
    }
    return is_answer(a, &pb);
}

bool judge_positions(const struct desk_question *q, int64_t now_ms)
{
    const struct asking asking = {q, now_ms};
    return search(&asking, q->request.period, position_mark, positions_told(q->said->answer),
                  is_position_report);
}

/* -- CellList ------------------------------------------------------------------------------------
 */

/* A page says too little to search by: then every combination is looked at. */
static bool is_paged(const struct query *query)
{
    return query->offset != 0 || query->limit != 0;
}

static uint64_t cell_mark(const struct month_cell *cell, const void *of)
{
    const struct asking *a = of;
    const struct cell_key key = {0, (uint8_t)answer_province(cell->key.payer),
                                 (uint8_t)answer_province(cell->key.payee), cell->key.line, 0};
    const int64_t figures[] = {cell->count, desk_sum(cell->funds)};
    if (is_paged(&a->q->query) ||
        !answer_concerns(&a->q->query, cell->key.payer, cell->key.payee)) {
        return 0;
    }
    return mark_of(months_name(&key) ^ (uint64_t)answer_insutype(cell->key.insurance) << 32,
                   figures, 2);
}

static uint64_t cells_told(const struct query *query, struct bytes answer)
{
    struct pb_field field;
    uint64_t mark = 0;
    while (pb_next(&answer, &field)) {
        if (field.number != 4 || is_paged(query)) continue;
        const struct bytes row = field.bytes;
        const struct cell_key key = {0, (uint8_t)pb_get(row, 1), (uint8_t)pb_get(row, 2),
                                     (uint8_t)pb_get(row, 3), 0};
        const int64_t figures[] = {(int64_t)pb_get(row, 5), pb_get_fen(row, 6)};
        mark += mark_of(months_name(&key) ^ pb_get(row, 4) << 32, figures, 2);
    }
    return mark;
}

/* A side has agreed to the whole cell, or to days of it that come to the same. */
static bool is_reconciled(const struct month_cell *cell, uint8_t side)
{
    uint64_t count = 0, checksum = 0;
    for (uint32_t i = 0; i < walk.model->recons.count; i++) {
        const struct recon_row *row = &walk.model->recons.list[i];
        if (memcmp(&row->cell, &cell->key, sizeof row->cell) != 0 || row->side != side) continue;
        if (row->day == 0 && row->count == (uint64_t)cell->count &&
            row->checksum == cell->checksum) {
            return true;
        }
        count += row->day != 0 ? row->count : 0;
        checksum += row->day != 0 ? row->checksum : 0;
    }
    return count == (uint64_t)cell->count && checksum == cell->checksum;
}

static const struct confirm_row *confirm_of(const struct cell_key *key)
{
    for (uint32_t i = 0; i < walk.model->confirms.count; i++) {
        const struct confirm_row *row = &walk.model->confirms.list[i];
        if (memcmp(&row->cell, key, sizeof *key) == 0) return row->withdrawn ? NULL : row;
    }
    return NULL;
}

/* What is held back of a cell and deducted from it. */
struct held {
    uint32_t exceptions;
    int64_t blocked;
    int64_t deducted;
};

static struct held held_of(const struct cell_key *key)
{
    struct held held = {0};
    for (uint32_t i = 0; i < walk.model->exceptions.count; i++) {
        const struct desk_exception *exception = &walk.model->exceptions.list[i];
        const struct record_facts *facts = &walk.model->records.list[exception->record].facts;
        const struct cell_key its = desk_cell(facts);
        if (memcmp(&its, key, sizeof its) != 0 || (exception->flags & EXCEPTION_REVERSED) != 0)
            continue;
        held.deducted += desk_sum(exception->deducted);
        if ((exception->flags & EXCEPTION_BLOCKING) == 0) continue;
        held.exceptions++;
        held.blocked += desk_sum(facts->funds);
    }
    return held;
}

/* What the answer says of a cell: the model does not know which days of wallets were agreed to. */
static bool told_of_wallets(struct bytes answer, const struct pb *row, uint32_t field_number)
{
    struct pb_field field;
    while (pb_next(&answer, &field)) {
        if (field.number == 4 && field.bytes.size >= row->size &&
            memcmp(field.bytes.data, row->data, row->size) == 0) {
            return pb_get(field.bytes, field_number) != 0;
        }
    }
    return false;
}

static void write_cell(struct pb *row, const struct desk_question *q, const struct month_cell *cell,
                       const char *state)
{
    const struct cell_key *key = &cell->key;
    const struct held held = held_of(key);
    const struct confirm_row *confirm = confirm_of(key);
    const bool same = confirm != NULL && confirm->count == (uint64_t)cell->count &&
                      confirm->checksum == cell->checksum;
    const bool wallets = key->line >= LINE_WALLET_CARE;
    bool agreed[2];
    pb_put(row, 1, answer_province(key->payer));
    pb_put(row, 2, answer_province(key->payee));
    pb_put(row, 3, key->line);
    pb_put(row, 4, answer_insutype(key->insurance));
    pb_put(row, 5, (uint64_t)cell->count);
    pb_fen(row, 6, desk_sum(cell->funds));
    for (uint8_t side = SIDE_PAYER; side <= SIDE_PAYEE; side++) {
        agreed[side] =
            wallets ? told_of_wallets(q->said->answer, row, 7u + side) : is_reconciled(cell, side);
    }
    pb_put(row, 7, agreed[SIDE_PAYER]);
    pb_put(row, 8, agreed[SIDE_PAYEE]);
    pb_put(row, 9, same);
    pb_put(row, 10, confirm != NULL && !same);
    pb_put(row, 11, held.exceptions);
    pb_fen(row, 12, held.blocked);
    pb_fen(row, 13, held.deducted);
    pb_text(row, 14, state);
}

static bool is_cell_list(const struct month_cell *cells, uint32_t count, const void *of)
{
    static const char *const states[] = {"OPEN",    "CUT",    "COMPUTED", "PUBLISHED", "SIGNED",
                                         "NOTICED", "PAYING", "SETTLED",  "ARCHIVED",  "ABORTED"};
    const struct asking *a = of;
    struct answer_rows rows = answer_rows(&a->q->query);
    struct pb pb = begin();
    for (uint32_t i = 0; i < count; i++) {
        struct pb row = answer_row();
        uint8_t state = BATCH_OPEN;
        if (!answer_concerns(&a->q->query, cells[i].key.payer, cells[i].key.payee) ||
            !answer_takes(&rows)) {
            continue;
        }
        for (uint32_t k = 0; k < walk.model->cells.count; k++) {
            const struct frozen_row *frozen = &walk.model->cells.list[k];
            if (memcmp(&frozen->cell, &cells[i].key, sizeof frozen->cell) == 0 &&
                frozen->batch != 0)
                state = desk_batch_by_id(walk.model, frozen->batch)->row.state;
        }
        write_cell(&row, a->q, &cells[i], states[state]);
        answer_add(&rows, 4, &row);
    }
    answer_end(&pb, &rows);
    return is_answer(a, &pb);
}

bool judge_cells(const struct desk_question *q, int64_t now_ms)
{
    const struct asking asking = {q, now_ms};
    return search(&asking, q->query.period, cell_mark, cells_told(&q->query, q->said->answer),
                  is_cell_list);
}

/* -- CalendarGet ---------------------------------------------------------------------------------
 */

static bool is_agenda(const struct asking *a, const struct desk_months *months)
{
    static const char *const severities[] = {"DONE", "COMING", "TODAY", "LATE", "ALARM"};
    struct pb pb = begin();
    desk_items items;
    desk_agenda(walk.model, a->q->query.period, a->now_ms, months, &items);
    pb_put(&pb, 3, (uint64_t)a->now_ms);
    for (uint32_t i = 0; i < items.count; i++) {
        const struct desk_item *item = &items.list[i];
        struct pb row = answer_row();
        if (!answer_concerns(&a->q->query, item->who, item->who)) continue;
        pb_put(&row, 1, item->day);
        pb_put(&row, 2, item->period);
        pb_put(&row, 3, answer_province(item->who));
        pb_text(&row, 4, item->what);
        pb_text(&row, 5, severities[item->severity]);
        pb_text(&row, 6, item->ref);
        pb_put(&row, 7, item->count);
        pb_fen(&row, 8, item->amount);
        pb_bytes(&pb, 4, (struct bytes){row.data, row.size});
    }
    free(items.list);
    return is_answer(a, &pb);
}

/* The months without a batch, of those that hold something; gives their number. */
static uint32_t drop_batches(uint32_t *months, uint32_t count)
{
    uint32_t left = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (desk_batch_of(walk.model, months[i]) == NULL) months[left++] = months[i];
    }
    return left;
}

static bool has(const uint32_t *list, uint32_t count, uint32_t month)
{
    uint32_t i = 0;
    while (i < count && list[i] != month)
        i++;
    return i < count;
}

bool judge_calendar(const struct desk_question *q, int64_t now_ms)
{
    uint32_t always[MONTHS_MAX], sometimes[MONTHS_MAX], held[MONTHS_MAX], doubts[MONTHS_MAX];
    uint32_t always_count, sometimes_count, doubt_count = 0;
    const int64_t told_ms = (int64_t)pb_get(q->said->answer, 3);
    const struct asking asking = {q, told_ms};
    /* It names its own time: the system's, which may have gone back since. */
    const int64_t latest_ms = now_ms > q->said->latest_ms ? now_ms : q->said->latest_ms;
    if (walk.manual_clock ? told_ms != now_ms : told_ms < walk.from_ms || told_ms > latest_ms)
        return false;
    months_held(walk.asks, q->said, MONTHS_MAX, always, &always_count, sometimes, &sometimes_count);
    always_count = drop_batches(always, always_count);
    sometimes_count = drop_batches(sometimes, sometimes_count);
    for (uint32_t i = 0; i < sometimes_count; i++) {
        if (!has(always, always_count, sometimes[i])) doubts[doubt_count++] = sometimes[i];
    }
    if (doubt_count > DOUBTS_MAX) return true;
    for (uint32_t set = 0; set < UINT32_C(1) << doubt_count; set++) {
        uint32_t count = always_count;
        memcpy(held, always, sizeof held);
        for (uint32_t i = 0; i < doubt_count; i++) {
            if ((set >> i & 1) != 0) held[count++] = doubts[i];
        }
        const struct desk_months months = {held, count, walk.cut_through, walk.closed_year};
        if (is_agenda(&asking, &months)) return true;
    }
    return false;
}
