/* Institutions and provincial rules: who may push them, what a row must be, and that any order and
 * any repetition of pushes leaves the same. */
#include <stdlib.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "wallet/chapters.h"

#define NOW_MS INT64_C(1780000000000)

static struct params params;
static struct wallet_decision decision;

static struct wallet_order institution(void)
{
    return (struct wallet_order){
        .fixmedins_code = bytes_of("H34010000001"),
        .name = bytes_of("合肥市第一人民医院"),
        .place = 340100,
        .which = 3,
        .level_wallet = 1,
        .level_outpatient = 1,
        .from = 20250101,
        .to = 20301231,
    };
}

static struct wallet_order rule(void)
{
    return (struct wallet_order){
        .name = bytes_of("allow_reclaim"),
        .value = bytes_of("on"),
        .place = 340000,
        .eff_ms = NOW_MS + 1,
    };
}

static struct wallet_input input_of(const struct wallet_order *order)
{
    return (struct wallet_input){
        .order = order, .params = &params, .now_ms = NOW_MS, .time_known = true};
}

static void judge(wallet_judge_fn *judge_fn, const struct wallet_input *input)
{
    wallet_decision_begin(&decision);
    judge_fn(input, NULL, &decision);
    assert_false(decision.failures.count != 0 && decision.put_rule);
    assert_false(decision.failures.count != 0 && decision.put_institution);
}

static void expect_failure(uint32_t code, uint32_t field, enum check check)
{
    assert_int_equal(decision.failures.count, 1);
    assert_int_equal(decision.failures.list[0].code, code);
    assert_int_equal(decision.failures.list[0].field, field);
    assert_int_equal(decision.failures.list[0].check, check);
}

static void a_new_institution(void **state)
{
    const struct wallet_order order = institution();
    const struct wallet_input input = input_of(&order);
    (void)state;
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.put_institution);
    assert_false(decision.nothing);
    assert_int_equal(decision.said.stas, STAS_DONE);
    assert_string_equal(decision.institution.fixmedins_code, "H34010000001");
    assert_string_equal(decision.institution.name, "合肥市第一人民医院");
    assert_int_equal(decision.institution.admdvs, 340100);
    assert_int_equal(decision.institution.version, 3);
    assert_int_equal(decision.institution.level_wallet, 1);
    assert_int_equal(decision.institution.from, 20250101);
    assert_int_equal(decision.institution.to, 20301231);
}

static void versions(void **state)
{
    struct wallet_order order = institution();
    struct wallet_input input = input_of(&order);
    (void)state;
    judge(judge_institution, &input);
    const struct institution stored = decision.institution;
    input.institution = &stored;

    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.nothing && decision.dup && !decision.put_institution);

    order.level_wallet = 0; /* Another content under the same version, */
    judge(judge_institution, &input);
    expect_failure(ERROR_INSTITUTION_INVALID, 20, CHECK_MATCH);
    order.which = 2; /* an older one, */
    judge(judge_institution, &input);
    expect_failure(ERROR_INSTITUTION_INVALID, 20, CHECK_MATCH);
    order.which = 4; /* and a newer one. */
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.put_institution);
    assert_int_equal(decision.institution.level_wallet, 0);
}

static void form_of_an_institution(void **state)
{
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123456789"
        "01234567890123456789!";
    struct wallet_order order;
    struct wallet_input input = input_of(&order);
    (void)state;
#define REFUSED(change, code, field, check) \
    do {                                    \
        order = institution();              \
        change;                             \
        judge(judge_institution, &input);   \
        expect_failure(code, field, check); \
    } while (0)
    REFUSED(order.fixmedins_code.size = 0, ERROR_MALFORMED, 5, CHECK_MISSING);
    REFUSED(order.fixmedins_code = bytes_of("H340100000012"), ERROR_MALFORMED, 5, CHECK_LENGTH);
    REFUSED(order.fixmedins_code = bytes_of("H34 0000001"), ERROR_MALFORMED, 5, CHECK_CHARSET);
    REFUSED(order.name = bytes_of(long_name), ERROR_MALFORMED, 2, CHECK_LENGTH);
    REFUSED(order.name = bytes_of("\xff"), ERROR_MALFORMED, 2, CHECK_CHARSET);
    REFUSED(order.place = 0, ERROR_INSTITUTION_INVALID, 7, CHECK_KNOWN);
    REFUSED(order.place = 710000, ERROR_INSTITUTION_INVALID, 7, CHECK_KNOWN);
    REFUSED(order.which = 0, ERROR_INSTITUTION_INVALID, 20, CHECK_MISSING);
    REFUSED(order.level_wallet = 4, ERROR_INSTITUTION_INVALID, 28, CHECK_RANGE);
    REFUSED(order.level_outpatient = 4, ERROR_INSTITUTION_INVALID, 29, CHECK_RANGE);
    REFUSED(order.from = 20250230, ERROR_INSTITUTION_INVALID, 18, CHECK_RANGE);
    REFUSED(order.to = 20251301, ERROR_INSTITUTION_INVALID, 19, CHECK_RANGE);
    REFUSED(order.to = 20241231, ERROR_INSTITUTION_INVALID, 19, CHECK_RANGE);
#undef REFUSED
    order = institution();
    order.to = order.from; /* One day, */
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    order.from = order.to = 0; /* and always. */
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    order.name.size = 0; /* A directory may know codes alone. */
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    order = institution();
    order.name = (struct bytes){(const uint8_t *)long_name, 90};
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_memory_equal(decision.institution.name, long_name, 90);
}

