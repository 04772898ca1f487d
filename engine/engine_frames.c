/* engine_frames -- sessions and their frames: who speaks, what is known here, and where it goes.
 *
 * A frame is taken whole or not at all: HOME_BLOCKED leaves no trace of it, and it comes again.
 * What it asks for goes to the shard of its person, to the desk on home 0, or on an errand; its
 * answer is engine_calls.c's. Here no field is judged but those that say whose a message is. */
#include <stdlib.h>

#include "codec/batch.h"
#include "engine_internal.h"
#include "journal/entry.h"
#include "types/ensure.h"

_Static_assert((DESK_QUEUE_MAX - DESK_QUEUE_LOCAL) / SHARDS_MAX >= 1,
               "every home may ask the desk");

/* -- sessions ---------------------------------------------------------------------------------- */

void home_session_opened(struct home *home, uint32_t session)
{
    home->sessions[session].open = true;
    home->sessions_open++;
    home->sessions[session].province = 0;
    home->sessions[session].calls = 0;
}

void home_session_closed(struct home *home, uint32_t session)
{
    home->sessions[session].open = false;
    home->sessions_open--;
    home->sessions[session].generation++;
}

bool home_session_busy(const struct home *home, uint32_t session)
{
    return home->sessions[session].calls != 0;
}

uint32_t home_session_province(const struct home *home, uint32_t session)
{
    return home->sessions[session].province;
}

static void send_error(struct home *home, uint32_t session, uint64_t request_id, uint32_t code,
                       const char *text, bool closing)
{
    uint8_t frame[FRAME_HEAD_SIZE + 512];
    const size_t size = error_reply_encode(code, text, closing, frame + FRAME_HEAD_SIZE);
    frame_write_head(frame, MESSAGE_ERROR, request_id,
                     (struct bytes){frame + FRAME_HEAD_SIZE, size});
    home->ops.send(home->ops.context, session, (struct bytes){frame, FRAME_HEAD_SIZE + size});
    if (closing) home->ops.close(home->ops.context, session);
}

void home_bad_stream(struct home *home, uint32_t session, enum frame_state state,
                     uint64_t request_id)
{
    switch (state) {
    case FRAME_BAD_VERSION:
        send_error(home, session, request_id, ERROR_UNKNOWN_TYPE,
                   "frame version is not 1: this engine speaks version 1", true);
        return;
    case FRAME_TOO_LONG:
        send_error(home, session, request_id, ERROR_MALFORMED,
                   "frame length is above 1048576 bytes", true);
        return;
    case FRAME_BAD_CRC:
        send_error(home, session, request_id, ERROR_MALFORMED, "frame crc does not match its bytes",
                   true);
        return;
    case FRAME_PARTIAL:
        send_error(home, session, request_id, ERROR_MALFORMED,
                   "the stream ended in the middle of a frame", true);
        return;
    case FRAME_BAD_MAGIC:
    case FRAME_WHOLE:
        break;
    }
    send_error(home, session, 0, ERROR_MALFORMED, "frame does not begin with the magic bytes QF01",
               true);
}

static void take_hello(struct home *home, uint32_t session_index, struct call *call,
                       const struct frame *frame, int64_t now_ms)
{
    const struct engine_config *config = &home->engine->config;
    struct session *session = &home->sessions[session_index];
    struct shard_status status;
    struct hello hello;

    shard_get_status(home->shard, &status);
    struct hello_reply reply = {
        .shards = config->shards,
        .home_shard = home->index + 1,
        .store_id = {config->store_id, STORE_ID_SIZE},
        .now_ms = config->manual_clock || status.stamp_ms > now_ms ? status.stamp_ms : now_ms,
        .manual_clock = config->manual_clock,
        .cut_through = status.cut_through,
    };
    if (!hello_decode(frame->payload, &hello)) {
        reply.code = ERROR_MALFORMED;
    } else if (hello.version != FRAME_VERSION) {
        reply.code = ERROR_UNKNOWN_TYPE;
    } else if (hello.province != 0 && province_index(hello.province) == PROVINCE_NONE) {
        reply.code = ERROR_SENDER_NOT_ALLOWED;
    } else {
        session->province = (uint16_t)hello.province;
    }
    size_t size;
    uint8_t *payload = hello_reply_encode(&reply, &size);
    NEED_MEMORY(payload);
    home_answer(home, call_ticket(home, call), (struct bytes){payload, size});
    free(payload);
}

