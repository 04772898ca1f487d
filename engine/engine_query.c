/* engine_query -- the desk's questions about the clearing cycle: rows into answers, page by page.
 *
 * Changes nothing. A province is answered about itself only: every list is narrowed here, and
 * whoever names another province is refused. Batches, areas and cells: engine_query_batch.c. */
#include "engine_query.h"

#include <stdlib.h>

#include "codec/cycle_reply.h"
#include "cycle/calendar.h"
#include "netting/netting.h"
#include "types/civil.h"
#include "types/ensure.h"

/* -- what was asked ---------------------------------------------------------------------------- */

bool is_subject(uint8_t subject, uint8_t payer, uint8_t payee)
{
    return subject == PROVINCE_CENTRE || payer == subject || payee == subject;
}

bool refused_facts(struct home *home)
{
    if (home->desk.gathering.code == ERROR_OK) return false;
    desk_refuse(home, home->desk.gathering.code, desk_refusal_text(home));
    return true;
}

/* A session that speaks for a province asks about itself. */
static bool narrow(struct home *home)
{
    struct query *query = &home->desk.job.query;
    const uint16_t sender = home->desk.job.province;
    bool own = query->province == 0 || query->province == sender;

    if (sender != 0 && query->type == MESSAGE_BOOK_GET) {
        own = query->payer == sender || query->payee == sender;
    } else if (sender != 0) {
        query->province = sender;
    }
    if (sender != 0 && !own) {
        desk_refuse(home, ERROR_SENDER_NOT_ALLOWED, "the session speaks for another province");
        return false;
    }
    if (query->province != 0 && province_index(query->province) == PROVINCE_NONE) {
        desk_refuse(home, ERROR_UNKNOWN_AREA, "no such province");
        return false;
    }
    return true;
}

static bool has_word(const char *word, const char *const *words, size_t count)
{
    if (word[0] == '\0') return true;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(word, words[i]) == 0) return true;
    }
    return false;
}

#define WORD_REFUSAL_SIZE 256 /* Field, word and the whole list; a word has at most 23 bytes. */

#define KNOWN_WORD(word, list) has_word(word, list, sizeof(list) / sizeof((list)[0]))
#define REFUSE_WORD(home, field, word, list) \
    refuse_word(home, field, word, list, sizeof(list) / sizeof((list)[0]))

static void append(char text[WORD_REFUSAL_SIZE], const char *more)
{
    const size_t at = strlen(text);
    const size_t size = strlen(more);

    if (at + size < WORD_REFUSAL_SIZE) memcpy(text + at, more, size + 1);
}

/* Says which word is unknown and which there are. What is not visible ASCII is not sent back. */
static void refuse_word(struct home *home, const char *field, const char *word,
                        const char *const *words, size_t count)
{
    char text[WORD_REFUSAL_SIZE] = "";

    append(text, field);
    append(text, ": '");
    for (; *word != '\0'; word++) {
        const char letter[2] = {*word > ' ' && *word <= '~' ? *word : '?', '\0'};
        append(text, letter);
    }
    append(text, "' is none of");
    for (size_t i = 0; i < count; i++) {
        append(text, " ");
        append(text, words[i]);
    }
    desk_refuse(home, ERROR_MALFORMED, text);
}

/* -- differences, exceptions, disputes --------------------------------------------------------- */

static bool wanted_difference(const struct home *home, const struct difference_row *row)
{
    const struct query *query = query_of(home);
    const uint8_t subject = subject_of(home);
    const uint8_t owner = row->side == SIDE_PAYER ? row->payer : row->payee;
    const uint8_t other = row->side == SIDE_PAYER ? row->payee : row->payer;
    return (subject == PROVINCE_CENTRE || owner == subject) && of_period(query, row->period) &&
           (query->day == 0 || query->day == row->day) &&
           (query->counterpart == 0 || province_index(query->counterpart) == other) &&
           (row->open || query->flag);
}

