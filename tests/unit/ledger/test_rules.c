/* The rules: the worked examples of docs/rules.md to the fen, every bound twice (last good, first
 * bad), every switch, and refunds against their originals. */
#include "ledger/rules.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"
#include "types/civil.h"
#include "types/money.h"

#define NOW INT64_C(1773496800000) /* 2026-03-14T22:00:00+08:00 */

static struct tables tables;
static struct failures failures;
static uint64_t soft;

static int load_tables(void **state)
{
    (void)state;
    rig_load_tables(&tables);
    return 0;
}

static void check(const struct settlement *s)
{
    const struct rule_time time = {.now_ms = NOW, .known = true};
    failures.count = 0;
    soft = 0;
    rules_check_settlement(&tables, s, time, &failures, &soft);
}

static void assert_good(const struct settlement *s)
{
    check(s);
    if (failures.count != 0) {
        fail_msg("field %u check %u got %ld want %ld", failures.list[0].field,
                 failures.list[0].check, (long)failures.list[0].got, (long)failures.list[0].want);
    }
}

static void assert_failure(uint32_t i, uint32_t code, uint32_t field, enum check which, int64_t got,
                           int64_t want)
{
    assert_true(i < failures.count);
    const struct failure *f = &failures.list[i];
    assert_int_equal(f->code, code);
    assert_int_equal(f->field, field);
    assert_int_equal(f->check, which);
    assert_int_equal(f->got, got);
    assert_int_equal(f->want, want);
}

static void assert_one(const struct settlement *s, uint32_t code, uint32_t field, enum check which,
                       int64_t got, int64_t want)
{
    check(s);
    assert_int_equal(failures.count, 1);
    assert_failure(0, code, field, which, got, want);
}

/* -- the worked examples --------------------------------------------------------------------- */

static struct settlement settlement(uint32_t insutype, uint32_t insu, uint32_t mdtrt, uint32_t med)
{
    return (struct settlement){
        .msgid = bytes_of("H3100000001720260314100000001"),
        .setl_id = bytes_of("340100S1"),
        .psn_key = bytes_of("0123456789abcdef"),
        .insutype = insutype,
        .insu_admdvs = insu,
        .mdtrtarea_admvs = mdtrt,
        .med_type = med,
        .setl_time = NOW - 1000,
    };
}

static struct settlement inpatient(void)
{
    struct settlement s = settlement(390, 340100, 310000, 21);
    int64_t *a = s.amounts;
    a[AMOUNT_MEDFEE] = 6000000;
    a[AMOUNT_FULAMT_OWNPAY] = 400000;
    a[AMOUNT_OVERLMT] = 50000;
    a[AMOUNT_PRESELFPAY] = 350000;
    a[AMOUNT_INSCP_SCP] = 5200000;
    a[AMOUNT_ACT_PAY_DEDC] = 150000;
    a[AMOUNT_HIFP] = (5200000 - 150000) * 60 / 100;
    a[AMOUNT_HIFMI] = (5200000 - a[AMOUNT_HIFP] - 1500000) * 60 / 100;
    a[AMOUNT_FUND_SUM] = 3432000;
    a[AMOUNT_PSN_PART] = 2568000;
    a[AMOUNT_CASH] = 2568000;
    return s;
}

static struct settlement outpatient(void)
{
    struct settlement s = settlement(310, 110000, 131000, 11);
    s.amounts[AMOUNT_MEDFEE] = 42000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 28000;
    s.amounts[AMOUNT_PSN_PART] = 14000;
    s.amounts[AMOUNT_ACCT] = 10000;
    s.amounts[AMOUNT_CASH] = 4000;
    return s;
}

static struct settlement chronic(void)
{
    struct settlement s = settlement(310, 360100, 440100, 14);
    s.dise_codg = bytes_of("M07801");
    s.amounts[AMOUNT_MEDFEE] = 48000;
    s.amounts[AMOUNT_HIFP] = s.amounts[AMOUNT_FUND_SUM] = 43200;
    s.amounts[AMOUNT_PSN_PART] = s.amounts[AMOUNT_ACCT] = 4800;
    return s;
}

static struct settlement pharmacy(void)
{
    struct settlement s = settlement(310, 510100, 500000, 41);
    s.amounts[AMOUNT_MEDFEE] = 9600;
    s.amounts[AMOUNT_PSN_PART] = s.amounts[AMOUNT_ACCT] = 9600;
    return s;
}

