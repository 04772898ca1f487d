#include "tools/documents/statement_reply.h"

#include <stdlib.h>

#include "types/ensure.h"
#include "types/province.h"

static void read_settlement(const Qingfen__V1__SetlPost *post, struct statement_paper *paper)
{
    paper->setl_id = post->setl_id;
    paper->mdtrt_id = post->mdtrt_id;
    paper->fixmedins_code = post->fixmedins_code;
    paper->dise_codg = post->dise_codg;
    paper->insu_admdvs = post->insu_admdvs;
    paper->mdtrtarea_admvs = post->mdtrtarea_admvs;
    paper->insutype = post->insutype;
    paper->med_type = post->med_type;
    paper->setl_ms = post->setl_time;
    paper->begin_ms = post->begndate;
    paper->end_ms = post->enddate;
#define X(symbol, name, field) paper->amounts[AMOUNT_##symbol] = post->name;
    SETTLEMENT_AMOUNTS(X)
#undef X
}

static struct paper_step read_step(const Qingfen__V1__StmtStep *from)
{
    return (struct paper_step){
        .number = from->setl_id,
        .what = from->what,
        .at_ms = from->at,
        .period = from->clr_period,
        .sums = {.medfee = from->medfee_sumamt,
                 .fund = from->fund_pay_sumamt,
                 .acct = from->acct_pay,
                 .wlt = from->wlt_pay,
                 .cash = from->psn_cash_pay},
    };
}

bool statement_paper_read(const Qingfen__V1__StmtGetReply *reply, struct statement_paper *ret_paper,
                          struct document_fault *fault)
{
    struct statement_paper *paper = ret_paper;
    *paper = (struct statement_paper){0};
    if (reply->settlement == NULL) return document_fail(fault, "the reply has no settlement");
    struct paper_step *steps = calloc(reply->n_chain + 1, sizeof *steps);
    struct paper_lot *lots = calloc(reply->n_wallet + 1, sizeof *lots);
    NEED_MEMORY(steps);
    NEED_MEMORY(lots);
    paper->steps = steps;
    paper->step_count = reply->n_chain;
    paper->lots = lots;
    paper->lot_count = reply->n_wallet;
    read_settlement(reply->settlement, paper);
    paper->fixmedins_name = reply->fixmedins_name;
    paper->state = reply->state;
    paper->remark = reply->text;
    paper->period = reply->clr_period;
    paper->posted_ms = reply->posted_at;
    paper->left = (struct paper_sums){reply->left_medfee, reply->left_fund, reply->left_acct,
                                      reply->left_wlt, reply->left_cash};
    for (size_t i = 0; i < reply->n_chain; i++)
        steps[i] = read_step(reply->chain[i]);
    for (size_t i = 0; i < reply->n_wallet; i++) {
        lots[i] =
            (struct paper_lot){province_index(reply->wallet[i]->province), reply->wallet[i]->amt};
        if (lots[i].province != PROVINCE_NONE) continue;
        statement_paper_done(paper);
        return document_fail(fault, "the reply names province %u, which takes no part",
                             reply->wallet[i]->province);
    }
    return true;
}

void statement_paper_done(struct statement_paper *paper)
{
    free((void *)(uintptr_t)paper->steps);
    free((void *)(uintptr_t)paper->lots);
    paper->steps = NULL;
    paper->lots = NULL;
}
