#include "codec/wire_table.h"

#include "util/eight.h"
#include "util/le.h"

enum {
    TYPE_VARINT = 0,
    TYPE_FIXED64 = 1,
    TYPE_LENGTH = 2,
    TYPE_FIXED32 = 5,
};

const uint8_t *wire_varint_long(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && at < end; shift += 7) {
        const uint8_t byte = *at++;
        if (shift == 63 && byte > 1) return NULL; /* More than 64 bits. */
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            *ret_value = value;
            return at;
        }
    }
    return NULL;
}

/* Up to eight bytes in one load, put together without a loop or a branch. For amounts: how many
 * bytes the next one has nobody can guess, and each wrong guess of the processor costs as much as
 * reading five of them. */
static inline const uint8_t *varint_even(const uint8_t *at, const uint8_t *end, uint64_t *ret_value)
{
    if (end - at < 8) return wire_varint_long(at, end, ret_value);
    const uint64_t word = le_load64(at);
    const uint64_t ends = ~word & EACH_BYTE(0x80); /* The bytes that end a varint. */
    if (ends == 0) return wire_varint_long(at, end, ret_value);
    *ret_value = wire_sevens(word & (ends ^ (ends - 1))); /* Nothing behind the first of them. */
    return at + (__builtin_ctzll(ends) + 1) / 8;
}

/* Tags, codes and lengths have one to three bytes, the same in nearly every message: no loop, one
 * bounds check, and the processor goes on before it knows. */
