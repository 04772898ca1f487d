#include "common.pb-c.h"
#include "settlement.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/client/outcome.h"
#include "types/wire.h"

static void a_batch_is_read_without_unpacking(void **state)
{
    (void)state;
    Qingfen__V1__FieldError error = QINGFEN__V1__FIELD_ERROR__INIT;
    error.field = "fund_pay_sumamt";
    error.text = "parts are 5.00, total says 6.00";
    Qingfen__V1__FieldError *errors[] = {&error};
    Qingfen__V1__FieldError place = QINGFEN__V1__FIELD_ERROR__INIT; /* Of no field. */
    place.text = "an old record cannot be read: shard 0, entry 4";
    Qingfen__V1__FieldError *places[] = {&place};
    Qingfen__V1__Reply replies[3];
    Qingfen__V1__Reply *results[3];
    for (uint32_t i = 0; i < 3; i++) {
        qingfen__v1__reply__init(&replies[i]);
        replies[i].index = 2 - i; /* In any order. */
        results[i] = &replies[i];
    }
    replies[0].code = 2004;
    replies[0].text = "the parts do not add up";
    replies[0].n_errors = 1;
    replies[0].errors = errors;
    replies[1].dup = 1;
    replies[2].code = 6010;
    replies[2].text = "an old record cannot be read";
    replies[2].n_errors = 1;
    replies[2].errors = places;
    Qingfen__V1__SetlBatchReply reply = QINGFEN__V1__SETL_BATCH_REPLY__INIT;
    reply.accepted = 1;
    reply.duplicate = 1;
    reply.rejected = 2;
    reply.n_results = 3;
    reply.results = results;
    uint8_t bytes[512];
    const struct bytes packed = {bytes, qingfen__v1__setl_batch_reply__pack(&reply, bytes)};

    struct batch_outcome batch;
    struct outcome outcome;
    size_t position = 0;
    assert_true(batch_outcome_read(packed, &batch));
    assert_int_equal(batch.accepted + 10 * batch.duplicate + 100 * batch.rejected, 211);
    assert_int_equal(batch_outcome_next(&batch, &position, &outcome), 1);
    assert_int_equal(outcome.code, 2004);
    assert_int_equal(outcome.index, 2);
    char text[200];
    outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, outcome.reply, text, sizeof(text));
    assert_string_equal(
        text, "the parts do not add up; fund_pay_sumamt: parts are 5.00, total says 6.00");
    assert_int_equal(batch_outcome_next(&batch, &position, &outcome), 1);
    assert_true(outcome.dup);
    assert_int_equal(batch_outcome_next(&batch, &position, &outcome), 1);
    assert_int_equal(outcome.index, 0);
    outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, outcome.reply, text, sizeof(text));
    assert_string_equal(text, "an old record cannot be read: shard 0, entry 4");
    assert_int_equal(batch_outcome_next(&batch, &position, &outcome), 0);
}

/* The engine's texts name their field themselves, as a rule. */
static void a_field_is_named_once(void **state)
{
    (void)state;
    Qingfen__V1__FieldError list[2] = {QINGFEN__V1__FIELD_ERROR__INIT,
                                       QINGFEN__V1__FIELD_ERROR__INIT};
    Qingfen__V1__FieldError *errors[] = {&list[0], &list[1]};
    list[0].field = "med_type";
    list[0].text = "med_type: not a use the wallet pays for";
    list[1].field = "hifp_pay";
    list[1].text = "E2: hifp_pay is 5.00";
    Qingfen__V1__Reply reply = QINGFEN__V1__REPLY__INIT;
    reply.code = 3027;
    reply.text = "refused";
    reply.n_errors = 2;
    reply.errors = errors;
    uint8_t bytes[256];
    char text[200];
    const struct bytes packed = {bytes, qingfen__v1__reply__pack(&reply, bytes)};
    outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, packed, text, sizeof text);
    assert_string_equal(text, "refused; med_type: not a use the wallet pays for; "
                              "hifp_pay: E2: hifp_pay is 5.00");
}

static void damaged_replies_are_seen(void **state)
{
    (void)state;
    const uint8_t cut[] = {0x32, 0x05, 0x08};
    struct batch_outcome batch;
    struct outcome outcome;
    assert_false(batch_outcome_read((struct bytes){cut, sizeof(cut)}, &batch));
    assert_false(outcome_read((struct bytes){cut, sizeof(cut)}, &outcome));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_read_without_unpacking),
        cmocka_unit_test(a_field_is_named_once),
        cmocka_unit_test(damaged_replies_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
