#include "ledger/tally.h"

#include <errno.h>

#include "ledger/radix.h"
#include "types/civil.h"
#include "types/record_facts.h"
#include "util/cache_line.h"
#include "util/le.h"

#define PERIOD_BITS 24 /* Of the first 4 bytes of a key. */

void tally_key_encode(const struct tally_key *key, uint8_t out[TALLY_KEY_SIZE])
{
    be_store32(out, key->kind << PERIOD_BITS | key->period);
    be_store32(out + 4, key->part);
    out[8] = key->payer;
    out[9] = key->payee;
    out[10] = key->line;
    out[11] = key->insurance;
}

bool tally_read(struct bytes key, struct bytes value, struct tally *ret_tally)
{
    if (key.size != TALLY_KEY_SIZE) return false;
    ret_tally->key = (struct tally_key){
        .kind = key.data[0],
        .period = be_load32(key.data) & ((1u << PERIOD_BITS) - 1),
        .part = be_load32(key.data + 4),
        .payer = key.data[8],
        .payee = key.data[9],
        .line = key.data[10],
        .insurance = key.data[11],
    };
    return numbers_read(value, TALLY_NUMBERS, &ret_tally->count);
}

/* The days of a checkpoint's records are few, and stand together. */
struct day {
    int64_t first_ms; /* [first_ms, end_ms) is `day`. */
    int64_t end_ms;
    uint32_t day; /* yyyymmdd, Shanghai. */
};

static uint32_t day_of(struct day *known, int64_t unix_ms)
{
    if (unix_ms < known->first_ms || unix_ms >= known->end_ms) {
        known->first_ms = unix_ms - civil_ms_of_day(unix_ms);
        known->end_ms = known->first_ms + MS_PER_DAY;
        known->day = civil_day(unix_ms);
    }
    return known->day;
}

static uint32_t part_of(const struct record_note *note, enum tally_kind kind, struct day *known)
{
    switch (kind) {
    case TALLY_DAY:
        return day_of(known, note->at_ms);
    case TALLY_PAYER_AREA:
        return note->insu_admdvs;
    case TALLY_PAYEE_AREA:
        return note->mdtrtarea_admvs;
    }
    return 0;
}

static void add(int64_t *sum, int64_t amount)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)amount);
}

static void subtract(int64_t *sum, int64_t amount)
{
    *sum = (int64_t)((uint64_t)*sum - (uint64_t)amount);
}

/* Takes numbers into first and last; 0 is none. */
static void widen(struct tally *tally, uint64_t first_seq, uint64_t last_seq)
{
    if (first_seq == 0) return;
    if (tally->first_seq == 0 || first_seq < tally->first_seq) tally->first_seq = first_seq;
    if (last_seq > tally->last_seq) tally->last_seq = last_seq;
}

static void count_note(struct tally *tally, const struct record_note *note)
{
    if (note->kind == NOTE_TAKEN_BACK) {
        tally->count--;
        tally->refund_count -= note->refund;
        subtract(&tally->medfee, note->medfee);
        for (int fund = 0; fund < FUND_COUNT; fund++)
            subtract(&tally->funds[fund], note->funds[fund]);
        tally->checksum -= note->content_hash;
        return;
    }
    tally->count++;
    tally->refund_count += note->refund;
    add(&tally->medfee, note->medfee);
    for (int fund = 0; fund < FUND_COUNT; fund++)
        add(&tally->funds[fund], note->funds[fund]);
    tally->checksum += note->content_hash;
    widen(tally, note->seq, note->seq);
}

/* What the row held before is added to `tally`, and the row put again. */
static int put_row(struct store_txn *txn, struct tally *tally)
{
    uint8_t room[TALLY_KEY_SIZE];
    uint8_t packed[TALLY_SIZE_MAX];
    const struct bytes key = {room, sizeof room};
    struct bytes value;
    struct tally before;

    tally_key_encode(&tally->key, room);
    int r = store_txn_get(txn, STORE_TALLY, key, &value);
    if (r == 0) {
        if (!tally_read(key, value, &before)) return -EUCLEAN;
        tally->count += before.count;
        tally->refund_count += before.refund_count;
        add(&tally->medfee, before.medfee);
        for (int fund = 0; fund < FUND_COUNT; fund++)
            add(&tally->funds[fund], before.funds[fund]);
        tally->checksum += before.checksum;
        widen(tally, before.first_seq, before.last_seq);
    } else if (r != -ENOENT) {
        return r;
    }
    return store_put(txn, STORE_TALLY, key,
                     (struct bytes){packed, numbers_pack(&tally->count, TALLY_NUMBERS, packed)});
}

/* Keys of one kind in 63 bits that sort as the keys do: yyyymm, yyyymmdd or an area, two of 32
 * provinces, a line, a class. */
static uint64_t packed(struct cell_key key, uint32_t part)
{
    return (uint64_t)key.period << 43 | (uint64_t)part << 16 | (uint64_t)key.payer << 11 |
           (uint64_t)key.payee << 6 | (uint64_t)key.line << 2 | key.insurance;
}

