#include "util/numbers.h"

#include "util/le.h"

#define NUMBER_SIZE 8u

static uint64_t number_at(const void *row, uint32_t place)
{
    uint64_t number;
    memcpy(&number, (const uint8_t *)row + (size_t)place * NUMBER_SIZE, sizeof number);
    return number;
}

/* Small, and for numbers a little below zero too. */
static uint64_t folded(uint64_t number)
{
    return number << 1 ^ (0 - (number >> 63));
}

static uint64_t unfolded(uint64_t number)
{
    return number >> 1 ^ (0 - (number & 1));
}

static uint32_t size_of(uint64_t number)
{
    return number == 0 ? 0 : (71u - (uint32_t)__builtin_clzll(number)) / 8;
}

size_t numbers_pack(const void *row, uint32_t count, uint8_t *out)
{
    size_t size = 0;
    while (count > 0 && number_at(row, count - 1) == 0)
        count--;
    for (uint32_t i = 0; i < count; i += 2) {
        const uint64_t first = folded(number_at(row, i));
        const uint64_t second = i + 1 < count ? folded(number_at(row, i + 1)) : 0;
        const uint32_t sizes[] = {size_of(first), size_of(second)};
        out[size++] = (uint8_t)(sizes[0] | sizes[1] << 4);
        le_store64(out + size, first); /* What is not its own is written over, or left behind. */
        size += sizes[0];
        le_store64(out + size, second);
        size += sizes[1];
    }
    return size;
}

/* The next number of `size` bytes, and the rest. False when it is not there, or has another form.
 */
static bool take(struct bytes *rest, uint32_t size, uint64_t *ret_number)
{
    uint8_t bytes[NUMBER_SIZE] = {0};
    if (size > NUMBER_SIZE || size > rest->size) return false;
    if (size == 0) {
        *ret_number = 0;
        return true;
    }
    if (rest->data[size - 1] == 0) return false;
    memcpy(bytes, rest->data, size);
    *ret_number = unfolded(le_load64(bytes));
    *rest = (struct bytes){rest->data + size, rest->size - size};
    return true;
}

bool numbers_read(struct bytes packed, uint32_t count, void *ret_row)
{
    uint8_t *row = ret_row;
    uint32_t done = 0;
    uint64_t pair[2];
    bool zeros = false; /* The latest pair. */

    for (; packed.size != 0; done += 2) {
        const uint8_t head = packed.data[0];
        packed = (struct bytes){packed.data + 1, packed.size - 1};
        if (done >= count || !take(&packed, head & 15, &pair[0]) ||
            !take(&packed, head >> 4, &pair[1]))
            return false;
        const bool odd = done + 1 == count;
        if (odd && pair[1] != 0) return false;
        memcpy(row + (size_t)done * NUMBER_SIZE, pair, odd ? NUMBER_SIZE : sizeof pair);
        zeros = head == 0;
    }
    if (done < count)
        memset(row + (size_t)done * NUMBER_SIZE, 0, (size_t)(count - done) * NUMBER_SIZE);
    return !zeros;
}
