/* send -- files of settlements to the engine.
 *
 * Files are read in stretches, never as a whole, so a pipe is as good as a month's file. Bad lines
 * are refused here with their number and the good ones go through. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admit/frame.h"
#include "codec/csv.h"
#include "codec/messages.h"
#include "tools/client/clock.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/person.h"
#include "tools/qingfen/sender.h"
#include "types/ensure.h"
#include "types/error.h"
#include "util/checksum.h"

#define INPUT_ROOM   (4 * 1024 * 1024) /* Bytes read ahead; more than any frame. */
#define ROW_SIZE_MAX (64 * 1024)       /* A row begun this far before the end is whole. */
#define BODY_ROOM    LANE_BODY_MAX /* CSV fields have at most 255 bytes: no message is larger. */

static const struct command_help help = {
    .usage = "send [OPTIONS] FILE…",
    .about =
        "Sends settlements and 2601 corrections from CSV or pb files ('-' is stdin) and waits "
        "until\n"
        "each is durable. A lost connection is taken up again and what was not answered is sent\n"
        "again; the engine recognises duplicates, so a file may also be sent again as a whole.\n"
        "The last line of stdout is 'sent=N accepted=N duplicate=N rejected=N'; exit status 1 "
        "when\n"
        "anything was rejected or the engine is out of reach, 2 when a file cannot be read.\n"
        "--rejects writes CSV: line,code,text,msgid,setl_id,file.\n",
    .examples =
        "  qingfen send 2025-03.csv --rejects rejects.csv\n"
        "  qingfen gen --month 2025-03 --count 100000 --seed 1 --format pb | qingfen send -\n",
};

struct input {
    int fd;
    uint8_t *data;  /* INPUT_ROOM bytes; owned. */
    size_t keep;    /* Bytes at the front that stay: a CSV file's header. */
    size_t end;     /* Bytes there. */
    bool is_at_end; /* Nothing follows what is there. */
};

struct job {
    struct sender sender;
    struct input input;
    struct psn_key_maker *persons; /* Opened when the first CSV file needs it. */
    const char *psn_key_file;
    bool is_lost;       /* The engine is out of reach for good. */
    bool is_unreadable; /* A file, or the rest of one, could not be read. */
};

