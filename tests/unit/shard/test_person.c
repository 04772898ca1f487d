/* What persons ask a shard: years and their deductible, pages that give every record once, one
 * statement with its chain, a wallet and its history, who may see what; asked at any moment of a
 * merge. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wallet.h"
#include "codec/wire_table.h"
#include "journal/entry.h"
#include "proto/person.pb-c.h"
#include "proto/wallet.pb-c.h"
#include "shard_internal.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"

#define SICHUAN  510100
#define SHANGHAI 310000
#define YUNNAN   530100
#define HUBEI    420100
#define HOSPITAL "H31000000001"
#define ANNA     "anna000000000001"
#define BERT     "bert000000000002"
#define CARL     "carl000000000003"
#define YUAN     100 /* Fen. */

static struct tables tables;
static struct params params;
static struct rig rig;
static uint32_t numbers;

static int64_t at(const char *text)
{
    int64_t ms;
    char full[40];
    snprintf(full, sizeof full, "%s+08:00", text);
    assert_true(civil_parse_iso(full, &ms));
    return ms;
}

static void set_clock(const char *text)
{
    struct request request = rig_control(REQUEST_CLOCK, 0);
    request.instant_ms = at(text);
    assert_int_equal(rig_order(&rig, request).result.code, ERROR_OK);
}

static void rule(enum param param, uint32_t area, int64_t value)
{
    const struct rule_row row = {.param = param, .admdvs = area, .value = value};
    assert_true(params_put(&params, &row));
}

static int set_up(void **state)
{
    (void)state;
    const struct rig_options options = {
        .tables = &tables, .params = &params, .delta_entries = 8192, .delta_bytes = 16u << 20};
    params_init(&params);
    rule(PARAM_WALLET_ENABLED, 0, 1);
    rule(PARAM_WALLET_ENABLED, 440000, 0);
    rule(PARAM_TRSF_MAX_EACH, 510000, 150000);
    rule(PARAM_TRSF_MAX_EACH, SICHUAN, 120000);
    rule(PARAM_PA_HOLD_MODE, 0, HOLD_GRANT);
    rule(PARAM_INSTITUTION_CHECK, 0, 0);
    rule(PARAM_PREM_FROM, 0, 101);
    rig_load_tables(&tables);
    rig_open(&rig, &options);
    numbers = 0;
    set_clock("2026-03-02T12:00:00");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

static const char *number(const char *letter)
{
    static char texts[64][CLIENT_NO_SIZE];
    char *text = texts[numbers % 64];
    snprintf(text, sizeof texts[0], "%s%06u", letter, ++numbers);
    return text;
}

/* -- what is sent -------------------------------------------------------------------------------
 */

/* A visit of somebody insured in Sichuan in Shanghai: `fund` from the pool, of the person's part
 * `own` outside the catalogue, `wlt` from the wallet. */
struct visit {
    const char *person;
    const char *setl_id;
    const char *time;
    int64_t fund;
    int64_t part;
    int64_t own;
    int64_t wlt;
};

static struct settlement settlement_of(const struct visit *v)
{
    struct settlement s = {
        .msgid = bytes_of(number("M")),
        .setl_id = bytes_of(v->setl_id),
        .psn_key = bytes_of(v->person),
        .fixmedins_code = bytes_of(HOSPITAL),
        .insutype = 310,
        .insu_admdvs = SICHUAN,
        .mdtrtarea_admvs = SHANGHAI,
        .med_type = 21,
        .setl_time = at(v->time),
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

static void post(const struct settlement *s)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct bytes message = {body, settlement_encode(s, body)};
    const struct rig_result got = rig_ask(&rig, MESSAGE_SETL_POST, 0, message);
    if (got.result.code != ERROR_OK) {
        fail_msg("%u, field %u", got.result.code, got.failures[0].field);
    }
}

static void visit(const struct visit *v)
{
    const struct settlement s = settlement_of(v);
    post(&s);
}

/* Takes a part back: the amounts of `v` are what goes. */
static void refund(const struct visit *v, const char *original)
{
    struct settlement s = settlement_of(v);
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = -s.amounts[i];
    s.refd_setl_flag = true;
    s.orig_setl_id = bytes_of(original);
    post(&s);
}

static void correct(const struct settlement *s)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct correction correction = {.msgid = bytes_of(number("M")),
                                          .omsgid = s->msgid,
                                          .psn_key = s->psn_key,
                                          .sender_admdvs = SHANGHAI};
    const struct bytes message = {body, correction_encode(&correction, body)};
    assert_int_equal(rig_ask(&rig, MESSAGE_CORRECTION, 0, message).result.code, ERROR_OK);
}

/* Changes what the pool paid of a settlement. */
static void adjust(const char *adj_no, const char *setl_id, int64_t hifp)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    struct adjustment a = {.msgid = bytes_of(number("M")),
                           .adj_no = bytes_of(adj_no),
                           .setl_id = bytes_of(setl_id),
                           .psn_key = bytes_of(ANNA),
                           .insu_admdvs = SICHUAN,
                           .mdtrtarea_admvs = SHANGHAI,
                           .approved_by = SICHUAN,
                           .approval_no = bytes_of("OK")};
    a.amounts[AMOUNT_HIFP] = hifp;
    const struct bytes message = {body, rig_encode_adjustment(&a, body)};
    assert_int_equal(rig_ask(&rig, MESSAGE_SETL_ADJUST, 0, message).result.code, ERROR_OK);
}

/* -- what is asked ------------------------------------------------------------------------------
 */

static uint32_t calls; /* Of the last question. */

/* The shard as a whole answers the same, however often a reading fails before. */
static void ask_on_a_bad_disk(const struct request *request, struct bytes want)
{
    if (!rig.each_read_fails) return;
    rig_make_old(&rig);
    assert_int_equal(rig_give(&rig, request, 1), 1);
    rig_settle(&rig);
    assert_int_equal(rig.result_count, 1);
    assert_int_equal(rig.results[0].result.data_size, want.size);
    assert_memory_equal(rig.results[0].result.data, want.data, want.size);
    rig_forget(&rig);
}

/* Asks, and goes on with the cursor until there is a payload; *ret_size bytes of it, freed by the
 * caller. Nothing is settled: the moment stays what it is. */
static uint8_t *ask_bytes(uint16_t type, uint16_t province, struct bytes message, size_t *ret_size)
{
    uint8_t body[PERSON_CURSOR_MAX + 512];
    size_t cursor = 0;
    for (calls = 1;; calls++) {
        assert_in_range(message.size, 0, 512);
        memcpy(body + cursor, message.data, message.size);
        const struct request request = {.type = REQUEST_PERSON,
                                        .period = type,
                                        .area = (uint32_t)cursor,
                                        .province = province,
                                        .body = {body, cursor + message.size}};
        struct answer answer = {0};
        bool more;
        (void)person_answer(rig.shard, &request, rig.shard->stamp_ms, &answer, &more);
        assert_non_null(answer.data);
        if (!more) ask_on_a_bad_disk(&request, (struct bytes){answer.data, answer.size});
        if (!more) {
            *ret_size = answer.size;
            return answer.data;
        }
        assert_in_range(answer.size, 1, PERSON_CURSOR_MAX);
        memcpy(body, answer.data, answer.size);
        cursor = answer.size;
        free(answer.data);
        assert_in_range(calls, 0, 1000);
    }
}

