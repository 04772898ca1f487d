/* cell -- one cell of the clearing: everything of one period, ordered pair, line and insurance
 * class, with its own little double-entry book.
 *
 * A month is millions of records and no step of the clearing may rewrite them: what a step changes
 * is the state of cells (docs/rules.md, Cells). In a cell every account is kept per fund class,
 * debit positive; (C1) the accounts of one fund class always sum to zero. */
#ifndef TYPES_CELL_H
#define TYPES_CELL_H

#include <stdint.h>

/* Line of business (业务类别). */
enum line {
    LINE_INPATIENT = 1,
    LINE_OUTPATIENT = 2,
    LINE_CHRONIC = 3,
    LINE_PHARMACY = 4,
    LINE_WALLET_CARE = 5, /* 5..8 belong to wallet and premium. */
    LINE_PREMIUM_RESIDENT = 6,
    LINE_PREMIUM_CARE = 7,
    LINE_WALLET_TRANSFER = 8,
    LINE_END,
};

/* Insurance class (险种大类); each is written in files as its leading insutype. */
enum insurance {
    INSURANCE_EMPLOYEE = 0, /* 职工 310 */
    INSURANCE_RESIDENT = 1, /* 居民 390 */
    INSURANCE_RETIRED = 2,  /* 离休 340 */
    INSURANCE_OTHER = 3,    /* 999 */
    INSURANCE_COUNT,
};

/* Fund class (基金类别). The pool is EMP_POOL or RES_POOL by the cell's insurance class. */
enum fund {
    FUND_POOL = 0,   /* hifp_pay */
    FUND_ACCOUNT,    /* acct_pay, and acct_mulaid_pay where it stands beside it */
    FUND_SUPPLEMENT, /* cvlserv_pay + hifes_pay + hifob_pay + hifmi_pay */
    FUND_ASSISTANCE, /* maf_pay */
    FUND_OTHER,      /* hifdm_pay + oth_pay */
    FUND_COUNT,
    FUND_SLOTS = 8, /* Room on disk; the rest is zero. */
};

/* Accounts of a cell, debit positive. COST is the payer's cost (Dr); the others say where the
 * obligation stands (Cr). Room is left for the clearing cycle's states. */
enum account {
    ACCOUNT_COST = 0,
    ACCOUNT_ACCRUED = 1,  /* Received; the period is open. */
    ACCOUNT_CLEARING = 2, /* In a cut period. */
    ACCOUNT_COUNT,
    ACCOUNT_SLOTS = 4,
};

struct cell_key {
    uint32_t period;   /* yyyymm it is cleared in */
    uint8_t payer;     /* Province index of the insured place (参保地). */
    uint8_t payee;     /* Province index of the place of treatment (就医地). */
    uint8_t line;      /* enum line */
    uint8_t insurance; /* enum insurance */
};

struct cell {
    struct cell_key key;
    uint64_t count;        /* Records: settlements, refunds and adjustments. */
    uint64_t refund_count; /* Of these, refunds. */
    uint64_t late_count;   /* Of these, records whose own month was already cut. */
    int64_t medfee_sum;    /* Fen, medfee_sumamt. */
    uint64_t checksum;     /* Sum mod 2^64 of the records' content hashes: order does not matter. */
    uint64_t cut;          /* 0, or the number of the cut that froze the cell. */
    uint64_t reserved;
    int64_t balance[ACCOUNT_SLOTS][FUND_SLOTS]; /* Fen, debit positive. */
};

_Static_assert(sizeof(struct cell) == 320, "a key, and numbers of 8 bytes: so it is written");

#endif
