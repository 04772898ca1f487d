/* What is known of areas and institutions stands in every shard: pushes reach them all, also after
 * a crash between two, and the next payment is judged by them. */
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "tests/lib/story_rig.h"
#include "tests/lib/unit.h"

/* A push that a crash left between two shards is completed by the same one, after its beginning. */
static void pushes_are_completed(void **state)
{
    uint8_t body[sizeof(struct wallet_fact) + 256];
    const struct wallet_fact decided = {.decided = 1};
    struct wallet_order o = order_new(MESSAGE_RULE_PUSH);
    (void)state;
    o.name = bytes_of("wallet_enabled");
    o.value = bytes_of("off");
    o.place = 510000;
    o.eff_ms = shanghai_ms("2026-03-05T00:00:00");
    memcpy(body, &decided, sizeof decided);
    const size_t size = wire_encode(wallet_table(o.type), &o, body + sizeof decided);
    struct request first = {.type = o.type, .body = {body + sizeof decided, size}};
    struct request then = {
        .type = o.type, .area = sizeof decided, .body = {body, sizeof decided + size}};
    assert_int_equal(story_give(&story_rigs[0], first).result.code, ERROR_OK);
    story_clock("2026-03-06T12:00:00");
    assert_int_equal(story_give(&story_rigs[1], first).result.code, ERROR_RULE_INVALID);
    const struct rig_result again = story_give(&story_rigs[0], first);
    assert_int_equal(again.result.code, ERROR_OK);
    assert_true(again.result.dup);
    for (int i = 0; i < 2; i++) {
        const struct rig_result got = story_give(&story_rigs[1], then);
        assert_int_equal(got.result.code, ERROR_OK);
        assert_int_equal(got.result.dup, i != 0);
    }
    assert_int_equal(story_open_wallet(RECEIVER, SICHUAN, SICHUAN).code, ERROR_AREA_NOT_ENABLED);
    story_replay();
}

static void rules_and_institutions(void **state)
{
    (void)state;
    uint8_t body[256];
    story_fill();
    struct wallet_order o = order_new(MESSAGE_RULE_PUSH);
    o.name = bytes_of("institution_check");
    o.value = bytes_of("on");
    o.place = 510000;
    o.eff_ms = shanghai_ms("2026-03-05T00:00:00");
    struct request request = {.type = o.type,
                              .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(story_give(&story_rigs[i], request).result.code, ERROR_OK);
    story_done(story_pay(RECEIVER, "S1", 1000));
    story_clock("2026-03-05T12:00:00");
    assert_int_equal(story_pay(RECEIVER, "S2", 1000).code, ERROR_INSTITUTION_WALLET);

    o = order_new(MESSAGE_INST_DIR_PUSH);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.name = bytes_of("Hospital");
    o.place = SICHUAN;
    o.which = 1;
    o.level_wallet = 1;
    o.level_outpatient = 1;
    request = (struct request){.type = o.type,
                               .province = 51,
                               .body = {body, wire_encode(wallet_table(o.type), &o, body)}};
    for (int i = 0; i < SHARDS; i++)
        assert_int_equal(story_give(&story_rigs[i], request).result.code, ERROR_OK);
    story_done(story_pay(RECEIVER, "S3", 1000));
    o.msgid = bytes_of("PUSH-AGAIN"); /* The answer borrows no number from who was there before. */
    request.body.size = wire_encode(wallet_table(o.type), &o, body);
    for (int i = 0; i < SHARDS; i++) {
        const struct rig_result again = story_give(&story_rigs[i], request);
        assert_true(again.result.dup);
        assert_int_equal(again.result.seq, 0);
    }
    story_replay();
    for (int i = 0; i < SHARDS; i++) { /* And from the store. */
        rig_checkpoint(&story_rigs[i]);
        rig_settle(&story_rigs[i]);
        rig_crash(&story_rigs[i], true);
    }
    story_done(story_pay(RECEIVER, "S4", 1000));
    struct wallet_order elsewhere = story_pay_order(RECEIVER, "S5", 1000);
    elsewhere.fixmedins_code = bytes_of("H51010000009");
    assert_int_equal(story_send(RECEIVER, &elsewhere, 51).code, ERROR_INSTITUTION_WALLET);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, story_set_up, story_tear_down)
    const struct CMUnitTest tests[] = {
        T(pushes_are_completed),
        T(rules_and_institutions),
    };
#undef T
    return cmocka_run_group_tests(tests, NULL, NULL);
}
