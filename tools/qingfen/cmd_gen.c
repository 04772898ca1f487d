/* cmd_gen -- the national workload to a file: CSV for people and provinces, frames for `send`.
 *
 * Must not know connections. What a month holds is tools/workload's business. */
#include "tools/qingfen/cmd_gen.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admit/frame.h"
#include "codec/csv.h"
#include "codec/messages.h"
#include "tools/edge/psn_key.h"
#include "tools/workload/summary.h"

#define BUFFER_SIZE    (1024 * 1024)
#define MESSAGE_MAX    CSV_LINE_MAX /* Bytes; a frame of a settlement is shorter. */
#define PROGRESS_ITEMS 65536        /* Between two looks at the clock. */
#define PROGRESS_WIDTH 40
#define NS_PER_SECOND  INT64_C(1000000000)
#define PROGRESS_FROM  NS_PER_SECOND
#define PROGRESS_EVERY (NS_PER_SECOND / 5)

_Static_assert(FRAME_HEAD_SIZE + SETTLEMENT_ENCODED_MAX <= MESSAGE_MAX, "a frame fits");

static const char usage[] =
    "usage: qingfen gen --month YYYY-MM [--count N] [--seed S] [--format csv|pb] [--out FILE]\n"
    "                   [--corrections] [--after YYYY-MM] [--psn-key FILE]\n"
    "\n"
    "Writes a month of cross-province settlements in the order of their settlement times: flows\n"
    "between the 32 provinces, classes of care, amounts, hours and weekdays as published for "
    "2025.\n"
    "The same options give the same bytes on every machine. A summary goes to stderr.\n"
    "\n"
    "  --month YYYY-MM    the month\n"
    "  --count N          settlements and refunds of the month (default 1000000); 0.5 % "
    "duplicates\n"
    "                     and what the options below add come on top\n"
    "  --seed S           0 to 2^64-1 (default 1)\n"
    "  --format csv|pb    csv: yuan, national names (default); pb: frames as on the wire\n"
    "  --out FILE         instead of stdout\n"
    "  --corrections      adds 2601 corrections for 0.1 % of the records, a tenth of them before\n"
    "                     their original, which is then refused; csv gets three more columns\n"
    "  --after YYYY-MM    adds refunds of records that 'gen --month' made for that earlier month\n"
    "                     (up to 13 months back) with the same --count and --seed\n"
    "  --psn-key FILE     pb only: key of the psn_key hash, 64 hexadecimal digits (default: the "
    "file\n"
    "                     named by QINGFEN_PSN_KEY_FILE, else a demonstration key)\n"
    "\n"
    "example:\n"
    "  qingfen gen --month 2025-03 --count 100000 --seed 7 --out march.csv\n";

struct options {
    struct workload_config workload;
    bool is_pb;
    const char *out; /* NULL: stdout. */
    const char *psn_key;
};

struct output {
    int fd;
    const char *name;
    size_t used;
    char buffer[BUFFER_SIZE];
    bool is_pb;
    bool corrections;
    uint64_t request_id;
    struct psn_key_maker *keys; /* pb only. */
};

/* ---- Options ---- */

__attribute__((format(printf, 1, 2))) static int refuse(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("qingfen gen: ", stderr);
    vfprintf(stderr, format, arguments);
    fputs("\nsee 'qingfen gen --help'\n", stderr);
    va_end(arguments);
    return 2;
}

