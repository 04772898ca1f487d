/* outbox -- what the engine has to say to a province or to the platform, fetched and acknowledged.
 *
 * A consumer in small: it prints each message as one line of JSON and acknowledges it only when the
 * line is out. So a message is seen at least once, and a second time after a crash in between; its
 * msg_id says that it is the same. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/qingfen/commands.h"
#include "tools/qingfen/grid.h"
#include "tools/qingfen/tell.h"
#include "types/error.h"
#include "types/province.h"
#include "types/wire.h"
#include "wallet.pb-c.h"

#define PAGE_ROWS 1000

struct reader {
    struct speaker speaker;
    const char *dest_text;
    uint32_t dest;
    uint64_t after;
    uint64_t limit; /* 0: all there is. */
    uint64_t every; /* Seconds between two looks. */
    bool ack;
    bool follow;
};

#define OPTION_DEST(text)                                                                         \
    {                                                                                             \
        "dest", OPTION_TEXT, (text), "PP", "whose messages: a province, two digits, or 'app'", 0, \
            0                                                                                     \
    }

/* Two digits of a province, or "app": the national platform. */
static bool read_dest(const struct command_help *help, const char *text, uint32_t *ret_dest)
{
    uint64_t code;
    *ret_dest = 0;
    if (text == NULL) {
        options_refuse(help, "--dest says whose messages: a province, or 'app'");
        return false;
    }
    if (strcmp(text, "app") == 0) return true;
    if (number_parse(text, &code) && code < 100 &&
        province_index((uint32_t)code) != PROVINCE_NONE) {
        *ret_dest = (uint32_t)code;
        return true;
    }
    options_refuse(help, "--dest '%s': it should be a province that takes part, or 'app'", text);
    return false;
}

/* -- ack ------------------------------------------------------------------------------------- */

static int acknowledge(struct talk *talk, const char *msgid, uint32_t dest, uint64_t upto,
                       bool print)
{
    char made[MSGID_TEXT_SIZE];
    Qingfen__V1__OutboxAck request = QINGFEN__V1__OUTBOX_ACK__INIT;
    if (msgid == NULL) msgid_make(made);
    request.msgid = msgid == NULL ? made : borrowed(msgid);
    request.dest = dest;
    request.upto = upto;
    Qingfen__V1__WalletReply *reply = (Qingfen__V1__WalletReply *)talk_ask(
        talk, &request.base, MESSAGE_OUTBOX_ACK, &qingfen__v1__wallet_reply__descriptor);
    if (reply == NULL) return EXIT_FAILED;
    const int status = ask_status(talk->command, reply->code, reply->text);
    for (size_t i = 0; i < reply->n_errors; i++)
        fprintf(stderr, "  %s\n", reply->errors[i]->text);
    if (print) print_json(&reply->base);
    qingfen__v1__wallet_reply__free_unpacked(reply, NULL);
    return status;
}

