/* period -- the months of the clearing: list, cut, close a year; and the way of their batches
 * (batch.h). */
#include <stdio.h>
#include <string.h>

#include "centre.pb-c.h"
#include "common.pb-c.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/batch.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/tell.h"
#include "tools/qingfen/words.h"
#include "types/wire.h"

typedef const Qingfen__V1__PeriodSummary summary;

static void print_csv(summary *const *periods, size_t count)
{
    puts("period,state,count,refund_count,late_count,medfee_sumamt,fund,account,gross,bilateral,"
         "multilateral,digest");
    for (size_t i = 0; i < count; i++) {
        summary *p = periods[i];
        char text[6][YUAN_SIZE];
        char month[WORDS_SIZE];
        printf("%s,%s,%llu,%llu,%llu,%s,%s,%s,%s,%s,%s,", words_period(p->period, month), p->state,
               (unsigned long long)p->count, (unsigned long long)p->refund_count,
               (unsigned long long)p->late_count, yuan_format(p->medfee_sumamt, text[0]),
               yuan_format(p->fund, text[1]), yuan_format(p->account, text[2]),
               yuan_format(p->gross, text[3]), yuan_format(p->bilateral, text[4]),
               yuan_format(p->multilateral, text[5]));
        for (size_t b = 0; b < p->digest.len; b++) {
            printf("%02x", p->digest.data[b]);
        }
        putchar('\n');
    }
}

static void print_table(summary *const *periods, size_t count)
{
    const struct table_column columns[] = {
        {"period", TABLE_LEFT},     {"state", TABLE_LEFT},         {"records", TABLE_RIGHT},
        {"refunds", TABLE_RIGHT},   {"late", TABLE_RIGHT},         {"gross", TABLE_RIGHT},
        {"bilateral", TABLE_RIGHT}, {"multilateral", TABLE_RIGHT},
    };
    struct table *table = table_new(columns, 8);
    for (size_t i = 0; i < count; i++) {
        summary *p = periods[i];
        char text[YUAN_SIZE];
        char month[WORDS_SIZE];
        table_cell(table, "%s", words_period(p->period, month));
        table_cell(table, "%s", p->state);
        table_cell(table, "%s", count_format_grouped(p->count, text));
        table_cell(table, "%s", count_format_grouped(p->refund_count, text));
        table_cell(table, "%s", count_format_grouped(p->late_count, text));
        table_cell(table, "%s", yuan_format_grouped(p->gross, text));
        table_cell(table, "%s", yuan_format_grouped(p->bilateral, text));
        table_cell(table, "%s", yuan_format_grouped(p->multilateral, text));
    }
    table_print(table, stdout);
    table_free(table);
}

