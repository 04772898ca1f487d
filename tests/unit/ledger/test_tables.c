/* The code tables: what the shipped files say, every refusal with its line, and the direct indexes
 * against a naive walk over the rows. */
#include <stdio.h>
#include <stdlib.h>

#include "deploy/embedded_tables.h"
#include "ledger/tables.h"
#include "tests/lib/prng.h"
#include "tests/lib/unit.h"

static struct tables tables; /* Too large for a comfortable stack. */

static void load_shipped(void)
{
    struct table_error error = {0, ""};
    tables_init(&tables);
    /* The rules' tables, and behind them what the cycle and the wallet read. */
    assert_int_equal(embedded_table_count, TABLE_FILE_COUNT + 2);
    assert_string_equal(embedded_tables[TABLE_FILE_COUNT].name, "calendar.csv");
    assert_string_equal(embedded_tables[TABLE_FILE_COUNT + 1].name, "provincial_rules.csv");
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct embedded_file *source = &embedded_tables[file];
        assert_string_equal(source->name, table_file_names[file]);
        const struct bytes text = {source->data, source->size};
        if (!tables_load(&tables, (enum table_file)file, text, &error)) {
            fail_msg("%s:%u: %s", source->name, error.line, error.what);
        }
    }
    assert_true(tables_complete(&tables, &error));
}

static bool load(enum table_file file, const char *text, struct table_error *ret_error)
{
    return tables_load(&tables, file, bytes_of(text), ret_error);
}

/* Loads into fresh tables and expects it to be good. */
static void load_only(enum table_file file, const char *text)
{
    struct table_error error = {0, ""};
    tables_init(&tables);
    if (!load(file, text, &error)) fail_msg("line %u: %s", error.line, error.what);
}

static void shipped_tables_are_whole(void **state)
{
    (void)state;
    load_shipped();
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        const struct province_rules *rules = &tables.provinces[p];
        assert_int_equal(rules->identity[1], STRICT_HARD);
        assert_int_equal(rules->identity[2], STRICT_HARD);
        assert_int_equal(rules->identity[3], STRICT_HARD);
        assert_int_equal(rules->identity[4], STRICT_SOFT);
        assert_int_equal(rules->identity[5], STRICT_HARD);
        assert_false(rules->acct_pay_includes_mulaid);
        assert_false(rules->fund_sum_includes_acct);
        assert_true(rules->clear_mulaid);
    }
    assert_in_range(tables.area_count, 340, 420);
    assert_int_equal(tables.chronic_count, 10);
}

static void shipped_settings_are_the_defaults(void **state)
{
    static struct tables fresh;
    (void)state;
    load_shipped();
    tables_init(&fresh);
    assert_int_equal(tables.strict_area_table, fresh.strict_area_table);
    assert_int_equal(tables.strict_code_tables, fresh.strict_code_tables);
    assert_int_equal(tables.chronic_code_required, fresh.chronic_code_required);
    assert_int_equal(tables.setl_time_future_ms, fresh.setl_time_future_ms);
    assert_int_equal(tables.setl_time_first_month, fresh.setl_time_first_month);
    assert_int_equal(tables.tombstone_ttl_ms, fresh.tombstone_ttl_ms);
    assert_int_equal(tables.tombstone_ttl_ms, INT64_C(72) * 3600 * 1000);
    assert_int_equal(tables.partial_refunds, fresh.partial_refunds);
    assert_int_equal(tables.payable_mode, fresh.payable_mode);
    assert_int_equal(tables.payable_mode, 1);
    assert_memory_equal(&tables.cycle, &fresh.cycle, sizeof tables.cycle);
    assert_int_equal(tables.cycle.value[SETTING_PAYABLE_MODE], 1);
    assert_int_equal(tables.cycle.value[SETTING_PREFUND_RED_BP], 9000);
    /* Each one stands in the file; the payable mode is both rooms'. */
    assert_int_equal(__builtin_popcountll(tables.setting_bits), 8 + SETTING_COUNT - 1);
}

