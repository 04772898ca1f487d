/* test_verify -- a store made by the real shard code passes; whatever is changed in it, by a
 * flipped bit or by a forger who computes every checksum anew, does not. */
#include <stdio.h>

#include "ledger/person_index.h"
#include "tests/unit/verify/store_writer.h"
#include "tools/verify/deep.h"
#include "tools/verify/recount.h"

/* The real one replays; here only whether it is asked matters. */
static int deep_status;

int verify_deep(const char *dir, FILE *out)
{
    (void)dir;
    (void)out;
    return deep_status;
}

/* -- the store that most tests begin with ------------------------------------------------------ */

/* Everything that can happen to one shard. Persons n, n + 2, n + 4 … are at home in it. */
static void live_through_a_spring(struct writer *w)
{
    struct record r;
    uint32_t id = 1000 + w->number;

    ask(w, (struct request){.type = REQUEST_CLOCK, .instant_ms = MARCH_14 + 20 * MS_PER_DAY});
    for (uint32_t n = w->number; n < 1500; n += 2) {
        const int64_t time_ms = MARCH_14 + (int64_t)(n % 9) * MS_PER_DAY;
        ask_message(w, MESSAGE_SETL_POST, encoded(make_record(&r, n, n, time_ms)), ERROR_OK);
        if (n % 7 == 0) {
            ask_message(w, MESSAGE_SETL_ADJUST, adjustment_of(&r, r.setl_id, r.setl_id, -7),
                        ERROR_OK);
        }
        if (n % 11 == 0) {
            make_refund(make_record(&r, n, id += 10, MARCH_14), n, 100);
            ask_message(w, MESSAGE_SETL_POST, encoded(&r), ERROR_OK);
        }
        if (n % 44 == 0) { /* There is a second one … */
            struct record second;
            make_refund(make_record(&second, n, id += 10, MARCH_14), n, 30);
            ask_message(w, MESSAGE_SETL_POST, encoded(&second), ERROR_OK);
        }
        if (n % 22 == 0) { /* … and the first was a mistake of the counter. */
            ask_message(w, MESSAGE_CORRECTION, correction_of(&r, r.setl_id), ERROR_OK);
        }
        if (n % 88 == 0) {
            make_refund(make_record(&r, n, id += 10, MARCH_14), n, 2);
            ask_message(w, MESSAGE_SETL_POST, encoded(&r), ERROR_OK);
        }
        if (n % 13 == 0) { /* Another one, which never came. */
            make_record(&r, n, id += 10, MARCH_14);
            ask_message(w, MESSAGE_CORRECTION, correction_of(&r, r.setl_id), ERROR_OK);
        }
    }
    decide(w, 1);
    assert_int_equal(shard_checkpoint(w->shard), 0);
    decide(w, 2);
    ask(w, (struct request){.type = REQUEST_CUT, .period = 202503});
    ask(w, (struct request){.type = REQUEST_CUT_RELEASE});
    for (uint32_t n = w->number; n < 600; n += 2) {
        ask_message(w, MESSAGE_SETL_POST, encoded(make_record(&r, n, id += 10, MARCH_14)),
                    ERROR_OK);
        if (n % 7 == 0) { /* By the number that an adjustment of the person's first one has. */
            struct record first;
            make_record(&first, n, n, MARCH_14);
            ask_message(w, MESSAGE_SETL_ADJUST, adjustment_of(&r, r.setl_id, first.setl_id, -7),
                        ERROR_OK);
        }
        make_refund(make_record(&r, n, id += 10, MARCH_14), n, 50);
        ask_message(w, MESSAGE_SETL_POST, encoded(&r), ERROR_OK);
    }
}

static void live_to_a_checkpoint(struct writer *w)
{
    live_through_a_spring(w);
    assert_int_equal(shard_checkpoint(w->shard), 0);
}

/* Makes a store with both shards' springs in it; with `checkpoint` its state holds everything. */
static void make_store(char dir[TEMP_FOLDER_SIZE], bool checkpoint)
{
    store_write(dir, checkpoint ? live_to_a_checkpoint : live_through_a_spring);
}

