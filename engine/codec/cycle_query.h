/* cycle_query -- questions about the clearing cycle from protobuf bytes to one noun.
 *
 * Must not know any state, nor what an answer says (codec/cycle_reply.h). */
#ifndef CODEC_CYCLE_QUERY_H
#define CODEC_CYCLE_QUERY_H

#include "types/order.h"

/* True for message types that are such questions: query_decode() takes them. */
bool query_type(uint16_t type);

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

/* False when the bytes are no such message, or a text is longer than its room. */
bool query_decode(uint16_t type, struct bytes body, struct query *ret_query);

#endif
