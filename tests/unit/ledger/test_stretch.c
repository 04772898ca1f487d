/* Where entries stand: written, read back, and what makes no sense. */
#include "journal/block.h"
#include "journal/entry.h"
#include "ledger/stretch.h"
#include "tests/lib/unit.h"
#include "util/le.h"

#define SEGMENT 7u
#define FIRST   UINT64_C(1000)
#define OFFSET  (SEGMENT_HEAD_SIZE + BLOCK_HEAD_SIZE)

/* Entries of one size, one after the other; how many were taken. */
static uint32_t fill(struct stretch_draft *draft, uint32_t size, uint32_t count)
{
    stretch_begin(draft, SEGMENT, OFFSET);
    for (uint32_t i = 1; i < count; i++) {
        if (!stretch_add(draft, OFFSET + i * size)) return i;
    }
    return count;
}

/* What was written stands there, and nothing beside it. */
static void assert_reads_back(const struct stretch_draft *draft, uint32_t size, uint32_t count)
{
    struct stretch stretch;
    uint32_t offset;
    assert_true(stretch_read(FIRST, stretch_value(draft), &stretch));
    assert_int_equal(stretch.segment, SEGMENT);
    assert_int_equal(stretch.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(stretch_find(&stretch, FIRST + i, &offset));
        assert_int_equal(offset, OFFSET + i * size);
    }
    assert_false(stretch_find(&stretch, FIRST - 1, &offset));
    assert_false(stretch_find(&stretch, FIRST + count, &offset));
    assert_false(stretch_find(&stretch, 0, &offset));
    assert_false(stretch_find(&stretch, UINT64_MAX, &offset));
}

static void one_entry(void **state)
{
    (void)state;
    struct stretch_draft draft;
    assert_int_equal(fill(&draft, 256, 1), 1);
    assert_int_equal(stretch_value(&draft).size, STRETCH_HEAD_SIZE + 2);
    assert_reads_back(&draft, 256, 1);
}

static void as_many_as_there_is_room_for(void **state)
{
    (void)state;
    struct stretch_draft draft;
    assert_int_equal(fill(&draft, 72, 2034), STRETCH_ENTRIES_MAX);
    assert_int_equal(stretch_value(&draft).size, STRETCH_SIZE_MAX);
    assert_reads_back(&draft, 72, STRETCH_ENTRIES_MAX);
}

/* Four values with their keys, places and heads fill a page of LMDB, less its own head. */
static void four_fill_a_page(void **state)
{
    (void)state;
    const size_t node = 2 + 8 + 8 + STRETCH_SIZE_MAX;
    assert_in_range(4 * node, 4096 - 16 - 8, 4096 - 16);
}

/* Entries as long as they can be: the distance ends a stretch, before its number does. */
static void a_stretch_ends_where_two_bytes_do(void **state)
{
    (void)state;
    struct stretch_draft draft;
    const uint32_t most = STRETCH_SPAN / ENTRY_SIZE_MAX + 1;
    assert_int_equal(fill(&draft, ENTRY_SIZE_MAX, STRETCH_ENTRIES_MAX), most);
    assert_reads_back(&draft, ENTRY_SIZE_MAX, most);

    stretch_begin(&draft, SEGMENT, OFFSET);
    assert_false(stretch_add(&draft, OFFSET + STRETCH_SPAN + STRETCH_UNIT));
    assert_true(stretch_add(&draft, OFFSET + STRETCH_SPAN));
    assert_reads_back(&draft, STRETCH_SPAN, 2);
}

/* A full block of the longest and of the shortest entries: every one is in one stretch. */
static void a_block_in_stretches(void **state)
{
    (void)state;
    static const uint32_t sizes[] = {ENTRY_HEAD_SIZE, 256, ENTRY_SIZE_MAX};
    for (size_t s = 0; s < sizeof sizes / sizeof sizes[0]; s++) {
        const uint32_t count = BLOCK_PAYLOAD_MAX / sizes[s];
        struct stretch_draft draft;
        struct stretch stretch;
        uint32_t stretches = 1;
        uint32_t first = 0;
        stretch_begin(&draft, SEGMENT, OFFSET);
        for (uint32_t i = 1; i <= count; i++) {
            if (i < count && stretch_add(&draft, OFFSET + i * sizes[s])) continue;
            assert_true(stretch_read(FIRST + first, stretch_value(&draft), &stretch));
            for (uint32_t k = first; k < i; k++) {
                uint32_t offset;
                assert_true(stretch_find(&stretch, FIRST + k, &offset));
                assert_int_equal(offset, OFFSET + k * sizes[s]);
            }
            first = i;
            stretches++;
            stretch_begin(&draft, SEGMENT, OFFSET + i * sizes[s]);
        }
        assert_true(stretches > BLOCK_PAYLOAD_MAX / (STRETCH_SPAN + 1));
    }
}

static void what_makes_no_sense(void **state)
{
    (void)state;
    struct stretch stretch;
    struct stretch_draft draft;
    uint8_t value[STRETCH_SIZE_MAX + 2] = {0};
    (void)fill(&draft, 256, 3);
    memcpy(value, stretch_value(&draft).data, stretch_value(&draft).size);
    for (size_t size = 0; size <= STRETCH_HEAD_SIZE + 1; size++)
        assert_false(stretch_read(FIRST, (struct bytes){value, size}, &stretch));
    assert_false(stretch_read(FIRST, (struct bytes){value, STRETCH_HEAD_SIZE + 3}, &stretch));
    assert_false(stretch_read(FIRST, (struct bytes){value, sizeof value}, &stretch));
    assert_true(stretch_read(FIRST, (struct bytes){value, STRETCH_HEAD_SIZE + 6}, &stretch));
    static const struct {
        size_t at;
        uint8_t wrong;
    } cases[] = {{0, 0}, {4, 1}, {STRETCH_HEAD_SIZE, 1}, {STRETCH_HEAD_SIZE + 1, 1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const uint8_t right = value[cases[i].at];
        value[cases[i].at] = cases[i].wrong;
        assert_false(stretch_read(FIRST, (struct bytes){value, STRETCH_HEAD_SIZE + 6}, &stretch));
        value[cases[i].at] = right;
    }
    /* The last place there can be, and one behind it. */
    uint32_t offset;
    le_store32(value + 4, UINT32_MAX - 7);
    assert_true(stretch_read(FIRST, (struct bytes){value, STRETCH_HEAD_SIZE + 6}, &stretch));
    assert_true(stretch_find(&stretch, FIRST, &offset));
    assert_false(stretch_find(&stretch, FIRST + 1, &offset));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_entry),
        cmocka_unit_test(as_many_as_there_is_room_for),
        cmocka_unit_test(four_fill_a_page),
        cmocka_unit_test(a_stretch_ends_where_two_bytes_do),
        cmocka_unit_test(a_block_in_stretches),
        cmocka_unit_test(what_makes_no_sense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
