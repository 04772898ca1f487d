/* Reads on their way on threads of their own, as shards that start read their journals. Under
 * ThreadSanitizer it is the proof that a ring's memory goes from one thread to the next in order.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/lib/unit.h"
#include "tests/unit/world/temp_folder.h"
#include "world/linux/files.h"

#define READERS 4
#define READS   3
#define SIZE    4096

static char path[TEMP_FOLDER_SIZE];
static char name[TEMP_FOLDER_SIZE + 8];
static atomic_uint turn; /* Relaxed only: it puts nobody's memory in order. */

static int make(void **state)
{
    (void)state;
    temp_folder_make(path);
    snprintf(name, sizeof name, "%s/file", path);
    const int fd = open(name, O_WRONLY | O_CREAT, 0600);
    assert_true(fd >= 0);
    uint8_t bytes[SIZE];
    memset(bytes, 7, sizeof bytes);
    assert_int_equal(write(fd, bytes, sizeof bytes), sizeof bytes);
    close(fd);
    return 0;
}

static int remove_all(void **state)
{
    (void)state;
    temp_folder_remove(path);
    return 0;
}

struct reader {
    pthread_t thread;
    unsigned number;
    uint32_t good; /* Reads. */
};

static void *read_in_turn(void *context)
{
    struct reader *reader = context;
    while (atomic_load_explicit(&turn, memory_order_relaxed) != reader->number)
        usleep(100);
    struct file_reading reading = {0};
    uint8_t bytes[SIZE] = {0};
    int file = -1;
    if (file_open(name, FILE_READ, &file) == 0) {
        for (int i = 0; i < READS; i++) {
            file_read_begin(&reading, file, bytes, sizeof bytes, 0);
            const int64_t n = file_read_end(&reading);
            reader->good += n == SIZE && bytes[SIZE - 1] == 7;
            bytes[SIZE - 1] = 0;
        }
        close(file);
    }
    file_reading_done(&reading);
    file_reading_done(&reading); /* Nothing is left of it. */
    atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed);
    return NULL;
}

static void threads_read_one_after_another(void **state)
{
    struct reader readers[READERS];
    (void)state;
    for (unsigned i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.number = i};
        assert_int_equal(pthread_create(&readers[i].thread, NULL, read_in_turn, &readers[i]), 0);
    }
    for (unsigned i = 0; i < READERS; i++) {
        assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
        assert_int_equal(readers[i].good, READS);
    }
    assert_int_equal(atomic_load(&turn), READERS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(threads_read_one_after_another, make, remove_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