static void who_may_push_an_institution(void **state)
{
    struct wallet_order order = institution();
    struct wallet_input input = input_of(&order);
    (void)state;
    input.province = 34;
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    const struct institution stored = decision.institution;

    input.province = 35;
    judge(judge_institution, &input);
    expect_failure(ERROR_SENDER_NOT_ALLOWED, 7, CHECK_MATCH);
    input.province = 34;
    order.sender_admdvs = 350000;
    judge(judge_institution, &input);
    expect_failure(ERROR_SENDER_NOT_ALLOWED, 46, CHECK_MATCH);
    input.province = 0; /* The centre, in a province's name. */
    judge(judge_institution, &input);
    expect_failure(ERROR_SENDER_NOT_ALLOWED, 7, CHECK_MATCH);
    order.sender_admdvs = 0;
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);

    order.which = 4; /* Another province takes its code over. */
    order.place = 350100;
    input.province = 35;
    input.institution = &stored;
    judge(judge_institution, &input);
    expect_failure(ERROR_SENDER_NOT_ALLOWED, 5, CHECK_MATCH);
}

static void a_rule(void **state)
{
    struct wallet_order order = rule();
    struct wallet_input input = input_of(&order);
    (void)state;
    params_init(&params);
    judge(judge_rule, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.put_rule);
    assert_int_equal(decision.said.stas, STAS_DONE);
    assert_int_equal(decision.rule.admdvs, 340000);
    assert_int_equal(decision.rule.param, PARAM_ALLOW_RECLAIM);
    assert_int_equal(decision.rule.value, 1);
    assert_int_equal(decision.rule.eff_ms, NOW_MS + 1);

    order.place = 0;
    order.eff_ms = NOW_MS; /* This instant is not over. */
    judge(judge_rule, &input);
    assert_true(decision.put_rule);
    order.eff_ms = NOW_MS - 1;
    judge(judge_rule, &input);
    expect_failure(ERROR_RULE_INVALID, 27, CHECK_RANGE);
    input.time_known = false; /* On a clock nobody has set nothing is over. */
    judge(judge_rule, &input);
    assert_true(decision.put_rule);
}

static void a_rule_refused(void **state)
{
    struct wallet_order order;
    struct wallet_input input = input_of(&order);
    (void)state;
    params_init(&params);
#define REFUSED(change, code, field, check) \
    do {                                    \
        order = rule();                     \
        change;                             \
        judge(judge_rule, &input);          \
        expect_failure(code, field, check); \
    } while (0)
    REFUSED(order.name = bytes_of("allow"), ERROR_RULE_INVALID, 2, CHECK_STATE);
    REFUSED(order.value = bytes_of("yes"), ERROR_RULE_INVALID, 3, CHECK_NONE);
    REFUSED(order.value = bytes_of(""), ERROR_RULE_INVALID, 3, CHECK_NONE);
    REFUSED(order.place = 34, ERROR_RULE_INVALID, 7, CHECK_KNOWN);
    REFUSED(order.place = 820000, ERROR_RULE_INVALID, 7, CHECK_KNOWN);
    /* The tax law is one for all: the year's summary asks for the nation's value. */
    REFUSED((order.name = bytes_of("deduct_from_fen"), order.value = bytes_of("1")),
            ERROR_RULE_INVALID, 7, CHECK_MATCH);
    REFUSED((order.name = bytes_of("deduct_max_fen"), order.value = bytes_of("1")),
            ERROR_RULE_INVALID, 7, CHECK_MATCH);
    REFUSED(order.eff_ms = 0, ERROR_RULE_INVALID, 27, CHECK_MISSING);
    REFUSED(order.eff_ms = -5, ERROR_RULE_INVALID, 27, CHECK_MISSING);
#undef REFUSED
    order = rule();
    order.place = 0;
    order.name = bytes_of("deduct_max_fen");
    order.value = bytes_of("1");
    judge(judge_rule, &input);
    assert_true(decision.put_rule);
    order = rule();
    input.province = 34;
    judge(judge_rule, &input);
    expect_failure(ERROR_SENDER_NOT_ALLOWED, 46, CHECK_MATCH);

    input.province = 0;
    params.count = RULE_ROWS_MAX;
    judge(judge_rule, &input);
    expect_failure(ERROR_TOO_MANY, 2, CHECK_RANGE);
    params_init(&params);
}

