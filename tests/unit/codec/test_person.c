/* What persons ask and are told, as bytes: form errors that name their field, and answers that
 * protobuf reads back. */
#include <stdlib.h>

#include "codec/person.h"
#include "person.pb-c.h"
#include "tests/lib/unit.h"
#include "types/error.h"
#include "types/wire.h"
#include "wallet.pb-c.h"

static uint8_t key[PSN_KEY_SIZE] = "a person's key..";

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static char why[QUESTION_WHY_SIZE];

/* Decodes; an empty `why` means that it was well formed. */
static struct person_question decode(uint16_t type, const ProtobufCMessage *message)
{
    struct person_question question;
    uint8_t packed[512];
    const struct bytes body = {packed, protobuf_c_message_pack(message, packed)};
    why[0] = '\0';
    const bool sound = person_question_decode(type, body, &question, why);
    assert_int_equal(sound, why[0] == '\0');
    return question;
}

/* -- questions ----------------------------------------------------------------------------------
 */

static void questions_are_read(void **state)
{
    (void)state;
    Qingfen__V1__StmtGet statement = QINGFEN__V1__STMT_GET__INIT;
    statement.psn_key = (ProtobufCBinaryData){sizeof key, key};
    statement.insu_admdvs = 340100;
    statement.setl_id = text("S1");
    struct person_question q = decode(MESSAGE_STMT_GET, &statement.base);
    assert_string_equal(why, "");
    assert_memory_equal(q.psn_key.bytes, key, sizeof key);
    assert_int_equal(q.area, 340100);
    assert_string_equal(q.setl_id, "S1");

    Qingfen__V1__WltRecords records = QINGFEN__V1__WLT_RECORDS__INIT;
    records.psn_key = statement.psn_key;
    records.kind = text("usage");
    records.from = 5;
    records.to = 7;
    q = decode(MESSAGE_WLT_RECORDS, &records.base);
    assert_string_equal(why, "");
    assert_int_equal(q.kind, RECORDS_USAGE);
    assert_int_equal(q.limit, PERSON_PAGE_DEFAULT);
    assert_int_equal(q.from_ms, 5);
    assert_int_equal(q.to_ms, 7);

    Qingfen__V1__OutboxGet outbox = QINGFEN__V1__OUTBOX_GET__INIT;
    outbox.dest = 53;
    outbox.after = 9;
    q = decode(MESSAGE_OUTBOX_GET, &outbox.base);
    assert_int_equal(q.dest, 53);
    assert_int_equal(q.after, 9);
    assert_int_equal(q.limit, 100);

    Qingfen__V1__InstQuery institution = QINGFEN__V1__INST_QUERY__INIT;
    institution.fixmedins_code = text("H34010000001");
    q = decode(MESSAGE_INST_QUERY, &institution.base);
    assert_string_equal(q.fixmedins_code, "H34010000001");
}

static void form_errors_name_their_field(void **state)
{
    (void)state;
    Qingfen__V1__SetlRecords m = QINGFEN__V1__SETL_RECORDS__INIT;
    decode(MESSAGE_SETL_RECORDS, &m.base);
    assert_string_equal(why, "psn_key: 16 bytes are needed");
    m.psn_key = (ProtobufCBinaryData){sizeof key - 1, key};
    decode(MESSAGE_SETL_RECORDS, &m.base);
    assert_string_equal(why, "psn_key: 16 bytes are needed");
    m.psn_key.len = sizeof key;
    m.limit = 201;
    decode(MESSAGE_SETL_RECORDS, &m.base);
    assert_string_equal(why, "limit: at most 200");
    m.limit = 200;
    m.from = 8;
    m.to = 7;
    decode(MESSAGE_SETL_RECORDS, &m.base);
    assert_string_equal(why, "from: behind `to`");
    m.to = 0;
    decode(MESSAGE_SETL_RECORDS, &m.base);
    assert_string_equal(why, "");

    Qingfen__V1__WltRecords records = QINGFEN__V1__WLT_RECORDS__INIT;
    records.psn_key = m.psn_key;
    records.kind = text("wages");
    decode(MESSAGE_WLT_RECORDS, &records.base);
    assert_non_null(strstr(why, "kind: "));

    Qingfen__V1__StmtGet statement = QINGFEN__V1__STMT_GET__INIT;
    statement.psn_key = m.psn_key;
    decode(MESSAGE_STMT_GET, &statement.base);
    assert_string_equal(why, "setl_id: missing");
    statement.setl_id = text("a number of more than thirty bytes");
    decode(MESSAGE_STMT_GET, &statement.base);
    assert_string_equal(why, "setl_id: too long");

    Qingfen__V1__YearSumGet year = QINGFEN__V1__YEAR_SUM_GET__INIT;
    year.psn_key = m.psn_key;
    year.year = 1999;
    decode(MESSAGE_YEAR_SUM_GET, &year.base);
    assert_string_equal(why, "year: within 2000..2999");
}

