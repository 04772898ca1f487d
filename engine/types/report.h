/* report -- the tables of the centre as rows: who owes whom, by period, mode and cell.
 *
 * Provinces are two-digit codes here, 0 for the clearing account. Amounts are fen. */
#ifndef TYPES_REPORT_H
#define TYPES_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#define REPORT_DIGEST_SIZE 32

/* One payment of a netting mode. */
struct net_row {
    uint32_t payer;
    uint32_t payee;
    uint64_t count; /* Records behind it. */
    int64_t amount;
};

/* One province over all its pairs. */
struct province_row {
    uint32_t province;
    int64_t payable;
    int64_t receivable;
    int64_t net; /* receivable - payable */
};

/* One ordered pair, line and insurance class. */
struct position_row {
    uint32_t payer;
    uint32_t payee;
    uint32_t line;
    uint32_t insutype; /* Leading code of the class. */
    uint64_t count;
    int64_t fund;
    int64_t account;
    int64_t amount; /* fund + account */
    int64_t pool;
    int64_t supplement;
    int64_t assistance;
    int64_t other;
};

/* One month. */
struct period_row {
    uint32_t period; /* yyyymm */
    bool cut;
    uint64_t count;
    uint64_t refund_count;
    uint64_t late_count;
    int64_t medfee;
    int64_t fund;
    int64_t account;
    int64_t gross;
    int64_t bilateral;
    int64_t multilateral;
    uint8_t digest[REPORT_DIGEST_SIZE];
};

#endif
