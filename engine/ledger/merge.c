#include "ledger/merge.h"

#include <errno.h>

#include "ledger/book.h"
#include "ledger/person_index.h"
#include "ledger/radix.h"
#include "ledger/stretch.h"
#include "types/ensure.h"
#include "util/le.h"

#define META_KEY    "meta"
#define ID_KEY_SIZE 12
#define PAGE_SIZE   4096

/* A record is in one tally of each kind; a new row takes about so much of a page. */
#define TALLIES_PER_RECORD 3
#define TALLY_ROOM         (sizeof(struct tally) + TALLY_KEY_SIZE + 16)

/* Key and heads of a stretch; there is one a block at least. */
#define STRETCH_ROOM 32

size_t merge_estimate(const struct merge *merge)
{
    uint32_t marks;
    uint32_t blocks;
    (void)delta_marks(merge->delta, &marks);
    (void)delta_blocks(merge->delta, &blocks);
    /* Twice the payload for page heads and copied pages, and a fixed share for the trees. */
    return 2 * ((size_t)delta_count(merge->delta) * sizeof(uint32_t) +
                (size_t)blocks * STRETCH_ROOM +
                ((size_t)delta_ids(merge->delta) + merge->run_ids_before) * sizeof(struct id) +
                (size_t)marks * PAGE_SIZE + (size_t)merge->cell_count * PAGE_SIZE +
                (size_t)delta_count(merge->delta) * sizeof(struct id) +
                PERSON_RUN_SEAL * sizeof(struct id) + shelf_used(merge->shelf) +
                (size_t)shelf_count(merge->shelf) * PAGE_SIZE +
                (size_t)delta_count(merge->delta) * TALLIES_PER_RECORD * TALLY_ROOM) +
           4096 * PAGE_SIZE;
}

static int put_stretch(struct store_txn *txn, uint64_t first_seq, const struct stretch_draft *draft)
{
    uint8_t key[8];
    be_store64(key, first_seq);
    return store_append(txn, STORE_RECORD, (struct bytes){key, sizeof key}, stretch_value(draft));
}

/* Where the entries of one block stand, up to `end`: they lie there as they do in the delta. */
static int put_block(struct store_txn *txn, const struct delta *delta,
                     const struct delta_block *block, uint64_t end)
{
    const uint8_t *start = delta_entry(delta, block->first_seq).data;
    struct stretch_draft draft;
    uint64_t first = block->first_seq;

    stretch_begin(&draft, block->segment, block->offset);
    for (uint64_t seq = first + 1; seq < end; seq++) {
        const uint32_t offset = block->offset + (uint32_t)(delta_entry(delta, seq).data - start);
        if (stretch_add(&draft, offset)) continue;
        const int r = put_stretch(txn, first, &draft);
        if (r != 0) return r;
        stretch_begin(&draft, block->segment, offset);
        first = seq;
    }
    return put_stretch(txn, first, &draft);
}

/* Every entry is in a durable block: a merge begins only then. */
static int put_records(struct store_txn *txn, const struct merge *merge)
{
    const struct delta *delta = merge->delta;
    const uint64_t end = delta_first_seq(delta) + delta_count(delta);
    uint32_t count;
    const struct delta_block *blocks = delta_blocks(delta, &count);

    ENSURE(count != 0);
    ENSURE(blocks[0].first_seq == delta_first_seq(delta));
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t behind = i + 1 == count ? end : blocks[i + 1].first_seq;
        const int r = put_block(txn, delta, &blocks[i], behind);
        if (r != 0) return r;
    }
    return 0;
}

static void id_key(uint8_t key[ID_KEY_SIZE], uint32_t run, uint64_t hash)
{
    be_store32(key, run);
    be_store64(key + 4, hash);
}

/* Reads the ids that the run holds already, at most `room`, and removes their chunks. A run is
 * continued only while it is small, so this stays cheap. */
static int take_run(struct store_txn *txn, struct merge *merge, uint32_t room, uint32_t *ret_count)
{
    const uint32_t run = delta_run(merge->delta);
    uint8_t key[ID_KEY_SIZE];
    struct bytes found;
    struct bytes value;
    uint64_t hash = 0;

    *ret_count = 0;
    if (merge->run_ids_before == 0) return 0;
    for (;;) {
        id_key(key, run, hash);
        int r = store_txn_ceiling(txn, STORE_ID, (struct bytes){key, sizeof key}, &found, &value);
        if (r == -ENOENT) return 0;
        if (r != 0) return r;
        if (found.size != ID_KEY_SIZE || be_load32(found.data) != run) return 0;
        const size_t ids = value.size / sizeof(struct id);
        if (ids > room - *ret_count) return -EUCLEAN;
        memcpy(merge->ids + *ret_count, value.data, ids * sizeof(struct id));
        *ret_count += (uint32_t)ids;
        hash = be_load64(found.data + 4);
        id_key(key, run, hash);
        r = store_delete(txn, STORE_ID, (struct bytes){key, sizeof key});
        if (r != 0) return r;
    }
}

/* How many ids go into the next chunk: equal hashes stay together, for the first hash is its key.
 */
static uint32_t chunk_length(const struct id *ids, uint32_t left)
{
    if (left <= ID_CHUNK_COUNT) return left;
    uint32_t length = ID_CHUNK_COUNT;
    while (length > 1 && ids[length - 1].hash == ids[length].hash)
        length--;
    /* A chunk full of one hash would be somebody's work; then it may be longer. */
    if (length == 1) {
        length = ID_CHUNK_COUNT;
        while (length < left && ids[length].hash == ids[length - 1].hash)
            length++;
    }
    return length;
}

