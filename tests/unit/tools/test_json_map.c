#include <stdio.h>
#include <stdlib.h>

#include "centre.pb-c.h"
#include "cycle.pb-c.h"
#include "settlement.pb-c.h"
#include "tests/lib/unit.h"
#include "tools/client/json_map.h"
#include "types/wire.h"

static bool fake_key(void *context, struct bytes psn_no, uint8_t ret_psn_key[PSN_KEY_SIZE])
{
    (void)context;
    memset(ret_psn_key, (int)psn_no.size, PSN_KEY_SIZE);
    return true;
}

static ProtobufCMessage *read_text(struct json_map *map, const char *type, const char *text)
{
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    map->psn_key = fake_key;
    ProtobufCMessage *message = json_map_read(map, json_message_find(type)->request, json);
    json_decref(json);
    return message;
}

static char *write_text(const ProtobufCMessage *message)
{
    json_t *json = json_map_write(message);
    char *text = json_dumps(json, JSON_COMPACT);
    json_decref(json);
    return text;
}

static void messages_have_names_and_numbers(void **state)
{
    (void)state;
    assert_int_equal(json_message_find("setlpost")->type, MESSAGE_SETL_POST);
    assert_int_equal(json_message_find("0x0101")->type, MESSAGE_SETL_POST);
    assert_int_equal(json_message_find("257")->type, MESSAGE_SETL_POST);
    assert_null(json_message_find("SetlPos"));
    assert_null(json_message_find("0x0199"));
    assert_null(json_message_find(""));
}

static void what_is_read_is_written_back(void **state)
{
    (void)state;
    struct json_map map = {0};
    ProtobufCMessage *message = read_text(
        &map, "SetlBatch",
        "{\"records\":[{\"setl_id\":\"S1\",\"psn_key\":\"000102030405060708090a0b0c0d0e0F\","
        "\"insu_admdvs\":340100,\"setl_time\":\"2025-03-01 08:00:00\",\"medfee_sumamt\":-12345,"
        "\"refd_setl_flag\":true,\"clr_amt\":0},{\"psn_no\":\"abc\"}],\"cnt\":2}");
    assert_non_null(message);

    /* Over the wire and back. */
    uint8_t bytes[1024];
    const size_t size = protobuf_c_message_pack(message, bytes);
    protobuf_c_message_free_unpacked(message, NULL);
    Qingfen__V1__SetlBatch *batch = qingfen__v1__setl_batch__unpack(NULL, size, bytes);
    assert_non_null(batch);
    assert_int_equal(batch->n_records, 2);
    assert_int_equal(batch->records[0]->medfee_sumamt, -12345);
    assert_int_equal(batch->records[0]->setl_time, 1740787200000);
    assert_int_equal(batch->records[0]->clr_amt_check_case,
                     QINGFEN__V1__SETL_POST__CLR_AMT_CHECK_CLR_AMT);
    assert_int_equal(batch->records[1]->clr_amt_check_case, 0);
    assert_int_equal(batch->records[1]->psn_key.len, PSN_KEY_SIZE);
    assert_int_equal(batch->records[1]->psn_key.data[0], 3);

    char *once = write_text(&batch->base);
    qingfen__v1__setl_batch__free_unpacked(batch, NULL);
    assert_non_null(strstr(once, "\"psn_key\":\"000102030405060708090a0b0c0d0e0f\""));
    assert_non_null(strstr(once, "\"clr_amt\":0"));
    assert_non_null(strstr(once, "\"cnt\":2"));
    assert_null(strstr(once, "\"sum_amt\"")); /* It was not sent. */
    ProtobufCMessage *again = read_text(&map, "SetlBatch", once);
    assert_non_null(again);
    char *twice = write_text(again);
    protobuf_c_message_free_unpacked(again, NULL);
    assert_string_equal(once, twice);
    free(once);
    free(twice);
}

