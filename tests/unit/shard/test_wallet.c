/* Wallets in two shards: what is answered, what is journaled, what a crash takes. The rules
 * themselves have tests of their own; here it is that nothing is lost, done twice or forgotten on
 * the way from a message to cells, rows and mail, and that replay makes the same. */
#include <stdio.h>

#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "tests/lib/story_rig.h"
#include "tests/lib/unit.h"

static void from_message_to_cells(void **state)
{
    (void)state;
    story_whole();
    const uint32_t judged_again = story_replay();
    if (!story_rigs[0].each_read_fails) assert_in_range(judged_again, 15, 1000);
}

/* The same when a checkpoint lies under a part of it: rows, due times and mail come from the store.
 */
static void through_checkpoints(void **state)
{
    (void)state;
    story_fill();
    const struct story_answer waits =
        story_submit(GIVER, RECEIVER, 10000); /* Its mail stays here. */
    for (int i = 0; i < SHARDS; i++) {
        rig_checkpoint(&story_rigs[i]);
        rig_settle(&story_rigs[i]);
        const struct story_snap before = story_snap_of(&story_rigs[i]);
        rig_crash(&story_rigs[i], true);
        story_same(before, story_snap_of(&story_rigs[i]));
    }
    assert_int_equal(shard_next_due(story_rigs[0].shard), shanghai_ms("2026-03-03T06:00:00"));
    story_pump();
    story_done(story_accept(GIVER, RECEIVER, waits.id));
    story_check_balance(RECEIVER, 160000);
    story_check_giver(160000, 0);
}

static void mishaps_at_every_step(void **state)
{
    (void)state;
    story_mishap = MISHAP_LOST;
    story_whole();
    story_replay();
}

static void first_answers_after_a_crash(void **state)
{
    (void)state;
    story_mishap = MISHAP_LANDED;
    story_whole();
    story_replay();
}

static void refused_leaves_no_trace(void **state)
{
    (void)state;
    story_fill();
    struct wallet_order o =
        story_submit_order(GIVER, RECEIVER, 500000); /* Above the limit of one. */
    const struct story_snap before = story_snap_of(&story_rigs[0]);
    assert_int_equal(story_send(GIVER, &o, 0).code, ERROR_TRANSFER_AMOUNT);
    story_same(before, story_snap_of(&story_rigs[0]));
    o.amount = 20000; /* Mended, under the same ids. */
    story_done(story_send(GIVER, &o, 0));
}

static void same_ids_other_content(void **state)
{
    (void)state;
    story_fill();
    const struct wallet_order o = story_pay_order(RECEIVER, "S1", 1000);
    const struct story_answer first = story_done(story_send(RECEIVER, &o, 51));
    struct wallet_order other = o;
    other.amount = 2000;
    assert_int_equal(story_send(RECEIVER, &other, 51).code, ERROR_MSGID_REUSED);
    other.msgid = bytes_of("another");
    assert_int_equal(story_send(RECEIVER, &other, 51).code, ERROR_SETL_ID_REUSED);
    other.amount = 1000;
    const struct story_answer again = story_send(RECEIVER, &other, 51);
    assert_int_equal(again.code, ERROR_OK);
    assert_true(again.dup);
    assert_string_equal(again.id, first.id);
    assert_int_equal(again.seq, first.seq);
    assert_int_equal(again.lots, 1);
}

/* Paid, all of it taken back, and asked for again: the message itself has its first answer, but
 * under a new msgid nobody may be told that it is paid. Of a part that is left it still is. */
static void paid_again_after_it_went_back(void **state)
{
    (void)state;
    story_fill();
    const struct wallet_order o = story_pay_order(RECEIVER, "S1", 1000);
    const struct story_answer first = story_done(story_send(RECEIVER, &o, 51));
    struct wallet_order anew = o;
    anew.msgid = bytes_of("another");
    story_done(story_reverse(RECEIVER, first.id, 400));
    assert_true(story_send(RECEIVER, &anew, 51).dup);
    story_done(story_reverse(RECEIVER, first.id, 600));
    const struct story_snap before = story_snap_of(story_home(RECEIVER));
    assert_int_equal(story_send(RECEIVER, &anew, 51).code, ERROR_ALREADY_REVERSED);
    assert_int_equal(story_send(RECEIVER, &o, 51).seq, first.seq);
    anew.amount = 2000;
    assert_int_equal(story_send(RECEIVER, &anew, 51).code, ERROR_SETL_ID_REUSED);
    story_same(before, story_snap_of(story_home(RECEIVER)));
    anew.setl_id = bytes_of("S2"); /* The visit is paid anew under an id of its own. */
    story_done(story_send(RECEIVER, &anew, 51));
    story_check_balance(RECEIVER, 148000);
    story_replay();
}

