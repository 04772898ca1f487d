/* backup -- copies what is new in a store into a backup, or checks a backup. */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "centre.pb-c.h"
#include "tools/backup/backup.h"
#include "tools/client/clock.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/progress.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "backup --data DIR --out BACKUP [OPTIONS]\n"
             "       qingfen backup --check BACKUP",
    .about =
        "Copies what is new in the journals of the store in DIR into the folder BACKUP, checking\n"
        "every sum and the chain. The first run copies everything, a later one what has come "
        "since.\n"
        "The engine may run meanwhile; it is then asked how far its journals are durable. A run "
        "that\n"
        "fails or is killed leaves the backup as it was. --check reads all of a backup and finds "
        "any\n"
        "flipped bit.\n",
    .examples = "  qingfen backup --data /var/lib/qingfen/store --out /backup/qingfen\n"
                "  qingfen backup --check /backup/qingfen\n",
    .name = "backup",
};

#define IOPRIO_WHO_PROCESS 1
#define IOPRIO_IDLE        (3 << 13)
#define STEP_BACK_NICE     10

/* The engine comes first, for the processors and for the disk. Where this is refused, the backup is
 * only less polite. */
static void step_back(void)
{
    (void)setpriority(PRIO_PROCESS, 0, STEP_BACK_NICE);
    (void)syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, IOPRIO_IDLE);
}

static int64_t machine_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- asking the engine ---------------------------------------------------------------------- */

/* One status; false when it is refused or of another store, told. The caller frees the reply. */
static Qingfen__V1__StatusReply *ask_status_of(struct talk *talk, const struct layout *layout)
{
    const Qingfen__V1__StatusGet request = QINGFEN__V1__STATUS_GET__INIT;
    Qingfen__V1__StatusReply *reply = (Qingfen__V1__StatusReply *)talk_ask(
        talk, &request.base, MESSAGE_STATUS_GET, &qingfen__v1__status_reply__descriptor);
    if (reply == NULL) return NULL;
    if (ask_status("backup", reply->code, reply->text) == EXIT_DONE) {
        if (reply->store_id.len == STORE_ID_SIZE && reply->n_shard == layout->shards &&
            memcmp(reply->store_id.data, layout->store_id, STORE_ID_SIZE) == 0)
            return reply;
        fprintf(stderr,
                "qingfen backup: the engine that answers has another store than %s; say with --to "
                "where the right one is\n",
                layout->folder);
    }
    qingfen__v1__status_reply__free_unpacked(reply, NULL);
    return NULL;
}

/* Its clock first, and how far it is durable when that millisecond is over: so nothing that came
 * about up to then, by that clock, rests on what is not durable at the second question. */
static bool ask_engine(struct talk *talk, const struct layout *layout,
                       struct backup_engine *ret_engine)
{
    const struct timespec over = {.tv_nsec = 2 * NS_PER_MS};
    Qingfen__V1__StatusReply *reply = ask_status_of(talk, layout);
    if (reply == NULL) return false;
    ret_engine->now_ms = reply->now;
    qingfen__v1__status_reply__free_unpacked(reply, NULL);
    nanosleep(&over, NULL);
    reply = ask_status_of(talk, layout);
    if (reply == NULL) return false;
    for (size_t i = 0; i < reply->n_shard; i++) {
        if (reply->shard[i]->shard < layout->shards)
            ret_engine->durable_seq[reply->shard[i]->shard] = reply->shard[i]->durable_seq;
    }
    qingfen__v1__status_reply__free_unpacked(reply, NULL);
    return true;
}

/* How far the journals may be copied: by the engine, or by themselves when none runs. The lock is
 * given back at once, so that an engine may start. False, told. */
static bool find_ends(const struct layout *layout, const struct client_address *address,
                      struct backup_engine *ret_engine)
{
    struct problem problem = {{0}};
    int lock = -1;
    int r = layout_lock(layout->folder, false, &lock, &problem);
    if (r == 0) {
        r = backup_ends(layout, ret_engine, &problem);
        ret_engine->now_ms = machine_ms();
        layout_unlock(lock);
    }
    if (r == 0) return true;
    if (r != -EBUSY) {
        fprintf(stderr, "qingfen backup: %s\n", problem.text);
        return false;
    }
    struct talk talk;
    if (!talk_open(&talk, "backup", address, 0)) {
        fprintf(stderr, "  %s is in use; say with --to where its engine listens\n", layout->folder);
        return false;
    }
    const bool answered = ask_engine(&talk, layout, ret_engine);
    talk_close(&talk);
    return answered;
}

/* ---- output --------------------------------------------------------------------------------- */

static uint64_t entries_of(const struct manifest *run, uint32_t shard)
{
    return run->run == 0 ? 0 : run->shard[shard].end.next_seq - 1;
}

