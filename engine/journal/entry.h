/* entry -- one decision as bytes: what was asked, what was decided, when, and its number.
 *
 * FORMAT  All integers little-endian. `size` is the whole entry padded with zeros to 8 bytes.
 *           OFFSET  SIZE  FIELD
 *                0     4  size         head + body + padding
 *                4     4  body_size    bytes of the body, unpadded
 *                8     8  seq          1-based, dense within the shard
 *               16     8  stamp_ms     the engine's time; never goes back within the shard
 *               24     2  kind         enum entry_kind
 *               26     2  flags        ENTRY_…
 *               28     4  period       yyyymm it was posted to, 0 where there is none
 *               32     4  orig_period  yyyymm of its own time
 *               36     2  sender       province code of the sender, 0 for the centre
 *               38     1  line         enum line it was posted to, 0 where there is none
 *               39     1  insurance    enum insurance it was posted to
 *               40     8  orig_seq     the entry it refers to, 0 if none
 *               48     8  prev_seq     the entry before it that refers to the same original
 *               56     4  reserved     0
 *               60     4  crc          CRC32C of bytes 0..59 and of the body with its padding
 *               64     …  body         protobuf, as the kind says
 * It stands in the journal and nowhere else; the state says where (ledger/stretch.h).
 *
 * INVARIANTS
 *   (J1) A reply leaves only after the entry it answers is durable.
 *   (J3) decode(encode(e)) == e, and an entry with a flipped bit is refused.
 */
#ifndef JOURNAL_ENTRY_H
#define JOURNAL_ENTRY_H

#include "types/bytes.h"

enum entry_kind {
    ENTRY_SETTLEMENT = 1, /* body: SetlPost */
    ENTRY_REFUND = 2, /* body: SetlPost with refd_setl_flag; also a SetlReverse, made explicit */
    ENTRY_ADJUSTMENT = 3, /* body: SetlAdjust */
    ENTRY_CORRECTION = 4, /* body: Correction; orig_seq 0 means a tombstone */
    ENTRY_CUT = 5,        /* body: PeriodCut; `period` is the month cut */
    ENTRY_CLOCK = 6,      /* body: ClockSet; stamp_ms is the new time */
    ENTRY_YEAR_CLOSE = 7, /* body: YearClose */
    ENTRY_CYCLE = 8,      /* body: a part of a decision of the clearing cycle; shard 0 only */

    /* body: wallet/ops.h; orig_seq: the payment it takes back, or the submit of the transfer that
     * ends with it. Its debts stand behind it in the same block. */
    ENTRY_WALLET = 9,

    /* body: SetlPost made of struct wallet_debt; orig_seq: its ENTRY_WALLET. Of a negative one,
     * with refd_setl_flag, too: the debt that it takes from is named in the body. */
    ENTRY_DEBT = 10,
    ENTRY_KIND_END,
};

/* flags: what was decided about the record, so that replay never asks today's tables. */
#define ENTRY_LATE           1u /* Its own month was cut: it stands in the open period. */
#define ENTRY_MULAID_IN_ACCT 2u /* acct_pay_includes_mulaid held for its province. */
#define ENTRY_ACCT_IN_FUND   4u /* fund_sum_includes_acct held. */
#define ENTRY_MULAID_CLEARED 8u /* clear_mulaid held. */
#define ENTRY_FLAGS_ALL      15u
#define ENTRY_HEAD_SIZE      64
#define ENTRY_BODY_MAX       4096 /* Bytes; no message that changes anything is larger. */
#define ENTRY_SIZE_MAX       (ENTRY_HEAD_SIZE + ENTRY_BODY_MAX)

struct entry {
    uint64_t seq;
    int64_t stamp_ms;
    uint64_t orig_seq;
    uint64_t prev_seq;
    uint32_t period;
    uint32_t orig_period;
    uint16_t kind;
    uint16_t flags;
    uint16_t sender;
    uint8_t line;
    uint8_t insurance;
    struct bytes body; /* Borrowed: the caller's on encode, inside the source on decode. */
};

/* Bytes that entry_encode() will write for a body of that size. */
size_t entry_size(size_t body_size);

/* The same by the head of one that is written, at least ENTRY_HEAD_SIZE bytes: 0 when no entry
 * begins so. Nothing else of it is looked at. */
size_t entry_size_said(struct bytes head);

/* Writes the entry to `out`, which has room for entry_size(entry->body.size) bytes. */
void entry_encode(const struct entry *entry, uint8_t *out);

/* The same in two parts: all but the sum, and the sum of what was written there. Bytes that were
 * written a moment ago are slow to be read in larger pieces than they were written in: who has
 * another entry to write sums the first one after it. */
void entry_write(const struct entry *entry, uint8_t *out);
void entry_seal(uint8_t *written);

/* Reads one entry from the front of `source`; returns its size, or 0 when what is there is no
 * whole, sound entry. The body is borrowed from `source`. */
size_t entry_decode(struct bytes source, struct entry *ret_entry);

/* The same for bytes whose block was verified a moment ago: the entry's own sum is not computed
 * again, every length still is checked. */
size_t entry_decode_trusted(struct bytes source, struct entry *ret_entry);

#endif
