/* What a shard finds by a key beside ids: rows on the shelf, in memory, frozen and in the store,
 * and the records of a person across checkpoints and crashes. */
#include <stdio.h>
#include <stdlib.h>

#include "codec/messages.h"
#include "codec/wire_table.h"
#include "shard_internal.h"
#include "tests/lib/prng.h"
#include "tests/lib/shard_rig.h"
#include "tests/lib/unit.h"

static struct tables tables;
static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    const struct rig_options options = {.tables = &tables, .delta_entries = 4096};
    rig_load_tables(&tables);
    rig_open(&rig, &options);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_close(&rig);
    return 0;
}

struct name {
    char text[24];
};

static struct name name_of(char letter, uint32_t n)
{
    struct name name;
    snprintf(name.text, sizeof name.text, "%c%u", letter, n);
    return name;
}

/* What `person` of 16 letters is treated for, record n; left in the block that is being filled. */
static void visit(uint32_t n, const char *person)
{
    uint8_t body[SETTLEMENT_ENCODED_MAX];
    const struct name msgid = name_of('M', n);
    const struct name setl_id = name_of('S', n);
    const struct settlement s = rig_visit(msgid.text, setl_id.text, person, 100 + n);
    const struct bytes message = {body, settlement_encode(&s, body)};
    const struct request request = rig_message(MESSAGE_SETL_POST, 0, message);
    assert_int_equal(rig_give(&rig, &request, 1), 1);
}

/* Ends the block, waits until it is written, and writes everything into the store. */
static void checkpoint(void)
{
    rig_settle(&rig);
    rig_checkpoint(&rig);
    rig_settle(&rig);
}

/* Freezes what there is; the merge begins and goes on. */
static void freeze(void)
{
    rig_settle(&rig);
    rig_checkpoint(&rig);
    assert_non_null(rig.merge);
}

/* Makes the state one of an older program: the next start makes it anew. */
static void forget_state(void)
{
    struct store_txn *txn;
    struct shard_meta meta = rig.shard->merge.meta;
    meta.format = 1;
    assert_int_equal(store_begin(rig.config.store, &txn), 0);
    assert_int_equal(store_put(txn, STORE_META, bytes_of("meta"),
                               (struct bytes){(const uint8_t *)&meta, sizeof meta}),
                     0);
    assert_int_equal(store_commit(txn), 0);
}

/* -- rows ------------------------------------------------------------------------------------- */

static void write(const char *key, const char *value)
{
    shelf_write(rig.shard, bytes_of(key), bytes_of(value));
}

static void assert_row(const char *key, const char *value)
{
    struct bytes found;
    if (value == NULL) {
        assert_false(shelf_read(rig.shard, bytes_of(key), &found));
    } else {
        assert_true(shelf_read(rig.shard, bytes_of(key), &found));
        assert_true(bytes_equal(found, bytes_of(value)));
    }
}

static void a_row_is_found_wherever_it_stands(void **state)
{
    (void)state;
    visit(1, "person0000000001");
    write("Pa", "stored");
    write("Pb", "stored");
    write("Pc", "stored");
    write("Pd", "");
    checkpoint();
    assert_int_equal(shelf_count(rig.shard->shelf), 0);

    visit(2, "person0000000001");
    write("Pb", "frozen");
    write("Pe", "frozen");
    shelf_erase(rig.shard, bytes_of("Pc"));
    shelf_erase(rig.shard, bytes_of("Pz")); /* It was never there. */
    freeze();
    write("Pe", "active");
    shelf_erase(rig.shard, bytes_of("Pb"));
    for (int merged = 0; merged < 2; merged++) {
        assert_row("Pa", "stored");
        assert_row("Pb", NULL);
        assert_row("Pc", NULL);
        assert_row("Pd", "");
        assert_row("Pe", "active");
        assert_row("Pz", NULL);
        assert_row("P", NULL);
        if (merged == 0) rig_merged(&rig);
    }
    rig_crash(&rig, false); /* What the last checkpoint wrote, and nothing after. */
    assert_row("Pa", "stored");
    assert_row("Pb", "frozen");
    assert_row("Pc", NULL);
    assert_row("Pd", "");
    assert_row("Pe", "frozen");
}

static uint8_t large[64 * 1024];

