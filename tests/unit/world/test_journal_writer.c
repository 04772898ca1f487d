/* The journal's way onto the disk: whatever order the kernel chooses, a block is said to be there
 * only when a loss of power could not take it away any more (J1).
 *
 * The writer alone, on the fake ring. Thousands of blocks under random schedules: short writes,
 * submissions refused or taken in part, a full queue, segments that are late. What was said and
 * when is compared with what the log proves. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/durable.h"
#include "world/linux/journal_ring.h"

#define WRITE_TAG  1
#define SYNC_TAG   2
#define OTHER_TAG  3
#define OTHERS_MAX 16
#define BLOCKS     60
#define SCHEDULES  150
#define SMALL_MAX  (64 * 1024)
#define BLOCK_ROOM (192 * 1024)

static struct journal_writer writer;
static struct keeper keeper;
static struct io_uring ring;
static uint8_t *memory; /* SEGMENT_HEAD_SIZE, then the block. */
static uint8_t previous[BLOCK_HASH_SIZE];
static uint64_t number;            /* Of the last block given. */
static uint64_t said;              /* Of the last one that the writer said is durable. */
static size_t said_at[BLOCKS + 1]; /* Where the log stood then. */
static uint32_t asked;             /* Segment the writer wants; 0: none. */
static uint32_t full;              /* So many times there is no room for a segment. */
static uint32_t waited;            /* Blocks that had to wait for one. */
static bool hurried;               /* The keeper knows that one waits. */

/* -- the keeper ------------------------------------------------------------------------------- */

void keeper_ask_segment(struct keeper *k, uint32_t segment)
{
    assert_ptr_equal(k, &keeper);
    assert_int_equal(asked, 0);
    asked = segment;
    hurried = false;
}

void keeper_hurry(struct keeper *k)
{
    assert_ptr_equal(k, &keeper);
    hurried = true;
}

static void keeper_step(void)
{
    if (asked == 0) return;
    assert_int_equal(hurried, writer.waits_for_segment);
    const uint32_t segment = asked;
    asked = 0;
    if (full > 0) {
        full--;
        journal_writer_prepared(&writer, -ENOSPC);
        return;
    }
    assert_in_range(segment, 2, FAKE_SEGMENTS_MAX - 1);
    fake.prepared[segment] = true;
    journal_writer_prepared(&writer, 0);
}

/* -- the writer ------------------------------------------------------------------------------- */

static void begin(uint64_t seed, bool dsync)
{
    struct io_uring_params params = {.cq_entries = 64};
    struct journal_scan scan = {.tail = {.segment = 1}, .tail_exists = true};
    fake_begin(seed);
    fake.sq_entries = 8;
    fake.prepared[1] = true;
    assert_int_equal(io_uring_queue_init_params(8, &ring, &params), 0);
    number = said = 0;
    asked = full = waited = 0;
    writer = (struct journal_writer){
        .ring = &ring,
        .keeper = &keeper,
        .folder = {.path = "journal", .segment_bytes = DURABLE_SEGMENT_BYTES, .shard = 1},
        .write_tag = WRITE_TAG,
        .sync_tag = SYNC_TAG,
        .dsync = dsync,
    };
    memcpy(writer.folder.store_id, "0123456789abcdef", STORE_ID_SIZE);
    block_chain_start(writer.folder.store_id, 1, previous);
    assert_int_equal(journal_writer_start(&writer, &scan), 0);
    keeper_step(); /* The second segment is there from the beginning. */
}

static void finish(void)
{
    if (writer.completions_due == 0) journal_writer_stop(&writer);
    fake_free();
    asked = 0;
}

static void give_block_of(size_t size)
{
    uint8_t *out = memory + SEGMENT_HEAD_SIZE;
    const size_t payload = size - BLOCK_HEAD_SIZE;
    for (size_t i = 0; i < payload; i += 8) {
        const uint64_t word = prng_u64(&fake.prng);
        memcpy(out + BLOCK_HEAD_SIZE + i, &word, payload - i < 8 ? payload - i : 8);
    }
    number++;
    struct block block = {
        .shard = 1,
        .epoch = 1,
        .number = number,
        .first_seq = number,
        .entry_count = 1,
        .payload = {out + BLOCK_HEAD_SIZE, payload},
    };
    memcpy(block.store_id, writer.folder.store_id, STORE_ID_SIZE);
    memcpy(block.previous, previous, sizeof previous);
    block_seal(&block, out, previous);
    journal_writer_append(&writer, (struct bytes){out, block_size_on_disk(payload)}, number);
    waited += writer.waits_for_segment;
}

/* The write and its sync are two operations, where the disk is not told to be one that syncs. */
static void give_small_block(void)
{
    give_block_of(BLOCK_HEAD_SIZE + 64 + prng_below(&fake.prng, SMALL_MAX - BLOCK_HEAD_SIZE - 64));
}

static void give_block(void)
{
    if (prng_chance(&fake.prng, 800)) {
        give_small_block();
    } else {
        give_block_of(LARGE_BLOCK + prng_below(&fake.prng, BLOCK_ROOM - LARGE_BLOCK));
    }
}

