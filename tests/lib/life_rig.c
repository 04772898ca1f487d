#include "tests/lib/life_rig.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "proto/wallet.pb-c.h"
#include "tests/lib/unit.h"

struct rig life_rig;
uint32_t life_calls;

static struct tables tables;
static struct params params;

void life_clock(const char *text)
{
    rig_clock(&life_rig, shanghai_ms(text));
}

int life_set_up(void **state)
{
    (void)state;
    const struct rig_options options = {
        .tables = &tables, .params = &params, .delta_entries = 8192, .delta_bytes = 16u << 20};
    order_begin(&params);
    order_rule(&params, PARAM_WALLET_ENABLED, 440000, 0);
    order_rule(&params, PARAM_TRSF_MAX_EACH, 510000, 150000);
    order_rule(&params, PARAM_TRSF_MAX_EACH, SICHUAN, 120000);
    rig_load_tables(&tables);
    rig_open(&life_rig, &options);
    life_clock("2026-03-02T12:00:00");
    return 0;
}

int life_tear_down(void **state)
{
    (void)state;
    rig_close(&life_rig);
    return 0;
}

/* -- records ----------------------------------------------------------------------------------- */

struct settlement life_settlement(const struct visit *v)
{
    struct settlement s = {
        .msgid = bytes_of(order_number("M")),
        .setl_id = bytes_of(v->setl_id),
        .psn_key = bytes_of(v->person),
        .fixmedins_code = bytes_of(HOSPITAL),
        .insutype = 310,
        .insu_admdvs = SICHUAN,
        .mdtrtarea_admvs = SHANGHAI,
        .med_type = 21,
        .setl_time = shanghai_ms(v->time),
    };
    s.amounts[AMOUNT_MEDFEE] = v->fund + v->part;
    s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_HIFP] = v->fund;
    s.amounts[AMOUNT_PSN_PART] = v->part;
    s.amounts[AMOUNT_WLT] = v->wlt;
    s.amounts[AMOUNT_CASH] = v->part - v->wlt;
    s.amounts[AMOUNT_FULAMT_OWNPAY] = v->own;
    s.amounts[AMOUNT_INSCP_SCP] = v->fund + v->part - v->own;
    return s;
}

void life_post(const struct settlement *s)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct bytes message = {body, settlement_encode(s, body)};
    const struct rig_result got = rig_ask(&life_rig, MESSAGE_SETL_POST, 0, message);
    if (got.result.code != ERROR_OK) {
        fail_msg("%u, field %u", got.result.code, got.failures[0].field);
    }
}

void life_visit(const struct visit *v)
{
    const struct settlement s = life_settlement(v);
    life_post(&s);
}

void life_refund(const struct visit *v, const char *original)
{
    struct settlement s = life_settlement(v);
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = -s.amounts[i];
    s.refd_setl_flag = true;
    s.orig_setl_id = bytes_of(original);
    life_post(&s);
}

void life_correct(const struct settlement *s)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct correction correction = {.msgid = bytes_of(order_number("M")),
                                          .omsgid = s->msgid,
                                          .psn_key = s->psn_key,
                                          .sender_admdvs = SHANGHAI};
    const struct bytes message = {body, correction_encode(&correction, body)};
    assert_int_equal(rig_ask(&life_rig, MESSAGE_CORRECTION, 0, message).result.code, ERROR_OK);
}

void life_adjust(const char *adj_no, const char *setl_id, int64_t hifp)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    struct adjustment a = {.msgid = bytes_of(order_number("M")),
                           .adj_no = bytes_of(adj_no),
                           .setl_id = bytes_of(setl_id),
                           .psn_key = bytes_of(ANNA),
                           .insu_admdvs = SICHUAN,
                           .mdtrtarea_admvs = SHANGHAI,
                           .approved_by = SICHUAN,
                           .approval_no = bytes_of("OK")};
    a.amounts[AMOUNT_HIFP] = hifp;
    const struct bytes message = {body, rig_encode_adjustment(&a, body)};
    assert_int_equal(rig_ask(&life_rig, MESSAGE_SETL_ADJUST, 0, message).result.code, ERROR_OK);
}