static void print_table(const struct backup_result *result)
{
    const struct table_column columns[] = {{"shard", TABLE_RIGHT},
                                           {"entries", TABLE_RIGHT},
                                           {"new", TABLE_RIGHT},
                                           {"blocks", TABLE_RIGHT},
                                           {"last", TABLE_LEFT}};
    struct table *table = table_new(columns, sizeof columns / sizeof columns[0]);
    for (uint32_t s = 0; s < result->after.shards; s++) {
        const uint64_t entries = entries_of(&result->after, s);
        const uint64_t numbers[] = {entries, entries - entries_of(&result->before, s),
                                    result->after.shard[s].end.next_block - 1};
        char text[YUAN_SIZE];
        char at[WORDS_SIZE];
        table_cell(table, "%u", s);
        for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
            table_cell(table, "%s", count_format_grouped(numbers[i], text));
        table_cell(table, "%s", words_stamp(result->after.shard[s].stamp_ms, at));
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_csv(const struct backup_result *result)
{
    puts("shard,entries,new,blocks,last");
    for (uint32_t s = 0; s < result->after.shards; s++) {
        const uint64_t entries = entries_of(&result->after, s);
        char at[WORDS_SIZE];
        printf("%u,%llu,%llu,%llu,%s\n", s, (unsigned long long)entries,
               (unsigned long long)(entries - entries_of(&result->before, s)),
               (unsigned long long)(result->after.shard[s].end.next_block - 1),
               words_stamp(result->after.shard[s].stamp_ms, at));
    }
}

static void print_backup_json(const struct backup_result *result)
{
    char at[WORDS_SIZE];
    printf("{\"run\":%u,\"horizon\":\"%s\",\"new_entries\":%llu,\"new_blocks\":%llu,"
           "\"new_bytes\":%llu,\"shards\":[",
           result->after.run, words_stamp(result->after.horizon_ms, at),
           (unsigned long long)result->new_entries, (unsigned long long)result->new_blocks,
           (unsigned long long)result->new_bytes);
    for (uint32_t s = 0; s < result->after.shards; s++) {
        const uint64_t entries = entries_of(&result->after, s);
        printf("%s{\"shard\":%u,\"entries\":%llu,\"new\":%llu,\"blocks\":%llu,\"last\":\"%s\"}",
               s == 0 ? "" : ",", s, (unsigned long long)entries,
               (unsigned long long)(entries - entries_of(&result->before, s)),
               (unsigned long long)(result->after.shard[s].end.next_block - 1),
               words_stamp(result->after.shard[s].stamp_ms, at));
    }
    puts("]}");
}

static void print_result(const struct backup_result *result, enum format format)
{
    char at[WORDS_SIZE];
    if (format == FORMAT_CSV) {
        print_csv(result);
    } else if (format == FORMAT_JSON) {
        print_backup_json(result);
    } else {
        print_table(result);
        printf("run=%u horizon=%s entries=%llu blocks=%llu bytes=%llu\n", result->after.run,
               words_stamp(result->after.horizon_ms, at), (unsigned long long)result->new_entries,
               (unsigned long long)result->new_blocks, (unsigned long long)result->new_bytes);
    }
}

/* ---- the command ---------------------------------------------------------------------------- */

static int run_backup(const char *data, const char *out, const struct client_address *address,
                      enum format format)
{
    static struct backup_result result;
    struct backup_engine engine = {0};
    struct progress progress;
    struct layout layout;
    struct problem problem = {{0}};
    const int64_t began_ms = machine_ms();

    int r = layout_open(data, &layout, &problem);
    if (r != 0) {
        fprintf(stderr, "qingfen backup: %s\n", problem.text);
        return r == -ENOENT ? EXIT_USAGE : EXIT_FAILED;
    }
    if (!find_ends(&layout, address, &engine)) return EXIT_FAILED;
    progress_begin(&progress);
    r = backup_run(&layout, &engine, began_ms, out,
                   (struct backup_progress){progress_tell, &progress}, &result, &problem);
    progress_end(&progress);
    if (r != 0) {
        fprintf(stderr, "qingfen backup: %s\n", problem.text);
        return EXIT_FAILED;
    }
    print_result(&result, format);
    return EXIT_DONE;
}

static int run_check(const char *folder)
{
    static struct manifest newest;
    struct progress progress;
    struct problem problem = {{0}};
    uint64_t entries = 0;
    char at[WORDS_SIZE];
    progress_begin(&progress);
    const int r =
        backup_check(folder, (struct backup_progress){progress_tell, &progress}, &newest, &problem);
    progress_end(&progress);
    if (r != 0) {
        fprintf(stderr, "qingfen backup: %s\n", problem.text);
        return r == -ENOENT ? EXIT_USAGE : EXIT_FAILED;
    }
    for (uint32_t s = 0; s < newest.shards; s++)
        entries += entries_of(&newest, s);
    printf("runs=%u shards=%u entries=%llu horizon=%s\nbackup: ok\n", newest.run, newest.shards,
           (unsigned long long)entries, words_stamp(newest.horizon_ms, at));
    return EXIT_DONE;
}

int cmd_backup(int argc, char **argv)
{
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    const char *data = NULL;
    const char *out = NULL;
    const char *check = NULL;
    const struct option_spec specs[] = {
        {"data", OPTION_TEXT, &data, "DIR", "the store", 0, 0},
        {"out", OPTION_TEXT, &out, "BACKUP", "where the backup is, or is begun", 0, 0},
        {"check", OPTION_TEXT, &check, "BACKUP", "read all of a backup instead", 0, 0},
        OPTION_TO(&address),
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    const int said = options_read(argc, argv, &help, specs, &words);
    if (said != OPTIONS_GO) return said;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (check != NULL && (data != NULL || out != NULL))
        return options_refuse(&help, "--check stands alone");
    step_back();
    if (check != NULL) return run_check(check);
    if (data == NULL) return options_refuse(&help, "--data is missing");
    if (out == NULL) return options_refuse(&help, "--out is missing");
    return run_backup(data, out, &address, format);
}
