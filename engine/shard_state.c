/* shard_state -- what a shard knows, and how a decision changes it.
 *
 * state_apply() is the only way the state changes, live and on replay. It judges nothing: what it
 * is given was decided, and whatever does not fit is a bug. */
#include <errno.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "ledger/person_index.h"
#include "shard_internal.h"
#include "types/civil.h"
#include "types/ensure.h"
#include "util/checksum.h"
#include "util/le.h"
#include "world/journal.h"

/* A run takes more checkpoints until it holds that many ids; then the next one begins. Fewer runs
 * leave the directory's 16 bits enough for 4,000 million ids. */
#define RUN_SEAL_IDS 65536

/* -- ids ------------------------------------------------------------------------------------ */

static uint64_t hash_id(const struct shard *shard, char domain, uint32_t scope, struct bytes id,
                        struct bytes psn_key)
{
    uint8_t text[8 + ID_SIZE_MAX + PSN_KEY_SIZE];
    const size_t size = id.size < ID_SIZE_MAX ? id.size : ID_SIZE_MAX;
    size_t used = 8;

    /* One word: it is read again at once, and as one. */
    le_store64(text, (uint8_t)domain | (uint64_t)size << 8 | (uint64_t)scope << 32);
    if (size != 0) memcpy(text + used, id.data, size);
    used += size;
    if (psn_key.size == PSN_KEY_SIZE) {
        memcpy(text + used, psn_key.data, PSN_KEY_SIZE);
        used += PSN_KEY_SIZE;
    }
    return checksum_hash64(shard->config.hash_seed, text, used);
}

uint64_t hash_msgid(const struct shard *shard, uint32_t sender, struct bytes msgid,
                    struct bytes psn_key)
{
    return hash_id(shard, 'M', sender, msgid, psn_key);
}

uint64_t hash_setl_id(const struct shard *shard, uint32_t insu_admdvs, struct bytes setl_id)
{
    return hash_id(shard, 'S', insu_admdvs, setl_id, (struct bytes){0});
}

uint64_t hash_adj_no(const struct shard *shard, uint32_t insu_admdvs, struct bytes adj_no,
                     struct bytes psn_key)
{
    return hash_id(shard, 'A', insu_admdvs, adj_no, psn_key);
}

/* -- reading -------------------------------------------------------------------------------- */

static struct entry entry_from(struct bytes bytes)
{
    struct entry entry;
    ENSURE(entry_decode_trusted(bytes, &entry) != 0);
    return entry;
}

bool was_found(int status)
{
    if (status != -ENOENT) NEED_STORE(status, "be read");
    return status == 0;
}

/* The stretch that the entry is in, and where that begins. */
static struct stretch stored_stretch(const struct shard *shard, uint64_t seq, uint32_t *ret_offset)
{
    uint8_t key[8];
    struct bytes found;
    struct bytes value;
    struct stretch stretch;

    be_store64(key, seq);
    const int r =
        store_floor(shard->store, STORE_RECORD, (struct bytes){key, sizeof key}, &found, &value);
    ENSURE(was_found(r)); /* Numbers are dense. */
    const bool there = found.size == sizeof key &&
                       stretch_read(be_load64(found.data), value, &stretch) &&
                       stretch_find(&stretch, seq, ret_offset);
    NEED_STORE(there ? 0 : -EUCLEAN, "say where an entry stands");
    return stretch;
}

/* An entry as it stands in the journal: its head says how far it goes, and nothing behind it is
 * asked for, which may be unreadable by itself. Its sum is computed again: what was once durable
 * may have rotted, and the state may name the wrong place. 0 or a negative errno. */
static int read_entry(struct journal_view *journal, uint32_t segment, uint32_t offset, uint64_t seq,
                      struct entry *ret_entry)
{
    struct bytes bytes;
    int r = journal_bytes(journal, segment, offset, ENTRY_HEAD_SIZE, &bytes);
    if (r != 0) return r;
    const size_t size = entry_size_said(bytes);
    if (size == 0) return -EUCLEAN;
    r = journal_bytes(journal, segment, offset, size, &bytes);
    if (r != 0) return r;
    return entry_decode(bytes, ret_entry) != 0 && ret_entry->seq == seq ? 0 : -EUCLEAN;
}

