/* Old entries, which stand in the journal alone: each is found wherever its block came to stand and
 * whoever holds it at the moment; and one that is not as it was is never taken for a record. */
#include <errno.h>
#include <stdio.h>

#include "codec/messages.h"
#include "shard_internal.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"
#include "util/le.h"

#define PERSON "person0000000001"

static struct tables tables;
static struct rig rig;
static uint32_t visits; /* So many were made. */

static int set_up(void **state)
{
    (void)state;
    const struct rig_options options = {
        .tables = &tables, .delta_entries = 16384, .delta_bytes = 16u << 20};
    rig_load_tables(&tables);
    rig_open(&rig, &options);
    visits = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

/* -- records ---------------------------------------------------------------------------------- */

static size_t encode_visit(uint32_t n, uint8_t *out)
{
    char msgid[16], setl_id[16];
    snprintf(msgid, sizeof msgid, "M%u", n);
    snprintf(setl_id, sizeof setl_id, "S%.*u", (int)(n % 9), n); /* Entries of several sizes. */
    const struct settlement s = rig_visit(msgid, setl_id, PERSON, 100 + n);
    return settlement_encode(&s, out);
}

static void give(uint32_t n)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct request request =
        rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, encode_visit(n, body)});
    assert_int_equal(rig_give(&rig, &request, 1), 1);
}

/* So many visits more, not written so far. */
static void visit(uint32_t count)
{
    while (count-- != 0)
        give(++visits);
}

static void write_block(void)
{
    rig_flush(&rig);
    rig_written(&rig);
    rig_forget(&rig);
}

/* A visit of each answer is the entry that it was: number, kind and body. */
static void assert_all_there(void)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    struct walk walk = {0};
    for (uint32_t n = 1; n <= visits; n++) {
        const struct bytes want = {body, encode_visit(n, body)};
        const struct entry alone = entry_needed(rig.shard, n);
        struct entry walked;
        assert_true(walk_to(rig.shard, &walk, n, &walked));
        assert_int_equal(alone.seq, n);
        assert_int_equal(alone.kind, ENTRY_SETTLEMENT);
        assert_true(bytes_equal(alone.body, want));
        assert_int_equal(walked.seq, n);
        assert_true(bytes_equal(walked.body, want));
    }
}

/* -- where they stand ------------------------------------------------------------------------- */

static void over_checkpoints_and_segments(void **state)
{
    (void)state;
    for (uint32_t round = 1; round <= 12; round++) {
        for (uint32_t block = 1; block <= 5; block++) {
            visit(round * block % 7 * 20 + 1);
            write_block();
        }
        rig_checkpoint(&rig);
        rig_settle(&rig);
        assert_all_there();
    }
    assert_true(rig.journal.blocks[rig.journal.count - 1].place.segment > 3);
    rig_crash(&rig, false);
    assert_all_there();
}

/* The last block of a checkpoint is on its way when the delta is frozen. */
static void a_block_on_its_way_at_the_freeze(void **state)
{
    (void)state;
    visit(30);
    write_block();
    visit(40);
    struct event event = {.kind = EVENT_CHECKPOINT};
    struct effects effects;
    shard_step(rig.shard, &event, &effects);
    rig_flush(&rig); /* Seals and freezes: nothing to merge before it is written. */
    assert_true(shard_merging(rig.shard));
    assert_null(rig.merge);
    visit(50); /* The next block, of the next delta. */
    assert_all_there();
    rig_written(&rig);
    assert_non_null(rig.merge);
    rig_flush(&rig);
    rig_written(&rig); /* While the merge runs. */
    assert_all_there();
    rig_merged(&rig);
    assert_all_there();
    rig_checkpoint(&rig);
    rig_settle(&rig);
    assert_all_there();
    rig_crash(&rig, false);
    assert_all_there();
}

/* Of its stretches some end by number; where the next one begins is told by the delta alone. */
static void a_block_of_a_mebibyte(void **state)
{
    (void)state;
    uint32_t entries = 0;
    while (rig.appended.size == 0 || rig.appended.size < 1000 * 1024) {
        struct request request;
        uint8_t body[SETTLEMENT_ENCODED_MAX];
        request =
            rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, encode_visit(visits + 1, body)});
        if (rig_give(&rig, &request, 1) == 0) {
            rig_flush(&rig);
            break;
        }
        visits++;
        entries++;
    }
    assert_true(entries > 4 * STRETCH_ENTRIES_MAX);
    rig_written(&rig);
    visit(1);
    rig_settle(&rig);
    rig_checkpoint(&rig);
    rig_settle(&rig);
    assert_all_there();
}

