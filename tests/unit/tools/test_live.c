/* live streams against the engine's own decoder and rules, every strict switch on: of no shape is
 * anything refused (V1), and what refers to a record fits it (V2 to V4). */
#include <stdlib.h>

#include "codec/messages.h"
#include "deploy/embedded_tables.h"
#include "ledger/rules.h"
#include "ledger/tables.h"
#include "tests/lib/unit.h"
#include "tools/workload/live.h"
#include "types/civil.h"

#define RECORDS 40000 /* Two and a half sets of duplicates. */
#define MONTH   202512

static struct tables tables; /* Too large for a comfortable stack. */
static struct live live;

/* What was written, one record behind the other. */
static struct {
    uint8_t bodies[RECORDS * 512];
    struct settlement records[RECORDS]; /* Views into `bodies`. */
    size_t used;
} written;

static int load_tables(void **state)
{
    (void)state;
    struct table_error error = {0, ""};
    tables_init(&tables);
    for (int file = 0; file < TABLE_FILE_COUNT; file++) {
        const struct bytes text = {embedded_tables[file].data, embedded_tables[file].size};
        assert_true(tables_load(&tables, (enum table_file)file, text, &error));
    }
    tables.strict_area_table = true;
    tables.strict_code_tables = true;
    tables.chronic_code_required = true;
    return 0;
}

/* Time goes on by a second every 100 records. */
static int64_t time_of(int i)
{
    return civil_month_start_ms(MONTH) + MS_PER_DAY + i * (int64_t)10;
}

/* Writes record i and reads it again, as the engine does. */
static struct settlement *write_one(int i)
{
    uint8_t key[PSN_KEY_SIZE];
    uint8_t again[SETTLEMENT_ENCODED_MAX];
    uint32_t field;
    memcpy(key, live_draw(&live), sizeof(key));

    uint8_t *out = written.bodies + written.used;
    assert_true(written.used + LIVE_BODY_MAX <= sizeof(written.bodies));
    const struct bytes body = {out, live_write(&live, time_of(i), out)};
    written.used += body.size;

    struct settlement *record = &written.records[i];
    assert_true(settlement_decode(body, record, &field));
    assert_int_equal(settlement_encode(record, again), body.size); /* Canonical. */
    assert_memory_equal(again, body.data, body.size);
    assert_true(bytes_equal(record->psn_key, (struct bytes){key, sizeof(key)}));
    return record;
}

static void expect_sound(const struct settlement *record, int i)
{
    struct failures failures = {0};
    uint64_t soft = 0;
    rules_check_settlement(&tables, record, (struct rule_time){time_of(i), true}, &failures, &soft);
    if (failures.count != 0)
        fail_msg("%s, record %d: code %u, field %u, check %u", live_shape_names[live.shape], i,
                 failures.list[0].code, failures.list[0].field, failures.list[0].check);
    assert_int_equal(soft, 0);
}

static void write_all(enum live_shape shape, uint32_t run, uint32_t lane)
{
    written.used = 0;
    live_init(&live, shape, 1, run, lane);
    for (int i = 0; i < RECORDS; i++) {
        if (shape == LIVE_REFUNDS && i == RECORDS / 2) live_turn(&live);
        expect_sound(write_one(i), i);
    }
}

static void no_record_of_any_shape_is_refused(void **state) /* (V1) */
{
    (void)state;
    for (int shape = 0; shape < LIVE_SHAPE_COUNT; shape++) {
        write_all((enum live_shape)shape, 4000000000u, LIVE_LANES - 1);
    }
}

static int by_text(const void *a, const void *b)
{
    const struct bytes *x = a;
    const struct bytes *y = b;
    const size_t size = x->size < y->size ? x->size : y->size;
    const int order = memcmp(x->data, y->data, size);
    return order != 0 ? order : (x->size > y->size) - (x->size < y->size);
}

static void expect_unique(struct bytes *ids, size_t count)
{
    qsort(ids, count, sizeof(ids[0]), by_text);
    for (size_t i = 1; i < count; i++)
        assert_false(bytes_equal(ids[i - 1], ids[i]));
}

