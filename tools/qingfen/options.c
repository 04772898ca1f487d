#include "tools/qingfen/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/commands.h"
#include "types/civil.h"
#include "types/province.h"

#define WORD_MAX 64 /* Longer words are compared by their first letters. */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

size_t word_distance(const char *a, const char *b)
{
    const size_t rows = least(strlen(a), WORD_MAX);
    const size_t columns = least(strlen(b), WORD_MAX);
    size_t far[WORD_MAX + 1][WORD_MAX + 1];

    for (size_t i = 0; i <= rows; i++) {
        for (size_t j = 0; j <= columns; j++) {
            if (i == 0 || j == 0) {
                far[i][j] = i + j;
                continue;
            }
            const size_t change = far[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
            far[i][j] = least(change, least(far[i - 1][j], far[i][j - 1]) + 1);
            const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            if (swapped) far[i][j] = least(far[i][j], far[i - 2][j - 2] + 1);
        }
    }
    return far[rows][columns];
}

bool word_is_near(const char *word, const char *meant)
{
    const size_t size = strlen(word);
    if (size >= 3 && strncmp(word, meant, size) == 0) return true;
    return word_distance(word, meant) <= (strlen(meant) <= 4 ? 1 : 2);
}

bool number_parse(const char *text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (*text == '\0') return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(number, 10, &number)) return false;
        if (__builtin_add_overflow(number, (uint64_t)(*text - '0'), &number)) return false;
    }
    *ret_number = number;
    return true;
}

bool period_parse(const char *text, uint32_t *ret_period)
{
    char digits[7];
    const size_t size = strlen(text);
    if (size == 7 && text[4] == '-') {
        snprintf(digits, sizeof(digits), "%.4s%.2s", text, text + 5);
    } else if (size == 6) {
        memcpy(digits, text, sizeof(digits));
    } else {
        return false;
    }
    uint64_t number;
    if (!number_parse(digits, &number) || !civil_month_valid((uint32_t)number)) return false;
    *ret_period = (uint32_t)number;
    return true;
}

bool day_parse(const char *text, uint32_t *ret_day)
{
    char digits[9];
    const size_t size = strlen(text);
    if (size == 10 && text[4] == '-' && text[7] == '-') {
        snprintf(digits, sizeof(digits), "%.4s%.2s%.2s", text, text + 5, text + 8);
    } else if (size == 8) {
        memcpy(digits, text, sizeof(digits));
    } else {
        return false;
    }
    uint64_t number;
    if (!number_parse(digits, &number) || number > UINT32_MAX) return false;
    const uint32_t day = (uint32_t)number;
    if (!civil_month_valid(day / 100) || day % 100 == 0) return false;
    if (day % 100 > (uint32_t)civil_month_days(day / 100)) return false;
    *ret_day = day;
    return true;
}

static bool time_parse(const char *text, int64_t *ret_ms)
{
    return civil_parse_iso(text, ret_ms) || civil_parse_datetime(text, strlen(text), ret_ms);
}

struct client_address options_address(void)
{
    struct client_address address = {.host = "127.0.0.1", .port = "7040"};
    const char *wanted = getenv("QINGFEN_TO");
    if (wanted != NULL && wanted[0] != '\0' && !client_address_parse(wanted, &address)) {
        address.host[0] = '\0';
    }
    return address;
}

static void print_option(const char *name, const char *argument, const char *help)
{
    char left[64];
    snprintf(left, sizeof(left), "--%s%s%s", name, argument == NULL ? "" : " ",
             argument == NULL ? "" : argument);
    const size_t columns = text_columns(left);
    printf("  %s%*s %s\n", left, columns < 22 ? (int)(22 - columns) : 0, "", help);
}

static void print_help(const struct command_help *help, const struct option_spec *specs)
{
    printf("usage: qingfen %s\n\n%s\noptions:\n", help->usage, help->about);
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        print_option(spec->name, spec->argument, spec->help);
    }
    print_option("help", NULL, "print this");
    if (help->examples != NULL) printf("\nexamples:\n%s", help->examples);
}

