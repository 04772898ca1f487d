#include "tools/verify/verify.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "deploy/embedded_tables.h"
#include "tools/verify/compare.h"
#include "tools/verify/cycle_check.h"
#include "tools/verify/deep.h"
#include "tools/verify/months.h"
#include "tools/verify/wallet_check.h"
#include "util/le.h"
#include "world/linux/layout.h"
#include "world/linux/lmdb_store.h"

/* docs/commands.md, Exit status. */
#define EXIT_WRONG 1 /* Something in the store is not as it must be, or it cannot be had now. */
#define EXIT_USAGE 2 /* There is no store. */

/* One shard, verified on a thread of its own. */
struct job {
    const struct layout *layout;
    uint32_t shard;
    struct chain chain;
    struct recount recount;
    struct cycle_check *cycle;    /* Shard 0's: the decisions of the clearing cycle. */
    struct wallet_check *wallets; /* All shards': this one's lane is its thread's. */
    struct store *store;          /* NULL: there is none yet. */
    uint64_t stored_seq;          /* Where its store stands; 0: nothing there yet. */
    atomic_uint_fast64_t entries_done;
    atomic_bool ended;
    struct finding finding;
    pthread_t thread;
};

/* -- one shard ------------------------------------------------------------------------------- */

/* A part of a decision of the clearing cycle: all of them stand in shard 0. */
static bool take_cycle(struct job *job, const struct entry *entry)
{
    if (job->shard != 0) {
        return finding_set(&job->finding, "shard %u, seq %" PRIu64 ": the cycle is shard 0's",
                           job->shard, entry->seq);
    }
    return cycle_check_add(job->cycle, entry->body, entry->seq, &job->finding);
}

/* Reads the journal to its end, and copies the state where the store stands. */
static bool read_journal(struct job *job, const struct shard_meta *meta,
                         struct recount_state *ret_at)
{
    struct finding *finding = &job->finding;
    struct chain *chain = &job->chain;
    bool reached = false;

    for (;;) {
        struct entry entry;
        place_t place;
        const enum chain_step step = chain_next(chain, &entry, &place, finding);
        if (step == CHAIN_BROKEN) return false;
        if (step == CHAIN_END) break;
        if (!recount_add(&job->recount, &entry, place, finding)) return false;
        if (entry.kind == ENTRY_CYCLE && !take_cycle(job, &entry)) return false;
        if (!wallet_check_add(job->wallets, job->shard, &entry, finding)) return false;
        if ((entry.seq & 0xfff) == 0) atomic_store(&job->entries_done, entry.seq);
        if (meta == NULL || entry.seq != meta->seq) continue;
        if (!compare_position(meta, &job->recount, finding)) return false;
        if (!recount_copy(&job->recount.state, ret_at))
            return finding_set(finding, "shard %u: out of memory", job->shard);
        if (!wallet_check_store(job->wallets, job->shard, job->store, finding)) return false;
        reached = true;
    }
    if (meta != NULL && meta->seq != 0 && !reached) {
        return finding_set(
            finding,
            "shard %u: the journal ends at seq %" PRIu64 " (%s), the state has seen seq %" PRIu64,
            job->shard, chain->next_seq - 1,
            chain_place_text((place_t)chain->segment << 32 | chain->offset), meta->seq);
    }
    return recount_check_cells(&job->recount, finding);
}

static bool verify_with_store(struct job *job, struct store *store)
{
    struct shard_meta meta = {0};
    struct recount_state at = {0};
    int there = 0;
    job->store = store;

    if (store != NULL) {
        there = compare_meta(store, job->shard, &meta, &job->finding);
        if (there < 0) return false;
    }
    job->stored_seq = meta.seq;
    bool good = read_journal(job, there == 1 ? &meta : NULL, &at);
    if (good && there == 1 && meta.seq != 0) {
        const uint8_t *hash_key = job->layout->hash_key;
        const uint64_t seed = le_load64(hash_key) ^ le_load64(hash_key + 8);
        good = compare_store(store, &meta, &job->recount, &at, seed, &job->finding);
    }
    recount_state_done(&at);
    return good;
}

