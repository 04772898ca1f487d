/* chain -- one shard's journal from its first block to its last, every sum and every link checked.
 *
 * Walks the segment files by itself (the engine's own walk is what is to be verified). The files
 * stay mapped until chain_close(), so that any entry can be looked at again by its place. */
#ifndef VERIFY_CHAIN_H
#define VERIFY_CHAIN_H

#include "journal/block.h"
#include "journal/entry.h"
#include "tools/verify/finding.h"

/* Where an entry stands: segment index (0-based) << 32 | offset in its file. */
typedef uint64_t place_t;

struct segment_map {
    const uint8_t *data;
    size_t size;
};

struct chain {
    char folder[4096 - 64];
    uint8_t store_id[STORE_ID_SIZE];
    uint32_t shard;
    struct segment_map *segments;
    uint32_t segment_count;

    /* The next block: where it will stand and what it must be. */
    uint32_t segment;
    size_t offset;
    uint64_t next_block;
    uint64_t next_seq;
    uint8_t previous[BLOCK_HASH_SIZE];

    /* The block being read. */
    struct bytes payload;
    size_t payload_offset; /* In its file. */
    uint32_t entries_left;

    int64_t stamp_ms; /* Of the latest entry. */
    bool torn;        /* A torn tail stands behind the last block; nobody was told of it. */
    uint64_t bytes;   /* Of sound blocks, with padding. */
    uint64_t entries;
};

enum chain_step {
    CHAIN_ENTRY,
    CHAIN_END,
    CHAIN_BROKEN, /* The finding says how. */
};

/* Maps the segments in the journal folder. False with a finding when they cannot be read or are
 * not this shard's. */
bool chain_open(struct chain *chain, const char *folder, const uint8_t store_id[STORE_ID_SIZE],
                uint32_t shard, struct finding *finding);
void chain_close(struct chain *chain);

/* The next entry and its place. When it is the last of its block, chain->entries_left is 0 and
 * next_block, segment, offset and previous are what a checkpoint there must have kept. */
enum chain_step chain_next(struct chain *chain, struct entry *ret_entry, place_t *ret_place,
                           struct finding *finding);

/* The entry at a place that chain_next() gave; sound as it was then. */
struct entry chain_entry(const struct chain *chain, place_t place);

/* Its bytes as they stand in the journal. */
struct bytes chain_entry_bytes(const struct chain *chain, place_t place);

/* "journal/00000003.qfj, byte 1234"; static memory of the thread. */
const char *chain_place_text(place_t place);

#endif
