/* advice -- what somebody can do about a refusal, in one sentence.
 *
 * Beside the code's own text (types/error.def), which says what is wrong. Must not know commands'
 * inner workings, only their names. */
#ifndef QINGFEN_ADVICE_H
#define QINGFEN_ADVICE_H

#include <stdint.h>

/* What to do about a code; NULL when there is nothing to say beyond its text. Static memory. */
const char *advice_for(uint32_t code);

#endif
