/* person -- what a person may ask: the wallet and what happened to it, settlements, a year, one
 * statement; and what holds for a region or an institution. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "person.pb-c.h"
#include "tools/client/json_map.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/documents/save.h"
#include "tools/documents/statement_reply.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/person.h"
#include "tools/qingfen/tell.h"
#include "tools/qingfen/words.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "types/error.h"
#include "types/wire.h"

/* -- who asks, and about whom -------------------------------------------------------------------
 */

struct asker {
    struct speaker speaker;
    const char *psn_no;
    const char *psn_key; /* Hexadecimal. */
    const char *key_file;
    uint8_t key[PSN_KEY_SIZE];
};

#define ASKER_OPTIONS(asker)                                                                   \
    SPEAKER_OPTIONS(&(asker)->speaker),                                                        \
        {"psn-no", OPTION_TEXT, &(asker)->psn_no, "NO", "the person's number", 0, 0},          \
        {"psn-key", OPTION_TEXT, &(asker)->psn_key, "HEX", "or the key, 32 hex digits", 0, 0}, \
    {                                                                                          \
        "psn-key-file", OPTION_TEXT, &(asker)->key_file, "FILE",                               \
            "key that turns psn_no into psn_key, 64 hex digits", 0, 0                          \
    }

static struct asker asker_new(const char *command)
{
    return (struct asker){.speaker = speaker_new(command)};
}

