#include "tests/sim/lived_rows.h"

#include <stdio.h>

/* Finds a row of a list by `same`, which sees the two. */
#define ROW_IS_IN(row, rows, count, same)                           \
    do {                                                            \
        for (uint32_t k = 0; k < (count); k++) {                    \
            const typeof((rows)[0]) *its = &(rows)[k];              \
            if (same) return memcmp(its, &(row), sizeof *its) == 0; \
        }                                                           \
        return false;                                               \
    } while (0)

#define ROW_COPY(type, row)         \
    type row;                       \
    memset(&(row), 0, sizeof(row)); \
    memcpy(&(row), bytes.data, bytes.size)

/* Does the model have that row of the journal's? What is not the model's is left out. */
static bool has_row(const struct steps_person *p, enum person_row kind, struct bytes bytes)
{
    switch (kind) {
    case PERSON_WALLET:
        return memcmp(bytes.data, &p->wallet, sizeof p->wallet) == 0;
    case PERSON_INSURED:
        return memcmp(bytes.data, &p->insured, sizeof p->insured) == 0;
    case PERSON_LIMITS: {
        ROW_COPY(struct limits_row, row);
        row.next_id = 0;
        return memcmp(&row, &p->limits, sizeof row) == 0;
    }
    case PERSON_HOLD:
        return memcmp(bytes.data, &p->hold, sizeof p->hold) == 0;
    case PERSON_LOT: {
        ROW_COPY(struct lot, row);
        ROW_IS_IN(row, p->lots, p->lot_count, its->number == row.number);
    }
    case PERSON_RELATION: {
        ROW_COPY(struct relation_row, row);
        ROW_IS_IN(row, p->relations, p->relation_count,
                  its->side == row.side && kept_same_key(&its->other, &row.other));
    }
    case PERSON_TRANSFER: {
        ROW_COPY(struct transfer_row, row);
        row.seq = 0;
        ROW_IS_IN(row, p->transfers, p->transfer_count, strcmp(its->trsf_id, row.trsf_id) == 0);
    }
    case PERSON_OFFER: {
        ROW_COPY(struct offer_row, row);
        ROW_IS_IN(row, p->offers, p->offer_count, strcmp(its->trsf_id, row.trsf_id) == 0);
    }
    case PERSON_HOLDER: {
        ROW_COPY(struct holder_row, row);
        ROW_IS_IN(row, p->holders, p->holder_count, kept_same_key(&its->holder, &row.holder));
    }
    case PERSON_RESERVE: {
        ROW_COPY(struct reserve_row, row);
        ROW_IS_IN(row, p->reserves, p->reserve_count, strcmp(its->reserve_id, row.reserve_id) == 0);
    }
    case PERSON_PREMIUM: {
        ROW_COPY(struct premium_row, row);
        if (row.state == PREMIUM_CLAIMED) memset(row.pay_id, 0, sizeof row.pay_id);
        ROW_IS_IN(row, p->premiums, p->premium_count,
                  its->insutype == row.insutype && its->year == row.year);
    }
    case PERSON_SWITCH: {
        ROW_COPY(struct switch_row, row);
        ROW_IS_IN(row, p->switches, p->switch_count, its->eff_ms == row.eff_ms);
    }
    case PERSON_FILING: {
        ROW_COPY(struct filing_row, row);
        ROW_IS_IN(row, p->filings, p->filing_count, strcmp(its->filing_no, row.filing_no) == 0);
    }
    case PERSON_ROW_END:
        break;
    }
    return false;
}

static bool says_nothing(const void *row, size_t size)
{
    static const uint8_t zeros[sizeof(struct wallet_row)];
    return memcmp(row, zeros, size) == 0;
}

const char *lived_rows_differ(const struct steps_person *p, const struct kept_person *kept)
{
    uint32_t counts[PERSON_ROW_END] = {0}, at = 0;
    enum person_row kind;
    struct bytes row;
    const uint32_t lists[PERSON_ROW_END] = {
        [PERSON_LOT] = p->lot_count,           [PERSON_RELATION] = p->relation_count,
        [PERSON_TRANSFER] = p->transfer_count, [PERSON_OFFER] = p->offer_count,
        [PERSON_HOLDER] = p->holder_count,     [PERSON_RESERVE] = p->reserve_count,
        [PERSON_PREMIUM] = p->premium_count,   [PERSON_SWITCH] = p->switch_count,
        [PERSON_FILING] = p->filing_count,
    };
    static const char *const names[PERSON_ROW_END] = {
        [PERSON_WALLET] = "wallet",
        [PERSON_INSURED] = "insured state",
        [PERSON_LIMITS] = "day's count",
        [PERSON_HOLD] = "hold",
        [PERSON_LOT] = "lot",
        [PERSON_RELATION] = "relation",
        [PERSON_TRANSFER] = "transfer",
        [PERSON_OFFER] = "offer",
        [PERSON_HOLDER] = "holder",
        [PERSON_RESERVE] = "reservation",
        [PERSON_PREMIUM] = "premium",
        [PERSON_SWITCH] = "switch",
        [PERSON_FILING] = "filing",
    };
    static char what[96];
    while (kept_next(kept, &at, &kind, &row)) {
        counts[kind]++;
        if (has_row(p, kind, row)) continue;
        snprintf(what, sizeof what, "the %s is not as the model has it", names[kind]);
        return what;
    }
    for (int i = PERSON_LOT; i < PERSON_ROW_END; i++) {
        if (counts[i] == lists[i]) continue;
        snprintf(what, sizeof what, "%u rows %s where the model has %u", counts[i], names[i],
                 lists[i]);
        return what;
    }
    if ((counts[PERSON_WALLET] != 0 || says_nothing(&p->wallet, sizeof p->wallet)) &&
        (counts[PERSON_INSURED] != 0 || says_nothing(&p->insured, sizeof p->insured)) &&
        (counts[PERSON_LIMITS] != 0 || says_nothing(&p->limits, sizeof p->limits)) &&
        (counts[PERSON_HOLD] != 0 || says_nothing(&p->hold, sizeof p->hold))) {
        return NULL;
    }
    return "a row is missing that the model has";
}