static inline const uint8_t *varint_short(const uint8_t *at, const uint8_t *end,
                                          uint64_t *ret_value)
{
    if (end - at >= 3) {
        if (at[0] < 0x80) {
            *ret_value = at[0];
            return at + 1;
        }
        if (at[1] < 0x80) {
            *ret_value = (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7;
            return at + 2;
        }
        if (at[2] < 0x80) {
            *ret_value =
                (uint64_t)(at[0] & 0x7f) | (uint64_t)(at[1] & 0x7f) << 7 | (uint64_t)at[2] << 14;
            return at + 3;
        }
    }
    return varint_even(at, end, ret_value);
}

const uint8_t *wire_skip(uint64_t tag, const uint8_t *at, const uint8_t *end)
{
    uint64_t value;
    switch (tag & 7) {
    case TYPE_VARINT:
        return wire_varint(at, end, &value);
    case TYPE_FIXED64:
        return end - at >= 8 ? at + 8 : NULL;
    case TYPE_LENGTH:
        at = wire_varint(at, end, &value);
        return at != NULL && value <= (uint64_t)(end - at) ? at + value : NULL;
    case TYPE_FIXED32:
        return end - at >= 4 ? at + 4 : NULL;
    default:
        return NULL; /* Groups ended with protobuf 2. */
    }
}

static uint64_t zigzag(int64_t value)
{
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}

static inline bool put_number(const struct wire_field *field, uint64_t value, uint8_t *noun)
{
    void *member = noun + field->offset;
    switch (field->kind) {
    case WIRE_U32:
        if (value > UINT32_MAX) return false;
        *(uint32_t *)member = (uint32_t)value;
        return true;
    case WIRE_S64_SENT:
        *(bool *)(noun + field->sent) = true;
        *(int64_t *)member = wire_unzigzag(value);
        return true;
    case WIRE_I64:
        *(int64_t *)member = (int64_t)value;
        return true;
    case WIRE_BOOL:
        if (value > 1) return false;
        *(bool *)member = value != 0;
        return true;
    default:
        return false;
    }
}

/* A tag that the table does not hold: a field unknown here is passed over, a known one with another
 * wire type is refused. NULL, with *ret_field set, where it ends. */
static const uint8_t *pass_over(const struct wire_table *table, uint64_t tag, const uint8_t *at,
                                const uint8_t *end, uint32_t *ret_field)
{
    const uint64_t number = tag >> 3;
    *ret_field = 0;
    if (number == 0 || number > 0x1fffffff) return NULL;
    *ret_field = (uint32_t)number;
    if (number < WIRE_FIELDS && table->fields[number].kind != WIRE_NONE) return NULL;
    return wire_skip(tag, at, end);
}

bool wire_decode(const struct wire_table *table, struct bytes body, void *noun, uint32_t *ret_field)
{
    memset(noun, 0, table->noun_size);
    return wire_decode_on(table, body.data, body.data + body.size, noun, ret_field);
}

bool wire_decode_on(const struct wire_table *table, const uint8_t *at, const uint8_t *end,
                    void *noun, uint32_t *ret_field)
{
    while (at < end) {
        uint64_t tag;
        uint64_t value;
        *ret_field = 0;
        at = varint_short(at, end, &tag);
        if (at == NULL) return false;

        const uint64_t number = tag >> 3;
        if (number >= WIRE_FIELDS || table->fields[number].tag != tag) {
            at = pass_over(table, tag, at, end, ret_field);
            if (at == NULL) return false;
            continue;
        }
        const struct wire_field *field = &table->fields[number];
        *ret_field = (uint32_t)number;
        if (field->kind == WIRE_S64) { /* Half of a settlement's fields. */
            at = varint_even(at, end, &value);
            if (at == NULL) return false;
            *(int64_t *)((uint8_t *)noun + field->offset) = wire_unzigzag(value);
            continue;
        }
        at = varint_short(at, end, &value);
        if (at == NULL) return false;
        if (field->kind == WIRE_BYTES) {
            if (value > (uint64_t)(end - at)) return false;
            struct bytes *view = (struct bytes *)((uint8_t *)noun + field->offset);
            if (view->data != NULL && (table->once >> number & 1) != 0) return false;
            *view = (struct bytes){at, value};
            at += value;
        } else if (!put_number(field, value, noun)) {
            return false;
        }
    }
    return true;
}

/* The number a member goes onto the wire as, and whether it goes at all. */
static bool get_number(const struct wire_field *field, const uint8_t *noun, uint64_t *ret_value)
{
    const void *member = noun + field->offset;
    switch (field->kind) {
    case WIRE_U32:
        *ret_value = *(const uint32_t *)member;
        return *ret_value != 0;
    case WIRE_I64:
        *ret_value = (uint64_t) * (const int64_t *)member;
        return *ret_value != 0;
    case WIRE_S64:
        *ret_value = zigzag(*(const int64_t *)member);
        return *ret_value != 0;
    case WIRE_BOOL:
        *ret_value = *(const bool *)member;
        return *ret_value != 0;
    case WIRE_S64_SENT:
        *ret_value = zigzag(*(const int64_t *)member);
        return *(const bool *)(noun + field->sent);
    default:
        return false;
    }
}

size_t wire_encode(const struct wire_table *table, const void *noun, uint8_t *out)
{
    uint8_t *at = out;
    for (uint32_t number = 1; number < WIRE_FIELDS; number++) {
        const struct wire_field *field = &table->fields[number];
        uint64_t value;
        if (field->kind == WIRE_BYTES) {
            const struct bytes *view =
                (const struct bytes *)((const uint8_t *)noun + field->offset);
            if (view->size == 0) continue;
            at = wire_put_varint(at, number << 3 | TYPE_LENGTH);
            at = wire_put_varint(at, view->size);
            memcpy(at, view->data, view->size);
            at += view->size;
        } else if (field->kind != WIRE_NONE && get_number(field, noun, &value)) {
            at = wire_put_varint(at, number << 3 | TYPE_VARINT);
            at = wire_put_varint(at, value);
        }
    }
    return (size_t)(at - out);
}

bool wire_same(const struct wire_table *table, const void *a, const void *b)
{
    for (uint32_t number = 1; number < WIRE_FIELDS; number++) {
        const struct wire_field *field = &table->fields[number];
        if (field->kind == WIRE_NONE || (table->transport >> number & 1) != 0) continue;
        const uint8_t *in_a = (const uint8_t *)a + field->offset;
        const uint8_t *in_b = (const uint8_t *)b + field->offset;
        if (field->kind == WIRE_BYTES) {
            if (!bytes_equal(*(const struct bytes *)in_a, *(const struct bytes *)in_b))
                return false;
            continue;
        }
        uint64_t value_a = 0;
        uint64_t value_b = 0;
        const bool sent_a = get_number(field, a, &value_a);
        const bool sent_b = get_number(field, b, &value_b);
        if (sent_a != sent_b || value_a != value_b) return false;
    }
    return true;
}
