/* book -- the accounts of the cycle's double-entry book, and whether its invariants hold. */
#include <stdio.h>

#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/tell.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "book [--payer PP] [--payee PP] [OPTIONS]",
    .about = "The balances of the clearing cycle's book by account and fund class, in debit and\n"
             "credit, over all pairs or those named. Says whether every invariant of the whole\n"
             "state holds; exit status 1 when one does not.\n",
    .examples = "  qingfen book\n  qingfen book --payer 34 --payee 31 --format csv\n",
};

static void print_table(const Qingfen__V1__BookGetReply *reply)
{
    const struct table_column columns[] = {{"account", TABLE_LEFT},
                                           {"fund", TABLE_LEFT},
                                           {"debit", TABLE_RIGHT},
                                           {"credit", TABLE_RIGHT}};
    struct table *table = table_new(columns, 4);
    int64_t debit = 0;
    int64_t credit = 0;
    char text[YUAN_SIZE];
    for (size_t i = 0; i < reply->n_rows; i++) {
        const Qingfen__V1__BookRow *row = reply->rows[i];
        table_cell(table, "%s", row->account);
        table_cell(table, "%s", row->fund);
        table_cell(table, "%s", row->balance > 0 ? yuan_format_grouped(row->balance, text) : "");
        table_cell(table, "%s", row->balance < 0 ? yuan_format_grouped(-row->balance, text) : "");
        if (row->balance > 0) debit += row->balance;
        if (row->balance < 0) credit -= row->balance;
    }
    table_rule(table);
    table_cell(table, "total");
    table_cell(table, "%s", "");
    table_cell(table, "%s", yuan_format_grouped(debit, text));
    table_cell(table, "%s", yuan_format_grouped(credit, text));
    table_print(table, stdout);
    table_free(table);
    if (reply->broken[0] == '\0') puts("\nall invariants hold");
}

int cmd_book(int argc, char **argv)
{
    static const struct grid_column columns[] = {COLUMN_HIDDEN("account", TEXT),
                                                 COLUMN_HIDDEN("fund", TEXT),
                                                 COLUMN_HIDDEN("balance", YUAN), COLUMNS_END};
    struct speaker speaker = speaker_new("book");
    uint32_t payer = 0;
    uint32_t payee = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"payer", OPTION_PROVINCE, &payer, "PP", "only of this payer", 0, 0},
        {"payee", OPTION_PROVINCE, &payee, "PP", "only of this payee", 0, 0},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);

    Qingfen__V1__BookGet request = QINGFEN__V1__BOOK_GET__INIT;
    request.payer = payer;
    request.payee = payee;
    ProtobufCMessage *answer = ask_once("book", &speaker.address, speaker.as, &request.base,
                                        MESSAGE_BOOK_GET, &qingfen__v1__book_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__BookGetReply *reply = (const Qingfen__V1__BookGetReply *)answer;
    status = ask_status("book", reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && speaker.format == FORMAT_CSV) {
        grid_print(FORMAT_CSV, columns, (ProtobufCMessage **)reply->rows, reply->n_rows);
    } else if (status == EXIT_DONE) {
        print_table(reply);
    }
    if (status == EXIT_DONE && reply->broken[0] != '\0') {
        fprintf(stderr, "qingfen book: an invariant is broken: %s\n", reply->broken);
        status = EXIT_FAILED;
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}
