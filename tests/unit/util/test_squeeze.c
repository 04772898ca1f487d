/* Words squeezed: read again they are the same, what repeats costs next to nothing, and bytes that
 * are no such thing are refused. */
#include "tests/lib/unit.h"
#include "util/le.h"
#include "util/squeeze.h"

#define WORDS_MAX 1024

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
