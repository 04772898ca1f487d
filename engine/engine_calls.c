/* engine_calls -- a frame under way: who is waiting for it, what it has got so far, its answer.
 *
 * A call has one result for each of its records, and its answer leaves with the last one: a batch's
 * in the order in which its results come, each with the index of its record. An answer for a
 * session that has ended meanwhile is dropped. Which shard is asked is engine_frames.c's. */
#include <stdlib.h>

#include "codec/batch.h"
#include "engine_internal.h"
#include "types/ensure.h"

#define BUFFER_FRONT 128 /* Before a batch's results: frame head and the counts. */
#define BUFFER_FIRST (64 * 1024)
#define BUFFER_SHORT (384 * 1024) /* From here on a refusal names its first failure only. */
#define SINGLE_MAX   (16 * 1024)
#define ANSWER_FEW   1024 /* An answer as long as nearly all are: needs no memory of its own. */

struct call *calls_new(void)
{
    struct call *calls = calloc(CALLS_MAX, sizeof *calls);
    for (uint32_t i = 0; calls != NULL && i < CALLS_MAX; i++)
        calls[i].next_free = i + 1 < CALLS_MAX ? i + 1 : CALL_NONE;
    return calls;
}

void calls_free(struct call *calls)
{
    for (uint32_t i = 0; calls != NULL && i < CALLS_MAX; i++)
        free(calls[i].buffer);
    free(calls);
}

static bool is_batch(const struct call *call)
{
    return call->type == MESSAGE_SETL_BATCH;
}

/* The next call lies anywhere among those that ended last: memory is asked for it now. */
static void next_call_ahead(const struct home *home)
{
    if (home->free_call == CALL_NONE) return;
    const struct call *next = &home->calls[home->free_call];
    __builtin_prefetch(next, 1);
    __builtin_prefetch(&next->next_free, 1);
}

struct call *call_new(struct home *home, uint32_t session, const struct frame *frame)
{
    const bool batch = frame->type == MESSAGE_SETL_BATCH;
    if (home->free_call == CALL_NONE || (batch && home->batches_used == BATCH_CALLS_MAX)) {
        return NULL;
    }
    struct call *call = &home->calls[home->free_call];
    if (batch && call->buffer == NULL) {
        call->buffer = malloc(BUFFER_FIRST);
        if (call->buffer == NULL) return NULL;
        call->buffer_room = BUFFER_FIRST;
    }
    home->free_call = call->next_free;
    next_call_ahead(home);
    home->calls_used++;
    home->batches_used += batch;
    call->session = session;
    call->generation = home->sessions[session].generation;
    home->sessions[session].calls++;
    call->request_id = frame->request_id;
    call->type = frame->type;
    call->expected = 1;
    call->done = call->accepted = call->duplicate = call->rejected = 0;
    call->msgid_size = 0;
    call->buffer_size = BUFFER_FRONT;
    return call;
}

void call_done(struct home *home, struct call *call)
{
    struct session *session = &home->sessions[call->session];
    if (session->generation == call->generation) session->calls--;
    home->batches_used -= is_batch(call);
    home->calls_used--;
    call->next_free = home->free_call;
    home->free_call = (uint32_t)(call - home->calls);
}

uint64_t call_ticket(const struct home *home, const struct call *call)
{
    return ticket_make(home->index, (uint32_t)(call - home->calls));
}

static struct call *call_of(struct home *home, uint64_t ticket)
{
    return &home->calls[(uint32_t)ticket];
}

/* -- answers ----------------------------------------------------------------------------------- */

/* Sends a payload that stands behind FRAME_HEAD_SIZE free bytes, and ends the call. */
static void answer_in_place(struct home *home, struct call *call, uint8_t *payload, size_t size)
{
    const struct session *session = &home->sessions[call->session];
    if (session->open && session->generation == call->generation) {
        uint8_t *frame = payload - FRAME_HEAD_SIZE;
        frame_write_head(frame, call->type | MESSAGE_REPLY_BIT, call->request_id,
                         (struct bytes){payload, size});
        home->ops.send(home->ops.context, call->session,
                       (struct bytes){frame, FRAME_HEAD_SIZE + size});
    }
    call_done(home, call);
}