static void *ask(uint16_t type, uint16_t province, const ProtobufCMessage *question,
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

static ProtobufCBinaryData key_of(const char *person)
{
    return (ProtobufCBinaryData){PSN_KEY_SIZE, (uint8_t *)(uintptr_t)person};
}

static char *text(const char *constant)
{
    return (char *)(uintptr_t)constant;
}

static Qingfen__V1__YearSumGetReply *year_of(const char *person, uint32_t year, uint16_t province)
{
    Qingfen__V1__YearSumGet m = QINGFEN__V1__YEAR_SUM_GET__INIT;
    m.psn_key = key_of(person);
    m.year = year;
    return ask(MESSAGE_YEAR_SUM_GET, province, &m.base,
               &qingfen__v1__year_sum_get_reply__descriptor);
}

static void check_year(const char *person, uint32_t year, uint64_t count, int64_t in_scope,
                       int64_t full, int64_t deductible)
{
    Qingfen__V1__YearSumGetReply *reply = year_of(person, year, 0);
    assert_int_equal(reply->count, count);
    assert_int_equal(reply->in_scope_selfpay, in_scope);
    assert_int_equal(reply->full_selfpay, full);
    assert_int_equal(reply->deductible, deductible);
    qingfen__v1__year_sum_get_reply__free_unpacked(reply, NULL);
}

/* -- years --------------------------------------------------------------------------------------
 */

/* The figures of the announcement on the deduction: above 15,000, at most 80,000 yuan. */
static void the_deductible_of_a_year(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2025-03-01T08:00:00", 0, 15000 * YUAN, 0, 0});
    check_year(ANNA, 2025, 1, 15000 * YUAN, 0, 0);
    visit(&(struct visit){ANNA, "S2", "2025-04-01T08:00:00", 900, 30000 * YUAN, 0, 0});
    check_year(ANNA, 2025, 2, 45000 * YUAN, 0, 30000 * YUAN);
    /* What is outside the catalogue does not count. */
    visit(&(struct visit){ANNA, "S3", "2025-05-01T08:00:00", 0, 60000 * YUAN, 5000 * YUAN, 0});
    check_year(ANNA, 2025, 3, 100000 * YUAN, 5000 * YUAN, 80000 * YUAN);
    check_year(BERT, 2025, 0, 0, 0, 0);

    Qingfen__V1__YearSumGetReply *reply = year_of(ANNA, 2025, 0);
    assert_int_equal(reply->code, ERROR_OK);
    assert_true(reply->complete);
    assert_int_equal(reply->medfee_sumamt, 105000 * YUAN + 900);
    assert_int_equal(reply->fund_pay_sumamt, 900);
    assert_int_equal(reply->deduct_from, 15000 * YUAN);
    assert_int_equal(reply->deduct_max, 80000 * YUAN);
    assert_string_equal(reply->scope, "cross-province only");
    qingfen__v1__year_sum_get_reply__free_unpacked(reply, NULL);
}

static void a_year_ends_at_midnight_in_shanghai(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2025-12-31T23:59:59", 0, 1000, 0, 0});
    visit(&(struct visit){ANNA, "S2", "2026-01-01T00:00:00", 0, 20, 0, 0});
    check_year(ANNA, 2025, 1, 1000, 0, 0);
    check_year(ANNA, 2026, 1, 20, 0, 0);
    Qingfen__V1__YearSumGetReply *reply = year_of(ANNA, 2026, 0);
    assert_int_equal(reply->code, ERROR_YEAR_INCOMPLETE);
    assert_false(reply->complete);
    assert_int_equal(reply->medfee_sumamt, 20);
    qingfen__v1__year_sum_get_reply__free_unpacked(reply, NULL);
}

static void a_refund_lowers_the_year_of_its_original(void **state)
{
    (void)state;
    const struct visit first = {ANNA, "S1", "2025-06-01T08:00:00", 500, 1000, 300, 0};
    visit(&first);
    visit(&(struct visit){ANNA, "S2", "2026-02-01T08:00:00", 0, 70, 0, 0});
    refund(&(struct visit){ANNA, "R1", "2026-02-02T08:00:00", 100, 400, 100, 0}, "S1");
    check_year(ANNA, 2025, 1, 400, 200, 0);
    check_year(ANNA, 2026, 1, 70, 0, 0);
    /* What is left is less than what was outside the catalogue: nothing is in scope, not less. */
    refund(&(struct visit){ANNA, "R2", "2026-02-03T08:00:00", 0, 500, 0, 0}, "S1");
    check_year(ANNA, 2025, 1, 0, 200, 0);
    refund(&(struct visit){ANNA, "R3", "2026-02-04T08:00:00", 400, 100, 200, 0}, "S1");
    check_year(ANNA, 2025, 0, 0, 0, 0);
    check_year(ANNA, 2026, 1, 70, 0, 0);
}

static void what_was_taken_back_does_not_count(void **state)
{
    (void)state;
    const struct visit v = {ANNA, "S1", "2026-02-01T08:00:00", 500, 1000, 300, 0};
    const struct settlement s = settlement_of(&v);
    post(&s);
    visit(&(struct visit){ANNA, "S2", "2026-02-01T08:00:00", 0, 5000, 0, 0});
    check_year(ANNA, 2026, 2, 5700, 300, 0);
    correct(&s);
    check_year(ANNA, 2026, 1, 5000, 0, 0);
}

/* -- lists of settlements -----------------------------------------------------------------------
 */

#define PAGES_MAX 400

static char seen[PAGES_MAX][CLIENT_NO_SIZE];
static uint32_t seen_count;

static Qingfen__V1__SetlRecordsReply *page(const char *person, const char *token, uint32_t limit,
                                           uint16_t province)
{
    Qingfen__V1__SetlRecords m = QINGFEN__V1__SETL_RECORDS__INIT;
    m.psn_key = key_of(person);
    m.page_token = text(token);
    m.limit = limit;
    return ask(MESSAGE_SETL_RECORDS, province, &m.base,
               &qingfen__v1__setl_records_reply__descriptor);
}

/* Notes what a page says, copies its token; false at the end. */
static bool read_page(const char *person, uint32_t limit, uint16_t province, char token[64])
{
    Qingfen__V1__SetlRecordsReply *reply = page(person, token, limit, province);
    assert_int_equal(reply->code, ERROR_OK);
    assert_in_range(reply->n_records, 0, limit);
    for (size_t i = 0; i < reply->n_records; i++) {
        assert_memory_equal(reply->records[i]->psn_key.data, person, PSN_KEY_SIZE);
        snprintf(seen[seen_count++], CLIENT_NO_SIZE, "%s", reply->records[i]->setl_id);
    }
    snprintf(token, 64, "%s", reply->page_token);
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
    return token[0] != '\0';
}

static uint32_t read_all(const char *person, uint32_t limit, uint16_t province)
{
    char token[64] = "";
    seen_count = 0;
    while (read_page(person, limit, province, token))
        ;
    return seen_count;
}

/* Anna's visits first..last, each followed by one of Bert's. */
static void both_visit(uint32_t first, uint32_t last)
{
    char id[CLIENT_NO_SIZE];
    for (uint32_t n = first; n <= last; n++) {
        snprintf(id, sizeof id, "A%u", n);
        visit(&(struct visit){ANNA, id, "2026-02-01T08:00:00", 0, n, 0, 0});
        snprintf(id, sizeof id, "B%u", n);
        visit(&(struct visit){BERT, id, "2026-02-01T08:00:00", 0, n, 0, 0});
    }
}

static void check_seen(uint32_t count, char letter)
{
    assert_int_equal(seen_count, count);
    for (uint32_t i = 0; i < count; i++) {
        char id[CLIENT_NO_SIZE];
        snprintf(id, sizeof id, "%c%u", letter, count - i);
        assert_string_equal(seen[i], id);
    }
}

static void pages_give_every_record_once_while_new_ones_come(void **state)
{
    (void)state;
    char token[64] = "";
    both_visit(1, 20);
    rig_checkpoint(&rig);
    rig_settle(&rig);
    both_visit(21, 40);
    seen_count = 0;
    assert_true(read_page(ANNA, 7, 0, token));
    both_visit(41, 45);
    assert_true(read_page(ANNA, 7, 0, token));
    rig_checkpoint(&rig); /* What was fresh comes into the store. */
    rig_settle(&rig);
    both_visit(46, 50);
    while (read_page(ANNA, 7, 0, token))
        rig_crash(&rig, true); /* A token outlives the process. */
    check_seen(40, 'A');
    read_all(BERT, 200, 0);
    check_seen(50, 'B');
    read_all(ANNA, 50, 0); /* Exactly one page: no token behind it. */
    check_seen(50, 'A');
}

/* At each step from an entry to its checkpoint the answers are the same. */
static void questions_in_the_middle_of_merges(void **state)
{
    (void)state;
    if (rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    both_visit(1, 10);
    rig_checkpoint(&rig);
    rig_settle(&rig);
    both_visit(11, 20);
    rig_checkpoint(&rig);
    assert_non_null(rig.merge);
    both_visit(21, 30); /* rig_ask() settles: the merge ends on the way. */
    const struct visit v = {ANNA, "A31", "2026-02-01T08:00:00", 0, 31, 0, 0};
    const struct settlement s = settlement_of(&v);
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct request request =
        rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, settlement_encode(&s, body)});
    assert_int_equal(rig_give(&rig, &request, 1), 1); /* Not even written. */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    rig_flush(&rig);
    rig_written(&rig);
    rig_checkpoint(&rig);
    assert_non_null(rig.merge); /* Frozen and handed out … */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    check_year(ANNA, 2026, 31, 31 * 32 / 2, 0, 0);
    rig_merge_run(&rig); /* … written, which nobody was told … */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    rig_merged(&rig); /* … and done. */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    check_year(ANNA, 2026, 31, 31 * 32 / 2, 0, 0);
}

