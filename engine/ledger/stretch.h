/* stretch -- where entries of consecutive numbers stand in the shard's journal.
 *
 * FORMAT  key: number of the first entry (8, big-endian). Value, little-endian:
 *           OFFSET  SIZE  FIELD
 *                0     4  segment    1-based
 *                4     4  offset     of the first entry in the segment, bytes; a multiple of 8
 *                8  2 * n  distances  of each of the n entries from the first, in units of 8 bytes,
 *                                    to which entries are padded; the first is 0, they ascend
 *         The entries of a stretch stand in one block, one after the other.
 *
 * Two bytes an entry are all that the state keeps of it; the entry itself is read from the journal
 * (world/journal.h) and says its own length, number and sum. */
#ifndef LEDGER_STRETCH_H
#define LEDGER_STRETCH_H

#include <stdbool.h>

#include "types/bytes.h"

/* So many that four values fill a page of the store, with their keys and heads: larger ones would
 * get whole pages of their own, and leave most of the last one empty. */
#define STRETCH_ENTRIES_MAX 496
#define STRETCH_HEAD_SIZE   8
#define STRETCH_SIZE_MAX    (STRETCH_HEAD_SIZE + 2 * STRETCH_ENTRIES_MAX)

#define STRETCH_UNIT 8                                     /* Bytes. */
#define STRETCH_SPAN ((uint64_t)UINT16_MAX * STRETCH_UNIT) /* Greatest distance, bytes. */

/* A value, read. No entries: zeros. */
struct stretch {
    uint64_t first_seq;
    uint32_t segment;
    uint32_t offset; /* Of the first entry. */
    uint32_t count;
    const uint8_t *distances; /* Borrowed from the value. */
};

/* Reads a value. False when it makes no sense. */
bool stretch_read(uint64_t first_seq, struct bytes value, struct stretch *ret_stretch);

/* Where an entry begins in the stretch's segment; false when it is not in the stretch. */
bool stretch_find(const struct stretch *stretch, uint64_t seq, uint32_t *ret_offset);

/* A value as it is made. */
struct stretch_draft {
    uint32_t offset; /* Of the first entry. */
    uint32_t count;
    uint8_t value[STRETCH_SIZE_MAX];
};

/* Begins with an entry at this place. */
void stretch_begin(struct stretch_draft *draft, uint32_t segment, uint32_t offset);

/* Adds the next entry of the same block; false when it must begin the next stretch. */
bool stretch_add(struct stretch_draft *draft, uint32_t offset);

/* The value so far, borrowed from the draft. */
struct bytes stretch_value(const struct stretch_draft *draft);

#endif
