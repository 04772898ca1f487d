#include "tools/client/json_map.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "centre.pb-c.h"
#include "common.pb-c.h"
#include "cycle.pb-c.h"
#include "person.pb-c.h"
#include "premium.pb-c.h"
#include "session.pb-c.h"
#include "settlement.pb-c.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/wire.h"
#include "wallet.pb-c.h"

#define DEPTH_MAX 8 /* Messages within messages; ours have three. */

/* clang-format off -- a table is read as a table */
#define MESSAGE(NAME, name, request, reply)                           \
    {                                                                 \
#NAME, MESSAGE_##name, &qingfen__v1__##request##__descriptor, \
            &qingfen__v1__##reply##__descriptor                       \
    }
static const struct json_message messages[] = {
    MESSAGE(Hello, HELLO, hello, hello_reply),
    MESSAGE(SetlPost, SETL_POST, setl_post, reply),
    MESSAGE(SetlReverse, SETL_REVERSE, setl_reverse, reply),
    MESSAGE(SetlAdjust, SETL_ADJUST, setl_adjust, reply),
    MESSAGE(SetlBatch, SETL_BATCH, setl_batch, setl_batch_reply),
    MESSAGE(Correction, CORRECTION, correction, reply),
    MESSAGE(PeriodCut, PERIOD_CUT, period_cut, period_cut_reply),
    MESSAGE(PeriodList, PERIOD_LIST, period_list, period_list_reply),
    MESSAGE(NetReport, NET_REPORT, net_report, net_report_reply),
    MESSAGE(PositionReport, POSITION_REPORT, position_report, position_report_reply),
    MESSAGE(YearClose, YEAR_CLOSE, year_close, reply),
    MESSAGE(SettlementGet, SETTLEMENT_GET, settlement_get, settlement_get_reply),
    MESSAGE(ClockSet, CLOCK_SET, clock_set, reply),
    MESSAGE(StatusGet, STATUS_GET, status_get, status_reply),
    MESSAGE(ReconDay, RECON_DAY, recon_day, recon_day_reply),
    MESSAGE(ReconList, RECON_LIST, recon_list, recon_list_reply),
    MESSAGE(BatchStep, BATCH_STEP, batch_step, order_reply),
    MESSAGE(ClrConfirm, CLR_CONFIRM, clr_confirm, order_reply),
    MESSAGE(DisputeOpen, DISPUTE_OPEN, dispute_open, order_reply),
    MESSAGE(BatchSign, BATCH_SIGN, batch_sign, order_reply),
    MESSAGE(PayReport, PAY_REPORT, pay_report, order_reply),
    MESSAGE(PrefundSet, PREFUND_SET, prefund_set, order_reply),
    MESSAGE(ClrWithdraw, CLR_WITHDRAW, clr_withdraw, order_reply),
    MESSAGE(Recovery, RECOVERY, recovery, order_reply),
    MESSAGE(DisputeReply, DISPUTE_REPLY, dispute_reply, order_reply),
    MESSAGE(DisputeResolve, DISPUTE_RESOLVE, dispute_resolve, order_reply),
    MESSAGE(ReceiptReport, RECEIPT_REPORT, receipt_report, order_reply),
    MESSAGE(NoticeReissue, NOTICE_REISSUE, notice_reissue, order_reply),
    MESSAGE(PrefundApply, PREFUND_APPLY, prefund_apply, order_reply),
    MESSAGE(PrefundDecide, PREFUND_DECIDE, prefund_decide, order_reply),
    MESSAGE(SettingSet, SETTING_SET, setting_set, order_reply),
    MESSAGE(BatchGet, BATCH_GET, batch_get, batch_get_reply),
    MESSAGE(NoticeList, NOTICE_LIST, notice_list, notice_list_reply),
    MESSAGE(DisputeList, DISPUTE_LIST, dispute_list, dispute_list_reply),
    MESSAGE(PrefundList, PREFUND_LIST, prefund_list, prefund_list_reply),
    MESSAGE(DifferenceList, DIFFERENCE_LIST, difference_list, difference_list_reply),
    MESSAGE(CalendarGet, CALENDAR_GET, calendar_get, calendar_get_reply),
    MESSAGE(AreaReport, AREA_REPORT, area_report, area_report_reply),
    MESSAGE(ExceptionList, EXCEPTION_LIST, exception_list, exception_list_reply),
    MESSAGE(CellList, CELL_LIST, cell_list, cell_list_reply),
    MESSAGE(SettingList, SETTING_LIST, setting_list, setting_list_reply),
    MESSAGE(BookGet, BOOK_GET, book_get, book_get_reply),
    MESSAGE(WltOpen, WLT_OPEN, wlt_open, wallet_reply),
    MESSAGE(WltUseLocChg, WLT_USE_LOC_CHG, wlt_use_loc_chg, wallet_reply),
    MESSAGE(WltClose, WLT_CLOSE, wlt_close, wallet_reply),
    MESSAGE(WltFreeze, WLT_FREEZE, wlt_freeze, wallet_reply),
    MESSAGE(WltUnfreeze, WLT_UNFREEZE, wlt_freeze, wallet_reply),
    MESSAGE(RltsBind, RLTS_BIND, rlts_bind, wallet_reply),
    MESSAGE(RltsUnbind, RLTS_UNBIND, rlts_unbind, wallet_reply),
    MESSAGE(PsnStatePush, PSN_STATE_PUSH, psn_state_push, wallet_reply),
    MESSAGE(TrsfSubmit, TRSF_SUBMIT, trsf_submit, wallet_reply),
    MESSAGE(TrsfAccept, TRSF_ACCEPT, trsf_accept, wallet_reply),
    MESSAGE(TrsfDecline, TRSF_DECLINE, trsf_accept, wallet_reply),
    MESSAGE(TrsfVoid, TRSF_VOID, trsf_void, wallet_reply),
    MESSAGE(PaHoldAck, PA_HOLD_ACK, pa_hold_ack, wallet_reply),
    MESSAGE(PaGrant, PA_GRANT, pa_grant, wallet_reply),
    MESSAGE(WltPayPre, WLT_PAY_PRE, wlt_pay_pre, wallet_reply),
    MESSAGE(WltPay, WLT_PAY, wlt_pay, wallet_reply),
    MESSAGE(WltPayReverse, WLT_PAY_REVERSE, wlt_pay_reverse, wallet_reply),
    MESSAGE(LmtReclaim, LMT_RECLAIM, lmt_reclaim, wallet_reply),
    MESSAGE(OutboxGet, OUTBOX_GET, outbox_get, outbox_get_reply),
    MESSAGE(OutboxAck, OUTBOX_ACK, outbox_ack, wallet_reply),
    MESSAGE(PremQuote, PREM_QUOTE, prem_quote, wallet_reply),
    MESSAGE(PremPay, PREM_PAY, prem_pay, wallet_reply),
    MESSAGE(PremReverse, PREM_REVERSE, prem_reverse, wallet_reply),
    MESSAGE(PremDue, PREM_DUE, prem_due, wallet_reply),
    MESSAGE(StmtGet, STMT_GET, stmt_get, stmt_get_reply),
    MESSAGE(YearSumGet, YEAR_SUM_GET, year_sum_get, year_sum_get_reply),
    MESSAGE(WltQuery, WLT_QUERY, wlt_query, wlt_query_reply),
    MESSAGE(WltRecords, WLT_RECORDS, wlt_records, wlt_records_reply),
    MESSAGE(SetlRecords, SETL_RECORDS, setl_records, setl_records_reply),
    MESSAGE(RegionQuery, REGION_QUERY, region_query, region_query_reply),
    MESSAGE(InstQuery, INST_QUERY, inst_query, inst_query_reply),
    MESSAGE(AuthSwitchPush, AUTH_SWITCH_PUSH, auth_switch_push, wallet_reply),
    MESSAGE(FilingPush, FILING_PUSH, filing_push, wallet_reply),
    MESSAGE(InstDirPush, INST_DIR_PUSH, inst_dir_push, wallet_reply),
    MESSAGE(RulePush, RULE_PUSH, rule_push, wallet_reply),
};
/* clang-format on */

