/* notice -- notices of payment and receipt (付款/收款通知书), the money on them, and how late it
 * is. */
#include <stdio.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ageing.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"
#include "types/error.h"
#include "types/wire.h"

static const struct grid_column columns[] = {
    COLUMN("number", TEXT, "notice 通知书"),
    COLUMN_HIDDEN("kind", TEXT),
    COLUMN("state", TEXT, "state"),
    COLUMN_HIDDEN("version", NUMBER),
    COLUMN_HIDDEN("mode", TEXT),
    COLUMN("payer", PROVINCE, "payer"),
    COLUMN("payee", PROVINCE, "payee"),
    COLUMN_HIDDEN("batch", TEXT),
    COLUMN_HIDDEN("period", PERIOD),
    COLUMN_SUMMED("amount", YUAN, "amount"),
    COLUMN_HIDDEN("reported", YUAN),
    COLUMN_HIDDEN("received", YUAN),
    COLUMN_HIDDEN("old_amount", YUAN),
    COLUMN_HIDDEN("new_amount", YUAN),
    COLUMN_HIDDEN("file_due", DAY),
    COLUMN("transfer_due", DAY, "pay by"),
    COLUMN_HIDDEN("feedback_due", DAY),
    COLUMN("late_wd", NUMBER, "late"),
    COLUMN_HIDDEN("issued_at", TIME),
    COLUMN_HIDDEN("settled_at", TIME),
    COLUMN_HIDDEN("replaces", TEXT),
    COLUMNS_END,
};

/* A period, or the year of prefunds. */
static bool period_or_year(const char *text, uint32_t *ret_period)
{
    uint64_t year;
    if (period_parse(text, ret_period)) return true;
    if (strlen(text) != 4 || !number_parse(text, &year)) return false;
    *ret_period = (uint32_t)year;
    return true;
}

static int notice_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice list",
        .usage = "notice list [--period YYYY-MM|YYYY] [--province PP] [--state STATE] [--overdue]\n"
                 "                            [--kind KIND] [OPTIONS]",
        .about =
            "The notices. STATE is DUE, OVERDUE, PAID, SETTLED or CANCELLED; KIND is clearing or\n"
            "prefund. late: working days past the day the money was to be sent. A year alone\n"
            "names the notices of its prefunds. CSV and JSON have all amounts and days.\n",
        .examples = "  qingfen notice list --period 2025-03 --province 34\n"
                    "  qingfen notice list --overdue --format csv\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *period = NULL;
    const char *state = NULL;
    const char *kind = NULL;
    bool overdue = false;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"period", OPTION_TEXT, &period, "YYYY-MM", "only of this month, or year of prefunds", 0,
         0},
        OPTION_WHOSE(&speaker),
        {"state", OPTION_TEXT, &state, "STATE", "only in this state", 0, 0},
        {"overdue", OPTION_FLAG, &overdue, NULL, "the same as --state OVERDUE", 0, 0},
        {"kind", OPTION_TEXT, &kind, "KIND", "clearing, reverse, return or prefund", 0, 0},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (overdue && state != NULL) return options_refuse(&help, "--overdue is a state by itself");

    Qingfen__V1__NoticeList request = QINGFEN__V1__NOTICE_LIST__INIT;
    if (period != NULL && !period_or_year(period, &request.period)) {
        return options_refuse(&help, "--period '%s': it should be 2025-03, or 2025", period);
    }
    request.province = speaker.province;
    if (overdue) state = "OVERDUE";
    if (state != NULL) request.state = borrowed(state);
    if (kind != NULL) request.kind = borrowed(kind);
    return list_show(&speaker, &request.base, MESSAGE_NOTICE_LIST,
                     &qingfen__v1__notice_list_reply__descriptor, "notices", columns);
}

/* Asks for one notice with its payments. NULL: why was said. The reply has the notice. */
static Qingfen__V1__NoticeListReply *ask_notice(struct talk *talk, const char *number)
{
    Qingfen__V1__NoticeList request = QINGFEN__V1__NOTICE_LIST__INIT;
    request.number = borrowed(number);
    request.limit = 1;
    Qingfen__V1__NoticeListReply *reply = (Qingfen__V1__NoticeListReply *)talk_ask(
        talk, &request.base, MESSAGE_NOTICE_LIST, &qingfen__v1__notice_list_reply__descriptor);
    if (reply == NULL) return NULL;
    const bool is_missing = reply->code == 0 && reply->n_notices == 0;
    const uint32_t code = is_missing ? ERROR_NOTICE_UNKNOWN : reply->code;
    if (ask_status(talk->command, code, reply->text) == EXIT_DONE) return reply;
    qingfen__v1__notice_list_reply__free_unpacked(reply, NULL);
    return NULL;
}

