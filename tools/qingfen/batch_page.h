/* batch_page -- a month's batch as a page for people: head, states, totals, signatures, next. */
#ifndef QINGFEN_BATCH_PAGE_H
#define QINGFEN_BATCH_PAGE_H

#include <stdbool.h>

#include "cycle.pb-c.h"

/* Prints the page. `exceptions` are ExceptionRecord messages of the month, borrowed. The reply's
 * batch is there. */
void batch_page_print(const Qingfen__V1__BatchGetReply *reply, ProtobufCMessage *const *exceptions,
                      size_t exception_count);

/* The head of the batch as CSV, with a header. */
void batch_page_csv(const Qingfen__V1__Batch *batch);

/* What comes next for a batch in a state, and who must act: one sentence, static memory.
 * `is_stale`: it changed since it was computed or published. */
const char *batch_page_next(const char *state, bool is_stale);

#endif
