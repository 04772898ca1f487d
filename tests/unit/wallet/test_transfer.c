/* A transfer from its submit to its end. */
#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "types/wire.h"

enum {
    GIVER,
    RECEIVER,
    SECOND,
    THIRD,
};
#define YUNNAN     530100
#define SICHUAN    510100
#define GUIZHOU    520100
#define DEST_53    24 /* Index of Yunnan. */
#define EMPLOYEE   310
#define RESIDENT   390
#define ACCOUNT    1
#define WALLET     2
#define MAX_EACH   200000
#define NOBODYS    "T101010100000000000000000" /* An id of the giver's form, of nothing. */
#define FAILURE(n) (rig->decision.failures.list[n])

static struct wallet_rig *rig;

/* Persons with wallets, GIVER related to all others; money by grant. */
static int begin(void **state)
{
    (void)state;
    rig = rig_new();
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    assert_int_equal(rig_open(rig, GIVER, YUNNAN, EMPLOYEE), 0);
    assert_int_equal(rig_open(rig, RECEIVER, SICHUAN, RESIDENT), 0);
    assert_int_equal(rig_open(rig, SECOND, GUIZHOU, EMPLOYEE), 0);
    assert_int_equal(rig_open(rig, THIRD, GUIZHOU, EMPLOYEE), 0);
    assert_int_equal(rig_grant(rig, GIVER, 10000000), 0);
    for (int who = RECEIVER; who <= THIRD; who++)
        assert_int_equal(rig_bind(rig, GIVER, who), 0);
    rig_deliver(rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_free(rig);
    return 0;
}

static uint16_t submit(int receiver, int64_t amount)
{
    return rig_submit(rig, GIVER, receiver, ACCOUNT, amount);
}

static const char *last_id(void)
{
    static char id[WALLET_ID_SIZE];
    memcpy(id, rig->decision.said.id, sizeof id);
    return id;
}

static struct outgoing *last_out(enum outgoing_type type)
{
    for (uint32_t i = rig->out_count; i != 0; i--) {
        if (rig->out[i - 1].type == type) return &rig->out[i - 1];
    }
    return NULL;
}

static uint32_t count_out(enum outgoing_type type)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rig->out_count; i++)
        count += rig->out[i].type == type;
    return count;
}

/* -- submit ----------------------------------------------------------------------------------- */

static void test_submit_and_accept(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *receiver = rig_person(rig, RECEIVER);
    assert_int_equal(submit(RECEIVER, 50000), 0);
    const char *id = last_id();
    assert_int_equal(rig->decision.said.stas, STAS_PENDING);
    assert_int_equal(rig->decision.said.exp_ms, shanghai_ms("2026-03-03T06:00:00"));
    assert_int_equal(rig->decision.ids[0].domain, ID_TRANSFER);
    assert_string_equal(rig->decision.ids[0].text, id);
    assert_int_equal(giver->hold.held, 50000);
    const struct outgoing *notice = last_out(OUT_TRSF_NOTICE);
    assert_int_equal(notice->dest, OUTBOX_APP);
    assert_string_equal(notice->id, id);
    assert_int_equal(notice->amount, 50000);
    rig_deliver(rig);
    assert_int_equal(receiver->offers[0].amount, 50000);
    assert_int_equal(receiver->offers[0].giver_admdvs, YUNNAN);

    assert_int_equal(rig_accept(rig, RECEIVER, id), 0);
    assert_int_equal(rig->decision.said.stas, STAS_ACCEPTED);
    assert_string_equal(rig->decision.said.id, id);
    assert_int_equal(giver->transfer_count, 0);
    assert_int_equal(giver->holders[0].amount, 50000);
    rig_deliver(rig);
    assert_int_equal(receiver->offer_count, 0);
    assert_int_equal(receiver->lot_count, 1);
    const struct lot *lot = &receiver->lots[0];
    assert_int_equal(lot->number, 1);
    assert_int_equal(lot->amount, 50000);
    assert_int_equal(lot->origin_admdvs, YUNNAN);
    assert_memory_equal(&lot->origin, &giver->key, PSN_KEY_SIZE);
    assert_memory_equal(&lot->from, &giver->key, PSN_KEY_SIZE);
    assert_int_equal(lot->accepted_ms, rig->now_ms);
    assert_int_equal(giver->hold.held, 50000);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);
}

static void set_state(int who, uint32_t wallet_state)
{
    rig_person(rig, who)->wallet.state = wallet_state;
    rig_touch(rig, who);
}

