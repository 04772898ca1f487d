/* Words squeezed as they were while journals had them so: read again they are the same, and bytes
 * that are no such thing are refused. The writer is kept here for it. */
#include "tests/lib/unit.h"
#include "util/le.h"
#include "util/squeeze.h"

#define WORDS_MAX 1024

/* Bytes that `size` bytes may become, and some that are written to besides. */
#define SQUEEZE_ROOM(size) ((size) / 4 * 5 + 8)

/* -- the writer ----------------------------------------------------------------------------- */

enum run {
    RUN_ZEROS = 0,
    RUN_SAME = 1,
    RUN_NEAR = 2,
    RUN_FAR = 3,
    RUN_NUMBERS = 4, /* 4..7: of 1..4 bytes. */
};

#define KIND_SHIFT 5
#define COUNT_MASK 31u
#define RUN_BYTES  ((size_t)(COUNT_MASK + 1) * SQUEEZE_WORD)
#define SEEN_BITS  7
#define WORTH      0x10000 /* Smaller words are as short as where to find them. */

static uint8_t run_head(unsigned kind, size_t bytes)
{
    return (uint8_t)(kind << KIND_SHIFT | (bytes / SQUEEZE_WORD - 1));
}

/* Where a run from `at` on ends at the latest. */
static const uint8_t *run_limit(const uint8_t *at, const uint8_t *end)
{
    return (size_t)(end - at) < RUN_BYTES ? end : at + RUN_BYTES;
}

static const uint8_t *skip_zeros(const uint8_t *at, const uint8_t *end)
{
    const uint8_t *limit = run_limit(at, end);
    do {
        at += SQUEEZE_WORD;
    } while (at < limit && le_load32(at) == 0);
    return at;
}

static const uint8_t *skip_same(const uint8_t *at, const uint8_t *end, size_t distance)
{
    const uint8_t *limit = run_limit(at, end);
    do {
        at += SQUEEZE_WORD;
    } while (at < limit && le_load32(at) == le_load32(at - distance));
    return at;
}

static uint32_t slot_of(uint32_t word)
{
    return word * UINT32_C(0x9e3779b1) >> (32 - SEEN_BITS);
}

static size_t squeeze(struct bytes source, uint8_t *out)
{
    uint16_t seen[1 << SEEN_BITS] = {0}; /* By hash: where a word stands, in bytes. */
    const uint8_t *from = source.data;
    const uint8_t *end = from + source.size;
    uint8_t *to = out;
    uint8_t *head = out;        /* Of the run of numbers that is being written, … */
    unsigned numbers = 0;       /* … and what stands there; 0: none is. */
    size_t distance = SIZE_MAX; /* In bytes. */

    while (from < end) {
        const size_t at = (size_t)(from - source.data);
        const uint32_t word = le_load32(from);
        const uint8_t *next;
        if (word == 0) {
            next = skip_zeros(from, end);
            *to++ = run_head(RUN_ZEROS, (size_t)(next - from));
            from = next;
            numbers = 0;
            continue;
        }
        if (distance <= at && le_load32(from - distance) == word) {
            next = skip_same(from, end, distance);
            *to++ = run_head(RUN_SAME, (size_t)(next - from));
            from = next;
            numbers = 0;
            continue;
        }
        if (word >= WORTH) {
            uint16_t *slot = &seen[slot_of(word)];
            const size_t before = *slot;
            *slot = (uint16_t)at;
            if (before < at && le_load32(source.data + before) == word) {
                distance = at - before;
                next = skip_same(from, end, distance);
                const size_t words = distance / SQUEEZE_WORD;
                const bool near = words <= UINT8_MAX;
                *to = run_head(near ? RUN_NEAR : RUN_FAR, (size_t)(next - from));
                le_store16(to + 1, (uint16_t)words);
                to += near ? 2 : 3;
                from = next;
                numbers = 0;
                continue;
            }
        }
        const unsigned size = (unsigned)(SQUEEZE_WORD - __builtin_clz(word) / 8);
        const unsigned first = (RUN_NUMBERS + size - 1) << KIND_SHIFT;
        if (numbers - first >= COUNT_MASK) { /* None, of another size, or full. */
            head = to++;
            numbers = first;
        } else {
            numbers++;
        }
        *head = (uint8_t)numbers;
        le_store32(to, word);
        to += size;
        from += SQUEEZE_WORD;
    }
    return (size_t)(to - out);
}

/* ------------------------------------------------------------------------------------------- */