static struct posting posted(const struct settlement *s)
{
    assert_good(s);
    struct posting posting;
    rules_posting(s, rules_decide(&tables, s), 0, &posting);
    return posting;
}

static void assert_key(const struct posting *p, uint32_t payer, uint32_t payee, enum line line,
                       enum insurance insurance)
{
    assert_int_equal(p->key.payer, province_index(payer));
    assert_int_equal(p->key.payee, province_index(payee));
    assert_int_equal(p->key.line, line);
    assert_int_equal(p->key.insurance, insurance);
}

static void worked_examples_clear_what_the_rules_say(void **state)
{
    (void)state;
    struct settlement s = inpatient();
    struct posting p = posted(&s);
    assert_int_equal(posting_total(&p), 3432000);
    assert_int_equal(p.funds[FUND_POOL], 3030000);
    assert_int_equal(p.funds[FUND_SUPPLEMENT], 402000);
    assert_int_equal(p.medfee, 6000000);
    assert_key(&p, 34, 31, LINE_INPATIENT, INSURANCE_RESIDENT);

    s = outpatient();
    p = posted(&s);
    assert_int_equal(posting_total(&p), 38000);
    assert_int_equal(p.funds[FUND_POOL], 28000);
    assert_int_equal(p.funds[FUND_ACCOUNT], 10000);
    assert_key(&p, 11, 13, LINE_OUTPATIENT, INSURANCE_EMPLOYEE);

    s = chronic();
    p = posted(&s);
    assert_int_equal(posting_total(&p), 48000);
    assert_key(&p, 36, 44, LINE_CHRONIC, INSURANCE_EMPLOYEE);

    s = pharmacy();
    p = posted(&s);
    assert_int_equal(posting_total(&p), 9600);
    assert_int_equal(p.funds[FUND_ACCOUNT], 9600);
    assert_key(&p, 51, 50, LINE_PHARMACY, INSURANCE_EMPLOYEE);
}

static void every_fund_has_its_class(void **state)
{
    static const struct {
        enum settlement_amount amount;
        enum fund fund;
    } rows[] = {
        {AMOUNT_HIFP, FUND_POOL},        {AMOUNT_CVLSERV, FUND_SUPPLEMENT},
        {AMOUNT_HIFES, FUND_SUPPLEMENT}, {AMOUNT_HIFMI, FUND_SUPPLEMENT},
        {AMOUNT_HIFOB, FUND_SUPPLEMENT}, {AMOUNT_MAF, FUND_ASSISTANCE},
        {AMOUNT_HIFDM, FUND_OTHER},      {AMOUNT_OTH, FUND_OTHER},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct settlement s = settlement(310, 340100, 310000, 11);
        s.amounts[rows[i].amount] = 7;
        s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_MEDFEE] = 7;
        const struct posting p = posted(&s);
        assert_int_equal(p.funds[rows[i].fund], 7);
        assert_int_equal(posting_total(&p), 7);
    }
}

/* -- identities ------------------------------------------------------------------------------ */

static void each_identity_off_by_a_fen_is_named(void **state)
{
    (void)state;
    struct settlement s = inpatient();
    s.amounts[AMOUNT_HIFP] += 1;
    assert_one(&s, 2004, 13, CHECK_E1, 3432000, 3432001);
    s = inpatient();
    s.amounts[AMOUNT_HOSP_PART] += 1;
    assert_one(&s, 2004, 12, CHECK_E2, 6000000, 6000001);
    s = inpatient();
    s.amounts[AMOUNT_CASH] -= 1;
    assert_one(&s, 2004, 15, CHECK_E3, 2568000, 2567999);
    s = outpatient();
    s.amounts[AMOUNT_MULAID] = 1;
    assert_one(&s, 2004, 15, CHECK_E3, 14000, 14001);
    s = inpatient();
    s.amounts[AMOUNT_OVERLMT] += 1;
    assert_good(&s); /* E4 is soft as shipped. */
    assert_int_equal(soft, 1);
    s = inpatient();
    s.clr_amt_present = true;
    s.clr_amt = 3432000;
    assert_good(&s);
    s.clr_amt = 3431999;
    assert_one(&s, 2004, 44, CHECK_E6, 3431999, 3432000);
    s.clr_amt = 0;
    assert_one(&s, 2004, 44, CHECK_E6, 0, 3432000);
}

