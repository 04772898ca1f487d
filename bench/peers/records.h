/* records -- the load generator's settlements, those of one connection's persons only.
 *
 * Each connection draws from a stream of its own and passes over the persons of the others, so that
 * two transactions never want the same person's row. Must not know PostgreSQL. */
#ifndef BENCH_PEERS_RECORDS_H
#define BENCH_PEERS_RECORDS_H

#include "tools/workload/live.h"

#define RECORDS_CONNECTIONS_MAX LIVE_LANES

struct records {
    struct live live;
    uint8_t body[LIVE_BODY_MAX];
    struct settlement settlement; /* Its views point into `body`. */
    uint32_t connection;
    uint32_t connections;
};

/* `run` tells runs apart; `connection` counts from 0. */
void records_init(struct records *records, uint64_t seed, uint32_t run, uint32_t connection,
                  uint32_t connections);

/* The next settlement, settled at `now_ms` (since the epoch). Good until the next call. */
const struct settlement *records_next(struct records *records, int64_t now_ms);

#endif