static void verify_shard(struct job *job)
{
    char path[LAYOUT_PATH_MAX];
    struct store *store = NULL;

    layout_journal_path(job->layout, job->shard, path);
    if (!chain_open(&job->chain, path, job->layout->store_id, job->shard, &job->finding)) return;
    if (job->shard == 0) job->cycle = cycle_check_new();
    if (!recount_init(&job->recount, &job->chain, job->layout->shards) ||
        (job->shard == 0 && job->cycle == NULL)) {
        finding_set(&job->finding, "shard %u: out of memory", job->shard);
        return;
    }
    layout_state_path(job->layout, job->shard, path);
    struct lmdb_pages pages;
    struct problem problem;
    int r = store_check(path, &pages, &problem);
    if (r != 0 && r != -ENOENT) {
        finding_set(&job->finding, "shard %u, state: %s", job->shard, problem.text);
        return;
    }
    r = store_open(path, true, true, &store);
    if (r != 0 && r != -ENOENT) {
        finding_set(&job->finding, "%s: %s", path, strerror(-r));
        return;
    }
    (void)verify_with_store(job, store);
    store_close(store);
}

static void *job_thread(void *argument)
{
    struct job *job = argument;
    verify_shard(job);
    checksum_thread_done();
    checksum_pieces_thread_done();
    atomic_store(&job->ended, true);
    return NULL;
}

/* -- across the shards ------------------------------------------------------------------------ */

/* The months cut are the same in every shard; the engine was stopped between two of them at most
 * once, at the end, and then completes the cut when it starts. */
static bool check_cuts(const struct job *jobs, uint32_t shards, struct finding *finding)
{
    for (uint32_t s = 1; s < shards; s++) {
        const struct recount *a = &jobs[0].recount;
        const struct recount *b = &jobs[s].recount;
        const uint64_t both = a->cuts < b->cuts ? a->cuts : b->cuts;
        if (a->cuts > both + 1 || b->cuts > both + 1) {
            return finding_set(finding, "shards 0 and %u: %" PRIu64 " and %" PRIu64 " cuts", s,
                               a->cuts, b->cuts);
        }
        for (uint64_t i = 0; i < both; i++) {
            if (a->cut_months[i] == b->cut_months[i]) continue;
            return finding_set(finding, "shards 0 and %u: cut %" PRIu64 " is %u and %u", s, i + 1,
                               a->cut_months[i], b->cut_months[i]);
        }
    }
    return true;
}

/* All shards' cells together: months, net positions, digests. */
static bool add_up(const struct job *jobs, uint32_t shards, struct months *ret_months,
                   struct finding *finding)
{
    for (uint32_t s = 0; s < shards; s++) {
        if (!months_add(ret_months, &jobs[s].recount.state)) {
            return finding_set(finding, "out of memory");
        }
    }
    return months_finish(ret_months, finding);
}

/* -- output ----------------------------------------------------------------------------------- */

static void print_summary(const struct layout *layout, const struct job *jobs,
                          const struct months *months)
{
    uint64_t entries = 0;
    uint64_t records = 0;

    printf("store %s, shards %u\n", layout->folder, layout->shards);
    for (uint32_t s = 0; s < layout->shards; s++) {
        const struct job *job = &jobs[s];
        entries += job->chain.entries;
        records += job->recount.records;
        printf("shard %u: blocks %" PRIu64 ", entries %" PRIu64 ", state at %" PRIu64
               ", corrections %" PRIu64 ", tombstones %" PRIu64 "%s\n",
               s, job->chain.next_block - 1, job->chain.entries, job->stored_seq,
               job->recount.corrections, job->recount.tombstones,
               job->chain.torn ? ", a torn write at the end (nobody was told of it)" : "");
    }
    for (uint32_t m = 0; m < months->count; m++) {
        const struct month *month = &months->list[m];
        printf("period %u: %s, count %" PRIu64 ", refunds %" PRIu64 ", late %" PRIu64
               ", fund %s, account %s, medfee %s, digest ",
               month->period, month->cut ? "CUT" : "OPEN", month->count, month->refunds,
               month->late, finding_yuan(month->fund), finding_yuan(month->account),
               finding_yuan(month->medfee));
        for (size_t i = 0; i < sizeof month->digest; i++)
            printf("%02x", month->digest[i]);
        putchar('\n');
    }
    printf("cycle: decisions %" PRIu64 ", postings %" PRIu64 ", batches %u, notices %u\n",
           jobs[0].cycle->decisions, jobs[0].cycle->postings,
           cycle_count(jobs[0].cycle->cycle, ROW_BATCH),
           cycle_count(jobs[0].cycle->cycle, ROW_NOTICE));
    const struct wallet_counts w = wallet_check_counts(jobs[0].wallets);
    printf("wallets: persons %" PRIu64 ", entries %" PRIu64 ", payments %" PRIu64 ", debts %" PRIu64
           ", mail %" PRIu64 ", on its way %" PRIu64 "\n",
           w.persons, w.entries, w.payments, w.debts, w.mail, w.on_way);
    printf("shards=%u entries=%" PRIu64 " records=%" PRIu64 " periods=%u\n", layout->shards,
           entries, records, months->count);
}

