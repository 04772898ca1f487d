/* store -- world/store.h in memory: what LMDB promises, without LMDB.
 *
 * A commit is whole or has not happened, whatever happens around it. Reads see the commit at the
 * time of the last refresh; what was borrowed stays. Failures come as LMDB has them: a map that is
 * full until store_reserve() made it larger, a disk that is full, a commit that could not be
 * synced (after which either state may be the durable one), a page that cannot be read.
 *
 * tests/sim/test_world.c gives it and LMDB the same operations and compares. */
#ifndef TESTS_SIM_STORE_H
#define TESTS_SIM_STORE_H

#include "tests/lib/prng.h"
#include "world/store.h"

/* Parts per million of the calls. */
struct store_faults {
    uint32_t read_error;   /* -EIO; of the life of a store no more than 32. */
    uint32_t commit_error; /* -EIO; the commit may have landed all the same. */
    uint32_t map_full;     /* -ENOSPC of a put, until the next store_reserve(). */
};

/* Asked at every commit: true when the machine stops here. It has landed or not. */
typedef bool store_stops_fn(void *context);

/* `prng` is borrowed. */
struct store *sim_store_new(struct prng *prng, store_stops_fn *stops, void *context);
void sim_store_free(struct store *store); /* NULL is fine. */

void sim_store_set_faults(struct store *store, const struct store_faults *faults);

/* Commits are -ENOSPC until it is said otherwise. */
void sim_store_set_full(struct store *store, bool full);

/* The process dies: what was not committed is forgotten, reads begin with the next refresh. */
void sim_store_crash(struct store *store);

/* Failures given so far; and how many of them end the engine (see shard.c, merged()). */
uint64_t sim_store_faults(const struct store *store);
uint64_t sim_store_commit_errors(const struct store *store);

#endif
