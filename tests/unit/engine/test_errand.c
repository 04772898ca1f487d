/* The ways of wallet messages through three homes: one stop, two, every shard, slices; mail. */
#include <stdlib.h>

#include "codec/wallet.h"
#include "proto/person.pb-c.h"
#include "proto/premium.pb-c.h"
#include "proto/session.pb-c.h"
#include "proto/wallet.pb-c.h"
#include "tests/lib/unit.h"
#include "tests/unit/engine/fake_shard.h"

/* Persons at home in shard 0, 1 and 2 of three. */
static const uint8_t keys[RIG_SHARDS][PSN_KEY_SIZE] = {
    {0, 0, 0, 0x10}, {0, 0, 0, 0x60}, {0, 0, 0, 0xc0}};
#define KEY(shard) ((ProtobufCBinaryData){PSN_KEY_SIZE, (uint8_t *)keys[shard]})

static Qingfen__V1__TrsfSubmit submit_of(uint32_t giver, uint32_t receiver)
{
    Qingfen__V1__TrsfSubmit submit = QINGFEN__V1__TRSF_SUBMIT__INIT;
    submit.msgid = "M1";
    submit.giver_psn_key = KEY(giver);
    submit.recv_psn_key = KEY(receiver);
    return submit;
}

static void assert_answer(uint64_t request_id, uint16_t type, const char *text)
{
    const struct sent *sent = rig_answer_of(request_id);
    assert_non_null(sent);
    assert_int_equal(sent->type, type | MESSAGE_REPLY_BIT);
    assert_int_equal(sent->size, strlen(text));
    assert_memory_equal(sent->payload, text, sent->size);
}

static void assert_refused(uint64_t request_id, uint32_t code, const char *msgid)
{
    const struct sent *sent = rig_answer_of(request_id);
    assert_non_null(sent);
    Qingfen__V1__WalletReply *reply =
        qingfen__v1__wallet_reply__unpack(NULL, sent->size, sent->payload);
    assert_non_null(reply);
    assert_int_equal(reply->code, code);
    assert_string_equal(reply->msgid, msgid);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
}

/* -- one stop -------------------------------------------------------------------------------- */

static void one_stop_goes_to_the_person(void **state)
{
    Qingfen__V1__WltFreeze freeze = QINGFEN__V1__WLT_FREEZE__INIT;
    (void)state;
    for (uint32_t home = 0; home < RIG_SHARDS; home++) {
        for (uint32_t shard = 0; shard < RIG_SHARDS; shard++) {
            freeze.psn_key = KEY(shard);
            rig.seen_count = 0;
            const uint64_t id = 10 * home + shard + 1;
            assert_int_equal(rig_frame(home, MESSAGE_WLT_UNFREEZE, id, &freeze), HOME_TAKEN);
            rig_run();
            assert_int_equal(rig.seen_count, 1);
            assert_int_equal(rig.seen[0].shard, shard);
            assert_int_equal(rig.seen[0].type, MESSAGE_WLT_UNFREEZE);
            assert_int_equal(rig.seen[0].area, 0);
            assert_answer(id, MESSAGE_WLT_UNFREEZE, "ok");
            assert_int_equal(rig_answer_of(id)->home, home);
        }
    }
}

static void refuse(const struct seen *seen, struct result *result)
{
    (void)seen;
    result->code = ERROR_WALLET_CLOSED;
}

static void a_refusal_without_a_payload_becomes_one(void **state)
{
    Qingfen__V1__WltFreeze freeze = QINGFEN__V1__WLT_FREEZE__INIT;
    (void)state;
    freeze.msgid = "M7";
    freeze.psn_key = KEY(2);
    rig.answer = refuse;
    (void)rig_frame(0, MESSAGE_WLT_FREEZE, 1, &freeze);
    rig_run();
    assert_refused(1, ERROR_WALLET_CLOSED, "M7");
}

/* -- two stops ------------------------------------------------------------------------------- */

static void answer_fact(const struct seen *seen, struct result *result)
{
    if (seen->type != REQUEST_WALLET_FACT) {
        rig_say(result, "decided");
        return;
    }
    struct wallet_fact *fact = calloc(1, sizeof *fact);
    assert_non_null(fact);
    fact->lots = 40 + seen->shard;
    result->data = fact;
    result->data_size = sizeof *fact;
}

