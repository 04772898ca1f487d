/* numbers -- a row of 64-bit numbers in few bytes: most of them are zero, or small.
 *
 * FORMAT  The numbers two by two. A pair begins with a byte that says how many bytes each of them
 *         takes, 0 to 8: the first in its lower 4 bits, the second in the upper ones. Both follow,
 *         little-endian, each as its double, or for n < 0 as -2n - 1; beside an odd last one
 *         stands a zero. Pairs of zeros at the end of a row are left out.
 *         A row has one form: no number ends in a byte of zeros, no row in a pair of zeros. */
#ifndef UTIL_NUMBERS_H
#define UTIL_NUMBERS_H

#include <stdbool.h>

#include "types/bytes.h"

#define NUMBERS_SIZE_MAX(count) (((count) + 1) / 2 * 17) /* Bytes of a row. */

/* Writes the `count` numbers that lie at `row`, 8 bytes each; `out` has room for
 * NUMBERS_SIZE_MAX(count). Gives the size. */
size_t numbers_pack(const void *row, uint32_t count, uint8_t *out);

/* Reads `count` numbers to `ret_row`. False, and what is there means nothing, when the bytes are
 * not just such a row. */
bool numbers_read(struct bytes packed, uint32_t count, void *ret_row);

#endif
