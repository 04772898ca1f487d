/* failure_text -- a failed check in words, for the people who have to mend the message.
 *
 * Must not know rules: which check failed, and on which values, is told to it. */
#ifndef CODEC_FAILURE_TEXT_H
#define CODEC_FAILURE_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "types/error.h"

/* One English sentence on a failed check of a message of that type (0: of none), NUL-ended, cut at
 * `size`. */
void failure_text(uint16_t type, const struct failure *failure, char *ret_text, size_t size);

/* "E1", "missing", …; static memory. */
const char *check_name(uint32_t check);

#endif