static void print_payments(const Qingfen__V1__NoticeInfo *notice)
{
    static const struct grid_column payment_columns[] = {
        COLUMN("bank_ref", TEXT, "bank reference"), COLUMN("state", TEXT, "state"),
        COLUMN_SUMMED("amount", YUAN, "amount"),    COLUMN("paid_at", TIME, "paid"),
        COLUMN("confirmed_at", TIME, "confirmed"),  COLUMNS_END,
    };
    if (notice->n_payments == 0) {
        puts("\nno payment was reported");
        return;
    }
    puts("\npayments 付款");
    grid_print(FORMAT_TABLE, payment_columns, (ProtobufCMessage **)notice->payments,
               notice->n_payments);
}

static int notice_show(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice show",
        .usage = "notice show NUMBER [OPTIONS]",
        .about = "One notice with its days and the payments reported on it.\n",
        .examples = "  qingfen notice show CLR-202503-1-34-31-1\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const struct option_spec specs[] = {SPEAKER_OPTIONS(&speaker), {0}};
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "the notice's number is needed");

    struct talk talk;
    if (!talk_open(&talk, help.name, &speaker.address, speaker.as)) return EXIT_FAILED;
    Qingfen__V1__NoticeListReply *reply = ask_notice(&talk, argv[0]);
    talk_close(&talk);
    if (reply == NULL) return EXIT_FAILED;
    if (speaker.format == FORMAT_JSON) {
        print_json(&reply->notices[0]->base);
    } else if (speaker.format == FORMAT_CSV) {
        grid_print(FORMAT_CSV, columns, (ProtobufCMessage **)reply->notices, 1);
    } else {
        grid_page(columns, &reply->notices[0]->base);
        print_payments(reply->notices[0]);
    }
    qingfen__v1__notice_list_reply__free_unpacked(reply, NULL);
    return EXIT_DONE;
}

static int notice_reissue(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice reissue",
        .usage = "notice reissue NUMBER --reason TEXT [OPTIONS]",
        .about = "Cancels a notice nothing was paid on and issues its next version with new days.\n"
                 "Centre only.\n",
        .examples = "  qingfen notice reissue NUMBER --reason 'account changed'\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *reason = NULL;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"reason", OPTION_TEXT, &reason, "TEXT", "why, at most 90 bytes", 0, 0},
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "the notice's number is needed");
    if (!option_says(reason)) return options_refuse(&help, "--reason is needed");
    Qingfen__V1__NoticeReissue order = QINGFEN__V1__NOTICE_REISSUE__INIT;
    order.number = borrowed(argv[0]);
    order.reason = borrowed(reason);
    return tell(&speaker, &order.base, MESSAGE_NOTICE_REISSUE);
}

/* Midnight of an instant's day: a transfer that is reported again the same day is then recognised,
 * and banks often tell no more than the day. */
static int64_t day_of(int64_t at_ms)
{
    struct civil civil = civil_from_ms(at_ms);
    int64_t midnight = at_ms;
    civil.hour = civil.minute = civil.second = civil.millisecond = 0;
    return civil_to_ms(&civil, &midnight) ? midnight : at_ms;
}

/* What is still to be reported on the notice (--full), and the engine's day. */
static bool ask_rest(const struct speaker *speaker, const char *number, bool is_full,
                     int64_t *amount, int64_t *paid_at)
{
    struct talk talk;
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return false;
    Qingfen__V1__NoticeListReply *reply = is_full ? ask_notice(&talk, number) : NULL;
    if (reply != NULL) {
        *amount = reply->notices[0]->amount - reply->notices[0]->reported;
        qingfen__v1__notice_list_reply__free_unpacked(reply, NULL);
    }
    if (*paid_at == 0) *paid_at = day_of(talk.now);
    talk_close(&talk);
    return !is_full || reply != NULL;
}

