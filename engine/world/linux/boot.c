#include "world/linux/boot.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "deploy/embedded_tables.h"
#include "types/ensure.h"
#include "util/le.h"
#include "world/linux/crash_point.h"
#include "world/linux/files.h"
#include "world/linux/large_pages.h"
#include "world/linux/lmdb_store.h"
#include "world/linux/replay.h"

#define TABLE_SIZE_MAX (4 * 1024 * 1024)

static int read_table(const struct layout *layout, const char *name, char **ret_text,
                      size_t *ret_size, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    layout_table_path(layout, name, path);
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return problem_set(problem, -errno, "cannot open the table %s: %s", path, strerror(errno));
    }
    char *text = malloc(TABLE_SIZE_MAX);
    if (text == NULL) {
        fclose(file);
        return problem_set(problem, -ENOMEM, "there is no memory to read the table %s", path);
    }
    const size_t size = fread(text, 1, TABLE_SIZE_MAX, file);
    const bool whole = feof(file) && !ferror(file);
    fclose(file);
    if (!whole) {
        free(text);
        return problem_set(problem, -EIO, "cannot read the table %s whole", path);
    }
    *ret_text = text;
    *ret_size = size;
    return 0;
}

int boot_tables(const struct layout *layout, struct tables *ret_tables, struct problem *problem)
{
    struct table_error error;
    tables_init(ret_tables);
    for (int i = 0; i < TABLE_FILE_COUNT; i++) {
        char *text = NULL;
        size_t size = 0;
        const int r = read_table(layout, table_file_names[i], &text, &size, problem);
        if (r != 0) return r;
        const bool loaded = tables_load(ret_tables, (enum table_file)i,
                                        (struct bytes){(const uint8_t *)text, size}, &error);
        free(text);
        if (!loaded) {
            return problem_set(problem, -EUCLEAN, "%s/tables/%s line %u: %s", layout->folder,
                               table_file_names[i], error.line, error.what);
        }
    }
    if (!tables_complete(ret_tables, &error)) {
        return problem_set(problem, -EUCLEAN, "%s/tables: %s", layout->folder, error.what);
    }
    return 0;
}

static struct bytes built_in_table(const char *name)
{
    size_t i = 0;
    while (strcmp(embedded_tables[i].name, name) != 0)
        i++;
    return (struct bytes){embedded_tables[i].data, embedded_tables[i].size};
}

/* Reads a table by itself; false with a reason that begins with the line. */
typedef bool load_table(void *to, struct bytes text, char *why, size_t room);

/* A table that stores of older programs do not have: those get what a new store would. */
static int boot_later_table(const struct layout *layout, const char *name, load_table *load,
                            void *to, struct problem *problem)
{
    char *text = NULL;
    size_t size = 0;
    char why[256];
    int r = read_table(layout, name, &text, &size, problem);
    if (r != 0 && r != -ENOENT) return r;
    const struct bytes table =
        r == 0 ? (struct bytes){(const uint8_t *)text, size} : built_in_table(name);
    r = 0;
    if (!load(to, table, why, sizeof why)) {
        r = problem_set(problem, -EUCLEAN, "%s/tables/%s %s", layout->folder, name, why);
    }
    free(text);
    return r;
}

static bool load_calendar(void *to, struct bytes text, char *why, size_t room)
{
    return calendar_load(to, text, why, (uint32_t)room);
}

int boot_calendar(const struct layout *layout, struct calendar *ret_calendar,
                  struct problem *problem)
{
    return boot_later_table(layout, "calendar.csv", load_calendar, ret_calendar, problem);
}

static bool load_params(void *to, struct bytes text, char *why, size_t room)
{
    params_init(to);
    return params_load(to, text, why, room);
}

int boot_params(const struct layout *layout, struct params *ret_params, struct problem *problem)
{
    return boot_later_table(layout, "provincial_rules.csv", load_params, ret_params, problem);
}

void boot_config(const struct layout *layout, uint32_t shard, const struct tables *tables,
                 const struct params *params, struct shard_config *ret_config)
{
    shard_config_init(ret_config);
    ret_config->shard = shard;
    ret_config->shards = layout->shards;
    memcpy(ret_config->store_id, layout->store_id, sizeof ret_config->store_id);
    ret_config->hash_seed = le_load64(layout->hash_key) ^ le_load64(layout->hash_key + 8);
    ret_config->tables = tables;
    ret_config->params = params;
}

/* When progress was last told. */
struct telling {
    uint32_t shard;
    uint64_t told_s; /* Steady clock, seconds. */
};

static uint64_t steady_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec;
}

