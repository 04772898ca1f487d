/* merge -- a frozen delta and shelf into the store: one sorted, synced transaction.
 *
 * Runs on a background thread while the shard goes on with another delta; both only read the frozen
 * one. (B1) The journal position and everything it implies are in the same transaction. */
#ifndef LEDGER_MERGE_H
#define LEDGER_MERGE_H

#include "ledger/delta.h"
#include "ledger/shelf.h"
#include "ledger/tally.h"
#include "types/cell.h"
#include "world/store.h"

/* Everything one checkpoint writes; stays untouched until merge_run() has returned. */
struct merge {
    struct store *store;
    const struct delta *delta;
    struct shelf *shelf;      /* Only sorted, which nobody notices who reads it. */
    struct shard_meta meta;   /* As it is to be after the merge. */
    uint32_t run_ids_before;  /* Ids that the delta's run holds in the store already. */
    const struct cell *cells; /* Changed cells as they were at the freeze. */
    uint32_t cell_count;
    struct id *ids; /* Scratch: room for ids_room ids: those of the delta and run_ids_before, and at
                     * least its entries and PERSON_RUN_SEAL (ledger/person_index.h). */
    struct id *ids_sorted; /* Scratch: as large; the two change places. */
    uint32_t ids_room;
    struct tally_room *tallies; /* Scratch. */
};

/* An estimate of what the store grows by, bytes: for store_reserve(). */
size_t merge_estimate(const struct merge *merge);

/* Writes it all and commits. 0, or a negative errno with nothing changed; -ENOSPC: reserve more
 * and run it again. */
int merge_run(struct merge *merge);

#endif
