/* shard_records -- the records of one person: by the index as far as the last checkpoint, and entry
 * by entry after it, where the deltas have them. */
#include "shard_internal.h"
#include "types/ensure.h"

struct person_records person_records_from(struct bytes psn_key, uint64_t from_seq, bool descending)
{
    struct person_records records = {.cursor = person_cursor_from(psn_key, from_seq, descending)};
    ENSURE(psn_key.size == sizeof records.psn_key);
    memcpy(records.psn_key, psn_key.data, psn_key.size);
    return records;
}

/* The next number that may be a record of the person. */
static enum person_found next_number(const struct shard *shard, struct person_cursor *cursor,
                                     uint64_t *ret_seq)
{
    if (cursor->descending == 0 && cursor->seq == 0) cursor->seq = 1;
    if (cursor->descending != 0 && cursor->seq > shard->last_seq) cursor->seq = shard->last_seq;
    if (cursor->seq == 0 || cursor->seq > shard->last_seq) return PERSON_END;
    if (cursor->seq > shard->checkpoint_seq) {
        *ret_seq = cursor->seq;
        cursor->seq += cursor->descending != 0 ? (uint64_t)-1 : 1;
        return PERSON_FOUND;
    }
    const enum person_found found = person_index_next(shard->store, cursor, ret_seq);
    if (found != PERSON_END || cursor->descending != 0) return found;
    cursor->seq = shard->checkpoint_seq + 1;
    return PERSON_NOT_HERE;
}

enum person_next person_records_next(const struct shard *shard, struct person_records *records,
                                     uint32_t *looks, struct entry *ret_entry)
{
    const struct bytes wanted = {records->psn_key, sizeof records->psn_key};
    struct walk walk = {0};
    for (; *looks != 0; --*looks) {
        uint64_t seq;
        struct bytes psn_key;
        switch (next_number(shard, &records->cursor, &seq)) {
        case PERSON_FOUND:
            if (!walk_to(shard, &walk, seq, ret_entry)) return PERSON_NO_MORE;
            if (facts_person(ret_entry, &psn_key) && bytes_equal(psn_key, wanted)) {
                --*looks;
                return PERSON_RECORD;
            }
            break;
        case PERSON_NOT_HERE:
            break;
        case PERSON_END:
            return PERSON_NO_MORE;
        }
    }
    return PERSON_LATER;
}
