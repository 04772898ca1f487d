/* dispute -- a payer contests one record (争议): open, reply, resolve, list, show. */
#include <stdio.h>
#include <string.h>

#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "types/error.h"
#include "types/wire.h"

static const struct grid_column columns[] = {
    COLUMN("dispute_no", TEXT, "dispute"),
    COLUMN_HIDDEN("insu_admdvs", AREA),
    COLUMN_HIDDEN("setl_id", TEXT),
    COLUMN("payer", PROVINCE, "payer"),
    COLUMN("payee", PROVINCE, "payee"),
    COLUMN("period", PERIOD, "month"),
    COLUMN("reason", NUMBER, "why"),
    COLUMN("state", TEXT, "state"),
    COLUMN("outcome", TEXT, "ruled"),
    COLUMN_SUMMED("amount", YUAN, "amount"),
    COLUMN_HIDDEN("resolved", YUAN),
    COLUMN_HIDDEN("reply_due", DAY),
    COLUMN("resolve_due", DAY, "decide by"),
    COLUMN_HIDDEN("opened_at", TIME),
    COLUMN_HIDDEN("replied_at", TIME),
    COLUMN_HIDDEN("resolved_at", TIME),
    COLUMNS_END,
};

static int dispute_open(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "dispute open",
        .usage = "dispute open NUMBER --as PP --insu AREA --setl-id ID --reason N [OPTIONS]",
        .about =
            "The payer contests a record before it has signed the batch. The record leaves the\n"
            "batch and waits. Reasons: 1 not insured, 2 amount, 3 not covered, 4 duplicate,\n"
            "5 suspicious (费用协查), 9 other.\n",
        .examples =
            "  qingfen dispute open D2025-17 --as 34 --insu 340100 --setl-id S17 --reason 4\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t area = 0;
    const char *setl_id = NULL;
    uint64_t reason = 0;
    const char *note = NULL;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"insu", OPTION_AREA, &area, "AREA", "insured area of the record, six digits", 0, 0},
        {"setl-id", OPTION_TEXT, &setl_id, "ID", "of the record", 0, 0},
        {"reason", OPTION_NUMBER, &reason, "N", "1, 2, 3, 4, 5 or 9, as above", 1, 9},
        {"note", OPTION_TEXT, &note, "TEXT", "at most 90 bytes, no personal data", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "one number for the dispute is needed");
    if (area == 0 || setl_id == NULL || reason == 0) {
        return options_refuse(&help, "--insu, --setl-id and --reason are needed");
    }
    Qingfen__V1__DisputeOpen order = QINGFEN__V1__DISPUTE_OPEN__INIT;
    order.province = speaker.province;
    order.dispute_no = borrowed(argv[0]);
    order.insu_admdvs = area;
    order.setl_id = borrowed(setl_id);
    order.reason = (uint32_t)reason;
    if (note != NULL) order.note = borrowed(note);
    return tell(&speaker, &order.base, MESSAGE_DISPUTE_OPEN);
}

static int dispute_reply(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "dispute reply",
        .usage = "dispute reply NUMBER --as PP --accept | --contest [OPTIONS]",
        .about =
            "The payee answers, in time: it accepts what the payer says, or contests it and the\n"
            "centre decides.\n",
        .examples = "  qingfen dispute reply D2025-17 --as 31 --contest\n",
    };
    struct speaker speaker = speaker_new(help.name);
    bool accept = false;
    bool contest = false;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"accept", OPTION_FLAG, &accept, NULL, "the payer is right", 0, 0},
        {"contest", OPTION_FLAG, &contest, NULL, "it is not", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "the dispute's number is needed");
    if (accept == contest) return options_refuse(&help, "say --accept or --contest");
    Qingfen__V1__DisputeReply order = QINGFEN__V1__DISPUTE_REPLY__INIT;
    order.province = speaker.province;
    order.dispute_no = borrowed(argv[0]);
    order.contest = contest;
    return tell(&speaker, &order.base, MESSAGE_DISPUTE_REPLY);
}