#define TICK_MAX_NS (50 * 1000 * 1000)

/* Tells a person who is looking how far the threads are, until all have ended. */
static void tell_progress(struct job *jobs, uint32_t shards)
{
    struct timespec tick = {.tv_nsec = 100 * 1000}; /* A small store takes a millisecond. */
    bool told = false;

    for (int ticks = 0;; ticks++) {
        uint64_t entries = 0;
        bool ended = true;
        for (uint32_t s = 0; s < shards; s++) {
            entries += atomic_load(&jobs[s].entries_done);
            ended = ended && atomic_load(&jobs[s].ended);
        }
        if (ended) break;
        if (ticks >= 30 && ticks % 4 == 0) {
            fprintf(stderr, "\rverify: %" PRIu64 " entries", entries);
            fflush(stderr);
            told = true;
        }
        nanosleep(&tick, NULL);
        if (tick.tv_nsec < TICK_MAX_NS) tick.tv_nsec *= 2;
    }
    if (told) fprintf(stderr, "\r\033[K");
}

static void wait_for(struct job *jobs, uint32_t shards)
{
    if (isatty(STDERR_FILENO) == 1) tell_progress(jobs, shards);
    for (uint32_t s = 0; s < shards; s++)
        pthread_join(jobs[s].thread, NULL);
}

/* -- the command ------------------------------------------------------------------------------ */

/* Runs all shards. False when a thread could not be started. */
static bool run_jobs(const struct layout *layout, struct job *jobs, struct wallet_check *wallets)
{
    for (uint32_t s = 0; s < layout->shards; s++) {
        jobs[s].layout = layout;
        jobs[s].shard = s;
        jobs[s].wallets = wallets;
        if (pthread_create(&jobs[s].thread, NULL, job_thread, &jobs[s]) == 0) continue;
        wait_for(jobs, s);
        return false;
    }
    wait_for(jobs, layout->shards);
    return true;
}

/* The whole file; NULL when it cannot be read. The caller frees it. */
static char *read_file(const char *path, size_t *ret_size)
{
    FILE *file = fopen(path, "re");
    char *text = NULL;
    if (file == NULL) return NULL;
    if (fseek(file, 0, SEEK_END) == 0 && ftell(file) >= 0) {
        *ret_size = (size_t)ftell(file);
        rewind(file);
        text = malloc(*ret_size + 1);
        if (text != NULL && fread(text, 1, *ret_size, file) != *ret_size) {
            free(text);
            text = NULL;
        }
    }
    fclose(file);
    return text;
}

#define RULES_FILE "provincial_rules.csv"

/* The table that stores of older programs do not have: theirs is the one built in. */
static struct bytes built_in_rules(void)
{
    for (size_t i = 0; i < embedded_table_count; i++) {
        if (strcmp(embedded_tables[i].name, RULES_FILE) == 0)
            return (struct bytes){embedded_tables[i].data, embedded_tables[i].size};
    }
    return (struct bytes){NULL, 0};
}

/* The provincial rules the store began with. */
static bool load_rules(const struct layout *layout, struct wallet_check *wallets,
                       struct finding *finding)
{
    static struct params params;
    char path[LAYOUT_PATH_MAX];
    char why[256];
    size_t size = 0;