/* Says why the current file cannot be read. Gives false, as its callers do. */
static bool spoil(struct job *job, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool spoil(struct job *job, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    progress_end(&job->sender.progress);
    fprintf(stderr, "qingfen send: %s: ", job->sender.files[job->sender.file]);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    job->is_unreadable = true;
    return false;
}

static bool lose(struct job *job)
{
    job->is_lost = true;
    return false;
}

/* Reads once behind what is there. */
static bool fill(struct job *job)
{
    struct input *input = &job->input;
    ENSURE(input->end < INPUT_ROOM);
    if (sender_wait(&job->sender, input->fd) != 0) return lose(job);
    ssize_t n;
    do {
        n = read(input->fd, input->data + input->end, INPUT_ROOM - input->end);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return spoil(job, "%s", strerror(errno));
    input->end += (size_t)n;
    input->is_at_end = n == 0;
    job->sender.done_bytes += (uint64_t)n;
    return true;
}

/* Drops what is used up, up to `used`, and keeps the header. */
static void drop(struct input *input, size_t used)
{
    memmove(input->data + input->keep, input->data + used, input->end - used);
    input->end -= used - input->keep;
}

/* ---- CSV ---- */

/* A msgid for a row that has none, the same whenever the same row comes again: 'D' and 29 hex
 * digits of its content. */
static struct bytes derive_msgid(struct bytes body, char out[32])
{
    const uint64_t high = checksum_hash64(1, body.data, body.size);
    const uint64_t low = checksum_hash64(2, body.data, body.size) >> 12;
    snprintf(out, 32, "D%016llx%013llx", (unsigned long long)high, (unsigned long long)low);
    return (struct bytes){(const uint8_t *)out, 30};
}

static size_t encode_row(struct csv_row *row, uint8_t *body)
{
    char msgid[32];
    if (row->is_correction) {
        size_t size = correction_encode(&row->correction, body);
        if (row->correction.msgid.size != 0) return size;
        row->correction.msgid = derive_msgid((struct bytes){body, size}, msgid);
        return correction_encode(&row->correction, body);
    }
    size_t size = settlement_encode(&row->settlement, body);
    if (row->settlement.msgid.size != 0) return size;
    row->settlement.msgid = derive_msgid((struct bytes){body, size}, msgid);
    return settlement_encode(&row->settlement, body);
}

static bool send_row(struct job *job, struct csv_row *row, uint64_t line)
{
    struct sender *sender = &job->sender;
    uint8_t key[PSN_KEY_SIZE];
    uint8_t body[BODY_ROOM];

    if (row->psn_no.size == 0) {
        const struct bytes msgid =
            row->is_correction ? row->correction.msgid : row->settlement.msgid;
        const struct bytes setl_id =
            row->is_correction ? (struct bytes){0} : row->settlement.setl_id;
        sender_refuse(sender, line, ERROR_MALFORMED, "psn_no: missing", msgid, setl_id);
        return true;
    }
    psn_key_make(job->persons, row->psn_no, key);
    row->settlement.psn_key = (struct bytes){key, PSN_KEY_SIZE};
    row->correction.psn_key = (struct bytes){key, PSN_KEY_SIZE};
    const struct bytes whole = {body, encode_row(row, body)};
    const uint16_t type = row->is_correction ? MESSAGE_CORRECTION : MESSAGE_SETL_POST;
    return sender_give(sender, type, key, whole, line) == 0 || lose(job);
}

static void refuse_row(struct job *job, const struct csv_error *error, uint64_t line)
{
    char text[256];
    snprintf(text, sizeof(text), "%s%s%s", error->field == NULL ? "" : error->field,
             error->field == NULL ? "" : ": ", error->text);
    sender_refuse(&job->sender, line, error->code, text, (struct bytes){0}, (struct bytes){0});
}

/* How far rows of the text are surely whole: behind the last line end where no quote can hide one;
 * else so far from the end that no row begun before reaches it. */
static size_t safe_end(const struct input *input)
{
    if (input->is_at_end) return input->end;
    const uint8_t *rows = input->data + input->keep;
    const size_t size = input->end - input->keep;
    if (memchr(rows, '"', size) == NULL) {
        const uint8_t *last = memrchr(rows, '\n', size);
        return last == NULL ? input->keep : (size_t)(last - input->data) + 1;
    }
    return size <= ROW_SIZE_MAX ? input->keep : input->end - ROW_SIZE_MAX;
}

static uint64_t count_lines(const uint8_t *data, size_t size)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < size; i++) {
        lines += data[i] == '\n';
    }
    return lines;
}

static size_t pass_empty_lines(const struct input *input, size_t at)
{
    while (at < input->end && (input->data[at] == '\n' || input->data[at] == '\r'))
        at++;
    return at;
}

/* Sends the rows that are whole; `lines_before` are those of earlier stretches. *ret_used: bytes. A
 * row whose end is not there yet stays, also when what there is of it can be no good: the rest
 * would be taken for a line of its own. */
static bool send_rows(struct job *job, uint64_t lines_before, size_t *ret_used)
{
    struct input *input = &job->input;
    struct csv_reader reader;
    struct csv_error error;
    struct csv_row row;
    const size_t safe = safe_end(input);
    const uint8_t *quote = memchr(input->data, '"', input->end);
    const size_t shown = quote == NULL ? safe : input->end;

    *ret_used = input->keep;
    if (safe == input->keep) return true;
    if (!csv_begin(&reader, (struct bytes){input->data, shown}, &error)) {
        return spoil(job, "%s", error.text); /* It was good before: cannot be. */
    }
    while (csv_offset(&reader) < safe) {
        *ret_used = csv_offset(&reader);
        const enum csv_status status = csv_next(&reader, &row, &error);
        if (csv_offset(&reader) == shown && shown != safe) {
            *ret_used = pass_empty_lines(input, *ret_used);
            return true;
        }
        if (status == CSV_END) break;
        if (status == CSV_ERROR) {
            refuse_row(job, &error, lines_before + error.line);
        } else if (!send_row(job, &row, lines_before + row.line)) {
            return false;
        }
    }
    *ret_used = csv_offset(&reader);
    return true;
}

/* Refuses the line that fills all the room: what is there of it is dropped, and what comes up to
 * its end. */
