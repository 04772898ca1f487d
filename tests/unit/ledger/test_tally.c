/* Tallies against sums made note by note: rows that do not fit into the scratch together, rows that
 * were there, records that were taken back, keys that meet in one place, a row that is damaged. */
#include <errno.h>
#include <stdlib.h>

#include "ledger/tally.h"
#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "types/civil.h"
#include "world/linux/lmdb_store.h"

#define MONTH      202603
#define NOTES_MAX  60000
#define FIRST_AREA 340000
#define TREATED    310101

static const struct cell_key cell = {MONTH, 11, 8, 2, INSURANCE_RESIDENT};

static char folder[TEMP_FOLDER_SIZE];
static struct store *store;
static struct tally_room *room;
static struct record_note *notes;
static uint32_t count;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(folder);
    assert_int_equal(store_open(folder, false, false, &store), 0);
    room = malloc(sizeof *room);
    notes = calloc(NOTES_MAX, sizeof *notes);
    assert_non_null(room);
    assert_non_null(notes);
    count = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    store_close(store);
    temp_folder_remove(folder);
    free(room);
    free(notes);
    return 0;
}

static int64_t day_ms(const char *text)
{
    int64_t ms;
    assert_true(civil_parse_iso(text, &ms));
    return ms;
}

/* A record of `fen` on the second of March, with a hash of its own. */
static struct record_note *note(uint32_t area, uint64_t seq, int64_t fen)
{
    struct record_note *made = &notes[count++];
    assert_in_range(count, 1, NOTES_MAX);
    *made = (struct record_note){.seq = seq,
                                 .at_ms = day_ms("2026-03-02T12:00:00+08:00"),
                                 .key = cell,
                                 .insu_admdvs = area,
                                 .mdtrtarea_admvs = TREATED,
                                 .kind = NOTE_RECORD,
                                 .medfee = 3 * fen,
                                 .funds = {fen, -fen},
                                 .content_hash = seq * 77};
    return made;
}

/* The notes as one checkpoint; gives what tally_put() says. */
static int put(void)
{
    struct store_txn *txn;
    assert_int_equal(store_reserve(store, (size_t)64 << 20), 0);
    assert_int_equal(store_begin(store, &txn), 0);
    const int r = tally_put(txn, notes, count, room);
    if (r == 0) {
        assert_int_equal(store_commit(txn), 0);
        assert_int_equal(store_refresh(store), 0);
    } else {
        store_abort(txn);
    }
    count = 0;
    return r;
}

static struct tally_key key_of(enum tally_kind kind, uint32_t part)
{
    return (struct tally_key){kind, MONTH, part, cell.payer, cell.payee, cell.line, cell.insurance};
}

static struct tally row(enum tally_kind kind, uint32_t part)
{
    uint8_t bytes[TALLY_KEY_SIZE];
    struct bytes value;
    struct tally tally;
    const struct tally_key key = key_of(kind, part);
    tally_key_encode(&key, bytes);
    assert_int_equal(store_get(store, STORE_TALLY, (struct bytes){bytes, sizeof bytes}, &value), 0);
    assert_true(tally_read((struct bytes){bytes, sizeof bytes}, value, &tally));
    assert_memory_equal(&tally.key, &key, sizeof key);
    return tally;
}

static void check_row(const struct tally *tally, uint64_t records, int64_t fen, uint64_t checksum,
                      uint64_t first_seq, uint64_t last_seq)
{
    assert_int_equal(tally->count, records);
    assert_int_equal(tally->medfee, 3 * fen);
    assert_int_equal(tally->funds[0], fen);
    assert_int_equal(tally->funds[1], -fen);
    assert_int_equal(tally->checksum, checksum);
    assert_int_equal(tally->first_seq, first_seq);
    assert_int_equal(tally->last_seq, last_seq);
}

/* More areas than the scratch has rows, each of them twice: the second time its row may have been
 * put already. */
static void more_rows_than_the_scratch_has(void **state)
{
    (void)state;
    const uint32_t areas = TALLY_ROOM_ROWS + 5000;
    int64_t sum = 0;
    for (uint64_t seq = 1; seq <= 2 * areas; seq++) {
        note(FIRST_AREA + (uint32_t)((seq - 1) % areas), seq, (int64_t)seq);
        sum += (int64_t)seq;
    }
    assert_int_equal(put(), 0);
    for (uint32_t i = 0; i < areas; i++) {
        const struct tally tally = row(TALLY_PAYER_AREA, FIRST_AREA + i);
        const uint64_t seqs = 2 * (uint64_t)(i + 1) + areas;
        check_row(&tally, 2, (int64_t)seqs, seqs * 77, i + 1, i + 1 + areas);
    }
    const struct tally day = row(TALLY_DAY, 20260302);
    check_row(&day, 2 * areas, sum, (uint64_t)sum * 77, 1, 2 * areas);
    const struct tally treated = row(TALLY_PAYEE_AREA, TREATED);
    check_row(&treated, 2 * areas, sum, (uint64_t)sum * 77, 1, 2 * areas);
}

