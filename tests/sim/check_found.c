#include "tests/sim/check_found.h"

#include <inttypes.h>
#include <stdlib.h>

#include "codec/centre.h"
#include "tests/model/model_questions.h"
#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

/* A question, and how many rows of its answer were somebody's. */
struct found_question {
    const struct sim_said *said;
    struct centre_request asked;
    bool read; /* It is a question, and the centre's. */
    uint32_t rows;
    uint32_t claimed;
};

static struct {
    struct found_question *list;
    uint32_t count;
} q;

/* -- the questions -------------------------------------------------------------------------------
 */

static uint32_t count_rows(struct bytes answer)
{
    struct pb_field field;
    uint32_t count = 0;
    while (pb_next(&answer, &field))
        count += field.number == 3;
    return count;
}

void found_read(struct sim_history *history)
{
    const uint32_t rows = sim_history_count(history);
    q.list = calloc(rows + 1, sizeof *q.list);
    ENSURE(q.list != NULL);
    q.count = 0;
    for (uint32_t i = 0; i < rows; i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (said->type != MESSAGE_SETTLEMENT_GET || said->answered == 0 ||
            said->answer_type == MESSAGE_ERROR) {
            continue;
        }
        struct found_question *one = &q.list[q.count++];
        one->said = said;
        one->read =
            said->province == 0 && centre_request_decode(said->type, said->body, &one->asked);
        one->rows = reply_code(said->answer) == ERROR_OK ? count_rows(said->answer) : 0;
    }
}

/* -- a record ------------------------------------------------------------------------------------
 */

/* The record at hand as it was at some place of its shard. */
struct record_at {
    const struct questioned *about;
    int item;
    const struct entry *entry;
    bool cut;
};

static const struct entry *entry_of(const struct questioned *about, int item)
{
    return &about->shard->entries[about->seqs[item] - 1];
}

static int64_t cleared(const struct model_item *item)
{
    int64_t funds[FUND_COUNT], sum = 0;
    model_funds(item, funds);
    for (int i = 0; i < FUND_COUNT; i++)
        sum += funds[i];
    return sum;
}

static void write_posting(struct pb *pb, const char *account, int fund, int64_t debit)
{
    static const char *const funds[FUND_COUNT] = {"POOL", "ACCOUNT", "SUPPLEMENT", "ASSISTANCE",
                                                  "OTHER"};
    uint8_t room[64];
    struct pb row = {room, 0, sizeof room};
    pb_text(&row, 1, account);
    pb_text(&row, 2, funds[fund]);
    pb_fen(&row, 3, debit);
    pb_bytes(pb, 10, (struct bytes){row.data, row.size});
}

static void write_postings(struct pb *pb, const struct record_at *r)
{
    int64_t funds[FUND_COUNT];
    model_funds(&r->about->model->items[r->item], funds);
    for (int fund = 0; fund < FUND_COUNT; fund++) {
        if (funds[fund] == 0) continue;
        write_posting(pb, "COST", fund, funds[fund]);
        write_posting(pb, "ACCRUED", fund, -funds[fund]);
        if (!r->cut) continue;
        write_posting(pb, "ACCRUED", fund, funds[fund]);
        write_posting(pb, "CLEARING", fund, -funds[fund]);
    }
}

static void write_event(struct pb *pb, const struct record_at *r, int item, const char *what,
                        struct bytes ref, int64_t amount)
{
    const struct entry *entry = entry_of(r->about, item);
    uint8_t room[128];
    struct pb row = {room, 0, sizeof room};
    pb_put(&row, 1, entry->seq);
    pb_put(&row, 2, (uint64_t)entry->stamp_ms);
    pb_text(&row, 3, what);
    pb_bytes(&row, 4, ref);
    pb_fen(&row, 5, amount);
    pb_put(&row, 6, entry->period);
    pb_bytes(pb, 11, (struct bytes){row.data, row.size});
}

/* What became of it, oldest first; of one that was taken back, that alone. */
static void write_history(struct pb *pb, const struct record_at *r)
{
    const struct model *model = r->about->model;
    const struct model_item *record = &model->items[r->item];
    const bool gone = model_is_cancelled(model, r->item);
    write_event(pb, r, r->item, "accepted", record->s.setl_id, cleared(record));
    for (int i = 0; i < model->count; i++) {
        const struct model_item *its = &model->items[i];
        const bool back = model_is_cancelled(model, i);
        if (its->target != r->item) continue;
        if (gone && its->kind == MODEL_CORRECTION)
            write_event(pb, r, i, "correction", its->c.msgid, 0);
        if (!gone && its->kind == MODEL_REFUND)
            write_event(pb, r, i, back ? "refund, reversed" : "refund", its->s.setl_id,
                        cleared(its));
        if (!gone && its->kind == MODEL_ADJUSTMENT)
            write_event(pb, r, i, back ? "adjustment, reversed" : "adjustment", its->a.adj_no,
                        cleared(its));
    }
}