static void shipped_areas(void **state)
{
    static const uint32_t listed[] = {110000, 110100, 110105, 131000, 310104, 340100, 340122,
                                      429004, 139900, 439900, 540100, 650100, 660000, 660800};
    static const uint32_t unlisted[] = {349900, 340900, 119900, 661500};
    static const uint32_t never[] = {0, 34, 3401, 710000, 810000, 820000, 990000, 1100000};
    (void)state;
    load_shipped();
    for (size_t i = 0; i < sizeof listed / sizeof listed[0]; i++) {
        tables.strict_area_table = true;
        assert_true(tables_area_known(&tables, listed[i]));
        tables.strict_area_table = false;
        assert_true(tables_area_known(&tables, listed[i]));
    }
    for (size_t i = 0; i < sizeof unlisted / sizeof unlisted[0]; i++) {
        tables.strict_area_table = true;
        assert_false(tables_area_known(&tables, unlisted[i]));
        tables.strict_area_table = false;
        assert_true(tables_area_known(&tables, unlisted[i]));
    }
    for (size_t i = 0; i < sizeof never / sizeof never[0]; i++) {
        tables.strict_area_table = true;
        assert_false(tables_area_known(&tables, never[i]));
        tables.strict_area_table = false;
        assert_false(tables_area_known(&tables, never[i]));
    }
}

static void a_single_area_opens_no_prefecture(void **state)
{
    (void)state;
    load_only(TABLE_AREAS, "admdvs\n429010\n340100\n429004\n");
    tables.strict_area_table = true;
    assert_true(tables_area_known(&tables, 429004));
    assert_true(tables_area_known(&tables, 429010));
    assert_false(tables_area_known(&tables, 429005));
    assert_false(tables_area_known(&tables, 429011));
    assert_false(tables_area_known(&tables, 429000));
    assert_true(tables_area_known(&tables, 340100));
    assert_true(tables_area_known(&tables, 340199));
    assert_false(tables_area_known(&tables, 340200));
    assert_int_equal(tables.areas[0].admdvs, 340100); /* Ascending, whatever the file's order. */
    assert_int_equal(tables.areas[2].admdvs, 429010);
}

static void shipped_insutypes(void **state)
{
    (void)state;
    load_shipped();
    assert_int_equal(tables_insurance(&tables, 310), INSURANCE_EMPLOYEE);
    assert_int_equal(tables_insurance(&tables, 390), INSURANCE_RESIDENT);
    assert_int_equal(tables_insurance(&tables, 340), INSURANCE_RETIRED);
    assert_int_equal(tables_insurance(&tables, 350), INSURANCE_OTHER);
    assert_int_equal(tables_insurance(&tables, 0), -1);
    assert_int_equal(tables_insurance(&tables, 311), -1);
    assert_int_equal(tables_insurance(&tables, 9999), -1);
    assert_int_equal(tables_insurance(&tables, 10000), -1);
    assert_int_equal(tables_insurance(&tables, UINT32_MAX), -1);
    load_only(TABLE_INSUTYPES, "class,insutype\nother,310001\nresident,31000\n");
    assert_int_equal(tables_insurance(&tables, 310001), INSURANCE_OTHER);
    assert_int_equal(tables_insurance(&tables, 31000), INSURANCE_RESIDENT);
    assert_int_equal(tables_insurance(&tables, 310000), -1);
}