int options_refuse(const struct command_help *help, const char *format, ...)
{
    const char *name = help->name == NULL ? help->usage : help->name;
    const int word = (int)(help->name == NULL ? strcspn(name, " \n") : strlen(name));
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "qingfen %.*s: ", word, name);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "\nsee 'qingfen %.*s --help'\n", word, name);
    va_end(arguments);
    return EXIT_USAGE;
}

static bool set_format(const char *text, enum format *format)
{
    static const char *const names[] = {"table", "csv", "json"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) != 0) continue;
        *format = (enum format)i;
        return true;
    }
    return false;
}

/* Room for what a number should have been. */
#define RANGE_ROOM 80

static const char *set_number(const struct option_spec *spec, const char *text,
                              char range[RANGE_ROOM])
{
    const uint64_t most = spec->most == 0 ? UINT64_MAX : spec->most;
    uint64_t number;
    if (number_parse(text, &number) && number >= spec->least && number <= most) {
        *(uint64_t *)spec->value = number;
        return NULL;
    }
    snprintf(range, RANGE_ROOM, "a whole number from %llu to %llu", (unsigned long long)spec->least,
             (unsigned long long)most);
    return range;
}

/* NULL when the value was good, else what it should have been; `range` has room for it. */
static const char *set_value(const struct option_spec *spec, const char *text,
                             char range[RANGE_ROOM])
{
    struct option_texts *texts = spec->value;
    uint64_t number;
    int64_t fen;
    switch (spec->kind) {
    case OPTION_FLAG:
        break; /* Never asked. */
    case OPTION_TEXT:
        *(const char **)spec->value = text;
        break;
    case OPTION_TEXTS:
        if (texts->count == OPTION_TEXTS_MAX) return "given at most 32 times";
        texts->texts[texts->count++] = text;
        break;
    case OPTION_NUMBER:
        return set_number(spec, text, range);
    case OPTION_FORMAT:
        if (!set_format(text, spec->value)) return "table, csv or json";
        break;
    case OPTION_ADDRESS:
        if (!client_address_parse(text, spec->value)) return "HOST:PORT";
        break;
    case OPTION_PROVINCE:
        if (!number_parse(text, &number) || number > 99 ||
            province_index((uint32_t)number) == PROVINCE_NONE) {
            return "the two digits of a province, such as 34";
        }
        *(uint32_t *)spec->value = (uint32_t)number;
        break;
    case OPTION_PERIOD:
        if (!period_parse(text, spec->value)) return "a month of 2000 to 2999 such as 2025-03";
        break;
    case OPTION_DAY:
        if (!day_parse(text, spec->value)) return "a day of 2000 to 2999 such as 2025-03-14";
        break;
    case OPTION_TIME:
        if (!time_parse(text, spec->value)) return "a time such as 2025-03-14T09:00:00+08:00";
        break;
    case OPTION_YUAN:
        if (!yuan_parse(text, &fen) || fen <= 0)
            return "an amount in yuan above 0, such as 1234.50";
        *(int64_t *)spec->value = fen;
        break;
    case OPTION_AREA:
        if (!number_parse(text, &number) || number < 100000 || number > 999999) {
            return "the six digits of an area, such as 340100";
        }
        *(uint32_t *)spec->value = (uint32_t)number;
        break;
    }
    return NULL;
}

static const struct option_spec *find_spec(const struct option_spec *specs, const char *name,
                                           size_t size)
{
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        if (strlen(spec->name) == size && memcmp(spec->name, name, size) == 0) return spec;
    }
    return NULL;
}

static int refuse_unknown(const struct command_help *help, const struct option_spec *specs,
                          const char *word, size_t size)
{
    char name[WORD_MAX];
    snprintf(name, sizeof(name), "%.*s", (int)size, word);
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        if (!word_is_near(name, spec->name)) continue;
        return options_refuse(help, "there is no option --%s; did you mean --%s?", name,
                              spec->name);
    }
    return options_refuse(help, "there is no option --%s", name);
}