const struct json_message *json_message_list(size_t *ret_count)
{
    *ret_count = sizeof(messages) / sizeof(messages[0]);
    return messages;
}

const struct json_message *json_message_find(const char *name)
{
    char *end;
    const unsigned long number = strtoul(name, &end, 0);
    const bool is_number = name[0] >= '0' && name[0] <= '9' && *end == '\0';
    for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
        if (is_number ? messages[i].type == number : strcasecmp(messages[i].name, name) == 0) {
            return &messages[i];
        }
    }
    return NULL;
}

/* Where we are in the JSON, as a chain on the stack, for the error text. */
struct place {
    const struct place *outer;
    const char *name;
    size_t index; /* SIZE_MAX: not in an array. */
    int depth;
};

static void put_place(const struct place *place, char *out, size_t size)
{
    if (place->outer != NULL && place->outer->name != NULL) {
        put_place(place->outer, out, size);
        strncat(out, ".", size - strlen(out) - 1);
    }
    char part[96];
    if (place->index == SIZE_MAX) {
        snprintf(part, sizeof(part), "%s", place->name);
    } else {
        snprintf(part, sizeof(part), "%s[%zu]", place->name, place->index);
    }
    strncat(out, part, size - strlen(out) - 1);
}

static bool refuse(struct json_map *map, const struct place *place, const char *what)
{
    map->text[0] = '\0';
    put_place(place, map->text, sizeof(map->text));
    strncat(map->text, ": ", sizeof(map->text) - strlen(map->text) - 1);
    strncat(map->text, what, sizeof(map->text) - strlen(map->text) - 1);
    return false;
}

