/* evidence -- the journals of a simulated centre as they lie on its disk, read and put to the
 * proof.
 *
 * The reading is that of `qingfen verify` (tools/verify): chain, recount, the cycle's and the
 * wallets' checks, the stores against the journals. What it finds is one sentence. */
#ifndef TESTS_SIM_EVIDENCE_H
#define TESTS_SIM_EVIDENCE_H

#include "tests/sim/world.h"
#include "tools/verify/cycle_check.h"
#include "tools/verify/months.h"
#include "tools/verify/wallet_check.h"

#define EVIDENCE_SHARDS_MAX 8

struct evidence_shard {
    struct chain chain; /* Its segments are malloc'ed here. */
    struct recount recount;
    struct entry *entries; /* In order: entries[seq - 1]. */
    uint64_t count;
    uint64_t room;
};

struct evidence {
    uint32_t shards;
    struct evidence_shard shard[EVIDENCE_SHARDS_MAX];
    struct cycle_check *cycle;
    struct wallet_check *wallets;
    struct months months;
};

/* Reads everything; the world is calm and stands still. False with a finding when something is not
 * as it must be. To be freed in either case. */
bool evidence_read(struct evidence *evidence, struct sim_world *world, uint32_t shards,
                   struct finding *finding);
void evidence_done(struct evidence *evidence);

/* The provincial rules that every simulated centre begins with; static memory. */
const struct params *evidence_rules(void);

#endif