/* True for what is wrong with the place. What else there may be (no memory, no handles) is of the
 * whole process: that ends, and is well after a start. */
static bool is_of_place(int error)
{
    return error == -EIO || error == -EUCLEAN || error == -ENOENT || error == -ERANGE;
}

static void note_unread(const struct shard *shard, uint32_t segment, uint32_t offset, uint64_t seq,
                        int error)
{
    if (!is_of_place(error)) journal_lost(shard->journal, segment, offset, seq, error);
    shard->unread->seq = seq;
    shard->unread->segment = segment;
    shard->unread->offset = offset;
    journal_unread(shard->journal, segment, offset, seq, error);
}

bool unread_take(const struct shard *shard, struct failure *ret_failure)
{
    struct unread *unread = shard->unread;
    if (unread->seq == 0) return false;
    const uint64_t place = (uint64_t)shard->config.shard << 56 |
                           (uint64_t)(unread->segment & 0xffffff) << 32 | unread->offset;
    *ret_failure = (struct failure){
        .code = ERROR_RECORD_UNREADABLE,
        .check = CHECK_PLACE,
        .got = (int64_t)unread->seq,
        .want = (int64_t)place,
    };
    unread->seq = 0;
    unread->count++;
    return true;
}

void unread_leave(const struct shard *shard)
{
    shard->unread->seq = 0;
}

/* The bytes of an entry whose place is not in the store yet, or size 0. */
static struct bytes fresh_entry(const struct shard *shard, uint64_t seq)
{
    const struct bytes bytes = delta_entry(shard->active, seq);
    if (bytes.size != 0 || !shard->frozen_used) return bytes;
    return delta_entry(shard->frozen, seq);
}

bool entry_at(const struct shard *shard, uint64_t seq, struct entry *ret_entry)
{
    struct walk walk = {0};
    return walk_to(shard, &walk, seq, ret_entry);
}

/* 0, or why it cannot be read, in walk->stretch.segment at *ret_offset. */
static int find_entry(const struct shard *shard, struct walk *walk, uint64_t seq,
                      struct entry *ret_entry, uint32_t *ret_offset)
{
    const struct bytes bytes = fresh_entry(shard, seq);
    if (bytes.size != 0) {
        *ret_entry = entry_from(bytes);
        return 0;
    }
    if (!stretch_find(&walk->stretch, seq, ret_offset))
        walk->stretch = stored_stretch(shard, seq, ret_offset);
    return read_entry(shard->journal, walk->stretch.segment, *ret_offset, seq, ret_entry);
}

/* A disk may take seconds over a place that it cannot read: after one, the request needs no more.
 */
bool walk_to(const struct shard *shard, struct walk *walk, uint64_t seq, struct entry *ret_entry)
{
    uint32_t offset;
    if (unread_any(shard)) return false;
    const int r = find_entry(shard, walk, seq, ret_entry, &offset);
    if (r != 0) note_unread(shard, walk->stretch.segment, offset, seq, r);
    return r == 0;
}

struct entry walk_needed(const struct shard *shard, struct walk *walk, uint64_t seq)
{
    struct entry entry;
    uint32_t offset;
    const int r = find_entry(shard, walk, seq, &entry, &offset);
    if (r != 0) journal_lost(shard->journal, walk->stretch.segment, offset, seq, r);
    return entry;
}

struct entry entry_needed(const struct shard *shard, uint64_t seq)
{
    struct walk walk = {0};
    return walk_needed(shard, &walk, seq);
}

struct mark mark_of(const struct shard *shard, uint64_t seq)
{
    const struct mark *mark = delta_mark(shard->active, seq);
    if (mark != NULL) return *mark;
    mark = delta_mark(shard->frozen, seq);
    if (mark != NULL) return *mark;

    uint8_t key[8];
    struct bytes value;
    struct mark stored = {.seq = seq};
    if (seq > shard->checkpoint_seq) return stored; /* Nothing the store knows came after it, … */
    if (delta_count(shard->frozen) != 0 && seq >= delta_first_seq(shard->frozen)) {
        return stored; /* … nor did anything that the frozen delta does not know. */
    }
    be_store64(key, seq);
    if (was_found(store_get(shard->store, STORE_MARK, (struct bytes){key, sizeof key}, &value))) {
        ENSURE(mark_read(seq, value, &stored));
    }
    return stored;
}