/* Wrong in every way, and mended one by one: the order of the checks. */
static void test_submit_order_of_checks(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_SUBMIT);
    order.psn_key = rig_key_bytes(GIVER);
    order.other_key = rig_key_bytes(RECEIVER);
    order.src = 3;
    order.amount = 700001;
    order.rlts_id = bytes_of("R0");
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    set_state(GIVER, WALLET_NONE);
    set_state(RECEIVER, WALLET_NONE);
    giver->insured.state = INSURED_PAUSED;
    giver->insured.insutype = RESIDENT;
    giver->limits = (struct limits_row){.day = 20260303, .count = 3, .sum = 600000};
    giver->hold.granted = 0;
    rig_touch(rig, GIVER);
    rig_rule(rig, PARAM_WALLET_ENABLED, 0, 0);
    rig_rule(rig, PARAM_RELATIVES, 0, 1);
    rig->now_ms = shanghai_ms("2026-03-03T05:00:00");
    rig->province = 53;

    assert_int_equal(give(rig, &order), ERROR_MALFORMED);
    order.src = ACCOUNT;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(give(rig, &order), ERROR_NO_WALLET);
    set_state(GIVER, WALLET_OPEN);
    order.wlt_id = bytes_of("W101010100000000000000000");
    assert_int_equal(give(rig, &order), ERROR_NO_WALLET);
    order.wlt_id = (struct bytes){NULL, 0};
    const uint32_t shut[] = {WALLET_FROZEN, WALLET_CLOSING, WALLET_CLOSED};
    for (int i = 0; i < 3; i++) {
        set_state(GIVER, shut[i]);
        assert_int_equal(give(rig, &order), ERROR_WALLET_CLOSED);
        assert_int_equal(FAILURE(0).field, 2);
    }
    set_state(GIVER, WALLET_OPEN);
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_NO_WALLET);
    set_state(RECEIVER, WALLET_CLOSED);
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_NO_WALLET);
    set_state(RECEIVER, WALLET_CLOSING);
    assert_int_equal(give(rig, &order), ERROR_RECEIVER_NO_WALLET);
    set_state(RECEIVER, WALLET_FROZEN);
    assert_int_equal(give(rig, &order), ERROR_WALLET_CLOSED);
    assert_int_equal(FAILURE(0).field, 11);
    set_state(RECEIVER, WALLET_OPEN);
    assert_int_equal(give(rig, &order), ERROR_AREA_NOT_ENABLED);
    rig_rule(rig, PARAM_WALLET_ENABLED, SICHUAN, 1);
    assert_int_equal(give(rig, &order), ERROR_GIVER_AREA);
    rig_rule(rig, PARAM_WALLET_ENABLED, YUNNAN, 1);

    assert_int_equal(give(rig, &order), ERROR_NO_RELATION);
    giver->relations[giver->relation_count++] = (struct relation_row){
        .other = rig_key(RECEIVER), .side = SIDE_GIVER, .rlts_code = 2, .rlts_id = "R1"};
    rig_touch(rig, GIVER);
    assert_int_equal(give(rig, &order), ERROR_NO_RELATION);
    order.rlts_id = bytes_of("R1");
    assert_int_equal(give(rig, &order), ERROR_RELATION_KIND);
    rig_rule(rig, PARAM_RELATIVES, 0, 2);
    assert_int_equal(give(rig, &order), ERROR_INSURED_STATE);
    giver->insured.state = INSURED_NORMAL;
    assert_int_equal(give(rig, &order), ERROR_GIVER_INSUTYPE);
    order.src = WALLET;
    rig_rule(rig, PARAM_SOURCE_WALLET, 0, 0);
    assert_int_equal(give(rig, &order), ERROR_GIVER_INSUTYPE);
    rig_rule(rig, PARAM_SOURCE_WALLET, 0, 1);
    assert_int_equal(give(rig, &order), ERROR_NIGHT);
    order.src = ACCOUNT;
    giver->insured.insutype = EMPLOYEE;
    assert_int_equal(give(rig, &order), ERROR_NIGHT);
    rig->now_ms = shanghai_ms("2026-03-03T12:00:00");

    assert_int_equal(give(rig, &order), ERROR_TRANSFER_AMOUNT);
    assert_int_equal(FAILURE(0).want, MAX_EACH);
    order.amount = MAX_EACH + 1;
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_AMOUNT);
    order.amount = 0;
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_AMOUNT);
    order.amount = -1;
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_AMOUNT);
    order.amount = MAX_EACH;
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_LIMIT);
    assert_int_equal(FAILURE(0).got, 4);
    assert_int_equal(FAILURE(0).want, 3);
    giver->limits.count = 2;
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_LIMIT);
    assert_int_equal(FAILURE(0).got, 600000 + MAX_EACH);
    giver->limits.sum = 400001;
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_LIMIT);
    giver->limits.sum = 400000;
    giver->transfers[giver->transfer_count++] = (struct transfer_row){.receiver = rig_key(RECEIVER),
                                                                      .state = TRANSFER_HOLDING,
                                                                      .src = ACCOUNT,
                                                                      .amount = 1,
                                                                      .exp_ms = INT64_MAX};
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_PENDING);
    giver->transfer_count = 0;
    assert_int_equal(give(rig, &order), ERROR_SOURCE_BALANCE);
    assert_int_equal(FAILURE(0).got, MAX_EACH);
    giver->hold.granted = MAX_EACH - 1;
    assert_int_equal(give(rig, &order), ERROR_SOURCE_BALANCE);
    assert_int_equal(FAILURE(0).want, MAX_EACH - 1);
    giver->hold.granted = MAX_EACH;
    rig_touch(rig, GIVER);
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(giver->limits.count, 3);
    assert_int_equal(giver->limits.sum, 600000);
}

