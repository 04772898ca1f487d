/* exception -- single records that differ from their cell: mismatched, held, disputed, void. */
#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "types/wire.h"

static int exception_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "exception list",
        .usage = "exception list [--period YYYY-MM] [--province PP] [--state STATE] [OPTIONS]",
        .about =
            "The records that differ from their cell. STATE is MISMATCHED, HELD, DISPUTED, VOID,\n"
            "CONFIRMED or BATCHED. An exception carries over until it is solved.\n",
        .examples = "  qingfen exception list --period 2025-03 --state HELD\n"
                    "  qingfen exception list --as 34 --format csv\n",
    };
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("insu_admdvs", AREA),
        COLUMN("setl_id", TEXT, "setl_id"),
        COLUMN("payer", PROVINCE, "payer"),
        COLUMN("payee", PROVINCE, "payee"),
        COLUMN("period", PERIOD, "month"),
        COLUMN_HIDDEN("line", LINE),
        COLUMN_HIDDEN("insutype", INSUTYPE),
        COLUMN("state", TEXT, "state"),
        COLUMN_SUMMED("amount", YUAN, "amount"),
        COLUMN_SUMMED("deducted", YUAN, "deducted"),
        COLUMN_HIDDEN("det_type", NUMBER),
        COLUMN_HIDDEN("carved", FLAG),
        COLUMN("batch", TEXT, "batch"),
        COLUMN_HIDDEN("dispute_no", TEXT),
        COLUMN_HIDDEN("held_since", PERIOD),
        COLUMN_HIDDEN("since", TIME),
        COLUMNS_END,
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

    Qingfen__V1__ExceptionList request = QINGFEN__V1__EXCEPTION_LIST__INIT;
    request.province = speaker.province;
    request.period = period;
    if (state != NULL) request.state = borrowed(state);
    return list_show(&speaker, &request.base, MESSAGE_EXCEPTION_LIST,
                     &qingfen__v1__exception_list_reply__descriptor, "exceptions", columns);
}

int cmd_exception(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "exception list [OPTIONS]",
        .about = "Records that differ from their cell (异常明细).\n",
        .examples = "  qingfen exception list --period 2025-03\n",
    };
    static const struct verb verbs[] = {
        {"list", exception_list, "the records and what holds them back"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