static bool refuse_long_line(struct job *job, uint64_t line)
{
    struct input *input = &job->input;
    const uint8_t *line_end;
    uint64_t size = 0;
    char text[96];

    while ((line_end = memchr(input->data + input->keep, '\n', input->end - input->keep)) == NULL) {
        size += input->end - input->keep;
        drop(input, input->end);
        if (input->is_at_end) break;
        if (!fill(job)) return false;
    }
    if (line_end != NULL) {
        const size_t used = (size_t)(line_end - input->data);
        size += used - input->keep;
        drop(input, used + 1);
    }
    snprintf(text, sizeof(text), "the line has %llu bytes, no row has so many",
             (unsigned long long)size);
    sender_refuse(&job->sender, line, ERROR_MALFORMED, text, (struct bytes){0}, (struct bytes){0});
    return true;
}

/* Size of the header with the empty lines before it; 0: it has not ended yet. */
static size_t header_size(const struct input *input)
{
    size_t at = 0;
    while (at < input->end) {
        const uint8_t *line_end = memchr(input->data + at, '\n', input->end - at);
        if (line_end == NULL) return 0;
        const size_t size = (size_t)(line_end - input->data) - at;
        at += size + 1;
        if (size > 1 || (size == 1 && line_end[-1] != '\r')) return at;
    }
    return 0;
}

static bool read_header(struct job *job)
{
    struct input *input = &job->input;
    struct csv_reader reader;
    struct csv_error error;

    while ((input->keep = header_size(input)) == 0 && !input->is_at_end) {
        if (input->end >= ROW_SIZE_MAX) return spoil(job, "this is neither CSV nor a pb file");
        if (!fill(job)) return false;
    }
    if (input->keep == 0) input->keep = input->end;
    if (csv_begin(&reader, (struct bytes){input->data, input->keep}, &error)) return true;
    return spoil(job, "header: %s%s%.*s%s", error.text, error.column.size == 0 ? "" : " ('",
                 (int)error.column.size, (const char *)error.column.data,
                 error.column.size == 0 ? "" : "')");
}

static bool send_csv(struct job *job)
{
    struct input *input = &job->input;
    if (job->persons == NULL) job->persons = person_open("send", job->psn_key_file);
    if (job->persons == NULL) {
        job->is_unreadable = true;
        return false;
    }
    if (!read_header(job)) return false;

    const uint64_t header_lines = count_lines(input->data, input->keep);
    uint64_t lines_before = 0;
    for (;;) {
        size_t used;
        if (!send_rows(job, lines_before, &used)) return false;
        if (input->is_at_end) return true;
        lines_before += count_lines(input->data + input->keep, used - input->keep);
        drop(input, used);
        if (input->end == INPUT_ROOM) {
            lines_before++;
            if (!refuse_long_line(job, header_lines + lines_before)) return false;
        } else if (!fill(job)) {
            return false;
        }
    }
}

/* ---- pb ---- */

static bool send_frame(struct job *job, const struct frame *frame, uint64_t number)
{
    struct sender *sender = &job->sender;
    const struct bytes none = {0};
    struct settlement settlement = {0};
    uint32_t field = 0;
    char text[96];

    const bool is_post = frame->type == MESSAGE_SETL_POST;
    if (!is_post && frame->type != MESSAGE_CORRECTION && frame->type != MESSAGE_SETL_REVERSE &&
        frame->type != MESSAGE_SETL_ADJUST) {
        snprintf(text, sizeof(text), "a frame of type 0x%04x does not belong in a file",
                 frame->type);
        sender_refuse(sender, number, ERROR_UNKNOWN_TYPE, text, none, none);
        return true;
    }
    /* One record that is no protobuf would spoil the batch it travels in. */
    if (frame->payload.size > LANE_BODY_MAX ||
        (is_post && !settlement_decode(frame->payload, &settlement, &field))) {
        snprintf(text, sizeof(text), "the message is malformed or too long (field %u %s)", field,
                 message_field_name(frame->type, field));
        sender_refuse(sender, number, ERROR_MALFORMED, text, none, none);
        return true;
    }
    struct bytes psn_key;
    struct bytes msgid;
    if (!message_peek(frame->payload, &psn_key, &msgid)) {
        sender_refuse(sender, number, ERROR_MALFORMED, "psn_key: missing or not 16 bytes",
                      settlement.msgid, settlement.setl_id);
        return true;
    }
    return sender_give(sender, frame->type, psn_key.data, frame->payload, number) == 0 || lose(job);
}

