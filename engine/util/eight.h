/* eight -- eight characters at a time, as one word.
 *
 * For what is done to every id of every message: a loop over characters costs eight times as much.
 */
#ifndef UTIL_EIGHT_H
#define UTIL_EIGHT_H

#include "types/bytes.h"
#include "util/le.h"

/* A word of eight times that byte. */
#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

/* True when each can be seen and is no blank: visible ASCII, 0x21..0x7e. */
static inline bool eight_visible(uint64_t word)
{
    return (((word - EACH_BYTE(0x21)) | (word + EACH_BYTE(0x01)) | word) & EACH_BYTE(0x80)) == 0;
}

/* Four bytes as eight hex digits. */
static inline void eight_digits(const uint8_t in[4], char out[8])
{
    uint64_t digits = le_load32(in);
    digits = (digits | digits << 16) & UINT64_C(0x0000ffff0000ffff);
    digits = (digits | digits << 8) & UINT64_C(0x00ff00ff00ff00ff);
    digits = (digits >> 4 | digits << 8) & EACH_BYTE(0x0f);
    const uint64_t letters = (digits + EACH_BYTE(6)) >> 4 & EACH_BYTE(1);
    le_store64((uint8_t *)out, digits + EACH_BYTE('0') + letters * ('a' - '0' - 10));
}

/* Eight hex digits as the four bytes they say; false when they are none, or capitals. */
static inline bool eight_bytes(uint64_t digits, uint8_t ret_bytes[4])
{
    const uint64_t letters = digits >> 6 & EACH_BYTE(1);
    uint64_t values = (digits & EACH_BYTE(0x0f)) + letters * 9;
    if (values + EACH_BYTE('0') + letters * ('a' - '0' - 10) != digits) return false;
    if (((values | (values + EACH_BYTE(6) - letters * 16)) & EACH_BYTE(0xf0)) != 0) return false;
    values = (values << 4 | values >> 8) & UINT64_C(0x00ff00ff00ff00ff);
    values = (values | values >> 8) & UINT64_C(0x0000ffff0000ffff);
    le_store32(ret_bytes, (uint32_t)(values | values >> 16));
    return true;
}

/* True when all of them can be seen. */
static inline bool all_visible(struct bytes view)
{
    if (view.size < 8) {
        for (size_t i = 0; i < view.size; i++) {
            if (view.data[i] <= 0x20 || view.data[i] >= 0x7f) return false;
        }
        return true;
    }
    for (size_t i = 0; i + 8 < view.size; i += 8) {
        if (!eight_visible(le_load64(view.data + i))) return false;
    }
    return eight_visible(le_load64(view.data + view.size - 8));
}

/* How many characters at the front can be seen. */
static inline size_t visible_front(struct bytes view)
{
    size_t i = 0;
    while (view.size - i >= 8 && eight_visible(le_load64(view.data + i)))
        i += 8;
    while (i < view.size && view.data[i] > 0x20 && view.data[i] < 0x7f)
        i++;
    return i;
}

#endif
