/* recon -- reconciliation (对账) of a province with the centre: totals, lists, what differs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/cycle_csv.h"
#include "tools/qingfen/file_text.h"
#include "tools/qingfen/progress.h"
#include "tools/qingfen/rejects.h"
#include "tools/qingfen/tell.h"
#include "types/ensure.h"
#include "types/wire.h"

#define TOTALS_MAX    1000 /* In one order. */
#define PART_ROWS     4000
#define LIST_ROWS_MAX 200000
#define LIST_MSGID    24 /* Of the list; the part's number stands behind it. */

/* Who speaks for whom: the province that acts, whether it is itself or the centre for it. */
static uint32_t acting_province(const struct speaker *speaker)
{
    return speaker->as != 0 ? speaker->as : speaker->province;
}

static void say_bad_line(const char *command, const char *file, const struct csv_pick *pick,
                         uint64_t count)
{
    if (count <= REJECTS_SHOWN) {
        fprintf(stderr, "qingfen %s: %s: line %llu: %s\n", command, file,
                (unsigned long long)pick->line, pick->text);
    }
}

/* The file as text; false after saying why not. */
static bool read_file(const char *command, const char *path, struct bytes *ret_text)
{
    const int r = file_text_read(path, ret_text);
    if (r != 0) fprintf(stderr, "qingfen %s: %s: %s\n", command, path, strerror(-r));
    return r == 0;
}

/* -- totals -------------------------------------------------------------------------------------
 */

struct totals {
    Qingfen__V1__ReconTotal rows[TOTALS_MAX];
    Qingfen__V1__ReconTotal *pointers[TOTALS_MAX];
    size_t count;
};

/* Reads all totals of a file; false after saying what is wrong. */
static bool read_totals(const char *command, const char *path, struct totals *totals)
{
    struct bytes text;
    static struct csv_pick pick; /* Large. */
    if (!read_file(command, path, &text)) return false;
    uint64_t bad = 0;
    if (!totals_begin(&pick, text)) say_bad_line(command, path, &pick, ++bad);
    while (bad == 0 || pick.column_count > 0) {
        struct total_row row;
        const enum csv_pick_status status = totals_next(&pick, &row);
        if (status == CSV_PICK_END) break;
        if (status == CSV_PICK_ROW && totals->count == TOTALS_MAX) {
            snprintf(pick.text, sizeof(pick.text), "more than %d totals in one file", TOTALS_MAX);
            say_bad_line(command, path, &pick, ++bad);
            break;
        }
        if (status == CSV_PICK_BAD) {
            say_bad_line(command, path, &pick, ++bad);
            continue;
        }
        Qingfen__V1__ReconTotal *total = &totals->rows[totals->count];
        qingfen__v1__recon_total__init(total);
        total->payer = row.payer;
        total->payee = row.payee;
        total->line = row.line;
        total->insutype = row.insutype;
        total->count = row.count;
        total->medfee_sumamt = row.medfee;
        total->fund_pay_sumamt = row.fund;
        total->acct_pay = row.acct;
        totals->pointers[totals->count++] = total;
    }
    free((void *)(uintptr_t)text.data);
    if (bad > 0) fprintf(stderr, "qingfen %s: nothing was sent\n", command);
    return bad == 0;
}

static const struct grid_column cell_columns[] = {
    COLUMN("centre.payer", PROVINCE, "payer"),
    COLUMN("centre.payee", PROVINCE, "payee"),
    COLUMN("centre.line", NUMBER, "line"),
    COLUMN("centre.insutype", NUMBER, "ins"),
    COLUMN_SUMMED("centre.count", COUNT, "records"),
    COLUMN_HIDDEN("centre.medfee_sumamt", YUAN),
    COLUMN_SUMMED("centre.fund_pay_sumamt", YUAN, "funds"),
    COLUMN_SUMMED("centre.acct_pay", YUAN, "account"),
    COLUMN_HIDDEN("sent.count", COUNT),
    COLUMN_HIDDEN("sent.medfee_sumamt", YUAN),
    COLUMN_HIDDEN("sent.fund_pay_sumamt", YUAN),
    COLUMN_HIDDEN("sent.acct_pay", YUAN),
    COLUMN("equal", FLAG, "equal"),
    COLUMN("payer_reconciled", FLAG, "参保"),
    COLUMN("payee_reconciled", FLAG, "就医"),
    COLUMNS_END,
};

