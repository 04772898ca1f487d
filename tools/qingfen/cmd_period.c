/* period -- the months of the clearing: list, cut, close a year. */
#include <stdio.h>
#include <string.h>

#include "centre.pb-c.h"
#include "common.pb-c.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/words.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "period list [OPTIONS]\n"
             "       qingfen period cut YYYY-MM [OPTIONS]\n"
             "       qingfen period close-year YYYY [OPTIONS]",
    .about =
        "Lists the months that hold records, freezes one of them (记账截止) at one point on all\n"
        "shards, or closes a year whose months are all cut. Cutting a month again gives the same\n"
        "answer; an earlier month that is still open is refused (5001).\n",
    .examples = "  qingfen period list\n  qingfen period cut 2025-03\n"
                "  qingfen period list --format csv\n",
};

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

static int period_list(const struct client_address *address, enum format format)
{
    const Qingfen__V1__PeriodList request = QINGFEN__V1__PERIOD_LIST__INIT;
    ProtobufCMessage *answer = ask_once("period", address, 0, &request.base, MESSAGE_PERIOD_LIST,
                                        &qingfen__v1__period_list_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__PeriodListReply *reply = (const Qingfen__V1__PeriodListReply *)answer;
    summary *const *periods = (summary *const *)reply->periods;
    const int status = ask_status("period", reply->code, reply->text);
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

static int period_cut(const struct client_address *address, uint32_t period, enum format format)
{
    Qingfen__V1__PeriodCut request = QINGFEN__V1__PERIOD_CUT__INIT;
    request.period = period;
    ProtobufCMessage *answer = ask_once("period", address, 0, &request.base, MESSAGE_PERIOD_CUT,
                                        &qingfen__v1__period_cut_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__PeriodCutReply *reply = (const Qingfen__V1__PeriodCutReply *)answer;
    summary *const periods[] = {reply->period};
    const size_t count = reply->period != NULL;
    const int status = ask_status("period", reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        print_csv(periods, count);
    } else if (status == EXIT_DONE) {
        char at[WORDS_SIZE];
        char us[YUAN_SIZE];
        print_table(periods, count);
        printf("\ncut at %s, took %s us%s\n", words_time(reply->cut_at, at),
               count_format_grouped(reply->cut_us, us), reply->dup ? " (it was cut before)" : "");
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

static int close_year(const struct client_address *address, uint32_t year, enum format format)
{
    Qingfen__V1__YearClose request = QINGFEN__V1__YEAR_CLOSE__INIT;
    request.year = year;
    ProtobufCMessage *answer = ask_once("period", address, 0, &request.base, MESSAGE_YEAR_CLOSE,
                                        &qingfen__v1__reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__Reply *reply = (const Qingfen__V1__Reply *)answer;
    const int status = ask_status("period", reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        printf("year,state\n%u,CLOSED\n", year);
    } else if (status == EXIT_DONE) {
        printf("year %u is closed%s\n", year, reply->dup ? " (it was closed before)" : "");
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

int cmd_period(int argc, char **argv)
{
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    const struct option_spec specs[] = {OPTION_TO(&address), OPTION_OUTPUT(&format), {0}};
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words == 0) return options_refuse(&help, "say list, cut or close-year");

    if (strcmp(argv[0], "list") == 0) {
        if (words > 1) return options_refuse(&help, "'%s' is too much", argv[1]);
        return period_list(&address, format);
    }
    if (strcmp(argv[0], "cut") == 0) {
        uint32_t period;
        if (words != 2 || !period_parse(argv[1], &period)) {
            return options_refuse(&help, "cut needs one month such as 2025-03");
        }
        return period_cut(&address, period, format);
    }
    if (strcmp(argv[0], "close-year") == 0) {
        uint64_t year;
        if (words != 2 || !number_parse(argv[1], &year) || year < 2000 || year > 2999) {
            return options_refuse(&help, "close-year needs one year such as 2025");
        }
        return close_year(&address, (uint32_t)year, format);
    }
    return options_refuse(&help, "there is no 'period %s'; say list, cut or close-year", argv[0]);
}
