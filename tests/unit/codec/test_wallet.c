/* The messages of wallet, premium and pushes against protobuf-c's own descriptors, field by field;
 * damaged bytes; where each goes; answers. */
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wallet.h"
#include "codec/wallet_reply.h"
#include "proto/person.pb-c.h"
#include "proto/premium.pb-c.h"
#include "proto/wallet.pb-c.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "types/wire.h"

#define ROUNDS     400
#define BODY_MAX   4096
#define FIELDS_MAX 32

static struct prng prng = {23};

static const struct message {
    uint16_t type;
    const ProtobufCMessageDescriptor *form;
} messages[] = {
    {MESSAGE_WLT_OPEN, &qingfen__v1__wlt_open__descriptor},
    {MESSAGE_WLT_USE_LOC_CHG, &qingfen__v1__wlt_use_loc_chg__descriptor},
    {MESSAGE_WLT_CLOSE, &qingfen__v1__wlt_close__descriptor},
    {MESSAGE_WLT_FREEZE, &qingfen__v1__wlt_freeze__descriptor},
    {MESSAGE_WLT_UNFREEZE, &qingfen__v1__wlt_freeze__descriptor},
    {MESSAGE_RLTS_BIND, &qingfen__v1__rlts_bind__descriptor},
    {MESSAGE_RLTS_UNBIND, &qingfen__v1__rlts_unbind__descriptor},
    {MESSAGE_PSN_STATE_PUSH, &qingfen__v1__psn_state_push__descriptor},
    {MESSAGE_TRSF_SUBMIT, &qingfen__v1__trsf_submit__descriptor},
    {MESSAGE_TRSF_ACCEPT, &qingfen__v1__trsf_accept__descriptor},
    {MESSAGE_TRSF_DECLINE, &qingfen__v1__trsf_accept__descriptor},
    {MESSAGE_TRSF_VOID, &qingfen__v1__trsf_void__descriptor},
    {MESSAGE_PA_HOLD_ACK, &qingfen__v1__pa_hold_ack__descriptor},
    {MESSAGE_PA_GRANT, &qingfen__v1__pa_grant__descriptor},
    {MESSAGE_WLT_PAY_PRE, &qingfen__v1__wlt_pay_pre__descriptor},
    {MESSAGE_WLT_PAY, &qingfen__v1__wlt_pay__descriptor},
    {MESSAGE_WLT_PAY_REVERSE, &qingfen__v1__wlt_pay_reverse__descriptor},
    {MESSAGE_LMT_RECLAIM, &qingfen__v1__lmt_reclaim__descriptor},
    {MESSAGE_OUTBOX_GET, &qingfen__v1__outbox_get__descriptor},
    {MESSAGE_OUTBOX_ACK, &qingfen__v1__outbox_ack__descriptor},
    {MESSAGE_PREM_QUOTE, &qingfen__v1__prem_quote__descriptor},
    {MESSAGE_PREM_DUE, &qingfen__v1__prem_due__descriptor},
    {MESSAGE_PREM_PAY, &qingfen__v1__prem_pay__descriptor},
    {MESSAGE_PREM_REVERSE, &qingfen__v1__prem_reverse__descriptor},
    {MESSAGE_AUTH_SWITCH_PUSH, &qingfen__v1__auth_switch_push__descriptor},
    {MESSAGE_FILING_PUSH, &qingfen__v1__filing_push__descriptor},
    {MESSAGE_INST_DIR_PUSH, &qingfen__v1__inst_dir_push__descriptor},
    {MESSAGE_RULE_PUSH, &qingfen__v1__rule_push__descriptor},
};
#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])

/* -- a random message as protobuf-c has it --------------------------------------------------- */

static union {
    ProtobufCMessage base;
    uint8_t room[2048];
} generated;
static char texts[FIELDS_MAX][48];

