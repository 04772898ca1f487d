/* grid -- messages of the wire as rows: a table for people, CSV for programs, or one a page.
 *
 * A list of columns says which fields are shown and how they are written; tables and CSV come out
 * of the same list. Must not know what the messages mean. */
#ifndef QINGFEN_GRID_H
#define QINGFEN_GRID_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "tools/qingfen/options.h"

/* How a field is written. In CSV provinces, lines and classes are their codes alone. */
enum grid_kind {
    GRID_TEXT,
    GRID_NUMBER,   /* A code or a small number, no separators. */
    GRID_COUNT,    /* 12,345 */
    GRID_YUAN,     /* Fen, written in yuan. */
    GRID_PROVINCE, /* 34 安徽; 0: the clearing account, -- */
    GRID_PARTY,    /* 34 安徽; 0: all of them together, "all" */
    GRID_ACTOR,    /* 34 安徽; 0: the centre */
    GRID_AREA,     /* 340100 安徽 */
    GRID_LINE,     /* 1 inpatient 住院 */
    GRID_INSUTYPE, /* 310 employee 职工 */
    GRID_PERIOD,   /* yyyymm as 2025-03, a year alone as 2025 */
    GRID_DAY,      /* yyyymmdd as 2025-03-14 */
    GRID_TIME,     /* ms */
    GRID_FLAG,     /* yes or -; 1 or 0 in CSV */
    GRID_RATIO,    /* Basis points: 71.87 per cent, 7187 in CSV; 4294967295: none, - */
    GRID_BYTES,    /* Hex. */
    GRID_SIDE,     /* Of a relation: 1 giver, 2 receiver. */
    GRID_RELATIVE, /* 3 child 子女 */
    GRID_MESSAGE,  /* PaHold, for the types that stand in outboxes. */
};

struct grid_column {
    const char *field; /* Of the message; "centre.count" is a field of a message in it. */
    enum grid_kind kind;
    const char *title; /* In tables; NULL: only in CSV and on pages. */
    bool is_summed;    /* Tables: its total stands under a rule. Numbers only. */
    bool is_always;    /* Pages: a line also when it is 0. */
};

/* Entries of a list: shown everywhere, with a total, on pages also when it is 0, in CSV and on
 * pages only, and its end. */
#define COLUMN(field, kind, title)              \
    {                                           \
        field, GRID_##kind, title, false, false \
    }
#define COLUMN_SUMMED(field, kind, title)      \
    {                                          \
        field, GRID_##kind, title, true, false \
    }
#define COLUMN_ALWAYS(field, kind, title)      \
    {                                          \
        field, GRID_##kind, title, false, true \
    }
#define COLUMN_HIDDEN(field, kind)             \
    {                                          \
        field, GRID_##kind, NULL, false, false \
    }
#define COLUMNS_END                         \
    {                                       \
        NULL, GRID_TEXT, NULL, false, false \
    }

/* Rows as a table or as CSV with a header; `columns` end with a NULL field. A field that is not in
 * the message ends the process: it is a slip in the list. */
void grid_print(enum format format, const struct grid_column *columns,
                ProtobufCMessage *const *rows, size_t count);

/* The CSV rows alone, without the header: for pages that follow others. */
void grid_csv_rows(const struct grid_column *columns, ProtobufCMessage *const *rows, size_t count);
void grid_csv_header(const struct grid_column *columns);

/* One message, a line for each column that is not empty or zero or is always there: "  name
 * value". */
void grid_page(const struct grid_column *columns, const ProtobufCMessage *row);

/* Prints a text as a CSV field on stdout, with quotes where they are needed. A field that a
 * spreadsheet would take for a formula is written as it is: ids and reasons are checked by the
 * engine. */
void csv_print_text(const char *text);

#endif
