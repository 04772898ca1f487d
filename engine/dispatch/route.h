/* route -- which shard a person is at home in. */
#ifndef DISPATCH_ROUTE_H
#define DISPATCH_ROUTE_H

#include <stdint.h>

#define SHARDS_MAX 64

/* Home shard of a person, 0..shards-1: psn_key is a keyed hash, so its first four bytes spread
 * evenly. Part of the wire contract (session.proto, HelloReply.shards). */
static inline uint32_t route_shard(const uint8_t *psn_key, uint32_t shards)
{
    const uint32_t h = (uint32_t)psn_key[0] | (uint32_t)psn_key[1] << 8 |
                       (uint32_t)psn_key[2] << 16 | (uint32_t)psn_key[3] << 24;
    return (uint32_t)(((uint64_t)h * shards) >> 32);
}

#endif