/* -- wallets ----------------------------------------------------------------------------------- */

void life_pump(void)
{
    while (rig_mail(&life_rig, &life_rig))
        ;
}

const char *life_send(const struct wallet_order *o, uint16_t province)
{
    static char id[WALLET_ID_SIZE];
    uint8_t body[sizeof(struct wallet_fact) + 1024] = {0};
    uint8_t *message = body + sizeof(struct wallet_fact);
    const size_t size = order_encode(o, message);
    struct request request = {.type = o->type, .province = province, .body = {message, size}};
    if (wallet_asks_other(o->type)) {
        const struct request first = {
            .type = REQUEST_WALLET_FACT,
            .period = o->type,
            .body = o->type == MESSAGE_PREM_PAY ? (struct bytes){message, size} : o->other_key};
        rig_forget(&life_rig);
        rig_make_old(&life_rig);
        assert_int_equal(rig_give(&life_rig, &first, 1), 1);
        rig_settle(&life_rig);
        assert_int_equal(life_rig.results[0].result.data_size, sizeof(struct wallet_fact));
        memcpy(body, life_rig.results[0].result.data, sizeof(struct wallet_fact));
        request.area = sizeof(struct wallet_fact);
        request.body = (struct bytes){body, sizeof(struct wallet_fact) + size};
    }
    rig_forget(&life_rig);
    rig_make_old(&life_rig);
    assert_int_equal(rig_give(&life_rig, &request, 1), 1);
    rig_settle(&life_rig);
    Qingfen__V1__WalletReply *reply = qingfen__v1__wallet_reply__unpack(
        NULL, life_rig.results[0].result.data_size, life_rig.results[0].result.data);
    assert_non_null(reply);
    if (reply->code != ERROR_OK) fail_msg("%04x: %u %s", o->type, reply->code, reply->text);
    const char *const ids[] = {reply->trsf_id, reply->pay_id, reply->rev_id, reply->rlts_id,
                               reply->wlt_id};
    id[0] = '\0';
    for (int i = 4; i >= 0; i--)
        if (ids[i][0] != '\0') snprintf(id, sizeof id, "%s", ids[i]);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    life_pump();
    return id;
}

void life_open_wallet(const char *person, uint32_t area)
{
    const struct wallet_order o = order_open(bytes_of(person), area, SHANGHAI);
    life_send(&o, 0);
}

void life_transfer(const char *giver, int64_t amount, bool is_accepted)
{
    char trsf_id[WALLET_ID_SIZE];
    struct wallet_order o = order_submit(bytes_of(giver), bytes_of(ANNA), amount);
    snprintf(trsf_id, sizeof trsf_id, "%s", life_send(&o, 0));
    o = order_end(MESSAGE_TRSF_ACCEPT, bytes_of(ANNA), trsf_id);
    if (is_accepted) life_send(&o, 0);
}

void life_give(const char *giver, uint32_t area, int64_t amount)
{
    life_open_wallet(giver, area);
    struct wallet_order o = order_bind(bytes_of(giver), bytes_of(ANNA));
    life_send(&o, 0);
    o = order_grant(bytes_of(giver), area, 500000);
    life_send(&o, (uint16_t)(area / 10000));
    life_transfer(giver, amount, true);
}

void life_fill_wallet(void)
{
    life_open_wallet(ANNA, SICHUAN);
    life_give(BERT, YUNNAN, 100000);
}

void life_pay(const char *setl_id, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_WLT_PAY);
    o.psn_key = bytes_of(ANNA);
    o.setl_id = bytes_of(setl_id);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.mdtrtarea_admvs = SHANGHAI;
    o.use = 1;
    o.amount = amount;
    life_send(&o, 31);
}

