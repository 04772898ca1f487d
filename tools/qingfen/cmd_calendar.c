/* calendar -- what is due today, what is late and who must act, what is coming. */
#include <stdio.h>
#include <string.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/agenda.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "tools/qingfen/words.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "calendar YYYY-MM [--province PP] [OPTIONS]",
    .about =
        "The month's calendar, grouped: due today (今日), late (逾期), alarms (预警), coming\n"
        "(将到期), done (已完成); with who must act, counts and amounts. A province's notices of\n"
        "a day are one line; with --province, in CSV and in JSON each has its own.\n",
    .examples = "  qingfen calendar 2025-04\n  qingfen calendar 2025-04 --province 34\n",
};

/* A row of the table: one item, or all notices that a province must act on by the same day. */
struct row {
    const Qingfen__V1__AgendaItem *first;
    uint64_t count;
    int64_t amount;
    size_t items;
};

/* Steps of single notices: with 32 provinces there may be a thousand a month. */
static bool is_of_notice(const Qingfen__V1__AgendaItem *item)
{
    return strcmp(item->what, "file") == 0 || strcmp(item->what, "transfer") == 0 ||
           strcmp(item->what, "feedback") == 0;
}

static bool belongs_together(const Qingfen__V1__AgendaItem *a, const Qingfen__V1__AgendaItem *b)
{
    return is_of_notice(a) && a->date == b->date && a->province == b->province &&
           strcmp(a->what, b->what) == 0 && strcmp(a->severity, b->severity) == 0;
}

static void print_row(struct table *table, const struct row *row)
{
    const Qingfen__V1__AgendaItem *item = row->first;
    char text[YUAN_SIZE];
    char words[WORDS_SIZE];
    table_cell(table, "%s", words_day(item->date, words));
    table_cell(table, "%s", item->province == 0 ? "centre" : words_province(item->province, words));
    table_cell(table, "%s", agenda_text(item->what));
    table_cell(table, "%s", row->count == 0 ? "" : count_format_grouped(row->count, text));
    table_cell(table, "%s", row->amount == 0 ? "" : yuan_format_grouped(row->amount, text));
    if (row->items > 1) {
        table_cell(table, "%zu notices", row->items);
    } else if (item->ref[0] != '\0') {
        table_cell(table, "%s", item->ref);
    } else {
        table_cell(table, "%s", words_month_or_year(item->period, words));
    }
}

static void print_group(const Qingfen__V1__CalendarGetReply *reply, enum agenda_group group,
                        bool adds_up)
{
    const struct table_column columns[] = {
        {"date", TABLE_LEFT},           {"who", TABLE_LEFT},
        {"what", TABLE_LEFT},           {"count", TABLE_RIGHT},
        {"amount (yuan)", TABLE_RIGHT}, {"of", TABLE_LEFT},
    };
    struct table *table = table_new(columns, 6);
    size_t count = 0;
    struct row row = {NULL, 0, 0, 0};
    for (size_t i = 0; i < reply->n_items; i++) {
        const Qingfen__V1__AgendaItem *item = reply->items[i];
        if (agenda_group_of(item->severity) != group) continue;
        if (row.first != NULL && !(adds_up && belongs_together(row.first, item))) {
            print_row(table, &row);
            row = (struct row){NULL, 0, 0, 0};
        }
        if (row.first == NULL) row.first = item;
        row.count += item->count;
        row.amount += item->amount;
        row.items++;
        count++;
    }
    if (row.first != NULL) print_row(table, &row);
    if (count > 0) {
        printf("\n%s (%zu)\n", agenda_group_name(group), count);
        table_print(table, stdout);
    }
    table_free(table);
}

/* For one province every notice has its line; for all of them a province's are added up. */
static void print_page(const Qingfen__V1__CalendarGetReply *reply, uint32_t month, bool adds_up)
{
    char at[WORDS_SIZE];
    char name[WORDS_SIZE];
    printf("calendar 日程 %s, now %s\n", words_period(month, name), words_time(reply->now, at));
    if (reply->n_items == 0) puts("\nnothing is due and nothing is late");
    for (enum agenda_group group = AGENDA_TODAY; group < AGENDA_GROUP_COUNT; group++) {
        print_group(reply, group, adds_up);
    }
}

static const struct grid_column csv_columns[] = {
    COLUMN_HIDDEN("date", DAY),
    COLUMN_HIDDEN("period", PERIOD),
    COLUMN_HIDDEN("province", ACTOR),
    COLUMN_HIDDEN("what", TEXT),
    COLUMN_HIDDEN("severity", TEXT),
    COLUMN_HIDDEN("ref", TEXT),
    COLUMN_HIDDEN("count", COUNT),
    COLUMN_HIDDEN("amount", YUAN),
    COLUMNS_END,
};

int cmd_calendar(int argc, char **argv)
{
    struct speaker speaker = speaker_new("calendar");
    uint32_t month;
    const struct option_spec specs[] = {SPEAKER_OPTIONS(&speaker), OPTION_WHOSE(&speaker), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !period_parse(argv[0], &month)) {
        return options_refuse(&help, "one month is needed, such as 2025-04");
    }
    Qingfen__V1__CalendarGet request = QINGFEN__V1__CALENDAR_GET__INIT;
    request.month = month;
    request.province = speaker.province;
    ProtobufCMessage *answer =
        ask_once("calendar", &speaker.address, speaker.as, &request.base, MESSAGE_CALENDAR_GET,
                 &qingfen__v1__calendar_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__CalendarGetReply *reply = (const Qingfen__V1__CalendarGetReply *)answer;
    status = ask_status("calendar", reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && speaker.format == FORMAT_CSV) {
        grid_print(FORMAT_CSV, csv_columns, (ProtobufCMessage **)reply->items, reply->n_items);
    } else if (status == EXIT_DONE) {
        print_page(reply, month, speaker.as == 0 && speaker.province == 0);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}
