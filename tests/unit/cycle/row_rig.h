/* row_rig -- a cycle whose rows a test puts itself, and which it gives orders: for the chapters
 * that judge by what others have left. Provinces are two-digit codes, days yyyymmdd. */
#ifndef TESTS_UNIT_CYCLE_ROW_RIG_H
#define TESTS_UNIT_CYCLE_ROW_RIG_H

#include "cycle/cycle_internal.h"

#define MILLION INT64_C(100000000) /* Fen of a million yuan. */

struct row_rig {
    struct calendar calendar; /* Empty: weekends alone. */
    struct cycle *cycle;
    struct facts facts;
    int64_t now_ms;
    uint32_t orders;
    struct decision decision; /* Of the last order. */
};

/* An empty cycle with the default settings, at noon of the day. */
void row_rig_open(struct row_rig *rig, uint32_t day);
void row_rig_close(struct row_rig *rig);

/* The clock to noon of the day. */
void row_rig_day(struct row_rig *rig, uint32_t day);
int64_t row_rig_noon(uint32_t day);

void row_rig_put(struct row_rig *rig, enum row_kind kind, const void *row);
void row_rig_set(struct row_rig *rig, enum setting setting, int64_t value);

/* A batch of the month in that state, id as they come; its lines are put afterwards, one a call and
 * all of it POOL. Gives its id. */
uint32_t row_rig_batch(struct row_rig *rig, uint32_t period, enum batch_state state);
void row_rig_line(struct row_rig *rig, uint32_t batch, uint32_t payer, uint32_t payee,
                  int64_t amount);

/* The same of line 5, account money. */
void row_rig_wallet_line(struct row_rig *rig, uint32_t batch, uint32_t payer, uint32_t payee,
                         int64_t amount);

/* The province's signature of version 1, now. */
void row_rig_sign(struct row_rig *rig, uint32_t batch, uint32_t province, enum sign_state state);

/* An order of a sender (0: the centre) for itself, with a msgid of its own. */
struct order row_rig_order(struct row_rig *rig, uint16_t type, uint32_t sender);

/* Judges it, checks that a refusal puts nothing (K5), applies what was accepted; gives the code. */
uint16_t row_rig_give(struct row_rig *rig, const struct order *order);

#endif
