#include "ledger/radix.h"

#define RADIX_SIZE (1u << RADIX_BITS)

bool radix_pass(const struct id *from, struct id *to, uint32_t count, unsigned shift)
{
    uint32_t places[RADIX_SIZE] = {0};
    uint32_t place = 0;
    for (uint32_t i = 0; i < count; i++)
        places[from[i].hash >> shift & (RADIX_SIZE - 1)]++;
    if (count == 0 || places[from[0].hash >> shift & (RADIX_SIZE - 1)] == count) return false;
    for (uint32_t digit = 0; digit < RADIX_SIZE; digit++) {
        const uint32_t length = places[digit];
        places[digit] = place;
        place += length;
    }
    for (uint32_t i = 0; i < count; i++)
        to[places[from[i].hash >> shift & (RADIX_SIZE - 1)]++] = from[i];
    return true;
}