static int notice_pay(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice pay",
        .usage = "notice pay NUMBER --as PP --bank-ref REF --amount YUAN | --full\n"
                 "                           [--paid-at TIME] [OPTIONS]",
        .about =
            "The payer reports a transfer (付款反馈). A notice may be paid in parts, each with "
            "its\n"
            "own bank reference. --full pays what is left. The centre speaks for the payer, and\n"
            "for what the clearing account pays.\n",
        .examples = "  qingfen notice pay NUMBER --as 34 --bank-ref ICBC2025042200017 --full\n"
                    "  qingfen notice pay NUMBER --bank-ref R1 --amount 1000000.00 --paid-at "
                    "2025-05-08T10:00:00+08:00\n",
    };
    struct speaker speaker = speaker_new(help.name);
    const char *bank_ref = NULL;
    int64_t amount = 0;
    int64_t paid_at = 0;
    bool full = false;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"bank-ref", OPTION_TEXT, &bank_ref, "REF", "of the transfer, at most 39 bytes", 0, 0},
        {"amount", OPTION_YUAN, &amount, "YUAN", "of the transfer", 0, 0},
        {"full", OPTION_FLAG, &full, NULL, "all that is left to pay", 0, 0},
        {"paid-at", OPTION_TIME, &paid_at, "TIME", "when (default: today, by the engine's clock)",
         0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "the notice's number is needed");
    if (bank_ref == NULL) return options_refuse(&help, "--bank-ref is needed");
    if (full == (amount != 0)) return options_refuse(&help, "say --amount YUAN or --full");

    if (!ask_rest(&speaker, argv[0], full, &amount, &paid_at)) return EXIT_FAILED;
    Qingfen__V1__PayReport order = QINGFEN__V1__PAY_REPORT__INIT;
    order.province = speaker.province;
    order.number = borrowed(argv[0]);
    order.bank_ref = borrowed(bank_ref);
    order.amount = amount;
    order.paid_at = paid_at;
    return tell(&speaker, &order.base, MESSAGE_PAY_REPORT);
}

/* Receipt and rejection are the same order. */
static int report_receipt(int argc, char **argv, const struct command_help *help, bool rejected)
{
    struct speaker speaker = speaker_new(help->name);
    const char *bank_ref = NULL;
    int64_t amount = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"bank-ref", OPTION_TEXT, &bank_ref, "REF", "of the transfer", 0, 0},
        {"amount", OPTION_YUAN, &amount, "YUAN", "as it was reported", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(help, "the notice's number is needed");
    if (bank_ref == NULL || amount == 0) {
        return options_refuse(help, "--bank-ref and --amount are needed");
    }
    Qingfen__V1__ReceiptReport order = QINGFEN__V1__RECEIPT_REPORT__INIT;
    order.province = speaker.province;
    order.number = borrowed(argv[0]);
    order.bank_ref = borrowed(bank_ref);
    order.amount = amount;
    order.rejected = rejected;
    return tell(&speaker, &order.base, MESSAGE_RECEIPT_REPORT);
}

static int notice_receive(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice receive",
        .usage = "notice receive NUMBER --as PP --bank-ref REF --amount YUAN [OPTIONS]",
        .about =
            "The payee confirms that a reported transfer has come (收款反馈), with the amount as\n"
            "reported: bank charges are never taken from it.\n",
        .examples = "  qingfen notice receive NUMBER --as 31 --bank-ref R1 --amount 1000000.00\n",
    };
    return report_receipt(argc, argv, &help, false);
}

static int notice_reject(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice reject",
        .usage = "notice reject NUMBER --as PP --bank-ref REF --amount YUAN [OPTIONS]",
        .about =
            "The bank gave a reported transfer back: it is due again. Payer or payee may say so.\n",
        .examples = "  qingfen notice reject NUMBER --as 34 --bank-ref R1 --amount 1000000.00\n",
    };
    return report_receipt(argc, argv, &help, true);
}

/* -- ageing -------------------------------------------------------------------------------------
 */

static uint32_t payer_code(int index)
{
    return index == PROVINCE_COUNT ? 0 : province_codes[index];
}

static void ageing_csv(const struct ageing *ageing)
{
    puts("payer,age,notices,amount");
    for (int payer = 0; payer < AGEING_PAYERS; payer++) {
        for (enum age age = AGE_NOT_DUE; age < AGE_COUNT; age++) {
            const struct ageing_cell *cell = &ageing->cells[payer][age];
            char amount[YUAN_SIZE];
            if (cell->notices == 0) continue;
            if (payer == PROVINCE_COUNT) {
                fputs("--", stdout);
            } else {
                printf("%02u", payer_code(payer));
            }
            printf(",%s,%llu,%s\n", age_name(age), (unsigned long long)cell->notices,
                   yuan_format(cell->amount, amount));
        }
    }
}

