/* life -- one whole history: a centre, its clients, everything that goes wrong, and the judgement.
 */
#ifndef TESTS_SIM_LIFE_H
#define TESTS_SIM_LIFE_H

#include "tests/sim/world.h"
#include "tools/verify/finding.h"

/* Kinds of faults, as bits. */
enum sim_fault_kind {
    FAULTS_CRASH = 1, /* The power goes, at any moment. */
    FAULTS_DISK = 2,  /* Errors, full, slow, short. */
    FAULTS_ROT = 4,   /* Bits flip, writes go astray: the only ones that may end a history. */
    FAULTS_NET = 8,
    FAULTS_CLOCK = 16,
    FAULTS_ALL = 31,
};

/* What makes a history; the same plan is the same history, to the byte. */
struct sim_plan {
    uint64_t seed;
    uint32_t messages;
    uint32_t shards;       /* 0: by the seed. */
    uint32_t faults;       /* enum sim_fault_kind */
    bool heavy;            /* Settlements in batches, nearly all. */
    uint32_t absent;       /* Bits: clients that stay away. */
    const uint8_t *hushed; /* See town.h; borrowed. */
    uint32_t hushed_row;
};

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
    uint32_t numbered;             /* Of the client that made most messages. */
    struct sim_counts counts;
};

/* Lives it and judges it. */
void sim_live(const struct sim_plan *plan, struct sim_outcome *ret_outcome);

#endif
