#include "netting/netting.h"

#include <string.h>

/* Sums of up to 2 * 32 * 32 amounts of 64 bits: in 128 bits no order of adding can overflow, so
 * the only question is whether the result fits. */
typedef __int128 wide;

static const char *const mode_names[NETTING_MODE_COUNT] = {
    [NETTING_GROSS] = "gross",
    [NETTING_BILATERAL] = "bilateral",
    [NETTING_MULTILATERAL] = "multilateral",
    [NETTING_MULTILATERAL_DIRECT] = "multilateral-direct",
};

/* The lowest value is left out, so that every position and difference can be negated. */
static bool narrow(wide value, int64_t *ret_value)
{
    if (value > INT64_MAX || value < -INT64_MAX) return false;
    *ret_value = (int64_t)value;
    return true;
}

void netting_init(struct netting *netting)
{
    memset(netting, 0, sizeof *netting);
}

bool netting_add(struct netting *netting, uint8_t payer, uint8_t payee, int64_t amount,
                 uint64_t count)
{
    int64_t amount_sum;
    uint64_t count_sum;

    if (payer >= PROVINCE_COUNT || payee >= PROVINCE_COUNT || payer == payee) return false;

    /* Both sums first, then both stores: a refused addition leaves no half behind. */
    if (__builtin_add_overflow(netting->amount[payer][payee], amount, &amount_sum)) return false;
    if (__builtin_add_overflow(netting->count[payer][payee], count, &count_sum)) return false;
    netting->amount[payer][payee] = amount_sum;
    netting->count[payer][payee] = count_sum;
    return true;
}

bool netting_positions(const struct netting *netting, int64_t ret_net[PROVINCE_COUNT])
{
    int64_t net[PROVINCE_COUNT];

    for (int p = 0; p < PROVINCE_COUNT; p++) {
        wide sum = 0;
        for (int q = 0; q < PROVINCE_COUNT; q++) {
            sum += netting->amount[q][p];
            sum -= netting->amount[p][q];
        }
        if (!narrow(sum, &net[p])) return false;
    }
    memcpy(ret_net, net, sizeof net);
    return true;
}

/* Records of all pairs a province stands in, on either side. */
static bool province_count(const struct netting *netting, int province, uint64_t *ret_count)
{
    uint64_t sum = 0;
    for (int q = 0; q < PROVINCE_COUNT; q++) {
        if (__builtin_add_overflow(sum, netting->count[province][q], &sum)) return false;
        if (__builtin_add_overflow(sum, netting->count[q][province], &sum)) return false;
    }
    *ret_count = sum;
    return true;
}

static void put(struct payments *payments, int payer, int payee, uint64_t count, int64_t amount)
{
    payments->list[payments->count++] =
        (struct payment){(uint8_t)payer, (uint8_t)payee, count, amount};
}

static bool gross(const struct netting *netting, struct payments *payments)
{
    wide total = 0;
    for (int payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (int payee = 0; payee < PROVINCE_COUNT; payee++) {
            const int64_t amount = netting->amount[payer][payee];
            const uint64_t count = netting->count[payer][payee];
            if (payer == payee || (count == 0 && amount == 0)) continue;
            put(payments, payer, payee, count, amount);
            total += amount;
        }
    }
    return narrow(total, &payments->total);
}

static bool bilateral(const struct netting *netting, struct payments *payments)
{
    wide total = 0;
    for (int payer = 0; payer < PROVINCE_COUNT; payer++) {
        for (int payee = 0; payee < PROVINCE_COUNT; payee++) {
            const wide difference =
                (wide)netting->amount[payer][payee] - netting->amount[payee][payer];
            uint64_t count;
            int64_t amount;
            if (difference <= 0) continue; /* The other way round, or nothing. */
            if (!narrow(difference, &amount)) return false;
            if (__builtin_add_overflow(netting->count[payer][payee], netting->count[payee][payer],
                                       &count)) {
                return false;
            }
            put(payments, payer, payee, count, amount);
            total += amount;
        }
    }
    return narrow(total, &payments->total);
}

static bool multilateral(const struct netting *netting, struct payments *payments)
{
    int64_t net[PROVINCE_COUNT];
    uint64_t count[PROVINCE_COUNT];
    wide total = 0;

    if (!netting_positions(netting, net)) return false;
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        if (!province_count(netting, p, &count[p])) return false;
        if (net[p] >= 0) continue;
        put(payments, p, NETTING_CLEARING_ACCOUNT, count[p], -net[p]);
        total -= net[p];
    }
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        if (net[p] > 0) put(payments, NETTING_CLEARING_ACCOUNT, p, count[p], net[p]);
    }
    return narrow(total, &payments->total);
}

/* Index of the greatest value above zero, the lowest of equal ones; -1 when there is none. */
static int greatest(const int64_t value[PROVINCE_COUNT])
{
    int best = -1;
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        if (value[p] > 0 && (best < 0 || value[p] > value[best])) best = p;
    }
    return best;
}

/* Largest debtor pays largest creditor, again and again. Each step ends one of them and the last
 * step both, so that there are at most 31 steps; no pair comes twice. */
