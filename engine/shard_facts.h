/* shard_facts -- what an entry says of its record, in a fixed size: for scans, the desk's questions
 * and the merge's tallies alike, so that all of them agree with the cells.
 *
 * Pure: an entry in, facts out; no state is known, so RECORD_REVERSED and RECORD_CUT are never set
 * here. */
#ifndef SHARD_FACTS_H
#define SHARD_FACTS_H

#include "journal/entry.h"
#include "ledger/rules.h"
#include "types/record_facts.h"
#include "types/settlement.h"

/* True for a record with the body of a settlement: one, a refund, or a debt of wallets. */
static inline bool is_settlement(const struct entry *entry)
{
    return entry->kind == ENTRY_SETTLEMENT || entry->kind == ENTRY_REFUND ||
           entry->kind == ENTRY_DEBT;
}

/* Writes what posting_of() gives where it is to stand. */
void posting_write(const struct entry *entry, const struct settlement *settlement,
                   struct posting *ret_posting);

/* What such an entry posted. */
static inline struct posting posting_of(const struct entry *entry,
                                        const struct settlement *settlement)
{
    struct posting posting;
    posting_write(entry, settlement, &posting);
    return posting;
}

/* What an adjustment entry posted. */
struct posting adjustment_posting_of(const struct entry *entry,
                                     const struct adjustment *adjustment);

/* The facts of a settlement, refund, debt or adjustment: what was posted to its cell and what its
 * cell's checksum adds, with RECORD_LATE or no flag. facts.shard is left 0. False for other
 * entries. The body must be sound: it was accepted. */
bool facts_of(const struct entry *entry, struct record_facts *ret_facts);

/* Whose record an entry is: psn_key, borrowed from it. False when it is no record. */
bool facts_person(const struct entry *entry, struct bytes *ret_psn_key);

#endif