static void assert_one_stop(uint32_t shard, const Qingfen__V1__TrsfSubmit *submit)
{
    uint8_t message[256];
    const size_t size = protobuf_c_message_pack(&submit->base, message);
    assert_int_equal(rig.seen_count, 1);
    assert_int_equal(rig.seen[0].shard, shard);
    assert_int_equal(rig.seen[0].type, MESSAGE_TRSF_SUBMIT);
    assert_int_equal(rig.seen[0].area, FACT_HERE);
    assert_int_equal(rig.seen[0].size, size);
    assert_memory_equal(rig.seen[0].body, message, size);
}

static void two_stops_bring_the_fact_along(void **state)
{
    (void)state;
    rig.answer = answer_fact;
    for (uint32_t home = 0; home < RIG_SHARDS; home++) {
        for (uint32_t pair = 0; pair < RIG_SHARDS * RIG_SHARDS; pair++) {
            const uint32_t giver = pair / RIG_SHARDS;
            const uint32_t receiver = pair % RIG_SHARDS;
            const Qingfen__V1__TrsfSubmit submit = submit_of(giver, receiver);
            struct wallet_fact fact;
            const uint64_t id = 100 * home + pair + 1;
            rig.seen_count = 0;
            assert_int_equal(rig_frame(home, MESSAGE_TRSF_SUBMIT, id, &submit), HOME_TAKEN);
            rig_run();
            if (giver == receiver) { /* One shard knows both: it looks itself. */
                assert_one_stop(giver, &submit);
                assert_answer(id, MESSAGE_TRSF_SUBMIT, "decided");
                continue;
            }
            assert_int_equal(rig.seen_count, 2);
            assert_int_equal(rig.seen[0].shard, receiver);
            assert_int_equal(rig.seen[0].type, REQUEST_WALLET_FACT);
            assert_int_equal(rig.seen[0].period, MESSAGE_TRSF_SUBMIT);
            assert_int_equal(rig.seen[0].size, submit.recv_psn_key.len);
            assert_memory_equal(rig.seen[0].body, submit.recv_psn_key.data, rig.seen[0].size);
            assert_int_equal(rig.seen[1].shard, giver);
            assert_int_equal(rig.seen[1].type, MESSAGE_TRSF_SUBMIT);
            assert_int_equal(rig.seen[1].area, sizeof fact);
            memcpy(&fact, rig.seen[1].body, sizeof fact);
            assert_int_equal(fact.lots, 40 + receiver);
            /* Behind the fact stands the message. */
            uint8_t message[256];
            const size_t size = protobuf_c_message_pack(&submit.base, message);
            assert_int_equal(rig.seen[1].size, sizeof fact + size);
            assert_memory_equal(rig.seen[1].body + sizeof fact, message, size);
            assert_answer(id, MESSAGE_TRSF_SUBMIT, "decided");
        }
    }
}

static void a_refused_fact_ends_it(void **state)
{
    const Qingfen__V1__TrsfSubmit submit = submit_of(0, 1);
    (void)state;
    rig.answer = refuse;
    (void)rig_frame(2, MESSAGE_TRSF_SUBMIT, 1, &submit);
    rig_run();
    assert_int_equal(rig.seen_count, 1);
    assert_refused(1, ERROR_WALLET_CLOSED, "M1");
}

static void a_session_that_left_is_not_answered(void **state)
{
    const Qingfen__V1__TrsfSubmit submit = submit_of(0, 1);
    (void)state;
    rig.answer = answer_fact;
    (void)rig_frame(2, MESSAGE_TRSF_SUBMIT, 1, &submit);
    home_session_closed(rig.homes[2], 0);
    rig_run();
    assert_int_equal(rig.seen_count, 2); /* It is done all the same. */
    assert_null(rig_answer_of(1));
    assert_true(home_quiet(rig.homes[2]));
}

