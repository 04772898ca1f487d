/* One statement: for whom it is, what followed the settlement and what is left of it, whose wallet
 * paid. */
#include <stdio.h>

#include "tests/lib/life_rig.h"
#include "tests/lib/unit.h"

/* -- the settlement and what followed ---------------------------------------------------------- */

static void check_refused(const char *person, const char *setl_id, uint16_t province, uint32_t code)
{
    Qingfen__V1__StmtGetReply *reply = life_statement(person, setl_id, province);
    assert_int_equal(reply->code, code);
    assert_null(reply->settlement);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

static void a_statement_is_for_whom_it_concerns(void **state)
{
    (void)state;
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 50, 100, 0, 0});
    check_refused(BERT, "S1", 0, ERROR_NOT_FOUND); /* As if both were not in one shard. */
    check_refused(BERT, "S2", 0, ERROR_NOT_FOUND);
    check_refused(ANNA, "S1", 53, ERROR_NOT_PERMITTED);
    const uint16_t may[] = {0, 51, 31};
    for (size_t i = 0; i < 3; i++) {
        Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", may[i]);
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
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 50, 100, 0, 0});
    const struct {
        uint16_t province;
        uint32_t code;
    } cases[] = {{0, ERROR_MALFORMED}, {51, ERROR_OK}, {31, ERROR_OK}, {53, ERROR_NOT_PERMITTED}};
    for (size_t i = 0; i < 4; i++) {
        Qingfen__V1__StmtGet m = QINGFEN__V1__STMT_GET__INIT;
        m.insu_admdvs = SICHUAN;
        m.setl_id = life_text("S1");
        Qingfen__V1__StmtGetReply *reply = life_ask(MESSAGE_STMT_GET, cases[i].province, &m.base,
                                                    &qingfen__v1__stmt_get_reply__descriptor);
        assert_int_equal(reply->code, cases[i].code);
        qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    }
}

static void the_chain_gives_what_is_left(void **state)
{
    (void)state;
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 1000, 2000, 0, 0});
    life_refund(&(struct visit){ANNA, "R1", "2026-02-02T08:00:00", 100, 200, 0, 0}, "S1");
    struct settlement second =
        life_settlement(&(struct visit){ANNA, "R2", "2026-02-03T08:00:00", 10, 20, 0, 0});
    for (int i = 0; i < AMOUNT_COUNT; i++)
        second.amounts[i] = -second.amounts[i];
    second.refd_setl_flag = true;
    second.orig_setl_id = bytes_of("S1");
    life_post(&second);
    life_correct(&second); /* That one was a mistake. */

    for (int i = 0; i < 2; i++) { /* A refund's own number leads to the same paper. */
        Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, i == 0 ? "S1" : "R1", 0);
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
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 1000, 2000, 0, 0});
    life_adjust("J1", "S1", -300);
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
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
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 0, 10000, 0, 0});
    for (uint32_t n = 1; n <= 256; n++) {
        snprintf(id, sizeof id, "R%u", n);
        const struct visit v = {ANNA, id, "2026-02-02T08:00:00", 0, 1, 0, 0};
        if (n != 1) {
            life_refund(&v, "S1");
            continue;
        }
        wrong = life_settlement(&v);
        wrong.msgid = bytes_of("WRONG");
        for (int i = 0; i < AMOUNT_COUNT; i++)
            wrong.amounts[i] = -wrong.amounts[i];
        wrong.refd_setl_flag = true;
        wrong.orig_setl_id = bytes_of("S1");
        life_post(&wrong);
    }
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 256);
    assert_string_equal(reply->text, "");
    assert_string_equal(reply->chain[0]->setl_id, "R1");
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    life_correct(&wrong); /* Its correction is the 256th, and it has no place itself. */
    reply = life_statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 256);
    assert_non_null(strstr(reply->text, "the chain is longer"));
    assert_int_equal(reply->left_medfee, 10000 - 255);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    life_refund(&(struct visit){ANNA, "R257", "2026-02-02T08:00:00", 0, 1, 0, 0}, "S1");
    reply = life_statement(ANNA, "S1", 0);
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
    if (life_rig.each_read_fails) skip(); /* Its checkpoints are its own. */
    life_visit(&(struct visit){ANNA, "S1", "2026-02-01T08:00:00", 1000, 2000, 0, 0});
    life_adjust("J1", "S1", -300);
    life_adjust("J2", "S1", 100);
    adjustments_judged = 0;
    life_rig.watch = judge_again;
    rig_crash(&life_rig, true);
    life_rig.watch = NULL;
    assert_int_equal(adjustments_judged, 2);
}

