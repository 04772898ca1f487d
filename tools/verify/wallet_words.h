/* wallet_words -- the body of an ENTRY_WALLET back into its words, by docs/formats.md and by no
 * code of the engine's. */
#ifndef VERIFY_WALLET_WORDS_H
#define VERIFY_WALLET_WORDS_H

#include "types/bytes.h"

/* What the head of a body says of its words, sizes in bytes. */
struct words_form {
    size_t message;
    size_t items_at; /* 0: the message is no batch of mail. */
    size_t fact;
};

/* Runs of words, as they were written before bodies had a form. False when they are not `size`
 * bytes. */
bool words_squeezed(struct bytes in, uint8_t *out, size_t size);

/* Field by field. False when they are not `size` bytes. */
bool words_terse(struct bytes in, const struct words_form *form, uint8_t *out, size_t size);

#endif
