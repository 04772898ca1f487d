/* month_feed -- a month of the national workload, made and sent in one process.
 *
 * `qingfen gen | qingfen send -` does the same in two, and hashes every person's number as the edge
 * must (HMAC-SM3): so the generator, not the engine, would be what a year waits for. Here the
 * person is a quick hash of the same number. Everything else is the workload as it is, and every
 * record is waited for until it is durable. Prints one line of JSON. Must not know what a month is
 * worth. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "codec/messages.h"
#include "tools/client/clock.h"
#include "tools/qingfen/sender.h"
#include "tools/workload/summary.h"
#include "types/ensure.h"
#include "util/checksum.h"

#define EXIT_FAILED 1
#define EXIT_USAGE  2

static const char usage[] =
    "usage: month_feed --to HOST:PORT --month YYYY-MM [--count N] [--seed S]\n"
    "                  [--after YYYY-MM --after-count N] [--batch N] [--window N]\n"
    "\n"
    "Sends a month of the national workload, the same as `qingfen gen` makes but for psn_key,\n"
    "and waits until every record is durable. Prints one line of JSON: what was made, what the\n"
    "engine said, bytes of the records, seconds by the clock and of processor.\n"
    "\n"
    "  --count N              settlements and refunds of the month (default 100000)\n"
    "  --after, --after-count an earlier month, and its count, some of whose records are refunded\n"
    "  --batch N              records in a frame (default 512)\n"
    "  --window N             frames under way on a connection (default 8)\n";

struct options {
    struct workload_config workload;
    struct fleet_options fleet;
};

static bool read_number(const char *text, uint64_t most, uint64_t *ret_number)
{
    char *end;
    errno = 0;
    *ret_number = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *ret_number <= most;
}

/* "YYYY-MM"; what month it is, workload_config_check() asks. */
static bool read_month(const char *text, uint32_t *ret_month)
{
    uint64_t year;
    uint64_t month;
    char digits[5] = {0};
    if (strlen(text) != 7 || text[4] != '-') return false;
    memcpy(digits, text, 4);
    if (!read_number(digits, 9999, &year) || !read_number(text + 5, 99, &month)) return false;
    *ret_month = (uint32_t)(year * 100 + month);
    return true;
}

static bool take_option(struct options *options, int letter, const char *text)
{
    uint64_t number;
    switch (letter) {
    case 't':
        return client_address_parse(text, &options->fleet.address);
    case 'm':
        return read_month(text, &options->workload.month);
    case 'a':
        return read_month(text, &options->workload.after);
    case 'n':
        return read_number(text, WORKLOAD_COUNT_MAX, &options->workload.count);
    case 'p':
        return read_number(text, WORKLOAD_COUNT_MAX, &options->workload.after_count);
    case 's':
        return read_number(text, UINT64_MAX, &options->workload.seed);
    case 'b':
        if (!read_number(text, BATCH_RECORDS_MAX, &number) || number == 0) return false;
        options->fleet.batch = (uint32_t)number;
        return true;
    case 'w':
        if (!read_number(text, 1024, &number) || number == 0) return false;
        options->fleet.window = (uint32_t)number;
        return true;
    default:
        return false;
    }
}

/* -1 to go on, else an exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"to", required_argument, NULL, 't'},    {"month", required_argument, NULL, 'm'},
        {"count", required_argument, NULL, 'n'}, {"seed", required_argument, NULL, 's'},
        {"after", required_argument, NULL, 'a'}, {"after-count", required_argument, NULL, 'p'},
        {"batch", required_argument, NULL, 'b'}, {"window", required_argument, NULL, 'w'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    int letter;
    *options = (struct options){
        .workload = {.count = 100000, .seed = 1},
        .fleet = {.batch = 512, .window = 8, .retry_ns = 30 * NS_PER_SECOND},
    };
    while ((letter = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (letter == 'h') {
            fputs(usage, stdout);
            return 0;
        }
        if (take_option(options, letter, optarg)) continue;
        fprintf(stderr, "month_feed: '%s' will not do; see --help\n", argv[optind - 1]);
        return EXIT_USAGE;
    }
    const char *wrong = workload_config_check(&options->workload);
    if (optind < argc) wrong = "there are words that are no options";
    if (wrong == NULL && options->fleet.address.host[0] == '\0') wrong = "--to is missing";
    if (wrong == NULL) return -1;
    fprintf(stderr, "month_feed: %s; see --help\n", wrong);
    return EXIT_USAGE;
}

struct feed {
    struct workload workload;
    struct workload_summary summary;
    struct sender sender;
    uint64_t bytes; /* Of the records as protobuf, without frames. */
};