static void a_call_does_a_piece_of_the_work(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "A1", "2026-02-01T08:00:00", 0, 100, 0, 0});
    for (uint32_t n = 1; n <= 1200; n++) {
        char id[CLIENT_NO_SIZE];
        snprintf(id, sizeof id, "B%u", n);
        visit(&(struct visit){BERT, id, "2026-02-01T08:00:00", 0, 1, 0, 0});
    }
    check_year(ANNA, 2026, 1, 100, 0, 0);
    assert_in_range(calls, 2, 8);
    read_all(ANNA, 10, 0);
    assert_in_range(calls, 2, 8);
    check_seen(1, 'A');
    check_year(BERT, 2026, 1200, 1200, 0, 0);
    assert_in_range(calls, 2, 8);
}

/* Two settlements whose refunds one call cannot read together: the second one's wait for the next
 * call, and none counts twice. */
static void a_call_reads_so_many_refunds(void **state)
{
    (void)state;
    char id[CLIENT_NO_SIZE];
    const char *const settled[] = {"S1", "S2"};
    for (int i = 0; i < 2; i++)
        visit(&(struct visit){ANNA, settled[i], "2026-02-01T08:00:00", 0, 10000, 5000, 0});
    for (uint32_t n = 0; n < 1200; n++) {
        snprintf(id, sizeof id, "R%u", n);
        refund(&(struct visit){ANNA, id, "2026-02-02T08:00:00", 0, 2, 1, 0}, settled[n % 2]);
    }
    check_year(ANNA, 2026, 2, 2 * (5000 - 600), 2 * (5000 - 600), 0);
    assert_in_range(calls, 2, 8);
}

static void a_token_is_good_for_its_question_alone(void **state)
{
    (void)state;
    char token[64] = "";
    both_visit(1, 5);
    seen_count = 0;
    assert_true(read_page(ANNA, 2, 0, token));
    Qingfen__V1__SetlRecordsReply *reply = page(BERT, token, 2, 0);
    assert_int_equal(reply->code, ERROR_MALFORMED);
    assert_int_equal(reply->n_records, 0);
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
    token[15] = token[15] == '1' ? '2' : '1';
    reply = page(ANNA, token, 2, 0);
    assert_int_equal(reply->code, ERROR_MALFORMED);
    assert_non_null(strstr(reply->text, "page_token"));
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
}

static void a_range_has_bounds(void **state)
{
    (void)state;
    Qingfen__V1__SetlRecords m = QINGFEN__V1__SETL_RECORDS__INIT;
    visit(&(struct visit){ANNA, "S1", "2025-02-01T08:00:00", 0, 1, 0, 0});
    visit(&(struct visit){ANNA, "S2", "2025-02-02T08:00:00", 0, 1, 0, 0});
    m.psn_key = key_of(ANNA);
    m.from = at("2025-02-02T00:00:00");
    m.to = m.from + 366 * MS_PER_DAY;
    Qingfen__V1__SetlRecordsReply *reply =
        ask(MESSAGE_SETL_RECORDS, 0, &m.base, &qingfen__v1__setl_records_reply__descriptor);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->n_records, 1);
    assert_string_equal(reply->records[0]->setl_id, "S2");
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
    m.to++;
    reply = ask(MESSAGE_SETL_RECORDS, 0, &m.base, &qingfen__v1__setl_records_reply__descriptor);
    assert_int_equal(reply->code, ERROR_RANGE_TOO_WIDE);
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
}