/* As much as a block takes. What goes in place counts all the same: elsewhere it would not. */
static void fill_block(void)
{
    size_t spent = 0;
    for (uint32_t row = 0; shelf_can_take(rig.shard, 1, sizeof large); row++) {
        const struct name key = name_of('P', row % 3);
        shelf_write(rig.shard, bytes_of(key.text), (struct bytes){large, sizeof large});
        spent += SHELF_ROW_COST + sizeof large;
    }
    assert_true(spent <= shelf_block_max(rig.shard));
    assert_true(spent + SHELF_ROW_COST + sizeof large > shelf_block_max(rig.shard));
}

static void a_block_takes_so_much_and_no_more(void **state) /* (P1) */
{
    (void)state;
    for (uint32_t block = 0; block < 2; block++) {
        visit(block, "person0000000001");
        fill_block();
        assert_false(shard_dirty(rig.shard));
        rig_settle(&rig);
    }
    assert_int_equal(shelf_count(rig.shard->shelf), 3);
}

static void more_than_a_block_takes_is_a_bug(void **state)
{
    (void)state;
    visit(0, "person0000000001");
    fill_block();
    shelf_write(rig.shard, bytes_of("P"), (struct bytes){large, sizeof large});
    expect_assert_failure(rig_settle(&rig));
}

#define SMALL_DELTA (256 * 1024)

/* Entries come until a checkpoint is due; persons' rows wait for it. */
static void visit_until_due(void)
{
    uint32_t visits = 0;
    uint32_t row = 0;
    while (!shard_dirty(rig.shard)) {
        if (shelf_used(rig.shard->shelf) < rig.config.shelf_bytes / 4) {
            const struct name key = name_of('P', row++);
            shelf_write(rig.shard, bytes_of(key.text), (struct bytes){large, sizeof large});
        }
        visit(visits++, "person0000000001");
        if (!shard_dirty(rig.shard)) rig_settle(&rig);
    }
    assert_true(shelf_used(rig.shard->shelf) < rig.config.shelf_bytes / 2);
}

/* Where many persons' rows wait, the checkpoint that writes them comes after two thirds of the
 * entries there is room for, not after half of them. */
static void many_persons_rows_put_a_checkpoint_off(void **state)
{
    (void)state;
    const uint32_t room = rig.config.delta_entries;
    visit_until_due();
    assert_int_equal(delta_count(rig.shard->active), room - room / 3);
}

/* The same where bytes are what is short. */
static void many_persons_rows_put_it_off_by_bytes_too(void **state)
{
    (void)state;
    rig.config.delta_bytes = SMALL_DELTA;
    rig_crash(&rig, false); /* Opens it with that. */
    visit_until_due();
    const size_t used = delta_used(rig.shard->active);
    assert_true(delta_count(rig.shard->active) < rig.config.delta_entries / 2);
    assert_in_range(used, SMALL_DELTA - SMALL_DELTA / 3, SMALL_DELTA - SMALL_DELTA / 4);
}

/* A build before this one may have counted less, but not by half. */
static void a_block_read_again_may_take_twice_as_much(void **state)
{
    (void)state;
    fill_block();
    while (rig.shard->shelf_spent + SHELF_ROW_COST + sizeof large <= shelf_replay_max(rig.shard))
        shelf_write(rig.shard, bytes_of("P"), (struct bytes){large, sizeof large});
    assert_true(rig.shard->shelf_spent > shelf_block_max(rig.shard));
    expect_assert_failure(
        shelf_write(rig.shard, bytes_of("P"), (struct bytes){large, sizeof large}));
}

static void a_shelf_half_full_wants_a_checkpoint(void **state)
{
    (void)state;
    uint32_t rows = 0;
    const uint64_t before = rig.shard->status.checkpoints;
    while (!shard_dirty(rig.shard)) {
        assert_int_equal(rig.shard->status.checkpoints, before);
        visit(rows, "person0000000001");
        for (uint32_t i = 0; i < 10; i++, rows++) {
            const struct name key = name_of('P', rows);
            assert_true(shelf_can_take(rig.shard, 1, sizeof large));
            shelf_write(rig.shard, bytes_of(key.text), (struct bytes){large, sizeof large});
        }
        if (!shard_dirty(rig.shard)) rig_settle(&rig);
    }
    assert_true(shelf_used(rig.shard->shelf) >= rig.config.shelf_bytes / 2);
    rig_settle(&rig);
    assert_int_equal(rig.shard->status.checkpoints, before + 1);
    for (uint32_t i = 0; i < rows; i++) {
        struct bytes found;
        const struct name key = name_of('P', i);
        assert_true(shelf_read(rig.shard, bytes_of(key.text), &found));
        assert_int_equal(found.size, sizeof large);
    }
}

