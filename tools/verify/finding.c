#include "tools/verify/finding.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "types/money.h"

#define YUAN_TEXTS 4  /* No sentence has more amounts. */
#define YUAN_SIZE  32 /* Bytes; any int64 with sign, point and end mark. */

bool finding_set(struct finding *finding, const char *format, ...)
{
    if (finding->found) return false;
    finding->found = true;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(finding->text, sizeof finding->text, format, arguments);
    va_end(arguments);
    return false;
}

const char *finding_yuan(int64_t fen)
{
    static _Thread_local char texts[YUAN_TEXTS][YUAN_SIZE];
    static _Thread_local unsigned turn;
    char *out = texts[turn++ % YUAN_TEXTS];
    const uint64_t size = fen < 0 ? 0 - (uint64_t)fen : (uint64_t)fen;
    snprintf(out, YUAN_SIZE, "%s%" PRIu64 ".%02" PRIu64, fen < 0 ? "-" : "", size / FEN_PER_YUAN,
             size % FEN_PER_YUAN);
    return out;
}