/* Prints the cells of a reply that have to do with the counterpart (0: all). */
static void print_cells(enum format format, const Qingfen__V1__ReconDayReply *reply,
                        uint32_t counterpart)
{
    ProtobufCMessage **rows = calloc(reply->n_cells + 1, sizeof(ProtobufCMessage *));
    NEED_MEMORY(rows);
    size_t count = 0;
    for (size_t i = 0; i < reply->n_cells; i++) {
        const Qingfen__V1__ReconCell *cell = reply->cells[i];
        const Qingfen__V1__ReconTotal *total = cell->centre != NULL ? cell->centre : cell->sent;
        if (total == NULL) continue;
        if (counterpart != 0 && total->payer != counterpart && total->payee != counterpart) {
            continue;
        }
        rows[count++] = &reply->cells[i]->base;
    }
    grid_print(format, cell_columns, rows, count);
    free(rows);
}

static void print_day(const struct speaker *speaker, const Qingfen__V1__ReconDayReply *reply,
                      uint32_t counterpart, bool is_order)
{
    if (speaker->format == FORMAT_JSON) {
        print_json(&reply->base);
        return;
    }
    print_cells(speaker->format, reply, counterpart);
    if (speaker->format == FORMAT_TABLE && is_order) {
        printf("\nequal %u, different %u%s\n", reply->equal, reply->different,
               reply->dup ? " (it was sent before)" : "");
    }
}

/* A day, or a whole month with day 0. */
static bool read_when(const char *text, uint32_t *ret_period, uint32_t *ret_day)
{
    *ret_day = 0;
    if (period_parse(text, ret_period)) return true;
    if (!day_parse(text, ret_day)) return false;
    *ret_period = *ret_day / 100;
    return true;
}

