/* What other persons' news does to a person, in whatever order it comes. */
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "tests/lib/wallet_rig.h"
#include "types/wire.h"

enum {
    GIVER,
    RECEIVER,
    SECOND,
    THIRD,
    WALKERS = 7,
};
#define YUNNAN   530100
#define SICHUAN  510100
#define DEST_53  24 /* Index of Yunnan. */
#define EMPLOYEE 310
#define RESIDENT 390
#define ACCOUNT  1
#define WALLET   2
#define GRANTED  10000000

static struct wallet_rig *rig;

static int begin(void **state)
{
    (void)state;
    rig = rig_new();
    rig_rule(rig, PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    rig_rule(rig, PARAM_TRSF_MAX_COUNT, 0, 1000);
    rig_rule(rig, PARAM_TRSF_MAX_SUM, 0, 1000000000);
    assert_int_equal(rig_open(rig, GIVER, YUNNAN, EMPLOYEE), 0);
    assert_int_equal(rig_open(rig, RECEIVER, SICHUAN, RESIDENT), 0);
    assert_int_equal(rig_open(rig, SECOND, SICHUAN, RESIDENT), 0);
    assert_int_equal(rig_grant(rig, GIVER, GRANTED), 0);
    assert_int_equal(rig_bind(rig, GIVER, RECEIVER), 0);
    assert_int_equal(rig_bind(rig, RECEIVER, SECOND), 0);
    rig_deliver(rig);
    return 0;
}

static int end(void **state)
{
    (void)state;
    rig_free(rig);
    return 0;
}

static const char *submit(int giver, int receiver, uint32_t src, int64_t amount)
{
    static char id[WALLET_ID_SIZE];
    assert_int_equal(rig_submit(rig, giver, receiver, src, amount), 0);
    memcpy(id, rig->decision.said.id, sizeof id);
    return id;
}

static void close_wallet(int who)
{
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_CLOSE);
    order.psn_key = rig_key_bytes(who);
    order.reason = 1;
    assert_int_equal(give(rig, &order), 0);
}

/* Straight at the person, as mail would come. */
static void receive(int who, const struct effect *effect, struct person *ret_after)
{
    person_copy(ret_after, rig_person(rig, who));
    wallet_receive(effect, &rig->params, rig->now_ms, ret_after, &rig->decision);
}

/* -- facts ------------------------------------------------------------------------------------ */

static void test_fact(void **state)
{
    (void)state;
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_SUBMIT);
    const struct wallet_input input = {
        .order = &order, .params = &rig->params, .now_ms = rig->now_ms};
    struct wallet_fact fact;
    static struct person person;
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 100);
    (void)submit(GIVER, RECEIVER, ACCOUNT, 100);
    rig_deliver(rig);
    person_copy(&person, rig_person(rig, RECEIVER));
    wallet_fact_of(&input, &person, &fact, &rig->decision);
    assert_true(rig->decision.nothing);
    assert_int_equal(fact.wallet_state, WALLET_OPEN);
    assert_int_equal(fact.insured_state, INSURED_NORMAL);
    assert_int_equal(fact.insutype, RESIDENT);
    assert_int_equal(fact.insu_admdvs, SICHUAN);
    assert_int_equal(fact.use_loc_admdvs, SICHUAN);
    assert_int_equal(fact.lots, 1);
    assert_int_equal(fact.relations, 2);
    assert_int_equal(fact.offers, 1);
    person_copy(&person, rig_person(rig, 19));
    wallet_fact_of(&input, &person, &fact, &rig->decision);
    assert_int_equal(fact.wallet_state, WALLET_NONE);
    assert_int_equal(fact.insured_state, 0);
}

/* -- offers and credit ------------------------------------------------------------------------ */

/* The receiver closes before the offer is there: the transfer is voided. */
static void test_offer_at_a_closed_wallet(void **state)
{
    (void)state;
    const char *id = submit(GIVER, RECEIVER, ACCOUNT, 500);
    close_wallet(RECEIVER);
    assert_true(rig_deliver_from(rig, GIVER, RECEIVER));
    assert_true(rig_deliver_from(rig, RECEIVER, GIVER));
    assert_int_equal(rig->decision.said.stas, STAS_VOIDED);
    assert_string_equal(rig->decision.said.id, id);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 0);
    assert_int_equal(rig_accept(rig, RECEIVER, id), ERROR_TRANSFER_ENDED);
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, RECEIVER)->offer_count, 0);
}