static void shipped_med_types(void **state)
{
    static const struct {
        uint32_t med_type;
        int line;
    } cases[] = {
        {11, LINE_OUTPATIENT},
        {12, LINE_OUTPATIENT},
        {13, LINE_OUTPATIENT},
        {14, LINE_CHRONIC},
        {21, LINE_INPATIENT},
        {24, LINE_INPATIENT},
        {29, LINE_INPATIENT},
        {41, LINE_PHARMACY},
        {51, LINE_OUTPATIENT},
        {52, LINE_INPATIENT},
        {1301, LINE_OUTPATIENT},
        {140101, LINE_CHRONIC},
        {140201, LINE_CHRONIC},
        {2101, LINE_INPATIENT},
        {2107, LINE_INPATIENT},
        {9901, LINE_OUTPATIENT},
        {9929, LINE_PHARMACY},
        {992901, LINE_PHARMACY},
        {99290, LINE_PHARMACY},
        {9928, LINE_OUTPATIENT},
        {410101, LINE_PHARMACY},
        {0, -1},
        {1, -1},
        {9, -1},
        {1000000, -1},
        {UINT32_MAX, -1},
    };
    (void)state;
    load_shipped();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(tables_line(&tables, cases[i].med_type), cases[i].line);
    }
    assert_int_equal(tables_line(&tables, 77), LINE_OUTPATIENT);
    assert_int_equal(tables_line(&tables, 770000), LINE_OUTPATIENT);
    tables.strict_code_tables = true;
    assert_int_equal(tables_line(&tables, 77), -1);
    assert_int_equal(tables_line(&tables, 770000), -1);
    assert_int_equal(tables_line(&tables, 10), -1);
    assert_int_equal(tables_line(&tables, 21), LINE_INPATIENT);
}

static void shipped_clr_types(void **state)
{
    (void)state;
    load_shipped();
    assert_true(tables_clr_type_known(&tables, 11));
    assert_true(tables_clr_type_known(&tables, 21));
    assert_true(tables_clr_type_known(&tables, 41));
    assert_true(tables_clr_type_known(&tables, 9936));
    assert_false(tables_clr_type_known(&tables, 0));
    assert_false(tables_clr_type_known(&tables, 12));
    assert_false(tables_clr_type_known(&tables, 9999));
    assert_false(tables_clr_type_known(&tables, 10000));
    assert_false(tables_clr_type_known(&tables, UINT32_MAX));
    load_only(TABLE_CLR_TYPES, "clr_type\n990001\n12345\n");
    assert_true(tables_clr_type_known(&tables, 990001));
    assert_true(tables_clr_type_known(&tables, 12345));
    assert_false(tables_clr_type_known(&tables, 990002));
    assert_false(tables_clr_type_known(&tables, 12344));
}

static void shipped_chronic_conditions(void **state)
{
    (void)state;
    load_shipped();
    assert_true(tables_chronic_known(&tables, bytes_of("M03900"), 202503));
    assert_true(tables_chronic_known(&tables, bytes_of("M07801"), 202503));
    assert_true(tables_chronic_known(&tables, bytes_of("M07803"), 202503)); /* A form of it. */
    assert_true(tables_chronic_known(&tables, bytes_of("M00503"), 202503));
    assert_true(tables_chronic_known(&tables, bytes_of("M00201"), 202412));
    assert_false(tables_chronic_known(&tables, bytes_of("M00201"), 202411)); /* Not yet. */
    assert_true(tables_chronic_known(&tables, bytes_of("M03900"), 202109));
    assert_false(tables_chronic_known(&tables, bytes_of("M03900"), 202108));
    assert_false(tables_chronic_known(&tables, bytes_of("M99900"), 202503));
    assert_false(tables_chronic_known(&tables, bytes_of("m03900"), 202503));
    assert_false(tables_chronic_known(&tables, bytes_of("M03"), 202503));
    assert_false(tables_chronic_known(&tables, bytes_of(""), 202503));
    assert_false(tables_chronic_known(&tables, (struct bytes){0}, 202503));
    assert_false(
        tables_chronic_known(&tables, bytes_of("M039000000000000000000000000000"), 202503));
}

#define HEAD "code,e1,e2,e3,e4,e5,acct_pay_includes_mulaid,fund_sum_includes_acct,clear_mulaid\n"

