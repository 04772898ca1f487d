/* months -- the cells of all shards added up by month, as the tables show them.
 *
 * The digest is docs/formats.md's (Period digest), computed here a second time: it can be compared
 * with what the engine shows for the same month. */
#ifndef VERIFY_MONTHS_H
#define VERIFY_MONTHS_H

#include "tools/verify/recount.h"
#include "util/checksum.h"

struct month {
    uint32_t period;
    bool cut;
    uint64_t count;
    uint64_t refunds;
    uint64_t late;
    int64_t medfee; /* Fen; so the following. */
    int64_t fund;
    int64_t account;
    int64_t net[PROVINCE_COUNT]; /* What it receives minus what it pays. */
    uint8_t digest[SHA256_SIZE];
};

/* Begins as zeros. */
struct months {
    struct month *list; /* Ascending by period. */
    uint32_t count;
    uint32_t room;
    struct cell *cells; /* Of all shards; after months_finish() one for each key. */
    uint32_t cell_count;
};

/* Adds a shard's cells. False without memory. */
bool months_add(struct months *months, const struct recount_state *state);

/* Adds up and checks that every month's net positions sum to zero (N1). False with a finding when
 * they do not or a sum does not fit. */
bool months_finish(struct months *months, struct finding *finding);

/* A cell from which everything was taken back is as if it had never been: in no table, and not
 * handed over at the cut. */
bool months_cell_empty(const struct cell *cell);

void months_done(struct months *months);

#endif
