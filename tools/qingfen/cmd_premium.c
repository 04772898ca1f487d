/* premium -- orders about premiums paid from a wallet (医保钱包缴费): a table.
 *
 * Rules are the engine's (docs/rules.md, Premium); here stands only what may be said. */
#include "premium.pb-c.h"
#include "tools/qingfen/commands.h"
#include "tools/qingfen/order.h"
#include "types/wire.h"

static const struct command_help help = {
    .usage = "premium VERB [OPTIONS]",
    .about =
        "Premiums (个人缴费) of residents' insurance and of long-term care, paid from a wallet:\n"
        "once a person, insurance and year. The App's orders are given as the centre, the insured\n"
        "province's with --as PP. Persons, amounts, numbers and the exit status are as for\n"
        "'qingfen wallet'.\n",
    .examples =
        "  qingfen premium quote --psn-no P2 --insu 530100 --year 2026\n"
        "  qingfen premium pay --psn-no P2 --insu 530100 --year 2026 --wallet W1 --amount 400.00 "
        "--commitment\n",
};

#define VERB(verb, TYPE, message) \
    .name = verb, .type = MESSAGE_##TYPE, .request = &qingfen__v1__##message##__descriptor
#define PSN                                                                    \
    {                                                                          \
        "psn", "psn_key", ORDER_PERSON, true, "the insured person", NULL, NULL \
    }
#define INSU                                                                         \
    {                                                                                \
        "insu", "insu_admdvs", ORDER_AREA, true, "insured area (参保地)", NULL, NULL \
    }
#define INSUTYPE                                                                                   \
    {                                                                                              \
        "insutype", "insutype", ORDER_NUMBER, false, "390 resident 居民, or long-term care", NULL, \
            "390"                                                                                  \
    }
#define YEAR                                                                \
    {                                                                       \
        "year", "year", ORDER_NUMBER, true, "year of the cover", NULL, NULL \
    }
#define PAYER                                                                                   \
    {                                                                                           \
        "payer", "payer_psn_key", ORDER_PERSON, false, "whose wallet pays, saves a look", NULL, \
            NULL                                                                                \
    }

const struct order_verb premium_verbs[] = {
    {VERB("quote", PREM_QUOTE, prem_quote), .help = "ask what is due 查询应缴",
     .about = "As the App. When the engine does not know, it asks the insured province and says\n"
              "ASKED: ask again in a moment.\n",
     .example = "--psn-no P2 --insu 530100 --year 2026", .asks = true,
     .fields = {PSN, INSU, INSUTYPE, YEAR}},
    {VERB("due", PREM_DUE, prem_due), .help = "say what is due 应缴通知",
     .about =
         "From the insured province (--as PP), or the centre: the answer to a PremAsk. An amount\n"
         "of 0 says that nothing is due.\n",
     .example = "--psn-no P2 --insu 530100 --year 2026 --order-no O1 --amount 400.00 --as 53",
     .fields = {PSN,
                INSU,
                INSUTYPE,
                YEAR,
                {"order-no", "order_no", ORDER_TEXT, false, "the province's order", NULL, NULL},
                {"amount", "due_amt", ORDER_YUAN, true, "what is due", NULL, NULL}}},
    {VERB("pay", PREM_PAY, prem_pay), .help = "pay it 缴费",
     .about =
         "As the App, from one's own wallet or a relative's. The commitment (缴费承诺) must have\n"
         "been read: --commitment.\n",
     .example = "--psn-no P2 --insu 530100 --year 2026 --wallet W1 --amount 400.00 --commitment",
     .fields = {PSN,
                INSU,
                INSUTYPE,
                YEAR,
                {"wallet", "payer_wlt_id", ORDER_TEXT, true, "wlt_id that pays", NULL, NULL},
                PAYER,
                {"amount", "amt", ORDER_YUAN, true, "the due amount", NULL, NULL},
                {"order-no", "order_no", ORDER_TEXT, false, "of the quote", NULL, NULL},
                {"commitment", "commit_ack", ORDER_FLAG, false, "the commitment was read", NULL,
                 NULL},
                {"auth-ref", "auth_ref", ORDER_TEXT, false, "the App's reference", NULL, NULL}}},
    {VERB("reverse", PREM_REVERSE, prem_reverse), .help = "take a payment back 退费",
     .about =
         "From the insured province (--as PP), or the centre; also how it refuses a payment it\n"
         "was told of.\n",
     .example = "--payment P1 --reason twice --as 53",
     .fields = {{"payment", "pay_id", ORDER_TEXT, true, "pay_id", NULL, NULL},
                PAYER,
                {"reason", "reason", ORDER_WORD, true, "why", "twice|death|employee|refused", NULL},
                {"amount", "amt", ORDER_YUAN, false, "how much; 0: all", NULL, "0"},
                {"rev-no", "rev_no", ORDER_MADE, false, "number of this reversal", NULL, NULL}}},
    {.name = NULL},
};

int cmd_premium(int argc, char **argv)
{
    return orders_run(argc, argv, &help, premium_verbs);
}
