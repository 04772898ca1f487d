/* codec/wallet_reply -- answers to messages of the wallet, and what waits for provinces, written by
 * hand. Must not know any state. */
#ifndef CODEC_WALLET_REPLY_H
#define CODEC_WALLET_REPLY_H

#include "types/error.h"
#include "types/wallet.h"

/* What a WalletReply says; lists are borrowed. */
struct wallet_reply {
    uint16_t type; /* Of the request. */
    uint16_t code;
    bool dup;
    struct bytes msgid;
    uint64_t seq;
    int64_t stamp_ms;
    uint32_t shard;
    const struct failure *failures;
    uint32_t failure_count;
    const struct wallet_said *said; /* NULL: refused. */
    const struct lot *used;
    uint32_t used_count;
};

/* malloc'ed; NULL without memory. */
uint8_t *wallet_reply_encode(const struct wallet_reply *reply, size_t *ret_size);

/* What waits in an outbox; a refusal is person_refusal_encode()'s. malloc'ed, or NULL. */
uint8_t *outbox_reply_encode(uint64_t acked, uint64_t last, const struct outgoing *list,
                             uint32_t count, size_t *ret_size);

#endif
