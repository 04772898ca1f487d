/* segments -- the journal's files on disk: making, reading back after a stop, cutting the tail.
 *
 * A shard's journal is a folder of files of one size, 00000001.qfj and on (journal/block.h). Here
 * is everything about them but the hot write itself, which is the ring's: it puts a block at
 * {segment, offset}, or, to begin a segment, head and block in one write at offset 0 of the next
 * prepared file. It writes a block only when the one before is durable; the rule for the tail
 * below rests on that.
 *
 * THE TAIL (J2)  At the first place that is not the sound expected block, the scan decides:
 *   END     everything after it is zero;
 *   TORN    it is not, but no sound block of this store with the expected number or a greater one
 *           stands on any 4096-byte boundary after it, in this segment or a later one: a write
 *           that was cut off and of which nobody was ever told (J1). To be cut by journal_mend();
 *   DAMAGE  such a block exists, or the expected block itself stands there but for one bit (a write
 *           that was cut off misses sectors, and may not be taken for a block that was answered
 *           and has rotted since), or the state has seen more than the journal holds, or a file is
 *           missing, of the wrong size, or another store's: -EUCLEAN, with a sentence that names
 *           file and offset. Nothing is changed; a person decides.
 * One torn write keeps its block: when a segment's head and first block were written together and
 * only the head's sector is still zero, the block is sound and counts, and journal_mend() writes
 * the head again.
 *
 * It knows blocks and nothing of what is in their entries. */
#ifndef WORLD_LINUX_SEGMENTS_H
#define WORLD_LINUX_SEGMENTS_H

#include "journal/block.h"
#include "world/linux/problem.h"

#define SEGMENT_PATH_MAX 4096

/* One shard's journal. */
struct journal_folder {
    const char *path;       /* Borrowed; outlives every call. */
    uint64_t segment_bytes; /* SEGMENT_SIZE; tests use less. A multiple of BLOCK_ALIGN. */
    uint8_t store_id[STORE_ID_SIZE];
    uint32_t shard;
};

/* A shard's journal in segments of the usual size; `path` is borrowed, and may be filled in later.
 */
static inline struct journal_folder
journal_folder_of(const char *path, const uint8_t store_id[STORE_ID_SIZE], uint32_t shard)
{
    struct journal_folder folder = {
        .path = path,
        .segment_bytes = SEGMENT_SIZE,
        .shard = shard,
    };
    memcpy(folder.store_id, store_id, STORE_ID_SIZE);
    return folder;
}

/* Where the next block goes and what it must be. The checkpoint keeps one of these. */
struct journal_position {
    uint32_t segment;    /* 1-based. */
    uint64_t offset;     /* 0: the segment is not begun, its head is written with the block. */
    uint64_t next_block; /* The number it must have. */
    uint64_t next_seq;   /* Its first_seq. */
    uint8_t previous[BLOCK_HASH_SIZE]; /* The hash it must name. */
};

enum journal_end {
    JOURNAL_END,  /* Nothing but zeros after the tail. */
    JOURNAL_TORN, /* A torn write after the tail. */
};

/* What a scan found. */
struct journal_scan {
    struct journal_position tail; /* After the last sound block. */
    enum journal_end end;
    uint64_t torn_bytes;  /* From the tail's place to the last byte that is not zero; else 0. */
    uint64_t block_count; /* Sound blocks that were passed to the callback. */
    uint64_t entry_count; /* Entries in them. */
    uint64_t last_offset; /* Of the last sound block, in the tail's segment; 0: none was passed. */
    uint32_t headless;    /* Segment whose head is not whole before its sound block; 0: none. */
    bool tail_exists;     /* The tail's segment has its file. */
    bool next_prepared;   /* So has the one after it, and it is all zero. */
};

/* Called for each sound block in order; `after` is the position behind it. Block and position are
 * borrowed for the call. Anything but 0 ends the scan with that code (the callee sets its own
 * sentence). */
typedef int journal_block_fn(void *context, const struct block *block, uint32_t segment,
                             uint64_t offset, const struct journal_position *after);

/* Called now and then with the bytes looked at so far; done never goes back, total never changes.
 */
typedef void journal_progress_fn(void *context, uint64_t done_bytes, uint64_t total_bytes);

struct journal_reader {
    journal_block_fn *block;       /* May be NULL. */
    journal_progress_fn *progress; /* May be NULL. */
    void *context;
    uint64_t must_reach_seq; /* The journal must hold this entry, or it is damage; 0: none. */
};

/* Path of a segment: "FOLDER/00000001.qfj". The folder's name leaves room for it (ENSURE). */
void segment_path(const char *folder, uint32_t number, char ret_path[SEGMENT_PATH_MAX]);

/* How a segment becomes a file of zeros. Where the zeros were written, a later write and its sync
 * change none of the file system's own data, which makes the sync of a small block a third faster.
 * Where only room was reserved, the disk writes half the bytes. */
enum segment_fill {
    SEGMENT_ZEROED,
    SEGMENT_RESERVED, /* Zeroed where the file system cannot reserve. */
};

/* What is called after each MiB of zeros, on the thread that writes them. */
struct segment_pause {
    void (*call)(void *context);
    void *context;
};

/* Makes a segment file of `segment_bytes` zeros, durable. It gets its name when it is whole. Takes
 * a while (64 MiB of zeros: some 50 ms of disk, and `pause`, which may be NULL): not for the loop's
 * thread. -EEXIST when the file
 * is there (after a scan and its mending: prepared once before and as good as new); -ENOSPC and
 * other errors leave nothing under the real name. */
int segment_prepare(const char *folder, uint32_t number, uint64_t segment_bytes,
                    enum segment_fill fill, const struct segment_pause *pause);

/* Position before the first block of a shard. */
void journal_start(const struct journal_folder *folder, struct journal_position *ret_position);

/* Bytes a block of that size on disk needs: true when it goes to the tail's own segment, false
 * when it begins the next one. */
bool journal_fits(const struct journal_folder *folder, const struct journal_position *position,
                  uint64_t block_bytes);

/* Reads every block from `start` on and judges the tail, as told above. Changes nothing. 0 with
 * *ret_scan set, -EUCLEAN for damage, the callback's code, or what the system says (a disk that
 * cannot be read is -EIO); `problem` has the sentence. */
int journal_scan(const struct journal_folder *folder, const struct journal_position *start,
                 const struct journal_reader *reader, struct journal_scan *ret_scan,
                 struct problem *problem);

/* Makes the journal ready to go on at scan->tail: writes a missing head, cuts a torn tail, and
 * writes the last block once more as it was read: its sync may never have come, or have failed, and
 * then no later sync makes up for it. Syncs the folder: a segment may have got its name from a
 * process that ended before it did so. Durable when it returns 0. To be called after every scan
 * before the first write, exclusively. May be stopped and repeated at any point. */
int journal_mend(const struct journal_folder *folder, const struct journal_scan *scan,
                 struct problem *problem);

/* Zeroes whatever is not zero from `position` to the end of its segment, and removes the later
 * segments that are not all zero. Durable when it returns 0. Refuses with -EUCLEAN, before it
 * changes anything, when a sound block of this store with position->next_block or a greater number
 * stands there. journal_mend() calls it; by itself it is for an operator's decision. */
int segment_cut_tail(const struct journal_folder *folder, const struct journal_position *position,
                     struct problem *problem);

#endif
