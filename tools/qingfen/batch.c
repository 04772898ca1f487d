#include "tools/qingfen/batch.h"

#include <stdio.h>
#include <string.h>

#include "tools/qingfen/batch_page.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "types/error.h"
#include "types/wire.h"

/* Sends one step of a batch; all of them are read the same way. */
struct step {
    const struct command_help *help;
    const char *step;
    bool needs_province;
    bool needs_reason;
};

static int run_step(int argc, char **argv, const struct step *step)
{
    struct speaker speaker = speaker_new(step->help->name);
    const char *reason = NULL;
    uint32_t period;
    const struct option_spec plain[] = {
        OPTION_TO(&speaker.address), OPTION_OUTPUT(&speaker.format), OPTION_MSGID(&speaker), {0}};
    const struct option_spec reasoned[] = {
        OPTION_TO(&speaker.address),
        {"reason", OPTION_TEXT, &reason, "TEXT", "why, at most 90 bytes", 0, 0},
        OPTION_OUTPUT(&speaker.format),
        OPTION_MSGID(&speaker),
        {0},
    };
    const struct option_spec both[] = {
        OPTION_TO(&speaker.address),
        {"province", OPTION_PROVINCE, &speaker.province, "PP", "the province that cannot pay", 0,
         0},
        {"reason", OPTION_TEXT, &reason, "TEXT", "why, at most 90 bytes", 0, 0},
        OPTION_OUTPUT(&speaker.format),
        OPTION_MSGID(&speaker),
        {0},
    };
    const struct option_spec *specs = step->needs_province ? both
                                      : step->needs_reason ? reasoned
                                                           : plain;
    int words;
    const int status = options_read(argc, argv, step->help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(step->help, "one month is needed, such as 2025-03");
    }
    if (step->needs_province && speaker.province == 0) {
        return options_refuse(step->help, "--province is needed: who cannot pay?");
    }
    if (step->needs_reason && !option_says(reason)) {
        return options_refuse(step->help, "--reason is needed");
    }
    Qingfen__V1__BatchStep order = QINGFEN__V1__BATCH_STEP__INIT;
    order.period = period;
    order.step = borrowed(step->step);
    order.province = speaker.province;
    if (reason != NULL) order.reason = borrowed(reason);
    return tell(&speaker, &order.base, MESSAGE_BATCH_STEP);
}

int batch_compute(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period compute",
        .usage = "period compute YYYY-MM [OPTIONS]",
        .about =
            "Makes the tables of the month's batch and the netting (清分). Again after a change\n"
            "makes a new version. Centre only.\n",
        .examples = "  qingfen period compute 2025-03\n",
    };
    return run_step(argc, argv, &(struct step){&help, "compute", false, false});
}

int batch_publish(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period publish",
        .usage = "period publish YYYY-MM [OPTIONS]",
        .about = "Shows the computed tables to the provinces, who now sign them. Centre only.\n",
        .examples = "  qingfen period publish 2025-03\n",
    };
    return run_step(argc, argv, &(struct step){&help, "publish", false, false});
}

int batch_close_signing(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period close-signing",
        .usage = "period close-signing YYYY-MM [OPTIONS]",
        .about = "Ends the signing. Whether silence counts as consent is the setting\n"
                 "sign.timeout_is_consent. Centre only.\n",
        .examples = "  qingfen period close-signing 2025-03\n",
    };
    return run_step(argc, argv, &(struct step){&help, "close-signing", false, false});
}

int batch_notice(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period notice",
        .usage = "period notice YYYY-MM [OPTIONS]",
        .about = "Issues the notices of payment and receipt (付款/收款通知书) of a signed batch.\n"
                 "Centre only.\n",
        .examples = "  qingfen period notice 2025-03\n  qingfen notice list --period 2025-03\n",
    };
    return run_step(argc, argv, &(struct step){&help, "notice", false, false});
}