static void answer_differences(struct home *home)
{
    const struct cycle *cycle = home->desk.cycle;
    const struct difference_row *rows[PAGE_MAX];
    struct page page = page_of(query_of(home));
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_DIFFERENCE) && !page.more; i++) {
        const struct difference_row *row = cycle_row(cycle, ROW_DIFFERENCE, i);
        if (!wanted_difference(home, row)) continue;
        if (page_takes(&page)) rows[page.count - 1] = row;
    }
    size_t size;
    uint8_t *payload = difference_list_reply_encode(rows, page.count, page.more, &size);
    desk_finish(home, payload, size);
}

static void name_batch(const struct cycle *cycle, uint32_t id, char out[NUMBER_SIZE])
{
    const struct batch_row *batch = cycle_batch_by_id(cycle, id);
    memset(out, 0, NUMBER_SIZE);
    if (batch != NULL) batch_name(batch, out);
}

/* The batch an exception's money is in: its own, or that of its cell. */
static uint32_t batch_of(const struct cycle *cycle, const struct exception_row *row)
{
    if (row->batch != 0 || row->carved || (row->flags & EXCEPTION_BLOCKING) != 0) return row->batch;
    const struct record_facts *r = &row->record;
    const struct cell_key key = {r->period, r->payer, r->payee, r->line, r->insurance};
    const struct frozen_row *frozen = cycle_find(cycle, ROW_FROZEN, &key);
    return frozen == NULL ? 0 : frozen->batch;
}

static void answer_exceptions(struct home *home)
{
    static const char *const states[] = {"MISMATCHED", "HELD",    "DISPUTED", "VOID",
                                         "CONFIRMED",  "BATCHED", "REVERSED"};
    const struct cycle *cycle = home->desk.cycle;
    const struct query *query = query_of(home);
    const uint8_t subject = subject_of(home);
    struct exception_item items[PAGE_MAX];
    struct page page = page_of(query);

    if (!KNOWN_WORD(query->state, states)) {
        REFUSE_WORD(home, "state", query->state, states);
        return;
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_EXCEPTION) && !page.more; i++) {
        const struct exception_row *row = cycle_row(cycle, ROW_EXCEPTION, i);
        const char *state = exception_state(cycle, row);
        if (!is_subject(subject, row->record.payer, row->record.payee)) continue;
        if (!of_period(query, row->record.period)) continue;
        if (query->state[0] != '\0' && strcmp(query->state, state) != 0) continue;
        if (!page_takes(&page)) continue;
        struct exception_item *item = &items[page.count - 1];
        *item = (struct exception_item){.row = row, .state = state};
        name_batch(cycle, batch_of(cycle, row), item->batch);
    }
    size_t size;
    uint8_t *payload = exception_list_reply_encode(items, page.count, page.more, &size);
    desk_finish(home, payload, size);
}

static void answer_disputes(struct home *home)
{
    static const char *const states[] = {"OPEN", "ACCEPTED", "CONTESTED", "RESOLVED"};
    const struct cycle *cycle = home->desk.cycle;
    const struct query *query = query_of(home);
    const uint8_t subject = subject_of(home);
    const struct dispute_row *rows[PAGE_MAX];
    struct page page = page_of(query);

    if (!KNOWN_WORD(query->state, states)) {
        REFUSE_WORD(home, "state", query->state, states);
        return;
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_DISPUTE) && !page.more; i++) {
        const struct dispute_row *row = cycle_row(cycle, ROW_DISPUTE, i);
        if (!is_subject(subject, row->payer, row->payee) || !of_period(query, row->period))
            continue;
        if (query->state[0] != '\0' && strcmp(query->state, dispute_state_name(row->state)) != 0) {
            continue;
        }
        if (page_takes(&page)) rows[page.count - 1] = row;
    }
    size_t size;
    uint8_t *payload = dispute_list_reply_encode(rows, page.count, page.more, &size);
    desk_finish(home, payload, size);
}

/* -- notices ----------------------------------------------------------------------------------- */

/* "prefund" means all three kinds of it; '-' and small letters are as good as '_' and capitals. */
static bool kind_matches(const char *asked, const char *kind)
{
    size_t i = 0;
    for (; asked[i] != '\0'; i++) {
        char c = asked[i];
        if (c == '-') c = '_';
        if (c >= 'a' && c <= 'z') c = (char)(c - 'a' + 'A');
        if (c != kind[i]) return false;
    }
    return i == 0 || kind[i] == '\0' || kind[i] == '_';
}

