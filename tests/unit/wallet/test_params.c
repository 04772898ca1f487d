/* Provincial rules: the shipped table, which row holds where and when against a naive walk over the
 * rows, values as text both ways, and tables that must be refused with line, field and reason. */
#include <stdio.h>
#include <stdlib.h>

#include "deploy/embedded_tables.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "types/civil.h"
#include "types/province.h"
#include "wallet/params.h"

static struct params params; /* Too large for a comfortable stack. */

static void load_shipped(void)
{
    char why[256] = "";
    params_init(&params);
    for (size_t i = 0; i < embedded_table_count; i++) {
        const struct embedded_file *file = &embedded_tables[i];
        if (strcmp(file->name, "provincial_rules.csv") != 0) continue;
        if (!params_load(&params, (struct bytes){file->data, file->size}, why, sizeof why))
            fail_msg("%s", why);
        return;
    }
    fail_msg("no provincial_rules.csv");
}

static int64_t at(const char *text)
{
    int64_t ms = 0;
    assert_true(civil_parse_datetime(text, strlen(text), &ms));
    return ms;
}

static void the_shipped_table(void **state)
{
    static const struct {
        uint32_t admdvs;
        enum param param;
        const char *time;
        int64_t want;
    } cases[] = {
        {510100, PARAM_WALLET_ENABLED, "2025-02-03 23:59:59", 0},
        {510100, PARAM_WALLET_ENABLED, "2025-02-04 00:00:00", 1},
        {530100, PARAM_WALLET_ENABLED, "2025-09-21 23:59:59", 0},
        {530100, PARAM_WALLET_ENABLED, "2025-09-22 00:00:00", 1},
        {140100, PARAM_WALLET_ENABLED, "2025-07-31 23:59:59", 0},
        {140100, PARAM_WALLET_ENABLED, "2025-08-01 00:00:00", 1},
        {630100, PARAM_WALLET_ENABLED, "2025-07-01 00:00:00", 1},
        {440400, PARAM_WALLET_ENABLED, "2026-01-01 00:00:00", 0}, /* Guangdong: not yet. */
        {660100, PARAM_WALLET_ENABLED, "2026-01-01 00:00:00", 1},
        {140100, PARAM_PA_FLOOR, "2026-01-01 00:00:00", 100000},
        {140100, PARAM_PA_FLOOR_SCOPE, "2026-01-01 00:00:00", FLOOR_IN_PROVINCE_ONLY},
        {110000, PARAM_PA_FLOOR, "2026-01-01 00:00:00", 0},
        {350100, PARAM_PHARMACY_SWITCH, "2025-10-31 23:59:59", SWITCH_NONE},
        {350100, PARAM_PHARMACY_SWITCH, "2025-11-01 00:00:00", SWITCH_DEFAULT_OFF},
        {360100, PARAM_PHARMACY_SWITCH, "2026-01-01 00:00:00", SWITCH_NONE},
        {110100, PARAM_FILING_GROUP, "2026-01-01 00:00:00", 1},
        {120100, PARAM_FILING_GROUP, "2026-01-01 00:00:00", 1},
        {130100, PARAM_FILING_GROUP, "2026-01-01 00:00:00", 1},
        {140100, PARAM_FILING_GROUP, "2026-01-01 00:00:00", 0},
        {620500, PARAM_ONE_FAMILY, "2026-01-01 00:00:00", 1},
        {510100, PARAM_TRSF_MAX_EACH, "2026-01-01 00:00:00", 200000},
        {510100, PARAM_TRSF_MAX_COUNT, "2026-01-01 00:00:00", 3},
        {510100, PARAM_TRSF_MAX_SUM, "2026-01-01 00:00:00", 600000},
        {510100, PARAM_NIGHT_FROM, "2026-01-01 00:00:00", 2200},
        {510100, PARAM_NIGHT_TO, "2026-01-01 00:00:00", 600},
        {510100, PARAM_EXPIRE_AT, "2026-01-01 00:00:00", 600},
        {510100, PARAM_RELATIVES, "2026-01-01 00:00:00", 255},
        {510100, PARAM_PREM_FROM, "2026-01-01 00:00:00", 901},
        {510100, PARAM_PREM_TO, "2026-01-01 00:00:00", 1231},
    };
    (void)state;
    load_shipped();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int64_t got =
            params_value(&params, cases[i].param, cases[i].admdvs, at(cases[i].time));
        if (got != cases[i].want) {
            fail_msg("%u %s at %s: %lld", cases[i].admdvs, param_name(cases[i].param),
                     cases[i].time, (long long)got);
        }
    }
}

