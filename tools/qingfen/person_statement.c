/* person statement -- one settlement with what became of it, on the screen or on paper. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "person.pb-c.h"
#include "tools/documents/save.h"
#include "tools/documents/statement_reply.h"
#include "tools/qingfen/asker.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/words.h"
#include "types/wire.h"

static const struct grid_column step_columns[] = {
    COLUMN("at", TIME, "at"),
    COLUMN("what", TEXT, "what"),
    COLUMN("setl_id", TEXT, "number"),
    COLUMN("medfee_sumamt", YUAN, "total"),
    COLUMN("fund_pay_sumamt", YUAN, "funds"),
    COLUMN_HIDDEN("acct_pay", YUAN),
    COLUMN("wlt_pay", YUAN, "wallet"),
    COLUMN("psn_cash_pay", YUAN, "cash"),
    COLUMN_HIDDEN("clr_period", PERIOD),
    COLUMNS_END,
};

static void print_head(const struct statement_paper *paper)
{
    char text[WORDS_SIZE];
    printf("statement 异地结算单 %s, %s\n", paper->setl_id, paper->state);
    person_print_line("insured 参保地", words_area(paper->insu_admdvs, text));
    person_print_line("treated 就医地", words_area(paper->mdtrtarea_admvs, text));
    person_print_line("institution 定点医药机构", paper->fixmedins_code);
    if (paper->fixmedins_name[0] != '\0') person_print_line("", paper->fixmedins_name);
    person_print_line("insutype 险种", words_insutype(paper->insutype, text));
    person_print_line("settled at 结算时间", words_time(paper->setl_ms, text));
    person_print_line("cleared in 清算期", words_period(paper->period, text));
}

static void print_statement(const Qingfen__V1__StmtGetReply *reply,
                            const struct statement_paper *paper)
{
    char text[WORDS_SIZE];
    print_head(paper);
    puts("\nfigures (yuan) 费用构成");
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (paper->amounts[i] == 0) continue;
        person_print_yuan(statement_amount_name((enum settlement_amount)i), paper->amounts[i]);
    }
    if (paper->lot_count != 0) puts("\nwallet, by giver's province 医保钱包来源");
    for (size_t i = 0; i < paper->lot_count; i++) {
        person_print_yuan(words_province(reply->wallet[i]->province, text), paper->lots[i].amount);
    }
    person_print_list("what came after it 退费与调整", step_columns,
                      (ProtobufCMessage *const *)reply->chain, reply->n_chain);
    if (reply->text[0] != '\0') printf("(%s)\n", reply->text);
    puts("\nleft (yuan) 现存金额");
    person_print_yuan("total 医疗费总额", paper->left.medfee);
    person_print_yuan("funds 基金支付", paper->left.fund);
    person_print_yuan("account 个人账户", paper->left.acct);
    person_print_yuan("wallet 医保钱包", paper->left.wlt);
    person_print_yuan("cash 现金", paper->left.cash);
}

static int save_statement(const struct statement_paper *paper, const char *folder)
{
    struct document_fault fault;
    char path[4096];
    int status = EXIT_FAILED;
    struct document *document = build_statement(paper, &fault);
    if (document == NULL) {
        fprintf(stderr, "qingfen person statement: %s\n", fault.text);
        return status;
    }
    if (mkdir(folder, 0777) != 0 && errno != EEXIST) {
        fprintf(stderr, "qingfen person statement: %s: %s\n", folder, strerror(errno));
    } else if (!save_path(folder, document->number, "pdf", path, sizeof path)) {
        fprintf(stderr, "qingfen person statement: --out is too long\n");
    } else if (!save_document(document, DOCUMENT_PDF, path, &fault)) {
        fprintf(stderr, "qingfen person statement: %s\n", fault.text);
    } else {
        fprintf(stderr, "%s: %s\n", path, document->title);
        status = EXIT_DONE;
    }
    document_free(document);
    return status;
}

static int show_statement(const Qingfen__V1__StmtGetReply *reply, enum format format,
                          const char *folder)
{
    struct statement_paper paper;
    struct document_fault fault;
    int status = EXIT_DONE;
    if (!statement_paper_read(reply, &paper, &fault)) {
        fprintf(stderr, "qingfen person statement: %s\n", fault.text);
        return EXIT_FAILED;
    }
    if (folder != NULL) {
        status = save_statement(&paper, folder);
    } else if (format == FORMAT_CSV) {
        grid_print(format, step_columns, (ProtobufCMessage *const *)reply->chain, reply->n_chain);
    } else {
        print_statement(reply, &paper);
    }
    statement_paper_done(&paper);
    return status;
}

int person_statement(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person statement",
        .usage = "person statement --insu AREA --setl-id ID --psn-no NO|--psn-key HEX [OPTIONS]",
        .about =
            "One settlement with every figure, the wallet's part by province, and its refunds,\n"
            "adjustments and corrections (异地结算单). With --out as a PDF, without name and\n"
            "number of the person. In CSV only what came after it.\n",
        .examples =
            "  qingfen person statement --insu 340100 --setl-id S1 --psn-no 340100199001010011\n"
            "  qingfen person statement --insu 340100 --setl-id S1 --psn-no 340100199001010011 \\\n"
            "      --out papers\n",
    };
    struct asker asker = asker_new(help.name);
    uint32_t area = 0;
    const char *setl_id = NULL;
    const char *out = NULL;
    const struct option_spec specs[] = {
        ASKER_OPTIONS(&asker),
        {"insu", OPTION_AREA, &area, "AREA", "insured area, six digits", 0, 0},
        {"setl-id", OPTION_TEXT, &setl_id, "ID", "settlement id in that area", 0, 0},
        {"out", OPTION_TEXT, &out, "DIR", "write it there as a PDF", 0, 0},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(&help, "'%s' is too much", argv[0]);
    if (area == 0 || setl_id == NULL) {
        return options_refuse(&help, "--insu and --setl-id are needed");
    }
    status = asker_open(&asker, &help);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__StmtGet request = QINGFEN__V1__STMT_GET__INIT;
    request.psn_key = asker_key(&asker);
    request.insu_admdvs = area;
    request.setl_id = borrowed(setl_id);
    ProtobufCMessage *answer = person_ask(&asker.speaker, &request.base, MESSAGE_STMT_GET,
                                          &qingfen__v1__stmt_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__StmtGetReply *reply = (const Qingfen__V1__StmtGetReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (asker.speaker.format == FORMAT_JSON && out == NULL) {
        print_json(answer);
    } else if (status == EXIT_DONE) {
        status = show_statement(reply, asker.speaker.format, out);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}
