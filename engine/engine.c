/* engine -- a home: its lanes, its shard, its turns. See engine.h.
 *
 * Frames come in by engine_frames.c, answers go out by engine_calls.c; here requests go to the
 * shards and results come back.
 *
 * ORDER   Requests of one home for one shard keep their order: the shard is asked through one queue
 *         only (the own shard in turn, another one through its lane), and when something has to
 *         wait, everything after it waits behind it. So the records of a person, who is at home in
 *         one shard, are judged in the order in which a connection sent them.
 * BOUNDS  Every queue has one: calls, batches, gathered and stalled requests, lanes. When one is
 *         full the home takes no more frames; the driver then stops reading the connections. */
#include "engine.h"

#include <stdlib.h>

#include "codec/batch.h"
#include "engine_internal.h"
#include "shard_wallet.h"
#include "types/ensure.h"

#define LANE_REQUEST_BYTES  (4u * 1024 * 1024) /* Holds the longest frame, wherever it begins. */
#define LANE_QUESTION_BYTES (16u * 1024)
#define LANE_RESULT_BYTES   (8u * 1024 * 1024)
_Static_assert(2 * (FRAME_PAYLOAD_MAX + sizeof(struct lane_request) + 16) <= LANE_REQUEST_BYTES,
               "a frame that found no room in an empty lane would wait for ever");
#define RESULT_SIZE_MAX (sizeof(struct lane_result) + FAILURES_MAX * sizeof(struct failure) + 16)
#define INBOX_MAX       256
#define RESULTS_AHEAD   16

/* -- making --------------------------------------------------------------------------------- */

static struct lane *lane_of(const struct engine *engine, uint32_t asking, uint32_t asked)
{
    return &engine->lanes[asking * engine->config.shards + asked];
}

struct engine *engine_new(const struct engine_config *config)
{
    const uint32_t shards = config->shards;
    ENSURE(shards >= 1);
    ENSURE(shards <= SHARDS_MAX);
    struct engine *engine = calloc(1, sizeof *engine);
    if (engine == NULL) return NULL;
    engine->config = *config;
    engine->outstanding_max = LANE_RESULT_BYTES / 2 / RESULT_SIZE_MAX;
    engine->lanes = calloc((size_t)shards * shards, sizeof *engine->lanes);
    bool made = engine->lanes != NULL;
    for (uint32_t i = 0; made && i < shards * shards; i++) {
        if (i / shards == i % shards) continue; /* Nobody asks himself through a ring. */
        engine->lanes[i].requests = ring_new(LANE_REQUEST_BYTES);
        engine->lanes[i].results = ring_new(LANE_RESULT_BYTES);
        made = engine->lanes[i].requests != NULL && engine->lanes[i].results != NULL;
        if (i / shards != 0) continue; /* The desk is on shard 0. */
        engine->lanes[i].questions = ring_new(LANE_QUESTION_BYTES);
        made = made && engine->lanes[i].questions != NULL;
    }
    if (made) return engine;
    engine_free(engine);
    return NULL;
}

void engine_free(struct engine *engine)
{
    if (engine == NULL) return;
    const uint32_t shards = engine->config.shards;
    for (uint32_t i = 0; engine->lanes != NULL && i < shards * shards; i++) {
        ring_free(engine->lanes[i].requests);
        ring_free(engine->lanes[i].questions);
        ring_free(engine->lanes[i].results);
    }
    free(engine->lanes);
    free(engine);
}