static int period_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period list",
        .usage = "period list [OPTIONS]",
        .about = "Lists the months that hold records or were cut (记账截止).\n",
        .examples = "  qingfen period list\n  qingfen period list --format csv\n",
    };
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    const struct option_spec specs[] = {OPTION_TO(&address), OPTION_OUTPUT(&format), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    const Qingfen__V1__PeriodList request = QINGFEN__V1__PERIOD_LIST__INIT;
    ProtobufCMessage *answer = ask_once(help.name, &address, 0, &request.base, MESSAGE_PERIOD_LIST,
                                        &qingfen__v1__period_list_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__PeriodListReply *reply = (const Qingfen__V1__PeriodListReply *)answer;
    summary *const *periods = (summary *const *)reply->periods;
    status = ask_status(help.name, reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        print_csv(periods, reply->n_periods);
    } else if (status == EXIT_DONE) {
        print_table(periods, reply->n_periods);
        if (reply->closed_year != 0) printf("\nclosed through year %u\n", reply->closed_year);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

/* What became of the month: its batch, and what stays out of it. */
static void print_batch(const Qingfen__V1__PeriodCutReply *reply)
{
    char count[YUAN_SIZE];
    char amount[YUAN_SIZE];
    if (reply->batch[0] == '\0') return;
    printf("%s %s: %s records in it, %s yuan gross\n",
           reply->provisional ? "it would make batch" : "batch", reply->batch,
           count_format_grouped(reply->batch_count, count),
           yuan_format_grouped(reply->batch_amount, amount));
    printf("left out and carried over: %s records, %s yuan\n",
           count_format_grouped(reply->left_out, count),
           yuan_format_grouped(reply->left_out_amount, amount));
}

static void print_cut(const Qingfen__V1__PeriodCutReply *reply)
{
    char at[WORDS_SIZE];
    char us[YUAN_SIZE];
    summary *const periods[] = {reply->period};
    print_table(periods, reply->period != NULL);
    if (reply->provisional) {
        puts("\nprovisional: nothing was frozen");
    } else {
        printf("\ncut at %s, took %s us%s\n", words_time(reply->cut_at, at),
               count_format_grouped(reply->cut_us, us), reply->dup ? " (it was cut before)" : "");
    }
    print_batch(reply);
}

static int period_cut(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period cut",
        .usage = "period cut YYYY-MM [--provisional] [OPTIONS]",
        .about =
            "Freezes a month (记账截止) at one point on all shards and makes its batch. What\n"
            "differs, is held or disputed stays out and carries over. Cutting a month again gives\n"
            "the same answer; an earlier month that is still open is refused (5001), and so is "
            "one\n"
            "that has not begun.\n"
            "--provisional only says what a cut would bring now.\n",
        .examples = "  qingfen period cut 2025-03\n  qingfen period cut 2025-03 --provisional\n",
    };
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    bool provisional = false;
    const char *msgid = NULL;
    uint32_t period;
    const struct option_spec specs[] = {
        OPTION_TO(&address),
        {"provisional", OPTION_FLAG, &provisional, NULL, "only say what a cut would bring", 0, 0},
        {"msgid", OPTION_TEXT, &msgid, "ID", "the order's own id (default: none)", 0, 0},
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "cut needs one month such as 2025-03");
    }

    Qingfen__V1__PeriodCut request = QINGFEN__V1__PERIOD_CUT__INIT;
    request.period = period;
    request.provisional = provisional;
    if (msgid != NULL) request.msgid = borrowed(msgid);
    ProtobufCMessage *answer = ask_once(help.name, &address, 0, &request.base, MESSAGE_PERIOD_CUT,
                                        &qingfen__v1__period_cut_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__PeriodCutReply *reply = (const Qingfen__V1__PeriodCutReply *)answer;
    summary *const periods[] = {reply->period};
    status = ask_status(help.name, reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        print_csv(periods, reply->period != NULL);
    } else if (status == EXIT_DONE) {
        print_cut(reply);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

static int close_year(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "period close-year",
        .usage = "period close-year YYYY [OPTIONS]",
        .about =
            "Closes a year whose months are all cut and cleared (年度结转). Nothing of it can\n"
            "be changed after that.\n",
        .examples = "  qingfen period close-year 2025\n",
    };
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    uint64_t year;
    const struct option_spec specs[] = {OPTION_TO(&address), OPTION_OUTPUT(&format), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !number_parse(argv[0], &year) || year < 2000 || year > 2999) {
        return options_refuse(&help, "close-year needs one year such as 2025");
    }

    Qingfen__V1__YearClose request = QINGFEN__V1__YEAR_CLOSE__INIT;
    request.year = (uint32_t)year;
    ProtobufCMessage *answer = ask_once(help.name, &address, 0, &request.base, MESSAGE_YEAR_CLOSE,
                                        &qingfen__v1__reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__Reply *reply = (const Qingfen__V1__Reply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        printf("year,state\n%u,CLOSED\n", (unsigned)year);
    } else if (status == EXIT_DONE) {
        printf("year %u is closed%s\n", (unsigned)year,
               reply->dup ? " (it was closed before)" : "");
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

int cmd_period(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "period VERB [OPTIONS] …",
        .about =
            "The months of the clearing and their batches (清算批次): cut, computed, published,\n"
            "signed, noticed, paid, settled, archived.\n",
        .examples = "  qingfen period cut 2025-03\n  qingfen period show 2025-03\n"
                    "  qingfen period sign 2025-03 --as 34\n",
    };
    static const struct verb verbs[] = {
        {"list", period_list, "the months that hold records"},
        {"cut", period_cut, "freeze a month and make its batch (记账截止)"},
        {"show", batch_show, "a month's batch: states, totals, signatures, what is next"},
        {"lines", batch_lines, "the lines of a batch's tables (清算表)"},
        {"compute", batch_compute, "make the tables and the netting (清分)"},
        {"publish", batch_publish, "show the tables to the provinces for signature"},
        {"sign", batch_sign, "a province signs the tables (签章)"},
        {"object", batch_object, "a province objects to the tables (异议)"},
        {"close-signing", batch_close_signing,
         "no more signatures; what silence means is a setting"},
        {"notice", batch_notice, "issue the payment notices (付款/收款通知书)"},
        {"abort", batch_abort, "give a batch up; its money waits for the next"},
        {"unwind", batch_unwind, "take a province that cannot pay out of multilateral netting"},
        {"archive", batch_archive, "close a settled batch (归档)"},
        {"close-year", close_year, "close a year whose months are all cleared"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