static bool is_time(const char *name)
{
    static const char *const names[] = {"setl_time", "begndate", "enddate",        "inf_time",
                                        "to",        "paid_at",  "effective_from", "from",
                                        "at",        "eff_at",   "eff_from"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(names[i], name) == 0) return true;
    }
    return false;
}

static bool read_time(struct json_map *map, const struct place *place, const json_t *value,
                      int64_t *ret_ms)
{
    const char *text = json_string_value(value);
    if (civil_parse_iso(text, ret_ms)) return true;
    if (civil_parse_datetime(text, json_string_length(value), ret_ms)) return true;
    return refuse(map, place,
                  "not a time: use milliseconds, 2026-03-02T21:59:00+08:00 or 2026-03-02 21:59:00");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

static void *need(size_t count, size_t size)
{
    void *memory = calloc(count == 0 ? 1 : count, size);
    NEED_MEMORY(memory);
    return memory;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static bool read_bytes(struct json_map *map, const struct place *place, const json_t *value,
                       ProtobufCBinaryData *ret_data)
{
    if (!json_is_string(value)) return refuse(map, place, "should be a string of hex digits");
    const char *text = json_string_value(value);
    const size_t size = json_string_length(value);
    const bool is_key = ends_with(place->name, "psn_key");
    if (is_key && size != 0 && size != 2 * PSN_KEY_SIZE) {
        return refuse(map, place, "should be 32 hex digits");
    }
    if (size % 2 != 0) return refuse(map, place, "should be a string of hex digits, two a byte");
    if (size == 0) return true;

    uint8_t *data = need(size / 2, 1);
    for (size_t i = 0; i < size; i += 2) {
        const int high = hex_digit(text[i]);
        const int low = hex_digit(text[i + 1]);
        if (high < 0 || low < 0) {
            free(data);
            return refuse(map, place, "should be a string of hex digits");
        }
        data[i / 2] = (uint8_t)(high << 4 | low);
    }
    *ret_data = (ProtobufCBinaryData){.len = size / 2, .data = data};
    return true;
}

static bool read_string(struct json_map *map, const struct place *place, const json_t *value,
                        char **ret_text)
{
    if (!json_is_string(value)) return refuse(map, place, "should be a string");
    if (json_string_length(value) == 0) return true; /* Stays the empty default. */
    if (strlen(json_string_value(value)) != json_string_length(value)) {
        return refuse(map, place, "a string cannot hold a zero byte");
    }
    char *text = strdup(json_string_value(value));
    NEED_MEMORY(text);
    *ret_text = text;
    return true;
}

/* An integer within the bounds; reals, strings and the rest are refused. */
static bool read_integer(struct json_map *map, const struct place *place, const json_t *value,
                         int64_t least, int64_t most, int64_t *ret_number)
{
    if (json_is_real(value)) {
        return refuse(map, place,
                      "should be an integer, not a decimal (amounts are fen: 1 yuan = "
                      "100)");
    }
    if (!json_is_integer(value)) return refuse(map, place, "should be an integer");
    const int64_t number = json_integer_value(value);
    if (number < least || number > most) {
        char what[96];
        snprintf(what, sizeof(what), "%lld is out of range %lld..%lld", (long long)number,
                 (long long)least, (long long)most);
        return refuse(map, place, what);
    }
    *ret_number = number;
    return true;
}

static bool read_enum(struct json_map *map, const struct place *place,
                      const ProtobufCEnumDescriptor *descriptor, const json_t *value, int *ret)
{
    if (json_is_string(value)) {
        const ProtobufCEnumValue *named =
            protobuf_c_enum_descriptor_get_value_by_name(descriptor, json_string_value(value));
        if (named == NULL) return refuse(map, place, "no such name");
        *ret = named->value;
        return true;
    }
    int64_t number;
    if (!read_integer(map, place, value, 0, INT32_MAX, &number)) return false;
    *ret = (int)number;
    return true;
}

static ProtobufCMessage *read_message(struct json_map *map, const struct place *place,
                                      const ProtobufCMessageDescriptor *descriptor,
                                      const json_t *object);

/* Reads one value into its member; the member has its default before. */
static bool read_value(struct json_map *map, const struct place *place,
                       const ProtobufCFieldDescriptor *field, const json_t *value, void *member)
{
    int64_t number = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
        if (!read_integer(map, place, value, 0, UINT32_MAX, &number)) return false;
        *(uint32_t *)member = (uint32_t)number;
        return true;
    case PROTOBUF_C_TYPE_UINT64: /* JSON integers here end at 2^63 - 1. */
        if (!read_integer(map, place, value, 0, INT64_MAX, &number)) return false;
        *(uint64_t *)member = (uint64_t)number;
        return true;
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        if (json_is_string(value) && is_time(field->name)) {
            return read_time(map, place, value, member);
        }
        return read_integer(map, place, value, INT64_MIN, INT64_MAX, member);
    case PROTOBUF_C_TYPE_BOOL:
        if (!json_is_boolean(value)) return refuse(map, place, "should be true or false");
        *(protobuf_c_boolean *)member = json_is_true(value);
        return true;
    case PROTOBUF_C_TYPE_ENUM:
        return read_enum(map, place, field->descriptor, value, member);
    case PROTOBUF_C_TYPE_STRING:
        return read_string(map, place, value, member);
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(map, place, value, member);
    case PROTOBUF_C_TYPE_MESSAGE: {
        ProtobufCMessage *inner = read_message(map, place, field->descriptor, value);
        *(ProtobufCMessage **)member = inner;
        return inner != NULL;
    }
    default:
        return refuse(map, place, "is of a kind this program cannot write");
    }
}

/* Only messages are repeated in requests. */
static bool read_repeated(struct json_map *map, const struct place *place,
                          const ProtobufCFieldDescriptor *field, const json_t *array,
                          ProtobufCMessage *message)
{
    if (!json_is_array(array)) return refuse(map, place, "should be an array");
    if (field->type != PROTOBUF_C_TYPE_MESSAGE) {
        return refuse(map, place, "is of a kind this program cannot write");
    }
    size_t *count = (size_t *)((uint8_t *)message + field->quantifier_offset);
    ProtobufCMessage ***list = (ProtobufCMessage ***)((uint8_t *)message + field->offset);
    *list = need(json_array_size(array), sizeof(ProtobufCMessage *));
    for (size_t i = 0; i < json_array_size(array); i++) {
        const struct place here = {place->outer, place->name, i, place->depth};
        ProtobufCMessage *inner =
            read_message(map, &here, field->descriptor, json_array_get(array, i));
        if (inner == NULL) return false;
        (*list)[(*count)++] = inner;
    }
    return true;
}

/* The field a person's number stands for: psn_no for psn_key, recv_psn_no for recv_psn_key. NULL:
 * the name is of no number, or the message has no such key. */
static const ProtobufCFieldDescriptor *find_key(const ProtobufCMessageDescriptor *descriptor,
                                                const char *name)
{
    char key[64];
    const size_t front = strlen(name) - (sizeof("no") - 1);
    if (!ends_with(name, "psn_no") || front + sizeof("key") > sizeof(key)) return NULL;
    snprintf(key, sizeof(key), "%.*skey", (int)front, name);
    return protobuf_c_message_descriptor_get_field_by_name(descriptor, key);
}

static bool read_psn_no(struct json_map *map, const struct place *place, const json_t *value,
                        const json_t *object, const char *key_name, ProtobufCBinaryData *member)
{
    uint8_t key[PSN_KEY_SIZE];
    if (json_object_get(object, key_name) != NULL) {
        char what[128];
        snprintf(what, sizeof(what), "stands beside %s; one of them is enough", key_name);
        return refuse(map, place, what);
    }
    if (!json_is_string(value)) return refuse(map, place, "should be a string");
    const struct bytes psn_no = {(const uint8_t *)json_string_value(value),
                                 json_string_length(value)};
    if (psn_no.size == 0) return refuse(map, place, "is empty");
    if (!map->psn_key(map->context, psn_no, key)) return refuse(map, place, "no key can be made");
    *member = (ProtobufCBinaryData){.len = PSN_KEY_SIZE, .data = need(PSN_KEY_SIZE, 1)};
    memcpy(member->data, key, PSN_KEY_SIZE);
    return true;
}

static bool read_member(struct json_map *map, const struct place *place, const char *name,
                        const json_t *value, const json_t *object, ProtobufCMessage *message)
{
    const ProtobufCMessageDescriptor *descriptor = message->descriptor;
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field_by_name(descriptor, name);
    if (field == NULL && map->psn_key != NULL) {
        field = find_key(descriptor, name);
        if (field != NULL) {
            void *key = (uint8_t *)message + field->offset;
            return read_psn_no(map, place, value, object, field->name, key);
        }
    }
    if (field == NULL) {
        char what[128];
        const char *dot = strrchr(descriptor->name, '.');
        snprintf(what, sizeof(what), "%s has no such field",
                 dot == NULL ? descriptor->name : dot + 1);
        return refuse(map, place, what);
    }
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return read_repeated(map, place, field, value, message);
    }
    if (!read_value(map, place, field, value, (uint8_t *)message + field->offset)) return false;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
        *(uint32_t *)(void *)((uint8_t *)message + field->quantifier_offset) = field->id;
    }
    return true;
}

