#include "tests/sim/look.h"

#include "tests/sim/world_internal.h"
#include "types/ensure.h"

const uint8_t *sim_store_id(const struct sim_world *world)
{
    return world->store_id;
}

uint64_t sim_hash_seed(const struct sim_world *world)
{
    return world->hash_seed;
}

const char *sim_journal_folder(const struct sim_world *world, uint32_t shard)
{
    return world->shards[shard].path;
}

void sim_use_disk(struct sim_world *world)
{
    disk_use(world->disk);
}

struct store *sim_store(struct sim_world *world, uint32_t shard)
{
    return world->shards[shard].store;
}

void sim_crash_and_forget(struct sim_world *world)
{
    sim_crash(world);
    for (uint32_t i = 0; i < world->config.shards; i++)
        ENSURE(store_clear(world->shards[i].store) == 0);
}
