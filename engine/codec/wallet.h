/* codec/wallet -- messages of wallet, premium and pushes between protobuf bytes and nouns, by
 * table. Their answers are codec/wallet_reply.h's. Must not know any state. */
#ifndef CODEC_WALLET_H
#define CODEC_WALLET_H

#include "types/error.h"
#include "types/wallet_fields.h"

#define WALLET_MESSAGE_MAX 1024 /* Bytes; any message within its field limits fits. */

/* True for what wallet_order_decode() takes: 0x02xx, 0x03xx and the pushes, OUTBOX_GET too. */
bool wallet_type(uint16_t type);

/* True for the questions of proto/person.proto, and OUTBOX_GET: answered by shards through
 * REQUEST_PERSON. */
bool person_type(uint16_t type);

/* True for messages whose judge must know something of another person first. */
bool wallet_asks_other(uint16_t type);

/* Form only, as in codec/messages.h: lengths and UTF-8 are the rules'. Views into `body`. */
bool wallet_order_decode(uint16_t type, struct bytes body, struct wallet_order *ret_order,
                         uint32_t *ret_field);

/* True when two messages of one type say the same, transport fields apart. */
bool wallet_order_same(uint16_t type, struct bytes a, struct bytes b);

/* Where a message goes. */
enum wallet_way {
    WAY_ONE,        /* To the shard of `first`. */
    WAY_TWO,        /* To `other` for its fact, then to `first`. */
    WAY_EVERYWHERE, /* To every shard: institutions, provincial rules. */
    WAY_OUTBOX,     /* To the home of a destination's outbox: `dest`. */
    WAY_NOWHERE,    /* Names nobody: the own shard will say what is missing. */
};

struct wallet_route {
    enum wallet_way way;
    uint8_t first[4];            /* Bytes that lead to the shard (dispatch/route.h). */
    uint8_t other[PSN_KEY_SIZE]; /* Of two stops: the other person. */
    uint32_t dest;               /* Outbox destination, 0..OUTBOX_COUNT-1 */
    struct bytes msgid;
};

/* Looks at the message only as far as it must; types of wallet_type() and person_type(). */
void wallet_route(uint16_t type, struct bytes body, struct wallet_route *ret_route);

/* The four bytes that lead to the shard of whoever an id of ours was made for (wallet_id_make());
 * false when the text is no id of that form. */
bool wallet_id_route(struct bytes id, uint8_t ret_bytes[4]);

/* Destination of an outbox: 0 the platform, else a two-digit code; OUTBOX_COUNT when unknown. */
uint32_t outbox_dest(uint32_t code);
uint32_t outbox_code(uint32_t dest);

/* "PENDING"; "" for a state that is none. */
const char *wallet_stas_text(uint32_t stas);

#endif
