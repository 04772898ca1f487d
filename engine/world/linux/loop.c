#include "world/linux/loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "shard_wallet.h"
#include "types/ensure.h"
#include "world/linux/crash_point.h"
#include "world/linux/journal_ring.h"
#include "world/linux/large_pages.h"
#include "world/linux/loop_internal.h"
#include "world/linux/schedule.h"
#include "world/linux/submission.h"

/* -- time ----------------------------------------------------------------------------------- */

static void read_clock(struct loop *loop)
{
    struct timespec wall;
    struct timespec steady;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    loop->now_ms = (int64_t)wall.tv_sec * 1000 + wall.tv_nsec / 1000000;
    loop->now_us = (uint64_t)steady.tv_sec * 1000000 + (uint64_t)steady.tv_nsec / 1000;
    loop->steady_ms = (int64_t)(loop->now_us / 1000);
}

/* -- submitting ------------------------------------------------------------------------------ */

struct io_uring_sqe *loop_sqe(struct loop *loop)
{
    if (io_uring_sq_space_left(&loop->ring) == 0) {
        submission_make_room(&loop->ring, 1);
        journal_ring_submitted(&loop->writer);
    }
    return io_uring_get_sqe(&loop->ring);
}

static void arm_wake(struct loop *loop)
{
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_read(sqe, loop->wake_fd, &loop->wake_value, sizeof loop->wake_value, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_WAKE, 0));
}

/* When the shard must be given a step by itself; on a manual clock time comes with messages. */
static int64_t next_due(const struct loop *loop)
{
    return loop->loops->manual_clock ? INT64_MAX : shard_next_due(home_shard(loop->home));
}

/* An idle engine wakes up when something is due, so that what ends at 06:00 ends at 06:00. What
 * becomes due sooner than a tick after a message is at most a tick late; the message after it is
 * not: the shard looks before it judges. */
static void arm_tick(struct loop *loop)
{
    const int64_t due_ms = next_due(loop);
    int64_t wait_ms = TICK_MS;
    if (due_ms > loop->now_ms && due_ms - loop->now_ms < TICK_MS) wait_ms = due_ms - loop->now_ms;
    loop->tick = (struct __kernel_timespec){.tv_nsec = (long long)(wait_ms % 1000) * 1000000,
                                            .tv_sec = wait_ms / 1000};
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_timeout(sqe, &loop->tick, 0, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_TICK, 0));
}

void loop_cancel(struct loop *loop, uint64_t tag)
{
    struct io_uring_sqe *sqe = loop_sqe(loop);
    io_uring_prep_cancel64(sqe, tag, 0);
    io_uring_sqe_set_data64(sqe, TAG(OP_CANCEL, 0));
}

/* -- what the home asks for ------------------------------------------------------------------ */

/* What went on was the writer's work; with another segment than before, the change to it. */
static void account_journal(struct loop *loop, uint32_t segment_before, enum stage next)
{
    const bool changed = loop->writer.segment != segment_before;
    (void)timings_go(&loop->timings, changed ? STAGE_SEGMENT : STAGE_JOURNAL, next);
}

static void on_append(void *context, struct bytes block, uint64_t number)
{
    struct loop *loop = context;
    const uint32_t segment = loop->writer.segment;
    const enum stage outer = timings_go(&loop->timings, STAGE_SAME, STAGE_JOURNAL);
    loop->append_ns = loop->timings.since_ns;
    journal_writer_append(&loop->writer, block, number);
    account_journal(loop, segment, outer);
}

static void on_merge(void *context, struct merge *merge)
{
    struct loop *loop = context;
    loop->checkpoint_ms = loop->steady_ms;
    keeper_ask_merge(&loop->keeper, merge);
}

static void on_send(void *context, uint32_t index, struct bytes frame)
{
    sessions_queue(context, index, frame);
}

static void on_close(void *context, uint32_t index)
{
    sessions_end(context, index);
}

static enum stage on_stage(void *context, enum stage was, enum stage next)
{
    struct loop *loop = context;
    return timings_go(&loop->timings, was, next);
}

static void on_timings(void *context, struct stage_timing *ret_timings)
{
    struct loop *loop = context;
    memcpy(ret_timings, loop->timings.of, sizeof loop->timings.of);
    keeper_timings(&loop->keeper, ret_timings);
}

void loop_wake(struct loop *loop)
{
    const uint64_t one = 1;
    ENSURE(write(loop->wake_fd, &one, sizeof one) == (ssize_t)sizeof one);
}

static void on_wake(void *context, uint32_t shard)
{
    struct loop *loop = context;
    struct loop *other = loop->loops->list[shard];
    /* Both sides exchange the flag, never just store it, so that each sees what the other did
     * before its exchange: either the sleeper finds what was published, or this finds the sleeper.
     * Who takes the flag down wakes, once for all. */
    if (atomic_exchange(&other->sleeping, false)) loop_wake(other);
}

