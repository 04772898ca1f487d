/* shard_questions -- answers the questions of persons: their wallet, settlements and years, and
 * what holds for a region or an institution. Reads only. Outboxes are shard_outbox.c's, statements
 * shard_statement.c's.
 *
 * Whose data is read is said by psn_key alone. A province sees the persons who are insured in it,
 * and of everybody the settlements it insured or treated; the platform and the centre see all. */
#include <stdlib.h>

#include "codec/failure_text.h"
#include "codec/messages.h"
#include "codec/wallet_reply.h"
#include "shard_asking.h"
#include "shard_history.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/le.h"
#include "util/text.h"
#include "wallet/person.h"

/* What one call may do: about two milliseconds. */
#define LOOKS       512  /* Entries since the last checkpoint, runs of the index, and records. */
#define CHAIN_STEPS 1024 /* Entries that refer to settlements. */
#define HISTORY     256  /* Entries of a wallet. */

#define RANGE_DAYS_MAX 366

static uint32_t go_on(const struct asking *a, const void *cursor, size_t size)
{
    uint8_t *copy = malloc(size);
    if (copy != NULL) memcpy(copy, cursor, size);
    *a->more = copy != NULL;
    return asking_give(a, copy, size);
}

/* Reads a cursor of that size; without one it stays as it is. False: it is none of ours. */
static bool take_cursor(const struct asking *a, void *ret_cursor, size_t size)
{
    if (a->cursor.size == 0) return true;
    if (a->cursor.size != size) return false;
    memcpy(ret_cursor, a->cursor.data, size);
    return true;
}

/* -- the person on the shelf ---------------------------------------------------------------- */

static uint32_t insured_area(const struct person *person)
{
    return person->insured.state != 0 ? person->insured.insu_admdvs : person->wallet.insu_admdvs;
}

/* The person with a wallet that the session may see; else why not. */
static uint32_t load_holder(const struct asking *a, struct person *ret_person)
{
    person_load(a->shard, &a->question->psn_key, ret_person);
    if (ret_person->wallet.state == WALLET_NONE) return ERROR_NOT_FOUND;
    return asking_sees(a, insured_area(ret_person)) ? ERROR_OK : ERROR_NOT_PERMITTED;
}

static const char *why_no_wallet(uint32_t code)
{
    return code == ERROR_NOT_FOUND ? "this person has no wallet"
                                   : "the person is not insured in this province";
}

/* -- a wallet ------------------------------------------------------------------------------- */

static uint32_t give_wallet(const struct asking *a, const struct person *p)
{
    const bool counts = p->limits.day == civil_day(a->now_ms);
    const struct wallet_view view = {
        .wallet = &p->wallet,
        .hold = &p->hold,
        .lots = p->lots,
        .lot_count = p->lot_count,
        .transfers = p->transfers,
        .transfer_count = p->transfer_count,
        .offers = p->offers,
        .offer_count = p->offer_count,
        .relations = p->relations,
        .relation_count = p->relation_count,
        .insu_admdvs = insured_area(p),
        .insutype = p->insured.state != 0 ? p->insured.insutype : p->wallet.insutype,
        .day_count = counts ? p->limits.count : 0,
        .day_sum = counts ? p->limits.sum : 0,
        .balance = person_balance(p),
        .free_balance = person_free_balance(p, a->now_ms),
    };
    size_t size;
    uint8_t *data = wallet_view_encode(&view, &size);
    return asking_give(a, data, size);
}

static uint32_t answer_wallet(const struct asking *a)
{
    struct person *person = malloc(sizeof *person);
    if (person == NULL) return ERROR_OVERLOAD;
    uint32_t code = load_holder(a, person);
    code = code == ERROR_OK ? give_wallet(a, person) : asking_refuse(a, code, why_no_wallet(code));
    free(person);
    return code;
}

/* -- pages ---------------------------------------------------------------------------------- */

/* Where a page begins. */
struct place {
    uint64_t seq;  /* The entry that is looked at first; 0: the end. */
    uint64_t skip; /* Wallets: records of that entry that were given already. */
};

