#include "bench/peers/records.h"

#include "codec/messages.h"
#include "dispatch/route.h"
#include "types/ensure.h"

void records_init(struct records *records, uint64_t seed, uint32_t run, uint32_t connection,
                  uint32_t connections)
{
    ENSURE(connection < connections);
    ENSURE(connections <= RECORDS_CONNECTIONS_MAX);
    records->connection = connection;
    records->connections = connections;
    live_init(&records->live, LIVE_NATIONAL, seed, run, connection);
}

const struct settlement *records_next(struct records *records, int64_t now_ms)
{
    struct bytes body = {records->body, 0};
    uint32_t field;
    bool is_ours;
    do {
        const uint8_t *psn_key = live_draw(&records->live);
        is_ours = route_shard(psn_key, records->connections) == records->connection;
        body.size = live_write(&records->live, now_ms, records->body);
    } while (!is_ours);
    ENSURE(settlement_decode(body, &records->settlement, &field));
    return &records->settlement;
}