    layout_table_path(layout, RULES_FILE, path);
    char *own = read_file(path, &size);
    const struct bytes text =
        own != NULL ? (struct bytes){(const uint8_t *)own, size} : built_in_rules();
    params_init(&params);
    bool good = params_load(&params, text, why, sizeof why) ||
                finding_set(finding, "tables/" RULES_FILE " %s", why);
    for (uint32_t i = 0; good && i < params.count; i++)
        good = wallet_check_rule(wallets, &params.rows[i]) || finding_set(finding, "out of memory");
    free(own);
    return good;
}

static int verify_store(const struct layout *layout)
{
    struct job *jobs = calloc(layout->shards, sizeof *jobs);
    struct wallet_check *wallets = wallet_check_new(layout->shards);
    struct months months = {0};
    struct finding finding = {0};
    int status = EXIT_WRONG;

    if (wallets != NULL && !load_rules(layout, wallets, &finding)) {
        fprintf(stderr, "qingfen verify: %s\n", finding.text);
        goto free_all;
    }
    if (jobs == NULL || wallets == NULL || !run_jobs(layout, jobs, wallets)) {
        fprintf(stderr, "qingfen verify: out of memory or threads\n");
        goto free_all;
    }
    for (uint32_t s = 0; s < layout->shards && !finding.found; s++)
        finding = jobs[s].finding;
    if (!finding.found && check_cuts(jobs, layout->shards, &finding) &&
        add_up(jobs, layout->shards, &months, &finding) &&
        cycle_check_finish(jobs[0].cycle, &months, &finding) &&
        wallet_check_finish(wallets, &finding)) {
        print_summary(layout, jobs, &months);
        status = EXIT_SUCCESS;
    } else {
        fprintf(stderr, "qingfen verify: %s\n", finding.text);
    }

free_all:
    wallet_check_free(wallets);
    for (uint32_t s = 0; jobs != NULL && s < layout->shards; s++) {
        recount_done(&jobs[s].recount);
        cycle_check_free(jobs[s].cycle);
        chain_close(&jobs[s].chain);
    }
    months_done(&months);
    free(jobs);
    return status;
}

static void usage(FILE *out)
{
    fprintf(out,
            "usage: qingfen verify --data DIR [--deep]\n"
            "\n"
            "Reads a store that no engine has open and checks all of it: checksums, hash chain,\n"
            "ids, periods, refunds, cells, and the stored state against the journal. Exit 1 and\n"
            "the first difference on stderr if anything is wrong.\n"
            "\n"
            "  --data DIR  the store\n"
            "  --deep      also replay every journal from empty and compare\n");
}

/* Everything that needs the lock. */
static int verify_locked(const char *dir, bool deep)
{
    struct layout layout;
    struct problem problem = {{0}};

    const int r = layout_open(dir, &layout, &problem);
    if (r != 0) {
        fprintf(stderr, "qingfen verify: %s\n", problem.text);
        return r == -ENOENT ? EXIT_USAGE : EXIT_WRONG;
    }
    int status = verify_store(&layout);
    if (status == EXIT_SUCCESS && deep) status = verify_deep(dir, stdout);
    if (status == EXIT_SUCCESS) printf("verify: ok\n");
    return status;
}

int cmd_verify(int argc, char **argv)
{
    static const struct option options[] = {
        {"data", required_argument, NULL, 'd'},
        {"deep", no_argument, NULL, 'D'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    const char *dir = NULL;
    bool deep = false;
    int option;

    optind = 1;
    while ((option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (option == 'd') {
            dir = optarg;
        } else if (option == 'D') {
            deep = true;
        } else {
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_SUCCESS : EXIT_USAGE;
        }
    }
    if (dir == NULL || optind != argc) {
        usage(stderr);
        return EXIT_USAGE;
    }

    struct problem problem = {{0}};
    int lock = -1;
    const int r = layout_lock(dir, false, &lock, &problem);
    if (r != 0) {
        fprintf(stderr, "qingfen verify: %s\n", problem.text);
        return r == -ENOENT ? EXIT_USAGE : EXIT_WRONG;
    }
    const int status = verify_locked(dir, deep);
    layout_unlock(lock);
    return status;
}
