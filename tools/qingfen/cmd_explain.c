/* explain -- what an error code means; needs no engine. */
#include <stdio.h>
#include <strings.h>

#include "tools/client/table.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "types/error.h"

struct meaning {
    uint32_t code;
    const char *symbol;
    const char *english;
    const char *chinese;
};

static const struct meaning meanings[] = {
#define X(number, symbol, english, chinese) {number, #symbol, english, chinese},
#include "types/error.def"
#undef X
};

#define MEANING_COUNT (sizeof(meanings) / sizeof(meanings[0]))

static const struct command_help help = {
    .usage = "explain [OPTIONS] [CODE…]",
    .about =
        "Says what an error code or its name means, in English and Chinese; without one, all of\n"
        "them. Exit status 1 when there is no such code.\n",
    .examples = "  qingfen explain 2013\n  qingfen explain PERIOD_CLOSED --format json\n",
};

static bool is_asked(const struct meaning *meaning, const char *word)
{
    uint64_t number;
    if (number_parse(word, &number)) return number == meaning->code;
    return strcasecmp(word, meaning->symbol) == 0;
}

/* True when the meaning is one of the words, or there are none. Counts each word found once. */
static bool is_wanted(const struct meaning *meaning, int count, char **words, int *found)
{
    for (int i = 0; i < count; i++) {
        if (!is_asked(meaning, words[i])) continue;
        ++*found;
        return true;
    }
    return count == 0;
}

static void print_csv(const struct meaning *m)
{
    printf("%u,%s,\"%s\",\"%s\"\n", m->code, m->symbol, m->english, m->chinese);
}

static void print_line(const struct meaning *m)
{
    printf("{\"code\":%u,\"symbol\":\"%s\",\"text\":\"%s\",\"text_zh\":\"%s\"}\n", m->code,
           m->symbol, m->english, m->chinese);
}

int cmd_explain(int argc, char **argv)
{
    enum format format = FORMAT_TABLE;
    const struct option_spec specs[] = {OPTION_OUTPUT(&format), {0}};
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;

    const struct table_column columns[] = {{"code", TABLE_RIGHT},
                                           {"symbol", TABLE_LEFT},
                                           {"english", TABLE_LEFT},
                                           {"中文", TABLE_LEFT}};
    struct table *table = table_new(columns, 4);
    int found = 0;
    if (format == FORMAT_CSV) puts("code,symbol,text,text_zh");
    for (size_t i = 0; i < MEANING_COUNT; i++) {
        const struct meaning *m = &meanings[i];
        if (!is_wanted(m, words, argv, &found)) continue;
        if (format == FORMAT_CSV) print_csv(m);
        if (format == FORMAT_JSON) print_line(m);
        table_cell(table, "%u", m->code);
        table_cell(table, "%s", m->symbol);
        table_cell(table, "%s", m->english);
        table_cell(table, "%s", m->chinese);
    }
    if (format == FORMAT_TABLE && (words == 0 || found > 0)) table_print(table, stdout);
    table_free(table);
    if (found >= words) return EXIT_DONE;
    fprintf(stderr, "qingfen explain: no such code; 'qingfen explain' lists all\n");
    return EXIT_FAILED;
}
