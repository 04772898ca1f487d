/* render -- a sealed document as a file that somebody can open.
 *
 * Every renderer writes one whole file at the path it is given and says in the fault why it could
 * not; a half-written file is the caller's to take away (save.h does). The same document gives the
 * same bytes, so files can be compared.
 *
 * Must not know what documents are about. */
#ifndef DOCUMENTS_RENDER_H
#define DOCUMENTS_RENDER_H

#include <jansson.h>

#include "tools/documents/document.h"

enum document_format {
    DOCUMENT_CSV,
    DOCUMENT_JSON,
    DOCUMENT_XLSX,
    DOCUMENT_PDF,
    DOCUMENT_FORMAT_COUNT,
};

/* "csv" … ; static memory. */
const char *document_format_name(enum document_format format);

/* False when the name is none of them. */
bool document_format_parse(const char *name, enum document_format *ret_format);

/* UTF-8 with a byte order mark, because Excel takes a file without one for GBK; CRLF. The last line
 * is the digest of all bytes between the mark and that line. malloc'ed, freed by the caller. */
char *render_csv(const struct document *document, size_t *ret_size);

/* Everything with amounts in fen. A new reference. */
json_t *render_json(const struct document *document);

/* A4 across, a sheet for each section; amounts are numbers. */
bool render_xlsx(const struct document *document, const char *path, struct document_fault *fault);

/* A4, across for tables and upright for letters. */
bool render_pdf(const struct document *document, const char *path, struct document_fault *fault);

/* Writes it in that format. */
bool render_file(const struct document *document, enum document_format format, const char *path,
                 struct document_fault *fault);

#endif