/* "YYYY-MM" or "YYYYMM". */
static bool parse_month(const char *text, uint32_t *ret_month)
{
    uint32_t month = 0;
    int digits = 0;
    for (int i = 0; text[i] != '\0'; i++) {
        if (i == 4 && text[i] == '-') continue;
        if (text[i] < '0' || text[i] > '9' || ++digits > 6) return false;
        month = month * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_month = month;
    return digits == 6;
}

static bool parse_number(const char *text, uint64_t *ret_number)
{
    char *end;
    if (*text < '0' || *text > '9') return false;
    errno = 0;
    const unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0') return false;
    *ret_number = number;
    return true;
}

/* One option; -1 to go on, else an exit status. */
static int take_option(struct options *options, int letter)
{
    switch (letter) {
    case 'm':
        if (!parse_month(optarg, &options->workload.month))
            return refuse("--month %s: not YYYY-MM", optarg);
        return -1;
    case 'a':
        if (!parse_month(optarg, &options->workload.after))
            return refuse("--after %s: not YYYY-MM", optarg);
        return -1;
    case 'n':
        if (!parse_number(optarg, &options->workload.count))
            return refuse("--count %s: not a number", optarg);
        return -1;
    case 's':
        if (!parse_number(optarg, &options->workload.seed))
            return refuse("--seed %s: not a number", optarg);
        return -1;
    case 'f':
        options->is_pb = strcmp(optarg, "pb") == 0;
        if (!options->is_pb && strcmp(optarg, "csv") != 0)
            return refuse("--format %s: not csv or pb", optarg);
        return -1;
    case 'o':
        options->out = strcmp(optarg, "-") == 0 ? NULL : optarg;
        return -1;
    case 'c':
        options->workload.corrections = true;
        return -1;
    case 'k':
        options->psn_key = optarg;
        return -1;
    case 'h':
        fputs(usage, stdout);
        return 0;
    default:
        fputs("see 'qingfen gen --help'\n", stderr);
        return 2;
    }
}

static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option names[] = {
        {"month", required_argument, NULL, 'm'}, {"count", required_argument, NULL, 'n'},
        {"seed", required_argument, NULL, 's'},  {"format", required_argument, NULL, 'f'},
        {"out", required_argument, NULL, 'o'},   {"corrections", no_argument, NULL, 'c'},
        {"after", required_argument, NULL, 'a'}, {"psn-key", required_argument, NULL, 'k'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    int letter;

    *options = (struct options){.workload = {.count = 1000000, .seed = 1}};
    optind = 0; /* GNU: begin anew, whoever read options before. */
    while ((letter = getopt_long(argc, argv, "h", names, NULL)) != -1) {
        const int status = take_option(options, letter);
        if (status >= 0) return status;
    }
    if (optind < argc) return refuse("'%s' is not an option", argv[optind]);
    if (options->workload.month == 0) return refuse("--month is missing");
    const char *wrong = workload_config_check(&options->workload);
    return wrong != NULL ? refuse("%s", wrong) : -1;
}

/* ---- Output ---- */

static bool output_flush(struct output *output)
{
    size_t written = 0;
    while (written < output->used) {
        const ssize_t n = write(output->fd, output->buffer + written, output->used - written);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) {
            fprintf(stderr, "qingfen gen: %s: %s\n", output->name, strerror(errno));
            return false;
        }
        written += (size_t)n;
    }
    output->used = 0;
    return true;
}

static size_t write_frame(struct output *output, const struct workload_item *item, uint8_t *out)
{
    uint8_t psn_key[PSN_KEY_SIZE];
    struct bytes payload = {out + FRAME_HEAD_SIZE, 0};
    uint8_t *body = out + FRAME_HEAD_SIZE;
    uint16_t type = MESSAGE_SETL_POST;

    psn_key_make(output->keys, item->psn_no, psn_key);
    if (item->kind == WORKLOAD_CORRECTION) {
        struct correction correction = item->correction;
        correction.psn_key = (struct bytes){psn_key, sizeof(psn_key)};
        payload.size = correction_encode(&correction, body);
        type = MESSAGE_CORRECTION;
    } else {
        struct settlement settlement = item->settlement;
        settlement.psn_key = (struct bytes){psn_key, sizeof(psn_key)};
        payload.size = settlement_encode(&settlement, body);
    }
    frame_write_head(out, type, ++output->request_id, payload);
    return FRAME_HEAD_SIZE + payload.size;
}

static bool output_item(struct output *output, const struct workload_item *item)
{
    if (output->used > sizeof(output->buffer) - MESSAGE_MAX && !output_flush(output)) return false;

    char *out = output->buffer + output->used;
    if (output->is_pb)
        output->used += write_frame(output, item, (uint8_t *)out);
    else if (item->kind == WORKLOAD_CORRECTION)
        output->used += csv_write_correction(&item->correction, item->psn_no,
                                             item->settlement.insu_admdvs, out);
    else
        output->used +=
            csv_write_settlement(&item->settlement, item->psn_no, output->corrections, out);
    return true;
}

static int open_keys(struct output *output, const char *path)
{
    uint8_t secret[PSN_KEY_SECRET_SIZE];
    enum psn_key_origin origin;
    const char *found;

    const int r = psn_key_find_secret(path, secret, &origin, &found);
    if (r < 0) {
        fprintf(stderr, "qingfen gen: key file %s: %s\n", found,
                r == -EINVAL ? "not 64 hexadecimal digits" : strerror(-r));
        return 1;
    }
    if (origin == PSN_KEY_DEMONSTRATION) fprintf(stderr, "qingfen gen: %s\n", psn_key_warning);
    output->keys = psn_key_new(secret);
    if (output->keys != NULL) return 0;
    fprintf(stderr, "qingfen gen: the crypto library has no HMAC-SM3\n");
    return 1;
}

static int output_open(struct output *output, const struct options *options)
{
    output->is_pb = options->is_pb;
    output->corrections = options->workload.corrections;
    output->fd = STDOUT_FILENO;
    output->name = options->out == NULL ? "stdout" : options->out;
    if (output->is_pb && open_keys(output, options->psn_key) != 0) return 1;
    if (options->out != NULL) {
        output->fd = open(options->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (output->fd < 0) {
            fprintf(stderr, "qingfen gen: %s: %s\n", options->out, strerror(errno));
            return 1;
        }
    }
    if (!output->is_pb) output->used = csv_write_header(output->corrections, output->buffer);
    return 0;
}

static bool output_close(struct output *output)
{
    bool sound = output_flush(output);
    if (output->fd != STDOUT_FILENO && close(output->fd) != 0 && sound) {
        fprintf(stderr, "qingfen gen: %s: %s\n", output->name, strerror(errno));
        sound = false;
    }
    return sound;
}

/* ---- Progress ---- */

struct progress {
    bool shown;
    int64_t start_ns;
    int64_t last_ns;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void progress_show(struct progress *progress, uint64_t done, uint64_t all)
{
    const int64_t now = now_ns();
    char bar[PROGRESS_WIDTH + 1];

    if (now - progress->start_ns < PROGRESS_FROM || now - progress->last_ns < PROGRESS_EVERY)
        return;
    const uint64_t filled = done * PROGRESS_WIDTH / all;
    for (uint64_t i = 0; i < PROGRESS_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[PROGRESS_WIDTH] = '\0';
    fprintf(stderr, "\r[%s] %3" PRIu64 "%%  %" PRIu64 " records", bar, done * 100 / all, done);
    progress->shown = true;
    progress->last_ns = now;
}

/* ---- The command ---- */

static int generate(struct workload *workload, struct output *output)
{
    const uint64_t all = workload->config.count;
    const bool terminal = isatty(STDERR_FILENO) == 1;
    struct workload_summary summary = {0};
    struct progress progress = {.start_ns = now_ns()};
    const struct workload_item *item;
    bool sound = true;

    for (uint64_t n = 1; sound && (item = workload_next(workload)) != NULL; n++) {
        sound = output_item(output, item);
        workload_summary_add(&summary, item);
        if (terminal && n % PROGRESS_ITEMS == 0) progress_show(&progress, item->index, all);
    }
    if (progress.shown) fputs("\r\033[K", stderr);
    sound = sound && output_close(output);
    if (!sound) return 1;
    workload_summary_print(&summary, stderr);
    return 0;
}

int cmd_gen(int argc, char **argv)
{
    struct options options;
    const int status = read_options(argc, argv, &options);
    if (status >= 0) return status;

    struct workload *workload = malloc(sizeof(*workload));
    struct output *output = calloc(1, sizeof(*output));
    int result = 1;
    if (workload == NULL || output == NULL) {
        fprintf(stderr, "qingfen gen: out of memory\n");
    } else if (output_open(output, &options) == 0) {
        workload_init(workload, &options.workload);
        result = generate(workload, output);
        psn_key_free(output->keys);
    }
    free(output);
    free(workload);
    return result;
}
