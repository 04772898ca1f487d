#include "tools/verify/finding.h"

#include <stdarg.h>
#include <stdio.h>

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
