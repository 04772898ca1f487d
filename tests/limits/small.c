/* small -- linked into the test's qingfend: small tables, and a checkpoint every few blocks, so
 * that a hundred messages bring several. Sizes and times of the release are shard_config_init()'s
 * and the loop's. A delta must still hold what one batch of mail may come to (wallets_have_room()).
 */
#include "engine.h"

#define BLOCKS_A_CHECKPOINT 16

void __real_shard_config_init(struct shard_config *config);
void __wrap_shard_config_init(struct shard_config *config);
void __real_home_written(struct home *home, struct block_place place, int64_t now_ms);
void __wrap_home_written(struct home *home, struct block_place place, int64_t now_ms);

void __wrap_shard_config_init(struct shard_config *config)
{
    __real_shard_config_init(config);
    config->delta_entries = 2048;
    config->delta_bytes = 8u << 20;
    config->shelf_bytes = 16u << 20;
}

void __wrap_home_written(struct home *home, struct block_place place, int64_t now_ms)
{
    static _Thread_local uint32_t blocks; /* A home is one thread's. */
    __real_home_written(home, place, now_ms);
    if (++blocks % BLOCKS_A_CHECKPOINT == 0) home_checkpoint(home, now_ms);
}