/* A token is a place and a sum over it and the question: nobody can make one, or use one for
 * another question. */
static uint64_t place_sum(const struct asking *a, const struct place *place)
{
    const struct person_question *q = a->question;
    uint8_t text[PSN_KEY_SIZE + 6 * 8];
    uint8_t *at = text + PSN_KEY_SIZE;
    memcpy(text, q->psn_key.bytes, PSN_KEY_SIZE);
    le_store64(at, q->type);
    le_store64(at + 8, q->kind);
    le_store64(at + 16, (uint64_t)q->from_ms);
    le_store64(at + 24, (uint64_t)q->to_ms);
    le_store64(at + 32, place->seq);
    le_store64(at + 40, place->skip);
    return checksum_hash64(a->shard->config.hash_seed, text, sizeof text);
}

#define TOKEN_DIGITS 40 /* seq (16), skip (8), sum (16), hexadecimal. */

static void place_print(const struct asking *a, const struct place *place,
                        char ret_token[PAGE_TOKEN_SIZE])
{
    ret_token[0] = '\0';
    if (place->seq == 0) return;
    char *at = text_put_hex(ret_token, place->seq, 16);
    at = text_put_hex(at, place->skip, 8);
    *text_put_hex(at, place_sum(a, place), 16) = '\0';
}

static bool take_hex(const char **at, int digits, uint64_t *ret_value)
{
    *ret_value = 0;
    for (int i = 0; i < digits; i++, (*at)++) {
        const int digit = text_hex_digit(**at);
        if (digit < 0) return false;
        *ret_value = *ret_value << 4 | (uint64_t)digit;
    }
    return true;
}

/* False: the token is not one of this question's. */
static bool place_parse(const struct asking *a, const char *token, struct place *ret_place)
{
    uint64_t sum;
    return strlen(token) == TOKEN_DIGITS && take_hex(&token, 16, &ret_place->seq) &&
           take_hex(&token, 8, &ret_place->skip) && take_hex(&token, 16, &sum) &&
           sum == place_sum(a, ret_place);
}

static bool is_too_wide(const struct asking *a)
{
    const struct person_question *q = a->question;
    const int64_t to = q->to_ms != 0 ? q->to_ms : a->now_ms;
    return q->from_ms != 0 && to - q->from_ms > RANGE_DAYS_MAX * MS_PER_DAY;
}

static bool in_range(const struct asking *a, int64_t at_ms)
{
    const struct person_question *q = a->question;
    return at_ms >= q->from_ms && (q->to_ms == 0 || at_ms <= q->to_ms);
}

/* Where to begin: at the cursor, else at the token, else at `first`. An error code; `ret_why` says
 * what is wrong with the question. */
static uint32_t begin_page(const struct asking *a, uint64_t first, struct place *ret_place,
                           const char **ret_why)
{
    *ret_place = (struct place){.seq = first};
    *ret_why = "at most 366 days";
    if (is_too_wide(a)) return ERROR_RANGE_TOO_WIDE;
    *ret_why = "page_token: not one of this question's";
    const char *token = a->question->page_token;
    if (token[0] != '\0' && !place_parse(a, token, ret_place)) return ERROR_MALFORMED;
    return take_cursor(a, ret_place, sizeof *ret_place) ? ERROR_OK : ERROR_MALFORMED;
}

/* -- what happened to a wallet -------------------------------------------------------------- */

struct wallet_page {
    struct wallet_record list[PERSON_PAGE_MAX];
    uint32_t count;
    struct place place; /* Where the next one begins. */
};

/* Adds the entry's records that were asked for; false when the page was full before the last. */
static bool add_history(const struct asking *a, const struct history *history,
                        struct wallet_page *page)
{
    for (uint32_t i = (uint32_t)page->place.skip; i < history->count; i++) {
        const struct wallet_record *record = &history->list[i];
        if (a->question->kind != RECORDS_ALL && record->kind != a->question->kind) continue;
        if (page->count == a->question->limit) {
            page->place.skip = i;
            return false;
        }
        page->list[page->count++] = *record;
    }
    return true;
}