static void a_province_sees_what_it_has_a_part_in(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 0, 1, 0, 0});
    assert_int_equal(read_all(ANNA, 10, 51), 1);
    assert_int_equal(read_all(ANNA, 10, 31), 1);
    assert_int_equal(read_all(ANNA, 10, 53), 0);
    Qingfen__V1__YearSumGetReply *reply = year_of(ANNA, 2026, 51);
    assert_int_equal(reply->count, 1);
    qingfen__v1__year_sum_get_reply__free_unpacked(reply, NULL);
    reply = year_of(ANNA, 2026, 31); /* Treated there, but insured elsewhere. */
    assert_int_equal(reply->code, ERROR_NOT_PERMITTED);
    assert_int_equal(reply->count, 0);
    qingfen__v1__year_sum_get_reply__free_unpacked(reply, NULL);
}

/* -- statements ---------------------------------------------------------------------------------
 */

static Qingfen__V1__StmtGetReply *statement(const char *person, const char *setl_id,
                                            uint16_t province)
{
    Qingfen__V1__StmtGet m = QINGFEN__V1__STMT_GET__INIT;
    m.psn_key = key_of(person);
    m.insu_admdvs = SICHUAN;
    m.setl_id = text(setl_id);
    return ask(MESSAGE_STMT_GET, province, &m.base, &qingfen__v1__stmt_get_reply__descriptor);
}

static void check_refused(const char *person, const char *setl_id, uint16_t province, uint32_t code)
{
    Qingfen__V1__StmtGetReply *reply = statement(person, setl_id, province);
    assert_int_equal(reply->code, code);
    assert_null(reply->settlement);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

static void a_statement_is_for_whom_it_concerns(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 50, 100, 0, 0});
    check_refused(BERT, "S1", 0, ERROR_NOT_PERMITTED);
    check_refused(BERT, "S2", 0, ERROR_NOT_FOUND);
    check_refused(ANNA, "S1", 53, ERROR_NOT_PERMITTED);
    const uint16_t may[] = {0, 51, 31};
    for (size_t i = 0; i < 3; i++) {
        Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", may[i]);
        assert_int_equal(reply->code, ERROR_OK);
        assert_string_equal(reply->settlement->setl_id, "S1");
        assert_int_equal(reply->settlement->medfee_sumamt, 150);
        assert_string_equal(reply->state, "ACCRUED");
        assert_int_equal(reply->clr_period, 202602);
        assert_int_equal(reply->n_chain, 0);
        assert_int_equal(reply->left_medfee, 150);
        assert_int_equal(reply->left_fund, 50);
        assert_int_equal(reply->left_cash, 100);
        qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    }
}

/* Who has a part in a settlement needs no more than its number. */
static void a_province_need_not_say_whose_it_is(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 50, 100, 0, 0});
    const struct {
        uint16_t province;
        uint32_t code;
    } cases[] = {{0, ERROR_MALFORMED}, {51, ERROR_OK}, {31, ERROR_OK}, {53, ERROR_NOT_PERMITTED}};
    for (size_t i = 0; i < 4; i++) {
        Qingfen__V1__StmtGet m = QINGFEN__V1__STMT_GET__INIT;
        m.insu_admdvs = SICHUAN;
        m.setl_id = text("S1");
        Qingfen__V1__StmtGetReply *reply = ask(MESSAGE_STMT_GET, cases[i].province, &m.base,
                                               &qingfen__v1__stmt_get_reply__descriptor);
        assert_int_equal(reply->code, cases[i].code);
        qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    }
}

static void the_chain_gives_what_is_left(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 1000, 2000, 0, 0});
    refund(&(struct visit){ANNA, "R1", "2026-02-02T08:00:00", 100, 200, 0, 0}, "S1");
    struct settlement second =
        settlement_of(&(struct visit){ANNA, "R2", "2026-02-03T08:00:00", 10, 20, 0, 0});
    for (int i = 0; i < AMOUNT_COUNT; i++)
        second.amounts[i] = -second.amounts[i];
    second.refd_setl_flag = true;
    second.orig_setl_id = bytes_of("S1");
    post(&second);
    correct(&second); /* That one was a mistake. */

    for (int i = 0; i < 2; i++) { /* A refund's own number leads to the same paper. */
        Qingfen__V1__StmtGetReply *reply = statement(ANNA, i == 0 ? "S1" : "R1", 0);
        assert_int_equal(reply->code, ERROR_OK);
        assert_string_equal(reply->settlement->setl_id, "S1");
        assert_int_equal(reply->n_chain, 3);
        assert_string_equal(reply->chain[0]->what, "refund");
        assert_string_equal(reply->chain[0]->setl_id, "R1");
        assert_int_equal(reply->chain[0]->medfee_sumamt, -300);
        assert_string_equal(reply->chain[1]->setl_id, "R2");
        assert_int_equal(reply->chain[1]->psn_cash_pay, -20);
        assert_string_equal(reply->chain[2]->what, "correction");
        assert_int_equal(reply->chain[2]->psn_cash_pay, 20);
        assert_int_equal(reply->left_medfee, 2700);
        assert_int_equal(reply->left_fund, 900);
        assert_int_equal(reply->left_cash, 1800);
        qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    }
}

/* An adjustment moves money of the pool, and nothing that was billed. */
static void the_chain_names_adjustments(void **state)
{
    (void)state;
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 1000, 2000, 0, 0});
    adjust("J1", "S1", -300);
    Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 1);
    assert_string_equal(reply->chain[0]->what, "adjustment");
    assert_string_equal(reply->chain[0]->setl_id, "J1");
    assert_int_equal(reply->chain[0]->fund_pay_sumamt, -300);
    assert_int_equal(reply->chain[0]->medfee_sumamt, 0);
    assert_int_equal(reply->left_medfee, 3000);
    assert_int_equal(reply->left_fund, 700);
    assert_int_equal(reply->left_cash, 2000);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

/* The latest 256 steps of a chain, and a word on the others. A step that would be the 257th may be
 * half of what a correction brings. */
static void a_chain_longer_than_a_statement(void **state)
{
    (void)state;
    char id[CLIENT_NO_SIZE];
    struct settlement wrong;
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 0, 10000, 0, 0});
    for (uint32_t n = 1; n <= 256; n++) {
        snprintf(id, sizeof id, "R%u", n);
        const struct visit v = {ANNA, id, "2026-02-02T08:00:00", 0, 1, 0, 0};
        if (n != 1) {
            refund(&v, "S1");
            continue;
        }
        wrong = settlement_of(&v);
        wrong.msgid = bytes_of("WRONG");
        for (int i = 0; i < AMOUNT_COUNT; i++)
            wrong.amounts[i] = -wrong.amounts[i];
        wrong.refd_setl_flag = true;
        wrong.orig_setl_id = bytes_of("S1");
        post(&wrong);
    }
    Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 256);
    assert_string_equal(reply->text, "");
    assert_string_equal(reply->chain[0]->setl_id, "R1");
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    correct(&wrong); /* Its correction is the 256th, and it has no place itself. */
    reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 256);
    assert_non_null(strstr(reply->text, "the chain is longer"));
    assert_int_equal(reply->left_medfee, 10000 - 255);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    refund(&(struct visit){ANNA, "R257", "2026-02-02T08:00:00", 0, 1, 0, 0}, "S1");
    reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 256);
    assert_string_equal(reply->chain[255]->setl_id, "R257");
    assert_string_equal(reply->chain[0]->setl_id, "R2");
    assert_non_null(strstr(reply->text, "the chain is longer"));
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

