/* Ring: what fits and what does not, what is visible when, and millions of messages between two
 * threads. Under ThreadSanitizer the last is also the proof that no byte is read unordered. */
#include <pthread.h>
#include <sched.h>
#include <string.h>

#include "tests/lib/prng.h"
#include "tests/lib/unit.h"
#include "util/ring.h"

#define HEAD 8 /* What a message costs beside its bytes, which are rounded up to 8. */

static struct bytes put(struct ring *ring, size_t size, uint8_t with)
{
    uint8_t *place = ring_reserve(ring, size);
    assert_non_null(place);
    assert_int_equal((uintptr_t)place % 8, 0);
    memset(place, with, size);
    return (struct bytes){place, size};
}

static void assert_next(struct ring *ring, size_t size, uint8_t with)
{
    const struct bytes message = ring_next(ring);
    assert_int_equal(message.size, size);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(message.data[i], with);
}

static void nothing_before_publish(void **state)
{
    struct ring *ring = ring_new(4096);
    (void)state;
    assert_int_equal(ring_next(ring).size, 0);
    assert_false(ring_publish(ring));
    put(ring, 10, 1);
    put(ring, 1, 2);
    assert_int_equal(ring_next(ring).size, 0);
    assert_true(ring_publish(ring));
    assert_false(ring_publish(ring));
    put(ring, 3, 3);
    assert_next(ring, 10, 1);
    assert_next(ring, 1, 2);
    assert_int_equal(ring_next(ring).size, 0);
    assert_true(ring_publish(ring));
    assert_next(ring, 3, 3);
    ring_free(ring);
}

static void full(void **state)
{
    struct ring *ring = ring_new(4096);
    (void)state;
    assert_null(ring_reserve(ring, 4096 - HEAD + 1));
    for (uint8_t i = 0; i < 4; i++)
        put(ring, 1024 - HEAD, i);
    assert_null(ring_reserve(ring, 1));
    assert_true(ring_publish(ring));
    assert_null(ring_reserve(ring, 1));
    for (uint8_t i = 0; i < 4; i++)
        assert_next(ring, 1024 - HEAD, i);
    assert_null(ring_reserve(ring, 1)); /* Read, but still the reader's. */
    ring_release(ring);
    put(ring, 4096 - HEAD, 9);
    assert_null(ring_reserve(ring, 1));
    assert_true(ring_publish(ring));
    assert_next(ring, 4096 - HEAD, 9);
    ring_free(ring);
}

static void release_gives_what_was_read(void **state)
{
    struct ring *ring = ring_new(4096);
    (void)state;
    put(ring, 2048 - HEAD, 1);
    put(ring, 2048 - HEAD, 2);
    ring_publish(ring);
    assert_next(ring, 2048 - HEAD, 1);
    ring_release(ring);
    assert_null(ring_reserve(ring, 2048 - HEAD + 1));
    put(ring, 2048 - HEAD, 3);
    assert_null(ring_reserve(ring, 1));
    ring_publish(ring);
    assert_next(ring, 2048 - HEAD, 2);
    assert_next(ring, 2048 - HEAD, 3);
    assert_int_equal(ring_next(ring).size, 0);
    ring_free(ring);
}

/* A message that does not fit before the end goes to the start, in one piece, and takes what was
 * left at the end with it. */
static void wraps(void **state)
{
    struct ring *ring = ring_new(4096);
    (void)state;
    put(ring, 3000 - HEAD, 1);
    ring_publish(ring);
    assert_null(ring_reserve(ring, 1200)); /* 1096 are left at the end, nothing at the start. */
    assert_next(ring, 3000 - HEAD, 1);
    ring_release(ring);
    assert_null(ring_reserve(ring, 3000)); /* It would run into what was just released but not
                                            * past the end: 1096 + 3008 > 4096. */
    put(ring, 2000, 2);
    assert_null(ring_reserve(ring, 1100));
    ring_publish(ring);
    assert_next(ring, 2000, 2);
    ring_release(ring);
    put(ring, 16, 3);
    ring_publish(ring);
    assert_next(ring, 16, 3);
    ring_free(ring);
}