static bool says_record(const struct record_at *r, struct bytes told)
{
    static uint8_t room[64 * 1024];
    struct pb pb = {room, 0, sizeof room};
    const struct model *model = r->about->model;
    const struct model_item *item = &model->items[r->item];
    const int64_t medfee = item->s.amounts[AMOUNT_MEDFEE];
    const bool refund = item->kind == MODEL_REFUND, gone = model_is_cancelled(model, r->item);
    pb_bytes(&pb, 1, r->entry->body);
    pb_text(&pb, 2, gone ? "REVERSED" : r->cut ? "CLEARING" : "ACCRUED");
    pb_put(&pb, 3, item->period);
    pb_put(&pb, 4, item->orig_period);
    pb_put(&pb, 5, r->entry->seq);
    pb_put(&pb, 6, r->about->shard_index);
    pb_put(&pb, 7, (uint64_t)item->stamp_ms);
    pb_fen(&pb, 8, cleared(item));
    pb_put(&pb, 9, (uint64_t)item->line);
    write_postings(&pb, r);
    write_history(&pb, r);
    if (!refund && !gone) pb_fen(&pb, 12, model_left_of(model, r->item, AMOUNT_MEDFEE) - medfee);
    pb_put(&pb, 13, refund ? ENTRY_REFUND : ENTRY_SETTLEMENT);
    return bytes_equal(told, (struct bytes){pb.data, pb.size});
}

/* Behind that entry of its shard. */
static bool says_at(const struct questioned *about, int item, uint64_t place, struct bytes told)
{
    struct model *model = about->model;
    const int total = model->count;
    int count = 0;
    while (count < total && about->seqs[count] <= place)
        count++;
    model->count = count;
    const struct record_at r = {
        .about = about,
        .item = item,
        .entry = entry_of(about, item),
        .cut = model_cut_after(model, item) != 0,
    };
    const bool good = item < count && says_record(&r, told);
    model->count = total;
    return good;
}

/* -- a person's rows -----------------------------------------------------------------------------
 */

static bool row_of(const struct found_question *one, const struct questioned *about, uint64_t seq,
                   struct bytes *ret_row)
{
    struct bytes rest = one->said->answer;
    struct pb_field field;
    while (one->rows != 0 && pb_next(&rest, &field)) {
        if (field.number == 3 && pb_get(field.bytes, 6) == about->shard_index &&
            pb_get(field.bytes, 5) == seq) {
            *ret_row = field.bytes;
            return true;
        }
    }
    return false;
}

static bool judge_record(struct found_question *one, const struct questioned *about, int item)
{
    uint64_t after, before;
    struct bytes told;
    const uint64_t seq = about->seqs[item];
    asks_window(about->asks, about->shard_index, one->said->sent, one->said->answered, &after,
                &before);
    if (!row_of(one, about, seq, &told)) return seq > after;
    one->claimed++;
    bool good = says_at(about, item, after, told);
    for (int i = 0; i < about->model->count && !good; i++) {
        good = about->seqs[i] > after && about->seqs[i] < before &&
               says_at(about, item, about->seqs[i], told);
    }
    return good;
}

bool found_judge(const struct questioned *about, struct finding *finding)
{
    for (uint32_t i = 0; i < q.count; i++) {
        struct found_question *one = &q.list[i];
        const struct bytes id = {(const uint8_t *)one->asked.setl_id, one->asked.setl_id_size};
        for (int k = 0; one->read && k < about->model->count; k++) {
            const struct model_item *item = &about->model->items[k];
            if (item->kind > MODEL_REFUND || item->s.insu_admdvs != one->asked.area ||
                !bytes_equal(item->s.setl_id, id) || judge_record(one, about, k)) {
                continue;
            }
            return finding_set(
                finding,
                "(H11) the answer to type %04x, sent as %" PRIu64 ", does not say of seq %" PRIu64
                " of shard %u what the model has at any time between",
                one->said->type, one->said->sent, about->seqs[k], about->shard_index);
        }
    }
    return true;
}

/* What none of them can be is refused; who speaks for a province, in any case. */
static bool is_refused_well(const struct found_question *one)
{
    const uint32_t code = reply_code(one->said->answer);
    if (one->said->province != 0) return code == ERROR_SENDER_NOT_ALLOWED;
    if (!one->read) return code == ERROR_MALFORMED;
    return one->rows == one->claimed && code == (one->rows != 0 ? ERROR_OK : ERROR_NOT_FOUND);
}

bool found_done(struct finding *finding)
{
    bool good = true;
    for (uint32_t i = 0; i < q.count && good; i++) {
        const struct found_question *one = &q.list[i];
        good = is_refused_well(one) ||
               finding_set(finding,
                           "(H11) a question of type %04x, sent as %" PRIu64
                           ", was answered %u with %u rows, of which %u are somebody's",
                           one->said->type, one->said->sent, reply_code(one->said->answer),
                           one->rows, one->claimed);
    }
    free(q.list);
    q.list = NULL;
    q.count = 0;
    return good;
}
