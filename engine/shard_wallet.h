/* shard_wallet -- what the homes and the shard's other files need to know of wallets in a shard.
 *
 * Shard-level rows of the shelf (ledger/shelf.h) beside persons are kept here: mail, outboxes. */
#ifndef SHARD_WALLET_H
#define SHARD_WALLET_H

#include "dispatch/route.h"
#include "types/wallet.h"
#include "types/wire.h"

struct shard;

/* True of messages whose fact is a look at the other person and nothing more; a premium's is a
 * claim, too, with an entry of its own. */
static inline bool fact_is_look(uint16_t type)
{
    return type == MESSAGE_TRSF_SUBMIT || type == MESSAGE_TRSF_ACCEPT || type == MESSAGE_RLTS_BIND;
}

/* Row 'C': positions that must agree with everything else in the store. */
struct shelf_counters {
    uint64_t mail_next[SHARDS_MAX]; /* By shard: number of the next mail to it. */
    uint64_t
        mail_acked[SHARDS_MAX]; /* It has said, in a batch that stands in the journal here, … */
    uint64_t mail_has[SHARDS_MAX];   /* Last number taken from it. */
    uint64_t out_next[OUTBOX_COUNT]; /* Of the destinations at home here: next position, from 1. */
    uint64_t out_acked[OUTBOX_COUNT];
};

/* Row 'O': where messages of an outbox stand. Its key has the position of its first message, which
 * is one more than a multiple of their number. So a row fills a page of the store, less its head,
 * and many messages cost one. */
#define OUTBOX_ROW_MESSAGES 510

struct outbox_row {
    uint64_t seqs[OUTBOX_ROW_MESSAGES]; /* Of the entry that has the message; 0: none yet. */
};

/* Of the row with that position: the position of its first message. */
static inline uint64_t outbox_row_first(uint64_t position)
{
    return position - (position - 1) % OUTBOX_ROW_MESSAGES;
}

/* The home of a destination's outbox. */
static inline uint32_t outbox_shard(uint32_t dest, uint32_t shards)
{
    return dest % shards;
}

/* The next batch of mail for a shard that may leave and has not left in this run: writes at most
 * MAIL_BATCH_MAX bytes, gives their number, 0 when there is none. The home sends it as REQUEST_MAIL
 * and in the order given. A batch without items, only to say what this shard has, is given when the
 * other would run out of room otherwise. */
size_t shard_mail_take(struct shard *shard, uint32_t to, uint8_t *out);

/* True when mail for any shard waits to be taken. */
bool shard_mail_waits(const struct shard *shard);

/* When something becomes due next (a transfer's end); INT64_MAX: nothing. The driver sees to it
 * that a step happens then. */
int64_t shard_next_due(const struct shard *shard);

#endif
