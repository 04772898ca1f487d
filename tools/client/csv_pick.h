/* csv_pick -- chosen columns of a CSV text, by their names; the other columns are passed over.
 *
 * FORM    RFC 4180 as codec/csv.h reads it: a header row, commas, quotes doubled inside quotes; LF
 *         or CRLF; a byte order mark in front and a missing end of the last line are accepted;
 *         empty lines are passed over. A field holds no NUL and no line end.
 *
 * BOUNDS  Any bytes may come: fields of columns that are asked for have at most CSV_PICK_FIELD_MAX
 *         bytes, a header at most CSV_PICK_COLUMNS_MAX columns. Nothing is read outside the text,
 *         nothing is allocated.
 *
 * Must not know what the columns mean. */
#ifndef CLIENT_CSV_PICK_H
#define CLIENT_CSV_PICK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "types/bytes.h"

#define CSV_PICK_FIELD_MAX   255
#define CSV_PICK_COLUMNS_MAX 256 /* Of the text. */
#define CSV_PICK_WANTED_MAX  16

/* All fields but `text` are the reader's own business. */
struct csv_pick {
    const char *at;
    const char *end;
    uint64_t line; /* 1-based, at which the row given last begins. */
    uint64_t next_line;
    size_t column_count;
    size_t wanted_count;
    uint16_t
        wanted[CSV_PICK_COLUMNS_MAX];  /* Place in `fields` of a column, or CSV_PICK_UNWANTED. */
    bool present[CSV_PICK_WANTED_MAX]; /* The header has that wanted column. */
    char fields[CSV_PICK_WANTED_MAX][CSV_PICK_FIELD_MAX + 1]; /* Of the row given last. */
    char text[160]; /* What is wrong, for people, without the line. */
};

#define CSV_PICK_UNWANTED UINT16_MAX

enum csv_pick_status {
    CSV_PICK_ROW, /* pick->fields and pick->line are set; missing columns are empty texts. */
    CSV_PICK_BAD, /* pick->text and pick->line are set; the reader stands behind the bad line. */
    CSV_PICK_END,
};

/* Reads the header. `names` are the columns that are wanted, the first `required` of them must be
 * there. The text stays borrowed. False, with pick->text, when the header is no such header. */
bool csv_pick_begin(struct csv_pick *pick, struct bytes text, const char *const *names,
                    size_t count, size_t required);

/* The next row. */
enum csv_pick_status csv_pick_next(struct csv_pick *pick);

#endif