/* Others use the ring too. */
static void queue_other(void)
{
    static struct __kernel_timespec soon = {.tv_nsec = 1000};
    if (fake_under_way(IORING_OP_TIMEOUT) >= OTHERS_MAX) return;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
    if (sqe == NULL) {
        io_uring_submit(&ring);
        journal_ring_submitted(&writer);
        return;
    }
    io_uring_prep_timeout(sqe, &soon, 0, 0);
    io_uring_sqe_set_data64(sqe, OTHER_TAG);
}

static bool make_room(void *context)
{
    (void)context;
    if (asked == 0) return false;
    keeper_step();
    return true;
}

/* Until the block is said to be durable. */
static void until_written(void)
{
    while (said < number) {
        for (uint64_t others = prng_below(&fake.prng, 10); others > 0; others--)
            queue_other();
        if (prng_chance(&fake.prng, 200)) keeper_step();
        const int r = io_uring_submit_and_wait(&ring, 1);
        journal_ring_submitted(&writer);
        assert_true(r >= 0 || r == -EINTR || r == -EAGAIN || r == -EBUSY);
        struct io_uring_cqe *cqe;
        unsigned head;
        unsigned count = 0;
        io_uring_for_each_cqe(&ring, head, cqe)
        {
            count++;
            if (cqe->user_data == OTHER_TAG) continue;
            if (!journal_writer_completed(&writer, cqe->user_data, cqe->res)) continue;
            said_at[++said] = fake.log_size;
        }
        io_uring_cq_advance(&ring, count);
    }
}

/* -- the proof -------------------------------------------------------------------------------- */

/* Every block was on stable storage where it was said to be, and nothing was said twice. */
static void check_log(uint64_t seed)
{
    struct durable durable;
    uint64_t next = 1;
    durable_begin(&durable);
    for (size_t i = 0; i <= fake.log_size; i++) {
        for (; next <= said && said_at[next] == i; next++) {
            if (durable.block < next)
                fail_msg("seed %llu: block %llu was said to be durable, %llu is",
                         (unsigned long long)seed, (unsigned long long)next,
                         (unsigned long long)durable.block);
        }
        if (i < fake.log_size) durable_event(&durable, &fake.log[i]);
    }
    assert_int_equal(durable.block, said);
    durable_end(&durable);
}

static void random_schedules(bool dsync)
{
    uint32_t delayed = 0;
    for (uint64_t seed = 1; seed <= SCHEDULES; seed++) {
        begin(seed, dsync);
        fake.chances = (struct fake_chances){
            .short_write = (uint32_t)prng_below(&fake.prng, 300),
            .submit_fails = (uint32_t)prng_below(&fake.prng, 100),
            .submit_partial = (uint32_t)prng_below(&fake.prng, 400),
            .interrupted = 50,
            .delay_steps = (uint32_t)prng_below(&fake.prng, 12),
        };
        fake.around = make_room;
        for (uint32_t i = 0; i < BLOCKS; i++) {
            if (prng_chance(&fake.prng, 100)) full = (uint32_t)prng_below(&fake.prng, 100);
            give_block();
            until_written();
        }
        delayed += waited;
        check_log(seed);
        finish();
    }
    assert_int_not_equal(delayed, 0); /* Else late segments were never seen. */
}

static void a_block_is_said_to_be_there_when_it_is(void **state) /* (J1) */
{
    (void)state;
    random_schedules(false);
}

static void so_with_writes_that_sync(void **state) /* (J1) */
{
    (void)state;
    random_schedules(true);
}

static void write_and_sync_stay_together_in_a_full_queue(void **state)
{
    (void)state;
    for (uint32_t queued = 0; queued <= 8; queued++) {
        begin(queued + 1, false);
        static struct __kernel_timespec soon = {.tv_nsec = 1000};
        for (uint32_t i = 0; i < queued; i++) {
            struct io_uring_sqe *sqe = io_uring_get_sqe(&ring);
            io_uring_prep_timeout(sqe, &soon, 0, 0);
            io_uring_sqe_set_data64(sqe, OTHER_TAG);
        }
        give_small_block();
        until_written();
        assert_int_equal(fake.writes, 1); /* At the first attempt: nothing was torn apart. */
        assert_int_equal(fake.syncs, 1);
        check_log(queued + 1);
        finish();
    }
}

static void a_link_that_the_kernel_parts_is_made_again(void **state) /* (J1) */
{
    (void)state;
    begin(1, false);
    fake.chances.submit_partial = 1000;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        give_block();
        until_written();
    }
    assert_true(fake.writes > number); /* It happened. */
    check_log(1);
    finish();
}