/* -- rows ----------------------------------------------------------------------------------- */

bool shelf_read(const struct shard *shard, struct bytes key, struct bytes *ret_value)
{
    enum shelf_found found = shelf_get(shard->shelf, key, ret_value);
    if (found == SHELF_NOT_HERE) found = shelf_get(shard->shelf_frozen, key, ret_value);
    if (found != SHELF_NOT_HERE) return found == SHELF_VALUE;
    return was_found(store_get(shard->store, STORE_SHELF, key, ret_value));
}

/* A quarter: what a block may take fits at least once into the half of a shelf that is not yet due
 * for a checkpoint. */
size_t shelf_block_max(const struct shard *shard)
{
    return shard->config.shelf_bytes / 4;
}

size_t shelf_replay_max(const struct shard *shard)
{
    return 2 * shelf_block_max(shard);
}

bool shelf_can_take(const struct shard *shard, uint32_t rows, size_t bytes)
{
    const size_t more = (size_t)rows * SHELF_ROW_COST + bytes;
    return shelf_has_room(shard->shelf, rows, bytes + shard->mail_unshelved) &&
           more <= shelf_block_max(shard) - shard->shelf_spent;
}

void shelf_spend(struct shard *shard, size_t size)
{
    shard->shelf_spent += SHELF_ROW_COST + size;
    ENSURE(shard->shelf_spent <= shelf_replay_max(shard)); /* (P1) */
}

void shelf_spend_anew(struct shard *shard)
{
    shard->shelf_spent = 0;
    shard->outboxes_paid = 0;
}

void shelf_write(struct shard *shard, struct bytes key, struct bytes value)
{
    shelf_spend(shard, value.size);
    shelf_put(shard->shelf, key, value);
}

void shelf_write_new(struct shard *shard, struct bytes key, struct bytes value)
{
    shelf_spend(shard, value.size);
    shelf_put_new(shard->shelf, key, value);
}

void shelf_erase(struct shard *shard, struct bytes key)
{
    shelf_spend(shard, 0);
    shelf_drop(shard->shelf, key);
}

void lookup_begin(const struct shard *shard, uint64_t hash, struct lookup *ret_lookup)
{
    ret_lookup->hash = hash;
    ret_lookup->place = 0;
    ret_lookup->cursor = 0;
    ret_lookup->run_count = directory_find(shard->directory, hash, ret_lookup->runs);
    ret_lookup->all_runs = ret_lookup->run_count == DIRECTORY_MANY;
    if (ret_lookup->all_runs) ret_lookup->run_count = delta_run(shard->active);
}

