/* Settlements that pay from a wallet, and the refunds and corrections that give back to it: one
 * message, one fate. */
#include <stdio.h>

#include "codec/failure_text.h"
#include "codec/messages.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "tests/lib/story_rig.h"
#include "tests/lib/unit.h"
#include "tests/lib/wallet_orders.h"

/* A visit of the receiver in Yunnan, 420 yuan, of which `wallet` from the wallet. */
static struct settlement visit(const char *msgid, const char *setl_id, int64_t wallet)
{
    struct settlement s = {
        .msgid = bytes_of(msgid),
        .setl_id = bytes_of(setl_id),
        .psn_key = story_key_bytes(RECEIVER),
        .insutype = 310,
        .insu_admdvs = YUNNAN,
        .mdtrtarea_admvs = SICHUAN,
        .med_type = 11,
        .fixmedins_code = bytes_of(HOSPITAL),
        .setl_time = shanghai_ms("2026-03-02T11:00:00"),
    };
    s.amounts[AMOUNT_MEDFEE] = 42000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 28000;
    s.amounts[AMOUNT_PSN_PART] = 14000;
    s.amounts[AMOUNT_WLT] = wallet;
    s.amounts[AMOUNT_CASH] = 14000 - wallet;
    return s;
}

static struct rig_result post_as(uint16_t province, const struct settlement *s)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct bytes bytes = {body, settlement_encode(s, body)};
    return story_give(&story_rigs[1], rig_message(MESSAGE_SETL_POST, province, bytes));
}

static struct rig_result post(const struct settlement *s)
{
    return post_as(51, s);
}

static void paid_with_a_settlement(void)
{
    story_fill();
    struct settlement s = visit("I1", "V1", 15000);
    s.amounts[AMOUNT_CASH] = 0;
    s.amounts[AMOUNT_PSN_PART] = 15000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 27000;
    s.amounts[AMOUNT_WLT] = 14000;
    s.amounts[AMOUNT_CASH] = 1000;
    const uint64_t before = story_rigs[1].shard->last_seq;
    const struct rig_result got = post(&s);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.dup, story_mishap == MISHAP_LANDED);
    assert_int_equal(story_rigs[1].shard->last_seq, before + 3); /* Settlement, wallet, debt. */
    story_pump();
    story_check_balance(RECEIVER, 136000);
    story_check_giver(136000, 14000);
    story_check_debts(14000, 1);
    assert_true(post(&s).result.dup);

    const struct settlement half = rig_refund("I2", "R1", &s, 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    story_pump();
    story_check_balance(RECEIVER, 143000);
    story_check_giver(143000, 7000);
    story_check_debts(7000, 2);
    story_replay();
}

static void inline_payment(void **state)
{
    (void)state;
    paid_with_a_settlement();
}

static void inline_payment_lost(void **state)
{
    (void)state;
    story_mishap = MISHAP_LOST;
    paid_with_a_settlement();
}

static void inline_payment_landed(void **state)
{
    (void)state;
    story_mishap = MISHAP_LANDED;
    paid_with_a_settlement();
}

/* The wallet cannot pay it: the settlement is refused with it, nothing stays. */
static void inline_all_or_nothing(void **state)
{
    (void)state;
    story_done(story_open_wallet(RECEIVER, SICHUAN, SICHUAN));
    const struct settlement s = visit("I1", "V1", 14000);
    const struct story_snap before = story_snap_of(&story_rigs[1]);
    assert_int_equal(post(&s).result.code, ERROR_WALLET_BALANCE);
    story_same(before, story_snap_of(&story_rigs[1]));
}

static void check_refused(const struct settlement *s, uint32_t code, const char *text)
{
    char said[256];
    const struct rig_result got = post_as(0, s);
    assert_int_equal(got.result.code, code);
    assert_int_equal(got.result.failure_count, 1);
    failure_text(MESSAGE_SETL_POST, &got.failures[0], said, sizeof said);
    assert_string_equal(said, text);
}

/* The wallet pays what a pharmacy sells, whatever kind of care it belongs to; nobody stays in one.
 */
