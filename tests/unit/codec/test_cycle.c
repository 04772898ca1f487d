#include <stdlib.h>

#include "centre.pb-c.h"
#include "codec/cycle.h"
#include "codec/cycle_query.h"
#include "codec/cycle_reply.h"
#include "cycle.pb-c.h"
#include "tests/lib/unit.h"
#include "types/cell.h"
#include "types/province.h"

static uint8_t *packed;
static const char *wrong_field;

/* Packs a message and decodes it as an order; true when it was taken. */
static bool take(uint16_t type, uint16_t sender, const ProtobufCMessage *message,
                 struct order *order)
{
    free(packed);
    packed = malloc(protobuf_c_message_get_packed_size(message) + 1);
    assert_non_null(packed);
    const size_t size = protobuf_c_message_pack(message, packed);
    return order_decode(type, sender, (struct bytes){packed, size}, order, &wrong_field);
}

#define TAKEN(type, sender, message, order) assert_true(take(type, sender, &(message).base, order))
#define REFUSED(type, message, field)                            \
    do {                                                         \
        struct order refused;                                    \
        assert_false(take(type, 31, &(message).base, &refused)); \
        assert_string_equal(wrong_field, field);                 \
        assert_null(refused.rows);                               \
    } while (0)

static int drop_packed(void **state)
{
    (void)state;
    free(packed);
    packed = NULL;
    return 0;
}

static const uint16_t order_types[] = {
    MESSAGE_RECON_DAY,       MESSAGE_RECON_LIST,     MESSAGE_PERIOD_CUT,     MESSAGE_BATCH_STEP,
    MESSAGE_CLR_CONFIRM,     MESSAGE_DISPUTE_OPEN,   MESSAGE_BATCH_SIGN,     MESSAGE_PAY_REPORT,
    MESSAGE_PREFUND_SET,     MESSAGE_CLR_WITHDRAW,   MESSAGE_RECOVERY,       MESSAGE_DISPUTE_REPLY,
    MESSAGE_DISPUTE_RESOLVE, MESSAGE_RECEIPT_REPORT, MESSAGE_NOTICE_REISSUE, MESSAGE_PREFUND_APPLY,
    MESSAGE_PREFUND_DECIDE,  MESSAGE_YEAR_CLOSE,     MESSAGE_SETTING_SET,
};
static const uint16_t query_types[] = {
    MESSAGE_BATCH_GET,       MESSAGE_NOTICE_LIST,  MESSAGE_DISPUTE_LIST, MESSAGE_PREFUND_LIST,
    MESSAGE_DIFFERENCE_LIST, MESSAGE_CALENDAR_GET, MESSAGE_AREA_REPORT,  MESSAGE_EXCEPTION_LIST,
    MESSAGE_CELL_LIST,       MESSAGE_SETTING_LIST, MESSAGE_BOOK_GET,
};

static void a_type_is_an_order_or_a_query_or_neither(void **state)
{
    (void)state;
    size_t orders = 0;
    size_t queries = 0;
    for (uint32_t type = 0; type <= UINT16_MAX; type++) {
        assert_false(order_type((uint16_t)type) && query_type((uint16_t)type));
        orders += order_type((uint16_t)type);
        queries += query_type((uint16_t)type);
    }
    assert_int_equal(orders, sizeof order_types / sizeof order_types[0]);
    assert_int_equal(queries, sizeof query_types / sizeof query_types[0]);
    for (size_t i = 0; i < orders; i++)
        assert_true(order_type(order_types[i]));
    for (size_t i = 0; i < queries; i++)
        assert_true(query_type(query_types[i]));
}