struct home *home_new(struct engine *engine, uint32_t index, struct shard *shard,
                      const struct home_ops *ops)
{
    struct home *home = calloc(1, sizeof *home);
    if (home == NULL) return NULL;
    home->engine = engine;
    home->index = index;
    home->ops = *ops;
    home->sessions = calloc(engine->config.sessions_max, sizeof *home->sessions);
    home->calls = calls_new();
    home->gathered = malloc(GATHERED_MAX * sizeof *home->gathered);
    home->stalled = malloc(2 * GATHERED_MAX * sizeof *home->stalled);
    home->stalled_bytes = malloc(2 * STALLED_BYTES);
    home->inbox = malloc(INBOX_MAX * sizeof *home->inbox);
    home->outstanding = calloc(engine->config.shards, sizeof *home->outstanding);
    home->batch = malloc(sizeof *home->batch);
    home->errands = errands_new();
    home->mail = calloc(engine->config.shards, sizeof *home->mail);
    if (home->sessions == NULL || home->calls == NULL || home->gathered == NULL ||
        home->stalled == NULL || home->stalled_bytes == NULL || home->inbox == NULL ||
        home->outstanding == NULL || home->batch == NULL || home->errands == NULL ||
        home->mail == NULL) {
        home_free(home);
        return NULL;
    }
    home->shard = shard;
    return home;
}

void home_free(struct home *home)
{
    if (home == NULL) return;
    desk_free(home);
    shard_free(home->shard);
    free(home->sessions);
    calls_free(home->calls);
    free(home->gathered);
    free(home->stalled);
    free(home->stalled_bytes);
    free(home->inbox);
    free(home->outstanding);
    free(home->batch);
    errands_free(home->errands);
    free(home->mail);
    free(home);
}

struct shard *home_shard(struct home *home)
{
    return home->shard;
}

/* -- the own shard -------------------------------------------------------------------------- */

/* A result for whoever of this home asked. */
static void hand_result(struct home *home, const struct result *result, uint32_t shard)
{
    if ((result->ticket & TICKET_DESK) != 0) {
        desk_result(home, shard, result);
    } else if ((result->ticket & TICKET_ERRAND) != 0) {
        errand_result(home, result);
    } else if ((result->ticket & TICKET_MAIL) != 0) {
        free(result->data); /* That it came is what the sending shard learns by mail. */
    } else {
        call_result(home, result, shard);
    }
}

static void return_result(struct home *home, uint32_t asking, const struct result *result)
{
    struct ring *ring = lane_of(home->engine, asking, home->index)->results;
    const size_t failures_size = result->failure_count * sizeof *result->failures;
    struct lane_result *place = ring_reserve(ring, sizeof *place + failures_size);
    ENSURE(place != NULL); /* outstanding_max sees to it. */
    place->result = *result;
    place->result.failures = NULL;
    if (failures_size != 0) memcpy(place + 1, result->failures, failures_size);
}

void home_return(struct home *home, const struct result *result)
{
    return_result(home, ticket_shard(result->ticket), result);
}

/* What the shard itself does not know. */
static void complete_status(const struct home *home, struct shard_status *status)
{
    status->sessions = home->sessions_open;
    if (home->ops.stage != NULL) home->ops.timings(home->ops.context, status->timings);
}

/* Calls and errands lie anywhere in megabytes, and some milliseconds have passed since they were
 * last looked at: memory is asked for them, and for what will be copied, some results ahead; nearer
 * for the call of an errand, which the errand itself has to say. */
static void ask_ahead(const struct home *home, const struct result *result)
{
    const uint64_t ticket = result->ticket;
    if ((ticket & TICKET_ERRAND) != 0) {
        errand_ahead(home, ticket);
    } else if ((ticket & (TICKET_DESK | TICKET_MAIL)) == 0) {
        __builtin_prefetch(&home->calls[(uint32_t)ticket]);
    }
    __builtin_prefetch(result->data);
}

static void ask_call_ahead(const struct home *home, const struct result *result)
{
    if ((result->ticket & TICKET_ERRAND) == 0) return;
    const uint64_t ticket = errand_ticket(home, result->ticket);
    __builtin_prefetch(&home->calls[(uint32_t)ticket]);
}