/* Fills the page; false when the call's work was done before it was full and before the end. */
static bool fill_wallet_page(const struct asking *a, struct wallet_page *page)
{
    for (uint32_t looked = 0; page->place.seq != 0; looked++) {
        if (looked == HISTORY) return false;
        struct entry entry;
        if (!entry_at(a->shard, page->place.seq, &entry)) return true;
        if (entry.stamp_ms < a->question->from_ms) { /* All that is before it is older. */
            page->place = (struct place){0};
            return true;
        }
        struct history history;
        history_of(&entry, &a->question->psn_key, &history);
        if (in_range(a, entry.stamp_ms) && !add_history(a, &history, page)) return true;
        page->place = (struct place){.seq = history.before};
    }
    return true;
}

static uint32_t give_wallet_records(const struct asking *a, uint64_t last_seq)
{
    const char *why;
    struct wallet_page *page = malloc(sizeof *page);
    if (page == NULL) return ERROR_OVERLOAD;
    page->count = 0;
    uint32_t code = begin_page(a, last_seq, &page->place, &why);
    if (code != ERROR_OK) {
        code = asking_refuse(a, code, why);
    } else if (!fill_wallet_page(a, page) && page->count == 0) {
        code = go_on(a, &page->place, sizeof page->place);
    } else {
        char token[PAGE_TOKEN_SIZE];
        size_t size;
        place_print(a, &page->place, token);
        uint8_t *data = wallet_records_encode(page->list, page->count, token, &size);
        code = asking_give(a, data, size);
    }
    free(page);
    return code;
}

static uint32_t answer_wallet_records(const struct asking *a)
{
    struct person *person = malloc(sizeof *person);
    if (person == NULL) return ERROR_OVERLOAD;
    const uint32_t code = load_holder(a, person);
    const uint64_t last_seq = person->head.last_seq;
    free(person);
    return code == ERROR_OK ? give_wallet_records(a, last_seq)
                            : asking_refuse(a, code, why_no_wallet(code));
}

/* -- records of a person -------------------------------------------------------------------- */

/* Goes through a person's settlements and refunds, newest first. */
struct stroll {
    struct person_records records;
    uint32_t looks; /* What the call may still do. */
    uint32_t steps;
};

static struct stroll stroll_from(const struct asking *a, uint64_t seq)
{
    return (struct stroll){
        .records = person_records_from(asking_key(a), seq, true),
        .looks = LOOKS,
        .steps = CHAIN_STEPS,
    };
}

/* Where a later call goes on. */
static uint64_t stroll_place(const struct stroll *stroll)
{
    return stroll->records.cursor.seq;
}

static enum person_next next_record(const struct asking *a, struct stroll *stroll,
                                    struct entry *ret_entry, struct settlement *ret_settlement)
{
    enum person_next next;
    uint32_t field;
    while ((next = person_records_next(a->shard, &stroll->records, &stroll->looks, ret_entry)) ==
           PERSON_RECORD) {
        if (ret_entry->kind != ENTRY_SETTLEMENT && ret_entry->kind != ENTRY_REFUND) continue;
        ENSURE(settlement_decode(ret_entry->body, ret_settlement, &field));
        break;
    }
    return next;
}

/* -- settlements ---------------------------------------------------------------------------- */

struct settlement_page {
    struct bytes list[PERSON_PAGE_MAX];
    uint32_t count;
    struct place place;
};

static bool is_wanted(const struct asking *a, const struct entry *entry, const struct settlement *s)
{
    return in_range(a, s->setl_time) &&
           (asking_sees(a, s->insu_admdvs) || asking_sees(a, s->mdtrtarea_admvs)) &&
           !asking_taken_back(a, entry);
}

