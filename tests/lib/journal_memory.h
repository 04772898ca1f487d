/* journal_memory -- world/journal.h over blocks in memory, for tests and benches without files.
 *
 * Whoever links it has no other journal. The bytes are the test's to change: what a shard reads
 * then is what a disk would give after damage. */
#ifndef TESTS_LIB_JOURNAL_MEMORY_H
#define TESTS_LIB_JOURNAL_MEMORY_H

#include "world/journal.h"
#include "world/world.h"

struct memory_block {
    uint8_t *bytes; /* Aligned as the driver has it. */
    size_t size;
    struct block_place place;
};

struct memory_read {
    uint32_t segment;
    uint32_t offset;
    size_t size;
};

/* Begins as zeros. */
struct journal_view {
    struct memory_block *blocks; /* In the order of the journal. */
    uint32_t count;
    uint32_t room;

    /* The disk fails: of what is asked for since good_count was 0 the fails_at-th reading and all
     * after it give -EIO, or fails_with, but for what was read before in that time. 0: it is well.
     */
    uint32_t fails_at;
    int fails_with;
    bool failed; /* It has. */
    uint32_t good_count;
    uint32_t good_room;
    struct memory_read *good;
    uint32_t unread; /* Times that the operator would have been told. */
};

/* Copies a block behind the last one, or to the front of the next segment when it does not fit into
 * `segment_bytes`. Gives the copy, until the next one comes. */
const struct memory_block *journal_memory_add(struct journal_view *journal, struct bytes block,
                                              uint32_t segment_bytes);

void journal_memory_free(struct journal_view *journal);

#endif
