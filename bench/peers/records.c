#include "bench/peers/records.h"

#include "dispatch/route.h"
#include "types/ensure.h"

void records_init(struct records *records, uint64_t seed, uint32_t run, uint32_t connection,
                  uint32_t connections)
{
    ENSURE(connection < connections);
    ENSURE(connections <= RECORDS_CONNECTIONS_MAX);
    records->connection = connection;
    records->connections = connections;
    workload_live_init(&records->live, seed, run, connection);
}

const struct settlement *records_next(struct records *records, int64_t now_ms)
{
    const struct settlement *s;
    do {
        s = &workload_live_next(&records->live, now_ms)->settlement;
    } while (route_shard(s->psn_key.data, records->connections) != records->connection);
    return s;
}