/* The receiver closes between the accept and the credit: every lot goes home. */
static void test_credit_at_a_closed_wallet(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++)
        rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 100);
    assert_int_equal(rig_accept(rig, SECOND, submit(RECEIVER, SECOND, WALLET, 250)), 0);
    close_wallet(SECOND);
    assert_int_equal(rig_person(rig, SECOND)->wallet.state, WALLET_CLOSED);
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, SECOND)->lot_count, 0);
    assert_int_equal(rig_person(rig, SECOND)->wallet.next_lot, 1);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 50);
    assert_int_equal(rig_person(rig, GIVER)->holder_count, 1);
}

/* Frozen between accept and credit: what was taken is kept. */
static void test_credit_at_a_frozen_wallet(void **state)
{
    (void)state;
    assert_int_equal(rig_accept(rig, RECEIVER, submit(GIVER, RECEIVER, ACCOUNT, 100)), 0);
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_FREEZE);
    order.psn_key = rig_key_bytes(RECEIVER);
    assert_int_equal(give(rig, &order), 0);
    rig_deliver(rig);
    assert_int_equal(person_balance(rig_person(rig, RECEIVER)), 100);
}

static void test_offers_full(void **state)
{
    (void)state;
    struct person *receiver = rig_person(rig, RECEIVER);
    (void)submit(GIVER, RECEIVER, ACCOUNT, 500);
    for (uint32_t i = 0; i < OFFERS_MAX; i++) {
        struct offer_row *row = &receiver->offers[receiver->offer_count++];
        memset(row, 0, sizeof *row);
        row->trsf_id[0] = (char)('A' + i);
    }
    rig_touch(rig, RECEIVER);
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, GIVER)->transfer_count, 0);
}

/* News of what is not there any more changes nothing. */
static void test_late_news(void **state)
{
    (void)state;
    static struct person after;
    struct effect effect = {.kind = EFFECT_OFFER_END, .to = rig_key(RECEIVER), .id = "T1"};
    receive(RECEIVER, &effect, &after);
    assert_int_equal(rig->decision.effect_count + rig->decision.out_count, 0);
    effect = (struct effect){.kind = EFFECT_OFFER_REFUSED, .to = rig_key(GIVER), .id = "T1"};
    receive(GIVER, &effect, &after);
    assert_int_equal(rig->decision.effect_count + rig->decision.out_count, 0);
    effect = (struct effect){.kind = EFFECT_RELATION_END,
                             .to = rig_key(RECEIVER),
                             .other = rig_key(19),
                             .id = "R1",
                             .at_ms = rig->now_ms};
    receive(RECEIVER, &effect, &after);
    assert_int_equal(rig->decision.effect_count + rig->decision.out_count, 0);
    assert_int_equal(after.relation_count, 2);
    const uint32_t steps[] = {1, 2, 3, 5};
    for (int i = 0; i < 4; i++) {
        effect = (struct effect){
            .kind = EFFECT_CONTINUE, .to = rig_key(SECOND), .other = rig_key(19), .code = steps[i]};
        receive(SECOND, &effect, &after);
        assert_int_equal(rig->decision.effect_count + rig->decision.out_count, 0);
    }
    effect.to = rig_key(RECEIVER);
    expect_assert_failure(receive(SECOND, &effect, &after));
}

/* -- what holders do -------------------------------------------------------------------------- */

static struct effect held(enum held_why why, int64_t amount)
{
    return (struct effect){.kind = EFFECT_HELD,
                           .why = why,
                           .to = rig_key(GIVER),
                           .other = rig_key(RECEIVER),
                           .third = rig_key(SECOND),
                           .id = "P101010100000000000000000",
                           .admdvs = why == HELD_MOVED || why == HELD_RELEASED ? YUNNAN : SICHUAN,
                           .line = 5,
                           .at_ms = rig->now_ms,
                           .amount = amount};
}

static void hold_is(const struct person *person, int64_t granted, int64_t is_held, int64_t consumed)
{
    assert_int_equal(person->hold.granted, granted);
    assert_int_equal(person->hold.held, is_held);
    assert_int_equal(person->hold.consumed, consumed);
}

