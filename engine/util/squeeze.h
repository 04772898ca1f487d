/* squeeze -- words that were written as runs. So stood the entries of wallets in the journal before
 * wallet/terse.h; nothing is written in this form any more, and what was stays readable.
 *
 * FORMAT  Words of 4 bytes, little-endian, in runs. A run begins with a byte: what it is in the
 *         upper 3 bits, in the lower 5 how many words less 1.
 *           0     zeros
 *           1     the words that stood `distance` words before
 *           2, 3  the same with another distance, from now on; it follows in 1 or 2 bytes
 *           4..7  other words; each follows in 1..4 bytes
 *         A copy may reach into itself: it goes word by word. How many words there are in all, the
 *         reader knows.
 */
#ifndef UTIL_SQUEEZE_H
#define UTIL_SQUEEZE_H

#include "types/bytes.h"

#define SQUEEZE_WORD 4

/* Reads `size` bytes, a multiple of 4. False when the source is not exactly that. */
bool unsqueeze(struct bytes source, uint8_t *out, size_t size);

#endif
