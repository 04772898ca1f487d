#include "types/ensure.h"

#include <stdio.h>
#include <stdlib.h>

_Noreturn void ensure_failed(const char *condition, const char *file, int line,
                             const char *function)
{
    fprintf(stderr, "qingfen: broken invariant: %s (%s:%d, %s)\n", condition, file, line, function);
    abort();
}