static void test_held(void **state)
{
    (void)state;
    static struct person after;
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    struct effect effect = held(HELD_SPENT, 300);
    receive(GIVER, &effect, &after);
    hold_is(&after, GRANTED, 700, 300);
    assert_int_equal(after.holders[0].amount, 700);
    assert_int_equal(rig->decision.out_count, 1);
    const struct outgoing *out = &rig->decision.out[0];
    assert_int_equal(out->type, OUT_PA_CONSUME);
    assert_int_equal(out->dest, DEST_53);
    assert_int_equal(out->amount, 300);
    assert_int_equal(out->admdvs, SICHUAN);
    assert_int_equal(out->line, 5);
    assert_int_equal(out->period, 202603);
    assert_string_equal(out->ref, "P101010100000000000000000");
    assert_int_equal(out->id[0], 'C');

    person_copy(rig_person(rig, GIVER), &after);
    effect = held(HELD_RESTORED, 100);
    receive(GIVER, &effect, &after);
    hold_is(&after, GRANTED, 800, 200);
    assert_int_equal(rig->decision.out[0].type, OUT_PA_CONSUME);
    assert_int_equal(rig->decision.out[0].amount, -100);
    assert_int_equal(rig->decision.effect_count, 0);

    effect = held(HELD_RETURNED_SPENT, 300);
    receive(GIVER, &effect, &after);
    hold_is(&after, GRANTED, 700, 0);
    assert_int_equal(rig->decision.out[0].type, OUT_PA_RELEASE);
    assert_int_equal(rig->decision.out[0].why, HELD_RETURNED_SPENT);
    rig_rule(rig, PARAM_PA_HOLD_MODE, YUNNAN, HOLD_ONLINE);
    receive(GIVER, &effect, &after);
    hold_is(&after, GRANTED - 300, 700, 0);

    effect = held(HELD_RELEASED, 700);
    receive(GIVER, &effect, &after);
    hold_is(&after, GRANTED - 700, 0, 300);
    assert_int_equal(after.holder_count, 0);
    effect = held(HELD_MOVED, 250);
    receive(GIVER, &effect, &after);
    hold_is(&after, GRANTED, 700, 300);
    assert_int_equal(after.holders[0].amount, 450);
    assert_int_equal(after.holders[1].amount, 250);
    assert_int_equal(rig->decision.out_count, 0);
    effect = held(HELD_SPENT, 701); /* More than there is: a bug, and the engine stops. */
    expect_assert_failure(receive(GIVER, &effect, &after));
}

/* A payment comes back to a holder of a giver whose insured state ended meanwhile. */
static void test_restored_after_the_end(void **state)
{
    (void)state;
    static struct person after;
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    struct person *giver = rig_person(rig, GIVER);
    giver->insured.state = INSURED_ENDED;
    giver->hold.consumed = 500;
    struct effect effect = held(HELD_RESTORED, 500);
    receive(GIVER, &effect, &after);
    assert_int_equal(rig->decision.effect_count, 1);
    assert_int_equal(rig->decision.effects[0].kind, EFFECT_RECALL);
    assert_memory_equal(&rig->decision.effects[0].to, &rig_person(rig, RECEIVER)->key,
                        PSN_KEY_SIZE);
    effect = held(HELD_MOVED, 500);
    receive(GIVER, &effect, &after);
    assert_int_equal(rig->decision.effects[0].kind, EFFECT_RECALL);
    assert_memory_equal(&rig->decision.effects[0].to, &rig_person(rig, SECOND)->key, PSN_KEY_SIZE);
}

/* The holder's news overtakes the news that it became one. */
static void test_spent_before_moved(void **state)
{
    (void)state;
    struct person *giver = rig_person(rig, GIVER);
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    assert_int_equal(rig_accept(rig, SECOND, submit(RECEIVER, SECOND, WALLET, 600)), 0);
    while (rig_deliver_from(rig, RECEIVER, SECOND))
        ;
    close_wallet(SECOND);
    assert_true(rig_deliver_from(rig, SECOND, GIVER));
    assert_int_equal(giver->holder_count, 2);
    assert_int_equal(giver->holders[0].amount, 1000);
    assert_int_equal(giver->holders[1].amount, -600);
    assert_int_equal(giver->hold.held, 400);
    rig_deliver(rig);
    assert_int_equal(giver->holder_count, 1);
    assert_int_equal(giver->holders[0].amount, 400);
}

/* The recall overtakes the lots: it comes again until they are there and home. */
static void test_recall_before_credit(void **state)
{
    (void)state;
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    assert_int_equal(rig_accept(rig, SECOND, submit(RECEIVER, SECOND, WALLET, 600)), 0);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_ENDED, 20260302), 0);
    assert_true(rig_deliver_from(rig, RECEIVER, GIVER)); /* Moved: and recalled at once. */
    for (int i = 0; i < 3; i++) {
        assert_true(rig_deliver_from(rig, GIVER, SECOND));
        assert_int_equal(rig_person(rig, SECOND)->lot_count, 0);
        assert_true(rig_deliver_from(rig, SECOND, GIVER));
    }
    rig_deliver(rig);
    assert_int_equal(rig_person(rig, SECOND)->lot_count, 0);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 0);
}

