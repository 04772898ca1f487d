/* load -- as much load as the engine takes, or as much as is asked for, and how long it took.
 *
 * Options, the steps one after the other, and what is told of them; load_run.c sends and measures.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "tools/client/clock.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/load_run.h"
#include "tools/qingfen/load_threshold.h"
#include "tools/qingfen/load_transfers.h"
#include "tools/qingfen/options.h"

#define STEPS_MAX     32
#define RATE_MAX      100000000
#define SECONDS_MAX   1000000
#define SECONDS       10
#define CLOSED_BATCH  512
#define CLOSED_FRAMES 16
#define OPEN_FRAMES   16384
#define PATIENCE      30

static const struct command_help help = {
    .usage = "load [OPTIONS]",
    .about =
        "Sends settlements and measures. Without --rate: closed loop, as fast as the engine takes\n"
        "them; latencies are those of whole frames. With --rate: open loop, latency counts from\n"
        "the time at which a record was due, also when it could not be sent then; several rates\n"
        "are run one after the other, each for --seconds.\n"
        "Shapes: national (flows, classes and amounts of the country), month (the same with\n"
        "refunds and duplicates, as gen), random-ids, one-province, duplicates, refunds, tiny,\n"
        "max.\n"
        "Thresholds: QUANTITY OPERATOR NUMBER[UNIT], of p50 p90 p99 p999 p9999 max\n"
        "settlements_per_s errors, with < <= > >=, units us (when none is said), ms, s; each run\n"
        "has to keep to each.\n"
        "The last line of stdout is 'settlements_per_s=N p50_us=N p99_us=N p999_us=N errors=N',\n"
        "for several rates that of the last. Exit status 1 when a threshold was not met, or there\n"
        "were errors and no threshold speaks of errors.\n"
        "With --transfers: opens pairs of wallets and sends money from one to the other, submit "
        "and\n"
        "accept, closed loop; the line begins with 'transfers_per_s=N'. This loosens provincial\n"
        "rules of the store (limits of a day, the night, holds): use a store nobody needs.\n",
    .examples = "  qingfen load --seconds 30\n"
                "  qingfen load --seconds 30 --rate 20000,50000,100000 --threshold 'p99<5ms'\n"
                "  qingfen load --shape random-ids --json random.json --hgrm random.hgrm\n"
                "  qingfen load --transfers --pairs 20000 --seconds 10\n",
};

/* What was asked for. */
struct wish {
    struct client_address address;
    const char *shape_name;
    const char *rates;
    const char *json;
    const char *hgrm;
    struct option_texts thresholds;
    uint64_t seconds;
    uint64_t lanes;
    uint64_t count;
    uint64_t seed;
    uint64_t batch;
    uint64_t window;
    uint64_t patience;
    uint64_t pairs;
    bool transfers;
};

struct load {
    struct wish wish;
    enum live_shape shape;
    struct load_step steps[STEPS_MAX];
    uint32_t step_count;
    struct threshold thresholds[OPTION_TEXTS_MAX];
    struct load_run run;
    struct load_result results[STEPS_MAX];
    uint32_t result_count;
};

/* ---- What was asked for ---- */

static int read_shape(struct load *load)
{
    for (int i = 0; i < LIVE_SHAPE_COUNT; i++) {
        if (strcmp(load->wish.shape_name, live_shape_names[i]) != 0) continue;
        load->shape = (enum live_shape)i;
        return OPTIONS_GO;
    }
    return options_refuse(&help,
                          "--shape '%s': it should be national, month, random-ids, one-province, "
                          "duplicates, refunds, tiny or max",
                          load->wish.shape_name);
}

/* "20000" or "20000,50000", the rates of the steps; none: one step, a closed loop. */
static int read_rates(struct load *load)
{
    const char *at = load->wish.rates;
    load->step_count = at == NULL;
    while (at != NULL) {
        char word[24];
        uint64_t rate;
        const size_t size = strcspn(at, ",");
        snprintf(word, sizeof(word), "%.*s", (int)size, at);
        if (size >= sizeof(word) || !number_parse(word, &rate) || rate == 0 || rate > RATE_MAX) {
            return options_refuse(&help,
                                  "--rate '%s': '%.*s' should be settlements per second, a whole "
                                  "number from 1 to %d",
                                  load->wish.rates, (int)size, at, RATE_MAX);
        }
        if (load->step_count == STEPS_MAX)
            return options_refuse(&help, "--rate: at most %d rates", STEPS_MAX);
        load->steps[load->step_count++].rate = rate;
        at = at[size] == ',' ? at + size + 1 : NULL;
    }
    return OPTIONS_GO;
}

static int read_thresholds(struct load *load)
{
    char why[THRESHOLD_WHY_SIZE];
    for (uint32_t i = 0; i < load->wish.thresholds.count; i++) {
        const char *text = load->wish.thresholds.texts[i];
        if (!threshold_parse(text, &load->thresholds[i], why))
            return options_refuse(&help, "--threshold '%s': %s", text, why);
    }
    return OPTIONS_GO;
}

