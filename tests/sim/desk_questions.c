#include "tests/sim/desk_questions.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/cycle_walk.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

#define ANSWER_MAX (1u << 20)
#define ROW_MAX    4096
#define PAGE_MAX   1000

static struct {
    struct desk_question *list;
    uint32_t count;
    uint32_t first; /* Nothing before it is open. */
} q;

/* -- rows ----------------------------------------------------------------------------------------
 */

struct answer_rows answer_rows(const struct query *query)
{
    static uint8_t room[ANSWER_MAX];
    return (struct answer_rows){
        .pb = {room, 0, sizeof room},
        .skip = query->offset,
        .left = query->limit != 0 && query->limit < PAGE_MAX ? query->limit : PAGE_MAX,
    };
}

bool answer_takes(struct answer_rows *rows)
{
    if (rows->more) return false;
    if (rows->skip != 0) {
        rows->skip--;
        return false;
    }
    rows->more = rows->left == 0;
    if (rows->more) return false;
    rows->left--;
    return true;
}

struct pb answer_row(void)
{
    static uint8_t room[ROW_MAX];
    return (struct pb){room, 0, sizeof room};
}

void answer_add(struct answer_rows *rows, uint32_t field, const struct pb *row)
{
    pb_bytes(&rows->pb, field, (struct bytes){row->data, row->size});
}

void answer_end(struct pb *pb, const struct answer_rows *rows)
{
    pb_put(pb, 3, rows->more);
    ENSURE(rows->pb.size <= pb->room - pb->size);
    memcpy(pb->data + pb->size, rows->pb.data, rows->pb.size);
    pb->size += rows->pb.size;
}

uint32_t answer_province(uint8_t index)
{
    return index < PROVINCE_COUNT ? province_codes[index] : 0;
}

uint32_t answer_insutype(uint8_t insurance)
{
    static const uint32_t codes[INSURANCE_COUNT] = {310, 390, 340, 999};
    return codes[insurance];
}

bool answer_concerns(const struct query *query, uint8_t payer, uint8_t payee)
{
    return query->province == 0 || answer_province(payer) == query->province ||
           answer_province(payee) == query->province;
}

void answer_payment(struct pb *row, const struct desk_payment *payment)
{
    pb_put(row, 1, answer_province(payment->payer));
    pb_put(row, 2, answer_province(payment->payee));
    pb_put(row, 3, payment->count);
    pb_fen(row, 4, payment->amount);
}

void answer_position(struct pb *row, desk_pairs totals, uint8_t province)
{
    int64_t payable = 0, receivable = 0;
    for (int other = 0; other < PROVINCE_COUNT; other++) {
        payable += desk_sum(totals[province][other].funds);
        receivable += desk_sum(totals[other][province].funds);
    }
    pb_put(row, 1, answer_province(province));
    pb_fen(row, 2, payable);
    pb_fen(row, 3, receivable);
    pb_fen(row, 4, receivable - payable);
}

/* -- what was asked ------------------------------------------------------------------------------
 */

static bool is_report(uint16_t type)
{
    return type == MESSAGE_PERIOD_LIST || type == MESSAGE_NET_REPORT ||
           type == MESSAGE_POSITION_REPORT;
}

static bool is_known_province(uint32_t code)
{
    return code < 100 && province_index(code) != PROVINCE_NONE;
}

/* A province asks about itself; another one's is not told. */
static uint32_t narrow(struct query *query, uint32_t sender)
{
    const uint32_t named = query->province;
    const bool book = query->type == MESSAGE_BOOK_GET;
    if (sender != 0 &&
        (book ? query->payer != sender && query->payee != sender : named != 0 && named != sender)) {
        return ERROR_SENDER_NOT_ALLOWED;
    }
    if (sender != 0 && !book) query->province = sender;
    return query->province == 0 || is_known_province(query->province) ? ERROR_OK
                                                                      : ERROR_UNKNOWN_AREA;
}

static bool names_month(uint16_t type)
{
    return type == MESSAGE_AREA_REPORT || type == MESSAGE_CELL_LIST || type == MESSAGE_CALENDAR_GET;
}