/* What a holder has on its way to somebody else comes home, too, and the asking ends. */
static void test_recall_of_what_is_carried(void **state)
{
    (void)state;
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    (void)submit(RECEIVER, SECOND, WALLET, 600);
    assert_int_equal(rig_state(rig, GIVER, YUNNAN, EMPLOYEE, INSURED_ENDED, 20260302), 0);
    for (int i = 0; i < 100 && rig_deliver_any(rig, 0); i++)
        ;
    assert_int_equal(rig_mail(rig), 0);
    assert_int_equal(rig_person(rig, RECEIVER)->transfer_count, 0);
    assert_int_equal(rig_person(rig, RECEIVER)->lot_count, 0);
    assert_int_equal(rig_person(rig, SECOND)->offer_count, 0);
    assert_int_equal(rig_person(rig, GIVER)->hold.held, 0);
}

/* Holders beyond the last row are counted together; nothing is lost. */
static void test_holders_beyond_the_list(void **state)
{
    (void)state;
    static struct person person;
    const struct psn_key none = {{0}};
    struct psn_key keys[HOLDERS_MAX + 20];
    person_clear(&person, rig_key(GIVER));
    int64_t sum = 0;
    for (uint32_t i = 0; i < HOLDERS_MAX + 20; i++) {
        memset(&keys[i], 0x55, sizeof keys[i]);
        keys[i].bytes[0] = (uint8_t)(i >> 8);
        keys[i].bytes[1] = (uint8_t)i;
        person_hold(&person, &keys[i], i + 1);
    }
    assert_int_equal(person.holder_count, HOLDERS_MAX);
    for (uint32_t i = 0; i < person.holder_count; i++)
        sum += person.holders[i].amount;
    assert_int_equal(sum, (HOLDERS_MAX + 20) * (HOLDERS_MAX + 21) / 2);
    for (uint32_t i = HOLDERS_MAX - 1; i < HOLDERS_MAX + 20; i++)
        person_hold(&person, &keys[i], -(int64_t)i - 1);
    assert_int_equal(person.holder_count, HOLDERS_MAX - 1);
    assert_null(person_holder(&person, &none));
}

static struct psn_key nth(uint32_t i)
{
    struct psn_key k;
    memset(&k, 0x77, sizeof k);
    k.bytes[0] = (uint8_t)(i >> 8);
    k.bytes[1] = (uint8_t)i;
    return k;
}

/* Every row is taken, and news come of others that hold this giver's money. */
static void fill_holders(struct person *giver)
{
    for (uint32_t i = 0; giver->holder_count < HOLDERS_MAX - 1; i++) {
        const struct psn_key k = nth(i);
        person_hold(giver, &k, 1);
        giver->hold.held++;
    }
}

static bool recalls(const struct psn_key *holder)
{
    const struct effect *effect = &rig->decision.effects[0];
    if (rig->decision.effect_count == 0) return false;
    assert_int_equal(rig->decision.effect_count, 1);
    assert_int_equal(effect->kind, EFFECT_RECALL);
    return psn_same(&effect->to, holder);
}