int batch_abort(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period abort",
        .usage = "period abort YYYY-MM --reason TEXT [OPTIONS]",
        .about = "Gives the batch up before its notices; its money waits for the next one. Centre\n"
                 "only.\n",
        .examples = "  qingfen period abort 2025-03 --reason 'wrong table of settings'\n",
    };
    return run_step(argc, argv, &(struct step){&help, "abort", false, true});
}

int batch_unwind(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period unwind",
        .usage = "period unwind YYYY-MM --province PP --reason TEXT [OPTIONS]",
        .about =
            "Takes a province that cannot pay out of a multilateral batch; the others' amounts\n"
            "are worked out again and what was paid too much goes back. Centre only.\n",
        .examples = "  qingfen period unwind 2025-03 --province 34 --reason 'funds not there'\n",
    };
    return run_step(argc, argv, &(struct step){&help, "unwind", true, true});
}

int batch_archive(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period archive",
        .usage = "period archive YYYY-MM [OPTIONS]",
        .about = "Closes a batch whose notices are all settled (归档). Centre only.\n",
        .examples = "  qingfen period archive 2025-03\n",
    };
    return run_step(argc, argv, &(struct step){&help, "archive", false, false});
}

/* -- signatures ---------------------------------------------------------------------------------
 */

#define DIGEST_SIZE 32

/* 64 hex digits. */
static bool digest_parse(const char *text, uint8_t ret_digest[DIGEST_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    if (strlen(text) != 2 * DIGEST_SIZE) return false;
    for (size_t i = 0; i < 2 * DIGEST_SIZE; i++) {
        const char letter = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 32) : text[i];
        const char *digit = strchr(digits, letter);
        if (digit == NULL) return false;
        const uint8_t half = (uint8_t)(digit - digits);
        ret_digest[i / 2] = (uint8_t)(i % 2 == 0 ? half << 4 : ret_digest[i / 2] | half);
    }
    return true;
}

/* Whether a province has said nothing yet. An objection is not overridden: the centre makes a new
 * version first. */
static bool has_said_nothing(const Qingfen__V1__Signature *signature)
{
    return signature->state[0] == '\0';
}

/* Signs for everybody who has not; the exit status. `digest` may be empty. */
static int sign_all(const struct speaker *speaker, uint32_t period, ProtobufCBinaryData digest)
{
    struct talk talk;
    if (!talk_open(&talk, speaker->command, &speaker->address, 0)) return EXIT_FAILED;

    Qingfen__V1__BatchGet question = QINGFEN__V1__BATCH_GET__INIT;
    question.period = period;
    Qingfen__V1__BatchGetReply *batch = (Qingfen__V1__BatchGetReply *)talk_ask(
        &talk, &question.base, MESSAGE_BATCH_GET, &qingfen__v1__batch_get_reply__descriptor);
    int status =
        batch == NULL ? EXIT_FAILED : ask_status(speaker->command, batch->code, batch->text);
    uint32_t signed_now = 0;
    uint32_t refused = 0;
    for (size_t i = 0; status == EXIT_DONE && i < batch->n_signatures; i++) {
        if (!has_said_nothing(batch->signatures[i])) continue;
        char msgid[MSGID_TEXT_SIZE];
        msgid_make(msgid);
        Qingfen__V1__BatchSign order = QINGFEN__V1__BATCH_SIGN__INIT;
        order.msgid = msgid;
        order.province = batch->signatures[i]->province;
        order.period = period;
        order.digest = digest;
        Qingfen__V1__OrderReply *reply = tell_over(&talk, &order.base, MESSAGE_BATCH_SIGN);
        if (reply == NULL) {
            status = EXIT_FAILED;
            break;
        }
        /* A province that has no line in the batch has nothing to sign. */
        const bool is_concerned = reply->code != ERROR_NOT_YOURS;
        if (is_concerned && reply->code != 0) fprintf(stderr, "for %02u: ", order.province);
        signed_now += reply->code == 0;
        refused +=
            is_concerned && ask_status(speaker->command, reply->code, reply->text) != EXIT_DONE;
        qingfen__v1__order_reply__free_unpacked(reply, NULL);
    }
    if (batch != NULL) qingfen__v1__batch_get_reply__free_unpacked(batch, NULL);
    talk_close(&talk);
    if (speaker->format == FORMAT_TABLE) {
        printf("signed for %u provinces, refused %u\n", signed_now, refused);
    } else if (speaker->format == FORMAT_CSV) {
        printf("signed,refused\n%u,%u\n", signed_now, refused);
    } else {
        printf("{\"signed\":%u,\"refused\":%u}\n", signed_now, refused);
    }
    return status == EXIT_DONE && refused == 0 ? EXIT_DONE : EXIT_FAILED;
}

