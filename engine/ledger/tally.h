/* tally -- finer cells in the store: what the records of a month are by day and by area.
 *
 * Nothing on the way of a message looks at them, so they are not kept in memory: the merge adds
 * what a checkpoint brought to their rows (docs/rules.md, Tallies). Does not know what an entry's
 * body says: it is given notes.
 *
 * INVARIANT
 *   (T1) The tallies of one kind of a cell add up to the cell: count, refunds, medfee, funds and
 *        checksum. A row whose records were all taken back stays, with zeros. */
#ifndef LEDGER_TALLY_H
#define LEDGER_TALLY_H

#include "ledger/chunk.h"
#include "ledger/note.h"
#include "types/record_facts.h"
#include "world/store.h"

/* A tally's key as the store has it: 16 bytes, ascending by kind, period, part, payer, payee, line,
 * class. */
#define TALLY_KEY_SIZE 16
void tally_key_encode(const struct tally_key *key, uint8_t out[TALLY_KEY_SIZE]);

/* Scratch: rows are summed up here, and put where there is no room for one more. */
#define TALLY_ROOM_ROWS 16384
struct tally_room {
    uint32_t count;
    struct tally rows[TALLY_ROOM_ROWS];   /* In order of arrival. */
    struct id slots[2 * TALLY_ROOM_ROWS]; /* Open addressing by packed key: its row plus 1. */
    struct id order[TALLY_ROOM_ROWS];     /* For sorting. */
    struct id order_sorted[TALLY_ROOM_ROWS];
};

/* Adds the records of the notes to their rows in the store, and takes off again what was taken
 * back. first_seq and last_seq of a row only ever widen. Sums are mod 2^64: the cell refuses what
 * would overflow, a day in between may. 0, or the store's error; -EUCLEAN when a row has a wrong
 * size. */
int tally_put(struct store_txn *txn, const struct record_note *notes, uint32_t count,
              struct tally_room *room);

#endif