static uint32_t adjustments_judged;

static void judge_again(void *context, const struct shard *shard, const struct entry *entry)
{
    (void)context;
    const char *why = shard_judge_again(shard, entry);
    if (why != NULL) fail_msg("entry %lu: %s", entry->seq, why);
    adjustments_judged += entry->kind == ENTRY_ADJUSTMENT;
}

/* As verify does in depth: today's rules would decide the same, adjustments too. */
static void adjustments_are_judged_again(void **state)
{
    (void)state;
    if (rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 1000, 2000, 0, 0});
    adjust("J1", "S1", -300);
    adjust("J2", "S1", 100);
    adjustments_judged = 0;
    rig.watch = judge_again;
    rig_crash(&rig, true);
    rig.watch = NULL;
    assert_int_equal(adjustments_judged, 2);
}

static void of_what_was_taken_back_nothing_is_left(void **state)
{
    (void)state;
    const struct visit v = {ANNA, "S1", "2026-02-01T08:00:00", 500, 1000, 300, 0};
    const struct settlement s = settlement_of(&v);
    post(&s);
    correct(&s);
    Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", 0);
    assert_string_equal(reply->state, "REVERSED");
    assert_int_equal(reply->n_chain, 1);
    assert_string_equal(reply->chain[0]->what, "correction");
    assert_int_equal(reply->chain[0]->medfee_sumamt, -1500);
    assert_int_equal(reply->left_medfee, 0);
    assert_int_equal(reply->left_cash, 0);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    assert_int_equal(read_all(ANNA, 10, 0), 0);
}

/* -- wallets ------------------------------------------------------------------------------------
 */

static struct wallet_order order(uint16_t type)
{
    return (struct wallet_order){.type = type, .msgid = bytes_of(number("M"))};
}

static void pump(void)
{
    while (rig_mail(&rig, &rig))
        ;
}

/* Sends an order as a home would; gives the id in the answer, until the next one. */
static const char *send(const struct wallet_order *o, uint16_t province)
{
    static char id[WALLET_ID_SIZE];
    uint8_t body[sizeof(struct wallet_fact) + 1024] = {0};
    uint8_t *message = body + sizeof(struct wallet_fact);
    const size_t size = wire_encode(wallet_table(o->type), o, message);
    struct request request = {.type = o->type, .province = province, .body = {message, size}};
    if (o->type == MESSAGE_RLTS_BIND || o->type == MESSAGE_TRSF_SUBMIT ||
        o->type == MESSAGE_TRSF_ACCEPT || o->type == MESSAGE_PREM_PAY) {
        const struct request first = {
            .type = REQUEST_WALLET_FACT,
            .period = o->type,
            .body = o->type == MESSAGE_PREM_PAY ? (struct bytes){message, size} : o->other_key};
        rig_forget(&rig);
        rig_make_old(&rig);
        assert_int_equal(rig_give(&rig, &first, 1), 1);
        rig_settle(&rig);
        assert_int_equal(rig.results[0].result.data_size, sizeof(struct wallet_fact));
        memcpy(body, rig.results[0].result.data, sizeof(struct wallet_fact));
        request.area = sizeof(struct wallet_fact);
        request.body = (struct bytes){body, sizeof(struct wallet_fact) + size};
    }
    rig_forget(&rig);
    rig_make_old(&rig);
    assert_int_equal(rig_give(&rig, &request, 1), 1);
    rig_settle(&rig);
    Qingfen__V1__WalletReply *reply = qingfen__v1__wallet_reply__unpack(
        NULL, rig.results[0].result.data_size, rig.results[0].result.data);
    assert_non_null(reply);
    if (reply->code != ERROR_OK) fail_msg("%04x: %u %s", o->type, reply->code, reply->text);
    const char *const ids[] = {reply->trsf_id, reply->pay_id, reply->rev_id, reply->rlts_id,
                               reply->wlt_id};
    id[0] = '\0';
    for (int i = 4; i >= 0; i--)
        if (ids[i][0] != '\0') snprintf(id, sizeof id, "%s", ids[i]);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    pump();
    return id;
}

static void open_wallet(const char *person, uint32_t area)
{
    struct wallet_order o = order(MESSAGE_WLT_OPEN);
    o.psn_key = bytes_of(person);
    o.insu_admdvs = area;
    o.use_loc_admdvs = SHANGHAI;
    o.insutype = 310;
    send(&o, 0);
}

/* To Anna. */
static void transfer(const char *giver, int64_t amount, bool is_accepted)
{
    char trsf_id[WALLET_ID_SIZE];
    struct wallet_order o = order(MESSAGE_TRSF_SUBMIT);
    o.psn_key = bytes_of(giver);
    o.other_key = bytes_of(ANNA);
    o.client_no = bytes_of(number("C"));
    o.src = 1;
    o.amount = amount;
    snprintf(trsf_id, sizeof trsf_id, "%s", send(&o, 0));
    o = order(MESSAGE_TRSF_ACCEPT);
    o.trsf_id = bytes_of(trsf_id);
    o.other_key = bytes_of(ANNA);
    if (is_accepted) send(&o, 0);
}

/* A relative of Anna's in the area of another province gives her so much. */
static void give(const char *giver, uint32_t area, int64_t amount)
{
    open_wallet(giver, area);
    struct wallet_order o = order(MESSAGE_RLTS_BIND);
    o.psn_key = bytes_of(giver);
    o.other_key = bytes_of(ANNA);
    o.rlts_code = 3;
    o.flag = o.flag2 = true;
    send(&o, 0);
    o = order(MESSAGE_PA_GRANT);
    o.psn_key = bytes_of(giver);
    o.insu_admdvs = area;
    o.amount = 500000;
    o.which = 1;
    send(&o, (uint16_t)(area / 10000));
    transfer(giver, amount, true);
}

/* Bert of Yunnan gives Anna of Sichuan 1,000 yuan; both may use it in Shanghai. */
static void fill_wallet(void)
{
    open_wallet(ANNA, SICHUAN);
    give(BERT, YUNNAN, 100000);
}

static Qingfen__V1__WltQueryReply *wallet(const char *person, uint16_t province)
{
    Qingfen__V1__WltQuery m = QINGFEN__V1__WLT_QUERY__INIT;
    m.psn_key = key_of(person);
    return ask(MESSAGE_WLT_QUERY, province, &m.base, &qingfen__v1__wlt_query_reply__descriptor);
}