static void what_cannot_be_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        const char *text;
        const char *wrong;
    } lines[] = {
        {"SetlPost", "{\"medfee_sumamt\":1.5}",
         "medfee_sumamt: should be an integer, not a decimal"},
        {"SetlPost", "{\"medfee_sumamt\":1.0}",
         "medfee_sumamt: should be an integer, not a decimal"},
        {"SetlPost", "{\"medfee_sumamt\":\"1\"}", "medfee_sumamt: should be an integer"},
        {"SetlPost", "{\"medfee_sum\":1}", "medfee_sum: SetlPost has no such field"},
        {"SetlPost", "{\"insu_admdvs\":-1}", "insu_admdvs: -1 is out of range 0..4294967295"},
        {"SetlPost", "{\"insu_admdvs\":4294967296}", "insu_admdvs: 4294967296 is out of range"},
        {"SetlPost", "{\"psn_key\":\"00\"}", "psn_key: should be 32 hex digits"},
        {"SetlPost", "{\"detail_digest\":\"0g\"}", "detail_digest: should be a string of hex"},
        {"SetlPost", "{\"setl_time\":\"2025-02-30 00:00:00\"}", "setl_time: not a time"},
        {"SetlPost", "{\"setl_id\":7}", "setl_id: should be a string"},
        {"SetlPost", "{\"setl_id\":\"a\\u0000b\"}", "setl_id: a string cannot hold a zero byte"},
        {"SetlPost", "{\"refd_setl_flag\":1}", "refd_setl_flag: should be true or false"},
        {"SetlPost", "{\"psn_no\":\"\"}", "psn_no: is empty"},
        {"PeriodCut", "{\"psn_no\":\"1\"}", "psn_no: PeriodCut has no such field"},
        {"SetlBatch", "{\"records\":{}}", "records: should be an array"},
        {"SetlBatch", "{\"records\":[{},{\"x\":1}]}", "records[1].x: SetlPost has no such field"},
        {"SetlBatch", "{\"records\":[7]}", "records[0]: should be an object"},
        {"StatusGet", "[]", "the message should be a JSON object"},
    };
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct json_map map = {0};
        json_t *json = json_loads(lines[i].text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        map.psn_key = fake_key;
        assert_null(json_map_read(&map, json_message_find(lines[i].type)->request, json));
        json_decref(json);
        if (strncmp(map.text, lines[i].wrong, strlen(lines[i].wrong)) != 0) {
            fail_msg("'%s' should begin with '%s'", map.text, lines[i].wrong);
        }
    }
}

static void a_record_shows_the_settlement_in_it(void **state)
{
    (void)state;
    Qingfen__V1__SetlPost post = QINGFEN__V1__SETL_POST__INIT;
    post.setl_id = "S9";
    uint8_t bytes[64];
    Qingfen__V1__SettlementRecord record = QINGFEN__V1__SETTLEMENT_RECORD__INIT;
    record.setl_post.data = bytes;
    record.setl_post.len = qingfen__v1__setl_post__pack(&post, bytes);
    json_t *json = json_map_write(&record.base);
    const json_t *inner = json_object_get(json, "setl_post");
    assert_string_equal(json_string_value(json_object_get(inner, "setl_id")), "S9");
    json_decref(json);
}