static bool known_kind(const char *asked)
{
    for (uint32_t kind = NOTICE_CLEARING; kind <= NOTICE_RETURN; kind++) {
        if (kind_matches(asked, notice_kind_name(kind))) return true;
    }
    return false;
}

static bool wanted_notice(const struct home *home, const struct notice_row *row, bool overdue)
{
    const struct query *query = query_of(home);
    const char *state = overdue ? "OVERDUE" : notice_state_name(row->state);
    if (!is_subject(subject_of(home), row->payer, row->payee)) return false;
    if (!of_period(query, row->period)) return false;
    if (!kind_matches(query->kind, notice_kind_name(row->kind))) return false;
    if (query->number[0] != '\0' && strcmp(query->number, row->number) != 0) return false;
    return query->state[0] == '\0' || strcmp(query->state, state) == 0;
}

/* Payments of one notice, the first PAGE_MAX. */
static size_t payments_of(const struct cycle *cycle, const struct notice_row *notice,
                          const struct payment_row **out)
{
    size_t count = 0;
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_PAYMENT) && count < PAGE_MAX; i++) {
        const struct payment_row *row = cycle_row(cycle, ROW_PAYMENT, i);
        if (memcmp(row->number, notice->number, NUMBER_SIZE) == 0) out[count++] = row;
    }
    return count;
}

static void answer_notices(struct home *home)
{
    static const char *const states[] = {"DUE", "OVERDUE", "PAID", "SETTLED", "CANCELLED"};
    static const char *const kinds[] = {"clearing", "reverse", "return", "prefund"};
    const struct cycle *cycle = home->desk.cycle;
    const struct query *query = query_of(home);
    const uint32_t today = civil_day(desk_clock(home));
    const struct payment_row *payments[PAGE_MAX];
    struct notice_item *items = calloc(PAGE_MAX, sizeof *items);
    struct page page = page_of(query);

    NEED_MEMORY(items);
    if (!KNOWN_WORD(query->state, states)) {
        free(items);
        REFUSE_WORD(home, "state", query->state, states);
        return;
    }
    if (!known_kind(query->kind)) {
        free(items);
        REFUSE_WORD(home, "kind", query->kind, kinds);
        return;
    }
    for (uint32_t i = 0; i < cycle_count(cycle, ROW_NOTICE) && !page.more; i++) {
        const struct notice_row *row = cycle_row(cycle, ROW_NOTICE, i);
        const bool overdue = row->state == NOTICE_DUE && today > row->transfer_due;
        if (!wanted_notice(home, row, overdue) || !page_takes(&page)) continue;
        struct notice_item *item = &items[page.count - 1];
        *item = (struct notice_item){
            .row = row, .mode = netting_mode_name(row->mode), .overdue = overdue};
        name_batch(cycle, row->batch, item->batch);
        if (!overdue) continue;
        item->late_wd = calendar_between(home->engine->config.calendar, row->transfer_due, today);
    }
    if (query->number[0] != '\0' && page.count == 1) {
        items[0].payments = payments;
        items[0].payment_count = payments_of(cycle, items[0].row, payments);
    }
    size_t size;
    uint8_t *payload = notice_list_reply_encode(items, page.count, page.more, &size);
    free(items);
    desk_finish(home, payload, size);
}

/* -- prefunds ---------------------------------------------------------------------------------- */

static struct prefund_item prefund_item(const struct prefund_use *use)
{
    static const char *const alerts[] = {
        [PREFUND_CALM] = "", [PREFUND_YELLOW] = "YELLOW", [PREFUND_RED] = "RED"};
    return (struct prefund_item){
        .payer = use->payer < PROVINCE_COUNT ? province_codes[use->payer] : 0,
        .payee = province_codes[use->payee],
        .amount = use->amount,
        .pending = use->pending,
        .cleared = use->cleared,
        .use_bp = use->use_bp == PREFUND_USE_NONE ? USE_BP_NONE : use->use_bp,
        .alert = alerts[use->alert],
        .application = use->application,
        .applied = use->applied,
    };
}

