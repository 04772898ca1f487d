/* answers_batches -- what is told of a batch, against what the desk's model has in it. Its lines
 * are the engine's own cut of it: of them the sums of each pair are the model's. */
#include <stdlib.h>

#include "tests/model/desk_tables.h"
#include "tests/sim/cycle_walk.h"
#include "tests/sim/desk_questions.h"
#include "types/ensure.h"
#include "types/error.h"

static const char *const modes[] = {"gross", "bilateral", "multilateral", "multilateral-direct"};

/* Varints of one field side by side, as proto3 has numbers that repeat. */
static void put_packed(struct pb *pb, uint32_t field, const int64_t *list, uint32_t count)
{
    uint8_t room[PROVINCE_COUNT * 10];
    struct pb packed = {room, 0, sizeof room};
    for (uint32_t i = 0; i < count; i++)
        pb_raw_varint(&packed, (uint64_t)list[i]);
    pb_bytes(pb, field, (struct bytes){room, packed.size});
}

static void write_head(struct pb *pb, const struct batch_row *row, const uint8_t *digest)
{
    static const char *const states[] = {"OPEN",    "CUT",    "COMPUTED", "PUBLISHED", "SIGNED",
                                         "NOTICED", "PAYING", "SETTLED",  "ARCHIVED",  "ABORTED"};
    int64_t unwound[PROVINCE_COUNT];
    uint32_t unwound_count = 0;
    struct pb head = answer_row();
    pb_put(&head, 1, row->period);
    pb_put(&head, 2, row->number);
    pb_put(&head, 3, row->id);
    pb_put(&head, 4, row->version);
    pb_put(&head, 5, row->published_version);
    pb_text(&head, 6, states[row->state]);
    pb_text(&head, 7, modes[row->mode]);
    pb_put(&head, 8, row->stale);
    pb_put(&head, 9, row->count);
    pb_fen(&head, 10, row->gross);
    pb_fen(&head, 11, row->bilateral);
    pb_fen(&head, 12, row->multilateral);
    put_packed(&head, 13, &row->at_ms[BATCH_CUT], BATCH_ABORTED - BATCH_CUT + 1);
    pb_bytes(&head, 14, (struct bytes){digest, sizeof row->digest});
    for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
        if ((row->unwound >> i & 1) != 0) unwound[unwound_count++] = answer_province(i);
    }
    put_packed(&head, 15, unwound, unwound_count);
    pb_bytes(pb, 4, (struct bytes){head.data, head.size});
}

static void write_signatures(struct pb *pb, const struct query *query, uint32_t batch)
{
    static const char *const states[] = {"", "SIGNED", "OBJECTED", "SILENT"};
    for (uint8_t i = 0; i < PROVINCE_COUNT; i++) {
        const struct sign_row *sign = desk_sign_of(walk.model, batch, i);
        struct pb row = answer_row();
        pb_put(&row, 1, answer_province(i));
        if (sign != NULL && answer_concerns(query, i, i)) {
            pb_text(&row, 2, states[sign->state]);
            pb_put(&row, 3, sign->version);
            pb_put(&row, 4, (uint64_t)sign->at_ms);
            pb_bytes(&row, 5,
                     (struct bytes){(const uint8_t *)sign->reason,
                                    strnlen(sign->reason, sizeof sign->reason)});
        }
        pb_bytes(pb, 6, (struct bytes){row.data, row.size});
    }
}

static void write_payments(struct pb *pb, const struct query *query, desk_pairs totals,
                           enum desk_mode mode)
{
    static struct desk_payments payments;
    desk_pay_out(totals, mode, &payments);
    for (uint32_t i = 0; i < payments.count; i++) {
        const struct desk_payment *payment = &payments.list[i];
        struct pb row = answer_row();
        if (!answer_concerns(query, payment->payer, payment->payee)) continue;
        answer_payment(&row, payment);
        pb_bytes(pb, 7, (struct bytes){row.data, row.size});
    }
}

static void write_positions(struct pb *pb, const struct query *query, desk_pairs totals)
{
    for (uint8_t p = 0; p < PROVINCE_COUNT; p++) {
        struct pb row = answer_row();
        if (answer_concerns(query, p, p))
            answer_position(&row, totals, p);
        else
            pb_put(&row, 1, answer_province(p));
        pb_bytes(pb, 8, (struct bytes){row.data, row.size});
    }
}

