/* text -- building one short line of text in a fixed buffer, without stdio.
 *
 * What does not fit is cut, never in the middle of the end mark. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stddef.h>
#include <stdint.h>

struct text {
    char *out;   /* The caller's buffer, always NUL-ended. */
    size_t size; /* Bytes of the buffer, at least 1. */
    size_t used; /* Bytes before the end mark. */
};

/* Begins an empty text in `out`. */
struct text text_begin(char *out, size_t size);

void text_add(struct text *text, const char *string);
void text_add_int(struct text *text, int64_t value);

/* Fen as yuan with two decimals: -12345 gives "-123.45". */
void text_add_yuan(struct text *text, int64_t fen);

/* Writes the lowest `digits` hexadecimal digits of a value, without an end mark; gives the place
 * behind them. */
char *text_put_hex(char *out, uint64_t value, int digits);

#endif
