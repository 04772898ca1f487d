#include "tools/client/yuan.h"

#include <inttypes.h>
#include <stdio.h>

/* Digits of `value`, a comma before each group of three when asked for. Gives the length. */
static size_t put_digits(uint64_t value, bool grouped, char *out)
{
    char reversed[YUAN_SIZE];
    size_t size = 0;
    int digits = 0;
    do {
        if (grouped && digits > 0 && digits % 3 == 0) reversed[size++] = ',';
        reversed[size++] = (char)('0' + value % 10);
        value /= 10;
        digits++;
    } while (value != 0);
    for (size_t i = 0; i < size; i++) {
        out[i] = reversed[size - 1 - i];
    }
    return size;
}

static char *put_fen(int64_t fen, bool grouped, char *out)
{
    /* INT64_MIN has no positive int64 counterpart; its magnitude does fit unsigned. */
    const uint64_t magnitude = fen < 0 ? -(uint64_t)fen : (uint64_t)fen;
    size_t size = 0;
    if (fen < 0) out[size++] = '-';
    size += put_digits(magnitude / 100, grouped, out + size);
    out[size++] = '.';
    out[size++] = (char)('0' + magnitude % 100 / 10);
    out[size++] = (char)('0' + magnitude % 10);
    out[size] = '\0';
    return out;
}

char *yuan_format(int64_t fen, char ret_text[YUAN_SIZE])
{
    return put_fen(fen, false, ret_text);
}

char *yuan_format_grouped(int64_t fen, char ret_text[YUAN_SIZE])
{
    return put_fen(fen, true, ret_text);
}

char *count_format_grouped(uint64_t count, char ret_text[YUAN_SIZE])
{
    ret_text[put_digits(count, true, ret_text)] = '\0';
    return ret_text;
}

#define YUAN_DIGITS_MAX 14 /* Before the point, of N(16,2). */

bool yuan_parse(const char *text, int64_t *ret_fen)
{
    const bool is_negative = *text == '-';
    if (is_negative) text++;

    int64_t fen = 0;
    int digits = 0;
    for (; *text >= '0' && *text <= '9'; text++) {
        if (++digits > YUAN_DIGITS_MAX) return false;
        fen = fen * 10 + (*text - '0');
    }
    if (digits == 0) return false;
    int decimals = 0;
    if (*text == '.') {
        for (text++; *text >= '0' && *text <= '9'; text++) {
            if (++decimals > 2) return false;
            fen = fen * 10 + (*text - '0');
        }
        if (decimals == 0) return false;
    }
    if (*text != '\0') return false;
    for (; decimals < 2; decimals++) {
        fen *= 10;
    }
    *ret_fen = is_negative ? -fen : fen;
    return true;
}
