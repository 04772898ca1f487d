/* shard_judge -- what the files that judge messages share: shard_judge.c has settlements and what
 * is asked of every message, shard_changes.c adjustments and corrections. Only they include it. */
#ifndef SHARD_JUDGE_H
#define SHARD_JUDGE_H

#include "codec/messages.h"
#include "shard_internal.h"
#include "types/ensure.h"

/* -- verdicts --------------------------------------------------------------------------------- */

/* Adds what is wrong with it. */
static inline void refuse(struct verdict *verdict, uint32_t code, uint32_t field, enum check check,
                          int64_t got, int64_t want)
{
    failures_add(&verdict->failures, code, field, check, got, want);
}

static inline bool refused(const struct verdict *verdict)
{
    return verdict->failures.count != 0;
}

/* It was judged before: the same answer, whatever the rules say today. */
static inline void answer_again(struct verdict *verdict, const struct entry *first, uint8_t state)
{
    verdict->dup = true;
    verdict->state = state;
    verdict->entry = *first;
}

/* -- entries as the nouns they hold ----------------------------------------------------------- */

static inline bool is_record(const struct entry *entry)
{
    return entry->kind == ENTRY_SETTLEMENT || entry->kind == ENTRY_REFUND;
}

static inline struct settlement settlement_of(const struct entry *entry)
{
    struct settlement s;
    uint32_t field;
    ENSURE(settlement_decode(entry->body, &s, &field));
    return s;
}

static inline struct adjustment adjustment_of(const struct entry *entry)
{
    struct adjustment a;
    uint32_t field;
    ENSURE(adjustment_decode(entry->body, &a, &field));
    return a;
}

static inline struct correction correction_of(const struct entry *entry)
{
    struct correction c;
    uint32_t field;
    ENSURE(correction_decode(entry->body, &c, &field));
    return c;
}

/* A correction took it back. */
static inline bool is_reversed(const struct shard *shard, uint64_t seq)
{
    return (mark_of(shard, seq).flags & MARK_REVERSED) != 0;
}

/* -- shard_judge.c ---------------------------------------------------------------------------- */

/* The entry that came from this sender for this person under this msgid. */
bool find_msgid(const struct shard *shard, uint64_t hash, uint32_t sender, struct bytes msgid,
                struct bytes psn_key, struct entry *ret_entry);

/* A correction of this msgid that came before it and still counts. */
bool find_tombstone(const struct shard *shard, uint64_t hash, uint32_t sender, struct bytes msgid,
                    struct bytes psn_key, int64_t now_ms, struct entry *ret_entry);

/* The settlement or refund of this person with that business key. */
bool find_setl_id(const struct shard *shard, uint64_t hash, uint32_t insu_admdvs,
                  struct bytes setl_id, struct bytes psn_key, struct entry *ret_entry,
                  struct settlement *ret_settlement);

/* Fills in when and where it will be posted, and refuses a closed year. */
void assign_period(const struct shard *shard, uint32_t month, uint32_t field,
                   struct verdict *verdict);

/* The province that counts as the sender; refuses one the session may not speak for. */
uint16_t judge_sender(const struct message *message, uint32_t sender_admdvs,
                      uint32_t default_admdvs, uint32_t field, struct verdict *verdict);

/* -- shard_changes.c -------------------------------------------------------------------------- */

/* Judges the message, of that type and well formed, into a verdict that is empty. */
void judge_adjustment(const struct shard *shard, const struct message *message, int64_t now_ms,
                      struct verdict *verdict);
void judge_correction(const struct shard *shard, const struct message *message, int64_t now_ms,
                      struct verdict *verdict);

#endif
