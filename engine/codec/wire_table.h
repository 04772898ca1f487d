/* wire_table -- protobuf by table: which field number goes to which member of a noun.
 *
 * Used by codec; homes take single varints from it. */
#ifndef CODEC_WIRE_TABLE_H
#define CODEC_WIRE_TABLE_H

#include "types/bytes.h"

enum wire_kind {
    WIRE_NONE = 0, /* No such field: passed over. */
    WIRE_U32,      /* uint32: varint into uint32_t */
    WIRE_I64,      /* int64: varint into int64_t */
    WIRE_S64,      /* sint64: zigzag varint into int64_t */
    WIRE_BOOL,     /* bool: varint into bool */
    WIRE_BYTES,    /* string, bytes: a view into struct bytes */
    WIRE_S64_SENT, /* sint64 in a oneof: int64_t, and the bool at `sent` */
};

struct wire_field {
    uint8_t kind; /* enum wire_kind */
    uint16_t tag; /* As it stands on the wire: number and wire type; 0 for WIRE_NONE. */
    uint16_t offset;
    uint16_t sent;
    const char *name;
};

#define WIRE_FIELDS            48 /* Field numbers 0..47. */
#define WIRE_TAG(number, kind) ((number) << 3 | ((kind) == WIRE_BYTES ? 2 : 0))

struct wire_table {
    size_t noun_size;
    uint64_t transport; /* Bit n: field n belongs to transport, not to content. */
    uint64_t once;      /* Bit n: field n, a view, may stand in a message once only. */
    struct wire_field fields[WIRE_FIELDS];
};

/* Reads `body` into `noun`, which is zeroed first. False at the first thing that is no protobuf,
 * does not fit its member or stands there again and may not, with its field number (0: the tag
 * itself). */
bool wire_decode(const struct wire_table *table, struct bytes body, void *noun,
                 uint32_t *ret_field);

/* The same from `at` on, for a noun that is zeroed and holds what stands before. */
bool wire_decode_on(const struct wire_table *table, const uint8_t *at, const uint8_t *end,
                    void *noun, uint32_t *ret_field);

/* Writes the noun's fields in ascending order, zeros left out; gives the size. */
size_t wire_encode(const struct wire_table *table, const void *noun, uint8_t *out);

/* True when all content fields are equal. */
bool wire_same(const struct wire_table *table, const void *a, const void *b);

/* Passes over one field's value; NULL when it is malformed. `tag` includes the wire type. */
const uint8_t *wire_skip(uint64_t tag, const uint8_t *at, const uint8_t *end);

/* The same as wire_varint(), for any length. */
const uint8_t *wire_varint_long(const uint8_t *at, const uint8_t *end, uint64_t *ret_value);

/* Reads a varint of at most ten bytes; NULL when it is malformed. Tags and lengths have one byte or
 * two: no call for those. */
static inline const uint8_t *wire_varint(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    if (end - at >= 2) {
        if (at[0] < 0x80) {
            *ret_value = at[0];
            return at + 1;
        }
        if (at[1] < 0x80) {
            *ret_value = (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7;
            return at + 2;
        }
    }
    return wire_varint_long(at, end, ret_value);
}

/* A varint's seven bits of each byte, pushed together: 8 x 7 bits become 4 x 14, 2 x 28, 56. The
 * bytes behind the varint are zero in `word`. */
static inline uint64_t wire_sevens(uint64_t word)
{
    word = (word & UINT64_C(0x7f007f007f007f00)) >> 1 | (word & UINT64_C(0x007f007f007f007f));
    word = (word & UINT64_C(0x3fff00003fff0000)) >> 2 | (word & UINT64_C(0x00003fff00003fff));
    return (word & UINT64_C(0x0fffffff00000000)) >> 4 | (word & UINT64_C(0x0fffffff));
}

/* A sint64 as its varint says it. */
static inline int64_t wire_unzigzag(uint64_t value)
{
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Writes a varint and gives the place after it. */
static inline uint8_t *wire_put_varint(uint8_t *out, uint64_t value)
{
    while (value >= 0x80) {
        *out++ = (uint8_t)(value | 0x80);
        value >>= 7;
    }
    *out++ = (uint8_t)value;
    return out;
}

/* The following write one field, and nothing when it is zero or empty: proto3 knows no other zero.
 * They give the place after it. */
static inline uint8_t *wire_put_number(uint8_t *out, uint32_t field, uint64_t value)
{
    if (value == 0) return out;
    out = wire_put_varint(out, field << 3);
    return wire_put_varint(out, value);
}

static inline uint8_t *wire_put_signed(uint8_t *out, uint32_t field, int64_t value)
{
    return wire_put_number(out, field, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

static inline uint8_t *wire_put_view(uint8_t *out, uint32_t field, struct bytes view)
{
    if (view.size == 0) return out;
    out = wire_put_varint(out, field << 3 | 2);
    out = wire_put_varint(out, view.size);
    memcpy(out, view.data, view.size);
    return out + view.size;
}

/* The table of a message of wallet_type(), NULL for others; codec/wallet.c. */
const struct wire_table *wallet_table(uint16_t type);

#endif
