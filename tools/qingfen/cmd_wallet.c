/* wallet -- orders about the wallet (医保钱包), as the platform and the provinces give them: a
 * table.
 *
 * Rules are the engine's (docs/rules.md, part Wallet); here stands only what may be said. */
#include <stdio.h>
#include <string.h>

#include "person.pb-c.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/grid.h"
#include "tools/qingfen/order.h"
#include "tools/qingfen/tell.h"
#include "types/wire.h"
#include "wallet.pb-c.h"

static const struct command_help help = {
    .usage = "wallet VERB [OPTIONS]",
    .about =
        "Orders about the wallet (医保钱包): opening, relations, transfers, spending, and what\n"
        "provinces push. The App's orders are given as the centre, a province's with --as PP.\n"
        "Persons by --…-no, keyed here as 'qingfen send' does, or by --…-key. Amounts in yuan.\n"
        "Numbers that are not given are made from the rest: the same command again is answered as\n"
        "before and does nothing twice. Exit status 1 with code, field and what to do when it is\n"
        "refused.\n",
    .examples = "  qingfen wallet open --psn-no P1 --insu 510100 --use-loc 510100 --insutype 310\n"
                "  qingfen wallet transfer --wallet W1 --receiver-no P2 --amount 500.00\n"
                "  qingfen wallet rule list --area 350100\n",
};

#define ABOUT_APP      "As the App (the centre).\n"
#define ABOUT_INSURED  "From the insured province (--as PP), or the centre.\n"
#define ABOUT_TREATING "From the province of treatment (--as PP), or the centre.\n"

#define RELATIVES \
    "spouse|parent|child|sibling|grandparent|maternal-grandparent|grandchild|maternal-grandchild"

#define VERB(verb, TYPE, message) \
    .name = verb, .type = MESSAGE_##TYPE, .request = &qingfen__v1__##message##__descriptor
#define PSN                                                            \
    {                                                                  \
        "psn", "psn_key", ORDER_PERSON, true, "the person", NULL, NULL \
    }
#define PSN_MAY                                                                               \
    {                                                                                         \
        "psn", "psn_key", ORDER_PERSON, false, "whose wallet it is, saves a look", NULL, NULL \
    }
#define INSU                                                                         \
    {                                                                                \
        "insu", "insu_admdvs", ORDER_AREA, true, "insured area (参保地)", NULL, NULL \
    }
#define WALLET                                                                   \
    {                                                                            \
        "wallet", "wlt_id", ORDER_TEXT, true, "wlt_id of the wallet", NULL, NULL \
    }
#define INSUTYPE                                                                                  \
    {                                                                                             \
        "insutype", "insutype", ORDER_NUMBER, true, "310 employee 职工, 390 resident 居民", NULL, \
            NULL                                                                                  \
    }
#define AUTH                                                                                    \
    {                                                                                           \
        "auth", "auth_kind", ORDER_WORD, false, "how the person was verified", "face|password", \
            "face"                                                                              \
    }
#define AUTH_REF                                                                           \
    {                                                                                      \
        "auth-ref", "auth_ref", ORDER_TEXT, false, "the App's reference of it", NULL, NULL \
    }
#define PLACE                                                                                   \
    {                                                                                           \
        "place", "mdtrtarea_admvs", ORDER_AREA, true, "place of treatment (就医地)", NULL, NULL \
    }
#define INSTITUTION                                                                     \
    {                                                                                   \
        "institution", "fixmedins_code", ORDER_TEXT, true, "fixmedins_code", NULL, NULL \
    }
#define USE                                                                  \
    {                                                                        \
        "use", "use", ORDER_WORD, false, "what for", "care|pharmacy", "care" \
    }
#define WORDS(w) w, NULL

