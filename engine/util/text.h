/* text -- building one short line of text in a fixed buffer, without stdio.
 *
 * What does not fit is cut, never in the middle of the end mark. */
#ifndef UTIL_TEXT_H
#define UTIL_TEXT_H

#include <stdbool.h>
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

/* Writes two digits for each byte, and an end mark. */
void text_put_bytes(char *out, const uint8_t *bytes, size_t size);

/* Value of a hexadecimal digit as they are written here, in small letters; -1: it is none. */
int text_hex_digit(char c);

/* Reads `size` bytes back, two digits each; nothing is read behind the first that is none. False
 * then. */
bool text_take_bytes(const char *text, size_t size, uint8_t *ret_bytes);

#endif
