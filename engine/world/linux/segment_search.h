/* segment_search -- what scanning and mending a journal share: whose a head or a block is, and the
 * search over everything behind a place for what a torn write cannot have left there.
 *
 * For segments.c and segment_mend.c alone. Changes nothing. */
#ifndef WORLD_LINUX_SEGMENT_SEARCH_H
#define WORLD_LINUX_SEGMENT_SEARCH_H

#include "world/linux/segment_walk.h"

/* A position that cannot be one in this folder is a bug (ENSURE). */
void position_check(const struct journal_folder *folder, const struct journal_position *position);

/* True for what carries this store's id and this shard's number. */
bool segment_is_ours(const struct journal_folder *folder, const uint8_t store_id[STORE_ID_SIZE],
                     uint32_t shard);

/* Damage (-EUCLEAN, with a problem) unless a sound head is this store's, this shard's and the open
 * file's; else 0. */
int segment_judge_head(struct walk *walk, const struct segment_head *head);

/* The page of the head as the engine writes it together with the segment's first block. */
void segment_head_of(const struct journal_folder *folder, uint32_t segment, uint64_t first_block,
                     uint8_t ret_page[SEGMENT_HEAD_SIZE]);

/* What a search over everything behind a place has found. */
struct search {
    uint64_t next_block;   /* A sound block of ours with this number or more is evidence. */
    uint64_t used_bytes;   /* From the place to the last page that is not zero. */
    uint64_t walked_bytes; /* Up to here. */
    uint32_t used_segment; /* The first one behind the place's own that is not all zero; 0: none. */
    bool evidence;
    uint32_t segment; /* Where the evidence is. */
    uint64_t offset;
    uint64_t number; /* Of the block, or of the first block by a segment's head. */
};

/* The open segment from `offset` on, up to the first evidence. 0, or a negative errno and a
 * problem. */
int search_segment(struct walk *walk, struct search *search, uint64_t offset);

/* Everything from {segment, offset} to the end of the journal, for blocks from `next_block` on. As
 * search_segment(). */
int search_behind(struct walk *walk, uint32_t segment, uint64_t offset, uint64_t next_block,
                  struct search *ret_search);

#endif
