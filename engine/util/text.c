#include "util/text.h"

#include <string.h>

struct text text_begin(char *out, size_t size)
{
    out[0] = '\0';
    return (struct text){.out = out, .size = size};
}

static void add_bytes(struct text *text, const char *data, size_t size)
{
    const size_t room = text->size - 1 - text->used;
    if (size > room) size = room;
    memcpy(text->out + text->used, data, size);
    text->used += size;
    text->out[text->used] = '\0';
}

void text_add(struct text *text, const char *string)
{
    add_bytes(text, string, strlen(string));
}

static void add_unsigned(struct text *text, uint64_t value, int width_min)
{
    char digits[24];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || sizeof digits - at < (size_t)width_min);
    add_bytes(text, digits + at, sizeof digits - at);
}

static uint64_t magnitude(int64_t value)
{
    return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

void text_add_int(struct text *text, int64_t value)
{
    if (value < 0) text_add(text, "-");
    add_unsigned(text, magnitude(value), 1);
}

void text_add_yuan(struct text *text, int64_t fen)
{
    if (fen < 0) text_add(text, "-");
    add_unsigned(text, magnitude(fen) / 100, 1);
    text_add(text, ".");
    add_unsigned(text, magnitude(fen) % 100, 2);
}

char *text_put_hex(char *out, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--)
        *out++ = "0123456789abcdef"[value >> (4 * i) & 15];
    return out;
}

void text_put_bytes(char *out, const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        out = text_put_hex(out, bytes[i], 2);
    *out = '\0';
}

int text_hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool text_take_bytes(const char *text, size_t size, uint8_t *ret_bytes)
{
    for (size_t i = 0; i < size; i++) {
        const int high = text_hex_digit(text[2 * i]);
        const int low = high < 0 ? -1 : text_hex_digit(text[2 * i + 1]);
        if (low < 0) return false;
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}
