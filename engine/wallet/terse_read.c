#include "wallet/terse.h"
#include "wallet/terse_shapes.h"

struct reader {
    const uint8_t *at;
    const uint8_t *end;
    uint8_t *to;
    uint8_t *to_end;
    struct bytes outs;
    uint64_t numbers[NUMBER_SLOTS];
    uint32_t key_count;
    uint32_t id_count;
    uint8_t keys[SEEN_MAX][PSN_KEY_SIZE];
    uint8_t ids[SEEN_MAX][TEXT_MAX];
};

/* The next `size` bytes; NULL when there are not so many. */
static const uint8_t *take(struct reader *r, size_t size)
{
    if ((size_t)(r->end - r->at) < size) return NULL;
    const uint8_t *at = r->at;
    r->at += size;
    return at;
}

/* Room for `size` bytes of words. */
static uint8_t *give(struct reader *r, size_t size)
{
    if ((size_t)(r->to_end - r->to) < size) return NULL;
    uint8_t *to = r->to;
    r->to += size;
    return to;
}

static bool take_number(struct reader *r, unsigned code, unsigned most, uint64_t *ret_number)
{
    if (most == 8 && code >= NUMBER_SEEN && code < NUMBER_SEEN + NUMBER_SLOTS) {
        *ret_number = r->numbers[code - NUMBER_SEEN];
        return *ret_number != 0;
    }
    if (code > most) return false;
    const uint8_t *bytes = take(r, code);
    if (bytes == NULL) return false;
    uint8_t number[8] = {0};
    memcpy(number, bytes, code);
    *ret_number = le_load64(number);
    if (*ret_number > UINT32_MAX) r->numbers[number_slot(*ret_number)] = *ret_number;
    return true;
}

/* The number of a key or id that was counted. */
static bool take_seen(struct reader *r, unsigned code, unsigned direct, uint32_t count,
                      unsigned *ret_place)
{
    unsigned number = code;
    if (code > direct) {
        const uint8_t *byte = take(r, 1);
        if (byte == NULL) return false;
        number = *byte;
    }
    *ret_place = number - 1;
    return number != 0 && number <= count;
}

static bool take_key(struct reader *r, unsigned code, uint8_t *out)
{
    unsigned place;
    if (code == 0) {
        memset(out, 0, PSN_KEY_SIZE);
        return true;
    }
    if (code != KEY_NEW) {
        if (!take_seen(r, code, KEY_DIRECT, r->key_count, &place)) return false;
        memcpy(out, r->keys[place], PSN_KEY_SIZE);
        return true;
    }
    const uint8_t *key = take(r, PSN_KEY_SIZE);
    if (key == NULL) return false;
    memcpy(out, key, PSN_KEY_SIZE);
    if (r->key_count < SEEN_MAX) memcpy(r->keys[r->key_count++], key, PSN_KEY_SIZE);
    return true;
}

/* Fills in 32 bytes. */
static bool take_text(struct reader *r, unsigned code, uint8_t out[TEXT_MAX])
{
    unsigned place;
    memset(out, 0, TEXT_MAX);
    if (code == 0) return true;
    if (code <= ID_SEEN) {
        if (!take_seen(r, code, ID_DIRECT, r->id_count, &place)) return false;
        memcpy(out, r->ids[place], TEXT_MAX);
        return true;
    }
    if (code == ID_OURS) {
        const uint8_t *bytes = take(r, 1 + (OURS_SIZE - 1) / 2);
        if (bytes == NULL) return false;
        out[0] = bytes[0];
        for (size_t i = 0; i < 3; i++)
            eight_digits(bytes + 1 + 4 * i, (char *)out + 1 + 8 * i);
    } else {
        const uint8_t *size = take(r, 1);
        const uint8_t *bytes = size == NULL || *size > TEXT_MAX ? NULL : take(r, *size);
        if (bytes == NULL) return false;
        memcpy(out, bytes, *size);
    }
    if (r->id_count < SEEN_MAX) memcpy(r->ids[r->id_count++], out, TEXT_MAX);
    return true;
}