/* The settlement that breaks one identity, E1..E5. */
static struct settlement broken(int identity)
{
    struct settlement s = inpatient();
    static const uint8_t amount[] = {0,           AMOUNT_HIFMI,   AMOUNT_HOSP_PART,
                                     AMOUNT_CASH, AMOUNT_OVERLMT, AMOUNT_ACT_PAY_DEDC};
    s.amounts[amount[identity]] = identity == 5 ? -1 : s.amounts[amount[identity]] + 1;
    return s;
}

static void each_identity_can_be_hard_soft_or_off(void **state)
{
    struct province_rules *rules = &tables.provinces[province_index(34)];
    (void)state;
    for (int e = 1; e <= 5; e++) {
        const struct settlement s = broken(e);
        const uint8_t before = rules->identity[e];
        rules->identity[e] = STRICT_HARD;
        check(&s);
        assert_int_equal(failures.count, 1);
        assert_int_equal(failures.list[0].check, CHECK_E1 + e - 1);
        assert_int_equal(failures.list[0].code, e == 5 ? 2005 : 2004);
        rules->identity[e] = STRICT_SOFT;
        assert_good(&s);
        assert_int_equal(soft, 1);
        rules->identity[e] = STRICT_OFF;
        assert_good(&s);
        assert_int_equal(soft, 0);
        rules->identity[e] = before;
    }
}

static void the_payers_switches_count_not_the_payees(void **state)
{
    (void)state;
    const struct settlement s = broken(1);
    tables.provinces[province_index(31)].identity[1] = STRICT_OFF;
    check(&s);
    assert_int_equal(failures.count, 1);
    tables.provinces[province_index(31)].identity[1] = STRICT_HARD;
}

static void soft_e1_still_clears_the_whole_fund_total(void **state)
{
    (void)state;
    struct settlement s = broken(1);
    tables.provinces[province_index(34)].identity[1] = STRICT_SOFT;
    const struct posting p = posted(&s);
    assert_int_equal(posting_total(&p), 3432000);
    assert_int_equal(p.funds[FUND_OTHER], -1);
    tables.provinces[province_index(34)].identity[1] = STRICT_HARD;
}

static void mutual_aid_stands_beside_or_inside(void **state)
{
    struct province_rules *rules = &tables.provinces[province_index(11)];
    (void)state;
    struct settlement s = outpatient();
    s.amounts[AMOUNT_MULAID] = 3000; /* Beside: cash goes down by it. */
    s.amounts[AMOUNT_CASH] = 1000;
    struct posting p = posted(&s);
    assert_int_equal(p.funds[FUND_ACCOUNT], 13000);
    rules->clear_mulaid = false;
    p = posted(&s);
    assert_int_equal(p.funds[FUND_ACCOUNT], 10000);
    rules->clear_mulaid = true;

    rules->acct_pay_includes_mulaid = true; /* Inside: it is a part of acct_pay. */
    assert_one(&s, 2004, 15, CHECK_E3, 14000, 11000);
    s.amounts[AMOUNT_CASH] = 4000;
    p = posted(&s);
    assert_int_equal(p.funds[FUND_ACCOUNT], 10000);
    rules->acct_pay_includes_mulaid = false;
}

static void the_wallets_share_is_not_cleared(void **state)
{
    (void)state;
    struct settlement s = outpatient();
    s.amounts[AMOUNT_MULAID] = 3000;
    s.amounts[AMOUNT_WLT] = 500; /* A part of the 3,000. */
    s.amounts[AMOUNT_CASH] = 1000;
    struct posting p = posted(&s);
    assert_int_equal(p.funds[FUND_ACCOUNT], 12500);
    s.amounts[AMOUNT_MULAID] = 0; /* The wallet alone. */
    s.amounts[AMOUNT_CASH] = 3500;
    p = posted(&s);
    assert_int_equal(p.funds[FUND_ACCOUNT], 10000);
}

static void the_fund_total_may_hold_the_account(void **state)
{
    struct province_rules *rules = &tables.provinces[province_index(11)];
    (void)state;
    struct settlement s = outpatient();
    s.amounts[AMOUNT_FUND_SUM] = 38000;
    check(&s);
    assert_int_equal(failures.count, 2);
    assert_failure(0, 2004, 13, CHECK_E1, 38000, 28000);
    assert_failure(1, 2004, 12, CHECK_E2, 42000, 52000);
    rules->fund_sum_includes_acct = true;
    const struct posting p = posted(&s);
    assert_int_equal(posting_total(&p), 38000); /* Once, not twice. */
    assert_int_equal(p.funds[FUND_ACCOUNT], 10000);
    rules->fund_sum_includes_acct = false;
}