static int put_ids(struct store_txn *txn, struct merge *merge)
{
    const uint32_t run = delta_run(merge->delta);
    const uint32_t fresh = delta_ids(merge->delta);
    uint32_t count;

    if (fresh == 0) return 0;
    ENSURE(fresh <= merge->ids_room);
    int r = take_run(txn, merge, merge->ids_room - fresh, &count);
    if (r != 0) return r;
    memcpy(merge->ids + count, delta_id_list(merge->delta), fresh * sizeof *merge->ids);
    count += fresh; /* Equal hashes stand in the order of their entries, and stay in it. */
    struct id *const sorted = radix_sort(merge->ids, merge->ids_sorted, count, 0);
    if (sorted != merge->ids) {
        merge->ids_sorted = merge->ids;
        merge->ids = sorted;
    }

    for (uint32_t i = 0, part = 0; i < count; i += part) {
        part = chunk_length(merge->ids + i, count - i);
        uint8_t key[ID_KEY_SIZE];
        id_key(key, run, merge->ids[i].hash);
        r = store_put(txn, STORE_ID, (struct bytes){key, sizeof key},
                      (struct bytes){(const uint8_t *)&merge->ids[i], part * sizeof(struct id)});
        if (r != 0) return r;
    }
    return 0;
}

static int put_marks(struct store_txn *txn, const struct merge *merge)
{
    uint32_t count;
    const struct mark *marks = delta_marks(merge->delta, &count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t key[8];
        uint8_t value[MARK_SIZE_MAX];
        be_store64(key, marks[i].seq);
        const int r = store_put(txn, STORE_MARK, (struct bytes){key, sizeof key},
                                (struct bytes){value, mark_pack(&marks[i], value)});
        if (r != 0) return r;
    }
    return 0;
}

static int put_cells(struct store_txn *txn, const struct merge *merge)
{
    for (uint32_t i = 0; i < merge->cell_count; i++) {
        uint8_t key[CELL_KEY_SIZE];
        uint8_t value[CELL_SIZE_MAX];
        cell_key_encode(merge->cells[i].key, key);
        const int r = store_put(txn, STORE_CELL, (struct bytes){key, sizeof key},
                                (struct bytes){value, cell_pack(&merge->cells[i], value)});
        if (r != 0) return r;
    }
    return 0;
}

static int put_shelf(struct store_txn *txn, const struct merge *merge)
{
    uint32_t cursor = 0;
    struct bytes key;
    struct bytes value;
    bool dropped;

    while (shelf_next(merge->shelf, &cursor, &key, &value, &dropped)) {
        const int r =
            dropped ? store_delete(txn, STORE_SHELF, key) : store_put(txn, STORE_SHELF, key, value);
        if (r != 0) return r;
    }
    return 0;
}

/* Lists the cycle's entries, and collects whose the records are in merge->ids, which is done with.
 */
static int read_notes(struct store_txn *txn, struct merge *merge, uint32_t *ret_records)
{
    uint32_t count;
    const struct record_note *notes = delta_notes(merge->delta, &count);

    *ret_records = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].kind == NOTE_RECORD) {
            merge->ids[(*ret_records)++] =
                (struct id){.hash = notes[i].person, .seq = notes[i].seq};
        } else if (notes[i].kind == NOTE_CYCLE) {
            uint8_t key[8];
            be_store64(key, notes[i].seq);
            const int r =
                store_append(txn, STORE_CYCLE, (struct bytes){key, sizeof key}, bytes_of(""));
            if (r != 0) return r;
        }
    }
    return 0;
}

/* The ids are done with: their room sorts the persons. */
static int put_records_by_key(struct store_txn *txn, struct merge *merge)
{
    const uint64_t first = delta_first_seq(merge->delta);
    const uint64_t last = first + delta_count(merge->delta) - 1;
    uint32_t count;
    uint32_t records;

    ENSURE(delta_count(merge->delta) <= merge->ids_room);
    int r = read_notes(txn, merge, &records);
    if (r == 0) {
        r = person_index_put(txn, first, last, merge->ids, merge->ids_sorted, records,
                             merge->ids_room);
    }
    if (r != 0) return r;
    const struct record_note *notes = delta_notes(merge->delta, &count);
    return tally_put(txn, notes, count, merge->tallies);
}

int merge_run(struct merge *merge)
{
    struct store_txn *txn;
    int r = store_begin(merge->store, &txn);
    if (r != 0) return r;

    r = put_records(txn, merge);
    if (r == 0) r = put_ids(txn, merge);
    if (r == 0) r = put_marks(txn, merge);
    if (r == 0) r = put_cells(txn, merge);
    if (r == 0) r = put_shelf(txn, merge);
    if (r == 0) r = put_records_by_key(txn, merge);
    if (r == 0) {
        /* What the next ids go to was decided at the freeze; here only the meta row is left. */
        r = store_put(txn, STORE_META, bytes_of(META_KEY),
                      (struct bytes){(const uint8_t *)&merge->meta, sizeof merge->meta});
    }
    if (r != 0) {
        store_abort(txn);
        return r;
    }
    return store_commit(txn); /* (B1) */
}