static void ids_are_unique_in_a_run_and_between_runs(void **state) /* (V3) */
{
    (void)state;
    static struct bytes ids[2][RECORDS];
    static const enum live_shape shapes[] = {LIVE_NATIONAL, LIVE_RANDOM_IDS, LIVE_ONE_PROVINCE,
                                             LIVE_REFUNDS,  LIVE_TINY,       LIVE_MAX};
    for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++) {
        written.used = 0;
        for (int i = 0; i < RECORDS; i++) {
            /* Four streams, one behind the other: two runs, two lanes each. */
            const int part = i / (RECORDS / 4);
            if (i % (RECORDS / 4) == 0)
                live_init(&live, shapes[s], 7, 1234567890u + (uint32_t)part % 2,
                          (uint32_t)part / 2);
            const struct settlement *record = write_one(i);
            ids[0][i] = record->msgid;
            ids[1][i] = record->setl_id;
        }
        expect_unique(ids[0], RECORDS);
        expect_unique(ids[1], RECORDS);
    }
}

static void random_ids_come_in_no_order(void **state)
{
    (void)state;
    write_all(LIVE_RANDOM_IDS, 1, 0);
    int rises = 0;
    for (int i = 1; i < RECORDS; i++)
        rises += by_text(&written.records[i - 1].setl_id, &written.records[i].setl_id) < 0;
    assert_in_range(rises, RECORDS * 45 / 100, RECORDS * 55 / 100);
}

static void one_province_is_one_pair(void **state)
{
    (void)state;
    write_all(LIVE_ONE_PROVINCE, 1, 0);
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(written.records[i].insu_admdvs / 10000, 34);
        assert_int_equal(written.records[i].mdtrtarea_admvs / 10000, 31);
    }
}

static void duplicates_are_the_very_message(void **state) /* (V2) */
{
    (void)state;
    written.used = 0;
    live_init(&live, LIVE_DUPLICATES, 1, 1, 0);
    for (int i = 0; i < RECORDS; i++) {
        const struct settlement *record = write_one(i);
        const bool again = i >= LIVE_DUPLICATES_SET;
        assert_int_equal(live_is_duplicate(&live), again);
        if (!again) continue;
        const struct settlement *first = &written.records[i % LIVE_DUPLICATES_SET];
        assert_true(settlement_same(record, first));
        assert_true(bytes_equal(record->msgid, first->msgid));
    }
}

static void expect_refund_fits(const struct settlement *refund, const struct settlement *original,
                               int64_t (*changes)[AMOUNT_REFUNDABLE_COUNT])
{
    struct failures failures = {0};
    assert_true(refund->refd_setl_flag);
    assert_true(bytes_equal(refund->orig_setl_id, original->setl_id));
    assert_true(bytes_equal(refund->psn_key, original->psn_key)); /* (V4) */
    rules_check_refund(&tables, refund, original, *changes, &failures);
    assert_int_equal(failures.count, 0);
    for (int i = 0; i < AMOUNT_REFUNDABLE_COUNT; i++)
        (*changes)[i] += refund->amounts[i];
}

static void refunds_take_back_their_originals_in_order(void **state)
{
    (void)state;
    static int64_t changes[AMOUNT_REFUNDABLE_COUNT];
    write_all(LIVE_REFUNDS, 1, 0);
    assert_int_equal(live_left(&live), 0);
    for (int i = RECORDS / 2; i < RECORDS; i++) {
        memset(changes, 0, sizeof(changes));
        assert_false(written.records[i - RECORDS / 2].refd_setl_flag);
        expect_refund_fits(&written.records[i], &written.records[i - RECORDS / 2], &changes);
    }
}

/* Records by setl_id: where each stands first. */
static int index_of(const struct settlement *of, struct bytes setl_id, int before)
{
    for (int i = before - 1; i >= 0; i--) {
        if (bytes_equal(of[i].setl_id, setl_id)) return i;
    }
    return -1;
}