static void too_many_wait_and_then_go_on(void **state)
{
    const Qingfen__V1__TrsfSubmit submit = submit_of(0, 1);
    (void)state;
    rig.answer = answer_fact;
    rig.silent[1] = true;
    uint64_t taken = 0;
    while (taken < 3000 && rig_frame(2, MESSAGE_TRSF_SUBMIT, taken + 1, &submit) == HOME_TAKEN)
        taken++;
    assert_in_range(taken, 100, 2999);
    rig_run();
    assert_int_equal(rig.sent_count, 0);
    assert_int_equal(rig_frame(2, MESSAGE_TRSF_SUBMIT, taken + 1, &submit), HOME_BLOCKED);
    assert_false(home_quiet(rig.homes[2]));
    rig.silent[1] = false;
    rig_run();
    assert_int_equal(rig.sent_count, taken);
    for (uint64_t i = 0; i < taken; i++)
        assert_int_equal(rig.sent[i].request_id, i + 1);
    assert_int_equal(rig_frame(2, MESSAGE_TRSF_SUBMIT, taken + 1, &submit), HOME_TAKEN);
    rig_run();
    assert_answer(taken + 1, MESSAGE_TRSF_SUBMIT, "decided");
    assert_true(home_quiet(rig.homes[2]));
}

/* The own shard takes nothing for a while: what waits keeps its order. */
static void a_full_own_shard_is_asked_again(void **state)
{
    const Qingfen__V1__TrsfSubmit submit = submit_of(1, 0);
    (void)state;
    rig.answer = answer_fact;
    rig.full[0] = true;
    for (uint64_t id = 1; id <= 200; id++)
        assert_int_equal(rig_frame(0, MESSAGE_TRSF_SUBMIT, id, &submit), HOME_TAKEN);
    rig_run();
    assert_int_equal(rig.seen_count, 0);
    rig.full[0] = false;
    rig_run();
    assert_int_equal(rig.sent_count, 200);
    for (uint64_t i = 0; i < 200; i++)
        assert_int_equal(rig.sent[i].request_id, i + 1);
}

/* -- a reversal ------------------------------------------------------------------------------ */

#define PAY_ID "P0000001000000000000000a1"

/* Sends a reversal from every home; true when each came with a dispute, false when none did. */
static bool comes_disputed(const char *pay_id)
{
    Qingfen__V1__WltPayReverse reverse = QINGFEN__V1__WLT_PAY_REVERSE__INIT;
    uint32_t disputed = 0;
    reverse.pay_id = (char *)(uintptr_t)pay_id;
    reverse.psn_key = KEY(1);
    rig.seen_count = rig.sent_count = 0;
    for (uint32_t home = 0; home < RIG_SHARDS; home++) {
        (void)rig_frame(home, MESSAGE_WLT_PAY_REVERSE, home + 1, &reverse);
        rig_run();
        assert_answer(home + 1, MESSAGE_WLT_PAY_REVERSE, "ok");
        assert_int_equal(rig.seen_count, home + 1);
        const struct seen *seen = &rig.seen[home];
        assert_int_equal(seen->shard, 1);
        assert_int_equal(seen->type, MESSAGE_WLT_PAY_REVERSE);
        if (seen->area == 0) continue;
        struct wallet_fact fact;
        assert_int_equal(seen->area, sizeof fact);
        memcpy(&fact, seen->body, sizeof fact);
        assert_int_equal(fact.disputed, 1);
        disputed++;
    }
    assert_true(disputed == 0 || disputed == RIG_SHARDS);
    return disputed != 0;
}

static void a_reversal_knows_of_disputes(void **state)
{
    (void)state;
    assert_false(comes_disputed(PAY_ID));
    rig_dispute(PAY_ID "-2", false);
    assert_true(comes_disputed(PAY_ID));
    assert_false(comes_disputed("P0000001000000000000000a2"));
    assert_false(comes_disputed("P0000001000000000000000a"));
    rig_dispute(PAY_ID "-2", true);
    assert_false(comes_disputed(PAY_ID));
}

/* A payment that the message calls by its settlement, and a premium. */
struct named {
    uint16_t type;
    const char *pay_id; /* As the deciding shard knows it; empty: it knows none. */
};

static struct named named;

static void answer_name(const struct seen *seen, struct result *result)
{
    if (seen->type != REQUEST_PAY_ID) {
        rig_say(result, "ok");
    } else if (named.pay_id[0] != '\0') {
        rig_say(result, named.pay_id);
    }
}