static void what_is_no_message_is_refused(void **state)
{
    (void)state;
    static const uint8_t broken[] = {0x22, 0xff, 0x01, 0x02};
    const uint16_t types[] = {MESSAGE_STMT_GET,    MESSAGE_YEAR_SUM_GET, MESSAGE_WLT_QUERY,
                              MESSAGE_WLT_RECORDS, MESSAGE_SETL_RECORDS, MESSAGE_REGION_QUERY,
                              MESSAGE_INST_QUERY,  MESSAGE_OUTBOX_GET,   MESSAGE_SETL_POST};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct person_question question;
        assert_false(person_question_decode(types[i], (struct bytes){broken, sizeof broken},
                                            &question, why));
        assert_string_equal(why, "message: not of its type");
    }
}

/* -- answers ------------------------------------------------------------------------------------
 */

static void a_refusal_reads_as_any_reply(void **state)
{
    (void)state;
    size_t size;
    uint8_t *bytes = person_refusal_encode(ERROR_MALFORMED, "year: within 2000..2999", &size);
    Qingfen__V1__StmtGetReply *statement = qingfen__v1__stmt_get_reply__unpack(NULL, size, bytes);
    Qingfen__V1__WltRecordsReply *records =
        qingfen__v1__wlt_records_reply__unpack(NULL, size, bytes);
    assert_int_equal(statement->code, ERROR_MALFORMED);
    assert_int_equal(records->code, ERROR_MALFORMED);
    assert_string_equal(records->text, "malformed: year: within 2000..2999");
    qingfen__v1__stmt_get_reply__free_unpacked(statement, NULL);
    qingfen__v1__wlt_records_reply__free_unpacked(records, NULL);
    free(bytes);
    bytes = person_refusal_encode(ERROR_NOT_FOUND, NULL, &size);
    statement = qingfen__v1__stmt_get_reply__unpack(NULL, size, bytes);
    assert_string_equal(statement->text, "not found");
    qingfen__v1__stmt_get_reply__free_unpacked(statement, NULL);
    free(bytes);
}

static void a_statement_is_read_back(void **state)
{
    (void)state;
    uint8_t post_bytes[128];
    Qingfen__V1__SetlPost post = QINGFEN__V1__SETL_POST__INIT;
    post.setl_id = text("S1");
    post.medfee_sumamt = 300;
    const struct statement_lot lots[] = {{53, 100}, {34, 50}};
    const struct statement_step steps[] = {
        {.setl_id = "R1", .what = "refund", .at_ms = 7, .period = 202603, .sums = {.cash = -20}},
    };
    const struct statement statement = {
        .settlement = {post_bytes, qingfen__v1__setl_post__pack(&post, post_bytes)},
        .state = "ACCRUED",
        .name = "第一人民医院",
        .period = 202602,
        .posted_ms = 6,
        .lots = lots,
        .lot_count = 2,
        .steps = steps,
        .step_count = 1,
        .left = {.medfee = 300, .wlt = 150, .cash = -20},
    };
    size_t size;
    uint8_t *bytes = statement_reply_encode(&statement, &size);
    Qingfen__V1__StmtGetReply *m = qingfen__v1__stmt_get_reply__unpack(NULL, size, bytes);
    assert_string_equal(m->settlement->setl_id, "S1");
    assert_int_equal(m->settlement->medfee_sumamt, 300);
    assert_string_equal(m->fixmedins_name, "第一人民医院");
    assert_int_equal(m->n_wallet, 2);
    assert_int_equal(m->wallet[1]->province, 34);
    assert_int_equal(m->n_chain, 1);
    assert_int_equal(m->chain[0]->psn_cash_pay, -20);
    assert_int_equal(m->left_wlt, 150);
    assert_string_equal(m->text, "");
    qingfen__v1__stmt_get_reply__free_unpacked(m, NULL);
    free(bytes);
}