static void fill_field(const ProtobufCFieldDescriptor *field, unsigned slot)
{
    void *member = generated.room + field->offset;
    const uint64_t value = prng_u64(&prng) >> prng_below(&prng, 64);
    const size_t size = 1 + prng_below(&prng, 30);
    for (size_t i = 0; i < size; i++)
        texts[slot][i] = (char)('a' + prng_below(&prng, 26));
    texts[slot][size] = '\0';
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        *(char **)member = texts[slot];
        return;
    case PROTOBUF_C_TYPE_BYTES:
        *(ProtobufCBinaryData *)member = (ProtobufCBinaryData){size, (uint8_t *)texts[slot]};
        return;
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)member = true;
        return;
    case PROTOBUF_C_TYPE_UINT32:
        *(uint32_t *)member = (uint32_t)value | 1;
        return;
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_UINT64:
        *(uint64_t *)member = value | 1;
        return;
    default:
        fail_msg("field %s has a type this test does not know", field->name);
    }
}

static size_t random_message(const struct message *message, uint8_t out[BODY_MAX])
{
    assert_in_range(message->form->sizeof_message, 1, sizeof generated.room);
    assert_in_range(message->form->n_fields, 1, FIELDS_MAX);
    message->form->message_init(&generated.base);
    for (unsigned i = 0; i < message->form->n_fields; i++)
        fill_field(&message->form->fields[i], i);
    return protobuf_c_message_pack(&generated.base, out);
}

static const struct wallet_field *field_of(uint16_t type, uint32_t number)
{
    const struct wallet_field *field = wallet_fields(type);
    while (field->number != 0 && field->number != number)
        field++;
    return field->number == 0 ? NULL : field;
}

static void assert_field(const struct wallet_order *order, const ProtobufCFieldDescriptor *field)
{
    const struct wallet_field *ours = field_of(order->type, field->id);
    assert_non_null(ours);
    assert_string_equal(ours->name, field->name);
    assert_string_equal(message_field_name(order->type, field->id), field->name);
    const void *got = (const uint8_t *)order + ours->offset;
    const void *want = generated.room + field->offset;
    switch (field->type) {
    case PROTOBUF_C_TYPE_STRING:
        assert_true(bytes_equal(*(const struct bytes *)got, bytes_of(*(char *const *)want)));
        return;
    case PROTOBUF_C_TYPE_BYTES: {
        const ProtobufCBinaryData *data = want;
        assert_true(bytes_equal(*(const struct bytes *)got, (struct bytes){data->data, data->len}));
        return;
    }
    case PROTOBUF_C_TYPE_BOOL:
        assert_true(*(const bool *)got);
        return;
    case PROTOBUF_C_TYPE_UINT32:
        assert_int_equal(*(const uint32_t *)got, *(const uint32_t *)want);
        return;
    default:
        assert_true(*(const uint64_t *)got == *(const uint64_t *)want);
    }
}

/* -- messages -------------------------------------------------------------------------------- */

static void every_field_arrives_in_its_member(void **state)
{
    static uint8_t body[BODY_MAX];
    (void)state;
    for (size_t m = 0; m < MESSAGE_COUNT; m++) {
        for (int round = 0; round < ROUNDS; round++) {
            struct wallet_order order;
            uint32_t field;
            const size_t size = random_message(&messages[m], body);
            assert_true(
                wallet_order_decode(messages[m].type, (struct bytes){body, size}, &order, &field));
            assert_int_equal(order.type, messages[m].type);
            for (unsigned i = 0; i < messages[m].form->n_fields; i++)
                assert_field(&order, &messages[m].form->fields[i]);
        }
    }
}

/* Two fields in one member would overwrite each other; a member's number leads back to it. */
static void no_two_fields_share_a_member(void **state)
{
    (void)state;
    for (size_t m = 0; m < MESSAGE_COUNT; m++) {
        const struct wallet_field *fields = wallet_fields(messages[m].type);
        unsigned count = 0;
        for (; fields[count].number != 0; count++)
            assert_int_equal(wallet_field(messages[m].type, fields[count].offset),
                             fields[count].number);
        assert_int_equal(count, messages[m].form->n_fields);
    }
    assert_int_equal(WALLET_FIELD(MESSAGE_TRSF_SUBMIT, amount), 21);
    assert_int_equal(WALLET_FIELD(MESSAGE_TRSF_SUBMIT, order_no), 0);
    assert_int_equal(WALLET_FIELD(MESSAGE_SETL_POST, amount), 0);
}

