/* blocks -- walks the blocks of one shard's journal in order, every sum and every link checked: of
 * a store, also while its engine writes to it, or of a backup.
 *
 * A LIVE STORE  is read past the page cache (O_DIRECT). The engine writes its journal past it, too:
 * pages of zeros that a reader had cached ahead of the writer might outlive the write, and a later
 * start would take them for the end of the journal. It also leaves the engine's pages where they
 * are. What is being written at the moment does not match its sums and counts as the end.
 *
 * It knows nothing of what the entries mean. Every failure has a sentence: -EUCLEAN for damage,
 * with file and offset, else what the system says. */
#ifndef BACKUP_BLOCKS_H
#define BACKUP_BLOCKS_H

#include "world/linux/problem.h"
#include "world/linux/segments.h"

struct blocks {
    struct journal_folder folder;     /* Its path is borrowed. */
    struct journal_position position; /* Of the next block. */
    int64_t stamp_ms;                 /* Of the last entry read; INT64_MIN before the first. */
    uint32_t headless; /* Segment whose head need not be whole; 0: none, as after blocks_open(). */
    bool past_cache;

    int fd;
    uint32_t open;      /* Segment that is open; 0: none. */
    uint64_t size;      /* Of the open file, bytes. */
    uint8_t *window;    /* Owned. */
    uint64_t window_at; /* Where in the file it begins, */
    uint64_t window_size;
};

/* One block as it was found. */
struct found_block {
    struct block block;     /* Borrowed until the next call. */
    struct bytes bytes;     /* As on disk, with padding; borrowed likewise. */
    uint32_t segment;       /* Where it stands, */
    uint64_t offset;        /* SEGMENT_HEAD_SIZE: the head is sound, or `headless`. */
    int64_t first_stamp_ms; /* Of its first entry and */
    int64_t stamp_ms;       /* of its last. */
};

/* Begins before the block at `start`; `stamp_ms` is that of the entry before it. `past_cache`: for
 * a store's own files. -ENOMEM only. */
int blocks_open(struct blocks *blocks, const struct journal_folder *folder,
                const struct journal_position *start, int64_t stamp_ms, bool past_cache,
                struct problem *problem);
void blocks_close(struct blocks *blocks);

/* The next block, if it is whole, sound, ours, and follows the one before. 1; 0: there is none, or
 * not yet; negative: a block that does not follow, or a file that cannot be read. */
int blocks_next(struct blocks *blocks, struct found_block *ret_found, struct problem *problem);

/* What is wrong where blocks_next() found none and one must be: -EUCLEAN with a sentence. */
int blocks_missing(const struct blocks *blocks, uint64_t want_seq, struct problem *problem);

/* Path of the segment the next block is expected in; in static memory of the thread. */
const char *blocks_path(const struct blocks *blocks, uint32_t segment);

#endif