/* As fill_wallet_page(). Looks for one more than fits: a token says that there is one. */
static bool fill_settlement_page(const struct asking *a, struct settlement_page *page)
{
    struct stroll stroll = stroll_from(a, page->place.seq);
    struct entry entry;
    struct settlement settlement;
    enum person_next next;
    while ((next = next_record(a, &stroll, &entry, &settlement)) == PERSON_RECORD) {
        if (!is_wanted(a, &entry, &settlement)) continue;
        if (page->count == a->question->limit) {
            page->place.seq = entry.seq;
            return true;
        }
        page->list[page->count++] = entry.body;
    }
    page->place.seq = next == PERSON_LATER ? stroll_place(&stroll) : 0;
    return next == PERSON_NO_MORE;
}

static uint32_t answer_settlements(const struct asking *a)
{
    const char *why;
    char token[PAGE_TOKEN_SIZE];
    struct settlement_page page = {.count = 0};
    size_t size;
    const uint32_t code = begin_page(a, a->shard->last_seq, &page.place, &why);
    if (code != ERROR_OK) return asking_refuse(a, code, why);
    if (!fill_settlement_page(a, &page) && page.count == 0) {
        return go_on(a, &page.place, sizeof page.place);
    }
    place_print(a, &page.place, token);
    uint8_t *data = settlement_records_encode(page.list, page.count, token, &size);
    return asking_give(a, data, size);
}

/* -- a year --------------------------------------------------------------------------------- */

/* Cursor of a year: where it stands and what was added up. */
struct year_cursor {
    uint64_t place;
    uint64_t count;
    int64_t medfee;
    int64_t fund;
    int64_t in_scope;
    int64_t full;
};

/* What refunds that stand took of fulamt_ownpay_amt, <= 0: marks do not count it. False when the
 * call has not enough left for the whole chain. One that a whole call is not enough for is read as
 * far as that goes. */
static bool refunded_ownpay(const struct asking *a, uint64_t original, const struct mark *mark,
                            struct stroll *stroll, int64_t *ret_amount)
{
    const bool is_whole = stroll->steps == CHAIN_STEPS;
    *ret_amount = 0;
    for (uint64_t seq = mark->last_seq; seq != 0 && seq != original;) {
        if (stroll->steps == 0) return is_whole;
        stroll->steps--;
        struct entry entry;
        struct settlement refund;
        uint32_t field;
        if (!entry_at(a->shard, seq, &entry)) return true;
        seq = entry.prev_seq;
        if (entry.kind != ENTRY_REFUND || asking_taken_back(a, &entry)) continue;
        ENSURE(settlement_decode(entry.body, &refund, &field));
        *ret_amount += refund.amounts[AMOUNT_FULAMT_OWNPAY];
    }
    return true;
}

/* Adds what is left of a settlement after its refunds and adjustments, so that these lower the year
 * of the original, whenever they came. False: not in this call. */
static bool add_settlement(const struct asking *a, const struct entry *entry,
                           const struct settlement *s, struct stroll *stroll,
                           struct year_cursor *year)
{
    const struct mark mark = mark_of(a->shard, entry->seq);
    int64_t refunded = 0;
    if ((mark.flags & MARK_REVERSED) != 0) return true;
    if (mark.refunds != 0 && !refunded_ownpay(a, entry->seq, &mark, stroll, &refunded)) {
        return false;
    }
    const int64_t medfee = s->amounts[AMOUNT_MEDFEE] + mark.changes[AMOUNT_MEDFEE];
    const int64_t full = s->amounts[AMOUNT_FULAMT_OWNPAY] + refunded;
    const int64_t part = s->amounts[AMOUNT_PSN_PART] + mark.changes[AMOUNT_PSN_PART];
    year->count += medfee != 0 || mark.refunds == 0;
    year->medfee += medfee;
    year->fund += s->amounts[AMOUNT_FUND_SUM] + mark.changes[AMOUNT_FUND_SUM];
    year->full += full;
    if (part > full) year->in_scope += part - full;
    return true;
}

static int64_t year_end_ms(uint32_t year)
{
    return civil_month_start_ms((year + 1) * 100 + 1) - 1;
}