/* Sends the frames that are whole. `*number` counts them, *ret_used is their size. */
static bool send_frames(struct job *job, uint64_t *number, size_t *ret_used)
{
    struct input *input = &job->input;
    *ret_used = 0;
    while (*ret_used < input->end) {
        const struct bytes rest = {input->data + *ret_used, input->end - *ret_used};
        struct frame frame;
        size_t size = 0;
        const enum frame_state state = frame_read(rest, &frame, &size);
        if (state == FRAME_PARTIAL) {
            if (!input->is_at_end) return true;
            return spoil(job, "the last frame (number %llu) is cut off",
                         (unsigned long long)*number + 1);
        }
        ++*number;
        if (state == FRAME_BAD_CRC) {
            sender_refuse(&job->sender, *number, ERROR_MALFORMED, "the frame's checksum is wrong",
                          (struct bytes){0}, (struct bytes){0});
        } else if (state != FRAME_WHOLE) {
            return spoil(job, "frame %llu is none: the rest cannot be read",
                         (unsigned long long)*number);
        } else if (!send_frame(job, &frame, *number)) {
            return false;
        }
        *ret_used += size;
    }
    return true;
}

static bool send_pb(struct job *job)
{
    uint64_t number = 0;
    for (;;) {
        size_t used;
        if (!send_frames(job, &number, &used)) return false;
        if (job->input.is_at_end) return true;
        drop(&job->input, used);
        if (!fill(job)) return false;
    }
}

/* ---- Files ---- */

static bool send_file(struct job *job)
{
    struct input *input = &job->input;
    const char *name = job->sender.files[job->sender.file];
    const bool is_stdin = strcmp(name, "-") == 0;

    input->keep = 0;
    input->end = 0;
    input->is_at_end = false;
    input->fd = is_stdin ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0) return spoil(job, "%s", strerror(errno));

    bool good = true;
    while (good && input->end < 4 && !input->is_at_end) {
        good = fill(job);
    }
    if (good && input->end > 0) {
        const bool is_pb = input->end >= 4 && memcmp(input->data, "QF01", 4) == 0;
        good = is_pb ? send_pb(job) : send_csv(job);
    } else if (good) {
        good = spoil(job, "nothing is in it, not even a header");
    }
    if (!is_stdin) close(input->fd);
    return good;
}

/* Bytes of all files, 0 when one is a pipe. Refuses files that are not there before any is sent. */
static int weigh_files(char *const *files, int count, uint64_t *ret_bytes)
{
    uint64_t bytes = 0;
    bool known = true;
    for (int i = 0; i < count; i++) {
        struct stat stat_;
        if (strcmp(files[i], "-") == 0) {
            known = false;
        } else if (access(files[i], R_OK) != 0 || stat(files[i], &stat_) != 0) {
            return options_refuse(&help, "%s: %s", files[i], strerror(errno));
        } else if (S_ISDIR(stat_.st_mode)) {
            return options_refuse(&help, "%s: is a folder", files[i]);
        } else {
            known &= S_ISREG(stat_.st_mode);
            bytes += (uint64_t)stat_.st_size;
        }
    }
    *ret_bytes = known ? bytes : 0;
    return OPTIONS_GO;
}

/* The rejects are written anew before a file is read: one that is a file to send would be gone. */
static int check_rejects(char *const *files, int count, const char *rejects)
{
    struct stat out;
    if (rejects == NULL || stat(rejects, &out) != 0 || !S_ISREG(out.st_mode)) return OPTIONS_GO;
    for (int i = 0; i < count; i++) {
        struct stat in;
        const int r = strcmp(files[i], "-") == 0 ? fstat(STDIN_FILENO, &in) : stat(files[i], &in);
        if (r != 0 || in.st_dev != out.st_dev || in.st_ino != out.st_ino) continue;
        return options_refuse(&help, "--rejects %s is a file to send: it would be overwritten",
                              rejects);
    }
    return OPTIONS_GO;
}

static void say_lost(const struct sender *sender)
{
    fprintf(
        stderr,
        "qingfen send: %s\n  answered: %llu accepted, %llu duplicate, %llu rejected; handed over "
        "without an answer, outcome unknown: %llu\n  send the files again when the engine is "
        "back: what was done is recognised\n",
        sender->post.fleet.text, (unsigned long long)sender->accepted,
        (unsigned long long)sender->duplicate, (unsigned long long)sender->rejected,
        (unsigned long long)fleet_open_records(&sender->post.fleet));
}

