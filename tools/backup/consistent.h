/* consistent -- how far each shard may be restored so that no effect is there without its cause.
 *
 * A shard alone can be cut behind any judgement: its journal is in order. What shards owe to one
 * another is this, with (s, n) for entry n of shard s:
 *
 *   mail     an entry that takes items from shard a up to number k rests on the entry of a that
 * made item k; one that says "has up to k" rests on the entry of that shard that took item k, for
 * after it the sender has forgotten them cuts     the cut number k of a shard, and what shard 0
 * decides about months after its own cut number k, rest on cut number k - 1, and k, of every shard;
 * the same for years. Shards that are behind by one cut are levelled by the next start, as after a
 * crash pushes   rules and institutions: shard 0 decides, the others follow it claims   a premium
 * is claimed in the insured person's shard before the payer's one decides
 *
 * Each of these names an entry of another shard. The cut begins where the caller wants it, and is
 * moved back from what it rests on and lacks, until nothing lacks: the greatest consistent cut
 * within what was asked for. A judgement (a settlement, the wallet that pays it, the debts) is one
 * group of entries and never divided.
 *
 * FACTS  Else a shard asks another one for facts, and the entry holds what it was told, not where
 *        that stood. There the clock decides: what was known is not stamped later than what was
 * done with it, for all shards of an engine read one clock. So a cut by time loses nothing that a
 *        fact rests on; and where an entry is left out for another reason, restore.c leaves out
 *        everything stamped later. What remains: a shard reads the clock once a turn, so within a
 * few milliseconds the order may be the other way round, and likewise until a clock that was set
 *        back has passed its old time. Whoever chooses the time chooses a quiet moment. */
#ifndef BACKUP_CONSISTENT_H
#define BACKUP_CONSISTENT_H

#include "journal/entry.h"
#include "world/linux/layout.h"

struct consistent; /* Opaque: what was seen of all shards. */

/* NULL: not enough memory. */
struct consistent *consistent_new(uint32_t shards);
void consistent_free(struct consistent *consistent);

/* Takes the next entry of a shard, from its first one on. Borrowed for the call. False: its body
 * makes no sense. */
bool consistent_add(struct consistent *consistent, uint32_t shard, const struct entry *entry);

/* The first entry of the group the last added one belongs to. */
uint64_t consistent_group(const struct consistent *consistent, uint32_t shard);

/* Moves the ends, the last entry of each shard (0: none), back until they are consistent. Each is
 * the last one of its group; all entries there are were added, also those behind the ends. */
void consistent_cut(struct consistent *consistent, uint64_t ends[LAYOUT_SHARDS_MAX]);

#endif
