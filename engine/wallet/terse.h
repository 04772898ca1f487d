/* terse -- message, fact and ops of a wallet entry in few bytes: field by field, by what is known
 * of each row. Zeros, small numbers, and the persons, ids and times that stood there before take
 * next to nothing; journal and store need each of them once.
 *
 * FORMAT  Records, one after the other: of a batch of mail its items, then the fact, then the ops.
 *         Of other messages, and of a batch its head, the bytes stand as they are, before all.
 *         A record begins with a byte, but for the fact, which has none: op in the lower 4 bits,
 *         its sub-kind in the upper ones (of an item 0).
 *           1..11  the op's row, by its fields (docs/formats.md says which they are)
 *           12     an id: its letter (1), codes of scope and text (1), their bytes
 *           13     OP_QUEUE of the next OP_OUT among the items: code of its position (1), its bytes
 *           15     any op as it is: op (1), sub-kind (1), size (2), its bytes; any item: size (2),
 *                  op (2), its bytes
 *         A row is a code of 4 bits for each field, the first in the lower half of the first byte,
 *         then the bytes that those ask for. Lots that an effect or a transfer carries follow as
 *         rows of their own.
 *           number  0..4 or 0..8: so many bytes of it follow. 9..12: the large number (of more
 *                   than 32 bits) that was last written with that place; its place is the upper 2
 *                   bits of NUMBER_MIX times it
 *           key     0: zeros. 1..13: the first, second, ... key that was written. 14: its number
 *                   follows (1). 15: it follows (16), and is counted while there are not SEEN_MAX
 *           id      0: none. 1..12, 13: as for keys, among ids. 14: one of ours follows: its letter
 *                   (1), its 24 digits as bytes (12). 15: its length (1) and its text; both are
 *                   counted as keys are
 *           text    0: none. 15: its length (1) and its bytes, without the zeros at its end
 *
 * terse_read(terse_write(words)) gives the words; the same words always make the same bytes. */
#ifndef WALLET_TERSE_H
#define WALLET_TERSE_H

#include "types/bytes.h"

/* Bytes that words of `size` bytes may become, and some that are written to besides. */
#define TERSE_ROOM(size) ((size) / 4 * 5 + 64)

/* What is known of the words from the head of the body (wallet/ops.h). */
struct terse_form {
    size_t message_size;
    size_t items_at; /* Of a batch of mail: where its items begin, a multiple of 4; else 0. */
    size_t fact_size;
};

/* True when what stands behind `items_at` of the message is items to its very end. */
bool terse_items(struct bytes message, size_t items_at);

/* Writes the words to `out`, which has TERSE_ROOM of their size; gives the number of bytes. They
 * are message, fact and sound ops (wallet/ops.h), each with zeros behind it up to a whole word. */
size_t terse_write(struct bytes words, const struct terse_form *form, uint8_t *out);

/* Reads words of `size` bytes, a multiple of 4. False when the source is not exactly that. */
bool terse_read(struct bytes source, const struct terse_form *form, uint8_t *out, size_t size);

#endif