/* Ended once, asked again under other msgids: the first answer for its receiver and that end. */
static void ended_again(uint16_t type, uint16_t other)
{
    const struct story_answer sent = story_done(story_submit(GIVER, RECEIVER, 10000));
    const struct story_answer first =
        story_done(story_end(type, GIVER, RECEIVER, sent.id, "FACE1"));
    struct story_snap before = story_snap_of(&story_rigs[0]);
    const struct story_answer again = story_end(type, GIVER, RECEIVER, sent.id, "FACE2");
    assert_int_equal(again.code, ERROR_OK);
    assert_true(again.dup);
    assert_int_equal(again.seq, first.seq);
    assert_string_equal(again.id, first.id);
    assert_string_equal(again.stas, first.stas);
    assert_int_equal(story_end(type, GIVER, 3, sent.id, "FACE1").code, ERROR_TRANSFER_ENDED);
    assert_int_equal(story_end(other, GIVER, RECEIVER, sent.id, "FACE1").code,
                     ERROR_TRANSFER_ENDED);
    story_same(before, story_snap_of(&story_rigs[0]));
}

static void transfers_end_once(void **state)
{
    (void)state;
    story_fill();
    ended_again(MESSAGE_TRSF_ACCEPT, MESSAGE_TRSF_DECLINE);
    ended_again(MESSAGE_TRSF_DECLINE, MESSAGE_TRSF_ACCEPT);
    story_check_balance(RECEIVER, 160000);
    story_replay();
}

/* Without what was answered before nobody can say what would be decided today. */
static void judged_again_without_the_past(void **state)
{
    (void)state;
    story_fill();
    story_done(story_pay(RECEIVER, "S1", 1000));
    struct rig *rig = story_home(RECEIVER);
    rig_checkpoint(rig);
    rig_settle(rig);
    struct shard_status status;
    uint32_t unread = 0;
    shard_get_status(rig->shard, &status);
    for (uint64_t seq = 1; seq <= status.last_seq; seq++) {
        const struct entry entry = entry_needed(rig->shard, seq);
        struct wallet_entry its;
        if (entry.kind != ENTRY_WALLET) continue;
        assert_true(wallet_entry_decode(entry.body, &its));
        if (!wallet_type(its.type)) continue;
        rig->journal.fails_at = 1;
        rig->journal.good_count = 0;
        rig->journal.failed = false;
        const char *why = shard_judge_again(rig->shard, &entry);
        rig->journal.fails_at = 0;
        if (!rig->journal.failed) continue;
        assert_string_equal(why, error_text(ERROR_RECORD_UNREADABLE));
        unread++;
    }
    assert_in_range(unread, 1, status.last_seq);
}

/* Which payment a reversal means that names the settlement; "" for none. */
static void check_meant(const struct wallet_order *o, const char *want)
{
    uint8_t message[256];
    const size_t size = wire_encode(wallet_table(o->type), o, message);
    const struct rig_result got = story_give(
        story_home(RECEIVER),
        (struct request){.type = REQUEST_PAY_ID, .period = o->type, .body = {message, size}});
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.data_size, strlen(want));
    assert_memory_equal(got.result.data, want, strlen(want));
}

static void payments_by_settlement(void **state)
{
    (void)state;
    story_fill();
    const struct story_answer paid = story_done(story_pay(RECEIVER, "S1", 1000));
    struct wallet_order o = order_new(MESSAGE_WLT_PAY_REVERSE);
    o.client_no = bytes_of("V1");
    o.mdtrtarea_admvs = SICHUAN;
    o.psn_key = story_key_bytes(RECEIVER);
    o.setl_id = bytes_of("S1");
    const struct story_snap before = story_snap_of(story_home(RECEIVER));
    check_meant(&o, paid.id);
    o.setl_id = bytes_of("S2");
    check_meant(&o, "");
    o.setl_id = bytes_of("S1");
    o.mdtrtarea_admvs = YUNNAN; /* Another province's number. */
    check_meant(&o, "");
    o.psn_key = (struct bytes){NULL, 0};
    check_meant(&o, "");
    story_same(before, story_snap_of(story_home(RECEIVER)));
}

