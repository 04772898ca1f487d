#include "tools/documents/replies.h"

#include <stdlib.h>
#include <string.h>

#include "types/ensure.h"

/* Two digits into an index; 0 is the clearing account where that may stand. */
static bool read_province(uint32_t code, bool may_be_account, uint8_t *ret_index,
                          struct document_fault *fault)
{
    *ret_index = code == 0 && may_be_account ? MONTH_ACCOUNT : province_index(code);
    if (*ret_index != PROVINCE_NONE) return true;
    return document_fail(fault, "the reply names province %u, which takes no part", code);
}

static bool read_text(const char *text, char *ret_text, size_t size, struct document_fault *fault)
{
    const size_t length = strlen(text);
    if (length >= size)
        return document_fail(fault, "the reply has a text that is too long: %.60s", text);
    memcpy(ret_text, text, length + 1);
    return true;
}

bool replies_batch(struct month *month, const Qingfen__V1__BatchGetReply *reply,
                   struct document_fault *fault)
{
    const Qingfen__V1__Batch *batch = reply->batch;
    if (batch == NULL) return document_fail(fault, "there is no batch of that month");
    month->period = batch->period;
    month->number = batch->number;
    month->version = batch->version;
    month->published_version = batch->published_version;
    month->is_stale = batch->stale;
    month->is_unwound = batch->n_unwound > 0;
    month->count = batch->count;
    month->gross = batch->gross;
    month->bilateral = batch->bilateral;
    month->multilateral = batch->multilateral;
    month->as_of_ms = batch->n_at > 0 ? batch->at[0] : 0;
    if (batch->digest.len == SHA256_SIZE) memcpy(month->digest, batch->digest.data, SHA256_SIZE);
    if (!read_text(batch->state, month->state, sizeof month->state, fault) ||
        !read_text(batch->mode, month->mode, sizeof month->mode, fault)) {
        return false;
    }
    free(month->payments);
    month->payment_count = reply->n_payments;
    month->payments = calloc(reply->n_payments + 1, sizeof *month->payments);
    NEED_MEMORY(month->payments);
    for (size_t i = 0; i < reply->n_payments; i++) {
        const Qingfen__V1__NetPayment *from = reply->payments[i];
        struct month_payment *payment = &month->payments[i];
        payment->count = from->count;
        payment->amount = from->amount;
        if (!read_province(from->payer, true, &payment->payer, fault) ||
            !read_province(from->payee, true, &payment->payee, fault)) {
            return false;
        }
    }
    for (size_t i = 0; i < reply->n_positions; i++) {
        const Qingfen__V1__NetPosition *from = reply->positions[i];
        uint8_t index;
        if (!read_province(from->province, false, &index, fault)) return false;
        month->has_position[index] = true;
        month->positions[index] =
            (struct month_position){from->payable, from->receivable, from->net};
    }
    return true;
}

bool replies_lines(struct month *month, const Qingfen__V1__BatchGetReply *reply,
                   struct document_fault *fault)
{
    const Qingfen__V1__Batch *batch = reply->batch;
    if (batch == NULL || batch->period != month->period || batch->number != month->number ||
        batch->version != month->version || batch->count != month->count ||
        batch->gross != month->gross || batch->stale != month->is_stale) {
        return document_fail(fault, "the batch %u-%u changed while it was read: try again",
                             month->period, month->number);
    }
    for (size_t i = 0; i < reply->n_lines; i++) {
        const Qingfen__V1__BatchLine *from = reply->lines[i];
        struct month_line *line = month_line_add(month);
        line->number = from->number;
        line->period = from->period;
        line->line = from->line;
        line->insutype = from->insutype;
        line->count = from->count;
        line->medfee = from->medfee_sumamt;
        line->funds[FUND_POOL] = from->pool;
        line->funds[FUND_ACCOUNT] = from->account;
        line->funds[FUND_SUPPLEMENT] = from->supplement;
        line->funds[FUND_ASSISTANCE] = from->assistance;
        line->funds[FUND_OTHER] = from->other;
        line->deducted = from->deducted;
        line->amount = from->amount;
        line->checksum = from->checksum;
        line->insu_admdvs = from->insu_admdvs;
        if (!read_province(from->payer, false, &line->payer, fault) ||
            !read_province(from->payee, false, &line->payee, fault) ||
            !read_text(from->kind, line->kind, sizeof line->kind, fault) ||
            !read_text(from->setl_id, line->setl_id, sizeof line->setl_id, fault)) {
            return false;
        }
    }
    return true;
}

