/* plain_laws -- what is written at once (wallet/plain.h) is what ops make of the same decision,
 * byte for byte: it changed no more rows, and told nobody else, than its kind says. */
#ifndef TESTS_LIB_PLAIN_LAWS_H
#define TESTS_LIB_PLAIN_LAWS_H

#include "wallet/plain.h"

/* A decision in words, all but its ids: how it changed the person, what it says, uses and tells. */
void put_decision(struct ops_writer *writer, const struct wallet_decision *decision,
                  const struct person *before, const struct person *after);

/* Of an order, by which `before` became `after`; nothing where the decision is not plain. */
void plain_order_law(const struct wallet_decision *decision, const struct person *before,
                     const struct person *after);

/* Of an effect, taken out of a batch with a message for an outbox in front of it. */
void plain_mail_law(const struct wallet_decision *decision, const struct effect *effect,
                    const struct person *before, const struct person *after);

/* How many of a kind were compared. */
uint64_t plain_law_seen(enum plain_kind kind);

#endif
