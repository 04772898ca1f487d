/* qingfen-sim -- simulated histories: centres, clients and faults from seeds, each judged in its
 * end.
 *
 * A failing history prints what is wrong in one sentence, is made smaller when that was asked for,
 * and is printed with the command that lives it again. Exit 1 then. */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/sim/apart.h"
#include "tests/sim/shrink.h"
#include "tests/sim/workload.h"

#define SHRINK_SECONDS 60
#define APART_SECONDS  600 /* Of processor time, for a history that may not end. */

struct options {
    struct sim_plan plan;
    uint64_t histories;
    double minutes; /* 0: until `histories` are lived. */
    bool verbose;
    double shrink_seconds; /* 0: a failing history stays as it is. */
    bool twice;            /* Each history is lived a second time and must be the same. */
    bool types;            /* Every type of message must have been sent. */
    bool go_on;            /* After a failing history, too. */
};

static struct totals {
    uint64_t histories;
    uint64_t failed;
    uint64_t refused;
    uint64_t messages;
    uint64_t accepted;
    uint64_t entries;
    struct sim_counts counts;
    uint64_t types[SIM_TYPES_MAX];
} totals;

static double seconds_of(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void usage(FILE *out)
{
    fprintf(
        out,
        "usage: qingfen-sim [options]\n"
        "\n"
        "  --seed N        the first history's seed; the next one has the next (1)\n"
        "  --histories N   so many (10)\n"
        "  --minutes N     go on for so long instead; parts of a minute can be said\n"
        "  --messages N    of each history; a batch counts its records (2000)\n"
        "  --shards N      1 to 8; else chosen by the seed\n"
        "  --persons N     12 to 4096; else as fits the messages\n"
        "  --faults WHAT   names with commas between, see below (all)\n"
        "  --luck N        the same things go wrong at other moments\n"
        "  --calm-after N  after so many events nothing goes wrong any more\n"
        "  --events-max N  a history that takes more events has no end, and fails\n"
        "  --heavy         nearly all messages are settlements in batches\n"
        "  --absent BITS   clients that stay away\n"
        "  --mute TYPES    types of messages that are never sent, hexadecimal, with commas\n"
        "  --only LIST     the only messages that are sent: client:number or client:first-last\n"
        "  --shrink[=N]    make a failing history smaller, in N seconds at most (60)\n"
        "  --twice         live each history twice: it must be the same, to the byte\n"
        "  --types         fail when a type of message was never sent\n"
        "  --go-on         do not stop at the first history that fails\n"
        "  -v              one line a history, with its digest\n"
        "\n"
        "faults: ");
    plan_print_fault_names(out);
    fprintf(out, "\n");
}

/* -- one history ------------------------------------------------------------------------------ */

static void add(const struct sim_outcome *outcome)
{
    totals.histories++;
    totals.failed += outcome->failed;
    totals.refused += outcome->refused;
    totals.messages += outcome->messages;
    totals.accepted += outcome->accepted;
    totals.entries += outcome->entries;
    totals.counts.events += outcome->counts.events;
    totals.counts.crashes += outcome->counts.crashes;
    totals.counts.starts += outcome->counts.starts;
    totals.counts.blocks += outcome->counts.blocks;
    totals.counts.faults += outcome->counts.faults;
    totals.counts.read_errors += outcome->counts.read_errors;
    totals.counts.records_unread += outcome->counts.records_unread;
    for (int i = 0; i < SIM_TYPES_MAX; i++)
        totals.types[i] += outcome->types[i];
}

static void print_history(const struct sim_plan *plan, const struct sim_outcome *outcome)
{
    printf("seed %" PRIu64 ": digest %016" PRIx64 ", messages %" PRIu64 ", entries %" PRIu64
           ", events %" PRIu64 ", crashes %" PRIu64 ", faults %" PRIu64 "%s%s\n",
           plan->seed, outcome->digest, outcome->messages, outcome->entries, outcome->counts.events,
           outcome->counts.crashes, outcome->counts.faults, outcome->refused ? ", refused: " : "",
           outcome->refused ? outcome->refusal : "");
}

static void print_again(const struct sim_plan *plan)
{
    printf("again: ");
    plan_print(plan, stdout);
}

static uint32_t ones(uint32_t bits)
{
    return (uint32_t)__builtin_popcount(bits);
}

/* What a history is made of, in a line. */
static void print_size(const char *when, const struct sim_plan *plan,
                       const struct sim_outcome *outcome)
{
    uint32_t messages = 0, clients = 0;
    for (uint32_t i = 0; i < TOWN_CLIENTS_MAX; i++) {
        const uint32_t before = messages;
        for (uint32_t n = 0; n < TOWN_PICKS_ROW; n++)
            messages += town_picked(&outcome->said, i, n);
        clients += messages != before;
    }
    printf("%s %" PRIu64 " events, %u messages of %u clients, %u of %u kinds of faults, %u shards, "
           "%" PRIu64 " crashes, %" PRIu64 " faults\n",
           when, outcome->counts.events, messages, clients, ones(plan->faults), SIM_FAULTS,
           outcome->shards, outcome->counts.crashes, outcome->counts.faults);
}

static void print_failure(const struct options *options, const struct sim_plan *plan,
                          const struct sim_outcome *outcome)
{
    static struct sim_shrunk shrunk;
    printf("seed %" PRIu64 " FAILS: %s\n", plan->seed, outcome->what);
    print_again(plan);
    fflush(stdout);
    if (options->shrink_seconds <= 0) return;
    sim_shrink(plan, outcome, options->shrink_seconds, &shrunk);
    printf("smaller, after %u histories%s: %s\n", shrunk.tries,
           shrunk.late ? ", and the time was up" : "", shrunk.outcome.what);
    print_size("before:", plan, outcome);
    print_size("after: ", &shrunk.plan, &shrunk.outcome);
    print_again(&shrunk.plan);
    fflush(stdout);
}

/* Lives it; true when all is well. */
static bool live(const struct options *options, uint64_t seed)
{
    struct sim_plan plan = options->plan;
    static struct sim_outcome outcome, second;
    plan.seed = seed;
    if (options->shrink_seconds > 0) {
        sim_live_apart(&plan, APART_SECONDS, &outcome);
    } else {
        sim_live(&plan, &outcome);
    }
    add(&outcome);
    if (options->verbose) print_history(&plan, &outcome);
    if (outcome.failed) {
        print_failure(options, &plan, &outcome);
        return false;
    }
    if (!options->twice) return true;
    sim_live(&plan, &second);
    if (second.digest == outcome.digest) return true;
    printf("seed %" PRIu64 " FAILS: lived twice it is two histories, %016" PRIx64 " and %016" PRIx64
           "\n",
           seed, outcome.digest, second.digest);
    print_again(&plan);
    totals.failed++;
    return false;
}

/* -- all of them ------------------------------------------------------------------------------ */

static void progress(double seconds)
{
    if (isatty(STDERR_FILENO) != 1) return;
    fprintf(stderr, "\r%" PRIu64 " histories, %" PRIu64 " messages, %.1f s \033[K",
            totals.histories, totals.messages, seconds);
}

static bool check_types(void)
{
    bool all = true;
    for (uint32_t i = 0; town_type(i) != 0; i++) {
        if (totals.types[i] != 0) continue;
        printf("FAILS: no client sent a message of type %04x\n", town_type(i));
        all = false;
    }
    return all;
}

static int run(const struct options *options)
{
    const double began = seconds_of(CLOCK_MONOTONIC);
    double seconds = 0;
    bool good = true;
    for (uint64_t i = 0;
         options->minutes > 0 ? seconds < options->minutes * 60 : i < options->histories; i++) {
        const bool well = live(options, options->plan.seed + i);
        good = good && well;
        seconds = seconds_of(CLOCK_MONOTONIC) - began;
        progress(seconds);
        if (!well && !options->go_on) break;
    }
    if (isatty(STDERR_FILENO) == 1) fprintf(stderr, "\r\033[K");
    if (options->types && good) good = check_types();
    const double own = seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    printf("histories=%" PRIu64 " failed=%" PRIu64 " refused=%" PRIu64 " events=%" PRIu64
           " messages=%" PRIu64 " accepted=%" PRIu64 " entries=%" PRIu64 " crashes=%" PRIu64
           " starts=%" PRIu64 " faults=%" PRIu64 " read_errors=%" PRIu64 " records_unread=%" PRIu64
           " core_seconds=%.1f messages_per_core_minute=%.0f\n",
           totals.histories, totals.failed, totals.refused, totals.counts.events, totals.messages,
           totals.accepted, totals.entries, totals.counts.crashes, totals.counts.starts,
           totals.counts.faults, totals.counts.read_errors, totals.counts.records_unread, own,
           own > 0 ? (double)totals.messages / own * 60 : 0.0);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"seed", required_argument, NULL, 's'},
        {"histories", required_argument, NULL, 'n'},
        {"minutes", required_argument, NULL, 'm'},
        {"messages", required_argument, NULL, 'M'},
        {"shards", required_argument, NULL, 'S'},
        {"faults", required_argument, NULL, 'f'},
        {"absent", required_argument, NULL, 'a'},
        {"luck", required_argument, NULL, 'l'},
        {"heavy", no_argument, NULL, 'H'},
        {"persons", required_argument, NULL, 'p'},
        {"calm-after", required_argument, NULL, 'c'},
        {"events-max", required_argument, NULL, 'e'},
        {"mute", required_argument, NULL, 'u'},
        {"only", required_argument, NULL, 'o'},
        {"shrink", optional_argument, NULL, 'x'},
        {"twice", no_argument, NULL, 't'},
        {"types", no_argument, NULL, 'T'},
        {"go-on", no_argument, NULL, 'g'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {
        .plan = {.seed = 1, .messages = 2000, .faults = SIM_FAULTS_ALL},
        .histories = 10,
    };
    static struct town_picks only;
    int option;
    setvbuf(stdout, NULL, _IOLBF, 0); /* What a history that aborts leaves is the line before. */
    while ((option = getopt_long(argc, argv, "hv", long_options, NULL)) != -1) {
        switch (option) {
        case 's':
            options.plan.seed = strtoull(optarg, NULL, 0);
            break;
        case 'n':
            options.histories = strtoull(optarg, NULL, 0);
            break;
        case 'm':
            options.minutes = strtod(optarg, NULL);
            break;
        case 'M':
            options.plan.messages = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'S':
            options.plan.shards = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'p':
            options.plan.persons = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'l':
            options.plan.luck = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'c':
            options.plan.calm_after = strtoull(optarg, NULL, 0);
            break;
        case 'e':
            options.plan.events_max = strtoull(optarg, NULL, 0);
            break;
        case 'a':
            options.plan.absent = (uint32_t)strtoul(optarg, NULL, 0);
            break;
        case 'H':
            options.plan.heavy = true;
            break;
        case 'x':
            options.shrink_seconds = optarg == NULL ? SHRINK_SECONDS : strtod(optarg, NULL);
            break;
        case 't':
            options.twice = true;
            break;
        case 'T':
            options.types = true;
            break;
        case 'g':
            options.go_on = true;
            break;
        case 'v':
            options.verbose = true;
            break;
        case 'f':
            if (plan_read_faults(optarg, &options.plan.faults)) break;
            fprintf(stderr, "qingfen-sim: no fault is called so: %s\n", optarg);
            return 2;
        case 'u':
            if (plan_read_mute(optarg, options.plan.mute)) break;
            fprintf(stderr, "qingfen-sim: no types of messages: %s\n", optarg);
            return 2;
        case 'o':
            options.plan.only = &only;
            if (plan_read_only(optarg, &only)) break;
            fprintf(stderr, "qingfen-sim: no list of messages: %s\n", optarg);
            return 2;
        default:
            usage(option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_SUCCESS : 2;
        }
    }
    const uint32_t persons = options.plan.persons;
    if (optind != argc || options.plan.shards > 8 || persons > TOWN_PERSONS_MAX ||
        (persons != 0 && persons < sim_workload_persons(0))) {
        usage(stderr);
        return 2;
    }
    return run(&options);
}
