#include "ledger/radix.h"

#define DIGIT_BITS 11
#define DIGIT_SIZE (1u << DIGIT_BITS)
#define NO_DIGIT   64 /* Behind the last one. */
#define SPARE_BITS \
    3          /* So many more than words have numbers: seven of eight share theirs with none. */
#define FEW 32 /* Words that are as soon sorted by comparing. */

_Static_assert(offsetof(struct id, hash) == 0, "an id begins with what it is sorted by");

static uint32_t digit_of(uint64_t word, unsigned shift)
{
    return (uint32_t)(word >> shift) & (DIGIT_SIZE - 1);
}

/* The next digit from `shift` on that is not the same in all of them. */
static unsigned next_digit(uint64_t differs, unsigned shift)
{
    while (shift < 64 && digit_of(differs, shift) == 0)
        shift += DIGIT_BITS;
    return shift < 64 ? shift : NO_DIGIT;
}

/* From how often each digit occurs to where the first word with it goes. */
static void become_places(uint32_t counts[DIGIT_SIZE])
{
    uint32_t place = 0;
    for (uint32_t digit = 0; digit < DIGIT_SIZE; digit++) {
        const uint32_t count = counts[digit];
        counts[digit] = place;
        place += count;
    }
}

/* The bits from where on passes are worth it: so many that few words share them with another. At
 * least `low`. */
static unsigned passes_from(uint64_t differs, uint32_t count, unsigned low)
{
    const unsigned end = 64 - (unsigned)__builtin_clzll(differs);
    const unsigned wanted = 32 - (unsigned)__builtin_clz(count) + SPARE_BITS;
    const unsigned bits = (wanted + DIGIT_BITS - 1) / DIGIT_BITS * DIGIT_BITS;
    return end > low + bits ? end - bits : low;
}

/* What is sorted begins with the word it is sorted by and is `size` bytes long, which the compiler
 * knows, here and in the next three. */
static inline uint64_t word_at(const uint8_t *list, size_t size, uint32_t i)
{
    uint64_t word;
    memcpy(&word, list + i * size, sizeof word);
    return word;
}

/* By their bits from `low` on, comparing. */
static inline void sort_few(uint8_t *list, uint32_t count, size_t size, unsigned low)
{
    uint8_t moved[sizeof(struct id)];
    for (uint32_t i = 1; i < count; i++) {
        const uint64_t word = word_at(list, size, i) >> low;
        uint32_t at = i;
        while (at > 0 && word_at(list, size, at - 1) >> low > word)
            at--;
        if (at == i) continue;
        memcpy(moved, list + i * size, size);
        memmove(list + (at + 1) * size, list + at * size, (i - at) * size);
        memcpy(list + at * size, moved, size);
    }
}

/* They are sorted by their bits from `from` on: now those that share them, by those from `low`.
 * Usually two or three; somebody who can choose the words may make them all, and has won nothing.
 */
static inline __attribute__((always_inline)) void
settle(uint8_t *list, uint8_t *scratch, uint32_t count, size_t size, unsigned from, unsigned low)
{
    for (uint32_t i = 1, end; i < count; i = end) {
        end = i + 1;
        if (word_at(list, size, i - 1) >> low <= word_at(list, size, i) >> low) continue;
        const uint64_t shared = word_at(list, size, i) >> from;
        uint32_t start = i - 1;
        while (start > 0 && word_at(list, size, start - 1) >> from == shared)
            start--;
        while (end < count && word_at(list, size, end) >> from == shared)
            end++;
        uint8_t *const first = list + start * size;
        const uint32_t alike = end - start;
        if (alike <= FEW) {
            sort_few(first, alike, size, low);
            continue;
        }
        const void *sorted =
            size == sizeof(uint64_t)
                ? (const void *)radix_sort_numbers((uint64_t *)first, (uint64_t *)scratch, alike,
                                                   low)
                : (const void *)radix_sort((struct id *)first, (struct id *)scratch, alike, low);
        if (sorted != first) memcpy(first, sorted, alike * size);
    }
}

/* From the lowest digit to the highest; each pass counts for the next one as it goes. */
static inline __attribute__((always_inline)) void *sort(uint8_t *list, uint8_t *scratch,
                                                        uint32_t count, size_t size, unsigned low)
{
    uint32_t lists[2][DIGIT_SIZE] = {{0}};
    uint32_t *places = lists[0];
    uint32_t *counts = lists[1];
    uint64_t differs = 0;

    for (uint32_t i = 1; i < count; i++)
        differs |= word_at(list, size, i) ^ word_at(list, size, 0);
    if (differs >> low == 0) return list;
    const unsigned from = passes_from(differs, count, low);
    unsigned shift = next_digit(differs, from);
    for (uint32_t i = 0; i < count; i++)
        places[digit_of(word_at(list, size, i), shift)]++;

    while (shift != NO_DIGIT) {
        const unsigned next = next_digit(differs, shift + DIGIT_BITS);
        const unsigned counted = next != NO_DIGIT ? next : shift; /* The last counts for nobody. */
        become_places(places);
        memset(counts, 0, sizeof lists[0]);
        for (uint32_t i = 0; i < count; i++) {
            const uint64_t word = word_at(list, size, i);
            memcpy(scratch + places[digit_of(word, shift)]++ * size, list + i * size, size);
            counts[digit_of(word, counted)]++;
        }
        uint8_t *const sorted = scratch;
        scratch = list;
        list = sorted;
        uint32_t *const spent = places;
        places = counts;
        counts = spent;
        shift = next;
    }
    if (from != low) settle(list, scratch, count, size, from, low);
    return list;
}

struct id *radix_sort(struct id *ids, struct id *scratch, uint32_t count, unsigned low)
{
    return sort((uint8_t *)ids, (uint8_t *)scratch, count, sizeof *ids, low);
}

uint64_t *radix_sort_numbers(uint64_t *numbers, uint64_t *scratch, uint32_t count, unsigned low)
{
    return sort((uint8_t *)numbers, (uint8_t *)scratch, count, sizeof *numbers, low);
}