int batch_sign(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period sign",
        .usage = "period sign YYYY-MM --as PP [--digest HEX] [OPTIONS]\n"
                 "       qingfen period sign YYYY-MM --province PP | --all [OPTIONS]",
        .about =
            "A province signs the published tables (签章). With --digest it signs only if they\n"
            "are the ones it has seen (period show prints it). The centre may sign for one\n"
            "province (--province), or for all that have not (--all).\n",
        .examples = "  qingfen period sign 2025-03 --as 34\n  qingfen period sign 2025-03 --all\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *hex = NULL;
    bool all = false;
    uint32_t period;
    uint8_t bytes[DIGEST_SIZE];
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"digest", OPTION_TEXT, &hex, "HEX", "the tables it has seen, 64 hex digits", 0, 0},
        {"all", OPTION_FLAG, &all, NULL, "the centre signs for all provinces that have not", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "one month is needed, such as 2025-03");
    }
    if ((speaker.as != 0) + (speaker.province != 0) + all != 1) {
        return options_refuse(&help,
                              "who signs? --as PP, or for the centre --province PP or --all");
    }
    if (hex != NULL && !digest_parse(hex, bytes)) {
        return options_refuse(&help, "--digest '%s': it should be 64 hex digits", hex);
    }
    const ProtobufCBinaryData digest = {hex == NULL ? 0 : DIGEST_SIZE, bytes};
    if (all) return sign_all(&speaker, period, digest);

    Qingfen__V1__BatchSign order = QINGFEN__V1__BATCH_SIGN__INIT;
    order.period = period;
    order.province = speaker.province;
    order.digest = digest;
    return tell(&speaker, &order.base, MESSAGE_BATCH_SIGN);
}

int batch_object(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period object",
        .usage = "period object YYYY-MM --as PP --reason TEXT [OPTIONS]",
        .about = "A province does not agree with the published tables (异议). They are looked at,\n"
                 "computed and published again, and every province signs the new version.\n",
        .examples = "  qingfen period object 2025-03 --as 34 --reason 'hospital 12 twice'\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *reason = NULL;
    uint32_t period;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"reason", OPTION_TEXT, &reason, "TEXT", "why, at most 90 bytes", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "one month is needed, such as 2025-03");
    }
    if (!option_says(reason)) return options_refuse(&help, "--reason is needed");
    if ((speaker.as != 0) == (speaker.province != 0)) {
        return options_refuse(&help, "who objects? --as PP, or for the centre --province PP");
    }
    Qingfen__V1__BatchSign order = QINGFEN__V1__BATCH_SIGN__INIT;
    order.period = period;
    order.province = speaker.province;
    order.objection = true;
    order.reason = borrowed(reason);
    return tell(&speaker, &order.base, MESSAGE_BATCH_SIGN);
}

/* -- looking ------------------------------------------------------------------------------------
 */

