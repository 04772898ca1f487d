/* le -- integers as little-endian bytes, whatever the machine and the alignment.
 *
 * Every number on disk and on the wire goes through here, so that a format is a table in a header
 * and never the layout of a struct. The compiler makes one move of each. */
#ifndef UTIL_LE_H
#define UTIL_LE_H

#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LE_SWAP(bits, value) (value)
#else
#define LE_SWAP(bits, value) __builtin_bswap##bits(value)
#endif

static inline void le_store16(uint8_t *out, uint16_t value)
{
    uint16_t bytes = LE_SWAP(16, value);
    memcpy(out, &bytes, sizeof bytes);
}

static inline void le_store32(uint8_t *out, uint32_t value)
{
    uint32_t bytes = LE_SWAP(32, value);
    memcpy(out, &bytes, sizeof bytes);
}

static inline void le_store64(uint8_t *out, uint64_t value)
{
    uint64_t bytes = LE_SWAP(64, value);
    memcpy(out, &bytes, sizeof bytes);
}

static inline uint16_t le_load16(const uint8_t *in)
{
    uint16_t value;
    memcpy(&value, in, sizeof value);
    return LE_SWAP(16, value);
}

static inline uint32_t le_load32(const uint8_t *in)
{
    uint32_t value;
    memcpy(&value, in, sizeof value);
    return LE_SWAP(32, value);
}

static inline uint64_t le_load64(const uint8_t *in)
{
    uint64_t value;
    memcpy(&value, in, sizeof value);
    return LE_SWAP(64, value);
}

/* Big-endian, for keys that are compared as bytes. */
static inline void be_store32(uint8_t *out, uint32_t value)
{
    le_store32(out, __builtin_bswap32(value));
}

static inline void be_store64(uint8_t *out, uint64_t value)
{
    le_store64(out, __builtin_bswap64(value));
}

static inline uint32_t be_load32(const uint8_t *in)
{
    return __builtin_bswap32(le_load32(in));
}

static inline uint64_t be_load64(const uint8_t *in)
{
    return __builtin_bswap64(le_load64(in));
}

#endif
