/* What a shard says of a wallet, its history, the rules of an area, an institution, an outbox. */
#include <stdio.h>

#include "proto/wallet.pb-c.h"
#include "tests/lib/life_rig.h"
#include "tests/lib/unit.h"

/* -- wallets ----------------------------------------------------------------------------------- */

static void a_wallet_with_its_lists(void **state)
{
    (void)state;
    life_fill_wallet();
    life_transfer(BERT, 30000, false);
    Qingfen__V1__WltQueryReply *reply = life_wallet(ANNA, 51);
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
    assert_int_equal(reply->transfers[0]->exp_at, shanghai_ms("2026-03-03T06:00:00"));
    qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);

    reply = life_wallet(BERT, 0);
    assert_int_equal(reply->granted, 500000);
    assert_int_equal(reply->held, 130000);
    assert_int_equal(reply->day_count, 2);
    assert_int_equal(reply->day_sum, 130000);
    assert_string_equal(reply->transfers[0]->stas, "PENDING");
    qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);
    life_clock("2026-03-03T05:00:00"); /* Counters are of a day. */
    reply = life_wallet(BERT, 0);
    assert_int_equal(reply->day_count, 0);
    qingfen__v1__wlt_query_reply__free_unpacked(reply, NULL);
}

static void a_wallet_is_for_whom_it_concerns(void **state)
{
    (void)state;
    life_open_wallet(ANNA, SICHUAN);
    const struct {
        const char *person;
        uint16_t province;
        uint32_t code;
    } cases[] = {{ANNA, 53, ERROR_NOT_PERMITTED},
                 {ANNA, 31, ERROR_NOT_PERMITTED},
                 {BERT, 0, ERROR_NOT_FOUND},
                 {ANNA, 51, ERROR_OK}};
    for (size_t i = 0; i < 4; i++) {
        Qingfen__V1__WltQueryReply *reply = life_wallet(cases[i].person, cases[i].province);
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
        m.psn_key = life_key(person);
        m.kind = life_text(kind);
        m.page_token = token;
        m.limit = limit;
        Qingfen__V1__WltRecordsReply *reply =
            life_ask(MESSAGE_WLT_RECORDS, 0, &m.base, &qingfen__v1__wlt_records_reply__descriptor);
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

/* What a correction takes back was paid where the settlement was. */
static void a_corrected_payment_says_where(void **state)
{
    (void)state;
    life_fill_wallet();
    const struct settlement s =
        life_settlement(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 0, 50000, 0, 40000});
    life_post(&s);
    life_pump();
    life_correct(&s);
    life_pump();
    Qingfen__V1__WltRecords m = QINGFEN__V1__WLT_RECORDS__INIT;
    m.psn_key = life_key(ANNA);
    m.limit = 2;
    Qingfen__V1__WltRecordsReply *reply =
        life_ask(MESSAGE_WLT_RECORDS, 0, &m.base, &qingfen__v1__wlt_records_reply__descriptor);
    assert_int_equal(reply->n_records, 2);
    assert_string_equal(reply->records[0]->what, "reversed");
    assert_string_equal(reply->records[1]->what, "paid");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(reply->records[i]->amt, 40000);
        assert_int_equal(reply->records[i]->admdvs, SHANGHAI);
    }
    qingfen__v1__wlt_records_reply__free_unpacked(reply, NULL);
}

