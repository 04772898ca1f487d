/* plan -- what makes a simulated history, and how it is written on a command line.
 *
 * The same plan is the same history, to the byte. A history is made smaller by leaving out parts of
 * its plan (shrink.h), so each part has an option, and plan_print() writes them all. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdio.h>

#include "tests/sim/town.h"

/* What may go wrong. A crash of each kind is a fault of its own. */
enum sim_fault {
    SIM_POWER,  /* The power goes, after any event. */
    SIM_KILL,   /* The process alone dies. */
    SIM_INSIDE, /* The machine stops within a start, a merge, the making of a segment. */
    SIM_TORN,   /* Of a power cut: sectors that are torn inside. */
    SIM_CUT,    /* A connection ends, */
    SIM_STALL,  /* delivers nothing for a while, */
    SIM_SPLIT,  /* or delivers in two pieces. */
    SIM_SLOW_DISK,
    SIM_SHORT_WRITE,
    SIM_SHORT_READ,
    SIM_READ_ERROR,
    SIM_WRITE_ERROR,
    SIM_SYNC_ERROR,
    SIM_FULL,
    SIM_FLIP,   /* A bit of something durable. This and the next may end a history. */
    SIM_ASTRAY, /* A write lands at another place. */
    SIM_FORWARD,
    SIM_BACK,
    SIM_STAND, /* The clock. */
    SIM_FAULTS,
};
#define SIM_FAULTS_ALL ((UINT32_C(1) << SIM_FAULTS) - 1)

struct sim_plan {
    uint64_t seed;
    uint32_t messages;   /* That clients make; see struct sim_load. */
    uint32_t persons;    /* 0: by the number of messages. */
    uint32_t shards;     /* 0: by the seed. */
    uint32_t faults;     /* Bits by enum sim_fault. How often each happens is the seed's. */
    uint32_t luck;       /* Another one: when what goes wrong, of the same clients and rates. */
    uint64_t events_max; /* A history with more of them has no end. 0: by the number of messages. */
    uint64_t calm_after; /* Events; from then on nothing goes wrong. 0: in the end. */
    bool heavy;          /* Settlements in batches, nearly all. */
    uint32_t absent;     /* Bits: clients that stay away. */
    uint64_t mute[TOWN_TYPES_WORDS]; /* Bits by town_type_index(): types that are never sent. */
    const struct town_picks *only;   /* Borrowed; NULL: all messages are sent. */
};

/* Reads names of faults, or of groups of them, with commas between; false when there is no such
 * name. */
bool plan_read_faults(const char *text, uint32_t *ret_faults);

/* Reads types as four hexadecimal digits, with commas between. */
bool plan_read_mute(const char *text, uint64_t ret_mute[TOWN_TYPES_WORDS]);

/* Reads messages as client:number or client:first-last, with commas between. */
bool plan_read_only(const char *text, struct town_picks *ret_only);

/* All names of faults, for the one who asks. */
void plan_print_fault_names(FILE *out);

/* The command line that lives the history again, and a line feed. */
void plan_print(const struct sim_plan *plan, FILE *out);

#endif