/* The table says the same of the nation as the defaults do: what a program without it would do. The
 * one that differs is wallet_enabled, which is off until the day the table names. */
static void the_nations_rows_are_the_defaults(void **state)
{
    static struct params empty;
    (void)state;
    load_shipped();
    params_init(&empty);
    for (uint32_t i = 0; i < PARAM_COUNT; i++) {
        assert_true(params_latest(&params, 0, i) >= 0);
        if (i == PARAM_WALLET_ENABLED) continue;
        const int64_t now = at("2026-01-01 00:00:00");
        assert_int_equal(params_value(&params, (enum param)i, 0, now),
                         params_value(&empty, (enum param)i, 0, now));
    }
}

/* The rule of params.h in its simplest form. */
static int64_t naive_value(const struct rule_row *rows, uint32_t count, uint32_t param,
                           uint32_t admdvs, int64_t at_ms, int64_t otherwise)
{
    const uint32_t areas[] = {admdvs, admdvs / 10000 * 10000, 0};
    for (int a = 0; a < 3; a++) {
        const struct rule_row *best = NULL;
        for (uint32_t i = 0; i < count; i++) {
            const struct rule_row *row = &rows[i];
            if (row->param != param || row->admdvs != areas[a] || row->eff_ms > at_ms) continue;
            if (best == NULL || row->eff_ms > best->eff_ms) best = row;
        }
        if (best != NULL) return best->value;
    }
    return otherwise;
}

/* Few areas, times and params, so that rows meet; each key once, in any order. */
static void any_rows_in_any_order(void **state)
{
    static const uint32_t areas[] = {0, 110000, 110100, 440000, 440300, 440400, 990000};
    static struct rule_row rows[400];
    struct prng prng = {20260605};
    (void)state;
    for (int round = 0; round < 50; round++) {
        uint32_t count = 0;
        params_init(&params);
        for (int i = 0; i < 400; i++) {
            const struct rule_row row = {
                .admdvs = areas[prng_below(&prng, 7)],
                .param =
                    prng_chance(&prng, 250) ? 0 : PARAM_COUNT - 1 - (uint32_t)prng_below(&prng, 3),
                .eff_ms = (int64_t)prng_below(&prng, 9),
                .value = (int64_t)prng_below(&prng, 1000),
            };
            const bool there = params_find(&params, row.admdvs, row.param, row.eff_ms) != NULL;
            assert_true(params_put(&params, &row));
            assert_int_equal(params_find(&params, row.admdvs, row.param, row.eff_ms)->value,
                             row.value);
            if (!there) {
                rows[count++] = row;
                continue;
            }
            for (uint32_t k = 0; k < count; k++) {
                if (rows[k].admdvs == row.admdvs && rows[k].param == row.param &&
                    rows[k].eff_ms == row.eff_ms)
                    rows[k] = row;
            }
        }
        assert_int_equal(params.count, count);
        for (int i = 0; i < 2000; i++) {
            const uint32_t area = areas[prng_below(&prng, 7)];
            const uint32_t param = (uint32_t)prng_below(&prng, PARAM_COUNT);
            const int64_t time = (int64_t)prng_below(&prng, 11);
            static struct params empty;
            const int64_t otherwise = params_value(&empty, (enum param)param, area, time);
            assert_int_equal(params_value(&params, (enum param)param, area, time),
                             naive_value(rows, count, param, area, time, otherwise));
        }
    }
}

