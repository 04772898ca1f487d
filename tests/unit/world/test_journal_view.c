/* The journal read again while it is written: what is durable is seen, whatever was mapped before;
 * and what cannot be read says which file it was. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "world/linux/files.h"
#include "world/linux/journal_view.h"
#include "world/linux/read_fault.h"

#define SEGMENT_BYTES (1u << 20)
#define PAGE          4096u

static char path[TEMP_FOLDER_SIZE];
static struct journal_folder folder;
static struct journal_view *view;

static int set_up(void **state)
{
    (void)state;
    temp_folder_make(path);
    folder = (struct journal_folder){.path = path, .segment_bytes = SEGMENT_BYTES, .shard = 3};
    view = journal_view_new(&folder);
    assert_non_null(view);
    for (uint32_t segment = 1; segment <= 2; segment++)
        assert_int_equal(segment_prepare(path, segment, SEGMENT_BYTES,
                                         segment == 1 ? SEGMENT_ZEROED : SEGMENT_RESERVED, NULL),
                         0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    journal_view_free(view);
    temp_folder_remove(path);
    return 0;
}

static int open_to_write(uint32_t segment)
{
    char name[SEGMENT_PATH_MAX];
    int file;
    segment_path(path, segment, name);
    assert_int_equal(file_open(name, FILE_WRITE_DIRECT, &file), 0);
    return file;
}

/* A page of one byte, written and synced as the engine does it. */
static void write_page(int file, uint32_t page, uint8_t byte)
{
    static _Alignas(4096) uint8_t data[PAGE];
    memset(data, byte, sizeof data);
    assert_int_equal(file_write(file, data, sizeof data, (uint64_t)page * PAGE), sizeof data);
    assert_int_equal(file_sync(file), 0);
}

static struct bytes look(uint32_t segment, uint32_t offset, size_t size)
{
    struct bytes bytes;
    assert_int_equal(journal_bytes(view, segment, offset, size, &bytes), 0);
    return bytes;
}

static void assert_page(uint32_t segment, uint32_t page, uint8_t byte)
{
    const struct bytes bytes = look(segment, page * PAGE, PAGE);
    assert_int_equal(bytes.size, PAGE);
    assert_int_equal(bytes.data[0], byte);
    assert_true(memcmp(bytes.data, bytes.data + 1, PAGE - 1) == 0);
}

/* Each page is in the mapping, as zeros, before it is written past the page cache. */
static void a_write_is_seen_by_an_older_mapping(void **state)
{
    (void)state;
    const int file = open_to_write(1);
    for (uint32_t page = 0; page < SEGMENT_BYTES / PAGE; page++)
        assert_page(1, page, 0);
    for (uint32_t page = 0; page < SEGMENT_BYTES / PAGE; page++) {
        write_page(file, page, (uint8_t)(1 + page % 200));
        assert_page(1, page, (uint8_t)(1 + page % 200));
    }
    for (uint32_t page = 0; page < SEGMENT_BYTES / PAGE; page++)
        assert_page(1, page, (uint8_t)(1 + page % 200));
    file_close(file);
}

static atomic_bool done;

/* Brings pages back into the cache as fast as writes throw them out. */
static void *keep_reading(void *context)
{
    const uint8_t *data = context;
    uint64_t sum = 0;
    while (!atomic_load(&done)) {
        for (uint32_t page = 0; page < SEGMENT_BYTES / PAGE; page++)
            sum += *(volatile const uint8_t *)(data + (size_t)page * PAGE);
    }
    return (void *)(uintptr_t)(sum != 0);
}

static void a_write_is_seen_while_others_read(void **state)
{
    (void)state;
    const int file = open_to_write(1);
    pthread_t reader;
    const uint8_t *data = look(1, 0, SEGMENT_BYTES).data;
    atomic_store(&done, false);
    assert_int_equal(pthread_create(&reader, NULL, keep_reading, (void *)(uintptr_t)data), 0);
    for (uint32_t page = 0; page < SEGMENT_BYTES / PAGE; page++) {
        write_page(file, page, (uint8_t)(1 + page % 200));
        assert_page(1, page, (uint8_t)(1 + page % 200));
    }
    atomic_store(&done, true);
    pthread_join(reader, NULL);
    for (uint32_t page = 0; page < SEGMENT_BYTES / PAGE; page++)
        assert_page(1, page, (uint8_t)(1 + page % 200));
    file_close(file);
}