static ProtobufCMessage *read_message(struct json_map *map, const struct place *place,
                                      const ProtobufCMessageDescriptor *descriptor,
                                      const json_t *object)
{
    if (!json_is_object(object) || place->depth > DEPTH_MAX) {
        refuse(map, place, "should be an object");
        return NULL;
    }
    ProtobufCMessage *message = need(1, descriptor->sizeof_message);
    descriptor->message_init(message);

    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, name, value)
    {
        const struct place here = {place, name, SIZE_MAX, place->depth + 1};
        if (!read_member(map, &here, name, value, object, message)) {
            protobuf_c_message_free_unpacked(message, NULL);
            return NULL;
        }
    }
    return message;
}

ProtobufCMessage *json_map_read(struct json_map *map, const ProtobufCMessageDescriptor *descriptor,
                                const json_t *object)
{
    map->text[0] = '\0';
    if (!json_is_object(object)) {
        snprintf(map->text, sizeof(map->text), "the message should be a JSON object {…}");
        return NULL;
    }
    const struct place top = {NULL, NULL, SIZE_MAX, 0};
    return read_message(map, &top, descriptor, object);
}

static json_t *write_bytes(const ProtobufCBinaryData *data)
{
    static const char digits[] = "0123456789abcdef";
    char *text = need(data->len * 2 + 1, 1);
    for (size_t i = 0; i < data->len; i++) {
        text[2 * i] = digits[data->data[i] >> 4];
        text[2 * i + 1] = digits[data->data[i] & 15];
    }
    json_t *json = json_string(text);
    free(text);
    return json;
}

