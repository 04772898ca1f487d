/* le -- integers as little-endian bytes, whatever the machine and the alignment.
 *
 * Every number on disk and on the wire goes through here, so that a format is a table in a header
 * and never the layout of a struct. The compiler makes one move of each. */
#ifndef UTIL_LE_H
#define UTIL_LE_H

#include <endian.h>
#include <stdint.h>
#include <string.h>

static inline void le_store16(uint8_t *out, uint16_t value)
{
    value = htole16(value);
    memcpy(out, &value, sizeof value);
}

static inline void le_store32(uint8_t *out, uint32_t value)
{
    value = htole32(value);
    memcpy(out, &value, sizeof value);
}

static inline void le_store64(uint8_t *out, uint64_t value)
{
    value = htole64(value);
    memcpy(out, &value, sizeof value);
}

static inline uint16_t le_load16(const uint8_t *in)
{
    uint16_t value;
    memcpy(&value, in, sizeof value);
    return le16toh(value);
}

static inline uint32_t le_load32(const uint8_t *in)
{
    uint32_t value;
    memcpy(&value, in, sizeof value);
    return le32toh(value);
}

static inline uint64_t le_load64(const uint8_t *in)
{
    uint64_t value;
    memcpy(&value, in, sizeof value);
    return le64toh(value);
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
