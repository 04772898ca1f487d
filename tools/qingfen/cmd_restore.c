/* restore -- makes a store out of a backup, up to a time. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/backup/restore.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/progress.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"

static const struct command_help help = {
    .usage = "restore --from BACKUP --data DIR [OPTIONS]\n"
             "       qingfen restore --from BACKUP --dry-run [OPTIONS]",
    .about = "Makes a new store in DIR, which must not exist, out of a backup: every entry stamped "
             "at or\n"
             "before TIME, or all the backup vouches for. Entries of one shard that rest on "
             "something of\n"
             "another one that is not there are left out, too; what was left out is said. The new "
             "store\n"
             "has an id of its own. Before it is served, read \"After a restore\" in "
             "deploy/README.md.\n",
    .examples = "  qingfen restore --from /backup/qingfen --data /var/lib/qingfen/restored\n"
                "  qingfen restore --from /backup/qingfen --data /tmp/drill --to "
                "2026-03-02T21:59:00+08:00\n",
};

/* "2026-03-02T21:59:00+08:00"; without an offset it is Shanghai's time. */
static bool time_read(const char *text, int64_t *ret_ms)
{
    char plain[CIVIL_DATETIME_SIZE];
    const size_t size = strlen(text);
    if (civil_parse_iso(text, ret_ms)) return true;
    if (size != sizeof plain - 1) return false;
    memcpy(plain, text, sizeof plain);
    if (plain[10] == 'T') plain[10] = ' ';
    return civil_parse_datetime(plain, size, ret_ms);
}

/* "0:120,2:98"; shards that are not named go as far as they would. */
static bool through_read(const char *text, struct restore_order *order)
{
    for (uint32_t s = 0; s < LAYOUT_SHARDS_MAX; s++)
        order->through[s] = UINT64_MAX;
    order->through_set = true;
    for (;;) {
        char *end;
        const unsigned long shard = strtoul(text, &end, 10);
        if (end == text || *end != ':' || shard >= LAYOUT_SHARDS_MAX) return false;
        text = end + 1;
        order->through[shard] = strtoull(text, &end, 10);
        if (end == text || text[0] == '-') return false;
        if (*end == '\0') return true;
        if (*end != ',') return false;
        text = end + 1;
    }
}

/* Without slashes at its end: another name is made of it. */
static bool folder_read(const char *text, char ret_folder[LAYOUT_FOLDER_MAX])
{
    size_t size = strlen(text);
    while (size > 1 && text[size - 1] == '/')
        size--;
    if (size == 0 || size >= LAYOUT_FOLDER_MAX) return false;
    memcpy(ret_folder, text, size);
    ret_folder[size] = '\0';
    return true;
}

/* ---- output --------------------------------------------------------------------------------- */

#define NUMBERS 5

static void numbers_of(const struct restore_shard *shard, uint64_t ret_numbers[NUMBERS])
{
    ret_numbers[0] = shard->entries;
    ret_numbers[1] = shard->blocks;
    ret_numbers[2] = shard->in_backup;
    ret_numbers[3] = shard->not_asked;
    ret_numbers[4] = shard->inconsistent;
}