/* -- time of day ------------------------------------------------------------------------------ */

static void test_night_edges(void **state)
{
    (void)state;
    rig_time(rig, "2026-03-02T21:59:59.999");
    assert_int_equal(submit(RECEIVER, 1), 0);
    rig_time(rig, "2026-03-02T22:00:00");
    assert_int_equal(submit(SECOND, 1), ERROR_NIGHT);
    rig_time(rig, "2026-03-02T23:59:59.999");
    assert_int_equal(submit(SECOND, 1), ERROR_NIGHT);
    rig_time(rig, "2026-03-03T00:00:00");
    assert_int_equal(submit(SECOND, 1), ERROR_NIGHT);
    rig_time(rig, "2026-03-03T05:59:59.999");
    assert_int_equal(submit(SECOND, 1), ERROR_NIGHT);
    assert_int_equal(rig_person(rig, GIVER)->transfer_count, 1);
    rig_time(rig, "2026-03-03T06:00:00");
    assert_int_equal(rig_person(rig, GIVER)->transfer_count, 0);
    assert_int_equal(submit(RECEIVER, 1), 0); /* The same pair: the sweep came first. */
}

/* The rule is the giver's area's; one that does not wrap, and none. */
static void test_night_by_rule(void **state)
{
    (void)state;
    rig_rule(rig, PARAM_NIGHT_FROM, YUNNAN, 1200);
    rig_rule(rig, PARAM_NIGHT_TO, YUNNAN, 1330);
    rig_time(rig, "2026-03-02T12:00:00");
    assert_int_equal(submit(RECEIVER, 1), ERROR_NIGHT);
    rig_time(rig, "2026-03-02T13:29:59.999");
    assert_int_equal(submit(RECEIVER, 1), ERROR_NIGHT);
    rig->time_known = false;
    assert_int_equal(submit(RECEIVER, 1), 0);
    rig->time_known = true;
    rig_time(rig, "2026-03-02T13:30:00");
    assert_int_equal(submit(SECOND, 1), 0);
    rig_rule(rig, PARAM_NIGHT_TO, YUNNAN, 1200);
    rig_time(rig, "2026-03-02T23:00:00");
    assert_int_equal(submit(THIRD, 1), 0);
}

static void test_expiry(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    char ids[2][WALLET_ID_SIZE];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(submit(RECEIVER + i, 1000 + i), 0);
        memcpy(ids[i], last_id(), WALLET_ID_SIZE);
    }
    rig_deliver(rig);
    rig_time(rig, "2026-03-03T05:59:59.999");
    assert_int_equal(rig_accept(rig, RECEIVER, ids[0]), 0);
    rig_deliver(rig);
    rig_time(rig, "2026-03-03T06:00:00");
    assert_int_equal(rig->decision.said.stas, STAS_EXPIRED);
    assert_string_equal(rig->decision.said.id, ids[1]);
    assert_int_equal(rig_accept(rig, SECOND, ids[1]), ERROR_TRANSFER_EXPIRED);
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_DECLINE);
    order.trsf_id = bytes_of(ids[1]);
    order.other_key = rig_key_bytes(SECOND);
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_EXPIRED);
    order.trsf_id = bytes_of(ids[0]);
    order.other_key = rig_key_bytes(RECEIVER);
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_ENDED);
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, SECOND)->offer_count, 0);
    assert_int_equal(giver->hold.held, 1000);
    const struct outgoing *out = last_out(OUT_PA_RELEASE);
    assert_int_equal(out->dest, DEST_53);
    assert_int_equal(out->amount, 1001);
    assert_int_equal(out->why, STAS_EXPIRED);
    assert_string_equal(out->ref, ids[1]);
    assert_string_not_equal(out->id, ids[1]);
    out = last_out(OUT_TRSF_RETURNED);
    assert_int_equal(out->dest, DEST_53);
    assert_int_equal(out[-1].dest, OUTBOX_APP);
    assert_int_equal(out[-1].type, OUT_TRSF_RETURNED);
    assert_int_equal(out->why, STAS_EXPIRED);
}

/* An accept that the shard stamps at the end or after it, before any sweep. */
static void test_accept_at_the_end(void **state)
{
    (void)state;
    assert_int_equal(submit(RECEIVER, 1000), 0);
    const char *id = last_id();
    rig->now_ms = shanghai_ms("2026-03-03T06:00:00");
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_EXPIRED);
    rig->now_ms = shanghai_ms("2026-03-05T10:00:00");
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_EXPIRED);
    /* Down at 06:00: the sweep at the start bears the stamp of the instant that was missed. */
    rig->now_ms = shanghai_ms("2026-03-03T05:00:00");
    rig_time(rig, "2026-03-05T10:00:00");
    assert_int_equal(rig->out[rig->out_count - 1].at_ms, shanghai_ms("2026-03-03T06:00:00"));
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_EXPIRED);
}

