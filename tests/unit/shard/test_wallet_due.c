/* What is due at an instant goes back then: before what comes later, after a night off, of however
 * many, and without keeping room for what ended before. */
#include "tests/lib/story_rig.h"
#include "tests/lib/unit.h"
#include "util/le.h"

#define GIVERS 4000

/* Setting the clock over 06:00: the return stands at 06:00, before the clock. */
static void swept_before_the_clock(void **state)
{
    (void)state;
    story_fill();
    const struct story_answer waits = story_done(story_submit(GIVER, RECEIVER, 10000));
    story_check_giver(160000, 0);
    story_clock("2026-03-03T07:30:00");
    const uint64_t last = story_rigs[0].shard->last_seq;
    assert_int_equal(entry_needed(story_rigs[0].shard, last).kind, ENTRY_CLOCK);
    assert_int_equal(entry_needed(story_rigs[0].shard, last - 1).kind, ENTRY_WALLET);
    assert_int_equal(entry_needed(story_rigs[0].shard, last - 1).stamp_ms,
                     shanghai_ms("2026-03-03T06:00:00"));
    assert_int_equal(shard_next_due(story_rigs[0].shard), INT64_MAX);
    assert_int_equal(story_accept(GIVER, RECEIVER, waits.id).code, ERROR_TRANSFER_EXPIRED);
    story_pump();
    story_check_giver(150000, 0);
    story_check_balance(RECEIVER, 150000);
    story_replay();
}

static void system_time(const char *text)
{
    for (int i = 0; i < SHARDS; i++)
        story_rigs[i].now_ms = shanghai_ms(text);
}

/* The engine was down at 06:00: the return has the stamp of the missed instant, and comes before
 * the first message. */
static void swept_after_a_night_off(void **state)
{
    (void)state;
    story_tear_down(NULL);
    story_open(true, 4096);
    story_fill();
    const struct story_answer waits = story_done(story_submit(GIVER, RECEIVER, 10000));
    rig_crash(&story_rigs[0], true);
    system_time("2026-03-03T10:00:00");
    assert_int_equal(shard_next_due(story_rigs[0].shard), shanghai_ms("2026-03-03T06:00:00"));
    const uint64_t before = story_rigs[0].shard->last_seq;
    assert_int_equal(story_accept(GIVER, RECEIVER, waits.id).code, ERROR_TRANSFER_EXPIRED);
    assert_int_equal(entry_needed(story_rigs[0].shard, before + 1).stamp_ms,
                     shanghai_ms("2026-03-03T06:00:00"));
    story_done(story_submit(GIVER, RECEIVER, 20000)); /* Nothing blocks it any more. */
    system_time("2026-03-04T06:00:00");
    rig_flush(&story_rigs[0]); /* Without any message. */
    rig_settle(&story_rigs[0]);
    assert_int_equal(story_rigs[0].shard->stamp_ms, shanghai_ms("2026-03-04T06:00:00"));
    story_pump();
    story_check_giver(150000, 0);
}

/* Exactly at the instant it is too late, a millisecond before it is not. */
static void accepted_in_the_last_millisecond(void **state)
{
    (void)state;
    story_fill();
    const struct story_answer waits = story_done(story_submit(GIVER, RECEIVER, 10000));
    story_clock("2026-03-03T05:59:59.999");
    story_done(story_accept(GIVER, RECEIVER, waits.id));
    story_check_balance(RECEIVER, 160000);
}

static struct psn_key giver_key(uint32_t n)
{
    struct psn_key k = story_key(GIVER);
    le_store32(k.bytes + 8, n);
    return k;
}

