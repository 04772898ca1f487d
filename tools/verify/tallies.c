#include "tools/verify/tallies.h"

#include <stdlib.h>
#include <string.h>

#include "tools/verify/list.h"

static uint64_t hash_of(const struct tally_key *key)
{
    const uint64_t month = (uint64_t)key->kind << 32 | key->period;
    const uint64_t cell = (uint64_t)key->payer << 24 | (uint64_t)key->payee << 16 |
                          (uint64_t)key->line << 8 | key->insurance;
    return idset_mix(idset_mix(month) + ((uint64_t)key->part << 32 | cell));
}

bool tallies_init(struct tallies *tallies)
{
    memset(tallies, 0, sizeof *tallies);
    return idset_init(&tallies->index);
}

void tallies_done(struct tallies *tallies)
{
    free(tallies->list);
    idset_done(&tallies->index);
    memset(tallies, 0, sizeof *tallies);
}

const struct tally *tallies_find(const struct tallies *tallies, const struct tally_key *key)
{
    uint64_t cursor = 0;
    uint64_t found;
    while ((found = idset_find(&tallies->index, hash_of(key), &cursor)) != 0) {
        const struct tally *tally = &tallies->list[found - 1];
        if (memcmp(&tally->key, key, sizeof *key) == 0) return tally;
    }
    return NULL;
}

struct tally *tallies_for(struct tallies *tallies, const struct tally_key *key)
{
    struct tally *tally = (struct tally *)tallies_find(tallies, key);
    if (tally != NULL) return tally;
    if (!list_grow32((void **)&tallies->list, tallies->count, &tallies->room, sizeof *tally) ||
        !idset_add(&tallies->index, hash_of(key), tallies->count + 1)) {
        return NULL;
    }
    tally = &tallies->list[tallies->count++];
    *tally = (struct tally){.key = *key};
    return tally;
}

bool tallies_copy(const struct tallies *tallies, struct tallies *ret_copy)
{
    if (!tallies_init(ret_copy)) return false;
    for (uint32_t i = 0; i < tallies->count; i++) {
        struct tally *tally = tallies_for(ret_copy, &tallies->list[i].key);
        if (tally == NULL) return false;
        *tally = tallies->list[i];
    }
    return true;
}
