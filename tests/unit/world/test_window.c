/* A window over a file: whatever way one goes, it shows the file's bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "util/le.h"
#include "world/linux/window.h"

#define FILE_BYTES (3 * WINDOW_BYTES + 5 * WINDOW_ALIGN)

static char path[TEMP_FOLDER_SIZE];
static char name[TEMP_FOLDER_SIZE + 8];

/* Each page begins with its own number, under `mark`. */
static void make_file(const char *file_name, uint64_t bytes, uint32_t mark)
{
    uint8_t *all = calloc(1, bytes);
    for (uint64_t at = 0; at < bytes; at += WINDOW_ALIGN) {
        le_store32(all + at, (uint32_t)(at / WINDOW_ALIGN));
        le_store32(all + at + WINDOW_ALIGN - 4, mark);
    }
    const int fd = open(file_name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, all, bytes), bytes);
    close(fd);
    free(all);
}

static int make(void **state)
{
    (void)state;
    temp_folder_make(path);
    snprintf(name, sizeof name, "%s/file", path);
    make_file(name, FILE_BYTES, 1);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    temp_folder_remove(path);
    return 0;
}

static int open_file(const struct window *window, const char *file_name)
{
    int file = -1;
    assert_int_equal(file_open(file_name, window_use(window), &file), 0);
    return file;
}

static void shows(struct window *window, int file, uint64_t offset, uint32_t mark)
{
    uint64_t failed;
    assert_int_equal(window_show(window, file, offset, &failed), 0);
    assert_true(window->start == offset);
    assert_true(window->size >= WINDOW_ALIGN);
    assert_true(offset + window->size <= window->file_bytes);
    for (uint64_t at = 0; at < window->size; at += WINDOW_ALIGN) {
        assert_int_equal(le_load32(window->data + at), (offset + at) / WINDOW_ALIGN);
        assert_int_equal(le_load32(window->data + at + WINDOW_ALIGN - 4), mark);
    }
}

static void what_was_asked_joins_what_is_left(void **state)
{
    static const uint64_t left[] = {0, WINDOW_ALIGN, 7 * WINDOW_ALIGN, WINDOW_FRONT};
    (void)state;
    for (size_t i = 0; i < sizeof left / sizeof left[0]; i++) {
        struct window window;
        assert_int_equal(window_init(&window, FILE_BYTES), 0);
        const int file = open_file(&window, name);
        uint64_t end = 0;
        while (end < FILE_BYTES) {
            const uint64_t from = end < left[i] ? 0 : end - left[i];
            shows(&window, file, from, 1);
            assert_true(window.start + window.size > end); /* It goes on. */
            end = window.start + window.size;
            if (end < FILE_BYTES) window_ask(&window, file, end);
            if (end < FILE_BYTES) assert_true(window.asked);
        }
        window_done(&window);
        assert_int_equal(file_close(file), 0);
    }
}

static void what_was_asked_in_vain_is_not_shown(void **state)
{
    static const uint64_t places[] = {
        WINDOW_BYTES - WINDOW_FRONT - WINDOW_ALIGN, /* More would be left than there is room for. */
        2 * WINDOW_BYTES,
        0,
        FILE_BYTES - WINDOW_ALIGN,
    };
    (void)state;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        struct window window;
        assert_int_equal(window_init(&window, FILE_BYTES), 0);
        const int file = open_file(&window, name);
        shows(&window, file, 0, 1);
        window_ask(&window, file, WINDOW_BYTES);
        shows(&window, file, places[i], 1);
        assert_false(window.asked);
        window_done(&window);
        assert_int_equal(file_close(file), 0);
    }
}

static void the_next_file_is_asked_for_and_shown(void **state)
{
    char next_name[sizeof name + 8];
    struct window window;
    (void)state;
    snprintf(next_name, sizeof next_name, "%s-next", name);
    make_file(next_name, FILE_BYTES, 2);
    assert_int_equal(window_init(&window, FILE_BYTES), 0);
    const int file = open_file(&window, name), next = open_file(&window, next_name);
    shows(&window, file, 3 * WINDOW_BYTES, 1);
    window_ask(&window, next, 0);
    window_turn(&window, next);
    assert_true(window.asked);
    assert_true(window.size == 0);
    assert_int_equal(file_close(file), 0);
    shows(&window, next, 0, 2);
    /* What was asked of a file that is left does not come any more. */
    window_ask(&window, next, WINDOW_BYTES);
    window_turn(&window, -1);
    assert_false(window.asked);
    /* Forgotten, and what is written since is seen. */
    window_ask(&window, next, WINDOW_BYTES);
    window_forget(&window);
    make_file(next_name, FILE_BYTES, 3);
    shows(&window, next, WINDOW_BYTES, 3);
    window_done(&window);
    assert_int_equal(file_close(next), 0);
}

static void a_read_that_fails_is_told_and_one_asked_in_vain_made_again(void **state)
{
    struct window window;
    uint64_t failed = 0;
    (void)state;
    assert_int_equal(window_init(&window, FILE_BYTES), 0);
    assert_int_equal(window_show(&window, -1, WINDOW_ALIGN, &failed), -EBADF);
    assert_true(failed == WINDOW_ALIGN);
    const int file = open_file(&window, name);
    shows(&window, file, 0, 1);
    window_ask(&window, file, WINDOW_BYTES);
    (void)file_read_end(&window.ahead);
    window.ahead.works = false; /* As if the system had not taken it. */
    shows(&window, file, WINDOW_BYTES, 1);
    assert_int_equal(truncate(name, 2 * WINDOW_BYTES + WINDOW_ALIGN), 0);
    assert_int_equal(window_show(&window, file, 2 * WINDOW_BYTES, &failed), -ENODATA);
    assert_true(failed == 2 * WINDOW_BYTES + WINDOW_ALIGN);
    assert_true(window.size == 0);
    window_done(&window);
    assert_int_equal(file_close(file), 0);
}

static void short_files_are_shown_whole(void **state)
{
    struct window window;
    (void)state;
    make_file(name, 16 * WINDOW_ALIGN, 4);
    assert_int_equal(window_init(&window, 16 * WINDOW_ALIGN), 0);
    assert_int_equal(window_use(&window), FILE_READ);
    const int file = open_file(&window, name);
    window_ask(&window, file, 0);
    assert_false(window.asked);
    shows(&window, file, 0, 4);
    assert_true(window.size == 16 * WINDOW_ALIGN);
    shows(&window, file, 15 * WINDOW_ALIGN, 4);
    window_done(&window);
    assert_int_equal(file_close(file), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_asked_joins_what_is_left, make, remove_all),
        cmocka_unit_test_setup_teardown(what_was_asked_in_vain_is_not_shown, make, remove_all),
        cmocka_unit_test_setup_teardown(the_next_file_is_asked_for_and_shown, make, remove_all),
        cmocka_unit_test_setup_teardown(a_read_that_fails_is_told_and_one_asked_in_vain_made_again,
                                        make, remove_all),
        cmocka_unit_test_setup_teardown(short_files_are_shown_whole, make, remove_all),
    };
    return cmocka_run_group_tests_name("world/window", tests, NULL, NULL);
}