static void test_expiry_by_rule(void **state)
{
    (void)state;
    rig_rule(rig, PARAM_EXPIRE_AT, 530000, 830);
    assert_int_equal(submit(RECEIVER, 1000), 0);
    assert_int_equal(rig->decision.said.exp_ms, shanghai_ms("2026-03-03T08:30:00"));
    rig_time(rig, "2026-03-31T12:00:00");
    assert_int_equal(submit(RECEIVER, 1000), 0); /* Over the month's end. */
    assert_int_equal(rig->decision.said.exp_ms, shanghai_ms("2026-04-01T08:30:00"));
}

/* -- counters --------------------------------------------------------------------------------- */

static void test_counters_across_midnight(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    rig_rule(rig, PARAM_NIGHT_FROM, 0, 600);
    rig_time(rig, "2026-03-02T23:59:59");
    for (int i = 0; i < 3; i++)
        assert_int_equal(submit(RECEIVER + i, 100), 0);
    rig_rule(rig, PARAM_PENDING_SCOPE, 0, PENDING_NONE);
    rig->one_a_pair = false;
    rig_time(rig, "2026-03-02T23:59:59.999");
    assert_int_equal(submit(RECEIVER, 100), ERROR_TRANSFER_LIMIT);
    rig_time(rig, "2026-03-03T00:00:00");
    assert_int_equal(submit(RECEIVER, 100), 0);
    assert_int_equal(giver->limits.day, 20260303);
    assert_int_equal(giver->limits.count, 1);
    assert_int_equal(giver->limits.sum, 100);
    /* What comes back now was of yesterday, and today's counters are not its. */
    rig_rule(rig, PARAM_COUNT_RETURNED, 0, 0);
    rig_time(rig, "2026-03-03T06:00:00");
    assert_int_equal(giver->transfer_count, 1);
    assert_int_equal(giver->limits.count, 1);
    assert_int_equal(giver->limits.sum, 100);
}

static uint16_t decline(int receiver, const char *id)
{
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_DECLINE);
    order.trsf_id = bytes_of(id);
    order.other_key = rig_key_bytes(receiver);
    return give(rig, &order);
}

static void test_returned_counts(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(submit(RECEIVER, 100), 0);
        assert_int_equal(decline(RECEIVER, last_id()), 0);
        assert_int_equal(rig->decision.said.stas, STAS_DECLINED);
        rig_deliver(rig);
    }
    assert_int_equal(submit(RECEIVER, 100), ERROR_TRANSFER_LIMIT);
    rig_rule(rig, PARAM_COUNT_RETURNED, YUNNAN, 0);
    rig_time(rig, "2026-03-03T12:00:00");
    for (int i = 0; i < 5; i++) {
        assert_int_equal(submit(RECEIVER, MAX_EACH), 0);
        assert_int_equal(giver->limits.count, 1);
        assert_int_equal(decline(RECEIVER, last_id()), 0);
        assert_int_equal(giver->limits.count, 0);
        assert_int_equal(giver->limits.sum, 0);
        rig_deliver(rig);
    }
}

static void test_pending_scope(void **state)
{
    (void)state;
    assert_int_equal(submit(RECEIVER, 100), 0);
    assert_int_equal(submit(RECEIVER, 100), ERROR_TRANSFER_PENDING);
    assert_int_equal(submit(SECOND, 100), 0);
    rig_rule(rig, PARAM_PENDING_SCOPE, YUNNAN, PENDING_GIVER);
    assert_int_equal(submit(THIRD, 100), ERROR_TRANSFER_PENDING);
    rig_rule(rig, PARAM_PENDING_SCOPE, YUNNAN, PENDING_NONE);
    rig->one_a_pair = false;
    assert_int_equal(submit(RECEIVER, 100), 0);
}

static void test_too_many(void **state)
{
    (void)state;
    struct person *receiver = rig_person(rig, RECEIVER);
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 1000);
    for (uint32_t i = 0; i < LOTS_MAX - TRANSFER_LOTS_MAX; i++)
        rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 100);
    assert_int_equal(receiver->lot_count, LOTS_MAX - TRANSFER_LOTS_MAX);
    assert_int_equal(submit(RECEIVER, 100), 0);
    assert_int_equal(rig_accept(rig, RECEIVER, last_id()), ERROR_TOO_MANY);
    assert_int_equal(FAILURE(0).field, 11);

    struct person *second = rig_person(rig, SECOND);
    for (uint32_t i = 0; i < OFFERS_MAX; i++) {
        struct offer_row *row = &second->offers[second->offer_count++];
        memset(row, 0, sizeof *row);
        row->trsf_id[0] = (char)('A' + i);
    }
    assert_int_equal(submit(SECOND, 100), ERROR_TOO_MANY);
    second->offer_count = OFFERS_MAX - 1;
    rig_touch(rig, SECOND);
    assert_int_equal(submit(SECOND, 100), 0);
}