static void totals_become_cells(void **state)
{
    (void)state;
    Qingfen__V1__ReconDay m = QINGFEN__V1__RECON_DAY__INIT;
    Qingfen__V1__ReconTotal total = QINGFEN__V1__RECON_TOTAL__INIT;
    Qingfen__V1__ReconTotal *totals[] = {&total};
    struct order order;
    m.msgid = "D1";
    m.period = 202503;
    m.date = 20250314;
    m.n_totals = 1;
    m.totals = totals;
    total.payer = 34;
    total.payee = 31;
    total.line = 2;
    total.insutype = 390;
    total.count = 7;
    total.medfee_sumamt = -5;
    total.fund_pay_sumamt = 3;
    total.acct_pay = 2;
    TAKEN(MESSAGE_RECON_DAY, 31, m, &order);
    assert_int_equal(order.sender, 31);
    assert_int_equal(order.acting, province_index(31));
    assert_int_equal(order.payer, PROVINCE_CENTRE);
    assert_int_equal(order.day, 20250314);
    assert_int_equal(order.row_count, 1);
    assert_int_equal(order.totals[0].cell.period, 202503);
    assert_int_equal(order.totals[0].cell.payer, province_index(34));
    assert_int_equal(order.totals[0].cell.payee, province_index(31));
    assert_int_equal(order.totals[0].cell.line, LINE_OUTPATIENT);
    assert_int_equal(order.totals[0].cell.insurance, INSURANCE_RESIDENT);
    assert_int_equal(order.totals[0].count, 7);
    assert_int_equal(order.totals[0].medfee, -5);
    order_free(&order);

    total.insutype = 310310;
    REFUSED(MESSAGE_RECON_DAY, m, "totals.insutype");
    total.insutype = 390;
    total.line = LINE_END;
    REFUSED(MESSAGE_RECON_DAY, m, "totals.line");
    total.line = 0;
    REFUSED(MESSAGE_RECON_DAY, m, "totals.line");
    total.line = 2;
    total.payee = 71;
    REFUSED(MESSAGE_RECON_DAY, m, "totals.payee");
    total.payee = 31;
    m.msgid = "";
    REFUSED(MESSAGE_RECON_DAY, m, "msgid");
    m.n_totals = 0; /* A question needs no name. */
    TAKEN(MESSAGE_RECON_DAY, 31, m, &order);
    assert_int_equal(order.row_count, 0);
}

/* The insurance types of the interface, each in its class; on the way back a class is one type. */
static void every_insurance_type_has_its_class(void **state)
{
    (void)state;
    static const struct {
        uint32_t insutype;
        uint8_t insurance;
    } known[] = {
        {310, INSURANCE_EMPLOYEE},
        {390, INSURANCE_RESIDENT},
        {340, INSURANCE_RETIRED},
        {999, INSURANCE_OTHER},
    };
    Qingfen__V1__ClrConfirm m = QINGFEN__V1__CLR_CONFIRM__INIT;
    struct order order;
    m.msgid = "C1";
    m.payer = 34;
    m.period = 202503;
    m.line = 2;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        m.insutype = known[i].insutype;
        TAKEN(MESSAGE_CLR_CONFIRM, 31, m, &order);
        assert_int_equal(order.insurance, known[i].insurance);
    }
    m.insutype = 341;
    REFUSED(MESSAGE_CLR_CONFIRM, m, "insutype");
}

static void a_reason_of_a_deduction_is_a_byte(void **state)
{
    (void)state;
    Qingfen__V1__ClrConfirm m = QINGFEN__V1__CLR_CONFIRM__INIT;
    Qingfen__V1__ConfirmItem item = QINGFEN__V1__CONFIRM_ITEM__INIT;
    Qingfen__V1__ConfirmItem *items[] = {&item};
    struct order order;
    m.msgid = "C1";
    m.payer = 34;
    m.period = 202503;
    m.n_items = 1;
    m.items = items;
    item.insu_admdvs = 340100;
    item.setl_id = "S1";
    item.det_type = UINT8_MAX;
    TAKEN(MESSAGE_CLR_CONFIRM, 31, m, &order);
    assert_int_equal(order.confirms[0].det_type, UINT8_MAX);
    order_free(&order);
    item.det_type = UINT8_MAX + 1; /* Never one that looks like another. */
    REFUSED(MESSAGE_CLR_CONFIRM, m, "items.det_type");
}