static void send_reversal(uint32_t home)
{
    if (named.type == MESSAGE_PREM_REVERSE) {
        Qingfen__V1__PremReverse reverse = QINGFEN__V1__PREM_REVERSE__INIT;
        reverse.pay_id = (char *)(uintptr_t)named.pay_id;
        reverse.payer_psn_key = KEY(1);
        (void)rig_frame(home, named.type, home + 1, &reverse);
        return;
    }
    Qingfen__V1__WltPayReverse reverse = QINGFEN__V1__WLT_PAY_REVERSE__INIT;
    reverse.setl_id = "S1";
    reverse.psn_key = KEY(1);
    (void)rig_frame(home, named.type, home + 1, &reverse);
}

/* From every home; whether the message came with a dispute. */
static void check_named(uint16_t type, const char *pay_id, bool disputed)
{
    const uint32_t stops = type == MESSAGE_WLT_PAY_REVERSE ? 2 : 1;
    named = (struct named){.type = type, .pay_id = pay_id};
    rig.answer = answer_name;
    for (uint32_t home = 0; home < RIG_SHARDS; home++) {
        rig.seen_count = rig.sent_count = 0;
        send_reversal(home);
        rig_run();
        assert_int_equal(rig.seen_count, stops);
        const struct seen *last = &rig.seen[stops - 1];
        if (stops == 2) {
            assert_int_equal(rig.seen[0].type, REQUEST_PAY_ID);
            assert_int_equal(rig.seen[0].period, type);
            assert_int_equal(rig.seen[0].shard, 1);
        }
        assert_int_equal(last->shard, 1);
        assert_int_equal(last->type, type);
        assert_int_equal(last->area, disputed ? sizeof(struct wallet_fact) : 0);
        assert_answer(home + 1, type, "ok");
    }
}

static void a_reversal_by_another_name_does_too(void **state)
{
    static const uint16_t types[] = {MESSAGE_WLT_PAY_REVERSE, MESSAGE_PREM_REVERSE};
    (void)state;
    for (int i = 0; i < 2; i++) {
        rig_dispute(PAY_ID "-1", false);
        check_named(types[i], PAY_ID, true);
        check_named(types[i], "P0000001000000000000000a2", false);
        check_named(types[i], "", false);
        rig_dispute(PAY_ID "-1", true);
        check_named(types[i], PAY_ID, false);
    }
}

/* -- everywhere ------------------------------------------------------------------------------ */

static void answer_by_shard(const struct seen *seen, struct result *result)
{
    static const char *const texts[RIG_SHARDS] = {"zero", "one", "two"};
    rig_say(result, texts[seen->shard]);
}

static void a_push_reaches_every_shard(void **state)
{
    Qingfen__V1__RulePush rule = QINGFEN__V1__RULE_PUSH__INIT;
    (void)state;
    rig.answer = answer_by_shard;
    for (uint32_t home = 0; home < RIG_SHARDS; home++) {
        rig.seen_count = 0;
        (void)rig_frame(home, MESSAGE_RULE_PUSH, home + 1, &rule);
        rig_run();
        assert_int_equal(rig.seen_count, RIG_SHARDS);
        for (uint32_t i = 0; i < RIG_SHARDS; i++) {
            assert_int_equal(rig.seen[i].shard, i);
            assert_int_equal(rig.seen[i].type, MESSAGE_RULE_PUSH);
            struct wallet_fact fact = {0};
            assert_int_equal(rig.seen[i].area, i == 0 ? 0 : sizeof fact);
            memcpy(&fact, rig.seen[i].body, rig.seen[i].area);
            assert_int_equal(fact.decided, i == 0 ? 0 : 1);
        }
        assert_answer(home + 1, MESSAGE_RULE_PUSH, "zero");
    }
}

static void refuse_in_one(const struct seen *seen, struct result *result)
{
    if (seen->shard == 1) {
        result->code = ERROR_RULE_INVALID;
        rig_say(result, "no");
    } else {
        rig_say(result, "yes");
    }
}

