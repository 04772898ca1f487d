/* finding -- the first thing that is wrong with a store, as one sentence with its place. */
#ifndef VERIFY_FINDING_H
#define VERIFY_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#define FINDING_SIZE 1024

struct finding {
    bool found;
    char text[FINDING_SIZE]; /* Without a newline. */
};

/* Notes what is wrong; only the first finding is kept. Returns false, so that a check can note and
 * leave in one line. */
__attribute__((format(printf, 2, 3))) bool finding_set(struct finding *finding, const char *format,
                                                       ...);

/* An amount for a sentence, "-1234.05", as all commands tell people amounts: yuan. In memory of the
 * thread, until the fourth call after this one. */
const char *finding_yuan(int64_t fen);

#endif
