#include "tools/verify/deep.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/book.h"
#include "ledger/chunk.h"
#include "statement/tables.h"
#include "util/le.h"
#include "world/linux/boot.h"
#include "world/linux/lmdb_store.h"

#define DIFFERENCES_TOLD 10 /* Entries named; the rest are counted. */
#define IDS_A_RECORD     2

/* One shard's replay into a store that is thrown away. */
struct deep {
    struct shard *shard;
    struct journal_view *journal;
    struct store *stored; /* The real state, read only; NULL when there is none yet. */
    uint64_t stored_seq;  /* Entry at which it stands. */
    uint32_t number;
    uint64_t differences; /* Entries that would be decided otherwise today. */
    bool compared;
    bool broken;
    struct problem *problem;
};

static void watch_entry(void *context, const struct shard *shard, const struct entry *entry)
{
    struct deep *deep = context;
    const char *what = shard_judge_again(shard, entry);
    if (what == NULL) return;
    if (deep->differences++ < DIFFERENCES_TOLD) {
        fprintf(stderr, "verify: shard %u entry %llu would be decided otherwise today: %s\n",
                deep->number, (unsigned long long)entry->seq, what);
    }
}

static const struct cell *find_cell(const struct cell *cells, uint32_t count,
                                    const struct cell *wanted)
{
    for (uint32_t i = 0; i < count; i++) {
        if (memcmp(&cells[i].key, &wanted->key, sizeof wanted->key) == 0) return &cells[i];
    }
    return NULL;
}

/* The stored cells against the replayed ones, where the store stands. */
static void compare_cells(struct deep *deep)
{
    uint32_t count;
    uint32_t seen = 0;
    uint8_t key[8] = {0};
    struct bytes found;
    struct bytes value;
    const struct cell *cells = shard_cells(deep->shard, &count);

    deep->compared = true;
    while (store_ceiling(deep->stored, STORE_CELL, (struct bytes){key, sizeof key}, &found,
                         &value) == 0) {
        struct cell stored = {0};
        const bool sound = cell_read(found, value, &stored);
        const struct cell *replayed = sound ? find_cell(cells, count, &stored) : NULL;
        if (replayed == NULL || memcmp(replayed, &stored, sizeof stored) != 0) {
            fprintf(stderr,
                    "verify: shard %u: the stored cell %u %02u->%02u line %u class %u is not what "
                    "the journal gives at entry %llu\n",
                    deep->number, stored.key.period, province_codes[stored.key.payer],
                    province_codes[stored.key.payee], stored.key.line, stored.key.insurance,
                    (unsigned long long)deep->stored_seq);
            deep->broken = true;
            return;
        }
        seen++;
        be_store64(key, be_load64(found.data) + 1);
    }
    if (seen != count) {
        fprintf(stderr, "verify: shard %u: the state holds %u cells, the journal gives %u\n",
                deep->number, seen, count);
        deep->broken = true;
    }
}

static int replay_block(void *context, const struct block *block, uint32_t segment, uint64_t offset,
                        const struct journal_position *after)
{
    struct deep *deep = context;
    (void)segment;
    const int r = shard_replay(deep->shard, block, after->previous, after->segment,
                               (uint32_t)offset, (uint32_t)after->offset);
    if (r != 0) {
        return problem_set(deep->problem, r, "shard %u: block %llu cannot be applied: %s",
                           deep->number, (unsigned long long)block->number, strerror(-r));
    }
    if (deep->stored != NULL && after->next_seq == deep->stored_seq + 1) compare_cells(deep);
    return 0;
}

/* Opens the real state and finds where it stands. */
static int open_stored(const struct layout *layout, struct deep *deep)
{
    char path[LAYOUT_PATH_MAX];
    struct bytes value;
    struct shard_meta meta;
    layout_state_path(layout, deep->number, path);
    int r = store_open(path, true, true, &deep->stored);
    if (r == -ENOENT) return 0; /* Never written: everything is in the journal. */
    if (r == 0) r = store_refresh(deep->stored);
    if (r == 0) r = store_get(deep->stored, STORE_META, bytes_of("meta"), &value);
    if (r == 0 && value.size == sizeof meta) {
        memcpy(&meta, value.data, sizeof meta);
        deep->stored_seq = meta.format == SHARD_META_FORMAT ? meta.seq : 0;
        if (deep->stored_seq != 0) return 0;
    }
    /* An older program's state counts as never written. */
    store_close(deep->stored);
    deep->stored = NULL;
    return r == -ENOENT ? 0 : r;
}

/* The rules of a store, as the engine reads them. */
struct rule_tables {
    struct tables tables;
    struct params params;
};

static int replay_shard(const struct layout *layout, const struct rule_tables *rules,
                        struct deep *deep, struct store *scratch)
{
    char journal[LAYOUT_PATH_MAX];
    struct shard_config config;
    struct replay_start from;
    struct journal_position start;
    struct journal_scan scan;
    const char *why = NULL;