/* -- records ----------------------------------------------------------------------------------- */

static struct request request_of(const struct home *home, const struct call *call, uint16_t type,
                                 uint32_t index, struct bytes body)
{
    return (struct request){
        .ticket = call_ticket(home, call),
        .index = index,
        .type = type,
        .province = home->sessions[call->session].province,
        .body = body,
    };
}

/* Sends one record to where its person is at home; what has no person goes to the own shard, which
 * will say so. Too large to be anything: refused here, no queue has to hold it. */
static bool route_record(struct home *home, const struct request *request, int64_t now_ms)
{
    struct bytes psn_key;
    struct bytes msgid;
    if (request->body.size > ENTRY_BODY_MAX) return false;
    const bool found = message_peek(request->body, &psn_key, &msgid);
    const uint32_t shard =
        found ? route_shard(psn_key.data, home->engine->config.shards) : home->index;
    home_route(home, request, shard, now_ms);
    return true;
}

/* Keeps the msgid for an answer that the home writes; it stands in one place in all messages. */
static void keep_msgid(struct call *call, struct bytes body)
{
    struct bytes psn_key;
    struct bytes msgid;
    (void)message_peek(body, &psn_key, &msgid);
    if (msgid.size <= sizeof call->msgid && msgid.size != 0) {
        memcpy(call->msgid, msgid.data, msgid.size);
        call->msgid_size = (uint8_t)msgid.size;
    }
}

static void answer_refusal(struct home *home, struct call *call, uint16_t code, uint32_t field,
                           enum check check, int64_t got, int64_t want)
{
    const struct failure failure = {
        .code = code, .field = (uint16_t)field, .check = (uint16_t)check, .got = got, .want = want};
    struct reply reply = {
        .type = call->type,
        .code = code,
        .state = "",
        .shard = home->index,
        .failures = &failure,
        .failure_count = 1,
    };
    call_answer(home, call, &reply);
}

static void take_single(struct home *home, struct call *call, const struct frame *frame,
                        int64_t now_ms)
{
    keep_msgid(call, frame->payload);
    const struct request request = request_of(home, call, frame->type, 0, frame->payload);
    if (!route_record(home, &request, now_ms)) {
        answer_refusal(home, call, ERROR_MALFORMED, 0, CHECK_LENGTH, (int64_t)frame->payload.size,
                       ENTRY_BODY_MAX);
    }
}

static void refuse_record(struct home *home, struct call *call, uint32_t index, size_t size)
{
    const struct failure failure = {.code = ERROR_MALFORMED,
                                    .check = CHECK_LENGTH,
                                    .got = (int64_t)size,
                                    .want = ENTRY_BODY_MAX};
    struct reply reply = {
        .type = MESSAGE_SETL_POST,
        .code = ERROR_MALFORMED,
        .index = index,
        .state = "",
        .shard = home->index,
        .failures = &failure,
        .failure_count = 1,
    };
    call_add(home, call, &reply);
}

static void take_batch(struct home *home, struct call *call, const struct frame *frame,
                       int64_t now_ms)
{
    struct failure failure;
    struct batch *batch = home->batch;
    if (!batch_open(frame->payload, batch, &failure)) {
        uint8_t payload[1024];
        const size_t size = batch_reply_encode_refusal(&failure, payload);
        home_answer(home, call_ticket(home, call), (struct bytes){payload, size});
        return;
    }
    call->expected = batch->count;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct request request =
            request_of(home, call, MESSAGE_SETL_POST, i, batch->records[i]);
        if (!route_record(home, &request, now_ms)) {
            refuse_record(home, call, i, request.body.size);
        }
    }
}

/* -- the desk ---------------------------------------------------------------------------------- */