static bool multilateral_direct(const struct netting *netting, struct payments *payments)
{
    int64_t net[PROVINCE_COUNT];
    int64_t debt[PROVINCE_COUNT];
    int64_t credit[PROVINCE_COUNT];
    int64_t pays[PROVINCE_COUNT][PROVINCE_COUNT] = {0};
    wide total = 0;

    if (!netting_positions(netting, net)) return false;
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        debt[p] = net[p] < 0 ? -net[p] : 0;
        credit[p] = net[p] > 0 ? net[p] : 0;
    }
    for (;;) {
        const int payer = greatest(debt);
        const int payee = greatest(credit);
        if (payer < 0 || payee < 0) break; /* Both at once, by (N1). */
        const int64_t amount = debt[payer] < credit[payee] ? debt[payer] : credit[payee];
        pays[payer][payee] = amount;
        debt[payer] -= amount;
        credit[payee] -= amount;
    }
    for (int payer = 0; payer < PROVINCE_COUNT; payer++) {
        uint64_t count;
        if (!province_count(netting, payer, &count)) return false;
        for (int payee = 0; payee < PROVINCE_COUNT; payee++) {
            if (pays[payer][payee] == 0) continue;
            put(payments, payer, payee, count, pays[payer][payee]);
            total += pays[payer][payee];
        }
    }
    return narrow(total, &payments->total);
}

bool netting_payments(const struct netting *netting, enum netting_mode mode,
                      struct payments *ret_payments)
{
    ret_payments->mode = mode;
    ret_payments->count = 0;
    ret_payments->total = 0;
    switch (mode) {
    case NETTING_GROSS:
        return gross(netting, ret_payments);
    case NETTING_BILATERAL:
        return bilateral(netting, ret_payments);
    case NETTING_MULTILATERAL:
        return multilateral(netting, ret_payments);
    case NETTING_MULTILATERAL_DIRECT:
        return multilateral_direct(netting, ret_payments);
    case NETTING_MODE_COUNT:
        break;
    }
    return false;
}

/* (N3) Rows and columns added up on their own; a debt to oneself would hide in both. */
static const char *check_sums(const struct netting *netting)
{
    wide payable = 0;
    wide receivable = 0;
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        if (netting->amount[p][p] != 0 || netting->count[p][p] != 0) {
            return "N3: a province owes itself";
        }
        for (int q = 0; q < PROVINCE_COUNT; q++) {
            payable += netting->amount[p][q];
            receivable += netting->amount[q][p];
        }
    }
    return payable == receivable ? NULL : "N3: what is payable is not what is receivable";
}

/* (N2) What the payments of a mode leave each province with is its position, and the clearing
 * account is left with nothing. */
static const char *check_mode(const struct netting *netting, enum netting_mode mode,
                              const int64_t net[PROVINCE_COUNT])
{
    struct payments payments;
    wide result[PROVINCE_COUNT] = {0};
    wide clearing_account = 0;
    wide total = 0;

    if (!netting_payments(netting, mode, &payments)) return "overflow: a sum does not fit";
    for (uint32_t i = 0; i < payments.count; i++) {
        const struct payment *payment = &payments.list[i];
        *(payment->payer < PROVINCE_COUNT ? &result[payment->payer] : &clearing_account) -=
            payment->amount;
        *(payment->payee < PROVINCE_COUNT ? &result[payment->payee] : &clearing_account) +=
            payment->amount;
        if (mode != NETTING_GROSS && payment->amount <= 0) return "N2: a payment of nothing";
        if (payment->payer != NETTING_CLEARING_ACCOUNT) total += payment->amount;
    }
    if (total != payments.total) return "N2: the total is not the sum of the payments";
    if (clearing_account != 0) return "N2: money is left on the clearing account";
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        if (result[p] != net[p]) return "N2: a province's result differs between the modes";
    }
    return NULL;
}

const char *netting_check(const struct netting *netting)
{
    int64_t net[PROVINCE_COUNT];
    wide sum = 0;
    const char *broken = check_sums(netting);

    if (broken != NULL) return broken;
    if (!netting_positions(netting, net)) return "overflow: a sum does not fit";
    for (int p = 0; p < PROVINCE_COUNT; p++) {
        sum += net[p];
    }
    if (sum != 0) return "N1: the positions do not sum to zero";
    for (int mode = 0; mode < NETTING_MODE_COUNT && broken == NULL; mode++) {
        broken = check_mode(netting, (enum netting_mode)mode, net);
    }
    return broken;
}

uint32_t netting_saved_bp(int64_t gross_total, int64_t mode_total)
{
    if (gross_total <= 0 || mode_total >= gross_total) return 0;
    if (mode_total <= 0) return 10000;
    return (uint32_t)(((wide)gross_total - mode_total) * 10000 / gross_total);
}

const char *netting_mode_name(enum netting_mode mode)
{
    return (unsigned)mode < NETTING_MODE_COUNT ? mode_names[mode] : "unknown";
}

bool netting_mode_parse(const char *name, enum netting_mode *ret_mode)
{
    for (int mode = 0; mode < NETTING_MODE_COUNT; mode++) {
        if (strcmp(name, mode_names[mode]) == 0) {
            *ret_mode = (enum netting_mode)mode;
            return true;
        }
    }
    return false;
}