static bool take_long_text(struct reader *r, unsigned code, uint8_t *out, size_t room)
{
    memset(out, 0, room);
    if (code == 0) return true;
    const uint8_t *size = code == TEXT_NEW ? take(r, 1) : NULL;
    const uint8_t *bytes = size == NULL || *size > room ? NULL : take(r, *size);
    if (bytes == NULL) return false;
    memcpy(out, bytes, *size);
    return true;
}

/* One field; gives its size in the row, 0 when it makes no sense. */
static size_t take_field(struct reader *r, char field, unsigned code, uint8_t *out)
{
    uint8_t text[TEXT_MAX];
    uint64_t number;
    switch ((enum field)field) {
    case FIELD_U32:
        if (!take_number(r, code, 4, &number)) return 0;
        le_store32(out, (uint32_t)number);
        return 4;
    case FIELD_I64:
        if (!take_number(r, code, 8, &number)) return 0;
        le_store64(out, number);
        return 8;
    case FIELD_KEY:
        return take_key(r, code, out) ? PSN_KEY_SIZE : 0;
    case FIELD_ID:
        if (!take_text(r, code, text)) return 0;
        memcpy(out, text, WALLET_ID_SIZE);
        return WALLET_ID_SIZE;
    case FIELD_NUMBER:
        return take_text(r, code, out) ? CLIENT_NO_SIZE : 0;
    case FIELD_CODE:
        return take_long_text(r, code, out, 16) ? 16 : 0;
    case FIELD_NAME:
        return take_long_text(r, code, out, 96) ? 96 : 0;
    }
    return 0;
}

/* A row to where there is room for it. */
static bool take_row(struct reader *r, const struct shape *shape, uint8_t *out)
{
    const uint8_t *codes = take(r, codes_size(shape));
    if (codes == NULL) return false;
    if (shape->count % 2 != 0 && codes[shape->count / 2] >> 4 != 0) return false;
    for (unsigned i = 0; i < shape->count; i++) {
        const size_t size = take_field(r, shape->fields[i], codes[i / 2] >> 4 * (i % 2) & 15u, out);
        if (size == 0) return false;
        out += size;
    }
    return true;
}

/* The same with its lots, and room asked for. Gives the bytes of all; 0 when it makes no sense. */
static size_t take_rows(struct reader *r, enum shape_name name)
{
    const struct shape *shape = &shapes[name];
    uint8_t *row = shape->size == 0 ? NULL : give(r, shape->size);
    if (row == NULL || !take_row(r, shape, row)) return 0;
    size_t size = shape->size;
    if (!shape->lots) return size;
    uint32_t lots = 0;
    while (!lots_said(name, row, lots)) {
        uint8_t *lot = give(r, sizeof(struct lot));
        if (lot == NULL || !take_row(r, &shapes[SHAPE_LOT], lot)) return 0;
        size += sizeof(struct lot);
        lots++;
    }
    return size;
}

static bool take_bytes(struct reader *r, size_t size)
{
    const uint8_t *bytes = take(r, size);
    uint8_t *to = bytes == NULL ? NULL : give(r, op_padded(size));
    if (to == NULL) return false;
    if (size != 0) memcpy(to, bytes, size);
    memset(to + size, 0, op_padded(size) - size);
    return true;
}

static bool take_item(struct reader *r)
{
    const uint8_t *tag = take(r, 1);
    if (tag == NULL) return false;
    if (*tag == RECORD_RAW) {
        if (r->end - r->at < OP_WORD) return false;
        const size_t size = le_load16(r->at);
        return size % OP_WORD == 0 && take_bytes(r, OP_WORD + size);
    }
    uint8_t *head = *tag == OP_EFFECT || *tag == OP_OUT ? give(r, OP_WORD) : NULL;
    const size_t size = head == NULL ? 0 : take_rows(r, item_shape(*tag));
    if (size == 0) return false;
    le_store16(head, (uint16_t)size);
    le_store16(head + 2, *tag);
    return true;
}

