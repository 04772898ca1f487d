#include "tools/qingfen/load_run.h"

#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "tools/client/clock.h"
#include "tools/client/outcome.h"
#include "types/ensure.h"
#include "types/error.h"
#include "world/linux/schedule.h"

#define LOOK_RECORDS 64  /* Records between two looks at the sockets and the clock, at most. */
#define PUMP_RECORDS 512 /* The same in a closed loop: one waits there when a lane is full. */
#define NAP_NS       (50 * NS_PER_MS)
#define NS_PER_US    1000
#define BATCHES_NS   (200 * NS_PER_US) /* Between two looks at the clock while frames fill. */

int load_run_open(struct load_run *run, struct fleet_options options)
{
    /* Sleep ends when the next record is due and not up to 50 us later; a client that spins
     * instead takes a processor away from the engine that it measures. */
    (void)prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    return fleet_open(&run->fleet, &options);
}

void load_run_close(struct load_run *run)
{
    fleet_close(&run->fleet);
}

/* ---- Answers ---- */

static void note_error(struct load_run *run, uint32_t code, const struct lane_slot *slot,
                       const struct frame *reply, uint64_t count)
{
    run->errors += count;
    if (run->said != 0) return;
    run->said = 1;
    char text[512] = "not recognised as sent before, or the other way round";
    if (code != 0) {
        struct batch_outcome batch;
        struct outcome outcome = {0};
        size_t position = 0;
        outcome_text(reply->type, reply->payload, text, sizeof(text));
        if (slot->type == MESSAGE_SETL_BATCH && batch_outcome_read(reply->payload, &batch)) {
            while (batch_outcome_next(&batch, &position, &outcome) == 1 && outcome.code == 0) {
            }
            if (outcome.code != 0) {
                code = outcome.code;
                outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, outcome.reply, text,
                             sizeof(text));
            }
        }
    }
    fprintf(stderr, "qingfen load: first error: %u %s\n", code, text);
}

