#include <stdlib.h>

#include "tests/lib/unit.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"

static const struct command_help help = {.usage = "test [OPTIONS]", .about = "A test.\n"};

static void months_are_read_in_both_forms(void **state)
{
    (void)state;
    uint32_t period = 1;
    assert_true(period_parse("2025-03", &period));
    assert_int_equal(period, 202503);
    assert_true(period_parse("202512", &period));
    assert_int_equal(period, 202512);
    const char *const bad[] = {"",       "2025",  "2025-13", "2025-00",
                               "2025-3", "20250", "2025/03", "202503 "};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(period_parse(bad[i], &period));
    }
    assert_int_equal(period, 202512);
}

static void days_must_exist(void **state)
{
    (void)state;
    uint32_t day = 1;
    assert_true(day_parse("2025-03-14", &day));
    assert_int_equal(day, 20250314);
    assert_true(day_parse("20240229", &day));
    assert_int_equal(day, 20240229);
    const char *const bad[] = {"",           "2025-02-29", "2025-03-00", "2025-13-01",
                               "2025-03-32", "2025-3-14",  "2025/03/14", "2025-0314",
                               "20250314 ",  "2025-03",    "2025-03-1x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(day_parse(bad[i], &day));
    }
    assert_int_equal(day, 20240229);
}

static int verb_argc;

static int take_verb(int argc, char **argv)
{
    verb_argc = argc;
    return strcmp(argv[0], "list") == 0 ? 40 : 41;
}

static void verbs_are_found_where_they_stand(void **state)
{
    (void)state;
    static const struct verb verbs[] = {
        {"list", take_verb, "a"}, {"show", take_verb, "b"}, {NULL, NULL, NULL}};
    char words[][8] = {"test", "list", "--to", "show", "nonsens"};
    char *plain[] = {words[0], words[1], words[2], words[3], NULL};
    assert_int_equal(verbs_run(4, plain, &help, verbs), 40);
    assert_int_equal(verb_argc, 3);
    assert_string_equal(plain[2], "--to");
    char *after[] = {words[0], words[2], words[4], words[3], words[4], NULL};
    assert_int_equal(verbs_run(5, after, &help, verbs), 41);
    assert_int_equal(verb_argc, 4);
    assert_string_equal(after[2], "--to");
    assert_string_equal(after[3], "nonsens");
    assert_string_equal(after[4], "nonsens");
    char *unknown[] = {words[0], words[4], words[1], NULL};
    assert_int_equal(verbs_run(3, unknown, &help, verbs), EXIT_USAGE);
    char *none[] = {words[0], NULL};
    assert_int_equal(verbs_run(1, none, &help, verbs), EXIT_USAGE);
}

static void money_and_areas_have_their_bounds(void **state)
{
    (void)state;
    int64_t fen = 0;
    uint32_t area = 0;
    const struct option_spec specs[] = {{"amount", OPTION_YUAN, &fen, "YUAN", "a", 0, 0},
                                        {"insu", OPTION_AREA, &area, "AREA", "b", 0, 0},
                                        {0}};
    char words[][16] = {"test", "--amount=80.5", "--insu=340100"};
    char *argv[] = {words[0], words[1], words[2], NULL};
    int count;
    assert_int_equal(options_read(3, argv, &help, specs, &count), OPTIONS_GO);
    assert_int_equal(fen, 8050);
    assert_int_equal(area, 340100);
    char bad[][16] = {"--amount=0", "--amount=-1", "--amount=1.234", "--insu=3401", "--insu=x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *wrong[] = {words[0], bad[i], NULL};
        assert_int_equal(options_read(2, wrong, &help, specs, &count), EXIT_USAGE);
    }
}

static void numbers_end_where_they_should(void **state)
{
    (void)state;
    uint64_t number = 5;
    assert_true(number_parse("18446744073709551615", &number));
    assert_true(number == UINT64_MAX);
    assert_false(number_parse("18446744073709551616", &number));
    assert_false(number_parse("", &number));
    assert_false(number_parse("-1", &number));
    assert_false(number_parse("1x", &number));
}