/* -- completions ----------------------------------------------------------------------------- */

/* What waits for room on the disk waits as long as it takes, but not when the engine is to stop. */
static void give_up_waiting(const struct loop *loop, const char *what, int status)
{
    if (loop->stop_ms == 0 || loop->steady_ms - loop->stop_ms < DRAIN_MS) return;
    fprintf(stderr,
            "qingfend: shard %u: cannot %s: %s; stopping without it. What was answered is in the "
            "journal, what was not answered must be sent again\n",
            loop->index, what, strerror(-status));
    _exit(1);
}

static void on_merged(struct loop *loop, int status)
{
    loop->merge_failures = status == 0 ? 0 : loop->merge_failures + 1;
    if (loop->merge_failures == MERGE_FAILURES_TOLD) { /* The first may mean a map too small. */
        fprintf(stderr, "qingfend: shard %u: cannot take a checkpoint: %s; trying on\n",
                loop->index, strerror(-status));
    }
    if (status != 0) give_up_waiting(loop, "take a checkpoint", status);
    home_merged(loop->home, status, loop->now_ms);
}

static void on_keeper(struct loop *loop)
{
    int status;
    if (keeper_merged(&loop->keeper, &status)) {
        on_merged(loop, status);
        crash_point("merge-told");
    }
    if (keeper_prepared(&loop->keeper, &status)) {
        const uint32_t segment = loop->writer.segment;
        if (status != 0) give_up_waiting(loop, "prepare the next journal segment", status);
        const enum stage outer = timings_go(&loop->timings, STAGE_SAME, STAGE_JOURNAL);
        journal_writer_prepared(&loop->writer, status);
        account_journal(loop, segment, outer);
    }
}

static void on_tick(struct loop *loop)
{
    const int64_t age_ms = loop->steady_ms - loop->checkpoint_ms;
    if (age_ms >= (int64_t)loop->loops->checkpoint_seconds * 1000) {
        loop->checkpoint_ms = loop->steady_ms;
        crash_point("checkpoint-due");
        home_checkpoint(loop->home, loop->now_ms);
    }
    sessions_tick(loop);
    arm_tick(loop);
}

static void on_completion(struct loop *loop, const struct io_uring_cqe *cqe)
{
    const uint32_t index = (uint32_t)cqe->user_data;
    const uint64_t tag = cqe->user_data;
    switch ((enum op)(tag >> 32)) {
    case OP_ACCEPT:
        sessions_on_accept(loop, cqe);
        return;
    case OP_GREETING:
        sessions_on_greeting(loop, index, cqe->res);
        return;
    case OP_RECV:
        sessions_on_received(loop, index, cqe);
        return;
    case OP_SEND:
        sessions_on_sent(loop, index, cqe->res);
        return;
    case OP_WRITE:
    case OP_SYNC:
        if (journal_writer_completed(&loop->writer, tag, cqe->res)) {
            stage_add(&loop->timings.of[STAGE_DEVICE], timings_clock() - loop->append_ns, 0);
            home_written(loop->home, loop->writer.durable, loop->now_ms);
            crash_point("answers-made");
        }
        return;
    case OP_WAKE:
        arm_wake(loop);
        on_keeper(loop);
        return;
    case OP_TICK:
        (void)timings_go(&loop->timings, STAGE_SAME, STAGE_TICK);
        on_tick(loop);
        (void)timings_go(&loop->timings, STAGE_SAME, STAGE_RECEIVE);
        return;
    case OP_CANCEL:
        return;
    }
}

static bool take_completions(struct loop *loop)
{
    struct io_uring_cqe *cqe;
    unsigned head;
    unsigned count = 0;
    io_uring_for_each_cqe(&loop->ring, head, cqe)
    {
        on_completion(loop, cqe);
        count++;
    }
    io_uring_cq_advance(&loop->ring, count);
    return count != 0;
}

/* -- the end --------------------------------------------------------------------------------- */

/* True when this loop, and every other one, has nothing left to do. */
static bool drained(struct loop *loop)
{
    const bool decided = home_quiet(loop->home) && home_settled(loop->home);
    if (decided && loop->drain_ms == 0) loop->drain_ms = loop->steady_ms;
    if (!decided) return false;
    if (!sessions_all_sent(loop) && loop->steady_ms - loop->drain_ms < DRAIN_MS) return false;
    if (!loop->counted_quiet) {
        loop->counted_quiet = true;
        atomic_fetch_add(&loop->loops->quiet, 1);
        for (uint32_t i = 0; i < loop->loops->count; i++)
            loop_wake(loop->loops->list[i]);
    }
    return atomic_load(&loop->loops->quiet) == loop->loops->count;
}

