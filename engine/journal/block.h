/* block -- the unit that is written, synced and chained: a group of entries.
 *
 * FORMAT  A block starts on a 4096-byte boundary of a segment file and is padded with zeros to the
 *         next. All integers little-endian.
 *           OFFSET  SIZE  FIELD
 *                0     8  magic        "QFBLOCK2"
 *                8    16  store_id     random, the same in the whole store
 *               24     4  shard
 *               28     4  payload_size bytes of entries
 *               32     8  number       1-based, dense within the shard
 *               40     8  first_seq
 *               48     4  entry_count
 *               52     4  payload_crc  CRC32C of the payload
 *               56    32  previous     hash of the block before; for block 1 the
 *                                      SHA-256 of store_id and shard
 *               88     4  epoch        owner's epoch; 1 on one machine
 *               92     4  head_crc     CRC32C of bytes 0..91
 *               96     …  payload      entries, one after the other
 *         The hash of a block is SHA-256 over its 96-byte head and the SHA-256 of each 8192 bytes
 *         of its payload, the last of them shorter, without padding. Blocks with the magic
 *         "QFBLOCK1", written before there were these, have the SHA-256 of head and payload in one;
 *         both stand in one chain.
 *
 * SEGMENT A file of SEGMENT_SIZE bytes, all zeros before use. Its first 4096 bytes:
 *                0     8  magic        "QFSEGMT1"
 *                8    16  store_id
 *               24     4  shard
 *               28     4  segment      1-based, also the file's name: journal/00000001.qfj
 *               32     8  first_block  number of the first block that may stand here
 *               40     4  crc          CRC32C of bytes 0..39
 *         Blocks do not cross segments. What is left at a segment's end stays zero.
 *
 * INVARIANTS
 *   (J2) Recovery keeps the longest prefix in which every sum holds and every hash follows the one
 *        before. What comes after is a torn tail that nobody was ever told about (by J1) if and
 *        only if no sound later block of this store exists; else it is damage, and start-up stops.
 */
#ifndef JOURNAL_BLOCK_H
#define JOURNAL_BLOCK_H

#include "types/bytes.h"

#define BLOCK_ALIGN       4096
#define BLOCK_HEAD_SIZE   96
#define BLOCK_PAYLOAD_MAX (1024 * 1024 - BLOCK_HEAD_SIZE) /* A block is at most 1 MiB on disk. */
#define BLOCK_HASH_SIZE   32
#define SEGMENT_HEAD_SIZE 4096
#define STORE_ID_SIZE     16
#ifndef SEGMENT_SIZE /* The crash tests' own build has a small one, to change segments often. */
#define SEGMENT_SIZE (64u * 1024 * 1024)
#endif

struct block {
    uint8_t store_id[STORE_ID_SIZE];
    uint32_t shard;
    uint32_t epoch;
    uint64_t number;
    uint64_t first_seq;
    uint32_t entry_count;
    uint8_t previous[BLOCK_HASH_SIZE];
    struct bytes payload; /* Borrowed. */
    bool whole;           /* Hashed in one, as before there were pieces; new blocks are not. */
};

struct segment_head {
    uint8_t store_id[STORE_ID_SIZE];
    uint32_t shard;
    uint32_t segment;
    uint64_t first_block;
};

/* Bytes on disk of a block with that payload: a multiple of BLOCK_ALIGN. */
size_t block_size_on_disk(size_t payload_size);

/* Writes the head of a block whose payload already stands at out + BLOCK_HEAD_SIZE, zeroes the
 * padding, and gives the block's hash for the next one's `previous`. `out` has room for
 * block_size_on_disk(block->payload.size) bytes. */
void block_seal(const struct block *block, uint8_t *out, uint8_t ret_hash[BLOCK_HASH_SIZE]);

/* True when the 8 bytes are those with which a block begins. */
bool block_begins(const uint8_t *bytes);

/* What block_open() found. */
enum block_state {
    BLOCK_SOUND,  /* Head, payload and their sums are right. */
    BLOCK_EMPTY,  /* The first BLOCK_ALIGN bytes are all zero. */
    BLOCK_BROKEN, /* Anything else: torn, damaged, or not a block at all. */
};

/* Reads the block at the front of `source`; the payload is borrowed from it. Does not judge number
 * and `previous`: the caller knows what should follow. */
enum block_state block_open(struct bytes source, struct block *ret_block,
                            uint8_t ret_hash[BLOCK_HASH_SIZE]);

/* Is what stands at the front of `source` a sound block but for one bit, which no missing end
 * of a sector explains? Gives which, counted from the front. A torn write misses sectors or the
 * ends of some, which read as zeros; so this is rot. The odds that something else looks like it are
 * one in four thousand million for each bit of the block. What is to be the last bit of its sector
 * and is not set may not have landed: that is not told apart. */
bool block_find_flip(struct bytes source, uint64_t *ret_bit);

/* `previous` of the first block of a shard. */
void block_chain_start(const uint8_t store_id[STORE_ID_SIZE], uint32_t shard,
                       uint8_t ret_hash[BLOCK_HASH_SIZE]);

/* The head of a segment file, SEGMENT_HEAD_SIZE bytes. */
void segment_head_encode(const struct segment_head *head, uint8_t *out);

/* False when the bytes are no sound segment head. */
bool segment_head_decode(struct bytes source, struct segment_head *ret_head);

#endif
