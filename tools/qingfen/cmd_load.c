/* load -- as much load as the engine takes, or as much as is asked for, and how long it took.
 *
 * Two modes. Closed loop: a window of batches on every connection, the next one goes when one is
 * answered; this finds the capacity. Open loop (--rate): records have a time at which they are due,
 * and latency counts from it whether or not the client could send then. So a pause of the engine
 * shows in all records that would have come meanwhile (no coordinated omission). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "codec/messages.h"
#include "tools/client/clock.h"
#include "tools/client/fleet.h"
#include "tools/client/histogram.h"
#include "tools/client/outcome.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/load_transfers.h"
#include "tools/qingfen/options.h"
#include "tools/workload/live.h"
#include "types/error.h"

#define DRAIN_NS     (30 * NS_PER_SECOND) /* For the answers after the last record was sent. */
#define LOOK_RECORDS 64                   /* Records between two looks at the sockets, at most. */
#define NAP_NS       (50 * NS_PER_MS)
#define SPIN_NS      (60 * INT64_C(1000)) /* Closer to the next due time there is no sleep. */

static const struct command_help help = {
    .usage = "load [OPTIONS]",
    .about =
        "Sends settlements of the national workload and measures. Without --rate: closed loop, as\n"
        "fast as the engine takes them. With --rate: open loop, latency counts from the time at\n"
        "which a record was due. Latencies are those of whole frames, until the answer is there.\n"
        "The last line of stdout is 'settlements_per_s=N p50_us=N p99_us=N p999_us=N errors=N';\n"
        "exit status 1 when there were errors.\n"
        "With --transfers: opens pairs of wallets and sends money from one to the other, submit "
        "and\n"
        "accept, closed loop; the line begins with 'transfers_per_s=N'. This loosens provincial\n"
        "rules of the store (limits of a day, the night, holds): use a store nobody needs.\n",
    .examples = "  qingfen load --seconds 30\n  qingfen load --seconds 30 --rate 20000\n"
                "  qingfen load --transfers --pairs 20000 --seconds 10\n",
};

struct load {
    struct fleet fleet;
    struct live live;
    struct histogram latency_ns;
    uint64_t accepted;
    uint64_t errors; /* Refused, or recognised as duplicates: these are none. */
    uint64_t sent;
    uint64_t count; /* Records to send; UINT64_MAX: until the time is over. */
    uint64_t rate;  /* Records per second; 0: closed loop. */
    int64_t start_ns;
    int64_t end_ns;      /* Nothing is sent from here on. */
    int64_t answered_ns; /* Of the last answer. */
    int64_t reported_ns;
    uint64_t reported;   /* Accepted then. */
    uint32_t first_code; /* Of the first error, 0: none yet. */
    bool is_lost;
};

static void note_error(struct load *load, uint32_t code, struct lane_slot *slot,
                       const struct frame *reply, uint64_t count)
{
    load->errors += count;
    if (load->first_code != 0 || count == 0) return;
    load->first_code = code == 0 ? ERROR_MALFORMED : code;
    char text[512] = "recognised as sent before";
    if (code != 0) {
        struct batch_outcome batch;
        struct outcome outcome;
        size_t position = 0;
        outcome_text(reply->type, reply->payload, text, sizeof(text));
        if (slot != NULL && slot->type == MESSAGE_SETL_BATCH &&
            batch_outcome_read(reply->payload, &batch)) {
            while (batch_outcome_next(&batch, &position, &outcome) == 1 && outcome.code == 0) {
            }
            if (outcome.code != 0) {
                outcome_text(MESSAGE_SETL_POST | MESSAGE_REPLY_BIT, outcome.reply, text,
                             sizeof(text));
            }
        }
    }
    fprintf(stderr, "qingfen load: first error: %u %s\n", code, text);
}

static bool note_answer(void *owner, struct lane *lane, struct lane_slot *slot,
                        const struct frame *reply)
{
    struct load *load = owner;
    struct batch_outcome batch = {0};
    struct outcome outcome = {0};
    if (slot == NULL) {
        snprintf(lane->client.text, sizeof(lane->client.text), "the engine cannot read us");
        return true;
    }
    load->answered_ns = clock_ns();
    const int64_t taken = load->answered_ns - slot->since_ns;
    histogram_add(&load->latency_ns, taken < 0 ? 0 : (uint64_t)taken, slot->count);

    if (reply->type == (MESSAGE_SETL_BATCH | MESSAGE_REPLY_BIT)) {
        if (!batch_outcome_read(reply->payload, &batch)) batch.code = ERROR_MALFORMED;
        const uint64_t good = batch.code == 0 ? batch.accepted : 0;
        const uint32_t code = batch.code != 0 ? batch.code
                              : batch.rejected > 0
                                  ? ERROR_ARITHMETIC /* Any: the text is looked up. */
                                  : 0;
        load->accepted += good;
        note_error(load, code, slot, reply, slot->count - good);
    } else {
        if (!outcome_read(reply->payload, &outcome)) outcome.code = ERROR_MALFORMED;
        const bool good = reply->type != MESSAGE_ERROR && outcome.code == 0 && !outcome.dup;
        load->accepted += good;
        note_error(load, outcome.code, slot, reply, !good);
    }
    return true;
}