static void a_push_ends_at_the_first_refusal(void **state)
{
    Qingfen__V1__RulePush rule = QINGFEN__V1__RULE_PUSH__INIT;
    (void)state;
    rig.answer = refuse_in_one;
    (void)rig_frame(2, MESSAGE_RULE_PUSH, 1, &rule);
    rig_run();
    assert_int_equal(rig.seen_count, 2);
    assert_answer(1, MESSAGE_RULE_PUSH, "no");
}

/* -- questions ------------------------------------------------------------------------------- */

/* Three slices; each cursor is longer than the one before. */
static void answer_in_slices(const struct seen *seen, struct result *result)
{
    if (seen->type != REQUEST_PERSON) {
        rig_say(result, "other");
        return;
    }
    if (seen->area == 6) {
        rig_say(result, "page");
        return;
    }
    result->state = STATE_MORE;
    rig_say(result, seen->area == 0 ? "abc" : "abcdef");
}

static void a_question_goes_on_with_its_cursor(void **state)
{
    Qingfen__V1__WltRecords records = QINGFEN__V1__WLT_RECORDS__INIT;
    (void)state;
    rig.answer = answer_in_slices;
    for (uint32_t shard = 0; shard < RIG_SHARDS; shard++) {
        records.psn_key = KEY(shard);
        rig.seen_count = 0;
        (void)rig_frame(1, MESSAGE_WLT_RECORDS, shard + 1, &records);
        rig_run();
        assert_int_equal(rig.seen_count, 3);
        for (uint32_t i = 0; i < 3; i++) {
            assert_int_equal(rig.seen[i].shard, shard);
            assert_int_equal(rig.seen[i].type, REQUEST_PERSON);
            assert_int_equal(rig.seen[i].period, MESSAGE_WLT_RECORDS);
            assert_int_equal(rig.seen[i].area, 3 * i);
            assert_int_equal(rig.seen[i].size, rig.seen[0].size + 3 * i);
            assert_memory_equal(rig.seen[i].body, "abcdef", 3 * i);
            assert_memory_equal(rig.seen[i].body + 3 * i, rig.seen[0].body, rig.seen[0].size);
        }
        assert_answer(shard + 1, MESSAGE_WLT_RECORDS, "page");
    }
}

static void other_work_goes_between_the_slices(void **state)
{
    Qingfen__V1__WltRecords records = QINGFEN__V1__WLT_RECORDS__INIT;
    Qingfen__V1__WltFreeze freeze = QINGFEN__V1__WLT_FREEZE__INIT;
    (void)state;
    rig.answer = answer_in_slices;
    records.psn_key = KEY(1);
    freeze.psn_key = KEY(1);
    (void)rig_frame(1, MESSAGE_WLT_RECORDS, 1, &records);
    rig_turn();
    (void)rig_frame(1, MESSAGE_WLT_FREEZE, 2, &freeze);
    rig_run();
    assert_int_equal(rig.seen_count, 4);
    assert_int_equal(rig.seen[0].type, REQUEST_PERSON);
    assert_int_equal(rig.seen[1].type, MESSAGE_WLT_FREEZE);
    assert_answer(2, MESSAGE_WLT_FREEZE, "other");
}

static void know_in_two(const struct seen *seen, struct result *result)
{
    if (seen->shard == 0) result->code = ERROR_NOT_FOUND;
    /* Also as a payload that says so: field 1, 6001. */
    rig_say(result, seen->shard == 2 ? "statement" : "\x08\xf1\x2e not found");
}

static void a_statement_is_sought_where_it_is(void **state)
{
    Qingfen__V1__StmtGet get = QINGFEN__V1__STMT_GET__INIT;
    (void)state;
    rig.answer = know_in_two;
    get.setl_id = "S1";
    (void)rig_frame(0, MESSAGE_STMT_GET, 1, &get);
    rig_run();
    assert_int_equal(rig.seen_count, 3);
    assert_answer(1, MESSAGE_STMT_GET, "statement");
    get.psn_key = KEY(1);
    (void)rig_frame(0, MESSAGE_STMT_GET, 2, &get);
    rig_run();
    assert_int_equal(rig.seen_count, 4);
    assert_answer(2, MESSAGE_STMT_GET, "\x08\xf1\x2e not found");
}

static uint32_t seen_in; /* Shard that has it and shows it. */