static void sound_store_passes(void **state)
{
    (void)state;
    char dir[TEMP_FOLDER_SIZE];
    for (int checkpoint = 0; checkpoint < 2; checkpoint++) {
        make_store(dir, checkpoint == 1);
        assert_int_equal(run_verify(dir, NULL), 0);
        deep_status = 0;
        assert_int_equal(run_verify(dir, "--deep"), 0);
        deep_status = 1;
        assert_int_equal(run_verify(dir, "--deep"), 1);
        temp_folder_remove(dir);
    }
}

static void empty_and_missing_stores(void **state)
{
    (void)state;
    char dir[TEMP_FOLDER_SIZE];
    temp_folder_make(dir);
    assert_int_equal(run_verify(dir, NULL), 2);
    assert_int_equal(layout_create(dir, SHARDS, MARCH_14, NULL, 0, NULL), 0);
    assert_int_equal(run_verify(dir, NULL), 0);
    assert_int_equal(run_verify(dir, "surplus"), 2);
    temp_folder_remove(dir);
}

/* Any bit of any block: in a store whose state has seen the whole journal nothing is a torn tail.
 */
static void flipped_bits_are_found(void **state)
{
    (void)state;
    char dir[TEMP_FOLDER_SIZE];
    char path[LAYOUT_PATH_MAX + 32];
    make_store(dir, true);
    snprintf(path, sizeof path, "%s/shard-0000/journal/00000001.qfj", dir);
    const int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    for (off_t at = 5; at < SEGMENT_BYTES - 2 * BLOCK_ALIGN; at += 39983) {
        uint8_t byte;
        assert_int_equal(pread(fd, &byte, 1, at), 1);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
        assert_int_equal(run_verify(dir, NULL), at < 44 || at >= SEGMENT_HEAD_SIZE ? 1 : 0);
        byte ^= 0x10;
        assert_int_equal(pwrite(fd, &byte, 1, at), 1);
    }
    close(fd);
    assert_int_equal(run_verify(dir, NULL), 0);
    temp_folder_remove(dir);
}

/* Changes one byte of the first value of a table of shard 0's store. */
static void tamper(const char *dir, enum store_table table, size_t at)
{
    struct layout layout;
    char path[LAYOUT_PATH_MAX];
    struct store *store;
    struct store_txn *txn;
    struct bytes key;
    struct bytes value;
    uint8_t changed[4096];
    uint8_t its_key[16];

    assert_int_equal(layout_open(dir, &layout, NULL), 0);
    layout_state_path(&layout, 0, path);
    assert_int_equal(store_open(path, false, false, &store), 0);
    assert_int_equal(store_ceiling(store, table, (struct bytes){0}, &key, &value), 0);
    memcpy(changed, value.data, value.size);
    memcpy(its_key, key.data, key.size);
    changed[at < value.size ? at : value.size - 1] ^= 1;
    const struct bytes key_copy = {its_key, key.size};
    const struct bytes value_copy = {changed, value.size};
    assert_int_equal(store_begin(store, &txn), 0);
    assert_int_equal(store_put(txn, table, key_copy, value_copy), 0);
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
}

static void changed_states_are_found(void **state)
{
    (void)state;
    static const struct {
        enum store_table table;
        size_t at;
    } cases[] = {
        {STORE_CELL, 0}, /* How long the first numbers are, one of them, */
        {STORE_CELL, 1},
        {STORE_CELL, 10}, /* another, and the last one. */
        {STORE_CELL, 5000},
        {STORE_TALLY, 0},
        {STORE_TALLY, 1},
        {STORE_TALLY, 10},
        {STORE_TALLY, 5000},
        {STORE_MARK, 0},
        {STORE_MARK, 1},
        {STORE_MARK, 5000},
        {STORE_RECORD, 0},  /* The segment, */
        {STORE_RECORD, 5},  /* the offset, */
        {STORE_RECORD, 8},  /* the first distance, */
        {STORE_RECORD, 10}, /* another, and the last one. */
        {STORE_RECORD, 5000},
        {STORE_ID, offsetof(struct id, seq)},
        {STORE_META, offsetof(struct shard_meta, seq)},
        {STORE_META, offsetof(struct shard_meta, hash)},
        {STORE_META, offsetof(struct shard_meta, cut_through)},
    };
    char dir[TEMP_FOLDER_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        make_store(dir, true);
        tamper(dir, cases[i].table, cases[i].at);
        assert_int_equal(run_verify(dir, NULL), 1);
        temp_folder_remove(dir);
    }
}

