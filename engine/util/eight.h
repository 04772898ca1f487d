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

/* As many side by side as a register of the processor has: three words of eight characters cost
 * three times as much as the 24 digits of an id of ours do so. */
typedef uint8_t sixteen_chars __attribute__((vector_size(16)));
typedef char sixteen_bytes __attribute__((vector_size(16)));
typedef short eight_pairs __attribute__((vector_size(16)));

/* Sixteen hex digits as the eight bytes they say; false when they are none, or capitals. */
static inline bool sixteen_digits(const uint8_t *digits, uint8_t ret_bytes[8])
{
    const sixteen_bytes places = {16, 1, 16, 1, 16, 1, 16, 1, 16, 1, 16, 1, 16, 1, 16, 1};
    sixteen_chars chars;
    memcpy(&chars, digits, sizeof chars);
    const sixteen_chars figures = chars - '0';
    const sixteen_chars letters = chars - 'a';
    const sixteen_chars is_figure = (sixteen_chars)(figures < 10);
    const sixteen_chars is_letter = (sixteen_chars)(letters < 6);
    if (__builtin_ia32_pmovmskb128((sixteen_bytes)(is_figure | is_letter)) != 0xffff) return false;
    const sixteen_chars values = (figures & is_figure) | ((letters + 10) & is_letter);
    const eight_pairs pairs = __builtin_ia32_pmaddubsw128((sixteen_bytes)values, places);
    const sixteen_bytes bytes = __builtin_ia32_packuswb128(pairs, pairs);
    memcpy(ret_bytes, &bytes, 8);
    return true;
}

/* The same of 24 digits, which an id of ours has behind its letter. When it is false, bytes may
 * have been written all the same. */
static inline bool digits_of_ours(const uint8_t digits[24], uint8_t ret_bytes[12])
{
    return sixteen_digits(digits, ret_bytes) && sixteen_digits(digits + 8, ret_bytes + 4);
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