static void switches_land_where_they_belong(void **state)
{
    (void)state;
    load_only(TABLE_PROVINCES, "# mixed order\r\n"
                               "clear_mulaid,e5,name,e4,e3,e2,e1,fund_sum_includes_acct,"
                               "acct_pay_includes_mulaid,code\r\n"
                               "0,off,\"广东, 全省\",hard,soft,off,hard,1,0,44\r\n");
    const struct province_rules *rules = &tables.provinces[province_index(44)];
    assert_int_equal(rules->identity[1], STRICT_HARD);
    assert_int_equal(rules->identity[2], STRICT_OFF);
    assert_int_equal(rules->identity[3], STRICT_SOFT);
    assert_int_equal(rules->identity[4], STRICT_HARD);
    assert_int_equal(rules->identity[5], STRICT_OFF);
    assert_false(rules->acct_pay_includes_mulaid);
    assert_true(rules->fund_sum_includes_acct);
    assert_false(rules->clear_mulaid);
}

static void settings_are_read(void **state)
{
    (void)state;
    load_only(TABLE_SETTINGS, "name,value\n"
                              "clearing.payable_mode,multilateral-direct\n"
                              "strict_area_table,1\nstrict_code_tables,1\n"
                              "chronic_code_required,1\nsetl_time_future_ms,0\n"
                              "setl_time_first_month,202301\ntombstone_ttl_ms,1\n"
                              "partial_refunds,0\nprefund.months,3\nclearing.year_cut,229\n");
    assert_int_equal(tables.payable_mode, 3);
    assert_int_equal(tables.cycle.value[SETTING_PAYABLE_MODE], 3);
    assert_int_equal(tables.cycle.value[SETTING_PREFUND_MONTHS], 3);
    assert_int_equal(tables.cycle.value[SETTING_YEAR_CUT], 229);
    assert_int_equal(tables.cycle.value[SETTING_SIGN_DAY], 25); /* Not named: the default. */
    assert_true(tables.strict_area_table);
    assert_true(tables.strict_code_tables);
    assert_true(tables.chronic_code_required);
    assert_int_equal(tables.setl_time_future_ms, 0);
    assert_int_equal(tables.setl_time_first_month, 202301);
    assert_int_equal(tables.tombstone_ttl_ms, 1);
    assert_false(tables.partial_refunds);
}

