/* prefund -- deposits of payers at payees (预付金): list and alerts, opening, the year, increases.
 */
#include <stdio.h>
#include <string.h>

#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"
#include "types/wire.h"

static const struct grid_column columns[] = {
    COLUMN("payer", PARTY, "payer"),          COLUMN("payee", PROVINCE, "payee"),
    COLUMN("amount", YUAN, "deposit 预付金"), COLUMN("pending", YUAN, "pending"),
    COLUMN("cleared", YUAN, "cleared"),       COLUMN("use_bp", RATIO, "use %"),
    COLUMN("alert", TEXT, "alert"),           COLUMN("application", TEXT, "increase"),
    COLUMN_HIDDEN("applied", YUAN),           COLUMNS_END,
};

static bool is_alert(const ProtobufCMessage *row, const void *with)
{
    (void)with;
    return ((const Qingfen__V1__PrefundInfo *)row)->alert[0] != '\0';
}

/* The payees' rows stand on the first page; those of them that are wanted. */
static size_t wanted_payees(Qingfen__V1__PrefundListReply *reply, bool only_alerts)
{
    size_t kept = 0;
    for (size_t i = 0; i < reply->n_payees; i++) {
        Qingfen__V1__PrefundInfo *row = reply->payees[i];
        if (only_alerts && !is_alert(&row->base, NULL)) continue;
        /* Swapped, not overwritten: the message still owns each of them once. */
        reply->payees[i] = reply->payees[kept];
        reply->payees[kept++] = row;
    }
    return kept;
}

static void print_lists(enum format format, const struct pages *pages, bool only_alerts)
{
    Qingfen__V1__PrefundListReply *reply = (Qingfen__V1__PrefundListReply *)pages->replies[0];
    const size_t count = wanted_payees(reply, only_alerts);
    ProtobufCMessage *const *payees = (ProtobufCMessage *const *)reply->payees;
    char month[WORDS_SIZE];
    if (format == FORMAT_CSV) {
        grid_print(format, columns, pages->rows, pages->row_count);
        grid_csv_rows(columns, payees, count);
        return;
    }
    if (reply->period == 0) {
        puts("no month is computed yet: there is no use to show\n");
    } else {
        printf("use in %s: the month's cleared amount ÷ the deposit\n\n",
               words_period(reply->period, month));
    }
    grid_print(format, columns, pages->rows, pages->row_count);
    puts("\nby payee, all payers together");
    grid_print(format, columns, payees, count);
}

static int prefund_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "prefund list",
        .usage = "prefund list [--period YYYY-MM] [--province PP] [--alerts] [OPTIONS]",
        .about =
            "The deposits, and the use of each in a month (预付金使用率): YELLOW from 70 %, RED\n"
            "from 90 % on, by setting. Without --period: the latest computed month. In CSV the\n"
            "rows with payer 'all' are the payees' sums.\n",
        .examples = "  qingfen prefund list --period 2025-03 --alerts\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t period = 0;
    bool alerts = false;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"period", OPTION_PERIOD, &period, "YYYY-MM", "month of the use (default: the latest)", 0,
         0},
        OPTION_WHOSE(&speaker),
        {"alerts", OPTION_FLAG, &alerts, NULL, "only yellow and red ones", 0, 0},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    Qingfen__V1__PrefundList request = QINGFEN__V1__PREFUND_LIST__INIT;
    request.period = period;
    request.province = speaker.province;
    struct pages pages;
    status = pages_read(&pages, &speaker, &request.base, MESSAGE_PREFUND_LIST,
                        &qingfen__v1__prefund_list_reply__descriptor, "pairs");
    if (alerts) pages_filter(&pages, is_alert, NULL);
    if (speaker.format == FORMAT_JSON) {
        pages_json(&pages);
    } else if (status == EXIT_DONE) {
        print_lists(speaker.format, &pages, alerts);
    }
    pages_free(&pages);
    return status;
}

/* The year of the engine's clock; 0: it is out of reach. */
static uint32_t ask_year(const struct speaker *speaker)
{
    struct talk talk;
    if (!talk_open(&talk, speaker->command, &speaker->address, 0)) return 0;
    talk_close(&talk);
    return civil_month(talk.now) / 100;
}

