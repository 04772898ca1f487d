/* rules -- what makes a message acceptable, as far as the message and the code tables can tell.
 *
 * Pure: no state, clock, allocation or I/O. What needs earlier records (ids, originals, periods) is
 * judged in shard_judge.c with the help of the functions at the end. Rules: docs/rules.md. */
#ifndef LEDGER_RULES_H
#define LEDGER_RULES_H

#include "ledger/tables.h"
#include "types/error.h"
#include "types/settlement.h"

#define ID_SIZE_MAX          30 /* C30 of the national interface, bytes. */
#define INSTITUTION_SIZE_MAX 12
#define REASON_SIZE_MAX      200

/* Outside 1..this no setl_time may be given to the calendar: the end of the four-digit years. */
#define SETL_TIME_MAX INT64_C(253402271999999)

/* What a record does to the book: its cell and what is cleared in each fund class. */
struct posting {
    struct cell_key key;
    int64_t funds[FUND_COUNT]; /* Fen; the sum is what is cleared (clr_amt). */
    int64_t medfee;            /* Fen. */
};

/* What the clock says to the rule on setl_time. */
struct rule_time {
    int64_t now_ms;
    bool known; /* False on a manual clock nobody has set yet: the future is not judged. */
};

/* All checks of form, codes, amounts and identities of a settlement or refund. Adds every failed
 * one to `failures`; counts broken soft identities in *soft. */
void rules_check_settlement(const struct tables *tables, const struct settlement *settlement,
                            struct rule_time time, struct failures *failures, uint64_t *soft);

/* Form of a reversal, an adjustment, a correction. */
void rules_check_reversal(const struct reversal *reversal, struct failures *failures);
void rules_check_adjustment(const struct tables *tables, const struct adjustment *adjustment,
                            struct failures *failures);
void rules_check_correction(const struct correction *correction, struct failures *failures);

/* What the tables decided about a record. It stands in the record's journal entry, so that replay
 * posts what was decided then and never asks today's tables. */
struct decided {
    uint8_t line;      /* enum line */
    uint8_t insurance; /* enum insurance */
    bool acct_pay_includes_mulaid;
    bool fund_sum_includes_acct;
    bool clear_mulaid;
};

/* The decision for a settlement or refund that passed the checks. */
struct decided rules_decide(const struct tables *tables, const struct settlement *settlement);

/* The posting of an accepted settlement or refund, by tables long forgotten; written in place: a
 * struct that is handed on as soon as it is made waits for its own bytes. */
void rules_posting(const struct settlement *settlement, struct decided decided, uint32_t period,
                   struct posting *ret_posting);

/* The posting of an adjustment: the parties it names, the original's line and class. */
struct posting rules_adjustment_posting(const struct adjustment *adjustment,
                                        struct decided decided);

/* What a record clears: the sum over its fund classes, fen. */
int64_t posting_total(const struct posting *posting);

/* A refund against its original: same parties, line and class, and with `changes` (fen by amount,
 * earlier refunds and adjustments of that original) never above it, amount by amount. */
void rules_check_refund(const struct tables *tables, const struct settlement *refund,
                        const struct settlement *original,
                        const int64_t changes[AMOUNT_REFUNDABLE_COUNT], struct failures *failures);

/* An adjustment against its original: parties, and no amount below zero afterwards. */
void rules_check_adjusted(const struct adjustment *adjustment, const struct settlement *original,
                          const int64_t changes[AMOUNT_REFUNDABLE_COUNT],
                          struct failures *failures);

/* The refund that a reversal stands for: the original's amounts taken back, or those it names. All
 * views are borrowed from the two. */
struct settlement rules_reversal_as_refund(const struct reversal *reversal,
                                           const struct settlement *original, int64_t now_ms);

/* Field number of an amount in SetlPost. */
uint32_t settlement_amount_field(enum settlement_amount amount);

#endif
