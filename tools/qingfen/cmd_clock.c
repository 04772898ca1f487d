/* clock -- shows the engine's time, or moves a manual clock forward. */
#include <stdio.h>

#include "centre.pb-c.h"
#include "common.pb-c.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "types/civil.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "clock [OPTIONS]",
    .about = "Prints the engine's time in Shanghai. With --set moves a manual clock forward, never "
             "back;\n"
             "a system clock is refused (1009).\n",
    .examples = "  qingfen clock\n  qingfen clock --set 2026-03-02T21:59:00+08:00\n",
};

static int show_clock(const struct client_address *address, enum format format)
{
    const Qingfen__V1__StatusGet request = QINGFEN__V1__STATUS_GET__INIT;
    ProtobufCMessage *answer = ask_once("clock", address, 0, &request.base, MESSAGE_STATUS_GET,
                                        &qingfen__v1__status_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__StatusReply *reply = (const Qingfen__V1__StatusReply *)answer;
    const int status = ask_status("clock", reply->code, reply->text);
    if (status == EXIT_DONE) {
        char now[CIVIL_ISO_SIZE];
        const char *kind = reply->manual_clock ? "manual" : "system";
        civil_format_iso(reply->now, now);
        if (format == FORMAT_TABLE) printf("%s (%s clock)\n", now, kind);
        if (format == FORMAT_CSV) printf("now,clock\n%s,%s\n", now, kind);
        if (format == FORMAT_JSON) {
            printf("{\"now\":%lld,\"iso\":\"%s\",\"clock\":\"%s\"}\n", (long long)reply->now, now,
                   kind);
        }
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

static int set_clock(const struct client_address *address, int64_t to)
{
    Qingfen__V1__ClockSet request = QINGFEN__V1__CLOCK_SET__INIT;
    request.to = to;
    ProtobufCMessage *answer = ask_once("clock", address, 0, &request.base, MESSAGE_CLOCK_SET,
                                        &qingfen__v1__reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__Reply *reply = (const Qingfen__V1__Reply *)answer;
    const int status = ask_status("clock", reply->code, reply->text);
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

int cmd_clock(int argc, char **argv)
{
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    const char *set = NULL;
    const struct option_spec specs[] = {
        OPTION_TO(&address),
        {"set", OPTION_TEXT, &set, "TIME", "move a manual clock to this time (ISO 8601)", 0, 0},
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (set != NULL) {
        int64_t to;
        if (!civil_parse_iso(set, &to) && !civil_parse_datetime(set, strlen(set), &to)) {
            return options_refuse(&help, "--set '%s': not a time such as 2026-03-02T21:59:00+08:00",
                                  set);
        }
        const int moved = set_clock(&address, to);
        if (moved != EXIT_DONE) return moved;
    }
    return show_clock(&address, format);
}