/* -- running --------------------------------------------------------------------------------- */

static int open_ring(struct loop *loop)
{
    struct io_uring_params params = {
        .flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_CQSIZE,
        .cq_entries = 4 * RING_ENTRIES,
    };
    int r = io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
    if (r == -EINVAL) { /* A kernel before 6.1 knows neither flag. */
        params =
            (struct io_uring_params){.flags = IORING_SETUP_CQSIZE, .cq_entries = 4 * RING_ENTRIES};
        r = io_uring_queue_init_params(RING_ENTRIES, &loop->ring, &params);
    }
    if (r != 0) return r;
    (void)io_uring_register_ring_fd(&loop->ring); /* Saves a little; not every kernel has it. */

    struct io_uring_buf_reg reg = {
        .ring_addr = (uint64_t)(uintptr_t)loop->recv_ring,
        .ring_entries = RECV_BUFFERS,
        .bgid = RECV_GROUP,
    };
    r = io_uring_register_buf_ring(&loop->ring, &reg, 0);
    if (r != 0) return r;
    io_uring_buf_ring_init(loop->recv_ring);
    for (uint32_t id = 0; id < RECV_BUFFERS; id++)
        sessions_give_buffer(loop, id);
    return 0;
}

static _Noreturn void ring_failed(int error)
{
    fprintf(stderr, "qingfend: io_uring is not available: %s\n", strerror(error));
    if (error == EPERM || error == ENOSYS) {
        fprintf(stderr, "  it may be switched off (sysctl kernel.io_uring_disabled must be 0) or\n"
                        "  blocked by a container's seccomp profile; see deploy/README.md\n");
    } else if (error == ENOMEM) {
        fprintf(stderr, "  there is too little memory, or the limit of locked memory is too low\n"
                        "  (ulimit -l, LimitMEMLOCK=)\n");
    } else if (error == EMFILE) {
        fprintf(stderr, "  the limit of open files is too low (ulimit -n, LimitNOFILE=)\n");
    }
    _exit(1);
}

/* What the kernel did not take stays in the queue and goes with the next turn; but a ring that
 * refuses for another reason than being busy takes nothing any more. */
static void submitted(struct loop *loop, int r)
{
    journal_ring_submitted(&loop->writer);
    if (r >= 0 || r == -EINTR || r == -EAGAIN || r == -EBUSY) return;
    fprintf(stderr,
            "qingfend: shard %u: io_uring takes no more work: %s; stopping. Nothing that was "
            "answered is lost\n",
            loop->index, strerror(-r));
    _exit(1);
}

static void become_ready(struct loop *loop)
{
    if (loop->ready || (loop->index == 0 && !home_aligned(loop->home))) return;
    if (next_due(loop) <= loop->now_ms) return; /* What was missed while the engine was down. */
    loop->ready = true;
    atomic_fetch_add(&loop->loops->ready, 1);
    crash_point("loop-ready");
}

/* The home's turn, and what it leaves to be sent. */
static bool serve_home(struct loop *loop)
{
    (void)timings_go(&loop->timings, STAGE_SAME, STAGE_LANES);
    const bool more = home_turn(loop->home, loop->now_ms, loop->now_us);
    (void)timings_go(&loop->timings, STAGE_SAME, STAGE_SEND);
    sessions_send(loop);
    return more;
}

static void call_kernel(struct loop *loop, bool sleeps)
{
    timings_kernel(&loop->timings, sleeps);
    const int r = sleeps ? io_uring_submit_and_wait(&loop->ring, 1)
                         : io_uring_submit_and_get_events(&loop->ring);
    timings_turn(&loop->timings);
    (void)atomic_exchange(&loop->sleeping, false);
    submitted(loop, r);
}

/* True when nothing but what arrives has to be looked at: not whether it may begin to accept, nor
 * whether all is done and it may end. */
static bool is_steady(const struct loop *loop)
{
    return loop->ready && (loop->index != 0 || loop->accepting) && !loop_stopping(loop);
}

/* What has arrived is worked off before the loop sleeps, and one call of the kernel does both what
 * is left to it and the waiting: it does not wait when there is a completion. */
static void turn(struct loop *loop)
{
    const bool arrived = take_completions(loop);
    read_clock(loop);
    sessions_take_handovers(loop);
    bool more = sessions_take_waiting(loop);
    more |= sessions_receive(loop);
    const bool done = serve_home(loop);
    become_ready(loop);
    more |= (arrived || done) && !is_steady(loop);
    more |= done && loop->waiting.count != 0; /* There may be room for them now. */
    if (!more) {
        (void)atomic_exchange(&loop->sleeping, true); /* See on_wake(). */
        more = serve_home(loop);
    }
    call_kernel(loop, !more);
    read_clock(loop);
}

