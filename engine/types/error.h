/* error -- the verdicts the engine can give, and the checks a message can fail.
 *
 * A verdict is a business answer that travels back to the sender. A refused message changes
 * nothing and is not remembered: mended, it may come again under the same ids. */
#ifndef TYPES_ERROR_H
#define TYPES_ERROR_H

#include <stdint.h>

enum error_code {
#define X(number, symbol, english, chinese) ERROR_##symbol = (number),
#include "types/error.def"
#undef X
};

/* English text of a code, "unknown code" for others; static memory. */
const char *error_text(uint32_t code);

/* Chinese text of a code; static memory. */
const char *error_text_zh(uint32_t code);

/* Symbol of a code, "MALFORMED"; static memory. */
const char *error_symbol(uint32_t code);

/* Which rule a field broke: tells how `got` and `want` of a failure are to be read. */
enum check {
    CHECK_NONE = 0,
    CHECK_E1,      /* fund_pay_sumamt == its parts. Fen. */
    CHECK_E2,      /* medfee_sumamt == fund + person + hospital. Fen. */
    CHECK_E3,      /* psn_part_amt == accounts + wallet + cash. Fen. */
    CHECK_E4,      /* medfee_sumamt == own pay + over limit + first share + in scope. Fen. */
    CHECK_E5,      /* Sign of an amount: >= 0 on a settlement, <= 0 on a refund. Fen. */
    CHECK_E6,      /* clr_amt == what the engine clears. Fen. */
    CHECK_MISSING, /* A field that must be there is empty. */
    CHECK_LENGTH,  /* got: bytes there; want: bytes allowed. */
    CHECK_CHARSET, /* An id holds something else than visible ASCII; got: position of it. A text is
                    * not UTF-8, or holds a control character; got: CHARSET_TEXT. */
    CHECK_RANGE,   /* got outside what is allowed; want: the bound. */
    CHECK_KNOWN,   /* got is a code that the tables do not hold. */
    CHECK_REFUND,  /* got: this and earlier refunds, want: the original; fen, absolute. */
    CHECK_MATCH,   /* got: here, want: in the original or the session. */
    CHECK_STATE,   /* The code says what stands against it; got: the state, kind or area found for
                    * what the field names, want: the one needed, where there is one. */
    CHECK_PLACE,   /* got: the entry that cannot be read, want: where it stands, shard * 2^56 +
                    * segment * 2^32 + offset. */
    CHECK_COUNT,   /* Number of checks. */
};

#define CHARSET_TEXT (-1)

/* One failed check. A reply names all of them, not only the first. */
struct failure {
    uint16_t code;  /* enum error_code */
    uint16_t field; /* Field number in the message's .proto. */
    uint16_t check; /* enum check */
    int64_t got;
    int64_t want;
};

#define FAILURES_MAX 32

struct failures {
    uint32_t count;
    struct failure list[FAILURES_MAX]; /* In order of detection; more than fit are dropped. */
};

/* Adds one; silently full after FAILURES_MAX. */
static inline void failures_add(struct failures *failures, uint32_t code, uint32_t field,
                                enum check check, int64_t got, int64_t want)
{
    if (failures->count == FAILURES_MAX) return;
    failures->list[failures->count++] =
        (struct failure){(uint16_t)code, (uint16_t)field, (uint16_t)check, got, want};
}

#endif