/* Shard 1 has one of the same id, of somebody else, that the session may not see. */
static void hide_in_one(const struct seen *seen, struct result *result)
{
    rig_say(result, seen->shard == seen_in ? "statement"
                    : seen->shard == 1     ? "\x08\xf2\x2e not permitted"
                                           : "\x08\xf1\x2e not found");
}

static void what_may_not_be_seen_hides_nothing_else(void **state)
{
    Qingfen__V1__StmtGet get = QINGFEN__V1__STMT_GET__INIT;
    (void)state;
    rig.answer = hide_in_one;
    get.setl_id = "S1";
    for (seen_in = 0; seen_in <= RIG_SHARDS; seen_in++) {
        (void)rig_frame(seen_in % RIG_SHARDS, MESSAGE_STMT_GET, seen_in + 1, &get);
        rig_run();
        assert_answer(seen_in + 1, MESSAGE_STMT_GET,
                      seen_in < RIG_SHARDS ? "statement" : "\x08\xf2\x2e not permitted");
    }
}

static void outboxes_have_their_home(void **state)
{
    Qingfen__V1__OutboxGet get = QINGFEN__V1__OUTBOX_GET__INIT;
    Qingfen__V1__OutboxAck ack = QINGFEN__V1__OUTBOX_ACK__INIT;
    (void)state;
    get.dest = ack.dest = 34;
    (void)rig_frame(0, MESSAGE_OUTBOX_GET, 1, &get);
    (void)rig_frame(0, MESSAGE_OUTBOX_ACK, 2, &ack);
    rig_run();
    assert_int_equal(rig.seen_count, 2);
    const uint32_t at = outbox_shard(outbox_dest(34), RIG_SHARDS);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(rig.seen[i].shard, at);
        assert_true(rig.seen[i].type == MESSAGE_OUTBOX_ACK || rig.seen[i].type == REQUEST_PERSON);
    }
    assert_answer(1, MESSAGE_OUTBOX_GET, "ok");
    assert_answer(2, MESSAGE_OUTBOX_ACK, "ok");
}

/* -- who may ------------------------------------------------------------------------------- */

static void be_province(uint32_t province)
{
    Qingfen__V1__Hello hello = QINGFEN__V1__HELLO__INIT;
    hello.version = FRAME_VERSION;
    hello.province = province;
    assert_int_equal(rig_frame(0, MESSAGE_HELLO, 999, &hello), HOME_TAKEN);
}

static void a_province_sends_only_what_is_a_provinces(void **state)
{
    const Qingfen__V1__TrsfSubmit submit = submit_of(0, 1);
    Qingfen__V1__WltPay pay = QINGFEN__V1__WLT_PAY__INIT;
    Qingfen__V1__OutboxGet get = QINGFEN__V1__OUTBOX_GET__INIT;
    Qingfen__V1__OutboxAck ack = QINGFEN__V1__OUTBOX_ACK__INIT;
    (void)state;
    be_province(34);
    (void)rig_frame(0, MESSAGE_TRSF_SUBMIT, 1, &submit);
    ack.dest = 31;
    ack.msgid = "A";
    (void)rig_frame(0, MESSAGE_OUTBOX_ACK, 2, &ack);
    get.dest = 0; /* The platform's. */
    (void)rig_frame(0, MESSAGE_OUTBOX_GET, 3, &get);
    rig_run();
    assert_int_equal(rig.seen_count, 0);
    assert_refused(1, ERROR_SENDER_NOT_ALLOWED, "M1");
    assert_refused(2, ERROR_SENDER_NOT_ALLOWED, "A");
    assert_refused(3, ERROR_SENDER_NOT_ALLOWED, "");

    pay.psn_key = KEY(2);
    (void)rig_frame(0, MESSAGE_WLT_PAY, 4, &pay);
    get.dest = 34;
    (void)rig_frame(0, MESSAGE_OUTBOX_GET, 5, &get);
    rig_run();
    assert_int_equal(rig.seen_count, 2);
    assert_int_equal(rig.seen[0].province, 34);
    assert_int_equal(rig.seen[1].province, 34);
}