/* Squeezes, reads again, and gives the size. */
static size_t round_trip(const uint32_t *words, size_t count)
{
    static uint8_t plain[WORDS_MAX * 4];
    static uint8_t again[WORDS_MAX * 4];
    static uint8_t out[SQUEEZE_ROOM(WORDS_MAX * 4)];
    for (size_t i = 0; i < count; i++)
        le_store32(plain + 4 * i, words[i]);
    memset(again, 0xaa, sizeof again);
    const size_t size = squeeze((struct bytes){plain, 4 * count}, out);
    assert_true(size <= SQUEEZE_ROOM(4 * count) - 8);
    assert_true(unsqueeze((struct bytes){out, size}, again, 4 * count));
    assert_memory_equal(plain, again, 4 * count);
    for (size_t cut = 0; cut < size; cut++)
        assert_false(unsqueeze((struct bytes){out, cut}, again, 4 * count));
    assert_false(unsqueeze((struct bytes){out, size}, again, 4 * count + 4));
    if (count != 0) assert_false(unsqueeze((struct bytes){out, size}, again, 4 * count - 4));
    return size;
}

static void few_words(void **state)
{
    static const struct {
        size_t count;
        uint32_t words[12];
        size_t size;
    } cases[] = {
        {0, {0}, 0},
        {1, {0}, 1},
        {12, {0}, 1},
        {1, {7}, 2},
        {3, {7, 8, 9}, 4},
        {4, {0xff, 0xff00, 0xff0000, 0xff000000}, 1 + 1 + 1 + 2 + 1 + 3 + 1 + 4},
        /* The second half is the first again. */
        {8, {0x11111111, 0, 0x22222222, 3, 0x11111111, 0, 0x22222222, 3}, 5 + 1 + 5 + 2 + 2},
        /* Another number between: what follows is a copy over the same distance. */
        {6, {0x11111111, 1, 0x22222222, 0x11111111, 2, 0x22222222}, 5 + 2 + 5 + 2 + 2 + 1},
        {5, {0x12345678, 0x12345678, 0x12345678, 0x12345678, 0x12345678}, 5 + 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(round_trip(cases[i].words, cases[i].count), cases[i].size);
}

/* Any words: of all sizes, many and few that repeat, near and far. */
static void any_words(void **state)
{
    static uint32_t words[WORDS_MAX];
    uint64_t seed = 1;
    (void)state;
    for (int round = 0; round < 400; round++) {
        const size_t count = (size_t)round * 7 % WORDS_MAX + 1;
        for (size_t i = 0; i < count; i++) {
            seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
            const uint32_t number = (uint32_t)(seed >> 32);
            switch (number % 8) {
            case 0:
            case 1:
                words[i] = 0;
                break;
            case 2:
            case 3:
                words[i] = number >> (number >> 3) % 32;
                break;
            case 4:
                words[i] = number | 0x80000000;
                break;
            default: /* As it stood some way before. */
                words[i] = i == 0 ? 1 : words[i - 1 - (number >> 8) % (i < 600 ? i : 600)];
            }
        }
        round_trip(words, count);
    }
}

static void a_run_has_its_limit(void **state)
{
    static uint32_t words[WORDS_MAX];
    (void)state;
    assert_int_equal(round_trip(words, WORDS_MAX), WORDS_MAX / 32);
    for (size_t i = 0; i < WORDS_MAX; i++)
        words[i] = (uint32_t)(0x01000000 + i);
    assert_int_equal(round_trip(words, WORDS_MAX), WORDS_MAX / 32 + WORDS_MAX * 4);
    /* A distance that takes two bytes. */
    memset(words, 0, sizeof words);
    words[0] = words[320] = 0x01020304;
    words[1] = words[321] = 0x01020305;
    assert_int_equal(round_trip(words, 322), 1 + 2 * 4 + 10 + 3);
}

static void what_is_none(void **state)
{
    static const struct {
        uint8_t bytes[4];
        size_t size;
        size_t words;
    } cases[] = {
        {{0x20}, 1, 1},                                   /* The same, at no distance yet. */
        {{0x40, 1}, 2, 1},                                /* Before the beginning. */
        {{0x00, 0x40, 0}, 3, 2},                          /* At distance zero. */
        {{0x00, 0x40, 2}, 3, 2}, {{0x00, 0x60, 1}, 3, 2}, /* Half a distance. */
        {{0x01}, 1, 1},                                   /* One word too many. */
        {{0xe0, 1, 2, 3}, 4, 1},                          /* A byte too few. */
        {{0x00, 0x00}, 2, 1},
    };
    uint8_t out[16];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct bytes source = {cases[i].bytes, cases[i].size};
        assert_false(unsqueeze(source, out, 4 * cases[i].words));
    }
    assert_false(unsqueeze((struct bytes){(const uint8_t *)"", 1}, out, 3));
    assert_true(unsqueeze((struct bytes){(const uint8_t *)"\0\x40\1", 3}, out, 8));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_words),
        cmocka_unit_test(any_words),
        cmocka_unit_test(a_run_has_its_limit),
        cmocka_unit_test(what_is_none),
    };
    return cmocka_run_group_tests_name("util/squeeze", tests, NULL, NULL);
}