static int64_t deductible_of(int64_t selfpay, int64_t from, int64_t most)
{
    const int64_t above = selfpay > from ? selfpay - from : 0;
    return above < most ? above : most;
}

static uint32_t give_year(const struct asking *a, const struct year_cursor *year)
{
    const int64_t end_ms = year_end_ms(a->question->year);
    const struct params *params = a->shard->params;
    struct year_sum sum = {
        .count = year->count,
        .medfee = year->medfee,
        .fund = year->fund,
        .in_scope_selfpay = year->in_scope,
        .full_selfpay = year->full,
        .deduct_from = params_value(params, PARAM_DEDUCT_FROM, 0, end_ms),
        .deduct_max = params_value(params, PARAM_DEDUCT_MAX, 0, end_ms),
        .complete = a->now_ms > end_ms,
    };
    size_t size;
    sum.deductible = deductible_of(sum.in_scope_selfpay, sum.deduct_from, sum.deduct_max);
    uint8_t *data = year_reply_encode(&sum, &size);
    return asking_give(a, data, size);
}

/* What the session may see of a person's year. */
enum sight {
    SIGHT_ALL,
    SIGHT_NONE,
    SIGHT_BY_RECORD, /* The shelf does not know the person: the records say where insured. */
};

static bool sight_of(const struct asking *a, enum sight *ret_sight)
{
    *ret_sight = SIGHT_ALL;
    if (a->province == 0) return true;
    struct person *person = malloc(sizeof *person);
    if (person == NULL) return false;
    person_load(a->shard, &a->question->psn_key, person);
    if (insured_area(person) == 0) {
        *ret_sight = SIGHT_BY_RECORD;
    } else if (!asking_sees(a, insured_area(person))) {
        *ret_sight = SIGHT_NONE;
    }
    free(person);
    return true;
}

static uint32_t add_year(const struct asking *a, enum sight sight, struct year_cursor *year)
{
    struct stroll stroll = stroll_from(a, year->place);
    struct entry entry;
    struct settlement s;
    enum person_next next;
    while ((next = next_record(a, &stroll, &entry, &s)) == PERSON_RECORD) {
        if (entry.kind != ENTRY_SETTLEMENT) continue;
        if (civil_from_ms(s.setl_time).year != (int32_t)a->question->year) continue;
        if (sight == SIGHT_BY_RECORD && !asking_sees(a, s.insu_admdvs)) {
            return asking_refuse(a, ERROR_NOT_PERMITTED,
                                 "the person is not insured in this province");
        }
        if (!add_settlement(a, &entry, &s, &stroll, year)) {
            year->place = entry.seq;
            return go_on(a, year, sizeof *year);
        }
    }
    if (next == PERSON_NO_MORE) return give_year(a, year);
    year->place = stroll_place(&stroll);
    return go_on(a, year, sizeof *year);
}

static uint32_t answer_year(const struct asking *a)
{
    struct year_cursor year = {.place = a->shard->last_seq};
    enum sight sight;
    if (!take_cursor(a, &year, sizeof year)) return ERROR_MALFORMED;
    if (!sight_of(a, &sight)) return ERROR_OVERLOAD;
    if (sight == SIGHT_NONE) {
        return asking_refuse(a, ERROR_NOT_PERMITTED, "the person is not insured in this province");
    }
    return add_year(a, sight, &year);
}

/* -- places --------------------------------------------------------------------------------- */

/* The row that holds for exactly that area at a time, or NULL. */
static const struct rule_row *row_at(const struct params *params, uint32_t param, uint32_t admdvs,
                                     int64_t at_ms)
{
    const struct rule_row *found = NULL;
    for (uint32_t i = params->begin[param]; i < params->begin[param + 1]; i++) {
        const struct rule_row *row = &params->rows[i];
        if (row->admdvs == admdvs && row->eff_ms <= at_ms) found = row;
    }
    return found;
}

