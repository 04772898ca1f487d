/* durable -- what a journal would hold after a loss of power, worked out from the fake's log.
 *
 * A written byte is certain to be there when a sync that has ended well began after the byte's
 * write had ended, or when the write carried RWF_DSYNC and has ended well. Nothing else makes it
 * certain, and what is only perhaps there counts for nothing here. */
#ifndef TESTS_UNIT_WORLD_DURABLE_H
#define TESTS_UNIT_WORLD_DURABLE_H

#include "journal/block.h"
#include "tests/lib/fake_uring.h"

#define DURABLE_SEGMENT_BYTES (256u * 1024)
#define DURABLE_SYNCS_MAX     64

struct durable_write {
    uint32_t segment;
    uint64_t offset;
    size_t size;
    const uint8_t *bytes; /* The log's. */
};

struct durable_sync {
    uint32_t op; /* 0: free. */
    size_t mark; /* Writes that had ended when it began. */
};

struct durable {
    size_t read; /* Events of the log so far. */
    uint8_t *segments[FAKE_SEGMENTS_MAX];
    struct durable_write *writes; /* Ended, in that order; those before `first` are durable. */
    size_t write_count;
    size_t write_room;
    size_t first;
    struct durable_sync syncs[DURABLE_SYNCS_MAX];
    struct {
        uint32_t op;
        const uint8_t *bytes;
    } started[DURABLE_SYNCS_MAX]; /* Writes under way. */

    /* The end of what a recovery would read. */
    uint32_t segment;
    uint64_t offset;
    uint64_t block; /* Number of the last one. */
    uint64_t seq;   /* Of its last entry. */
};

void durable_begin(struct durable *durable);
void durable_end(struct durable *durable);

/* Takes the log's next event into account. */
void durable_event(struct durable *durable, const struct fake_event *event);

#endif