/* -- replay ----------------------------------------------------------------------------------- */

#define SMALL_SHELF  (512 * 1024)
#define INSTITUTIONS 4000
#define PUSHES       9000
#define PUSH_ROOM    256

/* Version n of one of the institutions. */
static struct request push(uint32_t n, uint8_t body[PUSH_ROOM])
{
    struct name code;
    snprintf(code.text, sizeof code.text, "H%011u", n % INSTITUTIONS);
    const struct name msgid = name_of('M', n);
    const struct wallet_order order = {
        .msgid = bytes_of(msgid.text),
        .fixmedins_code = bytes_of(code.text),
        .place = 131000,
        .which = n + 1,
    };
    const size_t size = wire_encode(wallet_table(MESSAGE_INST_DIR_PUSH), &order, body);
    return rig_message(MESSAGE_INST_DIR_PUSH, 13, (struct bytes){body, size});
}

/* Checkpoints come as late as they can: only when no request is taken any more. */
static void push_all(void)
{
    static uint8_t bodies[PUSHES][PUSH_ROOM];
    static struct request requests[PUSHES];
    for (uint32_t n = 0; n < PUSHES; n++)
        requests[n] = push(n, bodies[n]);
    for (uint32_t taken = 0; taken < PUSHES;) {
        const uint32_t more = rig_give(&rig, requests + taken, PUSHES - taken);
        taken += more;
        rig_flush(&rig);
        if (rig.appended.size != 0) rig_written(&rig);
        if (more == 0) rig_settle(&rig);
        for (uint32_t i = 0; i < rig.result_count; i++)
            assert_int_equal(rig.results[i].result.code, ERROR_OK);
        rig_forget(&rig);
    }
    rig_settle(&rig);
    rig_forget(&rig);
}

static void assert_latest_versions(void)
{
    for (uint32_t n = PUSHES - INSTITUTIONS; n < PUSHES; n++) {
        struct institution row;
        struct name code;
        snprintf(code.text, sizeof code.text, "H%011u", n % INSTITUTIONS);
        assert_true(institution_load(rig.shard, bytes_of(code.text), &row));
        assert_int_equal(row.version, n + 1);
    }
}

/* Live the shelf is filled to the last row that fits; the blocks were cut where it held other rows
 * than when they are read again. */
static void a_replay_never_runs_out_of_shelf(void **state) /* (P1) */
{
    (void)state;
    rig.config.shelf_bytes = SMALL_SHELF;
    rig.config.delta_entries = 65536; /* The shelf alone is what is short. */
    rig.config.delta_bytes = 64u << 20;
    rig_crash(&rig, false); /* Opens it with these. */
    rig_clock(&rig, MANUAL_CLOCK_START_MS + 1000);
    push_all();
    assert_true(rig.shard->status.checkpoints > 2);
    assert_latest_versions();

    rig_crash(&rig, false); /* From the last checkpoint on. */
    assert_latest_versions();
    forget_state();
    rig_crash(&rig, false); /* From the first block on. */
    assert_int_equal(rig.shard->last_seq, PUSHES + 1);
    assert_true(rig.shard->status.checkpoints > 2);
    assert_latest_versions();
}

/* -- records of a person ---------------------------------------------------------------------- */

/* The second has the same bytes in the index as the first. */
static const char *const people[] = {"AAAAperson000001", "BBBBperson000002", "AAAApXrson000001",
                                     "AAAAothers000001"};
#define PEOPLE 4
#define VISITS 3000

static uint8_t owners[VISITS + 1]; /* By seq: everything here is a record. */

static void some_visits(uint32_t count, struct prng *prng)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t n = (uint32_t)rig.shard->last_seq + 1;
        assert_true(n <= VISITS);
        owners[n] = (uint8_t)prng_below(prng, PEOPLE - 1); /* The last has none. */
        visit(n, people[owners[n]]);
        if (i % 100 == 99) rig_settle(&rig);
    }
    rig_settle(&rig);
    rig_forget(&rig);
}

/* Takes the next records of the person, `looks` at a time, and compares them with the list from
 * *from on. `slices` at most; true when that was all. */
