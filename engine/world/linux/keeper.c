#include "world/linux/keeper.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "types/ensure.h"
#include "world/linux/crash_point.h"
#include "world/linux/lmdb_store.h"
#include "world/linux/schedule.h"
#include "world/linux/segments.h"
#include "world/linux/timings.h"

#define RETRY_MS                                                                    \
    200 /* After a full disk: long enough not to spin, short enough not to be felt. \
         */

/* Than the loops, which go first. More, and a loop under full load would leave it so little that
 * the delta fills, and wait for a whole merge. */
#define NICER 10

/* A segment that lasts less long is asked for by a shard that writes large blocks: what its syncs
 * take does not depend on zeros any more, and the disk has better things to write. 16 MiB a second.
 */
#define QUICK_NS UINT64_C(4000000000)

/* A loop that fills a delta in less is at full speed: its keeper must be done soon, or the loop
 * waits for it, longer than any write takes. */
#define CALM_NS UINT64_C(200000000)

/* After each MiB of zeros: in one go they keep the syncs of blocks waiting for 50 to 100 ms, and
 * there are seconds until the segment is needed. */
#define ZEROS_PAUSE_NS 5000000

#define NS_PER_S 1000000000

static void pause_ms(long ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&pause, NULL);
}

static void wake_loop(const struct keeper *keeper)
{
    const uint64_t one = 1;
    ENSURE(write(keeper->wake_fd, &one, sizeof one) == (ssize_t)sizeof one);
}

/* Of the steady clock and of this thread's processor. */
struct spent {
    uint64_t ns;
    uint64_t cpu_ns;
};

static struct spent spent_now(void)
{
    return (struct spent){timings_clock(), timings_cpu()};
}

static struct spent spent_since(struct spent start)
{
    const struct spent now = spent_now();
    return (struct spent){now.ns - start.ns, now.cpu_ns - start.cpu_ns};
}

static void account(struct keeper *keeper, enum stage stage, struct spent spent)
{
    stage_add(&keeper->timings[stage], spent.ns, spent.cpu_ns);
}

/* Its last part was the commit; of one that failed before, none. */
static void account_merge(struct keeper *keeper, const struct merge *merge, struct spent spent)
{
    const uint64_t commit_ns = store_commit_ns(merge->store);
    if (commit_ns == 0) return;
    account(keeper, STAGE_MERGE, (struct spent){spent.ns - commit_ns, spent.cpu_ns});
    account(keeper, STAGE_COMMIT, (struct spent){commit_ns, spent.cpu_ns});
}

/* Not while somebody waits for what comes next, nor at the end. */
static void pause_zeros(void *context)
{
    struct keeper *keeper = context;
    const uint64_t until_ns = timings_clock() + ZEROS_PAUSE_NS;
    const struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S),
                                   .tv_nsec = (long)(until_ns % NS_PER_S)};
    pthread_mutex_lock(&keeper->mutex);
    int r = 0;
    while (r == 0 && keeper->merge == NULL && !keeper->hurry && !keeper->stop)
        r = pthread_cond_clockwait(&keeper->asked, &keeper->mutex, CLOCK_MONOTONIC, &until);
    pthread_mutex_unlock(&keeper->mutex);
}

/* Calmly, where the loop leaves it the time and the merge before took less than half of that. */
static void choose_pace(struct keeper *keeper, struct store *store)
{
    const uint64_t now_ns = timings_clock();
    const uint64_t since_ns = now_ns - keeper->merge_begun_ns;
    store_write_calmly(store, since_ns > CALM_NS && since_ns > 2 * keeper->merge_ns);
    keeper->merge_begun_ns = now_ns;
}

