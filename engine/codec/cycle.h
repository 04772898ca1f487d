/* cycle -- orders and answers of the clearing cycle between protobuf bytes and nouns.
 *
 * With codec/centre.c the only file that knows protobuf-c. Encoders give malloc'ed bytes that the
 * caller frees, or NULL without memory. Must not know any state. */
#ifndef CODEC_CYCLE_H
#define CODEC_CYCLE_H

#include "types/order.h"
#include "types/report.h"

/* True for message types that are orders of the cycle: order_decode() takes them. PERIOD_CUT is
 * one, too. */
bool order_type(uint16_t type);

/* True for types that are the cycle's queries: query_decode() takes them. */
bool query_type(uint16_t type);

/* False when the bytes are no such message or longer than the limits of types/order.h; then nothing
 * is to be freed. `sender` is the session's province code (0: centre). order.acting is the province
 * named in the message, or the sender's when it names none. Texts that are too long or not UTF-8
 * make the message malformed; *ret_field then names the field (static text). */
bool order_decode(uint16_t type, uint16_t sender, struct bytes body, struct order *ret_order,
                  const char **ret_field);
void order_free(struct order *order);

/* What a query asks, in one struct; fields that a message has not are 0. */
struct query {
    uint16_t type;
    uint32_t province; /* Two digits, 0: all. */
    uint32_t period;
    uint32_t day;
    uint32_t counterpart;
    uint32_t payer;
    uint32_t payee;
    uint32_t version;
    uint32_t number_of; /* BatchGet.number */
    uint32_t offset;
    uint32_t limit;
    bool flag; /* closed_too, receivable */
    char state[24];
    char kind[24];
    char number[NUMBER_SIZE];
};

bool query_decode(uint16_t type, struct bytes body, struct query *ret_query);

#endif