static int ask_day(const struct speaker *speaker, Qingfen__V1__ReconDay *order,
                   uint32_t counterpart)
{
    ProtobufCMessage *answer =
        ask_once(speaker->command, &speaker->address, speaker->as, &order->base, MESSAGE_RECON_DAY,
                 &qingfen__v1__recon_day_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__ReconDayReply *reply = (const Qingfen__V1__ReconDayReply *)answer;
    const int status = ask_status(speaker->command, reply->code, reply->text);
    /* Totals that differ are refused, and the cells say where. */
    if (status == EXIT_DONE || reply->n_cells > 0 || speaker->format == FORMAT_JSON) {
        print_day(speaker, reply, counterpart, order->n_totals > 0);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

/* Whose totals: of the province as payer, as payee, or as both where no side is named. False: the
 * side is none. */
static bool name_sides(const char *side, uint32_t counterpart, Qingfen__V1__ReconDay *order)
{
    if (side == NULL) return true;
    if (strcmp(side, "payer") == 0) {
        order->payer = order->province;
        order->payee = counterpart;
        return true;
    }
    order->payer = counterpart;
    order->payee = order->province;
    return strcmp(side, "payee") == 0;
}

static int recon_day(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "recon day",
        .usage = "recon day YYYY-MM-DD|YYYY-MM --as PP [--counterpart PP] [--side payer|payee]\n"
                 "                        [--file FILE.csv] [OPTIONS]",
        .about =
            "The centre's totals of a day or a month (对总账). With --file the province's own\n"
            "totals are sent and compared: cells that are equal become reconciled by its side;\n"
            "exit status 1 when any differs (2021). Columns of the file: payer, payee, line,\n"
            "insutype, count, medfee_sumamt, fund_pay_sumamt, acct_pay (yuan). The CSV this\n"
            "prints has more columns; 'sent_' are the province's.\n",
        .examples = "  qingfen recon day 2025-03-14 --as 34 --side payer\n"
                    "  qingfen recon day 2025-03 --as 34 --file totals.csv\n",
    };
    static struct totals totals; /* Large; a command runs once. */
    struct speaker speaker = speaker_new(help.name);
    uint32_t counterpart = 0;
    uint32_t period = 0;
    uint32_t cleared_in = 0;
    uint32_t day = 0;
    const char *side = NULL;
    const char *file = NULL;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"counterpart", OPTION_PROVINCE, &counterpart, "PP", "only with this province", 0, 0},
        {"side", OPTION_TEXT, &side, "SIDE", "only as payer, or as payee (default: both)", 0, 0},
        {"file", OPTION_TEXT, &file, "FILE", "send these totals ('-' is stdin)", 0, 0},
        {"period", OPTION_PERIOD, &cleared_in, "YYYY-MM",
         "month the records are cleared in (default: the day's)", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !read_when(argv[0], &period, &day)) {
        return options_refuse(&help,
                              "a day such as 2025-03-14 or a month such as 2025-03 is needed");
    }
    char msgid[MSGID_TEXT_SIZE];
    Qingfen__V1__ReconDay order = QINGFEN__V1__RECON_DAY__INIT;
    order.province = acting_province(&speaker);
    order.period = cleared_in != 0 ? cleared_in : period;
    order.date = day;
    if (!name_sides(side, counterpart, &order)) {
        return options_refuse(&help, "--side '%s': it should be payer or payee", side);
    }
    if (order.province == 0) {
        return options_refuse(&help, "whose side? --as PP, or for the centre --province PP");
    }
    if (file != NULL) {
        if (!read_totals(help.name, file, &totals)) return EXIT_USAGE;
        if (totals.count == 0) return options_refuse(&help, "%s holds no totals", file);
        msgid_make(msgid);
        order.msgid = speaker.msgid != NULL ? borrowed(speaker.msgid) : msgid;
        order.totals = totals.pointers;
        order.n_totals = totals.count;
    }
    return ask_day(&speaker, &order, counterpart);
}

/* -- lists --------------------------------------------------------------------------------------
 */

struct items {
    struct item_row *rows; /* Owned. */
    size_t count;
    size_t room;
    uint64_t passed; /* Rows of the file that belong to other pairs or days. */
};

static void add_item(struct items *items, const struct item_row *row)
{
    if (items->count == items->room) {
        items->room = items->room == 0 ? 4096 : items->room * 2;
        items->rows = realloc(items->rows, items->room * sizeof(*items->rows));
        NEED_MEMORY(items->rows);
    }
    items->rows[items->count++] = *row;
}

/* Reads the records that are meant; false after saying what is wrong. A list with a hole would make
 * differences that are none: it is sent as a whole or not at all. */
static bool read_items(const char *command, const char *path, const struct item_filter *filter,
                       struct items *items)
{
    struct bytes text;
    static struct csv_pick pick; /* Large. */
    if (!read_file(command, path, &text)) return false;
    uint64_t bad = 0;
    const bool is_readable = items_begin(&pick, text);
    if (!is_readable) say_bad_line(command, path, &pick, ++bad);
    while (is_readable) {
        struct item_row row;
        const enum csv_pick_status status = items_next(&pick, filter, &items->passed, &row);
        if (status == CSV_PICK_END) break;
        if (status == CSV_PICK_BAD) {
            say_bad_line(command, path, &pick, ++bad);
            continue;
        }
        if (items->count == LIST_ROWS_MAX) {
            snprintf(pick.text, sizeof(pick.text), "more than %d records in one list",
                     LIST_ROWS_MAX);
            say_bad_line(command, path, &pick, ++bad);
            break;
        }
        add_item(items, &row);
    }
    free((void *)(uintptr_t)text.data);
    if (bad > 0) {
        fprintf(stderr, "qingfen %s: %llu bad lines; nothing was sent\n", command,
                (unsigned long long)bad);
    }
    return bad == 0;
}

/* Sends one part. NULL: why was said. */
static Qingfen__V1__ReconListReply *send_part(struct talk *talk, Qingfen__V1__ReconList *order,
                                              const struct items *items)
{
    const size_t first = (size_t)(order->part - 1) * PART_ROWS;
    const size_t left = items->count - first;
    const size_t count = left < PART_ROWS ? left : PART_ROWS;
    Qingfen__V1__ReconItem *rows = calloc(count + 1, sizeof(*rows));
    Qingfen__V1__ReconItem **pointers = calloc(count + 1, sizeof(Qingfen__V1__ReconItem *));
    NEED_MEMORY(rows);
    NEED_MEMORY(pointers);
    for (size_t i = 0; i < count; i++) {
        const struct item_row *row = &items->rows[first + i];
        qingfen__v1__recon_item__init(&rows[i]);
        rows[i].insu_admdvs = row->insu_admdvs;
        rows[i].setl_id = borrowed(row->setl_id);
        rows[i].medfee_sumamt = row->medfee;
        rows[i].fund_pay_sumamt = row->fund;
        rows[i].acct_pay = row->acct;
        rows[i].refd_setl_flag = row->refund;
        pointers[i] = &rows[i];
    }
    order->n_items = count;
    order->items = pointers;
    Qingfen__V1__ReconListReply *reply = (Qingfen__V1__ReconListReply *)talk_ask(
        talk, &order->base, MESSAGE_RECON_LIST, &qingfen__v1__recon_list_reply__descriptor);
    free(pointers);
    free(rows);
    return reply;
}

static void print_list_result(enum format format, const Qingfen__V1__ReconListReply *reply)
{
    const struct {
        const char *name;
        const char *chinese;
        uint64_t count;
    } rows[] = {
        {"matched", "一致", reply->matched},
        {"only_payee", "仅就医地有", reply->only_payee},
        {"only_payer", "仅参保地有", reply->only_payer},
        {"amount", "金额不符", reply->amount},
        {"flag", "退费标志不符", reply->flag},
        {"duplicate", "重复", reply->duplicate},
    };
    if (format == FORMAT_JSON) {
        print_json(&reply->base);
        return;
    }
    if (format == FORMAT_CSV) puts("kind,count");
    const struct table_column columns[] = {
        {"kind", TABLE_LEFT}, {"对账结果", TABLE_LEFT}, {"records", TABLE_RIGHT}};
    struct table *table = table_new(columns, 3);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[YUAN_SIZE];
        if (format == FORMAT_CSV) {
            printf("%s,%llu\n", rows[i].name, (unsigned long long)rows[i].count);
        }
        table_cell(table, "%s", rows[i].name);
        table_cell(table, "%s", rows[i].chinese);
        table_cell(table, "%s", count_format_grouped(rows[i].count, text));
    }
    if (format == FORMAT_TABLE) {
        table_print(table, stdout);
        if (reply->dup) puts("\n(the list was sent before; this is that answer again)");
    }
    table_free(table);
}