const struct order_verb wallet_verbs[] = {
    {VERB("open", WLT_OPEN, wlt_open), .help = "open a wallet 开立",
     .about = ABOUT_APP
     "One wallet a person; opening again is answered with the first. A relative may open\n"
     "for somebody else (代开通): --agent-no and --relation.\n",
     .example = "--psn-no P1 --insu 510100 --use-loc 510100 --insutype 310",
     .fields = {PSN,
                INSU,
                {"use-loc", "use_loc_admdvs", ORDER_AREA, true, "where it is good for (使用地)",
                 NULL, NULL},
                INSUTYPE,
                AUTH,
                AUTH_REF,
                {"agent", "agnter_psn_key", ORDER_PERSON, false, "relative who opens", NULL, NULL},
                {"relation", "agnter_rlts", ORDER_WORD, false, "what that relative is, or 1..8",
                 WORDS(RELATIVES)}}},
    {VERB("move", WLT_USE_LOC_CHG, wlt_use_loc_chg), .help = "change the usage location 使用地变更",
     .about =
         ABOUT_APP "At once; what is in the wallet keeps its origin. Only where it is offered.\n",
     .example = "--wallet W1 --from-area 510100 --to-area 530100",
     .fields = {WALLET,
                PSN_MAY,
                {"from-area", "old_use_loc_admdvs", ORDER_AREA, true, "usage location until now",
                 NULL, NULL},
                {"to-area", "new_use_loc_admdvs", ORDER_AREA, true, "from now on", NULL, NULL},
                AUTH_REF,
                {"client-no", "client_no", ORDER_MADE, false, "number of this change", NULL,
                 NULL}}},
    {VERB("close", WLT_CLOSE, wlt_close), .help = "close a wallet, all of it goes home 注销",
     .about = "As the App, or from the insured province. What is in it goes back to its givers.\n",
     .example = "--wallet W1 --reason asked",
     .fields = {WALLET,
                PSN_MAY,
                {"reason", "reason", ORDER_WORD, true, "why", "asked|death|left|merged", NULL},
                {"close-no", "close_no", ORDER_MADE, false, "number of this closing", NULL, NULL}}},
    {VERB("freeze", WLT_FREEZE, wlt_freeze), .help = "stop a wallet 冻结",
     .about = ABOUT_INSURED "Every document freezes once: --doc is the number of the order.\n",
     .example = "--wallet W1 --doc D-2026-17 --reason 核查",
     .fields = {WALLET,
                PSN_MAY,
                {"doc", "doc_no", ORDER_TEXT, true, "number of the document", NULL, NULL},
                {"reason", "reason", ORDER_TEXT, false, "why, at most 90 bytes", NULL, NULL}}},
    {VERB("unfreeze", WLT_UNFREEZE, wlt_freeze), .help = "let it go on 解冻",
     .about = ABOUT_INSURED "With a document of its own.\n",
     .example = "--wallet W1 --doc D-2026-18",
     .fields = {WALLET,
                PSN_MAY,
                {"doc", "doc_no", ORDER_TEXT, true, "number of the document", NULL, NULL},
                {"reason", "reason", ORDER_TEXT, false, "why, at most 90 bytes", NULL, NULL}}},
    {VERB("bind", RLTS_BIND, rlts_bind), .help = "begin a relation 建立共济关系",
     .about = ABOUT_APP "Both sides must agree. One a pair; the other direction is another one.\n",
     .example =
         "--giver-no P1 --receiver-no P2 --relation parent --consent-giver --consent-receiver",
     .fields = {{"giver", "giver_psn_key", ORDER_PERSON, true, "who gives", NULL, NULL},
                {"receiver", "recv_psn_key", ORDER_PERSON, true, "who receives", NULL, NULL},
                {"relation", "rlts_code", ORDER_WORD, true, "what the receiver is, or 1..8",
                 WORDS(RELATIVES)},
                {"proof", "proof_kind", ORDER_WORD, false, "how it is proved", "promise|document",
                 "promise"},
                {"proof-ref", "proof_ref", ORDER_TEXT, false, "reference of the proof", NULL, NULL},
                {"consent-giver", "consent_giver", ORDER_FLAG, false, "the giver agrees", NULL,
                 NULL},
                {"consent-receiver", "consent_recv", ORDER_FLAG, false, "the receiver agrees", NULL,
                 NULL}}},
    {VERB("unbind", RLTS_UNBIND, rlts_unbind), .help = "end a relation 解除",
     .about =
         ABOUT_APP "By either side. What is unused goes home, what is under way is taken back.\n",
     .example = "--relation-id R1 --side giver",
     .fields = {{"relation-id", "rlts_id", ORDER_TEXT, true, "rlts_id", NULL, NULL},
                {"psn", "psn_key", ORDER_PERSON, false, "the giver, saves a look", NULL, NULL},
                {"side", "side", ORDER_WORD, true, "who asks", "giver|receiver", NULL}}},
    {VERB("state", PSN_STATE_PUSH, psn_state_push),
     .help = "say that an insured state changed 参保状态",
     .about = ABOUT_INSURED "A giver who is not normal any more loses every relation.\n",
     .example = "--psn-no P1 --insu 510100 --insutype 310 --state ended --from 2026-03-01 --as 51",
     .fields = {PSN,
                INSU,
                INSUTYPE,
                {"state", "psn_insu_stas", ORDER_WORD, true, "the state", "normal|paused|ended",
                 NULL},
                {"from", "eff_date", ORDER_DAY, true, "day it begins", NULL, NULL},
                {"seq", "seq", ORDER_NUMBER, false, "which push of that day", NULL, NULL}}},
    {VERB("grant", PA_GRANT, pa_grant), .help = "say how much transfers may use in all 授额",
     .about = ABOUT_INSURED
     "Where pa_hold_mode is grant. The amount counts since ever; --seq goes up.\n",
     .example = "--psn-no P1 --insu 510100 --amount 6000.00 --seq 1 --as 51",
     .fields = {PSN,
                INSU,
                {"amount", "granted_amt", ORDER_YUAN, true, "in all", NULL, NULL},
                {"seq", "seq", ORDER_NUMBER, true, "number of this grant, going up", NULL, NULL}}},
    {VERB("transfer", TRSF_SUBMIT, trsf_submit),
     .help = "pass money on to a relative's wallet 转账",
     .about = ABOUT_APP
     "The relative must accept it by 06:00 of the next day. Another transfer of the same\n"
     "amount to the same person needs a --client-no of its own, also on another day.\n",
     .example = "--wallet W1 --receiver-no P2 --amount 500.00",
     .fields = {{"wallet", "giver_wlt_id", ORDER_TEXT, true, "wlt_id of the giver", NULL, NULL},
                {"giver", "giver_psn_key", ORDER_PERSON, false, "the giver, saves a look", NULL,
                 NULL},
                {"receiver", "recv_psn_key", ORDER_PERSON, true, "who is to get it", NULL, NULL},
                {"amount", "trsf_amt", ORDER_YUAN, true, "how much", NULL, NULL},
                {"source", "src", ORDER_WORD, false, "personal account, or what the wallet holds",
                 "account|wallet", "account"},
                {"relation-id", "rlts_id", ORDER_TEXT, false, "rlts_id, when there are several",
                 NULL, NULL},
                AUTH,
                AUTH_REF,
                {"client-no", "client_no", ORDER_MADE, false, "number of this transfer", NULL,
                 NULL}}},
    {VERB("accept", TRSF_ACCEPT, trsf_accept), .help = "take a transfer 接收",
     .about = ABOUT_APP "By its receiver, before 06:00 of the day after.\n",
     .example = "--transfer T1 --receiver-no P2",
     .fields = {{"transfer", "trsf_id", ORDER_TEXT, true, "trsf_id", NULL, NULL},
                {"receiver", "recv_psn_key", ORDER_PERSON, true, "its receiver", NULL, NULL},
                AUTH_REF}},
    {VERB("decline", TRSF_DECLINE, trsf_accept), .help = "do not take it 拒收",
     .about = ABOUT_APP "It goes back at once.\n", .example = "--transfer T1 --receiver-no P2",
     .fields = {{"transfer", "trsf_id", ORDER_TEXT, true, "trsf_id", NULL, NULL},
                {"receiver", "recv_psn_key", ORDER_PERSON, true, "its receiver", NULL, NULL},
                AUTH_REF}},
    {VERB("void", TRSF_VOID, trsf_void), .help = "take a transfer back that is under way 撤回",
     .about = "From the centre alone, with a document.\n",
     .example = "--transfer T1 --doc D-2026-19 --reason 误操作",
     .fields = {{"transfer", "trsf_id", ORDER_TEXT, true, "trsf_id", NULL, NULL},
                {"doc", "doc_no", ORDER_TEXT, true, "number of the document", NULL, NULL},
                {"reason", "reason", ORDER_TEXT, false, "why, at most 90 bytes", NULL, NULL}}},
    {VERB("hold-ack", PA_HOLD_ACK, pa_hold_ack), .help = "say what became of a PaHold 冻结应答",
     .about =
         "From the giver's province (--as PP): the whole amount was frozen, or --code says why\n"
         "nothing was.\n",
     .example = "--transfer T1 --amount 500.00 --balance 1200.00 --as 51",
     .fields = {{"transfer", "hold_id", ORDER_TEXT, true, "trsf_id, the hold's id", NULL, NULL},
                {"amount", "held_amt", ORDER_YUAN, false, "what was frozen", NULL, "0"},
                {"balance", "balc_after", ORDER_YUAN, false, "what is left in the account", NULL,
                 "0"},
                {"code", "code", ORDER_NUMBER, false, "0: frozen; else the province's refusal",
                 NULL, "0"}}},
    {VERB("reserve", WLT_PAY_PRE, wlt_pay_pre),
     .help = "ask how much may be paid, and keep it 预扣",
     .about = ABOUT_TREATING "Kept for 15 minutes; nothing is paid yet.\n",
     .example = "--psn-no P2 --place 510100 --institution H51010000001 --medins-no M1 --amount "
                "300.00 --as 51",
     .fields = {PSN,
                PLACE,
                INSTITUTION,
                {"medins-no", "medins_setl_id", ORDER_TEXT, true,
                 "the institution's number of the visit", NULL, NULL},
                USE,
                {"amount", "want_amt", ORDER_YUAN, true, "how much is wanted", NULL, NULL}}},
    {VERB("pay", WLT_PAY, wlt_pay), .help = "pay from a wallet 支付",
     .about = ABOUT_TREATING
     "What the person bears after the own account (--person-part less --account) is the\n"
     "most. One payment for a setl_id.\n",
     .example =
         "--psn-no P2 --setl-id S1 --place 510100 --institution H51010000001 --amount 300.00 "
         "--person-part 420.00 --as 51",
     .fields =
         {PSN,
          {"wallet", "wlt_id", ORDER_TEXT, false, "wlt_id, saves a look", NULL, NULL},
          {"setl-id", "setl_id", ORDER_TEXT, true, "setl_id of the settlement", NULL, NULL},
          PLACE,
          INSTITUTION,
          {"medins-no", "medins_setl_id", ORDER_TEXT, false,
           "the institution's number of the visit", NULL, NULL},
          {"reserve", "reserve_id", ORDER_TEXT, false, "reserve_id, when it was kept", NULL, NULL},
          USE,
          {"amount", "wlt_pay", ORDER_YUAN, true, "from the wallet", NULL, NULL},
          {"person-part", "psn_part_amt", ORDER_YUAN, true, "what the person bears", NULL, NULL},
          {"account", "acct_pay", ORDER_YUAN, false, "of it from the own account", NULL, "0"}}},
    {VERB("reverse", WLT_PAY_REVERSE, wlt_pay_reverse),
     .help = "take a payment back, all or a part 退回",
     .about = ABOUT_TREATING
     "By --payment, or by --setl-id and the person. To the same parts of the wallet, the\n"
     "last used first. A second part of the same amount needs a --reversal-no of its own.\n",
     .example = "--payment P1 --place 510100 --amount 100.00 --as 51",
     .fields = {{"payment", "pay_id", ORDER_TEXT, false, "pay_id", NULL, NULL},
                {"setl-id", "setl_id", ORDER_TEXT, false, "or the setl_id it was for", NULL, NULL},
                {"psn", "psn_key", ORDER_PERSON, false, "and whose", NULL, NULL},
                PLACE,
                {"amount", "rev_amt", ORDER_YUAN, false, "how much; 0: all that is left", NULL,
                 "0"},
                {"reason", "reason", ORDER_TEXT, false, "why, at most 90 bytes", NULL, NULL},
                {"reversal-no", "rev_setl_id", ORDER_MADE, false, "number of this reversal", NULL,
                 NULL}}},
    {VERB("reclaim", LMT_RECLAIM, lmt_reclaim),
     .help = "take back what was given and not used 收回",
     .about = ABOUT_APP "By the giver, only where allow_reclaim is on.\n",
     .example = "--psn-no P1 --relation-id R1 --amount 100.00",
     .fields = {{"psn", "psn_key", ORDER_PERSON, true, "the giver", NULL, NULL},
                {"relation-id", "rlts_id", ORDER_TEXT, true, "rlts_id", NULL, NULL},
                {"amount", "rev_amt", ORDER_YUAN, false, "how much; 0: all that is unused", NULL,
                 "0"},
                {"client-no", "client_no", ORDER_MADE, false, "number of this order", NULL, NULL}}},
    {VERB("switch", AUTH_SWITCH_PUSH, auth_switch_push),
     .help = "a person's switch for pharmacies elsewhere 异地购药开关", .about = ABOUT_INSURED,
     .example = "--psn-no P3 --insu 350100 --set on --from 2026-03-01T08:00:00+08:00 --as 35",
     .fields = {PSN,
                INSU,
                {"which", "switch", ORDER_WORD, false, "which switch", "pharmacy", "pharmacy"},
                {"set", "on", ORDER_SWITCH, true, "on or off", NULL, NULL},
                {"from", "eff_at", ORDER_TIME, true, "when it begins", NULL, NULL}}},
    {VERB("filing", FILING_PUSH, filing_push),
     .help = "that somebody may be treated elsewhere 异地就医备案", .about = ABOUT_INSURED,
     .example = "--psn-no P3 --insu 350100 --filing-no F1 --place 310000 --from 2026-03-01 --as 35",
     .files = true,
     .fields = {PSN,
                INSU,
                {"filing-no", "filing_no", ORDER_TEXT, true, "number of the filing", NULL, NULL},
                {"place", "place", ORDER_AREA, true, "where; its province counts", NULL, NULL},
                {"from", "from", ORDER_DAY, true, "first day", NULL, NULL},
                {"until", "to", ORDER_DAY, false, "last day; left out: open", NULL, NULL},
                {"kind", "kind", ORDER_NUMBER, false, "kind of filing", NULL, NULL}}},
    {VERB("institution", INST_DIR_PUSH, inst_dir_push),
     .help = "a row of the directory of institutions 定点机构",
     .about =
         "From the institution's province (--as PP), or the centre. The highest version counts.\n"
         "With --file a CSV of many: fixmedins_code, fixmedins_name, admdvs, version,\n"
         "business_lv_wlt, business_lv_out_med_otp, from, to. Its last line is\n"
         "'sent=N accepted=N duplicate=N rejected=N'.\n",
     .example =
         "--code H51010000001 --name 成都市第一医院 --area 510100 --version 1 --wallet 1 --as 51",
     .files = true,
     .fields = {{"code", "fixmedins_code", ORDER_TEXT, true, "fixmedins_code", NULL, NULL},
                {"name", "fixmedins_name", ORDER_TEXT, false, "its name, at most 90 bytes", NULL,
                 NULL},
                {"area", "admdvs", ORDER_AREA, true, "where it is", NULL, NULL},
                {"version", "version", ORDER_NUMBER, true, "number of this row, going up", NULL,
                 NULL},
                {"wallet", "business_lv_wlt", ORDER_NUMBER, true,
                 "businessLvWlt: 1, 2 takes the wallet; 0, 3 not", NULL, NULL},
                {"outpatient", "business_lv_out_med_otp", ORDER_NUMBER,
                 false, "businessLvOutMedOtp", NULL, "0"},
                {"from", "from", ORDER_DAY, false, "first day; left out: always", NULL, NULL},
                {"until", "to", ORDER_DAY, false, "last day; left out: open", NULL, NULL}}},
    {VERB("rule", RULE_PUSH, rule_push),
     .help = "set a provincial rule; 'rule list' shows them 参数",
     .about =
         "From the centre alone, from now on or later: what holds already is not changed, a new\n"
         "row begins. Names and values: docs/rules.md, Provincial rules.\n"
         "'qingfen wallet rule list --area ADMDVS [--at TIME]' shows what holds there.\n",
     .example = "--area 440000 --param wallet_enabled --value on --from 2026-07-01T00:00:00+08:00",
     .files = true,
     .fields = {{"area", "admdvs", ORDER_AREA, false, "area or province (pp0000); 0: the nation",
                 NULL, "0"},
                {"param", "param", ORDER_TEXT, true, "name of the rule", NULL, NULL},
                {"value", "value", ORDER_TEXT, true, "as in provincial_rules.csv", NULL, NULL},
                {"from", "eff_from", ORDER_TIME, true, "when it begins", NULL, NULL}}},
    {.name = NULL},
};

