/* setting -- the numbers of the cycle that a decree may change: list, set. */
#include <stdio.h>
#include <string.h>

#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "types/wire.h"

static int setting_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "setting list",
        .usage = "setting list [OPTIONS]",
        .about = "The settings in force, their bounds, and the next change that is known.\n",
        .examples = "  qingfen setting list\n",
    };
    static const struct grid_column columns[] = {
        COLUMN("name", TEXT, "setting"),      COLUMN("value", NUMBER, "value"),
        COLUMN("least", NUMBER, "least"),     COLUMN("greatest", NUMBER, "greatest"),
        COLUMN("initial", NUMBER, "initial"), COLUMN("next", NUMBER, "next"),
        COLUMN("next_from", TIME, "from"),    COLUMNS_END,
    };
    struct speaker speaker = speaker_new(help.name);
    const struct option_spec specs[] = {SPEAKER_OPTIONS(&speaker), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    const Qingfen__V1__SettingList request = QINGFEN__V1__SETTING_LIST__INIT;
    ProtobufCMessage *answer =
        ask_once(help.name, &speaker.address, speaker.as, &request.base, MESSAGE_SETTING_LIST,
                 &qingfen__v1__setting_list_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__SettingListReply *reply = (const Qingfen__V1__SettingListReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE) {
        grid_print(speaker.format, columns, (ProtobufCMessage **)reply->settings,
                   reply->n_settings);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

/* A whole number, or a netting mode by the word that the settings file has for it. */
static bool value_parse(const char *name, const char *text, uint64_t *ret_value)
{
    static const char *const modes[] = {"gross", "bilateral", "multilateral",
                                        "multilateral-direct"};
    if (strcmp(name, "clearing.payable_mode") == 0) {
        for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
            if (strcmp(modes[i], text) != 0) continue;
            *ret_value = i;
            return true;
        }
    }
    return number_parse(text, ret_value) && *ret_value <= INT64_MAX;
}

static int setting_set(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "setting set",
        .usage = "setting set NAME VALUE [--from TIME] [OPTIONS]",
        .about =
            "Changes a setting, now or from an instant on that is not in the past. What was\n"
            "decided before is not touched. Amounts are fen, rates basis points; the value of\n"
            "clearing.payable_mode may be gross, bilateral, multilateral or multilateral-direct.\n"
            "Centre only.\n",
        .examples =
            "  qingfen setting set clearing.payable_mode gross\n"
            "  qingfen setting set prefund.yellow_bp 7500 --from 2026-01-01T00:00:00+08:00\n",
    };
    struct speaker speaker = speaker_new(help.name);
    int64_t from = 0;
    uint64_t value;
    const struct option_spec specs[] = {
        OPTION_TO(&speaker.address),
        {"from", OPTION_TIME, &from, "TIME", "in force from then on (default: now)", 0, 0},
        OPTION_OUTPUT(&speaker.format),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 2) return options_refuse(&help, "a name and a value are needed");
    if (!value_parse(argv[0], argv[1], &value)) {
        return options_refuse(&help, "'%s' is not a whole number from 0 on", argv[1]);
    }
    Qingfen__V1__SettingSet order = QINGFEN__V1__SETTING_SET__INIT;
    order.name = borrowed(argv[0]);
    order.value = (int64_t)value;
    order.effective_from = from;
    return tell(&speaker, &order.base, MESSAGE_SETTING_SET);
}

int cmd_setting(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "setting VERB [OPTIONS] …",
        .about =
            "The numbers of the clearing cycle that a decree may change: days, limits, rates.\n",
        .examples = "  qingfen setting list\n  qingfen setting set confirm.required 1\n",
    };
    static const struct verb verbs[] = {
        {"list", setting_list, "what is in force"},
        {"set", setting_set, "change one, now or later"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