static int send_list(const struct speaker *speaker, Qingfen__V1__ReconList *order,
                     const struct items *items)
{
    char base[MSGID_TEXT_SIZE];
    char msgid[MSGID_TEXT_SIZE + 8];
    struct talk talk;
    struct progress progress;
    msgid_make(base);
    order->parts = (uint32_t)(items->count == 0 ? 1 : (items->count + PART_ROWS - 1) / PART_ROWS);
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return EXIT_FAILED;

    int status = EXIT_DONE;
    progress_begin(&progress);
    for (order->part = 1; status == EXIT_DONE && order->part <= order->parts; order->part++) {
        snprintf(msgid, sizeof(msgid), "%.*s-%u", LIST_MSGID,
                 speaker->msgid != NULL ? speaker->msgid : base, order->part);
        order->msgid = msgid;
        progress_show(&progress, order->part, order->parts,
                      (uint64_t)(order->part - 1) * PART_ROWS);
        Qingfen__V1__ReconListReply *reply = send_part(&talk, order, items);
        if (reply == NULL || reply->code != 0 || order->part == order->parts) {
            progress_end(&progress);
        }
        if (reply == NULL) {
            status = EXIT_FAILED;
            break;
        }
        status = ask_status(speaker->command, reply->code, reply->text);
        if (order->part == order->parts && status == EXIT_DONE) {
            print_list_result(speaker->format, reply);
        }
        qingfen__v1__recon_list_reply__free_unpacked(reply, NULL);
    }
    talk_close(&talk);
    return status;
}

