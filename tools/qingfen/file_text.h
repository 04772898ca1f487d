/* file_text -- a whole file in memory, for lists that are sent as a whole or not at all. */
#ifndef QINGFEN_FILE_TEXT_H
#define QINGFEN_FILE_TEXT_H

#include "types/bytes.h"

#define FILE_TEXT_MAX (512 * 1024 * 1024) /* Bytes. */

/* Reads `path` ("-": stdin). 0 and the text, freed by the caller with free(ret_text->data); or
 * negative errno, -EFBIG when it is larger than FILE_TEXT_MAX. */
int file_text_read(const char *path, struct bytes *ret_text);

#endif
