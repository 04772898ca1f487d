/* directory -- has this id been seen, and in which run?
 *
 * Nearly every id is new, and asking the store would cost microseconds. The directory keeps 32 bits
 * an id in memory: 16 of its hash and the number of the run that holds it, in buckets of one cache
 * line. "Never seen" is certain and costs one cache miss; a hit is never trusted, the run is looked
 * up. Knows no store and no message.
 *
 * Memory: 4 bytes an id at a load of at most 0.75; a full table is followed by one twice as large,
 * and a look asks all of them (three at 30 million ids). */
#ifndef LEDGER_DIRECTORY_H
#define LEDGER_DIRECTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct directory;

#define DIRECTORY_RUN_MAX  65535 /* Runs are 1..65535. */
#define DIRECTORY_HITS_MAX 32
#define DIRECTORY_MANY     UINT32_MAX

/* The first table holds `ids_first` ids, rounded up to a power of two. NULL without memory. */
struct directory *directory_new(uint64_t ids_first);
void directory_free(struct directory *directory); /* NULL is fine. */

/* Adds an id. False when there is no memory for another table. */
bool directory_add(struct directory *directory, uint64_t hash, uint32_t run);

/* The runs that may hold the id, each once; gives their number. 0: the id was never added.
 * DIRECTORY_MANY: more than fit, which takes one id in dozens of runs; any run may hold it. */
uint32_t directory_find(const struct directory *directory, uint64_t hash,
                        uint16_t ret_runs[DIRECTORY_HITS_MAX]);

/* Asks the processor for the bucket an id will be looked up in. */
void directory_prefetch(const struct directory *directory, uint64_t hash);

/* Bytes of memory taken. */
size_t directory_bytes(const struct directory *directory);

#endif