static void wrong_rows_are_refused_with_their_line(void **state)
{
    static const struct {
        enum table_file file;
        uint32_t line;
        const char *text;
    } cases[] = {
        /* The file as such. */
        {TABLE_AREAS, 0, ""},
        {TABLE_AREAS, 1, "# nothing else"},
        {TABLE_AREAS, 1, "name\n110000\n"},
        {TABLE_AREAS, 1, "admdvs,colour\n110000,red\n"},
        {TABLE_AREAS, 1, "admdvs,name,admdvs\n110000,北京,110000\n"},
        {TABLE_AREAS, 2, "admdvs,name\n110000\n"},
        {TABLE_AREAS, 2, "admdvs,name\n110000,北京,\n"},
        {TABLE_AREAS, 3, "admdvs,name\n110000,北京\n120000,\xe5\n"},
        {TABLE_AREAS, 1, "# \xff\nadmdvs\n110000\n"},
        {TABLE_AREAS, 3, "admdvs,name\n# fine\n110000,\"北京\n"},
        /* Provinces. */
        {TABLE_PROVINCES, 2, HEAD "71,hard,hard,hard,soft,hard,0,0,1\n"},
        {TABLE_PROVINCES, 2, HEAD "011,hard,hard,hard,soft,hard,0,0,1\n"},
        {TABLE_PROVINCES, 2, HEAD "11,hard,Hard,hard,soft,hard,0,0,1\n"},
        {TABLE_PROVINCES, 2, HEAD "11,hard,hard,hard,soft,,0,0,1\n"},
        {TABLE_PROVINCES, 2, HEAD "11,hard,hard,hard,soft,hard,2,0,1\n"},
        {TABLE_PROVINCES, 2, HEAD "11,hard,hard,hard,soft,hard,0,yes,1\n"},
        {TABLE_PROVINCES, 2, HEAD "11,hard,hard,hard,soft,hard,0,0,\n"},
        {TABLE_PROVINCES, 3,
         HEAD "11,hard,hard,hard,soft,hard,0,0,1\n11,hard,hard,hard,soft,hard,0,0,1\n"},
        {TABLE_PROVINCES, 1, "code,e1,e2,e3,e4,e5\n11,hard,hard,hard,soft,hard\n"},
        /* Areas. */
        {TABLE_AREAS, 2, "admdvs\n1101\n"},
        {TABLE_AREAS, 2, "admdvs\n1101000\n"},
        {TABLE_AREAS, 2, "admdvs\n710000\n"},
        {TABLE_AREAS, 2, "admdvs\n100000\n"},
        {TABLE_AREAS, 4, "admdvs\n340100\n110000\n340100\n"},
        {TABLE_AREAS, 4, "admdvs\n340100\n110000\n110000\n"},
        /* Insurance types. */
        {TABLE_INSUTYPES, 2, "insutype,class\n0,employee\n"},
        {TABLE_INSUTYPES, 2, "insutype,class\n1000000,employee\n"},
        {TABLE_INSUTYPES, 2, "insutype,class\n310,worker\n"},
        {TABLE_INSUTYPES, 3, "insutype,class\n310,employee\n310,resident\n"},
        /* Medical types. */
        {TABLE_MED_TYPES, 2, "prefix,line\n2*,inpatient\n"},
        {TABLE_MED_TYPES, 2, "prefix,line\n0,inpatient\n"},
        {TABLE_MED_TYPES, 2, "prefix,line\n2,wallet\n"},
        {TABLE_MED_TYPES, 3, "prefix,line\n2,inpatient\n2,inpatient\n"},
        /* Chronic conditions. */
        {TABLE_CHRONICS, 2, "dise_codg,since\nM0390,0\n"},
        {TABLE_CHRONICS, 2, "dise_codg,since\nM039000,0\n"},
        {TABLE_CHRONICS, 2, "dise_codg,since\nm03900,0\n"},
        {TABLE_CHRONICS, 2, "dise_codg,since\nM0390O,0\n"},
        {TABLE_CHRONICS, 2, "dise_codg,since\nM03900,202413\n"},
        {TABLE_CHRONICS, 2, "dise_codg,since\nM03900,2024\n"},
        {TABLE_CHRONICS, 2, "dise_codg,since\nM03900,\n"},
        {TABLE_CHRONICS, 3, "dise_codg,since\nM07801,0\nM07803,0\n"},
        /* Clearing types. */
        {TABLE_CLR_TYPES, 2, "clr_type,name\n0,\n"},
        {TABLE_CLR_TYPES, 2, "clr_type,name\nx,\n"},
        {TABLE_CLR_TYPES, 3, "clr_type,name\n11,\n11,\n"},
        /* Settings. */
        {TABLE_SETTINGS, 2, "name,value\nstrict_areas_table,1\n"},
        {TABLE_SETTINGS, 2, "name,value\nstrict_area_table,true\n"},
        {TABLE_SETTINGS, 2, "name,value\nclearing.payable_mode,net\n"},
        {TABLE_SETTINGS, 2, "name,value\nclearing.payable_mode,1\n"},
        {TABLE_SETTINGS, 2, "name,value\ntombstone_ttl_ms,0\n"},
        {TABLE_SETTINGS, 2, "name,value\ntombstone_ttl_ms,31622400001\n"},
        {TABLE_SETTINGS, 2, "name,value\nsetl_time_future_ms,-1\n"},
        {TABLE_SETTINGS, 2, "name,value\nsetl_time_future_ms,31622400001\n"},
        {TABLE_SETTINGS, 2, "name,value\nsetl_time_first_month,201400\n"},
        {TABLE_SETTINGS, 2, "name,value\nsetl_time_first_month,199912\n"},
        {TABLE_SETTINGS, 3, "name,value\npartial_refunds,1\npartial_refunds,1\n"},
        {TABLE_SETTINGS, 2, "name,value\nprefund.month,2\n"},
        {TABLE_SETTINGS, 2, "name,value\nprefund.months,13\n"},
        {TABLE_SETTINGS, 2, "name,value\nprefund.months,-1\n"},
        {TABLE_SETTINGS, 2, "name,value\nprefund.months,two\n"},
        {TABLE_SETTINGS, 2, "name,value\nclearing.year_cut,100\n"},
        {TABLE_SETTINGS, 2, "name,value\nclearing.year_cut,299\n"},
        {TABLE_SETTINGS, 3, "name,value\nprefund.months,2\nprefund.months,2\n"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table_error error = {77, NULL};
        tables_init(&tables);
        if (load(cases[i].file, cases[i].text, &error)) fail_msg("taken: %s", cases[i].text);
        if (error.line != cases[i].line) {
            fail_msg("line %u, not %u: %s", error.line, cases[i].line, cases[i].text);
        }
        assert_non_null(error.what);
    }
}

static void a_file_is_read_once(void **state)
{
    struct table_error error = {0, NULL};
    (void)state;
    load_shipped();
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct bytes text = {embedded_tables[file].data, embedded_tables[file].size};
        assert_false(tables_load(&tables, (enum table_file)file, text, &error));
    }
}