/* -- signs and sizes ------------------------------------------------------------------------- */

static struct settlement refund_of(const struct settlement *original)
{
    struct settlement s = *original;
    s.msgid = bytes_of("refund-message");
    s.setl_id = bytes_of("340100R1");
    s.orig_setl_id = original->setl_id;
    s.refd_setl_flag = true;
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = -s.amounts[i];
    return s;
}

static void every_amount_has_its_sign(void **state)
{
    (void)state;
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        struct settlement s = settlement(310, 340100, 310000, 11);
        s.amounts[i] = -1;
        check(&s);
        assert_failure(0, 2005, settlement_amount_field((enum settlement_amount)i), CHECK_E5, -1,
                       0);
        s = refund_of(&s); /* Now +1 on a refund. */
        check(&s);
        assert_failure(0, 2005, settlement_amount_field((enum settlement_amount)i), CHECK_E5, 1, 0);
    }
    const struct settlement original = inpatient();
    const struct settlement s = refund_of(&original);
    assert_int_equal(posted(&s).funds[FUND_POOL], -3030000);
}

static void amounts_end_at_sixteen_digits(void **state)
{
    (void)state;
    struct settlement s = settlement(310, 340100, 310000, 11);
    s.amounts[AMOUNT_MEDFEE] = s.amounts[AMOUNT_FUND_SUM] = s.amounts[AMOUNT_HIFP] = FEN_AMOUNT_MAX;
    assert_good(&s);
    s.amounts[AMOUNT_MEDFEE] += 1;
    assert_one(&s, 2005, 12, CHECK_RANGE, FEN_AMOUNT_MAX + 1, FEN_AMOUNT_MAX);
    s.amounts[AMOUNT_MEDFEE] = INT64_MIN;
    assert_one(&s, 2005, 12, CHECK_RANGE, INT64_MIN, -FEN_AMOUNT_MAX);
    for (int i = 0; i < AMOUNT_COUNT; i++)
        s.amounts[i] = INT64_MAX;
    check(&s);
    assert_int_equal(failures.count, AMOUNT_COUNT);
}

/* -- form and codes -------------------------------------------------------------------------- */

struct id_row {
    const char *text;
    enum check check; /* CHECK_NONE: good. */
    int64_t got;
    int64_t want;
};

static const struct id_row id_rows[] = {
    {"", CHECK_MISSING, 0, 0},
    {"x", CHECK_NONE, 0, 0},
    {"123456789012345678901234567890", CHECK_NONE, 0, 0},
    {"1234567890123456789012345678901", CHECK_LENGTH, 31, 30},
    {"!~", CHECK_NONE, 0, 0},
    {"12345678 ", CHECK_CHARSET, 8, 0},
    {"1234567\x7f", CHECK_CHARSET, 7, 0},
    {"\x80", CHECK_CHARSET, 0, 0},
    {"abcdefghij\xe5\x8c\xbb", CHECK_CHARSET, 10, 0},
    {"abcdefgh\n", CHECK_CHARSET, 8, 0},
};

static void ids_are_short_and_visible(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof id_rows / sizeof id_rows[0]; i++) {
        const struct id_row *row = &id_rows[i];
        for (int which = 0; which < 2; which++) {
            struct settlement s = outpatient();
            *(which == 0 ? &s.msgid : &s.setl_id) = bytes_of(row->text);
            if (row->check == CHECK_NONE) {
                assert_good(&s);
            } else {
                assert_one(&s, 1001, 1 + which, row->check, row->got, row->want);
            }
        }
    }
}

static void every_byte_of_an_id_is_looked_at(void **state)
{
    uint8_t id[30];
    (void)state;
    for (size_t size = 1; size <= sizeof id; size++) {
        for (unsigned position = 0; position < size; position++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                struct settlement s = outpatient();
                memset(id, 'A', sizeof id);
                id[position] = (uint8_t)byte;
                s.mdtrt_id = (struct bytes){id, size};
                check(&s);
                const bool visible = byte > 0x20 && byte < 0x7f;
                assert_int_equal(failures.count, visible ? 0 : 1);
                if (!visible) assert_failure(0, 1001, 3, CHECK_CHARSET, position, 0);
            }
        }
    }
}

