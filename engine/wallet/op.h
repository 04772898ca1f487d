/* op -- what an entry of the wallet consists of behind its message: the kinds of ops, and one of
 * them as a view. Their bytes: wallet/ops.h. */
#ifndef WALLET_OP_H
#define WALLET_OP_H

#include "types/bytes.h"

#define OP_WORD 4 /* Bytes: everything stands at a multiple of it. */

/* A size with the zeros behind it. */
static inline size_t op_padded(size_t size)
{
    return (size + OP_WORD - 1) / OP_WORD * OP_WORD;
}

enum op_kind {
    OP_PERSON = 1,
    OP_PUT,
    OP_DROP,
    OP_SAID,
    OP_USED,
    OP_EFFECT,
    OP_OUT,
    OP_QUEUE,
    OP_ACK,
    OP_INSTITUTION,
    OP_RULE,
    OP_ID,
    OP_KIND_END,
};

struct op {
    uint8_t op;        /* enum op_kind */
    uint8_t kind;      /* enum person_row, or a letter */
    struct bytes data; /* Borrowed. */
};

#endif
