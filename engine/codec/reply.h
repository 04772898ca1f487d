/* reply -- answers to messages that change something, written by hand: one per settlement.
 *
 * Must not know sessions or frames. */
#ifndef CODEC_REPLY_H
#define CODEC_REPLY_H

#include "types/bytes.h"
#include "types/error.h"

#define REPLY_COMMON_MAX 64 /* Bytes that results may have in common. */

/* What an answer says; views and lists are borrowed. */
struct reply {
    uint16_t type; /* Of the request: names the fields in errors. */
    uint16_t code;
    bool dup;
    struct bytes msgid;
    uint64_t seq;
    int64_t stamp_ms;
    uint32_t period;
    uint32_t orig_period;
    uint32_t shard;
    uint32_t index;    /* In a batch; 0 otherwise. */
    const char *state; /* "ACCRUED", …; "" for none. */
    const struct failure *failures;
    uint32_t failure_count;
};

/* Bytes that reply_encode() needs at most. */
size_t reply_size_max(const struct reply *reply);

/* Writes a Reply message; gives its size. */
size_t reply_encode(const struct reply *reply, uint8_t *out);

/* What results that follow each other have in common, as bytes; zeros to begin. */
struct reply_common {
    int64_t stamp_ms;
    uint32_t period;
    uint32_t orig_period;
    uint32_t shard;
    bool dup;
    const char *state; /* NULL: nothing is known yet. */
    uint8_t size;
    uint8_t bytes[REPLY_COMMON_MAX];
};

/* Writes it as one element of SetlBatchReply.results, with its tag and length. `out` has room for
 * reply_size_max() + 8 bytes. What the result before it said too is taken from *common. */
size_t reply_encode_result(const struct reply *reply, struct reply_common *common, uint8_t *out);

#define BATCH_HEAD_SIZE_MAX 4096

/* Writes what SetlBatchReply has before its results: the code, or the three counts. `out` has room
 * for BATCH_HEAD_SIZE_MAX bytes. */
size_t batch_reply_encode_head(uint32_t accepted, uint32_t duplicate, uint32_t rejected,
                               uint8_t *out);

/* Writes a SetlBatchReply that refuses the batch as a whole. */
size_t batch_reply_encode_refusal(const struct failure *failure, uint8_t *out);

/* Writes an ErrorReply: `out` has room for 512 bytes. */
size_t error_reply_encode(uint32_t code, const char *text, bool closing, uint8_t *out);

/* Writes each failure as a FieldError in the repeated field of that number; gives the place after
 * them. `type` is the request's: it names the fields. */
uint8_t *failures_encode(uint32_t field, uint16_t type, const struct failure *failures,
                         uint32_t count, uint8_t *out);

/* Bytes it needs at most. */
size_t failures_size_max(uint32_t count);

#endif