/* A slot's `fates` say which of its records the engine must know already. */
static uint64_t expected_duplicates(const struct lane_slot *slot)
{
    uint64_t count = 0;
    for (uint32_t i = 0; i < slot->count; i++)
        count += slot->fates[i];
    return count;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* Records of the slot that came out as they had to. */
static uint64_t good_records(const struct lane_slot *slot, const struct frame *reply,
                             uint32_t *ret_code)
{
    const uint64_t again = expected_duplicates(slot);
    *ret_code = ERROR_MALFORMED;
    if (reply->type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        struct batch_outcome batch;
        if (!batch_outcome_read(reply->payload, &batch)) return 0;
        *ret_code = batch.code;
        if (batch.code != 0) return 0;
        if (batch.rejected > 0) *ret_code = ERROR_MALFORMED; /* The record's own is looked up. */
        return least(batch.accepted, slot->count - again) + least(batch.duplicate, again);
    }
    struct outcome outcome;
    if (!outcome_read(reply->payload, &outcome)) return 0;
    *ret_code = outcome.code;
    return reply->type != MESSAGE_ERROR && outcome.code == 0 && outcome.dup == (again == 1);
}

/* The latencies of a slot's records at `now_ns`. In an open loop each counts from when it was due,
 * which is its tag; in a closed one all from when the first of them was laid into the frame. */
static void note_latencies(struct load_run *run, const struct lane_slot *slot, int64_t now_ns)
{
    if (run->step.rate == 0) {
        histogram_add(&run->second_ns, (uint64_t)(now_ns - slot->since_ns), slot->count);
        return;
    }
    for (uint32_t i = 0; i < slot->count; i++)
        histogram_add(&run->second_ns, (uint64_t)now_ns - slot->tags[i], 1);
}

static bool note_answer(void *owner, struct lane *lane, struct lane_slot *slot,
                        const struct frame *reply)
{
    struct load_run *run = owner;
    if (slot == NULL) {
        snprintf(lane->client.text, sizeof(lane->client.text), "the engine cannot read us");
        return true;
    }
    uint32_t code;
    run->answered_ns = lane->received_ns;
    note_latencies(run, slot, lane->received_ns);
    const uint64_t good = good_records(slot, reply, &code);
    run->done += good;
    if (good != slot->count) note_error(run, code, slot, reply, slot->count - good);
    return true;
}

/* ---- The live line ---- */

static unsigned long long quantile_us(const struct histogram *histogram, uint32_t per_million)
{
    return histogram_quantile(histogram, per_million) / NS_PER_US;
}

/* What the second that is over was like; it becomes part of the whole. */
static void end_second(struct load_run *run, int64_t now_ns)
{
    const struct histogram *second = &run->second_ns;
    const uint64_t ms = (uint64_t)((now_ns - run->reported_ns) / NS_PER_MS);
    if (!run->is_quiet) {
        fprintf(stderr,
                "%4d s  %9llu/s  p50 %llu us  p99 %llu us  max %llu us  open %llu  errors %llu\n",
                (int)((now_ns - run->start_ns) / NS_PER_SECOND),
                (unsigned long long)((run->done - run->reported) * 1000 / (ms == 0 ? 1 : ms)),
                quantile_us(second, 500000), quantile_us(second, 990000),
                (unsigned long long)second->max / NS_PER_US,
                (unsigned long long)fleet_open_records(&run->fleet),
                (unsigned long long)run->errors);
    }
    histogram_merge(&run->latency_ns, second);
    memset(&run->second_ns, 0, sizeof(run->second_ns));
    run->reported_ns = now_ns;
    run->reported = run->done;
}

static int pump(struct load_run *run, int64_t wait_ns)
{
    const int r = fleet_pump(&run->fleet, wait_ns);
    const int64_t now = clock_ns();
    if (now - run->reported_ns >= NS_PER_SECOND) end_second(run, now);
    return r;
}

/* ---- Sending ---- */

/* The engine's clock, for setl_time: a manual clock stands still. */
static int64_t engine_now(const struct load_run *run, int64_t now_ns)
{
    if (run->fleet.manual_clock) return run->fleet.engine_ms;
    return run->fleet.engine_ms + (now_ns - run->fleet.engine_at_ns) / NS_PER_MS;
}

/* What stops a step before its end: a lost connection (negative errno), or this. */
#define GAVE_UP 1

/* Makes a record and lays it into its lane, waiting for room. `due_ns` 0: closed loop. */
static int send_one(struct load_run *run, int64_t now_ns, int64_t due_ns)
{
    struct lane *lane = fleet_lane(&run->fleet, live_draw(&run->live));
    while (!lane_has_room(lane)) {
        const int r = pump(run, NAP_NS);
        if (r != 0) return r;
        now_ns = clock_ns();
        if (now_ns >= run->give_up_ns) return GAVE_UP;
    }
    const size_t size = live_write(&run->live, engine_now(run, now_ns), lane_reserve(lane));
    struct lane_slot *slot = lane_commit(lane, size, (uint64_t)due_ns);
    slot->fates[slot->count - 1] = live_is_duplicate(&run->live);
    if (due_ns != 0) histogram_add(&run->late_ns, (uint64_t)(now_ns - due_ns), 1);
    run->sent++;
    return 0;
}

static bool nothing_left(const struct load_run *run)
{
    return run->sent == run->step.count || live_left(&run->live) == 0;
}

static int send_closed(struct load_run *run)
{
    for (;;) {
        const int64_t now = clock_ns();
        if (now >= run->end_ns) return 0;
        for (uint32_t i = 0; i < PUMP_RECORDS; i++) {
            if (nothing_left(run)) return 0;
            const int r = send_one(run, now, 0);
            if (r != 0) return r;
        }
        const int r = pump(run, 0);
        if (r != 0) return r;
    }
}

static int64_t due_time(const struct load_run *run, uint64_t number)
{
    const unsigned __int128 ns = (unsigned __int128)number * NS_PER_SECOND;
    return run->start_ns + (int64_t)(ns / run->step.rate);
}

/* A record of a batch waits for its frame to be full. Who wakes for each of them never sleeps, and
 * takes a processor away from the engine that is measured: an eighth of a frame's time is in time.
 */
static int64_t least_nap(const struct load_run *run)
{
    const uint32_t batch = run->fleet.options.batch;
    if (batch == 1) return 0;
    const uint64_t frame_ns =
        (uint64_t)batch * run->fleet.lane_count * NS_PER_SECOND / run->step.rate;
    return (int64_t)least(frame_ns / 8, BATCHES_NS);
}

static int64_t nap_until(int64_t due, int64_t now, int64_t at_least)
{
    if (due <= now) return 0;
    const int64_t nap = due - now < at_least ? at_least : due - now;
    return nap > NAP_NS ? NAP_NS : nap;
}

static int send_open(struct load_run *run)
{
    const int64_t at_least = least_nap(run);
    for (;;) {
        int64_t now = clock_ns();
        int64_t due = due_time(run, run->sent);
        for (uint32_t i = 0; due <= now && i < LOOK_RECORDS; i++) {
            if (due >= run->end_ns || nothing_left(run)) return 0;
            const int r = send_one(run, now, due);
            if (r != 0) return r;
            due = due_time(run, run->sent);
        }
        if (due >= run->end_ns || nothing_left(run)) return 0;
        const int r = pump(run, nap_until(due, clock_ns(), at_least));
        if (r != 0) return r;
    }
}

/* Waits for what is open, with as much patience again. */
static int drain(struct load_run *run)
{
    const int64_t deadline = clock_ns() + run->patience_ns;
    fleet_seal(&run->fleet);
    while (fleet_open_records(&run->fleet) > 0 && clock_ns() < deadline) {
        const int r = pump(run, NAP_NS);
        if (r != 0) return r;
    }
    return 0;
}

/* ---- What has no answer (O1) ---- */

static uint64_t note_unanswered(struct load_run *run, int64_t now_ns)
{
    for (uint32_t i = 0; i < run->fleet.lane_count; i++) {
        const struct lane *lane = &run->fleet.lanes[i];
        for (uint64_t s = lane->oldest; s < lane->filling; s++) {
            const struct lane_slot *slot = &lane->slots[s % lane->window];
            if (!slot->answered) note_latencies(run, slot, now_ns);
        }
    }
    return fleet_open_records(&run->fleet);
}

/* Records that were due, by time or count, and never sent; none in a closed loop. */
static uint64_t note_unsent(struct load_run *run, int64_t now_ns)
{
    uint64_t unsent = 0;
    if (run->step.rate == 0) return 0;
    for (uint64_t k = run->sent; k < run->step.count; k++, unsent++) {
        const int64_t due = due_time(run, k);
        if (due >= run->end_ns || due > now_ns) break;
        histogram_add(&run->second_ns, (uint64_t)(now_ns - due), 1);
    }
    return unsent;
}

static void note_missing(struct load_run *run, int r)
{
    const int64_t now = clock_ns();
    fleet_seal(&run->fleet);
    const uint64_t open = note_unanswered(run, now);
    const uint64_t unsent = r == 0 ? 0 : note_unsent(run, now);
    run->errors += open + unsent;
    if (open > 0) {
        fprintf(stderr, "qingfen load: %llu records have no answer\n", (unsigned long long)open);
    }
    if (unsent > 0) {
        fprintf(stderr, "qingfen load: %llu records were due and could not be sent\n",
                (unsigned long long)unsent);
    }
}

/* ---- A step ---- */

static int64_t cpu_ns(void)
{
    struct rusage usage;
    ENSURE(getrusage(RUSAGE_SELF, &usage) == 0);
    const struct timeval times[] = {usage.ru_utime, usage.ru_stime};
    int64_t ns = 0;
    for (int i = 0; i < 2; i++)
        ns += times[i].tv_sec * NS_PER_SECOND + times[i].tv_usec * NS_PER_US;
    return ns;
}

static void begin(struct load_run *run, struct load_step step)
{
    /* On a machine that it shares with the engine, who sends on time must not wait for the usual
     * slice to end: what it waits would be counted as the engine's. */
    if (step.rate != 0) schedule_this_thread(0);
    run->fleet.options.answered = note_answer;
    run->fleet.options.owner = run;
    memset(&run->latency_ns, 0, sizeof(run->latency_ns));
    memset(&run->second_ns, 0, sizeof(run->second_ns));
    memset(&run->late_ns, 0, sizeof(run->late_ns));
    run->step = step;
    run->done = run->errors = run->sent = run->reported = 0;
    run->start_ns = run->reported_ns = run->answered_ns = clock_ns();
    run->end_ns = run->start_ns + step.for_ns;
    run->give_up_ns = run->end_ns + run->patience_ns;
}

bool load_run_step(struct load_run *run, struct load_step step, struct load_result *ret_result)
{
    const int64_t cpu = cpu_ns();
    begin(run, step);
    int r = step.rate == 0 ? send_closed(run) : send_open(run);
    if (r == 0) r = drain(run);
    note_missing(run, r);
    histogram_merge(&run->latency_ns, &run->second_ns);
    memset(&run->second_ns, 0, sizeof(run->second_ns));
    run->is_lost = r < 0;

    const int64_t span = run->answered_ns - run->start_ns;
    *ret_result = (struct load_result){
        .offered_per_s = step.rate,
        .settlements_per_s =
            span <= 0 ? 0 : (uint64_t)((unsigned __int128)run->done * NS_PER_SECOND / span),
        .records = run->done,
        .errors = run->errors,
        .span_ns = span,
        .cpu_ns = cpu_ns() - cpu,
        .late_p99_ns = (int64_t)histogram_quantile(&run->late_ns, 990000),
    };
    load_result_latencies(ret_result, &run->latency_ns);
    return !run->is_lost && fleet_open_records(&run->fleet) == 0;
}
