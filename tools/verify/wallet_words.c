#include "tools/verify/wallet_words.h"

#include <stdlib.h>
#include <string.h>

#include "util/le.h"

#define WORD 4

/* -- squeezed ------------------------------------------------------------------------------- */

/* Numbers of `width` bytes as words. */
static void spread(const uint8_t *from, size_t width, uint32_t count, uint8_t *out)
{
    for (uint32_t i = 0; i < count; i++) {
        memset(out + WORD * i, 0, WORD);
        memcpy(out + WORD * i, from + width * i, width);
    }
}

bool words_squeezed(struct bytes in, uint8_t *out, size_t size)
{
    size_t done = 0;
    size_t distance = 0;
    size_t i = 0;
    while (i < in.size) {
        const uint32_t kind = in.data[i] / 32;
        const uint32_t count = in.data[i] % 32 + 1u;
        i++;
        if (done + (size_t)WORD * count > size) return false;
        if (kind >= 4) {
            const size_t width = kind - 3;
            if (i + width * count > in.size) return false;
            spread(in.data + i, width, count, out + done);
            i += width * count;
        } else if (kind == 0) {
            memset(out + done, 0, (size_t)WORD * count);
        } else {
            if (kind == 2 && i + 1 <= in.size) distance = (size_t)WORD * in.data[i];
            if (kind == 3 && i + 2 <= in.size) distance = (size_t)WORD * le_load16(in.data + i);
            i += kind - 1;
            if (i > in.size || distance == 0 || distance > done) return false;
            for (uint32_t k = 0; k < count; k++)
                memcpy(out + done + (size_t)WORD * k, out + done + (size_t)WORD * k - distance,
                       WORD);
        }
        done += (size_t)WORD * count;
    }
    return done == size;
}

/* -- field by field ------------------------------------------------------------------------- */

#define COUNTED 64 /* Keys, and ids. */

/* The fields of a record: 4 and 8 bytes of number, a psn_key, an id of ours, a sender's, texts of
 * 16 and 96 bytes. Behind `*`: the lots it carries, and where it says how many. */
static const char *const fields_of_op[] = {
    [1] = "k8",
    [4] = "i4s8884444",
    [5] = "44kk88",
    [6] = "44kkki4444488*100",
    [7] = "4488ssk88444444",
    [8] = "4488ssk88444444",
    [9] = "448",
    [10] = "t444444T",
    [11] = "4488",
};
static const char *const fields_of_row[] = {
    [1] = "i44444444488", [2] = "444444",        [3] = "44844",  [4] = "88844", [5] = "44kk88",
    [6] = "ki4448",       [7] = "i4k8888844*92", [8] = "i4k88",  [9] = "k8",    [10] = "ist488",
    [11] = "444488ksi4",  [12] = "448",          [13] = "s4444",
};
static const char *const fields_of_key[] = {
    [5] = "4",  [6] = "k4",  [7] = "i",   [8] = "i",  [9] = "k",
    [10] = "i", [11] = "44", [12] = "48", [13] = "s",
};
static const char fact_fields[] = "k4444444444844";
static const char lot_fields[] = "44kk88";

#define FIELDS(list, number) ((number) < sizeof(list) / sizeof((list)[0]) ? (list)[number] : NULL)

/* From the entry's bytes into words; after something that makes no sense only `bad` counts. */
struct spool {
    struct bytes in;
    uint8_t *out;
    size_t room;
    size_t done;
    size_t next_out; /* Where among the words the next item is. */
    size_t items_end;
    uint64_t large[4];
    uint8_t keys[COUNTED][16];
    uint8_t ids[COUNTED][32];
    uint32_t key_count;
    uint32_t id_count;
    bool bad;
};

static void copy_in(struct spool *s, uint8_t *to, size_t size)
{
    if (s->bad || s->in.size < size) {
        s->bad = true;
        memset(to, 0, size);
        return;
    }
    if (size != 0) memcpy(to, s->in.data, size);
    s->in.data += size;
    s->in.size -= size;
}

static uint32_t byte_in(struct spool *s)
{
    uint8_t byte;
    copy_in(s, &byte, 1);
    return byte;
}

static void put_out(struct spool *s, const void *data, size_t size)
{
    if (s->bad || s->room - s->done < size) {
        s->bad = true;
        return;
    }
    if (size != 0) memcpy(s->out + s->done, data, size);
    s->done += size;
}