static int recon_list(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "recon list",
        .usage = "recon list YYYY-MM-DD --as PP --payer PP --payee PP FILE.csv [OPTIONS]",
        .about =
            "Sends a province's list of a day's records (对明细账) and prints what differs, by\n"
            "kind; 'recon differences' names the records. Columns: insu_admdvs, setl_id,\n"
            "medfee_sumamt, fund_pay_sumamt, acct_pay, refd_setl_flag. Others are passed over;\n"
            "when mdtrtarea_admvs or setl_time are among them, records of other pairs or days\n"
            "are passed over, too: a settlements CSV will do. With a bad line nothing is sent.\n"
            "A later list for the same day and pair takes the place of the earlier.\n",
        .examples = "  qingfen recon list 2025-03-14 --as 31 --payer 34 --payee 31 march.csv\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t payer = 0;
    uint32_t payee = 0;
    uint32_t day = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"payer", OPTION_PROVINCE, &payer, "PP", "insured place (参保地)", 0, 0},
        {"payee", OPTION_PROVINCE, &payee, "PP", "place of treatment (就医地)", 0, 0},
        OPTION_PARTY(&speaker),
        OPTION_MSGID(&speaker),
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 2 || !day_parse(argv[0], &day)) {
        return options_refuse(&help, "a day such as 2025-03-14 and a file are needed");
    }
    if (payer == 0 || payee == 0) return options_refuse(&help, "--payer and --payee are needed");
    const uint32_t province = acting_province(&speaker);
    if (province != payer && province != payee) {
        return options_refuse(&help, "whose list? --as (or --province) should be payer or payee");
    }
    if (speaker.msgid != NULL && strlen(speaker.msgid) > LIST_MSGID) {
        return options_refuse(&help, "--msgid: at most %d characters, the parts are numbered",
                              LIST_MSGID);
    }
    struct items items = {0};
    if (!read_items(help.name, argv[1], &(struct item_filter){payer, payee, day}, &items)) {
        free(items.rows);
        return EXIT_USAGE;
    }
    fprintf(stderr, "%zu records in the list, %llu rows of other pairs or days passed over\n",
            items.count, (unsigned long long)items.passed);
    Qingfen__V1__ReconList order = QINGFEN__V1__RECON_LIST__INIT;
    order.province = province;
    order.date = day;
    order.payer = payer;
    order.payee = payee;
    status = send_list(&speaker, &order, &items);
    free(items.rows);
    return status;
}

/* -- looking ------------------------------------------------------------------------------------
 */

