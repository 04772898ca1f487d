/* compare -- a shard's store against what its journal implies (B1). */
#ifndef VERIFY_COMPARE_H
#define VERIFY_COMPARE_H

#include "tools/verify/recount.h"
#include "world/store.h"

/* Reads where the store stands. 1: there; 0: nothing was ever written to it, or only by a program
 * that kept no tallies, whose state counts as nothing; -1 with a finding. */
int compare_meta(struct store *store, uint32_t shard, struct shard_meta *ret_meta,
                 struct finding *finding);

/* True when the chain, standing behind entry meta->seq, is where the store says it stood. */
bool compare_position(const struct shard_meta *meta, const struct recount *recount,
                      struct finding *finding);

/* Compares cells, marks, tallies, records, and the look-ups by id and by person with `at`, the
 * state at meta->seq, and adds the stored tallies up to the cells. `seed`: of the hashes of ids. */
bool compare_store(struct store *store, const struct shard_meta *meta,
                   const struct recount *recount, const struct recount_state *at, uint64_t seed,
                   struct finding *finding);

#endif