/* The `cursor`-th id with that hash in a run of the store; 0 when there are no more. */
static uint64_t find_in_run(const struct shard *shard, uint32_t run, uint64_t hash, uint64_t cursor)
{
    uint8_t key[12];
    struct bytes found;
    struct bytes value;

    be_store32(key, run);
    be_store64(key + 4, hash);
    if (!was_found(
            store_floor(shard->store, STORE_ID, (struct bytes){key, sizeof key}, &found, &value)) ||
        found.size != sizeof key || be_load32(found.data) != run) {
        return 0;
    }
    const size_t count = value.size / sizeof(struct id);
    size_t low = 0;
    size_t high = count;
    while (low < high) {
        const size_t middle = (low + high) / 2;
        if (le_load64(value.data + middle * sizeof(struct id)) < hash) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low += cursor;
    if (low >= count || le_load64(value.data + low * sizeof(struct id)) != hash) return 0;
    return le_load64(value.data + low * sizeof(struct id) + 8);
}

bool lookup_next(const struct shard *shard, struct lookup *lookup, struct entry *ret_entry)
{
    if (lookup->run_count == 0) return false;
    for (; lookup->place < 2 + lookup->run_count; lookup->place++, lookup->cursor = 0) {
        uint64_t seq = 0;
        if (lookup->place == 0) {
            seq = delta_find_id(shard->active, lookup->hash, &lookup->cursor);
        } else if (lookup->place == 1) {
            if (shard->frozen_used) {
                seq = delta_find_id(shard->frozen, lookup->hash, &lookup->cursor);
            }
        } else {
            const uint32_t nth = lookup->place - 2;
            const uint32_t run = lookup->all_runs ? nth + 1 : lookup->runs[nth];
            seq = find_in_run(shard, run, lookup->hash, lookup->cursor++);
        }
        if (seq != 0) return entry_at(shard, seq, ret_entry);
    }
    return false;
}

/* -- changing ------------------------------------------------------------------------------- */

void add_id(struct shard *shard, uint64_t hash, uint64_t seq)
{
    delta_add_id(shard->active, hash, seq);
    directory_add(shard->directory, hash, delta_run(shard->active));
}

void change_mark(struct shard *shard, uint64_t seq, const struct entry *entry,
                 const int64_t *amounts, int sign, int refunds)
{
    struct mark mark = mark_of(shard, seq);
    /* One taken back is not the newest any more, and the chain goes on from the newest. */
    if (entry->seq > mark.last_seq) mark.last_seq = entry->seq;
    mark.refunds = (uint32_t)((int)mark.refunds + refunds);
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
        mark.changes[i] += sign * amounts[i];
    delta_put_mark(shard->active, &mark);
}

void adjustment_amounts(const struct adjustment *adjustment, int64_t *ret_amounts)
{
    memcpy(ret_amounts, adjustment->amounts, sizeof adjustment->amounts);
    for (int i = AMOUNT_FUND_FIRST; i <= AMOUNT_FUND_LAST; i++)
        ret_amounts[AMOUNT_FUND_SUM] += adjustment->amounts[i];
}

/* -- notes: what the merge is told of a record, that it need not decode it again --------------- */

/* What of a record does not stand in its posting. */
struct subject {
    struct bytes psn_key;
    int64_t at_ms; /* What its day is taken from. */
    uint32_t insu_admdvs;
    uint32_t mdtrtarea_admvs;
};

static void add_note(struct shard *shard, enum note_kind kind, uint64_t seq,
                     const struct posting *posting, struct posting_kind posted,
                     struct subject subject)
{
    struct record_note *note = delta_new_note(shard->active); /* Field by field, in its place. */
    note->seq = seq;
    note->person = person_bits(subject.psn_key);
    note->at_ms = subject.at_ms;
    note->key = posting->key;
    note->insu_admdvs = subject.insu_admdvs;
    note->mdtrtarea_admvs = subject.mdtrtarea_admvs;
    note->kind = (uint8_t)kind;
    note->refund = posted.refund;
    memset(note->reserved, 0, sizeof note->reserved);
    note->medfee = posting->medfee;
    memcpy(note->funds, posting->funds, sizeof note->funds);
    note->content_hash = posted.content_hash;
}

void note_settlement(struct shard *shard, enum note_kind note, uint64_t seq,
                     const struct settlement *s, const struct posting *posting,
                     struct posting_kind kind)
{
    const struct subject subject = {s->psn_key, s->setl_time, s->insu_admdvs, s->mdtrtarea_admvs};
    add_note(shard, note, seq, posting, kind, subject);
}

/* An adjustment has no time of its own: its day is that of its stamp. */
static void note_adjustment(struct shard *shard, enum note_kind note, uint64_t seq,
                            int64_t stamp_ms, const struct adjustment *a,
                            const struct posting *posting, struct posting_kind kind)
{
    const struct subject subject = {a->psn_key, stamp_ms, a->insu_admdvs, a->mdtrtarea_admvs};
    add_note(shard, note, seq, posting, kind, subject);
}

void record_ahead(const struct shard *shard, const struct entry *entry,
                  struct settlement *ret_settlement, struct record *ret_record)
{
    const struct settlement *s = ret_settlement;
    uint32_t field;
    ret_record->settlement = NULL;
    if (entry->kind != ENTRY_SETTLEMENT && entry->kind != ENTRY_REFUND) return;
    ENSURE(settlement_decode(entry->body, ret_settlement, &field));
    *ret_record = (struct record){
        .settlement = s,
        .msgid_hash = hash_msgid(shard, entry->sender, s->msgid, s->psn_key),
        .setl_id_hash = hash_setl_id(shard, s->insu_admdvs, s->setl_id),
        .posting = posting_of(entry, s),
    };
    id_ahead(shard, ret_record->msgid_hash);
    id_ahead(shard, ret_record->setl_id_hash);
    book_prefetch(shard->book, ret_record->posting.key);
}

static void apply_record(struct shard *shard, const struct entry *entry,
                         const struct record *record)
{
    const struct settlement *s = record->settlement;
    const struct posting_kind kind = {
        .refund = entry->kind == ENTRY_REFUND,
        .late = (entry->flags & ENTRY_LATE) != 0,
        .content_hash = settlement_content_hash(s),
    };
    book_post(shard->book, &record->posting, kind);
    note_settlement(shard, NOTE_RECORD, entry->seq, s, &record->posting, kind);
    add_id(shard, record->msgid_hash, entry->seq);
    add_id(shard, record->setl_id_hash, entry->seq);
    if (entry->kind == ENTRY_REFUND) change_mark(shard, entry->orig_seq, entry, s->amounts, 1, 1);
}

static void apply_adjustment(struct shard *shard, const struct entry *entry)
{
    struct adjustment adjustment;
    uint32_t field;
    int64_t amounts[AMOUNT_COUNT];

    ENSURE(adjustment_decode(entry->body, &adjustment, &field));
    const struct posting posting = adjustment_posting_of(entry, &adjustment);
    const struct posting_kind kind = {
        .late = (entry->flags & ENTRY_LATE) != 0,
        .content_hash = adjustment_content_hash(&adjustment),
    };
    book_post(shard->book, &posting, kind);
    note_adjustment(shard, NOTE_RECORD, entry->seq, entry->stamp_ms, &adjustment, &posting, kind);
    add_id(shard, hash_msgid(shard, entry->sender, adjustment.msgid, adjustment.psn_key),
           entry->seq);
    add_id(shard, hash_adj_no(shard, adjustment.insu_admdvs, adjustment.adj_no, adjustment.psn_key),
           entry->seq);
    adjustment_amounts(&adjustment, amounts);
    change_mark(shard, entry->orig_seq, entry, amounts, 1, 0);
}

/* Takes the corrected record back as if it had never been; its ids stay, so that it cannot come
 * again. */
static void take_back(struct shard *shard, const struct entry *entry)
{
    const struct entry original = entry_needed(shard, entry->orig_seq);
    struct posting_kind kind = {
        .refund = original.kind == ENTRY_REFUND,
        .late = (original.flags & ENTRY_LATE) != 0,
    };
    struct posting posting;
    uint32_t field;

    if (original.kind == ENTRY_ADJUSTMENT) {
        struct adjustment adjustment;
        int64_t amounts[AMOUNT_COUNT];
        ENSURE(adjustment_decode(original.body, &adjustment, &field));
        posting = adjustment_posting_of(&original, &adjustment);
        kind.content_hash = adjustment_content_hash(&adjustment);
        adjustment_amounts(&adjustment, amounts);
        change_mark(shard, original.orig_seq, &original, amounts, -1, 0);
        note_adjustment(shard, NOTE_TAKEN_BACK, entry->seq, original.stamp_ms, &adjustment,
                        &posting, kind);
    } else {
        struct settlement s;
        ENSURE(settlement_decode(original.body, &s, &field));
        posting = posting_of(&original, &s);
        kind.content_hash = settlement_content_hash(&s);
        if (kind.refund) change_mark(shard, original.orig_seq, &original, s.amounts, -1, -1);
        note_settlement(shard, NOTE_TAKEN_BACK, entry->seq, &s, &posting, kind);
    }
    book_unpost(shard->book, &posting, kind);

    struct mark mark = mark_of(shard, original.seq);
    mark.flags |= MARK_REVERSED;
    mark.last_seq = entry->seq;
    delta_put_mark(shard->active, &mark);
}

static void apply_correction(struct shard *shard, const struct entry *entry)
{
    struct correction correction;
    uint32_t field;

    ENSURE(correction_decode(entry->body, &correction, &field));
    add_id(shard, hash_msgid(shard, entry->sender, correction.msgid, correction.psn_key),
           entry->seq);
    if (entry->orig_seq != 0) {
        take_back(shard, entry);
    } else {
        add_id(shard, hash_msgid(shard, entry->sender, correction.omsgid, correction.psn_key),
               entry->seq);
    }
}

void state_apply(struct shard *shard, const struct entry *entry, const struct record *record,
                 struct bytes entry_bytes)
{
    ENSURE(entry->seq == shard->last_seq + 1);
    ENSURE(entry->stamp_ms >= shard->stamp_ms);
    shard->last_seq = entry->seq;
    shard->stamp_ms = entry->stamp_ms;
    delta_append(shard->active, entry_bytes);

    switch ((enum entry_kind)entry->kind) {
    case ENTRY_SETTLEMENT:
    case ENTRY_REFUND:
        apply_record(shard, entry, record);
        return;
    case ENTRY_ADJUSTMENT:
        apply_adjustment(shard, entry);
        return;
    case ENTRY_CORRECTION:
        apply_correction(shard, entry);
        return;
    case ENTRY_CUT:
        shard->cuts++;
        (void)book_cut(shard->book, entry->period, shard->cuts);
        shard->cut_through = entry->period;
        return;
    case ENTRY_CLOCK:
        return; /* The stamp is all it brings. */
    case ENTRY_YEAR_CLOSE:
        shard->closed_year = entry->period / 100;
        return;
    case ENTRY_CYCLE:
        /* The cycle's own; nothing of the shard's changes, but that its entries are listed. */
        delta_add_note(shard->active, &(struct record_note){.seq = entry->seq, .kind = NOTE_CYCLE});
        return;
    case ENTRY_WALLET:
        apply_wallet(shard, entry);
        return;
    case ENTRY_DEBT:
        apply_debt(shard, entry);
        return;
    case ENTRY_KIND_END:
        break;
    }
    ENSURE(entry->kind < ENTRY_KIND_END);
}

void note_block(struct shard *shard, uint64_t first_seq, uint32_t segment, uint32_t offset)
{
    const bool frozen = shard->frozen_used && first_seq < delta_first_seq(shard->active);
    delta_add_block(frozen ? shard->frozen : shard->active, first_seq, segment,
                    offset + BLOCK_HEAD_SIZE);
}

/* -- checkpoint ----------------------------------------------------------------------------- */

void state_freeze(struct shard *shard)
{
    ENSURE(!shard->frozen_used);
    persons_freeze(shard);
    struct delta *delta = shard->active;
    ENSURE(delta_is_kept(delta));
    uint32_t run = delta_run(delta);
    uint32_t run_ids = shard->run_ids + delta_ids(delta);
    const uint32_t run_ids_before = shard->run_ids;

    if (run_ids >= RUN_SEAL_IDS) {
        ENSURE(run < DIRECTORY_RUN_MAX);
        run++;
        run_ids = 0;
    }
    shard->active = shard->frozen;
    shard->frozen = delta;
    shard->frozen_used = true;
    shard->run_ids = run_ids;
    delta_reset(shard->active, shard->last_seq + 1, run);
    struct shelf *shelf = shard->shelf;
    shard->shelf = shard->shelf_frozen;
    shard->shelf_frozen = shelf;
    shelf_reset(shard->shelf);

    struct merge *merge = &shard->merge;
    merge->delta = delta;
    merge->shelf = shelf;
    merge->run_ids_before = run_ids_before;
    merge->cells = shard->merge_cells;
    merge->cell_count = book_take_changed(shard->book, shard->merge_cells);
    merge->meta = (struct shard_meta){
        .format = SHARD_META_FORMAT,
        .shard = shard->config.shard,
        .seq = shard->last_seq,
        .stamp_ms = shard->stamp_ms,
        .next_block = shard->next_block,
        .segment = shard->segment,
        .offset = shard->offset,
        .cut_through = shard->cut_through,
        .closed_year = shard->closed_year,
        .cuts = shard->cuts,
        .run = run,
        .run_ids = run_ids,
        .journal_bytes = shard->journal_bytes,
    };
    memcpy(merge->meta.hash, shard->hash, sizeof merge->meta.hash);
}

void state_merged(struct shard *shard)
{
    NEED_STORE(store_refresh(shard->store), "be read");
    shard->checkpoint_seq = shard->merge.meta.seq;
    shard->frozen_used = false;
    shard->status.checkpoints++;
}
