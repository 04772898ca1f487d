/* cycle_rig -- a clearing cycle and the records its shards would hold, for tests.
 *
 * A test writes records and gives orders. The rig asks cycle_needs(), makes just those facts of the
 * records (cells and days are sums of them), judges, and applies what was decided. It holds every
 * decision to the promises of cycle.h: a refusal puts nothing, an order accepted puts its own row,
 * and the same order again is the same answer. Provinces are two-digit codes here. */
#ifndef TESTS_LIB_CYCLE_RIG_H
#define TESTS_LIB_CYCLE_RIG_H

#include "cycle/calendar.h"
#include "cycle/cycle.h"
#include "cycle/settings.h"

struct cycle_rig {
    struct cycle *cycle;
    struct calendar calendar; /* Empty: weekends alone. */
    int64_t now_ms;
    struct record_facts *records; /* All there are, in the order they came. */
    size_t record_count;
    size_t record_room;
    uint32_t cut_through;
    uint32_t closed_year;
    struct decision decision; /* Of the last order. */
    int64_t judged_us;        /* Processor time of the last judgement. */
    uint32_t orders;
};

/* An empty cycle with the default settings, at noon of that day. */
void cycle_rig_open(struct cycle_rig *rig, uint32_t day);
void cycle_rig_close(struct cycle_rig *rig);

/* The clock to noon of that day; it may go back, the cycle has no clock of its own. */
void cycle_rig_day(struct cycle_rig *rig, uint32_t day);

/* A setting's value from now on. */
void cycle_rig_set(struct cycle_rig *rig, enum setting setting, int64_t value);

/* One more record: a settlement of an inpatient employee, all of it POOL, cleared in its day's
 * month; medfee is 100 fen more. The result may be changed until the next one is made. */
struct record_facts *cycle_rig_record(struct cycle_rig *rig, uint32_t payer, uint32_t payee,
                                      const char *setl_id, uint32_t day, int64_t pool);
struct record_ref cycle_rig_ref(uint32_t payer, const char *setl_id);

/* An order of a sender (0: the centre) for itself, with a msgid of its own. */
struct order cycle_rig_order(struct cycle_rig *rig, uint16_t type, uint32_t sender);

/* Judges it, and applies what was accepted. Gives the code; the decision stays in the rig. */
uint16_t cycle_rig_give(struct cycle_rig *rig, const struct order *order);

/* Puts a row as if a decision had. */
void cycle_rig_put(struct cycle_rig *rig, enum row_kind kind, const void *row);

/* Cuts the month on all shards and in the cycle, finally. */
void cycle_rig_cut(struct cycle_rig *rig, uint32_t period);

/* Puts the month's batch into a state, published versions as its own. */
void cycle_rig_batch(struct cycle_rig *rig, uint32_t period, enum batch_state state);

/* The exception of a ref; NULL: none. */
const struct exception_row *cycle_rig_exception(const struct cycle_rig *rig,
                                                const struct record_ref *ref);

/* What stands in an account of the pair, all fund classes, credits positive: of COST it is what was
 * taken over, below zero. */
int64_t cycle_rig_stands(const struct cycle_rig *rig, uint32_t payer, uint32_t payee,
                         enum cycle_account account);

#endif