/* Whole: each pair's lines come to what the model has. In any case one line stands behind the
 * other. */
static bool lines_are(const struct desk_question *q, desk_pairs totals)
{
    static desk_pairs left;
    struct bytes rest = q->said->answer;
    struct pb_field field;
    uint64_t last = 0, count = 0;
    const bool more = pb_get(q->said->answer, 3) != 0;
    memcpy(left, totals, sizeof left);
    while (pb_next(&rest, &field)) {
        if (field.number != 5) continue;
        const uint8_t payer = province_index((uint32_t)pb_get(field.bytes, 4));
        const uint8_t payee = province_index((uint32_t)pb_get(field.bytes, 5));
        int64_t amount = 0;
        if (pb_get(field.bytes, 1) <= last || payer >= PROVINCE_COUNT || payee >= PROVINCE_COUNT ||
            !answer_concerns(&q->query, payer, payee)) {
            return false;
        }
        last = pb_get(field.bytes, 1);
        count++;
        left[payer][payee].count -= pb_get(field.bytes, 8);
        for (uint32_t fund = 0; fund < FUND_COUNT; fund++) {
            const int64_t sum = pb_get_fen(field.bytes, 10 + fund);
            left[payer][payee].funds[fund] -= sum;
            amount += sum;
        }
        if (amount != pb_get_fen(field.bytes, 16)) return false;
    }
    if (count > q->query.limit || (more && count != q->query.limit)) return false;
    for (uint8_t a = 0; a < PROVINCE_COUNT && q->query.limit != 0 && !more; a++) {
        for (uint8_t b = 0; b < PROVINCE_COUNT; b++) {
            static const struct desk_total nothing;
            if (answer_concerns(&q->query, a, b) &&
                memcmp(&left[a][b], &nothing, sizeof nothing) != 0) {
                return false;
            }
        }
    }
    return true;
}

/* Without its lines, which are not written. */
static struct bytes but_lines(struct bytes answer, struct pb *pb)
{
    struct pb_field field;
    for (const uint8_t *begin = answer.data; pb_next(&answer, &field); begin = answer.data) {
        const size_t size = (size_t)(answer.data - begin);
        if (field.number == 3 || field.number == 5) continue;
        ENSURE(size <= pb->room - pb->size);
        memcpy(pb->data + pb->size, begin, size);
        pb->size += size;
    }
    return (struct bytes){pb->data, pb->size};
}

static const struct desk_batch *asked_batch(const struct query *query)
{
    if (query->number_of == 0) return desk_batch_of(walk.model, query->period);
    for (uint32_t i = 0; i < walk.model->batches.count; i++) {
        const struct desk_batch *batch = &walk.model->batches.list[i];
        if (batch->row.period == query->period && batch->row.number == query->number_of)
            return batch;
    }
    return NULL;
}

bool judge_batch(const struct desk_question *q, int64_t now_ms)
{
    static uint8_t made[64 * 1024], told[64 * 1024];
    static desk_pairs totals;
    struct pb pb = {made, 0, sizeof made}, rest = {told, 0, sizeof told};
    const struct query *query = &q->query;
    const struct desk_batch *batch = asked_batch(query);
    const uint32_t code = reply_code(q->said->answer);
    (void)now_ms;
    if (batch == NULL || query->version > batch->row.version) return code == ERROR_NOT_FOUND;
    if (query->version != 0) return code == ERROR_OK; /* What was once is not kept. */
    const struct batch_row *engines = cycle_find(walk.cycle, ROW_BATCH, &batch->row);
    ENSURE(engines != NULL);
    desk_shown(walk.model, batch, totals);
    write_head(&pb, &batch->row, engines->digest); /* cycle_check() makes that again. */
    write_signatures(&pb, query, batch->row.id);
    write_payments(&pb, query, totals, batch->row.mode);
    write_positions(&pb, query, totals);
    return code == ERROR_OK && (query->offset != 0 || lines_are(q, totals)) &&
           bytes_equal(but_lines(q->said->answer, &rest), (struct bytes){pb.data, pb.size});
}