static void put_zeros(struct spool *s, size_t size)
{
    static const uint8_t zeros[96];
    put_out(s, zeros, size);
}

static uint64_t number_in(struct spool *s, uint32_t code, uint32_t width)
{
    uint8_t bytes[8] = {0};
    if (width == 8 && code >= 9 && code <= 12) {
        s->bad = s->bad || s->large[code - 9] == 0;
        return s->large[code - 9];
    }
    if (code > width) {
        s->bad = true;
        return 0;
    }
    copy_in(s, bytes, code);
    const uint64_t number = le_load64(bytes);
    if (number >> 32 != 0) s->large[number * UINT64_C(0x9e3779b97f4a7c15) >> 62] = number;
    return number;
}

/* Which of the counted ones a code means, from 0; `direct` codes say it themselves. */
static uint32_t counted(struct spool *s, uint32_t code, uint32_t direct, uint32_t count)
{
    const uint32_t number = code <= direct ? code : byte_in(s);
    if (number != 0 && number <= count) return number - 1;
    s->bad = true;
    return 0;
}

static void key_through(struct spool *s, uint32_t code)
{
    uint8_t key[16] = {0};
    if (code == 15) {
        copy_in(s, key, sizeof key);
        if (s->key_count < COUNTED) memcpy(s->keys[s->key_count++], key, sizeof key);
    } else if (code != 0) {
        memcpy(key, s->keys[counted(s, code, 13, s->key_count)], sizeof key);
    }
    put_out(s, key, sizeof key);
}

static void id_in(struct spool *s, uint32_t code, uint8_t id[32])
{
    static const char digits[] = "0123456789abcdef";
    memset(id, 0, 32);
    if (code == 0) return;
    if (code <= 13) {
        memcpy(id, s->ids[counted(s, code, 12, s->id_count)], 32);
        return;
    }
    if (code == 14) {
        id[0] = (uint8_t)byte_in(s);
        for (int i = 0; i < 12; i++) {
            const uint32_t byte = byte_in(s);
            id[1 + 2 * i] = (uint8_t)digits[byte / 16];
            id[2 + 2 * i] = (uint8_t)digits[byte % 16];
        }
    } else {
        const uint32_t size = byte_in(s);
        s->bad = s->bad || size > 32;
        if (!s->bad) copy_in(s, id, size);
    }
    if (s->id_count < COUNTED) memcpy(s->ids[s->id_count++], id, 32);
}

static void text_through(struct spool *s, uint32_t code, size_t room)
{
    uint8_t text[96] = {0};
    const uint32_t size = code == 0 ? 0 : byte_in(s);
    s->bad = s->bad || (code != 0 && code != 15) || size > room;
    if (!s->bad) copy_in(s, text, size);
    put_out(s, text, room);
}

static void field_through(struct spool *s, char field, uint32_t code)
{
    uint8_t bytes[32] = {0};
    switch (field) {
    case '4':
        le_store32(bytes, (uint32_t)number_in(s, code, 4));
        put_out(s, bytes, 4);
        return;
    case '8':
        le_store64(bytes, number_in(s, code, 8));
        put_out(s, bytes, 8);
        return;
    case 'k':
        key_through(s, code);
        return;
    case 'i':
    case 's':
        id_in(s, code, bytes);
        put_out(s, bytes, field == 'i' ? 28 : 32);
        return;
    default:
        text_through(s, code, field == 't' ? 16 : 96);
    }
}

static void fields_through(struct spool *s, const char *fields)
{
    uint8_t codes[8] = {0};
    size_t count = 0;
    while (fields[count] != 0 && fields[count] != '*')
        count++;
    copy_in(s, codes, (count + 1) / 2);
    if (count % 2 != 0 && codes[count / 2] / 16 != 0) s->bad = true;
    for (size_t i = 0; i < count && !s->bad; i++)
        field_through(s, fields[i], i % 2 == 0 ? codes[i / 2] % 16u : codes[i / 2] / 16u);
}

/* A row with the lots it carries; what it is of stands before. */
static void row_through(struct spool *s, const char *fields)
{
    const size_t begin = s->done;
    if (fields == NULL) {
        s->bad = true;
        return;
    }
    fields_through(s, fields);
    const char *lots = strchr(fields, '*');
    if (lots == NULL || s->bad) return;
    uint32_t count = le_load32(s->out + begin + strtoul(lots + 1, NULL, 10));
    for (; count != 0 && !s->bad; count--)
        fields_through(s, lot_fields);
}

