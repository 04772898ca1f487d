#include <errno.h>
#include <stdlib.h>

#include "cycle/parts.h"
#include "tests/lib/unit.h"

static struct bytes some_rows(size_t size)
{
    uint8_t *data = malloc(size + 1);
    assert_non_null(data);
    for (size_t i = 0; i < size; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    return (struct bytes){data, size};
}

/* Writes part by part and reads them again. */
static void round_trip(size_t size)
{
    const struct bytes rows = some_rows(size);
    struct parts_reader reader;
    struct bytes got = {0};
    uint8_t body[PART_HEAD + PART_ROWS_MAX];
    const uint32_t parts = parts_needed(size);
    parts_reader_init(&reader);
    for (uint32_t part = 1; part <= parts; part++) {
        const size_t written = part_write(5, part, rows, body);
        assert_true(written <= sizeof body);
        assert_int_equal(parts_take(&reader, (struct bytes){body, written}, &got), part == parts);
    }
    assert_true(bytes_equal(got, rows));
    assert_int_equal(reader.number, 5);
    parts_reader_free(&reader);
    free((void *)(uintptr_t)rows.data);
}

static void a_decision_comes_back_whole(void **state)
{
    (void)state;
    assert_int_equal(parts_needed(PART_ROWS_MAX), 1);
    assert_int_equal(parts_needed(PART_ROWS_MAX + 1), 2);
    static const size_t sizes[] = {0,
                                   4,
                                   PART_ROWS_MAX - 4,
                                   PART_ROWS_MAX,
                                   PART_ROWS_MAX + 4,
                                   2 * PART_ROWS_MAX,
                                   (size_t)100 * PART_ROWS_MAX + 8};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        round_trip(sizes[i]);
}

static int take(struct parts_reader *reader, uint64_t number, uint32_t part, struct bytes rows,
                struct bytes *ret_rows)
{
    uint8_t body[PART_HEAD + PART_ROWS_MAX];
    const size_t size = part_write(number, part, rows, body);
    return parts_take(reader, (struct bytes){body, size}, ret_rows);
}

/* (P1) The engine died after the second of three parts; its next decision is another one. */
static void a_tail_is_dropped_and_never_mixed(void **state)
{
    (void)state;
    const struct bytes rows = some_rows(2 * PART_ROWS_MAX + 100);
    const struct bytes later = some_rows(PART_ROWS_MAX + 40);
    struct parts_reader reader;
    struct bytes got = {0};
    parts_reader_init(&reader);
    assert_int_equal(take(&reader, 1, 1, rows, &got), 0);
    assert_int_equal(take(&reader, 1, 2, rows, &got), 0);
    assert_int_equal(reader.number, 1); /* So the next one is 2. */
    assert_int_equal(take(&reader, 2, 1, later, &got), 0);
    assert_int_equal(take(&reader, 2, 2, later, &got), 1);
    assert_true(bytes_equal(got, later));
    parts_reader_free(&reader);
    free((void *)(uintptr_t)rows.data);
    free((void *)(uintptr_t)later.data);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    const struct bytes rows = some_rows(3 * PART_ROWS_MAX);
    struct parts_reader reader;
    struct bytes got = {0};
    uint8_t body[PART_HEAD + PART_ROWS_MAX] = {0};

    parts_reader_init(&reader);
    assert_int_equal(parts_take(&reader, (struct bytes){body, PART_HEAD - 1}, &got), -EUCLEAN);
    assert_int_equal(parts_take(&reader, (struct bytes){body, PART_HEAD}, &got), -EUCLEAN);
    assert_int_equal(take(&reader, 4, 2, rows, &got), -EUCLEAN); /* Nothing was begun. */
    assert_int_equal(take(&reader, 4, 1, rows, &got), 0);
    assert_int_equal(take(&reader, 4, 3, rows, &got), -EUCLEAN); /* One is missing. */
    assert_int_equal(take(&reader, 5, 2, rows, &got), -EUCLEAN); /* Of another one. */
    assert_int_equal(take(&reader, 4, 1, rows, &got), -EUCLEAN); /* (P1) */
    assert_int_equal(take(&reader, 3, 1, rows, &got), -EUCLEAN);
    const size_t size = part_write(6, 1, rows, body); /* Not full, though more are to come. */
    assert_int_equal(parts_take(&reader, (struct bytes){body, size - 4}, &got), -EUCLEAN);
    parts_reader_free(&reader);
    free((void *)(uintptr_t)rows.data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_decision_comes_back_whole),
        cmocka_unit_test(a_tail_is_dropped_and_never_mixed),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