static void inline_at_a_pharmacy(void **state)
{
    static const struct {
        uint32_t med_type;
        const char *setl_id;
        const char *visit;
    } sold[] = {{41, "I2", "V2"}, {11, "I3", "V3"}, {14, "I4", "V4"}, {140101, "I5", "V5"}};
    (void)state;
    story_fill();
    struct settlement s = visit("I1", "V1", 14000);
    s.fixmedins_code = bytes_of("P51010000001");
    s.med_type = 21;
    check_refused(&s, ERROR_USE_NOT_ALLOWED, "med_type: not a use the wallet pays for");
    story_check_balance(RECEIVER, 150000);
    for (size_t i = 0; i < sizeof sold / sizeof sold[0]; i++) {
        s = visit(sold[i].setl_id, sold[i].visit, 14000);
        s.fixmedins_code = bytes_of("P51010000001");
        s.med_type = sold[i].med_type;
        assert_int_equal(post(&s).result.code, ERROR_OK);
        story_check_balance(RECEIVER, 150000 - 14000 * (int64_t)(i + 1));
    }
    s = visit("I6", "V6", 0); /* Without the wallet it is no matter of the wallet's. */
    s.fixmedins_code = bytes_of("P51010000001");
    assert_int_equal(post(&s).result.code, ERROR_OK);
}

/* A refusal names the field that it is about, and a number only where it is one of that field. */
static void inline_refusals_name_their_field(void **state)
{
    (void)state;
    struct settlement s = visit("I1", "V1", 14000);
    check_refused(&s, ERROR_NO_WALLET, "psn_key: giver or payer has no wallet");
    story_fill();
    s.insu_admdvs = SICHUAN;
    s.mdtrtarea_admvs = 310000;
    check_refused(&s, ERROR_OUTSIDE_USE_LOC,
                  "mdtrtarea_admvs: outside the usage location (310000, it should be 510100)");
    s = visit("I1", "V1", 0);
    s.amounts[AMOUNT_PSN_PART] = s.amounts[AMOUNT_WLT] = 160000;
    s.amounts[AMOUNT_CASH] = 0;
    s.amounts[AMOUNT_MEDFEE] = 188000;
    check_refused(&s, ERROR_WALLET_BALANCE, "wlt_pay is 1600.00, the bound is 1500.00");
}

/* Fills the book but for so many cells, with what is of no month of these stories. */
static void leave_room(struct rig *rig, uint32_t cells)
{
    uint32_t count;
    (void)shard_cells(rig->shard, &count);
    for (uint32_t n = 0; count + cells < rig->config.cells; n++, count++) {
        const uint32_t pair = n / (LINE_END * INSURANCE_COUNT);
        const struct posting posting = {
            .key = {.period = 203001 + pair / (PROVINCE_COUNT * PROVINCE_COUNT),
                    .payer = (uint8_t)(pair / PROVINCE_COUNT % PROVINCE_COUNT),
                    .payee = (uint8_t)(pair % PROVINCE_COUNT),
                    .line = (uint8_t)(n / INSURANCE_COUNT % LINE_END),
                    .insurance = (uint8_t)(n % INSURANCE_COUNT)}};
        book_post(rig->shard->book, &posting, (struct posting_kind){.content_hash = n});
    }
}

/* The settlement needs a cell, and so does what the giver's province owes: with room for one of
 * them neither is taken, and nothing is wrong with the amounts. */
static void inline_cells_for_both(void **state)
{
    (void)state;
    story_fill();
    leave_room(&story_rigs[1], 1);
    const struct settlement s = visit("I1", "V1", 14000);
    const uint64_t before = story_rigs[1].shard->last_seq;
    assert_int_equal(post(&s).result.code, ERROR_TOO_MANY);
    assert_int_equal(story_rigs[1].shard->last_seq, before);
    story_check_balance(RECEIVER, 150000);
    const struct settlement bare = visit("I2", "V2", 0);
    assert_int_equal(post(&bare).result.code, ERROR_OK);
    assert_int_equal(post(&s).result.code, ERROR_TOO_MANY); /* Now for the debt. */
    assert_int_equal(story_pay(RECEIVER, "V3", 14000).code, ERROR_TOO_MANY);
}