/* Bytes as they are, and zeros up to a whole word. */
static void bytes_through(struct spool *s, size_t size)
{
    if (s->in.size < size) s->bad = true;
    if (s->bad) return;
    put_out(s, s->in.data, size);
    s->in.data += size;
    s->in.size -= size;
    put_zeros(s, (WORD - size % WORD) % WORD);
}

static void item_through(struct spool *s)
{
    const uint32_t tag = byte_in(s);
    const size_t begin = s->done;
    if (tag == 15) {
        if (s->in.size < WORD || le_load16(s->in.data) % WORD != 0) s->bad = true;
        if (!s->bad) bytes_through(s, WORD + le_load16(s->in.data));
        return;
    }
    put_zeros(s, WORD);
    row_through(s, tag == 6 || tag == 7 ? fields_of_op[tag] : NULL);
    if (s->bad) return;
    le_store16(s->out + begin, (uint16_t)(s->done - begin - WORD));
    le_store16(s->out + begin + 2, (uint16_t)tag);
}

static void head_at(struct spool *s, size_t begin, uint32_t op, uint32_t kind, size_t size)
{
    if (s->bad) return;
    s->out[begin] = (uint8_t)op;
    s->out[begin + 1] = (uint8_t)kind;
    le_store16(s->out + begin + 2, (uint16_t)size);
}

/* What goes into an outbox is the next item that is a message for one. */
static void queue_through(struct spool *s)
{
    const size_t begin = s->done;
    const uint64_t position = number_in(s, byte_in(s), 8);
    while (!s->bad) {
        if (s->items_end - s->next_out < WORD) {
            s->bad = true;
            return;
        }
        const uint8_t *item = s->out + s->next_out;
        const size_t size = le_load16(item);
        s->next_out += WORD + size;
        if (le_load16(item + 2) != 7 || size != 144) continue;
        put_zeros(s, WORD);
        put_out(s, item + WORD, size);
        break;
    }
    head_at(s, begin, 8, 0, 144);
    if (!s->bad) le_store64(s->out + begin + WORD + 8, position);
}

static void id_op_through(struct spool *s)
{
    const size_t begin = s->done;
    const uint32_t letter = byte_in(s);
    const uint32_t codes = byte_in(s);
    uint8_t id[4 + 32];
    le_store32(id, (uint32_t)number_in(s, codes % 16, 4));
    id_in(s, codes / 16, id + 4);
    size_t size = sizeof id;
    while (size > 4 && id[size - 1] == 0)
        size--;
    put_zeros(s, WORD);
    put_out(s, id, (size + WORD - 1) / WORD * WORD);
    head_at(s, begin, 12, letter, size);
}

static void op_through(struct spool *s)
{
    const uint32_t tag = byte_in(s);
    const uint32_t op = tag % 16;
    const uint32_t kind = tag / 16;
    const size_t begin = s->done;
    if (tag == 13) {
        queue_through(s);
    } else if (tag == 12) {
        id_op_through(s);
    } else if (tag == 15) {
        uint8_t head[WORD];
        copy_in(s, head, sizeof head);
        put_out(s, head, sizeof head);
        bytes_through(s, le_load16(head + 2));
    } else {
        put_zeros(s, WORD);
        row_through(s, op == 2   ? FIELDS(fields_of_row, kind)
                       : op == 3 ? FIELDS(fields_of_key, kind)
                                 : FIELDS(fields_of_op, op));
        head_at(s, begin, op, kind, s->done - begin - WORD);
    }
}

bool words_terse(struct bytes in, const struct words_form *form, uint8_t *out, size_t size)
{
    struct spool s = {.in = in, .out = out, .room = size};
    if (form->items_at == 0) {
        bytes_through(&s, form->message);
    } else {
        if (form->items_at % WORD != 0 || form->message % WORD != 0) return false;
        bytes_through(&s, form->items_at);
        while (!s.bad && s.done < form->message)
            item_through(&s);
        if (s.done != form->message) return false;
        s.next_out = form->items_at;
        s.items_end = form->message;
    }
    if (form->fact != 0) fields_through(&s, fact_fields);
    while (!s.bad && s.done < size)
        op_through(&s);
    return !s.bad && s.in.size == 0;
}