/* What is plain is passed over in one step: of no field may that be said too early. */
static void no_id_is_passed_over(void **state)
{
    struct settlement s;
    struct bytes *const views[] = {&s.msgid,          &s.setl_id,        &s.mdtrt_id,
                                   &s.fixmedins_code, &s.medins_setl_id, &s.dise_codg,
                                   &s.orig_setl_id};
    static const uint32_t fields[] = {1, 2, 3, 5, 38, 30, 29};
    static const int64_t most[] = {30, 30, 30, 12, 30, 30, 30};
    static const char *const longer = "1234567890123456789012345678901234567890";
    (void)state;
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        const struct settlement original = outpatient();
        s = i == 6 ? refund_of(&original) : original;
        *views[i] = bytes_of("an id");
        assert_one(&s, 1001, fields[i], CHECK_CHARSET, 2, 0);
        *views[i] = (struct bytes){(const uint8_t *)longer, (size_t)most[i] + 1};
        assert_one(&s, 1001, fields[i], CHECK_LENGTH, most[i] + 1, most[i]);
    }
}

static void other_fields_have_their_form(void **state)
{
    static uint8_t digest[33];
    (void)state;
    struct settlement s = outpatient();
    s.psn_key.size = 15;
    assert_one(&s, 1001, 4, CHECK_LENGTH, 15, 16);
    s.psn_key.size = 0;
    assert_one(&s, 1001, 4, CHECK_MISSING, 0, 16);
    s = outpatient();
    s.fixmedins_code = bytes_of("H12345678901");
    assert_good(&s);
    s.fixmedins_code = bytes_of("H123456789012");
    assert_one(&s, 1001, 5, CHECK_LENGTH, 13, 12);
    s = outpatient();
    s.detail_digest = (struct bytes){digest, 32};
    assert_good(&s);
    s.detail_digest.size = 31;
    assert_one(&s, 1001, 45, CHECK_LENGTH, 31, 32);
    s = outpatient();
    s.orig_setl_id = bytes_of("x");
    assert_one(&s, 1001, 28, CHECK_MATCH, 0, 1);
    const struct settlement original = outpatient();
    s = refund_of(&original);
    s.orig_setl_id.size = 0;
    assert_one(&s, 1001, 29, CHECK_MISSING, 0, 0);
}

static void codes_must_be_known(void **state)
{
    (void)state;
    struct settlement s = outpatient();
    s.insutype = 311;
    assert_one(&s, 2006, 8, CHECK_KNOWN, 311, 0);
    s = outpatient();
    s.med_type = 9;
    assert_one(&s, 2006, 9, CHECK_KNOWN, 9, 0);
    s = outpatient();
    s.clr_type = 12;
    assert_one(&s, 2006, 10, CHECK_KNOWN, 12, 0);
    s = outpatient();
    s.insu_admdvs = 710000;
    assert_one(&s, 2002, 6, CHECK_KNOWN, 710000, 0);
    s = outpatient();
    s.mdtrtarea_admvs = 110100;
    assert_one(&s, 2001, 7, CHECK_NONE, 11, 11);
    s = chronic();
    s.dise_codg = bytes_of("X07801");
    assert_one(&s, 2006, 30, CHECK_NONE, 0, 0);
    s.dise_codg.size = 0;
    assert_good(&s);
    tables.chronic_code_required = true;
    assert_one(&s, 2006, 30, CHECK_MISSING, 0, 0);
    tables.chronic_code_required = false;
}

static void time_has_two_ends(void **state)
{
    const int64_t last = NOW + tables.setl_time_future_ms;
    const int64_t first = civil_month_start_ms(tables.setl_time_first_month);
    (void)state;
    struct settlement s = outpatient();
    s.setl_time = last;
    assert_good(&s);
    s.setl_time = last + 1;
    assert_one(&s, 2012, 11, CHECK_RANGE, last + 1, last);
    s.setl_time = first;
    assert_good(&s);
    s.setl_time = first - 1;
    assert_one(&s, 2012, 11, CHECK_RANGE, first - 1, first);
    s.setl_time = 0;
    assert_one(&s, 2012, 11, CHECK_MISSING, 0, 0);
    s = chronic(); /* The calendar must not be asked about these. */
    s.setl_time = INT64_MIN;
    check(&s);
    assert_failure(failures.count - 1, 2012, 11, CHECK_RANGE, INT64_MIN, 0);
    s.setl_time = INT64_MAX;
    check(&s);
    assert_failure(failures.count - 1, 2012, 11, CHECK_RANGE, INT64_MAX, 0);
}