void home_answer(struct home *home, uint64_t ticket, struct bytes payload)
{
    struct call *call = call_of(home, ticket);
    uint8_t few[ANSWER_FEW];
    const size_t size = FRAME_HEAD_SIZE + payload.size;
    uint8_t *copy = size <= sizeof few ? few : malloc(size);
    NEED_MEMORY(copy);
    if (payload.size != 0) memcpy(copy + FRAME_HEAD_SIZE, payload.data, payload.size);
    answer_in_place(home, call, copy + FRAME_HEAD_SIZE, payload.size);
    if (copy != few) free(copy);
}

static const char *const state_names[] = {"", "ACCRUED", "REVERSED", "TOMBSTONE"};

static struct reply reply_of(const struct home *home, const struct result *result)
{
    return (struct reply){
        .type = result->type,
        .code = result->code,
        .dup = result->dup,
        .seq = result->seq,
        .stamp_ms = result->stamp_ms,
        .period = result->period,
        .orig_period = result->orig_period,
        .shard = home->index,
        .index = result->index,
        .state = state_names[result->state],
        .failures = result->failures,
        .failure_count = result->failure_count,
    };
}

void call_answer(struct home *home, struct call *call, struct reply *reply)
{
    uint8_t frame[SINGLE_MAX];
    reply->msgid = (struct bytes){call->msgid, call->msgid_size};
    reply->index = 0;
    const size_t size = reply_encode(reply, frame + FRAME_HEAD_SIZE);
    answer_in_place(home, call, frame + FRAME_HEAD_SIZE, size);
}

void call_add(struct home *home, struct call *call, struct reply *reply)
{
    if (call->buffer_size > BUFFER_SHORT && reply->failure_count > 1) reply->failure_count = 1;
    const size_t needed = call->buffer_size + reply_size_max(reply) + 8;
    if (needed > call->buffer_room) {
        const size_t room = needed > 2 * call->buffer_room ? needed : 2 * call->buffer_room;
        uint8_t *more = realloc(call->buffer, room);
        NEED_MEMORY(more);
        call->buffer = more;
        call->buffer_room = room;
    }
    call->buffer_size +=
        reply_encode_result(reply, &home->common, call->buffer + call->buffer_size);
    call->accepted += reply->code == ERROR_OK && !reply->dup;
    call->duplicate += reply->code == ERROR_OK && reply->dup;
    call->rejected += reply->code != ERROR_OK;
    if (++call->done < call->expected) return;

    uint8_t head[BUFFER_FRONT];
    const size_t head_size =
        batch_reply_encode_head(call->accepted, call->duplicate, call->rejected, head);
    uint8_t *payload = call->buffer + BUFFER_FRONT - head_size;
    memcpy(payload, head, head_size);
    answer_in_place(home, call, payload, call->buffer_size - BUFFER_FRONT + head_size);
}

void call_result(struct home *home, const struct result *result, uint32_t shard)
{
    struct call *call = call_of(home, result->ticket);
    if (home->index != 0 && desk_type(call->type)) home->desk_asked--;
    if (result->data != NULL) { /* A finished answer, of the desk or about a wallet. */
        home_answer(home, result->ticket, (struct bytes){result->data, result->data_size});
        free(result->data);
        return;
    }
    if (errand_type(call->type)) {
        errand_refuse(home, result->ticket, call->type,
                      (struct bytes){call->msgid, call->msgid_size}, result, shard);
        return;
    }
    struct reply reply = reply_of(home, result);
    reply.shard = shard;
    if (is_batch(call)) {
        call_add(home, call, &reply);
    } else {
        call_answer(home, call, &reply);
    }
}