static void too_many_rows_are_refused(void **state)
{
    static char text[64 * 1024];
    static const struct {
        enum table_file file;
        const char *head;
        const char *row;
        int first;
        int max;
    } cases[] = {
        {TABLE_AREAS, "admdvs\n", "%d\n", 340000, AREAS_MAX},
        {TABLE_INSUTYPES, "insutype,class\n", "%d,other\n", 100, INSUTYPES_MAX},
        {TABLE_MED_TYPES, "prefix,line\n", "%d,chronic\n", 1000, MED_TYPES_MAX},
        {TABLE_CHRONICS, "dise_codg,since\n", "M%d00,0\n", 100, CHRONICS_MAX},
        {TABLE_CLR_TYPES, "clr_type\n", "%d\n", 1000, CLR_TYPES_MAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct table_error error = {0, NULL};
        char *out = text + sprintf(text, "%s", cases[i].head);
        for (int row = 0; row < cases[i].max; row++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
            out += sprintf(out, cases[i].row, cases[i].first + row);
        }
        load_only(cases[i].file, text);
        sprintf(out, cases[i].row, cases[i].first + cases[i].max);
#pragma GCC diagnostic pop
        tables_init(&tables);
        assert_false(load(cases[i].file, text, &error));
        assert_int_equal(error.line, cases[i].max + 2);
    }
}

static void incomplete_tables_are_refused(void **state)
{
    struct table_error error = {77, NULL};
    (void)state;
    tables_init(&tables);
    assert_false(tables_complete(&tables, &error));
    assert_int_equal(error.line, 0);
    load_shipped();
    tables.province_bits &= ~UINT32_C(0x80000000);
    assert_false(tables_complete(&tables, &error));
    load_shipped();
    tables.insutype_count = 0;
    assert_false(tables_complete(&tables, &error));
    load_shipped();
    tables.area_count = 0;
    assert_true(tables_complete(&tables, &error));
    tables.strict_area_table = true;
    assert_false(tables_complete(&tables, &error));
    load_shipped();
    tables.med_type_count = 0;
    tables.strict_code_tables = true;
    assert_false(tables_complete(&tables, &error));
    load_shipped();
    tables.chronic_count = 0;
    tables.chronic_code_required = true;
    assert_false(tables_complete(&tables, &error));
}

/* The naive way: the code as text, every row's prefix as text. */
static char prefixes[MED_TYPES_MAX][8];

static int naive_line(uint32_t med_type)
{
    char code[16];
    size_t best = 0;
    int line = LINE_OUTPATIENT;
    snprintf(code, sizeof code, "%u", med_type);
    for (uint32_t i = 0; i < tables.med_type_count; i++) {
        const size_t size = strlen(prefixes[i]);
        if (size <= best || strncmp(code, prefixes[i], size) != 0) continue;
        best = size;
        line = tables.med_types[i].line;
    }
    return line;
}

static void lines_agree_with_a_naive_walk(void **state)
{
    static const char *const words[] = {"inpatient", "outpatient", "chronic", "pharmacy"};
    struct prng prng = {20260301};
    (void)state;
    for (int round = 0; round < 8; round++) {
        struct table_error error;
        tables_init(&tables);
        char text[4096] = "prefix,line\n";
        char *out = text + strlen(text);
        uint32_t used[60];
        int count = 0;
        while (count < 60) {
            uint32_t prefix = (uint32_t)prng_below(&prng, 9) + 1;
            for (uint64_t more = prng_below(&prng, 6); more > 0; more--) {
                prefix = prefix * 10 + (uint32_t)prng_below(&prng, 3);
            }
            bool again = false;
            for (int i = 0; i < count; i++)
                again |= used[i] == prefix;
            if (again) continue;
            used[count++] = prefix;
            out += sprintf(out, "%u,%s\n", prefix, words[prng_below(&prng, 4)]);
        }
        assert_true(load(TABLE_MED_TYPES, text, &error));
        for (uint32_t i = 0; i < tables.med_type_count; i++) {
            snprintf(prefixes[i], sizeof prefixes[i], "%u", tables.med_types[i].prefix % 1000000);
        }
        for (uint32_t code = 10; code < 1000000; code += code < 12000 ? 1 : 41) {
            if (tables_line(&tables, code) != naive_line(code)) fail_msg("med_type %u", code);
        }
    }
}

/* Not one byte of a shipped file may be spoilt in a way that crashes the reader; what it answers
 * is its own affair. */
static void spoilt_files_are_survived(void **state)
{
    struct prng prng = {7};
    (void)state;
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const size_t size = embedded_tables[file].size;
        uint8_t *copy = malloc(size); /* Of exact size: a sanitizer sees the first byte behind. */
        for (int round = 0; round < 500; round++) {
            struct table_error error = {0, NULL};
            memcpy(copy, embedded_tables[file].data, size);
            const uint64_t cuts = prng_below(&prng, 4);
            for (uint64_t i = 0; i <= cuts; i++) {
                copy[prng_below(&prng, size)] = (uint8_t)prng_u64(&prng);
            }
            const size_t part = prng_chance(&prng, 500) ? prng_below(&prng, size + 1) : size;
            tables_init(&tables);
            if (!tables_load(&tables, (enum table_file)file, (struct bytes){copy, part}, &error)) {
                assert_non_null(error.what);
            }
        }
        free(copy);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_tables_are_whole),
        cmocka_unit_test(shipped_settings_are_the_defaults),
        cmocka_unit_test(shipped_areas),
        cmocka_unit_test(a_single_area_opens_no_prefecture),
        cmocka_unit_test(shipped_insutypes),
        cmocka_unit_test(shipped_med_types),
        cmocka_unit_test(shipped_clr_types),
        cmocka_unit_test(shipped_chronic_conditions),
        cmocka_unit_test(switches_land_where_they_belong),
        cmocka_unit_test(settings_are_read),
        cmocka_unit_test(wrong_rows_are_refused_with_their_line),
        cmocka_unit_test(a_file_is_read_once),
        cmocka_unit_test(too_many_rows_are_refused),
        cmocka_unit_test(incomplete_tables_are_refused),
        cmocka_unit_test(lines_agree_with_a_naive_walk),
        cmocka_unit_test(spoilt_files_are_survived),
    };
    return cmocka_run_group_tests_name("ledger/tables", tests, NULL, NULL);
}