/* -- rule list -------------------------------------------------------------------------------- */

static const struct command_help list_help = {
    .usage = "wallet rule list --area ADMDVS [--at TIME] [OPTIONS]",
    .about = "What holds in an area: every provincial rule, its value and where the value comes\n"
             "from (the area, its province or the nation).\n",
    .examples = "  qingfen wallet rule list --area 350100 --at 2025-11-01T00:00:00+08:00\n",
    .name = "wallet rule list",
};

static const struct grid_column rule_columns[] = {
    COLUMN("param", TEXT, "rule 参数"),
    COLUMN("value", TEXT, "value 取值"),
    COLUMN("admdvs", NUMBER, "from 来源"),
    COLUMNS_END,
};

static int rule_list(int argc, char **argv)
{
    struct speaker speaker = speaker_new("wallet rule list");
    Qingfen__V1__RegionQuery query = QINGFEN__V1__REGION_QUERY__INIT;
    const struct option_spec specs[] = {
        {"area", OPTION_AREA, &query.admdvs, "ADMDVS", "which area, or pp0000 for a province", 0,
         0},
        {"at", OPTION_TIME, &query.at, "TIME", "when (default: now)", 0, 0},
        SPEAKER_OPTIONS(&speaker),
        {0},
    };
    int words;
    const int said = options_read(argc, argv, &list_help, specs, &words);
    if (said != OPTIONS_GO) return said;
    if (words != 0) return options_refuse(&list_help, "'%s' is too much", argv[0]);
    if (query.admdvs == 0) return options_refuse(&list_help, "--area is needed");
    Qingfen__V1__RegionQueryReply *reply = (Qingfen__V1__RegionQueryReply *)ask_once(
        speaker.command, &speaker.address, speaker.as, &query.base, MESSAGE_REGION_QUERY,
        &qingfen__v1__region_query_reply__descriptor);
    if (reply == NULL) return EXIT_FAILED;
    const int status = ask_status(speaker.command, reply->code, reply->text);
    if (speaker.format == FORMAT_JSON) {
        print_json(&reply->base);
    } else if (status == EXIT_DONE) {
        grid_print(speaker.format, rule_columns, (ProtobufCMessage *const *)reply->params,
                   reply->n_params);
    }
    qingfen__v1__region_query_reply__free_unpacked(reply, NULL);
    return status;
}

int cmd_wallet(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "rule") == 0 && strcmp(argv[2], "list") == 0) {
        return rule_list(argc - 2, argv + 2);
    }
    return orders_run(argc, argv, &help, wallet_verbs);
}