static int recon_differences(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "recon differences",
        .usage = "recon differences [--period YYYY-MM] [--date YYYY-MM-DD] [--province PP]\n"
                 "                                [--counterpart PP] [--closed] [OPTIONS]",
        .about =
            "The records a province's list shows otherwise than the centre. theirs and ours are\n"
            "fund money; CSV and JSON have all amounts. A corrected list closes a difference;\n"
            "--closed shows those, too.\n",
        .examples =
            "  qingfen recon differences --period 2025-03 --as 34\n"
            "  qingfen recon differences --date 2025-03-14 --format csv > differences.csv\n",
    };
    static const struct grid_column columns[] = {
        COLUMN("date", DAY, "day"),
        COLUMN("payer", PROVINCE, "payer"),
        COLUMN("payee", PROVINCE, "payee"),
        COLUMN("side", TEXT, "list"),
        COLUMN_HIDDEN("insu_admdvs", AREA),
        COLUMN("setl_id", TEXT, "setl_id"),
        COLUMN("kind", TEXT, "kind"),
        COLUMN_HIDDEN("at_centre", FLAG),
        COLUMN_HIDDEN("open", FLAG),
        COLUMN_HIDDEN("their_medfee", YUAN),
        COLUMN("their_fund", YUAN, "theirs"),
        COLUMN_HIDDEN("their_acct", YUAN),
        COLUMN_HIDDEN("our_medfee", YUAN),
        COLUMN("our_fund", YUAN, "ours"),
        COLUMN_HIDDEN("our_acct", YUAN),
        COLUMN_HIDDEN("period", PERIOD),
        COLUMN_HIDDEN("at", TIME),
        COLUMNS_END,
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t period = 0;
    uint32_t date = 0;
    uint32_t counterpart = 0;
    bool closed = false;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"period", OPTION_PERIOD, &period, "YYYY-MM", "only of this month", 0, 0},
        {"date", OPTION_DAY, &date, "YYYY-MM-DD", "only of this day", 0, 0},
        {"counterpart", OPTION_PROVINCE, &counterpart, "PP", "only with this province", 0, 0},
        {"closed", OPTION_FLAG, &closed, NULL, "those that were solved, too", 0, 0},
        {"province", OPTION_PROVINCE, &speaker.province, "PP", "only from this province's lists", 0,
         0},
        {0},
    };
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    Qingfen__V1__DifferenceList request = QINGFEN__V1__DIFFERENCE_LIST__INIT;
    request.province = speaker.province;
    request.period = period;
    request.date = date;
    request.counterpart = counterpart;
    request.closed_too = closed;
    return list_show(&speaker, &request.base, MESSAGE_DIFFERENCE_LIST,
                     &qingfen__v1__difference_list_reply__descriptor, "differences", columns);
}

static int recon_cells(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "recon cells",
        .usage = "recon cells YYYY-MM [--province PP] [OPTIONS]",
        .about =
            "Where the cells of a month stand: reconciled by the payer's side, by the payee's\n"
            "side, confirmed; how many records are kept out of them; the state of their batch.\n",
        .examples = "  qingfen recon cells 2025-03 --as 34\n",
    };
    static const struct grid_column columns[] = {
        COLUMN("payer", PROVINCE, "payer"),
        COLUMN("payee", PROVINCE, "payee"),
        COLUMN("line", NUMBER, "line"),
        COLUMN("insutype", NUMBER, "ins"),
        COLUMN_SUMMED("count", COUNT, "records"),
        COLUMN_SUMMED("amount", YUAN, "amount"),
        COLUMN("payer_reconciled", FLAG, "参保"),
        COLUMN("payee_reconciled", FLAG, "就医"),
        COLUMN("confirmed", FLAG, "确认"),
        COLUMN_HIDDEN("stale", FLAG),
        COLUMN_SUMMED("exceptions", COUNT, "out"),
        COLUMN_HIDDEN("blocked", YUAN),
        COLUMN_HIDDEN("deducted", YUAN),
        COLUMN("batch_state", TEXT, "batch"),
        COLUMNS_END,
    };
    struct speaker speaker = speaker_new(help.name);
    uint32_t period;
    const struct option_spec specs[] = {SPEAKER_OPTIONS(&speaker), OPTION_WHOSE(&speaker), {0}};
    int words;
    const int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &period)) {
        return options_refuse(&help, "one month is needed, such as 2025-03");
    }
    Qingfen__V1__CellList request = QINGFEN__V1__CELL_LIST__INIT;
    request.period = period;
    request.province = speaker.province;
    return list_show(&speaker, &request.base, MESSAGE_CELL_LIST,
                     &qingfen__v1__cell_list_reply__descriptor, "cells", columns);
}

int cmd_recon(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "recon VERB [OPTIONS] …",
        .about =
            "Reconciliation of the provinces with the centre (对账): three-way, by totals first,\n"
            "by records where the totals differ. A record that differs stays out of the batch\n"
            "and carries over; the rest of its cell goes on.\n",
        .examples = "  qingfen recon day 2025-03-14 --as 34 --file totals.csv\n"
                    "  qingfen recon cells 2025-03\n",
    };
    static const struct verb verbs[] = {
        {"day", recon_day, "totals of a day or month (对总账)"},
        {"list", recon_list, "send a list of records (对明细账)"},
        {"differences", recon_differences, "the records that differ"},
        {"cells", recon_cells, "where the cells of a month stand"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