static void lists_are_bounded(void **state)
{
    (void)state;
    static Qingfen__V1__ReconItem item = QINGFEN__V1__RECON_ITEM__INIT;
    static Qingfen__V1__ReconItem *items[4001];
    Qingfen__V1__ReconList m = QINGFEN__V1__RECON_LIST__INIT;
    struct order order;
    for (size_t i = 0; i < 4001; i++)
        items[i] = &item;
    item.insu_admdvs = 340100;
    item.setl_id = "S1";
    item.refd_setl_flag = 1;
    item.acct_pay = 9;
    m.msgid = "L1";
    m.date = 20250314;
    m.payer = 34;
    m.payee = 31;
    m.part = 2;
    m.parts = 3;
    m.items = items;
    m.n_items = 4000;
    TAKEN(MESSAGE_RECON_LIST, 31, m, &order);
    assert_int_equal(order.row_count, 4000);
    assert_int_equal(order.side, SIDE_PAYEE);
    assert_int_equal(order.items[3999].ref.size, 2);
    assert_string_equal(order.items[3999].ref.setl_id, "S1");
    assert_int_equal(order.items[3999].refund, 1);
    assert_int_equal(order.items[3999].acct, 9);
    order_free(&order);
    TAKEN(MESSAGE_RECON_LIST, 34, m, &order);
    assert_int_equal(order.side, SIDE_PAYER);
    order_free(&order);

    m.n_items = 4001;
    REFUSED(MESSAGE_RECON_LIST, m, "items");
    m.n_items = 1;
    m.part = 4;
    REFUSED(MESSAGE_RECON_LIST, m, "part");
    m.part = 0;
    REFUSED(MESSAGE_RECON_LIST, m, "part");
    m.part = 1;
    item.setl_id = "1234567890123456789012345678901";
    REFUSED(MESSAGE_RECON_LIST, m, "items.setl_id");
    item.setl_id = "";
    REFUSED(MESSAGE_RECON_LIST, m, "items.setl_id");
    item.setl_id = "S 1";
    REFUSED(MESSAGE_RECON_LIST, m, "items.setl_id");
    item.setl_id = "S1";
    item.refd_setl_flag = 2;
    REFUSED(MESSAGE_RECON_LIST, m, "items.refd_setl_flag");
}

static void provinces_are_indexes(void **state)
{
    (void)state;
    Qingfen__V1__PrefundApply m = QINGFEN__V1__PREFUND_APPLY__INIT;
    struct order order;
    m.msgid = "A";
    m.payer = 34;
    m.amount = 5;
    TAKEN(MESSAGE_PREFUND_APPLY, 31, m, &order);
    assert_int_equal(order.acting, province_index(31));
    assert_int_equal(order.payee, province_index(31));
    assert_int_equal(order.payer, province_index(34));
    m.province = 65;
    m.payer = 99;
    TAKEN(MESSAGE_PREFUND_APPLY, 0, m, &order);
    assert_int_equal(order.sender, 0);
    assert_int_equal(order.acting, province_index(65));
    assert_int_equal(order.payer, PROVINCE_UNKNOWN);
    m.province = 0;
    m.payer = 0;
    TAKEN(MESSAGE_PREFUND_APPLY, 0, m, &order);
    assert_int_equal(order.acting, PROVINCE_CENTRE);
    assert_int_equal(order.payer, PROVINCE_CENTRE);
    m.province = 71;
    TAKEN(MESSAGE_PREFUND_APPLY, 0, m, &order);
    assert_int_equal(order.acting, PROVINCE_UNKNOWN);
}

static void words_become_numbers(void **state)
{
    (void)state;
    Qingfen__V1__BatchStep step = QINGFEN__V1__BATCH_STEP__INIT;
    Qingfen__V1__DisputeResolve resolve = QINGFEN__V1__DISPUTE_RESOLVE__INIT;
    struct order order;
    static const struct {
        char *word;
        uint32_t step;
    } steps[] = {
        {"compute", STEP_COMPUTE}, {"publish", STEP_PUBLISH}, {"close-signing", STEP_CLOSE_SIGNING},
        {"notice", STEP_NOTICE},   {"abort", STEP_ABORT},     {"unwind", STEP_UNWIND},
        {"archive", STEP_ARCHIVE}};
    step.msgid = "B";
    step.province = 34;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        step.step = steps[i].word;
        TAKEN(MESSAGE_BATCH_STEP, 0, step, &order);
        assert_int_equal(order.step, steps[i].step);
        assert_int_equal(order.payer, province_index(34));
    }
    step.step = "Compute";
    REFUSED(MESSAGE_BATCH_STEP, step, "step");
    step.step = "";
    REFUSED(MESSAGE_BATCH_STEP, step, "step");

    resolve.msgid = "R";
    resolve.dispute_no = "D1";
    resolve.outcome = "part";
    resolve.amount = 3;
    TAKEN(MESSAGE_DISPUTE_RESOLVE, 0, resolve, &order);
    assert_int_equal(order.step, OUTCOME_PART);
    assert_string_equal(order.number, "D1");
    resolve.outcome = "nothing";
    REFUSED(MESSAGE_DISPUTE_RESOLVE, resolve, "outcome");
}

