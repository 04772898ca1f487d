/* dues -- who is to be looked at when: the earliest is always at hand.
 *
 * A heap, and for each in it its place: who is not due any more is taken out where that is. So
 * there are no more of them than persons who wait, however many came and went, and nothing ever has
 * to be looked through. In memory alone; each stands in the store as a row of the shelf. Knows no
 * rule. */
#ifndef LEDGER_DUES_H
#define LEDGER_DUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types/wallet.h"

struct due {
    int64_t due_ms;
    struct psn_key person;
};

struct dues;

#define DUES_LEAST 16u

/* Room for `most`, a power of two and no less than DUES_LEAST; its memory is touched as it is used.
 * NULL without memory. */
struct dues *dues_new(uint32_t most);
void dues_free(struct dues *dues); /* NULL is fine. */

/* There must be room, and the same person not be due at the same time already. */
void dues_put(struct dues *dues, const struct due *due);

/* Takes out one that is there. */
void dues_drop(struct dues *dues, const struct due *due);

/* The earliest, of the same time the one with the least key; NULL: nobody is due. Borrowed until
 * the next put or drop. */
const struct due *dues_first(const struct dues *dues);

bool dues_full(const struct dues *dues);
uint32_t dues_count(const struct dues *dues);
size_t dues_bytes(const struct dues *dues); /* Of memory reserved. */

#endif
