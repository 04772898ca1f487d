/* recount -- one shard's journal worked out again: cells, ids, and what became of each record.
 *
 * Straightforward on purpose: protobuf-c for bodies, plain arithmetic, one hash set for ids. It
 * follows docs/rules.md, and the decisions that an entry itself keeps (line, class, switches). */
#ifndef VERIFY_RECOUNT_H
#define VERIFY_RECOUNT_H

#include "ledger/chunk.h"
#include "tools/verify/bodies.h"
#include "tools/verify/chain.h"
#include "tools/verify/idset.h"
#include "tools/verify/tallies.h"
#include "types/cell.h"
#include "types/province.h"

/* A cell and what only verify counts in it. */
struct recount_cell {
    struct cell cell;
    uint64_t adjustments;
};

/* Cells, marks and tallies at one position of the journal. */
struct recount_state {
    struct recount_cell *cells;
    uint32_t cell_count;
    uint32_t cells_room;
    struct idset cell_index; /* Packed key -> index + 1. */
    struct mark *marks;
    uint32_t mark_count;
    uint32_t marks_room;
    struct idset mark_index; /* seq -> index + 1. */
    struct tallies tallies;
};

#define RECOUNT_CUTS_MAX 1024

struct recount {
    struct chain *chain; /* Borrowed. */
    uint32_t shards;
    struct recount_state state;
    place_t *places; /* By seq - 1. */
    uint64_t places_room;
    struct idset ids;
    struct idset transfers; /* Of wallets: hash of trsf_id -> seq of its submit. */
    struct arena arena;     /* For the entry at hand, */
    struct arena other;     /* and for an earlier one that is looked at beside it. */
    uint32_t cut_through;
    uint32_t closed_year;
    uint64_t cuts;
    uint32_t cut_months[RECOUNT_CUTS_MAX];
    uint64_t records; /* Settlements, refunds, adjustments. */
    uint64_t corrections;
    uint64_t tombstones;
    uint64_t *cycles; /* Numbers of the clearing cycle's entries. */
    uint32_t cycle_count;
    uint32_t cycles_room;
};

/* False without memory. `chain` stays the caller's. */
bool recount_init(struct recount *recount, struct chain *chain, uint32_t shards);
void recount_done(struct recount *recount);

/* Takes the next entry. False with a finding when it is not what it must be. */
bool recount_add(struct recount *recount, const struct entry *entry, place_t place,
                 struct finding *finding);

/* A copy of cells, marks and tallies as they are now. False without memory. */
bool recount_copy(const struct recount_state *state, struct recount_state *ret_copy);
void recount_state_done(struct recount_state *state);

/* The cell of a key, the mark of a record; NULL when there is none. */
const struct recount_cell *recount_cell(const struct recount_state *state, struct cell_key key);
const struct mark *recount_mark(const struct recount_state *state, uint64_t seq);

/* What must hold of all cells at the end: accounts sum to zero, no negative cell without a refund
 * or an adjustment. */
bool recount_check_cells(const struct recount *recount, struct finding *finding);

/* "202503 34->31 line 1 class 0"; static memory of the thread. */
const char *cell_key_text(struct cell_key key);

#endif