static void inline_cells_for_both_are_there(void **state)
{
    (void)state;
    story_fill();
    leave_room(&story_rigs[1], 2);
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    story_check_balance(RECEIVER, 136000);
}

/* Givers of two areas of one province owe in the same cell: each debt fits, and both do not. */
static void debts_of_one_cell_together(void **state)
{
    const int other = 2;
    (void)state;
    story_fill();
    story_done(story_open_wallet(other, YUNNAN + 100, YUNNAN + 100));
    story_done(story_bind(other, RECEIVER));
    const struct wallet_order grant = order_grant(story_key_bytes(other), YUNNAN + 100, 500000);
    story_done(story_send(other, &grant, 53));
    const struct story_answer more = story_done(story_submit(other, RECEIVER, 100000));
    story_done(story_accept(other, RECEIVER, more.id));
    const struct posting there = {.key = {.period = 202603,
                                          .payer = province_of_area(YUNNAN),
                                          .payee = province_of_area(SICHUAN),
                                          .line = LINE_WALLET_CARE,
                                          .insurance = INSURANCE_EMPLOYEE},
                                  .funds = {[FUND_ACCOUNT] = INT64_MAX - 160000},
                                  .medfee = 1};
    book_post(story_rigs[1].shard->book, &there, (struct posting_kind){.content_hash = 1});
    assert_int_equal(story_pay(RECEIVER, "V1", 200000).code, ERROR_AMOUNT_RANGE);
    story_check_balance(RECEIVER, 250000);
    story_done(story_pay(RECEIVER, "V2", 160000));
    story_check_balance(RECEIVER, 90000);
}

/* Paid by a message of its own before: that is the payment. */
static void inline_after_a_payment(void **state)
{
    (void)state;
    story_fill();
    story_done(story_pay(RECEIVER, "V1", 14000));
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    story_check_balance(RECEIVER, 136000);
    story_check_debts(14000, 1);
    story_done(story_pay(RECEIVER, "V2", 5000));
    const struct settlement other = visit("I2", "V2", 14000);
    assert_int_equal(post(&other).result.code, ERROR_SETL_ID_REUSED);
}

static struct rig_result correct(const char *msgid, const char *omsgid)
{
    uint8_t body[256];
    const struct correction c = {
        .msgid = bytes_of(msgid), .omsgid = bytes_of(omsgid), .psn_key = story_key_bytes(RECEIVER)};
    const struct bytes bytes = {body, correction_encode(&c, body)};
    return story_give(&story_rigs[1], rig_message(MESSAGE_CORRECTION, 51, bytes));
}

static void inline_corrected(void **state)
{
    (void)state;
    story_fill();
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    story_pump();
    story_check_giver(136000, 14000);
    assert_int_equal(correct("K1", "I1").result.code, ERROR_OK);
    story_pump();
    story_check_balance(RECEIVER, 150000);
    story_check_giver(150000, 0);
    story_check_debts(0, 2);
    assert_true(correct("K1", "I1").result.dup);
    story_check_debts(0, 2);
    story_replay();
}

/* What a SetlReverse takes back is a refund like any other. */
static void inline_reversed(void **state)
{
    (void)state;
    uint8_t body[1024];
    story_fill();
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    const struct reversal r = {
        .msgid = bytes_of("I2"),
        .rev_setl_id = bytes_of("R1"),
        .setl_id = bytes_of("V1"),
        .psn_key = story_key_bytes(RECEIVER),
        .insu_admdvs = YUNNAN,
        .mdtrtarea_admvs = SICHUAN,
        .full = true,
    };
    const struct bytes bytes = {body, rig_encode_reversal(&r, body)};
    const struct request request = rig_message(MESSAGE_SETL_REVERSE, 51, bytes);
    assert_int_equal(story_give(&story_rigs[1], request).result.code, ERROR_OK);
    assert_true(story_give(&story_rigs[1], request).result.dup);
    story_pump();
    story_check_balance(RECEIVER, 150000);
    story_check_giver(150000, 0);
    story_check_debts(0, 2);
    story_replay();
}

