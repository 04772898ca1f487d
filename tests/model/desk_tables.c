#include "tests/model/desk_tables.h"

#include "tests/model/desk_internal.h"

__extension__ typedef __int128 wide;

/* -- who pays whom ------------------------------------------------------------------------------
 */

void desk_net(desk_pairs totals, int64_t ret_net[PROVINCE_COUNT])
{
    for (int a = 0; a < PROVINCE_COUNT; a++) {
        ret_net[a] = 0;
        for (int b = 0; b < PROVINCE_COUNT; b++)
            ret_net[a] += desk_sum(totals[b][a].funds) - desk_sum(totals[a][b].funds);
    }
}

void desk_match(const int64_t net[PROVINCE_COUNT], int64_t ret_pays[PROVINCE_COUNT][PROVINCE_COUNT])
{
    int64_t left[PROVINCE_COUNT];
    memcpy(left, net, sizeof left);
    memset(ret_pays, 0, PROVINCE_COUNT * sizeof ret_pays[0]);
    for (;;) {
        int debtor = 0, creditor = 0;
        for (int p = 1; p < PROVINCE_COUNT; p++) {
            if (left[p] < left[debtor]) debtor = p;
            if (left[p] > left[creditor]) creditor = p;
        }
        if (left[debtor] >= 0 || left[creditor] <= 0) return;
        const int64_t sum = -left[debtor] < left[creditor] ? -left[debtor] : left[creditor];
        ret_pays[debtor][creditor] += sum;
        left[debtor] += sum;
        left[creditor] -= sum;
    }
}

static void pay(struct desk_payments *payments, uint8_t payer, uint8_t payee, uint64_t count,
                int64_t amount)
{
    payments->list[payments->count++] = (struct desk_payment){payer, payee, count, amount};
    if (payer != PROVINCE_ACCOUNT) payments->total += amount;
}

/* Records of a province, on either side. */
static uint64_t records_of(desk_pairs totals, uint8_t province)
{
    uint64_t count = 0;
    for (int other = 0; other < PROVINCE_COUNT; other++)
        count += totals[province][other].count + totals[other][province].count;
    return count;
}

void desk_pay_out(desk_pairs totals, enum desk_mode mode, struct desk_payments *ret_payments)
{
    int64_t net[PROVINCE_COUNT], pays[PROVINCE_COUNT][PROVINCE_COUNT];
    ret_payments->count = 0;
    ret_payments->total = 0;
    if (mode == DESK_MULTILATERAL || mode == DESK_DIRECT) desk_net(totals, net);
    if (mode == DESK_DIRECT) desk_match(net, pays);
    for (uint8_t a = 0; a < PROVINCE_COUNT; a++) {
        if (mode == DESK_MULTILATERAL && net[a] < 0)
            pay(ret_payments, a, PROVINCE_ACCOUNT, records_of(totals, a), -net[a]);
        for (uint8_t b = 0; b < PROVINCE_COUNT && mode != DESK_MULTILATERAL; b++) {
            const int64_t owes = desk_sum(totals[a][b].funds);
            const int64_t owed = mode == DESK_BILATERAL ? desk_sum(totals[b][a].funds) : 0;
            const uint64_t count = totals[a][b].count;
            if (mode == DESK_GROSS && (count != 0 || owes != 0))
                pay(ret_payments, a, b, count, owes);
            if (mode == DESK_BILATERAL && owes > owed)
                pay(ret_payments, a, b, count + totals[b][a].count, owes - owed);
            if (mode == DESK_DIRECT && pays[a][b] != 0)
                pay(ret_payments, a, b, records_of(totals, a), pays[a][b]);
        }
    }
    for (uint8_t p = 0; p < PROVINCE_COUNT && mode == DESK_MULTILATERAL; p++) {
        if (net[p] > 0) pay(ret_payments, PROVINCE_ACCOUNT, p, records_of(totals, p), net[p]);
    }
}

void desk_shown(const struct desk_model *m, const struct desk_batch *batch, desk_pairs totals)
{
    if (batch->shown != NULL)
        memcpy(totals, batch->shown, sizeof(desk_pairs));
    else
        desk_totals(m, batch->row.id, true, totals);
}

/* -- deposits -----------------------------------------------------------------------------------
 */

