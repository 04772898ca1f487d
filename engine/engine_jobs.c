/* engine_jobs -- the desk's queue: what the centre and the provinces ask, one job at a time.
 *
 * Jobs stand in the files of their kind: engine_centre.c (cut, clock, reports, single records),
 * engine_cycle.c (orders of the clearing cycle), engine_query.c (its queries). Nothing of the cycle
 * changes while a job is under way but by that job. A province's jobs keep their order; between
 * provinces they take turns. */
#include <stdlib.h>

#include "codec/cycle.h"
#include "codec/cycle_query.h"
#include "engine_internal.h"
#include "types/ensure.h"
#include "util/text.h"

#define JOB_ALIGN 0

/* -- the queue -------------------------------------------------------------------------------- */

static void step_job(struct home *home)
{
    switch (home->desk.job.type) {
    case JOB_ALIGN:
        step_align(home);
        return;
    case MESSAGE_PERIOD_CUT:
        step_cut(home);
        return;
    case MESSAGE_YEAR_CLOSE:
        step_year_close(home);
        return;
    case MESSAGE_CLOCK_SET:
        step_clock(home);
        return;
    case MESSAGE_SETTLEMENT_GET:
        step_settlement_get(home);
        return;
    case MESSAGE_STATUS_GET:
        step_status(home);
        return;
    case MESSAGE_PERIOD_LIST:
    case MESSAGE_NET_REPORT:
    case MESSAGE_POSITION_REPORT:
        step_report(home);
        return;
    default:
        if (query_type(home->desk.job.type)) {
            step_query(home);
        } else {
            step_order(home);
        }
    }
}

bool desk_type(uint16_t type)
{
    switch (type) {
    case MESSAGE_PERIOD_LIST:
    case MESSAGE_NET_REPORT:
    case MESSAGE_POSITION_REPORT:
    case MESSAGE_SETTLEMENT_GET:
    case MESSAGE_CLOCK_SET:
    case MESSAGE_STATUS_GET:
        return true;
    default:
        return order_type(type) || query_type(type);
    }
}

/* The operator's two old messages are orders, too. */
static bool decode_job(struct desk_job *job, struct bytes body)
{
    if (query_type(job->type)) return query_decode(job->type, body, &job->query);
    if (!order_type(job->type)) return centre_request_decode(job->type, body, &job->request);
    if (!order_decode(job->type, job->province, body, &job->order, &job->field)) return false;
    job->request.period = job->order.period;
    return true;
}

bool desk_take(struct home *home, uint64_t ticket, uint16_t type, uint16_t province,
               struct bytes body)
{
    struct desk *desk = &home->desk;
    if (desk->queue_count == DESK_QUEUE_MAX) return false;
    /* Lists are long: one of them always fits. */
    if (desk->queue_count != 0 && desk->queue_bytes + body.size > DESK_QUEUE_BYTES) return false;
    struct desk_job *job = &desk->queue[(desk->queue_head + desk->queue_count) % DESK_QUEUE_MAX];
    *job = (struct desk_job){
        .ticket = ticket, .type = type, .province = province, .size = (uint32_t)body.size};
    job->formed = decode_job(job, body);
    desk->queue_bytes += body.size;
    desk->queue_count++;
    return true;
}

static void refuse_malformed(struct home *home)
{
    const struct desk_job *job = &home->desk.job;
    char line[128];
    struct text text = text_begin(line, sizeof line);
    if (job->field == NULL || job->field[0] == '\0') {
        desk_refuse(home, ERROR_MALFORMED, NULL);
        return;
    }
    text_add(&text, job->field);
    text_add(&text, " is missing, too long or none of the values it may have");
    desk_refuse(home, ERROR_MALFORMED, line);
}

static uint64_t *begun_of(struct desk *desk, uint32_t province)
{
    const uint8_t index = province_index(province);
    return &desk->begun_of[index == PROVINCE_NONE ? PROVINCE_COUNT : index];
}

static struct desk_job *queued(struct desk *desk, uint32_t place)
{
    return &desk->queue[(desk->queue_head + place) % DESK_QUEUE_MAX];
}

/* Takes the next job out of the queue: the first one of the province that has waited longest for a
 * job of its own, so that one which asks without end does not keep the others from the desk. */
static struct desk_job next_job(struct desk *desk)
{
    uint32_t place = 0;
    for (uint32_t i = 1; i < desk->queue_count; i++) {
        if (*begun_of(desk, queued(desk, i)->province) <
            *begun_of(desk, queued(desk, place)->province))
            place = i;
    }
    const struct desk_job job = *queued(desk, place);
    for (; place > 0; place--)
        *queued(desk, place) = *queued(desk, place - 1);
    desk->queue_head = (desk->queue_head + 1) % DESK_QUEUE_MAX;
    desk->queue_count--;
    *begun_of(desk, job.province) = ++desk->begun;
    return job;
}

/* Whether the job is begun; a malformed one is answered at once. */
static bool begin_job(struct home *home)
{
    struct desk *desk = &home->desk;
    desk->job = next_job(desk);
    desk->queue_bytes -= desk->job.size;
    desk->busy = true;
    desk->phase = 0;
    decision_init(&desk->decision);
    if (desk->job.formed) return true;
    refuse_malformed(home);
    return false;
}

void desk_free(struct home *home)
{
    struct desk *desk = &home->desk;
    if (desk->busy) desk_end_job(home);
    for (uint32_t i = 0; i < desk->queue_count; i++) {
        struct desk_job *job = &desk->queue[(desk->queue_head + i) % DESK_QUEUE_MAX];
        if (job->formed && order_type(job->type)) order_free(&job->order);
    }
    for (uint32_t i = 0; i < PROVINCE_COUNT; i++) {
        for (uint32_t by = 0; by < 2; by++) {
            free(desk->lists[i][by].items);
            free(desk->lists[i][by].seen);
        }
    }
    cycle_free(desk->cycle);
}

void home_align(struct home *home)
{
    struct desk *desk = &home->desk;
    ENSURE(!desk->busy);
    cycle_restore(home);
    desk->job = (struct desk_job){.type = JOB_ALIGN, .formed = true};
    decision_init(&desk->decision);
    desk->busy = true;
    desk->phase = 0;
}

bool home_aligned(const struct home *home)
{
    return home->desk.aligned;
}

bool desk_turn(struct home *home, int64_t now_ms)
{
    struct desk *desk = &home->desk;
    bool any = false;
    uint32_t begun = 0;
    desk->now_ms = now_ms;
    for (;;) {
        if (!desk->busy) {
            if (desk->queue_count == 0 || begun++ == DESK_JOBS_TURN) return any;
            any = true;
            if (!begin_job(home)) continue;
        }
        if (desk->unsent != 0) any |= desk_send_unsent(home, now_ms);
        if (desk->parts_sent < desk->parts) any |= decision_send(home);
        if (desk->unsent != 0 || desk->parts_sent < desk->parts || desk->answers_due != 0) {
            return any;
        }
        any = true;
        /* The answers of the phase before are read by the next one, then a new question drops
         * them. */
        step_job(home);
        /* A cut takes a turn for each of its phases: none of them may hold up the loop for long. */
        if (desk->busy && desk->job.type == MESSAGE_PERIOD_CUT) return true;
        if (desk->gathering.scanned) {
            desk->gathering.scanned = false;
            return true;
        }
    }
}