int batch_lines(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period lines",
        .usage = "period lines YYYY-MM [--version N] [--province PP] [OPTIONS]",
        .about =
            "The lines of a batch's tables (清算表): cells of the month less what is blocked,\n"
            "what was carried over, and recoveries. CSV and JSON have the fund classes.\n",
        .examples = "  qingfen period lines 2025-03 --province 34\n"
                    "  qingfen period lines 2025-03 --version 1 --format csv\n",
    };
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("number", NUMBER),
        COLUMN("kind", TEXT, "kind"),
        COLUMN("period", PERIOD, "month"),
        COLUMN("payer", PROVINCE, "payer"),
        COLUMN("payee", PROVINCE, "payee"),
        COLUMN("line", NUMBER, "line"),
        COLUMN("insutype", NUMBER, "ins"),
        COLUMN_SUMMED("count", COUNT, "records"),
        COLUMN_HIDDEN("medfee_sumamt", YUAN),
        COLUMN_HIDDEN("pool", YUAN),
        COLUMN_HIDDEN("account", YUAN),
        COLUMN_HIDDEN("supplement", YUAN),
        COLUMN_HIDDEN("assistance", YUAN),
        COLUMN_HIDDEN("other", YUAN),
        COLUMN_SUMMED("deducted", YUAN, "deducted"),
        COLUMN_SUMMED("amount", YUAN, "amount"),
        COLUMN_HIDDEN("setl_id", TEXT),
        COLUMNS_END,
    };
    struct speaker speaker = speaker_new(help.name);
    uint64_t version = 0;
    uint64_t number = 0;
    uint32_t period;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"version", OPTION_NUMBER, &version, "N", "of the tables (default: the published one)", 1,
         UINT32_MAX},
        {"number", OPTION_NUMBER, &number, "N", "of the month's batches (default: the live one)", 1,
         UINT32_MAX},
        OPTION_WHOSE(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "one month is needed, such as 2025-03");
    }
    Qingfen__V1__BatchGet request = QINGFEN__V1__BATCH_GET__INIT;
    request.period = period;
    request.version = (uint32_t)version;
    request.number = (uint32_t)number;
    request.province = speaker.province;
    return list_show(&speaker, &request.base, MESSAGE_BATCH_GET,
                     &qingfen__v1__batch_get_reply__descriptor, "lines", columns);
}

/* The month's exceptions that block money; the pages stay empty when they cannot be had. */
static int read_blocked(const struct speaker *speaker, uint32_t period, struct pages *pages)
{
    Qingfen__V1__ExceptionList request = QINGFEN__V1__EXCEPTION_LIST__INIT;
    request.period = period;
    return pages_read(pages, speaker, &request.base, MESSAGE_EXCEPTION_LIST,
                      &qingfen__v1__exception_list_reply__descriptor, "exceptions");
}

int batch_show(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period show",
        .usage = "period show YYYY-MM [--number N] [OPTIONS]",
        .about =
            "A month's batch on one page: its states with their times, the totals in the three\n"
            "modes, the signatures, what is blocked, what is next and who must act.\n",
        .examples = "  qingfen period show 2025-03\n  qingfen period show 2025-03 --format json\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint64_t number = 0;
    uint32_t period;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"number", OPTION_NUMBER, &number, "N", "of the month's batches (default: the live one)", 1,
         UINT32_MAX},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "one month is needed, such as 2025-03");
    }
    Qingfen__V1__BatchGet request = QINGFEN__V1__BATCH_GET__INIT;
    request.period = period;
    request.number = (uint32_t)number;
    ProtobufCMessage *answer =
        ask_once(help.name, &speaker.address, speaker.as, &request.base, MESSAGE_BATCH_GET,
                 &qingfen__v1__batch_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__BatchGetReply *reply = (const Qingfen__V1__BatchGetReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && reply->batch == NULL) {
        status = ask_status(help.name, ERROR_NOT_FOUND, "the month has no batch yet");
    } else if (status == EXIT_DONE && speaker.format == FORMAT_CSV) {
        batch_page_csv(reply->batch);
    } else if (status == EXIT_DONE) {
        struct pages blocked;
        status = read_blocked(&speaker, period, &blocked);
        batch_page_print(reply, blocked.rows, blocked.row_count);
        pages_free(&blocked);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}