/* Opens shard 0's store for a change. */
static struct store_txn *begin_change(const char *dir, struct store **ret_store)
{
    struct layout layout;
    char path[LAYOUT_PATH_MAX];
    struct store_txn *txn;
    assert_int_equal(layout_open(dir, &layout, NULL), 0);
    layout_state_path(&layout, 0, path);
    assert_int_equal(store_open(path, false, false, ret_store), 0);
    assert_int_equal(store_begin(*ret_store, &txn), 0);
    return txn;
}

static void end_change(struct store *store, struct store_txn *txn)
{
    assert_int_equal(store_commit(txn), 0);
    store_close(store);
}

/* The last key of a table is taken away, and for lists another one put in. */
static void lost_and_invented_rows_are_found(void **state)
{
    (void)state;
    static const enum store_table tables_changed[] = {STORE_TALLY, STORE_CYCLE, STORE_CELL,
                                                      STORE_MARK};
    const int lost = sizeof tables_changed / sizeof tables_changed[0];
    const uint8_t last[16] = {[0 ... 15] = 0xff};
    const uint8_t one[8] = {[7] = 1}; /* No entry of the cycle. */
    char dir[TEMP_FOLDER_SIZE];
    for (int i = 0; i <= lost; i++) {
        struct store *store;
        struct bytes key;
        struct bytes value;
        make_store(dir, true);
        assert_int_equal(run_verify(dir, NULL), 0);
        struct store_txn *txn = begin_change(dir, &store);
        if (i == lost) {
            assert_int_equal(store_put(txn, STORE_CYCLE, (struct bytes){one, 8}, bytes_of("")), 0);
        } else {
            uint8_t its_key[16];
            assert_int_equal(store_txn_floor(txn, tables_changed[i],
                                             (struct bytes){last, sizeof last}, &key, &value),
                             0);
            memcpy(its_key, key.data, key.size);
            assert_int_equal(
                store_delete(txn, tables_changed[i], (struct bytes){its_key, key.size}), 0);
        }
        end_change(store, txn);
        assert_int_equal(run_verify(dir, NULL), 1);
        temp_folder_remove(dir);
    }
}

/* Runs verify and gives back what it complains about. */
static const char *complaint(const char *dir, int want)
{
    static char text[1024];
    FILE *const err = stderr;
    FILE *const memory = fmemopen(text, sizeof text, "w");
    assert_non_null(memory);
    stderr = memory;
    const int status = run_verify(dir, NULL);
    stderr = err;
    fclose(memory);
    assert_int_equal(status, want);
    return text;
}

/* Changes two numbers of the state's first cell and gives back what verify complains about. */
static const char *complaint_of_cell(int64_t medfee_fen, int64_t records)
{
    char dir[TEMP_FOLDER_SIZE];
    struct store *store;
    struct bytes key, value;
    struct cell cell;
    uint8_t its_key[8];
    const uint32_t count = (sizeof cell - sizeof cell.key) / sizeof(uint64_t);
    uint8_t packed[NUMBERS_SIZE_MAX(sizeof cell / sizeof(uint64_t))];
    make_store(dir, true);
    struct store_txn *txn = begin_change(dir, &store);
    assert_int_equal(store_ceiling(store, STORE_CELL, (struct bytes){0}, &key, &value), 0);
    memcpy(its_key, key.data, sizeof its_key);
    assert_true(numbers_read(value, count, &cell.count));
    cell.medfee_sum = medfee_fen;
    cell.count += (uint64_t)records;
    const struct bytes changed = {packed, numbers_pack(&cell.count, count, packed)};
    assert_int_equal(store_put(txn, STORE_CELL, (struct bytes){its_key, 8}, changed), 0);
    end_change(store, txn);
    const char *text = complaint(dir, 1);
    temp_folder_remove(dir);
    return text;
}

