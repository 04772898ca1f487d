/* person_index -- whose record each is: where in the store to look for a person's records.
 *
 * Written by the merge, run by run (STORE_PERSON, ledger/chunk.h); a record of a later entry is not
 * in it yet. A number holds 40 bits of psn_key: another person's records may be given as well, and
 * whoever asks compares. Records that were taken back stay in it.
 *
 * A cursor is the number of an entry and no place in the store: it outlives steps, checkpoints,
 * runs that were written again, and the process. */
#ifndef LEDGER_PERSON_INDEX_H
#define LEDGER_PERSON_INDEX_H

#include "ledger/chunk.h"
#include "world/store.h"

/* Numbers of a chunk: a value fills one page of the store. */
#define PERSON_CHUNK_COUNT 510

/* A run takes another checkpoint's numbers as well while it holds fewer than that. */
#define PERSON_RUN_SEAL 131072

/* What of psn_key is in the index: its bytes 4..8. */
uint64_t person_bits(struct bytes psn_key);

/* Adds the records of one checkpoint, whose first entry is `first_seq` and whose last `last_seq`.
 * `records`: person_bits() as hash, and the number, ascending; `records` and `scratch` have room
 * for `room` of them, PERSON_RUN_SEAL more than there are where a run may be continued, and are
 * left as rubbish. 0, or the store's error; -EUCLEAN when the table makes no sense. */
int person_index_put(struct store_txn *txn, uint64_t first_seq, uint64_t last_seq,
                     struct id *records, struct id *scratch, uint32_t count, uint32_t room);

struct person_cursor {
    uint64_t bits; /* person_bits() */
    uint64_t seq;  /* Looked for next: the first number that may be given. */
    uint32_t descending;
    uint32_t reserved;
};

/* From `from_seq` on, upwards or downwards; from_seq itself is given too. */
struct person_cursor person_cursor_from(struct bytes psn_key, uint64_t from_seq, bool descending);

enum person_found {
    PERSON_FOUND,    /* *ret_seq may be a record of the person. */
    PERSON_NOT_HERE, /* Nothing more in this run; the cursor stands before the next one. */
    PERSON_END,      /* No further run; upwards that may change with the next checkpoint. */
};

/* Looks into one run, at most: a handful of look-ups in the store. */
enum person_found person_index_next(struct store *store, struct person_cursor *cursor,
                                    uint64_t *ret_seq);

#endif