/* -- whose wallet paid ------------------------------------------------------------------------- */

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
    life_fill_wallet();
    life_visit(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 50000, 0, 40000});
    life_pump();
    life_refund(&(struct visit){ANNA, "R1", "2026-03-02T08:30:00", 0, 10000, 0, 10000}, "S1");
    life_pump();
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
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
    life_fill_wallet();
    life_give(CARL, HUBEI, 30000);
    life_transfer(BERT, 20000, true);
    life_visit(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 150000, 0, 145000});
    life_pump();
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
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
    life_fill_wallet();
    life_pay("S1", 45000);
    life_take_back("S1", "V0", 5000);
    life_visit(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 50000, 0, 40000});
    life_pump();
    life_refund(&(struct visit){ANNA, "R1", "2026-03-02T08:30:00", 0, 10000, 0, 10000}, "S1");
    life_pump();
    life_take_back("S1", "R2", 3000);
    life_refund(&(struct visit){ANNA, "R2", "2026-03-02T08:40:00", 0, 3000, 0, 3000}, "S1");
    life_pump();
    life_take_back("S1", "V1", 5000);
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_wallet, 1);
    assert_int_equal(reply->wallet[0]->amt, 40000);
    assert_int_equal(reply->n_chain, 3);
    check_step(reply->chain[0], "refund", "R1", -10000);
    check_step(reply->chain[1], "refund", "R2", -3000);
    check_step(reply->chain[2], "wallet", "V1", -5000);
    assert_int_equal(reply->left_wlt, 22000);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    Qingfen__V1__WltQueryReply *left = life_wallet(ANNA, 0);
    assert_int_equal(left->balc, 100000 - 22000);
    qingfen__v1__wlt_query_reply__free_unpacked(left, NULL);
}

/* Settlement and chain make what is left, and the total is what funds, account, wallet and person
 * pay of it. */
static void check_adds_up(const Qingfen__V1__StmtGetReply *reply, int64_t wlt, int64_t cash)
{
    const Qingfen__V1__SetlPost *s = reply->settlement;
    int64_t medfee = s->medfee_sumamt;
    int64_t wallet = s->wlt_pay;
    int64_t person = s->psn_cash_pay;
    for (size_t i = 0; i < reply->n_chain; i++) {
        medfee += reply->chain[i]->medfee_sumamt;
        wallet += reply->chain[i]->wlt_pay;
        person += reply->chain[i]->psn_cash_pay;
    }
    assert_int_equal(reply->left_medfee, medfee);
    assert_int_equal(reply->left_wlt, wallet);
    assert_int_equal(reply->left_cash, person);
    assert_int_equal(medfee, reply->left_fund + reply->left_acct + wallet + person);
    assert_int_equal(reply->left_wlt, wlt);
    assert_int_equal(reply->left_cash, cash);
}

/* Steps of a story: what is sent, in the order of the letters. */
static void live(const char *steps)
{
    /* 507.00, of which 500.00 in cash, as far as the settlement knows. */
    struct settlement s =
        life_settlement(&(struct visit){ANNA, "S1", "2026-03-02T08:00:00", 700, 50000, 0, 0});
    s.msgid = bytes_of("SETTLED");
    for (; *steps != '\0'; steps++) {
        switch (*steps) {
        case 'S':
            life_post(&s);
            break;
        case 'P':
            life_pay("S1", 45000);
            break;
        case 'v':
            life_take_back("S1", "V1", 5000);
            break;
        case 'V':
            life_take_back("S1", "V2", 0);
            break;
        case 'R':
            life_refund(&(struct visit){ANNA, "R1", "2026-03-02T08:30:00", 100, 10000, 0, 0}, "S1");
            break;
        case 'r': /* Under the number of the refund. */
            life_take_back("S1", "R1", 10000);
            break;
        default:
            life_correct(&s);
        }
        life_pump();
    }
}