/* Every type of the wire can be called by its name, and every message has a field that is read. */
static void every_type_of_the_wire_is_known(void **state)
{
    (void)state;
    static const uint16_t orders[] = {
        MESSAGE_RECON_DAY,      MESSAGE_RECON_LIST,       MESSAGE_BATCH_STEP,
        MESSAGE_CLR_CONFIRM,    MESSAGE_DISPUTE_OPEN,     MESSAGE_BATCH_SIGN,
        MESSAGE_PAY_REPORT,     MESSAGE_PREFUND_SET,      MESSAGE_CLR_WITHDRAW,
        MESSAGE_RECOVERY,       MESSAGE_DISPUTE_REPLY,    MESSAGE_DISPUTE_RESOLVE,
        MESSAGE_RECEIPT_REPORT, MESSAGE_NOTICE_REISSUE,   MESSAGE_PREFUND_APPLY,
        MESSAGE_PREFUND_DECIDE, MESSAGE_SETTING_SET,      MESSAGE_PERIOD_CUT,
        MESSAGE_YEAR_CLOSE,     MESSAGE_BATCH_GET,        MESSAGE_NOTICE_LIST,
        MESSAGE_DISPUTE_LIST,   MESSAGE_PREFUND_LIST,     MESSAGE_DIFFERENCE_LIST,
        MESSAGE_CALENDAR_GET,   MESSAGE_AREA_REPORT,      MESSAGE_EXCEPTION_LIST,
        MESSAGE_CELL_LIST,      MESSAGE_SETTING_LIST,     MESSAGE_BOOK_GET,
        MESSAGE_PERIOD_LIST,    MESSAGE_NET_REPORT,       MESSAGE_POSITION_REPORT,
        MESSAGE_SETTLEMENT_GET, MESSAGE_CLOCK_SET,        MESSAGE_STATUS_GET,
        MESSAGE_WLT_OPEN,       MESSAGE_WLT_USE_LOC_CHG,  MESSAGE_WLT_CLOSE,
        MESSAGE_WLT_FREEZE,     MESSAGE_WLT_UNFREEZE,     MESSAGE_RLTS_BIND,
        MESSAGE_RLTS_UNBIND,    MESSAGE_PSN_STATE_PUSH,   MESSAGE_TRSF_SUBMIT,
        MESSAGE_TRSF_ACCEPT,    MESSAGE_TRSF_DECLINE,     MESSAGE_TRSF_VOID,
        MESSAGE_PA_HOLD_ACK,    MESSAGE_PA_GRANT,         MESSAGE_WLT_PAY_PRE,
        MESSAGE_WLT_PAY,        MESSAGE_WLT_PAY_REVERSE,  MESSAGE_LMT_RECLAIM,
        MESSAGE_OUTBOX_GET,     MESSAGE_OUTBOX_ACK,       MESSAGE_PREM_QUOTE,
        MESSAGE_PREM_PAY,       MESSAGE_PREM_REVERSE,     MESSAGE_PREM_DUE,
        MESSAGE_STMT_GET,       MESSAGE_YEAR_SUM_GET,     MESSAGE_WLT_QUERY,
        MESSAGE_WLT_RECORDS,    MESSAGE_SETL_RECORDS,     MESSAGE_REGION_QUERY,
        MESSAGE_INST_QUERY,     MESSAGE_AUTH_SWITCH_PUSH, MESSAGE_FILING_PUSH,
        MESSAGE_INST_DIR_PUSH,  MESSAGE_RULE_PUSH,
    };
    size_t count;
    const struct json_message *list = json_message_list(&count);
    for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
        char number[16];
        snprintf(number, sizeof number, "0x%04x", orders[i]);
        const struct json_message *message = json_message_find(number);
        assert_non_null(message);
        assert_ptr_equal(message, json_message_find(message->name));
    }
    assert_int_equal(count, 6 + sizeof orders / sizeof orders[0]); /* Hello and the hot five. */
    for (size_t i = 0; i < count; i++) {
        for (size_t k = i + 1; k < count; k++)
            assert_int_not_equal(list[i].type, list[k].type);
    }
}

static void lists_and_times_of_the_cycle_are_read(void **state)
{
    (void)state;
    struct json_map map = {0};
    ProtobufCMessage *message =
        read_text(&map, "ReconList",
                  "{\"msgid\":\"L1\",\"province\":31,\"items\":[{\"setl_id\":\"S1\","
                  "\"fund_pay_sumamt\":-5},{\"setl_id\":\"S2\"}]}");
    assert_non_null(message);
    const Qingfen__V1__ReconList *list = (const Qingfen__V1__ReconList *)message;
    assert_int_equal(list->n_items, 2);
    assert_int_equal(list->items[0]->fund_pay_sumamt, -5);
    assert_string_equal(list->items[1]->setl_id, "S2");
    protobuf_c_message_free_unpacked(message, NULL);

    message = read_text(&map, "PayReport", "{\"paid_at\":\"2025-03-01 08:00:00\"}");
    assert_non_null(message);
    assert_int_equal(((const Qingfen__V1__PayReport *)message)->paid_at, 1740787200000);
    protobuf_c_message_free_unpacked(message, NULL);
}

static void repeated_numbers_are_written(void **state)
{
    (void)state;
    int64_t at[3] = {7, 0, INT64_C(1) << 40};
    uint32_t unwound[2] = {31, 44};
    Qingfen__V1__Batch batch = QINGFEN__V1__BATCH__INIT;
    Qingfen__V1__BatchGetReply reply = QINGFEN__V1__BATCH_GET_REPLY__INIT;
    batch.n_at = 3;
    batch.at = at;
    batch.n_unwound = 2;
    batch.unwound = unwound;
    reply.batch = &batch;
    char *text = write_text(&reply.base);
    assert_non_null(strstr(text, "\"at\":[7,0,1099511627776]"));
    assert_non_null(strstr(text, "\"unwound\":[31,44]"));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_have_names_and_numbers),
        cmocka_unit_test(what_is_read_is_written_back),
        cmocka_unit_test(what_cannot_be_is_refused_by_name),
        cmocka_unit_test(a_record_shows_the_settlement_in_it),
        cmocka_unit_test(every_type_of_the_wire_is_known),
        cmocka_unit_test(lists_and_times_of_the_cycle_are_read),
        cmocka_unit_test(repeated_numbers_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
