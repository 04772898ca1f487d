/* radix -- one pass of a sort by digits: linear, stable, and ten times as fast as comparing. */
#ifndef LEDGER_RADIX_H
#define LEDGER_RADIX_H

#include "ledger/chunk.h"

#define RADIX_BITS 11

/* Sorts by the RADIX_BITS bits of `hash` from `shift` on, from one list into the other. False, with
 * nothing copied, when these bits are the same in all. */
bool radix_pass(const struct id *from, struct id *to, uint32_t count, unsigned shift);

#endif