static void tell_progress(void *context, uint64_t done_bytes, uint64_t total_bytes)
{
    struct telling *telling = context;
    const uint64_t now_s = steady_seconds();
    if (now_s == telling->told_s) return;
    telling->told_s = now_s;
    fprintf(stderr, "qingfend: shard %u: replaying the journal, %llu of at most %llu MiB\n",
            telling->shard, (unsigned long long)(done_bytes >> 20),
            (unsigned long long)(total_bytes >> 20));
}

static int read_journal(struct boot_shard *boot, const struct replay_start *from,
                        struct problem *problem)
{
    struct telling telling = {.shard = boot->folder.shard, .told_s = steady_seconds()};
    const int r = replay_journal(boot->shard, &boot->folder, from, tell_progress, &telling,
                                 &boot->scan, problem);
    if (r == 0 && boot->scan.torn_bytes != 0) {
        fprintf(stderr,
                "qingfend: shard %u: cut a torn write of %llu bytes off the end of the journal; "
                "nothing in it was ever answered\n",
                boot->folder.shard, (unsigned long long)boot->scan.torn_bytes);
    }
    return r;
}

/* The pages of a damaged state must not be followed, and need not: it is made again from the
 * journal. */
static int open_state(const char *path, uint32_t shard, struct store **ret_store,
                      struct problem *problem)
{
    struct lmdb_pages pages;
    int r = store_check(path, &pages, problem);
    if (r != 0 && r != -ENOENT && r != -EUCLEAN) return r;
    if (r == -EUCLEAN) {
        fprintf(stderr,
                "qingfend: shard %u: the state is damaged: %s; it is set aside as "
                "data.mdb.damaged and made again from the journal\n",
                shard, problem->text);
        r = store_set_aside(path);
    } else {
        r = 0; /* It is sound, or there is none yet. */
    }
    if (r == 0) r = store_open(path, false, true, ret_store);
    if (r != 0) {
        return problem_set(problem, r, "cannot open the state in %s: %s", path, strerror(-r));
    }
    crash_point("boot-state-open");
    /* LMDB does not sync the folder of a file that it made. Without its name the state would be
     * gone after a power cut, and the whole journal would have to be replayed. */
    r = folder_sync(path);
    if (r == 0) return 0;
    store_close(*ret_store);
    *ret_store = NULL;
    return problem_set(problem, r, "%s: cannot sync the folder: %s", path, strerror(-r));
}

/* An eighth too many is hardly slower (ledger/directory.h). */
static void tell_ids(const struct shard *shard, uint32_t number, uint64_t room)
{
    struct shard_status status;
    shard_get_status(shard, &status);
    if (status.faded_ids <= room / 8) return;
    fprintf(stderr,
            "qingfend: shard %u: there is memory for %llu ids, and %llu more are known: new ids "
            "are slower to tell from old ones; give it a larger --ids\n",
            number, (unsigned long long)room, (unsigned long long)status.faded_ids);
}

int boot_open(const struct layout *layout, uint32_t shard, const struct tables *tables,
              const struct params *params, const struct boot_options *options,
              struct boot_shard *ret_boot, struct problem *problem)
{
    char state_path[LAYOUT_PATH_MAX];
    struct shard_config config;
    struct replay_start from;
    const char *why;

    memset(ret_boot, 0, sizeof *ret_boot);
    layout_state_path(layout, shard, state_path);
    layout_journal_path(layout, shard, ret_boot->journal_path);
    ret_boot->folder = journal_folder_of(ret_boot->journal_path, layout->store_id, shard);
    int r = open_state(state_path, shard, &ret_boot->store, problem);
    if (r != 0) return r;
    boot_config(layout, shard, tables, params, &config);
    ret_boot->journal = journal_view_new(&ret_boot->folder);
    NEED_MEMORY(ret_boot->journal);
    config.store = ret_boot->store;
    config.journal = ret_boot->journal;
    config.manual_clock = options->manual_clock;
    config.directory_ids = options->ids / layout->shards;
    config.memory_made = large_pages_lay;
    r = shard_open(&config, &ret_boot->shard, &from, &why);
    if (r != 0) {
        problem_set(problem, r, "cannot read the state in %s: %s", state_path,
                    why != NULL ? why : strerror(-r));
    } else {
        r = read_journal(ret_boot, &from, problem);
        if (r == 0) tell_ids(ret_boot->shard, shard, config.directory_ids);
    }
    crash_point("boot-shard-done");
    if (r != 0) {
        boot_close(ret_boot);
    }
    return r;
}

void boot_close(struct boot_shard *boot)
{
    shard_free(boot->shard);
    journal_view_free(boot->journal);
    store_close(boot->store);
    boot->shard = NULL;
    boot->journal = NULL;
    boot->store = NULL;
}