static int prefund_open(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "prefund open",
        .usage = "prefund open --payer PP --payee PP --amount YUAN [--year YYYY] [OPTIONS]",
        .about = "Enters a deposit that was there before the engine; once a pair. Centre only.\n",
        .examples = "  qingfen prefund open --payer 34 --payee 31 --amount 880000000\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t payer = 0;
    uint32_t payee = 0;
    int64_t amount = 0;
    uint64_t year = 0;
    const struct option_spec specs[] = {
        OPTION_TO(&speaker.address),
        {"payer", OPTION_PROVINCE, &payer, "PP", "who deposited", 0, 0},
        {"payee", OPTION_PROVINCE, &payee, "PP", "where it lies", 0, 0},
        {"amount", OPTION_YUAN, &amount, "YUAN", "how much", 0, 0},
        {"year", OPTION_NUMBER, &year, "YYYY", "it was set for (default: the engine's)", 2000,
         2999},
        OPTION_OUTPUT(&speaker.format),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (payer == 0 || payee == 0 || amount == 0) {
        return options_refuse(&help, "--payer, --payee and --amount are needed");
    }
    Qingfen__V1__PrefundSet order = QINGFEN__V1__PREFUND_SET__INIT;
    order.year = year != 0 ? (uint32_t)year : ask_year(&speaker);
    if (order.year == 0) return EXIT_FAILED;
    order.payer = payer;
    order.payee = payee;
    order.amount = amount;
    return tell(&speaker, &order.base, MESSAGE_PREFUND_SET);
}

static int prefund_set(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "prefund set",
        .usage = "prefund set YYYY [OPTIONS]",
        .about =
            "Sets the year's deposits: twice the monthly average of what was cleared in the last\n"
            "quarter of the year before, and issues a notice for every pair that changes.\n"
            "Centre only.\n",
        .examples =
            "  qingfen prefund set 2026\n  qingfen notice list --period 2026 --kind prefund\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint64_t year;
    const struct option_spec specs[] = {
        OPTION_TO(&speaker.address), OPTION_OUTPUT(&speaker.format), OPTION_MSGID(&speaker), {0}};
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !number_parse(argv[0], &year) || year < 2000 || year > 2999) {
        return options_refuse(&help, "one year is needed, such as 2026");
    }
    Qingfen__V1__PrefundSet order = QINGFEN__V1__PREFUND_SET__INIT;
    order.year = (uint32_t)year;
    return tell(&speaker, &order.base, MESSAGE_PREFUND_SET);
}

static int prefund_apply(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "prefund apply",
        .usage = "prefund apply YYYY-MM --as PP --payer PP --amount YUAN [OPTIONS]",
        .about = "The payee asks for an emergency increase (紧急调增): within the working days "
                 "after its\n"
                 "signature that the setting says, when the use is red.\n",
        .examples = "  qingfen prefund apply 2026-03 --as 31 --payer 34 --amount 100000000\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t payer = 0;
    uint32_t period;
    int64_t amount = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"payer", OPTION_PROVINCE, &payer, "PP", "whose deposit", 0, 0},
        {"amount", OPTION_YUAN, &amount, "YUAN", "increase", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "the month of the clearing is needed, such as 2026-03");
    }
    if (payer == 0 || amount == 0) return options_refuse(&help, "--payer and --amount are needed");
    if ((speaker.as != 0) == (speaker.province != 0)) {
        return options_refuse(&help, "who asks? --as PP, or for the centre --province PP");
    }
    Qingfen__V1__PrefundApply order = QINGFEN__V1__PREFUND_APPLY__INIT;
    order.province = speaker.province;
    order.period = period;
    order.payer = payer;
    order.amount = amount;
    return tell(&speaker, &order.base, MESSAGE_PREFUND_APPLY);
}

static int decide(int argc, char **argv, const struct command_help *help, bool approve)
{
    struct speaker speaker = speaker_new(help->name);
    uint32_t payer = 0;
    uint32_t payee = 0;
    uint32_t period;
    const struct option_spec specs[] = {
        OPTION_TO(&speaker.address),
        {"payer", OPTION_PROVINCE, &payer, "PP", "whose deposit", 0, 0},
        {"payee", OPTION_PROVINCE, &payee, "PP", "who asked", 0, 0},
        OPTION_OUTPUT(&speaker.format),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(help, "the month of the clearing is needed, such as 2026-03");
    }
    if (payer == 0 || payee == 0) return options_refuse(help, "--payer and --payee are needed");
    Qingfen__V1__PrefundDecide order = QINGFEN__V1__PREFUND_DECIDE__INIT;
    order.period = period;
    order.payer = payer;
    order.payee = payee;
    order.approve = approve;
    return tell(&speaker, &order.base, MESSAGE_PREFUND_DECIDE);
}

static int prefund_approve(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "prefund approve",
        .usage = "prefund approve YYYY-MM --payer PP --payee PP [OPTIONS]",
        .about = "Approves an increase and issues its notice. Centre only.\n",
        .examples = "  qingfen prefund approve 2026-03 --payer 34 --payee 31\n",
    };
    return decide(argc, argv, &help, true);
}

static int prefund_refuse(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "prefund refuse",
        .usage = "prefund refuse YYYY-MM --payer PP --payee PP [OPTIONS]",
        .about = "Refuses an increase. Centre only.\n",
        .examples = "  qingfen prefund refuse 2026-03 --payer 34 --payee 31\n",
    };
    return decide(argc, argv, &help, false);
}

int cmd_prefund(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "prefund VERB [OPTIONS] …",
        .about = "Deposits of payers at payees (预付金). They change by notices only, and are not\n"
                 "drawn down: every month is also paid in full.\n",
        .examples = "  qingfen prefund list --alerts\n  qingfen prefund set 2026\n",
    };
    static const struct verb verbs[] = {
        {"list", prefund_list, "deposits, their use and alerts"},
        {"open", prefund_open, "enter a deposit from before the engine"},
        {"set", prefund_set, "the year's deposits"},
        {"apply", prefund_apply, "a payee asks for an emergency increase (紧急调增)"},
        {"approve", prefund_approve, "the centre approves it"},
        {"refuse", prefund_refuse, "the centre refuses it"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
