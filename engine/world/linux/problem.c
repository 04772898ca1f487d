/* problem -- see problem.h. */
#include "world/linux/problem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

int problem_set(struct problem *problem, int code, const char *format, ...)
{
    if (problem == NULL) return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    return code;
}
