/* answers_lists -- the cycle's lists of differences, exceptions, disputes and notices as the desk's
 * model has them. */
#include <stdlib.h>

#include "tests/sim/cycle_walk.h"
#include "tests/sim/desk_questions.h"
#include "types/error.h"

static bool of_period(const struct query *query, uint32_t period)
{
    return query->period == 0 || query->period == period;
}

static bool is_word(const char *asked, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(asked, words[i]) != 0)
        i++;
    return asked[0] == '\0' || i < count;
}

#define IS_WORD(asked, words) is_word(asked, words, sizeof(words) / sizeof((words)[0]))

/* An id or number, as far as it goes. */
static void put_word(struct pb *pb, uint32_t field, const char *text, size_t room)
{
    pb_bytes(pb, field, (struct bytes){(const uint8_t *)text, strnlen(text, room)});
}

static void put_id(struct pb *pb, uint32_t field, const struct record_ref *ref)
{
    pb_bytes(pb, field, (struct bytes){(const uint8_t *)ref->setl_id, ref->size});
}

/* -- differences ---------------------------------------------------------------------------------
 */

static bool wants_difference(const struct query *query, const struct difference_row *row)
{
    const bool payers = row->side == SIDE_PAYER;
    const uint32_t whose = answer_province(payers ? row->payer : row->payee);
    const uint32_t other = answer_province(payers ? row->payee : row->payer);
    return (query->province == 0 || query->province == whose) && of_period(query, row->period) &&
           (query->day == 0 || query->day == row->day) &&
           (query->counterpart == 0 || query->counterpart == other) && (row->open || query->flag);
}

uint32_t answer_differences(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    static const char *const kinds[] = {"",       "ONLY_PAYEE", "ONLY_PAYER",
                                        "AMOUNT", "FLAG",       "DUPLICATE"};
    struct answer_rows rows = answer_rows(&q->query);
    (void)now_ms;
    for (uint32_t i = 0; i < walk.model->differences.count; i++) {
        const struct difference_row *d = &walk.model->differences.list[i];
        struct pb row = answer_row();
        if (!wants_difference(&q->query, d) || !answer_takes(&rows)) continue;
        pb_put(&row, 1, d->day);
        pb_put(&row, 2, answer_province(d->payer));
        pb_put(&row, 3, answer_province(d->payee));
        pb_text(&row, 4, d->side == SIDE_PAYER ? "payer" : "payee");
        pb_put(&row, 5, d->ref.insu_admdvs);
        put_id(&row, 6, &d->ref);
        pb_text(&row, 7, kinds[d->kind]);
        pb_put(&row, 8, d->at_centre);
        pb_put(&row, 9, d->open);
        pb_fen(&row, 10, d->their_medfee);
        pb_fen(&row, 11, d->their_fund);
        pb_fen(&row, 12, d->their_acct);
        pb_fen(&row, 13, d->our_medfee);
        pb_fen(&row, 14, d->our_fund);
        pb_fen(&row, 15, d->our_acct);
        pb_put(&row, 16, d->period);
        pb_put(&row, 17, (uint64_t)d->at_ms);
        answer_add(&rows, 4, &row);
    }
    answer_end(pb, &rows);
    return ERROR_OK;
}

/* -- exceptions ----------------------------------------------------------------------------------
 */

/* What has come of a record of its own. */
static const char *state_of(const struct desk_exception *exception, uint32_t batch)
{
    const uint32_t flags = exception->flags;
    return (flags & EXCEPTION_REVERSED) != 0                              ? "REVERSED"
           : (flags & EXCEPTION_VOID) != 0                                ? "VOID"
           : (flags & (EXCEPTION_DIFF_PAYER | EXCEPTION_DIFF_PAYEE)) != 0 ? "MISMATCHED"
           : (flags & EXCEPTION_DISPUTED) != 0                            ? "DISPUTED"
           : (flags & EXCEPTION_HELD) != 0                                ? "HELD"
           : batch != 0                                                   ? "BATCHED"
                                                                          : "CONFIRMED";
}