/* Two entries at once, of two segments, with many segments asked for in between. */
static void what_was_read_stays(void **state)
{
    (void)state;
    const int one = open_to_write(1), two = open_to_write(2);
    write_page(one, 5, 11);
    write_page(two, 6, 22);
    const struct bytes first = look(1, 5 * PAGE, 100);
    const struct bytes second = look(2, 6 * PAGE, 100);
    for (uint32_t segment = 3; segment < 100; segment++) {
        assert_int_equal(segment_prepare(path, segment, 2 * PAGE, SEGMENT_RESERVED, NULL), 0);
        (void)look(segment, PAGE, 1);
    }
    assert_int_equal(first.data[99], 11);
    assert_int_equal(second.data[99], 22);
    file_close(one);
    file_close(two);
}

/* None is kept: a store of years has more segments than a process may have open. */
static void no_handle_is_kept(void **state)
{
    (void)state;
    const int before = dup(0);
    close(before);
    (void)look(1, 0, 1);
    (void)look(2, 0, 1);
    const int now = dup(0);
    close(now);
    assert_int_equal(before, now);
}

static void outside_of_the_journal(void **state)
{
    (void)state;
    struct bytes bytes;
    assert_int_equal(look(1, SEGMENT_BYTES - 8, 100).size, 8);
    assert_int_equal(journal_bytes(view, 1, SEGMENT_BYTES, 1, &bytes), -ERANGE);
    assert_int_equal(journal_bytes(view, 1, UINT32_MAX, 1, &bytes), -ERANGE);
    assert_int_equal(journal_bytes(view, 0, 0, 1, &bytes), -ENOENT);
    assert_int_equal(journal_bytes(view, 3, 0, 1, &bytes), -ENOENT);
    assert_int_equal(journal_bytes(view, UINT32_MAX, 0, 1, &bytes), -ENOENT);
    assert_int_equal(segment_prepare(path, 3, SEGMENT_BYTES, SEGMENT_ZEROED, NULL), 0);
    assert_int_equal(look(3, 0, 1).size, 1);
}

/* The segment whose mapping holds an address, and where in it; what is no mapping is in none. */
static void an_address_is_found(void **state)
{
    (void)state;
    uint32_t shard = 0, segment = 0;
    uint64_t offset = 0;
    for (uint32_t number = 1; number <= 2; number++) {
        const uint8_t *data = look(number, 0, SEGMENT_BYTES).data;
        for (uint64_t at = 0; at < SEGMENT_BYTES; at += SEGMENT_BYTES / 2 - 1) {
            assert_true(journal_view_find(data + at, &shard, &segment, &offset));
            assert_int_equal(shard, 3);
            assert_int_equal(segment, number);
            assert_int_equal(offset, at);
        }
    }
    assert_false(journal_view_find(&offset, &shard, &segment, &offset));
}

static void assert_says(const char *text, const char *words)
{
    if (strstr(text, words) == NULL) fail_msg("wanted '%s', it said '%s'", words, text);
}

static void a_lost_entry_is_named(void **state)
{
    (void)state;
    expect_assert_failure(journal_lost(view, 2, 8192, 77, -EUCLEAN));
    assert_says(global_last_failed_assert, "shard 3: ");
    assert_says(global_last_failed_assert, "/00000002.qfj, offset 8192: entry 77 does not stand");
    expect_assert_failure(journal_lost(view, 2, 8192, 77, -EIO));
    assert_says(global_last_failed_assert, "offset 8192: cannot read entry 77: Input/output error");
}

/* -- a disk that gives an error under a mapping ------------------------------------------------ */

