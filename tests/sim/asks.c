#include "tests/sim/asks.h"

#include <stdlib.h>

#include "tests/sim/pb.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

uint64_t ask_hash(uint16_t type, struct bytes body)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ type;
    for (size_t i = 0; i < body.size; i++)
        hash = (hash ^ body.data[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

uint32_t reply_code(struct bytes answer)
{
    return (uint32_t)pb_get(answer, 1);
}

bool is_of_wallet(struct bytes failure)
{
    const uint32_t code = (uint32_t)pb_get(failure, 1);
    return code / 1000 == 3 || (code == ERROR_SETL_ID_REUSED &&
                                bytes_equal(pb_get_bytes(failure, 2), bytes_of("wlt_pay")));
}

/* -- single questions ------------------------------------------------------------------------- */

static bool of_settlements(uint16_t type)
{
    return type == MESSAGE_SETL_POST || type == MESSAGE_SETL_REVERSE ||
           type == MESSAGE_SETL_ADJUST || type == MESSAGE_CORRECTION;
}

static bool of_person(uint16_t type)
{
    return type == MESSAGE_STMT_GET || type == MESSAGE_YEAR_SUM_GET ||
           type == MESSAGE_WLT_RECORDS || type == MESSAGE_SETL_RECORDS;
}

static struct ask *add_to(struct ask **list, uint32_t *count, const struct sim_said *said,
                          uint16_t type, struct bytes body)
{
    if ((*count & (*count + 1)) == 0) {
        const size_t room = 2 * (size_t)*count + 2;
        *list = realloc(*list, room * sizeof **list);
        ENSURE(*list != NULL);
    }
    struct ask *ask = &(*list)[(*count)++];
    const struct bytes psn = pb_get_bytes(body, 4);
    *ask = (struct ask){.said = said, .type = type, .body = body};
    if (psn.size == PSN_KEY_SIZE) memcpy(ask->psn, psn.data, PSN_KEY_SIZE);
    return ask;
}

static struct ask *add(struct asks *asks, const struct sim_said *said, uint16_t type,
                       struct bytes body)
{
    return add_to(&asks->list, &asks->count, said, type, body);
}

/* The batch's records, then each its answer. A batch that was refused as a whole was looked at by
 * nobody: its records have none; nor has one that is to come again a little later. */
static void add_batch(struct asks *asks, const struct sim_said *said)
{
    const uint32_t first = asks->count;
    struct bytes rest = said->body;
    struct pb_field field;
    while (pb_next(&rest, &field)) {
        if (field.number == 1) (void)add(asks, said, MESSAGE_SETL_POST, field.bytes);
    }
    rest = said->answer;
    if (said->answered == 0 || said->answer_type == MESSAGE_ERROR) return;
    while (pb_next(&rest, &field)) {
        if (field.number != 6) continue;
        const uint64_t index = pb_get(field.bytes, 12);
        const uint32_t code = reply_code(field.bytes);
        if (index >= asks->count - first || code == ERROR_OVERLOAD ||
            code == ERROR_RECORD_UNREADABLE) {
            continue;
        }
        asks->list[first + index].answer = field.bytes;
        asks->list[first + index].answered = true;
    }
}

static int by_person(const void *a, const void *b)
{
    const struct ask *x = a, *y = b;
    const int order = memcmp(x->psn, y->psn, sizeof x->psn);
    if (order != 0) return order;
    if (x->said->sent != y->said->sent) return x->said->sent < y->said->sent ? -1 : 1;
    return x->body.data < y->body.data ? -1 : x->body.data > y->body.data;
}

/* -- the order of things ---------------------------------------------------------------------- */

static void first_of(uint64_t *place, uint64_t when)
{
    if (when != 0 && (*place == 0 || when < *place)) *place = when;
}

/* An answer names shard and number: they are known from then on. */
static void note_answer(struct asks *asks, const struct sim_said *said, struct bytes answer,
                        uint32_t seq_field, uint32_t shard_field)
{
    const uint64_t seq = pb_get(answer, seq_field);
    const uint64_t shard = shard_field == 0 ? 0 : pb_get(answer, shard_field);
    if (reply_code(answer) != 0 || seq == 0 || shard >= EVIDENCE_SHARDS_MAX) return;
    struct order_times *times = &asks->times[shard];
    if (seq <= times->count) first_of(&times->acked[seq - 1], said->answered);
}

static void note_row(struct asks *asks, const struct sim_said *said)
{
    if (said->answered == 0 || said->answer_type == MESSAGE_ERROR) return;
    if (of_settlements(said->type) || said->type == MESSAGE_CLOCK_SET ||
        said->type == MESSAGE_YEAR_CLOSE) {
        note_answer(asks, said, said->answer, 4, 9);
    } else if (said->type >> 8 == 2 || said->type >> 8 == 3 || said->type >= 0x0511) {
        if (said->type != MESSAGE_OUTBOX_GET && said->type != MESSAGE_STATUS_GET)
            note_answer(asks, said, said->answer, 5, 7);
    } else if (said->type >> 8 == 4 && said->type < MESSAGE_PERIOD_LIST &&
               said->type != MESSAGE_PERIOD_CUT) {
        note_answer(asks, said, said->answer, 6, 0);
    }
}

void asks_read(struct asks *asks, const struct evidence *evidence, struct sim_history *history)
{
    *asks = (struct asks){0};
    ENSURE(idset_init(&asks->rows));
    for (uint32_t s = 0; s < evidence->shards; s++) {
        struct order_times *times = &asks->times[s];
        times->count = evidence->shard[s].count;
        times->asked = calloc(times->count + 1, sizeof *times->asked);
        times->acked = calloc(times->count + 1, sizeof *times->acked);
        times->claimed = calloc(times->count + 1, sizeof *times->claimed);
        times->asked_upto = calloc(times->count + 1, sizeof *times->asked_upto);
        times->acked_from = calloc(times->count + 1, sizeof *times->acked_from);
        ENSURE(times->asked != NULL && times->acked != NULL && times->claimed != NULL &&
               times->asked_upto != NULL && times->acked_from != NULL);
    }
    for (uint32_t i = 0; i < sim_history_count(history); i++) {
        const struct sim_said *said = sim_history_at(history, i);
        if (said->type == MESSAGE_SETL_BATCH) {
            add_batch(asks, said);
        } else if (of_settlements(said->type)) {
            struct ask *ask = add(asks, said, said->type, said->body);
            ask->answered = said->answered != 0 && said->answer_type != MESSAGE_ERROR;
            if (ask->answered) ask->answer = said->answer;
        } else {
            ENSURE(idset_add(&asks->rows, ask_hash(said->type, said->body), i + 1));
        }
        if (of_person(said->type)) {
            struct ask *ask =
                add_to(&asks->questions, &asks->question_count, said, said->type, said->body);
            ask->answered = said->answered != 0 && said->answer_type != MESSAGE_ERROR;
        }
        note_row(asks, said);
    }
    for (uint32_t i = 0; i < asks->count; i++) {
        if (asks->list[i].answered && asks->list[i].said->type == MESSAGE_SETL_BATCH)
            note_answer(asks, asks->list[i].said, asks->list[i].answer, 4, 9);
    }
    if (asks->count != 0) qsort(asks->list, asks->count, sizeof *asks->list, by_person);
    if (asks->question_count != 0)
        qsort(asks->questions, asks->question_count, sizeof *asks->questions, by_person);
}

void asks_done(struct asks *asks)
{
    free(asks->list);
    free(asks->questions);
    idset_done(&asks->rows);
    for (uint32_t s = 0; s < EVIDENCE_SHARDS_MAX; s++) {
        free(asks->times[s].asked);
        free(asks->times[s].acked);
        free(asks->times[s].claimed);
        free(asks->times[s].asked_upto);
        free(asks->times[s].acked_from);
    }
}

void asks_order(struct asks *asks)
{
    for (uint32_t s = 0; s < EVIDENCE_SHARDS_MAX; s++) {
        struct order_times *times = &asks->times[s];
        uint64_t latest = 0, earliest = UINT64_MAX;
        for (uint64_t i = 0; i < times->count; i++) {
            if (times->asked[i] > latest) latest = times->asked[i];
            times->asked_upto[i] = latest;
        }
        for (uint64_t i = times->count; i-- > 0;) {
            if (times->acked[i] != 0 && times->acked[i] < earliest) earliest = times->acked[i];
            times->acked_from[i] = earliest;
        }
    }
}

void asks_window(const struct asks *asks, uint32_t shard, uint64_t sent, uint64_t answered,
                 uint64_t *ret_after, uint64_t *ret_before)
{
    const struct order_times *times = &asks->times[shard];
    uint64_t low = 0, high = times->count;
    while (low < high) { /* Entries whose numbers were known, or below one that was. */
        const uint64_t middle = (low + high) / 2;
        if (times->acked_from[middle] < sent)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_after = low;
    low = 0, high = times->count;
    while (low < high) { /* Entries that all had been sent by then. */
        const uint64_t middle = (low + high) / 2;
        if (times->asked_upto[middle] <= answered)
            low = middle + 1;
        else
            high = middle;
    }
    *ret_before = low + 1;
}