/* A start that replays more than a delta takes checkpoints by itself. */
static void through_a_replay_with_checkpoints(void **state)
{
    (void)state;
    for (uint32_t block = 0; block < 100; block++) {
        visit(1 + block % 13 * 30);
        write_block();
    }
    assert_true(visits > 16384 / 2);
    rig_crash(&rig, false);
    struct shard_status status;
    shard_get_status(rig.shard, &status);
    assert_true(status.checkpoint_seq != 0);
    assert_all_there();
}

/* -- what is not as it was -------------------------------------------------------------------- */

/* Three blocks in the state. */
static void make_old(void)
{
    for (int block = 0; block < 3; block++) {
        visit(20);
        write_block();
    }
    rig_checkpoint(&rig);
    rig_settle(&rig);
}

/* Who can be refused is told which it is; where nobody can the process ends. */
static void assert_lost(uint64_t seq, const char *says)
{
    struct entry entry;
    struct failure failure;
    const uint32_t told = rig.journal.unread;
    assert_false(entry_at(rig.shard, seq, &entry));
    assert_int_equal(rig.journal.unread, told + 1);
    assert_false(entry_at(rig.shard, 60, &entry)); /* One is enough. */
    assert_int_equal(rig.journal.unread, told + 1);
    assert_true(unread_take(rig.shard, &failure));
    assert_int_equal(failure.code, ERROR_RECORD_UNREADABLE);
    assert_int_equal(failure.got, seq);
    assert_false(unread_take(rig.shard, &failure));
    expect_assert_failure(entry_needed(rig.shard, seq));
    if (strstr(global_last_failed_assert, says) == NULL)
        fail_msg("it said '%s'", global_last_failed_assert);
}

static void assert_state_lost(uint64_t seq)
{
    struct entry entry;
    expect_assert_failure((void)!entry_at(rig.shard, seq, &entry));
    assert_non_null(
        strstr(global_last_failed_assert, "the state cannot say where an entry stands"));
}

static uint64_t seq_at(uint64_t seq)
{
    struct entry entry;
    return entry_at(rig.shard, seq, &entry) ? entry.seq : 0;
}

static void a_flipped_bit_is_found_by_whoever_asks(void **state)
{
    (void)state;
    make_old();
    struct memory_block *block = &rig.journal.blocks[1];
    uint8_t *first = block->bytes + BLOCK_HEAD_SIZE;
    const size_t size = le_load32(first);
    char says[64];
    snprintf(says, sizeof says,
             "segment 1, offset %u: entry 21:", block->place.offset + BLOCK_HEAD_SIZE);
    for (size_t at = 0; at < size; at++) {
        first[at] ^= 0x10;
        assert_lost(21, says);
        first[at] ^= 0x10;
    }
    first[ENTRY_HEAD_SIZE] ^= 1; /* Its neighbours are none of it. */
    assert_int_equal(seq_at(20), 20);
    assert_int_equal(seq_at(22), 22);
    first[ENTRY_HEAD_SIZE] ^= 1;
    assert_all_there();
}

/* A resend is judged by the record that is there: without it nobody is answered. */
static void a_resend_does_not_pass_it(void **state)
{
    (void)state;
    make_old();
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct request request =
        rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, encode_visit(21, body)});
    rig.journal.blocks[1].bytes[BLOCK_HEAD_SIZE + ENTRY_HEAD_SIZE] ^= 1;
    const uint32_t offset = rig.journal.blocks[1].place.offset + BLOCK_HEAD_SIZE;
    for (int again = 0; again < 2; again++) {
        struct rig_result refused = rig_ask(&rig, request.type, request.province, request.body);
        assert_int_equal(refused.result.code, ERROR_RECORD_UNREADABLE);
        assert_false(refused.result.dup);
        assert_int_equal(refused.result.failure_count, 1);
        assert_int_equal(refused.failures[0].check, CHECK_PLACE);
        assert_int_equal(refused.failures[0].got, 21);
        assert_int_equal(refused.failures[0].want, INT64_C(1) << 32 | offset);
    }
    /* Whoever does not need it is served. */
    struct rig_result result =
        rig_ask(&rig, MESSAGE_SETL_POST, 0, (struct bytes){body, encode_visit(22, body)});
    assert_true(result.result.dup);
    give(++visits);
    rig_settle(&rig);
    assert_int_equal(rig.results[rig.result_count - 1].result.code, ERROR_OK);

    rig.journal.blocks[1].bytes[BLOCK_HEAD_SIZE + ENTRY_HEAD_SIZE] ^= 1;
    result = rig_ask(&rig, MESSAGE_SETL_POST, 0, (struct bytes){body, encode_visit(21, body)});
    assert_int_equal(result.result.code, ERROR_OK);
    assert_true(result.result.dup);
}

