/* psn -- whether two persons are the same: asked for every message about wallets. */
#ifndef UTIL_PSN_H
#define UTIL_PSN_H

#include "types/wallet.h"
#include "util/le.h"

static inline bool psn_same(const struct psn_key *a, const struct psn_key *b)
{
    return ((le_load64(a->bytes) ^ le_load64(b->bytes)) |
            (le_load64(a->bytes + 8) ^ le_load64(b->bytes + 8))) == 0;
}

#endif