/* Area of the row that a value comes from; 0 also for what no row says. */
static uint32_t source_of(const struct params *params, uint32_t param, uint32_t admdvs,
                          int64_t at_ms)
{
    const uint32_t province = admdvs / 10000 * 10000;
    if (row_at(params, param, admdvs, at_ms) != NULL) return admdvs;
    return row_at(params, param, province, at_ms) != NULL ? province : 0;
}

static uint32_t answer_region(const struct asking *a)
{
    const struct params *params = a->shard->params;
    const uint32_t admdvs = a->question->area;
    const int64_t at_ms = a->question->from_ms != 0 ? a->question->from_ms : a->now_ms;
    struct region_param list[PARAM_COUNT];
    size_t size;

    if (!tables_area_known(a->shard->tables, admdvs))
        return asking_refuse(a, ERROR_AREA_UNKNOWN, NULL);
    for (uint32_t param = 0; param < PARAM_COUNT; param++) {
        list[param] = (struct region_param){
            .name = param_name(param),
            .admdvs = source_of(params, param, admdvs, at_ms),
        };
        param_print(param, params_value(params, (enum param)param, admdvs, at_ms),
                    list[param].value);
    }
    const bool enabled = params_value(params, PARAM_WALLET_ENABLED, admdvs, at_ms) != 0;
    uint8_t *data = region_reply_encode(enabled, list, PARAM_COUNT, &size);
    return asking_give(a, data, size);
}

static bool takes_wallet(const struct institution *institution, uint32_t today)
{
    return (institution->level_wallet == 1 || institution->level_wallet == 2) &&
           institution->from <= today && (institution->to == 0 || today <= institution->to);
}

static uint32_t answer_institution(const struct asking *a)
{
    struct institution institution;
    size_t size;
    if (!institution_load(a->shard, bytes_of(a->question->fixmedins_code), &institution)) {
        return asking_refuse(a, ERROR_NOT_FOUND, "not in the directory");
    }
    uint8_t *data = institution_reply_encode(
        &institution, takes_wallet(&institution, civil_day(a->now_ms)), &size);
    return asking_give(a, data, size);
}

/* -- all of them ---------------------------------------------------------------------------- */

uint32_t person_unread(const struct failure *failure, struct answer *ret_answer)
{
    char why[QUESTION_WHY_SIZE];
    failure_text(0, failure, why, sizeof why);
    ret_answer->seq = 0;
    ret_answer->data = person_refusal_encode(failure->code, why, &ret_answer->size);
    return ret_answer->data == NULL ? ERROR_OVERLOAD : failure->code;
}

uint32_t person_answer(const struct shard *shard, const struct request *request, int64_t now_ms,
                       struct answer *ret_answer, bool *ret_more)
{
    struct person_question question;
    char why[QUESTION_WHY_SIZE];
    if (request->area > request->body.size) return ERROR_MALFORMED;
    const struct bytes message = {request->body.data + request->area,
                                  request->body.size - request->area};
    const struct asking asking = {
        .shard = shard,
        .question = &question,
        .cursor = {request->body.data, request->area},
        .now_ms = now_ms,
        .province = request->province,
        .answer = ret_answer,
        .more = ret_more,
    };
    *ret_more = false;
    if (!person_question_decode((uint16_t)request->period, message, &question, why)) {
        return asking_refuse(&asking, ERROR_MALFORMED, why);
    }
    switch (question.type) {
    case MESSAGE_STMT_GET:
        return answer_statement(&asking);
    case MESSAGE_YEAR_SUM_GET:
        return answer_year(&asking);
    case MESSAGE_WLT_QUERY:
        return answer_wallet(&asking);
    case MESSAGE_WLT_RECORDS:
        return answer_wallet_records(&asking);
    case MESSAGE_SETL_RECORDS:
        return answer_settlements(&asking);
    case MESSAGE_REGION_QUERY:
        return answer_region(&asking);
    case MESSAGE_INST_QUERY:
        return answer_institution(&asking);
    case MESSAGE_OUTBOX_GET:
        return answer_outbox(&asking);
    default:
        return ERROR_UNKNOWN_TYPE;
    }
}