static struct tally_key unpacked(uint64_t packed, enum tally_kind kind)
{
    return (struct tally_key){
        .kind = kind,
        .period = (uint32_t)(packed >> 43),
        .part = (uint32_t)(packed >> 16 & 0x7ffffff),
        .payer = packed >> 11 & 0x1f,
        .payee = packed >> 6 & 0x1f,
        .line = packed >> 2 & 0xf,
        .insurance = packed & 0x3,
    };
}

/* -- rows of one kind, summed up before the store is asked --------------------------------------
 */

#define SLOT_BITS  15 /* At most half of them are taken. */
#define SLOT_COUNT (1u << SLOT_BITS)
#define STEPS_MAX  64 /* To a free slot: more is somebody's work, and as good as full. */

_Static_assert(SLOT_COUNT == 2 * TALLY_ROOM_ROWS, "as many as the room has");
_Static_assert(TALLY_ROOM_ROWS <= UINT16_MAX, "a row's number fits into a slot");

static uint32_t slot_of(uint64_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> (64 - SLOT_BITS));
}

static void clear(struct tally_room *room)
{
    room->count = 0;
    memset(room->slots, 0, sizeof room->slots);
}

/* The row of the key, a new one with zeros when there was none; NULL when there is no place. */
static struct tally *row_of(struct tally_room *room, enum tally_kind kind, uint64_t key)
{
    uint32_t slot = slot_of(key);
    for (uint32_t step = 0; step < STEPS_MAX; step++) {
        const uint16_t taken = room->slots[slot];
        if (taken == 0) {
            if (room->count == TALLY_ROOM_ROWS) return NULL;
            struct tally_row *row = &room->rows[room->count++];
            *row = (struct tally_row){.packed = key, .tally = {.key = unpacked(key, kind)}};
            room->slots[slot] = (uint16_t)room->count;
            return &row->tally;
        }
        struct tally_row *row = &room->rows[taken - 1];
        if (row->packed == key) return &row->tally;
        slot = (slot + 1) % SLOT_COUNT;
    }
    return NULL;
}

/* Adds the rows to those of the store, in the order of their keys, and clears the room. */
static int put_rows(struct store_txn *txn, struct tally_room *room)
{
    for (uint32_t i = 0; i < room->count; i++)
        room->order[i] = (struct id){.hash = room->rows[i].packed, .seq = i};
    const struct id *sorted = radix_sort(room->order, room->order_sorted, room->count, 0);
    for (uint32_t i = 0; i < room->count; i++) {
        const int r = put_row(txn, &room->rows[sorted[i].seq].tally);
        if (r != 0) return r;
    }
    clear(room);
    return 0;
}

#define AHEAD 16 /* Notes whose rows are asked of memory together. */

/* Works out the keys of some notes, and asks for the rows that stand where they are looked for
 * first. */
static void rows_ahead(const struct tally_room *room, enum tally_kind kind,
                       const struct record_note *notes, uint32_t count, struct day *known,
                       uint64_t ret_keys[AHEAD])
{
    for (uint32_t i = 0; i < count; i++) {
        if (notes[i].kind == NOTE_CYCLE) continue;
        ret_keys[i] = packed(notes[i].key, part_of(&notes[i], kind, known));
        const uint16_t taken = room->slots[slot_of(ret_keys[i])];
        if (taken == 0) continue;
        const uint8_t *row = (const uint8_t *)&room->rows[taken - 1];
        __builtin_prefetch(row, 1);
        __builtin_prefetch(row + CACHE_LINE, 1);
    }
}

static int add_note(struct store_txn *txn, struct tally_room *room, enum tally_kind kind,
                    uint64_t key, const struct record_note *note)
{
    struct tally *row = row_of(room, kind, key);
    if (row == NULL) {
        const int r = put_rows(txn, room);
        if (r != 0) return r;
        row = row_of(room, kind, key);
    }
    count_note(row, note);
    return 0;
}

static int add_notes(struct store_txn *txn, struct tally_room *room, enum tally_kind kind,
                     const struct record_note *notes, uint32_t count)
{
    struct day known = {0};
    for (uint32_t i = 0; i < count; i += AHEAD) {
        const uint32_t some = count - i < AHEAD ? count - i : AHEAD;
        uint64_t keys[AHEAD];
        rows_ahead(room, kind, notes + i, some, &known, keys);
        for (uint32_t k = 0; k < some; k++) {
            if (notes[i + k].kind == NOTE_CYCLE) continue;
            const int r = add_note(txn, room, kind, keys[k], &notes[i + k]);
            if (r != 0) return r;
        }
    }
    return put_rows(txn, room);
}

int tally_put(struct store_txn *txn, const struct record_note *notes, uint32_t count,
              struct tally_room *room)
{
    int r = 0;
    clear(room);
    for (enum tally_kind kind = TALLY_DAY; r == 0 && kind <= TALLY_PAYEE_AREA; kind++)
        r = add_notes(txn, room, kind, notes, count);
    return r;
}