static void notes_are_short_utf8(void **state)
{
    (void)state;
    Qingfen__V1__DisputeOpen m = QINGFEN__V1__DISPUTE_OPEN__INIT;
    char longest[92];
    struct order order;
    m.msgid = "D";
    m.dispute_no = "N1";
    m.insu_admdvs = 340100;
    m.setl_id = "S1";
    m.note = "费用协查, 34 → 31";
    TAKEN(MESSAGE_DISPUTE_OPEN, 34, m, &order);
    assert_string_equal(order.text, m.note);
    assert_string_equal(order.ref.setl_id, "S1");

    memset(longest, 'x', sizeof longest);
    longest[90] = '\0';
    m.note = longest;
    TAKEN(MESSAGE_DISPUTE_OPEN, 34, m, &order);
    longest[90] = 'x';
    longest[91] = '\0';
    REFUSED(MESSAGE_DISPUTE_OPEN, m, "note");
    static char *const bad[] = {
        "\xff",     "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80",
        "\xe8\xb4", "a\nb",     "\x7f",         "\xc2\x85",     "\x80"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        m.note = bad[i];
        REFUSED(MESSAGE_DISPUTE_OPEN, m, "note");
    }
    m.note = "";
    m.setl_id = "";
    REFUSED(MESSAGE_DISPUTE_OPEN, m, "setl_id");
    m.setl_id = "S1";
    m.dispute_no = "";
    REFUSED(MESSAGE_DISPUTE_OPEN, m, "dispute_no");
    m.dispute_no = "N1";
    m.msgid = "1234567890123456789012345678901";
    REFUSED(MESSAGE_DISPUTE_OPEN, m, "msgid");
}

static void a_digest_is_whole_or_absent(void **state)
{
    (void)state;
    Qingfen__V1__BatchSign m = QINGFEN__V1__BATCH_SIGN__INIT;
    uint8_t digest[33] = {1, 2, 3};
    struct order order;
    m.msgid = "S";
    m.digest.data = digest;
    TAKEN(MESSAGE_BATCH_SIGN, 34, m, &order);
    assert_false(order.has_digest);
    m.digest.len = 32;
    TAKEN(MESSAGE_BATCH_SIGN, 34, m, &order);
    assert_true(order.has_digest);
    assert_memory_equal(order.digest, digest, 32);
    m.digest.len = 31;
    REFUSED(MESSAGE_BATCH_SIGN, m, "digest");
    m.digest.len = 33;
    REFUSED(MESSAGE_BATCH_SIGN, m, "digest");
}

static void the_operators_orders_name_themselves(void **state)
{
    (void)state;
    Qingfen__V1__PeriodCut cut = QINGFEN__V1__PERIOD_CUT__INIT;
    Qingfen__V1__YearClose close = QINGFEN__V1__YEAR_CLOSE__INIT;
    struct order order;
    cut.period = 202603;
    TAKEN(MESSAGE_PERIOD_CUT, 0, cut, &order);
    assert_string_equal(order.msgid, "cut-202603");
    assert_int_equal(order.acting, PROVINCE_CENTRE);
    cut.msgid = "mine";
    cut.provisional = true;
    TAKEN(MESSAGE_PERIOD_CUT, 0, cut, &order);
    assert_string_equal(order.msgid, "mine");
    assert_true(order.provisional);
    close.year = 2026;
    TAKEN(MESSAGE_YEAR_CLOSE, 0, close, &order);
    assert_string_equal(order.msgid, "year-close-2026");
    assert_int_equal(order.period, 2026);
}

