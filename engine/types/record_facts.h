/* record_facts -- what the clearing cycle needs to know of one record, in a fixed size.
 *
 * Shards answer the desk with these; the cycle keeps them for the few records that differ. */
#ifndef TYPES_RECORD_FACTS_H
#define TYPES_RECORD_FACTS_H

#include "types/cell.h"

/* The centre's name of a record: insured area and setl_id (for an adjustment its adj_no). */
struct record_ref {
    uint32_t insu_admdvs;
    uint8_t size;     /* Of setl_id, 1..30. */
    char setl_id[31]; /* Filled up with zeros. */
};

_Static_assert(sizeof(struct record_ref) == 36, "a key on disk");

enum record_kind {
    RECORD_SETTLEMENT = 1,
    RECORD_REFUND = 2,
    RECORD_ADJUSTMENT = 3,
};

#define RECORD_REVERSED 1u /* Taken back by a correction: it clears nothing. */
#define RECORD_CUT      2u /* Its cell is cut: the amounts will not change any more. */
#define RECORD_LATE     4u /* Its own month was cut before it came. */
#define RECORD_TAKEN_BACK \
    8u /* In a scan of changes: here a correction takes this record back; subtract it. */

struct record_facts {
    uint64_t seq; /* Of its entry, in its shard. */
    uint32_t shard;
    uint32_t period; /* yyyymm it is cleared in. */
    uint32_t day;    /* yyyymmdd of its setl_time (of its stamp, for an adjustment), Shanghai. */
    uint32_t mdtrtarea_admvs;
    struct record_ref ref;
    uint8_t payer;     /* Province index. */
    uint8_t payee;     /* Province index. */
    uint8_t line;      /* enum line */
    uint8_t insurance; /* enum insurance */
    uint8_t kind;      /* enum record_kind */
    uint8_t flags;     /* RECORD_… */
    uint16_t reserved;
    uint32_t reserved3;
    int64_t medfee;            /* Fen. */
    int64_t funds[FUND_COUNT]; /* Fen, what it clears, by class. */
    uint64_t content_hash;     /* As in its cell's checksum. */
    uint64_t reserved2;
};

_Static_assert(sizeof(struct record_facts) == 136, "the same on disk and in memory");

/* A finer cell, kept in the store for reconciliation and for the provinces' own second level
 * (docs/rules.md, Tallies): sums of the records of one clearing month by a key.
 *   TALLY_DAY         part is the day, yyyymmdd
 *   TALLY_PAYER_AREA  part is the insured area (insu_admdvs)
 *   TALLY_PAYEE_AREA  part is the area of treatment (mdtrtarea_admvs) */
enum tally_kind {
    TALLY_DAY = 1,
    TALLY_PAYER_AREA = 2,
    TALLY_PAYEE_AREA = 3,
};

struct tally_key {
    uint32_t kind;   /* enum tally_kind */
    uint32_t period; /* yyyymm its records are cleared in. */
    uint32_t part;
    uint8_t payer;
    uint8_t payee;
    uint8_t line;
    uint8_t insurance;
};

struct tally {
    struct tally_key key;
    uint64_t count;
    uint64_t refund_count;
    int64_t medfee;
    int64_t funds[FUND_COUNT];
    uint64_t checksum;  /* Sum of content hashes: the days of a cell add up to the cell's. */
    uint64_t first_seq; /* Of the shard's records in it; a scan of a day goes from here … */
    uint64_t last_seq;  /* … to here. Sums over shards have 0. */
};

_Static_assert(sizeof(struct tally) == 104, "a key, and numbers of 8 bytes: so it is written");

#endif