bool replies_area(const Qingfen__V1__AreaRow *row, struct month_area *ret_area,
                  struct document_fault *fault)
{
    *ret_area = (struct month_area){
        .admdvs = row->admdvs,
        .line = row->line,
        .insutype = row->insutype,
        .count = row->count,
        .medfee = row->medfee_sumamt,
        .funds = {row->pool, row->account, row->supplement, row->assistance, row->other},
        .amount = row->amount,
    };
    return read_province(row->counterpart, false, &ret_area->counterpart, fault);
}

bool replies_notice(const Qingfen__V1__NoticeInfo *info, struct month_notice *ret_notice,
                    struct document_fault *fault)
{
    *ret_notice = (struct month_notice){
        .version = info->version,
        .period = info->period,
        .amount = info->amount,
        .reported = info->reported,
        .received = info->received,
        .old_amount = info->old_amount,
        .new_amount = info->new_amount,
        .file_due = info->file_due,
        .transfer_due = info->transfer_due,
        .feedback_due = info->feedback_due,
        .issued_ms = info->issued_at,
        .late_wd = info->late_wd,
    };
    struct month_notice *to = ret_notice;
    return read_province(info->payer, true, &to->payer, fault) &&
           read_province(info->payee, true, &to->payee, fault) &&
           read_text(info->number, to->number, sizeof to->number, fault) &&
           read_text(info->kind, to->kind, sizeof to->kind, fault) &&
           read_text(info->state, to->state, sizeof to->state, fault) &&
           read_text(info->mode, to->mode, sizeof to->mode, fault) &&
           read_text(info->replaces, to->replaces, sizeof to->replaces, fault);
}

bool replies_prefund(const Qingfen__V1__PrefundInfo *info, struct month_prefund *ret_prefund,
                     struct document_fault *fault)
{
    *ret_prefund = (struct month_prefund){.amount = info->amount,
                                          .pending = info->pending,
                                          .cleared = info->cleared,
                                          .use_bp = info->use_bp};
    return read_province(info->payer, false, &ret_prefund->payer, fault) &&
           read_province(info->payee, false, &ret_prefund->payee, fault);
}

bool replies_recon(const Qingfen__V1__ReconCell *cell, struct recon_cell *ret_cell,
                   struct document_fault *fault)
{
    const Qingfen__V1__ReconTotal *centre = cell->centre;
    if (centre == NULL) return document_fail(fault, "the reply has a cell without figures");
    *ret_cell = (struct recon_cell){
        .line = centre->line,
        .insutype = centre->insutype,
        .centre = {centre->count, centre->medfee_sumamt, centre->fund_pay_sumamt, centre->acct_pay},
        .payer_reconciled = cell->payer_reconciled,
        .payee_reconciled = cell->payee_reconciled,
    };
    return read_province(centre->payer, false, &ret_cell->payer, fault) &&
           read_province(centre->payee, false, &ret_cell->payee, fault);
}

bool replies_cell(const Qingfen__V1__CellRow *row, struct recon_state *ret_state,
                  struct document_fault *fault)
{
    *ret_state = (struct recon_state){
        .line = row->line,
        .insutype = row->insutype,
        .count = row->count,
        .amount = row->amount,
        .payer_reconciled = row->payer_reconciled,
        .payee_reconciled = row->payee_reconciled,
    };
    return read_province(row->payer, false, &ret_state->payer, fault) &&
           read_province(row->payee, false, &ret_state->payee, fault);
}

bool replies_difference(const Qingfen__V1__Difference *difference,
                        struct recon_difference *ret_difference, struct document_fault *fault)
{
    const Qingfen__V1__Difference *from = difference;
    struct recon_difference *to = ret_difference;
    const bool is_payers = strcmp(from->side, "payer") == 0;
    /* Their list has the record unless it is the other side that alone has it. */
    const bool is_theirs = strcmp(from->kind, is_payers ? "ONLY_PAYEE" : "ONLY_PAYER") != 0;
    *to = (struct recon_difference){
        .date = from->date,
        .is_payers = is_payers,
        .insu_admdvs = from->insu_admdvs,
        .is_open = from->open,
        .theirs = {is_theirs, from->their_medfee, from->their_fund, from->their_acct},
        .ours = {from->at_centre, from->our_medfee, from->our_fund, from->our_acct},
    };
    return read_province(from->payer, false, &to->payer, fault) &&
           read_province(from->payee, false, &to->payee, fault) &&
           read_text(from->kind, to->kind, sizeof to->kind, fault) &&
           read_text(from->setl_id, to->setl_id, sizeof to->setl_id, fault);
}
