/* chunk -- how the state of a shard stands in the store: ids, marks, and where each entry is.
 *
 * RECORD  as ledger/stretch.h says: where entries stand in the journal. None is here a second time.
 * ID      value: ids of 16 bytes, hash (8) and seq (8), ascending by hash; key: run (4) and the
 *         first hash (8), big-endian. A run is what one or a few checkpoints brought; the directory
 *         in memory says in which run an id is, so that finding one is a single look.
 * MARK    value: struct mark behind its seq, as numbers (util/numbers.h); key: seq (8), big-endian.
 * CYCLE   value: nothing; key: seq (8), big-endian, of an entry of the clearing cycle.
 * PERSON  whose record each is: value: numbers of 8 bytes, ascending: bytes 4..8 of psn_key as a
 *         big-endian number << 24 | seq - run; key: run (8), the seq of the run's first entry, and
 *         the first number (8), big-endian. A run is a checkpoint's; a short one takes the next.
 * SHELF   as ledger/shelf.h says.
 * META    value: struct shard_meta; key: "meta". Integers in values are little-endian.
 * Everything here can be rebuilt from the journal. */
#ifndef LEDGER_CHUNK_H
#define LEDGER_CHUNK_H

#include "types/settlement.h"
#include "util/checksum.h"
#include "util/numbers.h"

/* An id someone may ask for again, hashed, and the entry that used it. */
struct id {
    uint64_t hash;
    uint64_t seq;
};

/* So that a value fills a 4096-byte page of the store, less its page head. */
#define ID_CHUNK_COUNT 255

/* What became of a record: only records that something referred to have one. */
struct mark {
    uint64_t seq;      /* Of the record. */
    uint64_t last_seq; /* Latest entry that refers to it; entry.prev_seq goes on from there. */
    uint32_t refunds;  /* Refunds that stand. */
    uint32_t flags;    /* MARK_… */
    int64_t changes[AMOUNT_REFUNDABLE_COUNT]; /* Fen, refunds and adjustments that stand. */
};

#define MARK_REVERSED 1u /* Cancelled by a correction: it clears nothing. */

/* 8 since lots of one giver stand in runs and messages of an outbox in rows; 7 since cells, tallies
 * and marks stand there as numbers; 6 since RECORD says where entries stand and has no copy of
 * them; 5 since rows of persons stand in groups; 3 since the state holds wallets and says whose
 * record each is; 2 since it holds tallies. An older state lacks something of its records: it
 * counts as empty, and the journal is replayed from its first block. */
#define SHARD_META_FORMAT     8
#define SHARD_META_FORMAT_OLD 7 /* And before. */

/* Where the state stands; written in the same transaction as the state (B1). */
struct shard_meta {
    uint32_t format; /* SHARD_META_FORMAT */
    uint32_t shard;
    uint64_t seq;              /* Last entry that the state holds. */
    int64_t stamp_ms;          /* Its time. */
    uint64_t next_block;       /* Number of the block after it … */
    uint32_t segment;          /* … and where that will stand: segment, */
    uint32_t offset;           /* bytes. */
    uint8_t hash[SHA256_SIZE]; /* Hash of the block before it. */
    uint32_t cut_through;      /* Latest cut month, yyyymm; 0: none. */
    uint32_t closed_year;      /* Latest closed year; 0: none. */
    uint64_t cuts;             /* Number of the latest cut. */
    uint32_t run;              /* Run that new ids go to. */
    uint32_t run_ids;          /* Ids it holds already. */
    uint64_t journal_bytes;    /* Written to the journal so far. */
};

/* True for a format whose state counts as empty. */
static inline bool shard_meta_is_old(uint32_t format)
{
    return format >= 1 && format <= SHARD_META_FORMAT_OLD;
}

_Static_assert(sizeof(struct shard_meta) == 104, "the same on disk and in memory");
_Static_assert(sizeof(struct mark) == 152, "its seq, and numbers of 8 bytes: so it is written");

/* A mark as it stands in the store: most have changed few amounts. Gives its size. */
#define MARK_NUMBERS  ((sizeof(struct mark) - sizeof(uint64_t)) / sizeof(uint64_t))
#define MARK_SIZE_MAX NUMBERS_SIZE_MAX(MARK_NUMBERS)
size_t mark_pack(const struct mark *mark, uint8_t out[MARK_SIZE_MAX]);

/* Reads the mark of `seq` back; false when it is none. */
bool mark_read(uint64_t seq, struct bytes value, struct mark *ret_mark);

#endif