static bool read_on(struct person_records *records, uint32_t person, uint64_t *from, uint32_t looks,
                    uint32_t slices)
{
    const uint64_t step = records->cursor.descending != 0 ? (uint64_t)-1 : 1;
    for (uint32_t i = 0; i < slices; i++) {
        uint32_t left = looks;
        uint32_t found = 0;
        struct entry entry;
        enum person_next next;
        while ((next = person_records_next(rig.shard, records, &left, &entry)) == PERSON_RECORD) {
            while (*from != 0 && *from <= rig.shard->last_seq && owners[*from] != person)
                *from += step;
            assert_int_equal(entry.seq, *from);
            assert_true(++found <= looks - left);
            *from += step;
        }
        if (next == PERSON_LATER) {
            assert_int_equal(left, 0);
            continue;
        }
        for (; *from != 0 && *from <= rig.shard->last_seq; *from += step)
            assert_int_not_equal(owners[*from], person);
        return true;
    }
    return false;
}

static void read_all(void)
{
    for (uint32_t person = 0; person < PEOPLE; person++) {
        uint64_t from = 1;
        struct person_records records = person_records_from(bytes_of(people[person]), 0, false);
        assert_true(read_on(&records, person, &from, 7, UINT32_MAX));
        from = rig.shard->last_seq;
        records = person_records_from(bytes_of(people[person]), UINT64_MAX, true);
        assert_true(read_on(&records, person, &from, 7, UINT32_MAX));
    }
}

static void records_are_found_in_memory_and_in_the_store(void **state)
{
    (void)state;
    struct prng prng = {1};
    read_all(); /* Nothing. */
    some_visits(300, &prng);
    read_all();
    freeze();
    read_all();
    some_visits(200, &prng);
    read_all();
    for (uint32_t round = 0; round < 20;
         round++) { /* Every person's is once the first one after. */
        some_visits(5, &prng);
        checkpoint();
        some_visits(5, &prng);
        read_all();
    }
}

static void a_search_outlives_checkpoints_and_crashes(void **state)
{
    (void)state;
    struct prng prng = {2};
    struct person_records up[PEOPLE];
    struct person_records down[PEOPLE];
    uint64_t up_from[PEOPLE];
    uint64_t down_from[PEOPLE];

    some_visits(1000, &prng);
    for (uint32_t person = 0; person < PEOPLE; person++) {
        up[person] = person_records_from(bytes_of(people[person]), 0, false);
        down[person] = person_records_from(bytes_of(people[person]), UINT64_MAX, true);
        up_from[person] = 1;
        down_from[person] = rig.shard->last_seq;
    }
    for (uint32_t round = 0; round < 8; round++) {
        for (uint32_t person = 0; person < PEOPLE; person++) {
            (void)read_on(&up[person], person, &up_from[person], 10, 8);
            (void)read_on(&down[person], person, &down_from[person], 10, 8);
        }
        some_visits(50, &prng);
        if (round % 3 == 0) checkpoint();
        if (round % 3 == 1) rig_crash(&rig, true);
    }
    for (uint32_t person = 0; person < PEOPLE; person++) {
        assert_true(read_on(&up[person], person, &up_from[person], 10, UINT32_MAX));
        assert_true(read_on(&down[person], person, &down_from[person], 10, UINT32_MAX));
    }
}

/* The state is lost, or one of an older program: the index comes back from the journal. */
static void the_index_is_made_again_from_the_journal(void **state)
{
    (void)state;
    struct prng prng = {3};
    for (uint32_t i = 0; i < 5; i++) {
        some_visits(300, &prng);
        checkpoint();
    }
    forget_state();
    rig_crash(&rig, true);
    assert_int_equal(rig.shard->last_seq, 1500);
    assert_int_equal(rig.shard->checkpoint_seq, 0);
    read_all();
    checkpoint();
    assert_int_equal(rig.shard->checkpoint_seq, 1500);
    read_all();
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_row_is_found_wherever_it_stands),
        CASE(a_block_takes_so_much_and_no_more),
        CASE(more_than_a_block_takes_is_a_bug),
        CASE(a_block_read_again_may_take_twice_as_much),
        CASE(a_shelf_half_full_wants_a_checkpoint),
        CASE(many_persons_rows_put_a_checkpoint_off),
        CASE(many_persons_rows_put_it_off_by_bytes_too),
        CASE(a_replay_never_runs_out_of_shelf),
        CASE(records_are_found_in_memory_and_in_the_store),
        CASE(a_search_outlives_checkpoints_and_crashes),
        CASE(the_index_is_made_again_from_the_journal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
