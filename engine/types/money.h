/* money -- amounts in fen (分), and sums that say when they do not fit.
 *
 * No floating point touches money anywhere. 1 yuan = 100 fen. The national interface's N(16,2)
 * bounds one amount: less than 10^16 fen either way (docs/rules.md, Money). */
#ifndef TYPES_MONEY_H
#define TYPES_MONEY_H

#include <stdbool.h>
#include <stdint.h>

struct fen {
    int64_t v;
};

#define FEN_PER_YUAN   100
#define FEN_AMOUNT_MAX INT64_C(9999999999999999) /* N(16,2): 16 digits, two of them fen. */

/* True and *ret_sum = a + b, or false and *ret_sum untouched when the sum does not fit. */
static inline bool fen_add(struct fen a, struct fen b, struct fen *ret_sum)
{
    int64_t sum;
    if (__builtin_add_overflow(a.v, b.v, &sum)) return false;
    ret_sum->v = sum;
    return true;
}

/* True and *ret_difference = a - b, or false and *ret_difference untouched. */
static inline bool fen_sub(struct fen a, struct fen b, struct fen *ret_difference)
{
    int64_t difference;
    if (__builtin_sub_overflow(a.v, b.v, &difference)) return false;
    ret_difference->v = difference;
    return true;
}

#endif