static void judged_again_it_is_not_called_right(void **state)
{
    (void)state;
    make_old();
    const struct entry entry = entry_needed(rig.shard, 21);
    assert_string_equal(shard_judge_again(rig.shard, &entry), "it would be a duplicate");
    rig.journal.fails_at = 1;
    assert_string_equal(shard_judge_again(rig.shard, &entry), error_text(ERROR_RECORD_UNREADABLE));
    rig.journal.fails_at = 0;
    assert_string_equal(shard_judge_again(rig.shard, &entry), "it would be a duplicate");
}

/* Without memory or handles it is not the record that is bad: nobody is told so. */
static void what_the_process_lacks_ends_it(void **state)
{
    (void)state;
    struct entry entry;
    make_old();
    rig.journal.fails_at = 1;
    const int lacking[] = {-ENOMEM, -EMFILE, -ENFILE, -EACCES};
    for (size_t i = 0; i < sizeof lacking / sizeof lacking[0]; i++) {
        rig.journal.fails_with = lacking[i];
        expect_assert_failure((void)!entry_at(rig.shard, 21, &entry));
    }
    rig.journal.fails_at = 0;
    assert_true(entry_at(rig.shard, 21, &entry));
}

static void a_journal_that_is_gone(void **state)
{
    (void)state;
    make_old();
    rig.journal.count = 2;
    assert_int_equal(seq_at(40), 40);
    assert_lost(41, "entry 41: ");
    rig.journal.count = 3;
}

/* Changes the row of the state that seq 1 is in. */
static void put_row(const uint8_t *value, size_t size)
{
    uint8_t key[8];
    struct store_txn *txn;
    be_store64(key, 1);
    assert_int_equal(store_begin(rig.config.store, &txn), 0);
    assert_int_equal(
        store_put(txn, STORE_RECORD, (struct bytes){key, 8}, (struct bytes){value, size}), 0);
    assert_int_equal(store_commit(txn), 0);
    assert_int_equal(store_refresh(rig.config.store), 0);
}

static void a_state_that_names_the_wrong_place(void **state)
{
    (void)state;
    make_old();
    uint8_t row[STRETCH_SIZE_MAX];
    struct bytes key, value;
    assert_int_equal(
        store_ceiling(rig.config.store, STORE_RECORD, (struct bytes){NULL, 0}, &key, &value), 0);
    const size_t size = value.size;
    memcpy(row, value.data, size);
    const uint32_t offset = le_load32(row + 4);
    const uint32_t second = STRETCH_UNIT * (uint32_t)le_load16(row + STRETCH_HEAD_SIZE + 2);

    le_store32(row + 4, offset + second); /* Another entry, as sound as it. */
    put_row(row, size);
    assert_lost(1, "entry 1: ");
    le_store32(row + 4, rig.journal.blocks[1].place.offset + BLOCK_HEAD_SIZE);
    put_row(row, size);
    assert_lost(1, "entry 1: ");
    le_store32(row + 4, offset + STRETCH_UNIT); /* No entry. */
    put_row(row, size);
    assert_lost(1, "entry 1: ");
    le_store32(row + 4, offset);
    le_store32(row, 99);
    put_row(row, size);
    assert_lost(1, "segment 99, ");
    le_store32(row, 1);
    put_row(row, size - 1);
    assert_state_lost(1);
    put_row(row, size - 2); /* The last one of the stretch is not in it. */
    assert_int_equal(seq_at(19), 19);
    assert_state_lost(20);
    put_row(row, size);
    assert_all_there();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(over_checkpoints_and_segments),
        CASE(a_block_on_its_way_at_the_freeze),
        CASE(a_block_of_a_mebibyte),
        CASE(through_a_replay_with_checkpoints),
        CASE(a_flipped_bit_is_found_by_whoever_asks),
        CASE(a_resend_does_not_pass_it),
        CASE(judged_again_it_is_not_called_right),
        CASE(what_the_process_lacks_ends_it),
        CASE(a_journal_that_is_gone),
        CASE(a_state_that_names_the_wrong_place),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