uint32_t answer_exceptions(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    static const char *const states[] = {"MISMATCHED", "HELD",    "DISPUTED", "VOID",
                                         "CONFIRMED",  "BATCHED", "REVERSED"};
    struct answer_rows rows = answer_rows(&q->query);
    (void)now_ms;
    if (!IS_WORD(q->query.state, states)) return ERROR_MALFORMED;
    for (uint32_t i = 0; i < walk.model->exceptions.count; i++) {
        const struct desk_exception *exception = &walk.model->exceptions.list[i];
        const struct desk_record *record = &walk.model->records.list[exception->record];
        const struct record_facts *facts = &record->facts;
        const char *state = state_of(exception, record->batch);
        struct pb row = answer_row();
        char batch[NUMBER_SIZE] = "";
        if (!answer_concerns(&q->query, facts->payer, facts->payee) ||
            !of_period(&q->query, facts->period) ||
            (q->query.state[0] != '\0' && strcmp(q->query.state, state) != 0) ||
            !answer_takes(&rows)) {
            continue;
        }
        if (record->batch != 0) desk_batch_name(desk_batch_by_id(walk.model, record->batch), batch);
        pb_put(&row, 1, exception->ref.insu_admdvs);
        put_id(&row, 2, &exception->ref);
        pb_put(&row, 3, answer_province(facts->payer));
        pb_put(&row, 4, answer_province(facts->payee));
        pb_put(&row, 5, facts->period);
        pb_put(&row, 6, facts->line);
        pb_put(&row, 7, answer_insutype(facts->insurance));
        pb_text(&row, 8, state);
        pb_fen(&row, 9, desk_sum(facts->funds));
        pb_fen(&row, 10, desk_sum(exception->deducted));
        pb_put(&row, 11, exception->det_type);
        pb_put(&row, 12, exception->carved);
        pb_text(&row, 13, batch);
        put_word(&row, 14, exception->dispute_no, sizeof exception->dispute_no);
        pb_put(&row, 15, exception->held_since);
        pb_put(&row, 16, (uint64_t)exception->since_ms);
        answer_add(&rows, 4, &row);
    }
    answer_end(pb, &rows);
    return ERROR_OK;
}

/* -- disputes ------------------------------------------------------------------------------------
 */

uint32_t answer_disputes(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    static const char *const states[] = {"", "OPEN", "ACCEPTED", "CONTESTED", "RESOLVED"};
    static const char *const outcomes[] = {"", "pay", "part", "void"};
    struct answer_rows rows = answer_rows(&q->query);
    (void)now_ms;
    if (!IS_WORD(q->query.state, states)) return ERROR_MALFORMED;
    for (uint32_t i = 0; i < walk.model->disputes.count; i++) {
        const struct dispute_row *d = &walk.model->disputes.list[i];
        struct pb row = answer_row();
        if (!answer_concerns(&q->query, d->payer, d->payee) || !of_period(&q->query, d->period) ||
            (q->query.state[0] != '\0' && strcmp(q->query.state, states[d->state]) != 0) ||
            !answer_takes(&rows)) {
            continue;
        }
        put_word(&row, 1, d->dispute_no, sizeof d->dispute_no);
        pb_put(&row, 2, d->ref.insu_admdvs);
        put_id(&row, 3, &d->ref);
        pb_put(&row, 4, answer_province(d->payer));
        pb_put(&row, 5, answer_province(d->payee));
        pb_put(&row, 6, d->period);
        pb_put(&row, 7, d->reason);
        pb_text(&row, 8, states[d->state]);
        pb_text(&row, 9, outcomes[d->outcome]);
        pb_fen(&row, 10, d->amount);
        pb_fen(&row, 11, d->resolved);
        pb_put(&row, 12, d->reply_due);
        pb_put(&row, 13, d->resolve_due);
        pb_put(&row, 14, (uint64_t)d->opened_ms);
        pb_put(&row, 15, (uint64_t)d->replied_ms);
        pb_put(&row, 16, (uint64_t)d->resolved_ms);
        answer_add(&rows, 4, &row);
    }
    answer_end(pb, &rows);
    return ERROR_OK;
}

/* -- notices -------------------------------------------------------------------------------------
 */

static const char *const notice_kinds[] = {
    "", "CLEARING", "PREFUND_OPENING", "PREFUND_YEAR", "PREFUND_EMERGENCY", "REVERSE", "RETURN"};

static bool is_overdue(const struct notice_row *notice, int64_t now_ms)
{
    return notice->state == NOTICE_DUE && desk_day(now_ms) > notice->transfer_due;
}

static const char *notice_state(const struct notice_row *notice, int64_t now_ms)
{
    static const char *const states[] = {"", "DUE", "PAID", "SETTLED", "CANCELLED"};
    return is_overdue(notice, now_ms) ? "OVERDUE" : states[notice->state];
}

