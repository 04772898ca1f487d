/* save -- files that are whole or not there.
 *
 * A file is written under a temporary name beside its place, made durable and renamed; when any of
 * that fails, nothing of it is left. Must not know what is in them. */
#ifndef DOCUMENTS_SAVE_H
#define DOCUMENTS_SAVE_H

#include "tools/documents/render.h"

/* Writes the document at `path`, in place of what may be there. */
bool save_document(const struct document *document, enum document_format format, const char *path,
                   struct document_fault *fault);

/* The same of any bytes. */
bool save_bytes(const char *path, const char *bytes, size_t size, struct document_fault *fault);

/* SHA-256 of a file. */
bool save_digest(const char *path, uint8_t ret_digest[SHA256_SIZE], struct document_fault *fault);

/* "FOLDER/NUMBER.ENDING". A letter of the number that means something to a file system, and '%', is
 * written as '%' and two hexadecimal digits, so that two numbers never have one name. False when it
 * does not fit into `size` bytes. */
bool save_path(const char *folder, const char *number, const char *ending, char *ret_path,
               size_t size);

#endif
