/* report -- the tables of a month: who pays whom (net), and for what (position). */
#include <stdio.h>
#include <string.h>

#include "centre.pb-c.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/words.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "report net --period YYYY-MM [--mode MODE] [OPTIONS]\n"
             "       qingfen report position --period YYYY-MM [OPTIONS]",
    .about =
        "net: who pays whom (清分结果), live before the month is cut and final after it.\n"
        "position: every pair of provinces by line and insurance class.\n"
        "Both count all records of the month, those that are held back, too. What a batch\n"
        "clears, with carry-overs and deductions, is in 'period lines', 'notice list' and the\n"
        "documents.\n"
        "Amounts are yuan in tables and CSV, fen in JSON. In csv, '--' is the clearing account.\n",
    .examples = "  qingfen report net --period 2025-03 --mode multilateral\n"
                "  qingfen report position --period 2025-03 --format csv\n",
};

/* "34", or "--" for the clearing account. */
static const char *code_text(uint32_t code, char ret_text[8])
{
    if (code == 0) return "--";
    snprintf(ret_text, 8, "%02u", code % 100);
    return ret_text;
}

static void net_csv(const Qingfen__V1__NetReportReply *reply)
{
    puts("payer,payee,count,amount");
    for (size_t i = 0; i < reply->n_payments; i++) {
        const Qingfen__V1__NetPayment *p = reply->payments[i];
        char payer[8];
        char payee[8];
        char amount[YUAN_SIZE];
        printf("%s,%s,%llu,%s\n", code_text(p->payer, payer), code_text(p->payee, payee),
               (unsigned long long)p->count, yuan_format(p->amount, amount));
    }
}

static void net_payments(const Qingfen__V1__NetReportReply *reply)
{
    const struct table_column columns[] = {{"payer 付款方", TABLE_LEFT},
                                           {"payee 收款方", TABLE_LEFT},
                                           {"records", TABLE_RIGHT},
                                           {"amount 金额 (yuan)", TABLE_RIGHT}};
    struct table *table = table_new(columns, 4);
    uint64_t records = 0;
    int64_t total = 0;
    for (size_t i = 0; i < reply->n_payments; i++) {
        const Qingfen__V1__NetPayment *p = reply->payments[i];
        char text[YUAN_SIZE];
        char name[WORDS_SIZE];
        table_cell(table, "%s", words_province(p->payer, name));
        table_cell(table, "%s", words_province(p->payee, name));
        table_cell(table, "%s", count_format_grouped(p->count, text));
        table_cell(table, "%s", yuan_format_grouped(p->amount, text));
        /* What passes through the clearing account goes in and out; it moves once. */
        records += p->payer == 0 ? 0 : p->count;
        total += p->payer == 0 ? 0 : p->amount;
    }
    char text[YUAN_SIZE];
    table_rule(table);
    table_cell(table, "%zu payments", reply->n_payments);
    table_cell(table, "paid by provinces");
    table_cell(table, "%s", count_format_grouped(records, text));
    table_cell(table, "%s", yuan_format_grouped(total, text));
    table_print(table, stdout);
    table_free(table);
}

static void net_totals(const Qingfen__V1__NetReportReply *reply)
{
    const struct table_column columns[] = {
        {"mode", TABLE_LEFT}, {"moves (yuan)", TABLE_RIGHT}, {"saves (yuan)", TABLE_RIGHT}};
    const struct {
        const char *mode;
        int64_t total;
    } rows[] = {
        {"gross 全额", reply->gross_total},
        {"bilateral 双边轧差", reply->bilateral_total},
        {"multilateral 多边轧差", reply->multilateral_total},
    };
    struct table *table = table_new(columns, 3);
    for (size_t i = 0; i < 3; i++) {
        char text[YUAN_SIZE];
        table_cell(table, "%s", rows[i].mode);
        table_cell(table, "%s", yuan_format_grouped(rows[i].total, text));
        table_cell(table, "%s", yuan_format_grouped(reply->gross_total - rows[i].total, text));
    }
    table_print(table, stdout);
    table_free(table);
}

static void net_table(const Qingfen__V1__NetReportReply *reply)
{
    char month[WORDS_SIZE];
    printf("%s  %s  mode %s\n\n", words_period(reply->period, month),
           strcmp(reply->state, "CUT") == 0 ? "cut, final" : "open, live", reply->mode);
    net_payments(reply);
    putchar('\n');
    net_totals(reply);
    printf("\nliquidity saved by this mode: %u.%02u %%; payable mode: %s\n", reply->saved_bp / 100,
           reply->saved_bp % 100, reply->payable_mode);
}

