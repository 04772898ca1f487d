/* tallies -- the finer cells of docs/rules.md (Tallies), counted by verify's own hand: record by
 * record into a hash table, where the engine sorts what a checkpoint brought. */
#ifndef VERIFY_TALLIES_H
#define VERIFY_TALLIES_H

#include "tools/verify/idset.h"
#include "types/record_facts.h"

struct tallies {
    struct tally *list;
    uint32_t count;
    uint32_t room;
    struct idset index; /* Mixed key -> index + 1. */
};

/* False without memory. */
bool tallies_init(struct tallies *tallies);
void tallies_done(struct tallies *tallies);

/* A copy of its own. False without memory. */
bool tallies_copy(const struct tallies *tallies, struct tallies *ret_copy);

/* The tally of a key, or NULL. */
const struct tally *tallies_find(const struct tallies *tallies, const struct tally_key *key);

/* The same, made with zeros when it is not there; NULL without memory. Valid until the next. */
struct tally *tallies_for(struct tallies *tallies, const struct tally_key *key);

#endif
