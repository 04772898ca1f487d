/* What persons ask a shard about their settlements: years and their deductible, pages that give
 * every record once, who may see what; asked at any moment of a merge. */
#include <stdio.h>

#include "codec/messages.h"
#include "tests/lib/life_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"

/* -- years ------------------------------------------------------------------------------------- */

static Qingfen__V1__YearSumGetReply *year_of(const char *person, uint32_t year, uint16_t province)
{
    Qingfen__V1__YearSumGet m = QINGFEN__V1__YEAR_SUM_GET__INIT;
    m.psn_key = life_key(person);
    m.year = year;
    return life_ask(MESSAGE_YEAR_SUM_GET, province, &m.base,
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

/* The figures of the announcement on the deduction: above 15,000, at most 80,000 yuan. */
static void the_deductible_of_a_year(void **state)
{
    (void)state;
    life_visit(&(struct visit){ANNA, "S1", "2025-03-01T08:00:00", 0, 15000 * YUAN, 0, 0});
    check_year(ANNA, 2025, 1, 15000 * YUAN, 0, 0);
    life_visit(&(struct visit){ANNA, "S2", "2025-04-01T08:00:00", 900, 30000 * YUAN, 0, 0});
    check_year(ANNA, 2025, 2, 45000 * YUAN, 0, 30000 * YUAN);
    /* What is outside the catalogue does not count. */
    life_visit(&(struct visit){ANNA, "S3", "2025-05-01T08:00:00", 0, 60000 * YUAN, 5000 * YUAN, 0});
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
    life_visit(&(struct visit){ANNA, "S1", "2025-12-31T23:59:59", 0, 1000, 0, 0});
    life_visit(&(struct visit){ANNA, "S2", "2026-01-01T00:00:00", 0, 20, 0, 0});
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
    life_visit(&first);
    life_visit(&(struct visit){ANNA, "S2", "2026-02-01T08:00:00", 0, 70, 0, 0});
    life_refund(&(struct visit){ANNA, "R1", "2026-02-02T08:00:00", 100, 400, 100, 0}, "S1");
    check_year(ANNA, 2025, 1, 400, 200, 0);
    check_year(ANNA, 2026, 1, 70, 0, 0);
    /* What is left is less than what was outside the catalogue: nothing is in scope, not less. */
    life_refund(&(struct visit){ANNA, "R2", "2026-02-03T08:00:00", 0, 500, 0, 0}, "S1");
    check_year(ANNA, 2025, 1, 0, 200, 0);
    life_refund(&(struct visit){ANNA, "R3", "2026-02-04T08:00:00", 400, 100, 200, 0}, "S1");
    check_year(ANNA, 2025, 0, 0, 0, 0);
    check_year(ANNA, 2026, 1, 70, 0, 0);
}

static void what_was_taken_back_does_not_count(void **state)
{
    (void)state;
    const struct visit v = {ANNA, "S1", "2026-02-01T08:00:00", 500, 1000, 300, 0};
    const struct settlement s = life_settlement(&v);
    life_post(&s);
    life_visit(&(struct visit){ANNA, "S2", "2026-02-01T08:00:00", 0, 5000, 0, 0});
    check_year(ANNA, 2026, 2, 5700, 300, 0);
    life_correct(&s);
    check_year(ANNA, 2026, 1, 5000, 0, 0);
}

/* -- lists of settlements ---------------------------------------------------------------------- */

#define PAGES_MAX 400

static char seen[PAGES_MAX][CLIENT_NO_SIZE];
static uint32_t seen_count;

static Qingfen__V1__SetlRecordsReply *page(const char *person, const char *token, uint32_t limit,
                                           uint16_t province)
{
    Qingfen__V1__SetlRecords m = QINGFEN__V1__SETL_RECORDS__INIT;
    m.psn_key = life_key(person);
    m.page_token = life_text(token);
    m.limit = limit;
    return life_ask(MESSAGE_SETL_RECORDS, province, &m.base,
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
        life_visit(&(struct visit){ANNA, id, "2026-02-01T08:00:00", 0, n, 0, 0});
        snprintf(id, sizeof id, "B%u", n);
        life_visit(&(struct visit){BERT, id, "2026-02-01T08:00:00", 0, n, 0, 0});
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
    rig_checkpoint(&life_rig);
    rig_settle(&life_rig);
    both_visit(21, 40);
    seen_count = 0;
    assert_true(read_page(ANNA, 7, 0, token));
    both_visit(41, 45);
    assert_true(read_page(ANNA, 7, 0, token));
    rig_checkpoint(&life_rig); /* What was fresh comes into the store. */
    rig_settle(&life_rig);
    both_visit(46, 50);
    while (read_page(ANNA, 7, 0, token))
        rig_crash(&life_rig, true); /* A token outlives the process. */
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
    if (life_rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    both_visit(1, 10);
    rig_checkpoint(&life_rig);
    rig_settle(&life_rig);
    both_visit(11, 20);
    rig_checkpoint(&life_rig);
    assert_non_null(life_rig.merge);
    both_visit(21, 30); /* rig_ask() settles: the merge ends on the way. */
    const struct visit v = {ANNA, "A31", "2026-02-01T08:00:00", 0, 31, 0, 0};
    const struct settlement s = life_settlement(&v);
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct request request =
        rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, settlement_encode(&s, body)});
    assert_int_equal(rig_give(&life_rig, &request, 1), 1); /* Not even written. */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    rig_flush(&life_rig);
    rig_written(&life_rig);
    rig_checkpoint(&life_rig);
    assert_non_null(life_rig.merge); /* Frozen and handed out … */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    check_year(ANNA, 2026, 31, 31 * 32 / 2, 0, 0);
    rig_merge_run(&life_rig); /* … written, which nobody was told … */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    rig_merged(&life_rig); /* … and done. */
    read_all(ANNA, 8, 0);
    check_seen(31, 'A');
    check_year(ANNA, 2026, 31, 31 * 32 / 2, 0, 0);
}

static void a_call_does_a_piece_of_the_work(void **state)
{
    (void)state;
    life_visit(&(struct visit){ANNA, "A1", "2026-02-01T08:00:00", 0, 100, 0, 0});
    for (uint32_t n = 1; n <= 1200; n++) {
        char id[CLIENT_NO_SIZE];
        snprintf(id, sizeof id, "B%u", n);
        life_visit(&(struct visit){BERT, id, "2026-02-01T08:00:00", 0, 1, 0, 0});
    }
    check_year(ANNA, 2026, 1, 100, 0, 0);
    assert_in_range(life_calls, 2, 8);
    read_all(ANNA, 10, 0);
    assert_in_range(life_calls, 2, 8);
    check_seen(1, 'A');
    check_year(BERT, 2026, 1200, 1200, 0, 0);
    assert_in_range(life_calls, 2, 8);
}

/* Two settlements whose refunds one call cannot read together: the second one's wait for the next
 * call, and none counts twice. */
static void a_call_reads_so_many_refunds(void **state)
{
    (void)state;
    char id[CLIENT_NO_SIZE];
    const char *const settled[] = {"S1", "S2"};
    for (int i = 0; i < 2; i++)
        life_visit(&(struct visit){ANNA, settled[i], "2026-02-01T08:00:00", 0, 10000, 5000, 0});
    for (uint32_t n = 0; n < 1200; n++) {
        snprintf(id, sizeof id, "R%u", n);
        life_refund(&(struct visit){ANNA, id, "2026-02-02T08:00:00", 0, 2, 1, 0}, settled[n % 2]);
    }
    check_year(ANNA, 2026, 2, 2 * (5000 - 600), 2 * (5000 - 600), 0);
    assert_in_range(life_calls, 2, 8);
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
    life_visit(&(struct visit){ANNA, "S1", "2025-02-01T08:00:00", 0, 1, 0, 0});
    life_visit(&(struct visit){ANNA, "S2", "2025-02-02T08:00:00", 0, 1, 0, 0});
    m.psn_key = life_key(ANNA);
    m.from = shanghai_ms("2025-02-02T00:00:00");
    m.to = m.from + 366 * MS_PER_DAY;
    Qingfen__V1__SetlRecordsReply *reply =
        life_ask(MESSAGE_SETL_RECORDS, 0, &m.base, &qingfen__v1__setl_records_reply__descriptor);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->n_records, 1);
    assert_string_equal(reply->records[0]->setl_id, "S2");
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
    m.to++;
    reply =
        life_ask(MESSAGE_SETL_RECORDS, 0, &m.base, &qingfen__v1__setl_records_reply__descriptor);
    assert_int_equal(reply->code, ERROR_RANGE_TOO_WIDE);
    qingfen__v1__setl_records_reply__free_unpacked(reply, NULL);
}

static void a_province_sees_what_it_has_a_part_in(void **state)
{
    (void)state;
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 0, 1, 0, 0});
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