static void op_head(uint8_t *head, unsigned op, unsigned kind, size_t size)
{
    head[0] = (uint8_t)op;
    head[1] = (uint8_t)kind;
    le_store16(head + 2, (uint16_t)size);
}

static bool take_queue(struct reader *r)
{
    const uint8_t *code = take(r, 1);
    const uint8_t *out = next_out(&r->outs);
    uint64_t position;
    if (code == NULL || out == NULL || !take_number(r, *code, 8, &position)) return false;
    uint8_t *head = give(r, OP_WORD + sizeof(struct outgoing));
    if (head == NULL) return false;
    op_head(head, OP_QUEUE, 0, sizeof(struct outgoing));
    memcpy(head + OP_WORD, out, sizeof(struct outgoing));
    le_store64(head + OP_WORD + POSITION_AT, position);
    return true;
}

static bool take_id_op(struct reader *r)
{
    const uint8_t *front = take(r, 2);
    uint8_t text[TEXT_MAX];
    struct text its;
    uint64_t scope;
    if (front == NULL || !take_number(r, front[1] & 15u, 4, &scope) ||
        !take_text(r, front[1] >> 4, text)) {
        return false;
    }
    memcpy(&its, text, sizeof its);
    const size_t size = 4 + text_size(&its);
    uint8_t *head = give(r, OP_WORD + op_padded(size));
    if (head == NULL) return false;
    op_head(head, OP_ID, front[0], size);
    le_store32(head + OP_WORD, (uint32_t)scope);
    memcpy(head + OP_WORD + 4, text, op_padded(size) - 4);
    return true;
}

static bool take_op(struct reader *r)
{
    const uint8_t *tag = take(r, 1);
    if (tag == NULL) return false;
    if (*tag == RECORD_QUEUE) return take_queue(r);
    if (*tag == OP_ID) return take_id_op(r);
    uint8_t *head = give(r, OP_WORD);
    if (head == NULL) return false;
    if (*tag == RECORD_RAW) {
        const uint8_t *its = take(r, OP_WORD);
        if (its == NULL) return false;
        memcpy(head, its, OP_WORD);
        return take_bytes(r, le_load16(its + 2));
    }
    const unsigned op = *tag & 15u;
    const size_t size = take_rows(r, shape_of(op, *tag >> 4));
    op_head(head, op, *tag >> 4, size);
    return size != 0;
}

bool terse_read(struct bytes source, const struct terse_form *form, uint8_t *out, size_t size)
{
    struct reader r;
    memset(&r, 0, offsetof(struct reader, keys));
    r.at = source.data;
    r.end = source.data + source.size;
    r.to = out;
    r.to_end = out + size;

    if (size < op_padded(form->message_size) + form->fact_size) return false;
    if (form->items_at == 0) {
        if (!take_bytes(&r, form->message_size)) return false;
    } else {
        const uint8_t *items_end = out + form->message_size;
        if (form->items_at % OP_WORD != 0 || form->message_size % OP_WORD != 0 ||
            form->message_size < form->items_at || !take_bytes(&r, form->items_at)) {
            return false;
        }
        while (r.to < items_end) {
            if (!take_item(&r)) return false;
        }
        if (r.to != items_end) return false;
        r.outs = (struct bytes){out + form->items_at, form->message_size - form->items_at};
    }
    if (form->fact_size != 0) {
        uint8_t *fact =
            form->fact_size == shapes[SHAPE_FACT].size ? give(&r, form->fact_size) : NULL;
        if (fact == NULL || !take_row(&r, &shapes[SHAPE_FACT], fact)) return false;
    }
    while (r.to < r.to_end) {
        if (!take_op(&r)) return false;
    }
    return r.at == r.end;
}