static void all_failures_are_named_together(void **state)
{
    (void)state;
    struct settlement s = outpatient();
    s.msgid.size = 0;
    s.insutype = 1;
    s.setl_time = 0;
    s.amounts[AMOUNT_HIFP] += 1;
    s.amounts[AMOUNT_CASH] -= 1;
    check(&s);
    assert_int_equal(failures.count, 5);
    assert_failure(0, 1001, 1, CHECK_MISSING, 0, 0);
    assert_failure(1, 2006, 8, CHECK_KNOWN, 1, 0);
    assert_failure(2, 2012, 11, CHECK_MISSING, 0, 0);
    assert_failure(3, 2004, 13, CHECK_E1, 28000, 28001);
    assert_failure(4, 2004, 15, CHECK_E3, 14000, 13999);
}

static void texts_are_sound_utf8(void **state)
{
    static const char *const good[] = {"", "退费", "a b", "\xf0\x9f\x8f\xa5", "\xef\xbf\xbd"};
    static const char *const bad[] = {"\n",           "\x7f",
                                      "\x80",         "\xc0\xaf",
                                      "\xe5\x8c",     "\xed\xa0\x80",
                                      "\xc2",         "\xf4\x90\x80\x80",
                                      "\xe0\x80\x80", "\xf0\x80\x80\x80"};
    struct reversal r = {.msgid = bytes_of("m"),
                         .rev_setl_id = bytes_of("r"),
                         .setl_id = bytes_of("s"),
                         .psn_key = bytes_of("0123456789abcdef")};
    (void)state;
    for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
        failures.count = 0;
        r.reason = bytes_of(good[i]);
        rules_check_reversal(&r, &failures);
        assert_int_equal(failures.count, 0);
    }
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        failures.count = 0;
        r.reason = bytes_of(bad[i]);
        rules_check_reversal(&r, &failures);
        assert_int_equal(failures.count, 1);
        assert_failure(0, 1001, 29, CHECK_CHARSET, CHARSET_TEXT, 0);
    }
}

/* -- against the original -------------------------------------------------------------------- */

static void check_refund(const struct settlement *refund, const struct settlement *original,
                         const int64_t *changes)
{
    failures.count = 0;
    rules_check_refund(&tables, refund, original, changes, &failures);
}

static void refunds_end_at_the_original_amount_by_amount(void **state)
{
    static const int64_t none[AMOUNT_REFUNDABLE_COUNT];
    const struct settlement original = inpatient();
    (void)state;
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++) {
        struct settlement refund = refund_of(&original);
        check_refund(&refund, &original, none);
        assert_int_equal(failures.count, 0);
        refund.amounts[i] += 1;
        check_refund(&refund, &original, none);
        assert_int_equal(failures.count, 0);
        refund.amounts[i] -= 2;
        check_refund(&refund, &original, none);
        assert_int_equal(failures.count, 1);
        assert_failure(0, 2015, settlement_amount_field((enum settlement_amount)i), CHECK_REFUND,
                       original.amounts[i] + 1, original.amounts[i]);
    }
}

static void earlier_refunds_count(void **state)
{
    int64_t changes[AMOUNT_REFUNDABLE_COUNT] = {0};
    const struct settlement original = outpatient();
    struct settlement refund = refund_of(&original);
    (void)state;
    changes[AMOUNT_CASH] = -1;
    check_refund(&refund, &original, changes);
    assert_int_equal(failures.count, 1);
    assert_failure(0, 2015, 17, CHECK_REFUND, 4001, 4000);
    refund.amounts[AMOUNT_CASH] += 1;
    check_refund(&refund, &original, changes);
    assert_int_equal(failures.count, 0);
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
        changes[i] = -original.amounts[i];
    check_refund(&refund, &original, changes);
    assert_int_equal(failures.count, 1);
    assert_failure(0, 2014, 29, CHECK_NONE, 0, 0);
}

static void without_partial_refunds_the_whole_rest_goes(void **state)
{
    static const int64_t none[AMOUNT_REFUNDABLE_COUNT];
    const struct settlement original = outpatient();
    struct settlement refund = refund_of(&original);
    (void)state;
    tables.partial_refunds = false;
    check_refund(&refund, &original, none);
    assert_int_equal(failures.count, 0);
    refund.amounts[AMOUNT_CASH] += 1;
    check_refund(&refund, &original, none);
    assert_failure(0, 2015, 17, CHECK_REFUND, 3999, 4000);
    tables.partial_refunds = true;
}