    layout_journal_path(layout, deep->number, journal);
    const struct journal_folder folder = journal_folder_of(journal, layout->store_id, deep->number);
    boot_config(layout, deep->number, &rules->tables, &rules->params, &config);
    deep->journal = journal_view_new(&folder);
    if (deep->journal == NULL) return problem_set(deep->problem, -ENOMEM, "not enough memory");
    config.store = scratch;
    config.journal = deep->journal;
    config.manual_clock = true; /* Stamps come from the entries. */
    const uint64_t least = config.directory_ids;
    config.directory_ids +=
        deep->stored_seq * IDS_A_RECORD; /* No id shall have to be searched for. */
    int r = shard_open(&config, &deep->shard, &from, &why);
    if (r == -ENOMEM) { /* Slowly then; and it may be the store that does not tell the truth. */
        config.directory_ids = least;
        r = shard_open(&config, &deep->shard, &from, &why);
    }
    if (r != 0) return problem_set(deep->problem, r, "cannot replay: %s", strerror(-r));
    shard_watch(deep->shard, watch_entry, deep);
    const struct journal_reader reader = {
        .block = replay_block, .context = deep, .must_reach_seq = deep->stored_seq};
    journal_start(&folder, &start);
    return journal_scan(&folder, &start, &reader, &scan, deep->problem);
}

/* Adds the shard's cells to the pile; false without memory. */
static bool pile_cells(const struct shard *shard, struct cell **pile, size_t *count)
{
    uint32_t more;
    const struct cell *cells = shard_cells(shard, &more);
    struct cell *larger = realloc(*pile, (*count + more + 1) * sizeof **pile);
    if (larger == NULL) return false;
    *pile = larger;
    memcpy(larger + *count, cells, more * sizeof *cells);
    *count += more;
    return true;
}

/* A scratch store beside the real one, so that it has the same room. */
static int open_scratch(const char *dir, char path[LAYOUT_PATH_MAX], struct store **ret_store)
{
    snprintf(path, LAYOUT_PATH_MAX, "%s/verify.XXXXXX", dir);
    if (mkdtemp(path) == NULL) return -errno;
    return store_open(path, false, false, ret_store);
}

static void drop_scratch(const char *path)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    char file[LAYOUT_PATH_MAX + 16];
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(file, sizeof file, "%s/%s", path, names[i]);
        unlink(file);
    }
    rmdir(path);
}

/* Replays one shard; 0, or 1 when something differs, or a negative errno. */
static int deep_shard(const struct layout *layout, const struct rule_tables *rules, uint32_t number,
                      struct cell **pile, size_t *count, FILE *out, struct problem *problem)
{
    char path[LAYOUT_PATH_MAX];
    struct store *scratch = NULL;
    struct deep deep = {.number = number, .problem = problem};

    int r = open_scratch(layout->folder, path, &scratch);
    if (r != 0) {
        return problem_set(problem, r, "cannot make a scratch store in %s: %s", layout->folder,
                           strerror(-r));
    }
    r = open_stored(layout, &deep);
    if (r == 0) r = replay_shard(layout, rules, &deep, scratch);
    if (r == 0) {
        struct shard_status status;
        shard_get_status(deep.shard, &status);
        fprintf(out,
                "shard %u: replayed %llu entries from empty, %llu would be decided otherwise\n",
                number, (unsigned long long)status.last_seq, (unsigned long long)deep.differences);
        if (deep.stored_seq != 0 && !deep.compared) {
            fprintf(stderr, "verify: shard %u: the state stands at entry %llu, inside a block\n",
                    number, (unsigned long long)deep.stored_seq);
            deep.broken = true;
        }
        if (!pile_cells(deep.shard, pile, count)) r = -ENOMEM;
    }
    shard_free(deep.shard);
    journal_view_free(deep.journal);
    store_close(deep.stored);
    store_close(scratch);
    drop_scratch(path);
    return r != 0 ? r : deep.broken || deep.differences != 0;
}

static void print_digests(struct cell *cells, size_t count, FILE *out)
{
    bool overflow;
    uint32_t last = 0;
    if (count == 0) return;
    count = tables_merge_cells(cells, count, &overflow);
    for (size_t i = 0; i < count; i++) {
        uint8_t digest[REPORT_DIGEST_SIZE];
        if (cells[i].key.period == last) continue;
        last = cells[i].key.period;
        tables_digest(cells, count, last, digest);
        fprintf(out, "period %04u-%02u digest ", last / 100, last % 100);
        for (size_t k = 0; k < sizeof digest; k++)
            fprintf(out, "%02x", digest[k]);
        fprintf(out, "\n");
    }
}

int verify_deep(const char *dir, FILE *out)
{
    struct layout layout;
    struct problem problem;
    static struct rule_tables rules;
    struct cell *pile = NULL;
    size_t count = 0;
    int result = 0;

    if (layout_open(dir, &layout, &problem) != 0 ||
        boot_tables(&layout, &rules.tables, &problem) != 0 ||
        boot_params(&layout, &rules.params, &problem) != 0) {
        fprintf(stderr, "verify: %s\n", problem.text);
        return 1;
    }
    for (uint32_t i = 0; i < layout.shards; i++) {
        const int r = deep_shard(&layout, &rules, i, &pile, &count, out, &problem);
        if (r < 0) {
            fprintf(stderr, "verify: %s\n", problem.text);
            free(pile);
            return 1;
        }
        result |= r;
    }
    print_digests(pile, count, out);
    free(pile);
    return result;
}
