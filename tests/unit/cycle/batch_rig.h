/* batch_rig -- a signed batch in a cycle of its own, for the tests of notices, payments and
 * unwinding. Rows are applied as the cut and the signatures would have left them; no other chapter
 * is asked. Every answer is followed by cycle_check(). */
#ifndef TESTS_UNIT_CYCLE_BATCH_RIG_H
#define TESTS_UNIT_CYCLE_BATCH_RIG_H

#include "cycle/cycle_internal.h"

#define RIG_START_MS INT64_C(1774314000000) /* 2026-03-24 09:00 in Shanghai, a Tuesday. */

struct batch_rig {
    struct calendar calendar;
    struct cycle *cycle;
    struct facts facts;
    int64_t now_ms;
    uint32_t orders; /* Messages so far: every one has a msgid of its own. */
    uint32_t lines;
    bool loose; /* The rows put do not make a whole state: it is not checked after each order. */
    struct decision decision; /* The last one. */
};

void rig_open(struct batch_rig *rig);
void rig_close(struct batch_rig *rig);

/* Puts a row without asking anybody. */
void rig_put(struct batch_rig *rig, enum row_kind kind, const void *row);

void rig_set(struct batch_rig *rig, enum setting setting, int64_t value);

/* Batch 1, signed, without lines; then a line of a cell: funds in CLEARING, records `count`. */
void rig_batch(struct batch_rig *rig, enum netting_mode mode, uint32_t period);
void rig_line(struct batch_rig *rig, uint8_t payer, uint8_t payee, const int64_t funds[FUND_COUNT],
              uint64_t count);

/* The same with all of it in the pool. */
void rig_pool(struct batch_rig *rig, uint8_t payer, uint8_t payee, int64_t amount);

const struct batch_row *rig_the_batch(const struct batch_rig *rig);

/* Each judges, checks that a refusal has no rows (K5), applies an acceptance, and gives the code.
 * Codes of provinces; 0: the centre. */
uint16_t rig_notice(struct batch_rig *rig);
uint16_t rig_unwind(struct batch_rig *rig, uint8_t province);
uint16_t rig_reissue(struct batch_rig *rig, uint32_t sender, const char *number);
uint16_t rig_pay(struct batch_rig *rig, uint32_t sender, const char *number, const char *bank_ref,
                 int64_t amount, int64_t paid_at_ms);
uint16_t rig_receive(struct batch_rig *rig, uint32_t sender, const char *number,
                     const char *bank_ref, int64_t amount, bool rejected);

/* Pays what is left of a notice and lets it arrive, as the centre says. */
void rig_pay_all(struct batch_rig *rig, const char *number, const char *bank_ref);

/* The notice that is not cancelled or settled between the two; NULL: none. */
const struct notice_row *rig_open_notice(const struct batch_rig *rig, uint8_t payer, uint8_t payee);
const struct notice_row *rig_the_notice(const struct batch_rig *rig, const char *number);

/* Sum over all funds, and over all pairs. */
int64_t rig_balance(const struct batch_rig *rig, uint8_t payer, uint8_t payee,
                    enum cycle_account account);
int64_t rig_sum(const struct batch_rig *rig, enum cycle_account account);

/* Every account of every fund sums to zero with the others. */
void rig_assert_balanced(const struct batch_rig *rig);

/* Index of a code. */
uint8_t p(uint32_t code);

#endif