static void the_hash_is_of_bytes_and_type(void **state)
{
    (void)state;
    Qingfen__V1__DisputeReply reply = QINGFEN__V1__DISPUTE_REPLY__INIT;
    struct order first;
    struct order second;
    reply.msgid = "X";
    reply.dispute_no = "N";
    TAKEN(MESSAGE_DISPUTE_REPLY, 31, reply, &first);
    TAKEN(MESSAGE_DISPUTE_REPLY, 34, reply, &second);
    assert_int_equal(first.hash, second.hash);
    reply.contest = true;
    TAKEN(MESSAGE_DISPUTE_REPLY, 31, reply, &second);
    assert_int_not_equal(first.hash, second.hash);

    /* The same bytes are a NoticeReissue as well, and that is another order. */
    Qingfen__V1__NoticeReissue notice = QINGFEN__V1__NOTICE_REISSUE__INIT;
    Qingfen__V1__SettingSet setting = QINGFEN__V1__SETTING_SET__INIT;
    notice.msgid = setting.msgid = "X";
    notice.number = setting.name = "N";
    TAKEN(MESSAGE_NOTICE_REISSUE, 0, notice, &first);
    TAKEN(MESSAGE_SETTING_SET, 0, setting, &second);
    assert_int_not_equal(first.hash, second.hash);
}

static void bytes_that_are_no_message_are_refused(void **state)
{
    (void)state;
    static const uint8_t broken[] = {0x0a, 0x7f, 0x01};
    struct query query;
    struct order order;
    for (size_t i = 0; i < sizeof order_types / sizeof order_types[0]; i++) {
        const struct bytes body = {broken, sizeof broken};
        assert_false(order_decode(order_types[i], 31, body, &order, &wrong_field));
    }
    for (size_t i = 0; i < sizeof query_types / sizeof query_types[0]; i++)
        assert_false(query_decode(query_types[i], (struct bytes){broken, sizeof broken}, &query));
    assert_false(order_decode(MESSAGE_SETL_POST, 31, (struct bytes){0}, &order, &wrong_field));
    assert_false(query_decode(MESSAGE_PERIOD_CUT, (struct bytes){0}, &query));
}

static void queries_say_what_they_ask(void **state)
{
    (void)state;
    Qingfen__V1__NoticeList m = QINGFEN__V1__NOTICE_LIST__INIT;
    struct query query;
    uint8_t out[256];
    m.province = 34;
    m.period = 202503;
    m.kind = "prefund";
    m.state = "OVERDUE";
    m.number = "N-1";
    m.offset = 7;
    m.limit = 9;
    size_t size = qingfen__v1__notice_list__pack(&m, out);
    assert_true(query_decode(MESSAGE_NOTICE_LIST, (struct bytes){out, size}, &query));
    assert_int_equal(query.type, MESSAGE_NOTICE_LIST);
    assert_int_equal(query.province, 34);
    assert_int_equal(query.period, 202503);
    assert_string_equal(query.kind, "prefund");
    assert_string_equal(query.state, "OVERDUE");
    assert_string_equal(query.number, "N-1");
    assert_int_equal(query.offset, 7);
    assert_int_equal(query.limit, 9);
    m.state = "A STATE THAT NOBODY EVER SAW";
    size = qingfen__v1__notice_list__pack(&m, out);
    assert_false(query_decode(MESSAGE_NOTICE_LIST, (struct bytes){out, size}, &query));
}

/* -- answers ----------------------------------------------------------------------------------- */

static void answers_read_back(void **state)
{
    (void)state;
    const struct order_answer answer = {.code = 5011,
                                        .text = "no",
                                        .msgid = "M",
                                        .dup = true,
                                        .ref = "202503-1",
                                        .seq = 9,
                                        .decided_ms = 8,
                                        .rows = 7};
    size_t size;
    uint8_t *out = order_reply_encode(&answer, &size);
    Qingfen__V1__OrderReply *m = qingfen__v1__order_reply__unpack(NULL, size, out);
    assert_int_equal(m->code, 5011);
    assert_string_equal(m->text, "no");
    assert_string_equal(m->msgid, "M");
    assert_true(m->dup);
    assert_string_equal(m->ref, "202503-1");
    assert_int_equal(m->engine_seq, 9);
    assert_int_equal(m->decided_at, 8);
    assert_int_equal(m->rows, 7);
    qingfen__v1__order_reply__free_unpacked(m, NULL);
    free(out);
}