static void amounts_are_told_in_yuan(void **state)
{
    (void)state;
    assert_non_null(
        strstr(complaint_of_cell(-1234505, 0), "medfee_sum is -12345.05 yuan, by the journal "));
    const char *counts = strstr(complaint_of_cell(-1234505, 1), "count is ");
    assert_non_null(counts);
    assert_null(strchr(counts, '.'));
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t one, two;
    memcpy(&one, a, sizeof one);
    memcpy(&two, b, sizeof two);
    return one < two ? -1 : one > two;
}

/* Lets two persons of a chunk have a record of each other: numbers of 40 bits of a person and 24
 * of a record. All is in order, and each record stands there once; only whose it is, is wrong. */
static void swap_two_persons_records(uint64_t *numbers, size_t count)
{
    const uint64_t first = numbers[0], record = (UINT64_C(1) << 24) - 1;
    uint64_t *one = &numbers[1], *two = &numbers[count - 1];
    const uint64_t swapped = (*one ^ *two) & record;
    assert_true(*one >> 24 != *two >> 24);
    *one ^= swapped;
    *two ^= swapped;
    qsort(numbers, count, sizeof *numbers, compare_numbers);
    assert_true(numbers[0] == first); /* It is the chunk's key, too. */
}

static void a_record_of_another_person_is_found(void **state)
{
    (void)state;
    char dir[TEMP_FOLDER_SIZE];
    struct store *store;
    struct bytes key, value;
    uint8_t its_key[16];
    uint64_t numbers[PERSON_CHUNK_COUNT];
    make_store(dir, true);
    struct store_txn *txn = begin_change(dir, &store);
    assert_int_equal(store_ceiling(store, STORE_PERSON, (struct bytes){0}, &key, &value), 0);
    assert_true(key.size == sizeof its_key && value.size <= sizeof numbers);
    memcpy(its_key, key.data, key.size);
    memcpy(numbers, value.data, value.size);
    swap_two_persons_records(numbers, value.size / sizeof *numbers);
    assert_int_equal(store_put(txn, STORE_PERSON, (struct bytes){its_key, sizeof its_key},
                               (struct bytes){(const uint8_t *)numbers, value.size}),
                     0);
    end_change(store, txn);
    const char *text = complaint(dir, 1);
    if (strstr(text, "shard 0, state: whose record seq ") == NULL) fail_msg("said '%s'", text);
    temp_folder_remove(dir);
}

/* A state that an older program left has no tallies: it counts as nothing until it is made anew,
 * the journal is verified all the same. */
static void an_older_state_counts_as_nothing(void **state)
{
    (void)state;
    char dir[TEMP_FOLDER_SIZE];
    struct shard_meta meta;
    struct store *store;
    struct bytes value;
    make_store(dir, true);
    struct store_txn *txn = begin_change(dir, &store);
    assert_int_equal(store_txn_get(txn, STORE_META, bytes_of("meta"), &value), 0);
    memcpy(&meta, value.data, sizeof meta);
    meta.format = SHARD_META_FORMAT_OLD;
    assert_int_equal(store_put(txn, STORE_META, bytes_of("meta"),
                               (struct bytes){(const uint8_t *)&meta, sizeof meta}),
                     0);
    end_change(store, txn);
    assert_int_equal(run_verify(dir, NULL), 0);

    txn = begin_change(dir, &store);
    meta.format = SHARD_META_FORMAT + 1; /* A newer program's. */
    assert_int_equal(store_put(txn, STORE_META, bytes_of("meta"),
                               (struct bytes){(const uint8_t *)&meta, sizeof meta}),
                     0);
    end_change(store, txn);
    assert_int_equal(run_verify(dir, NULL), 1);
    temp_folder_remove(dir);
}

/* -- a forger: every checksum and hash right, one rule broken ---------------------------------- */

/* The journal of shard 0, written entry by entry, each in a block of its own. */
struct forger {
    char dir[TEMP_FOLDER_SIZE];
    struct writer w;
    uint64_t next_block;
    uint64_t next_seq;
    uint8_t previous[BLOCK_HASH_SIZE];
    struct entry entry; /* What the next entry will be, but for body and number. */
};

