/* parts -- a decision of the cycle as bodies of journal entries, and back.
 *
 * A decision may be larger than one entry: a cut puts a row for every cell. It stands in several
 * entries, one after the other, and counts only when all of them are there: an engine that dies
 * between two of them has not decided.
 *
 * FORMAT  Body of an ENTRY_CYCLE, integers little-endian (docs/formats.md)
 *           OFFSET  SIZE  FIELD
 *                0     8  number   of the decision, from 1; each try has its own
 *                8     4  part     from 1
 *               12     4  parts    of the decision
 *               16     …  rows     a piece of the packed rows (cycle/cycle.h)
 *
 * INVARIANTS
 *   (P1) Parts of two decisions are never taken for one: a number is not used twice. */
#ifndef CYCLE_PARTS_H
#define CYCLE_PARTS_H

#include "types/bytes.h"

#define PART_HEAD     16
#define PART_ROWS_MAX (4096 - PART_HEAD) /* Bytes of rows: the body of an entry less the head. */

/* Entries that rows of that size need; at least 1. */
uint32_t parts_needed(size_t size);

/* Writes body `part` (from 1) of the decision to `out`, PART_HEAD + PART_ROWS_MAX bytes at most;
 * gives its size. */
size_t part_write(uint64_t number, uint32_t part, struct bytes rows, uint8_t *out);

/* Puts decisions together again, from the bodies in their order. */
struct parts_reader {
    uint64_t number; /* Latest decision seen, also one that was not finished. */
    uint32_t part;   /* Of it; 0: none is under way. */
    uint32_t parts;
    uint8_t *data; /* malloc'ed */
    size_t size;
    size_t room;
};

void parts_reader_init(struct parts_reader *reader);
void parts_reader_free(struct parts_reader *reader);

/* Takes the next body. 1: *ret_rows is a whole decision, borrowed until the next call. 0: more is
 * to come; what was under way before a first part is dropped. -EUCLEAN: it makes no sense.
 * -ENOMEM. */
int parts_take(struct parts_reader *reader, struct bytes body, struct bytes *ret_rows);

#endif