static void slips_are_near(void **state)
{
    (void)state;
    assert_int_equal(word_distance("send", "send"), 0);
    assert_int_equal(word_distance("sned", "send"), 1);
    assert_int_equal(word_distance("", "send"), 4);
    assert_true(word_is_near("sned", "send"));
    assert_true(word_is_near("stat", "status"));
    assert_false(word_is_near("frobnicate", "send"));
    assert_false(word_is_near("load", "send"));
}

static void addresses_have_a_default_port(void **state)
{
    (void)state;
    struct client_address address;
    assert_true(client_address_parse("engine:7041", &address));
    assert_string_equal(address.host, "engine");
    assert_string_equal(address.port, "7041");
    assert_true(client_address_parse("engine", &address));
    assert_string_equal(address.port, "7040");
    assert_true(client_address_parse(":7042", &address));
    assert_string_equal(address.host, "127.0.0.1");
    assert_true(client_address_parse("[::1]:7043", &address));
    assert_string_equal(address.host, "::1");
    assert_string_equal(address.port, "7043");
    const char *const bad[] = {"",         "engine:", "engine:0", "engine:65536",
                               "engine:x", "::1",     "[::1",     "[]:1"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_false(client_address_parse(bad[i], &address));
    }
}

static void a_bad_address_is_not_the_usual_one(void **state)
{
    (void)state;
    assert_int_equal(setenv("QINGFEN_TO", "engine:70400", 1), 0);
    struct client_address address = options_address();
    const struct option_spec specs[] = {OPTION_TO(&address), {0}};
    char *none[] = {"test"};
    char *other[] = {"test", "--to", "engine:7041"};
    int words = 0;
    assert_int_equal(options_read(1, none, &help, specs, &words), EXIT_USAGE);
    assert_int_equal(options_read(3, other, &help, specs, &words), OPTIONS_GO);
    assert_string_equal(address.port, "7041");
    assert_int_equal(setenv("QINGFEN_TO", "engine:7042", 1), 0);
    address = options_address();
    assert_int_equal(options_read(1, none, &help, specs, &words), OPTIONS_GO);
    assert_string_equal(address.port, "7042");
    assert_int_equal(unsetenv("QINGFEN_TO"), 0);
}

static void options_and_words_may_mix(void **state)
{
    (void)state;
    bool flag = false;
    uint64_t number = 3;
    enum format format = FORMAT_TABLE;
    uint32_t province = 0;
    const struct option_spec specs[] = {
        {"flag", OPTION_FLAG, &flag, NULL, "", 0, 0},
        {"number", OPTION_NUMBER, &number, "N", "", 1, 10},
        OPTION_AS(&province),
        OPTION_OUTPUT(&format),
        {0},
    };
    char *good[] = {"test", "a",  "--number=7", "--flag", "--format", "csv",
                    "--as", "34", "-",          "--",     "--b"};
    int words = 0;
    assert_int_equal(options_read(11, good, &help, specs, &words), OPTIONS_GO);
    assert_int_equal(words, 3);
    assert_string_equal(good[0], "a");
    assert_string_equal(good[1], "-");
    assert_string_equal(good[2], "--b");
    assert_true(flag);
    assert_int_equal(number, 7);
    assert_int_equal(format, FORMAT_CSV);
    assert_int_equal(province, 34);

    char *const bad[][2] = {
        {"--number", NULL}, {"--number", "11"}, {"--number", "x"},   {"--flag=1", NULL},
        {"--nope", NULL},   {"--as", "71"},     {"--format", "xml"}, {"-x", NULL},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *argv[] = {"test", bad[i][0], bad[i][1]};
        assert_int_equal(options_read(bad[i][1] == NULL ? 2 : 3, argv, &help, specs, &words),
                         EXIT_USAGE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(months_are_read_in_both_forms),
        cmocka_unit_test(numbers_end_where_they_should),
        cmocka_unit_test(slips_are_near),
        cmocka_unit_test(addresses_have_a_default_port),
        cmocka_unit_test(a_bad_address_is_not_the_usual_one),
        cmocka_unit_test(options_and_words_may_mix),
        cmocka_unit_test(days_must_exist),
        cmocka_unit_test(verbs_are_found_where_they_stand),
        cmocka_unit_test(money_and_areas_have_their_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
