#include "tools/verify/finding.h"

#include <stdarg.h>
#include <stdio.h>

#include "tools/client/yuan.h"

#define YUAN_TEXTS 4 /* No sentence has more amounts. */

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
    return yuan_format(fen, texts[turn++ % YUAN_TEXTS]);
}