static void a_year_that_is_not_over_says_so(void **state)
{
    (void)state;
    struct year_sum sum = {.count = 2, .medfee = 9, .deductible = 5, .complete = false};
    size_t size;
    uint8_t *bytes = year_reply_encode(&sum, &size);
    Qingfen__V1__YearSumGetReply *m = qingfen__v1__year_sum_get_reply__unpack(NULL, size, bytes);
    assert_int_equal(m->code, ERROR_YEAR_INCOMPLETE);
    assert_int_equal(m->medfee_sumamt, 9);
    assert_string_equal(m->scope, "cross-province only");
    qingfen__v1__year_sum_get_reply__free_unpacked(m, NULL);
    free(bytes);
    sum.complete = true;
    bytes = year_reply_encode(&sum, &size);
    m = qingfen__v1__year_sum_get_reply__unpack(NULL, size, bytes);
    assert_int_equal(m->code, ERROR_OK);
    assert_true(m->complete);
    qingfen__v1__year_sum_get_reply__free_unpacked(m, NULL);
    free(bytes);
}

static void records_are_read_back(void **state)
{
    (void)state;
    static const struct wallet_record list[] = {
        {.seq = 9,
         .at_ms = 8,
         .kind = RECORDS_USAGE,
         .what = "changed",
         .admdvs = 310000,
         .old_admdvs = 340100,
         .ref = "C1"},
        {.seq = 7,
         .at_ms = 6,
         .kind = RECORDS_TRANSFER,
         .what = "received",
         .id = "T1",
         .amount = 100},
    };
    size_t size;
    uint8_t *bytes = wallet_records_encode(list, 2, "token", &size);
    Qingfen__V1__WltRecordsReply *m = qingfen__v1__wlt_records_reply__unpack(NULL, size, bytes);
    assert_int_equal(m->n_records, 2);
    assert_string_equal(m->records[0]->kind, "usage");
    assert_int_equal(m->records[0]->old_admdvs, 340100);
    assert_string_equal(m->records[1]->id, "T1");
    assert_int_equal(m->records[1]->amt, 100);
    assert_string_equal(m->page_token, "token");
    qingfen__v1__wlt_records_reply__free_unpacked(m, NULL);
    free(bytes);
}

/* A field of a later version is passed on to who asks. */
static void settlements_are_given_as_they_came(void **state)
{
    (void)state;
    static const uint8_t posted[] = {0x12, 0x02, 'S', '1', 0xc0, 0x3e, 0x05};
    const struct bytes list[] = {{posted, sizeof posted}};
    size_t size;
    uint8_t *bytes = settlement_records_encode(list, 1, "", &size);
    Qingfen__V1__SetlRecordsReply *m = qingfen__v1__setl_records_reply__unpack(NULL, size, bytes);
    assert_int_equal(m->n_records, 1);
    assert_string_equal(m->records[0]->setl_id, "S1");
    assert_int_equal(m->records[0]->base.n_unknown_fields, 1);
    assert_string_equal(m->page_token, "");
    qingfen__v1__setl_records_reply__free_unpacked(m, NULL);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_are_read),
        cmocka_unit_test(form_errors_name_their_field),
        cmocka_unit_test(what_is_no_message_is_refused),
        cmocka_unit_test(a_refusal_reads_as_any_reply),
        cmocka_unit_test(a_statement_is_read_back),
        cmocka_unit_test(a_year_that_is_not_over_says_so),
        cmocka_unit_test(records_are_read_back),
        cmocka_unit_test(settlements_are_given_as_they_came),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
