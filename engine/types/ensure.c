#include "types/ensure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void ensure_failed(const char *condition, const char *file, int line,
                             const char *function)
{
    fprintf(stderr, "qingfen: broken invariant: %s (%s:%d, %s)\n", condition, file, line, function);
    abort();
}

_Noreturn void need_failed(const char *what, int error, const char *file, int line)
{
    fprintf(stderr,
            "%s: %s%s%s (%s:%d); stopping. Nothing that was answered is lost: put right what is "
            "missing and start again\n",
            program_invocation_short_name, what, error != 0 ? ": " : "",
            error != 0 ? strerror(-error) : "", file, line);
    _Exit(1);
}

_Noreturn void damage_found(const char *sentence)
{
    fprintf(stderr, "%s: %s; stopping\n", program_invocation_short_name, sentence);
    _Exit(1);
}