static uint32_t latest_computed(const struct desk_model *m)
{
    uint32_t latest = 0;
    for (uint32_t i = 0; i < m->batches.count; i++) {
        const struct batch_row *row = &m->batches.list[i].row;
        const bool computed = row->state >= BATCH_COMPUTED && row->state != BATCH_ABORTED;
        if (computed && row->period > latest) latest = row->period;
    }
    return latest;
}

static bool reaches(const struct desk_model *m, const struct desk_use *use, enum setting limit,
                    int64_t now_ms)
{
    return use->amount > 0 &&
           (wide)10000 * use->cleared >= (wide)desk_setting(m, limit, now_ms) * use->amount;
}

/* Of all that is used; false when there is nothing to speak of. */
static bool judge_use(const struct desk_model *m, struct desk_use *use, int64_t now_ms)
{
    const wide bp = use->amount > 0 ? (wide)10000 * use->cleared / use->amount : 0;
    use->use_bp = use->amount <= 0    ? UINT32_MAX
                  : use->cleared <= 0 ? 0
                  : bp >= UINT32_MAX  ? UINT32_MAX - 1
                                      : (uint32_t)bp;
    if (reaches(m, use, SETTING_PREFUND_YELLOW_BP, now_ms)) use->alert = DESK_YELLOW;
    if (reaches(m, use, SETTING_PREFUND_RED_BP, now_ms)) use->alert = DESK_RED;
    return use->amount != 0 || use->pending != 0 || use->cleared != 0;
}

static struct desk_use pair_use(const struct desk_model *m, uint32_t period, uint8_t payer,
                                uint8_t payee, int64_t cleared)
{
    struct desk_use use = {.payer = payer, .payee = payee, .cleared = cleared};
    for (uint32_t i = 0; i < m->prefunds.count; i++) {
        const struct prefund_row *row = &m->prefunds.list[i];
        if (row->payer != payer || row->payee != payee) continue;
        use.amount = row->amount;
        use.pending = row->pending;
    }
    for (uint32_t i = 0; i < m->applications.count; i++) {
        const struct application_row *row = &m->applications.list[i];
        if (row->period != period || row->payer != payer || row->payee != payee) continue;
        use.application = row->state;
        use.applied = row->amount;
    }
    return use;
}

uint32_t desk_uses(const struct desk_model *m, uint32_t *period, int64_t now_ms,
                   struct desk_use out[DESK_USES_MAX], uint32_t *ret_count)
{
    static desk_pairs totals;
    struct desk_use sums[PROVINCE_COUNT] = {0};
    uint32_t pairs = 0;
    if (*period == 0) *period = latest_computed(m);
    const struct desk_batch *batch = desk_batch_of(m, *period);
    memset(totals, 0, sizeof totals);
    if (batch != NULL && batch->row.state >= BATCH_COMPUTED && batch->row.state != BATCH_ABORTED)
        desk_totals(m, batch->row.id, desk_setting(m, SETTING_PREFUND_WALLET, now_ms) == 1, totals);
    for (uint8_t a = 0; a < PROVINCE_COUNT; a++) {
        for (uint8_t b = 0; b < PROVINCE_COUNT; b++) {
            struct desk_use use = pair_use(m, *period, a, b, desk_sum(totals[a][b].funds));
            sums[b].amount += use.amount;
            sums[b].pending += use.pending;
            sums[b].cleared += use.cleared;
            if (judge_use(m, &use, now_ms)) out[pairs++] = use;
        }
    }
    *ret_count = pairs;
    for (uint8_t b = 0; b < PROVINCE_COUNT; b++) {
        sums[b].payer = PROVINCE_CENTRE;
        sums[b].payee = b;
        if (judge_use(m, &sums[b], now_ms)) out[(*ret_count)++] = sums[b];
    }
    return pairs;
}

/* -- areas --------------------------------------------------------------------------------------
 */

/* The batch and the province's side that is asked for, and its rows so far. */
struct areas {
    const struct desk_model *model;
    uint32_t batch;
    uint8_t province;
    enum side side;
    DESK_LIST(struct desk_area) rows;
};

static bool is_ours(const struct areas *areas, uint8_t payer, uint8_t payee)
{
    return (areas->side == SIDE_PAYER ? payer : payee) == areas->province;
}

static uint32_t area_of(const struct areas *areas, const struct record_facts *facts)
{
    return areas->side == SIDE_PAYER ? facts->ref.insu_admdvs : facts->mdtrtarea_admvs;
}