void life_take_back(const char *setl_id, const char *number_of_it, int64_t amount)
{
    struct wallet_order o = order_new(MESSAGE_WLT_PAY_REVERSE);
    o.psn_key = bytes_of(ANNA);
    o.setl_id = bytes_of(setl_id);
    o.client_no = bytes_of(number_of_it);
    o.mdtrtarea_admvs = SHANGHAI;
    o.amount = amount;
    life_send(&o, 31);
}

/* -- questions --------------------------------------------------------------------------------- */

/* The shard as a whole answers the same, however often a reading fails before. */
static void ask_on_a_bad_disk(const struct request *request, struct bytes want)
{
    if (!life_rig.each_read_fails) return;
    rig_make_old(&life_rig);
    assert_int_equal(rig_give(&life_rig, request, 1), 1);
    rig_settle(&life_rig);
    assert_int_equal(life_rig.result_count, 1);
    assert_int_equal(life_rig.results[0].result.data_size, want.size);
    assert_memory_equal(life_rig.results[0].result.data, want.data, want.size);
    rig_forget(&life_rig);
}

/* Asks, and goes on with the cursor until there is a payload; *ret_size bytes of it, freed by the
 * caller. Nothing is settled: the moment stays what it is. */
static uint8_t *ask_bytes(uint16_t type, uint16_t province, struct bytes message, size_t *ret_size)
{
    uint8_t body[PERSON_CURSOR_MAX + 512];
    size_t cursor = 0;
    for (life_calls = 1;; life_calls++) {
        assert_in_range(message.size, 0, 512);
        memcpy(body + cursor, message.data, message.size);
        const struct request request = {.type = REQUEST_PERSON,
                                        .period = type,
                                        .area = (uint32_t)cursor,
                                        .province = province,
                                        .body = {body, cursor + message.size}};
        struct answer answer = {0};
        bool more;
        (void)person_answer(life_rig.shard, &request, life_rig.shard->stamp_ms, &answer, &more);
        assert_non_null(answer.data);
        if (!more) {
            ask_on_a_bad_disk(&request, (struct bytes){answer.data, answer.size});
            *ret_size = answer.size;
            return answer.data;
        }
        assert_in_range(answer.size, 1, PERSON_CURSOR_MAX);
        memcpy(body, answer.data, answer.size);
        cursor = answer.size;
        free(answer.data);
        assert_in_range(life_calls, 0, 1000);
    }
}

void *life_ask(uint16_t type, uint16_t province, const ProtobufCMessage *question,
               const ProtobufCMessageDescriptor *reply)
{
    uint8_t packed[512];
    size_t size;
    const struct bytes message = {packed, protobuf_c_message_pack(question, packed)};
    uint8_t *data = ask_bytes(type, province, message, &size);
    ProtobufCMessage *m = protobuf_c_message_unpack(reply, NULL, size, data);
    assert_non_null(m);
    free(data);
    return m;
}

ProtobufCBinaryData life_key(const char *person)
{
    return (ProtobufCBinaryData){PSN_KEY_SIZE, (uint8_t *)(uintptr_t)person};
}

char *life_text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

Qingfen__V1__StmtGetReply *life_statement(const char *person, const char *setl_id,
                                          uint16_t province)
{
    Qingfen__V1__StmtGet m = QINGFEN__V1__STMT_GET__INIT;
    m.psn_key = life_key(person);
    m.insu_admdvs = SICHUAN;
    m.setl_id = life_text(setl_id);
    return life_ask(MESSAGE_STMT_GET, province, &m.base, &qingfen__v1__stmt_get_reply__descriptor);
}

Qingfen__V1__WltQueryReply *life_wallet(const char *person, uint16_t province)
{
    Qingfen__V1__WltQuery m = QINGFEN__V1__WLT_QUERY__INIT;
    m.psn_key = life_key(person);
    return life_ask(MESSAGE_WLT_QUERY, province, &m.base,
                    &qingfen__v1__wlt_query_reply__descriptor);
}