/* Own money in the hands of one more than can be counted: not begun, and not taken. */
static void test_too_many_holders(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    assert_int_equal(submit(RECEIVER, 100), 0);
    const char *id = last_id();
    for (uint32_t i = 0; giver->holder_count < HOLDERS_MAX - 1; i++) {
        struct psn_key k = {{0x99, (uint8_t)i, 1}};
        person_hold(giver, &k, 1);
        giver->hold.held++;
        giver->hold.granted++;
    }
    rig_touch(rig, GIVER);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TOO_MANY);
    assert_int_equal(submit(SECOND, 100), ERROR_TOO_MANY);
    assert_int_equal(FAILURE(0).got, HOLDERS_MAX);
    while (giver->holder_count != 0) { /* All of it is home. */
        const struct psn_key k = giver->holders[0].holder;
        person_hold(giver, &k, -1);
        giver->hold.held--;
        giver->hold.granted--;
    }
    rig_touch(rig, GIVER);
    assert_int_equal(rig_accept(rig, RECEIVER, id), 0);
}

/* -- accept, decline, void -------------------------------------------------------------------- */

static void test_accept_order_of_checks(void **state)
{
    (void)state;
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_ONLINE);
    assert_int_equal(rig_accept(rig, RECEIVER, NOBODYS), ERROR_NO_TRANSFER);
    assert_int_equal(submit(RECEIVER, 100), 0);
    const char *id = last_id();
    rig->province = 51;
    assert_int_equal(rig_accept(rig, SECOND, id), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(rig_accept(rig, SECOND, id), ERROR_NOT_RECEIVER);
    assert_int_equal(decline(SECOND, id), ERROR_NOT_RECEIVER);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_PROVINCE_SILENT);
    assert_int_equal(decline(RECEIVER, id), ERROR_PROVINCE_SILENT);
    struct wallet_order ack = rig_order(rig, MESSAGE_PA_HOLD_ACK);
    ack.trsf_id = bytes_of(id);
    ack.amount = 100;
    assert_int_equal(give(rig, &ack), 0);
    rig_deliver(rig);
    set_state(RECEIVER, WALLET_FROZEN);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_WALLET_CLOSED);
    set_state(RECEIVER, WALLET_CLOSED);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_RECEIVER_NO_WALLET);
    set_state(RECEIVER, WALLET_OPEN);
    rig_time(rig, "2026-03-03T03:00:00"); /* The night blocks a submit alone. */
    assert_int_equal(rig_accept(rig, RECEIVER, id), 0);
    assert_int_equal(decline(RECEIVER, id), ERROR_TRANSFER_ENDED);
}

static void test_decline(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    assert_int_equal(submit(RECEIVER, 700), 0);
    const char *id = last_id();
    rig->province = 51;
    assert_int_equal(decline(RECEIVER, id), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(decline(RECEIVER, id), 0);
    assert_int_equal(rig->decision.said.amount, 700);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 10000000);
    assert_int_equal(last_out(OUT_TRSF_RETURNED)->why, STAS_DECLINED);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, RECEIVER)->offer_count, 0);
}

/* What was submitted under a relation that ended is not accepted under the next one. */
static void test_accept_after_binding_anew(void **state)
{
    (void)state;
    assert_int_equal(submit(RECEIVER, 100), 0);
    char id[WALLET_ID_SIZE];
    memcpy(id, last_id(), sizeof id);
    rig_deliver(rig);
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_time(rig, "2026-03-02T12:00:01");
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, GIVER)->transfer_count, 0);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 0);
}

static void test_void(void **state)
{
    (void)state;
    assert_int_equal(submit(RECEIVER, 700), 0);
    const char *id = last_id();
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_VOID);
    order.trsf_id = bytes_of(NOBODYS);
    assert_int_equal(give(rig, &order), ERROR_NO_TRANSFER);
    order.trsf_id = bytes_of(id);
    rig->province = 53;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 0;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(rig->decision.said.stas, STAS_VOIDED);
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_ENDED);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 0);
}

/* -- from a wallet ---------------------------------------------------------------------------- */