/* What nobody said. */
static void fill_in(struct load *load)
{
    struct wish *wish = &load->wish;
    const bool open = wish->rates != NULL;
    if (wish->batch == 0) wish->batch = open ? 1 : CLOSED_BATCH;
    if (wish->window == 0) wish->window = wish->batch > 1 ? CLOSED_FRAMES : OPEN_FRAMES;
    if (wish->seconds == 0) wish->seconds = wish->count == 0 ? SECONDS : SECONDS_MAX;
    for (uint32_t i = 0; i < load->step_count; i++) {
        load->steps[i].for_ns = (int64_t)wish->seconds * NS_PER_SECOND;
        load->steps[i].count = wish->count == 0 ? UINT64_MAX : wish->count;
    }
}

/* ---- What came out ---- */

static int write_json(const struct load *load)
{
    const struct wish *wish = &load->wish;
    const struct load_fact facts[] = {
        {"shape", wish->shape_name, 0},
        {"rate", wish->rates == NULL ? "closed loop" : wish->rates, 0},
        {"seconds", NULL, wish->seconds},
        {"count", NULL, wish->count},
        {"connections", NULL, load->run.fleet.lane_count},
        {"shards", NULL, load->run.fleet.shards},
        {"batch", NULL, wish->batch},
        {"window", NULL, wish->window},
        {"seed", NULL, wish->seed},
        {"patience", NULL, wish->patience},
        {0},
    };
    return load_result_write_json(wish->json, facts, load->results, load->result_count);
}

/* False when a threshold was not met, or there were errors that none speaks of. */
static bool judge(const struct load *load)
{
    bool good = true;
    for (uint32_t r = 0; r < load->result_count; r++) {
        const struct load_result *result = &load->results[r];
        bool errors_judged = false;
        for (uint32_t t = 0; t < load->wish.thresholds.count; t++) {
            const struct threshold *threshold = &load->thresholds[t];
            char found[THRESHOLD_WHY_SIZE];
            errors_judged = errors_judged || threshold->quantity == THRESHOLD_ERRORS;
            if (threshold_holds(threshold, result)) continue;
            good = false;
            threshold_found(threshold, result, found);
            fprintf(stderr, "qingfen load: not met: %s: %s", threshold->text, found);
            if (result->offered_per_s != 0) {
                fprintf(stderr, " at %llu/s", (unsigned long long)result->offered_per_s);
            }
            fputc('\n', stderr);
        }
        good = good && (errors_judged || result->errors == 0);
    }
    return good;
}

static bool said_well(const char *path, int r)
{
    if (r == 0) return true;
    fprintf(stderr, "qingfen load: cannot write %s: %s\n", path, strerror(-r));
    return false;
}

/* ---- The steps ---- */

/* Originals for all refunds to come: as many as are due, or as go in the same time. */
static bool send_originals(struct load *load)
{
    struct load_step step = {.for_ns = load->steps[0].for_ns, .count = 0};
    struct load_result result;
    for (uint32_t i = 0; i < load->step_count; i++) {
        const struct load_step *later = &load->steps[i];
        uint64_t due = later->count;
        if (later->rate != 0) {
            const uint64_t in_time = later->rate * load->wish.seconds;
            if (in_time < due) due = in_time;
            step.for_ns = SECONDS_MAX * NS_PER_SECOND;
        }
        step.count = due == UINT64_MAX ? due : step.count + due;
    }
    load->run.is_quiet = true;
    const bool good = load_run_step(&load->run, step, &result) && result.errors == 0;
    load->run.is_quiet = false;
    if (!good || result.records == 0) {
        fprintf(stderr, "qingfen load: the originals of the refunds were not all accepted\n");
        return false;
    }
    fprintf(stderr, "%llu originals are in\n", (unsigned long long)result.records);
    live_turn(&load->run.live);
    return true;
}

/* All of them, or up to the first that cannot be ended. */
static bool run_steps(struct load *load)
{
    const bool several = load->step_count > 1;
    if (load->shape == LIVE_REFUNDS && !send_originals(load)) return false;
    for (uint32_t i = 0; i < load->step_count; i++) {
        struct load_result *result = &load->results[i];
        if (several) fprintf(stderr, "%llu/s\n", (unsigned long long)load->steps[i].rate);
        const bool whole = load_run_step(&load->run, load->steps[i], result);
        load->result_count++;
        const char *hgrm = load->wish.hgrm;
        if (hgrm != NULL &&
            !said_well(hgrm, load_result_write_hgrm(hgrm, several, result, &load->run.latency_ns)))
            return false;
        if (!whole) return false;
    }
    return true;
}