static void the_latest_of_an_area(void **state)
{
    (void)state;
    params_init(&params);
    assert_int_equal(params_latest(&params, 110000, PARAM_ALLOW_RECLAIM), -1);
    assert_true(params_put(&params, &(struct rule_row){110000, PARAM_ALLOW_RECLAIM, 50, 1}));
    assert_true(params_put(&params, &(struct rule_row){110000, PARAM_ALLOW_RECLAIM, 20, 0}));
    assert_true(params_put(&params, &(struct rule_row){110100, PARAM_ALLOW_RECLAIM, 90, 0}));
    assert_int_equal(params_latest(&params, 110000, PARAM_ALLOW_RECLAIM), 50);
    assert_int_equal(params_latest(&params, 110000, PARAM_COUNT), -1);
    assert_null(params_find(&params, 110000, PARAM_ALLOW_RECLAIM, 21));
    assert_null(params_find(&params, 110000, PARAM_COUNT, 20));
    assert_false(params_put(&params, &(struct rule_row){110000, PARAM_COUNT, 20, 0}));
}

static void full_is_an_answer(void **state)
{
    struct rule_row row = {110000, PARAM_TRSF_MAX_EACH, 0, 5};
    (void)state;
    params_init(&params);
    for (row.eff_ms = RULE_ROWS_MAX; row.eff_ms > 0; row.eff_ms--)
        assert_true(params_put(&params, &row));
    assert_false(params_put(&params, &row));
    row.eff_ms = 7;
    row.value = 6;
    assert_true(params_put(&params, &row)); /* In place of one. */
    assert_int_equal(params_value(&params, PARAM_TRSF_MAX_EACH, 110105, 7), 6);
    assert_int_equal(params_value(&params, PARAM_TRSF_MAX_EACH, 110105, 8), 5);
}

