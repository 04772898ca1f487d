/* show -- one settlement: what was said, where it stands, how it is posted, what came after. */
#include <stdio.h>
#include <string.h>

#include "centre.pb-c.h"
#include "codec/messages.h"
#include "settlement.pb-c.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/ask.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/options.h"
#include "tools/qingfen/words.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "show settlement --insu AREA --setl-id ID [OPTIONS]",
    .about =
        "Prints one settlement as it was accepted, its state, its postings and its history. The\n"
        "person's key is not printed in tables. Exit status 1 when there is none (6001).\n",
    .examples = "  qingfen show settlement --insu 340100 --setl-id 34010020250301000017\n",
};

#define NAME_COLUMNS 18

static void line_name(const char *name)
{
    printf("  %s", name);
    for (size_t column = text_columns(name); column <= NAME_COLUMNS; column++) {
        putchar(' ');
    }
}

static void line_text(const char *name, const char *value)
{
    if (value[0] == '\0') return;
    line_name(name);
    puts(value);
}

static void line_yuan(const char *name, int64_t fen)
{
    char text[YUAN_SIZE];
    if (fen == 0) return;
    line_name(name);
    printf("%18s\n", yuan_format_grouped(fen, text));
}

static void print_post(const ProtobufCBinaryData *data)
{
    Qingfen__V1__SetlPost *post = qingfen__v1__setl_post__unpack(NULL, data->len, data->data);
    if (post == NULL) {
        puts("  (the record cannot be read)");
        return;
    }
    char text[WORDS_SIZE];
    line_text("setl_id", post->setl_id);
    line_text("msgid", post->msgid);
    line_text("mdtrt_id", post->mdtrt_id);
    line_text("orig_setl_id", post->orig_setl_id);
    line_text("insured 参保地", words_area(post->insu_admdvs, text));
    line_text("treated 就医地", words_area(post->mdtrtarea_admvs, text));
    line_text("fixmedins_code", post->fixmedins_code);
    line_text("insutype", words_insutype(post->insutype, text));
    printf("  %-18s %u\n", "med_type", post->med_type);
    line_text("dise_codg", post->dise_codg);
    line_text("setl_time", words_time(post->setl_time, text));
    puts("\n  amounts (yuan)");
#define X(symbol, name, field) line_yuan(#name, post->name);
    SETTLEMENT_AMOUNTS(X)
#undef X
    qingfen__v1__setl_post__free_unpacked(post, NULL);
}

static void print_postings(const Qingfen__V1__SettlementRecord *record)
{
    const struct table_column columns[] = {{"account", TABLE_LEFT},
                                           {"fund", TABLE_LEFT},
                                           {"debit", TABLE_RIGHT},
                                           {"credit", TABLE_RIGHT}};
    struct table *table = table_new(columns, 4);
    for (size_t i = 0; i < record->n_postings; i++) {
        const Qingfen__V1__PostingLine *p = record->postings[i];
        char text[YUAN_SIZE];
        table_cell(table, "%s", p->account);
        table_cell(table, "%s", p->fund);
        table_cell(table, "%s", p->debit >= 0 ? yuan_format_grouped(p->debit, text) : "");
        table_cell(table, "%s", p->debit < 0 ? yuan_format_grouped(-p->debit, text) : "");
    }
    puts("\npostings (yuan)");
    table_print(table, stdout);
    table_free(table);
}

static void print_history(const Qingfen__V1__SettlementRecord *record)
{
    const struct table_column columns[] = {{"seq", TABLE_RIGHT},     {"at", TABLE_LEFT},
                                           {"what", TABLE_LEFT},     {"ref", TABLE_LEFT},
                                           {"cleared", TABLE_RIGHT}, {"period", TABLE_LEFT}};
    struct table *table = table_new(columns, 6);
    for (size_t i = 0; i < record->n_history; i++) {
        const Qingfen__V1__HistoryItem *item = record->history[i];
        char text[WORDS_SIZE];
        char amount[YUAN_SIZE];
        table_cell(table, "%llu", (unsigned long long)item->engine_seq);
        table_cell(table, "%s", words_time(item->at, text));
        table_cell(table, "%s", item->what);
        table_cell(table, "%s", item->ref);
        table_cell(table, "%s", yuan_format_grouped(item->clr_amt, amount));
        table_cell(table, "%s", words_period(item->clr_period, text));
    }
    puts("\nhistory");
    table_print(table, stdout);
    table_free(table);
}

