/* sound -- may a row be put? What comes from disk is believed as little as any other bytes.
 *
 * Asks only what everybody behind cycle_apply() relies on without looking: provinces and enums that
 * are indexes, ids that are places, texts that end. Whether the rows make sense together is
 * cycle_check()'s question. */
#include "cycle/cycle_internal.h"

static bool is_pair(uint8_t payer, uint8_t payee)
{
    return payer < PROVINCE_COUNT && payee < PROVINCE_COUNT;
}

static bool is_cell(const struct cell_key *cell)
{
    return is_pair(cell->payer, cell->payee);
}

static bool ends(const char *text, size_t room)
{
    return memchr(text, 0, room) != NULL;
}

static bool is_ref(const struct record_ref *ref)
{
    return ref->size < sizeof ref->setl_id && ends(ref->setl_id, sizeof ref->setl_id);
}

/* Ids are dense: a new row's is the next one, a changed row keeps its own. */
static bool batch_sound(const struct cycle *cycle, const struct batch_row *row)
{
    const struct batch_row *old = cycle_find(cycle, ROW_BATCH, row);
    return row->state <= BATCH_ABORTED && row->mode <= NETTING_MULTILATERAL_DIRECT &&
           row->version <= BATCH_VERSION_MAX && row->published_version <= BATCH_VERSION_MAX &&
           row->id == (old != NULL ? old->id : cycle_count(cycle, ROW_BATCH) + 1);
}

static bool notice_sound(const struct notice_row *row)
{
    const bool payer = row->payer < PROVINCE_COUNT || row->payer == PROVINCE_ACCOUNT;
    const bool payee = row->payee < PROVINCE_COUNT || row->payee == PROVINCE_ACCOUNT;
    return payer && payee && row->kind >= NOTICE_CLEARING && row->kind <= NOTICE_RETURN &&
           row->mode <= NETTING_MULTILATERAL_DIRECT && ends(row->number, sizeof row->number) &&
           ends(row->replaces, sizeof row->replaces);
}

static bool exception_sound(const struct exception_row *row)
{
    return is_ref(&row->ref) && is_ref(&row->record.ref) &&
           is_pair(row->record.payer, row->record.payee) &&
           ends(row->dispute_no, sizeof row->dispute_no);
}

static bool posting_sound(const struct posting_row *row)
{
    return is_pair(row->payer, row->payee) && row->fund < FUND_COUNT &&
           row->debit < CYCLE_ACCOUNT_COUNT && row->credit < CYCLE_ACCOUNT_COUNT;
}

bool row_sound(const struct cycle *cycle, enum row_kind kind, const void *any)
{
    union {
        const void *any;
        const struct setting_row *setting;
        const struct recon_row *recon;
        const struct difference_row *difference;
        const struct confirm_row *confirm;
        const struct dispute_row *dispute;
        const struct recovery_row *recovery;
        const struct frozen_row *frozen;
        const struct line_row *line;
        const struct sign_row *sign;
        const struct carry_row *carry;
        const struct payment_row *payment;
        const struct prefund_row *prefund;
        const struct application_row *application;
        const struct order_row *order;
    } row = {any};
    switch (kind) {
    case ROW_SETTING:
        return ends(row.setting->name, sizeof row.setting->name);
    case ROW_RECON:
        return is_cell(&row.recon->cell) && row.recon->side <= SIDE_PAYEE;
    case ROW_DIFFERENCE:
        return is_ref(&row.difference->ref) &&
               is_pair(row.difference->payer, row.difference->payee) &&
               row.difference->side <= SIDE_PAYEE;
    case ROW_EXCEPTION:
        return exception_sound(any);
    case ROW_CONFIRM:
        return is_cell(&row.confirm->cell) && ends(row.confirm->msgid, MSGID_SIZE);
    case ROW_DISPUTE:
        return is_ref(&row.dispute->ref) && is_pair(row.dispute->payer, row.dispute->payee) &&
               ends(row.dispute->dispute_no, MSGID_SIZE);
    case ROW_RECOVERY:
        return is_ref(&row.recovery->ref) && is_cell(&row.recovery->cell) &&
               ends(row.recovery->recovery_no, MSGID_SIZE);
    case ROW_FROZEN:
        return is_cell(&row.frozen->cell) && row.frozen->account < CYCLE_ACCOUNT_COUNT;
    case ROW_BATCH:
        return batch_sound(cycle, any);
    case ROW_LINE:
        return is_cell(&row.line->cell) && is_ref(&row.line->ref) &&
               row.line->version <= BATCH_VERSION_MAX;
    case ROW_SIGN:
        return row.sign->province < PROVINCE_COUNT &&
               ends(row.sign->reason, sizeof row.sign->reason);
    case ROW_CARRY:
        return is_pair(row.carry->payer, row.carry->payee);
    case ROW_NOTICE:
        return notice_sound(any);
    case ROW_PAYMENT:
        return ends(row.payment->number, NUMBER_SIZE) && ends(row.payment->bank_ref, NUMBER_SIZE);
    case ROW_PREFUND:
        return is_pair(row.prefund->payer, row.prefund->payee);
    case ROW_APPLICATION:
        return is_pair(row.application->payer, row.application->payee) &&
               ends(row.application->number, NUMBER_SIZE);
    case ROW_ORDER:
        return ends(row.order->msgid, MSGID_SIZE) && ends(row.order->ref, NUMBER_SIZE);
    case ROW_POSTING:
        return posting_sound(any);
    case ROW_KIND_END:
        break;
    }
    return false;
}