/* Fields whose member has another name: the judges read them there. */
static void members_are_those_the_judges_read(void **state)
{
#define M(type, number, member)                                       \
    {                                                                 \
        MESSAGE_##type, number, offsetof(struct wallet_order, member) \
    }
    static const struct {
        uint16_t type;
        uint32_t number;
        size_t offset;
    } rows[] = {
        M(WLT_OPEN, 11, other_key),
        M(WLT_OPEN, 12, rlts_code),
        M(WLT_CLOSE, 3, client_no),
        M(WLT_FREEZE, 3, client_no),
        M(RLTS_BIND, 4, psn_key),
        M(RLTS_BIND, 11, other_key),
        M(RLTS_BIND, 9, auth_kind),
        M(RLTS_BIND, 15, flag),
        M(RLTS_BIND, 16, flag2),
        M(PSN_STATE_PUSH, 18, use),
        M(PSN_STATE_PUSH, 19, from),
        M(PSN_STATE_PUSH, 20, which),
        M(TRSF_SUBMIT, 2, wlt_id),
        M(TRSF_SUBMIT, 4, psn_key),
        M(TRSF_ACCEPT, 11, other_key),
        M(TRSF_VOID, 3, client_no),
        M(PA_HOLD_ACK, 2, trsf_id),
        M(PA_HOLD_ACK, 21, amount),
        M(PA_HOLD_ACK, 22, amount2),
        M(PA_GRANT, 20, which),
        M(WLT_PAY, 21, amount),
        M(WLT_PAY, 22, amount2),
        M(WLT_PAY, 25, amount3),
        M(WLT_PAY_REVERSE, 8, client_no),
        M(OUTBOX_GET, 1, place),
        M(OUTBOX_GET, 2, position),
        M(OUTBOX_GET, 3, ask),
        M(OUTBOX_ACK, 3, position),
        M(PREM_PAY, 4, psn_key),
        M(PREM_PAY, 11, other_key),
        M(PREM_PAY, 15, flag),
        M(PREM_REVERSE, 3, client_no),
        M(AUTH_SWITCH_PUSH, 20, which),
        M(AUTH_SWITCH_PUSH, 27, eff_ms),
        M(FILING_PUSH, 3, name),
        M(FILING_PUSH, 7, place),
        M(FILING_PUSH, 24, use),
        M(INST_DIR_PUSH, 2, name),
        M(INST_DIR_PUSH, 7, place),
        M(INST_DIR_PUSH, 20, which),
        M(INST_DIR_PUSH, 28, level_wallet),
        M(RULE_PUSH, 2, name),
        M(RULE_PUSH, 3, value),
        M(RULE_PUSH, 7, place),
        M(RULE_PUSH, 27, eff_ms),
    };
#undef M
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(wallet_field(rows[i].type, rows[i].offset), rows[i].number);
}

static void every_wallet_type_is_known_and_no_other(void **state)
{
    (void)state;
    unsigned count = 0;
    for (uint32_t type = 0; type <= 0xffff; type++)
        count += wallet_type((uint16_t)type);
    assert_int_equal(count, MESSAGE_COUNT);
    for (size_t m = 0; m < MESSAGE_COUNT; m++)
        assert_true(wallet_type(messages[m].type));
    assert_true(person_type(MESSAGE_OUTBOX_GET));
    assert_true(person_type(MESSAGE_STMT_GET));
    assert_false(person_type(MESSAGE_SETTLEMENT_GET));
    assert_false(person_type(MESSAGE_RULE_PUSH));
}