/* The last line of stdout, whatever came of it; gives how many lines were sent. */
static uint64_t say_totals(const struct sender *sender)
{
    const uint64_t sent = sender->accepted + sender->duplicate + sender->rejected;
    printf("sent=%llu accepted=%llu duplicate=%llu rejected=%llu\n", (unsigned long long)sent,
           (unsigned long long)sender->accepted, (unsigned long long)sender->duplicate,
           (unsigned long long)sender->rejected);
    return sent;
}

static int finish(struct job *job)
{
    struct sender *sender = &job->sender;
    if (!job->is_lost && sender_finish(sender) != 0) job->is_lost = true;
    progress_end(&sender->progress);
    if (job->is_lost) say_lost(sender);
    fleet_close(&sender->post.fleet);
    psn_key_free(job->persons);
    free(job->input.data);

    const int r = rejects_close(&sender->rejects);
    if (r != 0) {
        fprintf(stderr,
                "qingfen send: cannot write the rejects: %s; the file is not whole. Send the files "
                "again with --rejects where there is room: what was done is recognised\n",
                strerror(-r));
    }
    const uint64_t sent = say_totals(sender);
    /* A header that cannot be read is wrong usage; a file that breaks off later has been sent. */
    if (job->is_unreadable && sent == 0 && !job->is_lost) return EXIT_USAGE;
    const bool all_good = !job->is_unreadable && !job->is_lost && r == 0 && sender->rejected == 0;
    return all_good ? EXIT_DONE : EXIT_FAILED;
}

static int send_files(struct job *job, struct fleet_options *options, char *const *files, int count,
                      const char *rejects)
{
    struct sender *sender = &job->sender;
    sender->files = files;
    int r = rejects_open(&sender->rejects, rejects);
    if (r != 0) {
        fprintf(stderr, "qingfen send: %s: %s; nothing was sent\n", rejects, strerror(-r));
        (void)say_totals(sender);
        return EXIT_FAILED;
    }
    r = sender_open(sender, options);
    if (r != 0) {
        rejects_close(&sender->rejects);
        fprintf(stderr, "qingfen send: %s; nothing was sent\n", sender->post.fleet.text);
        (void)say_totals(sender);
        return EXIT_FAILED;
    }
    job->input.data = malloc(INPUT_ROOM);
    NEED_MEMORY(job->input.data);
    for (int i = 0; i < count && !job->is_lost && !job->is_unreadable; i++) {
        sender->file = (uint32_t)i;
        send_file(job);
    }
    return finish(job);
}

int cmd_send(int argc, char **argv)
{
    struct job job = {0};
    struct fleet_options options = {.address = options_address()};
    const char *rejects = NULL;
    uint64_t batch = 512;
    uint64_t window = 16;
    uint64_t retry = 30;
    const struct option_spec specs[] = {
        OPTION_TO(&options.address),
        OPTION_AS(&options.province),
        {"rejects", OPTION_TEXT, &rejects, "FILE", "write what was not taken to this CSV file", 0,
         0},
        {"psn-key", OPTION_TEXT, &job.psn_key_file, "FILE",
         "key that turns psn_no into psn_key, 64 hex digits", 0, 0},
        {"batch", OPTION_NUMBER, &batch, "N", "records in a frame (default 512)", 1,
         BATCH_RECORDS_MAX},
        {"window", OPTION_NUMBER, &window, "N", "frames under way on a connection (default 16)", 1,
         1024},
        {"retry", OPTION_NUMBER, &retry, "SECONDS",
         "how long to try after a connection is lost (default 30)", 0, 86400},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words == 0) return options_refuse(&help, "no file is named ('-' is stdin)");
    status = weigh_files(argv, words, &job.sender.all_bytes);
    if (status == OPTIONS_GO) status = check_rejects(argv, words, rejects);
    if (status != OPTIONS_GO) return status;

    options.batch = (uint32_t)batch;
    options.window = (uint32_t)window;
    options.retry_ns = (int64_t)retry * NS_PER_SECOND;
    return send_files(&job, &options, argv, words, rejects);
}
