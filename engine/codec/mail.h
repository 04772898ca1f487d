/* mail -- effects on their way from one shard to another, as bytes.
 *
 * BATCH   body of REQUEST_MAIL, little-endian
 *           OFFSET  SIZE  FIELD
 *                0     4  from          the shard that sends
 *                4     4  count         of items; 0: only says what it has
 *                8     8  first         number of the first item, dense from 1 for each pair
 *               16     8  has           last number the sender has from the one it sends to; on
 *                                       stable storage: the other forgets up to it
 *               24     …  items         size (2), op (2): OP_EFFECT or OP_OUT; then that op's bytes
 *
 * (M1) A shard takes items in order: number n only after n - 1, and each once; the number it has
 *      stands in its state, and the entry that holds a batch holds its effect as well.
 * (M2) An item leaves only when the entry that made it is durable, and is kept until the other
 *      shard's own batches, in the journal here, say that it has it. So at any moment an amount is
 *      in the sender's state or in the receiver's: what is on the way counts exactly when its
 * number is above what the receiver has. */
#ifndef CODEC_MAIL_H
#define CODEC_MAIL_H

#include "types/bytes.h"

#define MAIL_HEAD_SIZE 24
#define MAIL_BATCH_MAX 1400 /* Bytes of a batch: its entry must hold what it does as well. */

struct mail_batch {
    uint32_t from;
    uint32_t count;
    uint64_t first;
    uint64_t has;
    struct bytes items;
};

/* The head of a batch, and its items as they may be. False when there is none. */
bool mail_read_head(struct bytes body, struct mail_batch *ret_batch);

/* False when the bytes are no batch, down to the sizes of its items. */
bool mail_decode(struct bytes body, struct mail_batch *ret_batch);

/* Takes the next item off the front; false at the end. */
bool mail_next(struct bytes *items, uint16_t *ret_op, struct bytes *ret_data);

void mail_write_head(const struct mail_batch *batch, uint8_t out[MAIL_HEAD_SIZE]);

/* Writes an item; gives its size, or 0 when there is no room for it. */
size_t mail_write_item(uint16_t op, struct bytes data, uint8_t *out, size_t room);

#endif