/* The code of a refusal that hangs on the message alone. */
static uint32_t refused(struct desk_question *one)
{
    const struct sim_said *said = one->said;
    if (is_report(said->type)) {
        if (said->province != 0) return ERROR_SENDER_NOT_ALLOWED;
        if (!centre_request_decode(said->type, said->body, &one->request)) return ERROR_MALFORMED;
        return said->type == MESSAGE_PERIOD_LIST || desk_month_valid(one->request.period)
                   ? ERROR_OK
                   : ERROR_MALFORMED;
    }
    if (!query_decode(said->type, said->body, &one->query)) return ERROR_MALFORMED;
    const uint32_t code = narrow(&one->query, said->province);
    if (code != ERROR_OK) return code;
    if (said->type == MESSAGE_AREA_REPORT && one->query.province == 0) return ERROR_MALFORMED;
    return !names_month(said->type) || desk_month_valid(one->query.period) ? ERROR_OK
                                                                           : ERROR_MALFORMED;
}

static void read_question(struct desk_question *one, const struct sim_said *said)
{
    *one = (struct desk_question){.said = said};
    one->refused = refused(one);
    one->open = said->answered != 0 && said->answer_type != MESSAGE_ERROR;
    if (one->open) asks_window(walk.asks, 0, said->sent, said->answered, &one->after, &one->before);
}

void questions_read(struct sim_history *history)
{
    const uint32_t rows = sim_history_count(history);
    q.list = calloc(rows + 1, sizeof *q.list);
    ENSURE(q.list != NULL);
    q.count = q.first = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (query_type(said->type) || is_report(said->type))
            read_question(&q.list[q.count++], said);
    }
}

void questions_free(void)
{
    free(q.list);
}

/* -- answers -------------------------------------------------------------------------------------
 */

static answer_fn *answerer_of(uint16_t type)
{
    switch (type) {
    case MESSAGE_DIFFERENCE_LIST:
        return answer_differences;
    case MESSAGE_EXCEPTION_LIST:
        return answer_exceptions;
    case MESSAGE_DISPUTE_LIST:
        return answer_disputes;
    case MESSAGE_NOTICE_LIST:
        return answer_notices;
    case MESSAGE_PREFUND_LIST:
        return answer_prefunds;
    case MESSAGE_SETTING_LIST:
        return answer_settings;
    case MESSAGE_AREA_REPORT:
        return answer_areas;
    default:
        return NULL;
    }
}

static judge_fn *judge_of(uint16_t type)
{
    switch (type) {
    case MESSAGE_BATCH_GET:
        return judge_batch;
    case MESSAGE_BOOK_GET:
        return judge_book;
    case MESSAGE_PERIOD_LIST:
        return judge_periods;
    case MESSAGE_NET_REPORT:
        return judge_net;
    case MESSAGE_POSITION_REPORT:
        return judge_positions;
    case MESSAGE_CELL_LIST:
        return judge_cells;
    case MESSAGE_CALENDAR_GET:
        return judge_calendar;
    default:
        return NULL;
    }
}

static bool is_answer(const struct desk_question *one, int64_t now_ms)
{
    static uint8_t room[ANSWER_MAX];
    struct pb pb = {room, 0, sizeof room};
    const struct bytes answer = one->said->answer;
    const uint32_t code = reply_code(answer);
    judge_fn *judge = judge_of(one->said->type);
    if (one->refused != ERROR_OK) return code == one->refused;
    if (judge != NULL) return judge(one, now_ms);
    const uint32_t want = answerer_of(one->said->type)(one, now_ms, &pb);
    if (want != ERROR_OK) return code == want;
    return bytes_equal(answer, (struct bytes){pb.data, pb.size});
}

void questions_judge(uint64_t until, int64_t until_ms)
{
    while (q.first < q.count && !q.list[q.first].open)
        q.first++;
    for (uint32_t i = q.first; i < q.count; i++) {
        struct desk_question *one = &q.list[i];
        int64_t times[WALK_TIMES];
        if (!one->open || one->after >= until || one->before <= walk.from) continue;
        const uint32_t count = walk_times(one->said, one->after, until_ms, times);
        for (uint32_t t = 0; t < count && one->open; t++)
            one->open = !is_answer(one, times[t]);
    }
}

bool questions_rest(uint64_t until, struct finding *finding)
{
    for (uint32_t i = 0; i < q.count; i++) {
        const struct desk_question *one = &q.list[i];
        if (!one->open || one->before > until) continue;
        return finding_set(finding,
                           "(H11) the answer to a question of type %04x, sent as %" PRIu64
                           " (code %u), is the model's nowhere between seq %" PRIu64 " and %" PRIu64
                           " of shard 0",
                           one->said->type, one->said->sent, reply_code(one->said->answer),
                           one->after, one->before);
    }
    return true;
}
