/* problem -- see problem.h. */
#include "world/linux/problem.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

int problem_set(struct problem *problem, int code, const char *format, ...)
{
    if (problem == NULL) return code;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(problem->text, sizeof problem->text, format, arguments);
    va_end(arguments);
    return code;
}

int problem_of_system(struct problem *problem, int error, const char *path, const char *what)
{
    return problem_set(problem, -error, "%s: %s: %s", path, what, strerror(error));
}
