#include "cycle/parts.h"

#include <errno.h>
#include <stdlib.h>

#include "util/le.h"

uint32_t parts_needed(size_t size)
{
    return size == 0 ? 1 : (uint32_t)((size + PART_ROWS_MAX - 1) / PART_ROWS_MAX);
}

size_t part_write(uint64_t number, uint32_t part, struct bytes rows, uint8_t *out)
{
    const size_t from = (size_t)(part - 1) * PART_ROWS_MAX;
    const size_t left = rows.size - from;
    const size_t size = left < PART_ROWS_MAX ? left : PART_ROWS_MAX;
    le_store64(out, number);
    le_store32(out + 8, part);
    le_store32(out + 12, parts_needed(rows.size));
    if (size != 0) memcpy(out + PART_HEAD, rows.data + from, size);
    return PART_HEAD + size;
}

void parts_reader_init(struct parts_reader *reader)
{
    *reader = (struct parts_reader){0};
}

void parts_reader_free(struct parts_reader *reader)
{
    free(reader->data);
    *reader = (struct parts_reader){0};
}

static bool make_room(struct parts_reader *reader, size_t more)
{
    if (reader->room - reader->size >= more) return true;
    const size_t room = 2 * (reader->room + more);
    uint8_t *data = realloc(reader->data, room);
    if (data == NULL) return false;
    reader->data = data;
    reader->room = room;
    return true;
}

int parts_take(struct parts_reader *reader, struct bytes body, struct bytes *ret_rows)
{
    if (body.size < PART_HEAD) return -EUCLEAN;
    const uint64_t number = le_load64(body.data);
    const uint32_t part = le_load32(body.data + 8);
    const uint32_t parts = le_load32(body.data + 12);
    const size_t size = body.size - PART_HEAD;

    if (part == 0 || part > parts || size > PART_ROWS_MAX) return -EUCLEAN;
    if (part < parts && size != PART_ROWS_MAX) return -EUCLEAN;
    if (part == 1) {
        if (number <= reader->number) return -EUCLEAN; /* (P1) */
        reader->number = number;
        reader->parts = parts;
        reader->size = 0;
    } else if (number != reader->number || part != reader->part + 1 || parts != reader->parts) {
        return -EUCLEAN;
    }
    if (!make_room(reader, size)) return -ENOMEM;
    if (size != 0) memcpy(reader->data + reader->size, body.data + PART_HEAD, size);
    reader->size += size;
    reader->part = part;
    if (part < parts) return 0;
    *ret_rows = (struct bytes){reader->data, reader->size};
    reader->part = 0;
    return 1;
}