static void damaged_bytes_crash_nothing(void **state)
{
    static uint8_t body[BODY_MAX];
    (void)state;
    for (size_t m = 0; m < MESSAGE_COUNT; m++) {
        for (int round = 0; round < ROUNDS; round++) {
            struct wallet_order order;
            struct wallet_route route;
            uint32_t field;
            size_t size = random_message(&messages[m], body);
            if (prng_chance(&prng, 500)) size = prng_below(&prng, size + 1);
            for (uint64_t i = prng_below(&prng, 4); i != 0 && size != 0; i--)
                body[prng_below(&prng, size)] = (uint8_t)prng_u64(&prng);
            uint8_t *exact = malloc(size + (size == 0)); /* Ends where the message does. */
            assert_non_null(exact);
            memcpy(exact, body, size);
            const struct bytes view = {exact, size};
            wallet_route(messages[m].type, view, &route);
            assert_in_range(route.way, WAY_ONE, WAY_NOWHERE);
            if (wallet_order_decode(messages[m].type, view, &order, &field)) {
                assert_true(wallet_order_same(messages[m].type, view, view));
            } else {
                assert_int_equal(route.way, WAY_NOWHERE);
                assert_false(wallet_order_same(messages[m].type, view, view));
            }
            free(exact);
        }
    }
}

static void transport_is_no_content(void **state)
{
    static uint8_t bodies[2][BODY_MAX];
    size_t sizes[2];
    Qingfen__V1__TrsfSubmit submit = QINGFEN__V1__TRSF_SUBMIT__INIT;
    (void)state;
    submit.msgid = "M1";
    submit.client_no = "C1";
    submit.trsf_amt = 500;
    sizes[0] = qingfen__v1__trsf_submit__pack(&submit, bodies[0]);
    submit.msgid = "M2";
    submit.sender_admdvs = 340000;
    submit.inf_time = 77;
    sizes[1] = qingfen__v1__trsf_submit__pack(&submit, bodies[1]);
    assert_true(wallet_order_same(MESSAGE_TRSF_SUBMIT, (struct bytes){bodies[0], sizes[0]},
                                  (struct bytes){bodies[1], sizes[1]}));
    submit.trsf_amt = 501;
    sizes[1] = qingfen__v1__trsf_submit__pack(&submit, bodies[1]);
    assert_false(wallet_order_same(MESSAGE_TRSF_SUBMIT, (struct bytes){bodies[0], sizes[0]},
                                   (struct bytes){bodies[1], sizes[1]}));
}

/* -- ways ------------------------------------------------------------------------------------ */

static const uint8_t anna[PSN_KEY_SIZE] = {0x12, 0x34, 0x56, 0x78, 9};
static const uint8_t bert[PSN_KEY_SIZE] = {0xaa, 0xbb, 0xcc, 0xdd, 9};
#define ANNA ((ProtobufCBinaryData){PSN_KEY_SIZE, (uint8_t *)anna})
#define BERT ((ProtobufCBinaryData){PSN_KEY_SIZE, (uint8_t *)bert})

static struct wallet_route route_of(uint16_t type, const ProtobufCMessage *message)
{
    static uint8_t body[BODY_MAX];
    struct wallet_route route;
    const size_t size = protobuf_c_message_pack(message, body);
    wallet_route(type, (struct bytes){body, size}, &route);
    return route;
}

static void a_submit_asks_the_receiver_first(void **state)
{
    Qingfen__V1__TrsfSubmit submit = QINGFEN__V1__TRSF_SUBMIT__INIT;
    (void)state;
    submit.msgid = "M1";
    submit.giver_psn_key = ANNA;
    submit.recv_psn_key = BERT;
    struct wallet_route route = route_of(MESSAGE_TRSF_SUBMIT, &submit.base);
    assert_int_equal(route.way, WAY_TWO);
    assert_memory_equal(route.first, anna, 4);
    assert_memory_equal(route.other, bert, 4);

    submit.recv_psn_key.len = 15; /* Nobody: the giver's shard will say so. */
    route = route_of(MESSAGE_TRSF_SUBMIT, &submit.base);
    assert_int_equal(route.way, WAY_ONE);
    submit.giver_psn_key.len = 0;
    route = route_of(MESSAGE_TRSF_SUBMIT, &submit.base);
    assert_int_equal(route.way, WAY_NOWHERE);
    assert_int_equal(route.msgid.size, 2);
}

