/* shard_answers -- what the clearing cycle asks a shard about its records: tallies, scans, facts.
 *
 * Reads only. An answer tells of every entry there is, written or not: it leaves when the last of
 * them is durable (J1). */
#include <errno.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "shard_internal.h"
#include "types/ensure.h"
#include "util/le.h"

/* A growing list of equal items. */
struct list {
    uint8_t *data;
    size_t size; /* Bytes. */
    size_t room;
};

/* False without memory; then the list is freed. */
static bool list_add(struct list *list, const void *item, size_t size)
{
    if (list->room - list->size < size) {
        const size_t room = 2 * list->room + 64 * size;
        uint8_t *more = realloc(list->data, room);
        if (more == NULL) {
            free(list->data);
            *list = (struct list){0};
            return false;
        }
        list->data = more;
        list->room = room;
    }
    memcpy(list->data + list->size, item, size);
    list->size += size;
    return true;
}

static uint32_t give(const struct list *list, struct answer *ret_answer)
{
    ret_answer->data = list->data;
    ret_answer->size = list->size;
    return ERROR_OK;
}

/* -- tallies -------------------------------------------------------------------------------- */

/* The key behind a tally's: counted up as one number of 12 bytes. */
static void next_key(const uint8_t *after, uint8_t out[TALLY_KEY_SIZE])
{
    const uint64_t high = be_load64(after);
    const uint32_t low = be_load32(after + 8) + 1;
    be_store64(out, high + (low == 0));
    be_store32(out + 8, low);
}

/* Those of one part in every month: of each month only the part's own keys are read. */
static bool list_part(const struct shard *shard, uint32_t kind, uint32_t part, struct list *list)
{
    struct tally_key from = {.kind = kind, .part = part};
    struct bytes found;
    struct bytes value;
    uint8_t key[TALLY_KEY_SIZE];

    tally_key_encode(&from, key);
    while (was_found(store_ceiling(shard->store, STORE_TALLY, (struct bytes){key, sizeof key},
                                   &found, &value))) {
        struct tally tally;
        ENSURE(tally_read(found, value, &tally));
        if (tally.key.kind != kind) break;
        if (tally.key.part == part) {
            if (!list_add(list, &tally, sizeof tally)) return false;
            next_key(found.data, key);
        } else { /* Before the part in its month, or behind it: on to the next month's. */
            from.period = tally.key.period + (tally.key.part > part);
            tally_key_encode(&from, key);
        }
    }
    return true;
}

uint32_t answer_tallies(const struct shard *shard, struct bytes body, struct answer *ret_answer)
{
    struct tally_question question;
    struct list list = {0};
    struct bytes found;
    struct bytes value;
    uint8_t key[TALLY_KEY_SIZE];

    if (body.size != sizeof question) return ERROR_MALFORMED;
    memcpy(&question, body.data, sizeof question);
    ret_answer->seq = shard->checkpoint_seq;
    if (question.every_month != 0) {
        if (!list_part(shard, question.kind, question.part, &list)) return ERROR_OVERLOAD;
        return give(&list, ret_answer);
    }
    const struct tally_key first = {
        .kind = question.kind, .period = question.period, .part = question.part};
    const uint32_t part_last = question.part_last != 0 ? question.part_last : question.part;
    const size_t size_max =
        question.rows_max == 0 ? SIZE_MAX : question.rows_max * sizeof(struct tally);
    tally_key_encode(&first, key);
    if (question.after.kind != 0) {
        tally_key_encode(&question.after, key);
        next_key(key, key);
    }
    while (list.size < size_max &&
           was_found(store_ceiling(shard->store, STORE_TALLY, (struct bytes){key, sizeof key},
                                   &found, &value))) {
        struct tally tally;
        ENSURE(tally_read(found, value, &tally));
        if (tally.key.kind != question.kind || tally.key.period != question.period) break;
        if (question.part != 0 && tally.key.part > part_last) break;
        if (!list_add(&list, &tally, sizeof tally)) return ERROR_OVERLOAD;
        next_key(found.data, key);
    }
    return give(&list, ret_answer);
}

/* -- facts of records ----------------------------------------------------------------------- */

/* Adds what the shard knows beside the entry. */
static void add_state(const struct shard *shard, struct record_facts *facts)
{
    const struct cell *cell = book_find(shard->book, (struct cell_key){
                                                         .period = facts->period,
                                                         .payer = facts->payer,
                                                         .payee = facts->payee,
                                                         .line = facts->line,
                                                         .insurance = facts->insurance,
                                                     });
    if (cell != NULL && cell->cut != 0) facts->flags |= RECORD_CUT;
    if ((mark_of(shard, facts->seq).flags & MARK_REVERSED) != 0) facts->flags |= RECORD_REVERSED;
}

static bool same_ref(const struct record_ref *a, const struct record_ref *b)
{
    return a->insu_admdvs == b->insu_admdvs && a->size == b->size &&
           memcmp(a->setl_id, b->setl_id, a->size) == 0;
}