/* The engine's clock now, for setl_time: a manual clock stands still. */
static int64_t engine_now(const struct load *load, int64_t now_ns)
{
    if (load->fleet.manual_clock) return load->fleet.engine_ms;
    return load->fleet.engine_ms + (now_ns - load->fleet.engine_at_ns) / NS_PER_MS;
}

static void report(struct load *load, int64_t now_ns)
{
    if (now_ns - load->reported_ns < NS_PER_SECOND) return;
    const uint64_t ms = (uint64_t)((now_ns - load->reported_ns) / NS_PER_MS);
    fprintf(stderr, "%4d s  %9llu/s  p50 %llu us  p99 %llu us  errors %llu\n",
            (int)((now_ns - load->start_ns) / NS_PER_SECOND),
            (unsigned long long)((load->accepted - load->reported) * 1000 / ms),
            (unsigned long long)histogram_quantile(&load->latency_ns, 500000) / 1000,
            (unsigned long long)histogram_quantile(&load->latency_ns, 990000) / 1000,
            (unsigned long long)load->errors);
    load->reported_ns = now_ns;
    load->reported = load->accepted;
}

static int pump(struct load *load, int64_t wait_ns)
{
    const int r = fleet_pump(&load->fleet, wait_ns);
    report(load, clock_ns());
    return r;
}

/* Makes a record and lays it into its lane, waiting for room. `due_ns` 0: closed loop. */
static int send_one(struct load *load, int64_t now_ns, int64_t due_ns)
{
    struct lane *lane = fleet_lane(&load->fleet, live_draw(&load->live));
    while (!lane_has_room(lane)) {
        const int r = pump(load, NAP_NS);
        if (r != 0) return r;
    }
    const size_t size = live_write(&load->live, engine_now(load, now_ns), lane_reserve(lane));
    struct lane_slot *slot = lane_commit(lane, size, load->sent);
    /* The first record of a frame has waited longest: its due time is the frame's. */
    if (due_ns != 0 && slot->count == 1) slot->since_ns = due_ns;
    load->sent++;
    return 0;
}

static int run_closed(struct load *load)
{
    for (;;) {
        const int64_t now = clock_ns();
        if (now >= load->end_ns) return 0;
        for (uint32_t i = 0; i < LOOK_RECORDS; i++) {
            if (load->sent == load->count) return 0;
            const int r = send_one(load, now, 0);
            if (r != 0) return r;
        }
        /* Waiting is done in send_one(), when a lane is full. */
        if (load->sent / LOOK_RECORDS % 8 != 0) continue;
        const int r = pump(load, 0);
        if (r != 0) return r;
    }
}

static int64_t due_time(const struct load *load, uint64_t number)
{
    return load->start_ns + (int64_t)((unsigned __int128)number * NS_PER_SECOND / load->rate);
}

static int run_open(struct load *load)
{
    for (;;) {
        int64_t now = clock_ns();
        int64_t due = due_time(load, load->sent);
        for (uint32_t i = 0; due <= now && i < LOOK_RECORDS; i++) {
            if (due >= load->end_ns || load->sent == load->count) return 0;
            const int r = send_one(load, now, due);
            if (r != 0) return r;
            due = due_time(load, load->sent);
        }
        if (due >= load->end_ns) return 0;
        now = clock_ns();
        const int64_t left = due - now;
        const int64_t nap = left > NAP_NS ? NAP_NS : left - SPIN_NS;
        const int r = pump(load, nap > 0 ? nap : 0);
        if (r != 0) return r;
    }
}

/* Waits for what is open. */
static int drain(struct load *load)
{
    const int64_t deadline = clock_ns() + DRAIN_NS;
    fleet_seal(&load->fleet);
    while (fleet_open_records(&load->fleet) > 0 && clock_ns() < deadline) {
        const int r = pump(load, NAP_NS);
        if (r != 0) return r;
    }
    return 0;
}

