/* le -- little-endian loads and stores at any alignment. */
#ifndef UTIL_LE_H
#define UTIL_LE_H

#include <stdint.h>
#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "formats are written as memory has them");

static inline uint16_t le16_load(const uint8_t *in)
{
    uint16_t v;
    memcpy(&v, in, sizeof v);
    return v;
}

static inline uint32_t le32_load(const uint8_t *in)
{
    uint32_t v;
    memcpy(&v, in, sizeof v);
    return v;
}

static inline uint64_t le64_load(const uint8_t *in)
{
    uint64_t v;
    memcpy(&v, in, sizeof v);
    return v;
}

static inline void le16_store(uint8_t *out, uint16_t v)
{
    memcpy(out, &v, sizeof v);
}

static inline void le32_store(uint8_t *out, uint32_t v)
{
    memcpy(out, &v, sizeof v);
}

static inline void le64_store(uint8_t *out, uint64_t v)
{
    memcpy(out, &v, sizeof v);
}

/* Big-endian, for keys that are compared as bytes. */
static inline void be32_store(uint8_t *out, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(out, &v, sizeof v);
}

static inline void be64_store(uint8_t *out, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(out, &v, sizeof v);
}

static inline uint32_t be32_load(const uint8_t *in)
{
    return __builtin_bswap32(le32_load(in));
}

static inline uint64_t be64_load(const uint8_t *in)
{
    return __builtin_bswap64(le64_load(in));
}

#endif