uint32_t answer_facts(const struct shard *shard, struct bytes body, struct answer *ret_answer)
{
    struct list list = {0};

    if (body.size % sizeof(struct record_ref) != 0) return ERROR_MALFORMED;
    for (size_t at = 0; at < body.size; at += sizeof(struct record_ref)) {
        struct record_ref ref;
        struct lookup lookup;
        struct entry entry;
        memcpy(&ref, body.data + at, sizeof ref);
        if (ref.size > ID_SIZE_MAX) continue; /* Nothing can have that name. */
        const struct bytes setl_id = {(const uint8_t *)ref.setl_id, ref.size};
        lookup_begin(shard, hash_setl_id(shard, ref.insu_admdvs, setl_id), &lookup);
        while (lookup_next(shard, &lookup, &entry)) {
            struct record_facts facts;
            if (!is_settlement(&entry)) continue;
            ENSURE(facts_of(&entry, &facts));
            if (!same_ref(&facts.ref, &ref)) continue;
            facts.shard = shard->config.shard;
            add_state(shard, &facts);
            if (!list_add(&list, &facts, sizeof facts)) return ERROR_OVERLOAD;
        }
    }
    ret_answer->seq = shard->last_seq;
    return give(&list, ret_answer);
}

/* -- scans ---------------------------------------------------------------------------------- */

/* The record an entry brings or, in a scan of changes, takes back. */
static bool change_of(const struct shard *shard, const struct entry *entry, uint32_t mode,
                      struct record_facts *ret_facts)
{
    if (facts_of(entry, ret_facts)) return true;
    if (mode != SCAN_CHANGES || entry->kind != ENTRY_CORRECTION || entry->orig_seq == 0) {
        return false;
    }
    struct entry original;
    if (!entry_at(shard, entry->orig_seq, &original)) return false;
    ENSURE(facts_of(&original, ret_facts));
    ret_facts->flags |= RECORD_TAKEN_BACK;
    return true;
}

static bool wanted(const struct scan_question *question, const struct record_facts *facts)
{
    return (question->day == 0 || facts->day == question->day) &&
           (question->payer == SCAN_ANY || facts->payer == question->payer) &&
           (question->payee == SCAN_ANY || facts->payee == question->payee);
}

uint32_t answer_scan(const struct shard *shard, struct bytes body, struct answer *ret_answer)
{
    struct scan_question question;
    struct list list = {0};
    struct walk walk = {0};

    if (body.size != sizeof question) return ERROR_MALFORMED;
    memcpy(&question, body.data, sizeof question);
    if (question.mode > SCAN_CHANGES) return ERROR_MALFORMED;
    const uint64_t first = question.from_seq == 0 ? 1 : question.from_seq;
    const bool all = question.to_seq == 0 || question.to_seq > shard->last_seq;
    const uint64_t last = all ? shard->last_seq : question.to_seq;

    uint64_t seq = first;
    for (; seq <= last && seq - first < SCAN_ENTRIES; seq++) {
        struct entry entry;
        struct record_facts facts;
        if (!walk_to(shard, &walk, seq, &entry)) break;
        /* A correction stands in the period of what it takes back. */
        if (question.period != 0 && entry.period != question.period) continue;
        if (!change_of(shard, &entry, question.mode, &facts)) continue;
        if (!wanted(&question, &facts)) continue;
        facts.shard = shard->config.shard;
        if (question.mode == SCAN_RECORDS) {
            add_state(shard, &facts);
            if ((facts.flags & RECORD_REVERSED) != 0) continue;
        }
        if (!list_add(&list, &facts, sizeof facts)) return ERROR_OVERLOAD;
    }
    ret_answer->seq = seq <= last ? seq : 0;
    return give(&list, ret_answer);
}

/* -- the cycle's entries -------------------------------------------------------------------- */

/* Those of a delta. */
static bool each_fresh(const struct delta *delta, shard_cycle_fn *visit, void *context)
{
    const uint64_t first = delta_first_seq(delta);
    const uint64_t end = first + delta_count(delta);
    for (uint64_t seq = first; seq < end; seq++) {
        struct entry entry;
        ENSURE(entry_decode_trusted(delta_entry(delta, seq), &entry) != 0);
        if (entry.kind == ENTRY_CYCLE && !visit(context, entry.body, seq)) return false;
    }
    return true;
}

bool shard_each_cycle(const struct shard *shard, shard_cycle_fn *visit, void *context)
{
    uint8_t key[8] = {0};
    struct bytes found;
    struct bytes value;
    struct walk walk = {0};

    while (was_found(store_ceiling(shard->store, STORE_CYCLE, (struct bytes){key, sizeof key},
                                   &found, &value))) {
        ENSURE(found.size == sizeof key);
        const uint64_t seq = be_load64(found.data);
        const struct entry entry = walk_needed(shard, &walk, seq);
        ENSURE(entry.kind == ENTRY_CYCLE);
        if (!visit(context, entry.body, seq)) return false;
        be_store64(key, seq + 1);
    }
    if (shard->frozen_used && !each_fresh(shard->frozen, visit, context)) return false;
    return each_fresh(shard->active, visit, context);
}
