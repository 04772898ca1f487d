/* lookups -- the two tables by which a state finds entries again: by id, and by person.
 *
 * A wrong bit in either makes an entry invisible: a message would be taken twice, a question miss a
 * record. So both are worked out from the journal by code of their own and compared entry by entry;
 * the hashes of ids need the store's key. */
#ifndef VERIFY_LOOKUPS_H
#define VERIFY_LOOKUPS_H

#include "tools/verify/recount.h"
#include "world/store.h"

/* Compares STORE_ID and STORE_PERSON with the entries up to meta->seq. `seed` is the store's, as
 * the engine makes it of hash_key. False with a finding. */
bool compare_lookups(struct store *store, const struct shard_meta *meta,
                     const struct recount *recount, uint64_t seed, struct finding *finding);

#endif