static void test_from_wallet(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    struct person *first = rig_person(rig, RECEIVER);
    struct person *second = rig_person(rig, SECOND);
    assert_int_equal(rig_bind(rig, RECEIVER, SECOND), 0);
    assert_int_equal(rig_bind(rig, RECEIVER, GIVER), 0);
    rig_deliver(rig);
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 100);
    for (int i = 0; i < 12; i++)
        rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 100);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, ACCOUNT, 50), ERROR_GIVER_INSUTYPE);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, WALLET, 1201), ERROR_SOURCE_BALANCE);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, WALLET, 801), ERROR_TOO_MANY);
    assert_int_equal(first->lot_count, 12);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, WALLET, 250), 0);
    assert_int_equal(rig->decision.said.stas, STAS_PENDING);
    assert_int_equal(rig->decision.said.balc, 950);
    assert_int_equal(first->transfers[0].lot_count, 3);
    assert_int_equal(first->lots[0].number, 3);
    assert_int_equal(first->lots[0].amount, 50);
    rig_deliver(rig);
    assert_int_equal(decline(SECOND, first->transfers[0].trsf_id), 0);
    assert_int_equal(first->lot_count, 12); /* Under the same numbers, the cut one whole again. */
    assert_int_equal(first->lots[0].number, 1);
    assert_int_equal(first->lots[2].amount, 100);
    assert_int_equal(giver->holders[0].amount, 1200);
    rig_deliver(rig);

    rig_pass(rig, RECEIVER, SECOND, WALLET, 800);
    assert_int_equal(second->lot_count, 8);
    assert_int_equal(giver->holder_count, 2);
    /* Home in a wallet again: the giver holds lots of the own origin. */
    rig_pass(rig, RECEIVER, GIVER, WALLET, 150);
    assert_int_equal(giver->holder_count, 3);
    assert_int_equal(person_balance(giver), 150);
    /* And passes them on: a move inside its own books. */
    rig_pass(rig, GIVER, RECEIVER, WALLET, 120);
    assert_int_equal(person_balance(first), 370);
    assert_int_equal(giver->hold.held, 1200);
    assert_int_equal(giver->hold.granted, 10000000);
}

/* What is softly reserved may not leave. */
static void test_reserved_stays(void **state)
{
    (void)state;
    struct person *first = rig_person(rig, RECEIVER);
    assert_int_equal(rig_bind(rig, RECEIVER, SECOND), 0);
    rig_deliver(rig);
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    first->reserves[first->reserve_count++] =
        (struct reserve_row){.amount = 600, .exp_ms = rig->now_ms + 1};
    rig_touch(rig, RECEIVER);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, WALLET, 401), ERROR_SOURCE_BALANCE);
    assert_int_equal(FAILURE(0).want, 400);
    assert_int_equal(rig_submit(rig, RECEIVER, SECOND, WALLET, 400), 0);
}

/* -- hold ------------------------------------------------------------------------------------- */

static struct wallet_order ack_order(const char *id, int64_t held, int64_t balance, uint32_t code)
{
    struct wallet_order order = rig_order(rig, MESSAGE_PA_HOLD_ACK);
    order.trsf_id = bytes_of(id);
    order.amount = held;
    order.amount2 = balance;
    order.code = code;
    return order;
}

static int begin_online(void **state)
{
    (void)begin(state);
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_ONLINE);
    rig_person(rig, GIVER)->hold = (struct hold_row){0};
    rig_touch(rig, GIVER);
    return 0;
}

static void test_hold(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    assert_int_equal(submit(RECEIVER, 1000), 0);
    const char *id = last_id();
    assert_int_equal(rig->decision.said.stas, STAS_HOLDING);
    assert_int_equal(rig_mail(rig), 0); /* The receiver hears nothing yet. */
    const struct outgoing *out = last_out(OUT_PA_HOLD);
    assert_int_equal(out->dest, DEST_53);
    assert_string_equal(out->id, id);
    assert_int_equal(out->amount, 1000);
    assert_int_equal(out->why, 0);
    assert_int_equal(giver->hold.held, 0);

    struct wallet_order order = ack_order(id, 1000, 0, 0);
    rig->province = 51;
    assert_int_equal(give(rig, &order), ERROR_SENDER_NOT_ALLOWED);
    rig->province = 53;
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(rig->decision.said.stas, STAS_PENDING);
    assert_int_equal(giver->hold.held, 1000);
    assert_int_equal(giver->hold.granted, 1000);
    assert_int_equal(giver->transfers[0].state, TRANSFER_PENDING);
    assert_int_equal(count_out(OUT_TRSF_NOTICE), 1);
    assert_int_equal(give(rig, &order), 0);
    assert_true(rig->decision.nothing && rig->decision.dup);
    order.amount = 999;
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
    order.amount = 1000;
    order.code = 1;
    assert_int_equal(give(rig, &order), ERROR_CLIENT_NO_REUSED);
    rig->province = 0;
    rig_deliver(rig);
    assert_int_equal(rig_accept(rig, RECEIVER, id), 0);
    rig_deliver(rig);
    order.code = 0;
    order.trsf_id = bytes_of(id);
    assert_int_equal(give(rig, &order), ERROR_TRANSFER_ENDED);
    /* Money that comes home went back to the account: no limit of it is left. */
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 0);
    out = last_out(OUT_PA_RELEASE);
    assert_int_equal(out->amount, 1000);
    assert_int_equal(out->why, HELD_RELEASED);
    assert_string_equal(out->ref, "");
}