static void forger_open(struct forger *f)
{
    memset(f, 0, sizeof *f);
    temp_folder_make(f->dir);
    assert_int_equal(layout_create(f->dir, SHARDS, MARCH_14, NULL, 0, NULL), 0);
    f->w.fd = -1;
    assert_int_equal(layout_open(f->dir, &f->w.layout, NULL), 0);
    layout_journal_path(&f->w.layout, 0, f->w.journal);
    f->next_block = f->next_seq = 1;
    block_chain_start(f->w.layout.store_id, 0, f->previous);
    f->entry = (struct entry){.stamp_ms = MARCH_14,
                              .period = 202503,
                              .orig_period = 202503,
                              .kind = ENTRY_SETTLEMENT,
                              .flags = ENTRY_MULAID_CLEARED,
                              .sender = 31,
                              .line = LINE_OUTPATIENT,
                              .insurance = INSURANCE_EMPLOYEE};
}

static void forge(struct forger *f, struct bytes body)
{
    static uint8_t out[BLOCK_HEAD_SIZE + BLOCK_PAYLOAD_MAX];
    f->entry.seq = f->next_seq++;
    f->entry.body = body;
    entry_encode(&f->entry, out + BLOCK_HEAD_SIZE);
    struct block block = {
        .number = f->next_block,
        .first_seq = f->entry.seq,
        .entry_count = 1,
        .epoch = 1,
        .payload = {out + BLOCK_HEAD_SIZE, entry_size(body.size)},
    };
    memcpy(block.store_id, f->w.layout.store_id, STORE_ID_SIZE);
    memcpy(block.previous, f->previous, BLOCK_HASH_SIZE);
    block_seal(&block, out, f->previous);
    write_block(&f->w, (struct bytes){out, block_size_on_disk(block.payload.size)},
                f->next_block++);
}

/* Reads the forgery as verify does; the finding's text, "" when nothing was found. */
static const char *found(struct forger *f)
{
    static struct finding finding;
    struct chain chain;
    struct recount recount;
    struct entry entry;
    place_t place;

    finding = (struct finding){0};
    assert_true(chain_open(&chain, f->w.journal, f->w.layout.store_id, 0, &finding));
    assert_true(recount_init(&recount, &chain, SHARDS));
    while (chain_next(&chain, &entry, &place, &finding) == CHAIN_ENTRY &&
           recount_add(&recount, &entry, place, &finding)) {
    }
    if (!finding.found) (void)recount_check_cells(&recount, &finding);
    recount_done(&recount);
    chain_close(&chain);
    close(f->w.fd);
    temp_folder_remove(f->dir);
    return finding.text;
}

static void assert_found(struct forger *f, const char *what)
{
    const char *text = found(f);
    if (strstr(text, what) == NULL) fail_msg("wanted '%s', found '%s'", what, text);
}

/* One settlement of person 0, sound; the tests go on from there. */
static void forge_first(struct forger *f, struct record *r)
{
    forger_open(f);
    forge(f, encoded(make_record(r, 0, 1, MARCH_14)));
}

static void forged_settlements(void **state)
{
    (void)state;
    struct forger f;
    struct record r;

    forge_first(&f, &r);
    assert_string_equal(found(&f), "");

    forge_first(&f, &r);
    forge(&f, encoded(&r));
    assert_found(&f, "seq 2: the msgid was used before, by seq 1");

    forge_first(&f, &r);
    make_record(&r, 0, 1, MARCH_14)->s.msgid = bytes_of("other");
    forge(&f, encoded(&r));
    assert_found(&f, "the setl_id was used before");

    forge_first(&f, &r);
    forge(&f, encoded(make_record(&r, 3, 2, MARCH_14)));
    assert_found(&f, "at home in another shard");

    forge_first(&f, &r);
    f.entry.period = 202504;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "another month");

    forge_first(&f, &r);
    f.entry.flags |= ENTRY_LATE;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "late flag");

    forge_first(&f, &r);
    f.entry.sender = 32;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "province of treatment");

    forge_first(&f, &r);
    f.entry.stamp_ms--;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "time goes back");

    forge_first(&f, &r);
    f.next_seq++;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "next entry");

    forge_first(&f, &r);
    f.previous[3] ^= 1;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "by hash");

    forger_open(&f);
    make_record(&r, 0, 1, MARCH_14)->s.amounts[AMOUNT_FUND_SUM] = -5000;
    forge(&f, encoded(&r));
    assert_found(&f, "owes -20.00 yuan without any refund");
}

