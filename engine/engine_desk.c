/* engine_desk -- how the desk asks the shards, and how it answers; its jobs use it.
 *
 * A job is a few phases. In each, every shard (or one) is asked the same question and the answers
 * are gathered; what the last phase brings becomes the reply. Must not know what is asked. */
#include <stdlib.h>

#include "codec/wire_table.h"
#include "engine_internal.h"
#include "types/ensure.h"

/* -- asking all shards ----------------------------------------------------------------------- */

struct bytes desk_number_body(struct home *home, uint64_t value)
{
    struct desk *desk = &home->desk;
    desk->question_body[0] = 1 << 3;
    const uint8_t *end = wire_put_varint(desk->question_body + 1, value);
    return (struct bytes){desk->question_body, (size_t)(end - desk->question_body)};
}

void desk_drop_answers(struct home *home)
{
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        free(home->desk.answers[i].data);
        home->desk.answers[i] = (struct result){0};
    }
}

static void ask(struct home *home, uint16_t type, uint32_t period, struct bytes body)
{
    struct desk *desk = &home->desk;
    desk->question = (struct request){
        .ticket = TICKET_DESK | ticket_make(home->index, 0),
        .type = type,
        .period = period,
        .area = desk->job.request.area,
        .instant_ms = desk->job.request.to_ms,
        .body = body,
    };
    desk_drop_answers(home);
}

void desk_ask_all(struct home *home, uint16_t type, uint32_t period, struct bytes body)
{
    struct desk *desk = &home->desk;
    const uint32_t shards = home->engine->config.shards;
    ask(home, type, period, body);
    desk->answers_due = shards;
    desk->unsent = shards == 64 ? UINT64_MAX : (UINT64_C(1) << shards) - 1;
}

void desk_ask_one(struct home *home, uint32_t shard, uint16_t type, struct bytes body)
{
    ask(home, type, 0, body);
    home->desk.answers_due = 1;
    home->desk.unsent = UINT64_C(1) << shard;
}

bool desk_send_unsent(struct home *home, int64_t now_ms)
{
    struct desk *desk = &home->desk;
    bool any = false;
    for (uint32_t shard = 0; shard < home->engine->config.shards; shard++) {
        const uint64_t bit = UINT64_C(1) << shard;
        if ((desk->unsent & bit) == 0) continue;
        /* The bit goes first: the own shard may answer inside the step. */
        desk->unsent &= ~bit;
        bool sent;
        if (shard == home->index) {
            struct event event = {.now_ms = now_ms, .kind = EVENT_REQUESTS};
            event.requests.list = &desk->question;
            event.requests.count = 1;
            sent = home_step(home, &event) == 1;
        } else {
            sent = home_ask(home, shard, &desk->question);
        }
        if (!sent) desk->unsent |= bit;
        any |= sent;
    }
    return any;
}

void desk_result(struct home *home, uint32_t shard, const struct result *result)
{
    struct desk *desk = &home->desk;
    ENSURE(desk->answers_due > 0);
    desk->answers_due--;
    if (result->type == REQUEST_CYCLE) {
        ENSURE(result->code == ERROR_OK);
        if (result->seq > desk->decided_seq) desk->decided_seq = result->seq;
        return;
    }
    desk->answers[shard] = *result;
}

uint32_t desk_first_refusal(const struct home *home)
{
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        if (home->desk.answers[i].code != ERROR_OK) return home->desk.answers[i].code;
    }
    return ERROR_OK;
}

const char *desk_refusal_text(const struct home *home)
{
    for (uint32_t i = 0; i < home->engine->config.shards; i++) {
        const struct result *answer = &home->desk.answers[i];
        if (answer->code != ERROR_OK && answer->data_size != 0) return answer->data;
    }
    return NULL;
}

/* -- the answer ------------------------------------------------------------------------------ */

void desk_end_job(struct home *home)
{
    struct desk *desk = &home->desk;
    desk_drop_answers(home);
    gather_free(home);
    decision_free(&desk->decision);
    if (desk->job.formed && order_type(desk->job.type)) order_free(&desk->job.order);
    desk->busy = false;
}

void desk_finish(struct home *home, uint8_t *payload, size_t size)
{
    struct desk *desk = &home->desk;
    NEED_MEMORY(payload);
    if (size > FRAME_PAYLOAD_MAX) {
        free(payload);
        payload = centre_refusal_encode(ERROR_RANGE_TOO_WIDE, NULL, &size);
        NEED_MEMORY(payload);
    }
    desk_end_job(home);
    if (ticket_shard(desk->job.ticket) == home->index) {
        home_answer(home, desk->job.ticket, (struct bytes){payload, size});
        free(payload);
        return;
    }
    const struct result result = {
        .ticket = desk->job.ticket,
        .type = desk->job.type,
        .data = payload,
        .data_size = size,
    };
    home_return(home, &result);
}

void desk_refuse(struct home *home, uint32_t code, const char *text)
{
    size_t size;
    uint8_t *payload = centre_refusal_encode(code, text, &size);
    desk_finish(home, payload, size);
}

int64_t desk_clock(const struct home *home)
{
    struct shard_status status;
    shard_get_status(home->shard, &status);
    const bool system = !home->engine->config.manual_clock;
    return system && home->desk.now_ms > status.stamp_ms ? home->desk.now_ms : status.stamp_ms;
}

void desk_limits(const struct home *home, uint32_t *ret_cut_through, uint32_t *ret_closed_year)
{
    struct shard_status status;
    shard_get_status(home->shard, &status);
    *ret_cut_through = status.cut_through;
    *ret_closed_year = status.closed_year;
}