static void a_refund_keeps_parties_line_and_class(void **state)
{
    static const int64_t none[AMOUNT_REFUNDABLE_COUNT];
    const struct settlement original = outpatient();
    struct settlement refund = refund_of(&original);
    (void)state;
    refund.mdtrtarea_admvs = 130100; /* Another area of the same province is fine. */
    refund.med_type = 13;
    check_refund(&refund, &original, none);
    assert_int_equal(failures.count, 0);
    refund.insu_admdvs = 110100;
    refund.mdtrtarea_admvs = 140000;
    refund.insutype = 390;
    refund.med_type = 41;
    check_refund(&refund, &original, none);
    assert_int_equal(failures.count, 4);
    assert_failure(0, 2016, 6, CHECK_MATCH, 110100, 110000);
    assert_failure(1, 2016, 7, CHECK_MATCH, 140000, 131000);
    assert_failure(2, 2019, 8, CHECK_MATCH, 390, 310);
    assert_failure(3, 2019, 9, CHECK_MATCH, 41, 11);
}

static void a_reversal_is_the_refund_it_stands_for(void **state)
{
    struct settlement original = inpatient();
    struct reversal r = {.msgid = bytes_of("m2"),
                         .rev_setl_id = bytes_of("r2"),
                         .full = true,
                         .setl_id = original.setl_id,
                         .psn_key = original.psn_key,
                         .insu_admdvs = 340100,
                         .mdtrtarea_admvs = 310000};
    (void)state;
    original.clr_amt_present = true;
    original.clr_amt = 3432000;
    struct settlement refund = rules_reversal_as_refund(&r, &original, NOW);
    for (int i = 0; i < AMOUNT_COUNT; i++)
        assert_int_equal(refund.amounts[i], -original.amounts[i]);
    assert_true(refund.refd_setl_flag);
    assert_int_equal(refund.setl_time, NOW);
    assert_true(bytes_equal(refund.setl_id, bytes_of("r2")));
    assert_true(bytes_equal(refund.orig_setl_id, original.setl_id));
    assert_good(&refund);
    r.full = false;
    r.setl_time = NOW - 5;
    r.amounts[AMOUNT_MEDFEE] = r.amounts[AMOUNT_FUND_SUM] = r.amounts[AMOUNT_HIFP] = -32000;
    refund = rules_reversal_as_refund(&r, &original, NOW);
    assert_int_equal(refund.setl_time, NOW - 5);
    assert_int_equal(posted(&refund).funds[FUND_POOL], -32000);
}

static void adjustments_stay_between_nothing_and_sixteen_digits(void **state)
{
    int64_t changes[AMOUNT_REFUNDABLE_COUNT] = {0};
    const struct settlement original = inpatient();
    struct adjustment a = {.insu_admdvs = 340100, .mdtrtarea_admvs = 310000};
    (void)state;
    rules_check_adjusted(&a, &original, changes, &failures);
    failures.count = 0;
    rules_check_adjusted(&a, &original, changes, &failures);
    assert_failure(0, 1001, 14, CHECK_MISSING, 0, 0); /* It changes nothing. */
    failures.count = 0;
    a.amounts[AMOUNT_HIFP] = -3030000;
    rules_check_adjusted(&a, &original, changes, &failures);
    assert_int_equal(failures.count, 0);
    changes[AMOUNT_HIFP] = -1;
    rules_check_adjusted(&a, &original, changes, &failures);
    assert_failure(0, 2015, 14, CHECK_REFUND, 3030001, 3030000);
    failures.count = 0;
    changes[AMOUNT_HIFP] = 0;
    a.amounts[AMOUNT_HIFP] = FEN_AMOUNT_MAX - 3030000;
    rules_check_adjusted(&a, &original, changes, &failures);
    assert_int_equal(failures.count, 0);
    a.amounts[AMOUNT_HIFP] += 1;
    rules_check_adjusted(&a, &original, changes, &failures);
    assert_int_equal(failures.count, 1);
    failures.count = 0;
    a.amounts[AMOUNT_HIFP] = -1;
    a.insu_admdvs = 340200; /* The original's province is not enough: it is the area that pays. */
    rules_check_adjusted(&a, &original, changes, &failures);
    assert_failure(0, ERROR_WRONG_PROVINCE, 6, CHECK_MATCH, 340200, 340100);
}

