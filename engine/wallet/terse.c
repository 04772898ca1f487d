#include "wallet/terse.h"

#include "types/ensure.h"
#include "wallet/terse_put.h"

/* -- writing --------------------------------------------------------------------------------- */

void terse_begin(struct terse *t, uint8_t *out)
{
    memset(t, 0,
           offsetof(struct terse, keys)); /* Keys and ids are looked at by their slots alone. */
    t->to = out;
}

/* True when it is one of ours, and written then. */
static bool put_ours(struct terse *t, const struct text *text)
{
    const uint8_t *at = (const uint8_t *)text->words;
    uint8_t *to = t->to;
    if (text->words[3] > UINT8_MAX || at[OURS_SIZE - 1] == 0) return false;
    if (!digits_of_ours(at + 1, to + 1)) return false;
    to[0] = at[0];
    t->to += 1 + (OURS_SIZE - 1) / 2;
    return true;
}

unsigned terse_put_new_text(struct terse *t, const struct text *text, uint8_t *slot)
{
    if (t->id_count < SEEN_MAX) {
        t->ids[t->id_count] = *text;
        *slot = (uint8_t)++t->id_count;
    }
    if (put_ours(t, text)) return ID_OURS;
    const size_t size = text_size(text);
    *t->to++ = (uint8_t)size;
    memcpy(t->to, text, sizeof *text);
    t->to += size;
    return ID_NEW;
}

static void put_long_text(struct row *row, unsigned place, const uint8_t *text, size_t size)
{
    while (size != 0 && text[size - 1] == 0)
        size--;
    if (size == 0) return;
    *row->to++ = (uint8_t)size;
    memcpy(row->to, text, size);
    row->to += size;
    put_code(row, place, TEXT_NEW);
}

/* Inlined for the rows that nearly every entry has: of a shape that is known the compiler makes a
 * row of stores, without a look at its fields. */
static inline __attribute__((always_inline)) void
put_fields(struct terse *t, const struct shape *shape, const uint8_t *at)
{
    struct row row = row_begin(t, codes_size(shape));
#pragma GCC unroll 16
    for (unsigned i = 0; i < shape->count; i++) {
        switch ((enum field)shape->fields[i]) {
        case FIELD_U32:
            put_small(&row, i, le_load32(at));
            at += 4;
            break;
        case FIELD_I64:
            put_number(t, &row, i, le_load64(at));
            at += 8;
            break;
        case FIELD_KEY:
            put_key(t, &row, i, at);
            at += PSN_KEY_SIZE;
            break;
        case FIELD_ID:
            put_id(t, &row, i, at);
            at += WALLET_ID_SIZE;
            break;
        case FIELD_NUMBER:
            put_sender_id(t, &row, i, at);
            at += CLIENT_NO_SIZE;
            break;
        case FIELD_CODE:
            put_long_text(&row, i, at, 16);
            at += 16;
            break;
        case FIELD_NAME:
        default:
            put_long_text(&row, i, at, 96);
            at += 96;
            break;
        }
    }
    row_end(t, &row, codes_size(shape));
}

#define PUT_SHAPE(shape)                    \
    case shape:                             \
        put_fields(t, &shapes[shape], row); \
        return

void terse_put_row(struct terse *t, enum shape_name name, const uint8_t *row)
{
    switch (name) {
        PUT_SHAPE(SHAPE_FACT);
        PUT_SHAPE(SHAPE_PERSON);
        PUT_SHAPE(SHAPE_SAID);
        PUT_SHAPE(SHAPE_EFFECT);
        PUT_SHAPE(SHAPE_OUTGOING);
        PUT_SHAPE(SHAPE_WALLET);
        PUT_SHAPE(SHAPE_LIMITS);
        PUT_SHAPE(SHAPE_HOLD);
        PUT_SHAPE(SHAPE_LOT);
        PUT_SHAPE(SHAPE_TRANSFER);
        PUT_SHAPE(SHAPE_OFFER);
        PUT_SHAPE(SHAPE_HOLDER);
        PUT_SHAPE(SHAPE_ID);
    default:
        put_fields(t, &shapes[name], row);
    }
}

static void put_rows(struct terse *t, enum shape_name name, uint32_t lots, const uint8_t *row)
{
    terse_put_row(t, name, row);
    for (uint32_t i = 0; i < lots; i++)
        terse_put_row(t, SHAPE_LOT, row + shapes[name].size + i * sizeof(struct lot));
}

static void put_bytes(struct terse *t, const uint8_t *data, size_t size)
{
    if (size != 0) memcpy(t->to, data, size);
    t->to += size;
}