static void print_table(const struct restore_result *result)
{
    const struct table_column columns[] = {
        {"shard", TABLE_RIGHT},     {"entries", TABLE_RIGHT}, {"blocks", TABLE_RIGHT},
        {"in backup", TABLE_RIGHT}, {"later", TABLE_RIGHT},   {"resting on it", TABLE_RIGHT},
        {"last", TABLE_LEFT},
    };
    struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (uint32_t s = 0; s < result->run.shards; s++) {
        uint64_t numbers[NUMBERS];
        char text[YUAN_SIZE];
        char at[WORDS_SIZE];
        numbers_of(&result->shard[s], numbers);
        table_cell(table, "%u", s);
        for (size_t i = 0; i < NUMBERS; i++)
            table_cell(table, "%s", count_format_grouped(numbers[i], text));
        table_cell(table, "%s", words_stamp(result->shard[s].stamp_ms, at));
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_csv(const struct restore_result *result)
{
    puts("shard,entries,blocks,in_backup,later,inconsistent,last");
    for (uint32_t s = 0; s < result->run.shards; s++) {
        uint64_t numbers[NUMBERS];
        char at[WORDS_SIZE];
        numbers_of(&result->shard[s], numbers);
        printf("%u", s);
        for (size_t i = 0; i < NUMBERS; i++)
            printf(",%llu", (unsigned long long)numbers[i]);
        printf(",%s\n", words_stamp(result->shard[s].stamp_ms, at));
    }
}

static void print_restore_json(const struct restore_result *result)
{
    static const char *const names[NUMBERS] = {"entries", "blocks", "in_backup", "later",
                                               "inconsistent"};
    char at[WORDS_SIZE];
    printf("{\"run\":%u,\"to\":\"%s\",\"shards\":[", result->run.run,
           words_stamp(result->to_ms, at));
    for (uint32_t s = 0; s < result->run.shards; s++) {
        uint64_t numbers[NUMBERS];
        numbers_of(&result->shard[s], numbers);
        printf("%s{\"shard\":%u", s == 0 ? "" : ",", s);
        for (size_t i = 0; i < NUMBERS; i++)
            printf(",\"%s\":%llu", names[i], (unsigned long long)numbers[i]);
        printf(",\"last\":\"%s\"}", words_stamp(result->shard[s].stamp_ms, at));
    }
    puts("]}");
}

static void print_result(const struct restore_order *order, const struct restore_result *result,
                         enum format format)
{
    char at[WORDS_SIZE];
    if (format == FORMAT_CSV) {
        print_csv(result);
    } else if (format == FORMAT_JSON) {
        print_restore_json(result);
    } else {
        print_table(result);
        printf("%s %s up to %s from run %u\n", order->only_look ? "would restore" : "restored",
               order->data, words_stamp(result->to_ms, at), result->run.run);
    }
}

/* ---- the command ---------------------------------------------------------------------------- */

static int run_restore(const struct restore_order *order, enum format format)
{
    static struct restore_result result;
    struct problem problem = {{0}};
    struct progress progress;
    progress_begin(&progress);
    const int r =
        restore_run(order, (struct backup_progress){progress_tell, &progress}, &result, &problem);
    progress_end(&progress);
    if (r != 0) {
        fprintf(stderr, "qingfen restore: %s\n", problem.text);
        return r == -ENODATA ? EXIT_USAGE : EXIT_FAILED;
    }
    print_result(order, &result, format);
    return EXIT_DONE;
}

int cmd_restore(int argc, char **argv)
{
    static struct restore_order order;
    static char data[LAYOUT_FOLDER_MAX];
    enum format format = FORMAT_TABLE;
    const char *folder = NULL;
    const char *to = NULL;
    const char *through = NULL;
    const struct option_spec specs[] = {
        {"from", OPTION_TEXT, &order.from, "BACKUP", "the backup", 0, 0},
        {"data", OPTION_TEXT, &folder, "DIR", "where to make the store", 0, 0},
        {"to", OPTION_TEXT, &to, "TIME", "leave out what was stamped later (ISO 8601; Shanghai)", 0,
         0},
        {"through", OPTION_TEXT, &through, "S:N,…", "leave out what follows entry N of shard S", 0,
         0},
        {"dry-run", OPTION_FLAG, &order.only_look, NULL, "only say what would be restored", 0, 0},
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    const int said = options_read(argc, argv, &help, specs, &words);
    if (said != OPTIONS_GO) return said;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (order.from == NULL) return options_refuse(&help, "--from is missing");
    if (folder == NULL && !order.only_look) return options_refuse(&help, "--data is missing");
    order.to_ms = INT64_MIN;
    if (to != NULL && !time_read(to, &order.to_ms))
        return options_refuse(&help, "--to '%s': not a time such as 2026-03-02T21:59:00+08:00", to);
    if (through != NULL && !through_read(through, &order))
        return options_refuse(&help, "--through '%s': not SHARD:ENTRY,… such as 0:120,1:98",
                              through);

    if (folder != NULL && !folder_read(folder, data))
        return options_refuse(&help, "--data '%.40s': not the name of a folder", folder);
    order.data = data;
    order.created_ms = (int64_t)time(NULL) * 1000;
    return run_restore(&order, format);
}