static void values_as_text(void **state)
{
    static const struct {
        enum param param;
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        {PARAM_WALLET_ENABLED, "on", true, 1},
        {PARAM_WALLET_ENABLED, "off", true, 0},
        {PARAM_WALLET_ENABLED, "1", true, 1},
        {PARAM_WALLET_ENABLED, "0", true, 0},
        {PARAM_WALLET_ENABLED, "2", false, 0},
        {PARAM_WALLET_ENABLED, "On", false, 0},
        {PARAM_WALLET_ENABLED, "", false, 0},
        {PARAM_NIGHT_FROM, "22:00", true, 2200},
        {PARAM_NIGHT_FROM, "00:00", true, 0},
        {PARAM_NIGHT_TO, "24:00", true, 2400},
        {PARAM_NIGHT_TO, "24:01", false, 0},
        {PARAM_NIGHT_TO, "21:60", false, 0},
        {PARAM_NIGHT_TO, "6:00", false, 0},
        {PARAM_NIGHT_TO, "06-00", false, 0},
        {PARAM_EXPIRE_AT, "24:00", false, 0}, /* A time of the next day. */
        {PARAM_EXPIRE_AT, "23:59", true, 2359},
        {PARAM_PREM_FROM, "09-01", true, 901},
        {PARAM_PREM_FROM, "02-29", false, 0},
        {PARAM_PREM_FROM, "04-31", false, 0},
        {PARAM_PREM_FROM, "00-10", false, 0},
        {PARAM_PREM_FROM, "13-01", false, 0},
        {PARAM_PREM_FROM, "0901", false, 0},
        {PARAM_TRSF_MAX_EACH, "200000", true, 200000},
        {PARAM_TRSF_MAX_EACH, "0", false, 0},
        {PARAM_TRSF_MAX_EACH, "2000.00", false, 0},
        {PARAM_TRSF_MAX_EACH, "-1", false, 0},
        {PARAM_TRSF_MAX_EACH, "100000000", true, 100000000},
        {PARAM_TRSF_MAX_EACH, "100000001", false, 0},
        {PARAM_SPEND_SCOPE, "use_loc", true, SCOPE_USE_LOC_ONLY},
        {PARAM_SPEND_SCOPE, "insured_prov", true, SCOPE_INSURED_PROV},
        {PARAM_SPEND_SCOPE, "nation", true, SCOPE_NATION},
        {PARAM_SPEND_SCOPE, "1", false, 0},
        {PARAM_PENDING_SCOPE, "pair", true, PENDING_PAIR},
        {PARAM_PENDING_SCOPE, "giver", true, PENDING_GIVER},
        {PARAM_PENDING_SCOPE, "none", true, PENDING_NONE},
        {PARAM_PA_FLOOR_MODE, "gate", true, FLOOR_GATE},
        {PARAM_PA_FLOOR_MODE, "reserve", true, FLOOR_RESERVE},
        {PARAM_PA_FLOOR_SCOPE, "in_province", true, FLOOR_IN_PROVINCE_ONLY},
        {PARAM_PA_FLOOR_SCOPE, "wallet", true, FLOOR_WALLET_TOO},
        {PARAM_PA_HOLD_MODE, "online", true, HOLD_ONLINE},
        {PARAM_PA_HOLD_MODE, "grant", true, HOLD_GRANT},
        {PARAM_SPEND_ORDER, "own_family_wallet_cash", true, ORDER_OWN_FAMILY_WALLET_CASH},
        {PARAM_SPEND_ORDER, "own_wallet_family_cash", true, ORDER_OWN_WALLET_FAMILY_CASH},
        {PARAM_PHARMACY_SWITCH, "none", true, SWITCH_NONE},
        {PARAM_PHARMACY_SWITCH, "default_off", true, SWITCH_DEFAULT_OFF},
        {PARAM_PHARMACY_SWITCH, "default_on", true, SWITCH_DEFAULT_ON},
        {PARAM_WALLET_MODE, "virtual_limit", true, 0},
        {PARAM_WALLET_MODE, "stored_value", false, 0},
        {PARAM_CLEAR_PATH, "direct", true, PATH_DIRECT},
        {PARAM_CLEAR_PATH, "via_use_loc", true, PATH_VIA_USE_LOC},
        {PARAM_COUNT, "1", false, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char word[32] = "";
        int64_t value = -7;
        const bool good = param_parse(cases[i].param, bytes_of(cases[i].text), &value);
        if (good != cases[i].good || (good && value != cases[i].value))
            fail_msg("%s %s", param_name(cases[i].param), cases[i].text);
        if (!good) continue;
        param_print(cases[i].param, value, word);
        assert_true(param_parse(cases[i].param, bytes_of(word), &value));
        assert_int_equal(value, cases[i].value);
    }
    char word[32];
    param_print(PARAM_NIGHT_TO, 600, word);
    assert_string_equal(word, "06:00");
    param_print(PARAM_PREM_FROM, 901, word);
    assert_string_equal(word, "09-01");
    param_print(PARAM_WALLET_ENABLED, 1, word);
    assert_string_equal(word, "on");
    param_print(PARAM_SPEND_ORDER, 0, word);
    assert_string_equal(word, "own_family_wallet_cash");
}

static void names(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < PARAM_COUNT; i++)
        assert_int_equal(params_by_name(bytes_of(param_name(i))), i);
    assert_int_equal(params_by_name(bytes_of("wallet")), PARAM_COUNT);
    assert_int_equal(params_by_name(bytes_of("")), PARAM_COUNT);
}

