/* shrink -- a failing history made smaller: fewer messages, clients, types of messages, kinds of
 * faults and of crashes, shards and persons, and an earlier end of all faults, as long as it fails
 * in the same way.
 *
 * Delta debugging: of each kind of thing all are left out, then halves, quarters and single ones;
 * and once more, until nothing can go. Another failure than the first one does not count: sentences
 * are compared without the words that have figures in them.
 *
 * A history with a message less is another one: what goes wrong falls on other moments, and mostly
 * on none that matters. So each smaller plan is lived more than once, with the luck that was known
 * to be bad and with other ones (sim_plan.luck). */
#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include "tests/sim/life.h"

struct sim_shrunk {
    struct sim_plan plan; /* `only`, when it is there, is the one below. */
    struct town_picks only;
    struct sim_outcome outcome;
    uint32_t tries; /* Histories that were lived. */
    bool late;      /* The time was up before nothing could go any more. */
};

/* `plan` fails, and `outcome` says how. Takes about so many seconds of processor time. */
void sim_shrink(const struct sim_plan *plan, const struct sim_outcome *outcome, double seconds,
                struct sim_shrunk *ret_shrunk);

#endif
