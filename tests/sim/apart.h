/* apart -- a history lived in a process of its own, so that one that breaks an invariant or does
 * not end is an answer like others. */
#ifndef TESTS_SIM_APART_H
#define TESTS_SIM_APART_H

#include "tests/sim/life.h"

/* As sim_live(). A process that dies makes a history that failed: `what` is what it said first on
 * stderr; of what it sent and lived only `said`, shards, persons and counts are known. It may use
 * so many seconds of processor time. */
void sim_live_apart(const struct sim_plan *plan, uint32_t seconds, struct sim_outcome *ret_outcome);

#endif
