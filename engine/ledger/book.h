/* book -- the cells of one shard in memory, and the only place where money moves.
 *
 * Every change is a balanced pair of entries per fund class (docs/rules.md, Accounts and postings):
 * accepting a record is Dr COST / Cr ACCRUED, a cut is Dr ACCRUED / Cr CLEARING. A record of a
 * negative amount (a refund) posts the same accounts with the negative amount.
 *
 * INVARIANTS
 *   (C1) In every cell and fund class the accounts sum to zero.
 *   (C2) COST is what the cell clears: Dr COST = -(Cr of all others).
 *   (C3) A posting that would overflow changes nothing: book_fits() is asked first. */
#ifndef LEDGER_BOOK_H
#define LEDGER_BOOK_H

#include "ledger/rules.h"
#include "util/numbers.h"

struct book;

/* An empty book with room for `cells_max` cells; NULL without memory. */
struct book *book_new(uint32_t cells_max);
void book_free(struct book *book); /* NULL is fine. */

/* Where its cells will lie, from its beginning on. */
struct bytes book_memory(const struct book *book);

/* The cell of a key, or NULL when nothing was ever posted to it. Borrowed until book_free(). */
const struct cell *book_find(const struct book *book, struct cell_key key);

/* Asks the processor for the cell of a key in the month that was posted to last; the key's own
 * period is not looked at. Where the cell is has to be read first: book_prefetch_place() asks for
 * that, some time before. */
void book_prefetch_place(const struct book *book, struct cell_key key);
void book_prefetch(const struct book *book, struct cell_key key);

/* True when the posting can be made: the cell exists or has room, and no sum overflows. Of a cell
 * that does not exist it is only asked whether it has room. */
bool book_fits(const struct book *book, const struct posting *posting);

/* True when there is room for so many cells more, as far as they are of months that it knows. */
bool book_has_room(const struct book *book, uint32_t cells);

/* What else a posting is, for the cell's counts. */
struct posting_kind {
    bool refund;
    bool late;
    uint64_t content_hash;
};

/* Posts a record: Dr COST, Cr ACCRUED. The posting must fit and its cell must not be cut. */
void book_post(struct book *book, const struct posting *posting, struct posting_kind kind);

/* Takes a posted record back as if it had never been: a corrected message (2601). */
void book_unpost(struct book *book, const struct posting *posting, struct posting_kind kind);

/* Freezes every open cell of `period` and before: Dr ACCRUED, Cr CLEARING; the cell's `cut` gets
 * that number. Gives the number of cells. */
uint32_t book_cut(struct book *book, uint32_t period, uint64_t cut);

/* True when a cell of a month before `period` is open and not empty. */
bool book_open_before(const struct book *book, uint32_t period, uint32_t *ret_period);

/* Puts a cell back as it was stored; only while a shard is opened. False when the book is full or
 * (C1) does not hold. */
bool book_restore(struct book *book, const struct cell *cell);

/* All cells, in no particular order, for reading. */
const struct cell *book_cells(const struct book *book, uint32_t *ret_count);

/* Copies the cells changed since the last call to `out` (room for book_changed() cells), gives
 * their number, and forgets the changes. Checks (C1) on each. */
uint32_t book_changed(const struct book *book);
uint32_t book_take_changed(struct book *book, struct cell *out);

/* True when the accounts of the cell sum to zero in every fund class (C1). */
bool cell_balanced(const struct cell *cell);

/* A cell's key as the store has it: 8 bytes, ascending by period, payer, payee, line, class. */
#define CELL_KEY_SIZE 8
void cell_key_encode(struct cell_key key, uint8_t out[CELL_KEY_SIZE]);

/* What stands under it: the rest of the cell as numbers (util/numbers.h), one third of its bytes.
 */
#define CELL_NUMBERS  ((sizeof(struct cell) - sizeof(struct cell_key)) / sizeof(uint64_t))
#define CELL_SIZE_MAX NUMBERS_SIZE_MAX(CELL_NUMBERS)
size_t cell_pack(const struct cell *cell, uint8_t out[CELL_SIZE_MAX]);

/* Reads one back; false when it is none. */
bool cell_read(struct bytes key, struct bytes value, struct cell *ret_cell);

#endif