/* The row of an area in a cell, whatever its month. */
static struct desk_area *area_row(struct areas *areas, uint32_t area, struct cell_key key)
{
    key.period = 0;
    for (uint32_t i = 0; i < areas->rows.count; i++) {
        struct desk_area *row = &areas->rows.list[i];
        if (row->area == area && memcmp(&row->key, &key, sizeof key) == 0) return row;
    }
    struct desk_area *row = DESK_ADD(areas->rows);
    row->area = area;
    row->key = key;
    return row;
}

static void add_funds(struct desk_area *row, const int64_t *funds, int sign)
{
    for (int fund = 0; fund < FUND_COUNT; fund++)
        row->funds[fund] += sign * funds[fund];
}

static void add_facts(struct areas *areas, const struct record_facts *facts)
{
    if (!is_ours(areas, facts->payer, facts->payee)) return;
    struct desk_area *row = area_row(areas, area_of(areas, facts), desk_cell(facts));
    row->count++;
    row->medfee += facts->medfee;
    add_funds(row, facts->funds, 1);
}

/* A debt is where its whole cell is: nobody disputes one by itself. */
static uint32_t batch_of_cell(const struct desk_model *m, struct cell_key key)
{
    for (uint32_t i = 0; i < m->cells.count; i++) {
        if (memcmp(&m->cells.list[i].cell, &key, sizeof key) == 0) return m->cells.list[i].batch;
    }
    return 0;
}

static void add_recovery(struct areas *areas, const struct recovery_row *row)
{
    const struct desk_exception *exception = desk_exception_of(areas->model, &row->ref);
    uint32_t area = areas->side == SIDE_PAYER ? row->ref.insu_admdvs : 0;
    if (exception != NULL)
        area = area_of(areas, &areas->model->records.list[exception->record].facts);
    add_funds(area_row(areas, area, row->cell), row->funds, -1);
}

static void fill_areas(struct areas *areas)
{
    const struct desk_model *m = areas->model;
    for (uint32_t i = 0; i < m->records.count; i++) {
        const struct desk_record *record = &m->records.list[i];
        if (record->batch == areas->batch && record->facts.ref.size != 0)
            add_facts(areas, &record->facts);
    }
    for (uint32_t i = 0; i < m->debts.count; i++) {
        if (batch_of_cell(m, desk_cell(&m->debts.list[i])) == areas->batch)
            add_facts(areas, &m->debts.list[i]);
    }
    for (uint32_t i = 0; i < m->exceptions.count; i++) {
        const struct desk_record *record = &m->records.list[m->exceptions.list[i].record];
        const struct record_facts *facts = &record->facts;
        if (record->batch != areas->batch || !is_ours(areas, facts->payer, facts->payee)) continue;
        add_funds(area_row(areas, area_of(areas, facts), desk_cell(facts)),
                  m->exceptions.list[i].deducted, -1);
    }
    for (uint32_t i = 0; i < m->recoveries.count; i++) {
        const struct recovery_row *row = &m->recoveries.list[i];
        if (row->batch == areas->batch && is_ours(areas, row->cell.payer, row->cell.payee))
            add_recovery(areas, row);
    }
    for (uint32_t i = 0; i < m->carries.count; i++) {
        const struct carry_row *row = &m->carries.list[i];
        const struct cell_key pair = {.payer = row->payer, .payee = row->payee};
        if (row->into == areas->batch && is_ours(areas, row->payer, row->payee))
            add_funds(area_row(areas, 0, pair), row->funds, 1);
    }
}

static int by_area(const void *left, const void *right)
{
    const struct desk_area *a = left, *b = right;
    if (a->area != b->area) return a->area < b->area ? -1 : 1;
    return memcmp(&a->key.payer, &b->key.payer, 4); /* payer, payee, line, insurance */
}

struct desk_area *desk_areas(const struct desk_model *m, uint32_t batch, uint8_t province,
                             enum side side, uint32_t *ret_count)
{
    static const int64_t nothing[FUND_COUNT];
    struct areas areas = {.model = m, .batch = batch, .province = province, .side = side};
    fill_areas(&areas);
    uint32_t count = 0;
    for (uint32_t i = 0; i < areas.rows.count; i++) {
        const struct desk_area row = areas.rows.list[i];
        if (row.count != 0 || memcmp(row.funds, nothing, sizeof nothing) != 0)
            areas.rows.list[count++] = row;
    }
    if (count > 1) qsort(areas.rows.list, count, sizeof *areas.rows.list, by_area);
    *ret_count = count;
    return areas.rows.list;
}