static int outbox_ack(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "outbox ack",
        .usage = "outbox ack --dest PP --upto POSITION [OPTIONS]",
        .about = "Says that the destination has every message up to that position. What is\n"
                 "acknowledged is not given again.\n",
        .examples = "  qingfen outbox ack --dest 34 --upto 1200\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *text = NULL;
    uint64_t upto = 0;
    uint32_t dest;
    const struct option_spec specs[] = {
        OPTION_TO(&speaker.address),
        OPTION_AS(&speaker.as),
        OPTION_MSGID(&speaker),
        OPTION_DEST(&text),
        {"upto", OPTION_NUMBER, &upto, "POSITION", "the last position it has", 1, 0},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (!read_dest(&help, text, &dest)) return EXIT_USAGE;
    if (upto == 0) return options_refuse(&help, "--upto says up to which position");

    struct talk talk;
    if (!talk_open(&talk, help.name, &speaker.address, speaker.as)) return EXIT_FAILED;
    status = acknowledge(&talk, speaker.msgid, dest, upto, true);
    talk_close(&talk);
    return status;
}

/* -- get and watch --------------------------------------------------------------------------- */

static const struct grid_column columns[] = {
    COLUMN("position", NUMBER, "position"),
    COLUMN("type", MESSAGE, "message"),
    COLUMN("at", TIME, "at"),
    COLUMN("amt", YUAN, "amount 金额"),
    COLUMN("msg_id", TEXT, "msg_id"),
    COLUMN_HIDDEN("psn_key", BYTES),
    COLUMN_HIDDEN("admdvs", NUMBER),
    COLUMN_HIDDEN("hold_id", TEXT),
    COLUMN_HIDDEN("pay_id", TEXT),
    COLUMN_HIDDEN("order_no", TEXT),
    COLUMN_HIDDEN("exp_at", TIME),
    COLUMN_HIDDEN("why", NUMBER),
    COLUMN_HIDDEN("insutype", NUMBER),
    COLUMN_HIDDEN("year", NUMBER),
    COLUMN_HIDDEN("clr_period", PERIOD),
    COLUMN_HIDDEN("line", NUMBER),
    COLUMNS_END,
};

static void print_messages(const struct reader *reader, const Qingfen__V1__OutboxGetReply *reply)
{
    if (reader->speaker.format != FORMAT_JSON) {
        grid_print(reader->speaker.format, columns, (ProtobufCMessage *const *)reply->messages,
                   reply->n_messages);
        return;
    }
    for (size_t i = 0; i < reply->n_messages; i++)
        print_json(&reply->messages[i]->base);
}

/* Only a person decides to do without a message. */
static void advise(uint32_t code)
{
    if (code != ERROR_RECORD_UNREADABLE) return;
    fputs("  'outbox get --after POSITION' with that position goes on behind it\n", stderr);
}

/* Prints the next page and moves behind it; *ret_more: there may be another one at once. */
static int read_page(struct reader *reader, struct talk *talk, bool *ret_more)
{
    Qingfen__V1__OutboxGet request = QINGFEN__V1__OUTBOX_GET__INIT;
    request.dest = reader->dest;
    request.after = reader->after;
    request.limit =
        reader->limit != 0 && reader->limit < PAGE_ROWS ? (uint32_t)reader->limit : PAGE_ROWS;
    Qingfen__V1__OutboxGetReply *reply = (Qingfen__V1__OutboxGetReply *)talk_ask(
        talk, &request.base, MESSAGE_OUTBOX_GET, &qingfen__v1__outbox_get_reply__descriptor);
    if (reply == NULL) return EXIT_FAILED;
    int status = ask_status(talk->command, reply->code, reply->text);
    advise(reply->code);
    const size_t count = status == EXIT_DONE ? reply->n_messages : 0;
    if (status == EXIT_DONE && (count != 0 || !reader->follow)) print_messages(reader, reply);
    *ret_more = count != 0 && reply->messages[count - 1]->position < reply->last;
    if (count != 0) {
        reader->after = reply->messages[count - 1]->position;
        /* Nobody has seen them. Of a page larger than stdio's buffer the flush sees the last part
         * alone. */
        if (fflush(stdout) != 0 || ferror(stdout)) status = EXIT_FAILED;
    }
    qingfen__v1__outbox_get_reply__free_unpacked(reply, NULL);
    if (count != 0 && status == EXIT_DONE && reader->ack) {
        status = acknowledge(talk, NULL, reader->dest, reader->after, false);
    }
    if (reader->limit != 0) {
        reader->limit -= count;
        *ret_more = *ret_more && reader->limit != 0;
    }
    return status;
}

static int read_all(struct reader *reader, struct talk *talk)
{
    for (;;) {
        bool more = false;
        const int status = read_page(reader, talk, &more);
        if (status != EXIT_DONE) return status;
        if (more) continue;
        if (!reader->follow) return EXIT_DONE;
        const struct timespec pause = {.tv_sec = (time_t)reader->every};
        nanosleep(&pause, NULL);
    }
}

static int run_reader(struct reader *reader, const struct command_help *help)
{
    struct talk talk;
    if (!read_dest(help, reader->dest_text, &reader->dest)) return EXIT_USAGE;
    if (!talk_open(&talk, help->name, &reader->speaker.address, reader->speaker.as)) {
        return EXIT_FAILED;
    }
    const int status = read_all(reader, &talk);
    talk_close(&talk);
    return status;
}

static int outbox_get(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "outbox get",
        .usage = "outbox get --dest PP [--after POSITION] [--limit N] [--ack] [--follow] [OPTIONS]",
        .about =
            "Prints what waits for a destination, oldest first, each message as one line of JSON\n"
            "(--format table is for reading): money to freeze, release or pay from a\n"
            "personal account (PaHold 0x0231, PaRelease 0x0233, PaConsume 0x0234), transfers\n"
            "(TrsfNotice 0x0224, TrsfReturned 0x0225), premiums (PremAdvice 0x0303, PremAsk\n"
            "0x0306). A message has the same msg_id however often it is fetched.\n",
        .examples = "  qingfen outbox get --dest 34\n"
                    "  qingfen outbox get --dest app --ack\n",
    };
    struct reader reader = {.speaker = speaker_new(help.name), .every = 1};
    reader.speaker.format = FORMAT_JSON;
    const struct option_spec specs[] = {
        OPTION_TO(&reader.speaker.address),
        OPTION_AS(&reader.speaker.as),
        OPTION_DEST(&reader.dest_text),
        {"after", OPTION_NUMBER, &reader.after, "POSITION",
         "what is behind it (default: behind what is acknowledged)", 0, 0},
        {"limit", OPTION_NUMBER, &reader.limit, "N", "at most so many (default: all there is)", 1,
         0},
        {"ack", OPTION_FLAG, &reader.ack, NULL, "acknowledge what was printed", 0, 0},
        {"follow", OPTION_FLAG, &reader.follow, NULL, "go on, with what comes later", 0, 0},
        {"format", OPTION_FORMAT, &reader.speaker.format, "FORMAT",
         "table, csv or json (default json)", 0, 0},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (reader.follow && reader.limit != 0) {
        return options_refuse(&help, "--limit and --follow do not go together");
    }
    return run_reader(&reader, &help);
}

static int outbox_watch(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "outbox watch",
        .usage = "outbox watch --dest PP [--ack] [--every SECONDS] [OPTIONS]",
        .about = "Prints what waits and then what comes, until it is stopped. The same as\n"
                 "'outbox get --follow', with the pause between two looks.\n",
        .examples = "  qingfen outbox watch --dest 34 --ack\n",
    };
    struct reader reader = {.speaker = speaker_new(help.name), .every = 1, .follow = true};
    reader.speaker.format = FORMAT_JSON;
    const struct option_spec specs[] = {
        OPTION_TO(&reader.speaker.address),
        OPTION_AS(&reader.speaker.as),
        OPTION_DEST(&reader.dest_text),
        {"ack", OPTION_FLAG, &reader.ack, NULL, "acknowledge what was printed", 0, 0},
        {"every", OPTION_NUMBER, &reader.every, "SECONDS", "how often to look (default 1)", 1,
         3600},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    return run_reader(&reader, &help);
}

int cmd_outbox(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "outbox get|ack|watch --dest PP [OPTIONS]",
        .about = "What the engine has to say to provinces and to the platform: it keeps each\n"
                 "message until the destination acknowledges it.\n",
    };
    static const struct verb verbs[] = {
        {"get", outbox_get, "print what waits"},
        {"ack", outbox_ack, "say that all up to a position has arrived"},
        {"watch", outbox_watch, "print what waits and what comes"},
        {0},
    };
    return verbs_run(argc, argv, &help, verbs);
}
