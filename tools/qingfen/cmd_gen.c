/* cmd_gen -- the national workload to a file: CSV for people and provinces, frames for `send`.
 *
 * Must not know connections. What a month holds is tools/workload's business. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admit/frame.h"
#include "codec/csv.h"
#include "codec/messages.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/person.h"
#include "tools/workload/summary.h"
#include "types/ensure.h"

#define BUFFER_SIZE    (1024 * 1024)
#define MESSAGE_MAX    CSV_LINE_MAX /* Bytes; a frame of a settlement is shorter. */
#define PROGRESS_ITEMS 65536        /* Between two looks at the clock. */
#define PROGRESS_WIDTH 40
#define NS_PER_SECOND  INT64_C(1000000000)
#define PROGRESS_FROM  NS_PER_SECOND
#define PROGRESS_EVERY (NS_PER_SECOND / 5)

_Static_assert(FRAME_HEAD_SIZE + SETTLEMENT_ENCODED_MAX <= MESSAGE_MAX, "a frame fits");

static const struct command_help help = {
    .usage = "gen --month YYYY-MM [--count N] [--seed S] [--format csv|pb] [--out FILE]\n"
             "                   [--corrections] [--after YYYY-MM] [--psn-key FILE]",
    .about =
        "Writes a month of cross-province settlements in the order of their settlement times:\n"
        "flows between the 32 provinces, classes of care, amounts, hours and weekdays as\n"
        "published for 2025. The same options give the same bytes on every machine. A summary\n"
        "goes to stderr. 0.5 % duplicates and what --corrections and --after add come on top\n"
        "of --count. --corrections adds 2601 corrections for 0.1 % of the records, a tenth of\n"
        "them before their original, which is then refused; csv gets three more columns.\n"
        "--after adds refunds of records that 'gen --month' made for that earlier month (up to\n"
        "13 months back) with the same --count and --seed.\n",
    .examples = "  qingfen gen --month 2025-03 --count 100000 --seed 7 --out march.csv\n",
};

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

/* OPTIONS_GO, or an exit status. */
static int check_options(struct options *options, int words, const char *word, const char *format)
{
    options->is_pb = strcmp(format, "pb") == 0;
    if (words > 0) return options_refuse(&help, "'%s' is too much", word);
    if (!options->is_pb && strcmp(format, "csv") != 0) {
        return options_refuse(&help, "--format '%s': it should be csv or pb", format);
    }
    if (options->out != NULL && strcmp(options->out, "-") == 0) options->out = NULL;
    if (options->workload.month == 0) return options_refuse(&help, "--month is missing");
    const char *wrong = workload_config_check(&options->workload);
    if (wrong == NULL) return OPTIONS_GO;
    return options_refuse(&help, "--after %u: %s", options->workload.after, wrong);
}

static int read_options(int argc, char **argv, struct options *options)
{
    struct workload_config *workload = &options->workload;
    const char *format = "csv";
    const struct option_spec specs[] = {
        {"month", OPTION_PERIOD, &workload->month, "YYYY-MM", "the month", 0, 0},
        {"count", OPTION_NUMBER, &workload->count, "N",
         "settlements and refunds of the month (default 1000000)", 1, WORKLOAD_COUNT_MAX},
        {"seed", OPTION_NUMBER, &workload->seed, "S", "0 to 2^64-1 (default 1)", 0, 0},
        {"format", OPTION_TEXT, &format, "csv|pb",
         "csv: yuan, national names (default); pb: frames as on the wire", 0, 0},
        {"out", OPTION_TEXT, &options->out, "FILE", "instead of stdout", 0, 0},
        {"corrections", OPTION_FLAG, &workload->corrections, NULL, "adds corrections", 0, 0},
        {"after", OPTION_PERIOD, &workload->after, "YYYY-MM", "adds refunds of that month", 0, 0},
        {"psn-key", OPTION_TEXT, &options->psn_key, "FILE",
         "pb only: key that turns psn_no into psn_key, 64 hex digits", 0, 0},
        {0},
    };
    int words;

    *options = (struct options){.workload = {.count = 1000000, .seed = 1}};
    const int said = options_read(argc, argv, &help, specs, &words);
    return said != OPTIONS_GO ? said : check_options(options, words, argv[0], format);
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

static int output_open(struct output *output, const struct options *options)
{
    output->is_pb = options->is_pb;
    output->corrections = options->workload.corrections;
    output->fd = STDOUT_FILENO;
    output->name = options->out == NULL ? "stdout" : options->out;
    if (output->is_pb) output->keys = person_open("gen", options->psn_key);
    if (output->is_pb && output->keys == NULL) return EXIT_USAGE;
    if (options->out != NULL) {
        output->fd = open(options->out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (output->fd < 0) {
            fprintf(stderr, "qingfen gen: %s: %s\n", options->out, strerror(errno));
            return EXIT_FAILED;
        }
    }
    if (!output->is_pb) output->used = csv_write_header(output->corrections, output->buffer);
    return EXIT_DONE;
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
    if (!sound) return EXIT_FAILED;
    workload_summary_print(&summary, stderr);
    return EXIT_DONE;
}

int cmd_gen(int argc, char **argv)
{
    struct options options;
    const int status = read_options(argc, argv, &options);
    if (status != OPTIONS_GO) return status;

    struct workload *workload = malloc(sizeof(*workload));
    struct output *output = calloc(1, sizeof(*output));
    NEED_MEMORY(workload);
    NEED_MEMORY(output);
    int result = output_open(output, &options);
    if (result == EXIT_DONE) {
        workload_init(workload, &options.workload);
        result = generate(workload, output);
    }
    psn_key_free(output->keys);
    free(output);
    free(workload);
    return result;
}
