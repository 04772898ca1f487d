/* life -- one whole history: a centre, its clients, everything that goes wrong, and the judgement.
 */
#ifndef TESTS_SIM_LIFE_H
#define TESTS_SIM_LIFE_H

#include "tests/sim/plan.h"
#include "tools/verify/finding.h"

#define SIM_TYPES_MAX 96

struct sim_outcome {
    bool failed;
    char what[FINDING_SIZE];
    bool refused; /* The start refused, and had to: the disk was damaged. */
    char refusal[FINDING_SIZE];
    uint64_t digest;
    uint64_t messages; /* Sent; each record of a batch is one. */
    uint64_t accepted;
    uint64_t entries;              /* In all journals, in the end. */
    uint64_t types[SIM_TYPES_MAX]; /* Sent, by town_type_index(). */
    struct town_picks said;        /* Which messages that were. */
    uint32_t shards;
    uint32_t persons;
    struct sim_counts counts;
};

/* Lives it and judges it. */
void sim_live(const struct sim_plan *plan, struct sim_outcome *ret_outcome);

#endif