/* What a process says that reads there, and with which code it ends. */
static int read_in_a_process(const uint8_t *data, char text[512])
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(ends[1], STDERR_FILENO);
        read_fault_watch();
        _exit(*(volatile const uint8_t *)data == 0 ? 40 : 41);
    }
    close(ends[1]);
    size_t size = 0;
    ssize_t more;
    while (size < 511 && (more = read(ends[0], text + size, 511 - size)) > 0)
        size += (size_t)more;
    text[size] = '\0';
    close(ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void a_segment_that_cannot_be_read(void **state)
{
    (void)state;
    char name[SEGMENT_PATH_MAX], text[512];
    (void)look(1, 0, 1);
    const uint8_t *data = look(2, 0, SEGMENT_BYTES).data;
    segment_path(path, 2, name);
    assert_int_equal(truncate(name, 4 * PAGE), 0);
    assert_int_equal(read_in_a_process(data + 3 * PAGE, text), 40);
    assert_int_equal(read_in_a_process(data + 4 * PAGE + 17, text), 1);
    assert_says(text, "shard 3: journal segment 00000002.qfj cannot be read at offset 16401: ");
}

static size_t count_of(const char *text, const char *words)
{
    size_t count = 0;
    for (; (text = strstr(text, words)) != NULL; text++)
        count++;
    return count;
}

/* A place once, and of a disk that dies not each: then that there are more. */
static void what_is_unread_is_said_once(void **state)
{
    (void)state;
    static char text[1 << 16];
    char name[] = "/tmp/qingfen-said-XXXXXX";
    const int file = mkstemp(name);
    const int before = dup(STDERR_FILENO);
    assert_true(file >= 0 && before >= 0);
    dup2(file, STDERR_FILENO);
    for (uint32_t again = 0; again < 3; again++) {
        journal_unread(view, 2, 8192, 77, -EIO);
        journal_unread(view, 1, 8192, 55, -EUCLEAN);
    }
    for (uint32_t n = 0; n < 200; n++)
        journal_unread(view, 3, 64 * n, n, -EIO);
    dup2(before, STDERR_FILENO);
    close(before);
    const ssize_t size = pread(file, text, sizeof text - 1, 0);
    close(file);
    unlink(name);
    assert_true(size > 0);
    text[size] = '\0';
    assert_says(text, "qingfend: shard 3: ");
    assert_says(text, "/00000002.qfj, offset 8192: cannot read entry 77: Input/output error; who");
    assert_int_equal(count_of(text, "entry 77: "), 1);
    assert_int_equal(count_of(text, "entry 55 does not stand here"), 1);
    assert_int_equal(count_of(text, "\n"), 64);
    assert_int_equal(count_of(text, "no more is said"), 1);
}

/* Who asks the view hears of it, as often as he asks, and of what lies beside it nothing. */
static void a_page_that_cannot_be_read(void **state)
{
    (void)state;
    struct bytes bytes;
    char name[SEGMENT_PATH_MAX];
    read_fault_watch();
    (void)look(1, 0, 1);
    (void)look(2, 0, SEGMENT_BYTES);
    segment_path(path, 2, name);
    assert_int_equal(truncate(name, 4 * PAGE), 0);
    for (int again = 0; again < 3; again++) {
        assert_int_equal(journal_bytes(view, 2, 4 * PAGE, 64, &bytes), -EIO);
        assert_int_equal(journal_bytes(view, 2, 4 * PAGE - 8, 9, &bytes), -EIO);
        assert_int_equal(journal_bytes(view, 2, 3 * PAGE, 3 * PAGE, &bytes), -EIO);
        assert_int_equal(look(2, 4 * PAGE - 8, 8).size, 8);
        assert_int_equal(look(1, 4 * PAGE, 64).size, 64);
    }
    assert_int_equal(truncate(name, SEGMENT_BYTES), 0);
    assert_int_equal(look(2, 4 * PAGE, 64).size, 64);
}

/* LMDB's map is the other one there is. */
static void a_state_that_cannot_be_read(void **state)
{
    (void)state;
    char name[SEGMENT_PATH_MAX], text[512];
    (void)look(1, 0, 1);
    segment_path(path, 2, name);
    const int file = open(name, O_RDONLY);
    assert_true(file >= 0);
    uint8_t *data = mmap(NULL, SEGMENT_BYTES, PROT_READ, MAP_SHARED, file, 0);
    assert_true(data != MAP_FAILED);
    assert_int_equal(truncate(name, 0), 0);
    assert_int_equal(read_in_a_process(data, text), 1);
    assert_says(text, "the state of a shard cannot be read: ");
    munmap(data, SEGMENT_BYTES);
    close(file);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_write_is_seen_by_an_older_mapping),
        CASE(a_write_is_seen_while_others_read),
        CASE(what_was_read_stays),
        CASE(no_handle_is_kept),
        CASE(outside_of_the_journal),
        CASE(an_address_is_found),
        CASE(a_lost_entry_is_named),
        CASE(what_is_unread_is_said_once),
        CASE(a_page_that_cannot_be_read),
        CASE(a_segment_that_cannot_be_read),
        CASE(a_state_that_cannot_be_read),
    };
#undef CASE
    return cmocka_run_group_tests(tests, NULL, NULL);
}