static void an_id_leads_where_its_person_is(void **state)
{
    Qingfen__V1__TrsfAccept accept = QINGFEN__V1__TRSF_ACCEPT__INIT;
    (void)state;
    accept.trsf_id = "T123456780123456789abcdef";
    accept.recv_psn_key = BERT;
    struct wallet_route route = route_of(MESSAGE_TRSF_ACCEPT, &accept.base);
    assert_int_equal(route.way, WAY_TWO);
    assert_memory_equal(route.first, anna, 4);
    assert_memory_equal(route.other, bert, 4);
    route = route_of(MESSAGE_TRSF_DECLINE, &accept.base);
    assert_int_equal(route.way, WAY_ONE);
    assert_memory_equal(route.first, anna, 4);

    accept.trsf_id = "T123456780123456789abcdeF";
    assert_int_equal(route_of(MESSAGE_TRSF_DECLINE, &accept.base).way, WAY_NOWHERE);
}

static void the_rest_of_the_ways(void **state)
{
    Qingfen__V1__RulePush rule = QINGFEN__V1__RULE_PUSH__INIT;
    Qingfen__V1__OutboxGet get = QINGFEN__V1__OUTBOX_GET__INIT;
    Qingfen__V1__StmtGet statement = QINGFEN__V1__STMT_GET__INIT;
    Qingfen__V1__RegionQuery region = QINGFEN__V1__REGION_QUERY__INIT;
    (void)state;
    assert_int_equal(route_of(MESSAGE_RULE_PUSH, &rule.base).way, WAY_EVERYWHERE);
    assert_int_equal(route_of(MESSAGE_OUTBOX_GET, &get.base).way, WAY_OUTBOX);
    assert_int_equal(route_of(MESSAGE_OUTBOX_GET, &get.base).dest, OUTBOX_APP);
    get.dest = 34;
    assert_int_equal(outbox_code(route_of(MESSAGE_OUTBOX_GET, &get.base).dest), 34);
    get.dest = 99;
    assert_int_equal(route_of(MESSAGE_OUTBOX_GET, &get.base).way, WAY_NOWHERE);
    statement.setl_id = "S1";
    assert_int_equal(route_of(MESSAGE_STMT_GET, &statement.base).way, WAY_EVERYWHERE);
    statement.psn_key = BERT;
    assert_int_equal(route_of(MESSAGE_STMT_GET, &statement.base).way, WAY_ONE);
    assert_int_equal(route_of(MESSAGE_REGION_QUERY, &region.base).way, WAY_NOWHERE);
}

/* -- answers --------------------------------------------------------------------------------- */

static Qingfen__V1__WalletReply *reply_back(const struct wallet_reply *reply)
{
    size_t size;
    uint8_t *payload = wallet_reply_encode(reply, &size);
    assert_non_null(payload);
    Qingfen__V1__WalletReply *back = qingfen__v1__wallet_reply__unpack(NULL, size, payload);
    assert_non_null(back);
    free(payload);
    return back;
}

static void a_payment_is_answered_with_its_lots(void **state)
{
    static struct lot used[PAY_LOTS_MAX];
    struct wallet_said said = {
        .id = "P123456780123456789abcdef",
        .stas = STAS_DONE,
        .order_no = "ORDER",
        .amount = INT64_C(9999999999999),
        .balc = -7,
        .exp_ms = INT64_C(4102416000000),
        .number = 3,
        .year = 2026,
        .lot_count = PAY_LOTS_MAX,
        .period = 202603,
    };
    (void)state;
    for (int i = 0; i < PAY_LOTS_MAX; i++)
        used[i] = (struct lot){.origin_admdvs = 999999, .amount = INT64_MIN + i};
    const struct wallet_reply reply = {
        .type = MESSAGE_WLT_PAY,
        .dup = true,
        .msgid = bytes_of("M12345678901234567890123456789"),
        .seq = UINT64_MAX,
        .stamp_ms = INT64_MAX,
        .shard = 63,
        .said = &said,
        .used = used,
        .used_count = PAY_LOTS_MAX,
    };
    Qingfen__V1__WalletReply *back = reply_back(&reply);
    assert_int_equal(back->code, 0);
    assert_true(back->dup);
    assert_true(back->engine_seq == UINT64_MAX);
    assert_true(back->posted_at == INT64_MAX);
    assert_int_equal(back->shard, 63);
    assert_string_equal(back->msgid, "M12345678901234567890123456789");
    assert_string_equal(back->stas, "DONE");
    assert_string_equal(back->pay_id, said.id);
    assert_string_equal(back->rev_id, "");
    assert_string_equal(back->order_no, "ORDER");
    assert_true(back->amt == said.amount);
    assert_true(back->balc == -7);
    assert_true(back->exp_at == said.exp_ms);
    assert_int_equal(back->chg_no, 3);
    assert_int_equal(back->year, 2026);
    assert_int_equal(back->clr_period, 202603);
    assert_int_equal(back->n_lots, PAY_LOTS_MAX);
    for (int i = 0; i < PAY_LOTS_MAX; i++) {
        assert_int_equal(back->lots[i]->admdvs, 999999);
        assert_true(back->lots[i]->amt == INT64_MIN + i);
    }
    qingfen__v1__wallet_reply__free_unpacked(back, NULL);
}