static void a_rule_again(void **state)
{
    struct wallet_order order = rule();
    struct wallet_input input = input_of(&order);
    const struct rule_row stored = {340000, PARAM_ALLOW_RECLAIM, NOW_MS + 1, 1};
    (void)state;
    params_init(&params);
    input.rule = &stored;
    judge(judge_rule, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.nothing && decision.dup && !decision.put_rule);
    input.now_ms = NOW_MS + 1000; /* Also when it holds already. */
    judge(judge_rule, &input);
    assert_true(decision.nothing && decision.dup);
    order.value = bytes_of("off");
    judge(judge_rule, &input);
    expect_failure(ERROR_RULE_INVALID, 3, CHECK_MATCH);
}

/* Pushes as shards see them: each in its own order, some twice. */
static void any_order_leaves_the_same(void **state)
{
    enum {
        PUSHES = 60,
    };
    static struct params first;
    static char values[PUSHES][8];
    struct wallet_order orders[PUSHES];
    struct prng prng = {514};
    (void)state;
    for (int i = 0; i < PUSHES; i++) {
        orders[i] = rule();
        orders[i].place = prng_chance(&prng, 500) ? 0 : 340000;
        orders[i].name = bytes_of("trsf_max_per_day");
        orders[i].eff_ms = NOW_MS + i + 1;
        values[i][0] = (char)('1' + prng_below(&prng, 9));
        orders[i].value = bytes_of(values[i]);
    }
    for (int shard = 0; shard < 8; shard++) {
        params_init(&params);
        for (int i = PUSHES - 1; i > 0; i--) {
            const int k = (int)prng_below(&prng, (uint64_t)i + 1);
            const struct wallet_order order = orders[i];
            orders[i] = orders[k];
            orders[k] = order;
        }
        for (int i = 0; i < 2 * PUSHES; i++) {
            struct wallet_input input = input_of(&orders[i % PUSHES]);
            input.rule =
                params_find(&params, input.order->place, PARAM_TRSF_MAX_COUNT, input.order->eff_ms);
            judge(judge_rule, &input);
            assert_int_equal(decision.failures.count, 0);
            assert_true(decision.put_rule != decision.dup);
            if (decision.put_rule) assert_true(params_put(&params, &decision.rule));
        }
        if (shard == 0) first = params;
        assert_memory_equal(&first, &params, sizeof params);
    }
}

/* What shard 0 took the others take, whatever time it is there and whatever came in between. */
static void followers_take_it(void **state)
{
    const struct wallet_fact decided = {.decided = 1};
    struct wallet_order order = rule();
    struct wallet_input input = input_of(&order);
    (void)state;
    params_init(&params);
    input.now_ms = order.eff_ms + 1;
    judge(judge_rule, &input);
    expect_failure(ERROR_RULE_INVALID, 27, CHECK_RANGE);
    input.fact = &decided;
    judge(judge_rule, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.put_rule && !decision.nothing);

    order = institution();
    input = input_of(&order);
    input.fact = &decided;
    input.province = 34;
    judge(judge_institution, &input);
    assert_true(decision.put_institution);
    struct institution stored = decision.institution;
    stored.version = order.which + 1; /* The next one was faster. */
    stored.admdvs = 530100;           /* And the code has moved. */
    input.institution = &stored;
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.nothing && !decision.put_institution);
    stored.version = order.which - 1;
    judge(judge_institution, &input);
    assert_int_equal(decision.failures.count, 0);
    assert_true(decision.put_institution);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_institution),
        cmocka_unit_test(versions),
        cmocka_unit_test(form_of_an_institution),
        cmocka_unit_test(who_may_push_an_institution),
        cmocka_unit_test(a_rule),
        cmocka_unit_test(a_rule_refused),
        cmocka_unit_test(a_rule_again),
        cmocka_unit_test(any_order_leaves_the_same),
        cmocka_unit_test(followers_take_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