static void a_wallet_with_its_lists(void **state)
{
    (void)state;
    fill_wallet();
    transfer(BERT, 30000, false);
    Qingfen__V1__WltQueryReply *reply = wallet(ANNA, 51);
    assert_int_equal(reply->code, ERROR_OK);
    assert_string_equal(reply->state, "OPEN");
    assert_int_equal(reply->insu_admdvs, SICHUAN);
    assert_int_equal(reply->use_loc_admdvs, SHANGHAI);
    assert_int_equal(reply->balc, 100000);
    assert_int_equal(reply->free_balc, 100000);
    assert_int_equal(reply->n_lots, 1);
    assert_int_equal(reply->lots[0]->admdvs, YUNNAN);
    assert_int_equal(reply->n_relations, 1);
    assert_string_equal(reply->lots[0]->rlts_id, reply->relations[0]->rlts_id);
    assert_int_equal(reply->n_transfers, 1);
    assert_true(reply->transfers[0]->incoming);
    assert_int_equal(reply->transfers[0]->admdvs, YUNNAN);
    assert_int_equal(reply->transfers[0]->exp_at, at("2026-03-03T06:00:00"));
    qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);

    reply = wallet(BERT, 0);
    assert_int_equal(reply->granted, 500000);
    assert_int_equal(reply->held, 130000);
    assert_int_equal(reply->day_count, 2);
    assert_int_equal(reply->day_sum, 130000);
    assert_string_equal(reply->transfers[0]->stas, "PENDING");
    qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);
    set_clock("2026-03-03T05:00:00"); /* Counters are of a day. */
    reply = wallet(BERT, 0);
    assert_int_equal(reply->day_count, 0);
    qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);
}

static void a_wallet_is_for_whom_it_concerns(void **state)
{
    (void)state;
    open_wallet(ANNA, SICHUAN);
    const struct {
        const char *person;
        uint16_t province;
        uint32_t code;
    } cases[] = {{ANNA, 53, ERROR_NOT_PERMITTED},
                 {ANNA, 31, ERROR_NOT_PERMITTED},
                 {BERT, 0, ERROR_NOT_FOUND},
                 {ANNA, 51, ERROR_OK}};
    for (size_t i = 0; i < 4; i++) {
        Qingfen__V1__WltQueryReply *reply = wallet(cases[i].person, cases[i].province);
        assert_int_equal(reply->code, cases[i].code);
        assert_int_equal(reply->wlt_id[0] != '\0', cases[i].code == ERROR_OK);
        qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);
    }
}

struct told {
    const char *kind;
    const char *what;
    int64_t amount;
    const char *ref; /* NULL: whatever. */
};

/* The whole history, by pages of `limit`, newest first, is this. */
static void check_history(const char *person, const char *kind, uint32_t limit,
                          const struct told *told, uint32_t count)
{
    char token[64] = "";
    uint32_t at_row = 0;
    do {
        Qingfen__V1__WltRecords m = QINGFEN__V1__WLT_RECORDS__INIT;
        m.psn_key = key_of(person);
        m.kind = text(kind);
        m.page_token = token;
        m.limit = limit;
        Qingfen__V1__WltRecordsReply *reply =
            ask(MESSAGE_WLT_RECORDS, 0, &m.base, &qingfen__v1__wlt_records_reply__descriptor);
        assert_int_equal(reply->code, ERROR_OK);
        assert_in_range(reply->n_records, 0, limit);
        for (size_t i = 0; i < reply->n_records; i++, at_row++) {
            const Qingfen__V1__WltRecord *record = reply->records[i];
            assert_in_range(at_row, 0, count - 1);
            assert_string_equal(record->kind, told[at_row].kind);
            assert_string_equal(record->what, told[at_row].what);
            assert_int_equal(record->amt, told[at_row].amount);
            if (told[at_row].ref != NULL) assert_string_equal(record->ref, told[at_row].ref);
        }
        snprintf(token, sizeof token, "%s", reply->page_token);
        qingfen__v1__wlt_records_reply__free_unpacked(reply, NULL);
    } while (token[0] != '\0');
    assert_int_equal(at_row, count);
}

static void the_history_of_a_wallet(void **state)
{
    (void)state;
    fill_wallet();
    transfer(BERT, 30000, false);
    set_clock("2026-03-03T09:00:00"); /* Nobody took it. */
    rig_settle(&rig);
    pump();
    visit(&(struct visit){ANNA, "S1", "2026-03-03T08:00:00", 0, 50000, 0, 40000});
    pump();
    refund(&(struct visit){ANNA, "R1", "2026-03-03T08:30:00", 0, 50000, 0, 40000}, "S1");
    pump();
    static const struct told annas[] = {
        {"payment", "reversed", 40000, "R1"},
        {"payment", "paid", 40000, "S1"},
        {"transfer", "returned", 30000, "expired"},
        {"transfer", "offered", 30000, NULL},
        {"transfer", "received", 100000, NULL},
        {"transfer", "offered", 100000, NULL},
        {"relation", "bound", 0, NULL},
        {"wallet", "opened", 0, NULL},
    };
    static const struct told berts[] = {
        {"transfer", "restored", 40000, NULL},
        {"transfer", "consumed", 40000, NULL},
        {"transfer", "returned", 30000, "expired"},
        {"transfer", "submitted", 30000, NULL},
        {"transfer", "accepted", 100000, NULL},
        {"transfer", "submitted", 100000, NULL},
        {"wallet", "granted", 500000, NULL},
        {"relation", "bound", 0, NULL},
        {"wallet", "opened", 0, NULL},
    };
    for (uint32_t limit = 1; limit <= 10; limit += 3) {
        check_history(ANNA, "", limit, annas, 8);
        check_history(BERT, "", limit, berts, 9);
    }
    check_history(ANNA, "payment", 1, annas, 2);
    check_history(BERT, "transfer", 4, berts, 6);
    check_history(ANNA, "premium", 4, NULL, 0);
}

static void pay(const char *setl_id, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_WLT_PAY);
    o.psn_key = bytes_of(ANNA);
    o.setl_id = bytes_of(setl_id);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.mdtrtarea_admvs = SHANGHAI;
    o.use = 1;
    o.amount = amount;
    send(&o, 31);
}

static void take_back(const char *setl_id, const char *number_of_it, int64_t amount)
{
    struct wallet_order o = order(MESSAGE_WLT_PAY_REVERSE);
    o.psn_key = bytes_of(ANNA);
    o.setl_id = bytes_of(setl_id);
    o.client_no = bytes_of(number_of_it);
    o.mdtrtarea_admvs = SHANGHAI;
    o.amount = amount;
    send(&o, 31);
}

/* More than one call looks at, and none of it is of the kind that was asked for: the calls go on by
 * themselves. A page is not held back when there is something on it. */
static void a_call_looks_at_so_much_of_a_wallet(void **state)
{
    (void)state;
    static const struct told annas[] = {{"wallet", "opened", 0, NULL}};
    fill_wallet();
    for (uint32_t n = 1; n <= 300; n++)
        pay(number("S"), 1);
    check_history(ANNA, "wallet", 10, annas, 1);
    assert_in_range(calls, 2, 3);
}

