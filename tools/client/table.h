/* table -- rows in aligned columns for people. Chinese characters are two columns wide.
 *
 * Must not know money or messages: cells are text already. */
#ifndef CLIENT_TABLE_H
#define CLIENT_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum table_align {
    TABLE_LEFT,
    TABLE_RIGHT,
};

struct table_column {
    const char *title; /* Outlives the table. */
    enum table_align align;
};

#define TABLE_COLUMNS_MAX 16

struct table; /* Opaque; made by table_new(), ended by table_free(). */

/* A table of 1..TABLE_COLUMNS_MAX columns; the titles are borrowed. Never NULL: out of memory ends
 * the process. */
struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table);

/* Fills the next cell, left to right, row by row; printf style. The text is copied. */
void table_cell(struct table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A rule line goes between the rows before and those after: totals stand under it. */
void table_rule(struct table *table);

/* Columns of the terminal that the widest line needs. */
size_t table_width(const struct table *table);

/* Prints titles, a rule and the rows, without blanks at the end of a line. */
void table_print(const struct table *table, FILE *out);

/* Columns a terminal needs for UTF-8 text: CJK and full-width forms take 2, combining marks 0. */
size_t text_columns(const char *text);

#endif