static void unknown_names(void **state)
{
    (void)state;
    story_fill();
    const char *const nothing = "P00000000000000000000000a";
    assert_int_equal(story_reverse(RECEIVER, nothing, 0).code, ERROR_NO_PAYMENT);
    struct wallet_order o = order_new(MESSAGE_TRSF_VOID);
    o.trsf_id = bytes_of("T00000000000000000000000a");
    o.client_no = bytes_of("D1");
    assert_int_equal(story_send(GIVER, &o, 0).code, ERROR_NO_TRANSFER);
    o = story_pay_order(RECEIVER, "S9", 100);
    o.wlt_id = bytes_of("W00000000000000000000000a");
    assert_int_equal(story_send(RECEIVER, &o, 51).code, ERROR_NO_WALLET);
    o.psn_key = (struct bytes){0};
    assert_int_equal(story_send(RECEIVER, &o, 51).code, ERROR_NO_WALLET);
}

/* What the shard says of the payment that such a reversal means; gives the bytes of the id. */
static size_t ask_payment(const char *setl_id, char *ret_id)
{
    uint8_t message[1024];
    const struct wallet_order o = story_reversal(setl_id);
    const struct request request = {
        .type = REQUEST_WALLET_FACT,
        .province = 51,
        .period = o.type,
        .body = {message, wire_encode(wallet_table(o.type), &o, message)}};
    const struct rig_result got = story_give(story_home(RECEIVER), request);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_in_range(got.result.data_size, 0, WALLET_ID_SIZE - 1);
    if (got.result.data_size != 0) memcpy(ret_id, got.result.data, got.result.data_size);
    return got.result.data_size;
}

/* A dispute is about a payment's id: who takes back by the settlement's number is held to it, too.
 */
static void disputed_by_settlement(void **state)
{
    uint8_t body[sizeof(struct wallet_fact) + 1024];
    char id[WALLET_ID_SIZE] = {0};
    const struct wallet_fact fact = {.disputed = 1};
    (void)state;
    story_fill();
    const struct story_answer paid = story_done(story_pay(RECEIVER, "S1", 60000));
    assert_int_equal(ask_payment("S1", id), strlen(paid.id));
    assert_string_equal(id, paid.id);
    assert_int_equal(ask_payment("S2", id), 0);

    const struct wallet_order o = story_reversal("S1");
    memcpy(body, &fact, sizeof fact);
    const size_t size = wire_encode(wallet_table(o.type), &o, body + sizeof fact);
    const struct request request = {
        .type = o.type, .province = 51, .area = sizeof fact, .body = {body, sizeof fact + size}};
    assert_int_equal(story_read(story_give(story_home(RECEIVER), request)).code,
                     ERROR_PAYMENT_DISPUTED);
    story_check_balance(RECEIVER, 90000);
    story_done(story_send(RECEIVER, &o, 51));
    story_check_balance(RECEIVER, 150000);
}

/* A payment is found by its id, but only for the person who made it. */
static void reversed_for_another_person(void **state)
{
    (void)state;
    story_fill();
    const struct story_answer paid = story_done(story_pay(RECEIVER, "S1", 1000));
    struct wallet_order o = order_new(MESSAGE_WLT_PAY_REVERSE);
    o.pay_id = bytes_of(paid.id);
    o.psn_key = story_key_bytes(GIVER);
    o.client_no = bytes_of(order_number("V"));
    o.mdtrtarea_admvs = SICHUAN;
    o.amount = 1000;
    assert_int_equal(story_send(RECEIVER, &o, 51).code, ERROR_NO_PAYMENT);
    story_check_balance(RECEIVER, 149000);
    o.psn_key = story_key_bytes(RECEIVER);
    story_done(story_send(RECEIVER, &o, 51));
    story_check_balance(RECEIVER, 150000);
}