static void a_message_that_is_too_long_is_refused(void **state)
{
    static char text[WALLET_MESSAGE_MAX + 1];
    Qingfen__V1__WltFreeze freeze = QINGFEN__V1__WLT_FREEZE__INIT;
    (void)state;
    memset(text, 'x', sizeof text - 1);
    freeze.psn_key = KEY(0);
    freeze.reason = text;
    (void)rig_frame(0, MESSAGE_WLT_FREEZE, 1, &freeze);
    rig_run();
    assert_int_equal(rig.seen_count, 0);
    assert_refused(1, ERROR_MALFORMED, "");
}

/* -- mail ------------------------------------------------------------------------------------ */

static void assert_mail(uint32_t shard, uint32_t count)
{
    uint32_t next = 1;
    for (uint32_t i = 0; i < rig.seen_count; i++) {
        uint32_t number;
        if (rig.seen[i].shard != shard || rig.seen[i].type != REQUEST_MAIL) continue;
        memcpy(&number, rig.seen[i].body, sizeof number);
        assert_int_equal(number, next);
        next++;
    }
    assert_int_equal(next - 1, count);
}

static void mail_arrives_in_order_and_once(void **state)
{
    (void)state;
    for (uint32_t to = 0; to < RIG_SHARDS; to++)
        rig.mail[1][to] = 300 + to;
    rig_run();
    for (uint32_t to = 0; to < RIG_SHARDS; to++)
        assert_mail(to, 300 + to);
    assert_int_equal(rig.sent_count, 0);
    assert_true(home_quiet(rig.homes[1]));
}

static void mail_waits_for_room_and_is_not_lost(void **state)
{
    (void)state;
    rig.mail[0][0] = rig.mail[0][2] = 3600; /* More than a lane holds at once. */
    rig.full[0] = rig.full[2] = true;
    for (int i = 0; i < 1000; i++)
        rig_turn();
    assert_int_equal(rig.seen_count, 0);
    assert_int_not_equal(rig.mail[0][2], 0);
    rig.full[0] = false;
    for (int i = 0; i < 1000; i++)
        rig_turn();
    assert_mail(0, 3600);
    rig.seen_count = 0;
    rig.full[2] = false;
    rig_run();
    assert_mail(2, 3600);
}

static void messages_go_between_mail(void **state)
{
    Qingfen__V1__WltFreeze freeze = QINGFEN__V1__WLT_FREEZE__INIT;
    (void)state;
    freeze.psn_key = KEY(1);
    rig.mail[1][1] = 1000;
    rig_turn();
    (void)rig_frame(1, MESSAGE_WLT_FREEZE, 1, &freeze);
    rig_turn();
    assert_non_null(rig_answer_of(1));
    assert_in_range(rig.mail[1][1], 1, 999);
}

static void a_stop_leaves_mail_where_it_is(void **state)
{
    (void)state;
    rig.mail[0][1] = 1000;
    rig_turn();
    assert_in_range(rig.mail[0][1], 1, 999);
    home_stop_mail(rig.homes[0]);
    const uint32_t left = rig.mail[0][1];
    rig_run();
    assert_int_equal(rig.mail[0][1], left);
    assert_true(home_quiet(rig.homes[0]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_stop_goes_to_the_person),
        TEST(a_refusal_without_a_payload_becomes_one),
        TEST(two_stops_bring_the_fact_along),
        TEST(a_refused_fact_ends_it),
        TEST(a_session_that_left_is_not_answered),
        TEST(too_many_wait_and_then_go_on),
        TEST(a_full_own_shard_is_asked_again),
        TEST(a_reversal_knows_of_disputes),
        TEST(a_reversal_by_another_name_does_too),
        TEST(a_push_reaches_every_shard),
        TEST(a_push_ends_at_the_first_refusal),
        TEST(a_question_goes_on_with_its_cursor),
        TEST(other_work_goes_between_the_slices),
        TEST(a_statement_is_sought_where_it_is),
        TEST(what_may_not_be_seen_hides_nothing_else),
        TEST(outboxes_have_their_home),
        TEST(a_province_sends_only_what_is_a_provinces),
        TEST(a_message_that_is_too_long_is_refused),
        TEST(mail_arrives_in_order_and_once),
        TEST(mail_waits_for_room_and_is_not_lost),
        TEST(messages_go_between_mail),
        TEST(a_stop_leaves_mail_where_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