static void ageing_json(const struct ageing *ageing)
{
    const char *before = "";
    fputs("{\"rows\":[", stdout);
    for (int payer = 0; payer < AGEING_PAYERS; payer++) {
        for (enum age age = AGE_NOT_DUE; age < AGE_COUNT; age++) {
            const struct ageing_cell *cell = &ageing->cells[payer][age];
            if (cell->notices == 0) continue;
            printf("%s{\"payer\":%u,\"age\":\"%s\",\"notices\":%llu,\"amount\":%lld}", before,
                   payer_code(payer), age_name(age), (unsigned long long)cell->notices,
                   (long long)cell->amount);
            before = ",";
        }
    }
    puts("]}");
}

static void ageing_row(struct table *table, const char *payer, const char *age,
                       struct ageing_cell cell)
{
    char text[YUAN_SIZE];
    table_cell(table, "%s", payer);
    table_cell(table, "%s", age);
    table_cell(table, "%s", count_format_grouped(cell.notices, text));
    table_cell(table, "%s", yuan_format_grouped(cell.amount, text));
}

static void ageing_table(const struct ageing *ageing)
{
    const struct table_column titles[] = {{"payer 付款方", TABLE_LEFT},
                                          {"working days late", TABLE_LEFT},
                                          {"notices", TABLE_RIGHT},
                                          {"not sent (yuan)", TABLE_RIGHT}};
    struct table *table = table_new(titles, 4);
    for (int payer = 0; payer < AGEING_PAYERS; payer++) {
        for (enum age age = AGE_NOT_DUE; age < AGE_COUNT; age++) {
            char name[WORDS_SIZE];
            if (ageing->cells[payer][age].notices == 0) continue;
            ageing_row(table, words_province(payer_code(payer), name), age_name(age),
                       ageing->cells[payer][age]);
        }
    }
    struct ageing_cell all = {0};
    table_rule(table);
    for (enum age age = AGE_NOT_DUE; age < AGE_COUNT; age++) {
        const struct ageing_cell total = ageing_total(ageing, age);
        ageing_row(table, "all", age_name(age), total);
        all.notices += total.notices;
        all.amount += total.amount;
    }
    table_rule(table);
    ageing_row(table, "total", "", all);
    table_print(table, stdout);
    table_free(table);
}

static int notice_ageing(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "notice ageing",
        .usage = "notice ageing [--period YYYY-MM] [--province PP] [OPTIONS]",
        .about =
            "How late the money is (账龄): by payer, what was not sent of its notices, not due\n"
            "yet or 1-5, 6-10, 11-20, more than 20 working days late.\n",
        .examples =
            "  qingfen notice ageing\n  qingfen notice ageing --period 2025-03 --format csv\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t period = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"period", OPTION_PERIOD, &period, "YYYY-MM", "only notices of this month", 0, 0},
        OPTION_WHOSE(&speaker),
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    Qingfen__V1__NoticeList request = QINGFEN__V1__NOTICE_LIST__INIT;
    request.period = period;
    request.province = speaker.province;
    struct pages pages;
    status = pages_read(&pages, &speaker, &request.base, MESSAGE_NOTICE_LIST,
                        &qingfen__v1__notice_list_reply__descriptor, "notices");
    struct ageing ageing = {0};
    for (size_t i = 0; i < pages.row_count; i++) {
        const Qingfen__V1__NoticeInfo *notice = (const Qingfen__V1__NoticeInfo *)pages.rows[i];
        if (strcmp(notice->state, "DUE") != 0 && strcmp(notice->state, "OVERDUE") != 0) continue;
        ageing_add(&ageing, notice->payer, notice->late_wd, notice->amount - notice->reported);
    }
    pages_free(&pages);
    if (status != EXIT_DONE) return status;
    if (speaker.format == FORMAT_TABLE) ageing_table(&ageing);
    if (speaker.format == FORMAT_CSV) ageing_csv(&ageing);
    if (speaker.format == FORMAT_JSON) ageing_json(&ageing);
    return EXIT_DONE;
}

int cmd_notice(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "notice VERB [OPTIONS] …",
        .about =
            "Notices of payment and receipt (付款/收款通知书) and the money on them. Nobody pays\n"
            "through the centre: what is reported here was moved between treasuries.\n",
        .examples = "  qingfen notice list --overdue\n  qingfen notice ageing\n",
    };
    static const struct verb verbs[] = {
        {"list", notice_list, "the notices"},
        {"show", notice_show, "one notice with its payments"},
        {"pay", notice_pay, "the payer reports a transfer"},
        {"receive", notice_receive, "the payee confirms that it came"},
        {"reject", notice_reject, "the bank gave it back"},
        {"reissue", notice_reissue, "cancel a notice and issue its next version"},
        {"ageing", notice_ageing, "how late the money is, by payer (账龄)"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