/* A text that is no UTF-8 cannot be JSON; better a mark than no answer. */
static json_t *write_string(const char *text)
{
    json_t *json = json_string(text);
    return json != NULL ? json : json_string("(not UTF-8)");
}

static json_t *write_value(const ProtobufCFieldDescriptor *field, const void *member)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_UINT32:
        return json_integer(*(const uint32_t *)member);
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
        return json_integer(*(const int64_t *)member);
    case PROTOBUF_C_TYPE_BOOL:
        return json_boolean(*(const protobuf_c_boolean *)member);
    case PROTOBUF_C_TYPE_ENUM:
        return json_integer(*(const int *)member);
    case PROTOBUF_C_TYPE_STRING:
        return write_string(*(char *const *)member);
    case PROTOBUF_C_TYPE_BYTES:
        return write_bytes(member);
    case PROTOBUF_C_TYPE_MESSAGE: {
        const ProtobufCMessage *inner = *(ProtobufCMessage *const *)member;
        return inner == NULL ? json_null() : json_map_write(inner);
    }
    default:
        return json_null();
    }
}

static json_t *write_setl_post(const ProtobufCBinaryData *data)
{
    Qingfen__V1__SetlPost *post = qingfen__v1__setl_post__unpack(NULL, data->len, data->data);
    if (post == NULL) return write_bytes(data);
    json_t *json = json_map_write(&post->base);
    qingfen__v1__setl_post__free_unpacked(post, NULL);
    return json;
}