static void check_days(const char *from, const char *to, uint64_t count)
{
    Qingfen__V1__WltRecords m = QINGFEN__V1__WLT_RECORDS__INIT;
    m.psn_key = key_of(ANNA);
    m.kind = text("payment");
    m.from = from[0] == '\0' ? 0 : at(from);
    m.to = to[0] == '\0' ? 0 : at(to);
    Qingfen__V1__WltRecordsReply *reply =
        ask(MESSAGE_WLT_RECORDS, 0, &m.base, &qingfen__v1__wlt_records_reply__descriptor);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->n_records, count);
    assert_string_equal(reply->page_token, "");
    qingfen__v1__wlt_records_reply__free_unpacked(reply, NULL);
}

static void the_history_of_some_days(void **state)
{
    (void)state;
    fill_wallet();
    const char *const days[] = {"2026-03-02T13:00:00", "2026-03-03T12:00:00",
                                "2026-03-04T12:00:00"};
    for (int i = 0; i < 3; i++) {
        set_clock(days[i]);
        pay(number("S"), 100);
    }
    check_days("", "", 3);
    check_days("2026-03-03T00:00:00", "", 2);
    check_days("2026-03-04T00:00:00", "", 1);
    check_days("2026-03-01T00:00:00", "2026-03-03T23:00:00", 2);
    check_days("2026-03-03T00:00:00", "2026-03-03T23:00:00", 1);
    check_days("2026-03-05T00:00:00", "", 0);
}

static void check_step(const Qingfen__V1__StmtStep *step, const char *what, const char *setl_id,
                       int64_t wlt)
{
    assert_string_equal(step->what, what);
    assert_string_equal(step->setl_id, setl_id);
    assert_int_equal(step->wlt_pay, wlt);
}

static void a_statement_says_whose_wallet_paid(void **state)
{
    (void)state;
    fill_wallet();
    visit(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 50000, 0, 40000});
    pump();
    refund(&(struct visit){ANNA, "R1", "2026-03-02T08:30:00", 0, 10000, 0, 10000}, "S1");
    pump();
    Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_wallet, 1);
    assert_int_equal(reply->wallet[0]->province, 53);
    assert_int_equal(reply->wallet[0]->amt, 40000);
    assert_int_equal(reply->n_chain, 1);
    check_step(reply->chain[0], "refund", "R1", -10000);
    assert_int_equal(reply->left_wlt, 30000);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

/* Each province whose people gave what was spent, once: two lots of one make one line. */
static void a_statement_names_each_givers_province(void **state)
{
    (void)state;
    fill_wallet();
    give(CARL, HUBEI, 30000);
    transfer(BERT, 20000, true);
    visit(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 150000, 0, 145000});
    pump();
    Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_wallet, 2);
    assert_int_equal(reply->wallet[0]->province, 53);
    assert_int_equal(reply->wallet[0]->amt, 115000);
    assert_int_equal(reply->wallet[1]->province, 42);
    assert_int_equal(reply->wallet[1]->amt, 30000);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

/* Paid by a message of its own, and taken back by some: before the settlement, twice as a refund
 * and as a reversal of one number, and after it. */
static void a_statement_counts_each_reversal_once(void **state)
{
    (void)state;
    fill_wallet();
    pay("S1", 45000);
    take_back("S1", "V0", 5000);
    visit(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 50000, 0, 40000});
    pump();
    refund(&(struct visit){ANNA, "R1", "2026-03-02T08:30:00", 0, 10000, 0, 10000}, "S1");
    pump();
    take_back("S1", "R2", 3000);
    refund(&(struct visit){ANNA, "R2", "2026-03-02T08:40:00", 0, 3000, 0, 3000}, "S1");
    pump();
    take_back("S1", "V1", 5000);
    Qingfen__V1__StmtGetReply *reply = statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_wallet, 1);
    assert_int_equal(reply->wallet[0]->amt, 40000);
    assert_int_equal(reply->n_chain, 3);
    check_step(reply->chain[0], "refund", "R1", -10000);
    check_step(reply->chain[1], "refund", "R2", -3000);
    check_step(reply->chain[2], "wallet", "V1", -5000);
    assert_int_equal(reply->left_wlt, 22000);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    Qingfen__V1__WltQueryReply *left = wallet(ANNA, 0);
    assert_int_equal(left->balc, 100000 - 22000);
    qingfen__v1__wlt_query_reply__free_unpacked(left, NULL);
}

/* Paid by the insured person's own wallet: the payment and what it covers are told one by one. */
static void the_history_of_a_premium(void **state)
{
    (void)state;
    char pay_id[WALLET_ID_SIZE];
    fill_wallet();
    struct wallet_order o = order(MESSAGE_PREM_DUE);
    o.psn_key = bytes_of(ANNA);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = 40000;
    send(&o, 51);
    o = order(MESSAGE_PREM_PAY);
    o.psn_key = o.other_key = bytes_of(ANNA);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = 40000;
    o.flag = true;
    snprintf(pay_id, sizeof pay_id, "%s", send(&o, 0));
    o = order(MESSAGE_PREM_REVERSE);
    o.pay_id = bytes_of(pay_id);
    o.client_no = bytes_of("V1");
    o.reason = 1;
    o.sender_admdvs = SICHUAN;
    send(&o, 51);
    static const struct told annas[] = {
        {"premium", "reversed", 40000, ""}, {"premium", "reversed", 40000, "V1"},
        {"premium", "covered", 40000, ""},  {"premium", "paid", 40000, NULL},
        {"premium", "due", 40000, NULL},
    };
    check_history(ANNA, "premium", 2, annas, 5);
}

/* -- places -------------------------------------------------------------------------------------
 */

static Qingfen__V1__RegionQueryReply *region(uint32_t area)
{
    Qingfen__V1__RegionQuery m = QINGFEN__V1__REGION_QUERY__INIT;
    m.admdvs = area;
    return ask(MESSAGE_REGION_QUERY, 51, &m.base, &qingfen__v1__region_query_reply__descriptor);
}

static void check_param(uint32_t area, const char *name, const char *value, uint32_t source)
{
    Qingfen__V1__RegionQueryReply *reply = region(area);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->n_params, PARAM_COUNT);
    for (size_t i = 0; i < reply->n_params; i++) {
        if (strcmp(reply->params[i]->param, name) != 0) continue;
        assert_string_equal(reply->params[i]->value, value);
        assert_int_equal(reply->params[i]->admdvs, source);
    }
    qingfen__v1__region_query_reply__free_unpacked(reply, NULL);
}

static void rules_of_a_region_and_where_they_come_from(void **state)
{
    (void)state;
    check_param(SICHUAN, "trsf_max_each", "120000", SICHUAN);
    check_param(510300, "trsf_max_each", "150000", 510000);
    check_param(YUNNAN, "trsf_max_each", "200000", 0);
    check_param(YUNNAN, "wallet_enabled", "on", 0);
    check_param(440100, "wallet_enabled", "off", 440000);
    Qingfen__V1__RegionQueryReply *reply = region(440100);
    assert_false(reply->wallet_enabled);
    qingfen__v1__region_query_reply__free_unpacked(reply, NULL);
    reply = region(SICHUAN);
    assert_true(reply->wallet_enabled);
    qingfen__v1__region_query_reply__free_unpacked(reply, NULL);
    reply = region(999999);
    assert_int_equal(reply->code, ERROR_AREA_UNKNOWN);
    qingfen__v1__region_query_reply__free_unpacked(reply, NULL);
}