/* Both lists say how much is used. Which of them raises alarms and opens the way to an increase,
 * prefund.alert_scope, is the cycle's business. */
static void answer_prefunds(struct home *home)
{
    const uint8_t subject = subject_of(home);
    const int64_t now_ms = desk_clock(home);
    uint32_t period = query_of(home)->period;
    struct prefund_item pairs[PAGE_MAX];
    struct prefund_item payees[PROVINCE_COUNT];
    struct page page = page_of(query_of(home));
    size_t pair_count;
    size_t payee_count;
    size_t picked = 0;

    struct prefund_use *uses =
        cycle_prefund_uses(home->desk.cycle, &period, now_ms, &pair_count, &payee_count);
    NEED_MEMORY(uses);
    for (size_t i = 0; i < pair_count && !page.more; i++) {
        if (!is_subject(subject, uses[i].payer, uses[i].payee) || !page_takes(&page)) continue;
        pairs[page.count - 1] = prefund_item(&uses[i]);
    }
    for (size_t i = pair_count; i < pair_count + payee_count; i++) {
        if (!is_subject(subject, uses[i].payee, uses[i].payee)) continue;
        payees[picked++] = prefund_item(&uses[i]);
    }
    free(uses);
    size_t size;
    uint8_t *payload =
        prefund_list_reply_encode(period, pairs, page.count, payees, picked, page.more, &size);
    desk_finish(home, payload, size);
}

/* -- settings, calendar, book ------------------------------------------------------------------ */

static void answer_settings(struct home *home)
{
    const struct cycle *cycle = home->desk.cycle;
    const int64_t now_ms = desk_clock(home);
    struct setting_item items[SETTING_COUNT];
    for (int i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = setting_info((enum setting)i);
        items[i] = (struct setting_item){
            .name = info->name,
            .value = setting_at(cycle, (enum setting)i, now_ms),
            .least = info->least,
            .greatest = info->greatest,
            .initial = home->engine->config.settings->value[i],
        };
        for (uint32_t k = 0; k < cycle_count(cycle, ROW_SETTING); k++) {
            const struct setting_row *row = cycle_row(cycle, ROW_SETTING, k);
            if (row->effective_ms <= now_ms || strcmp(row->name, info->name) != 0) continue;
            if (items[i].next_from_ms != 0 && items[i].next_from_ms < row->effective_ms) continue;
            items[i].next = row->value;
            items[i].next_from_ms = row->effective_ms;
        }
    }
    size_t size;
    uint8_t *payload = setting_list_reply_encode(items, SETTING_COUNT, &size);
    desk_finish(home, payload, size);
}

static void answer_calendar(struct home *home)
{
    const struct query *query = query_of(home);
    const uint8_t subject = subject_of(home);
    const int64_t now_ms = desk_clock(home);
    size_t count;
    size_t picked = 0;

    if (refused_facts(home)) return;
    struct agenda_item *items =
        cycle_agenda(home->desk.cycle, query->period, now_ms, &home->desk.gathering.facts, &count);
    NEED_MEMORY(items);
    struct agenda_row *rows = calloc(count + 1, sizeof *rows);
    NEED_MEMORY(rows);
    for (size_t i = 0; i < count; i++) {
        const struct agenda_item *item = &items[i];
        if (!is_subject(subject, item->who, item->who)) continue;
        rows[picked++] = (struct agenda_row){
            .day = item->day,
            .period = item->period,
            .province = item->who < PROVINCE_COUNT ? province_codes[item->who] : 0,
            .what = item->what,
            .severity = item->severity,
            .ref = item->ref,
            .count = item->count,
            .amount = item->amount,
        };
    }
    size_t size;
    uint8_t *payload = calendar_get_reply_encode(now_ms, rows, picked, &size);
    free(rows);
    free(items);
    desk_finish(home, payload, size);
}