static bool hex_parse(const char *text, uint8_t *out, size_t size)
{
    if (strlen(text) != 2 * size || strspn(text, "0123456789abcdefABCDEF") != 2 * size) {
        return false;
    }
    for (size_t i = 0; i < size; i++) {
        const char digits[] = {text[2 * i], text[2 * i + 1], '\0'};
        out[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return true;
}

/* Works out whose data is asked for; OPTIONS_GO, or the exit status. */
static int asker_open(struct asker *asker, const struct command_help *help)
{
    if ((asker->psn_no == NULL) == (asker->psn_key == NULL)) {
        return options_refuse(help, "whose? --psn-no NO or --psn-key HEX");
    }
    if (asker->psn_key != NULL) {
        if (hex_parse(asker->psn_key, asker->key, sizeof asker->key)) return OPTIONS_GO;
        return options_refuse(help, "--psn-key '%s': it should be 32 hexadecimal digits",
                              asker->psn_key);
    }
    struct psn_key_maker *maker = person_open(asker->speaker.command, asker->key_file);
    if (maker == NULL) return EXIT_FAILED;
    psn_key_make(maker, bytes_of(asker->psn_no), asker->key);
    psn_key_free(maker);
    return OPTIONS_GO;
}

/* Reads options that no word may follow; OPTIONS_GO with the person known, or the exit status. */
static int asker_read(struct asker *asker, int argc, char **argv, const struct command_help *help,
                      const struct option_spec *specs)
{
    int words;
    const int status = options_read(argc, argv, help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words > 0) return options_refuse(help, "'%s' is too much", argv[0]);
    return asker_open(asker, help);
}

static ProtobufCBinaryData key_of(struct asker *asker)
{
    return (ProtobufCBinaryData){sizeof asker->key, asker->key};
}

static ProtobufCMessage *ask(const struct speaker *speaker, const ProtobufCMessage *request,
                             uint16_t type, const ProtobufCMessageDescriptor *reply)
{
    return ask_once(speaker->command, &speaker->address, speaker->as, request, type, reply);
}

/* One message as a page, or as a line of CSV under its header. */
static void print_one(enum format format, const struct grid_column *columns,
                      ProtobufCMessage *message)
{
    ProtobufCMessage *const rows[] = {message};
    if (format == FORMAT_CSV) {
        grid_print(format, columns, rows, 1);
    } else {
        grid_page(columns, message);
    }
}

static void print_line(const char *name, const char *value)
{
    printf("  %s", name);
    for (size_t column = text_columns(name); column < 28; column++)
        putchar(' ');
    puts(value);
}

static void print_yuan(const char *name, int64_t fen)
{
    char text[YUAN_SIZE];
    char right[YUAN_SIZE + 16];
    snprintf(right, sizeof right, "%18s", yuan_format_grouped(fen, text));
    print_line(name, right);
}

/* -- wallet -------------------------------------------------------------------------------------
 */

static const struct grid_column wallet_columns[] = {
    COLUMN("wlt_id", TEXT, "wallet 医保钱包"),
    COLUMN("state", TEXT, "state"),
    COLUMN("insu_admdvs", AREA, "insured 参保地"),
    COLUMN("insutype", INSUTYPE, "insutype 险种"),
    COLUMN("use_loc_admdvs", AREA, "used in 使用地"),
    COLUMN_ALWAYS("balc", YUAN, "balance 余额"),
    COLUMN_ALWAYS("free_balc", YUAN, "free 可用"),
    COLUMN("held", YUAN, "held 冻结"),
    COLUMN("consumed", YUAN, "consumed 已用"),
    COLUMN("granted", YUAN, "granted 授权"),
    COLUMN("day_count", COUNT, "transfers today"),
    COLUMN("day_sum", YUAN, "their sum"),
    COLUMNS_END,
};

static const struct grid_column lot_columns[] = {
    COLUMN("number", NUMBER, "lot"),          COLUMN("admdvs", AREA, "giver's area 共济人参保地"),
    COLUMN_SUMMED("amt", YUAN, "amount"),     COLUMN("accepted_at", TIME, "accepted at"),
    COLUMN("rlts_id", TEXT, "relation 关系"), COLUMNS_END,
};

static const struct grid_column transfer_columns[] = {
    COLUMN("trsf_id", TEXT, "transfer 转账"),
    COLUMN("stas", TEXT, "state"),
    COLUMN("incoming", FLAG, "incoming"),
    COLUMN("amt", YUAN, "amount"),
    COLUMN("exp_at", TIME, "until"),
    COLUMN("admdvs", AREA, "from"),
    COLUMNS_END,
};

static const struct grid_column relation_columns[] = {
    COLUMN("rlts_id", TEXT, "relation 关系"),
    COLUMN("side", SIDE, "this side 身份"),
    COLUMN("rlts_code", RELATIVE, "receiver is 亲属关系"),
    COLUMN("since", TIME, "since"),
    COLUMNS_END,
};

static void print_list(const char *title, const struct grid_column *columns,
                       ProtobufCMessage *const *rows, size_t count)
{
    if (count == 0) return;
    printf("\n%s\n", title);
    grid_print(FORMAT_TABLE, columns, rows, count);
}

static void print_wallet(enum format format, Qingfen__V1__WltQueryReply *reply)
{
    print_one(format, wallet_columns, &reply->base);
    if (format == FORMAT_CSV) return;
    print_list("limits in it, spent from the top 额度", lot_columns,
               (ProtobufCMessage *const *)reply->lots, reply->n_lots);
    print_list("transfers under way 在途转账", transfer_columns,
               (ProtobufCMessage *const *)reply->transfers, reply->n_transfers);
    print_list("relations 共济关系", relation_columns, (ProtobufCMessage *const *)reply->relations,
               reply->n_relations);
}

static int person_wallet(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person wallet",
        .usage = "person wallet --psn-no NO|--psn-key HEX [OPTIONS]",
        .about = "The wallet (医保钱包): balance, limits by giver's area, transfers under way,\n"
                 "relations. In CSV the wallet alone, without its lists.\n",
        .examples = "  qingfen person wallet --psn-no 340100199001010011\n",
    };
    struct asker asker = asker_new(help.name);
    const struct option_spec specs[] = {ASKER_OPTIONS(&asker), {0}};
    int status = asker_read(&asker, argc, argv, &help, specs);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__WltQuery request = QINGFEN__V1__WLT_QUERY__INIT;
    request.psn_key = key_of(&asker);
    ProtobufCMessage *answer = ask(&asker.speaker, &request.base, MESSAGE_WLT_QUERY,
                                   &qingfen__v1__wlt_query_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    Qingfen__V1__WltQueryReply *reply = (Qingfen__V1__WltQueryReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (asker.speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE) {
        print_wallet(asker.speaker.format, reply);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

/* -- records, page by page ----------------------------------------------------------------------
 */

/* One page, whichever list it is of. */
struct page {
    uint32_t code;
    const char *text;
    ProtobufCMessage **rows;
    size_t count;
    const char *token;
};

static struct page page_of(const ProtobufCMessage *message)
{
    if (message->descriptor == &qingfen__v1__wlt_records_reply__descriptor) {
        const Qingfen__V1__WltRecordsReply *m = (const Qingfen__V1__WltRecordsReply *)message;
        return (struct page){m->code, m->text, (ProtobufCMessage **)m->records, m->n_records,
                             m->page_token};
    }
    const Qingfen__V1__SetlRecordsReply *m = (const Qingfen__V1__SetlRecordsReply *)message;
    return (struct page){m->code, m->text, (ProtobufCMessage **)m->records, m->n_records,
                         m->page_token};
}

/* All pages of a list. */
struct list {
    ProtobufCMessage **replies; /* Owned. */
    size_t reply_count;
    ProtobufCMessage **rows; /* They live in the replies. */
    size_t row_count;
};

static void list_add(struct list *list, ProtobufCMessage *reply, size_t most)
{
    const struct page page = page_of(reply);
    const size_t room = most != 0 ? most - list->row_count : page.count;
    const size_t count = page.count < room ? page.count : room;
    list->replies = realloc(list->replies, (list->reply_count + 1) * sizeof(void *));
    NEED_MEMORY(list->replies);
    list->replies[list->reply_count++] = reply;
    list->rows = realloc(list->rows, (list->row_count + count + 1) * sizeof(void *));
    NEED_MEMORY(list->rows);
    if (count != 0) memcpy(list->rows + list->row_count, page.rows, count * sizeof(void *));
    list->row_count += count;
}

static void list_free(struct list *list)
{
    for (size_t i = 0; i < list->reply_count; i++)
        protobuf_c_message_free_unpacked(list->replies[i], NULL);
    free(list->replies);
    free(list->rows);
}

/* Where a request keeps the token of the page it wants. */
static char **token_of(ProtobufCMessage *request)
{
    return request->descriptor == &qingfen__v1__wlt_records__descriptor
               ? &((Qingfen__V1__WltRecords *)request)->page_token
               : &((Qingfen__V1__SetlRecords *)request)->page_token;
}

/* Asks for page after page until there are `most` rows (0: all). The exit status. */
static int list_read(struct list *list, const struct speaker *speaker, ProtobufCMessage *request,
                     uint16_t type, const ProtobufCMessageDescriptor *descriptor, size_t most)
{
    struct talk talk;
    if (!talk_open(&talk, speaker->command, &speaker->address, speaker->as)) return EXIT_FAILED;
    int status;
    struct page page;
    do {
        ProtobufCMessage *reply = talk_ask(&talk, request, type, descriptor);
        if (reply == NULL) {
            status = EXIT_FAILED;
            break;
        }
        list_add(list, reply, most);
        page = page_of(reply);
        *token_of(request) = borrowed(page.token);
        status = ask_status(speaker->command, page.code, page.text);
    } while (status == EXIT_DONE && page.token[0] != '\0' && (most == 0 || list->row_count < most));
    talk_close(&talk);
    return status;
}

/* All pages as one reply. */
static void list_json(const struct list *list)
{
    if (list->reply_count == 0) return;
    json_t *whole = json_map_write(list->replies[0]);
    json_t *rows = json_array();
    NEED_MEMORY(rows);
    for (size_t i = 0; i < list->row_count; i++)
        ENSURE(json_array_append_new(rows, json_map_write(list->rows[i])) == 0);
    ENSURE(json_object_set_new(whole, "records", rows) == 0);
    ENSURE(json_object_set_new(whole, "page_token", json_string("")) == 0);
    print_json_value(whole);
    json_decref(whole);
}

static int show_records(const struct speaker *speaker, ProtobufCMessage *request, uint16_t type,
                        const ProtobufCMessageDescriptor *descriptor,
                        const struct grid_column *columns, uint64_t most)
{
    struct list list = {0};
    const int status = list_read(&list, speaker, request, type, descriptor, (size_t)most);
    if (speaker->format == FORMAT_JSON) {
        list_json(&list);
    } else if (status == EXIT_DONE) {
        grid_print(speaker->format, columns, list.rows, list.row_count);
    }
    list_free(&list);
    return status;
}

/* Midnight in Shanghai at the beginning of a day, `days` later; 0 for no day. */
static int64_t day_ms(uint32_t yyyymmdd, int days)
{
    struct civil civil = {.year = (int32_t)(yyyymmdd / 10000),
                          .month = (int32_t)(yyyymmdd / 100 % 100),
                          .day = (int32_t)(yyyymmdd % 100)};
    int64_t ms;
    if (yyyymmdd == 0) return 0;
    ENSURE(civil_to_ms(&civil, &ms));
    return ms + days * MS_PER_DAY;
}

#define PERIOD_OPTIONS(from, to, most)                                                        \
    {"from", OPTION_DAY, (from), "YYYY-MM-DD", "the first day (at most 366 days)", 0, 0},     \
        {"until", OPTION_DAY, (to), "YYYY-MM-DD", "the last day", 0, 0},                      \
    {                                                                                         \
        "most", OPTION_NUMBER, (most), "N", "the newest N of them (default: all)", 1, 1000000 \
    }

static int person_records(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person records",
        .usage = "person records --psn-no NO|--psn-key HEX [--kind KIND] [OPTIONS]",
        .about =
            "What happened to the wallet (转账记录), newest first. KIND is transfer, payment,\n"
            "premium, usage, relation or wallet.\n",
        .examples =
            "  qingfen person records --psn-no 340100199001010011 --kind transfer\n"
            "  qingfen person records --psn-no 340100199001010011 --from 2026-01-01 --format csv\n",
    };
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("seq", NUMBER),
        COLUMN("at", TIME, "at"),
        COLUMN("kind", TEXT, "kind"),
        COLUMN("what", TEXT, "what"),
        COLUMN("amt", YUAN, "amount"),
        COLUMN("admdvs", NUMBER, "area"),
        COLUMN("id", TEXT, "id"),
        COLUMN_HIDDEN("ref", TEXT),
        COLUMN_HIDDEN("old_admdvs", NUMBER),
        COLUMNS_END,
    };
    struct asker asker = asker_new(help.name);
    const char *kind = NULL;
    uint32_t from = 0;
    uint32_t to = 0;
    uint64_t most = 0;
    const struct option_spec specs[] = {
        ASKER_OPTIONS(&asker),
        {"kind", OPTION_TEXT, &kind, "KIND", "only these", 0, 0},
        PERIOD_OPTIONS(&from, &to, &most),
        {0},
    };
    const int status = asker_read(&asker, argc, argv, &help, specs);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__WltRecords request = QINGFEN__V1__WLT_RECORDS__INIT;
    request.psn_key = key_of(&asker);
    request.from = day_ms(from, 0);
    request.to = to == 0 ? 0 : day_ms(to, 1) - 1;
    request.limit = 200;
    if (kind != NULL) request.kind = borrowed(kind);
    return show_records(&asker.speaker, &request.base, MESSAGE_WLT_RECORDS,
                        &qingfen__v1__wlt_records_reply__descriptor, columns, most);
}

static int person_settlements(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person settlements",
        .usage = "person settlements --psn-no NO|--psn-key HEX [OPTIONS]",
        .about =
            "Settlements and refunds across provinces (异地就医结算记录), the newest first; by\n"
            "the day of their settlement. A province sees those it insured or treated.\n",
        .examples = "  qingfen person settlements --psn-no 340100199001010011 --from 2026-01-01\n",
    };
    static const struct grid_column columns[] = {
        COLUMN("setl_time", TIME, "settled at"),
        COLUMN("setl_id", TEXT, "setl_id"),
        COLUMN_HIDDEN("insu_admdvs", NUMBER),
        COLUMN("mdtrtarea_admvs", NUMBER, "treated in"),
        COLUMN_HIDDEN("fixmedins_code", TEXT),
        COLUMN_HIDDEN("insutype", NUMBER),
        COLUMN_HIDDEN("med_type", NUMBER),
        COLUMN_HIDDEN("refd_setl_flag", FLAG),
        COLUMN_HIDDEN("orig_setl_id", TEXT),
        COLUMN_SUMMED("medfee_sumamt", YUAN, "total 总额"),
        COLUMN_SUMMED("fund_pay_sumamt", YUAN, "fund 基金"),
        COLUMN_SUMMED("psn_part_amt", YUAN, "person 个人"),
        COLUMN_HIDDEN("acct_pay", YUAN),
        COLUMN_HIDDEN("wlt_pay", YUAN),
        COLUMN_HIDDEN("psn_cash_pay", YUAN),
        COLUMNS_END,
    };
    struct asker asker = asker_new(help.name);
    uint32_t from = 0;
    uint32_t to = 0;
    uint64_t most = 0;
    const struct option_spec specs[] = {
        ASKER_OPTIONS(&asker), PERIOD_OPTIONS(&from, &to, &most), {0}};
    const int status = asker_read(&asker, argc, argv, &help, specs);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__SetlRecords request = QINGFEN__V1__SETL_RECORDS__INIT;
    request.psn_key = key_of(&asker);
    request.from = day_ms(from, 0);
    request.to = to == 0 ? 0 : day_ms(to, 1) - 1;
    request.limit = 200;
    return show_records(&asker.speaker, &request.base, MESSAGE_SETL_RECORDS,
                        &qingfen__v1__setl_records_reply__descriptor, columns, most);
}

/* -- a year -------------------------------------------------------------------------------------
 */

static int year_status(const Qingfen__V1__YearSumGetReply *reply)
{
    if (reply->code != ERROR_YEAR_INCOMPLETE) {
        return ask_status("person year", reply->code, reply->text);
    }
    fprintf(stderr, "the year is not over: these are its figures so far (年度未结束)\n");
    return EXIT_DONE;
}

static void print_year(const Qingfen__V1__YearSumGetReply *reply, uint64_t year)
{
    char count[YUAN_SIZE];
    printf("%llu, %s\n", (unsigned long long)year, reply->scope);
    print_line("settlements 结算笔数", count_format_grouped(reply->count, count));
    print_yuan("total 医疗费总额", reply->medfee_sumamt);
    print_yuan("funds 基金支付", reply->fund_pay_sumamt);
    print_yuan("in scope 个人自付", reply->in_scope_selfpay);
    print_yuan("outside 全自费", reply->full_selfpay);
    print_yuan("deductible 可扣除", reply->deductible);
    print_yuan("  above 起扣", reply->deduct_from);
    print_yuan("  at most 上限", reply->deduct_max);
}

static int person_year(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person year",
        .usage = "person year YYYY --psn-no NO|--psn-key HEX [OPTIONS]",
        .about =
            "The year's costs (年度费用汇总) and what of them may be deducted from income for the\n"
            "tax (大病医疗专项附加扣除). Settlements across provinces only; refunds lower the "
            "year\n"
            "of their original. The year of a settlement is that of its time in Shanghai.\n",
        .examples = "  qingfen person year 2025 --psn-no 340100199001010011\n",
    };
    static const struct grid_column columns[] = {
        COLUMN_HIDDEN("count", COUNT),
        COLUMN_HIDDEN("medfee_sumamt", YUAN),
        COLUMN_HIDDEN("fund_pay_sumamt", YUAN),
        COLUMN_HIDDEN("in_scope_selfpay", YUAN),
        COLUMN_HIDDEN("full_selfpay", YUAN),
        COLUMN_HIDDEN("deductible", YUAN),
        COLUMN_HIDDEN("deduct_from", YUAN),
        COLUMN_HIDDEN("deduct_max", YUAN),
        COLUMN_HIDDEN("complete", FLAG),
        COLUMN_HIDDEN("scope", TEXT),
        COLUMNS_END,
    };
    struct asker asker = asker_new(help.name);
    uint64_t year;
    const struct option_spec specs[] = {ASKER_OPTIONS(&asker), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !number_parse(argv[0], &year) || year < 2000 || year > 2999) {
        return options_refuse(&help, "one year is needed, such as 2025");
    }
    status = asker_open(&asker, &help);
    if (status != OPTIONS_GO) return status;

    Qingfen__V1__YearSumGet request = QINGFEN__V1__YEAR_SUM_GET__INIT;
    request.psn_key = key_of(&asker);
    request.year = (uint32_t)year;
    ProtobufCMessage *answer = ask(&asker.speaker, &request.base, MESSAGE_YEAR_SUM_GET,
                                   &qingfen__v1__year_sum_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    status = year_status((const Qingfen__V1__YearSumGetReply *)answer);
    if (asker.speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && asker.speaker.format == FORMAT_CSV) {
        print_one(FORMAT_CSV, columns, answer);
    } else if (status == EXIT_DONE) {
        print_year((const Qingfen__V1__YearSumGetReply *)answer, year);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

/* -- one statement ------------------------------------------------------------------------------
 */

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
    print_line("insured 参保地", words_area(paper->insu_admdvs, text));
    print_line("treated 就医地", words_area(paper->mdtrtarea_admvs, text));
    print_line("institution 定点医药机构", paper->fixmedins_code);
    if (paper->fixmedins_name[0] != '\0') print_line("", paper->fixmedins_name);
    print_line("insutype 险种", words_insutype(paper->insutype, text));
    print_line("settled at 结算时间", words_time(paper->setl_ms, text));
    print_line("cleared in 清算期", words_period(paper->period, text));
}

static void print_statement(const Qingfen__V1__StmtGetReply *reply,
                            const struct statement_paper *paper)
{
    char text[WORDS_SIZE];
    print_head(paper);
    puts("\nfigures (yuan) 费用构成");
    for (int i = 0; i < AMOUNT_COUNT; i++) {
        if (paper->amounts[i] == 0) continue;
        print_yuan(statement_amount_name((enum settlement_amount)i), paper->amounts[i]);
    }
    if (paper->lot_count != 0) puts("\nwallet, by giver's province 医保钱包来源");
    for (size_t i = 0; i < paper->lot_count; i++) {
        print_yuan(words_province(reply->wallet[i]->province, text), paper->lots[i].amount);
    }
    print_list("what came after it 退费与调整", step_columns,
               (ProtobufCMessage *const *)reply->chain, reply->n_chain);
    if (reply->text[0] != '\0') printf("(%s)\n", reply->text);
    puts("\nleft (yuan) 现存金额");
    print_yuan("total 医疗费总额", paper->left.medfee);
    print_yuan("funds 基金支付", paper->left.fund);
    print_yuan("account 个人账户", paper->left.acct);
    print_yuan("wallet 医保钱包", paper->left.wlt);
    print_yuan("cash 现金", paper->left.cash);
}

/* "DIR/STATEMENT-340100-….pdf"; letters of the number that mean something to a file system are
 * written as '_'. False when it does not fit. */
static bool paper_path(const char *folder, const char *number, char *ret_path, size_t size)
{
    const int used = snprintf(ret_path, size, "%s/%s.pdf", folder, number);
    if (used < 0 || (size_t)used >= size) return false;
    for (char *at = ret_path + strlen(folder) + 1; *at != '\0'; at++) {
        if (strchr("/\\:*?\"<>|", *at) != NULL) *at = '_';
    }
    return true;
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
    } else if (!paper_path(folder, document->number, path, sizeof path)) {
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

static int person_statement(int argc, char **argv)
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
    request.psn_key = key_of(&asker);
    request.insu_admdvs = area;
    request.setl_id = borrowed(setl_id);
    ProtobufCMessage *answer = ask(&asker.speaker, &request.base, MESSAGE_STMT_GET,
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

/* -- places -------------------------------------------------------------------------------------
 */

static void print_region(enum format format, const Qingfen__V1__RegionQueryReply *reply,
                         uint32_t area)
{
    static const struct grid_column columns[] = {
        COLUMN("param", TEXT, "rule"),
        COLUMN("value", TEXT, "value"),
        COLUMN("admdvs", NUMBER, "set for (0: the nation)"),
        COLUMNS_END,
    };
    char text[WORDS_SIZE];
    if (format == FORMAT_TABLE) {
        printf("%s: wallet %s\n\n", words_area(area, text),
               reply->wallet_enabled ? "enabled 已开通" : "not enabled 未开通");
    }
    grid_print(format, columns, (ProtobufCMessage *const *)reply->params, reply->n_params);
}

static int person_region(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person region",
        .usage = "person region AREA [--at YYYY-MM-DD] [OPTIONS]",
        .about =
            "Whether the wallet is enabled in an area, and every provincial rule with the row\n"
            "it comes from: the area's own, its province's (pp0000) or the nation's (0).\n",
        .examples = "  qingfen person region 440100\n",
    };
    struct speaker speaker = speaker_new(help.name);
    uint64_t area;
    uint32_t day = 0;
    const struct option_spec specs[] = {
        SPEAKER_OPTIONS(&speaker),
        {"at", OPTION_DAY, &day, "YYYY-MM-DD", "as it is on that day (default: now)", 0, 0},
        {0},
    };
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1 || !number_parse(argv[0], &area) || area < 100000 || area > 999999) {
        return options_refuse(&help, "one area of six digits is needed, such as 440100");
    }
    Qingfen__V1__RegionQuery request = QINGFEN__V1__REGION_QUERY__INIT;
    request.admdvs = (uint32_t)area;
    request.at = day_ms(day, 0);
    ProtobufCMessage *answer = ask(&speaker, &request.base, MESSAGE_REGION_QUERY,
                                   &qingfen__v1__region_query_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__RegionQueryReply *reply = (const Qingfen__V1__RegionQueryReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE) {
        print_region(speaker.format, reply, (uint32_t)area);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

static int person_institution(int argc, char **argv)
{
    static const struct command_help help = {
        .name = "person institution",
        .usage = "person institution CODE [OPTIONS]",
        .about = "An institution of the directory (定点医药机构), and whether it takes the wallet\n"
                 "today.\n",
        .examples = "  qingfen person institution H34010000001\n",
    };
    static const struct grid_column columns[] = {
        COLUMN("institution.fixmedins_code", TEXT, "code 代码"),
        COLUMN("institution.fixmedins_name", TEXT, "name 名称"),
        COLUMN("institution.admdvs", AREA, "area"),
        COLUMN("wallet", FLAG, "takes wallets 钱包"),
        COLUMN("institution.business_lv_wlt", NUMBER, "businessLvWlt"),
        COLUMN("institution.business_lv_out_med_otp", NUMBER, "businessLvOutMedOtp"),
        COLUMN("institution.from", DAY, "from"),
        COLUMN("institution.to", DAY, "to"),
        COLUMN("institution.version", NUMBER, "version"),
        COLUMNS_END,
    };
    struct speaker speaker = speaker_new(help.name);
    const struct option_spec specs[] = {SPEAKER_OPTIONS(&speaker), {0}};
    int words;
    int status = options_read(argc, argv, &help, specs, &words);
    if (status != OPTIONS_GO) return status;
    if (words != 1) return options_refuse(&help, "one code is needed, such as H34010000001");

    Qingfen__V1__InstQuery request = QINGFEN__V1__INST_QUERY__INIT;
    request.fixmedins_code = argv[0];
    ProtobufCMessage *answer = ask(&speaker, &request.base, MESSAGE_INST_QUERY,
                                   &qingfen__v1__inst_query_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__InstQueryReply *reply = (const Qingfen__V1__InstQueryReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE) {
        print_one(speaker.format, columns, answer);
    }
    protobuf_c_message_free_unpacked(answer, NULL);
    return status;
}

int cmd_person(int argc, char **argv)
{
    static const struct command_help help = {
        .usage = "person VERB [OPTIONS] …",
        .about =
            "What a person may ask, through the national platform or a province (--as PP). Whose\n"
            "data it is says --psn-no, with the key that made it (see 'qingfen send'), or\n"
            "--psn-key. A province sees the persons who are insured in it.\n",
        .examples = "  qingfen person wallet --psn-no 340100199001010011\n"
                    "  qingfen person region 440100\n",
    };
    static const struct verb verbs[] = {
        {"wallet", person_wallet, "balance, limits, transfers, relations (医保钱包)"},
        {"records", person_records, "what happened to the wallet (转账记录)"},
        {"settlements", person_settlements, "settlements across provinces (结算记录)"},
        {"year", person_year, "the year's costs and what is deductible (年度汇总)"},
        {"statement", person_statement, "one settlement, also on paper (异地结算单)"},
        {"region", person_region, "what holds in an area"},
        {"institution", person_institution, "an institution of the directory"},
        {NULL, NULL, NULL},
    };
    return verbs_run(argc, argv, &help, verbs);
}