static void ids_go_by_their_letter(void **state)
{
    static const char letters[] = "WRTPVS";
    (void)state;
    for (int i = 0; letters[i] != '\0'; i++) {
        struct wallet_said said = {.id = "?123456780123456789abcdef"};
        said.id[0] = letters[i];
        const struct wallet_reply reply = {.type = MESSAGE_WLT_PAY, .said = &said};
        Qingfen__V1__WalletReply *back = reply_back(&reply);
        const char *const ids[] = {back->wlt_id, back->rlts_id, back->trsf_id,
                                   back->pay_id, back->rev_id,  back->reserve_id};
        for (int k = 0; k < 6; k++)
            assert_string_equal(ids[k], k == i ? said.id : "");
        qingfen__v1__wallet_reply__free_unpacked(back, NULL);
    }
}

static void a_refusal_names_its_fields(void **state)
{
    struct failure list[FAILURES_MAX];
    (void)state;
    for (int i = 0; i < FAILURES_MAX; i++)
        list[i] = (struct failure){.code = ERROR_TRANSFER_AMOUNT,
                                   .field = 21,
                                   .check = CHECK_RANGE,
                                   .got = 300000,
                                   .want = 200000};
    const struct wallet_reply reply = {
        .type = MESSAGE_TRSF_SUBMIT,
        .code = ERROR_TRANSFER_AMOUNT,
        .failures = list,
        .failure_count = FAILURES_MAX,
    };
    Qingfen__V1__WalletReply *back = reply_back(&reply);
    assert_int_equal(back->code, 3012);
    assert_string_equal(back->text, error_text(3012));
    assert_int_equal(back->n_errors, FAILURES_MAX);
    assert_string_equal(back->errors[0]->field, "trsf_amt");
    assert_string_equal(back->errors[0]->text, "trsf_amt is 3000.00, the bound is 2000.00");
    assert_string_equal(back->stas, "");
    qingfen__v1__wallet_reply__free_unpacked(back, NULL);
}

static Qingfen__V1__OutboxGetReply *outbox_back(const struct outgoing *list, uint32_t count)
{
    size_t size;
    uint8_t *payload = outbox_reply_encode(3, 9, list, count, &size);
    assert_non_null(payload);
    Qingfen__V1__OutboxGetReply *back = qingfen__v1__outbox_get_reply__unpack(NULL, size, payload);
    assert_non_null(back);
    free(payload);
    return back;
}

