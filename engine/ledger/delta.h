/* delta -- what changed since the last checkpoint, in bounded memory.
 *
 * Two exist: one takes changes, the other is frozen while it is merged into the store. Entries are
 * kept as bytes in the order of their numbers, with a note of each record, until the state says
 * where in the journal they stand; ids so, too, with chains by hash; marks in a table. Knows no
 * rule. */
#ifndef LEDGER_DELTA_H
#define LEDGER_DELTA_H

#include "ledger/chunk.h"
#include "ledger/note.h"

struct delta;

/* Room for `entries_max` entries, at least 1, with `bytes_max` bytes in all, three ids an entry.
 * NULL without memory. Pages are touched only as they are filled. */
struct delta *delta_new(uint32_t entries_max, size_t bytes_max);
void delta_free(struct delta *delta); /* NULL is fine. */

/* Forgets everything; the next entry will be `first_seq`, not 0, its ids belong to `run`. Clears
 * four bytes an entry there is room for, when there were ids. */
void delta_reset(struct delta *delta, uint64_t first_seq, uint32_t run);

/* True when an entry of that size, with its ids and a mark, still fits. */
bool delta_has_room(const struct delta *delta, size_t entry_size);

/* Takes the next entry. Its bytes stay where they are until they are kept, and what comes before
 * that stands right behind them: they are of one block. */
void delta_append(struct delta *delta, struct bytes entry);

/* Copies what was taken since the last time, all in one piece: a block at once costs a fraction of
 * its entries one by one. */
void delta_keep(struct delta *delta);
bool delta_is_kept(const struct delta *delta); /* True when there is nothing to copy. */

/* Says where a durable block stands: its first entry, which is here, in the journal. One block
 * after the other; all of its entries are here. */
void delta_add_block(struct delta *delta, uint64_t first_seq, uint32_t segment, uint32_t offset);

/* Adds the note of the newest entry, which has at most one; the caller writes all of it. */
struct record_note *delta_new_note(struct delta *delta);

/* The same for a note that is made already. */
static inline void delta_add_note(struct delta *delta, const struct record_note *note)
{
    *delta_new_note(delta) = *note;
}

/* Adds an id of an entry, which is here. */
void delta_add_id(struct delta *delta, uint64_t hash, uint64_t seq);

/* Asks the processor for the place of an id. */
void delta_prefetch(const struct delta *delta, uint64_t hash);

/* Asks for an entry that has an id, if one has. */
void delta_prefetch_entry(const struct delta *delta, uint64_t hash);

/* The next entry with that id after *cursor (0 to begin), the newest first; 0 when there is none.
 */
uint64_t delta_find_id(const struct delta *delta, uint64_t hash, uint64_t *cursor);

/* The bytes of an entry, or size 0 when it is not here. */
struct bytes delta_entry(const struct delta *delta, uint64_t seq);

/* The mark of a record, or NULL. delta_put_mark() adds it or takes the old one's place. */
const struct mark *delta_mark(const struct delta *delta, uint64_t seq);
void delta_put_mark(struct delta *delta, const struct mark *mark);

uint64_t delta_first_seq(const struct delta *delta);
uint32_t delta_count(const struct delta *delta); /* Entries. */
uint32_t delta_run(const struct delta *delta);   /* Run of its ids. */
uint32_t delta_ids(const struct delta *delta);   /* Ids. */
size_t delta_used(const struct delta *delta);    /* Bytes of entries. */
size_t delta_bytes(const struct delta *delta);   /* Bytes of memory reserved. */

/* Its ids and notes, and where ids are looked up: any look-up and any new id goes anywhere in that,
 * and the merge goes through the others again and again. */
struct bytes delta_tables(const struct delta *delta);

/* Where the bytes of its entries go, one after the other. */
struct bytes delta_room(const struct delta *delta);

/* The same as of its tables for its marks: where they are looked up. */
struct bytes delta_mark_table(const struct delta *delta);

/* Where a block's entries stand. */
struct delta_block {
    uint64_t first_seq;
    uint32_t segment;
    uint32_t offset; /* Of the first entry; the others follow, as they do here. */
};

/* For the merge: the blocks in their order; all delta_ids() ids in order of arrival; all marks; all
 * notes, ascending by seq. */
const struct delta_block *delta_blocks(const struct delta *delta, uint32_t *ret_count);
const struct id *delta_id_list(const struct delta *delta);
const struct mark *delta_marks(const struct delta *delta, uint32_t *ret_count);
const struct record_note *delta_notes(const struct delta *delta, uint32_t *ret_count);

#endif