static void what_was_there_is_added_to(void **state)
{
    (void)state;
    note(FIRST_AREA, 5, 100);
    note(FIRST_AREA, 6, 30)->refund = true;
    note(FIRST_AREA, 7, 9)->at_ms = day_ms("2026-03-03T00:00:00+08:00");
    assert_int_equal(put(), 0);
    note(FIRST_AREA, 6, 30)->refund = true;
    notes[0].kind = NOTE_TAKEN_BACK;
    notes[0].seq = 8; /* The correction's: it widens nothing. */
    notes[0].content_hash = UINT64_C(6) * 77;
    note(FIRST_AREA, 9, 1)->at_ms = day_ms("2026-03-03T23:59:59+08:00");
    notes[count++] = (struct record_note){.seq = 10, .kind = NOTE_CYCLE};
    assert_int_equal(put(), 0);
    struct tally tally = row(TALLY_PAYER_AREA, FIRST_AREA);
    check_row(&tally, 3, 110, UINT64_C(77) * (5 + 7 + 9), 5, 9);
    assert_int_equal(tally.refund_count, 0);
    tally = row(TALLY_DAY, 20260302);
    check_row(&tally, 1, 100, UINT64_C(77) * 5, 5, 6);
    tally = row(TALLY_DAY, 20260303);
    check_row(&tally, 2, 10, UINT64_C(77) * (7 + 9), 7, 9);
}

/* So many keys that begin their search in one place that the last of them find none: they go into
 * the store with the next lot. Which keys these are depends on how the scratch mixes them. */
static void keys_that_meet(void **state)
{
    (void)state;
    const uint64_t fixed = (uint64_t)MONTH << 43 | (uint64_t)cell.payer << 11 |
                           (uint64_t)cell.payee << 6 | (uint64_t)cell.line << 2 | cell.insurance;
    uint32_t areas[200];
    uint32_t found = 0;
    for (uint32_t area = 0; area < 1u << 24 && found < 200; area++) {
        const uint64_t mixed = (fixed | (uint64_t)area << 16) * UINT64_C(0x9e3779b97f4a7c15);
        if (mixed >> 49 == 4711) areas[found++] = area;
    }
    assert_int_equal(found, 200);
    for (uint32_t i = 0; i < 2 * found; i++)
        note(areas[i % found], i + 1, (int64_t)i);
    assert_int_equal(put(), 0);
    for (uint32_t i = 0; i < found; i++) {
        const struct tally tally = row(TALLY_PAYER_AREA, areas[i]);
        check_row(&tally, 2, 2 * (int64_t)i + found, UINT64_C(77) * (2 * (i + 1) + found), i + 1,
                  i + 1 + found);
    }
}

/* Wherever the damaged row turns up: in the middle, where the scratch is full, or at the end. */
static void a_row_of_a_wrong_size(void **state)
{
    (void)state;
    struct store_txn *txn;
    uint8_t bytes[TALLY_KEY_SIZE];
    const struct tally_key key = key_of(TALLY_PAYER_AREA, FIRST_AREA);
    tally_key_encode(&key, bytes);
    assert_int_equal(store_reserve(store, 1 << 20), 0);
    assert_int_equal(store_begin(store, &txn), 0);
    assert_int_equal(
        store_put(txn, STORE_TALLY, (struct bytes){bytes, sizeof bytes}, bytes_of("short")), 0);
    assert_int_equal(store_commit(txn), 0);
    note(FIRST_AREA, 1, 1);
    assert_int_equal(put(), -EUCLEAN);
    for (uint32_t i = 0; i <= TALLY_ROOM_ROWS; i++)
        note(FIRST_AREA + i, i + 1, 1);
    assert_int_equal(put(), -EUCLEAN);
    note(FIRST_AREA + 1, 1, 1);
    assert_int_equal(put(), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(more_rows_than_the_scratch_has),
        TEST(what_was_there_is_added_to),
        TEST(keys_that_meet),
        TEST(a_row_of_a_wrong_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