/* What came is told with the area of who passed it on, also where the money is another one's. */
static void what_is_received_says_from_where(void **state)
{
    static const struct {
        const char *person;
        uint32_t area;
    } cases[] = {{ANNA, YUNNAN}, {CARL, SICHUAN}};
    char trsf_id[WALLET_ID_SIZE];
    (void)state;
    life_fill_wallet();
    life_open_wallet(CARL, SHANGHAI);
    struct wallet_order o = order_bind(bytes_of(ANNA), bytes_of(CARL));
    life_send(&o, 0);
    o = order_submit(bytes_of(ANNA), bytes_of(CARL), 30000);
    o.src = 2;
    snprintf(trsf_id, sizeof trsf_id, "%s", life_send(&o, 0));
    o = order_end(MESSAGE_TRSF_ACCEPT, bytes_of(CARL), trsf_id);
    life_send(&o, 0);
    for (size_t i = 0; i < 2; i++) {
        size_t received = 0;
        Qingfen__V1__WltRecords m = QINGFEN__V1__WLT_RECORDS__INIT;
        m.psn_key = life_key(cases[i].person);
        m.kind = life_text("transfer");
        Qingfen__V1__WltRecordsReply *reply =
            life_ask(MESSAGE_WLT_RECORDS, 0, &m.base, &qingfen__v1__wlt_records_reply__descriptor);
        for (size_t k = 0; k < reply->n_records; k++) {
            if (strcmp(reply->records[k]->what, "received") != 0) continue;
            assert_int_equal(reply->records[k]->admdvs, cases[i].area);
            received++;
        }
        assert_int_equal(received, 1);
        qingfen__v1__wlt_records_reply__free_unpacked(reply, NULL);
    }
}

static void the_history_of_a_wallet(void **state)
{
    (void)state;
    life_fill_wallet();
    life_transfer(BERT, 30000, false);
    life_clock("2026-03-03T09:00:00"); /* Nobody took it. */
    rig_settle(&life_rig);
    life_pump();
    life_visit(&(struct visit){ANNA, "S1", "2026-03-03T08:00:00", 0, 50000, 0, 40000});
    life_pump();
    life_refund(&(struct visit){ANNA, "R1", "2026-03-03T08:30:00", 0, 50000, 0, 40000}, "S1");
    life_pump();
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

/* More than one call looks at, and none of it is of the kind that was asked for: the calls go on by
 * themselves. A page is not held back when there is something on it. */
static void a_call_looks_at_so_much_of_a_wallet(void **state)
{
    (void)state;
    static const struct told annas[] = {{"wallet", "opened", 0, NULL}};
    life_fill_wallet();
    for (uint32_t n = 1; n <= 300; n++)
        life_pay(order_number("S"), 1);
    check_history(ANNA, "wallet", 10, annas, 1);
    assert_in_range(life_calls, 2, 3);
}

static void check_days(const char *from, const char *to, uint64_t count)
{
    Qingfen__V1__WltRecords m = QINGFEN__V1__WLT_RECORDS__INIT;
    m.psn_key = life_key(ANNA);
    m.kind = life_text("payment");
    m.from = from[0] == '\0' ? 0 : shanghai_ms(from);
    m.to = to[0] == '\0' ? 0 : shanghai_ms(to);
    Qingfen__V1__WltRecordsReply *reply =
        life_ask(MESSAGE_WLT_RECORDS, 0, &m.base, &qingfen__v1__wlt_records_reply__descriptor);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->n_records, count);
    assert_string_equal(reply->page_token, "");
    qingfen__v1__wlt_records_reply__free_unpacked(reply, NULL);
}

static void the_history_of_some_days(void **state)
{
    (void)state;
    life_fill_wallet();
    const char *const days[] = {"2026-03-02T13:00:00", "2026-03-03T12:00:00",
                                "2026-03-04T12:00:00"};
    for (int i = 0; i < 3; i++) {
        life_clock(days[i]);
        life_pay(order_number("S"), 100);
    }
    check_days("", "", 3);
    check_days("2026-03-03T00:00:00", "", 2);
    check_days("2026-03-04T00:00:00", "", 1);
    check_days("2026-03-01T00:00:00", "2026-03-03T23:00:00", 2);
    check_days("2026-03-03T00:00:00", "2026-03-03T23:00:00", 1);
    check_days("2026-03-05T00:00:00", "", 0);
}