static void found_and_counted_like_records(void **state)
{
    (void)state;
    char name[CLIENT_NO_SIZE];
    story_fill();
    const struct story_answer paid = story_done(story_pay(RECEIVER, "S1", 60000));
    story_done(story_reverse(RECEIVER, paid.id, 10000));
    snprintf(name, sizeof name, "%s-1", paid.id);
    struct request find = rig_control(REQUEST_FIND, 0);
    find.area = YUNNAN;
    find.body = bytes_of(name);
    const struct rig_result found = rig_order(&story_rigs[1], find);
    assert_true(found.result.data_size > sizeof(struct found_entry));

    struct record_ref ref = {.insu_admdvs = YUNNAN, .size = (uint8_t)strlen(name)};
    memcpy(ref.setl_id, name, strlen(name));
    struct request facts = rig_control(REQUEST_FACTS, 0);
    facts.body = (struct bytes){(const uint8_t *)&ref, sizeof ref};
    const struct rig_result told = rig_order(&story_rigs[1], facts);
    struct record_facts fact;
    assert_int_equal(told.result.data_size, sizeof fact);
    memcpy(&fact, told.result.data, sizeof fact);
    assert_int_equal(fact.kind, RECORD_SETTLEMENT);
    assert_int_equal(fact.line, LINE_WALLET_CARE);
    assert_int_equal(fact.insurance, INSURANCE_EMPLOYEE);
    assert_int_equal(fact.funds[FUND_ACCOUNT], 60000);
    assert_int_equal(fact.medfee, 60000);

    rig_checkpoint(&story_rigs[1]);
    rig_settle(&story_rigs[1]);
    const struct tally_question question = {
        .kind = TALLY_PAYER_AREA, .period = 202603, .part = YUNNAN};
    struct request tallies = rig_control(REQUEST_TALLIES, 0);
    tallies.body = (struct bytes){(const uint8_t *)&question, sizeof question};
    const struct rig_result sums = rig_order(&story_rigs[1], tallies);
    struct tally tally;
    assert_int_equal(sums.result.data_size, sizeof tally);
    memcpy(&tally, sums.result.data, sizeof tally);
    assert_int_equal(tally.count, 2);
    assert_int_equal(tally.refund_count, 1);
    assert_int_equal(tally.funds[FUND_ACCOUNT], 50000);
}

/* A debt is a record: it goes into no month that is being cut, and into no year that is closed. */
static void debts_of_months_that_end(void **state)
{
    (void)state;
    story_fill();
    assert_int_equal(rig_order(&story_rigs[1], rig_control(REQUEST_CUT_CLOSE, 202604)).result.code,
                     0);
    const struct story_snap before = story_snap_of(&story_rigs[1]);
    assert_int_equal(story_pay(RECEIVER, "S1", 1000).code, ERROR_OVERLOAD);
    story_same(before, story_snap_of(&story_rigs[1]));
    rig_order(&story_rigs[1], rig_control(REQUEST_CUT_RELEASE, 0));
    story_clock("2026-12-31T12:00:00");
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(rig_order(&story_rigs[i], rig_control(REQUEST_CUT, 202612)).result.code,
                         0);
        rig_order(&story_rigs[i], rig_control(REQUEST_CUT_RELEASE, 0));
        struct request close = rig_control(REQUEST_YEAR_CLOSE, 202612);
        close.instant_ms = 2026;
        assert_int_equal(rig_order(&story_rigs[i], close).result.code, 0);
    }
    assert_int_equal(story_pay(RECEIVER, "S2", 1000).code, ERROR_PERIOD_CLOSED);
    story_check_balance(RECEIVER, 150000);
    story_clock("2027-01-01T00:00:00");
    story_done(story_pay(RECEIVER, "S3", 1000));
    story_check_debts(1000, 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, story_set_up, story_tear_down)
    const struct CMUnitTest tests[] = {
        T(from_message_to_cells),
        T(through_checkpoints),
        T(mishaps_at_every_step),
        T(first_answers_after_a_crash),
        T(refused_leaves_no_trace),
        T(same_ids_other_content),
        T(transfers_end_once),
        T(judged_again_without_the_past),
        T(payments_by_settlement),
        T(unknown_names),
        T(disputed_by_settlement),
        T(found_and_counted_like_records),
        T(debts_of_months_that_end),
        T(reversed_for_another_person),
        T(paid_again_after_it_went_back),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