static void look_ahead(const struct home *home, const struct result_span *span, uint32_t i)
{
    const uint32_t asks = i + RESULTS_AHEAD;
    const uint32_t knows = i + RESULTS_AHEAD / 2;
    if (asks < span->count && ticket_shard(span->list[asks].ticket) == home->index) {
        ask_ahead(home, &span->list[asks]);
    }
    if (knows < span->count && ticket_shard(span->list[knows].ticket) == home->index) {
        ask_call_ahead(home, &span->list[knows]);
    }
}

static void spread_results(struct home *home, const struct result_span *span)
{
    for (uint32_t i = 0; i < span->count; i++) {
        look_ahead(home, span, i);
        const struct result *result = &span->list[i];
        const uint32_t asking = ticket_shard(result->ticket);
        if (result->type == REQUEST_STATUS && result->data != NULL) {
            complete_status(home, result->data);
        }
        if (asking != home->index) {
            return_result(home, asking, result);
        } else {
            hand_result(home, result, home->index);
        }
    }
}

/* For the driver's account of time; see home_ops. */
static enum stage go_on(const struct home *home, enum stage was, enum stage next)
{
    return home->ops.stage == NULL ? was : home->ops.stage(home->ops.context, was, next);
}

static bool brings(const struct effects *effects)
{
    return effects->append.size != 0 || effects->merge != NULL || effects->results[0].count != 0 ||
           effects->results[1].count != 0 || effects->results[2].count != 0;
}

/* Requests come in lists of a kind: the first one tells it. */
static enum stage requests_stage(const struct request *first)
{
    switch (first->type) {
    case REQUEST_CUT:
        return STAGE_CUT;
    case REQUEST_MAIL:
        return STAGE_MAIL;
    case REQUEST_PERSON:
        return STAGE_QUESTION;
    case REQUEST_CYCLE:
        return STAGE_JUDGE;
    default:
        return (first->type & 0xff00) == REQUEST_CONTROL ? STAGE_QUESTION : STAGE_JUDGE;
    }
}

/* What a step was, told by the event and what came of it. */
static enum stage step_stage(const struct event *event, const struct effects *effects, bool froze,
                             bool swept)
{
    switch (event->kind) {
    case EVENT_REQUESTS:
        return requests_stage(event->requests.list);
    case EVENT_MERGED:
        return STAGE_INSTALL;
    case EVENT_FLUSH:
        if (froze) return STAGE_FREEZE;
        if (swept) return STAGE_SWEEP;
        return effects->merge != NULL ? STAGE_HAND : STAGE_SEAL;
    case EVENT_WRITTEN:
        return effects->merge != NULL ? STAGE_HAND : STAGE_RELEASE;
    case EVENT_CHECKPOINT:
        break;
    }
    return STAGE_SEAL;
}

uint32_t home_step(struct home *home, const struct event *event)
{
    struct effects effects;
    const bool merging = shard_merging(home->shard);
    const int64_t due_ms = shard_next_due(home->shard);
    const enum stage outer = go_on(home, STAGE_SAME, STAGE_SEAL);
    shard_step(home->shard, event, &effects);
    const bool froze = !merging && shard_merging(home->shard);
    const bool swept = due_ms != shard_next_due(home->shard);
    const enum stage was = step_stage(event, &effects, froze, swept);
    const bool comes = brings(&effects);
    (void)go_on(home, was, comes ? STAGE_ANSWER : outer);
    if (!comes) return effects.taken;
    if (effects.append.size != 0) {
        home->ops.append(home->ops.context, effects.append, effects.append_number);
    }
    if (effects.merge != NULL) home->ops.merge(home->ops.context, effects.merge);
    for (size_t i = 0; i < sizeof effects.results / sizeof effects.results[0]; i++)
        spread_results(home, &effects.results[i]);
    (void)go_on(home, STAGE_SAME, outer);
    return effects.taken;
}