static void print_record(const Qingfen__V1__SettlementRecord *record)
{
    char text[WORDS_SIZE];
    char amount[YUAN_SIZE];
    printf("%s %s\n", record->kind == 2 ? "refund 退费" : "settlement 结算", record->state);
    line_text("cleared in", words_period(record->clr_period, text));
    if (record->orig_period != 0 && record->orig_period != record->clr_period) {
        line_text("its own month", words_period(record->orig_period, text));
    }
    line_text("cleared (yuan)", yuan_format_grouped(record->clr_amt, amount));
    if (record->refunded != 0) {
        line_text("refunded (yuan)", yuan_format_grouped(record->refunded, amount));
    }
    line_text("line", words_line(record->line, text));
    line_text("posted at", words_time(record->posted_at, text));
    printf("  %-18s %u, sequence %llu\n\n", "shard", record->shard,
           (unsigned long long)record->engine_seq);
    print_post(&record->setl_post);
    print_postings(record);
    print_history(record);
}

static void print_csv(const Qingfen__V1__SettlementGetReply *reply)
{
    puts("setl_id,insu_admdvs,mdtrtarea_admvs,kind,state,clr_period,orig_period,line,clr_amt,"
         "refunded,shard,engine_seq");
    for (size_t i = 0; i < reply->n_records; i++) {
        const Qingfen__V1__SettlementRecord *r = reply->records[i];
        Qingfen__V1__SetlPost *post =
            qingfen__v1__setl_post__unpack(NULL, r->setl_post.len, r->setl_post.data);
        if (post == NULL) continue;
        char cleared[YUAN_SIZE];
        char refunded[YUAN_SIZE];
        printf("%s,%06u,%06u,%u,%s,%u,%u,%u,%s,%s,%u,%llu\n", post->setl_id, post->insu_admdvs,
               post->mdtrtarea_admvs, r->kind, r->state, r->clr_period, r->orig_period, r->line,
               yuan_format(r->clr_amt, cleared), yuan_format(r->refunded, refunded), r->shard,
               (unsigned long long)r->engine_seq);
        qingfen__v1__setl_post__free_unpacked(post, NULL);
    }
}

int cmd_show(int argc, char **argv)
{
    struct client_address address = options_address();
    enum format format = FORMAT_TABLE;
    uint64_t area = 0;
    const char *setl_id = NULL;
    const struct option_spec specs[] = {
        OPTION_TO(&address),
        {"insu", OPTION_NUMBER, &area, "AREA", "insured area, six digits", 100000, 999999},
        {"setl-id", OPTION_TEXT, &setl_id, "ID", "settlement id in that area", 0, 0},
        OPTION_OUTPUT(&format),
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || strcmp(argv[0], "settlement") != 0) {
        return options_refuse(&help, "say what to show: settlement");
    }
    if (area == 0 || setl_id == NULL)
        return options_refuse(&help, "--insu and --setl-id are needed");

    Qingfen__V1__SettlementGet request = QINGFEN__V1__SETTLEMENT_GET__INIT;
    request.insu_admdvs = (uint32_t)area;
    request.setl_id = (char *)(uintptr_t)setl_id; /* Only read. */
    ProtobufCMessage *answer = ask_once("show", &address, 0, &request.base, MESSAGE_SETTLEMENT_GET,
                                        &qingfen__v1__settlement_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__SettlementGetReply *reply = (const Qingfen__V1__SettlementGetReply *)answer;
    status = ask_status("show", reply->code, reply->text);
    if (format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && format == FORMAT_CSV) {
        print_csv(reply);
    } else if (status == EXIT_DONE) {
        for (size_t i = 0; i < reply->n_records; i++) {
            if (i > 0) putchar('\n');
            print_record(reply->records[i]);
        }
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}
