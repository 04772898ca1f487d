/* keys -- business keys: what makes a message the same as an earlier one (docs/rules.md,
 * Idempotency). */
#include "types/ensure.h"
#include "types/wire.h"
#include "util/text.h"
#include "wallet/wallet.h"

#define PROVINCE(admdvs) ((admdvs) / 10000)

/* Where the number stands that the sender gave; a transfer's end has the transfer's. */
struct numbered {
    uint16_t type;
    uint8_t domain;
    uint16_t conflict;
    size_t at; /* In struct wallet_order: a struct bytes. */
};

static const struct numbered numbered[] = {
    {MESSAGE_WLT_USE_LOC_CHG, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_WLT_CLOSE, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_WLT_FREEZE, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_WLT_UNFREEZE, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_TRSF_SUBMIT, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_TRSF_ACCEPT, ID_CLIENT, ERROR_TRANSFER_ENDED, offsetof(struct wallet_order, trsf_id)},
    {MESSAGE_TRSF_DECLINE, ID_CLIENT, ERROR_TRANSFER_ENDED, offsetof(struct wallet_order, trsf_id)},
    {MESSAGE_TRSF_VOID, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_LMT_RECLAIM, ID_CLIENT, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_WLT_PAY, ID_PAID, ERROR_SETL_ID_REUSED, offsetof(struct wallet_order, setl_id)},
    {MESSAGE_WLT_PAY_REVERSE, ID_REVERSAL, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_PREM_REVERSE, ID_REVERSAL, ERROR_CLIENT_NO_REUSED,
     offsetof(struct wallet_order, client_no)},
    {MESSAGE_FILING_PUSH, ID_FILING, ERROR_FILING_INVALID, offsetof(struct wallet_order, name)},
};

/* Within what the number is its sender's own. */
static uint32_t scope_of(const struct numbered *way, const struct wallet_order *order)
{
    switch (way->domain) {
    case ID_CLIENT:
        return order->type;
    case ID_PAID:
        return PROVINCE(order->mdtrtarea_admvs);
    case ID_REVERSAL: /* A premium's names no place: its sender is the insured area. */
        return PROVINCE(order->type == MESSAGE_WLT_PAY_REVERSE ? order->mdtrtarea_admvs
                                                               : order->sender_admdvs);
    default:
        return 0;
    }
}

/* Insurance, year and insured person, whoever pays. */
static bool premium_key(const struct wallet_order *order, struct wallet_id *ret_key)
{
    static const char digits[] = "0123456789abcdef";
    if (order->other_key.size != PSN_KEY_SIZE) return false;
    struct text text = text_begin(ret_key->text, sizeof ret_key->text);
    text_add_int(&text, order->insutype);
    text_add(&text, "/");
    text_add_int(&text, order->year);
    text_add(&text, "/");
    ENSURE(text.used + 2 * PSN_KEY_SIZE < sizeof ret_key->text);
    for (size_t i = 0; i < PSN_KEY_SIZE; i++) {
        ret_key->text[text.used + 2 * i] = digits[order->other_key.data[i] >> 4];
        ret_key->text[text.used + 2 * i + 1] = digits[order->other_key.data[i] & 15];
    }
    ret_key->domain = ID_CLIENT;
    ret_key->scope = MESSAGE_PREM_PAY;
    return true;
}

bool wallet_business_key(const struct wallet_order *order, struct wallet_id *ret_key,
                         uint16_t *ret_conflict)
{
    memset(ret_key, 0, sizeof *ret_key);
    if (order->type == MESSAGE_PREM_PAY) {
        *ret_conflict = ERROR_PREMIUM_PAID;
        return premium_key(order, ret_key);
    }
    for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) {
        const struct numbered *way = &numbered[i];
        if (way->type != order->type) continue;
        struct bytes number;
        memcpy(&number, (const uint8_t *)order + way->at, sizeof number);
        /* None, or too long: the form is refused. */
        if (number.size == 0 || number.size >= CLIENT_NO_SIZE) return false;
        ret_key->domain = (char)way->domain;
        ret_key->scope = scope_of(way, order);
        memcpy(ret_key->text, number.data, number.size);
        *ret_conflict = way->conflict;
        return true;
    }
    return false;
}
