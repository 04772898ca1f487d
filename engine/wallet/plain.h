/* plain -- the entries of a transfer that goes the common way: begun out of an account, taken, and
 * the mail of both. Nearly every entry about wallets is one of these.
 *
 * The bytes are those that ops.h and terse.h make of the same decision, byte for byte, so readers
 * know of no third form: but the difference of two persons is not looked for, as the judge says
 * what it changed, and no words stand between. Whatever goes another way is written by way of ops.
 */
#ifndef WALLET_PLAIN_H
#define WALLET_PLAIN_H

#include "wallet/wallet.h"

/* An order's entry. */
struct plain_order {
    uint16_t type;
    struct bytes message;
    const struct wallet_fact *fact;
    const struct person *person; /* As the judge left it; its head as it was. */
    const struct wallet_decision *decision;
    const struct wallet_id *ids; /* Of the entry. */
    uint32_t id_count;
};

/* What became of an item of mail. */
struct plain_item {
    enum plain_kind kind;     /* OFFERED, CREDITED; NONE: it is for an outbox. */
    const uint8_t *data;      /* The item itself, in the batch; borrowed. */
    uint32_t dest;            /* Whose outbox, … */
    uint64_t position;        /* … and where in it. */
    uint64_t last_seq;        /* The person's entry before this one. */
    struct offer_row offer;   /* OFFERED: put. */
    struct wallet_row wallet; /* CREDITED: put, … */
    struct lot lot;           /* … and so is this, and the offer is dropped. */
};

/* Most items that a batch may have. */
#define PLAIN_ITEMS_MAX 16

/* What an item takes, in words, beside itself: the ops that say what became of it. */
size_t plain_item_size(enum plain_kind kind);

/* Writes the body to `out`, which has TERSE_ROOM(WALLET_BODY_MAX), as ops_shorten() does; gives its
 * size. 0: it is none of these, and nothing counts that was written. */
size_t plain_write_order(const struct plain_order *order, uint8_t *out);

/* The same of a batch of mail: its head, `head_size` bytes, and what became of each item. */
size_t plain_write_mail(uint16_t type, struct bytes head, const struct plain_item *items,
                        uint32_t count, uint8_t *out);

#endif