/* All 32 provinces but `without`, then more lines. */
static const char *table_of(uint32_t without, const char *more)
{
    static char text[8192];
    size_t used = 0;
    for (int i = 0; i < PROVINCE_COUNT; i++) {
        if (province_codes[i] == without) continue;
        used += (size_t)snprintf(text + used, sizeof text - used, "%u0000,wallet_enabled,on,\n",
                                 province_codes[i]);
    }
    snprintf(text + used, sizeof text - used, "%s", more);
    return text;
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *header;
        const char *more;
        uint32_t without;
        const char *want;
    } cases[] = {
        {"", "", 0, "line 1: header: unknown column"},
        {"admdvs,param,value\n", "", 0, "line 1: eff_from: the column is missing"},
        {"admdvs,param,value,eff_from,value\n", "", 0, "line 1: header: doubled column"},
        {NULL, "11,trsf_night_to,05:00,\n", 0,
         "line 34: admdvs: neither 0 nor six digits of a province that takes part"},
        {NULL, "710000,trsf_night_to,05:00,\n", 0,
         "line 34: admdvs: neither 0 nor six digits of a province that takes part"},
        {NULL, "0,trsf_nite_to,05:00,\n", 0, "line 34: param: no param of that name"},
        {NULL, "440000,deduct_max_fen,9000000,\n", 0,
         "line 34: admdvs: that param is the nation's alone: 0"},
        {NULL, "0,trsf_night_to,5:00,\n", 0,
         "line 34: value: not one of that param, or out of its range"},
        {NULL, "0,trsf_max_per_day,1001,\n", 0,
         "line 34: value: not one of that param, or out of its range"},
        {NULL, "0,trsf_night_to,05:00,2025-02-30\n", 0,
         "line 34: eff_from: neither empty nor a day yyyy-mm-dd"},
        {NULL, "0,trsf_night_to,05:00,20250201\n", 0,
         "line 34: eff_from: neither empty nor a day yyyy-mm-dd"},
        {NULL, "0,trsf_night_to,05:00,1970-01-01\n", 0,
         "line 34: eff_from: neither empty nor a day yyyy-mm-dd"},
        {NULL, "0,trsf_night_to,05:00,2025-02-01\n0,trsf_night_to,04:00,2025-02-01\n", 0,
         "line 35: eff_from: a second row of that area, param and day"},
        {NULL, "0,trsf_night_to,05:00\n", 0, "line 34: line: not as many cells as the header has"},
        {NULL, "0,\"trsf_night_to,05:00,\n", 0, "line 34: line: a quote is not closed"},
        {NULL, "", 66, "line 32: param: no row wallet_enabled of 660000 兵团"},
        {NULL, "660100,wallet_enabled,on,\n", 66,
         "line 33: param: no row wallet_enabled of 660000 兵团"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static char text[9000];
        char why[256] = "";
        const char *header =
            cases[i].header == NULL ? "admdvs,param,value,eff_from\n" : cases[i].header;
        snprintf(text, sizeof text, "%s%s", header, table_of(cases[i].without, cases[i].more));
        params_init(&params);
        assert_false(params_load(&params, bytes_of(text), why, sizeof why));
        assert_string_equal(why, cases[i].want);
    }
    char why[256] = "";
    params_init(&params);
    assert_false(params_load(&params, bytes_of("# nothing\n"), why, sizeof why));
    assert_string_equal(why, "line 1: header: there is none");
}

static void columns_in_any_order(void **state)
{
    char why[256] = "";
    static char text[9000];
    size_t used = (size_t)snprintf(text, sizeof text, "eff_from,value,admdvs,param\r\n");
    (void)state;
    for (int i = 0; i < PROVINCE_COUNT; i++) {
        used += (size_t)snprintf(text + used, sizeof text - used,
                                 "2025-01-0%d,on,%u0000,wallet_enabled\r\n", i % 9 + 1,
                                 province_codes[i]);
    }
    params_init(&params);
    assert_true(params_load(&params, bytes_of(text), why, sizeof why));
    assert_int_equal(params_value(&params, PARAM_WALLET_ENABLED, 130100, at("2025-01-02 23:00:00")),
                     0);
    assert_int_equal(params_value(&params, PARAM_WALLET_ENABLED, 130100, at("2025-01-03 00:00:00")),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_shipped_table),
        cmocka_unit_test(the_nations_rows_are_the_defaults),
        cmocka_unit_test(any_rows_in_any_order),
        cmocka_unit_test(the_latest_of_an_area),
        cmocka_unit_test(full_is_an_answer),
        cmocka_unit_test(values_as_text),
        cmocka_unit_test(names),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(columns_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
