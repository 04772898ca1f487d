/* summary -- what a stream of workload items adds up to, beside what was published.
 *
 * Must not know how the items came about or where they go. */
#ifndef WORKLOAD_SUMMARY_H
#define WORKLOAD_SUMMARY_H

#include <stdio.h>

#include "tools/workload/workload.h"

struct workload_summary {
    uint64_t settlements[WORKLOAD_CLASS_COUNT];
    int64_t cleared_fen[WORKLOAD_CLASS_COUNT]; /* fund_pay_sumamt + acct_pay of the settlements. */
    uint64_t refunds;                          /* Duplicates are in none of these. */
    int64_t refunded_fen;                      /* <= 0 */
    uint64_t duplicates;
    uint64_t corrections;
    uint64_t early_corrections; /* Their original comes later, to be refused. */
};

/* Adds one item; `summary` begins as zeros. */
void workload_summary_add(struct workload_summary *summary, const struct workload_item *item);

/* Messages in all: settlements, refunds, duplicates and corrections. */
uint64_t workload_summary_messages(const struct workload_summary *summary);

/* For people: counts, totals in yuan, shares and means per class beside the published ones. */
void workload_summary_print(const struct workload_summary *summary, FILE *out);

#endif
