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
#include "util/numbers.h"
#include "world/store.h"

/* A tally's key as the store has it: kind (1), period (3), part (4), big-endian, payer, payee,
 * line, class (1 each). */
#define TALLY_KEY_SIZE 12
void tally_key_encode(const struct tally_key *key, uint8_t out[TALLY_KEY_SIZE]);

/* What stands under it: the rest of the tally as numbers (util/numbers.h), one third of its bytes.
 * Merges write little else as often. */
#define TALLY_NUMBERS  ((sizeof(struct tally) - sizeof(struct tally_key)) / sizeof(uint64_t))
#define TALLY_SIZE_MAX NUMBERS_SIZE_MAX(TALLY_NUMBERS)

/* Reads a row back; false when it is none. */
bool tally_read(struct bytes key, struct bytes value, struct tally *ret_tally);

/* Scratch: rows are summed up here, and put where there is no room for one more. */
#define TALLY_ROOM_ROWS 16384
struct tally_row {
    uint64_t packed; /* Its key, of one kind. */
    struct tally tally;
};
struct tally_room {
    uint32_t count;
    struct tally_row rows[TALLY_ROOM_ROWS]; /* In order of arrival. */
    uint16_t slots[2 * TALLY_ROOM_ROWS];    /* Open addressing by packed key: its row plus 1. */
    struct id order[TALLY_ROOM_ROWS];       /* For sorting. */
    struct id order_sorted[TALLY_ROOM_ROWS];
};

/* Adds the records of the notes to their rows in the store, and takes off again what was taken
 * back. first_seq and last_seq of a row only ever widen. Sums are mod 2^64: the cell refuses what
 * would overflow, a day in between may. 0, or the store's error; -EUCLEAN when a row makes no
 * sense. */
int tally_put(struct store_txn *txn, const struct record_note *notes, uint32_t count,
              struct tally_room *room);

#endif