/* When the shard takes nothing, a flush may make room once. */
uint32_t home_give(struct home *home, const struct request *list, uint32_t count, int64_t now_ms)
{
    uint32_t taken = 0;
    while (taken < count) {
        struct event event = {.now_ms = now_ms, .kind = EVENT_REQUESTS};
        event.requests.list = list + taken;
        event.requests.count = count - taken;
        uint32_t now = home_step(home, &event);
        if (now == 0) {
            const struct event flush = {.now_ms = now_ms, .kind = EVENT_FLUSH};
            (void)home_step(home, &flush);
            now = home_step(home, &event);
        }
        if (now == 0) break;
        taken += now;
    }
    return taken;
}

/* -- sending on ----------------------------------------------------------------------------- */

static bool send_through(struct home *home, struct ring *ring, uint32_t shard,
                         const struct request *request)
{
    struct lane_request *place = ring_reserve(ring, sizeof *place + request->body.size);
    if (place == NULL) return false;
    *place = (struct lane_request){
        .ticket = request->ticket,
        .index = request->index,
        .type = request->type,
        .province = request->province,
        .period = request->period,
        .area = request->area,
        .instant_ms = request->instant_ms,
        .size = (uint32_t)request->body.size,
    };
    if (request->body.size != 0) memcpy(place + 1, request->body.data, request->body.size);
    home->outstanding[shard]++;
    return true;
}

bool home_lane_send(struct home *home, uint32_t shard, const struct request *request)
{
    if (home->outstanding[shard] >= home->engine->outstanding_max) return false;
    return send_through(home, lane_of(home->engine, home->index, shard)->requests, shard, request);
}

bool home_ask(struct home *home, uint32_t shard, const struct request *question)
{
    return send_through(home, lane_of(home->engine, home->index, shard)->questions, shard,
                        question);
}

static struct request request_from(struct bytes message)
{
    struct lane_request in;
    memcpy(&in, message.data, sizeof in);
    return (struct request){
        .ticket = in.ticket,
        .index = in.index,
        .type = in.type,
        .province = in.province,
        .period = in.period,
        .area = in.area,
        .instant_ms = in.instant_ms,
        .body = {message.data + sizeof in, in.size},
    };
}

/* Keeps a request for later; its body is copied, for its frame will be gone. */
static void stall(struct home *home, const struct request *request, uint32_t shard)
{
    ENSURE(home->stalled_count < 2 * GATHERED_MAX);
    ENSURE(home->stalled_used + request->body.size <= 2 * STALLED_BYTES);
    struct routed *routed = &home->stalled[home->stalled_count++];
    uint8_t *copy = home->stalled_bytes + home->stalled_used;
    if (request->body.size != 0) memcpy(copy, request->body.data, request->body.size);
    home->stalled_used += request->body.size;
    routed->request = *request;
    routed->request.body.data = copy;
    routed->shard = shard;
}

static bool is_stalled(const struct home *home)
{
    return home->stalled_done < home->stalled_count;
}

void home_submit(struct home *home, int64_t now_ms)
{
    if (home->gathered_count == 0) return;
    uint32_t taken = 0;
    if (!is_stalled(home)) {
        taken = home_give(home, home->gathered, home->gathered_count, now_ms);
    }
    for (uint32_t i = taken; i < home->gathered_count; i++)
        stall(home, &home->gathered[i], home->index);
    home->gathered_count = 0;
}

/* `home_ready()` was asked, so there is room to stall. */
void home_route(struct home *home, const struct request *request, uint32_t shard, int64_t now_ms)
{
    if (shard == home->index) {
        home->gathered[home->gathered_count++] = *request;
        if (home->gathered_count == GATHERED_MAX) home_submit(home, now_ms);
    } else if (is_stalled(home) || !home_lane_send(home, shard, request)) {
        stall(home, request, shard);
    }
}

/* Goes on with what had to wait, in order. */
static bool unstall(struct home *home, int64_t now_ms)
{
    bool moved = false;
    while (is_stalled(home)) {
        const struct routed *routed = &home->stalled[home->stalled_done];
        const bool gone = routed->shard == home->index
                              ? home_give(home, &routed->request, 1, now_ms) == 1
                              : home_lane_send(home, routed->shard, &routed->request);
        if (!gone) break;
        home->stalled_done++;
        moved = true;
    }
    if (!is_stalled(home)) {
        home->stalled_count = home->stalled_done = 0;
        home->stalled_used = 0;
    }
    return moved;
}