static int run(struct load *load)
{
    const struct fleet_options options = {
        .address = load->wish.address,
        .lanes = (uint32_t)load->wish.lanes,
        .batch = (uint32_t)load->wish.batch,
        .window = (uint32_t)load->wish.window,
    };
    if (load_run_open(&load->run, options) != 0) {
        fprintf(stderr, "qingfen load: %s\n", load->run.fleet.text);
        return EXIT_FAILED;
    }
    bool good = run_steps(load);
    if (load->run.is_lost) fprintf(stderr, "qingfen load: %s\n", load->run.fleet.text);
    if (load->result_count > 0) {
        if (load->wish.json != NULL) good = said_well(load->wish.json, write_json(load)) && good;
        load_result_print(load->results, load->result_count);
        good = judge(load) && good;
    }
    load_run_close(&load->run);
    return good ? EXIT_DONE : EXIT_FAILED;
}

/* Tells this run from all others: tenths of seconds, and the process for runs begun together. */
static uint32_t run_number(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 10 + (uint64_t)now.tv_nsec / 100000000 +
                      (uint64_t)getpid() * 7919);
}

static int run_transfers(const struct wish *wish)
{
    const bool other = wish->rates != NULL || wish->json != NULL || wish->hgrm != NULL ||
                       wish->thresholds.count > 0;
    if (other) {
        return options_refuse(&help, "--transfers goes without --rate, --threshold, --json and "
                                     "--hgrm");
    }
    const struct load_transfers wanted = {
        .address = wish->address,
        .pairs = wish->pairs,
        .seconds = wish->seconds != 0 ? wish->seconds
                   : wish->count == 0 ? SECONDS
                                      : SECONDS_MAX,
        .count = wish->count == 0 ? UINT64_MAX : wish->count,
        .window = wish->window == 0 ? 4096 : wish->window,
        .seed = wish->seed,
        .lanes = (uint32_t)wish->lanes,
    };
    return load_transfers_run(&wanted);
}

int cmd_load(int argc, char **argv)
{
    static struct load load; /* Its histograms are too large for the stack. */
    memset(&load, 0, sizeof(load));
    struct wish *wish = &load.wish;
    wish->address = options_address();
    wish->shape_name = live_shape_names[LIVE_NATIONAL];
    wish->seed = run_number();
    wish->patience = PATIENCE;
    wish->pairs = 20000;
    const struct option_spec specs[] = {
        OPTION_TO(&wish->address),
        {"seconds", OPTION_NUMBER, &wish->seconds, "N",
         "how long a run is (default 10, with --count: no limit)", 1, SECONDS_MAX},
        {"rate", OPTION_TEXT, &wish->rates, "R[,R…]", "settlements per second, open loop", 0, 0},
        {"shape", OPTION_TEXT, &wish->shape_name, "SHAPE", "of the workload (default national)", 0,
         0},
        {"connections", OPTION_NUMBER, &wish->lanes, "C",
         "connections (default: one for each shard)", 1, FLEET_LANES_MAX},
        {"count", OPTION_NUMBER, &wish->count, "N", "end a run after so many settlements", 1,
         UINT64_MAX - 1},
        {"seed", OPTION_NUMBER, &wish->seed, "S", "of the workload (default: from the clock)", 0,
         0},
        {"batch", OPTION_NUMBER, &wish->batch, "N",
         "records in a frame (default 512, with --rate 1)", 1, BATCH_RECORDS_MAX},
        {"window", OPTION_NUMBER, &wish->window, "N",
         "frames under way on a connection (default 16, with --rate 16384)", 1, 65536},
        {"threshold", OPTION_TEXTS, &wish->thresholds, "EXPR",
         "what must hold, such as 'p99<5ms'; again and again", 0, 0},
        {"json", OPTION_TEXT, &wish->json, "FILE", "write the results as JSON", 0, 0},
        {"hgrm", OPTION_TEXT, &wish->hgrm, "FILE",
         "write the latencies for HdrHistogram's plotter, in us", 0, 0},
        {"patience", OPTION_NUMBER, &wish->patience, "N",
         "seconds to wait for what is late at the end (default 30)", 1, 3600},
        {"transfers", OPTION_FLAG, &wish->transfers, NULL,
         "wallet transfers instead of settlements", 0, 0},
        {"pairs", OPTION_NUMBER, &wish->pairs, "N", "with --transfers: givers and receivers", 1,
         10000000},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (wish->transfers) return run_transfers(wish);

    status = read_shape(&load);
    if (status == OPTIONS_GO) status = read_rates(&load);
    if (status == OPTIONS_GO) status = read_thresholds(&load);
    if (status != OPTIONS_GO) return status;
    fill_in(&load);
    load.run.patience_ns = (int64_t)wish->patience * NS_PER_SECOND;
    live_init(&load.run.live, load.shape, wish->seed, run_number(), 0);
    return run(&load);
}