/* What was frozen for one transfer is no grant, also where grants are asked by the time it is back.
 */
static void test_hold_mode_changes(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    assert_int_equal(submit(RECEIVER, 1000), 0);
    const char *id = last_id();
    const struct wallet_order held = ack_order(id, 1000, 0, 0);
    assert_int_equal(give(rig, &held), 0);
    rig_deliver(rig);
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    struct wallet_order decline = rig_order(rig, MESSAGE_TRSF_DECLINE);
    decline.trsf_id = bytes_of(id);
    decline.other_key = rig_key_bytes(RECEIVER);
    assert_int_equal(give(rig, &decline), 0);
    rig_deliver(rig);
    assert_int_equal(giver->hold.granted, 0);
    assert_int_equal(submit(RECEIVER, 1000), ERROR_SOURCE_BALANCE);
    assert_int_equal(rig_grant(rig, GIVER, 1000), 0);
    rig_pass(rig, GIVER, RECEIVER, 1, 1000);
    assert_int_equal(rig_unbind(rig, GIVER, RECEIVER), 0);
    rig_deliver(rig);
    assert_int_equal(giver->hold.granted, 1000); /* That may be used again. */
}

static void test_hold_refused(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    const struct {
        int64_t held;
        uint32_t code;
        int64_t released;
    } cases[] = {{0, 17, 0}, {999, 0, 999}, {1001, 0, 1001}, {0, 0, 0}, {1000, 5, 1000}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig->out_count = 0;
        assert_int_equal(submit(RECEIVER, 1000), 0);
        assert_int_equal(giver->limits.count, 1);
        const char *id = last_id();
        const struct wallet_order order = ack_order(id, cases[i].held, 0, cases[i].code);
        assert_int_equal(give(rig, &order), 0);
        assert_int_equal(rig->decision.said.stas, STAS_REFUSED);
        assert_int_equal(rig->decision.said.number, ERROR_SOURCE_BALANCE);
        assert_int_equal(giver->transfer_count, 0);
        assert_int_equal(giver->limits.count, 0); /* It never was one. */
        assert_int_equal(giver->hold.held, 0);
        const struct outgoing *out = last_out(OUT_PA_RELEASE);
        assert_int_equal(out == NULL ? 0 : out->amount, cases[i].released);
        assert_int_equal(last_out(OUT_TRSF_RETURNED)->why, STAS_REFUSED);
        assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);
        assert_int_equal(give(rig, &order), ERROR_TRANSFER_ENDED);
    }
    const struct wallet_order order = ack_order(NOBODYS, 1, 0, 0);
    assert_int_equal(give(rig, &order), ERROR_NO_TRANSFER);
}

/* Shanxi keeps 1,000 yuan: over it before (GATE), or left after it (RESERVE). */
static void test_floor_online(void **state)
{
    (void)state;
    const struct {
        uint32_t scope;
        uint32_t mode;
        int64_t after; /* Left of it when 1000 were frozen. */
        bool held;
    } cases[] = {
        {FLOOR_IN_PROVINCE_ONLY, FLOOR_GATE, 0, true},
        {FLOOR_WALLET_TOO, FLOOR_GATE, 99000, false}, /* Exactly 1,000 yuan is not above. */
        {FLOOR_WALLET_TOO, FLOOR_GATE, 99001, true},
        {FLOOR_WALLET_TOO, FLOOR_RESERVE, 99999, false},
        {FLOOR_WALLET_TOO, FLOOR_RESERVE, 100000, true},
    };
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 100);
    rig_rule(rig, PARAM_PA_FLOOR, 530000, 100000);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        rig_rule(rig, PARAM_PA_FLOOR_SCOPE, 530000, cases[i].scope);
        rig_rule(rig, PARAM_PA_FLOOR_MODE, 530000, cases[i].mode);
        assert_int_equal(submit(RECEIVER, 1000), 0);
        const char *id = last_id();
        const struct wallet_order order = ack_order(id, 1000, cases[i].after, 0);
        assert_int_equal(give(rig, &order), 0);
        assert_int_equal(rig->decision.said.stas, cases[i].held ? STAS_PENDING : STAS_REFUSED);
        if (cases[i].held) {
            assert_int_equal(decline(RECEIVER, id), 0);
        } else {
            assert_int_equal(last_out(OUT_PA_RELEASE)->amount, 1000);
        }
        assert_int_equal(rig_person(rig, GIVER)->hold.granted, 0);
        rig_deliver(rig);
    }
}

