#include "tests/model/wallet_rules.h"

#include "types/error.h"

#define SHANGHAI_MS INT64_C(28800000)
#define DAY_MS      INT64_C(86400000)
#define MINUTE_MS   INT64_C(60000)
#define KINDS       8

int64_t rules_minute(int64_t ms)
{
    return (ms + SHANGHAI_MS) % DAY_MS / MINUTE_MS;
}

int64_t rules_midnight(int64_t ms)
{
    return ms - (ms + SHANGHAI_MS) % DAY_MS + DAY_MS;
}

bool rules_is_basic(uint32_t insutype)
{
    return insutype == EMPLOYEE || insutype == RESIDENT;
}

static bool is_known(uint32_t kind, uint32_t relatives)
{
    return kind != 0 && kind <= KINDS && (relatives >> (kind - 1) & 1) != 0;
}

uint16_t rules_may_bind(const struct bind_facts *f)
{
    const bool has_source =
        f->giver_insutype == EMPLOYEE || (rules_is_basic(f->giver_insutype) && f->source_wallet);
    if (!is_known(f->kind, f->relatives)) return ERROR_RELATION_KIND;
    if (!has_source) return ERROR_GIVER_INSUTYPE;
    if (!f->may_give) return ERROR_INSURED_STATE;
    if (f->receiver_state != INSURED_NORMAL || !rules_is_basic(f->receiver_insutype))
        return ERROR_RECEIVER_INSURANCE;
    return ERROR_OK;
}

uint16_t rules_may_transfer(const struct transfer_facts *f)
{
    if (f->giver_state == WALLET_NONE) return ERROR_NO_WALLET;
    if (f->giver_state != WALLET_OPEN) return ERROR_WALLET_CLOSED;
    if (f->receiver_state == WALLET_FROZEN) return ERROR_WALLET_CLOSED;
    if (f->receiver_state != WALLET_OPEN) return ERROR_RECEIVER_NO_WALLET;
    if (!f->receiver_enabled) return ERROR_AREA_NOT_ENABLED;
    if (!f->giver_enabled) return ERROR_GIVER_AREA;
    if (f->kind == 0) return ERROR_NO_RELATION;
    if (!is_known(f->kind, f->relatives)) return ERROR_RELATION_KIND;
    if (!f->may_give) return ERROR_INSURED_STATE;
    if (f->src == 1 && f->giver_insutype != EMPLOYEE) return ERROR_GIVER_INSUTYPE;
    if (f->src == FROM_WALLET && !f->source_wallet) return ERROR_GIVER_INSUTYPE;
    if (f->night) return ERROR_NIGHT;
    if (f->amount <= 0 || f->amount > f->max_each) return ERROR_TRANSFER_AMOUNT;
    if (f->count + 1 > f->max_count) return ERROR_TRANSFER_LIMIT;
    if (f->sum + f->amount > f->max_sum) return ERROR_TRANSFER_LIMIT;
    return f->pending ? ERROR_TRANSFER_PENDING : ERROR_OK;
}

int64_t rules_goes_back(int64_t used, int64_t *skip, int64_t *left)
{
    const int64_t skipped = *skip < used ? *skip : used;
    int64_t part = used - skipped;
    if (part > *left) part = *left;
    *skip -= skipped;
    *left -= part;
    return part;
}

uint32_t rules_debts(uint32_t giver, uint32_t place, uint32_t via, struct rules_debt out[2])
{
    if (giver / 10000 == place / 10000) return 0;
    if (via == 0 || via / 10000 == giver / 10000 || via / 10000 == place / 10000) {
        out[0] = (struct rules_debt){giver, place};
        return 1;
    }
    out[0] = (struct rules_debt){giver, via};
    out[1] = (struct rules_debt){via, place};
    return 2;
}
