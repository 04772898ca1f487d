/* directory -- has this id been seen, and in which run?
 *
 * Nearly every id is new, and asking the store would cost microseconds. The directory keeps 32 bits
 * an id in memory: 16 of its hash and the number of the run that holds it, in buckets of one cache
 * line. "Never seen" is certain and costs one cache miss; a hit is never trusted, the run is looked
 * up. Knows no store and no message.
 *
 * MEMORY  is made once, for as many ids as the owner says, 6.7 bytes each, and never grows. Where a
 *         bucket has no place left, the id of its oldest run fades: a filter beside the bucket
 *         remembers that such an id was there, and no longer in which run. What the filter knows
 * may be in any run; what it does not know was never seen.
 *
 * COST    of ids beyond those the owner named: half as many again cost next to nothing. Twice as
 *         many in all, and 0.3 % of the ids never seen look like faded ones, which costs a look
 * into every run; three times as many, and it is 5 %. An id that faded always costs that. Never
 * wrong. */
#ifndef LEDGER_DIRECTORY_H
#define LEDGER_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types/bytes.h"

struct directory;

#define DIRECTORY_RUN_MAX  65535 /* Runs are 1..65535. */
#define DIRECTORY_HITS_MAX 16
#define DIRECTORY_MANY     UINT32_MAX

/* Room for `ids` ids. Pages are touched only as they are filled. NULL without memory. */
struct directory *directory_new(uint64_t ids);

/* Its table: any look-up goes anywhere in it. */
struct bytes directory_table(const struct directory *directory);
void directory_free(struct directory *directory); /* NULL is fine. */

/* Adds an id. Where an id must fade, it is one of the lowest run. */
void directory_add(struct directory *directory, uint64_t hash, uint32_t run);

/* The runs that may hold the id, each once; gives their number. 0: the id was never added.
 * DIRECTORY_MANY: it may have faded; any run may hold it. */
uint32_t directory_find(const struct directory *directory, uint64_t hash,
                        uint16_t ret_runs[DIRECTORY_HITS_MAX]);

/* Asks the processor for the bucket an id will be looked up in. */
void directory_prefetch(const struct directory *directory, uint64_t hash);

/* How often an id faded. */
uint64_t directory_faded(const struct directory *directory);

/* Bytes of memory taken. */
size_t directory_bytes(const struct directory *directory);

#endif
