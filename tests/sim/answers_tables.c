/* answers_tables -- deposits, settings, the book and the provinces' second level as the desk's
 * model has them. */
#include <stdlib.h>

#include "tests/model/desk_tables.h"
#include "tests/sim/cycle_rows.h"
#include "tests/sim/cycle_walk.h"
#include "tests/sim/desk_questions.h"
#include "types/error.h"

/* -- deposits ------------------------------------------------------------------------------------
 */

static void write_use(struct pb *row, const struct desk_use *use)
{
    static const char *const alerts[] = {"", "YELLOW", "RED"};
    static const char *const applications[] = {"", "OPEN", "APPROVED", "REFUSED"};
    pb_put(row, 1, answer_province(use->payer));
    pb_put(row, 2, answer_province(use->payee));
    pb_fen(row, 3, use->amount);
    pb_fen(row, 4, use->pending);
    pb_fen(row, 5, use->cleared);
    pb_put(row, 6, use->use_bp);
    pb_text(row, 7, alerts[use->alert]);
    pb_text(row, 8, applications[use->application]);
    pb_fen(row, 9, use->applied);
}

uint32_t answer_prefunds(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    static struct desk_use uses[DESK_USES_MAX];
    struct answer_rows rows = answer_rows(&q->query);
    uint32_t period = q->query.period, count;
    const uint32_t pairs = desk_uses(walk.model, &period, now_ms, uses, &count);
    for (uint32_t i = 0; i < count; i++) {
        const bool pair = i < pairs;
        struct pb row = answer_row();
        write_use(&row, &uses[i]);
        if (answer_concerns(&q->query, pair ? uses[i].payer : uses[i].payee, uses[i].payee) &&
            (!pair || answer_takes(&rows))) {
            answer_add(&rows, pair ? 5 : 6, &row);
        }
    }
    pb_put(pb, 3, rows.more);
    pb_put(pb, 4, period);
    rows.more = false; /* It is said. */
    answer_end(pb, &rows);
    return ERROR_OK;
}

/* -- settings ------------------------------------------------------------------------------------
 */

/* The next change that is known; NULL: none. */
static const struct setting_row *next_of(const char *name, int64_t now_ms)
{
    const struct setting_row *next = NULL;
    for (uint32_t i = 0; i < walk.model->settings.count; i++) {
        const struct setting_row *row = &walk.model->settings.list[i];
        if (strcmp(row->name, name) == 0 && row->effective_ms > now_ms &&
            (next == NULL || row->effective_ms < next->effective_ms)) {
            next = row;
        }
    }
    return next;
}

uint32_t answer_settings(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    static const struct {
        const char *name;
        int64_t first, least, greatest;
    } settings[SETTING_COUNT] = {
#define X(symbol, text, first, low, high) [SETTING_##symbol] = {text, first, low, high},
#include "types/settings.def"
#undef X
    };
    struct answer_rows rows = answer_rows(&q->query);
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_row *next = next_of(settings[i].name, now_ms);
        struct pb row = answer_row();
        pb_text(&row, 1, settings[i].name);
        pb_fen(&row, 2, desk_setting(walk.model, (enum setting)i, now_ms));
        pb_fen(&row, 3, settings[i].least);
        pb_fen(&row, 4, settings[i].greatest);
        pb_fen(&row, 5, settings[i].first);
        if (next != NULL) {
            pb_fen(&row, 6, next->value);
            pb_put(&row, 7, (uint64_t)next->effective_ms);
        }
        answer_add(&rows, 3, &row);
    }
    answer_end(pb, &rows);
    return ERROR_OK;
}

/* -- the book ------------------------------------------------------------------------------------
 */