/* The settlement knows nothing of the wallet, which paid by a message of its own. */
static void a_statement_adds_up_in_every_order(void **state)
{
    static const struct {
        const char *steps;
        int64_t wlt;
        int64_t cash;
        uint32_t chain;
    } cases[] = {
        {"PS", 45000, 5000, 1},     {"SP", 45000, 5000, 1},    {"PvS", 40000, 10000, 1},
        {"PSv", 40000, 10000, 2},   {"SPv", 40000, 10000, 2},  {"PVS", 0, 50000, 0},
        {"PSV", 0, 50000, 2},       {"SPvV", 0, 50000, 3},     {"PSR", 45000, -5000, 2},
        {"SRPr", 35000, 5000, 3},   {"PSrR", 35000, 5000, 3},  {"PrSR", 35000, 5000, 2},
        {"SPRrv", 30000, 10000, 4}, {"PSK", 45000, -45000, 2}, {"PSKV", 0, 0, 3},
        {"SPVK", 0, 0, 3},          {"SKP", 45000, -45000, 2}, {"PVSK", 0, 0, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (i != 0) {
            life_tear_down(NULL);
            life_set_up(NULL);
        }
        life_fill_wallet();
        live(cases[i].steps);
        Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
        check_adds_up(reply, cases[i].wlt, cases[i].cash);
        assert_int_equal(reply->n_chain, cases[i].chain);
        qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
    }
}

/* The step itself: under the payment's id, from what the settlement thought was cash. */
static void a_statement_tells_of_a_payment_beside_it(void **state)
{
    (void)state;
    life_fill_wallet();
    live("SPv");
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
    assert_int_equal(reply->n_chain, 2);
    assert_string_equal(reply->chain[0]->what, "payment");
    assert_int_equal(reply->chain[0]->setl_id[0], 'P');
    assert_int_equal(reply->chain[0]->clr_period, 202603);
    assert_int_equal(reply->chain[0]->wlt_pay, 45000);
    assert_int_equal(reply->chain[0]->psn_cash_pay, -45000);
    check_step(reply->chain[1], "wallet", "V1", -5000);
    assert_int_equal(reply->chain[1]->psn_cash_pay, 5000);
    assert_int_equal(reply->n_wallet, 1);
    assert_int_equal(reply->wallet[0]->amt, 45000);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

/* More reversals than a statement lists: the payment's step takes the older ones. */
static void a_statement_with_many_reversals(void **state)
{
    char number[CLIENT_NO_SIZE];
    (void)state;
    life_fill_wallet();
    live("SP");
    for (int i = 0; i < 70; i++) {
        snprintf(number, sizeof number, "V%d", i);
        life_take_back("S1", number, 100);
    }
    Qingfen__V1__StmtGetReply *reply = life_statement(ANNA, "S1", 0);
    check_adds_up(reply, 38000, 12000);
    assert_int_equal(reply->n_chain, 65);
    assert_int_equal(reply->chain[0]->wlt_pay, 44400);
    qingfen__v1__stmt_get_reply__free_unpacked(reply, NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, life_set_up, life_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_statement_is_for_whom_it_concerns),
        TEST(a_province_need_not_say_whose_it_is),
        TEST(the_chain_gives_what_is_left),
        TEST(the_chain_names_adjustments),
        TEST(adjustments_are_judged_again),
        TEST(a_chain_longer_than_a_statement),
        TEST(a_statement_says_whose_wallet_paid),
        TEST(a_statement_names_each_givers_province),
        TEST(a_statement_counts_each_reversal_once),
        TEST(a_statement_adds_up_in_every_order),
        TEST(a_statement_tells_of_a_payment_beside_it),
        TEST(a_statement_with_many_reversals),
    };
#undef TEST
    return cmocka_run_group_tests(tests, NULL, NULL);
}