static void a_cell_that_was_not_sent_has_no_totals(void **state)
{
    (void)state;
    const struct order_answer answer = {.text = "", .msgid = "", .ref = ""};
    const struct cell_key key = {202503, province_index(34), province_index(31), 2, 1};
    const struct recon_cell cells[2] = {
        {.centre = {.cell = key, .count = 5, .fund = 50}, .reconciled = {true, false}},
        {.centre = {.cell = key}, .sent = {.cell = key, .count = 4}, .was_sent = true},
    };
    size_t size;
    uint8_t *out = recon_day_reply_encode(&answer, 0, 1, cells, 2, &size);
    Qingfen__V1__ReconDayReply *m = qingfen__v1__recon_day_reply__unpack(NULL, size, out);
    assert_int_equal(m->n_cells, 2);
    assert_null(m->cells[0]->sent);
    assert_int_equal(m->cells[0]->centre->payer, 34);
    assert_int_equal(m->cells[0]->centre->insutype, 390);
    assert_int_equal(m->cells[0]->centre->fund_pay_sumamt, 50);
    assert_true(m->cells[0]->payer_reconciled);
    assert_false(m->cells[0]->payee_reconciled);
    assert_int_equal(m->cells[1]->sent->count, 4);
    assert_int_equal(m->different, 1);
    qingfen__v1__recon_day_reply__free_unpacked(m, NULL);
    free(out);
}

static void a_batch_shows_when_it_came_into_each_state(void **state)
{
    (void)state;
    struct batch_row batch = {
        .period = 202503, .number = 1, .state = BATCH_PUBLISHED, .unwound = 1u << 31 | 1u};
    struct line_row line = {.number = 3,
                            .kind = LINE_RECOVERY,
                            .cell = {202502, 0, 1, 1, 0},
                            .funds = {-5, -6, 0, 0, 1}};
    struct sign_row signatures[PROVINCE_COUNT] = {[2] = {.state = SIGN_OBJECTED}};
    struct province_row positions[PROVINCE_COUNT] = {{.province = 11}};
    const struct batch_report report = {.batch = &batch,
                                        .mode = "gross",
                                        .lines = &line,
                                        .line_count = 1,
                                        .more = true,
                                        .signatures = signatures,
                                        .positions = positions};
    size_t size;
    batch.at_ms[BATCH_CUT] = 100;
    batch.at_ms[BATCH_ABORTED] = 900;
    strcpy(line.ref.setl_id, "S7");
    uint8_t *out = batch_get_reply_encode(&report, &size);
    Qingfen__V1__BatchGetReply *m = qingfen__v1__batch_get_reply__unpack(NULL, size, out);
    assert_true(m->more);
    assert_string_equal(m->batch->state, "PUBLISHED");
    assert_int_equal(m->batch->n_at, 9);
    assert_int_equal(m->batch->at[0], 100);
    assert_int_equal(m->batch->at[8], 900);
    assert_int_equal(m->batch->n_unwound, 2);
    assert_int_equal(m->batch->unwound[0], 11);
    assert_int_equal(m->batch->unwound[1], 66);
    assert_string_equal(m->lines[0]->kind, "RECOVERY");
    assert_int_equal(m->lines[0]->amount, -10);
    assert_string_equal(m->lines[0]->setl_id, "S7");
    assert_int_equal(m->n_signatures, PROVINCE_COUNT);
    assert_string_equal(m->signatures[2]->state, "OBJECTED");
    assert_string_equal(m->signatures[1]->state, "");
    qingfen__v1__batch_get_reply__free_unpacked(m, NULL);
    free(out);
}

static void payments_hang_on_the_one_notice(void **state)
{
    (void)state;
    const struct notice_row notice = {.number = "N1",
                                      .kind = NOTICE_RETURN,
                                      .state = NOTICE_DUE,
                                      .payer = PROVINCE_ACCOUNT,
                                      .payee = 1};
    const struct payment_row payment = {.bank_ref = "B1", .state = PAYMENT_REJECTED, .amount = 4};
    const struct payment_row *payments[] = {&payment};
    struct notice_item item = {.row = &notice,
                               .mode = "multilateral",
                               .overdue = true,
                               .late_wd = 3,
                               .payments = payments,
                               .payment_count = 1};
    size_t size;
    uint8_t *out = notice_list_reply_encode(&item, 1, false, &size);
    Qingfen__V1__NoticeListReply *m = qingfen__v1__notice_list_reply__unpack(NULL, size, out);
    assert_int_equal(m->n_notices, 1);
    assert_string_equal(m->notices[0]->kind, "RETURN");
    assert_string_equal(m->notices[0]->state, "OVERDUE");
    assert_int_equal(m->notices[0]->payer, 0);
    assert_int_equal(m->notices[0]->payee, 12);
    assert_int_equal(m->notices[0]->late_wd, 3);
    assert_string_equal(m->notices[0]->payments[0]->state, "REJECTED");
    qingfen__v1__notice_list_reply__free_unpacked(m, NULL);
    free(out);
}