bool home_ready(const struct home *home)
{
    return !is_stalled(home) && home->free_call != CALL_NONE &&
           home->batches_used < BATCH_CALLS_MAX;
}

/* -- turns ---------------------------------------------------------------------------------- */

/* The next results of a lane; gives how many. */
static uint32_t take_some_results(struct home *home, struct ring *ring, uint32_t shard)
{
    struct result list[RESULTS_AHEAD];
    uint32_t count = 0;
    while (count < RESULTS_AHEAD) {
        const struct bytes message = ring_next(ring);
        if (message.size == 0) break;
        struct result *result = &list[count++];
        memcpy(result, message.data, sizeof *result);
        result->failures = (const struct failure *)(message.data + sizeof(struct lane_result));
        ask_ahead(home, result);
    }
    home->outstanding[shard] -= count;
    for (uint32_t i = 0; i < count; i++)
        hand_result(home, &list[i], shard);
    return count;
}

/* Results of other shards for calls and questions of this home. */
static bool take_lane_results(struct home *home)
{
    bool any = false;
    for (uint32_t shard = 0; shard < home->engine->config.shards; shard++) {
        if (shard == home->index) continue;
        struct ring *ring = lane_of(home->engine, home->index, shard)->results;
        bool got = false;
        while (take_some_results(home, ring, shard) != 0)
            got = true;
        if (got) ring_release(ring);
        any |= got;
    }
    return any;
}

/* The next stretch of requests from one lane: as many as there are, up to INBOX_MAX. */
static void fill_inbox(struct home *home, uint32_t asking)
{
    struct ring *ring = lane_of(home->engine, asking, home->index)->requests;
    home->inbox_lane = asking;
    home->inbox_count = home->inbox_done = 0;
    while (home->inbox_count < INBOX_MAX) {
        const struct bytes message = ring_next(ring);
        if (message.size == 0) return;
        home->inbox[home->inbox_count++] = request_from(message);
    }
}

/* True for what the home gives to its shard. */
static bool for_shard(uint16_t type)
{
    return !desk_type(type) && type != REQUEST_DISPUTED;
}

/* Works off the inbox; false when it has to wait. Runs of requests for the shard are given to it
 * in one piece. */
static bool empty_inbox(struct home *home, int64_t now_ms)
{
    while (home->inbox_done < home->inbox_count) {
        const struct request *first = &home->inbox[home->inbox_done];
        if (desk_type(first->type)) {
            if (!desk_take(home, first->ticket, first->type, first->province, first->body)) {
                return false;
            }
            home->inbox_done++;
            continue;
        }
        if (first->type == REQUEST_DISPUTED) {
            errand_disputed(home, first);
            home->inbox_done++;
            continue;
        }
        uint32_t run = 1;
        while (home->inbox_done + run < home->inbox_count &&
               for_shard(home->inbox[home->inbox_done + run].type))
            run++;
        const uint32_t taken = home_give(home, first, run, now_ms);
        home->inbox_done += taken;
        if (taken < run) return false;
    }
    return true;
}

/* The desk's questions come first: what waits in the lanes may be waiting for them. */
static bool take_questions(struct home *home, int64_t now_ms)
{
    if (home->index == 0) return false; /* The desk asks its own shard directly. */
    struct ring *ring = lane_of(home->engine, 0, home->index)->questions;
    bool any = false;
    for (;;) {
        if (home->question.type == 0) {
            const struct bytes message = ring_next(ring);
            if (message.size == 0) return any;
            home->question = request_from(message);
        }
        if (home_give(home, &home->question, 1, now_ms) == 0) return any;
        home->question.type = 0;
        ring_release(ring);
        any = true;
    }
}