/* The same person always has the same key; that is all a synthetic one needs. */
static void make_key(struct bytes psn_no, uint8_t ret_key[PSN_KEY_SIZE])
{
    const uint64_t halves[] = {
        checksum_hash64(1, psn_no.data, psn_no.size),
        checksum_hash64(2, psn_no.data, psn_no.size),
    };
    _Static_assert(sizeof halves == PSN_KEY_SIZE, "two halves");
    memcpy(ret_key, halves, sizeof halves);
}

static int send_item(struct feed *feed, const struct workload_item *item, uint64_t number)
{
    uint8_t key[PSN_KEY_SIZE];
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    struct settlement settlement = item->settlement;
    make_key(item->psn_no, key);
    settlement.psn_key = (struct bytes){key, sizeof key};
    const struct bytes whole = {body, settlement_encode(&settlement, body)};
    feed->bytes += whole.size;
    return sender_give(&feed->sender, MESSAGE_SETL_POST, key, whole, number);
}

static int send_all(struct feed *feed)
{
    const struct workload_item *item;
    int r = 0;
    for (uint64_t number = 1; r == 0 && (item = workload_next(&feed->workload)) != NULL; number++) {
        workload_summary_add(&feed->summary, item);
        r = send_item(feed, item, number);
    }
    return r == 0 ? sender_finish(&feed->sender) : r;
}

static double processor_seconds(void)
{
    struct timespec spent;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return (double)spent.tv_sec + (double)spent.tv_nsec / NS_PER_SECOND;
}

static void print_result(const struct feed *feed, double seconds)
{
    static const char *const classes[WORKLOAD_CLASS_COUNT] = {
        [WORKLOAD_INPATIENT] = "inpatient",
        [WORKLOAD_OUTPATIENT] = "outpatient",
        [WORKLOAD_CHRONIC] = "chronic",
        [WORKLOAD_PHARMACY] = "pharmacy",
    };
    const struct workload_summary *summary = &feed->summary;
    const struct sender *sender = &feed->sender;

    printf("{\"made\": {");
    for (int i = 0; i < WORKLOAD_CLASS_COUNT; i++) {
        printf("\"%s\": {\"settlements\": %" PRIu64 ", \"cleared_fen\": %" PRId64 "}, ", classes[i],
               summary->settlements[i], summary->cleared_fen[i]);
    }
    printf("\"refunds\": %" PRIu64 ", \"refunded_fen\": %" PRId64 ", \"duplicates\": %" PRIu64
           "}, ",
           summary->refunds, summary->refunded_fen, summary->duplicates);
    printf("\"sent\": %" PRIu64 ", \"accepted\": %" PRIu64 ", \"duplicate\": %" PRIu64
           ", \"rejected\": %" PRIu64 ", \"record_bytes\": %" PRIu64
           ", \"seconds\": %.3f, \"processor_seconds\": %.3f}\n",
           sender->accepted + sender->duplicate + sender->rejected, sender->accepted,
           sender->duplicate, sender->rejected, feed->bytes, seconds, processor_seconds());
}

int main(int argc, char **argv)
{
    static char name[] = "the workload";
    static char *names[] = {name};
    struct options options;
    const int status = read_options(argc, argv, &options);
    if (status >= 0) return status;

    struct feed *feed = calloc(1, sizeof *feed);
    NEED_MEMORY(feed);
    feed->sender.files = names; /* What a refusal is told of. */
    workload_init(&feed->workload, &options.workload);
    int r = sender_open(&feed->sender, &options.fleet);
    if (r == 0) {
        const int64_t start_ns = clock_ns();
        r = send_all(feed);
        progress_end(&feed->sender.progress);
        print_result(feed, (double)(clock_ns() - start_ns) / NS_PER_SECOND);
    }
    if (r != 0) fprintf(stderr, "month_feed: %s\n", feed->sender.post.fleet.text);
    const bool good = r == 0 && feed->sender.rejected == 0;
    if (r == 0) post_close(&feed->sender.post);
    free(feed);
    return good ? 0 : EXIT_FAILED;
}