/* How many lots a row of `size` bytes has behind it; false when it is none of that shape. */
static bool shape_fits(const struct shape *shape, size_t size, uint32_t *ret_lots)
{
    *ret_lots = 0;
    if (size == shape->size) return size != 0;
    if (!shape->lots || size < shape->size) return false;
    *ret_lots = (uint32_t)((size - shape->size) / sizeof(struct lot));
    return *ret_lots < 256 && shape->size + *ret_lots * sizeof(struct lot) == size;
}

static bool fits(enum shape_name name, struct bytes data, uint32_t *ret_lots)
{
    if (!shape_fits(&shapes[name], data.size, ret_lots)) return false;
    return !shapes[name].lots || lots_said(name, data.data, *ret_lots);
}

/* -- items ----------------------------------------------------------------------------------- */

bool terse_items(struct bytes message, size_t items_at)
{
    if (items_at % OP_WORD != 0 || message.size < items_at) return false;
    struct bytes rest = {message.data + items_at, message.size - items_at};
    struct bytes data;
    unsigned op;
    while (next_item(&rest, &op, &data)) {
        if (data.size % OP_WORD != 0) return false;
    }
    return rest.size == 0;
}

static void put_items(struct terse *t, struct bytes items)
{
    struct bytes data;
    unsigned op;
    while (next_item(&items, &op, &data)) {
        const enum shape_name name = item_shape(op);
        uint32_t lots;
        if (fits(name, data, &lots)) {
            *t->to++ = (uint8_t)op;
            put_rows(t, name, lots, data.data);
        } else {
            *t->to++ = RECORD_RAW;
            put_bytes(t, data.data - OP_WORD, OP_WORD + data.size);
        }
    }
}

/* -- ops ------------------------------------------------------------------------------------- */

/* False when it is not the next item's message. */
static bool put_queue(struct terse *t, const uint8_t *data)
{
    struct bytes rest = t->outs;
    const uint8_t *out = next_out(&rest);
    if (out == NULL || memcmp(out, data, POSITION_AT) != 0 ||
        memcmp(out + POSITION_END, data + POSITION_END, sizeof(struct outgoing) - POSITION_END) !=
            0) {
        return false;
    }
    t->outs = rest;
    *t->to++ = RECORD_QUEUE;
    put_position(t, le_load64(data + POSITION_AT));
    return true;
}

/* False when it is longer than ids of rows are, or ends in zeros. */
static bool put_known_id(struct terse *t, uint8_t letter, struct bytes data)
{
    struct text text = {{0}};
    const size_t size = data.size - 4;
    if (size > sizeof text || (size != 0 && data.data[data.size - 1] == 0)) return false;
    memcpy(&text, data.data + 4, size);
    put_id_op(t, letter, le_load32(data.data), &text);
    return true;
}

static void put_raw(struct terse *t, unsigned op, unsigned kind, struct bytes data)
{
    t->to[0] = RECORD_RAW;
    t->to[1] = (uint8_t)op;
    t->to[2] = (uint8_t)kind;
    le_store16(t->to + 3, (uint16_t)data.size);
    t->to += 5;
    put_bytes(t, data.data, data.size);
}

static void put_op(struct terse *t, unsigned op, unsigned kind, struct bytes data)
{
    uint32_t lots;
    if (op == OP_ID) {
        if (data.size >= 4 && put_known_id(t, (uint8_t)kind, data)) return;
    } else if (op < OP_KIND_END && kind < 16) {
        const enum shape_name name = shape_of(op, kind);
        if (fits(name, data, &lots)) {
            if (op == OP_QUEUE && kind == 0 && put_queue(t, data.data)) return;
            *t->to++ = (uint8_t)(op | kind << 4);
            put_rows(t, name, lots, data.data);
            return;
        }
    }
    put_raw(t, op, kind, data);
}

size_t terse_write(struct bytes words, const struct terse_form *form, uint8_t *out)
{
    const uint8_t *at = words.data;
    const uint8_t *end = at + words.size;
    struct terse t;

    terse_begin(&t, out);
    const size_t plain = form->items_at != 0 ? form->items_at : form->message_size;
    put_bytes(&t, at, plain);
    if (form->items_at != 0) {
        t.outs = (struct bytes){at + plain, form->message_size - plain};
        put_items(&t, t.outs);
    }
    at += op_padded(form->message_size);
    if (form->fact_size != 0) terse_put_row(&t, SHAPE_FACT, at);
    at += form->fact_size;
    while (at < end) {
        const size_t size = le_load16(at + 2);
        put_op(&t, at[0], at[1], (struct bytes){at + OP_WORD, size});
        at += OP_WORD + op_padded(size);
    }
    ENSURE(at == end);
    return (size_t)(t.to - out);
}