static Qingfen__V1__InstQueryReply *institution(const char *code)
{
    Qingfen__V1__InstQuery m = QINGFEN__V1__INST_QUERY__INIT;
    m.fixmedins_code = text(code);
    return ask(MESSAGE_INST_QUERY, 0, &m.base, &qingfen__v1__inst_query_reply__descriptor);
}

static void push_institution(uint32_t version, uint32_t level, uint32_t to)
{
    struct wallet_order o = order(MESSAGE_INST_DIR_PUSH);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.name = bytes_of("第一人民医院");
    o.place = SHANGHAI;
    o.which = version;
    o.level_wallet = level;
    o.to = to;
    send(&o, 31);
}

static void check_takes(bool takes)
{
    Qingfen__V1__InstQueryReply *reply = institution(HOSPITAL);
    assert_int_equal(reply->code, ERROR_OK);
    assert_string_equal(reply->institution->fixmedins_name, "第一人民医院");
    assert_int_equal(reply->wallet, takes);
    qingfen__v1__inst_query_reply__free_unpacked(reply, NULL);
}

static void an_institution_and_its_wallet(void **state)
{
    (void)state;
    Qingfen__V1__InstQueryReply *reply = institution(HOSPITAL);
    assert_int_equal(reply->code, ERROR_NOT_FOUND);
    qingfen__v1__inst_query_reply__free_unpacked(reply, NULL);
    push_institution(1, 1, 0);
    check_takes(true);
    push_institution(2, 3, 0);
    check_takes(false);
    push_institution(3, 2, 20260302);
    check_takes(true);
    push_institution(4, 1, 20260301);
    check_takes(false);
    visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 0, 1, 0, 0});
    Qingfen__V1__StmtGetReply *paper = statement(ANNA, "S1", 0);
    assert_string_equal(paper->fixmedins_name, "第一人民医院");
    qingfen__v1__stmt_get_reply__free_unpacked(paper, NULL);
}

/* -- outboxes -----------------------------------------------------------------------------------
 */

static Qingfen__V1__OutboxGetReply *outbox(uint32_t dest, uint64_t after, uint32_t limit,
                                           uint16_t province)
{
    Qingfen__V1__OutboxGet m = QINGFEN__V1__OUTBOX_GET__INIT;
    m.dest = dest;
    m.after = after;
    m.limit = limit;
    return ask(MESSAGE_OUTBOX_GET, province, &m.base, &qingfen__v1__outbox_get_reply__descriptor);
}

static void what_waits_for_a_destination(void **state)
{
    (void)state;
    fill_wallet();
    transfer(BERT, 30000, false);
    Qingfen__V1__OutboxGetReply *reply = outbox(0, 0, 1, 0);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->acked, 0);
    assert_int_equal(reply->last, 2); /* Two notices of transfers to the platform. */
    assert_int_equal(reply->n_messages, 1);
    assert_int_equal(reply->messages[0]->position, 1);
    assert_int_equal(reply->messages[0]->type, OUT_TRSF_NOTICE);
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);

    struct wallet_order o = order(MESSAGE_OUTBOX_ACK);
    o.position = 1;
    send(&o, 0);
    reply = outbox(0, 0, 10, 0);
    assert_int_equal(reply->acked, 1);
    assert_int_equal(reply->n_messages, 1);
    assert_int_equal(reply->messages[0]->position, 2);
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);
    reply = outbox(0, 2, 10, 0);
    assert_int_equal(reply->n_messages, 0);
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);
    reply = outbox(0, 0, 10, 53);
    assert_int_equal(reply->code, ERROR_SENDER_NOT_ALLOWED);
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);
    reply = outbox(53, 0, 10, 53);
    assert_int_equal(reply->code, ERROR_OK);
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);
}

/* -- through the step ---------------------------------------------------------------------------
 */

static void a_question_waits_for_what_it_knows_of(void **state)
{
    (void)state;
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    uint8_t packed[64];
    const struct visit v = {ANNA, "S1", "2026-02-01T08:00:00", 0, 31, 0, 0};
    const struct settlement s = settlement_of(&v);
    Qingfen__V1__SetlRecords m = QINGFEN__V1__SETL_RECORDS__INIT;
    m.psn_key = key_of(ANNA);
    const struct request requests[] = {
        rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, settlement_encode(&s, body)}),
        {.type = REQUEST_PERSON,
         .period = MESSAGE_SETL_RECORDS,
         .body = {packed, qingfen__v1__setl_records__pack(&m, packed)}},
    };
    rig_forget(&rig);
    assert_int_equal(rig_give(&rig, requests, 2), 2);
    rig_flush(&rig);
    assert_int_equal(rig.result_count, 0); /* The record is not durable: nobody hears of it. */
    rig_written(&rig);
    rig_settle(&rig);
    assert_int_equal(rig.result_count, 2);
    const struct result *result = &rig.results[1].result;
    assert_int_equal(result->code, ERROR_OK);
    assert_int_equal(result->state, STATE_NONE);
    Qingfen__V1__SetlRecordsReply *reply =
        qingfen__v1__setl_records_reply__unpack(NULL, result->data_size, result->data);
    assert_non_null(reply);
    assert_int_equal(reply->n_records, 1);
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_deductible_of_a_year),
        TEST(a_year_ends_at_midnight_in_shanghai),
        TEST(a_refund_lowers_the_year_of_its_original),
        TEST(what_was_taken_back_does_not_count),
        TEST(pages_give_every_record_once_while_new_ones_come),
        TEST(questions_in_the_middle_of_merges),
        TEST(a_call_does_a_piece_of_the_work),
        TEST(a_call_reads_so_many_refunds),
        TEST(a_token_is_good_for_its_question_alone),
        TEST(a_range_has_bounds),
        TEST(a_province_sees_what_it_has_a_part_in),
        TEST(a_statement_is_for_whom_it_concerns),
        TEST(a_province_need_not_say_whose_it_is),
        TEST(the_chain_gives_what_is_left),
        TEST(the_chain_names_adjustments),
        TEST(adjustments_are_judged_again),
        TEST(a_chain_longer_than_a_statement),
        TEST(of_what_was_taken_back_nothing_is_left),
        TEST(a_wallet_with_its_lists),
        TEST(a_wallet_is_for_whom_it_concerns),
        TEST(the_history_of_a_wallet),
        TEST(a_call_looks_at_so_much_of_a_wallet),
        TEST(the_history_of_some_days),
        TEST(a_statement_says_whose_wallet_paid),
        TEST(a_statement_names_each_givers_province),
        TEST(a_statement_counts_each_reversal_once),
        TEST(the_history_of_a_premium),
        TEST(rules_of_a_region_and_where_they_come_from),
        TEST(an_institution_and_its_wallet),
        TEST(what_waits_for_a_destination),
        TEST(a_question_waits_for_what_it_knows_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
