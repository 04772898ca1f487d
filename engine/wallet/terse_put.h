/* terse_put -- how the writers of terse bodies put numbers, persons and ids, and what they remember
 * of those they wrote. Only terse.c and plain.c include it. */
#ifndef WALLET_TERSE_PUT_H
#define WALLET_TERSE_PUT_H

#include "wallet/terse_shapes.h"

#define SLOT_BITS 6

struct terse {
    uint8_t *to;
    struct bytes outs; /* The items from which the next OP_OUT is taken. */
    uint64_t numbers[NUMBER_SLOTS];
    uint32_t key_count;
    uint32_t id_count;
    uint8_t key_slots[1 << SLOT_BITS]; /* Number of the key, from 1; 0: none. */
    uint8_t id_slots[1 << SLOT_BITS];
    uint64_t keys[SEEN_MAX][2];
    struct text ids[SEEN_MAX];
};

/* Nothing was written yet, and `out` takes what is. terse.c */
void terse_begin(struct terse *t, uint8_t *out);

/* A row by its fields, without a record's byte; of any shape. terse.c */
void terse_put_row(struct terse *t, enum shape_name name, const uint8_t *row);

/* An id that was not written before; gives its code. terse.c */
unsigned terse_put_new_text(struct terse *t, const struct text *text, uint8_t *slot);

static inline bool text_is(const struct text *a, const struct text *b)
{
    return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1]) |
            (a->words[2] ^ b->words[2]) | (a->words[3] ^ b->words[3])) == 0;
}

/* A row as it grows. A copy of the writer's place of which the compiler knows that nothing written
 * there changes it: it stays in a register. */
struct row {
    uint8_t *codes_at;
    uint8_t *to;
    uint64_t codes;
};

/* Room for `size` bytes of codes, 1 to 8; what they ask for follows. */
static inline struct row row_begin(const struct terse *t, size_t size)
{
    return (struct row){t->to, t->to + size, 0};
}

/* Not a byte behind the codes is touched: what they ask for stands there already. */
static inline void row_end(struct terse *t, const struct row *row, size_t size)
{
    uint8_t *at = row->codes_at;
    uint64_t codes = row->codes;
    t->to = row->to;
    if ((size & 8) != 0) {
        le_store64(at, codes);
        return;
    }
    if ((size & 4) != 0) {
        le_store32(at, (uint32_t)codes);
        at += 4;
        codes >>= 32;
    }
    if ((size & 2) != 0) {
        le_store16(at, (uint16_t)codes);
        at += 2;
        codes >>= 16;
    }
    if ((size & 1) != 0) *at = (uint8_t)codes;
}

static inline void put_code(struct row *row, unsigned place, unsigned code)
{
    row->codes |= (uint64_t)code << 4 * place;
}

/* The following put the field at `place` of a row, from 0. A number of at most 32 bits. */
static inline void put_small(struct row *row, unsigned place, uint32_t number)
{
    /* Twice and one more, so that there is a highest bit in any case. */
    const unsigned size = (70 - (unsigned)__builtin_clzll(2 * (uint64_t)number + 1)) / 8;
    le_store32(row->to, number);
    row->to += size;
    put_code(row, place, size);
}

static inline void put_number(struct terse *t, struct row *row, unsigned place, uint64_t number)
{
    if (number <= UINT32_MAX) {
        put_small(row, place, (uint32_t)number);
        return;
    }
    uint64_t *slot = &t->numbers[number_slot(number)];
    if (*slot == number) {
        put_code(row, place, NUMBER_SEEN + number_slot(number));
        return;
    }
    *slot = number;
    const unsigned size = (71 - (unsigned)__builtin_clzll(number)) / 8;
    le_store64(row->to, number);
    row->to += size;
    put_code(row, place, size);
}

static inline void put_seen(struct row *row, unsigned place, unsigned number, unsigned direct)
{
    if (number > direct) {
        *row->to++ = (uint8_t)number;
        number = direct + 1;
    }
    put_code(row, place, number);
}

static inline void put_key(struct terse *t, struct row *row, unsigned place, const uint8_t *key)
{
    const uint64_t low = le_load64(key);
    const uint64_t high = le_load64(key + 8);
    if ((low | high) == 0) return;
    uint8_t *slot = &t->key_slots[low % (1 << SLOT_BITS)];
    if (*slot != 0 && t->keys[*slot - 1][0] == low && t->keys[*slot - 1][1] == high) {
        put_seen(row, place, *slot, KEY_DIRECT);
        return;
    }
    if (t->key_count < SEEN_MAX) {
        t->keys[t->key_count][0] = low;
        t->keys[t->key_count][1] = high;
        *slot = (uint8_t)++t->key_count;
    }
    memcpy(row->to, key, PSN_KEY_SIZE);
    row->to += PSN_KEY_SIZE;
    put_code(row, place, KEY_NEW);
}

static inline void put_text(struct terse *t, struct row *row, unsigned place,
                            const struct text *text)
{
    const uint64_t *w = text->words;
    if ((w[0] | w[1] | w[2] | w[3]) == 0) return;
    const uint64_t mixed = (w[0] ^ w[1] * 3 ^ w[2] * 5) * NUMBER_MIX;
    uint8_t *slot = &t->id_slots[mixed >> (64 - SLOT_BITS)];
    if (*slot != 0 && text_is(&t->ids[*slot - 1], text)) {
        put_seen(row, place, *slot, ID_DIRECT);
        return;
    }
    t->to = row->to;
    const unsigned code = terse_put_new_text(t, text, slot);
    row->to = t->to;
    put_code(row, place, code);
}

/* An id of ours. */
static inline void put_id(struct terse *t, struct row *row, unsigned place, const void *id)
{
    const uint8_t *at = id;
    const struct text text = {
        {le_load64(at), le_load64(at + 8), le_load64(at + 16), le_load32(at + 24)}};
    put_text(t, row, place, &text);
}

/* A number of a sender. */
static inline void put_sender_id(struct terse *t, struct row *row, unsigned place, const void *id)
{
    struct text text;
    memcpy(&text, id, sizeof text);
    put_text(t, row, place, &text);
}

/* What follows a RECORD_QUEUE. */
static inline void put_position(struct terse *t, uint64_t position)
{
    struct row row = row_begin(t, 1);
    put_number(t, &row, 0, position);
    row_end(t, &row, 1);
}

/* An op 12: its letter, scope and text. */
static inline void put_id_op(struct terse *t, uint8_t letter, uint32_t scope,
                             const struct text *text)
{
    *t->to++ = OP_ID;
    *t->to++ = letter;
    struct row row = row_begin(t, 1);
    put_small(&row, 0, scope);
    put_text(t, &row, 1, text);
    row_end(t, &row, 1);
}

#endif
