/* check_cycle -- (H9) of check.h: the orders of the clearing cycle, lived through once more by the
 * model (tests/model/desk_model.h) in the order in which shard 0's journal has decided them,
 * together with the records that settle meanwhile. */
#ifndef TESTS_SIM_CHECK_CYCLE_H
#define TESTS_SIM_CHECK_CYCLE_H

#include "tests/sim/asks.h"

/* Compares every answer, every row that was decided, and what is left of it all. After
 * judge_settlements(), whose records it uses. */
bool judge_cycle(const struct asks *asks, const struct evidence *evidence,
                 struct sim_history *history, bool manual_clock, struct finding *finding);

#endif
