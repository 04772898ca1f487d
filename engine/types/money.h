/* money -- the bounds of an amount in fen (分), as int64_t everywhere.
 *
 * No floating point touches money anywhere; sums are checked with __builtin_add_overflow where they
 * could leave 64 bits (ledger/book, netting, statement). 1 yuan = 100 fen. The national interface's
 * N(16,2) bounds one amount: less than 10^16 fen either way (docs/rules.md, Money). */
#ifndef TYPES_MONEY_H
#define TYPES_MONEY_H

#include <stdint.h>

#define FEN_PER_YUAN   100
#define FEN_AMOUNT_MAX INT64_C(9999999999999999) /* N(16,2): 16 digits, two of them fen. */

#endif