static void of_what_was_taken_back_nothing_is_left(void **state)
{
    (void)state;
    const struct visit v = {ANNA, "S1", "2026-02-01T08:00:00", 500, 1000, 300, 0};
    const struct settlement s = life_settlement(&v);
    life_post(&s);
    life_correct(&s);
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
    assert_string_equal(reply->state, "REVERSED");
    assert_int_equal(reply->n_chain, 1);
    assert_string_equal(reply->chain[0]->what, "correction");
    assert_int_equal(reply->chain[0]->medfee_sumamt, -1500);
    assert_int_equal(reply->left_medfee, 0);
    assert_int_equal(reply->left_cash, 0);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    assert_int_equal(read_all(ANNA, 10, 0), 0);
}

/* -- through the step -------------------------------------------------------------------------- */

static void a_question_waits_for_what_it_knows_of(void **state)
{
    (void)state;
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    uint8_t packed[64];
    const struct visit v = {ANNA, "S1", "2026-02-01T08:00:00", 0, 31, 0, 0};
    const struct settlement s = life_settlement(&v);
    Qingfen__V1__SetlRecords m = QINGFEN__V1__SETL_RECORDS__INIT;
    m.psn_key = life_key(ANNA);
    const struct request requests[] = {
        rig_message(MESSAGE_SETL_POST, 0, (struct bytes){body, settlement_encode(&s, body)}),
        {.type = REQUEST_PERSON,
         .period = MESSAGE_SETL_RECORDS,
         .body = {packed, qingfen__v1__setl_records__pack(&m, packed)}},
    };
    rig_forget(&life_rig);
    assert_int_equal(rig_give(&life_rig, requests, 2), 2);
    rig_flush(&life_rig);
    assert_int_equal(life_rig.result_count, 0); /* The record is not durable: nobody hears of it. */
    rig_written(&life_rig);
    rig_settle(&life_rig);
    assert_int_equal(life_rig.result_count, 2);
    const struct result *result = &life_rig.results[1].result;
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)
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
        TEST(of_what_was_taken_back_nothing_is_left),
        TEST(a_question_waits_for_what_it_knows_of),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
