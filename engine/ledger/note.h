/* note -- what a checkpoint must know of a record, kept while it is applied.
 *
 * The shard has the record decoded at that moment; the merge would have to decode it again. Notes
 * lie in the delta beside the entries, in the order of their numbers. */
#ifndef LEDGER_NOTE_H
#define LEDGER_NOTE_H

#include <stdbool.h>

#include "types/cell.h"

enum note_kind {
    NOTE_RECORD = 1, /* A record came: it counts, and its person has it. */
    NOTE_TAKEN_BACK, /* A correction: the record of this note counts no more. */
    NOTE_CYCLE,      /* A part of a decision of the cycle; seq and nothing else. */
};

struct record_note {
    uint64_t seq;         /* Of the entry; of NOTE_TAKEN_BACK the correction's. */
    uint64_t person;      /* person_bits() (ledger/person_index.h). */
    int64_t at_ms;        /* What its day is taken from: setl_time, of an adjustment its stamp. */
    struct cell_key key;  /* The cell that it was posted to. */
    uint32_t insu_admdvs; /* Insured area. */
    uint32_t mdtrtarea_admvs; /* Area of treatment. */
    uint8_t kind;             /* enum note_kind */
    bool refund;
    uint8_t reserved[6];
    int64_t medfee;            /* Fen. */
    int64_t funds[FUND_COUNT]; /* Fen, what it clears, by class. */
    uint64_t content_hash;     /* As in its cell's checksum. */
};

_Static_assert(sizeof(struct record_note) == 104, "some 100 bytes a record are moved for it");

#endif