/* Balance of one account over the pairs asked about; modulo 2^64, as all of them sum to zero. */
static int64_t book_sum(const struct home *home, uint8_t fund, enum cycle_account account)
{
    const struct query *query = query_of(home);
    uint64_t sum = 0;
    for (uint8_t payer = 0; payer < PROVINCE_COUNT; payer++) {
        if (query->payer != 0 && province_codes[payer] != query->payer) continue;
        for (uint8_t payee = 0; payee < PROVINCE_COUNT; payee++) {
            if (query->payee != 0 && province_codes[payee] != query->payee) continue;
            sum += (uint64_t)cycle_balance(home->desk.cycle, payer, payee, fund, account);
        }
    }
    return (int64_t)sum;
}

static void answer_book(struct home *home)
{
    struct book_row rows[CYCLE_ACCOUNT_COUNT * FUND_COUNT];
    size_t count = 0;
    for (int account = 0; account < CYCLE_ACCOUNT_COUNT; account++) {
        for (int fund = 0; fund < FUND_COUNT; fund++) {
            const int64_t balance = book_sum(home, (uint8_t)fund, (uint8_t)account);
            if (balance == 0) continue;
            rows[count++] = (struct book_row){(uint8_t)account, (uint8_t)fund, balance};
        }
    }
    const char *broken = cycle_check(home->desk.cycle);
    size_t size;
    uint8_t *payload = book_get_reply_encode(rows, count, broken == NULL ? "" : broken, &size);
    desk_finish(home, payload, size);
}

/* -- the steps --------------------------------------------------------------------------------- */

/* The months whose cells are in the batch: with its own those that had to wait. */
static void need_months(const struct home *home, struct needs *needs)
{
    const struct batch_row *batch = cycle_batch(home->desk.cycle, needs->period);
    if (batch == NULL) return; /* The answer says so. */
    uint32_t *months = cycle_area_months(home->desk.cycle, batch, &needs->month_count);
    NEED_MEMORY(months);
    needs->months = months;
    needs->tallies = needs->month_count != 0;
}

/* Asks the shards for what the answer needs of them. False: the question was refused. */
static bool begin_query(struct home *home)
{
    const struct query *query = query_of(home);
    struct needs needs = {.period = query->period};
    enum tally_kind kind = TALLY_DAY;
    switch (query->type) {
    case MESSAGE_AREA_REPORT:
        if (query->province == 0) {
            desk_refuse(home, ERROR_MALFORMED, "province is missing");
            return false;
        }
        needs.part = query->province;
        kind = query->flag ? TALLY_PAYEE_AREA : TALLY_PAYER_AREA;
        break;
    case MESSAGE_CELL_LIST:
        needs.cells = true;
        break;
    case MESSAGE_CALENDAR_GET:
        needs.cells = true;
        needs.period = 0; /* Whatever is still open may be late. */
        break;
    default:
        gather_begin(home, &needs, kind);
        return true;
    }
    if (!civil_month_valid(query->period)) {
        desk_refuse(home, ERROR_MALFORMED, "period is no month yyyymm of 200001..299912");
        return false;
    }
    if (query->type == MESSAGE_AREA_REPORT) need_months(home, &needs);
    gather_begin(home, &needs, kind);
    return true;
}

static void answer_query(struct home *home)
{
    switch (query_of(home)->type) {
    case MESSAGE_BATCH_GET:
        query_batch(home);
        return;
    case MESSAGE_NOTICE_LIST:
        answer_notices(home);
        return;
    case MESSAGE_DISPUTE_LIST:
        answer_disputes(home);
        return;
    case MESSAGE_PREFUND_LIST:
        answer_prefunds(home);
        return;
    case MESSAGE_DIFFERENCE_LIST:
        answer_differences(home);
        return;
    case MESSAGE_CALENDAR_GET:
        answer_calendar(home);
        return;
    case MESSAGE_AREA_REPORT:
        query_areas(home);
        return;
    case MESSAGE_EXCEPTION_LIST:
        answer_exceptions(home);
        return;
    case MESSAGE_CELL_LIST:
        query_cells(home);
        return;
    case MESSAGE_SETTING_LIST:
        answer_settings(home);
        return;
    default:
        answer_book(home);
    }
}

void step_query(struct home *home)
{
    if (home->desk.phase == 0) {
        home->desk.phase = 1;
        if (!narrow(home) || !begin_query(home)) return;
    }
    if (gather_step(home)) answer_query(home);
}
