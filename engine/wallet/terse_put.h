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

static inline void terse_begin(struct terse *t, uint8_t *out)
{
    memset(t, 0, offsetof(struct terse, keys));
    t->to = out;
}

/* A row by its fields, without a record's byte; of any shape. terse.c */
void terse_put_row(struct terse *t, enum shape_name name, const uint8_t *row);

/* An id that was not written before; gives its code. terse.c */
unsigned terse_put_new_text(struct terse *t, const struct text *text, uint8_t *slot);

static inline bool text_is(const struct text *a, const struct text *b)
{
    return ((a->words[0] ^ b->words[0]) | (a->words[1] ^ b->words[1]) |
            (a->words[2] ^ b->words[2]) | (a->words[3] ^ b->words[3])) == 0;
}

/* Writes a number of at most 32 bits without the zeros in front; gives its code, how many bytes. */
static inline unsigned put_small(struct terse *t, uint32_t number)
{
    const unsigned zeros = number == 0 ? 32 : (unsigned)__builtin_clz(number);
    const unsigned size = (39 - zeros) / 8;
    le_store32(t->to, number);
    t->to += size;
    return size;
}

static inline unsigned put_number(struct terse *t, uint64_t number)
{
    if (number <= UINT32_MAX) return put_small(t, (uint32_t)number);
    uint64_t *slot = &t->numbers[number_slot(number)];
    if (*slot == number) return NUMBER_SEEN + number_slot(number);
    *slot = number;
    const unsigned size = (71 - (unsigned)__builtin_clzll(number)) / 8;
    le_store64(t->to, number);
    t->to += size;
    return size;
}

static inline unsigned put_seen(struct terse *t, unsigned number, unsigned direct)
{
    if (number <= direct) return number;
    *t->to++ = (uint8_t)number;
    return direct + 1;
}

static inline unsigned put_key(struct terse *t, const uint8_t *key)
{
    const uint64_t low = le_load64(key);
    const uint64_t high = le_load64(key + 8);
    if ((low | high) == 0) return 0;
    uint8_t *slot = &t->key_slots[low % (1 << SLOT_BITS)];
    if (*slot != 0 && t->keys[*slot - 1][0] == low && t->keys[*slot - 1][1] == high) {
        return put_seen(t, *slot, KEY_DIRECT);
    }
    if (t->key_count < SEEN_MAX) {
        t->keys[t->key_count][0] = low;
        t->keys[t->key_count][1] = high;
        *slot = (uint8_t)++t->key_count;
    }
    memcpy(t->to, key, PSN_KEY_SIZE);
    t->to += PSN_KEY_SIZE;
    return KEY_NEW;
}

static inline unsigned put_text(struct terse *t, const struct text *text)
{
    const uint64_t *w = text->words;
    if ((w[0] | w[1] | w[2] | w[3]) == 0) return 0;
    const uint64_t mixed = (w[0] ^ w[1] * 3 ^ w[2] * 5) * NUMBER_MIX;
    uint8_t *slot = &t->id_slots[mixed >> (64 - SLOT_BITS)];
    if (*slot != 0 && text_is(&t->ids[*slot - 1], text)) return put_seen(t, *slot, ID_DIRECT);
    return terse_put_new_text(t, text, slot);
}

/* The codes of a row, `size` bytes of them, 1 to 8: not a byte behind them is touched, what they
 * ask for stands there already. */
static inline void put_codes(uint8_t *at, uint64_t codes, size_t size)
{
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

/* An id of ours. */
static inline unsigned put_id(struct terse *t, const void *id)
{
    const uint8_t *at = id;
    const struct text text = {
        {le_load64(at), le_load64(at + 8), le_load64(at + 16), le_load32(at + 24)}};
    return put_text(t, &text);
}

/* A number of a sender. */
static inline unsigned put_sender_id(struct terse *t, const void *id)
{
    struct text text;
    memcpy(&text, id, sizeof text);
    return put_text(t, &text);
}

/* An op 12: its letter, scope and text. */
static inline void put_id_op(struct terse *t, uint8_t letter, uint32_t scope,
                             const struct text *text)
{
    *t->to++ = OP_ID;
    *t->to++ = letter;
    uint8_t *codes = t->to++;
    const unsigned code = put_small(t, scope);
    *codes = (uint8_t)(code | put_text(t, text) << 4);
}

#endif