static bool take_lane_requests(struct home *home, int64_t now_ms)
{
    const uint32_t shards = home->engine->config.shards;
    bool any = false;
    for (uint32_t i = 0; i < shards; i++) {
        /* What is left of the last lane first, then the lanes after it in turn. */
        if (home->inbox_done == home->inbox_count) {
            home->inbox_lane = (home->inbox_lane + 1) % shards;
            if (home->inbox_lane != home->index) fill_inbox(home, home->inbox_lane);
        }
        if (home->inbox_done == home->inbox_count) continue;
        const uint32_t done = home->inbox_done;
        const bool emptied = empty_inbox(home, now_ms);
        any |= home->inbox_done != done; /* What finds no room waits: going round makes none. */
        if (!emptied) return any;
        ring_release(lane_of(home->engine, home->inbox_lane, home->index)->requests);
    }
    return any;
}

static void publish(struct home *home)
{
    for (uint32_t shard = 0; shard < home->engine->config.shards; shard++) {
        if (shard == home->index) continue;
        const struct lane *lane = lane_of(home->engine, home->index, shard);
        bool asked = ring_publish(lane->requests);
        if (lane->questions != NULL) asked |= ring_publish(lane->questions);
        const bool answered = ring_publish(lane_of(home->engine, shard, home->index)->results);
        if (asked || answered) home->ops.wake(home->ops.context, shard);
    }
}

static bool mail_parts(struct home *home, int64_t now_ms)
{
    bool any = mail_turn(home, now_ms);
    any |= unstall(home, now_ms);
    any |= errand_turn(home, now_ms);
    return any;
}

/* A part of a turn. Most of them find nothing to do most of the time: that stays in STAGE_LANES,
 * for the clock would cost more than they. */
static bool turn_part(struct home *home, bool (*part)(struct home *home, int64_t now_ms),
                      int64_t now_ms, enum stage stage, bool any_before)
{
    if (any_before) (void)go_on(home, STAGE_SAME, STAGE_LANES);
    const bool any = part(home, now_ms);
    if (any) (void)go_on(home, stage, STAGE_LANES);
    return any;
}

bool home_turn(struct home *home, int64_t now_ms, uint64_t now_us)
{
    home->now_us = now_us;
    home_submit(home, now_ms);
    bool any = take_lane_results(home);
    any |= take_questions(home, now_ms);
    any |= turn_part(home, mail_parts, now_ms, STAGE_MAIL, any);
    any |= turn_part(home, take_lane_requests, now_ms, STAGE_LANES, any);
    if (home->index == 0) any |= turn_part(home, desk_turn, now_ms, STAGE_DESK, any);
    const struct event flush = {.now_ms = now_ms, .kind = EVENT_FLUSH};
    (void)home_step(home, &flush);
    publish(home);
    return any;
}

void home_written(struct home *home, struct block_place place, int64_t now_ms)
{
    const struct event event = {.now_ms = now_ms, .kind = EVENT_WRITTEN, .written = place};
    (void)home_step(home, &event);
}

void home_merged(struct home *home, int status, int64_t now_ms)
{
    struct event event = {.now_ms = now_ms, .kind = EVENT_MERGED};
    event.status = status;
    (void)home_step(home, &event);
}

void home_checkpoint(struct home *home, int64_t now_ms)
{
    const struct event event = {.now_ms = now_ms, .kind = EVENT_CHECKPOINT};
    (void)home_step(home, &event);
}

bool home_quiet(const struct home *home)
{
    for (uint32_t shard = 0; shard < home->engine->config.shards; shard++) {
        if (home->outstanding[shard] != 0) return false;
    }
    return home->calls_used == 0 && home->gathered_count == 0 && !is_stalled(home) &&
           home->inbox_done == home->inbox_count && !home->desk.busy && home->desk.queue_count == 0;
}

bool home_settled(const struct home *home)
{
    return !shard_unwritten(home->shard) && !shard_merging(home->shard);
}
