/* tally -- finer cells in the store: what the records of a month are by day and by area.
 *
 * Nothing on the way of a message looks at them, so they are not kept in memory: the merge adds
 * what a checkpoint brought to their rows (docs/rules.md, Tallies). Does not know what an entry's
 * body says: it is given facts.
 *
 * INVARIANT
 *   (T1) The tallies of one kind of a cell add up to the cell: count, refunds, medfee, funds and
 *        checksum. A row whose records were all taken back stays, with zeros. */
#ifndef LEDGER_TALLY_H
#define LEDGER_TALLY_H

#include "ledger/chunk.h"
#include "types/record_facts.h"
#include "world/store.h"

/* What an entry does to the tallies, and to the list of the cycle's entries. */
enum entry_effect {
    EFFECT_NONE,
    EFFECT_ADDS,       /* A record: its facts. */
    EFFECT_TAKES_BACK, /* A correction: which record it takes back. */
    EFFECT_CYCLE,      /* A part of a decision of the cycle. */
};

/* What else the merge takes from an entry. */
struct entry_extract {
    uint64_t taken_back; /* EFFECT_TAKES_BACK: the number of that record. */
    uint64_t person;     /* EFFECT_ADDS: whose it is, person_bits(). */
};

/* Reads an entry's bytes, checking its sum; broken ones are a bug or a broken store, and end the
 * process. facts.shard is left 0. Pure: the merge calls it on its own thread. */
typedef enum entry_effect entry_read_fn(struct bytes bytes, struct record_facts *ret_facts,
                                        struct entry_extract *ret_extract);

/* A tally's key as the store has it: 16 bytes, ascending by kind, period, part, payer, payee, line,
 * class. */
#define TALLY_KEY_SIZE 16
void tally_key_encode(const struct tally_key *key, uint8_t out[TALLY_KEY_SIZE]);

/* The key of a record's tally of that kind. */
struct tally_key tally_key_of(const struct record_facts *facts, enum tally_kind kind);

/* Adds the record to the tally; with RECORD_TAKEN_BACK takes it off again. first_seq and last_seq
 * only ever widen. Sums are mod 2^64: the cell refuses what would overflow, a day in between may.
 */
void tally_count(struct tally *tally, const struct record_facts *facts);

/* Adds the records to their rows in the store. `places` and `places_sorted` are scratch with room
 * for `count`. 0, or the store's error; -EUCLEAN when a row has a wrong size. */
int tally_put(struct store_txn *txn, const struct record_facts *facts, uint32_t count,
              struct id *places, struct id *places_sorted);

#endif