static int print_result(struct load *load)
{
    const uint64_t open = fleet_open_records(&load->fleet);
    const int64_t end = load->answered_ns > load->start_ns ? load->answered_ns : load->start_ns + 1;
    const uint64_t per_second =
        (uint64_t)((unsigned __int128)load->accepted * NS_PER_SECOND / (end - load->start_ns));
    const struct histogram *latency = &load->latency_ns;
    load->errors += open;
    if (load->is_lost) fprintf(stderr, "qingfen load: %s\n", load->fleet.text);
    if (open > 0) {
        fprintf(stderr, "qingfen load: %llu records have no answer\n", (unsigned long long)open);
    }
    printf("settlements_per_s=%llu p50_us=%llu p99_us=%llu p999_us=%llu errors=%llu\n",
           (unsigned long long)per_second,
           (unsigned long long)histogram_quantile(latency, 500000) / 1000,
           (unsigned long long)histogram_quantile(latency, 990000) / 1000,
           (unsigned long long)histogram_quantile(latency, 999000) / 1000,
           (unsigned long long)load->errors);
    return load->errors > 0 || load->is_lost ? EXIT_FAILED : EXIT_DONE;
}

static int run(struct load *load, uint64_t seconds)
{
    load->start_ns = clock_ns();
    load->reported_ns = load->start_ns;
    load->end_ns = load->start_ns + (int64_t)seconds * NS_PER_SECOND;
    int r = load->rate == 0 ? run_closed(load) : run_open(load);
    if (r == 0) r = drain(load);
    load->is_lost = r != 0;
    const int status = print_result(load);
    fleet_close(&load->fleet);
    return status;
}

/* Tells this run from all others: tenths of seconds, and the process for runs begun together. */
static uint32_t run_number(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint32_t)((uint64_t)now.tv_sec * 10 + (uint64_t)now.tv_nsec / 100000000 +
                      (uint64_t)getpid() * 7919);
}

int cmd_load(int argc, char **argv)
{
    static struct load load; /* Its histogram is too large for the stack. */
    struct fleet_options options = {.address = options_address()};
    uint64_t seconds = 0;
    uint64_t lanes = 0;
    uint64_t count = 0;
    uint64_t batch = 0;
    uint64_t window = 0;
    uint64_t seed = run_number();
    uint64_t pairs = 20000;
    bool transfers = false;
    load = (struct load){0};
    const struct option_spec specs[] = {
        OPTION_TO(&options.address),
        {"seconds", OPTION_NUMBER, &seconds, "N", "how long (default 10, with --count: no limit)",
         1, 1000000},
        {"rate", OPTION_NUMBER, &load.rate, "R", "settlements per second, open loop", 1, 100000000},
        {"connections", OPTION_NUMBER, &lanes, "C", "connections (default: one for each shard)", 1,
         FLEET_LANES_MAX},
        {"count", OPTION_NUMBER, &count, "N", "stop after so many settlements", 1, UINT64_MAX},
        {"seed", OPTION_NUMBER, &seed, "S", "of the workload (default: from the clock)", 0, 0},
        {"batch", OPTION_NUMBER, &batch, "N", "records in a frame (default 512, with --rate 1)", 1,
         BATCH_RECORDS_MAX},
        {"window", OPTION_NUMBER, &window, "N",
         "frames under way on a connection (default 8, with --rate 16384)", 1, 65536},
        {"transfers", OPTION_FLAG, &transfers, NULL, "wallet transfers instead of settlements", 0,
         0},
        {"pairs", OPTION_NUMBER, &pairs, "N", "with --transfers: givers and receivers", 1,
         10000000},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    if (transfers) {
        const struct load_transfers wanted = {
            .address = options.address,
            .pairs = pairs,
            .seconds = seconds == 0 ? (count == 0 ? 10 : 1000000) : seconds,
            .count = count == 0 ? UINT64_MAX : count,
            .window = window == 0 ? 4096 : window,
            .seed = seed,
            .lanes = (uint32_t)lanes,
        };
        return load_transfers_run(&wanted);
    }
    if (batch == 0) batch = load.rate == 0 ? 512 : 1;
    if (window == 0) window = batch > 1 ? 8 : 16384;
    if (seconds == 0) seconds = count == 0 ? 10 : 1000000;
    load.count = count == 0 ? UINT64_MAX : count;
    options.lanes = (uint32_t)lanes;
    options.batch = (uint32_t)batch;
    options.window = (uint32_t)window;
    options.answered = note_answer;
    options.owner = &load;
    live_init(&load.live, LIVE_NATIONAL, seed, run_number(), 0);
    if (fleet_open(&load.fleet, &options) != 0) {
        fprintf(stderr, "qingfen load: %s\n", load.fleet.text);
        return EXIT_FAILED;
    }
    return run(&load, seconds);
}