/* Who finds no row sends it home at once, asked until it is all there; then rows are free again. */
static void test_no_row_sends_home(void **state)
{
    (void)state;
    static struct person after;
    const struct psn_key receiver = rig_key(RECEIVER);
    const struct psn_key second = rig_key(SECOND);
    rig_pass(rig, GIVER, RECEIVER, ACCOUNT, 1000);
    struct person *giver = rig_person(rig, GIVER);
    fill_holders(giver);

    struct effect effect = held(HELD_MOVED, 400);
    receive(GIVER, &effect, &after);
    assert_true(recalls(&second));
    assert_int_equal(person_other_holders(&after)->amount, 400);
    person_copy(giver, &after);
    effect = held(HELD_RELEASED, 0); /* The lots have not reached it yet. */
    effect.other = second;
    receive(GIVER, &effect, &after);
    assert_true(recalls(&second));
    effect.other = receiver; /* It has a row, and the giver stands. */
    receive(GIVER, &effect, &after);
    assert_false(recalls(&receiver));

    const struct psn_key first = nth(0);
    person_hold(giver, &first, -1); /* A row is free, but not for it. */
    giver->hold.held--;
    assert_false(person_holder_fits(giver, &second));
    effect = held(HELD_MOVED, 100);
    receive(GIVER, &effect, &after);
    assert_true(recalls(&second));
    person_copy(giver, &after);
    effect = held(HELD_RELEASED, 500);
    effect.other = second;
    receive(GIVER, &effect, &after);
    person_copy(giver, &after);
    assert_null(person_other_holders(giver));
    effect.amount = 0;
    receive(GIVER, &effect, &after);
    assert_int_equal(rig->decision.effect_count, 0);
    assert_true(person_holder_fits(giver, &second));

    person_hold(giver, &first, 1);
    giver->hold.held++;
    effect = held(HELD_SPENT, 100); /* What is restored without a row goes home as well. */
    effect.other = nth(5);
    effect.amount = 1;
    receive(GIVER, &effect, &after);
    person_copy(giver, &after);
    const struct psn_key last = nth(1000);
    person_hold(giver, &last, 1);
    giver->hold.held++;
    effect.why = HELD_RESTORED;
    receive(GIVER, &effect, &after);
    assert_true(recalls(&effect.other));
}

/* A giver whose standing ended asks only while anything is out at all. */
static void test_recall_ends(void **state)
{
    (void)state;
    static struct person after;
    const struct psn_key receiver = rig_key(RECEIVER);
    const struct psn_key second = rig_key(SECOND);
    struct person *giver = rig_person(rig, GIVER);
    giver->insured.state = INSURED_ENDED;
    person_hold(giver, &receiver, 100);
    struct effect effect = held(HELD_RELEASED, 0);
    receive(GIVER, &effect, &after);
    assert_true(recalls(&receiver));
    person_hold(giver, &second, -100); /* Out of step: nothing is out. */
    receive(GIVER, &effect, &after);
    assert_int_equal(rig->decision.effect_count, 0);
}

/* -- a walk ----------------------------------------------------------------------------------- */

static bool walk_transfer(struct prng *prng, int giver)
{
    struct person *person = rig_person(rig, giver);
    if (person->transfer_count == 0) return false;
    const struct transfer_row row = person->transfers[prng_below(prng, person->transfer_count)];
    struct wallet_order order = rig_order(rig, MESSAGE_TRSF_ACCEPT);
    switch (prng_below(prng, 6)) {
    case 0:
        order.type = MESSAGE_TRSF_DECLINE;
        break;
    case 1:
        order.type = MESSAGE_TRSF_VOID;
        break;
    case 2:
        order.type = MESSAGE_PA_HOLD_ACK;
        order.amount = row.amount - (int64_t)prng_below(prng, 2);
        break;
    default:
        break;
    }
    order.trsf_id = bytes_of(row.trsf_id);
    order.other_key = (struct bytes){row.receiver.bytes, PSN_KEY_SIZE};
    return give(rig, &order) == 0;
}

static bool walk_relation(struct prng *prng, int giver, int other)
{
    struct person *person = rig_person(rig, giver);
    if (person->relation_count == 0 || prng_chance(prng, 700)) {
        return rig_bind(rig, giver, other) == 0;
    }
    struct wallet_order order = rig_order(rig, MESSAGE_RLTS_UNBIND);
    const struct relation_row row = person->relations[prng_below(prng, person->relation_count)];
    order.psn_key = rig_key_bytes(giver);
    order.rlts_id = bytes_of(row.rlts_id);
    order.side = SIDE_GIVER;
    if (prng_chance(prng, 500)) {
        order.type = MESSAGE_LMT_RECLAIM;
        order.amount = (int64_t)prng_below(prng, 3) * 100;
    }
    return give(rig, &order) == 0;
}

/* Mostly mends what was frozen or closed before. */
static bool walk_wallet(struct prng *prng, int who)
{
    const uint64_t what = prng_below(prng, 12);
    if (what < 4) return rig_open(rig, who, YUNNAN, EMPLOYEE) == 0;
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_UNFREEZE);
    if (what == 4) order.type = MESSAGE_WLT_FREEZE;
    if (what == 5) order.type = MESSAGE_WLT_CLOSE;
    order.psn_key = rig_key_bytes(who);
    order.reason = 1;
    return give(rig, &order) == 0;
}