/* Paid by the insured person's own wallet: the payment and what it covers are told one by one. */
static void the_history_of_a_premium(void **state)
{
    (void)state;
    char pay_id[WALLET_ID_SIZE];
    life_fill_wallet();
    struct wallet_order o = order_new(MESSAGE_PREM_DUE);
    o.psn_key = bytes_of(ANNA);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = 40000;
    life_send(&o, 51);
    o = order_new(MESSAGE_PREM_PAY);
    o.psn_key = o.other_key = bytes_of(ANNA);
    o.insu_admdvs = SICHUAN;
    o.insutype = 390;
    o.year = 2027;
    o.amount = 40000;
    o.flag = true;
    snprintf(pay_id, sizeof pay_id, "%s", life_send(&o, 0));
    o = order_new(MESSAGE_PREM_REVERSE);
    o.pay_id = bytes_of(pay_id);
    o.client_no = bytes_of("V1");
    o.reason = 1;
    o.sender_admdvs = SICHUAN;
    life_send(&o, 51);
    static const struct told annas[] = {
        {"premium", "reversed", 40000, ""}, {"premium", "reversed", 40000, "V1"},
        {"premium", "covered", 40000, ""},  {"premium", "paid", 40000, NULL},
        {"premium", "due", 40000, NULL},
    };
    check_history(ANNA, "premium", 2, annas, 5);
}

/* -- places ------------------------------------------------------------------------------------ */

static Qingfen__V1__RegionQueryReply *region(uint32_t area)
{
    Qingfen__V1__RegionQuery m = QINGFEN__V1__REGION_QUERY__INIT;
    m.admdvs = area;
    return life_ask(MESSAGE_REGION_QUERY, 51, &m.base,
                    &qingfen__v1__region_query_reply__descriptor);
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
    m.fixmedins_code = life_text(code);
    return life_ask(MESSAGE_INST_QUERY, 0, &m.base, &qingfen__v1__inst_query_reply__descriptor);
}

static void push_institution(uint32_t version, uint32_t level, uint32_t to)
{
    struct wallet_order o = order_new(MESSAGE_INST_DIR_PUSH);
    o.fixmedins_code = bytes_of(HOSPITAL);
    o.name = bytes_of("第一人民医院");
    o.place = SHANGHAI;
    o.which = version;
    o.level_wallet = level;
    o.to = to;
    life_send(&o, 31);
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
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 0, 1, 0, 0});
    Qingfen__V1__StmtGetReply *paper = life_statement(ANNA, "S1", 0);
    assert_string_equal(paper->fixmedins_name, "第一人民医院");
    qingfen__v1__stmt_get_reply__free_unpacked(paper, NULL);
}

/* -- outboxes ---------------------------------------------------------------------------------- */

static Qingfen__V1__OutboxGetReply *outbox(uint32_t dest, uint64_t after, uint32_t limit,
                                           uint16_t province)
{
    Qingfen__V1__OutboxGet m = QINGFEN__V1__OUTBOX_GET__INIT;
    m.dest = dest;
    m.after = after;
    m.limit = limit;
    return life_ask(MESSAGE_OUTBOX_GET, province, &m.base,
                    &qingfen__v1__outbox_get_reply__descriptor);
}

static void what_waits_for_a_destination(void **state)
{
    (void)state;
    life_fill_wallet();
    life_transfer(BERT, 30000, false);
    Qingfen__V1__OutboxGetReply *reply = outbox(0, 0, 1, 0);
    assert_int_equal(reply->code, ERROR_OK);
    assert_int_equal(reply->acked, 0);
    assert_int_equal(reply->last, 2); /* Two notices of transfers to the platform. */
    assert_int_equal(reply->n_messages, 1);
    assert_int_equal(reply->messages[0]->position, 1);
    assert_int_equal(reply->messages[0]->type, OUT_TRSF_NOTICE);
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);

    struct wallet_order o = order_new(MESSAGE_OUTBOX_ACK);
    o.position = 1;
    life_send(&o, 0);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_wallet_with_its_lists),
        TEST(a_wallet_is_for_whom_it_concerns),
        TEST(the_history_of_a_wallet),
        TEST(a_corrected_payment_says_where),
        TEST(what_is_received_says_from_where),
        TEST(a_call_looks_at_so_much_of_a_wallet),
        TEST(the_history_of_some_days),
        TEST(the_history_of_a_premium),
        TEST(rules_of_a_region_and_where_they_come_from),
        TEST(an_institution_and_its_wallet),
        TEST(what_waits_for_a_destination),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