/* Every offset at which a message can stand before the end, also where nothing is left. */
static void wraps_everywhere(void **state)
{
    (void)state;
    for (size_t first = 8; first <= 4096 - HEAD; first += 8) {
        struct ring *ring = ring_new(4096);
        put(ring, first, 1);
        ring_publish(ring);
        assert_next(ring, first, 1);
        ring_release(ring);
        for (uint8_t i = 0; i < 20; i++) {
            put(ring, 200 + i, i);
            ring_publish(ring);
            assert_next(ring, 200 + i, i);
            ring_release(ring);
        }
        ring_free(ring);
    }
}

/* -- two threads ----------------------------------------------------------------------------- */

#define MESSAGES 2000000u

struct traffic {
    struct ring *ring;
    uint64_t seed;
    size_t size_max;
    uint64_t turned_away; /* How often the ring was full. */
};

/* Both sides know what comes: the size, and what stands in it. */
static size_t next_size(struct prng *prng, size_t size_max)
{
    return prng_chance(prng, 20) ? 1 + prng_below(prng, size_max) : 1 + prng_below(prng, 64);
}

static void fill(uint8_t *place, size_t size, uint64_t number)
{
    memset(place, (int)(number * 31 + size), size);
    if (size >= sizeof number) memcpy(place, &number, sizeof number);
}

static void *write_all(void *context)
{
    struct traffic *traffic = context;
    struct prng sizes = {traffic->seed};
    struct prng turns = {traffic->seed + 1};
    for (uint64_t i = 0; i < MESSAGES; i++) {
        const size_t size = next_size(&sizes, traffic->size_max);
        uint8_t *place;
        while ((place = ring_reserve(traffic->ring, size)) == NULL) {
            ring_publish(traffic->ring);
            traffic->turned_away++;
            sched_yield();
        }
        fill(place, size, i);
        if (prng_chance(&turns, 100)) ring_publish(traffic->ring);
    }
    ring_publish(traffic->ring);
    return NULL;
}

/* The number of the first message that is not as it was written; MESSAGES when all are. */
static uint64_t read_all(struct traffic *traffic)
{
    static uint8_t expected[65536];
    struct prng sizes = {traffic->seed};
    struct prng turns = {traffic->seed + 2};
    for (uint64_t i = 0; i < MESSAGES; i++) {
        const size_t size = next_size(&sizes, traffic->size_max);
        struct bytes message;
        while ((message = ring_next(traffic->ring)).size == 0) {
            ring_release(traffic->ring);
            sched_yield();
        }
        fill(expected, size, i);
        if (message.size != size || memcmp(message.data, expected, size) != 0) return i;
        if (prng_chance(&turns, 100)) ring_release(traffic->ring);
    }
    return MESSAGES;
}

static void two_threads(size_t bytes, uint64_t seed)
{
    pthread_t writer;
    struct traffic traffic = {.ring = ring_new(bytes), .seed = seed, .size_max = bytes / 2 - HEAD};
    assert_non_null(traffic.ring);
    assert_int_equal(pthread_create(&writer, NULL, write_all, &traffic), 0);
    const uint64_t read = read_all(&traffic);
    /* A reader that gave up would leave the writer waiting for room for ever. */
    if (read != MESSAGES) fail_msg("%zu bytes, seed %lu: message %lu", bytes, seed, read);
    pthread_join(writer, NULL);
    assert_int_equal(ring_next(traffic.ring).size, 0);
    assert_true(traffic.turned_away != 0); /* Else it was never full. */
    ring_free(traffic.ring);
}

static void two_threads_4096(void **state)
{
    (void)state;
    two_threads(4096, 1);
}

static void two_threads_16384(void **state)
{
    (void)state;
    two_threads(16384, 2);
}

static void two_threads_65536(void **state)
{
    (void)state;
    two_threads(65536, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_before_publish),
        cmocka_unit_test(full),
        cmocka_unit_test(release_gives_what_was_read),
        cmocka_unit_test(wraps),
        cmocka_unit_test(wraps_everywhere),
        cmocka_unit_test(two_threads_4096),
        cmocka_unit_test(two_threads_16384),
        cmocka_unit_test(two_threads_65536),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
