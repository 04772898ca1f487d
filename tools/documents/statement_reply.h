/* statement_reply -- the engine's StmtGetReply as plain data for the paper. */
#ifndef DOCUMENTS_STATEMENT_REPLY_H
#define DOCUMENTS_STATEMENT_REPLY_H

#include "person.pb-c.h"
#include "tools/documents/statement.h"

/* Borrows every text from the reply; lists are freed with statement_paper_done(). False when the
 * reply has no settlement or names a province that takes no part. */
bool statement_paper_read(const Qingfen__V1__StmtGetReply *reply, struct statement_paper *ret_paper,
                          struct document_fault *fault);
void statement_paper_done(struct statement_paper *paper);

#endif