/* Small letters are as good, and a beginning up to an underscore. */
static bool is_kind(const char *asked, const char *kind)
{
    size_t i = 0;
    for (; asked[i] != '\0'; i++) {
        const char letter = asked[i] == '-'                      ? '_'
                            : asked[i] >= 'a' && asked[i] <= 'z' ? (char)(asked[i] - 'a' + 'A')
                                                                 : asked[i];
        if (letter != kind[i]) return false;
    }
    return i == 0 || kind[i] == '\0' || kind[i] == '_';
}

static bool is_some_kind(const char *asked)
{
    for (int kind = NOTICE_CLEARING; kind <= NOTICE_RETURN; kind++) {
        if (is_kind(asked, notice_kinds[kind])) return true;
    }
    return false;
}

static uint32_t days_late(const struct notice_row *notice, int64_t now_ms)
{
    uint32_t count = 0, day = notice->transfer_due;
    while (is_overdue(notice, now_ms) && day < desk_day(now_ms)) {
        day = desk_days_later(day, 1);
        count += desk_is_worked(walk.model, day);
    }
    return count;
}

static void write_notice(struct pb *row, const struct notice_row *n, int64_t now_ms)
{
    static const char *const modes[] = {"gross", "bilateral", "multilateral",
                                        "multilateral-direct"};
    char batch[NUMBER_SIZE] = "";
    if (n->batch != 0) desk_batch_name(desk_batch_by_id(walk.model, n->batch), batch);
    put_word(row, 1, n->number, sizeof n->number);
    pb_text(row, 2, notice_kinds[n->kind]);
    pb_text(row, 3, notice_state(n, now_ms));
    pb_put(row, 4, n->version);
    pb_text(row, 5, modes[n->mode]);
    pb_put(row, 6, answer_province(n->payer));
    pb_put(row, 7, answer_province(n->payee));
    pb_text(row, 8, batch);
    pb_put(row, 9, n->period);
    pb_fen(row, 10, n->amount);
    pb_fen(row, 11, n->reported);
    pb_fen(row, 12, n->received);
    pb_fen(row, 13, n->old_amount);
    pb_fen(row, 14, n->new_amount);
    pb_put(row, 15, n->file_due);
    pb_put(row, 16, n->transfer_due);
    pb_put(row, 17, n->feedback_due);
    pb_put(row, 18, (uint64_t)n->issued_ms);
    pb_put(row, 19, (uint64_t)n->settled_ms);
    put_word(row, 20, n->replaces, sizeof n->replaces);
    pb_put(row, 21, days_late(n, now_ms));
}

static void write_payments(struct pb *row, const char *number)
{
    static const char *const states[] = {"", "REPORTED", "RECEIVED", "REJECTED"};
    for (uint32_t i = 0; i < walk.model->payments.count; i++) {
        const struct payment_row *p = &walk.model->payments.list[i];
        uint8_t room[128];
        struct pb one = {room, 0, sizeof room};
        if (strncmp(p->number, number, NUMBER_SIZE) != 0) continue;
        put_word(&one, 1, p->bank_ref, sizeof p->bank_ref);
        pb_fen(&one, 2, p->amount);
        pb_text(&one, 3, states[p->state]);
        pb_put(&one, 4, (uint64_t)p->paid_at_ms);
        pb_put(&one, 5, (uint64_t)p->reported_ms);
        pb_put(&one, 6, (uint64_t)p->confirmed_ms);
        pb_bytes(row, 22, (struct bytes){one.data, one.size});
    }
}

uint32_t answer_notices(const struct desk_question *q, int64_t now_ms, struct pb *pb)
{
    static const char *const states[] = {"DUE", "OVERDUE", "PAID", "SETTLED", "CANCELLED"};
    const struct query *query = &q->query;
    struct answer_rows rows = answer_rows(query);
    if (!IS_WORD(query->state, states) || !is_some_kind(query->kind)) return ERROR_MALFORMED;
    for (uint32_t i = 0; i < walk.model->notices.count; i++) {
        const struct notice_row *n = &walk.model->notices.list[i];
        struct pb row = answer_row();
        if (!answer_concerns(query, n->payer, n->payee) || !of_period(query, n->period) ||
            !is_kind(query->kind, notice_kinds[n->kind]) ||
            (query->number[0] != '\0' && strcmp(query->number, n->number) != 0) ||
            (query->state[0] != '\0' && strcmp(query->state, notice_state(n, now_ms)) != 0) ||
            !answer_takes(&rows)) {
            continue;
        }
        write_notice(&row, n, now_ms);
        if (query->number[0] != '\0') write_payments(&row, n->number);
        answer_add(&rows, 4, &row);
    }
    answer_end(pb, &rows);
    return ERROR_OK;
}
