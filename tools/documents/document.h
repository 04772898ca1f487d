/* document -- one official paper of the clearing as data: what every form of it is made from.
 *
 * WHAT    Title, number, facts, paragraphs and sections of typed columns and rows. A builder fills
 * it, document_seal() adds it up and seals it, the renderers (render.h) only read it. Amounts are
 * fen, days yyyymmdd, rates basis points; words for people are made when it is rendered.
 *
 * INVARIANTS
 *   (D1) A subtotal is the sum of the rows since the one before, a total the sum of all rows: both
 *        are made here, never by a builder.
 *   (D2) The digest is the SHA-256 of the canonical CSV body (docs/formats.md, Documents), so two
 *        documents with one digest say the same.
 *
 * Must not know messages, files or the engine. */
#ifndef DOCUMENTS_DOCUMENT_H
#define DOCUMENTS_DOCUMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/documents/types.h"
#include "util/checksum.h"

/* Why something was not made, for people: one line without a full stop. */
struct document_fault {
    char text[512];
};

/* Sets the fault's text, printf style. False, always. */
bool document_fail(struct document_fault *fault, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

enum value_kind {
    VALUE_TEXT,
    VALUE_COUNT, /* Records or payments. */
    VALUE_MONEY, /* Fen. */
    VALUE_DATE,  /* yyyymmdd, 0: none. */
    VALUE_RATE,  /* Basis points. */
};

struct document_column {
    const char *key;   /* Field name in JSON, ASCII. */
    const char *title; /* Chinese. */
    const char *group; /* Neighbours of one group share a heading above theirs; NULL: none. */
    enum value_kind kind;
    bool is_unsummed; /* A count or amount that makes no sense added up. */
};

struct document_value {
    const char *text; /* VALUE_TEXT; NULL: empty. */
    int64_t number;   /* All others. */
    bool is_set;      /* False: an empty place. */
};

enum document_row_kind {
    DOCUMENT_ROW,
    DOCUMENT_SUBTOTAL, /* 小计 */
    DOCUMENT_TOTAL,    /* 合计 */
};

struct document_row {
    enum document_row_kind kind;
    struct document_value *values; /* One for each column. */
};

struct document_section {
    const char *title; /* Short: also the name of a sheet. */
    const struct document_column *columns;
    uint32_t column_count;
    uint32_t key_columns; /* The first ones, which say what a row is about. */
    struct document_row *rows;
    uint32_t row_count;
    uint32_t room;
};

struct document_fact {
    const char *label;
    const char *text;
};

#define DOCUMENT_SECTIONS_MAX 8
#define DOCUMENT_TEXTS_MAX    16

/* What somebody checks first: of the section that the document is about. */
struct document_controls {
    uint64_t rows; /* Without subtotals and totals. */
    uint64_t count;
    int64_t sum; /* Fen. */
};

struct document {
    const struct document_type *type;
    const char *title;
    const char *number; /* "CLR_PAYABLE-202603-34-V1" */
    uint32_t period;    /* yyyymm, or yyyy. */
    uint32_t date;      /* yyyymmdd, 0: none. */
    uint32_t province;  /* Two digits, 0: the whole country. */
    uint32_t version;
    int64_t as_of_ms; /* When the engine made what this says; no clock is asked. */
    struct document_fact facts[DOCUMENT_TEXTS_MAX];
    uint32_t fact_count;
    const char *paragraphs[DOCUMENT_TEXTS_MAX];
    uint32_t paragraph_count;
    const char *notes[DOCUMENT_TEXTS_MAX];
    uint32_t note_count;
    struct document_section sections[DOCUMENT_SECTIONS_MAX];
    uint32_t section_count;
    int control_count_column; /* Of the first section; -1: none. */
    int control_sum_column;
    uint64_t extra_count; /* Records that no column of the first section counts. */
    struct document_controls controls;
    uint8_t digest[SHA256_SIZE];
    bool has_overflown;
    struct document_chunk *chunks; /* Memory of all texts and rows. */
};

/* Bytes of a line of control totals, its end mark too. */
#define DOCUMENT_CONTROLS_SIZE 200

/* "控制数：6 行，120 笔，3,514,839.67 元"; the records only where the document counts any. */
void document_controls_text(const struct document *document, char ret_text[DOCUMENT_CONTROLS_SIZE]);

/* An empty document; ended by document_free(). Never NULL: out of memory ends the process. */
struct document *document_new(const struct document_type *type);
void document_free(struct document *document); /* NULL is fine. */

/* A text that lives as long as the document, printf style. */
const char *document_text(struct document *document, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Adds a line "label: text" under the title. */
void document_fact(struct document *document, const char *label, const char *text);
void document_paragraph(struct document *document, const char *text);
void document_note(struct document *document, const char *text);

/* Begins a section. The columns are borrowed; the section stays where it is. */
struct document_section *document_section(struct document *document, const char *title,
                                          const struct document_column *columns,
                                          uint32_t column_count, uint32_t key_columns);

/* Adds a row; gives its values, all empty. */
struct document_value *document_row(struct document *document, struct document_section *section);

/* Adds the sum of the rows since the last subtotal (or the beginning), or of all rows. */
void document_subtotal(struct document *document, struct document_section *section,
                       const char *label);
void document_total(struct document *document, struct document_section *section, const char *label);

/* A copy of columns that are not static, as long-lived as the document. */
const struct document_column *
document_columns(struct document *document, const struct document_column *columns, uint32_t count);

/* Values. The text must outlive the document. */
struct document_value value_text(const char *text);
struct document_value value_number(int64_t number);

#define VALUE_SIZE 96 /* Bytes, any number of a value as text with its end mark. */

/* A value that is no text as people read it: "1,234.50", "红字1,234.50" below zero, "2026-03-05",
 * "70.00%"; empty when it is not set. `grouped` false leaves the thousands separators out. Gives
 * `ret_text`. */
const char *value_format(enum value_kind kind, const struct document_value *value, bool grouped,
                         char ret_text[VALUE_SIZE]);

/* The canonical CSV body; malloc'ed, *ret_size bytes, freed by the caller. */
char *document_csv_body(const struct document *document, size_t *ret_size);

/* Adds up the controls and makes the digest. False, with the fault, when a sum leaves 64 bits. */
bool document_seal(struct document *document, struct document_fault *fault);

/* The digest in hexadecimal, lower case. Gives `ret_text`. */
char *document_digest_text(const struct document *document, char ret_text[2 * SHA256_SIZE + 1]);

/* Who signs, in order: 制表人 … ; *ret_count of them. Static memory. */
const char *const *document_signatures(size_t *ret_count);

#endif