static void test_floor_grant(void **state)
{
    (void)state;
    rig_rule(rig, PARAM_PA_FLOOR, 530000, 100000);
    rig_rule(rig, PARAM_PA_FLOOR_SCOPE, 530000, FLOOR_WALLET_TOO);
    assert_int_equal(rig_grant(rig, GIVER, 100000), 0);
    assert_int_equal(submit(RECEIVER, 1), ERROR_SOURCE_BALANCE);
    assert_int_equal(rig_grant(rig, GIVER, 100001), 0);
    assert_int_equal(submit(RECEIVER, 100001), 0);
    rig_rule(rig, PARAM_PA_FLOOR_MODE, 530000, FLOOR_RESERVE);
    assert_int_equal(rig_grant(rig, GIVER, 100001 + 100499), 0);
    assert_int_equal(submit(SECOND, 500), ERROR_SOURCE_BALANCE);
    assert_int_equal(submit(SECOND, 499), 0);
}

/* Asked again every 10 minutes, given up as the night begins. */
static void test_province_silent(void **state)
{
    (void)state;
    const struct person *giver = rig_person(rig, GIVER);
    rig_time(rig, "2026-03-02T21:35:00");
    assert_int_equal(submit(RECEIVER, 1000), 0);
    const char *id = last_id();
    rig_time(rig, "2026-03-02T21:44:59.999");
    assert_int_equal(count_out(OUT_PA_HOLD), 1);
    rig_time(rig, "2026-03-02T21:45:00");
    assert_int_equal(count_out(OUT_PA_HOLD), 2);
    assert_int_equal(last_out(OUT_PA_HOLD)->why, 1);
    assert_string_equal(last_out(OUT_PA_HOLD)->id, id);
    rig_time(rig, "2026-03-02T21:59:59.999");
    assert_int_equal(count_out(OUT_PA_HOLD), 3);
    assert_int_equal(giver->transfer_count, 1);
    rig_time(rig, "2026-03-02T22:00:00");
    assert_int_equal(giver->transfer_count, 0);
    assert_int_equal(rig->decision.said.stas, STAS_REFUSED);
    assert_int_equal(rig->decision.said.number, ERROR_HOLD_GIVEN_UP);
    assert_int_equal(last_out(OUT_PA_RELEASE)->amount, 1000);
    assert_int_equal(last_out(OUT_PA_RELEASE)->why, STAS_REFUSED);
    assert_int_equal(giver->hold.held, 0);
    assert_int_equal(giver->hold.granted, 0);
    assert_int_equal(giver->limits.count, 0);
    const struct wallet_order late = ack_order(id, 1000, 0, 0);
    assert_int_equal(give(rig, &late), ERROR_HOLD_GIVEN_UP);
}

/* No night, or one before noon: then the province has until the end. */
static void test_province_silent_without_night(void **state)
{
    (void)state;
    rig_rule(rig, PARAM_NIGHT_FROM, 0, 600);
    assert_int_equal(submit(RECEIVER, 1000), 0);
    rig_time(rig, "2026-03-03T05:59:59.999");
    assert_int_equal(rig_person(rig, GIVER)->transfer_count, 1);
    assert_int_equal(count_out(OUT_PA_HOLD), 1 + 107);
    rig_time(rig, "2026-03-03T06:00:00");
    assert_int_equal(rig_person(rig, GIVER)->transfer_count, 0);
    assert_int_equal(rig->decision.said.number, ERROR_HOLD_GIVEN_UP);
}

/* Voided while the province is silent: what it may have frozen is released. */
static void test_void_while_holding(void **state)
{
    (void)state;
    assert_int_equal(submit(RECEIVER, 1000), 0);
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_VOID);
    const char *id = last_id();
    order.trsf_id = bytes_of(id);
    assert_int_equal(give(rig, &order), 0);
    assert_int_equal(last_out(OUT_PA_RELEASE)->amount, 1000);
    assert_int_equal(rig_mail(rig), 0);
}

int main(void)
{
#define TEST(name)   cmocka_unit_test_setup_teardown(name, begin, end)
#define ONLINE(name) cmocka_unit_test_setup_teardown(name, begin_online, end)
    const struct CMUnitTest tests[] = {
        TEST(test_submit_and_accept),
        TEST(test_submit_order_of_checks),
        TEST(test_night_edges),
        TEST(test_night_by_rule),
        TEST(test_expiry),
        TEST(test_accept_at_the_end),
        TEST(test_expiry_by_rule),
        TEST(test_counters_across_midnight),
        TEST(test_returned_counts),
        TEST(test_pending_scope),
        TEST(test_too_many),
        TEST(test_too_many_holders),
        TEST(test_accept_order_of_checks),
        TEST(test_decline),
        TEST(test_accept_after_binding_anew),
        TEST(test_void),
        TEST(test_from_wallet),
        TEST(test_reserved_stays),
        ONLINE(test_hold),
        ONLINE(test_hold_mode_changes),
        ONLINE(test_hold_refused),
        ONLINE(test_floor_online),
        TEST(test_floor_grant),
        ONLINE(test_province_silent),
        ONLINE(test_province_silent_without_night),
        ONLINE(test_void_while_holding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