static void a_month_has_refunds_and_duplicates(void **state)
{
    (void)state;
    static int64_t changes[RECORDS][AMOUNT_REFUNDABLE_COUNT];
    int refunds = 0;
    int duplicates = 0;
    memset(changes, 0, sizeof(changes));
    written.used = 0;
    live_init(&live, LIVE_MONTH, 1, 1, 0);
    for (int i = 0; i < RECORDS; i++) {
        const struct settlement *record = write_one(i);
        if (live_is_duplicate(&live)) {
            const int first = index_of(written.records, record->setl_id, i);
            assert_in_range(first, 0, i - 1);
            assert_true(settlement_same(record, &written.records[first]));
            assert_true(bytes_equal(record->msgid, written.records[first].msgid));
            duplicates++;
        } else if (record->refd_setl_flag) {
            const int original = index_of(written.records, record->orig_setl_id, i);
            assert_in_range(original, 0, i - 1);
            expect_refund_fits(record, &written.records[original], &changes[original]);
            refunds++;
        }
    }
    assert_int_equal(duplicates, RECORDS / 200);
    assert_in_range(refunds, RECORDS / 100 - 10, RECORDS / 98);
}

static void tiny_is_short_and_max_is_long(void **state)
{
    (void)state;
    write_all(LIVE_TINY, 1, 0);
    assert_in_range(written.used / RECORDS, 70, 90);
    for (int i = 0; i < RECORDS; i++) {
        assert_int_equal(written.records[i].mdtrt_id.size, 0);
        assert_int_equal(written.records[i].fixmedins_code.size, 0);
    }
    write_all(LIVE_MAX, 1, 0);
    for (int i = 0; i < RECORDS; i++) {
        const struct settlement *s = &written.records[i];
        assert_int_equal(s->msgid.size, ID_SIZE_MAX);
        assert_int_equal(s->setl_id.size, ID_SIZE_MAX);
        assert_int_equal(s->mdtrt_id.size, ID_SIZE_MAX);
        assert_int_equal(s->medins_setl_id.size, ID_SIZE_MAX);
        assert_int_equal(s->dise_codg.size, ID_SIZE_MAX);
        assert_int_equal(s->fixmedins_code.size, INSTITUTION_SIZE_MAX);
        assert_int_equal(s->detail_digest.size, 32);
        assert_true(s->clr_amt_present);
        for (int a = 0; a < AMOUNT_COUNT; a++)
            assert_true(a == AMOUNT_WLT || s->amounts[a] >= 1 << 27);
    }
}

static size_t count_different(struct bytes *texts, size_t count)
{
    size_t different = 1;
    qsort(texts, count, sizeof(texts[0]), by_text);
    for (size_t i = 1; i < count; i++)
        different += !bytes_equal(texts[i - 1], texts[i]);
    return different;
}

/* Drafts serve sixteen records each, persons are drawn for every one. */
static void records_differ_in_more_than_their_ids(void **state)
{
    (void)state;
    static struct bytes texts[RECORDS];
    write_all(LIVE_NATIONAL, 1, 0);
    for (int i = 0; i < RECORDS; i++)
        texts[i] = written.records[i].psn_key;
    assert_true(count_different(texts, RECORDS) > RECORDS * 95 / 100);
    for (int i = 0; i < RECORDS; i++)
        texts[i] = (struct bytes){(const uint8_t *)written.records[i].amounts,
                                  sizeof(written.records[i].amounts)};
    assert_in_range(count_different(texts, RECORDS), RECORDS / 16, RECORDS / 16 + LIVE_FORMS + 1);
}

static void the_same_seed_gives_the_same_bytes(void **state) /* (V2) */
{
    (void)state;
    uint8_t first[LIVE_BODY_MAX];
    write_all(LIVE_NATIONAL, 5, 3);
    const size_t size = written.used < sizeof(first) ? written.used : sizeof(first);
    memcpy(first, written.bodies, size);
    write_all(LIVE_NATIONAL, 5, 3);
    assert_memory_equal(first, written.bodies, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_record_of_any_shape_is_refused),
        cmocka_unit_test(ids_are_unique_in_a_run_and_between_runs),
        cmocka_unit_test(random_ids_come_in_no_order),
        cmocka_unit_test(one_province_is_one_pair),
        cmocka_unit_test(duplicates_are_the_very_message),
        cmocka_unit_test(refunds_take_back_their_originals_in_order),
        cmocka_unit_test(a_month_has_refunds_and_duplicates),
        cmocka_unit_test(tiny_is_short_and_max_is_long),
        cmocka_unit_test(records_differ_in_more_than_their_ids),
        cmocka_unit_test(the_same_seed_gives_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, load_tables, NULL);
}
