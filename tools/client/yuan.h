/* yuan -- amounts and counts as people read them. Integers only: no floating point near money.
 *
 * Must not know messages, files or the network. */
#ifndef CLIENT_YUAN_H
#define CLIENT_YUAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define YUAN_SIZE 32 /* Any int64 with separators, point, sign and end mark. */

/* "-1234567.89", as files carry it; any int64 of fen. Gives `ret_text`. */
char *yuan_format(int64_t fen, char ret_text[YUAN_SIZE]);

/* "-1,234,567.89", for tables. Gives `ret_text`. */
char *yuan_format_grouped(int64_t fen, char ret_text[YUAN_SIZE]);

/* "1,234,567". Gives `ret_text`. */
char *count_format_grouped(uint64_t count, char ret_text[YUAN_SIZE]);

/* Yuan as people and files write them, "1234.5" or "-0.01", into fen: digits with at most two
 * decimals and a minus sign, nothing else; under 10^14 yuan either way, the N(16,2) of the
 * national interface. False: not of that form, *ret_fen stays. */
bool yuan_parse(const char *text, int64_t *ret_fen);

#endif
