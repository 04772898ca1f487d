/* shrink -- a failing history made smaller: fewer messages, fewer kinds of faults, fewer clients,
 * then single messages less, as long as it still fails. */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include "tests/sim/life.h"

struct sim_shrunk {
    struct sim_plan plan; /* Its `hushed` is malloc'ed, or NULL. */
    struct sim_outcome outcome;
    uint32_t tries;
};

/* Tries at most that many histories. `plan` failed. */
void sim_shrink(const struct sim_plan *plan, uint32_t tries_max, struct sim_shrunk *ret_shrunk);

#endif