/* A page of the longest rows stays below a frame. */
static void a_page_fits_a_frame(void **state)
{
    (void)state;
    static struct exception_row exception;
    static struct exception_item exceptions[1000];
    static struct notice_row notice;
    static struct notice_item notices[1000];
    size_t size;
    memset(&exception, 0xff, sizeof exception);
    memset(exception.ref.setl_id, 'x', 30);
    exception.ref.setl_id[30] = '\0';
    exception.dispute_no[MSGID_SIZE - 1] = '\0';
    for (size_t i = 0; i < 1000; i++) {
        exceptions[i] = (struct exception_item){.row = &exception, .state = "MISMATCHED"};
        memset(exceptions[i].batch, 'x', NUMBER_SIZE - 1);
    }
    free(exception_list_reply_encode(exceptions, 1000, true, &size));
    assert_true(size < FRAME_PAYLOAD_MAX);

    memset(&notice, 0xff, sizeof notice);
    notice.number[NUMBER_SIZE - 1] = notice.replaces[NUMBER_SIZE - 1] = '\0';
    for (size_t i = 0; i < 1000; i++) {
        notices[i] = (struct notice_item){
            .row = &notice, .mode = "multilateral-direct", .overdue = true, .late_wd = UINT32_MAX};
        memset(notices[i].batch, 'x', NUMBER_SIZE - 1);
    }
    free(notice_list_reply_encode(notices, 1000, true, &size));
    assert_true(size < FRAME_PAYLOAD_MAX);

    /* As many cells as the desk gives at most. */
    struct recon_cell *cells = malloc(4000 * sizeof *cells);
    assert_non_null(cells);
    const struct order_answer answer = {.text = "", .msgid = "", .ref = ""};
    const struct recon_total total = {.cell = {202503, 31, 30, 4, 3},
                                      .count = UINT64_MAX,
                                      .medfee = INT64_MIN,
                                      .fund = INT64_MIN,
                                      .acct = INT64_MIN};
    for (size_t i = 0; i < 4000; i++) {
        cells[i] = (struct recon_cell){.centre = total,
                                       .sent = total,
                                       .was_sent = true,
                                       .equal = true,
                                       .reconciled = {true, true}};
    }
    free(recon_day_reply_encode(&answer, UINT32_MAX, UINT32_MAX, cells, 4000, &size));
    assert_true(size < FRAME_PAYLOAD_MAX);
    free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_type_is_an_order_or_a_query_or_neither),
        cmocka_unit_test(totals_become_cells),
        cmocka_unit_test(every_insurance_type_has_its_class),
        cmocka_unit_test(a_reason_of_a_deduction_is_a_byte),
        cmocka_unit_test(lists_are_bounded),
        cmocka_unit_test(provinces_are_indexes),
        cmocka_unit_test(words_become_numbers),
        cmocka_unit_test(notes_are_short_utf8),
        cmocka_unit_test(a_digest_is_whole_or_absent),
        cmocka_unit_test(the_operators_orders_name_themselves),
        cmocka_unit_test(the_hash_is_of_bytes_and_type),
        cmocka_unit_test(bytes_that_are_no_message_are_refused),
        cmocka_unit_test(queries_say_what_they_ask),
        cmocka_unit_test(answers_read_back),
        cmocka_unit_test(a_cell_that_was_not_sent_has_no_totals),
        cmocka_unit_test(a_batch_shows_when_it_came_into_each_state),
        cmocka_unit_test(payments_hang_on_the_one_notice),
        cmocka_unit_test(a_page_fits_a_frame),
    };
    return cmocka_run_group_tests(tests, NULL, drop_packed);
}
