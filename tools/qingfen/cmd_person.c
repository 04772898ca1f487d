/* person -- what a person may ask: the wallet, a year; and what holds for a region or an
 * institution. What happened to the wallet, settlements and one statement have files of their own.
 */
#include <stdio.h>

#include "person.pb-c.h"
#include "tools/client/table.h"
#include "tools/client/yuan.h"
#include "tools/qingfen/asker.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/words.h"
#include "types/error.h"
#include "types/wire.h"

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

static void print_wallet(enum format format, Qingfen__V1__WltQueryReply *reply)
{
    person_print_one(format, wallet_columns, &reply->base);
    if (format == FORMAT_CSV) return;
    person_print_list("limits in it, spent from the top 额度", lot_columns,
                      (ProtobufCMessage *const *)reply->lots, reply->n_lots);
    person_print_list("transfers under way 在途转账", transfer_columns,
                      (ProtobufCMessage *const *)reply->transfers, reply->n_transfers);
    person_print_list("relations 共济关系", relation_columns,
                      (ProtobufCMessage *const *)reply->relations, reply->n_relations);
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
    request.psn_key = asker_key(&asker);
    ProtobufCMessage *answer = person_ask(&asker.speaker, &request.base, MESSAGE_WLT_QUERY,
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
    person_print_line("settlements 结算笔数", count_format_grouped(reply->count, count));
    person_print_yuan("total 医疗费总额", reply->medfee_sumamt);
    person_print_yuan("funds 基金支付", reply->fund_pay_sumamt);
    person_print_yuan("in scope 个人自付", reply->in_scope_selfpay);
    person_print_yuan("outside 全自费", reply->full_selfpay);
    person_print_yuan("deductible 可扣除", reply->deductible);
    person_print_yuan("  above 起扣", reply->deduct_from);
    person_print_yuan("  at most 上限", reply->deduct_max);
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
    request.psn_key = asker_key(&asker);
    request.year = (uint32_t)year;
    ProtobufCMessage *answer = person_ask(&asker.speaker, &request.base, MESSAGE_YEAR_SUM_GET,
                                          &qingfen__v1__year_sum_get_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    status = year_status((const Qingfen__V1__YearSumGetReply *)answer);
    if (asker.speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE && asker.speaker.format == FORMAT_CSV) {
        person_print_one(FORMAT_CSV, columns, answer);
    } else if (status == EXIT_DONE) {
        print_year((const Qingfen__V1__YearSumGetReply *)answer, year);
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
    request.at = person_day_ms(day);
    ProtobufCMessage *answer = person_ask(&speaker, &request.base, MESSAGE_REGION_QUERY,
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
    ProtobufCMessage *answer = person_ask(&speaker, &request.base, MESSAGE_INST_QUERY,
                                          &qingfen__v1__inst_query_reply__descriptor);
    if (answer == NULL) return EXIT_FAILED;
    const Qingfen__V1__InstQueryReply *reply = (const Qingfen__V1__InstQueryReply *)answer;
    status = ask_status(help.name, reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(answer);
    } else if (status == EXIT_DONE) {
        person_print_one(speaker.format, columns, answer);
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