static void *keep(void *context)
{
    struct keeper *keeper = context;
    const struct segment_pause pause = {pause_zeros, keeper};
    (void)pthread_setname_np(pthread_self(), "keeper");
    schedule_this_thread(NICER);
    pthread_mutex_lock(&keeper->mutex);
    for (;;) {
        while (keeper->merge == NULL && keeper->prepare == 0 && !keeper->stop)
            pthread_cond_wait(&keeper->asked, &keeper->mutex);
        if (keeper->prepare != 0) { /* First: the loop may be waiting for it. */
            const uint32_t number = keeper->prepare;
            const enum segment_fill fill = keeper->prepare_fill;
            keeper->prepare = 0;
            pthread_mutex_unlock(&keeper->mutex);
            struct spent spent = spent_now();
            int status = segment_prepare(keeper->folder, number, SEGMENT_SIZE, fill, &pause);
            spent = spent_since(spent);
            if (status == -EEXIST) status = 0; /* Prepared before a stop, and as good as new. */
            if (status != 0) pause_ms(RETRY_MS);
            pthread_mutex_lock(&keeper->mutex);
            account(keeper, STAGE_PREPARE, spent);
            keeper->prepare_status = status;
            keeper->prepare_done = true;
        } else if (keeper->merge != NULL) {
            struct merge *merge = keeper->merge;
            keeper->merge = NULL;
            pthread_mutex_unlock(&keeper->mutex);
            crash_point("merge-begins");
            choose_pace(keeper, merge->store);
            struct spent spent = spent_now();
            const int status = merge_run(merge);
            spent = spent_since(spent);
            keeper->merge_ns = spent.ns;
            crash_point("merge-done");
            if (status != 0) pause_ms(RETRY_MS);
            pthread_mutex_lock(&keeper->mutex);
            account_merge(keeper, merge, spent);
            keeper->merge_status = status;
            keeper->merge_done = true;
        } else {
            break;
        }
        wake_loop(keeper);
    }
    pthread_mutex_unlock(&keeper->mutex);
    return NULL;
}

int keeper_start(struct keeper *keeper, const char *journal_folder, int wake_fd)
{
    *keeper = (struct keeper){.wake_fd = wake_fd, .folder = journal_folder};
    pthread_mutex_init(&keeper->mutex, NULL);
    pthread_cond_init(&keeper->asked, NULL);
    return -pthread_create(&keeper->thread, NULL, keep, keeper);
}

void keeper_stop(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    keeper->stop = true;
    pthread_cond_signal(&keeper->asked);
    pthread_mutex_unlock(&keeper->mutex);
    pthread_join(keeper->thread, NULL);
    pthread_mutex_destroy(&keeper->mutex);
    pthread_cond_destroy(&keeper->asked);
}

void keeper_ask_merge(struct keeper *keeper, struct merge *merge)
{
    pthread_mutex_lock(&keeper->mutex);
    ENSURE(keeper->merge == NULL);
    keeper->merge = merge;
    pthread_cond_signal(&keeper->asked);
    pthread_mutex_unlock(&keeper->mutex);
}

void keeper_ask_segment(struct keeper *keeper, uint32_t number)
{
    const uint64_t now_ns = timings_clock();
    pthread_mutex_lock(&keeper->mutex);
    ENSURE(keeper->prepare == 0);
    const bool quick = keeper->asked_ns != 0 && now_ns - keeper->asked_ns < QUICK_NS;
    keeper->asked_ns = now_ns;
    keeper->hurry = false;
    keeper->prepare = number;
    keeper->prepare_fill = quick ? SEGMENT_RESERVED : SEGMENT_ZEROED;
    pthread_cond_signal(&keeper->asked);
    pthread_mutex_unlock(&keeper->mutex);
}

void keeper_hurry(struct keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    keeper->hurry = true;
    pthread_cond_signal(&keeper->asked);
    pthread_mutex_unlock(&keeper->mutex);
}

static bool take_done(struct keeper *keeper, bool *done, const int *status, int *ret_status)
{
    pthread_mutex_lock(&keeper->mutex);
    const bool was = *done;
    *done = false;
    if (was) *ret_status = *status;
    pthread_mutex_unlock(&keeper->mutex);
    return was;
}

void keeper_timings(struct keeper *keeper, struct stage_timing *ret_timings)
{
    const enum stage own[] = {STAGE_MERGE, STAGE_COMMIT, STAGE_PREPARE};
    pthread_mutex_lock(&keeper->mutex);
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        ret_timings[own[i]] = keeper->timings[own[i]];
    pthread_mutex_unlock(&keeper->mutex);
}

bool keeper_merged(struct keeper *keeper, int *ret_status)
{
    return take_done(keeper, &keeper->merge_done, &keeper->merge_status, ret_status);
}

bool keeper_prepared(struct keeper *keeper, int *ret_status)
{
    return take_done(keeper, &keeper->prepare_done, &keeper->prepare_status, ret_status);
}
