/* table_text -- the text of a table file as lines and cells, checked to the last byte.
 *
 * Knows commas, quotes, UTF-8 and numbers; knows no table and no column. Cells are views into the
 * text. A quote doubled inside a quoted cell stays doubled: no cell that is judged holds one. */
#ifndef UTIL_TABLE_TEXT_H
#define UTIL_TABLE_TEXT_H

#include "types/bytes.h"

#define TABLE_CELLS_MAX 32

struct table_text {
    struct bytes rest; /* What is not yet read; begins at the start of a line. */
    uint32_t line;     /* 1-based number of the line read last. */
};

struct table_cells {
    uint32_t count;
    struct bytes list[TABLE_CELLS_MAX];
};

/* Starts at the first line; a byte order mark is stepped over. */
void table_text_init(struct table_text *text, struct bytes source);

/* The next line that is neither empty nor a comment, in cells: 1, or 0 at the end, or -1 with
 * *ret_what set to a static text when the line is no good (text->line says which). */
int table_text_next(struct table_text *text, struct table_cells *ret_cells, const char **ret_what);

/* True when all bytes are UTF-8 in its shortest form, without surrogates, and no control
 * character. */
bool table_text_sound(struct bytes line);

/* A number of 1 to 18 digits without sign, blanks or leading zeros; false when it is none or
 * outside min..max. */
bool table_number(struct bytes cell, int64_t min, int64_t max, int64_t *ret_value);

/* Index of the word that the cell is, -1 when it is none of them. */
int table_word(struct bytes cell, const char *const *words, int count);

#endif