/* Pays from the wallet, or takes a payment back, as spending would. */
static bool walk_spend(struct prng *prng, int who, uint32_t step)
{
    char number[16] = "S";
    for (int i = 1; i < 9; i++, step /= 10)
        number[i] = (char)('0' + step % 10);
    struct wallet_order order = rig_order(rig, MESSAGE_WLT_PAY);
    order.psn_key = rig_key_bytes(who);
    order.setl_id = bytes_of(number);
    order.fixmedins_code = bytes_of("H53010000001");
    order.mdtrtarea_admvs = YUNNAN;
    order.use = 1;
    order.amount = 1 + (int64_t)prng_below(prng, 300);
    if (give(rig, &order) != 0) return false;
    if (prng_chance(prng, 500)) return true;
    struct wallet_order back = rig_order(rig, MESSAGE_WLT_PAY_REVERSE);
    char pay_id[WALLET_ID_SIZE];
    memcpy(pay_id, rig->decision.said.id, sizeof pay_id);
    back.pay_id = bytes_of(pay_id);
    back.psn_key = rig_key_bytes(who);
    back.mdtrtarea_admvs = YUNNAN;
    for (uint64_t i = prng_below(prng, 12); i != 0; i--)
        (void)rig_deliver_any(rig, prng_u64(prng));
    return give(rig, &back) == 0;
}

static bool walk_step(struct prng *prng, uint32_t step, uint32_t *date)
{
    const int who = (int)prng_below(prng, WALKERS);
    const int other = (int)prng_below(prng, WALKERS);
    const uint64_t what = prng_below(prng, 100);
    if (what < 30) {
        return rig_submit(rig, who, other, 1 + (uint32_t)prng_below(prng, 2),
                          1 + (int64_t)prng_below(prng, 2000)) == 0;
    }
    if (what < 60) return walk_transfer(prng, who);
    if (what < 75) return walk_relation(prng, who, other);
    if (what < 78) return walk_wallet(prng, who);
    if (what < 92) return walk_spend(prng, who, step);
    if (what < 94) {
        const bool moves = prng_chance(prng, 100);
        const uint32_t is = prng_chance(prng, 150) ? INSURED_PAUSED : INSURED_NORMAL;
        return rig_state(rig, who, moves ? SICHUAN : YUNNAN, EMPLOYEE, is, ++*date) == 0;
    }
    if (what < 97 && rig_person(rig, who)->insured.state != 0) {
        const struct hold_row *hold = &rig_person(rig, who)->hold;
        return rig_grant(rig, who, hold->held + hold->consumed + 20000) == 0;
    }
    return false;
}

/* Whatever persons do, in whatever order their news arrives: every invariant of the rig after every
 * step, and replay makes the same persons. */
static void test_walk(void **state)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct prng prng = {seed};
        uint32_t taken = 0;
        (void)end(state);
        (void)begin(state);
        rig_rule(rig, PARAM_INSTITUTION_CHECK, 0, 0);
        rig_rule(rig, PARAM_ALLOW_RECLAIM, 0, 1);
        rig_rule(rig, PARAM_SPEND_SCOPE, 0, SCOPE_NATION);
        if (seed % 2 == 0) rig_rule(rig, PARAM_PA_HOLD_MODE, YUNNAN, HOLD_ONLINE);
        uint32_t date = 20260301;
        for (int who = THIRD; who < WALKERS; who++)
            assert_int_equal(rig_open(rig, who, YUNNAN, EMPLOYEE), 0);
        for (uint32_t step = 0; step < 10000; step++) {
            if (date % 100 > 27) date += 100 - 27; /* Only days that there are. */
            rig->now_ms++;
            taken += walk_step(&prng, step, &date);
            for (uint64_t i = prng_below(&prng, 4); i != 0; i--)
                (void)rig_deliver_any(rig, prng_u64(&prng));
            if (step == 5000) rig_time(rig, "2026-03-03T12:00:00");
        }
        assert_true(taken > 1500);
        rig_time(rig, "2026-03-04T06:00:00");
        rig_deliver(rig);
        rig_check(rig);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(test_fact),
        TEST(test_offer_at_a_closed_wallet),
        TEST(test_credit_at_a_closed_wallet),
        TEST(test_credit_at_a_frozen_wallet),
        TEST(test_offers_full),
        TEST(test_late_news),
        TEST(test_held),
        TEST(test_restored_after_the_end),
        TEST(test_spent_before_moved),
        TEST(test_recall_before_credit),
        TEST(test_recall_of_what_is_carried),
        TEST(test_holders_beyond_the_list),
        TEST(test_no_row_sends_home),
        TEST(test_recall_ends),
        TEST(test_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