/* A person with one transfer under way, as if by earlier entries. */
static void put_giver(uint32_t n, struct person *giver)
{
    static struct wallet_work work;
    const struct psn_key receiver = story_key(RECEIVER);
    person_clear(&work.before, giver_key(n));
    person_copy(&work.after, &work.before);
    *giver = work.after;
    giver->wallet = (struct wallet_row){
        .state = WALLET_OPEN, .insu_admdvs = YUNNAN, .insutype = 310, .use_loc_admdvs = YUNNAN};
    giver->insured =
        (struct insured_row){.state = INSURED_NORMAL, .insutype = 310, .insu_admdvs = YUNNAN};
    giver->hold = (struct hold_row){.granted = 10000, .held = 10000};
    struct transfer_row *row = &giver->transfers[giver->transfer_count++];
    *row = (struct transfer_row){.state = TRANSFER_PENDING,
                                 .receiver = receiver,
                                 .amount = 10000,
                                 .submitted_ms = shanghai_ms("2026-03-02T12:00:00"),
                                 .exp_ms = shanghai_ms("2026-03-03T06:00:00"),
                                 .seq = story_rigs[0].shard->last_seq + 1,
                                 .src = 1};
    wallet_id_make('T', &giver->key, 1, row->trsf_id);
    struct ops_writer writer;
    ops_begin(&writer, work.body, sizeof work.body, MESSAGE_TRSF_SUBMIT, (struct bytes){0},
              (struct bytes){0});
    ops_put_person(&writer, &work.before, giver, true);
    struct entry entry = {.kind = ENTRY_WALLET,
                          .stamp_ms = story_rigs[0].shard->stamp_ms,
                          .body = {work.body, writer.size}};
    assert_true(has_entry_room(story_rigs[0].shard, 1, ENTRY_SIZE_MAX, 1, 1));
    append(story_rigs[0].shard, &entry, NULL);
}

/* Persons who are due at the end of days. */
static struct due nobody(uint32_t n)
{
    struct due due = {.due_ms = INT64_MAX - 1};
    le_store32(due.person.bytes, n);
    return due;
}

/* A transfer that ended leaves nothing behind: a day of them stops nobody. Only who is due is
 * counted, and of those there is a most. */
static void ended_transfers_take_no_room(void **state)
{
    (void)state;
    story_fill();
    struct shard *shard = story_home(GIVER)->shard;
    uint32_t n = 0;
    for (; dues_count(shard->dues) < DUES_MAX - 1; n++) {
        const struct due due = nobody(n);
        dues_put(shard->dues, &due);
    }
    for (int i = 0; i < 2; i++) { /* One place is enough for both. */
        const struct story_answer waits = story_done(story_submit(GIVER, RECEIVER, 10000));
        assert_string_equal(waits.stas, "PENDING");
        assert_true(dues_full(shard->dues));
        story_done(story_accept(GIVER, RECEIVER, waits.id));
        assert_int_equal(dues_count(shard->dues), DUES_MAX - 1);
    }
    const struct due last = nobody(n++);
    dues_put(shard->dues, &last);
    assert_int_equal(story_submit(GIVER, RECEIVER, 10000).code, ERROR_OVERLOAD);
    while (n-- != 0) {
        const struct due due = nobody(n);
        dues_drop(shard->dues, &due);
    }
    assert_int_equal(shard_next_due(shard), INT64_MAX);
}

/* More returns than a block takes: the clock waits for all of them, and nothing is lost. */
static void many_returns(void **state)
{
    (void)state;
    static struct person giver;
    for (uint32_t n = 0; n < GIVERS; n++) {
        put_giver(n, &giver);
        if (n % 200 == 199) rig_settle(&story_rigs[0]);
    }
    rig_settle(&story_rigs[0]);
    struct request request = rig_control(REQUEST_CLOCK, 0);
    request.instant_ms = shanghai_ms("2026-03-03T09:00:00");
    rig_forget(&story_rigs[0]);
    uint32_t tries = 1;
    for (; rig_give(&story_rigs[0], &request, 1) == 0; tries++)
        rig_settle(&story_rigs[0]);
    rig_settle(&story_rigs[0]);
    assert_int_equal(story_rigs[0].shard->stamp_ms, shanghai_ms("2026-03-03T09:00:00"));
    for (uint32_t n = 0; n < GIVERS; n++) {
        const struct psn_key k = giver_key(n);
        person_load(story_rigs[0].shard, &k, &giver);
        assert_int_equal(giver.transfer_count, 0);
        assert_int_equal(giver.hold.held, 0);
        assert_int_equal(entry_needed(story_rigs[0].shard, giver.head.last_seq).stamp_ms,
                         shanghai_ms("2026-03-03T06:00:00"));
    }
    assert_int_equal(shard_next_due(story_rigs[0].shard), INT64_MAX);
    story_pump();
    const struct story_snap before = story_snap_of(&story_rigs[0]);
    rig_crash(&story_rigs[0], true);
    story_same(before, story_snap_of(&story_rigs[0]));
    assert_true(tries > 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, story_set_up, story_tear_down)
    const struct CMUnitTest tests[] = {
        T(swept_before_the_clock),
        T(swept_after_a_night_off),
        T(accepted_in_the_last_millisecond),
        T(ended_transfers_take_no_room),
        T(many_returns),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