/* A refund that gave back to the wallet cannot be corrected: it may be spent again by now. */
static void refund_stays(void **state)
{
    (void)state;
    story_fill();
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    const struct settlement half = rig_refund("I2", "R1", &s, 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    assert_int_equal(correct("K1", "I2").result.code, ERROR_ALREADY_REVERSED);
    assert_int_equal(correct("K2", "I1").result.code, ERROR_ALREADY_REVERSED);
}

/* Taken back by a message of its own, before the refund of the same number comes: once. */
static void refund_after_a_reversal(void **state)
{
    (void)state;
    story_fill();
    story_done(story_pay(RECEIVER, "V1", 14000));
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    struct wallet_order o = story_reversal("V1");
    o.client_no = bytes_of("R1");
    o.amount = 7000;
    story_done(story_send(RECEIVER, &o, 51));
    story_check_balance(RECEIVER, 143000);
    struct settlement half = rig_refund("I2", "R1", &s, 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    story_pump();
    story_check_balance(RECEIVER, 143000);
    story_check_debts(7000, 2);

    o.msgid = bytes_of(order_number("M"));
    o.client_no = bytes_of("R2");
    o.amount = 3000;
    story_done(story_send(RECEIVER, &o, 51));
    half = rig_refund("I3", "R2", &s, 2);
    const struct rig_result got = post(&half); /* 7,000 under the number that gave back 3,000. */
    assert_int_equal(got.result.code, ERROR_SETL_ID_REUSED);
    assert_int_equal(got.failures[0].want, -3000);
    story_pump();
    story_check_balance(RECEIVER, 146000);
    story_replay();
}

/* Where settlements do not pay by themselves they take nothing back either. */
static void refund_where_nothing_is_inline(void **state)
{
    (void)state;
    uint8_t body[256];
    struct wallet_order off = order_new(MESSAGE_RULE_PUSH);
    off.name = bytes_of("wallet_inline");
    off.value = bytes_of("off");
    off.eff_ms = shanghai_ms("2026-03-02T12:00:01");
    const struct request request = {
        .type = off.type, .body = {body, wire_encode(wallet_table(off.type), &off, body)}};
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(story_give(&story_rigs[i], request).result.code, ERROR_OK);
    story_clock("2026-03-02T13:00:00");
    story_fill();
    story_done(story_pay(RECEIVER, "V1", 14000));
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    const struct settlement half = rig_refund("I2", "R1", &s, 2);
    assert_int_equal(post(&half).result.code, ERROR_OK);
    story_pump();
    story_check_balance(RECEIVER, 136000);
    story_check_debts(14000, 1);
    story_replay();
}

/* A month that is cut before its settlement comes: the debt goes with it into the open one. */
static void inline_late(void **state)
{
    (void)state;
    story_fill();
    story_clock("2026-04-01T12:00:00");
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(rig_order(&story_rigs[i], rig_control(REQUEST_CUT, 202603)).result.code,
                         0);
        rig_order(&story_rigs[i], rig_control(REQUEST_CUT_RELEASE, 0));
    }
    const struct settlement s = visit("I1", "V1", 14000);
    const struct rig_result got = post(&s);
    assert_int_equal(got.result.code, ERROR_OK);
    assert_int_equal(got.result.period, 202604);
    const struct entry debt = entry_needed(story_rigs[1].shard, story_rigs[1].shard->last_seq);
    assert_int_equal(debt.kind, ENTRY_DEBT);
    assert_int_equal(debt.period, 202604);
    assert_int_equal(debt.orig_period, 202603);
    assert_true((debt.flags & ENTRY_LATE) != 0);
    story_replay();
}

/* What the latest PaConsume of the giver says: the month, and the amount. */
static struct outgoing last_consume(void)
{
    const struct shard *shard = story_home(GIVER)->shard;
    struct outgoing out = {0};
    for (uint64_t seq = shard->last_seq; seq != 0 && out.type == 0; seq--) {
        const struct entry entry = entry_needed(shard, seq);
        struct wallet_entry its;
        struct op op;
        bool bad;
        if (entry.kind != ENTRY_WALLET) continue;
        assert_true(wallet_entry_decode(entry.body, &its));
        while (ops_next(&its.ops, &op, &bad)) {
            struct outgoing one;
            if (op.op != OP_OUT) continue;
            memcpy(&one, op.data.data, sizeof one);
            if (one.type == OUT_PA_CONSUME) out = one;
        }
    }
    return out;
}

static void check_consume(uint32_t period, int64_t amount)
{
    const struct outgoing out = last_consume();
    const struct shard *shard = story_rigs[1].shard;
    const struct entry debt = entry_needed(shard, shard->last_seq);
    assert_int_equal(debt.kind, ENTRY_DEBT);
    assert_int_equal(debt.period, period);
    assert_int_equal(out.period, period);
    assert_int_equal(out.amount, amount);
}

/* The giver's province is told the month in which it will owe: the settlement's, not that of the
 * clock, and the open one when that is cut. */
static void inline_consumed_in_the_month_of_its_debt(void **state)
{
    (void)state;
    story_fill();
    story_clock("2026-04-01T12:00:00"); /* March is open still. */
    const struct settlement s = visit("I1", "V1", 14000);
    assert_int_equal(post(&s).result.code, ERROR_OK);
    story_pump();
    check_consume(202603, 14000);
    struct settlement half = rig_refund("I2", "R1", &s, 2);
    half.setl_time = shanghai_ms("2026-04-01T11:00:00");
    assert_int_equal(post(&half).result.code, ERROR_OK);
    story_pump();
    check_consume(202604, -7000);
    const struct settlement wrong = visit("I3", "V3", 14000);
    assert_int_equal(post(&wrong).result.code, ERROR_OK);
    assert_int_equal(correct("K1", "I3").result.code, ERROR_OK);
    story_pump();
    check_consume(202603, -14000);
    for (int i = 0; i < SHARDS; i++) {
        assert_int_equal(rig_order(&story_rigs[i], rig_control(REQUEST_CUT, 202603)).result.code,
                         0);
        rig_order(&story_rigs[i], rig_control(REQUEST_CUT_RELEASE, 0));
    }
    const struct settlement late = visit("I4", "V4", 14000);
    assert_int_equal(post(&late).result.code, ERROR_OK);
    story_pump();
    check_consume(202604, 14000);
    story_replay();
}

/* A delta so small that a checkpoint comes between any two messages. */
static void hardly_any_room(void **state)
{
    story_tear_down(NULL);
    (void)state;
    story_open(false, 320);
    story_whole();
    for (int i = 0; i < 60; i++) {
        char setl_id[16];
        snprintf(setl_id, sizeof setl_id, "L%d", i);
        story_done(story_pay(RECEIVER, setl_id, 100));
    }
    for (int i = 0; i < 60; i++) {
        char ids[2][16];
        snprintf(ids[0], sizeof ids[0], "I%d", i);
        snprintf(ids[1], sizeof ids[1], "V%d", i);
        const struct settlement s = visit(ids[0], ids[1], 100);
        assert_int_equal(post(&s).result.code, ERROR_OK);
    }
    story_pump();
    story_check_giver(138000, 12000);
    story_check_debts(12000, 123);
    for (int i = 0; i < SHARDS; i++) {
        const struct story_snap before = story_snap_of(&story_rigs[i]);
        rig_crash(&story_rigs[i], true);
        story_same(before, story_snap_of(&story_rigs[i]));
    }
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, story_set_up, story_tear_down)
    const struct CMUnitTest tests[] = {
        T(inline_payment),
        T(inline_payment_lost),
        T(inline_payment_landed),
        T(inline_all_or_nothing),
        T(inline_at_a_pharmacy),
        T(inline_refusals_name_their_field),
        T(inline_cells_for_both),
        T(inline_cells_for_both_are_there),
        T(debts_of_one_cell_together),
        T(inline_after_a_payment),
        T(inline_corrected),
        T(inline_reversed),
        T(refund_stays),
        T(refund_after_a_reversal),
        T(refund_where_nothing_is_inline),
        T(inline_late),
        T(inline_consumed_in_the_month_of_its_debt),
        T(hardly_any_room),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
