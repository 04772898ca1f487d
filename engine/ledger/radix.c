#include "ledger/radix.h"

#define DIGIT_BITS 11
#define DIGIT_SIZE (1u << DIGIT_BITS)
#define NO_DIGIT   64 /* Behind the last one. */

static uint32_t digit_of(uint64_t hash, unsigned shift)
{
    return (uint32_t)(hash >> shift) & (DIGIT_SIZE - 1);
}

/* The next digit from `shift` on that is not the same in all ids. */
static unsigned next_digit(uint64_t differs, unsigned shift)
{
    while (shift < 64 && digit_of(differs, shift) == 0)
        shift += DIGIT_BITS;
    return shift < 64 ? shift : NO_DIGIT;
}

/* From how often each digit occurs to where the first id with it goes. */
static void become_places(uint32_t counts[DIGIT_SIZE])
{
    uint32_t place = 0;
    for (uint32_t digit = 0; digit < DIGIT_SIZE; digit++) {
        const uint32_t count = counts[digit];
        counts[digit] = place;
        place += count;
    }
}

/* From the lowest digit to the highest; each pass counts for the next one as it goes. */
struct id *radix_sort(struct id *ids, struct id *scratch, uint32_t count, unsigned low)
{
    uint32_t lists[2][DIGIT_SIZE] = {{0}};
    uint32_t *places = lists[0];
    uint32_t *counts = lists[1];
    uint64_t differs = 0;

    for (uint32_t i = 1; i < count; i++)
        differs |= ids[i].hash ^ ids[0].hash;
    unsigned shift = next_digit(differs, low);
    if (shift == NO_DIGIT) return ids;
    for (uint32_t i = 0; i < count; i++)
        places[digit_of(ids[i].hash, shift)]++;

    while (shift != NO_DIGIT) {
        const unsigned next = next_digit(differs, shift + DIGIT_BITS);
        const unsigned counted = next != NO_DIGIT ? next : shift; /* The last counts for nobody. */
        become_places(places);
        memset(counts, 0, sizeof lists[0]);
        for (uint32_t i = 0; i < count; i++) {
            scratch[places[digit_of(ids[i].hash, shift)]++] = ids[i];
            counts[digit_of(ids[i].hash, counted)]++;
        }
        struct id *const sorted = scratch;
        scratch = ids;
        ids = sorted;
        uint32_t *const spent = places;
        places = counts;
        counts = spent;
        shift = next;
    }
    return ids;
}
