/* journal_writer -- one shard's journal on the ring: the write, its sync, the change of segments.
 *
 * A block is written and synced before the next one begins (shard.h, S1). On disks with FUA or a
 * write-through cache one write with RWF_DSYNC does both. Elsewhere the write is linked to an
 * fdatasync, because there a DSYNC write completes in a kernel worker bound to the processor of the
 * disk's interrupt, and a busy thread on it costs whole ticks; but a large block is one write
 * there, too: so much comes together only when the processors are what everybody waits for, and one
 * write takes less of them than two operations and the thread that syncs. A failed write or sync is
 * final: the process ends, nothing of the block was told to anybody. */
#ifndef WORLD_LINUX_JOURNAL_WRITER_H
#define WORLD_LINUX_JOURNAL_WRITER_H

#include "types/bytes.h"
#include "world/linux/keeper.h"
#include "world/linux/segments.h"
#include "world/world.h"

#define LARGE_BLOCK (128u * 1024) /* Bytes from which a block is one write on any device. */

struct io_uring;

struct journal_writer {
    struct io_uring *ring;
    struct keeper *keeper;
    struct journal_folder folder;
    uint64_t write_tag; /* user_data of the write … */
    uint64_t sync_tag;  /* … and of its sync. */
    bool dsync;         /* A write with RWF_DSYNC costs this device no flush. */

    int fd; /* Of `segment`; -1: none yet. */
    uint32_t segment;
    uint64_t offset;   /* Where the next block goes. */
    uint32_t prepared; /* Latest segment that exists. */
    bool preparing;
    bool full_told; /* The operator was told that no segment can be made. */

    struct bytes block; /* Being written; size 0: none. */
    uint64_t block_number;
    bool waits_for_segment; /* The block waits for a segment to be prepared. */
    const uint8_t *data;    /* What of it is still to be written: */
    size_t size;            /* with the segment's head where it begins one. */
    uint64_t at;
    bool in_one; /* It is one write with RWF_DSYNC, not two linked operations. */
    uint32_t completions_due;
    bool written; /* The write has ended well. */
    bool synced;
    struct block_place durable; /* Where the block stands that was on stable storage last. */
    unsigned sync_place;        /* Of the linked sync in the submission queue. */
    bool split; /* The kernel took the write without its sync: no link between them. */
};

/* Begins at `tail`, where a scan ended; prepares what is missing. 0 or a negative errno. */
int journal_writer_start(struct journal_writer *writer, const struct journal_scan *scan);
void journal_writer_stop(struct journal_writer *writer);

/* Puts a sealed block on its way; SEGMENT_HEAD_SIZE bytes before it may be written to. */
void journal_writer_append(struct journal_writer *writer, struct bytes block, uint64_t number);

/* A completion with one of the two tags. True when the block is on stable storage. */
bool journal_writer_completed(struct journal_writer *writer, uint64_t tag, int result);

/* The keeper has ended preparing a segment. */
void journal_writer_prepared(struct journal_writer *writer, int status);

#endif