static void outgoing_messages_say_everything(void **state)
{
    struct outgoing list[2];
    (void)state;
    memset(list, 0xff, sizeof list); /* Every number as long as it gets. */
    list[0] = (struct outgoing){
        .type = OUT_PA_CONSUME,
        .dest = 3,
        .position = 4,
        .at_ms = 5,
        .id = "P123456780123456789abcdef-2",
        .ref = "ORDER-7",
        .psn_key = {{1, 2}},
        .amount = -6,
        .exp_ms = 7,
        .why = 8,
        .admdvs = 340100,
        .insutype = 310,
        .year = 2026,
        .period = 202604,
        .line = 5,
    };
    Qingfen__V1__OutboxGetReply *back = outbox_back(list, 2);
    assert_int_equal(back->acked, 3);
    assert_int_equal(back->last, 9);
    assert_int_equal(back->n_messages, 2);
    const Qingfen__V1__Outgoing *o = back->messages[0];
    assert_int_equal(o->position, 4);
    assert_int_equal(o->type, OUT_PA_CONSUME);
    assert_string_equal(o->msg_id, list[0].id);
    assert_string_equal(o->pay_id, "P123456780123456789abcdef");
    assert_string_equal(o->hold_id, "");
    assert_string_equal(o->order_no, "ORDER-7");
    assert_int_equal(o->psn_key.len, PSN_KEY_SIZE);
    assert_int_equal(o->at, 5);
    assert_int_equal(o->amt, -6);
    assert_int_equal(o->exp_at, 7);
    assert_int_equal(o->why, 8);
    assert_int_equal(o->admdvs, 340100);
    assert_int_equal(o->insutype, 310);
    assert_int_equal(o->year, 2026);
    assert_int_equal(o->clr_period, 202604);
    assert_int_equal(o->line, 5);
    assert_int_equal(strlen(back->messages[1]->msg_id), CLIENT_NO_SIZE);
    qingfen__v1__outbox_get_reply__free_unpacked(back, NULL);

    list[0] = (struct outgoing){.type = OUT_PA_RELEASE,
                                .id = "T123456780123456789abcdef-1",
                                .ref = "R123456780123456789abcdef"};
    back = outbox_back(list, 1);
    assert_string_equal(back->messages[0]->hold_id, "T123456780123456789abcdef");
    assert_string_equal(back->messages[0]->order_no, "");
    assert_int_equal(back->messages[0]->psn_key.len, 0);
    qingfen__v1__outbox_get_reply__free_unpacked(back, NULL);

    /* What a reversal gave back says which one it was. */
    list[0] = (struct outgoing){.type = OUT_PA_CONSUME,
                                .id = "C123456780123456789abcdef",
                                .ref = "V123456780123456789abcdef"};
    back = outbox_back(list, 1);
    assert_string_equal(back->messages[0]->pay_id, "V123456780123456789abcdef");
    assert_string_equal(back->messages[0]->hold_id, "");
    qingfen__v1__outbox_get_reply__free_unpacked(back, NULL);
}

/* What provinces read as `why` is told by two enums here; the wire has one list of both. */
static void why_is_one_list(void **state)
{
    (void)state;
    assert_int_equal(QINGFEN__V1__WHY__WHY_DECLINED, STAS_DECLINED);
    assert_int_equal(QINGFEN__V1__WHY__WHY_EXPIRED, STAS_EXPIRED);
    assert_int_equal(QINGFEN__V1__WHY__WHY_VOIDED, STAS_VOIDED);
    assert_int_equal(QINGFEN__V1__WHY__WHY_REFUSED, STAS_REFUSED);
    assert_int_equal(QINGFEN__V1__WHY__WHY_SPENT, HELD_SPENT);
    assert_int_equal(QINGFEN__V1__WHY__WHY_RESTORED, HELD_RESTORED);
    assert_int_equal(QINGFEN__V1__WHY__WHY_RELEASED, HELD_RELEASED);
    assert_int_equal(QINGFEN__V1__WHY__WHY_RETURNED_SPENT, HELD_RETURNED_SPENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_arrives_in_its_member),
        cmocka_unit_test(no_two_fields_share_a_member),
        cmocka_unit_test(members_are_those_the_judges_read),
        cmocka_unit_test(every_wallet_type_is_known_and_no_other),
        cmocka_unit_test(damaged_bytes_crash_nothing),
        cmocka_unit_test(transport_is_no_content),
        cmocka_unit_test(a_submit_asks_the_receiver_first),
        cmocka_unit_test(an_id_leads_where_its_person_is),
        cmocka_unit_test(the_rest_of_the_ways),
        cmocka_unit_test(a_payment_is_answered_with_its_lots),
        cmocka_unit_test(ids_go_by_their_letter),
        cmocka_unit_test(a_refusal_names_its_fields),
        cmocka_unit_test(outgoing_messages_say_everything),
        cmocka_unit_test(why_is_one_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