static void an_audit_takes_320_yuan_back(void **state)
{
    const struct settlement original = inpatient();
    const struct decided decided = rules_decide(&tables, &original);
    struct adjustment a = {.insu_admdvs = 340100, .mdtrtarea_admvs = 310000};
    (void)state;
    a.amounts[AMOUNT_HIFP] = -32000;
    struct posting before;
    rules_posting(&original, decided, 0, &before);
    const struct posting change = rules_adjustment_posting(&a, decided);
    assert_int_equal(posting_total(&before) + posting_total(&change), 3400000);
    assert_memory_equal(&before.key, &change.key, sizeof before.key);
    assert_int_equal(change.medfee, 0);
}

/* What an adjustment says by itself; the original is not asked yet. */
static void an_adjustment_has_bounds_of_its_own(void **state)
{
    (void)state;
    char reason[REASON_SIZE_MAX + 2];
    memset(reason, 'r', sizeof reason);
    struct adjustment a = {.msgid = bytes_of("m1"),
                           .adj_no = bytes_of("a1"),
                           .setl_id = bytes_of("s1"),
                           .psn_key = bytes_of("0123456789abcdef"),
                           .insu_admdvs = 340100,
                           .mdtrtarea_admvs = 310000,
                           .reason = {(const uint8_t *)reason, REASON_SIZE_MAX}};
    a.amounts[AMOUNT_HIFP] = -FEN_AMOUNT_MAX;
    failures.count = 0;
    rules_check_adjustment(&tables, &a, &failures);
    assert_int_equal(failures.count, 0);
    a.reason.size++;
    rules_check_adjustment(&tables, &a, &failures);
    assert_failure(0, ERROR_MALFORMED, 29, CHECK_LENGTH, REASON_SIZE_MAX + 1, REASON_SIZE_MAX);
    a.reason.size--;
    for (int sign = -1; sign <= 1; sign += 2) {
        a.amounts[AMOUNT_HIFP] = sign * (FEN_AMOUNT_MAX + 1);
        failures.count = 0;
        rules_check_adjustment(&tables, &a, &failures);
        assert_int_equal(failures.count, 1);
        assert_failure(0, ERROR_AMOUNT_RANGE, 14, CHECK_RANGE, sign * (FEN_AMOUNT_MAX + 1),
                       FEN_AMOUNT_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(worked_examples_clear_what_the_rules_say),
        cmocka_unit_test(every_fund_has_its_class),
        cmocka_unit_test(each_identity_off_by_a_fen_is_named),
        cmocka_unit_test(each_identity_can_be_hard_soft_or_off),
        cmocka_unit_test(the_payers_switches_count_not_the_payees),
        cmocka_unit_test(soft_e1_still_clears_the_whole_fund_total),
        cmocka_unit_test(mutual_aid_stands_beside_or_inside),
        cmocka_unit_test(the_wallets_share_is_not_cleared),
        cmocka_unit_test(the_fund_total_may_hold_the_account),
        cmocka_unit_test(every_amount_has_its_sign),
        cmocka_unit_test(amounts_end_at_sixteen_digits),
        cmocka_unit_test(ids_are_short_and_visible),
        cmocka_unit_test(every_byte_of_an_id_is_looked_at),
        cmocka_unit_test(no_id_is_passed_over),
        cmocka_unit_test(other_fields_have_their_form),
        cmocka_unit_test(codes_must_be_known),
        cmocka_unit_test(time_has_two_ends),
        cmocka_unit_test(all_failures_are_named_together),
        cmocka_unit_test(texts_are_sound_utf8),
        cmocka_unit_test(refunds_end_at_the_original_amount_by_amount),
        cmocka_unit_test(earlier_refunds_count),
        cmocka_unit_test(without_partial_refunds_the_whole_rest_goes),
        cmocka_unit_test(a_refund_keeps_parties_line_and_class),
        cmocka_unit_test(a_reversal_is_the_refund_it_stands_for),
        cmocka_unit_test(adjustments_stay_between_nothing_and_sixteen_digits),
        cmocka_unit_test(an_adjustment_has_bounds_of_its_own),
        cmocka_unit_test(an_audit_takes_320_yuan_back),
    };
    return cmocka_run_group_tests(tests, load_tables, NULL);
}