static void refuse_desk(struct home *home, struct call *call, uint32_t code, const char *text)
{
    size_t size;
    uint8_t *payload = centre_refusal_encode(code, text, &size);
    NEED_MEMORY(payload);
    home_answer(home, call_ticket(home, call), (struct bytes){payload, size});
    free(payload);
}

/* What a province may send for itself: orders of the clearing cycle and questions about it. */
static bool province_type(uint16_t type)
{
    if (type == MESSAGE_PERIOD_CUT || type == MESSAGE_YEAR_CLOSE) return false;
    return order_type(type) || query_type(type);
}

/* Messages that carry a list. */
static bool long_type(uint16_t type)
{
    return type == MESSAGE_RECON_DAY || type == MESSAGE_RECON_LIST || type == MESSAGE_CLR_CONFIRM;
}

/* Work over all shards goes to the desk on home 0. False when it has to wait. A message is as long
 * as a frame at most, which is less than half of a lane's ring: it fits when its turn comes. */
static bool take_desk(struct home *home, struct call *call, const struct frame *frame)
{
    const uint16_t province = home->sessions[call->session].province;
    if (province != 0 && !province_type(frame->type)) {
        refuse_desk(home, call, ERROR_SENDER_NOT_ALLOWED,
                    "only the centre may ask this; the session speaks for a province");
        return true;
    }
    if (!long_type(frame->type) && frame->payload.size > ENTRY_BODY_MAX) {
        refuse_desk(home, call, ERROR_MALFORMED, "message is longer than 4096 bytes");
        return true;
    }
    if (home->index == 0) {
        return home->desk.queue_count < DESK_QUEUE_LOCAL &&
               desk_take(home, call_ticket(home, call), frame->type, province, frame->payload);
    }
    /* A full desk would stop the whole lane, settlements too: no home sends more than it surely
     * takes. */
    const uint32_t share = (DESK_QUEUE_MAX - DESK_QUEUE_LOCAL) / home->engine->config.shards;
    const struct request request = request_of(home, call, frame->type, 0, frame->payload);
    if (home->desk_asked == share || !home_lane_send(home, 0, &request)) return false;
    home->desk_asked++;
    return true;
}

/* -- frames ------------------------------------------------------------------------------------ */

static bool known_type(uint16_t type)
{
    switch (type) {
    case MESSAGE_HELLO:
    case MESSAGE_SETL_POST:
    case MESSAGE_SETL_REVERSE:
    case MESSAGE_SETL_ADJUST:
    case MESSAGE_CORRECTION:
    case MESSAGE_SETL_BATCH:
        return true;
    default:
        return desk_type(type) || errand_type(type);
    }
}

/* False when it has to wait. */
static bool take_frame(struct home *home, struct call *call, const struct frame *frame,
                       int64_t now_ms)
{
    if (desk_type(frame->type)) return take_desk(home, call, frame);
    if (errand_type(frame->type)) {
        const struct request request = request_of(home, call, frame->type, 0, frame->payload);
        keep_msgid(call, frame->payload);
        return errand_take(home, &request, now_ms);
    }
    if (frame->type == MESSAGE_HELLO) {
        take_hello(home, call->session, call, frame, now_ms);
    } else if (frame->type == MESSAGE_SETL_BATCH) {
        take_batch(home, call, frame, now_ms);
    } else {
        take_single(home, call, frame, now_ms);
    }
    return true;
}

enum home_taken home_frame(struct home *home, uint32_t session, const struct frame *frame,
                           int64_t now_ms)
{
    if (!home_ready(home)) return HOME_BLOCKED;
    if (!known_type(frame->type)) {
        send_error(home, session, frame->request_id, ERROR_UNKNOWN_TYPE,
                   "message type is not known to this engine", false);
        return HOME_TAKEN;
    }
    struct call *call = call_new(home, session, frame);
    if (call == NULL) return HOME_BLOCKED;
    if (take_frame(home, call, frame, now_ms)) return HOME_TAKEN;
    call_done(home, call);
    return HOME_BLOCKED;
}