/* One of a repeated field's values: messages, and numbers of 4 or 8 bytes. */
static json_t *write_item(const ProtobufCFieldDescriptor *field, const uint8_t *list, size_t i)
{
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return write_value(field, list + i * sizeof(ProtobufCMessage *));
    case PROTOBUF_C_TYPE_UINT32:
        return write_value(field, list + i * sizeof(uint32_t));
    case PROTOBUF_C_TYPE_INT64:
        return write_value(field, list + i * sizeof(int64_t));
    default:
        return json_null();
    }
}

static json_t *write_field(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
    const uint8_t *member = (const uint8_t *)message + field->offset;
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        const size_t count = *(const size_t *)((const uint8_t *)message + field->quantifier_offset);
        const uint8_t *list = *(const uint8_t *const *)member;
        json_t *array = json_array();
        for (size_t i = 0; i < count; i++)
            json_array_append_new(array, write_item(field, list, i));
        return array;
    }
    if (message->descriptor == &qingfen__v1__settlement_record__descriptor &&
        strcmp(field->name, "setl_post") == 0) {
        return write_setl_post((const ProtobufCBinaryData *)member);
    }
    return write_value(field, member);
}

json_t *json_map_write(const ProtobufCMessage *message)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < message->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[i];
        if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0) {
            const uint32_t sent =
                *(const uint32_t *)((const uint8_t *)message + field->quantifier_offset);
            if (sent != field->id) continue;
        }
        json_object_set_new(object, field->name, write_field(message, field));
    }
    return object;
}
