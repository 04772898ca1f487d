/* messages -- the hot messages between protobuf bytes and nouns, by table.
 *
 * protobuf-c decodes a settlement in 350-450 ns and allocates; these functions need about a quarter
 * and allocate nothing. They read and write the same bytes: a test compares the two on random and
 * damaged input. The colder messages go through protobuf-c (codec/centre.h).
 *
 * Decoding checks form only: wire types, lengths, that numbers fit. Unknown fields are passed over.
 * Strings and bytes are views into `body`. Must not know any state, session or time. */
#ifndef CODEC_MESSAGES_H
#define CODEC_MESSAGES_H

#include "types/error.h"
#include "types/settlement.h"

/* Each returns false when `body` is not a protobuf message of that kind; then *ret_field is the
 * field number it failed at (0: not even a tag). */
bool settlement_decode(struct bytes body, struct settlement *ret_settlement, uint32_t *ret_field);
bool reversal_decode(struct bytes body, struct reversal *ret_reversal, uint32_t *ret_field);
bool adjustment_decode(struct bytes body, struct adjustment *ret_adjustment, uint32_t *ret_field);
bool correction_decode(struct bytes body, struct correction *ret_correction, uint32_t *ret_field);

#define SETTLEMENT_ENCODED_MAX                                         \
    1024 /* Bytes; any struct settlement within its field limits fits. \
          */

/* Writes the message in field order, zero fields left out: the canonical form. `out` has room for
 * SETTLEMENT_ENCODED_MAX bytes. Gives the size. */
size_t settlement_encode(const struct settlement *settlement, uint8_t *out);
size_t correction_encode(const struct correction *correction, uint8_t *out);

/* True when two messages say the same, transport fields (msgid, sender, inf_time) apart. */
bool settlement_same(const struct settlement *a, const struct settlement *b);
bool adjustment_same(const struct adjustment *a, const struct adjustment *b);

/* Hash of a settlement's content without transport fields, for the order-independent sums of
 * cells: equal for settlement_same() messages, the same on every machine and for any sharding. */
uint64_t settlement_content_hash(const struct settlement *settlement);
uint64_t adjustment_content_hash(const struct adjustment *adjustment);

/* psn_key and msgid alone, for routing and echo; what stands behind both is not looked at. The same
 * in all four messages, where neither may stand twice. False when there is no psn_key of
 * PSN_KEY_SIZE bytes, or the bytes before it are no protobuf; *ret_msgid is then whatever was seen.
 * Views into `body`. */
bool message_peek(struct bytes body, struct bytes *ret_psn_key, struct bytes *ret_msgid);

/* Name of a field in a message of that type, "fund_pay_sumamt"; "" when unknown. Static memory. */
const char *message_field_name(uint16_t type, uint32_t field);

struct wire_table;

/* The fields of a message of that type that is read by table; NULL: it is not. */
const struct wire_table *message_table(uint16_t type);

#endif