static int report_net(const struct client_address *address, uint32_t period, const char *mode,
                      enum format format)
{
    Qingfen__V1__NetReport request = QINGFEN__V1__NET_REPORT__INIT;
    request.period = period;
    if (mode != NULL) request.mode = (char *)(uintptr_t)mode; /* Only read. */
    ProtobufCMessage *answer = ask_once("report", address, 0, &request.base, MESSAGE_NET_REPORT,
                                        &qingfen__v1__net_report_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__NetReportReply *reply = (const Qingfen__V1__NetReportReply *)answer;
    const int status = ask_status("report", reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        net_csv(reply);
    } else if (status == EXIT_DONE) {
        net_table(reply);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

static void position_csv(const Qingfen__V1__PositionReportReply *reply)
{
    puts("payer,payee,line,insutype,count,fund,account,amount");
    for (size_t i = 0; i < reply->n_positions; i++) {
        const Qingfen__V1__Position *p = reply->positions[i];
        char payer[8];
        char payee[8];
        char fund[YUAN_SIZE];
        char account[YUAN_SIZE];
        char amount[YUAN_SIZE];
        printf("%s,%s,%u,%u,%llu,%s,%s,%s\n", code_text(p->payer, payer),
               code_text(p->payee, payee), p->line, p->insutype, (unsigned long long)p->count,
               yuan_format(p->fund, fund), yuan_format(p->account, account),
               yuan_format(p->amount, amount));
    }
}

/* "1 inpatient 住院" as "1 住院": eight columns must fit a terminal. */
static char *short_words(char *words)
{
    char *number_end = strchr(words, ' ');
    char *chinese = strrchr(words, ' ');
    if (number_end != NULL && chinese != number_end) {
        memmove(number_end, chinese, strlen(chinese) + 1);
    }
    return words;
}

static void position_table(const Qingfen__V1__PositionReportReply *reply)
{
    const struct table_column columns[] = {
        {"payer", TABLE_LEFT},    {"payee", TABLE_LEFT},    {"line", TABLE_LEFT},
        {"insutype", TABLE_LEFT}, {"records", TABLE_RIGHT}, {"fund", TABLE_RIGHT},
        {"account", TABLE_RIGHT}, {"amount", TABLE_RIGHT},
    };
    struct table *table = table_new(columns, 8);
    uint64_t records = 0;
    int64_t sums[3] = {0};
    char text[YUAN_SIZE];
    for (size_t i = 0; i < reply->n_positions; i++) {
        const Qingfen__V1__Position *p = reply->positions[i];
        char name[WORDS_SIZE];
        table_cell(table, "%s", words_province(p->payer, name));
        table_cell(table, "%s", words_province(p->payee, name));
        table_cell(table, "%s", short_words(words_line(p->line, name)));
        table_cell(table, "%s", short_words(words_insutype(p->insutype, name)));
        table_cell(table, "%s", count_format_grouped(p->count, text));
        table_cell(table, "%s", yuan_format_grouped(p->fund, text));
        table_cell(table, "%s", yuan_format_grouped(p->account, text));
        table_cell(table, "%s", yuan_format_grouped(p->amount, text));
        records += p->count;
        sums[0] += p->fund;
        sums[1] += p->account;
        sums[2] += p->amount;
    }
    table_rule(table);
    table_cell(table, "total");
    for (int i = 0; i < 3; i++) {
        table_cell(table, "%s", "");
    }
    table_cell(table, "%s", count_format_grouped(records, text));
    for (int i = 0; i < 3; i++) {
        table_cell(table, "%s", yuan_format_grouped(sums[i], text));
    }
    table_print(table, stdout);
    table_free(table);
}

static int report_position(const struct client_address *address, uint32_t period,
                           enum format format)
{
    Qingfen__V1__PositionReport request = QINGFEN__V1__POSITION_REPORT__INIT;
    request.period = period;
    ProtobufCMessage *answer =
        ask_once("report", address, 0, &request.base, MESSAGE_POSITION_REPORT,
                 &qingfen__v1__position_report_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__PositionReportReply *reply =
        (const Qingfen__V1__PositionReportReply *)answer;
    const int status = ask_status("report", reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        position_csv(reply);
    } else if (status == EXIT_DONE) {
        position_table(reply);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

static bool mode_is_known(const char *mode)
{
    static const char *const modes[] = {"gross", "bilateral", "multilateral",
                                        "multilateral-direct"};
    for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(mode, modes[i]) == 0) return true;
    }
    return false;
}

int cmd_report(int argc, char **argv)
{
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    uint32_t period = 0;
    const char *mode = NULL;
    const struct option_spec specs[] = {
        OPTION_TO(&address),
        {"period", OPTION_PERIOD, &period, "YYYY-MM", "the month", 0, 0},
        {"mode", OPTION_TEXT, &mode, "MODE",
         "gross, bilateral, multilateral or multilateral-direct", 0, 0},
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "say net or position");
    if (period == 0) return options_refuse(&help, "--period is needed, for example 2025-03");

    if (strcmp(argv[0], "net") == 0) {
        if (mode != NULL && !mode_is_known(mode)) {
            return options_refuse(&help,
                                  "--mode '%s': it should be gross, bilateral, multilateral "
                                  "or multilateral-direct",
                                  mode);
        }
        return report_net(&address, period, mode, format);
    }
    if (strcmp(argv[0], "position") == 0) {
        if (mode != NULL) return options_refuse(&help, "--mode belongs to 'report net'");
        return report_position(&address, period, format);
    }
    return options_refuse(&help, "there is no 'report %s'; say net or position", argv[0]);
}
