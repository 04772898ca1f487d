/* netting -- what provinces owe each other, three ways with identical economics.
 *
 * Knows no persons, no records, no accounts: only ordered pairs of provinces, counts and fen.
 *
 *   gross         (全额清算) every ordered pair in full, as the regulation's text has it
 *   bilateral     (双边轧差) the larger side of each unordered pair pays the difference
 *   multilateral  (多边净额) each net debtor pays into a clearing account, each net creditor is
 *                 paid from it; or, by setting, direct payments matched greedily (at most 31)
 *
 * INVARIANTS (docs/rules.md, Invariants 5, 6, 15)
 *   (N1) The sum of all net positions is zero.
 *   (N2) A province's net result is the same in every mode; only payments differ.
 *   (N3) The sum over payers equals the sum over payees, cell by cell.
 */
#ifndef NETTING_NETTING_H
#define NETTING_NETTING_H

#include <stdbool.h>
#include <stdint.h>

#include "types/province.h"

#define NETTING_CLEARING_ACCOUNT 0xfe /* Instead of a province index: "--" in tables. */

enum netting_mode {
    NETTING_GROSS = 0,
    NETTING_BILATERAL = 1,
    NETTING_MULTILATERAL = 2,
    NETTING_MULTILATERAL_DIRECT = 3,
    NETTING_MODE_COUNT,
};

/* What payer owes payee in a period: [payer][payee]. Amounts in fen, may be negative when refunds
 * outweigh settlements. */
struct netting {
    int64_t amount[PROVINCE_COUNT][PROVINCE_COUNT];
    uint64_t count[PROVINCE_COUNT][PROVINCE_COUNT];
};

struct payment {
    uint8_t payer;  /* Province index, or NETTING_CLEARING_ACCOUNT. */
    uint8_t payee;  /* Province index, or NETTING_CLEARING_ACCOUNT. */
    uint64_t count; /* Records behind it: of the pair (gross), of both directions (bilateral), of
                     * all the province's pairs (multilateral, both kinds: the payer's). */
    int64_t amount; /* Fen; > 0, except in gross where a pair's total may be <= 0. */
};

#define PAYMENTS_MAX (PROVINCE_COUNT * (PROVINCE_COUNT - 1))

/* Payments of one mode, ordered by payer, then payee (the clearing account last). */
struct payments {
    enum netting_mode mode;
    uint32_t count;
    struct payment list[PAYMENTS_MAX];
    int64_t total; /* Fen: the sum of the list, which in gross is also the sum of all pairs, those
                    * below zero included; in multilateral mode only what the debtors pay in. */
};

void netting_init(struct netting *netting);

/* Adds an obligation. False, and nothing changed, when payer == payee, an index is out of range
 * or a sum would overflow. */
bool netting_add(struct netting *netting, uint8_t payer, uint8_t payee, int64_t amount,
                 uint64_t count);

/* Net position of each province: what it receives minus what it pays, fen. False on overflow. */
bool netting_positions(const struct netting *netting, int64_t ret_net[PROVINCE_COUNT]);

/* The payments of a mode. Gross keeps every pair with records, also those of zero or less; the
 * net modes list only payments above zero. multilateral-direct lets the largest debtor pay the
 * largest creditor until nobody owes anything; of equal ones the lower index goes first. False on
 * overflow, then *ret_payments holds nothing of use. */
bool netting_payments(const struct netting *netting, enum netting_mode mode,
                      struct payments *ret_payments);

/* Checks (N1)-(N3) over all modes; NULL when they hold, else a static text that names the one
 * broken ("N2: …") or the overflow. */
const char *netting_check(const struct netting *netting);

/* Liquidity that a mode saves against gross, in basis points of gross, rounded down; 0 when gross
 * moves nothing. */
uint32_t netting_saved_bp(int64_t gross_total, int64_t mode_total);

/* "gross", "bilateral", "multilateral", "multilateral-direct"; static memory. */
const char *netting_mode_name(enum netting_mode mode);

/* False when the name is none of them. */
bool netting_mode_parse(const char *name, enum netting_mode *ret_mode);

#endif