/* So that `top -H` and /proc say which thread is which shard's. */
static void name_thread(uint32_t index)
{
    char name[16];
    snprintf(name, sizeof name, "shard-%u", index);
    (void)pthread_setname_np(pthread_self(), name);
}

void *loop_run(void *context)
{
    struct loop *loop = context;
    bool stopping = false;

    name_thread(loop->index);
    schedule_this_thread(0);
    schedule_stay(loop->index, loop->loops->count);
    const int r = open_ring(loop);
    if (r != 0) ring_failed(-r);
    read_clock(loop);
    timings_begin(&loop->timings);
    loop->checkpoint_ms = loop->steady_ms;
    arm_wake(loop);
    arm_tick(loop);
    if (loop->index == 0) home_align(loop->home);
    for (;;) {
        turn(loop);
        if (loop->index == 0 && !loop->accepting && !stopping && loop->loops->listen_fd >= 0 &&
            loop->steady_ms >= loop->accept_ms &&
            atomic_load(&loop->loops->ready) == loop->loops->count) {
            sessions_accept(loop);
        }
        if (!stopping && loop_stopping(loop)) {
            stopping = true;
            loop->stop_ms = loop->steady_ms;
            sessions_stop_reading(loop);
            home_stop_mail(loop->home);
            crash_point("drain-begins");
        }
        if (stopping && drained(loop)) break;
    }
    crash_point("drained");
    io_uring_queue_exit(&loop->ring);
    checksum_thread_done();
    checksum_pieces_thread_done();
    return NULL;
}

struct loop *loop_new(struct loops *loops, uint32_t index, struct shard *shard,
                      const struct journal_folder *folder, const struct journal_scan *scan)
{
    struct loop *loop = calloc(1, sizeof *loop);
    NEED_MEMORY(loop);
    const struct home_ops ops = {
        .context = loop,
        .append = on_append,
        .merge = on_merge,
        .send = on_send,
        .close = on_close,
        .wake = on_wake,
        .stage = on_stage,
        .timings = on_timings,
    };
    loop->loops = loops;
    loop->index = index;
    loop->home = home_new(loops->engine, index, shard, &ops);
    loop->sessions = calloc(LOOP_SESSIONS_MAX, sizeof *loop->sessions);
    loop->free_sessions = calloc(LOOP_SESSIONS_MAX, sizeof *loop->free_sessions);
    loop->dirty = calloc(LOOP_SESSIONS_MAX, sizeof *loop->dirty);
    loop->recv_memory = aligned_alloc(4096, (size_t)RECV_BUFFERS * RECV_BUFFER_SIZE);
    loop->recv_ring = aligned_alloc(4096, 4096);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC);
    const int wake_error = errno;
    pthread_mutex_init(&loop->handover_mutex, NULL);
    NEED_MEMORY(loop->home);
    NEED_MEMORY(loop->sessions);
    NEED_MEMORY(loop->free_sessions);
    NEED_MEMORY(loop->dirty);
    NEED_MEMORY(loop->recv_memory);
    NEED_MEMORY(loop->recv_ring);
    large_pages_lay((struct bytes){loop->recv_memory, (size_t)RECV_BUFFERS * RECV_BUFFER_SIZE},
                    true);
    sessions_init(loop);
    int r = loop->wake_fd < 0 ? -wake_error : 0;
    if (r == 0) r = keeper_start(&loop->keeper, folder->path, loop->wake_fd);
    loop->writer = (struct journal_writer){
        .ring = &loop->ring,
        .keeper = &loop->keeper,
        .folder = *folder,
        .write_tag = TAG(OP_WRITE, 0),
        .sync_tag = TAG(OP_SYNC, 0),
        .dsync = journal_device_has_fua(folder->path),
    };
    if (r == 0) r = journal_writer_start(&loop->writer, scan);
    if (r != 0) {
        fprintf(stderr, "qingfend: shard %u: cannot begin to write the journal in %s: %s\n", index,
                folder->path, strerror(-r));
        return NULL;
    }
    return loop;
}

int loop_finish(struct loop *loop)
{
    keeper_stop(&loop->keeper);
    crash_point("last-checkpoint");
    const int r = shard_checkpoint(home_shard(loop->home));
    journal_writer_stop(&loop->writer);
    home_free(loop->home);
    sessions_free(loop);
    free(loop->recv_memory);
    free(loop->recv_ring);
    close(loop->wake_fd);
    pthread_mutex_destroy(&loop->handover_mutex);
    free(loop);
    return r;
}