static void a_large_block_is_one_write_on_any_disk(void **state)
{
    (void)state;
    begin(1, false);
    give_block_of(LARGE_BLOCK - BLOCK_ALIGN);
    until_written();
    assert_int_equal(fake.writes, 1);
    assert_int_equal(fake.syncs, 1);
    give_block_of(LARGE_BLOCK - BLOCK_ALIGN + 1);
    until_written();
    assert_int_equal(fake.writes, 2);
    assert_int_equal(fake.syncs, 1);
    check_log(1); /* (J1): and yet it was there when that was said. */
    finish();
}

/* -- failures --------------------------------------------------------------------------------- */

/* Runs until the process ends; the log must not show the failed operation a second time. */
static void ends_at_failure(bool dsync, uint32_t write, uint32_t sync, int error)
{
    jmp_buf end;
    begin(write * 7 + sync, dsync);
    fake.chances.delay_steps = 3;
    fake.fail_write = write;
    fake.fail_sync = sync;
    fake.fail_error = error;
    fake.end = &end;
    fake.around = make_room;
    if (setjmp(end) == 0) {
        for (uint32_t i = 0; i < BLOCKS; i++) {
            give_small_block();
            until_written();
        }
        fail_msg("write %u, sync %u: the failure was taken for a success", write, sync);
    }
    fake.end = NULL;
    assert_int_equal(said, (write != 0 ? write : sync) - 1);
    assert_int_equal(fake.writes, write != 0 ? write : sync); /* Nothing was tried again. */
    check_log(0);
    fake_free();
    asked = 0;
}

static void a_failed_write_or_sync_is_the_end(void **state)
{
    (void)state;
    static const int errors[] = {-EIO, -ENOSPC, -EAGAIN, -EINTR, -EINVAL, -EDQUOT};
    for (size_t e = 0; e < sizeof errors / sizeof errors[0]; e++) {
        for (uint32_t nth = 1; nth <= 12; nth++) {
            ends_at_failure(false, nth, 0, errors[e]);
            ends_at_failure(false, 0, nth, errors[e]);
            ends_at_failure(true, nth, 0, errors[e]);
        }
    }
    ends_at_failure(false, 3, 0, 0); /* Nothing written, and no reason given. */
}

/* -- segments --------------------------------------------------------------------------------- */

static void a_segment_begins_with_head_and_block_in_one_write(void **state)
{
    (void)state;
    uint32_t begun = 0;
    begin(5, false);
    fake.around = make_room;
    for (uint32_t i = 0; i < BLOCKS; i++) {
        give_block();
        until_written();
    }
    for (size_t i = 0; i < fake.log_size; i++) {
        const struct fake_event *event = &fake.log[i];
        struct segment_head head;
        struct block block;
        uint8_t hash[BLOCK_HASH_SIZE];
        if (event->kind != FAKE_START || event->opcode != IORING_OP_WRITE || event->offset != 0)
            continue;
        begun++;
        assert_true(segment_head_decode((struct bytes){event->bytes, SEGMENT_HEAD_SIZE}, &head));
        assert_int_equal(head.segment, begun);
        const struct bytes rest = {event->bytes + SEGMENT_HEAD_SIZE,
                                   event->size - SEGMENT_HEAD_SIZE};
        assert_int_equal(block_open(rest, &block, hash), BLOCK_SOUND);
        assert_int_equal(head.first_block, block.number);
    }
    assert_true(begun > 3);
    finish();
}

static void a_full_disk_delays_and_loses_nothing(void **state)
{
    (void)state;
    begin(9, false);
    while (number == said) { /* Up to the block that needs a segment nobody has prepared. */
        keeper_step();
        if (writer.segment == 2) full = UINT32_MAX;
        give_block();
        if (writer.waits_for_segment) break;
        until_written();
    }
    const size_t quiet = fake.log_size;
    for (uint32_t i = 0; i < 50; i++) {
        keeper_step();
        assert_int_not_equal(asked, 0); /* It is asked for again and again. */
        assert_int_equal(io_uring_submit(&ring), 0);
    }
    assert_int_equal(fake.log_size, quiet); /* And nothing is written meanwhile. */
    full = 0;
    keeper_step();
    until_written();
    check_log(9);
    finish();
}

static int make_memory(void **state)
{
    (void)state;
    memory = aligned_alloc(BLOCK_ALIGN, SEGMENT_HEAD_SIZE + BLOCK_ROOM + BLOCK_ALIGN);
    return memory == NULL ? -1 : 0;
}

static int free_memory(void **state)
{
    (void)state;
    free(memory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_is_said_to_be_there_when_it_is),
        cmocka_unit_test(so_with_writes_that_sync),
        cmocka_unit_test(write_and_sync_stay_together_in_a_full_queue),
        cmocka_unit_test(a_link_that_the_kernel_parts_is_made_again),
        cmocka_unit_test(a_large_block_is_one_write_on_any_disk),
        cmocka_unit_test(a_failed_write_or_sync_is_the_end),
        cmocka_unit_test(a_segment_begins_with_head_and_block_in_one_write),
        cmocka_unit_test(a_full_disk_delays_and_loses_nothing),
    };
    return cmocka_run_group_tests_name("world/journal_writer", tests, make_memory, free_memory);
}
