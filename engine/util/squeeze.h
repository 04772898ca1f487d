/* squeeze -- structures as fewer bytes. What fills an entry of wallets is zeros, small numbers and
 * the same persons and ids over and over; journal and store need each of them once.
 *
 * FORMAT  Words of 4 bytes, little-endian, in runs. A run begins with a byte: what it is in the
 *         upper 3 bits, in the lower 5 how many words less 1.
 *           0     zeros
 *           1     the words that stood `distance` words before
 *           2, 3  the same with another distance, from now on; it follows in 1 or 2 bytes
 *           4..7  other words; each follows in 1..4 bytes
 *         A copy may reach into itself: it goes word by word. How many words there are in all, the
 *         reader knows.
 *
 * unsqueeze(squeeze(words)) gives the words; the same words always make the same bytes. */
#ifndef UTIL_SQUEEZE_H
#define UTIL_SQUEEZE_H

#include "types/bytes.h"

#define SQUEEZE_WORD 4

/* Bytes that `size` bytes may become, and some that are written to besides. */
#define SQUEEZE_ROOM(size) ((size) / 4 * 5 + 8)

/* Writes the words of `source`, whose size is a multiple of 4 below 64 KiB, to `out`, which has
 * SQUEEZE_ROOM of it; gives the number of bytes. */
size_t squeeze(struct bytes source, uint8_t *out);

/* Reads `size` bytes, a multiple of 4. False when the source is not exactly that. */
bool unsqueeze(struct bytes source, uint8_t *out, size_t size);

#endif
