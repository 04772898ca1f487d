/* radix -- ids and numbers sorted by digits: linear, stable, and ten times as fast as comparing. */
#ifndef LEDGER_RADIX_H
#define LEDGER_RADIX_H

#include "ledger/chunk.h"

/* Sorts `count` ids by bits `low` to 63 of their hash; equal ones keep their order. `scratch` has
 * room for as many; gives back which of the two lists holds them, the other is left as rubbish. */
struct id *radix_sort(struct id *ids, struct id *scratch, uint32_t count, unsigned low);

/* The same with numbers, by their bits `low` to 63. */
uint64_t *radix_sort_numbers(uint64_t *numbers, uint64_t *scratch, uint32_t count, unsigned low);

#endif