/* Reads the option at argv[*at] and moves *at to the last word it takes. OPTIONS_GO or a status. */
static int read_option(int argc, char **argv, int *at, const struct command_help *help,
                       const struct option_spec *specs)
{
    const char *word = argv[*at] + 2;
    const size_t size = strcspn(word, "=");
    const struct option_spec *spec = find_spec(specs, word, size);
    if (spec == NULL) return refuse_unknown(help, specs, word, size);

    if (spec->kind == OPTION_FLAG) {
        if (word[size] == '=') return options_refuse(help, "--%s takes no value", spec->name);
        *(bool *)spec->value = true;
        return OPTIONS_GO;
    }
    const char *value = word + size + 1;
    if (word[size] != '=') {
        if (*at + 1 == argc) return options_refuse(help, "--%s needs a value", spec->name);
        value = argv[++*at];
    }
    char range[RANGE_ROOM];
    const char *wanted = set_value(spec, value, range);
    if (wanted == NULL) return OPTIONS_GO;
    return options_refuse(help, "--%s '%s': it should be %s", spec->name, value, wanted);
}

/* An order must not go to another engine than the one that was meant. */
static int check_addresses(const struct command_help *help, const struct option_spec *specs)
{
    for (const struct option_spec *spec = specs; spec->name != NULL; spec++) {
        if (spec->kind != OPTION_ADDRESS) continue;
        if (((const struct client_address *)spec->value)->host[0] != '\0') continue;
        return options_refuse(help, "QINGFEN_TO='%s' is not HOST:PORT", getenv("QINGFEN_TO"));
    }
    return OPTIONS_GO;
}

int options_read(int argc, char **argv, const struct command_help *help,
                 const struct option_spec *specs, int *ret_count)
{
    int count = 0;
    bool only_words = false;
    for (int i = 1; i < argc; i++) {
        if (only_words || argv[i][0] != '-' || argv[i][1] == '\0') {
            argv[count++] = argv[i];
        } else if (strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_help(help, specs);
            return EXIT_DONE;
        } else if (argv[i][1] != '-') {
            return options_refuse(help, "there is no option %s", argv[i]);
        } else {
            const int status = read_option(argc, argv, &i, help, specs);
            if (status != OPTIONS_GO) return status;
        }
    }
    *ret_count = count;
    return check_addresses(help, specs);
}

static void print_verbs(const struct command_help *help, const struct verb *verbs)
{
    printf("usage: qingfen %s\n\n%s\n", help->usage, help->about);
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        printf("  %-13s %s\n", verb->name, verb->help);
    }
    const int word = (int)strcspn(help->usage, " \n");
    printf("\n'qingfen %.*s VERB --help' says more.\n", word, help->usage);
    if (help->examples != NULL) printf("\nexamples:\n%s", help->examples);
}

static int refuse_verb(const struct command_help *help, const struct verb *verbs, const char *word)
{
    const int command = (int)strcspn(help->usage, " \n");
    for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
        if (!word_is_near(word, verb->name)) continue;
        return options_refuse(help, "there is no '%.*s %s'; did you mean '%s'?", command,
                              help->usage, word, verb->name);
    }
    return options_refuse(help, "there is no '%.*s %s'", command, help->usage, word);
}

const struct verb *verbs_find(int argc, char **argv, const struct verb *verbs)
{
    for (int i = 1; i < argc; i++) {
        for (const struct verb *verb = verbs; verb->name != NULL; verb++) {
            if (strcmp(argv[i], verb->name) != 0) continue;
            /* The verb moves to the front, the words before it keep their order. */
            char *word = argv[i];
            memmove(argv + 2, argv + 1, (size_t)(i - 1) * sizeof(*argv));
            argv[1] = word;
            return verb;
        }
        /* A first word that is no verb is a slip, or no verb is meant: later words are values. */
        if (i == 1 && argv[i][0] != '-') return NULL;
    }
    return NULL;
}

int verbs_run(int argc, char **argv, const struct command_help *help, const struct verb *verbs)
{
    const struct verb *verb = verbs_find(argc, argv, verbs);
    if (verb != NULL) return verb->run(argc - 1, argv + 1);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            print_verbs(help, verbs);
            return EXIT_DONE;
        }
    }
    if (argc > 1 && argv[1][0] != '-') return refuse_verb(help, verbs, argv[1]);
    return options_refuse(help, "say what to do");
}
