/* outcome -- what became of a record, read from replies without unpacking all of them.
 *
 * A batch of 512 records is answered by 512 little messages, nearly all of which say "done": only
 * the numbers are read here, and a refusal's text when somebody wants it.
 *
 * Must not know connections or files. */
#ifndef CLIENT_OUTCOME_H
#define CLIENT_OUTCOME_H

#include "types/bytes.h"

/* One Reply (common.proto). */
struct outcome {
    uint32_t code;      /* enum error_code; 0: done. */
    uint32_t index;     /* In a batch: place of the record. */
    bool dup;           /* It had been done before. */
    struct bytes reply; /* The whole Reply, borrowed, for outcome_text(). */
};

/* Reads a Reply or an ErrorReply. False: not protobuf of that kind. */
bool outcome_read(struct bytes reply, struct outcome *ret_outcome);

/* The head of a SetlBatchReply. */
struct batch_outcome {
    uint32_t code; /* Not 0: no record was looked at. */
    uint32_t accepted;
    uint32_t duplicate;
    uint32_t rejected;
    struct bytes reply; /* The whole of it, borrowed, for batch_outcome_next(). */
};

/* Reads the numbers of a SetlBatchReply. False: not protobuf of that kind. */
bool batch_outcome_read(struct bytes reply, struct batch_outcome *ret_batch);

/* Walks over the results: *position is 0 to begin. 1 and one outcome; 0: no more; -1: malformed. */
int batch_outcome_next(const struct batch_outcome *batch, size_t *position,
                       struct outcome *ret_outcome);

/* What to tell people of a refusal: the engine's text and every failed check with its field, cut
 * at `size`. Of a Reply, a SetlBatchReply or an ErrorReply (`type` of the frame that held it; the
 * results of a batch are MESSAGE_SETL_POST | MESSAGE_REPLY_BIT). */
void outcome_text(uint16_t type, struct bytes reply, char *ret_text, size_t size);

#endif