static int dispute_resolve(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "dispute resolve",
        .usage = "dispute resolve NUMBER --pay | --part YUAN | --void [OPTIONS]",
        .about =
            "The centre decides: the whole amount is paid, a part of it, or nothing. The payer\n"
            "may take its dispute back with --pay (--as PP).\n",
        .examples = "  qingfen dispute resolve D2025-17 --part 1200.50\n",
    };
    struct speaker speaker = speaker_new(help.name);
    bool pay = false;
    bool is_void = false;
    int64_t part = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"pay", OPTION_FLAG, &pay, NULL, "the whole amount is paid", 0, 0},
        {"part", OPTION_YUAN, &part, "YUAN", "this much is paid", 0, 0},
        {"void", OPTION_FLAG, &is_void, NULL, "nothing is paid", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "the dispute's number is needed");
    if (pay + is_void + (part != 0) != 1) {
        return options_refuse(&help, "say --pay, --part YUAN or --void");
    }
    Qingfen__V1__DisputeResolve order = QINGFEN__V1__DISPUTE_RESOLVE__INIT;
    order.province = speaker.province;
    order.dispute_no = borrowed(argv[0]);
    order.outcome = borrowed(pay ? "pay" : is_void ? "void" : "part");
    order.amount = part;
    return tell(&speaker, &order.base, MESSAGE_DISPUTE_RESOLVE);
}

static int dispute_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "dispute list",
        .usage = "dispute list [--period YYYY-MM] [--province PP] [--state STATE] [OPTIONS]",
        .about =
            "The disputes. STATE is OPEN, ACCEPTED, CONTESTED or RESOLVED. CSV and JSON have the\n"
            "records and all days.\n",
        .examples = "  qingfen dispute list --state CONTESTED\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t period = 0;
    const char *state = NULL;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"period", OPTION_PERIOD, &period, "YYYY-MM", "only of this month", 0, 0},
        OPTION_WHOSE(&speaker),
        {"state", OPTION_TEXT, &state, "STATE", "only in this state", 0, 0},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    Qingfen__V1__DisputeList request = QINGFEN__V1__DISPUTE_LIST__INIT;
    request.province = speaker.province;
    request.period = period;
    if (state != NULL) request.state = borrowed(state);
    return list_show(&speaker, &request.base, MESSAGE_DISPUTE_LIST,
                     &qingfen__v1__dispute_list_reply__descriptor, "disputes", columns);
}

static bool has_number(const ProtobufCMessage *row, const void *number)
{
    return strcmp(((const Qingfen__V1__Dispute *)row)->dispute_no, number) == 0;
}

static int dispute_show(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "dispute show",
        .usage = "dispute show NUMBER [OPTIONS]",
        .about = "One dispute with its record and its days.\n",
        .examples = "  qingfen dispute show D2025-17\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const struct option_spec specs[] = {SPEAKER_OPTIONS(&speaker), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "the dispute's number is needed");

    Qingfen__V1__DisputeList request = QINGFEN__V1__DISPUTE_LIST__INIT;
    struct pages pages;
    status = pages_read(&pages, &speaker, &request.base, MESSAGE_DISPUTE_LIST,
                        &qingfen__v1__dispute_list_reply__descriptor, "disputes");
    pages_filter(&pages, has_number, argv[0]);
    if (status == EXIT_DONE && pages.row_count == 0) {
        status = ask_status(help.name, ERROR_NOT_FOUND, NULL);
    } else if (speaker.format == FORMAT_JSON) {
        pages_json(&pages);
    } else if (status == EXIT_DONE && speaker.format == FORMAT_CSV) {
        grid_print(FORMAT_CSV, columns, pages.rows, 1);
    } else if (status == EXIT_DONE) {
        puts("dispute 争议");
        grid_page(columns, pages.rows[0]);
    }
    pages_free(&pages);
    return status;
}

int cmd_dispute(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "dispute VERB [OPTIONS] …",
        .about =
            "A payer contests a single record (争议); the rest of the batch goes on without it.\n",
        .examples = "  qingfen dispute list --state OPEN\n  qingfen dispute show D2025-17\n",
    };
    static const struct verb verbs[] = {
        {"open", dispute_open, "the payer contests a record"},
        {"reply", dispute_reply, "the payee accepts or contests"},
        {"resolve", dispute_resolve, "the centre decides; the payer takes it back"},
        {"list", dispute_list, "the disputes"},
        {"show", dispute_show, "one dispute"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