static void forged_refunds(void **state)
{
    (void)state;
    struct forger f;
    struct record r;

    forge_first(&f, &r);
    f.entry.kind = ENTRY_REFUND;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, encoded(make_refund(make_record(&r, 0, 2, MARCH_14), 1, 4000)));
    f.entry.prev_seq = 2;
    forge(&f, encoded(make_refund(make_record(&r, 0, 3, MARCH_14), 1, 1000)));
    assert_string_equal(found(&f), "");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_REFUND;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, encoded(make_refund(make_record(&r, 0, 2, MARCH_14), 1, 4000)));
    f.entry.prev_seq = 2;
    forge(&f, encoded(make_refund(make_record(&r, 0, 3, MARCH_14), 1, 1001)));
    assert_found(&f, "beyond the original");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_REFUND;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, encoded(make_refund(make_record(&r, 0, 2, MARCH_14), 1, 4000)));
    forge(&f, encoded(make_refund(make_record(&r, 0, 3, MARCH_14), 1, 1000)));
    assert_found(&f, "prev_seq");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_REFUND;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, encoded(make_refund(make_record(&r, 6, 2, MARCH_14), 1, 100)));
    assert_found(&f, "another settlement than it names");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_REFUND;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    f.entry.line = LINE_INPATIENT;
    forge(&f, encoded(make_refund(make_record(&r, 0, 2, MARCH_14), 1, 100)));
    assert_found(&f, "differ from its original's");
}

static void forged_cuts_and_corrections(void **state)
{
    (void)state;
    struct forger f;
    struct record r;
    const struct bytes none = {0};

    forge_first(&f, &r);
    f.entry.kind = ENTRY_CUT;
    forge(&f, none);
    f.entry.kind = ENTRY_SETTLEMENT;
    forge(&f, encoded(make_record(&r, 6, 2, MARCH_14)));
    assert_found(&f, "another month");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_CUT;
    forge(&f, none);
    forge(&f, none);
    assert_found(&f, "no month that could be next");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_CUT;
    f.entry.period = 202504;
    forge(&f, none);
    assert_found(&f, "earlier month was still open");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_CORRECTION;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, correction_of(&r, (char *)"C1"));
    forge(&f, correction_of(&r, (char *)"C2"));
    assert_found(&f, "cancelled before");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_CUT;
    forge(&f, none);
    f.entry.kind = ENTRY_CORRECTION;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, correction_of(&r, (char *)"C1"));
    assert_found(&f, "of a cut month");

    forge_first(&f, &r);
    make_record(&r, 0, 9, MARCH_14);
    f.entry.kind = ENTRY_CORRECTION;
    f.entry.orig_seq = f.entry.prev_seq = 1;
    forge(&f, correction_of(&r, (char *)"C1"));
    assert_found(&f, "another message than it names");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_YEAR_CLOSE;
    forge(&f, none);
    assert_found(&f, "month of the closed year is open");

    forge_first(&f, &r);
    f.entry.kind = ENTRY_CYCLE;
    f.entry.orig_seq = 1;
    forge(&f, bytes_of("rows"));
    assert_found(&f, "refers to a record");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sound_store_passes),
        cmocka_unit_test(empty_and_missing_stores),
        cmocka_unit_test(flipped_bits_are_found),
        cmocka_unit_test(changed_states_are_found),
        cmocka_unit_test(forged_settlements),
        cmocka_unit_test(forged_refunds),
        cmocka_unit_test(forged_cuts_and_corrections),
        cmocka_unit_test(lost_and_invented_rows_are_found),
        cmocka_unit_test(amounts_are_told_in_yuan),
        cmocka_unit_test(a_record_of_another_person_is_found),
        cmocka_unit_test(an_older_state_counts_as_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