/* What the answer says of an account; the model has DUE for all accounts behind the notices. */
static int64_t told(struct bytes answer, enum cycle_account account, uint8_t fund)
{
    static const char *const accounts[CYCLE_ACCOUNT_COUNT] = {
        "COST",        "ACCRUED",         "MISMATCHED", "RECONCILED",    "HELD",    "DISPUTED",
        "CONFIRMED",   "CLEARING",        "DUE",        "NETTED",        "TRANSIT", "SETTLED",
        "PREFUND_DUE", "PREFUND_TRANSIT", "PREFUND",    "PREFUND_CONTRA"};
    static const char *const funds[FUND_COUNT] = {"POOL", "ACCOUNT", "SUPPLEMENT", "ASSISTANCE",
                                                  "OTHER"};
    struct pb_field field;
    while (pb_next(&answer, &field)) {
        if (field.number == 3 &&
            bytes_equal(pb_get_bytes(field.bytes, 1), bytes_of(accounts[account])) &&
            bytes_equal(pb_get_bytes(field.bytes, 2), bytes_of(funds[fund]))) {
            return pb_get_fen(field.bytes, 3);
        }
    }
    return 0;
}

static int64_t models(book sums, const struct query *query, enum cycle_account account,
                      uint8_t fund)
{
    int64_t sum = 0;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            if ((query->payer == 0 || query->payer == answer_province(payer)) &&
                (query->payee == 0 || query->payee == answer_province(payee))) {
                sum += sums[payer][payee][fund][account];
            }
        }
    }
    return sum;
}

bool judge_book(const struct desk_question *q, int64_t now_ms)
{
    static book sums;
    static int64_t says[CYCLE_ACCOUNT_COUNT];
    const struct bytes answer = q->said->answer;
    (void)now_ms;
    book_make(walk.model, sums);
    if (reply_code(answer) != ERROR_OK || pb_get_bytes(answer, 4).size != 0) return false;
    for (uint8_t fund = 0; fund < FUND_COUNT; fund++) {
        int64_t clearing = 0, deposits = 0;
        for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
            says[account] = told(answer, (enum cycle_account)account, fund);
            *(account < CYCLE_PREFUND_DUE ? &clearing : &deposits) += says[account];
        }
        says[CYCLE_DUE] += says[CYCLE_NETTED] + says[CYCLE_TRANSIT] + says[CYCLE_SETTLED];
        says[CYCLE_PREFUND_DUE] += says[CYCLE_PREFUND_TRANSIT];
        says[CYCLE_NETTED] = says[CYCLE_TRANSIT] = says[CYCLE_SETTLED] = 0;
        says[CYCLE_PREFUND_TRANSIT] = 0;
        if (clearing != 0 || deposits != 0) return false; /* Then what is left is right, too: */
        says[CYCLE_COST] = says[CYCLE_PREFUND_CONTRA] = 0;
        for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
            if (says[account] != models(sums, &q->query, (enum cycle_account)account, fund))
                return false;
        }
    }
    return true;
}

/* -- areas ---------------------------------------------------------------------------------------
 */

uint32_t answer_areas(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    const struct query *query = &q->query;
    const struct desk_batch *batch = desk_batch_of(walk.model, query->period);
    const enum side side = query->flag ? SIDE_PAYEE : SIDE_PAYER;
    struct answer_rows rows = answer_rows(query);
    uint32_t count;
    (void)now_ms;
    if (batch == NULL) return ERROR_NOT_FOUND;
    struct desk_area *areas =
        desk_areas(walk.model, batch->row.id, province_index(query->province), side, &count);
    for (uint32_t i = 0; i < count; i++) {
        const struct desk_area *area = &areas[i];
        struct pb row = answer_row();
        if (!answer_takes(&rows)) continue;
        pb_put(&row, 1, area->area);
        pb_put(&row, 2, answer_province(query->flag ? area->key.payer : area->key.payee));
        pb_put(&row, 3, area->key.line);
        pb_put(&row, 4, answer_insutype(area->key.insurance));
        pb_put(&row, 5, area->count);
        pb_fen(&row, 6, area->medfee);
        for (uint32_t fund = 0; fund < FUND_COUNT; fund++)
            pb_fen(&row, 7 + fund, area->funds[fund]);
        pb_fen(&row, 12, desk_sum(area->funds));
        answer_add(&rows, 4, &row);
    }
    free(areas);
    answer_end(pb, &rows);
    return ERROR_OK;
}
