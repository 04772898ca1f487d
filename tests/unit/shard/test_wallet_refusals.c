/* Messages of wallets that end before any rule is asked: too long, of another
 * sender, without the other person's fact, or no message at all. Nothing of them stays. */
#include "codec/messages.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "proto/wallet.pb-c.h"
#include "shard_internal.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"

#define PERSON "0123456789abcdef"
#define OTHER  "fedcba9876543210"
#define LONGER 4096 /* Bytes behind a message that is sound; more than one may have. */

static struct tables tables;
static struct params params;
static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    const struct rig_options options = {.tables = &tables, .params = &params};
    rig_load_tables(&tables);
    params_init(&params);
    assert_true(params_put(&params, &(struct rule_row){.param = PARAM_WALLET_ENABLED, .value = 1}));
    rig_open(&rig, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static struct wallet_order order(uint16_t type)
{
    return (struct wallet_order){.type = type, .msgid = bytes_of("M1")};
}

/* Gives bytes: they are refused with that code and such a sentence, and no entry was written. */
static void assert_refused(uint16_t type, uint16_t province, struct bytes body, uint16_t code,
                           const char *says)
{
    const struct rig_result got = rig_ask(&rig, type, province, body);
    assert_int_equal(got.result.code, code);
    Qingfen__V1__WalletReply *reply =
        qingfen__v1__wallet_reply__unpack(NULL, got.result.data_size, got.result.data);
    assert_non_null(reply);
    assert_int_equal(reply->n_errors, 1);
    if (strstr(reply->errors[0]->text, says) == NULL) fail_msg("said '%s'", reply->errors[0]->text);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    struct shard_status status;
    shard_get_status(rig.shard, &status);
    assert_int_equal(status.last_seq, 0);
}

static struct bytes encoded(const struct wallet_order *o)
{
    static uint8_t out[1024];
    return (struct bytes){out, wire_encode(wallet_table(o->type), o, out)};
}

/* What two shards must decide comes with the first one's fact; alone it is no message. */
static void without_the_other_ones_fact(void **state)
{
    (void)state;
    struct wallet_order submit = order(MESSAGE_TRSF_SUBMIT);
    submit.psn_key = bytes_of(PERSON);
    submit.other_key = bytes_of(OTHER);
    submit.client_no = bytes_of("C1");
    submit.src = 1;
    submit.amount = 100;
    assert_refused(submit.type, 0, encoded(&submit), ERROR_MALFORMED, "psn_key");
}

static void longer_than_a_message(void **state)
{
    (void)state;
    static uint8_t body[1024 + LONGER];
    struct wallet_order close = order(MESSAGE_WLT_CLOSE);
    close.psn_key = bytes_of(PERSON);
    const struct bytes sound = encoded(&close);
    memcpy(body, sound.data, sound.size);
    size_t size = sound.size;
    while (size < sound.size + LONGER) { /* An unknown field, 15, over and over. */
        body[size++] = 15 << 3;
        body[size++] = 1;
    }
    assert_refused(close.type, 0, (struct bytes){body, size}, ERROR_MALFORMED,
                   "bytes, allowed are 1024");
}

static void of_another_sender(void **state)
{
    (void)state;
    struct wallet_order grant = order(MESSAGE_PA_GRANT);
    grant.psn_key = bytes_of(PERSON);
    grant.insu_admdvs = 530100;
    grant.amount = 100;
    grant.which = 1;
    grant.sender_admdvs = 530000;
    assert_refused(grant.type, 51, encoded(&grant), ERROR_SENDER_NOT_ALLOWED, "sender_admdvs");
}

static void an_outbox_that_is_not_there_or_not_theirs(void **state)
{
    (void)state;
    struct wallet_order ack = order(MESSAGE_OUTBOX_ACK);
    ack.place = 990000;
    assert_refused(ack.type, 0, encoded(&ack), ERROR_AREA_UNKNOWN, "dest");
    ack.place = 51;
    assert_refused(ack.type, 31, encoded(&ack), ERROR_SENDER_NOT_ALLOWED, "dest");
}

/* What homes and shards say to each other is checked as well. */
static void no_message_between_shards(void **state)
{
    (void)state;
    struct wallet_order nobody = order(MESSAGE_TRSF_SUBMIT);
    struct wallet_order premium = order(MESSAGE_PREM_PAY);
    static uint8_t bytes[256];
    nobody.psn_key = premium.psn_key = bytes_of(PERSON);
    premium.other_key = bytes_of(OTHER);
    const struct bytes claim = {bytes, wire_encode(wallet_table(premium.type), &premium, bytes)};
    const struct request requests[] = {
        {.type = REQUEST_WALLET_FACT, .period = MESSAGE_TRSF_SUBMIT, .body = bytes_of("rubbish")},
        {.type = REQUEST_MAIL, .body = bytes_of("rubbish")},
        {.type = MESSAGE_TRSF_SUBMIT, .area = FACT_HERE, .body = bytes_of("rubbish")},
        {.type = MESSAGE_TRSF_SUBMIT, .area = FACT_HERE, .body = encoded(&nobody)},
        {.type = MESSAGE_PREM_PAY, .area = FACT_HERE, .body = claim}, /* That is made elsewhere. */
    };
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++) {
        rig_forget(&rig);
        assert_int_equal(rig_give(&rig, &requests[i], 1), 1);
        rig_settle(&rig);
        assert_int_equal(rig.result_count, 1);
        assert_int_equal(rig.results[0].result.code, ERROR_MALFORMED);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(without_the_other_ones_fact), TEST(longer_than_a_message),
        TEST(of_another_sender),           TEST(an_outbox_that_is_not_there_or_not_theirs),
        TEST(no_message_between_shards),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
