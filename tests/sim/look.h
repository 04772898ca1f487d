/* look -- into a simulated centre from outside, as an operator with the disk in his hands could:
 * where its journals lie, its stores, and how to take its stores away. */
#ifndef TESTS_SIM_LOOK_H
#define TESTS_SIM_LOOK_H

#include "tests/sim/world.h"
#include "world/store.h"

const uint8_t *sim_store_id(const struct sim_world *world);

/* The folder on the world's disk, which world/linux/files.h reads after sim_use_disk(). */
const char *sim_journal_folder(const struct sim_world *world, uint32_t shard);
void sim_use_disk(struct sim_world *world);

/* The secret with which ids are hashed. */
uint64_t sim_hash_seed(const struct sim_world *world);

/* The state of a shard, as it is committed. */
struct store *sim_store(struct sim_world *world, uint32_t shard);

/* Cuts the power and empties every store: the next start replays the journals from their first
 * blocks. */
void sim_crash_and_forget(struct sim_world *world);

#endif
