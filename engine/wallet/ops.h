/* ops -- a decision of the wallet as bytes in an entry: which rows are put and dropped, what was
 * said, who is told. Replay applies them and asks no rule.
 *
 * BODY OF ENTRY_WALLET  little-endian
 *           OFFSET  SIZE  FIELD
 *                0     2  type          enum message_type; REQUEST_MAIL, REQUEST_SWEEP
 *                2     1  fact_size     0 or sizeof(struct wallet_fact)
 *                3     1  form          BODY_TERSE and, of a batch of mail, where its items begin
 *                4     2  message_size
 *                6     2  words         of 4 bytes behind the head: message, fact and ops, each
 *                                       with zeros behind it up to a multiple of 4
 *                8     …  the words, field by field (wallet/terse.h); or with form 0 as they are,
 *                         when they would not be fewer bytes. With form 0 and fewer bytes they are
 *                         squeezed (util/squeeze.h): so they were written before there was a form
 * OP        op (1), kind (1), size (2), `size` bytes, zeros up to a multiple of 4
 *   OP_PERSON       psn_key (16), seq of the person's entry before this one (8): the following rows
 *                   are this person's; a mail can be for several
 *   OP_PUT          kind: row; the row, a transfer only with the lots it carries
 *   OP_DROP         kind: row; the row's key, row_key()
 *   OP_SAID         struct wallet_said
 *   OP_USED         struct lot: what a payment took from a lot, or gave back to it, in that order
 *   OP_EFFECT       struct effect with the lots it carries: mail to a person's shard
 *   OP_OUT          struct outgoing, position 0: mail to the home of that outbox
 *   OP_QUEUE        struct outgoing with its position: the home's own
 *   OP_ACK          dest (4), 0 (4), upto (8): a destination has all positions up to there
 *   OP_INSTITUTION  struct institution
 *   OP_RULE         struct rule_row (wallet/params.h)
 *   OP_ID           kind: domain letter; scope (4), then the text: an id this entry is found by */
#ifndef WALLET_OPS_H
#define WALLET_OPS_H

#include "util/le.h"
#include "wallet/op.h"
#include "wallet/person.h"
#include "wallet/terse.h"

#define WALLET_BODY_HEAD 8    /* Bytes before the message. */
#define WALLET_BODY_MAX  4096 /* Bytes of a body, terse or not. */

#define BODY_TERSE    0x80 /* Bit of form, … */
#define BODY_ITEMS_AT 0x7f /* … and the others. */

/* What stands in an entry. Views into the entry or into `room`: it cannot be copied or moved. */
struct wallet_entry {
    uint16_t type;
    struct bytes message;
    struct bytes fact; /* Size 0 or of struct wallet_fact. */
    struct bytes ops;
    _Alignas(8) uint8_t room[WALLET_BODY_MAX]; /* What does not stand in the entry as it is. */
};

/* False when the body is no such thing; then nothing may be taken from it. */
bool wallet_entry_decode(struct bytes body, struct wallet_entry *ret_entry);

/* Takes the next op off the front of `ops`. False at the end, or with *ret_bad set at bytes that
 * are no op of a known form. */
bool ops_next(struct bytes *ops, struct op *ret_op, bool *ret_bad);

/* The same for ops that were written a moment ago and are sound; there must be one. */
static inline struct op ops_next_own(struct bytes *ops)
{
    const size_t size = le_load16(ops->data + 2);
    const size_t whole = 4 + (size + 3) / 4 * 4;
    const struct op op = {ops->data[0], ops->data[1], {ops->data + 4, size}};
    ops->data += whole;
    ops->size -= whole;
    return op;
}

/* A body as it grows; `full` once something did not fit, and then nothing of it counts. */
struct ops_writer {
    uint8_t *out;
    size_t size;
    size_t room;
    bool full;
    bool has_head; /* It is a whole body, not ops alone. */
};

/* What stands in `out` is a body at any time, though not a short one. `room`: at most
 * WALLET_BODY_MAX.
 */
void ops_begin(struct ops_writer *writer, uint8_t *out, size_t room, uint16_t type,
               struct bytes message, struct bytes fact);
void ops_put(struct ops_writer *writer, enum op_kind op, uint8_t kind, const void *data,
             size_t size);
void ops_put_effect(struct ops_writer *writer, const struct effect *effect);

/* Ops that were written before, by a writer without a body. */
void ops_put_all(struct ops_writer *writer, struct bytes ops);
void ops_put_id(struct ops_writer *writer, char domain, uint32_t scope, struct bytes text);

/* The body as it stands in an entry, terse where that makes it shorter; gives its size. `out` has
 * room for TERSE_ROOM(WALLET_BODY_MAX) bytes. `items_at`: where the items begin in a message that
 * is a batch of mail; 0: it is none. */
size_t ops_shorten(const struct ops_writer *writer, size_t items_at, uint8_t *out);

/* The rows in which `after` differs from `before`, as OP_PERSON, OP_PUT and OP_DROP; nothing when
 * they are alike, unless `always`. */
void ops_put_person(struct ops_writer *writer, const struct person *before,
                    const struct person *after, bool always);

/* Applies an OP_PUT or OP_DROP. False when it does not fit the person: damage. */
bool op_apply(const struct op *op, struct person *person);

/* The key that an OP_DROP carries for a row, at most ROW_KEY_MAX bytes; gives its size. */
#define ROW_KEY_MAX 32
size_t row_key(enum person_row kind, const void *row, uint8_t *out);

/* Bytes of an effect with the lots it carries. */
size_t effect_size(const struct effect *effect);

/* True when size and lot_count agree. */
bool effect_sound(struct bytes data);

/* Whom a sound effect is for. */
struct psn_key effect_to(struct bytes data);

/* Reads an effect; false when it is not sound. */
bool effect_decode(struct bytes data, struct effect *ret_effect);

#endif
