/* processor -- can the one we run on do what the programs were compiled for?
 *
 * meson.build asks for x86-64-v3, processors since 2013 to 2015. On an older one the first such
 * instruction would be the end, without a word. Knows nothing else. */
#ifndef UTIL_PROCESSOR_H
#define UTIL_PROCESSOR_H

#include <stdbool.h>

/* For main() to say it with, after the program's name. */
#define PROCESSOR_TOO_OLD                                                               \
    "this processor lacks AVX2, BMI2 or FMA, for which the program was built; without " \
    "-march=x86-64-v3 in meson.build it runs on any"

/* To be asked before anything else. */
bool processor_suffices(void);

#endif
